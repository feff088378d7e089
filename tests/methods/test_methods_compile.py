"""The methods' queries are what every engine has: they compile for each warehouse, and each method is one query."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import ibis
import pytest

import crmkit
from crmkit import methods
from crmkit.methods import common

ASKED = {
    "cohorts": lambda crm: methods.cohorts(crm, by="segment"),
    "cohorts of orders": lambda crm: methods.cohorts(crm, of="orders", every="week"),
    "cohorts of revenue": lambda crm: methods.cohorts(crm, of="revenue", by="owner.team"),
    "lifetimes": lambda crm: methods.customer_survival(crm, by="segment", period="2025"),
    "funnel": lambda crm: methods.funnel(crm, period="2026-Q2", by="kind"),
    "leads": lambda crm: methods.lead_funnel(crm, period="2026-Q2", by="source"),
}


class _NoMedian:
    """An engine without exact medians."""

    @staticmethod
    def has_operation(operation) -> bool:
        return operation is not ibis.expr.operations.Median


@pytest.fixture(scope="module")
def queries(root):
    """What each method asks, on an engine with exact medians and on one without."""
    crm = crmkit.open(root / "data/sample")
    found: dict[str, list] = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, ask in ASKED.items():
            found[name] = []
            for module in ("cohorts", "lifetimes", "funnel", "lead_funnel"):
                patch.setattr(
                    sys.modules[f"crmkit.methods.{module}"],
                    "run",
                    lambda query, name=name: found[name].append(query) or common.run(query),
                )
            ask(crm)
    return found


def test_each_method_is_one_query(queries):
    assert {name: len(asked) for name, asked in queries.items()} == dict.fromkeys(ASKED, 1) | {"funnel": 2}  # and order


@pytest.mark.parametrize("dialect", ["postgres", "snowflake", "databricks"])
def test_all_compile(queries, dialect):
    for asked in queries.values():
        for query in asked:
            assert "select" in ibis.to_sql(query, dialect=dialect).lower()


@pytest.mark.parametrize("dialect", ["bigquery", "trino"])
def test_cohorts_and_lifetimes_compile_without_medians(queries, dialect):
    for name in ("cohorts", "cohorts of orders", "cohorts of revenue", "lifetimes"):
        assert "select" in ibis.to_sql(queries[name][0], dialect=dialect).lower()


def test_a_median_is_approximate_where_the_engine_has_no_exact_one():
    days = ibis.table({"days": "float64"}, name="t")
    query = days.agg(middle=common.median(SimpleNamespace(engine=_NoMedian), days.days))
    for dialect in ("bigquery", "trino"):
        assert "approx" in ibis.to_sql(query, dialect=dialect).lower()
    exact = days.agg(middle=common.median(SimpleNamespace(engine=None), days.days))
    assert "approx" not in ibis.to_sql(exact, dialect="duckdb").lower()
