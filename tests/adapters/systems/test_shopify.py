"""Shopify's exports of orders and customers, against values worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent / "shopify"


@pytest.fixture(scope="module")
def shop(importing):
    return importing("shopify", HERE)


def test_rows_of_items_become_orders_lines_and_articles(shop):
    assert shop.rows == {"customers": 3, "products": 4, "orders": 5, "order_lines": 7, "payments": 5}


def test_an_order_is_net_of_tax_and_discount(shop):
    # 47.00 after a discount of 5, 6.00 for shipping, 3.29 of tax: 56.29 - 3.29
    shown = "ordered_at", "amount", "currency", "channel", "status", "discount"
    assert shop.row("orders", "#1001", *shown) == ["2026-09-03 14:14:00", "53", "USD", "web", "paid", "5"]
    assert shop.row("orders", "#1004", "amount") == ["1100"]
    assert shop.row("orders", "#1005", "amount") == ["20"]


def test_a_refund_is_a_negative_order(shop):
    assert shop.row("orders", "#1002", "amount", "status") == ["50", "partially_refunded"]
    assert shop.row("orders", "#1002 refund", "amount", "status", "ordered_at") == [
        "-27", "refund", "2026-09-01 02:30:00",
    ]  # fmt: skip


def test_a_cancelled_order_is_left_out_and_counted(shop):
    assert "#1003" not in set(shop.table("orders")["order_id"])
    assert "orders: 1 row left out by the rule only Cancelled at = ." in shop.account.attention()


def test_customers_are_found_by_their_address_and_guests_keep_it(shop):
    assert shop.row("orders", "#1001", "customer_id") == ["'6001"]  # as Shopify writes its numbers
    assert shop.row("orders", "#1002", "customer_id") == ["'6002"]
    assert shop.row("orders", "#1004", "customer_id") == ["guest@example.net"]
    assert shop.row("customers", "'6002", "name", "company", "country") == ["Bo Placeholder", "Placeholder LLC", "CA"]
    assert any("1 cell not found in customers.email" in line for line in shop.account.attention())


def test_lines_are_pieces_times_price_less_their_own_discount(shop):
    lines = shop.table("order_lines")
    assert lines[["order_id", "product_id", "quantity", "amount"]].to_numpy().tolist() == [
        ["#1001", "FERN-1", "2", "32"],
        ["#1001", "TOTE-1", "1", "20"],
        ["#1002", "MUG-1", "2", "50"],
        ["#1003", "FERN-1", "1", "16"],
        ["#1003", "TOTE-1", "1", "20"],
        ["#1004", "Handmade Table", "3", "1080"],  # an article without a code, 120 off
        ["#1005", "FERN-1", "1", "16"],
    ]
    assert shop.row("products", "FERN-1", "name", "category", "price") == ["Fern Print", "Prints", "16"]
    assert set(lines["product_id"]) == set(shop.table("products")["product_id"])


def test_what_was_paid_and_paid_back(shop):
    payments = shop.table("payments").set_index("payment_id")["amount"].astype(float)
    assert payments.to_dict() == {"#1001": 56.29, "#1002": 54, "#1004": 1100, "#1005": 21.12, "#1002 refund": -27}


def test_what_it_measures(shop):
    assert shop.value("revenue", "2026-09") == pytest.approx(53 + 50 - 27 + 1100 + 20)
    assert shop.value("ordering_customers", "2026-09") == 3
    assert shop.value("receipts", "2026-09") == pytest.approx(56.29 + 54 + 1100 + 21.12 - 27)


def test_times_are_in_the_companys_zone(importing):
    # #1002 was placed at 22:30 on the last day of August in New York
    shop = importing("shopify", HERE, timezone="America/New_York")
    assert shop.row("orders", "#1002", "ordered_at") == ["2026-08-31 22:30:00"]
    assert shop.value("revenue", "2026-08") == pytest.approx(23)
    assert shop.value("revenue", "2026-09") == pytest.approx(53 + 1100 + 20)
