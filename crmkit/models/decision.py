"""From a risk to a decision: whom an offer to stay pays for, at its cost, its success rate and what keeping is worth.

An offer to a customer of risk p brings `p × success_rate × value − cost` on average: it is paid for all, and helps
with the part of those who would leave that it keeps. So it pays above the risk `cost ÷ (success_rate × value)`.
Success rate and value are assumptions until a hold-out group has measured the first (`crmkit.models.monitoring`).

Source
------
C. Elkan (2001), "The foundations of cost-sensitive learning", IJCAI, 973-978.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import UsageError


def threshold(*, cost: float, success_rate: float, value: float) -> float:
    """Return the risk above which an offer pays; above 1 it pays for nobody.

    Parameters
    ----------
    cost : float
        Of one offer, in money.
    success_rate : float
        Share of those who would leave whom the offer keeps, 0-1.
    value : float
        What a kept customer brings, in money.

    Examples
    --------
    >>> threshold(cost=30, success_rate=0.25, value=600)
    0.2
    """
    check_offer(cost=cost, success_rate=success_rate)
    worth = success_rate * value
    return float("inf") if not worth > 0 else float(cost / worth)


def expected_gain(risk: Any, *, cost: float, success_rate: float, value: Any) -> np.ndarray:
    """Return what an offer to each customer brings on average, in money.

    >>> expected_gain([0.1, 0.5], cost=30, success_rate=0.25, value=600).tolist()
    [-15.0, 45.0]
    """
    check_offer(cost=cost, success_rate=success_rate)
    return np.asarray(risk, float) * success_rate * np.asarray(value, float) - cost


def profit_curve(predictions: pd.DataFrame, *, cost: float, success_rate: float, value: float | str) -> pd.DataFrame:
    """Follow what offers bring when the customers with most expected gain get them first.

    Parameters
    ----------
    predictions : DataFrame
        `risk` (0-1), `churned` where it is known, and the column `value` if that is a name.
    cost, success_rate
        Of an offer, see `threshold`.
    value : float or str
        What a kept customer brings: for all, or the column that has it for each. Customers without one get no offer.

    Returns
    -------
    DataFrame
        One row a number of offers, from 0: `offers`, `share` of the customers, `risk` and `gain` of the last one,
        `expected` (sum of the expected gains: the promise), `realised` (the same with who really left; null where that
        is not known). `attrs` has `best` (offers), `threshold` (risk of the last offer that pays), `profit` there,
        `realised`, `all` (profit of an offer to all) and the offer.

    Examples
    --------
    >>> curve = profit_curve(pd.DataFrame({"risk": [0.5, 0.1], "churned": [1, 0]}), cost=30, success_rate=0.25,
    ...                      value=600)
    >>> curve[["offers", "expected", "realised"]].values.tolist()
    [[0.0, 0.0, 0.0], [1.0, 45.0, 120.0], [2.0, 30.0, 90.0]]
    >>> curve.attrs["best"], curve.attrs["profit"]
    (1, 45.0)
    """
    check_offer(cost=cost, success_rate=success_rate)
    if isinstance(value, str) and value not in predictions:
        raise UsageError(
            f"There is no column {value!r} of values; there are {', '.join(map(str, predictions.columns))}."
        )
    worth = predictions[value] if isinstance(value, str) else pd.Series(float(value), index=predictions.index)
    rows = predictions.assign(worth_=worth.astype(float))
    rows = rows[rows["worth_"].notna()]
    rows = rows.assign(gain=expected_gain(rows["risk"], cost=cost, success_rate=success_rate, value=rows["worth_"]))
    rows = rows.sort_values("gain", ascending=False, kind="stable")
    gains = rows["gain"].to_numpy(float)
    came = np.full(len(rows), np.nan)
    if "churned" in rows:
        came = rows["churned"].to_numpy(float) * success_rate * rows["worth_"].to_numpy(float) - cost
    offers = np.arange(len(rows) + 1)
    found = pd.DataFrame({
        "offers": offers,
        "share": offers / max(len(rows), 1),
        "risk": np.concatenate([[np.nan], rows["risk"].to_numpy(float)]),
        "gain": np.concatenate([[np.nan], gains]),
        "expected": np.concatenate([[0.0], gains.cumsum()]),
        "realised": np.concatenate([[0.0], came.cumsum()]),
    })  # fmt: skip
    best = int((gains > 0).sum())
    mean = float(rows["worth_"].mean()) if len(rows) else float("nan")
    found.attrs = dict(predictions.attrs) | {
        "best": best,
        "threshold": threshold(cost=cost, success_rate=success_rate, value=mean),
        "profit": float(found["expected"].iloc[best]),
        "realised": float(found["realised"].iloc[best]),
        "all": float(found["expected"].iloc[-1]),
        "all_realised": float(found["realised"].iloc[-1]),
        "without_value": len(predictions) - len(rows),
        "mean_value": mean,
        "cost": cost,
        "success_rate": success_rate,
        "n": len(rows),
    }
    return found


def split_holdout(customers: Any, *, share: float = 0.2, random_state: int = 0) -> pd.Series:
    """Choose at random who of a list gets no offer, so that what offers bring can be measured.

    Parameters
    ----------
    customers : array of str, shape (n,)
        Whom an offer would pay for; their order changes nothing.
    share : float
        Part held out, 0-1; with at least two customers, at least one is.
    random_state : int

    Returns
    -------
    Series
        "offer" or "hold-out" by customer.

    Examples
    --------
    >>> split_holdout(list("abcde"), share=0.2).value_counts().to_dict()
    {'offer': 4, 'hold-out': 1}
    """
    if not 0 <= share < 1:
        raise UsageError(f"share is {share!r}; it must be at least 0 and below 1.")
    names = pd.Index(pd.unique(pd.Series(list(customers), dtype=object)), dtype=object)
    ordered = np.array(sorted(names, key=str), dtype=object)
    size = max(round(share * len(ordered)), 1) if share and len(ordered) > 1 else 0
    held = set(np.random.default_rng(random_state).choice(len(ordered), size, replace=False))
    group = {name: "hold-out" if place in held else "offer" for place, name in enumerate(ordered)}
    return pd.Series([group[name] for name in names], index=names, name="group", dtype=object)


def check_offer(*, cost: float, success_rate: float) -> None:
    """Refuse an offer that cannot be.

    Raises
    ------
    UsageError
    """
    if not cost >= 0:
        raise UsageError(f"The cost of an offer is {cost!r}; it must be 0 or more.")
    if not 0 <= success_rate <= 1:
        raise UsageError(f"success_rate is {success_rate!r}; it is a share from 0 to 1.")
