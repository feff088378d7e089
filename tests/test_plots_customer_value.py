"""The figures of customer value: what they draw, say and leave for those who do not see them."""

import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from crmkit import plots
from crmkit.errors import UsageError
from crmkit.numbers import NBSP


@pytest.fixture(autouse=True)
def _strict():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    plt.close("all")


def curve(*values):
    upto = np.concatenate([[0.0], np.cumsum(values)])
    total = upto[-1]
    frame = pd.DataFrame({"customers": np.arange(len(upto), dtype=float), "value": upto})
    frame["customers_share"] = frame["customers"] / max(len(values), 1)
    frame["value_share"] = upto / total if total > 0 else np.nan
    negative = [value for value in values if value < 0]
    frame.attrs = {"title": "Revenue", "unit": "money", "currency": "EUR", "as_of": pd.Timestamp("2026-09-30"),
                   "negative": len(negative), "negative_value": sum(negative), "total": total}  # fmt: skip
    return frame


def said(ax):
    return " ".join(text.get_text() for text in ax.figure.texts).replace(NBSP, " ")


def test_concentration_says_what_the_top_brings():
    ax = plots.concentration(curve(60, 20, 10, 5, 5))
    assert "20% of the customers bring 60% of revenue" in said(ax)
    assert "n = 5" in said(ax)
    assert "data to 2026-09-30" in said(ax)
    assert "Half of it comes from 1 customer." in ax.crm_alt
    (line,) = [line for line in ax.lines if len(line.get_xdata()) == 6]
    assert line.get_ydata().tolist() == pytest.approx([0, 0.6, 0.8, 0.9, 0.95, 1.0])
    assert "100.0%" in ax.crm_twin().text


def test_concentration_shows_customers_who_sent_back_more():
    ax = plots.concentration(curve(80, 40, -20))
    assert "1 sent back €20 more than they bought" in ax.crm_alt.replace(NBSP, " ")
    assert ax.get_ylim()[1] > 1.2, "the curve goes above the whole before it comes down"


@pytest.mark.parametrize("values", [(), (5, -5), (-3,)])
def test_concentration_without_a_whole_to_share_out(values):
    ax = plots.concentration(curve(*values))
    assert "No data" in ax.crm_alt
    plots.png(ax)


def test_concentration_of_one_customer_and_of_many():
    assert "100% of the customers bring 100%" in said(plots.concentration(curve(7)))
    ax = plots.concentration(curve(*np.linspace(100, 1, 3000)))
    assert len(ax.crm_twin().text.splitlines()) <= 28


def kept(actual):
    predicted, actual = np.array([100.0, 200.0, 300.0]), np.array(actual, float)
    frame = pd.DataFrame({"months": [6.0, 12.0, 24.0], "predicted": predicted, "actual": actual, "low": actual - 20,
                          "high": actual + 20, "error": predicted - actual, "customers": 40.0})  # fmt: skip
    frame.attrs = {"title": "Revenue per customer", "unit": "money", "currency": "EUR"}
    return frame


def test_backtest_says_what_was_promised_and_what_came():
    ax = plots.backtest(kept([150, 220, 260]))
    assert "€150 came in 6 months where €100 were promised; in 24 months €260 where €300 were" in said(ax)
    assert "95% interval" in said(ax)
    assert "(95% interval €240–€280)" in ax.crm_alt.replace(NBSP, " ")
    labels = " ".join(text.get_text() for text in ax.texts)
    assert "promised" in labels
    assert "came" in labels
    assert ax.get_ylim()[0] == 0
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "6", "12", "24"]


def test_backtest_draws_nothing_for_a_horizon_that_nobody_has_reached():
    ax = plots.backtest(kept([150, 220, np.nan]))
    assert "in 12 months €220" in said(ax)
    assert max(len(line.get_xdata()) for line in ax.lines if line.get_marker() == "o") == 2


def test_backtest_of_one_horizon_and_of_none():
    assert "€150 came in 6 months" in said(plots.backtest(kept([150, np.nan, np.nan])))
    ax = plots.backtest(kept([np.nan] * 3))
    assert "No data" in ax.crm_alt
    plots.png(ax)


def test_the_same_data_gives_the_same_bytes():
    for draw, frame in ((plots.concentration, curve(3, 2, 1)), (plots.backtest, kept([150, 220, 260]))):
        assert plots.png(draw(frame)) == plots.png(draw(frame))


def test_frames_that_lack_a_column_are_refused():
    with pytest.raises(UsageError, match="value_share"):
        plots.concentration(curve(1, 2).drop(columns="value_share"))
    with pytest.raises(UsageError, match="predicted"):
        plots.backtest(kept([1, 2, 3]).drop(columns="predicted"))
