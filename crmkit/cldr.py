"""Numbers in the patterns of CLDR, through Babel: percentages, money, short forms and durations in any language.

Signs and spaces are those of the language; `crmkit.numbers` gives them their last form.
"""

from __future__ import annotations

from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision, is_currency
from babel.units import format_unit

from crmkit.errors import UsageError

DURATIONS = {"days": "duration-day", "hours": "duration-hour", "minutes": "duration-minute"}
DURATIONS |= {"seconds": "duration-second", "months": "duration-month", "years": "duration-year"}
_SYMBOLS = {
    "ja": {"days": "日", "hours": "時間", "minutes": "分", "seconds": "秒", "months": "か月", "years": "年"},
    "zh": {"days": "天", "hours": "小时", "minutes": "分钟", "seconds": "秒", "months": "个月", "years": "年"},
    "ko": {"days": "일", "hours": "시간", "minutes": "분", "seconds": "초", "months": "개월", "years": "년"},
}
BIG = 1_000_000
"""From here on money is shortened."""


@lru_cache(maxsize=32)
def locale_of(lang: str) -> Locale:
    """Return what CLDR knows of a language; an error where it knows none of that name."""
    try:
        return Locale.parse(lang.replace("-", "_"))
    except (UnknownLocaleError, ValueError, AttributeError, TypeError):
        raise UsageError(f'no language called {lang!r}: give a code such as "en", "pl", "ja" or "zh"') from None


@lru_cache(maxsize=64)
def _pattern(digits: int, tail: str = "") -> str:
    return "#,##0" + ("." + "0" * digits if digits > 0 else "") + tail


def percent(number: float, digits: int, locale: Locale) -> str:
    """Write a share as a percentage."""
    return format_percent(number, _pattern(digits, "%"), locale=locale)


def plain(number: float, digits: int, locale: Locale) -> str:
    """Write a number without a unit."""
    return format_decimal(number, _pattern(digits), locale=locale)


def money_digits(number: float, currency: str) -> int:
    """Return the decimals of an amount: none from a thousand on, or where it is whole."""
    if abs(number) >= 1000 or float(number).is_integer():
        return 0
    return get_currency_precision(currency) if currency and is_currency(currency) else 2


def money(number: float, currency: str, locale: Locale, digits: int | None, compact: bool) -> str:
    """Write an amount with its currency; `compact` shortens millions, as far as no number of decimals is asked for."""
    code = currency if currency and is_currency(currency) else ""
    if compact and digits is None and abs(number) >= BIG:
        text = compacted(number, code, locale)
    else:
        digits = money_digits(number, code) if digits is None else digits
        if code:
            pattern = locale.currency_formats["standard"].pattern.split(";")[0]
            pattern = pattern.replace("0.00", "0" + ("." + "0" * digits if digits else ""))
            text = format_currency(number, code, pattern, locale=locale, currency_digits=False)
        else:
            text = plain(number, digits, locale)
    return text if code or not currency else f"{currency} {text}"


def compacted(number: float, code: str, locale: Locale, places: int | None = None) -> str:
    """Shorten by the locale's own steps (K, M, mln, 万) to three significant digits, zeros kept: 10.0M, not 10M."""
    formats = (locale.compact_currency_formats if code else locale.compact_decimal_formats)["short"]["other"]
    number = float(f"{number:.2e}")  # first, so that 999,999,999 is 1.00B and not 1000M
    magnitude = max(int(step) for step in formats if int(step) <= abs(number))
    whole = formats[str(magnitude)].pattern.split(";")[0]
    zeros = whole.count("0")
    scaled = number / (magnitude / 10 ** (zeros - 1))
    places = max(0, 3 - len(str(int(abs(scaled))))) if places is None else places
    pattern = whole.replace("0" * zeros, "0." + "0" * places if places else "0")
    if code:
        return format_currency(scaled, code, pattern, locale=locale, currency_digits=False)
    return format_decimal(scaled, pattern, locale=locale)


def duration(number: float, unit: str, digits: int, locale: Locale) -> str:
    """Write a time span with its unit."""
    text = format_unit(number, DURATIONS[unit], format=_pattern(digits), locale=locale)
    if "duration" in text:  # Babel has no pattern where a language lends them from elsewhere, as Japanese does
        return plain(number, digits, locale) + _SYMBOLS.get(locale.language, {}).get(unit, f" {unit}")
    return text


def a_day(locale: Locale) -> str:
    """Return the words behind an amount a day."""
    if locale.language == "en":
        return " a day"
    return "/" + (_SYMBOLS.get(locale.language, {}).get("days") or duration(1, "days", 0, locale)[1:].strip())
