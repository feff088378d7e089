"""The page of customer value: orders, margin, payments, lifetime value and what it leaves out, who brings what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData
from crmkit.metric import find
from crmkit.numbers import say, say_interval
from crmkit.pages.frames import history, tried, values
from crmkit.pages.showing import absent, listed, missing_from, quiet
from crmkit.periods import trailing_year
from crmkit.tables import Html, missing

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

CARDS = (
    "clv_margin", "cac", "ltv_to_cac", "cac_payback_months", "revenue_per_customer", "average_order_value",
    "gross_margin", "receipts",
)  # fmt: skip
DEFINED = (
    "orders_placed", "gross_sales", "average_order_value", "average_order_value_gross", "median_order_value",
    "orders_per_customer", "revenue_per_customer", "revenue_to_date", "buyers_to_date", "customer_value",
    "gross_profit", "gross_margin", "receipts", "receipts_rate", "receivables", "days_sales_outstanding",
    "customer_lifespan_years", "clv_simple", "clv_margin", "margin_per_customer_month", "acquisition_spend",
    "acquisition_spend_new", "cac", "cac_acquisition_only", "ltv_to_cac", "cac_payback_months",
)  # fmt: skip
ORDER_VALUE_UNITS = {"value": "money", "orders": "count"}
AGE_UNITS = {"orders": "count", "owed": "money", "of the whole": "share"}
ORDER_VALUES = ("average_order_value", "average_order_value_gross", "median_order_value")
CLV_PARTS = (
    "average_order_value", "orders_per_customer", "customer_lifespan_years", "clv_simple", "gross_margin", "clv_margin",
)  # fmt: skip


def order_values(crm: Crm, period: str | Period) -> pd.DataFrame:
    """List what goes by the name of order value: net of returns, before returns, and the median."""
    return tried(_order_values, crm, crm.period(period))


def _order_values(crm: Crm, now: Period) -> pd.DataFrame:
    if reason := lacks(crm, ORDER_VALUES[0]):
        raise NotInThisData(f"not in this data, {reason}")
    found = crm.measure(list(ORDER_VALUES), period=now)
    if found["value"].isna().all():
        raise NotInThisData(f"nobody ordered in {now.name}")
    money = crm.config.currency
    shown = pd.DataFrame(
        {
            "definition": [find(name).title for name in found["metric"]],
            "value": found["value"],
            "95% interval": [say_interval(r.low, r.high, "money", currency=money) for r in found.itertuples()],
            "formula": [find(name).formula for name in found["metric"]],
            "orders": found["n"],
        }
    )
    shown.attrs |= {"currency": money, "as_of": crm.as_of}
    return shown


def buying(crm: Crm, period: str | Period, by: str) -> pd.DataFrame:
    """Measure by groups how many order, how often, for how much, and what that makes a customer.

    Returns
    -------
    DataFrame
        One row a group, the most revenue per customer first: the group, `customers`, `orders each`, `order value`,
        `revenue each`, `95% interval` (of the last), `gross margin`.
    """
    return tried(_buying, crm, crm.period(period), by)


BUYING_UNITS = {
    "customers": "count", "orders each": "per_unit", "order value": "money", "revenue each": "money",
    "gross margin": "share",
}  # fmt: skip


def _buying(crm: Crm, now: Period, by: str) -> pd.DataFrame:
    names = ["revenue_per_customer", "orders_per_customer", "average_order_value"]
    if reason := lacks(crm, names[0]):
        raise NotInThisData(f"not in this data, {reason}")
    margin = [] if lacks(crm, "gross_margin") else ["gross_margin"]
    found = crm.measure([*names, *margin], period=now, by=[by] if by else [])
    if not found["n"].fillna(0).any():
        raise NotInThisData(f"nobody ordered in {now.name}")
    found[by or "group"] = found[by] if by else "all"
    wide = found.pivot(index=by or "group", columns="metric", values=["value", "low", "high", "n"])
    each = wide["value"]["revenue_per_customer"]
    wide = wide[each.notna()].sort_values(("value", "revenue_per_customer"), ascending=False, kind="stable")
    ends = zip(wide["low"]["revenue_per_customer"], wide["high"]["revenue_per_customer"], strict=True)
    columns: dict[str, Any] = {
        by or "group": wide.index,
        "customers": wide["n"]["revenue_per_customer"].to_numpy(),
        "orders each": wide["value"]["orders_per_customer"].to_numpy(),
        "order value": wide["value"]["average_order_value"].to_numpy(),
        "revenue each": wide["value"]["revenue_per_customer"].to_numpy(),
        "95% interval": [say_interval(low, high, "money", currency=crm.config.currency) for low, high in ends],
    }
    columns |= {"gross margin": wide["value"]["gross_margin"].to_numpy()} if margin else {}
    shown = pd.DataFrame(columns)
    shown.attrs |= {"currency": crm.config.currency, "as_of": crm.as_of}
    return shown


def buying_units(frame: pd.DataFrame) -> dict[str, str]:
    """Return the units of the columns that a table of `buying` has."""
    return {name: unit for name, unit in BUYING_UNITS.items() if name in frame}


def margin_basis(crm: Crm, period: str | Period) -> Html:
    """Say how many of the period's orders carry a cost: the margin is theirs."""
    if lacks(crm, "gross_margin"):
        return listed([])
    found = crm.measure(["gross_margin", "revenue"], period=crm.period(period), intervals=False)
    known, all_ = (float(number) for number in found["n"].fillna(0))
    if not all_:
        return listed([])
    if known >= all_:
        return quiet(f"All {say(all_, 'count')} orders and returns of the period carry a cost.")
    return quiet(
        f"{say(known, 'count')} of {say(all_, 'count')} orders and returns carry a cost: the margin is theirs."
    )


def invoiced_and_received(crm: Crm, period: str | Period, *, every: str = "month", last: int = 24) -> pd.DataFrame:
    """Return revenue and receipts over time as one frame, a line each: `kind` is "invoiced" or "received"."""
    if reason := lacks(crm, "receipts_rate"):
        frame = pd.DataFrame()
        frame.attrs["missing"] = reason
        return frame
    found = history(crm, ["revenue", "receipts"], period, every=every, last=last)
    names = {"revenue": "invoiced", "receipts": "received"}
    shown = found[["period", "value", "n"]].assign(kind=found["metric"].map(names) if len(found) else None)
    shown.attrs = {**found.attrs, "title": "Invoiced and received", "unit": "money"}
    if not shown["n"].fillna(0).any():
        shown.attrs["missing"] = "nothing was invoiced or received by then"
    return shown


def paid_finding(frame: pd.DataFrame) -> str:
    """Say what came in against what was invoiced over the whole time of a figure, for its title."""
    if "kind" not in frame or not len(frame):
        return ""
    sums = frame.groupby("kind")["value"].sum()
    if not sums.get("invoiced", 0) > 0:
        returned = sums.get("invoiced", 0) < 0
        return "More was returned than invoiced in this time" if returned else "Nothing was invoiced in this time"
    return f"{say(sums.get('received', 0.0) / sums['invoiced'], 'share')} of what was invoiced came in over this time"


def owed_by_age(crm: Crm, period: str | Period) -> pd.DataFrame:
    """List what is owed at the end of a period by the days since it was ordered, ready to be shown."""
    from crmkit.methods.receivables import receivables_by_age

    found = tried(receivables_by_age, crm, period=period)
    if "value" in found and not found["value"].any():
        found.attrs["missing"] = "nothing is owed at the end of this period"
    return found.rename(columns={"value": "owed", "share": "of the whole"})


def money_owed(crm: Crm, period: str | Period) -> Html:
    """Say what came in against what was invoiced, what is owed at the end, and how many days of sales that is."""
    if reason := lacks(crm, "days_sales_outstanding"):
        return absent(reason)
    now = crm.period(period)
    found = values(crm, ["receipts", "revenue", "receipts_rate", "receivables", "days_sales_outstanding"], now)
    if missing(found["receipts_rate"]):
        return absent(f"nothing was invoiced in {now.name}")
    form = {"currency": crm.config.currency}
    if found["revenue"] < 0:  # a share of less than nothing, and days of it, would say nothing
        came, back = (say(found[name] * sign, "money", **form) for name, sign in (("receipts", 1), ("revenue", -1)))
        return listed([f"{came} came in, and {back} more was returned than invoiced in {now.name}."])
    text = (
        f"{say(found['receipts'], 'money', **form)} came in, {say(found['receipts_rate'], 'share')} of the "
        f"{say(found['revenue'], 'money', **form)} invoiced in {now.name}, partly for orders of before. "
        f"At its end {say(found['receivables'], 'money', **form)} are owed: "
        f"{say(found['days_sales_outstanding'], 'days')} of the period's sales."
    )
    late = tried(_late, crm, now)
    if "value" in late and late["value"].sum() > 0:
        old = say(float(late["share"].iloc[0]), "share")
        text += f" {old} of it was ordered more than 90 days before: ask whether anybody still expects it."
    return listed([text])


def _late(crm: Crm, now: Period) -> pd.DataFrame:
    from crmkit.methods.receivables import receivables_by_age

    found = receivables_by_age(crm, period=now)
    return found[found["age"].str.startswith("over")]


def clv_steps(crm: Crm, period: str | Period) -> pd.DataFrame:
    """List the parts of the simple lifetime value in the order in which they multiply: value, interval, formula."""
    return tried(_clv_steps, crm, crm.period(period))


def _clv_steps(crm: Crm, now: Period) -> pd.DataFrame:
    if reason := lacks(crm, "clv_simple"):
        raise NotInThisData(f"not in this data, {reason}")
    names = [name for name in CLV_PARTS if not lacks(crm, name)]
    found = crm.measure(names, period=trailing_year(now))  # order value, frequency and margin of the same 12 months
    if found.set_index("metric")["value"].isna()["clv_simple"]:
        raise NotInThisData(f"nobody ordered, or nobody left, in the 12 months to the end of {now.name}")
    units = [find(name).unit for name in found["metric"]]
    money = {"currency": crm.config.currency}
    rows = list(zip(found.itertuples(), units, strict=True))
    sign = {"average_order_value": "", "clv_simple": "= ", "clv_margin": "= "}
    shown = pd.DataFrame(
        {
            "step": [f"{sign.get(name, '× ')}{find(name).title}" for name in found["metric"]],
            "value": found["value"],
            "95% interval": [say_interval(row.low, row.high, unit, **money) for row, unit in rows],
            "formula": [find(name).formula for name in found["metric"]],
        }
    )
    shown.attrs |= {"units": units, "currency": crm.config.currency, "as_of": crm.as_of}
    return shown


def clv_units(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Return the unit of each row of `clv_steps`."""
    return {"value": frame.attrs["units"]} if "units" in frame.attrs else {}


def clv_groups(crm: Crm, period: str | Period, by: str) -> pd.DataFrame:
    """Measure the lifetime value by margin of each group, for a figure of bars."""
    from crmkit.pages.frames import groups

    name = "clv_simple" if lacks(crm, "clv_margin") else "clv_margin"
    return groups(crm, name, period, by)


def left_out(crm: Crm, period: str | Period, by: str) -> Html:
    """Say in numbers what the simple lifetime value leaves out: fees, costs of keeping, how groups differ."""
    if lacks(crm, "clv_simple"):
        return listed([])
    now = crm.period(period)
    year = trailing_year(now)
    form = {"currency": crm.config.currency}
    said = []
    if not lacks(crm, "mrr"):
        found = values(crm, ["mrr", "revenue"], year)
        if found["mrr"] and found["revenue"] > 0:
            share = say(12 * float(found["mrr"] / found["revenue"]), "share")
            said.append(
                f"Subscription fees: {say(found['mrr'], 'money', **form)} a month at the end of {now.name}, in a year "
                f"{share} on top of the year's orders, are not orders and so not in it."
            )
    if not lacks(crm, "retention_spend"):
        spent = values(crm, ["retention_spend", "gross_profit"], year)
        if spent["retention_spend"] and spent["gross_profit"] > 0:
            share = say(float(spent["retention_spend"] / spent["gross_profit"]), "share")
            said.append(f"Costs of keeping customers took {share} of the gross profit of the 12 months; not deducted.")
    if by and len(sentence := _spread(crm, now, by)):
        said.append(sentence)
    return listed(said)


def _spread(crm: Crm, now: Period, by: str) -> str:
    found = tried(crm.measure, "clv_simple", period=now, by=by, intervals=False)
    known = found[found["value"].notna()].sort_values("value") if "value" in found else found
    if len(known) < 2:
        return ""
    low, high = known.iloc[0], known.iloc[-1]
    form = {"currency": crm.config.currency}
    return (
        f"The groups: from {say(low['value'], 'money', **form)} ({low[by]}) to {say(high['value'], 'money', **form)} "
        f"({high[by]}). One number for all describes none of them, and moves when their mix does."
    )


def backtest(crm: Crm, *, cohort: str = "") -> pd.DataFrame:
    """Return the test of the lifetime value on an early cohort, at the horizons that most of it was watched for."""
    from crmkit.methods.clv_backtest import clv_backtest

    found = tried(clv_backtest, crm, cohort=cohort or None)
    if missing_from(found):
        return found
    there = found[found["customers"] > found["censored"]].reset_index(drop=True)
    there.attrs = dict(found.attrs)
    if not len(there):
        there.attrs["missing"] = "the cohort has not been watched for long enough"
    return there


def backtest_words(frame: pd.DataFrame) -> Html:
    """Say how far the promise was off, early and late, how the pace compares, and what is still to come."""
    if missing_from(frame):
        return listed([])
    form = {"unit": "money", "currency": frame.attrs.get("currency", "")}
    first, last = frame.iloc[0], frame.iloc[-1]
    inside = last["low"] <= last["predicted"] <= last["high"]
    off = "no more than chance can make" if inside else "more than chance makes"
    said = [
        f"{say(last['customers'] + last['censored'], 'count')} customers were won {_when(frame)}. By the formula, with "
        f"what was known at the end of it, each would bring {say(frame.attrs['clv'], **form)} in a life.",
        f"In {last['months']:.0f} months each brought {say(last['actual'], **form)} on average; the formula promised "
        f"{say(last['predicted'], **form)}, an error of {_error(last, form)}, {off}.",
    ]
    if len(frame) > 1:
        said.append(
            f"In the first {first['months']:.0f} months the error was {_error(first, form)}: the formula spreads the "
            "spending of a life evenly over it."
        )
        before = frame.iloc[-2]
        promised, came = (float(last[name] - before[name]) for name in ("predicted", "actual"))
        if promised > 0:
            said.append(
                f"Of late they brought {say(came / promised, 'share', digits=0)} of what it promised: "
                f"{say(came, **form)} each between month {before['months']:.0f} and month {last['months']:.0f}, where "
                f"it promised {say(promised, **form)}. At that pace the rest of the promise, "
                f"{say(frame.attrs['clv'] - last['predicted'], **form)}, will be "
                + ("missed." if came < 0.9 * promised else "met." if came <= 1.1 * promised else "passed.")
            )
    return listed(said)


def _when(frame: pd.DataFrame) -> str:
    """Write the period in which a cohort was won: in 2024, or from one day until before another."""
    start, _, end = str(frame.attrs["cohort"]).partition("/")
    return f"from {start} until before {end}" if end else f"in {start}"


def _error(row: pd.Series, form: dict[str, str]) -> str:
    sign = "too much" if row["error"] > 0 else "too little"
    share = "" if missing(row["error_share"]) else f" ({say(abs(row['error_share']), 'share')} of what came)"
    return f"{say(abs(row['error']), **form)} {sign}{share}"
