"""Staying under a contract, where the end is seen: renewals of terms, and subscriptions that may end at any time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaln
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crmkit.errors import DataError
from crmkit.models import estimation
from crmkit.models.summary_rows import columns


class ShiftedBetaGeometric(BaseEstimator):
    """Renewal of contracts that run for terms: shifted beta-geometric.

    At the end of each term a customer lapses with a chance of their own, beta(alpha, beta) over customers. Those who
    are likely to lapse do so early, so the renewal rate rises with every term although nobody changes.

    Attributes
    ----------
    alpha_, beta_ : float
        alpha ÷ (alpha + beta) lapse at the end of their first term.
    parameters_, log_likelihood_, problem_ :
        As in the models of buying.
    decisions_, lapsed_ : int
        Terms that ended, and those of them that lapsed.

    Source
    ------
    P. S. Fader and B. G. S. Hardie (2007), How to Project Customer Retention, Journal of Interactive Marketing 21,
    76-90.

    Examples
    --------
    Of 1,000 regular customers 631 renewed once, 468 twice, and so on for seven years.

    >>> left = [1000, 631, 468, 382, 326, 289, 262, 241]
    >>> lapsed = [before - after for before, after in zip(left, left[1:])]
    >>> model = ShiftedBetaGeometric().fit({"term": [1, 2, 3, 4, 5, 6, 7], "renewed": left[1:], "lapsed": lapsed})
    >>> round(model.alpha_, 3), round(model.beta_, 3), model.survival([12]).round(3)
    (0.704, 1.182, array([0.17]))
    """

    def fit(self, X: pd.DataFrame | Mapping, y: Any = None):  # noqa: N803
        """Estimate the parameters from the decisions at the ends of terms.

        Parameters
        ----------
        X : DataFrame or mapping
            `term` (1 for a customer's first), `renewed` and `lapsed` (how many): any number of rows a term. Terms whose
            end has not come are no decisions; customers who joined the data late count from the term they were in.

        Raises
        ------
        DataError
            Where no term has ended.
        """
        term, renewed, lapsed = columns("sBG", X, ("term", "renewed", "lapsed"))
        if not (renewed + lapsed).sum():
            raise DataError(
                "sBG: no term has ended, so nothing says how many are renewed. It needs terms with an outcome."
            )
        if (term < 1).any() or (term != np.floor(term)).any():
            raise DataError("sBG: term must be a whole number from 1, the customer's first.")
        self.decisions_, self.lapsed_ = round(float((renewed + lapsed).sum())), round(float(lapsed.sum()))
        self.estimate_ = estimation.maximise(
            _renewals(term, renewed, lapsed), [(1.0, 1.5), (0.5, 0.5), (3.0, 9.0)], ("alpha", "beta")
        )
        one = np.unique(term[(renewed + lapsed) > 0]).size == 1
        self.alpha_, self.beta_ = (float(value) for value in self.estimate_.values)
        self.log_likelihood_, self.problem_ = self.estimate_.log_likelihood, self.estimate_.problem
        if one:
            self.problem_ = "all terms that ended are of one number, so nothing says how renewal changes with time"
        self.parameters_ = estimation.grid(self.estimate_, ("alpha", "beta"))
        estimation.warn("sBG", self.problem_)
        return self

    def survival(self, terms: Any) -> np.ndarray:
        """Return the share of customers who are still there after so many terms."""
        check_is_fitted(self, "estimate_")
        terms = np.asarray(terms, float)
        return np.exp(betaln(self.alpha_, self.beta_ + terms) - betaln(self.alpha_, self.beta_))

    def renewal_rate(self, term: Any) -> np.ndarray:
        """Return the share of those who come to the end of their n-th term who renew it."""
        check_is_fitted(self, "estimate_")
        before = self.beta_ + np.asarray(term, float) - 1
        return before / (self.alpha_ + before)

    def predict(self, X: pd.DataFrame | Mapping, terms: float = 1) -> np.ndarray:  # noqa: N803
        """Return the chance that customers in their n-th `term` renew it and the next, `terms` times in all."""
        check_is_fitted(self, "estimate_")
        (term,) = columns("sBG", X, ["term"])
        return self.survival(term - 1 + terms) / self.survival(term - 1)


class ExponentialGamma(BaseEstimator):
    """Subscriptions that may end at any time, and are seen to end: exponential times, gamma over customers.

    The counterpart of sBG without terms, and the way of stopping of the Pareto/NBD where stopping is seen: each leaves
    at a rate of their own, gamma(s, beta) over customers, so the rate of those who are left falls with tenure.

    Attributes
    ----------
    s_, beta_ : float
        s ÷ beta leave a unit of time at the start; beta is a time.
    rate_ : float
        The rate if it were the same for all and at all times: lost ÷ time watched. Where customers do not differ so
        that it shows, the model is this rate alone and `constant_` is True.
    lost_ : int
    parameters_, log_likelihood_, problem_ :
        As in the models of buying.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(3)
    >>> stay = random.exponential(1 / random.gamma(1.5, 1 / 20.0, 5000))
    >>> watched = random.uniform(0, 36, 5000)
    >>> model = ExponentialGamma().fit({"entered": 0 * stay, "left": np.minimum(stay, watched), "lost": stay < watched})
    >>> bool(((model.parameters_.low < [1.5, 20]) & (model.parameters_.high > [1.5, 20])).all())
    True
    """

    def fit(self, X: pd.DataFrame | Mapping, y: Any = None):  # noqa: N803
        """Estimate the parameters.

        Parameters
        ----------
        X : DataFrame or mapping
            `entered` (tenure at which watching began: 0, or more where earlier losses could not be seen), `left`
            (tenure at the loss, or now), `lost` (whether it was lost).

        Raises
        ------
        DataError
            Where nobody was lost, or nobody watched.
        """
        entered, left = columns("Exponential-gamma", X, ("entered", "left"))
        lost = np.asarray(X["lost"], float)
        if (left < entered).any():
            row = int(np.flatnonzero(left < entered)[0])
            raise DataError(
                f"Exponential-gamma: row {row} left at {left[row]:g}, before it entered at {entered[row]:g}."
            )
        watched = float((left - entered).sum())
        if not lost.sum() or not watched:
            raise DataError("Exponential-gamma: nobody was seen to leave, so nothing says how fast customers do.")
        self.lost_, self.rate_ = round(float(lost.sum())), float(lost.sum() / watched)
        unit = watched / entered.size
        rate = self.rate_ * unit
        starts = [(1.0, 1 / rate), (3.0, 3 / rate), (0.4, 0.4 / rate)]
        found = estimation.maximise(_times(entered / unit, left / unit, lost), starts, ("s", "beta"))
        shift = float(lost.sum()) * np.log(unit)
        constant = lost.sum() * np.log(self.rate_) - self.rate_ * watched
        self.constant_ = bool(found.problem) or found.log_likelihood - shift < constant + 1e-6
        if self.constant_:  # the log of one rate has the variance 1 ÷ lost
            self.estimate_ = estimation.Estimate(np.array([self.rate_]), np.array([[1 / lost.sum()]]), float(constant))
            self.s_, self.beta_, names = np.inf, np.inf, ("rate",)
        else:
            values = found.values * [1.0, unit]
            self.estimate_ = estimation.Estimate(values, found.covariance, found.log_likelihood - shift)
            self.s_, self.beta_, names = float(values[0]), float(values[1]), ("s", "beta")
        self.log_likelihood_, self.problem_ = self.estimate_.log_likelihood, ""
        self.parameters_ = estimation.grid(self.estimate_, names)
        return self

    def survival(self, time: Any, *, given: Any = 0.0) -> np.ndarray:
        """Return the share still there after `time`, of those who had been there for `given`."""
        check_is_fitted(self, "estimate_")
        return stays(self.estimate_.values, np.asarray(time, float), np.asarray(given, float))

    def predict(self, X: pd.DataFrame | Mapping, horizon: float = 12.0) -> np.ndarray:  # noqa: N803
        """Return the chance that customers with a tenure of `left` are still there after the horizon."""
        (left,) = columns("Exponential-gamma", X, ["left"])
        return self.survival(left + horizon, given=left)


def stays(values: np.ndarray, time: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Return the survival of `ExponentialGamma` with these parameters: one, a rate, or two, s and beta.

    >>> [round(float(stays(np.array([1.0, 10.0]), *times)), 6) for times in ((10.0, 0.0), (30.0, 10.0))]
    [0.5, 0.5]
    """
    if values.size == 1:
        return np.exp(-values[0] * (time - given))
    return np.exp(values[0] * (np.log(values[1] + given) - np.log(values[1] + time)))


def _renewals(term, renewed, lapsed) -> estimation.Likelihood:
    def likelihood(values: np.ndarray) -> tuple[float, np.ndarray]:
        alpha, beta = values
        before = beta + term - 1
        both = renewed + lapsed
        height = renewed @ np.log(before) + lapsed.sum() * np.log(alpha) - both @ np.log(alpha + before)
        common = both @ (1 / (alpha + before))
        return float(height), np.array([lapsed.sum() / alpha - common, renewed @ (1 / before) - common])

    return likelihood


def _times(entered, left, lost) -> estimation.Likelihood:
    def likelihood(values: np.ndarray) -> tuple[float, np.ndarray]:
        s, beta = values
        lost_log = np.log(beta + left)
        passed = lost_log - np.log(beta + entered)
        height = lost.sum() * np.log(s) - lost @ lost_log - s * passed.sum()
        slope_beta = -(lost @ (1 / (beta + left))) - s * np.sum(1 / (beta + left) - 1 / (beta + entered))
        return float(height), np.array([lost.sum() / s - passed.sum(), slope_beta])

    return likelihood
