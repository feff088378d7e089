"""Churn, renewal, recurring revenue and repeat purchases worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from ledgers import ledger, value, values

import crmkit

BRIDGE = ["customers_at_start", "new_customers", "reactivated_customers", "lost_customers", "customers_at_end"]
MRR = ["mrr_at_start", "new_mrr", "reactivation_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr", "mrr"]


def base(*groups: tuple[int, str, str | None], as_of: str = "2026-03-31", **tables):
    """Open a CRM with so many customers acquired and lost on these days."""
    frame = pd.DataFrame(
        [(begun, lost) for size, begun, lost in groups for _ in range(size)], columns=["acquired_at", "lost_at"]
    )
    frame.insert(0, "customer_id", range(len(frame)))
    return crmkit.open({"customers": frame.assign(created_at=frame.acquired_at), **tables}, as_of=as_of)


@pytest.fixture(scope="module")
def vendors():
    """1000 at the start of 2026, 500 gained, 50 lost of whom 10 joined in the year."""
    return base(
        (960, "2025-05-05", None),
        (40, "2025-06-06", "2026-02-02"),
        (490, "2026-01-07", None),
        (10, "2026-01-08", "2026-03-01"),
    )


QUARTER = "2026-Q1"


def test_the_same_quarter_by_three_definitions(vendors):
    assert value(vendors, "churn_rate", QUARTER) == pytest.approx(0.040, abs=1e-12)
    assert value(vendors, "churn_rate_acquired", QUARTER) == pytest.approx(0.10, abs=1e-12)
    assert value(vendors, "churn_rate_average", QUARTER) == pytest.approx(50 / 1225, abs=1e-12)
    assert round(value(vendors, "churn_rate_average", QUARTER), 4) == 0.0408


def test_the_bridge_of_customers_closes(vendors):
    assert vendors.measure(BRIDGE, period=QUARTER).value.tolist() == [1000, 500, 0, 50, 1450]
    assert value(vendors, "retention_rate", QUARTER) == pytest.approx(0.96)
    assert value(vendors, "customers_kept", QUARTER) == 960


def test_churn_against_what_was_acquired_can_exceed_one():
    crm = base((1, "2026-01-05", None), (3, "2025-01-01", "2026-02-01"))
    assert value(crm, "churn_rate_acquired", QUARTER) == 3.0


def test_retention_is_40_percent_and_not_75():
    crm = base((500, "2025-01-01", None), (750, "2025-01-01", "2026-02-01"), (500, "2026-02-02", None))
    assert crm.measure(BRIDGE, period=QUARTER).value.tolist() == [1250, 500, 0, 750, 1000]
    assert value(crm, "retention_rate", QUARTER) == pytest.approx(0.40)


def test_10_000_spent_on_500_customers_kept_are_20_each():
    costs = pd.DataFrame(
        {
            "month": ["2026-01-01", "2026-03-15", "2026-03-15", "2026-04-01"],
            "category": ["retention", "retention", "sales", "retention"],
            "amount": [4_000.0, 6_000.0, 99.0, 77.0],
        }
    )
    crm = base((500, "2025-01-01", None), (20, "2025-01-01", "2026-02-01"), as_of="2026-04-30", costs=costs)
    assert value(crm, "retention_cost", QUARTER) == 20.0


def test_a_customer_acquired_or_lost_at_the_very_edge():
    crm = base((1, "2026-02-01", "2026-03-01"), (1, "2025-01-01", "2026-02-01"))
    # February is [2026-02-01, 2026-03-01): joining on its first moment is joining in it; so is leaving
    assert crm.measure(BRIDGE, period="2026-02").value.tolist() == [1, 1, 0, 1, 1]
    assert crm.measure(BRIDGE, period="2026-01").value.tolist() == [1, 0, 0, 0, 1]
    assert crm.measure(BRIDGE, period="2026-03").value.tolist() == [1, 0, 0, 1, 0]
    assert value(crm, "churn_rate", "2026-02") == 1.0


def test_lost_after_as_of_is_not_lost_yet():
    crm = base((1, "2025-01-01", "2026-03-20"), as_of="2026-03-10")
    assert crm.measure(BRIDGE, period="2026-03").value.tolist() == [1, 0, 0, 0, 1]


def test_lost_reasons_and_segments():
    crm = ledger(
        customers="""
        customer_id | created_at | acquired_at | lost_at    | lost_reason | segment
        A           | 2025-01-01 | 2025-01-01  | 2026-01-05 | price       | Home
        B           | 2025-01-01 | 2025-01-01  | 2026-01-06 | price       | Office
        C           | 2025-01-01 | 2025-01-01  | 2026-01-07 | .           | Home
        D           | 2025-01-01 | 2025-01-01  | .          | .           | .
        """,
        as_of="2026-01-31",
    )
    assert values(crm, "lost_customers", "2026-01", by="lost_reason") == {"price": 2, "(none)": 1}
    assert values(crm, "churn_rate", "2026-01", by="segment") == {"Home": 1.0, "Office": 1.0, "(none)": 0.0}
    assert value(crm, "lost_after_days", "2026-01") == 370  # 369, 370 and 371 days


def test_a_subscriber_who_pauses_comes_back():
    crm = ledger(
        subscriptions="""
        subscription_id | customer_id | started_at | ended_at   | mrr
        1               | A           | 2025-01-01 | 2025-06-01 | 50
        2               | A           | 2026-02-10 | .          | 70
        3               | B           | 2025-01-01 | 2026-01-15 | 40
        4               | B           | 2026-01-15 | .          | 40
        5               | C           | 2026-01-05 | 2026-01-25 | 30
        """,
        as_of="2026-03-31",
    )
    assert crm.measure(BRIDGE, period="2026-01").value.tolist() == [1, 1, 0, 1, 1]  # C comes and goes, B stays
    assert crm.measure(BRIDGE, period="2026-02").value.tolist() == [1, 0, 1, 0, 2]  # A comes back
    assert value(crm, "reactivation_mrr", "2026-02") == 70
    assert value(crm, "churn_rate", "2026-01") == 0.0  # the one lost was no customer at the start


def test_subscriptions_that_overlap_are_one_time_of_being_a_customer():
    crm = ledger(
        subscriptions="""
        subscription_id | customer_id | started_at | ended_at   | mrr
        1               | A           | 2025-01-01 | 2026-03-10 | 10
        2               | A           | 2025-02-01 | 2025-06-01 | 10
        3               | A           | 2025-08-01 | 2025-09-01 | 10
        """,
        as_of="2026-03-31",
    )
    assert values(crm, "lost_customers", "2025-01-01/2026-04-01", every="quarter") == {
        "2025-01-01": 0,
        "2025-04-01": 0,
        "2025-07-01": 0,
        "2025-10-01": 0,
        "2026-01-01": 1,
    }
    assert value(crm, "mrr", "2025-08") == 20


ORDERS = """
order_id | customer_id | ordered_at | amount
1        | A           | 2025-01-01 | 10
2        | A           | 2025-03-01 | 10
3        | A           | 2026-01-10 | 10
4        | B           | 2025-12-01 | 10
"""


def test_a_buyer_is_lost_once_the_days_of_patience_have_passed():
    crm = ledger(orders=ORDERS, as_of="2026-01-31", config={"inactive_after_days": 90})
    # A: 2025-03-01 + 90 days = 2025-05-30, back on 2026-01-10. B: 2025-12-01 + 90 days lies after as_of
    found = values(crm, "lost_customers", "2025-05-01/2025-07-01", every="month")
    assert found == {"2025-05-01": 1, "2025-06-01": 0}
    assert value(crm, "reactivated_customers", "2026-01") == 1
    assert value(crm, "customers_at_end", "2026-01") == 2
    assert value(crm, "lost_after_days", "2025-05") == 149  # from 2025-01-01 to 2025-05-30


def test_a_buyer_is_not_lost_before_the_patience_is_over():
    frame = {"order_id": ["1"], "customer_id": ["A"], "ordered_at": ["2025-01-01"], "amount": [10.0]}
    settings = {"inactive_after_days": 365}
    early = crmkit.open({"orders": frame}, as_of="2025-12-31 23:59:59", config=settings)
    late = crmkit.open({"orders": frame}, as_of="2026-01-01 00:00:01", config=settings)
    assert value(early, "customers_at_end", "2025-12") == 1
    assert value(late, "lost_customers", "2026-01") == 1
    customers = crmkit.open(
        {"orders": frame, "customers": {"customer_id": ["A"], "created_at": ["2025-01-01"]}},
        as_of="2026-06-01",
        config=settings,
    ).customers.to_pandas()
    assert customers.lost_at.item() == pd.Timestamp("2026-01-01")
    assert customers.acquired_at.item() == pd.Timestamp("2025-01-01")


def test_default_patience_is_a_year():
    crm = ledger(orders=ORDERS, as_of="2026-03-31")
    assert value(crm, "lost_customers", "2025-Q4") == 0
    assert value(crm, "reactivated_customers", "2026-Q1") == 0


def test_a_return_neither_makes_nor_keeps_a_customer():
    crm = ledger(
        orders="""
        order_id | customer_id | ordered_at | amount
        1        | A           | 2025-01-01 | 10
        2        | A           | 2025-02-01 | -10
        3        | B           | 2025-02-01 | -5
        """,
        as_of="2025-12-31",
        config={"inactive_after_days": 60},
    )
    assert value(crm, "new_customers", "2025") == 1
    assert value(crm, "lost_after_days", "2025") == 60


def test_what_the_table_customers_says_goes_first():
    crm = ledger(
        customers="""
        customer_id | created_at | acquired_at | lost_at
        A           | 2024-01-01 | 2024-05-01  | 2026-02-01
        """,
        orders="""
        order_id | customer_id | ordered_at | amount
        1        | A           | 2025-01-01 | 10
        """,
        as_of="2026-03-31",
    )
    assert value(crm, "new_customers", "2024-05") == 1
    assert value(crm, "lost_customers", "2026") == 1
    assert value(crm, "lost_customers", "2026-02") == 1


def test_a_won_deal_makes_a_customer():
    crm = ledger(
        opportunities="""
        opportunity_id | customer_id | created_at | closed_at  | outcome
        1              | A           | 2026-01-01 | 2026-01-20 | won
        2              | A           | 2026-01-01 | 2026-02-20 | won
        3              | B           | 2026-01-01 | 2026-02-20 | lost
        """,
        as_of="2026-03-31",
    )
    assert values(crm, "new_customers", QUARTER, every="month") == {"2026-01-01": 1, "2026-02-01": 0, "2026-03-01": 0}
    assert value(crm, "customers_at_end", QUARTER) == 1


def test_one_customer():
    crm = base((1, "2025-01-01", None))
    found = crm.measure([*BRIDGE, "churn_rate", "retention_rate"], period=QUARTER)
    assert found.value.tolist() == [1, 0, 0, 0, 1, 0.0, 1.0]
    assert "fewer than 5" in found.note.iloc[-1]


def test_nobody_at_the_start_makes_churn_unknown():
    crm = base((5, "2026-02-01", None))
    row = crm.measure("churn_rate", period=QUARTER).iloc[0]
    assert math.isnan(row.value)
    assert math.isnan(row.low)
    assert row.denominator == 0
    assert "nothing to measure" in row.note


TERMS = """
subscription_id | term_start | term_end   | amount | outcome
1               | 2025-01-10 | 2026-01-10 | 1200   | renewed
2               | 2025-01-11 | 2026-01-11 | 600    | lapsed
3               | 2025-01-12 | 2026-01-12 | 600    | renewed
4               | 2025-01-13 | 2026-01-13 | 900    | open
5               | 2025-02-01 | 2026-02-01 | 500    | renewed
"""


def test_renewal_leaves_open_terms_out():
    crm = ledger(terms=TERMS, as_of="2026-02-28")
    assert value(crm, "renewal_rate", "2026-01") == pytest.approx(2 / 3)
    assert value(crm, "renewal_rate_value", "2026-01") == pytest.approx(1800 / 2400)


def test_a_term_that_ends_after_as_of_is_open_whatever_it_says():
    crm = ledger(terms=TERMS, as_of="2026-01-11")
    row = crm.measure("renewal_rate", period="2026-01").iloc[0]
    assert (row.value, row.n) == (0.5, 2)
    assert "not over" in row.note


def test_logo_churn_15_percent_and_revenue_churn_9_33():
    """20 customers pay 600; 3 of them, who paid 56, leave."""
    paying = [20, 20, 16] + [32] * 17
    assert sum(paying) == 600
    frame = pd.DataFrame({"subscription_id": range(20), "customer_id": range(20), "mrr": np.array(paying, float)})
    frame["started_at"] = "2025-01-01"
    frame["ended_at"] = [*["2026-01-20"] * 3, *[None] * 17]
    crm = crmkit.open({"subscriptions": frame}, as_of="2026-01-31")
    assert value(crm, "churn_rate", "2026-01") == pytest.approx(3 / 20)
    assert 1 - value(crm, "grr", "2026-01") == pytest.approx(56 / 600)
    assert round(1 - value(crm, "nrr", "2026-01"), 4) == 0.0933


SUBSCRIPTIONS = """
subscription_id | customer_id | started_at | ended_at   | mrr
1               | A           | 2025-01-01 | 2026-01-15 | 100.10
2               | A           | 2026-01-15 | .          | 150.35
3               | B           | 2025-01-01 | 2026-01-20 | 80.20
4               | B           | 2026-01-20 | .          | 50.05
5               | C           | 2025-01-01 | 2026-01-31 | 33.33
6               | D           | 2026-01-31 | .          | 20.02
7               | E           | 2024-01-01 | 2024-12-31 | 10.00
8               | E           | 2026-01-02 | .          | 12.50
"""


def test_the_bridge_of_recurring_revenue_closes_to_the_cent():
    crm = ledger(subscriptions=SUBSCRIPTIONS, as_of="2026-01-31 23:59:59")
    start, new, back, up, down, gone, end = crm.measure(MRR, period="2026-01").value
    assert [new, back, up, down, gone] == pytest.approx([20.02, 12.50, 50.25, 30.15, 33.33], abs=1e-9)
    assert (start, end) == pytest.approx((213.63, 232.92), abs=1e-9)
    assert start + new + back + up - down - gone == pytest.approx(end, abs=1e-9)
    assert value(crm, "grr", "2026-01") == pytest.approx((213.63 - 30.15 - 33.33) / 213.63)
    assert value(crm, "nrr", "2026-01") == pytest.approx((150.35 + 50.05) / 213.63)


def test_moves_depend_on_the_period():
    crm = ledger(
        customers="""
        customer_id | created_at | segment
        A           | 2025-01-01 | Home
        B           | 2025-01-01 | Office
        """,
        subscriptions="""
        subscription_id | customer_id | started_at | ended_at   | mrr
        1               | A           | 2026-01-10 | 2026-02-10 | 10
        2               | A           | 2026-02-10 | .          | 25
        3               | B           | 2026-03-10 | .          | 40
        """,
        as_of="2026-03-31",
    )
    assert values(crm, "new_mrr", QUARTER, every="month") == {"2026-01-01": 10, "2026-02-01": 0, "2026-03-01": 40}
    assert values(crm, "expansion_mrr", QUARTER, every="month") == {"2026-01-01": 0, "2026-02-01": 15, "2026-03-01": 0}
    assert value(crm, "new_mrr", QUARTER) == 65  # seen over the quarter, A starts at 25
    assert value(crm, "expansion_mrr", QUARTER) == 0
    assert values(crm, "new_mrr", QUARTER, by="segment") == {"Home": 25, "Office": 40}


def test_who_comes_and_goes_within_the_period_is_in_no_move():
    crm = ledger(
        subscriptions="""
        subscription_id | customer_id | started_at | ended_at   | mrr
        1               | A           | 2026-01-10 | 2026-02-10 | 10
        2               | B           | 2025-01-10 | .          | 10
        """,
        as_of="2026-03-31",
    )
    assert crm.measure(MRR, period=QUARTER).value.tolist() == [10, 0, 0, 0, 0, 0, 10]


def test_repeat_purchases_do_not_count_returns():
    crm = ledger(
        orders="""
        order_id | customer_id | ordered_at | amount
        1        | A           | 2025-12-31 | 10
        2        | A           | 2026-01-01 | 20
        3        | A           | 2026-01-05 | 30
        4        | B           | 2026-01-02 | 40
        5        | B           | 2026-01-20 | 50
        6        | C           | 2025-06-01 | -5
        7        | C           | 2026-01-09 | 60
        8        | D           | 2026-01-09 | -7
        """,
        as_of="2026-01-31",
    )
    names = ["ordering_customers", "repeat_customers", "repeat_rate", "returning_revenue", "revenue"]
    assert crm.measure(names, period="2026-01").value.tolist() == [3, 1, pytest.approx(1 / 3), 50, 193]
    assert value(crm, "revenue_per_returning_customer", "2026-01") == 50
    # by week B has ordered before its second order; the month's first day is a Thursday in 2026-W01
    weeks = values(crm, "repeat_customers", "2025-12-29/2026-01-26", every="week")
    assert weeks == {"2025-12-29": 0, "2026-01-05": 1, "2026-01-12": 0, "2026-01-19": 1}


def test_a_subscription_that_never_began_or_ended_first_takes_nothing_away():
    crm = ledger(
        subscriptions="""
        subscription_id | customer_id | started_at | ended_at   | mrr
        a               | x           | 2026-01-10 | .          | 10
        b               | y           | .          | 2026-02-10 | 5
        c               | z           | 2026-03-20 | 2026-02-20 | 7
        """,
        as_of="2026-03-31",
    )
    for month in ("2026-01", "2026-02", "2026-03"):
        assert value(crm, "mrr", month) == 10
    assert value(crm, "churned_mrr", "2026-02") == 0
    assert value(crm, "new_mrr", "2026-03") == 0
