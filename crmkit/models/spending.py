"""How much a purchase brings: Gamma-Gamma, and whether value and frequency are unrelated, as it takes them to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import digamma, gammaln
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crmkit.errors import DataError
from crmkit.models import estimation
from crmkit.models.summary_rows import columns

_NAMES = ("p", "q", "v")
_TITLE = "Gamma-Gamma"


class GammaGamma(BaseEstimator):
    """The mean value of a customer's purchases, learned from few of them by leaning on what others spend.

    The values of a customer's purchases are gamma(p, rate nu), where nu is the customer's own, gamma(q, rate v) over
    customers. A customer's expected value is then a weighted mean of what the customer spent so far and of what all
    spend, and the weight of the former grows with the number of purchases. It takes value and frequency for unrelated:
    `frequency_correlation` tells whether they are.

    Attributes
    ----------
    p_, q_, v_ : float
        v has the unit of the value; the mean over customers is p v ÷ (q − 1), which needs q above 1.
    parameters_, log_likelihood_, problem_ :
        As in the models of buying.
    customers_, left_out_ : int
        Customers used; customers without a purchase to learn from.

    Source
    ------
    P. S. Fader, B. G. S. Hardie and K. L. Lee (2005), RFM and CLV: Using Iso-Value Curves for Customer Base Analysis,
    Journal of Marketing Research 42, 415-430.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(1)
    >>> frequency = random.integers(1, 9, 4000)
    >>> value = random.gamma(5.0 * frequency, 1 / random.gamma(4.0, 1 / 30.0, 4000)) / frequency
    >>> model = GammaGamma().fit({"frequency": frequency, "value": value})
    >>> bool(((model.parameters_.low < [5, 4, 30]) & (model.parameters_.high > [5, 4, 30])).all())
    True
    """

    def fit(self, X: pd.DataFrame | Mapping, y: Any = None):  # noqa: N803
        """Estimate the parameters from `frequency` (purchases that `value` is the mean of) and `value`.

        Customers without a purchase to learn from are left out and counted: whose frequency or value is 0.

        Raises
        ------
        DataError
            Where nobody bought again, or a value is negative or unknown.
        """
        (x,) = columns(_TITLE, X, ["frequency"])
        if "value" not in X:
            raise DataError(f"{_TITLE}: the summary lacks the column value; make it of orders that have an amount.")
        mean = np.asarray(X["value"], float)
        used = x > 0
        if not used.any():
            raise DataError(f"{_TITLE}: nobody bought again, so there is no value of a repeat purchase to learn from.")
        wrong = used & ~(mean >= 0)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"{_TITLE}: value is {mean[row]:g} in row {row} of the summary; the mean of purchases must be "
                f"known and not negative. {int(wrong.sum())} rows are so: leave out returns."
            )
        used &= mean > 0  # what was free says nothing of how values spread
        if not used.any():
            raise DataError(f"{_TITLE}: all repeat purchases were free, so there is no value to learn from.")
        x, mean = x[used], mean[used]
        self.customers_, self.left_out_ = int(used.sum()), int((~used).sum())
        unit = float(np.average(mean, weights=x))
        starts = [(5.0, 4.0, 0.6), (1.0, 2.0, 1.0), (20.0, 8.0, 0.3)]
        some, rough = estimation.thinned(np.ones(x.size)), None
        if some is not None:
            rough = _likelihood(x[some[0]], mean[some[0]] / unit, weight=x.size / some[0].size)
        found = estimation.maximise(_likelihood(x, mean / unit), starts, _NAMES, rough=rough)
        density = x.size * float(np.log(unit))
        self.estimate_ = estimation.Estimate(
            found.values * [1.0, 1.0, unit], found.covariance, found.log_likelihood - density, found.problem
        )
        self.p_, self.q_, self.v_ = (float(value) for value in self.estimate_.values)
        self.log_likelihood_, self.problem_ = self.estimate_.log_likelihood, found.problem
        if not self.problem_ and self.q_ <= 1:
            self.problem_ = f"q is {self.q_:.2f}: the mean of what customers spend is infinite, a few spend nearly all"
        self.parameters_ = estimation.grid(self.estimate_, _NAMES)
        estimation.warn(_TITLE, self.problem_)
        return self

    @classmethod
    def of(cls, *, p: float, q: float, v: float) -> GammaGamma:
        """Return the model with given parameters, such as published ones.

        Examples
        --------
        >>> model = GammaGamma.of(p=6.25, q=3.74, v=15.44)  # CDNOW, dollars
        >>> model.predict({"frequency": [0, 2], "value": [float("nan"), 100.0]}).round(1)
        array([35.2, 88.4])
        """
        made = cls()
        made.estimate_ = estimation.Estimate(np.array([p, q, v]), np.full((3, 3), np.nan), float("nan"))
        made.p_, made.q_, made.v_, made.problem_, made.log_likelihood_ = p, q, v, "", float("nan")
        made.customers_ = made.left_out_ = 0
        made.parameters_ = estimation.grid(made.estimate_, _NAMES)
        return made

    @property
    def mean_(self) -> float:
        """The mean value of a purchase over customers."""
        return float(self._expected(self.estimate_.values, np.zeros(1), np.zeros(1))[0])

    def predict(self, X: pd.DataFrame | Mapping) -> np.ndarray:  # noqa: N803
        """Return the value to expect of each customer's next purchase; without one so far, the mean over customers."""
        return self.expected_value(X)["expected_value"].to_numpy()

    def expected_value(self, X: pd.DataFrame | Mapping, *, intervals: bool = False) -> pd.DataFrame:  # noqa: N803
        """Return `expected_value` of a purchase; and `low`, `high`: 95%, for what is not known of the parameters."""
        check_is_fitted(self, "estimate_")
        x, mean = _given(X)
        expected = self._expected(self.estimate_.values, x, mean)
        made = {"expected_value": expected}
        if intervals:
            slope = estimation.slopes(lambda values: self._expected(values, x, mean), self.estimate_.values)
            low, high = estimation.interval(expected, slope, self.estimate_.covariance)
            made |= {"low": low, "high": high}
        return pd.DataFrame(made, index=X.index if isinstance(X, pd.DataFrame) else None)

    def sensitivity(self, X: pd.DataFrame | Mapping) -> np.ndarray:  # noqa: N803
        """Return how expected values move with the logarithm of each parameter, shape (parameters, customers)."""
        x, mean = _given(X)
        return estimation.slopes(lambda values: self._expected(values, x, mean), self.estimate_.values)

    @property
    def covariance_(self) -> np.ndarray:
        """Of the logarithms of the parameters."""
        return self.estimate_.covariance

    def score(self, X: pd.DataFrame | Mapping, y: Any = None) -> float:  # noqa: N803
        """Return the mean log-likelihood of the customers who bought again."""
        check_is_fitted(self, "estimate_")
        x, mean = _given(X)
        used = x > 0
        return _likelihood(x[used], mean[used])(self.estimate_.values)[0] / used.sum()

    @staticmethod
    def _expected(values: np.ndarray, x: np.ndarray, mean: np.ndarray) -> np.ndarray:
        p, q, v = values
        below = p * x + q - 1
        return np.where(below > 0, p * (v + x * mean) / np.where(below > 0, below, 1.0), np.nan)


def frequency_correlation(X: pd.DataFrame | Mapping) -> dict[str, float]:  # noqa: N803
    """Measure whether customers who buy more often spend more or less a purchase, which Gamma-Gamma rules out.

    Returns
    -------
    dict
        `correlation` of the logarithms of frequency and value among customers who bought again, `low` and `high`
        (95%, Fisher's z), `customers`. All unknown below 4 customers, or where one of the two is the same for all.

    Examples
    --------
    >>> found = frequency_correlation({"frequency": [1, 2, 4, 8, 0], "value": [10.0, 20.0, 40.0, 80.0, 0.0]})
    >>> round(found["correlation"], 3), found["customers"]
    (1.0, 4)
    """
    x, mean = _given(X)
    used = (x > 0) & (mean > 0)
    one, other = np.log(x[used]), np.log(mean[used])
    n = int(used.sum())
    unknown = {"correlation": np.nan, "low": np.nan, "high": np.nan, "customers": n}
    if n < 4 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return unknown
    r = float(np.clip(np.corrcoef(one, other)[0, 1], -1, 1))
    z, error = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12)), 1.959964 / np.sqrt(n - 3)
    return {"correlation": r, "low": float(np.tanh(z - error)), "high": float(np.tanh(z + error)), "customers": n}


def _given(X) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
    (x,) = columns(_TITLE, X, ["frequency"])
    if "value" not in X:
        raise DataError(f"{_TITLE}: the summary lacks the column value; make it of orders that have an amount.")
    return x, np.where(x > 0, np.asarray(X["value"], float), 0.0)


def _likelihood(x: np.ndarray, mean: np.ndarray, *, weight: float = 1.0) -> estimation.Likelihood:
    bought, of = np.unique(x, return_inverse=True)
    many = np.bincount(of).astype(float)
    spent = x * mean
    fixed = -float(np.sum(np.log(mean)))
    counted = x @ np.log(spent)

    def likelihood(values: np.ndarray) -> tuple[float, np.ndarray]:
        p, q, v = values
        whole = v + spent
        log_whole, shape = np.log(whole), p * bought
        sum_log, weighted = log_whole.sum(), estimation.dot(x, log_whole)
        height = many @ (gammaln(shape + q) - gammaln(shape) - gammaln(q)) + x.size * q * np.log(v)
        height += p * counted + fixed - p * weighted - q * sum_log
        both = digamma(shape + q)
        slope_p = (many * bought) @ (both - digamma(shape)) + counted - weighted
        slope_q = many @ (both - digamma(q)) + x.size * np.log(v) - sum_log
        slope_v = x.size * q / v - estimation.dot(p * x + q, 1 / whole)
        return weight * float(height), weight * np.array([slope_p, slope_q, slope_v])

    return likelihood
