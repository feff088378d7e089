"""The tables of customers and leads, and all tables one after the other: from arrays to what a CRM holds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from crmkit.sample import people, subscriptions, tables_office, tables_trade
from crmkit.sample.columns import keys, labels, numbers, texts, times, wholes
from crmkit.sample.company import Company
from crmkit.sample.moments import DAY, NEVER
from crmkit.sample.names import COUNTRIES, INDUSTRIES, INTERESTS
from crmkit.sample.tables_trade import known
from crmkit.sample.world import END, SEGMENTS, SOURCES

LEAD_STATES = ("New", "Contacted", "Qualified", "Converted", "Disqualified")


def everything(company: Company) -> Iterator[tuple[str, pa.Table]]:
    """Yield all tables of the sample company, one at a time so that none has to be kept."""
    yield from _customers_and_leads(company)
    yield from tables_trade.sales_tables(company)
    yield from tables_trade.shop_tables(company)
    yield from tables_trade.subscription_tables(company)
    yield from tables_office.marketing_tables(company)
    yield from tables_office.service_tables(company)
    yield from tables_office.office_tables(company)


def _customers_and_leads(company: Company) -> Iterator[tuple[str, pa.Table]]:
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
    firm = people.companies(rng, country)
    address = people.emails(people.persons(rng, country)["slug"] + ".l", np.arange(count))
    customer, deal = np.full(count, -1), np.full(count, -1)
    made = np.flatnonzero(who["lead"] >= 0)
    customer[who["lead"][made]] = made
    new = np.flatnonzero(company.deal["lead"] >= 0)
    deal[company.deal["lead"][new]] = new
    is_made = customer >= 0
    firm[is_made], address[is_made] = name[customer[is_made]], email[customer[is_made]]
    contacted = known(lead["contacted"])
    qualified = np.where(lead["good"] | lead["keen"], known(lead["qualified"]), NEVER)
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
