"""Customers as points that can be compared: amounts on a log scale, everything standardised, words as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from crmkit.errors import DataError, UsageError

SKEWED = 1.0
"""A column of amounts more skewed than this is taken on a log scale."""
FENCE = 6.0
"""So many interquartile ranges from the middle half a value is set to the fence: one giant shall not make a segment."""
FARTHEST = 8.0
"""No value stands farther than so many standard deviations from the mean."""
MOST_LEVELS = 10
OTHER = "(other)"


class SegmentScaler(TransformerMixin, BaseEstimator):
    """Turn columns about customers into points at comparable distances.

    Numbers that are never negative, exceed 1 and are skewed (orders, money, days) are taken as log(1 + x); values far
    outside are set to a fence; each column gets mean 0 and standard deviation 1. A column of words becomes a column a
    word, which together weigh as much as one number. What is unknown stands at the mean and draws a customer nowhere.
    A column in which all are equal tells nobody apart and is left out.

    Parameters
    ----------
    log : "auto", or sequence of str
        Which columns are taken on a log scale; () for none.

    Attributes
    ----------
    numbers_, words_ : list of str
        The columns taken, numbers and words.
    logged_ : list of str
    levels_ : dict of str to list of str
    dropped_ : dict of str to str
        Columns left out, and why.
    low_, high_ : Series
        The range of each number column that was seen.
    notes_ : list of str
        What was done to the values: filled, fenced.
    n_features_out_ : int

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"orders": [1, 2, 3, 60], "land": ["PL", "PL", "DE", "DE"], "same": 1})
    >>> scaler = SegmentScaler().fit(people)
    >>> scaler.logged_, scaler.dropped_
    (['orders'], {'same': 'all customers are equal in it'})
    >>> scaler.transform(people).shape
    (4, 3)
    """

    def __init__(self, *, log: str | Sequence[str] = "auto"):
        self.log = log

    def fit(self, X: Any, y: Any = None) -> SegmentScaler:  # noqa: N803 - scikit-learn's name
        """Learn scales from one row a customer; `y` is not used."""
        frame = as_frame(X)
        if not len(frame):
            raise DataError("There is no customer to make segments of: the table of features has no row.")
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        self.n_features_in_ = len(frame.columns)
        self.dropped_, self.notes_ = {}, []
        self.numbers_, self.words_, self.levels_, self._weights = [], [], {}, {}
        for name in frame.columns:
            self._take(str(name), frame[name])
        numbers = frame[self.numbers_].astype(float)
        self.low_, self.high_ = numbers.min(), numbers.max()
        self.logged_ = self._logged(numbers)
        scaled = self._on_log(numbers)
        quarter, three = scaled.quantile(0.25), scaled.quantile(0.75)
        reach = (FENCE * (three - quarter)).where(three > quarter, np.inf)
        self.fences_ = pd.DataFrame({"low": quarter - reach, "high": three + reach})
        self._say_fenced(scaled)
        scaled = scaled.clip(self.fences_["low"], self.fences_["high"], axis=1)
        self.mean_, self.scale_ = scaled.mean(), scaled.std(ddof=0)
        self.n_features_out_ = len(self.numbers_) + sum(len(levels) for levels in self.levels_.values())
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the points: one row a customer, a column a number and a column a word."""
        check_is_fitted(self)
        frame = self.aligned(X)
        scaled = self._on_log(frame[self.numbers_].astype(float))
        scaled = scaled.clip(self.fences_["low"], self.fences_["high"], axis=1)
        points = ((scaled - self.mean_) / self.scale_).clip(-FARTHEST, FARTHEST).fillna(0.0).to_numpy(float)
        parts = [points]
        for name in self.words_:
            words = self._folded(name, frame[name])
            shares, weight = self._weights[name]
            hot = np.column_stack([(words == level).to_numpy(float) for level in self.levels_[name]])
            hot = np.where(words.isna().to_numpy()[:, None], shares, hot)  # unknown: at the mean
            parts.append((hot - shares) * weight)
        return np.hstack(parts) if parts else np.zeros((len(frame), 0))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns of the points: "column: word" for words."""
        check_is_fitted(self)
        words = [f"{name}: {level}" for name in self.words_ for level in self.levels_[name]]
        return np.array([*self.numbers_, *words], dtype=object)

    def aligned(self, X: Any) -> pd.DataFrame:  # noqa: N803
        """Return a table's columns in the order that was learnt.

        Raises
        ------
        UsageError
            Where one is missing.
        """
        frame = as_frame(X)
        names = list(self.feature_names_in_)
        if missing := [str(name) for name in names if name not in frame.columns]:
            raise UsageError(
                f"The features lack the column {missing[0]!r}, which these segments were made from. "
                f"Needed: {', '.join(map(str, names))}."
            )
        return frame[names]

    def outside(self, X: Any) -> pd.DataFrame:  # noqa: N803
        """Tell which values of which customers lie outside what was seen: one row a customer, a column a feature."""
        check_is_fitted(self)
        frame = self.aligned(X)
        numbers = frame[self.numbers_].astype(float)
        found = {name: (numbers[name] < self.low_[name]) | (numbers[name] > self.high_[name]) for name in self.numbers_}
        for name in self.words_:
            known = set(self.levels_[name]) | ({OTHER} if OTHER in self.levels_[name] else set())
            new = frame[name].notna() & ~frame[name].astype(object).isin(known)
            found[name] = new & (OTHER not in known)
        return pd.DataFrame(found, index=frame.index)

    def _take(self, name: str, values: pd.Series) -> None:
        if values.isna().all():
            self.dropped_[name] = "unknown for all customers"
        elif values.nunique() == 1:
            self.dropped_[name] = "all customers are equal in it"
        elif pd.api.types.is_numeric_dtype(values):
            if np.isinf(values.astype(float)).any():
                raise DataError(f"The feature {name!r} holds an infinite value; a number or null is needed.")
            self.numbers_.append(name)
        elif pd.api.types.is_datetime64_any_dtype(values):
            raise UsageError(f"The feature {name!r} is a time; give days since it, or leave it out.")
        else:
            self._take_words(name, values)
        if name not in self.dropped_ and (unknown := int(values.isna().sum())):
            self.notes_.append(f"{name} is unknown for {unknown:,} of {len(values):,} customers, who stand at its mean")

    def _take_words(self, name: str, values: pd.Series) -> None:
        sizes = values.dropna().astype(str).value_counts()
        order = sorted(sizes.index, key=lambda word: (-sizes[word], word))
        kept = order[:MOST_LEVELS]
        self.words_.append(name)
        self.levels_[name] = [*sorted(kept), *([OTHER] if len(order) > MOST_LEVELS else [])]
        words = self._folded(name, values).dropna()
        shares = np.array([float((words == level).mean()) for level in self.levels_[name]])
        self._weights[name] = shares, 1.0 / np.sqrt((shares * (1 - shares)).sum())

    def _folded(self, name: str, values: pd.Series) -> pd.Series:
        words = values.astype(object).where(values.notna(), np.nan)
        words = words.map(str, na_action="ignore")
        if OTHER in self.levels_[name]:
            words = words.where(words.isin(self.levels_[name]) | words.isna(), OTHER)
        return words

    def _logged(self, numbers: pd.DataFrame) -> list[str]:
        if not isinstance(self.log, str):
            if unknown := [name for name in self.log if name not in self.feature_names_in_]:
                raise UsageError(f"log names {unknown[0]!r}, which is no column of the features.")
            taken = [name for name in self.numbers_ if name in set(self.log)]
            if negative := [name for name in taken if self.low_[name] < 0]:
                raise UsageError(f"log names {negative[0]!r}, which has negative values: they have no logarithm.")
            return taken
        if self.log != "auto":
            raise UsageError(f"log is {self.log!r}; it must be 'auto' or a list of columns.")
        amounts = (self.low_ >= 0) & (self.high_ > 1)
        skew = ((numbers - numbers.mean()) ** 3).mean() / numbers.std(ddof=0) ** 3
        return [name for name in self.numbers_ if amounts[name] and skew[name] > SKEWED]

    def _on_log(self, numbers: pd.DataFrame) -> pd.DataFrame:
        logs = {name: np.log1p(numbers[name].clip(lower=0)) for name in self.logged_}
        return numbers.assign(**logs) if logs else numbers

    def _say_fenced(self, scaled: pd.DataFrame) -> None:
        for name in self.numbers_:
            low, high = self.fences_.loc[name]
            beyond = int(((scaled[name] < low) | (scaled[name] > high)).sum())
            if beyond:
                who = "1 customer is" if beyond == 1 else f"{beyond:,} customers are"
                self.notes_.append(f"{who} far outside in {name} and set to its fence")


def as_frame(X: Any) -> pd.DataFrame:  # noqa: N803
    """Return features as a DataFrame; a plain array gets columns x0, x1 and so on."""
    if hasattr(X, "to_pyarrow") and not isinstance(X, pd.DataFrame):
        X = X.to_pyarrow().to_pandas()  # noqa: N806 - an Ibis table
    if not isinstance(X, pd.DataFrame):
        values = np.asarray(X)
        if values.ndim != 2:
            raise UsageError(f"Features are a table, one row a customer; this has {values.ndim} dimension(s).")
        X = pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])  # noqa: N806
    if "customer_id" in X.columns:
        X = X.set_index("customer_id")  # noqa: N806
    if X.columns.duplicated().any():
        raise UsageError(f"The features have the column {X.columns[X.columns.duplicated()][0]!r} twice.")
    return X
