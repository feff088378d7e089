"""The way from the web site: how many visitors become leads, opportunities and customers, or buy, and how fast."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import ibis
import ibis.expr.types as ir
import pandas as pd

from crmkit.casting import TIME
from crmkit.engine import dimensions
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import median, names, need, pick, run, said
from crmkit.methods.funnel import fold
from crmkit.periods import Period
from crmkit.relations import at

_DAY = 86_400.0


def site_funnel(
    crm,
    *,
    period: str | Period,
    by: str | Sequence[str] | None = None,
    window_days: int = 90,
    path: Literal["leads", "orders"] = "leads",
    who: Literal["new", "all"] = "new",
) -> pd.DataFrame:
    """Follow the visitors of a period until they become leads, opportunities and customers, or buy on the site.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    by : str or list of str, optional
        Columns of web_visits, or of the tables they join to: those of the visit with which following begins. So each
        visitor is in one group, and groups add up.
    window_days : int
        Each visitor is followed for so long; what comes later counts for nobody. Visitors whose window is still open
        at `as_of` count as open, and conversions are those of the others.
    path : {"leads", "orders"}
        "leads": visitors, leads, opportunities, customers (a won opportunity of the lead, or a lead that became a
        customer without one); steps whose table this data lacks are left out. "orders": visitors, those who saw a
        second page, those who placed an order.
    who : {"new", "all"}
        "new" follows the visitors whose first visit of all lies in the period, from that visit: each visitor is
        followed once. "all" follows every visitor of the period from its first visit in it, those too who were leads
        or customers before.

    Returns
    -------
    DataFrame
        One row a group and step, as `funnel` returns them, with Wilson intervals; `median_days` and `mean_days` are
        those from a step to the next, of the visitors with both. `attrs["bought"]` on the path of leads: visitors
        with a closed window who ordered on the site and are no customer by that path.

    Raises
    ------
    NotInThisData
        Where there are no visits, or they name no leads (no orders).

    Notes
    -----
    A visitor counts for every step up to the furthest within the window, so the funnel never widens: a lead that became
    a customer without an opportunity has passed that step, too. Visits that name no visitor are left out.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("1234"), "visitor_id": list("aabc"),
    ...     "lead_id": [None, "L1", None, None], "started_at": ["2026-03-01", "2026-03-05", "2026-03-02",
    ...     "2026-03-31"]}, "leads": {"lead_id": ["L1"], "created_at": ["2026-03-05"], "customer_id": ["X"],
    ...     "converted_at": ["2026-03-11"]}}, as_of="2026-04-15")
    >>> found = site_funnel(crm, period="2026-03", window_days=30)
    >>> found[["stage", "entered", "went_on", "lost", "open", "conversion", "median_days"]]
           stage  entered  went_on  lost  open  conversion  median_days
    0   Visitors        3        1     1     1         0.5          4.0
    1      Leads        1        1     0     0         1.0          6.0
    2  Customers        1        0     0     0         NaN          NaN
    """
    pick("path", path, ("leads", "orders"))
    pick("who", who, ("new", "all"))
    if isinstance(window_days, bool) or not isinstance(window_days, int | float) or window_days <= 0:
        raise UsageError(f"window_days is {window_days!r}; it must be a number above 0.")
    need(crm, "site_funnel", "web_visits")
    needed = "lead_id" if path == "leads" else "order_id"
    if not crm.present["web_sessions"] & {needed}:
        raise NotInThisData(f"site_funnel: not in this data, needs the column web_sessions.{needed}.")
    wanted = names(by)
    starts, groups = _starts(crm, crm.period(period), wanted, who)
    make = _led if path == "leads" else _bought
    rows, steps = make(crm, starts, groups, window_days)
    found = run(_asked(crm, rows, list(steps.values()), groups, window_days))
    frame = fold(found, list(steps), groups, wanted)
    title = "From visit to customer" if path == "leads" else "From visit to order"
    besides = int(found["bought"].fillna(0).sum())
    return said(frame, crm, title=title, unit="count", bought=besides, window_days=window_days)


def _starts(crm, span: Period, by: list[str], who: str) -> tuple[ir.Table, list[str]]:
    """Return one row a visitor to follow: visitor, came_at, until and the groups of the visit that it begins with."""
    visits, groups = dimensions.joined(crm, crm.relations, "web_visits", by)
    inside = (visits.started_at >= at(span.start)) & (visits.started_at < at(span.end))
    visits = visits.filter(inside & visits.visitor_id.notnull())
    if who == "all":
        inorder = ibis.window(group_by="visitor_id", order_by=["started_at", "session_id"])
        visits = visits.mutate(is_first=ibis.row_number().over(inorder) == 0)
    firsts = visits.filter(visits.is_first)
    return firsts.select(*groups, visitor="visitor_id", came_at="started_at"), groups


def _followed(crm, starts: ir.Table, window_days: float) -> ir.Table:
    """Return the visits within the windows, each with the visitor that it belongs to."""
    visits = crm.relations.get("web_visits")
    visits = visits.select("visitor_id", "started_at", "pages", "lead_id", "order_id")
    both = starts.select("visitor", "came_at").inner_join(visits, starts.visitor == visits.visitor_id)
    return both.filter(_inside(both.started_at, both.came_at, window_days))


def _inside(time: ir.TimestampValue, begun: ir.TimestampValue, window_days: float) -> ir.BooleanValue:
    return (time >= begun) & (time <= begun + ibis.interval(seconds=int(window_days * _DAY)))


def _first(time: ir.TimestampValue, where: ir.BooleanValue) -> ir.TimestampScalar:
    return ibis.ifelse(where, time, ibis.null(TIME)).min()


def _bought(crm, starts: ir.Table, groups: list[str], window_days: float) -> tuple[ir.Table, dict[str, str]]:
    """Add when each visitor saw a second page and placed an order."""
    visits = _followed(crm, starts, window_days)
    each = visits.group_by(of="visitor").agg(
        second_at=_first(visits.started_at, (visits.pages > 1) | visits.order_id.notnull()),
        ordered_at=_first(visits.started_at, visits.order_id.notnull()),
    )
    rows = starts.left_join(each, starts.visitor == each.of).drop("of")
    steps = {"Visitors": "came_at", "Saw a second page": "second_at", "Bought": "ordered_at"}
    return rows.mutate(bought_at=ibis.null(TIME)), steps


def _led(crm, starts: ir.Table, groups: list[str], window_days: float) -> tuple[ir.Table, dict[str, str]]:
    """Add when each visitor became a lead, an opportunity and a customer, as far as this data has the tables."""
    visits = _followed(crm, starts, window_days)
    each = visits.group_by(of="visitor").agg(
        lead_at=_first(visits.started_at, visits.lead_id.notnull()),
        bought_at=_first(visits.started_at, visits.order_id.notnull()),
    )
    rows = starts.left_join(each, starts.visitor == each.of).drop("of")
    steps = {"Visitors": "came_at", "Leads": "lead_at"}
    if "leads" not in crm.relations:
        return rows, steps
    made = visits.filter(visits.lead_id.notnull()).select("visitor", "came_at", made_id="lead_id").distinct()
    ends = _ends(crm)
    made = made.left_join(ends, made.made_id == ends.of_id).drop("of_id")
    reached = made.group_by(of="visitor").agg(
        opened_at=_first(made.opened_at, _inside(made.opened_at, made.came_at, window_days)),
        won_at=_first(made.won_at, _inside(made.won_at, made.came_at, window_days)),
    )
    rows = rows.left_join(reached, rows.visitor == reached.of).drop("of")
    if "opportunities" in crm.relations:
        steps["Opportunities"] = "opened_at"
    return rows, steps | {"Customers": "won_at"}


def _ends(crm) -> ir.Table:
    """Return one row a lead: when its first opportunity was created, and when it was won or became a customer."""
    leads = crm.relations.get("leads")
    direct = leads.customer_id.notnull() & leads.opportunity_id.isnull()
    converted = ibis.ifelse(direct, leads.converted_at, ibis.null(TIME))
    leads = leads.select("lead_id", "opportunity_id", direct_at=converted)
    if "opportunities" not in crm.relations:
        return leads.select(of_id="lead_id", opened_at=ibis.null(TIME), won_at="direct_at")
    deals = crm.relations.get("opportunities")
    won_at = ibis.ifelse(deals.outcome == "won", deals.closed_at, ibis.null(TIME))
    deals = deals.select("opportunity_id", "lead_id", opened="created_at", won=won_at)
    # Either table may carry the link; both are brought to one row a lead before they meet.
    own = deals.filter(deals.lead_id.notnull()).select("opened", "won", to_id="lead_id")
    named = leads.filter(leads.opportunity_id.notnull()).select(to_id="lead_id", deal_id="opportunity_id")
    linked = named.inner_join(deals, named.deal_id == deals.opportunity_id).select("opened", "won", "to_id")
    both = ibis.union(own, linked, distinct=True)
    each = both.group_by("to_id").agg(opened_at=both.opened.min(), won_=both.won.min())
    found = leads.left_join(each, leads.lead_id == each.to_id)
    won = ibis.ifelse(found.to_id.isnull(), found.direct_at, found.won_)
    return found.select(of_id="lead_id", opened_at="opened_at", won_at=won)


def _asked(crm, rows: ir.Table, dates: list[str], groups: list[str], window_days: float) -> ir.Table:
    """Ask, by group and furthest step, how many are open, lost and won; and for each step the days to the next."""
    last = len(dates) - 1
    steps = [(rows[date].notnull(), place) for place, date in reversed(list(enumerate(dates)))]
    rows = rows.mutate(place=ibis.cases(*steps, else_=0).cast("int64"))
    window = ibis.interval(seconds=int(window_days * _DAY))
    young = rows.came_at + window > at(crm.as_of) if crm.as_of is not None else ibis.literal(True)
    what = ibis.cases((rows.place == last, "won"), (young, "open"), else_="lost")
    elsewhere = ~young & (rows.place < last) & rows.bought_at.notnull()
    rows = rows.mutate(what=what, ripe=(~young).ifelse(1, 0), elsewhere=elsewhere.ifelse(1, 0))
    number, whole = ibis.null("float64"), "int64"
    counts = rows.group_by(*groups, "place", "what").agg(
        n=rows.count(), ripe=rows.ripe.sum().cast(whole), bought=rows.elsewhere.sum().cast(whole)
    )
    counts = counts.mutate(median_days=number, mean_days=number)
    parts = [counts.select(*groups, "place", "what", "n", "ripe", "bought", "median_days", "mean_days")]
    for place, (date, following) in enumerate(pairwise(dates)):
        both = rows.filter(rows[date].notnull() & rows[following].notnull())
        days = (both[following].epoch_seconds() - both[date].epoch_seconds()) / _DAY
        sums = {"n": both.count(), "median_days": median(crm, days), "mean_days": days.mean()}
        timed = both.group_by(groups).agg(**sums) if groups else both.agg(**sums)
        told = {"place": ibis.literal(place).cast(whole), "what": ibis.literal("days")}
        nothing = {"ripe": ibis.null(whole), "bought": ibis.null(whole)}
        parts.append(timed.mutate(**told, **nothing).select(parts[0].columns))
    return ibis.union(*parts, distinct=False)
