"""What is planted in the sample about use and work is found again within the intervals that crmkit gives."""

from __future__ import annotations

import json

import numpy as np
import pytest

from crmkit.methods.pairs import paired_change, routine_time
from crmkit.methods.satisfaction import satisfaction_by_delay


@pytest.fixture(scope="module")
def planted(root):
    truths = json.loads((root / "data" / "sample" / "truth.json").read_text(encoding="utf-8"))["truths"]
    return {truth["name"]: truth for truth in truths if truth["what"] in ("crm", "service")}


def test_each_agent_does_more_with_the_crm(sample, planted):
    truth = planted["interactions_per_agent"]["value"]
    before, after = truth["before_window"], truth["after_window"]
    for window, monthly in ((before, truth["before"]), (after, truth["after"])):
        months = sample.measure("interactions_per_agent", every="month", period=window, intervals=False).value
        error = 1.96 * np.sqrt(monthly / (20 * 12))  # of a mean of Poisson counts, 20 users in 12 months
        assert months.mean() == pytest.approx(monthly, abs=error)
    found = paired_change(sample, "interactions_per_agent", before=before, after=after).iloc[0]
    assert found.low <= truth["factor"] <= found.high
    assert found.high - found.low < 0.15


def test_routine_work_takes_less_time(sample, planted):
    found = routine_time(sample, before="2024-07-01/2025-07-01", after="2025-07-01/2026-10-01").set_index("kind")
    factor = planted["routine_minutes_factor"]["value"]
    assert ((found.low <= factor) & (factor <= found.high)).all()
    hours = sample.measure("hours_saved", period="2025-07-01/2026-10-01").value.item()
    assert hours == pytest.approx(found.loc["all", "hours_saved"])
    expected = found.loc["all", "before"] * (1 - factor) * found.loc["all", "n"] / 60
    assert found.loc["all", "hours_low"] <= expected <= found.loc["all", "hours_high"]


def test_before_the_crm_no_work_was_shorter(sample):
    found = routine_time(sample, before="2023-10-01/2024-10-01", after="2024-10-01/2025-07-01").set_index("kind")
    assert found.loc["all", "low"] <= 1 <= found.loc["all", "high"]


def test_slowness_makes_discontent_among_cases_of_one_agent(sample, planted):
    found = satisfaction_by_delay(sample)
    truth, fit, raw = planted["csat_slowness"]["value"], found.attrs["fit"], found.attrs["raw"]
    assert fit.low <= truth <= fit.high
    assert raw.high < truth  # slow agents have discontented customers: taken together the tie looks stronger


def test_use_began_with_the_crm_and_grew(sample):
    rates = sample.measure("adoption_rate", every="quarter", period="2025-01-01/2026-10-01").value
    assert rates[:2].isna().all()
    assert rates[2] < rates[3] < rates[4]
    assert rates.max() <= 1
