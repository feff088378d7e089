"""Reasons of losses: counted by hand, money beside them, and nothing lost on the way."""

import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.lost_reasons import lost_reasons


@pytest.fixture(scope="module")
def small():
    """Four customers lost in March, one in April; orders of the year before, and one from earlier."""
    return crmkit.open(
        {
            "customers": {
                "customer_id": list("abcde"), "created_at": ["2024-01-01"] * 5, "acquired_at": ["2024-01-01"] * 5,
                "lost_at": ["2026-03-10"] * 4 + ["2026-04-02"],
                "lost_reason": ["Price", "Price", "Rival", None, "Rival"],
            },
            "orders": {
                "order_id": list("12345"), "customer_id": list("aabdc"), "amount": [10.0, 99.0, 20.0, 5.0, 65.0],
                "ordered_at": ["2025-06-01", "2024-06-01", "2026-01-01", "2026-02-01", "2026-03-01"],
            },
        },
        as_of="2026-06-30",
    )  # fmt: skip


def test_counted_by_hand(small):
    found = lost_reasons(small, period="2026-03").set_index("lost_reason")
    assert found["count"].to_dict() == {"Price": 2, "Rival": 1, "(none)": 1}
    assert found["value"].to_dict() == {"Price": 30.0, "Rival": 65.0, "(none)": 5.0}
    assert found["share"].iloc[:2].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert found["share"].isna().iloc[2]
    assert found["value_share"].sum() == pytest.approx(1)
    assert found.attrs["unknown"] == 1


def test_over_time_each_period_stands_by_itself(small):
    found = lost_reasons(small, period="2026-03-01/2026-05-01", every="month")
    assert found[["lost_reason", "count"]].values.tolist() == [["Price", 2], ["Rival", 1], ["(none)", 1], ["Rival", 1]]
    assert found["period"].dt.month.tolist() == [3, 3, 3, 4]


def test_the_reasons_add_up_to_the_lost_customers(sample):
    for period in ("2026-Q3", "2025", "2026-06"):
        counted = lost_reasons(sample, period=period)["count"].sum()
        assert counted == sample.measure("lost_customers", period=period)["value"].item()


def test_the_deals_add_up_to_those_lost(sample):
    deals = sample.opportunities.to_pandas()
    lost = deals[
        (deals["outcome"] == "lost") & deals["closed_at"].between("2026-07-01", "2026-10-01", inclusive="left")
    ]
    found = lost_reasons(sample, period="2026-Q3", of="deals")
    assert found["count"].sum() == len(lost)
    assert found["value"].sum() == pytest.approx(lost["amount"].sum())
    assert found["count"].is_monotonic_decreasing


def test_what_is_missing_is_named(small):
    with pytest.raises(NotInThisData, match="no customers were lost in 2025-01"):
        lost_reasons(small, period="2025-01")
    with pytest.raises(NotInThisData, match="opportunities"):
        lost_reasons(small, period="2026-03", of="deals")
    with pytest.raises(UsageError, match="customers, deals"):
        lost_reasons(small, period="2026-03", of="tickets")
    bare = crmkit.open({"customers": {"customer_id": ["a"], "created_at": ["2026-01-01"], "lost_at": ["2026-02-01"]}})
    with pytest.raises(NotInThisData, match=r"customers\.lost_reason"):
        lost_reasons(bare, period="2026-02")
