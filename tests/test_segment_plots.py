"""Figures of segments: what they say is what the numbers say, and little data is no crash."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from crmkit import plots
from crmkit.errors import UsageError
from crmkit.methods import segment_map, segment_movement, segment_profiles
from crmkit.models import CustomerSegments
from crmkit.plots import png


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(0)
    middles = np.repeat([[0.0, 0.0, 0.0], [9.0, 0.0, 5.0]], [40, 60], axis=0)
    return pd.DataFrame(middles + rng.normal(0, 0.5, middles.shape), columns=["a", "b", "share of $x^2$ & 茶"])


@pytest.fixture(scope="module")
def model(people):
    return CustomerSegments(refits=3).fit(people)


def members(*segments):
    return pd.DataFrame({"customer_id": [f"c{i}" for i in range(len(segments))], "segment": list(segments)})


def test_the_criteria_say_how_many_prefer_the_number_chosen(model):
    ax = plots.segment_criteria(model.criteria_, votes=model.votes_, k=model.k_)
    mine = sum(vote == model.k_ for vote in model.votes_.values())
    assert ax.crm_alt.startswith(f"{mine} of {len(model.votes_)} criteria prefer {model.k_} segments")
    framed = [patch for patch in ax.patches if not patch.get_fill()]
    assert len(framed) == len(model.votes_)
    assert "Silhouette" in ax.crm_twin().text
    assert png(ax)


def test_no_criteria_and_no_votes_are_said():
    empty = pd.DataFrame({"k": [], "silhouette": []})
    assert plots.segment_criteria(empty).crm_alt == "No numbers of segments were compared"
    one = pd.DataFrame({"k": [2], "silhouette": [0.4]})
    assert "no criterion has a vote" in plots.segment_criteria(one).crm_alt


def test_the_profile_names_the_largest_difference(model):
    profile = model.profiles()
    ax = plots.segment_profile(profile)
    known = profile.loc[profile["effect"].abs().idxmax()]
    assert f"differ most in {known['feature']}" in ax.crm_alt
    assert f"{abs(known['effect']):.1f} standard deviations" in ax.crm_alt
    assert png(ax)


def test_a_profile_without_differences_or_of_one_segment():
    flat = segment_profiles(pd.DataFrame({"x": [1.0, 2.0, 1.0, 2.0]}), [0, 0, 1, 1])
    assert plots.segment_profile(flat).crm_alt == "No segment stands out in any feature."
    alone = segment_profiles(pd.DataFrame({"x": [1.0, 2.0]}), [0, 0])
    assert plots.segment_profile(alone).crm_alt == "No segments to compare"
    apart = segment_profiles(pd.DataFrame({"x": [1.0, 1.0, 2.0]}), [0, 0, 1], used=["x"])
    assert png(plots.segment_profile(apart))


def test_the_map_says_how_much_it_shows(model, people):
    places = segment_map(model, people)
    ax = plots.segment_map(places)
    assert f"{sum(places.attrs['shown']):.0%} of the differences" in ax.crm_alt
    points = model.scaler_.transform(people)
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) ** 2
    assert sum(places.attrs["shown"]) == pytest.approx(spread[:2].sum() / spread.sum())
    drawn = segment_map(model, people, most=30)
    assert (len(drawn), drawn.attrs["n"]) == (25, 100)
    assert "25 of n" in plots.segment_map(drawn).crm_twin().text.replace("\xa0", " ")
    assert png(ax)


def test_no_map_where_customers_differ_in_one_thing():
    flat = pd.DataFrame({"a": [1.0, 2.0, 9.0], "b": 1.0})
    with pytest.raises(UsageError, match="two features"):
        segment_map(CustomerSegments(2, refits=0).fit(flat), flat)


def test_the_flows_count_everyone_over_three_moments():
    moments = {"June": members("A", "A", "B"), "July": members("A", "B", "B"), "August": members("B", "B", "B", "A")}
    moved = segment_movement(moments)
    ax = plots.segment_flows(moved)
    assert "67% of 6 customers stayed" in ax.crm_alt  # three in each step: b and c of the first, b and c of the second
    assert "A to B 2" in ax.crm_alt or "A to B 1" in ax.crm_alt
    heights = [patch.get_height() for patch in ax.patches]
    assert sum(heights) == 3 + 4 + 4  # who comes in August is not there in July
    assert png(ax)


def test_flows_in_an_order_of_ones_own():
    moved = segment_movement({"June": members("A", "B"), "July": members("B", "B")})
    assert plots.segment_flows(moved, order=["B", "A", "C"]).crm_alt
    with pytest.raises(UsageError, match="order lacks the segment 'A'"):
        plots.segment_flows(moved, order=["B"])
    assert plots.segment_flows(moved.iloc[:0]).crm_alt == "Nobody is in a segment."


def test_nobody_moved():
    same = members("A", "B", "B")
    ax = plots.segment_flows(segment_movement({"June": same, "July": same}))
    assert ax.crm_alt == "100% of 3 customers stayed in their group from June to July."
