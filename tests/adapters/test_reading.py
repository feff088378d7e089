"""What exports look like in the world, and what each answers: a right reading, or a message that shows the way out."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit.errors import DataError, UsageError

HEAD = "Deal ID,Owner,Created,Stage,Closed,Amount\n"
ROW = "1,Zoë,2026-01-05,Talking,,5\n"


def test_utf8_with_a_bom_or_two_and_windows_line_ends(export):
    text = (HEAD + ROW).replace("\n", "\r\n")
    for bom in ("", "\ufeff", "\ufeff\ufeff"):
        export.write("deals.csv", bom + text)
        account = export.run()
        assert export.table()["opportunity_id"].tolist() == ["1"]
    assert account.files[1].encoding == "utf-8-sig"


def test_utf16_is_known_by_its_bom_and_said(export):
    export.write("deals.csv", (HEAD + ROW).encode("utf-16"))
    assert export.run().files[1].encoding == "utf-16"
    assert export.table()["owner_id"].tolist() == ["007"]


def test_another_encoding_is_not_guessed_but_offered_with_the_line(export):
    export.write("people.csv", "id,name\n1,ASCII\n2,株式会社髙橋①\n".encode("cp932"))
    with pytest.raises(DataError) as error:
        export.run()
    text = str(error.value)
    assert "people.csv, line 3 is not UTF-8" in text
    assert "cp932      2,株式会社髙橋①" in text
    assert "--encoding NAME" in text


def test_another_encoding_is_read_where_adapter_or_option_names_it(export):
    export.write("people.csv", "id,name\n008,Łukasz Żółć\n".encode("cp1250"))
    export.bend('names = ["people.csv"]', 'names = ["people.csv"]\nencoding = "cp1250"')
    assert export.run().files[0].encoding == "cp1250"
    assert export.table("users")["name"].tolist() == ["Łukasz Żółć"]
    export.bend('\nencoding = "cp1250"', "")
    export.write("deals.csv", (HEAD + ROW).replace("Zoë", "Zo").encode("cp1250"))
    export.run(encoding="windows-1250")
    assert export.table("users")["name"].tolist() == ["Łukasz Żółć"]
    with pytest.raises(UsageError, match="no encoding 'klingon'"):
        export.run(encoding="klingon")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found_though_others_stand_in_cells(export, delimiter):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["Deal ID", "Owner", "Created", "Stage", "Closed", "Amount", "Remark, or; so"])
    writer.writerow(["1", "Zoë", "2026-01-05", "Talking", "", "5", "a,b;c|d\te,f,g,h"])
    export.write("deals.csv", out.getvalue())
    assert export.run().files[1].delimiter == delimiter
    assert export.table()["amount"].tolist() == ["5"]


def test_a_tie_of_delimiters_is_an_error(export):
    export.write("people.csv", "id,name;x\n1,a;b\n")
    with pytest.raises(DataError, match="could be delimited by comma and semicolon"):
        export.run()


def test_cells_with_line_breaks_and_quotation_marks(export):
    export.write(
        "deals.csv",
        HEAD.replace("\n", ",Remark\n") + ROW.replace("\n", ',"two\nlines, and ""more"""\n') + "2,,,Talking,,x,\n",
    )
    with pytest.raises(DataError, match=r"1 of 2 cells can't be read as number, such as 'x' in deals\.csv, line 4"):
        export.run()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2,Zoë,2026-01-05,Talking,,5,extra", r"deals\.csv, line 3 has 7 cells where the header has 6"),
        ('2,Zoë,2026-01-05,Talking,,"5', r"a quotation mark opened in the row of line 3 is never closed"),
    ],
)
def test_ragged_rows_and_open_quotation_marks(export, row, said):
    export.write("deals.csv", HEAD + ROW + row + "\n" + ROW.replace("1", "3", 1))
    with pytest.raises(DataError, match=said):
        export.run()


def test_short_rows_are_filled_up_and_counted(export):
    export.write("deals.csv", HEAD + ROW + "2,Zoë,2026-01-05,Talking\n" + ROW.replace("1", "3", 1) + "4,,,Talking\n")
    account = export.run()
    assert export.table()["amount"].tolist() == ["5", "", "5", ""]
    [note] = account.files[1].warnings
    assert note.startswith(
        "2 rows with fewer cells than the header, the missing ones are empty; the first in line 3: '2,"
    )


def test_an_error_says_what_was_odd_when_the_file_was_read(export):
    export.write("deals.csv", HEAD + ROW + "2,Zoë,2026-01-05\n")
    with pytest.raises(DataError, match=r"outcome(?s:.*)This was odd(?s:.*)deals\.csv: 1 row with fewer cells.*line 3"):
        export.run()


def test_rows_with_too_many_cells_are_left_out_only_where_that_was_asked_for(export):
    export.write("deals.csv", HEAD + ROW + "2,Zoë,2026-01-05,Talking,,5,,\n3,Zoë,2026-01-05,Talking,,1,000,00\n")
    with pytest.raises(DataError, match=r"deals\.csv, line 4 has 8 cells where the header has 6.*--skip-bad-rows"):
        export.run()
    export.bend("required = true", "required = true\nskip_bad_rows = true")
    account = export.run()
    assert export.table()["opportunity_id"].tolist() == ["1", "2"]
    assert account.files[1].left_out == {"rows with too many cells": 1}
    assert "1 row with more cells than the header left out, as you asked; the first in line 4" in account.text()
    assert "1 row with more cells than the header, the ones beyond it empty" in account.text()


def test_lines_before_the_header_are_skipped_where_the_adapter_says_so(export):
    export.write("deals.csv", "Report of all deals\n\n" + HEAD + ROW + ROW.replace("5\n", "x\n").replace("1", "2", 1))
    export.bend("required = true", "required = true\nskip_lines = 2")
    with pytest.raises(DataError, match=r"'x' in deals\.csv, line 5"):
        export.run()


def test_a_file_without_a_header(export):
    export.write("people.csv", "007,Zoë\n008,Łukasz\n")
    export.bend('names = ["people.csv"]', 'names = ["people.csv"]\nheaders = ["id", "name"]')
    assert export.run().files[0].rows == 2
    assert export.table("users")["name"].tolist() == ["Zoë", "Łukasz"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty: not even a header"),
        (b"\xef\xbb\xbf\r\n", "is empty: not even a header"),
        (b"PK\x03\x04rest", "is damaged or cut short and can't be unpacked"),
        (b"\x1f\x8brest", "is damaged or cut short and can't be unpacked"),
        (b"id,name,id\n1,a,2\n", "has the header 'id' more than once, in columns 1, 3"),
        (
            b"number,name\n1,a\n",
            r"users\.user_id from people\.csv: there is no column 'id'.*Columns there: number, name",
        ),
    ],
)
def test_files_that_are_no_tables_say_what_they_are(export, content, said):
    export.write("people.csv", content)
    with pytest.raises(DataError, match=said):
        export.run()


def test_a_header_alone_is_a_table_without_rows(export):
    export.write("deals.csv", HEAD)
    assert export.run().tables[1].rows == 0
    assert list(export.table()) == [
        "opportunity_id",
        "owner_id",
        "created_at",
        "closed_at",
        "stage",
        "outcome",
        "amount",
    ]


def test_a_header_that_stands_twice_is_no_fault_where_nothing_uses_it(export):
    export.write("people.csv", "id,name,note,note\n007,Zoë,a,b\n008,Łukasz,,c\n")
    assert export.run().files[0].columns_left_out == ("note", "note (column 4)")


def test_empty_trailing_columns_are_named_by_place_and_left_out(export):
    export.write("people.csv", "id,name,,\n1,a,,\n2,b,,x\n")
    assert export.run().files[0].columns_left_out == ("(column 3)", "(column 4)")


def test_unknown_values_stop_the_import_with_their_counts(export):
    export.write("deals.csv", HEAD + ROW + ROW.replace("Talking", "On hold").replace("1", "2", 1) * 2)
    with pytest.raises(DataError) as error:
        export.run()
    text = str(error.value)
    assert "the value 'On hold' in deals.csv, line 3 has no meaning" in text
    assert "'On hold' (2 cells)" in text
    assert "known: talking, closed won, closed lost" in text


def test_otherwise_takes_unknown_values_and_an_empty_cell_can_have_a_meaning(export):
    export.bend('"closed LOST" = "lost" }', '"closed LOST" = "lost", "" = "open" }, otherwise = "lost"')
    export.write("deals.csv", HEAD + ROW.replace("Talking", "Odd") + "2,Zoë,2026-01-05,,,\n")
    account = export.run()
    assert export.table()["outcome"].tolist() == ["lost", "open"]
    assert "Odd → lost (1), empty → open (1)" in account.text()


def test_an_empty_cell_where_every_row_needs_one_of_few_values(export):
    export.write("deals.csv", HEAD + ROW + "2,Zoë,2026-01-05,,,\n")
    with pytest.raises(DataError, match=r"outcome.*1 of 2 rows have none, the first in deals\.csv, line 3"):
        export.run()


@pytest.mark.parametrize("cell", ["05/01/2026", "Jan 5", "2026-02-30", "46000", "20260105"])
def test_a_date_that_is_not_iso_is_not_guessed(export, cell):
    export.write("deals.csv", HEAD + ROW.replace("2026-01-05", cell))
    with pytest.raises(DataError, match=f"opportunities.created_at.* '{cell}' in deals.csv, line 2.*dates = "):
        export.run()


def test_the_order_of_day_and_month_is_decided_for_the_whole_column(export):
    export.bend("[crm]\n", '[read]\ndates = ["iso", "%d/%m/%Y", "%m/%d/%Y"]\n[crm]\n')
    export.write("deals.csv", HEAD + ROW.replace("2026-01-05", "03/02/2026") + "2,Zoë,31/01/2026,Talking,,\n")
    account = export.run()
    assert export.table()["created_at"].tolist() == ["2026-02-03", "2026-01-31"]
    assert "Created (time, %d/%m/%Y)" in account.text()


def test_a_column_in_which_day_and_month_cannot_be_told_apart_is_an_error(export):
    export.bend("[crm]\n", '[read]\ndates = ["iso", "%d/%m/%Y", "%m/%d/%Y"]\n[crm]\n')
    export.write("deals.csv", HEAD + ROW.replace("2026-01-05", "03/03/2026") + "2,Zoë,01/02/2026,Talking,,\n")
    with pytest.raises(DataError) as error:
        export.run()
    text = str(error.value)
    assert (
        "day and month can't be told apart: %d/%m/%Y and %m/%d/%Y both read 2 cells, and 1 of them differently" in text
    )
    assert "'01/02/2026' in line 3" in text
    export.bend('created_at = "Created"', 'created_at = { from = "Created", dates = "%m/%d/%Y" }')
    export.run()
    assert export.table()["created_at"].tolist() == ["2026-03-03", "2026-01-02"]


def test_a_few_unreadable_cells_are_emptied_and_counted_more_are_refused(export):
    rows = [f"{n},Zoë,2026-01-05,Talking,,{n}\n" for n in range(1, 41)]
    rows[4], rows[7] = "5,Zoë,soon,Talking,,n/a\n", "8,Zoë,2026-01-05,Talking,,-\n"
    export.write("deals.csv", HEAD + "".join(rows))
    account = export.run()
    notes = account.attention()
    assert (
        "opportunities.created_at: 1 cell could not be read and left empty, such as 'soon' (deals.csv, line 6)."
        in notes
    )
    assert "opportunities.amount: 2 cells could not be read and left empty, such as 'n/a' (deals.csv, line 6), '-' (deals.csv, line 9)." in notes  # fmt: skip # noqa: E501
    export.bend('amount = "Amount"', 'amount = { from = "Amount", missing = ["n/a", "-"] }')
    assert not [note for note in export.run().attention() if "amount" in note]
    export.bend('amount = { from = "Amount", missing = ["n/a", "-"] }', 'amount = { from = "Amount", unreadable = 0 }')
    with pytest.raises(DataError, match=r"amount.*2 of 40 cells can't be read as number"):
        export.run()


def test_ids_cut_short_by_a_spreadsheet_are_refused(export):
    export.write("deals.csv", HEAD + ROW.replace("1", "1.23E+17", 1))
    with pytest.raises(DataError, match=r"the key '1\.23E\+17' in deals\.csv, line 2 was cut short by a spreadsheet"):
        export.run()


def test_rows_without_a_key_are_refused_with_the_way_out(export):
    export.write("deals.csv", HEAD + ROW + ",Grand total,,Talking,,5\n")
    with pytest.raises(
        DataError, match=r'1 rows have no key, the first in deals\.csv, line 3.*without = \{ "Deal ID" = \[""\]'
    ):
        export.run()
    export.bend('file = "deals"\n', 'file = "deals"\nwithout = { "Deal ID" = [""] }\n')
    assert export.run().tables[1].parts[0].left_out == {"without Deal ID = empty": 1}


def test_mixed_currencies_in_one_column_are_refused(export):
    export.write("deals.csv", HEAD + ROW.replace(",5\n", ",$5\n") + ROW.replace("1", "2", 1).replace(",5\n", ",€5\n"))
    with pytest.raises(DataError, match=r"amount.*in several currencies \(\$, €\)"):
        export.run()


def test_names_that_look_like_nothing_stay(export):
    export.write("people.csv", "id,name\nNA,None\nnull,nan\n")
    export.run()
    assert export.table("users").to_numpy().tolist() == [["NA", "None"], ["null", "nan"]]


_TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff"), max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(_TEXT, min_size=1, max_size=8),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_any_text_in_any_dialect_comes_back_equal(export, names, delimiter, encoding, line_end):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "name"])
    writer.writerows([f"{n:03}", name] for n, name in enumerate(names))
    export.write("people.csv", out.getvalue().encode(encoding))
    export.run()
    table = export.table("users")
    assert table["user_id"].tolist() == [f"{n:03}" for n in range(len(names))]
    assert table["name"].tolist() == [name.strip(" \t\r\n\u00a0\u2007\u202f\u3000\ufeff") for name in names]


_PIECES = [
    b'"',
    b",",
    b";",
    b"\n",
    b"\r",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\t",
    b"|",
    b'""',
    b"\n\n",
    b"1e999",
    b"$",
    b"\x1a",
]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 220), st.sampled_from([*_PIECES, None])), min_size=1, max_size=4))
def test_a_damaged_file_is_read_whole_or_refused_in_words(export, damages):
    raw = bytearray((HEAD + ROW + ROW.replace("1", "2", 1) * 2 + ROW.replace("1", "3", 1)).encode())
    for place, piece in damages:
        at = place % (len(raw) + 1)
        raw[at : at + (3 if piece is None else 0)] = piece or b""
    export.write("deals.csv", bytes(raw))
    read, refusal = None, ""
    try:
        read = export.run().files[1]
    except DataError as error:
        refusal = str(error)
    assert read or "deals.csv" in refusal
    if read is None:
        return
    lines = bytes(raw).decode(read.encoding).splitlines(keepends=True)
    while lines and not lines[0].strip('\ufeff \t\r\n,;|"'):  # nothing stands in it, or it is said
        assert lines[0].count('"') % 2 == 0 or any('"' in text for text in map(str, read.left_out.items()))
        lines = lines[1:]
    records = [
        record for record in csv.reader(io.StringIO("".join(lines), newline=""), delimiter=read.delimiter) if record
    ]
    assert read.rows == len(records) - 1
