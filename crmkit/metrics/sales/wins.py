"""Wins and revenue: how much of what is closed is won, how large deals are, and what wins and orders bring."""

import ibis

from crmkit.kinds import count, level, mean, median, share, total, withheld
from crmkit.metric import metric
from crmkit.metrics.sales.common import dated


@metric(
    title="Win rate",
    unit="share",
    better="up",
    at="closed_at",
    formula="won ÷ (won + lost)",
    caveats="Open opportunities are in neither part. With long cycles, recent starts are under-represented.",
)
def win_rate(opportunities):
    """Of the opportunities closed in the period, the share won. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abcd"), "outcome": ["won", "lost", "lost", "open"],
    ...     "created_at": ["2026-01-01"] * 4, "closed_at": ["2026-03-05", "2026-03-06", "2026-03-07", None]}})
    >>> round(crm.measure("win_rate", period="2026-03").value.item(), 4)
    0.3333
    """
    return share(opportunities.outcome == "won", of=opportunities.outcome != "open")


@metric(
    title="Win rate by value",
    unit="share",
    better="up",
    at="closed_at",
    formula="amount won ÷ (amount won + amount lost)",
    caveats="Where lost deals carry no amount it cannot be known: it would always be 100%.",
)
def win_rate_value(opportunities):
    """Of the amount closed in the period, the share won; withheld where lost deals carry no amount.

    Interval: bootstrap.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abc"), "outcome": ["won", "lost", "lost"],
    ...     "created_at": ["2026-01-01"] * 3, "closed_at": ["2026-03-05"] * 3, "amount": [300.0, 100.0, 200.0]}})
    >>> crm.measure("win_rate_value", period="2026-03").value.item()
    0.5
    """
    won, lost = opportunities.outcome == "won", opportunities.outcome == "lost"
    amount = opportunities.amount
    return withheld(
        total(amount, won) / total(amount, won | lost),
        amount=amount,
        where=lost,
        reason="cannot be known: the lost deals carry no amount",
    )


@metric(
    title="Close rate",
    unit="share",
    at="closed_at",
    formula="closed ÷ open at any time in the period",
    interval="wilson",
)
def close_rate(opportunities):
    """Of the opportunities open at any time in the period, the share closed in it, won or lost. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abcd"), "outcome": ["won", "lost", "open", "won"],
    ...     "created_at": ["2026-01-01"] * 4, "closed_at": ["2026-03-05", "2026-03-06", None, "2026-02-01"]}})
    >>> round(crm.measure("close_rate", period="2026-03").value.item(), 4)
    0.6667
    """
    at_start = level(opportunities.created_at, opportunities.closed_at, where=dated(opportunities), moment="start")
    return count(opportunities.outcome != "open") / (at_start + count(at=opportunities.created_at))


@metric(
    title="Average deal size",
    unit="money",
    better="up",
    at="closed_at",
    formula="mean amount of the opportunities won",
    caveats="One large deal can move it; the median stands beside it.",
)
def average_deal_size(opportunities):
    """Mean amount of the opportunities won in the period that carry one. Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abc"), "outcome": ["won", "won", "lost"],
    ...     "created_at": ["2026-01-01"] * 3, "closed_at": ["2026-03-05"] * 3, "amount": [100.0, 300.0, 900.0]}})
    >>> crm.measure("average_deal_size", period="2026-03").value.item()
    200.0
    """
    return mean(opportunities.amount, opportunities.outcome == "won")


@metric(
    title="Median deal size",
    unit="money",
    better="up",
    at="closed_at",
    formula="median amount of the opportunities won",
)
def median_deal_size(opportunities):
    """Median amount of the opportunities won in the period. Interval: order statistics.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abc"), "outcome": ["won"] * 3,
    ...     "created_at": ["2026-01-01"] * 3, "closed_at": ["2026-03-05"] * 3, "amount": [100.0, 300.0, 900.0]}})
    >>> crm.measure("median_deal_size", period="2026-03").value.item()
    300.0
    """
    return median(opportunities.amount, opportunities.outcome == "won")


@metric(
    title="Revenue won from new customers",
    unit="money",
    better="up",
    at="closed_at",
    formula="amount of the opportunities won from customers who were none before",
    caveats="Where opportunities have no kind, a later deal of a customer counts as new unless orders or subscriptions "
    "say that it was a customer before.",
    optional=("opportunities.kind", "opportunities.customer_id", "customers", "subscriptions", "orders"),
)
def new_revenue(deals, period):
    """Amount won in the period from new customers.

    Where an opportunity says its kind, `new` counts. Where it does not, it counts unless the customer was acquired
    before the period by what else is known of it: orders, subscriptions, `acquired_at`. Earlier wins are no such
    evidence, since data that begins in the middle of a company's life would make everybody new at its beginning.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abc"), "outcome": ["won"] * 3,
    ...     "customer_id": ["x", "y", "z"], "created_at": ["2026-01-01"] * 3, "amount": [100.0, 300.0, 900.0],
    ...     "closed_at": ["2026-03-05", "2026-03-05", "2026-03-06"], "kind": ["new", "renewal", None]}})
    >>> crm.measure("new_revenue", period="2026-03").value.item()
    1000.0
    """
    won = deals.outcome == "won"
    before = period.earlier(deals.known_since, deals.closed_at).fill_null(False)
    new = ibis.ifelse(deals.kind.notnull(), deals.kind == "new", ~before)
    return total(deals.amount, won & new).remarking(
        won & deals.kind.isnull(), "some deals have no kind: they count as new unless the customer bought before"
    )


@metric(title="Amount won", unit="money", better="up", at="closed_at", formula="amount of the opportunities won")
def won_revenue(opportunities):
    """Amount of the opportunities won in the period, from new and present customers.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": ["a", "b"], "outcome": ["won", "lost"],
    ...     "created_at": ["2026-01-01"] * 2, "closed_at": ["2026-03-05"] * 2, "amount": [100.0, 300.0]}})
    >>> crm.measure("won_revenue", period="2026-03").value.item()
    100.0
    """
    return total(opportunities.amount, opportunities.outcome == "won")


@metric(title="Revenue", unit="money", better="up", at="ordered_at", formula="amount of the orders, less returns")
def revenue(orders):
    """Amount of the orders placed in the period; returns are negative and reduce it.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": ["1", "2"], "customer_id": ["a", "a"], "amount": [100.0, -30.0],
    ...     "ordered_at": ["2026-03-01", "2026-03-02"]}})
    >>> crm.measure("revenue", period="2026-03").value.item()
    70.0
    """
    return total(orders.amount)
