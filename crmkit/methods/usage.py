"""Who uses the CRM and who has stopped, user by user; and which columns of its records are left empty."""

from __future__ import annotations

import functools
import operator
from datetime import timedelta

import pandas as pd

from crmkit.derived.records import FIELDS, concerns
from crmkit.engine import dimensions
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import need, run, said
from crmkit.periods import Period
from crmkit.relations import at

QUIET_DAYS = 28
"""A user of whom nothing was seen for so long has stopped."""
STATES = ("never began", "stopped", "uses it")


def users_by_week(crm, *, period: str | Period, weeks: int = 26, by: str = "user_id") -> pd.DataFrame:
    """Count the days on which each licensed user used the CRM, week by week, up to the end of a period.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    weeks : int
        At most so many whole weeks, the last one ended by the end of the period.
    by : str
        The column that names a user: user_id, or user.name where names may be shown.

    Returns
    -------
    DataFrame
        One row a user and week in which they had a licence: the column `by`, `period` (start of the week), `value`
        (days, 0-7).

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"users": {"user_id": list("ab"), "licensed": ["true"] * 2},
    ...     "usage": {"user_id": list("aab"), "at": ["2026-03-02", "2026-03-03", "2026-03-11"]}}, as_of="2026-03-31")
    >>> users_by_week(crm, period="2026-03", weeks=4).pivot(index="user_id", columns="period", values="value").values
    array([[2., 0., 0., 0.],
           [0., 1., 0., 0.]])
    """
    need(crm, "users_by_week", "users", "usage")
    now = crm.period(period)
    calendar = now.calendar
    known = now.end if crm.as_of is None else min(now.end, crm.as_of + timedelta(microseconds=1))
    last = calendar.floor(known, "week")
    span = Period(calendar.step(last, "week", -weeks), last, None, calendar)
    found = crm.measure("days_active_per_user", period=span, every="week", by=by, intervals=False)
    found = found[found["value"].notna()].reset_index(drop=True)
    if not len(found):
        raise NotInThisData(f"users_by_week: nobody had a licence in the {weeks} weeks before {last:%Y-%m-%d}.")
    return said(found[[by, "period", "value"]], crm, title="Days of use", unit="days", every="week")


def user_states(crm, *, period: str | Period, by: str = "user_id", quiet_days: int = QUIET_DAYS) -> pd.DataFrame:
    """Say of each licensed user whether they use the CRM, have stopped, or never began, at the end of a period.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    by : str
        The column that names a user: user_id, user.name.
    quiet_days : int
        A user who was seen before but not in the last so many days has stopped.

    Returns
    -------
    DataFrame
        One row a licensed user who is there at the end of the period, those to talk to first: the column `by`, `team`,
        `state` ("never began", "stopped" or "uses it"), `first`, `last` (days of use; null where there was none),
        `quiet_days` (since the last one), `days_active` (in the period).

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"users": {"user_id": list("abc"), "licensed": ["true"] * 3},
    ...     "usage": {"user_id": list("ab"), "at": ["2026-01-02", "2026-03-30"]}}, as_of="2026-03-31")
    >>> user_states(crm, period="2026-03")[["user_id", "state"]].values.tolist()
    [['c', 'never began'], ['a', 'stopped'], ['b', 'uses it']]
    """
    need(crm, "user_states", "users", "usage")
    now = crm.period(period)
    end = min(now.end, crm.as_of) if crm.as_of is not None else now.end
    licences = crm.relations.get("licences")
    names, columns = dimensions.joined(crm, crm.relations, "licences", _names(crm, by))
    there = names.filter((licences.came_at < at(end)) & (licences.left_at.isnull() | (licences.left_at >= at(end))))
    usage = crm.relations.get("usage")
    seen = usage.filter(usage["at"] < at(now.end))
    inside = seen["at"] >= at(now.start)
    seen = seen.group_by(seen_id="user_id").agg(
        first=seen["at"].min(), last=seen["at"].max(), days_active=seen["at"].truncate("D").nunique(where=inside)
    )
    rows = there.left_join(seen, there.user_id == seen.seen_id)
    found = run(rows.select(*columns, "first", "last", days_active=rows.days_active.fill_null(0)))
    found = found.rename(columns=dict(zip(columns, (by, "team"), strict=False)))
    if not len(found):
        raise NotInThisData(f"user_states: nobody has a licence at the end of {now.name}.")
    found["quiet_days"] = (pd.Timestamp(end) - found["last"]) / pd.Timedelta(days=1)
    stopped = found["quiet_days"] > quiet_days
    found["state"] = stopped.map({True: STATES[1], False: STATES[2]}).where(found["last"].notna(), STATES[0])
    place = found["state"].map({state: at_ for at_, state in enumerate(STATES)})
    order = found.assign(place=place, quiet=-found["quiet_days"].fillna(1e9)).sort_values(["place", "quiet", by]).index
    shown = [by, *(["team"] if "team" in found else []), "state", "first", "last", "quiet_days", "days_active"]
    return said(found.loc[order, shown].reset_index(drop=True), crm, period=now.name)


def _names(crm, by: str) -> list[str]:
    """Return the columns to name users by: the one asked for, and their team where the data has it."""
    try:
        dimensions.find(crm, "licences", "team")
    except UsageError:
        return [by]
    return [by, "team"]


def completeness_by_column(crm, *, period: str | Period) -> pd.DataFrame:
    """Say column by column how many cells are filled in, of the records there are at the end of a period.

    The columns add up to the metric field_completeness.

    Returns
    -------
    DataFrame
        One row a column, the emptiest first: `table`, `column`, `value` (share), `numerator` (filled), `denominator`,
        `empty`, `n`. Left out: columns in which the data has nothing at all, listed in `attrs["unused"]`.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("ab"), "created_at": ["2026-01-01"] * 2,
    ...     "name": ["A", "B"], "email": ["a@example.org", None]}}, as_of="2026-03-31")
    >>> completeness_by_column(crm, period="2026-Q1")[["column", "value"]].values.tolist()
    [['email', 0.5], ['name', 1.0]]
    """
    now = crm.period(period)
    rows, unused = [], []
    for name, groups in FIELDS.items():
        if name not in crm.relations:
            continue
        table = crm.relations.get(name)
        counted = run(table.agg(**functools.reduce(operator.or_, _counts(name, table, groups, now)))).iloc[0]
        for column in (column for columns in groups.values() for column in columns):
            if not counted[f"any_{column}"]:
                unused.append(f"{name}.{column}")
                continue
            filled, cells = float(counted[f"filled_{column}"]), float(counted[f"cells_{column}"])
            if cells:
                rows.append((name, column, filled / cells, filled, cells, cells - filled, cells))
    if not rows:
        raise NotInThisData("completeness_by_column: not in this data, needs customers, leads or opportunities.")
    frame = pd.DataFrame(rows, columns=["table", "column", "value", "numerator", "denominator", "empty", "n"])
    frame = frame.sort_values(["value", "table", "column"], kind="stable", ignore_index=True)
    return said(frame, crm, title="Field completion rate", unit="share", unused=unused)


def _counts(name: str, table, groups, now: Period):
    """Yield, for each group of columns, the sums to ask a table for."""
    there = table.created_at < at(now.end)
    for whom, columns in groups.items():
        concerned = concerns(name, table, whom)
        mine = there if concerned is None else there & concerned
        for column in columns:
            yield {
                f"any_{column}": table[column].count(),
                f"cells_{column}": table.count(where=mine),
                f"filled_{column}": table[column].count(where=mine),
            }
