"""Churn models: logistic regression and gradient boosting with calibrated probabilities, and the rules to beat.

All are scikit-learn classifiers that take a DataFrame with numbers, names and gaps as they are. Where a model cannot be
estimated (nobody left, or next to nobody) it falls back to one rate for all and says why in `fallback_`.

Sources
-------
J. Platt (1999), "Probabilistic outputs for support vector machines", Advances in Large Margin Classifiers, 61-74, for
the calibration on a model's log-odds, here on those of customers that it had not seen.
"""

# ruff: noqa: N803, N806 - X is what scikit-learn calls the features
from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from crmkit.errors import DataError, UsageError
from crmkit.methods.common import pick

KINDS = ("logistic", "boosting")
LEAST_EVENTS = 10
"""With fewer customers of either kind no model is estimated."""
NONE = "(none)"
_CLIP = 1e-6


class ChurnModel(ClassifierMixin, BaseEstimator):
    """The chance to leave in the window, from what was known at the cut-off.

    Parameters
    ----------
    kind : {"logistic", "boosting"}
        Logistic regression on standardised features, large numbers by their logarithm, or gradient boosting
        of small trees.
    strength : float
        How strongly the logistic regression may fit (scikit-learn's `C`); smaller is more cautious.
    folds : int
        Folds of the calibration; a customer is in one of them alone. 0 leaves the probabilities as they are.
    random_state : int

    Attributes
    ----------
    classes_ : array of int, shape (2,)
        0 stayed, 1 left.
    feature_names_in_ : array of str, shape (n_features,)
    used_ : list of str
        Features that the model uses; those that are constant are left out.
    estimator_ : Pipeline or None
        None where the model fell back to the base rate.
    calibrator_ : LogisticRegression or None
        From the model's log-odds to calibrated ones.
    base_rate_ : float
        Share of the training rows that left.
    fallback_ : str
        Why the base rate is all there is; "" where a model was estimated.
    notes_ : list of str
        What was left out or could not be done.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"satisfaction": rng.random(400), "segment": ["a", "b"] * 200})
    >>> y = rng.random(400) < 0.6 - 0.5 * X["satisfaction"]
    >>> model = ChurnModel().fit(X, y)
    >>> unhappy, happy = model.predict_proba(X.assign(satisfaction=[0.0, 1.0] * 200))[:2, 1]
    >>> bool(unhappy > 2 * happy)
    True
    """

    def __init__(self, kind: str = "logistic", *, strength: float = 1.0, folds: int = 3, random_state: int = 0):
        self.kind = kind
        self.strength = strength
        self.folds = folds
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any, groups: Any = None) -> ChurnModel:
        """Estimate the model, and calibrate it on customers that it had not seen.

        Parameters
        ----------
        X : DataFrame, shape (n, n_features)
            Numbers and names; gaps are allowed.
        y : array, shape (n,)
            True, 1 or 1.0 where the customer left.
        groups : array, shape (n,), optional
            The customer of each row, where one has several.

        Raises
        ------
        DataError
            Where there is no row, or a label is unknown.
        """
        pick("kind", self.kind, KINDS)
        X = _frame(X)
        left = _labels(y, len(X))
        self.classes_ = np.array([0, 1])
        self.feature_names_in_ = np.array([str(name) for name in X.columns], dtype=object)
        self.n_features_in_ = X.shape[1]
        self.base_rate_, self.n_rows_, self.n_events_ = float(left.mean()), len(left), int(left.sum())
        self.used_ = [name for name in X.columns if _cells(X[name]).nunique(dropna=False) > 1]
        constant = [str(name) for name in X.columns if name not in self.used_]
        self.notes_ = [f"left out, the same for all: {', '.join(constant)}"] if constant else []
        self.estimator_ = self.calibrator_ = None
        self.fallback_ = _why_not(left, self.used_)
        if self.fallback_:
            return self
        self.numbers_ = [name for name in self.used_ if X[name].dtype.kind in "iufb"]
        self.names_ = [name for name in self.used_ if name not in self.numbers_]
        X = self._prepared(X)
        with one_thread():
            self.estimator_ = self._pipeline().fit(X, left)
            self._calibrate(X, left, groups)
        return self

    def decision_function(self, X: pd.DataFrame) -> np.ndarray:
        """Return the calibrated log-odds to leave, shape (n,)."""
        check_is_fitted(self, "classes_")
        X = _frame(X)
        if absent := [str(name) for name in self.feature_names_in_ if name not in X.columns]:
            raise DataError(f"The customers to score lack the feature {absent[0]!r}, on which the model was trained.")
        if self.estimator_ is None:
            rate = np.clip(self.base_rate_, _CLIP, 1 - _CLIP)
            return np.full(len(X), np.log(rate / (1 - rate)))
        with one_thread():
            raw = _log_odds(self.estimator_, self._prepared(X)) if len(X) else np.zeros(0)
        if self.calibrator_ is None or not len(X):
            return raw
        return self.calibrator_.decision_function(raw[:, None])

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return the chances to stay and to leave, shape (n, 2)."""
        odds = self.decision_function(X)
        risk = 1 / (1 + np.exp(-odds))
        if self.estimator_ is None:
            risk = np.full(len(odds), self.base_rate_)
        return np.column_stack([1 - risk, risk])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return 1 for those more likely to leave than not; for decisions use a threshold made of money instead."""
        return (self.predict_proba(X)[:, 1] >= 0.5).astype(int)

    def _prepared(self, X: pd.DataFrame) -> pd.DataFrame:
        numbers = {
            name: X[name].astype(float)
            if X[name].dtype.kind in "iufb"
            else pd.to_numeric(X[name], errors="coerce").astype(float)
            for name in self.numbers_
        }
        if self.kind == "logistic":  # twice as much counts alike for small and large amounts, and outliers less
            numbers = {name: np.sign(values) * np.log1p(values.abs()) for name, values in numbers.items()}
        return pd.DataFrame(numbers | {name: _cells(X[name]) for name in self.names_}, index=X.index)

    def _pipeline(self) -> Any:
        from sklearn.compose import ColumnTransformer
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

        if self.kind == "logistic":
            fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
            number = Pipeline([("fill", fill), ("scale", StandardScaler())])
            name = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20, sparse_output=False)
            model = LogisticRegression(C=self.strength, max_iter=1000, random_state=self.random_state)
        else:
            number = "passthrough"
            name = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=100)
            places = list(range(len(self.numbers_), len(self.used_)))
            model = HistGradientBoostingClassifier(
                max_iter=60, learning_rate=0.08, max_leaf_nodes=6, min_samples_leaf=30, l2_regularization=1.0,
                categorical_features=places or None, random_state=self.random_state,
            )  # fmt: skip
        parts = [("numbers", number, list(self.numbers_)), ("names", name, list(self.names_))]
        columns = ColumnTransformer([part for part in parts if part[2]])
        return Pipeline([("columns", columns), ("model", model)])

    def _calibrate(self, X: pd.DataFrame, left: np.ndarray, groups: Any) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedGroupKFold

        events = min(int(left.sum()), int((1 - left).sum()))
        groups = np.arange(len(left)) if groups is None else np.asarray(groups)
        folds = min(self.folds, events // 2, len(np.unique(groups)))
        if folds < 2:
            self.notes_ += [f"not calibrated: {events} customers of one kind are too few"] if self.folds else []
            return
        splits = StratifiedGroupKFold(folds, shuffle=True, random_state=self.random_state)
        unseen, known = np.zeros(len(left)), np.zeros(len(left), bool)
        for train, test in splits.split(X, left, groups):
            if 0 < left[train].sum() < len(train):
                unseen[test] = _log_odds(self._pipeline().fit(X.iloc[train], left[train]), X.iloc[test])
                known[test] = True
        if not 0 < left[known].sum() < known.sum():
            self.notes_.append("not calibrated: a fold has customers of one kind alone")
            return
        made = LogisticRegression(C=1e6).fit(unseen[known, None], left[known])
        if made.coef_[0, 0] <= 0:
            self.notes_.append("its log-odds say nothing of customers that it has not seen: the base rate is used")
            self.estimator_, self.fallback_ = None, "the features say nothing of customers that the model has not seen"
            return
        self.calibrator_ = made


class RecencyRule(ClassifierMixin, BaseEstimator):
    """The rule "no purchase for N days": who has not ordered for so long is expected to leave.

    Parameters
    ----------
    column : str
        Days since the last order; unknown where there was none, which counts as long ago.
    days : int
        N.

    Attributes
    ----------
    rates_ : array of float, shape (2,)
        Share that left of those who had ordered within N days, and of those who had not.

    Examples
    --------
    >>> X = pd.DataFrame({"days_since_order": [5, 10, 200, 300.0]})
    >>> RecencyRule(days=90).fit(X, [0, 0, 0, 1]).predict_proba(X)[:, 1].tolist()
    [0.0, 0.0, 0.5, 0.5]
    """

    def __init__(self, *, column: str = "days_since_order", days: int = 90):
        self.column = column
        self.days = days

    def fit(self, X: pd.DataFrame, y: Any, groups: Any = None) -> RecencyRule:
        """Count who left on both sides of N days."""
        left, late = _labels(y, len(X)), self._late(X)
        self.classes_, self.base_rate_ = np.array([0, 1]), float(left.mean())
        sides = [left[late == side] for side in (False, True)]
        self.rates_ = np.array([side.mean() if len(side) else self.base_rate_ for side in sides])
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return the chances to stay and to leave, shape (n, 2)."""
        check_is_fitted(self, "rates_")
        risk = self.rates_[self._late(X).astype(int)]
        return np.column_stack([1 - risk, risk])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return 1 for those who have not ordered for N days."""
        return self._late(X).astype(int)

    def _late(self, X: pd.DataFrame) -> np.ndarray:
        if self.column not in X:
            raise UsageError(
                f"RecencyRule needs the column {self.column!r}; there are {', '.join(map(str, X.columns))}."
            )
        return ~(X[self.column].to_numpy(float) <= self.days)


class GroupRate(ClassifierMixin, BaseEstimator):
    """The rule "as its group": each customer gets the share of its group that left, such as of its kind of contract.

    Parameters
    ----------
    column : str
        The group. One that was not there in training gets the share of all.

    Examples
    --------
    >>> X = pd.DataFrame({"contract": ["term", "term", "none", "none"]})
    >>> GroupRate().fit(X, [0, 0, 0, 1]).predict_proba(pd.DataFrame({"contract": ["none", "new"]}))[:, 1].tolist()
    [0.5, 0.25]
    """

    def __init__(self, *, column: str = "contract"):
        self.column = column

    def fit(self, X: pd.DataFrame, y: Any, groups: Any = None) -> GroupRate:
        """Count who left in each group."""
        left = pd.Series(_labels(y, len(X)), index=X.index)
        self.classes_, self.base_rate_ = np.array([0, 1]), float(left.mean())
        self.rates_ = left.groupby(_cells(X[self.column])).mean().to_dict()
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return the chances to stay and to leave, shape (n, 2)."""
        check_is_fitted(self, "rates_")
        risk = _cells(X[self.column]).map(self.rates_).fillna(self.base_rate_).to_numpy(float)
        return np.column_stack([1 - risk, risk])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return 1 for those whose group is more likely to leave than not."""
        return (self.predict_proba(X)[:, 1] >= 0.5).astype(int)


def one_thread() -> Any:
    """Estimate on one thread: small problems are no faster on several, and much slower where others want them, too."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)


def _frame(X: Any) -> pd.DataFrame:
    if isinstance(X, pd.DataFrame):
        return X
    values = np.asarray(X)
    return pd.DataFrame(values, columns=[f"x{place}" for place in range(values.shape[1])])


def _labels(y: Any, rows: int) -> np.ndarray:
    values = pd.to_numeric(pd.Series(np.asarray(y)), errors="coerce").to_numpy(float)
    if len(values) != rows:
        raise UsageError(f"X has {rows} rows, y {len(values)}; they must be as many.")
    if not rows:
        raise DataError("There is no customer to learn from: the table is empty.")
    wrong = ~np.isin(values, (0.0, 1.0))
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"The label of {int(wrong.sum()):,} of {rows:,} rows is neither 1 (left) nor 0 (stayed), the first at row "
            f"{place}: {np.asarray(y)[place]!r}. Leave out customers whose window is not over."
        )
    return values.astype(int)


def _cells(values: pd.Series) -> pd.Series:
    """Return names as text, "(none)" for gaps; numbers as they are."""
    if values.dtype.kind in "iufb":
        return values
    if isinstance(values.dtype, pd.StringDtype):  # text already: most features of names come as such
        return values.fillna(NONE).astype(object)
    return values.astype(object).where(values.notna(), NONE).astype(str)


def _why_not(left: np.ndarray, used: list[Any]) -> str:
    gone, kept = int(left.sum()), int(len(left) - left.sum())
    if not used:
        return "every feature is the same for all customers"
    if min(gone, kept) < LEAST_EVENTS:
        few = f"{gone} left" if gone < LEAST_EVENTS else f"{kept} stayed"
        return f"only {few} of {len(left):,}, fewer than the {LEAST_EVENTS} that a model needs"
    return ""


def _log_odds(pipeline: Any, X: pd.DataFrame) -> np.ndarray:
    return np.clip(np.asarray(pipeline.decision_function(X), float), -15, 15)
