"""Figures of investments and comparisons: findings, descriptions and tables made from the numbers; nothing to show."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from crmkit import plots
from crmkit.errors import UsageError
from crmkit.methods import cash_flow, scenario_flows, simulate, tornado


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def said(ax):
    return " ".join(" ".join(text.get_text().split()) for text in ax.figure.texts)


def test_a_plan_says_when_it_pays():
    ax = plots.cash_flow(scenario_flows())
    assert "It pays for itself after 19 months" in said(ax)
    assert "month 19" in ax.crm_twin().text


def test_a_plan_that_never_pays_says_how_much_is_short():
    ax = plots.cash_flow(scenario_flows(implementation=500_000))
    assert "does not pay for itself within 36 months" in said(ax)
    assert "short" in ax.crm_alt


def test_past_months_have_their_names():
    frame = cash_flow([50, 0, 0], [0, 20, 40], first=-1)
    frame["month"] = pd.date_range("2025-06-01", periods=3, freq="MS")
    ax = plots.cash_flow(frame, currency="EUR")
    assert "paid for itself by the end of 2025-08, 2 months after the introduction" in said(ax)
    assert "€10" in ax.crm_alt


def test_a_sum_that_falls_below_zero_again_is_not_called_a_gain():
    frame = cash_flow([50, 0, 100], [0, 60, 0])
    assert "later below zero again" in said(plots.cash_flow(frame))


def test_a_tornado_names_what_matters_most_and_both_ends():
    ax = plots.tornado(tornado(), top=4)
    assert "Cross sell matters most" in said(ax)
    assert "8 inputs that move it less are not drawn" in said(ax)
    text = ax.crm_twin().text
    assert "2.0%" in text
    assert "6.5%" in text


def test_a_tornado_without_anything_uncertain_says_so():
    assert "No input moves" in said(plots.tornado(tornado().iloc[:0]))


def test_outcomes_say_which_part_pays():
    drawn = pd.DataFrame({"npv": [-10.0, -5, 5, 10, 20, 30, 40, 50, 60, 70]})
    ax = plots.outcomes(drawn, currency="EUR")
    assert "above zero in 80% of the cases" in said(ax)
    assert "median" in ax.crm_twin().text


def test_equal_draws_are_drawn_too():
    assert "100%" in plots.outcomes(pd.DataFrame({"npv": [3.0] * 10})).crm_alt


@pytest.mark.parametrize("column", ["crm_roi", "payback_months"])
def test_other_outcomes_and_unknown_ones(column):
    assert plots.outcomes(simulate(draws=200), value=column).crm_alt
    assert "no data" in said(plots.outcomes(pd.DataFrame({column: [None, None]}, dtype=float), value=column))


def test_estimates_say_which_are_more_than_noise():
    frame = pd.DataFrame({"title": ["A $x$", "B", "sum"], "value": [5.0, 1.0, 6.0], "low": [2.0, -1.0, 3.0],
                          "high": [8.0, 3.0, 9.0]})  # fmt: skip
    ax = plots.estimates(frame, apart=["sum"], unit="money", currency="EUR")
    assert "1 of 2 are clearly more than noise: A $x$" in said(ax)
    assert "B €1" in ax.crm_alt
    assert "no data" in said(plots.estimates(frame.iloc[:0]))


def test_an_interruption_says_both_sides_and_where_the_trend_led():
    values = [10.0] * 6 + [4.0] * 3
    frame = pd.DataFrame({"period": pd.date_range("2025-01-01", periods=9, freq="MS"), "value": values})
    ax = plots.interruption(frame, introduced="2025-07-01", title="", unit="days")
    assert "fell from a mean of 10 days" in ax.crm_alt.replace("\xa0", " ")
    assert "led to 10.0 days" in ax.crm_alt.replace("\xa0", " ")


def test_an_interruption_without_one_side_has_nothing_to_show():
    frame = pd.DataFrame({"period": pd.date_range("2025-08-01", periods=3, freq="MS"), "value": [1.0, 2, 3]})
    assert "no data on one of the sides" in said(plots.interruption(frame, introduced="2025-07-01"))


def test_a_frame_that_lacks_a_column_is_refused():
    with pytest.raises(UsageError, match="cumulative"):
        plots.cash_flow(pd.DataFrame({"step": [1], "net": [1.0]}))
