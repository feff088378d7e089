"""Cordys CRM's workbooks: numbers and dates as cells hold them, contracts of several rows; expectations by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "cordys"
FJORD, PAPER = "峡湾工具有限公司", "罗兹纸业"


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    to = tmp_path_factory.mktemp("cordys") / "crm"
    account = adapters.run("cordys", [FIXTURES], to)
    return crmkit.open(to), account


def test_the_rows_of_every_table_and_what_is_left_out(imported):
    _, account = imported
    assert {table.name: table.rows for table in account.tables} == {
        "products": 2, "customers": 2, "opportunities": 5, "leads": 1, "activities": 3, "orders": 1, "payments": 1,
    }  # fmt: skip
    text = account.text()
    assert "orders: 1 row left out by the rule without 合同编号" in text  # the second product of a contract
    assert "orders: 1 row left out by the rule without 合同阶段 = 作废" in text


def test_deals(imported):
    deals = imported[0].opportunities.to_pandas().set_index("opportunity_id")
    assert deals["outcome"].tolist() == ["won", "won", "lost", "open", "open"]
    assert deals["stage"].tolist()[3:] == ["方案验证", "法务审核"]  # the last is the company's own, at 80 %
    assert deals["closed_at"].dropna().tolist() == list(pd.to_datetime(["2026-02-09", "2026-03-01", "2026-03-13"]))
    assert deals.loc["Opp-202601-000001", "expected_close_at"] == pd.Timestamp("2026-02-28")
    assert deals["probability"].tolist() == [1, 1, 0, 0.5, 0.8]
    assert deals["customer_id"].tolist() == [FJORD, PAPER, PAPER, FJORD, "不存在的公司"]
    assert deals["lost_reason"].dropna().tolist() == ["价格"]


def test_follow_ups_contracts_and_receipts(imported):
    crm, _ = imported
    done = crm.activities.to_pandas()
    assert done["kind"].tolist() == ["call", "visit", "note"]
    assert done["opportunity_id"].fillna("").tolist() == ["Opp-202601-000001", "", ""]
    assert done["lead_id"].dropna().tolist() == crm.leads.to_pandas()["lead_id"].tolist()
    order = crm.orders.to_pandas().iloc[0]
    assert order[["order_id", "customer_id", "amount"]].tolist() == ["Con-202602-000001", FJORD, 1200.5]
    paid = crm.payments.to_pandas().iloc[0]
    assert paid[["order_id", "customer_id", "amount"]].tolist() == ["Con-202602-000001", FJORD, 600.25]


def test_metrics_by_hand(imported):
    crm, _ = imported
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-03-20"

    def measured(name):
        return crm.measure(name, period="2026-Q1")["value"].item()

    assert measured("win_rate") == pytest.approx(2 / 3)
    assert measured("sales_cycle_days") == (30 + 40) / 2
    assert measured("pipeline_value") == 5000 + 2000
    assert measured("won_revenue") == 1200.5 + 75000
    assert measured("revenue") == 1200.5


def test_a_stage_of_ones_own(tmp_path):
    head = "商机名称,客户名称,业务编码,金额,结束时间,可能性,商机阶段,失败原因,创建时间\n"
    one = tmp_path / "商机.csv"
    one.write_text(head + "甲,子,O-1,10,2026-03-01,0%,搁置,预算,2026-01-10 00:00:00\n", encoding="utf-8")
    adapters.run("cordys", [one], tmp_path / "crm")
    deal = crmkit.open(tmp_path / "crm").opportunities.to_pandas().iloc[0]
    assert (deal["outcome"], deal["probability"]) == ("lost", 0)  # it has a reason of failure
    one.write_text(head + "甲,子,O-1,10,2026-03-01,100%,签约,,2026-01-10 00:00:00\n", encoding="utf-8")
    with pytest.raises(crmkit.DataError, match=r"outcome .*value '签约' in 商机.csv, line 2.*extends"):
        adapters.run("cordys", [one], tmp_path / "crm")


def test_words_of_other_versions(tmp_path):
    (tmp_path / "export").mkdir()
    deals = "业务编码,商机名称,客户名称,金额,赢率,商机阶段,结束时间,创建时间,更新时间,负责人\n"
    deals += f"O-1,扳手,{FJORD},100,60%,项目汇报,2026-04-01,2026-01-05 09:00:00,2026-02-01 09:00:00,王芳\n"
    contracts = "合同编号,合同,客户名称,合同金额,合同开始时间,合同阶段,审批状态\n"
    for number, word in enumerate(("通过", "提审", "不通过", "撤销"), 1):
        contracts += f"C-{number},合同{number},{FJORD},100,2026-02-0{number},已签署,{word}\n"
    (tmp_path / "export/商机_20260320.csv").write_text(deals, encoding="utf-8")
    (tmp_path / "export/合同_20260320.csv").write_text(contracts, encoding="utf-8")
    adapters.run("cordys", [tmp_path / "export"], tmp_path / "out")
    found = pd.read_csv(tmp_path / "out/opportunities.csv")
    assert found[["outcome", "probability"]].to_numpy().tolist() == [["open", 0.6]]
    assert pd.read_csv(tmp_path / "out/orders.csv")["order_id"].tolist() == ["C-1"]  # the approved one
