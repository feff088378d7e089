"""An interrupted time series: the months after a moment against the line through those before it.

Sources
-------
J. Lopez Bernal, S. Cummins and A. Gasparrini (2017), International Journal of Epidemiology 46, 348-355: interrupted
time series by segmented regression. W. K. Newey and K. D. West (1987), Econometrica 55, 703-708: its standard errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

LEAST = 6
"""So many months are needed on each side for a trend: with fewer, a line through them says nothing."""


def interrupted(past: pd.DataFrame, now: pd.DataFrame) -> dict[str, Any]:
    """Compare the months after with the line through those before: segmented regression.

    Its standard error is that of `regression`, which allows for months that are alike because they follow one another.

    Parameters
    ----------
    past, now : DataFrame
        `period` (start of the month) and `value`, before and after.

    Returns
    -------
    dict
        As a row of `before_after`: `before` is the mean over the months after of what the line would have been.

    Examples
    --------
    >>> months = pd.date_range("2025-01-01", periods=20, freq="MS")
    >>> line = pd.DataFrame({"period": months, "value": [10.0 + i + (5 if i >= 10 else 0) + 0.1 * (-1) ** i
    ...     for i in range(20)]})
    >>> round(interrupted(line[:10], line[10:])["difference"].item(), 2)
    5.06
    """
    if len(past) < LEAST or len(now) < LEAST:
        note = f"{len(past)} months before and {len(now)} after: a trend needs {LEAST} on each side"
        return {"n": len(now), "note": note}
    from scipy.stats import t

    both = pd.concat([past, now])
    start = both["period"].min()
    month = ((both["period"].dt.year - start.year) * 12 + both["period"].dt.month - start.month).to_numpy(float)
    after = np.arange(len(both)) >= len(past)
    middle = month[after].mean()
    design = np.column_stack([np.ones(len(both)), month - middle, after, after * (month - middle)])
    # `after` is measured where the months after have their middle: its coefficient is their mean difference
    fitted, errors = regression(design, both["value"].to_numpy(float))
    size, error, expected = fitted[2], errors[2], fitted[0]
    half = t.ppf(0.975, len(both) - 4) * error
    row = {
        "before": expected, "after": expected + size, "difference": size, "low": size - half, "high": size + half,
        "n": len(now),
    }  # fmt: skip
    if expected > 0:
        ends = {"ratio": size, "ratio_low": size - half, "ratio_high": size + half}
        row |= {name: 1 + end / expected for name, end in ends.items()}
        row["note"] = "the ratio takes what the trend would have brought as known"
    return row


def regression(design: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit a line by least squares and return coefficients and standard errors.

    The errors are the larger of the ordinary ones and Newey and West's, with the usual number of lags and the
    correction for few observations: in few months the latter alone come out too small.

    Examples
    --------
    >>> fitted, errors = regression(np.column_stack([np.ones(4), np.arange(4)]), np.array([1.0, 3.0, 5.0, 7.0]))
    >>> fitted.round(6).tolist()
    [1.0, 2.0]
    """
    count, columns = design.shape
    inverse = np.linalg.inv(design.T @ design)
    fitted = inverse @ design.T @ value
    left = value - design @ fitted
    ordinary = inverse * (left @ left) / (count - columns)
    scores = design * left[:, None]
    middle, lags = scores.T @ scores, max(1, int(4 * (count / 100) ** (2 / 9)))
    for lag in range(1, lags + 1):
        shifted = scores[lag:].T @ scores[:-lag]
        middle += (1 - lag / (lags + 1)) * (shifted + shifted.T)
    robust = inverse @ middle @ inverse * count / (count - columns)
    return fitted, np.sqrt(np.maximum(np.diag(ordinary), np.diag(robust)))
