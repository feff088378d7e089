"""Where a column's text comes from: one header or several, put together or computed, a constant, the row itself."""

from __future__ import annotations

from typing import NamedTuple

from crmkit.adapters import cells, deciding, moments
from crmkit.adapters.cells import identifier, literal, one_of
from crmkit.adapters.spec import ColumnSpec
from crmkit.adapters.work import Work, no_header

ABSENT = "not in this export"


class Source(NamedTuple):
    """The SQL of a column's text, where it comes from, in words, and whether crmkit computed it and wrote it itself."""

    sql: str
    words: str
    plain: bool = False


def text_of(work: Work, spec: ColumnSpec) -> Source | None:
    """Return the source of a column's text; None where the export doesn't have it and doesn't need to.

    Raises
    ------
    DataError
        Where the column must be there and isn't, or a cell lacks the piece that is asked for.
    """
    if spec.constant is not None:
        return Source(literal(spec.constant), f"always {spec.constant!r}")
    if spec.row:
        stems = " ".join(f"WHEN {n} THEN {literal(f.path.stem)}" for n, f in enumerate(work.staged.files))
        return Source(f"CASE _file {stems} END || '-' || _row", "file and number of the row")
    parts = _parts(work, spec)
    if parts:
        return _of_parts(work, spec, parts)
    if spec.required and not spec.absent:
        raise no_header(work, spec.name, spec.wanted)
    return Source("CAST(NULL AS VARCHAR)", ABSENT) if spec.absent else None


def _of_parts(work: Work, spec: ColumnSpec, parts: list[Source]) -> Source:
    """Put the cells of several headers together."""
    sqls, names = [part.sql for part in parts], [part.words for part in parts]
    if spec.combine:
        whole = f" || {literal(spec.separator)} || ".join(f"coalesce({sql}, '')" for sql in sqls)
        return Source(f"CASE WHEN coalesce({', '.join(sqls)}) IS NOT NULL THEN {whole} END", " and ".join(names))
    if spec.computed:
        work.plain.add(spec.name)
        cells_of = zip(parts, _named(work, spec, sqls), strict=True)
        return _computed(work, spec, [part._replace(sql=name) for part, name in cells_of])
    if spec.headers and parts[0].plain:
        work.plain.add(spec.name)
    either = ", else ".join(dict.fromkeys(names))
    return Source(f"coalesce({', '.join(sqls)})", either) if spec.first_filled else parts[0]


def _parts(work: Work, spec: ColumnSpec) -> list[Source]:
    """Return the cells that a column is made from; none where one is missing that all the others need."""
    if spec.headers:
        found = cell(work, spec, spec.headers)
        return [_piece(work, spec, found) if spec.split else found] if found else []
    parts = [cell(work, spec, (header,)) for header in spec.wanted]
    whole = spec.combine or spec.computed
    if whole and spec.empty == "zero" and any(parts):
        nothing = "CAST(NULL AS VARCHAR)"
        return [p or Source(nothing, f"{h} (not there, 0)") for p, h in zip(parts, spec.wanted, strict=True)]
    if whole and not all(parts):
        return []
    return [part for part in parts if part]


def cell(work: Work, spec: ColumnSpec, wanted: tuple[str, ...]) -> Source | None:
    """Return the cell of the first of some headers, or working columns, that is there."""
    for header in wanted:
        if header in work.missing:
            continue
        if header.startswith("_") and any(c.name == header for c in work.spec.columns):
            return Source(identifier(f"t:{header}"), work.words.get(header, header), header in work.plain)
    header = work.find(wanted)
    if header is None:
        return None
    if not work.folded:
        return Source(cells.trimmed(work.staged.headers[header]), header)
    sql = cells.trimmed(work.folded[spec.name, header])
    if header in work.spec.one_row_for and spec.which in ("", "first", "last"):
        return Source(sql, header)
    chosen = [f"{spec.which or 'last'} in order of {work.spec.in_order_of}"]
    if spec.which not in ("", "first", "last"):
        chosen = [{"sum": "added up", "count": "counted", "min": "least", "max": "greatest"}[spec.which]]
    chosen += [f"where {other} is {' or '.join(words)}" for other, words in spec.where.items()]
    return Source(sql, f"{header} ({' '.join(chosen)})")


def _named(work: Work, spec: ColumnSpec, sqls: list[str]) -> list[str]:
    """Give the cells of a computed column a name each in the chain, because their text stands many times in the sum."""
    names = [f"c:{spec.name}:{number}" for number in range(len(sqls))]
    for name, sql in zip(names, sqls, strict=True):
        work.add(name, _filled(spec, sql))
    return [identifier(name) for name in names]


def _filled(spec: ColumnSpec, sql: str) -> str:
    missing = spec.missing or spec.reading.missing
    return f"CASE WHEN NOT coalesce({one_of(sql, missing)}, false) THEN {sql} END" if missing else sql


def _piece(work: Work, spec: ColumnSpec, found: Source) -> Source:
    """Return one piece of a cell; a cell without that piece stops the import."""
    sql, mark = found.sql, literal(spec.split)
    short = f"{sql} IS NOT NULL AND len(string_split({sql}, {mark})) < {spec.part}"
    row = work.rows(f"SELECT _file, _row, {sql} FROM {work.view} WHERE {short} ORDER BY 1, 2 LIMIT 1")
    if row:
        file, number, text = row[0]
        raise work.error(
            spec.name,
            f"{text!r} in {work.staged.files[file].path.name}, line {work.line(file, number)} has no piece {spec.part} "
            f"when it is split at {spec.split!r}. Correct the cell, or split and part in {work.adapter.path.name}.",
        )
    return Source(cells.trimmed(f"string_split({sql}, {mark})[{spec.part}]"), f"piece {spec.part} of {found.words}")


def _computed(work: Work, spec: ColumnSpec, parts: list[Source]) -> Source:
    """Return a number or a time computed from several cells as a plain text, empty where one of them is.

    Where one can't be read, the cells stand there as they are, so that the result is counted as unread.
    """
    sqls, names = [part.sql for part in parts], [part.words for part in parts]
    if spec.after:
        work.add(f"c:{spec.name}", _later(work, spec, *parts))
        plain = moments.text_of(work, spec, identifier(f"c:{spec.name}"))
        mark, words = " + ", f"{names[1]} ({spec.per}s) after {names[0]}"
    elif spec.between:
        minutes = 60 if spec.per == "minute" else 1
        start, end = (moments.instant(work, *_time(work, spec, part)) for part in parts)
        total, words, mark = f"epoch({end}) - epoch({start})", f"{spec.per}s from {names[0]} to {names[1]}", " to "
        total = f"({total}) / {minutes}"
        plain = _number(f"round({total})" if spec.type == "whole" else total)
    else:
        numbers = [f"({_amount(work, spec, part)})" for part in parts]
        if spec.empty == "zero":
            numbers = [f"CASE WHEN {sql} IS NULL THEN 0 ELSE {n} END" for sql, n in zip(sqls, numbers, strict=True)]
        if spec.product:
            total, mark, words = " * ".join(numbers), " × ", " × ".join(names)
        else:
            signs = ["-" if header in spec.minus else "+" for header in spec.sums]
            total = " ".join(f"{sign} {number}" for sign, number in zip(signs, numbers, strict=True))
            mark, words = " + ", " ".join(f"{s} {n}" for s, n in zip(signs, names, strict=True)).removeprefix("+ ")
            words = words.replace(" - ", " − ")
        plain = _number(total)
    join = " OR " if spec.empty == "zero" else " AND "
    there = join.join(f"{sql} IS NOT NULL" for sql in sqls)
    return Source(f"CASE WHEN {there} THEN coalesce({plain}, concat_ws({literal(mark)}, {', '.join(sqls)})) END", words)


def _number(sql: str) -> str:
    return f"CAST(CAST(round({sql}, 9) AS DECIMAL(38, 9)) AS VARCHAR)"


def _own(spec: ColumnSpec, part: Source) -> ColumnSpec:
    return moments.written_plainly(spec) if part.plain else spec


def _amount(work: Work, spec: ColumnSpec, part: Source) -> str:
    """Return the SQL of the number in one of the cells that a column is computed from."""
    return cells.number(part.sql, deciding.marks(work, _own(spec, part), part.sql, part.words)[0])


def _time(work: Work, spec: ColumnSpec, part: Source) -> tuple[ColumnSpec, str, str]:
    """Return how one of those cells is read as a time: by which rules, its SQL, and its format."""
    own = _own(spec, part)
    choice, why = deciding.times(work, own, part.sql)
    work.shapes.setdefault(spec.name, why or choice)
    return own, part.sql, choice


def _later(work: Work, spec: ColumnSpec, start: Source, length: Source) -> str:
    """Return the SQL of the time that is so long after another."""
    return moments.after(work, *_time(work, spec, start), _amount(work, spec, length))
