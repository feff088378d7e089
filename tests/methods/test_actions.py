"""Actions, the best set within limits, the hold-out, what a round brought, and the files: by hand and on the sample."""

import csv as csv_module
import io
import itertools
import zipfile

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit import paths
from crmkit.errors import DataError, NotInThisData, UsageError
from crmkit.methods import action_export as export
from crmkit.methods import action_results as results
from crmkit.methods import action_rounds as rounds
from crmkit.methods.action_inputs import COLUMNS, action_inputs
from crmkit.methods.action_kinds import ACTIONS, Action
from crmkit.methods.action_plan import best_set, success_sensitivity
from crmkit.methods.actions import candidates, with_terms
from crmkit.models.projection import BUYING


def made(rows):
    """Inputs of a few customers, all that is not given unknown."""
    frame = pd.DataFrame(rows).reindex(columns=["customer_id", *COLUMNS])
    kinds = {name: float for name, kind in COLUMNS.items() if kind != "text"}
    frame = frame.astype(kinds | {name: object for name in COLUMNS if name not in kinds})
    frame["segment"] = frame["segment"].fillna("(none)")
    frame.attrs = {"currency": "EUR", "as_of": pd.Timestamp("2026-09-30").to_pydatetime(), "basis": pd.DataFrame()}
    return frame


def options(rng, customers=8, most=3):
    rows = [
        {"customer_id": f"c{c}", "action": f"a{a}", "gain": rng.normal(5, 6), "cost": rng.uniform(1, 9),
         "calls": int(rng.integers(0, 2)), "benefit": 0.0, "success_rate": 0.2}
        for c in range(customers) for a in range(int(rng.integers(1, most + 1)))
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame.assign(benefit=frame["gain"] + frame["cost"])


def by_trying(frame, budget, calls):
    """The best gain of all choices of at most one row a customer, one by one."""
    each = [[None, *group.index] for _, group in frame.groupby("customer_id")]
    best = 0.0
    for choice in itertools.product(*each):
        rows = frame.loc[[place for place in choice if place is not None]]
        if rows["cost"].sum() <= budget and rows["calls"].sum() <= calls:
            best = max(best, rows["gain"].sum())
    return best


# ---- what an action brings


def test_the_gain_of_a_call_is_worked_by_hand():
    rows = made([{"customer_id": "a", "mrr": 50, "churn_risk": 0.4, "expected_value": 600}])
    found = candidates(rows, ACTIONS[:1]).iloc[0]
    assert found["benefit"] == pytest.approx(0.4 * 600 * 0.2)
    assert found["gain"] == pytest.approx(48 - 25)
    assert "40.0% may leave" in found["reason"]


def test_a_renewal_offer_pays_the_lower_fee_to_all_who_stay():
    rows = made([{"customer_id": "a", "mrr": 100, "months_left": 1, "churn_risk": 0.5, "expected_value": 1000}])
    found = candidates(rows).set_index("action").loc["renewal_offer"]
    stays = 1 - 0.5 * (1 - 0.25)
    assert found["cost"] == pytest.approx(25 + 0.05 * 1200 * stays)
    assert "retention_call" not in set(candidates(rows)["action"])  # one talk, not two


def test_winning_back_counts_what_is_at_stake_once():
    rows = made([{"customer_id": "a", "part": BUYING, "p_alive": 0.5, "expected_value": 30, "churn_risk": 0.5}])
    found = candidates(rows).set_index("action").loc["win_back_message"]
    assert found["probability"] * found["value"] == pytest.approx(30)  # 0.5 × (30 ÷ 0.5)


def test_who_lacks_a_number_is_left_out_and_counted():
    rows = made([{"customer_id": "a", "mrr": 50, "churn_risk": 0.4}, {"customer_id": "b"}])
    found = candidates(rows)
    assert found.empty
    assert found.attrs["unknown"]["retention_call"] == 1


def test_terms_of_your_own_and_what_cannot_be():
    known = with_terms(costs={"cross_sell": 2}, success_rates={"cross_sell": 0.5}, source="measured")
    mine = next(action for action in known if action.name == "cross_sell")
    assert (mine.cost, mine.success_rate, mine.source) == (2.0, 0.5, "measured")
    with pytest.raises(UsageError, match="no action 'gift'"):
        with_terms(costs={"gift": 1})
    with pytest.raises(UsageError, match=r"success_rate of the action 'cross_sell' is 1\.5"):
        with_terms(success_rates={"cross_sell": 1.5})
    with pytest.raises(UsageError, match="twice"):
        candidates(made([{"customer_id": "a"}, {"customer_id": "a"}]))


def test_an_action_of_your_own_is_a_declaration():
    card = Action(
        "card", "Birthday card", "everybody", who=lambda rows: rows["expected_value"] > 0,
        probability=lambda rows: rows["churn_risk"], value=lambda rows: rows["expected_value"],
        reason=lambda rows, currency: ["a birthday"] * len(rows), cost=1, success_rate=0.1, calls=0,
    )  # fmt: skip
    found = candidates(made([{"customer_id": "a", "churn_risk": 0.5, "expected_value": 100}]), (card,))
    assert found[["gain", "reason"]].values.tolist() == [[4.0, "a birthday"]]


# ---- the best set


@pytest.mark.parametrize("seed", range(6))
def test_the_best_set_is_that_of_trying_all(seed):
    frame = options(np.random.default_rng(seed), customers=6)
    best = by_trying(frame, 12.0, 2)
    exact = best_set(frame, budget=12.0, calls=2)
    greedy = best_set(frame, budget=12.0, calls=2, method="greedy")
    assert exact.attrs["method"] == "exact"
    assert exact.attrs["gain"] == pytest.approx(best)
    assert greedy.attrs["gain"] <= best + 1e-9 <= greedy.attrs["bound"] + 2e-9
    assert greedy.attrs["gap"] == pytest.approx(1 - greedy.attrs["gain"] / greedy.attrs["bound"])


@pytest.mark.parametrize("method", ["exact", "greedy"])
def test_limits_are_kept_and_nobody_is_there_twice(method):
    frame = options(np.random.default_rng(3), customers=300)
    found = best_set(frame, budget=150.0, calls=20, method=method)
    assert found["cost"].sum() <= 150 + 1e-6
    assert found["calls"].sum() <= 20
    assert found["customer_id"].is_unique
    assert (found["gain"] > 0).all()
    assert found.attrs["gap"] < 0.02


def test_the_order_of_rows_changes_nothing():
    frame = options(np.random.default_rng(5), customers=60)
    shuffled = frame.sample(frac=1, random_state=1)
    for method in ("auto", "greedy"):
        one, other = (best_set(rows, budget=60.0, method=method) for rows in (frame, shuffled))
        pd.testing.assert_frame_equal(one, other)


def test_more_than_one_action_a_customer():
    frame = pd.DataFrame({"customer_id": list("aaa"), "action": list("xyz"), "gain": [3.0, 2.0, 1.0], "cost": 1.0,
                          "calls": 0})  # fmt: skip
    assert best_set(frame, most=2)["action"].tolist() == ["x", "y"]


def test_no_limit_at_all_and_none_left_and_nothing_to_choose():
    frame = options(np.random.default_rng(1))
    whole = frame[frame["gain"] > 0].groupby("customer_id")["gain"].max().sum()
    assert best_set(frame).attrs["gain"] == pytest.approx(whole)
    assert len(best_set(frame, budget=0)) == 0
    assert best_set(frame.assign(gain=-1.0)).attrs["gain"] == 0
    assert best_set(frame.iloc[:0]).attrs["method"] == "exact"


def test_a_search_out_of_time_falls_back_and_says_so():
    frame = options(np.random.default_rng(2), customers=4000)
    found = best_set(frame, budget=3000.0, calls=300, seconds=1e-6)
    assert found.attrs["method"] == "greedy"
    assert "search for the best set" in found.attrs["why"]
    assert found.attrs["gap"] < 0.01


@pytest.mark.parametrize("wrong", [{"budget": -1}, {"calls": -1}, {"most": 0}, {"method": "magic"}, {"seconds": 0}])
def test_wrong_limits_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        best_set(options(np.random.default_rng(0)), **wrong)


def test_sensitivity_is_a_line_and_crosses_zero_where_it_says():
    frame = options(np.random.default_rng(4), customers=40)
    chosen = best_set(frame, budget=50.0)
    found = success_sensitivity(frame, chosen, budget=50.0, factors=(0.0, 0.5, 1.0))
    assert found["planned"].iloc[0] == pytest.approx(-chosen.attrs["cost"])
    assert found["planned"].iloc[2] == pytest.approx(chosen.attrs["gain"])
    assert (found["best"] >= found["planned"] - 1e-9).all()
    even = found.attrs["break_even"]
    at = success_sensitivity(frame, chosen, budget=50.0, factors=(even,))["planned"].iloc[0]
    assert at == pytest.approx(0, abs=1e-9)


# ---- the hold-out


def test_the_lot_is_the_same_for_ever_and_of_nobody_else():
    names = [f"c{i}" for i in range(3000)]
    held = rounds.hold_out(names, "spring", share=0.2)
    again = rounds.hold_out([*names[::-1], "new"], "spring", share=0.2)
    assert (held == again[held.index]).all()
    assert abs(held.mean() - 0.2) < 0.03
    other = rounds.hold_out(names, "summer", share=0.2)
    assert abs((held & other).mean() - 0.04) < 0.015  # another round draws anew
    assert rounds.hold_out(names, "spring", share=0.1).loc[lambda lot: lot].index.isin(held[held].index).all()
    drawn = rounds.hold_out(names[:30], "spring", share=0.2)
    assert drawn[drawn].index.tolist() == ["c1", "c18", "c19", "c20", "c29"]  # no later version may draw otherwise


def crowd(n=1500, seed=0):
    rng = np.random.default_rng(seed)
    return made({"customer_id": [f"c{i:04d}" for i in range(n)], "mrr": 50.0, "churn_risk": rng.beta(1, 4, n),
                 "expected_value": rng.gamma(2, 400, n)})  # fmt: skip


def test_a_list_has_everybody_once_and_leaves_the_hold_out_alone():
    rows = rounds.next_best_actions(crowd(), budget=3000, calls=100, holdout=0.2, round_name="r1")
    assert rows["customer_id"].is_unique
    assert len(rows) == 1500
    acts, held = rows[rows["group"] == "act"], rows[rows["group"] == "hold-out"]
    assert not rounds.hold_out(acts["customer_id"], "r1", share=0.2).any()
    assert rounds.hold_out(held["customer_id"], "r1", share=0.2).all()
    assert acts["cost"].sum() <= 3000
    assert acts["calls"].sum() <= 100
    assert 0.15 < len(held) / len(acts) < 0.35  # as many fewer as there are fewer to choose from
    assert acts["gain"].min() == pytest.approx(held["gain"].min(), rel=0.25)  # the same cut


def test_lots_are_balanced_as_often_as_chance_has_it_and_a_list_by_hand_is_not():
    rows = crowd(600).assign(gain=1.0)
    verdicts = []
    for name in map(str, range(80)):
        held = rounds.hold_out(rows["customer_id"], name, share=0.3).to_numpy()
        verdicts += rounds.balance(rows.assign(group=np.where(held, "hold-out", "act")))["verdict"].tolist()
    verdicts = [verdict for verdict in verdicts if verdict != "the same for all"]
    assert 0.01 < np.mean([verdict == "more than chance makes likely" for verdict in verdicts]) < 0.10
    unfair = rows.assign(group=np.where(rows["churn_risk"] > 0.25, "act", "hold-out"))
    assert rounds.balance(unfair).set_index("what").loc["risk", "verdict"] == "more than chance makes likely"


def test_order_of_rows_and_later_customers_change_no_lot():
    people = crowd(300)
    one = rounds.next_best_actions(people, round_name="r")
    shuffled = people.sample(frac=1, random_state=2).reset_index(drop=True)
    shuffled.attrs = people.attrs
    pd.testing.assert_frame_equal(one, rounds.next_best_actions(shuffled, round_name="r"))
    assert len(pd.concat([one, one.copy()])) == 600  # what is in attrs does not get in the way


# ---- what a round brought


def former_and_crm(effect, n=800, seed=0, as_of="2026-12-31"):
    """A round of calls on 1 September, with every second customer held out; those called leave less by `effect`."""
    rng = np.random.default_rng(seed)
    ids = [f"c{i:04d}" for i in range(n)]
    held = np.arange(n) % 2 == 0
    leaves = rng.random(n) < np.where(held, 0.5, 0.5 * (1 - effect))
    ended = [("2026-10-01" if leave else None) for leave in leaves]
    crm = crmkit.open({"subscriptions": {"subscription_id": ids, "customer_id": ids, "started_at": ["2026-01-01"] * n,
                                         "ended_at": ended, "mrr": [30.0] * n}}, as_of=as_of)  # fmt: skip
    former = pd.DataFrame({"round": "autumn", "as_of": "2026-09-01", "customer_id": ids, "probability": 0.5,
                           "group": np.where(held, "hold-out", "act"), "action": "retention_call",
                           "title": "Retention call", "value": 300.0})  # fmt: skip
    return former, crm


def test_a_planted_effect_is_found_within_its_interval():
    former, crm = former_and_crm(0.4)
    found = results.round_results(crm, former).set_index(["action", "outcome"])
    row = found.loc[("Retention call", "left")]
    assert row["low"] <= -0.2 <= row["high"] < 0
    assert row["verdict"] == "better"
    assert results.measured_success(found.reset_index())["retention_call"] == pytest.approx(0.4, abs=0.15)
    revenue = found.loc[("all actions", "revenue")]
    assert revenue["brought"] == pytest.approx(revenue["difference"] * 400)
    assert revenue["low"] > 0


def test_no_effect_is_no_more_than_noise_and_measures_nothing():
    former, crm = former_and_crm(0.0, seed=3)
    found = results.round_results(crm, former)
    assert set(found.loc[found["outcome"] == "left", "verdict"]) == {"no more than noise"}
    assert results.measured_success(found) == {}


def test_fees_of_the_window_are_counted_to_the_day():
    former, crm = former_and_crm(0.0)
    found = results.round_results(crm, former, window_days=30).set_index(["action", "outcome"])
    whole = 30.0 * 30 / (365.25 / 12)
    left, hold = found.loc[("all actions", "left"), "hold"], found.loc[("all actions", "revenue"), "hold"]
    assert hold == pytest.approx(whole * (1 - left) + left * whole * 29 / 30)  # left on the 30th of the 30 days


def test_it_is_too_early_while_the_window_runs():
    former, crm = former_and_crm(0.4, as_of="2026-11-15")
    assert "too early" in results.round_results(crm, former).attrs["missing"]
    former["group"] = "act"
    crm = former_and_crm(0.4)[1]
    assert "nobody was held out" in results.round_results(crm, former).attrs["missing"]


def test_few_on_a_side_say_nothing():
    former, crm = former_and_crm(0.4)
    found = results.round_results(crm, former.head(12))
    assert found["verdict"].str.startswith("too few").all()


def test_a_list_that_is_none_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no list"):
        results.read_list(tmp_path / "none.csv")
    good = former_and_crm(0.0)[0].head(3)
    with pytest.raises(DataError, match="lacks the column 'group'"):
        results.check_list(good.drop(columns="group"))
    with pytest.raises(DataError, match="probability in row 2 is 'much'"):
        results.check_list(good.assign(probability=["much", "0.1", "0.2"]))
    with pytest.raises(DataError, match="the group 'maybe'"):
        results.check_list(good.assign(group="maybe"))


# ---- the files

EVIL = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "'=1", "http://a.example", "00042"]


def evil_list():
    rows = made([{"customer_id": name, "segment": name, "mrr": 50, "churn_risk": 0.9, "expected_value": 900,
                  "risk_reason": name} for name in EVIL])  # fmt: skip
    return rounds.next_best_actions(rows, holdout=0, round_name="=cmd")


def test_nothing_in_the_csv_runs_and_it_reads_back_as_it_was(tmp_path):
    rows = evil_list()
    csv, _ = export.write_list(rows, tmp_path / "new")
    text = csv.read_text(encoding="utf-8-sig")
    for line in text.splitlines():
        for cell in next(csv_module.reader([line])):
            assert not cell.lstrip().startswith(("=", "+", "@")), cell
    back = results.read_list(csv)
    assert sorted(back["customer_id"]) == sorted(EVIL)
    assert back["gain"].tolist() == pytest.approx(rows["gain"].tolist())


def test_the_workbook_holds_text_and_numbers_and_no_formula():
    rows = export.for_export(evil_list())
    book = zipfile.ZipFile(io.BytesIO(export.as_xlsx(rows)))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert 'state="frozen"' in sheet
    shared = book.read("xl/sharedStrings.xml").decode()
    assert "=1+1" in shared
    assert "00042" in shared


def test_the_same_list_makes_the_same_bytes():
    rows = export.for_export(evil_list())
    assert export.as_csv(rows) == export.as_csv(rows)
    assert export.as_xlsx(rows) == export.as_xlsx(rows)


def test_personal_columns_only_where_asked_for():
    crm = crmkit.open({"customers": {"customer_id": ["a"], "created_at": ["2026-01-01"], "name": ["=Ann"],
                                     "email": ["a@example.com"]}})  # fmt: skip
    rows = rounds.next_best_actions(made([{"customer_id": "a"}]), holdout=0, round_name="r").assign(name="Ann")
    assert not {"name", "email", "phone"} & set(export.for_export(rows))
    asked = export.for_export(rows, crm, personal=True)
    assert asked[["name", "email"]].values.tolist() == [["=Ann", "a@example.com"]]
    assert b"'=Ann" in export.as_csv(asked)
    with pytest.raises(UsageError, match="need the Crm"):
        export.for_export(rows, personal=True)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        export.write_list(evil_list(), tmp_path / "file")


# ---- what is known of customers


def test_without_models_the_simple_rules_answer_and_say_why():
    crm = crmkit.open({"orders": {"order_id": ["1", "2"], "customer_id": ["a", "b"], "amount": [50.0, 9.0],
                                  "cost": [30.0, None], "ordered_at": ["2026-01-05", "2026-03-05"]}},
                      as_of="2026-03-31")  # fmt: skip
    found = action_inputs(crm)
    assert found["expected_value"].tolist() == pytest.approx([20.0, 3.6])  # margin 40% of those with a cost
    basis = found.attrs["basis"].set_index("part")
    assert "nobody bought again" in basis.loc["worth", "why"]
    assert basis.loc["contract", "why"] == "needs the table subscriptions"
    assert basis.loc["risk without a contract", "based on"] == ""
    assert len(rounds.next_best_actions(found)) == 2


def test_customers_alone_and_no_customer_at_all():
    crm = crmkit.open({"customers": {"customer_id": ["a"], "created_at": ["2026-01-01"], "segment": ["Small"]}})
    found = action_inputs(crm)
    assert found["segment"].tolist() == ["Small"]
    assert rounds.next_best_actions(found)["group"].tolist() == ["no occasion"]
    with pytest.raises(NotInThisData):
        action_inputs(crmkit.open({"leads": {"lead_id": ["a"], "created_at": ["2026-01-01"]}}))


def test_what_is_overdue_and_how_much_of_it_stays():
    crm = crmkit.open({
        "orders": {"order_id": list("1234"), "customer_id": list("abcd"), "amount": [100.0, 300.0, 50.0, 80.0],
                   "ordered_at": ["2026-01-05", "2026-01-06", "2026-05-01", "2026-06-20"]},
        "payments": {"payment_id": ["1"], "order_id": ["1"], "customer_id": ["a"], "amount": [100.0],
                     "paid_at": ["2026-05-02"]}}, as_of="2026-06-30")  # fmt: skip
    found = action_inputs(crm).set_index("customer_id")
    assert found["owed"].dropna().to_dict() == {"b": 300.0, "c": 50.0}  # d is not due yet
    assert found.loc["b", "unpaid_chance"] == pytest.approx(300 / 400)  # of 400 overdue 90 days ago


def test_low_answers_are_the_last_ones():
    crm = crmkit.open({
        "customers": {"customer_id": list("abc"), "created_at": ["2026-01-01"] * 3},
        "surveys": {"response_id": list("1234"), "customer_id": list("aabc"), "survey": ["nps", "nps", "nps", "csat"],
                    "score": [2, 9, 6, 3], "scale_min": [0, 0, 0, 1], "scale_max": [10, 10, 10, 5],
                    "answered_at": ["2026-06-01", "2026-06-20", "2026-06-20", "2026-06-21"]}},
        as_of="2026-06-30")  # fmt: skip
    assert action_inputs(crm).dropna(subset="low_score")["customer_id"].tolist() == ["b"]


@pytest.fixture(scope="module")
def sample_inputs():
    return action_inputs(crmkit.open(paths.sample_data()))


def test_on_the_sample_every_part_has_a_model(sample_inputs):
    basis = sample_inputs.attrs["basis"]
    assert (basis["based on"] != "").all()
    assert (basis["customers"] > 0).all()
    assert sample_inputs["customer_id"].is_unique
    known = sample_inputs["churn_risk"].dropna()
    assert known.between(0, 1).all()


def test_on_the_sample_the_exact_set_beats_the_obvious_rule(sample_inputs):
    """The best set gains at least what the highest risks, or the highest values, would gain within the same calls."""
    found = candidates(sample_inputs)
    best = best_set(found, calls=40).attrs["gain"]
    for key in ("probability", "value"):
        calls = found[found["calls"] > 0].sort_values(key, ascending=False).drop_duplicates("customer_id").head(40)
        assert best > calls["gain"].sum()
