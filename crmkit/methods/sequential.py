"""Stopping an experiment early, honestly: boundaries that spend the error over the looks, and what peeking does.

Sources
-------
K. K. G. Lan and D. L. DeMets (1983), Discrete sequential boundaries for clinical trials, Biometrika 70, 659-663.
P. Armitage, C. K. McPherson and B. C. Rowe (1969), Repeated significance tests on accumulating data, Journal of the
Royal Statistical Society A 132, 235-244.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from crmkit.errors import UsageError
from crmkit.methods.common import pick

SHAPES = ("obrien_fleming", "pocock")
_GRID = 601
_SEED = 20260716


def spent(share: np.ndarray, *, level: float = 0.05, shape: str = "obrien_fleming") -> np.ndarray:
    """Return how much of the error may be spent by the time that a share of the information is in.

    Examples
    --------
    >>> spent(np.array([0.5, 1.0])).round(4).tolist(), spent(np.array([0.5, 1.0]), shape="pocock").round(4).tolist()
    ([0.0031, 0.05], [0.031, 0.05])
    """
    from scipy.stats import norm

    pick("shape", shape, SHAPES)
    share = np.asarray(share, float)
    if shape == "pocock":
        return level * np.log(1 + (np.e - 1) * share)
    return 4 * norm.sf(norm.ppf(1 - level / 4) / np.sqrt(share))  # each side spends half of it


def boundaries(shares: Sequence[float], *, level: float = 0.05, shape: str = "obrien_fleming") -> np.ndarray:
    """Return the z that must be passed at each look for the error over all looks to stay at `level`, two-sided.

    Parameters
    ----------
    shares : sequence of float
        The share of all planned information (customers) at each look, rising, the last at most 1.
    level : float
    shape : {"obrien_fleming", "pocock"}
        The first hardly ever stops early and costs almost nothing at the end; the second stops early more easily.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> boundaries([0.2, 0.4, 0.6, 0.8, 1.0]).round(2).tolist()  # published: 4.877, 3.357, 2.680, 2.290, 2.031
    [4.88, 3.36, 2.68, 2.29, 2.03]
    """
    times = np.asarray(shares, float)
    if not len(times) or (np.diff(times, prepend=0.0) <= 0).any() or times[-1] > 1 + 1e-9:
        raise UsageError(f"shares is {list(shares)!r}; they must rise from above 0 to at most 1.")
    allowed = np.diff(spent(times, level=level, shape=shape), prepend=0.0)
    found: list[float] = []
    state = None
    for place, (time, alpha) in enumerate(zip(times, allowed, strict=True)):
        before = times[place - 1] if place else 0.0
        found.append(_bound(state, before, time, alpha))
        state = _kept(state, before, time, found[-1])
    return np.array(found)


def crossing(shares: Sequence[float], bounds: Sequence[float]) -> np.ndarray:
    """Return how likely chance alone has passed a boundary by each look, where nothing has an effect.

    Examples
    --------
    >>> crossing([0.2, 0.4, 0.6, 0.8, 1.0], [1.96] * 5).round(3).tolist()  # published: 5, 8.3, 10.7, 12.6, 14.2%
    [0.05, 0.083, 0.107, 0.126, 0.142]
    """
    state, left = None, []
    for place, (time, bound) in enumerate(zip(shares, bounds, strict=True)):
        state = _kept(state, shares[place - 1] if place else 0.0, time, bound)
        left.append(float(np.trapezoid(state[1], state[0])))
    return 1 - np.array(left)


def _kept(state, before: float, time: float, bound: float):
    """Return the density of the running sum at a look, of those that have not passed: places and heights.

    The running sum is z × √time, which grows by independent normal steps.
    """
    from scipy.stats import norm

    reach = bound * np.sqrt(time)
    places = np.linspace(-reach, reach, _GRID)
    if state is None:
        return places, norm.pdf(places, scale=np.sqrt(time))
    old, height = state
    weights = np.full(len(old), old[1] - old[0])
    weights[[0, -1]] /= 2
    step = norm.pdf(places[:, None] - old[None, :], scale=np.sqrt(time - before))
    return places, step @ (height * weights)


def _bound(state, before: float, time: float, alpha: float) -> float:
    """Return the z beyond which exactly `alpha` goes at this look."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    if state is None:
        return float(norm.ppf(1 - alpha / 2)) if alpha > 1e-15 else 8.0
    old, height = state
    weights = np.full(len(old), old[1] - old[0])
    weights[[0, -1]] /= 2
    mass, spread = height * weights, np.sqrt(time - before)

    def beyond(bound: float) -> float:
        reach = bound * np.sqrt(time)
        return float(mass @ (norm.sf((reach - old) / spread) + norm.cdf((-reach - old) / spread))) - alpha

    return float(brentq(beyond, 0.0, 10.0)) if beyond(10.0) < 0 else 10.0


def peeking(looks: int = 10, *, level: float = 0.05, runs: int = 20_000) -> pd.DataFrame:
    """Simulate experiments without any effect that are looked at again and again, and stopped when something shows.

    Parameters
    ----------
    looks : int
        Looks at equal distances.
    level : float
        Of each look's test.
    runs : int
        Simulated experiments, seeded.

    Returns
    -------
    DataFrame
        One row a look: `look`, `fixed` (the share of the experiments in which the usual bound was passed by then),
        `obrien_fleming`, `pocock` (the same with bounds that spend the error over the looks), `n` (runs).

    Examples
    --------
    >>> found = peeking(5).iloc[-1]
    >>> bool(found["fixed"] > 0.12), bool(found["obrien_fleming"] < 0.055)
    (True, True)
    """
    from scipy.stats import norm

    if isinstance(looks, bool) or not isinstance(looks, int) or looks < 1:
        raise UsageError(f"looks is {looks!r}; it must be a whole number from 1.")
    rng = np.random.default_rng(_SEED)
    times = np.arange(1, looks + 1) / looks
    z = np.abs(rng.normal(size=(runs, looks)).cumsum(axis=1) / np.sqrt(np.arange(1, looks + 1)))
    bounds = {"fixed": np.full(looks, norm.ppf(1 - level / 2))}
    bounds |= {shape: boundaries(times, level=level, shape=shape) for shape in SHAPES}
    passed = {name: np.logical_or.accumulate(z > bound, axis=1).mean(axis=0) for name, bound in bounds.items()}
    return pd.DataFrame({"look": np.arange(1, looks + 1), **passed, "n": runs})
