"""Every metric compiles to the SQL of every warehouse, with no account anywhere; DuckDB's is run in test_backends."""

from __future__ import annotations

import pytest
import sqlglot

import crmkit
from crmkit.metric import all_metrics

NAMES = list(all_metrics())
DIALECTS = ["postgres", "snowflake", "bigquery", "databricks", "trino"]
PARSED = {"nps", "win_rate", "median_deal_size", "stage_days", "lead_conversion_rate", "mrr", "revenue", "repeat_rate"}
"""Metrics of each kind whose SQL is also read back, which takes a while."""


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_metric_compiles_for_every_warehouse(dialect, small):
    for name in NAMES:
        text = small.sql(name, dialect=dialect, every="month", period="2026-08-01/2026-10-01")
        assert text.startswith(f"-- {name}: {all_metrics()[name].formula}\n")
        if name in PARSED:
            (statement,) = [part for part in sqlglot.parse(text, read=dialect) if part is not None]
            assert isinstance(statement, sqlglot.exp.Query), name
            used = {table.name for table in statement.find_all(sqlglot.exp.Table)}
            assert used & set(small.tables), f"{name} reads none of the CRM's tables"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("name", "by"), [("win_rate", "owner.team"), ("nps", "customer.segment")])
def test_metrics_by_group_compile_for_every_warehouse(dialect, name, by, small):
    text = small.sql(name, dialect=dialect, period="2026-Q3", by=by)
    assert sqlglot.parse_one(text, read=dialect) is not None
    assert "(none)" in text


def test_an_unknown_dialect_is_refused_with_the_nearest(small):
    with pytest.raises(crmkit.UsageError, match="postgres"):
        small.sql("win_rate", dialect="postgre")
