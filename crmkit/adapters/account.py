"""The account of an import: what was read, how, what was left out and what could not be read; nothing goes unsaid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


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


@dataclass(frozen=True)
class PartRead:
    """The rows that one kind of file gave to a table."""

    files: tuple[str, ...]
    rows_read: int
    rows: int
    left_out: dict[str, int]
    columns: tuple[ColumnRead, ...]
    columns_not_there: tuple[str, ...]
    one_row_for: tuple[str, ...] = ()
    rows_from_headers: tuple[str, ...] = ()


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
        found = [f"{file.name}: {warning}" for file in self.files for warning in file.warnings]
        for table in self.tables:
            if table.repeated:
                found.append(f"{table.name}: {_many(table.repeated, 'row')} repeating another row in full left out.")
            for part in table.parts:
                found += [
                    f"{table.name}: {_many(n, 'row')} left out by the rule {rule}." for rule, n in part.left_out.items()
                ]
                for column in part.columns:
                    found += [f"{table.name}.{column.name}: {line}" for line in _attention(column)]
        return found

    def text(self) -> str:
        """Write the account for people."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        rows = sum(table.rows for table in self.tables)
        yield f"{self.title}: {_many(len(self.tables), 'table')}, {_many(rows, 'row')} written to {self.to}"
        yield "The source files are as they were; outer spaces of cells were removed."
        yield ""
        yield "Files read"
        for file in self.files:
            kind = [file.encoding, _DELIMITERS.get(file.delimiter, repr(file.delimiter))] if file.delimiter else []
            kind += (
                [f"{'table' if file.encoding != 'workbook' else 'workbook, sheet'} {file.sheet}"] if file.sheet else []
            )
            yield f"  {file.name}: {_many(file.rows, 'row')} ({', '.join(kind)})"
            yield from (f"    {note}" for note in file.notes)
            if file.columns_left_out:
                yield f"    columns left out: {', '.join(file.columns_left_out)}"
        if self.files_left_out:
            yield f"  left out: {', '.join(self.files_left_out)}"
        for table in self.tables:
            yield ""
            yield f"{table.name}: {_many(table.rows, 'row')} in {table.file}"
            for part in table.parts:
                yield from _part(part)
            yield from (f"  not made: {why}" for why in table.parts_left_out)
        if self.tables_left_out:
            yield ""
            yield "Tables not in this export"
            yield from (f"  {name}: {why}" for name, why in self.tables_left_out.items())
        yield ""
        notes = self.attention()
        yield (
            "To know before you trust these tables" if notes else "Every cell was read, and every lookup found its row."
        )
        yield from (f"  - {note}" for note in notes)


def _part(part: PartRead) -> Iterator[str]:
    folded = f", one row for each {' and '.join(part.one_row_for)}" if part.one_row_for else ""
    yield f"  from {', '.join(part.files)}: {part.rows:,} of {_many(part.rows_read, 'row')}{folded}"
    width = max(len(column.name) for column in part.columns)
    for column in part.columns:
        share = "" if column.filled == column.rows else f", {column.filled:,} filled"
        yield f"    {column.name:<{width}}  {column.source} ({column.how}{share})"
        for kind, replaced in (("values", column.values), ("repaired", column.repairs)):
            if replaced:
                pairs = ", ".join(f"{r.value or 'empty'} → {r.became or 'empty'} ({r.cells:,})" for r in replaced)
                yield f"    {'':<{width}}    {kind}: {pairs}"
    if part.columns_not_there:
        yield f"    not in this export: {', '.join(part.columns_not_there)}"


def _attention(column: ColumnRead) -> Iterator[str]:
    empty = column.rows - column.filled
    if column.remark:
        yield f"{column.remark}."
    if column.note:
        yield f"empty: {column.note}."
    elif column.needed and empty - column.unread - column.sentinels - column.emptied > 0:
        yield f"{_many(empty, 'row')} of {column.rows:,} without a value; the rows were kept."
    if column.unread:
        examples = _shown(column.unread_examples)
        yield f"{_many(column.unread, 'cell')} could not be read and left empty, such as {examples}."
    if column.sentinels:
        examples = _shown(column.sentinel_examples)
        yield f"{_many(column.sentinels, 'cell')} with a day that stands for none left empty, such as {examples}."
    if column.unmatched or column.ambiguous:
        what = []
        if column.unmatched:
            what.append(f"{_many(column.unmatched, 'cell')} not found in {column.lookup}")
        if column.ambiguous:
            what.append(f"{_many(column.ambiguous, 'cell')} fitting several rows of {column.lookup}")
        result = "kept as they are" if column.lookup_kept else "left empty"
        yield f"{' and '.join(what)}, {result}, such as {_shown(column.lookup_examples)}."
    if column.emptied:
        yield f"{_many(column.emptied, 'cell')} left out by the rule on other columns (only_if)."


def _shown(examples: tuple[Example, ...]) -> str:
    return ", ".join(f"{e.value!r} ({e.file}, line {e.line})" for e in examples)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
