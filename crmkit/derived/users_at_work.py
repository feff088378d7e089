"""What users do in each period: in the CRM, by those who have a licence, and for customers, by sales and support."""

from __future__ import annotations

from datetime import datetime

import ibis
import ibis.expr.types as ir

from crmkit.casting import TIME
from crmkit.config import Config
from crmkit.relations import at, derived, without

AGENTS = ("sales", "support")
"""The roles of users who deal with customers."""
ROUTINE = ("task", "note")
"""The kinds of activity that are routine work: nobody outside the company takes part in them."""
WRITES = ("create", "update")
"""What one does in a CRM that changes records."""
_LONG_AGO = datetime(1900, 1, 1)
_DID = ("events", "logins", "written", "days_active")


@derived(refers={"user_id": "users"})
def licences(users, config: Config, as_of: datetime | None):
    """One row a user with a licence: from when it can have been used, and to when.

    Columns: user_id, came_at (the user's first day, or the introduction of the CRM if that was later; long ago where
    neither is known), left_at (the last day; null while there).
    """
    rows = users.filter(users.licensed.fill_null(False))
    came = ibis.coalesce(rows.active_from, at(_LONG_AGO))
    if config.crm_introduced is not None:
        came = ibis.ifelse(came < at(config.crm_introduced), at(config.crm_introduced), came)
    rows = rows.select("user_id", came_at=came.cast(TIME), left_at="active_to")
    rows = rows.filter(rows.left_at.isnull() | (rows.left_at >= rows.came_at))
    return rows if as_of is None else rows.filter(rows.came_at <= at(as_of))


@derived(refers={"user_id": "users"})
def user_periods(users, usage, config: Config, as_of: datetime | None, period):
    """One row a user and period: whether a licence was paid for, and what the user did in the CRM.

    Columns: user_id, at (start of the period), licensed, events, logins, written (records created and updated),
    days_active (days with any event). A user with a licence has a row in every period in which they were there, with
    zeros where they did nothing; one without a row, or one at a time when they were not there, only where they did
    something. There are no rows before the CRM was introduced or, where crm.toml does not say when that was, before
    the first event in the data: what nobody could do is not zero.
    """
    since = config.crm_introduced
    there = users.filter(users.licensed.fill_null(False))
    if since is not None:
        there = there.filter(there.active_to.isnull() | (there.active_to >= at(since)))
    rows = _each_period(there, period, as_of, since=since)
    if since is None:
        rows = rows.filter(rows.until > usage["at"].min().as_scalar())
    did = usage.filter((usage["at"] >= at(period.start)) & (usage["at"] < at(period.end)))
    did = did.group_by(did_id="user_id", did_at=period.start_of(did["at"]).cast(TIME)).agg(
        events=did.count(),
        logins=did.count(where=did.action == "login"),
        written=did.count(where=did.action.isin(WRITES)),
        days_active=did["at"].truncate("D").nunique(),
    )
    return _with(rows, did, "licensed", _DID)


@derived(refers={"user_id": "users"})
def agent_periods(users, activities, as_of: datetime | None, period):
    """One row a user of sales or support and period, with the activities they did for customers.

    Columns: user_id, at (start of the period), agent (of sales or support, and there in the period), activities. A
    user has a row in every period in which they were there, with 0 where they did nothing; others, and activities
    that name no user, only where there are any. There are no rows before the first activity in the data.
    """
    rows = _each_period(users.filter(users.role.isin(AGENTS)), period, as_of)
    rows = rows.filter(rows.until > activities["at"].min().as_scalar())
    did = activities.filter((activities["at"] >= at(period.start)) & (activities["at"] < at(period.end)))
    did = did.group_by(did_id="user_id", did_at=period.start_of(did["at"]).cast(TIME)).agg(activities=did.count())
    return _with(rows, did, "agent", ("activities",))


@derived(
    refers={
        "user_id": "users",
        "customer_id": "customers",
        "lead_id": "leads",
        "opportunity_id": "opportunities",
    },
    columns=("kind", "direction"),
)
def agent_activities(activities, users):
    """One row an activity of a user of sales or support; columns as in activities."""
    agents = users.filter(users.role.isin(AGENTS)).select(agent_id="user_id")
    return activities.inner_join(agents, activities.user_id == agents.agent_id).drop("agent_id")


@derived(refers={"user_id": "users", "customer_id": "customers"}, columns=("kind", "direction"))
def routine_work(activities, config: Config):
    """One row a piece of routine work (a task or a note) that says how long it took.

    Columns: user_id, customer_id, kind, direction, at, minutes, usual_minutes (the mean of its kind in the 12 months
    before the CRM was introduced; null where there was none), saved_minutes (the usual less its own; null before the
    introduction).
    """
    from crmkit.periods import parse, year_before_crm

    done = activities.filter(activities.kind.isin(ROUTINE) & activities.duration_minutes.notnull())
    done = done.select("user_id", "customer_id", "kind", "direction", "at", minutes="duration_minutes")
    if config.crm_introduced is None:
        unknown = ibis.null("float64")
        return done.mutate(usual_minutes=unknown, saved_minutes=unknown)
    before = year_before_crm(parse("2000"), config)
    usual = done.filter((done["at"] >= at(before.start)) & (done["at"] < at(before.end)))
    usual = usual.group_by(usual_kind="kind").agg(usual_minutes=usual.minutes.mean())
    rows = done.left_join(usual, done.kind == usual.usual_kind).drop("usual_kind")
    since = rows["at"] >= at(config.crm_introduced)
    return rows.mutate(saved_minutes=ibis.ifelse(since, rows.usual_minutes - rows.minutes, ibis.null("float64")))


def _each_period(users: ir.Table, period, as_of: datetime | None, *, since: datetime | None = None) -> ir.Table:
    """Return one row a user and period in which they were there: user_id, at, until (the period's end)."""
    if as_of is not None:
        users = users.filter(users.active_from.isnull() | (users.active_from <= at(as_of)))
    spans = [one for one in period.periods if since is None or one.end > since]
    if not spans:
        return users.filter(False).select("user_id", at=at(period.start), until=at(period.end))
    one_row = users.agg(rows=users.count())
    starts = _together([one_row.select(at=at(one.start).cast(TIME), until=at(one.end).cast(TIME)) for one in spans])
    there = users.select("user_id", "active_from", "active_to").cross_join(starts)
    there = there.filter(
        (there.active_from.isnull() | (there.active_from < there.until))
        & (there.active_to.isnull() | (there.active_to >= there["at"]))
    )
    return without(there, "active_from", "active_to")


def _together(parts: list[ir.Table]) -> ir.Table:
    """Put tables under each other in pairs, and pairs of pairs, so that the nesting stays shallow."""
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=False)
        parts = [ibis.union(*pair, distinct=False) for pair in pairs] + parts[len(parts) // 2 * 2 :]
    return parts[0]


def _with(rows: ir.Table, did: ir.Table, flag: str, counts: tuple[str, ...]) -> ir.Table:
    """Add to users and periods what they did; those who did something without being among them follow, flagged."""
    same = [rows.user_id == did.did_id, rows["at"] == did.did_at]
    joined = rows.left_join(did, same)
    among = joined.select(
        "user_id", "at", **{flag: ibis.literal(True)}, **{name: joined[name].fill_null(0) for name in counts}
    )
    others = did.anti_join(rows, [did.did_id == rows.user_id, did.did_at == rows["at"]])
    others = others.select(
        user_id="did_id", at="did_at", **{flag: ibis.literal(False)}, **{name: others[name] for name in counts}
    )
    return ibis.union(among, others, distinct=False)
