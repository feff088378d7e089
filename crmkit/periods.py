"""Periods, calendars and the moment up to which data is known: the only calendar arithmetic of crmkit.

A period is half-open, `[start, end)`. Nothing here reads the machine's clock: `latest` is counted from `as_of`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from crmkit.errors import UsageError

Grain = Literal["week", "month", "quarter", "year"]

GRAINS: tuple[Grain, ...] = ("week", "month", "quarter", "year")
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WRITTEN = "2026, 2026-Q3, 2026-09, 2026-W38, 2026-07-01/2026-10-01 or latest"


@dataclass(frozen=True)
class Calendar:
    """How a company counts its years and weeks.

    Attributes
    ----------
    fiscal_year_start_month : int
        1 to 12. A fiscal year is named by the calendar year in which it begins.
    week_start : str
        The first day of a week. Weeks are numbered as in ISO 8601: the week of that number which holds its Thursday.
    """

    fiscal_year_start_month: int = 1
    week_start: str = "monday"

    def __post_init__(self) -> None:
        if self.fiscal_year_start_month not in range(1, 13):
            raise UsageError(f"fiscal_year_start_month is {self.fiscal_year_start_month!r}; it must be 1 to 12.")
        if self.week_start not in WEEKDAYS:
            raise UsageError(f"week_start is {self.week_start!r}; it must be one of {', '.join(WEEKDAYS)}.")

    @property
    def week_shift_days(self) -> int:
        """Days by which the company's week begins before the Monday of the same ISO week."""
        return (7 - WEEKDAYS.index(self.week_start)) % 7

    def floor(self, moment: datetime, grain: Grain) -> datetime:
        """Return the start of the week, month, quarter or year that holds `moment`.

        Examples
        --------
        >>> Calendar(fiscal_year_start_month=4).floor(datetime(2026, 2, 3), "year")
        datetime.datetime(2025, 4, 1, 0, 0)
        """
        day = datetime.combine(moment.date(), time.min)
        if grain == "week":
            shifted = day + timedelta(days=self.week_shift_days)
            return day - timedelta(days=shifted.weekday())
        months = moment.year * 12 + moment.month - 1
        offset = self.fiscal_year_start_month - 1
        months = (months - offset) // _MONTHS[grain] * _MONTHS[grain] + offset
        return datetime(months // 12, months % 12 + 1, 1)

    def step(self, start: datetime, grain: Grain, count: int = 1) -> datetime:
        """Return the start of the period that is `count` periods after the one that begins at `start`."""
        if grain == "week":
            return start + timedelta(weeks=count)
        months = start.year * 12 + start.month - 1 + _MONTHS[grain] * count
        return datetime(months // 12, months % 12 + 1, 1)

    def name(self, start: datetime, grain: Grain) -> str:
        """Return how the period that begins at `start` is written: 2026, 2026-Q3, 2026-09 or 2026-W38."""
        if grain == "week":
            year, week, _ = (start + timedelta(days=self.week_shift_days)).isocalendar()
            return f"{year}-W{week:02d}"
        if grain == "month":
            return f"{start.year}-{start.month:02d}"
        months = start.year * 12 + start.month - self.fiscal_year_start_month
        return f"{months // 12}" if grain == "year" else f"{months // 12}-Q{months % 12 // 3 + 1}"


@dataclass(frozen=True)
class Period:
    """A span of time `[start, end)`.

    Attributes
    ----------
    start, end : datetime
        Naive, in the company's time zone; `end` is the first moment that no longer belongs to it.
    grain : {"week", "month", "quarter", "year"} or None
        None for a span that is none of these.
    """

    start: datetime
    end: datetime
    grain: Grain | None = None
    calendar: Calendar = field(default=Calendar(), repr=False)

    @property
    def name(self) -> str:
        """How the period is written: 2026-Q3, or 2026-07-05/2026-08-05 for any other span."""
        if self.grain:
            return self.calendar.name(self.start, self.grain)
        return f"{_day(self.start)}/{_day(self.end)}"

    @property
    def days(self) -> float:
        """Its length in days."""
        return (self.end - self.start) / timedelta(days=1)

    def days_known(self, as_of: datetime | None) -> float:
        """Return its length in days up to `as_of`, the last moment that the data knows."""
        known = self.end if as_of is None else min(self.end, as_of + timedelta(microseconds=1))
        return max((known - self.start) / timedelta(days=1), 0.0)

    def previous(self, count: int = 1) -> Period:
        """Return the period of the same length that lies `count` before this one.

        Examples
        --------
        >>> parse("2026-Q1").previous().name
        '2025-Q4'
        """
        if self.grain:
            start = self.calendar.step(self.start, self.grain, -count)
            return Period(start, self.calendar.step(start, self.grain), self.grain, self.calendar)
        length = (self.end - self.start) * count
        return Period(self.start - length, self.end - length, None, self.calendar)

    def complete(self, as_of: datetime) -> bool:
        """Tell whether the period is over at `as_of`, the last moment that the data knows."""
        return self.end <= as_of + timedelta(microseconds=1)

    def split(self, every: Grain) -> list[Period]:
        """Return the weeks, months, quarters or years that make up this period.

        Raises
        ------
        UsageError
            Where the period does not begin or end with one of them.

        Examples
        --------
        >>> [month.name for month in parse("2026-Q3").split("month")]
        ['2026-07', '2026-08', '2026-09']
        """
        parts = list(self._parts(every))
        if not parts or parts[0].start != self.start or parts[-1].end != self.end:
            raise UsageError(
                f"The period {self.name} is not made of whole {every}s. "
                f"Use one from {_day(parts[0].start)} to {_day(parts[-1].end)}, or another every."
            )
        return parts

    def _parts(self, every: Grain) -> Iterator[Period]:
        start = self.calendar.floor(self.start, every)
        while start < self.end:
            after = self.calendar.step(start, every)
            yield Period(start, after, every, self.calendar)
            start = after


def grain(every: str) -> Grain:
    """Return `every` as a grain.

    Raises
    ------
    UsageError
        Where it is none of week, month, quarter and year.
    """
    if every not in GRAINS:
        raise UsageError(f"every is {every!r}; it must be one of {', '.join(GRAINS)}.")
    return every


def parse(
    text: str | Period,
    *,
    as_of: datetime | None = None,
    every: Grain | None = None,
    calendar: Calendar | None = None,
) -> Period:
    """Read a period as people write it.

    Parameters
    ----------
    text : str or Period
        2026, 2026-Q3, 2026-09, 2026-W38, 2026-07-01/2026-10-01 (the second day no longer belongs to it), or `latest`:
        the last one complete at `as_of`, a quarter unless `every` says otherwise.
    as_of : datetime, optional
        The last moment that the data knows; needed for `latest`.
    every : {"week", "month", "quarter", "year"}, optional
        What `latest` is to be.
    calendar : Calendar, optional
        The company's fiscal years and weeks.

    Raises
    ------
    UsageError
        Where the text is none of these; the message has it and the forms that are.

    Examples
    --------
    >>> parse("2026-Q3").end
    datetime.datetime(2026, 10, 1, 0, 0)
    >>> parse("latest", as_of=datetime(2026, 9, 30, 23, 59, 59, 999999)).name
    '2026-Q3'
    >>> parse("latest", as_of=datetime(2026, 9, 29), every="month").name
    '2026-08'
    """
    calendar = calendar or Calendar()
    if isinstance(text, Period):
        return text
    text = str(text).strip()
    if text == "latest":
        if as_of is None:
            raise UsageError("The period 'latest' needs the moment up to which the data is known (as_of).")
        of = every or "quarter"
        current = Period(calendar.floor(as_of, of), calendar.step(calendar.floor(as_of, of), of), of, calendar)
        return current if current.complete(as_of) else current.previous()
    found = _calendar_period(text, calendar) or _span(text, calendar)
    if found is None:
        raise UsageError(f"{text!r} is not a period. Write {_WRITTEN}.")
    return found


def _calendar_period(text: str, calendar: Calendar) -> Period | None:
    form = re.fullmatch(r"(\d{4})(?:-(?:Q([1-4])|(0[1-9]|1[0-2])|W([0-5]\d)))?", text, re.IGNORECASE)
    if form is None or int(form[1]) == 0:
        return None
    year, quarter, month, week = (int(part) if part else None for part in form.groups())
    if week is not None:
        try:
            start = datetime.combine(date.fromisocalendar(year, week, 1), time.min)
        except ValueError:
            raise UsageError(f"{text!r} is not a period: {year} has no week {week}.") from None
        grain, start = "week", start - timedelta(days=calendar.week_shift_days)
    elif month is not None:
        grain, start = "month", datetime(year, month, 1)
    else:
        first = datetime(year, calendar.fiscal_year_start_month, 1)
        grain, start = ("quarter", calendar.step(first, "quarter", quarter - 1)) if quarter else ("year", first)
    return Period(start, calendar.step(start, grain), grain, calendar)


def _span(text: str, calendar: Calendar) -> Period | None:
    first, slash, last = text.partition("/")
    if not slash:
        return None
    try:
        start, end = datetime.fromisoformat(first.strip()), datetime.fromisoformat(last.strip())
    except ValueError:
        return None
    if start.tzinfo or end.tzinfo:
        raise UsageError(f"The period {text!r} has a time zone; leave it out: times are in the company's own zone.")
    if end <= start:
        raise UsageError(f"The period {text!r} ends before it begins, or at once.")
    for grain in GRAINS:
        if calendar.floor(start, grain) == start and calendar.step(start, grain) == end:
            return Period(start, end, grain, calendar)
    return Period(start, end, None, calendar)


def trailing_year(period: Period, config: Any = None) -> Period:
    """Return the 12 months to the end of a period.

    Examples
    --------
    >>> trailing_year(parse("2026-03")).name
    '2025-04-01/2026-04-01'
    """
    return Period(_year_before(period.end), period.end, None, period.calendar)


def year_before_crm(period: Period, config: Any) -> Period | None:
    """Return the 12 months before the CRM was introduced, whatever the period; None where that day is not known.

    Examples
    --------
    >>> from crmkit.config import Config
    >>> year_before_crm(parse("2026-03"), Config(crm_introduced=datetime(2025, 7, 1))).name
    '2024-07-01/2025-07-01'
    """
    if config.crm_introduced is None:
        return None
    return Period(_year_before(config.crm_introduced), config.crm_introduced, None, period.calendar)


def _year_before(moment: datetime) -> datetime:
    """Return the same day and time a year earlier; 28 February for a leap day."""
    day = 28 if (moment.month, moment.day) == (2, 29) else moment.day
    return moment.replace(year=moment.year - 1, day=day)


def end_of_day(moment: datetime | date) -> datetime:
    """Return the last moment of a day that is given without a time of day, and any other moment as it is.

    Examples
    --------
    >>> end_of_day(date(2026, 9, 30))
    datetime.datetime(2026, 9, 30, 23, 59, 59, 999999)
    """
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.min)
    return datetime.combine(moment.date(), time.max) if moment.time() == time.min else moment


def _day(moment: datetime) -> str:
    return moment.date().isoformat() if moment.time() == time.min else moment.isoformat()
