"""What happens inside, such as response times and use of the CRM, beside what customers say and do: associations.

Two numbers that rise in the same months go together, whatever made them rise: a new system, a season, a good year. Two
numbers of which one team always has more go together over the teams. So each pair is looked at twice: as it is, and
after what all units share in a period and what a unit always has are taken away (two-way fixed effects). Only the
second asks whether a unit does better in the periods in which it does more, and even that is no experiment.

Sources
-------
A. C. Cameron, J. B. Gelbach and D. L. Miller (2008), Review of Economics and Statistics 90, 414-427 (few clusters).
P. Kline and A. Santos (2012), Journal of Econometric Methods 1, 23-41 (flipping the signs of the clusters' scores).
Y. Benjamini and Y. Hochberg (1995), Journal of the Royal Statistical Society B 57, 289-300 (many pairs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product

import numpy as np
import pandas as pd

from crmkit.errors import UsageError
from crmkit.methods.common import pick
from crmkit.metric import all_metrics, find

INSIDE = (
    "first_response_hours", "resolution_hours", "lead_follow_up_hours", "interactions_per_agent",
    "days_active_per_user", "records_updated_per_user", "stale_share",
)  # fmt: skip
OUTSIDE = ("csat", "ces_easy", "nps", "churn_rate", "win_rate", "sales_cycle_days")
REPLICATES = 2_000
FEWEST = 12
"""With fewer cells nothing is said of a pair."""
FEW_CLUSTERS = 10
"""With fewer clusters an interval is too narrow, and is flagged."""
ENOUGH_CLUSTERS = 5
"""Fewer units, or periods, than this are taken as given and not drawn."""
_SEED = 20260713


def association(
    cells: pd.DataFrame,
    *,
    inside: Sequence[str] = INSIDE,
    outside: Sequence[str] = OUTSIDE,
    how: str = "rank",
    lag: int = 0,
    cluster: str = "",
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """Correlate what happens inside with what customers say and do, cell by cell of a panel.

    Parameters
    ----------
    cells : DataFrame
        `unit`, `period` and one column a metric, as `panel` returns it. Metrics that it lacks are left out.
    inside, outside : list of str
        Each of the one with each of the other.
    how : {"rank", "linear"}
        Of ranks (Spearman), which a few extreme cells cannot make, or of the values (Pearson).
    lag : int
        The outside is taken so many periods later; negative: earlier.
    cluster : {"unit", "period", ""}
        What is drawn for the intervals, with all its cells. "" is the more cautious of the two, of those that there are
        at least five of: cells of a unit are alike, and so are cells of a period.
    replicates : int

    Returns
    -------
    DataFrame
        One row a pair that shares cells, in the order given: `inside`, `outside`, `raw`, `raw_low`, `raw_high`,
        `same_period` (period means alone removed: units compared with each other), `within`, `low`, `high` (unit and
        period means removed: each unit compared with itself), with 95% cluster bootstrap intervals; `p` (of no
        association within: signs of clusters flipped), `q` (p corrected for all the pairs in the frame,
        Benjamini-Hochberg), `raw_p`, `raw_q`, `n` (cells), `units`, `periods`, `clusters`, `note`.
        In `attrs` `how`, `lag`, `pairs` and, as `left_out`, why metrics are left out.

    Raises
    ------
    UsageError
        Where the frame lacks `unit` or `period`, or an option is none of those allowed.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> cells = pd.DataFrame([(u, p) for u in range(8) for p in range(12)], columns=["unit", "period"])
    >>> cells["x"] = cells["period"] + rng.normal(size=96)
    >>> cells["y"] = cells["period"] + rng.normal(size=96)  # both rise with time, and have nothing else in common
    >>> found = association(cells, inside=["x"], outside=["y"])
    >>> bool(found["raw"].item() > 0.8), bool(found["low"].item() < 0 < found["high"].item())
    (True, True)
    """
    pick("how", how, ("rank", "linear"))
    pick("cluster", cluster, ("", "unit", "period"))
    for column in ("unit", "period"):
        if column not in cells:
            raise UsageError(
                f"the panel has no column {column!r}; its columns are {', '.join(map(str, cells.columns))}"
            )
    shifted = _shifted(cells, lag)
    rows = []
    for x, y in product(inside, outside):
        if x in cells and y in cells and x != y:
            both = cells[["unit", "period", x]].merge(shifted[["unit", "period", y]], on=["unit", "period"])
            rows.append({"inside": x, "outside": y} | _pair(both.dropna(), x, y, how, cluster, replicates))
    found = pd.DataFrame(rows, columns=_COLUMNS)
    found = found[found["n"] > 0].reset_index(drop=True)
    found["q"], found["raw_q"] = corrected(found["p"]), corrected(found["raw_p"])
    kept = {name: cells.attrs.get(name) for name in ("as_of", "left_out", "by", "every") if name in cells.attrs}
    found.attrs |= kept | {"how": how, "lag": lag, "pairs": int(found["within"].notna().sum())}
    if not len(found):
        found.attrs["missing"] = "no pair of numbers inside and outside shares units and periods"
    return found


_COLUMNS = [
    "inside", "outside", "raw", "raw_low", "raw_high", "same_period", "within", "low", "high", "p", "q", "raw_p",
    "raw_q", "n", "units", "periods", "clusters", "note",
]  # fmt: skip


def corrected(p: pd.Series) -> pd.Series:
    """Return p-values corrected for their number, so that of those below 5% at most 5% are expected to be chance.

    Nulls stay null and do not count. Benjamini and Hochberg (1995).

    >>> corrected(pd.Series([0.01, 0.04, 0.03, np.nan])).round(3).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    known = p.dropna().astype(float).sort_values(kind="stable")
    size = len(known)
    scaled = known.to_numpy() * size / np.arange(1, size + 1)
    smallest = np.minimum.accumulate(scaled[::-1])[::-1]
    return pd.Series(np.minimum(smallest, 1.0), index=known.index, dtype=float).reindex(p.index)


def _shifted(cells: pd.DataFrame, lag: int) -> pd.DataFrame:
    """Return the panel with each period's name moved back by `lag` periods, so that later cells meet earlier ones."""
    if not lag:
        return cells
    order = sorted(cells["period"].unique())
    place = {period: at for at, period in enumerate(order)}
    moved = cells["period"].map(place) - lag
    inside = (moved >= 0) & (moved < len(order))
    return cells[inside].assign(period=[order[int(at)] for at in moved[inside]])


def _pair(both: pd.DataFrame, x: str, y: str, how: str, cluster: str, replicates: int) -> dict:
    units, periods = both["unit"].nunique(), both["period"].nunique()
    row = {"n": len(both), "units": units, "periods": periods}
    if len(both) < FEWEST or units < 2 or periods < 3:
        return row | {"note": f"too few cells: {len(both)} of {units} units and {periods} periods"}
    left, right = (both[name].rank() if how == "rank" else both[name] for name in (x, y))
    unit, period = (pd.factorize(both[name])[0] for name in ("unit", "period"))
    clusters = _clusters({"unit": unit, "period": period}, cluster)
    plain = [_centred(side.to_numpy(float)) for side in (left, right)]
    freed = [demeaned(side, unit, period) for side in plain]
    apart = [demeaned(side, np.zeros_like(unit), period) for side in plain]
    size = np.sqrt((apart[0] @ apart[0]) * (apart[1] @ apart[1]))
    made = {"same_period": float(apart[0] @ apart[1] / size) if size > 1e-9 else np.nan}
    for name, sides in (("raw", plain), ("within", freed)):
        drawn = [_correlated(*sides, of, replicates) for of in clusters]
        values, lows, highs, chances = zip(*drawn, strict=True)
        value, low, high, p = values[0], min(lows), max(highs), max(chances)
        ends = ("raw_low", "raw_high", "raw_p") if name == "raw" else ("low", "high", "p")
        made |= {name: value, **dict(zip(ends, (low, high, p), strict=True))}
    fewest = min(int(of.max()) + 1 for of in clusters)
    few = f"only {fewest} clusters: the interval may be too narrow" if fewest < FEW_CLUSTERS else ""
    return row | made | {"clusters": fewest, "note": few}


def _clusters(codes: Mapping[str, np.ndarray], cluster: str) -> list[np.ndarray]:
    """Return by what the cells are drawn together: what was asked for, else all of which there are enough."""
    if cluster:
        return [codes[cluster]]
    enough = [of for of in codes.values() if of.max() + 1 >= ENOUGH_CLUSTERS]
    return enough or [max(codes.values(), key=lambda of: of.max())]


def demeaned(values: np.ndarray, unit: np.ndarray, period: np.ndarray) -> np.ndarray:
    """Return values less what their unit and their period have in common, also where cells are missing.

    What is left of a regression on a dummy for each unit and each period.

    >>> left = demeaned(np.array([1.0, 2.0, 11.0, 12.0]), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    >>> bool(abs(left).max() < 1e-9)
    True
    """
    dummies = np.hstack([np.eye(int(codes.max()) + 1)[codes] for codes in (unit, period)])
    return values - dummies @ (np.linalg.pinv(dummies.T @ dummies, hermitian=True) @ (dummies.T @ values))


def _centred(values: np.ndarray) -> np.ndarray:
    return values - values.mean()


def _correlated(x: np.ndarray, y: np.ndarray, of: np.ndarray, replicates: int) -> tuple[float, float, float, float]:
    """Return a correlation, its interval when clusters are drawn, and how often their signs alone would make it."""
    scale = np.sqrt((x @ x) * (y @ y))
    if not scale > 1e-9:
        return (np.nan,) * 4
    clusters = int(of.max()) + 1
    sums = np.stack([np.bincount(of, part, clusters) for part in (np.ones_like(x), x, y, x * x, x * y, y * y)], axis=1)
    sums = sums[np.lexsort(sums.T)]  # the same cells in another order draw the same
    weights, signs = _draws(clusters, replicates)
    n, sx, sy, sxx, sxy, syy = (weights @ sums).T
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = (sxy - sx * sy / n) / np.sqrt((sxx - sx**2 / n) * (syy - sy**2 / n))
    low, high = np.nanpercentile(drawn, [2.5, 97.5]) if np.isfinite(drawn).any() else (np.nan, np.nan)
    score = sums[:, 4]
    flipped = np.abs(signs @ score) >= abs(score.sum()) - 1e-12
    return float(x @ y / scale), float(low), float(high), float((flipped.sum() + 1) / (replicates + 1))


@lru_cache(maxsize=16)
def _draws(clusters: int, replicates: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each cluster is drawn, and the sign it gets, in each replicate."""
    rng = np.random.default_rng(_SEED)
    weights = rng.multinomial(clusters, np.full(clusters, 1 / clusters), replicates).astype(float)
    return weights, rng.choice([-1.0, 1.0], (replicates, clusters))


def title(name: str) -> str:
    """Return what people call a metric; its name where the catalogue does not have it."""
    return find(name).title if name in all_metrics() else name
