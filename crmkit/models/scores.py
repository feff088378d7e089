"""How good predicted risks are: order (AUC), size (Brier, calibration), and who is found first (gain, lift).

Sources
-------
G. W. Brier (1950), Monthly Weather Review 78, 1-3; D. R. Cox (1958), Biometrika 45, 562-565, for the slope and the
intercept of calibration: 1 and 0 where a risk of 20% means that 20 of 100 leave.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmkit.engine.intervals import wilson
from crmkit.errors import DataError, UsageError

REPLICATES = 200


def scores(predictions: pd.DataFrame, *, against: str = "", random_state: int = 0) -> pd.DataFrame:
    """Judge the risks that models predicted for customers whom they had not seen.

    Parameters
    ----------
    predictions : DataFrame
        As `validate` or `cross_validate` return it: `model`, `customer_id`, `churned` (1 or 0), `risk` (0-1).
    against : str
        The model that the others are compared with; "" compares with none.
    random_state : int
        Of the bootstrap, which draws customers with all their rows.

    Returns
    -------
    DataFrame
        One row a model, the best order first: `model`, `auc` (the chance that one who left had the higher risk than
        one who stayed), `low`, `high` (95%, bootstrap), `brier` (mean squared error of the risks; less is better),
        `skill` (share of the error of one rate for all that is gone), `slope` (of calibration), `promised` and
        `actual` (mean risk, share that left), `lift` (how much more often than average the riskiest tenth left), `n`,
        `events`, and with `against`: `better`, `better_low`, `better_high` (difference in AUC to it). Null where
        nobody, or everybody, left.

    Examples
    --------
    >>> frame = pd.DataFrame({"model": "a", "customer_id": range(4), "churned": [0, 0, 1, 1],
    ...                       "risk": [0.1, 0.4, 0.3, 0.9]})
    >>> scores(frame)[["auc", "brier"]].round(4).values.tolist()
    [[0.75, 0.1675]]
    """
    if lacking := {"model", "customer_id", "churned", "risk"} - set(predictions):
        raise UsageError(f"The predictions lack {', '.join(sorted(lacking))}; give what validate() returns.")
    draws = _draws(predictions["customer_id"], random_state)
    drawn = {name: _auc_drawn(rows, draws) for name, rows in predictions.groupby("model", sort=False)}
    if against and against not in drawn:
        raise UsageError(f"There is no model {against!r} to compare with; there are {', '.join(map(str, drawn))}.")
    made = [_row(str(name), rows, drawn[name]) for name, rows in predictions.groupby("model", sort=False)]
    found = pd.DataFrame(made)
    if against:
        base = found.set_index("model")["auc"][against]
        differences = {name: _ends(drawn[name] - drawn[against]) for name in found["model"]}
        found["better"] = found["auc"] - base
        found["better_low"] = [differences[name][0] for name in found["model"]]
        found["better_high"] = [differences[name][1] for name in found["model"]]
    return found.sort_values("auc", ascending=False, kind="stable", ignore_index=True)


def auc(churned: Any, risk: Any, weights: Any = None) -> float:
    """Return the area under the ROC curve, ties counted as half; null where only one kind of customer is there.

    >>> auc([0, 1, 1], [0.2, 0.2, 0.5])
    0.75
    """
    y, p = np.asarray(churned, float), np.asarray(risk, float)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, float)
    values, place = np.unique(p, return_inverse=True)
    left = np.bincount(place, weights=w * y, minlength=len(values))
    kept = np.bincount(place, weights=w * (1 - y), minlength=len(values))
    if not left.sum() or not kept.sum():
        return float("nan")
    below = kept.cumsum() - kept / 2
    return float((left * below).sum() / (left.sum() * kept.sum()))


def calibration_slope(churned: Any, risk: Any) -> tuple[float, float]:
    """Return slope and intercept of a logistic regression of the outcome on the log-odds; unknown where it has none.

    A slope below 1: the risks are too extreme; above 1: too timid.
    """
    y, p = np.asarray(churned, float), np.clip(np.asarray(risk, float), 1e-6, 1 - 1e-6)
    x = np.log(p / (1 - p))
    if not 0 < y.sum() < len(y) or np.ptp(x) < 1e-9:
        return float("nan"), float("nan")
    at = np.array([0.0, 1.0])
    design = np.column_stack([np.ones(len(x)), x])
    for _ in range(50):
        fit = 1 / (1 + np.exp(-np.clip(design @ at, -30, 30)))
        information = (design * (fit * (1 - fit))[:, None]).T @ design
        if np.linalg.cond(information) > 1e12:
            return float("nan"), float("nan")
        step = np.linalg.solve(information, design.T @ (y - fit))
        at = at + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            return float(at[1]), float(at[0])
    return float("nan"), float("nan")


def calibration(predictions: pd.DataFrame, *, bins: int = 8) -> pd.DataFrame:
    """Compare promised and actual shares in groups of equal size, from the lowest risks to the highest.

    Returns
    -------
    DataFrame
        One row a group: `promised` (mean risk), `actual` (share that left), `low`, `high` (95%, Wilson), `n`,
        `events`. Equal risks are never parted, so there may be fewer groups.

    Examples
    --------
    >>> frame = pd.DataFrame({"churned": [0, 0, 1, 1], "risk": [0.1, 0.1, 0.6, 0.6]})
    >>> calibration(frame)[["promised", "actual", "n"]].values.tolist()
    [[0.1, 0.0, 2.0], [0.6, 1.0, 2.0]]
    """
    rows = predictions.sort_values("risk", kind="stable")
    place = rows["risk"].rank(method="average", pct=True)
    group = np.minimum((place * bins).apply(np.ceil), bins).astype(int)
    made = rows.groupby(group.to_numpy()).agg(
        promised=("risk", "mean"), actual=("churned", "mean"), n=("churned", "size"), events=("churned", "sum")
    )
    low, high = wilson(made["events"].to_numpy(float), made["n"].to_numpy(float))
    made = made.assign(low=low, high=high).reset_index(drop=True)[["promised", "actual", "low", "high", "n", "events"]]
    made.attrs = dict(predictions.attrs)
    return made


def gain(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count who is found when the riskiest are looked at first.

    Returns
    -------
    DataFrame
        One row a model (where the frame has several) and distinct risk, and a first one of nothing: `share` of the
        customers looked at, `found` (share of those who left among them), `lift` (found ÷ share), `customers`,
        `events`. Customers of equal risk come together.

    Examples
    --------
    >>> frame = pd.DataFrame({"churned": [1, 0, 1, 0], "risk": [0.9, 0.5, 0.5, 0.1]})
    >>> gain(frame)[["share", "found"]].values.tolist()
    [[0.0, 0.0], [0.25, 0.5], [0.75, 1.0], [1.0, 1.0]]
    """
    if "model" in predictions:
        parts = [_gain(rows).assign(model=name) for name, rows in predictions.groupby("model", sort=False)]
        found = pd.concat(parts, ignore_index=True)
    else:
        found = _gain(predictions)
    found.attrs = dict(predictions.attrs)
    return found


def _gain(rows: pd.DataFrame) -> pd.DataFrame:
    if not len(rows):
        raise DataError("There is no customer to look at.")
    by = rows.groupby("risk").agg(n=("churned", "size"), events=("churned", "sum")).sort_index(ascending=False)
    seen = np.concatenate([[0], by["n"].to_numpy().cumsum()]).astype(float)
    hit = np.concatenate([[0], by["events"].to_numpy().cumsum()]).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = hit / hit[-1] if hit[-1] else np.full(len(hit), np.nan)
        lift = found / (seen / seen[-1])
    return pd.DataFrame({"share": seen / seen[-1], "found": found, "lift": lift, "customers": seen, "events": hit})


def lift_at(predictions: pd.DataFrame, share: float = 0.1) -> float:
    """Return how much more often than average the riskiest `share` left; within equal risks, on average.

    >>> lift_at(pd.DataFrame({"churned": [1, 0, 0, 0], "risk": [0.9, 0.2, 0.1, 0.1]}), 0.25)
    4.0
    """
    curve = _gain(predictions)
    return float(np.interp(share, curve["share"], curve["found"]) / share)


def _row(name: str, rows: pd.DataFrame, drawn: np.ndarray) -> dict[str, Any]:
    y, p = rows["churned"].to_numpy(float), rows["risk"].to_numpy(float)
    rate = y.mean()
    brier = float(((p - y) ** 2).mean())
    low, high = _ends(drawn)
    return {
        "model": name, "auc": auc(y, p), "low": low, "high": high, "brier": brier,
        "skill": 1 - brier / (rate * (1 - rate)) if 0 < rate < 1 else np.nan,
        "slope": calibration_slope(y, p)[0], "promised": float(p.mean()), "actual": float(rate),
        "lift": lift_at(rows) if rate > 0 else np.nan, "n": len(y), "events": int(y.sum()),
    }  # fmt: skip


def _draws(customers: pd.Series, random_state: int) -> tuple[pd.Index, np.ndarray]:
    """Return all customers, and how often each is drawn in each replicate."""
    everyone = pd.Index(customers.unique())
    rng = np.random.default_rng(random_state)
    return everyone, rng.multinomial(len(everyone), np.full(len(everyone), 1 / len(everyone)), size=REPLICATES)


def _auc_drawn(rows: pd.DataFrame, draws: tuple[pd.Index, np.ndarray]) -> np.ndarray:
    everyone, times = draws
    place = everyone.get_indexer(rows["customer_id"])
    y, p = rows["churned"].to_numpy(float), rows["risk"].to_numpy(float)
    return np.array([auc(y, p, weights) for weights in times[:, place]])


def _ends(drawn: np.ndarray) -> tuple[float, float]:
    known = drawn[np.isfinite(drawn)]
    if len(known) < len(drawn) / 2:
        return float("nan"), float("nan")
    return float(np.quantile(known, 0.025)), float(np.quantile(known, 0.975))
