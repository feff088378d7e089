"""Recency, frequency and monetary value of each customer: who bought lately, often, and for how much."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from crmkit import config as settings
from crmkit.casting import TIME
from crmkit.engine.money import check_currencies
from crmkit.errors import UsageError
from crmkit.methods.common import as_table, need
from crmkit.metric import find
from crmkit.relations import at

_NEEDS = ("customer_id", "ordered_at", "amount")
_DAY = 86_400


def rfm(crm: Any, *, as_of: str | date | datetime | None = None, scores: int | None = None) -> ir.Table:
    """Return recency, frequency and monetary value, one row a customer.

    Parameters
    ----------
    crm : Crm, Ibis table or DataFrame
        A Crm, or orders with the columns customer_id, ordered_at and amount.
    as_of : str, date or datetime, optional
        The moment to look back from; a date stands for its whole day. What lies after it has not happened yet. By
        default the Crm's own, and for a table the day of its last order.
    scores : int, optional
        Into how many classes to score, such as 5. By default there are no scores.

    Returns
    -------
    Ibis table
        `customer_id`, `recency_days` (calendar days since the last order), `frequency` (orders), `monetary` (the
        orders' amount, less returns). A return, which is an order of a negative amount, counts in `monetary` only.
        With `scores` also `recency_score`, `frequency_score` and `monetary_score`, from 1 to `scores`, the best.
        `to_pandas()` makes a DataFrame of it. Left out: customers without an order that is no return, and orders
        without a customer, a date or an amount.

    Raises
    ------
    UsageError
        Where a column of the table or an option is wrong, or `as_of` lies after the last day that the data knows.
    NotInThisData
        Where there are no orders.
    DataError
        Where orders are in several currencies and no rates are given.

    Notes
    -----
    A score is 1 + the whole part of `scores` × the share of customers who do strictly worse. So customers who are equal
    have equal scores, whatever their order or ids, and where many are equal a class can stay empty: if 70% of the
    customers ordered once, all of them have frequency score 1 and the next of five classes that is filled is 4.

    Source
    ------
    P. S. Fader, B. G. S. Hardie and K. L. Lee (2005), "RFM and CLV", Journal of Marketing Research 42, 415-430.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b", "a"], "amount": [20.0, 30.0, 9.0, -5.0],
    ...     "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-20", "2026-01-31", "2026-01-25"])})
    >>> rfm(orders).order_by("customer_id").to_pandas().values.tolist()
    [['a', 11, 2, 45.0], ['b', 0, 1, 9.0]]
    """
    if scores is not None and (isinstance(scores, bool) or not isinstance(scores, int) or scores < 2):
        raise UsageError(f"scores is {scores!r}; it must be a whole number from 2, or None for no scores.")
    orders, moment = _orders(crm, settings.read({"as_of": as_of}).as_of if as_of is not None else None)
    bought = orders.amount >= 0
    found = orders.group_by("customer_id").agg(
        last_at=orders.ordered_at.max(where=bought), frequency=orders.count(where=bought), monetary=orders.amount.sum()
    )
    found = found.filter(found.frequency > 0)
    # Seconds to the end of the day of `as_of`, so that whole days count the midnights since the order.
    left = _last_second(moment) - found.last_at.epoch_seconds()
    days = (left // _DAY).cast("int64")
    found = found.select("customer_id", "frequency", "monetary", recency_days=days).relocate(
        "recency_days", after="customer_id"
    )
    return found if scores is None else _scored(found, scores)


def _orders(crm: Any, moment: datetime | None) -> tuple[ir.Table, Any]:
    """Return the orders known at a moment, and that moment: a datetime, or an Ibis value where the data says it."""
    if hasattr(crm, "relations"):
        need(crm, "rfm", "orders")
        check_currencies(crm, find("revenue"), [])
        if moment and crm.as_of and moment > crm.as_of:
            raise UsageError(
                f"rfm: {moment:%Y-%m-%d} lies after {crm.as_of:%Y-%m-%d}, the last day that the data knows."
            )
        orders = crm.relations.get("orders")  # cut at as_of already
        if moment is None or moment == crm.as_of:
            orders = orders.select(*_NEEDS)
            return orders.filter(*(orders[name].notnull() for name in _NEEDS)), at(crm.as_of)
    else:
        orders = _table(crm)
    orders = orders.select(*_NEEDS)
    orders = orders.filter(*(orders[name].notnull() for name in _NEEDS))
    if moment is None:
        return orders, orders.ordered_at.max().as_scalar()
    return orders.filter(orders.ordered_at <= at(moment)), at(moment)


def _table(orders: Any) -> ir.Table:
    table = as_table(orders)
    missing = [name for name in _NEEDS if name not in table.columns]
    if missing:
        raise UsageError(
            f"rfm: the orders lack the column {' and '.join(missing)}. They have: {', '.join(table.columns)}."
        )
    if not (table.ordered_at.type().is_temporal() and table.amount.type().is_numeric()):
        raise UsageError("rfm: ordered_at must be a time and amount a number; crmkit.open({'orders': …}) reads them.")
    return table.mutate(ordered_at=table.ordered_at.cast(TIME), amount=table.amount.cast("float64"))


def _last_second(moment: ir.TimestampValue) -> ir.IntegerValue:
    """Return the last second of a moment's day, counted from 1970."""
    return moment.truncate("D").cast(TIME).epoch_seconds() + (_DAY - 1)


def _scored(found: ir.Table, classes: int) -> ir.Table:
    worse = {"recency": ibis.desc("recency_days"), "frequency": "frequency", "monetary": "monetary"}
    everyone = found.count().over(ibis.window())
    return found.mutate(
        {
            f"{name}_score": 1 + (ibis.rank().over(order_by=order) * classes // everyone).cast("int64")
            for name, order in worse.items()
        }
    )
