"""Loading a file into DuckDB as a table of text, as a stream: a plain one at once, an uneven one row by row."""

from __future__ import annotations

import io
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from crmkit.adapters import archives, lines, markup, workbooks
from crmkit.adapters.cells import literal
from crmkit.adapters.encoding import CleanText, Seen
from crmkit.adapters.lines import Record, Rows
from crmkit.adapters.source_file import SourceFile
from crmkit.adapters.spec import Reading
from crmkit.errors import DataError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_BLOCK = 1 << 22  # bytes of text that are parsed at once; a row must fit
_BATCH = 20_000  # rows of the slower way that become one piece
_LARGE = 1 << 26  # bytes of a text from which its cells wait in a file, rather than in memory and where it overflows to


def open_text(path: Path, encoding: str, seen: Seen | None = None) -> io.TextIOWrapper:
    """Open the text of a file, decoded and clean."""
    raw = io.BufferedReader(CleanText(path, encoding, seen), 1 << 16)
    return io.TextIOWrapper(raw, encoding="utf-8", newline="")


def _records(
    file: SourceFile, seen: Seen | None = None, cells: workbooks.Cells | None = None, decimal: str = "."
) -> Iterator[Record]:
    """Return the rows of a file from the first, each with its line, as they stand there."""
    if file.kind == "workbook":
        yield from workbooks.rows(file.path, file.sheet, cells, first=file.first_line, decimal=decimal)
        return
    with open_text(file.path, file.encoding, seen) as text:
        if file.kind != "text":
            rows = ((line, row) for table, line, row in markup.rows(text, decimal) if str(table) == file.sheet)
            yield from islice(rows, file.first_line - 1, None)
            return
        for _ in islice(text, file.first_line - 1):
            pass
        yield from lines.records(text, file.delimiter, file.first_line)


def load(con: duckdb.DuckDBPyConnection, part: str, file: SourceFile, reading: Reading) -> SourceFile:
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
            filled = _filled(pa.RecordBatch.from_arrays([numbers, *batch.columns], schema=schema))
            met.rows += batch.num_rows
            met.empty += batch.num_rows - filled.num_rows
            yield filled

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
        batches = pa.RecordBatchReader.from_batches(schema, counted())
        if archives.size_bytes(file.path) > _LARGE and (folder := _overflow(con)):
            con.execute(f"CREATE VIEW {part} AS SELECT * FROM {_kept_in_file(folder / part, batches)}")
        else:
            con.register("incoming", batches)
            con.execute(f"CREATE TABLE {part} AS SELECT * FROM incoming")
    except Exception:  # DuckDB passes the stream's own errors on as one of several kinds; the slower way finds words
        if source.failure:
            raise source.failure from None
        con.execute(f"DROP TABLE IF EXISTS {part}")
        return False
    finally:
        con.unregister("incoming")
        source.close()
    if met.rows != seen.lines - file.first_line + 1 and _may_swallow(con, part, names):
        for _ in _records(file):  # raises where a quotation mark swallows lines
            pass
    return True


def _filled(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the rows with a filled cell; behind the row's number, mostly one column of cells tells that all have."""
    from pyarrow import compute

    empty = None
    for column in batch.columns[1:]:
        blank = compute.equal(column, "")
        empty = blank if empty is None else compute.and_(empty, blank)
        if not compute.any(empty).as_py():
            return batch
    return batch if empty is None else batch.filter(compute.invert(empty))


def _overflow(con: duckdb.DuckDBPyConnection) -> Path | None:
    """Return the folder to which DuckDB writes what outgrows its memory, where it has one."""
    folder = Path(con.execute("SELECT current_setting('temp_directory')").fetchone()[0])
    return folder if folder.is_dir() else None


def _kept_in_file(path: Path, batches: pa.RecordBatchReader) -> str:
    """Write rows of text into a file, and return it as SQL; memory holds one batch of them at a time."""
    from pyarrow import parquet

    with parquet.ParquetWriter(path, batches.schema, compression="lz4", use_dictionary=False) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return f"read_parquet({literal(str(path))})"


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
