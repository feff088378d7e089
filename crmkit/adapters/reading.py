"""Reading a CRM's files: where the table is in them, and its cells as text, none of them lost.

Cells stay text here; what they mean is said by the adapter and decided in `build`. A plain file is read as a stream
into DuckDB, so that its size is not bounded by memory; one with uneven rows or an end before its end takes a slower
way, row by row, a stream as well.
"""

from __future__ import annotations

import io
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from crmkit.adapters import archives, lines, markup, workbooks
from crmkit.adapters.encoding import CONTROLS, CleanText, Seen, encoding_of
from crmkit.adapters.lines import Place, Record, Rows
from crmkit.adapters.spec import Reading
from crmkit.errors import DataError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Wanted = Iterable[tuple[str, ...]]
_BLOCK = 1 << 22  # bytes of text that are parsed at once; a row must fit
_BATCH = 20_000  # rows of the slower way that become one piece


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
        """Return the first of the headers wanted that is there, exactly or but for case and spaces."""
        for header in wanted:
            if header in self.headers:
                return header
            for there in self.headers:
                if lines.plain(there) == lines.plain(header):
                    return there
        return None


def headers_of(path: Path, reading: Reading, has: Wanted = ()) -> list[str]:
    r"""Return the headers of a file by looking at its beginning, whatever kind of file it is.

    Parameters
    ----------
    path : Path
        A file, or a member of an archive.
    reading : Reading
    has : iterable of tuple of str
        Headers, each in all its spellings, by which sheet and header line are known where the adapter names neither.

    Raises
    ------
    DataError
        Where it can't be read as a table.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "deals.csv")
    >>> _ = path.write_text("Deal;Amount\n1;2,50\n", encoding="utf-8")
    >>> headers_of(path, Reading())
    ['Deal', 'Amount']
    """
    with _in_words(path):
        return list(_open(path, "", reading, has).headers)


def stage(con: duckdb.DuckDBPyConnection, alias: str, paths: list[Path], reading: Reading, has: Wanted = ()) -> Staged:
    """Load all files of one kind into one table of text, matched by header.

    Raises
    ------
    DataError
        Where a file can't be read whole: wrong encoding, a row with too many cells, a header twice, an open quotation
        mark, …
    """
    files, parts, headers = [], [], {}
    for number, path in enumerate(paths):
        part = f"stage_{alias}_{number}"
        with _in_words(path):
            file = _open(path, alias, reading, has)
            file = _load(con, part, file, reading)
        for header in file.headers:
            headers.setdefault(header, f"c{len(headers)}")
        names = ", ".join(f"c{i} AS {headers[header]}" for i, header in enumerate(file.headers))
        files.append(file)
        parts.append(f"SELECT {number} AS _file, _row, {names} FROM {part}")
    table = f"stage_{alias}"
    con.execute(f"CREATE VIEW {table} AS {' UNION ALL BY NAME '.join(parts)}")
    return Staged(table, headers, tuple(files))


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Put the file's name before what is wrong in it."""
    try:
        yield
    except DataError as error:
        text = str(error)
        if path.name in text:
            raise
        raise DataError(f"{path.name}{', ' if text.startswith('line ') else ' '}{text}") from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}.") from None


def _open(path: Path, alias: str, reading: Reading, has: Wanted) -> SourceFile:
    """Look at a file's beginning: its kind, encoding, delimiter, sheet and headers."""
    has = tuple(reading.header or has)
    with archives.open_bytes(path) as file:
        try:
            start = file.read(1 << 16)
        except archives.DAMAGED as error:
            raise archives.damaged(path, error) from None
    if not start.strip(b"\xef\xbb\xbf\xff\xfe\x00\r\n\t "):
        raise DataError(f"{path.name} is empty: not even a header.")
    if start.startswith(b"PAR1"):
        raise DataError(
            f"{path.name} isn't text but a Parquet file; crmkit opens its own tables as Parquet, an adapter reads text."
        )
    if start.startswith(archives.ZIP) and archives.members(path):
        raise DataError(
            f"{path.name} is a ZIP archive; give it by itself or in a folder, not under the name of a file."
        )
    controls = len(start) - len(start.translate(None, CONTROLS))
    if workbooks.is_workbook(path, start):
        kind, encoding = "workbook", ""
        sheet, others, place = _sheet(path, reading, has)
    elif markup.is_html(start) or markup.is_spreadsheet(start):
        kind = "spreadsheet" if markup.is_spreadsheet(start) else "page"
        encoding, others = encoding_of(path, start, reading.encoding or markup.charset(start)), ()
        sheet, place = _page(path, encoding, reading, has)
    else:
        kind, encoding, sheet, others = "text", encoding_of(path, start, reading.encoding), "", ()
        if controls > max(20, 0.1 * len(start)) and not encoding.startswith(("utf-16", "utf-32")):
            raise DataError(
                f"{path.name} isn't text: {controls:,} of its first {len(start):,} bytes are no characters."
            )
        with _text(path, encoding) as text:
            place = lines.locate(text, reading, has)
    return SourceFile(
        path,
        alias,
        kind,
        encoding,
        place.delimiter,
        _named(place.headers),
        place.first_line,
        sheet,
        others,
        place=place,
    )


def _named(headers: tuple[str, ...]) -> tuple[str, ...]:
    """Give columns without a header a name by their place; refuse a header that stands twice."""
    if not any(headers):
        raise DataError("has no header: its line is empty.")
    twice = sorted({header for header in headers if header and headers.count(header) > 1})
    if twice:
        places = [str(place) for place, header in enumerate(headers, 1) if header == twice[0]]
        raise DataError(
            f"has the header {twice[0]!r} more than once, in columns {', '.join(places)}. "
            "Rename or remove one, so that it's clear which is meant."
        )
    return tuple(header or f"(column {place})" for place, header in enumerate(headers, 1))


def _sheet(path: Path, reading: Reading, has: Wanted) -> tuple[str, tuple[str, ...], Place]:
    """Choose the sheet of a workbook: the one named, or the first that has the headers."""
    heads = workbooks.heads(path)
    if not heads:
        raise DataError("is a workbook without a sheet that holds anything.")
    wanted = [name for name in heads if lines.like(name, reading.sheet or "*")]
    if not wanted:
        raise DataError(f"has no sheet {reading.sheet!r}; there are {', '.join(heads)}.")
    failure = None
    for name in wanted:
        try:
            place = lines.locate_rows(heads[name], reading, has)
        except DataError as error:
            failure = failure or error
            continue
        if not has or reading.headers or lines.holds(place.headers, has):
            return name, tuple(other for other in heads if other != name), place
    if failure:
        raise failure
    return (
        wanted[0],
        tuple(other for other in heads if other != wanted[0]),
        lines.locate_rows(heads[wanted[0]], reading, ()),
    )


def _page(path: Path, encoding: str, reading: Reading, has: Wanted) -> tuple[str, Place]:
    """Choose the table of a page: the one whose number is named, or the first that has the headers and rows."""
    tables: dict[str, list[Record]] = {}
    with _text(path, encoding) as text:
        for table, line, row in markup.rows(text):
            tables.setdefault(str(table), []).append((line, row))
    choices = {number: rows for number, rows in tables.items() if reading.sheet in ("", "*", number)}
    if not choices:
        raise DataError(f"is a page with {len(tables)} tables; sheet = {reading.sheet!r} is none of them.")
    failure = None
    for number in sorted(choices, key=lambda number: len(choices[number]) < 2):
        numbered = [(at, row) for at, (_, row) in enumerate(choices[number], 1)]
        try:
            place = lines.locate_rows(numbered, reading, has)
        except DataError as error:
            failure = failure or error
            continue
        if not has or reading.headers or lines.holds(place.headers, has):
            return number, place
    if failure:
        raise failure
    number = min(choices, key=lambda number: len(choices[number]) < 2)
    return number, lines.locate_rows(list(enumerate((row for _, row in choices[number]), 1)), reading, ())


def _text(path: Path, encoding: str, seen: Seen | None = None) -> io.TextIOWrapper:
    raw = io.BufferedReader(CleanText(path, encoding, seen), 1 << 16)
    return io.TextIOWrapper(raw, encoding="utf-8", newline="")


def _records(
    file: SourceFile, seen: Seen | None = None, cells: workbooks.Cells | None = None, decimal: str = "."
) -> Iterator[Record]:
    """Return the rows of a file from the first, each with its line, as they stand there."""
    if file.kind == "workbook":
        yield from workbooks.rows(file.path, file.sheet, cells, first=file.first_line, decimal=decimal)
        return
    with _text(file.path, file.encoding, seen) as text:
        if file.kind != "text":
            rows = ((line, row) for table, line, row in markup.rows(text, decimal) if str(table) == file.sheet)
            yield from islice(rows, file.first_line - 1, None)
            return
        for _ in islice(text, file.first_line - 1):
            pass
        yield from lines.records(text, file.delimiter, file.first_line)


def _load(con: duckdb.DuckDBPyConnection, part: str, file: SourceFile, reading: Reading) -> SourceFile:
    """Load one file as a table of text with _row and c0, c1, …; rows in which every cell is empty are left out."""
    import duckdb

    met, seen, cells = Rows(), Seen(), workbooks.Cells()
    try:
        if file.kind != "text" or reading.ends or not _load_fast(con, part, file, met, seen):
            met, seen = Rows(), Seen()
            _load_row_by_row(con, part, file, reading, met, seen, cells)
    except duckdb.Error as error:
        raise DataError(f"could not be loaded: {error}") from None
    if file.kind == "workbook":
        workbooks.examine(file.path, cells)
        seen = workbooks.digest(file.path)
    numbers = set(cells.numbers) - set(cells.dates) - set(cells.others)
    if reading.decimal == "," and numbers:
        pointed = ", ".join(f"c{i} = replace(c{i}, ',', '.')" for i in sorted(numbers) if i < len(file.headers))
        con.execute(f"UPDATE {part} SET {pointed}")
    return replace(
        file,
        rows=met.rows - met.empty,
        size_bytes=seen.size_bytes,
        sha256=seen.sha256,
        lines=seen.lines,
        numeric=tuple(header for place, header in enumerate(file.headers) if place in numbers),
        met=met,
        seen=seen,
        cells=cells,
    )


def _load_fast(con: duckdb.DuckDBPyConnection, part: str, file: SourceFile, met: Rows, seen: Seen) -> bool:
    """Load a text in which every row is as wide as the header; return whether it is one."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv as pacsv

    names = [f"c{i}" for i in range(len(file.headers))]
    schema = pa.schema([("_row", pa.int64()), *((name, pa.string()) for name in names)])
    source = CleanText(file.path, file.encoding, seen)

    def counted() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            numbers = pa.array(np.arange(met.rows + 1, met.rows + batch.num_rows + 1, dtype=np.int64))
            met.rows += batch.num_rows
            yield pa.RecordBatch.from_arrays([numbers, *batch.columns], schema=schema)

    filled = "NOT (" + " AND ".join(f"{name} = ''" for name in names) + ")"
    try:
        reader = pacsv.open_csv(
            pa.PythonFile(source, mode="r"),
            read_options=pacsv.ReadOptions(
                column_names=names, skip_rows=file.first_line - 1, use_threads=False, block_size=_BLOCK
            ),
            parse_options=pacsv.ParseOptions(delimiter=file.delimiter, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
        con.register("incoming", pa.RecordBatchReader.from_batches(schema, counted()))
        con.execute(f"CREATE TABLE {part} AS SELECT * FROM incoming WHERE {filled}")
    except Exception:  # DuckDB passes the stream's own errors on as one of several kinds; the slower way finds words
        if source.failure:
            raise source.failure from None
        con.execute(f"DROP TABLE IF EXISTS {part}")
        return False
    finally:
        con.unregister("incoming")
        source.close()
    met.empty = met.rows - con.execute(f"SELECT count(*) FROM {part}").fetchone()[0]
    if met.rows != seen.lines - file.first_line + 1 and _may_swallow(con, part, names):
        for _ in _records(file):  # raises where a quotation mark swallows lines
            pass
    return True


def _may_swallow(con: duckdb.DuckDBPyConnection, part: str, names: list[str]) -> bool:
    """Tell whether a cell could hold other rows: one of several lines that has quotation marks or is the very last."""
    suspect = " OR ".join(f"(contains({name}, chr(10)) AND contains({name}, chr(34)))" for name in names)
    last = f"_row = (SELECT max(_row) FROM {part}) AND contains({names[-1]}, chr(10))"
    return bool(con.execute(f"SELECT 1 FROM {part} WHERE {suspect} OR ({last}) LIMIT 1").fetchone())


def _load_row_by_row(
    con: duckdb.DuckDBPyConnection,
    part: str,
    file: SourceFile,
    reading: Reading,
    met: Rows,
    seen: Seen,
    cells: workbooks.Cells,
) -> None:
    """Load a file whose rows need care: uneven ones, an end before the file's, a sheet, a page."""
    import pyarrow as pa

    names = [f"c{i}" for i in range(len(file.headers))]
    con.execute(f"CREATE TABLE {part} (_row BIGINT, {', '.join(f'{name} VARCHAR' for name in names)})")
    decimal = "," if reading.decimal == "," else "."
    rows = lines.table_rows(_records(file, seen, cells, decimal), len(names), reading, met)
    con.begin()
    try:
        for numbers, cells_of in _batches(rows, met):
            columns = [pa.array(cells_of[i :: len(names)], pa.string()) for i in range(len(names))]
            con.register("incoming", pa.Table.from_arrays([pa.array(numbers), *columns], names=["_row", *names]))
            con.execute(f"INSERT INTO {part} SELECT * FROM incoming")
            con.unregister("incoming")
    except BaseException:
        con.rollback()
        raise
    con.commit()


def _batches(rows: Iterable[Record], met: Rows) -> Iterator[tuple[array, list[str]]]:
    """Gather rows with a filled cell: their numbers, and all of their cells in one list, which costs least to keep."""
    numbers, cells = array("q"), []
    for number, (_, row) in enumerate(rows, 1):
        if not any(row):
            met.empty += 1
            continue
        numbers.append(number)
        cells += row
        if len(numbers) == _BATCH:
            yield numbers, cells
            numbers, cells = array("q"), []
    if numbers:
        yield numbers, cells


def line_of(file: SourceFile, row: int, reading: Reading) -> int:
    """Return the line on which a row (counted from 1 after the header) starts; rows may span lines."""
    if file.kind == "text" and not file.met.after and file.lines - file.first_line + 1 == file.met.rows:
        return row + file.first_line - 1
    return _starts(file, reading).line(row)


class _Starts:
    """The lines on which the rows of a file start, found as far as they are asked for."""

    def __init__(self, file: SourceFile, reading: Reading) -> None:
        self._rows = lines.table_rows(_records(file), len(file.headers), reading, Rows())
        self._lines = array("q")

    def line(self, row: int) -> int:
        while len(self._lines) < row:
            self._lines.append(next(self._rows)[0])
        return self._lines[row - 1]


@lru_cache(maxsize=4)
def _starts(file: SourceFile, reading: Reading) -> _Starts:
    return _Starts(file, reading)
