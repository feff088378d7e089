"""Customers and leads entered twice, as people enter them, and others that only look so: planted, and listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from crmkit.sample import misspelling as other
from crmkit.sample.addresses import city_in, draw
from crmkit.sample.lookalikes import LOOKALIKES, OTHERS
from crmkit.sample.names import COUNTRIES
from crmkit.sample.people import plain

SHARE = 0.04
"""Of the customers and of the leads, the share that is entered again."""
_ADDRESS = ("address", "postal_code", "city")
_MEMBERS = {"opportunities": "created_at", "orders": "ordered_at", "tickets": "opened_at"}
_FOLLOW = {
    "orders": ("opportunity_id", "opportunities"),
    "payments": ("order_id", "orders"),
    "surveys": ("ticket_id", "tickets"),
    "activities": ("opportunity_id", "opportunities"),
}


def plant(
    tables: Mapping[str, pa.Table], rng: np.random.Generator, *, share: float = SHARE
) -> tuple[dict[str, pa.Table], dict[str, list[dict[str, Any]]]]:
    """Enter some customers and leads of the sample company again, and add others who only look like one.

    Parameters
    ----------
    tables : mapping of str to Arrow table
        Tables of the sample company by name, as `crmkit.sample.tables.everything` yields them; those that are not
        there are not needed, but `customers` is.
    rng : numpy Generator
    share : float
        Of the customers, and of the leads, how many are entered again; half as many look-alikes are added.

    Returns
    -------
    tables : dict of str to Arrow table
        The same tables. Customers have `address`, `postal_code` and `city` as well; new records stand at the end. What
        came after a second record was made (orders, opportunities, tickets, and what hangs on them) belongs to it in
        about half of the cases.
    truth : dict
        `duplicates`: records of one customer or lead (`table`, `ids`, the one that was first in front, `how` they
        differ). `not_duplicates`: pairs that only look so (`table`, `ids`, `why`). `leads_of_customers`: leads that
        were customers before (`lead_id`, `customer_id`, `how`).

    Examples
    --------
    >>> from crmkit.sample.company import found
    >>> from crmkit.sample.tables import everything
    >>> from crmkit.sample.world import World
    >>> small = dict(everything(found(World(customers=200, seed=1))))
    >>> twice, truth = plant(small, np.random.default_rng(1))
    >>> twice["customers"].num_rows - small["customers"].num_rows, len(truth["duplicates"]) > 8
    (14, True)
    """
    made = dict(tables)
    truth: dict[str, list[dict[str, Any]]] = {"duplicates": [], "not_duplicates": [], "leads_of_customers": []}
    made["customers"] = customers = _with_addresses(made["customers"], rng)
    rows = customers.to_pylist()
    again = _customers_again(rows, rng, share, truth)
    alike = _lookalikes(rows, rng, share / 2, len(rows) + len(again), truth)
    made["customers"] = pa.concat_tables([customers, pa.Table.from_pylist(again + alike, schema=customers.schema)])
    _split(made, [(each["ids"], again) for each in truth["duplicates"]], rng)
    if "leads" in made:
        made["leads"] = _leads_again(made["leads"], rows, rng, share, truth)
    return made, truth


def _with_addresses(customers: pa.Table, rng: np.random.Generator) -> pa.Table:
    rows = customers.select(["name", "kind", "country"]).to_pylist()
    found = [draw(row["country"], rng, city=city_in(row["name"], row["country"])) for row in rows]
    for name in _ADDRESS:
        customers = customers.append_column(name, pa.array([row[name] for row in found], pa.string()))
    return customers


def _customers_again(rows: list[dict], rng: np.random.Generator, share: float, truth: dict) -> list[dict]:
    """Return a second record of some customers, and a third of a few of them."""
    last = max(row["created_at"] for row in rows)
    picked = np.sort(rng.permutation(len(rows))[: max(2, round(share * len(rows)))])
    made = []
    for at in picked:
        ids, how = [rows[at]["customer_id"]], []
        for _ in range(2 if rng.random() < 0.08 else 1):
            row, ways = _again(rows[at], rng)
            row["customer_id"] = f"{len(rows) + len(made) + 1:05d}"
            row["created_at"] += (last - row["created_at"]) * float(rng.uniform(0.1, 0.9))
            row["created_at"] = row["created_at"].replace(microsecond=0)
            made.append(row)
            ids.append(row["customer_id"])
            how += ways
        truth["duplicates"].append({"table": "customers", "ids": ids, "how": how})
    return made


def _again(row: dict, rng: np.random.Generator) -> tuple[dict, list[str]]:
    """Return a customer's record as it is entered a second time, and how it differs."""
    again = row | {name: None for name in ("lost_reason", "owner_id") if rng.random() < 0.5}
    how = [_rename(again, rng), _reconnect(again, rng)]
    if how[0] == "other surname" or not (how[1] in ("same e-mail", "e-mail written otherwise") or row["phone"]):
        move = rng.random() < 0.3 and how[0] != "other surname"  # what would be left to know them by?
    else:
        move = rng.random() < 0.35
    if move and (again["email"] or again["phone"]):
        again |= draw(row["country"], rng)
        how.append("moved")
    elif rng.random() < 0.5:
        again["address"] = other.other_street(row["address"], rng)
        how.append("address written otherwise")
    elif rng.random() < 0.3 and again["email"]:
        again |= dict.fromkeys(_ADDRESS)
        how.append("no address")
    for name in ("segment", "industry", "birth_year", "gender", "interests", "employees", "annual_revenue", "channel"):
        if rng.random() < 0.3 and name != "segment":
            again[name] = None
    return again, how


def _rename(again: dict, rng: np.random.Generator) -> str:
    firm, name = again["kind"] == "business", again["name"]
    if again["country"] in ("JP", "CN"):
        how = other.pick(other.IN_ASIA, rng)
        how = how if firm or how != "other legal form" else "other width"
        how = how if again["country"] == "JP" or how != "other width" else "same name"
        ways = other.IN_ASIA
    else:
        ways = other.OF_FIRMS if firm else other.OF_PERSONS
        how = other.pick(ways, rng)
    if how == "other surname":
        surnames = COUNTRIES[again["country"]].surnames
        surname = surnames[int(rng.integers(0, len(surnames)))].split("|")[0]
        again["name"] = f"{name.split()[0]} {surname}"
        return how if again["name"] != name else "same name"
    way = ways[how][1]
    again["name"] = way(name, rng) if way else name
    return how if again["name"] != name else "same name"


def _reconnect(again: dict, rng: np.random.Generator) -> str:
    """Change e-mail and telephone as people do, so that something of them stays where there was a telephone."""
    if again["phone"] and rng.random() < 0.7:
        again["phone"] = other.other_phone(again["phone"], again["country"], rng)
        if rng.random() < 0.5:
            changed = rng.random() < 0.6
            name = plain(again["name"]) or "post"
            again["email"] = f"{name[:12]}{int(rng.integers(10**6, 10**7))}@example.org" if changed else None
            return "other e-mail" if changed else "no e-mail"
    elif rng.random() < 0.4:
        again["phone"] = None
    draw_ = rng.random()
    if draw_ < 0.5:
        return "same e-mail"
    if draw_ < 0.85:
        again["email"] = other.other_email(again["email"], rng)
        return "e-mail written otherwise"
    again["email"] = other.wrong_email(again["email"], rng)
    return "e-mail mistyped"


def _lookalikes(rows: list[dict], rng: np.random.Generator, share: float, count: int, truth: dict) -> list[dict]:
    """Return new customers who look like present ones and are not."""
    order = rng.permutation(len(rows))[: max(5, round(share * len(rows)))]
    twice = {each["ids"][0] for each in truth["duplicates"]}
    made = []
    for number, at in enumerate(at for at in order if rows[at]["customer_id"] not in twice):
        row, why = rows[at], LOOKALIKES[number % len(LOOKALIKES)]
        firm = row["kind"] == "business"
        if why in ("family", "parent of the same name") and (firm or row["country"] in ("JP", "CN")):
            why = "subsidiary" if firm else "same name elsewhere"
        elif why in ("subsidiary", "shared mailbox") and not firm:
            why = "same name elsewhere"
        new = row | {"customer_id": f"{count + len(made) + 1:05d}", "lost_reason": None}
        mailbox = f"{plain(new['name'])[:14] or 'mail'}.{count + len(made)}@example.net"
        new |= OTHERS[why](row, rng, mailbox)
        made.append(new)
        ids = [row["customer_id"], new["customer_id"]]
        truth["not_duplicates"].append({"table": "customers", "ids": ids, "why": why})
    return made


def _split(made: dict[str, pa.Table], groups: list[tuple[list[str], list[dict]]], rng: np.random.Generator) -> None:
    """Give about half of what came after a second record was made to it, with all that hangs on it."""
    if not groups:
        return
    born = {row["customer_id"]: row["created_at"] for row in groups[0][1]}
    others = {ids[0]: ids[1:] for ids, _ in groups}
    moved: dict[str, dict[str, str]] = {}
    for name in ("opportunities", "tickets", "orders", "payments", "surveys", "activities"):
        if name not in made:
            continue
        table, key = made[name], made[name].column_names[0]
        follows, of = _FOLLOW.get(name, ("", ""))
        time = _MEMBERS.get(name)
        columns = {column: table[column].to_pylist() for column in {key, "customer_id", follows, time} - {"", None}}
        owner, moved[name] = columns["customer_id"], {}
        for at, customer in enumerate(owner):
            if customer not in others:
                continue
            parent = columns[follows][at] if follows else None
            if parent is not None:
                to = moved.get(of, {}).get(parent)
            else:
                later = [to for to in others[customer] if time and columns[time][at] >= born[to]]
                to = later[-1] if later and rng.random() < 0.5 else None
            if to:
                owner[at] = moved[name][columns[key][at]] = to
        place = table.column_names.index("customer_id")
        made[name] = table.set_column(place, "customer_id", pa.array(owner, pa.string()))


def _leads_again(leads: pa.Table, customers: list[dict], rng: np.random.Generator, share: float, truth: dict):
    """Return the leads with some entered again, and with some who were customers before."""
    rows, made = leads.to_pylist(), []
    last = max(row["created_at"] for row in rows)
    empty = dict.fromkeys(
        ("customer_id", "opportunity_id", "converted_at", "qualified_at", "first_contacted_at", "campaign_id")
    )
    for at in np.sort(rng.permutation(len(rows))[: max(2, round(share * len(rows)))]):
        new, how = rows[at] | empty | {"status": "New"}, "same e-mail"
        new["created_at"] += (last - new["created_at"]) * float(rng.uniform(0.05, 0.9))
        new["created_at"] = new["created_at"].replace(microsecond=0)
        way = rng.random()
        if way < 0.4:
            new["email"], how = other.other_email(new["email"], rng), "e-mail written otherwise"
        elif way < 0.6 and new["company"]:
            new["email"], how = other.wrong_email(new["email"], rng), "e-mail mistyped"
        if new["company"] and rng.random() < 0.5:
            new["company"] = other.other_form(new["company"], rng)
            how += ", company written otherwise"
        new["lead_id"] = f"L{len(rows) + len(made) + 1:05d}"
        made.append(new)
        truth["duplicates"].append({"table": "leads", "ids": [rows[at]["lead_id"], new["lead_id"]], "how": [how]})
        if rows[at]["customer_id"]:
            link = {"lead_id": new["lead_id"], "customer_id": rows[at]["customer_id"], "how": how}
            truth["leads_of_customers"].append(link)
    known = {row["email"] for row in rows}
    fresh = [row for row in customers if row["email"] and row["email"] not in known]
    for at in np.sort(rng.permutation(len(fresh))[: max(2, round(share / 2 * len(customers)))]):
        of = fresh[at]
        new = rows[int(rng.integers(0, len(rows)))] | empty | {"status": "New", "lead_id": None}
        new["created_at"] = max(new["created_at"], of["created_at"])
        firm = of["kind"] == "business"
        new |= {"company": of["name"] if firm else None, "email": other.other_email(of["email"], rng)}
        new["lead_id"] = f"L{len(rows) + len(made) + 1:05d}"
        made.append(new)
        link = {"lead_id": new["lead_id"], "customer_id": of["customer_id"], "how": "e-mail written otherwise"}
        truth["leads_of_customers"].append(link)
    return pa.concat_tables([leads, pa.Table.from_pylist(made, schema=leads.schema)])
