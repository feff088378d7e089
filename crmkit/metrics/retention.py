"""Retention: who stays, who leaves, who comes back, and the recurring revenue that goes with them."""

from crmkit.kinds import count, level, median, share, total
from crmkit.metric import metric

TITLE = "Retention"


@metric(
    title="Customers at the start",
    unit="count",
    at="acquired_at",
    optional=("spells.lost_at",),
    formula="acquired and not lost before the period",
)
def customers_at_start(spells):
    """Customers at the first moment of the period: acquired before it, and not lost before it.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abc"), "created_at": ["2025-01-01"] * 3,
    ...     "acquired_at": ["2025-01-01", "2025-06-01", "2026-01-09"], "lost_at": ["2025-12-31", None, None]}})
    >>> crm.measure("customers_at_start", period="2026-01").value.item()
    1.0
    """
    return level(spells.acquired_at, spells.lost_at, moment="start")


@metric(title="New customers", unit="count", better="up", at="acquired_at", formula="acquired in the period")
def new_customers(spells):
    """Customers acquired in the period for the first time.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("ab"), "created_at": ["2025-01-01"] * 2,
    ...     "acquired_at": ["2025-01-01", "2026-01-09"], "lost_at": [None, None]}})
    >>> crm.measure("new_customers", period="2026-01").value.item()
    1.0
    """
    return count(spells.spell == 1)


@metric(title="Lost customers", unit="count", better="down", at="lost_at", formula="lost in the period")
def lost_customers(spells):
    """Customers lost in the period, those acquired in the same period too; `by="lost_reason"` says why.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("ab"), "created_at": ["2025-01-01"] * 2,
    ...     "acquired_at": ["2025-01-01", "2026-01-09"], "lost_at": ["2026-01-31", None],
    ...     "lost_reason": ["price", None]}})
    >>> crm.measure("lost_customers", period="2026-01", by="lost_reason")[["lost_reason", "value"]].values.tolist()
    [['price', 1.0]]
    """
    return count()


@metric(
    title="Reactivated customers",
    unit="count",
    better="up",
    at="acquired_at",
    formula="back in the period after having been lost",
)
def reactivated_customers(spells):
    """Customers who came back in the period after they had been lost.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ["1", "2"], "customer_id": ["a", "a"], "mrr": [9, 9],
    ...     "started_at": ["2025-01-01", "2026-01-09"], "ended_at": ["2025-06-01", None]}})
    >>> crm.measure("reactivated_customers", period="2026-01").value.item()
    1.0
    """
    return count(spells.spell > 1)


@metric(
    title="Customers at the end",
    unit="count",
    better="up",
    at="acquired_at",
    optional=("spells.lost_at",),
    formula="start + new + reactivated − lost",
)
def customers_at_end(spells):
    """Customers at the last moment of the period.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abc"), "created_at": ["2025-01-01"] * 3,
    ...     "acquired_at": ["2025-01-01", "2025-06-01", "2026-01-09"], "lost_at": ["2026-01-31", None, None]}})
    >>> bridge = ["customers_at_start", "new_customers", "reactivated_customers", "lost_customers", "customers_at_end"]
    >>> crm.measure(bridge, period="2026-01").value.tolist()
    [2.0, 1.0, 0.0, 1.0, 2.0]
    """
    return level(spells.acquired_at, spells.lost_at)


def _lost_of_start(spells, period):
    """Count those lost in the period who were customers at its start."""
    return count(period.earlier(spells.acquired_at, spells.lost_at), at=spells.lost_at)


@metric(
    title="Customers kept",
    unit="count",
    better="up",
    at="acquired_at",
    formula="customers at the start − those of them lost in the period",
)
def customers_kept(spells, period):
    """Of the customers at the start of the period, how many are still customers at its end, or came back in it.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abc"), "created_at": ["2025-01-01"] * 3,
    ...     "acquired_at": ["2025-01-01", "2025-06-01", "2026-01-09"], "lost_at": ["2026-01-31", None, "2026-01-31"]}})
    >>> crm.measure("customers_kept", period="2026-01").value.item()
    1.0
    """
    return level(spells.acquired_at, spells.lost_at, moment="start") - _lost_of_start(spells, period)


@metric(
    title="Churn rate",
    unit="share",
    better="down",
    at="lost_at",
    formula="lost of those who were customers at the start ÷ customers at the start",
    caveats="Customers who join and leave within the period are in neither part.",
    interval="wilson",
)
def churn_rate(spells, period):
    """Of those who were customers at the start of the period, the share lost in it. Interval: Wilson.

    With 1000 at the start, 500 gained and 50 lost of whom 10 joined in the period: 40 ÷ 1000 = 4.0%.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abcde"), "created_at": ["2025-01-01"] * 5,
    ...     "acquired_at": ["2025-01-01"] * 4 + ["2026-01-05"],
    ...     "lost_at": ["2026-01-31", None, None, None, "2026-01-31"]}})
    >>> crm.measure("churn_rate", period="2026-01").value.item()
    0.25
    """
    return _lost_of_start(spells, period) / level(spells.acquired_at, spells.lost_at, moment="start")


@metric(
    title="Churn rate, lost ÷ acquired",
    unit="ratio",
    better="down",
    at="lost_at",
    formula="lost in the period ÷ acquired in the period",
    caveats="What some CRM vendors publish. It says how fast losses eat up gains, not who leaves; it can exceed 100%.",
    interval=None,
)
def churn_rate_acquired(spells):
    """Customers lost in the period ÷ customers acquired in it.

    With 500 gained and 50 lost: 10%, where the churn rate is 4.0%.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abc"), "created_at": ["2025-01-01"] * 3,
    ...     "acquired_at": ["2025-01-01", "2026-01-04", "2026-01-05"], "lost_at": ["2026-01-31", None, None]}})
    >>> crm.measure("churn_rate_acquired", period="2026-01").value.item()
    0.5
    """
    return count() / count(spells.spell == 1, at=spells.acquired_at)


@metric(
    title="Churn rate on the average base",
    unit="share",
    better="down",
    at="lost_at",
    formula="lost in the period ÷ mean of customers at the start and the end",
    caveats="Mixes losses of old and new customers.",
    interval=None,
)
def churn_rate_average(spells):
    """Customers lost in the period ÷ the mean of customers at its start and its end.

    With 1000 at the start, 500 gained and 50 lost: 50 ÷ 1225 = 4.08%.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abcd"), "created_at": ["2025-01-01"] * 4,
    ...     "acquired_at": ["2025-01-01"] * 4, "lost_at": ["2026-01-31"] * 2 + [None] * 2}})
    >>> round(crm.measure("churn_rate_average", period="2026-01").value.item(), 4)  # 2 ÷ mean of 4 and 2
    0.6667
    """
    at_start = level(spells.acquired_at, spells.lost_at, moment="start")
    return count() / ((at_start + level(spells.acquired_at, spells.lost_at)) * 0.5)


@metric(
    title="Retention rate",
    unit="share",
    better="up",
    at="lost_at",
    formula="1 − churn rate: customers of the start who are kept ÷ customers at the start",
    caveats="New customers have no place in it: 1000 at the end after 1250 at the start is not 80% if 500 are new.",
    interval="wilson",
)
def retention_rate(spells, period):
    """Of those who were customers at the start of the period, the share not lost in it. Interval: Wilson.

    With 1250 at the start, 500 gained and 1000 at the end: 500 ÷ 1250 = 40%, not 75%.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abcd"), "created_at": ["2025-01-01"] * 4,
    ...     "acquired_at": ["2025-01-01"] * 4, "lost_at": ["2026-01-31"] + [None] * 3}})
    >>> crm.measure("retention_rate", period="2026-01").value.item()
    0.75
    """
    at_start = level(spells.acquired_at, spells.lost_at, moment="start")
    return (at_start - _lost_of_start(spells, period)) / at_start


@metric(
    title="Renewal rate",
    unit="share",
    better="up",
    at="term_end",
    formula="terms renewed ÷ terms that ended and are decided",
)
def renewal_rate(terms):
    """Of the terms that ended in the period, the share renewed; terms still open are left out. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"terms": {"subscription_id": list("abc"), "term_start": ["2025-01-01"] * 3,
    ...     "term_end": ["2026-01-01"] * 3, "outcome": ["renewed", "lapsed", "open"]}}, as_of="2026-01-31")
    >>> crm.measure("renewal_rate", period="2026-01").value.item()
    0.5
    """
    return share(terms.outcome == "renewed", of=terms.outcome != "open")


@metric(
    title="Renewal rate by value",
    unit="share",
    better="up",
    at="term_end",
    formula="amount of the terms renewed ÷ amount of the terms that ended and are decided",
)
def renewal_rate_value(terms):
    """Of the amount of the terms that ended in the period, the share renewed. Interval: bootstrap.

    >>> import crmkit
    >>> crm = crmkit.open({"terms": {"subscription_id": list("abc"), "term_start": ["2025-01-01"] * 3,
    ...     "term_end": ["2026-01-01"] * 3, "outcome": ["renewed", "lapsed", "open"], "amount": [300.0, 100.0, 50.0]}},
    ...     as_of="2026-01-31")
    >>> crm.measure("renewal_rate_value", period="2026-01").value.item()
    0.75
    """
    return total(terms.amount, terms.outcome == "renewed") / total(terms.amount, terms.outcome != "open")


@metric(
    title="Monthly recurring revenue",
    unit="money",
    better="up",
    at="started_at",
    formula="MRR of the subscriptions that run at the end of the period",
)
def mrr(subscriptions):
    """Monthly recurring revenue at the end of the period.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ["1", "2"], "customer_id": ["a", "b"],
    ...     "mrr": [100.0, 40.0], "started_at": ["2025-01-01", "2026-01-09"], "ended_at": ["2026-02-05", None]}})
    >>> crm.measure("mrr", every="month", period="2026-01-01/2026-03-01").value.tolist()
    [140.0, 40.0]
    """
    return level(subscriptions.started_at, subscriptions.ended_at, value=subscriptions.mrr)


@metric(
    title="MRR at the start",
    unit="money",
    at="started_at",
    formula="MRR of the subscriptions that run at the start of the period",
)
def mrr_at_start(subscriptions):
    """Monthly recurring revenue at the first moment of the period.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ["1"], "customer_id": ["a"], "mrr": [100.0],
    ...     "started_at": ["2025-01-01"], "ended_at": ["2026-02-05"]}})
    >>> crm.measure("mrr_at_start", period="2026-02").value.item()
    100.0
    """
    return level(subscriptions.started_at, subscriptions.ended_at, value=subscriptions.mrr, moment="start")


@metric(title="New MRR", unit="money", better="up", at="at", formula="MRR of customers who never paid before")
def new_mrr(mrr_moves):
    """Recurring revenue at the end of the period of customers who had none before it, ever.

    The bridge: MRR at the start + new + reactivation + expansion − contraction − churned = MRR at the end.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": list("1234"), "customer_id": list("aabc"),
    ...     "mrr": [100.0, 140.0, 40.0, 30.0], "started_at": ["2025-01-01", "2026-01-15", "2025-02-01", "2026-01-20"],
    ...     "ended_at": ["2026-01-15", None, "2026-01-31", None]}})
    >>> moves = ["new_mrr", "reactivation_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr"]
    >>> crm.measure(["mrr_at_start", *moves, "mrr"], period="2026-01").value.tolist()
    [140.0, 30.0, 0.0, 40.0, 0.0, 40.0, 170.0]
    """
    return total(mrr_moves.new_mrr)


@metric(title="Expansion MRR", unit="money", better="up", at="at", formula="rise of MRR of customers of the start")
def expansion_mrr(mrr_moves):
    """By how much the recurring revenue rose of customers who paid at the start and pay more at the end.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ["1", "2"], "customer_id": ["a", "a"],
    ...     "mrr": [100.0, 140.0], "started_at": ["2025-01-01", "2026-01-15"], "ended_at": ["2026-01-15", None]}})
    >>> crm.measure("expansion_mrr", period="2026-01").value.item()
    40.0
    """
    return total(mrr_moves.expansion_mrr)


@metric(title="Contraction MRR", unit="money", better="down", at="at", formula="fall of MRR of customers who stay")
def contraction_mrr(mrr_moves):
    """By how much the recurring revenue fell of customers who paid at the start and pay less at the end.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ["1", "2"], "customer_id": ["a", "a"],
    ...     "mrr": [100.0, 70.0], "started_at": ["2025-01-01", "2026-01-15"], "ended_at": ["2026-01-15", None]}})
    >>> crm.measure("contraction_mrr", period="2026-01").value.item()
    30.0
    """
    return total(mrr_moves.contraction_mrr)


@metric(
    title="Churned MRR", unit="money", better="down", at="at", formula="MRR of the start of customers who pay no more"
)
def churned_mrr(mrr_moves):
    """Recurring revenue at the start of customers who pay nothing at the end.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ["1"], "customer_id": ["a"], "mrr": [100.0],
    ...     "started_at": ["2025-01-01"], "ended_at": ["2026-01-15"]}})
    >>> crm.measure("churned_mrr", period="2026-01").value.item()
    100.0
    """
    return total(mrr_moves.churned_mrr)


@metric(
    title="Reactivation MRR", unit="money", better="up", at="at", formula="MRR of customers who had left and pay again"
)
def reactivation_mrr(mrr_moves):
    """Recurring revenue at the end of customers who paid once, had none at the start, and pay again.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ["1", "2"], "customer_id": ["a", "a"],
    ...     "mrr": [100.0, 70.0], "started_at": ["2025-01-01", "2026-01-15"], "ended_at": ["2025-06-01", None]}})
    >>> crm.measure("reactivation_mrr", period="2026-01").value.item()
    70.0
    """
    return total(mrr_moves.reactivation_mrr)


@metric(
    title="Gross revenue retention",
    unit="share",
    better="up",
    formula="(MRR at the start − contraction − churned) ÷ MRR at the start",
    caveats="Each customer is capped at what it paid at the start: it cannot exceed 100%.",
)
def grr(mrr_at_start, contraction_mrr, churned_mrr):
    """Of the recurring revenue at the start, the share kept at the end without any rise. Interval: bootstrap.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": list("123"), "customer_id": list("abc"),
    ...     "mrr": [100.0, 50.0, 50.0], "started_at": ["2025-01-01"] * 3, "ended_at": ["2026-01-15", None, None]}})
    >>> crm.measure("grr", period="2026-01").value.item()
    0.5
    """
    return (mrr_at_start - contraction_mrr - churned_mrr) / mrr_at_start


@metric(
    title="Net revenue retention",
    unit="share",
    better="up",
    formula="(MRR at the start + expansion − contraction − churned) ÷ MRR at the start",
    caveats="Growth of some can hide the loss of others: read it beside the gross rate and the churn rate.",
)
def nrr(mrr_at_start, expansion_mrr, contraction_mrr, churned_mrr):
    """Recurring revenue at the end of the customers of the start ÷ their revenue at the start. Interval: bootstrap.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": list("123"), "customer_id": list("aab"),
    ...     "mrr": [100.0, 180.0, 100.0], "started_at": ["2025-01-01", "2026-01-15", "2025-01-01"],
    ...     "ended_at": ["2026-01-15", None, "2026-01-31"]}})
    >>> crm.measure("nrr", period="2026-01").value.item()
    0.9
    """
    return (mrr_at_start + expansion_mrr - contraction_mrr - churned_mrr) / mrr_at_start


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
