"""Campaigns worked by hand: spending across quarters, sales counted once, and what real exports leave open."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from ledgers import ledger, value, values

import crmkit
from crmkit.errors import DataError

MARCH = "2026-03"
CAMPAIGNS = """
    campaign_id | name   | channel | started_at | ended_at   | budget | cost | expected_revenue
    F           | Fair   | Fairs   | 2026-02-14 | 2026-03-14 | 1000   | 2800 | 8000
    S           | Search | Search  | 2026-03-01 | 2026-04-01 | .      | 310  | .
    M           | Mail   | Mail    | 2026-03-10 | .          | 100    | 0    | 500
    N           | New    | Search  | 2026-04-01 | 2026-05-01 | 300    | .    | 100
"""


def opened(as_of="2026-04-30", **tables):
    return ledger(as_of=as_of, **tables)


@pytest.fixture(scope="module")
def spending():
    frame = {"campaigns": CAMPAIGNS}
    return opened(**frame)


def test_spending_is_spread_over_the_days_that_a_campaign_ran(spending):
    # the fair ran 28 days at 100 a day: 15 in February, 13 in March
    found = values(spending, "marketing_spend", "2026-02-01/2026-05-01", every="month")
    assert found == pytest.approx({"2026-02-01": 1500, "2026-03-01": 1300 + 310, "2026-04-01": 0})
    assert value(spending, "marketing_spend", "2026") == pytest.approx(2800 + 310)
    assert value(spending, "campaigns_run", MARCH) == 3
    assert value(spending, "marketing_budget", MARCH) == pytest.approx(1000 * 13 / 28 + 100 * 22 / 52)
    assert value(spending, "expected_revenue", MARCH) == pytest.approx(8000 * 13 / 28 + 500 * 22 / 52)


def test_the_parts_of_all_periods_add_up_to_the_cost(spending):
    for every in ("week", "month"):
        span = "2026-02-02/2026-05-04" if every == "week" else "2026-02-01/2026-05-01"
        parts = spending.measure("marketing_spend", period=span, every=every, intervals=False)
        assert parts.value.sum() == pytest.approx(3110)


def test_the_budget_used_leaves_out_campaigns_that_lack_a_budget_or_a_cost(spending):
    assert value(spending, "budget_used", MARCH) == pytest.approx(1300 / (1000 * 13 / 28 + 100 * 22 / 52))


def test_what_is_assumed_or_left_out_is_said(spending):
    notes = spending.measure("marketing_spend", every="month", period="2026-03-01/2026-05-01").note.tolist()
    assert "without an end" in notes[0]
    assert "some rows carry no amount" in notes[1]
    assert "without an end" not in spending.measure("marketing_spend", period="2026-02").note.item()


def test_a_campaign_that_goes_on_is_counted_up_to_the_data():
    crm = opened(
        as_of="2026-03-11",
        campaigns="""
        campaign_id | started_at | ended_at   | cost
        A           | 2026-03-01 | 2026-03-31 | 300
        """,
    )
    row = crm.measure("marketing_spend", period=MARCH).iloc[0]
    assert row["value"] == pytest.approx(300 * 11 / 30)  # to the end of the 11th
    assert "only the days known" in row["note"]


def test_a_campaign_of_one_moment_has_its_cost_then():
    crm = opened(
        campaigns="""
        campaign_id | started_at       | ended_at         | cost
        A           | 2026-03-31 10:00 | 2026-03-31 10:00 | 300
        B           | 2026-03-01       | 2026-02-01       | 50
        """,
    )
    found = values(crm, "marketing_spend", "2026-02-01/2026-05-01", every="month")
    assert list(found.values()) == [0, 350, 0]


@pytest.fixture(scope="module")
def sales():
    return opened(
        campaigns=CAMPAIGNS,
        orders="""
        order_id | customer_id | ordered_at | amount | cost | campaign_id | opportunity_id | channel
        1        | A           | 2026-03-05 | 1000   | 600  | F           | .              | Shop
        2        | B           | 2026-03-06 | 400    | 100  | .           | d1             | Shop
        3        | C           | 2026-03-07 | 70     | 20   | .           | .              | Search
        4        | A           | 2026-03-08 | -100   | -60  | F           | .              | Shop
        5        | D           | 2026-03-09 | 30     | 10   | X           | .              | Shop
        """,
        opportunities="""
        opportunity_id | customer_id | created_at | closed_at  | outcome | amount | campaign_id
        d1             | B           | 2026-01-05 | 2026-03-06 | won     | 400    | S
        d2             | A           | 2026-01-05 | 2026-03-02 | won     | 1000   | F
        d3             | E           | 2026-01-05 | 2026-03-10 | won     | 55     | S
        d4             | E           | 2026-01-05 | 2026-03-10 | won     | 66     | .
        d5             | E           | 2026-01-05 | 2026-03-10 | lost    | 99     | S
        """,
        customers="""
        customer_id | segment | channel | created_at
        A           | Large   | Partner | 2026-01-01
        B           | Small   | Web     | 2026-01-01
        C           | Small   | Web     | 2026-01-01
        D           | Small   | Web     | 2026-01-01
        E           | Large   | Web     | 2026-01-01
        """,
    )


def test_each_sale_is_counted_once(sales):
    # d1 has order 2; d2 is the order that A placed for the same campaign; d4 names none, d5 is lost
    assert values(sales, "campaign_revenue", MARCH, by="campaign_id") == pytest.approx(
        {"(none)": 0, "F": 900, "S": 455, "X": 0}
    )
    assert value(sales, "campaign_revenue", MARCH) == 1355
    assert value(sales, "unattributed_revenue", MARCH) == 70 + 30
    assert value(sales, "revenue", MARCH) == 1355 + 100 - 55  # all but the deal without an order


def test_the_channel_is_the_campaigns_own(sales):
    expected = {"(none)": 0, "Fairs": 900, "Search": 455}
    assert values(sales, "campaign_revenue", MARCH, by="channel") == expected
    assert values(sales, "campaign_revenue", MARCH, by="campaign.channel") == expected
    assert values(sales, "campaign_revenue", MARCH, by="customer.channel") == {"Partner": 900, "Web": 455}
    assert values(sales, "campaign_revenue", MARCH, by="segment") == {"Large": 955, "Small": 400}
    assert values(sales, "campaign_revenue", MARCH, by="name") == {"(none)": 0, "Fair": 900, "Search": 455}
    roas = values(sales, "roas", MARCH, by="channel")
    assert roas["Fairs"] == pytest.approx(900 / 1300)
    assert roas["Search"] == pytest.approx(455 / 310)


def test_an_unknown_campaign_is_said_and_not_attributed(sales):
    note = sales.measure("campaign_revenue", period=MARCH).note.item()
    assert "does not have" in note


def test_the_margin_leaves_out_what_has_no_cost_and_says_so(sales):
    row = sales.measure("campaign_margin", period=MARCH).iloc[0]
    assert row["value"] == 400 - 40 + 300
    assert "carry no amount" in row["note"]


def test_returns_with_the_published_numbers():
    crm = opened(
        campaigns="""
        campaign_id | started_at | ended_at   | cost
        A           | 2026-03-01 | 2026-04-01 | 50000
        """,
        orders="""
        order_id | customer_id | ordered_at | amount | cost   | campaign_id
        1        | A           | 2026-03-05 | 175000 | 100000 | A
        """,
    )
    found = crm.measure(["marketing_roi", "roas", "marketing_roi_margin"], period=MARCH).value
    assert found.tolist() == pytest.approx([2.5, 3.5, 0.5])


def test_a_return_on_nothing_spent_is_unknown_and_not_infinite():
    crm = opened(
        campaigns=CAMPAIGNS,
        orders="""
        order_id | customer_id | ordered_at | amount | campaign_id
        1        | A           | 2026-03-15 | 500    | M
        """,
    )
    found = crm.measure(["marketing_roi", "roas", "campaign_revenue"], period=MARCH, by="channel").set_index("metric")
    mail = found[found.channel == "Mail"].value
    assert math.isnan(mail["marketing_roi"])
    assert math.isnan(mail["roas"])
    assert mail["campaign_revenue"] == 500


def test_leads_and_their_cost():
    crm = opened(
        campaigns=CAMPAIGNS,
        leads="""
        lead_id | created_at | campaign_id
        1       | 2026-03-05 | F
        2       | 2026-03-06 | F
        3       | 2026-03-07 | S
        4       | 2026-03-07 | .
        5       | 2026-03-07 | X
        6       | 2026-03-07 | N
        """,
    )
    assert values(crm, "cost_per_lead", MARCH, by="channel")["Fairs"] == pytest.approx(650)
    row = crm.measure("campaign_leads", period=MARCH).iloc[0]
    assert row["value"] == 4
    assert "does not have" in row["note"]
    assert "before the campaign that they name began" in row["note"]


def test_responses_by_kind_and_the_rate_where_messages_were_sent():
    crm = opened(
        campaigns=CAMPAIGNS,
        campaign_responses="""
        campaign_id | at         | kind      | customer_id | lead_id
        M           | 2026-03-11 | sent      | A           | .
        M           | 2026-03-11 | sent      | B           | .
        M           | 2026-03-12 | opened    | A           | .
        M           | 2026-03-12 | responded | A           | .
        F           | 2026-03-02 | responded | .           | l1
        X           | 2026-03-02 | responded | .           | .
        """,
        leads="""
        lead_id | created_at | customer_id
        l1      | 2026-03-02 | B
        """,
        customers="""
        customer_id | segment | created_at
        A           | Large   | 2026-01-01
        B           | Small   | 2026-01-01
        """,
    )
    assert value(crm, "campaign_responses", MARCH) == 3
    assert "does not have" in crm.measure("campaign_responses", period=MARCH).note.item()
    assert values(crm, "campaign_responses", MARCH, by="segment") == {"(none)": 1, "Large": 1, "Small": 1}
    assert values(crm, "campaign_reactions", MARCH, by="kind") == {"opened": 1, "responded": 3, "sent": 2}
    assert value(crm, "response_rate", MARCH) == 0.5
    assert value(crm, "responses_per_campaign", MARCH) == 1


def test_without_orders_won_opportunities_are_the_revenue():
    crm = opened(
        campaigns=CAMPAIGNS,
        opportunities="""
        opportunity_id | customer_id | created_at | closed_at  | outcome | amount | campaign_id
        d1             | B           | 2026-01-05 | 2026-03-06 | won     | 400    | S
        d2             | B           | 2026-01-05 | 2026-03-06 | won     | 30     | .
        """,
    )
    found = crm.measure(["campaign_revenue", "unattributed_revenue", "won_revenue"], period=MARCH).value
    assert found.tolist() == [400, 30, 430]
    assert math.isnan(value(crm, "campaign_margin", MARCH))


def test_without_any_sales_the_revenue_is_unknown_and_not_zero(spending):
    found = spending.measure(["campaign_revenue", "marketing_roi"], period=MARCH)
    assert found.value.isna().all()


def test_without_campaigns_responses_and_leads_are_still_counted():
    crm = opened(
        leads="""
        lead_id | created_at | campaign_id
        1       | 2026-03-05 | F
        2       | 2026-03-05 | .
        """,
        campaign_responses="""
        campaign_id | at         | kind
        F           | 2026-03-02 | responded
        """,
    )
    found = crm.measure(["campaign_leads", "campaign_responses", "marketing_spend"], period=MARCH)
    assert found.value.tolist()[:2] == [1, 1]
    assert found.note.tolist()[2] == "not in this data: needs the table campaigns"


def test_money_in_two_currencies_is_refused():
    orders = pd.DataFrame(
        {"order_id": ["1", "2"], "customer_id": ["a", "b"], "ordered_at": ["2026-03-01"] * 2, "amount": [1.0, 2.0],
         "currency": ["EUR", "USD"], "campaign_id": ["F", "F"]}
    )  # fmt: skip
    campaigns = {"campaign_id": ["F"], "started_at": ["2026-03-01"], "cost": [1.0]}
    crm = crmkit.open({"orders": orders, "campaigns": campaigns}, as_of="2026-03-31")
    with pytest.raises(DataError, match="EUR, USD"):
        crm.measure("campaign_revenue", period=MARCH)
