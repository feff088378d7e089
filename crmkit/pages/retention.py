"""The page of retention: churn by several definitions, bridges, cohorts, survival in words, reasons of losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData
from crmkit.metric import find
from crmkit.numbers import UNKNOWN, say, say_interval
from crmkit.pages.frames import tried, values
from crmkit.pages.showing import absent, listed, quiet
from crmkit.tables import Html, missing

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

CARDS = (
    "churn_rate", "nrr", "renewal_rate", "repeat_rate", "customers_at_end", "new_customers", "lost_customers", "grr",
)  # fmt: skip
DEFINED = (
    "churn_rate", "churn_rate_acquired", "churn_rate_average", "retention_rate", "customers_at_start", "new_customers",
    "lost_customers", "reactivated_customers", "customers_at_end", "renewal_rate", "renewal_rate_value", "mrr",
    "new_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr", "reactivation_mrr", "grr", "nrr", "repeat_rate",
    "retention_cost", "revenue_per_returning_customer",
)  # fmt: skip
CHURN = ("churn_rate", "churn_rate_average", "churn_rate_acquired")
BRIDGE_NAMES = {
    "customers_at_start": "at the start", "new_customers": "new", "reactivated_customers": "came back",
    "lost_customers": "lost", "customers_at_end": "at the end", "mrr_at_start": "at the start", "new_mrr": "new",
    "expansion_mrr": "expansion", "reactivation_mrr": "came back", "contraction_mrr": "contraction",
    "churned_mrr": "churned", "mrr": "at the end",
}  # fmt: skip


def steps(make: Callable[..., pd.DataFrame], crm: Crm, period: str | Period) -> pd.DataFrame:
    """Return the steps of a bridge (`customer_bridge`, `mrr_bridge`) in one period, with the reason where all are 0."""
    now = crm.period(period)
    frame = tried(make, crm, period=now)
    if "value" in frame and not frame["value"].fillna(0).any():
        frame.attrs["missing"] = f"nothing to bridge in {now.name}: start, changes and end are all zero"
    return frame


def churn_variants(crm: Crm, period: str | Period) -> pd.DataFrame:
    """List the churn rates that go by this one name: title, value, formula and when each misleads."""
    from crmkit.methods.variants import variants

    shown = variants(crm, CHURN, period=period)[["title", "value", "formula", "differs"]]
    if reason := lacks(crm, CHURN[0]):
        shown.attrs["missing"] = reason
    return shown.rename(columns={"title": "definition", "differs": "bear in mind"})


def renewals(crm: Crm, period: str | Period, by: str) -> pd.DataFrame:
    """Put the renewal rates by count and by amount side by side, group by group, with the number of terms.

    Returns
    -------
    DataFrame
        One row a group with terms that ended in the period: the column `by`, `by number`, `95% interval`, `by amount`,
        `terms`.
    """
    return tried(_renewals, crm, crm.period(period), by)


RENEWAL_UNITS = {"by number": "share", "by amount": "share", "terms": "count"}


def _renewals(crm: Crm, now: Period, by: str) -> pd.DataFrame:
    if reason := lacks(crm, "renewal_rate"):
        raise NotInThisData(f"not in this data, {reason}")
    found = crm.measure(["renewal_rate", "renewal_rate_value"], period=now, by=[by] if by else [])
    if not found["n"].fillna(0).sum():
        raise NotInThisData(f"no terms ended in {now.name}")
    found[by or "group"] = found[by] if by else "all"
    wide = found.pivot(index=by or "group", columns="metric", values=["value", "low", "high", "n"])
    rows = wide[wide["n"]["renewal_rate"] > 0]
    ends = zip(rows["low"]["renewal_rate"], rows["high"]["renewal_rate"], strict=True)
    return pd.DataFrame(
        {
            by or "group": rows.index,
            "by number": rows["value"]["renewal_rate"].to_numpy(),
            "95% interval": [say_interval(low, high, "share") for low, high in ends],
            "by amount": rows["value"]["renewal_rate_value"].to_numpy()
            if "renewal_rate_value" in rows["value"]
            else None,
            "terms": rows["n"]["renewal_rate"].to_numpy(),
        }
    )


def one_by_another(crm: Crm, period: str | Period, *, metrics: Sequence[str] = CHURN) -> Html:
    """Say that the same losses read differently by another definition: "64.8% by one definition is 8.4% by another".

    The first of `metrics` is set against the one that differs most from it.
    """
    found = crm.measure(list(metrics), period=crm.period(period), intervals=False).set_index("metric")
    value = found["value"].dropna().astype(float)
    if len(value) < 2 or metrics[0] not in value:
        return absent(lacks(crm, metrics[0]) or "only one definition can be measured in this period")
    other = value.drop(metrics[0]).sub(value[metrics[0]]).abs().idxmax()
    parts = [f"{_division(found.loc[name])} ({find(name).formula})" for name in (other, metrics[0])]
    text = (
        f"{say(value[other], 'share')} by one definition is {say(value[metrics[0]], 'share')} by another, in the same "
        f"period: {parts[0]}, against {parts[1]}."
    )
    return listed([text])


def _division(row: pd.Series) -> str:
    """Write what a ratio was computed from: 81 ÷ 959."""
    return " ÷ ".join(say(float(row[name]), "count") for name in ("numerator", "denominator"))


def inactivity(crm: Crm) -> Html:
    """Say after how many days without an order a customer without a subscription counts as lost, where that applies."""
    if "orders" not in crm.tables:
        return listed([])
    days = crm.config.inactive_after_days
    return quiet(
        f"Buyers without a subscription count as lost after {days} days without an order (a setting of this data), so "
        f"none of them can be lost before day {days}; their curve starts to fall there."
    )


def _times(ratio: float) -> str:
    return say(ratio, "ratio", digits=0 if ratio >= 10 else 1)


def survival_in_words(curve: pd.DataFrame, *, days: int = 365) -> Html:
    """Say what share is still a customer after so many days, group by group, with interval and numbers at risk.

    Parameters
    ----------
    curve : DataFrame
        What `customer_survival` returns; a column of groups, if any, is its last.
    days : int
    """
    if "survival" not in curve:
        return absent(str(curve.attrs.get("missing") or "no customers to follow"))
    group = next((c for c in curve.columns if c not in _CURVE), "")
    parts = list(curve.groupby(group)) if group else [("All customers", curve)]
    said = [_still_there(str(name), part, days) for name, part in parts]
    return listed(said)


_CURVE = ("time", "at_risk", "events", "censored", "survival", "low", "high")


def _still_there(name: str, curve: pd.DataFrame, days: int) -> str:
    before = curve[curve["time"] <= days]
    watched = curve.loc[curve["time"] >= days, "at_risk"]
    if not len(watched):
        return f"{name}: nobody has been watched for {days} days yet."
    row = before.iloc[-1] if len(before) else None
    share = 1.0 if row is None else float(row["survival"])
    interval = UNKNOWN if row is None else say_interval(row["low"], row["high"], "share")
    span = f", 95% interval {interval}" if interval != UNKNOWN else ""
    at_risk = say(float(watched.iloc[0]), "count")
    return f"{name}: {say(share, 'share')} are still customers after {days} days ({at_risk} watched so long{span})."


def lost_reasons(crm: Crm, period: str | Period) -> pd.DataFrame:
    """Count the customers lost in a period by reason, those without one as "(none)"; the largest first."""
    name = "lost_customers"
    reason = lacks(crm, name)
    if not reason and ("customers" not in crm.tables or "lost_reason" not in crm.present["customers"]):
        reason = "needs the column customers.lost_reason"
    frame = pd.DataFrame() if reason else tried(crm.measure, name, period=crm.period(period), by="lost_reason")
    if reason:
        frame.attrs["missing"] = reason
    if "value" in frame:
        frame = frame[frame["value"] > 0].reset_index(drop=True)
        every = crm.period(period).grain or ""
        frame.attrs |= {"title": "Lost customers", "unit": "count", "as_of": crm.as_of, "every": every}
        if not len(frame):
            frame.attrs["missing"] = "nobody was lost in this period"
    return frame


def cost_against_revenue(crm: Crm, period: str | Period) -> Html:
    """Say what keeping a customer costs beside what a returning customer brings."""
    names = ("retention_cost", "revenue_per_returning_customer")
    if reason := lacks(crm, names[0]) or lacks(crm, names[1]):
        return absent(reason)
    found = values(crm, names, period)
    cost, revenue = (None if missing(found[name]) else float(found[name]) for name in names)
    if cost is None or revenue is None:
        return absent("nothing was spent or bought in this period")
    money = {"unit": "money", "currency": crm.config.currency}
    text = f"Keeping a customer costs {say(cost, **money)}; a returning customer brings {say(revenue, **money)}"
    if not cost:
        return listed([f"Nothing was spent on keeping customers in this period; {text.partition('; ')[2]}."])
    if cost > revenue:
        return listed([f"{text}, which is less: keeping costs more than it brings, before any margin."])
    return listed([f"{text}, {_times(revenue / cost)} times as much, before any margin."])
