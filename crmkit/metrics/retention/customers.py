"""Customers: how many there are at the start, are gained, lost, won back and kept, and are there at the end."""

from crmkit.kinds import count, level
from crmkit.metric import metric


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


def lost_of_start(spells, period):
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
    return level(spells.acquired_at, spells.lost_at, moment="start") - lost_of_start(spells, period)
