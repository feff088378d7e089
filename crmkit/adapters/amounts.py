"""Numbers as people write them, in SQL: currency signs, groups of three, decimal marks, K and M, percent, brackets.

`core` takes everything off a cell that isn't digits and marks, `number` reads it by declared marks, and `evidence`
counts what the cells of a column say about their marks.
"""

from __future__ import annotations

from crmkit.adapters.currencies import BEFORE
from crmkit.adapters.currencies import PATTERN as CURRENCY

_WIDE = "０１２３４５６７８９．，－−–（）％＋　\u00a0\u2007\u202f\u2009"
_NARROW = "0123456789.,---()%+     "
_SCALES = {"k": 1e3, "m": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9}
_SCALE = r"(?i)\s?(k|mn|m|bn|b|%)$"
_GROUPS = {",": ",", ".": r"\.", " ": " ", "'": "['’]"}


def _sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _bare(value: str) -> str:
    """Return the SQL of a cell without currency, with ordinary digits, and with a minus sign for brackets."""
    text = f"translate({value}, {_sql(_WIDE)}, {_sql(_NARROW)})"
    text = f"regexp_replace(trim({text}), {_sql(BEFORE)}, '\\1')"
    text = f"trim(regexp_replace({text}, {_sql(CURRENCY)}, ''))"
    text = f"regexp_replace({text}, '^\\((.*)\\)$', '-\\1')"
    text = f"trim(regexp_replace({text}, {_sql(CURRENCY)}, ''))"  # the sign may stand within the brackets
    return f"regexp_replace({text}, '^([-+])\\s+', '\\1')"


def core(value: str) -> str:
    """Return the SQL of a cell's digits and marks alone, without sign and scale."""
    return f"regexp_replace(regexp_replace({_bare(value)}, {_sql(_SCALE)}, ''), '^[-+]', '')"


def number(value: str, decimal: str, thousands: str, *, hundredths: bool = False) -> str:
    """Return the SQL of the number that a cell says; null where it says none.

    Parameters
    ----------
    value : str
        The SQL of a trimmed text.
    decimal : {".", ","}
    thousands : {",", ".", " ", "'", "any", ""}
        "any" takes each of them but the decimal mark; groups have three digits, or the cell can't be read.
    hundredths : bool
        Whether the number counts hundredths anyway, so that a percent sign adds nothing; else it divides by 100.

    Examples
    --------
    >>> import duckdb
    >>> def read(text, *marks):
    ...     return duckdb.sql(f"SELECT {number('x', *marks)} FROM (SELECT '{text}' AS x)").fetchone()[0]
    >>> read("$1,117.10K", ".", ","), read("(1.300,50 €)", ",", "any"), read("45%", ".", "")
    (1117100.0, -1300.5, 0.45)
    """
    mark = "\\" + decimal
    plain = rf"[-+]?(\d+({mark}\d*)?|{mark}\d+)([eE][-+]?\d+)?"
    shapes, groups = [plain], [g for m, g in _GROUPS.items() if m != decimal and thousands in (m, "any")]
    shapes += [rf"[-+]?\d{{1,3}}({group}\d{{3}})+({mark}\d*)?" for group in groups]
    text = f"regexp_replace({_bare(value)}, {_sql(_SCALE)}, '')"
    clean = text
    for group in groups:
        clean = f"regexp_replace({clean}, {_sql(group)}, '', 'g')"
    if decimal == ",":
        clean = f"replace({clean}, ',', '.')"
    fits = f"regexp_matches({text}, {_sql('^(' + '|'.join(shapes) + ')$')})"
    found = f"CASE WHEN {fits} THEN TRY_CAST({clean} AS DOUBLE) END"
    scale = f"lower(regexp_extract({_bare(value)}, {_sql(_SCALE)}, 1))"
    factors = " ".join(f"WHEN {_sql(word)} THEN {factor!r}" for word, factor in _SCALES.items())
    percent = found if hundredths else f"round(({found}) / 100, 12)"
    large = f"round(({found}) * CASE {scale} {factors} END, 6)"
    scaled = f"CASE {scale} WHEN '' THEN {found} WHEN '%' THEN {percent} ELSE {large} END"
    fraction = "" if decimal == "," else r"(\.\d+)?"
    easy = rf"regexp_matches({value}, '^-?\d+{fraction}$')"  # most are
    usual = f"regexp_matches({value}, {_sql('^(' + '|'.join(shapes) + ')$')})"  # nothing but digits and marks
    plainly = value
    for group in groups:
        plainly = (
            f"regexp_replace({plainly}, {_sql(group)}, '', 'g')"
            if group == "['’]"
            else f"replace({plainly}, {_sql(group[-1])}, '')"
        )
    plainly = f"replace({plainly}, ',', '.')" if decimal == "," else plainly
    return (
        f"CASE WHEN {easy} THEN CAST({value} AS DOUBLE) WHEN {usual} THEN TRY_CAST({plainly} AS DOUBLE) "
        f"ELSE {scaled} END"
    )


def plainly_written(value: str) -> str:
    """Return the SQL that tells of a cell with nothing to decide: digits alone."""
    return rf"regexp_matches({value}, '^-?\d+$')"


def signs(value: str) -> dict[str, str]:
    """Return the SQL conditions of a cell with a percent sign, and of one with a scale such as K."""
    scaled = f"regexp_matches({_bare(value)}, {_sql('(?i)[0-9][ ]?(k|mn|m|bn|b)$')})"
    return {"percent": f"regexp_matches({value}, '[%％]$')", "scaled": scaled}


def evidence() -> tuple[str, dict[str, str]]:
    """Return the SQL of what is looked at in a text called `cell`, and by what it is evidence of the conditions on it.

    "point" and "comma": that is the decimal mark. "one_comma" and "one_point": a single mark before three digits, which
    may be either.
    """
    text = "bare"
    decimals = r"\d*M\d{1,2}|\d*M\d{4,}|0M\d*|\d{4,}M\d*|M\d+|\d+M"  # one mark that groups of three don't explain
    whole = r"\d{1,3}(?:M\d{3}){2,}"  # two groups or more
    mixed = r"\d{1,3}(?:M\d{3})+D\d*"
    other = r"\d{1,3}(?:[ '’]\d{3})+D\d+"

    def either(mark: str, far: str) -> str:
        parts = [decimals.replace("M", mark), whole.replace("M", far), mixed.replace("M", far).replace("D", mark)]
        return "^(?:" + "|".join([*parts, other.replace("D", mark)]) + ")$"

    point, comma = _sql(either(r"\.", ",")), _sql(either(",", r"\."))
    simple = "regexp_matches(cell, '^[0-9.,]+$')"
    return f"CASE WHEN {simple} THEN cell ELSE {core('cell')} END AS bare", {
        "point": f"regexp_matches({text}, {point})",
        "comma": f"regexp_matches({text}, {comma})",
        "one_comma": rf"regexp_matches({text}, '^[1-9]\d{{0,2}},\d{{3}}$')",
        "one_point": rf"regexp_matches({text}, '^[1-9]\d{{0,2}}\.\d{{3}}$')",
    }
