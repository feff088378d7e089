"""On the sample company each metric equals its twin: by month over a year, and by groups over a quarter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from twins import TWINS

from crmkit.metric import all_metrics

YEAR, QUARTER = "2025-10-01/2026-10-01", "2026-Q2"
NAMES = list(all_metrics())


@pytest.fixture(scope="module")
def by_month(sample):
    """All metrics by month, measured at once."""
    return sample.measure(NAMES, every="month", period=YEAR, intervals=False)


@pytest.fixture(scope="module")
def by_group(sample):
    """All metrics by the groups of their twins: one measurement for each column."""
    asked: dict[str, list[str]] = {}
    for name, twin in TWINS.items():
        if twin.by:
            asked.setdefault(twin.by, []).append(name)
    return {
        by: sample.measure(names, period=QUARTER, by=by, intervals=False).rename(columns={by: "group"})
        for by, names in asked.items()
    }


def test_every_metric_has_a_twin_and_every_twin_a_metric():
    lacking, left_over = sorted(set(NAMES) - set(TWINS)), sorted(set(TWINS) - set(NAMES))
    assert not lacking, f"add a function and its name in TWINS to the family in tests/metrics/twins: {lacking}"
    assert not left_over, f"these twins in tests/metrics/twins are of no metric: {left_over}"


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_equals_its_twin_in_each_month(name, by_month, plain):
    found = by_month[by_month.metric == name].set_index("period").value
    starts = pd.date_range("2025-10-01", periods=12, freq="MS")
    expected = [TWINS[name].measure(plain, start, start + pd.offsets.MonthBegin()) for start in starts]
    assert list(found.index) == list(starts)
    assert np.isfinite(expected).any(), "the sample must have something to compare"
    np.testing.assert_allclose(found.to_numpy(float), np.array(expected, float), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_equals_its_twin_in_each_group(name, sample, by_group, plain):
    twin = TWINS[name]
    start, end = pd.Timestamp("2026-04-01"), pd.Timestamp("2026-07-01")
    if not twin.by:
        found = sample.measure(name, period=QUARTER, intervals=False).value.item()
        np.testing.assert_allclose(found, twin.measure(plain, start, end), rtol=1e-9)
        return
    frame = by_group[twin.by]
    found = frame[frame.metric == name].set_index("group").value
    expected = {g: twin.measure(plain.only(twin.column, g), start, end) for g in plain.groups(twin.table, twin.column)}
    assert not found.index.duplicated().any()
    assert any(np.isfinite(value) for value in expected.values())
    for group, value in expected.items():
        if group in found.index:
            np.testing.assert_allclose(found[group], value, rtol=1e-9, atol=1e-9, err_msg=group)
        else:
            assert np.isnan(value) or value == 0, f"{group} is missing"
    assert set(found.index) <= set(expected), "groups that the table does not have"
