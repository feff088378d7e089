"""The page of diagnosis: what moved, whether it is more than noise, where it sits, and how lost customers differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmkit import methods
from crmkit.engine import dimensions
from crmkit.engine.availability import lacks
from crmkit.methods.association import corrected
from crmkit.methods.control import control_chart
from crmkit.methods.reasons import rank_columns
from crmkit.metric import find, relations_of
from crmkit.numbers import UNKNOWN, say, say_change, say_interval
from crmkit.pages.frames import tried
from crmkit.pages.sentences import change_explained, dimension_name, is_noise
from crmkit.pages.showing import fold, listed, missing_from
from crmkit.periods import Period
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm

#: Among these the page looks for the strongest mover where nobody names a metric: their changes can be dealt to groups.
CANDIDATES = (
    "churn_rate", "renewal_rate", "repeat_rate", "nps", "ces", "csat_mean", "win_rate", "average_deal_size",
    "sales_cycle_days", "average_order_value", "resolution_hours_mean", "first_response_hours_mean", "reopened_rate",
    "bounce_rate",
)  # fmt: skip
BESIDE = ("churn_rate", "lost_customers", "win_rate")
CLEAR = 0.05
_Z = 1.959964


def compared(crm: Crm, metrics: Sequence[str], period: str | Period, against: str | Period) -> pd.DataFrame:
    """Compare metrics in two periods, those that this data lacks left out: what `pages.answer` and the cards take.

    Returns
    -------
    DataFrame
        As `crm.compare`, with `title`, `unit` and `better`.
    """
    names = [name for name in dict.fromkeys(metrics) if not lacks(crm, name)]
    if not names:
        return pd.DataFrame(columns=["metric", "title", "unit", "better", "value", "previous", "verdict"])
    asked = ("compared", tuple(names), crm.period(period), crm.period(against))
    if asked not in crm.remembered:
        found = crm.compare(names, period=period, against=against)
        for fact in ("title", "unit", "better"):
            found[fact] = [getattr(find(name), fact) for name in found["metric"]]
        crm.remembered[asked] = found
    return crm.remembered[asked].copy()


def movers(crm: Crm, period: str | Period, against: str | Period, *, among: Sequence[str] = CANDIDATES) -> pd.DataFrame:
    """Rank metrics by how far they moved in standard errors of their change.

    Returns
    -------
    DataFrame
        As `compared`, with `z`, `p` (normal) and `q` (corrected for the metrics tried), the strongest first.
    """
    from scipy.stats import norm

    found = compared(crm, among, period, against)
    if "change_low" not in found:
        return found.assign(z=[], p=[], q=[])
    error = (found["change_high"] - found["change_low"]) / (2 * _Z)
    found["z"] = found["change"] / error.where(error > 0)
    found = found[found["z"].notna()]
    found = found.assign(p=2 * norm.sf(found["z"].abs()))
    found["q"] = corrected(found["p"])
    return found.sort_values("p", kind="stable", ignore_index=True)


def choose(crm: Crm, metric: str, period: str | Period, against: str | Period) -> str:
    """Return the metric named, else the strongest mover, else the first candidate that this data has.

    Raises
    ------
    UsageError
        Where there is no metric of that name.
    """
    if metric:
        return find(metric).name
    ranked = movers(crm, period, against)
    there = [name for name in CANDIDATES if not lacks(crm, name)]
    return str(ranked["metric"].iloc[0]) if len(ranked) else (there or list(CANDIDATES))[0]


def chart(crm: Crm, metric: str, period: str | Period, *, every: str = "month", baseline: str = "") -> pd.DataFrame:
    """Return the control chart of a metric up to a period, or the reason why there is none."""
    return tried(control_chart, crm, metric, period=crm.period(period), every=every, baseline=baseline or None)


def where(crm: Crm, metric: str, period: str | Period, against: str | Period, by: str = "") -> pd.DataFrame:
    """Rank the columns that take the change apart, or `by` alone; or the reason why none does.

    Raises
    ------
    UsageError
        Where there is no column called `by`.
    """
    relations = relations_of(find(metric))
    if by and len(relations) == 1 and next(iter(relations)) in crm.relations:
        dimensions.find(crm, next(iter(relations)), by)
    columns = [by] if by else None
    return tried(rank_columns, crm, metric, period=period, against=against, columns=columns)


def parts(crm: Crm, metric: str, period: str | Period, against: str | Period, ranked: pd.DataFrame) -> pd.DataFrame:
    """Split the change by the column that ranks first."""
    if missing_from(ranked):
        lacking = pd.DataFrame()
        lacking.attrs["missing"] = "no column to split the change by, for the reason above"
        return lacking
    found = tried(crm.explain, metric, period=period, against=against, by=str(ranked["by"].iloc[0]))
    about = find(metric)
    found.attrs |= {"title": about.title, "unit": about.unit, "better": about.better}
    return found


def headline_card(crm: Crm, metric: str, period: str | Period, against: str | Period, *, named: bool) -> pd.DataFrame:
    """Compare the page's metric and those beside it; one that was picked as the largest of many must be beyond that.

    A metric that moved most of all that were looked at counts as moved only where its corrected p-value is below 5%.
    """
    card = compared(crm, [metric, *BESIDE], period, against)
    ranked = pd.DataFrame() if named else movers(crm, period, against)
    if len(ranked) and ranked["q"].iloc[0] >= CLEAR:
        picked = (card["metric"] == metric) & card["verdict"].isin(["rose", "fell"])
        card.loc[picked, "verdict"] = "no change beyond noise"
    return card


def _chosen(crm: Crm, period: str | Period, against: str | Period) -> str:
    """Say why the page is about this metric, and what looking at many does to the evidence."""
    ranked = movers(crm, period, against)
    if not len(ranked):
        return ""
    first = ranked.iloc[0]
    text = (
        f"Of {len(ranked)} metrics looked at, {first['title']} moved most for its usual variation "
        f"({say(abs(float(first['z'])), '', digits=1)} standard errors). "
    )
    if first["q"] < CLEAR:
        return f"{text}That is more than the largest of so many would move by chance."
    return (
        f"{text}The largest of so many moves about as far by chance alone (p {_p(first['q'])}, corrected), so take it "
        "as a place to look, not as a finding."
    )


def verdict(
    crm: Crm,
    metric: str,
    period: str | Period,
    against: str | Period,
    *,
    charted: pd.DataFrame,
    ranked: pd.DataFrame,
    split: pd.DataFrame,
    named: bool,
) -> Html:
    """Say in a few sentences: signal or noise, by two ways of asking, and where the change sits."""
    card = headline_card(crm, metric, period, against, named=named)
    card = card[card["metric"] == metric]
    now = crm.period(period)
    said = [] if named else [_chosen(crm, period, against)]
    plain = compared(crm, [metric], period, against)
    said.append(_against_noise(plain, metric, crm.period(against).name, crm.config.currency, is_noise(card, metric)))
    said += [] if missing_from(charted) else [_in_the_chart(charted, now)]
    if not missing_from(ranked):
        said.append(_apart(ranked))
        if "effect" in split:
            said.append(change_explained(split, unit=find(metric).unit, noise=is_noise(card, metric)))
    return listed(said)


def _against_noise(card: pd.DataFrame, metric: str, then: str, currency: str, one_of_many: bool) -> str:
    if not len(card) or pd.isna(card["change"].iloc[0]):
        return f"{find(metric).title} is not known in both periods."
    row = card.iloc[0]
    text = f"Against {then} it changed by {_amount(row['change'], row['unit'], currency)}"
    if not row["verdict"]:
        return f"{text}; it has no interval, so the chart alone can say what is noise."
    span = _difference_span(row, currency)
    if "noise" in row["verdict"]:
        return f"{text}{span}: no more than noise."
    return f"{text}{span}: more than noise{', had it been the only one looked at' if one_of_many else ''}."


def _amount(change: float, unit: str, currency: str) -> str:
    """Write a change in the metric's own unit, with its sign; shares in points."""
    if unit == "share":
        return say_change(change, 0.0, unit)
    text = say(float(change), unit, currency=currency)
    return f"+{text}" if change > 0 else text


def _difference_span(row: pd.Series, currency: str) -> str:
    scale, unit = (100, "") if row["unit"] == "share" else (1, row["unit"])
    text = say_interval(row["change_low"] * scale, row["change_high"] * scale, unit, currency=currency)
    tail = " pts" if row["unit"] == "share" else ""
    return f" (95% interval {text}{tail})" if text != UNKNOWN else ""


def _in_the_chart(charted: pd.DataFrame, now: Period) -> str:
    known = charted[charted["value"].notna()]
    inside = known[known["period"].between(now.start, now.end, inclusive="left")]
    loud, after = int(inside["signal"].sum()), known[~known["baseline"]]
    every = charted.attrs.get("every") or "period"
    known_last = known.iloc[-1]
    last = f"the last point is {'' if known_last['signal'] else 'not '}"
    state = (
        last.rstrip()
        if not len(inside)
        else (
            f"none of the {len(inside)} {every}s of {now.name} is"
            if not loud
            else f"{loud} of the {len(inside)} {every}s of {now.name} {'is' if loud == 1 else 'are'}"
        )
    )
    signals = int(after["signal"].sum())
    false = say(float(charted.attrs["expected_false"]), "", digits=1)
    return (
        f"In the control chart {state} a signal; since the baseline {signals} of {len(after)} points "
        f"{'is' if signals == 1 else 'are'}, where a steady process would give about {false} false alarms."
    )


def _apart(ranked: pd.DataFrame) -> str:
    name = dimension_name(str(ranked["by"].iloc[0]))
    clear = int((ranked["q"] < CLEAR).sum())
    if clear:
        return (
            f"The change sits in some groups more than in others: by {name} it is further apart than random groups of "
            f"the same sizes would be (p {_p(ranked['q'].iloc[0])}, corrected for {len(ranked)} columns)."
        )
    return (
        f"No column takes the change apart more than random groups of the same sizes do ({len(ranked)} tried; the "
        f"nearest is {name}, p {_p(ranked['q'].iloc[0])}): it is spread over all, or too small to be placed."
    )


def _p(value: float) -> str:
    return "below 0.01" if value < 0.01 else f"= {say(float(value), '', digits=2)}"


def left_out(ranked: pd.DataFrame) -> Html:
    """List the columns that were not tried, with the reason, folded away; nothing where all were."""
    reasons = ranked.attrs.get("left_out") or {}
    grouped: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        grouped.setdefault(reason, []).append(dimension_name(name))
    said = listed([f"Not tried, {reason}: {', '.join(names)}." for reason, names in grouped.items()])
    return fold("Columns that were not tried", said) if grouped else said


def warnings(charted: pd.DataFrame) -> Html:
    """Say what makes the chart's alarms less or more reliable; nothing where nothing does."""
    return listed(list(charted.attrs.get("warnings") or []))


def alarm_rates() -> pd.DataFrame:
    """Return the run rules with their false alarms: how many points a steady process runs until one, on average."""
    from crmkit.methods.run_rules import POINTS_TO_FALSE_ALARM, false_alarm_rates

    rates = false_alarm_rates()
    rows = [{"rule": name, "false alarms": rate, "one in so many points": 1 / rate} for name, rate in rates.items()]
    every = POINTS_TO_FALSE_ALARM["all four"]
    return pd.DataFrame(
        [*rows, {"rule": "all four together", "false alarms": 1 / every, "one in so many points": every}]
    )


ALARM_UNITS = {"false alarms": "share", "one in so many points": "count"}


def lever_parts(crm: Crm, metric: str, compound: str, period: str | Period, against: str | Period) -> pd.DataFrame:
    """Return what each lever did to the metric where it is made of others, else to `compound`."""
    declared = find(metric)
    chosen = metric if declared.parts and not declared.relations else compound
    return tried(methods.levers, crm, find(chosen).name, period=period, against=against)


def levers_finding(levers: pd.DataFrame) -> str | None:
    """Say how far the metric moved, and which lever did most up and down; None where there is nothing to say."""
    if missing_from(levers) or levers["contribution"].isna().any() or "total" not in levers.attrs:
        return None
    about = levers.attrs
    unit = "money" if about["unit"] == "money_per_day" else about["unit"]
    form = {"currency": about["currency"]}
    total = say_change(about["after"], about["before"], about["unit"], **form)
    parts = []
    for word, place in (("up", levers["contribution"].idxmax()), ("down", levers["contribution"].idxmin())):
        size = float(levers.loc[place, "contribution"])
        if (size > 0) == (word == "up") and size:
            name = find(str(levers.loc[place, "lever"])).title
            amount = f"{say(abs(size) * 100, '', digits=1)} pts" if unit == "share" else say(abs(size), unit, **form)
            parts.append(f"{name} moved it {word} most ({amount})")
    return f"{about['title']}: {total}; {', '.join(parts)}"


def agreements(
    crm: Crm, metric: str, period: str | Period, against: str | Period, *,
    ranked: pd.DataFrame, split: pd.DataFrame, levers: pd.DataFrame, lost: pd.DataFrame,
) -> pd.DataFrame:  # fmt: skip
    """Compute both sides of what must agree on this page, for `notebook.checks`."""
    rows = []
    unit, currency = find(metric).unit, crm.config.currency
    if not missing_from(ranked):
        whole = float(ranked.attrs["change"])
        for line in ranked.head(3).to_dict("records"):
            name = dimension_name(line["by"])
            left = np.nansum([line["mix"], line["rate"]])
            rows.append(_changed(f"mix and rate by {name} = change", left, whole, unit, currency))
    if "effect" in split:
        card = compared(crm, [metric], period, against)
        change = float(card["change"].iloc[0])
        rows.append(_changed("parts of the groups = change", split["effect"].sum(), change, unit, currency))
    if not missing_from(levers) and "total" in levers.attrs and levers["contribution"].notna().all():
        what, right = f"levers of {levers.attrs['title']} = its change", levers.attrs["total"]
        rows.append(_changed(what, levers["contribution"].sum(), right, levers.attrs["unit"], currency))
    if not missing_from(lost):
        right = crm.measure("lost_customers", period=crm.period(period), intervals=False)["value"].item()
        rows.append({"what": "reasons and unknown = lost customers", "left": lost["count"].sum(), "right": right,
                     "unit": "count"})  # fmt: skip
    return pd.DataFrame(rows, columns=["what", "left", "right", "unit", "currency"])


def _changed(what: str, left: float, right: float, unit: str, currency: str | None) -> dict[str, Any]:
    """Return one line of what must agree about a change; that of a share is in points, not in percent of itself."""
    in_points = unit == "share"
    left, right = (100 * side if in_points else side for side in (left, right))
    return {"what": what, "left": left, "right": right, "unit": "points" if in_points else unit, "currency": currency}


def defined(metric: str) -> list[str]:
    """Return the metrics that the page defines: the one it is about, its parts, and those beside it."""
    return list(dict.fromkeys([metric, *find(metric).parts, *BESIDE]))
