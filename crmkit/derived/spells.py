"""When a customer was one: spells made from subscriptions, orders, wins and what the table customers says."""

from __future__ import annotations

from datetime import datetime

import ibis
import ibis.expr.types as ir

from crmkit.casting import TIME
from crmkit.config import Config
from crmkit.relations import at, derived


@derived(
    refers={"customer_id": "customers"},
    any_of=("customers", "subscriptions", "orders", "opportunities"),
    keep=True,
)
def spells(config, as_of, customers=None, subscriptions=None, orders=None, opportunities=None):
    """One row a customer and unbroken time of being one.

    Columns: customer_id, spell (1 for the first), acquired_at, lost_at (null while it lasts).

    A customer with subscriptions is one while any of them runs; one without is lost `inactive_after_days` after an
    order that no other follows by then, and comes back with the next. A won opportunity begins the first spell too.
    `acquired_at` and `lost_at` of the table customers go first where they are given: the one begins the first spell,
    the other ends the last.
    """
    subscribed = _subscription_spells(subscriptions) if subscriptions is not None else None
    ordered = _order_spells(orders, subscriptions, config, as_of) if orders is not None else None
    won = _won_spells(opportunities, subscriptions, orders) if opportunities is not None else None
    given = _given_spells(customers, subscriptions, orders, opportunities) if customers is not None else None
    parts = [part for part in (subscribed, ordered, won, given) if part is not None]
    found = ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]
    found = found.filter(found.customer_id.notnull())
    firsts = _first_purchases(subscriptions, orders, opportunities)
    if firsts is not None:
        found = found.left_join(firsts, "customer_id").drop("customer_id_right")
        earliest = ibis.coalesce(ibis.least(found.acquired_at, found.first_at), found.acquired_at, found.first_at)
        found = found.mutate(acquired_at=ibis.ifelse(found.spell == 1, earliest, found.acquired_at)).drop("first_at")
    if customers is not None:
        told = customers.select("customer_id", told_acquired_at="acquired_at", told_lost_at="lost_at")
        found = found.left_join(told, "customer_id").drop("customer_id_right")
        acquired = ibis.ifelse(
            found.spell == 1, ibis.coalesce(found.told_acquired_at, found.acquired_at), found.acquired_at
        )
        lost = ibis.ifelse(found.is_last, ibis.coalesce(found.told_lost_at, found.lost_at), found.lost_at)
        found = found.mutate(acquired_at=acquired, lost_at=lost)
    found = found.filter(found.acquired_at.notnull())
    return found.select("customer_id", "spell", "acquired_at", "lost_at")


def _subscription_spells(subscriptions: ir.Table) -> ir.Table:
    """Join the subscriptions of a customer that touch or overlap into one spell."""
    forever = at(datetime(9999, 1, 1))
    rows = subscriptions.select("customer_id", "started_at", ended=ibis.coalesce(subscriptions.ended_at, forever))
    rows = rows.filter(rows.started_at.notnull())
    before = ibis.window(group_by="customer_id", order_by=["started_at", "ended"], preceding=(None, 1))
    rows = rows.mutate(until=rows.ended.max().over(before))
    rows = rows.mutate(begins=ibis.ifelse(rows.until.isnull() | (rows.started_at > rows.until), 1, 0))
    upto = ibis.window(group_by="customer_id", order_by=["started_at", "ended"], preceding=None, following=0)
    rows = rows.mutate(spell=rows.begins.sum().over(upto))
    merged = rows.group_by("customer_id", "spell").agg(acquired_at=rows.started_at.min(), ended=rows.ended.max())
    whole = ibis.window(group_by="customer_id")
    return merged.select(
        "customer_id",
        merged.spell.cast("int64").name("spell"),
        "acquired_at",
        lost_at=merged.ended.nullif(forever),
        is_last=merged.spell == merged.spell.max().over(whole),
    )


def _purchases(orders: ir.Table) -> ir.Table:
    """Orders proper: a return (a negative amount) is none."""
    return orders.filter(orders.ordered_at.notnull() & (orders.amount.fill_null(0) >= 0)).select(
        "customer_id", "ordered_at"
    )


def _order_spells(orders, subscriptions, config: Config, as_of: datetime | None) -> ir.Table:
    """Break a customer's orders into spells where `inactive_after_days` pass without one."""
    patience = ibis.interval(days=config.inactive_after_days)
    rows = _purchases(orders)
    if subscriptions is not None:
        rows = rows.anti_join(subscriptions.select("customer_id").distinct(), "customer_id")
    ordered = ibis.window(group_by="customer_id", order_by="ordered_at")
    whole = ibis.window(group_by="customer_id")
    rows = rows.mutate(former=rows.ordered_at.lag().over(ordered), last_at=rows.ordered_at.max().over(whole))
    starts = rows.filter(rows.former.isnull() | (rows.ordered_at > rows.former + patience))
    # The end of a spell is the order before the next start, so each start also carries the end of the spell before.
    starts = starts.mutate(
        spell=(ibis.row_number().over(ordered) + 1).cast("int64"), ended=starts.former.lead().over(ordered)
    )
    is_last = starts.ended.isnull()
    lost = ibis.ifelse(is_last, starts.last_at, starts.ended) + patience
    lost = lost.cast(TIME)
    if as_of is not None:
        lost = ibis.ifelse(lost <= at(as_of), lost, ibis.null(TIME))
    return starts.select("customer_id", "spell", acquired_at=starts.ordered_at, lost_at=lost, is_last=is_last)


def _lone(customer_ids: ir.Table, *tables: ir.Table | None) -> ir.Table:
    """Keep the rows whose customer is in none of `tables`."""
    for table in tables:
        if table is not None:
            customer_ids = customer_ids.anti_join(table.select("customer_id").distinct(), "customer_id")
    return customer_ids


def _won_spells(opportunities, subscriptions, orders) -> ir.Table:
    """One spell for a customer who won deals are all that is known of."""
    won = _wins(opportunities)
    firsts = won.group_by("customer_id").agg(acquired_at=won.closed_at.min())
    firsts = _lone(firsts, subscriptions, _purchases(orders) if orders is not None else None)
    return _single_spell(firsts)


def _given_spells(customers, subscriptions, orders, opportunities) -> ir.Table:
    """One spell for a customer of whom the table customers says when they came, and no other table anything."""
    told = customers.filter(customers.acquired_at.notnull()).select("customer_id", "acquired_at")
    won = _wins(opportunities) if opportunities is not None else None
    return _single_spell(_lone(told, subscriptions, _purchases(orders) if orders is not None else None, won))


def _wins(opportunities: ir.Table) -> ir.Table:
    """Deals won of a known customer on a known date."""
    known = opportunities.closed_at.notnull() & opportunities.customer_id.notnull()
    return opportunities.filter((opportunities.outcome == "won") & known)


def _single_spell(rows: ir.Table) -> ir.Table:
    return rows.select(
        "customer_id",
        ibis.literal(1).cast("int64").name("spell"),
        "acquired_at",
        lost_at=ibis.null(TIME),
        is_last=ibis.literal(True),
    )


def _first_purchases(subscriptions, orders, opportunities) -> ir.Table | None:
    """Find the first order, subscription or win of each customer; None where only one kind of them is there.

    Orders of customers without a subscription are left out: their spells begin with the first of them anyhow.
    """
    if sum(table is not None for table in (subscriptions, orders, opportunities)) < 2:
        return None
    parts = []
    if subscriptions is not None:
        parts.append(subscriptions.select("customer_id", at="started_at"))
        if orders is not None:
            bought = _purchases(orders).select("customer_id", at="ordered_at")
            parts.append(bought.semi_join(subscriptions.select("customer_id").distinct(), "customer_id"))
    if opportunities is not None:
        parts.append(_wins(opportunities).select("customer_id", at="closed_at"))
    events = ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]
    return events.group_by("customer_id").agg(first_at=events["at"].min())
