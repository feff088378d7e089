"""The merge map: which records are one, written beside the tables as merges.csv and applied when they are opened.

`merges.csv` has a row for each record that goes: `table`, `id` (the record), `into` (the one that it is merged into);
further columns, such as `probability` and `evidence`, are for people. Where `into` is empty, the record was looked at
and stays: `crmkit duplicates` does not propose it again. The files of the tables are never changed.
"""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from crmkit import schema
from crmkit.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from crmkit.crm import Crm

FILE = "merges.csv"
COLUMNS = ("table", "id", "into")
UNMERGED = "unmerged"
"""Under this name a merged Crm remembers the one that it was made from."""
_LARGE = 2_000_000
"""Tables of more rows are not copied: their keys are looked up as they are read."""
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Row:
    """One line of a merge map: the record called `id` of a table goes into another, or stays where `into` is empty."""

    table: str
    id: str
    into: str
    place: str


def beside(source: Any) -> Path | None:
    """Return the merges.csv in a folder of tables or beside a DuckDB file, None where there is none.

    >>> beside({"orders": []}) is None
    True
    """
    if not isinstance(source, str | Path) or "://" in str(source):
        return None
    path = Path(source).expanduser()
    found = path / FILE if path.is_dir() else path.with_name(FILE)
    return found if found.is_file() else None


def read(merges: str | Path | pd.DataFrame | Mapping[str, Any]) -> list[Row]:
    """Read a merge map from a file, or take it from a frame of the same columns.

    Raises
    ------
    UsageError
        Where there is no such file.
    DataError
        Where it lacks a column, or a row lacks its table or id; the message names file and line.

    Examples
    --------
    >>> read({"table": ["customers"], "id": ["2"], "into": ["1"]})
    [Row(table='customers', id='2', into='1', place='merges, row 1')]
    """
    if isinstance(merges, str | Path):
        rows, where, first, word = _of_file(Path(merges).expanduser())
    else:
        import pandas as pd

        frame = pd.DataFrame(merges)
        where, first, word = "merges", 1, "row"
        rows = [dict(zip(frame.columns, line, strict=True)) for line in frame.astype(object).itertuples(index=False)]
        _need_columns(list(map(str, frame.columns)), where)
    made = [_row(line, f"{where}, {word} {number}") for number, line in enumerate(rows, first)]
    return [row for row in made if row is not None]


def _of_file(path: Path) -> tuple[list[dict[str, Any]], str, int, str]:
    if not path.is_file():
        raise UsageError(f"There is no merge map {str(path)!r}. `crmkit duplicates --to {path.name}` writes one.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header, rows = list(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV in UTF-8: {error}. Save it so, separated by commas.") from None
    _need_columns(header, str(path))
    return rows, str(path), 2, "line"


def _need_columns(found: list[str], where: str) -> None:
    if missing := [name for name in COLUMNS if name not in found]:
        raise DataError(
            f"{where} has no column {missing[0]} (found: {', '.join(found) or 'none'}). It needs table, id and into, "
            "separated by commas."
        )


def _row(line: Mapping[str, Any], place: str) -> Row | None:
    cells = {name: "" if _is_empty(line.get(name)) else str(line[name]).strip() for name in COLUMNS}
    if not any(cells.values()):
        return None
    for name in ("table", "id"):
        if not cells[name]:
            raise DataError(f"{place}: {name} is empty. Fill it, or remove the row.")
    return Row(**cells, place=place)


def _is_empty(value: Any) -> bool:
    return value is None or (not isinstance(value, str) and str(value) in ("nan", "<NA>", "NaT"))


def resolved(rows: list[Row], crm: Crm) -> dict[str, dict[str, str]]:
    """Return for each table which record goes into which, chains followed to their end.

    Raises
    ------
    DataError
        Where a table or a record is not in the data, a record goes into itself or in a circle, or into two others. The
        message names file, line and id.
    """
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        _check_table(row, crm)
        mine = found.setdefault(row.table, {})
        former = mine.get(row.id)
        if former is not None and former.into != row.into:
            targets = " and ".join(repr(each.into) if each.into else "nothing" for each in (former, row))
            raise DataError(f"{row.place}: {row.id!r} goes into {targets} ({former.place}). Keep one of the rows.")
        mine[row.id] = row
    made = {}
    for table, mine in found.items():
        _check_ids(table, mine, crm)
        made[table] = {start: _end(start, mine) for start, row in mine.items() if row.into}
    return {table: ends for table, ends in made.items() if ends}


def _check_table(row: Row, crm: Crm) -> None:
    able = [name for name in crm.tables if len(schema.TABLES[name].key) == 1]
    if row.table in able:
        return
    near = get_close_matches(row.table, able, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise DataError(
        f"{row.place}: there is no table {row.table!r} whose rows can be merged.{hint} Tables: {', '.join(able)}."
    )


def _check_ids(table: str, mine: Mapping[str, Row], crm: Crm) -> None:
    named = {row.id: row.place for row in mine.values()} | {row.into: row.place for row in mine.values() if row.into}
    key = schema.TABLES[table].key[0]
    keys = crm.tables[table].select(key_=key)
    there = set(keys.filter(keys.key_.isin(sorted(named))).to_pyarrow()["key_"].to_pylist())
    if unknown := [name for name in named if name not in there]:
        more = f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
        raise DataError(
            f"{named[unknown[0]]}: {table} has no row with {key} {unknown[0]!r}{more}. Correct the id (leading zeros "
            "count), or remove the row."
        )


def _end(start: str, mine: Mapping[str, Row]) -> str:
    seen = [start]
    while (row := mine.get(seen[-1])) is not None and row.into:
        if row.into in seen:
            circle = " → ".join([*seen[seen.index(row.into) :], row.into])
            raise DataError(f"{row.place}: {circle} goes in a circle. Leave out the row of the record to keep.")
        seen.append(row.into)
    return seen[-1]


def merged(crm: Crm, merges: str | Path | pd.DataFrame | Mapping[str, Any]) -> Crm:
    """Return the same CRM with records merged as a map says.

    What points to a merged record points to the one that is kept, in all tables. The merged record's row goes; where
    the kept one's cells are empty, its own take their place, the oldest record's first. Of times the earliest counts,
    but a customer is lost only where all its records are, and then at the latest time. Who is in an experiment twice
    after that counts with the first assignment.

    Parameters
    ----------
    crm : Crm
    merges : path, DataFrame or mapping
        As `read` takes it.

    Returns
    -------
    Crm
        `crm` itself where the map merges nothing; else a new one, whose `notes` say what was merged.

    Raises
    ------
    DataError
        Where the map does not fit the data.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": ["1", "2"], "created_at": ["2026-01-01", "2026-02-01"],
    ...     "phone": [None, "+44 118 496 0871"]}, "orders": {"order_id": ["a"], "customer_id": ["2"],
    ...     "ordered_at": ["2026-03-01"], "amount": [9.0]}})
    >>> one = merged(crm, {"table": ["customers"], "id": ["2"], "into": ["1"]})
    >>> one.tables["orders"].customer_id.to_pandas().tolist(), one.tables["customers"].phone.to_pandas().tolist()
    (['1'], ['+44 118 496 0871'])
    >>> one.notes
    ('merges: 1 row of customers was merged into another.',)
    """
    rows = read(merges)
    ends = resolved(rows, crm)
    if not ends:
        return crm
    if crm.readers is not None:  # the whole tables are merged, and shown as these are
        return shown_alike(merged(crm.readers.behind, merges), crm)
    tables, counts, notes = dict(crm.tables), dict(crm.rows), []
    maps = {table: _as_table(crm, pairs) for table, pairs in ends.items()}
    for table, pairs in maps.items():
        tables[table] = _kept(crm, _one_row_each(tables[table], table, pairs), f"{table}_one")
        counts[table] -= len(ends[table])
    for name, table in list(tables.items()):
        changed, twice = _pointed(table, name, maps)
        if changed is None:
            continue
        tables[name] = changed if crm.rows.get(name, 0) > _LARGE else _kept(crm, changed, name)
        left = int(tables[name].count().to_pyarrow().as_py()) if twice else counts[name]
        if gone := counts[name] - left:
            rows_ = "1 row repeats another" if gone == 1 else f"{gone:,} rows repeat others"
            notes.append(f"{name}: {rows_} after merging; the first of each counts.")
            counts[name] = left
    label = str(merges) if isinstance(merges, str | Path) else "merges"
    notes = [*_notes(Path(label).name, rows, ends), *notes]
    made = replace(crm, tables=tables, rows=counts, notes=(*crm.notes, *notes), remembered={})
    made.remembered[UNMERGED] = crm
    return made


def shown_alike(crm: Crm, other: Crm) -> Crm:
    """Return a CRM as the readers of another one get it: without the names that they may not see."""
    if other.readers is None:
        return crm
    from crmkit.personal.readers import PREFIXES, for_readers

    return for_readers(crm, show_names=other.readers.shown == frozenset(PREFIXES))


def _notes(name: str, rows: list[Row], ends: Mapping[str, Mapping[str, str]]) -> list[str]:
    made = []
    for table, pairs in ends.items():
        into = len(set(pairs.values()))
        one = len(pairs) == 1
        others = "another" if into == 1 and one else f"{into:,} other{'s' if into != 1 else ''}"
        rows_ = "1 row" if one else f"{len(pairs):,} rows"
        made.append(f"{name}: {rows_} of {table} {'was' if one else 'were'} merged into {others}.")
    if apart := Counter(row.table for row in rows if not row.into):
        told = " and ".join(f"{count:,} of {table}" for table, count in apart.items())
        one = apart.total() == 1
        made.append(f"{name}: {told} {'was' if one else 'were'} looked at and {'stays' if one else 'stay'} apart.")
    return made


def _as_table(crm: Crm, pairs: Mapping[str, str]) -> ir.Table:
    import pyarrow as pa

    ends = zip(("merged_id_", "merged_into_"), (list(pairs), list(pairs.values())), strict=True)
    made = pa.table({name: pa.array(ids, pa.string()) for name, ids in ends})
    if not crm.embedded:
        return ibis.memtable(made)
    return crm.engine.create_table(f"crm_merges_{next(_NUMBERS)}", made, temp=True)


def _kept(crm: Crm, table: ir.Table, name: str) -> ir.Table:
    """Keep a table in an engine of crmkit's own, so that it is put together once."""
    return crm.engine.create_table(f"merged_{name}_{next(_NUMBERS)}", table, temp=True) if crm.embedded else table


def _one_row_each(table: ir.Table, name: str, pairs: ir.Table) -> ir.Table:
    """Return a table in which the records that are one have one row."""
    declared = schema.TABLES[name]
    key = declared.key[0]
    joined = table.left_join(pairs, table[key] == pairs.merged_id_)
    targets = pairs.select(target_="merged_into_").distinct()
    joined = joined.mutate(home_=ibis.coalesce(joined.merged_into_, joined[key])).drop("merged_id_", "merged_into_")
    joined = joined.left_join(targets, joined.home_ == targets.target_)
    alone = joined.filter(joined.target_.isnull()).select(table.columns)
    several = joined.filter(joined.target_.notnull())
    several = several.mutate(other_=(several[key] != several.home_).cast("int8"))
    order = ["other_", *([declared.born] if declared.born in table.columns else []), key]
    values = {column: _cell(several, column, declared, order) for column in table.columns if column != key}
    grouped = several.group_by("home_").agg(**values).rename({key: "home_"})
    return alone.union(grouped.select(table.columns))


def _cell(rows: ir.Table, column: str, declared: schema.Table, order: list[str]) -> ir.Value:
    """Return what a cell of the kept record becomes: its own, else the first of the others'; of times the earliest."""
    value = rows[column]
    if column == "lost_at":
        return ibis.ifelse(value.count() < rows.count(), ibis.null(value.type()), value.max())
    if column == "lost_reason" and "lost_at" in rows.columns:
        first = value.first(order_by=[rows[name] for name in order])
        return ibis.ifelse(rows.lost_at.count() < rows.count(), ibis.null("string"), first)
    if column in declared and declared[column].clock in ("born", "state"):
        return value.min()
    return value.first(order_by=[rows[name] for name in order])


def _pointed(table: ir.Table, name: str, maps: Mapping[str, ir.Table]) -> tuple[ir.Table | None, bool]:
    """Return a table whose keys point to the records that are kept, and whether its own rows may repeat then.

    None stands for a table that points to none of them.
    """
    declared, changed, twice = schema.TABLES[name], None, False
    columns = table.columns
    for column in declared.columns:
        if column.refers_to not in maps or column.name not in columns:
            continue
        rows = table if changed is None else changed
        pairs = maps[column.refers_to].view()
        joined = rows.left_join(pairs, rows[column.name] == pairs.merged_id_)
        changed = joined.mutate({column.name: ibis.coalesce(joined.merged_into_, joined[column.name])}).select(columns)
        twice = twice or column.name in declared.key
    if changed is not None and twice:
        order = [changed[declared.born], changed[declared.key[0]]]
        place = ibis.row_number().over(ibis.window(group_by=list(declared.key), order_by=order))
        changed = changed.mutate(place_=place)
        changed = changed.filter(changed.place_ == 0).drop("place_")
    return changed, twice
