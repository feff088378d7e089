"""Bridges: how the customers, or the recurring revenue, of a period's start became those of its end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import names, need, said
from crmkit.periods import Period

_CUSTOMERS = {
    "customers_at_start": 1,
    "new_customers": 1,
    "reactivated_customers": 1,
    "lost_customers": -1,
    "customers_at_end": 1,
}
_MRR = {
    "mrr_at_start": 1,
    "new_mrr": 1,
    "reactivation_mrr": 1,
    "expansion_mrr": 1,
    "contraction_mrr": -1,
    "churned_mrr": -1,
    "mrr": 1,
}
_NUMBERS = {"step", "kind", "value"}


def customer_bridge(
    crm, *, period: str | Period, every: str | None = None, by: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the customers at the start, those who came, came back and left, and the customers at the end.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    every : {"week", "month", "quarter", "year"}, optional
        A bridge for each of these.
    by : str or list of str, optional
        A bridge for each group, by columns of customers or of the tables they join to.

    Returns
    -------
    DataFrame
        Five rows a period and group, in order: `period` (start), one column for each of `by`, `step` (the metric's
        name), `value` (customers; losses are below 0), `kind` (start, change, end). `bridge_gap` checks that it closes.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abc"), "created_at": ["2025-01-01"] * 3,
    ...     "acquired_at": ["2025-01-01", "2025-06-01", "2026-01-09"], "lost_at": ["2026-01-31", None, None]}})
    >>> customer_bridge(crm, period="2026-01").value.tolist()
    [2.0, 1.0, 0.0, -1.0, 2.0]
    """
    need(crm, "customer_bridge", "spells")
    return said(_bridge(crm, _CUSTOMERS, period, every, names(by)), crm, title="Customers", unit="count")


def mrr_bridge(
    crm, *, period: str | Period, every: str | None = None, by: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the monthly recurring revenue at the start, what was won, raised, lowered and lost, and that at the end.

    Parameters
    ----------
    crm, period, every, by
        As in `customer_bridge`.

    Returns
    -------
    DataFrame
        Seven rows a period and group, as in `customer_bridge`; `value` is money a month.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": list("123"), "customer_id": list("aab"),
    ...     "mrr": [100.0, 140.0, 40.0], "started_at": ["2025-01-01", "2026-01-15", "2025-02-01"],
    ...     "ended_at": ["2026-01-15", None, "2026-01-31"]}})
    >>> mrr_bridge(crm, period="2026-01").value.tolist()
    [140.0, 0.0, 0.0, 40.0, 0.0, -40.0, 140.0]
    """
    need(crm, "mrr_bridge", "subscriptions")
    return said(_bridge(crm, _MRR, period, every, names(by)), crm, title="Monthly recurring revenue", unit="money")


def bridge_gap(frame: pd.DataFrame, *, tolerance: float = 0.005) -> pd.DataFrame:
    """Check that bridges close: that start and changes add up to the end.

    Parameters
    ----------
    frame : DataFrame
        What `customer_bridge` or `mrr_bridge` returns.
    tolerance : float
        The largest gap that closes: half a cent.

    Returns
    -------
    DataFrame
        One row a period and group: their columns, `start`, `change`, `end`, `gap` (end − start − change), `closes`.

    Examples
    --------
    >>> steps = {"step": ["a", "b", "c"], "value": [2.0, 1.0, 3.0], "kind": ["start", "change", "end"]}
    >>> bridge_gap(pd.DataFrame(steps))
       start  change  end  gap  closes
    0    2.0     1.0  3.0  0.0    True
    """
    if missing := _NUMBERS - set(frame.columns):
        raise UsageError(f"The bridge lacks {', '.join(sorted(missing))}; give what customer_bridge() returns.")
    keys = [column for column in frame.columns if column not in _NUMBERS]
    sums = frame.pivot_table(index=keys or None, columns="kind", values="value", aggfunc="sum", sort=True)
    if not keys:
        sums = frame.groupby("kind")["value"].sum().to_frame().T.reset_index(drop=True)
    sums = sums.reindex(columns=["start", "change", "end"]).rename_axis(columns=None)
    sums["gap"] = sums["end"] - sums["start"] - sums["change"]
    sums["closes"] = sums["gap"].abs() <= np.maximum(tolerance, 1e-12 * sums["end"].abs())
    return sums.reset_index() if keys else sums


def _bridge(crm, steps: dict[str, int], period: str | Period, every: str | None, by: list[str]) -> pd.DataFrame:
    for step in steps:
        if reason := lacks(crm, step):
            raise NotInThisData(f"The bridge is not in this data: {step} {reason}.")
    measured = crm.measure(list(steps), period=period, every=every, by=by, intervals=False)
    keys = ["period", *by]
    # A group without any move in one of the tables has no row for it: nothing moved, which is 0.
    wide = measured.pivot(index=keys, columns="metric", values="value").fillna(0.0)[list(steps)]
    long = (wide * np.array(list(steps.values()), float) + 0.0).reset_index()
    long = long.melt(keys, var_name="step", value_name="value")
    first, *_, last = steps
    long["kind"] = np.where(long["step"] == first, "start", np.where(long["step"] == last, "end", "change"))
    long["place"] = long["step"].map({step: place for place, step in enumerate(steps)})
    return long.sort_values([*keys, "place"], ignore_index=True)[[*keys, "step", "value", "kind"]]
