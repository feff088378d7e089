"""Spreadsheets of deals, one row a deal, in seven languages, with titles, totals and plans for closing days."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "deals_sheet"
QUARTER = "2026-01-01/2026-04-01"


def _imported(source: Path, to: Path, **options):
    account = adapters.run("deals_sheet", [source], to, **options)
    return crmkit.open(to), account


def _value(crm, metric: str, period: str = QUARTER) -> float:
    return crm.measure(metric, period=period)["value"].item()


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    """An American sheet with a title, totals and a note below, imported: the CRM and the account."""
    return _imported(FIXTURES / "Deals 2026.csv", tmp_path_factory.mktemp("deals") / "crm")


def test_rates_and_amounts_by_hand(sheet):
    crm, _ = sheet
    assert _value(crm, "win_rate") == 2 / 4
    assert _value(crm, "won_revenue") == 12_500 + 3_250.5
    assert _value(crm, "average_deal_size") == (12_500 + 3_250.5) / 2
    assert _value(crm, "sales_cycle_days") == (39 + 42) / 2  # 5 January to 13 February, 19 January to 2 March
    assert _value(crm, "win_rate", "2026-02") == 1 / 2


def test_titles_and_totals_are_no_deals(sheet):
    crm, account = sheet
    deals = crm.opportunities.to_pandas()
    assert len(deals) == 6
    assert deals["opportunity_id"].is_unique
    assert deals["amount"].sum() == 69_750.5  # the total below the sheet
    assert "2 lines before the header left out, the first: 'Sales pipeline 2026" in account.text()
    assert "2 lines after the table left out, the first (line 12): 'Total" in account.text()


def test_the_day_on_which_a_deal_is_to_close_is_no_closing(sheet):
    deals = sheet[0].opportunities.to_pandas().set_index("name")
    negotiated = deals.loc["Tern - cabling"]
    assert negotiated["outcome"] == "open"
    assert negotiated["closed_at"] is pd.NaT
    assert str(negotiated["expected_close_at"])[:10] == "2026-06-30"


@pytest.mark.parametrize(
    ("name", "encoding", "won", "lost", "amount"),
    [
        ("Vertriebschancen.csv", "cp1252", 2, 1, 14_500),
        ("案件一覧.csv", "cp932", 2, 1, 1_750_000),
        ("商机.csv", "gb18030", 1, 1, 125_000),
        ("Opportunités.csv", "", 1, 1, 12_500),
        ("Szanse sprzedaży.csv", "cp1250", 1, 1, 12_500),
        ("Oportunidades.csv", "", 1, 1, 12_500),
    ],
)
def test_other_languages_and_encodings(name, encoding, won, lost, amount, tmp_path):
    crm, _ = _imported(FIXTURES / name, tmp_path / "crm", encoding=encoding)
    assert _value(crm, "win_rate") == won / (won + lost)
    assert _value(crm, "won_revenue") == amount
    deals = crm.opportunities.to_pandas()
    assert (deals["outcome"] == "open").sum() == 1
    assert deals[["created_at", "customer_id", "owner_id", "stage"]].notna().all().all()
    assert str(deals["created_at"].iloc[0])[:10] == "2026-01-05"
    assert str(deals["closed_at"].iloc[0])[:10] == "2026-02-13"
    assert deals.loc[deals["outcome"] == "open", "closed_at"].isna().all()


def test_one_column_of_closing_days_is_a_plan_while_a_deal_is_open(tmp_path):
    crm, _ = _imported(FIXTURES / "Opportunités.csv", tmp_path / "crm")
    deals = crm.opportunities.to_pandas().set_index("outcome")
    assert str(deals.loc["open", "expected_close_at"])[:10] == "2026-06-30"
    assert deals.loc["won", "expected_close_at"] is pd.NaT


def test_a_word_without_a_meaning_is_named_with_the_way_out(tmp_path):
    text = (FIXTURES / "Deals 2026.csv").read_text(encoding="utf-8").replace("Negotiation", "Handshake")
    (tmp_path / "Deals.csv").write_text(text, encoding="utf-8")
    with pytest.raises(crmkit.DataError, match=r"opportunities.outcome .*'Handshake' in Deals.csv, line 8"):
        _imported(tmp_path / "Deals.csv", tmp_path / "crm")
    own = 'extends = "deals_sheet"\n[tables.opportunities.columns.outcome.values]\nHandshake = "won"\n'
    (tmp_path / "my.toml").write_text(own, encoding="utf-8")
    crm, _ = _imported(tmp_path / "Deals.csv", tmp_path / "crm", adapter=tmp_path / "my.toml")
    assert (crm.opportunities.outcome == "won").sum().execute() == 3


def _workbook(path: Path) -> Path:
    """A workbook with notes on its first sheet, a title, true dates and percents, and a total as a formula."""
    import xlsxwriter

    book = xlsxwriter.Workbook(path)
    book.add_worksheet("Notes").write(0, 0, "Ask Ann before changing anything")
    sheet = book.add_worksheet("Deals")
    day, money, share = (book.add_format({"num_format": f}) for f in ("dd/mm/yyyy", '#,##0.00 "€"', "0%"))
    sheet.write(0, 0, "Deals of the first quarter")
    sheet.write_row(2, 0, ["Customer", "Deal", "Amount", "Stage", "Probability", "Created", "Close date"])
    rows = [
        ("Heron Labs", "Routers", 12_500, "Won", 1, datetime(2026, 1, 5), datetime(2026, 2, 3)),
        ("Kiel Systems", "Switches", 8_000.5, "Lost", 0, datetime(2026, 1, 7), datetime(2026, 2, 4)),
        ("Oakfield", "Support", 3_250, "Negotiation", 0.6, datetime(2026, 2, 9), datetime(2026, 6, 12)),
        ("Tern & Co", "Phones", None, "Open", 0.1, datetime(2026, 3, 2), None),
    ]
    for number, row in enumerate(rows, 3):
        for column, value in enumerate(row):
            shape = {2: money, 4: share, 5: day, 6: day}.get(column)
            sheet.write(number, column, value, shape)
    sheet.write(8, 0, "Total")
    sheet.write_formula(8, 2, "=SUM(C4:C7)", money, 23_750.5)
    book.close()
    return path


def test_a_workbook_says_more_than_its_text(tmp_path):
    crm, account = _imported(_workbook(tmp_path / "Q1.xlsx"), tmp_path / "crm", currency="EUR")
    deals = crm.opportunities.to_pandas().set_index("name")
    assert deals["amount"].sum() == 23_750.5
    assert str(deals.loc["Switches", "closed_at"])[:10] == "2026-02-04"  # not 2 April: a true date has no order
    assert str(deals.loc["Support", "expected_close_at"])[:10] == "2026-06-12"
    assert deals["probability"].tolist() == [1, 0, 0.6, 0.1]
    assert crm.config.currency == "EUR"
    assert _value(crm, "win_rate", "2026-02") == 1 / 2
    assert "sheets left out: Notes" in account.text()


def test_percents_without_a_sign_are_read_in_steps_of_five(tmp_path):
    text = "Customer,Amount,Stage,Probability,Created\nA,100,Won,100,2026-01-05\nB,100,Proposal,60,2026-01-06\n"
    (tmp_path / "deals.csv").write_text(text, encoding="utf-8")
    crm, account = _imported(tmp_path / "deals.csv", tmp_path / "crm")
    assert crm.opportunities.to_pandas()["probability"].tolist() == [1, 0.6]
    assert "60 → 0.6 (1)" in account.text()
