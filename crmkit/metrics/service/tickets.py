"""Tickets: how many are opened and resolved, how many an agent has, and how many wait."""

from crmkit.kinds import count, days, level
from crmkit.metric import metric


@metric(title="Tickets opened", unit="count", at="opened_at", formula="tickets opened")
def tickets_opened(tickets):
    """Tickets opened in the period.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": ["1", "2"], "opened_at": ["2026-03-01", "2026-04-01"]}})
    >>> crm.measure("tickets_opened", period="2026-03").value.item()
    1.0
    """
    return count()


@metric(title="Tickets resolved", unit="count", better="up", at="resolved_at", formula="tickets resolved")
def tickets_resolved(tickets):
    """Tickets resolved in the period, whenever they were opened.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": ["1", "2"], "opened_at": ["2026-02-27", "2026-03-01"],
    ...     "resolved_at": ["2026-03-02", None]}})
    >>> crm.measure("tickets_resolved", period="2026-03").value.item()
    1.0
    """
    return count()


@metric(
    title="Tickets resolved a day",
    unit="per_unit",
    better="up",
    at="resolved_at",
    formula="tickets resolved ÷ days of the period",
    caveats="Days are calendar days, weekends and holidays included, up to the day on which the data ends.",
    interval=None,
)
def tickets_resolved_per_day(tickets):
    """Tickets resolved in the period for each of its days.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": ["1", "2"], "opened_at": ["2026-02-27", "2026-02-28"],
    ...     "resolved_at": ["2026-02-28", "2026-02-28"]}}, as_of="2026-03-31")
    >>> round(crm.measure("tickets_resolved_per_day", period="2026-02").value.item(), 4)
    0.0714
    """
    return count() / days()


@metric(
    title="Tickets an agent",
    unit="per_unit",
    at="opened_at",
    formula="tickets opened that have an agent ÷ agents who have them",
    caveats="An agent without a ticket in the period is not counted, and a day a week counts as a whole agent.",
    interval=None,
)
def tickets_per_agent(tickets):
    """Tickets opened in the period for each agent who has any of them. Left out: tickets without an agent.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abcd"), "opened_at": ["2026-03-01"] * 4,
    ...     "agent_id": ["x", "x", "y", None]}})
    >>> crm.measure("tickets_per_agent", period="2026-03").value.item()
    1.5
    """
    owned = tickets.agent_id.notnull()
    each = count(owned) / count(owned, distinct=tickets.agent_id)
    return each.remarking(~owned, "tickets without an agent are left out")


@metric(
    title="Tickets per 100 customers",
    unit="per_unit",
    better="down",
    formula="100 × tickets opened ÷ customers at the start of the period",
    caveats="It grows with the length of the period: compare periods of equal length.",
    interval=None,
)
def ticket_rate(tickets_opened, customers_at_start):
    """Tickets opened in the period for every hundred customers of its start.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": ["1"], "opened_at": ["2026-03-05"]},
    ...     "customers": {"customer_id": list("abcd"), "created_at": ["2026-01-01"] * 4,
    ...     "acquired_at": ["2026-01-01"] * 4}}, as_of="2026-03-31")
    >>> crm.measure("ticket_rate", period="2026-03").value.item()
    25.0
    """
    return tickets_opened * 100 / customers_at_start


@metric(
    title="Backlog",
    unit="count",
    better="down",
    at="opened_at",
    formula="tickets opened and not resolved before the end of the period",
    caveats="A ticket opened again keeps the time of its last resolution: that it waited anew in between is not seen.",
)
def backlog(tickets):
    """Tickets that wait for their resolution at the end of the period.

    Backlog at the end = at the start + opened − resolved.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": ["1", "2"], "opened_at": ["2026-03-01", "2026-03-02"],
    ...     "resolved_at": ["2026-03-03", "2026-04-02"]}}, as_of="2026-04-30")
    >>> crm.measure("backlog", every="month", period="2026-03-01/2026-05-01").value.tolist()
    [1.0, 0.0]
    """
    return level(tickets.opened_at, tickets.resolved_at)
