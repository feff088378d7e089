"""Pipedrive, as its API and as its list views write it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters
from crmkit.errors import DataError

FIXTURES = Path(__file__).parent / "pipedrive"
Q1 = "2026-Q1"


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    """A company as the API gives it, imported: the CRM opened, and the account."""
    to = tmp_path_factory.mktemp("pipedrive") / "crm"
    account = adapters.run("pipedrive", [FIXTURES / "api"], to)
    return crmkit.open(to), account


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    """A company as exports of its list views write it: the CRM opened, and the account."""
    to = tmp_path_factory.mktemp("pipedrive_views") / "crm"
    account = adapters.run("pipedrive", [FIXTURES / "views"], to)
    return crmkit.open(to), account


def _deals(crm) -> pd.DataFrame:
    return crm.opportunities.to_pandas().set_index("opportunity_id")


def _value(crm, metric: str, period: str, **options) -> float:
    return crm.measure(metric, period=period, **options)["value"].item()


def test_every_part_of_the_api_becomes_its_table(api):
    assert {table.name: table.rows for table in api[1].tables} == {
        "users": 2, "customers": 2, "products": 2, "leads": 2, "opportunities": 5, "opportunity_stages": 3,
        "activities": 4,
    }  # fmt: skip


def test_deals_of_the_api(api):
    deals = _deals(api[0])
    assert deals["outcome"].tolist() == ["won", "lost", "open", "open", "lost"]
    assert deals["stage"].tolist() == ["Negociação", "Qualificado", "Proposta", "Qualificado", "Proposta"]
    closed = [pd.Timestamp("2026-02-04 10:00"), pd.Timestamp("2026-02-19"), pd.Timestamp("2026-03-01")]
    assert deals["closed_at"].dropna().tolist() == closed  # 306 was won, opened again and lost: the loss counts
    assert deals["amount"].tolist() == [12000, 800.5, 20000, 0, 300]
    assert deals["probability"].tolist()[2:4] == [0.75, 0.2]  # the deal's own, else its stage's
    assert deals["product_id"].fillna("").tolist() == ["901", "", "", "", ""]  # 303 has two
    assert deals["lost_reason"].fillna("").tolist() == ["", "Zu teuer", "", "", "Desistiu"]
    assert set(deals["customer_id"].dropna()) <= set(api[0].customers.to_pandas()["customer_id"])
    assert deals["owner_id"].map(api[0].users.to_pandas().set_index("user_id")["name"]).iloc[1] == "Jürgen Groß"


def test_the_pipeline_says_the_order_of_its_stages(api):
    assert [stage.name for stage in api[0].config.stages] == ["Qualificado", "Proposta", "Negociação"]
    assert {stage.meaning for stage in api[0].config.stages} == {"open"}


def test_the_log_of_a_deal_gives_its_stages(api):
    stages = api[0].opportunity_stages.to_pandas()
    assert stages["stage"].tolist() == ["Proposta", "Negociação", "Proposta"]
    assert stages["entered_at"].iloc[1] == pd.Timestamp("2026-02-01 10:00")


def test_activities_that_are_done(api):
    done = api[0].activities.to_pandas().set_index("activity_id")
    assert done["kind"].to_dict() == {"501": "call", "502": "meeting", "503": "task", "505": "email"}
    assert done["at"].tolist()[:2] == [pd.Timestamp("2026-01-07 09:20"), pd.Timestamp("2026-01-12")]
    assert done["lead_id"].fillna("").iloc[-1] == "55ebb4c0-536e-11ea-87d0-d1171b17f6a0"


def test_metrics_of_the_api_worked_by_hand(api):
    crm, _ = api
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-04-30"
    assert _value(crm, "win_rate", Q1) == pytest.approx(1 / 3)
    assert _value(crm, "sales_cycle_days", Q1) == 30
    assert _value(crm, "pipeline_value", "2026-03") == 20000
    assert _value(crm, "weighted_pipeline", "2026-03") == pytest.approx(15000)
    assert _value(crm, "leads", Q1) == 2


def test_what_the_api_has_and_is_left_out_is_said(api):
    said = api[1].text()
    assert "opportunities: 1 row left out by the rule without status = deleted" in said
    assert "customers: 1 row left out by the rule without active_flag = false" in said
    assert "activities: 1 row left out by the rule without done = false" in said
    assert "opportunity_stages: 1 row left out by the rule only field_key = stage_id" in said


def test_deals_of_the_list_views(views):
    crm, account = views
    deals = _deals(crm)
    assert deals["outcome"].tolist() == ["won", "lost", "open", "won"]
    assert deals["stage"].tolist() == ["Verhandlung", "Qualifiziert", "Angebot", "Angebot"]
    assert deals["customer_id"].fillna("").tolist() == ["71", "72", "71", ""]  # by the organization's name
    assert deals["owner_id"].tolist() == ["Jürgen Groß", "李 娜", "Jürgen Groß", "Jürgen Groß"]
    assert deals["closed_at"].iloc[3] == pd.Timestamp("2026-02-11")  # no time of winning: the day it was closed on
    assert deals["label"].fillna("").iloc[2] == "Hot,Bestandskunde"
    assert crm.activities.to_pandas()[["kind", "customer_id", "opportunity_id"]].to_numpy().tolist() == [
        ["call", "71", "1"]
    ]
    assert _value(crm, "win_rate", Q1) == pytest.approx(2 / 3)
    assert _value(crm, "sales_cycle_days", Q1) == 20  # 30 and 10
    assert _value(crm, "pipeline_value", "2026-03") == 900
    assert "activities: 1 row left out by the rule without Activity - Done" in account.text()


def test_a_status_in_another_language_is_refused_with_the_way_out(tmp_path):
    text = (FIXTURES / "views/deals-4727-12.csv").read_text(encoding="utf-8-sig").replace('"Open"', '"Åben"')
    (tmp_path / "deals.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"outcome .*'Åben' in deals.csv, line 4 has no meaning.*known: open, won"):
        adapters.run("pipedrive", [tmp_path / "deals.csv"], tmp_path / "crm")


def test_a_company_says_what_its_words_mean(tmp_path):
    text = (FIXTURES / "views/deals-4727-12.csv").read_text(encoding="utf-8-sig").replace('"Open"', '"Åben"')
    (tmp_path / "deals.csv").write_text(text, encoding="utf-8")
    own = 'extends = "pipedrive"\n[tables.opportunities.columns.outcome.values]\n"Åben" = "open"\n'
    (tmp_path / "ours.toml").write_text(own, encoding="utf-8")
    adapters.run("ours", [tmp_path / "deals.csv"], tmp_path / "crm", adapter=tmp_path / "ours.toml")
    assert _deals(crmkit.open(tmp_path / "crm"))["outcome"].tolist() == ["won", "lost", "open", "won"]
