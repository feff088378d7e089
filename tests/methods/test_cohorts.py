"""Cohorts: by hand, against plain pandas and SQL on the sample, and what must not change them."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.cohorts import cohorts, pivot

ORDERS = pd.DataFrame(
    [
        ("1", "a", "2026-01-05", 100.0),
        ("2", "a", "2026-01-25", 20.0),  # the same month: counted once, its money twice
        ("3", "a", "2026-03-02", 50.0),
        ("4", "b", "2026-01-31", 10.0),
        ("5", "b", "2026-02-01", -10.0),  # a return is no order, but it takes money back
        ("6", "c", "2026-02-10", 40.0),
        ("7", "c", "2026-04-03", 40.0),  # April is not over
        ("8", "d", "2026-02-11", -5.0),  # a return of one who never ordered is in no cohort
    ],
    columns=["order_id", "customer_id", "ordered_at", "amount"],
)


def opened(orders: pd.DataFrame = ORDERS, **more):
    return crmkit.open({"orders": orders, **more}, as_of="2026-04-15")


def test_orders_by_hand():
    found = pivot(cohorts(opened(), of="orders"))
    assert [str(day.date()) for day in found.index] == ["2026-01-01", "2026-02-01"]
    np.testing.assert_array_equal(found, [[1.0, 0.0, 0.5], [1.0, 0.0, np.nan]])


def test_revenue_by_hand():
    found = cohorts(opened(), of="revenue")
    np.testing.assert_array_equal(pivot(found), [[65.0, -5.0, 25.0], [40.0, 0.0, np.nan]])
    np.testing.assert_array_equal(pivot(found, values="numerator"), [[130.0, -10.0, 50.0], [40.0, 0.0, np.nan]])
    assert found["low"].isna().all()


def test_customers_come_back():
    subscriptions = pd.DataFrame(
        [
            ("1", "a", "2026-01-05", "2026-02-10"),
            ("2", "a", "2026-03-01", None),  # back again
            ("3", "b", "2026-01-06", "2026-01-20"),  # left in the month in which it came
            ("4", "c", "2026-01-07", None),
            ("5", "d", "2026-02-07", "2026-03-01"),  # lost at the first moment of March: still there at February's end
        ],
        columns=["subscription_id", "customer_id", "started_at", "ended_at"],
    ).assign(mrr=10.0)
    crm = crmkit.open({"subscriptions": subscriptions}, as_of="2026-03-31")
    found = cohorts(crm)
    np.testing.assert_allclose(pivot(found), [[2 / 3, 1 / 3, 2 / 3], [1.0, 0.0, np.nan]])
    first = found.iloc[0]
    assert (first["n"], first["numerator"], first["known"]) == (3, 2.0, True)
    assert (round(first["low"], 4), round(first["high"], 4)) == (0.2077, 0.9385)  # Wilson, 2 of 3


def test_what_is_not_over_is_unknown_and_never_zero():
    found = cohorts(opened(), of="orders")
    unknown = found[~found["known"]]
    assert len(unknown) == 1
    assert unknown[["value", "low", "high", "numerator"]].isna().all(axis=None)
    assert unknown["n"].item() == 1
    assert "2026-04-01" not in found["cohort"].astype(str).to_list()


def test_quarter_cohorts_and_fiscal_years():
    crm = crmkit.open({"orders": ORDERS}, as_of="2026-12-31", config={"fiscal_year_start_month": 2})
    found = cohorts(crm, of="orders", every="quarter")
    assert found["cohort"].astype(str).unique().tolist() == ["2025-11-01", "2026-02-01"]
    np.testing.assert_array_equal(pivot(found).iloc[0], [1.0, 0.5, 0.0, 0.0])  # to October; the last is not over


def test_weeks_agree_with_pandas():
    found = cohorts(opened(), of="orders", every="week")
    bought = ORDERS[ORDERS["amount"] >= 0].assign(at=pd.to_datetime(ORDERS["ordered_at"]))
    bought["week"] = bought["at"].dt.to_period("W-SUN").dt.start_time
    first = bought.groupby("customer_id")["week"].transform("min")
    active = bought.assign(cohort=first, age=(bought["week"] - first).dt.days // 7)
    expected = active.groupby(["cohort", "age"])["customer_id"].nunique()
    got = found[found["numerator"] > 0].set_index(["cohort", "age"])["numerator"]
    known = expected[
        [cohort + pd.Timedelta(weeks=age + 1) <= pd.Timestamp("2026-04-16") for cohort, age in expected.index]
    ]
    assert got.astype(int).to_dict() == known.to_dict()


def test_groups_add_up_to_the_whole(root):
    crm = crmkit.open(root / "data/sample")
    for of in ("customers", "orders", "revenue"):
        whole = cohorts(crm, of=of, every="quarter").set_index(["cohort", "age"])
        parts = cohorts(crm, of=of, every="quarter", by="segment")
        known = parts[parts["known"]].groupby(["cohort", "age"])[["numerator", "n"]].sum()
        expected = whole.loc[whole["known"], ["numerator", "n"]].reindex(known.index)
        np.testing.assert_allclose(known, expected, atol=1e-6)


def test_the_sample_against_sql(root):
    crm = crmkit.open(root / "data/sample")
    found = cohorts(crm, of="orders")
    sql = f"""
        with bought as (select customer_id, date_trunc('month', ordered_at) m from '{root}/data/sample/orders.csv'
                        where amount >= 0 and ordered_at < '2026-10-01'),
             firsts as (select customer_id, min(m) c from bought group by 1)
        select c, date_diff('month', c, m) age, count(distinct customer_id) n
        from bought join firsts using (customer_id) group by 1, 2"""
    expected = {(row[0], row[1]): row[2] for row in duckdb.sql(sql).fetchall()}
    got = found[found["numerator"] > 0]
    assert dict(zip(zip(got["cohort"].dt.to_pydatetime(), got["age"], strict=True), got["numerator"], strict=True)) == (
        pytest.approx({(pd.Timestamp(c).to_pydatetime(), a): n for (c, a), n in expected.items()})
    )


def test_sizes_are_the_new_customers(root):
    crm = crmkit.open(root / "data/sample")
    sizes = cohorts(crm).drop_duplicates("cohort").set_index("cohort")["n"]
    new = crm.measure("new_customers", every="month", period="2024-01-01/2026-10-01").set_index("period")["value"]
    assert sizes.reindex(new.index).to_list() == new.to_list()


def test_order_ids_and_later_rows_change_nothing():
    expected = cohorts(opened(), of="orders")
    shuffled = ORDERS.sample(frac=1, random_state=3)
    renamed = ORDERS.assign(customer_id="x" + ORDERS["customer_id"])
    later = pd.concat([ORDERS, pd.DataFrame([("9", "b", "2026-04-16", 5.0)], columns=ORDERS.columns)])
    for orders in (shuffled, renamed, later):
        pd.testing.assert_frame_equal(cohorts(opened(orders), of="orders"), expected)


def test_period_and_ages_choose_cohorts():
    found = cohorts(opened(), of="orders", period="2026-01", ages=2)
    assert found[["age", "value"]].values.tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_nobody_yet():
    assert cohorts(crmkit.open({"orders": ORDERS.iloc[:0]}), of="orders").empty
    assert cohorts(crmkit.open({"orders": ORDERS.iloc[:1]}, as_of="2026-01-20"), of="orders").empty


@pytest.mark.parametrize(
    ("options", "says"),
    [({"of": "users"}, "customers, orders, revenue"), ({"every": "day"}, "week, month"), ({"ages": 0}, "from 1")],
)
def test_wrong_options_are_told(options, says):
    with pytest.raises(UsageError, match=says):
        cohorts(opened(), **options)


def test_missing_tables_are_told():
    surveys = pd.DataFrame({"response_id": ["1"], "survey": ["nps"], "score": [9], "answered_at": ["2026-01-01"]})
    crm = crmkit.open({"surveys": surveys})
    with pytest.raises(NotInThisData, match="needs the table orders"):
        cohorts(crm, of="orders")
    with pytest.raises(UsageError, match="needs the table customers"):
        cohorts(opened(), of="orders", by="segment")


def test_money_in_two_currencies_is_not_added():
    orders = ORDERS.assign(currency=["EUR", "USD"] * 4)
    with pytest.raises(crmkit.DataError, match="EUR, USD"):
        cohorts(opened(orders), of="revenue")
