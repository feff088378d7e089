"""Bitrix24's exports: CSV in Russian and English, an HTML table named .xls, tables of its connector; by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "bitrix24"


def _import(folder: str, to: Path):
    account = adapters.run("bitrix24", [FIXTURES / folder], to)
    return crmkit.open(to), account


@pytest.fixture(scope="module")
def russian(tmp_path_factory):
    return _import("ru", tmp_path_factory.mktemp("bitrix24") / "crm")


@pytest.fixture(scope="module")
def connector(tmp_path_factory):
    return _import("api", tmp_path_factory.mktemp("bitrix24") / "crm")


def test_the_rows_of_every_table(russian):
    _, account = russian
    assert {table.name: table.rows for table in account.tables} == {"customers": 3, "opportunities": 6, "leads": 3}


def test_deals_in_russian(russian):
    deals = russian[0].opportunities.to_pandas().set_index("opportunity_id")
    assert deals["outcome"].tolist() == ["won", "won", "lost", "open", "open", "open"]
    assert deals.loc["105", "stage"] == "Юридическая проверка"  # a stage of its own; the deal isn't marked as closed
    assert deals["closed_at"].dropna().tolist() == list(pd.to_datetime(["2026-02-09", "2026-03-01", "2026-03-13"]))
    assert deals.loc["101", "expected_close_at"] == pd.Timestamp("2026-02-28")  # the deal came to its end before
    assert deals["amount"].fillna(-1).tolist() == [1200.5, 75000, 8000, 5000, 2000, -1]
    assert set(deals["currency"]) == {"RUB"}
    assert deals["kind"].tolist() == ["new", "expansion", "new", "new", "new", "new"]


def test_companies_and_contacts_with_the_same_numbers_are_kept_apart(russian):
    crm, _ = russian
    customers = crm.customers.to_pandas().set_index("customer_id")
    assert customers["name"].to_dict() == {"CO_12": "ООО «Фьорд»", "CO_13": "Бумага и Ко", "C_12": "Ева Новак"}
    assert customers["kind"].tolist() == ["business", "business", "person"]
    deals = crm.opportunities.to_pandas().set_index("opportunity_id")
    assert deals["customer_id"].fillna("").tolist() == ["CO_12", "CO_13", "CO_13", "CO_12", "C_12", ""]


def test_leads(russian):
    leads = russian[0].leads.to_pandas().set_index("lead_id")
    assert leads["converted_at"].dropna().to_dict() == {"201": pd.Timestamp("2026-01-10 09:00")}
    assert leads["status"].tolist() == ["Качественный лид", "Не обработан", "Некачественный лид"]


def test_metrics_by_hand(russian):
    crm, _ = russian
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-03-20"

    def measured(name):
        return crm.measure(name, period="2026-Q1")["value"].item()

    assert measured("win_rate") == pytest.approx(2 / 3)
    assert measured("sales_cycle_days") == (30 + 40) / 2
    assert measured("pipeline_value") == 5000 + 2000
    assert measured("won_revenue") == 1200.5 + 75000


@pytest.mark.parametrize(("folder", "stage"), [("en", "Legal review"), ("xls", "В работе")])
def test_english_headers_and_an_html_table(tmp_path, folder, stage):
    crm, _ = _import(folder, tmp_path / "crm")
    deals = crm.opportunities.to_pandas().set_index("opportunity_id")
    assert deals["outcome"].tolist() == ["won", "lost", "open"]
    assert deals.loc["104", "stage"] == stage
    assert deals["closed_at"].dropna().tolist() == list(pd.to_datetime(["2026-02-09", "2026-03-13"]))
    assert deals["amount"].tolist() == [1200.5, 8000, 5000]
    assert deals.loc["101", "name"] == {"en": "Torque wrenches", "xls": "Ключи & дрели"}[folder]


def test_the_connector_s_tables(connector):
    crm, account = connector
    assert {table.name: table.rows for table in account.tables} == {
        "users": 1, "customers": 1, "opportunities": 3, "opportunity_stages": 2, "leads": 1, "activities": 2,
    }  # fmt: skip
    deals = crm.opportunities.to_pandas().set_index("opportunity_id")
    assert deals["outcome"].tolist() == ["won", "lost", "open"]  # by the semantics of stages such as C2:UC_NOMONEY
    assert deals["closed_at"].dropna().tolist() == list(pd.to_datetime(["2026-02-09", "2026-03-13"]))
    assert deals["customer_id"].tolist() == ["CO_12"] * 3
    lead = crm.leads.to_pandas().iloc[0]
    assert (lead["opportunity_id"], lead["converted_at"]) == ("101", pd.Timestamp("2026-01-10"))
    done = crm.activities.to_pandas()
    assert done[["kind", "opportunity_id", "customer_id", "direction"]].fillna("").values.tolist() == [
        ["call", "101", "", "out"], ["meeting", "", "CO_12", ""],
    ]  # fmt: skip
    assert done["duration_minutes"].tolist() == [20, 90]
    assert "activities: 1 row left out by the rule without COMPLETED" in account.text()


PRODUCTS = (
    '"ID";"Название сделки";"Стадия сделки";"Сумма";"Валюта";"Дата создания";"Дата изменения стадии";'
    '"Товар";"Цена";"Количество";\n'
    '"101";"Ключи";"Сделка успешна";"1000";"Евро";"10.01.2026 00:00:00";"09.02.2026 00:00:00";"Ключ";"500";"2";\n'
    '"101";"Ключи";"Сделка успешна";"200.50";"Евро";"10.01.2026 00:00:00";"09.02.2026 00:00:00";"Сумка";"200.5";"1";\n'
    '"102";"Бумага";"Новая";"70";"Евро";"20.01.2026 00:00:00";"20.01.2026 00:00:00";"";"";"";\n'
)


def test_deals_with_their_products_are_added_up_only_where_that_was_asked_for(tmp_path):
    (tmp_path / "deal.csv").write_text(PRODUCTS, encoding="utf-8-sig")
    with pytest.raises(crmkit.DataError, match="the key 101"):
        adapters.run("bitrix24", [tmp_path / "deal.csv"], tmp_path / "crm")
    adapters.run("bitrix24_products", [tmp_path / "deal.csv"], tmp_path / "crm")
    deals = crmkit.open(tmp_path / "crm").opportunities.to_pandas()
    assert deals[["opportunity_id", "amount", "outcome"]].values.tolist() == [
        ["101", 1200.5, "won"], ["102", 70, "open"],
    ]  # fmt: skip
    assert deals["product"].fillna("").tolist() == ["Ключ", ""]
    recognised = adapters.run("auto", [tmp_path / "deal.csv"], tmp_path / "crm")
    assert recognised.system == "bitrix24_products"


def test_a_closed_deal_in_a_stage_of_ones_own_is_asked_for(tmp_path):
    text = (FIXTURES / "ru" / "DEAL_20260320_c3.csv").read_text(encoding="utf-8-sig")
    (tmp_path / "deal.csv").write_text(text.replace("Анализ причины провала", "Нет бюджета"), encoding="utf-8-sig")
    with pytest.raises(crmkit.DataError, match=r"outcome .*value 'Нет бюджета' in deal.csv, line 4"):
        adapters.run("bitrix24", [tmp_path / "deal.csv"], tmp_path / "crm")
