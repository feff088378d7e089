"""What the models of buying, spending and staying share: maximum likelihood and the intervals that come of it.

All parameters are positive, so they are sought and their uncertainty is kept on the scale of their logarithms.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

Likelihood = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""Takes the parameters, returns the log-likelihood and its gradient with respect to them."""

_FAR = 12.0  # e^12: a parameter beyond it says that what it describes does not vary
_STEP = 1e-4
_Z = 1.959964


@dataclass(frozen=True)
class Estimate:
    """Parameters found by maximum likelihood.

    Attributes
    ----------
    values : array of shape (k,)
        In the units of the data.
    covariance : array of shape (k, k)
        Of the logarithms of the parameters, the inverse of the observed information; NaN where it is unknown.
    log_likelihood : float
    problem : str
        Why the parameters should not be used; "" where they are a proper maximum.
    """

    values: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    problem: str = ""


def maximise(
    likelihood: Likelihood,
    starts: Sequence[Sequence[float]],
    names: Sequence[str],
    *,
    rough: Likelihood | None = None,
) -> Estimate:
    """Find the parameters that make a log-likelihood largest, from the first start that leads to a proper maximum.

    BFGS on the logarithms of the parameters with the analytic gradient, finished by Newton steps.

    Parameters
    ----------
    likelihood : callable
    starts : list of lists of float
    names : list of str
        Of the parameters.
    rough : callable, optional
        The same from a sample of the rows, weighted up to all of them. Where there are very many rows, the top of this
        one is sought first, and its curvature leads in a few steps to the top of the other.

    Examples
    --------
    >>> def exponential(rate):  # four waits of 2 on average: 4 log(rate) − 8 rate
    ...     return float(4 * np.log(rate[0]) - 8 * rate[0]), np.array([4 / rate[0] - 8])
    >>> found = maximise(exponential, [[3.0]], ["rate"])
    >>> round(float(found.values[0]), 6), round(float(found.covariance[0, 0]), 4)
    (0.5, 0.25)
    """
    if rough is not None:
        near = maximise(rough, starts, names)
        found = None if near.problem else _from_near(likelihood, near, names)
        if found is not None:
            return found
    best: Estimate | None = None
    for start in starts:
        found = _climb(likelihood, np.log(np.asarray(start, float)), names)
        if not found.problem:
            return found
        if best is None or found.log_likelihood > best.log_likelihood:
            best = found
    return best


def held(likelihood: Likelihood, spread: float) -> Likelihood:
    """Return a log-likelihood with a log-normal prior around 1 added, of this spread; 0 adds none.

    >>> one = held(lambda values: (0.0, np.zeros(1)), 2.0)
    >>> height, slope = one(np.array([np.e]))
    >>> round(height, 4), round(float(slope[0]), 4)
    (-0.125, -0.092)
    """
    if not spread:
        return likelihood

    def with_prior(values: np.ndarray) -> tuple[float, np.ndarray]:
        height, slope = likelihood(values)
        logs = np.log(values)
        return height - float(logs @ logs) / (2 * spread**2), slope - logs / values / spread**2

    return with_prior


def dot(one: np.ndarray, other: np.ndarray) -> float:
    """Return the sum of the products of two long arrays in this thread: waking others costs more where cores are busy.

    >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    11.0
    """
    return float(np.einsum("i,i->", one, other))


def thinned(weight: np.ndarray, *, least: int = 40_000, size: int = 12_000) -> tuple[np.ndarray, np.ndarray] | None:
    """Return which of very many kinds of rows make a rough likelihood, and their weights; None where there are few.

    The kinds with the largest weights are all kept. Of the others some are drawn, by a fixed seed, and weighted up to
    all of them.
    """
    if weight.size <= least:
        return None
    order = np.argsort(-weight, kind="stable")
    heavy, light = order[: size // 2], order[size // 2 :]
    drawn = np.random.default_rng(0).choice(light, size // 2, replace=False)
    up = weight[light].sum() / weight[drawn].sum()
    return np.concatenate([heavy, drawn]), np.concatenate([weight[heavy], weight[drawn] * up])


def _downhill(likelihood: Likelihood) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Return what is to be made small, by the logarithms of the parameters, with its gradient."""

    def downhill(logs: np.ndarray) -> tuple[float, np.ndarray]:
        values = np.exp(logs)
        with np.errstate(all="ignore"):
            height, slope = likelihood(values)
        if not np.isfinite(height) or not np.isfinite(slope).all():
            return 1e300, np.zeros_like(logs)
        return -height, -slope * values

    return downhill


def _climb(likelihood: Likelihood, start: np.ndarray, names: Sequence[str]) -> Estimate:
    downhill = _downhill(likelihood)
    logs = _descend(downhill, start)
    curve = _curvature(downhill, logs)
    if _curves_up(curve):
        logs = _newton(downhill, logs, curve, steps=3)
    return _estimate(downhill, logs, _curvature(downhill, logs), names)


def _descend(downhill: Callable, logs: np.ndarray, *, most: int = 300) -> np.ndarray:
    """Walk down by BFGS with halved steps: for four parameters at most, where a library's overhead costs the most."""
    height, slope = downhill(logs)
    inverse, fresh = np.eye(logs.size), True
    for _ in range(most):
        step = -inverse @ slope
        if slope @ step >= 0:  # the curvature that was learned misleads
            inverse, fresh, step = np.eye(logs.size), True, -slope
        if fresh:
            step /= max(np.abs(slope).max(), 1e-300) / 0.3
        step *= min(1.0, 1.5 / max(np.abs(step).max(), 1e-300))
        taken = _halved(downhill, logs, height, slope, step)
        if taken is None:
            if fresh:
                break
            inverse, fresh = np.eye(logs.size), True
            continue
        moved, lower, turned = taken[0] - logs, taken[1], taken[2] - slope
        drop, decrement = height - lower, -float(slope @ step)
        logs, height, slope = taken
        bent = float(moved @ turned)
        if bent > 1e-12 * float(turned @ turned):
            if fresh:
                inverse, fresh = np.eye(logs.size) * bent / float(turned @ turned), False
            left = np.eye(logs.size) - np.outer(moved, turned) / bent
            inverse = left @ inverse @ left.T + np.outer(moved, moved) / bent
        if not fresh and drop < 1e-11 * max(abs(height), 1.0) and decrement < 1e-8 * max(abs(height), 1.0):
            break
    return logs


def _halved(downhill: Callable, logs: np.ndarray, height: float, slope: np.ndarray, step: np.ndarray):
    """Take the longest of ever shorter steps that leads down; None where none does."""
    for _ in range(30):
        there = np.clip(logs + step, -_FAR, _FAR)
        lower, turned = downhill(there)
        if lower < height + 1e-4 * float(slope @ (there - logs)) and not np.array_equal(there, logs):
            return there, lower, turned
        step = step / 2
    return None


def _from_near(likelihood: Likelihood, near: Estimate, names: Sequence[str]) -> Estimate | None:
    """Walk from the top of a rough likelihood to that of the real one; None where it takes too many steps."""
    downhill = _downhill(likelihood)
    curve = np.linalg.inv(near.covariance)
    logs = _newton(downhill, np.log(near.values), curve, steps=6)
    found = _estimate(downhill, logs, curve, names)
    return found if not found.problem else None


def _newton(downhill: Callable, logs: np.ndarray, curve: np.ndarray, *, steps: int) -> np.ndarray:
    """Take up to so many Newton steps with one curvature, as long as they lead down."""
    height, slope = downhill(logs)
    for _ in range(steps):
        step = np.linalg.solve(curve, slope)
        if float(slope @ step) < 1e-8 or np.abs(step).max() > 0.5:
            return logs
        lower, turned = downhill(logs - step)
        if lower > height + 1e-9 * abs(height):
            return logs
        logs, height, slope = logs - step, lower, turned
    return logs


def _estimate(downhill: Callable, logs: np.ndarray, curve: np.ndarray, names: Sequence[str]) -> Estimate:
    height, slope = downhill(logs)
    covariance = np.linalg.inv(curve) if _curves_up(curve) else np.full_like(curve, np.nan)
    return Estimate(np.exp(logs), covariance, -height, _problem(logs, slope, curve, names))


def _curves_up(curve: np.ndarray) -> bool:
    return bool(np.isfinite(curve).all() and np.linalg.eigvalsh(curve).min() > 0)


def _curvature(downhill: Callable, logs: np.ndarray) -> np.ndarray:
    rows = []
    for place in range(logs.size):
        step = np.zeros_like(logs)
        step[place] = _STEP
        rows.append((downhill(logs + step)[1] - downhill(logs - step)[1]) / (2 * _STEP))
    matrix = np.array(rows)
    return (matrix + matrix.T) / 2


def _problem(logs: np.ndarray, slope: np.ndarray, curve: np.ndarray, names: Sequence[str]) -> str:
    far = [name for name, value in zip(names, logs, strict=True) if abs(value) > _FAR - 1.0]
    if far:
        several = len(far) > 1
        limit = "their limits" if several else "its limit"
        return f"{' and '.join(far)} ran off to {limit}: the data does not say how customers differ"
    if not _curves_up(curve):
        return "the likelihood has no clear top: the data does not tell the parameters apart"
    if float(slope @ np.linalg.solve(curve, slope)) > 1e-4:
        return "the search for the parameters did not converge"
    if np.sqrt(np.diag(np.linalg.inv(curve))).max() > 5.0:
        return "the likelihood is flat: the data does not tell the parameters apart"
    return ""


def warn(model: str, problem: str) -> None:
    """Say that a fitted model has a problem, so that no number of it is used unawares."""
    if problem:
        from sklearn.exceptions import ConvergenceWarning

        warnings.warn(f"{model}: {problem}.", ConvergenceWarning, stacklevel=3)


def grid(estimate: Estimate, names: Sequence[str]) -> pd.DataFrame:
    """Return the parameters with their 95% intervals, which are symmetric for the logarithms.

    Examples
    --------
    >>> grid(Estimate(np.array([2.0]), np.array([[0.01]]), 0.0), ["r"]).round(2)
      parameter  value   low  high
    0         r    2.0  1.64  2.43
    """
    error = np.sqrt(np.diag(estimate.covariance))
    low, high = (estimate.values * np.exp(sign * _Z * error) for sign in (-1, 1))
    return pd.DataFrame({"parameter": list(names), "value": estimate.values, "low": low, "high": high})


def slopes(compute: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    """Return the derivatives of positive numbers by the logarithms of the parameters, shape (k, n)."""
    made = []
    for place in range(values.size):
        up, down = values.copy(), values.copy()
        up[place] *= np.exp(_STEP * 10)
        down[place] *= np.exp(-_STEP * 10)
        made.append((compute(up) - compute(down)) / (20 * _STEP))
    return np.array(made)


def interval(value: np.ndarray, slope: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95% interval of positive numbers by the delta method, symmetric for their logarithms.

    It covers what is not known of the parameters, not what chance makes of a single customer.

    Examples
    --------
    >>> low, high = interval(np.array([4.0]), np.array([[4.0]]), np.array([[0.01]]))
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([3.29], [4.87])
    """
    variance = np.einsum("kn,kl,ln->n", slope, covariance, slope)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(value > 0, np.sqrt(np.maximum(variance, 0)) / value, 0.0)
    error = np.where(np.isfinite(variance), error, np.nan)
    return value * np.exp(-_Z * error), value * np.exp(_Z * error)
