"""Dynamics 365 Sales: its tables, and the views that are exported to a workbook."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "dynamics365"
Q1 = "2026-Q1"


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """An organisation's tables, imported: the CRM opened, and the account."""
    to = tmp_path_factory.mktemp("dataverse") / "crm"
    account = adapters.run("dynamics365", [FIXTURES / "tables"], to)
    return crmkit.open(to), account


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    """Exported views with their hidden columns, imported: the CRM opened, and the account."""
    to = tmp_path_factory.mktemp("views") / "crm"
    account = adapters.run("dynamics365", [FIXTURES / "views"], to)
    return crmkit.open(to), account


def _deals(crm) -> pd.DataFrame:
    return crm.opportunities.to_pandas().set_index("opportunity_id")


def _value(crm, metric: str, period: str, **options) -> float:
    return crm.measure(metric, period=period, **options)["value"].item()


def test_every_table_arrives(tables):
    assert {table.name: table.rows for table in tables[1].tables} == {
        "users": 2, "customers": 3, "products": 2, "campaigns": 1, "opportunities": 4, "leads": 2,
        "campaign_responses": 2, "tickets": 2, "orders": 1, "order_lines": 2, "activities": 3,
    }  # fmt: skip


def test_deals_of_the_tables(tables):
    deals = _deals(tables[0])
    assert deals["outcome"].tolist() == ["won", "lost", "open", "won"]
    assert deals["stage"].tolist() == ["4-Close", "2-Develop", "3-Propose", "1-Qualify"]
    assert deals["closed_at"].dropna().tolist() == [pd.Timestamp("2026-02-10"), pd.Timestamp("2026-03-12")]
    assert deals["amount"].tolist() == [11500, 5000, 20000, 800]  # the actual revenue of what was won, where there is
    assert deals["lost_reason"].fillna("").tolist() == ["", "Canceled", "", ""]
    assert deals["customer_id"].tolist() == ["a-1", "a-2", "a-1", "c-2"]
    assert set(deals["customer_id"]) == set(tables[0].customers.to_pandas()["customer_id"])


def test_people_without_an_account_are_customers_and_leads_are_dated_by_their_deals(tables):
    crm, _ = tables
    customers = crm.customers.to_pandas().set_index("customer_id")
    assert customers["kind"].to_dict() == {"a-1": "business", "a-2": "business", "c-2": "person"}
    leads = crm.leads.to_pandas().set_index("lead_id")
    assert leads["converted_at"].tolist()[0] == pd.Timestamp("2026-01-11")
    assert leads["opportunity_id"].fillna("").tolist() == ["o-1", ""]
    assert leads["status"].tolist() == ["Qualified", "Disqualified"]
    done = crm.activities.to_pandas().set_index("activity_id")
    assert done["kind"].to_dict() == {"v-1": "call", "v-2": "meeting", "v-3": "email"}
    linked = done[["customer_id", "lead_id", "opportunity_id"]].fillna("").to_numpy().tolist()
    assert linked == [["", "", "o-1"], ["a-1", "", ""], ["", "l-1", ""]]


def test_amounts_are_net_of_tax(tables):
    crm, _ = tables
    assert crm.orders.to_pandas()["amount"].tolist() == [14145 - 2645]
    assert crm.order_lines.to_pandas()["amount"].tolist() == [10000, 1500]


def test_metrics_of_the_tables_worked_by_hand(tables):
    crm, _ = tables
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-04-30"
    assert _value(crm, "win_rate", Q1) == 0.5
    assert _value(crm, "sales_cycle_days", Q1) == 30
    assert _value(crm, "resolution_hours", Q1) == 24
    open_ones = crm.measure("weighted_pipeline", period=Q1, by="outcome").set_index("outcome")["value"]
    assert open_ones["open"] == pytest.approx(12000)


def test_deals_of_an_exported_view(views):
    crm, account = views
    deals = _deals(crm)
    assert deals.index.tolist()[0] == "0b1c2d3e-0001-ed11-83b3-000d3a000001"
    assert deals["outcome"].tolist() == ["won", "lost", "open"]
    assert deals["stage"].tolist() == ["Close", "Develop", "Propose"]
    assert deals["amount"].tolist() == [12000, 3000, 8000]
    assert deals["closed_at"].tolist()[0] == pd.Timestamp("2026-01-21")  # 1/21/2026
    assert deals["lost_reason"].fillna("").tolist() == ["", "Out-Sold", ""]
    users = crm.users.to_pandas().set_index("user_id")["name"]
    assert deals["owner_id"].map(users).tolist() == ["Łukasz Żak", "Łukasz Żak", "Marta Kowalska"]
    customers = crm.customers.to_pandas().set_index("customer_id")["name"]
    assert deals["customer_id"].map(customers).fillna("?").tolist() == ["Müller Logistik GmbH"] * 2 + ["?"]
    assert deals["customer_id"].tolist()[2] == "Nowy Klient"  # no account of that name: it stands as it is
    assert crm.activities.to_pandas()["opportunity_id"].tolist() == [deals.index[0]]
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-04-30"
    assert _value(crm, "win_rate", Q1) == 0.5
    assert _value(crm, "sales_cycle_days", Q1) == 20
    assert _value(crm, "pipeline_value", "2026-04") == 8000
    assert "activities: 1 row left out by the rule without Activity Status = Open" in account.text()
