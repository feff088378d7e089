"""Medians of the time until an event that count those who still wait for it, in each period and group.

The rows are fetched once. In each period those count who met the event in it, and those who wait at its end (or at
`as_of`), as not having met it so far; those who were over without meeting it are left out.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crmkit.engine.buckets import Buckets
from crmkit.engine.query import START
from crmkit.kinds import Waiting
from crmkit.periods import Period
from crmkit.relations import at


def medians(
    table: ir.Table, groups: list[str], kind: Waiting, span: Buckets, cells: pd.Index, *, as_of: datetime | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the median of each cell in the kind's own unit, and the limits of its 95% interval."""
    rows = fetch(table, groups, kind, span)
    parts = [in_period(rows, period, groups, as_of=as_of) for period in span.periods]
    found = pd.concat(parts, ignore_index=True).set_index([START, *groups]).reindex(cells)
    return tuple(found[column].to_numpy(float) * kind.per_day for column in ("value", "low", "high"))


def fetch(table: ir.Table, groups: list[str], kind: Waiting, span: Buckets) -> pd.DataFrame:
    """Return the rows that count in any period: the groups, `begun`, `ended` and `met`."""
    begun, ended = kind.begun.at, kind.met.at
    counts = (begun < at(span.end)) & (ended.isnull() | (ended >= at(span.start)))
    rows = table.select(*groups, begun=begun, ended=ended, met=kind.met.where.fill_null(False), counts=counts)
    found = rows.filter(rows.counts).drop("counts").to_pyarrow().to_pandas()
    return found.astype({"begun": "datetime64[us]", "ended": "datetime64[us]", "met": bool})


def in_period(
    rows: pd.DataFrame, period: Period, groups: list[str], *, as_of: datetime | None, late: bool = False
) -> pd.DataFrame:
    """Return one row a group: `start`, the groups, `value`, `low`, `high` (days), `n`, `met` and `waiting`.

    With `late`, what began before the period is at risk only from its age at the period's start on.
    """
    from crmkit.methods.survival import kaplan_meier, median_survival  # methods build on the engine: no earlier

    start, end = pd.Timestamp(period.start), pd.Timestamp(period.end)
    known = min(end, pd.Timestamp(as_of)) if as_of is not None else end
    over = rows["ended"].notna() & (rows["ended"] < end)
    met = over & (rows["ended"] >= start) & rows["met"]
    cases = rows[met | (~over & (rows["begun"] < end))]
    days = (cases["ended"].where(met[cases.index], known) - cases["begun"]) / timedelta(days=1)
    entry = np.clip((start - cases["begun"]) / timedelta(days=1), -1, None) if late else days * 0 - 1
    usable = (days >= 0) & (days > entry)
    cases, days, entry, met = cases[usable], days[usable], entry[usable], met[cases.index][usable]
    codes = cases.groupby(groups, sort=True).ngroup().to_numpy() if groups else np.zeros(len(cases), int)
    named = cases[groups].drop_duplicates().sort_values(groups, ignore_index=True) if groups else None
    result = pd.DataFrame(index=range(1)) if named is None else named
    curve = kaplan_meier(days, met, groups=codes, entry=entry)
    found = median_survival(curve).set_index("group").reindex(result.index)
    result = result.assign(**{START: start})
    result[["value", "low", "high"]] = found[["median", "low", "high"]].to_numpy(float)
    result["n"] = np.bincount(codes, minlength=len(result))
    result["met"] = np.bincount(codes[met.to_numpy(bool)], minlength=len(result))
    return result.assign(waiting=result["n"] - result["met"])
