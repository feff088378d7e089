"""Several metrics by unit and period, side by side: one row of a panel for each user, team or other group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import said
from crmkit.metric import all_metrics
from crmkit.periods import Period

WAYS = {
    "first_response_hours": ("agent_id", "agent.team"),
    "resolution_hours": ("agent_id", "agent.team"),
    "lead_follow_up_hours": ("owner_id", "owner.team"),
    "interactions_per_agent": ("user_id", "user.team"),
    "routine_minutes": ("user_id", "user.team"),
    "days_active_per_user": ("user_id", "user.team"),
    "records_updated_per_user": ("user_id", "user.team"),
    "stale_share": ("owner_id", "owner.team"),
    "csat": ("agent_id", "ticket.agent.team"),
    "ces_easy": ("agent_id", "ticket.agent.team"),
    "nps": ("customer.owner_id", "customer.owner.team"),
    "churn_rate": ("customer.owner_id", "customer.owner.team"),
    "win_rate": ("owner_id", "owner.team"),
    "sales_cycle_days": ("owner_id", "owner.team"),
}
"""By which column each number is split among users, and among teams."""


def panel(
    crm,
    metrics: Sequence[str],
    *,
    by: str | Mapping[str, str] = "user",
    every: str = "quarter",
    period: str | Period | None = None,
) -> pd.DataFrame:
    """Measure several metrics by unit and period, side by side.

    Parameters
    ----------
    crm : Crm
    metrics : list of str
    by : str or mapping of str to str
        "user" or "team": each metric by its own way to users or teams (`WAYS`). Or a column, such as "segment"; or for
        each metric its column.
    every : {"week", "month", "quarter", "year"}
    period : str or Period, optional
        By default all.

    Returns
    -------
    DataFrame
        One row a unit and period: `unit`, `period`, and one column a metric. A cell is null where there was nothing to
        measure. In `attrs["missing"]`, by metric, why one is left out altogether.

    Raises
    ------
    UsageError
        Where a metric has no way to users or teams, and none is given.
    """
    missing: dict[str, str] = {}
    columns = {}
    for name in metrics:
        if name not in all_metrics():
            missing[name] = "is not in the catalogue"
        elif reason := lacks(crm, name):
            missing[name] = reason
        else:
            columns.setdefault(_way(name, by), []).append(name)
    parts = []
    for column, names in columns.items():
        for group in (names,) if by in ("user", "team") else ([name] for name in names):
            try:
                found = crm.measure(group, every=every, period=period, by=column, intervals=False)
            except UsageError:
                missing |= dict.fromkeys(group, f"cannot be split by {column}")
                continue
            parts.append(found.rename(columns={column: "unit"})[["metric", "period", "unit", "value"]])
    if not parts:
        raise NotInThisData(f"association: not in this data, {next(iter(missing.values()), 'no metric was named')}.")
    rows = pd.concat(parts, ignore_index=True)
    rows = rows[rows["value"].notna() & (rows["unit"] != "(none)")]
    wide = rows.pivot(index=["unit", "period"], columns="metric", values="value").rename_axis(columns=None)
    wide = wide.reindex(columns=[name for name in metrics if name in wide]).reset_index()
    return said(wide, crm, left_out=missing, by=by if isinstance(by, str) else "", every=every)


def _way(name: str, by: str | Mapping[str, str]) -> str:
    if not isinstance(by, str):
        if name not in by:
            raise UsageError(f"by names no column for {name}; it has {', '.join(by)}.")
        return by[name]
    if by not in ("user", "team"):
        return by
    if name not in WAYS:
        raise UsageError(
            f"{name} has no known way to a {by}: give by={{{name!r}: column}}. {', '.join(WAYS)} have one."
        )
    return WAYS[name][by == "team"]
