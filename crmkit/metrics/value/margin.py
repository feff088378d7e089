"""Margin: what is left of the orders after their cost."""

from crmkit.kinds import total
from crmkit.metric import metric

_NO_COST = "some orders carry no cost: they are in neither part"


@metric(
    title="Gross profit",
    unit="money",
    better="up",
    at="ordered_at",
    formula="amount − cost of the orders that carry a cost, returns included",
    caveats="Orders without a cost are left out, revenue and all: an unknown cost is not a cost of 0.",
)
def gross_profit(orders):
    """Amount less cost of the period's orders that carry a cost; returns give both back.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": list("aab"), "cost": [60.0, -18.0, None],
    ...     "amount": [100.0, -30.0, 40.0], "ordered_at": ["2026-03-01", "2026-03-02", "2026-03-03"]}})
    >>> crm.measure("gross_profit", period="2026-03").value.item()  # 40 − 12; the last order's cost is not known
    28.0
    """
    return _profit(orders)


def _profit(orders):
    """Amount less cost where a cost is known; unknown where orders are there and none of them has one."""
    return (total(orders.amount, orders.cost.notnull()) - total(orders.cost)).remarking(orders.cost.isnull(), _NO_COST)


@metric(
    title="Gross margin",
    unit="share",
    better="up",
    at="ordered_at",
    formula="(amount − cost) ÷ amount of the orders that carry a cost",
    caveats="The mean over money, not over orders: large orders weigh more. Orders without a cost are in neither part.",
)
def gross_margin(orders):
    """Of the amount of the period's orders, the share left after their cost. Interval: bootstrap.

    Left out: orders that carry no cost, in both parts. Returns are in both, with what they give back.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": list("aab"), "cost": [60.0, 20.0, None],
    ...     "amount": [100.0, 100.0, 40.0], "ordered_at": ["2026-03-01", "2026-03-02", "2026-03-03"]}})
    >>> crm.measure("gross_margin", period="2026-03").value.item()  # (40 + 80) ÷ 200
    0.6
    """
    return _profit(orders) / total(orders.amount, orders.cost.notnull())
