"""Kaplan-Meier, medians, means and log-rank: published, against statsmodels and SciPy, and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from crmkit.errors import DataError, UsageError
from crmkit.methods.survival import kaplan_meier, logrank, median_survival, restricted_mean

# Weeks of remission in leukaemia, 6-mercaptopurine against placebo: E. J. Freireich and others (1963), Blood 21,
# 699-716; estimates and test as in J. P. Klein and M. L. Moeschberger (2003), Survival Analysis, and D. R. Cox and
# D. Oakes (1984), Analysis of Survival Data.
MP_WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
MP_BACK = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO_WEEKS = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
WEEKS = np.array(MP_WEEKS + PLACEBO_WEEKS)
BACK = np.array(MP_BACK + [1] * 21)
DRUG = np.array(["6-MP"] * 21 + ["placebo"] * 21)


def test_freireich_estimates():
    curve = kaplan_meier(MP_WEEKS, MP_BACK)
    met = curve[curve["events"] > 0]
    assert met["time"].to_list() == [6, 7, 10, 13, 16, 22, 23]
    assert met["at_risk"].to_list() == [21, 17, 15, 12, 11, 7, 6]
    np.testing.assert_allclose(met["survival"], [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], atol=0.0005)
    assert curve["events"].sum() + curve["censored"].sum() == 21


def test_freireich_medians():
    found = median_survival(kaplan_meier(WEEKS, BACK, groups=DRUG)).set_index("group")
    assert found["median"].to_dict() == {"6-MP": 23.0, "placebo": 8.0}
    assert found.loc["placebo", ["low", "high"]].to_list() == [4.0, 11.0]
    assert found.loc["6-MP", "low"] == 13.0
    assert np.isnan(found.loc["6-MP", "high"])


def test_freireich_log_rank():
    found = logrank(WEEKS, BACK, DRUG)
    assert found["chi2"].item() == pytest.approx(16.79, abs=0.005)
    assert found["degrees"].item() == 1
    assert found["p"].item() == pytest.approx(4.17e-5, rel=0.01)


def test_equal_to_statsmodels():
    from statsmodels.duration.survfunc import SurvfuncRight, survdiff

    generator = np.random.default_rng(11)
    times = generator.integers(1, 40, 300).astype(float)
    met = generator.random(300) < 0.6
    groups = generator.integers(0, 3, 300)
    theirs = SurvfuncRight(times, met)
    ours = kaplan_meier(times, met)
    ours = ours[ours["events"] > 0]
    np.testing.assert_array_equal(ours["time"], theirs.surv_times)
    np.testing.assert_array_equal(ours["at_risk"], theirs.n_risk)
    np.testing.assert_allclose(ours["survival"], theirs.surv_prob, rtol=1e-12)
    assert median_survival(ours)["median"].item() == theirs.quantile(0.5)
    low, high = theirs.quantile_ci(0.5, method="cloglog")
    assert median_survival(kaplan_meier(times, met))[["low", "high"]].values.tolist() == [[low, high]]
    chi2, p = survdiff(times, met, groups)
    assert logrank(times, met, groups)[["chi2", "p"]].to_numpy() == pytest.approx(np.array([[chi2, p]]), rel=1e-9)


def test_log_log_limits_are_scipys():
    from scipy.stats import CensoredData, ecdf

    met = np.array(MP_BACK, bool)
    weeks = np.array(MP_WEEKS, float)
    theirs = ecdf(CensoredData(uncensored=weeks[met], right=weeks[~met])).sf
    limits = theirs.confidence_interval(method="log-log")
    ours = kaplan_meier(weeks, met).set_index("time")[["low", "high"]]
    np.testing.assert_allclose(ours["low"], limits.low.evaluate(ours.index), rtol=1e-9)
    np.testing.assert_allclose(ours["high"], limits.high.evaluate(ours.index), rtol=1e-9)


def test_counted_rows_are_the_same_as_repeated_ones():
    counts = np.array([3, 0, 2, 5])
    times, met, groups = np.array([1.0, 2.0, 2.0, 4.0]), np.array([True, True, False, True]), np.array(list("abab"))
    spread = [np.repeat(values, counts) for values in (times, met, groups)]
    pd.testing.assert_frame_equal(
        kaplan_meier(times, met, weights=counts, groups=groups), kaplan_meier(*spread[:2], groups=spread[2])
    )
    pd.testing.assert_frame_equal(logrank(times, met, groups, weights=counts), logrank(*spread))


def test_late_entry_by_hand():
    # Watched from 0, 2 and 2 on: at time 1 only the first is at risk of three who meet the event in the end.
    found = kaplan_meier([3, 4, 5], [True, True, False], entry=[-1.0, 3.0, 2.0])
    assert found["at_risk"].to_list() == [2.0, 2.0, 1.0]  # who enters at 3 is not at risk at 3
    np.testing.assert_allclose(found["survival"], [0.5, 0.25, 0.25])


def test_restricted_mean_is_the_area():
    curve = kaplan_meier(WEEKS, BACK, groups=DRUG)
    found = restricted_mean(curve).set_index("group")
    assert (found["until"] == 23).all()
    assert found.loc["placebo", "mean"] == pytest.approx(np.mean(PLACEBO_WEEKS))  # all known: the plain mean
    steps = np.array([6, 1, 3, 3, 3, 6, 1]) @ np.array([1, 0.857143, 0.806723, 0.752941, 0.690196, 0.627451, 0.537815])
    assert found.loc["6-MP", "mean"] == pytest.approx(steps, abs=1e-4)
    error = np.std(PLACEBO_WEEKS) / np.sqrt(21)  # Greenwood without censoring is the variance of the mean
    assert (found.loc["placebo", "high"] - found.loc["placebo", "mean"]) == pytest.approx(1.959964 * error, rel=1e-6)
    longer = restricted_mean(curve, until=40).set_index("group")["mean"]
    assert np.isnan(longer["6-MP"])  # nobody was watched for so long, and some had not relapsed
    assert longer["placebo"] == pytest.approx(np.mean(PLACEBO_WEEKS))


def test_nobody_left_out_of_the_order():
    mixed = np.random.default_rng(2).permutation(42)
    pd.testing.assert_frame_equal(
        kaplan_meier(WEEKS[mixed], BACK[mixed], groups=DRUG[mixed]), kaplan_meier(WEEKS, BACK, groups=DRUG)
    )


def test_one_case_none_and_all_censored():
    assert kaplan_meier([], []).empty
    assert median_survival(kaplan_meier([], [], groups=[])).empty
    one = kaplan_meier([5], [True])
    assert one[["survival", "at_risk"]].values.tolist() == [[0.0, 1.0]]
    assert one[["low", "high"]].isna().all(axis=None)
    waiting = kaplan_meier([5, 6], [False, False])
    assert waiting["survival"].to_list() == [1.0, 1.0]
    assert np.isnan(median_survival(waiting)["median"].item())
    assert logrank([5, 6], [False, False], ["a", "b"])["chi2"].isna().item()
    assert logrank([5, 6], [True, True], ["a", "a"])["p"].isna().item()


def test_half_exactly_is_the_median():
    assert median_survival(kaplan_meier([1, 2, 3, 4], [True] * 4))["median"].item() == 2.0
    assert median_survival(kaplan_meier(range(1, 11), [True] * 10))["median"].item() == 5.0  # despite rounding


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: kaplan_meier([1, -2], [1, 1]), DataError, "first at place 1: -2"),
        (lambda: kaplan_meier([1, np.nan], [1, 1]), DataError, "1 of 2 are unknown"),
        (lambda: kaplan_meier([1, 2], [1]), UsageError, "event 1"),
        (lambda: kaplan_meier([1, 2], [1, 1], entry=[0, 2]), DataError, "place 1 is not before"),
        (lambda: median_survival(pd.DataFrame({"time": [1]})), UsageError, "lacks at_risk"),
        (lambda: median_survival(kaplan_meier([1], [1]), share=1.5), UsageError, "between 0 and 1"),
    ],
)
def test_bad_input_is_told(call, error, says):
    with pytest.raises(error, match=says):
        call()
