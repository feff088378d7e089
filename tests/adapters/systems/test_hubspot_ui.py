"""Exports of HubSpot's own pages: all properties, and the columns of a view."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "hubspot_ui"
Q1 = "2026-Q1"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Deals, companies, contacts and tickets with all their properties: the CRM opened, and the account."""
    to = tmp_path_factory.mktemp("pages") / "crm"
    account = adapters.run("hubspot_ui", [FIXTURES / "all"], to)
    return crmkit.open(to), account


def _value(crm, metric: str, period: str) -> float:
    return crm.measure(metric, period=period)["value"].item()


def test_every_page_becomes_its_table(pages):
    assert {table.name: table.rows for table in pages[1].tables} == {
        "users": 2, "customers": 2, "leads": 2, "opportunities": 4, "opportunity_stages": 6, "tickets": 2,
    }  # fmt: skip


def test_deals_of_the_page(pages):
    deals = pages[0].opportunities.to_pandas().set_index("opportunity_id")
    assert deals["stage"].tolist() == ["Closed Won", "Closed Lost", "Démo faite", "Appointment Scheduled"]
    assert deals["outcome"].tolist() == ["won", "lost", "open", "open"]  # by the flags: a stage is the company's own
    assert deals["closed_at"].tolist()[0] == pd.Timestamp("2026-02-04 10:00")
    assert deals["closed_at"].isna().tolist() == [False, False, True, True]
    assert deals["amount"].fillna(-1).tolist() == [9000, 4000.5, 15000, -1]
    assert deals["customer_id"].fillna("").tolist() == ["501", "502", "501", ""]
    assert deals["lead_id"].fillna("").tolist() == ["901", "", "", ""]
    assert deals["kind"].fillna("").tolist() == ["new", "new", "expansion", ""]
    assert deals["lost_reason"].fillna("").tolist() == ["", "Budget", "", ""]
    assert deals["owner_id"].fillna("").tolist() == ["Amélie Dubois", "김 민수", "Amélie Dubois", ""]


def test_the_dates_of_a_deals_stages_become_rows(pages):
    stages = pages[0].opportunity_stages.to_pandas().sort_values(["opportunity_id", "entered_at"])
    assert stages.groupby("opportunity_id")["stage"].agg(list).to_dict() == {
        "3001": ["Appointment Scheduled", "Démo faite", "Closed Won"],
        "3002": ["Appointment Scheduled", "Closed Lost"],
        "3003": ["Démo faite"],
    }
    assert stages["entered_at"].tolist()[1] == pd.Timestamp("2026-01-20 10:00")


def test_contacts_companies_and_tickets(pages):
    crm, _ = pages
    leads, tickets = crm.leads.to_pandas(), crm.tickets.to_pandas()
    assert leads["opportunity_id"].fillna("").tolist() == ["3001", ""]
    assert leads["converted_at"].tolist()[0] == pd.Timestamp("2026-01-05 10:00")
    assert tickets["customer_id"].tolist() == ["501", "502"]
    assert crm.customers.to_pandas()["employees"].fillna(0).tolist() == [25, 0]


def test_metrics_worked_by_hand(pages):
    crm, _ = pages
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-04-30"
    assert _value(crm, "win_rate", Q1) == 0.5
    assert _value(crm, "sales_cycle_days", Q1) == 30
    assert _value(crm, "pipeline_value", "2026-03") == 15000
    assert _value(crm, "weighted_pipeline", "2026-03") == 7500
    assert _value(crm, "lead_to_win_days", Q1) == pytest.approx(46 + 2 / 24)
    assert _value(crm, "resolution_hours", Q1) == 12


def test_the_few_columns_of_a_view_in_german(tmp_path):
    adapters.run("hubspot_ui", [FIXTURES / "view"], tmp_path / "crm")
    crm = crmkit.open(tmp_path / "crm")
    deals = crm.opportunities.to_pandas()
    assert deals["outcome"].tolist() == ["won", "lost", "open"]
    assert deals["amount"].tolist() == [1234.5, 800, 90000]
    assert deals["closed_at"].tolist()[0] == pd.Timestamp("2026-01-25")
    assert deals["customer_id"].fillna("").tolist() == ["Nordfrost GmbH", "Nordfrost GmbH", ""]
    assert _value(crm, "sales_cycle_days", Q1) == 20


def test_a_company_says_what_its_stages_mean_in_a_few_lines(tmp_path):
    text = (FIXTURES / "view/deals view.csv").read_text(encoding="utf-8").replace("Contract Sent", "Handschlag")
    (tmp_path / "deals.csv").write_text(text, encoding="utf-8")
    with pytest.raises(crmkit.DataError, match=r"outcome .*'Handschlag' in deals.csv, line 4 has no meaning"):
        adapters.run("hubspot_ui", [tmp_path / "deals.csv"], tmp_path / "crm")
    own = 'extends = "hubspot_ui"\n[tables.opportunities.columns.outcome.values]\nHandschlag = "open"\n'
    (tmp_path / "ours.toml").write_text(own, encoding="utf-8")
    adapters.run("ours", [tmp_path / "deals.csv"], tmp_path / "crm", adapter=tmp_path / "ours.toml")
    assert pd.read_csv(tmp_path / "crm/opportunities.csv")["outcome"].tolist() == ["won", "lost", "open"]
