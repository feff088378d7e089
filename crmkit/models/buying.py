"""Buying without a contract: how often customers will buy, and which of them have stopped without a word.

`BgNbd`, `MbgNbd` and `ParetoNbd` (in `pareto_nbd`) are fitted to one row a customer as `purchase_summary` makes it:
`frequency`, the purchases after the first; `recency`, the time from the first purchase to the last; `T`, the time from
the first purchase to the end of what is known. All times are in one unit, which is then the unit of every horizon.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import digamma, gammaln
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crmkit.errors import DataError, UsageError
from crmkit.models import estimation
from crmkit.models.quadrature import beta_nodes, enough_nodes, legendre

_COLUMNS = ("frequency", "recency", "T")
_CHUNK = 2_000_000


class BuyingModel(ABC, BaseEstimator):
    """What the models of buying without a contract have in common.

    Parameters
    ----------
    prior : float
        Where the data alone does not determine the parameters, a weak prior can hold them: log-normal around 1 (times
        around the mean age of the customers) with this spread of the logarithms, such as 2. 0 is maximum likelihood.

    Attributes
    ----------
    parameters_ : DataFrame
        `parameter`, `value`, `low`, `high` (95%, from the observed information, symmetric for the logarithms).
    log_likelihood_ : float
        Without the constant that no parameter touches, as it is published.
    customers_, kinds_ : int
        Rows, and how many of them differ.
    problem_ : str
        Why the parameters should not be used; "" where they are a proper maximum.
    """

    names: ClassVar[tuple[str, ...]] = ()
    title: ClassVar[str] = ""
    starts: ClassVar[tuple[tuple[float, ...], ...]] = ()
    timed: ClassVar[tuple[str, ...]] = ("alpha",)  # the parameters that are times

    def __init__(self, prior: float = 0.0):
        self.prior = prior

    def fit(self, X: pd.DataFrame | Mapping, y: Any = None, sample_weight: Any = None):  # noqa: N803
        """Estimate the parameters by maximum likelihood.

        Parameters
        ----------
        X : DataFrame or mapping
            `frequency`, `recency`, `T`, one row a customer.
        y : ignored
        sample_weight : array, optional
            How many customers a row stands for.

        Raises
        ------
        DataError
            Where a number is impossible, nobody bought again, or there is nobody.

        Warns
        -----
        ConvergenceWarning
            Where the data does not determine the parameters; `problem_` says why.
        """
        x, last, age = self._read(X)
        if sample_weight is None:
            (x, last, age), weight = estimation.counted(x, last, age)
        else:
            (x, last, age), _, back = estimation.distinct(x, last, age)
            weight = np.bincount(back, np.asarray(sample_weight, float), minlength=x.size)
        self.customers_, self.kinds_ = round(float(weight.sum())), x.size
        if not weight.sum():
            raise DataError(f"{self.title}: the summary has no customers.")
        if not (x * weight).any():
            raise DataError(
                f"{self.title}: nobody of the {self.customers_:,} customers bought again, so nothing says how often "
                "or how long customers buy. Watch them longer."
            )
        unit = float(weight @ age / weight.sum())  # so that all parameters are of the order of 1
        found = self._maximum(x, last / unit, age / unit, weight)
        scale = np.array([unit if name in self.timed else 1.0 for name in self.names])
        shift = float(weight @ x) * np.log(unit)  # the density of times in another unit
        self.estimate_ = estimation.Estimate(
            found.values * scale, found.covariance, found.log_likelihood - shift, found.problem
        )
        for name, value in zip(self.names, self.estimate_.values, strict=True):
            setattr(self, f"{name}_", float(value))
        self.log_likelihood_, self.problem_ = self.estimate_.log_likelihood, found.problem
        self.parameters_ = estimation.grid(self.estimate_, self.names)
        estimation.warn(self.title, self.problem_)
        return self

    @classmethod
    def of(cls, **parameters: float):
        """Return the model with given parameters, such as published ones; they have no intervals.

        Examples
        --------
        >>> model = BgNbd.of(r=0.243, alpha=4.414, a=0.793, b=2.426)
        >>> round(float(model.expected_new(78.0)), 3)
        1.861
        """
        if set(parameters) != set(cls.names) or any(not value > 0 for value in parameters.values()):
            raise UsageError(f"{cls.title}: give the parameters {', '.join(cls.names)}, each above 0.")
        made = cls()
        values = np.array([float(parameters[name]) for name in cls.names])
        unknown = np.full((values.size, values.size), np.nan)
        made.estimate_ = estimation.Estimate(values, unknown, float("nan"))
        for name, value in parameters.items():
            setattr(made, f"{name}_", float(value))
        made.log_likelihood_, made.problem_, made.customers_, made.kinds_ = float("nan"), "", 0, 0
        made.parameters_ = estimation.grid(made.estimate_, cls.names)
        return made

    def predict(self, X: pd.DataFrame | Mapping, horizon: float = 52.0) -> np.ndarray:  # noqa: N803
        """Return the purchases expected of each customer within the horizon; see `expected_purchases`."""
        return self.expected_purchases(X, horizon)["expected_purchases"].to_numpy()

    def score(self, X: pd.DataFrame | Mapping, y: Any = None) -> float:  # noqa: N803
        """Return the mean log-likelihood of a customer: of two models on the same customers the higher fits better."""
        check_is_fitted(self, "estimate_")
        x, last, age = self._read(X)
        (x, last, age), weight, _ = estimation.distinct(x, last, age)
        return self._likelihood(x, last, age, weight)(self.estimate_.values)[0] / weight.sum()

    def probability_alive(self, X: pd.DataFrame | Mapping) -> np.ndarray:  # noqa: N803
        """Return the chance that each customer has not stopped buying by the end of what is known."""
        check_is_fitted(self, "estimate_")
        (x, last, age), _, back = estimation.distinct(*self._read(X))
        return self._alive(self.estimate_.values, x, last, age)[back]

    def expected_purchases(
        self,
        X: pd.DataFrame | Mapping,  # noqa: N803
        horizon: float,
        *,
        discount: float = 0.0,
        intervals: bool = False,
    ) -> pd.DataFrame:
        """Return how many purchases to expect of each customer within a horizon.

        Parameters
        ----------
        X : DataFrame or mapping
            `frequency`, `recency`, `T`, one row a customer.
        horizon : float
            In the unit of `T`, from the end of what is known.
        discount : float
            A rate per unit of time, compounded without pause: a purchase after s units counts exp(−discount × s).
        intervals : bool
            Whether to add the 95% interval of the expectation: it covers what is not known of the parameters, not
            what chance makes of a single customer.

        Returns
        -------
        DataFrame
            One row a customer, in the order given: `expected_purchases`, and `low` and `high`.
        """
        check_is_fitted(self, "estimate_")
        _positive(horizon, discount)
        (x, last, age), _, back = estimation.distinct(*self._read(X))

        def compute(values: np.ndarray) -> np.ndarray:
            return self._discounted(values, x, last, age, horizon, discount)

        expected = compute(self.estimate_.values)
        made = {"expected_purchases": expected[back]}
        if intervals:
            slope = estimation.slopes(compute, self.estimate_.values)
            low, high = estimation.interval(expected, slope, self.estimate_.covariance)
            made |= {"low": low[back], "high": high[back]}
        return pd.DataFrame(made, index=X.index if isinstance(X, pd.DataFrame) else None)

    def sensitivity(self, X: pd.DataFrame | Mapping, horizon: float, *, discount: float = 0.0) -> np.ndarray:  # noqa: N803
        """Return how expected purchases move with the logarithm of each parameter, shape (parameters, customers)."""
        check_is_fitted(self, "estimate_")
        (x, last, age), _, back = estimation.distinct(*self._read(X))
        made = estimation.slopes(
            lambda values: self._discounted(values, x, last, age, horizon, discount), self.estimate_.values
        )
        return made[:, back]

    def expected_new(self, age: Any) -> np.ndarray:
        """Return how many purchases after the first a customer makes on average within `age` of the first one."""
        check_is_fitted(self, "estimate_")
        return self._fresh(self.estimate_.values, np.atleast_1d(np.asarray(age, float))).reshape(np.shape(age))

    def _read(self, X) -> list[np.ndarray]:  # noqa: N803
        x, last, age = estimation.columns(self.title, X, _COLUMNS)
        wrong = (last > age) | ((x == 0) & (last > 0)) | (x != np.floor(x))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"{self.title}: row {row} of the summary has frequency {x[row]:g}, recency {last[row]:g} and T "
                f"{age[row]:g}; frequency must be whole, recency at most T, and 0 where nobody bought again."
            )
        return [x, last, age]

    def _discounted(self, values, x, last, age, horizon: float, discount: float) -> np.ndarray:
        """Return what is expected, each purchase discounted: by parts, the integral of what is expected so far."""
        alive = self._alive(values, x, last, age)
        if not discount:
            return alive * self._further(values, x, age, horizon)
        nodes, weights = legendre(8)
        total = np.exp(-discount * horizon) * self._further(values, x, age, horizon)
        for node, weight in zip(nodes, weights, strict=True):
            at = node * horizon
            total += discount * horizon * weight * np.exp(-discount * at) * self._further(values, x, age, at)
        return alive * total

    def _maximum(self, x, last, age, weight) -> estimation.Estimate:
        some, rough = estimation.thinned(weight), None
        if some is not None:
            rows, up = some
            rough = estimation.held(self._likelihood(x[rows], last[rows], age[rows], up), self.prior)
        likelihood = self._likelihood(x, last, age, weight)
        found = estimation.maximise(estimation.held(likelihood, self.prior), self.starts, self.names, rough=rough)
        return replace(found, log_likelihood=likelihood(found.values)[0]) if self.prior else found

    @abstractmethod
    def _likelihood(self, x, last, age, weight) -> estimation.Likelihood:
        """Return the log-likelihood of the rows as a function of the parameters, with its gradient."""

    @abstractmethod
    def _alive(self, values, x, last, age) -> np.ndarray:
        """Return the chance that customers have not stopped."""

    @abstractmethod
    def _further(self, values, x, age, horizon: float) -> np.ndarray:
        """Return what is expected within a horizon of customers who are alive."""

    @abstractmethod
    def _fresh(self, values, age) -> np.ndarray:
        """Return what is expected after the first purchase of customers of whom nothing else is known."""


def _positive(horizon: float, discount: float) -> None:
    if not horizon > 0 or not np.isfinite(horizon):
        raise UsageError(f"horizon is {horizon!r}; it must be a time above 0, in the unit of T.")
    if not 0 <= discount < np.inf:
        raise UsageError(f"discount is {discount!r}; it must be a rate of at least 0.")


class BgNbd(BuyingModel):
    """Buying without a contract, where a customer may stop after any purchase but the first: BG/NBD.

    While customers buy, each buys at random at a rate of their own, gamma(r, alpha) over customers. After each purchase
    that is not the first, each stops for good with a chance of their own, beta(a, b) over customers. Who bought once is
    therefore alive for certain; where many buy once, see `MbgNbd`.

    Attributes
    ----------
    r_, alpha_ : float
        Shape and rate of the purchase rates: r ÷ alpha purchases a unit of time on average; alpha is a time.
    a_, b_ : float
        Of the chances to stop: a ÷ (a + b) on average.

    Source
    ------
    P. S. Fader, B. G. S. Hardie and K. L. Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the
    Pareto/NBD Model, Marketing Science 24, 275-284.

    Examples
    --------
    The customer of Fader and Hardie's spreadsheet note, weeks: 2 repeat purchases, the last in week 30.43 of 38.86.

    >>> model = BgNbd.of(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> customer = {"frequency": [2], "recency": [30.43], "T": [38.86]}
    >>> model.predict(customer, horizon=39).round(3), model.probability_alive(customer).round(3)
    (array([1.226]), array([0.727]))
    """

    names = ("r", "alpha", "a", "b")
    title = "BG/NBD"
    starts = ((0.5, 0.3, 0.8, 2.5), (1.0, 1.0, 1.0, 1.0), (0.2, 0.1, 0.3, 4.0))
    stops_at_first: ClassVar[int] = 0

    def _likelihood(self, x, last, age, weight) -> estimation.Likelihood:
        more = self.stops_at_first
        of, bought = pd.factorize(x)  # gamma functions and logarithms are needed of few numbers
        of_age, ages = pd.factorize(age)
        many, aged = np.bincount(of, weight), np.bincount(of_age, weight)
        many_aged = np.bincount(of_age, weight * x)
        some = (x > 0) | bool(more)  # who can have stopped
        x, weight, of, of_age = x[some], weight[some], of[some], of_age[some]
        of_last, lasts = pd.factorize(last[some])
        stays, kept, total = np.maximum(bought - 1 + more, 0.0), bought + more, float(aged.sum())

        def likelihood(values: np.ndarray) -> tuple[float, np.ndarray]:
            r, alpha, a, b = values
            log_age, log_last, left = np.log(alpha + ages), np.log(alpha + lasts), b + stays
            passed = log_age[of_age]
            passed -= log_last[of_last]
            # the odds of having stopped at the last purchase, against buying on to the end
            log_odds = (r + bought)[of] * passed
            log_odds += np.log(a / left)[of]
            small = np.exp(-np.abs(log_odds))  # log(1 + odds) and odds ÷ (1 + odds) without overflow, and without log1p
            whole = 1 + small
            grown = np.maximum(log_odds, 0.0)
            grown += np.log(whole)
            gone = np.where(log_odds > 0, 1.0, small)
            gone *= weight
            gone /= whole
            gammas = gammaln(r + bought) - gammaln(r) + r * np.log(alpha)
            gammas += gammaln(b + kept) - gammaln(b) + gammaln(a + b) - gammaln(a + b + kept)
            height = many @ gammas + estimation.dot(weight, grown) - (r * aged + many_aged) @ log_age
            slope_r = many @ (digamma(r + bought) - digamma(r)) + total * np.log(alpha) - aged @ log_age
            slope_r += estimation.dot(gone, passed)
            apart = (1 / (alpha + lasts))[of_last]
            apart -= (1 / (alpha + ages))[of_age]
            stopped = np.bincount(of, gone, minlength=bought.size)
            rates = np.bincount(of, gone * apart, minlength=bought.size)
            slope_alpha = total * r / alpha - (r * aged + many_aged) @ (1 / (alpha + ages)) - (r + bought) @ rates
            both = digamma(a + b) - digamma(a + b + kept)
            slope_a = many @ both + stopped.sum() / a
            slope_b = many @ (both + digamma(b + kept) - digamma(b)) - stopped @ (1 / left)
            return float(height), np.array([slope_r, slope_alpha, slope_a, slope_b])

        return likelihood

    def _alive(self, values, x, last, age) -> np.ndarray:
        r, alpha, a, b = values
        more = self.stops_at_first
        can_stop = (x > 0) | bool(more)
        left = np.where(can_stop, b + np.maximum(x - 1 + more, 0.0), 1.0)
        with np.errstate(over="ignore"):
            odds = a / left * np.exp((r + x) * np.log((alpha + age) / (alpha + last)))
        return np.where(can_stop, 1 / (1 + odds), 1.0)

    def _further(self, values, x, age, horizon: float) -> np.ndarray:
        """Average (1 − (1 + p t ÷ (alpha + T))^−(r + x)) ÷ p over the chance p to stop: nothing cancels."""
        r, alpha, a, b = values
        reach = horizon / (alpha + age)
        size = enough_nodes(float(reach.max(initial=0.0)))
        bought, of = np.unique(x, return_inverse=True)
        made = [beta_nodes(float(a), float(b + count + self.stops_at_first), size) for count in bought]
        nodes = np.maximum(np.array([one for one, _ in made]).reshape(-1, size), 1e-300)
        weights = np.array([one for _, one in made]).reshape(-1, size)
        found, step = np.empty(x.size), max(1, _CHUNK // size)
        for start in range(0, x.size, step):
            rows = slice(start, start + step)
            p = nodes[of[rows]]
            bought_by = -np.expm1(-(r + x[rows, None]) * np.log1p(p * reach[rows, None])) / p
            found[rows] = np.einsum("ij,ij->i", bought_by, weights[of[rows]])
        return found

    def _fresh(self, values, age) -> np.ndarray:
        _, _, a, b = values
        zero = np.zeros(1)
        begins = b / (a + b) if self.stops_at_first else 1.0  # those who do not stop at the first purchase
        return np.array([begins * self._further(values, zero, zero, float(t))[0] if t > 0 else 0.0 for t in age])


class MbgNbd(BgNbd):
    """Buying without a contract, where a customer may stop after the first purchase, too: modified BG/NBD.

    As `BgNbd`, but the chance to stop is there from the first purchase on. So of those who bought once, some are gone,
    the more of them the longer ago that was.

    Source
    ------
    E. P. Batislam, M. Denizel and A. Filiztekin (2007), Empirical Validation and Comparison of Models for Customer Base
    Analysis, International Journal of Research in Marketing 24, 201-209.

    Examples
    --------
    >>> model = MbgNbd.of(r=0.525, alpha=6.183, a=0.891, b=1.614)
    >>> once = {"frequency": [0, 0], "recency": [0, 0], "T": [10, 100]}
    >>> model.probability_alive(once).round(2)
    array([0.52, 0.29])
    """

    title = "MBG/NBD"
    stops_at_first = 1
