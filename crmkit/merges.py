"""The merge map: which records are one, written beside the tables as merges.csv.

It has a row for each record that goes: `table`, `id` (the record), `into` (the one that it is merged into); further
columns, such as `probability` and `evidence`, are for people. Where `into` is empty, the record was looked at and
stays: `crmkit duplicates` does not propose it again. `crmkit.merging` applies it; the files of tables never change.
"""

from __future__ import annotations

import csv
from collections.abc import Container, Iterable, Iterator, Mapping
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


@dataclass(frozen=True)
class Fault:
    """What is wrong with a merge map: the table, the kind of fault, in how many lines, and a sentence with the way out.

    `table` is empty where the fault is the file's own, or no table has that name.
    """

    table: str
    kind: str
    text: str
    lines: int = 1


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
    return _sound(_rows(*_given(merges)))


def faults(merges: str | Path | pd.DataFrame | Mapping[str, Any], crm: Crm) -> list[Fault]:
    """Return all that is wrong with a merge map, where `resolved` raises the first of it.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": ["1", "2"], "created_at": ["2026-01-01", "2026-02-01"]}})
    >>> (fault,) = faults({"table": ["customers"], "id": ["2"], "into": ["02"]}, crm)
    >>> fault.kind, fault.text.partition(".")[0]
    ('unknown', "merges, row 1: customers has no row with customer_id '02'")
    """
    try:
        made = list(_rows(*_given(merges)))
    except DataError as error:
        return [Fault("", "file", str(error))]
    rows = [row for row in made if isinstance(row, Row)]
    return [*(row for row in made if isinstance(row, Fault)), *_faults(rows, crm)]


def _sound(rows: Iterable[Row | Fault]) -> list[Row]:
    """Return the rows of a map; raise the first that is none."""
    made = list(rows)
    if wrong := next((row for row in made if isinstance(row, Fault)), None):
        raise DataError(wrong.text)
    return made


def _given(merges: str | Path | pd.DataFrame | Mapping[str, Any]) -> tuple[list[dict[str, Any]], str, int, str]:
    """Return the lines of a map, its name, the number of the first line, and what a line is called."""
    if isinstance(merges, str | Path):
        return _of_file(Path(merges).expanduser())
    import pandas as pd

    frame = pd.DataFrame(merges)
    rows = [dict(zip(frame.columns, line, strict=True)) for line in frame.astype(object).itertuples(index=False)]
    _need_columns(list(map(str, frame.columns)), "merges")
    return rows, "merges", 1, "row"


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


def _rows(lines: list[dict[str, Any]], where: str, first: int, word: str) -> Iterator[Row | Fault]:
    for number, line in enumerate(lines, first):
        place = f"{where}, {word} {number}"
        cells = {name: "" if _is_empty(line.get(name)) else str(line[name]).strip() for name in COLUMNS}
        empty = next((name for name in ("table", "id") if not cells[name]), "")
        if any(cells.values()) and empty:
            yield Fault("", "empty", f"{place}: {empty} is empty. Fill it, or remove the row.")
        elif any(cells.values()):
            yield Row(**cells, place=place)


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
    if wrong := next(_faults(rows, crm), None):
        raise DataError(wrong.text)
    made = {}
    for table, mine in _by_table(rows).items():
        made[table] = {start: _way(start, mine)[-1] for start, row in mine.items() if row.into}
    return {table: ends for table, ends in made.items() if ends}


def _by_table(rows: Iterable[Row]) -> dict[str, dict[str, Row]]:
    """Return the rows of each table by the record that goes; of several for one, the first."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(row.table, {}).setdefault(row.id, row)
    return found


def _faults(rows: list[Row], crm: Crm) -> Iterator[Fault]:
    able = [name for name in crm.tables if len(schema.TABLES[name].key) == 1]
    first: dict[tuple[str, str], Row] = {}
    for row in rows:
        former = first.setdefault((row.table, row.id), row)
        if row.table not in able:
            yield Fault("", "table", _no_table(row, able))
        elif former.into != row.into:
            targets = " and ".join(repr(each.into) if each.into else "nothing" for each in (former, row))
            text = f"{row.place}: {row.id!r} goes into {targets} ({former.place}). Keep one of the rows."
            yield Fault(row.table, "twice", text)
    for table, mine in _by_table(row for row in rows if row.table in able).items():
        yield from _unknown(table, mine, crm)
        yield from _circles(table, mine)


def _no_table(row: Row, able: list[str]) -> str:
    near = get_close_matches(row.table, able, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    listed = ", ".join(able)
    return f"{row.place}: there is no table {row.table!r} whose rows can be merged.{hint} Tables: {listed}."


def _unknown(table: str, mine: Mapping[str, Row], crm: Crm) -> Iterator[Fault]:
    """Find the ids that no row of the table has, as one fault."""
    named = {row.id: row.place for row in mine.values()} | {row.into: row.place for row in mine.values() if row.into}
    key = schema.TABLES[table].key[0]
    keys = crm.tables[table].select(key_=key)
    there = set(keys.filter(keys.key_.isin(sorted(named))).to_pyarrow()["key_"].to_pylist())
    if unknown := [name for name in named if name not in there]:
        more = f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
        text = (
            f"{named[unknown[0]]}: {table} has no row with {key} {unknown[0]!r}{more}. Correct the id (leading zeros "
            "count), or remove the row."
        )
        yield Fault(table, "unknown", text, len({named[name] for name in unknown}))


def _circles(table: str, mine: Mapping[str, Row]) -> Iterator[Fault]:
    """Find the circles in which records go, each once."""
    done: set[str] = set()
    for start in mine:
        way = _way(start, mine, done)
        if (last := mine.get(way[-1])) is not None and last.into in way:
            circle = [*way[way.index(last.into) :], last.into]
            told = f"{' → '.join(circle)} goes in a circle. Leave out the row of the record to keep."
            yield Fault(table, "circle", f"{last.place}: {told}", len(circle) - 1)
        done |= set(way)


def _way(start: str, mine: Mapping[str, Row], done: Container[str] = ()) -> list[str]:
    """Return the records from one to where it ends, at the latest before it would come by a second time."""
    way = [start]
    while (row := mine.get(way[-1])) is not None and row.into and row.into not in way and way[-1] not in done:
        way.append(row.into)
    return way
