"""The saturating curve: published form, exact intervals, simulated coverage, and what cannot be told."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from crmkit.errors import UsageError
from crmkit.methods.saturation import saturation

SPEND = np.geomspace(200, 12_000, 36)


def truth(spend, most=20.0, half=2500.0):
    return most * spend / (spend + half)


def drawn(seed, spend=SPEND, **curve):
    return np.random.default_rng(seed).poisson(truth(spend, **curve))


def log_likelihood(most, half, spend, counts):
    expected = most * spend / (spend + half)
    return float((counts * np.log(expected) - expected).sum())


def test_it_is_the_likeliest_curve():
    counts = drawn(1)
    fit = saturation(SPEND, counts)
    best = minimize(
        lambda p: -log_likelihood(np.exp(p[0]), np.exp(p[1]), SPEND, counts), [3, 8], method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 5000},
    )  # fmt: skip
    assert (fit.most, fit.half) == pytest.approx(tuple(np.exp(best.x)), rel=1e-3)
    assert log_likelihood(fit.most, fit.half, SPEND, counts) == pytest.approx(-best.fun, abs=1e-5)


def test_the_interval_of_the_slope_is_that_of_the_profile_likelihood():
    counts, at = drawn(2), 3000.0
    fit = saturation(SPEND, counts)
    assert fit.dispersion == pytest.approx(max(1.0, fit.dispersion))
    low, high = (end.item() for end in fit.marginal_interval(at))
    peak = log_likelihood(fit.most, fit.half, SPEND, counts)
    halves = np.geomspace(50, 5e5, 8000)
    for slope in (low, high):
        # for a slope held at this value, `most` follows from `half`: what is left is one search
        mosts = slope * (at + halves) ** 2 / halves
        best = max(log_likelihood(m, h, SPEND, counts) for m, h in zip(mosts, halves, strict=True))
        assert 2 * (peak - best) / fit.dispersion == pytest.approx(3.8415, abs=0.05)


def test_intervals_hold_the_truth_as_often_as_they_say():
    held = np.zeros(3)
    runs = 200
    for seed in range(runs):
        fit = saturation(SPEND, drawn(seed))
        low, high = fit.marginal_interval(3000)
        held += [
            low[0] <= 20 * 2500 / 5500**2 <= high[0],
            fit.half_interval[0] <= 2500 <= fit.half_interval[1],
            fit.most_interval[0] <= 20 <= fit.most_interval[1],
        ]
    assert (held / runs > 0.92).all(), held / runs


def test_the_band_holds_the_curve_and_widens_beyond_the_data():
    fit = saturation(SPEND, drawn(3))
    low, high = fit.expected_interval([500, 3000, 12_000, 60_000])
    middle = fit.expected([500, 3000, 12_000, 60_000])
    assert (low < middle).all()
    assert (middle < high).all()
    assert (high - low)[3] > (high - low)[1]


def test_a_straight_line_and_no_effect_are_not_ruled_out_where_the_data_cannot():
    line = np.random.default_rng(5).poisson(0.004 * SPEND)
    fit = saturation(SPEND, line)
    assert fit.line
    assert not fit.flat
    assert fit.half_interval[1] == np.inf
    assert fit.marginal(3000) == pytest.approx(0.004, rel=0.15)
    flat = saturation(SPEND, np.random.default_rng(6).poisson(9, len(SPEND)))
    assert flat.flat
    assert flat.half_interval[0] == 0
    clear = saturation(SPEND, drawn(1))
    assert not clear.line
    assert not clear.flat


def test_counts_that_scatter_more_make_intervals_wider():
    counts = drawn(7)
    wild = np.where(np.arange(len(SPEND)) % 2, counts * 2, 0)
    calm, torn = saturation(SPEND, counts), saturation(SPEND, wild)
    assert torn.dispersion > 3 * calm.dispersion
    width = [np.diff(np.ravel(fit.marginal_interval(3000))).item() for fit in (calm, torn)]
    assert width[1] > 1.5 * width[0]


def test_the_unit_of_money_and_the_order_of_months_change_nothing():
    counts = drawn(8)
    fit, cents = saturation(SPEND, counts), saturation(SPEND * 100, counts)
    assert cents.half == pytest.approx(100 * fit.half, rel=1e-6)
    order = np.random.default_rng(0).permutation(len(SPEND))
    assert saturation(SPEND[order], counts[order]).most == pytest.approx(fit.most)


def test_months_without_spending_change_nothing():
    counts = drawn(9)
    fit = saturation([0, 0, *SPEND], [3, 0, *counts])
    assert fit.most == saturation(SPEND, counts).most
    assert fit.n == len(SPEND)


@pytest.mark.parametrize(
    ("spend", "counts", "words"),
    [
        ([5, 5, 5, 5], [1, 2, 3, 4], "never varied"),
        ([1, 2, 3], [0, 0, 0], "no curve"),
        ([1, 2], [1, 2], "at least 3 months"),
        ([1, 2, -3], [1, 2, 3], "at least 0"),
        ([1, 2, 3], [1, 2], "each spending needs its count"),
    ],
)
def test_what_cannot_be_told_is_refused(spend, counts, words):
    with pytest.raises(UsageError, match=words):
        saturation(spend, counts)
