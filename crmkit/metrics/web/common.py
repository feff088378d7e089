"""What the files of the web site share: how visitors are counted, and when they cannot be."""

from crmkit.kinds import count, withheld

AT = "started_at"


def count_visitors(visits, where=None):
    """Count different visitors."""
    return count(where, distinct=visits.visitor_id)


def where_named(kind, visits, *, interval=None):
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
