"""Targets on the page of sales: what was to be reached, by the company and by each representative."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.engine.targets import targets, with_attainment
from crmkit.errors import NotInThisData
from crmkit.metric import all_metrics, find
from crmkit.pages.frames import tried
from crmkit.pages.showing import absent, missing_from
from crmkit.tables import Html, table

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

QUOTA_UNITS = {"value": "money", "target": "money", "attainment": "share"}


def attainment(crm: Crm, period: str | Period) -> pd.DataFrame:
    """List the targets of a period: value, target, how much of it is reached, and whether it is met.

    Returns
    -------
    DataFrame
        `metric` (its title), `value`, `target`, `attainment` (value ÷ target), `status`; units in `attrs["units"]`.
    """
    now = crm.period(period)
    asked = targets(crm, now)
    able = [name for name in asked["metric"] if name in all_metrics() and not lacks(crm, name)]
    if not able:
        frame = pd.DataFrame()
        frame.attrs["missing"] = (
            f"there are no targets for {now.name}" if "targets" in crm.tables else "needs the table targets"
        )
        return frame
    found = crm.measure(able, period=now, intervals=False)[["metric", "value"]]
    rows = with_attainment(found.merge(asked, on="metric", validate="one_to_one"))
    about = [find(name) for name in rows["metric"]]
    shown = rows.assign(metric=[metric.title for metric in about])
    shown = shown[["metric", "value", "target", "attainment", "status"]]
    shown.attrs |= {"units": [metric.unit for metric in about], "currency": crm.config.currency}
    return shown


def attainment_table(frame: pd.DataFrame, *, caption: str) -> Html:
    """Make the table of what `attainment` returns."""
    if reason := missing_from(frame):
        return absent(reason)
    units = {"value": frame.attrs["units"], "target": frame.attrs["units"], "attainment": "share"}
    return table(frame, caption=caption, units=units, currency=frame.attrs["currency"], status=["status"])


def pace(crm: Crm) -> pd.DataFrame:
    """List the targets of the periods that are running, and what the rest of each would have to bring.

    Returns
    -------
    DataFrame
        `metric` (its title), `period`, `so far`, `target`, `so far a day`, `needed` (a day, or the value of the rest),
        `at this pace` (the value at the end) and `status`; units in `attrs["units"]`.
    """
    found = crm.pace()
    if not len(found):
        frame = pd.DataFrame()
        frame.attrs["missing"] = (
            "no period with a target is running" if "targets" in crm.tables else "needs the table targets"
        )
        return frame
    about = [find(name) for name in found["metric"]]
    shown = pd.DataFrame(
        {
            "metric": [metric.title for metric in about],
            "period": found["period"],
            "so far": found["value"],
            "target": found["target"],
            "at this pace": found["projected"],
            "so far a day": found["per_day"],
            "needed a day": found["needed_per_day"],
            "needed in the rest": found["needed"],
            "status": found["status"],
        }
    )
    shown.attrs |= {"units": [metric.unit for metric in about], "currency": crm.config.currency}
    return shown


def pace_table(frame: pd.DataFrame, *, caption: str) -> Html:
    """Make the table of what `pace` returns."""
    if reason := missing_from(frame):
        return absent(reason)
    values = [name for name in frame if name not in ("metric", "period", "status")]
    units = dict.fromkeys(values, frame.attrs["units"])
    return table(frame, caption=caption, units=units, currency=frame.attrs["currency"], status=["status"])


def attainment_by(crm: Crm, metric: str, period: str | Period, *, key: str, by: str) -> pd.DataFrame:
    """Compare a metric with the targets of single groups, such as new revenue with each representative's quota.

    Parameters
    ----------
    crm : Crm
    metric : str
    period : str or Period
    key : str
        The column of the table targets that holds the groups' keys, such as owner_id.
    by : str
        The column to show in its place, such as owner.name.
    """
    return tried(_attainment_by, crm, metric, crm.period(period), key, by)


def _attainment_by(crm: Crm, metric: str, now: Period, key: str, by: str) -> pd.DataFrame:
    asked = targets(crm, now, by=key)
    asked = asked[asked["metric"] == metric] if len(asked) else asked
    if reason := lacks(crm, metric):
        raise NotInThisData(f"not in this data, {reason}")
    if not len(asked):
        raise NotInThisData(f"not in this data, needs targets for {find(metric).title.lower()} by {key}")
    dims = [key] if by == key else [key, by]
    found = crm.measure(metric, period=now, by=dims, intervals=False)
    found["value"] = found["value"].fillna(0.0)
    rows = asked.merge(found[[*dims, "value"]], on=key, how="left", validate="one_to_one")
    rows["value"] = rows["value"].fillna(0.0)
    rows[by] = rows[by].fillna(rows[key])
    rows = with_attainment(rows).sort_values("attainment", ascending=False, kind="stable")
    shown = rows[[by, "value", "target", "attainment", "status"]].rename(columns={by: "representative"})
    shown = shown.reset_index(drop=True)
    shown.attrs |= {"currency": crm.config.currency}
    return shown
