"""What campaigns cost and bring: one relation for the money spent, one each for leads, reactions and sales.

All four carry `campaign_id`, `name` and `channel`, the campaign's own (not those of the order or of the customer), so
that cost, leads, reactions and revenue are split alike and can be divided by each other.
"""

from __future__ import annotations

from datetime import timedelta

import ibis
import ibis.expr.types as ir

from crmkit.casting import TIME
from crmkit.relations import at, derived

_CAMPAIGN = {"campaign_id": "campaigns"}
_INSTANT = timedelta(microseconds=1)


@derived(refers=_CAMPAIGN, columns=("channel", "name"), fixed=True)
def campaign_runs(campaigns, period, as_of):
    """One row a campaign and period in which it ran, with the part of its money that falls in the period.

    Columns: campaign_id, name, channel, at (the first moment in the period at which it ran), cost, budget and
    expected_revenue (each times the part of the campaign's days that lie in the period), endless, goes_on.

    A campaign runs from `started_at` to `ended_at`; one without an end runs up to `as_of`. One that ends as it begins
    has its money at that moment. What lies after `as_of` is left out.
    """
    known_to = None if as_of is None else at(as_of + _INSTANT)
    rows = campaigns.filter(campaigns.started_at.notnull())
    ends = rows.ended_at if known_to is None else ibis.coalesce(rows.ended_at, known_to)
    over = ibis.coalesce(ends, rows.started_at)
    rows = rows.select(
        "campaign_id", "name", "channel", "started_at", "ended_at", "cost", "budget", "expected_revenue",
        over=ibis.ifelse(over > rows.started_at, over, rows.started_at),
    )  # fmt: skip
    bounds = _bounds(campaigns, period.periods)
    ran = (rows.started_at < bounds.end) & ((rows.over > bounds.start) | (rows.started_at >= bounds.start))
    rows = rows.inner_join(bounds, ran)
    first = ibis.ifelse(rows.started_at > rows.start, rows.started_at, rows.start).cast(TIME)
    last = ibis.ifelse(rows.over < rows.end, rows.over, rows.end)
    if known_to is not None:
        last = ibis.ifelse(last < known_to, last, known_to)
    whole = _seconds(rows.started_at, rows.over)
    part = ibis.ifelse(whole > 0, _seconds(first, last) / whole.nullif(0), 1.0)
    return rows.select(
        "campaign_id",
        "name",
        "channel",
        at=first,
        cost=rows.cost * part,
        budget=rows.budget * part,
        expected_revenue=rows.expected_revenue * part,
        endless=rows.ended_at.isnull(),
        goes_on=ibis.literal(False) if known_to is None else rows.over > known_to,
    )


def _bounds(campaigns: ir.Table, periods) -> ir.Table:
    """Return a row a period with its `start` and `end`; one row of a table is what literals are selected from."""
    one = campaigns.limit(1)
    parts = [one.select(start=at(period.start), end=at(period.end)) for period in periods]
    return ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]


def _seconds(begun: ir.TimestampValue, over: ir.TimestampValue) -> ir.FloatingValue:
    return (over.epoch_seconds() - begun.epoch_seconds()).cast("float64")


@derived(
    refers={**_CAMPAIGN, "customer_id": "customers", "owner_id": "users"},
    columns=("channel", "name", "source", "status"),
)
def leads_with_campaigns(leads, campaigns=None):
    """One row a lead, with the channel and the start of the campaign that it names.

    Columns: lead_id, campaign_id, customer_id, owner_id, source, status, created_at, channel, name, began_at, known
    (whether the table campaigns has the campaign).
    """
    rows = leads.select("lead_id", "campaign_id", "customer_id", "owner_id", "source", "status", "created_at")
    return _with_campaign(rows, campaigns)


@derived(refers={**_CAMPAIGN, "customer_id": "customers", "lead_id": "leads"}, columns=("channel", "name", "kind"))
def reactions(campaign_responses, campaigns=None, leads=None):
    """One row a reaction to a campaign, with the campaign's channel and whether it sends messages at all.

    Columns: those of campaign_responses (customer_id is the lead's where the reaction names none), channel, name,
    began_at, known, sends (whether the campaign has a row `sent`).
    """
    rows = campaign_responses.select("campaign_id", "at", "kind", "customer_id", "lead_id")
    if leads is not None:
        became = leads.select(became_id="lead_id", became="customer_id")
        rows = rows.left_join(became, rows.lead_id == became.became_id).drop("became_id")
        rows = rows.mutate(customer_id=ibis.coalesce(rows.customer_id, rows.became)).drop("became")
    sent = rows.filter(rows.kind == "sent").select(sent_id="campaign_id").distinct()
    rows = rows.left_join(sent, rows.campaign_id == sent.sent_id)
    rows = rows.mutate(sends=rows.sent_id.notnull()).drop("sent_id")
    return _with_campaign(rows, campaigns)


@derived(
    refers={**_CAMPAIGN, "customer_id": "customers", "opportunity_id": "opportunities"},
    columns=("channel", "name", "via"),
)
def campaign_sales(campaigns, orders=None, opportunities=None):
    """One row an order, and one a won opportunity that no order stands for.

    Columns: sale_id, via ("order" or "deal"), campaign_id, customer_id, opportunity_id, at, revenue, margin (null
    where no cost is known), channel, name, began_at, known (whether the table campaigns has the campaign).

    An order without a campaign has that of its opportunity. Beside orders, a won opportunity is a row only if it names
    a campaign, no order names it, and no order without an opportunity is of its customer and campaign: what was sold
    is counted once.
    Without orders, every won opportunity is a row.
    """
    won = None
    if opportunities is not None:
        won = opportunities.filter((opportunities.outcome == "won") & opportunities.closed_at.notnull())
    if orders is None and won is None:
        return _with_campaign(_nothing_sold(campaigns), campaigns)
    sold = None if orders is None else _orders(orders, opportunities)
    deals = None if won is None else _deals(won, sold)
    parts = [part for part in (sold, deals) if part is not None]
    return _with_campaign(ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0], campaigns)


def _orders(orders: ir.Table, opportunities: ir.Table | None) -> ir.Table:
    rows = orders.select(
        "campaign_id",
        "customer_id",
        "opportunity_id",
        sale_id="order_id",
        via=ibis.literal("order"),
        at=orders.ordered_at,
        revenue=orders.amount,
        margin=orders.amount - orders.cost,
    )
    if opportunities is not None:
        told = opportunities.select(told_id="opportunity_id", told_campaign="campaign_id")
        rows = rows.left_join(told, rows.opportunity_id == told.told_id)
        rows = rows.mutate(campaign_id=ibis.coalesce(rows.campaign_id, rows.told_campaign))
    return rows.select(*_SALE)


_SALE = ("sale_id", "via", "campaign_id", "customer_id", "opportunity_id", "at", "revenue", "margin")


def _deals(won: ir.Table, sold: ir.Table | None) -> ir.Table:
    rows = won.select(
        "campaign_id",
        "customer_id",
        "opportunity_id",
        sale_id="opportunity_id",
        via=ibis.literal("deal"),
        at=won.closed_at,
        revenue=won.amount,
        margin=ibis.null("float64"),
    )
    if sold is not None:
        rows = rows.filter(rows.campaign_id.notnull())
        rows = rows.anti_join(sold.filter(sold.opportunity_id.notnull()).select("opportunity_id"), "opportunity_id")
        rows = rows.anti_join(
            sold.filter(sold.campaign_id.notnull() & sold.opportunity_id.isnull()).select("customer_id", "campaign_id"),
            ["customer_id", "campaign_id"],
        )
    return rows.select(*_SALE)


def _nothing_sold(campaigns: ir.Table) -> ir.Table:
    """Return a row a campaign with unknown revenue: no table says what was sold."""
    text = ibis.null("string")
    return campaigns.select(
        sale_id=text,
        via=text,
        campaign_id="campaign_id",
        customer_id=text,
        opportunity_id=text,
        at=campaigns.started_at,
        revenue=ibis.null("float64"),
        margin=ibis.null("float64"),
    )


def _with_campaign(rows: ir.Table, campaigns: ir.Table | None) -> ir.Table:
    """Add the channel, the name and the start of the campaign that a row names, and whether it is known.

    Without a table of campaigns, each that is named is taken to be one.
    """
    if campaigns is None:
        return rows.mutate(
            channel=ibis.null("string"),
            name=ibis.null("string"),
            began_at=ibis.null(TIME),
            known=rows.campaign_id.notnull(),
        )
    told = campaigns.select(told_id="campaign_id", channel="channel", name="name", began_at="started_at")
    rows = rows.left_join(told, rows.campaign_id == told.told_id)
    return rows.mutate(known=rows.told_id.notnull()).drop("told_id")
