"""Adoption and productivity: who uses the CRM and how, whether records are kept, and what it does to daily work."""

import ibis

from crmkit.derived.users_at_work import ROUTINE
from crmkit.kinds import count, days, level, mean, share, total
from crmkit.metric import metric
from crmkit.relations import at

TITLE = "CRM adoption and productivity"
CATEGORY = "user adoption"
_THERE = ("users.active_from", "users.active_to")


@metric(title="Active users", unit="count", better="up", at="at", formula="users with any event in the CRM")
def active_users(usage):
    """Different users with any event in the CRM in the period, with a licence or without.

    >>> import crmkit
    >>> crm = crmkit.open({"usage": {"user_id": ["a", "a", "b"], "at": ["2026-03-01", "2026-03-02", "2026-04-01"]}})
    >>> crm.measure("active_users", period="2026-03").value.item()
    1.0
    """
    return count(distinct=usage.user_id)


@metric(
    title="Licensed users",
    unit="count",
    at="came_at",
    formula="users with a licence who were there at any time in the period",
    caveats="A licence is as known now: when it was bought is not kept.",
    optional=_THERE,
)
def licensed_users(licences):
    """Users with a licence who were there at any time in the period; none before the CRM was introduced.

    >>> import crmkit
    >>> crm = crmkit.open({"users": {"user_id": list("abc"), "licensed": ["true", "true", "false"],
    ...     "active_from": ["2025-01-01"] * 3, "active_to": [None, "2026-02-15", None]}}, as_of="2026-04-30")
    >>> crm.measure("licensed_users", every="month", period="2026-02-01/2026-04-01").value.tolist()
    [2.0, 1.0]
    """
    return level(licences.came_at, licences.left_at, moment="start") + count(licences.user_id.notnull())


def _licensed(user_periods):
    return user_periods.licensed & user_periods.user_id.notnull()


@metric(
    title="Adoption rate",
    unit="share",
    better="up",
    at="at",
    formula="licensed users with any event in the CRM ÷ licensed users",
    caveats="One log-in in the period makes a user active, so a longer period has a higher rate.",
    optional=_THERE,
)
def adoption_rate(user_periods):
    """Of the licensed users who were there in the period, the share with any event in the CRM. Interval: Wilson.

    Left out, and said: users without a licence who used it. It cannot exceed 100%.

    >>> import crmkit
    >>> crm = crmkit.open({"users": {"user_id": list("abc"), "licensed": ["true", "true", "false"]},
    ...     "usage": {"user_id": ["a", "a", "c"], "at": ["2026-03-01", "2026-03-02", "2026-03-09"]}})
    >>> crm.measure("adoption_rate", period="2026-03").value.item()
    0.5
    """
    return share(user_periods.events > 0, of=_licensed(user_periods)).remarking(
        ~user_periods.licensed, "users without a licence who used it are left out"
    )


@metric(
    title="Log-ins per user",
    unit="per_unit",
    better="up",
    at="at",
    formula="log-ins of licensed users ÷ licensed users",
    optional=_THERE,
)
def logins_per_user(user_periods):
    """Log-ins in the period per licensed user, those who never came counted as 0. Interval: normal, between users.

    >>> import crmkit
    >>> crm = crmkit.open({"users": {"user_id": list("ab"), "licensed": ["true", "true"]},
    ...     "usage": {"user_id": list("aaa"), "at": ["2026-03-01", "2026-03-02", "2026-03-02"],
    ...     "action": ["login", "login", "update"]}})
    >>> crm.measure("logins_per_user", period="2026-03").value.item()
    1.0
    """
    return mean(user_periods.logins, _licensed(user_periods))


@metric(
    title="Records updated per user",
    unit="per_unit",
    better="up",
    at="at",
    formula="records created or updated by licensed users ÷ licensed users",
    caveats="Ten corrections of one cell are ten updates.",
    optional=_THERE,
)
def records_updated_per_user(user_periods):
    """Records created or updated in the period per licensed user. Interval: normal, between users.

    >>> import crmkit
    >>> crm = crmkit.open({"users": {"user_id": list("ab"), "licensed": ["true", "true"]},
    ...     "usage": {"user_id": list("aaa"), "at": ["2026-03-01", "2026-03-02", "2026-03-02"],
    ...     "action": ["login", "create", "update"]}})
    >>> crm.measure("records_updated_per_user", period="2026-03").value.item()
    1.0
    """
    return mean(user_periods.written, _licensed(user_periods))


@metric(
    title="Days active per user",
    unit="days",
    better="up",
    at="at",
    formula="days with any event of licensed users ÷ licensed users",
    optional=_THERE,
)
def days_active_per_user(user_periods):
    """Days in the period on which a licensed user did anything in the CRM, on average. Interval: normal, between users.

    >>> import crmkit
    >>> crm = crmkit.open({"users": {"user_id": list("ab"), "licensed": ["true", "true"]},
    ...     "usage": {"user_id": list("aaa"), "at": ["2026-03-01", "2026-03-02", "2026-03-02"]}})
    >>> crm.measure("days_active_per_user", period="2026-03").value.item()
    1.0
    """
    return mean(user_periods.days_active, _licensed(user_periods))


@metric(
    title="Stickiness",
    unit="share",
    better="up",
    at="at",
    formula="mean licensed users active a day ÷ licensed users active in the period",
    caveats="Days are those of the calendar: where nobody works at weekends it cannot exceed 5 ÷ 7. Compare periods of "
    "the same length: over a month it is what is called DAU ÷ MAU.",
    optional=_THERE,
)
def stickiness(user_periods):
    """Of the days of the period, the share on which an active licensed user came. Interval: bootstrap of users.

    >>> import crmkit
    >>> crm = crmkit.open({"users": {"user_id": list("ab"), "licensed": ["true", "true"]},
    ...     "usage": {"user_id": list("aab"), "at": ["2026-02-01", "2026-02-02", "2026-02-02"]}}, as_of="2026-02-28")
    >>> round(crm.measure("stickiness", period="2026-02").value.item() * 28, 6)  # 3 days of use by 2 users
    1.5
    """
    came = _licensed(user_periods) & (user_periods.events > 0)
    return total(user_periods.days_active, came) / (count(came) * days())


@metric(
    title="Users who keep records",
    unit="share",
    better="up",
    at="at",
    formula="active licensed users who create or update records ÷ active licensed users",
    optional=_THERE,
)
def contributor_rate(user_periods):
    """Of the licensed users active in the period, the share who created or updated any record. Interval: Wilson.

    The others only log in and look.

    >>> import crmkit
    >>> crm = crmkit.open({"users": {"user_id": list("ab"), "licensed": ["true", "true"]},
    ...     "usage": {"user_id": list("aab"), "at": ["2026-03-01"] * 3, "action": ["login", "create", "login"]}})
    >>> crm.measure("contributor_rate", period="2026-03").value.item()
    0.5
    """
    return share(user_periods.written > 0, of=_licensed(user_periods) & (user_periods.events > 0))


@metric(
    title="Actions per active day",
    unit="per_unit",
    better="up",
    at="at",
    formula="events other than log-ins ÷ days with any event, of licensed users",
    optional=_THERE,
)
def actions_per_active_day(user_periods):
    """What a licensed user does beyond logging in, a day on which they came. Interval: bootstrap of users.

    >>> import crmkit
    >>> crm = crmkit.open({"users": {"user_id": ["a"], "licensed": ["true"]},
    ...     "usage": {"user_id": list("aaa"), "at": ["2026-03-01", "2026-03-02", "2026-03-02"],
    ...     "action": ["login", "login", "view"]}})
    >>> crm.measure("actions_per_active_day", period="2026-03").value.item()
    0.5
    """
    there = _licensed(user_periods)
    return total(user_periods.events - user_periods.logins, there) / total(user_periods.days_active, there)


@metric(
    title="Field completion rate",
    unit="share",
    better="up",
    at="created_at",
    formula="filled cells ÷ cells, of the customers, leads and opportunities created by the end of the period",
    caveats="A filled cell may be wrong. What was filled in when is not kept: earlier periods show the records of then "
    "as they are now.",
    interval=None,
)
def field_completeness(records):
    """Of the cells that somebody should fill in, the share filled in, of all records at the end of the period.

    Counted are the columns of customers, leads and opportunities that describe them, as far as they concern the record:
    an industry of a company, a birth year of a person, a reason of a lost deal. Left out: columns in which the data has
    nothing at all. No interval: every cell is looked at. By table, by owner, by segment.

    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("ab"), "created_at": ["2026-01-01"] * 2,
    ...     "name": ["A", "B"], "email": ["a@example.org", None]}}, as_of="2026-03-31")
    >>> crm.measure("field_completeness", period="2026-03")[["value", "numerator", "denominator"]].values.tolist()
    [[0.75, 3.0, 4.0]]
    """
    filled = level(records.created_at, records.gone_at, value=records.filled)
    return filled / level(records.created_at, records.gone_at, value=records.cells)


@metric(
    title="Live records",
    unit="count",
    at="touched_at",
    formula="open leads, open opportunities and current customers at the end of the period",
)
def live_records(record_touches):
    """Leads and opportunities that are open and customers who are customers at the end of the period.

    >>> import crmkit
    >>> crm = crmkit.open({"activities": {"activity_id": ["1"], "kind": ["call"], "at": ["2026-01-05"]},
    ...     "leads": {"lead_id": list("ab"), "created_at": ["2026-01-06", "2026-02-01"],
    ...     "converted_at": ["2026-01-20", None]}}, as_of="2026-03-31")
    >>> crm.measure("live_records", every="month", period="2026-Q1").value.tolist()
    [0.0, 1.0, 1.0]
    """
    return level(record_touches.touched_at, record_touches.until)


def _stale(record_touches, as_of, days):
    """Count the live records whose last touch lies more than `days` back."""
    since = record_touches.touched_at + ibis.interval(days=days)
    still = record_touches.until.isnull() | (since < record_touches.until)
    return level(since, record_touches.until, where=still if as_of is None else still & (since <= at(as_of)))


@metric(
    title="Stale records",
    unit="count",
    better="down",
    at="touched_at",
    formula="live records that nobody has touched for 90 days at the end of the period",
    caveats="A touch is an activity that names the record, a new stage, or its beginning: a call that nobody entered "
    "is none. Leads closed without a date count up to their last touch.",
)
def stale_records(record_touches, as_of, *, days=90):
    """Open leads, open opportunities and current customers that were not touched for `days` at the end of the period.

    By owner, by table. Left out: customers without an owner, where others have one. Older records count as touched at
    the first activity in the data, since nothing is known of what came before.

    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": list("ab"), "created_at": ["2026-01-01"] * 2},
    ...     "activities": {"activity_id": list("12"), "kind": ["call"] * 2, "at": ["2026-01-01", "2026-03-05"],
    ...     "lead_id": ["a", "b"]}}, as_of="2026-06-30")
    >>> crm.measure("stale_records", every="month", period="2026-03-01/2026-07-01").value.tolist()
    [0.0, 1.0, 1.0, 2.0]
    """
    return _stale(record_touches, as_of, days)


@metric(
    title="Stale share",
    unit="share",
    better="down",
    at="touched_at",
    formula="stale records ÷ live records",
    interval=None,
)
def stale_share(record_touches, as_of, *, days=90):
    """Of the live records at the end of the period, the share not touched for `days`.

    No interval: every record is looked at. Unknown in the first `days` of the activities, when none can be stale yet.

    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": list("ab"), "created_at": ["2026-01-01"] * 2},
    ...     "activities": {"activity_id": list("12"), "kind": ["call"] * 2, "at": ["2026-01-01", "2026-03-05"],
    ...     "lead_id": ["a", "b"]}}, as_of="2026-06-30")
    >>> crm.measure("stale_share", period="2026-04").value.item()
    0.5
    """
    told = record_touches.watched_from + ibis.interval(days=days)
    since = ibis.ifelse(record_touches.touched_at < told, told, record_touches.touched_at)
    still = record_touches.until.isnull() | (since < record_touches.until)
    return _stale(record_touches, as_of, days) / level(since, record_touches.until, where=still)


@metric(
    title="Interactions",
    unit="count",
    better="up",
    at="at",
    formula="activities of users of sales and support",
)
def interactions(agent_activities):
    """Activities in the period of users whose role is sales or support, by kind, segment or team.

    >>> import crmkit
    >>> crm = crmkit.open({"users": {"user_id": list("ab"), "role": ["sales", "marketing"]},
    ...     "activities": {"activity_id": list("12"), "kind": ["call", "email"], "at": ["2026-03-01", "2026-03-02"],
    ...     "user_id": ["a", "b"]}})
    >>> crm.measure("interactions", period="2026-03").value.item()
    1.0
    """
    return count(agent_activities.user_id.notnull())


@metric(
    title="Interactions per agent",
    unit="per_unit",
    better="up",
    at="at",
    formula="activities of users of sales and support ÷ these users",
    caveats="A user who was there for a part of the period counts as one. More activities are not better ones.",
    optional=_THERE,
    interval=None,
)
def interactions_per_agent(agent_periods):
    """Activities in the period per user of sales or support who was there in it.

    No interval: nothing is drawn from anything larger, all activities of all of them are counted; to compare before
    with after, pair the users (`crmkit.methods.paired_change`). Calls, e-mails, meetings, visits, tasks and notes
    count alike; `interactions` counts them by kind or segment.
    Left out: activities of others, or of nobody.

    >>> import crmkit
    >>> crm = crmkit.open({"users": {"user_id": list("abc"), "role": ["sales", "support", "marketing"]},
    ...     "activities": {"activity_id": list("1234"), "kind": ["call", "email", "note", "call"],
    ...     "at": ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-03"], "user_id": ["a", "a", "a", "c"]}})
    >>> crm.measure("interactions_per_agent", period="2026-03")[["value", "numerator", "denominator"]].values.tolist()
    [[1.5, 3.0, 2.0]]
    """
    mine = agent_periods.agent & agent_periods.user_id.notnull()
    return (total(agent_periods.activities, mine) / count(mine)).remarking(
        ~agent_periods.agent, "activities of others than sales and support are left out"
    )


@metric(
    title="Time on routine work",
    unit="hours",
    better="down",
    at="at",
    formula="minutes of tasks and notes ÷ 60",
    caveats="Only work that is entered, with its duration, is seen.",
)
def routine_hours(activities):
    """Hours that the period's tasks and notes took, by everybody.

    >>> import crmkit
    >>> crm = crmkit.open({"activities": {"activity_id": list("123"), "kind": ["task", "note", "call"],
    ...     "at": ["2026-03-01"] * 3, "duration_minutes": [60, 30, 45]}})
    >>> crm.measure("routine_hours", period="2026-03").value.item()
    1.5
    """
    return total(activities.duration_minutes / 60.0, activities.kind.isin(ROUTINE))


@metric(
    title="Minutes of a piece of routine work",
    unit="minutes",
    better="down",
    at="at",
    formula="mean minutes of a task or a note",
    caveats="It moves with the mix of tasks and notes, too; hours_saved compares like with like.",
)
def routine_minutes(activities):
    """Mean minutes of the period's tasks and notes that carry a duration. Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"activities": {"activity_id": list("123"), "kind": ["task", "note", "call"],
    ...     "at": ["2026-03-01"] * 3, "duration_minutes": [60, 30, 45]}})
    >>> crm.measure("routine_minutes", period="2026-03").value.item()
    45.0
    """
    return mean(activities.duration_minutes, activities.kind.isin(ROUTINE))


@metric(
    title="Hours saved on routine work",
    unit="hours",
    better="up",
    at="at",
    formula="Σ (mean minutes of its kind in the 12 months before the CRM − its own minutes) ÷ 60, tasks and notes",
    caveats="A comparison of before and after: what else changed since is in it. It saves the time of work that is "
    "still done; work that is no longer needed is not in it. Unknown before the introduction.",
    settings=("crm_introduced",),
)
def hours_saved(routine_work):
    """Hours by which the period's tasks and notes were shorter than those of their kind before the CRM.

    For each task and note since the introduction: the mean minutes of its kind in the 12 months before it, less its own
    minutes. Negative where they take longer. Left out: what came before the introduction, and a kind that nobody had
    entered in those 12 months.

    >>> import crmkit
    >>> crm = crmkit.open({"activities": {"activity_id": list("1234"), "kind": ["task", "task", "task", "note"],
    ...     "at": ["2026-01-05", "2026-01-06", "2026-03-02", "2026-03-02"], "duration_minutes": [40, 60, 20, 5]}},
    ...     config={"crm_introduced": "2026-02-01"})
    >>> crm.measure("hours_saved", period="2026-03").value.item()  # 50 minutes before, 20 now; no note before
    0.5
    """
    since = routine_work.saved_minutes.notnull()
    return (
        total(routine_work.saved_minutes / 60.0)
        .remarking(routine_work.usual_minutes.isnull(), "work of a kind that nobody had entered before is left out")
        .remarking(~since & routine_work.usual_minutes.notnull(), "before the introduction nothing can be saved yet")
    )
