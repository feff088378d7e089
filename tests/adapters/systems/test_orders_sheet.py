"""Spreadsheets of order lines become orders, lines, customers and products; returns stay negative."""

from __future__ import annotations

from pathlib import Path

import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "orders_sheet"


def _imported(name: str, to: Path, **options):
    account = adapters.run("orders_sheet", [FIXTURES / name], to, **options)
    return crmkit.open(to), account


def _value(crm, metric: str, period: str) -> float:
    return crm.measure(metric, period=period)["value"].item()


@pytest.fixture(scope="module")
def retail(tmp_path_factory):
    """Lines as UCI's Online Retail has them, imported: the CRM and the account."""
    return _imported("Online Retail.csv", tmp_path_factory.mktemp("retail") / "crm")


def test_lines_become_orders(retail):
    crm, _ = retail
    orders = crm.orders.to_pandas().set_index("order_id")["amount"]
    assert orders.to_dict() == pytest.approx({
        "536365": 6 * 2.55 + 2 * 3.39, "536366": 12 * 1.85, "C536379": -2.55, "536370": 24 * 3.75 + 18,
        "536414": 0, "536544": 2.51,
    })  # fmt: skip
    assert _value(crm, "revenue", "2010-12") == pytest.approx(22.08 + 22.2 - 2.55 + 108 + 0 + 2.51)


def test_customers_are_made_from_the_rows(retail):
    crm, account = retail
    customers = crm.customers.to_pandas().set_index("customer_id")
    assert sorted(customers.index) == ["12583", "13047", "17850"]
    assert customers.loc["12583", "country"] == "France"
    assert str(customers.loc["17850", "created_at"]) == "2010-12-01 08:26:00"
    assert crm.orders.to_pandas()["customer_id"].isna().sum() == 2  # two orders have no customer
    assert "customers" in account.text()


def test_months_come_first_where_a_day_past_the_twelfth_says_so(retail):
    assert f"{retail[0].as_of:%Y-%m-%d}" == "2010-12-17"


def test_a_german_sheet_with_a_return(tmp_path):
    crm, _ = _imported("Bestellungen.csv", tmp_path / "crm", encoding="cp1252")
    assert crm.orders.to_pandas().set_index("order_id")["amount"].to_dict() == {"1001": 255, "1002": 110, "1003": -6}
    assert _value(crm, "revenue", "2026-01") == 365
    assert _value(crm, "average_order_value", "2026-01") == 365 / 2
    assert crm.customers.to_pandas().set_index("customer_id")["name"].to_dict() == {
        "K-01": "Müller GmbH", "K-02": "Öko AG",
    }  # fmt: skip
    lines = crm.order_lines.to_pandas()
    assert lines["quantity"].tolist() == [2, 10, 1, -4]
    assert lines["amount"].tolist() == [240, 15, 110, -6]


def test_a_japanese_sheet_whose_marks_nobody_can_tell(tmp_path):
    with pytest.raises(crmkit.DataError, match=r"'12,000' in line 2 may be thousands or fractions.*--decimal"):
        _imported("受注明細.csv", tmp_path / "crm", encoding="cp932")
    crm, _ = _imported("受注明細.csv", tmp_path / "crm", encoding="cp932", decimal=".")
    assert crm.orders.to_pandas()["amount"].tolist() == [25_500, 12_000]
    assert crm.customers.to_pandas()["customer_id"].tolist() == ["0012", "0013"]  # keys stay text
    assert _value(crm, "revenue", "2026-01") == 25_500
