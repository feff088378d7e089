"""Twins of the metrics of adoption and productivity."""

from __future__ import annotations

import numpy as np
import pandas as pd

from twins import retention
from twins.common import DAY, during, ratio

CRM = pd.Timestamp("2025-07-01")
EVERYBODY = ["name", "kind", "segment", "region", "country", "channel", "email", "phone"]
OF_COMPANIES = ["owner_id", "industry", "employees", "annual_revenue"]
OF_PEOPLE = ["birth_year", "gender", "interests"]
OF_LEADS = ["source", "owner_id", "status", "email"]
OF_DEALS = ["customer_id", "owner_id", "name", "expected_close_at", "stage", "amount", "probability", "source",
            "product_id", "kind"]  # fmt: skip


def tables(files):
    """Add teams and segments to events, the cells of each record, and each live record with its touches."""
    user = files["users"].set_index("user_id")
    segment = files["customers"].set_index("customer_id")["segment"]
    acts = files["activities"]
    acts = acts.assign(
        team=acts.user_id.map(user.team), role=acts.user_id.map(user.role), segment=acts.customer_id.map(segment)
    )
    events = files["usage"].assign(team=lambda t: t.user_id.map(user.team))
    return {"acts": acts, "events": events, "cells": _cells(files), "lives": _lives(files)}


def _cells(files) -> pd.DataFrame:
    """Count cells and filled cells record by record."""
    rows = []
    for row in files["customers"].to_dict("records"):
        wanted = EVERYBODY + (OF_COMPANIES if row["kind"] == "business" else OF_PEOPLE)
        rows.append(("customers", row["created_at"], len(wanted), sum(pd.notna(row[name]) for name in wanted)))
    for row in files["leads"].to_dict("records"):
        rows.append(("leads", row["created_at"], len(OF_LEADS), sum(pd.notna(row[name]) for name in OF_LEADS)))
    for row in files["opportunities"].to_dict("records"):
        wanted = OF_DEALS + (["lost_reason"] if row["outcome"] == "lost" else [])
        rows.append(("opportunities", row["created_at"], len(wanted), sum(pd.notna(row[name]) for name in wanted)))
    return pd.DataFrame(rows, columns=["table", "created_at", "cells", "filled"])


def _lives(files) -> pd.DataFrame:
    """List the live records: owner, beginning, end (none: not yet) and all touches between the two."""
    touched: dict[tuple[str, str], list] = {}
    deal_customer = dict(zip(files["opportunities"].opportunity_id, files["opportunities"].customer_id, strict=True))
    for act in files["activities"].itertuples():
        customer = act.customer_id if isinstance(act.customer_id, str) else deal_customer.get(act.opportunity_id)
        for table, key in (("leads", act.lead_id), ("opportunities", act.opportunity_id), ("customers", customer)):
            if isinstance(key, str):
                touched.setdefault((table, key), []).append(act.at)
    for step in files["opportunity_stages"].itertuples():
        touched.setdefault(("opportunities", step.opportunity_id), []).append(step.entered_at)
    rows = []
    for deal in files["opportunities"].itertuples():
        rows.append(("opportunities", deal.opportunity_id, deal.owner_id, deal.created_at, deal.closed_at))
    for lead in files["leads"].itertuples():
        more = [time for time in (lead.first_contacted_at, lead.qualified_at) if pd.notna(time)]
        mine = touched.setdefault(("leads", lead.lead_id), [])
        mine += more
        over = lead.converted_at
        if pd.isna(over) and lead.status == "Disqualified":
            over = max([lead.created_at, *mine])
        rows.append(("leads", lead.lead_id, lead.owner_id, lead.created_at, over))
    owner = files["customers"].set_index("customer_id")["owner_id"].dropna()
    for key, begun, over in _customers(files):
        if key in owner:
            rows.append(("customers", key, owner[key], begun, over))
    frame = pd.DataFrame(rows, columns=["table", "key", "owner_id", "begun", "over"])
    frame["begun"] = frame.begun.clip(lower=files["activities"]["at"].min())  # nothing is known of touches before
    frame = frame[frame.over.isna() | (frame.over > frame.begun)].reset_index(drop=True)
    frame["touched"] = [
        sorted(touched.get((table, key), [])) for table, key in zip(frame.table, frame.key, strict=True)
    ]
    return frame


def _customers(files):
    """Yield when each customer was one: by subscriptions, orders and wins, as in the twins of retention."""
    for row in retention.tables(files)["spells"].itertuples():
        yield row.customer_id, row.acquired_at, row.lost_at


def _there(d, start, end):
    """Return the users who were with the company at any time of a period."""
    user = d.users
    return user[
        (user.active_from.isna() | (user.active_from < end)) & (user.active_to.isna() | (user.active_to >= start))
    ]


def _licensed(d, start, end):
    there = _there(d, start, end)
    return there[there.licensed] if end > CRM else there.iloc[:0]


def _events(d, start, end):
    """Return what the licensed did."""
    found = d.events[during(d.events["at"], start, end)]
    return found[found.user_id.isin(_licensed(d, start, end).user_id)]


def active_users(d, start, end):
    return d.events[during(d.events["at"], start, end)].user_id.nunique()


def licensed_users(d, start, end):
    return len(_licensed(d, start, end))


def adoption_rate(d, start, end):
    return ratio(_events(d, start, end).user_id.nunique(), licensed_users(d, start, end))


def logins_per_user(d, start, end):
    return ratio((_events(d, start, end).action == "login").sum(), licensed_users(d, start, end))


def records_updated_per_user(d, start, end):
    return ratio(_events(d, start, end).action.isin(["create", "update"]).sum(), licensed_users(d, start, end))


def _user_days(d, start, end):
    found = _events(d, start, end)
    return len(set(zip(found.user_id, found["at"].dt.date, strict=True)))


def days_active_per_user(d, start, end):
    return ratio(_user_days(d, start, end), licensed_users(d, start, end))


def stickiness(d, start, end):
    return ratio(_user_days(d, start, end), _events(d, start, end).user_id.nunique() * ((end - start) / DAY))


def contributor_rate(d, start, end):
    found = _events(d, start, end)
    wrote = found[found.action.isin(["create", "update"])].user_id.nunique()
    return ratio(wrote, found.user_id.nunique())


def actions_per_active_day(d, start, end):
    return ratio((_events(d, start, end).action != "login").sum(), _user_days(d, start, end))


def field_completeness(d, start, end):
    there = d.cells[d.cells.created_at < end]
    return ratio(there.filled.sum(), there.cells.sum())


def _live(d, end):
    return d.lives[(d.lives.begun < end) & (d.lives.over.isna() | (d.lives.over >= end))]


def live_records(d, start, end):
    return len(_live(d, end))


def stale_records(d, start, end):
    count = 0
    for row in _live(d, end).itertuples():
        last = max([row.begun, *(time for time in row.touched if row.begun < time < end)])
        count += last + 90 * DAY < end
    return count


def stale_share(d, start, end):
    return ratio(stale_records(d, start, end), live_records(d, start, end))


def interactions(d, start, end):
    return (during(d.acts["at"], start, end) & d.acts.role.isin(["sales", "support"])).sum()


def interactions_per_agent(d, start, end):
    there = _there(d, start, end)
    there = there[there.role.isin(["sales", "support"])]
    done = d.acts[during(d.acts["at"], start, end) & d.acts.user_id.isin(there.user_id)]
    return ratio(len(done), len(there))


def _routine(d, start, end):
    done = d.acts[during(d.acts["at"], start, end)]
    return done[done.kind.isin(["task", "note"])]


def routine_hours(d, start, end):
    return _routine(d, start, end).duration_minutes.sum() / 60


def routine_minutes(d, start, end):
    return _routine(d, start, end).duration_minutes.mean()


def hours_saved(d, start, end):
    every = d.files["activities"]
    before = every[during(every["at"], pd.Timestamp("2024-07-01"), CRM)]
    usual = before.groupby("kind").duration_minutes.mean()
    done = _routine(d, start, end)
    done = done[done["at"] >= CRM]
    return (done.kind.map(usual) - done.duration_minutes).sum() / 60 if len(done) else np.nan


TWINS = {
    ("users", "team"): [
        active_users, licensed_users, adoption_rate, logins_per_user, records_updated_per_user, days_active_per_user,
        stickiness, contributor_rate, actions_per_active_day, interactions_per_agent,
    ],
    ("cells", "table"): [field_completeness],
    ("lives", "owner_id"): [live_records, stale_records, stale_share],
    ("acts", "segment"): [interactions, routine_hours, routine_minutes, hours_saved],
}  # fmt: skip
