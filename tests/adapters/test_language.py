"""What an adapter can say: stars, parts made if a header is there, headers as rows, numbers of several cells."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from crmkit.adapters.columns import id18
from crmkit.errors import DataError, UsageError

HEAD = "Deal ID,Owner,Created,Stage,Closed"
ROW = "{},Zoë,2026-01-05,Talking,"


def _deals(export, headers: str, *cells: str) -> None:
    rows = [f"{ROW.format(n)},{cell}" for n, cell in enumerate(cells, 1)]
    export.write("deals.csv", "\n".join([f"{HEAD},{headers}", *rows]) + "\n")


def _column(account, name: str, table: str = "opportunities"):
    return next(c for t in account.tables if t.name == table for p in t.parts for c in p.columns if c.name == name)


# -- stars ---------------------------------------------------------------------------------------------------------


def test_a_star_finds_a_header(export):
    export.bend('amount = "Amount"', 'amount = "amount (*)"')
    _deals(export, "Amount (EUR)", "5")
    assert _column(export.run(), "amount").source == "Amount (EUR)"
    assert export.table()["amount"].tolist() == ["5"]


def test_several_that_fit_must_be_the_same_or_the_first_is_asked_for(export):
    export.bend('amount = "Amount"', 'amount = "amount*"')
    _deals(export, "Amount A,Amount B", "5,5", "6,6")
    export.run()
    _deals(export, "Amount A,Amount B", "5,5", "6,7")
    with pytest.raises(DataError, match=r"'amount\*' fits 2 columns, 'Amount A', 'Amount B', and in 1 row"):
        export.run()
    export.bend('amount = "amount*"', 'amount = { from = "amount*", pick = "first" }')
    export.run()
    assert export.table()["amount"].tolist() == ["5", "6"]


def test_a_header_that_really_has_a_star_comes_first(export):
    export.bend('amount = "Amount"', 'amount = "Amount*"')
    _deals(export, "Amount old,Amount*", "5,7")
    export.run()
    assert export.table()["amount"].tolist() == ["7"]


def test_spellings_within_a_list_of_headers(export):
    export.bend('amount = "Amount"', 'amount = { sum = [["setup", "Setup fee"], "-Discount"] }')
    _deals(export, "Setup fee,Discount", "5,2", "6,0.5")
    assert _column(export.run(), "amount").source == "Setup fee − Discount"
    assert export.table()["amount"].tolist() == ["3", "5.5"]


# -- parts, columns carried along, headers as rows --------------------------------------------------------------------


def test_a_part_is_made_only_if_its_headers_are_there(export):
    export.toml += """
[[tables.surveys]]
file = "deals"
if_there = ["NPS*"]
[tables.surveys.columns]
response_id = "Deal ID"
survey = { constant = "nps" }
score = "NPS*"
answered_at = "Created"
"""
    _deals(export, "Amount,NPS (0-10)", "1,9", "2,")
    export.run()
    assert export.table("surveys")["score"].tolist() == ["9", ""]
    _deals(export, "Amount", "1")
    account = export.run()
    assert account.tables_left_out["surveys"] == "deals.csv: the file has no column 'NPS*'"


def test_headers_are_kept_under_names_of_their_own(export):
    export.bend('file = "deals"\n', 'file = "deals"\nkeep = ["*__c", "Amount*"]\n')
    _deals(export, "Amount,Risk_Class__c,Name__c,Other,Amount (net)", "1,high,x,y,7")
    account = export.run()
    table = export.table()
    assert (table["risk_class"][0], table["crm_name"][0], table["amount_net"][0]) == ("high", "x", "7")
    assert "other" not in table
    assert account.files[-1].columns_left_out == ("Other",)


def test_headers_become_rows(export):
    export.toml += """
[tables.opportunity_stages]
file = "deals"
unpivot = "Entered *"
[tables.opportunity_stages.columns]
opportunity_id = "Deal ID"
stage = "(header)"
entered_at = "(cell)"
"""
    _deals(export, "Amount,Entered Talking,Entered Won", "1,2026-01-01,2026-02-01", "1,2026-01-03,")
    account = export.run()
    found = export.table("opportunity_stages")
    assert found.to_numpy().tolist() == [
        ["1", "Talking", "2026-01-01"], ["1", "Won", "2026-02-01"], ["2", "Talking", "2026-01-03"],
    ]  # fmt: skip
    assert account.files[-1].columns_left_out == ()
    before = (export.to / "opportunity_stages.csv").read_bytes()
    export.run()
    assert (export.to / "opportunity_stages.csv").read_bytes() == before


def test_headers_as_rows_without_such_headers_make_no_table(export):
    export.toml += '[tables.opportunity_stages]\nfile = "deals"\nunpivot = "Entered *"\n'
    export.toml += '[tables.opportunity_stages.columns]\nopportunity_id = "Deal ID"\nstage = "(header)"\n'
    export.toml += 'entered_at = "(cell)"\n'
    assert "'Entered *'" in export.run().tables_left_out["opportunity_stages"]


# -- numbers of several cells ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "cells", "expected"),
    [
        ('{ product = ["A", "B"] }', ["2,0.1", "3,", "0,7"], ["0.2", "", "0"]),
        ('{ sum = ["A", "-B"] }', ["2,0.5", "3,", "1,3"], ["1.5", "", "-2"]),
        ('{ sum = ["A", "-B"], empty = "zero" }', ["2,0.5", "3,", ",3", ","], ["1.5", "3", "-3", ""]),
        ('{ sum = ["A", "-C"], empty = "zero" }', ["2,0.5"], ["2"]),
        ('{ product = ["A", "B"], decimal = "auto" }', ['2,"0,25"', '3,"1,5"'], ["0.5", "4.5"]),
        ('{ minutes_between = ["A", "B"] }', ["2026-01-01 10:00,2026-01-01 11:30", ",2026-01-01"], ["90", ""]),
        ('{ seconds_between = ["A", "B"], dates = "dmy" }', ["1/2/2026 10:00,1/2/2026 10:00:05"], ["5"]),
        ('{ from = "A", minor_of = "B" }', ["1050,eur", "1050,JPY", "1050,KWD"], ["10.5", "1050", "1.05"]),
        ('{ from = "A", minor_of = "B", minor_units = { JPY = 10 } }', ["1050,EUR", "1050,JPY"], ["10.5", "105"]),
    ],
)
def test_computed_numbers(export, rule, cells, expected):
    export.bend('amount = "Amount"', f"amount = {rule}")
    _deals(export, "A,B", *cells)
    export.run()
    assert export.table()["amount"].tolist() == expected


def test_an_amount_without_a_currency_is_unread(export):
    export.bend('amount = "Amount"', 'amount = { from = "A", minor_of = "B", unreadable = 0.6 }')
    _deals(export, "A,B", "1050,EUR", "1050,")
    assert _column(export.run(), "amount").unread == 1


def test_ids_of_real_salesforce_objects_get_the_ending_that_salesforce_gave_them():
    path = Path(__file__).parents[3] / "shared" / "exports" / "salesforce_powerbi" / "Account.csv"
    if not path.exists():
        pytest.skip("the sample exports are not on this machine")
    ids = pd.read_csv(path, usecols=["Id"], dtype=str)["Id"]
    assert ids.str.len().eq(18).all()
    made = duckdb.sql(f"SELECT {id18('k')} FROM (SELECT unnest({[i[:15] for i in ids]}) AS k)").fetchall()
    assert [k for (k,) in made] == ids.tolist()


def test_ids_of_15_characters_become_those_of_18(export):
    export.bend('amount = "Amount"', 'amount = "Amount"\nproduct_id = { from = "P", id18 = true }')
    _deals(export, "Amount,P", "1,0013600000AbcDe", "1,0013600000AbcDeAAK", "1,short", "1,")
    export.run()
    assert export.table()["product_id"].tolist()[2:] == ["short", ""]
    first, second = export.table()["product_id"][:2]
    assert first[:15] == second[:15] == "0013600000AbcDe"
    assert len(first) == 18


# -- one row of several ------------------------------------------------------------------------------------------------


@pytest.fixture
def lines(export):
    """An export of order lines, of which each order is to become a row."""
    export.toml = """
title = "Shop"
[files.lines]
names = ["lines.csv"]
[tables.orders]
file = "lines"
one_row_for = ["Order"]
[tables.orders.columns]
order_id = "Order"
customer_id = { from = "Buyer", which = "min" }
ordered_at = { from = "At", which = "min" }
amount = { from = "Amount", which = "sum" }
lines = { from = "Item", which = "count", type = "whole" }
dear = { from = "Item", which = "count", where = { Class = ["A"] }, type = "whole" }
last_at = { from = "At", which = "max", type = "time" }
"""
    export.write("lines.csv", "Order,Buyer,At,Item,Class,Amount\n1,c1,2026-01-02,a,A,0.1\n1,c1,2026-01-01,b,B,0.2\n"
                 "2,c2,2026-01-03,,A,5\n")  # fmt: skip
    return export


def test_sums_counts_and_extremes_of_the_rows_of_one_thing(lines):
    lines.run()
    found = lines.table("orders")
    assert found["amount"].tolist() == ["0.3", "5"]
    assert found["ordered_at"].tolist() == ["2026-01-01", "2026-01-03"]
    assert found["last_at"].tolist() == ["2026-01-02", "2026-01-03"]
    assert found[["lines", "dear"]].to_numpy().tolist() == [["2", "1"], ["0", "0"]]


def test_a_sum_with_an_unreadable_cell_is_unread(lines):
    path = lines.folder / "lines.csv"
    path.write_text(path.read_text().replace("0.2", "much"))
    lines.bend('which = "sum"', 'which = "sum", unreadable = 0.5')
    account = lines.run()
    assert lines.table("orders")["amount"].tolist() == ["", "5"]
    assert _column(account, "amount", "orders").unread_examples[0].value == "much"


def test_first_and_last_need_an_order(lines):
    lines.bend('which = "min" }\nordered_at', 'which = "last" }\nordered_at')
    with pytest.raises(UsageError, match=r"one_row_for: and in_order_of need each other"):
        lines.run()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('{ from = "A", id18 = true }', r"amount\.id18: needs a key"),
        ('{ from = "A", empty = "zero" }', r"amount\.empty: needs sum beside it"),
        ('{ from = "A", empty = "one" }', r"amount\.empty: is 'one'; it must be one of 'zero'"),
        ('{ minutes_between = ["A"] }', r"minutes_between: needs two headers"),
        ('{ from = "A", minor_units = { JPY = 1 } }', r"minor_units: needs minor_of"),
        ('{ from = "A", dates = ["auto", "iso"] }', r'dates: "auto" stands alone'),
    ],
)
def test_slips(export, rule, said):
    export.bend('amount = "Amount"', f"amount = {rule}")
    with pytest.raises(UsageError, match=said):
        export.run()


def test_a_count_of_a_text_column_is_refused(lines):
    lines.bend('customer_id = { from = "Buyer", which = "min" }', 'customer_id = { from = "Buyer", which = "count" }')
    with pytest.raises(UsageError, match=r"customer_id\.which: is 'count', which needs a number"):
        lines.run()
