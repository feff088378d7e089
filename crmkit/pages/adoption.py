"""The page of adoption and productivity: who uses the CRM, how its records are kept, and what it does to daily work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData
from crmkit.methods.usage import STATES
from crmkit.numbers import NBSP, say, say_interval
from crmkit.pages.frames import dimension, tried
from crmkit.pages.showing import absent, fold, grid, listed, missing_from, quiet
from crmkit.periods import Period
from crmkit.tables import Html, missing, table

if TYPE_CHECKING:
    from crmkit.crm import Crm

CARDS = (
    "adoption_rate", "days_active_per_user", "records_updated_per_user", "actions_per_active_day",
    "field_completeness", "stale_share", "interactions_per_agent", "hours_saved", "routine_minutes",
)  # fmt: skip
ANSWERS = (
    "adoption_rate", "stale_share", "hours_saved", "field_completeness", "interactions_per_agent", "routine_minutes",
)  # fmt: skip
USE = (
    "logins_per_user", "days_active_per_user", "stickiness", "records_updated_per_user", "actions_per_active_day",
    "contributor_rate",
)  # fmt: skip
WORK = (
    "interactions_per_agent", "lead_follow_up_hours", "lead_contacted_rate", "routine_minutes", "routine_hours",
    "hours_saved",
)  # fmt: skip
DEFINED = (
    "active_users", "licensed_users", "adoption_rate", *USE, "field_completeness", "live_records", "stale_records",
    "stale_share", "interactions", "interactions_per_agent", "lead_follow_up_hours", "routine_hours",
    "routine_minutes", "hours_saved",
)  # fmt: skip
TEAM_UNITS = {
    "licensed": "count", "active": "count", "adoption": "share", "days active": "per_unit",
    "records updated": "per_unit", "actions a day": "per_unit",
}  # fmt: skip
OWNER_UNITS = {"live records": "count", "stale": "count", "stale share": "share", "fields filled in": "share"}


def foremost(card: pd.DataFrame, *, most: int = 3) -> list[str]:
    """Return the numbers that answer the page, as far as the data has them.

    >>> foremost(pd.DataFrame({"metric": ["adoption_rate", "field_completeness"], "value": [None, 0.9]}))
    ['field_completeness']
    """
    known = set(card.loc[card["value"].notna(), "metric"])
    return [name for name in ANSWERS if name in known][:most]


def people(crm: Crm) -> tuple[str, str]:
    """Return the columns that name users and owners of records."""
    user, owner = ["user.name", "user_id"], ["owner.name", "owner_id"]
    return dimension(crm, "licences", among=user), dimension(crm, "record_touches", among=owner)


def unlicensed(crm: Crm, period: str | Period) -> Html:
    """Say how many licensed users were active, and how many were active without a licence."""
    now = crm.period(period)
    if reason := lacks(crm, "adoption_rate"):
        return absent(reason)
    found = crm.measure(["active_users", "adoption_rate"], period=now, intervals=False).set_index("metric")
    active, rate = found.loc["active_users", "value"], found.loc["adoption_rate"]
    if missing(rate["value"]):
        return listed([f"Nobody could use the CRM in {now.name}: it was not there yet, or nobody had a licence."])
    came, whole = say(rate["numerator"], "count"), say(rate["denominator"], "count")
    others = float(active - rate["numerator"])
    without = "nobody" if not others else say(others, "count")
    text = f"{came} of {whole} licensed users were active in {now.name}; {without} used it without a licence."
    unused = float(rate["denominator"] - rate["numerator"])
    if unused:
        text += f" {say(unused, 'count')} {'licence was' if unused == 1 else 'licences were'} paid for and not used."
    return listed([text])


def teams(crm: Crm, period: str | Period) -> pd.DataFrame:
    """Put the use of each team side by side.

    Returns
    -------
    DataFrame
        One row a team, the lowest adoption first: `team`, `licensed`, `active`, `adoption`, `95% interval`, `days
        active`, `records updated` (both per licensed user), `actions a day` (per active day).
    """
    return tried(_teams, crm, crm.period(period))


def _teams(crm: Crm, now: Period) -> pd.DataFrame:
    if reason := lacks(crm, "adoption_rate"):
        raise NotInThisData(f"not in this data, {reason}")
    by = dimension(crm, "licences", among=["team", "role"])
    if not by:
        raise NotInThisData("not in this data, needs the column users.team")
    names = ["adoption_rate", "days_active_per_user", "records_updated_per_user", "actions_per_active_day"]
    found = crm.measure(names, period=now, by=by)
    if not found["denominator"].fillna(0).sum():
        raise NotInThisData(f"nobody had a licence in {now.name}")
    wide = found.pivot(index=by, columns="metric", values=["value", "low", "high", "numerator", "denominator"])
    rows = wide[wide["denominator"]["adoption_rate"] > 0]
    value, count = rows["value"], "adoption_rate"
    shown = pd.DataFrame(
        {
            by.rpartition(".")[2]: rows.index,
            "licensed": rows["denominator"][count].to_numpy(),
            "active": rows["numerator"][count].to_numpy(),
            "adoption": value[count].to_numpy(),
            "95% interval": [
                say_interval(*ends, "share") for ends in zip(rows["low"][count], rows["high"][count], strict=True)
            ],
            "days active": value["days_active_per_user"].to_numpy(),
            "records updated": value["records_updated_per_user"].to_numpy(),
            "actions a day": value["actions_per_active_day"].to_numpy(),
        }
    )
    return shown.sort_values(["adoption", "days active"], kind="stable", ignore_index=True)


def stopped(states: pd.DataFrame, *, by: str, quiet_days: int) -> Html:
    """Say who has stopped or never began, in a table; those who use it are folded away behind it."""
    if reason := missing_from(states):
        return absent(reason)
    shown = states.assign(
        first=[_day(value) for value in states["first"]], last=[_day(value) for value in states["last"]]
    )
    names = {by: "user", "first": "first seen", "last": "last seen", "quiet_days": "days ago",
             "days_active": "days active"}  # fmt: skip
    units = {"quiet_days": "count", "days_active": "count"}
    gone = shown[shown["state"] != STATES[2]]
    use = shown[shown["state"] == STATES[2]].drop(columns="state")
    rest = fold(
        f"{len(use)} who use it", table(use, caption="Licensed users who use the CRM", names=names, units=units)
    )
    if not len(gone):
        first = quiet(f"Nobody has stopped: each licensed user was seen in the last {quiet_days} days.")
    else:
        caption = f"Licensed users who were not seen for more than {quiet_days} days"
        first = table(gone, caption=caption, names=names, units=units)
    return Html(first.html + rest.html, f"{first.text}\n{rest.text}")


def _day(moment: object) -> str:
    return "never" if missing(moment) else f"{moment:%Y-%m-%d}"


def emptiest(columns: pd.DataFrame, *, most: int = 10) -> pd.DataFrame:
    """Return the columns with empty cells, emptiest first, each named with its table; ready for bars.

    Examples
    --------
    >>> found = emptiest(pd.DataFrame({"table": ["leads"] * 2, "column": ["email", "source"], "value": [0.5, 1.0],
    ...     "empty": [3.0, 0.0], "n": [6.0, 6.0]}))
    >>> found[["field", "value"]].values.tolist()
    [['leads: email', 0.5]]
    """
    if "empty" not in columns:
        return columns
    rows = columns[columns["empty"] > 0].head(most)
    made = rows.assign(field=[f"{row.table}: {row.column.replace('_', ' ')}" for row in rows.itertuples()])
    made = made[["field", "value", *(name for name in ("numerator", "denominator", "n") if name in made)]]
    made = made.reset_index(drop=True)
    made.attrs |= columns.attrs
    if not len(made):
        made.attrs["missing"] = "every field that somebody uses is filled in on every record"
    return made


def emptiest_finding(rows: pd.DataFrame) -> str:
    """Say which field is empty most often, for the title of its figure."""
    if "field" not in rows or not len(rows):
        return ""
    top = rows.iloc[0]
    return f"{top['field'][:1].upper()}{top['field'][1:]} is filled in on {say(top['value'], 'share')} of records"


def by_owner(crm: Crm, period: str | Period, owner: str, *, days: int) -> pd.DataFrame:
    """Put each owner's live and stale records and how completely they are filled in side by side.

    Returns
    -------
    DataFrame
        One row an owner with live records, the most stale first: `owner`, `live records`, `stale`, `stale share`,
        `fields filled in` (of all records that are theirs).
    """
    return tried(_by_owner, crm, crm.period(period), owner, days)


def _by_owner(crm: Crm, now: Period, owner: str, days: int) -> pd.DataFrame:
    if reason := lacks(crm, "stale_records"):
        raise NotInThisData(f"not in this data, {reason}")
    if not owner:
        raise NotInThisData("not in this data, needs the column owner_id of customers, leads or opportunities")
    names = ["live_records", "stale_records", "stale_share"]
    wide = crm.measure(names, period=now, by=owner, intervals=False, days=days).pivot(
        index=owner, columns="metric", values="value"
    )
    filled = crm.measure("field_completeness", period=now, by=owner, intervals=False).set_index(owner)["value"]
    rows = wide[wide["live_records"] > 0].sort_values(["stale_records", "live_records"], ascending=[False, True])
    if not len(rows):
        raise NotInThisData(f"there is no live record at the end of {now.name}")
    return pd.DataFrame(
        {
            "owner": rows.index,
            "live records": rows["live_records"].to_numpy(),
            "stale": rows["stale_records"].to_numpy(),
            "stale share": rows["stale_share"].to_numpy(),
            "fields filled in": filled.reindex(rows.index).to_numpy(),
        }
    )


def since_crm(crm: Crm, period: str | Period) -> tuple[Period, Period] | None:
    """Return the 12 months before the CRM, and the time from its introduction to the end of a period; None if unknown.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["a"], "created_at": ["2026-04-01"]}},
    ...     config={"crm_introduced": "2026-01-01"})
    >>> [span.name for span in since_crm(crm, "2026-Q1")]
    ['2025', '2026-Q1']
    """
    from crmkit.periods import parse, year_before_crm

    now = crm.period(period)
    before = year_before_crm(now, crm.config)
    if before is None or now.end <= before.end:
        return None
    spans = [f"{one.start:%Y-%m-%d}/{one.end:%Y-%m-%d}" for one in (before, Period(before.end, now.end))]
    return tuple(parse(span, calendar=now.calendar) for span in spans)


def busier(crm: Crm, period: str | Period) -> Html:
    """Say how many more interactions the same users have than before the CRM, with the interval of that ratio."""
    from crmkit.methods.pairs import paired_change

    spans = since_crm(crm, period)
    if spans is None:
        return absent(lacks(crm, "hours_saved") or "the CRM was not there yet")
    found = tried(paired_change, crm, "interactions_per_agent", before=spans[0], after=spans[1])
    if reason := missing_from(found):
        return absent(reason)
    row = found.iloc[0]
    change = row["ratio"] - 1
    word = "more" if change >= 0 else "fewer"
    ends = say_interval(row["low"] - 1, row["high"] - 1, "share")
    holds = row["low"] > 1 or row["high"] < 1
    unpaired = found.attrs["unpaired"]
    left = f" {unpaired} who were there in one of the two periods only are left out." if unpaired else ""
    return listed(
        [
            f"The same {row['n']:.0f} users of sales and support had {say(abs(change), 'share')} {word} interactions a "
            f"day since the CRM was introduced than in the 12 months before (95% interval of the change {ends}): "
            f"{'more than' if holds else 'no more than'} chance between users would make it.{left}"
        ]
    )


def routine(crm: Crm, period: str | Period) -> pd.DataFrame:
    """Compare the minutes of routine work since the CRM with those before, kind by kind.

    Returns
    -------
    DataFrame
        `kind`, `minutes before`, `minutes now`, `part of before` and `hours saved` (both as text, with their 95%
        intervals), `pieces of work` (since).
    """
    from crmkit.methods.pairs import routine_time

    spans = since_crm(crm, period)
    if spans is None or lacks(crm, "hours_saved"):
        frame = pd.DataFrame()
        frame.attrs["missing"] = lacks(crm, "hours_saved") or "the CRM was not there yet"
        return frame
    found = tried(routine_time, crm, before=spans[0], after=spans[1])
    if missing_from(found):
        return found
    return pd.DataFrame(
        {
            "kind": found["kind"],
            "minutes before": found["before"],
            "minutes now": found["after"],
            "part of before": [_with_interval(*ends, "share") for ends in _ends(found, "ratio", "low", "high")],
            "hours saved": [
                _with_interval(*ends, "") for ends in _ends(found, "hours_saved", "hours_low", "hours_high")
            ],
            "pieces of work": found["n"],
        }
    )


def _ends(found: pd.DataFrame, *names: str):
    return zip(*(found[name] for name in names), strict=True)


def _with_interval(value: float, low: float, high: float, unit: str) -> str:
    middle, *ends = (say(number, unit, digits=1) for number in (value, low, high))
    return f"{middle} ({' to '.join(ends)})".replace(" ", NBSP)


def routine_table(frame: pd.DataFrame) -> Html:
    """Make the table of what `routine` returns."""
    minutes = dict.fromkeys(("minutes before", "minutes now"), lambda value: say(value, "", digits=1))
    return grid(
        frame,
        caption="Routine work before the CRM and since, with 95% intervals",
        units={"pieces of work": "count"},
        formats=minutes,
        numbers=["part of before", "hours saved"],
    )


def agreed(agree: pd.DataFrame, crm: Crm, period: str | Period, columns: pd.DataFrame) -> pd.DataFrame:
    """Add to the reconciliations what holds in this family: users, cells, hours."""
    now, rows = crm.period(period), agree.to_dict("records")
    if not lacks(crm, "adoption_rate"):
        found = crm.measure(["licensed_users", "adoption_rate", "active_users"], period=now, intervals=False)
        licensed, rate, active = (found.iloc[place] for place in range(3))
        what = "Licensed users, counted as licences and as users to whom adoption refers"
        if licensed["value"]:
            rows.append(_row(what, licensed["value"], rate["denominator"], "count"))
            rows.append(
                _row(
                    "Active licensed users are no more than active users",
                    rate["numerator"],
                    min(rate["numerator"], active["value"]),
                    "count",
                )
            )
    if "numerator" in columns and not lacks(crm, "field_completeness"):
        found = crm.measure("field_completeness", period=now, intervals=False).iloc[0]
        what = "Cells filled in: the columns add up to the whole"
        rows.append(_row(what, columns["numerator"].sum(), found["numerator"], "count"))
    return pd.DataFrame(rows)


def _row(what: str, left: float, right: float, unit: str) -> dict:
    return {"what": what, "left": float(left), "right": float(right), "unit": unit, "currency": ""}
