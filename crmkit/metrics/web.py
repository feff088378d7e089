"""The web site: visits and visitors, what they look at, and how many of them become leads and buy."""

import ibis

from crmkit.kinds import count, mean, share, withheld
from crmkit.metric import metric
from crmkit.relations import at

TITLE = "Web site"
_AT = "started_at"
_DIFFERENT = (
    "Different visitors do not add up: who comes in two months, or from two sources, is one visitor in each of them "
    "and one in the whole."
)
_COOKIE = "A person with two browsers, or without consent to cookies, is more than one visitor or none."
_IN_PERIOD = "Who visits in one period and does it in the next counts as not having done it in the first."
_KNOWN = (
    "By a column of customers it misleads: only who bought or became a customer has one, so the rate is high there by "
    "construction."
)


def _visitors(visits, where=None):
    """Count different visitors."""
    return count(where, distinct=visits.visitor_id)


def _named(kind, visits, *, interval=None):
    """Withhold what is counted by visitor where visits are there and none of them names a visitor."""
    named = visits.visitor_id.notnull()
    known = withheld(
        kind,
        amount=named.cast("int64"),
        where=visits.session_id.notnull(),
        reason="cannot be known: no visit says who the visitor was",
        interval=interval,
    )
    return known.remarking(~named, "visits that do not say who the visitor was count as visits alone")


@metric(
    title="Visitors",
    unit="people",
    better="up",
    at=_AT,
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
    return _named(_visitors(web_visits), web_visits)


@metric(
    title="Visits",
    unit="count",
    better="up",
    at=_AT,
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
    at=_AT,
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
    return _named(count(web_visits.is_first), web_visits)


@metric(
    title="Returning visitor rate",
    unit="share",
    at=_AT,
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
    return _named(_visitors(web_visits, before) / _visitors(web_visits), web_visits, interval="wilson")


@metric(
    title="Visits per visitor",
    unit="per_unit",
    at=_AT,
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
    at=_AT,
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
    at=_AT,
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
    at=_AT,
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
    at=_AT,
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


@metric(
    title="Visitor to lead rate",
    unit="share",
    better="up",
    at=_AT,
    formula="visitors who became a lead ÷ visitors",
    caveats=f"{_IN_PERIOD} new_visitor_to_lead_rate follows each new visitor for the same time. Printed upside down it "
    f"is visitors_per_lead. By source, both parts are of the visits from it; parts of groups do not add up. {_KNOWN}",
)
def visitor_to_lead_rate(web_visits):
    """Of the different visitors of the period, the share that became a lead in one of its visits. Interval: Wilson.

    Leads that come by telephone or at a fair are in neither part.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("1234"), "visitor_id": list("aabc"),
    ...     "lead_id": [None, "L1", None, None], "started_at": ["2026-03-01"] * 4}})
    >>> crm.measure("visitor_to_lead_rate", period="2026-03")[["numerator", "denominator"]].values.tolist()
    [[1.0, 3.0]]
    """
    led = _visitors(web_visits, web_visits.lead_id.notnull())
    return _named(led / _visitors(web_visits), web_visits, interval="wilson")


@metric(
    title="Visitors per lead",
    unit="per_unit",
    better="down",
    at=_AT,
    formula="visitors ÷ visitors who became a lead",
    caveats=f"{_IN_PERIOD} Some articles print it as the conversion rate, where less would be better: it is "
    "visitor_to_lead_rate upside down.",
)
def visitors_per_lead(web_visits):
    """How many different visitors the site had in the period for each one that became a lead.

    Unknown where none did. The interval is that of visitor_to_lead_rate, turned over.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("1234"), "visitor_id": list("aabc"),
    ...     "lead_id": [None, "L1", None, None], "started_at": ["2026-03-01"] * 4}})
    >>> crm.measure("visitors_per_lead", period="2026-03").value.item()
    3.0
    """
    led = _visitors(web_visits, web_visits.lead_id.notnull())
    return _named(_visitors(web_visits) / led, web_visits)


@metric(
    title="Session lead rate",
    unit="share",
    better="up",
    at=_AT,
    formula="visits in which a lead was made ÷ visits",
    caveats=f"Lower than visitor_to_lead_rate, since visitors come several times. {_KNOWN}",
)
def session_lead_rate(web_visits):
    """Of the visits of the period, the share in which the visitor became a lead. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("1234"), "visitor_id": list("aabc"),
    ...     "lead_id": [None, "L1", None, None], "started_at": ["2026-03-01"] * 4}})
    >>> crm.measure("session_lead_rate", period="2026-03").value.item()
    0.25
    """
    return share(web_visits.lead_id.notnull())


@metric(
    title="New visitor to lead rate",
    unit="share",
    better="up",
    at=_AT,
    formula="new visitors who became a lead within window_days ÷ new visitors",
    caveats=f"Leads of visitors who first came longer ago are in no period's number. {_KNOWN}",
)
def new_visitor_to_lead_rate(web_visits, as_of, *, window_days=30):
    """Of the visitors whose first visit lies in the period, the share that became a lead within `window_days` of it.

    Left out: new visitors whose window is still open at `as_of`, since they may become one yet. Each visitor is in one
    period and one group, so numbers add up. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("1234"), "visitor_id": list("aabc"),
    ...     "lead_id": [None, "L1", None, None], "started_at": ["2026-03-01", "2026-03-20", "2026-03-02",
    ...     "2026-05-25"]}}, as_of="2026-06-10")
    >>> crm.measure("new_visitor_to_lead_rate", period="2026-03-01/2026-06-01")[["numerator", "denominator"]]
       numerator  denominator
    0        1.0          2.0
    """
    return _within(web_visits, web_visits.first_lead_at, as_of, window_days)


@metric(
    title="Visitor purchase rate",
    unit="share",
    better="up",
    at=_AT,
    formula="visitors who bought on the site ÷ visitors",
    caveats=f"{_IN_PERIOD} Orders by telephone or through sales are in neither part. By source or landing page, both "
    f"parts are of the visits from it; parts of groups do not add up. {_KNOWN}",
)
def visitor_purchase_rate(web_visits):
    """Of the different visitors of the period, the share that placed an order in one of its visits. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("1234"), "visitor_id": list("aabc"),
    ...     "order_id": [None, "O1", "O2", None], "started_at": ["2026-03-01"] * 4}})
    >>> round(crm.measure("visitor_purchase_rate", period="2026-03").value.item(), 4)
    0.6667
    """
    bought = _visitors(web_visits, web_visits.order_id.notnull())
    return _named(bought / _visitors(web_visits), web_visits, interval="wilson")


@metric(
    title="Session purchase rate",
    unit="share",
    better="up",
    at=_AT,
    formula="visits in which an order was placed ÷ visits",
    caveats="Lower than visitor_purchase_rate, since visitors come several times before they buy. Shops compare "
    f"themselves by either: ask which. {_KNOWN}",
    source="C. O. Sakar et al. (2019), Real-time prediction of online shoppers' purchasing intention, Neural Computing "
    "and Applications 31, 6893-6908: 1,908 of 12,330 visits",
)
def session_purchase_rate(web_visits):
    """Of the visits of the period, the share in which an order was placed. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"web_sessions": {"session_id": list("1234"), "visitor_id": list("aabc"),
    ...     "order_id": [None, "O1", "O2", None], "started_at": ["2026-03-01"] * 4}})
    >>> crm.measure("session_purchase_rate", period="2026-03").value.item()
    0.5
    """
    return share(web_visits.order_id.notnull())


def _within(visits, done_at, as_of, window_days):
    """Divide the first visits that `done_at` follows within the window by all whose window has closed."""
    window = ibis.interval(days=window_days)
    closed = visits.started_at + window <= at(as_of) if as_of is not None else ibis.literal(False)
    done = share(done_at <= visits.started_at + window, of=visits.is_first & closed)
    done = done.remarking(
        visits.is_first & ~closed, f"new visitors of the last {window_days} days are left out: they may do it yet"
    )
    return _named(done, visits, interval="wilson")
