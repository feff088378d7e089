"""The page of the return on the CRM: its cost, each benefit, before and after, payback, and how sure all of it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.before_after import before_after, monthly, windows, year_before
from crmkit.methods.crm_return import cost_by_category, crm_benefits, measured_flows, measured_return
from crmkit.metric import find
from crmkit.numbers import UNKNOWN, say, say_change, say_interval
from crmkit.pages.frames import tried
from crmkit.pages.showing import absent, listed, missing_from
from crmkit.periods import Period
from crmkit.tables import Html, missing, table

if TYPE_CHECKING:
    from crmkit.crm import Crm

CARDS = ("crm_roi_to_date", "npv", "payback_months", "crm_benefit", "crm_cost", "crm_roi")
DEFINED = (
    "crm_cost", "crm_benefit", "crm_benefit_time", "crm_benefit_retention", "crm_benefit_acquisition",
    "crm_benefit_revenue", "crm_benefit_cross_sell", "crm_roi", "crm_roi_gross", "crm_roi_to_date", "npv",
    "payback_months", "cac", "renewal_rate_value", "gross_margin",
)  # fmt: skip
WORK = ("sales_cycle_days", "renewal_rate", "interactions_per_agent", "cac", "lead_follow_up_hours", "win_rate")
"""What a CRM is bought to change, before and after."""
NO_PRICE = (
    "nps", "csat", "ces", "churn_rate", "repeat_rate", "first_response_hours", "resolution_hours", "sla_met",
    "lead_contacted_rate", "reopened_rate",
)  # fmt: skip
"""What has a worth and no price."""
COST_NAMES = {"crm_licence": "Licences", "crm_implementation": "Implementation", "crm_training": "Training",
              "crm_operation": "Operation"}  # fmt: skip
_COUNTED = {
    "time": ("cost of a task or note", "money", "tasks and notes"),
    "retention": ("part of the amount renewed", "share", "margin due for renewal"),
    "acquisition": ("cost of a new customer", "money", "customers acquired"),
    "revenue": ("margin of a first deal", "money", "first deals won"),
    "cross_sell": ("margin of expansions, a customer and month", "money", "customers and months"),
}


def costs(crm: Crm, now: Period) -> pd.DataFrame:
    """Sum what was paid for the CRM up to the end of a period: `cost` (its kind), `value`."""
    found = tried(cost_by_category, crm, until=now)
    if "category" not in found:
        return found
    if not len(found):
        found.attrs["missing"] = "no cost of the CRM is booked: categories crm_licence, crm_implementation and so on"
        return found
    return found.assign(cost=found["category"].map(COST_NAMES)).drop(columns="category")


def costs_finding(frame: pd.DataFrame) -> str:
    """Say what was paid in all and for what most, for the title of the costs' figure."""
    if "cost" not in frame or not len(frame):
        return ""
    money, top = {"currency": frame.attrs.get("currency", "")}, frame.loc[frame["value"].idxmax()]
    whole = say(float(frame["value"].sum()), "money", **money)
    return f"The CRM has cost {whole}, most of it for {top['cost'].lower()} ({say(top['value'], 'money', **money)})"


def benefits(crm: Crm, now: Period) -> pd.DataFrame:
    """List the named benefits from the introduction to the end of a period, with intervals; see `crm_benefits`."""
    return tried(crm_benefits, crm, until=now)


def benefit_table(found: pd.DataFrame, *, caption: str) -> Html:
    """Show how each benefit is computed: what a unit cost or brought before and since, and over how many."""
    if reason := missing_from(found):
        return absent(reason)
    currency = found.attrs.get("currency", "")
    rows = []
    for row in found.itertuples():
        what, unit, units = _COUNTED.get(row.benefit, ("", "", ""))
        rows.append(
            {
                "benefit": row.title,
                "what is compared": what,
                "before": say(row.before, unit, currency=currency) if unit else "",
                "since": say(row.since, unit, currency=currency) if unit else "",
                "over": f"{_many(row, currency)} {units}" if units else "",
                "value": row.value,
                "95% interval": say_interval(row.low, row.high, "money", currency=currency),
            }
        )
    return table(
        pd.DataFrame(rows), caption=caption, units={"value": "money"}, numbers=["before", "since", "95% interval"],
        currency=currency,
    )  # fmt: skip


def _many(row: Any, currency: str) -> str:
    """Say how many units there were; renewals are counted in money."""
    if row.benefit == "retention":
        return say(row.units, "money", currency=currency)
    return say(round(row.units), "count")


def verdict(crm: Crm, now: Period, *, rate: float = 0.1) -> Html:
    """Say in words what was paid, what came back, how sure that is, and what remains if only clear benefits count."""
    found = benefits(crm, now)
    drawn = tried(measured_return, crm, until=now, rate=rate)
    if reason := missing_from(found) or missing_from(drawn):
        return absent(f"{reason}; the calculator on this page works without")
    currency, cost = crm.config.currency, float(drawn.attrs["cost"])
    whole, parts = found.iloc[-1], found.iloc[:-1]
    money = {"unit": "money", "currency": currency}
    said = [
        f"From its first cost to the end of {now.name} the CRM cost {say(cost, **money)} and brought "
        f"{say(whole['value'], **money)} (95% interval {say_interval(whole['low'], whole['high'], **money)})."
    ]
    if cost > 0:
        back = say(whole["value"] / cost, "ratio")
        pays = say(float((drawn["npv"] > 0).mean()), "share", digits=0)
        said.append(
            f"For each {say(1, 'money', currency=currency, digits=0)} paid, {back} came back. Counted with interest at "
            f"{say(rate, 'share')} a year, it has paid in {pays} of the cases drawn from these months."
        )
    clear = parts[(parts["low"] > 0) | (parts["high"] < 0)]
    if len(clear) < len(parts):
        names = ", ".join(title.lower() for title in clear["title"]) or "none"
        text = f"More than noise: {names}. The others may as well be nothing, or a loss."
        if cost > 0 and len(clear):
            alone = (float(clear["value"].sum()) - cost) / cost
            text += f" With the clear ones alone the return would be {say(alone, 'share')}."
        said.append(text)
    return listed(said)


def both_returns(crm: Crm, now: Period) -> pd.DataFrame:
    """Put the net and the gross return side by side, of the period and to date.

    Returns
    -------
    DataFrame
        `of`, `cost`, `benefit`, `net return`, `gross return`.
    """
    return tried(_both_returns, crm, now)


RETURN_UNITS = {"cost": "money", "benefit": "money", "net return": "share", "gross return": "share"}


def _both_returns(crm: Crm, now: Period) -> pd.DataFrame:
    if reason := lacks(crm, "crm_roi"):
        raise NotInThisData(f"not in this data, {reason}")
    here = crm.measure(["crm_cost", "crm_benefit"], period=now, intervals=False).set_index("metric")["value"]
    flows = measured_flows(crm, until=now)
    rows = [
        (now.name, here["crm_cost"], here["crm_benefit"]),
        ("to date", float(flows["cost"].sum()), float(flows["benefit"].sum())),
    ]
    frame = pd.DataFrame(rows, columns=["of", "cost", "benefit"])
    ratio = frame["benefit"] / frame["cost"].replace(0.0, np.nan)
    frame = frame.assign(**{"net return": ratio - 1, "gross return": ratio})
    frame.attrs |= {"currency": crm.config.currency, "as_of": crm.as_of}
    return frame


def changes(crm: Crm, metrics: Sequence[str], now: Period, *, settle_months: int = 0) -> pd.DataFrame:
    """Compare metrics before and after the introduction, plainly and against the trend; see `before_after`."""
    return tried(_changes, crm, metrics, now, settle_months)


def _changes(crm: Crm, metrics: Sequence[str], now: Period, settle_months: int) -> pd.DataFrame:
    from crmkit.metric import all_metrics

    if crm.config.crm_introduced is None:
        raise NotInThisData("not in this data, needs the setting crm_introduced in crm.toml")
    known = [name for name in metrics if name in all_metrics() and not lacks(crm, name)]
    if not known:
        raise NotInThisData(f"not in this data, {lacks(crm, metrics[0])}")
    return before_after(crm, known, after=_since(crm, now, settle_months))


def _since(crm: Crm, now: Period, settle_months: int) -> Period:
    """Return the whole months from the introduction to the end of a period."""
    try:
        _, after = windows(crm, settle_months=settle_months)
    except UsageError as error:
        raise NotInThisData(str(error)) from None
    end = min(after.end, crm.config.calendar.floor(now.end, "month"))
    if end <= after.start:
        raise NotInThisData(f"no whole month lies between the introduction of the CRM and the end of {now.name}")
    return Period(after.start, end, None, after.calendar)


def only(found: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return the rows of some metrics; with a reason where there are none."""
    if missing_from(found):
        return found
    part = found[found["metric"].isin(list(metrics))].reset_index(drop=True)
    if not len(part):
        part.attrs["missing"] = f"none of these is in this data: {', '.join(metrics)}"
    return part


def change_table(found: pd.DataFrame, *, caption: str, trend: bool = False) -> Html:
    """Show each metric before and since, and its change; or with `trend`, since against the trend before."""
    if reason := missing_from(found):
        return absent(reason)
    currency, rows = found.attrs.get("currency", ""), []
    first = "the trend would have led to" if trend else "before"
    wanted = "against the trend before" if trend else "before and after"
    for _, row in found[found["reading"] == wanted].iterrows():
        metric = find(row["metric"])
        form = {"unit": metric.unit, "currency": currency}
        rows.append(
            {
                "metric": metric.title + (", a month" if row["note"].startswith("a month") else ""),
                first: say(row["before"], **form),
                "since": say(row["after"], **form),
                "change": _change(row, metric.unit, currency),
                "verdict": _verdict(row, metric.better),
            }
        )
    numbers = [first, "since", "change"]
    return table(pd.DataFrame(rows), caption=caption, numbers=numbers, status=["verdict"])


def _change(row: pd.Series, unit: str, currency: str) -> str:
    """Write a change with its interval: relative where there is a ratio, in points for shares."""
    if missing(row["difference"]):
        return UNKNOWN
    if unit in ("share", "points", "score"):
        text = say_change(row["after"], row["before"], unit)
        ends = [say_change(row[end], 0.0, unit) for end in ("low", "high")]
    elif not missing(row["ratio_low"]):
        text = say_change(row["ratio"], 1.0, "ratio")
        ends = [say_change(row[end], 1.0, "ratio") for end in ("ratio_low", "ratio_high")]
    else:
        text = say_change(row["difference"], 0.0, unit, currency=currency)
        ends = [say_change(row[end], 0.0, unit, currency=currency) for end in ("low", "high")]
    return text if UNKNOWN in ends else f"{text} ({ends[0]} to {ends[1]})"


def _verdict(row: pd.Series, better: str) -> str:
    if missing(row["low"]) or missing(row["difference"]):
        return ""
    if row["low"] <= 0 <= row["high"]:
        return "same"
    if better not in ("up", "down"):
        return "changed"
    return "better" if (row["difference"] > 0) == (better == "up") else "worse"


def change_sentence(found: pd.DataFrame) -> Html:
    """Count which changes hold against the trend before, in words."""
    if missing_from(found):
        return listed([])
    held, lost = [], []
    for name, both in found.groupby("metric", sort=False):
        plain, *trend = both.to_dict("records")
        if _verdict(pd.Series(plain), "up") in ("better", "worse") and trend and not missing(trend[0]["low"]):
            clear = _verdict(pd.Series(trend[0]), "up") != "same"
            (held if clear else lost).append(find(name).title)
    said = []
    if held:
        said.append(f"Beyond what the trend before would have brought as well: {_and(held)}.")
    if lost:
        said.append(
            f"Changed, but no further than a trend that began before may have led: {_and(lost)}. "
            "Such a change may not be the CRM's."
        )
    return listed(said)


def _and(names: Sequence[str]) -> str:
    names = list(names)
    return names[0] if len(names) == 1 else f"{'; '.join(names[:-1])}; and {names[-1]}"


def by_month(crm: Crm, metric: str, now: Period) -> pd.DataFrame:
    """Measure a metric in each month from a year before the introduction to the end of a period."""
    return tried(_by_month, crm, metric, now)


def _by_month(crm: Crm, metric: str, now: Period) -> pd.DataFrame:
    if reason := lacks(crm, metric):
        raise NotInThisData(f"not in this data, {reason}")
    if crm.config.crm_introduced is None:
        raise NotInThisData("not in this data, needs the setting crm_introduced in crm.toml")
    before, after = year_before(crm), _since(crm, now, 0)
    frame = monthly(crm, metric, Period(before.start, after.end, None, crm.config.calendar))
    about = find(metric)
    frame.attrs |= {"title": about.title, "unit": about.unit, "better": about.better, "as_of": crm.as_of}
    frame.attrs |= {"currency": crm.config.currency, "every": "month"}
    return frame


def flows(crm: Crm, now: Period, *, rate: float = 0.1) -> pd.DataFrame:
    """Lay out the cash flow by month up to the end of a period; see `measured_flows`."""
    return tried(measured_flows, crm, until=now, rate=rate)


def draws(crm: Crm, now: Period, *, rate: float = 0.1) -> pd.DataFrame:
    """Draw what the return to date may be; see `measured_return`."""
    return tried(measured_return, crm, until=now, rate=rate)


def agreements(crm: Crm, now: Period, *, rate: float = 0.1) -> pd.DataFrame:
    """Compute both sides of what must agree, for `notebook.checks`; what this data cannot measure is left out.

    Two benefits are computed a second time from the metrics of other families: cheaper acquisition from `cac`, and
    customers kept from `renewal_rate_value` and `gross_margin`.
    """
    rows: list[dict[str, Any]] = []
    found, laid = benefits(crm, now), flows(crm, now, rate=rate)
    if missing_from(found) or missing_from(laid):
        return pd.DataFrame(rows)
    money = {"unit": "money", "currency": crm.config.currency}
    end = Period(laid["month"].iloc[0].to_pydatetime(), now.end, None, crm.config.calendar)
    whole = crm.measure(["crm_cost", "crm_benefit", "npv"], period=end, intervals=False, rate=rate)
    whole = whole.set_index("metric")["value"]
    named = found["value"].iloc[:-1].sum()
    rows += [
        {"what": "The named benefits add up to the benefit", "left": named, "right": whole["crm_benefit"]},
        {"what": "The cash flow's sum is benefit less cost", "left": laid["cumulative"].iloc[-1],
         "right": whole["crm_benefit"] - whole["crm_cost"]},
        {"what": "The discounted cash flow is the net present value", "left": laid["cumulative_discounted"].iloc[-1],
         "right": whole["npv"]},
    ]  # fmt: skip
    begin = crm.config.crm_introduced
    before = year_before(crm)
    if now.end <= begin:
        return pd.DataFrame([row | money for row in rows])
    since = Period(begin, now.end, None, crm.config.calendar)
    value = found.set_index("benefit")["value"]
    if "acquisition" in value and not lacks(crm, "cac"):
        was, cost = (crm.measure("cac", period=span, intervals=False).value.item() for span in (before, since))
        came = crm.measure("new_customers", period=since, intervals=False).value.item()
        what = "Cheaper acquisition, from acquisition cost and new customers"
        rows.append({"what": what, "left": value["acquisition"], "right": (was - cost) * came})
    if "retention" in value and not lacks(crm, "gross_margin"):
        sides = [crm.measure("renewal_rate_value", period=span).iloc[0] for span in (before, since)]
        margin = crm.measure("gross_margin", period=before, intervals=False).value.item()
        gained = (sides[1]["value"] - sides[0]["value"]) * sides[1]["denominator"] * margin
        what = "Customers kept, from renewal rate by value and gross margin"
        rows.append({"what": what, "left": value["retention"], "right": gained})
    return pd.DataFrame([row | money for row in rows])
