"""What is high and low in each segment against the rest, tested where a test means something, and said in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import UsageError
from crmkit.numbers import say

CLEAR = 0.5
"""A difference of half a standard deviation is called high or low (Cohen's medium effect)."""
SMALL = 0.2
FALSE_SHARE = 0.05
"""Of the differences that are called beyond noise, at most this share is expected to be noise."""
_SKEWED = 1.0
_FEWEST = 2
_CATEGORY = "share of "
_WORDS = {
    ("orders", "high"): "order often",
    ("orders", "low"): "order rarely",
    ("order_value", "high"): "large orders",
    ("order_value", "low"): "small orders",
    ("recency_days", "high"): "long since the last order",
    ("recency_days", "low"): "bought lately",
    ("tenure_days", "high"): "old customers",
    ("tenure_days", "low"): "new customers",
    ("return_share", "high"): "send much back",
    ("return_share", "low"): "send little back",
}


def segment_profiles(features: pd.DataFrame, segments: Any, *, used: Sequence[str] = ()) -> pd.DataFrame:
    """Compare each segment with all other customers, feature by feature.

    Parameters
    ----------
    features : DataFrame
        One row a customer: numbers, flags and words; each word of a column is compared as its share.
    segments : array or Series
        The segment of each row, numbers or names.
    used : sequence of str
        Features that the segments were made from.

    Returns
    -------
    DataFrame
        One row a segment and feature: `segment`, `customers`, `share` (of all customers), `feature`, `mean`, `rest`
        (the mean of all others; unknown values are in neither), `effect` (difference in standard deviations, of skewed
        amounts on a log scale), `low`, `high` (its 95% interval), `p`, `q` (p corrected for all comparisons that are
        tested), `used` and `verdict`: "high", "low" or "".

    Notes
    -----
    Segments are made so that they differ in the features they were made from. A test of these would find what was put
    there, whatever the data, so there is none: `p` and `q` are null, and "high" means an effect of at least 0.5. For
    other features "high" means q below 0.05 (Welch's test; Benjamini and Hochberg) and an effect of at least 0.2.

    Examples
    --------
    >>> people = pd.DataFrame({"orders": [1, 2, 1, 9, 8, 9], "age": [30, 50, 40, 30, 50, 40]})
    >>> found = segment_profiles(people, [0, 0, 0, 1, 1, 1], used=["orders"])
    >>> found[["segment", "feature", "mean", "rest", "verdict"]].head(2).values.tolist()
    [[0, 'orders', 1.3333333333333333, 8.666666666666666, 'low'], [0, 'age', 40.0, 40.0, '']]

    Source
    ------
    Y. Benjamini and Y. Hochberg (1995), Journal of the Royal Statistical Society B 57, 289-300. L. L. Gao, J. Bien and
    D. Witten (2024), "Selective inference for hierarchical clustering", Journal of the American Statistical Association
    119, 332-342 (why features that made the groups are not tested).
    """
    labels = np.asarray(segments)
    if len(labels) != len(features):
        raise UsageError(f"There are {len(features):,} customers and {len(labels):,} segments; one for each is needed.")
    columns = _numbers(features)
    rows = []
    for segment in sorted(pd.unique(labels)):
        mine = labels == segment
        about = {"segment": segment, "customers": int(mine.sum()), "share": float(mine.mean())}
        for name, (values, source) in columns.items():
            rows.append(about | {"feature": name, "used": source in used} | _compared(values, mine))
    names = ["segment", "customers", "share", "feature", "mean", "rest", "effect", "low", "high", "p", "q", "used"]
    frame = pd.DataFrame(rows)
    if not len(frame):
        return pd.DataFrame(columns=[*names, "verdict"])
    frame.loc[frame["used"], "p"] = np.nan
    frame["q"] = _adjusted(frame["p"].to_numpy(float))
    size = frame["effect"].abs()
    beyond = np.where(frame["used"], size >= CLEAR, (frame["q"] < FALSE_SHARE) & (size >= SMALL))
    frame["verdict"] = np.where(beyond, np.where(frame["effect"] > 0, "high", "low"), "")
    return frame[[*names, "verdict"]]


def _numbers(features: pd.DataFrame) -> dict[str, tuple[np.ndarray, str]]:
    """Return each feature as numbers, words as one flag a word, with the column it comes from."""
    found: dict[str, tuple[np.ndarray, str]] = {}
    for name in map(str, features.columns):
        values = features[name]
        if pd.api.types.is_numeric_dtype(values):
            found[name] = values.astype("float64").to_numpy(float), name
            continue
        words = values.astype(object).map(str, na_action="ignore")
        known = words.notna().to_numpy()
        levels = words.value_counts().index.sort_values()[:12]
        for word in levels[:1] if len(levels) == 2 else levels:  # of two words, one says it all
            found[f"{name}: {word}"] = np.where(known, (words == word).to_numpy(float), np.nan), name
    return found


def _compared(values: np.ndarray, mine: np.ndarray) -> dict[str, float]:
    unknown = dict.fromkeys(("mean", "rest", "effect", "low", "high", "p"), np.nan)
    known = ~np.isnan(values)
    here, there = values[mine & known], values[~mine & known]
    if not len(here):
        return unknown
    unknown["mean"] = float(here.mean())
    if not len(there):
        return unknown
    unknown["rest"] = float(there.mean())
    if _is_skewed(values[known]):
        here, there = np.log1p(here), np.log1p(there)
    spread = np.sqrt(_within(here, there))
    difference = here.mean() - there.mean()
    if not spread > 0:
        apart = np.sign(round(difference, 12))
        return unknown | {"effect": float(apart * np.inf) if apart else 0.0}
    found = unknown | {"effect": float(difference / spread)}
    if min(len(here), len(there)) < _FEWEST:
        return found
    error = np.sqrt(here.var(ddof=1) / len(here) + there.var(ddof=1) / len(there))
    if not error > 0:
        return found
    return found | _welch(here, there, difference, error, spread)


def _welch(here: np.ndarray, there: np.ndarray, difference: float, error: float, spread: float) -> dict[str, float]:
    from scipy.special import stdtr, stdtrit

    parts = [group.var(ddof=1) / len(group) for group in (here, there)]
    freedom = error**4 / sum(part**2 / (len(group) - 1) for part, group in zip(parts, (here, there), strict=True))
    reach = float(stdtrit(freedom, 0.975)) * error
    return {
        "low": float((difference - reach) / spread),
        "high": float((difference + reach) / spread),
        "p": float(2 * stdtr(freedom, -abs(difference / error))),
    }


def _within(here: np.ndarray, there: np.ndarray) -> float:
    """Return the variance of all customers: by that within the groups, an effect would grow the purer they are."""
    return float(np.concatenate([here, there]).var())


def _is_skewed(values: np.ndarray) -> bool:
    spread = values.std()
    if values.min() < 0 or values.max() <= 1 or not spread > 0:
        return False
    return float((((values - values.mean()) / spread) ** 3).mean()) > _SKEWED


def _adjusted(p: np.ndarray) -> np.ndarray:
    """Return p values corrected for the share of false finds (Benjamini and Hochberg); null stays null.

    >>> _adjusted(np.array([0.01, np.nan, 0.04, 0.03])).round(3).tolist()
    [0.03, nan, 0.04, 0.04]
    """
    q, known = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    raised = p[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return q


def segment_names(profiles: pd.DataFrame, k: int) -> list[str]:
    """Return a name for each of segments 0 to k−1, made of what is high and low in it; all names differ.

    Examples
    --------
    >>> rows = {"segment": [0, 0, 1], "feature": ["share of Tea", "orders", "orders"], "effect": [2.0, -0.7, 0.9],
    ...     "verdict": ["high", "low", "high"]}
    >>> segment_names(pd.DataFrame(rows), 3)
    ['Tea, order rarely', 'Order often', 'Nothing stands out']
    """
    names: list[str] = []
    for number in range(k):
        rows = profiles[(profiles["segment"] == number) & (profiles["verdict"] != "")]
        rows = rows.assign(size=rows["effect"].abs()).sort_values("size", ascending=False, kind="stable")
        bought = [str(f)[len(_CATEGORY):] for f, v in zip(rows["feature"], rows["verdict"], strict=True)
                  if str(f).startswith(_CATEGORY) and v == "high"]  # fmt: skip
        others = [row for row in rows.itertuples() if not str(row.feature).startswith(_CATEGORY)]
        said = [" and ".join(bought[:2])] if bought else []
        said += [_word(row.feature, row.verdict) for row in others[: 2 if bought else 3]]
        text = ", ".join(said) or "nothing stands out"
        names.append(text[:1].upper() + text[1:])
    return [name if names.count(name) == 1 else f"{name} ({names[:at].count(name) + 1})" for at, name in
            enumerate(names)]  # fmt: skip


def _word(feature: str, verdict: str) -> str:
    return _WORDS.get((feature, verdict), f"{'much' if verdict == 'high' else 'little'} {feature.replace('_', ' ')}")


def segment_words(profiles: pd.DataFrame, *, currency: str = "", most: int = 4) -> list[str]:
    """Say of each segment, in a sentence, how large it is and what is high and low in it against the rest.

    Parameters
    ----------
    profiles : DataFrame
        As `segment_profiles` returns it; with a column `name`, where the segments have names.
    currency : str
    most : int
        At most so many features, those that differ most.

    Examples
    --------
    >>> people = pd.DataFrame({"orders": [1, 2, 1, 9, 8, 9]})
    >>> found = segment_profiles(people, list("aaabbb"), used=["orders"])
    >>> segment_words(found)[1].replace(chr(160), " ")
    'b: 3 customers (50.0%); high are orders (8.67 against 1.33).'
    """
    said = []
    for segment, rows in profiles.groupby("segment", sort=False):
        first = rows.iloc[0]
        name = first["name"] if "name" in rows else segment
        told = rows[rows["verdict"] != ""].assign(size=lambda part: part["effect"].abs())
        told = told.sort_values("size", ascending=False, kind="stable").head(most)
        parts = [
            f"{word} are {', '.join(_measured(row, currency) for row in told[told['verdict'] == word].itertuples())}"
            for word in ("high", "low")
            if (told["verdict"] == word).any()
        ]
        size = int(first["customers"])
        who = f"{size:,} customer{'' if size == 1 else 's'} ({say(first['share'], 'share')})"
        said.append(f"{name}: {who}; {'; '.join(parts) or 'nothing stands out'}.")
    return said


def _measured(row: Any, currency: str) -> str:
    unit = feature_unit(row.feature)
    digits = 0 if unit == "share" else None
    both = [say(value, unit, currency=currency, digits=digits) for value in (row.mean, row.rest)]
    return f"{str(row.feature).replace('_', ' ')} ({both[0]} against {both[1]})"


def feature_unit(name: str) -> str:
    """Return the unit of a feature by its name.

    >>> [feature_unit(name) for name in ("order_value", "share of Tea", "recency_days", "kind: person", "orders")]
    ['money', 'share', 'days', 'share', 'ratio']
    """
    if name in ("order_value", "revenue", "margin", "annual_revenue"):
        return "money"
    if name.startswith((_CATEGORY, "interest in ")) or name.endswith("_share") or ": " in name:
        return "share"
    return "days" if name.endswith("_days") else "ratio"
