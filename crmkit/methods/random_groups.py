"""Random groups of given sizes: what splitting by a column that has nothing to do with a change would look like."""

from __future__ import annotations

import numpy as np

EXACT_UP_TO = 5_000
"""With more carriers of labels the groups' sums are drawn from their normal limit."""


def effects_of(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each group's mix effect, rate effect and mean weight from the groups' sums.

    Parameters
    ----------
    sums : array of float, shape (4, ..., groups)
        Numerators and denominators of the later, then of the earlier period. Without denominators the numerators are
        sums that add up, and all is rate.

    Returns
    -------
    tuple of three arrays, each of shape (..., groups)
        Mix and rate as in `crmkit.explain`; they add up to the change over the groups.

    Examples
    --------
    >>> mix, rate, weight = effects_of(np.array([[8.0, 1], [10, 10], [5, 1], [10, 10]]))
    >>> rate.round(3).tolist(), round(float(mix.sum() + rate.sum()), 3)
    ([0.15, 0.0], 0.15)
    """
    part, of, part_before, of_before = sums
    if not of.any() and not of_before.any():
        whole = [side.sum(axis=-1, keepdims=True) for side in (part, part_before)]
        shares = [_over(side, total) for side, total in zip((part, part_before), whole, strict=True)]
        return np.zeros_like(part), part - part_before, (shares[0] + shares[1]) / 2
    weight, before = (_over(side, side.sum(axis=-1, keepdims=True)) for side in (of, of_before))
    rate, rate_before = _over(part, of, np.nan), _over(part_before, of_before, np.nan)
    rate, rate_before = np.where(np.isnan(rate), rate_before, rate), np.where(np.isnan(rate_before), rate, rate_before)
    middle = sum(
        _over(a.sum(axis=-1, keepdims=True), b.sum(axis=-1, keepdims=True))
        for a, b in ((part, of), (part_before, of_before))
    )
    mix = np.nan_to_num((weight - before) * ((rate + rate_before) - middle) / 2)
    return mix, np.nan_to_num((weight + before) / 2 * (rate - rate_before)), (weight + before) / 2


def _over(part: np.ndarray, whole: np.ndarray, otherwise: float = 0.0) -> np.ndarray:
    whole = np.broadcast_to(whole, part.shape)
    return np.divide(part, whole, out=np.full(part.shape, otherwise), where=whole != 0)


def random_sums(
    sides: np.ndarray, codes: np.ndarray, groups: int, fixed: np.ndarray, rng: np.random.Generator, draws: int
) -> np.ndarray:
    """Deal the labels anew to what carries them, and add up.

    Parameters
    ----------
    sides : array of float, shape (carriers, 4)
        What each carrier adds to the numerators and denominators.
    codes : array of int, shape (carriers,)
        Its group.
    groups : int
    fixed : array of bool, shape (carriers,)
        Those who keep their group.
    rng : Generator
    draws : int

    Returns
    -------
    array of float, shape (4, draws, groups)

    Examples
    --------
    >>> sides, codes = np.ones((6, 4)), np.array([0, 0, 1, 1, 1, 1])
    >>> random_sums(sides, codes, 2, np.zeros(6, bool), np.random.default_rng(0), 2)[0].tolist()
    [[2.0, 4.0], [2.0, 4.0]]
    """
    free, labels = sides[~fixed], codes[~fixed]
    drawn = (_dealt if len(free) <= EXACT_UP_TO else _normal)(free, labels, groups, rng, draws)
    kept = np.stack([np.bincount(codes[fixed], side, groups) for side in sides[fixed].T])
    return drawn + kept[:, None, :]


def _dealt(sides: np.ndarray, codes: np.ndarray, groups: int, rng: np.random.Generator, draws: int) -> np.ndarray:
    found = np.zeros((4, draws, groups))
    once = max(1, 2_000_000 // max(len(codes), 1))
    for first in range(0, draws, once):
        some = min(once, draws - first)
        dealt = rng.permuted(np.broadcast_to(codes, (some, len(codes))), axis=1)
        place = (dealt + groups * np.arange(some)[:, None]).ravel()
        for side in range(4):
            added = np.bincount(place, np.tile(sides[:, side], some), groups * some)
            found[side, first : first + some] = added.reshape(some, groups)
    return found


def _normal(sides: np.ndarray, codes: np.ndarray, groups: int, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Draw the sums from the normal distribution with the mean and covariance of dealing without replacement."""
    size = np.bincount(codes, minlength=groups).astype(float)
    between = np.diag(size) - np.outer(size, size) / size.sum()
    roots = [_root(between), _root(np.cov(sides.T, ddof=1))]
    shocks = rng.standard_normal((draws, groups, 4))
    found = size[:, None] * sides.mean(axis=0) + np.einsum("gh,dhs,ts->dgt", roots[0], shocks, roots[1])
    found[..., 1::2] = np.maximum(found[..., 1::2], 0.0)  # a denominator is never below zero
    return np.moveaxis(found, 2, 0)


def _root(matrix: np.ndarray) -> np.ndarray:
    """Return a square root of a matrix of covariances, of any rank."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.clip(values, 0, None))
