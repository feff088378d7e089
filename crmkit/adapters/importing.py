"""One import from first to last: files found and staged, tables made, settings gathered, everything written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmkit.adapters import build, reading, settings, writing
from crmkit.adapters import files as exports
from crmkit.adapters.account import Account, FileRead, TableWritten
from crmkit.adapters.file_account import account_of
from crmkit.adapters.source_file import Staged
from crmkit.adapters.spec import Adapter
from crmkit.errors import DataError
from crmkit.merges import FILE as MERGES

if TYPE_CHECKING:
    import duckdb

_MEMORY = "400MB"  # what tables may take of it while they are made; the rest goes to a folder beside the target
_KEPT = {MERGES: "which says what records are one; look through it where they are others now"}
"""What people decide about an import and put beside its tables, and why the next import leaves it there."""
_UNKNOWN = {
    "timezone": "the time zone isn't known: times with a zone were converted to UTC, others stay; --timezone says it",
    "currency": "the currency isn't known: amounts stand without one; --currency says it",
}


def run(rules: Adapter, sources: list[str], to: Path | None, file_format: str) -> Account:
    """Import by an adapter's rules; without a target nothing is written.

    Raises
    ------
    UsageError
        Where a source isn't there, or the target holds something else.
    DataError
        Where the export can't be read without guessing.
    """
    paths, files_left_out = exports.find(rules, sources)
    if to is not None:
        given = [Path(s) for s in sources if Path(s).exists()]
        writing.check_target(to, given + [p for f in paths.values() for p in f], keep=_KEPT)
    with _database(to) as con:
        staged = {
            alias: reading.stage(con, alias, files, rules.files[alias].reading, rules.files[alias].has)
            for alias, files in paths.items()
        }
        try:
            tables, missing, used = _tables(con, rules, staged, file_format)
        except DataError as error:
            raise _with_warnings(error, staged) from None
        if not tables:
            why = "".join(f" {name}: {reason}." for name, reason in missing.items())
            raise DataError(
                f"None of the tables of {rules.title} could be made from what was given.{why}{_named_parts(rules)}"
            )
        company = _settings(con, rules, staged)
        account = Account(
            system=rules.system,
            title=rules.title,
            adapter=rules.path.name,
            to=str(to or ""),
            settings=company,
            files=_accounts(staged, used),
            tables=tables,
            files_left_out=tuple(path.name for path in files_left_out),
            tables_left_out=missing,
            assumed=_assumed(company, tables) + _of_before(to, tables),
        )
        if to is not None:
            _write(con, account, to)
    return account


def _accounts(staged: Mapping[str, Staged], used: set[tuple[str, str]]) -> tuple[FileRead, ...]:
    """Return the account of each file: what was met in it, and which of its columns no table has."""
    return tuple(
        account_of(file, tuple(header for header in file.headers if (alias, header) not in used))
        for alias, group in staged.items()
        for file in group.files
    )


def _write(con: duckdb.DuckDBPyConnection, account: Account, to: Path) -> None:
    """Write tables and settings, all or nothing, with the account beside them."""

    def fill(folder: Path) -> dict[str, Any]:
        for written in account.tables:
            writing.table(con, f"out_{written.name}", folder / written.file)
        (folder / "crm.toml").write_text(writing.settings(account.settings), encoding="utf-8", newline="\n")
        return account.as_dict()

    writing.whole(to, fill, keep=_KEPT)


def _assumed(company: Mapping[str, Any], tables: tuple[TableWritten, ...]) -> tuple[str, ...]:
    """Say which settings nobody knows that matter for what the tables say."""
    return tuple(words for key, words in _UNKNOWN.items() if key not in company and _matters(key, tables))


def _of_before(to: Path | None, tables: tuple[TableWritten, ...]) -> tuple[str, ...]:
    """Say what is kept of a former import in the target, and which of its tables this one has no more."""
    if to is None:
        return ()
    found = [f"what was there before is kept: {name}, {why}" for name, why in _KEPT.items() if (to / name).is_file()]
    if gone := [name for name in writing.former_tables(to) if name not in {table.name for table in tables}]:
        found.append(
            f"what was there before is replaced, and {', '.join(gone)} of it gone: each import stands for itself. "
            "Several systems' files are imported together, by an adapter of your own that extends one by the others"
        )
    return tuple(found)


def _with_warnings(error: DataError, staged: Mapping[str, Staged]) -> DataError:
    """Say beside an error what was odd when the files were read: it may be the reason."""
    found = [
        f"\n  {file.path.name}: {warning}"
        for group in staged.values()
        for file in group.files
        for warning in account_of(file, ()).warnings
    ]
    return DataError(f"{error}\nThis was odd when the files were read:{''.join(found)}") if found else error


def _matters(setting: str, tables: tuple[TableWritten, ...]) -> bool:
    """Tell whether a setting that isn't known changes what the tables say."""
    from crmkit import schema

    columns = [(table.name, column) for table in tables for part in table.parts for column in part.columns]
    if setting == "timezone":
        marks = ("zoned times", "where no zone is named")
        return any(
            any(mark in column.how for mark in marks) or column.how.startswith("time, Unix") for _, column in columns
        )
    names = {name for name, column in columns if column.name == "currency" and column.filled}
    money = [
        name
        for name, column in columns
        if column.name in schema.TABLES[name] and schema.TABLES[name][column.name].unit == "money" and column.filled
    ]
    return any(name not in names for name in money)


@contextmanager
def _database(to: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB database that is gone afterwards; what outgrows its memory goes to disk, near the target."""
    import duckdb

    near = next((place for place in (to.absolute().parents if to else ()) if place.is_dir()), None)
    if near and not os.access(near, os.W_OK):
        near = None  # whoever writes the tables says so
    with tempfile.TemporaryDirectory(prefix=".crmkit-import-", dir=near) as folder:
        con = duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": folder})
        try:
            yield con
        finally:
            con.close()


def _tables(
    con: duckdb.DuckDBPyConnection, rules: Adapter, staged: Mapping[str, Staged], file_format: str
) -> tuple[tuple[TableWritten, ...], dict[str, str], set[tuple[str, str]]]:
    """Make each table from its parts whose files are there; say why others aren't, and which headers were used."""
    written, missing, number = [], {}, 0
    used = {
        (rule.file, staged[rule.file].find(wanted))
        for rule in rules.crm_from_files.values()
        for wanted in rule.headers
        if rule.file in staged
    }
    for name in dict.fromkeys(spec.name for spec in rules.tables):
        parts, accounts, why = [], [], []
        for spec in (spec for spec in rules.tables if spec.name == name and spec.file in staged):
            number += 1
            made = build.part(con, rules, spec, staged, number)
            if isinstance(made, str):
                why.append(f"{', '.join(f.path.name for f in staged[spec.file].files)}: {made}")
                continue
            parts.append(made[0])
            accounts.append(made[1])
            used |= made[0].used
        if parts:
            rows, repeated = build.finish(con, name, parts)
            written.append(TableWritten(name, f"{name}.{file_format}", rows, repeated, tuple(accounts), tuple(why)))
            continue
        wanted = [n for spec in rules.tables if spec.name == name for n in rules.files[spec.file].names]
        missing[name] = "; ".join(why) or f"no file {' or '.join(dict.fromkeys(wanted))}"
    return tuple(written), missing, used


def _settings(con: duckdb.DuckDBPyConnection, rules: Adapter, staged: Mapping[str, Staged]) -> dict[str, Any]:
    """Return what crm.toml is to say; as_of by the adapter's rule is the latest day in the columns it names."""
    found = settings.from_files(con, rules, staged)
    days = []
    for table, column in (name.split(".") for name in rules.as_of_latest):
        there = con.execute(
            "SELECT count(*) FROM information_schema.columns WHERE table_name = ? AND column_name = ?",
            [f"out_{table}", column],
        ).fetchone()[0]
        if there:
            days.append(con.execute(f'SELECT max("{column}") FROM out_{table}').fetchone()[0])
    days = [day for day in days if day is not None]
    if days:
        simple = {key: value for key, value in found.items() if not isinstance(value, dict)}
        nested = {key: value for key, value in found.items() if isinstance(value, dict)}
        found = {**simple, "as_of": max(days).date().isoformat(), **nested}
    return found


def _named_parts(rules: Adapter) -> str:
    """Offer to name the header of a part that wasn't found by its own."""
    for spec in rules.tables:
        looked_for = set(spec.if_there[0]) if spec.part and len(spec.if_there) == 1 else set()
        found = next((column.name for column in spec.columns if looked_for & {*column.headers}), "")
        if found:
            return f" Where a column is meant, say so, as in --column {spec.name}:{spec.part}.{found}=HEADER."
    return ""
