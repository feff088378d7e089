"""Metrics in windows of their own: the windows are dealt out so that none overlap, and each period gets its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

import crmkit
from crmkit.config import Config
from crmkit.engine.buckets import Buckets, buckets
from crmkit.engine.measurement import Measurement
from crmkit.engine.windows import runs
from crmkit.kinds import count, days
from crmkit.metric import find
from crmkit.periods import Period, parse, trailing_year, year_before_crm

CRM = Config(crm_introduced=datetime(2025, 7, 1))


def yearly(name: str):
    """Return a metric, measured over the 12 months to the end of each period."""
    return replace(find(name), over=trailing_year)


def test_windows_of_a_run_do_not_overlap_and_none_is_lost():
    months = parse("2024-01-01/2026-01-01").split("month")
    dealt = runs(trailing_year, Buckets(tuple(months)), Config())
    assert len(dealt) == 12
    for run in dealt:
        ends = [period.end for period in run.span.periods]
        assert [period.start for period in run.span.periods[1:]] == ends[:-1], "one directly after the other"
    asked = [period for run in dealt for period, _ in run.asked]
    assert sorted(asked, key=lambda period: period.start) == months
    assert all(window.end == period.end for run in dealt for period, window in run.asked)


def test_a_gap_between_windows_is_a_period_of_its_own():
    asked = [parse("2022"), parse("2025")]
    (run,) = runs(trailing_year, Buckets(tuple(asked)), Config())
    assert [period.name for period in run.span.periods] == [
        "2022-01-01/2023-01-01",
        "2023-01-01/2025-01-01",
        "2025-01-01/2026-01-01",
    ]


def test_a_fixed_window_is_measured_once():
    (run,) = runs(year_before_crm, Buckets(tuple(parse("2026").split("month"))), CRM)
    assert len(run.span.periods) == 1
    assert len(run.asked) == 12


def test_no_window_is_no_run():
    assert runs(year_before_crm, Buckets((parse("2026"),)), Config()) == []


@pytest.fixture
def leads():
    created = ["2024-12-31", "2025-01-01", "2025-06-15", "2025-12-31", "2026-01-01", "2026-01-02"]
    table = {"lead_id": list("abcdef"), "created_at": created, "source": list("xxyxyy")}
    return crmkit.open({"leads": table}, as_of="2026-02-28")


def measured(crm, metric, period, every=None, by=()):
    span = buckets(crm, period, every)
    return Measurement(crm, span, list(by), {}, [metric], 0).frame(metric)


def test_each_month_has_the_year_to_its_end(leads):
    found = measured(leads, yearly("leads"), "2025-12-01/2026-03-01", "month")
    assert found.value.tolist() == [3.0, 4.0, 4.0]  # 2025; February 2025 to January 2026; March 2025 to February 2026
    assert [f"{start:%Y-%m}" for start in found.period] == ["2025-12", "2026-01", "2026-02"]


def test_groups_of_windows_are_kept(leads):
    found = measured(leads, yearly("leads"), "2026-01", by=["source"])
    assert dict(zip(found.source, found.value, strict=True)) == {"x": 1.0, "y": 3.0}


def test_a_period_without_a_window_is_unknown(leads):
    found = measured(leads, replace(find("leads"), over=year_before_crm), "2026-01")
    assert found.value.isna().all()


def test_a_leap_day_has_the_28th_a_year_before():
    window = trailing_year(Period(datetime(2024, 1, 1), datetime(2024, 2, 29)))
    assert window.start == datetime(2023, 2, 28)


def test_days_are_those_that_are_known(leads):
    def per_day(leads):
        return count() / days()

    metric = replace(find("leads"), declare=per_day)
    assert measured(leads, metric, "2026-01").value.item() == pytest.approx(2 / 31)
    assert measured(leads, metric, "2026-01-01/2026-04-01").value.item() == pytest.approx(2 / 59)  # to 28 February
    assert measured(leads, metric, "2026-01").numerator.item() == 2
