"""Before and after: intervals by hand and by published example, trends that are known, a comparison group."""

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.before_after import before_after, difference_interval, ratio_interval
from crmkit.methods.interruption import interrupted, regression


def series(values, first="2024-01-01"):
    return pd.DataFrame({"period": pd.date_range(first, periods=len(values), freq="MS"), "value": values})


def test_the_interval_of_a_difference_of_equal_widths_is_their_pythagoras():
    low, high = difference_interval((10, 7, 13), (20, 16, 24))
    assert (low, high) == (5, 15)


def test_newcombe_s_example():
    """Newcombe (1998), method 10, 56/70 against 48/80: 0.0524 to 0.3339, from the Wilson intervals of both."""
    from crmkit.engine.intervals import wilson

    low, high = wilson(np.array([48.0, 56.0]), np.array([80.0, 70.0]))
    found = difference_interval((48 / 80, low[0], high[0]), (56 / 70, low[1], high[1]))
    assert found == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_ratio_s_interval_turned_over_is_that_of_the_inverse():
    value, low, high = ratio_interval((50, 45, 55), (40, 36, 44))
    back = ratio_interval((40, 36, 44), (50, 45, 55))
    assert (1 / back[0], 1 / back[2], 1 / back[1]) == pytest.approx((value, low, high))


def test_a_ratio_over_what_may_be_zero_has_no_interval():
    assert np.isnan(ratio_interval((1, -1, 3), (2, 1, 3))[1:]).all()


def test_a_step_on_a_line_is_found_exactly():
    line = [5 + 2.0 * month for month in range(24)]
    stepped = line[:12] + [value - 7 for value in line[12:]]
    found = interrupted(series(stepped[:12]), series(stepped[12:], "2025-01-01"))
    assert found["difference"] == pytest.approx(-7)
    assert found["before"] == pytest.approx(np.mean(line[12:]))


def test_a_trend_that_goes_on_is_no_step():
    rng = np.random.default_rng(5)
    values = [100 - 2.0 * month + rng.normal(0, 3) for month in range(24)]
    found = interrupted(series(values[:12]), series(values[12:], "2025-01-01"))
    assert found["low"] < 0 < found["high"]
    assert np.mean(values[12:]) < np.mean(values[:12]) - 15, "where the plain comparison would see a fall"


def test_intervals_hold_what_was_planted_about_as_often_as_they_say():
    rng, held = np.random.default_rng(11), 0
    for _ in range(200):
        noise = rng.normal(0, 4, 27)
        values = 60 + 0.5 * np.arange(27) - 15 * (np.arange(27) >= 12) + noise
        found = interrupted(series(values[:12]), series(values[12:], "2025-01-01"))
        held += found["low"] <= -15 <= found["high"]
    assert held / 200 >= 0.93


def test_the_regression_is_statsmodels_own():
    from statsmodels.regression.linear_model import OLS

    rng = np.random.default_rng(3)
    design = np.column_stack([np.ones(27), rng.normal(size=(27, 3))])
    value = design @ [3.0, 1.0, -2.0, 0.5] + np.convolve(rng.normal(size=29), [1, 0.8, 0.5], "valid")
    fitted, errors = regression(design, value)
    plain = OLS(value, design).fit()
    robust = plain.get_robustcov_results("HAC", maxlags=2, use_correction=True)
    np.testing.assert_allclose(fitted, plain.params)
    np.testing.assert_allclose(errors, np.maximum(plain.bse, robust.bse))


def test_few_months_say_so():
    found = interrupted(series([1.0, 2.0]), series([1.0] * 9, "2025-01-01"))
    assert "a trend needs 6 on each side" in found["note"]


def leads(groups=("all",), after=40.0):
    """Follow-up of 60 hours before July 2025; since then of `after` hours for group `a`, and 50 for `b`."""
    rows = []
    for group in groups:
        for month in pd.date_range("2024-07-01", "2026-06-01", freq="MS"):
            for place in range(4):
                hours = 60 if month < pd.Timestamp("2025-07-01") else (50.0 if group == "b" else after)
                created = month + pd.Timedelta(days=place)
                rows.append((f"{group}{len(rows)}", group, created, created + pd.Timedelta(hours=hours + place)))
    frame = pd.DataFrame(rows, columns=["lead_id", "source", "created_at", "first_contacted_at"])
    return crmkit.open({"leads": frame}, config={"crm_introduced": "2025-07-01"}, as_of="2026-06-30")


def test_both_windows_are_measured():
    found = before_after(leads(), "lead_follow_up_hours_mean", trend=False).iloc[0]
    assert (found.before, found.after) == (61.5, 41.5)
    assert found.difference == -20
    assert found.low < -20 < found.high < 0
    assert found.ratio == pytest.approx(41.5 / 61.5)
    assert found.n == 48


def test_counts_are_compared_by_month():
    found = before_after(leads(), "leads", after="2025-07-01/2026-04-01", trend=False).iloc[0]
    assert (found.before, found.after, found.note) == (4, 4, "a month, on average")


def test_a_comparison_group_takes_its_own_change_off():
    crm = leads(("a", "b"))
    found = before_after(crm, "lead_follow_up_hours_mean", trend=False, comparison=("source", "b"))
    row = found.set_index("reading").loc["against the comparison group"]
    assert row.difference == pytest.approx((41.5 - 61.5) - (51.5 - 61.5))
    assert row.low < row.difference < row.high
    none = before_after(crm, "lead_follow_up_hours_mean", trend=False, comparison=("source", "z")).iloc[1]
    assert "no source = z" in none.note


def test_what_cannot_be_compared_is_refused():
    crm = leads()
    with pytest.raises(NotInThisData, match="needs the table surveys"):
        before_after(crm, "nps")
    plain = crmkit.open({"leads": {"lead_id": ["a"], "created_at": ["2026-01-01"]}})
    with pytest.raises(UsageError, match="Set crm_introduced"):
        before_after(plain, "leads")
    young = crmkit.open(
        {"leads": {"lead_id": ["a"], "created_at": ["2026-01-10"]}}, config={"crm_introduced": "2026-01-05"}
    )
    with pytest.raises(UsageError, match="No whole month"):
        before_after(young, "leads")


def test_months_that_settle_are_left_out():
    found = before_after(leads(), "leads", settle_months=6, trend=False)
    assert found.attrs["after"] == "2026-01-01/2026-07-01"
