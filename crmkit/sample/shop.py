"""Products, orders, their lines and payments: machines sold by reps, supplies, and the web shop of private buyers."""

from __future__ import annotations

import numpy as np

from crmkit.sample.demand import Columns
from crmkit.sample.moments import DAY, at_home, at_work
from crmkit.sample.world import END, START, World

CATEGORIES = (
    "Office coffee",
    "Café and bar",
    "Filter coffee",
    "Single origins",
    "Tea and gifts",
    "Care and accessories",
)
PRODUCTS = (
    ("Kontor capsules, 100", 0, 34.0, 3.0),
    ("Kontor beans, 1 kg", 0, 19.5, 3.0),
    ("Oat milk for machines, 6 l", 0, 14.4, 2.0),
    ("Sugar sticks, 1000", 0, 11.9, 1.5),
    ("Kontor 200 machine", 0, 1890.0, 0.0),
    ("Bar blend, 3 kg", 1, 58.0, 3.0),
    ("Decaf bar blend, 1 kg", 1, 22.5, 2.0),
    ("Chocolate powder, 2 kg", 1, 26.0, 1.5),
    ("Takeaway cups, 500", 1, 39.0, 2.0),
    ("Duo two-group machine", 1, 4950.0, 0.0),
    ("Morning filter, 250 g", 2, 8.9, 3.0),
    ("Evening decaf filter, 250 g", 2, 9.4, 2.0),
    ("Paper filters, 100", 2, 4.9, 2.0),
    ("Cold brew bags, 10", 2, 12.9, 1.5),
    ("Ethiopia Sidama, 250 g", 3, 13.9, 3.0),
    ("Colombia Huila, 250 g", 3, 12.9, 2.5),
    ("Hand grinder", 3, 49.0, 1.0),
    ("Dripper", 3, 18.9, 1.5),
    ("Earl Grey tin", 4, 11.5, 2.5),
    ("Sencha tin", 4, 13.5, 2.0),
    ("Gift box for two", 4, 32.0, 2.0),
    ("Butter biscuits", 4, 6.9, 2.0),
    ("Descaler, 1 l", 5, 12.5, 1.5),
    ("Cleaning tablets, 60", 5, 9.9, 1.5),
    ("Milk jug", 5, 16.9, 1.0),
)
PAIRS = ((0, 22), (5, 8), (10, 12), (14, 17), (18, 21))
"""Products that go together, as indices into PRODUCTS: the second is often put beside the first."""

CHANNELS = ("Web", "Phone", "Sales")
MARGIN = np.array([0.42, 0.36, 0.48, 0.45, 0.50])


def first_choice(world: World) -> np.ndarray:
    """Return the chance of each product (columns) to be what a type (rows) puts in the basket first."""
    category = np.array([product[1] for product in PRODUCTS])
    weight = np.array([product[3] for product in PRODUCTS])
    own = weight * (category == np.arange(5)[:, None])
    other = np.broadcast_to(weight * (category == 5), own.shape)
    share = world.own_category
    return share * own / own.sum(1, keepdims=True) + (1 - share) * other / other.sum(1, keepdims=True)


def second_choice(world: World) -> np.ndarray:
    """Return the chance of a second product (last axis) by type (first axis) and first product (second axis)."""
    first = first_choice(world)
    given = np.broadcast_to(first[:, None, :], (5, len(PRODUCTS), len(PRODUCTS))).copy()
    index = np.arange(len(PRODUCTS))
    given[:, index, index] = 0
    given /= given.sum(-1, keepdims=True)
    for one, other in PAIRS:
        for here, there in ((one, other), (other, one)):
            given[:, here, :] *= 1 - world.pair_pull
            given[:, here, there] += world.pair_pull
    return given


def private_buyers(world: World, who: Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return customer, time and amount of the orders of those who only use the web shop: BG/NBD and Gamma-Gamma."""
    rng = world.rng("web shop")
    customer = np.flatnonzero(who["group"] == 4)
    r, alpha, a, b = world.bgnbd
    p, q, v = world.gamma_gamma
    rate = rng.gamma(r, 1 / alpha, customer.size) / (7 * DAY)
    drop = rng.beta(a, b, customer.size)
    level = rng.gamma(q, 1 / v, customer.size)
    now = who["created"][customer] + rng.integers(60, 1500, customer.size)
    now = np.minimum(now, END - 600)
    of, at, alive = [np.arange(customer.size)], [now], np.arange(customer.size)
    while alive.size:
        wait = np.minimum(rng.exponential(1 / rate[alive]), 1e10)
        now = now + wait.astype(np.int64) + 1
        alive, now = alive[now < END], now[now < END]
        of.append(alive)
        at.append(now)
        stay = rng.random(alive.size) >= drop[alive]
        alive, now = alive[stay], now[stay]
    of, at = np.concatenate(of), np.concatenate(at)
    return customer[of], at, np.maximum(np.round(rng.gamma(p, 1 / level[of]), 2), 0.5)


def _supplies(world: World, chain: Columns, who: Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return customer, time and amount of what subscribers order while they subscribe."""
    rng = world.rng("supplies")
    begin = np.maximum(chain["start"] + 3 * DAY, START + DAY)
    stop = np.where(chain["months"] >= 0, chain["end"], END)
    years = np.maximum(stop - begin, 0) / (365.25 * DAY)
    kind = who["type"][chain["customer"]]
    appetite = rng.gamma(6.0, 1 / 6.0, kind.size)
    of = np.repeat(np.arange(kind.size), rng.poisson(np.array([*world.supply_orders, 0, 0])[kind] * appetite * years))
    at = begin[of] + (rng.random(of.size) * (stop - begin)[of]).astype(np.int64)
    at = np.where(who["business"][chain["customer"][of]], at_work(rng, at), at_home(rng, at))
    at = np.clip(at, begin[of], END - 600)
    mean = np.array([*world.supply_amount, 1, 1])[kind[of]] * rng.lognormal(-0.02, 0.2, kind.size)[of]
    return chain["customer"][of], at, np.round(mean * rng.lognormal(-0.045, 0.3, of.size), 2)


def orders(world: World, deal: Columns, chain: Columns, who: Columns) -> Columns:
    """Return all orders in order of time; `deal` is -1 where no opportunity led to it, `back` marks returns."""
    rng = world.rng("orders")
    won = np.flatnonzero(deal["won"] & ~deal["open"] & (deal["kind"] < 2))
    sold_at = deal["closed"][won] + rng.integers(600, 3 * DAY, won.size)
    won, sold_at = won[sold_at < END], sold_at[sold_at < END]
    first = np.flatnonzero(who["group"] == 3)  # homes order a first pack as they subscribe
    first_at = np.minimum(who["created"][first] + rng.integers(60, 900, first.size), END - 600)
    first_amount = np.round(world.supply_amount[2] * rng.lognormal(-0.02, 0.2, first.size), 2)
    shop, supply = private_buyers(world, who), _supplies(world, chain, who)
    customer = np.concatenate([deal["customer"][won], first, shop[0], supply[0]])
    at = np.concatenate([sold_at, first_at, shop[1], supply[1]])
    amount = np.concatenate([deal["amount"][won], first_amount, shop[2], supply[2]])
    from_deal = np.concatenate([won, np.full(customer.size - won.size, -1)])
    phone = who["business"][customer] & (rng.random(customer.size) < 0.4)
    is_first = np.concatenate(
        [
            np.zeros(won.size, bool),
            np.ones(first.size, bool),
            np.arange(shop[0].size) < (who["group"] == 4).sum(),
            np.zeros(supply[0].size, bool),
        ]
    )
    made = {
        "customer": customer,
        "at": at,
        "amount": amount,
        "cost": np.round(amount * (1 - MARGIN[who["type"][customer]]) * rng.lognormal(0, 0.05, customer.size), 2),
        "deal": from_deal,
        "channel": np.where(from_deal >= 0, 2, np.where(phone, 1, 0)),
        "first": is_first,
        "back": np.zeros(customer.size, bool),
        "campaign": np.where(from_deal >= 0, deal["campaign"][from_deal], -1),
    }
    return _with_returns(rng, made)


def _with_returns(rng: np.random.Generator, order: Columns) -> Columns:
    """Add a return for a few orders, some days later, and bring all into the order of time; `twin` is the original."""
    size = order["at"].size
    chosen = np.flatnonzero((order["deal"] < 0) & (rng.random(size) < 0.015))
    at = order["at"][chosen] + rng.integers(3, 25, chosen.size) * DAY
    chosen, at = chosen[at < END], at[at < END]
    again = {name: values[chosen] for name, values in order.items()}
    again.update(
        at=at,
        amount=-again["amount"],
        cost=-again["cost"],
        back=np.ones(chosen.size, bool),
        campaign=np.full(chosen.size, -1),
        first=np.zeros(chosen.size, bool),
    )
    order["twin"], again["twin"] = np.full(size, -1), chosen
    made = {name: np.concatenate([order[name], again[name]]) for name in order}
    place = np.argsort(made["at"], kind="stable")
    rank = np.empty(place.size, np.int64)
    rank[place] = np.arange(place.size)
    made = {name: values[place] for name, values in made.items()}
    made["twin"] = np.where(made["twin"] >= 0, rank[made["twin"]], -1)
    return made


def lines(world: World, order: Columns, who: Columns) -> Columns:
    """Return the lines of all orders; their amounts add up to the order's to the cent."""
    rng = world.rng("lines")
    size = order["at"].size
    kind = who["type"][order["customer"]]
    first, second = np.empty(size, np.int64), np.full(size, -1)
    table, given = np.cumsum(first_choice(world), axis=1), np.cumsum(second_choice(world), axis=2)
    luck, luck_second = rng.random(size), rng.random(size)
    for number in range(5):
        rows = np.flatnonzero(kind == number)
        first[rows] = np.minimum(np.searchsorted(table[number], luck[rows], side="right"), len(PRODUCTS) - 1)
    machine = order["deal"] >= 0
    first[machine] = np.where(kind[machine] == 0, 4, 9)
    two = ~machine & (rng.random(size) < world.second_line)
    for number in range(5):
        for product in range(len(PRODUCTS)):
            rows = np.flatnonzero(two & (kind == number) & (first == product))
            found = np.searchsorted(given[number, product], luck_second[rows], side="right")
            second[rows] = np.minimum(found, len(PRODUCTS) - 1)
    share = np.where(two, rng.uniform(0.2, 0.45, size), 0)
    twin = order["twin"]
    for values in (first, second, share):
        values[twin >= 0] = values[twin[twin >= 0]]
    aside = np.round(order["amount"] * share, 2)
    of = np.concatenate([np.arange(size), np.flatnonzero(second >= 0)])
    product = np.concatenate([first, second[second >= 0]])
    amount = np.concatenate([np.round(order["amount"] - aside, 2), aside[second >= 0]])
    price = np.array([entry[2] for entry in PRODUCTS])[product]
    # as few pieces as the list price allows: what is paid is the list price less a discount
    quantity = np.maximum(np.ceil(np.abs(amount) / price), 1) * np.where(amount < 0, -1, 1)
    place = np.argsort(of, kind="stable")
    return {"order": of[place], "product": product[place], "quantity": quantity[place], "amount": amount[place]}


def payments(world: World, order: Columns, who: Columns) -> Columns:
    """Return the payments up to the end: the shop's at once, invoices weeks later, a few in two parts or never."""
    rng = world.rng("payments")
    size = order["at"].size
    invoice = who["business"][order["customer"]] & ~order["back"]
    wait = np.where(invoice, rng.gamma(4.0, 5.5, size) * DAY, rng.integers(20, 300, size)).astype(np.int64) + 1
    halves = invoice & (rng.random(size) < 0.03)
    paid = ~(invoice & (rng.random(size) < 0.02))
    part = np.where(halves, np.round(order["amount"] / 2, 2), order["amount"])
    of = np.concatenate([np.flatnonzero(paid), np.flatnonzero(paid & halves)])
    at = np.concatenate([(order["at"] + wait)[paid], (order["at"] + wait + 20 * DAY)[paid & halves]])
    amount = np.concatenate([part[paid], np.round(order["amount"] - part, 2)[paid & halves]])
    inside = np.flatnonzero(at < END)
    place = inside[np.argsort(at[inside], kind="stable")]
    return {"order": of[place], "at": at[place], "amount": amount[place]}
