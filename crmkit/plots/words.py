"""What a figure says in words: title, subtitle and alternative text, all made from the numbers that it shows.

No matplotlib here: the same sentences serve cards and notes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from crmkit.errors import UsageError
from crmkit.marks import missing
from crmkit.numbers import UNKNOWN, grain, say, say_interval, say_period

if TYPE_CHECKING:
    import pandas as pd

#: The columns of a measured frame that are not dimensions.
MEASURED = ("metric", "period", "value", "low", "high", "n", "numerator", "denominator", "note")
_ACRONYMS = {"nps", "ces", "csat", "mrr", "arr", "grr", "nrr", "clv", "cac", "ltv", "sla", "roi", "roas", "crm", "npv"}
#: Units that say how much there is: their axis starts at zero, and the largest come first.
SIZES = ("count", "money", "people", "money_per_day")
#: Units for which numbers of observations add up over rows and so say something in the subtitle.
_COUNTED_FROM = ("share", "points", "score", "days", "hours", "minutes", "seconds", "ratio", "per_unit")


@dataclass(frozen=True)
class About:
    """What a frame's numbers mean: read from the metric, from `frame.attrs`, or given by the caller.

    Attributes
    ----------
    title : str
        What is measured, as people call it.
    unit, currency, better, lang : str
    as_of : object
        The day the data is known up to; None where it isn't known.
    source : str
        Where the data comes from, for the line under the figure.
    every : str
        The grain of the periods.
    """

    title: str = ""
    unit: str = ""
    currency: str = ""
    better: str = ""
    as_of: Any = None
    source: str = ""
    lang: str = "en"
    every: str = ""

    def say(self, value: object, **more: Any) -> str:
        """Write a value in this unit."""
        return say(value, self.unit, **{"currency": self.currency, "lang": self.lang} | more)


def about(frame: pd.DataFrame, metric: Any = None, *, usual: dict[str, Any] | None = None, **given: Any) -> About:
    """Gather what a frame's numbers mean: what the caller gives, the metric given, `frame.attrs`, the catalogue.

    Parameters
    ----------
    frame : DataFrame
    metric : object, optional
        Anything with `title`, `unit` and `better`; such as an entry of the catalogue.
    usual : dict, optional
        Attributes of `About` for this kind of figure, where nothing else says them.
    **given
        Attributes of `About`; None and "" count as not given.
    """
    fields = About.__dataclass_fields__
    if unknown := sorted(set(given) - set(fields)):
        raise UsageError(f"no option called {unknown[0]!r}: the options are {', '.join(fields)}")
    names = frame["metric"].dropna().unique() if "metric" in frame and len(frame) else ()
    listed = None
    if len(names) == 1 and "crmkit.metric" in sys.modules:  # the catalogue, if it is loaded
        listed = sys.modules["crmkit.metric"].all_metrics().get(str(names[0]))
    known: dict[str, Any] = {}
    for source in (usual or {}, _about_metric(listed), frame.attrs, _about_metric(metric), given):
        known |= {k: v for k, v in source.items() if k in fields and v is not None and str(v) != ""}
    if "title" not in known and len(names) == 1:
        known["title"] = title_of(str(names[0]))
    if "every" not in known and "period" in frame and "datetime" in str(frame["period"].dtype):
        known["every"] = grain(frame["period"])
    return About(**known)


def _about_metric(metric: Any) -> dict[str, Any]:
    return {name: getattr(metric, name, "") for name in ("title", "unit", "better")}


def dimensions(frame: pd.DataFrame) -> list[str]:
    """Return the names of the columns that group the rows of a measured frame."""
    return [c for c in frame.columns if c not in MEASURED]


def subtitle(frame: pd.DataFrame, what: About, *, band: bool = False, by: str = "", extra: str = "") -> str:
    """Say what is shown, in which unit, from how many observations, up to which day."""
    unit = {"share": "%", "money": what.currency or "money", "money_per_day": f"{what.currency or 'money'} a day"}
    unit |= {"count": "", "people": "", "points": "points", "score": "mean score"}
    word = unit.get(what.unit, what.unit.replace("_", " "))
    by = dimension_name(by)
    if by and extra.startswith("by "):
        by, extra = f"{by} and {extra[3:]}", ""
    parts = [", ".join(p for p in (what.title, word, f"by {by}" if by else "") if p)]
    if extra:
        parts.append(extra)
    if band:
        parts.append("95% interval")
    total = frame["n"].sum() if "n" in frame and len(frame) else 0
    if total and what.unit in _COUNTED_FROM:
        parts.append(f"n = {say(total, 'count', lang=what.lang)}")
    if what.as_of is not None:
        parts.append(f"data to {say_period(what.as_of)}")
    return " · ".join(p for p in parts if p)


def trend_alt(frame: pd.DataFrame, what: About, *, target: float | None = None) -> str:
    """Describe a line over time: first, last, lowest, highest, what is unknown and the target."""
    name = what.title or "The value"
    ordered = frame.sort_values("period")
    known = ordered[ordered["value"].notna()]
    if known.empty:
        return f"No data: {name}."
    first, last = known.iloc[0], known.iloc[-1]
    low, high = known.loc[known["value"].idxmin()], known.loc[known["value"].idxmax()]
    if len(known) == 1:
        text = f"{name} was {what.say(last['value'])} in {when(last, what)}."
    else:
        text = (
            f"{name} {verb(first['value'], last['value'])} from {what.say(first['value'])} in {when(first, what)} "
            f"to {what.say(last['value'])} in {when(last, what)}{span(last, what)}; "
            f"lowest {what.say(low['value'])} in {when(low, what)}, "
            f"highest {what.say(high['value'])} in {when(high, what)}."
        )
    if unknown := len(ordered) - len(known):
        text += f" {unknown} of {len(ordered)} periods unknown."
    if target is not None:
        text += f" Target {what.say(target)}."
    return text


def remarks(frame: pd.DataFrame, what: About) -> str:
    """Return what the engine noted about all rows of a frame, or about its last period alone."""
    if "note" not in frame or not len(frame):
        return ""
    notes = set(frame["note"].fillna(""))
    if len(notes) == 1:
        return str(notes.pop())
    if "period" not in frame or not frame["period"].notna().any():
        return ""
    last = frame[frame["period"] == frame["period"].max()]
    notes = set(last["note"].fillna("")) - {""}
    return f"{when(last.iloc[0], what)}: {notes.pop()}" if len(notes) == 1 else ""


def groups_alt(frame: pd.DataFrame, by: str, what: About, *, most: int = 6) -> str:
    """List the groups and their values, highest first, and how many more there are."""
    name = what.title or "The value"
    known = frame[frame["value"].notna()].sort_values("value", ascending=False, kind="stable")
    if known.empty:
        return f"No data: {name}."
    said = ", ".join(f"{label(row[by])} {what.say(row['value'])}" for _, row in known.head(most).iterrows())
    more = f", and {len(known) - most} more down to {what.say(known['value'].iloc[-1])}" if len(known) > most else ""
    unknown = len(frame) - len(known)
    gaps = f" {unknown} unknown." if unknown else ""
    return f"{name} by {dimension_name(by)}: {said}{more}.{gaps}"


def label(value: object) -> str:
    """Name a group: text as it is, and "(none)" where the key is missing."""
    return "(none)" if missing(value) or str(value) == "" else str(value)


def title_of(name: str) -> str:
    """Write the name of a metric or column as a title; what isn't such a name stays as it is.

    >>> title_of("win_rate"), title_of("nps"), title_of("new_mrr"), title_of("_x & y")
    ('Win rate', 'NPS', 'New MRR', '_x & y')
    """
    if not name.isidentifier() or name.startswith("_"):
        return name
    parts = [p.upper() if p.lower() in _ACRONYMS else p for p in name.replace("_", " ").split()]
    text = " ".join(parts)
    return text[:1].upper() + text[1:]


def dimension_name(by: str) -> str:
    """Write the name of a dimension in a sentence.

    >>> dimension_name("owner.name"), dimension_name("customer.segment"), dimension_name("owner_id")
    ('owner', 'customer segment', 'owner')
    """
    return by.removesuffix(".name").removesuffix("_id").replace(".", " ").replace("_", " ")


def verb(before: float, after: float) -> str:
    """Say which way a number went.

    >>> verb(1, 2), verb(2, 1), verb(1, 1)
    ('rose', 'fell', 'stayed')
    """
    return "rose" if after > before else "fell" if after < before else "stayed"


def known(what: About) -> dict[str, Any]:
    """Return what is known as the keyword arguments of `finding`."""
    return {name: getattr(what, name) for name in ("title", "unit", "currency", "better", "lang", "every")}


def retitle(what: About, **changes: Any) -> About:
    """Return a copy with some attributes changed."""
    return replace(what, **changes)


def when(row: pd.Series, what: About) -> str:
    """Write the period of a row."""
    return say_period(row["period"], what.every)


def span(row: pd.Series, what: About) -> str:
    """Write the interval of a row in brackets; nothing where there is none."""
    text = say_interval(row.get("low"), row.get("high"), what.unit, currency=what.currency, lang=what.lang)
    return "" if text == UNKNOWN else f" (95% interval {text})"
