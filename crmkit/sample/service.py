"""Support tickets and surveys: slow agents make unhappy customers, and unhappy customers leave."""

from __future__ import annotations

import numpy as np

from crmkit.sample.demand import Columns, agent_slowness
from crmkit.sample.moments import DAY, NEVER, at_home, at_work, moment, month_index, month_start
from crmkit.sample.world import END, START, World

PRIORITIES = ("urgent", "high", "normal", "low")
CATEGORIES = ("Machine fault", "Delivery", "Invoice", "Subscription", "Product question")
CHANNELS = ("e-mail", "phone", "chat", "web form")
RESPONSE_HOURS, RESOLUTION_HOURS = np.array([1.5, 4.0, 9.0, 18.0]), np.array([4.0, 9.0, 20.0, 40.0])
JOINED = moment("2024-06-01")
COMMENTS = (
    (
        "Two weeks without a machine.",
        "Zbyt długo czekam na odpowiedź.",
        "対応が遅いです。",
        "Zu teuer geworden.",
        "Nikdo nevolal zpět.",
        "回复太慢。",
        "Le livreur s'est trompé deux fois.",
    ),
    (
        "Fine so far.",
        "W porządku, ale drogo.",
        "普通です。",
        "Ganz in Ordnung.",
        "Celkem dobré.",
        "还可以。",
        "Correct, sans plus.",
    ),
    (
        "Great beans & friendly people!",
        "Świetna kawa, dziękuję!",
        "とても美味しいです。",
        "Sehr guter Service!",
        "Výborná káva!",
        "非常满意。",
        "¡Excelente café!",
    ),
)


def logistic(value: np.ndarray) -> np.ndarray:
    """Return the share between 0 and 1 that belongs to log-odds."""
    return 1 / (1 + np.exp(-value))


def spells(chain: Columns, order: Columns, who: Columns) -> Columns:
    """Return when customers are customers: subscribers by their chains, the web shop's to 120 days after an order."""
    last = np.zeros(who["created"].size, np.int64)
    np.maximum.at(last, order["customer"], order["at"])
    shop = np.flatnonzero(who["group"] == 4)
    begin = np.concatenate([np.maximum(chain["start"], START), who["created"][shop] + DAY])
    stop = np.concatenate([np.where(chain["months"] >= 0, chain["end"], END), np.minimum(last[shop] + 120 * DAY, END)])
    customer = np.concatenate([chain["customer"], shop])
    real = stop > begin
    return {"customer": customer[real], "begin": begin[real], "stop": stop[real]}


def tickets(world: World, spell: Columns, who: Columns, agents: int) -> Columns:
    """Return the tickets in order of opening; times after the end are NEVER, `late` is the log of the delay."""
    rng = world.rng("tickets")
    rate = np.array(world.tickets_per_year)[who["segment"][spell["customer"]]]
    years = (spell["stop"] - spell["begin"]) / (365.25 * DAY)
    of = np.repeat(np.arange(rate.size), rng.poisson(rate * years))
    opened = spell["begin"][of] + (rng.random(of.size) * (spell["stop"] - spell["begin"])[of]).astype(np.int64)
    opened = np.minimum(np.maximum(at_work(rng, opened), spell["begin"][of] + 3600), END - 3600)
    place = np.argsort(opened, kind="stable")
    opened, customer = opened[place], spell["customer"][of[place]]
    size = opened.size
    any_agent = rng.integers(0, np.where(opened < JOINED, agents - 1, agents))
    agent = np.where(rng.random(size) < 0.8, who["agent"][customer], any_agent)
    agent = np.where((opened >= JOINED) & (rng.random(size) < 0.08), agents - 1, agent)
    priority = rng.choice(4, size, p=[0.06, 0.19, 0.55, 0.20])
    slow = world.agent_slowness * agent_slowness(agents)[agent]
    first = RESPONSE_HOURS[priority] * np.exp(slow + rng.normal(0, 0.6, size))
    work = RESOLUTION_HOURS[priority] * np.exp(slow + rng.normal(0, 0.7, size))
    answered = opened + np.round(first * 3600).astype(np.int64) + 60
    resolved = answered + np.round(work * 3600).astype(np.int64)
    return {
        "customer": customer,
        "agent": agent,
        "opened": opened,
        "answered": np.where(answered < END, answered, NEVER),
        "resolved": np.where(resolved < END, resolved, NEVER),
        "priority": priority,
        "category": rng.choice(5, size, p=[0.30, 0.25, 0.15, 0.12, 0.18]),
        "channel": rng.choice(4, size, p=[0.42, 0.28, 0.18, 0.12]),
        "reopened": (resolved < END) & (rng.random(size) < world.reopened),
        "late": np.log((first + work) / (RESPONSE_HOURS + RESOLUTION_HOURS)[priority]),
    }


def surveys(world: World, ticket: Columns, spell: Columns, deal: Columns, who: Columns) -> Columns:
    """Return all answers in order of time: `kind` (0 nps, 1 ces, 2 csat) and the true chances of each answer.

    `high` is the chance of a promoter, an easy or a satisfied answer, `low` that of a detractor (nps only).
    """
    rng = world.rng("surveys")
    parts = [_relationship(world, rng, spell, who)]
    solved = np.flatnonzero(ticket["resolved"] != NEVER)
    mood = who["mood"][ticket["customer"]]
    view = world.csat_level + world.csat_satisfaction * mood + world.csat_slowness * ticket["late"]
    for kind, share, lift in ((1, 0.20, 0.2), (2, 0.30, 0.0)):
        rows = solved[rng.random(solved.size) < share]
        at = ticket["resolved"][rows] + rng.integers(600, 2 * DAY, rows.size)
        parts.append(_answers(kind, ticket["customer"][rows], at, logistic(view[rows] + lift), ticket=rows))
    won = np.flatnonzero(deal["won"] & ~deal["open"])
    won = won[rng.random(won.size) < 0.25]
    view = logistic(world.csat_level + world.csat_satisfaction * who["mood"][deal["customer"][won]])
    at = deal["closed"][won] + rng.integers(3 * DAY, 20 * DAY, won.size)
    parts.append(_answers(2, deal["customer"][won], at, view, deal=won))
    made = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    inside = np.flatnonzero(made["at"] < END)
    inside = inside[np.argsort(made["at"][inside], kind="stable")]
    made = {name: values[inside] for name, values in made.items()}
    made["score"], made["comment"] = _scores(rng, made)
    return made


def _answers(kind, customer, at, high, *, low=None, ticket=None, deal=None) -> Columns:
    none = np.full(customer.size, -1)
    return {
        "kind": np.full(customer.size, kind),
        "customer": customer,
        "at": at,
        "high": high,
        "low": np.zeros(customer.size) if low is None else low,
        "ticket": none if ticket is None else ticket,
        "deal": none if deal is None else deal,
    }


def _relationship(world: World, rng, spell: Columns, who: Columns) -> Columns:
    """Ask a fifth of the customers of the day each quarter how likely they are to recommend the company."""
    customer, at = [], []
    for month in range(int(month_index(START)) + 2, int(month_index(END)), 3):
        day = int(month_start(month)) + 9 * DAY
        there = spell["customer"][(spell["begin"] < day) & (spell["stop"] > day)]
        there = np.unique(there)
        there = there[rng.random(there.size) < 0.25]
        customer.append(there)
        at.append(at_home(rng, day + rng.integers(0, 12, there.size) * DAY))
    customer, at = np.concatenate(customer), np.concatenate(at)
    view = np.array(world.nps_level)[who["segment"][customer]] + world.nps_satisfaction * who["mood"][customer]
    low, high = logistic(world.nps_cuts[0] - view), logistic(view - world.nps_cuts[1])
    return _answers(0, customer, at, high, low=low)


def _scores(rng: np.random.Generator, answer: Columns) -> tuple[np.ndarray, np.ndarray]:
    """Draw each score within its band; a comment now and then for nps, as an index into the band's comments."""
    size = answer["kind"].size
    luck = rng.random(size)
    band = np.where(luck < answer["high"], 2, np.where(luck > 1 - answer["low"], 0, 1))
    nps = np.select(
        [band == 2, band == 1],
        [rng.choice([9, 10], size, p=[0.55, 0.45]), rng.choice([7, 8], size, p=[0.45, 0.55])],
        rng.choice(7, size, p=[0.05, 0.04, 0.06, 0.12, 0.16, 0.27, 0.30]),
    )
    ces = np.where(
        band == 2,
        rng.choice([5, 6, 7], size, p=[0.3, 0.4, 0.3]),
        rng.choice([1, 2, 3, 4], size, p=[0.1, 0.15, 0.3, 0.45]),
    )
    csat = np.where(
        band == 2, rng.choice([4, 5], size, p=[0.45, 0.55]), rng.choice([1, 2, 3], size, p=[0.25, 0.3, 0.45])
    )
    said = (answer["kind"] == 0) & (rng.random(size) < 0.15)
    number = band * len(COMMENTS[0]) + rng.integers(0, len(COMMENTS[0]), size)
    return np.select([answer["kind"] == 0, answer["kind"] == 1], [nps, ces], csat), np.where(said, number, -1)
