"""The page of the web site: who comes and when, how long they stay, leads and purchases both ways up, landing pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData
from crmkit.numbers import UNKNOWN, say, say_interval
from crmkit.pages.frames import dimension, history, tried, values
from crmkit.pages.sentences import dimension_name
from crmkit.pages.showing import absent, listed
from crmkit.relations import at
from crmkit.tables import Html, missing

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

CARDS = (
    "visitors", "visitor_to_lead_rate", "visitor_purchase_rate", "time_on_site_per_visitor", "sessions",
    "session_purchase_rate", "bounce_rate", "pages_per_session",
)  # fmt: skip
OF_VISITORS = {
    "visitors", "new_visitors", "returning_visitor_rate", "sessions_per_visitor", "time_on_site_per_visitor",
    "visitor_to_lead_rate", "visitors_per_lead", "new_visitor_to_lead_rate", "visitor_purchase_rate",
}  # fmt: skip
UNNAMED = "no visit says who the visitor was, so visitors cannot be counted"
STAY = (
    "sessions_per_visitor", "pages_per_session", "bounce_rate", "time_on_site", "time_on_site_per_visitor",
)  # fmt: skip
DEFINED = (
    "visitors", "sessions", "new_visitors", "returning_visitor_rate", *STAY, "visitor_to_lead_rate",
    "visitors_per_lead", "session_lead_rate", "new_visitor_to_lead_rate", "visitor_purchase_rate",
    "session_purchase_rate",
)  # fmt: skip


def visitors_named(crm: Crm) -> bool:
    """Tell whether any visit says who the visitor was."""
    if lacks(crm, "visitors"):
        return False
    asked = ("visitors named",)
    if asked not in crm.remembered:
        named = crm.relations.get("web_sessions").visitor_id.count()
        crm.remembered[asked] = bool(named.to_pyarrow().as_py())
    return crm.remembered[asked]


def able(crm: Crm, metrics: Sequence[str]) -> list[str]:
    """Return those of some metrics that can be known, leaving out those of visitors where no visit names one.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": ["1"], "visitor_id": [None], "started_at": ["2026-03-01"],
    ...     "pages": [3]}})
    >>> able(crm, ["visitors", "sessions", "pages_per_session", "time_on_site"])
    ['sessions', 'pages_per_session']
    """
    named = visitors_named(crm)
    return [name for name in metrics if not lacks(crm, name) and (named or name not in OF_VISITORS)]


def first_able(crm: Crm, *metrics: str) -> str:
    """Return the first of some metrics that can be known; the last where none can."""
    return next(iter(able(crm, metrics)), metrics[-1])


def of_visitors(crm: Crm, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame about visitors, with the reason where no visit says who they were."""
    if not visitors_named(crm):
        frame.attrs["missing"] = lacks(crm, "visitors") or UNNAMED
    return frame


def column(crm: Crm, wanted: str = "", *among: str) -> str:
    """Return the column to split visits by: the one wanted, else the first of `among` that the data has, else "".

    Any column of visits or of what they join to can be wanted, such as customer.segment or campaign.channel.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": ["1"], "visitor_id": ["a"], "started_at": ["2026-03-01"],
    ...     "medium": ["cpc"]}})
    >>> column(crm, "", "source", "medium"), column(crm, "weekday", "source"), column(crm, "", "landing_page")
    ('medium', 'weekday', '')
    """
    return dimension(crm, "web_visits", wanted) if wanted else dimension(crm, "web_sessions", among=among)


def adding_up(crm: Crm, period: str | Period, *, every: str, by: str) -> Html:
    """Say how much too many visitors one counts who adds up the steps of a period, or the groups of a column."""
    if reason := lacks(crm, "visitors"):
        return absent(reason)
    now = crm.period(period)
    whole = float(values(crm, ["visitors"], now)["visitors"])
    if not visitors_named(crm):
        return absent(UNNAMED)
    if missing(whole) or not whole:
        return listed([])
    said = []
    parts = history(crm, "visitors", now, every=every)
    inside = parts[parts["period"] >= pd.Timestamp(now.start)] if "period" in parts else parts
    if len(inside) > 1:
        said.append(_too_many(inside["value"].sum(), whole, f"the {every}s of {now.name}"))
    if by:
        groups = tried(crm.measure, "visitors", period=now, by=by, intervals=False)
        said.append(_too_many(groups["value"].sum(), whole, f"the groups by {dimension_name(by)}"))
    sentences = [sentence for sentence in said if sentence]
    if sentences:
        sentences[-1] += " Who comes twice is one visitor: different visitors do not add up."
    return listed([" ".join(sentences)] if sentences else [])


def _too_many(parts: float, whole: float, of: str) -> str:
    if parts <= whole:
        return ""
    more = say(parts / whole - 1, "share", digits=0)
    return f"Added up over {of}, there would be {say(parts, 'people')} visitors, {more} more than the {_n(whole)}."


def _n(value: float) -> str:
    return say(float(value), "count")


def new_and_returning(crm: Crm, period: str | Period) -> Html:
    """Say how many of a period's visitors had never come before."""
    names = ["visitors", "new_visitors", "returning_visitor_rate"]
    if reason := lacks(crm, names[0]):
        return absent(reason)
    found = crm.measure(names, period=crm.period(period)).set_index("metric")
    if not visitors_named(crm):
        return absent(UNNAMED)
    if not found.loc["visitors", "value"]:
        return listed([])
    back = found.loc["returning_visitor_rate"]
    interval = say_interval(back["low"], back["high"], "share")
    return listed(
        [
            f"Of {_n(back['denominator'])} visitors {_n(found.loc['new_visitors', 'value'])} came for the first time "
            f"that this data knows; {_n(back['numerator'])} ({say(back['value'], 'share')}, 95% interval {interval}) "
            "had come before this period."
        ]
    )


def visit_hours(crm: Crm, period: str | Period) -> pd.DataFrame:
    """Count the visits of a period by weekday (1 Monday to 7 Sunday) and hour of the day, for `plots.week`.

    With the reason where nothing says the time of day: where all visits begin at midnight.
    """
    return tried(_visit_hours, crm, crm.period(period))


def _visit_hours(crm: Crm, now: Period) -> pd.DataFrame:
    visits = _visits(crm, now)
    hours = visits.started_at.hour().cast("int64")
    keys = {"weekday": visits.started_at.day_of_week.index().cast("int64") + 1, "hour": hours}
    clock = visits.started_at.hour() * 60 + visits.started_at.minute()
    found = visits.group_by(**keys).agg(value=visits.count(), timed=(clock > 0).sum()).to_pyarrow().to_pandas()
    if len(found) and not found["timed"].fillna(0).sum():
        raise NotInThisData("not in this data, nothing says at what time of day the visits began")
    frame = found.sort_values(["weekday", "hour"], ignore_index=True)[["weekday", "hour", "value"]]
    frame["value"] = frame["value"].astype(float)
    frame.attrs |= {"title": "Visits", "unit": "count", "as_of": crm.as_of}
    return frame


def _visits(crm: Crm, now: Period):
    if reason := lacks(crm, "sessions"):
        raise NotInThisData(f"not in this data, {reason}")
    visits = crm.relations.get("web_visits")
    return visits.filter((visits.started_at >= at(now.start)) & (visits.started_at < at(now.end)))


def visit_lengths(crm: Crm, period: str | Period) -> pd.DataFrame:
    """Return the visits of a period whose length is known, one row each: `duration_seconds`."""
    return tried(_visit_lengths, crm, crm.period(period))


def _visit_lengths(crm: Crm, now: Period) -> pd.DataFrame:
    if reason := lacks(crm, "time_on_site"):
        raise NotInThisData(f"not in this data, {reason}")
    visits = _visits(crm, now)
    known = visits.filter(visits.duration_seconds.notnull())
    frame = known.select("duration_seconds").order_by("duration_seconds").to_pyarrow().to_pandas()
    frame.attrs |= {"title": "Length of a visit", "unit": "seconds", "as_of": crm.as_of}
    return frame


def length_finding(lengths: pd.DataFrame) -> str:
    """Say median and mean of the lengths of visits, for the title of their figure.

    Examples
    --------
    >>> length_finding(pd.DataFrame({"duration_seconds": [10.0, 20.0, 90.0]})).replace(chr(160), " ")
    'Half of the visits last up to 20 seconds; the mean is 40 seconds'
    """
    if "duration_seconds" not in lengths or not len(lengths):
        return ""
    known = lengths["duration_seconds"]
    middle, mean = (say(float(value), "seconds") for value in (known.median(), known.mean()))
    return f"Half of the visits last up to {middle}; the mean is {mean}"


def both_ways_up(crm: Crm, period: str | Period) -> Html:
    """Say how many visitors became a lead, as a share and upside down, and what the wrong way up would look like."""
    if reason := lacks(crm, "visitor_to_lead_rate"):
        return absent(reason)
    now = crm.period(period)
    row = crm.measure("visitor_to_lead_rate", period=now).iloc[0]
    leads, visitors = row["numerator"], row["denominator"]
    if not visitors_named(crm):
        return absent(UNNAMED)
    if missing(row["value"]):
        return absent(f"there were no visitors in {now.name}")
    if not leads:
        return listed([f"None of the {_n(visitors)} visitors of {now.name} became a lead on the site."])
    share, span = say(row["value"], "share"), say_interval(row["low"], row["high"], "share")
    each = say(visitors / leads, "per_unit", digits=1)
    turned = say_interval(1 / row["high"], 1 / row["low"], "per_unit") if row["low"] > 0 else UNKNOWN
    wrong = say(visitors / leads, "share", digits=0)
    return listed(
        [
            f"{_n(leads)} of the {_n(visitors)} visitors of {now.name} became a lead: {share} (95% interval {span}).",
            f"The same upside down: {each} visitors for each lead (95% interval {turned}). Both say one thing; they "
            "move in opposite directions.",
            f"Divided the wrong way round and printed as a rate, as some articles do, it would be {wrong}. "
            "No rate of conversion can be above 100%.",
        ]
    )


def by_visit_and_by_visitor(crm: Crm, period: str | Period) -> Html:
    """Say what share of the visitors bought beside what share of the visits, and why the two differ."""
    names = ["visitor_purchase_rate", "session_purchase_rate"]
    if reason := lacks(crm, names[1]):
        return absent(reason)
    now = crm.period(period)
    found = crm.measure(names, period=now).set_index("metric")
    person, visit = (found.loc[name] for name in names)
    if missing(visit["value"]):
        return absent(f"there were no visits in {now.name}")
    text = f"In {_n(visit['numerator'])} of the {_n(visit['denominator'])} visits of {now.name} an order was placed: "
    text += f"{say(visit['value'], 'share')} (95% interval {say_interval(visit['low'], visit['high'], 'share')})."
    if not visitors_named(crm):
        return listed([text, f"What share of the visitors bought is not known: {UNNAMED}."])
    people = f"Of the {_n(person['denominator'])} visitors of {now.name} {_n(person['numerator'])} bought: "
    people += f"{say(person['value'], 'share')} (95% interval {say_interval(person['low'], person['high'], 'share')})."
    why = ""
    if person["denominator"] < visit["denominator"]:
        higher = "visitors" if person["value"] > visit["value"] else "visits"
        why = f"The share of {higher} is the higher one, since people come more than once. Compare only like with like."
    return listed([people, text, why])


def followed_new(crm: Crm, period: str | Period, *, window_days: int) -> Html:
    """Say what share of a period's new visitors became a lead within so many days, and how many are not counted yet."""
    name = "new_visitor_to_lead_rate"
    if reason := lacks(crm, name):
        return absent(reason)
    now = crm.period(period)
    row = crm.measure(name, period=now, window_days=window_days).iloc[0]
    if not visitors_named(crm):
        return absent(UNNAMED)
    if missing(row["value"]):
        return absent(f"no new visitor of {now.name} has been known for {window_days} days yet")
    new = float(values(crm, ["new_visitors"], now)["new_visitors"])
    text = (
        f"Of the {_n(row['denominator'])} new visitors of {now.name} whose {window_days} days are over, "
        f"{_n(row['numerator'])} became a lead within them: {say(row['value'], 'share')} (95% interval "
        f"{say_interval(row['low'], row['high'], 'share')})."
    )
    left = int(new - row["denominator"])
    return listed([text + (f" Left out: {left:,} whose window is still open." if left else "")])
