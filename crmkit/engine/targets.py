"""Targets: what a metric should reach in a period, and how far it got."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmkit import schema
from crmkit.errors import DataError, UsageError
from crmkit.metric import all_metrics, find
from crmkit.periods import Period


def targets(crm, period: Period, *, by: str | None = None) -> pd.DataFrame:
    """Return the targets for a period.

    Parameters
    ----------
    crm : Crm
    period : Period
    by : str, optional
        A further column of the table targets; None for the targets of the whole company.

    Returns
    -------
    DataFrame
        `metric`, the group where there is one, `target`.

    Raises
    ------
    UsageError
        Where no target is made by `by`.
    DataError
        Where a metric has several different targets in the period.
    """
    keys = ["metric", by] if by else ["metric"]
    if "targets" not in crm.tables:
        return pd.DataFrame(columns=[*keys, "target"])
    table = crm.relations.get("targets")
    dimensions = [name for name in table.columns if name not in schema.TABLES["targets"]]
    rows = table.filter(table.period == period.name).to_pyarrow().to_pandas()
    if by and by not in dimensions:
        ways = ", ".join(dimensions) or "none"
        raise UsageError(f"The table targets has no column {by!r}. Targets are given by: {ways}.")
    for name in dimensions:
        there = rows[name].notna() & (rows[name] != "")
        rows = rows[there if name == by else ~there]
    rows = rows[[*keys, "value"]].drop_duplicates()
    doubled = rows[rows.duplicated(keys, keep=False)]
    if len(doubled):
        first = doubled[(doubled[keys] == doubled[keys].iloc[0]).all(axis=1)]
        whom = " of ".join(str(first[key].iloc[0]) for key in reversed(keys))
        several = " and ".join(f"{value:g}" for value in first["value"])
        raise DataError(f"targets has several values of {whom} in {period.name}: {several}. Keep one of them.")
    return rows.rename(columns={"value": "target"}).reset_index(drop=True)


def attainment(crm, period: str | Period = "latest", *, by: str | None = None) -> pd.DataFrame:
    """Measure every metric that has a target in a period, and divide it by its target.

    Parameters
    ----------
    crm : Crm
    period : str or Period
        By default the latest complete quarter. Targets are looked up by the period's name, such as 2026-Q3.
    by : str, optional
        The column of the table targets that says for whom a target is, such as owner_id; None for the whole company.

    Returns
    -------
    DataFrame
        `metric`, the group where there is one, `value`, `target`, `attainment` (value ÷ target) and `status`. Where
        less is better, an attainment below 1 is on target.

    Raises
    ------
    UsageError
        Where no target is made by `by`.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["1", "2"], "created_at": ["2026-01-01", "2026-03-31"]},
    ...     "targets": {"metric": ["leads"], "period": ["2026-Q1"], "value": [4]}})
    >>> attainment(crm, "2026-Q1")[["metric", "value", "target", "attainment"]].values.tolist()
    [['leads', 2.0, 4.0, 0.5]]
    """
    from crmkit.engine.measure import measure

    now = crm.period(period)
    wanted = targets(crm, now, by=by)
    wanted = wanted[wanted["metric"].isin(all_metrics())]
    if wanted.empty:
        return pd.DataFrame(columns=[*wanted.columns[:-1], "value", "target", "attainment", "status"])
    measured = measure(crm, list(dict.fromkeys(wanted["metric"])), period=now, by=by or (), intervals=False)
    keys = ["metric", by] if by else ["metric"]
    found = wanted.merge(measured[[*keys, "value"]], on=keys, how="left", validate="one_to_one")
    return with_attainment(found)[[*keys, "value", "target", "attainment", "status"]]


def unknown_targets(crm) -> list[str]:
    """Return the names in the table targets that are no metrics, so that a misspelt target is not lost unseen."""
    if "targets" not in crm.tables:
        return []
    names = crm.relations.get("targets").metric.as_table().distinct().to_pyarrow()[0].to_pylist()
    return sorted(name for name in names if name not in all_metrics())


def with_attainment(frame: pd.DataFrame) -> pd.DataFrame:
    """Add `attainment` (value ÷ target) and `status` to a frame with `metric`, `value` and `target`."""
    frame = frame.copy()
    target = frame["target"].astype(float)
    frame["attainment"] = (frame["value"] / target.where(target != 0)).astype(float)
    down = frame["metric"].map(lambda name: find(name).better == "down").to_numpy(bool)
    known = (target.notna() & frame["value"].notna()).to_numpy()
    met = np.where(down, frame["value"] <= target, frame["value"] >= target)
    frame["status"] = np.select([known & met, known], ["on target", "off target"], default="").astype(object)
    return frame
