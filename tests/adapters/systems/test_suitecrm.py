"""SuiteCRM's exports: labels, a US profile's dates and money, deleted rows, an audit log; expectations by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "suitecrm"


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    to = tmp_path_factory.mktemp("suitecrm") / "crm"
    account = adapters.run("suitecrm", [FIXTURES], to, dates="mdy")
    return crmkit.open(to), account


def test_the_rows_of_every_table_and_what_is_left_out(imported):
    _, account = imported
    assert {table.name: table.rows for table in account.tables} == {
        "users": 2, "products": 2, "customers": 2, "campaigns": 1, "opportunities": 5, "opportunity_stages": 3,
        "leads": 2, "activities": 4, "orders": 2, "tickets": 2,
    }  # fmt: skip
    text = account.text()
    for table, rule in (
        ("customers", "deleted = 1"),
        ("opportunities", "deleted = 1"),
        ("leads", "deleted = 1"),
        ("orders", "status = Cancelled"),
        ("tickets", "status = Duplicate / Closed_Duplicate"),
    ):
        assert f"{table}: 1 row left out by the rule without {rule}" in text


def test_deals(imported):
    deals = imported[0].opportunities.to_pandas().set_index("opportunity_id")
    assert deals["outcome"].tolist() == ["won", "won", "lost", "open", "open"]
    assert deals.loc["o-1", "created_at"] == pd.Timestamp("2026-01-10")  # 01/10/2026 12:00 am
    assert deals["closed_at"].dropna().tolist() == list(pd.to_datetime(["2026-02-09", "2026-03-01", "2026-03-13"]))
    assert deals.loc["o-2", "amount"] == 75000  # in the base currency; it was entered as 320,000 of another one
    assert deals["probability"].tolist() == [1, 1, 0, 0.5, 0.8]
    assert deals["kind"].fillna("").tolist() == ["new", "expansion", "", "new", ""]
    assert deals["customer_id"].tolist() == ["a-1", "a-2", "a-2", "a-1", "a-1"]  # by the account's name
    assert deals["owner_id"].fillna("").tolist() == ["u-1", "u-2", "u-2", "u-1", ""]


def test_the_audit_log_is_the_history_of_the_stages(imported):
    passed = imported[0].opportunity_stages.to_pandas()
    assert passed.values.tolist() == [
        ["o-1", "Prospecting", pd.Timestamp("2026-01-10")],  # what stood there before the first change
        ["o-1", "Negotiation/Review", pd.Timestamp("2026-01-12 10:00")],
        ["o-1", "Closed Won", pd.Timestamp("2026-02-09 16:00")],
    ]


def test_a_converted_lead_has_the_time_at_which_its_opportunity_was_made(imported):
    leads = imported[0].leads.to_pandas().set_index("lead_id")
    assert leads.loc["l-1", ["opportunity_id", "customer_id"]].tolist() == ["o-1", "a-1"]
    assert leads.loc["l-1", "converted_at"] == pd.Timestamp("2026-01-10")
    assert pd.isna(leads.loc["l-2", "converted_at"])


def test_activities_orders_and_cases(imported):
    crm, _ = imported
    done = crm.activities.to_pandas().set_index("activity_id")
    assert done["kind"].tolist() == ["call", "call", "meeting", "task"]
    assert done["duration_minutes"].fillna(-1).tolist() == [80, 6, 90, -1]
    assert done.loc["k-3", ["lead_id", "direction"]].tolist() == ["l-2", "in"]
    assert done.loc["t-1", "opportunity_id"] == "o-2"
    orders = crm.orders.to_pandas().set_index("order_id")
    assert orders["amount"].tolist() == [1200.5, 75000]  # before tax, after the discount
    assert crm.tickets.to_pandas()["resolved_at"].dropna().tolist() == [pd.Timestamp("2026-03-02 08:00")]
    customer = crm.customers.to_pandas().set_index("customer_id").loc["a-1"]
    assert (customer["annual_revenue"], customer["employees"]) == (1_500_000, 120)
    assert crm.products.to_pandas()["price"].tolist() == [100, 4.5]


def test_metrics_by_hand(imported):
    crm, _ = imported
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-03-20"

    def measured(name):
        return crm.measure(name, period="2026-Q1")["value"].item()

    assert measured("win_rate") == pytest.approx(2 / 3)
    assert measured("sales_cycle_days") == (30 + 40) / 2
    assert measured("pipeline_value") == 5000 + 2000
    assert measured("revenue") == 1200.5 + 75000


def test_the_order_of_day_and_month_is_never_guessed(tmp_path):
    with pytest.raises(crmkit.DataError, match=r"day and month can't be told apart.*--dates"):
        adapters.run("suitecrm", [FIXTURES / "Calls.csv"], tmp_path / "crm")


def test_tables_of_the_database_under_their_own_names(tmp_path):
    (tmp_path / "opportunities.csv").write_text(
        "id,name,date_entered,date_modified,deleted,opportunity_type,amount,amount_usdollar,currency_id,date_closed,"
        "sales_stage,probability,assigned_user_id,account_id\n"
        "o-1,Wrenches,2026-01-10 00:00:00,2026-02-09 16:00:00,0,New Business,1200.5,1200.5,-99,2026-02-09,Closed Won,"
        "100,u-1,a-1\n"
        "o-2,Drills,2026-02-15 00:00:00,2026-03-20 10:00:00,0,,5000,5000,-99,2026-09-30,Id. Decision Makers,60,u-1,\n"
        "o-3,Test,2026-02-15 00:00:00,2026-03-20 10:00:00,1,,1,1,-99,2026-09-30,Prospecting,10,u-1,\n",
        encoding="utf-8",
    )
    adapters.run("suitecrm", [tmp_path / "opportunities.csv"], tmp_path / "crm")
    deals = crmkit.open(tmp_path / "crm").opportunities.to_pandas()
    assert deals["outcome"].tolist() == ["won", "open"]
    assert deals["customer_id"].fillna("").tolist() == ["a-1", ""]
