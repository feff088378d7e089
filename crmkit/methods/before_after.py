"""Did a metric change with the CRM? Before and after, against the trend before, and against a comparison group.

Sources
-------
G. Y. Zou and A. Donner (2008), Statistics in Medicine 27, 1693-1702, and A. Donner and G. Y. Zou (2012), Statistical
Methods in Medical Research 21, 347-359: an interval for a difference or a ratio from the intervals of its parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import said
from crmkit.methods.interruption import interrupted
from crmkit.periods import Period, year_before_crm

if TYPE_CHECKING:
    from crmkit.crm import Crm

COLUMNS = ["metric", "reading", "before", "after", "difference", "low", "high", "ratio", "ratio_low", "ratio_high", "n",
           "note"]  # fmt: skip


def before_after(
    crm: Crm,
    metrics: str | Sequence[str],
    *,
    before: str | Period | None = None,
    after: str | Period | None = None,
    settle_months: int = 0,
    trend: bool = True,
    comparison: tuple[str, str] | None = None,
) -> pd.DataFrame:
    """Compare metrics before and after the introduction of the CRM, in up to three ways.

    Parameters
    ----------
    crm : Crm
    metrics : str or list of str
    before, after : str or Period, optional
        By default the 12 months before `crm_introduced`, and all whole months after it up to `as_of`.
    settle_months : int
        Months after the introduction that are left out, because what began before it still runs.
    trend : bool
        Whether to compare with the trend of the months of `before`, too.
    comparison : (str, str), optional
        A column and its value that marks those whom the CRM did not touch, such as ("customer.country", "CZ").

    Returns
    -------
    DataFrame
        One row a metric and `reading`: "before and after", "against the trend before", "against the comparison group".
        `before` (for the trend: what the trend would have brought), `after`, `difference` with `low` and `high` (95%),
        `ratio` with `ratio_low` and `ratio_high`, `n` (observations after; months for the trend), `note`.

    Raises
    ------
    UsageError
        Where the settings do not say when the CRM was introduced, or a period is empty.

    Notes
    -----
    The first reading takes all that changed in that time for the CRM's; the second leaves out what a straight line
    would have brought anyway, at the price of a wide interval; the third leaves out what happened to both groups, if
    they would have moved alike. None of them alone shows a cause.
    """
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    sides = windows(crm, before=before, after=after, settle_months=settle_months)
    able = [name for name in names if not lacks(crm, name)]
    if not able:
        raise NotInThisData(f"before_after: not in this data, {lacks(crm, names[0])}.")
    whole = [crm.measure(able, period=window).set_index("metric") for window in sides]
    months = [monthly(crm, able, window) for window in sides]
    rows = []
    for name in able:
        own = [frame[frame["metric"] == name].dropna(subset="value") for frame in months]
        rows.append(_plain(name, *(_side(frame.loc[name], part) for frame, part in zip(whole, own, strict=True))))
        if trend:
            rows.append({"metric": name, "reading": "against the trend before", **interrupted(*own)})
        if comparison is not None:
            rows.append(_compared(crm, name, *sides, *comparison))
    frame = pd.DataFrame(rows).reindex(columns=COLUMNS)
    numbers = [name for name in COLUMNS if name not in ("metric", "reading", "note")]
    frame = frame.astype(dict.fromkeys(numbers, float)).assign(note=frame["note"].fillna(""))
    return said(frame, crm, before=sides[0].name, after=sides[1].name)


def windows(
    crm: Crm, *, before: str | Period | None = None, after: str | Period | None = None, settle_months: int = 0
) -> tuple[Period, Period]:
    """Return the periods before and after the introduction of the CRM.

    Raises
    ------
    UsageError
        Where the settings do not say when that was, or no whole month has passed since.
    """
    before = year_before(crm) if before is None else crm.period(before)
    if after is not None:
        return before, crm.period(after)
    begin, calendar = _introduced(crm), crm.config.calendar
    start = calendar.step(calendar.floor(begin, "month"), "month", settle_months + (begin.day > 1))
    latest = crm.period("latest", every="month").end
    if latest <= start:
        raise UsageError(f"No whole month lies between {start:%Y-%m-%d} and {latest:%Y-%m-%d}: nothing to compare yet.")
    return before, Period(start, latest, None, calendar)


def year_before(crm: Crm) -> Period:
    """Return the 12 months before the introduction of the CRM.

    Raises
    ------
    UsageError
        Where the settings do not say when that was.
    """
    _introduced(crm)
    return year_before_crm(crm.period("latest"), crm.config)


def _introduced(crm: Crm) -> datetime:
    if crm.config.crm_introduced is None:
        raise UsageError("When was the CRM introduced? Set crm_introduced in crm.toml, or give both periods.")
    return crm.config.crm_introduced


def _plain(name: str, was: tuple, now: tuple) -> dict[str, Any]:
    """Compare the metric in one whole window with that in the other."""
    low, high = difference_interval(was[:3], now[:3])
    ratio, ratio_low, ratio_high = ratio_interval(was[:3], now[:3])
    return {
        "metric": name, "reading": "before and after", "before": was[0], "after": now[0],
        "difference": now[0] - was[0], "low": low, "high": high, "ratio": ratio, "ratio_low": ratio_low,
        "ratio_high": ratio_high, "n": now[3], "note": now[4],
    }  # fmt: skip


def _side(found: pd.Series, months: pd.DataFrame) -> tuple[float, float, float, float, str]:
    """Return value, interval, n and a note of a metric in a window, from its row and those of its months.

    A mean or a share of the whole window lies among those of its months; what does not is a sum, which windows of
    different length cannot be compared by, so the mean of its months is taken. A metric without an interval gets that
    of its months.
    """
    value, low, high, n = (float(found[column]) for column in ("value", "low", "high", "n"))
    each = months["value"]
    adds_up = len(each) > 1 and not each.min() <= value <= each.max()
    if len(each) > 2 and not np.isnan(value) and (adds_up or np.isnan(low)):
        from scipy.stats import t

        half = t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / len(each) ** 0.5
        value, n = (float(each.mean()), len(each)) if adds_up else (value, n)
        low, high = value - half, value + half
    return value, low, high, n, "a month, on average" if adds_up else ""


def monthly(crm: Crm, metrics: str | Sequence[str], window: Period) -> pd.DataFrame:
    """Measure metrics in each whole month of a window, without intervals."""
    calendar = crm.config.calendar
    start = calendar.floor(window.start, "month")
    start = start if start == window.start else calendar.step(start, "month")
    end = calendar.floor(window.end, "month")
    if end <= start:
        nothing = {"metric": pd.Series(dtype=object), "period": pd.Series(dtype="datetime64[us]")}
        return pd.DataFrame(nothing | {"value": pd.Series(dtype=float)})
    span = Period(start, end, None, calendar)
    return crm.measure(metrics, period=span, every="month", intervals=False)


def difference_interval(was: tuple[float, float, float], now: tuple[float, float, float]) -> tuple[float, float]:
    """Return the 95% interval of now − was from the value, low and high of each (Zou and Donner's MOVER).

    Examples
    --------
    >>> low, high = difference_interval((0.5, 0.4, 0.6), (0.8, 0.7, 0.9))
    >>> round(low, 4), round(high, 4)
    (0.1586, 0.4414)
    """
    (a, a_low, a_high), (b, b_low, b_high) = was, now
    return float(b - a - np.hypot(b - b_low, a_high - a)), float(b - a + np.hypot(b_high - b, a - a_low))


def ratio_interval(was: tuple[float, float, float], now: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return now ÷ was with its 95% interval (Donner and Zou's MOVER for ratios); unknown where `was` may be 0.

    Examples
    --------
    >>> [round(end, 3) for end in ratio_interval((50.0, 45.0, 55.0), (40.0, 36.0, 44.0))]
    [0.8, 0.694, 0.922]
    """
    (a, a_low, a_high), (b, b_low, b_high) = was, now
    if not a_low > 0:
        return (b / a if a else float("nan")), float("nan"), float("nan")
    below, above = a_high * (2 * a - a_high), a_low * (2 * a - a_low)
    first, second = (a * b) ** 2 - b_low * (2 * b - b_low) * below, (a * b) ** 2 - b_high * (2 * b - b_high) * above
    if below <= 0 or above <= 0 or first < 0 or second < 0:
        return b / a, float("nan"), float("nan")
    return b / a, (a * b - first**0.5) / below, (a * b + second**0.5) / above


def _compared(crm: Crm, name: str, first: Period, second: Period, column: str, value: str) -> dict[str, Any]:
    """Take the change of the comparison group off that of all others: the difference in differences."""
    row = {"metric": name, "reading": "against the comparison group"}
    changes = []
    for mine in (True, False):
        sides = [_group(crm, name, window, column, value, mine=mine) for window in (first, second)]
        if any(side is None for side in sides):
            what = f"{column} = {value}" if mine else f"others than {column} = {value}"
            return row | {"note": f"no {what} in one of the periods, or without an interval"}
        (was, was_error), (now, now_error) = sides
        changes.append((now - was, np.hypot(was_error, now_error), was, now))
    theirs, own = changes
    size, half = own[0] - theirs[0], 1.959964 * float(np.hypot(own[1], theirs[1]))
    return row | {"before": own[2] + theirs[0], "after": own[3], "difference": size, "low": size - half,
                  "high": size + half}  # fmt: skip


def _group(crm: Crm, name: str, window: Period, column: str, value: str, *, mine: bool) -> tuple[float, float] | None:
    """Return the mean of the comparison group, or of all others, weighed by n, and its standard error."""
    found = crm.measure(name, period=window, by=column)
    found = found[(found[column].astype(str) == value) == mine]
    found = found[found["value"].notna() & found["low"].notna() & (found["n"] > 0)]
    if not len(found):
        return None
    weight = found["n"].to_numpy(float) / found["n"].sum()
    error = (found["high"] - found["low"]).to_numpy(float) / (2 * 1.959964)
    return float((weight * found["value"]).sum()), float(np.sqrt(((weight * error) ** 2).sum()))
