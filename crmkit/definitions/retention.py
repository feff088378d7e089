"""Losing and keeping customers: of whom the lost are counted, and whether new customers are among those kept."""

from __future__ import annotations

import math

from crmkit.definitions import Case, Example, Line, Variant
from crmkit.errors import NotInThisData, UsageError
from crmkit.periods import trailing_year

_COUNTS = {
    "start": "customers_at_start",
    "gained": "new_customers",
    "lost": "lost_customers",
    "lost_of_start": "churn_rate.numerator",
    "kept": "customers_kept",
    "end": "customers_at_end",
}

churn = Case(
    question="How many customers do we lose?",
    unit="share",
    better="down",
    variants=(
        Variant(
            "lost of those of the start ÷ customers at the start",
            lambda lost_of_start, start: lost_of_start / start,
            metric="churn_rate",
            used=True,
        ),
        Variant(
            "all lost ÷ mean of start and end",
            lambda lost, start, end: lost / ((start + end) / 2),
            metric="churn_rate_average",
        ),
        Variant("all lost ÷ customers at the start", lambda lost, start: lost / start),
        Variant(
            "all lost ÷ customers acquired",
            lambda lost, gained: lost / gained,
            metric="churn_rate_acquired",
            printed="is what some CRM vendors publish",
        ),
    ),
    example=Example(
        "1,000 customers at the start, 500 gained, 50 lost, of whom 10 had joined in the period.",
        {"start": 1000, "gained": 500, "lost": 50, "lost_of_start": 50 - 10, "end": 1000 + 500 - 50},
    ),
    parts=_COUNTS,
    line=Line(0.05, met="spend on winning customers", missed="stop the losses before anything else"),
    trap="Divided by the customers acquired, churn falls when sales have a good month, though nobody stays longer, and "
    "it can exceed 100%. Those who join and leave within the period belong to neither part.",
)

retention = Case(
    question="How many customers do we keep?",
    unit="share",
    better="up",
    variants=(
        Variant(
            "those of the start who are still there ÷ customers at the start",
            lambda kept, start: kept / start,
            metric="retention_rate",
            used=True,
        ),
        Variant("customers at the end ÷ customers at the start", lambda end, start: end / start),
        Variant(
            "(customers at the start − gained) ÷ customers at the end",
            lambda start, gained, end: (start - gained) / end,
            printed="gives the retention that was published for these inputs",
        ),
    ),
    example=Example(
        "1,250 customers at the start, 500 gained, 1,000 at the end.",
        {"start": 1250, "gained": 500, "end": 1000, "kept": 1000 - 500},
        line=0.7,
    ),
    parts=_COUNTS,
    line=Line(0.9, met="leave service as it is", missed="find out why customers leave"),
    trap="Customers who joined in the period cannot have been kept. With them in it, a company that replaces everybody "
    "who leaves keeps all of them by this number.",
)


def monthly_churn(crm, period) -> dict[str, list[float]]:
    """Return the churn rates of the months of a period, those that are known, as the part "monthly".

    Raises
    ------
    NotInThisData
        Where the period is not made of whole months.
    """
    try:
        rates = crm.measure("churn_rate", period=period, every="month", intervals=False)["value"]
    except UsageError as error:
        raise NotInThisData(str(error)) from None
    return {"monthly": rates.dropna().astype(float).tolist()}


churn_year = Case(
    question="How many customers do we lose in a year?",
    unit="share",
    better="down",
    variants=(
        Variant(
            "lost of those of a year ago ÷ customers a year ago",
            lambda lost_of_start, start: lost_of_start / start,
            metric="churn_rate",
            used=True,
        ),
        Variant("mean monthly churn × 12", lambda monthly: sum(monthly) / len(monthly) * 12 if monthly else None),
        Variant(
            "1 − product of the monthly rates kept",
            lambda monthly: 1 - math.prod(1 - rate for rate in monthly) if len(monthly) == 12 else None,
        ),
    ),
    example=Example(
        "1,000 customers, of whom 5% of those left go every month.",
        {"start": 1000, "lost_of_start": 1000 * (1 - 0.95**12), "monthly": [0.05] * 12},
        line=0.5,
    ),
    parts={"start": "customers_at_start", "lost_of_start": "churn_rate.numerator"},
    more=monthly_churn,
    over=lambda crm, period: trailing_year(period),
    line=Line(0.4, met="plan with the customers that there are", missed="plan with a third of new customers or more"),
    trap="Who left in March cannot leave again in April: twelve monthly rates do not add up, and from 8.4% a month on "
    "their sum exceeds 100%. Compounded they come near, but customers who joined in the year are in the months, and "
    "not in the year.",
)
