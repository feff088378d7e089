"""Zoho CRM: exports of its modules, and a data backup of older years in German writing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "zoho"
Q1 = "2026-Q1"


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """A company's modules, imported: the CRM opened, and the account."""
    to = tmp_path_factory.mktemp("zoho") / "crm"
    account = adapters.run("zoho", [FIXTURES / "modules"], to)
    return crmkit.open(to), account


def _value(crm, metric: str, period: str) -> float:
    return crm.measure(metric, period=period)["value"].item()


def test_every_module_becomes_its_table(modules):
    assert {table.name: table.rows for table in modules[1].tables} == {
        "users": 2, "customers": 2, "campaigns": 1, "opportunities": 4, "opportunity_stages": 3, "leads": 2,
        "tickets": 2, "orders": 1, "activities": 4,
    }  # fmt: skip


def test_deals(modules):
    deals = modules[0].opportunities.to_pandas().set_index("opportunity_id")
    assert deals["outcome"].tolist() == ["won", "lost", "open", "open"]
    assert deals["closed_at"].dropna().tolist() == [pd.Timestamp("2026-02-10"), pd.Timestamp("2026-03-13")]
    assert deals["expected_close_at"].dropna().tolist() == [pd.Timestamp("2026-07-31"), pd.Timestamp("2026-06-30")]
    assert deals["amount"].fillna(-1).tolist() == [150000.5, 20000, 50000, -1]
    assert deals["probability"].tolist() == [1, 0, 0.8, 0.1]
    assert deals["kind"].fillna("").tolist() == ["new", "new", "expansion", ""]
    assert deals["lost_reason"].fillna("").tolist() == ["", "Price", "", ""]
    assert deals["campaign_id"].fillna("").tolist() == ["zcrm_3001", "", "", ""]
    users = modules[0].users.to_pandas().set_index("user_id")["name"]
    assert deals["owner_id"].map(users).tolist()[:2] == ["Priya शर्मा", "Tomás Ibáñez"]
    assert set(deals["customer_id"].dropna()) == {"zcrm_2001", "zcrm_2002"}


def test_a_stage_counts_from_the_first_time_it_was_entered(modules):
    stages = modules[0].opportunity_stages.to_pandas()
    assert stages["stage"].tolist() == ["Qualification", "Negotiation/Review", "Closed Won"]
    assert stages["entered_at"].tolist()[1] == pd.Timestamp("2026-01-25 10:00")  # the change of 1 February is no entry


def test_leads_orders_and_activities(modules):
    crm, _ = modules
    leads = crm.leads.to_pandas()
    assert leads["opportunity_id"].fillna("").tolist() == ["zcrm_4001", ""]
    assert leads["converted_at"].tolist()[0] == pd.Timestamp("2026-01-11")
    assert crm.orders.to_pandas()["amount"].tolist() == [150000.5]  # 177000.5 with 27000 of tax; the other is cancelled
    done = crm.activities.to_pandas().set_index("activity_id")
    assert done["kind"].tolist() == ["call", "call", "task", "meeting"]
    assert done["duration_minutes"].fillna(0).tolist() == [2.5, 0.75, 0, 90]
    linked = done[["customer_id", "lead_id", "opportunity_id"]].fillna("").to_numpy().tolist()
    assert linked == [["", "", "zcrm_4001"], ["", "zcrm_5002", ""], ["zcrm_2001", "", ""], ["", "", "zcrm_4001"]]


def test_metrics_worked_by_hand(modules):
    crm, account = modules
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-04-30"
    assert _value(crm, "win_rate", Q1) == 0.5
    assert _value(crm, "sales_cycle_days", Q1) == 30
    assert _value(crm, "pipeline_value", Q1) == 50000
    assert _value(crm, "weighted_pipeline", Q1) == pytest.approx(40000)
    assert _value(crm, "resolution_hours", Q1) == 10
    assert "orders: 1 row left out by the rule without Status = Cancelled" in account.text()
    assert "activities: 1 row left out by the rule without Outbound Call Status = Scheduled" in account.text()


def test_a_backup_in_german_writing(tmp_path):
    adapters.run("zoho", [FIXTURES / "backup"], tmp_path / "crm")
    crm = crmkit.open(tmp_path / "crm")
    deals = crm.opportunities.to_pandas()
    assert deals["outcome"].tolist() == ["won", "lost", "open"]  # by Forecast Type: the stages are the company's own
    assert deals["amount"].tolist() == [1500, 250.5, 9000]
    assert deals["closed_at"].tolist()[0] == pd.Timestamp("2026-01-31")
    assert deals["lead_id"].fillna("").tolist() == ["901000000031", "", ""]
    assert crm.leads.to_pandas()["converted_at"].tolist() == [pd.Timestamp("2026-01-01")]  # when its deal was made
    assert _value(crm, "win_rate", Q1) == 0.5
    assert _value(crm, "lead_to_win_days", Q1) == pytest.approx(41 + 15 / 24)  # 20 December 09:00 to 31 January
