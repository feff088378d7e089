"""Why a metric changed: each group's part in the change, by its weight (mix) and by its own value (rate)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmkit.engine.measure import measure_both
from crmkit.errors import UsageError
from crmkit.metric import find
from crmkit.periods import Period
from crmkit.personal.small_groups import gather_small_parts

TOLERANCE = 1e-9


def explain(
    crm,
    metric: str,
    *,
    period: str | Period,
    against: str | Period,
    by: str,
    smallest_group: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """Split the change of a metric between two periods into each group's mix and rate effect.

    A share or mean changes because groups weigh more or less (mix), and because their own values change (rate). With
    weights w and values r before (0) and after (1), and R the whole, group g contributes
    mix = (w1 − w0) · ((r0 + r1)/2 − (R0 + R1)/2) and rate = (w0 + w1)/2 · (r1 − r0). Summed over the groups these are
    the change, exactly. A group that is there in one period only has a mix effect alone. A count or a total is
    additive: each group's own change is its rate effect.

    Parameters
    ----------
    crm : Crm
    metric : str
        A share, mean or ratio whose parts add up over the groups, or a count, total or level.
    period, against : str or Period
        The later and the earlier period.
    by : str
        The column that makes the groups.
    smallest_group : int
        Groups made from fewer, in either period, are put together in one row; 0 leaves every group by itself.
    **options
        Options of the metric.

    Returns
    -------
    DataFrame
        One row a group: `metric`, the group, `value`, `previous`, `weight`, `previous_weight` (null for counts and
        totals), `mix`, `rate`, `effect` (their sum), in the metric's unit; the largest effect first.

    Raises
    ------
    UsageError
        Where the metric is a formula whose parts do not add up over groups, such as sales velocity.

    Source
    ------
    E. M. Kitagawa (1955), Components of a difference between two rates, JASA 50, 1168-1194.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("abc"), "customer_id": list("xyx"), "amount": [10.0, 5.0, 30.0],
    ...     "ordered_at": ["2026-01-01", "2026-02-01", "2026-02-02"], "channel": ["web", "web", "shop"]}})
    >>> parts = explain(crm, "revenue", period="2026-02", against="2026-01", by="channel")
    >>> parts[["channel", "effect"]].values.tolist()
    [['shop', 30.0], ['web', -5.0]]
    """
    if not isinstance(by, str):
        raise UsageError("explain takes one column in by; call it once for each.")
    whole_after, whole_before = _whole(crm, metric, period, against, options)
    found = measure_both(crm, metric, period=period, against=against, by=by, intervals=False, **options)
    after, before = (frame.set_index(by) for frame in found)
    groups = pd.Index(sorted({*after.index, *before.index}), name=by)
    after, before = after.reindex(groups), before.reindex(groups)
    frame = _ratio if whole_after["denominator"].notna().all() and whole_before["denominator"].notna().all() else _sum
    found = frame(after, before, whole_after.iloc[0], whole_before.iloc[0])
    _check(metric, by, found, whole_after["value"].item() - whole_before["value"].item())
    found.insert(0, "metric", metric)
    order = found["effect"].abs().sort_values(ascending=False, kind="stable").index
    columns = ["metric", by, "value", "previous", "weight", "previous_weight", "mix", "rate", "effect"]
    found = found.loc[order].reset_index()[columns]
    found.attrs |= {"as_of": crm.as_of, "currency": crm.config.currency}
    if smallest_group:
        sizes = pd.concat([after["n"], before["n"]], axis=1).replace(0, np.nan).min(axis=1)
        return gather_small_parts(found, by, sizes, smallest=smallest_group)
    return found


def _whole(crm, metric: str, period, against, options) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure the metric without groups in both periods, once for all columns by which it is explained."""
    asked = ("whole", metric, crm.period(period), crm.period(against), tuple(sorted(options.items())))
    if asked not in crm.remembered:
        both = measure_both(crm, metric, period=period, against=against, intervals=False, **options)
        crm.remembered[asked] = both
    for frame, name in zip(crm.remembered[asked], (period, against), strict=True):
        if frame["value"].isna().any():
            named = crm.period(name).name
            raise UsageError(
                f"{metric} has no value in {named}: {frame['note'].iloc[0]}. There is no change to explain."
            )
    return crm.remembered[asked]


def _ratio(after: pd.DataFrame, before: pd.DataFrame, whole: pd.Series, whole_before: pd.Series) -> pd.DataFrame:
    weight = after["denominator"].fillna(0) / whole["denominator"]
    weight_before = before["denominator"].fillna(0) / whole_before["denominator"]
    rate_after = after["numerator"] / after["denominator"].where(after["denominator"] > 0)
    rate_before = before["numerator"] / before["denominator"].where(before["denominator"] > 0)
    known_after, known_before = rate_after.fillna(rate_before), rate_before.fillna(rate_after)
    middle = (whole["numerator"] / whole["denominator"] + whole_before["numerator"] / whole_before["denominator"]) / 2
    mix = ((weight - weight_before) * ((known_after + known_before) / 2 - middle)).fillna(0)
    rate = ((weight + weight_before) / 2 * (known_after - known_before)).fillna(0)
    return pd.DataFrame(
        {
            "value": after["value"],
            "previous": before["value"],
            "weight": weight,
            "previous_weight": weight_before,
            "mix": mix,
            "rate": rate,
            "effect": mix + rate,
        }
    )


def _sum(after: pd.DataFrame, before: pd.DataFrame, whole: pd.Series, whole_before: pd.Series) -> pd.DataFrame:
    change = after["value"].fillna(0) - before["value"].fillna(0)
    return pd.DataFrame(
        {
            "value": after["value"],
            "previous": before["value"],
            "weight": np.nan,
            "previous_weight": np.nan,
            "mix": 0.0,
            "rate": change,
            "effect": change,
        }
    )


def _check(metric: str, by: str, found: pd.DataFrame, change: float) -> None:
    """Refuse a result whose parts do not add up to the change."""
    scale = max(abs(change), found["effect"].abs().max() if len(found) else 0.0, 1e-12)
    if abs(found["effect"].sum() - change) > TOLERANCE * scale * max(len(found), 1) * 100:
        formula = find(metric).formula
        raise UsageError(
            f"{metric} cannot be split by {by}: it is no share, mean or sum over the groups ({formula}). "
            "Explain its parts one by one, or use crmkit.methods.levers."
        )
