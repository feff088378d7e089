"""Records: how completely they are filled in, and how many of those that live nobody has touched for long."""

import ibis

from crmkit.kinds import level
from crmkit.metric import metric
from crmkit.relations import at


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
