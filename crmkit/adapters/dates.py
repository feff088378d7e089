"""Times in the usual writings, in SQL: one order of day and month, any separator, year, clock and zone.

`shape` reads a cell by an order ("dmy", "mdy", "ymd"); `evidence` counts what the cells of a column say about it. A
writing that can mean one thing only, such as 2026-08-31, 31 Aug 2026 or 2026年8月31日, is read under every order.
"""

from __future__ import annotations

ORDERS = ("dmy", "mdy", "ymd")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_SEP = r"\s?[/.\-]\s?"
_CLOCK = r"(?:(?:T|,?\s+(?:at\s+)?)(\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)"
_REST = _CLOCK + r"(?:\s*([AaPp])\.?[Mm]\.?|\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?)?$"
_NUMBERS = rf"^(\d{{1,2}}){_SEP}(\d{{1,2}}){_SEP}"
_EASY = r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})((?: \d{1,2}:\d{2}(?::\d{2})?)?)$"
_EASY_YEAR_FIRST = r"^(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})((?: \d{1,2}:\d{2}(?::\d{2})?)?)$"
_WORD = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?:uary|ruary|ch|il|e|y|ust|t|tember|ober|ember)?\.?"
_YEAR_FIRST = rf"^(\d{{4}}){_SEP}(\d{{1,2}}){_SEP}(\d{{1,2}})\.?" + _REST
_HAN = r"^(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日일]" + _REST
_DAY_NAME = rf"(?i)^{_WORD}(\d{{1,2}})(?:st|nd|rd|th)?[\s.\-/]*{_MONTH}[\s,.\-/]*(\d{{4}}|\d{{2}})" + _REST
_NAME_DAY = rf"(?i)^{_WORD}{_MONTH}\s*(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})" + _REST
_YEAR_NAME = rf"(?i)^(\d{{4}})[\s\-/.]+{_MONTH}[\s\-/.]+(\d{{1,2}})" + _REST
_EARLY = r"[0-5]\d|6[0-8]"  # a year of two digits: 00-68 are of this century, 69-99 of the last
_DIGITS = r"^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{4}|\d{6})?$"
_COMPACT = _DIGITS.replace(r"19|20)\d\d", r"199\d|20\d\d)")  # where it isn't said that they are times
COMPACT = "%Y%m%d | %Y%m%d%H%M%S | %Y%m%d%H%M"


def _sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def shape(value: str, order: str, zone: str) -> str:
    """Return the SQL of the time that a cell says under an order of day and month; null where it says none.

    Parameters
    ----------
    value : str
        The SQL of a trimmed text.
    order : {"dmy", "mdy", "ymd"}
    zone : str
        The zone that zoned times are converted to.

    Examples
    --------
    >>> import duckdb
    >>> def read(text, order):
    ...     return str(duckdb.sql(f"SELECT {shape('x', order, 'UTC')} FROM (SELECT '{text}' AS x)").fetchone()[0])
    >>> read("03/07/21 2:05 PM", "dmy"), read("03/07/21 2:05 PM", "mdy")
    ('2021-07-03 14:05:00', '2021-03-07 14:05:00')
    >>> read("15 Apr, 2021 00:02:00", "mdy")
    '2021-04-15 00:02:00'
    """
    cases = [(_YEAR_FIRST, r"\1-\2-\3"), (_HAN, r"\1-\2-\3")]
    if order == "ymd":
        rest = rf"{_SEP}(\d{{1,2}}){_SEP}(\d{{1,2}})" + _REST
        cases += [(rf"^({_EARLY}){rest}", r"20\1-\2-\3"), (rf"^(69|[7-9]\d){rest}", r"19\1-\2-\3")]
    else:
        date = r"\2-\1" if order == "dmy" else r"\1-\2"
        cases += [
            (rf"{_NUMBERS}(\d{{4}})\.?" + _REST, rf"\3-{date}"),
            (rf"{_NUMBERS}({_EARLY})" + _REST, rf"20\3-{date}"),
            (rf"{_NUMBERS}(69|[7-9]\d)" + _REST, rf"19\3-{date}"),
        ]
    year, month, day = {"dmy": (3, 2, 1), "mdy": (3, 1, 2), "ymd": (1, 2, 3)}[order]
    easy = _EASY_YEAR_FIRST if order == "ymd" else _EASY
    parts = _sql(rf"\{year}-\{month}-\{day}\4")  # most are written so, and a short way for them pays
    quick = f"WHEN regexp_matches({value}, {_sql(easy)}) THEN "
    quick += f"TRY_CAST(regexp_replace({value}, {_sql(easy)}, {parts}) AS TIMESTAMP)"
    whens = [_when(value, pattern, date, zone) for pattern, date in cases]
    if order == "ymd":
        stamps = ", ".join(map(_sql, COMPACT.split(" | ")))
        whens.append(f"WHEN regexp_matches({value}, {_sql(_DIGITS)}) THEN try_strptime({value}, [{stamps}])")
    return f"CASE {quick} {' '.join(whens)} {_named(value, zone)} END"


def _when(value: str, pattern: str, date: str, zone: str) -> str:
    """Return the branch of a writing in numbers."""
    parts = _sql(date + r" \4|\5|\6")
    text = f"regexp_replace({value}, {_sql(pattern)}, {parts})"
    return f"WHEN regexp_matches({value}, {_sql(pattern)}) THEN {_moment(text, zone)}"


def _named(value: str, zone: str) -> str:
    """Return the branches of writings with the name of a month."""
    whens = []
    for pattern, *places in ((_DAY_NAME, 3, 2, 1), (_NAME_DAY, 3, 1, 2), (_YEAR_NAME, 1, 2, 3)):
        year, month, day, *rest = (f"regexp_extract({value}, {_sql(pattern)}, {n})" for n in (*places, 4, 5, 6))
        number = f"list_position([{', '.join(map(_sql, MONTHS))}], lower({month}))"
        century = f"CASE WHEN len({year}) = 4 THEN '' WHEN {year} < '69' THEN '20' ELSE '19' END"
        clock = " || '|' || ".join(rest)
        text = f"({century} || {year} || '-' || {number} || '-' || {day} || ' ' || {clock})"
        whens.append(f"WHEN regexp_matches({value}, {_sql(pattern)}) THEN {_moment(text, zone)}")
    return " ".join(whens)


def _moment(text: str, zone: str) -> str:
    """Return the SQL of the time in a text of the form "Y-M-D clock|A or P|zone"."""
    half = f"regexp_replace({text}, '^(.*)[|]([AaPp])[|]$', '\\1 \\2M')"
    clocks = "['%Y-%m-%d %I:%M %p', '%Y-%m-%d %I:%M:%S %p', '%Y-%m-%d %I:%M:%S.%f %p']"
    zoned = f"regexp_replace({text}, '([ ]\\d{{1,2}}:\\d\\d)[|]', '\\1:00|')"
    zoned = f"regexp_replace({zoned}, '[|][|](?:Z|UTC|GMT)$', '+00')"
    zoned = f"replace(replace({zoned}, '||', ''), ',', '.')"
    return (
        f"CASE WHEN right({text}, 2) = '||' THEN TRY_CAST(replace(rtrim({text}, ' |'), ',', '.') AS TIMESTAMP) "
        f"WHEN right({text}, 1) = '|' THEN try_strptime({half}, {clocks}) "
        f"ELSE TRY_CAST({zoned} AS TIMESTAMPTZ) AT TIME ZONE {_sql(zone)} END"
    )


def evidence() -> tuple[str, dict[str, str]]:
    """Return the SQL of what is looked at in a text called `cell`, and by what it is evidence of the conditions on it.

    "dmy" and "mdy": it is a date in that order alone. "either": it is one in both, and another one. "year_last": its
    year has two digits, and it could not be a year in the first place. "short": its year has two digits. "unix",
    "unix_ms", "excel", "compact": a number that could be a time between 1990 and 2100.
    """
    pattern = _sql(rf"{_NUMBERS}(\d{{4}}|\d{{2}})(?:\D|$)")
    looked = (
        f"regexp_extract(cell, {pattern}, ['a', 'b', 'c']) AS p, "
        r"CASE WHEN regexp_matches(cell, '^\d{5,14}(\.\d+)?$') THEN TRY_CAST(cell AS DOUBLE) END AS number"
    )
    day, month = "TRY_CAST(p.a AS UTINYINT)", "TRY_CAST(p.b AS UTINYINT)"
    return looked, {
        "dmy": f"p.a <> '' AND {day} BETWEEN 13 AND 31 AND {month} BETWEEN 1 AND 12",
        "mdy": f"p.a <> '' AND {month} BETWEEN 13 AND 31 AND {day} BETWEEN 1 AND 12",
        "either": f"p.a <> '' AND {day} BETWEEN 1 AND 12 AND {month} BETWEEN 1 AND 12 AND {day} <> {month}",
        "short": "len(p.c) = 2",
        "year_last": f"len(p.c) = 2 AND ({month} > 12 OR TRY_CAST(p.c AS UTINYINT) NOT BETWEEN 1 AND 31)",
        "unix": r"number BETWEEN 631152000 AND 4102444800",
        "unix_ms": "number BETWEEN 631152000000 AND 4102444800000",
        "excel": "number BETWEEN 32874 AND 73051",
        "compact": f"number > 19900000 AND regexp_matches(cell, {_sql(_COMPACT)})",
    }
