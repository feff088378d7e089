"""Investment arithmetic against published and hand-worked numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmkit.errors import UsageError
from crmkit.methods.investment import cash_flow, irr, npv, payback_months, roi, roi_gross

YEARLY = [-100_000, 40_000, 40_000, 40_000, 40_000]
flows = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


def test_the_published_example():
    assert npv(0.1, YEARLY) == pytest.approx(26_794.62, abs=0.005)
    assert round(roi(500_000, 300_000), 4) == 0.6667
    assert round(roi_gross(500_000, 300_000), 4) == 1.6667


def test_a_month_is_discounted_by_a_twelfth_root():
    monthly = [-100_000] + [0.0] * 48
    for year in (12, 24, 36, 48):
        monthly[year] = 40_000
    assert npv(0.1, monthly, every="month") == pytest.approx(26_794.62, abs=0.005)


def test_the_internal_rate_makes_the_present_value_nothing():
    rate = irr(YEARLY)
    assert rate == pytest.approx(0.21862, abs=5e-6)  # 2.5 = annuity factor of 4 years
    assert npv(rate, YEARLY) == pytest.approx(0, abs=1e-4)
    assert irr([-100.0, *[10.0] * 12], every="month") == pytest.approx((1 + 0.0292285) ** 12 - 1, rel=1e-4)


@pytest.mark.parametrize("some", [[100, -50], [-1, -1], [-100, 230, -132], [0, 0], [-100, 0, 0]])
def test_flows_without_one_internal_rate_have_none(some):
    assert irr(some) is None


def test_payback_by_steps_and_within_them():
    assert payback_months(YEARLY, every="year") == 36
    assert payback_months(YEARLY, every="year", interpolate=True) == 30
    assert payback_months([-120, 10, 20, 30, 60, 5]) == 4
    assert payback_months([-120, 10, 20, 30, 120], interpolate=True) == 3.5
    assert payback_months([-10, 3, 3]) is None
    assert payback_months([5, 5]) == 0


def test_rounding_does_not_delay_the_payback():
    assert payback_months([-0.3, 0.1, 0.1, 0.1]) == 3


def test_cash_flow_adds_up_and_counts_from_the_given_step():
    frame = cash_flow([60, 10, 10], [0, 5, 90], rate=0.21, first=-1)
    assert frame["step"].tolist() == [-1, 0, 1]
    assert frame["cumulative"].tolist() == [-60, -65, 15]
    by_hand = -60 * 1.21 ** (1 / 12) - 5 + 80 / 1.21 ** (1 / 12)
    assert frame["cumulative_discounted"].iloc[-1] == pytest.approx(by_hand)


def test_what_is_no_flow_is_refused():
    with pytest.raises(UsageError, match="place 1 is nan"):
        npv(0.1, [1.0, float("nan")])
    with pytest.raises(UsageError, match="above -1"):
        npv(-1.0, [1.0])
    with pytest.raises(UsageError, match="year, quarter, month"):
        npv(0.1, [1.0], every="week")
    with pytest.raises(UsageError, match="2 costs and 1 benefits"):
        cash_flow([1, 2], [1])


def test_nothing_paid_has_no_return():
    assert roi(5, 0) is None
    assert roi_gross(5, 0) is None


@settings(max_examples=60, deadline=None)
@given(flows, flows, st.floats(-0.5, 3))
def test_present_values_add_up(some, others, rate):
    size = max(len(some), len(others))
    some, others = (np.pad(part, (0, size - len(part))) for part in (some, others))
    both = npv(rate, some + others, every="month")
    assert both == pytest.approx(npv(rate, some, every="month") + npv(rate, others, every="month"), rel=1e-9, abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(flows)
def test_at_no_interest_the_present_value_is_the_sum(some):
    assert npv(0.0, some) == pytest.approx(sum(some), rel=1e-9, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=40), st.floats(1, 1e5))
def test_a_higher_cost_never_pays_back_earlier(gains, cost):
    first, second = payback_months([-cost, *gains]), payback_months([-2 * cost, *gains])
    assert second is None or first <= second
