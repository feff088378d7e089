"""Making one row of the several that an export has of one thing, such as the history of a ticket."""

from __future__ import annotations

from dataclasses import replace

from crmkit.adapters import cells, deciding, moments
from crmkit.adapters.cells import identifier, literal, one_of
from crmkit.adapters.spec import ColumnSpec
from crmkit.adapters.work import Work, no_header


def holds(cell: str, words: tuple[str, ...]) -> str:
    """Return the SQL that tells whether a raw cell is one of some words; case and outer spaces make no difference."""
    text = f"lower(trim(coalesce({cell}, ''), {literal(cells.ANY_SPACE)}))"
    return one_of(text, tuple(word.strip().lower() for word in words))


def fold(work: Work) -> None:
    """Put one row for each thing in the place of the rows of its history.

    For each column of the table, and each header that it is made from, the first or last filled cell is taken among
    the rows for which the column's `where` holds, or they are added up, counted, or the least or greatest is taken. A
    row without a mark of what it belongs to stays alone.

    Raises
    ------
    DataError
        Where a header isn't there, or the order of a row can't be read.
    """
    spec = work.spec
    together = [cells.trimmed(work.staged.headers[_header(work, "one_row_for", name)]) for name in spec.one_row_for]
    thing = " || chr(31) || ".join(together)
    moment, order = _order(work)
    taken, folded = [], {}
    for number, column in enumerate(spec.columns):
        rules = [holds(work.staged.headers[_header(work, column.name, name)], w) for name, w in column.where.items()]
        where = f" FILTER ({' AND '.join(rules)})" if rules else ""
        for header in {work.find([name]) for name in (*column.wanted, column.minor_of)} - {None}:
            raw = work.staged.headers[header]
            alias = identifier(f"f{number}:{raw}")
            unit = header == work.find([column.minor_of]) and header not in column.wanted
            cell = cells.trimmed(raw)
            made = f"max({cell}){where}" if unit else _one_of_all(work, column, cell, where, header)
            taken.append(f"{made} AS {alias}")
            folded[column.name, header] = alias
    work.folded = folded
    table = f"{work.prefix}_folded"
    alone = "chr(30) || _file || '-' || _row"
    named = f"(SELECT *, {moment} AS _moment FROM {work.view})"  # once: its text stands many times in the order's
    rows = f"SELECT *, {order} AS _order, coalesce({thing}, {alone}) AS _thing FROM {named}"
    place = "min((_file, _row))"
    work.con.execute(
        f"CREATE TABLE {table} AS SELECT struct_extract({place}, 1) AS _file, struct_extract({place}, 2) AS _row, "
        f"{', '.join(sorted(taken))} FROM ({rows}) GROUP BY _thing ORDER BY 1, 2"
    )
    work.view = table


def _one_of_all(work: Work, column: ColumnSpec, cell: str, where: str, header: str) -> str:
    """Return the SQL of what becomes of the cells of a column, as a text."""
    if column.which in ("", "first", "last"):
        how = "arg_min" if column.which == "first" else "arg_max"
        return f"{how}({cell}, (_order, _file, _row)){where}"
    if column.which == "count":
        work.plain.add(column.name)
        return f"CAST(count({cell}){where} AS VARCHAR)"
    if column.type in ("key", "text"):
        return f"{column.which}({cell}){where}"
    work.plain.add(column.name)
    if column.type == "time":
        choice, why = deciding.times(work, column, cell)
        work.shapes[column.name] = why or choice
        value = moments.moment(work, column, cell, choice)
        whole = moments.text_of(work, column, f"({column.which}({value}){where})")
    else:
        value = cells.number(cell, deciding.marks(work, column, cell, header)[0])
        whole = f"CAST(CAST(round({column.which}({value}){where}, 9) AS DECIMAL(38, 9)) AS VARCHAR)"
    # one cell that can't be read makes the whole unreadable, so that nothing is added up without it
    return f"coalesce(min(CASE WHEN {cell} IS NOT NULL AND ({value}) IS NULL THEN {cell} END){where}, {whole})"


def _header(work: Work, where: str, name: str) -> str:
    found = work.find([name])
    if found is None:
        raise no_header(work, where, (name,))
    return found


def _order(work: Work) -> tuple[str, str]:
    """Return the SQL of the cell by which rows are put in order, and of the order of that cell, called _moment.

    It is read as a number, or as a time in the one format that reads them all.
    """
    if not work.spec.in_order_of:
        return "NULL", "0"  # sums, counts and extremes are the same in any order
    header = _header(work, "in_order_of", work.spec.in_order_of)
    cell, reading = cells.trimmed(work.staged.headers[header]), work.adapter.files[work.spec.file].reading
    plain = replace(reading, decimal=".", thousands="") if reading.decimal == "auto" else reading
    auto = reading.dates == ("auto",)
    own = ColumnSpec("in_order_of", "time", True, headers=(header,), reading=reading)
    shapes = (deciding.times(work, own, cell)[0],) if auto else reading.dates
    choices = [cells.number("_moment", plain), *(cells.time("_moment", choice, work.zone) for choice in shapes)]
    named = f"(SELECT *, {cell} AS _moment FROM {work.view})"
    counts = work.one(f"SELECT {', '.join(f'count({choice})' for choice in choices)}, count(*) FROM {named}")
    readable = [choice for choice, count in zip(choices, counts[:-1], strict=True) if count == counts[-1]]
    if len(readable) == 1 or (readable and auto):  # what is read as times of numbers is in their order
        return cell, readable[0]
    if readable:
        raise work.error(
            "in_order_of", f"the cells of {header!r} can be read in several ways; declare dates at the file."
        )
    best = choices[counts.index(max(counts[:-1]))]
    file, row, text = work.one(f"SELECT _file, _row, _moment FROM {named} WHERE ({best}) IS NULL ORDER BY 1, 2 LIMIT 1")
    raise work.error(
        "in_order_of",
        f"{text!r} in {work.staged.files[file].path.name}, line {work.line(file, row)} under {header!r} is neither a "
        "number nor a time as the adapter declares it, so that the order of its row is not known.",
    )
