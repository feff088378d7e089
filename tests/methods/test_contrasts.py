"""Contrasts of lost and kept: effect sizes by brute force, corrections, and what the sample plants."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.contrasts import cliffs_delta, contrast, lost_against_kept, risk_ratio


def brute(x, y):
    """Cliff's delta and the variance of Feng and Cliff from the whole matrix of signs."""
    signs = np.sign(np.subtract.outer(np.asarray(x, float), np.asarray(y, float)))
    n, m = signs.shape
    d = signs.mean()
    rows, columns = signs.mean(axis=1), signs.mean(axis=0)
    variance = m**2 * ((rows - d) ** 2).sum() + n**2 * ((columns - d) ** 2).sum() - ((signs - d) ** 2).sum()
    variance /= n * m * (n - 1) * (m - 1)
    return d, max(variance, (1 - d**2) / (n * m - 1))


def test_cliffs_delta_is_that_of_all_pairs():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 9, 40), rng.integers(2, 11, 60)
    d, variance = brute(x, y)
    delta, low, high = cliffs_delta(x, y)
    assert delta == pytest.approx(d)
    z = stats.norm.ppf(0.975)
    root = z * np.sqrt(variance) * np.sqrt((1 - d**2) ** 2 + z**2 * variance)
    assert low == pytest.approx((d - d**3 - root) / (1 - d**2 + z**2 * variance), rel=1e-5)
    assert high == pytest.approx((d - d**3 + root) / (1 - d**2 + z**2 * variance), rel=1e-5)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    truth = 2 * stats.norm.cdf(0.5 / np.sqrt(2)) - 1
    ends = [cliffs_delta(rng.normal(0.5, 1, 30), rng.normal(0, 1, 50))[1:] for _ in range(400)]
    assert 0.92 <= np.mean([low <= truth <= high for low, high in ends]) <= 0.98


def test_all_on_one_side_has_an_interval_that_is_not_a_point():
    delta, low, high = cliffs_delta([5, 6, 7, 8, 9, 10], [1, 2, 3, 4, 4, 4])
    assert (delta, high) == (1.0, 1.0)
    assert 0 < low < 1
    assert cliffs_delta([1, 2, 3, 4, 4, 4], [5, 6, 7, 8, 9, 10]) == (-1.0, -1.0, -low)


def test_of_two_shares_delta_is_the_difference():
    assert cliffs_delta([1] * 30 + [0] * 70, [1] * 10 + [0] * 90)[0] == pytest.approx(0.2)


def test_the_risk_ratio_is_that_of_scipy_and_an_empty_cell_is_no_infinity():
    expected = stats.contingency.relative_risk(10, 100, 5, 100)
    ratio, low, high = risk_ratio(10, 100, 5, 100)
    assert ratio == expected.relative_risk
    interval = expected.confidence_interval(0.95)
    assert (low, high) == pytest.approx((interval.low, interval.high), rel=1e-6)
    ratio, low, high = risk_ratio(0, 20, 5, 20)
    assert 0 < low < ratio < high < np.inf
    assert np.isnan(risk_ratio(0, 0, 1, 5)).all()


def frame(seed=0, size=200):
    rng = np.random.default_rng(seed)
    lost = rng.random(size) < 0.3
    return pd.DataFrame({
        "lost": lost.astype(float), "score": rng.normal(0, 1, size) - 1.0 * lost, "noise": rng.normal(0, 1, size),
        "same": 1.0, "plan": np.where(rng.random(size) < 0.3 + 0.4 * lost, "Small", "Large"),
        "rare": [1.0] * 3 + [np.nan] * (size - 3),
    })  # fmt: skip


def test_planted_differences_are_clear_and_noise_is_not():
    found = contrast(frame(), label="lost").set_index("feature")
    assert found.loc["score", "q"] < 0.001
    assert found.loc["score", "high"] < 0
    assert found.loc["plan", "q"] < 0.001
    assert found.loc["noise", "q"] > 0.05


def test_values_that_cannot_be_compared_say_so():
    found = contrast(frame(), label="lost").set_index("feature")
    assert found.loc["same", "note"] == "all the same"
    assert found.loc["rare", "note"] == "too few known values"
    assert found.loc[["same", "rare"], ["delta", "p", "q"]].isna().all(axis=None)


def test_p_and_standardised_difference_are_those_of_scipy():
    data = frame()
    row = contrast(data, label="lost", features=["score"]).iloc[0]
    x, y = (data.loc[data["lost"] == side, "score"] for side in (1, 0))
    assert row["p"] == pytest.approx(stats.mannwhitneyu(x, y, method="asymptotic").pvalue)
    assert row["q"] == row["p"]
    assert row["smd"] == pytest.approx((x.mean() - y.mean()) / np.sqrt((x.var() + y.var()) / 2))


def test_many_comparisons_of_noise_find_nothing():
    rng = np.random.default_rng(7)
    data = pd.DataFrame(rng.normal(0, 1, (120, 60)), columns=[f"f{i}" for i in range(60)])
    data["lost"] = (np.arange(120) % 3 == 0).astype(float)
    found = contrast(data, label="lost")
    assert (found["p"] < 0.05).sum() >= 1
    assert not (found["q"] < 0.05).any()


def test_of_two_levels_one_is_shown_and_of_many_each():
    data = frame()
    assert contrast(data, label="lost", features=["plan"])["level"].tolist() == ["Large"]
    data["area"] = np.resize(["N", "S", "E"], len(data))
    assert sorted(contrast(data, label="lost", features=["area"])["level"]) == ["E", "N", "S"]


def test_one_class_and_a_label_that_is_none_are_refused():
    data = frame()
    with pytest.raises(NotInThisData, match="at least 5 rows on each side"):
        contrast(data.assign(lost=0.0), label="lost")
    with pytest.raises(UsageError, match="must be 0 or 1"):
        contrast(data.assign(lost=2.0), label="lost")


def test_dissatisfaction_goes_with_loss_in_the_sample(sample):
    """Planted: the hazard times 0.47 for each standard deviation of satisfaction more."""
    found = lost_against_kept(sample, period="2025-10-01/2026-10-01").set_index("feature")
    row = found.loc["satisfaction"]
    assert row["q"] < 0.01
    assert row["high"] < 0
    assert row["ratio_high"] < 1


def test_the_segment_that_churns_most_is_over_represented_among_the_lost(sample):
    """Planted: home subscribers leave most, large businesses least."""
    found = lost_against_kept(sample, period="2025-10-01/2026-10-01", features=["segment"]).set_index("level")
    assert found["ratio"].idxmax() == "Home subscription"
    assert found.loc["Home subscription", "low"] > 0


def test_what_came_after_the_window_began_changes_nothing(sample):
    tables = {name: sample.tables[name].to_pandas() for name in ("subscriptions", "customers", "surveys", "tickets")}
    names = ["satisfaction", "tickets_half", "mrr"]
    whole = crmkit.open(tables, as_of=sample.as_of)
    first = lost_against_kept(whole, period="2026-Q1", features=names)
    late = tables["surveys"]["answered_at"] >= "2026-01-01"
    tables["surveys"] = tables["surveys"].assign(score=tables["surveys"]["score"].where(~late, 1))
    tables["tickets"] = tables["tickets"][tables["tickets"]["opened_at"] < "2026-01-01"]
    second = lost_against_kept(crmkit.open(tables, as_of=sample.as_of), period="2026-Q1", features=names)
    pd.testing.assert_frame_equal(first, second)


def test_a_window_that_is_not_over_and_data_without_losses_are_reasons(sample):
    with pytest.raises(NotInThisData, match="not over yet"):
        lost_against_kept(sample, period="2026-09-01/2026-12-01", features=["mrr"])
    bare = crmkit.open({"leads": {"lead_id": ["1"], "created_at": ["2026-01-01"]}})
    with pytest.raises(NotInThisData):
        lost_against_kept(bare, period="2026-01")
