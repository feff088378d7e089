"""Orders with the buyer's first order before them."""

from __future__ import annotations

from crmkit.relations import derived


@derived(
    refers={"customer_id": "customers", "campaign_id": "campaigns", "opportunity_id": "opportunities"},
    columns=("channel", "status", "currency"),
)
def purchases(orders, buyers):
    """One row an order that is no return, with first_ordered_at, the buyer's first such order."""
    bought = orders.filter((orders.amount >= 0) & orders.ordered_at.notnull() & orders.customer_id.notnull())
    firsts = buyers.select("first_ordered_at", buyer_id="customer_id")
    return bought.inner_join(firsts, bought.customer_id == firsts.buyer_id).drop("buyer_id")
