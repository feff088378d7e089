"""From the company's arrays to the tables of a CRM: one function a group of tables, each yields (name, table)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from crmkit.sample import activities, office, people, sales, service, shop, site, subscriptions
from crmkit.sample.columns import dates, flags, keys, labels, numbers, texts, times, wholes
from crmkit.sample.company import Company
from crmkit.sample.demand import Columns
from crmkit.sample.moments import DAY, NEVER, month_index, month_start
from crmkit.sample.names import COUNTRIES, INDUSTRIES, INTERESTS
from crmkit.sample.world import END, PAID_CHANNELS, SEGMENTS, SOURCES, STAGES

LEAD_STATES = ("New", "Contacted", "Qualified", "Converted", "Disqualified")
Named = tuple[str, pa.Table]


def _euro(size: int) -> pa.Array:
    return pa.array(["EUR"] * size, pa.string())


def _known(seconds: np.ndarray) -> np.ndarray:
    """Blank what has not happened by the end."""
    return np.where(seconds < END, seconds, NEVER)


def everything(company: Company) -> Iterator[Named]:
    """Yield all tables of the sample company, one at a time so that none has to be kept."""
    yield from _customers_and_leads(company)
    yield from _sales(company)
    yield from _shop(company)
    yield from _subscriptions(company)
    yield from _marketing(company)
    yield from _service(company)
    yield from _office(company)


def _customers_and_leads(company: Company) -> Iterator[Named]:
    who, world = company.who, company.world
    rng = world.rng("names")
    size, business = who["created"].size, who["business"]
    person = people.persons(rng, who["country"])
    name = person["name"].copy()
    firms = np.flatnonzero(business)
    name[firms] = people.companies(rng, who["country"][firms], awkward=True)
    box = np.where(business, "office", person["slug"]).astype(object)
    email = people.emails(np.where(business, box + ".", box), np.arange(size))
    industry = INDUSTRIES["office"] + INDUSTRIES["café"]
    line = rng.integers(0, 6, size) + np.where(who["type"] == 1, 6, 0)
    staff = np.array([420.0, 60.0, 9.0, 1.0, 1.0])[who["segment"]] * rng.lognormal(0, 0.5, size)
    turnover = staff * rng.lognormal(11.2, 0.4, size)
    hobby = rng.integers(0, len(INTERESTS), (2, size))
    hobbies = [f"{one};{two}" for one in INTERESTS for two in INTERESTS]
    two = np.where(business | (hobby[0] == hobby[1]), -1, hobby[0] * len(INTERESTS) + hobby[1])
    left = _left(company)
    phone = np.where(rng.random(size) < np.where(business, 0.9, 0.35), people.phones(rng, size), None)
    yield (
        "customers",
        pa.table(
            {
                "customer_id": keys("", np.arange(size)),
                "name": texts(name),
                "kind": labels(("business", "person"), np.where(business, 0, 1)),
                "segment": labels(SEGMENTS, who["segment"]),
                "industry": labels(industry, np.where(business, line, -1)),
                "region": labels(people.REGIONS, people.regions(who["country"])),
                "country": labels(tuple(COUNTRIES), who["country"]),
                "channel": labels(SOURCES, who["source"]),
                "created_at": times(who["created"]),
                "lost_reason": labels(subscriptions.REASONS, left),
                "owner_id": keys("U", who["rep"], 3),
                "birth_year": wholes(np.where(business, -1, rng.integers(1946, 2005, size))),
                "gender": labels(("woman", "man"), np.where(business, -1, person["gender"])),
                "interests": labels(hobbies, two),
                "employees": wholes(np.where(business, np.maximum(np.round(staff), 1), -1)),
                "annual_revenue": numbers(np.where(business, np.round(turnover, -3), np.nan), 0),
                "email": texts(email),
                "phone": texts(phone),
            }
        ),
    )
    yield "leads", _leads(company, rng, name, email)


def _leads(company: Company, rng: np.random.Generator, name: np.ndarray, email: np.ndarray) -> pa.Table:
    who, lead = company.who, company.lead
    count = lead["created"].size
    country = people.countries(rng, count)
    firm, address = (
        people.companies(rng, country),
        people.emails(people.persons(rng, country)["slug"] + ".l", np.arange(count)),
    )
    customer, deal = np.full(count, -1), np.full(count, -1)
    made = np.flatnonzero(who["lead"] >= 0)
    customer[who["lead"][made]] = made
    new = np.flatnonzero(company.deal["lead"] >= 0)
    deal[company.deal["lead"][new]] = new
    is_made = customer >= 0
    firm[is_made], address[is_made] = name[customer[is_made]], email[customer[is_made]]
    contacted = _known(lead["contacted"])
    qualified = np.where(lead["good"] | ~lead["junk"], _known(lead["qualified"]), NEVER)
    # a good half of those who do not convert is not worth an offer
    keen = rng.random(count) < 0.45
    qualified = np.where(lead["good"] | keen, qualified, NEVER)
    late = lead["created"] < END - 60 * DAY
    state = np.select([lead["good"], contacted == NEVER, late, qualified != NEVER], [3, 0, 4, 2], 1)
    return pa.table(
        {
            "lead_id": keys("L", np.arange(count)),
            "created_at": times(lead["created"]),
            "source": labels(SOURCES, lead["source"]),
            "campaign_id": keys("C", lead["campaign"], 4),
            "owner_id": keys("U", lead["rep"], 3),
            "first_contacted_at": times(contacted),
            "qualified_at": times(qualified),
            "converted_at": times(np.where(lead["good"], lead["converted"], NEVER)),
            "customer_id": keys("", customer),
            "opportunity_id": keys("D", deal),
            "status": labels(LEAD_STATES, state),
            "company": texts(np.where(lead["person"], None, firm)),
            "email": texts(address),
        }
    )


def _left(company: Company) -> np.ndarray:
    """Return why each customer left, as an index into REASONS; -1 for those who did not."""
    row = company.subscription
    size = company.who["created"].size
    reason, runs = np.full(size, -1), np.zeros(size, bool)
    runs[row["customer"][row["end"] == NEVER]] = True
    ended = np.flatnonzero(row["end"] != NEVER)
    ended = ended[np.argsort(row["end"][ended], kind="stable")]
    reason[row["customer"][ended]] = row["reason"][ended]
    return np.where(runs, -1, reason)


def _sales(company: Company) -> Iterator[Named]:
    world, deal = company.world, company.deal
    entered = sales.stages(world, deal)
    size = deal["created"].size
    product = np.where(deal["kind"] < 2, np.where(company.who["type"][deal["customer"]] == 0, 4, 9), -1)
    title = [
        f"{kind}: {product[0]}"
        for kind in ("First order", "Expansion", "Renewal")
        for product in (*shop.PRODUCTS, ("subscription",))
    ]
    width = len(shop.PRODUCTS) + 1
    outcome = np.where(deal["open"], 0, np.where(deal["won"], 1, 2))
    yield (
        "opportunities",
        pa.table(
            {
                "opportunity_id": keys("D", np.arange(size)),
                "customer_id": keys("", deal["customer"]),
                "lead_id": keys("L", deal["lead"]),
                "owner_id": keys("U", deal["rep"], 3),
                "name": labels(title, deal["kind"] * width + np.where(product < 0, width - 1, product)),
                "created_at": times(deal["created"]),
                "closed_at": times(_known(deal["closed"])),
                "expected_close_at": dates(deal["expected"] // DAY * DAY),
                "stage": labels(STAGES, deal["stage"]),
                "outcome": labels(("open", "won", "lost"), outcome),
                "amount": numbers(deal["amount"]),
                "probability": numbers(sales.CHANCE_BY_STAGE[deal["stage"]]),
                "currency": _euro(size),
                "source": labels(SOURCES, deal["source"]),
                "campaign_id": keys("C", deal["campaign"], 4),
                "product_id": keys("P", product, 3),
                "lost_reason": labels(sales.LOST_REASONS, deal["lost_reason"]),
                "kind": labels(sales.KINDS, deal["kind"]),
            }
        ),
    )
    yield (
        "opportunity_stages",
        pa.table(
            {
                "opportunity_id": keys("D", entered["deal"]),
                "stage": labels(STAGES, entered["stage"]),
                "entered_at": times(entered["at"]),
            }
        ),
    )


def _shop(company: Company) -> Iterator[Named]:
    world, who, order = company.world, company.who, company.order
    size = order["at"].size
    yield (
        "orders",
        pa.table(
            {
                "order_id": keys("O", np.arange(size)),
                "customer_id": keys("", order["customer"]),
                "ordered_at": times(order["at"]),
                "amount": numbers(order["amount"]),
                "cost": numbers(order["cost"]),
                "currency": _euro(size),
                "channel": labels(shop.CHANNELS, order["channel"]),
                "campaign_id": keys("C", order["campaign"], 4),
                "opportunity_id": keys("D", order["deal"]),
                "status": labels(("done", "returned"), order["back"].astype(int)),
            }
        ),
    )
    line = shop.lines(world, order, who)
    yield (
        "order_lines",
        pa.table(
            {
                "order_id": keys("O", line["order"]),
                "product_id": keys("P", line["product"], 3),
                "quantity": numbers(line["quantity"], 0),
                "amount": numbers(line["amount"]),
            }
        ),
    )
    del line
    yield (
        "products",
        pa.table(
            {
                "product_id": keys("P", np.arange(len(shop.PRODUCTS)), 3),
                "name": texts([entry[0] for entry in shop.PRODUCTS]),
                "category": texts([shop.CATEGORIES[entry[1]] for entry in shop.PRODUCTS]),
                "price": numbers([entry[2] for entry in shop.PRODUCTS]),
            }
        ),
    )
    paid = shop.payments(world, order, who)
    yield (
        "payments",
        pa.table(
            {
                "payment_id": keys("Y", np.arange(paid["at"].size)),
                "order_id": keys("O", paid["order"]),
                "customer_id": keys("", order["customer"][paid["order"]]),
                "paid_at": times(paid["at"]),
                "amount": numbers(paid["amount"]),
            }
        ),
    )


def _subscriptions(company: Company) -> Iterator[Named]:
    row, term = company.subscription, company.term
    yield (
        "subscriptions",
        pa.table(
            {
                "subscription_id": keys("S", np.arange(row["start"].size)),
                "customer_id": keys("", row["customer"]),
                "plan": labels(subscriptions.PLANS, row["plan"]),
                "started_at": dates(row["start"]),
                "ended_at": dates(row["end"]),
                "mrr": numbers(row["mrr"]),
                "currency": _euro(row["start"].size),
                "cancel_reason": labels(subscriptions.REASONS, row["reason"]),
            }
        ),
    )
    yield (
        "terms",
        pa.table(
            {
                "subscription_id": keys("S", term["row"]),
                "term_start": dates(term["start"]),
                "term_end": dates(term["end"]),
                "amount": numbers(term["amount"]),
                "outcome": labels(("renewed", "lapsed", "open"), term["outcome"]),
            }
        ),
    )


def _marketing(company: Company) -> Iterator[Named]:
    world, found, lead, who = company.world, company.campaign, company.lead, company.who
    month = month_index(found["month"])
    name = np.char.add(np.char.add(np.array(PAID_CHANNELS)[found["channel"]], " "), month.astype("M8[M]").astype(str))
    rng = world.rng("budgets")
    size = month.size
    yield (
        "campaigns",
        pa.table(
            {
                "campaign_id": keys("C", np.arange(size), 4),
                "name": texts(name.tolist()),
                "channel": labels(PAID_CHANNELS, found["channel"]),
                "started_at": dates(found["month"]),
                "ended_at": dates(month_start(month + 1)),
                "budget": numbers(np.round(found["cost"] * rng.uniform(0.95, 1.2, size), -2), 0),
                "cost": numbers(found["cost"], 0),
                "expected_revenue": numbers(np.round(found["cost"] * rng.uniform(3.0, 6.0, size), -2), 0),
            }
        ),
    )
    seen = site.responses(world, found, lead, who)
    yield (
        "campaign_responses",
        pa.table(
            {
                "campaign_id": keys("C", seen["campaign"], 4),
                "at": times(seen["at"]),
                "kind": labels(("sent", "opened", "clicked", "responded"), seen["kind"]),
                "customer_id": keys("", seen["customer"]),
                "lead_id": keys("L", seen["lead"]),
            }
        ),
    )
    visit = site.sessions(world, found, lead, company.order, who)
    source = ("google", "instagram", "newsletter", "fair", "partner", "press", "direct")
    yield (
        "web_sessions",
        pa.table(
            {
                "session_id": keys("W", np.arange(visit["at"].size)),
                "visitor_id": keys("V", visit["visitor"]),
                "started_at": times(visit["at"]),
                "duration_seconds": numbers(visit["seconds"], 0),
                "pages": wholes(visit["pages"]),
                "source": labels(source, visit["source"]),
                "medium": labels(site.MEDIUMS, visit["source"]),
                "landing_page": labels(site.PAGES, visit["page"]),
                "campaign_id": keys("C", visit["campaign"], 4),
                "lead_id": keys("L", visit["lead"]),
                "order_id": keys("O", visit["order"]),
            }
        ),
    )


def _service(company: Company) -> Iterator[Named]:
    world, who = company.world, company.who
    spell = service.spells(company.chain, company.order, who)
    ticket = service.tickets(world, spell, who, company.agents)
    status = np.where(ticket["resolved"] != NEVER, 2, np.where(ticket["answered"] != NEVER, 1, 0))
    yield (
        "tickets",
        pa.table(
            {
                "ticket_id": keys("T", np.arange(status.size)),
                "customer_id": keys("", ticket["customer"]),
                "agent_id": keys("U", ticket["agent"] + company.reps, 3),
                "opened_at": times(ticket["opened"]),
                "first_response_at": times(ticket["answered"]),
                "resolved_at": times(ticket["resolved"]),
                "priority": labels(service.PRIORITIES, ticket["priority"]),
                "category": labels(service.CATEGORIES, ticket["category"]),
                "channel": labels(service.CHANNELS, ticket["channel"]),
                "status": labels(("new", "pending", "solved"), status),
                "reopened": flags(ticket["reopened"]),
            }
        ),
    )
    yield "surveys", _surveys(company, service.surveys(world, ticket, spell, company.deal, who))
    done = activities.activities(world, company.lead, company.deal, ticket, who, company.reps, company.agents)
    yield (
        "activities",
        pa.table(
            {
                "activity_id": keys("A", np.arange(done["at"].size)),
                "kind": labels(activities.KINDS, done["kind"]),
                "at": times(done["at"]),
                "user_id": keys("U", done["user"], 3),
                "customer_id": keys("", done["customer"]),
                "lead_id": keys("L", done["lead"]),
                "opportunity_id": keys("D", done["deal"]),
                "direction": labels(("in", "out"), done["direction"]),
                "duration_minutes": numbers(done["minutes"], 1),
            }
        ),
    )


def _surveys(company: Company, answer: Columns) -> pa.Table:
    company.answers = {name: answer[name] for name in ("kind", "customer", "at", "high", "low", "ticket")}
    comments = [text for band in service.COMMENTS for text in band]
    touch = np.where(answer["kind"] == 0, 0, np.where(answer["deal"] >= 0, 2, 1))
    size = touch.size
    return pa.table(
        {
            "response_id": keys("R", np.arange(size)),
            "survey": labels(("nps", "ces", "csat"), answer["kind"]),
            "score": wholes(answer["score"]),
            "scale_min": wholes(np.array([0, 1, 1])[answer["kind"]]),
            "scale_max": wholes(np.array([10, 7, 5])[answer["kind"]]),
            "answered_at": times(answer["at"]),
            "customer_id": keys("", answer["customer"]),
            "ticket_id": keys("T", answer["ticket"]),
            "opportunity_id": keys("D", answer["deal"]),
            "touchpoint": labels(("relationship", "support", "purchase"), touch),
            "comment": labels(comments, answer["comment"]),
        }
    )


def _office(company: Company) -> Iterator[Named]:
    world = company.world
    user = office.users(world, company.reps, company.agents)
    rng = world.rng("user names")
    size = user["role"].size
    yield (
        "users",
        pa.table(
            {
                "user_id": keys("U", np.arange(size), 3),
                "name": texts(people.persons(rng, people.countries(rng, size))["name"]),
                "role": labels(office.ROLES, user["role"]),
                "team": labels(office.TEAMS, user["team"]),
                "active_from": dates(user["begin"]),
                "active_to": dates(user["stop"]),
                "licensed": flags(user["licensed"]),
                "monthly_cost": numbers(user["pay"]),
            }
        ),
    )
    used = office.usage(world, user)
    yield (
        "usage",
        pa.table(
            {
                "user_id": keys("U", used["user"], 3),
                "at": times(used["at"]),
                "action": labels(office.ACTIONS, used["action"]),
            }
        ),
    )
    spent = office.costs(world, company.campaign, company.expected_acquired)
    yield (
        "costs",
        pa.table(
            {
                "month": dates(spent["month"]),
                "category": labels(office.COSTS, spent["category"]),
                "amount": numbers(spent["amount"]),
                "currency": _euro(spent["month"].size),
            }
        ),
    )
    goal = list(zip(*office.targets(world, company.reps), strict=True))
    yield (
        "targets",
        pa.table(
            {
                "metric": texts(goal[0]),
                "period": texts(goal[1]),
                "value": numbers(goal[2], 4),
                "owner_id": keys("U", np.array(goal[3]), 3),
                "segment": labels(SEGMENTS, np.array(goal[4])),
            }
        ),
    )
    trial = office.experiments(world, company.who, company.first_bought)
    yield (
        "experiments",
        pa.table(
            {
                "experiment_id": labels([entry[0] for entry in world.experiments], trial["experiment"]),
                "customer_id": keys("", trial["customer"]),
                "variant": labels(("control", "treatment"), trial["variant"]),
                "assigned_at": times(trial["at"]),
                "converted": flags(trial["converted"]),
                "value": numbers(trial["value"]),
                "pre_value": numbers(trial["pre_value"]),
            }
        ),
    )
