"""Targets: what a metric should reach in a period, and how far it got."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crmkit import schema
from crmkit.casting import TIME
from crmkit.engine.buckets import Buckets
from crmkit.engine.query import START
from crmkit.errors import DataError, UsageError
from crmkit.metric import all_metrics, find
from crmkit.periods import Period
from crmkit.relations import at


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
    now = crm.period(period)
    wanted = targets(crm, now, by=by)
    wanted = wanted[wanted["metric"].isin(all_metrics())]
    if wanted.empty:
        return pd.DataFrame(columns=[*wanted.columns[:-1], "value", "target", "attainment", "status"])
    measured = crm.measure(list(dict.fromkeys(wanted["metric"])), period=now, by=by or (), intervals=False)
    keys = ["metric", by] if by else ["metric"]
    found = wanted.merge(measured[[*keys, "value"]], on=keys, how="left", validate="one_to_one")
    return with_attainment(found)[[*keys, "value", "target", "attainment", "status"]]


def goals(crm, metric: str, span: Buckets, by: Sequence[str], *, tables=None) -> ir.Table:
    """Return the targets of a metric as a query: `start` of the period, the groups `by_<n>`, and `target`.

    Parameters
    ----------
    crm : Crm
    metric : str
    span : Buckets
        Targets are looked up by the names of its periods.
    by : list of str
        Columns of the table targets: only rows that are for exactly these, and for no other group, count.
    tables : Relations, optional
        By default those that are bound to no data.

    Raises
    ------
    UsageError
        Where the table targets has no such column.
    """
    table = (tables or crm.shapes).get("targets")
    dimensions = [name for name in table.columns if name not in schema.TABLES["targets"]]
    if unknown := next((name for name in by if name not in dimensions), None):
        raise UsageError(
            f"The table targets has no column {unknown!r}. Targets are given by: {', '.join(dimensions) or 'none'}."
        )
    rows = table.filter(table.metric == metric, table.period.isin([period.name for period in span.periods]))
    for name in dimensions:
        there = table[name].cast("string").nullif("").notnull()
        rows = rows.filter(there if name in by else ~there)
    starts = [(rows.period == period.name, at(period.start)) for period in span.periods]
    groups = {f"by_{place}": rows[name].cast("string") for place, name in enumerate(by)}
    found = rows.select(**{START: ibis.cases(*starts).cast(TIME)}, **groups, target=rows.value)
    return found.distinct()


def aims(crm, metric: str, span: Buckets, by: Sequence[str], cells: pd.Index) -> np.ndarray:
    """Return the target of a metric in each cell of a measurement; unknown where there is none.

    Raises
    ------
    DataError
        Where there are several different ones.
    """
    found = goals(crm, metric, span, by, tables=crm.relations).to_pyarrow().to_pandas()
    found[START] = found[START].astype("datetime64[us]")
    keys = [START, *(f"by_{place}" for place in range(len(by)))]
    doubled = found[found.duplicated(keys, keep=False)]
    if len(doubled):
        first = doubled.iloc[0]
        whom = " of ".join([*(str(first[key]) for key in keys[1:]), metric])
        several = " and ".join(f"{value:g}" for value in sorted(doubled["target"])[:2])
        name = next(period.name for period in span.periods if pd.Timestamp(period.start) == first[START])
        raise DataError(f"targets has several values of {whom} in {name}: {several}. Keep one of them.")
    return found.set_index(keys if by else START)["target"].reindex(cells).to_numpy(float)


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
