"""What an account of an import says of a file: how it was read, what was left out of it, and what looks wrong."""

from __future__ import annotations

from collections.abc import Iterator

from crmkit.adapters.account import FileRead
from crmkit.adapters.encoding import Seen
from crmkit.adapters.lines import Rows
from crmkit.adapters.source_file import SourceFile
from crmkit.adapters.workbooks import Cells


def account_of(file: SourceFile, columns_left_out: tuple[str, ...]) -> FileRead:
    """Return the account of a file that was read.

    Parameters
    ----------
    file : SourceFile
    columns_left_out : tuple of str
        Headers that no table uses.
    """
    counts = {
        "rows with empty cells only": file.met.empty,
        "lines before the header": len(file.place.before) if file.place else 0,
        "rows under the header": file.place.under if file.place else 0,
        "lines after the table": file.met.counts.get("after", 0),
        "rows with too many cells": file.met.counts.get("bad", 0),
    }
    return FileRead(
        file.path.name,
        file.alias,
        file.encoding or "workbook",
        file.delimiter,
        file.rows,
        file.size_bytes,
        file.sha256,
        columns_left_out,
        sheet=file.sheet,
        left_out={what: count for what, count in counts.items() if count},
        notes=tuple(_notes(file)),
        warnings=tuple(_warnings(file)),
    )


def _notes(file: SourceFile) -> Iterator[str]:
    """Yield what was done as it should be."""
    place, met = file.place, file.met
    if place and place.before:
        yield f"{_many(len(place.before), 'line')} before the header left out, the first: {_cut(place.before[0])!r}"
    if place and place.under:
        yield f"{_many(place.under, 'row')} under the header left out, which the adapter says are no data"
    if met.after:
        line, text = met.after[0]
        count = met.counts["after"]
        yield f"{_many(count, 'line')} after the table left out, the first (line {line}): {_cut(text)!r}"
    if met.empty:
        yield f"{_many(met.empty, 'row')} without a single filled cell left out"
    if met.long:
        yield f"{_many(met.counts['long'], 'row')} with more cells than the header, the ones beyond it empty"
    if file.other_sheets:
        yield f"sheets left out: {', '.join(file.other_sheets)}"


def _warnings(file: SourceFile) -> Iterator[str]:
    """Yield what somebody should look at."""
    yield from _odd_rows(file.met)
    yield from _odd_text(file.seen, file.encoding)
    yield from _odd_cells(file.cells)


def _odd_rows(met: Rows) -> Iterator[str]:
    """Yield what was odd about rows: too short, too long, or behind the end."""
    if met.short:
        line, text = met.short[0]
        yield (
            f"{_many(met.counts['short'], 'row')} with fewer cells than the header, the missing ones are empty; the "
            f"first in line {line}: {_cut(text)!r}. A line break inside a cell without quotation marks does that, too."
        )
    if met.bad:
        line, text = met.bad[0]
        yield (
            f"{_many(met.counts['bad'], 'row')} with more cells than the header left out, as you asked; the first in "
            f"line {line}: {_cut(text)!r}."
        )
    if likes := met.counts.get("like rows"):
        line, text = met.after[0]
        many = _many(likes, "line")
        yield f"the table ends before line {line} ({_cut(text)!r}), and {many} after it may be rows of it."


def _odd_text(seen: Seen, encoding: str) -> Iterator[str]:
    """Yield what was odd about characters: not to be seen, wrong, or lost."""
    if seen.controls.count:
        yield f"{_many(seen.controls.count, 'control character')} taken out, the first in line {seen.controls.line}."
    if seen.mojibake.count:
        yield (
            f"{_many(seen.mojibake.count, 'place')} read like text in a wrong encoding ({encoding}), the first in "
            f"line {seen.mojibake.line}: {_cut(seen.mojibake.text)!r}. If the file has another encoding, name it by "
            "--encoding; otherwise the text was spoilt before it was exported."
        )
    if seen.lost.count:
        yield (
            f"{_many(seen.lost.count, 'character')} lost before the export (\ufffd), the first in line "
            f"{seen.lost.line}: {_cut(seen.lost.text)!r}."
        )


def _odd_cells(cells: Cells) -> Iterator[str]:
    """Yield what was odd about the cells of a workbook."""
    if cells.mojibake_count:
        row, text = cells.mojibake[0]
        yield (
            f"{_many(cells.mojibake_count, 'cell')} spoilt by a wrong encoding before the workbook was written, the "
            f"first in row {row}: {_cut(text)!r}."
        )
    if cells.cut_count:
        row, text = cells.cut[0]
        yield (
            f"{_many(cells.cut_count, 'number')} of 16 and more digits, of which a spreadsheet keeps 15; the first in "
            f"row {row}: {text}. Where they are ids, export them as text."
        )
    if cells.errors:
        yield f"{_many(cells.errors, 'cell')} with an error such as #DIV/0! read as empty."
    if cells.uncomputed:
        yield (
            f"{_many(cells.uncomputed, 'formula')} without a value read as empty; open the workbook in a spreadsheet "
            "program and save it, so that they are computed."
        )


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
