"""What stopped arriving: sources that fell silent, days without any row; each with a stated rate of false alarms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd

from crmkit.numbers import say
from crmkit.quality.rule import Look
from crmkit.relations import at
from crmkit.source import RECORDED

_YEAR = 365
_LEAST_DAYS = 60
_ABSENCE = {"owner_id": 35, "user_id": 35, "agent_id": 35}
"""A person may be away for five weeks; a source that is silent for a week may be one that is slow."""
_ENDING = {"experiments"}
"""Tables whose rows end when something is over."""
_WEEKS = 8
_MOST_GROUPS = 300
_WORDS = {"owner_id": "owner", "user_id": "user", "agent_id": "agent"}


def gaps(look: Look) -> Iterator[dict[str, Any]]:
    """Yield sources, users and tables that fell silent, and days that are missing.

    A source is silent where the chance of so many days without a row is below `silence_alarm` (0.001), taken over all
    sources of the table (Bonferroni): with p the share of days with rows in the year up to its last row, the chance is
    (1 − p) to the power of the days since. The silence must also be twice as long as any earlier one, and the source
    must have had rows on 20 days. Whoever has left (`users.active_to`) is not expected to go on.

    A day is missing where the chance of none is below `missing_day_alarm` (0.01) over all days of the table: expected
    is the mean of the same weekday in the eight weeks before and after, with the variance that this weekday has.
    Holidays of crm.toml are left out, and so are days of the year that are empty every year.
    """
    born = look.declared.born
    if look.table not in RECORDED - _ENDING or not born or born not in look.present or look.crm.as_of is None:
        return
    days = _days(look, born)
    if len(days) < _LEAST_DAYS:
        return
    silent = _silence(look, days, groups=1)
    if silent is not None:
        yield _table_silent(look, days, *silent)
    else:
        for column in (look.entry, look.owner if look.table != "usage" else ""):
            if column and not look.crm.config.quality.is_off("source_silent", look.table, column):
                yield from _groups(look, born, column)
    missing = missing_days(
        days.loc[: days[days > 0].index[-1]],
        holidays=look.crm.config.holidays,
        alarm=look.crm.config.quality.threshold("missing_day_alarm"),
    )
    if len(missing):
        shown = [f"{day:%Y-%m-%d}" for day in missing]
        yield {
            "rule": "days_missing",
            "column": born,
            "finding": f"has no row on {len(shown)} {'day' if len(shown) == 1 else 'days'} that should have some",
            "rows": len(shown),
            "share": len(shown) / len(days),
            "unit": "days",
            "examples": shown[:3],
            "advice": "Look whether an export failed, and fetch the days again; holidays belong in crm.toml.",
            "effect": "Counts and sums of the periods that hold these days are too low.",
        }


def missing_days(days: pd.Series, *, holidays=(), alarm: float = 0.01) -> list[pd.Timestamp]:
    """Return the days without rows that chance, the weekday and the season do not explain.

    Parameters
    ----------
    days : Series
        Rows of each day, without a gap in its index.
    holidays : sequence of date
        Days on which nothing is expected.
    alarm : float
        The chance of a false alarm among all days.

    Examples
    --------
    >>> days = pd.Series(20, pd.date_range("2026-01-01", "2026-06-30"))
    >>> days["2026-03-04"] = 0
    >>> days[days.index.day_of_week == 6] = 0
    >>> missing_days(days)
    [Timestamp('2026-03-04 00:00:00')]
    """
    counts, empty = days.to_numpy(float), np.flatnonzero(days.to_numpy() == 0)
    free = {pd.Timestamp(day) for day in holidays}
    found = []
    for place in empty:
        around = np.arange(place - 7 * _WEEKS, place + 7 * _WEEKS + 1, 7)
        around = counts[around[(around >= 0) & (around < len(counts)) & (around != place)]]
        if around.size < _WEEKS:
            continue
        mean = around.mean()
        spread = max(1.0, around.var(ddof=1) / mean) if mean else 1.0
        chance = np.exp(-mean) if spread < 1.01 else spread ** (-mean / (spread - 1))  # of a negative binomial
        day = days.index[place]
        if chance * len(counts) < alarm and day not in free and not _every_year(days, place):
            found.append(day)
    return found


def _every_year(days: pd.Series, place: int) -> bool:
    """Tell whether the same day of the year is empty in every other year of the data, of which there must be one."""
    day = days.index[place]
    others = days[(days.index.month == day.month) & (days.index.day == day.day) & (days.index.year != day.year)]
    return len(others) > 0 and not others.any()


def _days(look: Look, born: str) -> pd.Series:
    """Return the rows of each day from the first one up to `as_of`."""
    end = look.crm.as_of
    data = look.crm.tables[look.table]
    known = data.filter(data[born] <= at(end))
    found = known.group_by(day=known[born].truncate("D")).agg(rows=known.count()).to_pyarrow().to_pandas()
    if found.empty:
        return pd.Series(dtype=float)
    found["day"] = pd.to_datetime(found["day"])
    early = end - timedelta(days=40 * _YEAR)  # default dates stand alone, decades ago
    series = found[found["day"] > early].set_index("day")["rows"].sort_index()
    if series.empty:
        return series
    return series.reindex(pd.date_range(series.index[0], pd.Timestamp(end).normalize()), fill_value=0)


def _silence(look: Look, days: pd.Series, *, groups: int) -> tuple[int, float] | None:
    """Return since how many days a series is silent, and its rows a week before; None where that may be chance."""
    active = np.flatnonzero(days.to_numpy() > 0)
    settings = look.crm.config.quality
    if active.size < settings.threshold("silence_rows"):
        return None
    silent = len(days) - 1 - active[-1]
    recent = active[active > active[-1] - _YEAR]
    gap = np.diff(recent).max() if recent.size > 1 else len(days)
    span = recent[-1] - recent[0] + 1
    steady = recent.size >= settings.threshold("silence_rows") and silent > 2 * gap
    chance = (1 - min(recent.size / span, 0.95)) ** silent * groups
    if not steady or chance >= settings.threshold("silence_alarm"):
        return None
    return int(silent), float(days.iloc[recent[0] : recent[-1] + 1].mean() * 7)


def _groups(look: Look, born: str, column: str) -> Iterator[dict[str, Any]]:
    """Find values of a column, such as a source, of which there are no rows any more."""
    data, end = look.crm.tables[look.table], look.crm.as_of
    known = data.filter((data[born] <= at(end)) & data[column].notnull() & (data[born] > at(end - timedelta(3650))))
    found = known.group_by(group=known[column], day=known[born].truncate("D")).agg(rows=known.count())
    largest = (
        known.group_by(of_=known[column]).agg(whole_=known.count()).order_by(ibis.desc("whole_")).limit(_MOST_GROUPS)
    )
    found = found.inner_join(largest, found.group == largest.of_).drop("of_", "whole_").to_pyarrow().to_pandas()
    gone = _left(look) if column in _WORDS else frozenset()
    found["day"] = pd.to_datetime(found["day"])
    last = pd.Timestamp(end).normalize()
    number = found["group"].nunique()
    for group, rows in found.sort_values("day").groupby("group", sort=True):
        days = rows.set_index("day")["rows"]
        if group in gone or (last - days.index[-1]).days < _ABSENCE.get(column, 7):
            continue
        series = days.reindex(pd.date_range(days.index[0], last), fill_value=0)
        silent = _silence(look, series, groups=number)
        if silent is not None:
            yield _group_silent(column, str(group), days.index[-1], *silent)


def _left(look: Look) -> frozenset[str]:
    """Return the users who have left by the end of the data."""
    users = look.other("users", "user_id", "active_to")
    if users is None:
        return frozenset()
    gone = users.filter(users.active_to <= at(look.crm.as_of)).select("user_id")
    return frozenset(gone.to_pyarrow()["user_id"].to_pylist())


def _group_silent(column: str, group: str, last: pd.Timestamp, silent: int, weekly: float) -> dict[str, Any]:
    what = _WORDS.get(column, column)
    advice = (
        "If this user has left, fill in users.active_to and hand the records over; else ask why nothing is entered."
        if column in _WORDS
        else "Look whether it was switched off, renamed, or is no longer exported."
    )
    return {
        "rule": "source_silent",
        "column": column,
        "finding": f"has no row of the {what} {group} since {last:%Y-%m-%d}; before, there were "
        f"{say(weekly, 'per_unit', digits=1)} a week",
        "rows": silent,
        "share": 0.0,
        "unit": "days",
        "examples": [f"{column} {group}"],
        "advice": advice,
        "effect": f"Since then every count by time lacks what came by the {what} {group}: a fall of it is no fall of "
        "business.",
    }


def _table_silent(look: Look, days: pd.Series, silent: int, weekly: float) -> dict[str, Any]:
    last = days[days > 0].index[-1]
    return {
        "rule": "table_silent",
        "column": look.declared.born,
        "finding": f"has no row since {last:%Y-%m-%d}; before, there were {say(weekly, 'per_unit', digits=1)} a week",
        "rows": silent,
        "share": 0.0,
        "unit": "days",
        "examples": [],
        "advice": f"Export it up to {look.crm.as_of:%Y-%m-%d}, as the other tables, or set as_of in crm.toml.",
        "effect": "The last periods look as if nothing had happened.",
    }
