"""The whole company at once: every step in the order of cause and effect."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from crmkit.sample import demand, sales, shop, subscriptions
from crmkit.sample.demand import Columns
from crmkit.sample.expected import expected_acquired
from crmkit.sample.moments import NEVER
from crmkit.sample.world import AFTER, BEFORE, END, World


@dataclass
class Company:
    """What happened in a world: a dict of columns for each part, rows in order of time, ids still row numbers."""

    world: World
    reps: int
    agents: int
    campaign: Columns
    lead: Columns
    who: Columns
    chain: Columns
    subscription: Columns
    term: Columns
    deal: Columns
    order: Columns
    first_bought: np.ndarray
    answers: Columns = field(default_factory=dict)  # filled when the surveys are written
    expected_acquired: tuple[float, float] = (0.0, 0.0)  # before the CRM and with it


def found(world: World) -> Company:
    """Let the company live through its three years: leads, deals, subscriptions and orders."""
    reps, agents = world.staff(12, 4), world.staff(9, 3)
    campaign = demand.campaigns(world)
    lead = demand.leads(world, campaign, reps)
    who = demand.customers(world, lead, reps, agents)
    new = sales.new_business(world, lead, who, reps)
    chain = sales.subscribers(world, new, who)
    more = sales.expansions(world, chain, who, reps)
    sold = np.flatnonzero(more["won"] & (more["closed"] < END))
    changed = subscriptions.changes(world, chain, more["chain"][sold], more["closed"][sold])
    subscription = subscriptions.rows(chain, changed, world.rng("cancel reasons"), who["mood"])
    term = subscriptions.terms(chain, subscription, world)
    again = sales.renewals(world, term, chain, who, reps)
    deal, _ = sales.together(world, [new, more, again])
    order = shop.orders(world, deal, chain, who)
    bought = _first_bought(who, deal, chain, order)
    company = Company(world, reps, agents, campaign, lead, who, chain, subscription, term, deal, order, bought)
    company.expected_acquired = expected_acquired(company, BEFORE), expected_acquired(company, AFTER)
    return company


def _first_bought(who: Columns, deal: Columns, chain: Columns, order: Columns) -> np.ndarray:
    """Return when each customer was acquired: first order, subscription or won opportunity; NEVER for prospects."""
    far = np.full(who["created"].size, np.iinfo(np.int64).max)
    won = deal["won"] & ~deal["open"]
    np.minimum.at(far, deal["customer"][won], deal["closed"][won])
    np.minimum.at(far, chain["customer"], chain["start"])
    np.minimum.at(far, order["customer"], order["at"])
    return np.where(far == np.iinfo(np.int64).max, NEVER, far)
