"""What changed with the CRM, row by row, against what the same work would have cost or brought as things were before.

Each relation has rows of one benefit from twelve months before `crm_introduced` on. A row carries `units` (what is
compared like for like: a customer acquired, a note written, a term decided) and an `amount` of money. What a unit cost
or brought in the year before is the rate of its stratum, and since the introduction

    flow = amount − rate × units        (with its sign turned where the amount is a cost).

So each benefit is 0 in the year before, by construction. The rows are split so that nothing is counted twice: the
number of new customers counts in `acquisition_effects` alone, the size of their first deals in `revenue_effects`, what
present customers buy beside their contracts in `cross_sell_effects`, their renewals in `retention_effects`.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from crmkit.casting import TIME
from crmkit.config import Config
from crmkit.relations import at, derived, without

HOURS_A_MONTH = 1720 / 12
"""Productive hours of a full-time employee in a month: the 1,720 hours a year of the EU's funding programmes."""
ROUTINE = ("task", "note")
ACQUISITION = ("marketing", "sales")
_NEVER = datetime(9999, 1, 1)


def introduced(config: Config) -> datetime:
    """Return when the CRM was introduced; a moment that never comes where the settings do not say it."""
    return config.crm_introduced or _NEVER


def year_before(config: Config) -> datetime:
    """Return the first moment of the twelve months before the CRM was introduced."""
    return months_after(introduced(config), -12)


def months_after(moment: datetime, count: int) -> datetime:
    """Return the same day and time `count` months later; the month's last day where it has no such day.

    >>> months_after(datetime(2025, 7, 15), -12), months_after(datetime(2025, 1, 31), 1)
    (datetime.datetime(2024, 7, 15, 0, 0), datetime.datetime(2025, 2, 28, 0, 0))
    """
    months = moment.year * 12 + moment.month - 1 + count
    year, month = months // 12, months % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))


@derived(refers={"customer_id": "customers"}, columns=("stratum",), keep=True)
def acquisition_effects(spells, costs, config):
    """One row a customer acquired (a unit) and one a month's cost of marketing or sales (an amount).

    Columns: customer_id (null for costs), at, stratum, units, amount, flow, since.
    """
    came = spells.filter(spells.spell == 1)
    came = _rows(came, when=came.acquired_at, units=_one(), amount=None)
    spent = costs.filter(costs.category.isin(ACQUISITION))
    spent = _rows(spent, when=spent.month, units=None, amount=spent.amount, customer=None)
    return _against_baseline(ibis.union(came, spent, distinct=False), config, sign=-1)


@derived(refers={"customer_id": "customers", "user_id": "users"}, columns=("stratum",), keep=True)
def time_effects(activities, users, config):
    """One row a task or note with a duration: a unit, and what the time costs.

    Columns: user_id, customer_id, at, stratum (task, note), units, amount, flow, since. An hour costs the user's
    monthly cost, or the mean of all users where it is not known, divided by `HOURS_A_MONTH`.
    """
    pay = users.select(payee="user_id", own="monthly_cost")
    usual = users.agg(usual=users.monthly_cost.mean())
    rows = activities.filter(activities.kind.isin(ROUTINE) & activities.duration_minutes.notnull())
    rows = rows.left_join(pay, rows.user_id == pay.payee).drop("payee").cross_join(usual)
    hours = rows.duration_minutes / 60.0
    amount = hours * ibis.coalesce(rows.own, rows.usual) / HOURS_A_MONTH
    rows = _rows(rows, when=rows["at"], stratum=rows.kind, units=_one(), amount=amount, user=rows.user_id)
    return _against_baseline(rows, config, sign=-1)


@derived(refers={"customer_id": "customers"}, columns=("stratum",), keep=True)
def retention_effects(terms, orders, config, subscriptions=None):
    """One row a decided term: the margin on its amount (units), and that margin where it was renewed (amount).

    Columns: customer_id, at (the term's end), stratum, units, amount, flow, since.
    """
    rows = terms.filter(terms.outcome != "open")
    if subscriptions is None:
        rows = rows.mutate(customer_id=ibis.null("string"))
    else:
        who = subscriptions.select(paid_id="subscription_id", customer_id="customer_id")
        rows = rows.left_join(who, rows.subscription_id == who.paid_id).drop("paid_id")
    rows = rows.cross_join(_margin(orders, config))
    worth = rows.amount * rows.margin
    kept = ibis.ifelse(rows.outcome == "renewed", worth, worth * 0.0)
    return _against_baseline(_rows(rows, when=rows.term_end, units=worth, amount=kept), config, sign=1)


@derived(refers={"customer_id": "customers", "owner_id": "users"}, columns=("stratum",), keep=True)
def revenue_effects(opportunities, orders, config, customers=None):
    """One row an opportunity won from a new customer: a unit, and the margin on its amount.

    Columns: customer_id, owner_id, at (closed), stratum (the customer's segment), units, amount, flow, since.
    """
    won = opportunities.filter(
        (opportunities.outcome == "won") & (opportunities.kind == "new") & opportunities.amount.notnull()
    )
    won = _with_segment(won, customers).cross_join(_margin(orders, config))
    rows = _rows(
        won, when=won.closed_at, stratum=won.stratum, units=_one(), amount=won.amount * won.margin,
        owner=won.owner_id,
    )  # fmt: skip
    return _against_baseline(rows, config, sign=1)


@derived(refers={"customer_id": "customers"}, columns=("stratum",), keep=True)
def cross_sell_effects(opportunities, spells, orders, config, as_of, customers=None):
    """One row a customer and month of being one (a unit), and one a deal closed (its margin if an expansion was won).

    Columns: customer_id, at, stratum (the customer's segment), units, amount, flow, since. Months are counted from the
    day of the introduction; one that is not over at `as_of` is a part of a unit.
    """
    months = months_since(config, as_of)
    there = spells.select("customer_id", "acquired_at", "lost_at")
    there = there.join(
        months,
        (there.acquired_at < months.month) & (there.lost_at.isnull() | (there.lost_at >= months.month)),
    )
    there = _with_segment(there, customers)
    there = _rows(there, when=there.month, stratum=there.stratum, units=there.part, amount=None)
    closed = opportunities.filter((opportunities.outcome != "open") & opportunities.closed_at.notnull())
    closed = _with_segment(closed, customers).cross_join(_margin(orders, config))
    sold = (closed.outcome == "won") & (closed.kind == "expansion")
    # other deals are rows of 0: they say from when on expansions would be known
    worth = ibis.ifelse(sold, closed.amount.fill_null(0.0), 0.0) * closed.margin
    closed = _rows(closed, when=closed.closed_at, stratum=closed.stratum, units=None, amount=worth)
    return _against_baseline(ibis.union(there, closed, distinct=False), config, sign=1)


def _one() -> ir.FloatingScalar:
    return ibis.literal(1).cast("float64")


def _rows(table, *, when, units, amount, stratum=None, customer="customer_id", user=None, owner=None) -> ir.Table:
    """Bring rows into the common shape; what a row does not have is null, never 0."""
    null = ibis.null("float64")
    more = {name: column for name, column in (("user_id", user), ("owner_id", owner)) if column is not None}
    return table.select(
        customer_id=ibis.null("string") if customer is None else table[customer],
        **more,
        at=when.cast(TIME),
        stratum=ibis.literal("all") if stratum is None else stratum,
        units=null if units is None else units.cast("float64"),
        amount=null if amount is None else amount.cast("float64"),
    )


def _against_baseline(rows: ir.Table, config: Config, *, sign: int) -> ir.Table:
    """Add what each row brought against the rate of its stratum in the year before.

    Where amounts begin later than that year, so does the baseline: units without amounts would make the rate too low.
    """
    start, begin = at(year_before(config)), at(introduced(config))
    rows = rows.filter(rows["at"] >= start)
    known = ibis.ifelse(rows.amount.notnull(), rows["at"], ibis.null(TIME)).truncate("M").cast(TIME)
    rows = rows.mutate(first_=known.min().over(ibis.window()))
    before = rows.filter((rows["at"] < begin) & (rows["at"] >= rows.first_))
    rates = before.group_by(of_="stratum").agg(rate=before.amount.sum().fill_null(0.0) / before.units.sum().nullif(0.0))
    rows = without(rows.left_join(rates, rows.stratum == rates.of_), "of_", "first_")
    since = rows["at"] >= begin
    against = rows.amount.fill_null(0.0) - rows.rate * rows.units.fill_null(0.0)
    return rows.mutate(flow=ibis.ifelse(since, sign * against, against * 0.0), since=since).drop("rate")


def _margin(orders: ir.Table, config: Config) -> ir.Table:
    """Return one row: the gross margin share of the orders of the year before; null where no order has a cost."""
    when = orders.ordered_at
    inside = (when >= at(year_before(config))) & (when < at(introduced(config))) & orders.cost.notnull()
    counted = orders.filter(inside & orders.amount.notnull())
    return counted.agg(margin=1.0 - counted.cost.sum() / counted.amount.sum().nullif(0.0))


def _with_segment(rows: ir.Table, customers: ir.Table | None) -> ir.Table:
    """Add the customer's segment as the stratum; one for all where the data has no segments."""
    if customers is None:
        return rows.mutate(stratum=ibis.literal("all"))
    segments = customers.select(segment_id="customer_id", stratum=customers.segment.fill_null("(none)"))
    rows = rows.left_join(segments, rows.customer_id == segments.segment_id).drop("segment_id")
    return rows.mutate(stratum=rows.stratum.fill_null("(none)"))


def months_since(config: Config, as_of: datetime | None) -> ir.Table:
    """Return one row a month from the year before to `as_of`: its first moment, and the part of it that is known."""
    begin, last, found = introduced(config), as_of or introduced(config), []
    for count in range(-12, 12_000):
        month, after = months_after(begin, count), months_after(begin, count + 1)
        if month >= last:
            break
        known = min(after, last + timedelta(microseconds=1)) - month
        found.append((month, known / (after - month)))
    found = found or [(begin, 1.0)]
    rows = [
        ibis.literal(part).cast("float64").name("part").as_table().mutate(month=at(moment)) for moment, part in found
    ]
    return ibis.union(*rows, distinct=False) if len(rows) > 1 else rows[0]
