"""Uniqueness: what stands in the data more often than it happened."""

from __future__ import annotations

from collections.abc import Iterator

import ibis

from crmkit.quality.rule import Look, Rule
from crmkit.quality.validity import EMAIL

_EVENTS = {
    "opportunity_stages": (("opportunity_id", "stage", "entered_at"), "Steps of the pipeline count twice."),
    "terms": (("subscription_id", "term_start"), "The renewal rate counts the term twice."),
    "campaign_responses": (("campaign_id", "kind", "at", "customer_id", "lead_id"), "Responses count twice."),
    "usage": (("user_id", "at", "action"), "Actions of users count twice."),
    "targets": (("metric", "period"), "Which of the targets holds is unclear."),
}
"""What names a row in tables without a key; all columns of the table that are not declared belong to it, too."""
_SAME = {
    "orders": (("customer_id", "ordered_at", "amount"), "Revenue and orders are counted twice."),
    "payments": (("order_id", "paid_at", "amount"), "Money received is counted twice."),
    "opportunities": (
        ("customer_id", "name", "created_at", "amount"),
        "The pipeline, and wins or losses, are counted twice.",
    ),
    "activities": (
        ("user_id", "kind", "at", "customer_id"),
        "Interactions are counted twice.",
    ),
}
"""Columns that hardly ever agree in two rows: to the second, with a time of day."""


def rules(look: Look) -> Iterator[Rule]:
    """Yield what must not stand in a table twice."""
    yield from _keys(look)
    yield from _events(look)
    yield from _same(look)
    if look.table == "customers" and look.has("email"):
        address = look.data.email.strip().lower()
        address = ibis.ifelse(address.re_search(EMAIL), address, ibis.null("string"))
        each = look.data.select(address_=address).group_by("address_").agg(n_=lambda t: t.count())
        shared = address.isin(each.filter((each.n_ > 1) & each.address_.notnull()).address_)
        yield Rule(
            "customers",
            "email",
            "is also that of another customer",
            address.notnull() & shared,
            "Look whether they are one customer, entered twice; if so, merge them.",
            name="email_shared",
            effect="One customer counted as several: customers are too many, repeat purchases and value per customer "
            "too low.",
        )


def _keys(look: Look) -> Iterator[Rule]:
    """Ask for the keys of large tables: those of smaller ones are asked for when the data is opened."""
    from crmkit.typed import ROWS_CHECKED_AT_ONCE

    key = look.declared.key
    if key and look.crm.rows[look.table] > ROWS_CHECKED_AT_ONCE and look.has(*key):
        counted = look.data.count().over(ibis.window(group_by=[look.data[name] for name in key]))
        yield Rule(
            look.table,
            key[-1],
            "names several rows",
            counted > 1,
            "Keep one row of each.",
            "error",
            name="key_repeated",
            effect="Rows that stand twice are counted twice, and joins multiply them.",
        )


def _events(look: Look) -> Iterator[Rule]:
    if look.table not in _EVENTS or look.declared.key:
        return
    names, effect = _EVENTS[look.table]
    if not look.has(*[name for name in names if look.declared[name].required]):
        return
    more = [name for name in look.data.columns if name not in look.declared and not name.endswith("_")]
    first, *others = [look.data[name] for name in (*names, *more) if name in look.data.columns]
    window = ibis.window(group_by=first, order_by=others)  # rows that agree stand next to one another
    repeats = ibis.row_number().over(window) > 0
    for column in others:
        repeats = repeats & column.identical_to(column.lag().over(window))
    yield Rule(
        look.table,
        look.key or names[0],
        "stands in a row that repeats another one",
        repeats,
        "Keep one row of each.",
        name="row_repeated",
        effect=effect,
    )


def _same(look: Look) -> Iterator[Rule]:
    if look.table not in _SAME:
        return
    names, effect = _SAME[look.table]
    kept = [name for name in names if name in look.present]
    time = next((name for name in kept if look.declared[name].type == "time"), "")
    if not time or len(kept) < min(len(names), 3):
        return
    data = look.crm.tables[look.table]
    filled = data[time].notnull() & (data[time] != data[time].truncate("D"))
    for name in kept:
        filled = filled & data[name].notnull()
    columns = {f"{name}_": data[name] if name == time else data[name].cast("string").fill_null("") for name in kept}
    rows = data.filter(filled).select(key_=look.key, **columns)
    groups = rows.group_by(list(columns)).agg(n_=rows.count(), first_=rows.key_.min())
    groups = groups.filter(groups.n_ > 1)
    twice = rows.inner_join(groups, list(columns))
    surplus = twice.filter(twice.key_ != twice.first_).key_
    yield Rule(
        look.table,
        look.key,
        f"says the same as another row ({', '.join(kept)})",
        look.data[look.key].isin(surplus),
        "Look whether it was entered or sent twice; if so, keep one.",
        name="entered_twice",
        effect=effect,
    )
