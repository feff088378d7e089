"""Twins of the metrics of service, by the settings of the sample: Warsaw, office hours, holidays, service levels."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from twins.common import AS_OF, during, ratio
from twins.retention import customers_at_start

WARSAW, UTC = ZoneInfo("Europe/Warsaw"), ZoneInfo("UTC")
HOUR = pd.Timedelta(hours=1)
OPENS, CLOSES, CLOSES_ON_FRIDAY = 8, 18, 16
FREE = {(12, 25), (12, 26), (1, 1), (5, 1)}
FIRST = {"urgent": 2, "high": 6, "normal": 12, "low": 24}
SOLVED = {"urgent": 8, "high": 24, "normal": 48, "low": 96}


def _passed(begun: pd.Series, ended: pd.Series) -> pd.Series:
    """Return the hours that passed in the world."""
    zone = {"ambiguous": np.ones(len(begun), bool), "nonexistent": "shift_forward"}
    return (ended.dt.tz_localize(WARSAW, **zone) - begun.dt.tz_localize(WARSAW, **zone)) / HOUR


def _open(begun: pd.Timestamp, ended: pd.Timestamp) -> float:
    """Return the hours in which the company was open, day by day."""
    if pd.isna(ended):
        return np.nan
    total, day = 0.0, begun.normalize()
    while day <= ended:
        if day.weekday() < 5 and (day.month, day.day) not in FREE:
            closes = CLOSES_ON_FRIDAY if day.weekday() == 4 else CLOSES
            total += max((min(ended, day + closes * HOUR) - max(begun, day + OPENS * HOUR)) / HOUR, 0.0)
        day += pd.Timedelta(days=1)
    return total


def tables(files):
    """Return the tickets with their hours and their customer's segment; nothing is known of them after `as_of`."""
    found = files["tickets"].merge(files["customers"][["customer_id", "segment"]], on="customer_id", how="left")
    for name, ended in (("first", found.first_response_at), ("solved", found.resolved_at)):
        found[name] = _passed(found.opened_at, ended)
        found[f"{name}_open"] = [_open(*pair) for pair in zip(found.opened_at, ended, strict=True)]
        limit = found.priority.map(FIRST if name == "first" else SOLVED)
        late = _passed(found.opened_at, pd.Series(AS_OF, found.index)) > limit
        met = (found[name] <= limit).astype(float)
        found[f"{name}_met"] = met.where(ended.notna(), np.where(late, 0.0, np.nan))
    both = found[["first_met", "solved_met"]]
    found["met"] = both.min(axis=1).where(both.notna().all(axis=1) | (both.min(axis=1) == 0))
    assert date(2026, 5, 1).weekday() == 4  # a holiday within the year that is compared
    return {"cases": found}


def _at(d, start, end, column):
    return d.cases[during(d.cases[column], start, end)]


def tickets_opened(d, start, end):
    return len(_at(d, start, end, "opened_at"))


def tickets_resolved(d, start, end):
    return len(_at(d, start, end, "resolved_at"))


def tickets_resolved_per_day(d, start, end):
    return tickets_resolved(d, start, end) / (end - start).days


def tickets_per_agent(d, start, end):
    owned = _at(d, start, end, "opened_at").dropna(subset="agent_id")
    return ratio(len(owned), owned.agent_id.nunique())


def ticket_rate(d, start, end):
    return ratio(100 * tickets_opened(d, start, end), customers_at_start(d, start, end))


def backlog(d, start, end):
    return int(((d.cases.opened_at < end) & ~(d.cases.resolved_at < end)).sum())


def _duration(name, column, ended, how):
    def twin(d, start, end):
        hours = _at(d, start, end, ended)[column].dropna()
        if not len(hours):
            return np.nan
        return hours.mean() if how == "_mean" else np.quantile(hours, 0.9 if how == "_p90" else 0.5)

    twin.__name__ = f"{name}{how}"
    return twin


DURATIONS = [
    _duration(f"{event}_{kind}hours", column + suffix, ended, how)
    for event, column, ended in (
        ("first_response", "first", "first_response_at"),
        ("resolution", "solved", "resolved_at"),
    )
    for kind, suffix in (("", ""), ("business_", "_open"))
    for how in ("", "_mean", "_p90")
]


def sla_met(d, start, end):
    return _at(d, start, end, "opened_at").met.mean()


def sla_first_response_met(d, start, end):
    return _at(d, start, end, "opened_at").first_met.mean()


def sla_resolution_met(d, start, end):
    return _at(d, start, end, "opened_at").solved_met.mean()


def reopened_rate(d, start, end):
    return _at(d, start, end, "resolved_at").reopened.mean()


def resolved_at_first_contact(d, start, end):
    rows = _at(d, start, end, "resolved_at").dropna(subset="first_response_at")
    soon = rows.resolved_at - rows.first_response_at <= pd.Timedelta(minutes=60)
    return (soon & ~rows.reopened.astype(bool)).mean()


TWINS = {
    ("cases", "category"): [
        tickets_opened,
        tickets_resolved,
        tickets_resolved_per_day,
        tickets_per_agent,
        backlog,
        *DURATIONS,
        sla_met,
        sla_first_response_met,
        sla_resolution_met,
        reopened_rate,
        resolved_at_first_contact,
    ],
    ("customers", "segment"): [ticket_rate],
}
