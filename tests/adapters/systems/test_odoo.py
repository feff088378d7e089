"""Odoo's exports, with labels and with technical names; lost is archived with no chance; expectations by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "odoo"
LEAD = "__export__.crm_lead_"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    to = tmp_path_factory.mktemp("odoo") / "crm"
    account = adapters.run("odoo", [FIXTURES / "labels"], to)
    return crmkit.open(to), account


@pytest.fixture(scope="module")
def technical(tmp_path_factory):
    to = tmp_path_factory.mktemp("odoo") / "crm"
    adapters.run("odoo", [FIXTURES / "technical"], to)
    return crmkit.open(to)


def test_the_rows_of_every_table_and_what_is_left_out(labelled):
    _, account = labelled
    assert {table.name: table.rows for table in account.tables} == {
        "users": 2, "customers": 3, "opportunities": 7, "leads": 2, "orders": 2, "tickets": 2,
    }  # fmt: skip
    text = account.text()
    assert "customers: 1 row left out by the rule without Address Type" in text  # a warehouse is no customer
    assert "opportunities: 1 row left out by the rule without type = lead /" in text
    assert "orders: 1 row left out by the rule without External ID" in text  # the second line of an order
    assert "orders: 2 rows left out by the rule without Status = Quotation" in text


def test_deals_with_labels(labelled):
    deals = labelled[0].opportunities.to_pandas()
    assert deals["outcome"].tolist() == ["won", "won", "lost", "open", "open", "open", "won"]
    assert deals["stage"].tolist() == ["Won", "Won", "Proposition", "Qualified", "Legal review", "New", "Won"]
    assert deals["closed_at"].fillna(pd.Timestamp(0)).tolist() == [
        pd.Timestamp("2026-02-09 16:00"), pd.Timestamp("2026-03-01"), pd.Timestamp("2026-03-13"),
        pd.Timestamp(0), pd.Timestamp(0), pd.Timestamp(0),
        pd.Timestamp("2026-01-25"),  # an imported win without a closing date: the last change of its stage
    ]  # fmt: skip
    assert deals["probability"].tolist() == pytest.approx([1, 1, 0, 0.5, 0.6231, 0.125, 1])
    assert deals["lost_reason"].dropna().tolist() == ["Too expensive"]
    assert set(deals["currency"]) == {"EUR"}


def test_links_with_labels(labelled):
    crm, _ = labelled
    deals = crm.opportunities.to_pandas()
    partners = deals["customer_id"].str.extract(r"res_partner_(\d+)_")[0].fillna("")
    assert partners.tolist() == ["11", "13", "12", "11", "", "", "11"]  # the second by its display name
    assert deals["owner_id"].fillna("").tolist()[:2] == ["base.user_nora", "base.user_omar"]
    orders = crm.orders.to_pandas()
    assert orders["opportunity_id"].tolist() == [f"{LEAD}1_c1", f"{LEAD}2_c2"]
    assert orders["amount"].tolist() == [1200.5, 75000]
    tickets = crm.tickets.to_pandas()
    assert tickets["agent_id"].tolist() == ["base.user_omar"] * 2
    assert tickets["resolved_at"].dropna().tolist() == [pd.Timestamp("2026-03-02 08:00")]


def test_a_converted_lead_is_a_lead_and_an_opportunity(labelled):
    crm, _ = labelled
    leads = crm.leads.to_pandas().set_index("lead_id")
    assert leads.index.tolist() == [f"{LEAD}8_c8", f"{LEAD}1_c1"]
    converted = leads.loc[f"{LEAD}1_c1"]
    assert converted["created_at"] == pd.Timestamp("2025-12-20 09:00")
    assert converted["converted_at"] == pd.Timestamp("2026-01-10 09:00")
    assert converted["opportunity_id"] == f"{LEAD}1_c1"
    deals = crm.opportunities.to_pandas().set_index("opportunity_id")
    assert deals["lead_id"].dropna().to_dict() == {f"{LEAD}1_c1": f"{LEAD}1_c1"}
    assert deals.loc[f"{LEAD}1_c1", "created_at"] == pd.Timestamp("2026-01-10 09:00")  # its conversion


def test_metrics_by_hand(labelled):
    crm, _ = labelled

    def measured(name):
        return crm.measure(name, period="2026-Q1")["value"].item()

    assert measured("win_rate") == 3 / 4
    assert measured("sales_cycle_days") == pytest.approx((30 + 7 / 24 + 40 + 20) / 3)
    assert measured("pipeline_value") == 5000 + 2000 + 700
    assert measured("won_revenue") == 1200.5 + 75000 + 300
    assert measured("revenue") == 1200.5 + 75000


def test_technical_names_and_the_history_of_stages(technical):
    deals = technical.opportunities.to_pandas().set_index("opportunity_id")
    assert deals["outcome"].tolist() == ["won", "open", "lost"]
    assert deals["stage"].tolist() == ["Gewonnen", "Angebot", "Angebot"]
    assert deals.loc[f"{LEAD}12_f1", ["customer_id", "owner_id"]].tolist() == [
        "__export__.res_partner_11_a1", "base.user_nora",
    ]  # fmt: skip
    passed = technical.opportunity_stages.to_pandas()
    assert passed["opportunity_id"].tolist() == [f"{LEAD}12_f1"] * 3  # found by the number in the database
    assert passed["stage"].tolist() == ["Neu", "Angebot", "Gewonnen"]
    assert passed["entered_at"].iloc[0] == pd.Timestamp("2026-01-10")  # when the deal was made


def test_without_a_probability_the_name_of_the_stage_says_that_it_is_won(tmp_path):
    (tmp_path / "crm.lead.csv").write_text(
        "id,name,stage_id/name,create_date,date_closed,expected_revenue\n"
        "a,A,Gagné,2026-01-10 00:00:00,2026-02-09 00:00:00,10\nb,B,Devis,2026-01-10 00:00:00,,20\n",
        encoding="utf-8",
    )
    adapters.run("odoo", [tmp_path / "crm.lead.csv"], tmp_path / "crm")
    assert crmkit.open(tmp_path / "crm").opportunities.to_pandas()["outcome"].tolist() == ["won", "open"]


def test_invoices_in_the_place_of_sales_orders(tmp_path):
    account = adapters.run("odoo_invoices", [FIXTURES / "labels", FIXTURES / "invoices"], tmp_path / "crm")
    crm = crmkit.open(tmp_path / "crm")
    orders = crm.orders.to_pandas()
    assert orders["number"].tolist() == ["INV/2026/00001", "RINV/2026/00001"]
    assert orders["customer_id"].tolist() == ["__export__.res_partner_11_a1"] * 2
    assert crm.measure("revenue", period="2026-Q1")["value"].item() == 1200.5 - 100.5
    text = account.text()
    assert "orders: 1 row left out by the rule without Status = Draft" in text
    assert "orders: 1 row left out by the rule without Type = Vendor Bill" in text
