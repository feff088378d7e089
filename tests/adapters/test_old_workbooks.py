"""Workbooks of Excel's two binary formats, XLS and XLSB: read as the same table as a text, under any name."""

from __future__ import annotations

from datetime import date

import pytest
from old_workbooks import xls, xlsb

from crmkit.errors import DataError

HEADER = ["Deal ID", "Owner", "Created", "Stage", "Closed", "Amount", "Remark"]
ROWS = [
    ["00123", "Zoë", date(2026, 1, 5), "Closed won", date(2026, 2, 1), 1200.5, ""],
    ["00124", "Łukasz", date(2026, 1, 7), "Talking", date(2026, 9, 30), 800, "急ぐ"],
    ["00125", "Zoë", date(2026, 1, 9), "Closed lost", date(2026, 3, 2), 0, ""],
]


@pytest.fixture
def deals(export):
    """Write the deals as a workbook in the place of the text."""

    def write(kind, name: str, rows=None):
        (export.folder / "deals.csv").unlink()
        return kind(export.folder / name, rows or [HEADER, *ROWS], "Deals")

    return write


@pytest.mark.parametrize("kind", [xls, xlsb])
@pytest.mark.parametrize("name", ["deals.{}", "deals.csv"])
def test_they_become_the_tables_that_a_text_becomes(export, deals, kind, name):
    text = "\n".join(",".join(str(cell) for cell in row) for row in [HEADER, *ROWS])
    export.write("deals.csv", text)
    export.run()
    expected = export.table()
    deals(kind, name.format(kind.__name__))  # by what is in it, whatever its ending says
    account = export.run()
    assert export.table().equals(expected)
    assert expected["opportunity_id"].tolist() == ["00123", "00124", "00125"]
    assert [(file.encoding, file.sheet, file.rows) for file in account.files if file.sheet] == [
        ("workbook", "Deals", 3)
    ]


@pytest.mark.parametrize("kind", [xls, xlsb])
def test_days_are_days_and_lines_above_the_header_are_left_out(export, deals, kind):
    export.bend('names = ["deals.csv"', 'header = ["Deal ID", "Stage"]\nnames = ["deals.csv"')
    deals(kind, f"deals.{kind.__name__}", [["Pipeline 2026"], [""], HEADER, *ROWS])
    export.run()
    assert export.table()["created_at"].tolist() == ["2026-01-05", "2026-01-07", "2026-01-09"]


@pytest.mark.parametrize("kind", [xls, xlsb])
def test_a_workbook_that_was_cut_off_is_said_to_be_damaged(export, deals, kind):
    path = deals(kind, f"deals.{kind.__name__}")
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(DataError, match=rf"deals\.{kind.__name__}"):
        export.run()
    assert not export.to.exists()
