"""Variants: definitions of the same thing side by side, since 10% by one is 4.0% by another."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from crmkit.errors import UsageError
from crmkit.methods.common import said
from crmkit.metric import find
from crmkit.periods import Period

FAMILIES_OF_VARIANTS: dict[str, tuple[str, ...]] = {
    "churn": ("churn_rate", "churn_rate_average", "churn_rate_acquired"),
    "retention": ("retention_rate", "renewal_rate", "renewal_rate_value", "grr", "nrr"),
    "winning": ("win_rate", "win_rate_value", "close_rate"),
    "sales cycle": ("sales_cycle_days", "sales_cycle_days_median", "lead_to_win_days", "first_contact_to_win_days"),
    "deal size": ("average_deal_size", "median_deal_size"),
    "lead follow-up": ("lead_follow_up_hours", "lead_follow_up_hours_mean"),
    "order value": ("average_order_value", "average_order_value_gross", "median_order_value"),
    "acquisition cost": ("cac", "cac_acquisition_only"),
    "return on marketing": ("marketing_roi", "marketing_roi_margin", "roas"),
    "visitor to lead": ("visitor_to_lead_rate", "visitors_per_lead", "new_visitor_to_lead_rate"),
    "first response": (
        "first_response_hours",
        "first_response_hours_mean",
        "first_response_hours_p90",
        "first_response_business_hours",
        "first_response_business_hours_mean",
        "first_response_business_hours_p90",
    ),
    "resolution": (
        "resolution_hours",
        "resolution_hours_mean",
        "resolution_hours_p90",
        "resolution_business_hours",
        "resolution_business_hours_mean",
        "resolution_business_hours_p90",
    ),
    "return on the CRM": ("crm_roi", "crm_roi_gross", "crm_roi_to_date"),
}
"""What goes by one name in talk, and the metrics that people mean by it."""


def variants(crm, names: str | Sequence[str], *, period: str | Period) -> pd.DataFrame:
    """Measure several definitions of the same thing and put them side by side.

    Parameters
    ----------
    crm : Crm
    names : str or list of str
        Names of metrics, or one of `FAMILIES_OF_VARIANTS`, such as churn, winning or order value.
    period : str or Period

    Returns
    -------
    DataFrame
        One row a metric, in the order given: `metric`, `title`, `value`, `unit`, `formula`, `numerator`,
        `denominator`, `n`, `differs` (when it misleads, else what it counts), `note` (what this data cannot say).

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abcde"), "created_at": ["2025-01-01"] * 5,
    ...     "acquired_at": ["2025-01-01"] * 4 + ["2026-01-05"],
    ...     "lost_at": ["2026-01-31", None, None, None, "2026-01-31"]}})
    >>> variants(crm, "churn", period="2026-01")[["metric", "value", "numerator", "denominator"]].round(3)
                    metric  value  numerator  denominator
    0           churn_rate  0.250        1.0          4.0
    1   churn_rate_average  0.571        2.0          3.5
    2  churn_rate_acquired  2.000        2.0          1.0
    """
    if isinstance(names, str):
        if names not in FAMILIES_OF_VARIANTS:
            known = ", ".join(FAMILIES_OF_VARIANTS)
            raise UsageError(f"{names!r} has no variants here. Name the metrics in a list, or one of {known}.")
        names = FAMILIES_OF_VARIANTS[names]
    wanted = [find(name) for name in names]
    measured = crm.measure([metric.name for metric in wanted], period=period, intervals=False).set_index("metric")
    rows = []
    for metric in wanted:
        row = measured.loc[metric.name]
        rows.append(
            {
                "metric": metric.name,
                "title": metric.title,
                "value": row["value"],
                "unit": metric.unit,
                "formula": metric.formula,
                "numerator": row["numerator"],
                "denominator": row["denominator"],
                "n": row["n"],
                "differs": metric.caveats or metric.meaning.partition("\n\n")[0].replace("\n", " "),
                "note": row["note"],
            }
        )
    return said(pd.DataFrame(rows), crm, title="Definitions side by side")
