"""What a figure says in words: title, subtitle and alternative text, all made from the numbers that it shows.

No matplotlib here: the same sentences serve cards and notes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from math import hypot
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from crmkit.errors import UsageError
from crmkit.numbers import UNKNOWN, as_number, grain, say, say_interval, say_period
from crmkit.tables import missing

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


def about(frame: pd.DataFrame, metric: Any = None, **given: Any) -> About:
    """Gather what a frame's numbers mean: what the caller gives, then the metric, then `frame.attrs`, then the name.

    Parameters
    ----------
    frame : DataFrame
    metric : object, optional
        Anything with `title`, `unit` and `better`; such as an entry of the catalogue.
    **given
        Attributes of `About`; None and "" count as not given.
    """
    fields = About.__dataclass_fields__
    if unknown := sorted(set(given) - set(fields)):
        raise UsageError(f"no option called {unknown[0]!r}: the options are {', '.join(fields)}")
    names = frame["metric"].dropna().unique() if "metric" in frame and len(frame) else ()
    if metric is None and len(names) == 1 and "crmkit.metric" in sys.modules:  # the catalogue, if it is loaded
        metric = sys.modules["crmkit.metric"].all_metrics().get(str(names[0]))
    known: dict[str, Any] = {}
    for source in (frame.attrs, {f: getattr(metric, f, "") for f in ("title", "unit", "better")}, given):
        known |= {k: v for k, v in source.items() if k in fields and v is not None and str(v) != ""}
    if "title" not in known and len(names) == 1:
        known["title"] = title_of(str(names[0]))
    if "every" not in known and "period" in frame and "datetime" in str(frame["period"].dtype):
        known["every"] = grain(frame["period"])
    return About(**known)


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


def is_noise(before: pd.Series, after: pd.Series, *, pairs: int = 1) -> bool | None:
    """Tell whether two measured rows differ by no more than their intervals allow; None where they have no interval.

    The interval of the difference is made of the two intervals (Newcombe's, where these are Wilson's), as everywhere in
    the kit; `pairs` is the number of comparisons that were looked through to find this one (Bonferroni).
    """
    spans = [tuple(as_number(row.get(name)) for name in ("value", "low", "high")) for row in (before, after)]
    if any(part is None for span in spans for part in span):
        return None
    (old, old_low, old_high), (new, new_low, new_high) = spans
    sides = (new - new_low, old_high - old) if new >= old else (new_high - new, old - old_low)
    return abs(new - old) <= hypot(*sides) * _bound(pairs)


def finding(frame: pd.DataFrame, *, by: str = "", metric: Any = None, **given: Any) -> str:
    """Say in one line what a measured frame shows: a title for its figure.

    Over several periods: the first against the last, and whether that is more than noise. Over groups: the highest and
    the lowest. One number: the number.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"metric": "win_rate", "period": pd.to_datetime(["2026-04-01", "2026-07-01"]),
    ...                      "value": [0.58, 0.63], "low": [0.56, 0.61], "high": [0.60, 0.65]})
    >>> finding(rows, unit="share")
    'Win rate rose from 58.0% in 2026-Q2 to 63.0% in 2026-Q3'
    >>> finding(rows.assign(low=0.5, high=0.7), unit="share")
    'Win rate: 63.0% in 2026-Q3, no change beyond noise since 2026-Q2'
    """
    what = about(frame, metric, **given)
    name = what.title or "The value"
    known = frame[frame["value"].notna()] if "value" in frame else frame.iloc[:0]
    if known.empty:
        return f"{name}: no data"
    by = by or next(iter(dimensions(frame)), "")
    several = "period" in known and known["period"].nunique() > 1
    if by and by in known:
        latest = known[known["period"] == known["period"].max()] if several else known
        return _groups_finding(latest, by, what, name, several)
    if several:
        return _trend_finding(known.sort_values("period"), what, name)
    row = known.iloc[-1]
    return f"{name}: {what.say(row['value'])}{_span(row, what)}"


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
        text = f"{name} was {what.say(last['value'])} in {_when(last, what)}."
    else:
        text = (
            f"{name} {verb(first['value'], last['value'])} from {what.say(first['value'])} in {_when(first, what)} "
            f"to {what.say(last['value'])} in {_when(last, what)}{_span(last, what)}; "
            f"lowest {what.say(low['value'])} in {_when(low, what)}, "
            f"highest {what.say(high['value'])} in {_when(high, what)}."
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
    return f"{_when(last.iloc[0], what)}: {notes.pop()}" if len(notes) == 1 else ""


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


def _trend_finding(known: pd.DataFrame, what: About, name: str) -> str:
    first, last = known.iloc[0], known.iloc[-1]
    if is_noise(first, last):
        return f"{name}: {what.say(last['value'])} in {_when(last, what)}, no change beyond noise since " + _when(
            first, what
        )
    if what.say(first["value"]) == what.say(last["value"]):
        return f"{name} stayed at {what.say(last['value'])} from {_when(first, what)} to {_when(last, what)}"
    return (
        f"{name} {verb(first['value'], last['value'])} from {what.say(first['value'])} in {_when(first, what)} "
        f"to {what.say(last['value'])} in {_when(last, what)}"
    )


def _groups_finding(known: pd.DataFrame, by: str, what: About, name: str, several: bool) -> str:
    if "n" in known and (known["n"] >= 5).sum() >= 2:  # two lucky deals are no finding
        known = known[known["n"] >= 5]
    known = known.sort_values("value", kind="stable").reset_index(drop=True)
    low, high = known.iloc[0], known.iloc[-1]
    when = f" in {_when(high, what)}" if several else ""
    if len(known) == 1:
        return f"{name}{when}: {what.say(high['value'])} for {label(high[by])}"
    ends = f"{label(high[by])} highest with {what.say(high['value'])}, {label(low[by])} lowest with " + what.say(
        low["value"]
    )
    pairs = len(known) * (len(known) - 1) // 2
    if not is_noise(low, high, pairs=pairs):
        return f"{name}{when}: {ends}"
    clear = _clearest(known, pairs)
    if clear is not None:
        low, high = clear
        above = f"{label(high[by])} ({what.say(high['value'])}) is clearly above {label(low[by])}"
        return f"{name}{when}: {above} ({what.say(low['value'])})"
    if _differ(known):
        return f"{name}{when}: the groups differ by more than noise, {ends}"
    return f"{name}{when}: no difference between the groups beyond noise"


def _differ(known: pd.DataFrame) -> bool:
    """Tell whether the groups taken together differ by more than noise: Cochran's Q on the intervals.

    The chi-squared probability is Wilson and Hilferty's approximation, exact enough for a yes or no at 5%.
    """
    error = (known["high"].to_numpy(float) - known["low"].to_numpy(float)) / (2 * 1.959964)
    value, degrees = known["value"].to_numpy(float), len(known) - 1
    if degrees < 2 or not (error > 0).all():
        return False
    weight = error**-2.0
    spread = float((weight * (value - (weight * value).sum() / weight.sum()) ** 2).sum())
    part = 2 / (9 * degrees)
    return ((spread / degrees) ** (1 / 3) - (1 - part)) / part**0.5 > NormalDist().inv_cdf(0.95)


def _clearest(known: pd.DataFrame, pairs: int) -> tuple[pd.Series, pd.Series] | None:
    """Return the two groups that differ most in standard errors, lower first, if by more than noise."""
    import numpy as np

    rows = known.iloc[:: max(1, len(known) // 300)]
    value, low, high = (rows[name].to_numpy(float) for name in ("value", "low", "high"))
    margin = np.hypot((value - low)[None, :], (high - value)[:, None])  # of column less row
    with np.errstate(divide="ignore", invalid="ignore"):
        size = (value[None, :] - value[:, None]) / margin
    size = np.where(np.isfinite(size), size, -np.inf)
    i, j = np.unravel_index(int(size.argmax()), size.shape)
    lower, upper = rows.iloc[i], rows.iloc[j]
    return (lower, upper) if is_noise(lower, upper, pairs=pairs) is False else None


def _bound(pairs: int) -> float:
    """Return how much wider than a 95% interval one must be that is to hold for so many comparisons."""
    return NormalDist().inv_cdf(1 - 0.025 / max(pairs, 1)) / NormalDist().inv_cdf(0.975)


def _when(row: pd.Series, what: About) -> str:
    return say_period(row["period"], what.every)


def _span(row: pd.Series, what: About) -> str:
    text = say_interval(row.get("low"), row.get("high"), what.unit, currency=what.currency, lang=what.lang)
    return "" if text == UNKNOWN else f" (95% interval {text})"
