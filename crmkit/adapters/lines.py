"""Where a table stands among the lines of a text: its delimiter, its header, its first row and its end."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import chain, islice
from typing import TextIO

from crmkit.adapters.spec import DELIMITERS, Reading
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


@dataclass(frozen=True)
class Place:
    """Where a table begins in a text.

    Attributes
    ----------
    delimiter : str
    headers : tuple of str
    first_line : int
        The line on which the rows begin.
    before : tuple of str
        The lines before the header that say something, as they stand there.
    under : int
        Rows under the header that are no data.
    """

    delimiter: str
    headers: tuple[str, ...]
    first_line: int
    before: tuple[str, ...] = ()
    under: int = 0


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


def locate(text: TextIO, reading: Reading, wanted: Iterable[tuple[str, ...]] = ()) -> Place:
    """Find the table in a text that is read from its beginning.

    Parameters
    ----------
    text : TextIO
        Opened with newline="".
    reading : Reading
        What the adapter says: skip_lines, section, comment, header, headers, skip_after_header, delimiter.
    wanted : iterable of tuple of str
        Headers, each in all its spellings, by which the header line is known where `reading.header` doesn't say any.

    Raises
    ------
    DataError
        Where the section, the header or one delimiter can't be found. The text begins with what is wrong, after
        which the caller puts the file's name.
    """
    before, number, delimiter = [], 0, reading.delimiter
    for line in islice(text, reading.skip_lines):
        number += 1
        before.append(line)
    rest: Iterator[str] = iter(text)
    first = next(rest, "")
    if found := _SEP.match(first):
        number, delimiter = number + 1, delimiter or found[1]
    else:
        rest = chain([first], rest)
    if reading.section:
        for line in rest:
            number += 1
            before.append(line)
            if fits([line.strip().strip("\"',;|\t ")], [reading.section]):
                break
        else:
            raise DataError(f"has no line {reading.section!r}, after which the table would begin.")
    window: list[str] = []
    for line in rest:
        if not window and (not line.strip(SPACE + ',;|"') or (reading.comment and line.startswith(reading.comment))):
            number += 1
            before.append(line)
            continue
        window.append(line)
        if len(window) >= _WINDOW:
            break
    return _header(window, reading, tuple(reading.header or wanted), delimiter, number, before)


def _header(
    window: list[str],
    reading: Reading,
    wanted: tuple[tuple[str, ...], ...],
    delimiter: str,
    number: int,
    before: list[str],
) -> Place:
    """Find header and delimiter among the lines that follow line `number`."""
    found = {}
    for choice in [delimiter] if delimiter else list(DELIMITERS):
        parsed = list(records(window, choice, number + 1, cut=True))
        at = 0
        if wanted and not reading.headers:
            at = next((i for i, (_, cells) in enumerate(parsed) if holds(cells, wanted)), -1)
        if at >= 0:
            found[choice] = parsed[at:]
    if not found and reading.header:
        lines = "".join(f"\n  {number + i}: {line.strip()[:100]}" for i, line in enumerate(window[:5], 1))
        raise DataError(
            f"has no line with the headers {words(wanted)} among its first {_WINDOW:,} lines, which "
            f"begin:{lines}\nCorrect header in the adapter, or give the file that has them."
        )
    if not found:
        return _header(window, reading, (), delimiter, number, before)
    choice = delimiter or _delimiter(found)
    parsed = found[choice]
    if not parsed:
        raise DataError("has no header: nothing but empty lines.")
    start, headers = parsed[0]
    before += window[: start - number - 1]
    if reading.headers:
        headers, data = list(reading.headers), parsed
    else:
        data = parsed[1:]
    under = min(reading.skip_after_header, len(data))
    data = data[under:]
    last = number + len(window) + 1
    first_line = data[0][0] if data else last
    said = tuple(line.strip() for line in before if line.strip(SPACE + ',;|"'))
    return Place(choice, tuple(h.strip(SPACE) for h in headers), first_line, said, under)


def locate_rows(rows: Iterable[Record], reading: Reading, wanted: Iterable[tuple[str, ...]] = ()) -> Place:
    """Find the table among the rows of a sheet; as `locate`, where cells are parted already.

    Raises
    ------
    DataError
        Where the section or the header can't be found.
    """
    rest, before = iter(rows), []
    wanted = tuple(reading.header or wanted)
    skipped = list(islice(rest, reading.skip_lines))
    if reading.section:
        for row in rest:
            skipped.append(row)
            if fits(row[1], [reading.section]):
                break
        else:
            raise DataError(f"has no row {reading.section!r}, after which the table would begin.")
    found: Record | None = None
    first: Record | None = None
    for number, row in enumerate(rest):
        comment = reading.comment and row[1] and row[1][0].startswith(reading.comment)
        if shown(row[1]) and not comment:
            first = first or row
            if reading.headers or not wanted or holds(row[1], wanted):
                found = row
                break
        skipped.append(row)
        if number >= _WINDOW:
            break
    if found is None and reading.header:
        raise DataError(
            f"has no row with the headers {words(wanted)} among its first {_WINDOW:,}. "
            "Correct header in the adapter, or give the file that has them."
        )
    found = found or first
    if found is None:
        raise DataError("has no header: nothing but empty rows.")
    before = tuple(shown(cells) for line, cells in skipped if line < found[0] and shown(cells))
    if reading.headers:
        return Place(
            "", tuple(reading.headers), found[0] + reading.skip_after_header, before, reading.skip_after_header
        )
    headers = tuple(cell.strip(SPACE) for cell in found[1])
    return Place("", headers, found[0] + 1 + reading.skip_after_header, before, reading.skip_after_header)


def _delimiter(found: dict[str, list[Record]]) -> str:
    """Choose the delimiter by which the header and the first rows have the same number of cells, more than one."""
    scores = {}
    for choice, parsed in found.items():
        sample = [cells for _, cells in parsed[:_SAMPLE] if cells]
        width = len(sample[0]) if sample else 0
        if width > 1:
            scores[choice] = (sum(len(cells) == width for cells in sample) / len(sample), width)
    if not scores:
        return next(iter(found))
    best = max(scores.values())
    winners = [choice for choice, score in scores.items() if score == best]
    if len(winners) > 1:
        names = " and ".join(DELIMITERS[choice] for choice in winners)
        raise DataError(f'could be delimited by {names}; write delimiter = "…" under [read] in the adapter.')
    return winners[0]


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
