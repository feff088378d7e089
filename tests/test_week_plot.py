"""The figure of a week: what it draws, says and finds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from crmkit import plots
from crmkit.errors import UsageError


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def load(counts: dict[tuple[int, int], int], **attrs) -> pd.DataFrame:
    every = pd.MultiIndex.from_product([range(1, 8), range(24)], names=["weekday", "hour"])
    frame = pd.Series(counts, dtype=float).reindex(every, fill_value=0).rename("value").reset_index()
    frame.columns = ["weekday", "hour", "value"]
    frame.attrs |= {"title": "Tickets opened", "unit": "count", "as_of": pd.Timestamp("2026-09-30")} | attrs
    return frame


def title(ax) -> str:
    return " ".join(text.get_text() for text in ax.figure.texts)


def test_hours_in_which_nothing_ever_happens_are_not_drawn():
    ax = plots.week(load({(1, 9): 3, (5, 16): 7}))
    drawn = np.asarray(ax.images[0].get_array())
    assert drawn.shape == (7, 8)
    assert (drawn[0, 0], drawn[4, 7], drawn.sum()) == (3, 7, 10)
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert (labels[0], labels[-1]) == ("9:00", "17:00")  # an hour ends where the next begins


def test_days_that_chance_does_not_tell_apart_are_named_together():
    assert "Friday is the busiest day: 80% of all" in title(plots.week(load({(1, 9): 100, (5, 9): 400})))
    assert "Friday and Monday are the busiest days: 90% of all" in title(
        plots.week(load({(1, 9): 440, (2, 9): 100, (5, 9): 460}))
    )
    assert "no weekday stands out" in title(plots.week(load({(day, 9): 50 + day for day in range(1, 8)})))


def test_it_says_its_numbers_to_those_who_cannot_see_it():
    ax = plots.week(load({(1, 9): 3, (5, 16): 7}))
    assert "Monday 3, Tuesday 0" in ax.crm_alt
    assert "The busiest hour is Friday from 16:00, with 7." in ax.crm_alt
    twin = ax.crm_twin()
    assert "Wednesday" in twin.html
    assert "16:00" in twin.html
    assert "n = 10" in title(ax).replace("\u00a0", " ")


def test_hours_that_the_frame_leaves_out_are_drawn_as_nothing_and_the_others_are_drawn():
    frame = load({(1, 9): 3, (5, 16): 7})
    ax = plots.week(frame[frame["value"] > 0])
    assert "n = 10" in title(ax).replace("\u00a0", " ")
    assert sorted(text.get_text() for text in ax.texts if text.get_text()) == ["3", "7"]


def test_a_week_without_anything_says_so():
    ax = plots.week(load({}))
    assert ax.crm_alt == "No data: Tickets opened."
    assert "no data" in title(ax) + " ".join(text.get_text() for text in ax.texts)


def test_missing_columns_are_named():
    with pytest.raises(UsageError, match="weekday"):
        plots.week(pd.DataFrame({"hour": [1], "value": [2]}))


def test_it_draws_into_axes_that_the_caller_brings():
    _, own = plt.subplots()
    assert plots.week(load({(3, 12): 5}), ax=own) is own
    assert "Wednesday is the busiest day" in own.get_title(loc="left")
