"""The tests of an experiment on plain numbers: ratio of the groups, shares, means, tails, CUPED, several variants.

Sources
-------
R. G. Newcombe (1998), Statistics in Medicine 17, 873-890 (interval of a difference of shares).
B. L. Welch (1947), Biometrika 34, 28-35 (means of unequal variances).
A. Fabijan et al. (2019), Diagnosing sample ratio mismatch in online controlled experiments, KDD 2156-2164.
A. Deng et al. (2013), Improving the sensitivity of online controlled experiments by utilizing pre-experiment data,
WSDM 123-132 (CUPED).
S. Holm (1979), Scandinavian Journal of Statistics 6, 65-70 (several comparisons).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from crmkit.engine.intervals import difference, wilson
from crmkit.errors import UsageError

MISMATCH = 0.001
"""A sample ratio that chance gives less often than this stops the reading."""
REPLICATES = 2_000
_SEED = 20260715


def sample_ratio(counts: Mapping[str, int], shares: Mapping[str, float] | None = None) -> tuple[float, float]:
    """Test whether the variants have as many units as planned: chi-square, and how often chance gives that or more.

    Parameters
    ----------
    counts : mapping of str to int
        Units by variant.
    shares : mapping of str to float, optional
        The planned share of each, in any scale; by default equal.

    Returns
    -------
    tuple of float
        Chi-square and p; null where there is only one variant.

    Raises
    ------
    UsageError
        Where the plan names other variants than there are, or a share that is not above 0.

    Examples
    --------
    >>> [round(part, 4) for part in sample_ratio({"a": 821588, "b": 815482})]  # 50.2% of 1.6 million is no chance
    [22.7744, 0.0]
    """
    from scipy.stats import chi2

    shares = dict.fromkeys(counts, 1.0) if shares is None else dict(shares)
    if set(shares) != set(counts) or not all(share > 0 for share in shares.values()):
        raise UsageError(
            f"shares must give each variant ({', '.join(map(str, counts))}) a number above 0; it is {shares!r}."
        )
    whole, planned = sum(counts.values()), sum(shares.values())
    if len(counts) < 2 or not whole:
        return float("nan"), float("nan")
    expected = {name: whole * share / planned for name, share in shares.items()}
    statistic = sum((counts[name] - expected[name]) ** 2 / expected[name] for name in counts)
    return float(statistic), float(chi2.sf(statistic, len(counts) - 1))


def shares_differ(part: int, of: int, control_part: int, control_of: int) -> dict[str, float]:
    """Compare two shares: the difference, Newcombe's interval, and the score test with the shares pooled.

    Returns
    -------
    dict
        `treated`, `base`, `difference` (treated − base), `low`, `high` (95%), `z`, `p` (two-sided). z and p are null
        where a group is empty, and p is 1 where nobody, or everybody, converted.

    Examples
    --------
    >>> found = shares_differ(56, 70, 48, 80)  # Newcombe (1998), table II
    >>> [round(found[name], 4) for name in ("difference", "low", "high", "p")]
    [0.2, 0.0524, 0.3339, 0.008]
    """
    from scipy.stats import norm

    if not of or not control_of:
        return dict.fromkeys(("treated", "base", "difference", "low", "high", "z", "p"), float("nan"))
    p, q = part / of, control_part / control_of
    spans = [[float(end) for end in wilson(a, n)] for a, n in ((part, of), (control_part, control_of))]
    low, high = difference(p, *spans[0], q, *spans[1])
    pooled = (part + control_part) / (of + control_of)
    error = np.sqrt(pooled * (1 - pooled) * (1 / of + 1 / control_of))
    z = (p - q) / error if error > 0 else 0.0
    return {"treated": p, "base": q, "difference": p - q, "low": float(low), "high": float(high), "z": float(z),
            "p": float(2 * norm.sf(abs(z)))}  # fmt: skip


def means_differ(treated: Sequence[float], control: Sequence[float]) -> dict[str, float]:
    """Compare two means of unequal variances (Welch).

    Returns
    -------
    dict
        As `shares_differ`, with `z` the t statistic. Interval and p are null with fewer than two values in a group, and
        where all values are the same.

    Examples
    --------
    >>> found = means_differ([3.0, 4.0, 5.0, 8.0], [1.0, 2.0, 3.0])
    >>> [round(found[name], 3) for name in ("difference", "low", "high", "p")]
    [3.0, -0.277, 6.277, 0.065]
    """
    from scipy.stats import t as student

    a, b = (np.asarray(values, float) for values in (treated, control))
    means = [float(v.mean()) if len(v) else float("nan") for v in (a, b)]
    found = {"treated": means[0], "base": means[1], "difference": means[0] - means[1]}
    errors = [v.var(ddof=1) / len(v) if len(v) > 1 else float("nan") for v in (a, b)]
    error = float(np.sqrt(sum(errors)))
    if not error > 0:
        return found | dict.fromkeys(("low", "high", "z", "p"), float("nan"))
    freedom = sum(errors) ** 2 / sum(e**2 / (len(v) - 1) for e, v in zip(errors, (a, b), strict=True))
    half, z = float(student.ppf(0.975, freedom)) * error, found["difference"] / error
    return found | {"low": found["difference"] - half, "high": found["difference"] + half, "z": z,
                    "p": float(2 * student.sf(abs(z), freedom))}  # fmt: skip


def tails(treated: Sequence[float], control: Sequence[float], *, share: float = 0.01) -> dict[str, dict[str, float]]:
    """Compare two means in ways that differ in what they make of a few very large values.

    Parameters
    ----------
    treated, control : sequence of float
    share : float
        The share of all values, of both groups together, that is the tail on each side.

    Returns
    -------
    dict of str to dict
        "mean" (Welch), "bootstrap" (the same difference, percentile interval, no p), "winsorised" (values beyond the
        pooled quantiles are set to these), "without the tail" (they are left out).

    Raises
    ------
    UsageError

    Examples
    --------
    >>> found = tails([1.0] * 50 + [2.0] * 49 + [900.0], [1.0] * 50 + [2.0] * 50)
    >>> round(found["mean"]["difference"], 2), round(found["winsorised"]["difference"], 2)
    (8.98, 0.0)
    """
    if not 0 < share < 0.5:
        raise UsageError(f"share is {share!r}; the tail is a share between 0 and 0.5.")
    a, b = (np.asarray(values, float) for values in (treated, control))
    if not len(a) or not len(b):
        empty = means_differ(a, b)
        return dict.fromkeys(("mean", "bootstrap", "winsorised", "without the tail"), empty)
    both = np.concatenate([a, b])
    low, high = np.quantile(both, [share, 1 - share], method="inverted_cdf")
    kept = [v[(v >= low) & (v <= high)] for v in (a, b)]
    drawn = _drawn(a) - _drawn(b, seed=1)
    ends = np.percentile(drawn, [2.5, 97.5])
    plain = means_differ(a, b)
    return {
        "mean": plain,
        "bootstrap": plain | {"low": float(ends[0]), "high": float(ends[1]), "z": float("nan"), "p": float("nan")},
        "winsorised": means_differ(np.clip(a, low, high), np.clip(b, low, high)),
        "without the tail": means_differ(*kept),
    }


def _drawn(values: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Return the means of samples with replacement; the order of the values makes no difference."""
    values = np.sort(values)
    rng = np.random.default_rng([_SEED, seed])
    return np.array([values[rng.integers(0, len(values), len(values))].mean() for _ in range(REPLICATES)])


def cuped(value: Sequence[float], before: Sequence[float], variant: Sequence[str]) -> tuple[np.ndarray, float]:
    """Take out of each value what the value before the experiment foretold of it (CUPED).

    Parameters
    ----------
    value, before : sequence of float
        Known ones.
    variant : sequence of str
        The slope is that within variants, so that an effect does not leak into it.

    Returns
    -------
    tuple of array and float
        The adjusted values, whose differences between variants have the same expectation, and the share of the variance
        within variants that is gone (0 where the values before are all the same).

    Examples
    --------
    >>> adjusted, gone = cuped([11.0, 21.0, 14.0, 26.0], [1.0, 2.0, 1.0, 2.0], ["a", "a", "b", "b"])
    >>> adjusted.tolist(), round(gone, 3)
    ([16.5, 15.5, 19.5, 20.5], 0.992)
    """
    y, x, of = np.asarray(value, float), np.asarray(before, float), np.asarray(variant)
    inside = [(y[of == name] - y[of == name].mean(), x[of == name] - x[of == name].mean()) for name in np.unique(of)]
    own, other = (np.concatenate([pair[side] for pair in inside]) if inside else y for side in (0, 1))
    if not other @ other > 1e-12 * max(1.0, float(x @ x)):
        return y.copy(), 0.0
    slope = float(own @ other / (other @ other))
    gone = 1 - float(((own - slope * other) ** 2).sum() / (own @ own)) if own @ own > 0 else 0.0
    return y - slope * (x - x.mean()), gone


def holm(p: Sequence[float]) -> np.ndarray:
    """Correct p values for several comparisons (Holm); nulls stay null and do not count.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, float("nan")]).round(3).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    given = np.asarray(p, float)
    known = np.flatnonzero(~np.isnan(given))
    order = known[np.argsort(given[known], kind="stable")]
    found = np.full(len(given), np.nan)
    found[order] = np.minimum(np.maximum.accumulate(given[order] * np.arange(len(order), 0, -1)), 1.0)
    return found
