"""Time between two moments in calendar hours and in business hours, across weekends, holidays and clock changes.

Moments are naive and in the company's own zone, so a night in which the clocks change has 23 or 25 hours. Everything is
an Ibis expression in closed form: the business time from a fixed Monday up to a moment is a sum of clipped differences,
and the time between two moments is the difference of two such sums. It costs the same for a minute and for a year.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir

from crmkit.relations import at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmkit.config import Hours

HOUR = 3600
DAY = 86_400
WEEK = 7 * DAY
YEARS_OF_CHANGES = 10
"""How many years of clock changes before `as_of` are known to an expression; earlier ones are taken as none."""

_MONDAY = datetime(1969, 12, 29)  # from which weeks are counted
_EPOCH = int((datetime(1970, 1, 1) - _MONDAY).total_seconds())


@dataclass(frozen=True)
class Change:
    """A clock change: at local time `at` the clocks go to `to`; the time between is skipped, or comes twice."""

    at: datetime
    to: datetime


@cache
def clock_changes(zone: str, first_year: int, last_year: int) -> tuple[Change, ...]:
    """List the clock changes of a zone from the start of one year to the end of another, in their order.

    Parameters
    ----------
    zone : str
        Such as Europe/Warsaw.
    first_year, last_year : int

    Examples
    --------
    >>> [(change.at.isoformat(" "), change.to.hour) for change in clock_changes("Europe/Warsaw", 2026, 2026)]
    [('2026-03-29 02:00:00', 3), ('2026-10-25 03:00:00', 2)]
    >>> clock_changes("UTC", 2000, 2030)
    ()
    """
    info, utc = ZoneInfo(zone), ZoneInfo("UTC")

    def offset(moment: datetime) -> timedelta:
        return moment.replace(tzinfo=utc).astimezone(info).utcoffset()

    found, day = [], datetime(first_year, 1, 1)
    before = offset(day)
    while day.year <= last_year:
        after = offset(day + timedelta(days=1))
        if after != before:
            low, high = 0, DAY  # the offset is still the old one at `low`, and the new one at `high`
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(day + timedelta(seconds=middle)) == before else (low, middle)
            moment = day + timedelta(seconds=high)
            found.append(Change(moment + before, moment + after))
            before = after
        day += timedelta(days=1)
    return tuple(found)


def calendar_hours(
    begun: ir.TimestampValue, ended: ir.TimestampValue, *, zone: str = "UTC", as_of: datetime | None = None
) -> ir.FloatingValue:
    """Return the hours that passed between two local times; clock changes of the zone are allowed for.

    Parameters
    ----------
    begun, ended : Ibis time
        Naive, in the company's zone. Whole seconds count. The result is below 0 where `ended` lies before `begun`, and
        null where either is.
    zone : str
        The company's zone. A time that comes twice is taken as its first coming, one that the clocks skip as if they
        had not been changed yet.
    as_of : datetime, optional
        The last moment that the data knows; the clock changes of the ten years before its year, and of its year, are
        allowed for. Without it none are.

    Examples
    --------
    >>> import ibis
    >>> before, after = ibis.timestamp("2026-03-28 12:00:00"), ibis.timestamp("2026-03-29 12:00:00")
    >>> ibis.duckdb.connect().execute(calendar_hours(before, after, zone="Europe/Warsaw", as_of=datetime(2026, 6, 30)))
    23.0
    """
    changes = _changes(zone, as_of)
    return (_at(ended, None, changes) - _at(begun, None, changes)) / float(HOUR)


def business_hours(
    begun: ir.TimestampValue,
    ended: ir.TimestampValue,
    *,
    hours: Hours,
    holidays: Sequence[date] = (),
    zone: str = "UTC",
    as_of: datetime | None = None,
) -> ir.FloatingValue:
    """Return the hours between two local times in which the company was open.

    Parameters
    ----------
    begun, ended, zone, as_of
        As in `calendar_hours`. A company that is open while the clocks change has an hour less or more on that day.
    hours : Hours
        For each weekday when the company opens and closes, as `[hours]` in crm.toml says.
    holidays : sequence of date
        Days on which it is closed.

    Examples
    --------
    From Friday 16:00 to Monday 10:00, open from 9 to 17 on weekdays:

    >>> import ibis
    >>> from crmkit.config import Hours
    >>> friday, monday = ibis.timestamp("2026-03-06 16:00:00"), ibis.timestamp("2026-03-09 10:00:00")
    >>> ibis.duckdb.connect().execute(business_hours(friday, monday, hours=Hours()))
    2.0
    """
    schedule = _schedule(hours, holidays)
    changes = _changes(zone, as_of)
    return (_at(ended, schedule, changes) - _at(begun, schedule, changes)) / float(HOUR)


@dataclass(frozen=True)
class _Schedule:
    """Spans of a week in which the company is open, and those of them that fall on holidays; (start, end) in seconds.

    The spans of the week count from Monday, those of holidays from the Monday of `_MONDAY`.
    """

    week: tuple[tuple[int, int], ...]
    closed: tuple[tuple[int, int], ...]

    @property
    def length(self) -> int:
        return sum(end - start for start, end in self.week)

    def upto(self, second: int) -> int:
        """Return the open seconds before a second, counted from `_MONDAY`."""
        weeks, within = divmod(second, WEEK)
        open_ = weeks * self.length + sum(min(max(within - start, 0), end - start) for start, end in self.week)
        return open_ - sum(min(max(second - start, 0), end - start) for start, end in self.closed)


def _schedule(hours: Hours, holidays: Sequence[date]) -> _Schedule:
    days = [(number, span) for number, span in enumerate(hours.days) if span is not None and span[1] > span[0]]
    closed = []
    for holiday in sorted(set(holidays)):
        start = (datetime(holiday.year, holiday.month, holiday.day) - _MONDAY).days * DAY
        closed += [(start + span[0], start + span[1]) for number, span in days if number == holiday.weekday()]
    return _Schedule(_merged([(n * DAY + span[0], n * DAY + span[1]) for n, span in days]), _merged(closed))


def _merged(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Join spans of which one begins where another ends, such as days that are open around the clock."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)


def _changes(zone: str, as_of: datetime | None) -> tuple[Change, ...]:
    return clock_changes(zone, as_of.year - YEARS_OF_CHANGES, as_of.year) if as_of is not None else ()


def _second(moment: datetime) -> int:
    return int((moment - _MONDAY).total_seconds())


def _at(moment: ir.TimestampValue, schedule: _Schedule | None, changes: Sequence[Change]) -> ir.IntegerValue:
    """Return the seconds up to a local time that really passed, all of them or those of a schedule."""
    local = moment.epoch_seconds() + _EPOCH
    passed = local if schedule is None else _upto(local, schedule)
    steps = _corrections(schedule, changes)
    if not steps:
        return passed
    return passed + ibis.cases(*[(moment >= at(change), added) for change, added in reversed(steps)], else_=0)


def _upto(local: ir.IntegerValue, schedule: _Schedule) -> ir.IntegerValue:
    weeks = (local / WEEK).floor().cast("int64")
    within = local - weeks * WEEK
    passed = weeks * schedule.length
    for start, end in schedule.week:
        passed = passed + _clipped(within, start, end)
    for start, end in schedule.closed:
        passed = passed - _clipped(local, start, end)
    return passed


def _clipped(second: ir.IntegerValue, start: int, end: int) -> ir.IntegerValue:
    return ibis.least(ibis.greatest(second - start, 0), end - start)


def _corrections(schedule: _Schedule | None, changes: Sequence[Change]) -> list[tuple[datetime, int]]:
    """List from which local time on how much is to be added to the time that a clock shows, because it was changed.

    Hours that are repeated passed twice, those that are skipped did not pass at all; where nobody works in them,
    nothing is to be added.
    """
    upto = schedule.upto if schedule is not None else lambda second: second
    steps, total = [], 0
    for change in changes:
        if added := upto(_second(change.at)) - upto(_second(change.to)):
            total += added
            steps.append((max(change.at, change.to), total))
    return steps


__all__ = ["YEARS_OF_CHANGES", "Change", "business_hours", "calendar_hours", "clock_changes"]
