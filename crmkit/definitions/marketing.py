"""Marketing: returns before and after the money that was spent, and before and after what the goods cost."""

from __future__ import annotations

from crmkit.definitions import Case, Example, Line, Variant

marketing_roi = Case(
    question="Does marketing pay?",
    unit="share",
    better="up",
    variants=(
        Variant(
            "(revenue − spending) ÷ spending",
            lambda revenue, spent: (revenue - spent) / spent,
            metric="marketing_roi",
            used=True,
        ),
        Variant(
            "revenue ÷ spending, called ROI",
            lambda revenue, spent: revenue / spent,
            metric="roas",
        ),
        Variant(
            "(margin − spending) ÷ spending",
            lambda margin, spent: (margin - spent) / spent,
            metric="marketing_roi_margin",
        ),
    ),
    example=Example(
        "50,000 spent, 175,000 of revenue, of which 70,000 remain after the cost of the goods.",
        {"spent": 50_000, "revenue": 175_000, "margin": 70_000},
    ),
    parts={"spent": "marketing_spend", "revenue": "campaign_revenue", "margin": "campaign_margin"},
    line=Line(2.0, met="raise the budget", missed="move the money elsewhere", what="a company's own hurdle"),
    trap="Revenue divided by spending is 100% where nothing was gained, so it is always one whole too high for a "
    "return. And revenue is not what is left: at a margin of a third, three times the spending is needed to lose "
    "nothing.",
)
