"""Orders with the buyer's first order before them."""

from __future__ import annotations

import ibis

from crmkit.relations import derived


@derived(
    refers={"customer_id": "customers", "campaign_id": "campaigns", "opportunity_id": "opportunities"},
    columns=("channel", "status", "currency"),
)
def purchases(orders):
    """One row an order that is no return, with first_ordered_at, the buyer's first such order."""
    bought = orders.filter((orders.amount >= 0) & orders.ordered_at.notnull() & orders.customer_id.notnull())
    buyer = ibis.window(group_by="customer_id")
    return bought.mutate(first_ordered_at=bought.ordered_at.min().over(buyer))
