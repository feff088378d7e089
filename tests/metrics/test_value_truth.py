"""What was planted about customer value in the sample company is found again by measuring it."""

from __future__ import annotations

import json

import numpy as np
import pytest


@pytest.fixture(scope="module")
def truths(root):
    return json.loads((root / "data" / "sample" / "truth.json").read_text(encoding="utf-8"))["truths"]


@pytest.fixture(scope="module")
def effect(truths):
    (found,) = [truth["value"] for truth in truths if truth["what"] == "crm" and truth["name"] == "cac"]
    return found


@pytest.mark.parametrize("side", ["before", "after"])
def test_acquisition_cost_before_and_after_the_crm(sample, effect, side):
    """Costs are given, and the number of customers is left to chance: Poisson around what was expected."""
    row = sample.measure("cac", period=effect[f"{side}_window"]).iloc[0]
    expected = row.numerator / effect[side]
    assert abs(row.n - expected) <= 3.2905 * np.sqrt(expected)
    assert row.value == pytest.approx(effect[side], rel=0.05)


def test_the_crm_made_customers_cheaper_by_what_was_planted(sample, effect):
    before, after = (sample.measure("cac", period=effect[f"{side}_window"]).iloc[0] for side in ("before", "after"))
    chance = np.sqrt(1 / before.n + 1 / after.n)  # of the ratio's logarithm
    assert abs(np.log(after.value / before.value / effect["ratio"])) <= 1.96 * chance
    assert np.log(after.value / before.value) < -1.96 * chance, "cheaper by more than chance"


def test_order_value_of_the_web_shop_is_the_mean_of_its_gamma_gamma(sample, truths):
    """Positive orders, as it was planted; the interval draws customers, whose orders are alike."""
    (planted,) = [truth for truth in truths if truth["name"] == "gamma_gamma"]
    found = sample.measure("average_order_value_gross", period="2023-10-01/2026-10-01", by="segment")
    (row,) = found[found.segment == planted["by"]["segment"]].itertuples()
    assert row.low <= planted["value"]["mean"] <= row.high
    assert row.high - row.low < 0.2 * row.value  # and it says something
