"""Service: whose hours count, and what becomes of the tickets that still wait."""

from __future__ import annotations

from statistics import fmean, median

from crmkit.definitions import Case, Example, Line, Variant
from crmkit.definitions.sales import median_with_waiting
from crmkit.methods.common import need


def _waiting(crm, period):
    from crmkit.methods.tickets import service_hours_censored

    need(crm, "resolution", "tickets")
    return {"with_waiting": float(service_hours_censored(crm, period=period)["value"].iloc[0])}


resolution = Case(
    question="How long until a ticket is resolved?",
    unit="hours",
    better="down",
    variants=(
        Variant(
            "median calendar hours of the resolved",
            lambda middle: middle,
            metric="resolution_hours",
            used=True,
        ),
        Variant("median calendar hours, the tickets that still wait counted", lambda with_waiting: with_waiting),
        Variant("mean calendar hours of the resolved", lambda mean: mean, metric="resolution_hours_mean"),
        Variant("calendar hours that one in ten takes longer than", lambda slow: slow, metric="resolution_hours_p90"),
        Variant("median business hours of the resolved", lambda business: business, metric="resolution_business_hours"),
    ),
    example=Example(
        "Nine tickets: five resolved after 2, 3, 4, 5 and 50 hours, four that have waited for 60, 80, 90 and 100.",
        {
            "middle": median([2, 3, 4, 5, 50]),
            "mean": fmean([2, 3, 4, 5, 50]),
            "with_waiting": median_with_waiting([2, 3, 4, 5, 50], [60, 80, 90, 100]),
        },
    ),
    parts={
        "middle": "resolution_hours",
        "mean": "resolution_hours_mean",
        "slow": "resolution_hours_p90",
        "business": "resolution_business_hours",
    },
    more=_waiting,
    line=Line(24, met="promise it to customers", missed="add people"),
    trap="Hours in which the office is closed do not shorten a customer's wait. And a team that lets the hard tickets "
    "lie has a short median, since what is not resolved is not in it: the page of service prints both.",
)
