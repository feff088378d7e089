"""Where a table stands among the lines of a text: its delimiter, its header, its first row and its end."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import chain

from crmkit.adapters.spec import Reading
from crmkit.errors import DataError

SPACE = "\ufeff \t\r\n\u00a0\u2007\u202f\u3000"
_WINDOW = 1000  # lines looked at to find the header and the delimiter
_SAMPLE = 200  # records of them that are compared
_SHOWN = 3
_SEP = re.compile(r'^\ufeff*"?sep=(.)"?\s*$', re.IGNORECASE)
csv.field_size_limit(
    max(csv.field_size_limit(), 1 << 24)
)  # a note with its history is longer than the module's 131,072


Record = tuple[int, list[str]]


@dataclass
class Rows:
    """What was met among the rows of a table: how many, and which were not as wide as the header or not used."""

    rows: int = 0
    empty: int = 0
    short: list[tuple[int, str]] = field(default_factory=list)
    long: list[tuple[int, str]] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)
    after: list[tuple[int, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def note(self, kind: str, line: int, cells: list[str]) -> None:
        """Count a row of one kind and keep the first ones as examples."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        examples = getattr(self, kind)
        if len(examples) < _SHOWN:
            examples.append((line, shown(cells)))


def shown(cells: Iterable[str]) -> str:
    """Return some cells as a short text for a message."""
    return ", ".join(cell.strip(SPACE) for cell in cells if cell.strip(SPACE))[:100]


@lru_cache(10_000)
def plain(header: str) -> str:
    """Return a header without what makes no difference: case and spaces."""
    return re.sub(r"\s+", " ", header).strip(SPACE).casefold()


def like(text: str, pattern: str) -> bool:
    """Tell whether a text fits a pattern in which `*` stands for anything; case makes no difference.

    Examples
    --------
    >>> like("Grand Totals (5 records)", "grand totals*"), like("Amount [EUR]", "Amount [EUR]")
    (True, True)
    """
    return fnmatchcase(text.casefold(), pattern.casefold().replace("[", "[[]").replace("?", "[?]"))


def fits(cells: list[str], patterns: Iterable[str]) -> bool:
    """Tell whether a line begins as one of some patterns; "" is an empty line."""
    first = next((cell.strip(SPACE) for cell in cells if cell.strip(SPACE)), "")
    return any(like(first, pattern) if pattern else not first for pattern in patterns)


def holds(cells: Iterable[str], wanted: Iterable[tuple[str, ...]]) -> bool:
    """Tell whether a line holds all headers wanted, each in one of its spellings, in which `*` stands for anything."""
    there = [plain(cell) for cell in cells]
    return all(any(like(cell, plain(word)) for word in spellings for cell in there) for spellings in wanted)


def words(wanted: Iterable[tuple[str, ...]]) -> str:
    """Write headers that are wanted for a message."""
    return ", ".join(repr(spellings[0]) for spellings in wanted)


def records(lines: Iterable[str], delimiter: str, line: int = 1, *, cut: bool = False) -> Iterator[Record]:
    """Part a text into records, each with the number of its first line; an empty line is an empty record.

    With `cut` the text is only the beginning of one, and may end within a cell.

    Raises
    ------
    DataError
        Where a quotation mark is never closed, or closes in the midst of a cell some lines further down.
    """
    recent: list[str] = []  # the lines of the record that is read, or was last
    finished = False

    def taken() -> Iterator[str]:
        nonlocal finished
        for text in lines:
            if finished:
                recent.clear()
                finished = False
            recent.append(text)
            yield text

    reader = csv.reader(taken(), delimiter=delimiter)
    offset = start = begun = line
    try:
        for record in reader:
            finished, begun = True, start
            if len(recent) > 1 and not cut:
                _check_quotes(recent, start, delimiter)
            yield start, record
            start = offset + reader.line_num
    except csv.Error:
        raise DataError(
            f"line {start} has a cell of more than 16 million characters; is a quotation mark never closed?"
        ) from None
    if not cut:
        _check_quotes(recent, begun, delimiter)


def _check_quotes(text: list[str], line: int, delimiter: str) -> None:
    """Refuse a record in which a quotation mark swallows lines."""
    reader = csv.reader(io.StringIO("".join(text), newline=""), delimiter=delimiter, strict=True)
    try:
        for _ in reader:
            pass
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise DataError(
                f"line {line}: a quotation mark opened in the row of line {line} is never closed, so the rest of the "
                "file would be one cell. Close it or double it."
            ) from None
        if len(text) > 1:
            raise DataError(
                f"line {line}: a quotation mark opened in the row of line {line} closes in the midst of a cell of a "
                f"later line, so that {len(text)} lines would be one row. Close it or double it."
            ) from None


def table_rows(parsed: Iterable[Record], width: int, reading: Reading, met: Rows) -> Iterator[Record]:
    """Give each row of a table as many cells as its header, up to the table's end; count what isn't as it should be.

    Raises
    ------
    DataError
        Where a row has more filled cells than the header and `reading.skip_bad_rows` isn't set.
    """
    parsed = iter(parsed)
    for line, cells in parsed:
        if reading.ends and fits(cells, reading.ends):
            _rest(chain([(line, cells)], parsed), width, met)
            return
        row = cells if len(cells) == width else _even(line, cells, width, reading, met)
        if row:
            met.rows += 1
            yield line, row


def _even(line: int, cells: list[str], width: int, reading: Reading, met: Rows) -> list[str]:
    """Give a row as many cells as the header; an empty list where it is no row or can't be one."""
    if not shown(cells):
        return [""] * width if cells else []
    if len(cells) < width:
        met.note("short", line, cells)
        return cells + [""] * (width - len(cells))
    if not shown(cells[width:]):
        met.note("long", line, cells)
        return cells[:width]
    if reading.skip_bad_rows:
        met.note("bad", line, cells)
        return []
    raise DataError(
        f"line {line} has {len(cells)} cells where the header has {width}: {shown(cells)!r}. A delimiter or a line "
        "break inside a cell needs quotation marks around the cell; export the file again or correct the line. "
        "--skip-bad-rows leaves such rows out and counts them. Lines before the header are named by header or "
        "skip_lines in the adapter."
    )


def _rest(parsed: Iterable[Record], width: int, met: Rows) -> None:
    """Count what stands after the table's end, and how much of it looks like rows of the table."""
    for line, cells in parsed:
        if shown(cells):
            met.note("after", line, cells)
            if sum(bool(cell.strip(SPACE)) for cell in cells) > width / 2:
                met.counts["like rows"] = met.counts.get("like rows", 0) + 1
