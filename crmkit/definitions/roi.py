"""The return on the CRM: what is left of the benefit once its cost is paid."""

from __future__ import annotations

from crmkit.definitions import Case, Example, Line, Variant

crm_roi = Case(
    question="Does the CRM pay?",
    unit="share",
    better="up",
    variants=(
        Variant(
            "(benefit − cost) ÷ cost",
            lambda benefit, cost: (benefit - cost) / cost,
            metric="crm_roi",
            used=True,
        ),
        Variant(
            "benefit ÷ cost, called ROI",
            lambda benefit, cost: benefit / cost,
            metric="crm_roi_gross",
            printed="is what some vendors print as the return",
        ),
        Variant(
            "(benefit − cost) ÷ cost, of all time so far",
            lambda to_date: to_date,
            metric="crm_roi_to_date",
        ),
    ),
    example=Example("A benefit of 500,000 from a cost of 300,000.", {"benefit": 500_000, "cost": 300_000}),
    parts={"benefit": "crm_benefit", "cost": "crm_cost", "to_date": "crm_roi_to_date"},
    line=Line(1.0, met="buy more licences", missed="wait before buying more", what="a company's own hurdle"),
    trap="Benefit divided by cost is never below zero: a CRM that brings back half of its cost has a “return” of 50% "
    "by it, and has lost half. And a single quarter leaves out what the introduction cost before it.",
)
