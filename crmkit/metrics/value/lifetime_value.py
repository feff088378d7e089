"""Lifetime value: how long customers stay, and what one brings in that time and in a month."""

from crmkit.metric import metric
from crmkit.periods import trailing_year

_GUPTA = "S. Gupta et al. (2006), Modeling customer lifetime value, Journal of Service Research 9, 139-155"


@metric(
    title="Life of a customer, 1 ÷ churn",
    unit="years",
    better="up",
    formula="1 ÷ churn rate of the 12 months to the end of the period",
    over=trailing_year,
    caveats="Holds if customers go on leaving at this rate, whatever their age. Unknown where nobody left. With few "
    "losses one more or less changes it a lot: see its interval, and the survival curve.",
    source=_GUPTA,
)
def customer_lifespan_years(churn_rate):
    """Years that a customer stays on average if each year takes the same share as the 12 months to the end of P.

    Interval: bootstrap.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abcd"), "created_at": ["2025-01-01"] * 4,
    ...     "acquired_at": ["2025-01-01"] * 4, "lost_at": ["2026-01-31"] + [None] * 3}}, as_of="2026-03-31")
    >>> crm.measure("customer_lifespan_years", period="2026-03").value.item()  # 1 of 4 lost in a year
    4.0
    """
    return 1.0 / churn_rate


@metric(
    title="Customer lifetime value, simple",
    unit="money",
    better="up",
    formula="average order value × orders per customer a year × life in years (1 ÷ churn), in the 12 months to the end",
    over=trailing_year,
    caveats="Revenue, not profit. All customers are taken as one average that buys alike until it leaves: nothing is "
    "discounted, nobody grows, and fees that are not orders are not in it. `clv_backtest` shows by how much it errs.",
    source=_GUPTA,
)
def clv_simple(average_order_value, orders_per_customer, churn_rate):
    """Revenue that a customer brings in a life, if the 12 months to the end of the period went on. Interval: bootstrap.

    Worked by hand: 50 an order × 4 orders a year × 5 years = 1,000.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abcd"), "created_at": ["2025-01-01"] * 4,
    ...     "acquired_at": ["2025-01-01"] * 4, "lost_at": ["2026-01-31"] + [None] * 3},
    ...     "orders": {"order_id": list("123"), "customer_id": list("aab"), "amount": [60.0, 40.0, 50.0],
    ...     "ordered_at": ["2025-05-01", "2025-09-01", "2026-03-01"]}}, as_of="2026-03-31")
    >>> crm.measure("clv_simple", period="2026-03").value.item()  # 50 × 1.5 × 4
    300.0
    """
    return average_order_value * orders_per_customer / churn_rate  # a life of 1 ÷ churn years, all from one window


@metric(
    title="Customer lifetime value, margin",
    unit="money",
    better="up",
    formula="simple customer lifetime value × gross margin, in the 12 months to the end",
    over=trailing_year,
    caveats="As the simple value. The margin is that of the orders that carry a cost; serving and keeping a customer "
    "cost more.",
    source=_GUPTA,
)
def clv_margin(average_order_value, orders_per_customer, churn_rate, gross_margin):
    """Gross profit that a customer brings in a life, if the 12 months to the period's end went on. Interval: bootstrap.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("ab"), "created_at": ["2025-01-01"] * 2,
    ...     "acquired_at": ["2025-01-01"] * 2, "lost_at": ["2026-01-31", None]},
    ...     "orders": {"order_id": ["1"], "customer_id": ["a"], "amount": [100.0], "cost": [60.0],
    ...     "ordered_at": ["2025-05-01"]}}, as_of="2026-03-31")
    >>> crm.measure("clv_margin", period="2026-03").value.item()  # 100 × 1 × 2 × 0.4
    80.0
    """
    return average_order_value * orders_per_customer / churn_rate * gross_margin


@metric(
    title="Margin per customer and month",
    unit="money",
    better="up",
    formula="revenue per customer × gross margin ÷ 12, over the 12 months to the period's end",
    over=trailing_year,
    caveats="Per customer who ordered in these 12 months; those who order nothing bring nothing and are not in it.",
)
def margin_per_customer_month(revenue_per_customer, gross_margin):
    """Gross profit that a customer brings in a month, in the 12 months to the end of the period. Interval: bootstrap.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": ["1", "2"], "customer_id": ["a", "b"], "amount": [100.0, 140.0],
    ...     "cost": [50.0, 70.0], "ordered_at": ["2025-05-01", "2026-03-01"]}}, as_of="2026-03-31")
    >>> crm.measure("margin_per_customer_month", period="2026-03").value.item()  # 120 × ½ ÷ 12
    5.0
    """
    return revenue_per_customer * gross_margin * (1 / 12)
