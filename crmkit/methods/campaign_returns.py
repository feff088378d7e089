"""What each campaign or channel cost and brought, with the uncertainty of what it brought."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmkit.engine.money import check_currencies
from crmkit.errors import NotInThisData
from crmkit.methods.common import run, said
from crmkit.metric import find
from crmkit.periods import Period
from crmkit.relations import at

WHOLE = "(all)"
REPLICATES = 1000
_SEED = 20260701
_MEASURED = (
    "campaigns_run", "marketing_spend", "campaign_leads", "cost_per_lead", "campaign_revenue", "campaign_margin",
    "marketing_roi", "marketing_roi_margin", "roas",
)  # fmt: skip
_ENDS = ("_low", "_high")


def campaign_returns(crm, *, period: str | Period = "latest", by: str = "channel") -> pd.DataFrame:
    """Measure cost, leads, revenue and return of each channel, and how far luck alone could move them.

    Parameters
    ----------
    crm : Crm
    period : str or Period
        Of the spending, and of the leads and sales set against it.
    by : str
        channel, campaign_id or name.

    Returns
    -------
    DataFrame
        One row a group with spending, leads or revenue, the dearest first, and "(all)" last: the group and the metrics
        `campaigns_run`, `marketing_spend`, `campaign_leads`, `cost_per_lead`, `campaign_revenue`, `campaign_margin`,
        `marketing_roi`, `marketing_roi_margin` and `roas`, with the ends `_low` and `_high` of 95% intervals of the
        cost per lead and of the three returns, and `buyers`, the customers that the revenue comes from.

    Raises
    ------
    NotInThisData
        Where there are no campaigns with a cost.

    Notes
    -----
    What was spent is known. The interval of a return is that of its revenue (or margin): the customers who bought are
    drawn again, each a Poisson(1) number of times, seeded; so a return that hangs on two large deals has a wide one.
    With fewer than 3 buyers there is none. The interval of the cost per lead is exact for a Poisson count of leads
    (F. Garwood (1936), Biometrika 28, 437-442).

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "channel": ["Fair"], "started_at": ["2026-01-01"],
    ...     "ended_at": ["2026-02-01"], "cost": [50.0]}, "orders": {"order_id": list("abcd"),
    ...     "customer_id": list("klmn"), "ordered_at": ["2026-01-10"] * 4, "amount": [40.0, 45.0, 45.0, 45.0],
    ...     "campaign_id": ["1"] * 4}}, as_of="2026-01-31")
    >>> found = campaign_returns(crm, period="2026-01")
    >>> found[["channel", "marketing_spend", "campaign_revenue", "roas"]].values.tolist()
    [['Fair', 50.0, 175.0, 3.5], ['(all)', 50.0, 175.0, 3.5]]
    """
    now = crm.period(period)
    parts = _wide(crm, now, by)
    rows = parts[(parts[["marketing_spend", "campaign_leads", "campaign_revenue"]].fillna(0) != 0).any(axis=1)]
    rows = rows.sort_values("marketing_spend", ascending=False, kind="stable")
    whole = _wide(crm, now, None).assign(**{by: WHOLE})
    found = pd.concat([rows, whole], ignore_index=True)
    found = _with_lead_cost(found)
    found = _with_returns(found, _buyers(crm, now, by), by)
    return said(found, crm, by=by)


def _wide(crm, now: Period, by: str | None) -> pd.DataFrame:
    measured = crm.measure(list(_MEASURED), period=now, by=[by] if by else [], intervals=False)
    spend = measured[measured["metric"] == "marketing_spend"]
    if spend["note"].str.startswith("not in this data").any():
        reason = spend["note"].iloc[0].removeprefix("not in this data: ")
        raise NotInThisData(f"campaign returns: not in this data, {reason}.")
    measured = measured[~measured["note"].str.startswith("not in this data")]
    if by:
        wide = measured.pivot(index=by, columns="metric", values="value").reset_index()
    else:
        wide = measured.set_index("metric")["value"].to_frame().T.reset_index(drop=True)
    return wide.rename_axis(columns=None).reindex(columns=[*([by] if by else []), *_MEASURED])


def _with_lead_cost(rows: pd.DataFrame) -> pd.DataFrame:
    """Add the interval of the cost per lead, from that of the number of leads."""
    from scipy.special import gammaincinv

    leads, spend = rows["campaign_leads"], rows["marketing_spend"]
    few, many = gammaincinv(leads.where(leads > 0), 0.025), gammaincinv(leads + 1, 0.975)
    there = rows["cost_per_lead"].notna()
    return rows.assign(
        cost_per_lead_low=(spend / many).where(there), cost_per_lead_high=(spend / few).where(there & (few > 0))
    )


def _buyers(crm, now: Period, by: str) -> pd.DataFrame:
    """Return what each customer bought of each group's campaigns: `unit`, the group, `revenue`, `margin`."""
    if not {"orders", "opportunities"} & set(crm.tables):
        return pd.DataFrame(columns=["unit", by, "revenue", "margin"])
    check_currencies(crm, find("campaign_revenue"), [])
    from crmkit.engine import dimensions

    sales, (column,) = dimensions.joined(crm, crm.relations, "campaign_sales", [by])
    inside = (sales["at"] >= at(now.start)) & (sales["at"] < at(now.end))
    sales = sales.filter(inside & sales.known & sales.revenue.notnull())
    unit = sales.customer_id.fill_null(sales.sale_id)
    found = sales.group_by(**{"unit": unit, by: sales[column]}).agg(
        revenue=sales.revenue.sum(), margin=sales.margin.sum()
    )
    return run(found)


def _with_returns(rows: pd.DataFrame, bought: pd.DataFrame, by: str) -> pd.DataFrame:
    """Add the intervals of the returns, drawing customers again."""
    ends = {f"{name}{end}": np.full(len(rows), np.nan) for name in _RETURNS for end in _ENDS}
    buyers = np.zeros(len(rows))
    for place, (group, spend) in enumerate(zip(rows[by], rows["marketing_spend"], strict=True)):
        mine = bought if group == WHOLE else bought[bought[by] == group]
        amounts = mine.groupby("unit")[["revenue", "margin"]].sum(min_count=1)
        amounts = amounts.sort_values(["revenue", "margin"])  # in an order that ids have no part in
        buyers[place] = len(amounts)
        if len(amounts) < 3 or not spend > 0:
            continue
        weights = np.random.default_rng(_SEED).poisson(1.0, (REPLICATES, len(amounts)))
        for name, (column, less) in _RETURNS.items():
            if amounts[column].notna().sum() >= 3:
                drawn = weights @ amounts[column].fillna(0.0).to_numpy(float) / spend - less
                ends[f"{name}_low"][place], ends[f"{name}_high"][place] = np.percentile(drawn, [2.5, 97.5])
    return rows.assign(buyers=buyers, **ends)


_RETURNS = {"marketing_roi": ("revenue", 1), "marketing_roi_margin": ("margin", 1), "roas": ("revenue", 0)}
"""Each return: the amount that it divides by the spending, and what it takes off."""
