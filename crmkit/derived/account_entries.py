"""What customers owe, as a ledger: orders add to it, payments take away from it."""

from __future__ import annotations

import ibis

from crmkit.casting import TIME
from crmkit.relations import derived


@derived(refers={"customer_id": "customers"})
def account_entries(orders, payments):
    """One row a change of what customers owe: an order adds its amount, a return or a payment takes away its own.

    Columns: customer_id (of a payment that names none, that of its order), at, amount (money, above 0 where it is
    owed), over_at (always null: what was owed once stays in the sum until something takes it away).
    """
    invoiced = orders.select("customer_id", at="ordered_at", amount="amount")
    buyers = orders.select(bought_id="order_id", buyer="customer_id")
    paid = payments.left_join(buyers, payments.order_id == buyers.bought_id)
    paid = paid.select(customer_id=ibis.coalesce(paid.customer_id, paid.buyer), at=paid.paid_at, amount=-paid.amount)
    entries = ibis.union(invoiced, paid, distinct=False)
    return entries.filter(entries["at"].notnull()).mutate(over_at=ibis.null(TIME))
