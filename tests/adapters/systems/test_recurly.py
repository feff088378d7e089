"""Recurly's objects in a warehouse, with all the states they were in, against values worked by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

HERE = Path(__file__).parent / "recurly"


@pytest.fixture(scope="module")
def firm(importing):
    return importing("recurly", HERE / "api")


def test_of_every_object_the_last_state_counts(firm):
    assert firm.rows == {"customers": 3, "subscriptions": 5, "orders": 3, "payments": 2}
    assert firm.row("customers", "acc1", "name", "created_at", "country") == [
        "Nordlicht GmbH", "2025-12-01 09:00:00", "DE",
    ]  # fmt: skip
    assert firm.row("customers", "acc2", "name") == ["Benedykt Żak"]  # no company: the person


def test_revenue_by_the_month(firm):
    mrr = firm.table("subscriptions").set_index("subscription_id")["mrr"].astype(float)
    assert mrr.to_dict() == pytest.approx({
        "s1": 70,  # three at 20, and 10 of add-ons
        "s2": 15,
        "s3": 240 / 12,
        "s4": 28 * 30.4375 / 28,  # every 28 days
        "s5": 10,
    })  # fmt: skip


def test_what_is_cancelled_runs_to_the_end_of_its_term(firm):
    assert firm.row("subscriptions", "s3", "state", "ended_at", "expires_at") == [
        "canceled", "", "2026-12-01 12:00:00",
    ]  # fmt: skip
    assert firm.row("subscriptions", "s2", "state", "ended_at", "cancel_reason") == [
        "expired", "2026-08-01 10:00:00", "canceled",
    ]  # fmt: skip
    assert firm.row("subscriptions", "s4", "started_at") == ["2026-11-01 00:00:00"]  # begins later


def test_invoices_are_orders_net_of_tax(firm):
    assert firm.row("orders", "inv1", "amount", "status", "currency") == ["70", "paid", "EUR"]
    assert firm.row("orders", "inv3", "amount") == ["-8.4"]  # a credit
    assert firm.row("orders", "inv2", "amount", "status") == ["", "failed"]


def test_refunds_are_negative_payments(firm):
    payments = firm.table("payments").set_index("payment_id")["amount"].to_dict()
    assert payments == {"t1": "83.3", "t3": "-10"}  # a declined card and a verification are no payments


def test_what_it_measures(firm):
    assert firm.value("mrr", "2026-07") == pytest.approx(70 + 15 + 20)
    assert firm.value("mrr", "2026-08") == pytest.approx(70 + 20)
    assert firm.value("contraction_mrr", "2026-08") == pytest.approx(15)  # Benedykt keeps the yearly one
    assert firm.value("revenue", "2026-09") == pytest.approx(70 - 8.4)
    assert firm.value("receipts", "2026-09") == pytest.approx(73.3)
    assert firm.value("customers_at_end", "2026-08") == 2


def test_the_sample_of_a_warehouse(importing, shared):
    source = shared / "exports/recurly_fivetran"
    if not source.is_dir():
        pytest.skip("no sample of Recurly beside the checkout")
    found = importing("recurly", source)
    plain = pd.read_csv(source / "subscription_history_data.csv")
    last = plain.sort_values("updated_at").groupby("id").last()
    assert found.rows["subscriptions"] == len(last)
    mrr = found.table("subscriptions").set_index("subscription_id")["mrr"]
    assert mrr[mrr != ""].astype(float).to_dict() == last["subtotal"][mrr[mrr != ""].index].to_dict()
    running = last[last["state"] != "expired"]
    assert found.value("mrr", "2019") == running["subtotal"].sum() == 99 + 5596
    invoices = pd.read_csv(source / "invoice_history_data.csv")
    net = (invoices["total"] - invoices["tax"].fillna(0))[invoices["created_at"].str.startswith("2016")].sum()
    assert found.value("revenue", "2016") == net == 198
