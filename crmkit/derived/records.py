"""The records that a CRM keeps: how completely they are filled in, and when somebody last touched them."""

from __future__ import annotations

import functools
import operator

import ibis
import ibis.expr.types as ir

from crmkit.casting import TIME
from crmkit.relations import derived

FIELDS = {
    "customers": {
        "": ("name", "kind", "segment", "region", "country", "channel", "email", "phone"),
        "business": ("owner_id", "industry", "employees", "annual_revenue"),
        "person": ("birth_year", "gender", "interests"),
    },
    "leads": {"": ("source", "owner_id", "status", "email")},
    "opportunities": {
        "": (
            "customer_id", "owner_id", "name", "expected_close_at", "stage", "amount", "probability", "source",
            "product_id", "kind",
        ),
        "lost": ("lost_reason",),
    },
}  # fmt: skip
"""The columns that somebody should fill in, by table and by whom they concern: "" all, others a kind or an outcome.

Keys, dates of what happens later and what many rightly lack (the campaign of a lead, the interests of a company) are
not among them.
"""
CLOSED = ("disqualif", "unqualif", "not qualified", "convert", "closed", "lost", "junk", "reject", "dead", "archiv")
"""Words in the status of a lead that is no longer followed up."""
_REFERS = {"owner_id": "users", "customer_id": "customers"}


@derived(refers=_REFERS, columns=("table",), any_of=("customers", "leads", "opportunities"))
def records(customers=None, leads=None, opportunities=None):
    """One row a customer, lead or opportunity, with how many of its cells could be filled in and how many are.

    Columns: table, record_id, owner_id, customer_id, created_at, gone_at (always null), cells, filled. A column counts
    only where somebody has filled it in at least once: data cannot tell one that nobody fills from one that is not
    there.
    """
    tables = {"customers": customers, "leads": leads, "opportunities": opportunities}
    parts = [_counted(name, table) for name, table in tables.items() if table is not None]
    return ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]


def _counted(name: str, table: ir.Table) -> ir.Table:
    names = [column for columns in FIELDS[name].values() for column in columns]
    used = table.agg(**{f"used_{column}": table[column].count() for column in names})
    rows = table.cross_join(used)
    cells, filled = [], []
    for whom, columns in FIELDS[name].items():
        concerned = concerns(name, rows, whom)
        for column in columns:
            there = rows[f"used_{column}"] > 0
            there = there if concerned is None else there & concerned
            cells.append(ibis.ifelse(there, 1, 0))
            filled.append(ibis.ifelse(there & rows[column].notnull(), 1, 0))
    key = {"customers": "customer_id", "leads": "lead_id", "opportunities": "opportunity_id"}[name]
    return rows.select(
        ibis.literal(name).name("table"),
        "owner_id",
        "customer_id",
        "created_at",
        record_id=rows[key],
        gone_at=ibis.null(TIME),
        cells=functools.reduce(operator.add, cells),
        filled=functools.reduce(operator.add, filled),
    )


def concerns(name: str, table: ir.Table, whom: str) -> ir.BooleanValue | None:
    """Tell which rows a group of columns of `FIELDS` concerns; None for all.

    A customer of unknown kind could be either, so both groups concern it.
    """
    if not whom:
        return None
    if name == "opportunities":
        return table.outcome == whom
    other = {"business": "person", "person": "business"}[whom]
    return (table.kind != other).fill_null(True)


@derived(
    refers=_REFERS,
    columns=("table",),
    any_of=("leads", "opportunities", "customers", "subscriptions", "orders"),
    keep=True,
)
def record_touches(activities, spells=None, customers=None, leads=None, opportunities=None, opportunity_stages=None):
    """One row each time a live record was touched: a lead or opportunity while open, a customer while one.

    Columns: table, record_id, owner_id, customer_id, touched_at, until (the next touch, or the record's end; null while
    neither has come), watched_from (the first activity in the data). A record is touched when it begins, by each
    activity that names it, and an opportunity by each new stage. Nothing is known of touches before the first activity
    in the data: a record that is older begins with it. A lead whose status says that it is closed, without a date, ends
    with its last touch. Where some customers have an owner, those without, such as the buyers of a web shop, are
    nobody's to look after and left out.
    """
    first, parts = activities["at"].min().as_scalar(), []
    if opportunities is not None:
        parts.append(_of_opportunities(first, opportunities, activities, opportunity_stages))
    if leads is not None:
        parts.append(_of_leads(first, leads, activities))
    if spells is not None:
        parts.append(_of_customers(first, spells, customers, activities, opportunities))
    return ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]


def _of_opportunities(first, opportunities, activities, stages) -> ir.Table:
    ends = (opportunities.outcome == "open") | opportunities.closed_at.notnull()
    lives = opportunities.filter(ends & opportunities.created_at.notnull())
    lives = lives.select(
        "owner_id", "customer_id", record_id="opportunity_id", begun="created_at", over="closed_at",
        closed=ibis.literal(False),
    )  # fmt: skip
    touched = [activities.select(key="opportunity_id", touched_at="at")]
    if stages is not None:
        touched.append(stages.select(key="opportunity_id", touched_at="entered_at"))
    return _spans("opportunities", first, lives, touched)


def _of_leads(first, leads, activities) -> ir.Table:
    status = leads.status.lower()
    said = functools.reduce(operator.or_, (status.contains(word) for word in CLOSED))
    lives = leads.filter(leads.created_at.notnull()).select(
        "owner_id", "customer_id", record_id="lead_id", begun="created_at", over="converted_at",
        closed=said.fill_null(False),
    )  # fmt: skip
    touched = [activities.select(key="lead_id", touched_at="at")]
    touched += [leads.select(key="lead_id", touched_at=name) for name in ("first_contacted_at", "qualified_at")]
    return _spans("leads", first, lives, touched)


def _of_customers(first, spells, customers, activities, opportunities) -> ir.Table:
    lives = spells.select("customer_id", begun="acquired_at", over="lost_at", closed=ibis.literal(False))
    if customers is not None:
        owned = customers.owner_id.count().over(ibis.window())
        looked_after = customers.mutate(owned=owned).filter(lambda t: t.owner_id.notnull() | (t.owned == 0))
        lives = lives.inner_join(looked_after.select("customer_id", "owner_id"), "customer_id")
        lives = lives.mutate(record_id=lives.customer_id)
    else:
        lives = lives.mutate(record_id=lives.customer_id, owner_id=ibis.null("string"))
    done = activities.select("customer_id", "opportunity_id", touched_at="at")
    key = done.customer_id
    if opportunities is not None:  # an activity may name the opportunity alone
        deals = opportunities.select(deal_id="opportunity_id", deal_customer="customer_id")
        done = done.left_join(deals, done.opportunity_id == deals.deal_id)
        key = ibis.coalesce(done.customer_id, done.deal_customer)
    return _spans("customers", first, lives, [done.select("touched_at", key=key).select("key", "touched_at")])


def _spans(name: str, first: ir.TimestampScalar, lives: ir.Table, touched: list[ir.Table]) -> ir.Table:
    """Cut the life of each record, from the `first` activity in the data on, at its touches."""
    lives = lives.mutate(begun=ibis.ifelse(lives.begun < first, first, lives.begun))
    lives = lives.filter(lives.over.isnull() | (lives.over > lives.begun))
    touches = ibis.union(*touched, distinct=False) if len(touched) > 1 else touched[0]
    touches = touches.filter(touches.key.notnull() & touches.touched_at.notnull())
    met = lives.inner_join(touches, lives.record_id == touches.key)
    met = met.filter((met.touched_at > met.begun) & (met.over.isnull() | (met.touched_at < met.over)))
    columns = ("record_id", "owner_id", "customer_id", "begun", "over", "closed", "touched_at")
    every = ibis.union(met.select(*columns), lives.mutate(touched_at=lives.begun).select(*columns), distinct=False)
    order = ibis.window(group_by=["record_id", "begun"], order_by="touched_at")
    every = every.mutate(following=every.touched_at.lead().over(order))
    last = ibis.ifelse(every.closed & every.over.isnull(), every.touched_at, every.over)
    return every.select(
        ibis.literal(name).name("table"),
        "record_id",
        "owner_id",
        "customer_id",
        "touched_at",
        until=ibis.coalesce(every.following, last),
        watched_from=ibis.coalesce(first, every.touched_at),
    )
