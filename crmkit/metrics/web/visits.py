"""Visits: how many visits and visitors there are, how many are new or return, and what they look at."""

from crmkit.kinds import count, mean, share
from crmkit.metric import metric
from crmkit.metrics.web.common import AT, count_visitors, where_named

_DIFFERENT = (
    "Different visitors do not add up: who comes in two months, or from two sources, is one visitor in each of them "
    "and one in the whole."
)
_COOKIE = "A person with two browsers, or without consent to cookies, is more than one visitor or none."


@metric(
    title="Visitors",
    unit="people",
    better="up",
    at=AT,
    formula="different visitors with a visit in the period",
    caveats=f"{_DIFFERENT} {_COOKIE}",
)
def visitors(web_visits):
    """Different visitors of the web site in the period.

    Left out: visits that do not name a visitor; where none does, the number cannot be known.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("1234"), "visitor_id": list("aaba"),
    ...     "started_at": ["2026-03-01", "2026-03-02", "2026-03-02", "2026-04-01"]}})
    >>> crm.measure("visitors", period="2026-03").value.item()
    2.0
    >>> crm.measure("visitors", every="month", period="2026-03-01/2026-05-01").value.tolist()
    [2.0, 1.0]
    """
    return where_named(count_visitors(web_visits), web_visits)


@metric(
    title="Visits",
    unit="count",
    better="up",
    at=AT,
    formula="sessions that began in the period",
    caveats="Visits of programs count, unless the web statistics leave them out.",
)
def sessions(web_visits):
    """Visits to the web site that began in the period; each session is one.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("123"), "visitor_id": list("aab"),
    ...     "started_at": ["2026-03-01", "2026-03-02", "2026-04-02"]}})
    >>> crm.measure("sessions", period="2026-03").value.item()
    2.0
    """
    return count()


@metric(
    title="New visitors",
    unit="people",
    better="up",
    at=AT,
    formula="visitors whose first visit of all began in the period",
    caveats="In the first months that the data knows, everybody is new. Who deletes cookies is new again.",
)
def new_visitors(web_visits):
    """Visitors whose first visit that the data knows began in the period. They add up over periods and groups.

    By source or landing page, a new visitor belongs to that of the first visit.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("123"), "visitor_id": list("aab"),
    ...     "started_at": ["2026-02-27", "2026-03-02", "2026-03-02"]}})
    >>> crm.measure("new_visitors", every="month", period="2026-02-01/2026-04-01").value.tolist()
    [1.0, 1.0]
    """
    return where_named(count(web_visits.is_first), web_visits)


@metric(
    title="Returning visitor rate",
    unit="share",
    at=AT,
    formula="visitors who had visited before the period ÷ visitors",
    caveats="In the first months that the data knows, it is too low. Who deletes cookies does not return.",
)
def returning_visitor_rate(web_visits, period):
    """Of the visitors of the period, the share whose first visit lies before it. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("1234"), "visitor_id": list("aabb"),
    ...     "started_at": ["2026-02-27", "2026-03-02", "2026-03-02", "2026-03-09"]}})
    >>> crm.measure("returning_visitor_rate", period="2026-03").value.item()
    0.5
    """
    before = period.earlier(web_visits.first_started_at, web_visits.started_at)
    return where_named(count_visitors(web_visits, before) / count_visitors(web_visits), web_visits, interval="wilson")


@metric(
    title="Visits per visitor",
    unit="per_unit",
    at=AT,
    formula="mean number of visits of a visitor in the period",
    caveats="The longer the period, the more visits it holds: compare periods of the same length.",
)
def sessions_per_visitor(period_visitors):
    """Mean number of visits in the period, over its visitors. Interval: normal.

    By source or landing page, a visitor belongs to that of the first visit in the period, with all visits in it.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("123"), "visitor_id": list("aab"),
    ...     "started_at": ["2026-03-01", "2026-03-02", "2026-03-02"]}})
    >>> crm.measure("sessions_per_visitor", period="2026-03").value.item()
    1.5
    """
    return mean(period_visitors.visits)


@metric(
    title="Pages per visit",
    unit="per_unit",
    better="up",
    at=AT,
    formula="mean number of pages seen in a visit",
    caveats="More is better only where people find what they look for: searching in vain takes many pages, too.",
)
def pages_per_session(web_visits):
    """Mean number of pages seen, over the visits that say it. Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("123"), "visitor_id": list("aab"), "pages": [1, 6, None],
    ...     "started_at": ["2026-03-01"] * 3}})
    >>> crm.measure("pages_per_session", period="2026-03").value.item()
    3.5
    """
    return mean(web_visits.pages)


@metric(
    title="Time on site per visit",
    unit="seconds",
    better="up",
    at=AT,
    formula="mean seconds that a visit lasted",
    caveats="Most web statistics cannot see how long the last page was read, and give a visit of one page 0 seconds. "
    "A few tabs left open pull the mean up.",
)
def time_on_site(web_visits):
    """Mean length of a visit in seconds, over the visits that say it. Interval: normal.

    time_on_site_per_visitor is the same for each person: all visits of the period together.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("123"), "visitor_id": list("aab"),
    ...     "duration_seconds": [30, 90, 60], "started_at": ["2026-03-01"] * 3}})
    >>> crm.measure(["time_on_site", "time_on_site_per_visitor"], period="2026-03").value.tolist()
    [60.0, 90.0]
    """
    return mean(web_visits.duration_seconds)


@metric(
    title="Time on site per visitor",
    unit="seconds",
    better="up",
    at=AT,
    formula="mean seconds that a visitor spent in all visits of the period",
    caveats="The longer the period, the more visits it holds: compare periods of the same length.",
)
def time_on_site_per_visitor(period_visitors):
    """Mean seconds that a visitor spent on the site in the period, over the visitors of whom it is known.

    All visits of the period together. By source or landing page, a visitor belongs to that of the first visit in the
    period. Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("123"), "visitor_id": list("aab"),
    ...     "duration_seconds": [30, 90, 60], "started_at": ["2026-03-01"] * 3}})
    >>> crm.measure("time_on_site_per_visitor", period="2026-03").value.item()
    90.0
    """
    return mean(period_visitors.all_seconds)


@metric(
    title="Bounce rate",
    unit="share",
    better="down",
    at=AT,
    formula="visits that saw one page ÷ visits",
    caveats="Who finds the telephone number on the first page bounces, too. Tools that call a visit engaged after some "
    "seconds count fewer.",
)
def bounce_rate(web_visits):
    """Of the visits that say how many pages they saw, the share that saw one and left. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("1234"), "visitor_id": list("abcd"),
    ...     "pages": [1, 2, 7, None], "started_at": ["2026-03-01"] * 4}})
    >>> round(crm.measure("bounce_rate", period="2026-03").value.item(), 4)
    0.3333
    """
    none = web_visits.pages == 0
    one = share(web_visits.pages == 1, of=web_visits.pages.notnull())
    return one.remarking(none, "some visits saw no page that was counted: they are no bounces, and in the denominator")
