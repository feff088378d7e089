"""Whether a model still holds: drift of its features, its promise against what came, and what offers brought.

Sources
-------
The population stability index is the symmetric Kullback-Leibler divergence of two binned distributions; its bands
(0.1 a shift, 0.25 a large one) are custom, not a test. R. G. Newcombe (1998), Statistics in Medicine 17, 873-890, for
the interval of a difference of shares; D. J. Spiegelhalter (1986), Statistics in Medicine 5, 421-433, for the test of
whether the Brier score is what the risks themselves promise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmkit.engine.intervals import difference, wilson
from crmkit.errors import DataError, UsageError
from crmkit.models.scores import auc, calibration_slope

SHIFTED, FAR = 0.1, 0.25
_BINS = 10
_LEAST = 0.5
"""Added to each bin's count, so that an empty one does not make the index infinite."""


def distribution(features: pd.DataFrame) -> dict[str, Any]:
    """Describe each feature in training, small enough to be saved with the model: bins and their counts.

    Examples
    --------
    >>> distribution(pd.DataFrame({"plan": ["a", "b", "b", None]}))
    {'plan': {'names': ['(none)', 'a', 'b'], 'counts': [1, 1, 2], 'unknown': 0}}
    """
    made = {}
    for name in features.columns:
        values = features[name]
        if values.dtype.kind in "iufb":
            known = np.sort(values.dropna().to_numpy(float))
            edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(known) else np.zeros(0)
            counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
            kept = known[np.unique(np.linspace(0, len(known) - 1, min(len(known), 200)).round().astype(int))]
            made[name] = {"edges": edges.tolist(), "counts": counts.tolist(), "points": kept.tolist(),
                          "unknown": int(values.isna().sum())}  # fmt: skip
        else:
            counted = _text(values).value_counts().sort_index()
            made[name] = {"names": list(counted.index), "counts": [int(n) for n in counted], "unknown": 0}
    return made


def drift(before: Mapping[str, Any] | pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Compare the customers to be scored with those on whom a model was trained, feature by feature.

    Parameters
    ----------
    before : mapping or DataFrame
        What `distribution` returned, or the features themselves.
    now : DataFrame
        The features of the customers to be scored.

    Returns
    -------
    DataFrame
        One row a feature, the most shifted first: `feature`, `psi` (population stability index over tenths of the
        training, gaps as a group of their own), `ks` (largest distance of the two distributions, of numbers), `unknown
        before`, `unknown now` (shares), `verdict` ("far off" from 0.25, "shifted" from 0.1, else "as before"), `n`.

    Notes
    -----
    Of few customers the index is above 0 by chance alone: by about (groups − 1) × (1/n before + 1/n now). `chance` is
    that expectation, and the verdict is on what exceeds it.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [float(i) for i in range(200)]})
    >>> drift(frame, frame)[["psi", "ks", "verdict"]].values.tolist()
    [[0.0, 0.0, 'as before']]
    """
    known = distribution(before) if isinstance(before, pd.DataFrame) else before
    if absent := [name for name in known if name not in now]:
        raise UsageError(f"The customers of now lack the feature {absent[0]!r}.")
    if not len(now):
        raise DataError("There is no customer to compare with the training.")
    rows = []
    for name, then in known.items():
        counts, fresh, ks = _counts(then, now[name])
        size = counts.sum(), fresh.sum()
        p, q = ((c + _LEAST) / (c.sum() + _LEAST * len(c)) for c in (counts, fresh))
        psi = float(((p - q) * np.log(p / q)).sum())
        used = int(((counts + fresh) > 0).sum())
        chance = (used - 1) * (1 / max(size[0], 1) + 1 / max(size[1], 1))
        excess = psi - chance
        verdict = "far off" if excess >= FAR else "shifted" if excess >= SHIFTED else "as before"
        rows.append({
            "feature": name, "psi": psi, "chance": chance, "ks": ks,
            "unknown before": then["unknown"] / max(size[0], 1),
            "unknown now": float(now[name].isna().mean()),
            "verdict": verdict, "n": len(now),
        })  # fmt: skip
    return pd.DataFrame(rows).sort_values("psi", ascending=False, kind="stable", ignore_index=True)


def _counts(then: Mapping[str, Any], values: pd.Series) -> tuple[np.ndarray, np.ndarray, float]:
    if "edges" in then:
        edges, known = np.asarray(then["edges"], float), values.dropna().to_numpy(float)
        fresh = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
        counts = np.append(np.asarray(then["counts"], float), then["unknown"])
        return counts, np.append(fresh.astype(float), float(values.isna().sum())), _ks(then["points"], known)
    counted = _text(values).value_counts()
    new = float(counted[~counted.index.isin(then["names"])].sum())
    fresh = np.array([float(counted.get(name, 0)) for name in then["names"]] + [new])
    return np.append(np.asarray(then["counts"], float), 0.0), fresh, np.nan


def _ks(points: list[float], known: np.ndarray) -> float:
    one, other = np.sort(np.asarray(points, float)), np.sort(known)
    if not len(one) or not len(other):
        return float("nan")
    at = np.concatenate([one, other])
    gaps = np.searchsorted(one, at, side="right") / len(one) - np.searchsorted(other, at, side="right") / len(other)
    return float(np.abs(gaps).max())


def promise_kept(risk: Any, churned: Any, promise: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Compare what a model promised for a period with what came.

    Parameters
    ----------
    risk : array of float, shape (n,)
        The risks, as they were given at the cut-off.
    churned : array, shape (n,)
        Who left in the window; unknown values are refused.
    promise : mapping, optional
        What the model said of itself when it was saved: `auc`, `brier`.

    Returns
    -------
    DataFrame
        One row a question: `question`, `promised`, `came`, `low`, `high` (95% of what came, where there is one), `kept`
        (True, False, or None where it cannot be told), `n`. "share that leaves" is kept where the interval holds the
        promise; "error of the risks" where the Brier score is no farther from what the risks themselves imply than
        chance makes (Spiegelhalter); "order" is the AUC, with the interval of Hanley and McNeil; "slope of calibration"
        promises 1.

    Examples
    --------
    >>> found = promise_kept([0.1] * 90 + [0.5] * 10, [1] * 9 + [0] * 81 + [1] * 5 + [0] * 5)
    >>> found[["question", "promised", "came", "kept"]].head(2).round(3).values.tolist()
    [['share that leaves', 0.14, 0.14, True], ['error of the risks', 0.106, 0.106, True]]
    """
    p, y = np.asarray(risk, float), np.asarray(churned, float)
    if len(p) != len(y) or not len(p):
        raise UsageError(f"There are {len(p)} risks and {len(y)} outcomes; they must be as many, and at least one.")
    if not np.isin(y, (0, 1)).all():
        raise DataError("Who left is not known of all: the window is not over. Wait, or leave those customers out.")
    promise = promise or {}
    low, high = (float(end[0]) for end in wilson(np.array([y.sum()]), np.array([len(y)])))
    rows = [_question("share that leaves", p.mean(), y.mean(), low, high, low <= p.mean() <= high, len(y))]
    brier, meant = float(((p - y) ** 2).mean()), float((p * (1 - p)).mean())
    spread = float(np.sqrt((p * (1 - p) * (1 - 2 * p) ** 2).sum()) / len(p))
    within = abs(brier - meant) <= 1.96 * spread if spread else None
    rows.append(_question("error of the risks", meant, brier, np.nan, np.nan, within, len(y)))
    area = auc(y, p)
    low, high = _auc_interval(area, y)
    known = promise.get("auc", np.nan)
    kept = None if not np.isfinite([area, known]).all() else bool(high >= known)
    rows.append(_question("order (AUC)", known, area, low, high, kept, len(y)))
    slope, _ = calibration_slope(y, p)
    error = _slope_error(p, y, slope)
    ends = (slope - 1.96 * error, slope + 1.96 * error)
    kept = None if not np.isfinite(ends).all() else bool(ends[0] <= 1 <= ends[1])
    rows.append(_question("slope of calibration", 1.0, slope, *ends, kept, len(y)))
    return pd.DataFrame(rows)


def _question(
    question: str, promised: float, came: float, low: float, high: float, kept: Any, n: int
) -> dict[str, Any]:
    kept = None if kept is None else bool(kept)
    return {"question": question, "promised": float(promised), "came": float(came), "low": float(low),
            "high": float(high), "kept": kept, "n": n}  # fmt: skip


def _auc_interval(area: float, y: np.ndarray) -> tuple[float, float]:
    """Hanley and McNeil (1982), Radiology 143, 29-36."""
    left, kept = y.sum(), len(y) - y.sum()
    if not left or not kept:
        return float("nan"), float("nan")
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (left - 1) * (q1 - area**2) + (kept - 1) * (q2 - area**2)) / (left * kept)
    half = 1.96 * float(np.sqrt(max(variance, 0)))
    return max(area - half, 0.0), min(area + half, 1.0)


def _slope_error(p: np.ndarray, y: np.ndarray, slope: float) -> float:
    if not np.isfinite(slope):
        return float("nan")
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    design = np.column_stack([np.ones(len(p)), np.log(clipped / (1 - clipped))])
    _, intercept = calibration_slope(y, p)
    fit = 1 / (1 + np.exp(-(intercept + slope * design[:, 1])))
    information = (design * (fit * (1 - fit))[:, None]).T @ design
    return float(np.sqrt(np.linalg.inv(information)[1, 1]))


def uplift(group: Any, churned: Any, *, cost: float = 0.0, value: float | None = None) -> pd.DataFrame:
    """Measure what offers did against a hold-out group that was chosen at random and got none.

    Parameters
    ----------
    group : array of str, shape (n,)
        "offer" or "hold-out".
    churned : array, shape (n,)
        Who left in the window: 1 or 0.
    cost : float
        Of an offer.
    value : float, optional
        What a kept customer brings.

    Returns
    -------
    DataFrame
        One row: `offered`, `held_out`, `left_offered`, `left_held_out` (shares), `kept` (difference: what the offers
        kept), `low`, `high` (95%, Newcombe), `success_rate` (kept ÷ left_held_out), `profit` (of all offers),
        `profit_low`, `profit_high`, `verdict`. Null where a group is empty.

    Examples
    --------
    >>> found = uplift(["offer"] * 80 + ["hold-out"] * 80, [1] * 48 + [0] * 32 + [1] * 56 + [0] * 24)
    >>> found[["kept", "low", "high"]].round(2).values.tolist(), found["verdict"].item()
    ([[0.1, -0.05, 0.24]], 'no more than noise')
    """
    names, y = np.asarray(group).astype(str), np.asarray(churned, float)
    if odd := sorted(set(names) - {"offer", "hold-out"}):
        raise UsageError(f"The group {str(odd[0])!r} is neither 'offer' nor 'hold-out'.")
    if not np.isin(y, (0, 1)).all():
        raise DataError("Who left is not known of all: the window is not over. Wait, or leave those customers out.")
    sides = [y[names == side] for side in ("offer", "hold-out")]
    sizes = [len(side) for side in sides]
    empty = dict.fromkeys(["left_offered", "left_held_out", "kept", "low", "high", "success_rate"], np.nan)
    row: dict[str, Any] = {"offered": sizes[0], "held_out": sizes[1]} | empty
    row |= dict.fromkeys(["profit", "profit_low", "profit_high"], np.nan)
    row["verdict"] = "cannot be told: a group is empty"
    if all(sizes):
        shares = [float(side.mean()) for side in sides]
        ends = [wilson(np.array([side.sum()]), np.array([len(side)])) for side in sides]
        (offer_low, offer_high), (held_low, held_high) = [(float(a[0]), float(b[0])) for a, b in ends]
        low, high = difference(shares[1], held_low, held_high, shares[0], offer_low, offer_high)
        kept = shares[1] - shares[0]
        row |= {"left_offered": shares[0], "left_held_out": shares[1], "kept": kept, "low": float(low),
                "high": float(high), "success_rate": kept / shares[1] if shares[1] else np.nan}  # fmt: skip
        row["verdict"] = (
            "the offers kept customers"
            if low > 0
            else ("the offers drove customers away" if high < 0 else "no more than noise")
        )
        if value is not None:
            money = [sizes[0] * (part * value - cost) for part in (kept, float(low), float(high))]
            row |= dict(zip(("profit", "profit_low", "profit_high"), money, strict=True))
    return pd.DataFrame([row])


def _text(values: pd.Series) -> pd.Series:
    return values.astype(object).where(values.notna(), "(none)").astype(str)
