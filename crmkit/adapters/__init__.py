"""Imports: a CRM's export in, the tables of a CRM out. One TOML file a product says how; `maven.toml` is explained."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from crmkit.errors import DataError, UsageError

if TYPE_CHECKING:
    import duckdb

    from crmkit.adapters.account import Account, TableWritten
    from crmkit.adapters.spec import Adapter

__all__ = ["run", "systems"]

_HERE = Path(__file__).parent
_IN_MEMORY = 300 * 2**20  # bytes of source files; a database on disk takes several times as long


def systems() -> dict[str, Path]:
    """Return the CRM products that can be imported, each with its adapter: every TOML file of this folder.

    Examples
    --------
    >>> "maven" in systems()
    True
    """
    return {path.stem: path for path in sorted(_HERE.glob("*.toml"))}


def run(
    system: str,
    sources: Iterable[str | Path],
    to: str | Path,
    *,
    adapter: str | Path | None = None,
    encoding: str = "",
    file_format: Literal["csv", "parquet"] = "csv",
) -> Account:
    """Turn a CRM's export into the tables of a CRM, with a crm.toml beside them, and say what was done.

    The source files are only read. The target appears whole or not at all, may be a former import, and gets the same
    bytes from the same files and adapter. Rows keep the order of the files.

    Parameters
    ----------
    system : str
        The product: one of `systems()`, or any name where `adapter` is given.
    sources : iterable of str or Path
        Folders or files of the export; NAME=FILE where a file has a name that the adapter doesn't know.
    to : str or Path
        The folder to write.
    adapter : str or Path, optional
        A TOML file of your own that says how the export is to be read.
    encoding : str
        The encoding of the files where it isn't UTF-8; it is never guessed.
    file_format : {"csv", "parquet"}
        CSV opens everywhere; Parquet keeps types and is smaller and faster.

    Returns
    -------
    Account
        `.text()` for people, `.as_dict()` for programs.

    Raises
    ------
    UsageError
        Where the system is unknown, the adapter is wrong, or the target holds something else.
    DataError
        Where the export can't be read without guessing; the text names file, line, column, value and the way out.
    """
    from crmkit.adapters import archives, parse, reading, writing
    from crmkit.adapters import files as exports
    from crmkit.adapters.account import Account
    from crmkit.adapters.file_account import account_of

    rules = parse.load(_adapter(system, adapter))
    if adapter is not None:
        rules = replace(rules, system=system)
    if file_format not in ("csv", "parquet"):
        raise UsageError(f"There is no format {file_format!r}; csv or parquet.")
    sources, target = [str(source) for source in sources], Path(to)
    if not sources:
        raise UsageError("Nothing was given to import: name the folder or the files of the export.")
    paths, files_left_out = exports.find(rules, sources)
    writing.check_target(
        target, [Path(s) for s in sources if Path(s).exists()] + [p for f in paths.values() for p in f]
    )

    size = sum(archives.size_bytes(path) for group in paths.values() for path in group)
    with _database(size) as con:
        staged = {
            alias: reading.stage(
                con, alias, files, _with_encoding(rules.files[alias].reading, encoding), rules.files[alias].has
            )
            for alias, files in paths.items()
        }
        tables, missing, used = _tables(con, rules, staged, file_format)
        if not tables:
            raise DataError(f"None of the tables of {rules.title} could be made from what was given.")
        company = _settings(con, rules, staged)
        files = tuple(
            account_of(f, tuple(h for h in f.headers if (alias, h) not in used))
            for alias, group in staged.items()
            for f in group.files
        )  # fmt: skip
        left_out = tuple(path.name for path in files_left_out)
        account = Account(
            rules.system, rules.title, rules.path.name, str(to), company, files, tables, left_out, missing
        )

        def fill(folder: Path) -> dict[str, Any]:
            for written in tables:
                writing.table(con, f"out_{written.name}", folder / written.file)
            (folder / "crm.toml").write_text(writing.settings(company), encoding="utf-8", newline="\n")
            return account.as_dict()

        writing.whole(target, fill)
    return account


def _adapter(system: str, given: str | Path | None) -> Path:
    if given is not None:
        return Path(given).expanduser()
    known = systems()
    if system not in known:
        near = get_close_matches(system, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UsageError(
            f"There is no adapter for {system!r}.{hint} There are: {', '.join(known)}. "
            "For another CRM write one, as maven.toml shows, and give it by --adapter."
        )
    return known[system]


def _with_encoding(rules: Any, encoding: str) -> Any:
    return replace(rules, encoding=encoding) if encoding else rules


@contextmanager
def _database(size_bytes: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB database that is gone afterwards: in memory, or on disk for an export that could outgrow memory."""
    import duckdb

    with tempfile.TemporaryDirectory(prefix="crmkit-import-") as folder:
        con = duckdb.connect(":memory:" if size_bytes <= _IN_MEMORY else str(Path(folder) / "import.duckdb"))
        try:
            yield con
        finally:
            con.close()


def _tables(
    con: duckdb.DuckDBPyConnection, rules: Adapter, staged: dict, file_format: str
) -> tuple[tuple[TableWritten, ...], dict[str, str], set[tuple[str, str]]]:
    """Make each table from its parts whose files are there; say why others aren't, and which headers were used."""
    from crmkit.adapters import build
    from crmkit.adapters.account import TableWritten

    written, missing, number = [], {}, 0
    used = {
        (rule.file, staged[rule.file].find([name]))
        for rule in rules.crm_from_files.values()
        for name in (rule.key, rule.value)
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


def _settings(con: duckdb.DuckDBPyConnection, rules: Adapter, staged: dict) -> dict[str, Any]:
    """Return what crm.toml is to say; as_of by the adapter's rule is the latest day in the columns it names."""
    from crmkit.adapters import settings

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
