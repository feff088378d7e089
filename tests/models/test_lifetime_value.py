"""Lifetime value of the customers in hand: parts, totals, refusals, planted truths of the sample, small data."""

import json

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit import paths
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods import contract_summary, customer_value, purchase_summary, renewal_decisions, repeat_purchases
from crmkit.models import choose_buying, choose_spending, lifetime_value, project
from crmkit.models.projection import BUYING, TENURE, TERMS

WIDER = 3.2905 / 1.96


@pytest.fixture(scope="module")
def sample():
    return crmkit.open(paths.sample_data())


@pytest.fixture(scope="module")
def found(sample):
    return project(sample, by="segment")


@pytest.fixture(scope="module")
def home_shop(sample):
    rows = purchase_summary(sample, by="segment")
    return rows[rows["segment"] == "Home shop"].reset_index(drop=True)


def planted(root, name):
    truths = json.loads((root / "data" / "sample" / "truth.json").read_text(encoding="utf-8"))["truths"]
    return next(truth["value"] for truth in truths if truth["name"] == name)


def test_the_planted_buying_is_found_and_its_model_chosen(root, home_shop):
    truth = planted(root, "bg_nbd")
    choice = choose_buying(home_shop)
    assert choice.title == "BG/NBD"
    rows = choice.model.parameters_.set_index("parameter")
    for name in ("r", "alpha", "a", "b"):
        assert rows.loc[name, "low"] < truth[name] < rows.loc[name, "high"], (name, rows)


def test_the_planted_spending_is_found(root, home_shop):
    truth = planted(root, "gamma_gamma")
    choice = choose_spending(home_shop)
    assert choice.title == "Gamma-Gamma"
    rows = choice.model.parameters_.set_index("parameter")
    for name in ("p", "q", "v"):
        assert rows.loc[name, "low"] < truth[name] < rows.loc[name, "high"], (name, rows)
    given, _ = purchase_means(home_shop)
    assert choice.model.mean_ == pytest.approx(given, rel=0.06)


def purchase_means(rows):
    """Return the mean value of a purchase by hand, customers weighing equally, and how many purchases there are."""
    many = rows["frequency"] + 1
    spent = rows["value"].fillna(0) * rows["frequency"] + rows["first_value"]
    return float((spent / many).mean()), int(many.sum())


def test_a_purchase_summary_equals_plain_pandas(sample):
    orders = pd.read_csv(paths.sample_data() / "orders.csv", dtype={"customer_id": str}, parse_dates=["ordered_at"])
    orders = orders[orders["amount"] >= 0].assign(day=lambda rows: rows["ordered_at"].dt.normalize())
    end, cut = pd.Timestamp("2026-03-31"), pd.Timestamp("2025-03-31")
    days = orders.groupby(["customer_id", "day"], as_index=False)["amount"].sum().sort_values(["customer_id", "day"])
    found = purchase_summary(sample, until="2025-03-31", unit="day", holdout_until="2026-03-31").set_index(
        "customer_id"
    )
    before = days[days["day"] <= cut].groupby("customer_id")
    assert (found["frequency"] == before.size() - 1).all()
    assert (found["recency"] == (before["day"].max() - before["day"].min()).dt.days).all()
    assert (found["T"] == (cut - before["day"].min()).dt.days).all()
    again = days[days["day"] <= cut][lambda rows: rows.groupby("customer_id").cumcount() > 0]
    means = again.groupby("customer_id")["amount"].mean().reindex(found.index)
    assert found["value"].to_numpy() == pytest.approx(means.to_numpy(), nan_ok=True)
    after = (
        days[(days["day"] > cut) & (days["day"] <= end)].groupby("customer_id").size().reindex(found.index).fillna(0)
    )
    assert (found["holdout_purchases"] == after).all()
    assert found.attrs["holdout"] == 365
    assert found.attrs["orders"] == len(orders[orders["day"] <= cut])


def test_later_rows_and_their_order_change_nothing():
    rows = pd.DataFrame({"customer_id": list("aab"), "amount": [1.0, 2.0, 3.0],
                         "ordered_at": pd.to_datetime(["2026-01-01", "2026-01-08", "2026-01-15"])})  # fmt: skip
    later = pd.DataFrame({"customer_id": ["a", "c"], "amount": [9.0, 9.0],
                          "ordered_at": pd.to_datetime(["2026-03-01", "2026-03-02"])})  # fmt: skip
    one = purchase_summary(rows, until="2026-01-15")
    other = purchase_summary(pd.concat([later, rows[::-1]], ignore_index=True), until="2026-01-15")
    pd.testing.assert_frame_equal(one, other)
    assert one[["frequency", "recency", "T"]].values.tolist() == [[1, 1, 2], [0, 0, 0]]


def test_days_of_repeat_purchases_add_up(sample):
    summary = purchase_summary(sample)
    days = repeat_purchases(sample)
    assert days["repeat"].sum() == summary["frequency"].sum()
    assert days["first"].sum() == len(summary)


def test_summaries_refuse_what_is_wrong(sample):
    with pytest.raises(UsageError, match="2027-01-01 lies after 2026-09-30"):
        purchase_summary(sample, until="2027-01-01")
    with pytest.raises(UsageError, match="holdout_until 2025-01-01 must lie after"):
        purchase_summary(sample, until="2025-03-31", holdout_until="2025-01-01")
    with pytest.raises(UsageError, match="lack the column amount"):
        purchase_summary(pd.DataFrame({"customer_id": ["a"], "ordered_at": ["2026-01-01"]}))
    with pytest.raises(UsageError, match="unit is 'fortnight'"):
        purchase_summary(sample, unit="fortnight")


def test_contracts_and_their_terms_by_hand():
    crm = crmkit.open(
        {
            "subscriptions": {
                "subscription_id": list("1234"), "customer_id": list("aabc"), "mrr": [10.0, 15.0, 8.0, 5.0],
                "started_at": ["2024-01-01", "2025-01-01", "2024-03-01", "2025-12-01"],
                "ended_at": ["2025-01-01", None, "2025-03-01", None],
            },
            "terms": {
                "subscription_id": list("1223"),
                "term_start": ["2024-01-01", "2025-01-01", "2026-01-01", "2024-03-01"],
                "term_end": ["2025-01-01", "2026-01-01", "2027-01-01", "2025-03-01"],
                "outcome": ["renewed", "renewed", "open", "lapsed"],
            },
        },
        as_of="2026-06-30",
    )  # fmt: skip
    rows = contract_summary(crm).set_index("customer_id")
    assert rows["lost"].to_dict() == {"a": False, "b": True, "c": False}
    assert rows.loc["a", ["mrr", "term", "termed"]].tolist() == [15.0, 3, True]
    assert rows.loc["a", "months_left"] == pytest.approx(
        (pd.Timestamp("2027-01-01") - pd.Timestamp("2026-07-01")).days / 30.4375
    )
    assert not rows.loc["c", "termed"]
    assert renewal_decisions(crm).drop(columns="customer_id").values.tolist() == [[1, 1, 0], [2, 1, 0], [1, 0, 1]]
    earlier = contract_summary(crm, until="2024-12-31").set_index("customer_id")
    assert not earlier["lost"].any()
    assert earlier.loc["a", ["mrr", "term"]].tolist() == [10.0, 1]
    assert len(renewal_decisions(crm, until="2024-12-31")) == 0


def test_each_customer_has_one_row_and_the_parts_add_up(sample, found):
    rows = found.customers
    assert rows["customer_id"].is_unique
    orders, runs = sample.orders.to_pandas(), sample.subscriptions.to_pandas()
    assert set(rows["customer_id"]) == set(orders.loc[orders["amount"] >= 0, "customer_id"]) | set(runs["customer_id"])
    parts, whole = found.totals.iloc[:-1], found.totals.iloc[-1]
    assert (
        whole["expected_value"]
        == pytest.approx(parts["expected_value"].sum())
        == pytest.approx(rows["expected_value"].sum())
    )
    assert whole["low"] < whole["expected_value"] < whole["high"]
    assert set(parts["part"]) == {BUYING, TERMS, TENURE}
    assert rows["mrr"].sum() == pytest.approx(runs.loc[runs["ended_at"].isna(), "mrr"].sum())
    known = rows[rows["expected_value"] > 0]
    assert ((known["low"] <= known["expected_value"]) & (known["expected_value"] <= known["high"])).all()
    assert rows["expected_value"].dropna().is_monotonic_decreasing


def test_wrong_models_are_refused_with_the_reason(found):
    rows = found.choices
    bg = rows[(rows["model"] == "BG/NBD") & (rows["part"] != BUYING)]
    assert (bg["verdict"] == "refused").all()
    assert bg["reason"].str.contains("the end of these contracts is seen").all()
    sbg = rows[(rows["model"] == "sBG") & (rows["part"] == TENURE)]
    assert sbg["reason"].str.contains("have no terms").all()
    buying = rows[(rows["part"] == BUYING) & (rows["verdict"] == "used")].set_index("for")["model"]
    assert buying.to_dict() == {"buying and stopping": "BG/NBD", "value of a purchase": "Gamma-Gamma"}


def test_ended_contracts_count_as_nothing_and_deals_as_unknown(found):
    rows = found.customers
    ended = rows[rows["model"] == "contract ended"]
    assert (ended["p_alive"] == 0).all()
    assert (ended["expected_value"] == 0).all()
    assert ended["note"].str.contains("coming back").all()
    deals = rows[rows["note"].fillna("").str.contains("sales only")]
    assert len(deals) == 4
    assert deals["expected_value"].isna().all()


def test_horizon_discount_and_margins_do_what_they_say(sample, found):
    total = found.totals.iloc[-1]["expected_value"]
    plain = project(sample, by="segment", discount=0.0).totals.iloc[-1]["expected_value"]
    assert total < plain < total * 1.1
    assert project(sample, by="segment", horizon=24).totals.iloc[-1]["expected_value"] > 1.3 * total
    half = project(sample, by="segment", margin=0.5, fee_margin=0.5, discount=0.0).totals
    full = project(sample, by="segment", margin=1.0, fee_margin=1.0, discount=0.0).totals
    assert half["expected_value"].to_numpy() * 2 == pytest.approx(full["expected_value"].to_numpy())
    assert all(0.3 < share < 0.6 for share in found.margins.values())


def test_what_is_known_later_changes_nothing(sample, found):
    then = lifetime_value(sample, until="2025-09-30")
    again = lifetime_value(crmkit.open(paths.sample_data(), as_of="2025-09-30"))
    again = again.set_index("customer_id").loc[then["customer_id"]].reset_index()
    assert then["expected_value"].to_numpy() == pytest.approx(again["expected_value"].to_numpy(), nan_ok=True, rel=1e-6)


def test_the_hold_out_of_the_web_shop(sample):
    rows = purchase_summary(sample, until="2025-09-30", holdout_until="2026-09-30", by="segment")
    rows = rows[rows["segment"] == "Home shop"]
    choice = choose_buying(rows)
    expected = choice.model.predict(rows, rows.attrs["holdout"]).sum()
    assert expected == pytest.approx(rows["holdout_purchases"].sum(), rel=0.1)


def test_it_joins_what_customers_brought(sample):
    more = lifetime_value(sample)[["customer_id", "p_alive", "expected_value"]]
    rows = customer_value(sample, more=more, rank_by="expected_value").to_pandas().sort_values("rank")
    assert rows["expected_value"].iloc[0] == more["expected_value"].max()


def test_without_orders_fees_alone_count():
    runs = {
        "subscription_id": [str(n) for n in range(60)], "customer_id": [str(n) for n in range(60)], "mrr": [10.0] * 60,
        "started_at": ["2025-01-01"] * 60,
        "ended_at": [f"2025-{1 + n % 12:02d}-20" if n < 30 else None for n in range(60)],
    }  # fmt: skip
    found = project(crmkit.open({"subscriptions": runs}, as_of="2026-06-30"), discount=0.0)
    live = found.customers[found.customers["mrr"] > 0]
    assert len(live) == 30
    assert live["expected_value"].between(30, 120).all()
    assert live["expected_purchases"].eq(0).all()


def test_little_data_gives_reasons_instead_of_numbers():
    rows = {"order_id": ["1"], "customer_id": ["a"], "amount": [50.0], "ordered_at": ["2026-01-05"]}
    found = project(crmkit.open({"orders": rows}, as_of="2026-03-31"))
    assert found.customers["expected_value"].isna().all()
    assert "nobody bought again" in found.customers["note"].iloc[0]
    assert found.totals["customers"].tolist() == [0]
    with pytest.raises(NotInThisData, match="needs the table orders or subscriptions"):
        lifetime_value(crmkit.open({"leads": {"lead_id": ["1"], "created_at": ["2026-01-01"]}}))


@pytest.mark.parametrize(
    ("options", "said"),
    [({"horizon": 0}, "horizon is 0"), ({"discount": -1}, "discount is -1"), ({"margin": 1.5}, "margin is 1.5"),
     ({"fee_margin": 0}, "fee_margin is 0"), ({"by": "colour"}, "colour")],
)  # fmt: skip
def test_wrong_options_are_refused(sample, options, said):
    with pytest.raises(UsageError, match=said):
        lifetime_value(sample, **options)


def test_importing_models_is_light():
    import subprocess
    import sys

    code = "import crmkit.models, sys; print(sorted({'sklearn', 'scipy', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_totals_widen_with_fewer_customers(sample):
    whole = project(sample).totals.set_index("part").loc[BUYING]
    assert np.log(whole["high"] / whole["low"]) < 0.3


def test_a_shop_without_contracts_is_valued(sample):
    orders = sample.relations.get("orders")
    bought = orders.select("order_id", "customer_id", "ordered_at", "amount", "opportunity_id")
    shop = crmkit.open({"orders": bought.to_pandas()}, as_of="2026-09-30")
    found = lifetime_value(shop, horizon=12)
    assert found["customer_id"].is_unique
    assert (found["expected_value"].dropna() >= 0).all()
    assert found["expected_value"].notna().sum() > 500
    assert found.loc[found["expected_value"].isna(), "note"].ne("").all(), "who bought through sales only is said to be"
    assert "contract ended" not in set(found["model"])
