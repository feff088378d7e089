"""Associations: what all share is taken away, chance is allowed for, and a real tie is found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.association import association, corrected, demeaned
from crmkit.methods.side_by_side import panel

UNITS, PERIODS = 10, 14


def cells(rng, *, slope=0.0, of_unit=0.0, of_period=0.0):
    """Make a panel in which y follows x by `slope`, and both follow their unit and their period."""
    frame = pd.DataFrame([(u, p) for u in range(UNITS) for p in range(PERIODS)], columns=["unit", "period"])
    unit, period = rng.normal(size=UNITS)[frame.unit], rng.normal(size=PERIODS)[frame.period]
    common = of_unit * unit + of_period * period
    frame["x"] = common + rng.normal(size=len(frame))
    frame["y"] = slope * frame.x + common + rng.normal(size=len(frame))
    return frame


def test_demeaning_is_what_a_regression_on_dummies_leaves_also_with_gaps():
    rng = np.random.default_rng(3)
    frame = cells(rng, of_unit=2, of_period=2).sample(90, random_state=1)
    unit, period = frame.unit.to_numpy(), pd.factorize(frame.period)[0]
    left = demeaned(frame.x.to_numpy(), unit, period)
    assert pd.Series(left).groupby(unit).mean().abs().max() < 1e-9
    assert pd.Series(left).groupby(period).mean().abs().max() < 1e-9
    import statsmodels.api as sm

    dummies = pd.get_dummies(frame[["unit", "period"]].astype(str), drop_first=True).astype(float)
    oracle = sm.OLS(frame.x.to_numpy(), sm.add_constant(dummies.to_numpy())).fit().resid
    np.testing.assert_allclose(left, oracle, atol=1e-8)


def test_the_linear_correlation_within_by_hand():
    # Two units, three periods. x less its unit's and its period's mean: ±1, 0, ∓1 twice over; y the same, halved.
    frame = pd.DataFrame(
        {"unit": [0, 0, 0, 1, 1, 1] * 2, "period": [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5],
         "x": [1.0, 0, -1, -1, 0, 1] * 2, "y": [0.5, 0, -0.5, -0.5, 0, 0.5] * 2}
    )  # fmt: skip
    found = association(frame, inside=["x"], outside=["y"], how="linear").iloc[0]
    assert found.within == pytest.approx(1.0)
    assert found.raw == pytest.approx(1.0)
    turned = association(frame.assign(y=-frame.y), inside=["x"], outside=["y"], how="linear").iloc[0]
    assert turned.within == pytest.approx(-1.0)


def test_what_a_period_or_a_unit_makes_is_gone_within():
    rng = np.random.default_rng(5)
    for more in ({"of_period": 3.0}, {"of_unit": 3.0}):
        found = association(cells(rng, **more), inside=["x"], outside=["y"]).iloc[0]
        assert found.raw_low > 0.5
        assert found.low < 0 < found.high
        assert found.p > 0.05
    assert abs(found.same_period) > 0.5  # of the last, where units differ for good


def test_a_tie_within_is_found_and_holds_the_truth_as_often_as_it_should():
    held, found_ = 0, 0
    truth = 0.5 / np.sqrt(1 + 0.5**2)
    for seed in range(60):
        frame = cells(np.random.default_rng(seed), slope=0.5, of_unit=1, of_period=1)
        row = association(frame, inside=["x"], outside=["y"], how="linear", replicates=400).iloc[0]
        held += row.low <= truth <= row.high
        found_ += row.p < 0.05
    assert held >= 51  # 85% of 60: clusters are few
    assert found_ >= 51


def test_nothing_is_found_no_more_often_than_by_chance():
    low = [
        association(cells(np.random.default_rng(seed), of_unit=1, of_period=1), inside=["x"], outside=["y"],
                    replicates=400).p.item() < 0.05
        for seed in range(100)
    ]  # fmt: skip
    assert sum(low) <= 11  # 5 expected; more than 11 in 0.4% of runs


def test_the_correction_for_many_pairs_is_that_of_benjamini_and_hochberg():
    from statsmodels.stats.multitest import multipletests

    p = pd.Series([0.001, 0.8, 0.02, np.nan, 0.03, 0.04, 0.5])
    known = p.dropna()
    np.testing.assert_allclose(corrected(p).dropna(), multipletests(known, method="fdr_bh")[1])
    assert corrected(p).isna().tolist() == p.isna().tolist()


def test_later_and_earlier():
    rng = np.random.default_rng(8)
    frame = cells(rng)
    following = frame.assign(period=frame.period + 1)[["unit", "period", "x"]].rename(columns={"x": "y"})
    frame = frame.drop(columns="y").merge(following, on=["unit", "period"])  # y is x of the period before
    at = {lag: association(frame, inside=["x"], outside=["y"], lag=lag).within.item() for lag in (-1, 0, 1)}
    assert at[1] == pytest.approx(1.0)
    assert abs(at[0]) < 0.3
    assert abs(at[-1]) < 0.3


def test_rows_in_another_order_and_other_names_change_nothing():
    frame = cells(np.random.default_rng(2), slope=0.3)
    mixed = frame.sample(len(frame), random_state=3).assign(unit=lambda t: "u" + (99 - t.unit).astype(str))
    one, other = (association(f, inside=["x"], outside=["y"]).drop(columns="note") for f in (frame, mixed))
    pd.testing.assert_frame_equal(one, other)


def test_a_monotone_scale_changes_nothing_of_ranks():
    frame = cells(np.random.default_rng(2), slope=0.3)
    one, other = (association(f, inside=["x"], outside=["y"]) for f in (frame, frame.assign(x=np.exp(frame.x))))
    assert one.within.item() == other.within.item()


def test_too_few_cells_say_nothing_and_few_clusters_are_flagged():
    frame = cells(np.random.default_rng(2))
    few = association(frame[frame.unit == 0], inside=["x"], outside=["y"]).iloc[0]
    assert np.isnan(few.within)
    assert "1 units" in few.note
    some = association(frame[frame.unit < 6], inside=["x"], outside=["y"]).iloc[0]
    assert some.clusters == 6
    assert "only 6 clusters" in some.note


def test_a_constant_has_no_correlation():
    frame = cells(np.random.default_rng(2)).assign(x=1.0)
    assert np.isnan(association(frame, inside=["x"], outside=["y"]).within.item())


@pytest.mark.parametrize(("wrong", "words"), [({"how": "kendall"}, "rank, linear"), ({"cluster": "day"}, "period")])
def test_wrong_options_are_refused(wrong, words):
    with pytest.raises(UsageError, match=words):
        association(cells(np.random.default_rng(2)), inside=["x"], outside=["y"], **wrong)


def test_a_panel_puts_users_of_different_tables_side_by_side():
    crm = crmkit.open(
        {
            "opportunities": {"opportunity_id": list("12"), "owner_id": ["a", "b"], "outcome": ["won", "lost"],
                              "created_at": ["2026-01-01"] * 2, "closed_at": ["2026-01-20", "2026-02-20"]},
            "activities": {"activity_id": list("123"), "kind": ["call"] * 3, "user_id": list("aab"),
                           "at": ["2026-01-05", "2026-01-06", "2026-01-07"]},
            "users": {"user_id": list("ab"), "role": ["sales"] * 2},
        },
        as_of="2026-02-28",
    )  # fmt: skip
    found = panel(crm, ["interactions_per_agent", "win_rate", "nps"], every="month", period="2026-01-01/2026-03-01")
    assert found.attrs["left_out"] == {"nps": "needs the table surveys"}
    january = found[found.period == "2026-01-01"].set_index("unit")
    assert january.loc["a", ["interactions_per_agent", "win_rate"]].tolist() == [2.0, 1.0]
    assert np.isnan(january.loc["b", "win_rate"])
    with pytest.raises(NotInThisData, match="needs the table surveys"):
        panel(crm, ["nps"])
    with pytest.raises(UsageError, match="no known way to a user"):
        panel(crm, ["opportunities_created"])


def test_on_the_sample_common_causes_are_taken_away(root):
    crm = crmkit.open(root / "data" / "sample")
    both = panel(crm, ["interactions_per_agent", "sales_cycle_days"], every="quarter")
    found = association(both, inside=["interactions_per_agent"], outside=["sales_cycle_days"]).iloc[0]
    assert found.raw_high < 0  # both changed with the CRM
    assert abs(found.within) < 0.6 * abs(found.raw)
    assert found.units >= 11
