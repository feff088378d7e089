"""A saturating curve of counts against spending, fitted by Poisson maximum likelihood, with its uncertainty.

    expected count = most × spend ÷ (spend + half)

`most` is what endless spending would bring, `half` the spending that brings half of it (Michaelis and Menten's form, a
Hill curve of slope 1). Where `half` is large against all spending seen, the curve is a straight line; where it is
small, spending makes no difference. For each `half` the likeliest `most` is known in closed form, so the whole
likelihood is a function of one number, and the interval of anything that follows from the curve is found exactly as
the range that it takes where the likelihood is not far below its peak (a profile likelihood interval).

Sources
-------
D. J. Venzon and S. H. Moolgavkar (1988), Applied Statistics 37, 87-94, for intervals from the profile likelihood.
S. G. Self and K.-Y. Liang (1987), Journal of the American Statistical Association 82, 605-610, for the test at the
edge of what is possible: the straight line. P. McCullagh and J. A. Nelder (1989), Generalized Linear Models, section
6.2, for counts that scatter more than Poisson.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from crmkit.errors import UsageError

_GRID = 1201
_REACH = 1e4
"""How far the grid of `half` reaches beyond the spending that was seen, on either side."""
_LEVEL = 3.841458820694124
"""The 95% point of chi-squared with one degree of freedom."""
_EDGE = 2.705543454095404
"""The 90% point, which is the 95% point of a test at the edge of what is possible."""


@dataclass(frozen=True)
class Saturation:
    """A fitted curve and everything that the data does not rule out.

    Attributes
    ----------
    most, half : float
        The likeliest curve; `half` is infinite where that is a straight line.
    slope : float
        Counts per unit of spending at the very beginning of the curve.
    dispersion : float
        How much more the counts scatter than Poisson, at least 1; intervals are widened by it.
    n : int
        Observations.
    line, flat : bool
        Whether a straight line (no saturation), and whether no effect of spending at all, fits about as well.
    """

    most: float
    half: float
    slope: float
    dispersion: float
    n: int
    line: bool
    flat: bool
    _halves: np.ndarray
    _mosts: np.ndarray
    _factors: np.ndarray

    def expected(self, spend: float | Sequence[float]) -> np.ndarray:
        """Return the counts expected at a spending."""
        return _curve(np.asarray(spend, float), self.most, self.half, self.slope)

    def marginal(self, spend: float | Sequence[float]) -> np.ndarray:
        """Return the further counts that one more unit of spending brings, at a spending."""
        return _steepness(np.asarray(spend, float), self.most, self.half, self.slope)

    def expected_interval(self, spend: float | Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Return the 95% interval of the counts expected at each spending."""
        return self._interval(_curve, spend)

    def marginal_interval(self, spend: float | Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Return the 95% interval of what one more unit of spending brings at each spending."""
        return self._interval(_steepness, spend)

    @property
    def most_interval(self) -> tuple[float, float]:
        """The 95% interval of `most`; without an upper end where a straight line fits as well."""
        mosts = self._mosts[:, None] * self._factors
        return float(mosts.min()), np.inf if self.line else float(mosts.max())

    @property
    def half_interval(self) -> tuple[float, float]:
        """The 95% interval of `half`; from 0 where no effect fits, without an upper end where a straight line does."""
        return 0.0 if self.flat else float(self._halves.min()), np.inf if self.line else float(self._halves.max())

    def _interval(self, function: Callable, spend: float | Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Return the range of a function of the curve over all curves that the data does not rule out."""
        at = np.atleast_1d(np.asarray(spend, float))
        slopes = self._mosts / self._halves
        values = function(at[:, None], self._mosts, self._halves, slopes)
        low, high = values * self._factors[:, 0], values * self._factors[:, 1]  # both are multiples of `most`
        return low.min(axis=1), high.max(axis=1)


def saturation(spend: Sequence[float], counts: Sequence[float]) -> Saturation:
    """Fit the curve to spending and counts of as many months.

    Parameters
    ----------
    spend : sequence of float
        At least 0; at least two different ones.
    counts : sequence of float
        At least 0; at least one above 0 where something was spent.

    Returns
    -------
    Saturation

    Raises
    ------
    UsageError
        Where the numbers cannot tell a curve: fewer than 3, negative or unknown ones, spending that never varied, or
        no counts.

    Notes
    -----
    Counts without spending are not explained by this curve; such months do not change it.

    Examples
    --------
    >>> spend = [100, 200, 400, 800, 1600, 3200, 6400]
    >>> counts = [20 * s / (s + 600) for s in spend]  # without scatter, to see that the curve itself comes back
    >>> fit = saturation(spend, counts)
    >>> round(fit.most, 2), round(fit.half, 1)
    (20.0, 600.0)
    >>> round(float(fit.marginal(600)) * 1000, 3)  # 20 × 600 ÷ 1200² × 1000
    8.333
    """
    s, y = _checked(spend, counts)
    grid = np.geomspace(s.min() / _REACH, s.max() * _REACH, _GRID)
    best = grid[np.argmax(_likelihood(grid, s, y))]
    fine = np.geomspace(best / 1.2, best * 1.2, _GRID)
    halves = np.union1d(grid, fine)
    logs = _likelihood(halves, s, y)
    peak = int(np.argmax(logs))
    mosts = _mosts(halves, s, y)
    fitted = mosts[peak] * s / (s + halves[peak])
    dispersion = max(1.0, float(((y - fitted) ** 2 / fitted).sum() / max(len(s) - 2, 1)))
    distance = 2 * (logs[peak] - logs) / dispersion
    inside = distance <= _LEVEL
    endless = peak == len(halves) - 1
    return Saturation(
        most=np.inf if endless else float(mosts[peak]),
        half=np.inf if endless else float(halves[peak]),
        slope=float(mosts[peak] / halves[peak]),
        dispersion=dispersion,
        n=len(s),
        line=bool(distance[-1] <= _EDGE),
        flat=bool(distance[0] <= _EDGE),
        _halves=halves[inside],
        _mosts=mosts[inside],
        _factors=_factors((_LEVEL - distance[inside]) * dispersion, float(y.sum())),
    )


def _checked(spend: Sequence[float], counts: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    s, y = np.asarray(spend, float), np.asarray(counts, float)
    if s.shape != y.shape or s.ndim != 1:
        raise UsageError(f"spend has {s.size} numbers and counts {y.size}; each spending needs its count.")
    if not (np.isfinite(s).all() and np.isfinite(y).all() and (s >= 0).all() and (y >= 0).all()):
        raise UsageError("spend and counts must be known and at least 0; leave out what is unknown.")
    there = s > 0
    s, y = s[there], y[there]
    if len(s) < 3:
        raise UsageError(f"A curve needs at least 3 months with spending; there are {len(s)}.")
    if s.max() == s.min():
        raise UsageError(f"Spending never varied: it was {s[0]:g} each time, so nothing tells what another would do.")
    if not y.sum():
        raise UsageError("No month with spending has any count, so there is no curve.")
    return s, y


def _mosts(halves: np.ndarray, s: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the likeliest `most` for each `half`: that which makes as many counts as there are."""
    return y.sum() / (s / (s + halves[:, None])).sum(axis=1)


def _likelihood(halves: np.ndarray, s: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the Poisson log-likelihood for each `half`, up to a constant."""
    shape = s / (s + halves[:, None])
    return (y * np.log(_mosts(halves, s, y)[:, None] * shape)).sum(axis=1)


def _factors(room: np.ndarray, total: float) -> np.ndarray:
    """Return by which factors `most` can be lowered and raised within what is left of the likelihood: two columns.

    Multiplying all expected counts by k costs 2 × total × (k − 1 − log k).
    """
    level = np.maximum(room, 0) / (2 * total)
    low, high = np.exp(-1 - level), 1 + level + np.sqrt(2 * level) + 1e-12  # below and above both roots
    roots = []
    for start in (low, high):
        k = start
        for _ in range(60):  # Newton's steps for k - 1 - log k = level; convex, so they never pass the root
            k = np.where(np.abs(k - 1) < 1e-9, 1.0, k - (k - 1 - np.log(k) - level) / np.where(k == 1, 1, 1 - 1 / k))
        roots.append(k)
    return np.stack(roots, axis=1)


def _curve(spend, most, half, slope):
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(half), slope * spend, most * spend / (spend + half))


def _steepness(spend, most, half, slope):
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(half), slope, most * half / (spend + half) ** 2)
