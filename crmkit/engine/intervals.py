"""95% intervals: Wilson for shares, adjusted Wald for NPS, normal for means, order statistics for quantiles.

Ratios built of several metrics are bootstrapped in `crmkit.engine.bootstrap`.

Sources
-------
E. B. Wilson (1927), Journal of the American Statistical Association 22, 209-212.
A. Agresti and B. A. Coull (1998), The American Statistician 52, 119-126; for NPS as B. Rocks (2016), "Interval
estimation for the Net Promoter Score", The American Statistician 70, 365-372: add 3/4 to detractors and promoters each
and 3/2 to passives.
G. Y. Zou and A. Donner (2008), Statistics in Medicine 27, 1693-1702: the interval of a difference from two intervals.
"""

from __future__ import annotations

import numpy as np

Z = 1.959963984540054
"""The 97.5% point of the standard normal distribution."""


def wilson(part: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of a share, `part` of `of`; unknown where `of` is 0 or `part` lies outside 0 to `of`.

    Examples
    --------
    >>> low, high = wilson(np.array([8]), np.array([10]))
    >>> [round(float(bound[0]), 4) for bound in (low, high)]
    [0.4902, 0.9433]
    """
    part, of = np.asarray(part, float), np.asarray(of, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where((of > 0) & (part >= 0) & (part <= of), part / of, np.nan)
        middle = (p + Z**2 / (2 * of)) / (1 + Z**2 / of)
        half = Z / (1 + Z**2 / of) * np.sqrt(p * (1 - p) / of + Z**2 / (4 * of**2))
    low, high = np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)
    return np.where((part == 0) & (of > 0), 0.0, low), np.where((part == of) & (of > 0), 1.0, high)


def adjusted_wald(plus: np.ndarray, minus: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of 100 × (share of `plus` − share of `minus`), which is NPS for promoters and detractors.

    Examples
    --------
    >>> low, high = adjusted_wald(np.array([8]), np.array([22]), np.array([39]))
    >>> [round(float(bound[0]), 1) for bound in (low, high)]
    [-57.5, -9.2]
    """
    plus, minus = np.asarray(plus, float) + 0.75, np.asarray(minus, float) + 0.75
    all_of = np.where(np.asarray(of, float) > 0, np.asarray(of, float) + 3, np.nan)
    p, q = plus / all_of, minus / all_of
    half = Z * np.sqrt((p + q - (p - q) ** 2) / all_of)
    return 100 * np.clip(p - q - half, -1, 1), 100 * np.clip(p - q + half, -1, 1)


def normal(summed: np.ndarray, squared: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of a mean from the sum, the sum of squares and the number; unknown below 2 observations.

    Examples
    --------
    >>> low, high = normal(np.array([6.0]), np.array([14.0]), np.array([3]))
    >>> [round(float(bound[0]), 3) for bound in (low, high)]
    [0.868, 3.132]
    """
    n = np.asarray(n, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = summed / n
        variance = np.where(n > 1, np.maximum(squared - n * middle**2, 0) / (n - 1), np.nan)
        half = Z * np.sqrt(variance / n)
    return middle - half, middle + half


def order_ranks(n: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the ranks, from 1, of the ordered values that bound a quantile: the bootstrap's percentile interval.

    With ever more replicates, the bootstrap of a quantile tends to this: the rank that a resample picks is
    `ceil(n × B)`, where B is a Beta(n·share + ½, n·(1 − share) + ½) variable, so no resampling is needed.

    Examples
    --------
    >>> low, high = order_ranks(np.array([39]), 0.5)
    >>> int(low[0]), int(high[0])
    (14, 26)
    """
    from scipy.special import betaincinv

    n = np.asarray(n, float)
    a, b = n * share + 0.5, n * (1 - share) + 0.5
    low, high = (np.ceil(n * betaincinv(a, b, p)) for p in (0.025, 0.975))
    return np.clip(low, 1, n).astype(int), np.clip(high, 1, n).astype(int)


def difference(
    new: np.ndarray,
    new_low: np.ndarray,
    new_high: np.ndarray,
    old: np.ndarray,
    old_low: np.ndarray,
    old_high: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of `new − old` from the intervals of both; with Wilson's it is Newcombe's.

    Examples
    --------
    >>> low, high = difference(0.7, 0.6156, 0.7729, 0.6, 0.4906, 0.7006)  # 56/80 less 48/80, Newcombe (1998), table II
    >>> round(float(low), 2), round(float(high), 2)
    (-0.03, 0.23)
    """
    low = (new - old) - np.sqrt((new - new_low) ** 2 + (old_high - old) ** 2)
    high = (new - old) + np.sqrt((new_high - new) ** 2 + (old - old_low) ** 2)
    return low, high
