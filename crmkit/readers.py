"""The sources that crmkit opens: a folder, a DuckDB file, data frames, a connection, a URL. Each gives raw tables.

A raw table has the source's own columns and types; `source.open` casts and checks it. Files are read where they lie
and never written to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from crmkit import schema
from crmkit.errors import DataError, UsageError
from crmkit.table_files import SUFFIXES, file_table, filled, find, quoted

_HELD = 0.85
"""The part of the memory allowed that DuckDB is told of: it uses some more that it doesn't count."""
ROWS_FOR_ONE_THREAD = 1_000_000
"""With more rows than this in all its tables, an engine works in as many threads as there are cores."""


@dataclass(frozen=True)
class Raw:
    """The tables of a source as they are, the engine that reads them, and what is said of the reading.

    Attributes
    ----------
    engine : Ibis backend
    tables : dict of str to Ibis table
        Only those that the schema declares.
    label : str
        What the source is called in messages.
    embedded : bool
        Whether the engine is a DuckDB of crmkit's own, which holds or reads the tables.
    settings : Path or None
        The `crm.toml` beside the tables.
    notes : tuple of str
        What the reader left aside, one sentence each.
    files : dict of str to list of Path
        The files that each table was read from.
    copied : frozenset of str
        The tables that the engine holds as copies called `file_<table>`, in the source's own types.
    filled : dict of str to frozenset of str
        Columns of text of which the files' own statistics say that no cell is an empty text.
    """

    engine: Any
    tables: dict[str, ir.Table]
    label: str
    embedded: bool
    settings: Path | None = None
    notes: tuple[str, ...] = ()
    files: dict[str, list[Path]] = field(default_factory=dict)
    copied: frozenset[str] = frozenset()
    filled: dict[str, frozenset[str]] = field(default_factory=dict)


def read(source: Any, *, memory: str | None = None) -> Raw:
    """Find out what `source` is and return its raw tables.

    Raises
    ------
    UsageError
        Where there is no such source, or it is none of the kinds that can be opened.
    DataError
        Where it holds no table of a CRM, or a file cannot be read.
    """
    if isinstance(source, Mapping):
        return _frames(source, _duckdb(memory))
    if isinstance(source, ibis.BaseBackend):
        return _connection(source, str(source.name))
    if not isinstance(source, str | Path):
        raise UsageError(
            f"Cannot open a {type(source).__name__}. Give a folder, a DuckDB file, a URL, an Ibis connection, "
            "or a dict of DataFrames such as {'orders': frame}."
        )
    if "://" in str(source) or str(source) == "pyspark":
        return _url(str(source))
    path = Path(source).expanduser()
    if path.is_dir():
        return _folder(path, _duckdb(memory))
    if path.is_file() and path.suffix.lower() not in SUFFIXES:
        return _database(path)
    if path.is_file():
        raise UsageError(
            f"{path} is one file; give the folder that holds it, with its tables named as in the contract."
        )
    raise UsageError(f"There is no folder or file {str(path)!r}. Give a folder of <table>.csv or .parquet files.")


def _duckdb(memory: str | None):
    engine = ibis.duckdb.connect()
    if memory:
        limit = quoted(f"{int(_HELD * _bytes(memory)) // 1000}KB")
        engine.raw_sql(f"SET memory_limit = {limit}; SET preserve_insertion_order = false")
    return engine


def _bytes(size: str) -> int:
    """Read a size such as "700MB" or "1.5 GiB".

    >>> _bytes("700MB"), _bytes("1.5 GiB")
    (700000000, 1610612736)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT])(I?)B?\s*", str(size).upper())
    if not found or not float(found[1]):
        raise UsageError(f"memory is {size!r}; write a number and a unit, such as '700MB' or '2GB'.")
    number, prefix, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** ("KMGT".index(prefix) + 1))


def settle(engine, rows: int) -> None:
    """Let an engine of crmkit's own work on few rows in one thread: sums are then added up in the same order each time.

    A pixel of a figure hangs on the last bit of a sum, and threads gain nothing on so few rows.
    """
    if rows <= ROWS_FOR_ONE_THREAD:
        engine.raw_sql("SET threads = 1")


def _folder(path: Path, engine) -> Raw:
    files, notes = find(path)
    if not files:
        present = ", ".join(sorted(entry.name for entry in path.iterdir())[:8]) or "nothing"
        raise DataError(
            f"{path} holds no table of a CRM (found: {present}). Expected files such as customers.csv or "
            "orders.parquet; an export of a CRM product is turned into them by `crmkit import`."
        )
    tables = {name: file_table(engine, name, parts) for name, parts in files.items()}
    settings = path / "crm.toml"
    copied = frozenset(name for name, parts in files.items() if parts[0].suffix == ".csv")
    full = {name: filled(engine, parts) for name, parts in files.items() if name not in copied}
    told = settings if settings.is_file() else None
    return Raw(engine, tables, str(path), True, told, tuple(notes), files, copied, full)


def _database(path: Path) -> Raw:
    try:
        engine = ibis.duckdb.connect(path, read_only=True)
    except Exception as error:
        raise DataError(f"{path} cannot be opened as a DuckDB file: {str(error).splitlines()[0]}") from None
    return _connection(engine, str(path), embedded=True, settings=path.with_name("crm.toml"))


def _url(url: str) -> Raw:
    label = url.rsplit("@", maxsplit=1)[-1] if "@" in url else url  # a password never gets into a message
    try:
        engine = ibis.connect("pyspark://" if url == "pyspark" else url)
    except ImportError as error:
        raise UsageError(f"Opening {label} needs a package that is not installed: {error}") from None
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].replace(url, label)
        raise UsageError(f"Cannot connect to {label}: {reason}") from None
    return _connection(engine, label)


def _connection(engine, label: str, *, embedded: bool = False, settings: Path | None = None) -> Raw:
    present = {name.lower(): name for name in engine.list_tables()}
    tables = {name: engine.table(present[name]) for name in schema.TABLES if name in present}
    if not tables:
        found = ", ".join(sorted(present)[:8]) or "none"
        raise DataError(f"{label} holds no table of a CRM (tables found: {found}). Expected customers, orders, …")
    return Raw(
        engine,
        tables,
        label,
        embedded or engine.name == "duckdb",
        settings if settings and settings.is_file() else None,
    )


def _frames(frames: Mapping[str, Any], engine) -> Raw:
    if not frames:
        raise DataError("The dict of DataFrames is empty. Give at least one table, such as {'orders': frame}.")
    tables = {}
    for name, frame in frames.items():
        schema.table(name)  # names the nearest table where this one is unknown
        tables[name] = engine.create_table(f"file_{name}", _arrow(name, pd.DataFrame(frame)), temp=True)
    return Raw(engine, tables, "the DataFrames", True, copied=frozenset(tables))


def _arrow(name: str, frame: pd.DataFrame):
    """Return a frame as an Arrow table whose keys are text, so that 1, "1" and 1.0 are one key."""
    import pyarrow

    declared = schema.TABLES[name]
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise DataError(f"{name}: the column {repeated[0]!r} is there twice. Rename or remove one of them.")
    columns = {}
    for label in frame.columns:
        values, text = frame[label], str(label)
        kind = declared[text].type if text in declared else None
        if values.dtype == object or str(values.dtype) == "category":
            values = values.astype(object)
            mixed = {type(value) for value in values.dropna()}
            if kind in ("key", "text") or len(mixed) > 1:
                values = values.map(_as_text, na_action="ignore")
        try:
            array = pyarrow.array(values, from_pandas=True)
            # A column without any value has no type of its own: pandas calls an empty one a number.
            columns[text] = pyarrow.nulls(len(array), pyarrow.string()) if array.null_count == len(array) else array
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
            raise DataError(f"{name}.{text} holds values of kinds that do not go together: {error}") from None
    return pyarrow.table(columns)


def _as_text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
