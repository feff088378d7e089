"""One row a customer, and who brings what: by hand, against plain pandas, with nobody, with ties, with returns."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import DataError, NotInThisData, UsageError
from crmkit.methods.customer_value import customer_value
from crmkit.methods.pareto import pareto, pareto_readings

ORDERS = pd.DataFrame(
    [
        ("1", "ann", "2026-01-05", 100.0, 60.0),
        ("2", "ann", "2026-02-05", 50.0, None),
        ("3", "ann", "2026-02-20", -30.0, -18.0),
        ("4", "bob", "2026-01-31", 120.0, 20.0),
        ("5", None, "2026-02-01", 7.0, 7.0),
        ("6", "dan", "2026-02-02", -4.0, -1.0),  # sent back what was bought before the data begins
        ("7", "eve", "2026-03-01", 999.0, 9.0),  # after as_of
    ],
    columns=["order_id", "customer_id", "ordered_at", "amount", "cost"],
)
PAYMENTS = pd.DataFrame(
    [
        ("1", "1", "ann", "2026-01-06", 100.0),
        ("2", "4", None, "2026-02-06", 90.0),
        ("3", None, None, "2026-02-07", 5.0),
    ],
    columns=["payment_id", "order_id", "customer_id", "paid_at", "amount"],
)
CUSTOMERS = pd.DataFrame(
    [("ann", "2026-01-05"), ("bob", "2026-01-31"), ("cat", "2026-02-18"), ("fay", None)],
    columns=["customer_id", "acquired_at"],
).assign(created_at="2026-01-01")
SUBSCRIPTIONS = pd.DataFrame(
    [("1", "cat", "2026-02-18", None, 40.0), ("2", "ann", "2026-01-05", "2026-02-01", 9.0)],
    columns=["subscription_id", "customer_id", "started_at", "ended_at", "mrr"],
)
TABLES = {"orders": ORDERS, "payments": PAYMENTS, "customers": CUSTOMERS, "subscriptions": SUBSCRIPTIONS}


@pytest.fixture(scope="module")
def crm():
    return crmkit.open(TABLES, as_of="2026-02-28")


@pytest.fixture(scope="module")
def sample(root):
    return crmkit.open(root / "data" / "sample")


def rows(table) -> pd.DataFrame:
    return table.order_by("customer_id").to_pandas().set_index("customer_id")


def test_by_hand(crm):
    found = rows(customer_value(crm))
    assert found.loc["ann", ["orders", "revenue", "receipts", "margin", "orders_without_cost", "mrr"]].tolist() == [
        2, 120.0, 100.0, 28.0, 1, 0.0]  # fmt: skip
    assert found.loc["ann", "first_ordered_at"] == pd.Timestamp("2026-01-05")
    assert found.loc["ann", "last_ordered_at"] == pd.Timestamp("2026-02-05"), "a return is no order"
    assert found.loc["bob", ["revenue", "receipts", "margin"]].tolist() == [120.0, 90.0, 100.0], "paid for the order"
    assert found.loc["cat", ["orders", "revenue", "mrr"]].tolist() == [0, 0.0, 40.0]
    assert np.isnan(found.loc["cat", "margin"])
    assert pd.isna(found.loc["cat", "first_ordered_at"])
    assert found.loc["cat", "tenure_days"] == pytest.approx(11)
    assert found.loc["ann", "tenure_days"] == pytest.approx(27), "until the subscription ended"
    assert "fay" not in found.index, "a prospect who never bought is no customer"
    assert "eve" not in found.index


def test_what_names_nobody_is_one_row_without_a_rank_and_everything_adds_up(crm):
    found = rows(customer_value(crm))
    assert found.index.isna().sum() == 1
    assert found.loc[found.index.isna(), ["revenue", "receipts"]].to_numpy().tolist() == [[7.0, 5.0]]
    assert found.loc[found.index.isna(), "rank"].isna().all()
    measured = crm.measure(["revenue", "receipts"], period="2026-01-01/2026-03-01").value
    assert [found.revenue.sum(), found.receipts.sum()] == measured.tolist() == [243.0, 195.0]


@pytest.mark.parametrize(
    ("by", "ranks"),
    [
        ("sales", {"ann": 1, "bob": 1, "cat": 3, "dan": 4}),  # equal customers are equal, the next is third
        ("receipts", {"ann": 1, "bob": 2, "cat": 3, "dan": 3}),
        ("margin", {"bob": 1, "ann": 2, "dan": 3, "cat": None}),  # of cat it is not known
        ("time", {"bob": 1, "ann": 2, "cat": 3, "dan": None}),
        ("orders", {"ann": 1, "bob": 2, "cat": 3, "dan": 3}),
        ("recency", {"ann": 1, "bob": 2, "cat": None, "dan": None}),
    ],
)
def test_ranked_by_each(crm, by, ranks):
    found = rows(customer_value(crm, rank_by=by))["rank"]
    assert {name: None if pd.isna(found[name]) else int(found[name]) for name in ranks} == ranks


def test_a_period_holds_its_own_orders_and_payments(crm):
    found = rows(customer_value(crm, period="2026-01"))
    assert found.revenue.to_dict() == {"ann": 100.0, "bob": 120.0}
    assert found.mrr.to_dict() == {"ann": 9.0, "bob": 0.0}, "of the period's end"
    assert found.tenure_days["ann"] == pytest.approx(27)


def test_without_payments_costs_and_customers():
    found = rows(customer_value(crmkit.open({"orders": ORDERS.drop(columns="cost")}, as_of="2026-02-28")))
    assert found[["receipts", "margin", "mrr"]].isna().all(axis=None)
    assert found.orders_without_cost["ann"] == 3


def test_payments_alone():
    found = rows(customer_value(crmkit.open({"payments": PAYMENTS}), rank_by="receipts"))
    assert found.receipts["ann"] == 100
    assert found.revenue.isna().all()


def test_more_columns_of_a_model_can_be_ranked_by(crm):
    more = pd.DataFrame({"customer_id": ["ann", "cat"], "p_alive": [0.2, 0.9], "expected_value": [3.0, 70.0]})
    for given in (more, ibis.memtable(more)):
        found = rows(customer_value(crm, more=given, rank_by="expected_value"))
        assert found["rank"][["cat", "ann"]].tolist() == [1, 2]
        assert pd.isna(found["rank"]["bob"])
        assert found.p_alive["cat"] == 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank_by": "turnover"}, "sales, receipts, margin, time, orders, recency"),
        ({"more": pd.DataFrame({"id": ["a"]})}, "no column customer_id"),
        ({"more": pd.DataFrame({"customer_id": ["a", "a"], "p": [1, 2]})}, "'a' twice"),
        ({"more": pd.DataFrame({"customer_id": ["a"], "revenue": [1]})}, "'revenue', which is there already"),
    ],
)
def test_wrong_calls_are_refused(crm, options, message):
    with pytest.raises(UsageError, match=message):
        customer_value(crm, **options)


def test_without_orders_and_payments_and_with_two_currencies():
    with pytest.raises(NotInThisData, match="orders or payments"):
        customer_value(crmkit.open({"customers": CUSTOMERS}))
    with pytest.raises(DataError, match="EUR, PLN"):
        customer_value(crmkit.open({"orders": ORDERS.assign(currency=["EUR", "PLN"] * 3 + ["EUR"])}))


def test_sample_against_plain_pandas(sample, root):
    orders = pd.read_csv(root / "data/sample/orders.csv", dtype={"customer_id": str}, parse_dates=["ordered_at"])
    paid = pd.read_csv(root / "data/sample/payments.csv", dtype={"customer_id": str})
    found = rows(customer_value(sample))
    bought = orders[orders.amount >= 0].groupby("customer_id")
    everyone = found.index
    expected = {
        "orders": bought.size(),
        "revenue": orders.groupby("customer_id").amount.sum(),
        "margin": (orders.amount - orders.cost).groupby(orders.customer_id).sum(),
        "receipts": paid.groupby("customer_id").amount.sum(),
    }
    for name, values in expected.items():
        filled = values.reindex(everyone) if name == "margin" else values.reindex(everyone).fillna(0)
        np.testing.assert_allclose(found[name].astype(float), filled, err_msg=name)
        assert set(values.index) <= set(everyone)
    pd.testing.assert_series_equal(found.first_ordered_at.dropna(), bought.ordered_at.min(), check_names=False,
                                   check_dtype=False)  # fmt: skip
    assert found["rank"].equals(found.revenue.rank(method="min", ascending=False).astype(found["rank"].dtype))
    assert len(found) > len(expected["orders"]), "subscribers who never ordered are customers, too"


def test_row_order_does_not_matter(crm):
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in TABLES.items()}
    pd.testing.assert_frame_equal(
        rows(customer_value(crmkit.open(shuffled, as_of="2026-02-28"))), rows(customer_value(crm))
    )


@pytest.mark.parametrize("dialect", ["postgres", "snowflake", "bigquery", "databricks", "trino"])
def test_it_compiles_for_every_warehouse(sample, dialect):
    assert "select" in ibis.to_sql(customer_value(sample, period="2026-Q3"), dialect=dialect).lower()


def curve_of(*amounts: float, **more):
    orders = {"order_id": range(len(amounts)), "customer_id": [f"c{place}" for place in range(len(amounts))],
              "ordered_at": ["2026-01-05"] * len(amounts), "amount": amounts}  # fmt: skip
    return pareto(crmkit.open({"orders": orders | more}))


def test_pareto_by_hand():
    curve = curve_of(10.0, 60.0, 30.0)
    assert curve.value.tolist() == [0, 60, 90, 100]
    assert curve.value_share.tolist() == [0, 0.6, 0.9, 1.0]
    assert curve.customers_share.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert curve.attrs["total"] == 100


def test_negative_customers_stand_at_the_end_and_are_counted():
    curve = curve_of(80.0, 40.0, -20.0)
    assert curve.value_share.tolist() == pytest.approx([0, 0.8, 1.2, 1.0])
    assert (curve.attrs["negative"], curve.attrs["negative_value"]) == (1, -20.0)


def test_shares_of_nothing_are_unknown():
    curve = curve_of(5.0, -5.0)
    assert curve.value.tolist() == [0, 5, 0]
    assert curve.value_share.isna().all()
    assert pareto_readings(curve)["value_share"].isna().all()
    assert len(curve_of(0.0)) == 0


def test_ties_make_the_straight_line():
    curve = curve_of(*[5.0] * 10)
    np.testing.assert_allclose(curve.value_share, curve.customers_share)


def test_what_names_nobody_is_left_out_and_said(crm):
    curve = pareto(crm)
    assert curve.customers.max() == 3  # ann, bob, and dan who sent something back
    assert curve.attrs["left_out"] == 7
    assert (
        curve.value.iloc[-1] + curve.attrs["left_out"]
        == crm.measure("revenue", period="2026-01-01/2026-03-01").value.item()
    )


def test_readings_take_the_fewest_customers_that_suffice():
    found = pareto_readings(curve_of(50.0, 20.0, 10.0, 10.0, 10.0)).set_index("reading")
    assert found.customers.to_dict() == {"top 1%": 1, "top 5%": 1, "top 10%": 1, "top 20%": 1, "top 50%": 3,
                                         "bring half": 1, "bring 80%": 3}  # fmt: skip
    assert found.value_share["top 20%"] == 0.5


def test_many_customers_become_about_a_hundred_points_that_lie_on_the_curve(sample, root):
    curve = pareto(sample, period="2024-01-01/2026-10-01")
    assert 100 <= len(curve) <= 105
    orders = pd.read_csv(root / "data/sample/orders.csv", dtype={"customer_id": str})
    orders = orders[orders.ordered_at >= "2024-01-01"]
    each = orders.groupby("customer_id").amount.sum().sort_values(ascending=False)
    upto = np.concatenate([[0], each[each.abs() > 1e-9].cumsum()])
    np.testing.assert_allclose(curve.value, upto[curve.customers.astype(int)])
    readings = pareto_readings(curve).set_index("reading")
    assert readings.customers["bring half"] == np.argmax(upto >= upto[-1] / 2)


def test_margin_and_receipts_have_curves_too(crm):
    assert pareto(crm, of="margin").value.tolist() == [0, 100, 128, 125]  # bob 100, ann 28, dan −3
    assert pareto(crm, of="receipts").value.tolist() == [0, 100, 190]
    with pytest.raises(UsageError, match="sales, receipts, margin"):
        pareto(crm, of="time")
    with pytest.raises(NotInThisData, match="payments"):
        pareto(crmkit.open({"orders": ORDERS}), of="receipts")


def test_a_frame_that_is_no_curve_is_refused():
    with pytest.raises(UsageError, match="customers"):
        pareto_readings(pd.DataFrame({"value": [1.0]}))
