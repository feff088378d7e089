"""Opportunities: new customers', expansions and renewals; who wins them, how long they take, and their stages."""

from __future__ import annotations

import numpy as np

from crmkit.sample.demand import Columns, handover
from crmkit.sample.moments import DAY, at_work, next_term_day, office_hours
from crmkit.sample.subscriptions import chains
from crmkit.sample.world import CRM, END, SOURCES, START, World

KINDS = ("new", "expansion", "renewal")
EXISTING = SOURCES.index("Existing customer")
LOST_REASONS = ("Price", "Competitor", "No budget", "No decision", "Product does not fit")
CHANCE_BY_STAGE = np.array([0.10, 0.25, 0.50, 0.75, 1.0, 0.0])
PACE = np.array([1.0, 1.2, 1.5, 0.9])  # how the time of a sale is spread over its stages


def new_business(world: World, lead: Columns, who: Columns, reps: int) -> Columns:
    """Return the opportunities with accounts that were made from leads."""
    rng = world.rng("new business")
    customer = np.flatnonzero(who["group"] == 1)
    from_lead = who["lead"][customer]
    made = _deals(world, rng, customer, lead["source"][from_lead], lead["rep"][from_lead], who, reps, 0)
    made["created"] = who["created"][customer]
    made["lead"], made["campaign"] = from_lead, lead["campaign"][from_lead]
    return _close(world, rng, made)


def subscribers(world: World, deal: Columns, who: Columns) -> Columns:
    """Return the chains of subscription of those who were customers before, who were won, and of the homes."""
    rng = world.rng("starts")
    won = deal["won"] & (deal["closed"] < END - 15 * DAY)
    old = np.flatnonzero((who["group"] == 0) | (who["group"] == 2))
    home = np.flatnonzero((who["group"] == 3) & (who["created"] < END - 5 * DAY))
    after = deal["closed"][won] + rng.integers(0, 10, won.sum()) * DAY
    customer = np.concatenate([old, home, deal["customer"][won]])
    start = next_term_day(np.concatenate([who["created"][old], who["created"][home], after]))
    order = np.argsort(customer, kind="stable")
    return chains(world, customer[order], start[order], who)


def expansions(world: World, chain: Columns, who: Columns, reps: int) -> Columns:
    """Return the opportunities to sell more to businesses that subscribe; `chain` says to which chain."""
    rng = world.rng("expansions")
    begin = np.maximum(chain["start"] + 60 * DAY, START + DAY)
    stop = np.where(chain["months"] >= 0, chain["end"], END)
    years = np.where(chain["business"], np.maximum(stop - begin, 0) / (365.25 * DAY), 0)
    of = np.repeat(np.arange(years.size), rng.poisson(world.expansions_per_year * years))
    created = begin[of] + (rng.random(of.size) * (stop - begin)[of]).astype(np.int64)
    created = np.clip(at_work(rng, created), begin[of] + 9 * 3600, END - 3600)
    customer = chain["customer"][of]
    rep = handover(who["rep"][customer], created, reps)
    made = _deals(world, rng, customer, np.full(of.size, EXISTING), rep, who, reps, 1)
    made["created"], made["chain"] = created, of
    made["amount"] = np.round(made["amount"] * 0.35, -1)
    return _close(world, rng, made)


def renewals(world: World, term: Columns, chain: Columns, who: Columns, reps: int) -> Columns:
    """Return the opportunities to renew the larger customers' terms; they close as the term does."""
    rng = world.rng("renewals")
    customer = chain["customer"][term["chain"]]
    rows = np.flatnonzero((who["segment"][customer] <= 1) & (term["end"] > START + 100 * DAY))
    customer, end, is_open = customer[rows], term["end"][rows], term["outcome"][rows] == 2
    closed = at_work(rng, end - rng.integers(2, 6, rows.size) * DAY)
    closed = np.where(is_open, np.maximum(closed, END + 3600), closed)
    rep = handover(who["rep"][customer], closed, reps)
    made = _deals(world, rng, customer, np.full(rows.size, EXISTING), rep, who, reps, 2)
    days = rng.gamma(world.cycle_shape, made["mean"] / world.cycle_shape)
    with_crm = closed - (days * world.crm_cycle * DAY).astype(np.int64) >= CRM
    made["mean"] = made["mean"] * np.where(with_crm, world.crm_cycle, 1.0)
    days = np.clip(np.round(days * np.where(with_crm, world.crm_cycle, 1.0)), 3, 300).astype(np.int64)
    made["created"] = np.minimum(at_work(rng, closed - days * DAY), closed - DAY)
    made["rep"] = handover(who["rep"][customer], made["created"], reps)
    made["closed"], made["chance"] = closed, term["chance"][rows]
    made["won"], made["amount"] = term["outcome"][rows] == 0, term["amount"][rows]
    inside = (made["created"] > START) & (made["created"] < END) & (made["created"] > term["start"][rows])
    return {name: values[inside] for name, values in made.items()}


def _deals(world: World, rng, customer, source, rep, who: Columns, reps: int, kind: int) -> Columns:
    """Return the columns that all kinds share; `chance` and `mean` are the truth about outcome and length."""
    logit, cycle, _ = world.source_effects()
    rep_logit, rep_cycle = world.rep_effects(reps)
    mean = np.array([*world.deal_amount, 1.0, 1.0])[who["segment"][customer]]
    none = np.full(customer.size, -1)
    return {
        "customer": customer,
        "lead": none,
        "campaign": none,
        "chain": none,
        "rep": rep,
        "source": source,
        "kind": np.full(customer.size, kind),
        "amount": np.round(mean * rng.lognormal(-0.125, 0.5, customer.size), -1) + 50,
        "chance": 1 / (1 + np.exp(-(world.win_logit + logit[source] + rep_logit[rep]))),
        "mean": world.cycle_days * cycle[source] * rep_cycle[rep],
    }


def _close(world: World, rng: np.random.Generator, deal: Columns) -> Columns:
    """Decide the outcome of each deal, and when: independently, so that rate and length can be told apart."""
    size = deal["created"].size
    deal["mean"] = deal["mean"] * np.where(deal["created"] >= CRM, world.crm_cycle, 1.0)
    days = rng.gamma(world.cycle_shape, deal["mean"] / world.cycle_shape)
    days = np.clip(np.round(days), 3, 300).astype(np.int64)
    deal["closed"] = at_work(rng, deal["created"] + days * DAY)
    deal["won"] = rng.random(size) < deal["chance"]
    return deal


def together(world: World, parts: list[Columns]) -> tuple[Columns, list[np.ndarray]]:
    """Return all opportunities in order of creation, and for each part where its rows went."""
    rng = world.rng("stages")
    deal = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(deal["created"], kind="stable")
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    cuts = np.cumsum([part["created"].size for part in parts])[:-1]
    deal = {name: values[order] for name, values in deal.items()}
    size = order.size
    deal["open"] = deal["closed"] >= END
    deal["visited"] = np.where(deal["won"], 4, rng.choice([1, 2, 3, 4], size, p=[0.3, 0.25, 0.25, 0.2]))
    deal["expected"] = deal["created"] + (deal["mean"] * rng.lognormal(0, 0.25, size)).astype(np.int64) * DAY
    deal["expected"] = np.where(deal["open"], np.maximum(deal["expected"], END + 5 * DAY), deal["expected"])
    deal["lost_reason"] = np.where(deal["won"] | deal["open"], -1, rng.choice(5, size, p=[0.3, 0.25, 0.15, 0.2, 0.1]))
    return deal, np.split(place, cuts)


def stages(world: World, deal: Columns) -> Columns:
    """Return each entry into a stage, `deal`, `stage`, `at`, up to the end; add the `stage` reached to the deals."""
    rng = world.rng("stage times")
    size = deal["created"].size
    spent = rng.gamma(3.0, PACE, (size, 4)) * (np.arange(4) < deal["visited"][:, None])
    share = (np.cumsum(spent, axis=1) - spent) / spent.sum(axis=1, keepdims=True)
    length = deal["closed"] - deal["created"]
    at = np.empty((size, 5), np.int64)
    at[:, :4] = office_hours(deal["created"][:, None] + (share * length[:, None]).astype(np.int64))
    at[:, 0], at[:, 4] = deal["created"], deal["closed"]
    at = np.minimum(np.maximum.accumulate(at, axis=1), deal["closed"][:, None])  # moved, but still in order
    there = np.ones((size, 5), bool)
    there[:, :4] = np.arange(4) < deal["visited"][:, None]
    there &= at < END
    number = np.broadcast_to(np.arange(5), (size, 5)).copy()
    number[~deal["won"], 4] = 5
    deal["stage"] = np.max(np.where(there, number, 0), axis=1)
    of, column = np.nonzero(there)
    return {"deal": of, "stage": number[of, column], "at": at[of, column]}
