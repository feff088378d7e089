"""What each customer has brought: one row a customer, ranked by any of it, of any size."""

from __future__ import annotations

import functools
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from crmkit.casting import TIME
from crmkit.engine.money import check_currencies
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import as_table, pick
from crmkit.metric import find
from crmkit.periods import Period
from crmkit.relations import at

RANKS = {
    "sales": "revenue",
    "receipts": "receipts",
    "margin": "margin",
    "time": "tenure_days",
    "orders": "orders",
    "recency": "last_ordered_at",
}
"""By what customers can be ranked, and the column that says it."""
_DAY = 86_400.0
_NUMBERS = "float64"


def customer_value(
    crm: Any, *, period: str | Period | None = None, rank_by: str = "sales", more: ir.Table | pd.DataFrame | None = None
) -> ir.Table:
    """Return what each customer has brought, one row a customer, ranked.

    Parameters
    ----------
    crm : Crm
    period : str or Period, optional
        Only orders and payments of this period; by default all up to `as_of`.
    rank_by : {"sales", "receipts", "margin", "time", "orders", "recency"}
        "time" is how long the customer has been one, "recency" the last order. A number column of `more` is possible,
        too.
    more : Ibis table or DataFrame, optional
        Further columns about customers by customer_id, such as p_alive and expected_value of a model: one row each.

    Returns
    -------
    Ibis table
        One row for everyone who has ever been a customer, ordered or paid: `rank` (1 is the most; equal customers have
        equal ranks, those of whom it is not known none), `customer_id`, `first_ordered_at`, `last_ordered_at`,
        `orders` (returns not counted), `revenue` (less returns), `receipts` (payments), `margin` (amount − cost of the
        orders that carry a cost), `orders_without_cost`, `mrr` (recurring revenue a month at the end, of subscriptions
        that run), `tenure_days` (days from acquisition to the end, or to the loss; of several times the sum), and the
        columns of `more`. Orders and payments that name no customer are one row, whose customer_id is null and which
        has no rank: so the columns add up to revenue and receipts. What no table can tell is null.

        `to_pandas()` makes a DataFrame of it. Nothing is computed before that, and then by the engine.

    Raises
    ------
    NotInThisData
        Where there are neither orders nor payments.
    UsageError
        Where there is nothing called `rank_by`, or `more` has no customer_id.
    DataError
        Where orders are in several currencies and no rates are given.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("1234"), "customer_id": ["a", "a", "b", "c"],
    ...     "amount": [50.0, -20.0, 30.0, 90.0], "cost": [20.0, -8.0, None, 40.0],
    ...     "ordered_at": ["2026-01-05", "2026-01-09", "2026-02-01", "2026-03-01"]}})
    >>> customer_value(crm).order_by("rank", "customer_id").to_pandas()[
    ...     ["rank", "customer_id", "orders", "revenue", "margin", "orders_without_cost"]]
       rank customer_id  orders  revenue  margin  orders_without_cost
    0     1           c       1     90.0    50.0                    0
    1     2           a       1     30.0    18.0                    0
    2     2           b       1     30.0     NaN                    1
    """
    if "orders" not in crm.relations and "payments" not in crm.relations:
        raise NotInThisData("customer_value: not in this data, needs the table orders or payments.")
    check_currencies(crm, find("revenue"), [])
    span = crm.period(period) if period is not None else None
    end = at(span.end) if span is not None and (crm.as_of is None or span.end <= crm.as_of) else at(crm.as_of)
    made = (_orders(crm, span), _receipts(crm, span), _tenure(crm, end), _mrr(crm, end))
    parts = [part for part in made if part is not None]
    everyone = _everyone(parts)
    for part in parts:
        brought = part.rename(part_id="customer_id")
        everyone = everyone.left_join(brought, everyone.customer_id == brought.part_id).drop("part_id")
    found = _complete(crm, everyone)
    if more is not None:
        found = _with_more(found, more)
    column = RANKS.get(rank_by, rank_by)
    pick("rank_by", rank_by, [*RANKS, *(name for name in found.columns[10:] if found[name].type().is_numeric())])
    return _ranked(found, column)


def _inside(time: ir.TimestampValue, span: Period | None) -> ir.BooleanValue:
    return time.notnull() if span is None else (time >= at(span.start)) & (time < at(span.end))


def _key(table: ir.Table) -> ir.StringValue:
    """Return the customer, "" for none: null keys would not meet in a join."""
    return table.customer_id.fill_null("")


def _orders(crm, span: Period | None) -> ir.Table | None:
    if "orders" not in crm.relations:
        return None
    orders = crm.relations.get("orders")
    orders = orders.filter(_inside(orders.ordered_at, span))
    placed = orders.amount >= 0
    return orders.group_by(customer_id=_key(orders)).agg(
        first_ordered_at=orders.ordered_at.min(where=placed),
        last_ordered_at=orders.ordered_at.max(where=placed),
        orders=orders.count(where=placed),
        revenue=orders.amount.sum(),
        margin=(orders.amount - orders.cost).sum(),
        orders_without_cost=orders.count(where=orders.cost.isnull()),
    )


def _receipts(crm, span: Period | None) -> ir.Table | None:
    if "payments" not in crm.relations:
        return None
    paid = crm.relations.get("payments")
    paid = paid.filter(_inside(paid.paid_at, span))
    owner = paid.customer_id
    if "orders" in crm.relations:  # a payment without a customer is that of its order
        orders = crm.relations.get("orders").select(bought_id="order_id", buyer="customer_id")
        paid = paid.left_join(orders, paid.order_id == orders.bought_id)
        owner = ibis.coalesce(paid.customer_id, paid.buyer)
    return paid.group_by(customer_id=owner.fill_null("")).agg(receipts=paid.amount.sum())


def _tenure(crm, end) -> ir.Table | None:
    if "spells" not in crm.relations:
        return None
    spells = crm.relations.get("spells")
    spells = spells.filter(spells.acquired_at < end)
    over = ibis.ifelse(spells.lost_at < end, spells.lost_at, end)
    days = (over.epoch_seconds() - spells.acquired_at.epoch_seconds()) / _DAY
    return spells.group_by("customer_id").agg(tenure_days=days.sum())


def _mrr(crm, end) -> ir.Table | None:
    if "subscriptions" not in crm.relations:
        return None
    rows = crm.relations.get("subscriptions")
    runs = (rows.started_at < end) & (rows.ended_at.isnull() | (rows.ended_at >= end))
    rows = rows.filter(runs)
    return rows.group_by(customer_id=_key(rows)).agg(mrr=rows.mrr.sum())


def _everyone(parts: list[ir.Table]) -> ir.Table:
    ids = [part.select("customer_id") for part in parts]
    return functools.reduce(lambda one, other: ibis.union(one, other, distinct=True), ids[1:], ids[0].distinct())


def _complete(crm, found: ir.Table) -> ir.Table:
    """Fill in 0 where a table is there and says nothing of a customer, null where the table is not there."""
    zeros = {"orders": ("orders", "revenue", "orders_without_cost"), "payments": ("receipts",),
             "subscriptions": ("mrr",)}  # fmt: skip
    kinds = {"orders": "int64", "orders_without_cost": "int64", "first_ordered_at": TIME, "last_ordered_at": TIME}
    columns = {"customer_id": found.customer_id.nullif("")}
    filled = {name for table, names in zeros.items() if table in crm.relations for name in names}
    for name in ("first_ordered_at", "last_ordered_at", "orders", "revenue", "receipts", "margin",
                 "orders_without_cost", "mrr", "tenure_days"):  # fmt: skip
        value = found[name] if name in found.columns else ibis.null(kinds.get(name, _NUMBERS))
        value = value.fill_null(0) if name in filled else value
        columns[name] = value.cast(kinds.get(name, _NUMBERS))
    return found.select(**columns)


def _with_more(found: ir.Table, more: ir.Table | pd.DataFrame) -> ir.Table:
    if "customer_id" not in more.columns:
        raise UsageError(
            f"customer_value: `more` has no column customer_id; it has {', '.join(map(str, more.columns))}."
        )
    if twice := sorted((set(more.columns) & set(found.columns)) - {"customer_id"}):
        raise UsageError(f"customer_value: `more` has the column {twice[0]!r}, which is there already. Rename it.")
    if isinstance(more, pd.DataFrame) and more["customer_id"].duplicated().any():
        again = more.loc[more["customer_id"].duplicated(), "customer_id"].iloc[0]
        raise UsageError(f"customer_value: `more` has customer {again!r} twice; keep one row of each.")
    more = as_table(more).rename(more_id="customer_id")
    return found.left_join(more, found.customer_id == more.more_id).drop("more_id")


def _ranked(found: ir.Table, column: str) -> ir.Table:
    """Put the rank in front: the known first, the most first; equal values are equal in rank."""
    unknown = ibis.ifelse(found.customer_id.isnull() | found[column].isnull(), 1, 0)
    place = ibis.rank().over(order_by=[unknown, ibis.desc(found[column])]) + 1
    rank = ibis.ifelse(unknown == 1, ibis.null("int64"), place.cast("int64"))
    return found.mutate(rank=rank).relocate("rank", before="customer_id")
