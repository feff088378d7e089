"""kintone's apps: Shift-JIS with the characters of Windows, or UTF-8; records with a table; expectations by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "kintone"


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    to = tmp_path_factory.mktemp("kintone") / "crm"
    account = adapters.run("kintone", [FIXTURES / "sjis"], to, encoding="cp932")
    return crmkit.open(to), account


def test_the_encoding_is_asked_for(tmp_path):
    with pytest.raises(crmkit.DataError, match=r"is not UTF-8(?s:.*)cp932 .*会社名(?s:.*)--encoding"):
        adapters.run("kintone", [FIXTURES / "sjis"], tmp_path / "crm")


def test_deals(imported):
    crm, account = imported
    assert {table.name: table.rows for table in account.tables} == {
        "customers": 2, "opportunities": 5, "activities": 2,
    }  # fmt: skip
    deals = crm.opportunities.to_pandas().set_index("opportunity_id")
    assert deals["name"].tolist()[:2] == ["トルクレンチ①", "コピー用紙"]
    assert deals["outcome"].tolist() == ["won", "won", "lost", "open", "open"]
    assert deals["closed_at"].dropna().tolist() == [
        pd.Timestamp("2026-02-09"),  # the day of the order
        pd.Timestamp("2026-03-01"),  # none was entered: the expected day
        pd.Timestamp("2026-03-13"),
    ]
    assert deals["customer_id"].tolist() == ["11", "12", "12", "11", "どこにもない会社"]
    assert deals["owner_id"].fillna("").tolist() == ["佐藤 昇", "加藤 美咲", "加藤 美咲", "佐藤 昇", ""]
    assert deals["lost_reason"].dropna().tolist() == ["高い"]
    assert deals["rank"].fillna("").tolist() == ["A", "A", "C", "B", ""]


def test_customers_and_activities(imported):
    crm, _ = imported
    customers = crm.customers.to_pandas().set_index("customer_id")
    assert customers["name"].tolist() == ["㈱髙島工具", "製紙ウーチ株式会社"]
    assert customers.loc["11", "created_at"] == pd.Timestamp("2025-11-03 08:00")
    done = crm.activities.to_pandas()
    assert done[["kind", "customer_id", "opportunity_id"]].values.tolist() == [
        ["call", "11", "1"],
        ["visit", "12", "2"],
    ]


def test_metrics_by_hand(imported):
    crm, _ = imported
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-03-20"

    def measured(name):
        return crm.measure(name, period="2026-Q1")["value"].item()

    assert measured("win_rate") == pytest.approx(2 / 3)
    assert measured("sales_cycle_days") == (30 + 40) / 2
    assert measured("pipeline_value") == 5000 + 2000
    assert measured("won_revenue") == 1200 + 75000


def test_utf8_and_a_record_with_a_table(tmp_path):
    account = adapters.run("kintone", [FIXTURES / "utf8"], tmp_path / "crm")
    deals = crmkit.open(tmp_path / "crm").opportunities.to_pandas()
    assert deals["opportunity_id"].tolist() == ["1", "3", "4"]
    assert deals["amount"].tolist() == [1200, 8000, 5000]
    assert "opportunities: 1 row left out by the rule without レコードの開始行" in account.text()


def test_a_status_of_ones_own_is_asked_for(tmp_path):
    text = (FIXTURES / "utf8" / "案件管理_20260320T1000.csv").read_text(encoding="utf-8-sig")
    (tmp_path / "案件管理.csv").write_text(text.replace("提案中", "稟議中"), encoding="utf-8")
    with pytest.raises(crmkit.DataError, match=r"outcome .*value '稟議中' in 案件管理.csv, line 5.*extends"):
        adapters.run("kintone", [tmp_path / "案件管理.csv"], tmp_path / "crm")
