"""What people in sales and support do for customers: so many activities an agent and month, more with the CRM."""

from __future__ import annotations

import numpy as np

from crmkit.sample.demand import JOINED, Columns
from crmkit.sample.moments import DAY, NEVER, at_work, moment, month_index, month_start
from crmkit.sample.service import JOINED as AGENT_JOINED
from crmkit.sample.world import CRM, END, START, World

KINDS = ("call", "email", "meeting", "visit", "task", "note")
MINUTES = np.array([9.0, 6.0, 48.0, 85.0, 16.0, 7.0])
REP_LEFT = moment("2024-06-01")  # the work handed over before was finished by then
MONTHS = np.arange(int(month_index(START)), int(month_index(END)))


def employed(reps: int, agents: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last moment of each rep and support agent with the company; NEVER while there."""
    begin, stop = np.full(reps + agents, moment("2022-09-01")), np.full(reps + agents, NEVER)
    stop[reps - 2] = REP_LEFT
    begin[reps - 1], begin[-1] = month_start(month_index(JOINED)), AGENT_JOINED
    return begin, stop


def activities(
    world: World, lead: Columns, deal: Columns, ticket: Columns, who: Columns, reps: int, agents: int
) -> Columns:
    """Return all activities in order of time, each about a lead, an opportunity or a customer."""
    rng = world.rng("activities")
    begin, stop = employed(reps, agents)
    month = month_start(MONTHS)
    there = (begin[:, None] <= month) & ((stop == NEVER)[:, None] | (month < stop[:, None]))
    sales = np.arange(reps + agents) < reps
    crowd = np.where(sales, (reps - 1) / 11, agents / 9)  # work grows with the customers, not with the staff
    rate = np.where(sales, *world.activities_per_month) * world.scale / crowd
    count = rng.poisson(rate[:, None] * np.where(month >= CRM, world.crm_interactions, 1.0) * there)
    contacted = np.flatnonzero(lead["contacted"] < END)
    firsts = _part(lead["rep"][contacted], lead["contacted"][contacted], lead=contacted)
    cell = lead["rep"][contacted] * MONTHS.size + month_index(lead["contacted"][contacted]) - MONTHS[0]
    count = np.maximum(count - np.bincount(cell, minlength=count.size).reshape(count.shape), 0)
    end = np.minimum(deal["closed"], END - 60)
    on_deals = _spread(rng, deal["rep"], deal["created"], end, count[:reps])
    solved = np.where(ticket["resolved"] == NEVER, END, ticket["resolved"])
    until = np.minimum(np.maximum(solved, ticket["opened"] + DAY), END)
    on_tickets = _spread(rng, ticket["agent"], ticket["opened"], until, count[reps:])
    stock = np.flatnonzero(who["group"] == 0)
    parts = [firsts]
    for shift, (user, row, at) in ((0, on_deals), (reps, on_tickets)):
        source = deal if shift == 0 else ticket
        customer = np.where(row >= 0, source["customer"][row], rng.choice(stock, row.size))
        parts.append(_part(user + shift, at, customer=customer, deal=np.where(shift == 0, row, -1)))
    made = {name: np.concatenate([part[name] for part in parts]) for name in firsts}
    place = np.argsort(made["at"], kind="stable")
    made = {name: values[place] for name, values in made.items()}
    return _described(world, rng, made, reps)


def _part(user, at, *, customer=None, lead=None, deal=None) -> Columns:
    none = np.full(user.size, -1)
    return {
        "user": user,
        "at": at,
        "customer": none if customer is None else customer,
        "lead": none if lead is None else lead,
        "deal": none if deal is None else deal,
    }


def _spread(rng, user, begin, stop, count: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spread `count[user, month]` activities over the rows that the user had in hand that month.

    Longer spells in the month get more. Return user, row (-1 where nothing was in hand) and time.
    """
    first, last = month_index(begin) - MONTHS[0], month_index(np.maximum(stop - 1, begin)) - MONTHS[0]
    length = last - first + 1
    row = np.repeat(np.arange(user.size), length)
    month = first[row] + np.arange(row.size) - np.repeat(np.cumsum(length) - length, length)
    low = np.maximum(begin[row], month_start(month + MONTHS[0]))
    high = np.minimum(stop[row], month_start(month + MONTHS[0] + 1))
    cell = user[row] * MONTHS.size + month
    order = np.argsort(cell, kind="stable")
    row, low, high, cell = row[order], low[order], high[order], cell[order]
    weight = np.cumsum(np.maximum(high - low, 1).astype(float))
    edges = np.concatenate([[0.0], weight])
    wanted = np.repeat(np.arange(count.size), count.ravel())
    left = edges[np.searchsorted(cell, wanted, side="left")]
    right = edges[np.searchsorted(cell, wanted, side="right")]
    pick = np.searchsorted(weight, left + rng.random(wanted.size) * (right - left), side="right")
    some = right > left
    pick = np.minimum(np.where(some, pick, 0), max(row.size - 1, 0))
    start = month_start(wanted % MONTHS.size + MONTHS[0])
    low = np.where(some, low[pick], start) if row.size else start
    high = np.where(some, high[pick], start + 27 * DAY) if row.size else start + 27 * DAY
    at = at_work(rng, low + (rng.random(wanted.size) * (high - low)).astype(np.int64))
    at = np.where((at > low) & (at < high), at, low + (rng.random(wanted.size) * (high - low)).astype(np.int64))
    return wanted // MONTHS.size, np.where(some, row[pick] if row.size else -1, -1), at


def _described(world: World, rng: np.random.Generator, made: Columns, reps: int) -> Columns:
    """Add kind, direction (-1 where there is none) and minutes; routine work takes less time with the CRM."""
    size = made["at"].size
    sold = rng.choice(6, size, p=[0.34, 0.30, 0.14, 0.04, 0.12, 0.06])
    helped = rng.choice(6, size, p=[0.35, 0.48, 0.00, 0.03, 0.08, 0.06])
    kind = np.where(made["user"] < reps, sold, helped)
    kind = np.where(made["lead"] >= 0, rng.choice([0, 1], size, p=[0.6, 0.4]), kind)
    incoming = rng.random(size) < np.where(made["user"] < reps, 0.25, 0.55)
    made["direction"] = np.where(kind >= 4, -1, np.where(incoming & (made["lead"] < 0), 0, 1))
    routine = np.where((kind >= 4) & (made["at"] >= CRM), world.crm_routine, 1.0)
    made["kind"] = kind
    made["minutes"] = np.maximum(np.round(MINUTES[kind] * routine * rng.lognormal(-0.08, 0.4, size), 1), 0.5)
    return made
