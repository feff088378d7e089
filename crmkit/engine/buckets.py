"""The periods of one measurement, as the engine sees them: which period a time falls in, as an Ibis expression."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from crmkit.casting import TIME
from crmkit.errors import UsageError
from crmkit.periods import Grain, Period, grain
from crmkit.relations import at


@dataclass(frozen=True)
class Buckets:
    """The periods of a measurement, in their order, one directly after the other.

    Attributes
    ----------
    periods : tuple of Period
    every : {"week", "month", "quarter", "year"} or None
        What the periods are; None for a single one, or for spans of another length.
    """

    periods: tuple[Period, ...]
    every: Grain | None = None

    @property
    def start(self) -> datetime:
        """The first moment of the first period."""
        return self.periods[0].start

    @property
    def end(self) -> datetime:
        """The first moment after the last period."""
        return self.periods[-1].end

    @property
    def before(self) -> datetime:
        """A moment that stands for all that lies before the first period."""
        return self.start - timedelta(days=1)

    def start_of(self, time: ir.TimestampValue) -> ir.TimestampValue:
        """Return the start of the period that a time falls in; a time before the first stays before it."""
        if self.every is None:
            cases = [(time < at(period.start), at(previous)) for period, previous in self._with_previous()]
            return ibis.cases(*cases, else_=at(self.periods[-1].start)).cast(TIME)
        calendar = self.periods[0].calendar
        if self.every == "week":
            days = ibis.interval(days=calendar.week_shift_days)
            shifted = (time + days).truncate("W") - days if calendar.week_shift_days else time.truncate("W")
            return shifted.cast(TIME)
        months = (calendar.fiscal_year_start_month - 1) % {"month": 1, "quarter": 3, "year": 12}[self.every]
        unit = {"month": "M", "quarter": "Q", "year": "Y"}[self.every]
        if not months:
            return time.truncate(unit).cast(TIME)
        return ((time - ibis.interval(months=months)).truncate(unit) + ibis.interval(months=months)).cast(TIME)

    def _with_previous(self):
        starts = [self.before, *(period.start for period in self.periods)]
        return zip(self.periods, starts, strict=False)

    def earlier(self, one: ir.TimestampValue, other: ir.TimestampValue) -> ir.BooleanValue:
        """Tell where `one` lies before the start of the period that `other` falls in."""
        if len(self.periods) == 1:
            return one < at(self.start)
        return one < self.start_of(other)


def buckets(crm, period: str | Period | None, every: str | None, *, first: datetime | None = None) -> Buckets:
    """Return the periods to measure.

    Parameters
    ----------
    crm : Crm
    period : str, Period or None
        None with `every` stands for all from the first event to the last complete period, without it for `latest`.
    every : str or None
        Into what the period is split.
    first : datetime or None
        The first event, for a `period` of None.

    Raises
    ------
    UsageError
        Where the period cannot be read, is not made of whole periods of `every`, or begins after `as_of`.
    """
    of = grain(every) if every else None
    if period is None and of and first is not None and crm.as_of is not None:
        last = crm.period("latest", every=of)
        calendar = crm.config.calendar
        begins = min(calendar.floor(first, of), last.start)
        found = Period(begins, last.end, None, calendar)
    else:
        found = crm.period(period or "latest", every=of)
    if crm.as_of is not None and found.start > crm.as_of:
        raise UsageError(
            f"The period {found.name} lies after {crm.as_of:%Y-%m-%d}, the last day that the data knows. "
            "Ask for an earlier one, or `latest`."
        )
    if of is None:
        return Buckets((found,))
    parts = found.split(of)
    if crm.as_of is not None:
        parts = [part for part in parts if part.start <= crm.as_of]
    return Buckets(tuple(parts), of)
