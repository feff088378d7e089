"""RFM on a ledger worked by hand, against plain pandas on the sample, and with ties."""

from __future__ import annotations

import warnings

import ibis
import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.rfm import rfm

LEDGER = pd.DataFrame(
    [
        ("1", "ann", "2026-01-01 23:59:59", 100.0),
        ("2", "ann", "2026-03-30 00:00:00", 40.0),
        ("3", "ann", "2026-03-31 08:00:00", -15.5),  # a return: not her last order, but less money
        ("4", "bob", "2026-03-31 23:59:59", 0.0),  # given away, and an order
        ("5", "cat", "2026-03-01 12:00:00", -20.0),  # returned only: no customer of the table
        ("6", "dan", "2025-03-31 12:00:00", 7.0),
        ("7", "ann", "2026-04-01 00:00:00", 999.0),  # after as_of
        ("8", None, "2026-02-01 00:00:00", 5.0),
    ],
    columns=["order_id", "customer_id", "ordered_at", "amount"],
)
ANSWER = [("ann", 1, 2, 124.5), ("bob", 0, 1, 0.0), ("dan", 365, 1, 7.0)]


def _rows(table) -> list[tuple]:
    return [tuple(row.values()) for row in table.order_by("customer_id").to_pyarrow().to_pylist()]


def test_ledger_worked_by_hand():
    crm = crmkit.open({"orders": LEDGER}, as_of="2026-03-31")
    assert _rows(rfm(crm)) == ANSWER


@pytest.mark.parametrize("of", ["frame", "ibis"])
def test_a_table_of_orders_gives_the_same(of):
    orders = LEDGER.assign(ordered_at=pd.to_datetime(LEDGER["ordered_at"]))
    given = orders if of == "frame" else ibis.memtable(orders)
    assert _rows(rfm(given, as_of="2026-03-31")) == ANSWER
    assert _rows(rfm(given, as_of="2026-03-31 00:00:00"))[0] == ("ann", 1, 2, 140.0)  # a moment, not the whole day
    assert [row[1] for row in _rows(rfm(given))] == [0, 1, 366]  # looked at from the day of the last order


def test_an_earlier_moment_can_be_looked_back_from():
    crm = crmkit.open({"orders": LEDGER}, as_of="2026-03-31")
    assert _rows(rfm(crm, as_of="2026-01-31")) == [("ann", 30, 1, 100.0), ("dan", 306, 1, 7.0)]


def test_scores_are_equal_for_equal_customers_and_best_is_highest():
    spent = {"a": 10, "b": 10, "c": 10, "d": 20, "e": 30}
    orders = pd.DataFrame(
        {"customer_id": list(spent), "amount": [float(v) for v in spent.values()],
         "ordered_at": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-02", "2026-01-03", "2026-01-04"])}
    )  # fmt: skip
    scored = rfm(orders, scores=5).order_by("customer_id").to_pandas()
    assert scored["monetary_score"].tolist() == [1, 1, 1, 4, 5]
    assert scored["recency_score"].tolist() == [1, 2, 2, 4, 5]
    assert scored["frequency_score"].tolist() == [1] * 5
    shuffled = rfm(orders.sample(frac=1, random_state=3), scores=5).order_by("customer_id").to_pandas()
    pd.testing.assert_frame_equal(scored, shuffled)


def test_the_sample_agrees_with_plain_pandas(root):
    crm = crmkit.open(root / "data" / "sample")
    got = rfm(crm).order_by("customer_id").to_pandas()
    orders = crm.orders.to_pandas()
    orders = orders[orders["ordered_at"] <= crm.as_of]
    bought = orders[orders["amount"] >= 0].groupby("customer_id")
    today = pd.Timestamp(crm.as_of).normalize()
    assert got["customer_id"].tolist() == sorted(bought.groups)
    assert got["frequency"].tolist() == bought.size().tolist()
    assert got["recency_days"].tolist() == [(today - last.normalize()).days for last in bought["ordered_at"].max()]
    spent = orders.groupby("customer_id")["amount"].sum().loc[got["customer_id"]]
    assert got["monetary"].to_numpy() == pytest.approx(spent.to_numpy())


def test_no_orders_gives_no_customers():
    assert _rows(rfm(LEDGER.assign(ordered_at=pd.to_datetime(LEDGER["ordered_at"])), as_of="2020-01-01")) == []


def test_wrong_calls_say_what_is_wrong():
    with pytest.raises(UsageError, match="lack the column customer_id and amount"):
        rfm(LEDGER.drop(columns=["customer_id", "amount"]))
    with pytest.raises(UsageError, match="ordered_at must be a time"):
        rfm(LEDGER)
    with pytest.raises(UsageError, match="scores is 1"):
        rfm(LEDGER, scores=1)
    with pytest.raises(UsageError, match="2026-05-01 lies after 2026-03-31"):
        rfm(crmkit.open({"orders": LEDGER}, as_of="2026-03-31"), as_of="2026-05-01")
    with pytest.raises(NotInThisData, match="needs the table orders"):
        rfm(crmkit.open({"leads": {"lead_id": ["1"], "created_at": ["2026-01-01"]}}))


def test_what_a_frame_says_of_itself_is_no_hindrance():
    orders = pd.DataFrame({"customer_id": ["a"], "ordered_at": pd.to_datetime(["2026-01-01"]), "amount": [5.0]})
    orders.attrs["as_of"] = pd.Timestamp("2026-01-31")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = rfm(orders, as_of="2026-01-31").to_pandas()
    assert found["frequency"].tolist() == [1]
    assert not [warning for warning in said if "attrs" in str(warning.message)]
