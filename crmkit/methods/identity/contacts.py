"""E-mail addresses, telephone numbers and postal addresses in one form, so that two notations of one are equal."""

from __future__ import annotations

import re
from functools import lru_cache

from crmkit.methods.identity.names import fold, one_spelling
from crmkit.methods.identity.vocabulary import FREE_MAIL, LAND_CODES, ROLES, STREETS

_SAME_DOMAIN = {"googlemail.com": "gmail.com"}
_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
_EXTENSION = re.compile(r"(?:;|,|\bext|\bx|\bwew|\bdw|\bdurchwahl|内線|\bint|#).*$", re.IGNORECASE)
_TRUNK = re.compile(r"\(0+\)")
_STREET_ENDS = re.compile(r"(?<=[a-z]{3})(strasse|str|gatan|straat|laan|weg|gasse)$")
_PARTS = re.compile(r"\d+(?:[a-z](?![a-z]))?|[^\W\d_]+")


def email(text: str | None) -> str | None:
    """Return an e-mail address in small letters, without a tag after a plus sign; None where it is no address.

    Dots before the @ of a Gmail address say nothing.

    Examples
    --------
    >>> email(" Anna.Nowak+news@Example.com "), email("a.nowak@googlemail.com"), email("none")
    ('anna.nowak@example.com', 'anowak@gmail.com', None)
    """
    found = _EMAIL.search((text or "").strip().casefold().removeprefix("mailto:"))
    if not found:
        return None
    local, _, domain = found[0].strip(".,;").rpartition("@")
    local = local.partition("+")[0] or local
    domain = _SAME_DOMAIN.get(domain, domain)
    return f"{local.replace('.', '') if domain == 'gmail.com' else local}@{domain}"


def domain(address: str | None) -> str | None:
    """Return the domain of an e-mail address as a mark of a firm; None for one in which anybody has mailboxes.

    >>> domain("anna@lipowa.example.org"), domain("anna@gmail.com")
    ('lipowa.example.org', None)
    """
    of = (address or "").rpartition("@")[2]
    return None if not of or of in FREE_MAIL else of


def own_local(address: str | None) -> str | None:
    """Return what stands before the @ where it can be somebody's own mark: long enough, and no role such as info.

    >>> own_local("anna.nowak77@example.com"), own_local("info@example.com")
    ('anna.nowak77', None)
    """
    local = (address or "").partition("@")[0]
    letters = "".join(c for c in local if c.isalpha())
    return local if len(letters) >= 6 and letters not in ROLES else None


@lru_cache(maxsize=1_000)
def region(country: str | None) -> str | None:
    """Return a country as its two-letter code, from that code or from its name in some languages.

    >>> region("PL"), region("Deutschland"), region("Atlantis")
    ('PL', 'DE', None)
    """
    text = (country or "").strip()
    if len(text) == 2 and text.isascii() and text.isalpha():
        return text.upper().replace("UK", "GB")
    return LAND_CODES.get(" ".join(fold(text).split()))


def phone(text: str | None, country: str | None = None) -> str | None:
    """Return the digits of a telephone number with its country's code where that is known; None where it is none.

    The number is read as it is dialled in `country`, with the library phonenumbers. Extensions are left out.

    Examples
    --------
    >>> phone("+44 (0)118 496-0871"), phone("0044 118 4960871"), phone("(0118) 496 0871", "GB")
    ('+441184960871', '+441184960871', '+441184960871')
    >>> phone("0118 4960871"), phone("n/a")
    ('01184960871', None)
    """
    plain = _TRUNK.sub("", fold(text or ""))
    plain = _EXTENSION.sub("", plain)
    digits = "".join(c for c in plain if c.isdigit())
    if not 6 <= len(digits) <= 17 or len(set(digits)) == 1:
        return None
    if plain.lstrip(" .:abcdefghijklmnopqrstuvwxyz").startswith("+"):
        return f"+{digits}"
    if digits.startswith("00") and len(digits) > 10:
        return f"+{digits[2:]}"
    return _national(digits, region(country)) or digits


@lru_cache(maxsize=100_000)
def _national(digits: str, land: str | None) -> str | None:
    if land is None:
        return None
    from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, is_valid_number, parse

    try:
        number = parse(digits, land)
        if number.italian_leading_zero and not is_valid_number(number):  # a zero that is no longer dialled there
            number = parse(digits.lstrip("0"), land)
        return format_number(number, PhoneNumberFormat.E164)
    except NumberParseException:
        return None


def tail(number: str | None) -> str | None:
    """Return the last eight digits of a telephone number, which its notations share whatever stands in front.

    >>> tail("+441184960871"), tail("01184960871"), tail("12345")
    ('84960871', '84960871', None)
    """
    digits = (number or "").lstrip("+")
    return digits[-8:] if len(digits) >= 8 else None


@lru_cache(maxsize=200_000)
def street(text: str | None) -> str | None:
    """Return a street and number as sorted words, without words for street and with St and Str as Street.

    Examples
    --------
    >>> street("ul. Lipowa 12/4"), street("Lipowa 12 / 4"), street("Ahornstraße 7") == street("AHORNSTR. 7")
    ('12 4 lipowa', '12 4 lipowa', True)
    >>> street("栄町154丁目3-1")
    '1 154 3 丁目 栄町'
    """
    parts = _PARTS.findall(fold(text or ""))
    kept = [_STREET_ENDS.sub("", part) for part in parts if part not in STREETS] or parts
    return " ".join(sorted(map(one_spelling, kept))) or None


def place(text: str | None) -> str | None:
    """Return a city in one form: without accents, marks and what stands in brackets.

    >>> place("Łódź"), place("Frankfurt (Main)")
    ('lodz', 'frankfurt')
    """
    return " ".join(map(one_spelling, _PARTS.findall(re.sub(r"\(.*?\)", " ", fold(text or ""))))) or None


def postal(text: str | None) -> str | None:
    """Return a postal code in small letters and digits only.

    >>> postal("80-001"), postal("SW1A 1AA"), postal("")
    ('80001', 'sw1a1aa', None)
    """
    return "".join(c for c in fold(text or "") if c.isalnum()) or None
