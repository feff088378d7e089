"""悟空CRM's exports: GBK, workbooks under a title line, invalid deals, contracts not yet approved; by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "wukong"
FJORD, PAPER = "峡湾工具有限公司", "罗兹纸业"


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    to = tmp_path_factory.mktemp("wukong") / "crm"
    account = adapters.run("wukong", [FIXTURES / "gbk"], to, encoding="gb18030")
    return crmkit.open(to), account


def test_the_rows_of_every_table_and_what_is_left_out(imported):
    _, account = imported
    assert {table.name: table.rows for table in account.tables} == {
        "products": 1, "orders": 1, "customers": 2, "opportunities": 5, "leads": 1, "payments": 1, "surveys": 2,
    }  # fmt: skip
    text = account.text()
    assert "opportunities: 1 row left out by the rule without 商机阶段 = 无效" in text
    assert "orders: 1 row left out by the rule without 审核状态" in text
    assert "payments: 1 row left out by the rule without 审核状态" in text
    assert "悟空CRM doesn't export converted leads" in text


def test_deals(imported):
    deals = imported[0].opportunities.to_pandas().set_index("name")
    assert deals["outcome"].to_dict() == {
        "扭矩扳手": "won", "A4复印纸": "won", "信封": "lost", "电钻": "open", "旧电钻": "open",
    }  # fmt: skip
    assert deals["closed_at"].dropna().to_dict() == {
        "扭矩扳手": pd.Timestamp("2026-02-09"),  # its contract was signed before the expected day
        "A4复印纸": pd.Timestamp("2026-03-02"),
        "信封": pd.Timestamp("2026-03-13"),
    }
    assert deals["customer_id"].tolist() == [FJORD, PAPER, PAPER, FJORD, "不存在的公司"]
    assert deals["amount"].fillna(-1).tolist() == [1200.5, 75000, 8000, 5000, -1]
    assert deals.loc["扭矩扳手", "opportunity_id"] == "扭矩扳手 / 2026-01-10 00:00:00"


def test_contracts_receipts_products_and_visits(imported):
    crm, _ = imported
    order = crm.orders.to_pandas().iloc[0]
    assert order[["order_id", "customer_id", "amount"]].tolist() == ["HT-0001", FJORD, 1200.5]
    assert crm.payments.to_pandas()[["payment_id", "order_id", "amount"]].values.tolist() == [
        ["HK-0001", "HT-0001", 600.25]
    ]
    assert crm.products.to_pandas()["product_id"].tolist() == ["00042"]  # text: the zeros in front stay
    answers = crm.surveys.to_pandas()
    assert answers[["survey", "score", "customer_id"]].values.tolist() == [["csat", 5, FJORD], ["csat", 3, PAPER]]


def test_metrics_by_hand(imported):
    crm, _ = imported
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-03-20"

    def measured(name):
        return crm.measure(name, period="2026-Q1")["value"].item()

    assert measured("win_rate") == pytest.approx(2 / 3)
    assert measured("sales_cycle_days") == (30 + 41) / 2
    assert measured("pipeline_value") == 5000
    assert measured("revenue") == 1200.5
    assert measured("csat") == 1 / 2


def test_workbooks_under_a_title_line_hold_the_same(imported, tmp_path):
    adapters.run("wukong", [FIXTURES / "xlsx"], tmp_path / "crm")
    names = ["opportunity_id", "customer_id", "outcome", "amount", "created_at", "expected_close_at"]
    crm = crmkit.open(tmp_path / "crm")
    pd.testing.assert_frame_equal(
        crm.opportunities.to_pandas()[names], imported[0].opportunities.to_pandas()[names], check_dtype=False
    )
    # without the contracts the expected day stands for the end of a deal
    assert crm.opportunities.to_pandas()["closed_at"].iloc[0] == pd.Timestamp("2026-02-28")
