"""The test of the simple lifetime value: by hand, with censoring, by groups; and the age of what is owed."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.clv_backtest import clv_backtest, promised
from crmkit.methods.receivables import receivables_by_age

#: Of a and b, customers since 2023, b leaves in 2024: churn ½. In 2024 a and c order, 240 in 4 orders.
CUSTOMERS = pd.DataFrame(
    [
        ("a", "2023-01-01", None, "old"),
        ("b", "2023-01-01", "2024-08-01", "old"),
        ("c", "2024-01-01", None, "new"),
        ("d", "2024-07-01", None, "new"),  # never orders
        ("e", "2025-01-01", None, "new"),  # of no cohort here
    ],
    columns=["customer_id", "acquired_at", "lost_at", "segment"],
).assign(created_at="2023-01-01")
ORDERS = pd.DataFrame(
    [
        ("1", "a", "2024-02-01", 60.0),
        ("2", "a", "2024-03-01", 40.0),
        ("3", "c", "2024-01-05", 100.0),
        ("4", "c", "2024-12-30", 40.0),
        ("5", "c", "2025-06-01", 20.0),
        ("6", "c", "2025-06-20", -10.0),
        ("7", "e", "2025-02-01", 999.0),
        ("8", "a", "2025-02-01", 999.0),
    ],
    columns=["order_id", "customer_id", "ordered_at", "amount"],
)


@pytest.fixture(scope="module")
def crm():
    return crmkit.open({"customers": CUSTOMERS, "orders": ORDERS}, as_of="2025-12-31")


def test_the_promise_adds_up_to_the_value():
    assert promised(100, 0.25, 12) == 100
    assert promised(100, 0.25, 24) == 175
    assert promised(100, 0.25, 30) == pytest.approx(175 + 0.5 * 56.25)
    assert promised(100, 0.25, 12 * 200) == pytest.approx(100 / 0.25)
    assert promised(100, 1.0, 36) == 100, "where everybody leaves in a year, nothing comes after it"


def test_by_hand(crm):
    found = clv_backtest(crm, cohort="2024", horizons=[6, 12, 18, 24, 36]).set_index("months")
    assert found.attrs["clv"] == pytest.approx(240 / 4 * 4 / 2 / 0.5) == 240
    assert found.predicted.tolist() == pytest.approx([60, 120, 150, 180, 210])
    assert found.actual[[6, 12, 18]].tolist() == pytest.approx([50, 70, 75]), "of c and d, who brought nothing"
    assert found.customers.tolist() == [2, 2, 2, 1, 0]
    assert found.buyers.tolist() == [1, 1, 1, 1, 0]
    assert found.censored.tolist() == [0, 0, 0, 1, 2]
    assert found.actual[24] == 150, "c alone has been watched for two years"
    assert np.isnan(found.actual[36])
    assert found.error[12] == pytest.approx(50)
    assert found.error_share[12] == pytest.approx(50 / 70)
    each = np.array([140.0, 0.0])
    assert found.high[12] - found.actual[12] == pytest.approx(1.959964 * each.std(ddof=1) / np.sqrt(2))


def test_what_was_known_then_knows_nothing_of_later(crm):
    later = ORDERS[ORDERS.ordered_at < "2025-01-01"]
    then = crmkit.open({"customers": CUSTOMERS, "orders": later}, as_of="2025-12-31")
    now, before = (clv_backtest(one, cohort="2024", horizons=[6, 12]) for one in (crm, then))
    assert now.predicted.tolist() == before.predicted.tolist()


def test_groups_by_their_own_value(crm):
    found = clv_backtest(crm, cohort="2024", horizons=[12], by="segment")
    assert found.segment.tolist() == ["new"], "nobody of the old was acquired in 2024"
    assert found.predicted.isna().all(), "of the new nobody was there at the start: their churn is not known"
    assert found.actual.tolist() == [70]


def test_refusals(crm):
    with pytest.raises(UsageError, match="whole numbers of months"):
        clv_backtest(crm, horizons=[0.5])
    with pytest.raises(NotInThisData, match="needs the table orders"):
        clv_backtest(crmkit.open({"customers": CUSTOMERS}))
    with pytest.raises(NotInThisData, match="nobody was lost"):
        clv_backtest(crm, cohort="2023")
    with pytest.raises(NotInThisData, match="15 months"):
        clv_backtest(crmkit.open({"customers": CUSTOMERS, "orders": ORDERS[ORDERS.ordered_at > "2025-01-01"]}))
    with pytest.raises(NotInThisData, match="how many customers leave"):
        clv_backtest(crmkit.open({"customers": CUSTOMERS.assign(lost_at=None), "orders": ORDERS}, as_of="2025-12-31",
                                 config={"inactive_after_days": 9000}))  # fmt: skip


@pytest.fixture(scope="module")
def sample(root):
    return crmkit.open(root / "data" / "sample")


def test_the_sample_against_plain_pandas(sample, root):
    found = clv_backtest(sample, horizons=[6, 24, 36]).set_index("months")
    assert found.attrs["cohort"] == "2023-10-01/2024-10-01", "the first whole year in the data"
    orders = pd.read_csv(root / "data/sample/orders.csv", dtype={"customer_id": str}, parse_dates=["ordered_at"])
    acquired = sample.customers.select("customer_id", "acquired_at").to_pandas().set_index("customer_id").acquired_at
    mine = acquired[(acquired >= "2023-10-01") & (acquired < "2024-10-01")]
    age = (orders.ordered_at - orders.customer_id.map(mine)) / pd.Timedelta(days=1)
    for months in (6, 24):
        days = int(months * 365.25 / 12)
        revenue = orders.amount[age < days].groupby(orders.customer_id).sum().reindex(mine.index).fillna(0)
        assert found.actual[months] == pytest.approx(revenue.mean())
        assert found.customers[months] == len(mine)
    assert found.censored[36] > 0.9 * len(mine)
    year = sample.measure(["revenue_per_customer", "churn_rate"], period=found.attrs["cohort"]).value
    assert found.predicted[24] == pytest.approx(year[0] * (1 + 1 - year[1]))


def test_what_came_is_one_query_that_every_engine_has(sample, monkeypatch):
    import sys

    asked = []
    module = sys.modules["crmkit.methods.clv_backtest"]
    real = module.run
    monkeypatch.setattr(module, "run", lambda query: asked.append(query) or real(query))
    clv_backtest(sample, by="segment")
    assert len(asked) == 1
    for dialect in ("postgres", "snowflake", "bigquery", "databricks", "trino"):
        assert "select" in ibis.to_sql(asked[0], dialect=dialect).lower()


def test_what_is_owed_by_age():
    orders = pd.DataFrame(
        [
            ("1", "a", "2026-03-31 12:00", 10.0),
            ("2", "a", "2026-03-02", 100.0),  # 30 days to the end of March
            ("3", "a", "2026-03-01 23:59", 20.0),  # more than 30
            ("4", "b", "2025-12-01", 50.0),  # paid in part
            ("5", "b", "2025-12-01", 70.0),  # paid
            ("6", "b", "2026-02-25", -5.0),  # a credit note
            ("7", "b", "2026-04-02", 999.0),  # later
        ],
        columns=["order_id", "customer_id", "ordered_at", "amount"],
    )
    payments = pd.DataFrame(
        [("1", "4", "2026-01-05", 20.0), ("2", "5", "2026-01-05", 70.0), ("3", None, "2026-03-05", 8.0),
         ("4", "3", "2026-04-05", 20.0), ("5", "7", "2026-03-30", 2.0)],
        columns=["payment_id", "order_id", "paid_at", "amount"],
    )  # fmt: skip
    crm = crmkit.open({"orders": orders, "payments": payments}, as_of="2026-04-30")
    found = receivables_by_age(crm, period="2026-03").set_index("age")
    assert found.value.to_dict() == {"0–30 days": 110, "31–60 days": 15, "61–90 days": 0, "over 90 days": 30,
                                     "paid in advance, or for no order": -10}  # fmt: skip
    assert found.orders.tolist() == [2, 2, 0, 1, 2]
    assert found.value.sum() == crm.measure("receivables", period="2026-03").value.item() == 145
    assert found.share.sum() == pytest.approx(1)


def test_ages_of_the_sample_add_up_to_what_is_owed(sample):
    for period in ("2024-Q2", "latest"):
        owed = sample.measure("receivables", period=period).value.item()
        assert receivables_by_age(sample, period=period)["value"].sum() == pytest.approx(owed)


def test_ages_need_orders_and_payments():
    with pytest.raises(NotInThisData, match="payments"):
        receivables_by_age(crmkit.open({"orders": ORDERS}), period="2024")
