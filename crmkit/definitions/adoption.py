"""Use of the CRM: of whom, and how often."""

from __future__ import annotations

from crmkit.definitions import Case, Example, Line, Variant

adoption = Case(
    question="How many people use the CRM?",
    unit="share",
    better="up",
    variants=(
        Variant(
            "licensed users with any event ÷ licensed users",
            lambda active_licensed, licensed: active_licensed / licensed,
            metric="adoption_rate",
            used=True,
        ),
        Variant("all users with any event ÷ licensed users", lambda active, licensed: active / licensed),
        Variant(
            "licensed users with any event on a mean day ÷ licensed users",
            lambda stickiness, active_licensed, licensed: stickiness * active_licensed / licensed,
        ),
    ),
    example=Example(
        "40 licences; 30 of their users came in the month, 12 of them on a mean day. 12 more people worked without a "
        "licence, such as on a colleague's screen.",
        {"licensed": 40, "active_licensed": 30, "active": 30 + 12, "stickiness": 12 / 30},
        line=0.8,
    ),
    parts={
        "licensed": "adoption_rate.denominator",
        "active_licensed": "adoption_rate.numerator",
        "active": "active_users",
        "stickiness": "stickiness",
    },
    line=Line(0.8, met="call the introduction done", missed="ask why people stay away"),
    trap="Users without a licence in the numerator can lift the rate above 100% and hide the licences that nobody "
    "uses. And a month in which everybody logged in once looks like full adoption: over a day it is far from it.",
)
