"""Figures of marketing: nothing to show, awkward names, values beyond the scale, axes that the caller brought."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from crmkit import plots
from crmkit.errors import UsageError

RETURNS = pd.DataFrame(
    {
        "channel": ["A $x$", "<b>", "C"], "roas": [3.5, 0.0, np.nan], "marketing_roi_margin": [0.2, -1.0, np.nan],
        "roas_low": [1.0, np.nan, np.nan], "roas_high": [400.0, np.nan, np.nan],
        "marketing_roi_margin_low": [-0.9, np.nan, np.nan], "marketing_roi_margin_high": [1.4, np.nan, np.nan],
    }
)  # fmt: skip
CURVES = pd.DataFrame({"channel": ["A"], "spend_now": [50.0], "verdict": ["cannot tell"], "reason": ["too short"]})
POINTS = pd.DataFrame(
    {"channel": ["A"] * 2, "period": pd.to_datetime(["2026-01-01", "2026-02-01"]), "spend": [40.0, 60.0],
     "leads": [3.0, 4.0]}
)  # fmt: skip
RULES = pd.DataFrame({"model": ["Last", "First"] * 2, "channel": ["A", "A", "B", "B"], "value": [4.0, 6.0, 5.0, 5.0]})


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_money_back_draws_what_is_known_and_keeps_the_rest_at_the_end_of_the_scale():
    ax = plots.money_back(RETURNS)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["A $x$", "<b>"]  # C has nothing to show
    low, high = ax.get_xlim()
    drawn = np.concatenate([line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2 and line.get_marker()])
    assert ((drawn >= low) & (drawn <= high)).all()
    assert "0.20 in margin" not in ax.crm_alt
    assert "A $x$ 3.50 in revenue and 1.20 in margin" in ax.crm_alt
    assert ax.figure.texts[0].get_text().startswith("In 1 of 2 the margin paid for the spending")


def test_curves_that_cannot_tell_show_their_months_and_why():
    ax = plots.response_curves(CURVES, points=POINTS, curves=pd.DataFrame(columns=["channel", "spend"]))
    assert ax.get_title(loc="left") == "A: cannot tell"
    assert ax.crm_alt == "A: cannot tell, too short."
    assert "Nothing shows yet" in ax.figure.texts[0].get_text()
    assert "2026-01" in ax.crm_twin().text


def test_credit_names_where_the_rules_differ_most():
    ax = plots.credit(RULES, currency="EUR")
    assert ax.figure.texts[0].get_text() == "The rules differ most about A: from €4 to €6"
    same = RULES.assign(value=5.0)
    assert plots.credit(same).figure.texts[0].get_text() == "All rules give the same"


def test_nothing_to_show_is_said_and_not_drawn():
    for ax in (
        plots.money_back(RETURNS.head(0)),
        plots.credit(RULES.head(0)),
        plots.response_curves(CURVES.head(0), points=POINTS.head(0), curves=CURVES.head(0)),
    ):
        assert "no data" in " ".join(text.get_text() for text in ax.texts)
        assert ax.crm_alt


def test_a_missing_column_is_named():
    with pytest.raises(UsageError, match="marketing_roi_margin"):
        plots.money_back(RETURNS.drop(columns="marketing_roi_margin"))
    with pytest.raises(UsageError, match="model"):
        plots.credit(RULES.drop(columns="model"))


def test_the_same_numbers_give_the_same_picture():
    assert plots.png(plots.money_back(RETURNS)) == plots.png(plots.money_back(RETURNS))
    assert plots.png(plots.credit(RULES)) == plots.png(plots.credit(RULES))
