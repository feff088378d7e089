"""EspoCRM's CSV exports: technical names, links by id, times in UTC; every expectation is worked by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "espocrm"


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    to = tmp_path_factory.mktemp("espocrm") / "crm"
    account = adapters.run("espocrm", [FIXTURES], to)
    return crmkit.open(to), account


def test_the_rows_of_every_table_and_what_is_left_out(imported):
    _, account = imported
    assert {table.name: table.rows for table in account.tables} == {
        "users": 2, "customers": 3, "campaigns": 1, "opportunities": 6, "leads": 3, "activities": 4,
        "campaign_responses": 4, "tickets": 2,
    }  # fmt: skip
    text = account.text()
    assert "users: 1 row left out by the rule without type = portal / api / system" in text
    assert "activities: 2 rows left out by the rule without status = Planned / Not Held" in text
    assert "campaign_responses: 1 row left out by the rule without isTest = 1 / true" in text
    assert "tickets: 1 row left out by the rule without status = Duplicate" in text


def test_deals(imported):
    deals = imported[0].opportunities.to_pandas().set_index("opportunity_id")
    assert deals["outcome"].tolist() == ["won", "won", "lost", "open", "open", "open"]
    assert deals.loc["65c005", "stage"] == "Legal review"  # not Espo's own; its probability of 80 says that it is open
    assert deals["closed_at"].dropna().tolist() == list(pd.to_datetime(["2026-02-09", "2026-03-01", "2026-03-13"]))
    assert deals.loc["65c004", "expected_close_at"] == pd.Timestamp("2026-09-30")
    assert deals["probability"].tolist() == [1, 1, 0, 0.5, 0.8, 0.1]
    assert deals["amount"].fillna(-1).tolist() == [1200.5, 75000, 8000, 5000, 2000, -1]  # none isn't zero
    assert set(deals["currency"]) == {"EUR"}


def test_links(imported):
    crm, _ = imported
    deals = crm.opportunities.to_pandas().set_index("opportunity_id")
    assert deals.loc["65c001", ["customer_id", "lead_id", "owner_id", "campaign_id"]].tolist() == [
        "65a001", "65b001", "u0a1", "65d001",
    ]  # fmt: skip
    lead = crm.leads.to_pandas().set_index("lead_id").loc["65b001"]
    assert (lead["opportunity_id"], lead["customer_id"]) == ("65c001", "65a001")
    assert lead["converted_at"] == pd.Timestamp("2026-01-10 09:00")
    done = crm.activities.to_pandas().set_index("activity_id")
    assert done["kind"].tolist() == ["call", "call", "meeting", "task"]
    assert done["duration_minutes"].fillna(-1).tolist() == [20, 6, 90, -1]
    assert done["direction"].fillna("").tolist() == ["out", "in", "", ""]
    assert done.loc["65f004", ["lead_id", "customer_id", "opportunity_id"]].fillna("").tolist() == ["65b002", "", ""]
    assert done.loc["65f101", "customer_id"] == "65a002"


def test_cases_and_reactions(imported):
    crm, _ = imported
    tickets = crm.tickets.to_pandas().set_index("ticket_id")
    assert tickets.loc["65g001", "resolved_at"] == pd.Timestamp("2026-03-02 08:00")
    assert pd.isna(tickets.loc["65g002", "resolved_at"])
    assert crm.campaign_responses.to_pandas()["kind"].tolist() == ["sent", "sent", "opened", "clicked"]


def test_metrics_by_hand(imported):
    crm, _ = imported
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-03-20"  # the last change of a deal, not a closing date that lies ahead

    def measured(name):
        return crm.measure(name, period="2026-Q1")["value"].item()

    assert measured("win_rate") == pytest.approx(2 / 3)
    assert measured("sales_cycle_days") == (30 + 40) / 2
    assert measured("pipeline_value") == 5000 + 2000
    assert measured("won_revenue") == 1200.5 + 75000
    assert measured("opportunities_open") == 3


def test_a_stage_that_nothing_explains_is_asked_for_and_told_in_a_few_lines(tmp_path):
    text = (FIXTURES / "Export_Opportunity.csv").read_text(encoding="utf-8")
    bent = tmp_path / "Export_Opportunity.csv"
    text = text.replace('"Legal review","Legal review",80,,2026-05-31', '"Contract signed",Proposal,100,,2026-03-10')
    bent.write_text(text, encoding="utf-8")
    with pytest.raises(crmkit.DataError, match=r"outcome .*'Contract signed' .*line 7 .*extends = .espocrm."):
        adapters.run("espocrm", [bent], tmp_path / "crm")
    mine = tmp_path / "mine.toml"
    mine.write_text(
        'extends = "espocrm"\ntitle = "Ours"\n'
        '[tables.opportunities.columns._stage.values]\n"Contract signed" = "won"\n',
        encoding="utf-8",
    )
    adapters.run("espocrm", [bent], tmp_path / "crm", adapter=mine)
    assert crmkit.open(tmp_path / "crm").opportunities.to_pandas()["outcome"].tolist()[4] == "won"


def test_a_workbook_with_labels_under_a_title(tmp_path):
    adapters.run("espocrm", [FIXTURES / "xlsx"], tmp_path / "crm")
    deals = crmkit.open(tmp_path / "crm").opportunities.to_pandas()
    assert deals["outcome"].tolist() == ["won", "lost", "open"]
    assert deals["created_at"].tolist() == list(pd.to_datetime(["2026-01-10", "2026-02-01", "2026-02-15"]))
    assert deals["closed_at"].dropna().tolist() == list(pd.to_datetime(["2026-02-09", "2026-03-13"]))
    assert deals[["amount", "probability"]].values.tolist() == [[1200.5, 1], [8000, 0], [5000, 0.5]]
    assert deals["customer_id"].tolist() == ["Fjord Tools AS", "Łódź Papier sp. z o.o.", "Fjord Tools AS"]
    assert deals["owner_id"].tolist() == ["Nora Lind", "Omar Haddad", "Nora Lind"]
