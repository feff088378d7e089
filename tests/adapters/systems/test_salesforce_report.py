"""Salesforce's reports: details only, and formatted with lines above the table and a total below."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters
from crmkit.errors import DataError

FIXTURES = Path(__file__).parent / "salesforce_report"
Q1 = "2026-Q1"


@pytest.fixture(scope="module")
def details(tmp_path_factory):
    """Four reports under the names that exports get, imported: the CRM opened, and the account."""
    to = tmp_path_factory.mktemp("reports") / "crm"
    account = adapters.run("salesforce_report", [FIXTURES / "details"], to)
    return crmkit.open(to), account


def _value(crm, metric: str, period: str) -> float:
    return crm.measure(metric, period=period)["value"].item()


def test_reports_are_known_by_their_headers(details):
    assert {table.name: table.rows for table in details[1].tables} == {
        "users": 3, "customers": 3, "leads": 2, "opportunities": 4, "tickets": 2,
    }  # fmt: skip
    assert "5 lines after the table left out, the first (line 7): 'Pipeline review'" in details[1].text()


def test_deals_of_a_report(details):
    deals = details[0].opportunities.to_pandas().set_index("opportunity_id")
    # An id of 15 characters, as reports write it, became the one of 18 that exports of objects have.
    assert deals.index.tolist()[0] == "0068a00000OPP01AAH"
    assert deals["outcome"].tolist() == ["won", "won", "lost", "open"]
    assert deals["closed_at"].dropna().tolist() == [
        pd.Timestamp("2026-02-04"), pd.Timestamp("2026-03-01"), pd.Timestamp("2026-02-21"),
    ]  # fmt: skip
    assert deals["amount"].tolist() == [12000.5, 30000, 8000, 20000]
    assert deals["probability"].tolist() == [1, 1, 0, 0.6]  # written 100, 100, 0 and 60
    assert deals["kind"].fillna("").tolist() == ["new", "expansion", "new", ""]
    assert set(deals["customer_id"]) <= set(details[0].customers.to_pandas()["customer_id"])  # by the account's name
    users = details[0].users.to_pandas().set_index("user_id")
    assert deals["owner_id"].map(users["team"]).tolist() == ["EMEA Sales", "APAC Sales", "VP Sales", "EMEA Sales"]


def test_other_reports(details):
    crm, _ = details
    assert crm.customers.to_pandas()["annual_revenue"].fillna(0).tolist() == [12_500_000, 9_800_000, 0]
    leads = crm.leads.to_pandas()
    assert leads["opportunity_id"].fillna("").tolist() == ["0068a00000OPP03AAH", ""]
    tickets = crm.tickets.to_pandas()
    assert tickets["ticket_id"].tolist() == ["00001001", "00001002"]
    assert tickets["resolved_at"].tolist()[0] == pd.Timestamp("2026-03-03 12:00")


def test_metrics_worked_by_hand(details):
    crm, _ = details
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-04-30"
    assert _value(crm, "win_rate", Q1) == pytest.approx(2 / 3)
    assert _value(crm, "sales_cycle_days", Q1) == 40
    assert _value(crm, "pipeline_value", "2026-04") == 20000
    assert _value(crm, "resolution_hours", Q1) == 28


def test_a_formatted_report_with_flags_and_days_first(tmp_path):
    account = adapters.run("salesforce_report", [FIXTURES / "formatted"], tmp_path / "crm")
    crm = crmkit.open(tmp_path / "crm")
    deals = crm.opportunities.to_pandas()
    assert deals["outcome"].tolist() == ["won", "lost", "open"]  # by Closed and Won: the stages are the company's own
    assert deals["amount"].tolist() == [1250, 300, 20000]
    assert deals["created_at"].tolist()[0] == pd.Timestamp("2026-01-05")  # 05.01.2026
    assert deals["opportunity_id"].tolist()[0] == "Kühlhaus / Nordfrost GmbH / 05.01.2026"
    assert crm.users.to_pandas()["name"].tolist() == ["Jörg Weiß", "Ayşe Yılmaz"]
    assert _value(crm, "win_rate", "2026-02") == 0.5
    assert _value(crm, "sales_cycle_days", "2026-02") == 41
    said = account.text()
    assert "4 lines before the header left out, the first: 'Pipeline review" in said
    assert "'Total, 21.550,00'" in said
    assert "without Opportunity ID in the report, name, account and date are the key" in said


def test_rows_of_one_deal_that_differ_are_no_two_deals(tmp_path):
    rows = "Opportunity Name,Stage,Amount,Close Date,Created Date\nA,Closed Won,1,2026-02-01,2026-01-01\n"
    (tmp_path / "report.csv").write_text(rows + "A,Closed Won,2,2026-02-01,2026-01-01\n")
    with pytest.raises(DataError, match=r"opportunities: the key A / 2026-01-01 .* differ"):
        adapters.run("salesforce_report", [tmp_path / "report.csv"], tmp_path / "crm")


def test_a_formatted_report_as_a_workbook(tmp_path):
    """The table stands under other lines and right of an empty column; chances are shares, as a workbook holds them."""
    xlsxwriter = pytest.importorskip("xlsxwriter")
    path = tmp_path / "Pipeline review-2026-05-01-09-00-00.xlsx"
    rows = [
        ["Opportunity Name", "Account Name", "Opportunity Owner", "Stage", "Amount", "Close Date", "Created Date",
         "Probability (%)"],
        ["Linia", "Łódź Maszyny", "Zofia W.", "Closed Won", 1200.5, date(2026, 2, 4), date(2026, 1, 5), 1.0],
        ["旋盤", "東京精機", "佐藤", "Closed Lost", 300, date(2026, 3, 1), date(2026, 1, 10), 0.0],
        ["Horno", "Núñez", "Inés", "Prospecting", 900, date(2026, 9, 30), date(2026, 4, 1), 0.1],
        ["Total", "", "", "", 2400.5],
        [],
        ["Confidential Information - Do Not Distribute"],
    ]  # fmt: skip
    with xlsxwriter.Workbook(path, {"default_date_format": "dd.mm.yyyy"}) as book:
        sheet = book.add_worksheet("Pipeline review")
        sheet.write(1, 1, "Pipeline review")
        sheet.write(2, 1, "As of 2026-05-01 09:00:00 Central European Summer Time/CEST • Generated by Zofia W.")
        for number, row in enumerate(rows, 9):
            sheet.write_row(number, 1, row)
    adapters.run("salesforce_report", [path], tmp_path / "crm")
    crm = crmkit.open(tmp_path / "crm")
    deals = crm.opportunities.to_pandas()
    assert deals["outcome"].tolist() == ["won", "lost", "open"]
    assert deals["amount"].tolist() == [1200.5, 300, 900]
    assert deals["probability"].tolist() == [1, 0, 0.1]
    assert deals["closed_at"].tolist()[0] == pd.Timestamp("2026-02-04")
    assert _value(crm, "sales_cycle_days", Q1) == 30
