"""Deciding how the cells of a whole column are written, from all of them at once; what can't be decided is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from crmkit.adapters import amounts, cells, dates
from crmkit.adapters.spec import ColumnSpec, Reading
from crmkit.adapters.work import Work

_WORDS = {"dmy": "day before month", "mdy": "month before day", "ymd": "year first"}
_PLAIN = {"unix": "Unix seconds", "unix_ms": "Unix milliseconds", "excel": "Excel's days", "compact": "YYYYMMDD"}
_PLACE = "(CAST(_file AS BIGINT) << 40) + _row"
Found = dict[str, tuple[int, tuple[str, str, int]]]


def times(work: Work, spec: ColumnSpec, sql: str) -> tuple[str, str]:
    """Choose the one format that holds for a column, and say how; two that differ and fit equally are an error."""
    choices = spec.reading.dates
    if work.staged.typed and spec.name not in work.plain and choices not in (("auto",), ("iso",)):
        choices = tuple(f"{choice} | iso" for choice in choices)  # a workbook's own times are ISO
    if choices == ("auto",):
        return order(work, spec, sql)
    if len(choices) == 1:
        return choices[0], ""
    reads = [cells.time(sql, choice, work.zone) for choice in choices]
    fits = work.one(f"SELECT {', '.join(f'count({read})' for read in reads)} FROM {work.view}")
    best = max(fits)
    winners = [n for n, fit in enumerate(fits) if fit == best]
    for other in winners[1:] if best else ():
        a, b = reads[winners[0]], reads[other]
        where = f"({a}) IS DISTINCT FROM ({b})"
        differ = work.one(f"SELECT count(*) FROM {work.view} WHERE {where}")[0]
        if differ:
            file, row, value = work.one(
                f"SELECT _file, _row, {sql} FROM {work.view} WHERE {where} ORDER BY 1, 2 LIMIT 1"
            )
            example = work.example(file, row, value)
            raise work.error(
                spec.name,
                f"day and month can't be told apart: {choices[winners[0]]} and {choices[other]} both read {best:,} "
                f"cells, and {differ:,} of them differently, such as {example.value!r} in line {example.line}. "
                f'Say which one it is: dates = "{choices[other]}" at this column.',
            )
    return choices[winners[0]], ""


def order(work: Work, spec: ColumnSpec, sql: str) -> tuple[str, str]:
    """Decide in which order day and month stand in a column, or which kind of number its times are.

    Returns
    -------
    str, str
        A choice as `dates` in an adapter has it, and how it was decided, in words.

    Raises
    ------
    DataError
        Where both orders fit all cells and would give other days, or where some cells fit only one and some only the
        other.
    """
    found, filled = _count(work, work.view, sql, *dates.evidence())
    for name, words in _PLAIN.items():
        if filled and found[name][0] == filled:
            return (dates.COMPACT if name == "compact" else name), words
    days, months, short = (found[name][0] for name in ("dmy", "mdy", "short"))
    if days and months:
        raise work.error(
            spec.name,
            f"the cells mix day before month ({_shown(work, found['dmy'])}) and month before day "
            f"({_shown(work, found['mdy'])}), so that {found['either'][0]:,} others can be read either way. Correct "
            f"the fewer of them ({min(days, months):,}), or say which order holds: {_offer(work, spec)}.",
        )
    if short and not months and not found["year_last"][0]:
        raise work.error(
            spec.name,
            f"all of {short:,} dates with a year of two digits could also begin with the year, such as "
            f"{_shown(work, found['short'])}. Say which order holds: {_offer(work, spec)} (or ymd).",
        )
    for name in ("dmy", "mdy"):
        if found[name][0]:
            return name, f"{_WORDS[name]}, decided by {_shown(work, found[name])}"
    if not found["either"][0]:
        if filled and _iso(work, sql) == filled:
            return "iso", ""  # the same by a far shorter way
        return "dmy", "written so that only one order fits" if filled else ""
    for name, header, far in _other_columns(work, spec):
        return name, f"{_WORDS[name]}, decided by {far} under {header!r}, for its own cells fit both orders"
    raise work.error(
        spec.name,
        f"day and month can't be told apart: {found['either'][0]:,} cells fit both orders, such as "
        f"{_shown(work, found['either'])}, and nothing in the file tells. Say which order holds: {_offer(work, spec)}.",
    )


def _iso(work: Work, sql: str) -> int:
    shapes = " OR ".join(f"regexp_matches({sql}, {cells.literal(shape)})" for shape in (cells.ISO, cells.ISO_ZONED))
    return work.one(f"SELECT count(*) FROM {work.view} WHERE {shapes}")[0]


def marks(work: Work, spec: ColumnSpec, sql: str, header: str = "") -> tuple[Reading, str]:
    """Decide which marks the numbers of a column have; a workbook's own numbers have a point.

    Returns
    -------
    Reading, str
        The column's reading with its marks, and how they were decided, in words.

    Raises
    ------
    DataError
        Where "1,234" could be a thousand or a bit more than one, or where cells contradict each other.
    """
    reading = spec.reading
    if header in work.staged.numeric:
        return replace(reading, decimal=".", thousands=""), "as the workbook has it" if reading.decimal != "." else ""
    if reading.decimal != "auto":
        return reading, ""
    found, _ = _count(work, work.view, sql, *amounts.evidence())
    point, comma = found["point"][0], found["comma"][0]
    if point and comma:
        raise work.error(
            spec.name,
            f"the cells mix decimal points ({_shown(work, found['point'])}) and decimal commas "
            f"({_shown(work, found['comma'])}). Correct the fewer of them ({min(point, comma):,}), or say which one "
            f"holds: --decimal . or --decimal , (decimal in the adapter).",
        )
    for name, mark in (("point", "."), ("comma", ",")):
        if found[name][0]:
            why = f"decimal {name}, decided by {_shown(work, found[name])}"
            return replace(reading, decimal=mark, thousands="any"), why
    unclear = found["one_comma"] if found["one_comma"][0] else found["one_point"]
    if not unclear[0]:
        return replace(reading, decimal=".", thousands="any"), ""
    if found["one_comma"][0] and found["one_point"][0]:
        both = f"{_shown(work, found['one_comma'])} and {_shown(work, found['one_point'])}"
        unclear_words = f"cells such as {both}"
    else:
        unclear_words = f"{unclear[0]:,} cells such as {_shown(work, unclear)}"
    raise work.error(
        spec.name,
        f"the decimal mark can't be told: {unclear_words} may be thousands or fractions, and no other cell tells. Say "
        "which mark is the decimal one: --decimal . or --decimal , (decimal in the adapter).",
    )


def _count(work: Work, view: str, sql: str, looked: str, conditions: dict[str, str]) -> tuple[Found, int]:
    """Count the cells for which each condition holds, with the place of the first of them, in one pass."""
    selects = ", ".join(f"count(*) FILTER (q{n}), min({_PLACE}) FILTER (q{n})" for n, _ in enumerate(conditions))
    tests = ", ".join(f"({condition}) AS q{n}" for n, condition in enumerate(conditions.values()))
    row = work.one(
        f"SELECT count(*), {selects} FROM (SELECT _file, _row, {tests} FROM (SELECT _file, _row, cell, {looked} "
        f"FROM (SELECT _file, _row, {sql} AS cell FROM {view}) WHERE cell IS NOT NULL))"
    )
    found = {name: (row[1 + 2 * n], (view, sql, row[2 + 2 * n])) for n, name in enumerate(conditions)}
    return found, row[0]


def _shown(work: Work, found: tuple[int, tuple[str, str, int]]) -> str:
    view, sql, place = found[1]
    at = f"_file = {place >> 40} AND _row = {place % (1 << 40)} AND {sql} IS NOT NULL"
    example = work.example(*work.one(f"SELECT _file, _row, {sql} FROM {view} WHERE {at}"))
    file = f" of {example.file}" if len(work.staged.files) > 1 else ""
    return f"{example.value!r} in line {example.line}{file}"


def _offer(work: Work, spec: ColumnSpec) -> str:
    return f'--dates dmy or --dates mdy (dates = "dmy" or "mdy" at {work.spec.name}.{spec.name} in the adapter)'


def _other_columns(work: Work, spec: ColumnSpec) -> Iterator[tuple[str, str, str]]:
    """Look for the order of day and month in the other columns of times of the same kind of file."""
    own = {work.staged.find(spec.wanted)}
    looked = set()
    for table in work.adapter.tables:
        for column in table.columns if table.file == work.spec.file else ():
            if column.type != "time" or column.reading.dates != ("auto",):
                continue
            for header in {work.staged.find([name]) for name in column.wanted} - own - looked - {None}:
                looked.add(header)
                sql = cells.trimmed(work.staged.headers[header])
                looked, tests = dates.evidence()
                found, _ = _count(work, work.staged.table, sql, looked, {k: tests[k] for k in ("dmy", "mdy")})
                if bool(found["dmy"][0]) != bool(found["mdy"][0]):
                    name = "dmy" if found["dmy"][0] else "mdy"
                    yield name, header, _shown(work, found[name])
