"""The merge map: which records are one, written beside the tables as merges.csv.

It has a row for each record that goes: `table`, `id` (the record), `into` (the one that it is merged into); further
columns, such as `probability` and `evidence`, are for people. Where `into` is empty, the record was looked at and
stays: `crmkit duplicates` does not propose it again. `crmkit.merging` applies it; the files of tables never change.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmkit import schema
from crmkit.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from crmkit.crm import Crm

FILE = "merges.csv"
COLUMNS = ("table", "id", "into")


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
