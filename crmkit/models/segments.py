"""Segments of customers: k-means or a Gaussian mixture on comparable features, the number of segments argued for.

There is no true number of segments that a computer could look up. So several criteria vote and are shown together, and
each segment carries how much of it comes again when customers are redrawn. The same customers give the same segments
under the same numbers, whatever the order of their rows: the largest segment is number 0.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.metrics import pairwise_distances
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from crmkit.errors import UsageError
from crmkit.methods.segment_profiles import segment_names, segment_profiles
from crmkit.models import segment_criteria as criteria
from crmkit.models.segment_scaling import SegmentScaler, as_frame

METHODS = ("kmeans", "mixture")
LARGE = 20_000
"""Above so many customers criteria and stability are those of a drawn part of so many, where k-means begins, too."""


class CustomerSegments(ClusterMixin, TransformerMixin, BaseEstimator):
    """Find segments of customers who are alike.

    Parameters
    ----------
    k : int, optional
        How many segments; by default the number that most criteria prefer.
    method : {"kmeans", "mixture"}
        k-means, or a Gaussian mixture, whose segments may differ in spread and whose customers belong to each segment
        with a probability.
    most : int
        The largest number of segments that is tried.
    log : "auto" or sequence of str
        Which features are taken on a log scale; see `SegmentScaler`.
    refits : int
        How often the segments are found anew in redrawn customers.
    random_state : int
        Where chance begins; the same number gives the same segments.

    Attributes
    ----------
    labels_ : array of int
        The segment of each row, from 0, the largest segment. Of equal sizes the one with the lower centre goes first.
    k_ : int
        The number of segments.
    reason_ : str
        Why this number.
    method_ : str
        The method used: "kmeans" where a mixture did not converge.
    criteria_ : DataFrame
        One row a number of segments tried: `k`, `inertia`, `explained`, `silhouette`, `calinski_harabasz`,
        `davies_bouldin`, `bic`, `stability`, `weakest`, `elbow`. With `k` given, that row.
    votes_ : dict of str to int
        The number that each criterion prefers.
    stability_ : float
        Mean adjusted Rand index of the refits; 1 is the same segments each time. Null where there were none.
    stability_low_, stability_high_ : float
        The middle 95% of the refits.
    segment_stability_ : Series
        How much of each segment comes again (Jaccard index, mean); below 0.6 it is no more than a pattern.
    profiles_ : DataFrame
        See `segment_profiles`.
    names_ : list of str
        A name for each segment, made of what is high in it.
    sizes_ : array of int
    centers_ : array, segments × standardised features
    scaler_ : SegmentScaler
    notes_ : list of str
        What was done or could not be done, in words.
    feature_names_in_, n_features_in_

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> people = pd.DataFrame({"orders": np.r_[rng.poisson(3, 60), rng.poisson(40, 30)] + 1,
    ...     "order_value": np.r_[rng.normal(20, 2, 60), rng.normal(200, 9, 30)]})
    >>> found = CustomerSegments(random_state=1).fit(people)
    >>> found.k_, found.sizes_.tolist(), found.predict(pd.DataFrame({"orders": [35], "order_value": [190.0]})).tolist()
    (2, [60, 30], [1])

    Source
    ------
    S. Lloyd (1982), "Least squares quantization in PCM", IEEE Transactions on Information Theory 28, 129-137.
    P. Rousseeuw (1987), "Silhouettes", Journal of Computational and Applied Mathematics 20, 53-65.
    """

    def __init__(
        self,
        k: int | None = None,
        method: str = "kmeans",
        *,
        most: int = 8,
        log: str | Sequence[str] = "auto",
        refits: int = 20,
        random_state: int = 0,
    ):
        self.k = k
        self.method = method
        self.most = most
        self.log = log
        self.refits = refits
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> CustomerSegments:  # noqa: N803 - scikit-learn's name
        """Find the segments of the customers in `X`, one row each; `y` is not used.

        Raises
        ------
        UsageError
            Where an option is wrong.
        DataError
            Where there is no row.
        """
        self._check_options()
        with threadpool_limits(1):  # many small fits: threads would wait for each other more than they work
            return self._fit(as_frame(X))

    def _fit(self, frame: pd.DataFrame) -> CustomerSegments:
        self.scaler_ = SegmentScaler(log=self.log).fit(_sorted(frame)[0])
        self.feature_names_in_, self.n_features_in_ = self.scaler_.feature_names_in_, self.scaler_.n_features_in_
        self.notes_ = [*(f"{name} is left out: {why}" for name, why in self.scaler_.dropped_.items())]
        self.notes_ += self.scaler_.notes_
        ordered, place = _sorted(frame)
        points = self._points(ordered)
        self._choose(points)
        self._model = self._fitted(points)
        labels = self._model.predict(points)
        self._order = self._by_size(labels)
        labels = self._order[labels]
        self.sizes_ = np.bincount(labels, minlength=self.k_)
        self._judge(points, labels)
        self.labels_ = np.empty(len(frame), dtype=int)
        self.labels_[place] = labels
        self.profiles_ = segment_profiles(frame, self.labels_, used=self._used(frame))
        self.names_ = segment_names(self.profiles_, self.k_)
        self.profiles_["name"] = [self.names_[segment] for segment in self.profiles_["segment"]]
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the segment of each customer; warns of values outside what the segments were made from.

        Such a customer still gets the nearest segment, which may be near to nothing.
        """
        check_is_fitted(self)
        outside = self.scaler_.outside(X)
        if outside.to_numpy().any():
            columns = outside.columns[outside.any()].tolist()
            who = int(outside.any(axis=1).sum())
            warnings.warn(
                f"{who:,} of {len(outside):,} customers lie outside what the segments were made from, in "
                f"{', '.join(map(str, columns))}: they get the nearest segment, which may not be near.",
                UserWarning,
                stacklevel=2,
            )
        points = self._points(X)
        return self._order[self._model.predict(points)] if len(points) else np.empty(0, dtype=int)

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the distance of each customer to the centre of each segment, in standardised features."""
        check_is_fitted(self)
        points = self._points(X)
        return pairwise_distances(points, self.centers_)

    @available_if(lambda self: self._is_mixture())
    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the probability that each customer belongs to each segment; a mixture's alone."""
        check_is_fitted(self)
        return self._model.predict_proba(self._points(X))[:, np.argsort(self._order)]

    def profiles(self) -> pd.DataFrame:
        """Return how each segment differs from the rest in each feature; see `segment_profiles`."""
        check_is_fitted(self)
        return self.profiles_.copy()

    def named(self, X: Any) -> pd.DataFrame:  # noqa: N803
        """Return `customer_id` and `segment`, the segment's name, of each row of features indexed by customer_id."""
        frame = as_frame(X)
        names = np.array(self.names_, dtype=object)[self.predict(frame)]
        return pd.DataFrame({"customer_id": frame.index.to_numpy(), "segment": names})

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of what `transform` gives."""
        check_is_fitted(self)
        return np.array([f"distance to {number}" for number in range(self.k_)], dtype=object)

    def _points(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return standardised features; where customers differ in nothing, all stand at one place."""
        points = self.scaler_.transform(X)
        return points if points.shape[1] else np.zeros((len(points), 1))

    def _is_mixture(self) -> bool:
        return getattr(self, "method_", self.method) == "mixture"

    def _check_options(self) -> None:
        if self.method not in METHODS:
            raise UsageError(f"method is {self.method!r}; it must be one of {', '.join(METHODS)}.")
        for name, least, value in (("k", 1, self.k), ("most", 2, self.most), ("refits", 0, self.refits)):
            whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
            if (value is not None or name != "k") and not (whole and value >= least):
                raise UsageError(f"{name} is {value!r}; it must be a whole number from {least}.")

    def _choose(self, points: np.ndarray) -> None:
        """Set how many segments there are to be, and what speaks for it."""
        distinct = len(np.unique(points, axis=0))
        self.method_, self.votes_ = self.method, {}
        self.criteria_ = pd.DataFrame(columns=["k", "inertia", "explained", *list(criteria.CRITERIA)[1:], "elbow"])
        if self.k is not None:
            self.k_, self.reason_ = min(self.k, distinct), "it was asked for"
            if self.k > distinct:
                self.reason_ = f"{self.k} were asked for, and there are {distinct} different customers"
                self._remark(f"{self.k} segments were asked for, but only {distinct} customers differ in the features")
        tried = range(2, min(self.most, distinct - 1) + 1) if self.k is None else range(self.k_, self.k_ + 1)
        if self.k is None and len(tried) == 0:
            self.k_ = 1
            few = "no two customers differ" if distinct == 1 else f"only {distinct} different customers"
            self.reason_ = f"{few} in the features, too few to compare numbers of segments"
            self._remark(f"There is one segment: {self.reason_}")
        elif len(tried) and tried[0] > 1:
            part = self._part(points)
            self.criteria_ = criteria.criteria(
                part, tried, method=self.method, seed=self.random_state, refits=self.refits
            )
        if self.k is None and len(tried):
            self.votes_ = criteria.votes(self.criteria_)
            self.k_, self.reason_ = criteria.choose(self.criteria_, self.votes_)

    def _part(self, points: np.ndarray) -> np.ndarray:
        if len(points) <= LARGE:
            return points
        drawn = np.random.default_rng(self.random_state).permutation(len(points))[:LARGE]
        note = f"criteria and stability are those of {LARGE:,} customers drawn from {len(points):,}"
        self.notes_ += [note] if note not in self.notes_ else []
        return points[np.sort(drawn)]

    def _fitted(self, points: np.ndarray) -> Any:
        if self.method == "mixture" and self.k_ > 1:
            model = criteria.mixture(points, self.k_, self.random_state, starts=5 if len(points) <= LARGE else 1)
            if model is not None:
                return model
            self._remark("The mixture does not converge on these customers, so these are the segments of k-means")
        self.method_ = "kmeans"
        if len(points) <= LARGE:
            return criteria.kmeans(points, self.k_, self.random_state)
        first = criteria.kmeans(self._part(points), self.k_, self.random_state)
        return criteria.kmeans(points, self.k_, self.random_state, begin=first.cluster_centers_)

    def _by_size(self, labels: np.ndarray) -> np.ndarray:
        """Return the number that each of the model's components gets: the largest first, of equals the lower centre."""
        centers = getattr(self._model, "cluster_centers_", getattr(self._model, "means_", None))
        sizes = np.bincount(labels, minlength=self.k_)
        order = sorted(range(self.k_), key=lambda i: (-sizes[i], *np.round(centers[i], 9)))
        numbers = np.empty(self.k_, dtype=int)
        numbers[order] = np.arange(self.k_)
        self.centers_ = np.asarray(centers)[order]
        return numbers

    def _judge(self, points: np.ndarray, labels: np.ndarray) -> None:
        """Find the segments anew in redrawn customers."""
        agreed, again = np.array([]), np.zeros((0, self.k_))
        if self.k_ > 1 and self.refits:
            part = self._part(points)
            told = labels if part is points else self._order[self._model.predict(part)]
            agreed, found = criteria.stability(
                part, told, self.k_, method=self.method_, seed=self.random_state, refits=self.refits
            )
            again = np.full((len(agreed), self.k_), np.nan)
            again[:, np.unique(told)] = found
        known = len(agreed) > 0
        self.stability_ = float(agreed.mean()) if known else np.nan
        ends = np.quantile(agreed, [0.025, 0.975]) if known else (np.nan, np.nan)
        self.stability_low_, self.stability_high_ = float(ends[0]), float(ends[1])
        means = again.mean(axis=0) if known else np.full(self.k_, np.nan)
        self.segment_stability_ = pd.Series(means, index=pd.RangeIndex(self.k_, name="segment"))

    def _used(self, frame: pd.DataFrame) -> tuple[str, ...]:
        return tuple(name for name in map(str, frame.columns) if name not in self.scaler_.dropped_)

    def _remark(self, text: str) -> None:
        """Leave a note and warn: this is not what was asked for."""
        self.notes_.append(text)
        warnings.warn(f"{text}.", UserWarning, stacklevel=5)


def _sorted(frame: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows in an order that depends on their values alone, and the place of each in `frame`."""
    keys = pd.DataFrame({i: frame.iloc[:, i].reset_index(drop=True) for i in range(frame.shape[1])})
    for column in keys.columns:
        if not pd.api.types.is_numeric_dtype(keys[column]):
            keys[column] = keys[column].astype(object).map(str, na_action="ignore")
    place = keys.sort_values(list(keys.columns), kind="stable").index.to_numpy() if keys.shape[1] else keys.index
    return frame.iloc[place], np.asarray(place)
