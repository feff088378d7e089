"""The smallest workbooks of Excel's two binary formats that hold a table, made by hand: no library here writes them.

`xls` is BIFF8, the format of Excel 97-2003, in a compound file; `xlsb` is BIFF12, Excel's binary workbook, in a ZIP
archive. Both hold one sheet of texts, numbers and days, and nothing that a reader can do without: no fonts, no colours.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

Cell = str | float | date
_DAYS_FORMAT = 14  # the number of the built-in format that shows a number as a day
_EPOCH = date(1899, 12, 30)
_FORMATS = "http://schemas.openxmlformats.org"


def xls(path: Path, rows: Sequence[Sequence[Cell]], sheet: str = "Sheet1") -> Path:
    """Write rows as a workbook of Excel 97-2003."""
    begin = struct.pack("<HHHHII", 0x0600, 0x0005, 0x0DBB, 0x07CC, 0, 6)
    styles = b"".join(_biff(0x00E0, struct.pack("<HH16x", 0, form)) for form in (0, _DAYS_FORMAT))
    name = struct.pack("<BB", len(sheet), 1) + sheet.encode("utf-16-le")
    head = _biff(0x0809, begin) + _biff(0x0042, struct.pack("<H", 1200)) + styles
    place = len(head) + 4 + 6 + len(name) + 4  # where the sheet begins: after this record and the end of the globals
    book = head + _biff(0x0085, struct.pack("<IH", place, 0) + name) + _biff(0x000A, b"")
    begin = struct.pack("<HHHHII", 0x0600, 0x0010, 0x0DBB, 0x07CC, 0, 6)
    size = struct.pack("<IIHHH", 0, len(rows), 0, max(map(len, rows)), 0)
    cells = b"".join(_xls_cell(r, c, cell) for r, row in enumerate(rows) for c, cell in enumerate(row))
    book += _biff(0x0809, begin) + _biff(0x0200, size) + cells + _biff(0x000A, b"")
    path.write_bytes(_compound("Workbook", book))
    return path


def _biff(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _xls_cell(row: int, column: int, cell: Cell) -> bytes:
    if isinstance(cell, str):
        return _biff(0x0204, struct.pack("<HHHHB", row, column, 0, len(cell), 1) + cell.encode("utf-16-le"))
    style, number = (1, (cell - _EPOCH).days) if isinstance(cell, date) else (0, cell)
    return _biff(0x0203, struct.pack("<HHHd", row, column, style, number))


def _compound(name: str, stream: bytes) -> bytes:
    """Put a stream in a compound file of sectors of 512 bytes: header, table of sectors, names, and itself."""
    stream = stream.ljust(4096, b"\0")  # shorter ones would have to stand among the small sectors
    stream += b"\0" * (-len(stream) % 512)
    count = len(stream) // 512
    free, end, table = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16
    header += struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, end, 0, end, 0)
    header += struct.pack("<109I", 0, *[free] * 108)
    sectors = [table, end, *range(3, count + 2), end]
    assert len(sectors) <= 128, "one table of sectors holds 64 kB"
    entries = _entry("Root Entry", 5, end, 0, child=1) + _entry(name, 2, 2, len(stream)) + 2 * _entry("", 0, 0, 0)
    return header + struct.pack("<128I", *sectors, *[free] * (128 - len(sectors))) + entries + stream


def _entry(name: str, kind: int, start: int, size: int, child: int = 0xFFFFFFFF) -> bytes:
    text = (name + "\0").encode("utf-16-le") if name else b""
    none = 0xFFFFFFFF
    return text.ljust(64, b"\0") + struct.pack("<HBBIII36xIQ", len(text), kind, 1, none, none, child, start, size)


def xlsb(path: Path, rows: Sequence[Sequence[Cell]], sheet: str = "Sheet1") -> Path:
    """Write rows as a binary workbook."""
    kinds, links = f"{_FORMATS}/package/2006/content-types", f"{_FORMATS}/package/2006/relationships"
    office, excel = f"{_FORMATS}/officeDocument/2006/relationships", "application/vnd.ms-excel"
    styles = b"".join(_record(47, struct.pack("<HH12x", 0, form)) for form in (0, _DAYS_FORMAT))
    named = _record(156, struct.pack("<II", 0, 1) + _wide("rId1") + _wide(sheet))
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{kinds}">'
        f'<Default Extension="bin" ContentType="{excel}.sheet.binary.macroEnabled.main"/></Types>',
        "xl/_rels/workbook.bin.rels": f'<Relationships xmlns="{links}">'
        f'<Relationship Id="rId1" Type="{office}/worksheet" Target="worksheets/sheet1.bin"/></Relationships>',
        "xl/workbook.bin": _record(131) + _record(143) + named + _record(144) + _record(132),
        "xl/styles.bin": _record(617, struct.pack("<I", 2)) + styles + _record(618),
        "xl/worksheets/sheet1.bin": _sheet(rows),
    }  # fmt: skip
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    path.write_bytes(packed.getvalue())
    return path


def _sheet(rows: Sequence[Sequence[Cell]]) -> bytes:
    size = struct.pack("<IIII", 0, len(rows) - 1, 0, max(map(len, rows)) - 1)
    made = _record(129) + _record(148, size) + _record(145)
    for number, row in enumerate(rows):
        made += _record(0, struct.pack("<IIHHBBI", number, 0, 300, 0, 0, 0, 0))
        for column, cell in enumerate(row):
            style = struct.pack("<II", column, int(isinstance(cell, date)))
            if isinstance(cell, str):
                made += _record(6, style + _wide(cell))
            else:
                made += _record(5, style + struct.pack("<d", (cell - _EPOCH).days if isinstance(cell, date) else cell))
    return made + _record(146) + _record(130)


def _record(kind: int, data: bytes = b"") -> bytes:
    """Return a record: its kind and its size, each in groups of seven bits, and what it holds."""
    words = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    size = len(data)
    while True:
        words += bytes([size & 0x7F | (0x80 if size > 127 else 0)])
        size >>= 7
        if not size:
            return words + data


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")
