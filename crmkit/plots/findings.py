"""What a measured frame shows, in one line: the title of its figure, and never more than the noise allows."""

from __future__ import annotations

from math import hypot
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from crmkit.numbers import as_number
from crmkit.plots import words

if TYPE_CHECKING:
    import pandas as pd


def is_noise(before: pd.Series, after: pd.Series, *, pairs: int = 1) -> bool | None:
    """Tell whether two measured rows differ by no more than their intervals allow; None where they have no interval.

    The interval of the difference is made of the two intervals (Newcombe's, where these are Wilson's), as everywhere in
    the kit; `pairs` is the number of comparisons that were looked through to find this one (Bonferroni).
    """
    spans = [tuple(as_number(row.get(name)) for name in ("value", "low", "high")) for row in (before, after)]
    if any(part is None for span in spans for part in span):
        return None
    (old, old_low, old_high), (new, new_low, new_high) = spans
    sides = (new - new_low, old_high - old) if new >= old else (new_high - new, old - old_low)
    return abs(new - old) <= hypot(*sides) * _bound(pairs)


def finding(frame: pd.DataFrame, *, by: str = "", metric: Any = None, **given: Any) -> str:
    """Say in one line what a measured frame shows: a title for its figure.

    Over several periods: the first against the last, and whether that is more than noise. Over groups: the highest and
    the lowest. One number: the number.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"metric": "win_rate", "period": pd.to_datetime(["2026-04-01", "2026-07-01"]),
    ...                      "value": [0.58, 0.63], "low": [0.56, 0.61], "high": [0.60, 0.65]})
    >>> finding(rows, unit="share")
    'Win rate rose from 58.0% in 2026-Q2 to 63.0% in 2026-Q3'
    >>> finding(rows.assign(low=0.5, high=0.7), unit="share")
    'Win rate: 63.0% in 2026-Q3, no change beyond noise since 2026-Q2'
    """
    what = words.about(frame, metric, **given)
    name = what.title or "The value"
    known = frame[frame["value"].notna()] if "value" in frame else frame.iloc[:0]
    if known.empty:
        return f"{name}: no data"
    by = by or next(iter(words.dimensions(frame)), "")
    several = "period" in known and known["period"].nunique() > 1
    if by and by in known:
        latest = known[known["period"] == known["period"].max()] if several else known
        return _groups_finding(latest, by, what, name, several)
    if several:
        return _trend_finding(known.sort_values("period"), what, name)
    row = known.iloc[-1]
    return f"{name}: {what.say(row['value'])}{words.span(row, what)}"


def _trend_finding(known: pd.DataFrame, what: words.About, name: str) -> str:
    first, last = known.iloc[0], known.iloc[-1]
    if is_noise(first, last):
        return (
            f"{name}: {what.say(last['value'])} in {words.when(last, what)}, no change beyond noise since "
            + words.when(first, what)
        )
    if what.say(first["value"]) == what.say(last["value"]):
        return f"{name} stayed at {what.say(last['value'])} from {words.when(first, what)} to {words.when(last, what)}"
    moved = f"{name} {words.verb(first['value'], last['value'])} from {what.say(first['value'])}"
    return f"{moved} in {words.when(first, what)} to {what.say(last['value'])} in {words.when(last, what)}"


def _groups_finding(known: pd.DataFrame, by: str, what: words.About, name: str, several: bool) -> str:
    if "n" in known and (known["n"] >= 5).sum() >= 2:  # two lucky deals are no finding
        known = known[known["n"] >= 5]
    known = known.sort_values("value", kind="stable").reset_index(drop=True)
    low, high = known.iloc[0], known.iloc[-1]
    when = f" in {words.when(high, what)}" if several else ""
    if len(known) == 1:
        return f"{name}{when}: {what.say(high['value'])} for {words.label(high[by])}"
    if what.say(low["value"]) == what.say(high["value"]):
        return f"{name}{when}: {what.say(high['value'])} in each of {len(known)} groups"
    ends = (
        f"{words.label(high[by])} highest with {what.say(high['value'])}, {words.label(low[by])} lowest with "
        + what.say(low["value"])
    )
    pairs = len(known) * (len(known) - 1) // 2
    if not is_noise(low, high, pairs=pairs):
        return f"{name}{when}: {ends}"
    clear = _clearest(known, pairs)
    if clear is not None:
        low, high = clear
        above = f"{words.label(high[by])} ({what.say(high['value'])}) is clearly above {words.label(low[by])}"
        return f"{name}{when}: {above} ({what.say(low['value'])})"
    if _differ(known):
        return f"{name}{when}: the groups differ by more than noise, {ends}"
    return f"{name}{when}: no difference between the groups beyond noise"


def _differ(known: pd.DataFrame) -> bool:
    """Tell whether the groups taken together differ by more than noise: Cochran's Q on the intervals.

    The chi-squared probability is Wilson and Hilferty's approximation, exact enough for a yes or no at 5%.
    """
    error = (known["high"].to_numpy(float) - known["low"].to_numpy(float)) / (2 * 1.959964)
    value, degrees = known["value"].to_numpy(float), len(known) - 1
    if degrees < 2 or not (error > 0).all():
        return False
    weight = error**-2.0
    spread = float((weight * (value - (weight * value).sum() / weight.sum()) ** 2).sum())
    part = 2 / (9 * degrees)
    return ((spread / degrees) ** (1 / 3) - (1 - part)) / part**0.5 > NormalDist().inv_cdf(0.95)


def _clearest(known: pd.DataFrame, pairs: int) -> tuple[pd.Series, pd.Series] | None:
    """Return the two groups that differ most in standard errors, lower first, if by more than noise."""
    import numpy as np

    rows = known.iloc[:: max(1, len(known) // 300)]
    value, low, high = (rows[name].to_numpy(float) for name in ("value", "low", "high"))
    margin = np.hypot((value - low)[None, :], (high - value)[:, None])  # of column less row
    with np.errstate(divide="ignore", invalid="ignore"):
        size = (value[None, :] - value[:, None]) / margin
    size = np.where(np.isfinite(size), size, -np.inf)
    i, j = np.unravel_index(int(size.argmax()), size.shape)
    lower, upper = rows.iloc[i], rows.iloc[j]
    return (lower, upper) if is_noise(lower, upper, pairs=pairs) is False else None


def _bound(pairs: int) -> float:
    """Return how much wider than a 95% interval one must be that is to hold for so many comparisons."""
    return NormalDist().inv_cdf(1 - 0.025 / max(pairs, 1)) / NormalDist().inv_cdf(0.975)
