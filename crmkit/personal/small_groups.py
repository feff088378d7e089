"""Groups too small to be shown: hidden, with as many others that none can be computed from a total."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

NUMBERS = (
    "value", "low", "high", "n", "numerator", "denominator", "previous", "previous_low", "previous_high", "previous_n",
    "change", "change_low", "change_high",
)  # fmt: skip


def hide_small_groups(frame: pd.DataFrame, by: Sequence[str], *, smallest: int) -> pd.DataFrame:
    """Return a measured frame in which groups made from fewer than `smallest` are hidden.

    A group that alone is hidden could be computed: the total less the others. So in every line that adds up, all groups
    of a period or all periods of a group, so many of the next smallest are hidden too that at least two are, and
    that together they are made from `smallest` or more. A group of nobody hides nothing: 0 is shown.

    Parameters
    ----------
    frame : DataFrame
        As `measure` or `compare` returns it: `metric`, the columns of `by`, `period` if any, `n`.
    by : list of str
        The columns that make the groups.
    smallest : int
        The smallest number that is shown; 0 or 1 hides nothing.

    Returns
    -------
    DataFrame
        The same rows; in hidden ones all numbers are null, and `note` says so.

    Source
    ------
    A. Hundepool et al. (2012), Statistical Disclosure Control, Wiley, chapter 4 (primary and secondary suppression).

    Examples
    --------
    >>> found = pd.DataFrame({"metric": "nps", "segment": ["A", "B", "C"], "n": [2.0, 9.0, 40.0], "value": 1.0})
    >>> hide_small_groups(found, ["segment"], smallest=5)["n"].tolist()
    [nan, nan, 40.0]
    """
    if smallest <= 1 or not by or "n" not in frame or not len(frame):
        return frame
    counts = ["n", *(["previous_n"] if "previous_n" in frame else [])]
    hidden = np.zeros(len(frame), dtype=bool)
    for count in counts:
        n = frame[count].to_numpy(float)
        hidden |= (n > 0) & (n < smallest)
    keys = [name for name in ("period", *by) if name in frame]
    lines = [
        group
        for along in keys
        for group in frame.groupby(
            ["metric", *(name for name in keys if name != along)], dropna=False, sort=False
        ).indices.values()
        if len(group) > 1
    ]
    size = frame[counts].min(axis=1).fillna(0).to_numpy(float)
    hidden = hidden_with_others(hidden, size, lines, smallest=smallest)
    return _hide(frame, hidden, smallest)


def hidden_with_others(
    hidden: np.ndarray, size: np.ndarray, lines: Sequence[np.ndarray], *, smallest: int
) -> np.ndarray:
    """Return which rows are hidden when, in every line that adds up, no hidden row can be computed from the others.

    Parameters
    ----------
    hidden : array of bool
        The rows that are hidden in any case.
    size : array of float
        What each row is made from; rows of nobody are not needed.
    lines : list of array of int
        The rows that add up to something known, each line by the places of its rows.
    smallest : int
        What hidden rows of a line have to be made from together.
    """
    hidden, grown = hidden.copy(), True
    while grown:
        grown = False
        for line in lines:
            inside = line[hidden[line]]
            others = line[~hidden[line] & (size[line] > 0)]
            if len(inside) and len(others) and (len(inside) == 1 or size[inside].sum() < smallest):
                hidden[others[np.argmin(size[others])]] = True
                grown = True
    return hidden


def _hide(frame: pd.DataFrame, hidden: np.ndarray, smallest: int) -> pd.DataFrame:
    if not hidden.any():
        return frame
    found = frame.copy()
    for name in NUMBERS:
        if name in found:
            found[name] = found[name].astype(float).mask(hidden)
    if "verdict" in found:
        found["verdict"] = found["verdict"].mask(hidden, "")
    found["note"] = (found["note"] if "note" in found else pd.Series("", index=found.index)).mask(
        hidden, f"hidden: a group of fewer than {smallest}, or one from which it could be computed"
    )
    found.attrs = dict(frame.attrs) | {"hidden_groups": int(hidden.sum())}
    return found


def gather_small_parts(parts: pd.DataFrame, by: str, sizes: pd.Series, *, smallest: int) -> pd.DataFrame:
    """Put the parts of a change that come from small groups into one row, so that all still add up to the change.

    Parameters
    ----------
    parts : DataFrame
        As `explain` returns it.
    by : str
        Its column of groups.
    sizes : Series
        What each group was made from, the smaller of both periods, by group.
    smallest : int
    """
    size = parts[by].map(sizes).fillna(0).to_numpy(float)
    small = (size > 0) & (size < smallest)
    while small.any() and (~small).any() and (small.sum() == 1 or size[small].sum() < smallest):
        small[np.argmin(np.where(small, np.inf, size))] = True
    if not small.any():
        return parts
    gathered = {name: parts.loc[small, name].sum() for name in ("mix", "rate", "effect")}
    gathered |= {"metric": parts["metric"].iloc[0], by: f"({small.sum()} small groups)"}
    found = pd.concat([parts[~small], pd.DataFrame([gathered])], ignore_index=True)[list(parts.columns)]
    order = found["effect"].abs().sort_values(ascending=False, kind="stable").index
    found = found.loc[order].reset_index(drop=True)
    found.attrs = dict(parts.attrs)
    return found
