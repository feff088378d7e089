"""The page of service: what comes in and goes out, hours by the calendar and by the clock of the office, the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData
from crmkit.numbers import say, say_interval
from crmkit.pages.frames import history, tried
from crmkit.pages.showing import absent, listed, missing_from, quiet
from crmkit.tables import Html, missing

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

CARDS = (
    "first_response_hours", "resolution_hours", "sla_met", "backlog", "tickets_opened", "tickets_resolved",
    "reopened_rate", "tickets_per_agent",
)  # fmt: skip
DEFINED = (
    "tickets_opened", "tickets_resolved", "tickets_resolved_per_day", "tickets_per_agent", "ticket_rate", "backlog",
    "first_response_hours", "first_response_hours_mean", "first_response_hours_p90", "first_response_business_hours",
    "resolution_hours", "resolution_hours_mean", "resolution_hours_p90", "resolution_business_hours", "sla_met",
    "sla_first_response_met", "sla_resolution_met", "reopened_rate", "resolved_at_first_contact",
)  # fmt: skip
_EVENTS = {"first_response": "First response", "resolution": "Resolution"}
_STATISTICS = {"": "median", "_mean": "mean", "_p90": "90th percentile"}


def form(frame: pd.DataFrame) -> dict[str, Any]:
    """Return how the columns of this page's tables are written, as `pages.grid` takes it.

    Examples
    --------
    >>> form(pd.DataFrame(columns=["agent", "resolved", "95% interval"]))
    {'units': {'resolved': 'count'}, 'numbers': ['95% interval']}
    """
    units = {column: unit for unit, columns in _WRITTEN.items() for column in columns if column in frame}
    return {"units": units, "numbers": [column for column in frame if column.startswith("95% interval")]}


_WRITTEN = {
    "hours": (
        "calendar hours", "business hours", "median hours", "answered within", "resolved within",
        "answered within (business)", "resolved within (business)",
    ),
    "share": ("answered in time", "resolved in time", "levels met"),
    "count": ("n", "tickets", "resolved", "open"),
    "days": ("median_days", "oldest_days"),
}  # fmt: skip


def hours_table(crm: Crm, period: str | Period) -> pd.DataFrame:
    """Put the hours to the first response and to the resolution side by side, by the calendar and in business hours.

    Returns
    -------
    DataFrame
        Six rows: `until`, `measure` (median, mean, 90th percentile), `calendar hours`, `95% interval`, `business hours`
        and `95% interval (business)` where crm.toml has a schedule, `n`.
    """
    return tried(_hours_table, crm, crm.period(period))


def _hours_table(crm: Crm, now: Period) -> pd.DataFrame:
    events = [event for event in _EVENTS if not lacks(crm, f"{event}_hours")]
    if not events:
        raise NotInThisData(f"not in this data, {lacks(crm, 'resolution_hours')}")
    scheduled = not lacks(crm, f"{events[0]}_business_hours")
    kinds = ["", "business_"] if scheduled else [""]
    names = [f"{event}_{kind}hours{how}" for event in events for kind in kinds for how in _STATISTICS]
    found = crm.measure(names, period=now).set_index("metric")
    if not found["n"].fillna(0).sum():
        raise NotInThisData(f"no ticket was answered or resolved in {now.name}")
    rows = []
    for event in events:
        for how, word in _STATISTICS.items():
            calendar = found.loc[f"{event}_hours{how}"]
            row = {"until": _EVENTS[event].lower(), "measure": word, "calendar hours": calendar["value"]}
            row["95% interval"] = say_interval(calendar["low"], calendar["high"], "hours")
            if scheduled:
                office = found.loc[f"{event}_business_hours{how}"]
                row["business hours"] = office["value"]
                row["95% interval (business)"] = say_interval(office["low"], office["high"], "hours")
            rows.append(row | {"n": calendar["n"]})
    return pd.DataFrame(rows)


def opened_and_resolved(crm: Crm, period: str | Period, *, every: str) -> pd.DataFrame:
    """Measure what was opened and what was resolved in the periods up to this one, as two lines of one figure."""
    able = [name for name in ("tickets_opened", "tickets_resolved") if not lacks(crm, name)]
    frame = history(crm, able or "tickets_opened", period, every=every, last=24)
    if missing_from(frame):
        return frame
    found = frame.rename(columns={"metric": "event"})
    found["event"] = found["event"].str.removeprefix("tickets_")
    found.attrs |= {"title": "Tickets", "unit": "count"}
    return found


def flow_finding(frame: pd.DataFrame) -> str:
    """Say by how much the two lines differ over all periods, for the title of their figure.

    Examples
    --------
    >>> frame = pd.DataFrame({"event": ["opened", "resolved"], "value": [30.0, 25.0]})
    >>> flow_finding(frame)
    'Over these periods 30 tickets came in and 25 were resolved'
    """
    whole = frame.groupby("event")["value"].sum() if "event" in frame else {}
    if not {"opened", "resolved"} <= set(whole.keys()):
        return ""
    came, went = (say(float(whole[name]), "count") for name in ("opened", "resolved"))
    return f"Over these periods {came} tickets came in and {went} were resolved"


def open_hours(crm: Crm) -> Html:
    """Say in how many hours of a week the company is open, and what it means for the two ways to count."""
    if "hours" not in crm.config.given:
        return quiet(
            "Business hours need a schedule: [hours] in crm.toml, such as monday = '09:00-17:00'. Until then hours are "
            "those of the calendar."
        )
    seconds = sum(span[1] - span[0] for span in crm.config.hours.days if span)
    count, free = say(seconds / 3600, "hours"), len(crm.config.holidays)
    days = f", but for {free:,} holidays" if free else ""
    return listed(
        [
            f"The company is open {count} of the 168 of a week{days}. A ticket that comes on Friday evening and is "
            "answered on Monday morning waits for days by the calendar and for minutes in business hours. Customers "
            "live by the calendar; a team can be held to business hours only."
        ]
    )


def skew(frame: pd.DataFrame) -> Html:
    """Say what lies between median, mean and 90th percentile; from what `hours_table` returns."""
    if "calendar hours" not in frame:
        return listed([])
    said = []
    for until, part in frame.groupby("until", sort=False):
        middle, mean, ninth = part["calendar hours"]
        if any(missing(value) for value in (middle, mean, ninth)) or not middle:
            continue
        said.append(
            f"{until.capitalize()}: half of the tickets took up to {say(middle, 'hours')}, one in ten more than "
            f"{say(ninth, 'hours')}, {say(ninth / middle, 'ratio', digits=1)} times as long."
        )
    return listed(said)


def waiting_counted(crm: Crm, period: str | Period) -> Html:
    """Say what the median hours to a resolution become where the tickets that still wait are counted in."""
    from crmkit.methods.tickets import service_hours_censored

    if reason := lacks(crm, "resolution_hours"):
        return absent(reason)
    now = crm.period(period)
    plain = crm.measure("resolution_hours", period=now, intervals=False).iloc[0]
    whole = service_hours_censored(crm, period=now).iloc[0]
    if missing(plain["value"]):
        return listed([])
    count = int(whole["waiting"])
    if missing(whole["value"]):
        return listed([f"{count:,} tickets still wait, more than half of all: a median of all is not known yet."])
    if not count:
        return listed([f"No ticket waits at the end of {now.name}: the median of those resolved is that of all."])
    open_ = f"{count:,} that wait" if count > 1 else "one that waits"
    interval = say_interval(whole["low"], whole["high"], "hours")
    return listed(
        [
            f"Of the tickets resolved, half took up to {say(plain['value'], 'hours')}. With the {open_} at "
            f"the end of {now.name} counted as waiting, it is {say(whole['value'], 'hours')} (95% interval {interval})."
        ]
    )


def flow(crm: Crm, period: str | Period) -> Html:
    """Say whether as much was resolved as came in, and what that did to the backlog."""
    if reason := lacks(crm, "backlog"):
        return absent(reason)
    now = crm.period(period)
    names = ["tickets_opened", "tickets_resolved", "backlog", "tickets_resolved_per_day"]
    opened, resolved, left, pace = crm.measure(names, period=now, intervals=False)["value"]
    before = left - opened + resolved
    came, went, now_open = (say(value, "count") for value in (opened, resolved, left))
    moved = f"{'grew' if left > before else 'shrank'} from {say(before, 'count')} to {now_open}"
    moved = moved if left != before else f"stayed at {now_open}"
    text = f"In {now.name} {came} tickets were opened and {went} resolved: the backlog {moved}."
    if pace:
        text += f" At a pace of {say(pace, 'per_unit')} a day it is the work of {say(left / pace, 'days')}."
    return listed([text])


def first_contact(crm: Crm, period: str | Period, *, minutes: int = 60) -> Html:
    """Say which share was resolved with the first response, and by which rule that is told."""
    if reason := lacks(crm, "resolved_at_first_contact"):
        return absent(reason)
    row = crm.measure("resolved_at_first_contact", period=crm.period(period), minutes=minutes).iloc[0]
    if missing(row["value"]):
        return listed([])
    interval = say_interval(row["low"], row["high"], "share")
    return listed(
        [
            f"{say(row['value'], 'share')} of the {say(row['n'], 'count')} tickets resolved were resolved with the "
            f"first response (95% interval {interval}): within {minutes} minutes of it, and not opened again. The rule "
            "goes by times; a mark that agents set would know better."
        ]
    )


def with_backlog(agree: pd.DataFrame, crm: Crm, period: str | Period) -> pd.DataFrame:
    """Add to the reconciliations that opened less resolved is the change of the backlog, and what is open by age."""
    from crmkit.methods.tickets import AGES, backlog_age

    if lacks(crm, "backlog"):
        return agree
    now, rows = crm.period(period), agree.to_dict("records")
    names = ["tickets_opened", "tickets_resolved", "backlog"]
    opened, resolved, end = crm.measure(names, period=now, intervals=False)["value"]
    start = crm.measure("backlog", period=now.previous(), intervals=False)["value"].iloc[0]
    rows.append({"what": "Backlog at the start + opened − resolved = at the end", "left": start + opened - resolved,
                 "right": end, "unit": "count", "currency": ""})  # fmt: skip
    aged = tried(backlog_age, crm, by="")
    if len(aged) and crm.as_of is not None and now.end > crm.as_of:
        bands = float(aged[[name for _, name in AGES]].to_numpy().sum())
        rows.append(
            {
                "what": "The bands of age add up to the backlog",
                "left": bands,
                "right": end,
                "unit": "count",
                "currency": "",
            }
        )
    return pd.DataFrame(rows)
