"""The blocks of the page of next best actions, on lists by hand and on small companies."""

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import UsageError
from crmkit.methods.action_inputs import COLUMNS
from crmkit.methods.action_kinds import ACTIONS
from crmkit.methods.action_rounds import next_best_actions
from crmkit.numbers import NBSP
from crmkit.pages import action_rounds, actions
from crmkit.personal import for_readers
from crmkit.plots.actions import action_reach, action_sensitivity

IDS = [f"c{i:03d}" for i in range(200)]


def inputs(n=200):
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"customer_id": IDS[:n], "mrr": 50.0, "churn_risk": rng.beta(1, 3, n),
                         "expected_value": rng.gamma(2, 400, n), "risk_reason": "Contract: no term"})  # fmt: skip
    rows = rows.reindex(columns=["customer_id", *COLUMNS])
    numbers = [name for name, kind in COLUMNS.items() if kind != "text"]
    rows[numbers] = rows[numbers].astype(float)
    rows["segment"] = "Loyal"
    basis = pd.DataFrame({"part": ["worth"], "based on": [""], "customers": [0], "why": ["needs the table orders"]})
    rows.attrs = {"currency": "EUR", "as_of": pd.Timestamp("2026-09-30").to_pydatetime(), "basis": basis}
    return rows


@pytest.fixture(scope="module")
def rows():
    return next_best_actions(inputs(), budget=500, calls=20, holdout=0.2, round_name="autumn")


@pytest.fixture(scope="module")
def nobody():
    return next_best_actions(inputs(4).assign(churn_risk=0.0), round_name="none")


@pytest.fixture(scope="module")
def crm():
    ids = IDS
    ended = ["2026-08-01" if place % 4 == 0 else None for place in range(len(ids))]
    begun = ["2026-01-01"] * 200
    return crmkit.open({"customers": {"customer_id": ids, "created_at": begun, "name": ["Ann <b>"] * 200},
                        "subscriptions": {"subscription_id": ids, "customer_id": ids, "mrr": [50.0] * 200,
                                          "started_at": ["2026-01-01"] * 200, "ended_at": ended}},
                       as_of="2026-09-30")  # fmt: skip


def plain(html):
    return html.text.replace(NBSP, " ")


def test_the_card_says_what_the_list_holds(rows):
    card = actions.card(rows).set_index("metric")["value"]
    acts = rows[rows["group"] == "act"]
    assert card["actions_gain"] == pytest.approx(acts["gain"].sum())
    assert card["actions_count"] == len(acts) == card["actions_calls"]
    assert card["actions_cost"] <= 500


def test_how_sure_names_actions_limits_and_the_way_it_was_found(rows):
    said = plain(actions.how_sure(rows))
    assert "Most of it comes from Retention call" in said
    assert "a budget of €500 and 20 calls" in said
    assert "integer programming" in said
    assert "Success rates are assumptions" in said


def test_a_list_of_nobody_is_said_and_draws_nothing(nobody, crm):
    assert "No action pays for anybody" in plain(actions.how_sure(nobody))
    for frame in (actions.top_list(crm, nobody), actions.by_action(nobody), actions.gain_bars(nobody),
                  actions.reach(nobody), action_rounds.balanced(nobody)):  # fmt: skip
        assert frame.attrs["missing"]
    assert actions.groups(nobody)["customers"].sum() == 4


def test_the_list_shows_the_parts_and_no_names_unless_asked(rows, crm):
    shown = actions.top_list(for_readers(crm), rows, first=3)
    assert len(shown) == 3
    assert shown["gain"].is_monotonic_decreasing
    assert "×" in shown["chance × at stake × success"].iloc[0]
    assert shown["customer"].str.fullmatch(r"C-[0-9A-F]{5}-[0-9A-F]{5}").all()
    assert shown["customer"].is_unique
    named = actions.top_list(for_readers(crm, show_names=True), rows, first=3)["customer"]
    assert named.str.fullmatch(r"Ann <b> \(c\d+\)").all(), "the key tells two of one name apart"
    assert len(actions.top_list(crm, rows, each=2)) == 2  # there is one action


def test_where_customers_stand_adds_up_and_what_is_left_would_pay(rows):
    assert actions.groups(rows)["customers"].sum() == 200
    left = actions.undone(rows)
    assert (left["gain"] > 0).all()
    assert left["customers"].sum() == (rows["group"] == "beyond the limits").sum()
    assert "A further" in plain(actions.next_unit(rows))


def test_pays_from_is_where_the_action_brings_back_its_cost(rows):
    row = actions.by_action(rows).iloc[0]
    acts = rows[rows["group"] == "act"]
    at = (acts["probability"] * acts["value"] * row["pays from"] - acts["cost"]).sum()
    assert at == pytest.approx(0, abs=1e-6)


def test_the_figures_state_what_they_show(rows):
    ax = action_reach(actions.reach(rows))
    assert "make half of the" in ax.crm_alt
    ax = action_sensitivity(rows.attrs["details"].sensitivity)
    assert f"{rows.attrs['details'].sensitivity.attrs['break_even']:.0%}" in ax.crm_alt.replace(NBSP, "")
    assert "Not" not in ax.crm_twin().text
    empty = action_reach(pd.DataFrame({"gain": [], "calls": []}))
    assert "No data" in empty.crm_alt
    assert "No data" in action_sensitivity(rows.attrs["details"].sensitivity.iloc[:0]).crm_alt


def test_the_hold_out_says_its_price_and_what_it_can_show(rows):
    said = plain(action_rounds.held_out(rows))
    held = rows[rows["group"] == "hold-out"]
    assert f"{len(held)} of whom would otherwise get an action" in said
    without = next_best_actions(inputs(), holdout=0, round_name="autumn")
    assert "nobody is held out" in plain(action_rounds.held_out(without)).lower()


def test_all_checks_hold_and_a_broken_list_is_caught(rows, crm):
    now = crm.period("latest")
    good = action_rounds.checked(crm, now, rows)
    assert np.allclose(good["left"], good["right"])
    broken = rows.copy()
    broken.loc[broken["group"] == "hold-out", "group"] = "act"
    bad = action_rounds.checked(crm, now, broken)
    assert (~np.isclose(bad["left"], bad["right"])).sum() >= 3


def test_measured_success_takes_the_place_of_the_assumption():
    found = pd.DataFrame({"action": ["Retention call"], "outcome": ["left"], "success_rate": [0.07]})
    known = {action.name: action for action in actions.terms({}, {}, results=found)}
    assert (known["retention_call"].success_rate, known["retention_call"].source) == (0.07, "measured")
    assert known["cross_sell"].source == "assumed"
    none = action_rounds.former_results(None, None, "")
    assert actions.terms({}, {}, results=none) == ACTIONS


def test_a_round_goes_out_as_a_file_and_comes_back_measured(crm, tmp_path):
    rows = next_best_actions(inputs(), holdout=0.4, round_name="autumn")
    early = rows.assign(as_of="2026-06-30")
    file, now = str(tmp_path / "actions_autumn.csv"), crm.period("latest")
    assert "Written: actions_autumn.csv" in plain(action_rounds.exported(crm, early, str(tmp_path)))
    assert "Ann" not in (tmp_path / "actions_autumn.csv").read_text(encoding="utf-8-sig")
    found = action_rounds.former_results(crm, now, file, window_days=90)
    whole = found[(found["action"] == "all actions") & (found["outcome"] == "left")].iloc[0]
    acts = rows.loc[rows["group"] == "act", "customer_id"]
    assert whole["act"] == pytest.approx(np.mean([IDS.index(name) % 4 == 0 for name in acts]))
    assert "left, of those held out" in plain(action_rounds.brought_words(found))
    shown = action_rounds.brought(found)
    assert shown[["action", "outcome"]].values.tolist() == [
        ["all actions", "left"], ["all actions", "revenue"], ["all actions", "paid"], ["Retention call", "left"]
    ]  # fmt: skip
    later = action_rounds.former_results(crm, now, file, window_days=200)
    assert "too early" in later.attrs["missing"]
    assert action_rounds.brought_words(later).text == ""


def test_nothing_is_written_unless_asked(rows, crm):
    assert "Nothing was written" in plain(action_rounds.exported(crm, rows, ""))
    with pytest.raises(UsageError, match="no list"):
        action_rounds.former_results(crm, crm.period("latest"), "nowhere.csv")


def test_a_past_period_is_decided_on_what_was_known_then(crm):
    now = crm.period("2026-Q2")
    found = actions.planned(crm, now, holdout=0, round_name="q2")
    assert f"{found.attrs['as_of']:%Y-%m-%d}" == "2026-06-30"
    assert "win_back_call" not in set(found["action"])  # nobody had left by then
    later = actions.planned(crm, crm.period("latest"), holdout=0)
    assert (later["action"] == "win_back_call").sum() == 50
    assert np.allclose(*action_rounds.checked(crm, now, found)[["left", "right"]].to_numpy().T)
