"""The files of an export as they were read: where the table stood, what was met, and all of a kind in one table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from crmkit.adapters import lines, workbooks
from crmkit.adapters.encoding import Seen
from crmkit.adapters.lines import Rows
from crmkit.adapters.placing import Place
from crmkit.errors import DataError


@dataclass(frozen=True)
class SourceFile:
    """One file of the export as it was read.

    Attributes
    ----------
    path : Path
        A member of an archive has a path as if the archive were a folder.
    alias : str
        The adapter's short name for it.
    kind : str
        "text", "workbook", "page" (HTML) or "spreadsheet" (one of 2003, written as XML).
    encoding, delimiter : str
        Of a text; a workbook has neither.
    sheet : str
        The sheet of a workbook, or the number of the table of a page.
    other_sheets : tuple of str
        Sheets of the workbook that were not read.
    headers : tuple of str
        As written in the file; a column without one is named by its place.
    first_line : int
        The line on which the rows begin.
    rows, size_bytes : int
    sha256 : str
    lines : int
        Lines of the file.
    numeric : tuple of str
        Headers of a workbook under which all filled cells are numbers, written with a point whatever the adapter says
        of marks.
    twice : tuple of (str, tuple of int)
        Headers that stand more than once, and in which columns. The second is called by its place; none may be used.
    place, met, seen, cells
        What was met while it was read: before the table, among its rows, in the text, in the cells of a workbook.
    """

    path: Path
    alias: str
    kind: Literal["text", "workbook", "page", "spreadsheet"]
    encoding: str
    delimiter: str
    headers: tuple[str, ...]
    first_line: int
    sheet: str = ""
    other_sheets: tuple[str, ...] = ()
    rows: int = 0
    size_bytes: int = 0
    sha256: str = ""
    lines: int = 0
    numeric: tuple[str, ...] = ()
    twice: tuple[tuple[str, tuple[int, ...]], ...] = ()
    place: Place | None = None
    met: Rows = field(default_factory=Rows, compare=False)
    seen: Seen = field(default_factory=Seen, compare=False)
    cells: workbooks.Cells = field(default_factory=workbooks.Cells, compare=False)

    @property
    def typed(self) -> bool:
        """Whether cells have types of their own: dates are ISO text then, and numbers have a point."""
        return self.kind in ("workbook", "spreadsheet")


@dataclass(frozen=True)
class Staged:
    """All files of one alias as one DuckDB table of text: columns c0, c1, … with their headers, and file and row."""

    table: str
    headers: Mapping[str, str]
    files: tuple[SourceFile, ...]

    @property
    def typed(self) -> bool:
        """Whether a file is a workbook, whose dates are ISO text besides what the adapter says of dates."""
        return any(file.typed for file in self.files)

    @property
    def numeric(self) -> frozenset[str]:
        """Headers under which every filled cell of every file is a workbook's number, with a point as decimal mark."""
        found = [set(file.headers) - set(file.numeric) for file in self.files]
        there = {header for file in self.files for header in file.numeric}
        return frozenset(there.difference(*found))

    def find(self, wanted: Iterable[str]) -> str | None:
        """Return the first of the headers wanted that is there, exactly or but for case and spaces.

        Raises
        ------
        DataError
            Where it stands more than once in a file.
        """
        for header in wanted:
            if header in self.headers:
                return self._once(header)
            for there in self.headers:
                if lines.plain(there) == lines.plain(header):
                    return self._once(there)
        return None

    def _once(self, header: str) -> str:
        for file in self.files:
            if found := dict(file.twice).get(header):
                places = ", ".join(map(str, found))
                raise DataError(
                    f"{file.path.name} has the header {header!r} more than once, in columns {places}. "
                    "Rename or remove one, so that it's clear which is meant."
                )
        return header
