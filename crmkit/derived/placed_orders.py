"""Orders as they were placed, without the returns that came of some of them."""

from __future__ import annotations

from crmkit.relations import derived


@derived(
    refers={"customer_id": "customers", "campaign_id": "campaigns", "opportunity_id": "opportunities"},
    columns=("channel", "status", "currency"),
)
def placed_orders(orders):
    """One row an order that is no return, whoever placed it, at the amount for which it was placed."""
    return orders.filter((orders.amount >= 0) & orders.ordered_at.notnull())
