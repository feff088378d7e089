"""What known customers have ordered, and when each of them began to: for sums that run on."""

from __future__ import annotations

import ibis

from crmkit.casting import TIME
from crmkit.relations import derived


@derived(refers={"customer_id": "customers"})
def customer_orders(orders):
    """One row an order or return of a known customer.

    Columns: customer_id, ordered_at, amount, over_at (always null: what a customer has brought stays brought).
    """
    known = orders.filter(orders.ordered_at.notnull() & orders.customer_id.notnull())
    return known.select("customer_id", "ordered_at", "amount", over_at=ibis.null(TIME))


@derived(refers={"customer_id": "customers"}, keep=True)
def buyers(orders):
    """One row a customer who has ordered; a return is no order.

    Columns: customer_id, first_at (the first order), first_ordered_at (the first whose amount is known; null where no
    amount is). Kept, since much asks whether a customer had bought before.
    """
    bought = orders.filter(
        orders.ordered_at.notnull() & orders.customer_id.notnull() & (orders.amount.fill_null(0) >= 0)
    )
    return bought.group_by("customer_id").agg(
        first_at=bought.ordered_at.min(), first_ordered_at=bought.ordered_at.min(where=bought.amount.notnull())
    )


@derived(refers={"customer_id": "customers"})
def first_orders(buyers):
    """One row a customer who has ordered, at the first order whose amount is known; a return is none.

    Columns: customer_id, ordered_at, over_at (always null: who has ordered once stays one who has).
    """
    known = buyers.filter(buyers.first_ordered_at.notnull())
    return known.select("customer_id", ordered_at="first_ordered_at", over_at=ibis.null(TIME))
