# ruff: noqa: E501 (a case a line)
"""A corpus of files as the world writes them, one a line: what each must answer, in a right table or in words.

Each case is a name, the bytes, what the adapter says beside, and either the rows that must be read or a text that the
error must hold; then a text that the account of the file must hold.
"""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path

import duckdb
import pytest

from crmkit.adapters import loading, reading
from crmkit.adapters.file_account import account_of
from crmkit.adapters.spec import Reading
from crmkit.errors import CrmkitError, DataError, UsageError

PAIR = [("1", "a"), ("2", "b")]
TEXT = "id,name\n1,a\n2,b\n"
HEADER = (("id",), ("name",))


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def read(path: Path, rules: Reading | None = None, has=()):
    """Return the rows of a file, their lines, and the account of it."""
    rules = rules or Reading()
    con = duckdb.connect()
    staged = reading.stage(con, "x", [path], rules, has)
    file = staged.files[0]
    rows = con.execute(f"SELECT * EXCLUDE (_file) FROM {staged.table} ORDER BY _row").fetchall()
    found = [tuple(row[1:]) for row in rows]
    return found, [loading.line_of(file, row[0], rules) for row in rows], account_of(file, ()), file


def said(account) -> str:
    return "\n".join((*account.notes, *account.warnings))


# name: bytes, rules, rows or a text of the error, lines (None: not looked at), a text of the account
# fmt: off
READ = {
    "plain": (TEXT.encode(), {}, PAIR, [2, 3], ""),
    "one BOM": (b"\xef\xbb\xbf" + TEXT.encode(), {}, PAIR, [2, 3], ""),
    "two BOMs": (b"\xef\xbb\xbf" * 2 + TEXT.encode(), {}, PAIR, [2, 3], ""),
    "UTF-16 with its mark": (TEXT.encode("utf-16"), {}, PAIR, [2, 3], ""),
    "UTF-16 big endian": (b"\xfe\xff" + TEXT.encode("utf-16-be"), {}, PAIR, [2, 3], ""),
    "UTF-32": (TEXT.encode("utf-32"), {}, PAIR, [2, 3], ""),
    "UTF-16 named": (TEXT.encode("utf-16-le"), {"encoding": "utf-16-le"}, PAIR, [2, 3], ""),
    "a BOM outweighs the encoding named": (b"\xef\xbb\xbf" + TEXT.encode(), {"encoding": "cp932"}, PAIR, [2, 3], ""),
    "Shift-JIS": ("id,name\n1,株式会社髙橋①\n".encode("cp932"), {"encoding": "cp932"}, [("1", "株式会社髙橋①")], [2], ""),
    "GBK": ("id,name\n1,北京公司\n".encode("gbk"), {"encoding": "gbk"}, [("1", "北京公司")], [2], ""),
    "CP1250": ("id,name\n1,Łukasz\n".encode("cp1250"), {"encoding": "cp1250"}, [("1", "Łukasz")], [2], ""),
    "CRLF": (TEXT.replace("\n", "\r\n").encode(), {}, PAIR, [2, 3], ""),
    "CR alone": (TEXT.replace("\n", "\r").encode(), {}, PAIR, [2, 3], ""),
    "line ends mixed": (b"id,name\r\n1,a\r2,b\n", {}, PAIR, [2, 3], ""),
    "no line end at the end": (TEXT.rstrip().encode(), {}, PAIR, [2, 3], ""),
    "empty lines between": (b"\n\nid,name\n\n1,a\n\n\n2,b\n\n", {}, PAIR, [5, 8], ""),
    "semicolon": (TEXT.replace(",", ";").encode(), {}, PAIR, [2, 3], ""),
    "tab": (TEXT.replace(",", "\t").encode(), {}, PAIR, [2, 3], ""),
    "bar": (TEXT.replace(",", "|").encode(), {}, PAIR, [2, 3], ""),
    "sep= on top": (b"sep=;\r\nid;name\r\n1;a\r\n2;b\r\n", {}, PAIR, [3, 4], ""),
    "sep= after a BOM, in quotation marks": (b'\xef\xbb\xbf"sep=|"\nid|name\n1|a\n2|b\n', {}, PAIR, [3, 4], ""),
    "one column": (b"id\n1\n\n2\n", {}, [("1",), ("2",)], [2, 4], ""),
    "header only": (b"id,name\n", {}, [], [], ""),
    "header without its line end": (b"id,name", {}, [], [], ""),
    "no header": (b"1,a\n2,b\n", {"headers": ("id", "name")}, PAIR, [1, 2], ""),
    "header with a line break": (b'id,"name\nin full"\n1,a\n2,b\n', {}, PAIR, [3, 4], ""),
    "cells with line breaks": (b'id,name\n1,"a\nb"\n2,c\n', {}, [("1", "a\nb"), ("2", "c")], [2, 4], ""),
    "cells with HTML": (b'id,name\n1,"<p class=""x"">a,\r\nb</p>"\n', {}, [("1", '<p class="x">a,\r\nb</p>')], [2], ""),
    "quotation marks within a cell": (b'id,name\n1,24" screen\n2,b\n', {}, [("1", '24" screen'), ("2", "b")], [2, 3], ""),
    "a short row": (b"id,name\n1\n2,b\n", {}, [("1", ""), ("2", "b")], [2, 3], "1 row with fewer cells than the header, the missing ones are empty; the first in line 2: '1'"),
    "empty cells too many": (b"id,name\n1,a,\n2,b,,\n", {}, PAIR, [2, 3], "2 rows with more cells than the header, the ones beyond it empty"),
    "bad rows left out as asked": (b"id,name\n1,a\nx,y,z\n2,b\n", {"skip_bad_rows": True}, PAIR, [2, 4], "1 row with more cells than the header left out, as you asked; the first in line 3: 'x, y, z'"),
    "rows of empty cells": (b"id,name\n,\n1,a\n,\n2,b\n,,\n", {}, PAIR, [3, 5], "3 rows without a single filled cell left out"),
    "lines on top skipped": (b"Report\n\nid,name\n1,a\n2,b\n", {"skip_lines": 2}, PAIR, [4, 5], "1 line before the header left out, the first: 'Report'"),
    "header found": (b'"All, of it"\n"made 2026"\n\n"id";"name"\n1;a\n2;b\n', {"header": HEADER}, PAIR, [5, 6], "2 lines before the header left out"),
    "header found by a spelling": (b"Liste\nId,Nom\n1,a\n2,b\n", {"header": (("name", "nom"),)}, PAIR, [3, 4], "'Liste'"),
    "comments on top": (b"# GA4\n# ----\n\nid,name\n1,a\n2,b\n", {"comment": "#"}, PAIR, [5, 6], "2 lines before the header left out, the first: '# GA4'"),
    "rows under the header": (b'id,name\nText,"Name,\nin full"\n{id},{n}\n1,a\n2,b\n', {"skip_after_header": 2}, PAIR, [5, 6], "2 rows under the header left out"),
    "a foot": (b"id,name\n1,a\n2,b\n\nGrand total (2)\nConfidential\n", {"ends": ("", "Grand*")}, PAIR, [2, 3], "2 lines after the table left out, the first (line 5): 'Grand total (2)'"),
    "a foot that isn't one": (b"id,name\n1,a\n2,b\n\n3,c\n4,d\n", {"ends": ("",)}, PAIR, [2, 3], "the table ends before line 5 ('3, c'), and 2 lines after it may be rows of it"),
    "the second of stacked tables": (b"Accounts\nno,city\n1,Rome\n\nDeals (2),\nid,name\n1,a\n2,b\n\nCases\nid\n9\n", {"section": "deals*", "ends": ("",)}, PAIR, [7, 8], "4 lines before the header left out"),
    "NUL and control characters": (b"id,name\n1,a\x00\x01\n2,b\x1f\n", {}, PAIR, [2, 3], "3 control characters taken out, the first in line 2"),
    "a DOS end of file": (TEXT.encode() + b"\x1a", {}, PAIR, [2, 3], "1 control character taken out"),
    "UTF-8 written twice": ("id,name\n1,MÃ¼ller\n".encode(), {}, [("1", "MÃ¼ller")], [2], "1 place read like text in a wrong encoding (utf-8), the first in line 2"),
    "CP1250 read as Latin-1": ("id,name\n1,Šárka\n".encode("cp1250"), {"encoding": "latin-1"}, [("1", "\x8aárka")], [2], "read like text in a wrong encoding (iso8859-1)"),
    "characters lost before": ("id,name\n1,M\ufffdller\n".encode(), {}, [("1", "M\ufffdller")], [2], "1 character lost before the export"),
    "gzip": (gzip.compress(TEXT.encode()), {}, PAIR, [2, 3], ""),
    "a page named .xls": (b"<html><table><tr><th>id</th><th>name</th></tr><tr><td>1<td>a<tr><td>2<td>b</table>", {}, PAIR, None, ""),
    "a page in an encoding it names": ('<meta charset="windows-1250"><table><tr><td>id<td>name<tr><td>1<td>Łódź</table>'.encode("cp1250"), {}, [("1", "Łódź")], None, ""),
    "a spreadsheet of 2003": (b'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="Deals"><Table><Row><Cell><Data ss:Type="String">id</Data></Cell><Cell><Data ss:Type="String">name</Data></Cell><Cell><Data ss:Type="String">sum</Data></Cell></Row>\n<Row><Cell><Data ss:Type="String">1.5</Data></Cell><Cell ss:Index="3"><Data ss:Type="Number">2.5</Data><Comment><Data>why</Data></Comment></Cell></Row></Table></Worksheet></Workbook>', {"decimal": ","}, [("1.5", "", "2,5")], None, ""),
    "the second table of a page": (b"<table><tr><td>x</table><table><tr><td>id<td>name<tr><td>1<td>a<br>b</table>", {"header": HEADER}, [("1", "a\nb")], None, ""),
}
# fmt: on


@pytest.mark.parametrize("case", READ)
def test_an_odd_file_is_read(case, tmp_path):
    content, rules, rows, at, words = READ[case]
    path = tmp_path / "deals.csv"
    path.write_bytes(content)
    found, where, account, file = read(path, Reading(**rules))
    assert found == rows
    assert at is None or where == at
    assert words in said(account)
    assert file.rows == account.rows == len(rows)
    if not words:
        assert not account.warnings


# fmt: off
REFUSED = {
    "empty": (b"", {}, "deals.csv is empty: not even a header"),
    "a BOM alone": (b"\xef\xbb\xbf\r\n", {}, "is empty: not even a header"),
    "empty lines": (b"\n\n,,\n", {}, "deals.csv has no header: nothing but empty lines"),
    "too many cells": (b"id,name\n1,a\n2,b,c\n", {}, "deals.csv, line 3 has 3 cells where the header has 2: '2, b, c'"),
    "too many cells far down": (b"id,name\n" + b"1,a\n" * 9000 + b"2,b,c\n", {}, "deals.csv, line 9002 has 3 cells"),
    "a quotation mark never closed": (b'id,name\n1,"a\n2,b\n', {}, "opened in the row of line 2 is never closed"),
    "one never closed in a short row": (b'id,name,x\n1,a,b\n2,"b\n3,c,d\n', {}, "row of line 3 is never closed"),
    "one closed in the midst": (b'id,name,n\n1,"24 inch,5\n2,x,6\n3,"y",7\n', {}, "so that 3 lines would be one row"),
    "not UTF-8": ("id,name\n1,Müller\n".encode("cp1252"), {}, "cp1252     1,Müller"),
    "not UTF-8 far down": (b"id,name\n" + b"1,a\n" * 300_000 + b"2,\xfc\n", {}, "line 300002 is not UTF-8"),
    "not what was named": (b"id,name\n1,\x81\n", {"encoding": "cp1252"}, "line 2 is not CP1252"),
    "no text": (b"\x00\x01\x02id,name\n1,a\n", {}, "deals.csv isn't text: 3 of its first 15 bytes"),
    "half of UTF-16": (TEXT.encode("utf-16")[:-1], {}, "is not UTF-16"),
    "UTF-16 without its mark": (TEXT.encode("utf-16-le"), {}, "looks like UTF-16-LE without a byte order mark"),
    "an encoding that isn't": (TEXT.encode(), {"encoding": "klingon"}, "There is no encoding 'klingon'"),
    "a codec that is no encoding": (TEXT.encode(), {"encoding": "base64"}, "There is no encoding 'base64'"),
    "two delimiters": (b"id,name;x\n1,a;b\n", {}, "could be delimited by comma and semicolon"),
    "no such header": (b"no,nom\n1,a\n", {"header": HEADER}, "has no line with the headers 'id', 'name'"),
    "no such section": (TEXT.encode(), {"section": "Deals"}, "has no line 'Deals', after which the table would begin"),
    "Parquet": (b"PAR1\x00\x00", {}, "a Parquet file"),
    "half a gzip": (gzip.compress(os.urandom(9000))[:5000], {}, "deals.csv is damaged or cut short"),
    "gzip that lost its end": (gzip.compress(TEXT.encode() * 9)[:-9], {}, "deals.csv is damaged or cut short"),
    "a ZIP archive cut short": (zipped({"a.csv": TEXT.encode()})[:40], {}, "deals.csv is damaged or cut short"),
    "a password": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), {}, "begins like a workbook or an archive"),
    "a page without a table": (b"<html><title>Log in</title><p>Your session has ended", {}, "is a page with 0 tables"),
}
# fmt: on


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_is_refused_in_words(case, tmp_path):
    content, rules, words = REFUSED[case]
    path = tmp_path / "deals.csv"
    path.write_bytes(content)
    with pytest.raises(CrmkitError) as error:
        read(path, Reading(**rules))
    assert words in str(error.value)
    assert str(error.value).count("\n") < 12


def test_a_workbook_under_any_name(tmp_path):
    import datetime as dt

    xlsxwriter = pytest.importorskip("xlsxwriter")
    path = tmp_path / "deals.csv"
    with xlsxwriter.Workbook(path) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        book.add_worksheet("Cover").write(0, 0, "All deals")
        sheet = book.add_worksheet("Deals")
        sheet.write(0, 0, "Made by hand")
        sheet.write_row(2, 0, ["id", "name", "on", "amount", "mixed"])
        sheet.write_row(3, 0, ["0017", "a\nb"])
        sheet.write(5, 1, "MÃ¼ller")
        sheet.write_datetime(3, 2, dt.datetime(2026, 3, 1), day)
        sheet.write_row(3, 3, [12.5, 7])
        sheet.write_row(4, 0, ["0018", True])
        sheet.write_datetime(4, 2, dt.datetime(2026, 3, 1, 9, 30), day)
        sheet.write_row(4, 3, [3, "7,5"])
        sheet.write_number(6, 0, 1234567890123456)
        sheet.write_formula(6, 1, "=1/0", None, "#DIV/0!")
        sheet.write_formula(6, 3, "=A1", None, "")
        sheet.write_row(7, 0, ["Total", "", "", 15.5])
    rules = Reading(header=HEADER, ends=("Total",), decimal=",")
    rows, lines, account, file = read(path, rules)
    assert rows == [
        ("0017", "a\nb", "2026-03-01", "12.5", "7"),
        ("0018", "true", "2026-03-01 09:30:00", "3", "7,5"),
        ("", "MÃ¼ller", "", "", ""),
        ("1,234567890123456E+15", "", "", "", ""),
    ]
    assert lines == [4, 5, 6, 7]
    assert file.typed
    assert file.numeric == ("amount",)
    assert account.sheet == "Deals"
    assert account.encoding == "workbook"
    text = said(account)
    for words in (
        "1 line before the header left out, the first: 'Made by hand'",
        "1 cell spoilt by a wrong encoding before the workbook was written, the first in row 6: 'MÃ¼ller'",
        "1 line after the table left out, the first (line 8): 'Total, 15,5'",
        "sheets left out: Cover",
        "1 number of 16 and more digits, of which a spreadsheet keeps 15; the first in row 7",
        "1 cell with an error such as #DIV/0! read as empty",
        "1 formula without a value read as empty",
    ):
        assert words in text
    assert reading.headers_of(path, Reading(), HEADER) == ["id", "name", "on", "amount", "mixed"]
    assert read(path, Reading(sheet="cov*"))[0] == []
    with pytest.raises(DataError, match=r"deals\.csv has no sheet 'Leads'; there are Cover, Deals\."):
        read(path, Reading(sheet="Leads"))
    with pytest.raises(DataError, match=r"deals\.csv has no row with the headers 'nobody'"):
        read(path, Reading(header=(("nobody",),)))


def test_an_open_document_sheet(tmp_path):
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    rows = ["".join(map(cell.format, row)) for row in (("id", "name"), *PAIR)]
    cells = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    content = (
        '<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="Deals">{cells}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    path = tmp_path / "deals.csv"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", '<?xml version="1.0"?><manifest:manifest/>')
        archive.writestr("content.xml", content)
    assert read(path)[:2] == (PAIR, [2, 3])


def test_a_cell_in_the_last_corner_of_a_sheet_is_refused_and_not_swallowed(tmp_path):
    xlsxwriter = pytest.importorskip("xlsxwriter")
    path = tmp_path / "deals.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "id")
        sheet.write(1_048_575, 16_383, "x")
    with pytest.raises(DataError, match=r"deals\.xlsx reaches to row 1,048,576 and column XFD"):
        read(path)


def test_a_workbook_that_is_none(tmp_path):
    path = tmp_path / "deals.xlsx"
    path.write_bytes(zipped({"xl/workbook.xml": b"<x/>"}))
    with pytest.raises(DataError, match=r"deals\.xlsx begins like a workbook or an archive and can't be read as one"):
        read(path)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "an export, with spaces & ümläüts 日本"
    place.mkdir()
    return place


def found(export, *sources):
    from crmkit.adapters import files, parse

    by_kind, left = files.find(parse.load(export.adapter), [str(source) for source in sources])
    return {kind: [path.name for path in paths] for kind, paths in by_kind.items()}, [path.name for path in left]


def test_a_zip_archive_is_a_folder(export, folder):
    archive = folder / "all.zip"
    deals, people = (export.folder / "deals.csv").read_bytes(), b"id,name\n007,Zo\n"
    archive.write_bytes(zipped({"sub/deals.csv": deals, "people.csv": people, "__MACOSX/._people.csv": b"x"}))
    assert found(export, archive) == ({"people": ["people.csv"], "deals": ["deals.csv"]}, [])
    assert found(export, folder) == ({"people": ["people.csv"], "deals": ["deals.csv"]}, [])
    account = export.run(archive)
    assert [file.rows for file in account.files] == [1, 3]
    assert "00124" in export.table()["opportunity_id"].tolist()
    member = archive / "sub" / "deals.csv"
    assert found(export, f"deals={member}")[0] == {"deals": ["deals.csv"]}
    with pytest.raises(UsageError, match=r"all\.zip holds several files .*say which, as in deals="):
        found(export, f"deals={archive}")
    with pytest.raises(UsageError, match=r"There is no file 'no\.csv' in"):
        found(export, archive / "no.csv")


@pytest.mark.parametrize(
    ("name", "said"),
    [("../deals.csv", "names a file outside itself"), ("/etc/deals.csv", "names a file outside itself")],
)
def test_an_archive_that_names_files_outside_itself_is_refused(export, folder, name, said):
    path = folder / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "id\n1\n")
    with pytest.raises(DataError, match=said):
        export.run(path)


def test_a_small_archive_that_becomes_huge_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("crmkit.adapters.archives._BOMB_BYTES", 1 << 20)
    path = tmp_path / "deals.csv"
    path.write_bytes(gzip.compress(b"id,name\n" + b"1,aaaaaaaaaaaaaaaaaaaaa\n" * 200_000))
    with pytest.raises(DataError, match=r"deals\.csv is a small archive that unpacks to more than"):
        read(path)


def test_names_that_differ_in_their_ending_and_headers_that_tell(export, folder):
    (folder / "Deals 2026.CSV.gz").write_bytes(gzip.compress((export.folder / "deals.csv").read_bytes()))
    (folder / "download(3).txt").write_bytes(b"id;name\n007;Zo\n")
    (folder / "notes.pdf").write_bytes(b"%PDF")
    export.bend('names = ["people.csv"]', 'names = ["people.csv"]\nhas = ["id", ["Name", "name"]]')
    kinds, left = found(export, folder)
    assert kinds == {"people": ["download(3).txt"], "deals": ["Deals 2026.CSV.gz"]}
    assert left == ["notes.pdf"]
    assert export.run(folder).files[1].rows == 3


def test_places_that_are_no_files(export, folder, monkeypatch):
    link, gone, pipe = folder / "deals link.csv", folder / "deals gone.csv", folder / "pipe.csv"
    link.symlink_to(export.folder / "deals.csv")
    assert export.run(f"deals={link}").files[0].rows == 3
    gone.symlink_to(folder / "nowhere")
    with pytest.raises(UsageError, match="There is no file or folder"):
        export.run(gone)
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="is not an ordinary file"):
        export.run(pipe)
    with pytest.raises(UsageError, match="is not an ordinary file"):
        export.run(f"deals={folder}")
    monkeypatch.setenv("HOME", str(export.folder))
    assert export.run("~/deals.csv").files[0].rows == 3


def test_a_file_or_folder_that_may_not_be_read(export, folder):
    if os.geteuid() == 0:
        pytest.skip("nothing is closed to the superuser")
    path = folder / "deals.csv"
    path.write_text(TEXT)
    path.chmod(0)
    with pytest.raises(DataError, match=r"deals\.csv can't be read: Permission denied"):
        export.run(path)
    folder.chmod(0)
    with pytest.raises(DataError, match="can't be read: Permission denied"):
        export.run(folder)
    folder.chmod(0o700)
