"""Kaplan-Meier curves of times to an event that some have yet to meet, their medians and means, and log-rank tests.

Everything takes counted rows (`weights`), so that a million customers cost as much as the days they lived.

Sources
-------
E. L. Kaplan and P. Meier (1958), Journal of the American Statistical Association 53, 457-481; M. Greenwood (1926) for
the variance; J. D. Kalbfleisch and R. L. Prentice (1980), The Statistical Analysis of Failure Time Data, for the
log-log interval; R. Brookmeyer and J. Crowley (1982), Biometrics 38, 29-41, for the interval of the median;
R. Peto and J. Peto (1972), Journal of the Royal Statistical Society A 135, 185-207, for the log-rank test.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmkit.engine.intervals import Z
from crmkit.errors import DataError, UsageError

CURVE = ["time", "at_risk", "events", "censored", "survival", "low", "high"]


def kaplan_meier(
    durations: Any, events: Any, *, weights: Any = None, groups: Any = None, entry: Any = None
) -> pd.DataFrame:
    """Estimate the share for whom the event has not happened yet, at each time.

    Parameters
    ----------
    durations : array of float, shape (n,)
        Time until the event, or until last seen; any unit, from 0.
    events : array of bool, shape (n,)
        True where the event was seen at that time, False where it had not happened by then (censored).
    weights : array of float, shape (n,), optional
        How many such cases a row stands for.
    groups : array or Series, shape (n,), optional
        A curve for each value. A Series gives its name to the column, else it is called "group".
    entry : array of float, shape (n,), optional
        The time from which on a case was watched; before it, the case is not among those at risk.

    Returns
    -------
    DataFrame
        One row a time at which somebody met the event or was last seen: `time`, `at_risk` (watched and without the
        event just before it), `events`, `censored`, `survival` (share 0-1 without the event after that time), `low`,
        `high` (95%, log-log; unknown where survival is 1 or 0), and the group. Before the first row survival is 1.

    Raises
    ------
    DataError
        Where a duration or a weight is unknown or below 0, or a case is watched only from its end on.
    UsageError
        Where the arrays differ in length.

    Examples
    --------
    >>> kaplan_meier([1, 2, 2, 3], [True, True, False, True])[["time", "at_risk", "events", "survival"]]
       time  at_risk  events  survival
    0   1.0      4.0     1.0      0.75
    1   2.0      3.0     1.0      0.50
    2   3.0      1.0     1.0      0.00
    """
    cases, name = _cases(durations, events, weights, groups, entry)
    if name is None:
        return _curve(cases)[CURVE]
    parts = [_curve(part).assign(**{name: group}) for group, part in cases.groupby("group", sort=True, dropna=False)]
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*CURVE, name])
    return found[[*CURVE, name]]


def median_survival(curve: pd.DataFrame, *, share: float = 0.5) -> pd.DataFrame:
    """Read off curves when no more than `share` are left, with its interval.

    Parameters
    ----------
    curve : DataFrame
        What `kaplan_meier` returns.
    share : float
        0.5 for the median; 0.9 for the time by which a tenth have met the event.

    Returns
    -------
    DataFrame
        One row a curve: the group, `median`, `low`, `high` (95%, Brookmeyer and Crowley with log-log limits), `n` and
        `events`. Null where the curve, or its limit, does not come down so far: more than half are still there.

    Examples
    --------
    >>> median_survival(kaplan_meier([1, 2, 2, 3], [True, True, False, True]))["median"].item()
    2.0
    """
    if not 0 < share < 1:
        raise UsageError(f"share is {share!r}; it must lie between 0 and 1.")
    rows = []
    for group, part in _each(curve):
        # Sums of floats may miss the share by a hair; the limits are crossed at the same or another time.
        down = {column: _first(part, column, share) for column in ("survival", "low", "high")}
        rows.append({**group, "median": down["survival"], "low": down["low"], "high": down["high"], **_totals(part)})
    return pd.DataFrame(rows, columns=[*_names(curve), "median", "low", "high", "n", "events"])


def restricted_mean(curve: pd.DataFrame, *, until: float | None = None) -> pd.DataFrame:
    """Average the time up to `until`: the area under the curve, known even where the median is not.

    Parameters
    ----------
    curve : DataFrame
        What `kaplan_meier` returns.
    until : float, optional
        The time at which the clock is stopped; by default the longest time that every group was watched.

    Returns
    -------
    DataFrame
        One row a curve: the group, `mean`, `low`, `high` (95%, normal), `until`, `n` and `events`. Null where a
        group was not watched until then.

    Examples
    --------
    >>> restricted_mean(kaplan_meier([1, 2, 2, 3], [True, True, False, True]))["mean"].item()
    2.25
    """
    ends = [float(part["time"].max()) for _, part in _each(curve)]
    stop = min(ends, default=np.nan) if until is None else float(until)
    rows = []
    for group, part in _each(curve):
        mean, error = _area(part, stop)
        rows.append({**group, "mean": mean, "low": float(np.maximum(mean - Z * error, 0.0)),
                     "high": mean + Z * error, "until": stop, **_totals(part)})  # fmt: skip
    return pd.DataFrame(rows, columns=[*_names(curve), "mean", "low", "high", "until", "n", "events"])


def logrank(durations: Any, events: Any, groups: Any, *, weights: Any = None) -> pd.DataFrame:
    """Test whether groups meet the event at the same pace (log-rank).

    Parameters
    ----------
    durations, events, groups, weights
        As in `kaplan_meier`.

    Returns
    -------
    DataFrame
        One row: `chi2`, `degrees` (groups − 1), `p`; null where fewer than two groups can be compared. It gives all
        times the same weight, and says little where curves cross.

    Examples
    --------
    >>> found = logrank([1, 2, 3, 4], [True] * 4, ["a", "a", "b", "b"])
    >>> round(found["chi2"].item(), 4), round(found["p"].item(), 4)
    (2.8824, 0.0896)
    """
    from scipy.stats import chi2

    cases, _ = _cases(durations, events, weights, groups, None)
    watched = cases.assign(met=cases["weight"] * cases["event"])
    sums = watched.pivot_table(index="time", columns="group", values=["weight", "met"], aggfunc="sum", fill_value=0.0)
    if not len(sums) or len(sums["met"].columns) < 2:
        return pd.DataFrame({"chi2": [np.nan], "degrees": [0], "p": [np.nan]})
    met = sums["met"].to_numpy(float)
    risk = sums["weight"].to_numpy(float)[::-1].cumsum(axis=0)[::-1]
    d, n = met.sum(axis=1), risk.sum(axis=1)
    there = d > 0
    met, risk, d, n = met[there], risk[there], d[there], n[there]
    part = risk / n[:, None]
    excess = (met - part * d[:, None]).sum(axis=0)
    spread = d * (n - d) / np.maximum(n - 1, 1)
    variance = np.diag((part * spread[:, None]).sum(axis=0)) - (part * spread[:, None]).T @ part
    degrees = int(np.linalg.matrix_rank(variance)) if there.any() else 0
    if not degrees:
        return pd.DataFrame({"chi2": [np.nan], "degrees": [0], "p": [np.nan]})
    value = float(excess @ np.linalg.pinv(variance) @ excess)
    return pd.DataFrame({"chi2": [value], "degrees": [degrees], "p": [float(chi2.sf(value, degrees))]})


def _cases(durations, events, weights, groups, entry) -> tuple[pd.DataFrame, str | None]:
    """Return the cases as one frame, checked, and the name of the groups' column."""
    time = np.asarray(durations, float)
    given = {"event": np.asarray(events), "weight": weights, "group": groups, "entry": entry}
    for name, values in given.items():
        if values is not None and np.shape(values) != time.shape:
            raise UsageError(f"durations has {len(time)} values, {name} {np.size(values)}; they must be as many.")
    frame = pd.DataFrame({"time": time, "event": given["event"].astype(bool)})
    frame["weight"] = 1.0 if weights is None else np.asarray(weights, float)
    frame["entry"] = -1.0 if entry is None else np.asarray(entry, float)
    for column, what in (("time", "durations"), ("weight", "weights")):
        wrong = ~(frame[column] >= 0)
        if wrong.any():
            place = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"{what}: {int(wrong.sum()):,} of {len(frame):,} are unknown or below 0, the first at place {place}: "
                f"{frame[column].iloc[place]}. Leave these cases out, and count them."
            )
    if entry is not None and (frame["entry"] >= frame["time"]).any():
        place = int(np.flatnonzero(frame["entry"] >= frame["time"])[0])
        raise DataError(f"entry at place {place} is not before the duration, {frame['time'].iloc[place]}.")
    if groups is None:
        return frame, None
    frame["group"] = np.asarray(groups)
    named = getattr(groups, "name", None)
    return frame, str(named) if named is not None and str(named) not in CURVE else "group"


def _curve(cases: pd.DataFrame) -> pd.DataFrame:
    cases = cases[cases["weight"] > 0]
    counted = cases.assign(met=cases["weight"] * cases["event"]).groupby("time")[["weight", "met"]].sum().sort_index()
    times, out, d = counted.index.to_numpy(float), counted["weight"].to_numpy(float), counted["met"].to_numpy(float)
    order = np.argsort(cases["entry"].to_numpy(), kind="stable")
    entered = np.concatenate([[0.0], cases["weight"].to_numpy()[order].cumsum()])
    before = np.searchsorted(cases["entry"].to_numpy()[order], times, side="left")
    n = entered[before] - (out.cumsum() - out)
    survival = np.cumprod(1 - d / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(np.where(n > d, d / (n * (n - d)), np.inf))
        log = np.log(survival)
        reach = np.exp(Z * np.sqrt(variance) / np.abs(log))
        inside = (survival < 1) & (survival > 0)
        low = np.where(inside, survival**reach, np.nan)
        high = np.where(inside, survival ** (1 / reach), np.nan)
    return pd.DataFrame(
        {"time": times, "at_risk": n, "events": d, "censored": out - d, "survival": survival, "low": low, "high": high}
    )


def _names(curve: pd.DataFrame) -> list[str]:
    if missing := {"time", "at_risk", "events", "survival"} - set(curve.columns):
        raise UsageError(f"The curve lacks {', '.join(sorted(missing))}; give what kaplan_meier() returns.")
    return [column for column in curve.columns if column not in CURVE]


def _each(curve: pd.DataFrame):
    """Yield each group's values by name, with its part of the curve."""
    by = _names(curve)
    if not by:
        yield {}, curve
        return
    for key, part in curve.groupby(by, sort=True, dropna=False):
        yield dict(zip(by, key, strict=True)), part


def _first(part: pd.DataFrame, column: str, share: float) -> float:
    below = part.loc[part[column].to_numpy(float) <= share + 1e-12, "time"]
    return float(below.iloc[0]) if len(below) else np.nan


def _totals(part: pd.DataFrame) -> dict[str, float]:
    return {"n": float((part["events"] + part["censored"]).sum()), "events": float(part["events"].sum())}


def _area(part: pd.DataFrame, stop: float) -> tuple[float, float]:
    """Return the area under a curve from 0 to `stop` and its standard error; unknown if it was not watched so long."""
    time, survival = part["time"].to_numpy(float), part["survival"].to_numpy(float)
    if not len(time) or not stop >= 0 or (time[-1] < stop and survival[-1] > 0):
        return np.nan, np.nan
    inside = time < stop
    edges = np.concatenate([[0.0], time[inside], [stop]])
    heights = np.concatenate([[1.0], survival[inside]])
    pieces = heights * np.diff(edges)
    d, n = part["events"].to_numpy(float)[inside], part["at_risk"].to_numpy(float)[inside]
    ahead = pieces[::-1].cumsum()[::-1][1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(n > d, ahead**2 * d / (n * (n - d)), 0.0)
    return float(pieces.sum()), float(np.sqrt(terms.sum()))
