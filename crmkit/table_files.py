"""The files of a folder of tables: which is which table, and how CSV and Parquet are read without guessing."""

from __future__ import annotations

import csv
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

import ibis.expr.types as ir

from crmkit import schema
from crmkit.errors import DataError

SUFFIXES = (".csv", ".parquet")


def find(path: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """Return the files of each table in a folder, and what is said of those that look like one and are none."""
    files: dict[str, list[Path]] = {}
    notes = []
    for entry in sorted(path.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and entry.name in schema.TABLES:
            parts = sorted(entry.rglob("*.parquet")) or sorted(entry.rglob("*.csv"))
        elif entry.suffix in SUFFIXES and entry.stem in schema.TABLES:
            parts = [entry]
        else:
            near = get_close_matches(entry.stem.lower(), schema.TABLES, n=1, cutoff=0.75)
            if near and entry.suffix.lower() in SUFFIXES and near[0] not in entry.stem.split("_"):
                notes.append(f"{entry.name} is not read: no table has that name. Did you mean {near[0]}{entry.suffix}?")
            continue
        name = entry.name if entry.is_dir() else entry.stem
        if parts and name in files:
            raise DataError(f"{path} has {name} twice: {files[name][0].name} and {parts[0].name}. Remove one of them.")
        for part in parts:
            if not part.is_file():
                raise DataError(f"{part} is not an ordinary file; replace it by one.")
        if parts:
            files[name] = parts
    return files, notes


def file_table(engine, name: str, parts: list[Path]) -> ir.Table:
    """Return a table as its files have it: Parquet where it lies, text as a copy that the engine holds."""
    try:
        if parts[0].suffix == ".parquet":
            return engine.read_parquet([str(part) for part in parts], table_name=f"file_{name}", union_by_name=True)
        read = " UNION ALL BY NAME ".join(f"SELECT * FROM {_csv(part)}" for part in parts)
        engine.raw_sql(f"CREATE TEMP TABLE file_{name} AS {read}")
    except DataError:
        raise
    except Exception as error:
        _refuse(parts[0], error)
    return engine.table(f"file_{name}")


def filled(engine, parts: list[Path]) -> frozenset[str]:
    """Return the columns of Parquet files whose smallest value is known and is not the empty text."""
    names = ", ".join(quoted(str(part)) for part in parts)
    found = engine.raw_sql(
        "SELECT path_in_schema FROM (SELECT path_in_schema, coalesce(stats_null_count = num_values OR "
        f"stats_min_value > '', false) AS filled FROM parquet_metadata([{names}]) WHERE type = 'BYTE_ARRAY') "
        "GROUP BY 1 HAVING bool_and(filled)"
    )
    return frozenset(name for (name,) in found.fetchall())


def _csv(path: Path) -> str:
    """Return the SQL that reads a CSV file as it is.

    The columns are told and nothing is guessed: a reader that looks for a likely beginning passes over lines that do
    not fit.
    """
    columns = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in _header(path))
    return (
        f"read_csv({quoted(str(path))}, auto_detect = false, columns = {{{columns}}}, header = true, delim = ',', "
        "quote = '\"', escape = '\"', null_padding = false, strict_mode = true)"
    )


def _header(path: Path) -> list[str]:
    """Return the names of a CSV file's columns: the cells of its first line, with a name for those that are empty."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            cells = next(csv.reader(file), [])
        except (csv.Error, UnicodeDecodeError) as error:
            _refuse(path, error)
    if not "".join(cells).strip():
        raise DataError(f"{path} is empty: it has not even a line of column names. Remove it or export it again.")
    other = next((mark for mark in ";\t|" if len(cells) == 1 and mark in cells[0]), None)
    if other:
        raise DataError(
            f"{path} has its columns separated by {other!r}, not by commas. Save it with commas, or turn it into "
            "crmkit's tables with `crmkit import`."
        )
    names = [cell if cell.strip() else f"column{place}" for place, cell in enumerate(cells, 1)]
    alike = [name.strip().casefold() for name in names]
    for place, name in enumerate(alike):
        if name in alike[:place]:
            raise DataError(
                f"{path}: the column {names[place].strip()!r} is there twice. Rename or remove one of them."
            )
    return names


def _refuse(path: Path, error: Exception) -> NoReturn:
    text = str(error)
    if path.suffix == ".parquet":
        raise DataError(f"{path} cannot be read as Parquet: it is damaged or cut off. Export it again.") from None
    if isinstance(error, UnicodeDecodeError) or "not utf-8" in text.lower() or "invalid unicode" in text.lower():
        raise DataError(
            f"{path} is not in UTF-8. Save it as UTF-8, or turn it into crmkit's tables with `crmkit import`, "
            "which asks for its encoding."
        ) from None
    if isinstance(error, OSError):
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    if "invalid state" in text:
        raise DataError(f"{path} cannot be read as CSV: its lines end in different ways. Save it again.") from None
    told = [line.strip() for line in text.removeprefix("Invalid Input Error: ").splitlines() if line.strip()]
    where = next((line for line in told if "Line:" in line), told[0])
    why = next((line for line in told if line.startswith(("Expected", "Value with", "Maximum"))), "")
    raise DataError(f"{path} cannot be read as CSV: {where} {why}".rstrip()) from None


def quoted(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
