"""Twins of the metrics of customer value."""

from __future__ import annotations

import numpy as np
import pandas as pd

from twins.common import DAY, during, ratio
from twins.retention import churn_rate, new_customers


def tables(files):
    """Add orders and payments with the segment of their customer, and the share of new business in each month."""
    segment = files["customers"].set_index("customer_id")["segment"]
    closed = files["opportunities"][files["opportunities"].outcome != "open"]
    new = (closed.kind == "new").groupby(closed.closed_at.dt.to_period("M")).mean()
    return {
        "valued_orders": files["orders"].assign(segment=files["orders"].customer_id.map(segment)),
        "valued_payments": files["payments"].assign(segment=files["payments"].customer_id.map(segment)),
        "valued_costs": files["costs"].assign(new=files["costs"].month.dt.to_period("M").map(new)),
    }


def _orders(d, start, end):
    return d.valued_orders[during(d.valued_orders.ordered_at, start, end)]


def _placed(d, start, end):
    orders = _orders(d, start, end)
    return orders[orders.amount >= 0]


def _year(end):
    return end - pd.DateOffset(years=1)


def orders_placed(d, start, end):
    return len(_placed(d, start, end))


def average_order_value(d, start, end):
    return ratio(_orders(d, start, end).amount.sum(), orders_placed(d, start, end))


def gross_sales(d, start, end):
    return _placed(d, start, end).amount.sum()


def average_order_value_gross(d, start, end):
    return _placed(d, start, end).amount.mean()


def median_order_value(d, start, end):
    return _placed(d, start, end).amount.median()


def orders_per_customer(d, start, end):
    placed = _placed(d, start, end)
    return ratio(len(placed), placed.customer_id.nunique())


def revenue_per_customer(d, start, end):
    return ratio(_orders(d, start, end).amount.sum(), _placed(d, start, end).customer_id.nunique())


def revenue_to_date(d, start, end):
    return d.valued_orders.amount[d.valued_orders.ordered_at < end].sum()


def buyers_to_date(d, start, end):
    placed = d.valued_orders[(d.valued_orders.ordered_at < end) & (d.valued_orders.amount >= 0)]
    return placed.customer_id.nunique()


def customer_value(d, start, end):
    return ratio(revenue_to_date(d, start, end), buyers_to_date(d, start, end))


def gross_profit(d, start, end):
    orders = _orders(d, start, end)
    return (orders.amount - orders.cost).sum()


def gross_margin(d, start, end):
    return ratio(gross_profit(d, start, end), _orders(d, start, end).amount.sum())


def receipts(d, start, end):
    return d.valued_payments.amount[during(d.valued_payments.paid_at, start, end)].sum()


def receipts_rate(d, start, end):
    return ratio(receipts(d, start, end), _orders(d, start, end).amount.sum())


def receivables(d, start, end):
    invoiced = d.valued_orders.amount[d.valued_orders.ordered_at < end].sum()
    return invoiced - d.valued_payments.amount[d.valued_payments.paid_at < end].sum()


def days_sales_outstanding(d, start, end):
    return ratio(receivables(d, start, end), _orders(d, start, end).amount.sum()) * ((end - start) / DAY)


def customer_lifespan_years(d, start, end):
    return ratio(1, churn_rate(d, _year(end), end))


def clv_simple(d, start, end):
    """Revenue of a customer in the year, times the years that it stays."""
    return revenue_per_customer(d, _year(end), end) * customer_lifespan_years(d, start, end)


def clv_margin(d, start, end):
    return clv_simple(d, start, end) * gross_margin(d, _year(end), end)


def margin_per_customer_month(d, start, end):
    year = (d, _year(end), end)
    return ratio(gross_profit(*year), _placed(*year).customer_id.nunique()) / 12


def acquisition_spend(d, start, end):
    return _spent(d, start, end).amount.sum()


def _spent(d, start, end):
    costs = d.valued_costs[during(d.valued_costs.month, start, end)]
    return costs[costs.category.isin(["marketing", "sales"])]


def acquisition_spend_new(d, start, end):
    spent = _spent(d, start, end)
    return (spent.amount * np.where(spent.category == "sales", spent.new, 1)).sum()


def cac(d, start, end):
    return ratio(acquisition_spend(d, start, end), new_customers(d, start, end))


def cac_acquisition_only(d, start, end):
    return ratio(acquisition_spend_new(d, start, end), new_customers(d, start, end))


def ltv_to_cac(d, start, end):
    return ratio(clv_margin(d, start, end), cac(d, start, end))


def cac_payback_months(d, start, end):
    return ratio(cac(d, start, end), margin_per_customer_month(d, start, end))


TWINS = {
    ("valued_orders", "customer.segment"): [
        orders_placed,
        average_order_value,
        gross_sales,
        average_order_value_gross,
        median_order_value,
        orders_per_customer,
        revenue_per_customer,
        revenue_to_date,
        buyers_to_date,
        customer_value,
        gross_profit,
        gross_margin,
        receipts,
        receipts_rate,
        receivables,
        days_sales_outstanding,
        customer_lifespan_years,
        clv_simple,
        clv_margin,
        margin_per_customer_month,
    ],
    ("valued_costs", "category"): [acquisition_spend, acquisition_spend_new],
    ("costs", ""): [cac, cac_acquisition_only, ltv_to_cac, cac_payback_months],
}
