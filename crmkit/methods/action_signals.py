"""Occasions to act, read straight from the tables: terms that end, contracts lost, money owed, low answers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from crmkit.errors import UsageError
from crmkit.methods.common import need, run
from crmkit.methods.contract_summary import contract_summary
from crmkit.relations import at

if TYPE_CHECKING:
    from crmkit.methods.action_inputs import Ask

LOST_DAYS = 180
"""A contract that ended within so many days may be won back; after that it is an acquisition like any other."""
LOW_DAYS = 90
"""An answer older than this is no occasion to call any more."""
_DAY = 86_400
_CENT = 0.005


def contracts(crm: Any, ask: Ask) -> pd.DataFrame:
    """Return the fee and the term of contracts that run, and what those that ended lately would bring again.

    What a contract won back brings is its last fee, times the months of fee that a customer in hand is expected to pay
    within the horizon: the horizon, shortened by the share of contracts that ended in the last year.
    """
    need(crm, "contracts", "subscriptions")
    found = contract_summary(crm)
    found.attrs = {}
    day = pd.Timestamp(crm.as_of)
    runs = found[~found["lost"]].drop_duplicates("customer_id", keep="last")
    runs = runs[["customer_id", "mrr", "months_left", "term_months"]]
    ended = found[found["lost"] & ~found["customer_id"].isin(runs["customer_id"])]
    ended = ended.sort_values("ended_at").drop_duplicates("customer_id", keep="last")
    ended = ended.assign(lost_days=(day - ended["ended_at"]).dt.total_seconds() / _DAY)
    late = ended[ended["lost_days"] <= LOST_DAYS]
    year = int((found["lost"] & (found["ended_at"] > day - pd.Timedelta(days=365))).sum())
    stays = 1 - year / max(len(runs) + year, 1)
    back = late["customer_id"].map(_last_fee(crm)).astype(float) * ask.horizon * (1 + stays) / 2
    return pd.concat([runs, late[["customer_id", "lost_days"]].assign(back_value=back)], ignore_index=True)


def _last_fee(crm: Any) -> pd.Series:
    """Return the fee of the subscription that each customer had last."""
    rows = crm.relations.get("subscriptions")
    rows = rows.filter(rows.customer_id.notnull() & rows.started_at.notnull())
    last = ibis.window(group_by="customer_id", order_by=ibis.desc("started_at"))
    rows = rows.mutate(place=ibis.row_number().over(last))
    return run(rows.filter(rows.place == 0).select("customer_id", "mrr")).set_index("customer_id")["mrr"]


def overdue(crm: Any, ask: Ask) -> pd.DataFrame:
    """Return what each customer owes for orders longer ago than `payment_days`, and the chance that it stays unpaid.

    The chance is measured: of what was overdue `window_days` earlier, the share that is unpaid still.
    """
    need(crm, "overdue money", "orders")
    need(crm, "overdue money", "payments")
    end = crm.as_of + timedelta(microseconds=1)
    now = _owed(crm, end, ask.payment_days)
    then = _owed(crm, end - timedelta(days=ask.window_days), ask.payment_days)
    before = float(then["owed"].sum())
    if before <= 0:
        raise UsageError("nothing was overdue earlier, so nobody knows how much of it comes by itself")
    left = then["order_id"].map(now.set_index("order_id")["owed"]).fillna(0.0)
    chance = float(np.minimum(left, then["owed"]).sum()) / before
    sums = now.groupby("customer_id", as_index=False).agg(owed=("owed", "sum"), overdue_days=("days", "max"))
    return sums.assign(unpaid_chance=min(chance, 1.0))


def _owed(crm: Any, end: Any, payment_days: int) -> pd.DataFrame:
    """Return orders overdue at a moment: `order_id`, `customer_id`, `owed`, `days` since the order."""
    orders, paid = crm.relations.get("orders"), crm.relations.get("payments")
    orders = orders.filter((orders.ordered_at < at(end - timedelta(days=payment_days))) & (orders.amount > 0))
    orders = orders.filter(orders.customer_id.notnull()).select("order_id", "customer_id", "ordered_at", "amount")
    paid = paid.filter(paid.paid_at < at(end)).group_by(paid_id="order_id").agg(paid=lambda t: t.amount.sum())
    both = orders.left_join(paid, orders.order_id == paid.paid_id)
    both = both.mutate(owed=both.amount - both.paid.fill_null(0.0))
    found = run(both.filter(both.owed > _CENT).select("order_id", "customer_id", "ordered_at", "owed"))
    return found.assign(days=(pd.Timestamp(end) - found["ordered_at"]).dt.total_seconds() / _DAY)


def low_answers(crm: Any, ask: Ask) -> pd.DataFrame:
    """Return the last answer of each customer, where it is low and not old.

    Low is at most 0.6 of the scale of NPS and 0.25 of others: 0 to 6 of 10 (a detractor), and a 1 or 2 of 5.
    """
    need(crm, "low answers", "surveys")
    rows = crm.relations.get("surveys")
    rows = rows.filter(rows.customer_id.notnull() & rows.score.notnull() & (rows.scale_max > rows.scale_min))
    rows = rows.filter(rows.answered_at >= at(crm.as_of - timedelta(days=LOW_DAYS)))
    last = ibis.window(group_by="customer_id", order_by=ibis.desc("answered_at"))
    rows = rows.mutate(place=ibis.row_number().over(last))
    found = run(rows.filter(rows.place == 0).select("customer_id", "survey", "score", "scale_min", "scale_max",
                                                    "answered_at"))  # fmt: skip
    share = (found["score"] - found["scale_min"]) / (found["scale_max"] - found["scale_min"])
    found = found[share <= found["survey"].eq("nps").map({True: 0.6, False: 0.25})]
    days = (pd.Timestamp(crm.as_of) - found["answered_at"]).dt.total_seconds() / _DAY
    return pd.DataFrame({"customer_id": found["customer_id"], "low_survey": found["survey"].astype(str),
                         "low_score": found["score"].astype(float), "low_days": days})  # fmt: skip


def upgrades(crm: Any, ask: Ask) -> pd.DataFrame:
    """Return, for customers under contract, the chance to upgrade within the window, and what an upgrade brings.

    Both are measured on the last year: upgrades a customer and day under contract, and their mean rise of the fee as a
    share of the fee before. An upgrade is a subscription that begins within a day of one that ends, at a higher fee.
    """
    need(crm, "upgrades", "subscriptions")
    rows = crm.relations.get("subscriptions")
    rows = rows.filter(rows.customer_id.notnull() & rows.started_at.notnull())
    order = ibis.window(group_by="customer_id", order_by="started_at")
    rows = rows.mutate(before=rows.mrr.lag().over(order), left_at=rows.ended_at.lag().over(order))
    gap = (rows.started_at.epoch_seconds() - rows.left_at.epoch_seconds()).abs() <= _DAY
    since = at(crm.as_of - timedelta(days=365))
    ups = rows.filter(gap & (rows.mrr > rows.before) & (rows.before > 0) & (rows.started_at >= since))
    rise = run(ups.select("before", "mrr"))
    live = run(rows.filter(rows.ended_at.isnull()).group_by("customer_id").agg(mrr=lambda t: t.mrr.sum()))
    if len(rise) < 5 or not len(live):
        raise UsageError(f"{len(rise)} upgrades in the last year are too few to say how often one comes")
    share = float(rise["mrr"].sum() / rise["before"].sum() - 1)
    chance = min(len(rise) / len(live) * ask.window_days / 365, 1.0)
    value = live["mrr"] * share * ask.horizon
    return pd.DataFrame({"customer_id": live["customer_id"], "upgrade_chance": chance, "upgrade_value": value})
