"""The features of customers at a cut-off: recency, frequency, value, trend, service, satisfaction, contract, tenure.

Each is one entry; a new one is found by being here. Personal columns (name, birth year, gender, e-mail, phone) are no
features: whether to call somebody should not hang on them.
"""

from __future__ import annotations

import ibis

from crmkit.models.feature import ago, feature

YEAR, HALF, QUARTER = 365, 182, 91
GOES_ON, ENDS, NONE = "goes on", "term ends in the window", "no term"


@feature(title="Days since the last order", unit="days")
def days_since_order(orders):
    """Days from the last order, returns not counted, to the cut-off."""
    return ago(orders, "ordered_at").min(where=orders.amount >= 0)


@feature(title="Orders in a year", unit="count", empty=0)
def orders_year(orders):
    """Orders in the 365 days before the cut-off, returns not counted."""
    return orders.count(where=(orders.amount >= 0) & (ago(orders, "ordered_at") <= YEAR))


@feature(title="Revenue of orders in a year", unit="money", empty=0.0)
def revenue_year(orders):
    """Amount of the orders in the 365 days before the cut-off, less returns."""
    return orders.amount.sum(where=ago(orders, "ordered_at") <= YEAR).fill_null(0.0)


@feature(title="Change in orders", unit="count", empty=0)
def orders_trend(orders):
    """Orders in the 182 days before the cut-off less those in the 182 days before."""
    days, placed = ago(orders, "ordered_at"), orders.amount >= 0
    return orders.count(where=placed & (days <= HALF)) - orders.count(where=placed & (days > HALF) & (days <= 2 * HALF))


@feature(title="Monthly fee", unit="money", empty=0.0)
def mrr(subscriptions):
    """Monthly recurring revenue of the subscriptions that run at the cut-off."""
    return subscriptions.mrr.sum(where=subscriptions.ended_at.isnull()).fill_null(0.0)


@feature(title="Plan", unit="category")
def plan(subscriptions):
    """Plan of the subscription that runs at the cut-off; of several the last by name."""
    return subscriptions.plan.max(where=subscriptions.ended_at.isnull())


@feature(title="Changes of plan", unit="count", empty=0)
def plan_changes(subscriptions):
    """Subscriptions that ended in the 365 days before the cut-off, as each change of plan ends one."""
    return subscriptions.count(where=subscriptions.ended_at.notnull() & (ago(subscriptions, "ended_at") <= YEAR))


@feature(title="Contract", unit="category", empty=NONE)
def contract(terms, window_days):
    """Whether a term ends in the window after the cut-off, goes on beyond it, or there is none."""
    to_come = -ago(terms, "term_end")
    ends = terms.count(where=(to_come >= 0) & (to_come < window_days))
    goes_on = terms.count(where=to_come >= window_days)
    return ibis.cases((ends > 0, ENDS), (goes_on > 0, GOES_ON), else_=NONE)


@feature(title="Terms renewed", unit="count", empty=0)
def renewals(terms):
    """Terms that ended before the cut-off and were renewed."""
    return terms.count(where=terms.outcome == "renewed")


@feature(title="Days as a customer", unit="days")
def tenure_days(spells):
    """Days from the beginning of the running time as a customer to the cut-off."""
    return ago(spells, "acquired_at").min(where=spells.lost_at.isnull())


@feature(title="Came back after leaving", unit="count", empty=0)
def returns(spells):
    """How often the customer had left before and come back."""
    return spells.count(where=spells.lost_at.notnull())


@feature(title="Tickets in half a year", unit="count", empty=0)
def tickets_half(tickets):
    """Tickets opened in the 182 days before the cut-off."""
    return tickets.count(where=ago(tickets, "opened_at") <= HALF)


@feature(title="Open tickets", unit="count", empty=0)
def tickets_open(tickets):
    """Tickets opened and not resolved at the cut-off."""
    return tickets.count(where=tickets.resolved_at.isnull())


@feature(title="Hours to resolve a ticket", unit="hours")
def resolution_hours(tickets):
    """Mean hours from opening to resolving, of tickets resolved in the 365 days before the cut-off."""
    hours = (tickets.resolved_at.epoch_seconds() - tickets.opened_at.epoch_seconds()) / 3600
    return hours.mean(where=ago(tickets, "resolved_at") <= YEAR)


@feature(title="Satisfaction", unit="share")
def satisfaction(surveys):
    """Mean score as a share of its scale, over all answers to any survey before the cut-off; 1 is best."""
    return ((surveys.score - surveys.scale_min) / (surveys.scale_max - surveys.scale_min)).mean()


@feature(title="Answers to surveys in a year", unit="count", empty=0)
def answers_year(surveys):
    """Answers to any survey in the 365 days before the cut-off."""
    return surveys.count(where=ago(surveys, "answered_at") <= YEAR)


@feature(title="Contacts in a quarter", unit="count", empty=0)
def contacts_quarter(activities):
    """Calls, meetings, e-mails and visits in the 91 days before the cut-off."""
    kinds = ("call", "email", "meeting", "visit")
    return activities.count(where=activities.kind.isin(kinds) & (ago(activities, "at") <= QUARTER))


@feature(title="Reactions to campaigns", unit="count", empty=0)
def campaign_reactions(campaign_responses):
    """Campaign messages opened, clicked or answered in the 182 days before the cut-off."""
    reacted = campaign_responses.kind.isin(("opened", "clicked", "responded"))
    return campaign_responses.count(where=reacted & (ago(campaign_responses, "at") <= HALF))


@feature(title="Open deals", unit="count", empty=0)
def open_deals(opportunities):
    """Opportunities open at the cut-off."""
    return opportunities.count(where=opportunities.outcome == "open")


@feature(title="Segment", unit="category")
def segment(customers):
    """Segment, as the table has it today."""
    return customers.segment.max()


@feature(title="Industry", unit="category")
def industry(customers):
    """Industry, as the table has it today."""
    return customers.industry.max()


@feature(title="Region", unit="category")
def region(customers):
    """Region, as the table has it today."""
    return customers.region.max()


@feature(title="Channel", unit="category")
def channel(customers):
    """Channel by which the customer came, as the table has it today."""
    return customers.channel.max()
