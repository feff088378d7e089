"""How many segments? Several criteria side by side, each with its vote, and whether segments come again in a redraw."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    pairwise_distances,
    silhouette_score,
)
from sklearn.mixture import GaussianMixture

CRITERIA = {
    "elbow": "where more segments stop paying: the largest distance of the inertia below the straight line",
    "silhouette": "how much nearer customers are to their own segment than to the next (−1 to 1), highest",
    "calinski_harabasz": "spread between segments over spread within them, highest",
    "davies_bouldin": "how alike each segment is to the one most like it, lowest",
    "bic": "fit of a Gaussian mixture less a price for each parameter, lowest; no vote where it still falls at the end",
    "weakest": "how much of the least stable segment comes again in redrawn customers: most segments from 0.75 on",
}
"""The criteria and how each of them chooses."""
NAMES = {"elbow": "elbow", "silhouette": "silhouette", "calinski_harabasz": "Calinski-Harabasz",
         "davies_bouldin": "Davies-Bouldin", "bic": "BIC", "weakest": "stability"}  # fmt: skip
FOUND_AGAIN = 0.75
"""A segment of which so much comes again in redrawn customers (Jaccard index) is stable; under 0.6 it may be chance."""
STABLE = 0.6
"""A number of segments whose redraws agree less than this (adjusted Rand) is not chosen where another one is stable."""
SAMPLED = 2_000
"""Silhouettes need all distances: above so many customers they are taken of a drawn part."""
_RIDGE, _ROUNDS = 1e-3, 200


def kmeans(points: np.ndarray, k: int, seed: int, *, starts: int = 10, begin: np.ndarray | None = None) -> KMeans:
    """Fit k-means, the best of several starts; or from centres to begin with."""
    if begin is not None:
        return KMeans(k, init=begin, n_init=1, random_state=seed).fit(points)
    return KMeans(k, n_init=starts, random_state=seed).fit(points)


def mixture(points: np.ndarray, k: int, seed: int, *, starts: int = 1) -> GaussianMixture | None:
    """Fit a Gaussian mixture whose components have a variance of their own in each column, but no correlation.

    None where it cannot be fitted or does not converge.
    """
    model = GaussianMixture(
        k, covariance_type="diag", reg_covar=_RIDGE, n_init=starts, random_state=seed, max_iter=_ROUNDS
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            model.fit(points)
        except ValueError:  # a component that collapsed
            return None
    return model if model.converged_ else None


def criteria(points: np.ndarray, ks: range, *, method: str, seed: int, refits: int) -> pd.DataFrame:
    """Compute all criteria for each number of segments.

    Returns
    -------
    DataFrame
        `k`, `inertia` (sum of squared distances to the centres), `explained` (share of the spread between segments),
        `silhouette`, `calinski_harabasz`, `davies_bouldin`, `bic`, `stability` (mean adjusted Rand index of refits),
        `weakest` (the smallest of the segments' mean Jaccard indices), `elbow`.
    """
    rng = np.random.default_rng(seed)
    part = rng.permutation(len(points))[:SAMPLED]
    distances = pairwise_distances(points[part])
    whole = float(((points - points.mean(axis=0)) ** 2).sum())
    rows = []
    for k in ks:
        fitted = kmeans(points, k, seed, starts=4)
        blended = mixture(points, k, seed)
        labels = fitted.labels_ if method == "kmeans" or blended is None else blended.predict(points)
        row = {"k": k, "inertia": float(fitted.inertia_), "explained": 1 - float(fitted.inertia_) / whole}
        row |= {"silhouette": np.nan, "calinski_harabasz": np.nan, "davies_bouldin": np.nan, "bic": np.nan}
        found, there = len(np.unique(labels)), labels[part]
        if 1 < found < len(points):
            row["calinski_harabasz"] = calinski_harabasz_score(points, labels)
            row["davies_bouldin"] = davies_bouldin_score(points, labels)
        if 1 < len(np.unique(there)) < len(part):
            row["silhouette"] = silhouette_score(distances, there, metric="precomputed")
        row["bic"] = np.nan if blended is None else float(blended.bic(points))
        agreed, again = stability(points, labels, k, method=method, seed=seed, refits=refits)
        row["stability"] = float(agreed.mean()) if len(agreed) else np.nan
        row["weakest"] = float(again.mean(axis=0).min()) if len(agreed) else np.nan
        rows.append(row)
    table = pd.DataFrame(rows)
    table["elbow"] = _below_the_line(table, whole)
    return table


def _below_the_line(table: pd.DataFrame, whole: float) -> np.ndarray:
    """Return how far the inertia lies below the straight line from one segment to the most, as a share of its fall."""
    k = np.concatenate([[1.0], table["k"].to_numpy(float)])
    inertia = np.concatenate([[whole], table["inertia"].to_numpy(float)])
    fall = (inertia[0] - inertia) / max(inertia[0] - inertia[-1], 1e-12)
    return (fall - (k - 1) / (k[-1] - 1))[1:]


def votes(table: pd.DataFrame) -> dict[str, int]:
    """Return the number of segments that each criterion prefers; one that cannot tell has no vote.

    Examples
    --------
    >>> votes(pd.DataFrame({"k": [2, 3, 4], "elbow": [0.2, 0.3, 0.0], "silhouette": [0.4, 0.6, 0.5],
    ...     "calinski_harabasz": [9.0, 8.0, 7.0], "davies_bouldin": [0.9, 0.5, 0.6], "bic": [3.0, 2.0, 1.0],
    ...     "weakest": [1.0, 0.9, 0.5]}))
    {'elbow': 3, 'silhouette': 3, 'calinski_harabasz': 2, 'davies_bouldin': 3, 'weakest': 3}
    """
    found = {}
    for name in CRITERIA:
        known = table[["k", name]].dropna()
        if name == "weakest":
            known = known[known[name] >= FOUND_AGAIN]
        if not len(known):
            continue
        if name == "weakest":
            found[name] = int(known["k"].max())
            continue
        least = name in ("bic", "davies_bouldin")
        best = known[name].min() if least else known[name].max()
        # equally good is as good as: the finer segments of equals say more
        k = int(known.loc[np.isclose(known[name], best, rtol=0, atol=1e-9 * max(1.0, abs(best))), "k"].max())
        if name == "bic" and k == int(table["k"].max()) and len(table) > 1:
            continue
        found[name] = k
    return found


def choose(table: pd.DataFrame, given: dict[str, int]) -> tuple[int, str]:
    """Return the number of segments with most votes among the stable ones, the fewest of equals; and why, in words."""
    steady = set(table.loc[table["stability"].isna() | (table["stability"] >= STABLE), "k"])
    usable = {name: k for name, k in given.items() if k in steady} or given
    if not usable:
        k = int(table["k"].iloc[0])
        return k, "no criterion could tell, so it is the smallest number"
    count = pd.Series(list(usable.values())).value_counts()
    k = int(min(count[count == count.max()].index))
    names = [NAMES[name] for name, vote in given.items() if vote == k]
    reason = f"{len(names)} of {len(given)} criteria prefer it ({', '.join(names)})"
    return k, reason if steady else f"{reason}, and no number of segments comes again well in redrawn customers"


def stability(
    points: np.ndarray, labels: np.ndarray, k: int, *, method: str, seed: int, refits: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fit again on customers redrawn with replacement, and compare the segments of all customers with `labels`.

    Returns
    -------
    (array, array)
        The adjusted Rand index of each refit; and refits × segments: how much of each segment is found again in the
        segment most like it (Jaccard index: shared customers ÷ customers in either).

    Source
    ------
    C. Hennig (2007), "Cluster-wise assessment of cluster stability", Computational Statistics and Data Analysis 52.
    L. Hubert and P. Arabie (1985), "Comparing partitions", Journal of Classification 2, 193-218.
    """
    rng = np.random.default_rng(seed + 1)
    agreed, found = [], []
    numbers = np.unique(labels)
    for _ in range(refits):
        drawn = rng.integers(0, len(points), len(points))
        distinct = len(np.unique(points[drawn], axis=0))
        if distinct < k:
            continue
        start = int(rng.integers(0, 2**31 - 1))
        again = points[drawn]
        model = kmeans(again, k, start, starts=2) if method == "kmeans" else mixture(again, k, start)
        if model is None:
            continue
        again = model.predict(points)
        agreed.append(adjusted_rand_score(labels, again))
        found.append([_found_again(labels == number, again) for number in numbers])
    return np.array(agreed), np.array(found).reshape(len(agreed), len(numbers))


def _found_again(mine: np.ndarray, again: np.ndarray) -> float:
    best = 0.0
    for number in np.unique(again[mine]):
        other = again == number
        best = max(best, float((mine & other).sum() / (mine | other).sum()))
    return best
