"""How long customers stay and winning takes: by hand, against pandas on the sample, and the censored metric."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.lifetimes import customer_lifetimes, customer_survival, sales_cycle_censored
from crmkit.methods.survival import logrank, median_survival

DEALS = pd.DataFrame(
    [
        ("a", "won", "2026-03-01", "2026-03-11"),  # 10 days
        ("b", "won", "2026-03-01", "2026-03-21"),  # 20
        ("c", "lost", "2026-03-01", "2026-03-06"),  # left out
        ("d", "open", "2026-03-16", None),  # 16 days old when March ends, not won so far
        ("e", "won", "2026-03-21", "2026-04-20"),  # 11 days old when March ends, won on day 30
        ("f", "open", "2026-05-01", None),  # after the period
    ],
    columns=["opportunity_id", "outcome", "created_at", "closed_at"],
)


@pytest.fixture(scope="module")
def sample(root):
    return crmkit.open(root / "data/sample")


def opened(deals: pd.DataFrame = DEALS, as_of: str = "2026-05-31"):
    return crmkit.open({"opportunities": deals}, as_of=as_of)


def test_cycle_by_hand():
    # At risk: 4 at day 10, 2 at day 20 (d left at 16, e at 11): 1 × ¾ × ½ = 0.375, so the median is 20.
    found = sales_cycle_censored(opened(), period="2026-03").iloc[0]
    assert (found["value"], found["n"], found["won"], found["open"]) == (20.0, 4, 2, 2)
    measured = opened().measure("sales_cycle_days", period="2026-03", censored=True).iloc[0]
    assert (measured["value"], measured["n"]) == (20.0, 4.0)
    assert opened().measure("sales_cycle_days", period="2026-03")["value"].item() == 15.0


def test_cycle_month_by_month():
    # April: e won on day 30, d open at 46 days: ½, so 30. May: d 77 and f 31 days old, nothing won: no median.
    found = opened().measure("sales_cycle_days", period="2026-03-01/2026-06-01", every="month", censored=True)
    assert found["n"].to_list() == [4.0, 2.0, 2.0]
    np.testing.assert_array_equal(found["value"], [20.0, 30.0, np.nan])
    assert "no median yet" in found["note"].iloc[2]
    again = sales_cycle_censored(opened(), period="2026-03-01/2026-06-01", every="month")
    np.testing.assert_array_equal(again["value"], found["value"])


def test_cycle_of_those_watched_in_the_period():
    # April: d is at risk from day 16 on, e from day 11 on; e is won on day 30 when both are: ½.
    found = sales_cycle_censored(opened(), period="2026-04", watched="in_period").iloc[0]
    assert (found["value"], found["won"], found["open"]) == (30.0, 1, 1)
    # A lone early win among those that the period saw from the start.
    deals = pd.DataFrame(
        [("a", "won", "2026-04-01", "2026-04-03"), ("b", "open", "2026-01-01", None)], columns=DEALS.columns
    )
    assert sales_cycle_censored(opened(deals), period="2026-04", watched="in_period")["value"].item() == 2.0
    assert sales_cycle_censored(opened(deals), period="2026-04")["value"].item() == 2.0


def test_all_known_is_the_plain_median(sample):
    closed = sample.opportunities.filter(sample.opportunities.outcome != "open").to_pandas()
    crm = crmkit.open({"opportunities": closed}, as_of="2026-09-30")
    found = sales_cycle_censored(crm, period="2023-10-01/2026-10-01")
    won = closed[closed["outcome"] == "won"]
    days = ((won["closed_at"] - won["created_at"]) / pd.Timedelta(days=1)).sort_values()
    assert found["value"].item() == pytest.approx(days.iloc[(len(days) - 1) // 2])
    assert found["open"].item() == 0


def test_measured_by_group_as_by_hand(sample):
    found = sample.measure("sales_cycle_days", period="2026-Q3", by="owner_id", censored=True)
    found = found[found["n"] > 0].reset_index(drop=True)  # who had opportunities only before has a row without a value
    again = sales_cycle_censored(sample, period="2026-Q3", by="owner_id")
    pd.testing.assert_frame_equal(
        found[["owner_id", "value", "low", "high"]], again[["owner_id", "value", "low", "high"]]
    )
    assert (found["n"] == again["n"]).all()
    mean = sample.measure("sales_cycle_days_median", period="2026-Q3")["value"].item()
    assert sample.measure("sales_cycle_days", period="2026-Q3", censored=True)["value"].item() > mean


def test_censored_goes_beside_other_metrics_but_not_into_them():
    found = opened().measure(["sales_cycle_days", "win_rate"], period="2026-03", censored=True)
    assert found["value"].to_list() == [20.0, 2 / 3]
    with pytest.raises(UsageError, match="measure it by itself"):
        opened(DEALS.assign(amount=9.0)).measure("sales_velocity", period="2026-03", censored=True)
    with pytest.raises(UsageError, match="no SQL"):
        opened().sql("sales_cycle_days", period="2026-03", censored=True)


def test_cycle_does_not_know_the_future():
    expected = sales_cycle_censored(opened(as_of="2026-03-31"), period="2026-03")
    later = DEALS[DEALS["created_at"] < "2026-04"]
    pd.testing.assert_frame_equal(sales_cycle_censored(opened(later, "2026-03-31"), period="2026-03"), expected)
    assert expected["value"].item() == 20.0


def test_lifetimes_by_hand():
    subscriptions = pd.DataFrame(
        [
            ("1", "a", "2026-01-01 12:00", "2026-01-11 11:00"),  # 9 whole days, then back
            ("2", "a", "2026-02-01", None),
            ("3", "b", "2026-01-01", "2026-01-11"),  # 10
            ("4", "c", "2026-01-22", None),  # 9 whole days to the last moment of January 31
        ],
        columns=["subscription_id", "customer_id", "started_at", "ended_at"],
    ).assign(mrr=1.0)
    crm = crmkit.open({"subscriptions": subscriptions}, as_of="2026-01-31")
    assert customer_lifetimes(crm).values.tolist() == [[9, False, 1], [9, True, 1], [10, True, 1]]
    later = crmkit.open({"subscriptions": subscriptions}, as_of="2026-02-10")
    assert len(customer_lifetimes(later, returned=True)) == len(customer_lifetimes(later)) + 1
    assert customer_lifetimes(later, period="2026-01-20/2026-02-01").values.tolist() == [[19, False, 1]]


def test_lost_before_acquired_is_left_out_and_counted():
    customers = pd.DataFrame(
        {"customer_id": ["a", "b"], "created_at": ["2025-01-01"] * 2, "acquired_at": ["2026-01-05"] * 2,
         "lost_at": ["2026-01-01", None]}
    )  # fmt: skip
    crm = crmkit.open({"customers": customers}, as_of="2026-01-31")
    found = customer_survival(crm)
    assert (found["at_risk"].iloc[0], found.attrs["left_out"]) == (1, 1)


def test_sample_against_pandas(sample):
    spells = sample.spells.to_pandas()
    first = spells[spells["spell"] == 1]
    until = first["lost_at"].fillna(pd.Timestamp(sample.as_of))
    days = (until - first["acquired_at"]).dt.days
    counted = pd.DataFrame({"days": days, "lost": first["lost_at"].notna()}).value_counts().sort_index()
    found = customer_lifetimes(sample).set_index(["days", "lost"])["customers"].sort_index()
    assert found.to_dict() == counted.to_dict()
    survival = customer_survival(sample)
    assert survival["survival"].is_monotonic_decreasing
    assert survival["at_risk"].iloc[0] == len(first)


def test_groups_of_the_sample(sample):
    lives = customer_lifetimes(sample, by="segment")
    assert lives["customers"].sum() == customer_lifetimes(sample)["customers"].sum()
    curve = customer_survival(sample, by="segment")
    assert list(median_survival(curve)["segment"]) == sorted(set(lives["segment"]))
    test = logrank(lives["days"], lives["lost"], lives["segment"], weights=lives["customers"])
    assert test["degrees"].item() == lives["segment"].nunique() - 1
    assert test["p"].item() < 1e-4  # churn differs between segments, as planted
    two = customer_survival(sample, by=["segment", "kind"])
    assert two.columns[-1] == "segment · kind"


def test_nothing_to_follow():
    with pytest.raises(NotInThisData, match="customers or subscriptions"):
        customer_survival(crmkit.open({"costs": {"month": ["2026-01-01"], "category": ["sales"], "amount": [1.0]}}))
    leads = crmkit.open({"leads": {"lead_id": ["1"], "created_at": ["2026-01-01"]}})
    with pytest.raises(NotInThisData, match="opportunities"):
        sales_cycle_censored(leads, period="2026-01")
    empty = sales_cycle_censored(opened(), period="2026-01")
    assert (empty["n"].item(), empty["value"].isna().item()) == (0, True)
