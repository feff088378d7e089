"""Columns that are the sum of several, and what an adapter has the account say of a column."""

from __future__ import annotations

import pytest

from crmkit.errors import DataError, UsageError

DEALS = "Deal ID,Owner,Created,Stage,Closed,Setup,Fee\n{}"


def _rows(*amounts: tuple[str, str]) -> str:
    lines = [f"{n},Zoë,2026-01-05,Talking,,{setup},{fee}" for n, (setup, fee) in enumerate(amounts)]
    return DEALS.format("\n".join(lines) + "\n")


def _sum(export, text: str = '{ sum = ["Setup", "Fee"] }') -> None:
    export.bend('amount = "Amount"', f"amount = {text}")


def test_a_sum_is_empty_where_one_of_its_cells_is(export):
    _sum(export)
    export.write("deals.csv", _rows(("10", "2.5"), ("0", "0"), ("7", ""), ("", "")))
    account = export.run()
    assert export.table()["amount"].tolist() == ["12.5", "0", "", ""]
    (column,) = [c for t in account.tables for p in t.parts for c in p.columns if c.name == "amount"]
    assert (column.source, column.filled, column.unread) == ("Setup + Fee", 2, 0)


def test_decimal_commas_missing_words_and_a_scale(export):
    _sum(export, '{ sum = ["Setup", "Fee"], decimal = ",", missing = ["-"], times = 1000 }')
    export.write("deals.csv", _rows(('"0,1"', '"0,2"'), ("-", "1"), ("1", "2")))
    export.run()
    assert export.table()["amount"].tolist() == ["300", "", "3000"]


def test_a_sum_of_what_is_no_number_is_unread_and_shown(export):
    _sum(export, '{ sum = ["Setup", "Fee"], unreadable = 0.5 }')
    export.write("deals.csv", _rows(("10", "much"), ("1", "2"), ("1", "3")))
    account = export.run()
    assert export.table()["amount"].tolist() == ["", "3", "4"]
    assert any("'10 + much' (deals.csv, line 2)" in line for line in account.attention())


def test_too_many_that_are_no_number_stop_the_import(export):
    _sum(export)
    export.write("deals.csv", _rows(("10", "much"), ("1", "2")))
    with pytest.raises(DataError, match=r"opportunities\.amount.*1 of 2 cells can't be read"):
        export.run()


def test_a_sum_needs_all_its_headers(export):
    _sum(export, '{ sum = ["Setup", "Rent"] }')
    export.write("deals.csv", _rows(("10", "1")))
    account = export.run()
    assert "amount" in account.tables[-1].parts[0].columns_not_there


def test_a_sum_of_texts_is_refused(export):
    export.bend('stage = "Stage"', 'stage = { sum = ["Setup", "Fee"] }')
    with pytest.raises(UsageError, match=r"stage\.sum: needs a number, and the column is of type text"):
        export.run()


def test_a_remark_is_said_where_the_column_is_there(export):
    export.bend('amount = "Amount"', 'amount = { from = "Amount", remark = "with tax" }')
    export.bend('stage = "Stage"', 'stage = { from = "Stage", remark = "as of today." }')
    account = export.run()
    assert {"opportunities.amount: with tax.", "opportunities.stage: as of today."} <= set(account.attention())
    export.write("deals.csv", "Deal ID,Owner,Created,Stage,Closed\n1,Zoë,2026-01-05,Talking,\n")
    assert not any("with tax" in line for line in export.run().attention())
