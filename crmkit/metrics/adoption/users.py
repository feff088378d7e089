"""Users: how many use the CRM, on how many days, and what they do in it."""

from crmkit.kinds import count, days, level, mean, share, total
from crmkit.metric import metric

THERE = ("users.active_from", "users.active_to")


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
    optional=THERE,
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
    optional=THERE,
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
    optional=THERE,
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
    optional=THERE,
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
    optional=THERE,
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
    optional=THERE,
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
    optional=THERE,
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
    optional=THERE,
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
