"""Targets: what a metric should reach in a period, and how far it got."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmkit import schema
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
    """
    keys = ["metric", by] if by else ["metric"]
    if "targets" not in crm.tables:
        return pd.DataFrame(columns=[*keys, "target"])
    table = crm.relations.get("targets")
    dimensions = [name for name in table.columns if name not in schema.TABLES["targets"]]
    rows = table.filter(table.period == period.name).to_pyarrow().to_pandas()
    if by and by not in dimensions:
        return pd.DataFrame(columns=[*keys, "target"])
    for name in dimensions:
        there = rows[name].notna() & (rows[name] != "")
        rows = rows[there if name == by else ~there]
    return rows[[*keys, "value"]].rename(columns={"value": "target"}).drop_duplicates(keys).reset_index(drop=True)


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
