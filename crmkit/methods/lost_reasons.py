"""Reasons of losses: how many customers or deals each stands for, what they were worth, and how many gave none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crmkit.engine.dimensions import NONE
from crmkit.engine.intervals import wilson
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import need, pick, run, said
from crmkit.periods import Period
from crmkit.personal.joined import small_joined
from crmkit.relations import at

if TYPE_CHECKING:
    from crmkit.crm import Crm

OF = ("customers", "deals")


def lost_reasons(crm: Crm, *, period: str | Period, of: str = "customers", every: str = "") -> pd.DataFrame:
    """Count what was lost in a period by the reason that was written down.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    of : {"customers", "deals"}
        Customers lost, with what they had ordered in the 365 days before; or opportunities lost, with their amount.
    every : {"", "week", "month", "quarter", "year"}
        Split the period, with a column `period`.

    Returns
    -------
    DataFrame
        One row a reason, the most frequent first, and last "(none)" for those without: `lost_reason`, `count`, `share`
        (of those with a reason; null for "(none)"), `low`, `high` (its 95% interval, Wilson), `value` (revenue or
        amount lost; null where the data has none), `value_share`, `cumulative` (share so far, of those with a reason).
        In `attrs`: `total`, `unknown`.

    Raises
    ------
    NotInThisData
        Where no reason is ever written down, or nothing was lost.

    Notes
    -----
    A reason is what somebody wrote, often the polite one, and those who leave without a word are not like the others.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abcd"), "outcome": ["lost"] * 4,
    ...     "created_at": ["2026-01-01"] * 4, "closed_at": ["2026-02-01"] * 4, "amount": [9.0, 1.0, 5.0, 2.0],
    ...     "lost_reason": ["Price", "Price", "No need", None]}})
    >>> found = lost_reasons(crm, period="2026-Q1", of="deals")
    >>> found[["lost_reason", "count", "value", "cumulative"]].round(2).values.tolist()
    [['Price', 2, 10.0, 0.67], ['No need', 1, 5.0, 1.0], ['(none)', 1, 2.0, nan]]
    """
    pick("of", of, OF)
    now = crm.period(period)
    rows = (_customers if of == "customers" else _deals)(crm, now)
    if not len(rows):
        raise NotInThisData(f"lost reasons: not in this data, no {of} were lost in {now.name}.")
    rows["lost_reason"] = small_joined(rows["lost_reason"], crm)
    keys = []
    if every:
        if every not in ("week", "month", "quarter", "year"):
            raise UsageError(f"every is {every!r}; it must be week, month, quarter or year.")
        rows["period"] = pd.to_datetime([now.calendar.floor(moment, every) for moment in rows["lost_at"]])
        keys = ["period"]
    parts = [_counted(part, tuple(np.atleast_1d(key))) for key, part in (rows.groupby(keys) if keys else [((), rows)])]
    found = pd.concat(parts, ignore_index=True)
    if keys:
        found.insert(0, "period", found.pop("key"))
    else:
        found = found.drop(columns="key")
    about = {"title": f"Lost {of}", "unit": "count", "every": every}
    return said(found, crm, total=len(rows), unknown=int((rows["lost_reason"] == NONE).sum()), of=of, **about)


def _counted(rows: pd.DataFrame, key: tuple) -> pd.DataFrame:
    groups = rows.groupby("lost_reason")
    found = pd.DataFrame({"count": groups.size(), "value": groups["value"].sum(min_count=1)}).reset_index()
    found["told"] = found["lost_reason"] != NONE
    found = found.sort_values(["told", "count", "lost_reason"], ascending=[False, False, True], ignore_index=True)
    known = found["count"].where(found["told"])
    total = known.sum()
    low, high = wilson(known.to_numpy(float), np.full(len(found), float(total)))
    worth = found["value"].sum()
    return found.assign(
        key=key[0] if key else "",
        share=known / total if total else np.nan,
        low=low,
        high=high,
        value_share=found["value"] / worth if worth else np.nan,
        cumulative=known.cumsum() / total if total else np.nan,
    )[["key", "lost_reason", "count", "share", "low", "high", "value", "value_share", "cumulative"]]


def _customers(crm: Crm, now: Period) -> pd.DataFrame:
    """Return one row for each loss of a customer in the period: reason, moment, what was ordered in the year before."""
    need(crm, "lost reasons", "spells")
    if "customers" not in crm.relations or "lost_reason" not in crm.present["customers"]:
        raise NotInThisData("lost reasons: not in this data, needs the column customers.lost_reason.")
    spells = crm.relations.get("spells")
    lost = spells.filter((spells.lost_at >= at(now.start)) & (spells.lost_at < at(now.end)))
    told = crm.relations.get("customers").select(told_id="customer_id", lost_reason="lost_reason")
    lost = lost.left_join(told, lost.customer_id == told.told_id)
    lost = lost.select("customer_id", "spell", "lost_at", lost_reason=_told(lost.lost_reason))
    if "orders" not in crm.relations:
        return run(lost.mutate(value=ibis.null("float64")))
    orders = crm.relations.get("orders").select(buyer_id="customer_id", ordered_at="ordered_at", amount="amount")
    year = ibis.interval(days=365)
    before = (orders.ordered_at < lost.lost_at) & (orders.ordered_at >= lost.lost_at - year)
    bought = lost.inner_join(orders, [lost.customer_id == orders.buyer_id, before])
    bought = bought.group_by("customer_id", "spell").agg(value=bought.amount.cast("float64").sum())
    bought = bought.rename(bought_id="customer_id", bought_spell="spell")
    both = lost.left_join(bought, (lost.customer_id == bought.bought_id) & (lost.spell == bought.bought_spell))
    return run(both.select("customer_id", "lost_at", "lost_reason", value=both["value"].fill_null(0.0)))


def _deals(crm: Crm, now: Period) -> pd.DataFrame:
    """Return one row for each opportunity lost in the period: reason, moment, amount."""
    need(crm, "lost reasons", "opportunities")
    if "lost_reason" not in crm.present["opportunities"]:
        raise NotInThisData("lost reasons: not in this data, needs the column opportunities.lost_reason.")
    deals = crm.relations.get("opportunities")
    inside = (deals.closed_at >= at(now.start)) & (deals.closed_at < at(now.end))
    amount = deals.amount.cast("float64") if "amount" in crm.present["opportunities"] else ibis.null("float64")
    lost = deals.filter((deals.outcome == "lost") & inside)
    return run(lost.select(lost_at="closed_at", lost_reason=_told(lost.lost_reason), value=amount))


def _told(reason):
    """Write what is empty as "(none)"."""
    return reason.cast("string").nullif("").fill_null(NONE)
