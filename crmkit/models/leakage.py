"""A probe for features that know the future: it fails loudly, since such a model looks best and helps nobody.

Two signs. A feature whose value at a cut-off changes when all later rows are taken away looks ahead. And one that
alone tells almost perfectly who left was most likely filled in because they left (a reason of leaving, a flag that
somebody sets on goodbye), even where no later row is involved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmkit.errors import DataError
from crmkit.models.scores import auc

if TYPE_CHECKING:
    from crmkit.crm import Crm

SUSPICIOUS = 0.95
"""An AUC that no honest feature of customers has alone."""
LEAST_EVENTS = 10
"""With fewer customers who left, or who stayed, such an AUC may be chance, and nothing is refused for it."""


def leakage_probe(
    crm: Crm,
    panel: pd.DataFrame,
    *,
    more: Callable[[Crm, datetime], pd.DataFrame] | None = None,
    suspicious: float = SUSPICIOUS,
    allowed: Sequence[str] = (),
) -> pd.DataFrame:
    """Check that no feature of a panel knows the future.

    Parameters
    ----------
    crm : Crm
        From which the panel was made.
    panel : DataFrame
        What `churn_panel` returned.
    more : callable, optional
        As it was given to `churn_panel`.
    suspicious : float
        The AUC of a feature alone above which it is refused.
    allowed : sequence of str
        Features that may predict so well, since somebody knows why.

    Returns
    -------
    DataFrame
        One row a feature, the strongest first: `feature`, `alone` (the AUC of the feature alone, over all cut-offs or
        at the last one, whichever is higher; unknown values as a group of their own; 0.5 tells nothing), `changed`
        (customers whose value is another without the later rows), `customers` compared.

    Raises
    ------
    DataError
        Where a feature leaks; the message names it, the sign and the way out.
    """
    from crmkit.models.churn_panel import churn_panel, crm_as_known

    cutoff = pd.Timestamp(panel["cutoff"].max()).to_pydatetime()
    names = list(panel.attrs["features"])
    declared = [name for name in names if name in _declared()]
    known = churn_panel(
        crm_as_known(crm, cutoff), [cutoff], window_days=panel.attrs["window_days"], basis=panel.attrs["basis"],
        features=declared, more=more,
    )  # fmt: skip
    there = panel[panel["cutoff"] == panel["cutoff"].max()]
    both = there.merge(known, on="customer_id", suffixes=("", " then"), how="inner")
    strength = alone(panel)
    if enough(there["churned"]):  # who left later carries the sign at every earlier cut-off, which dilutes it there
        strength = strength.combine(alone(there.assign()), max)
    rows = []
    for name in names:
        then = both[f"{name} then"] if f"{name} then" in both else pd.Series(np.nan, index=both.index)
        rows.append({"feature": name, "alone": strength[name], "changed": int(_differ(both[name], then).sum()),
                     "customers": len(both)})  # fmt: skip
    found = pd.DataFrame(rows).sort_values("alone", ascending=False, kind="stable", ignore_index=True)
    _refuse(found, suspicious if enough(panel["churned"]) else np.inf, set(allowed), cutoff)
    return found


def enough(churned: pd.Series) -> bool:
    """Tell whether enough left and stayed that a feature which tells them apart does not do so by chance."""
    left, known = float(churned.sum()), float(churned.notna().sum())
    return min(left, known - left) >= LEAST_EVENTS


def alone(panel: pd.DataFrame) -> pd.Series:
    """Return how well each feature alone tells who left: an AUC from 0.5 (not at all) to 1.

    Numbers are taken in their order, whichever way it points, gaps as the mean of the known; names by the share of
    each that left, with the rates of small groups drawn towards that of all, so that chance does not look like
    knowledge. Whether a value is there at all counts, too.
    """
    rows = panel[panel["churned"].notna()]
    y = rows["churned"].to_numpy(float)
    found = {}
    for name in panel.attrs.get("features") or [
        c for c in rows if c not in ("customer_id", "cutoff", "churned", "days_followed")
    ]:
        values = rows[name]
        told = values.notna().to_numpy(float)
        if values.dtype.kind in "iufb":
            numbers = values.astype(float)
            score = numbers.fillna(numbers.mean() if told.any() else 0.0).to_numpy()
        else:
            cells = values.astype(object).where(values.notna(), "(none)").astype(str)
            score = _smoothed(cells, y)
        sides = [auc(y, score), auc(y, told)]
        found[name] = max(max(side, 1 - side) for side in sides) if np.isfinite(sides).all() else np.nan
    return pd.Series(found, dtype=float)


def _smoothed(cells: pd.Series, y: np.ndarray, weight: float = 20.0) -> np.ndarray:
    sums = pd.Series(y, index=cells.index).groupby(cells).agg(["sum", "size"])
    rates = (sums["sum"] + weight * y.mean()) / (sums["size"] + weight)
    return cells.map(rates).to_numpy(float)


def _declared() -> set[str]:
    from crmkit.models.feature import all_features

    return set(all_features())


def _differ(one: pd.Series, other: pd.Series) -> pd.Series:
    gaps = one.isna() & other.isna()
    if one.dtype.kind in "iufb" and other.dtype.kind in "iufb":
        return ~(np.isclose(one.astype(float), other.astype(float), rtol=1e-9, atol=1e-9) | gaps)
    return ~((one.astype(object) == other.astype(object)) | gaps)


def _refuse(found: pd.DataFrame, suspicious: float, allowed: set[str], cutoff: datetime) -> None:
    ahead = found[found["changed"] > 0]
    if len(ahead):
        row = ahead.iloc[0]
        raise DataError(
            f"The feature {row['feature']!r} looks ahead: for {row['changed']:,} of {row['customers']:,} customers its "
            f"value at {cutoff:%Y-%m-%d} is another one when later rows are removed. Make it from rows before the "
            "cut-off alone, or leave it out."
        )
    strong = found[(found["alone"] > suspicious) & ~found["feature"].isin(allowed)]
    if len(strong):
        row = strong.iloc[0]
        raise DataError(
            f"The feature {row['feature']!r} alone tells who left with an AUC of {row['alone']:.3f}: it was most "
            "likely filled in because they left. Leave it out; or, where you know why it may be so good, name it in "
            "`allowed`."
        )
