"""Control charts: published limits, published false alarms, and the sample's CRM."""

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.control import control_chart, control_limits
from crmkit.methods.run_rules import POINTS_TO_FALSE_ALARM, RULES, false_alarm_rates, run_rules

#: NIST/SEMATECH e-Handbook of Statistical Methods, sections 6.3.2.2, 6.3.3.1 and 6.3.3.2.
FLOW = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]
DEFECTS = [16, 14, 28, 16, 12, 20, 10, 12, 10, 17, 19, 17, 14, 16, 15, 13, 14, 16, 11, 20, 11, 19, 16, 31, 13]
WAFERS = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6]


def series(values, **columns):
    periods = pd.date_range("2020-01-01", periods=len(values), freq="MS")
    return pd.DataFrame({"period": periods, "value": np.asarray(values, dtype=float), **columns})


def shares(parts, of):
    parts, of = np.asarray(parts, dtype=float), np.broadcast_to(np.asarray(of, dtype=float), (len(parts),))
    return series(parts / of, numerator=parts, denominator=of)


def test_individual_values_have_the_limits_of_the_handbook():
    found = control_limits(series(FLOW), baseline=10)
    assert found.attrs["kind"] == "values"
    assert found[["centre", "low", "high"]].iloc[0].tolist() == pytest.approx([50.81, 45.8159, 55.8041], abs=5e-4)


def test_shares_have_the_limits_of_the_handbook_times_the_spread_beyond_chance():
    found = control_limits(shares(WAFERS, 50), baseline=30)
    assert found.attrs["kind"] == "shares"
    row, spread = found.iloc[0], found.attrs["spread"]
    assert row["centre"] == pytest.approx(0.2313, abs=5e-5)
    assert (row["high"] - row["centre"]) / spread == pytest.approx(0.4102 - 0.2313, abs=2e-4)
    z = (np.array(WAFERS) / 50 - 347 / 1500) / np.sqrt(347 / 1500 * (1 - 347 / 1500) / 50)
    assert spread == pytest.approx(np.abs(np.diff(z)).mean() / 1.128)
    assert spread > 1  # these wafers scatter more than a binomial would


def test_counts_have_the_limits_of_the_handbook():
    found = control_limits(series(DEFECTS), kind="counts", baseline=25)
    row, spread = found.iloc[0], found.attrs["spread"]
    assert row["centre"] == 16
    assert (row["high"] - 16) / spread == pytest.approx(12.0)


def test_shares_that_scatter_as_chance_lets_them_keep_their_limits():
    rng = np.random.default_rng(1)
    found = control_limits(shares(rng.binomial(400, 0.2, 24), 400), baseline=24)
    assert found.attrs["spread"] == 1.0


def test_counts_follow_the_days_of_the_month():
    days = np.array([31, 28] * 6)
    found = control_limits(series(days * 10, days=days), kind="counts", exposure="days", baseline=12)
    assert found["centre"].tolist() == (days * 10.0).tolist()
    assert not found["signal"].any()


def test_a_steady_process_gives_false_alarms_as_often_as_champ_and_woodall_say():
    rng = np.random.default_rng(5)
    firsts = []
    for _ in range(1500):
        broken = [bool(rules) for rules in run_rules(rng.standard_normal(900))]
        firsts.append(broken.index(True) + 1 if any(broken) else 900)
    error = np.std(firsts) / np.sqrt(len(firsts))
    assert np.mean(firsts) == pytest.approx(POINTS_TO_FALSE_ALARM["all four"], abs=4 * error)


def test_the_rates_of_the_rules_are_those_of_simulated_points():
    z = np.random.default_rng(2).standard_normal(200_000)
    broken = run_rules(z)
    for name, rate in false_alarm_rates().items():
        counted = sum(name in rules for rules in broken) / len(z)
        assert counted == pytest.approx(rate, rel=0.12), name
    assert 1 / false_alarm_rates()["beyond 3 sigma"] == pytest.approx(370.4, abs=0.05)


@pytest.mark.parametrize(
    ("z", "rule"),
    [
        ([0, 3.1], "beyond 3 sigma"),
        ([2.1, 0, 2.1], "2 of 3 beyond 2 sigma"),
        ([1.1, 1.1, -1, 1.1, 1.1], "4 of 5 beyond 1 sigma"),
        ([-0.1] * 8, "8 in a row on one side"),
    ],
)
def test_each_rule_by_hand(z, rule):
    assert run_rules(z)[-1] == (rule,)
    assert not any(run_rules(z)[:-1])
    assert run_rules([-x for x in z])[-1] == (rule,)
    assert rule in RULES


def test_a_gap_ends_a_run():
    assert not any(run_rules([-0.1] * 7 + [np.nan] + [-0.1] * 7))


def test_points_on_the_centre_are_on_no_side():
    assert not any(run_rules([0.0] * 20))


def test_a_constant_series_has_no_signals_and_no_error():
    found = control_limits(series([5.0] * 12))
    assert not found["signal"].any()
    assert found["low"].tolist() == [5.0] * 12


def test_few_points_and_short_baselines_are_refused():
    with pytest.raises(NotInThisData, match="at least 8 periods, has 5"):
        control_limits(series([1.0] * 5))
    with pytest.raises(UsageError, match="at least 8"):
        control_limits(series([1.0, 2.0] * 8), baseline=3)


def test_what_makes_alarms_more_frequent_is_said():
    rng = np.random.default_rng(3)
    months = np.arange(48)
    season = control_limits(series(10 + 5 * np.sin(months / 12 * 2 * np.pi) + rng.normal(0, 0.3, 48)), baseline=24)
    assert any("time of the year matters" in text for text in season.attrs["warnings"])
    assert any("Neighbouring" in text for text in season.attrs["warnings"])
    short = control_limits(series(rng.normal(0, 1, 14)))
    assert any("season cannot be told" in text for text in short.attrs["warnings"])
    assert any("fewer than 20" in text for text in short.attrs["warnings"])


def test_the_crm_shows_in_the_sales_cycle_and_quiet_months_do_not(sample):
    found = control_chart(sample, "sales_cycle_days", period="2026-Q3", last=33, baseline="2024-01-01/2025-07-01")
    quiet, after = found[found["period"] < "2025-07-01"], found[found["period"] >= "2026-01-01"]
    assert quiet["signal"].sum() <= 1  # 18 points, 0.2 false alarms expected
    assert after["signal"].mean() > 0.8
    assert (after["z"] < 0).all()


@pytest.mark.parametrize("name", ["reopened_rate", "resolution_hours_mean"])
def test_what_the_sample_leaves_alone_gives_no_more_alarms_than_expected(sample, name):
    found = control_chart(sample, name, period="2026-Q3", last=33)
    after = found[~found["baseline"]]
    assert len(after) == 17
    assert found.attrs["expected_false"] == pytest.approx(17 / 91.75)
    assert after["signal"].sum() <= 1  # two or more in 1.5% of steady processes


def test_counts_that_add_up_get_a_chart_by_day_and_levels_do_not(sample):
    assert control_chart(sample, "leads", period="2026-Q3").attrs["kind"] == "counts"
    assert control_chart(sample, "backlog", period="2026-Q3").attrs["kind"] == "values"
    assert control_chart(sample, "churn_rate", period="2026-Q3").attrs["kind"] == "shares"


def test_a_metric_that_is_not_there_is_a_reason():
    crm = crmkit.open({"leads": {"lead_id": ["1"], "created_at": ["2026-01-01"]}})
    with pytest.raises(NotInThisData, match="surveys"):
        control_chart(crm, "nps", period="2026-01")
