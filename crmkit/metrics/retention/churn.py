"""Churn, retention and renewal: which share of the customers leaves or stays, and which share of terms is renewed."""

from crmkit.kinds import count, level, share, total
from crmkit.metric import metric
from crmkit.metrics.retention.customers import lost_of_start


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
    return lost_of_start(spells, period) / level(spells.acquired_at, spells.lost_at, moment="start")


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
    return (at_start - lost_of_start(spells, period)) / at_start


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
