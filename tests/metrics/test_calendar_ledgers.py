"""Weeks, fiscal years and short series: each event in the period that a person would put it in."""

from __future__ import annotations

import pandas as pd
import pytest
from ledgers import ledger, values

import crmkit
from crmkit.errors import UsageError


def calls(*times: str, as_of: str, **config):
    """Open a CRM with one call at each of these times."""
    table = {"activity_id": range(len(times)), "kind": ["call"] * len(times), "at": list(times)}
    return crmkit.open({"activities": table}, as_of=as_of, config=config)


EDGES = ["2025-12-27 23:59", "2025-12-28", "2025-12-29", "2026-01-03 23:59:59.999999", "2026-01-04", "2026-01-05"]


def test_iso_weeks_over_the_turn_of_the_year():
    crm = calls(*EDGES, as_of="2026-01-31")
    weeks = values(crm, "calls_made", "2025-12-22/2026-01-12", every="week")
    assert weeks == {"2025-12-22": 2, "2025-12-29": 3, "2026-01-05": 1}
    assert crm.measure("calls_made", period="2026-W01").value.item() == 3


def test_weeks_that_begin_on_sunday():
    crm = calls(*EDGES, as_of="2026-01-31", week_start="sunday")
    weeks = values(crm, "calls_made", "2025-12-21/2026-01-11", every="week")
    assert weeks == {"2025-12-21": 1, "2025-12-28": 3, "2026-01-04": 2}
    assert crm.measure("calls_made", period="2026-W01").value.item() == 3


def test_weeks_that_begin_on_saturday():
    crm = calls(*EDGES, as_of="2026-01-31", week_start="saturday")
    assert values(crm, "calls_made", "2025-12-27/2026-01-10", every="week") == {"2025-12-27": 3, "2026-01-03": 3}


def test_week_53():
    crm = calls("2020-12-27", "2020-12-28", "2021-01-03 12:00", "2021-01-04", as_of="2021-01-31")
    assert crm.measure("calls_made", period="2020-W53").value.item() == 2


@pytest.mark.parametrize(
    ("month", "quarters"),
    [
        (1, {"2026-01-01": 2, "2026-04-01": 1, "2026-07-01": 0, "2026-10-01": 1}),
        (2, {"2026-02-01": 1, "2026-05-01": 1, "2026-08-01": 1, "2026-11-01": 0}),
        (4, {"2026-04-01": 1, "2026-07-01": 0, "2026-10-01": 1, "2027-01-01": 1}),
    ],
)
def test_fiscal_quarters(month, quarters):
    crm = calls(
        "2026-01-31 23:59",
        "2026-02-28",
        "2026-05-01",
        "2026-10-31 23:59:59",
        "2027-03-31 23:59:59",
        as_of="2027-06-30",
        fiscal_year_start_month=month,
    )
    assert values(crm, "calls_made", "2026", every="quarter") == quarters


def test_fiscal_years_in_series():
    crm = calls(
        "2025-03-31", "2025-04-01", "2026-03-31 23:59", "2026-04-01", as_of="2027-03-31", fiscal_year_start_month=4
    )
    years = values(crm, "calls_made", "2024-04-01/2027-04-01", every="year")
    assert years == {"2024-04-01": 1, "2025-04-01": 2, "2026-04-01": 1}
    assert crm.measure("calls_made", period="2025").value.item() == 2


def test_a_leap_february_by_week_and_month():
    crm = calls("2024-02-28", "2024-02-29 23:59:59.999999", "2024-03-01", as_of="2024-03-31")
    assert values(crm, "calls_made", "2024-02-01/2024-04-01", every="month") == {"2024-02-01": 2, "2024-03-01": 1}
    assert crm.measure("calls_made", period="2024-W09").value.item() == 3


def test_levels_and_moves_in_fiscal_quarters():
    crm = ledger(
        subscriptions="""
        subscription_id | customer_id | started_at | ended_at   | mrr
        1               | A           | 2025-05-01 | 2026-02-01 | 10
        2               | A           | 2026-02-01 | .          | 30
        3               | B           | 2026-01-31 | .          | 5
        """,
        as_of="2026-07-31",
        config={"fiscal_year_start_month": 2},
    )
    span = {"period": "2025-11-01/2026-05-01", "every": "quarter"}
    assert values(crm, "mrr", **span) == {"2025-11-01": 15, "2026-02-01": 35}
    assert values(crm, "new_mrr", **span) == {"2025-11-01": 5, "2026-02-01": 0}
    assert values(crm, "expansion_mrr", **span) == {"2025-11-01": 0, "2026-02-01": 20}
    assert values(crm, "customers_at_end", **span) == {"2025-11-01": 2, "2026-02-01": 2}


def test_a_span_that_is_no_calendar_period():
    crm = calls("2026-03-04 23:59", "2026-03-05", "2026-03-09 23:59", "2026-03-10", as_of="2026-03-31")
    assert crm.measure("calls_made", period="2026-03-05/2026-03-10").value.item() == 2


def test_without_a_period_a_series_runs_from_the_first_event_to_the_last_complete_period():
    crm = calls("2026-01-20", "2026-03-02", as_of="2026-04-15")
    found = crm.measure("calls_made", every="month")
    assert found.period.tolist() == list(pd.to_datetime(["2026-01-01", "2026-02-01", "2026-03-01"]))
    assert found.value.tolist() == [1, 0, 1]


def test_without_anything_the_latest_complete_quarter_is_measured():
    crm = calls("2026-01-20", "2026-04-02", as_of="2026-04-15")
    found = crm.measure("calls_made")
    assert (found.period.item(), found.value.item()) == (pd.Timestamp("2026-01-01"), 1)


def test_periods_after_as_of_are_not_in_a_series():
    crm = calls("2026-01-20", as_of="2026-02-15")
    found = crm.measure("calls_made", period="2026", every="month")
    assert found.period.dt.month.tolist() == [1, 2]
    assert found.note.tolist() == ["", "the period is not over: known up to 2026-02-15"]


def test_a_year_is_not_made_of_whole_weeks():
    crm = calls("2026-01-20", as_of="2026-12-31")
    with pytest.raises(UsageError, match=r"not made of whole weeks\. Use one from 2025-12-29 to 2027-01-04"):
        crm.measure("calls_made", period="2026", every="week")
