"""What was planted in the sample company is found again by measuring it, within the intervals that crmkit gives."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from crmkit.engine.intervals import wilson

RECOVERED = ("churn_rate", "nps", "ces_easy", "csat", "win_rate", "sales_cycle_days")
WIDER = 3.2905 / 1.96
"""How much wider an interval of 99.9% is than one of 95%."""


@pytest.fixture(scope="module")
def truths(root):
    return json.loads((root / "data" / "sample" / "truth.json").read_text(encoding="utf-8"))["truths"]


@pytest.fixture(scope="module")
def found(sample, truths) -> pd.DataFrame:
    """Each planted value of a metric beside what is measured: one query for each window and grouping."""
    rows = []
    wanted = [truth for truth in truths if truth["kind"] == "metric" and truth["name"] in RECOVERED]
    wanted = [truth for truth in wanted if not isinstance(truth["value"], dict)]
    asked = sorted({(truth["window"], tuple(truth["by"])) for truth in wanted})
    for window, by in asked:
        group = [truth for truth in wanted if (truth["window"], tuple(truth["by"])) == (window, by)]
        names = sorted({truth["name"] for truth in group})
        measured = sample.measure(names, period=window, by=list(by)).astype(dict.fromkeys(by, str))
        for truth in group:
            labels = {"metric": truth["name"], **truth["by"]}
            ((_, row),) = measured[(measured[list(labels)] == pd.Series(labels)).all(axis=1)].iterrows()
            label = f"{truth['name']} {truth['by']} {window}"
            rows.append((truth["name"], label, truth["value"], row.value, row.low, row.high, row.n))
    return pd.DataFrame(rows, columns=["metric", "label", "truth", "value", "low", "high", "n"])


def test_there_is_much_to_recover(found):
    assert set(found.metric) == set(RECOVERED)
    assert len(found) > 90
    assert found.value.notna().all()
    assert found.low.notna().all()


def test_most_of_the_95_percent_intervals_hold_the_truth(found):
    holds = (found.low <= found.truth) & (found.truth <= found.high)
    missed = found[~holds]
    assert holds.mean() >= 0.85, missed.to_string()


def test_all_of_the_99_9_percent_intervals_hold_the_truth(found):
    low = found.value - WIDER * (found.value - found.low)
    high = found.value + WIDER * (found.high - found.value)
    missed = found[(found.truth < low) | (found.truth > high)]
    assert missed.empty, missed.to_string()


def test_segments_and_reps_come_in_their_true_order(found):
    for metric in ("churn_rate", "win_rate", "sales_cycle_days"):
        rows = found[found.metric == metric]
        assert np.corrcoef(rows.truth, rows.value)[0, 1] > 0.7


def test_promoters_and_detractors_by_segment(sample, truths):
    wanted = [truth for truth in truths if truth["name"] in ("promoters_share", "detractors_share")]
    assert len(wanted) >= 8
    counted = sample.measure(
        ["promoters", "detractors", "nps"], period=wanted[0]["window"], by="segment", intervals=False
    ).set_index(["metric", "segment"])
    holds = []
    for truth in wanted:
        segment = truth["by"]["segment"]
        part = counted.value[truth["name"].removesuffix("_share"), segment]
        low, high = wilson(np.array([part]), np.array([counted.n["nps", segment]]))
        holds.append(low.item() <= truth["value"] <= high.item())
    assert np.mean(holds) >= 0.8


@pytest.mark.parametrize("metric", ["renewal_rate", "sales_cycle_days"])
def test_what_the_new_crm_changed(metric, sample, truths):
    (truth,) = [t for t in truths if t["what"] == "crm" and t["name"] == metric]
    sides = [sample.measure(metric, period=window).iloc[0] for window in truth["window"].split()]
    for side, planted in zip(sides, (truth["value"]["before"], truth["value"]["after"]), strict=True):
        assert side.value - WIDER * (side.value - side.low) <= planted <= side.value + WIDER * (side.high - side.value)
    before, after = sides
    assert after.value / before.value == pytest.approx(truth["value"]["ratio"], rel=0.15)
    assert after.low > before.high if metric == "renewal_rate" else after.high < before.low
