"""What is planted in the sample company, as a list of statements that tests and readers can compare with the tables."""

from __future__ import annotations

import numpy as np

from crmkit.sample import expected, shop
from crmkit.sample.company import Company
from crmkit.sample.moments import NEVER
from crmkit.sample.world import AFTER, BEFORE, PAID_CHANNELS, SEGMENTS, SOURCES, TYPES

ALL = "2024-04-01/2026-10-01"
QUARTERS = tuple(
    f"{y}-{m:02d}-01/{y + (m == 10)}-{(m + 3 - 1) % 12 + 1:02d}-01" for y in (2024, 2025, 2026) for m in (1, 4, 7, 10)
)[:-1]
CYCLE_AFTER = "2026-01-01/2026-10-01"
FEW = 20  # deals or answers of a group, below which nothing is said about it
TERMS_BEFORE, TERMS_AFTER = "2023-10-01/2025-07-01", "2025-07-01/2026-10-01"


METRICS = {"churn_rate", "nps", "ces_easy", "csat", "reopened_rate", "win_rate", "sales_cycle_days", "renewal_rate"}
METRICS |= {"interactions_per_agent", "cac"}


def statement(what: str, name: str, value, how: str, *, by=None, window: str = "") -> dict:
    """Return one statement about a metric of the catalogue or, by `kind`, a parameter that a method estimates.

    `by` is the group that it holds for, `window` the period as start/end.
    """
    kind = "metric" if name in METRICS else "parameter"
    value = round(value, 6) if isinstance(value, float) else value
    return {"what": what, "name": name, "kind": kind, "by": by or {}, "window": window, "value": value, "how": how}


def truth(company: Company) -> dict:
    """Return all that is planted, ready to be written as JSON."""
    world = company.world
    return {
        "company": "Kawomir",
        "customers": world.customers,
        "seed": world.seed,
        "as_of": "2026-09-30",
        "crm_introduced": "2025-07-01",
        "note": (
            "Kind metric: what it would measure on average, from the true chances; what the tables give differs "
            "from it by chance. Kind parameter: what a method or a model estimates. `by` is the group, `window` the "
            "half-open period; effects of the CRM have one before and one after. Types: truth_types.csv."
        ),
        "truths": [
            *_churn(company),
            *_perception(company),
            *_sales(company),
            *_marketing(company),
            *_purchases(company),
            *_baskets(company),
            *_experiments(company),
            *_crm(company),
        ],
    }


def types(company: Company) -> tuple[np.ndarray, list[str]]:
    """Return the customers who bought, as row numbers, and the type of each."""
    rows = np.flatnonzero(company.first_bought != NEVER)
    return rows, [TYPES[number] for number in company.who["type"][rows]]


def _churn(company: Company) -> list[dict]:
    world, made = company.world, []
    for number in range(4):
        by = {"segment": SEGMENTS[number]}
        hazard, renewal = world.monthly_hazard[number], world.renewal[number]
        text = "chance to leave at a monthly boundary, of subscribers without a term and average over satisfaction"
        made.append(statement("churn", "monthly_hazard", hazard, text, by=by))
        text = "chance to renew a yearly term before the CRM, at average satisfaction"
        made.append(statement("churn", "renewal_chance", renewal, text, by=by))
        for window in (*QUARTERS, "2024-01-01/2025-01-01", "2025-01-01/2026-01-01"):
            value, there = expected.churn_rate(company, window, number)
            if not there:
                continue
            text = "mean true chance to leave in the window, of those who were customers at its start"
            made.append(statement("churn", "churn_rate", value, text, by=by, window=window))
    text = "multiplies the hazard, for each standard deviation of satisfaction more"
    factor = float(np.exp(world.satisfaction_hazard))
    return [*made, statement("churn", "satisfaction_hazard_ratio", factor, text)]


def _perception(company: Company) -> list[dict]:
    made, answer = [], company.answers
    segment = company.who["segment"][answer["customer"]]
    low, high = expected.bounds(ALL)
    inside = (answer["at"] >= low) & (answer["at"] < high)
    for number, name in enumerate(SEGMENTS):
        asked = inside & (answer["kind"] == 0) & (segment == number)
        if asked.sum() < FEW:
            continue
        up, down = float(answer["high"][asked].mean()), float(answer["low"][asked].mean())
        text = "mean true chance of those who answered; it rises with satisfaction"
        for metric, value in (("promoters_share", up), ("detractors_share", down), ("nps", 100 * (up - down))):
            made.append(statement("promoters", metric, value, text, by={"segment": name}, window=ALL))
    for kind, metric in ((1, "ces_easy"), (2, "csat")):
        value = float(answer["high"][inside & (answer["kind"] == kind)].mean())
        text = "mean true chance of an easy or satisfied answer"
        made.append(statement("service", metric, value, text, window=ALL))
    world = company.world
    text = "on the log-odds of a satisfied answer, for each factor e of time to resolve, over what is usual"
    made.append(statement("service", "csat_slowness", world.csat_slowness, text))
    text = "share of resolved tickets that were opened again"
    return [*made, statement("service", "reopened_rate", world.reopened, text, window=ALL)]


def _sales(company: Company) -> list[dict]:
    world, deal, made = company.world, company.deal, []
    low, high = expected.bounds(ALL)
    counted = (deal["closed"] >= low) & (deal["closed"] < high)
    groups = [({"owner_id": f"U{rep + 1:03d}"}, deal["rep"] == rep) for rep in range(company.reps)]
    groups += [({"source": name}, deal["source"] == number) for number, name in enumerate(SOURCES)]
    groups += [({}, np.ones(deal["rep"].size, bool))]
    for by, rows in groups:
        if (rows & counted).sum() < FEW:
            continue
        text = "mean true chance to win of all deals closed in the window"
        value = expected.win_rate(deal, ALL, rows)
        made.append(statement("win rate", "win_rate", value, text, by=by, window=ALL))
        new = rows & (deal["kind"] == 0)
        if (new & counted).sum() >= FEW:
            value = expected.win_rate(deal, ALL, new)
            by_kind = {**by, "kind": "new"}
            made.append(statement("win rate", "win_rate", value, f"{text}, new customers only", by=by_kind, window=ALL))
        text = "mean days expected of the deals won in the window; gamma with shape 4"
        value = expected.cycle_days(world, deal, ALL, rows)
        made.append(statement("sales cycle", "sales_cycle_days", value, text, by=by, window=ALL))
    return made


def _marketing(company: Company) -> list[dict]:
    world, made = company.world, []
    for name in PAID_CHANNELS:
        channel = world.channels[name]
        value = {
            "form": "leads a month = leads_max * spend / (spend + half_spend), Poisson",
            "leads_max": channel.leads_max * world.scale,
            "half_spend": channel.half_spend * world.scale,
            "spend_varies": channel.spend[0] < channel.spend[1],
        }
        text = "campaigns.cost of a month and channel against the leads that name the campaign"
        made.append(statement("response curve", "response_curve", value, text, by={"channel": name}))
    return made


def _purchases(company: Company) -> list[dict]:
    world = company.world
    by = {"segment": "Home shop"}
    r, alpha, a, b = world.bgnbd
    p, q, v = world.gamma_gamma
    shop_only = "orders with a positive amount of this segment; returns are left out"
    return [
        statement(
            "purchases",
            "bg_nbd",
            {"r": r, "alpha": alpha, "a": a, "b": b, "time_unit": "week"},
            f"from each customer's first order to the end of 2026-09-30; {shop_only}",
            by=by,
        ),
        statement(
            "purchases",
            "gamma_gamma",
            {"p": p, "q": q, "v": v, "currency": "EUR", "mean": p * v / (q - 1)},
            f"order amount ~ gamma(p, rate nu), nu ~ gamma(q, rate v) by customer; {shop_only}",
            by=by,
        ),
        statement(
            "types",
            "customer_types",
            {"types": list(TYPES), "file": "truth_types.csv"},
            "k-means with k = 5 on standardised log(1 + orders), log mean order amount and the share of order lines in "
            "each product category (positive orders) finds them",
        ),
    ]


def _baskets(company: Company) -> list[dict]:
    single, both = expected.basket(company)
    made = []
    for one, other in shop.PAIRS:
        lift = float(both[one, other] / (single[one] * single[other]))
        by = {"product_id": f"P{one + 1:03d}", "with_product_id": f"P{other + 1:03d}"}
        text = "orders with a positive amount; share with both over the product of the shares with each"
        made.append(statement("basket", "lift", lift, text, by=by))
        made.append(statement("basket", "support", float(both[one, other]), text, by=by))
    return made


def _experiments(company: Company) -> list[dict]:
    made = []
    for name, base, more, value in company.world.experiments:
        by = {"experiment_id": name}
        text = f"treatment minus control; {base:.0%} of the control group convert"
        made.append(statement("experiment", "conversion_difference", more, text, by=by))
        text = "treatment minus control of `value`, EUR; value = 0.7 pre_value + gamma(2, 6) + difference"
        made.append(statement("experiment", "value_difference", value, text, by=by))
    return made


def _crm(company: Company) -> list[dict]:
    world, deal, made = company.world, company.deal, []
    every = np.ones(deal["rep"].size, bool)

    def pair(name, factor, windows, values, how):
        effect = {"factor": factor, "before": values[0], "after": values[1], "ratio": values[1] / values[0]}
        effect = {key: round(value, 6) for key, value in effect.items()}
        effect |= {"before_window": windows[0], "after_window": windows[1]}
        made.append(statement("crm", name, effect, how, window=f"{windows[0]} {windows[1]}"))

    windows = (BEFORE, CYCLE_AFTER)
    days = [expected.cycle_days(world, deal, window, every) for window in windows]
    text = "deals created since 2025-07-01 take 0.65 of the time; those in between close by the end of 2025"
    pair("sales_cycle_days", world.crm_cycle, windows, days, text)
    term = company.term
    chance = []
    for window in (TERMS_BEFORE, TERMS_AFTER):
        low, high = expected.bounds(window)
        chance.append(float(term["chance"][(term["end"] >= low) & (term["end"] < high)].mean()))
    text = (
        "each yearly term that ends since 2025-07-01 is renewed with 1.30 times the chance; monthly ones are as before"
    )
    pair("renewal_rate", world.crm_renewal, (TERMS_BEFORE, TERMS_AFTER), chance, text)
    sales, support = world.activities_per_month
    staff = (company.reps - 1, company.agents)
    month = (sales * 11 + support * 9) * world.scale / sum(staff)
    text = "all activities of a sales or support user in a month; each does 1.26 times as many"
    pair(
        "interactions_per_agent", world.crm_interactions, (BEFORE, AFTER), [month, month * world.crm_interactions], text
    )
    cost = [
        world_cost / acquired
        for world_cost, acquired in zip(_acquisition_costs(company), company.expected_acquired, strict=True)
    ]
    text = (
        "(marketing + sales costs) / customers acquired; costs are given, customers are what the chances lead to expect"
    )
    pair("cac", world.crm_cac, (BEFORE, AFTER), cost, text)
    text = "minutes of a task or a note since 2025-07-01"
    made.append(statement("crm", "routine_minutes_factor", world.crm_routine, text))
    return made


def _acquisition_costs(company: Company) -> list[float]:
    from crmkit.sample import office

    spent = office.costs(company.world, company.campaign, company.expected_acquired)
    total = []
    for window in (BEFORE, AFTER):
        low, high = expected.bounds(window)
        counted = (spent["category"] <= 1) & (spent["month"] >= low) & (spent["month"] < high)
        total.append(float(spent["amount"][counted].sum()))
    return total
