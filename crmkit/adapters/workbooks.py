"""Sheets of spreadsheet workbooks as rows of text: XLSX, XLSM, XLSB, XLS and ODS, under any file name.

Cells are typed there: a date becomes ISO text, a whole number loses its ".0", a truth value is true or false. A number
of 16 and more digits is written with an exponent, because a spreadsheet keeps only 15 of them: as a key it is refused.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from crmkit.adapters import archives
from crmkit.adapters.encoding import Seen, reads_wrong
from crmkit.errors import DataError

_XML_BYTES = 2**31  # a sheet beyond is no longer read in memory
_CELLS = 60_000_000
_HEAD = 1000  # rows in which the header must stand
_EXACT = 1e15  # a spreadsheet keeps 15 digits


@dataclass
class Cells:
    """What kinds of cells a sheet's columns hold, by place: numbers, dates, others; and cells that lost something."""

    numbers: dict[int, int] = field(default_factory=dict)
    dates: dict[int, int] = field(default_factory=dict)
    others: dict[int, int] = field(default_factory=dict)
    cut: list[tuple[int, str]] = field(default_factory=list)
    cut_count: int = 0
    mojibake: list[tuple[int, str]] = field(default_factory=list)
    mojibake_count: int = 0
    errors: int = 0
    uncomputed: int = 0


def is_workbook(path: Path, start: bytes) -> bool:
    """Tell by its content whether a file is a workbook."""
    if start.startswith(archives.OLE):
        return True
    return start.startswith(archives.ZIP) and not archives.members(path)


def heads(path: Path) -> dict[str, list[tuple[int, list[str]]]]:
    """Return the first rows of every sheet that can be seen and holds something, by the sheet's name.

    They are kept for the next question, because a sheet has to be read whole to know its beginning.

    Raises
    ------
    DataError
        Where the file is damaged, protected, or too large.
    """
    disk = archives.split(path)[0].stat()
    return dict(_heads(path, disk.st_mtime_ns, disk.st_size))


@lru_cache(maxsize=16)
def _heads(path: Path, *_: int) -> tuple[tuple[str, list[tuple[int, list[str]]]], ...]:
    book, found = _open(path), []
    for sheet in book.sheets_metadata:
        if str(sheet.visible).endswith("Visible") and "Work" in str(sheet.typ):
            cells = _guarded(path, book.get_sheet_by_name, sheet.name)
            if cells.start is not None:
                found.append((sheet.name, list(islice(_rows(path, cells, Cells(), 1, "."), _HEAD))))
    return tuple(found)


def rows(
    path: Path, sheet: str, met: Cells | None = None, *, first: int = 1, decimal: str = "."
) -> Iterator[tuple[int, list[str]]]:
    """Return the rows of a sheet as text from the row `first` on, each with its number in the sheet.

    Numbers have the mark `decimal`, as those have that stand as text among them.

    Raises
    ------
    DataError
        Where the sheet can't be read.
    """
    cells = _guarded(path, _open(path).get_sheet_by_name, sheet)
    yield from _rows(path, cells, met if met is not None else Cells(), first, decimal)


def _rows(path: Path, sheet: Any, met: Cells, first: int, decimal: str) -> Iterator[tuple[int, list[str]]]:
    found = _guarded(path, sheet.iter_rows)
    number = 0
    while (row := _guarded(path, next, found, None)) is not None:
        number += 1
        if number >= first:
            yield number, [_text(cell, place, number, met, decimal) for place, cell in enumerate(row)]


def digest(path: Path) -> Seen:
    """Return size and digest of a workbook's bytes."""
    data = _bytes(path).getvalue()
    return Seen(len(data), hashlib.sha256(data).hexdigest())


def examine(path: Path, met: Cells) -> None:
    """Count the cells of a workbook that hold an error or a formula that was never computed; both read as empty."""
    with _bytes(path) as file:
        if not zipfile.is_zipfile(file):
            return
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                if name.startswith("xl/worksheets/"):
                    for chunk in _chunks(archive, name):
                        met.errors += len(re.findall(rb'<c [^>]*t="e"', chunk))
                        met.uncomputed += len(re.findall(rb"</f>(?:<v></v>|<v/>)?</c>", chunk))


def _text(cell: Any, place: int, row: int, met: Cells, decimal: str) -> str:
    """Write a cell as text and count its kind."""
    kind, text = met.others, ""
    if isinstance(cell, str | bool):
        text = cell if isinstance(cell, str) else str(cell).lower()
        if not text.isascii() and reads_wrong(text):
            met.mojibake_count += 1
            if len(met.mojibake) < 3:
                met.mojibake.append((row, text))
    elif isinstance(cell, int | float):
        kind, text = met.numbers, _number(cell).replace(".", decimal)
        if abs(cell) >= _EXACT:
            met.cut_count += 1
            if len(met.cut) < 3:
                met.cut.append((row, text))
    elif isinstance(cell, dt.date):  # a datetime is one, too
        kind, text = met.dates, str(cell)
    elif isinstance(cell, dt.timedelta):
        seconds = round(abs(cell).total_seconds())
        sign = "-" if cell < dt.timedelta(0) else ""
        text = f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    else:
        text = str(cell)
    if text:
        kind[place] = kind.get(place, 0) + 1
    return text


def _number(cell: float) -> str:
    """Write a number with a point: a whole one without ".0", a long one with an exponent.

    >>> _number(3.0), _number(-2.50), _number(1234567890123456.0)
    ('3', '-2.5', '1.234567890123456E+15')
    """
    if abs(cell) >= _EXACT:
        return _exponent(cell)
    return str(int(cell)) if cell == int(cell) else _plain(cell)


def _plain(number: float) -> str:
    """Write a number without an exponent.

    >>> _plain(1e-07), _plain(12.1)
    ('0.0000001', '12.1')
    """
    text = repr(number)
    return format(number, f".{int(text.partition('e-')[2]) + len(text)}f").rstrip("0") if "e" in text else text


def _exponent(number: float) -> str:
    """Write a number as a spreadsheet shows a long one.

    >>> _exponent(1234567890123456789.0)
    '1.2345678901234568E+18'
    """
    digits, _, power = f"{number:.16e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}E+{int(power)}"


def _bytes(path: Path) -> Any:
    with archives.open_bytes(path) as file:
        return io.BytesIO(file.read())


def _open(path: Path) -> Any:
    import python_calamine as calamine

    try:
        data = _bytes(path)
        _check_size(path, data)
        return _guarded(path, calamine.CalamineWorkbook.from_filelike, data)
    except archives.DAMAGED as error:
        raise archives.damaged(path, error) from None


def _guarded(path: Path, call: Any, *given: Any) -> Any:
    """Call the workbook reader; what it raises, or panics with, becomes an error in words."""
    import python_calamine as calamine

    try:
        return call(*given)
    except calamine.PasswordError:
        raise DataError(f"{path.name} is a workbook protected by a password; save it without one.") from None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        raise DataError(
            f"{path.name} begins like a workbook or an archive and can't be read as one ({str(error)[:200]}). "
            "Open it in a spreadsheet program and save the sheet as CSV (UTF-8), or export it again."
        ) from None


def _check_size(path: Path, data: io.BytesIO) -> None:
    """Refuse a workbook that would not fit in memory, such as one with a single cell in the last corner."""
    if not zipfile.is_zipfile(data):
        data.seek(0)
        return
    with zipfile.ZipFile(data) as archive:
        total = sum(info.file_size for info in archive.infolist())
        if total > _XML_BYTES:
            raise DataError(f"{path.name} holds {total / 2**30:,.1f} GB; save its sheets as CSV (UTF-8).")
        for name in archive.namelist():
            if not name.startswith("xl/worksheets/sheet"):
                continue
            last_row, columns = 0, {b"A"}
            for chunk in _chunks(archive, name):
                columns.update(re.findall(rb'<c [^>]*?r="([A-Z]{1,3})', chunk))
                last_row = max([last_row, *map(int, re.findall(rb'<row [^>]*?r="(\d{1,7})"', chunk)[-1:])])
            width = max((len(column), column) for column in columns)[1]
            cells = last_row * _place(width)
            if cells > _CELLS:
                raise DataError(
                    f"{path.name} reaches to row {last_row:,} and column {width.decode()}, {cells:,} cells; delete "
                    "what stands far outside the table, or save the sheet as CSV (UTF-8)."
                )
    data.seek(0)


def _chunks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Read a part of the archive in pieces that end with a cell."""
    left = b""
    with archive.open(name) as file:
        while chunk := file.read(1 << 20):
            chunk = left + chunk
            end = chunk.rfind(b"</c>") + 4
            end = end if end > 3 else len(chunk)
            yield chunk[:end]
            left = chunk[end:]
    yield left


def _place(column: bytes) -> int:
    """Return the number of a column.

    >>> _place(b"A"), _place(b"Z"), _place(b"XFD")
    (1, 26, 16384)
    """
    place = 0
    for letter in column:
        place = place * 26 + letter - 64
    return place
