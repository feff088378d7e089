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


@derived(refers={"customer_id": "customers"})
def first_orders(orders):
    """One row a customer who has ordered, at the first order; a return is none.

    Columns: customer_id, ordered_at, over_at (always null: who has ordered once stays one who has).
    """
    known = orders.filter(orders.ordered_at.notnull() & orders.customer_id.notnull() & (orders.amount >= 0))
    firsts = known.group_by("customer_id").agg(ordered_at=known.ordered_at.min())
    return firsts.mutate(over_at=ibis.null(TIME))
