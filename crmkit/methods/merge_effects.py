"""What merging does to the numbers: every metric before and after, and which of them move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.merges import beside
from crmkit.merging import UNMERGED, merged, shown_alike
from crmkit.metric import all_metrics, find
from crmkit.periods import Period
from crmkit.personal.readers import whole

if TYPE_CHECKING:
    from crmkit.crm import Crm

_ALIKE = 1e-9


def merge_effects(
    crm: Crm,
    merges: Any,
    *,
    period: str | Period = "latest",
    metrics: Sequence[str] | None = None,
    by: str = "",
) -> pd.DataFrame:
    """Measure metrics before and after records are merged.

    Parameters
    ----------
    crm : Crm
    merges : Crm, path, DataFrame or mapping
        The same CRM with its records merged, or a merge map as `crmkit.merging.merged` takes it.
    period : str or Period
    metrics : list of str, optional
        By default all that this data can answer.
    by : str, optional
        A column to split them by, such as segment.

    Returns
    -------
    DataFrame
        One row a metric (and group): `metric`, `title`, `unit`, `better`, a column for `by` where it is given,
        `before`, `after`, `change`, `relative` (change ÷ before; null where that is 0 or unknown), `changed`. Those
        that move most, for their size, stand first. In `attrs`: `period`, `currency`, `as_of`.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": ["1", "2"], "created_at": ["2026-01-01"] * 2},
    ...     "orders": {"order_id": ["a", "b"], "customer_id": ["1", "2"], "ordered_at": ["2026-02-01"] * 2,
    ...     "amount": [30.0, 10.0]}}, as_of="2026-03-31")
    >>> found = merge_effects(crm, {"table": ["customers"], "id": ["2"], "into": ["1"]}, period="2026-Q1",
    ...                       metrics=["orders_per_customer", "revenue"])
    >>> found[["metric", "before", "after", "relative"]].values.tolist()
    [['orders_per_customer', 1.0, 2.0, 1.0], ['revenue', 40.0, 40.0, 0.0]]
    """
    other = merges if hasattr(merges, "relations") else merged(crm, merges)
    now = crm.period(period)
    names = list(metrics) if metrics is not None else list(all_metrics())
    able = [name for name in names if not lacks(crm, name) and not lacks(other, name)]
    groups = [by] if by else []
    keys = ["metric", *groups]
    before, after = (_values(one, able, now, by)[[*keys, "value"]] for one in (crm, other))
    both = before.merge(after, on=keys, how="outer", suffixes=("_before", "_after"), validate="one_to_one")
    both = both.rename(columns={"value_before": "before", "value_after": "after"})
    about = [find(name) for name in both["metric"]]
    both["title"], both["unit"] = [one.title for one in about], [one.unit for one in about]
    both["better"] = [one.better for one in about]
    both["change"] = both["after"] - both["before"]
    both["relative"] = (both["change"] / both["before"].abs().where(both["before"] != 0)).astype(float)
    both["changed"] = _moved(both["before"], both["after"])
    order = both["relative"].abs().where(both["changed"], -1.0).fillna(np.inf)
    both = both.assign(order_=-order).sort_values(["order_", *keys], kind="stable", ignore_index=True)
    columns = ["metric", "title", "unit", "better", *groups, "before", "after", "change", "relative", "changed"]
    found = both[columns]
    found.attrs |= {"period": now.name, "currency": crm.config.currency, "as_of": crm.as_of}
    return found


def unmerged(crm: Crm) -> Crm | None:
    """Return the CRM before its merges.csv was applied; None where nothing was merged.

    >>> import crmkit
    >>> unmerged(crmkit.open({"leads": {"lead_id": ["a"], "created_at": ["2026-01-01"]}})) is None
    True
    """
    behind = whole(crm)
    found = behind.remembered.get(UNMERGED)
    told = any(" merged into " in note for note in behind.notes)  # a copy that a report shares has but the notes
    if found is None and told and behind.files and beside(behind.label) is not None:
        import crmkit

        found = behind.remembered[UNMERGED] = crmkit.open(behind.label, merges=False)
    return None if found is None else shown_alike(found, crm)


def _values(crm: Crm, names: list[str], period: Period, by: str) -> pd.DataFrame:
    if not by:
        return (
            crm.measure(names, period=period, intervals=False) if names else pd.DataFrame(columns=["metric", "value"])
        )
    parts = [crm.measure(name, period=period, by=by, intervals=False) for name in names]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["metric", by, "value"])


def _moved(before: pd.Series, after: pd.Series) -> pd.Series:
    """Tell whether a value moved by more than a sum's last places, or became known or unknown."""
    one, other = before.astype(float), after.astype(float)
    near = (one - other).abs() <= _ALIKE * np.maximum(one.abs(), other.abs())
    return ~(near | (one.isna() & other.isna()))
