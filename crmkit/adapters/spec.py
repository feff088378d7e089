"""What an adapter may say: the keys of a CRM product's TOML file, as data classes. `parse` reads and checks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EITHER = "\x1f"  # between the spellings of one header, where a list has several headers
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


@dataclass(frozen=True)
class Reading:
    """How cells are written in a file: `[read]` for all files, or keys of `[files.NAME]` for one.

    Attributes
    ----------
    encoding : str
        A Python codec name; "" is UTF-8 (with or without BOM), or UTF-16 where its BOM says so.
    delimiter : str
        "" finds it among comma, semicolon, tab and bar.
    decimal, thousands : str
        The marks in numbers; no thousands mark is accepted unless it is declared. "auto" decides both for a whole
        column, and "any" takes each thousands mark but the decimal one.
    dates : tuple of str
        Formats of which one holds for a whole column; "a | b" where both are found in one column. "dmy", "mdy" and
        "ymd" are any usual writing in that order; "auto" decides for a whole column.
    zone : str
        The time zone of times that name none, such as UTC; "" is the company's own.
    missing : tuple of str
        What stands for an empty cell.
    skip_lines : int
        Lines before the header.
    header : tuple of tuple of str
        Headers, each in all its spellings, by which the header line is found: the first line that holds them all.
    section : str
        The line after which the table begins, where one file holds several; `*` stands for anything.
    comment : str
        What lines before the header begin with.
    skip_after_header : int
        Rows under the header that are no data.
    ends : tuple of str
        What the first line after the table begins with; "" is an empty line.
    sheet : str
        The sheet of a workbook, or the number of a table of a page; "" and "*" are the first that has the headers.
    skip_bad_rows : bool
        Whether rows with more filled cells than the header are left out and counted, instead of being an error.
    headers : tuple of str
        The names of the columns where the file has no header.
    unreadable : float
        The share of a column's filled cells that may be unreadable; beyond it the column is refused.
    """

    encoding: str = ""
    delimiter: str = ""
    decimal: str = "."
    thousands: str = ""
    dates: tuple[str, ...] = ("iso",)
    zone: str = ""
    missing: tuple[str, ...] = ()
    skip_lines: int = 0
    header: tuple[tuple[str, ...], ...] = ()
    section: str = ""
    comment: str = ""
    skip_after_header: int = 0
    ends: tuple[str, ...] = ()
    sheet: str = ""
    skip_bad_rows: bool = False
    headers: tuple[str, ...] = ()
    unreadable: float = 0.05


@dataclass(frozen=True)
class FileSpec:
    """One kind of file in the export, by the short name that tables use."""

    alias: str
    names: tuple[str, ...]
    required: bool
    reading: Reading
    has: tuple[tuple[str, ...], ...] = ()  # headers by which it is known under any name, each in all its spellings


@dataclass(frozen=True)
class ColumnSpec:
    """How one column of a target table is made.

    One of `headers`, `combine`, `first_filled`, `sums`, `product`, `between`, `after`, `constant`, `row` says where a
    cell comes from; where the export has none of them, `absent` says why and the column stays empty. Then follow, in
    this order: `missing`, `id18`, `repairs`, `lookup`, `values`, `only_if`, the type, `times` or `share`, `minor_of`.
    `remark` is what a reader should know of the column. `split` and `part` take one piece of a cell; in a table that
    makes one row of several, `which` ("first", "last", "sum", "count", "min", "max") and `where` say which row's cell
    it is, or what becomes of all of them. `minus` are those of `sums` that are subtracted, `empty` is what an empty
    part of a sum counts as, `per` the unit of the time `between` two cells, or of the number `after` a time.
    """

    name: str
    type: str
    required: bool
    headers: tuple[str, ...] = ()
    combine: tuple[str, ...] = ()
    first_filled: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    product: tuple[str, ...] = ()
    between: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    per: str = ""
    empty: str = ""
    minor_of: str = ""
    minor_units: Mapping[str, float] = field(default_factory=dict)
    id18: bool = False
    share: bool = False
    constant: str | None = None
    row: bool = False
    absent: str = ""
    remark: str = ""
    separator: str = " "
    split: str = ""
    part: int = 0
    which: str = ""
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    repairs: Mapping[str, str] = field(default_factory=dict)
    lookup: tuple[str, str] | None = None
    take: tuple[str, ...] = ()
    pick: str = ""
    unmatched: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    otherwise: str | None = None
    only_if: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    times: float = 1.0
    reading: Reading = Reading()
    allowed: tuple[str, ...] = ()

    @property
    def working(self) -> bool:
        """Whether the column only serves others and isn't written."""
        return self.name.startswith("_")

    @property
    def wanted(self) -> tuple[str, ...]:
        """All headers that the column can be read from."""
        return self.headers or self.combine or self.first_filled or self.computed

    @property
    def computed(self) -> tuple[str, ...]:
        """The headers of the numbers or times that a number or time is computed from, if it is."""
        return self.sums or self.product or self.between or self.after


@dataclass(frozen=True)
class TableSpec:
    """One target table, or one part of it, made from one kind of file.

    Where the file has several rows of one thing, such as a ticket's history, `one_row_for` names the headers that say
    which rows belong together, and `in_order_of` the one that puts them in order. `if_there` are headers without which
    the part isn't made, `keep` those that are carried as columns of text, `unpivot` those of which each gives a row.
    `only` and `without` choose rows by the words under headers, or in working columns. `filled` are columns without
    which a row is left out. `part` is the name of one of several parts.
    """

    name: str
    file: str
    only: Mapping[str, tuple[str, ...]]
    without: Mapping[str, tuple[str, ...]]
    columns: tuple[ColumnSpec, ...]
    one_row_for: tuple[str, ...] = ()
    in_order_of: str = ""
    if_there: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    unpivot: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    part: str = ""

    @property
    def chosen_by(self) -> tuple[str, ...]:
        """The working columns, such as one that was looked up, by which rows are chosen like by a header."""
        own = {column.name for column in self.columns if column.working}
        return tuple(dict.fromkeys(name for name in (*self.only, *self.without) if name in own))


@dataclass(frozen=True)
class FromFile:
    """A setting of crm.toml that a file of the export says: from words under one header to numbers under another."""

    file: str
    key: str
    value: str
    times: float = 1.0

    @property
    def headers(self) -> tuple[tuple[str, ...], ...]:
        """Both headers, as those of other rules."""
        return (self.key,), (self.value,)


@dataclass(frozen=True)
class StagesOfFile:
    """The stages of crm.toml as a file of the export lists them, each header in all its spellings.

    Attributes
    ----------
    file : str
    key, order : tuple of str
        The stage's name, and the number by which stages are put in order.
    closed, won : tuple of str
        Whether a deal in it is closed, and whether it is won; without them every stage is open.
    unless : mapping of str to tuple of str
        Rows that are left out, such as stages that are deleted: words by header.
    """

    file: str
    key: tuple[str, ...]
    order: tuple[str, ...]
    closed: tuple[str, ...] = ()
    won: tuple[str, ...] = ()
    unless: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def headers(self) -> tuple[tuple[str, ...], ...]:
        """All headers that are read, each in all its spellings."""
        return self.key, self.order, self.closed, self.won, *((header,) for header in self.unless)


@dataclass(frozen=True)
class Adapter:
    """The whole of an adapter: what the TOML file of a CRM product says."""

    system: str
    title: str
    path: Path
    crm: Mapping[str, Any]
    as_of_latest: tuple[str, ...]
    files: Mapping[str, FileSpec]
    tables: tuple[TableSpec, ...]
    crm_from_files: Mapping[tuple[str, ...], FromFile | StagesOfFile] = field(default_factory=dict)
    extends: str = ""
