"""The account of an import: what was read, how, what was left out and what could not be read; nothing goes unsaid."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class FileRead:
    """A file of the export: how it was read, and its columns that no table uses.

    `left_out` counts lines and rows that are in no table, by kind; `notes` say in words what was done, `warnings` what
    somebody should look at.
    """

    name: str
    kind: str
    encoding: str
    delimiter: str
    rows: int
    size_bytes: int
    sha256: str
    columns_left_out: tuple[str, ...]
    sheet: str = ""
    left_out: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Replaced:
    """A value that became another, with the number of cells."""

    value: str
    became: str
    cells: int


@dataclass(frozen=True)
class Example:
    """A cell as it stands in a file, and its line."""

    file: str
    line: int
    value: str


@dataclass(frozen=True)
class ColumnRead:
    """One column of a table as it was made from one kind of file.

    Attributes
    ----------
    name, source, how : str
        The column, the header or rule it comes from, and how its cells were read.
    rows, filled : int
        Rows, and rows with a value.
    needed : bool
        Whether the table's contract asks for the column.
    unread : int
        Cells with a text that could not be read; they are empty now.
    sentinels : int
        Cells with a day that stands for none, such as 9999-12-31; they are empty now.
    unmatched, ambiguous : int
        Cells that a lookup found nowhere, or in several rows that differ.
    emptied : int
        Cells left out by an `only_if` rule.
    note, remark : str
        Why the column is empty, and what else a reader should know of it, as the adapter says.
    """

    name: str
    source: str
    how: str
    rows: int = 0
    filled: int = 0
    needed: bool = False
    unread: int = 0
    unread_examples: tuple[Example, ...] = ()
    sentinels: int = 0
    sentinel_examples: tuple[Example, ...] = ()
    repairs: tuple[Replaced, ...] = ()
    values: tuple[Replaced, ...] = ()
    lookup: str = ""
    unmatched: int = 0
    ambiguous: int = 0
    lookup_examples: tuple[Example, ...] = ()
    lookup_kept: bool = False
    emptied: int = 0
    note: str = ""
    remark: str = ""

    @property
    def worth_knowing(self) -> bool:
        """Whether some of its cells were not found, not clear or not read."""
        return bool(self.unread or self.sentinels or self.unmatched or self.ambiguous)


@dataclass(frozen=True)
class PartRead:
    """The rows that one kind of file gave to a table.

    `working` are columns that only served others and of which there is something to know.
    """

    files: tuple[str, ...]
    rows_read: int
    rows: int
    left_out: dict[str, int]
    columns: tuple[ColumnRead, ...]
    columns_not_there: tuple[str, ...]
    one_row_for: tuple[str, ...] = ()
    rows_from_headers: tuple[str, ...] = ()
    working: tuple[ColumnRead, ...] = ()


@dataclass(frozen=True)
class TableWritten:
    """A table that was written: its file, its rows, the parts it was made from, and why others weren't."""

    name: str
    file: str
    rows: int
    repeated: int
    parts: tuple[PartRead, ...]
    parts_left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Account:
    """What an import did, for people (`text()`) and for programs (`as_dict()`).

    Attributes
    ----------
    system, title, adapter : str
        The CRM product, its name in full and the adapter's file name.
    to : str
        The folder that was written.
    settings : dict
        What crm.toml says.
    files : tuple of FileRead
    tables : tuple of TableWritten
    files_left_out : tuple of str
        Files of the source folders that the adapter has no use for.
    tables_left_out : dict of str to str
        Tables that the adapter knows and this export doesn't hold, each with the reason.
    assumed : tuple of str
        What neither the export nor the adapter says and the numbers depend on.
    """

    system: str
    title: str
    adapter: str
    to: str
    settings: dict[str, Any]
    files: tuple[FileRead, ...]
    tables: tuple[TableWritten, ...]
    files_left_out: tuple[str, ...] = ()
    tables_left_out: dict[str, str] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the account as plain data that JSON can hold, without the name of the folder written."""
        found = asdict(self)
        del found["to"]
        return found

    def attention(self) -> list[str]:
        """List what the user should know before trusting the tables; empty where there is nothing."""
        from crmkit.adapters import account_words

        return account_words.attention(self)

    def decisions(self) -> list[str]:
        """List what only the user can decide, each with the way to say it; empty where there is nothing."""
        from crmkit.adapters import account_words

        return account_words.decisions(self)

    def text(self) -> str:
        """Write the account for people."""
        from crmkit.adapters import account_words

        return "\n".join(account_words.lines(self)) + "\n"
