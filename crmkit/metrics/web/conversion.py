"""Conversion: how many visitors and visits become leads, and how many buy."""

import ibis

from crmkit.kinds import share
from crmkit.metric import metric
from crmkit.metrics.web.common import AT, count_visitors, where_named
from crmkit.relations import at

_IN_PERIOD = "Who visits in one period and does it in the next counts as not having done it in the first."
_KNOWN = (
    "By a column of customers it misleads: only who bought or became a customer has one, so the rate is high there by "
    "construction."
)


@metric(
    title="Visitor to lead rate",
    unit="share",
    better="up",
    at=AT,
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
    led = count_visitors(web_visits, web_visits.lead_id.notnull())
    return where_named(led / count_visitors(web_visits), web_visits, interval="wilson")


@metric(
    title="Visitors per lead",
    unit="per_unit",
    better="down",
    at=AT,
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
    led = count_visitors(web_visits, web_visits.lead_id.notnull())
    return where_named(count_visitors(web_visits) / led, web_visits)


@metric(
    title="Session lead rate",
    unit="share",
    better="up",
    at=AT,
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
    at=AT,
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
    at=AT,
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
    bought = count_visitors(web_visits, web_visits.order_id.notnull())
    return where_named(bought / count_visitors(web_visits), web_visits, interval="wilson")


@metric(
    title="Session purchase rate",
    unit="share",
    better="up",
    at=AT,
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
    return where_named(done, visits, interval="wilson")
