"""Reading a CRM's files: where the table is in them, and its cells as text, none of them lost.

Cells stay text here; what they mean is said by the adapter and decided in `build`. A plain file is read as a stream
into DuckDB, so that its size is not bounded by memory; one with uneven rows or an end before its end takes a slower
way, row by row, a stream as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from crmkit.adapters import archives, lines, loading, markup, placing, workbooks
from crmkit.adapters.encoding import CONTROLS, encoding_of
from crmkit.adapters.lines import Record
from crmkit.adapters.loading import open_text
from crmkit.adapters.placing import Place
from crmkit.adapters.source_file import SourceFile, Staged
from crmkit.adapters.spec import Reading
from crmkit.errors import DataError

if TYPE_CHECKING:
    import duckdb

Wanted = Iterable[tuple[str, ...]]


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
            file = loading.load(con, part, file, reading)
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
    _refuse(path, start)
    if workbooks.is_workbook(path, start):
        kind, encoding = "workbook", ""
        sheet, others, place = _sheet(path, reading, has)
    elif markup.is_html(start) or markup.is_spreadsheet(start):
        kind = "spreadsheet" if markup.is_spreadsheet(start) else "page"
        encoding, others = encoding_of(path, start, reading.encoding or markup.charset(start)), ()
        sheet, place = _page(path, encoding, reading, has)
    else:
        kind, encoding, sheet, others = "text", encoding_of(path, start, reading.encoding), "", ()
        _refuse_binary(path, start, encoding)
        with open_text(path, encoding) as text:
            place = placing.locate(text, reading, has)
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
        twice=tuple((h, tuple(places)) for h, places in _places(place.headers).items() if len(places) > 1),
        place=place,
    )


def _refuse(path: Path, start: bytes) -> None:
    """Refuse a file that holds nothing, or what no adapter reads."""
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


def _refuse_binary(path: Path, start: bytes, encoding: str) -> None:
    """Refuse a file that is no text, by the characters at its beginning that no text has."""
    controls = len(start) - len(start.translate(None, CONTROLS))
    first = re.split(rb"[\r\n]", start.lstrip(b"\r\n"), maxsplit=1)[0]
    odd = controls > max(20, 0.1 * len(start)) or len(first) > len(first.translate(None, CONTROLS))
    if odd and not encoding.startswith(("utf-16", "utf-32")):
        raise DataError(f"{path.name} isn't text: {controls:,} of its first {len(start):,} bytes are no characters.")


def _named(headers: tuple[str, ...]) -> tuple[str, ...]:
    """Give columns a name of their own: by their place where they have none, or share it with another."""
    if not any(headers):
        raise DataError("has no header: its line is empty.")
    first = {header: places[0] for header, places in _places(headers).items()}
    named = [
        header if header and first[header] == place else f"{header} (column {place})".strip()
        for place, header in enumerate(headers, 1)
    ]
    return tuple(named)


def _places(headers: tuple[str, ...]) -> dict[str, list[int]]:
    """Return in which columns each header stands."""
    found: dict[str, list[int]] = {}
    for place, header in enumerate(headers, 1):
        if header:
            found.setdefault(header, []).append(place)
    return found


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
            place = placing.locate_rows(heads[name], reading, has)
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
        placing.locate_rows(heads[wanted[0]], reading, ()),
    )


def _page(path: Path, encoding: str, reading: Reading, has: Wanted) -> tuple[str, Place]:
    """Choose the table of a page: the one whose number is named, or the first that has the headers and rows."""
    tables: dict[str, list[Record]] = {}
    with open_text(path, encoding) as text:
        for table, line, row in markup.rows(text):
            tables.setdefault(str(table), []).append((line, row))
    choices = {number: rows for number, rows in tables.items() if reading.sheet in ("", "*", number)}
    if not choices:
        raise DataError(f"is a page with {len(tables)} tables; sheet = {reading.sheet!r} is none of them.")
    failure = None
    for number in sorted(choices, key=lambda number: len(choices[number]) < 2):
        numbered = [(at, row) for at, (_, row) in enumerate(choices[number], 1)]
        try:
            place = placing.locate_rows(numbered, reading, has)
        except DataError as error:
            failure = failure or error
            continue
        if not has or reading.headers or lines.holds(place.headers, has):
            return number, place
    if failure:
        raise failure
    number = min(choices, key=lambda number: len(choices[number]) < 2)
    return number, placing.locate_rows(list(enumerate((row for _, row in choices[number]), 1)), reading, ())
