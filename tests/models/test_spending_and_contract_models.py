"""What a purchase brings and how long contracts run: published fits, planted truths, refusals with their reasons."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from crmkit.errors import DataError
from crmkit.models import ExponentialGamma, GammaGamma, ShiftedBetaGeometric, choose_spending, frequency_correlation
from crmkit.models.choose import FrequencyClasses, spending_input
from crmkit.models.staying import choose_leaving, choose_renewal, paid_by_tenure, paid_by_terms


def spent(n=3000, *, p=5.0, q=4.0, v=30.0, seed=1):
    random = np.random.default_rng(seed)
    frequency = random.integers(0, 9, n)
    many = np.maximum(frequency, 1)
    rate = random.gamma(q, 1 / v, n)
    value = np.where(frequency > 0, random.gamma(p * many, 1 / rate) / many, np.nan)
    return pd.DataFrame({"frequency": frequency, "value": value, "first_value": random.gamma(p, 1 / rate)})


def decisions(left):
    """Return who was left after each year as decisions at the ends of terms."""
    lapsed = -np.diff(left)
    return {"term": range(1, len(left)), "renewed": left[1:], "lapsed": lapsed.tolist()}


def test_the_published_fit_of_gamma_gamma_to_cdnow(shared):
    # Fader, Hardie and Lee (2005), RFM and CLV: p 6.25, q 3.74, 15.44, mean 35.2
    rows = pd.read_csv(shared / "data" / "cdnow" / "cdnow_customers_summary_with_transactions.csv")
    model = GammaGamma().fit({"frequency": rows["x"], "value": rows["zbar"]})
    assert (model.p_, model.q_, model.v_) == pytest.approx((6.25, 3.74, 15.44), rel=2e-3)
    assert model.customers_ == 946
    assert model.mean_ == pytest.approx(35.2, abs=0.1)


def test_gradient_of_gamma_gamma():
    from crmkit.models.spending import _likelihood

    rows = spent(200).query("frequency > 0")
    likelihood = _likelihood(rows["frequency"].to_numpy(float), rows["value"].to_numpy())
    values = np.array([4.0, 3.0, 25.0])
    _, slope = likelihood(values)
    for place in range(3):
        step = np.zeros(3)
        step[place] = 1e-5 * values[place]
        assert slope[place] == pytest.approx(
            (likelihood(values + step)[0] - likelihood(values - step)[0]) / (2 * step[place]), rel=1e-5, abs=1e-5
        )


def test_intervals_of_spending_hold_what_was_planted():
    truth, held = np.array([5.0, 4.0, 30.0]), []
    for seed in range(30):
        found = GammaGamma().fit(spent(800, seed=seed)).parameters_
        held.append((found["low"] < truth) & (truth < found["high"]))
    assert np.mean(held) >= 0.87


def test_expected_values_shrink_to_the_mean_of_all():
    model = GammaGamma.of(p=5.0, q=4.0, v=30.0)
    found = model.predict({"frequency": [0, 1, 100], "value": [np.nan, 100.0, 100.0]})
    assert found[0] == pytest.approx(50.0)  # p v ÷ (q − 1)
    assert found[1] == pytest.approx(5 * 130 / 8)
    assert 99 < found[2] < 100
    assert isinstance(clone(model), GammaGamma)


def test_a_mean_that_is_infinite_is_a_problem():
    random = np.random.default_rng(4)
    value = random.gamma(3.0, 1.0, 2000) / random.gamma(0.6, 1 / 10.0, 2000)
    with pytest.warns(ConvergenceWarning, match="mean of what customers spend is infinite"):
        GammaGamma().fit({"frequency": np.ones(2000) * 3, "value": value})


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"frequency": [0, 0], "value": [np.nan, np.nan]}, "nobody bought again"),
        ({"frequency": [1, 2], "value": [5.0, -1.0]}, "value is -1 in row 1"),
        ({"frequency": [1], "value": [0.0]}, "all repeat purchases were free"),
        ({"frequency": [1]}, "lacks the column value"),
    ],
)
def test_spending_refuses_what_it_cannot_learn_from(rows, said):
    with pytest.raises(DataError, match=said):
        GammaGamma().fit(rows)


def test_gamma_gamma_is_chosen_where_value_and_frequency_are_unrelated():
    choice = choose_spending(spent())
    assert choice.title == "Gamma-Gamma"
    assert choice.model.first_too_
    assert choice.model.customers_ == 3000  # those who bought once, too


def test_gamma_gamma_is_refused_where_they_go_together_and_the_reason_says_so():
    rows = spent()
    rows["value"] *= np.maximum(rows["frequency"], 1)
    choice = choose_spending(rows)
    assert choice.title == "mean by frequency"
    assert choice.table["verdict"].tolist() == ["refused", "used"]
    assert "customers who buy more often spend more a purchase (correlation 0." in choice.reason
    often = choice.model.predict(pd.DataFrame({"frequency": [1.0, 8.0]}))
    assert often[1] > 2 * often[0]


def test_gamma_gamma_is_refused_where_nobody_repeats():
    once = pd.DataFrame({"frequency": [0] * 50, "value": [np.nan] * 50, "first_value": [10.0] * 50})
    choice = choose_spending(once)
    assert choice.model is None
    assert "30 are needed" in choice.reason
    assert "Gamma-Gamma" in choice.table["model"].tolist()


def test_first_purchases_are_left_out_where_they_are_other_than_later_ones():
    rows = spent()
    rows["first_value"] *= 3
    assert spending_input(rows)[1] is False
    assert choose_spending(rows).reason.endswith("from purchases after the first")


def test_correlation_is_unknown_where_there_is_nothing_to_correlate():
    for rows in (
        {"frequency": [1, 1, 1, 1, 1], "value": [1.0, 2, 3, 4, 5]},
        {"frequency": [1, 2], "value": [1.0, 2.0]},
    ):
        assert np.isnan(frequency_correlation(rows)["correlation"])


def test_classes_of_frequency_are_ratios_of_sums():
    rows = pd.DataFrame({"frequency": [1.0] * 20 + [4.0] * 20, "value": [10.0] * 20 + [30.0] * 20})
    model = FrequencyClasses().fit(rows)
    assert model.predict(pd.DataFrame({"frequency": [0.0, 1.0, 4.0, 99.0]})).tolist() == [10, 10, 30, 30]


@pytest.mark.parametrize(("cohort", "alpha", "beta"), [("regular", 0.704, 1.182), ("highend", 0.668, 3.806)])
def test_the_published_fit_of_sbg_and_its_projection_to_year_12(shared, cohort, alpha, beta):
    # Fader and Hardie (2007), fitted to seven years
    rows = pd.read_csv(shared / "data" / "sbg_renewal" / "sbg_survival.csv").query("cohort == @cohort")
    left = rows["survivors_of_1000"].tolist()
    model = ShiftedBetaGeometric().fit(decisions(left))
    assert (model.alpha_, model.beta_) == pytest.approx((alpha, beta), abs=6e-4)
    assert model.problem_ == ""
    assert model.survival(range(8)) == pytest.approx(np.array(left) / 1000, abs=0.02)
    by_hand = np.prod([(beta + n) / (alpha + beta + n) for n in range(12)])
    assert model.survival(12) == pytest.approx(by_hand, abs=2e-4)
    simple = (left[7] / 1000) ** (12 / 7)  # one rate for all underestimates who is left
    assert simple < by_hand - 0.05 if cohort == "regular" else simple < by_hand


def test_renewal_rates_rise_with_the_term():
    model = ShiftedBetaGeometric().fit(decisions([1000, 631, 468, 382, 326, 289, 262, 241]))
    rate = model.renewal_rate([1, 2, 3, 10])
    assert (np.diff(rate) > 0).all()
    assert model.predict({"term": [1, 3]}, terms=2) == pytest.approx(
        [rate[0] * rate[1], rate[2] * model.renewal_rate(4)]
    )


def test_terms_without_an_end_or_of_one_number():
    with pytest.raises(DataError, match="no term has ended"):
        ShiftedBetaGeometric().fit({"term": [1], "renewed": [0], "lapsed": [0]})
    with pytest.raises(DataError, match="whole number from 1"):
        ShiftedBetaGeometric().fit({"term": [0.5], "renewed": [3], "lapsed": [1]})
    with pytest.warns(ConvergenceWarning, match="terms that ended are of one number"):
        ShiftedBetaGeometric().fit({"term": [1], "renewed": [30], "lapsed": [10]})


def test_renewals_choose_with_a_reason():
    rows = pd.DataFrame(decisions([1000, 631, 468, 382]))
    chosen = choose_renewal(rows, contracts=9)
    assert chosen.title == "sBG"
    assert "BG/NBD" in chosen.table.loc[chosen.table["verdict"] == "refused", "model"].tolist()
    few = choose_renewal(pd.DataFrame({"term": [1, 2], "renewed": [6.0, 3.0], "lapsed": [2.0, 1.0]}))
    assert (few.title, few.values.tolist()) == ("one renewal rate", [0.25])
    assert "only 12 terms ended" in few.reason
    none = choose_renewal(pd.DataFrame({"term": [1.0], "renewed": [6.0], "lapsed": [0.0]}))
    assert none.title == ""
    assert "none of the 6 terms that ended lapsed" in none.reason
    assert choose_renewal(rows.iloc[:0]).reason.startswith("no term has ended")


def test_leaving_with_late_entry_is_recovered():
    random = np.random.default_rng(7)
    stay = random.exponential(1 / random.gamma(1.5, 1 / 20.0, 20_000))
    entered = random.uniform(0, 24, stay.size)
    seen = stay > entered  # those who left before they could be watched are not in the data
    until = entered + 18
    rows = {"entered": entered[seen], "left": np.minimum(stay, until)[seen], "lost": (stay < until)[seen]}
    found = ExponentialGamma().fit(rows).parameters_
    assert ((found["low"] < [1.5, 20]) & (found["high"] > [1.5, 20])).all()


def test_one_rate_of_leaving_where_customers_do_not_differ():
    random = np.random.default_rng(8)
    stay = random.exponential(10.0, 3000)
    model = ExponentialGamma().fit({"entered": 0 * stay, "left": np.minimum(stay, 12), "lost": stay < 12})
    assert model.survival(5.0) == pytest.approx(np.exp(-0.5), abs=0.02)
    with pytest.raises(DataError, match="nobody was seen to leave"):
        ExponentialGamma().fit({"entered": [0.0], "left": [3.0], "lost": [False]})
    with pytest.raises(DataError, match="row 0 left at 1, before it entered at 2"):
        ExponentialGamma().fit({"entered": [2.0], "left": [1.0], "lost": [True]})


def test_sbg_is_refused_without_terms():
    rows = pd.DataFrame(
        {"entered_months": [0.0] * 40, "tenure_months": np.linspace(1, 20, 40), "lost": [True, False] * 20}
    )
    chosen = choose_leaving(rows, customers=20)
    assert chosen.title in ("exponential-gamma", "one rate of leaving")
    reason = chosen.table.set_index("model").loc["sBG", "reason"]
    assert reason == "these subscriptions have no terms at whose end they would be renewed"
    assert choose_leaving(rows.head(6)).title == ""


def test_months_paid_for_by_hand():
    one = pd.DataFrame({"term": [1.0, 2.0], "months_left": [6.0, 30.0], "term_months": [12.0, 36.0]})
    paid, stays = paid_by_terms(np.array([1.0, 3.0]), one, 24.0, 0.0)
    # renewed by 3 of 4, then by 4 of 5: 6 + 12 × 3/4 + 6 × 3/4 × 4/5
    assert paid.tolist() == pytest.approx([6 + 9 + 3.6, 24.0])
    assert stays.tolist() == pytest.approx([0.6, 1.0])
    rate = 0.01
    less, _ = paid_by_terms(np.array([0.25]), one.head(1), 12.0, rate)
    by_hand = (1 - np.exp(-6 * rate)) / rate + 0.75 * (np.exp(-6 * rate) - np.exp(-12 * rate)) / rate
    assert less[0] == pytest.approx(by_hand)
    months, stays = paid_by_tenure(np.array([0.1]), pd.DataFrame({"tenure_months": [5.0]}), 12.0, 0.02)
    assert months[0] == pytest.approx((1 - np.exp(-0.12 * 12)) / 0.12)
    assert stays[0] == pytest.approx(np.exp(-1.2))
