"""HubSpot's objects, as a warehouse and as the API write them, and the seeds of a warehouse."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters
from crmkit.errors import DataError

FIXTURES = Path(__file__).parent / "hubspot"
Q1 = "2026-Q1"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    """A portal as a warehouse copies it, imported: the CRM opened, and the account."""
    to = tmp_path_factory.mktemp("hubspot") / "crm"
    account = adapters.run("hubspot", [FIXTURES / "warehouse"], to)
    return crmkit.open(to), account


def _deals(crm) -> pd.DataFrame:
    return crm.opportunities.to_pandas().set_index("opportunity_id")


def _value(crm, metric: str, period: str, **options) -> float:
    return crm.measure(metric, period=period, **options)["value"].item()


def test_every_object_becomes_its_table(warehouse):
    assert {table.name: table.rows for table in warehouse[1].tables} == {
        "users": 3, "customers": 2, "leads": 3, "opportunities": 5, "opportunity_stages": 6, "tickets": 2,
        "campaigns": 1, "campaign_responses": 4, "surveys": 3, "activities": 6,
    }  # fmt: skip


def test_outcomes_come_from_the_stages_of_the_pipeline(warehouse):
    deals = _deals(warehouse[0])
    assert deals["stage"].tolist() == ["Signé", "Perdu", "Démo faite", "Signé", "Rendez-vous"]
    assert deals["outcome"].tolist() == ["won", "lost", "open", "won", "open"]
    assert deals["closed_at"].tolist()[:2] == [pd.Timestamp("2026-02-04 10:00"), pd.Timestamp("2026-02-10")]
    assert deals["closed_at"].isna().tolist() == [False, False, True, True, True]  # 3004 was won on no day
    assert deals.loc["3003", "expected_close_at"] == pd.Timestamp("2026-06-30")
    assert deals["probability"].tolist() == [1, 0, 0.5, 1, 0.2]
    assert deals["amount"].fillna(-1).tolist() == [9000, 4000, 15000, 1000, -1]
    assert deals["kind"].fillna("").tolist() == ["new", "new", "expansion", "", ""]
    assert deals["lost_reason"].fillna("").tolist() == ["", "Budget", "", "", ""]
    assert deals["pipeline"].tolist() == ["Ventes"] * 5


def test_keys_link(warehouse):
    crm, _ = warehouse
    deals, leads = _deals(crm), crm.leads.to_pandas().set_index("lead_id")
    assert deals["customer_id"].fillna("").tolist() == ["501", "", "501", "", ""]  # 3002 is of two companies
    assert deals["lead_id"].fillna("").tolist() == ["901", "902", "", "", ""]
    assert leads["opportunity_id"].fillna("").tolist() == ["3001", "3002", ""]
    assert leads["customer_id"].fillna("").tolist() == ["501", "502", ""]
    assert leads["converted_at"].tolist()[0] == pd.Timestamp("2026-01-05 10:00")
    users = crm.users.to_pandas()
    assert users["name"].tolist() == ["Amélie Dubois", "민수 김", "sales@example.com"]
    assert users["team"].fillna("").tolist() == ["Paris", "서울", ""]
    tickets = crm.tickets.to_pandas()
    assert tickets["customer_id"].tolist() == ["501", "502"]
    assert tickets["status"].tolist() == ["Fermé", "Nouveau"]


def test_stages_have_their_labels_and_a_stage_that_is_gone_keeps_its_id(warehouse):
    stages = warehouse[0].opportunity_stages.to_pandas()
    assert stages.groupby("opportunity_id")["stage"].agg(list).to_dict() == {
        "3001": ["Rendez-vous", "Démo faite", "Signé"], "3002": ["Rendez-vous", "Perdu"], "3003": ["old_stage_gone"],
    }  # fmt: skip
    assert stages["entered_at"].tolist()[4] == pd.Timestamp("2026-02-10")  # no date_entered: when the row began


def test_activities_are_what_took_place(warehouse):
    done = warehouse[0].activities.to_pandas().set_index("activity_id")
    assert done["kind"].to_dict() == {
        "6001": "call", "6003": "email", "6004": "email", "6005": "meeting", "6007": "note", "6008": "task",
    }  # fmt: skip
    assert done["direction"].fillna("").tolist() == ["out", "in", "out", "", "", ""]
    assert done["duration_minutes"].fillna(0).tolist() == [5, 0, 0, 45, 0, 0]
    assert done.loc["6008", "at"] == pd.Timestamp("2026-02-02 16:30")
    assert done["opportunity_id"].fillna("").tolist() == ["3001", "", "", "3001", "", "3002"]
    assert done["lead_id"].fillna("").tolist() == ["901", "", "", "901", "", ""]


def test_metrics_worked_by_hand(warehouse):
    crm, _ = warehouse
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-04-30"
    assert _value(crm, "win_rate", Q1) == 0.5
    assert _value(crm, "sales_cycle_days", Q1) == 30
    pipeline = crm.measure("pipeline_value", period="2026-03", by="outcome").set_index("outcome")["value"]
    assert pipeline["open"] == 15000  # beside 1000 of 3004, which was won on no known day
    weighted = crm.measure("weighted_pipeline", period="2026-03", by="outcome").set_index("outcome")["value"]
    assert weighted["open"] == 7500
    assert _value(crm, "lead_to_win_days", Q1) == pytest.approx(46 + 2 / 24)  # 20 December 08:00 to 4 February 10:00
    assert _value(crm, "first_response_hours", Q1) == 1
    assert _value(crm, "nps", Q1) == 0  # one promoter, one detractor


def test_what_was_merged_into_another_counts_once(warehouse):
    crm, account = warehouse
    assert "3007" not in _deals(crm).index  # merged into 3001
    assert "905" not in crm.leads.to_pandas()["lead_id"].tolist()
    for table in ("opportunities", "leads"):
        assert f"{table}: 1 row left out by the rule filled _not_merged" in account.text()


def test_the_pipeline_says_the_order_of_its_stages(warehouse):
    stages = {stage.name: stage.meaning for stage in warehouse[0].config.stages}
    assert list(stages.items()) == [
        ("Rendez-vous", "open"), ("Démo faite", "open"), ("Signé", "won"), ("Perdu", "lost"),
    ]  # fmt: skip


def test_what_is_left_out_is_said(warehouse):
    said = warehouse[1].text()
    for line in (
        "customers: 1 row left out by the rule without is_deleted = true",
        "leads: 1 row left out by the rule without _fivetran_deleted = true",
        "opportunities: 1 row left out by the rule without is_deleted = true",
        "campaign_responses: 1 row left out by the rule without filtered_event = true",
        "activities: 1 row left out by the rule without property_hs_meeting_outcome = CANCELED / NO_SHOW",
        "activities: 1 row left out by the rule without property_hs_task_status = NOT_STARTED",
    ):
        assert line in said
    assert "campaigns.cost: empty: HubSpot doesn't know what an e-mail campaign costs" in said


def test_the_api_goes_by_its_flags(tmp_path):
    adapters.run("hubspot", [FIXTURES / "api"], tmp_path / "crm")
    crm = crmkit.open(tmp_path / "crm")
    deals = _deals(crm)
    assert deals["outcome"].tolist() == ["won", "lost", "open"]
    assert deals["stage"].tolist() == ["1234567", "7654321", "contractsent"]  # no table of stages: the ids stay
    assert deals["customer_id"].tolist() == ["501", "501", "502"]
    assert deals["kind"].tolist() == ["new", "renewal", "expansion"]
    stages = crm.opportunity_stages.to_pandas()  # from the columns hs_v2_date_entered_…
    assert stages.groupby("opportunity_id")["stage"].agg(sorted).to_dict() == {
        "11": ["1234567", "appointmentscheduled", "contractsent"], "12": ["appointmentscheduled"],
        "13": ["appointmentscheduled", "contractsent"],
    }  # fmt: skip
    assert _value(crm, "win_rate", "2026-03") == 0.5
    assert _value(crm, "sales_cycle_days", "2026-03") == 10
    assert _value(crm, "pipeline_value", "2026-03") == 1200


def test_the_history_of_properties_gives_the_stages_where_there_is_no_history_of_stages(tmp_path):
    source = tmp_path / "export"
    source.mkdir()
    (source / "deal.csv").write_text("deal_id,property_dealname,deal_pipeline_stage_id,property_createdate\n")
    (source / "deal_property_history.csv").write_text(
        "deal_id,timestamp,source,name,value\n1,2026-01-05 10:00:00.123,CRM_UI,dealstage,appointmentscheduled\n"
        "1,2026-01-06 10:00:00.5,CRM_UI,amount,900\n1,2026-01-20 10:00:00.5,CRM_UI,dealstage,closedwon\n"
    )
    account = adapters.run("hubspot", [source], tmp_path / "crm")
    stages = pd.read_csv(tmp_path / "crm/opportunity_stages.csv")
    assert stages["stage"].tolist() == ["appointmentscheduled", "closedwon"]
    assert "opportunity_stages: 1 row left out by the rule only name = dealstage" in account.text()


def test_a_stage_that_nothing_explains_is_refused(tmp_path):
    text = "deal_id,dealname,dealstage,amount,createdate,closedate\n1,Eis,48211,5,2026-01-01,2026-01-31\n"
    (tmp_path / "deal.csv").write_text(text)
    with pytest.raises(DataError, match=r"opportunities.outcome .*'48211' in deal.csv, line 2 has no meaning"):
        adapters.run("hubspot", [tmp_path / "deal.csv"], tmp_path / "crm")


def test_a_link_to_a_file_that_is_not_there_is_not_made(tmp_path):
    (tmp_path / "contact.csv").write_text("id,email,createdate\n901,claire@example.net,2026-01-05\n")
    adapters.run("hubspot", [tmp_path / "contact.csv"], tmp_path / "crm")
    assert "customer_id" not in pd.read_csv(tmp_path / "crm/leads.csv").columns  # rather than the contact's own key


def test_the_seeds_of_a_warehouse(shared, tmp_path):
    source = shared / "exports/hubspot_fivetran"

    def plain(name: str) -> pd.DataFrame:
        return pd.read_csv(source / f"{name}_data.csv", dtype=str, keep_default_na=False)

    account = adapters.run("hubspot", [source], tmp_path / "crm")
    crm = crmkit.open(tmp_path / "crm")
    rows = {table.name: table.rows for table in account.tables}
    events = plain("email_event")
    reactions = events["type"].isin(["SENT", "OPEN", "CLICK"]) & (events["filtered_event"] != "true")
    kinds = ("engagement_call", "engagement_email", "engagement_meeting", "engagement_note", "engagement_task")
    assert rows == {
        "users": len(plain("owner")), "customers": (plain("company")["is_deleted"] == "false").sum(),
        "leads": (plain("contact")["_fivetran_deleted"] == "FALSE").sum(),
        "opportunities": (plain("deal")["is_deleted"] == "false").sum(), "opportunity_stages": len(plain("deal_stage")),
        "tickets": len(plain("ticket")), "campaigns": len(plain("email_campaign")),
        "campaign_responses": reactions.sum(), "activities": sum(len(plain(kind)) for kind in kinds),
    }  # fmt: skip
    deals, tickets = _deals(crm), crm.tickets.to_pandas().set_index("ticket_id")
    assert set(deals["outcome"]) == {"open"}  # none of the seeds' deals has a stage
    assert deals["owner_id"].fillna("").tolist() == plain("deal")["owner_id"].tolist()
    closed = plain("ticket").set_index("id")["property_closed_date"]
    assert tickets["resolved_at"].notna().to_dict() != {}
    assert pd.to_datetime(closed[closed != ""]).max() == pd.Timestamp("2025-07-25 08:15")
    assert "customer_id" not in pd.read_csv(tmp_path / "crm/leads.csv").columns  # the seeds don't say
    assert "empty → open (44)" in account.text()
