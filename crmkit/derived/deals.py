"""Opportunities with what came before them, and the stages they went through."""

from __future__ import annotations

import ibis

from crmkit.casting import TIME
from crmkit.relations import derived, without

_REFERS = {
    "customer_id": "customers",
    "owner_id": "users",
    "lead_id": "leads",
    "campaign_id": "campaigns",
    "product_id": "products",
}
_OWN = ("source", "stage", "kind", "lost_reason", "outcome", "currency")


@derived(refers=_REFERS, columns=_OWN)
def deals(opportunities, customers=None, subscriptions=None, buyers=None, leads=None, activities=None):
    """One row an opportunity, with its customer's, its lead's and its activities' dates.

    Columns: those of opportunities, known_since (when the customer was acquired, by what else than opportunities says
    so), lead_created_at, first_activity_at (of the opportunity, else of its lead), touches (activities of the
    opportunity before it closed).
    """
    found = _known_since(opportunities, customers, subscriptions, buyers)
    if leads is not None:
        came = leads.select(came_id="lead_id", lead_created_at="created_at")
        found = found.left_join(came, found.lead_id == came.came_id).drop("came_id")
    else:
        found = found.mutate(lead_created_at=ibis.null(TIME))
    if activities is None:
        return found.mutate(first_activity_at=ibis.null(TIME), touches=ibis.null("int64"))
    ends = opportunities.select(ends_id="opportunity_id", ends_at="closed_at")
    done = activities.filter(activities.opportunity_id.notnull())
    done = done.inner_join(ends, done.opportunity_id == ends.ends_id)
    done = done.filter(done.ends_at.isnull() | (done["at"] <= done.ends_at))
    done = done.group_by(done_id="opportunity_id").agg(first_=done["at"].min(), touches_=done.count())
    found = found.left_join(done, found.opportunity_id == done.done_id).drop("done_id")
    early = (
        activities.filter(activities.lead_id.notnull()).group_by(early_id="lead_id").agg(early_=lambda t: t["at"].min())
    )
    found = found.left_join(early, found.lead_id == early.early_id).drop("early_id")
    firsts = ibis.least(found.first_, found.early_)
    found = found.mutate(
        first_activity_at=ibis.coalesce(firsts, found.first_, found.early_), touches=found.touches_.fill_null(0)
    )
    return without(found, "first_", "touches_", "early_")


def _known_since(opportunities, customers, subscriptions, buyers):
    """Add when a customer was acquired, by orders, subscriptions or the table customers; null where none says so."""
    firsts = []
    if customers is not None:
        firsts.append(customers.select("customer_id", since="acquired_at"))
    if subscriptions is not None:
        firsts.append(subscriptions.select("customer_id", since="started_at"))
    if buyers is not None:
        firsts.append(buyers.select("customer_id", since="first_ordered_at"))
    if not firsts:
        return opportunities.mutate(known_since=ibis.null(TIME))
    events = ibis.union(*firsts, distinct=False) if len(firsts) > 1 else firsts[0]
    first = events.group_by(since_id="customer_id").agg(known_since=events.since.min())
    return opportunities.left_join(first, opportunities.customer_id == first.since_id).drop("since_id")


@derived(
    refers={"customer_id": "customers", "owner_id": "users", "product_id": "products", "campaign_id": "campaigns"},
    columns=("stage", "source", "kind"),
)
def stage_visits(opportunity_stages, opportunities):
    """One row each time an opportunity stands in a stage.

    Columns: opportunity_id, stage, entered_at, left_at (null while it stands there), went_on (to another stage, or
    won), and the opportunity's customer_id, owner_id, product_id, campaign_id, source and kind. Entering the stage of
    being won or lost is no visit.
    """
    order = ibis.window(group_by="opportunity_id", order_by=["entered_at", "stage"])
    rows = opportunity_stages.filter(opportunity_stages.entered_at.notnull()).select(
        "opportunity_id", "stage", "entered_at"
    )
    rows = rows.mutate(next_at=rows.entered_at.lead().over(order))
    about = opportunities.select(
        about_id="opportunity_id",
        outcome="outcome",
        closed_at="closed_at",
        customer_id="customer_id",
        owner_id="owner_id",
        product_id="product_id",
        campaign_id="campaign_id",
        source="source",
        kind="kind",
    )
    rows = rows.left_join(about, rows.opportunity_id == about.about_id).drop("about_id")
    rows = rows.filter(rows.closed_at.isnull() | (rows.entered_at < rows.closed_at))
    on_the_way = rows.next_at.notnull() & (rows.closed_at.isnull() | (rows.next_at < rows.closed_at))
    won = (rows.outcome == "won").fill_null(False)
    left = ibis.ifelse(on_the_way, rows.next_at, rows.closed_at)
    return without(rows.mutate(left_at=left, went_on=on_the_way | won), "next_at", "closed_at", "outcome")
