"""Making one column of a table from an export's text: repairs, lookups, meanings and types, each of them counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from crmkit import schema
from crmkit.adapters import cells
from crmkit.adapters.account import ColumnRead, Example, Replaced
from crmkit.adapters.cells import identifier, literal, one_of
from crmkit.adapters.reading import Staged, line_of
from crmkit.adapters.spec import Adapter, ColumnSpec, TableSpec
from crmkit.errors import DataError

if TYPE_CHECKING:
    import duckdb

_SQL_TYPES = {"key": "VARCHAR", "text": "VARCHAR", "time": "TIMESTAMP", "number": "DOUBLE", "whole": "BIGINT"}
_SQL_TYPES["flag"] = "BOOLEAN"
_SHOWN = 5
_ABSENT = "not in this export"


@dataclass
class Work:
    """One part of a table while it is made: a chain of views, each with one column more, or changed, than the last.

    A column NAME is two in the chain: "t:NAME", its text so far, and at last "v:NAME", its value. Where one row is made
    of several, `folded` says what a header's cell is called that was chosen for a column.
    """

    con: duckdb.DuckDBPyConnection
    adapter: Adapter
    spec: TableSpec
    staged: Staged
    others: Mapping[str, Staged]
    zone: str
    prefix: str
    view: str = ""
    steps: int = 0
    folded: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def add(self, column: str, sql: str) -> None:
        """Add a column to the chain."""
        self._grow(f"p.*, {sql} AS {identifier(column)}", "")

    def change(self, spec: ColumnSpec, sql: str, join: str = "") -> None:
        """Put a new text in the place of a column's present one."""
        self._grow(f"p.* REPLACE ({sql} AS {identifier('t:' + spec.name)})", join)

    def _grow(self, select: str, join: str) -> None:
        self.steps += 1
        name = f"{self.prefix}_{self.steps}"
        self.con.execute(f"CREATE TEMP VIEW {name} AS SELECT {select} FROM {self.view} AS p {join}")
        self.view = name

    def one(self, sql: str) -> tuple:
        """Return the one row of a query."""
        return self.con.execute(sql).fetchone()

    def rows(self, sql: str) -> list[tuple]:
        """Return all rows of a query."""
        return self.con.execute(sql).fetchall()

    def examples(self, view: str, column: str, where: str) -> tuple[Example, ...]:
        """Return the first three cells of a column for which a condition holds, with their lines."""
        found = self.rows(f"SELECT _file, _row, {identifier(column)} FROM {view} WHERE {where} ORDER BY 1, 2 LIMIT 3")
        return tuple(Example(self.staged.files[f].path.name, self.line(f, r), str(v)) for f, r, v in found)

    def line(self, file: int, row: int) -> int:
        """Return the line of a row in its file."""
        return line_of(self.staged.files[file], row, self.adapter.files[self.spec.file].reading)

    def error(self, column: str, what: str) -> DataError:
        """Return an error that names the column and the files it is made from."""
        return DataError(f"{self.spec.name}.{column} from {', '.join(f.path.name for f in self.staged.files)}: {what}")


def no_header(work: Work, name: str, wanted: tuple[str, ...]) -> DataError:
    """Return an error about headers that aren't there; it names those that are."""
    there = list(work.staged.headers)
    near = get_close_matches(wanted[0], there, n=1)
    hint = f" Did it become {near[0]!r}?" if near else ""
    return work.error(
        name,
        f"there is no column {' or '.join(map(repr, wanted))}.{hint} Columns there: {', '.join(there)}. "
        f"Add the header to {work.adapter.path.name}, or a copy of it given by --adapter.",
    )


def make_column(work: Work, spec: ColumnSpec) -> ColumnRead | None:
    """Add a column's text ("t:name") and value ("v:name") to the chain; None where the export doesn't have it."""
    found = _text(work, spec)
    if found is None:
        return None
    sql, source = found
    text = f"t:{spec.name}"
    if (missing := spec.missing or spec.reading.missing) and not spec.sums:
        sql = f"CASE WHEN NOT coalesce({one_of(sql, missing)}, false) THEN {sql} END"
    work.add(text, sql)
    account = ColumnRead(spec.name, source, "text", needed=spec.required)
    if spec.repairs:
        account = _repair(work, spec, account)
    if spec.lookup:
        account = _look_up(work, spec, account)
        if account is None:
            return None
    if spec.values or spec.allowed:
        account = _map_values(work, spec, account)
    if spec.only_if:
        account = _only_if(work, spec, account)
    sql, how = _typed(work, spec, account, identifier(text))
    work.add(f"v:{spec.name}", f"CAST({sql} AS {_SQL_TYPES[spec.type]})")
    there = account.source != _ABSENT
    return replace(account, how=how, note="" if there else spec.absent, remark=spec.remark if there else "")


def _cell(work: Work, spec: ColumnSpec, wanted: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the SQL and the name of the first of some headers, or working columns, that is there."""
    for header in wanted:
        if header.startswith("_") and any(c.name == header for c in work.spec.columns):
            return identifier(f"t:{header}"), header
    header = work.staged.find(wanted)
    if header is None:
        return None
    if work.folded and header in work.spec.one_row_for:
        return cells.trimmed(work.folded[spec.name, header]), header
    if work.folded:
        chosen = [f"{spec.which or 'last'} in order of {work.spec.in_order_of}"]
        chosen += [f"where {other} is {' or '.join(words)}" for other, words in spec.where.items()]
        return cells.trimmed(work.folded[spec.name, header]), f"{header} ({' '.join(chosen)})"
    return cells.trimmed(work.staged.headers[header]), header


def _piece(work: Work, spec: ColumnSpec, sql: str, name: str) -> tuple[str, str]:
    """Return the SQL of one piece of a cell; a cell without that piece stops the import."""
    mark = literal(spec.split)
    short = f"{sql} IS NOT NULL AND len(string_split({sql}, {mark})) < {spec.part}"
    found = work.rows(f"SELECT _file, _row, {sql} FROM {work.view} WHERE {short} ORDER BY 1, 2 LIMIT 1")
    if found:
        file, row, cell = found[0]
        raise work.error(
            spec.name,
            f"{cell!r} in {work.staged.files[file].path.name}, line {work.line(file, row)} has no piece {spec.part} "
            f"when it is split at {spec.split!r}. Correct the cell, or split and part in {work.adapter.path.name}.",
        )
    return cells.trimmed(f"string_split({sql}, {mark})[{spec.part}]"), f"piece {spec.part} of {name}"


def _text(work: Work, spec: ColumnSpec) -> tuple[str, str] | None:
    """Return the SQL of a column's text and where it comes from, in words; None where the export doesn't have it."""
    if spec.constant is not None:
        return literal(spec.constant), f"always {spec.constant!r}"
    if spec.row:
        stems = " ".join(f"WHEN {n} THEN {literal(f.path.stem)}" for n, f in enumerate(work.staged.files))
        return f"CASE _file {stems} END || '-' || _row", "file and number of the row"
    if spec.headers:
        found = _cell(work, spec, spec.headers)
        found = _piece(work, spec, *found) if found and spec.split else found
        parts = [found] if found else []
    else:
        parts = [found for header in spec.wanted if (found := _cell(work, spec, (header,)))]
    short = len(parts) < len(spec.combine or spec.sums)
    if not parts or short:
        if spec.absent:
            return "CAST(NULL AS VARCHAR)", _ABSENT
        if spec.required:
            raise no_header(work, spec.name, spec.wanted)
        return None
    sqls, names = zip(*parts, strict=True)
    either = f"coalesce({', '.join(sqls)})"
    if spec.combine:
        whole = f" || {literal(spec.separator)} || ".join(f"coalesce({sql}, '')" for sql in sqls)
        return f"CASE WHEN {either} IS NOT NULL THEN {whole} END", " and ".join(names)
    return (_sum(sqls, spec), " + ".join(names)) if spec.sums else (either, ", else ".join(names))


def _sum(cells_of: tuple[str, ...], spec: ColumnSpec) -> str:
    """Return the SQL of the sum of several cells as a text, empty where one of them is.

    Where one is no number, the cells stand there as they are, so that the sum is counted as unread.
    """
    missing = spec.missing or spec.reading.missing
    filled = [f"CASE WHEN NOT coalesce({one_of(sql, missing)}, false) THEN {sql} END" for sql in cells_of]
    numbers = [f"({cells.number(sql, spec.reading)})" for sql in filled]
    total = f"CAST(CAST(round({' + '.join(numbers)}, 9) AS DECIMAL(38, 9)) AS VARCHAR)"
    if spec.reading.decimal == ",":
        total = f"replace({total}, '.', ',')"
    whole = " AND ".join(f"{sql} IS NOT NULL" for sql in filled)
    return f"CASE WHEN {whole} THEN coalesce({total}, concat_ws(' + ', {', '.join(filled)})) END"


def _repair(work: Work, spec: ColumnSpec, account: ColumnRead) -> ColumnRead:
    text = identifier(f"t:{spec.name}")
    words = tuple(spec.repairs)
    counts = work.rows(f"SELECT {text}, count(*) FROM {work.view} WHERE {one_of(text, words)} GROUP BY 1 ORDER BY 1")
    cases = " ".join(f"WHEN {literal(a)} THEN nullif({literal(b)}, '')" for a, b in spec.repairs.items())
    work.change(spec, f"CASE {text} {cases} ELSE {text} END")
    return replace(account, repairs=tuple(Replaced(word, spec.repairs[word], n) for word, n in counts))


def _look_up(work: Work, spec: ColumnSpec, account: ColumnRead) -> ColumnRead | None:
    """Put what another table or file says in the place of the text; count what isn't found or isn't clear."""
    place, key = spec.lookup
    text, where = identifier(f"t:{spec.name}"), f"{place}.{key}"
    from_file = place in work.adapter.files and bool(spec.take)
    rows = _rows_of_file(work, spec) if from_file else _rows_of_table(work, spec)
    if rows is None:
        if not spec.required:
            return None
        raise work.error(spec.name, f"what it is looked up in, {where} with {' or '.join(spec.take)}, isn't there.")
    index = f"{work.prefix}_lookup_{work.steps}"
    fits = "least(count(v), 1)" if spec.pick == "first" else "count(DISTINCT v)"
    work.con.execute(
        f"CREATE TABLE {index} AS SELECT k, arg_min(v, place) AS v, {fits} AS fits "
        f"FROM ({rows}) WHERE k IS NOT NULL GROUP BY k"
    )
    kept = (spec.unmatched or ("empty" if from_file else "keep")) == "keep"
    join = f"LEFT JOIN {index} AS f ON f.k = p.{text}"
    joined = f"(SELECT p._file, p._row, p.{text}, f.k, f.fits FROM {work.view} AS p {join})"
    unmatched, ambiguous = work.one(
        f"SELECT count(*) FILTER ({text} IS NOT NULL AND k IS NULL), count(*) FILTER (fits > 1) FROM {joined}"
    )
    examples = work.examples(joined, f"t:{spec.name}", f"{text} IS NOT NULL AND (k IS NULL OR fits > 1)")
    if examples and spec.unmatched == "error":
        raise work.error(
            spec.name,
            f"{unmatched + ambiguous:,} cells are not clearly in {where}, such as {examples[0].value!r} in line "
            f'{examples[0].line}. Correct the source, add repairs, or allow it by unmatched = "keep" or "empty".',
        )
    otherwise = f"ELSE p.{text}" if kept else ""
    work.change(spec, f"CASE WHEN f.fits <= 1 THEN f.v {otherwise} END", join)
    return replace(
        account,
        source=f"{account.source}, looked up in {where}",
        lookup=where,
        unmatched=unmatched,
        ambiguous=ambiguous,
        lookup_examples=examples,
        lookup_kept=kept,
    )


def _rows_of_file(work: Work, spec: ColumnSpec) -> str | None:
    """Return the SQL of what is looked up in a file of the export: k, v and the place of the row."""
    place, key = spec.lookup
    there = work.others.get(place)
    match, take = (there.find([key]), there.find(spec.take)) if there else (None, None)
    if match is None or take is None:
        return None
    k, v = (cells.trimmed(there.headers[h]) for h in (match, take))
    return f"SELECT {k} AS k, {v} AS v, (_file, _row) AS place FROM {identifier(there.table)}"


def _rows_of_table(work: Work, spec: ColumnSpec) -> str:
    """Return the SQL of what is looked up in a table made before; no rows where the export didn't have it."""
    place, key = spec.lookup
    take = spec.take[0] if spec.take else schema.TABLES[place].key[0]
    there = work.rows(f"SELECT column_name FROM information_schema.columns WHERE table_name = 'out_{place}'")
    if not {(key,), (take,)} <= set(there):
        return "SELECT '' AS k, '' AS v, 0 AS place WHERE false"
    columns = f"CAST({identifier(key)} AS VARCHAR) AS k, CAST({identifier(take)} AS VARCHAR) AS v"
    return f"SELECT {columns}, rowid AS place FROM out_{place}"


def _map_values(work: Work, spec: ColumnSpec, account: ColumnRead) -> ColumnRead:
    """Give each value its meaning; a value without one stops the import, so that none is counted as something else."""
    text = identifier(f"t:{spec.name}")
    rules = spec.values or {word.casefold(): word for word in spec.allowed}
    found = work.rows(
        f"SELECT {text}, count(*), arg_min(_file, (_file, _row)), arg_min(_row, (_file, _row)) "
        f"FROM {work.view} WHERE {text} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    unknown = [row for row in found if row[0].casefold() not in rules]
    if unknown and spec.otherwise is None:
        value, _, file, row = unknown[0]
        listed = ", ".join(f"{word!r} ({n:,} cells)" for word, n, _, _ in unknown[:_SHOWN])
        more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
        raise work.error(
            spec.name,
            f"the value {value!r} in {work.staged.files[file].path.name}, line {work.line(file, row)} has no meaning "
            f"in the adapter. Unknown: {listed}{more}; known: {', '.join(rules)}. Add each under values in "
            f"{work.adapter.path.name} (or a copy of it, given by --adapter), or say by otherwise what others mean.",
        )
    meaning = {word: rules.get(word.casefold(), spec.otherwise) for word, *_ in found}
    words: dict[str, list[str]] = {}
    for word, target in meaning.items():
        words.setdefault(target, []).append(word)
    cases = [f"WHEN {one_of(text, tuple(w))} THEN nullif({literal(t)}, '')" for t, w in words.items()]
    if "" in rules:  # what an empty cell means, such as no
        cases.append(f"WHEN {text} IS NULL THEN {literal(rules[''])}")
        empty = work.one(f"SELECT count(*) FROM {work.view} WHERE {text} IS NULL")[0]
        found, meaning[""] = [*found, ("", empty, 0, 0)] if empty else found, rules[""]
    work.change(spec, f"CASE {' '.join(cases)} END" if cases else text)
    shown = tuple(Replaced(word, meaning[word], n) for word, n, *_ in found[:50]) if spec.values else ()
    return replace(account, values=shown)


def _only_if(work: Work, spec: ColumnSpec, account: ColumnRead) -> ColumnRead:
    """Empty the cells of rows in which another column doesn't have one of the values asked for, and count them."""
    text = identifier(f"t:{spec.name}")
    holds = " AND ".join(
        f"coalesce({one_of(identifier(f't:{other}'), words)}, false)" for other, words in spec.only_if.items()
    )
    emptied = work.one(f"SELECT count(*) FROM {work.view} WHERE {text} IS NOT NULL AND NOT ({holds})")[0]
    work.change(spec, f"CASE WHEN {holds} THEN {text} END")
    return replace(account, emptied=emptied)


def _typed(work: Work, spec: ColumnSpec, account: ColumnRead, text: str) -> tuple[str, str]:
    """Return the SQL of a column's value, and in words how its cells are read."""
    if spec.type in ("number", "whole"):
        _one_currency(work, spec, text)
        make = cells.number if spec.type == "number" else cells.whole
        scaled = f" × {spec.times:,.10g}" if spec.times != 1.0 else ""
        mark = "" if spec.reading.decimal == "." else ", decimal comma"
        kind = "number" if spec.type == "number" else "whole number"
        return make(text, spec.reading, spec.times), f"{kind}{mark}{scaled}"
    if spec.type == "time":
        choice = _date_format(work, spec, text)
        return cells.time(
            text, choice, work.zone
        ), "time" if account.source == _ABSENT else f"time, {choice}{_zone(work, text)}"
    if spec.type == "flag":
        return cells.flag(text), "yes or no"
    return text, "key, as text" if spec.type == "key" else "text"


def _one_currency(work: Work, spec: ColumnSpec, text: str) -> None:
    signs = work.rows(
        f"SELECT DISTINCT trim(regexp_extract({text}, {literal(cells.CURRENCY)})) "
        f"FROM {work.view} WHERE regexp_matches({text}, {literal(cells.CURRENCY)}) ORDER BY 1 LIMIT 5"
    )
    if len(signs) > 1:
        raise work.error(
            spec.name,
            f"the cells are in several currencies ({', '.join(sign for (sign,) in signs)}), and one column of numbers "
            "can't hold them. Export them in one currency, or with the currency in a column of its own.",
        )


def _zone(work: Work, text: str) -> str:
    zoned = work.one(f"SELECT count(*) FROM {work.view} WHERE regexp_matches({text}, {literal(cells.ISO_ZONED)})")[0]
    return f", zoned times converted to {work.zone}" if zoned else ""


def _date_format(work: Work, spec: ColumnSpec, text: str) -> str:
    """Choose the one format that holds for the whole column; two that differ and fit equally well are an error."""
    choices = spec.reading.dates
    if len(choices) == 1:
        return choices[0]
    reads = [cells.time(text, choice, work.zone) for choice in choices]
    fits = work.one(f"SELECT {', '.join(f'count({read})' for read in reads)} FROM {work.view}")
    best = max(fits)
    winners = [n for n, fit in enumerate(fits) if fit == best]
    for other in winners[1:] if best else ():
        a, b = reads[winners[0]], reads[other]
        where = f"({a}) IS DISTINCT FROM ({b})"
        differ = work.one(f"SELECT count(*) FROM {work.view} WHERE {where}")[0]
        if differ:
            example = work.examples(work.view, f"t:{spec.name}", where)[0]
            raise work.error(
                spec.name,
                f"day and month can't be told apart: {choices[winners[0]]} and {choices[other]} both read {best:,} "
                f"cells, and {differ:,} of them differently, such as {example.value!r} in line {example.line}. "
                f'Say which one it is: dates = "{choices[other]}" at this column.',
            )
    return choices[winners[0]]
