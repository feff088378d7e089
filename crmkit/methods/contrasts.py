"""Contrasts: how two groups of customers differ, each difference with its size, its interval and a fair p-value.

Sources
-------
N. Cliff (1993), Dominance statistics, Psychological Bulletin 114, 494-509; D. Feng and N. Cliff (2004), Journal of
Modern Applied Statistical Methods 3, 322-332 (its interval). P. C. Austin (2009), Statistics in Medicine 28, 3083-3107
(standardised differences). D. Katz et al. (1978), Biometrics 34, 469-474 (risk ratio). Y. Benjamini and Y. Hochberg
(1995), JRSS B 57, 289-300.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.association import corrected
from crmkit.periods import Period

if TYPE_CHECKING:
    from crmkit.crm import Crm

FEWEST = 5
"""With fewer known values on one side nothing is compared."""
MOST_LEVELS = 8
_Z = 1.959964


def cliffs_delta(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Compare two samples by pairs: how much more often the first is larger than the second.

    Parameters
    ----------
    first, second : array of float
        Without nulls, at least two values each.

    Returns
    -------
    tuple of float
        Delta, from -1 (every value of the first is smaller) to 1, and its 95% interval. For two shares it is their
        difference.

    Examples
    --------
    >>> cliffs_delta([1, 2, 3], [1, 2, 3])[0]
    0.0
    >>> [round(end, 3) for end in cliffs_delta([3, 4, 5, 6, 7], [1, 2, 3, 4, 5])]
    [0.64, -0.008, 0.91]
    """
    x, y = (np.sort(np.asarray(values, dtype=float)) for values in (first, second))
    if len(x) < 2 or len(y) < 2:
        raise UsageError("Cliff's delta needs at least two values on each side.")
    over, ties = _dominance(x, y)
    under, _ = _dominance(y, x)
    delta = float(over.mean())
    n, m = len(x), len(y)
    if abs(delta) > 1 - 1e-12:  # all on one side: the variance would be 0
        end = (min(n, m) - _Z**2) / (min(n, m) + _Z**2)
        return (delta, end, 1.0) if delta > 0 else (delta, -1.0, -end)
    cells = n * m - ties - n * m * delta**2  # the sum of squares around delta over all pairs
    variance = m**2 * ((over - delta) ** 2).sum() + n**2 * ((under + delta) ** 2).sum() - cells
    variance = max(variance / (n * m * (n - 1) * (m - 1)), (1 - delta**2) / (n * m - 1))
    spread = _Z * np.sqrt(variance) * np.sqrt((1 - delta**2) ** 2 + _Z**2 * variance)
    ends = [(delta - delta**3 + side * spread) / (1 - delta**2 + _Z**2 * variance) for side in (-1, 1)]
    return delta, float(max(ends[0], -1)), float(min(ends[1], 1))


def _dominance(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, int]:
    """Return for each value of x the share of y below less the share above, and the number of ties; y is sorted."""
    below, upto = np.searchsorted(y, x, "left"), np.searchsorted(y, x, "right")
    return (below - (len(y) - upto)) / len(y), int((upto - below).sum())


def risk_ratio(hit: float, of: float, other_hit: float, other_of: float) -> tuple[float, float, float]:
    """Divide the risk of one group by that of another.

    Parameters
    ----------
    hit, of, other_hit, other_of : float
        How many were hit, of how many, in the group and in the other.

    Returns
    -------
    tuple of float
        The ratio and its 95% interval, by logarithms; with half a case added to each cell where one is empty. Null
        where a group is empty.

    Examples
    --------
    >>> [round(end, 2) for end in risk_ratio(10, 100, 5, 100)]
    [2.0, 0.71, 5.64]
    """
    if not of or not other_of:
        return np.nan, np.nan, np.nan
    if min(hit, other_hit, of - hit, other_of - other_hit) == 0:
        hit, other_hit, of, other_of = hit + 0.5, other_hit + 0.5, of + 1, other_of + 1
    ratio = (hit / of) / (other_hit / other_of)
    error = np.sqrt(1 / hit - 1 / of + 1 / other_hit - 1 / other_of)
    return float(ratio), float(ratio * np.exp(-_Z * error)), float(ratio * np.exp(_Z * error))


def contrast(
    frame: pd.DataFrame,
    *,
    label: str,
    features: Sequence[str] | None = None,
    titles: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Compare the rows where `label` is 1 with those where it is 0, feature by feature.

    Parameters
    ----------
    frame : DataFrame
        One row a customer. Numbers are compared as they are; text is compared level by level, as shares.
    label : str
        A column of 1, 0 and nulls, which are left out.
    features : list of str, optional
        By default all other columns.
    titles, units : mapping, optional
        What a feature is called, and its unit.

    Returns
    -------
    DataFrame
        One row a number or level: `feature`, `level` ("" for numbers), `title`, `unit`, `first` and `second` (means, or
        shares, of those with label 1 and 0), `n_first`, `n_second` (known), `delta`, `low`, `high` (Cliff's delta; for
        levels the difference of the shares), `smd` (standardised difference), `ratio`, `ratio_low`, `ratio_high` (risk
        of the label among those above the common median, or of the level, ÷ among the rest), `p` (Mann-Whitney; Fisher
        for levels), `q` (corrected for all rows), `note`. The smallest p first.

    Raises
    ------
    UsageError
        Where the label is not 0 and 1.
    NotInThisData
        Where one side has fewer than 5 rows.

    Examples
    --------
    >>> frame = pd.DataFrame({"lost": [1.0] * 6 + [0.0] * 6, "score": [1, 2, 2, 3, 1, 2, 4, 5, 3, 4, 5, 4]})
    >>> contrast(frame, label="lost")[["feature", "first", "second", "delta"]].round(2).values.tolist()
    [['score', 1.83, 4.17, -0.97]]
    """
    rows = frame[frame[label].notna()]
    if not set(rows[label].unique()) <= {0, 1}:
        raise UsageError(f"The label {label} must be 0 or 1; it has {sorted(rows[label].unique())[:4]}.")
    hit = rows[label].to_numpy() == 1
    if min(hit.sum(), (~hit).sum()) < FEWEST:
        raise NotInThisData(
            f"contrast: not in this data, needs at least {FEWEST} rows on each side; {label} is 1 in {hit.sum()} and "
            f"0 in {(~hit).sum()}."
        )
    names = [name for name in frame if name != label] if features is None else list(features)
    found = []
    for name in names:
        about = {"feature": name, "title": (titles or {}).get(name, name), "unit": (units or {}).get(name, "")}
        values = rows[name]
        if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
            found += [about | level for level in _levels(values, hit, about["title"])]
        else:
            found.append(about | _number(values.to_numpy(float), hit))
    made = pd.DataFrame(found, columns=_COLUMNS)
    made["q"] = corrected(made["p"])
    return made.sort_values("p", kind="stable", ignore_index=True)


_COLUMNS = [
    "feature", "level", "title", "unit", "first", "second", "n_first", "n_second", "delta", "low", "high", "smd",
    "ratio", "ratio_low", "ratio_high", "p", "q", "note",
]  # fmt: skip


def _number(values: np.ndarray, hit: np.ndarray) -> dict[str, Any]:
    from scipy.stats import mannwhitneyu

    known = np.isfinite(values)
    x, y = values[known & hit], values[known & ~hit]
    row = {"level": "", "n_first": len(x), "n_second": len(y), "note": ""}
    if min(len(x), len(y)) < FEWEST:
        return row | {"note": "too few known values"}
    if np.ptp(values[known]) == 0:
        return row | {"first": x[0], "second": y[0], "note": "all the same"}
    above = values > np.median(values[known])
    delta, low, high = cliffs_delta(x, y)
    sizes = [(known & above), (known & ~above)]
    ratio = risk_ratio(*(count for side in sizes for count in ((side & hit).sum(), side.sum())))
    pooled = np.sqrt((x.var(ddof=1) + y.var(ddof=1)) / 2)
    return row | {
        "first": float(x.mean()),
        "second": float(y.mean()),
        "delta": delta,
        "low": low,
        "high": high,
        "smd": float((x.mean() - y.mean()) / pooled) if pooled else np.nan,
        **dict(zip(("ratio", "ratio_low", "ratio_high"), ratio, strict=True)),
        "p": float(mannwhitneyu(x, y, method="asymptotic").pvalue),
    }


def _levels(values: pd.Series, hit: np.ndarray, title: str) -> list[dict[str, Any]]:
    """Return a row for each common level of a column of names; of two levels only the first."""
    from scipy.stats import fisher_exact

    known = values.notna().to_numpy()
    text = values.astype(str)
    counts = text[known].value_counts()
    levels = counts[counts >= FEWEST].index[:MOST_LEVELS]
    levels = levels[:1] if len(counts) == 2 else levels
    n, m = int((known & hit).sum()), int((known & ~hit).sum())
    found: list[dict[str, Any]] = []
    for level in levels if len(counts) > 1 and min(n, m) >= FEWEST else []:
        inside = known & (text == level).to_numpy()
        a, b = int((inside & hit).sum()), int((inside & ~hit).sum())
        delta, low, high = cliffs_delta(inside[known & hit], inside[known & ~hit])
        pooled = np.sqrt((a / n * (1 - a / n) + b / m * (1 - b / m)) / 2)
        ratio = risk_ratio(a, a + b, n - a, n - a + m - b)
        found.append({
            "level": level, "title": f"{title}: {level}", "unit": "share", "first": a / n, "second": b / m,
            "n_first": n, "n_second": m, "delta": delta, "low": low, "high": high,
            "smd": (a / n - b / m) / pooled if pooled else np.nan,
            **dict(zip(("ratio", "ratio_low", "ratio_high"), ratio, strict=True)),
            "p": float(fisher_exact([[a, n - a], [b, m - b]])[1]), "note": "",
        })  # fmt: skip
    return found


def lost_against_kept(
    crm: Crm, *, period: str | Period, basis: str = "auto", features: Sequence[str] | None = None
) -> pd.DataFrame:
    """Compare the customers lost in a period with those kept, by what was known before it began.

    Parameters
    ----------
    crm : Crm
    period : str or Period
        The window in which customers were lost. It must be over.
    basis, features
        As in `crmkit.models.churn_panel`, which finds the customers and what was known of them.

    Returns
    -------
    DataFrame
        As `contrast`, with the lost first. In `attrs`: `lost`, `kept` (how many), `left_out` (feature to reason),
        `since` (the moment up to which things were known), `basis`.

    Raises
    ------
    NotInThisData
        Where nothing says who was lost, the period is not over, or fewer than 5 were lost or kept.

    Notes
    -----
    Lost customers differ in what goes with leaving, which need not be why they leave: long tenure and the end of a
    contract go together. Every row is one comparison; none holds the others fixed.

    Examples
    --------
    >>> import crmkit
    >>> ids = [f"{i:02}" for i in range(20)]
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ids, "customer_id": ids, "mrr": [10.0, 20.0] * 10,
    ...     "started_at": ["2025-01-01"] * 20, "ended_at": ["2026-02-01", None] * 10}}, as_of="2026-03-31")
    >>> found = lost_against_kept(crm, period="2026-01-01/2026-03-01", features=["mrr"])
    >>> found[["feature", "first", "second", "delta"]].values.tolist(), found.attrs["lost"]
    ([['mrr', 10.0, 20.0, -1.0]], 10)
    """
    from crmkit.models.churn_panel import churn_panel

    now = crm.period(period)
    panel = churn_panel(crm, [now.start], window_days=(now.end - now.start).days, basis=basis, features=features)
    if panel["churned"].isna().all():
        raise NotInThisData(f"lost and kept: not in this data, {now.name} is not over yet.")
    about = dict(panel.attrs)
    found = contrast(
        panel, label="churned", features=about["features"], titles=about["titles"], units=about["units"]
    )  # fmt: skip
    found.attrs = {name: about[name] for name in ("left_out", "basis", "as_of", "currency")} | {
        "lost": int((panel["churned"] == 1).sum()),
        "kept": int((panel["churned"] == 0).sum()),
        "since": now.start,
        "title": "Lost against kept customers",
    }
    return found
