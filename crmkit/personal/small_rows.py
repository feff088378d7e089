"""Tables and figures without groups of too few persons, whoever made their rows: the last door before a reader.

What `measure` returns says what its groups are and what they are made from. Methods and pages make frames of many
shapes; here their groups are known by the names of the columns that count persons, or what one person each may be
behind, and by the words that stand before the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from crmkit.numbers import UNKNOWN
from crmkit.personal.joined import JOINED
from crmkit.personal.small_groups import hidden_with_others

COUNTS = frozenset({
    "n", "count", "customers", "new customers", "buyers", "people", "persons", "users", "licensed", "leads",
    "campaign_leads", "visitors", "answers", "contracts", "terms", "tickets", "open", "orders", "purchases", "sales",
    "opportunities", "deals", "worked on", "closed", "resolved", "responded", "sent", "live records", "n_first",
    "n_second", "sessions", "visits",
})  # fmt: skip
"""Columns that count persons, or things behind which there are at most as many persons."""
NO_GROUPS = frozenset({
    "metric", "definition", "survey", "event", "stage", "step", "measure", "table", "field", "feature", "title",
    "period", "weekday", "hour", "until", "lever", "benefit", "rule", "model or rule", "part", "by",
    "experiment", "file", "dimension", "inside", "outside", "question", "customer", "lead", "term",
})  # fmt: skip
"""Columns whose words name what is said of all, or one person each, and no groups: definitions, steps, codes."""

NUMBERED = ("segment", "cohort")
"""Groups that may have a number in the place of a name."""
TOTALS = ("(all)", "(total)")
"""Words of rows that hold all groups together: they are known, whatever is hidden above them."""


def hide_small_rows(frame: pd.DataFrame, *, smallest: int, drop: bool = False, parts: str = "") -> pd.DataFrame:
    """Return a frame for a table or figure in which groups of fewer than `smallest` persons are hidden.

    The complement is hidden as in `hide_small_groups`: in every line of groups as many of the next smallest as it
    takes. Frames that count nothing, or compare no groups, come back as they are: numbers of the whole company by
    definition, step or period.

    Parameters
    ----------
    frame : DataFrame
        The leading columns of words, as many as name a row, are its groups. A column of `COUNTS` says what each is
        made from; where there is none and the frame's unit is a count, `value` does. `attrs["groups"] = False` says
        that the rows are no groups.
    smallest : int
        0 or 1 hides nothing.
    drop : bool
        Leave hidden rows out, as figures need it, rather than keep them without their numbers.
    parts : str
        The column whose groups are parts of a whole, period by period: where one is hidden in any period, it is put
        together with the others of its kind in all, or left out where that cannot be. An unknown part is not 0.

    Returns
    -------
    DataFrame
        `attrs["hidden_groups"]` says how many rows are hidden.

    Examples
    --------
    >>> found = pd.DataFrame({"group": ["New", "Loyal", "Gone"], "customers": [3, 40, 9], "worth": [5.0, 8.0, 7.0]})
    >>> hide_small_rows(found, smallest=5)[["customers", "worth"]].values.tolist()
    [[nan, nan], [40.0, 8.0], [nan, nan]]
    """
    if smallest <= 1 or not len(frame) or frame.attrs.get("groups") is False:
        return frame
    if "at_risk" in frame:
        return _ended(frame, smallest)
    shown = frame if _plain(frame.index) else frame.reset_index()
    shown.attrs = dict(frame.attrs)
    counts = _counts(shown)
    keys = _keys(shown, counts)
    if not counts or (keys and set(keys) <= NO_GROUPS):
        return frame
    if parts in keys and "value" in shown:
        return _whole_parts(shown, keys, parts, smallest)
    n = shown[counts].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    hidden = ((n > 0) & (n < smallest)).any(axis=1)
    whole = shown[keys].isin(TOTALS).any(axis=1).to_numpy() if keys else np.zeros(len(shown), dtype=bool)
    hidden &= ~whole
    size = np.nan_to_num(np.where(n > 0, n, np.inf).min(axis=1), posinf=0) * ~whole
    if not hidden.any():
        return frame
    shown = shown.reset_index(drop=True)
    if _followed(shown, keys, counts):  # rows of one group go together
        group = shown.groupby(keys, dropna=False, sort=False).ngroup().to_numpy()
        first = np.unique(group, return_index=True)[1]
        hidden = hidden_with_others(hidden[first], size[first], [np.arange(len(first))], smallest=smallest)[group]
    else:
        hidden = hidden_with_others(hidden, size, _lines(shown, keys), smallest=smallest)
    found = shown[~hidden].reset_index(drop=True) if drop else _emptied(shown, hidden, keys)
    found.attrs = dict(frame.attrs) | {"hidden_groups": int(hidden.sum())}
    return found


def hidden_words(frame: pd.DataFrame, *, smallest: int) -> str:
    """Say how many groups of a frame are hidden, and why; nothing where none is.

    >>> hidden_words(pd.DataFrame(), smallest=5)
    ''
    """
    if frame.attrs.get("ended"):
        return f"Curves end where fewer than {smallest} are left."
    count = frame.attrs.get("hidden_groups", 0)
    if not count:
        return ""
    return f"Hidden: {count:,} of fewer than {smallest}, or from which one of these could be computed."


def _ended(curve: pd.DataFrame, smallest: int) -> pd.DataFrame:
    """End survival curves where those who are still watched are too few."""
    few = (curve["at_risk"] > 0) & (curve["at_risk"] < smallest)
    if not few.any():
        return curve
    found = curve[~few].reset_index(drop=True)
    found.attrs = dict(curve.attrs) | {"ended": True}
    return found


def _plain(index: pd.Index) -> bool:
    return index.nlevels == 1 and index.name is None and index.dtype.kind in "iu"


def _counts(frame: pd.DataFrame) -> list[str]:
    named = [name for name in frame.columns if isinstance(name, str) and name in COUNTS and _number(frame[name])]
    if not named and frame.attrs.get("unit") == "count" and "value" in frame and "metric" not in frame:
        named = ["value"]
    return named


def _number(column: pd.Series) -> bool:
    return column.dtype.kind in "iuf" or str(column.dtype) in ("Int64", "Float64")


def _keys(frame: pd.DataFrame, counts: Sequence[str]) -> list[str]:
    """Return the columns that name a row: the first of words, and of those that follow as many as it takes.

    Where the counts are the same in all rows of a group, as in a cohort that is followed, the group names them.
    """
    words = [name for name in frame.columns if name not in counts and (name in NUMBERED or not _number(frame[name]))]
    keys: list[str] = []
    for name in words:
        if frame[name].map(lambda cell: isinstance(cell, list | dict | np.ndarray)).any():
            continue
        keys.append(name)
        if not frame.duplicated(keys).any():
            break
        if len(keys) == 1 and _followed(frame, keys, counts):
            break
    return keys


def _followed(frame: pd.DataFrame, keys: Sequence[str], counts: Sequence[str]) -> bool:
    """Tell whether rows follow the same groups on: several rows a group, made from the same number in all of them."""
    if not keys or not frame.duplicated(list(keys)).any():
        return False
    return bool((frame.groupby(list(keys), dropna=False, sort=False)[list(counts)].nunique() <= 1).all(axis=None))


def _lines(frame: pd.DataFrame, keys: Sequence[str]) -> list[np.ndarray]:
    """Return the places of the rows that add up: along each key, those that agree in the others."""
    if not keys or frame.duplicated(list(keys)).any():  # rows told apart by numbers, such as bands of a risk
        rows = frame.groupby(list(keys), dropna=False, sort=False).indices.values() if keys else [np.arange(len(frame))]
        return [np.asarray(row) for row in rows if len(row) > 1]
    lines = []
    for along in keys:
        others = [name for name in keys if name != along]
        groups = frame.groupby(others, dropna=False, sort=False).indices.values() if others else [np.arange(len(frame))]
        lines += [np.asarray(group) for group in groups if len(group) > 1]
    return lines


def _emptied(frame: pd.DataFrame, hidden: np.ndarray, keys: Sequence[str]) -> pd.DataFrame:
    """Take the numbers out of hidden rows, those within texts too."""
    found = frame.copy()
    for name in found.columns:
        if name in keys:
            continue
        if _number(found[name]):
            found[name] = found[name].astype(float).mask(hidden)
        elif found[name].dtype.kind == "b":
            found[name] = found[name].astype(object).mask(hidden, None)
        else:
            telling = found[name].map(lambda cell: not isinstance(cell, str) or any(c.isdigit() for c in cell))
            found[name] = found[name].astype(object).mask(hidden & telling.to_numpy(bool), UNKNOWN)
    return found


def _whole_parts(frame: pd.DataFrame, keys: Sequence[str], parts: str, smallest: int) -> pd.DataFrame:
    """Put parts together that are small or hidden in any line, until what they make is large enough in all of them."""
    over = [name for name in keys if name != parts]
    unknown = set(frame.loc[frame["value"].isna(), parts])
    known = frame[~frame[parts].isin(unknown)]
    small = set(known.loc[(known["value"] > 0) & (known["value"] < smallest), parts])
    order = known.groupby(parts, sort=False)["value"].sum().sort_values(kind="stable").index
    while small and len(small) < len(order):
        joined = known[known[parts].isin(small)].groupby(over, dropna=False)["value"].sum()
        if len(small) > 1 and not ((joined > 0) & (joined < smallest)).any():
            break
        small.add(next(name for name in order if name not in small))
    if not small and not unknown:
        return frame
    few = known[known[parts].isin(small)]
    together = few.groupby(over, dropna=False, sort=False)["value"].sum().reset_index().assign(**{parts: JOINED})
    if len(small) == len(order) and len(small) < 2:
        together = together[:0]
    found = pd.concat([known[~known[parts].isin(small)], together], ignore_index=True)[list(frame.columns)]
    found.attrs = dict(frame.attrs) | {"hidden_groups": len(small | unknown)}
    return found
