"""Experiments: published figures, effects that were planted, and experiments that must not be read."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import DataError, NotInThisData, UsageError
from crmkit.methods.experiment_plan import plan, power_of, sample_size, smallest_effect
from crmkit.methods.experiment_tests import cuped, holm, means_differ, sample_ratio, shares_differ, tails
from crmkit.methods.experiments import (
    effects_by,
    experiment_effects,
    looks,
    sample_ratios,
    tail_effects,
    trials,
    worth,
)
from crmkit.methods.sequential import SHAPES, boundaries, crossing, peeking


@pytest.fixture(scope="module")
def sample(root):
    return crmkit.open(root / "data/sample")


def two(converted, control, **more):
    """Two groups: (converted, of) each."""
    rows = [("new", 1)] * converted[0] + [("new", 0)] * (converted[1] - converted[0])
    rows += [("control", 1)] * control[0] + [("control", 0)] * (control[1] - control[0])
    return pd.DataFrame(rows, columns=["variant", "converted"]).assign(**more)


@pytest.mark.parametrize(
    ("column", "base", "treated", "z", "p"),
    [("retention_7", 0.1902, 0.1820, -3.164, 0.00155), ("retention_1", 0.4482, 0.4423, -1.784, 0.0744)],
)
def test_the_published_game(shared, column, base, treated, z, p):
    path = shared / "data/cookie_cats/cookie_cats.csv"
    if not path.is_file():
        pytest.skip("the game's data isn't there")
    names = {"variant": "test_version", "unit": "userid", "converted": column, "control": "gate_30"}
    row = experiment_effects(pd.read_csv(path), **names).iloc[0]
    assert row["base"] == pytest.approx(base, abs=5e-5)
    assert row["treated"] == pytest.approx(treated, abs=5e-5)
    assert row["z"] == pytest.approx(z, abs=5e-4)
    assert row["p"] == pytest.approx(p, rel=4e-3)


@pytest.mark.parametrize("measure", ["conversion", "value", "value, CUPED"])
def test_planted_effects_are_within_their_intervals(sample, root, measure):
    truths = [
        t for t in json.loads((root / "data/sample/truth.json").read_text())["truths"] if t["what"] == "experiment"
    ]
    wanted = "conversion_difference" if measure == "conversion" else "value_difference"
    found = experiment_effects(sample).query("measure == @measure").set_index("experiment")
    chosen = [truth for truth in truths if truth["name"] == wanted]
    assert len(chosen) == 2
    for truth in chosen:
        row = found.loc[truth["by"]["experiment_id"]]
        assert row["low"] <= truth["value"] <= row["high"]
        assert (row["p_holm"] < 0.05) == (truth["value"] != 0)


def test_cuped_narrows_the_interval(sample):
    found = experiment_effects(sample).set_index(["experiment", "measure"])
    for name in ("EXP-1", "EXP-2"):
        plain, sharp = (found.loc[(name, measure)] for measure in ("value", "value, CUPED"))
        width = (sharp["high"] - sharp["low"]) / (plain["high"] - plain["low"])
        assert width == pytest.approx(np.sqrt(1 - sharp["gone"]), abs=0.03)
        assert width < 0.6


def test_newcombe_table_two():
    """Newcombe (1998), table II, method 10: 9/10 and 3/10."""
    found = shares_differ(9, 10, 3, 10)
    assert [round(found[name], 4) for name in ("difference", "low", "high")] == [0.6, 0.1705, 0.8090]


def test_means_agree_with_scipy():
    from scipy import stats

    rng = np.random.default_rng(1)
    a, b = rng.gamma(2, 6, 50), rng.gamma(2, 9, 80)
    theirs = stats.ttest_ind(a, b, equal_var=False)
    mine = means_differ(a, b)
    assert mine["p"] == pytest.approx(theirs.pvalue)
    assert (mine["low"], mine["high"]) == pytest.approx(tuple(theirs.confidence_interval()))


def test_a_wrong_sample_ratio_stops_the_reading():
    found = experiment_effects(two((300, 1000), (200, 800)))
    assert found["difference"].isna().all()
    assert "not to be read" in found["note"].iloc[0]
    planned = {"new": 5, "control": 4}
    assert experiment_effects(two((300, 1000), (200, 800)), shares=planned)["p"].notna().all()
    with pytest.raises(UsageError, match="shares must give"):
        sample_ratio({"a": 5, "b": 5}, {"a": 1.0})


def test_customers_in_two_variants_are_left_out_and_said():
    rows = two((30, 100), (20, 100))
    rows["customer_id"] = [str(n) for n in range(199)] + ["0"]
    found = trials(rows)
    assert len(found.rows) == 198
    assert found.left_out == {"experiment": "customers in several variants: 1"}


def test_unknown_outcomes_are_not_failures():
    rows = two((30, 100), (20, 100)).astype({"converted": object})
    rows.loc[50:99, "converted"] = None
    row = experiment_effects(rows).iloc[0]
    assert (row["n"], row["treated"], row["n_control"]) == (50, 0.6, 100)


def test_several_variants_are_corrected():
    rows = pd.concat([two((60, 200), (40, 200)), two((45, 200), (0, 0)).assign(variant="other")])
    found = experiment_effects(rows)
    assert found["variant"].tolist() == ["new", "other"]
    assert found["p_holm"].iloc[0] == pytest.approx(2 * found["p"].iloc[0])
    assert (found["p_holm"] >= found["p"]).all()
    assert holm([0.5, 0.9]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (pd.DataFrame({"group": ["a"]}), UsageError),
        (pd.DataFrame({"variant": ["a", "b"], "converted": [2, 1]}), DataError),
        (pd.DataFrame({"variant": [None], "converted": [1]}), NotInThisData),
        (pd.DataFrame({"variant": ["a"] * 9, "converted": [1] * 9}), NotInThisData),
    ],
)
def test_what_cannot_be_read(rows, error):
    with pytest.raises(error):
        experiment_effects(rows)


def test_everybody_converted():
    row = experiment_effects(two((50, 50), (50, 50))).iloc[0]
    assert (row["difference"], row["p"]) == (0.0, 1.0)
    assert row["low"] < 0 < row["high"]


def test_constant_values_have_no_interval():
    rows = pd.DataFrame({"variant": ["new"] * 5 + ["control"] * 5, "value": [3.0] * 10, "pre_value": [1.0] * 10})
    found = experiment_effects(rows).set_index("measure")
    assert found["low"].isna().all()
    assert found.loc["value, CUPED", "gone"] == 0
    assert (found["note"] == "fewer than 30 customers in a group").all()


def test_order_and_names_make_no_difference():
    rows = two((30, 100), (20, 100), value=np.arange(200.0))
    one = experiment_effects(rows)
    other = experiment_effects(rows.sample(frac=1, random_state=2).reset_index(drop=True))
    pd.testing.assert_frame_equal(one, other)
    pd.testing.assert_frame_equal(tail_effects(rows), tail_effects(rows.sample(frac=1, random_state=2)))


def test_one_large_value_does_not_decide():
    rng = np.random.default_rng(4)
    base = rng.gamma(2, 6, 500)
    found = tails(np.append(base, 1e6), base)
    assert found["mean"]["difference"] > 1000
    assert abs(found["winsorised"]["difference"]) < 1
    assert abs(found["without the tail"]["difference"]) < 1


def test_cuped_needs_no_effect_of_the_slope():
    """An effect that is in the values must stay there: the slope is that within variants."""
    rng = np.random.default_rng(2)
    before = rng.normal(50, 10, 4000)
    variant = np.repeat(["a", "b"], 2000)
    value = 0.8 * before + rng.normal(0, 3, 4000) + np.where(variant == "b", 5.0, 0.0)
    adjusted, gone = cuped(value, before, variant)
    assert adjusted[2000:].mean() - adjusted[:2000].mean() == pytest.approx(5.0, abs=0.3)
    assert gone == pytest.approx(64 / (64 + 9), abs=0.02)


def test_published_boundaries():
    """Lan and DeMets with five looks at 5%, two-sided, as tables and the R package ldbounds give them."""
    times = np.arange(1, 6) / 5
    assert boundaries(times) == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=2e-3)
    assert boundaries(times, shape="pocock") == pytest.approx([2.438, 2.427, 2.410, 2.397, 2.386], abs=2e-3)


def test_published_peeking():
    """Armitage, McPherson and Rowe (1969): 1.96 at each of ten looks is passed in 19.3% without any effect."""
    assert crossing(np.arange(1, 11) / 10, [1.959964] * 10)[[1, 4, 9]] == pytest.approx([0.083, 0.142, 0.193], abs=1e-3)
    last = peeking(10).iloc[-1]
    assert last["fixed"] == pytest.approx(0.193, abs=0.01)
    for shape in SHAPES:
        assert last[shape] == pytest.approx(0.05, abs=0.006)


@pytest.mark.parametrize("shares", [[], [0.5, 0.5], [0.5, 1.2], [0.0, 1.0]])
def test_looks_must_rise(shares):
    with pytest.raises(UsageError, match="must rise"):
        boundaries(shares)


def test_looks_end_with_the_whole(sample):
    found = looks(sample, experiment="EXP-1", number=4)
    whole = experiment_effects(sample).iloc[0]
    assert found["difference"].iloc[-1] == pytest.approx(whole["difference"])
    assert found["z"].iloc[-1] == pytest.approx(whole["z"])
    assert found["customers"].is_monotonic_increasing
    assert found["stop"].iloc[-1]
    assert not looks(sample, experiment="EXP-2", number=4)["stop"].any()
    with pytest.raises(UsageError, match="no experiment"):
        looks(sample, experiment="EXP-9")


def test_groups_and_their_warning(sample):
    found = effects_by(sample, by="segment")
    assert found.groupby("experiment")["n"].sum().to_dict() == {"EXP-1": 642, "EXP-2": 642}
    assert found["interaction_p"].between(0, 1).all()
    assert (found["p_holm"] >= found["p"]).all()


def test_plans_agree_with_one_another():
    each = sample_size(0.1, 0.02)
    assert power_of(each, 0.1, 0.02) >= 0.8 > power_of(each - 5, 0.1, 0.02)
    assert smallest_effect(each, 0.1) == pytest.approx(0.02, abs=1e-5)
    assert sample_size(0.1, 0.02, comparisons=3) > each
    money = sample_size(0, 2.0, deviation=20.0)
    assert smallest_effect(money, 0, deviation=20.0) == pytest.approx(2.0, abs=2e-3)
    assert np.isnan(plan(0.1, effects=[0.02], units_per_day=0)["days"]).all()
    assert np.isnan(smallest_effect(3, 0.9))  # nothing that three customers could see


@pytest.mark.parametrize("wrong", [{"base": 0.99, "effect": 0.02}, {"base": 0.1, "effect": 0.0}])
def test_plans_that_cannot_be(wrong):
    with pytest.raises(UsageError):
        sample_size(**wrong)


def test_worth_in_money():
    assert worth({"difference": 1.0, "low": -1.0, "high": 3.0}, customers=100)["pays"] == "not known"
    assert worth({"difference": 1.0, "low": 0.5, "high": 1.5}, customers=100, cost=200)["pays"] == "no"
    assert sample_ratios(two((1, 2), (1, 2)))["as_planned"].item()
