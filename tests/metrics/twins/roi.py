"""Twins of the metrics of the return on the CRM: a ledger of its flows, worked out row by row in plain Python."""

from __future__ import annotations

import numpy as np
import pandas as pd

from twins.common import AS_OF, NONE, during, ratio
from twins.retention import _spells

BEGIN, YEAR_BEFORE = pd.Timestamp("2025-07-01"), pd.Timestamp("2024-07-01")
OWN = ("crm_licence", "crm_implementation", "crm_training", "crm_operation")


def tables(files):
    """Add the ledger: one row a flow, with its customer's segment."""
    segment = files["customers"].set_index("customer_id")["segment"]
    spells = _spells(files["subscriptions"], files["orders"], files["opportunities"])
    before = files["orders"][during(files["orders"].ordered_at, YEAR_BEFORE, BEGIN)]
    margin = 1 - before.cost.sum() / before.amount.sum()
    won = files["opportunities"][files["opportunities"].outcome == "won"]
    won = won.assign(segment=won.customer_id.map(segment).fillna(NONE), margin=won.amount * margin)
    rows = [
        *_acquisition(files["costs"], spells),
        *_time(files["activities"], files["users"]),
        *_retention(files["terms"], files["subscriptions"], margin),
        *_first_deals(won[won.kind == "new"]),
        *_expansions(won[won.kind == "expansion"], spells, segment),
    ]
    for cost in files["costs"].itertuples():
        if cost.category in OWN:
            rows.append((cost.month, cost.category, None, -cost.amount))
    ledger = pd.DataFrame(rows, columns=["at", "what", "customer_id", "flow"])
    return {"crm_ledger": ledger.assign(segment=ledger.customer_id.map(segment))}


def _acquisition(costs, spells):
    spent = costs[costs.category.isin(["marketing", "sales"])]
    came = spells[spells.spell == 1]
    price = (
        spent.amount[during(spent.month, YEAR_BEFORE, BEGIN)].sum() / during(came.acquired_at, YEAR_BEFORE, BEGIN).sum()
    )
    yield from (
        (r.acquired_at, "acquisition", r.customer_id, price) for r in came.itertuples() if _since(r.acquired_at)
    )
    yield from ((r.month, "acquisition", None, -r.amount) for r in spent.itertuples() if r.month >= BEGIN)


def _time(activities, users):
    hour = dict(zip(users.user_id, users.monthly_cost * 12 / 1720, strict=True))
    for _, same in activities[activities.kind.isin(["task", "note"])].groupby("kind"):
        worth = same.duration_minutes / 60 * same.user_id.map(hour)
        usual = worth[during(same["at"], YEAR_BEFORE, BEGIN)].mean()
        for row, cost in zip(same.itertuples(), worth, strict=True):
            if _since(row.at):
                yield row.at, "time", row.customer_id, usual - cost


def _retention(terms, subscriptions, margin):
    customer = subscriptions.set_index("subscription_id")["customer_id"]
    decided = terms[(terms.outcome != "open") & (terms.term_end <= AS_OF)]
    before = decided[during(decided.term_end, YEAR_BEFORE, BEGIN)]
    usual = before.amount[before.outcome == "renewed"].sum() / before.amount.sum()
    for row in decided.itertuples():
        if _since(row.term_end):
            gained = ((row.outcome == "renewed") - usual) * row.amount * margin
            yield row.term_end, "retention", customer[row.subscription_id], gained


def _first_deals(won):
    usual = won[during(won.closed_at, YEAR_BEFORE, BEGIN)].groupby("segment").margin.mean()
    for row in won.itertuples():
        if _since(row.closed_at):
            yield row.closed_at, "revenue", row.customer_id, row.margin - usual[row.segment]


def _expansions(won, spells, segment):
    months = pd.date_range(YEAR_BEFORE, AS_OF, freq="MS")
    there = {m: spells[(spells.acquired_at < m) & (spells.lost_at.isna() | (spells.lost_at >= m))] for m in months}
    held = pd.concat([frame.assign(month=month) for month, frame in there.items()])
    held["segment"] = held.customer_id.map(segment)
    sold = won[during(won.closed_at, YEAR_BEFORE, BEGIN)].groupby("segment").margin.sum()
    usual = (sold / held[held.month < BEGIN].groupby("segment").size()).fillna(0.0)
    for row in held[held.month >= BEGIN].itertuples():
        yield row.month, "cross_sell", row.customer_id, -usual[row.segment]
    for row in won.itertuples():
        if _since(row.closed_at):
            yield row.closed_at, "cross_sell", row.customer_id, row.margin


def _since(moment) -> bool:
    return BEGIN <= moment <= AS_OF


def _sum(d, start, end, *what):
    rows = d.crm_ledger
    return rows.flow[during(rows["at"], start, end) & rows.what.isin(what)].sum()


BENEFITS = ("time", "retention", "acquisition", "revenue", "cross_sell")


def crm_cost(d, start, end):
    rows = d.costs
    return rows.amount[during(rows.month, start, end) & rows.category.isin(OWN)].sum()


def crm_benefit_time(d, start, end):
    return _sum(d, start, end, "time")


def crm_benefit_retention(d, start, end):
    return _sum(d, start, end, "retention")


def crm_benefit_acquisition(d, start, end):
    return _sum(d, start, end, "acquisition")


def crm_benefit_revenue(d, start, end):
    return _sum(d, start, end, "revenue")


def crm_benefit_cross_sell(d, start, end):
    return _sum(d, start, end, "cross_sell")


def crm_benefit(d, start, end):
    return _sum(d, start, end, *BENEFITS)


def crm_roi(d, start, end):
    return crm_roi_gross(d, start, end) - 1


def crm_roi_gross(d, start, end):
    return ratio(_sum(d, start, end, *BENEFITS), -_sum(d, start, end, *OWN))


def crm_roi_to_date(d, start, end):
    return crm_roi(d, pd.Timestamp("2000-01-01"), end)


def npv(d, start, end):
    rows = d.crm_ledger[d.crm_ledger["at"] < end]
    months = (rows["at"].dt.year - 2025) * 12 + rows["at"].dt.month - 7
    return float((rows.flow / 1.1 ** (months / 12)).sum())


def payback_months(d, start, end):
    rows = d.crm_ledger[d.crm_ledger["at"] < end]
    so_far = rows.groupby(rows["at"].dt.to_period("M")).flow.sum().cumsum()
    paid = so_far[(so_far >= 0) & (so_far.index >= pd.Period("2025-07", "M"))]
    return (paid.index[0] - pd.Period("2025-06", "M")).n if len(paid) else np.nan


TWINS = {
    ("costs", "category"): [crm_cost],
    ("crm_ledger", "customer.segment"): [crm_benefit, crm_benefit_acquisition, npv],
    ("crm_ledger", ""): [
        crm_benefit_time,
        crm_benefit_retention,
        crm_benefit_revenue,
        crm_benefit_cross_sell,
        crm_roi,
        crm_roi_gross,
        crm_roi_to_date,
        payback_months,
    ],
}
