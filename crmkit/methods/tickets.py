"""Tickets beyond one number: when they come, how old those are that wait, and how long waiting lasts, open ones too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import ibis
import numpy as np
import pandas as pd

from crmkit import kinds
from crmkit.engine import dimensions, waiting
from crmkit.engine.buckets import buckets
from crmkit.engine.query import START
from crmkit.hours import calendar_hours
from crmkit.methods.common import names, need, pick, run, said
from crmkit.methods.survival import CURVE, kaplan_meier
from crmkit.periods import Period
from crmkit.relations import at

AGES = ((1, "under 1 day"), (3, "1 to 3 days"), (7, "3 to 7 days"), (28, "1 to 4 weeks"), (np.inf, "over 4 weeks"))
"""Bands of the age of open tickets: the days below which one ends, and its name."""

_EVENTS = ("opened_at", "first_response_at", "resolved_at")
_HOURS_OF_A_DAY = 24.0


def ticket_load(crm, *, period: str | Period, of: str = "opened_at") -> pd.DataFrame:
    """Count tickets by weekday and hour of the day.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    of : {"opened_at", "first_response_at", "resolved_at"}
        Which event is counted.

    Returns
    -------
    DataFrame
        168 rows: `weekday` (1 Monday to 7 Sunday), `hour` (0 to 23, in the company's zone), `value` (tickets, 0 where
        none), `days` (how many such weekdays the period has up to `as_of`).

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"),
    ...     "opened_at": ["2026-03-02 09:10", "2026-03-09 09:50", "2026-03-06 16:00"]}})
    >>> load = ticket_load(crm, period="2026-03")
    >>> load[load["value"] > 0].to_numpy().tolist()
    [[1, 9, 2, 2], [5, 16, 1, 1]]
    """
    need(crm, "ticket_load", "tickets")
    column, span = pick("of", of, _EVENTS), crm.period(period)
    tickets = crm.relations.get("tickets")
    event = tickets[column]
    inside = tickets.filter((event >= at(span.start)) & (event < at(span.end)))
    event = inside[column]
    counted = inside.group_by(weekday=event.day_of_week.index().cast("int64") + 1, hour=event.hour().cast("int64"))
    found = run(counted.agg(value=inside.count())).set_index(["weekday", "hour"])["value"]
    every = pd.MultiIndex.from_product([range(1, 8), range(24)], names=["weekday", "hour"])
    frame = found.reindex(every, fill_value=0).astype(int).reset_index()
    end = span.end if crm.as_of is None else min(span.end, crm.as_of)
    days = pd.date_range(span.start, end, inclusive="left").day_of_week + 1
    frame["days"] = frame["weekday"].map(pd.Series(days).value_counts()).fillna(0).astype(int)
    title = {"opened_at": "opened", "first_response_at": "answered", "resolved_at": "resolved"}[column]
    return said(frame, crm, title=f"Tickets {title}", unit="count")


def backlog_age(crm, *, by: str = "priority", moment: str | datetime | None = None) -> pd.DataFrame:
    """Tell how old the tickets are that wait for their resolution.

    Parameters
    ----------
    crm : Crm
    by : str
        A column of tickets, or of the tables they join to; "" for all together.
    moment : datetime or str, optional
        By default `as_of`, up to which the data is known.

    Returns
    -------
    DataFrame
        One row a group, the largest backlog first: the group, `open` (tickets), `median_days`, `oldest_days`, and one
        column a band of `AGES` with the tickets in it. Days are those of the calendar, parts of days counted.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "priority": ["high", "low", "low"],
    ...     "opened_at": ["2026-03-30", "2026-03-01", "2026-03-31"], "resolved_at": [None, None, None]}},
    ...     as_of="2026-03-31 12:00")
    >>> backlog_age(crm).iloc[:, :6]
      priority  open  median_days  oldest_days  under 1 day  1 to 3 days
    0      low     2         15.5         30.5            1            0
    1     high     1          1.5          1.5            0            1
    """
    need(crm, "backlog_age", "tickets")
    then = datetime.fromisoformat(moment) if isinstance(moment, str) else moment or crm.as_of
    bands = [name for _, name in AGES]
    columns = [*names(by or None), "open", "median_days", "oldest_days", *bands]
    if then is None:
        return said(pd.DataFrame(columns=columns), crm, title="Age of the backlog")
    tickets, groups = dimensions.joined(crm, crm.relations, "tickets", names(by or None))
    waits = tickets.filter(
        (tickets.opened_at < at(then)) & (tickets.resolved_at.isnull() | (tickets.resolved_at > at(then)))
    )
    hours = calendar_hours(waits.opened_at, at(then), zone=crm.config.timezone, as_of=crm.as_of)
    rows = run(waits.select(*groups, days=hours / _HOURS_OF_A_DAY))
    rows["band"] = pd.cut(rows["days"], [-np.inf, *(days for days, _ in AGES)], right=False, labels=bands)
    parts = rows.groupby(groups, sort=True) if groups else [((), rows)]
    made = []
    for key, part in parts:
        label = dict(zip(names(by or None), key if isinstance(key, tuple) else (key,), strict=True))
        counted = part["band"].value_counts().reindex(bands, fill_value=0).to_dict()
        known = {"median_days": part["days"].median(), "oldest_days": part["days"].max()}
        made.append(label | {"open": len(part)} | known | counted)
    frame = pd.DataFrame(made, columns=columns).sort_values("open", ascending=False, kind="stable", ignore_index=True)
    return said(frame, crm, title="Age of the backlog")


def resolution_survival(
    crm,
    *,
    period: str | Period,
    by: str | Sequence[str] | None = None,
    until: str = "resolution",
    longest_hours: float = 240,
) -> pd.DataFrame:
    """Estimate the share of tickets that still wait, by hours since they were opened (Kaplan-Meier).

    Parameters
    ----------
    crm : Crm
    period : str or Period
        In which the tickets were opened.
    by : str or list of str, optional
        Columns of tickets, or of the tables they join to. Several make one group, joined by " · ".
    until : {"resolution", "first_response"}
        What they wait for. A ticket that is resolved without a first response is watched until then.
    longest_hours : float
        How long a ticket is watched; the curve ends there.

    Returns
    -------
    DataFrame
        One row an hour: `time` (calendar hours, begun ones counted in full), `at_risk`, `events`, `censored` (open
        tickets, watched until `as_of`), `survival` (share 0-1 that still waits), `low`, `high` (95%, log-log), and a
        column for `by`. In `attrs["left_out"]` how many ended before they began.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-01"] * 2 + ["2026-03-02"],
    ...     "resolved_at": ["2026-03-01 05:00", "2026-03-01 09:30", None]}}, as_of="2026-03-02 07:00")
    >>> resolution_survival(crm, period="2026-03")[["time", "at_risk", "events", "survival"]].round(3)
       time  at_risk  events  survival
    0   5.0      3.0     1.0     0.667
    1   7.0      2.0     0.0     0.667
    2  10.0      1.0     1.0     0.000
    """
    wanted, span = names(by), crm.period(period)
    need(crm, "resolution_survival", "tickets")
    resolved = pick("until", until, ("resolution", "first_response")) == "resolution"
    if crm.as_of is None:
        return said(pd.DataFrame(columns=CURVE), crm, title="Still waiting", unit="share", left_out=0)
    tickets, groups = dimensions.joined(crm, crm.relations, "tickets", wanted)
    tickets = tickets.filter((tickets.opened_at >= at(span.start)) & (tickets.opened_at < at(span.end)))
    event = tickets.resolved_at if resolved else tickets.first_response_at
    ended = ibis.coalesce(event, tickets.resolved_at, at(crm.as_of))
    hours = calendar_hours(tickets.opened_at, ended, zone=crm.config.timezone, as_of=crm.as_of)
    counted = tickets.group_by(*groups, hours=hours.ceil(), met=event.notnull()).agg(tickets=tickets.count())
    found = run(counted).rename(columns=dict(zip(groups, wanted, strict=True)))
    rows = found[found["hours"] >= 0]
    late = rows["hours"] > longest_hours
    times = rows["hours"].clip(upper=longest_hours).astype(float)
    group = rows[wanted].astype(str).agg(" · ".join, axis=1).rename(" · ".join(wanted)) if wanted else None
    curve = kaplan_meier(times, rows["met"].astype(bool) & ~late, weights=rows["tickets"], groups=group)
    title = "Tickets not resolved yet" if resolved else "Tickets not answered yet"
    return said(curve, crm, title=title, unit="share", left_out=int(found["tickets"].sum() - rows["tickets"].sum()))


def service_hours_censored(
    crm,
    *,
    period: str | Period,
    until: str = "resolution",
    every: str | None = None,
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Estimate the median hours to resolution or first response, tickets that still wait counted as waiting.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    until : {"resolution", "first_response"}
    every : {"week", "month", "quarter", "year"}, optional
        Split the period into these.
    by : str or list of str, optional
        Columns of tickets, or of the tables they join to.

    Returns
    -------
    DataFrame
        One row a period and group: `period` (start), one column for each of `by`, `value` (calendar hours; null where
        more than half still wait), `low`, `high` (95%, Brookmeyer and Crowley), `n` (tickets that met the event in the
        period, or wait at its end), `met`, `waiting`.

    Notes
    -----
    The plain medians know only tickets whose wait is over, so they look better as the backlog grows. Here those that
    wait at the end of the period (or at `as_of`) count with the hours that they have waited so far. Tickets resolved
    without a first response are left out of its median. Clock changes are not allowed for: an hour on those days.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"tickets": {"ticket_id": list("abc"), "opened_at": ["2026-03-01"] * 3,
    ...     "resolved_at": ["2026-03-01 04:00", "2026-03-01 10:00", None]}}, as_of="2026-03-02")
    >>> service_hours_censored(crm, period="2026-03")[["value", "n", "met", "waiting"]].values.tolist()
    [[10.0, 3.0, 2.0, 1.0]]
    """
    wanted = names(by)
    resolved = pick("until", until, ("resolution", "first_response")) == "resolution"
    need(crm, "service_hours_censored", "tickets")
    span = buckets(crm, period, every)
    tickets, groups = dimensions.joined(crm, crm.relations, "tickets", wanted)
    if resolved:
        kind = kinds.waiting(tickets.opened_at, tickets.resolved_at, tickets.resolved_at.notnull())
    else:
        over = ibis.coalesce(tickets.first_response_at, tickets.resolved_at)
        kind = kinds.waiting(tickets.opened_at, over, tickets.first_response_at.notnull())
    rows = waiting.fetch(tickets, groups, kind, span)
    parts = [waiting.in_period(rows, part, groups, as_of=crm.as_of) for part in span.periods]
    found = pd.concat(parts, ignore_index=True).rename(columns={START: "period"})
    found = found.rename(columns=dict(zip(groups, wanted, strict=True)))
    found[["value", "low", "high"]] *= _HOURS_OF_A_DAY
    title = "Resolution, median with open ones" if resolved else "First response, median with open ones"
    return said(
        found[["period", *wanted, "value", "low", "high", "n", "met", "waiting"]], crm, title=title, unit="hours"
    )


__all__ = ["AGES", "backlog_age", "resolution_survival", "service_hours_censored", "ticket_load"]
