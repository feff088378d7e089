"""Vtiger's CSV exports: links as Module::::Name, owners by name, days first, a row an item; expectations by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "vtiger"


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    to = tmp_path_factory.mktemp("vtiger") / "crm"
    account = adapters.run("vtiger", [FIXTURES], to, dates="dmy")
    return crmkit.open(to), account


def test_the_rows_of_every_table_and_what_is_left_out(imported):
    _, account = imported
    assert {table.name: table.rows for table in account.tables} == {
        "users": 2, "products": 2, "customers": 3, "campaigns": 1, "opportunities": 6, "leads": 2, "activities": 3,
        "orders": 2, "order_lines": 3, "tickets": 2,
    }  # fmt: skip
    text = account.text()
    assert "orders: 1 row left out by the rule without Status = Cancel / Cancelled" in text
    assert "activities: 2 rows left out by the rule without Status = Planned" in text
    assert "Vtiger doesn't export converted leads" in text


def test_deals(imported):
    deals = imported[0].opportunities.to_pandas().set_index("opportunity_id")
    assert deals["outcome"].tolist() == ["won", "won", "lost", "open", "open", "open"]
    assert deals["stage"].tolist()[3:] == ["Negotiation or Review", "Legal review", "Prospecting"]
    assert deals.loc["POT1", "closed_at"] == pd.Timestamp("2026-02-09")  # 09-02-2026
    assert deals["amount"].fillna(-1).tolist() == [1200.5, 75000, 8000, 5000, 2000, -1]
    assert deals["probability"].fillna(-1).tolist() == [1, 1, 0, 0.5, 0.8, -1]
    assert deals["source"].fillna("").tolist() == ["Web Site", "Partner", "", "Cold Call", "", ""]  # --None-- is none
    assert deals["kind"].fillna("").tolist() == ["new", "expansion", "", "new", "", ""]
    assert deals["from_lead"].tolist() == ["true", *["false"] * 5]  # a column that only Vtiger has


def test_links_by_name_and_those_that_lead_nowhere(imported):
    crm, account = imported
    deals = crm.opportunities.to_pandas().set_index("opportunity_id")
    assert deals["customer_id"].fillna("").tolist() == ["ACC1", "ACC2", "ACC2", "ACC1", "", "No such company"]
    assert deals["owner_id"].tolist() == ["nora", "omar", "omar", "nora", "Support Group", "omar"]
    assert deals.loc["POT1", "campaign_id"] == "CAM1"
    assert "'No such company' (Opportunities.csv, line 8)" in account.text()  # line 5 holds a line break
    done = crm.activities.to_pandas()
    assert done["kind"].tolist() == ["call", "meeting", "task"]
    assert done["opportunity_id"].fillna("").tolist() == ["POT1", "", "POT2"]
    assert done["customer_id"].fillna("").tolist() == ["", "ACC2", ""]
    assert done["duration_minutes"].tolist() == [20, 90, 19 * 60]


def test_an_invoice_is_one_order_with_its_items(imported):
    crm, _ = imported
    orders = crm.orders.to_pandas().set_index("order_id")
    assert orders["amount"].to_dict() == {"INV1": 1200.5, "INV2": 75000}
    assert orders["currency"].tolist() == ["EUR", "EUR"]
    lines = crm.order_lines.to_pandas()
    assert lines[["order_id", "product_id", "quantity"]].values.tolist() == [
        ["INV1", "PRO1", 12], ["INV1", "PRO2", 1], ["INV2", "PRO2", 16666.667],
    ]  # fmt: skip


def test_what_vtiger_writes_for_nothing_stays_empty(imported):
    customers = imported[0].customers.to_pandas().set_index("customer_id")
    assert customers["employees"].fillna(-1).tolist() == [120, -1, -1]
    assert customers["annual_revenue"].fillna(-1).tolist() == [1_500_000, -1, -1]


def test_metrics_by_hand(imported):
    crm, _ = imported
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-03-20"

    def measured(name):
        return crm.measure(name, period="2026-Q1")["value"].item()

    assert measured("win_rate") == pytest.approx(2 / 3)
    assert measured("sales_cycle_days") == (30 + 40) / 2
    assert measured("pipeline_value") == 5000 + 2000
    assert measured("revenue") == 1200.5 + 75000
    note = crm.measure("lead_conversion_rate", period="2026-Q1")["note"].item()
    assert note.startswith("not in this data")  # not 0: the converted leads aren't exported


def test_the_order_of_day_and_month_is_never_guessed(tmp_path):
    with pytest.raises(crmkit.DataError, match=r"day and month can't be told apart.*--dates"):
        adapters.run("vtiger", [FIXTURES / "Leads.csv"], tmp_path / "crm")


def test_an_unknown_stage_at_100_percent_is_asked_for(tmp_path):
    text = (FIXTURES / "Opportunities.csv").read_text(encoding="utf-8").replace("80.000", "100.000")
    (tmp_path / "Opportunities.csv").write_text(text, encoding="utf-8")
    with pytest.raises(crmkit.DataError, match=r"outcome .*value 'Legal review' in Opportunities.csv, line 7"):
        adapters.run("vtiger", [tmp_path / "Opportunities.csv"], tmp_path / "crm", dates="dmy")
