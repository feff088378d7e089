"""Service quality: which promises are kept, what is opened again, and what is solved at the first contact."""

from crmkit.kinds import share
from crmkit.metric import metric


def _kept(levels, met, ended, promised):
    """Return the share of the tickets that kept what is promised among those of which that is known."""
    unknown, waits = promised & met.isnull(), ended.isnull() & levels.resolved_at.isnull()
    return (
        share(met.fill_null(False), of=met.notnull())
        .remarking(~promised, "tickets for which nothing is promised are left out")
        .remarking(unknown & waits, "tickets that wait and are within their limit are left out")
        .remarking(unknown & ~waits, "tickets whose times are missing or out of order are left out")
    )


@metric(
    title="Service level met",
    unit="share",
    better="up",
    at="opened_at",
    formula="tickets that met every level promised for them ÷ tickets that met or missed them",
    caveats="A lax level is easily met: compare with the hours themselves. Recent periods may still change.",
    settings=("sla",),
)
def sla_met(ticket_levels):
    """Of the tickets opened in the period, the share answered and resolved within what `[sla]` in crm.toml promises.

    A ticket that waits and is past a limit has missed it. Left out: tickets that wait and are still within their
    limits, and those for which nothing is promised. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-02 09:00"] * 3,
    ...     "priority": ["high", "high", "low"], "resolved_at": ["2026-03-02 12:00", None, None]}},
    ...     as_of="2026-03-03 09:00", config={"sla": {"resolution_hours": {"high": 8, "low": 48}}})
    >>> crm.measure("sla_met", period="2026-03")[["value", "numerator", "denominator"]].values.tolist()
    [[0.5, 1.0, 2.0]]
    """
    promised = ticket_levels.first_response_limit.notnull() | ticket_levels.resolution_limit.notnull()
    return _kept(ticket_levels, ticket_levels.sla_met, ticket_levels.resolved_at, promised)


@metric(
    title="First response within the service level",
    unit="share",
    better="up",
    at="opened_at",
    formula="tickets answered in time ÷ tickets answered, or waiting past their limit",
    caveats="A lax level is easily met: compare with the hours themselves. Recent periods may still change.",
    settings=("sla",),
    optional=("tickets.resolved_at",),
)
def sla_first_response_met(ticket_levels):
    """Of the tickets opened in the period, the share answered within what `[sla]` in crm.toml promises.

    A ticket that waits and is past its limit has missed it. Left out: tickets that wait and are still within their
    limit, and those for which no first response is promised. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-02 09:00"] * 3,
    ...     "priority": ["high", "high", "low"], "first_response_at": ["2026-03-02 12:00", None, None]}},
    ...     as_of="2026-03-03 09:00", config={"sla": {"first_response_hours": {"high": 8, "low": 48}}})
    >>> crm.measure("sla_first_response_met", period="2026-03")[["value", "numerator", "denominator"]].values.tolist()
    [[0.5, 1.0, 2.0]]
    """
    promised = ticket_levels.first_response_limit.notnull()
    return _kept(ticket_levels, ticket_levels.first_response_met, ticket_levels.first_response_at, promised)


@metric(
    title="Resolution within the service level",
    unit="share",
    better="up",
    at="opened_at",
    formula="tickets resolved in time ÷ tickets resolved, or waiting past their limit",
    caveats="A lax level is easily met: compare with the hours themselves. Recent periods may still change.",
    settings=("sla",),
)
def sla_resolution_met(ticket_levels):
    """Of the tickets opened in the period, the share resolved within what `[sla]` in crm.toml promises.

    A ticket that waits and is past its limit has missed it. Left out: tickets that wait and are still within their
    limit, and those for which no resolution is promised. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-02 09:00"] * 3,
    ...     "priority": ["high", "high", "low"], "resolved_at": ["2026-03-02 12:00", None, None]}},
    ...     as_of="2026-03-03 09:00", config={"sla": {"resolution_hours": {"high": 8, "low": 48}}})
    >>> crm.measure("sla_resolution_met", period="2026-03")[["value", "numerator", "denominator"]].values.tolist()
    [[0.5, 1.0, 2.0]]
    """
    promised = ticket_levels.resolution_limit.notnull()
    return _kept(ticket_levels, ticket_levels.resolution_met, ticket_levels.resolved_at, promised)


@metric(
    title="Tickets opened again",
    unit="share",
    better="down",
    at="resolved_at",
    formula="tickets resolved that were opened again ÷ tickets resolved",
    caveats="Tickets resolved a short while ago may yet be opened again, so the latest period looks better than it is.",
)
def reopened_rate(tickets):
    """Of the tickets resolved in the period, the share that were opened again after they had been resolved before.

    Left out: tickets of which that is not known, and those open anew. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abcd"), "opened_at": ["2026-03-01"] * 4,
    ...     "resolved_at": ["2026-03-02"] * 3 + [None], "reopened": [True, False, False, True]}})
    >>> round(crm.measure("reopened_rate", period="2026-03").value.item(), 4)
    0.3333
    """
    return share(tickets.reopened.fill_null(False), of=tickets.reopened.notnull())


@metric(
    title="Resolved at first contact",
    unit="share",
    better="up",
    at="resolved_at",
    formula="tickets resolved within `minutes` of the first response and not opened again ÷ tickets resolved",
    caveats="It is read off the times alone: a second contact within the minutes is not seen. A ticket resolved a "
    "short while ago may yet be opened again.",
    optional=("tickets.reopened",),
)
def resolved_at_first_contact(tickets, *, minutes=60):
    """Of the tickets resolved in the period, the share resolved with the first response.

    With the first response means: at most `minutes` after it (agents close a case once they have written), and not
    opened again as far as that is known. Left out: tickets without a time of the first response. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abcd"), "opened_at": ["2026-03-01 08:00"] * 4,
    ...     "first_response_at": ["2026-03-01 09:00"] * 4, "reopened": [False, False, True, False],
    ...     "resolved_at": ["2026-03-01 09:20", "2026-03-02 09:00", "2026-03-01 09:00", None]}})
    >>> round(crm.measure("resolved_at_first_contact", period="2026-03").value.item(), 4)
    0.3333
    """
    answered = tickets.first_response_at.notnull()
    soon = tickets.resolved_at.epoch_seconds() - tickets.first_response_at.epoch_seconds() <= minutes * 60
    at_once = soon.fill_null(False) & ~tickets.reopened.fill_null(False)
    return share(at_once, of=answered).remarking(~answered, "tickets without a first response's time are left out")
