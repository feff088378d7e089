"""Validation over time: a model learns from windows that were over at a cut-off, and is judged on the window after.

Splitting customers at random would let a model learn from the future of others: a price rise, a bad month of the
support. Here the features of the training rows end at least one window before those of the test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from crmkit.errors import DataError, UsageError
from crmkit.models.feature import NOT_FEATURES


class TimeGapSplit:
    """Splits by cut-off: each test cut-off with all earlier ones whose windows were over, and a gap, by then.

    Parameters
    ----------
    window_days : int
        Length of the label's window.
    gap_days : int
        Days that must lie between the end of the last training window and the test cut-off.
    least : int
        Cut-offs to learn from, at least.

    Examples
    --------
    >>> cutoffs = pd.to_datetime(["2025-01-01", "2025-04-01", "2025-07-01"])
    >>> [(train.tolist(), test.tolist()) for train, test in TimeGapSplit(window_days=90).split(cutoffs)]
    [([0], [1]), ([0, 1], [2])]
    """

    def __init__(self, *, window_days: int, gap_days: int = 0, least: int = 1):
        self.window_days = window_days
        self.gap_days = gap_days
        self.least = least

    def split(self, cutoffs: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows to learn from and those to be judged on, the earliest test first."""
        moments = pd.DatetimeIndex(cutoffs)
        wait = pd.Timedelta(days=self.window_days + self.gap_days)
        for test in moments.unique().sort_values():
            known = moments + wait <= test
            if moments[known].nunique() >= self.least:
                yield np.flatnonzero(known), np.flatnonzero(moments == test)


def validate(
    panel: pd.DataFrame,
    models: Mapping[str, Any],
    *,
    gap_days: int = 0,
    least: int = 2,
    last: int = 4,
    keep: dict[str, Any] | None = None,
) -> pd.DataFrame:
    """Predict each test cut-off by models that learned from earlier, finished windows alone.

    Parameters
    ----------
    panel : DataFrame
        As `churn_panel` returns it; rows without a label are left out.
    models : mapping of str to estimator
        Each is cloned for each cut-off.
    gap_days, least
        As in `TimeGapSplit`; where there are too few cut-offs for `least`, one suffices.
    last : int
        At most so many test cut-offs, the latest.
    keep : dict, optional
        Is given the models that were judged on the last test cut-off, by name.

    Returns
    -------
    DataFrame
        One row a model and customer at a test cut-off: `model`, `customer_id`, `cutoff`, `churned`, `risk` (0-1).

    Raises
    ------
    DataError
        Where no cut-off has a finished window before it.
    """
    known = panel[panel["churned"].notna()].reset_index(drop=True)
    features = panel.attrs.get("features") or [name for name in panel if name not in NOT_FEATURES]
    window = panel.attrs.get("window_days")
    if window is None:
        raise UsageError("The panel does not say its window; give what churn_panel() returns.")
    splits: list[tuple[np.ndarray, np.ndarray]] = []
    for enough in range(least, 0, -1):
        splits = splits or list(
            TimeGapSplit(window_days=window, gap_days=gap_days, least=enough).split(known["cutoff"])
        )
    if not splits:
        raise DataError(
            f"No cut-off has a finished window of {window} days before it: nothing to validate on. "
            "Shorten the window, or wait for more history."
        )
    parts, last_fitted = [], {}
    for train, test in splits[-last:]:
        given, y = known.loc[train, features], known.loc[train, "churned"]
        rows = known.loc[test, ["customer_id", "cutoff", "churned"]]
        for name, model in models.items():
            fitted = clone(model).fit(given, y, groups=known.loc[train, "customer_id"])
            risk = fitted.predict_proba(known.loc[test, features])[:, 1]
            parts.append(rows.assign(model=name, risk=risk))
            last_fitted[name] = fitted
    found = pd.concat(parts, ignore_index=True)[["model", "customer_id", "cutoff", "churned", "risk"]]
    if keep is not None:
        keep.update(last_fitted)
    return found


def cross_validate(
    frame: pd.DataFrame, label: Any, models: Mapping[str, Any], *, folds: int = 5, random_state: int = 0
) -> pd.DataFrame:
    """Predict each row of a flat table by models that learned from the other folds.

    Parameters
    ----------
    frame : DataFrame
        Features alone, one row a customer.
    label : array, shape (n,)
        1 left, 0 stayed.
    models : mapping of str to estimator
    folds : int
        Fewer where there are fewer customers of one kind.
    random_state : int

    Returns
    -------
    DataFrame
        `model`, `customer_id` (the row), `fold`, `churned`, `risk`.
    """
    from sklearn.model_selection import StratifiedKFold

    y = np.asarray(label, int)
    folds = min(folds, int(np.bincount(y, minlength=2).min()))
    if folds < 2:
        raise DataError(
            f"Only {int(y.sum())} of {len(y)} customers left: with fewer than two of either kind nothing can be "
            "validated."
        )
    parts = []
    splits = StratifiedKFold(folds, shuffle=True, random_state=random_state).split(frame, y)
    for fold, (train, test) in enumerate(splits):
        for name, model in models.items():
            fitted = clone(model).fit(frame.iloc[train], y[train])
            risk = fitted.predict_proba(frame.iloc[test])[:, 1]
            parts.append(
                pd.DataFrame({"model": name, "customer_id": test, "fold": fold, "churned": y[test], "risk": risk})
            )
    return pd.concat(parts, ignore_index=True).sort_values(["model", "customer_id"], ignore_index=True)
