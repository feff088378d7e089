"""Writing an import: tables, crm.toml and the account, in a folder that appears whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmkit.adapters.cells import identifier
from crmkit.errors import DataError, UsageError

if TYPE_CHECKING:
    import duckdb

MARKER = "import.json"
_MADE_BY = "crmkit import"


def table(con: duckdb.DuckDBPyConnection, source: str, path: Path) -> None:
    """Write a DuckDB table to a CSV or Parquet file, in its own order; the same rows give the same bytes.

    In CSV a time of midnight throughout is written as a date, and a whole number without ".0".
    """
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        reader = con.execute(f"SELECT * FROM {identifier(source)}").to_arrow_reader(100_000)
        # the checksums make a damaged file an error instead of other numbers
        with pq.ParquetWriter(path, reader.schema, write_page_checksum=True) as writer:
            for batch in reader:
                writer.write_batch(batch)
        return
    types = con.execute(f"SELECT column_name, column_type FROM (DESCRIBE {identifier(source)})").fetchall()
    columns = [f"{_as_text(con, source, name, kind)} AS {identifier(name)}" for name, kind in types]
    target = str(path).replace("'", "''")
    con.execute(f"COPY (SELECT {', '.join(columns)} FROM {identifier(source)}) TO '{target}' (FORMAT csv, HEADER)")


def _as_text(con: duckdb.DuckDBPyConnection, source: str, name: str, kind: str) -> str:
    column = identifier(name)
    if kind == "DOUBLE":
        return (
            f"CASE WHEN {column} = trunc({column}) AND abs({column}) < 1e15 "
            f"THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE CAST({column} AS VARCHAR) END"
        )
    if kind == "TIMESTAMP":
        timed = con.execute(
            f"SELECT count(*) FROM {identifier(source)} WHERE {column} <> date_trunc('day', {column})"
        ).fetchone()[0]
        return column if timed else f"CAST({column} AS DATE)"
    return column


def settings(given: Mapping[str, Any]) -> str:
    """Write settings as the TOML of crm.toml.

    Examples
    --------
    >>> print(settings({"currency": "USD", "stages": {"Won": "won"}}), end="")
    currency = "USD"
    <BLANKLINE>
    [stages]
    Won = "won"
    """
    lines = [f"{_key(key)} = {_value(value)}" for key, value in given.items() if not isinstance(value, Mapping)]
    for name, part in given.items():
        if isinstance(part, Mapping):
            lines += ["", f"[{_key(name)}]", *(f"{_key(key)} = {_value(value)}" for key, value in part.items())]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    plain = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if plain else json.dumps(key, ensure_ascii=False)


def _value(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return str(value)


def check_target(to: Path, sources: list[Path], *, keep: Collection[str] = ()) -> None:
    """Refuse a target folder that holds anything but a former import, as it was written then, and what is kept of it.

    Raises
    ------
    UsageError
        Where the target is a file, is or lies in a source, or holds files of the user's own or changed by hand.
    """
    place = to.resolve()
    for source in sources:
        if source.is_dir() and (place == source.resolve() or source.resolve() in place.parents):
            raise UsageError(f"The target {to} lies in the source {source}; choose a folder outside it.")
        if place in source.resolve().parents:
            raise UsageError(f"The source {source} lies in the target {to}; choose another folder.")
    if not to.exists():
        return
    if not to.is_dir():
        raise UsageError(f"The target {to} is a file; give a folder.")
    there = sorted(path.relative_to(to).as_posix() for path in to.rglob("*") if not path.is_dir())
    if not there:
        return
    written = _written(to)
    foreign = [name for name in there if name != MARKER and name not in written and name not in keep]
    if not written or foreign:
        names = ", ".join((foreign or there)[:5])
        raise UsageError(f"The target {to} holds files that no import wrote ({names}). Choose an empty or new folder.")
    changed = [name for name in there if name in written and _digest(to / name) != written[name]]
    if changed:
        raise UsageError(
            f"{', '.join(changed)} in {to} changed since the import that wrote it, and importing again would undo it. "
            "Move it away, or choose another folder."
        )


def former_tables(to: Path) -> list[str]:
    """Return the tables that a former import wrote into a folder."""
    return sorted({Path(name).stem for name in _written(to) if Path(name).suffix != ".toml"})


def _written(to: Path) -> dict[str, str]:
    try:
        marker = json.loads((to / MARKER).read_text(encoding="utf-8"))
        return dict(marker["files_written"]) if marker.get("made_by") == _MADE_BY else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def whole(to: Path, fill: Callable[[Path], dict[str, Any]], *, keep: Collection[str] = ()) -> None:
    """Let `fill` write into a folder beside the target, then put it in the target's place, or leave no trace.

    `fill` returns the account as plain data; it is kept in import.json with the digest of every file written. Files
    named in `keep` that the target holds already stay in it as they are.
    """
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{to.name}.", dir=to.parent))
    except OSError as error:
        raise DataError(f"Nothing can be written beside {to}: {error.strerror}.") from None
    try:
        new = work / "new"
        new.mkdir()
        account = fill(new)
        files = {path.name: _digest(path) for path in sorted(new.iterdir())}
        marker = {"made_by": _MADE_BY, "files_written": files, **account}
        text = json.dumps(marker, ensure_ascii=False, indent=1) + "\n"
        (new / MARKER).write_text(text, encoding="utf-8", newline="\n")
        for name in keep:
            if (to / name).is_file():
                shutil.copy2(to / name, new / name)
        old = work / "old"
        if to.exists():
            to.replace(old)
        try:
            new.replace(to)
        except OSError:
            if old.exists():
                old.replace(to)
            raise
    except OSError as error:
        raise DataError(f"The import could not be written to {to}: {error.strerror}. Nothing was changed.") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
