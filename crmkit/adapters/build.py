"""Making the tables of a CRM from files of text, by the rules of an adapter, and counting what every rule did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from crmkit import schema
from crmkit.adapters import cells
from crmkit.adapters.account import ColumnRead, Example, PartRead, Replaced
from crmkit.adapters.cells import identifier, literal, one_of
from crmkit.adapters.reading import Staged, line_of
from crmkit.adapters.spec import Adapter, ColumnSpec, TableSpec
from crmkit.errors import DataError

if TYPE_CHECKING:
    import duckdb

_SQL_TYPES = {"key": "VARCHAR", "text": "VARCHAR", "time": "TIMESTAMP", "number": "DOUBLE", "whole": "BIGINT"}
_SQL_TYPES["flag"] = "BOOLEAN"
_RUINED = r"^\d([.,]\d+)?E\+\d+$"  # what a spreadsheet makes of a long number
_SHOWN = 5


@dataclass
class _Work:
    """One part of a table while it is made: a chain of views, each with one column more than the one before."""

    con: duckdb.DuckDBPyConnection
    adapter: Adapter
    spec: TableSpec
    staged: Staged
    others: Mapping[str, Staged]
    zone: str
    prefix: str
    view: str = ""
    steps: int = 0

    def grow(self, column: str, sql: str, join: str = "") -> None:
        """Add a column to the chain."""
        self.steps += 1
        name = f"{self.prefix}_{self.steps}"
        self.con.execute(
            f"CREATE TEMP VIEW {name} AS SELECT p.*, {sql} AS {identifier(column)} FROM {self.view} AS p {join}"
        )
        self.view = name

    def one(self, sql: str) -> tuple:
        return self.con.execute(sql).fetchone()

    def rows(self, sql: str) -> list[tuple]:
        return self.con.execute(sql).fetchall()

    def examples(self, view: str, column: str, where: str) -> tuple[Example, ...]:
        found = self.rows(f"SELECT _file, _row, {identifier(column)} FROM {view} WHERE {where} ORDER BY 1, 2 LIMIT 3")
        return tuple(Example(self.staged.files[f].path.name, self.line(f, r), str(v)) for f, r, v in found)

    def line(self, file: int, row: int) -> int:
        return line_of(self.staged.files[file], row, self.adapter.files[self.spec.file].reading)

    def error(self, column: str, what: str) -> DataError:
        return DataError(f"{self.spec.name}.{column} from {', '.join(f.path.name for f in self.staged.files)}: {what}")


def part(
    con: duckdb.DuckDBPyConnection,
    adapter: Adapter,
    spec: TableSpec,
    staged: Mapping[str, Staged],
    number: int,
) -> tuple[str, PartRead]:
    """Make one part of a table; return the DuckDB table that holds it, and the account of it.

    Raises
    ------
    DataError
        Where a column that must be there isn't, a value is unknown, a format fits too few cells, a key is empty, …
    """
    zone = adapter.crm.get("timezone", "UTC")
    work = _Work(con, adapter, spec, staged[spec.file], staged, zone, f"w{number}")
    rows_read = work.one(f'SELECT count(*) FROM "{work.staged.table}"')[0]
    left_out = _filter(work)
    accounts, absent = [], []
    for column in spec.columns:
        account = _column(work, column)
        if account is None:
            absent.append(column.name)
        else:
            accounts.append((column, account))
    table = f"part_{number}"
    con.execute(f"CREATE TABLE {table} AS SELECT * FROM {work.view}")
    work.view = table
    done = [_count(work, column, account) for column, account in accounts]
    _check_keys(work)
    files = tuple(file.path.name for file in work.staged.files)
    shown = tuple(account for account in done if not account.name.startswith("_"))
    rows = work.one(f"SELECT count(*) FROM {table}")[0]
    return table, PartRead(files, rows_read, rows, left_out, shown, tuple(absent))


def finish(con: duckdb.DuckDBPyConnection, name: str, parts: list[tuple[str, TableSpec]]) -> tuple[str, int, int]:
    """Put the parts of a table together in the order of the files; return the table, its rows and the repeated rows.

    Raises
    ------
    DataError
        Where two rows that differ have the same key.
    """
    declared = schema.TABLES[name]
    there: set[str] = set()
    for table, _ in parts:
        there |= {row[0] for row in con.execute(f"SELECT column_name FROM (DESCRIBE {table})").fetchall()}
    own = [c.name for _, spec in parts for c in spec.columns if not c.working]
    names = [n for n in [*declared.names, *dict.fromkeys(own)] if f"v:{n}" in there]
    names = list(dict.fromkeys(names))
    selects = [
        f"SELECT {number} AS _part, _file, _row, COLUMNS('v:.*') FROM {table}"
        for number, (table, _) in enumerate(parts)
    ]
    columns = ", ".join(f"{identifier('v:' + n)} AS {identifier(n)}" for n in names)
    con.execute(
        f"CREATE TABLE all_{name} AS SELECT _part, _file, _row, {columns} FROM ({' UNION ALL BY NAME '.join(selects)})"
    )
    rows = con.execute(f"SELECT count(*) FROM all_{name}").fetchone()[0]
    listed = ", ".join(map(identifier, names))
    out = f"out_{name}"
    if not declared.key:
        con.execute(f"CREATE TABLE {out} AS SELECT {listed} FROM all_{name} ORDER BY _part, _file, _row")
        return out, rows, 0
    key = ", ".join(map(identifier, declared.key))
    con.execute(
        f"CREATE TABLE {out} AS SELECT {listed} FROM all_{name} "
        f"QUALIFY row_number() OVER (PARTITION BY {listed} ORDER BY _part, _file, _row) = 1 ORDER BY _part, _file, _row"
    )
    twice = con.execute(
        f"SELECT {key}, count(*) FROM {out} GROUP BY {key} HAVING count(*) > 1 ORDER BY {key} LIMIT 3"
    ).fetchall()
    if twice:
        total = con.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {out} GROUP BY {key} HAVING count(*) > 1)"
        ).fetchone()[0]
        shown = ", ".join(" / ".join(map(str, row[:-1])) for row in twice)
        raise DataError(
            f"{name}: {total:,} keys ({', '.join(declared.key)}) stand in several rows that differ, such as {shown}. "
            "A key must name one row: make it from more columns (combine), or leave rows out (only, without)."
        )
    kept = con.execute(f"SELECT count(*) FROM {out}").fetchone()[0]
    return out, kept, rows - kept


def _filter(work: _Work) -> dict[str, int]:
    """Start the chain of views with the rows that the table's rules keep, and count the others by rule."""
    table, conditions, counts = identifier(work.staged.table), ["true"], {}
    for kind, rules in (("only", work.spec.only), ("without", work.spec.without)):
        for header, words in rules.items():
            found = work.staged.find([header])
            if found is None:
                if kind == "without":
                    continue  # a mark that isn't there marks nothing
                raise _no_header(work, f"rule only.{header}", (header,))
            cell = f"lower(trim(coalesce({work.staged.headers[found]}, ''), {literal(cells.ANY_SPACE)}))"
            holds = one_of(cell, tuple(word.strip().lower() for word in words))
            keep = holds if kind == "only" else f"NOT ({holds})"
            gone = work.one(f"SELECT count(*) FROM {table} WHERE {' AND '.join(conditions)} AND NOT ({keep})")[0]
            if gone:
                counts[f"{kind} {header} = {' / '.join(words)}"] = gone
            conditions.append(keep)
    work.view = f"{work.prefix}_0"
    columns = ", ".join(dict.fromkeys(work.staged.headers.values()))
    work.con.execute(
        f"CREATE TEMP VIEW {work.view} AS SELECT _file, _row, {columns} FROM {table} WHERE {' AND '.join(conditions)}"
    )
    return counts


def _no_header(work: _Work, name: str, wanted: tuple[str, ...]) -> DataError:
    there = list(work.staged.headers)
    near = get_close_matches(wanted[0], there, n=1)
    hint = f" Did it become {near[0]!r}?" if near else ""
    return work.error(
        name,
        f"there is no column {' or '.join(map(repr, wanted))}.{hint} Columns there: {', '.join(there)}. "
        f"Add the header to {work.adapter.path.name}, or a copy of it given by --adapter.",
    )


def _column(work: _Work, spec: ColumnSpec) -> ColumnRead | None:
    """Add a column's text ("t:name") and value ("v:name") to the chain; None where the export doesn't have it."""
    found = _text(work, spec)
    if found is None:
        return None
    sql, source = found
    text = f"t:{spec.name}"
    if missing := spec.missing or spec.reading.missing:
        sql = f"CASE WHEN NOT coalesce({one_of(sql, missing)}, false) THEN {sql} END"
    work.grow(text, sql)
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
    sql, how = _typed(work, spec, identifier(text))
    work.grow(f"v:{spec.name}", f"CAST({sql} AS {_SQL_TYPES[spec.type]})")
    return replace(account, how=how, note=spec.absent)


def _replace_text(work: _Work, spec: ColumnSpec, sql: str, join: str = "") -> None:
    """Put a new text in the place of a column's present one."""
    text = identifier(f"t:{spec.name}")
    work.steps += 1
    name = f"{work.prefix}_{work.steps}"
    work.con.execute(f"CREATE TEMP VIEW {name} AS SELECT p.* REPLACE ({sql} AS {text}) FROM {work.view} AS p {join}")
    work.view = name


def _cell(work: _Work, wanted: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the SQL and the name of the first of some headers, or working columns, that is there."""
    for header in wanted:
        if header.startswith("_") and any(c.name == header for c in work.spec.columns):
            return identifier(f"t:{header}"), header
    header = work.staged.find(wanted)
    if header is None:
        return None
    return f"nullif(trim({work.staged.headers[header]}, {literal(cells.ANY_SPACE)}), '')", header


def _text(work: _Work, spec: ColumnSpec) -> tuple[str, str] | None:
    """Return the SQL of a column's text and where it comes from, in words; None where the export doesn't have it."""
    if spec.absent:
        return "CAST(NULL AS VARCHAR)", "not in this CRM"
    if spec.constant is not None:
        return literal(spec.constant), f"always {spec.constant!r}"
    if spec.row:
        stems = " ".join(f"WHEN {n} THEN {literal(f.path.stem)}" for n, f in enumerate(work.staged.files))
        return f"CASE _file {stems} END || '-' || _row", "file and number of the row"
    if spec.headers:
        found = _cell(work, spec.headers)
        parts = [found] if found else []
    else:
        parts = [found for header in spec.wanted if (found := _cell(work, (header,)))]
    short = len(parts) < len(spec.combine)
    if not parts or short:
        if spec.required:
            raise _no_header(work, spec.name, spec.wanted)
        return None
    sqls, names = zip(*parts, strict=True)
    if spec.combine:
        whole = f" || {literal(spec.separator)} || ".join(f"coalesce({sql}, '')" for sql in sqls)
        return f"CASE WHEN coalesce({', '.join(sqls)}) IS NOT NULL THEN {whole} END", " and ".join(names)
    return f"coalesce({', '.join(sqls)})", ", else ".join(names)


def _repair(work: _Work, spec: ColumnSpec, account: ColumnRead) -> ColumnRead:
    text = identifier(f"t:{spec.name}")
    words = tuple(spec.repairs)
    counts = work.rows(f"SELECT {text}, count(*) FROM {work.view} WHERE {one_of(text, words)} GROUP BY 1 ORDER BY 1")
    cases = " ".join(f"WHEN {literal(a)} THEN nullif({literal(b)}, '')" for a, b in spec.repairs.items())
    _replace_text(work, spec, f"CASE {text} {cases} ELSE {text} END")
    return replace(account, repairs=tuple(Replaced(word, spec.repairs[word], n) for word, n in counts))


def _look_up(work: _Work, spec: ColumnSpec, account: ColumnRead) -> ColumnRead | None:
    """Put what another table or file says in the place of the text; count what isn't found or isn't clear."""
    place, key = spec.lookup
    text, source = identifier(f"t:{spec.name}"), f"{work.prefix}_lookup_{work.steps}"
    from_file = place in work.adapter.files and bool(spec.take)
    if from_file:
        there = work.others.get(place)
        match, take = (there.find([key]), there.find(spec.take)) if there else (None, None)
        if match is None or take is None:
            if not spec.required:
                return None
            raise work.error(spec.name, f"the file {place!r} with {key!r} and {' or '.join(spec.take)!r} is not there.")
        space = literal(cells.ANY_SPACE)
        k, v = (f"nullif(trim({there.headers[header]}, {space}), '')" for header in (match, take))
        table, order = identifier(there.table), "(_file, _row)"
    else:
        take = spec.take[0] if spec.take else schema.TABLES[place].key[0]
        k, v, table, order = (
            f"CAST({identifier(key)} AS VARCHAR)",
            identifier(take),
            identifier(f"out_{place}"),
            "rowid",
        )
    fits = "1" if spec.pick == "first" else f"count(DISTINCT {v})"
    work.con.execute(
        f"CREATE TABLE {source} AS SELECT {k} AS k, arg_min({v}, {order}) AS v, {fits} AS fits "
        f"FROM {table} WHERE {k} IS NOT NULL GROUP BY 1"
    )
    kept = (spec.unmatched or ("empty" if from_file else "keep")) == "keep"
    before, join = work.view, f"LEFT JOIN {source} AS f ON f.k = p.{text}"
    joined = f"(SELECT p._file, p._row, p.{text}, f.k, f.fits FROM {before} AS p {join})"
    unmatched, ambiguous = work.one(
        f"SELECT count(*) FILTER ({text} IS NOT NULL AND k IS NULL), count(*) FILTER (fits > 1) FROM {joined}"
    )
    examples = work.examples(joined, f"t:{spec.name}", f"{text} IS NOT NULL AND (k IS NULL OR fits > 1)")
    if unmatched + ambiguous and spec.unmatched == "error":
        first = examples[0]
        raise work.error(
            spec.name, f"{unmatched + ambiguous:,} cells are not clearly in {place}.{key}, such as {first.value!r} in "
            f"line {first.line}. Correct the source, add repairs, or allow it by unmatched = \"keep\" or \"empty\"."
        )  # fmt: skip
    _replace_text(work, spec, f"CASE WHEN f.fits = 1 THEN f.v {f'ELSE p.{text}' if kept else ''} END", join)
    return replace(
        account, source=f"{account.source}, looked up in {place}.{key}", lookup=f"{place}.{key}", unmatched=unmatched,
        ambiguous=ambiguous, lookup_examples=examples, lookup_kept=kept,
    )  # fmt: skip


def _map_values(work: _Work, spec: ColumnSpec, account: ColumnRead) -> ColumnRead:
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
    cases = " ".join(f"WHEN {one_of(text, tuple(w))} THEN nullif({literal(t)}, '')" for t, w in words.items())
    _replace_text(work, spec, f"CASE {cases} END" if cases else text)
    shown = tuple(Replaced(word, meaning[word], n) for word, n, *_ in found[:50]) if spec.values else ()
    return replace(account, values=shown)


def _only_if(work: _Work, spec: ColumnSpec, account: ColumnRead) -> ColumnRead:
    """Empty the cells of rows in which another column doesn't have one of the values asked for, and count them."""
    text = identifier(f"t:{spec.name}")
    holds = " AND ".join(
        f"coalesce({one_of(identifier(f't:{other}'), words)}, false)" for other, words in spec.only_if.items()
    )
    emptied = work.one(f"SELECT count(*) FROM {work.view} WHERE {text} IS NOT NULL AND NOT ({holds})")[0]
    _replace_text(work, spec, f"CASE WHEN {holds} THEN {text} END")
    return replace(account, emptied=emptied)


def _typed(work: _Work, spec: ColumnSpec, text: str) -> tuple[str, str]:
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
        return cells.time(text, choice, work.zone), "time" if spec.absent else f"time, {choice}{_zone(work, text)}"
    if spec.type == "flag":
        return cells.flag(text), "yes or no"
    return text, "key, as text" if spec.type == "key" else "text"


def _one_currency(work: _Work, spec: ColumnSpec, text: str) -> None:
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


def _zone(work: _Work, text: str) -> str:
    zoned = work.one(f"SELECT count(*) FROM {work.view} WHERE regexp_matches({text}, {literal(cells.ISO_ZONED)})")[0]
    return f", zoned times converted to {work.zone}" if zoned else ""


def _date_format(work: _Work, spec: ColumnSpec, text: str) -> str:
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


def _count(work: _Work, spec: ColumnSpec, account: ColumnRead) -> ColumnRead:
    """Count a finished column's filled and unread cells; refuse one of which too much can't be read."""
    text, value = identifier(f"t:{spec.name}"), identifier(f"v:{spec.name}")
    rows, texts, filled = work.one(f"SELECT count(*), count({text}), count({value}) FROM {work.view}")
    unread = texts - filled
    examples = work.examples(work.view, f"t:{spec.name}", f"{text} IS NOT NULL AND {value} IS NULL") if unread else ()
    if unread > spec.reading.unreadable * texts:
        first = examples[0]
        raise work.error(
            spec.name,
            f"{unread:,} of {texts:,} cells can't be read as {account.how}, such as {first.value!r} in {first.file}, "
            f"line {first.line}. {_way_out(work, spec, text, value)}",
        )
    if spec.type == "key":
        ruined = work.examples(work.view, f"t:{spec.name}", f"regexp_matches({text}, {literal(_RUINED)})")
        if ruined:
            raise work.error(
                spec.name,
                f"the key {ruined[0].value!r} in {ruined[0].file}, line {ruined[0].line} was cut short by a "
                "spreadsheet. Export again without opening the file in one, or format the column as text there.",
            )
    return replace(account, rows=rows, filled=filled, unread=unread, unread_examples=examples)


def _way_out(work: _Work, spec: ColumnSpec, text: str, value: str) -> str:
    if spec.type == "time":
        fits = []
        for choice in _USUAL_DATES:
            read = cells.time(text, choice, work.zone)
            count = work.one(f"SELECT count({read}) FROM {work.view} WHERE {text} IS NOT NULL")[0]
            if count:
                fits.append((count, choice))
        offers = ", ".join(f'"{choice}" reads {n:,}' for n, choice in sorted(fits, key=lambda f: -f[0])[:4])
        return f'Declare the column\'s format, as in dates = "%d/%m/%Y"{f"; {offers}" if offers else ""}.'
    if spec.type in ("number", "whole"):
        return (
            'Declare the marks, as in decimal = "," and thousands = ".", or list what stands for empty under missing.'
        )
    return "Say what each word means under values, or list what stands for empty under missing."


_USUAL_DATES = (
    "iso", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S",
    "%m/%d/%y", "%d/%m/%y", "%m/%d/%y %I:%M %p", "%m/%d/%Y %I:%M %p", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d-%m-%Y",
    "%d-%m-%Y %H:%M", "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y%m%d", "%d %b, %Y %H:%M:%S", "%d %b %Y", "%b %d, %Y",
    "unix", "unix_ms", "excel",
)  # fmt: skip


def _check_keys(work: _Work) -> None:
    """Refuse rows without the key that names them."""
    for key in schema.TABLES[work.spec.name].key:
        value = identifier(f"v:{key}")
        count = work.one(f"SELECT count(*) FROM {work.view} WHERE {value} IS NULL")[0]
        if count:
            file, row = work.one(f"SELECT _file, _row FROM {work.view} WHERE {value} IS NULL ORDER BY 1, 2 LIMIT 1")
            source = next(c for c in work.spec.columns if c.name == key)
            header = (source.wanted or (key,))[0]
            raise work.error(
                key,
                f"{count:,} rows have no key, the first in {work.staged.files[file].path.name}, line "
                f"{work.line(file, row)}. A row needs one: correct the file, or leave such rows out by "
                f'without = {{ "{header}" = [""] }} in the adapter.',
            )
