"""Levers add up to the change, and what-if moves one at a time; variants stand side by side."""

from __future__ import annotations

from math import log

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.levers import levers, what_if
from crmkit.methods.variants import FAMILIES_OF_VARIANTS, variants
from crmkit.metric import all_metrics

DEALS = pd.DataFrame(
    [
        ("a", "won", "2026-01-01", "2026-01-11", 600.0, "x"),  # January: 2 worked, 600, ½, 10 days: 60 a day
        ("b", "lost", "2026-01-01", "2026-01-06", 1.0, "x"),
        ("c", "won", "2026-02-01", "2026-02-21", 900.0, "x"),  # February: 4 worked, 900, ⅓, 20 days: 60 a day
        ("d", "lost", "2026-02-01", "2026-02-06", 1.0, "x"),
        ("e", "lost", "2026-02-01", "2026-02-06", 1.0, "x"),
        ("f", "open", "2026-02-01", None, 1.0, "x"),
        ("g", "won", "2026-02-01", "2026-02-11", 50.0, "y"),  # y: nothing in January
    ],
    columns=["opportunity_id", "outcome", "created_at", "closed_at", "amount", "owner_id"],
)


def opened(deals: pd.DataFrame = DEALS):
    return crmkit.open({"opportunities": deals}, as_of="2026-03-31")


@pytest.fixture(scope="module")
def sample(root):
    return crmkit.open(root / "data/sample")


def test_velocity_by_hand():
    # 4 × 900 × ⅓ ÷ 20 = 60 as before, so each part is 60 × the logarithm of its lever's ratio.
    found = levers(opened(DEALS[DEALS["owner_id"] == "x"]), "sales_velocity", period="2026-02", against="2026-01")
    assert found["lever"].to_list() == ["opportunities_worked", "average_deal_size", "win_rate", "sales_cycle_days"]
    assert found["before"].to_list() == [2.0, 600.0, 0.5, 10.0]
    np.testing.assert_allclose(found["after"], [4.0, 900.0, 1 / 3, 20.0])
    np.testing.assert_allclose(found["contribution"], [60 * log(2), 60 * log(1.5), 60 * log(2 / 3), -60 * log(2)])
    assert found["contribution"].sum() == pytest.approx(0, abs=1e-9)
    assert (found["method"] == "log mean").all()
    assert found.attrs["total"] == pytest.approx(0, abs=1e-9)


def test_a_group_that_was_not_there_before():
    found = levers(opened(), "sales_velocity", period="2026-02", against="2026-01", by="owner_id")
    fresh = found[found["owner_id"] == "y"]
    assert fresh["contribution"].isna().all()
    assert fresh["note"].str.contains("average_deal_size in 2026-01").all()
    assert found.loc[found["owner_id"] == "x", "contribution"].sum() == pytest.approx(0, abs=1e-9)


def test_shapley_where_a_factor_is_zero():
    # January: nobody of 2 had ordered before. February: 1 of 4. Repeat customers moved first add ½, last ¼: ⅜;
    # ordering customers moved first add 0, last ¼ − ½: −⅛.
    orders = pd.DataFrame(
        [("1", "a", "2026-01-05"), ("2", "b", "2026-01-06"), ("3", "a", "2026-02-05")]
        + [(str(i), f"n{i}", "2026-02-07") for i in range(4, 7)],
        columns=["order_id", "customer_id", "ordered_at"],
    ).assign(amount=1.0)
    found = levers(crmkit.open({"orders": orders}), "repeat_rate", period="2026-02", against="2026-01")
    assert found["contribution"].to_list() == [0.375, -0.125]
    assert (found["method"] == "Shapley").all()


@pytest.mark.parametrize("metric", ["sales_velocity", "nrr", "grr", "repeat_rate", "retention_cost"])
def test_parts_add_up_on_the_sample(sample, metric):
    found = levers(sample, metric, period="2026-Q3", against="2025-Q3")
    values = [sample.measure(metric, period=period)["value"].item() for period in ("2026-Q3", "2025-Q3")]
    assert found["contribution"].sum() == pytest.approx(values[0] - values[1], rel=1e-9)
    assert found.attrs["total"] == pytest.approx(values[0] - values[1], rel=1e-9)
    assert found["share"].sum() == pytest.approx(1.0)


def test_parts_add_up_for_each_rep(sample):
    found = levers(sample, "sales_velocity", period="2026-Q3", against="2026-Q2", by="owner_id")
    known = found.dropna(subset="contribution").groupby("owner_id")["contribution"].sum()
    now, then = (
        sample.measure("sales_velocity", period=period, by="owner_id", intervals=False).set_index("owner_id")["value"]
        for period in ("2026-Q3", "2026-Q2")
    )
    assert len(known) > 5
    pd.testing.assert_series_equal(known, (now - then).reindex(known.index), check_names=False, rtol=1e-8)


def test_products_go_by_logarithms_and_sums_by_shapley(sample):
    for metric, method in {"sales_velocity": "log mean", "repeat_rate": "log mean", "nrr": "Shapley"}.items():
        found = levers(sample, metric, period="2026-Q3", against="2026-Q2")
        assert (found["method"] == method).all()


def test_what_if_by_hand():
    crm = opened(DEALS[DEALS["owner_id"] == "x"])
    found = what_if(crm, "sales_velocity", period="2026-01").set_index("lever")
    assert found["change"].dropna().to_dict() == {
        "opportunities_worked": 0.1, "average_deal_size": 0.1, "win_rate": 0.1, "sales_cycle_days": -0.1
    }  # fmt: skip
    np.testing.assert_allclose(found["value"], 60.0)
    np.testing.assert_allclose(found["gain"], [6.0, 6.0, 6.0, 60 / 0.9 - 60, 60 * 1.1**3 / 0.9 - 60])
    doubled = what_if(crm, "sales_velocity", period="2026-01", changes={"win_rate": 4.0})
    assert doubled[["lever_then", "value_then"]].values.tolist() == [[1.0, 120.0]]  # a share is at most 1


def test_what_if_improves_each_rep(sample):
    found = what_if(sample, "sales_velocity", period="2026-Q3", by="owner_id")
    assert (found["gain"].dropna() > 0).all()
    assert found["owner_id"].nunique() > 5


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda crm: levers(crm, "win_rate", period="2026-02", against="2026-01"), UsageError, "sales_velocity"),
        (lambda crm: levers(crm, "grr", period="2026-02", against="2026-01"), NotInThisData, "subscriptions"),
        (lambda crm: what_if(crm, "sales_velocity", period="2026-02", changes={"price": 1}), UsageError, "no lever"),
        (lambda crm: what_if(crm, "sales_velocity", period="2026-02", changes={"win_rate": -2}), UsageError, "relat"),
    ],
)
def test_wrong_calls_are_told(call, error, says):
    with pytest.raises(error, match=says):
        call(opened())


def test_ten_percent_is_four_percent():
    # 1000 at the start, 500 gained, 50 lost of whom 10 joined in the period.
    rows = [(f"s{i}", "2025-01-01", "2026-01-20" if i < 40 else None) for i in range(1000)]
    rows += [(f"n{i}", "2026-01-10", "2026-01-20" if i < 10 else None) for i in range(500)]
    customers = pd.DataFrame(rows, columns=["customer_id", "acquired_at", "lost_at"]).assign(created_at="2025-01-01")
    found = variants(crmkit.open({"customers": customers}), "churn", period="2026-01").set_index("metric")
    assert found["value"].round(4).to_dict() == {
        "churn_rate": 0.04, "churn_rate_average": 0.0408, "churn_rate_acquired": 0.1
    }  # fmt: skip
    assert found.loc["churn_rate", ["numerator", "denominator"]].to_list() == [40.0, 1000.0]
    assert found["differs"].str.len().gt(10).all()


def test_all_variants_are_metrics(sample):
    for family, names in FAMILIES_OF_VARIANTS.items():
        assert set(names) <= set(all_metrics())
        assert len(variants(sample, family, period="2026-Q3")) == len(names)
    with pytest.raises(UsageError, match="churn"):
        variants(sample, "attrition", period="2026-Q3")
