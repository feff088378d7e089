"""What the CRM cost and what it brought, one flow of money a row, and how these add up month by month."""

from __future__ import annotations

from datetime import datetime

import ibis
import ibis.expr.types as ir

from crmkit.casting import TIME
from crmkit.derived.crm_effects import introduced, months_since
from crmkit.relations import derived, without

COSTS = ("crm_licence", "crm_implementation", "crm_training", "crm_operation")
BENEFITS = ("time", "retention", "acquisition", "revenue", "cross_sell")
_ANY = ("costs", "activities", "terms", "opportunities")


@derived(refers={"customer_id": "customers"}, columns=("benefit", "stratum"), any_of=_ANY, keep=True)
def crm_effects(
    config,
    time_effects=None,
    retention_effects=None,
    acquisition_effects=None,
    revenue_effects=None,
    cross_sell_effects=None,
):
    """One row of any benefit that this data knows: units, amount and the flow against the year before.

    Columns: benefit, customer_id, at, stratum, units, amount, flow, since, complete (whether this data knows all of
    the benefits).
    """
    parts = (time_effects, retention_effects, acquisition_effects, revenue_effects, cross_sell_effects)
    there = [(name, part) for name, part in zip(BENEFITS, parts, strict=True) if part is not None]
    rows = [
        part.select(
            "customer_id",
            "at",
            "stratum",
            "units",
            "amount",
            "flow",
            "since",
            benefit=ibis.literal(name),
            complete=ibis.literal(len(there) == len(BENEFITS)),
        )
        for name, part in there
    ]
    if not rows:
        return _nothing(benefit="string", customer_id="string", at="timestamp(6)", stratum="string", units="float64",
                        amount="float64", flow="float64", since="boolean", complete="boolean")  # fmt: skip
    return ibis.union(*rows, distinct=False) if len(rows) > 1 else rows[0]


@derived(refers={"customer_id": "customers"}, columns=("flow",), any_of=_ANY, keep=True)
def crm_flows(config, crm_effects=None, costs=None):
    """One row a flow of money that is due to the CRM: what was paid for it, and each benefit since its introduction.

    Columns: flow (a cost's category or a benefit's name), customer_id (null for costs), at, months (whole calendar
    months since the introduction, negative before), is_benefit, complete (as in crm_effects), cost, benefit (of which
    one is null), net (benefit − cost). Rows of the year before the introduction bring a benefit of 0.
    """
    null, parts = ibis.null("string"), []
    number = ibis.null("float64")
    if costs is not None:
        paid = costs.filter(costs.category.isin(COSTS))
        parts.append(
            paid.select(
                flow="category", customer_id=null, at=paid.month.cast(TIME), is_benefit=ibis.literal(False),
                complete=ibis.literal(True),
                cost=paid.amount.cast("float64"), benefit=number, net=-paid.amount.cast("float64"),
            )
        )  # fmt: skip
    if crm_effects is not None:
        parts.append(
            crm_effects.select(
                flow="benefit", customer_id="customer_id", at="at", is_benefit=ibis.literal(True), complete="complete",
                cost=number, benefit="flow", net="flow",
            )
        )  # fmt: skip
    rows = ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]
    begin = introduced(config)
    return rows.mutate(months=_since(rows["at"], begin))


@derived(refers={}, any_of=_ANY, keep=True)
def crm_months(crm_flows, config, as_of):
    """One row a calendar month: what came in all up to its end, and whether that has paid for the CRM.

    Columns: at (the month's start), months (since the introduction), net, cumulative, paid (the first such month or a
    later one), pays (the first month since the introduction in which the sum of all flows so far is not below 0).
    """
    begin = introduced(config)
    flows = crm_flows.select("net", at=crm_flows["at"].truncate("M").cast(TIME))
    every = months_since(config, as_of)  # months without any flow are months, too
    every = every.select(net=every.part * 0.0, at=every.month.truncate("M").cast(TIME))
    both = ibis.union(flows, every, distinct=False)
    rows = both.group_by("at").agg(net=both.net.sum().fill_null(0.0))
    rows = rows.mutate(months=_since(rows["at"], begin))
    upto = ibis.window(order_by="at", preceding=None, following=0)
    rows = rows.mutate(cumulative=rows.net.sum().over(upto))
    reached = ibis.ifelse((rows.cumulative >= 0) & (rows.months >= 0), 1, 0)
    rows = rows.mutate(reached=reached)
    rows = rows.mutate(so_far=rows.reached.sum().over(upto))
    paid = rows.mutate(paid=rows.so_far > 0, pays=(rows.so_far == 1) & (rows.reached == 1))
    return without(paid, "reached", "so_far")


def _since(moment: ir.TimestampValue, begin: datetime) -> ir.IntegerValue:
    """Return the whole calendar months from the introduction to a moment."""
    return (moment.year() * 12 + moment.month() - (begin.year * 12 + begin.month)).cast("int64")


def _nothing(**columns: str) -> ir.Table:
    """Return a table without rows."""
    nulls = [ibis.null(kind).name(name) for name, kind in columns.items()]
    return nulls[0].as_table().mutate(nulls[1:]).filter(ibis.literal(False))
