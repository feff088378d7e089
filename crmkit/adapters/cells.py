"""What the text of a cell means: SQL expressions for numbers, times, flags and keys, none of them guessing.

Each function takes the SQL of a text that is trimmed and null where empty, and returns the SQL of its value, null where
the text can't be read. Whoever calls counts the cells that are filled and unread.
"""

from __future__ import annotations

from crmkit.adapters import amounts, dates
from crmkit.adapters.spec import Reading

TRUE = ("true", "t", "yes", "y", "1", "ja", "oui", "si", "sí", "sim", "tak", "da", "on", "是", "はい", "예")
FALSE = ("false", "f", "no", "n", "0", "nein", "non", "não", "nie", "nej", "off", "否", "いいえ", "아니요")

ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?)?$"
ISO_ZONED = r"^\d{4}-\d{2}-\d{2}[T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|UTC|[+-]\d{2}(:?\d{2})?)$"
ANY_SPACE = " \t\r\n\u00a0\u2007\u202f\u3000\ufeff"
EARLIEST, LATEST = 1900, 2100  # years beyond are sentinels such as 0001 and 9999


def literal(text: str) -> str:
    """Write a text as an SQL literal.

    >>> literal("O'Neill")
    "'O''Neill'"
    """
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Write a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def one_of(value: str, words: tuple[str, ...]) -> str:
    """Tell whether a text is one of some words."""
    return f"{value} IN ({', '.join(map(literal, words))})" if words else "false"


def trimmed(value: str) -> str:
    """Take the outer spaces off a text, all kinds of them; null where nothing is left."""
    space = "[" + ANY_SPACE + "]"
    outer = literal(f"^{space}|{space}$")  # trimming costs more than looking whether it's needed
    inner = f"nullif(trim({value}, {literal(ANY_SPACE)}), '')"
    return f"CASE WHEN regexp_matches({value}, {outer}) THEN {inner} ELSE nullif({value}, '') END"


def number(value: str, reading: Reading, times: float = 1.0) -> str:
    """Read a number with the declared marks, and scale it; `amounts.number` says what is understood."""
    found = amounts.number(value, reading.decimal, reading.thousands, hundredths=times == 0.01)
    # a scaled amount is rounded to a millionth, so that 251.41 million is 251410000 and not 251409999.99999997
    return found if times == 1.0 else f"round(({found}) * {times!r}, 6)"


def whole(value: str, reading: Reading, times: float = 1.0) -> str:
    """Read a whole number; 3.0 is one, 3.5 can't be read."""
    found = f"({number(value, reading, times)})"
    return f"CASE WHEN {found} = trunc({found}) AND abs({found}) < 9e18 THEN CAST({found} AS BIGINT) END"


def flag(value: str) -> str:
    """Read a yes or no in one of several languages."""
    word = f"lower({value})"
    return f"CASE WHEN {one_of(word, TRUE)} THEN true WHEN {one_of(word, FALSE)} THEN false END"


def time(value: str, choice: str, zone: str, *, bounded: bool = True) -> str:
    """Read a time by one choice of format, or of several "a | b"; zoned times are converted to `zone`.

    `bounded` leaves out years that stand for no time at all, before 1900 and after 2100.
    """
    shapes = [_shape(value, shape, zone) for shape in choice.split(" | ")]
    found = f"coalesce({', '.join(shapes)})"
    if not bounded:
        return found
    return f"CASE WHEN year({found}) BETWEEN {EARLIEST} AND {LATEST} THEN {found} END"


def zoned(text: str) -> str:
    """Tell whether the text of a time names its zone."""
    return rf"regexp_matches({text}, ':\d\d([.,]\d+)?\s*(Z|UTC|GMT|[+-]\d\d(:?\d\d)?)$')"


def _shape(value: str, shape: str, zone: str) -> str:
    utc = f"AT TIME ZONE 'UTC' AT TIME ZONE {literal(zone)}"
    if shape == "iso":
        text = f"replace({value}, ',', '.')"
        full = f"regexp_replace({text}, '([T ]\\d{{1,2}}:\\d\\d)(\\s*(Z|UTC|[+-]))', '\\1:00\\2')"  # seconds are needed
        zoned = f"TRY_CAST(regexp_replace({full}, '\\s+([+-])', '\\1') AS TIMESTAMPTZ) AT TIME ZONE {literal(zone)}"
        return (
            f"CASE WHEN regexp_matches({value}, {literal(ISO)}) THEN TRY_CAST({text} AS TIMESTAMP) "
            f"WHEN regexp_matches({value}, {literal(ISO_ZONED)}) THEN {zoned} END"
        )
    if shape in dates.ORDERS:
        return dates.shape(value, shape, zone)
    if shape in ("unix", "unix_ms"):
        factor = 1_000_000 if shape == "unix" else 1_000
        stamp = f"TRY_CAST({value} AS DOUBLE) * {factor}"
        return f"CASE WHEN abs({stamp}) < 1e16 THEN make_timestamp(CAST({stamp} AS BIGINT)) {utc} END"
    if shape == "excel":  # days since 1899-12-30, the time of day as a fraction, to the second
        days = f"TRY_CAST({value} AS DOUBLE)"
        shifted = f"TIMESTAMP '1899-12-30' + to_seconds(CAST(round({days} * 86400) AS BIGINT))"
        return f"CASE WHEN {days} BETWEEN 1 AND 100000 THEN {shifted} END"
    found = f"try_strptime({value}, {literal(shape)})"
    return f"{found} AT TIME ZONE {literal(zone)}" if "%z" in shape else found
