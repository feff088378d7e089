"""What a company says about itself in `crm.toml`: name, currency, calendar, stages, service levels, rates."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crmkit.errors import UsageError
from crmkit.periods import WEEKDAYS, Calendar, end_of_day
from crmkit.quality_reading import read_quality
from crmkit.quality_settings import QualitySettings

STAGE_MEANINGS = ("open", "won", "lost")
PERSONS = ("customers", "leads", "users")


@dataclass(frozen=True)
class Stage:
    """A stage of the sales pipeline: whether it stands for open, won or lost, and its place in the order."""

    name: str
    meaning: str
    order: int


@dataclass(frozen=True)
class Hours:
    """When a company works in a week.

    Attributes
    ----------
    days : tuple of seven (int, int) or None
        From Monday on: the seconds after midnight at which work begins and ends; None for a day without work.
    """

    days: tuple[tuple[int, int] | None, ...] = (*(((9 * 3600, 17 * 3600),) * 5), None, None)


@dataclass(frozen=True)
class Personal:
    """What the readers of reports may see of persons.

    Attributes
    ----------
    show : tuple of str
        Whose names stand in reports: customers, leads, users. Of the others there are codes.
    smallest_group : int
        Groups made from fewer are hidden in reports; 0 hides none.
    """

    show: tuple[str, ...] = ()
    smallest_group: int = 0


@dataclass(frozen=True)
class Config:
    """The settings of `crm.toml`; all have defaults.

    Attributes
    ----------
    name : str
        The company's name.
    currency : str
        ISO 4217 code of the currency that results are in; "" where none is said.
    timezone : str
        The company's own zone; zoned timestamps are converted to it.
    as_of : datetime or None
        The last moment that the data knows. A date stands for its whole day. None: found in the data.
    fiscal_year_start_month : int
    week_start : str
    inactive_after_days : int
        Days without an order after which a customer without subscriptions counts as lost.
    stages : tuple of Stage
        In their order.
    sla : mapping
        Service levels of tickets: `first_response_hours` and `resolution_hours`, each a number of hours or one for each
        value of the column that `by` names (priority by default); `counted` is "calendar" or "business" hours.
    rates : mapping of str to float
        What one unit of another currency is worth in `currency`.
    metrics : tuple of str
        The few metrics that the scorecard shows first.
    crm_introduced : datetime or None
        When the CRM came into use; what it changed is measured from then on.
    hours : Hours
        When the company works, for business hours.
    holidays : tuple of date
        Days on which it does not.
    quality : QualitySettings
        Rules of data quality: switched off, changed, or the company's own.
    personal : Personal
        What the readers of reports may see of persons.
    given : frozenset of str
        The settings that were really given; the others have their defaults.
    """

    name: str = ""
    currency: str = ""
    timezone: str = "UTC"
    as_of: datetime | None = None
    fiscal_year_start_month: int = 1
    week_start: str = "monday"
    inactive_after_days: int = 365
    stages: tuple[Stage, ...] = ()
    sla: Mapping[str, object] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    crm_introduced: datetime | None = None
    hours: Hours = Hours()
    holidays: tuple[date, ...] = ()
    quality: QualitySettings = field(default_factory=QualitySettings)
    personal: Personal = Personal()
    given: frozenset[str] = frozenset()

    @property
    def calendar(self) -> Calendar:
        """The company's fiscal years and weeks."""
        return Calendar(self.fiscal_year_start_month, self.week_start)


def read(source: Path | Mapping[str, object] | None) -> Config:
    """Read the settings from a TOML file or a mapping of the same shape.

    Raises
    ------
    UsageError
        Where a setting is unknown or has a wrong value; the message names file, setting and what is allowed.

    Examples
    --------
    >>> read({"currency": "PLN", "as_of": date(2026, 9, 30)}).as_of
    datetime.datetime(2026, 9, 30, 23, 59, 59, 999999)
    """
    if source is None:
        return Config()
    where = "The settings"
    if isinstance(source, Path):
        where = str(source)
        try:
            source = tomllib.loads(source.read_text(encoding="utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{where} is not valid TOML: {error}.") from None
    found = {key: _setting(where, key, value) for key, value in source.items()}
    config = Config(**found, given=frozenset(found))
    _ = config.calendar  # checks month and weekday
    if config.rates and not config.currency:
        raise UsageError(f"{where}: there are rates but no currency; add currency, the one that results are to be in.")
    return config


def _setting(where: str, key: str, value: object) -> object:
    known = [name for name in Config.__dataclass_fields__ if name != "given"]
    if key not in known:
        near = get_close_matches(key, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UsageError(f"{where} has an unknown setting {key!r}.{hint} Known: {', '.join(known)}.")
    return _READERS.get(key, _word)(where, key, value)


def _word(where: str, key: str, value: object) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{where}: {key} is {value!r}; it must be text in quotation marks.")
    return value


def _zone(where: str, key: str, value: object) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, TypeError):
        raise UsageError(f"{where}: timezone {value!r} is unknown; write one such as Europe/Warsaw.") from None
    return value


def _whole(where: str, key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"{where}: {key} is {value!r}; it must be a whole number from 1.")
    return value


def _moment(where: str, key: str, value: object) -> datetime:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            raise UsageError(f"{where}: {key} is {value!r}; write a date such as 2026-09-30.") from None
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise UsageError(f"{where}: {key} has a time zone; leave it out: times are in the company's own zone.")
        return value
    if isinstance(value, date):
        return end_of_day(value) if key == "as_of" else datetime.combine(value, time.min)
    raise UsageError(f"{where}: {key} is {value!r}; write a date such as 2026-09-30.")


def _days(where: str, key: str, value: object) -> tuple[date, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise UsageError(f"{where}: {key} is {value!r}; it must be a list of dates, such as [2026-01-01, 2026-12-25].")
    return tuple(sorted({_moment(where, key, day).date() for day in value}))


def _hours(where: str, key: str, value: object) -> Hours:
    given = dict(_table(where, key, value))
    found = []
    for name in WEEKDAYS:
        written = given.pop(name, "")
        found.append(_from_to(where, f"{key}.{name}", written) if written else None)
    if given:
        raise UsageError(f"{where}: {key} has an unknown day {next(iter(given))!r}. Known: {', '.join(WEEKDAYS)}.")
    if not any(found):
        raise UsageError(f"{where}: {key} names no day with work; write one such as monday = '09:00-17:00'.")
    return Hours(tuple(found))


def _from_to(where: str, key: str, value: object) -> tuple[int, int]:
    form = re.fullmatch(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})", value) if isinstance(value, str) else None
    if form:
        hour, minute, last_hour, last_minute = (int(part) for part in form.groups())
        begin, end = hour * 3600 + minute * 60, last_hour * 3600 + last_minute * 60
        if max(minute, last_minute) < 60 and begin < end <= 24 * 3600:
            return begin, end
    raise UsageError(f"{where}: {key} is {value!r}; write from and to within a day, such as '09:00-17:00'.")


def _table(where: str, key: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where}: {key} is {value!r}; it must be a table, a [{key}] with one line each.")
    return value


def _names(where: str, key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
        raise UsageError(f"{where}: {key} is {value!r}; it must be a list of names in quotation marks.")
    return tuple(value)


def _stages(where: str, key: str, given: object) -> tuple[Stage, ...]:
    stages = []
    for order, (name, value) in enumerate(_table(where, key, given).items(), 1):
        meaning = value.get("is", value.get("outcome")) if isinstance(value, Mapping) else value
        if meaning not in STAGE_MEANINGS:
            raise UsageError(f"{where}: stage {name!r} is {meaning!r}; it must be one of {', '.join(STAGE_MEANINGS)}.")
        place = value.get("order", order) if isinstance(value, Mapping) else order
        stages.append(Stage(name, meaning, _whole(where, f"the order of stage {name!r}", place)))
    return tuple(sorted(stages, key=lambda stage: stage.order))


def _personal(where: str, key: str, value: object) -> Personal:
    given = dict(_table(where, key, value))
    show = _names(where, "personal.show", given.pop("show", ()))
    smallest = given.pop("smallest_group", 0)
    for name in given:
        raise UsageError(f"{where}: {key} has an unknown setting {name!r}. Known: show, smallest_group.")
    for name in show:
        if name not in PERSONS:
            raise UsageError(f"{where}: personal.show has {name!r}; it can have {', '.join(PERSONS)}.")
    if isinstance(smallest, bool) or not isinstance(smallest, int) or smallest < 0:
        raise UsageError(f"{where}: personal.smallest_group is {smallest!r}; it must be a whole number, or 0 for none.")
    return Personal(show, smallest)


def _above_zero(where: str, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise UsageError(f"{where}: {key} is {value!r}; it must be a number above 0.")
    return float(value)


def _rates(where: str, key: str, value: object) -> dict[str, float]:
    return {code: _above_zero(where, f"rates.{code}", rate) for code, rate in _table(where, key, value).items()}


_READERS = {
    "as_of": _moment,
    "stages": _stages,
    "rates": _rates,
    "timezone": _zone,
    "fiscal_year_start_month": _whole,
    "inactive_after_days": _whole,
    "week_start": lambda where, key, value: _word(where, key, value).lower(),
    "metrics": _names,
    "personal": _personal,
    "crm_introduced": _moment,
    "hours": _hours,
    "holidays": _days,
    "quality": read_quality,
    "sla": lambda where, key, value: dict(_table(where, key, value)),
}
