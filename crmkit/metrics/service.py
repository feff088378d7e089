"""Service: tickets opened and resolved, what waits, how long answers and solutions take, which promises are kept."""

import ibis

from crmkit.kinds import count, days, level, mean, median, quantile, share, waiting
from crmkit.metric import metric

TITLE = "Service"
_WAITING = "Tickets that still wait are not in it, so a growing backlog looks faster than it is: see backlog."
_HOURS = "Hours in which the company is closed do not count: it says what the team needed, not what customers waited."


def _early(tickets, ended):
    """Return the tickets that ended before they began, and what is said of them."""
    return tickets[ended] < tickets.opened_at, "tickets whose end lies before their opening are left out"


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


@metric(
    title="Median first response time",
    unit="hours",
    better="down",
    at="first_response_at",
    formula="median hours from opening to the first response",
    caveats=_WAITING,
)
def first_response_hours(ticket_times, *, censored=False):
    """Median hours from opening to the first response, of the tickets answered in the period.

    A ticket belongs to the period in which it happened, not to that in which it was opened. Left out: tickets that
    still wait. Interval: order statistics. With `censored=True` the Kaplan-Meier median instead, in which those that
    wait at the end of the period count with the hours they have waited so far.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-02 09:00"] * 3,
    ...     "first_response_at": ["2026-03-02 10:00", "2026-03-02 12:00", "2026-03-04 09:00"]}}, as_of="2026-03-31")
    >>> round(crm.measure("first_response_hours", period="2026-03").value.item(), 2)
    3.0
    """
    if censored:
        over = ibis.coalesce(ticket_times.first_response_at, ticket_times.resolved_at)
        return waiting(ticket_times.opened_at, over, ticket_times.first_response_at.notnull(), per_day=24)
    return median(ticket_times.first_response_hours).remarking(*_early(ticket_times, "first_response_at"))


@metric(
    title="Mean first response time",
    unit="hours",
    better="down",
    at="first_response_at",
    formula="mean hours from opening to the first response",
    caveats="A few forgotten tickets can pull the mean far above the median. " + _WAITING,
)
def first_response_hours_mean(ticket_times):
    """Mean hours from opening to the first response, of the tickets answered in the period.

    Left out: tickets that still wait. Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-02 09:00"] * 3,
    ...     "first_response_at": ["2026-03-02 10:00", "2026-03-02 12:00", "2026-03-04 09:00"]}}, as_of="2026-03-31")
    >>> round(crm.measure("first_response_hours_mean", period="2026-03").value.item(), 2)
    17.33
    """
    return mean(ticket_times.first_response_hours).remarking(*_early(ticket_times, "first_response_at"))


@metric(
    title="First response time, 90th percentile",
    unit="hours",
    better="down",
    at="first_response_at",
    formula="90th percentile of the hours from opening to the first response",
    caveats="It rests on the slowest tenth: with few tickets it is uncertain. " + _WAITING,
)
def first_response_hours_p90(ticket_times):
    """90th percentile of the hours from opening to the first response, of the tickets answered in the period.

    Left out: tickets that still wait. Interval: order statistics.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-02 09:00"] * 3,
    ...     "first_response_at": ["2026-03-02 10:00", "2026-03-02 12:00", "2026-03-04 09:00"]}}, as_of="2026-03-31")
    >>> round(crm.measure("first_response_hours_p90", period="2026-03").value.item(), 2)
    39.0
    """
    return quantile(ticket_times.first_response_hours, 0.9).remarking(*_early(ticket_times, "first_response_at"))


@metric(
    title="Median first response time in business hours",
    unit="hours",
    better="down",
    at="first_response_at",
    formula="median business hours from opening to the first response",
    caveats=_HOURS + " " + _WAITING,
    settings=("hours",),
)
def first_response_business_hours(ticket_business_times):
    """Median business hours from opening to the first response, of the tickets answered in the period.

    Left out: tickets that still wait. Interval: order statistics.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-06 16:00"] * 3,
    ...     "first_response_at": ["2026-03-06 16:30", "2026-03-09 10:00", "2026-03-10 10:00"]}},
    ...     as_of="2026-03-31", config={"hours": dict.fromkeys(["friday", "monday", "tuesday"], "09:00-17:00")})
    >>> round(crm.measure("first_response_business_hours", period="2026-03").value.item(), 2)
    2.0
    """
    return median(ticket_business_times.first_response_hours).remarking(
        *_early(ticket_business_times, "first_response_at")
    )


@metric(
    title="Mean first response time in business hours",
    unit="hours",
    better="down",
    at="first_response_at",
    formula="mean business hours from opening to the first response",
    caveats=_HOURS,
    settings=("hours",),
)
def first_response_business_hours_mean(ticket_business_times):
    """Mean business hours from opening to the first response, of the tickets answered in the period.

    Left out: tickets that still wait. Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-06 16:00"] * 3,
    ...     "first_response_at": ["2026-03-06 16:30", "2026-03-09 10:00", "2026-03-10 10:00"]}},
    ...     as_of="2026-03-31", config={"hours": dict.fromkeys(["friday", "monday", "tuesday"], "09:00-17:00")})
    >>> round(crm.measure("first_response_business_hours_mean", period="2026-03").value.item(), 2)
    4.17
    """
    return mean(ticket_business_times.first_response_hours).remarking(
        *_early(ticket_business_times, "first_response_at")
    )


@metric(
    title="First response time in business hours, 90th percentile",
    unit="hours",
    better="down",
    at="first_response_at",
    formula="90th percentile of the business hours from opening to the first response",
    caveats=_HOURS,
    settings=("hours",),
)
def first_response_business_hours_p90(ticket_business_times):
    """90th percentile of the business hours from opening to the first response, of the tickets answered in the period.

    Left out: tickets that still wait. Interval: order statistics.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-06 16:00"] * 3,
    ...     "first_response_at": ["2026-03-06 16:30", "2026-03-09 10:00", "2026-03-10 10:00"]}},
    ...     as_of="2026-03-31", config={"hours": dict.fromkeys(["friday", "monday", "tuesday"], "09:00-17:00")})
    >>> round(crm.measure("first_response_business_hours_p90", period="2026-03").value.item(), 2)
    8.4
    """
    return quantile(ticket_business_times.first_response_hours, 0.9).remarking(
        *_early(ticket_business_times, "first_response_at")
    )


@metric(
    title="Median resolution time",
    unit="hours",
    better="down",
    at="resolved_at",
    formula="median hours from opening to the resolution",
    caveats=_WAITING,
)
def resolution_hours(ticket_times, *, censored=False):
    """Median hours from opening to the resolution, of the tickets resolved in the period.

    A ticket belongs to the period in which it happened, not to that in which it was opened. Left out: tickets that
    still wait. Interval: order statistics. With `censored=True` the Kaplan-Meier median instead, in which those that
    wait at the end of the period count with the hours they have waited so far.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-02 09:00"] * 3,
    ...     "resolved_at": ["2026-03-02 10:00", "2026-03-02 12:00", "2026-03-04 09:00"]}}, as_of="2026-03-31")
    >>> round(crm.measure("resolution_hours", period="2026-03").value.item(), 2)
    3.0
    """
    if censored:
        over = ticket_times.resolved_at
        return waiting(ticket_times.opened_at, over, ticket_times.resolved_at.notnull(), per_day=24)
    return median(ticket_times.resolution_hours).remarking(*_early(ticket_times, "resolved_at"))


@metric(
    title="Mean resolution time",
    unit="hours",
    better="down",
    at="resolved_at",
    formula="mean hours from opening to the resolution",
    caveats="A few forgotten tickets can pull the mean far above the median. " + _WAITING,
)
def resolution_hours_mean(ticket_times):
    """Mean hours from opening to the resolution, of the tickets resolved in the period.

    Left out: tickets that still wait. Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-02 09:00"] * 3,
    ...     "resolved_at": ["2026-03-02 10:00", "2026-03-02 12:00", "2026-03-04 09:00"]}}, as_of="2026-03-31")
    >>> round(crm.measure("resolution_hours_mean", period="2026-03").value.item(), 2)
    17.33
    """
    return mean(ticket_times.resolution_hours).remarking(*_early(ticket_times, "resolved_at"))


@metric(
    title="Resolution time, 90th percentile",
    unit="hours",
    better="down",
    at="resolved_at",
    formula="90th percentile of the hours from opening to the resolution",
    caveats="It rests on the slowest tenth: with few tickets it is uncertain. " + _WAITING,
)
def resolution_hours_p90(ticket_times):
    """90th percentile of the hours from opening to the resolution, of the tickets resolved in the period.

    Left out: tickets that still wait. Interval: order statistics.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-02 09:00"] * 3,
    ...     "resolved_at": ["2026-03-02 10:00", "2026-03-02 12:00", "2026-03-04 09:00"]}}, as_of="2026-03-31")
    >>> round(crm.measure("resolution_hours_p90", period="2026-03").value.item(), 2)
    39.0
    """
    return quantile(ticket_times.resolution_hours, 0.9).remarking(*_early(ticket_times, "resolved_at"))


@metric(
    title="Median resolution time in business hours",
    unit="hours",
    better="down",
    at="resolved_at",
    formula="median business hours from opening to the resolution",
    caveats=_HOURS + " " + _WAITING,
    settings=("hours",),
)
def resolution_business_hours(ticket_business_times):
    """Median business hours from opening to the resolution, of the tickets resolved in the period.

    Left out: tickets that still wait. Interval: order statistics.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-06 16:00"] * 3,
    ...     "resolved_at": ["2026-03-06 16:30", "2026-03-09 10:00", "2026-03-10 10:00"]}},
    ...     as_of="2026-03-31", config={"hours": dict.fromkeys(["friday", "monday", "tuesday"], "09:00-17:00")})
    >>> round(crm.measure("resolution_business_hours", period="2026-03").value.item(), 2)
    2.0
    """
    return median(ticket_business_times.resolution_hours).remarking(*_early(ticket_business_times, "resolved_at"))


@metric(
    title="Mean resolution time in business hours",
    unit="hours",
    better="down",
    at="resolved_at",
    formula="mean business hours from opening to the resolution",
    caveats=_HOURS,
    settings=("hours",),
)
def resolution_business_hours_mean(ticket_business_times):
    """Mean business hours from opening to the resolution, of the tickets resolved in the period.

    Left out: tickets that still wait. Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-06 16:00"] * 3,
    ...     "resolved_at": ["2026-03-06 16:30", "2026-03-09 10:00", "2026-03-10 10:00"]}},
    ...     as_of="2026-03-31", config={"hours": dict.fromkeys(["friday", "monday", "tuesday"], "09:00-17:00")})
    >>> round(crm.measure("resolution_business_hours_mean", period="2026-03").value.item(), 2)
    4.17
    """
    return mean(ticket_business_times.resolution_hours).remarking(*_early(ticket_business_times, "resolved_at"))


@metric(
    title="Resolution time in business hours, 90th percentile",
    unit="hours",
    better="down",
    at="resolved_at",
    formula="90th percentile of the business hours from opening to the resolution",
    caveats=_HOURS,
    settings=("hours",),
)
def resolution_business_hours_p90(ticket_business_times):
    """90th percentile of the business hours from opening to the resolution, of the tickets resolved in the period.

    Left out: tickets that still wait. Interval: order statistics.

    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-06 16:00"] * 3,
    ...     "resolved_at": ["2026-03-06 16:30", "2026-03-09 10:00", "2026-03-10 10:00"]}},
    ...     as_of="2026-03-31", config={"hours": dict.fromkeys(["friday", "monday", "tuesday"], "09:00-17:00")})
    >>> round(crm.measure("resolution_business_hours_p90", period="2026-03").value.item(), 2)
    8.4
    """
    return quantile(ticket_business_times.resolution_hours, 0.9).remarking(
        *_early(ticket_business_times, "resolved_at")
    )


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
