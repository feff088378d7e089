"""Numbers and periods as people read them: one place that rounds, and it rounds only for reading.

Values stay unrounded everywhere else. Here a share becomes a percentage, money gets its currency, a minus is a minus
sign, an unknown is a dash, and a number never breaks away from its unit at the end of a line. Formats come from CLDR
through Babel, so `lang="pl"` writes 63,2% and `lang="ja"` writes ten-thousands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import date
from itertools import pairwise

from babel.numbers import is_currency

from crmkit.cldr import BIG, DURATIONS, a_day, compacted, duration, locale_of, money, money_digits, percent, plain
from crmkit.errors import UsageError

UNKNOWN = "–"  # what a null looks like
MINUS = "−"
NBSP = "\u00a0"

#: What each unit means: the units that a metric may have.
UNITS = {
    "share": "a part of a whole, 0 to 1, read as a percentage",
    "count": "how many",
    "money": "an amount in the company's currency",
    "money_per_day": "an amount a day",
    "days": "days",
    "hours": "hours",
    "minutes": "minutes",
    "seconds": "seconds",
    "months": "months",
    "years": "years",
    "score": "a mean on the survey's own scale",
    "points": "net promoter score, from −100 to 100",
    "ratio": "one number divided by another",
    "per_unit": "how many for each one",
    "people": "people",
    "": "a plain number",
}
_WHOLE = ("count", "people")
_CODE_BEFORE_DIGIT = re.compile(r"(?<=[A-Z])(?=\d)")


def say(
    value: float | None,
    unit: str = "",
    *,
    currency: str = "",
    lang: str = "en",
    digits: int | None = None,
    compact: bool = True,
) -> str:
    """Write one value for people.

    Parameters
    ----------
    value : float or None
        Unrounded; a share is 0-1. None, NaN and NA are unknown and become an en dash.
    unit : str
        One of `UNITS`; an unknown unit is read as a plain number.
    currency : str
        ISO 4217 code for money; "" writes the amount alone.
    lang : str
        Language or locale code such as "en", "pl", "ja", "de_CH".
    digits : int, optional
        Decimals to show; by default as many as the unit and the size of the value deserve.
    compact : bool
        Whether money from a million on is shortened to three significant digits ("€10.0M").

    Returns
    -------
    str
        Number and unit are held together by a no-break space.

    Raises
    ------
    UsageError
        If `value` is no number or `lang` no language that CLDR knows.

    Examples
    --------
    >>> say(0.6315, "share"), say(-35.897, "points"), say(None, "money")
    ('63.2%', '−35.9', '–')
    >>> say(10_005_534, "money", currency="EUR"), say(10_005_534, "money", currency="EUR", compact=False)
    ('€10.0M', '€10,005,534')
    >>> say(51.78, "days").replace(NBSP, " "), say(1, "days").replace(NBSP, " ")
    ('51.8 days', '1 day')
    >>> say(2326.15, "money_per_day", currency="USD").replace(NBSP, " ")
    '$2,326 a day'
    >>> say(0.6315, "share", lang="pl"), say(6711, "count"), say(2.5, "ratio")
    ('63,2%', '6,711', '2.50')
    """
    number = as_number(value)
    if number is None:
        return UNKNOWN
    if math.isinf(number):
        return "∞" if number > 0 else MINUS + "∞"
    locale = locale_of(lang)
    if unit == "share":
        return _polish(percent(number, _share_digits(number) if digits is None else digits, locale))
    if unit in ("money", "money_per_day"):
        text = money(number, currency, locale, digits, compact)
        return _polish(text + a_day(locale) if unit == "money_per_day" else text)
    if unit in DURATIONS:
        places = _duration_digits(number) if digits is None else digits
        return _polish(duration(round(number, places), unit, places, locale))
    if digits is None:
        digits = _plain_digits(number, unit)
    return _polish(plain(number, digits, locale))


def say_change(now: float | None, before: float | None, unit: str = "", *, currency: str = "", lang: str = "en") -> str:
    """Write a change with its sign: shares and NPS in points, everything else in per cent of what it was.

    From a zero or negative start a percentage would mislead, so the difference is written in the unit itself.

    Examples
    --------
    >>> say_change(0.652, 0.631, "share").replace(NBSP, " "), say_change(-35.9, -40.1, "points").replace(NBSP, " ")
    ('+2.1 pts', '+4.2 points')
    >>> say_change(104.2, 100, "money", currency="EUR"), say_change(95, 100, "count"), say_change(7, 0, "count")
    ('+4.2%', '−5.0%', '+7')
    >>> say_change(None, 0.5, "share"), say_change(6.1, 6.0, "score")
    ('–', '+0.10')
    """
    new, old = as_number(now), as_number(before)
    if new is None or old is None:
        return UNKNOWN
    difference = new - old
    if unit == "share":
        return _signed(say(difference * 100, "", lang=lang, digits=1)) + NBSP + "pts"
    if unit == "points":
        return _signed(say(difference, "", lang=lang, digits=1)) + NBSP + "points"
    if unit == "score":
        return _signed(say(difference, "", lang=lang, digits=2))
    if old <= 0:
        return _signed(say(difference, unit, currency=currency, lang=lang))
    return _signed(say(difference / old, "share", lang=lang))


def say_interval(low: float | None, high: float | None, unit: str = "", *, currency: str = "", lang: str = "en") -> str:
    """Write an interval once with its unit; "to" where a sign would meet the dash; a dash where either end is unknown.

    Examples
    --------
    >>> say_interval(0.612, 0.651, "share"), say_interval(-48.1, -23.7, "points").replace(NBSP, " ")
    ('61.2–65.1%', '−48.1 to −23.7')
    >>> say_interval(2290.1, 2431.7, "money", currency="EUR"), say_interval(float("nan"), 1, "share")
    ('€2,290–€2,432', '–')
    >>> say_interval(19_356, 32_761, "money_per_day", currency="EUR").replace(NBSP, " ")
    '€19,356–€32,761 a day'
    """
    bottom, top = as_number(low), as_number(high)
    if bottom is None or top is None:
        return UNKNOWN
    size = max(abs(bottom), abs(top))
    digits = {"share": _share_digits(size), **dict.fromkeys(DURATIONS, _duration_digits(size))}.get(unit)
    first, last = (say(end, unit, currency=currency, lang=lang, digits=digits) for end in (bottom, top))
    if MINUS in first + last:
        return f"{first} to {last}"
    if unit == "share" and first.endswith("%") and last.endswith("%"):
        first = first[:-1].rstrip()
    elif unit in DURATIONS and NBSP in first:
        first = first.rsplit(NBSP, 1)[0]
    elif unit == "money_per_day":
        first = first.removesuffix(a_day(locale_of(lang)).replace(" ", NBSP))
    return f"{first}–{last}"


def tick(value: float, unit: str = "", *, step: float = 0.0, currency: str = "", lang: str = "en") -> str:
    """Write a number on an axis: short, and with as many decimals as the step between the ticks needs.

    >>> tick(0.25, "share", step=0.05), tick(0.025, "share", step=0.025), tick(-40, "points", step=20)
    ('25%', '2.5%', '−40')
    >>> tick(250_000, "money", step=50_000, currency="EUR"), tick(40, "days", step=20), tick(2.5, "ratio", step=0.5)
    ('€250K', '40', '2.5')
    """
    scale, size = (100, abs(value) * 100) if unit == "share" else (1, abs(value))
    places = _places(step * scale)
    if unit == "share":
        return say(value, "share", lang=lang, digits=places)
    is_money = unit in ("money", "money_per_day")
    if size >= (1000 if is_money else 10_000) and step >= 10:
        power = 10 ** (3 * (len(str(int(size))) - 1 >= 3) + 3 * (size >= BIG) + 3 * (size >= 1000 * BIG))
        digits = _places(step / power)
        code = currency if is_money and currency and is_currency(currency) else ""
        return _polish(compacted(value, code, locale_of(lang), digits if lang.startswith("en") else None))
    if is_money:
        return say(value, "money", currency=currency, lang=lang, digits=places)
    return say(value, "", lang=lang, digits=places)


def say_period(start: object, every: str = "") -> str:
    """Write a period by its start, the way periods are written everywhere: 2026, 2026-Q3, 2026-09, 2026-W38.

    `every` is year, quarter, month, week or day; without it the start is written as a date.

    Examples
    --------
    >>> from datetime import date
    >>> [say_period(date(2026, 7, 1), every) for every in ("year", "quarter", "month", "week", "")]
    ['2026', '2026-Q3', '2026-07', '2026-W27', '2026-07-01']
    """
    if start is None or start != start:  # noqa: PLR0124 - NaT is the value that differs from itself
        return UNKNOWN
    year, month = start.year, start.month
    if every == "year":
        return f"{year:04d}"
    if every == "quarter":
        return f"{year:04d}-Q{(month + 2) // 3}"
    if every == "month":
        return f"{year:04d}-{month:02d}"
    if every == "week":
        iso = date(year, month, start.day).isocalendar()
        return f"{iso[0]:04d}-W{iso[1]:02d}"
    return f"{year:04d}-{month:02d}-{start.day:02d}"


def grain(starts: Iterable[object]) -> str:
    """Tell the grain of a list of period starts by the shortest step in it: year, quarter, month, week, day or "".

    Examples
    --------
    >>> from datetime import date
    >>> grain([date(2026, 1, 1), date(2026, 4, 1), date(2026, 10, 1)]), grain([date(2026, 1, 1)])
    ('quarter', '')
    """
    days = sorted({date(s.year, s.month, s.day) for s in starts if s is not None and s == s})  # noqa: PLR0124
    if len(days) < 2:
        return ""
    step = min((b - a).days for a, b in pairwise(days))
    for least, name in ((360, "year"), (85, "quarter"), (28, "month"), (7, "week")):
        if step >= least:
            return name
    return "day"


def common_digits(values: Iterable[object], unit: str = "", *, currency: str = "") -> int | None:
    """Return the decimals that a column of values is written with, so that its points stand under each other.

    >>> common_digits([88, 310.2], "money", currency="EUR"), common_digits([0.63, 0.002], "share")
    (2, 1)
    """
    numbers = [n for n in map(as_number, values) if n is not None and not math.isinf(n)]
    if not numbers:
        return None
    size = max(map(abs, numbers))
    if unit == "share":
        return _share_digits(size)
    if unit in ("money", "money_per_day"):
        return max(money_digits(n, currency) for n in numbers) if size < 1000 else 0
    if unit in DURATIONS:
        return 0 if size >= 1000 else max(map(_duration_digits, numbers))
    if all(n.is_integer() for n in numbers) and unit not in ("points", "score", "ratio", "per_unit"):
        return 0
    return _plain_digits(size, unit)


def as_number(value: object) -> float | None:
    """Return `value` as a float, or None where it is unknown (None, NaN, NaT, NA); UsageError for what is no number."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UsageError(f"{value!r} is not a number, so it can't be written as one") from None
    return None if math.isnan(number) else number


def _share_digits(share: float) -> int:
    size = abs(share)
    if 0 < size < 0.0005:
        return 3
    return 2 if 0 < size < 0.005 else 1 if size < 9.995 else 0


def _duration_digits(number: float) -> int:
    return 0 if abs(number) >= 1000 or float(number).is_integer() else 1


def _plain_digits(number: float, unit: str) -> int:
    if unit in _WHOLE:
        return 0 if abs(number) >= 100 or float(number).is_integer() else 1
    if unit == "points":
        return 1
    if abs(number) >= 1000 or (not unit and float(number).is_integer()):
        return 0
    return 2 if abs(number) >= 0.005 or number == 0 else 4


def _places(step: float) -> int:
    """Decimals that numbers a step apart need: 0 for 5, 1 for 2.5, 2 for 0.05."""
    for places in range(5):
        if step <= 0 or abs(step * 10**places - round(step * 10**places)) < 1e-6 * max(1.0, step * 10**places):
            return places
    return 5


def _polish(text: str) -> str:
    """Give a formatted number its real minus and its no-break spaces, and no sign to a zero."""
    text = text.replace("-", MINUS).replace(" ", NBSP)
    text = _CODE_BEFORE_DIGIT.sub(NBSP, text)  # PLN 12.50: CLDR spaces a code made of letters, Babel doesn't
    if MINUS in text and not any(c.isdigit() and c != "0" for c in text):
        text = text.replace(MINUS, "")
    return text


def _signed(text: str) -> str:
    if text.startswith(MINUS) or text == UNKNOWN or not any(c.isdigit() and c != "0" for c in text):
        return text
    return "+" + text
