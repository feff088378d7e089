"""Any table, written in any dialect the world uses, comes back equal; a damaged file never answers with other rows."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zipfile
from functools import lru_cache

import duckdb
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from crmkit.adapters import archives, loading, reading
from crmkit.adapters.file_account import account_of
from crmkit.adapters.spec import Reading
from crmkit.errors import CrmkitError

_FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_LETTERS = st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff\ufffe\uffff")
_CELL = st.one_of(
    st.text(_LETTERS, max_size=8),
    st.sampled_from(
        ["", "a,b", "a;b", 'say "x"', "two\nlines", "\ttab|bar", "=1+1", "-10", "00123", "NA", "1,5", "'", " x "]
    ),
)
_ENCODED = {"cp1250": "aZż Łó", "cp932": "a髙橋①", "gb18030": "a北京€", "iso8859-2": "aŠł"}


@st.composite
def tables(draw, cell=_CELL):
    """Headers and rows: at least two columns, no header twice, no row without a filled cell."""
    width = draw(st.integers(2, 5))
    headers = [f"h{i}" for i in range(width)]
    rows = draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=12))
    return headers, [row for row in rows if any(row)]


def staged(path, rules=None):
    rules = rules or Reading()
    con = duckdb.connect()
    found = reading.stage(con, "x", [path], rules)
    rows = con.execute(f"SELECT * EXCLUDE (_file, _row) FROM {found.table} ORDER BY _row").fetchall()
    return found.files[0], [list(row) for row in rows]


@_FEW
@given(
    table=tables(),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    packed=st.booleans(),
    top=st.integers(0, 2),
)
def test_any_table_in_any_dialect_comes_back_equal(
    tmp_path, table, delimiter, encoding, line_end, quoting, packed, top
):
    headers, rows = table
    out = io.StringIO()
    out.write("".join(f"line {number} of a report{line_end}" for number in range(top)))
    if line_end == "\r":
        quoting = csv.QUOTE_ALL  # the writer would leave a line feed unquoted
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow(headers)
    writer.writerows(rows)
    content = out.getvalue().encode(encoding)
    path = tmp_path / "t.csv"
    path.write_bytes(gzip.compress(content) if packed else content)
    file, found = staged(path, Reading(header=(("h0",), ("h1",)), delimiter=delimiter))
    assert list(file.headers) == headers
    assert found == rows
    assert file.size_bytes == len(content)
    starts = [loading.line_of(file, row, Reading(delimiter=delimiter)) for row in range(1, len(rows) + 1)]
    assert starts == sorted(set(starts))
    # the delimiter is found, too, unless another one fits just as well
    try:
        file, found = staged(path, Reading(skip_lines=top))
    except CrmkitError:
        return
    if file.delimiter == delimiter:
        assert found == rows


@_FEW
@given(data=st.data(), encoding=st.sampled_from(sorted(_ENCODED)))
def test_any_table_in_an_encoding_that_is_named(tmp_path, data, encoding):
    headers, rows = data.draw(tables(st.text(st.sampled_from(_ENCODED[encoding]), max_size=6)))
    path = tmp_path / "t.csv"
    text = "\n".join(";".join(row) for row in [headers, *rows])
    path.write_bytes(text.encode(encoding))
    _, found = staged(path, Reading(encoding=encoding, delimiter=";"))
    assert found == rows


@settings(_FEW, max_examples=25)
@given(table=tables(st.one_of(_CELL, st.integers(-(10**14), 10**14), st.floats(-1e6, 1e6).map(lambda x: round(x, 4)))))
def test_any_table_of_a_workbook_comes_back_equal(tmp_path, table):
    xlsxwriter = pytest.importorskip("xlsxwriter")
    headers, rows = table
    path = tmp_path / "t.csv"
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([headers, *rows]):
            for place, cell in enumerate(row):
                if cell != "":
                    sheet.write(number, place, cell)
    _, found = staged(path)
    assert [[same(a) for a in row] for row in found] == [[same(b) for b in row] for row in rows]


def same(cell):
    """Return a number as a number, for 0.5 and 5E-1 are one, and a text as it is."""
    try:
        number = float(cell)
    except ValueError:
        return cell
    return number if math.isfinite(number) else cell  # a cell may say NAN or inf, and is text


VALID = ("id,name,note\n" + "".join(f'{n},"name {n}","two\nlines, of {n}"\n' for n in range(1, 30))).encode()


def workbook() -> bytes:
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(csv.reader(io.StringIO(VALID.decode()))):
            sheet.write_row(number, 0, row)
    return out.getvalue()


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("t.csv", VALID)
    return out.getvalue()


@lru_cache
def valid(kind):
    return {
        "text": lambda: VALID,
        "gzip": lambda: gzip.compress(VALID, mtime=0),
        "workbook": workbook,
        "archive": archive,
    }[kind]()


@settings(_FEW, max_examples=150)
@example(kind="archive", flips=[], cut=0.0078125, cutting=True)
@given(
    kind=st.sampled_from(["text", "gzip", "workbook", "archive"]),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=3),
    cut=st.floats(0, 1),
    cutting=st.booleans(),
)
def test_a_damaged_file_is_an_error_in_words_or_every_row_is_accounted_for(tmp_path, kind, flips, cut, cutting):
    raw = bytearray(valid(kind))
    for place, change in flips:
        raw[min(int(place * len(raw)), len(raw) - 1)] ^= change
    raw = bytes(raw[: int(cut * len(raw))] if cutting else raw)
    assume(raw != valid(kind))
    path = tmp_path / "t.csv"
    path.write_bytes(raw)
    try:
        inside = archives.members(path)
        file, rows = staged(inside[0] if inside else path)
    except CrmkitError as error:
        refusal = str(error)
    else:
        refusal = ""
    assert not refusal or "t.csv" in refusal
    if refusal:
        return
    account = account_of(file, ())
    left = account.left_out.get("rows with empty cells only", 0)
    assert len(rows) == account.rows
    if kind == "text":
        text = io.StringIO(
            raw.decode(file.encoding).translate(dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127])), newline=""
        )
        records = [record for record in csv.reader(text, delimiter=file.delimiter) if record]
        before = account.left_out.get("lines before the header", 0)
        assert account.rows + left + 1 + before == len(records)
    elif len(raw) < 4:  # not even the sign of an archive is left: a word of text, so a header
        assert len(rows) == 0
    elif kind != "workbook":  # what is packed has a checksum: it's whole or an error
        assert len(rows) == 29
    else:
        assert len(rows) + left <= 29 or account.warnings
