"""Salesforce's objects, imported from small files of every shape and from two sample exports."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters
from crmkit.errors import DataError

FIXTURES = Path(__file__).parent / "salesforce"
Q1 = "2026-Q1"


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    """An organisation's objects as its own export writes them: the CRM opened, and the account of the import."""
    to = tmp_path_factory.mktemp("salesforce") / "crm"
    account = adapters.run("salesforce", [FIXTURES / "api"], to)
    return crmkit.open(to), account


def _deals(crm) -> pd.DataFrame:
    return crm.opportunities.to_pandas().set_index("opportunity_id")


def _value(crm, metric: str, period: str, **options) -> float:
    return crm.measure(metric, period=period, **options)["value"].item()


def test_every_object_becomes_its_table(api):
    assert {table.name: table.rows for table in api[1].tables} == {
        "users": 4, "usage": 3, "customers": 4, "campaigns": 2, "campaign_responses": 5, "leads": 3,
        "opportunities": 5, "opportunity_stages": 5, "tickets": 2, "products": 2, "orders": 2, "order_lines": 2,
        "activities": 5,
    }  # fmt: skip


def test_outcome_stage_and_dates_of_each_deal(api):
    deals = _deals(api[0])
    assert deals["outcome"].tolist() == ["won", "won", "lost", "open", "open"]
    assert deals["stage"].tolist() == ["Auftrag erteilt", "Auftrag erteilt", "Verloren", "Angebot", "Qualifizierung"]
    day = pd.Timestamp
    assert deals["closed_at"].tolist()[:3] == [day("2026-02-04"), day("2026-03-01"), day("2026-02-21")]
    assert deals["closed_at"].isna().tolist()[3:] == [True, True]  # what they have is a forecast
    assert deals["expected_close_at"].tolist()[3:] == [day("2026-09-30"), day("2026-04-15")]
    assert deals["amount"].fillna(-1).tolist() == [12000, 30000.5, 8000, 20000, -1]
    assert deals["probability"].tolist() == [1, 1, 0, 0.6, 0.1]
    assert deals["kind"].fillna("").tolist() == ["new", "expansion", "new", "", ""]
    assert deals["lost_reason"].fillna("").tolist() == ["", "", "Price", "", ""]
    assert set(deals["currency"]) == {"EUR"}


def test_keys_link(api):
    crm, _ = api
    deals, users, leads = _deals(crm), crm.users.to_pandas().set_index("user_id"), crm.leads.to_pandas()
    assert deals["owner_id"].map(users["name"]).tolist() == [
        "Zofia Wiśniewska", "佐藤 健二", "Inés Núñez", "Zofia Wiśniewska", "Inés Núñez",
    ]  # fmt: skip
    assert deals["lead_id"].fillna("").tolist() == ["", "", "00Q8a00000LEA01AAA", "", ""]
    assert set(deals["customer_id"]) <= set(crm.customers.to_pandas()["customer_id"])
    assert leads["opportunity_id"].fillna("").tolist() == ["0068a00000OPP03AAQ", "", ""]
    assert leads["first_contacted_at"].tolist()[::2] == [
        pd.Timestamp("2026-01-20 11:00"), pd.Timestamp("2026-04-03 10:30"),
    ]  # fmt: skip
    assert users["team"].tolist() == ["EMEA Sales", "APAC Sales", "Dirección", "EMEA Sales"]
    assert users["role"].fillna("").tolist() == ["sales", "sales", "", "support"]
    assert users["licensed"].tolist() == [True, True, True, False]


def test_a_stage_counts_from_the_first_time_it_was_entered(api):
    rows = api[0].opportunity_stages.to_pandas()
    first = rows[rows["opportunity_id"] == "0068a00000OPP01AAQ"].set_index("stage")["entered_at"]
    assert first.to_dict() == {
        "Qualifizierung": pd.Timestamp("2026-01-05"),  # the change of the amount on 12 January is no entry
        "Angebot": pd.Timestamp("2026-01-15"),
        "Auftrag erteilt": pd.Timestamp("2026-02-04 15:00"),
    }


def test_the_table_of_stages_says_their_order(api):
    stages = [(stage.name, stage.meaning) for stage in api[0].config.stages]
    assert stages == [("Qualifizierung", "open"), ("Angebot", "open"), ("Auftrag erteilt", "won"), ("Verloren", "lost")]


def test_activities_are_what_took_place(api):
    done = api[0].activities.to_pandas().set_index("activity_id")
    assert done["kind"].to_dict() == {
        "00T8a00000TSK01AAA": "call", "00T8a00000TSK02AAA": "email", "00T8a00000TSK03AAA": "task",
        "00U8a00000EVT01AAA": "meeting",
    }  # fmt: skip
    assert done.loc["00T8a00000TSK01AAA", ["direction", "duration_minutes"]].tolist() == ["out", 1.5]
    assert done["lead_id"].fillna("").tolist() == ["", "00Q8a00000LEA01AAA", "", ""]
    assert done["opportunity_id"].fillna("").tolist() == ["0068a00000OPP01AAQ", "", "", "0068a00000OPP01AAQ"]
    assert "00U8a00000EVT03AAA" not in done.index  # in the tables, but planned for October
    assert f"{api[0].as_of:%Y-%m-%d}" == "2026-04-30"


def test_customers_cases_orders_and_campaigns(api):
    crm, _ = api
    customers = crm.customers.to_pandas().set_index("customer_id")
    assert customers["kind"].tolist() == ["business", "business", "business", "person"]
    assert customers["annual_revenue"].fillna(0).tolist() == [12_500_000, 9_800_000, 0, 0]
    assert customers["region"].tolist() == ["Łódzkie", "東京都", "Andalucía", "Höfuðborgarsvæðið"]
    tickets = crm.tickets.to_pandas()
    assert tickets["number"].tolist() == ["00001001", "00001002"]
    assert tickets["resolved_at"].notna().tolist() == [True, False]
    assert crm.orders.to_pandas()["amount"].tolist() == [12000, -1500]
    assert crm.order_lines.to_pandas()["amount"].sum() == 12000
    answers = crm.campaign_responses.to_pandas()
    assert answers.groupby("kind").size().to_dict() == {"responded": 2, "sent": 3}
    assert set(answers["customer_id"].dropna()) == {"0018a00000ACC01AAQ", "0018a00000ACC02AAQ"}  # of the contacts


def test_metrics_worked_by_hand(api):
    crm, _ = api
    assert _value(crm, "win_rate", Q1) == pytest.approx(2 / 3)
    assert _value(crm, "sales_cycle_days", Q1) == pytest.approx((30 + 50) / 2)
    assert _value(crm, "won_revenue", Q1) == 42000.5
    assert _value(crm, "pipeline_value", "2026-04") == 20000
    assert _value(crm, "weighted_pipeline", "2026-04") == pytest.approx(12000)
    assert _value(crm, "response_rate", Q1) == pytest.approx(2 / 3)
    assert _value(crm, "resolution_hours", Q1) == 28
    assert _value(crm, "leads", Q1) == 2
    assert crm.usage.to_pandas()["user_id"].value_counts().tolist() == [2, 1]


def test_what_is_left_out_is_said(api):
    said = api[1].text()
    for line in (
        "customers: 1 row left out by the rule without IsDeleted = true",
        "opportunities: 1 row left out by the rule without IsDeleted = true",
        "opportunity_stages: 1 row left out by the rule without IsDeleted = true",
        "leads: 1 row left out by the rule without IsDeleted = true",
        "orders: 1 row left out by the rule without Status = Draft",
        "activities: 1 row left out by the rule without IsClosed = false",
        "activities: 1 row left out by the rule without IsChild = true",
        "usage: 1 row left out by the rule without Status = Failed",
    ):
        assert line in said
    assert "outcome            IsClosed and IsWon, else StageName" in said


def test_a_file_of_data_loader_without_flags_goes_by_the_usual_stages(tmp_path):
    account = adapters.run("salesforce", [FIXTURES / "no_flags"], tmp_path / "crm")
    assert _deals(crmkit.open(tmp_path / "crm"))["outcome"].tolist() == ["won", "lost", "open"]
    assert "Id. Decision Makers → open (1)" in account.text()


def test_a_stage_that_nothing_explains_is_refused_until_somebody_says_what_it_means(tmp_path):
    text = (FIXTURES / "no_flags/Opportunity.csv").read_text().replace("Id. Decision Makers", "Handslag")
    source, to = tmp_path / "export", tmp_path / "crm"
    source.mkdir()
    (source / "Opportunity.csv").write_text(text)
    with pytest.raises(
        DataError, match=r"opportunities.outcome .*'Handslag' in Opportunity.csv, line 4 has no meaning"
    ):
        adapters.run("salesforce", [source], to)
    stages = "Id,MasterLabel,IsClosed,IsWon\n1,Handslag,true,true\n2,Closed Won,true,true\n3,Closed Lost,1,0\n"
    (source / "OpportunityStage.csv").write_text(stages)
    adapters.run("salesforce", [source], to)
    assert _deals(crmkit.open(to))["outcome"].tolist() == ["won", "lost", "won"]


def test_a_copy_in_a_warehouse(tmp_path):
    account = adapters.run("salesforce", [FIXTURES / "warehouse"], tmp_path / "crm")
    crm = crmkit.open(tmp_path / "crm")
    deals = _deals(crm)
    assert deals["outcome"].tolist() == ["won", "lost"]
    assert deals["kind"].fillna("").tolist() == ["renewal", ""]
    assert deals["lost_reason"].fillna("").tolist() == ["", "Pris"]
    assert crm.customers.to_pandas()[["name", "region"]].to_numpy().tolist() == [["Værksted ApS", "Nordics"]]
    assert crm.users.to_pandas()["team"].tolist() == ["Nordics"]
    assert "customers: 1 row left out by the rule without _fivetran_active = false" in account.text()
    assert _value(crm, "sales_cycle_days", Q1) == 20
    assert _value(crm, "win_rate", Q1) == 0.5
    stages = crm.opportunity_stages.to_pandas()
    assert stages["stage"].tolist() == ["Prospecting", "Closed Won"]
    assert stages["entered_at"].tolist() == [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-21 12:00")]


def test_a_warehouses_versions_of_a_deal_give_its_stages(tmp_path):
    source = tmp_path / "export"
    source.mkdir()
    (source / "sf_versions.csv").write_text(
        "id,_fivetran_start,_fivetran_active,is_deleted,name,stage_name,is_closed,is_won\n"
        "0061,2026-01-05 10:00:00,false,false,A,Prospecting,false,false\n"
        "0061,2026-01-09 10:00:00,false,false,B,Prospecting,false,false\n"
        "0061,2026-01-20 10:00:00,true,false,B,Closed Won,true,true\n"
    )
    adapters.run("salesforce", [source], tmp_path / "crm")  # known by its headers, whatever it is called
    stages = pd.read_csv(tmp_path / "crm/opportunity_stages.csv")
    assert stages.to_numpy().tolist() == [
        [61, "Prospecting", "2026-01-05 10:00:00"], [61, "Closed Won", "2026-01-20 10:00:00"],
    ]  # fmt: skip


def _plain(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name, dtype=str, keep_default_na=False)


def test_a_developer_organisation(shared, tmp_path):
    source = shared / "exports/salesforce_powerbi"
    account = adapters.run("salesforce", [source], tmp_path / "crm")
    crm = crmkit.open(tmp_path / "crm")
    assert {table.name: table.rows for table in account.tables} == {
        "customers": 18, "leads": 22, "opportunities": 36, "opportunity_stages": 48,
    }  # fmt: skip
    plain, deals = _plain(source, "Opportunity.csv"), _deals(crm)
    flags = (plain["IsClosed"] + plain["IsWon"]).map({"TRUETRUE": "won", "TRUEFALSE": "lost", "FALSEFALSE": "open"})
    assert _plain(tmp_path / "crm", "opportunities.csv")["outcome"].tolist() == flags.tolist()
    # One deal was lost before the closing date that it still has: up to as_of it counts as open.
    later = (flags != "open") & (pd.to_datetime(plain["CloseDate"], format="%m/%d/%y") > "2026-03-07")
    assert later.sum() == 1
    assert deals["outcome"].tolist() == flags.mask(later, "open").tolist()
    assert flags.value_counts().to_dict() == {"open": 16, "won": 12, "lost": 8}
    made = pd.to_datetime(plain["CreatedDate"], format="%m/%d/%y")
    assert deals["created_at"].tolist() == made.tolist()
    assert deals["amount"].sum() == plain["Amount"].replace("", "0").astype(float).sum()
    leads = crm.leads.to_pandas().set_index("lead_id")
    became = _plain(source, "Lead.csv").set_index("Id")["ConvertedOpportunityId"]
    assert leads["opportunity_id"].fillna("").to_dict() == became.to_dict()
    assert deals["lead_id"].notna().sum() == (became != "").sum() == 5
    history = _plain(source, "OpportunityHistory.csv")
    stages = crm.opportunity_stages.to_pandas()
    assert set(zip(stages["opportunity_id"], stages["stage"], strict=True)) == set(
        zip(history["OpportunityId"], history["StageName"], strict=True)
    )
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-03-07"
    assert _value(crm, "opportunities_created", Q1.replace("Q1", "02")) == 36
    closed = plain[plain["CloseDate"].eq("02/03/24") & plain["IsClosed"].eq("TRUE")]
    assert _value(crm, "win_rate", "2024-Q1") == pytest.approx((closed["IsWon"] == "TRUE").mean())


def test_the_seeds_of_a_warehouse(shared, tmp_path):
    source = shared / "exports/salesforce_fivetran"
    account = adapters.run("salesforce", [source], tmp_path / "crm")
    crm = crmkit.open(tmp_path / "crm")
    rows = {table.name: table.rows for table in account.tables}
    users = _plain(source, "sf_user_data.csv")
    assert rows["users"] == ((users["_fivetran_deleted"] == "false") & (users["_fivetran_active"] == "true")).sum()
    accounts, deals = _plain(source, "sf_account_data.csv"), _plain(source, "sf_opportunity_data.csv")
    assert rows["customers"] == ((accounts["is_deleted"] == "false") & (accounts["_fivetran_active"] == "true")).sum()
    assert rows["opportunities"] == (deals["is_deleted"] == "false").sum() == 0
    assert (rows["leads"], rows["orders"], rows["products"], rows["activities"]) == (1, 10, 2, 20)
    assert rows["opportunity_stages"] == 0  # the versions of opportunities are all of deleted ones
    assert crm.orders.to_pandas()["amount"].sum() == pytest.approx(
        _plain(source, "sf_order_data.csv")["total_amount"].astype(float).sum()
    )
    assert crm.activities.to_pandas()["duration_minutes"].sum() == 15 * 5 + 30 * 4 + 15
    assert "opportunities: 10 rows left out by the rule without is_deleted = true" in account.text()


def test_times_become_the_companys_own(tmp_path):
    source = tmp_path / "export"
    source.mkdir()
    for name in ("Opportunity.csv", "LoginHistory.csv"):
        (source / name).write_bytes((FIXTURES / "api" / name).read_bytes())
    adapters.run("salesforce", [source], tmp_path / "crm", timezone="Asia/Tokyo")
    crm = crmkit.open(tmp_path / "crm")
    deals = _deals(crm)
    assert deals.loc["0068a00000OPP04AAQ", "created_at"] == pd.Timestamp("2026-04-01 16:30")  # 07:30 in UTC
    assert deals.loc["0068a00000OPP01AAQ", "closed_at"] == pd.Timestamp("2026-02-04")  # a day has no zone
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-05-01"  # the last log-in, at 23:10 of 30 April in UTC
