"""What the sample company's CRM really changed is found again, within the intervals that crmkit gives."""

from __future__ import annotations

import json

import numpy as np
import pytest

from crmkit.derived.crm_effects import HOURS_A_MONTH
from crmkit.methods.before_after import before_after

PLANTED = ("sales_cycle_days", "renewal_rate", "interactions_per_agent", "cac")


@pytest.fixture(scope="module")
def truths(root):
    found = json.loads((root / "data" / "sample" / "truth.json").read_text(encoding="utf-8"))["truths"]
    return {truth["name"]: truth["value"] for truth in found if truth["what"] == "crm"}


@pytest.fixture(scope="module")
def compared(sample, truths):
    return {
        name: before_after(
            sample, name, before=truths[name]["before_window"], after=truths[name]["after_window"], trend=False
        ).iloc[0]
        for name in PLANTED
    }


@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_factor_lies_in_the_interval_of_the_ratio(name, compared, truths):
    row = compared[name]
    assert row.ratio_low <= truths[name]["ratio"] <= row.ratio_high
    assert row.ratio_low <= truths[name]["factor"] <= row.ratio_high
    assert not row.ratio_low <= 1 <= row.ratio_high, "the change is clearly one"


@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_difference_lies_in_its_interval(name, compared, truths):
    row, truth = compared[name], truths[name]
    assert row.low <= truth["after"] - truth["before"] <= row.high


def test_the_factors_are_those_of_the_introduction(truths):
    assert [truths[name]["factor"] for name in PLANTED] == [0.65, 1.30, 1.26, 0.83]


@pytest.mark.parametrize("name", PLANTED)
def test_the_trend_reading_holds_the_truth_too(name, sample, truths):
    found = before_after(sample, name).set_index("reading").loc["against the trend before"]
    assert found.ratio_low <= truths[name]["factor"] <= found.ratio_high


def test_the_time_saved_is_a_quarter_of_the_routine_work(sample, truths):
    """Planted: a task or note takes 0.75 of the minutes that it took before."""
    found = sample.measure("crm_benefit_time", period="2025-07-01/2026-10-01", intervals=False).value.item()
    work = sample.relations.get("activities").to_pandas()
    work = work[work.kind.isin(["task", "note"]) & (work["at"] >= "2025-07-01")]
    pay = sample.relations.get("users").to_pandas().set_index("user_id").monthly_cost
    spent = (work.duration_minutes / 60 * work.user_id.map(pay) / HOURS_A_MONTH).sum()
    factor = truths["routine_minutes_factor"]
    assert found == pytest.approx(spent * (1 / factor - 1), rel=0.15)


def test_cheaper_acquisition_is_what_the_planted_prices_make(sample, truths):
    """Of the twelve months with the CRM: customers acquired times the fall of their price, in expectation."""
    low, high = truths["cac"]["after_window"].split("/")
    found = sample.measure(
        ["crm_benefit_acquisition", "new_customers"], period=f"{low}/{high}", intervals=False
    ).value.to_numpy()
    expected = (truths["cac"]["before"] - truths["cac"]["after"]) * found[1]
    error = truths["cac"]["before"] * found[1] * np.hypot(1 / 456**0.5, 1 / found[1] ** 0.5)  # of the two counts
    assert abs(found[0] - expected) < 2 * error
