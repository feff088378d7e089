"""Models of buying without a contract: published parameters and expectations, gradients, planted truths, bad input."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import hyp2f1
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from crmkit.errors import DataError, UsageError
from crmkit.methods import purchase_summary, repeat_purchases
from crmkit.models import BgNbd, MbgNbd, Nbd, ParetoNbd, choose_buying, holdout, tracking

MODELS = (BgNbd, MbgNbd, ParetoNbd)
CUSTOMER = {"frequency": [2], "recency": [30.43], "T": [38.86]}


@pytest.fixture(scope="module")
def cdnow(shared):
    """Orders of the 1/10 sample of CDNOW: buyers of CDs in 1997 and 1998."""
    names = ["master", "customer_id", "day", "cds", "amount"]
    rows = pd.read_fwf(shared / "data" / "cdnow" / "CDNOW_sample.txt", header=None, names=names, dtype=str)
    days = pd.to_datetime(rows["day"], format="%Y%m%d")
    return pd.DataFrame(
        {"customer_id": rows["customer_id"], "ordered_at": days, "amount": rows["amount"].astype(float)}
    )


@pytest.fixture(scope="module")
def calibration(cdnow):
    return purchase_summary(cdnow, until="1997-09-30", holdout_until="1998-06-30")


def bought(n=4000, *, r=0.9, alpha=9.0, a=0.9, b=3.1, at_first=False, seed=1):
    """Simulate customers by the story of the BG/NBD, or the modified one."""
    random = np.random.default_rng(seed)
    rate, drop = random.gamma(r, 1 / alpha, n), random.beta(a, b, n)
    age = random.integers(30, 1000, n) / 7
    x, last, now = np.zeros(n), np.zeros(n), np.zeros(n)
    alive = random.random(n) >= drop if at_first else np.ones(n, bool)
    while alive.any():
        now = now + random.exponential(1 / rate)
        again = alive & (now < age)
        x, last = x + again, np.where(again, now, last)
        alive = again & (random.random(n) >= drop)
    return pd.DataFrame({"frequency": x, "recency": last, "T": age})


def test_the_published_fit_of_bg_nbd_to_cdnow(calibration):
    # Fader, Hardie and Lee (2005), table 2
    model = BgNbd().fit(calibration)
    assert (model.customers_, model.problem_) == (2357, "")
    assert [round(v, 4) for v in (model.r_, model.alpha_, model.a_, model.b_)] == [0.2426, 4.4136, 0.7929, 2.4259]
    assert model.log_likelihood_ == pytest.approx(-9582.43, abs=0.005)


def test_the_published_fit_of_pareto_nbd_to_cdnow(calibration):
    # the same paper, table 2
    model = ParetoNbd().fit(calibration)
    fitted = (model.r_, model.alpha_, model.s_, model.beta_)
    assert fitted == pytest.approx((0.553, 10.578, 0.606, 11.669), abs=2e-3)
    assert model.log_likelihood_ == pytest.approx(-9595.0, abs=0.05)


def test_the_published_fit_of_the_modified_model_to_cdnow(calibration):
    # the estimates of R's BTYDplus, to which the tests of lifetimes hold themselves, too
    model = MbgNbd().fit(calibration)
    assert (model.r_, model.alpha_, model.a_, model.b_) == pytest.approx((0.525, 6.183, 0.891, 1.614), abs=6e-4)


def test_expected_purchases_are_those_of_the_spreadsheet_note():
    # Fader, Hardie and Lee (2005), Implementing the BG/NBD Model in Excel
    model = BgNbd.of(r=0.243, alpha=4.414, a=0.793, b=2.426)
    assert model.predict(CUSTOMER, horizon=39)[0] == pytest.approx(1.226, abs=5e-4)
    times = [0.1429, 1.0, 3.0, 31.8571, 78.0]
    assert model.expected_new(times) == pytest.approx([0.0078, 0.0532, 0.1506, 1.0405, 1.8576], abs=4e-3)


def test_expected_purchases_are_those_of_the_vignette_of_btyd():
    customer = {"frequency": [26], "recency": [30.86], "T": [31.0]}
    assert ParetoNbd.of(r=0.553, alpha=10.58, s=0.606, beta=11.66).predict(customer, 52)[0] == pytest.approx(
        25.46, abs=0.01
    )
    model = ParetoNbd.of(r=0.5534, alpha=10.5802, s=0.6061, beta=11.6562)
    assert model.probability_alive(customer)[0] == pytest.approx(0.998, abs=5e-4)


def test_quadrature_agrees_with_the_hypergeometric_form(calibration):
    model = BgNbd().fit(calibration)
    r, alpha, a, b = model.estimate_.values
    x, age = (calibration[name].to_numpy(float) for name in ("frequency", "T"))
    closed = (
        (a + b + x - 1)
        / (a - 1)
        * (
            1
            - ((alpha + age) / (alpha + age + 39)) ** (r + x)
            * hyp2f1(r + x, b + x, a + b + x - 1, 39 / (alpha + age + 39))
        )
    )
    assert model.predict(calibration, 39) == pytest.approx(closed * model.probability_alive(calibration), rel=1e-10)


def test_pareto_nbd_agrees_with_its_hypergeometric_form():
    r, alpha, s, beta = 0.553, 10.578, 0.606, 11.669
    x, last, age = 3.0, 12.0, 40.0
    model = ParetoNbd.of(r=r, alpha=alpha, s=s, beta=beta)
    whole = r + s + x

    def part(time):  # the case beta > alpha
        z = (beta - alpha) / (beta + time)
        return hyp2f1(whole, r + x, whole + 1, z) / (beta + time) ** whole

    lives = (alpha + age) ** -(r + x) * (beta + age) ** -s
    alive = lives / (lives + s / whole * (part(last) - part(age)))
    given = {"frequency": [x], "recency": [last], "T": [age]}
    assert model.probability_alive(given)[0] == pytest.approx(alive, rel=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_gradients_are_those_of_the_likelihood(model):
    rows = bought(300)
    x, last, age = (rows[name].to_numpy() for name in ("frequency", "recency", "T"))
    likelihood = model()._likelihood(x, last, age, np.full(300, 2.0))
    values = np.array([0.8, 7.0, 1.1, 2.7])
    _, slope = likelihood(values)
    for place in range(4):
        step = np.zeros(4)
        step[place] = 1e-5 * values[place]
        numeric = (likelihood(values + step)[0] - likelihood(values - step)[0]) / (2e-5 * values[place])
        assert slope[place] == pytest.approx(numeric, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("model", [BgNbd, MbgNbd])
def test_intervals_hold_what_was_planted_about_as_often_as_they_say(model):
    truth, held = np.array([0.9, 9.0, 0.9, 3.1]), []
    for seed in range(30):
        found = model().fit(bought(1500, at_first=model is MbgNbd, seed=seed)).parameters_
        held.append((found["low"] < truth) & (truth < found["high"]))
    assert 0.87 <= np.mean(held) <= 1.0, np.mean(held, axis=0)


def test_equal_customers_counted_once_give_the_same_as_one_by_one():
    rows = bought(300).round(0)
    rows["recency"] = np.minimum(rows["recency"], rows["T"])
    kinds = rows.groupby(["frequency", "recency", "T"], as_index=False).size()
    once = BgNbd().fit(kinds, sample_weight=kinds["size"])
    each = BgNbd().fit(rows.sample(frac=1, random_state=3))
    assert once.estimate_.values == pytest.approx(each.estimate_.values, rel=1e-6)
    assert once.customers_ == each.customers_ == 300


def test_another_unit_of_time_changes_the_times_alone():
    rows = bought(2000)
    weeks, days = BgNbd().fit(rows), BgNbd().fit(rows.assign(recency=rows["recency"] * 7, T=rows["T"] * 7))
    assert days.alpha_ == pytest.approx(7 * weeks.alpha_, rel=1e-5)
    assert (days.r_, days.a_, days.b_) == pytest.approx((weeks.r_, weeks.a_, weeks.b_), rel=1e-5)
    seven = rows.assign(recency=rows["recency"] * 7, T=rows["T"] * 7)
    assert days.predict(seven, 70) == pytest.approx(weeks.predict(rows, 10), rel=1e-5)


def test_many_rows_are_fitted_by_a_sample_first_and_come_to_the_same(monkeypatch):
    from crmkit.models import estimation

    rows = bought(3000)
    whole = BgNbd().fit(rows).estimate_
    original = estimation.thinned
    monkeypatch.setattr(estimation, "thinned", lambda weight: original(weight, least=100, size=1500))
    near = BgNbd().fit(rows).estimate_
    assert near.log_likelihood == pytest.approx(whole.log_likelihood, abs=1e-4)
    assert near.values == pytest.approx(whole.values, rel=1e-3)


@pytest.mark.parametrize("model", MODELS)
def test_expectations_behave(model):
    fitted = model().fit(bought(1500))
    rows = pd.DataFrame({"frequency": [5, 5, 5, 0], "recency": [49.0, 25.0, 5.0, 0.0], "T": [50.0] * 4})
    alive = fitted.probability_alive(rows)
    assert alive[0] > alive[1] > alive[2]
    assert (alive[3] == 1) == (model is BgNbd)
    found = fitted.expected_purchases(rows, 52, intervals=True)
    assert ((found["low"] < found["expected_purchases"]) & (found["expected_purchases"] < found["high"])).all()
    less = fitted.expected_purchases(rows, 52, discount=0.01)["expected_purchases"]
    assert (less < found["expected_purchases"]).all()
    assert (less > found["expected_purchases"] * np.exp(-0.52)).all()
    assert (fitted.predict(rows, 104) > fitted.predict(rows, 52)).all()


def test_a_discounted_expectation_is_the_sum_of_its_discounted_weeks():
    fitted = BgNbd.of(r=0.9, alpha=9.0, a=0.9, b=3.1)
    rows = {"frequency": [4], "recency": [30.0], "T": [33.0]}
    so_far = np.array([0.0, *(fitted.predict(rows, week)[0] for week in np.arange(0.1, 52.01, 0.1))])
    middle = np.exp(-0.01 * (np.arange(0.1, 52.01, 0.1) - 0.05))
    by_hand = float(np.diff(so_far) @ middle)
    assert fitted.expected_purchases(rows, 52, discount=0.01)["expected_purchases"][0] == pytest.approx(
        by_hand, rel=1e-5
    )


def test_extreme_customers_get_numbers():
    rows = {"frequency": [0, 5000, 3, 900], "recency": [0.0, 999.0, 0.01, 1.0], "T": [0.0, 1000.0, 2000.0, 2000.0]}
    for model in (BgNbd.of(r=0.2, alpha=4.0, a=1.0, b=2.0), MbgNbd.of(r=0.2, alpha=4.0, a=0.01, b=50.0),
                  ParetoNbd.of(r=0.5, alpha=10.0, s=1.0, beta=0.5)):  # fmt: skip
        expected = model.predict(rows, 52)
        assert np.isfinite(expected).all()
        assert (expected >= 0).all()
        assert ((model.probability_alive(rows) >= 0) & (model.probability_alive(rows) <= 1)).all()


def test_estimators_are_those_of_scikit_learn():
    for model in (*MODELS, Nbd):
        assert isinstance(clone(model()), model)
    assert BgNbd(prior=2.0).get_params() == {"prior": 2.0}
    with pytest.raises(NotFittedError):
        BgNbd().predict(CUSTOMER)
    rows = bought(500)
    fitted = BgNbd().fit(rows)
    assert fitted.score(rows) == pytest.approx(fitted.log_likelihood_ / 500, rel=1e-9)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"frequency": [0, 0]}, "nobody of the 2 customers bought again"),
        ({"frequency": [1.5, 2]}, "frequency must be whole"),
        ({"recency": [9.0, 1.0]}, "row 0 of the summary has frequency 1, recency 9 and T 5"),
        ({"T": [5.0, np.nan]}, "T is nan in row 1 of the summary"),
        ({"frequency": [-1, 2]}, "frequency is -1 in row 0"),
    ],
)
def test_impossible_rows_are_refused_with_the_row(change, said):
    rows = {"frequency": [1, 2], "recency": [1.0, 1.0], "T": [5.0, 5.0]} | change
    rows["recency"] = [0.0, 0.0] if "bought again" in said else rows["recency"]
    with pytest.raises(DataError, match=said):
        BgNbd().fit(rows)


def test_other_wrong_calls_are_refused():
    with pytest.raises(DataError, match="lacks the column T"):
        BgNbd().fit({"frequency": [1], "recency": [1.0]})
    with pytest.raises(UsageError, match="horizon is 0"):
        BgNbd.of(r=1, alpha=1, a=1, b=1).predict(CUSTOMER, 0)
    with pytest.raises(UsageError, match="give the parameters r, alpha, a, b"):
        BgNbd.of(r=1, alpha=1, a=1)
    with pytest.raises(DataError, match="no customers"):
        BgNbd().fit({"frequency": [], "recency": [], "T": []})


def test_one_customer_gives_a_warning_and_a_reason_and_no_silent_number():
    with pytest.warns(ConvergenceWarning, match="BG/NBD"):
        model = BgNbd().fit(CUSTOMER)
    assert model.problem_


def test_customers_who_are_all_alike_are_said_not_to_differ_and_a_prior_holds_the_model():
    rows = pd.DataFrame({"frequency": [10] * 50, "recency": [50.0] * 50, "T": [52.0] * 50})
    choice = choose_buying(rows)
    assert choice.title == "BG/NBD, held"
    assert choice.reason.startswith("held by a weak prior, since alone the data determines no model")
    assert choice.table["verdict"].tolist() == ["used", "refused", "refused", "refused"]
    assert choice.model.predict(rows.head(1), 52)[0] == pytest.approx(10, rel=0.15)  # as they went on so far


def test_a_prior_does_little_where_there_is_much_data():
    rows = bought(5000)
    free, held = BgNbd().fit(rows), BgNbd(prior=2.0).fit(rows)
    assert held.estimate_.values == pytest.approx(free.estimate_.values, rel=0.02)
    assert free.log_likelihood_ - 0.1 < held.log_likelihood_ <= free.log_likelihood_ + 1e-6


def test_the_data_choose_the_model():
    assert choose_buying(bought(6000)).title == "BG/NBD"
    assert choose_buying(bought(6000, at_first=True)).title == "MBG/NBD"
    few = choose_buying(bought(6000).head(20))
    assert few.model is None
    assert "are needed to tell how customers differ" in few.reason


def test_on_cdnow_the_simplest_of_two_equals_is_taken(calibration):
    choice = choose_buying(calibration)
    assert choice.title == "BG/NBD"
    table = choice.table.set_index("model")
    assert table.loc["MBG/NBD", "verdict"] == table.loc["Pareto/NBD", "verdict"] == "fits less well"
    assert table.loc["Pareto/NBD", "reason"] == "12.5 of log-likelihood behind"


def test_the_hold_out_of_weeks_40_to_78(cdnow, calibration):
    model = BgNbd().fit(calibration)
    found = holdout(model, calibration)
    assert found.attrs["actual"] == 1882
    assert found["customers"].sum() == 2357
    assert found.attrs["expected"] == pytest.approx(model.predict(calibration, 39).sum())
    assert found.attrs["mae"] < min(found.attrs["rule_mae"], found.attrs["none_mae"])
    assert abs(found.attrs["error"]) < 0.13 < found.attrs["rule_error"]
    repeats = repeat_purchases(cdnow)
    curve = tracking(model, calibration, repeats)
    # Fader, Hardie and Lee: after 78 weeks 2 percent or so below what came
    assert curve["actual"].iloc[-1] == repeats["repeat"].sum() == 2457 + 1882
    assert abs(curve["expected"].iloc[-1] / curve["actual"].iloc[-1] - 1) < 0.05
    assert curve.loc[~curve["after"], "period"].max() == pd.Timestamp("1997-09-30")


def test_a_hold_out_is_needed_to_test_one():
    with pytest.raises(UsageError, match="has no hold-out"):
        holdout(BgNbd.of(r=1, alpha=1, a=1, b=1), pd.DataFrame(CUSTOMER))


def test_rates_beside_a_contract_shrink_to_all():
    random = np.random.default_rng(2)
    time = random.uniform(0, 36, 3000)
    seen = random.poisson(random.gamma(2.0, 1 / 4.0, 3000) * time)
    model = Nbd().fit({"frequency": seen, "T": time})
    assert not model.constant_
    assert ((model.parameters_["low"] < [2, 4]) & (model.parameters_["high"] > [2, 4])).all()
    alike = Nbd().fit({"frequency": [3] * 60, "T": [12.0] * 60})
    assert alike.constant_
    assert alike.predict({"frequency": [0, 9], "T": [1.0, 1.0]}).tolist() == [0.25, 0.25]
    with pytest.raises(DataError, match="nobody bought"):
        Nbd().fit({"frequency": [0], "T": [3.0]})
