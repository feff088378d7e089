"""Orders and returns of known customers, each customer's first order marked."""

from __future__ import annotations

import ibis

from crmkit.casting import TIME
from crmkit.relations import derived


@derived(
    refers={"customer_id": "customers", "campaign_id": "campaigns", "opportunity_id": "opportunities"},
    columns=("channel", "currency"),
)
def customer_orders(orders):
    """One row an order or return of a known customer.

    Columns: those of orders, is_first (whether it is the customer's first order; a return is none), over_at (always
    null: what a customer has brought stays brought).
    """
    known = orders.filter(orders.ordered_at.notnull() & orders.customer_id.notnull() & orders.amount.notnull())
    known = known.mutate(returned_=ibis.ifelse(known.amount >= 0, 0, 1))
    history = ibis.window(group_by="customer_id", order_by=["returned_", "ordered_at", "order_id"])
    first = (known.returned_ == 0) & (ibis.row_number().over(history) == 0)
    return known.mutate(is_first=first, over_at=ibis.null(TIME)).drop("returned_")
