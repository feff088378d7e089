"""Resolution: how long customers wait for a solution, by the clock and in business hours."""

from crmkit.kinds import mean, median, quantile, waiting
from crmkit.metric import metric
from crmkit.metrics.service.common import HOURS, WAITING, early


@metric(
    title="Median resolution time",
    unit="hours",
    better="down",
    at="resolved_at",
    formula="median hours from opening to the resolution",
    caveats=WAITING,
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
    return median(ticket_times.resolution_hours).remarking(*early(ticket_times, "resolved_at"))


@metric(
    title="Mean resolution time",
    unit="hours",
    better="down",
    at="resolved_at",
    formula="mean hours from opening to the resolution",
    caveats="A few forgotten tickets can pull the mean far above the median. " + WAITING,
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
    return mean(ticket_times.resolution_hours).remarking(*early(ticket_times, "resolved_at"))


@metric(
    title="Resolution time, 90th percentile",
    unit="hours",
    better="down",
    at="resolved_at",
    formula="90th percentile of the hours from opening to the resolution",
    caveats="It rests on the slowest tenth: with few tickets it is uncertain. " + WAITING,
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
    return quantile(ticket_times.resolution_hours, 0.9).remarking(*early(ticket_times, "resolved_at"))


@metric(
    title="Median resolution time in business hours",
    unit="hours",
    better="down",
    at="resolved_at",
    formula="median business hours from opening to the resolution",
    caveats=HOURS + " " + WAITING,
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
    return median(ticket_business_times.resolution_hours).remarking(*early(ticket_business_times, "resolved_at"))


@metric(
    title="Mean resolution time in business hours",
    unit="hours",
    better="down",
    at="resolved_at",
    formula="mean business hours from opening to the resolution",
    caveats=HOURS,
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
    return mean(ticket_business_times.resolution_hours).remarking(*early(ticket_business_times, "resolved_at"))


@metric(
    title="Resolution time in business hours, 90th percentile",
    unit="hours",
    better="down",
    at="resolved_at",
    formula="90th percentile of the business hours from opening to the resolution",
    caveats=HOURS,
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
    return quantile(ticket_business_times.resolution_hours, 0.9).remarking(*early(ticket_business_times, "resolved_at"))
