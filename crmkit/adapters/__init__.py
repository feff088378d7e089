"""Imports: a CRM's export in, the tables of a CRM out. One TOML file a product says how; `maven.toml` is explained."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from crmkit.errors import UsageError

if TYPE_CHECKING:
    from crmkit.adapters.account import Account
    from crmkit.adapters.candidates import Recognised
    from crmkit.adapters.spec import Adapter

__all__ = ["recognise", "run", "systems", "text_of", "titles"]

_HERE = Path(__file__).parent


def systems() -> dict[str, Path]:
    """Return the CRM products that can be imported, each with its adapter: every TOML file of this folder.

    Examples
    --------
    >>> "maven" in systems()
    True
    """
    return {path.stem: path for path in sorted(_HERE.glob("*.toml"))}


def titles() -> dict[str, str]:
    """Return the CRM products that can be imported, each with its name in full.

    Examples
    --------
    >>> titles()["maven"]
    'Maven Analytics, CRM sales opportunities'
    """
    from crmkit.adapters import extend

    return {name: extend.read(path).get("title", name) for name, path in systems().items()}


def recognise(sources: Iterable[str | Path]) -> Recognised:
    """Say which product wrote an export, from its files' names and headers, and how sure that is.

    Parameters
    ----------
    sources : iterable of str or Path
        Folders or files of the export; they are only read.

    Returns
    -------
    Recognised
        `.candidates`, the best first, `.clear`, `.system` where one is clearly ahead, and `.text()` for people.

    Raises
    ------
    UsageError
        Where a source doesn't exist.
    DataError
        Where there are no files.
    """
    from crmkit.adapters.recognition import recognise as found

    return found(sources, systems())


def text_of(system: str) -> str:
    """Return an adapter as it is written, to be read, copied or extended.

    Raises
    ------
    UsageError
        Where there is no such adapter.

    Examples
    --------
    >>> text_of("maven").splitlines()[5]
    'title = "Maven Analytics, CRM sales opportunities"'
    """
    return _adapter(system, None).read_text(encoding="utf-8")


def run(
    system: str,
    sources: Iterable[str | Path],
    to: str | Path | None,
    *,
    adapter: str | Path | None = None,
    encoding: str = "",
    delimiter: str = "",
    dates: str | Iterable[str] = (),
    decimal: str = "",
    thousands: str = "",
    timezone: str = "",
    currency: str = "",
    name: str = "",
    as_of: str = "",
    columns: Iterable[str] = (),
    keep: Iterable[str] = (),
    skip_bad_rows: bool = False,
    file_format: Literal["csv", "parquet"] = "csv",
) -> Account:
    """Turn a CRM's export into the tables of a CRM, with a crm.toml beside them, and say what was done.

    The source files are only read. The target appears whole or not at all, may be a former import, and gets the same
    bytes from the same files, adapter and options. Rows keep the order of the files.

    Parameters
    ----------
    system : str
        The product: one of `systems()`, "auto" to recognise it from the files, or any name where `adapter` is given.
    sources : iterable of str or Path
        Folders or files of the export; NAME=FILE where a file has a name that the adapter doesn't know.
    to : str or Path or None
        The folder to write; None writes nothing, and the account says what would be.
    adapter : str or Path, optional
        A TOML file of your own that says how the export is to be read.
    encoding : str
        The encoding of the files where it isn't UTF-8; it is never guessed.
    delimiter, decimal, thousands : str
        The marks between cells and in numbers, where they can't be told or the adapter has others.
    dates : str or iterable of str
        The order of day and month ("dmy", "mdy", "ymd") or a format; "TABLE.COLUMN=dmy" for one column.
    timezone, currency, name, as_of : str
        Settings for crm.toml; times with a zone are converted to `timezone`.
    columns : iterable of str
        "TABLE.COLUMN=HEADER": the header that a column comes from, where it isn't the adapter's.
    keep : iterable of str
        "TABLE.HEADER": a header that is carried as a column of text of its own.
    skip_bad_rows : bool
        Whether rows with too many cells are left out, counted and shown; else they stop the import.
    file_format : {"csv", "parquet"}
        CSV opens everywhere; Parquet keeps types and is smaller and faster.

    Returns
    -------
    Account
        `.text()` for people, `.as_dict()` for programs.

    Raises
    ------
    UsageError
        Where the system is unknown, the adapter or an option is wrong, or the target holds something else.
    DataError
        Where the export can't be read without guessing; the text names file, line, column, value and the way out.
    """
    from crmkit.adapters import importing, parse
    from crmkit.adapters.overrides import Said

    if file_format not in ("csv", "parquet"):
        raise UsageError(f"There is no format {file_format!r}; csv or parquet.")
    given = [str(source) for source in sources]
    if not given:
        raise UsageError("Nothing was given to import: name the folder or the files of the export.")
    said = Said(
        encoding, delimiter, decimal, thousands, (dates,) if isinstance(dates, str) and dates else tuple(dates),
        timezone, currency, name, as_of, tuple(columns), tuple(keep), skip_bad_rows,
    )  # fmt: skip
    if system == "auto" and adapter is None:
        system = recognise(given).system
    rules: Adapter = parse.load(_adapter(system, adapter), said)
    if adapter is not None:
        rules = replace(rules, system=system)
    return importing.run(rules, given, None if to is None else Path(to), file_format)


def _adapter(system: str, given: str | Path | None) -> Path:
    if given is not None:
        return Path(given).expanduser()
    known = systems()
    if system not in known:
        near = get_close_matches(system, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UsageError(
            f"There is no adapter for {system!r}.{hint} There are: {', '.join(known)}. `crmkit import auto SOURCE` "
            "says which fits. For another CRM write one, as maven.toml shows, and give it by --adapter."
        )
    return known[system]
