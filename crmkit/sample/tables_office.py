"""The tables of marketing, support and the office."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from crmkit.sample import activities, office, people, service, site
from crmkit.sample.columns import dates, flags, keys, labels, numbers, texts, times, wholes
from crmkit.sample.company import Company
from crmkit.sample.demand import Columns
from crmkit.sample.moments import NEVER, month_index, month_start
from crmkit.sample.tables_trade import Named, euro
from crmkit.sample.world import PAID_CHANNELS, SEGMENTS, World


def marketing_tables(company: Company) -> Iterator[Named]:
    """Yield campaigns, the reactions to them and the visits to the web site."""
    world, found, lead, who = company.world, company.campaign, company.lead, company.who
    yield "campaigns", _campaigns(company)
    yield "campaign_responses", _responses(site.responses(world, found, lead, who))
    yield "web_sessions", _visits(site.sessions(world, found, lead, company.order, who))


def _campaigns(company: Company) -> pa.Table:
    found, rng = company.campaign, company.world.rng("budgets")
    month = month_index(found["month"])
    name = np.char.add(np.char.add(np.array(PAID_CHANNELS)[found["channel"]], " "), month.astype("M8[M]").astype(str))
    size = month.size
    return pa.table(
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
    )


def _responses(seen: Columns) -> pa.Table:
    return pa.table(
        {
            "campaign_id": keys("C", seen["campaign"], 4),
            "at": times(seen["at"]),
            "kind": labels(("sent", "opened", "clicked", "responded"), seen["kind"]),
            "customer_id": keys("", seen["customer"]),
            "lead_id": keys("L", seen["lead"]),
        }
    )


def _visits(visit: Columns) -> pa.Table:
    source = ("google", "instagram", "newsletter", "fair", "partner", "press", "direct")
    return pa.table(
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
    )


def service_tables(company: Company) -> Iterator[Named]:
    """Yield tickets, surveys and activities; keep the chances of the answers for the truth."""
    world, who = company.world, company.who
    spell = service.spells(company.chain, company.order, who)
    ticket = service.tickets(world, spell, who, company.agents)
    yield "tickets", _tickets(ticket, company.reps)
    yield "surveys", _surveys(company, service.surveys(world, ticket, spell, company.deal, who))
    done = activities.activities(world, company.lead, company.deal, ticket, who, company.reps, company.agents)
    yield "activities", _activities(done)


def _tickets(ticket: Columns, reps: int) -> pa.Table:
    status = np.where(ticket["resolved"] != NEVER, 2, np.where(ticket["answered"] != NEVER, 1, 0))
    return pa.table(
        {
            "ticket_id": keys("T", np.arange(status.size)),
            "customer_id": keys("", ticket["customer"]),
            "agent_id": keys("U", ticket["agent"] + reps, 3),
            "opened_at": times(ticket["opened"]),
            "first_response_at": times(ticket["answered"]),
            "resolved_at": times(ticket["resolved"]),
            "priority": labels(service.PRIORITIES, ticket["priority"]),
            "category": labels(service.CATEGORIES, ticket["category"]),
            "channel": labels(service.CHANNELS, ticket["channel"]),
            "status": labels(("new", "pending", "solved"), status),
            "reopened": flags(ticket["reopened"]),
        }
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


def _activities(done: Columns) -> pa.Table:
    return pa.table(
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
    )


def office_tables(company: Company) -> Iterator[Named]:
    """Yield users, usage, costs, targets and experiments."""
    world = company.world
    user = office.users(world, company.reps, company.agents)
    yield "users", _users(user, world)
    yield "usage", _usage(office.usage(world, user))
    yield "costs", _costs(office.costs(world, company.campaign, company.expected_acquired))
    yield "targets", _targets(office.targets(world, company.reps))
    yield "experiments", _experiments(office.experiments(world, company.who, company.first_bought), world)


def _users(user: Columns, world: World) -> pa.Table:
    rng = world.rng("user names")
    size = user["role"].size
    return pa.table(
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
    )


def _usage(used: Columns) -> pa.Table:
    return pa.table(
        {
            "user_id": keys("U", used["user"], 3),
            "at": times(used["at"]),
            "action": labels(office.ACTIONS, used["action"]),
        }
    )


def _costs(spent: Columns) -> pa.Table:
    return pa.table(
        {
            "month": dates(spent["month"]),
            "category": labels(office.COSTS, spent["category"]),
            "amount": numbers(spent["amount"]),
            "currency": euro(spent["month"].size),
        }
    )


def _targets(entries: list[tuple]) -> pa.Table:
    metric, period, value, owner, segment = zip(*entries, strict=True)
    return pa.table(
        {
            "metric": texts(metric),
            "period": texts(period),
            "value": numbers(value, 4),
            "owner_id": keys("U", np.array(owner), 3),
            "segment": labels(SEGMENTS, np.array(segment)),
        }
    )


def _experiments(trial: Columns, world: World) -> pa.Table:
    return pa.table(
        {
            "experiment_id": labels([entry[0] for entry in world.experiments], trial["experiment"]),
            "customer_id": keys("", trial["customer"]),
            "variant": labels(("control", "treatment"), trial["variant"]),
            "assigned_at": times(trial["at"]),
            "converted": flags(trial["converted"]),
            "value": numbers(trial["value"]),
            "pre_value": numbers(trial["pre_value"]),
        }
    )
