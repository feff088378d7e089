"""What a risk hangs on, for all customers and for each: importance, partial dependence, and reasons in plain words.

None of it is causal. A reason says how much lower or higher the model's risk would be if this one feature were as it is
typically; that customers of a kind leave more often does not mean that changing the feature keeps them.

Sources
-------
L. Breiman (2001), "Random forests", Machine Learning 45, 5-32, for permutation importance; J. H. Friedman (2001),
Annals of Statistics 29, 1189-1232, for partial dependence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import UsageError
from crmkit.marks import missing
from crmkit.models.scores import auc
from crmkit.numbers import say

LEAST_POINTS = 0.005
"""A reason that moves the risk by less is not given."""


def importance(
    model: Any, features: pd.DataFrame, churned: Any, *, repeats: int = 10, random_state: int = 0
) -> pd.DataFrame:
    """Measure how much worse a model orders customers when one feature is shuffled among them.

    Parameters
    ----------
    model : estimator
        Fitted, with `predict_proba`.
    features : DataFrame
        Customers whom the model has not seen.
    churned : array
        Who of them left.
    repeats : int
        Shuffles of each feature.
    random_state : int

    Returns
    -------
    DataFrame
        One row a feature, the most important first: `feature`, `value` (mean loss of AUC), `low`, `high` (the middle
        95% of the shuffles), `n`. Of two features that say the same, each can do without the other: both look small.

    Examples
    --------
    >>> from crmkit.models.churn import GroupRate
    >>> X = pd.DataFrame({"contract": ["a", "b"] * 20, "other": range(40)})
    >>> importance(GroupRate().fit(X, [1, 0] * 20), X, [1, 0] * 20)["feature"].tolist()
    ['contract', 'other']
    """
    rng = np.random.default_rng(random_state)
    whole = auc(churned, model.predict_proba(features)[:, 1])
    rows = []
    for name in features.columns:
        copies = []
        for _ in range(repeats):
            shuffled = features[name].to_numpy()[rng.permutation(len(features))]
            copies.append(
                features.assign(**{name: pd.Series(shuffled, index=features.index, dtype=features[name].dtype)})
            )
        risk = model.predict_proba(pd.concat(copies, ignore_index=True))[:, 1].reshape(repeats, -1)
        lost = np.array([whole - auc(churned, row) for row in risk])
        low, high = np.quantile(lost, [0.025, 0.975]) if np.isfinite(lost).all() else (np.nan, np.nan)
        rows.append({"feature": name, "value": float(lost.mean()), "low": low, "high": high, "n": len(features)})
    return pd.DataFrame(rows).sort_values("value", ascending=False, kind="stable", ignore_index=True)


def partial_dependence(model: Any, features: pd.DataFrame, name: str, *, points: int = 12) -> pd.DataFrame:
    """Follow the mean risk of all customers while one feature is set to the same value for each of them.

    Parameters
    ----------
    model : estimator
    features : DataFrame
    name : str
    points : int
        Values of a number, from its 5th to its 95th percentile.

    Returns
    -------
    DataFrame
        One row a value (of names: each that is there, the most frequent first): `value`, `risk` (mean), `n` (customers
        who have it, or whose value is nearest to it). It shows the model, and combinations that nobody has among them.
    """
    if name not in features:
        raise UsageError(f"There is no feature {name!r}; there are {', '.join(map(str, features.columns))}.")
    values = features[name]
    if values.dtype.kind in "iufb":
        known = values.dropna().astype(float)
        grid: list[Any] = sorted(set(np.quantile(known, np.linspace(0.05, 0.95, points)))) if len(known) else []
        near = np.abs(known.to_numpy()[:, None] - np.array(grid)[None, :]).argmin(axis=1) if grid else []
        counts = np.bincount(near, minlength=len(grid)) if len(grid) else []
    else:
        counted = values.astype(object).where(values.notna(), None).value_counts(dropna=False).head(points)
        grid, counts = list(counted.index), list(counted.to_numpy())
    if not grid:
        return pd.DataFrame({"value": [], "risk": [], "n": []})
    copies = [features.assign(**{name: pd.Series([v] * len(features), index=features.index)}) for v in grid]
    risk = model.predict_proba(pd.concat(copies, ignore_index=True))[:, 1].reshape(len(grid), -1)
    return pd.DataFrame({"value": grid, "risk": risk.mean(axis=1), "n": counts})


def typical(features: pd.DataFrame) -> dict[str, Any]:
    """Return the median of each number and the most frequent of each name, gaps left out."""
    found = {}
    for name in features.columns:
        known = features[name].dropna()
        if not len(known):
            found[name] = None
        elif known.dtype.kind in "iufb":
            found[name] = float(known.astype(float).median())
        else:
            found[name] = known.astype(str).value_counts().index[0]
    return found


def differences(model: Any, features: pd.DataFrame, usual: Mapping[str, Any]) -> pd.DataFrame:
    """Return how much of each customer's risk each feature makes: the risk less the one with the typical value.

    Returns
    -------
    DataFrame, shape (n, n_features)
        In points of probability; above 0 where the customer's own value raises the risk. They need not add up.
    """
    if not len(features):
        return pd.DataFrame(columns=features.columns, index=features.index, dtype=float)
    known = [name for name in features.columns if usual.get(name) is not None]
    same = [features.assign(**{name: usual[name]}) for name in known]
    every = model.predict_proba(pd.concat([features, *same], ignore_index=True))[:, 1].reshape(len(known) + 1, -1)
    made = pd.DataFrame(0.0, index=features.index, columns=features.columns)
    made[known] = (every[0] - every[1:]).T
    return made


def reasons(
    model: Any,
    features: pd.DataFrame,
    usual: Mapping[str, Any],
    *,
    titles: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    currency: str = "",
    most: int = 3,
) -> pd.Series:
    """Give the features that raise each customer's risk most, in words; "" where none does.

    What is unknown of a customer is no reason, though it may move the risk.

    Parameters
    ----------
    model : estimator
    features : DataFrame
    usual : mapping
        What `typical` returned for the customers on whom the model was trained.
    titles, units : mapping of str to str, optional
        As in `attrs` of a panel.
    currency : str
    most : int

    Returns
    -------
    Series of str
        Such as "Satisfaction 31.0% (+4.2 pts against 75.0%); Contract: no term (+2.0 pts against goes on)": by so
        many points the risk is higher than with the typical value.
    """
    titles, units = titles or {}, units or {}
    parts = differences(model, features, usual)
    made = []
    for place in range(len(features)):
        own = parts.iloc[place].sort_values(ascending=False, kind="stable").head(most)
        said = [
            _reason(
                titles.get(name, name), units.get(name, ""), features.iloc[place][name], usual[name], size, currency
            )
            for name, size in own.items()
            if size >= LEAST_POINTS and not missing(features[name].iloc[place])
        ]
        made.append("; ".join(said))
    return pd.Series(made, index=features.index, dtype=object)


def _reason(title: str, unit: str, value: Any, usual: Any, size: float, currency: str) -> str:
    points = say(size * 100, "", digits=1)
    if isinstance(usual, str):
        return f"{title}: {value} (+{points} pts against {usual})"
    own = say(float(value), unit, currency=currency)
    return f"{title} {own} (+{points} pts against {say(float(usual), unit, currency=currency)})"
