"""Tickets with how long they took, in calendar and in business hours, and whether they kept their service levels."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from crmkit.casting import TIME
from crmkit.errors import UsageError
from crmkit.hours import business_hours, calendar_hours
from crmkit.relations import at, derived
from crmkit.service_levels import Levels, levels

_REFERS = {"customer_id": "customers", "agent_id": "users"}
_OWN = ("priority", "category", "channel", "status")
_EVENTS = ("first_response", "resolution")


@derived(refers=_REFERS, columns=_OWN, keep=True)
def ticket_times(tickets, config, as_of):
    """One row a ticket, with its calendar hours to the first response and to the resolution.

    Columns: those of tickets, first_response_hours, resolution_hours (null where it has not happened, and where it
    lies before the opening).
    """
    return _timed(tickets, lambda ended: calendar_hours(tickets.opened_at, ended, zone=config.timezone, as_of=as_of))


@derived(refers=_REFERS, columns=_OWN, keep=True)
def ticket_business_times(tickets, config, as_of):
    """One row a ticket, with its business hours to the first response and to the resolution.

    Columns: those of `ticket_times`; the hours are those in which the company is open by the settings hours and
    holidays.
    """
    return _timed(tickets, lambda ended: _business(tickets.opened_at, ended, config, as_of))


@derived(refers=_REFERS, columns=_OWN, keep=True)
def ticket_levels(tickets, config, as_of):
    """One row a ticket, with what `[sla]` promises for it, and whether that was kept.

    Columns: those of tickets; first_response_limit and resolution_limit (hours; null where nothing is promised);
    first_response_met, resolution_met and sla_met (both, or the one that is promised): true, false, or null where it
    is not known: the ticket waits and is still within its limit, the first response has no time, or what happened lies
    before the opening. A ticket that waits and is past its limit has missed it, unless no ticket has a time of that.
    """
    promised = levels(config.sla)
    if promised.by not in tickets.columns:
        raise UsageError(f"[sla] in crm.toml: by is {promised.by!r}, which is no column of tickets.")

    def hours(ended: ir.TimestampValue) -> ir.FloatingValue:
        if promised.counted == "business":
            return _business(tickets.opened_at, ended, config, as_of)
        return calendar_hours(tickets.opened_at, ended, zone=config.timezone, as_of=as_of)

    limits = {
        "first_response": _limit(tickets, promised, promised.first_response_hours),
        "resolution": _limit(tickets, promised, promised.resolution_hours),
    }
    now = ibis.null(TIME) if as_of is None else at(as_of)
    answered = _met(tickets, tickets.first_response_at, hours, limits["first_response"], now)
    resolved = _met(tickets, tickets.resolved_at, hours, limits["resolution"], now)
    limits = {f"{name}_limit": limit for name, limit in limits.items()}
    found = tickets.mutate(**limits, first_response_met=answered, resolution_met=resolved)
    kept = [
        ibis.ifelse(found[f"{name}_limit"].isnull(), True, found[f"{name}_met"])
        for name, promise in zip(_EVENTS, (promised.first_response_hours, promised.resolution_hours), strict=True)
        if promise
    ]
    if not kept:
        return found.mutate(sla_met=found.resolution_met)  # null for every ticket
    some = found.first_response_limit.notnull() | found.resolution_limit.notnull()
    return found.mutate(sla_met=ibis.ifelse(some, kept[0] & kept[-1], ibis.null("boolean")))


def _business(begun: ir.TimestampValue, ended: ir.TimestampValue, config, as_of) -> ir.FloatingValue:
    zone = {"zone": config.timezone, "as_of": as_of}
    return business_hours(begun, ended, hours=config.hours, holidays=config.holidays, **zone)


def _timed(tickets: ir.Table, hours) -> ir.Table:
    """Add the hours to both events."""
    ends = {"first_response_hours": tickets.first_response_at, "resolution_hours": tickets.resolved_at}
    made = {name: ibis.ifelse(end >= tickets.opened_at, hours(end), ibis.null("float64")) for name, end in ends.items()}
    return tickets.mutate(**made)


def _limit(tickets: ir.Table, promised: Levels, hours) -> ir.FloatingValue:
    """Return the hours that are promised for each ticket."""
    if not hours:
        return ibis.null("float64")
    if "" in hours:
        return ibis.literal(hours[""], "float64")
    word = tickets[promised.by].cast("string").strip().lower()
    return ibis.cases(*[(word == name, limit) for name, limit in hours.items()], else_=ibis.null("float64"))


def _met(tickets: ir.Table, ended: ir.TimestampValue, hours, limit, now) -> ir.BooleanValue:
    """Tell whether something happened within the limit; null where that is not known (yet).

    Where no ticket has a time of it, nobody writes it down, and that a ticket has none says nothing.
    """
    written = ended.count().over(ibis.window()) > 0
    waits = ended.isnull() & tickets.resolved_at.isnull() & written
    late = ibis.ifelse(waits & (hours(now) > limit), False, ibis.null("boolean"))
    return ibis.ifelse(ended >= tickets.opened_at, hours(ended) <= limit, late)
