"""The figures of adoption: alt text and numbers from the data, hostile names, nothing to show."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from crmkit import plots
from crmkit.errors import UsageError

AS_OF = pd.Timestamp("2026-09-30")
HOSTILE = ["$\\bad$ and $5", "_internal", "100 % {sure} {0}", "x" * 300, "株式会社 東京", "<script>alert(1)</script>"]


@pytest.fixture(autouse=True)
def _strict():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    plt.close("all")


def ties(count=3, name="Follow-up"):
    rng = np.random.default_rng(1)
    raw = np.linspace(0.9, 0.1, count)
    frame = pd.DataFrame({"inside": "x", "outside": "y", "inside_title": name, "outside_title": "CSAT", "raw": raw,
                          "raw_low": raw - 0.2, "raw_high": np.minimum(raw + 0.2, 1), "q": 0.5, "n": 60.0,
                          "within": rng.normal(0, 0.1, count), "note": ""})  # fmt: skip
    frame = frame.assign(low=frame.within - 0.5, high=frame.within + 0.5)
    frame.attrs |= {"as_of": AS_OF, "every": "quarter", "how": "rank"}
    return frame


def days(users, weeks=6):
    rng = np.random.default_rng(2)
    starts = pd.date_range("2026-08-03", periods=weeks, freq="7D")
    rows = [(user, week, float(rng.integers(0, 6))) for user in users for week in starts]
    frame = pd.DataFrame(rows, columns=["user", "period", "value"])
    frame.attrs["as_of"] = AS_OF
    return frame


def texts(ax):
    return " ".join(text.get_text() for text in ax.figure.findobj(lambda one: hasattr(one, "get_text")))


def test_coefficients_say_how_many_hold_and_draw_the_strongest():
    ax = plots.coefficients(ties(14), top=5)
    title = "12 of 14 pairs go together as they are, none once what all share is taken away"
    assert title in " ".join(texts(ax).split())
    assert "n = 60 cells a pair" in texts(ax)
    assert "9 weaker pairs in the table" in texts(ax)
    assert ax.crm_alt.startswith("Correlation of ranks. Follow-up → CSAT: 0.90 as it is")
    assert ax.crm_twin().text.count("Follow-up") == 14
    assert len(plots.png(ax)) > 1000


def test_coefficients_of_nothing_say_so():
    ax = plots.coefficients(ties(2).assign(within=np.nan))
    assert "no data" in texts(ax)
    assert ax.crm_alt == "No data: Correlation of ranks."
    with pytest.raises(UsageError, match="raw_low"):
        plots.coefficients(ties().drop(columns="raw_low"))


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_drawn_as_they_are(name):
    assert plots.png(plots.coefficients(ties(2, name)))
    ax = plots.use_map(days([name, "Ann"]), by="user")
    assert plots.png(ax)
    assert "<script>" not in ax.crm_twin().html


def test_the_map_says_who_came_and_who_did_not():
    frame = days(["Ann", "Ben"])
    frame.loc[frame.user == "Ben", "value"] = [5.0, 5, 0, 0, 0, 0]
    frame.loc[frame.user == "Ann", "value"] = 2.0
    ax = plots.use_map(frame, by="user")
    assert "1 of 2 users came in the last week; 1 did not come in the last four" in texts(ax)
    assert "Ben 0 days" in ax.crm_alt
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Ann", "Ben"]  # the least use of late at the bottom


def test_a_week_without_a_licence_is_blank_and_one_without_use_is_not():
    frame = days(["Ann", "Ben"]).assign(value=0.0)
    frame = frame[~((frame.user == "Ben") & (frame.period < "2026-08-17"))]
    (image,) = plots.use_map(frame, by="user").images
    assert image.get_array().mask.sum() == 2


def test_many_users_are_cut_and_counted():
    ax = plots.use_map(days([f"u{place:03d}" for place in range(60)]), by="user", top=40)
    assert "20 users with more use not drawn" in texts(ax)
    assert len(ax.crm_data) == 360


def test_the_map_of_nobody():
    ax = plots.use_map(days([]).astype({"value": float}), by="user")
    assert "no data" in texts(ax)
