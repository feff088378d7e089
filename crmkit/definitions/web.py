"""The web site: which way up a conversion rate stands, and whether it counts people or visits."""

from __future__ import annotations

from crmkit.definitions import Case, Example, Line, Variant

visitor_to_lead = Case(
    question="How well does the site turn visitors into leads?",
    unit="share",
    better="up",
    variants=(
        Variant(
            "visitors who became a lead ÷ visitors",
            lambda became, visitors: became / visitors,
            metric="visitor_to_lead_rate",
            used=True,
        ),
        Variant(
            "visits in which a lead was made ÷ visits",
            lambda made, visits: made / visits,
            metric="session_lead_rate",
        ),
        Variant(
            "visitors ÷ visitors who became a lead",
            lambda became, visitors: visitors / became,
            metric="visitors_per_lead",
            unit="per_unit",
            printed="is what some articles print as the conversion rate",
        ),
    ),
    example=Example(
        "50,000 visitors and 2,000 leads in one month, 50,000 and 1,600 after a change of the site.",
        {"visitors": 50_000, "became": 1_600},
        before={"visitors": 50_000, "became": 2_000},
    ),
    parts={
        "visitors": "visitors",
        "became": "visitor_to_lead_rate.numerator",
        "visits": "sessions",
        "made": "session_lead_rate.numerator",
    },
    line=Line(0.03, met="bring more visitors to the site", missed="mend the site before paying for visitors"),
    trap="Upside down it is the number of visitors that a lead takes: where it rises, the site has become worse. Who "
    "reads it as a conversion rate celebrates every bad month.",
)
