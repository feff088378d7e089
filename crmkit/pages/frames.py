"""Frames for one page: a metric's past, its groups, its change, with the reason wherever the data cannot answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit import periods
from crmkit.engine import dimensions
from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData, UsageError
from crmkit.metric import all_metrics, find
from crmkit.periods import Period

if TYPE_CHECKING:
    from crmkit.crm import Crm

#: What groups are made by where nobody says: the first of these that the data has.
CUSTOMER_GROUPS = ("segment", "customer.segment", "kind", "industry", "region", "country")


def history(
    crm: Crm,
    metrics: str | Sequence[str],
    period: str | Period,
    *,
    every: str = "",
    last: int = 12,
    by: str | Sequence[str] = (),
    **options: Any,
) -> pd.DataFrame:
    """Measure metrics in the periods up to this one.

    Parameters
    ----------
    crm : Crm
    metrics : str or list of str
    period : str or Period
        The last period, or the span that the last one ends.
    every : {"week", "month", "quarter", "year"}, optional
        By default the period's own length, or months where it has none of these.
    last : int
        At most so many periods. Those before the first in which anything was measured are left out.
    by : str or list of str
    **options
        Options of the metrics.

    Returns
    -------
    DataFrame
        As `measure` returns it.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": list("abc"),
    ...     "created_at": ["2026-01-01", "2026-04-01", "2026-04-02"]}}, as_of="2026-06-30")
    >>> history(crm, "leads", "2026-Q2")[["period", "value"]].values.tolist()
    [[Timestamp('2026-01-01 00:00:00'), 1.0], [Timestamp('2026-04-01 00:00:00'), 2.0]]
    """
    now = crm.period(period)
    grain = (periods.grain(every) if every else now.grain) or "month"
    end = now if now.grain == grain else crm.period(now.calendar.name(_last_start(now, grain), grain))
    span = Period(end.previous(last - 1).start, end.end, None, now.calendar)
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    found = tried(crm.measure, names, period=span, every=grain, by=by, **options)
    if "period" in found:
        happened = found.loc[found["value"].notna() & (found["n"] > 0), "period"]
        found = found[found["period"] >= happened.min()] if len(happened) else found
    found = found.reset_index(drop=True)
    return _about(found, crm, names, every=grain)


def _last_start(now: Period, grain: str) -> datetime:
    """Return the start of the last whole `grain` in a period; of the one that holds its end where there is none."""
    last = now.calendar.floor(now.end - timedelta(microseconds=1), grain)
    before = now.calendar.step(last, grain, -1)
    return before if now.calendar.step(last, grain) > now.end and before >= now.start else last


def groups(
    crm: Crm, metrics: str | Sequence[str], period: str | Period, by: str | Sequence[str], **options: Any
) -> pd.DataFrame:
    """Measure metrics in one period by groups; with the reason where they cannot be split so.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": list("abc"), "source": ["web", "web", "fair"],
    ...     "created_at": ["2026-04-01", "2026-04-01", "2026-04-02"]}}, as_of="2026-06-30")
    >>> groups(crm, "leads", "2026-Q2", "source")[["source", "value"]].values.tolist()
    [['fair', 1.0], ['web', 2.0]]
    >>> groups(crm, "nps", "2026-Q2", "segment").attrs["missing"]
    'needs the table surveys'
    """
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    if not by:
        return _lacking("no column to split it by")
    now = crm.period(period)
    found = _about(tried(crm.measure, names, period=now, by=by, **options), crm, names, every=now.grain or "")
    if found.attrs.get("missing"):
        return found
    there = found["value"].notna() | (found["n"].fillna(0) > 0)  # a group without a single observation is no group
    return found[there].reset_index(drop=True)


def explain(crm: Crm, metric: str, period: str | Period, by: str) -> pd.DataFrame:
    """Split a metric's change from the period before into the groups' mix and rate effects, where that can be done."""
    now = crm.period(period)
    if not by or lacks(crm, metric):
        return _lacking(lacks(crm, metric) or "no column to split it by")
    return _about(tried(crm.explain, metric, period=now, against=now.previous(), by=by), crm, [metric])


def scorecard(crm: Crm, metrics: Sequence[str], period: str | Period) -> pd.DataFrame:
    """Return the scorecard of some metrics, in the order given, those that this data lacks left out."""
    return crm.scorecard(crm.period(period), metrics=list(metrics))


def values(crm: Crm, metrics: Sequence[str], period: str | Period) -> pd.Series:
    """Return the values of metrics in one period, by name; null where this data cannot say.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": list("ab"), "created_at": ["2026-04-01", "2026-04-02"]}})
    >>> values(crm, ["leads", "nps"], "2026-Q2").to_dict()
    {'leads': 2.0, 'nps': nan}
    """
    found = crm.measure(list(metrics), period=crm.period(period), intervals=False)
    return found.set_index("metric")["value"].rename_axis(None)


def tried(function: Callable[..., pd.DataFrame], *arguments: Any, **options: Any) -> pd.DataFrame:
    """Call a function that makes a frame; where the data cannot answer, return an empty one that says why.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["a"], "created_at": ["2026-04-01"]}})
    >>> tried(crm.explain, "nps", period="2026-Q2", against="2026-Q1", by="segment").attrs["missing"][:15]
    'Net Promoter Sc'
    """
    try:
        return function(*arguments, **options)
    except NotInThisData as error:
        return _lacking(str(error).partition("not in this data, ")[2] or str(error))
    except UsageError as error:
        return _lacking(str(error))


def dimension(crm: Crm, table: str, wanted: str = "", *, among: Sequence[str] = CUSTOMER_GROUPS) -> str:
    """Return the column to split a table by: the one wanted, else the first of `among` that this data has, else "".

    Raises
    ------
    UsageError
        Where there is no column called `wanted`.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": ["a"], "created_at": ["2026-01-01"], "industry": ["Food"]}})
    >>> dimension(crm, "customers")
    'industry'
    """
    if table not in crm.relations:
        return ""
    if wanted:
        return dimensions.find(crm, table, wanted).name
    for name in among:
        try:
            return dimensions.find(crm, table, name).name
        except UsageError:
            continue
    return ""


def _lacking(reason: str) -> pd.DataFrame:
    frame = pd.DataFrame()
    name, space, rest = reason.rstrip(".").partition(" ")
    if name in all_metrics():  # the engine's messages call a metric by the name that a caller gave
        name = find(name).title
    frame.attrs["missing"] = name + space + rest
    return frame


def _about(frame: pd.DataFrame, crm: Crm, names: Sequence[str], **more: Any) -> pd.DataFrame:
    """Leave on a frame what its numbers mean, and why there are none where there are none."""
    if frame.attrs.get("missing"):
        return frame
    frame.attrs |= {"as_of": crm.as_of, "currency": crm.config.currency, **more}
    reasons = [lacks(crm, name) for name in names]
    if names and all(reasons):
        frame.attrs["missing"] = reasons[0]
    elif "note" in frame and frame["value"].isna().all():
        notes = [note for note in frame["note"] if note]
        frame.attrs["missing"] = notes[0] if notes else "nothing to measure in this period"
    if len(names) == 1:
        metric = find(names[0])
        frame.attrs |= {"title": metric.title, "unit": metric.unit, "better": metric.better}
    return frame
