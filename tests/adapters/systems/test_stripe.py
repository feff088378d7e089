"""Stripe's objects in a warehouse, and the exports of its dashboard, against values worked by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

HERE = Path(__file__).parent / "stripe"


@pytest.fixture(scope="module")
def objects(importing):
    return importing("stripe", HERE / "api")


@pytest.fixture(scope="module")
def dashboard(importing):
    return importing("stripe", HERE / "dashboard")


def test_what_was_only_tried_out_is_left_out_and_counted(objects):
    assert set(objects.table("customers")["customer_id"]) == {"cus_1", "cus_2", "cus_4"}
    for rule in ("customers: 1 row", "products: 1 row", "orders: 1 row", "payments: 1 row"):
        assert f"{rule} left out by the rule without livemode = false." in objects.account.attention()
    assert "cus_3" not in set(objects.table("subscriptions")["customer_id"])


def test_deleted_customers_are_kept_and_marked(objects):
    assert objects.row("customers", "cus_4", "deleted") == ["true"]
    assert objects.row("customers", "cus_1", "name", "country", "created_at") == [
        "Nordlicht GmbH", "DE", "2026-01-10 09:00:00",
    ]  # fmt: skip


def test_prices_become_revenue_by_the_month(objects):
    counted = objects.table("subscriptions").query("started_at != ''").set_index("subscription_id")["mrr"]
    assert counted["sub_5/price_t"] == ""  # by tier: no fixed amount, so it isn't known
    assert counted.drop("sub_5/price_t").astype(float).to_dict() == pytest.approx({
        "sub_1/price_m": 3 * 20,
        "sub_2/price_y": 240 / 12,
        "sub_3/price_w": 2 * 7 * 365.25 / 7 / 12,
        "sub_5/price_q": 90 / 3,
        "sub_5/price_m": 2 * 20,
        "sub_6/price_m": 0,  # a trial
    })  # fmt: skip
    assert objects.row("subscriptions", "sub_5/price_q", "customer_id", "plan", "currency", "interval") == [
        "cus_1", "Support quarterly", "EUR", "month 3",
    ]  # fmt: skip


def test_what_is_cancelled_for_the_end_of_a_period_runs_until_then(objects):
    assert objects.row("subscriptions", "sub_3/price_w", "ended_at", "cancel_at", "status") == [
        "", "2026-12-01", "active",
    ]  # fmt: skip
    assert objects.row("subscriptions", "sub_2/price_y", "ended_at", "canceled_at", "cancel_reason") == [
        "2026-06-30 23:30:00", "2026-06-10 08:00:00", "cancellation_requested",
    ]  # fmt: skip


def test_what_never_began_counts_nowhere(objects):
    assert objects.row("subscriptions", "sub_7/price_m", "customer_id", "started_at", "ended_at", "mrr") == [""] * 4
    assert objects.row("subscriptions", "sub_4/price_m", "customer_id", "started_at", "ended_at", "mrr") == [""] * 4
    assert any("never begun (incomplete)" in line for line in objects.account.attention())


def test_invoices_are_orders_net_of_tax_and_discount(objects):
    orders = objects.table("orders").set_index("order_id")["amount"].to_dict()
    assert orders == {"in_1": "60", "in_2": "60", "in_6": "45", "cn_1": "-10"}
    assert objects.row("orders", "cn_1", "customer_id", "ordered_at") == ["cus_1", "2026-09-17 09:00:00"]
    said = objects.account.attention()
    assert "orders: 2 rows left out by the rule without status = draft / void." in said
    assert "orders: 1 row left out by the rule without status = void." in said


def test_money_that_came_in_and_went_back(objects):
    payments = objects.table("payments").set_index("payment_id")["amount"].to_dict()
    # declined, tried out, held on a card, and a refund that failed: none of them is money
    assert payments == {"ch_1": "71.4", "ch_3": "50", "re_1": "-20", "re_2": "-30"}
    assert objects.row("payments", "re_2", "customer_id", "paid_at") == ["cus_2", "2026-09-05 10:00:00"]


def test_what_the_objects_can_measure(objects):
    assert str(objects.crm.as_of.date()) == "2026-09-17"
    assert objects.value("mrr", "2026-05") == pytest.approx(60 + 20 + 70)
    assert objects.value("mrr", "2026-07") == pytest.approx(60 + 70)
    assert objects.value("mrr", "2026-08") == pytest.approx(60 + 70 + 60.875)
    assert objects.value("churned_mrr", "2026-06") == pytest.approx(20)
    assert objects.value("reactivation_mrr", "2026-08") == pytest.approx(60.875)
    assert objects.value("revenue", "2026-08") == pytest.approx(60)
    assert objects.value("receipts", "2026-08") == pytest.approx(50)
    assert objects.value("churn_rate", "2026-06") == pytest.approx(1 / 2)  # cus_2 of cus_1 and cus_2


def test_minor_units_are_those_of_the_currency(importing):
    found = importing("stripe", HERE / "yen").table("payments").set_index("currency")["amount"]
    assert found.to_dict() == {"jpy": "2500", "eur": "25", "kwd": "2.5"}


def test_the_dashboard_writes_whole_units(dashboard):
    assert dashboard.rows == {"customers": 3, "subscriptions": 3, "orders": 2, "payments": 3}
    assert dashboard.table("subscriptions").set_index("subscription_id")["mrr"].astype(float).to_dict() == {
        "sub_1": 60, "sub_2": 20, "sub_6": 0,
    }  # fmt: skip
    assert dashboard.row("payments", "ch_3", "amount", "paid_at") == ["1050", "2026-08-31 23:30:00"]
    assert dashboard.row("payments", "ch_3 refund", "amount", "paid_at") == ["-50", "2026-09-05 10:00:00"]
    assert dashboard.table("orders").set_index("order_id")["amount"].to_dict() == {"in_1": "60", "in_6": "45"}


def test_test_payments_and_failed_ones_are_left_out_of_the_dashboards_export(dashboard):
    assert set(dashboard.table("payments")["payment_id"]) == {"ch_1", "ch_3", "ch_3 refund"}
    assert "payments: 1 row left out by the rule without Mode = Test." in dashboard.account.attention()
    assert any("incomplete" in line for line in dashboard.account.attention())


def test_what_the_dashboard_can_measure(dashboard):
    assert dashboard.value("mrr", "2026-05") == pytest.approx(80)
    assert dashboard.value("mrr", "2026-07") == pytest.approx(60)
    assert dashboard.value("receipts", "2026-08") == pytest.approx(1050)


def test_the_sample_of_a_warehouse(importing, shared):
    source = shared / "exports/stripe_fivetran"
    if not source.is_dir():
        pytest.skip("no sample of Stripe beside the checkout")
    found = importing("stripe", source)
    plain = {name: pd.read_csv(source / f"{name}_data.csv", dtype=str) for name in ("customer", "refund", "charge")}
    assert found.rows["customers"] == (plain["customer"]["livemode"] != "FALSE").sum()
    paid = (plain["charge"]["status"] == "succeeded").sum() + (plain["refund"]["status"] == "succeeded").sum()
    assert found.rows["payments"] == paid
    back = -plain["refund"]["amount"].astype(int).sum() / 100
    refunds = found.table("payments").query("payment_id.str.startswith('re_')")["amount"].astype(float)
    assert refunds.sum() == pytest.approx(back)
    assert found.value("receipts", "2021") == pytest.approx(back)  # every charge of the sample was declined
    # two subscriptions are there: 1,500 a month × 1 and × 2, both ended on 19 February 2021
    running = found.table("subscriptions").query("started_at != ''")
    assert running["mrr"].astype(float).tolist() == [1500, 3000]
