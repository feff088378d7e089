"""Bridges close: to the customer, and to the cent."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.bridges import bridge_gap, customer_bridge, mrr_bridge

SUBSCRIPTIONS = pd.DataFrame(
    [
        ("1", "a", 100.10, "2025-01-01", "2026-01-15"),  # raised to 140.30
        ("2", "a", 140.30, "2026-01-15", None),
        ("3", "b", 80.00, "2025-01-01", "2026-01-20"),  # lowered to 50.00
        ("4", "b", 50.00, "2026-01-20", None),
        ("5", "c", 30.00, "2025-01-01", "2026-01-31"),  # lost
        ("6", "d", 20.00, "2025-01-01", "2025-06-01"),  # back
        ("7", "d", 25.00, "2026-01-10", None),
        ("8", "e", 60.05, "2026-01-12", None),  # new
    ],
    columns=["subscription_id", "customer_id", "mrr", "started_at", "ended_at"],
)


@pytest.fixture(scope="module")
def crm():
    return crmkit.open({"subscriptions": SUBSCRIPTIONS}, as_of="2026-02-28")


def test_customers_by_hand(crm):
    found = customer_bridge(crm, period="2026-01")
    assert found["value"].to_list() == [3.0, 1.0, 1.0, -1.0, 4.0]
    assert found["kind"].to_list() == ["start", "change", "change", "change", "end"]


def test_money_by_hand(crm):
    found = mrr_bridge(crm, period="2026-01").set_index("step")["value"]
    expected = {"mrr_at_start": 210.10, "new_mrr": 60.05, "reactivation_mrr": 25.0, "expansion_mrr": 40.20,
                "contraction_mrr": -30.0, "churned_mrr": -30.0, "mrr": 275.35}  # fmt: skip
    assert found.to_dict() == pytest.approx(expected)


def test_each_month_goes_on_where_the_last_ended(crm):
    found = mrr_bridge(crm, period="2025-12-01/2026-03-01", every="month")
    ends, starts = (found.loc[found["kind"] == kind, "value"].to_list() for kind in ("end", "start"))
    assert ends[:-1] == pytest.approx(starts[1:])
    assert bridge_gap(found)["closes"].all()


@pytest.mark.parametrize("bridge", [customer_bridge, mrr_bridge])
def test_the_sample_closes(root, bridge):
    sample = crmkit.open(root / "data/sample")
    by_month = bridge(sample, period="2025", every="month", by=["segment", "region"])
    checked = bridge_gap(by_month)
    assert len(checked) > 100
    assert checked["closes"].all()
    whole = bridge(sample, period="2025", every="month").groupby(["period", "step"])["value"].sum()
    pd.testing.assert_series_equal(by_month.groupby(["period", "step"])["value"].sum(), whole, rtol=1e-9)


def test_a_bridge_that_does_not_close_is_told(crm):
    found = customer_bridge(crm, period="2026-01")
    found.loc[1, "value"] += 1
    checked = bridge_gap(found).iloc[0]
    assert (checked["gap"], checked["closes"]) == (-1.0, False)
    with pytest.raises(UsageError, match="lacks kind"):
        bridge_gap(found.drop(columns="kind"))


def test_nobody_moved(crm):
    assert customer_bridge(crm, period="2026-02")["value"].to_list() == [4.0, 0.0, 0.0, 0.0, 4.0]
    with pytest.raises(NotInThisData, match="subscriptions"):
        mrr_bridge(crmkit.open({"leads": {"lead_id": ["1"], "created_at": ["2026-01-01"]}}), period="2026-01")


def test_where_nothing_says_who_left_there_is_no_bridge():
    """Won deals say who came, not who left: a bridge with nobody lost would be made up."""
    deals = {"opportunity_id": ["1"], "customer_id": ["a"], "created_at": ["2026-01-01"], "outcome": ["won"]}
    crm = crmkit.open({"opportunities": {**deals, "closed_at": ["2026-01-05"]}})
    with pytest.raises(NotInThisData, match="lost_customers needs the table subscriptions or orders"):
        customer_bridge(crm, period="2026-01")
