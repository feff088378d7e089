"""Leads, pipeline, wins, cycles and velocity worked by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from ledgers import ledger, value, values

import crmkit

MARCH = "2026-03"


@pytest.fixture(scope="module")
def pipeline():
    return ledger(
        opportunities="""
        opportunity_id | owner_id | created_at | closed_at  | outcome | amount | probability | kind      | customer_id
        1              | U1       | 2026-01-10 | 2026-03-11 | won     | 600    | 1           | new       | A
        2              | U1       | 2026-02-10 | 2026-03-05 | lost    | 100    | 0           | new       | B
        3              | U2       | 2026-03-01 | 2026-03-31 | won     | 200    | 1           | expansion | C
        4              | U2       | 2026-03-02 | .          | open    | 400    | 0.5         | new       | D
        5              | U2       | 2026-01-02 | 2026-02-28 | lost    | 300    | 0           | new       | E
        6              | .        | 2026-03-31 | .          | open    | 50     | .           | new       | .
        7              | U1       | 2026-02-01 | 2026-04-01 | won     | 900    | 1           | renewal   | F
        8              | U1       | 2026-04-01 | .          | open    | 70     | 0.1         | new       | .
        """,
        users="""
        user_id | team
        U1      | North
        U2      | South
        """,
        as_of="2026-04-30",
    )


def test_pipeline_in_march(pipeline):
    expected = {
        "opportunities_created": 3,  # 3, 4, 6
        "opportunities_open": 3,  # 4, 6, 7
        "opportunities_worked": 6,  # all but 5 and 8
        "pipeline_value": 400 + 50 + 900,
        "weighted_pipeline": 400 * 0.5 + 900,
        "win_rate": 2 / 3,
        "win_rate_value": 800 / 900,
        "close_rate": 3 / 6,
        "average_deal_size": 400,
        "median_deal_size": 400,
        "won_revenue": 800,
        "new_revenue": 600,
        "sales_cycle_days": (60 + 30) / 2,
        "sales_cycle_days_median": 45,
    }
    found = pipeline.measure(list(expected), period=MARCH)
    assert dict(zip(found.metric, found.value, strict=True)) == pytest.approx(expected)
    assert value(pipeline, "sales_velocity", MARCH) == pytest.approx(6 * 400 * (2 / 3) / 45)


def test_by_owner_and_by_the_owners_team(pipeline):
    by_owner = values(pipeline, "win_rate", MARCH, by="owner_id")
    assert by_owner.pop("(none)", math.nan) != 0  # nothing of theirs closed: unknown, not 0
    assert {owner: rate for owner, rate in by_owner.items() if not math.isnan(rate)} == {"U1": 0.5, "U2": 1.0}
    open_by_team = values(pipeline, "opportunities_open", MARCH, by="owner.team")
    assert open_by_team == {"North": 1, "South": 1, "(none)": 1}


def test_velocity_of_18_deals_is_2_326_15_a_day():
    """Levers of the example: 42,000 a deal, 6 of 25 won (24%), 78 days. 25 deals closed are at least 25 worked on."""
    won = [("2026-01-01", "2026-03-20", "won", 42_000.0)] * 6
    lost = [("2026-01-01", "2026-03-10", "lost", 10_000.0)] * 19
    frame = pd.DataFrame(won + lost, columns=["created_at", "closed_at", "outcome", "amount"])
    frame.insert(0, "opportunity_id", range(25))
    crm = crmkit.open({"opportunities": frame}, as_of="2026-03-31")
    levers = crm.measure(
        ["opportunities_worked", "average_deal_size", "win_rate", "sales_cycle_days", "sales_velocity"],
        period="2026-Q1",
    ).value.tolist()
    assert levers[:4] == pytest.approx([25, 42_000, 0.24, 78])
    assert levers[4] * 18 / 25 == pytest.approx(2326.15, abs=0.005)


def test_a_deal_that_closes_after_as_of_is_open():
    crm = ledger(
        opportunities="""
        opportunity_id | created_at | closed_at  | outcome | amount
        1              | 2026-03-01 | 2026-03-20 | won     | 100
        2              | 2026-03-01 | 2026-03-10 | won     | 50
        3              | 2026-03-01 | 2026-03-10 | open    | 7
        4              | 2026-03-16 | .          | open    | 1
        """,
        as_of="2026-03-15",
    )
    found = crm.measure(["win_rate", "won_revenue", "opportunities_open", "pipeline_value"], period=MARCH)
    assert found.value.tolist() == [1.0, 50.0, 2.0, 107.0]
    assert crm.opportunities.to_pandas().outcome.tolist().count("open") == 2
    assert found.note.str.contains("not over: known up to 2026-03-15").all()


def test_an_event_at_the_start_belongs_to_the_period_and_one_at_its_end_does_not():
    crm = ledger(
        opportunities="""
        opportunity_id | created_at       | closed_at                  | outcome
        1              | 2026-01-01       | 2026-03-01 00:00:00        | won
        2              | 2026-01-01       | 2026-03-31 23:59:59.999999 | lost
        3              | 2026-01-01       | 2026-04-01 00:00:00        | won
        """,
        as_of="2026-04-30",
    )
    row = crm.measure("win_rate", period=MARCH).iloc[0]
    assert (row.value, row.n) == (0.5, 2)
    assert value(crm, "win_rate", "2026-04") == 1.0
    assert value(crm, "opportunities_open", "2026-03") == 1
    assert value(crm, "opportunities_worked", "2026-03") == 3
    assert value(crm, "opportunities_worked", "2026-04") == 1


def test_win_rate_by_value_is_withheld_where_lost_deals_carry_no_amount():
    for lost in ("0", "."):
        crm = ledger(
            opportunities=f"""
            opportunity_id | created_at | closed_at  | outcome | amount
            1              | 2026-03-01 | 2026-03-20 | won     | 100
            2              | 2026-03-01 | 2026-03-10 | lost    | {lost}
            """,
            as_of="2026-03-31",
        )
        row = crm.measure("win_rate_value", period=MARCH).iloc[0]
        assert math.isnan(row.value)
        assert math.isnan(row.low)
        assert "lost deals carry no amount" in row.note
        assert value(crm, "win_rate", MARCH) == 0.5


def test_win_rate_by_value_where_nothing_was_lost_is_one():
    crm = ledger(
        opportunities="""
        opportunity_id | created_at | closed_at  | outcome | amount
        1              | 2026-03-01 | 2026-03-20 | won     | 100
        """,
        as_of="2026-03-31",
    )
    assert value(crm, "win_rate_value", MARCH) == 1.0


def test_leads_whose_window_is_open_are_left_out_of_conversion():
    crm = ledger(
        leads="""
        lead_id | created_at | converted_at | first_contacted_at
        1       | 2026-01-01 | 2026-01-31   | 2026-01-01 06:00
        2       | 2026-01-02 | 2026-06-01   | 2026-01-02 02:00
        3       | 2026-01-03 | .            | 2026-01-03 10:00
        4       | 2026-01-31 | 2026-02-01   | .
        5       | 2026-02-01 | 2026-02-02   | .
        """,
        as_of="2026-04-30",
    )
    # 90 days after 2026-01-30 is as_of: the window of lead 4 is still open, though it has converted
    row = crm.measure("lead_conversion_rate", period="2026-01").iloc[0]
    assert (row.numerator, row.denominator) == (1, 3)
    assert value(crm, "lead_conversion_rate", "2026-01", window_days=20) == 1 / 4
    assert value(crm, "leads", "2026-01") == 4
    assert math.isnan(value(crm, "lead_conversion_rate", "2026-02"))
    assert value(crm, "lead_follow_up_hours", "2026-01") == 6
    assert value(crm, "lead_follow_up_hours_mean", "2026-01") == 6
    assert value(crm, "lead_contacted_rate", "2026-01") == 0.75


def test_a_conversion_at_the_last_moment_of_the_window_counts():
    crm = ledger(
        leads="""
        lead_id | created_at       | converted_at
        1       | 2026-01-01 10:00 | 2026-04-01 10:00
        2       | 2026-01-01 10:00 | 2026-04-01 10:01
        """,
        as_of="2026-12-31",
    )
    assert value(crm, "lead_conversion_rate", "2026-01") == 0.5


def test_what_comes_before_a_win():
    crm = ledger(
        leads="""
        lead_id | created_at
        L       | 2026-01-01
        """,
        opportunities="""
        opportunity_id | lead_id | created_at | closed_at  | outcome
        1              | L       | 2026-01-20 | 2026-03-02 | won
        2              | .       | 2026-02-20 | 2026-03-22 | won
        3              | L       | 2026-02-20 | 2026-03-30 | lost
        """,
        activities="""
        activity_id | kind    | at         | lead_id | opportunity_id | direction
        a           | call    | 2026-01-11 | L       | .              | out
        b           | email   | 2026-01-25 | .       | 1              | out
        c           | meeting | 2026-03-02 | .       | 1              | in
        d           | call    | 2026-03-03 | .       | 1              | in
        e           | call    | 2026-03-12 | .       | 2              | .
        f           | call    | 2026-03-25 | .       | 3              | out
        """,
        as_of="2026-04-30",
    )
    assert value(crm, "lead_to_win_days", MARCH) == 60  # opportunity 1: 2026-01-01 to 2026-03-02
    assert value(crm, "first_contact_to_win_days", MARCH) == (50 + 10) / 2
    assert value(crm, "touches_to_win", MARCH) == (2 + 1) / 2  # d came after the win
    assert value(crm, "calls_made", MARCH) == 2  # e and f; d came in
    assert values(crm, "activities_made", MARCH, by="kind") == {"call": 3, "meeting": 1}


def test_revenue_from_new_customers_where_no_deal_says_its_kind():
    crm = ledger(
        opportunities="""
        opportunity_id | customer_id | created_at | closed_at  | outcome | amount
        1              | A           | 2026-01-01 | 2026-02-10 | won     | 10
        2              | A           | 2026-01-01 | 2026-03-10 | won     | 20
        3              | B           | 2026-01-01 | 2026-03-11 | won     | 40
        4              | .           | 2026-01-01 | 2026-03-12 | won     | 80
        """,
        orders="""
        order_id | customer_id | ordered_at | amount
        1        | A           | 2026-02-12 | 10
        """,
        as_of="2026-03-31",
    )
    # A ordered in February, so its deal of March is not new; of B and the nameless customer nothing else is known.
    assert values(crm, "new_revenue", "2026-Q1", every="month") == {
        "2026-01-01": 0,
        "2026-02-01": 10,
        "2026-03-01": 120,
    }
    assert value(crm, "new_revenue", "2026-Q1") == 150  # in the quarter A is new in both deals
    assert "have no kind" in crm.measure("new_revenue", period="2026-Q1").note.item()


def test_stages_from_entering_to_leaving():
    crm = ledger(
        opportunities="""
        opportunity_id | owner_id | created_at | closed_at  | outcome
        1              | U1       | 2026-03-01 | 2026-03-20 | won
        2              | U1       | 2026-03-01 | 2026-03-15 | lost
        3              | U2       | 2026-03-01 | .          | open
        """,
        opportunity_stages="""
        opportunity_id | stage | entered_at
        1              | Call  | 2026-03-01
        1              | Offer | 2026-03-11
        1              | Won   | 2026-03-20
        2              | Call  | 2026-03-01
        2              | Lost  | 2026-03-15
        3              | Call  | 2026-03-01
        3              | Offer | 2026-03-07
        """,
        as_of="2026-03-31",
    )
    assert values(crm, "stage_conversion", MARCH, by="stage") == {"Call": pytest.approx(2 / 3), "Offer": 1.0}
    assert values(crm, "stage_days", MARCH, by="stage") == {"Call": pytest.approx((10 + 14 + 6) / 3), "Offer": 9.0}
    assert values(crm, "stage_days", MARCH, by=["stage", "owner_id"])["Call", "U2"] == 6.0


MIXED = """
order_id | customer_id | ordered_at | amount | currency
1        | A           | 2026-03-01 | 100    | EUR
2        | A           | 2026-03-02 | 50     | USD
3        | B           | 2026-03-03 | 10     | .
"""


def test_mixed_currencies_are_refused_with_their_names():
    crm = ledger(orders=MIXED, as_of="2026-03-31")
    with pytest.raises(crmkit.DataError, match=r"orders\.currency holds several currencies: EUR, USD") as caught:
        crm.measure("revenue", period=MARCH)
    assert "rates" in str(caught.value)
    assert value(crm, "ordering_customers", MARCH) == 2  # money is not in it


def test_mixed_currencies_side_by_side():
    crm = ledger(orders=MIXED, as_of="2026-03-31")
    assert values(crm, "revenue", MARCH, by="currency") == {"EUR": 100, "USD": 50, "(none)": 10}


def test_rates_turn_one_currency_into_another():
    crm = ledger(orders=MIXED, as_of="2026-03-31", config={"currency": "EUR", "rates": {"USD": 0.8}})
    assert value(crm, "revenue", MARCH) == pytest.approx(100 + 0.8 * 50 + 10)


def test_a_currency_without_a_rate_is_still_refused():
    crm = ledger(orders=MIXED, as_of="2026-03-31", config={"currency": "EUR", "rates": {"GBP": 1.2}})
    with pytest.raises(crmkit.DataError, match="USD"):
        crm.measure("revenue", period=MARCH)


def test_rows_without_an_amount_are_left_out_and_said():
    crm = ledger(
        opportunities="""
        opportunity_id | created_at | closed_at  | outcome | amount
        1              | 2026-03-01 | 2026-03-20 | won     | 100
        2              | 2026-03-01 | 2026-03-21 | won     | .
        """,
        as_of="2026-03-31",
    )
    row = crm.measure("won_revenue", period=MARCH).iloc[0]
    assert row.value == 100
    assert "carry no amount" in row.note
    assert value(crm, "average_deal_size", MARCH) == 100


def test_an_amount_that_nobody_entered_is_unknown_and_not_0():
    crm = ledger(
        opportunities="""
        opportunity_id | created_at | closed_at  | outcome | amount
        1              | 2026-03-01 | 2026-03-20 | won     | .
        2              | 2026-02-01 | 2026-02-20 | lost    | 5
        """,
        as_of="2026-03-31",
    )
    assert math.isnan(value(crm, "won_revenue", MARCH))
    assert value(crm, "won_revenue", "2026-02") == 0


def test_a_leap_day_is_a_day_like_any_other():
    crm = ledger(
        opportunities="""
        opportunity_id | created_at | closed_at  | outcome | amount
        1              | 2024-02-28 | 2024-02-29 | won     | 100
        2              | 2024-02-29 | 2024-03-01 | won     | 200
        """,
        as_of="2024-03-31",
    )
    assert values(crm, "won_revenue", "2024-Q1", every="month") == {
        "2024-01-01": 0,
        "2024-02-01": 100,
        "2024-03-01": 200,
    }
    assert value(crm, "sales_cycle_days", "2024-Q1") == 1.0
    assert value(crm, "won_revenue", "2024-02-29/2024-03-01") == 100


def test_ties_in_time_are_harmless():
    crm = ledger(
        orders="""
        order_id | customer_id | ordered_at          | amount
        1        | A           | 2026-03-01 10:00:00 | 10
        2        | A           | 2026-03-01 10:00:00 | 10
        """,
        as_of="2026-03-31",
    )
    names = ["revenue", "ordering_customers", "repeat_customers", "new_customers", "customers_at_end"]
    assert crm.measure(names, period=MARCH).value.tolist() == [20, 1, 0, 1, 1]


def test_a_deal_won_on_no_date_is_not_open():
    crm = ledger(
        opportunities="""
        opportunity_id | created_at | closed_at  | outcome | amount | probability
        a              | 2026-01-05 | .          | open    | 100    | 0.5
        b              | 2026-01-06 | .          | won     | 40     | 1
        c              | 2026-01-07 | 2026-03-02 | lost    | 60     | 0.2
        """,
        as_of="2026-03-31",
    )
    assert value(crm, "opportunities_open", "2026-02") == 2
    assert value(crm, "pipeline_value", "2026-02") == 160
    assert value(crm, "weighted_pipeline", "2026-03") == 50
    assert value(crm, "opportunities_worked", "2026-01") == 3, "it was created, and so worked on"
    assert value(crm, "opportunities_worked", "2026-02") == 2
