"""Who owes how much for how long: the orders that are not paid, by age."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import ibis
import pandas as pd

from crmkit.methods.common import need, run, said
from crmkit.periods import Period
from crmkit.relations import at

AGES = (0, 30, 60, 90)
"""Days since the order at which a class of age begins."""
NO_ORDER = "paid in advance, or for no order"
_DAY = 86_400.0


def receivables_by_age(crm: Any, *, period: str | Period = "latest") -> pd.DataFrame:
    """Return what is owed at the end of a period, by the days since it was ordered.

    Parameters
    ----------
    crm : Crm
    period : str or Period

    Returns
    -------
    DataFrame
        One row a class, the youngest first: `age` ("0–30 days", …, "over 90 days"), `orders` (not settled to the cent),
        `value` (money: order less its payments up to then; an order that was overpaid takes away), `share` of the
        whole. A last row holds payments for no order up to then, which take away from the whole, too. So the
        rows add up to the metric `receivables`.

    Raises
    ------
    NotInThisData
        Where there are no orders or no payments.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({
    ...     "orders": {"order_id": ["1", "2"], "customer_id": ["a", "b"], "amount": [100.0, 50.0],
    ...     "ordered_at": ["2026-01-05", "2026-03-20"]}, "payments": {"payment_id": ["1"], "order_id": ["1"],
    ...     "customer_id": ["a"], "amount": [70.0], "paid_at": ["2026-02-01"]}}, as_of="2026-03-31")
    >>> receivables_by_age(crm, period="2026-Q1")
                age  orders  value  share
    0     0–30 days       1   50.0  0.625
    1    31–60 days       0    0.0  0.000
    2    61–90 days       1   30.0  0.375
    3  over 90 days       0    0.0  0.000
    """
    need(crm, "receivables_by_age", "orders")
    need(crm, "receivables_by_age", "payments")
    now = crm.period(period)
    end = at(now.end)
    orders = crm.relations.get("orders")
    orders = orders.filter(orders.ordered_at < end).select("order_id", "ordered_at", invoiced="amount")
    paid = crm.relations.get("payments")
    paid = paid.filter(paid.paid_at < end)
    paid = paid.group_by(paid_id=paid.order_id).agg(paid=paid.amount.sum())
    both = orders.outer_join(paid, orders.order_id == paid.paid_id)
    owed = both.invoiced.fill_null(0.0) - both.paid.fill_null(0.0)
    days = (end.epoch_seconds() - both.ordered_at.epoch_seconds()) / _DAY
    starts = [days > start for start in AGES[1:]]
    number = sum((ibis.ifelse(start, 1, 0) for start in starts), ibis.literal(0))
    rows = both.select(age=ibis.ifelse(both.order_id.isnull(), -1, number), owed=owed)
    counted = rows.group_by("age").agg(orders=rows.count(where=rows.owed.abs() >= 0.005), value=rows.owed.sum())
    return _classes(run(counted).set_index("age"), crm)


def _classes(found: pd.DataFrame, crm) -> pd.DataFrame:
    labels = [f"{low + 1 if low else 0}–{high} days" for low, high in pairwise(AGES)] + [f"over {AGES[-1]} days"]
    rows = []
    for number, label in [*enumerate(labels), (-1, NO_ORDER)]:
        one = found.loc[number] if number in found.index else {"orders": 0, "value": 0.0}
        if number >= 0 or abs(float(one["value"])) >= 0.005:
            rows.append({"age": label, "orders": int(one["orders"]), "value": round(float(one["value"]), 6) + 0.0})
    shown = pd.DataFrame(rows)
    whole = shown["value"].sum()
    shown["share"] = shown["value"] / whole if whole > 0 else float("nan")
    return said(shown, crm, title="Receivables", unit="money")
