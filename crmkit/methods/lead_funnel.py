"""The way from a visit to a win: how many leads were contacted, qualified, converted and won, and how fast."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crmkit.casting import TIME
from crmkit.engine import dimensions
from crmkit.engine.intervals import wilson
from crmkit.errors import UsageError
from crmkit.methods.common import median, names, need, run, said
from crmkit.methods.funnel import fold
from crmkit.periods import Period
from crmkit.relations import at

STEPS = ("Leads", "Contacted", "Qualified", "Converted", "Won")
_DATES = ("created_at", "first_contacted_at", "qualified_at", "converted_at", "won_at")
_DAY = 86_400.0


def lead_funnel(
    crm,
    *,
    period: str | Period,
    by: str | Sequence[str] | None = None,
    window_days: int = 90,
    visitors: bool = False,
) -> pd.DataFrame:
    """Follow the leads created in a period until they are contacted, qualified, converted and won.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    by : str or list of str, optional
        Columns of leads, or of the tables they join to.
    window_days : int
        A lead created longer ago that has not converted is taken to be lost; a younger one is open still. Conversions
        are those of the leads created that long ago: the quick ones among the younger would flatter them.
    visitors : bool
        Whether the visitors of the web site in the period come first. Leads have other sources too, so the row counts
        as having gone on the visitors who became a lead, not all leads. Not with `by`.

    Returns
    -------
    DataFrame
        One row a group and step, as `funnel` returns them; `median_days` and `mean_days` are those from a step to the
        next, of the leads with both dates.

    Raises
    ------
    NotInThisData
        Where there are no leads, or no visits when they are asked for.

    Notes
    -----
    A lead counts for every step up to the furthest that it has a date for, so the funnel never widens. It is won with
    an opportunity of its own, or where it became a customer with no opportunity. A converted lead is open or lost as
    its opportunity is.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": list("abc"), "created_at": ["2026-03-01"] * 3,
    ...     "first_contacted_at": ["2026-03-02", "2026-03-04", None], "qualified_at": ["2026-03-09", None, None]}},
    ...     as_of="2026-06-30")
    >>> lead_funnel(crm, period="2026-03")[["stage", "entered", "went_on", "lost", "open", "median_days"]]
           stage  entered  went_on  lost  open  median_days
    0      Leads        3        2     1     0          2.0
    1  Contacted        2        1     1     0          7.0
    2  Qualified        1        0     1     0          NaN
    3  Converted        0        0     0     0          NaN
    4        Won        0        0     0     0          NaN
    """
    need(crm, "lead_funnel", "leads", *(["web_sessions"] if visitors else []))
    wanted = names(by)
    if isinstance(window_days, bool) or not isinstance(window_days, int | float) or window_days <= 0:
        raise UsageError(f"window_days is {window_days!r}; it must be a number above 0.")
    if visitors and wanted:
        raise UsageError("visitors=True goes without by: a visitor has none of the leads' columns.")
    span = crm.period(period)
    leads, groups = dimensions.joined(crm, crm.relations, "leads", wanted)
    leads = leads.filter((leads.created_at >= at(span.start)) & (leads.created_at < at(span.end)))
    frame = fold(run(_asked(crm, _with_wins(crm, leads), groups, window_days)), list(STEPS), groups, wanted)
    if visitors:
        frame = pd.concat([_visitors(crm, span, frame), frame], ignore_index=True)
    return said(frame, crm, title="From lead to win", unit="count")


def _with_wins(crm, leads: ir.Table) -> ir.Table:
    """Return the leads with `won_at`, how many of their opportunities are open, and whether they have any."""
    became = leads.customer_id.notnull() & leads.converted_at.notnull() & leads.opportunity_id.isnull()
    if "opportunities" not in crm.relations:
        won = ibis.ifelse(became, leads.converted_at, ibis.null(TIME))
        return leads.mutate(won_at=won, waits=ibis.literal(0), pursued=ibis.literal(False))
    deals = crm.relations.get("opportunities")
    # Either table may carry the link; both are brought to one row a lead before they meet.
    own = deals.filter(deals.lead_id.notnull()).select(of_id="lead_id", closed="closed_at", outcome="outcome")
    named = leads.filter(leads.opportunity_id.notnull()).select(of_id="lead_id", deal_id="opportunity_id")
    linked = named.inner_join(deals, named.deal_id == deals.opportunity_id)
    linked = linked.select(of_id=linked.of_id, closed=linked.closed_at, outcome=linked.outcome)
    both = ibis.union(own, linked, distinct=True)
    ends = both.group_by("of_id").agg(
        won_=ibis.ifelse(both.outcome == "won", both.closed, ibis.null(TIME)).min(),
        waits=(both.outcome == "open").sum(),
    )
    found = leads.left_join(ends, leads.lead_id == ends.of_id)
    direct = ibis.ifelse(found.of_id.isnull() & became, found.converted_at, ibis.null(TIME))
    won = ibis.coalesce(found.won_, direct)
    return found.mutate(won_at=won, waits=found.waits.fill_null(0), pursued=found.of_id.notnull()).drop("of_id", "won_")


def _asked(crm, leads: ir.Table, groups: list[str], window_days: float) -> ir.Table:
    """Ask, by group and furthest step, how many are open, lost and won; and for each step the days to the next."""
    steps = [(leads[date].notnull(), place) for place, date in reversed(list(enumerate(_DATES)))]
    rows = leads.mutate(place=ibis.cases(*steps, else_=0).cast("int64"))
    age = ibis.literal(0.0)
    if crm.as_of is not None:
        age = (at(crm.as_of).epoch_seconds() - rows.created_at.epoch_seconds()) / _DAY
    young = age < window_days
    waiting = (rows.waits > 0) | young
    over = (rows.place == 3) & (rows.waits == 0) & rows.pursued
    what = ibis.cases((rows.place == 4, "won"), (over, "lost"), (waiting, "open"), else_="lost")
    number = ibis.null("float64")
    rows = rows.mutate(what=what, ripe=ibis.ifelse(young, 0, 1).cast("int64"))
    counts = rows.group_by(*groups, "place", "what").agg(n=rows.count(), ripe=rows.ripe.sum().cast("int64"))
    parts = [counts.select(*groups, "place", "what", "n", "ripe", median_days=number, mean_days=number)]
    for place, (date, following) in enumerate(pairwise(_DATES)):
        both = leads.filter(leads[date].notnull() & leads[following].notnull())
        days = (both[following].epoch_seconds() - both[date].epoch_seconds()) / _DAY
        sums = {"n": both.count(), "median_days": median(crm, days), "mean_days": days.mean()}
        timed = both.group_by(groups).agg(**sums) if groups else both.agg(**sums)
        named = {"place": ibis.literal(place).cast("int64"), "what": ibis.literal("days"), "ripe": ibis.null("int64")}
        parts.append(timed.mutate(**named).select(parts[0].columns))
    return ibis.union(*parts, distinct=False)


def _visitors(crm, span: Period, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the row of the web site's visitors."""
    visits = crm.relations.get("web_sessions")
    visits = visits.filter((visits.started_at >= at(span.start)) & (visits.started_at < at(span.end)))
    each = visits.group_by("visitor_id").agg(became=visits.lead_id.count())
    found = run(each.agg(n=each.count(), became=(each.became > 0).sum())).fillna(0).iloc[0]
    n, became = int(found["n"]), int(found["became"])
    low, high = wilson(np.array([became]), np.array([n]))
    row = {"stage": "Visitors", "entered": n, "went_on": became, "lost": n - became, "open": 0,
           "conversion": became / n if n else np.nan, "low": low[0], "high": high[0]}  # fmt: skip
    return pd.DataFrame([row]).reindex(columns=frame.columns)
