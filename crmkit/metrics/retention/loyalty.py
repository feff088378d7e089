"""Loyalty: who orders again and for how much, what keeping customers costs, and after how long they leave."""

from crmkit.kinds import count, median, total
from crmkit.metric import metric


@metric(
    title="Repeat customers",
    unit="count",
    better="up",
    at="ordered_at",
    formula="customers who ordered in the period and before it",
)
def repeat_customers(purchases, period):
    """Customers who ordered in the period and had ordered before it; a return is no order.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": ["a", "a", "b"], "amount": [9.0] * 3,
    ...     "ordered_at": ["2025-03-01", "2026-01-02", "2026-01-03"]}})
    >>> crm.measure("repeat_customers", period="2026-01").value.item()
    1.0
    """
    before = period.earlier(purchases.first_ordered_at, purchases.ordered_at)
    return count(before, distinct=purchases.customer_id)


@metric(
    title="Customers who ordered",
    unit="count",
    better="up",
    at="ordered_at",
    formula="different customers with an order in the period",
)
def ordering_customers(purchases):
    """Different customers who ordered in the period; a return is no order.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": ["a", "a", "b"], "amount": [9.0] * 3,
    ...     "ordered_at": ["2026-01-01", "2026-01-02", "2026-01-03"]}})
    >>> crm.measure("ordering_customers", period="2026-01").value.item()
    2.0
    """
    return count(distinct=purchases.customer_id)


@metric(
    title="Repeat rate",
    unit="share",
    better="up",
    formula="customers who ordered in the period and before it ÷ customers who ordered in the period",
    interval="wilson",
)
def repeat_rate(repeat_customers, ordering_customers):
    """Of the customers who ordered in the period, the share who had ordered before it. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": ["a", "a", "b"], "amount": [9.0] * 3,
    ...     "ordered_at": ["2025-03-01", "2026-01-02", "2026-01-03"]}})
    >>> crm.measure("repeat_rate", period="2026-01").value.item()
    0.5
    """
    return repeat_customers / ordering_customers


@metric(title="Retention spend", unit="money", better="down", at="month", formula="costs of category retention")
def retention_spend(costs):
    """Costs of the category retention that arose in the period.

    >>> import crmkit
    >>> crm = crmkit.open({"costs": {"month": ["2026-01-01", "2026-01-01"], "category": ["retention", "sales"],
    ...     "amount": [500.0, 900.0]}})
    >>> crm.measure("retention_spend", period="2026-01").value.item()
    500.0
    """
    return total(costs.amount, costs.category == "retention")


@metric(
    title="Cost of keeping a customer",
    unit="money",
    better="down",
    formula="retention spend ÷ customers kept",
    caveats="It should stay below the revenue per returning customer.",
    interval=None,
)
def retention_cost(retention_spend, customers_kept):
    """Retention spend in the period per customer kept in it.

    10,000 spent to keep 500 customers: 20 each.

    >>> import crmkit
    >>> crm = crmkit.open({"costs": {"month": ["2026-01-31"], "category": ["retention"], "amount": [500.0]},
    ...     "customers": {"customer_id": ["a", "b"], "created_at": ["2025-01-01"] * 2,
    ...     "acquired_at": ["2025-01-01"] * 2, "lost_at": [None, "2026-01-09"]}})
    >>> crm.measure("retention_cost", period="2026-01").value.item()
    500.0
    """
    return retention_spend / customers_kept


@metric(
    title="Revenue from returning customers",
    unit="money",
    better="up",
    at="ordered_at",
    formula="amount of the orders of customers who had ordered before the period",
)
def returning_revenue(purchases, period):
    """Amount of the period's orders by customers who had ordered before it; returns of goods are not deducted.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": ["a", "a", "b"],
    ...     "amount": [9.0, 20.0, 5.0], "ordered_at": ["2025-03-01", "2026-01-02", "2026-01-03"]}})
    >>> crm.measure("returning_revenue", period="2026-01").value.item()
    20.0
    """
    return total(purchases.amount, period.earlier(purchases.first_ordered_at, purchases.ordered_at))


@metric(
    title="Revenue per returning customer",
    unit="money",
    better="up",
    formula="revenue from returning customers ÷ repeat customers",
)
def revenue_per_returning_customer(returning_revenue, repeat_customers):
    """Amount of the period's orders per customer who had ordered before it. Interval: bootstrap.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("1234"), "customer_id": ["a", "a", "a", "b"],
    ...     "amount": [9.0, 20.0, 10.0, 5.0], "ordered_at": ["2025-03-01", "2026-01-02", "2026-01-09", "2026-01-03"]}})
    >>> crm.measure("revenue_per_returning_customer", period="2026-01").value.item()
    30.0
    """
    return returning_revenue / repeat_customers


@metric(
    title="Life of a customer, median so far",
    unit="days",
    better="up",
    at="lost_at",
    formula="median days from acquisition to loss, of the customers lost in the period",
    caveats="Only those who left are in it, so it understates how long customers stay: see the survival curve.",
)
def lost_after_days(spells):
    """Median days between acquisition and loss, of the customers lost in the period. Interval: order statistics.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": ["a"], "created_at": ["2026-01-01"],
    ...     "acquired_at": ["2026-01-01"], "lost_at": ["2026-01-31"]}})
    >>> crm.measure("lost_after_days", period="2026-01").value.item()
    30.0
    """
    return median((spells.lost_at.epoch_seconds() - spells.acquired_at.epoch_seconds()) / 86_400.0)
