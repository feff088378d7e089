"""The simple lifetime value put to the test: what it promised of an early cohort, and what the cohort brought."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crmkit.engine import intervals
from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import names, run, said, with_customers
from crmkit.periods import Period, trailing_year
from crmkit.relations import at

HORIZONS = (3, 6, 12, 18, 24, 36)
_MONTH_DAYS = 365.25 / 12
_PARTS = ["average_order_value", "orders_per_customer", "churn_rate", "clv_simple"]
_COLUMNS = [
    "months", "predicted", "actual", "low", "high", "error", "error_share", "customers", "buyers", "censored",
]  # fmt: skip


def clv_backtest(
    crm: Any,
    *,
    cohort: str | Period | None = None,
    horizons: Sequence[int] = HORIZONS,
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Compare the simple lifetime value, as it was known then, with what an early cohort went on to bring.

    Parameters
    ----------
    crm : Crm
    cohort : str or Period, optional
        Customers acquired in it for the first time. The value is that of the 12 months to its end. By default the
        first 12 months that are wholly in the data and at whose end the value was known.
    horizons : list of int
        Months since each customer was acquired; a month is 30.44 days.
    by : str or list of str, optional
        Columns of customers, or of the tables they join to: each group by its own lifetime value.

    Returns
    -------
    DataFrame
        One row a group and horizon: one column for each of `by`, `months`, `predicted` (revenue per customer that the
        value promises until then), `actual` (mean revenue per customer, less returns), `low`, `high` (of the mean,
        95%, normal over customers), `error` (predicted − actual), `error_share` (÷ actual), `customers` (watched for
        so long), `buyers` (of them, who had ordered by then), `censored` (not watched for so long: left out). A
        horizon that nobody has been watched for has no `actual`. In `attrs`: `cohort` (its period's name), `known_at`
        (its end) and, without `by`, `clv`, `revenue_per_year`, `churn_rate`.

    Raises
    ------
    NotInThisData
        Where the value could not be known early enough to be followed.

    Notes
    -----
    Unrolled over time, average order value × orders per customer a year × 1 ÷ churn is: the revenue of a year r from
    each customer in the first, and each year only the share 1 − churn of the last: r + r (1 − c) + r (1 − c)² + …
    = r ÷ c. `predicted` is that sum up to the horizon, a part of a year in proportion.

    All who were acquired count, those too who never ordered: a value per customer is spent on everybody who is won.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abc"), "created_at": ["2023-01-01"] * 3,
    ...     "acquired_at": ["2023-01-01", "2023-01-01", "2024-06-01"], "lost_at": ["2024-12-31", None, None]},
    ...     "orders": {"order_id": list("123"), "customer_id": list("acc"), "amount": [100.0, 60.0, 30.0],
    ...     "ordered_at": ["2024-03-01", "2024-07-01", "2025-03-01"]}}, as_of="2025-12-31")
    >>> found = clv_backtest(crm, cohort="2024", horizons=[6, 12])  # 80 an order, 1 a year, 1 of 2 lost: 80 × 1 × 2
    >>> found.attrs["clv"], found[["months", "predicted", "actual"]].values.tolist()
    (160.0, [[6.0, 40.0, 60.0], [12.0, 80.0, 90.0]])
    """
    wanted = names(by)
    if reason := lacks(crm, "clv_simple"):
        raise NotInThisData(f"clv_backtest: not in this data, {reason}.")
    months = _horizons(horizons)
    span = crm.period(cohort) if cohort is not None else _first_known(crm)
    known = crm.measure(_PARTS, period=trailing_year(span), by=wanted, intervals=False)
    known = known.pivot(index=wanted or "period", columns="metric", values="value").reset_index()
    if known["clv_simple"].isna().all():
        raise NotInThisData(f"clv_backtest: nobody was lost or nobody ordered in the year to {span.end:%Y-%m-%d}.")
    sums = _watched(crm, span, months, wanted)
    rows = [_row(group, month, sums, wanted) for group in known.to_dict("records") for month in months]
    found = pd.DataFrame([row for row in rows if row], columns=[*wanted, *_COLUMNS])
    about = {"cohort": span.name, "known_at": span.end, "title": "Revenue per customer", "unit": "money"}
    if not wanted:
        one = known.iloc[0]
        yearly = float(one["average_order_value"] * one["orders_per_customer"])
        about |= {"clv": float(one["clv_simple"]), "revenue_per_year": yearly, "churn_rate": float(one["churn_rate"])}
    return said(found, crm, **about)


def promised(revenue_per_year: float, churn_rate: float, months: float) -> float:
    """Return what the simple lifetime value promises within so many months of being won.

    Examples
    --------
    >>> promised(100.0, 0.5, 12), promised(100.0, 0.5, 18), promised(100.0, 0.5, 24)
    (100.0, 125.0, 150.0)
    """
    whole, part = divmod(months / 12, 1)
    kept = 1 - churn_rate
    return float(revenue_per_year * (sum(kept**year for year in range(int(whole))) + part * kept**whole))


def _horizons(horizons: Sequence[int]) -> list[int]:
    if not len(horizons) or any(isinstance(m, bool) or not isinstance(m, int) or m < 1 for m in horizons):
        raise UsageError(f"horizons is {horizons!r}; give whole numbers of months, such as [6, 12, 24].")
    return sorted(set(horizons))


def _first_known(crm) -> Period:
    """Return the first 12 months that lie wholly in the data and at whose end a lifetime value was known."""
    first = crm.relations.get("orders").ordered_at.min().to_pyarrow().as_py()
    if first is None or crm.as_of is None:
        raise NotInThisData("clv_backtest: not in this data, there are no dated orders.")
    calendar = crm.config.calendar
    start = calendar.floor(first, "month")
    if first - start >= timedelta(days=1):  # a month that the data begins in the middle of is not whole
        start = calendar.step(start, "month", 1)
    begins = calendar.step(start, "month", 12)
    latest = crm.as_of - timedelta(days=_MONTH_DAYS * 3)
    if begins > latest:
        raise NotInThisData("clv_backtest: not in this data, orders do not reach back 15 months.")
    month = calendar.step(begins, "month", -1)
    while calendar.step(month, "month", 1) <= latest:
        year = trailing_year(Period(month, calendar.step(month, "month", 1), "month", calendar))
        churn = crm.measure("churn_rate", period=year, intervals=False)["value"].iloc[0]
        if churn > 0:
            return year
        month = calendar.step(month, "month", 1)
    raise NotInThisData("clv_backtest: not in this data, in no early year is it known how many customers leave.")


def _days(month: int) -> int:
    return int(month * _MONTH_DAYS)


def _watched(crm, span: Period, months: list[int], by: list[str]) -> pd.DataFrame:
    """Sum up what the cohort brought by each horizon: one query, one row a group."""
    spells = crm.relations.get("spells")
    inside = (spells.acquired_at >= at(span.start)) & (spells.acquired_at < at(span.end))
    won, groups = with_customers(crm, spells.filter((spells.spell == 1) & inside), by)
    orders = crm.relations.get("orders").select(buyer="customer_id", ordered_at="ordered_at", amount="amount")
    rows = won.left_join(orders, won.customer_id == orders.buyer)
    brought: dict[str, ir.Value] = {}
    for month in months:
        soon = rows.ordered_at < rows.acquired_at + ibis.interval(days=_days(month))
        brought[f"revenue_{month}"] = rows.amount.sum(where=soon).fill_null(0.0)
        brought[f"orders_{month}"] = rows.count(where=soon & (rows.amount >= 0))
    each = rows.group_by("customer_id", "acquired_at", *groups).agg(**brought)
    sums: dict[str, ir.Value] = {"everyone": each.count()}
    for month in months:
        watched = each.acquired_at + ibis.interval(days=_days(month)) <= at(crm.as_of)
        revenue = each[f"revenue_{month}"]
        sums[f"n_{month}"] = each.count(where=watched)
        sums[f"sum_{month}"] = revenue.sum(where=watched)
        sums[f"squares_{month}"] = (revenue * revenue).sum(where=watched)
        sums[f"buyers_{month}"] = each.count(where=watched & (each[f"orders_{month}"] > 0))
    found = run(each.group_by(groups).agg(**sums) if groups else each.agg(**sums))
    return found.rename(columns=dict(zip(groups, by, strict=True)))


def _row(group: dict, month: int, sums: pd.DataFrame, by: list[str]) -> dict:
    """Return one group at one horizon; nothing where nobody of the group was acquired."""
    mine = sums
    for name in by:
        mine = mine[mine[name] == group[name]]
    if not len(mine) or not mine["everyone"].iloc[0]:
        return {}
    one = mine.iloc[0]
    n, total, squares = (float(np.nan_to_num(one[f"{name}_{month}"])) for name in ("n", "sum", "squares"))
    yearly = group["average_order_value"] * group["orders_per_customer"]
    predicted = promised(yearly, group["churn_rate"], month) if pd.notna(yearly * group["churn_rate"]) else np.nan
    actual = total / n if n else np.nan
    low, high = intervals.normal(np.array([total]), np.array([squares]), np.array([n]))
    return {name: group[name] for name in by} | {
        "months": float(month),
        "predicted": predicted,
        "actual": actual,
        "low": float(low[0]),
        "high": float(high[0]),
        "error": predicted - actual,
        "error_share": (predicted - actual) / actual if actual else np.nan,
        "customers": n,
        "buyers": float(one[f"buyers_{month}"]),
        "censored": float(one["everyone"]) - n,
    }
