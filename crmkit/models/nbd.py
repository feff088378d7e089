"""Buying beside a contract: nobody stops unseen, so how often customers buy is all there is to learn."""

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

_NAMES = ("r", "alpha")


class Nbd(BaseEstimator):
    """The rate at which each customer buys while a contract runs: gamma(r, alpha) over customers.

    A customer's expected rate is a weighted mean of the own one and of all customers', so that one who was watched for
    a week is not taken for one who never buys. Where customers do not differ so that it shows, all have the same rate,
    and `constant_` is True.

    Attributes
    ----------
    r_, alpha_ : float
        r ÷ alpha purchases a unit of time on average; alpha is a time. Infinite where the rate is constant.
    rate_ : float
        Purchases ÷ time watched.
    parameters_, log_likelihood_ :
        As in the models of buying.

    Source
    ------
    A. S. C. Ehrenberg (1959), The Pattern of Consumer Purchases, Applied Statistics 8, 26-41.

    Examples
    --------
    >>> random = np.random.default_rng(5)
    >>> time = random.uniform(1, 36, 4000)
    >>> bought = random.poisson(random.gamma(2.0, 1 / 4.0, 4000) * time)
    >>> model = Nbd().fit({"frequency": bought, "T": time})
    >>> bool(((model.parameters_.low < [2, 4]) & (model.parameters_.high > [2, 4])).all())
    True
    >>> rates = model.predict({"frequency": [0, 12], "T": [0.0, 12.0]})  # nothing known: the mean of all
    >>> bool(abs(rates[0] - model.r_ / model.alpha_) < 1e-9 and rates[0] < rates[1] < 1)
    True
    """

    def fit(self, X: pd.DataFrame | Mapping, y: Any = None):  # noqa: N803
        """Estimate the parameters from `frequency` (purchases in the time watched) and `T` (that time).

        Raises
        ------
        DataError
            Where nobody bought, or nobody was watched.
        """
        x, time = columns("NBD", X, ("frequency", "T"))
        if not x.sum() or not time.sum():
            raise DataError("NBD: nobody bought in the time watched, so nothing says how often customers buy.")
        self.rate_, unit = float(x.sum() / time.sum()), float(time.mean())
        mean = self.rate_ * unit
        found = estimation.maximise(
            _likelihood(x, time / unit), [(1.0, 1 / mean), (4.0, 4 / mean), (0.3, 0.3 / mean)], _NAMES
        )
        self.constant_ = bool(found.problem)
        if self.constant_:
            self.estimate_ = estimation.Estimate(np.array([self.rate_]), np.array([[1 / x.sum()]]), float("nan"))
            self.r_ = self.alpha_ = np.inf
        else:
            values = found.values * [1.0, unit]
            height = found.log_likelihood - float(x.sum()) * np.log(unit)
            self.estimate_ = estimation.Estimate(values, found.covariance, height)
            self.r_, self.alpha_ = float(values[0]), float(values[1])
        self.log_likelihood_ = self.estimate_.log_likelihood
        self.parameters_ = estimation.grid(self.estimate_, ("rate",) if self.constant_ else _NAMES)
        return self

    def predict(self, X: pd.DataFrame | Mapping) -> np.ndarray:  # noqa: N803
        """Return how many purchases a unit of time to expect of each customer."""
        check_is_fitted(self, "estimate_")
        return rates(self.estimate_.values, *columns("NBD", X, ("frequency", "T")))


def rates(values: np.ndarray, x: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Return the expected rates with these parameters: one, the same for all, or two, r and alpha.

    >>> rates(np.array([2.0, 4.0]), np.array([1.0]), np.array([2.0])).tolist()
    [0.5]
    """
    if values.size == 1:
        return np.full(x.size, values[0])
    return (values[0] + x) / (values[1] + time)


def _likelihood(x: np.ndarray, time: np.ndarray) -> estimation.Likelihood:
    def likelihood(values: np.ndarray) -> tuple[float, np.ndarray]:
        r, alpha = values
        whole = np.log(alpha + time)
        height = np.sum(gammaln(r + x) - gammaln(r) - (r + x) * whole) + x.size * r * np.log(alpha)
        slope_r = np.sum(digamma(r + x) - digamma(r) - whole) + x.size * np.log(alpha)
        return float(height), np.array([slope_r, x.size * r / alpha - np.sum((r + x) / (alpha + time))])

    return likelihood
