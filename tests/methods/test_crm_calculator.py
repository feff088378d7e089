"""The calculator by hand, its refusals, and what simulation and tornado must agree with."""

import numpy as np
import pytest

from crmkit.crm_inputs import INPUTS
from crmkit.errors import UsageError
from crmkit.methods.crm_calculator import scenario, scenario_flows
from crmkit.methods.crm_risk import best_and_worst, outlook, percentiles, ranges, simulate, tornado

NOTHING = dict.fromkeys(
    ("hours_saved", "more_deals", "cross_sell", "up_sell", "customers_kept", "acquisition_saved", "licence",
     "implementation", "training", "operation", "ramp_months"), 0.0,
)  # fmt: skip


def results(**given):
    return scenario(**NOTHING | given).set_index("result").value


@pytest.mark.parametrize(
    ("given", "name", "by_hand"),
    [
        ({"deals": 120, "revenue_per_deal": 1000, "gross_margin": 0.5, "cross_sell": 0.1}, "cross_sell", 6000),
        ({"deals": 120, "revenue_per_deal": 1000, "gross_margin": 0.5, "up_sell": 0.2}, "up_sell", 12_000),
        ({"deals": 120, "revenue_per_deal": 1000, "gross_margin": 0.5, "more_deals": 0.05}, "more_deals", 3000),
        ({"hours_saved": 10, "sales_people": 3, "monthly_cost": 4300, "time_used": 0.5}, "time", 5400),
        ({"customers_kept": 5, "revenue_per_customer": 400, "gross_margin": 0.25}, "retention", 500),
        ({"acquisition_saved": 2400}, "acquisition", 2400),
        ({"licence": 100}, "crm_licence", 1200),
        ({"operation": 50}, "crm_operation", 600),
        ({"implementation": 7000}, "crm_implementation", 7000),
        ({"training": 900}, "crm_training", 900),
    ],
)
def test_each_part_by_hand_over_a_year(given, name, by_hand):
    found = results(**given, horizon_months=12)
    assert found[name] == pytest.approx(by_hand)
    whole = "crm_cost" if name.startswith("crm_") else "crm_benefit"
    assert found[whole] == pytest.approx(by_hand)


def test_benefits_grow_evenly_to_their_full_size():
    flow = scenario_flows(**NOTHING | {"acquisition_saved": 1200, "ramp_months": 4, "horizon_months": 6})
    assert flow["benefit"].tolist() == [0, 25, 50, 75, 100, 100, 100]


def test_the_returns_agree_with_their_flows():
    found, flow = scenario().set_index("result").value, scenario_flows()
    assert flow["cost"].sum() == pytest.approx(found["crm_cost"])
    assert flow["benefit"].sum() == pytest.approx(found["crm_benefit"])
    assert found["crm_roi"] == pytest.approx(found["crm_benefit"] / found["crm_cost"] - 1)
    assert found["crm_roi_gross"] == pytest.approx(found["crm_roi"] + 1)
    assert found["npv"] == pytest.approx(flow["discounted"].sum())


def test_what_never_pays_has_no_payback():
    found = results(implementation=1000)
    assert np.isnan(found["payback_months"])
    assert np.isnan(found["irr"])
    assert found["crm_roi"] == -1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"deals": -1}, "deals is -1; it must be a number from 0 "),
        ({"gross_margin": 40}, "gross_margin is 40; it must be a number from 0 to 1 "),
        ({"horizon_months": 1.5}, "must be a whole number from 1 to 240"),
        ({"deals": "many"}, "deals is 'many'"),
        ({"deals": True}, "deals is True"),
        ({"rate": float("nan")}, "rate is nan"),
        ({"revenue_per_del": 1}, "Did you mean revenue_per_deal?"),
    ],
)
def test_wrong_inputs_are_refused_with_what_is_allowed(given, said):
    with pytest.raises(UsageError, match=said.replace("(", r"\(").replace("?", r"\?")):
        scenario(**given)


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ({"hours_saved": (8, 10)}, "does not lie in its range from 8 to 10"),
        ({"hours_saved": (10, 2)}, "the low end must come first"),
        ({"hours_saved": 3}, "must be a low and a high end"),
        ({"gross_margin": (0.1, 4)}, "gross_margin is 4"),
        ({"nothing": (1, 2)}, "no input 'nothing'"),
        ({"horizon_months": (12, 24)}, "two horizons one by one"),
    ],
)
def test_wrong_ranges_are_refused(ends, said):
    with pytest.raises(UsageError, match=said):
        ranges(ends)


def test_every_default_lies_in_its_own_range():
    found = ranges()
    assert set(found) <= set(INPUTS)
    assert all(low <= mode <= high for low, mode, high in found.values())


@pytest.mark.parametrize("shape", ["pert", "triangular"])
def test_the_same_seed_gives_the_same_draws_and_another_others(shape):
    first, again, other = (simulate(draws=500, seed=seed, shape=shape)["npv"] for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_a_simulation_of_what_is_certain_is_the_scenario():
    certain = {name: (value, value) for name, (_, value, _) in ranges().items()}
    drawn, found = simulate(certain, draws=3), scenario().set_index("result").value
    for name in drawn:
        assert drawn[name].tolist() == pytest.approx([found[name]] * 3)


@pytest.mark.parametrize(("shape", "mean"), [("pert", (2 + 4 * 6 + 16) / 6), ("triangular", (2 + 6 + 16) / 3)])
def test_the_mean_of_the_draws_is_that_of_the_distribution(shape, mean):
    """Only the hours vary, and the benefit is their multiple."""
    fixed = ranges(cross_sell=0, up_sell=0)
    ends = {name: (value, value) for name, (_, value, _) in fixed.items()} | {"hours_saved": (2, 16)}
    drawn = simulate(ends, draws=40_000, shape=shape, cross_sell=0, up_sell=0)["crm_benefit"].mean()
    one = scenario(cross_sell=0, up_sell=0, hours_saved=1).set_index("result").value["crm_benefit"]
    assert drawn == pytest.approx(one * mean, rel=0.01)


def test_draws_stay_between_the_worst_and_the_best_case():
    ends, drawn = best_and_worst().set_index("outcome"), simulate(draws=2_000)
    assert ends.worst["npv"] <= drawn["npv"].min()
    assert drawn["npv"].max() <= ends.best["npv"]
    assert ends.expected["npv"] == pytest.approx(scenario().set_index("result").value["npv"])


def test_a_tornado_bar_is_the_scenario_at_the_input_s_ends():
    row = tornado().set_index("input").loc["hours_saved"]
    for end, outcome in ((row.low_input, row.at_low), (row.high_input, row.at_high)):
        assert outcome == pytest.approx(scenario(hours_saved=end).set_index("result").value["npv"])
    swings = tornado()["swing"]
    assert swings.is_monotonic_decreasing


def test_percentiles_of_a_payback_beyond_the_horizon_are_unknown():
    found = percentiles(simulate(draws=1_000, implementation=90_000)).set_index("outcome")
    assert np.isnan(found.high["payback_months"])
    assert found.pays.iloc[0] < 0.5


def test_outlook_shows_the_scenario_itself():
    found = outlook(draws=200)
    assert found[["result", "value"]].iloc[:-1].equals(scenario()[["result", "value"]])
    assert found["result"].iloc[-1] == "pays"
