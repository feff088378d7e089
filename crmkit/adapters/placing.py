"""Where a table begins in a text or a sheet: after which lines, under which header, parted by which delimiter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import TextIO

from crmkit.adapters.lines import SPACE, Record, fits, holds, records, shown, words
from crmkit.adapters.spec import DELIMITERS, Reading
from crmkit.errors import DataError

_WINDOW = 1000  # lines looked at to find the header and the delimiter
_SAMPLE = 200  # records of them that are compared
_SEP = re.compile(r'^\ufeff*"?sep=(.)"?\s*$', re.IGNORECASE)


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
    # an empty row says nothing, quoted or not; a quotation mark without its second is damage
    said = tuple(line.strip() for line in before if line.strip(SPACE + ',;|"') or line.count('"') % 2)
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
