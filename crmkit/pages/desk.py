"""What differs on the page of service: by service level, by agent, and by how satisfied customers were afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData
from crmkit.numbers import say, say_interval
from crmkit.pages.frames import tried
from crmkit.pages.showing import listed
from crmkit.relations import at
from crmkit.service_levels import levels
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

FEW = 30
"""With fewer tickets an agent's median is uncertain by about half of itself."""


def levels_table(crm: Crm, period: str | Period) -> pd.DataFrame:
    """List what is promised for each group of tickets and how often it was kept.

    Returns
    -------
    DataFrame
        One row a group, in the order of crm.toml: the column that decides the level, `tickets`, and for each promise
        `answered within` or `resolved within` (hours, or business hours where the heading says so), `answered in time`
        or `resolved in time` (share) and its interval.
    """
    return tried(_levels_table, crm, crm.period(period))


def _levels_table(crm: Crm, now: Period) -> pd.DataFrame:
    if reason := lacks(crm, "sla_met"):
        raise NotInThisData(f"not in this data, {reason}")
    promised = levels(crm.config.sla)
    of = {"first_response": promised.first_response_hours, "resolution": promised.resolution_hours}
    of = {event: hours for event, hours in of.items() if hours and not lacks(crm, f"sla_{event}_met")}
    names = ["tickets_opened", *(f"sla_{event}_met" for event in of)]
    found = crm.measure(names, period=now, by=promised.by).astype({promised.by: str})
    found["key"] = found[promised.by].str.strip().str.lower()
    order = list(dict.fromkeys(word for hours in of.values() for word in hours))
    keys = [key for key in order if key in set(found["key"])] or sorted(set(found["key"]))
    rows, business = [], " (business)" if promised.counted == "business" else ""
    for key in keys:
        part = found[found["key"] == key].set_index("metric")
        row = {promised.by: part[promised.by].iloc[0], "tickets": part["value"].get("tickets_opened")}
        for event, hours in of.items():
            word, met = "answered" if event == "first_response" else "resolved", part.loc[f"sla_{event}_met"]
            row[f"{word} within{business}"] = hours.get(key, hours.get(""))
            row[f"{word} in time"] = met["value"]
            row[f"95% interval, {word}"] = say_interval(met["low"], met["high"], "share")
        rows.append(row)
    if not rows:
        raise NotInThisData(f"no ticket was opened in {now.name}")
    frame = pd.DataFrame(rows)
    frame.attrs |= {"as_of": crm.as_of, "counted": promised.counted}
    return frame


def levels_of_resolved(crm: Crm, period: str | Period) -> Html:
    """Say what the share of promises kept would be if only resolved tickets counted, and how many that leaves out."""
    if lacks(crm, "sla_met"):
        return listed([])
    now, tickets = crm.period(period), crm.relations.get("ticket_levels")
    inside = (tickets.opened_at >= at(now.start)) & (tickets.opened_at < at(now.end))
    known = tickets.filter(inside & tickets.sla_met.notnull())
    counted = known.group_by(waits=known.resolved_at.isnull()).agg(
        met=known.sla_met.cast("int64").sum(), n=known.count()
    )
    rows = counted.to_pyarrow().to_pandas().set_index("waits").reindex([False, True], fill_value=0).astype(int)
    (met, resolved), late = rows.loc[False, ["met", "n"]], rows.loc[True, "n"]
    if not resolved:
        return listed([])
    share = say(met / resolved, "share")
    text = f"Of the tickets resolved alone, {met:,} of {resolved:,} kept every promise ({share})."
    if late:
        many = (
            f"{late:,} tickets that wait and are past a limit"
            if late > 1
            else "one ticket that waits and is past a limit"
        )
        text += f" Reports often print that share; it leaves out {many}, counted here as missed."
    else:
        text += " No ticket waits past its limit, so that is the share of all."
    return listed([text])


def agents(crm: Crm, period: str | Period, by: str) -> pd.DataFrame:
    """Measure what each agent resolved, the median hours with their interval, and the service levels met.

    Returns
    -------
    DataFrame
        One row an agent, most tickets first: `agent`, `resolved`, `median hours`, `95% interval`, `levels met` (of the
        tickets opened in the period) and its interval where crm.toml promises any, `remark` ("few", or that the whole
        interval lies above ("slower") or below ("faster") the median of all).
    """
    return tried(_agents, crm, crm.period(period), by)


def _agents(crm: Crm, now: Period, by: str) -> pd.DataFrame:
    if not by:
        raise NotInThisData("not in this data, needs the column tickets.agent_id")
    if reason := lacks(crm, "resolution_hours"):
        raise NotInThisData(f"not in this data, {reason}")
    promised = not lacks(crm, "sla_met")
    names = ["tickets_resolved", "resolution_hours", *(["sla_met"] if promised else [])]
    found = crm.measure(names, period=now, by=by)
    wide = found.pivot(index=by, columns="metric", values=["value", "low", "high", "n"])
    rows = wide[wide["value"]["tickets_resolved"] > 0]
    if not len(rows):
        raise NotInThisData(f"no ticket was resolved in {now.name}")
    rows = rows.sort_values(("value", "tickets_resolved"), ascending=False, kind="stable")
    whole = crm.measure("resolution_hours", period=now, intervals=False)["value"].iloc[0]
    shown = pd.DataFrame({"agent": rows.index, "resolved": rows["value"]["tickets_resolved"].to_numpy()})
    shown["median hours"] = rows["value"]["resolution_hours"].to_numpy()
    shown["95% interval"] = _intervals(rows, "resolution_hours", "hours")
    if promised:
        shown["levels met"] = rows["value"]["sla_met"].to_numpy()
        shown["95% interval, levels"] = _intervals(rows, "sla_met", "share")
    ends = zip(shown["resolved"], rows["low"]["resolution_hours"], rows["high"]["resolution_hours"], strict=True)
    shown["remark"] = [_remark(count, low, high, whole) for count, low, high in ends]
    shown.attrs |= {"as_of": crm.as_of, "median": whole}
    return shown


def _intervals(rows: pd.DataFrame, metric: str, unit: str) -> list[str]:
    return [say_interval(low, high, unit) for low, high in zip(rows["low"][metric], rows["high"][metric], strict=True)]


def _remark(count: float, low: float, high: float, whole: float) -> str:
    if count < FEW:
        return "few"
    return "slower" if low > whole else "faster" if high < whole else ""


def agents_in_words(frame: pd.DataFrame) -> Html:
    """Say how many agents stand out beyond what chance does; from what `agents` returns.

    Examples
    --------
    >>> frame = pd.DataFrame({"agent": list("abc"), "remark": ["", "slower", "few"]})
    >>> print(agents_in_words(frame).text[:60])
    1 of the 2 agents with 30 tickets or more are apart from the
    """
    if "remark" not in frame:
        return listed([])
    enough = frame[frame["remark"] != "few"]
    apart = enough[enough["remark"] != ""]
    if not len(enough):
        return listed([f"No agent has resolved {FEW} tickets or more: these numbers say little of anybody."])
    whom = f"the {len(enough)} agents with {FEW} tickets or more"
    if not len(apart):
        return listed([f"None of {whom} differs from all together by more than chance would make them."])
    named = [
        f"{', '.join(apart.loc[apart['remark'] == word, 'agent'].astype(str))} {word}"
        for word in ("faster", "slower")
        if (apart["remark"] == word).any()
    ]
    chance = say(0.05 * len(enough), "ratio")
    text = (
        f"{len(apart)} of {whom} are apart from the median of all: {'; '.join(named)}. By chance alone about {chance} "
        "of them would be. Before anything is said to anybody, look at what the tickets were: priorities and "
        "categories differ."
    )
    return listed([text])
