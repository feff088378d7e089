"""Making the tables of a CRM from files of text, by the rules of an adapter, and counting what every rule did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from crmkit import schema
from crmkit.adapters import repeats
from crmkit.adapters.account import ColumnRead, PartRead
from crmkit.adapters.cells import identifier
from crmkit.adapters.columns import make_column
from crmkit.adapters.counting import check_keys, counted, kept
from crmkit.adapters.fold import fold, holds
from crmkit.adapters.headers import prepare
from crmkit.adapters.lookups import of_consequence
from crmkit.adapters.source_file import Staged
from crmkit.adapters.spec import Adapter, TableSpec
from crmkit.adapters.work import Work, no_header

if TYPE_CHECKING:
    import duckdb

_FEW = 20_000  # rows of which the chain is made of tables


def part(
    con: duckdb.DuckDBPyConnection,
    adapter: Adapter,
    spec: TableSpec,
    staged: Mapping[str, Staged],
    number: int,
) -> tuple[Work, PartRead] | str:
    """Make one part of a table; return it (its `view` holds the rows) and the account of it, or why it isn't made.

    Raises
    ------
    DataError
        Where a column that must be there isn't, a value is unknown, a format fits too few cells, a key is empty, …
    """
    zone = adapter.crm.get("timezone", "UTC")
    prepared = prepare(con, adapter, spec, staged[spec.file], f"w{number}")
    if isinstance(prepared, str):
        return prepared
    spec, here, long = prepared
    work = Work(con, adapter, spec, here, staged, zone, f"w{number}", used={(spec.file, header) for header in long})
    rows_read = work.one(f"SELECT count(*) FROM {work.staged.table}")[0]
    work.small = rows_read <= _FEW
    left_out = _filter(work)
    early = _made_early(work)
    if isinstance(early, str):
        return early
    left_out |= _chosen(work, early)
    if spec.one_row_for:
        fold(work)
    accounts, absent = [], []
    for column in spec.columns:
        there = column.name in early and not spec.one_row_for  # of rows that were put together it is made again
        account = early[column.name] if there else make_column(work, column)
        if account is None:
            absent.append(column.name)
        else:
            accounts.append((column, early.get(column.name, account)))
    accounts = [(c, of_consequence(work, c, a) if c.working and c.lookup else a) for c, a in accounts]
    table = f"part_{number}"
    wanted = ["_file", "_row", *(name for column, _ in accounts for name in map(identifier, kept(column)))]
    con.execute(f"CREATE TABLE {table} AS SELECT {', '.join(wanted)} FROM {work.view}")
    work.view = table
    left_out |= _without(work)
    rows, done = counted(work, accounts)
    check_keys(work)
    files = tuple(file.path.name for file in work.staged.files)
    shown = tuple(account for account in done if not account.name.startswith("_"))
    working = tuple(account for account in done if account.name.startswith("_") and account.worth_knowing)
    return work, PartRead(files, rows_read, rows, left_out, shown, tuple(absent), spec.one_row_for, long, working)


def finish(con: duckdb.DuckDBPyConnection, name: str, parts: list[Work]) -> tuple[int, int]:
    """Put the parts of a table together in the order of the files, as out_NAME; return its rows and the repeated rows.

    Raises
    ------
    DataError
        Where two rows that differ have the same key.
    """
    declared = schema.TABLES[name]
    there: set[str] = set()
    for work in parts:
        there |= {row[0] for row in work.rows(f"SELECT column_name FROM (DESCRIBE {work.view})")}
    own = [column.name for work in parts for column in work.spec.columns if not column.working]
    names = [column for column in dict.fromkeys([*declared.names, *own]) if f"v:{column}" in there]
    selects = [
        f"SELECT {number} AS _part, _file, _row, COLUMNS('^v:') FROM {work.view}" for number, work in enumerate(parts)
    ]
    columns = ", ".join(f"{identifier('v:' + column)} AS {identifier(column)}" for column in names)
    con.execute(
        f"CREATE VIEW all_{name} AS SELECT _part, _file, _row, {columns} FROM ({' UNION ALL BY NAME '.join(selects)})"
    )
    rows = con.execute(f"SELECT count(*) FROM all_{name}").fetchone()[0]
    listed, order = ", ".join(map(identifier, names)), "ORDER BY _part, _file, _row"
    once = repeats.once(con, declared, parts, listed) if declared.key else ""
    if any(work.spec.unpivot for work in parts):
        order += f", {listed}"  # several rows of one row of the file
    elif not once and len(parts) == 1 and _in_order(con, f"all_{name}"):
        con.execute(f"CREATE VIEW out_{name} AS SELECT {listed} FROM all_{name}")
        return rows, 0
    kept = f"SELECT _part, _file, _row, {listed} FROM all_{name} {once}"
    con.execute(f"CREATE TABLE out_{name} AS SELECT {listed} FROM ({kept}) {order}")
    left = con.execute(f"SELECT count(*) FROM out_{name}").fetchone()[0]
    return left, rows - left


def _in_order(con: duckdb.DuckDBPyConnection, rows: str) -> bool:
    """Tell whether rows stand in the order of the files already, as they do where no join has moved them."""
    before = f"SELECT _file, _row, lag(_file) OVER () AS file, lag(_row) OVER () AS row FROM {rows}"
    moved = f"SELECT 1 FROM ({before}) WHERE _file < file OR (_file = file AND _row < row) LIMIT 1"
    return con.execute(moved).fetchone() is None


def _filter(work: Work) -> dict[str, int]:
    """Start the chain of views with the rows that the table's rules keep, and count the others by rule."""
    table, conditions, counts = work.staged.table, ["true"], {}
    for kind, rules in (("only", work.spec.only), ("without", work.spec.without)):
        for header, words in rules.items():
            if header in work.spec.chosen_by:
                continue
            found = work.find([header])
            if found is None:
                if kind == "without":
                    continue  # a mark that isn't there marks nothing
                raise no_header(work, f"rule only.{header}", (header,))
            said = holds(work.staged.headers[found], words)
            keep = said if kind == "only" else f"NOT ({said})"
            gone = work.one(f"SELECT count(*) FROM {table} WHERE {' AND '.join(conditions)} AND NOT ({keep})")[0]
            if gone:
                counts[_rule(kind, header, words)] = gone
            conditions.append(keep)
    work.view = f"{work.prefix}_0"
    columns = ", ".join(dict.fromkeys(work.staged.headers.values()))
    work.con.execute(
        f"CREATE TEMP VIEW {work.view} AS SELECT _file, _row, {columns} FROM {table} WHERE {' AND '.join(conditions)}"
    )
    return counts


def _rule(kind: str, what: str, words: tuple[str, ...]) -> str:
    return f"{kind} {what} = {' / '.join(word or 'empty' for word in words)}"


def _made_early(work: Work) -> dict[str, ColumnRead] | str:
    """Make the working columns by which rows are chosen, and those that they are made from, before all others."""
    wanted: set[str] = set()
    for column in reversed(work.spec.columns):
        if column.name in wanted or column.name in work.spec.chosen_by:
            wanted |= {column.name, *(name for name in column.wanted if name.startswith("_")), *column.only_if}
    found = {}
    for column in (column for column in work.spec.columns if column.name in wanted):
        account = make_column(work, column)
        if account is not None:
            found[column.name] = account
        elif column.name in work.spec.only:
            place = f", looked up in {'.'.join(column.lookup)}" if column.lookup else ""
            return f"its rows are chosen by {' or '.join(column.wanted)}{place}, which isn't in this export"
    return found


def _chosen(work: Work, early: Mapping[str, ColumnRead]) -> dict[str, int]:
    """Keep the rows whose working columns say what the table's rules ask for, and count the others by rule."""
    counts: dict[str, int] = {}
    for kind, rules in (("only", work.spec.only), ("without", work.spec.without)):
        for name in (name for name in rules if name in early):
            said = holds(identifier(f"t:{name}"), rules[name])
            keep = said if kind == "only" else f"NOT ({said})"
            gone = work.one(f"SELECT count(*) FROM {work.view} WHERE NOT ({keep})")[0]
            if gone:
                taken = next((" or ".join(column.take) for column in work.spec.columns if column.name == name), "")
                counts[_rule(kind, early[name].source + (f" ({taken})" if taken else ""), rules[name])] = gone
                work.keep(keep)
    return counts


def _without(work: Work) -> dict[str, int]:
    """Leave out the rows without a column that must be filled, and count them; what can't be read is filled."""
    counts = {}
    for column in work.spec.filled:
        names = {name for (name,) in work.rows(f"SELECT column_name FROM (DESCRIBE {work.view})")}
        text = next((name for name in (f"t:{column}", f"v:{column}") if name in names), None)
        empty = f"{identifier(text)} IS NULL" if text else "true"
        gone = work.one(f"SELECT count(*) FROM {work.view} WHERE {empty}")[0]
        if gone:
            work.con.execute(f"DELETE FROM {work.view} WHERE {empty}")
            counts[f"filled {column}"] = gone
    return counts
