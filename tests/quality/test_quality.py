"""Checking data: each rule with a table that breaks it, and a table that does not."""

from __future__ import annotations

import pytest

from crmkit.quality import COLUMNS, check, touched

GOOD = {
    "customers": {"customer_id": ["A", "B"], "created_at": ["2026-01-01", "2026-01-02"]},
    "orders": {
        "order_id": ["1", "2"],
        "customer_id": ["A", "B"],
        "ordered_at": ["2026-01-05", "2026-01-06"],
        "amount": [10.0, -3.0],
    },
}


def changed(table: str, **columns) -> dict:
    """Return the good tables with some columns of one of them replaced."""
    return {name: ({**frame, **columns} if name == table else frame) for name, frame in GOOD.items()}


def test_nothing_is_found_in_good_tables():
    found = check(GOOD)
    assert list(found.columns) == COLUMNS
    assert found.empty


@pytest.mark.parametrize(
    ("tables", "severity", "table", "column", "rows", "example"),
    [
        (changed("orders", customer_id=["A", "Z"]), "warning", "orders", "customer_id", 1, "customer_id Z"),
        (changed("orders", ordered_at=["2026-01-05", None]), "warning", "orders", "ordered_at", 1, "order_id 2"),
        (changed("orders", amount=["10", "zehn"]), "error", "orders", "amount", 1, "row 2: zehn"),
        (changed("orders", order_id=["1", "1"]), "error", "orders", "order_id", 0, None),
        (changed("orders", order_id=["1", None]), "error", "orders", "order_id", 1, "row 2: None"),
    ],
)
def test_each_defect_is_one_finding(tables, severity, table, column, rows, example):
    (found,) = check(tables).itertuples()
    assert (found.severity, found.table, found.column, found.rows) == (severity, table, column, rows)
    assert example is None or example in found.examples
    assert set(found.metrics) & {"revenue", "repeat_rate"}
    assert found.advice


def test_share_is_of_the_tables_rows():
    (found,) = check(changed("orders", customer_id=["A", "Z"])).itertuples()
    assert found.share == 0.5


def test_times_out_of_order_and_deals_without_a_closing_date():
    found = check(
        {
            "opportunities": {
                "opportunity_id": ["1", "2", "3"],
                "created_at": ["2026-02-01", "2026-02-01", "2026-02-01"],
                "closed_at": ["2026-01-31", None, "2026-02-03"],
                "outcome": ["won", "lost", "won"],
                "amount": [5.0, None, None],
                "probability": [1.0, 0.0, 45.0],
            }
        }
    )
    assert sorted(found[["column", "rows"]].values.tolist()) == [
        ["amount", 1],
        ["closed_at", 1],
        ["closed_at", 1],
        ["probability", 1],
    ]
    assert set(found.severity) == {"warning"}


def test_scores_off_their_scale():
    surveys = {
        "response_id": list("abcd"),
        "survey": ["nps", "nps", "csat", "ces"],
        "score": [11, 9.5, 5, 7],
        "answered_at": ["2026-01-01"] * 4,
    }
    (found,) = check({"surveys": surveys}).itertuples()
    assert (found.column, found.rows) == ("score", 2)
    assert {"nps", "csat", "ces"} <= set(found.metrics)
    assert check({"surveys": {**surveys, "scale_min": [0] * 4, "scale_max": [11, 10, 5, 7]}}).rows.tolist() == [1]


def test_what_lies_after_as_of_is_a_note_and_no_error():
    found = check(GOOD, as_of="2026-01-05")
    assert set(found.severity) == {"note"}
    assert "orders" in set(found.table)


def test_a_target_for_no_metric_is_named():
    found = check({**GOOD, "targets": {"metric": ["revenu"], "period": ["2026-Q1"], "value": [5.0]}})
    assert found.finding.tolist() == ["is no metric: 'revenu'"]


def test_a_missing_column_is_an_error_and_the_other_tables_are_checked_all_the_same():
    tables = changed("orders", customer_id=["A", "Z"])
    found = check({**tables, "tickets": {"ticket_id": ["1"]}})
    assert found[["severity", "table", "column"]].values.tolist() == [
        ["error", "tickets", "opened_at"],
        ["warning", "orders", "customer_id"],
    ]


def test_touched_metrics_follow_formulas():
    assert {"win_rate", "sales_velocity"} <= set(touched("opportunities", "closed_at"))
    assert "nps" not in touched("opportunities", "closed_at")


def test_a_table_without_rows_is_said():
    found = check({**GOOD, "leads": {"lead_id": [], "created_at": []}})
    assert found[["severity", "table", "finding"]].values.tolist() == [["note", "leads", "has no rows"]]
