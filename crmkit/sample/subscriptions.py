"""Subscriptions: who stays, who leaves, who comes back, who changes the plan, and the yearly terms."""

from __future__ import annotations

import numpy as np

from crmkit.sample.demand import Columns
from crmkit.sample.moments import DAY, NEVER, add_months, early_day
from crmkit.sample.world import CRM, END, World

PLANS = (
    "Office Solo",
    "Office Team",
    "Office Floor",
    "Office House",
    "Home Taster",
    "Home Regular",
    "Home Family",
    "Home Feast",
)
PRICES = np.array([[49.0, 99.0, 179.0, 299.0], [14.9, 24.9, 36.9, 52.9]])
REASONS = ("Price", "Service", "Competitor", "No longer needed", "Moved or closed", "Change of plan")
LONG_AGO = 60  # no chain lasts that many months


def chains(world: World, customer: np.ndarray, start: np.ndarray, who: Columns) -> Columns:
    """Return one row a customer's unbroken time as a subscriber, a second one where the customer came back.

    `hazard` is the true chance to leave at a monthly boundary, `renewal` the true chance before the CRM to renew at
    a yearly one; `months` says how many months the chain lasted, -1 while it runs.
    """
    rng = world.rng("subscriptions")
    segment, mood = who["segment"][customer], who["mood"][customer]
    effect = world.satisfaction_hazard
    hazard = np.array([*world.monthly_hazard, 0])[segment] * np.exp(effect * mood - effect**2 / 2)
    renewal = np.array([*world.renewal, 0])[segment] + world.satisfaction_renewal * mood
    made = {
        "customer": customer,
        "start": start,
        "annual": rng.random(customer.size) < np.array([*world.annual_share, 0])[segment],
        "hazard": np.clip(hazard, 0, 0.35),
        "renewal": np.clip(renewal, 0.25, 0.765),
        "business": who["business"][customer],
        "level": rng.choice(3, customer.size, p=[0.35, 0.45, 0.20]),
        "seats": np.select(
            [segment == 0, segment == 1], [rng.integers(3, 8, customer.size), rng.integers(1, 4, customer.size)], 1
        ),
    }
    _live(world, rng, made)
    back = np.flatnonzero((made["end"] != NEVER) & (rng.random(customer.size) < world.return_share))
    again = {name: values[back] for name, values in made.items() if name not in ("end", "months")}
    again["start"] = early_day(made["end"][back] + rng.integers(45, 240, back.size) * DAY)
    in_time = again["start"] < END - DAY
    again = {name: values[in_time] for name, values in again.items()}
    _live(world, rng, again)
    made["back"], again["back"] = np.zeros(customer.size, bool), np.ones(again["start"].size, bool)
    return {name: np.concatenate([made[name], again[name]]) for name in made}


def renewal_chance(world: World, chain: Columns, rows: np.ndarray, when: np.ndarray) -> np.ndarray:
    """Return the true chance that the yearly terms of these chains, which end at `when`, are renewed."""
    return chain["renewal"][rows] * np.where(when >= CRM, world.crm_renewal, 1.0)


def _live(world: World, rng: np.random.Generator, chain: Columns) -> None:
    """Run through the monthly boundaries of all chains at once; add `end` and `months`."""
    size = chain["start"].size
    end, months = np.full(size, NEVER), np.full(size, -1)
    alive = np.arange(size)
    for month in range(1, LONG_AGO):
        when = add_months(chain["start"][alive], month)
        alive, when = alive[when < END], when[when < END]
        if not alive.size:
            break
        annual = chain["annual"][alive]
        leave = np.where(annual, 0.0, chain["hazard"][alive])
        if month % 12 == 0:
            leave = np.where(annual, 1 - renewal_chance(world, chain, alive, when), leave)
        gone = rng.random(alive.size) < leave
        end[alive[gone]], months[alive[gone]] = when[gone], month
        alive = alive[~gone]
    chain["end"], chain["months"] = end, months


def changes(world: World, chain: Columns, won_chain: np.ndarray, won_at: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return chain, month and step (+1, -1) of the changes of plan, which all take place at boundaries.

    A won expansion moves the plan up at the next boundary: a monthly one, or the next term's start.
    """
    rng = world.rng("plans")
    last = _last_boundary(chain)
    step = np.where(chain["annual"], 12, 1)
    # sales
    passed = (won_at - chain["start"][won_chain]) // (30 * DAY)
    month = np.maximum(passed - 2, 0)
    for _ in range(4):
        month = np.where(add_months(chain["start"][won_chain], month) <= won_at, month + 1, month)
    month = -(-month // step[won_chain]) * step[won_chain]
    # customers' own changes
    boundaries = np.maximum(last // step, 0)
    own = np.repeat(np.arange(last.size), boundaries)
    count = np.arange(own.size) - np.repeat(np.cumsum(boundaries) - boundaries, boundaries) + 1
    luck = rng.random(own.size)
    up = np.where(chain["annual"][own], 0.10, 0.012)
    down = np.where(chain["annual"][own], 0.08, 0.009)
    chosen = luck < up + down
    every = np.concatenate([won_chain, own[chosen]])
    at = np.concatenate([month, (count * step[own])[chosen]])
    move = np.concatenate([np.ones(won_chain.size, int), np.where(luck < up, 1, -1)[chosen]])
    fine = at <= last[every]
    every, at, move = every[fine], at[fine], move[fine]
    _, first = np.unique(every * LONG_AGO + at, return_index=True)  # at one boundary, the salesman's word counts
    return every[first], at[first], move[first]


def _last_boundary(chain: Columns) -> np.ndarray:
    """Return the month of the last boundary at which the chain went on."""
    gone = chain["months"] >= 0
    whole = (np.where(gone, 0, END) - chain["start"]) // (30 * DAY) + 1
    for _ in range(4):
        whole = np.where(add_months(chain["start"], np.maximum(whole, 0)) >= END, whole - 1, whole)
    return np.where(gone, chain["months"] - 1, whole)


def rows(chain: Columns, changed: tuple[np.ndarray, ...], rng: np.random.Generator, mood: np.ndarray) -> Columns:
    """Return the rows of the subscriptions table, in order of start: one a stretch at one plan."""
    level = chain["level"].copy()
    kept_chain, kept_month, kept_level = [np.arange(level.size)], [np.zeros(level.size, int)], [level.copy()]
    every, month, move = changed
    rank = np.arange(every.size) - np.searchsorted(every, every)
    for turn in range(rank.max(initial=-1) + 1):
        here = rank == turn
        now = np.clip(level[every[here]] + move[here], 0, 3)
        real = now != level[every[here]]
        level[every[here]] = now
        kept_chain.append(every[here][real])
        kept_month.append(month[here][real])
        kept_level.append(now[real])
    owner, at, plan = map(np.concatenate, (kept_chain, kept_month, kept_level))
    order = np.lexsort((at, owner))
    owner, at, plan = owner[order], at[order], plan[order]
    start = add_months(chain["start"][owner], at)
    goes_on = np.append(owner[1:] == owner[:-1], False)
    end = np.where(goes_on, np.append(start[1:], 0), chain["end"][owner])
    business = chain["business"][owner]
    price = PRICES[np.where(business, 0, 1), plan] * chain["seats"][owner] * np.where(chain["annual"][owner], 0.9, 1.0)
    unhappy = rng.random(owner.size) < 1 / (1 + np.exp(1.2 + 1.1 * mood[chain["customer"][owner]]))
    reason = np.where(unhappy, 1, rng.choice([0, 2, 3, 4], owner.size, p=[0.35, 0.25, 0.25, 0.15]))
    made = {
        "chain": owner,
        "customer": chain["customer"][owner],
        "month": at,
        "plan": plan + np.where(business, 0, 4),
        "start": start,
        "end": end,
        "mrr": np.round(price, 2),
        "reason": np.where(goes_on, 5, np.where(end == NEVER, -1, reason)),
    }
    order = np.argsort(start, kind="stable")
    return {name: values[order] for name, values in made.items()}


def terms(chain: Columns, row: Columns, world: World) -> Columns:
    """Return the yearly terms: `row` of the subscription, `start`, `end`, `outcome` (0 renewed, 1 lapsed, 2 open)."""
    annual = np.flatnonzero(chain["annual"])
    gone = chain["months"][annual] >= 0
    count = np.where(gone, chain["months"][annual] // 12, _last_boundary(chain)[annual] // 12 + 1)
    owner = np.repeat(annual, count)
    turn = np.arange(owner.size) - np.repeat(np.cumsum(count) - count, count)
    start, end = add_months(chain["start"][owner], turn * 12), add_months(chain["start"][owner], turn * 12 + 12)
    by_chain = np.lexsort((row["month"], row["chain"]))
    mark = (row["chain"] * LONG_AGO + row["month"])[by_chain]
    of = by_chain[np.searchsorted(mark, owner * LONG_AGO + turn * 12, side="right") - 1]
    lapsed = end == chain["end"][owner]
    return {
        "chain": owner,
        "row": of,
        "start": start,
        "end": end,
        "amount": np.round(row["mrr"][of] * 12, 2),
        "outcome": np.select([end >= END, lapsed], [2, 1], 0),
        "chance": renewal_chance(world, chain, owner, end),
    }
