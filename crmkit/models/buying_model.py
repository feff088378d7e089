"""What the models of buying without a contract have in common: fitting, expectations, intervals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crmkit.errors import DataError, UsageError
from crmkit.models import estimation
from crmkit.models.quadrature import legendre
from crmkit.models.summary_rows import columns, counted, distinct

_COLUMNS = ("frequency", "recency", "T")


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
            (x, last, age), weight = counted(x, last, age)
        else:
            (x, last, age), _, back = distinct(x, last, age)
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
        >>> from crmkit.models import BgNbd
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
        (x, last, age), weight, _ = distinct(x, last, age)
        return self._likelihood(x, last, age, weight)(self.estimate_.values)[0] / weight.sum()

    def probability_alive(self, X: pd.DataFrame | Mapping) -> np.ndarray:  # noqa: N803
        """Return the chance that each customer has not stopped buying by the end of what is known."""
        check_is_fitted(self, "estimate_")
        (x, last, age), _, back = distinct(*self._read(X))
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
        (x, last, age), _, back = distinct(*self._read(X))

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
        (x, last, age), _, back = distinct(*self._read(X))
        made = estimation.slopes(
            lambda values: self._discounted(values, x, last, age, horizon, discount), self.estimate_.values
        )
        return made[:, back]

    def expected_new(self, age: Any) -> np.ndarray:
        """Return how many purchases after the first a customer makes on average within `age` of the first one."""
        check_is_fitted(self, "estimate_")
        return self._fresh(self.estimate_.values, np.atleast_1d(np.asarray(age, float))).reshape(np.shape(age))

    def _read(self, X) -> list[np.ndarray]:  # noqa: N803
        x, last, age = columns(self.title, X, _COLUMNS)
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
