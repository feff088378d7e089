"""Purchases of each customer in the three numbers that models of buying need: how often, until when, since when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from crmkit import config as settings
from crmkit.casting import TIME
from crmkit.engine.money import check_currencies
from crmkit.errors import DataError, UsageError
from crmkit.methods.common import as_table, names, need, pick, run, with_customers
from crmkit.metric import find
from crmkit.periods import Period
from crmkit.relations import at

UNITS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}
"""Units of time, in days."""
_NEEDS = ("customer_id", "ordered_at", "amount")
_DAY = 86_400


def purchase_summary(
    crm: Any,
    *,
    until: str | date | datetime | Period | None = None,
    unit: str = "week",
    by: str | Sequence[str] | None = None,
    holdout_until: str | date | datetime | Period | None = None,
    deals: bool = True,
) -> pd.DataFrame:
    """Summarise the purchases of each customer up to a day, and what came after it.

    Parameters
    ----------
    crm : Crm, Ibis table or DataFrame
        A Crm, or orders with the columns customer_id, ordered_at and amount.
    until : str, date, datetime or Period, optional
        The last day that counts, whole; of a period its last. By default the last that the data knows.
    unit : {"day", "week", "month", "year"}
        Of `recency` and `T`; a month is 30.44 days.
    by : str or list of str, optional
        Columns of customers, or of the tables they join to; each becomes a column. Needs a Crm.
    holdout_until : str, date, datetime or Period, optional
        A later day: what was bought after `until` and up to it is counted beside, to judge a model by.
    deals : bool
        Whether orders that name an opportunity count. What a salesman negotiates is seldom a habit.

    Returns
    -------
    DataFrame
        One row a customer who bought up to `until`: `customer_id`, one column for each of `by`, `first_at` (day of the
        first purchase), `frequency` (purchases after the first), `recency` (from the first to the last), `T` (from the
        first to the end of `until`), `value` (mean amount of the purchases after the first; null where there are none),
        `first_value`; and with `holdout_until` `holdout_purchases` and `holdout_value` (their amount). In `attrs`:
        `unit`, `until`, `holdout_until`, `holdout` (the time between, in units), `orders`, `returns` (left out),
        `same_day` (orders on a day on which the customer had already bought: one purchase with them), `currency`.

    Notes
    -----
    A purchase is a day on which a customer ordered. An order of a negative amount is a return: it is no purchase, and
    reduces none. Orders without a customer, a date or an amount are left out.

    Raises
    ------
    UsageError
        Where an option is wrong, or a day lies beyond what the data knows.
    NotInThisData
        Where there are no orders.

    Source
    ------
    P. S. Fader, B. G. S. Hardie and K. L. Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": list("aaaab"), "amount": [10.0, 20.0, 4.0, -20.0, 9.0],
    ...     "ordered_at": pd.to_datetime(["2026-01-01", "2026-01-15", "2026-01-15", "2026-01-20", "2026-01-08"])})
    >>> purchase_summary(orders, until="2026-01-29").drop(columns="first_at")
      customer_id  frequency  recency    T  value  first_value
    0           a          1      2.0  4.0   24.0         10.0
    1           b          0      0.0  3.0    NaN          9.0
    """
    days = UNITS[pick("unit", unit, tuple(UNITS))]
    orders, known, currency = _orders(crm, deals)
    end, after = last_day(crm, until, known), last_day(crm, holdout_until, known)
    if holdout_until is not None and after <= end:
        raise UsageError(f"purchase_summary: holdout_until {after:%Y-%m-%d} must lie after until {end:%Y-%m-%d}.")
    wanted = names(by)
    bought, counts = _purchases(orders, end)
    first = ibis.window(group_by="customer_id", order_by="day")
    rows = bought.mutate(turn=ibis.row_number().over(first))
    inside = rows.day <= at(end)
    found = rows.group_by("customer_id").agg(
        first_at=rows.day.min(),
        last_at=rows.day.max(where=inside),
        purchases=rows.count(where=inside),
        again=rows.amount.sum(where=inside & (rows.turn > 0)),
        first_value=rows.amount.sum(where=rows.turn == 0),
        holdout_purchases=rows.count(where=~inside & (rows.day <= at(after))),
        holdout_value=rows.amount.sum(where=~inside & (rows.day <= at(after))),
    )
    found = found.filter(found.first_at <= at(end))
    groups: list[str] = []
    if wanted:
        if not hasattr(crm, "relations"):
            raise UsageError("purchase_summary: `by` needs a Crm, whose customers have such columns.")
        found, groups = with_customers(crm, found, wanted)
    frame = run(found).rename(columns=dict(zip(groups, wanted, strict=True)))
    made = _measured(frame.sort_values("customer_id", ignore_index=True), wanted, end, days)
    about = {"unit": unit, "until": end, "currency": currency, "as_of": known, **counts}
    if holdout_until is None:
        made = made.drop(columns=["holdout_purchases", "holdout_value"])
    else:
        about |= {"holdout_until": after, "holdout": (after - end).days / days}
    made.attrs |= about
    return made


def repeat_purchases(
    crm: Any, *, until: str | date | datetime | Period | None = None, deals: bool = True, customers: Any = None
) -> pd.DataFrame:
    """Count the purchases that were not a customer's first, by day, and the first ones beside them.

    Parameters
    ----------
    crm, until, deals
        As in `purchase_summary`.
    customers : list of customer_id, optional
        Count these alone.

    Returns
    -------
    DataFrame
        One row a day on which somebody bought, in order: `day`, `first` (customers who bought for the first time),
        `repeat` (customers who had bought before).

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": list("aab"), "amount": [10.0, 20.0, 4.0],
    ...     "ordered_at": pd.to_datetime(["2026-01-01", "2026-01-15", "2026-01-15"])})
    >>> repeat_purchases(orders)[["first", "repeat"]].values.tolist()
    [[1, 0], [1, 1]]
    """
    orders, known, _ = _orders(crm, deals)
    bought, _ = _purchases(orders, known)
    bought = bought.filter(bought.day <= at(last_day(crm, until, known)))
    if customers is not None:
        wanted = ibis.memtable(pd.DataFrame({"wanted_id": pd.Series(customers, dtype="str")}))
        bought = bought.semi_join(wanted, bought.customer_id == wanted.wanted_id)
    first = ibis.window(group_by="customer_id", order_by="day")
    rows = bought.mutate(turn=ibis.row_number().over(first))
    found = rows.group_by("day").agg(first=rows.count(where=rows.turn == 0), repeat=rows.count(where=rows.turn > 0))
    return run(found).sort_values("day", ignore_index=True)


def _purchases(orders: ir.Table, end: datetime) -> tuple[ir.Table, dict[str, int]]:
    """Return one row a customer and day of buying, and what was counted on the way up to the end."""
    day = orders.ordered_at.truncate("D").cast(TIME)
    inside = day <= at(end)
    counted = run(orders.agg(
        orders=orders.count(where=inside & (orders.amount >= 0)),
        returns=orders.count(where=inside & (orders.amount < 0)),
    )).iloc[0]  # fmt: skip
    placed = orders.mutate(day=day).filter(orders.amount >= 0)
    bought = placed.group_by("customer_id", "day").agg(amount=placed.amount.sum())
    days = int(bought.filter(bought.day <= at(end)).count().to_pyarrow().as_py())
    counts = {name: int(counted[name]) for name in ("orders", "returns")}
    return bought, counts | {"same_day": counts["orders"] - days}


def _orders(crm: Any, deals: bool) -> tuple[ir.Table, datetime, str]:
    """Return the orders that can be used, the last day that the data knows, and the currency."""
    columns = list(_NEEDS)
    if hasattr(crm, "relations"):
        need(crm, "purchase_summary", "orders")
        check_currencies(crm, find("revenue"), [])
        orders, known, currency = crm.relations.get("orders"), crm.as_of, crm.config.currency
    else:
        orders = as_table(crm)
        if missing := [name for name in _NEEDS if name not in orders.columns]:
            raise UsageError(
                f"purchase_summary: the orders lack the column {' and '.join(missing)}. They have: "
                f"{', '.join(orders.columns)}."
            )
        if not (orders.ordered_at.type().is_temporal() and orders.amount.type().is_numeric()):
            raise UsageError(
                "purchase_summary: ordered_at must be a time and amount a number; "
                "crmkit.open({'orders': …}) reads them."
            )
        orders = orders.mutate(ordered_at=orders.ordered_at.cast(TIME), amount=orders.amount.cast("float64"))
        known, currency = orders.ordered_at.max().to_pyarrow().as_py(), ""
    if known is None:
        raise DataError("purchase_summary: no order has a date, so nothing is known of when customers buy.")
    if not deals and "opportunity_id" in orders.columns:
        orders = orders.filter(orders.opportunity_id.isnull())
    orders = orders.select(*columns)
    return orders.filter(*(orders[name].notnull() for name in columns)), known, currency


def last_day(crm: Any, given: Any, known: datetime) -> datetime:
    """Return the midnight that begins the last day that counts: of a day, a period, or by default of what is known."""
    last = known.replace(hour=0, minute=0, second=0, microsecond=0)
    if given is None:
        return last
    if isinstance(given, Period):
        day = given.end - timedelta(microseconds=1)
    elif hasattr(crm, "period") and isinstance(given, str) and given.count("-") != 2:
        day = crm.period(given).end - timedelta(microseconds=1)
    else:
        day = settings.read({"as_of": given}).as_of
    day = day.replace(hour=0, minute=0, second=0, microsecond=0)
    if day > last and hasattr(crm, "relations"):  # of a plain table nobody says up to when it is complete
        raise UsageError(f"until: {day:%Y-%m-%d} lies after {last:%Y-%m-%d}, the last day that the data knows.")
    return day


def _measured(frame: pd.DataFrame, by: list[str], end: datetime, days: float) -> pd.DataFrame:
    again = frame["purchases"] - 1
    made = frame[["customer_id", *by, "first_at"]].copy()
    made["frequency"] = again.astype("int64")
    made["recency"] = (frame["last_at"] - frame["first_at"]).dt.days / days
    made["T"] = (pd.Timestamp(end) - frame["first_at"]).dt.days / days
    made["value"] = (frame["again"] / again.where(again > 0)).astype(float)
    made["first_value"] = frame["first_value"].astype(float)
    made["holdout_purchases"] = frame["holdout_purchases"].astype("int64")
    made["holdout_value"] = frame["holdout_value"].fillna(0.0).astype(float)
    return made
