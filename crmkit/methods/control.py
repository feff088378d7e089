"""Control charts: whether a number over time has moved, or wobbles as it always did.

Sources
-------
W. A. Shewhart (1931), Economic Control of Quality of Manufactured Product. D. J. Wheeler (2000), Understanding
Variation. D. B. Laney (2002), Improved control charts for attributes, Quality Engineering 14, 531-537.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import pick, said
from crmkit.methods.run_rules import POINTS_TO_FALSE_ALARM, run_rules
from crmkit.metric import find
from crmkit.periods import Period

if TYPE_CHECKING:
    from crmkit.crm import Crm

KINDS = ("auto", "values", "shares", "counts")
FEWEST = 8
"""With fewer points in the baseline there are no limits: they would be made of too little."""
LONGEST_BASELINE = 24
_RANGE = 1.128
"""The mean of the range of two normal values, in standard deviations (d2)."""


def control_limits(
    frame: pd.DataFrame, *, kind: str = "auto", baseline: int | None = None, exposure: str = ""
) -> pd.DataFrame:
    """Add centre, limits and signals to values over time.

    Parameters
    ----------
    frame : DataFrame
        One row a period, in order: `period`, `value`, and for shares `numerator` and `denominator`.
    kind : {"auto", "values", "shares", "counts"}
        The XmR chart of individual values, whose sigma is the mean moving range ÷ 1.128; the p-chart of shares; the
        u-chart of counts. "auto" takes shares where every value is a part of a whole number, else values. Shares and
        counts that vary more in the baseline than chance would let them (chi-squared, 5%) get Laney's wider limits.
    baseline : int, optional
        The first so many known points make the limits; by default half of them, at least 8 and at most 24.
    exposure : str
        For counts, the column of what they grow with, such as the days of a month.

    Returns
    -------
    DataFrame
        The frame with `centre`, `low`, `high` (3 sigma), `z` (distance in sigmas), `baseline` (bool), `rules` (the
        names of those broken, joined by ";") and `signal` (bool). In `attrs`: `kind`, `baseline_points`, `spread`
        (Laney's factor; 1 without), `expected_false` (false alarms expected among the points after the baseline),
        `warnings`.

    Raises
    ------
    NotInThisData
        Where fewer than 8 points are known.
    UsageError

    Notes
    -----
    The rates of false alarms hold for independent, roughly normal points and exact limits. Limits from few points
    raise more of them.

    Examples
    --------
    >>> frame = pd.DataFrame({"period": pd.date_range("2026-01-01", periods=10, freq="MS"),
    ...     "value": [5.0, 6, 5, 6, 5, 6, 5, 6, 5, 12]})
    >>> found = control_limits(frame, baseline=8)
    >>> found[["centre", "low", "high"]].round(2).values.tolist()[-1], found["rules"].iloc[-1]
    ([5.5, 2.84, 8.16], 'beyond 3 sigma')
    """
    pick("kind", kind, KINDS)
    found = frame.sort_values("period", kind="stable").reset_index(drop=True)
    kind = ("shares" if _are_shares(found) else "values") if kind == "auto" else kind
    known = found["value"].notna()
    if kind == "shares":
        known &= found["denominator"].gt(0)
    if known.sum() < FEWEST:
        raise NotInThisData(f"control limits: not in this data, needs at least {FEWEST} periods, has {known.sum()}.")
    base = _baseline(known, baseline)
    centre, sigma, spread = _limits(found, kind, base, exposure)
    at_least, at_most = (0.0, 1.0) if kind == "shares" else (0.0 if kind == "counts" else -np.inf, np.inf)
    z = ((found["value"] - centre) / np.where(sigma > 0, sigma, np.nan)).where(known)
    broken = run_rules(z.to_numpy(float))
    found = found.assign(
        centre=centre,
        low=np.maximum(centre - 3 * sigma, at_least),
        high=np.minimum(centre + 3 * sigma, at_most),
        z=z,
        baseline=base,
        rules=[";".join(rules) for rules in broken],
        signal=[bool(rules) for rules in broken],
    )
    after = int((known & ~base).sum())
    found.attrs |= frame.attrs | {
        "kind": kind,
        "baseline_points": int(base.sum()),
        "spread": spread,
        "expected_false": after / POINTS_TO_FALSE_ALARM["all four"],
        "warnings": _warnings(found[known], base[known]),
    }
    return found


def _are_shares(frame: pd.DataFrame) -> bool:
    if not {"numerator", "denominator"} <= set(frame):
        return False
    part, whole = (frame[name].astype(float) for name in ("numerator", "denominator"))
    known = frame["value"].notna() & whole.gt(0)
    part, whole = part[known], whole[known]
    return bool(
        len(part)
        and part.notna().all()
        and (part.eq(part.round()) & whole.eq(whole.round()) & part.ge(0) & part.le(whole)).all()
        and np.allclose(frame.loc[known, "value"].astype(float), part / whole)
    )


def _baseline(known: pd.Series, points: int | None) -> pd.Series:
    """Mark the points that make the limits."""
    count = int(known.sum())
    if points is None:
        points = min(max(count // 2, FEWEST), LONGEST_BASELINE)
    if isinstance(points, bool) or not isinstance(points, int) or points < FEWEST:
        raise UsageError(f"baseline is {points!r}; it must be a number of points, at least {FEWEST}.")
    return known & (known.cumsum() <= points)


def _limits(frame: pd.DataFrame, kind: str, base: pd.Series, exposure: str):
    """Return the centre, sigma for each row, and Laney's factor."""
    value = frame["value"].to_numpy(float)
    inside = base.to_numpy()
    if kind == "values":
        centre = value[inside].mean()
        moved = np.abs(np.diff(value[inside])).mean() / _RANGE
        return np.full(len(frame), centre), np.full(len(frame), moved), 1.0
    if kind == "shares":
        part, size = (frame[name].to_numpy(float) for name in ("numerator", "denominator"))
        rate = part[inside].sum() / size[inside].sum()
        centre = np.full(len(frame), rate)
        sigma = np.sqrt(rate * (1 - rate) / np.where(size > 0, size, np.nan))
    else:
        size = frame[exposure].to_numpy(float) if exposure else np.ones(len(frame))
        centre = value[inside].sum() / size[inside].sum() * size
        sigma = np.sqrt(centre)
    spread = _laney((value[inside] - centre[inside]) / np.where(sigma[inside] > 0, sigma[inside], np.nan))
    return centre, sigma * spread, spread


def _laney(z: np.ndarray) -> float:
    """Return how many times as wide as chance the points scatter from one to the next; 1 where chance suffices."""
    from scipy.stats import chi2

    z = z[np.isfinite(z)]
    if len(z) < 2 or chi2.sf((z**2).sum(), len(z) - 1) >= 0.05:
        return 1.0
    return max(float(np.abs(np.diff(z)).mean() / _RANGE), 1.0)


def _warnings(rows: pd.DataFrame, base: pd.Series) -> list[str]:
    """Say what makes false alarms more frequent than the rules promise: neighbours alike, seasons, a short baseline."""
    from scipy.stats import kruskal

    found = []
    z = rows["z"].to_numpy(float)[base.to_numpy()]
    if base.sum() < 20:
        found.append(
            f"The limits come from {base.sum()} points; from fewer than 20 they are rough, and alarms come oftener."
        )
    if len(z) >= FEWEST and np.ptp(z) > 0:
        alike = float(np.corrcoef(z[:-1], z[1:])[0, 1]) if np.ptp(z[:-1]) > 0 and np.ptp(z[1:]) > 0 else 0.0
        if alike > 2 / np.sqrt(len(z)):
            found.append("Neighbouring points resemble each other, so runs are less of a surprise than the rules say.")
    months = [group["z"].dropna().to_numpy() for _, group in rows.groupby(rows["period"].dt.month)]
    cycles = [group for group in months if len(group) >= 2]
    if len(cycles) < 4 or len(cycles) < len(months) / 2:
        found.append("Fewer than two years are known, so a season cannot be told from a change.")
    elif np.ptp(np.concatenate(cycles)) > 0 and kruskal(*cycles).pvalue < 0.05:
        found.append("The time of the year matters here: compare with the same months of the year before, too.")
    return found


def control_chart(
    crm: Crm,
    metric: str,
    *,
    period: str | Period = "latest",
    every: str = "month",
    last: int = 36,
    baseline: str | Period | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Measure a metric over time and tell signals from noise.

    Shares get a p-chart, numbers of events that add up over time a u-chart by day, all else, such as means and levels,
    an XmR chart.

    Parameters
    ----------
    crm : Crm
    metric : str
    period : str or Period
        The chart ends with it.
    every : {"week", "month", "quarter", "year"}
    last : int
        At most so many periods; those before the first in which anything was measured are left out.
    baseline : str or Period, optional
        The span that makes the limits, such as the year before a change. By default the first half of the points.
    **options
        Options of the metric.

    Returns
    -------
    DataFrame
        As `control_limits`, on the frame that `measure` returns.

    Raises
    ------
    NotInThisData
        Where fewer than 8 periods can be measured.

    Examples
    --------
    >>> import crmkit
    >>> days = pd.date_range("2025-01-05", "2026-06-30", freq="5D").strftime("%Y-%m-%d")
    >>> crm = crmkit.open({"leads": {"lead_id": [str(i) for i in range(len(days))], "created_at": days}})
    >>> found = control_chart(crm, "leads", period="2026-Q1")
    >>> found.attrs["kind"], len(found), int(found["signal"].sum())
    ('counts', 15, 0)
    """
    declared = find(metric)
    measured = crm.measure(metric, period=_span(crm, period, every, last), every=every, intervals=False, **options)
    happened = measured["value"].notna() & (measured["n"] > 0)
    if not happened.any():
        raise NotInThisData(f"{metric}: not in this data, {measured['note'].iloc[-1] or 'nothing happened'}.")
    measured = measured[measured["period"] >= measured.loc[happened, "period"].min()].reset_index(drop=True)
    measured = measured.drop(columns=["low", "high"])
    exposure, kind = "", "auto"
    if declared.unit == "count" and _adds_up(crm, metric, measured, every, options):
        kind, exposure = "counts", "days"
        spans = [crm.period(crm.period(period).calendar.name(start, every)) for start in measured["period"]]
        measured["days"] = [(span.end - span.start).days for span in spans]
    points = None
    if baseline:
        span = crm.period(baseline)
        inside = measured["period"].between(span.start, span.end, inclusive="left")
        first = int(inside.to_numpy().argmax()) if inside.any() else 0
        measured = measured.iloc[first:].reset_index(drop=True)
        points = int((inside & measured["value"].reindex(inside.index).notna()).sum()) if not first else None
        points = points or int(measured.loc[measured["period"] < span.end, "value"].notna().sum())
        if points < FEWEST:
            raise UsageError(f"The baseline {span.name} holds {points} points; limits need at least {FEWEST}.")
    found = control_limits(measured, kind=kind, baseline=points, exposure=exposure)
    about = {"title": declared.title, "unit": declared.unit, "better": declared.better, "every": every}
    return said(found, crm, **about)


def _span(crm: Crm, period: str | Period, every: str, last: int) -> Period:
    """Return the span of the last whole weeks, months, ... up to the end of a period."""
    now = crm.period(period)
    start = now.calendar.floor(now.end - timedelta(microseconds=1), every)
    if now.calendar.step(start, every) > now.end:
        start = now.calendar.step(start, every, -1)
    return Period(now.calendar.step(start, every, 1 - last), now.calendar.step(start, every), None, now.calendar)


def _adds_up(crm: Crm, metric: str, measured: pd.DataFrame, every: str, options: dict) -> bool:
    """Tell whether a count is one of events: then the periods add up to the span; levels and distinct ones do not."""
    calendar = crm.period("latest").calendar
    last = crm.period(calendar.name(measured["period"].max(), every))
    span = Period(crm.period(calendar.name(measured["period"].min(), every)).start, last.end, None, calendar)
    whole = crm.measure(metric, period=span, intervals=False, **options)["value"].iloc[0]
    return bool(abs(whole - measured["value"].sum()) < 0.5)
