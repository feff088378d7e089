"""Visits to the web site, of strangers, leads and buyers, and reactions to campaigns."""

from __future__ import annotations

import numpy as np

from crmkit.sample.demand import Columns
from crmkit.sample.moments import DAY, at_home, month_index
from crmkit.sample.world import END, PAID_CHANNELS, START, World

PAGES = ("/", "/machines", "/beans", "/subscriptions", "/gifts", "/service", "/blog/descaling", "/プレゼント")
MEDIUMS = ("cpc", "social", "email", "offline", "referral", "print", "organic")
ON_SITE = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.35, 0.5])  # share of a source's leads that come by the site


def sessions(world: World, found: Columns, lead: Columns, order: Columns, who: Columns) -> Columns:
    """Return the visits in order of time. `visitor` counts customers first, then leads, then strangers."""
    rng = world.rng("sessions")
    by_lead = np.flatnonzero(rng.random(lead["source"].size) < ON_SITE[lead["source"]])
    became = np.full(lead["source"].size, -1)
    has_lead = np.flatnonzero(who["lead"] >= 0)
    became[who["lead"][has_lead]] = has_lead
    visitor = np.where(became[by_lead] >= 0, became[by_lead], who["created"].size + by_lead)
    begin = lead["created"][by_lead] - rng.integers(120, 1500, by_lead.size)
    begin = np.maximum(begin, START)
    lead_part = _visits(visitor, begin, lead["source"][by_lead], lead["campaign"][by_lead], lead=by_lead)
    order_part = _order_visits(rng, order, who)
    known = {name: np.concatenate([lead_part[name], order_part[name]]) for name in lead_part}
    parts = [known, _earlier(rng, known), _strangers(world, rng, found, who["created"].size + lead["source"].size)]
    made = {name: np.concatenate([part[name] for part in parts]) for name in lead_part}
    place = np.argsort(made["at"], kind="stable")
    made = {name: values[place] for name, values in made.items()}
    busy = (made["lead"] >= 0) | (made["order"] >= 0)
    size = place.size
    made["pages"] = 1 + rng.poisson(np.where(busy, 6.0, 2.0))
    made["seconds"] = np.round(rng.gamma(1.5, 22.0, size) * made["pages"])
    made["page"] = rng.choice(len(PAGES), size, p=[0.30, 0.15, 0.18, 0.12, 0.08, 0.06, 0.08, 0.03])
    return made


def _visits(visitor, at, source, campaign, *, lead=None, order=None) -> Columns:
    none = np.full(visitor.size, -1)
    return {
        "visitor": visitor,
        "at": at,
        "source": source,
        "campaign": campaign,
        "lead": none if lead is None else lead,
        "order": none if order is None else order,
    }


def _order_visits(rng: np.random.Generator, order: Columns, who: Columns) -> Columns:
    """Return the visits in which web orders were placed: always the customer's first one, and every fifth later."""
    web = np.flatnonzero((order["channel"] == 0) & ~order["back"])
    _, first = np.unique(order["customer"][web], return_index=True)
    chosen = rng.random(web.size) < 0.20
    chosen[first] = True
    rows, is_first = web[chosen], np.isin(np.flatnonzero(chosen), first)
    customer = order["customer"][rows]
    at = order["at"][rows] - rng.integers(100, 1500, rows.size)
    # a private buyer's record is made during the first visit
    begin = who["created"][customer] - rng.integers(30, 900, rows.size)
    at = np.where(is_first & (who["group"][customer] >= 3), np.minimum(at, begin), at)
    source = np.where(is_first, np.minimum(who["source"][customer], 6), 6)
    return _visits(customer, np.maximum(at, START), source, np.full(rows.size, -1), order=rows)


def _earlier(rng: np.random.Generator, known: Columns) -> Columns:
    """Return visits some days before those that led to something."""
    some = np.flatnonzero(rng.random(known["at"].size) < 0.30)
    at = known["at"][some] - (rng.gamma(1.5, 4.0, some.size) * DAY).astype(np.int64) - 3600
    some, at = some[at >= START], at[at >= START]
    # a campaign brings nobody before it began
    same_month = month_index(at) == month_index(known["at"][some])
    campaign = np.where(same_month, known["campaign"][some], -1)
    return _visits(known["visitor"][some], at, known["source"][some], campaign)


def _strangers(world: World, rng: np.random.Generator, found: Columns, first: int) -> Columns:
    """Return the visits of people who never said who they are; campaigns bring some, the rest come by themselves."""
    rate = 65.0 * world.scale * np.array([1.0, 0.9, 0.3, 0.0, 0.0, 0.1])[found["channel"]]
    curve = found["cost"] / (
        found["cost"]
        + np.array([world.channels[name].half_spend for name in PAID_CHANNELS])[found["channel"]] * world.scale
    )
    campaign = np.repeat(np.arange(rate.size), rng.poisson(rate * curve * 1.6))
    free = rng.poisson(85.0 * world.scale, np.unique(found["month"]).size)
    month = np.concatenate([found["month"][campaign], np.repeat(np.unique(found["month"]), free)])
    source = np.concatenate([found["channel"][campaign], np.full(free.sum(), 6)])
    campaign = np.concatenate([campaign, np.full(free.sum(), -1)])
    at = at_home(rng, month + rng.integers(0, 28, month.size) * DAY)
    who = first + np.arange(month.size)
    again = rng.random(month.size) < 0.15  # some of them a second time
    who[again] = np.maximum(who[again] - 1, first)
    return _visits(who, at, source, campaign)


def responses(world: World, found: Columns, lead: Columns, who: Columns) -> Columns:
    """Return the reactions in order of time: `kind` is 0 sent, 1 opened, 2 clicked, 3 responded."""
    rng = world.rng("responses")
    by_lead = np.flatnonzero(lead["campaign"] >= 0)
    parts = [_reactions(lead["campaign"][by_lead], lead["created"][by_lead], np.full(by_lead.size, 3), lead=by_lead)]
    for campaign in np.flatnonzero(found["channel"] == PAID_CHANNELS.index("E-mail")):
        month = found["month"][campaign]
        known = int(np.searchsorted(who["created"], month))
        count = min(known, round(80 * world.scale))
        reached = rng.choice(known, count, replace=False) if count else np.zeros(0, np.int64)
        at = np.full(reached.size, month + 9 * DAY + 10 * 3600)
        for kind, share in enumerate((1.0, 0.38, 0.25, 0.20)):
            stays = rng.random(reached.size) < share
            reached, at = reached[stays], at[stays] + rng.integers(1, 8 * 3600, stays.sum()) * (kind > 0)
            parts.append(_reactions(np.full(reached.size, campaign), at, np.full(reached.size, kind), customer=reached))
    made = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    place = np.flatnonzero(made["at"] < END)
    place = place[np.argsort(made["at"][place], kind="stable")]
    return {name: values[place] for name, values in made.items()}


def _reactions(campaign, at, kind, *, customer=None, lead=None) -> Columns:
    none = np.full(campaign.size, -1)
    return {
        "campaign": campaign,
        "at": at,
        "kind": kind,
        "customer": none if customer is None else customer,
        "lead": none if lead is None else lead,
    }
