"""Visits to the web site with what is known of the visitor, and one row for each visitor of a period."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from crmkit.casting import TIME
from crmkit.relations import at, derived, without

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_REFERS = {"campaign_id": "campaigns", "lead_id": "leads", "order_id": "orders", "customer_id": "customers"}
_OWN = ("source", "medium", "landing_page", "visitor_type", "weekday", "hour")


@derived(refers=_REFERS, columns=_OWN, keep=True)
def web_visits(web_sessions, leads=None, orders=None):
    """One row a visit to the web site.

    Columns: those of web_sessions; of the visitor, null where the visit names none: first_started_at (the first visit
    that the data knows), is_first (whether this one is it), first_lead_at (the first visit in which the visitor became
    a lead); customer_id (whom the visit's own order or lead belongs to, else the one customer to whom all that is
    known of the visitor leads); visitor_type (new in the first visit, returning later, unless the source says so
    itself); weekday and hour of the start.
    """
    lead_at = ibis.ifelse(web_sessions.lead_id.notnull(), web_sessions.started_at, ibis.null(TIME))
    visits = _with_owner(web_sessions, leads, orders).mutate(lead_at_=lead_at)
    # One order of rows for all that is asked of a visitor: an engine sorts once.
    rank = ibis.window(group_by="visitor_id", order_by=["started_at", "session_id"])
    whole = ibis.window(group_by="visitor_id", order_by=["started_at", "session_id"], preceding=None, following=None)
    visits = visits.mutate(
        place_=ibis.row_number().over(rank),
        came_=visits.started_at.min().over(whole),
        led_=visits.lead_at_.min().over(whole),
        low_=visits.owner_.min().over(whole),
        high_=visits.owner_.max().over(whole),
    )
    named = visits.visitor_id.notnull()
    shared = ibis.ifelse(named & (visits.low_ == visits.high_), visits.low_, ibis.null("string"))
    is_first = named & (visits.place_ == 0)
    type_ = ibis.cases((is_first, "new"), (named, "returning"))
    if "visitor_type" in visits.columns:
        type_ = visits.visitor_type.cast("string")
    day = visits.started_at.day_of_week.index()
    visits = visits.mutate(
        first_started_at=ibis.ifelse(named, visits.came_, ibis.null(TIME)),
        first_lead_at=ibis.ifelse(named, visits.led_, ibis.null(TIME)),
        is_first=is_first,
        customer_id=ibis.coalesce(visits.owner_, shared),
        visitor_type=type_,
        weekday=ibis.cases(*((day == place, name) for place, name in enumerate(_DAYS))),
        hour=visits.started_at.hour().cast("string").lpad(2, "0"),
    )
    return without(visits, "lead_at_", "place_", "came_", "led_", "low_", "high_", "owner_")


def _with_owner(visits: ir.Table, leads: ir.Table | None, orders: ir.Table | None) -> ir.Table:
    """Add `owner_`, the customer to whom a visit's own order, else its own lead, belongs."""
    found = []
    for table, key in ((orders, "order_id"), (leads, "lead_id")):
        if table is not None:
            name = f"of_{key}"
            owner = table.select(**{f"{name}_key": key, name: "customer_id"})
            visits = visits.left_join(owner, visits[key] == owner[f"{name}_key"]).drop(f"{name}_key")
            found.append(name)
    own = ibis.coalesce(*(visits[name] for name in found)) if found else ibis.null("string")
    return without(visits.mutate(owner_=own), *found)


@derived(refers=_REFERS, columns=_OWN)
def period_visitors(web_visits, period):
    """One row a visitor and period in which it came; the columns of web_visits are those of its first visit in it.

    Further columns: visits, all_pages and all_seconds of the visitor in the period, the latter two null where no visit
    tells them. A visitor with several sources is in the group of the first one, so groups add up to the whole.
    """
    inside = (web_visits.started_at >= at(period.start)) & (web_visits.started_at < at(period.end))
    visits = web_visits.filter(inside & web_visits.visitor_id.notnull())
    visits = visits.mutate(period_=period.start_of(visits.started_at))
    whole = ibis.window(group_by=["visitor_id", "period_"])
    inorder = ibis.window(group_by=["visitor_id", "period_"], order_by=["started_at", "session_id"])
    visits = visits.mutate(
        visits=visits.count().over(whole),
        all_pages=visits.pages.sum().over(whole),
        all_seconds=visits.duration_seconds.sum().over(whole),
        place_=ibis.row_number().over(inorder),
    )
    return without(visits.filter(visits.place_ == 0), "place_", "period_")
