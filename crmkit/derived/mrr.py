"""How the monthly recurring revenue of each customer moves from period to period."""

from __future__ import annotations

import ibis

from crmkit.casting import TIME
from crmkit.relations import at, derived


@derived(refers={"customer_id": "customers"})
def mrr_moves(subscriptions, period):
    """One row a customer and period in which its recurring revenue moved, by what it was before and after.

    Columns: customer_id, at (start of the period), and in money: new_mrr (of one who never paid before),
    reactivation_mrr (of one who had left), expansion_mrr, contraction_mrr, churned_mrr. What goes up and down again
    within a period does not show: the moves are between its start and its end, so the bridge closes.
    """
    ends = subscriptions.ended_at
    subscriptions = subscriptions.filter(ends.isnull() | (ends >= subscriptions.started_at))  # as levels count them
    began = subscriptions.select("customer_id", time="started_at", change=subscriptions.mrr.fill_null(0))
    ended = subscriptions.filter(subscriptions.ended_at.notnull())
    ended = ended.select("customer_id", time="ended_at", change=-ended.mrr.fill_null(0))
    events = ibis.union(began, ended, distinct=False)
    events = events.filter(events.time < at(period.end))
    bucket = ibis.ifelse(events.time < at(period.start), at(period.before), period.start_of(events.time)).cast(TIME)
    paid = ibis.ifelse(events.change > 0, 1, 0)
    net = events.group_by(customer_id=events.customer_id, at=bucket).agg(change=events.change.sum(), paid_=paid.max())
    upto = ibis.window(group_by="customer_id", order_by="at", preceding=None, following=0)
    earlier = ibis.window(group_by="customer_id", order_by="at", preceding=(None, 1))
    net = net.mutate(after=net.change.sum().over(upto).round(6), known=net.paid_.max().over(earlier).fill_null(0))
    net = net.mutate(before=(net.after - net.change).round(6))
    rows = net.filter(net["at"] >= at(period.start))
    none = ibis.literal(0.0)
    return rows.select(
        "customer_id",
        "at",
        new_mrr=((rows.before <= 0) & (rows.known == 0)).ifelse(rows.after, none),
        reactivation_mrr=((rows.before <= 0) & (rows.known == 1)).ifelse(rows.after, none),
        expansion_mrr=((rows.before > 0) & (rows.after > rows.before)).ifelse(rows.after - rows.before, none),
        contraction_mrr=((rows.after > 0) & (rows.after < rows.before)).ifelse(rows.before - rows.after, none),
        churned_mrr=((rows.before > 0) & (rows.after <= 0)).ifelse(rows.before, none),
    )
