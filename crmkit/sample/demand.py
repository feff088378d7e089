"""Where demand comes from: campaigns by month and channel, the leads they bring, and the customers made of them."""

from __future__ import annotations

import numpy as np

from crmkit.sample import people
from crmkit.sample.moments import DAY, at_home, at_work, early_day, moment, month_index, month_start, office_hours
from crmkit.sample.world import CRM, END, PAID_CHANNELS, START, World

Columns = dict[str, np.ndarray]
PERSON_SHARE = np.array([0.20, 0.30, 0.25, 0.02, 0.02, 0.10, 0.22])
LEFT, JOINED = moment("2024-01-01"), moment("2024-04-15")


def handover(rep: np.ndarray, when: np.ndarray, reps: int) -> np.ndarray:
    """Return who works on what was drawn for `rep`: one rep left early in 2024, another took over in spring.

    The last but one of the reps is the one who left, the last the one who joined; rep 0 stood in between.
    """
    leaving, joining = reps - 2, reps - 1
    rep = np.where((rep == leaving) & (when >= LEFT), joining, rep)
    return np.where((rep == joining) & (when < JOINED), 0, rep)


def campaigns(world: World) -> Columns:
    """Return one campaign a month and paid channel: `channel`, `month` (its first second) and `cost`."""
    rng = world.rng("campaigns")
    months = np.arange(month_index(START), month_index(END))
    month, channel = (grid.ravel() for grid in np.meshgrid(months, np.arange(len(PAID_CHANNELS)), indexing="ij"))
    low, high = np.array([world.channels[name].spend for name in PAID_CHANNELS]).T
    cost = low[channel] * (high / low)[channel] ** rng.random(month.size)
    return {"channel": channel, "month": month_start(month), "cost": np.round(cost * world.scale, -1)}


def lead_rates(world: World, found: Columns) -> np.ndarray:
    """Return the leads expected in a month from each campaign: the response curve of its channel."""
    size, half = np.array([(c.leads_max, c.half_spend) for c in map(world.channels.get, PAID_CHANNELS)]).T
    channel = found["channel"]
    spend = found["cost"] / world.scale
    return world.scale * size[channel] * spend / (spend + half[channel])


def leads(world: World, found: Columns, reps: int) -> Columns:
    """Return the leads, in the order in which they came, and which of them became an account or a subscriber."""
    rng = world.rng("leads")
    months = np.unique(found["month"])
    count = rng.poisson(lead_rates(world, found))
    free = rng.poisson(world.referral_leads * world.scale, months.size)
    campaign = np.concatenate([np.repeat(np.arange(count.size), count), np.full(free.sum(), -1)])
    month = np.concatenate([np.repeat(found["month"], count), np.repeat(months, free)])
    source = np.where(campaign >= 0, found["channel"][campaign], len(PAID_CHANNELS))
    length = month_start(month_index(month) + 1) - month
    created = at_work(rng, month + (rng.random(month.size) * length).astype(np.int64))
    created = np.clip(created, month + 8 * 3600, month + length - 3600)  # a campaign's leads stay in its month
    order = np.argsort(created, kind="stable")
    created, campaign, source = created[order], campaign[order], source[order]
    person = rng.random(created.size) < PERSON_SHARE[source]
    # answers come faster with the CRM
    hours = rng.lognormal(np.where(created < CRM, 2.2, 1.5), 0.9)
    contacted = office_hours(created + (hours * 3600).astype(np.int64))
    qualified = at_work(rng, contacted + (rng.gamma(2.0, 1.5, created.size) * DAY).astype(np.int64))
    qualified = np.maximum(qualified, contacted + 1200)
    converted = at_work(rng, qualified + rng.integers(1, 9, created.size) * DAY)
    converted = np.maximum(converted, qualified + 1800)
    rep = handover(rng.choice(reps, created.size, p=world.rep_share(reps)), created, reps)
    return {
        "created": created,
        "campaign": campaign,
        "source": source,
        "person": person,
        "contacted": contacted,
        "qualified": qualified,
        "converted": converted,
        "rep": rep,
        "good": _converted(world, rng, source, person, converted),
        "keen": rng.random(created.size) < 0.45,
    }


def _converted(world: World, rng, source, person, converted) -> np.ndarray:
    """Choose who converts: businesses more often from good sources, people all alike."""
    weight = world.source_effects()[2][source]
    luck = np.where(person, 0.0, np.log(weight)) + rng.gumbel(size=source.size)
    luck = np.where(converted < END - DAY, luck, -np.inf)
    good = np.zeros(source.size, bool)
    for group, share in ((~person, world.share_new_business), (person, world.share_new_home / 2)):
        rows = np.flatnonzero(group & np.isfinite(luck))
        wanted = min(round(share * world.customers), rows.size)
        good[rows[np.argsort(-luck[rows], kind="stable")[:wanted]]] = True
    return good


def arrival_weights() -> tuple[np.ndarray, np.ndarray]:
    """Return the months of the history and the share of the web shop's new customers that comes in each."""
    month = np.arange(month_index(START), month_index(END))
    weight = 1 + 0.3 * np.arange(month.size) / month.size + 0.3 * np.isin(month % 12, (10, 11))
    return month, weight / weight.sum()


def arrivals(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return moments at which people come to the web shop: a little more each year, most before Christmas."""
    month, weight = arrival_weights()
    drawn = rng.choice(month, size, p=weight)
    start = month_start(drawn)
    return at_home(rng, start + rng.integers(0, 28 * DAY, size))


def customers(world: World, lead: Columns, reps: int, agents: int) -> Columns:
    """Return the customers in the order in which their records were made.

    `group` is 0 for a business from before the history, 1 for one made from a lead, 2 and 3 likewise for
    subscribers at home, 4 for the web shop; `lead` is -1 where there was none; `mood` is satisfaction, a standard
    normal of which a part is the slowness of the customer's own support agent.
    """
    rng = world.rng("customers")
    by_lead = np.flatnonzero(lead["good"] & ~lead["person"]), np.flatnonzero(lead["good"] & lead["person"])
    total = world.customers
    stock, stock_home = round(total * world.share_stock_business), round(total * world.share_stock_home)
    home = round(total * world.share_new_home) - by_lead[1].size
    shop = total - stock - stock_home - by_lead[0].size - by_lead[1].size - home
    sizes = (stock, by_lead[0].size, stock_home, by_lead[1].size, home, shop)
    group = np.repeat([0, 1, 2, 3, 3, 4], sizes)
    from_lead = np.full(total, -1)
    from_lead[stock : stock + by_lead[0].size] = by_lead[0]
    first = stock + by_lead[0].size + stock_home
    from_lead[first : first + by_lead[1].size] = by_lead[1]
    created = np.where(from_lead >= 0, lead["converted"][from_lead], arrivals(rng, group.size))
    old = (group == 0) | (group == 2)
    created[old] = at_work(rng, early_day(START - rng.integers(20, 360, old.sum()) * DAY))
    order = np.argsort(created, kind="stable")
    group, from_lead, created = group[order], from_lead[order], created[order]
    business = group <= 1
    segment = np.where(business, rng.choice(3, total, p=world.segment_shares), np.where(group == 4, 4, 3))
    office, gift = rng.random(total) < world.office_share, rng.random(total) < world.gift_share
    kind = np.select([business & office, business, group != 4, ~gift], [0, 1, 2, 3], 4)
    source = np.where(
        from_lead >= 0, lead["source"][from_lead], rng.choice([0, 1, 2, 6], total, p=[0.4, 0.3, 0.15, 0.15])
    )
    agent = rng.integers(0, agents - 1, total)  # the last agent joined late and helps everybody
    slow = agent_slowness(agents)[agent]
    mood = -world.support_weight * slow + np.sqrt(1 - world.support_weight**2) * rng.standard_normal(total)
    own = handover(rng.choice(reps, total, p=world.rep_share(reps)), np.full(total, END), reps)
    own = np.where(from_lead >= 0, handover(lead["rep"][from_lead], np.full(total, END), reps), own)
    return {
        "created": created,
        "group": group,
        "lead": from_lead,
        "business": business,
        "segment": segment,
        "type": kind,
        "source": source,
        "agent": agent,
        "mood": mood,
        "rep": np.where(business, own, -1),
        "country": people.place_awkward(people.countries(rng, total), business),
    }


def agent_slowness(agents: int) -> np.ndarray:
    """Return how slow each support agent is, in standard deviations of the logarithm of the times."""
    rank = (np.argsort(np.argsort(np.sin(np.arange(agents) * 4.4))) + 0.5) / agents
    slow = np.sqrt(12) * (rank - 0.5)
    return slow / slow.std()
