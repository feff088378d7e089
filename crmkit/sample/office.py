"""The company's own side: users, their use of the CRM, costs by month, experiments and targets."""

from __future__ import annotations

import numpy as np

from crmkit.sample.activities import MONTHS, employed
from crmkit.sample.demand import Columns
from crmkit.sample.moments import DAY, NEVER, moment, month_index, month_start
from crmkit.sample.world import CRM, END, World

ROLES = ("sales", "support", "marketing", "other")
TEAMS = ("Sales North", "Sales South", "Support", "Marketing", "Office")
ACTIONS = ("login", "create", "update", "view", "report")
COSTS = (
    "marketing",
    "sales",
    "retention",
    "support",
    "crm_licence",
    "crm_implementation",
    "crm_training",
    "crm_operation",
)
ASSIGNED = moment("2026-03-02")


def users(world: World, reps: int, agents: int) -> Columns:
    """Return reps, then support agents, then marketing and the office; `begin` and `stop` of their time here."""
    others = world.staff(3, 2)
    role = np.repeat([0, 1, 2, 3], [reps, agents, others, others])
    begin, stop = np.full(role.size, moment("2022-09-01")), np.full(role.size, NEVER)
    begin[: reps + agents], stop[: reps + agents] = employed(reps, agents)
    team = np.select([role == 0, role == 1, role == 2], [np.arange(role.size) % 2, 2, 3], 4)
    licensed = (stop == NEVER) & ~((role == 3) & (np.arange(role.size) % 3 == 0))
    pay = np.array([4600.0, 3400.0, 4000.0, 3700.0])[role] + 50.0 * (np.arange(role.size) % 5)
    return {"role": role, "team": team, "begin": begin, "stop": stop, "licensed": licensed, "pay": pay}


def usage(world: World, user: Columns) -> Columns:
    """Return what the licensed did in the CRM, in order of time: from its first day on, by more people each month."""
    rng = world.rng("usage")
    days = np.arange(CRM, END, DAY)
    days = days[(days // DAY + 3) % 7 < 5]
    grown = 1 - np.exp(-(days - CRM) / (120 * DAY))
    who = np.flatnonzero(user["licensed"])
    keen = np.clip(np.array([0.80, 0.85, 0.60, 0.45])[user["role"][who]] + rng.normal(0, 0.12, who.size), 0.1, 0.97)
    joins = CRM + (rng.beta(1.0, 3.0, who.size) * 300).astype(np.int64) * DAY  # when each began to use it
    there = (days >= np.maximum(joins, user["begin"][who])[:, None]) & (
        rng.random((who.size, days.size)) < keen[:, None] * (0.3 + 0.6 * grown)
    )
    there &= days < _given_up(world, who.size)[:, None]
    row, day = np.nonzero(there)
    login = days[day] + rng.integers(7 * 3600, 10 * 3600, day.size)
    more = rng.poisson(0.5 + 0.7 * grown[day])
    of = np.repeat(np.arange(row.size), more)
    at = np.concatenate([login, login[of] + rng.integers(120, 8 * 3600, of.size)])
    action = np.concatenate([np.zeros(row.size, int), rng.choice([1, 2, 3, 4], of.size, p=[0.22, 0.38, 0.34, 0.06])])
    place = np.argsort(at, kind="stable")
    return {"user": who[np.concatenate([row, row[of]])][place], "at": at[place], "action": action[place]}


def _given_up(world: World, users: int) -> np.ndarray:
    """Return when each user went back to a spreadsheet: never, but for one in twelve, and one who never began."""
    rng = world.rng("given up")
    few = rng.permutation(users)[: max(1, users // 12) + 1]
    until = np.full(users, END)
    until[few] = CRM + rng.integers(200, 380, few.size) * DAY
    until[few[0]] = CRM
    return until


def costs(world: World, found: Columns, acquired: tuple[float, float]) -> Columns:
    """Return the costs of each month by category; `acquired` are the customers expected before and with the CRM.

    The cost of sales with the CRM is set so that acquisition costs fall by as much as the world says, in expectation.
    """
    rng = world.rng("costs")
    month = month_start(MONTHS)
    size, scale = month.size, world.scale
    overhead = 4200.0 * scale * rng.uniform(0.97, 1.03, size)
    marketing = np.bincount(month_index(found["month"]) - MONTHS[0], weights=found["cost"], minlength=size) + overhead
    before = (month >= moment("2024-07-01")) & (month < moment("2025-07-01"))
    after = (month >= moment("2025-10-01")) & (month < END)
    shape = rng.uniform(0.98, 1.02, size)
    sales = world.sales_cost_month * scale * shape
    wanted = world.crm_cac * (marketing + sales)[before].sum() / acquired[0] * acquired[1]
    later = month >= CRM
    sales[later] *= (wanted - marketing[after].sum()) / sales[after].sum()
    since = MONTHS - month_index(np.array(CRM))
    amount = np.stack(
        [
            marketing,
            sales,
            6500.0 * scale * rng.uniform(0.85, 1.15, size),
            29_000.0 * scale * rng.uniform(0.97, 1.03, size),
            np.where(since >= 0, 1400.0, 0) * scale,
            np.where((since >= -4) & (since < 2), 9000.0, 0) * scale,
            np.where((since >= -1) & (since < 3), 3500.0, 0) * scale,
            np.where(since >= 0, 1900.0, 0) * scale * rng.uniform(0.95, 1.05, size),
        ],
        axis=1,
    )
    row, category = np.nonzero(amount > 0)
    return {"month": month[row], "category": category, "amount": np.round(amount[row, category], 2)}


def experiments(world: World, who: Columns, first_bought: np.ndarray) -> Columns:
    """Return two experiments among those who had bought by then; `value` is related to `pre_value`."""
    rng = world.rng("experiments")
    there = np.flatnonzero((first_bought != NEVER) & (first_bought < ASSIGNED))
    parts = []
    for number, (_, base, more, value) in enumerate(world.experiments):
        variant = rng.permutation(np.arange(there.size) % 2)
        before = rng.lognormal(3.4, 0.5, there.size)
        chance = base + more * variant
        parts.append(
            {
                "experiment": np.full(there.size, number),
                "customer": there,
                "variant": variant,
                "at": ASSIGNED + number * 60 * DAY + rng.integers(0, 10 * DAY, there.size),
                "converted": rng.random(there.size) < chance,
                "value": np.round(0.7 * before + rng.gamma(2.0, 6.0, there.size) + value * variant, 2),
                "pre_value": np.round(before, 2),
            }
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


GOALS = (
    # metric, value for 2026, share of it that a quarter has to reach
    ("revenue", 3_700_000.0, 0.25),
    ("new_revenue", 2_000_000.0, 0.25),
    ("win_rate", 0.60, 1.0),
    ("sales_cycle_days", 36.0, 1.0),
    ("leads", 880.0, 0.25),
    ("nps", 18.0, 1.0),
    ("churn_rate", 0.28, 0.26),
    ("renewal_rate", 0.77, 1.0),
    ("csat", 0.75, 1.0),
    ("first_response_hours", 8.0, 1.0),
    ("sla_met", 0.65, 1.0),
    ("adoption_rate", 0.9, 1.0),
    ("cac", 1_900.0, 1.0),
)
SCALED = ("revenue", "new_revenue", "leads")


def targets(world: World, reps: int) -> list[tuple[str, str, float, int, int]]:
    """Return metric, period, value, rep and segment (-1 for everybody) of the targets for 2026."""
    rows = []
    for metric, value, quarter in GOALS:
        goal = value * (world.scale if metric in SCALED else 1.0)
        rows.append((metric, "2026", goal, -1, -1))
        rows += [(metric, f"2026-Q{number}", goal * quarter, -1, -1) for number in (1, 2, 3, 4)]
    year = next(value for metric, value, _ in GOALS if metric == "revenue") * world.scale
    rows += [("revenue", f"2026-{month:02d}", round(year / 12, 2), -1, -1) for month in range(1, 13)]
    share = world.rep_share(reps)
    for rep in range(min(reps, 12)):
        if rep != reps - 2:
            rows.append(("new_revenue", "2026-Q3", round(500_000.0 * world.scale * share[rep], -3), rep, -1))
    rows += [("nps", "2026-Q3", 10.0 + 5 * (4 - segment), -1, segment) for segment in range(5)]
    rows += [("churn_rate", "2026-Q3", value, -1, segment) for segment, value in enumerate((0.03, 0.05, 0.07, 0.10))]
    return rows
