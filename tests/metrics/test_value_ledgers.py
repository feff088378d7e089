"""Order value, margin, payments, lifetime value and acquisition cost worked by hand."""

from __future__ import annotations

import math

import pytest
from ledgers import ledger, value, values

import crmkit
from crmkit.methods.customer_value import customer_value

#: 2026-03: a orders 100 and 50 and sends 30 back, b orders 40 with no known cost, c orders before. 2026-04: a pays.
ORDERS = """
order_id | customer_id | ordered_at | amount | cost | channel
1        | a           | 2026-03-01 | 100    | 60   | Web
2        | a           | 2026-03-31 | 50     | 20   | Phone
3        | a           | 2026-03-15 | -30    | -18  | Web
4        | b           | 2026-03-20 | 40     | .    | Web
5        | c           | 2026-02-28 | 500    | 100  | Web
6        | a           | 2026-04-01 | 7      | 7    | Web
"""
PAYMENTS = """
payment_id | order_id | customer_id | paid_at    | amount
1          | 5        | c           | 2026-03-02 | 450
2          | 1        | a           | 2026-03-30 | 100
3          | 3        | .           | 2026-04-01 | -30
"""
MARCH = "2026-03"


@pytest.fixture(scope="module")
def shop():
    return ledger(as_of="2026-04-30", orders=ORDERS, payments=PAYMENTS)


def test_a_return_is_no_order_and_takes_away_from_revenue(shop):
    assert value(shop, "orders_placed", MARCH) == 3
    assert value(shop, "gross_sales", MARCH) == 190
    assert value(shop, "average_order_value", MARCH) == pytest.approx(160 / 3)
    assert value(shop, "average_order_value_gross", MARCH) == pytest.approx(190 / 3)
    assert value(shop, "median_order_value", MARCH) == 50
    assert value(shop, "orders_per_customer", MARCH) == 1.5
    assert value(shop, "revenue_per_customer", MARCH) == 80


@pytest.mark.parametrize("by", [None, "channel"])
def test_orders_times_order_value_is_revenue_and_frequency_times_value_what_a_customer_brings(shop, by):
    names = ["orders_placed", "average_order_value", "orders_per_customer", "revenue_per_customer", "revenue"]
    found = {name: values(shop, name, MARCH, by) for name in names}
    for group, amount in found["revenue"].items():
        assert found["orders_placed"][group] * found["average_order_value"][group] == pytest.approx(amount)
        each = found["average_order_value"][group] * found["orders_per_customer"][group]
        assert each == pytest.approx(found["revenue_per_customer"][group])


def test_an_order_of_nothing_is_an_order():
    crm = ledger(orders="order_id | customer_id | ordered_at | amount\n1 | a | 2026-03-01 | 0\n2 | a | 2026-03-02 | 8")
    assert value(crm, "average_order_value", MARCH) == 4


def test_only_a_return_makes_no_customer_who_ordered():
    crm = ledger(orders="order_id | customer_id | ordered_at | amount\n1 | a | 2026-03-01 | -9", as_of="2026-03-31")
    assert value(crm, "orders_placed", MARCH) == 0
    for name in ("average_order_value", "orders_per_customer", "revenue_per_customer"):
        assert math.isnan(value(crm, name, MARCH)), name


def test_orders_that_name_nobody_are_orders_but_nobodys():
    orders = """
    order_id | customer_id | ordered_at | amount
    1        | a           | 2026-03-01 | 10
    2        | .           | 2026-03-01 | 90
    """
    crm = ledger(orders=orders)
    assert value(crm, "average_order_value", MARCH) == 50
    found = crm.measure(["orders_per_customer", "revenue_per_customer"], period=MARCH)
    assert found.value.tolist() == [1, 10]
    assert found.note.str.contains("orders that name no customer are left out").all()


def test_what_customers_have_brought_so_far(shop):
    assert values(shop, "customer_value", "2026-02-01/2026-05-01", every="month") == {
        "2026-02-01": 500, "2026-03-01": 660 / 3, "2026-04-01": pytest.approx(667 / 3)}  # fmt: skip
    assert value(shop, "revenue_to_date", MARCH) == 660
    assert value(shop, "buyers_to_date", "2026-02") == 1
    assert values(shop, "customer_value", MARCH, "customer_id") == {"a": 120, "b": 40, "c": 500}


def test_one_row_a_customer_is_what_the_table_of_customers_says(shop):
    table = customer_value(shop).to_pandas().set_index("customer_id").revenue.to_dict()
    assert values(shop, "customer_value", "2026-04", "customer_id") == table


def test_margin_leaves_orders_without_a_cost_out_of_both_parts_and_says_so(shop):
    found = shop.measure(["gross_profit", "gross_margin"], period=MARCH).set_index("metric")
    assert found.value["gross_profit"] == 40 + 30 - 12
    assert found.value["gross_margin"] == pytest.approx(58 / 120)
    assert found.numerator["gross_margin"] == 58
    assert found.denominator["gross_margin"] == 120
    assert all("some orders carry no cost" in note for note in found.note)


def test_no_cost_at_all_is_not_a_cost_of_nothing():
    text = (
        "order_id | customer_id | ordered_at | amount | cost\n1 | a | 2026-03-01 | 10 | .\n2 | a | 2026-02-01 | 8 | 2"
    )
    crm = ledger(orders=text)
    assert math.isnan(value(crm, "gross_margin", MARCH))
    assert math.isnan(value(crm, "gross_profit", MARCH))
    assert value(crm, "gross_margin", "2026-02") == 0.75


def test_receipts_are_payments_and_not_invoices(shop):
    assert value(shop, "receipts", MARCH) == 550
    assert value(shop, "receipts_rate", MARCH) == pytest.approx(550 / 160)
    assert value(shop, "receipts", "2026-04") == -30


def test_what_is_owed_is_all_that_was_ordered_less_all_that_was_paid(shop):
    owed = values(shop, "receivables", "2026-02-01/2026-05-01", every="month")
    assert list(owed.values()) == [500, 110, 147]
    assert values(shop, "receivables", MARCH, "customer_id") == {"a": 20, "b": 40, "c": 50}
    assert values(shop, "receivables", "2026-04", "customer_id") == {"a": 57, "b": 40, "c": 50}  # 3 names order 3 alone
    assert value(shop, "days_sales_outstanding", MARCH) == pytest.approx(110 / 160 * 31)


def test_what_is_owed_needs_both_tables():
    crm = ledger(orders=ORDERS)
    found = crm.measure(["receivables", "receipts_rate", "revenue"], period=MARCH)
    assert found.note.tolist()[:2] == ["not in this data: needs the table payments"] * 2
    assert found.value.tolist()[2] == 160


CUSTOMERS = """
customer_id | created_at | acquired_at | lost_at
a           | 2024-01-01 | 2024-01-01  | .
b           | 2024-01-01 | 2024-01-01  | .
c           | 2024-01-01 | 2024-01-01  | 2025-08-01
d           | 2024-01-01 | 2024-01-01  | 2025-03-31
e           | 2025-05-05 | 2025-05-05  | 2025-06-01
f           | 2026-03-01 | 2026-03-01  | .
g           | 2026-03-31 | 2026-03-31  | .
"""
YEAR = """
order_id | customer_id | ordered_at | amount | cost
1        | a           | 2025-04-01 | 100    | 50
2        | a           | 2025-12-01 | 60     | 30
3        | b           | 2026-03-31 | 80     | 40
4        | a           | 2025-03-31 | 999    | 1
5        | b           | 2026-04-01 | 999    | 1
"""
COSTS = """
month      | category  | amount
2025-12-01 | marketing | 90
2026-02-28 | marketing | 100
2026-02-01 | sales     | 200
2026-03-01 | marketing | 120
2026-03-31 | sales     | 280
2026-03-01 | retention | 5000
2026-03-01 | support   | 5000
2026-03-01 | crm_licence | 5000
"""
DEALS = """
opportunity_id | customer_id | created_at | closed_at  | outcome | kind
1              | f           | 2026-01-01 | 2026-03-01 | won     | new
2              | .           | 2026-01-01 | 2026-03-09 | lost    | new
3              | a           | 2026-01-01 | 2026-03-09 | won     | expansion
4              | b           | 2026-01-01 | 2026-03-31 | lost    | renewal
5              | a           | 2026-01-01 | 2026-02-09 | won     | renewal
6              | a           | 2026-01-01 | .          | open    | new
"""


@pytest.fixture(scope="module")
def company():
    return ledger(as_of="2026-04-30", customers=CUSTOMERS, orders=YEAR, costs=COSTS, opportunities=DEALS)


def test_lifetime_value_looks_back_over_twelve_months_whatever_the_period(company):
    # At 2025-04-01 a, b and c are customers, c is lost in the year: churn ⅓. a orders twice, b once: 240 in 3 orders.
    for period in (MARCH, "2026-Q1", "2026-03-15/2026-04-01"):
        assert value(company, "customer_lifespan_years", period) == pytest.approx(3)
        assert value(company, "clv_simple", period) == pytest.approx(80 * 1.5 * 3)
        assert value(company, "clv_margin", period) == pytest.approx(80 * 1.5 * 3 * 0.5)
        assert value(company, "margin_per_customer_month", period) == pytest.approx(120 * 0.5 / 12)


def test_the_textbook_value():
    """50 an order, 4 orders a year, a fifth lost each year: 50 × 4 × 5 = 1,000, as the formula is usually taught."""
    days = ["2025-02-01", "2025-05-01", "2025-08-01", "2025-11-01"]
    orders = [(name, day) for name in "abcde" for day in days]
    customers = {"customer_id": list("abcde"), "created_at": ["2024-01-01"] * 5, "acquired_at": ["2024-01-01"] * 5,
                 "lost_at": ["2025-12-01", None, None, None, None]}  # fmt: skip
    placed = {"order_id": list(range(20)), "customer_id": [name for name, _ in orders], "amount": [50.0] * 20,
              "ordered_at": [day for _, day in orders], "cost": [40.0] * 20}  # fmt: skip
    crm = crmkit.open({"customers": customers, "orders": placed}, as_of="2025-12-31")
    assert value(crm, "clv_simple", "2025-Q4") == pytest.approx(1000)
    assert value(crm, "clv_margin", "2025-Q4") == pytest.approx(200)


def test_where_nobody_leaves_or_nobody_was_there_a_life_is_unknown_and_not_endless():
    crm = ledger(as_of="2026-03-31", customers=CUSTOMERS.replace("2025-08-01", ".").replace("2025-03-31", "."),
                 orders=YEAR)  # fmt: skip
    assert math.isnan(value(crm, "customer_lifespan_years", MARCH))
    assert math.isnan(value(crm, "clv_simple", MARCH))
    assert math.isnan(value(crm, "clv_simple", "2024-06"))


def test_acquisition_cost_is_marketing_and_sales_alone(company):
    assert value(company, "acquisition_spend", MARCH) == 400
    assert values(company, "acquisition_spend", MARCH, "category") == {"marketing": 120, "sales": 280}
    assert value(company, "cac", MARCH) == 200
    assert math.isnan(value(company, "cac", "2026-02"))  # spent, and nobody won


def test_acquisition_only_counts_sales_by_the_share_of_closed_deals_that_were_new(company):
    assert value(company, "acquisition_spend_new", MARCH) == 120 + 280 * 0.5
    assert value(company, "cac", MARCH, acquisition_only=True) == 130
    assert value(company, "cac_acquisition_only", MARCH) == 130
    assert value(company, "acquisition_spend", "2026-02", acquisition_only=True) == 100  # a renewal alone


def test_acquisition_only_says_where_no_deal_tells(company):
    crm = ledger(as_of="2026-04-30", customers=CUSTOMERS, costs=COSTS)
    row = crm.measure("cac", period=MARCH, acquisition_only=True).iloc[0]
    assert row.value == 200
    assert "all sales costs of these count" in row.note
    assert "opportunities" in crm.measure("cac_acquisition_only", period=MARCH).note.item()
    assert "sales costs" not in company.measure("cac", period=MARCH, acquisition_only=True).note.item()


def test_a_lag_sets_earlier_spending_against_the_customers_of_the_period(company):
    assert value(company, "acquisition_spend", MARCH, lag_months=1) == 300  # 28 February counts as March, too
    assert value(company, "cac", MARCH, lag_months=1) == 150
    assert value(company, "cac", MARCH, lag_months=3) == 45
    assert value(company, "cac", MARCH, lag_months=1, acquisition_only=True) == 50


@pytest.mark.parametrize("months", [-1, 1.5])
def test_a_lag_is_a_whole_number_of_months(company, months):
    with pytest.raises(crmkit.UsageError, match="whole number of months"):
        value(company, "cac", MARCH, lag_months=months)


def test_value_against_cost_and_when_it_is_back(company):
    assert value(company, "ltv_to_cac", MARCH) == pytest.approx(180 / 200)
    assert value(company, "cac_payback_months", MARCH) == pytest.approx(200 / 5)
    assert value(company, "ltv_to_cac", MARCH, acquisition_only=True) == pytest.approx(180 / 130)


def test_several_currencies_are_not_added():
    orders = """
    order_id | customer_id | ordered_at | amount | currency
    1        | a           | 2026-03-01 | 1      | EUR
    2        | a           | 2026-03-01 | 1      | PLN
    """
    crm = ledger(orders=orders)
    with pytest.raises(crmkit.DataError, match="EUR, PLN"):
        value(crm, "average_order_value", MARCH)
    assert values(crm, "average_order_value", MARCH, "currency") == {"EUR": 1, "PLN": 1}
    assert value(crm, "orders_per_customer", MARCH) == 2


def test_an_order_without_an_amount_makes_a_customer_but_no_buyer_to_date():
    orders = """
    order_id | customer_id | ordered_at | amount
    1        | a           | 2026-01-05 | .
    2        | a           | 2026-03-05 | 20
    3        | b           | 2026-01-06 | 10
    4        | b           | 2026-03-06 | 10
    5        | c           | 2026-03-07 | .
    """
    crm = ledger(orders=orders)
    assert value(crm, "buyers_to_date", MARCH) == 2  # a and b; what c paid is unknown
    assert value(crm, "ordering_customers", MARCH) == 2
    assert value(crm, "repeat_customers", MARCH) == 1  # b: the first known order of a lies in March
    assert value(crm, "customers_at_end", MARCH) == 3
