"""The churn estimators, their scores and the decision made of them: numbers by hand, published ones, awkward cases."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score

from crmkit.errors import DataError, UsageError
from crmkit.models import churn_table
from crmkit.models.churn import ChurnModel, GroupRate, RecencyRule
from crmkit.models.decision import expected_gain, profit_curve, split_holdout, threshold
from crmkit.models.scores import auc, calibration, calibration_slope, gain, lift_at, scores
from crmkit.models.time_splits import TimeGapSplit, cross_validate, validate


@pytest.fixture(scope="module")
def customers():
    """Six hundred customers who leave the more the unhappier they are; a third is of one plan and leaves less."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"happy": rng.random(600), "plan": rng.choice(["a", "b", "c"], 600), "noise": rng.normal(size=600)}
    )
    odds = 1.0 - 4 * frame["happy"] - 1.0 * (frame["plan"] == "a")
    left = (rng.random(600) < 1 / (1 + np.exp(-odds))).astype(int)
    return frame, left


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_models_order_and_calibrate(customers, kind):
    given, y = customers
    seen = cross_validate(given, y, {"model": ChurnModel(kind)}, folds=3)
    row = scores(seen).iloc[0]
    assert row["low"] > 0.6
    assert abs(row["promised"] - row["actual"]) < 0.03
    assert 0.6 < row["slope"] < 1.6


def test_a_model_is_a_scikit_learn_estimator(customers):
    given, y = customers
    model = clone(ChurnModel("boosting", folds=2, random_state=3))
    assert model.get_params() == {"kind": "boosting", "strength": 1.0, "folds": 2, "random_state": 3}
    with pytest.raises(NotFittedError):
        model.predict_proba(given)
    model.fit(given, y)
    again = clone(model).fit(given, y)
    assert np.array_equal(model.predict_proba(given), again.predict_proba(given))
    assert model.predict_proba(given).sum(axis=1) == pytest.approx(1)
    assert set(model.predict(given)) <= {0, 1}
    assert model.score(given, y) > 0.6


def test_the_order_of_the_rows_changes_nothing_but_the_order(customers):
    given, y = customers
    model = ChurnModel(folds=0).fit(given, y)
    turned = ChurnModel(folds=0).fit(given[::-1].reset_index(drop=True), y[::-1])
    assert turned.predict_proba(given)[:, 1] == pytest.approx(model.predict_proba(given)[:, 1], abs=1e-4)


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_gaps_constants_and_names_never_seen(customers, kind):
    given, y = customers
    given = given.assign(constant=1.0, empty=np.nan)
    given.loc[given.index % 5 == 0, "happy"] = np.nan
    given.loc[given.index % 7 == 0, "plan"] = None
    model = ChurnModel(kind, folds=2).fit(given, y)
    assert model.used_ == ["happy", "plan", "noise"]
    assert model.notes_ == ["left out, the same for all: constant, empty"]
    strange = given.head(3).assign(plan=["never seen", None, "a"], happy=[np.nan, 0.5, np.nan], noise=np.nan)
    risk = model.predict_proba(strange)[:, 1]
    assert ((risk > 0) & (risk < 1)).all()


@pytest.mark.parametrize(
    ("y", "reason", "rate"),
    [
        (np.zeros(50), "only 0 left of 50, fewer than the 10 that a model needs", 0.0),
        (np.ones(50), "only 0 stayed of 50, fewer than the 10 that a model needs", 1.0),
        (np.r_[np.ones(3), np.zeros(47)], "only 3 left of 50, fewer than the 10 that a model needs", 0.06),
    ],
)
def test_one_class_or_next_to_one_falls_back_with_a_reason(y, reason, rate):
    given = pd.DataFrame({"x": np.arange(50.0)})
    model = ChurnModel().fit(given, y)
    assert model.fallback_ == reason
    assert model.predict_proba(given)[:, 1] == pytest.approx(np.full(50, rate))


def test_where_all_features_are_constant_it_says_so():
    model = ChurnModel().fit(pd.DataFrame({"x": [1.0] * 60}), [0, 1] * 30)
    assert model.fallback_ == "every feature is the same for all customers"
    assert model.predict_proba(pd.DataFrame({"x": [5.0]}))[0, 1] == 0.5


def test_wrong_labels_and_missing_features_are_named():
    given = pd.DataFrame({"x": np.arange(30.0)})
    with pytest.raises(DataError, match=r"label of 1 of 30 rows is neither 1"):
        ChurnModel().fit(given, [np.nan] + [0, 1] * 14 + [0])
    with pytest.raises(UsageError, match=r"30 rows, y 2"):
        ChurnModel().fit(given, [0, 1])
    with pytest.raises(DataError, match=r"the table is empty"):
        ChurnModel().fit(given.head(0), [])
    model = ChurnModel().fit(given, [0, 1] * 15)
    with pytest.raises(DataError, match=r"lack the feature 'x'"):
        model.predict_proba(pd.DataFrame({"y": [1.0]}))
    with pytest.raises(UsageError, match=r"logistic, boosting"):
        ChurnModel("forest").fit(given, [0, 1] * 15)
    assert len(model.predict_proba(given.head(0))) == 0


def test_rules_by_hand():
    given = pd.DataFrame({"days_since_order": [1, 50, 91, np.nan], "contract": ["a", "a", "b", None]})
    rule = RecencyRule(days=90).fit(given, [0, 1, 1, 1])
    assert rule.predict_proba(given)[:, 1].tolist() == [0.5, 0.5, 1.0, 1.0]
    assert rule.predict(given).tolist() == [0, 0, 1, 1]
    group = GroupRate().fit(given, [0, 1, 1, 1])
    assert group.predict_proba(given)[:, 1].tolist() == [0.5, 0.5, 1.0, 1.0]
    with pytest.raises(UsageError, match=r"needs the column 'days_since_order'"):
        RecencyRule().fit(given[["contract"]], [0, 1, 1, 1])


def test_auc_is_that_of_scikit_learn_ties_included():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 300), rng.integers(0, 12, 300) / 12
    assert auc(y, p) == pytest.approx(roc_auc_score(y, p))
    weights = rng.integers(0, 4, 300)
    assert auc(y, p, weights) == pytest.approx(roc_auc_score(y, p, sample_weight=weights))
    assert np.isnan(auc([1, 1], [0.1, 0.2]))


def test_slope_tells_risks_that_are_too_extreme():
    rng = np.random.default_rng(0)
    truth = rng.normal(-1, 1, 20_000)
    y = rng.random(20_000) < 1 / (1 + np.exp(-truth))
    assert calibration_slope(y, 1 / (1 + np.exp(-2 * truth)))[0] == pytest.approx(0.5, abs=0.03)
    assert np.isnan(calibration_slope([0, 1], [0.3, 0.3])[0])


def test_calibration_and_gain_by_hand():
    frame = pd.DataFrame({"churned": [1, 1, 0, 1, 0, 0, 0, 0], "risk": [0.9, 0.8, 0.7, 0.6, 0.2, 0.2, 0.2, 0.1]})
    groups = calibration(frame, bins=2)
    assert groups["n"].tolist() == [4, 4]
    assert groups["actual"].tolist() == [0.0, 0.75]
    assert groups["promised"].tolist() == pytest.approx([0.175, 0.75])
    assert gain(frame)["found"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3, 1, 1, 1])
    assert lift_at(frame, 0.25) == pytest.approx((2 / 3) / 0.25)


def test_scores_of_one_class_are_unknown_not_a_number():
    frame = pd.DataFrame({"model": "m", "customer_id": range(5), "churned": 0, "risk": 0.1})
    row = scores(frame).iloc[0]
    assert row[["auc", "low", "skill", "slope", "lift"]].isna().all()
    assert row["brier"] == pytest.approx(0.01)


def test_threshold_and_gain_by_hand():
    assert threshold(cost=50, success_rate=0.25, value=1000) == 0.2
    assert threshold(cost=50, success_rate=0.0, value=1000) == float("inf")
    assert expected_gain([0.2, 0.4], cost=50, success_rate=0.25, value=[1000, 1000]).tolist() == [0.0, 50.0]
    with pytest.raises(UsageError, match=r"success_rate is 20"):
        threshold(cost=1, success_rate=20, value=1)
    with pytest.raises(UsageError, match=r"cost of an offer is -1"):
        threshold(cost=-1, success_rate=0.2, value=1)


def test_profit_curve_ends_where_the_next_offer_costs_more_than_it_brings():
    frame = pd.DataFrame({"risk": [0.5, 0.3, 0.1], "churned": [1, 0, 0], "worth": [1000.0, 1000.0, np.nan]})
    curve = profit_curve(frame, cost=60, success_rate=0.25, value="worth")
    assert curve["expected"].tolist() == pytest.approx([0, 65, 80])
    assert curve["realised"].tolist() == pytest.approx([0, 190, 130])
    assert (curve.attrs["best"], curve.attrs["without_value"]) == (2, 1)
    assert curve.attrs["threshold"] == pytest.approx(0.24)
    none = profit_curve(frame, cost=1e6, success_rate=0.25, value="worth")
    assert (none.attrs["best"], none.attrs["profit"]) == (0, 0.0)
    with pytest.raises(UsageError, match=r"no column 'money'"):
        profit_curve(frame, cost=1, success_rate=0.1, value="money")


def test_holdout_is_random_fixed_and_of_its_size():
    groups = split_holdout([str(i) for i in range(100)], share=0.2)
    assert groups.eq("hold-out").sum() == 20
    turned = split_holdout([str(i) for i in range(99, -1, -1)], share=0.2)
    assert turned.sort_index().equals(groups.sort_index())
    assert split_holdout(["a"], share=0.5).tolist() == ["offer"]
    assert len(split_holdout([], share=0.5)) == 0
    with pytest.raises(UsageError, match=r"share is 1.0"):
        split_holdout(["a", "b"], share=1.0)


def test_splits_leave_the_window_and_the_gap_between():
    cutoffs = pd.to_datetime(["2025-01-01"] * 2 + ["2025-04-01", "2025-07-01", "2025-10-01"])
    splits = list(TimeGapSplit(window_days=90, gap_days=30, least=1).split(cutoffs))
    assert [(train.tolist(), test.tolist()) for train, test in splits] == [([0, 1], [3]), ([0, 1, 2], [4])]


def test_validation_refuses_what_has_no_past():
    panel = pd.DataFrame(
        {"customer_id": ["a", "b"], "cutoff": pd.Timestamp("2025-01-01"), "churned": [0.0, 1.0], "x": [1.0, 2.0]}
    )
    panel.attrs = {"features": ["x"], "window_days": 90}
    with pytest.raises(DataError, match=r"No cut-off has a finished window of 90 days before it"):
        validate(panel, {"m": ChurnModel()})


def test_fewer_leavers_than_folds_make_fewer_folds_and_none_an_error():
    frame = pd.DataFrame({"x": np.arange(40.0)})
    few = cross_validate(frame, [1, 1] + [0] * 38, {"m": ChurnModel()})
    assert few["fold"].nunique() == 2
    with pytest.raises(DataError, match=r"Only 1 of 40 customers left"):
        cross_validate(frame, [1] + [0] * 39, {"m": ChurnModel()})


def test_the_published_answer_of_telco_churn(shared):
    frame = pd.read_csv(shared / "data" / "telco_churn" / "telco_churn.csv")
    study = churn_table(frame, label="churn", id="rownames", kind="logistic")
    folds = [auc(part["churned"], part["risk"]) for _, part in study.unseen.merge(
        study.predictions[["customer_id", "fold"]].drop_duplicates()).groupby("fold")]  # fmt: skip
    assert len(folds) == 5
    assert np.mean(folds) == pytest.approx(0.848, abs=0.006)  # at least 0.84, about 0.845 for a logistic regression
    assert study.panel["churned"].mean() == pytest.approx(0.2654, abs=5e-5)
    groups = calibration(study.unseen)
    assert ((groups["low"] - 0.02 < groups["promised"]) & (groups["promised"] < groups["high"] + 0.02)).all()


def test_a_flat_table_says_what_is_wrong_with_it():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"key": [f"c{i}" for i in range(200)], "x": rng.random(200)})
    frame["left"] = np.where(rng.random(200) < frame["x"], "Yes", "No")
    study = churn_table(frame, label="left", id="key", kind="logistic")
    assert study.features == ["x"]
    assert study.risks(reasons_for=2)["customer_id"].isin(frame["key"]).all()
    assert churn_table(frame, label="left", kind="logistic").panel.attrs["left_out"] == {
        "key": "another value in each row"
    }
    leaky = frame.assign(reason=np.where(frame["left"] == "Yes", "price", None))
    with pytest.raises(DataError, match=r"column 'reason' alone tells who left with an AUC of 1.000"):
        churn_table(leaky, label="left", id="key")
    assert churn_table(leaky, label="left", id="key", leave_out=["reason"], kind="logistic").features == ["x"]
    with pytest.raises(DataError, match=r"The label 'x' is"):
        churn_table(frame, label="x")
    with pytest.raises(UsageError, match=r"no column 'churn'"):
        churn_table(frame, label="churn")
