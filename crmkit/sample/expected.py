"""What the metrics would measure on average, from the true chances and means, never from what happened to come out.

Given is who was there: the deals and when they were created, the subscribers at a period's start, who was asked.
"""

from __future__ import annotations

import numpy as np

from crmkit.sample.demand import arrival_weights
from crmkit.sample.moments import DAY, moment, month_index, month_start
from crmkit.sample.world import CRM, END, World


def bounds(window: str) -> tuple[int, int]:
    """Return first second and end of a window written as start/end."""
    start, end = window.split("/")
    return moment(start), moment(end)


def closing(world: World, deal, window: str) -> tuple[np.ndarray, np.ndarray]:
    """Return for each deal the chance to close in the window, and that chance times the mean days it then took.

    Renewals close with their term, so that the window has them or not.
    """
    from scipy.special import gammainc

    low, high = bounds(window)
    shape = world.cycle_shape
    edge = [np.maximum((x - deal["created"]) / DAY, 0) / (deal["mean"] / shape) for x in (low, high)]
    chance = gammainc(shape, edge[1]) - gammainc(shape, edge[0])
    days = deal["mean"] * (gammainc(shape + 1, edge[1]) - gammainc(shape + 1, edge[0]))
    renewal = deal["kind"] == 2
    inside = (deal["closed"] >= low) & (deal["closed"] < high)
    return np.where(renewal, inside, chance), np.where(renewal, inside * deal["mean"], days)


def cycle_days(world: World, deal, window: str, rows: np.ndarray) -> float:
    """Return the mean days from creation to winning expected of what these deals win in the window."""
    chance, days = closing(world, deal, window)
    won = deal["chance"] * rows
    return float((won * days).sum() / (won * chance).sum())


def win_rate(deal, window: str, rows: np.ndarray) -> float:
    """Return the mean true chance to win of the deals that closed in the window."""
    low, high = bounds(window)
    closed = rows & (deal["closed"] >= low) & (deal["closed"] < high)
    return float(deal["chance"][closed].mean()) if closed.any() else float("nan")


def expected_acquired(company, window: str) -> float:
    """Return how many customers are acquired in the window, on average."""
    world, deal, who, lead = company.world, company.deal, company.who, company.lead
    low, high = bounds(window)
    chance, _ = closing(world, deal, window)
    won = (deal["chance"] * chance)[deal["kind"] == 0].sum()
    month, weight = arrival_weights()
    share = weight[(month_start(month) >= low) & (month_start(month) < high)].sum()
    free = ((who["group"] >= 3) & (who["lead"] < 0)).sum() * share
    person = lead["person"] & (lead["converted"] < END - DAY)
    inside = person & (lead["converted"] >= low) & (lead["converted"] < high)
    taken = ((who["group"] == 3) & (who["lead"] >= 0)).sum() / max(person.sum(), 1)
    return float(won + free + taken * inside.sum())


def churn_rate(company, window: str, segment: int) -> tuple[float, int]:
    """Return the share of a segment's customers at the window's start that leave in it, on average, and their number.

    A customer without a term can leave at each monthly boundary, one with a term at its end only.
    """
    world, chain = company.world, company.chain
    low, high = bounds(window)
    mine = company.who["segment"][chain["customer"]] == segment
    bought = company.first_bought[chain["customer"]]
    there = mine & (np.where(chain["back"], chain["start"], bought) < low)
    there &= (chain["months"] < 0) | (chain["end"] >= low)
    rows = np.flatnonzero(there)
    passed = [np.maximum(int(month_index(x)) - month_index(chain["start"][rows]) - 1, 0) for x in (low, high)]
    monthly = 1 - (1 - chain["hazard"][rows]) ** (passed[1] - passed[0])
    year = passed[1] // 12
    ends = month_start(month_index(chain["start"][rows]) + year * 12)
    due = year > passed[0] // 12
    chance = np.clip(chain["renewal"][rows] * np.where(ends + 2 * DAY > CRM, world.crm_renewal, 1.0), 0, 1)
    risk = np.where(chain["annual"][rows], np.where(due, 1 - chance, 0.0), monthly)
    return float(risk.mean()) if rows.size else 0.0, rows.size


def basket(company) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected share of purchases with each product, and with each pair of products."""
    from crmkit.sample import shop

    world, order = company.world, company.order
    first, second = shop.first_choice(world), shop.second_choice(world) * world.second_line
    kind = company.who["type"][order["customer"]]
    counted = ~order["back"]
    machine = order["deal"] >= 0
    share = np.bincount(kind[counted & ~machine], minlength=5) / counted.sum()
    both = first[:, :, None] * second
    one = first + both.sum(axis=1)
    alone = np.zeros(len(shop.PRODUCTS))
    for product, number in ((4, 0), (9, 1)):
        alone[product] = (counted & machine & (kind == number)).sum() / counted.sum()
    pairs = np.einsum("t,tij->ij", share, both)
    return share @ one + alone, pairs + pairs.T
