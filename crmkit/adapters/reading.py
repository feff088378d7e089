"""Reading a CRM's files: their encoding, their delimiter, and their cells as text, none of them lost.

Cells stay text here; what they mean is said by the adapter and decided in `build`. A file is read as a stream into
DuckDB, so that its size is not bounded by memory.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from crmkit.adapters.spec import DELIMITERS, Reading
from crmkit.errors import DataError, UsageError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_CHUNK = 1 << 20
_SAMPLE = 200  # records looked at to find the delimiter
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CANDIDATES = ("cp932", "gb18030", "big5", "cp949", "cp1250", "cp1252", "cp1251", "iso8859-2")
_OTHER_KINDS = {
    b"PK\x03\x04": "an Excel workbook or a ZIP archive; save the sheet as CSV (UTF-8) or unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV (UTF-8)",
    b"\x1f\x8b": "compressed with gzip; unpack it",
    b"PAR1": "a Parquet file; crmkit opens its own tables as Parquet, an adapter reads text",
}


@dataclass(frozen=True)
class SourceFile:
    """One file of the export as it was read.

    Attributes
    ----------
    path : Path
    alias : str
        The adapter's short name for it.
    encoding, delimiter : str
    headers : tuple of str
        As written in the file.
    rows, size_bytes : int
    sha256 : str
    lines : int
        Lines of the file; one more than rows and lines before the header where no cell holds a line break.
    """

    path: Path
    alias: str
    encoding: str
    delimiter: str
    headers: tuple[str, ...]
    rows: int
    size_bytes: int
    sha256: str
    lines: int


@dataclass(frozen=True)
class Staged:
    """All files of one alias as one DuckDB table of text: columns c0, c1, … with their headers, and file and row."""

    table: str
    headers: Mapping[str, str]
    files: tuple[SourceFile, ...]

    def find(self, wanted: Iterable[str]) -> str | None:
        """Return the first of the headers wanted that is there, exactly or but for case and spaces."""
        for header in wanted:
            if header in self.headers:
                return header
            for there in self.headers:
                if _plain(there) == _plain(header):
                    return there
        return None


def _plain(header: str) -> str:
    return re.sub(r"\s+", " ", header).strip().casefold()


def stage(con: duckdb.DuckDBPyConnection, alias: str, paths: list[Path], reading: Reading) -> Staged:
    """Load all files of one kind into one table of text, matched by header.

    Raises
    ------
    DataError
        Where a file can't be read whole: wrong encoding, ragged rows, a header twice, an open quotation mark, …
    """
    files, parts, headers = [], [], {}
    for number, path in enumerate(paths):
        try:
            file = _open(path, alias, reading)
        except OSError as error:
            raise DataError(f"{path} can't be read: {error.strerror}.") from None
        for header in file.headers:
            headers.setdefault(header, f"c{len(headers)}")
        names = ", ".join(f"c{i} AS {headers[h]}" for i, h in enumerate(file.headers))
        part = f"stage_{alias}_{number}"
        try:
            con.register("incoming", _stream(file, reading))
            con.execute(
                f"CREATE TABLE {part} AS SELECT {number} AS _file, "
                f"CAST(row_number() OVER () AS BIGINT) AS _row, {names} FROM incoming"
            )
        except Exception as error:  # DuckDB passes the stream's own errors on as one of several kinds
            raise _unreadable(path, file, reading, error) from None
        finally:
            con.unregister("incoming")
        file = replace(file, rows=con.execute(f"SELECT count(*) FROM {part}").fetchone()[0])
        _check_whole(con, part, file, reading)
        files.append(file)
        parts.append(f"SELECT * FROM {part}")
    table = f"stage_{alias}"
    con.execute(f"CREATE VIEW {table} AS {' UNION ALL BY NAME '.join(parts)}")
    return Staged(table, headers, tuple(files))


def _open(path: Path, alias: str, reading: Reading) -> SourceFile:
    """Check a file's bytes and find its encoding, delimiter and headers."""
    encoding, digest, size, lines = _scan(path, reading.encoding)
    delimiter = reading.delimiter or _delimiter(path, encoding, reading.skip_lines)
    if reading.headers:
        headers = list(reading.headers)
    else:
        headers = next(_records(path, encoding, delimiter, reading.skip_lines), [])
        headers = [header.strip("\ufeff \t\r\n\u3000") for header in headers]
    if not any(headers):
        raise DataError(f"{path.name} has no header: line {reading.skip_lines + 1} is empty.")
    twice = sorted({h for h in headers if h and headers.count(h) > 1})
    if twice:
        places = [str(i) for i, h in enumerate(headers, 1) if h == twice[0]]
        raise DataError(
            f"{path.name} has the header {twice[0]!r} more than once, in columns {', '.join(places)}. "
            "Rename or remove one, so that it's clear which is meant."
        )
    headers = [header or f"(column {i})" for i, header in enumerate(headers, 1)]
    return SourceFile(path, alias, encoding, delimiter, tuple(headers), 0, size, digest, lines)


def _stream(file: SourceFile, reading: Reading) -> pa.RecordBatchReader:
    """Start a stream of a file's rows, all cells as text; a row of another width is an error."""
    import pyarrow as pa
    from pyarrow import csv as pacsv

    names = [f"c{i}" for i in range(len(file.headers))]
    return pacsv.open_csv(
        file.path,
        read_options=pacsv.ReadOptions(
            column_names=names,
            skip_rows=reading.skip_lines,
            skip_rows_after_names=0 if reading.headers else 1,
            use_threads=False,
            encoding="utf-8" if file.encoding == "utf-8-sig" else file.encoding,
        ),
        parse_options=pacsv.ParseOptions(delimiter=file.delimiter, newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )


def _scan(path: Path, named: str) -> tuple[str, str, int, int]:
    """Read all bytes once: the encoding holds for every one of them, or the error says where it doesn't."""
    with path.open("rb") as file:
        start = file.read(8)
        if not start.strip(b"\xef\xbb\xbf\r\n\t "):
            raise DataError(f"{path.name} is empty: not even a header.")
        for magic, what in _OTHER_KINDS.items():
            if start.startswith(magic):
                raise DataError(f"{path.name} isn't text but {what}.")
        by_bom = next((name for bom, name in _BOMS if start.startswith(bom)), "utf-8")
        try:
            encoding = codecs.lookup(named).name if named else by_bom
        except LookupError:
            raise UsageError(f"There is no encoding {named!r}; such as utf-8, cp932, gb18030, cp1250.") from None
        encoding = by_bom if encoding == "utf-8" else encoding
        file.seek(0)
        decoder, digest, size, lines = codecs.getincrementaldecoder(encoding)(), hashlib.sha256(), 0, 1
        last = ""
        while True:
            chunk = file.read(_CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                lines += error.object[: error.start].count(b"\n")
                raise _wrong_encoding(path, encoding, lines) from None
            if "\x00" in text:
                line = lines + text[: text.index("\x00")].count("\n")
                raise DataError(f"{path.name}, line {line} holds a NUL byte; the file is damaged or isn't text.")
            if not chunk:
                return encoding, digest.hexdigest(), size, lines - last.endswith("\n")
            digest.update(chunk)
            last = text
            size += len(chunk)
            lines += text.count("\n")


def _wrong_encoding(path: Path, encoding: str, line: int) -> DataError:
    """Offer the encodings that could be meant, each with the line as it would read; the choice is the user's."""
    with path.open("rb") as file:
        raw = next(text for number, text in enumerate(file, 1) if number == line)
    offers = []
    for candidate in _CANDIDATES:
        try:
            text = raw.decode(candidate).strip()
        except UnicodeDecodeError:
            continue
        if text.isprintable() or "\t" in text:
            offers.append(f"  {candidate:<10} {text[:70]}")
    shown = "\n".join(offers) or "  (none of the usual ones)"
    return DataError(
        f"{path.name}, line {line} is not {encoding.upper()}. It could be one of these; the line would read:\n{shown}\n"
        'Choose the one that reads well: --encoding NAME, or encoding = "NAME" under [read] in the adapter.'
    )


def _records(path: Path, encoding: str, delimiter: str, skip: int = 0) -> Iterator[list[str]]:
    with path.open(encoding=encoding, newline="") as file:
        for _ in range(skip):
            next(file, "")
        yield from csv.reader(file, delimiter=delimiter)


def _delimiter(path: Path, encoding: str, skip: int) -> str:
    """Find the delimiter by which the header and the first rows have the same number of cells, more than one."""
    with path.open(encoding=encoding, newline="") as file:
        for _ in range(skip):
            next(file, "")
        text = file.read(_CHUNK)
    scores = {}
    for delimiter in DELIMITERS:
        try:
            records = [r for r in islice(csv.reader(io.StringIO(text), delimiter=delimiter), _SAMPLE) if r]
        except csv.Error:
            continue
        width = len(records[0]) if records else 0
        if width > 1:
            scores[delimiter] = (sum(len(r) == width for r in records) / len(records), width)
    if not scores:
        return ","
    best = max(scores.values())
    winners = [delimiter for delimiter, score in scores.items() if score == best]
    if len(winners) > 1:
        names = " and ".join(DELIMITERS[d] for d in winners)
        raise DataError(
            f'{path.name} could be delimited by {names}; write delimiter = "…" under [read] in the adapter.'
        )
    return winners[0]


def _unreadable(path: Path, file: SourceFile, reading: Reading, error: Exception) -> DataError:
    """Say at which line rows stop having as many cells as the header, or pass the reader's own message on."""
    want, found = len(file.headers), []
    with path.open(encoding=file.encoding, newline="") as lines:
        for _ in range(reading.skip_lines):
            next(lines, "")
        rows = csv.reader(lines, delimiter=file.delimiter)
        start = reading.skip_lines + 1
        for row in rows:
            if row and len(row) != want:
                found.append((start, row))
            start = reading.skip_lines + rows.line_num + 1
    if not found:
        return DataError(f"{path.name} can't be read: {error}")
    line, row = found[0]
    more = f" ({len(found):,} such rows; the next in line {found[1][0]})" if len(found) > 1 else ""
    text, count = file.delimiter.join(row), "1 cell" if len(row) == 1 else f"{len(row)} cells"
    return DataError(
        f"{path.name}, line {line} has {count} where the header has {want}{more}: {text[:100]!r}. "
        "A delimiter or a line break inside a cell needs quotation marks around the cell; export the file again or "
        "correct the line. Lines before the header are skipped by skip_lines in the adapter."
    )


def _check_whole(con: duckdb.DuckDBPyConnection, part: str, file: SourceFile, reading: Reading) -> None:
    """Refuse a file whose last cell swallowed lines because its quotation mark never closes."""
    last = con.execute(f"SELECT * EXCLUDE (_file, _row) FROM {part} ORDER BY _row DESC LIMIT 1").fetchone()
    if not last or "\n" not in (last[-1] or ""):
        return
    with file.path.open(encoding=file.encoding, newline="") as lines:
        for _ in range(reading.skip_lines):
            next(lines, "")
        rows, start = csv.reader(lines, delimiter=file.delimiter, strict=True), 1
        try:
            for _ in rows:
                start = reading.skip_lines + rows.line_num + 1
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise DataError(
                    f"{file.path.name}: a quotation mark opened in the row of line {start} is never closed, so "
                    "the rest of the file would be one cell. Close it or double it."
                ) from None


def line_of(file: SourceFile, row: int, reading: Reading) -> int:
    """Return the line on which a row (counted from 1 after the header) starts; rows may span lines."""
    before = reading.skip_lines + (not reading.headers)
    if file.lines == file.rows + before:
        return row + before
    with file.path.open(encoding=file.encoding, newline="") as lines:
        for _ in range(reading.skip_lines):
            next(lines, "")
        rows = csv.reader(lines, delimiter=file.delimiter)
        start, seen = reading.skip_lines + 1, -1 if not reading.headers else 0
        for record in rows:
            seen += bool(record)
            if record and seen == row:
                return start
            start = reading.skip_lines + rows.line_num + 1
    return start
