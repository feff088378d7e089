"""Would more money help? A saturating curve of leads against spending for each channel, and what more would bring.

Months are compared with each other, not people who saw a campaign with people who did not: where demand and spending
rise together for another reason, such as the season, the curve takes the season's leads for those of the money. An
experiment that varies spending by chance has no such doubt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import said
from crmkit.methods.saturation import Saturation, saturation
from crmkit.periods import Period

FEWEST_MONTHS = 8
LEAST_SPREAD = 1.25
"""The highest spending must be at least so many times the lowest for the months to differ."""
PER = 1000.0
"""Marginal leads are counted per so many units of money."""


@dataclass(frozen=True)
class ResponseCurves:
    """Curves of several channels.

    Attributes
    ----------
    table : DataFrame
        One row a group: the group, `months`, `leads`, `spend_now` (mean of the last months), `leads_now` (expected at
        it), `leads_max`, `leads_max_low`, `leads_max_high`, `half_spend`, `half_spend_low`, `half_spend_high`,
        `marginal_leads`, `marginal_leads_low`, `marginal_leads_high` (further leads per 1,000 of money at `spend_now`),
        `value_per_lead`, `marginal_return`, `marginal_return_low`, `marginal_return_high` (money back per unit of
        money), `dispersion`, `verdict` ("can tell" or "cannot tell") and `reason`. Unknown where it cannot tell.
    points : DataFrame
        One row a group and month: the group, `period`, `spend`, `leads`.
    curves : DataFrame
        One row a group and spending: the group, `spend`, `leads`, `low`, `high`; none where nothing could be fitted.
    by : str
        The column of the groups.
    """

    table: pd.DataFrame
    points: pd.DataFrame
    curves: pd.DataFrame
    by: str


def response_curves(
    crm,
    *,
    by: str = "channel",
    until: str | Period | None = None,
    now_months: int = 3,
    value: str = "campaign_margin",
) -> ResponseCurves:
    """Fit leads a month against marketing spend a month, for each channel.

    Parameters
    ----------
    crm : Crm
    by : str
        What has a curve of its own: channel, or another column of campaigns.
    until : str or Period, optional
        The last period looked at: all whole months from the first campaign to its end; by default to the last complete
        month.
    now_months : int
        "Today's spending" is the mean of so many last months.
    value : {"campaign_margin", "campaign_revenue"}
        What a lead is worth: this metric over these months divided by their leads, taken as known. The latest
        leads have not bought all that they will, so it is on the low side.

    Returns
    -------
    ResponseCurves

    Raises
    ------
    NotInThisData
        Where this data has no spending of campaigns or no leads that name one.

    Examples
    --------
    >>> import crmkit, pandas as pd
    >>> starts = pd.date_range("2025-01-01", periods=12, freq="MS")
    >>> ids, costs = [str(i) for i in range(12)], [100.0 * 2**(i % 6) for i in range(12)]
    >>> named = [key for key, cost in zip(ids, costs) for _ in range(round(20 * cost / (cost + 600)))]
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ids, "channel": ["Web"] * 12, "cost": costs,
    ...     "started_at": starts, "ended_at": starts + pd.offsets.MonthBegin()},
    ...     "leads": {"lead_id": range(len(named)), "campaign_id": named,
    ...     "created_at": [starts[int(key)] for key in named]}}, as_of="2025-12-31")
    >>> found = response_curves(crm).table
    >>> found[["channel", "months", "verdict"]].values.tolist()
    [['Web', 12, 'can tell']]
    """
    if now_months < 1:
        raise UsageError(f"now_months is {now_months}; it must be at least 1.")
    points = _points(crm, by, until)
    span = _span(crm, points)
    worth = _worth(crm, by, span, value)
    rows, curves = [], []
    for group, months in points.groupby(by, sort=True):
        now = float(months["spend"].tail(now_months).mean())
        row = {by: group, "months": len(months), "leads": float(months["leads"].sum()), "spend_now": now}
        fit, reason = _fitted(months)
        if fit is not None:
            curves.append(_drawn(fit, group, by, float(months["spend"].max())))
            row |= _told(fit, now, worth.get(group, np.nan))
            reason = reason or _doubt(fit)
        rows.append(row | {"verdict": "cannot tell" if reason else "can tell", "reason": reason})
    table = pd.DataFrame(rows).reindex(columns=[by, *_COLUMNS])
    drawn = pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=[by, *_CURVE])
    return ResponseCurves(said(table, crm), said(points, crm), said(drawn, crm), by)


_CURVE = ("spend", "leads", "low", "high")
_COLUMNS = (
    "months", "leads", "spend_now", "leads_now", "leads_max", "leads_max_low", "leads_max_high", "half_spend",
    "half_spend_low", "half_spend_high", "marginal_leads", "marginal_leads_low", "marginal_leads_high",
    "value_per_lead", "marginal_return", "marginal_return_low", "marginal_return_high", "dispersion", "verdict",
    "reason",
)  # fmt: skip


def _points(crm, by: str, until: str | Period | None) -> pd.DataFrame:
    """Return spending and leads of each complete month and group."""
    period = _months(crm, until) if "campaigns" in crm.relations else None
    found = crm.measure(["marketing_spend", "campaign_leads"], every="month", period=period, by=by, intervals=False)
    absent = found[found["note"].str.startswith("not in this data")]
    if len(absent):
        reason = absent["note"].iloc[0].removeprefix("not in this data: ")
        raise NotInThisData(f"response curves: not in this data, {reason}.")
    found = found[~found["note"].str.contains("the period is not over")]
    wide = found.pivot(index=[by, "period"], columns="metric", values="value").rename_axis(columns=None)
    wide = (
        wide.reindex(columns=["marketing_spend", "campaign_leads"]).set_axis(["spend", "leads"], axis=1).reset_index()
    )
    wide = wide[(wide["spend"] > 0) & (wide[by] != "(none)")]  # months in which a channel did not run tell nothing
    if wide.empty:
        raise NotInThisData("response curves: not in this data, no complete month has spending of a known channel.")
    return wide.fillna({"leads": 0.0})[[by, "period", "spend", "leads"]].reset_index(drop=True)


def _months(crm, until: str | Period | None) -> Period | None:
    """Return the time from the month of the first campaign to the last whole month."""
    first = crm.relations.get("campaigns").started_at.min().to_pyarrow().as_py()
    if first is None or crm.as_of is None:
        return None
    last = crm.period("latest", every="month")
    end = last.end if until is None else min(last.end, last.calendar.floor(crm.period(until).end, "month"))
    start = last.calendar.floor(first, "month")
    if start >= end:
        raise NotInThisData("response curves: no campaign ran in a whole month by then.")
    return Period(start, end, None, last.calendar)


def _span(crm, points: pd.DataFrame) -> Period:
    first = crm.period(f"{points['period'].min():%Y-%m}")
    last = crm.period(f"{points['period'].max():%Y-%m}")
    return Period(first.start, last.end, None, first.calendar)


def _worth(crm, by: str, span: Period, value: str) -> dict[str, float]:
    """Return what a lead of each group has brought on average; empty where this data cannot say."""
    found = crm.measure([value, "campaign_leads"], period=span, by=by, intervals=False)
    wide = found.pivot_table(index=by, columns="metric", values="value", aggfunc="sum", min_count=1)
    if not {value, "campaign_leads"} <= set(wide):
        return {}
    return (wide[value] / wide["campaign_leads"].where(wide["campaign_leads"] > 0)).dropna().to_dict()


def _fitted(months: pd.DataFrame) -> tuple[Saturation | None, str]:
    """Return the curve of a group, or why there is none."""
    spend, count = months["spend"], len(months)
    if count < FEWEST_MONTHS:
        months_there = "1 month" if count == 1 else f"{count} months"
        return None, f"only {months_there} with spending; it takes {FEWEST_MONTHS}"
    if spend.max() < LEAST_SPREAD * spend.min():
        return None, "spending never varied, so nothing shows what another amount would bring"
    if not months["leads"].sum():
        return None, "no lead names a campaign of it"
    return saturation(spend, months["leads"]), ""


def _doubt(fit: Saturation) -> str:
    """Say what the data cannot tell apart."""
    if fit.line and fit.flat:
        return "leads vary too much: both no effect of spending and a straight line fit"
    if fit.line:
        return "a straight line fits as well: nothing shows yet where more spending stops helping"
    if fit.flat:
        return "no effect of spending fits as well: leads came alike in dear and in cheap months"
    return ""


def _told(fit: Saturation, now: float, worth: float) -> dict[str, float]:
    """Return the numbers of one curve at today's spending."""
    low, high = (float(end[0]) for end in fit.marginal_interval(now))
    marginal = float(fit.marginal(now))
    most, half = fit.most_interval, fit.half_interval
    return {
        "leads_now": float(fit.expected(now)),
        "leads_max": fit.most, "leads_max_low": most[0], "leads_max_high": most[1],
        "half_spend": fit.half, "half_spend_low": half[0], "half_spend_high": half[1],
        "marginal_leads": PER * marginal, "marginal_leads_low": PER * low, "marginal_leads_high": PER * high,
        "value_per_lead": worth, "marginal_return": marginal * worth,
        "marginal_return_low": low * worth, "marginal_return_high": high * worth,
        "dispersion": fit.dispersion,
    }  # fmt: skip


def _drawn(fit: Saturation, group: str, by: str, top: float) -> pd.DataFrame:
    spend = np.linspace(0, 1.1 * top, 61)
    low, high = fit.expected_interval(spend)
    return pd.DataFrame({by: group, "spend": spend, "leads": fit.expected(spend), "low": low, "high": high})
