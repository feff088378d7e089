"""Twins of the metrics of marketing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from twins.common import AS_OF, during, ratio


def tables(files):
    """Add the campaign's channel to leads, reactions and sales, and list what was sold once."""
    campaigns = files["campaigns"]
    channel = dict(zip(campaigns.campaign_id, campaigns.channel, strict=True))
    orders, won = files["orders"], files["opportunities"]
    won = won[won.outcome == "won"]
    named = dict(zip(won.opportunity_id, won.campaign_id, strict=True))
    sales = []
    ordered, bought = set(), set()
    for order in orders.itertuples():
        campaign = order.campaign_id if isinstance(order.campaign_id, str) else named.get(order.opportunity_id)
        sales.append((campaign, order.customer_id, order.ordered_at, order.amount, order.amount - order.cost))
        if isinstance(order.opportunity_id, str):
            ordered.add(order.opportunity_id)
        else:
            bought.add((order.customer_id, campaign))
    for deal in won.itertuples():
        without_order = deal.opportunity_id not in ordered and (deal.customer_id, deal.campaign_id) not in bought
        if isinstance(deal.campaign_id, str) and without_order:
            sales.append((deal.campaign_id, deal.customer_id, deal.closed_at, deal.amount, np.nan))
    sold = pd.DataFrame(sales, columns=["campaign_id", "customer_id", "at", "amount", "margin"])
    responses = files["campaign_responses"]
    sends = set(responses.campaign_id[responses.kind == "sent"])
    return {
        "campaign_sales": sold.assign(channel=sold.campaign_id.map(channel)),
        "campaign_leads": files["leads"].assign(channel=files["leads"].campaign_id.map(channel)),
        "reactions": responses.assign(
            channel=responses.campaign_id.map(channel), sends=responses.campaign_id.isin(sends)
        ),
    }


def _spread(d, column, start, end) -> float:
    """Sum a column of campaigns over the seconds that each ran in a period."""
    whole = 0.0
    for campaign in d.campaigns.itertuples():
        over = campaign.ended_at if pd.notna(campaign.ended_at) else AS_OF
        inside = min(over, end) - max(campaign.started_at, start)
        if inside > pd.Timedelta(0):
            whole += getattr(campaign, column) * (inside / (over - campaign.started_at))
    return whole


def campaigns_run(d, start, end):
    over = d.campaigns.ended_at.fillna(AS_OF)
    return ((d.campaigns.started_at < end) & (over > start)).sum()


def marketing_spend(d, start, end):
    return _spread(d, "cost", start, end)


def marketing_budget(d, start, end):
    return _spread(d, "budget", start, end)


def expected_revenue(d, start, end):
    return _spread(d, "expected_revenue", start, end)


def budget_used(d, start, end):
    return ratio(marketing_spend(d, start, end), marketing_budget(d, start, end))


def campaign_leads(d, start, end):
    rows = d.campaign_leads[during(d.campaign_leads.created_at, start, end)]
    return rows.campaign_id.notna().sum()


def cost_per_lead(d, start, end):
    return ratio(marketing_spend(d, start, end), campaign_leads(d, start, end))


def _reactions(d, start, end):
    return d.reactions[during(d.reactions["at"], start, end)]


def campaign_responses(d, start, end):
    return (_reactions(d, start, end).kind == "responded").sum()


def campaign_reactions(d, start, end):
    return len(_reactions(d, start, end))


def responses_per_campaign(d, start, end):
    return ratio(campaign_responses(d, start, end), campaigns_run(d, start, end))


def response_rate(d, start, end):
    rows = _reactions(d, start, end)
    return ratio(((rows.kind == "responded") & rows.sends).sum(), (rows.kind == "sent").sum())


def _sales(d, start, end):
    return d.campaign_sales[during(d.campaign_sales["at"], start, end)]


def campaign_revenue(d, start, end):
    rows = _sales(d, start, end)
    return rows.amount[rows.campaign_id.notna()].sum()


def unattributed_revenue(d, start, end):
    rows = _sales(d, start, end)
    return rows.amount[rows.campaign_id.isna()].sum()


def campaign_margin(d, start, end):
    rows = _sales(d, start, end)
    return rows.margin[rows.campaign_id.notna()].sum()


def revenue_per_campaign(d, start, end):
    return ratio(campaign_revenue(d, start, end), campaigns_run(d, start, end))


def revenue_attainment(d, start, end):
    return ratio(campaign_revenue(d, start, end), expected_revenue(d, start, end))


def marketing_roi(d, start, end):
    return roas(d, start, end) - 1


def marketing_roi_margin(d, start, end):
    spent = marketing_spend(d, start, end)
    return ratio(campaign_margin(d, start, end) - spent, spent)


def roas(d, start, end):
    return ratio(campaign_revenue(d, start, end), marketing_spend(d, start, end))


TWINS = {
    ("campaigns", "channel"): [
        campaigns_run, marketing_spend, marketing_budget, budget_used, expected_revenue, responses_per_campaign,
    ],
    ("campaign_leads", "channel"): [campaign_leads, cost_per_lead],
    ("reactions", "channel"): [campaign_responses, campaign_reactions, response_rate],
    ("campaign_sales", "channel"): [
        campaign_revenue, unattributed_revenue, campaign_margin, revenue_per_campaign, revenue_attainment,
        marketing_roi, marketing_roi_margin, roas,
    ],
}  # fmt: skip
