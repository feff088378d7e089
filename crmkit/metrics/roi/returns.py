"""Returns: what comes back for what the CRM cost, in a period and to date, and when it has paid for itself."""

import math

import ibis

from crmkit.kinds import level, withheld
from crmkit.metric import metric
from crmkit.metrics.roi.common import SETTINGS, any_known, no_end, without_price


@metric(
    title="Return on the CRM",
    unit="share",
    better="up",
    settings=SETTINGS,
    interval=None,
    formula="(benefit − cost) ÷ cost",
    caveats="Of the period alone: what was paid for implementation before it is not in it. See crm_roi_to_date.",
)
def crm_roi(crm_benefit, crm_cost):
    """What the CRM brought in the period beyond its cost, for each unit of money that it cost.

    A benefit of 500,000 from a cost of 300,000 is a return of 66.67%. It has no interval of its own: the methods of
    `crmkit.methods.crm_return` give one that holds the uncertainty of the year before, too.

    >>> round((500_000 - 300_000) / 300_000, 4)
    0.6667
    """
    return (crm_benefit - crm_cost) / crm_cost


@metric(
    title="Return on the CRM, gross",
    unit="share",
    better="up",
    settings=SETTINGS,
    interval=None,
    formula="benefit ÷ cost",
    caveats="What some vendors print as the return. It is 100% where nothing was gained: the cost is not taken off.",
)
def crm_roi_gross(crm_benefit, crm_cost):
    """Benefit of the period ÷ cost of the period: 500,000 from 300,000 is 166.67%, where the return is 66.67%.

    >>> round(500_000 / 300_000, 4)
    1.6667
    """
    return crm_benefit / crm_cost


@metric(
    title="Return on the CRM to date",
    unit="share",
    better="up",
    at="at",
    settings=SETTINGS,
    interval=None,
    formula="(benefit − cost) ÷ cost, of all time up to the end of the period",
    caveats="Grows with time as long as the running benefit is above the running cost.",
)
def crm_roi_to_date(crm_flows):
    """The return from the first cost of the CRM to the end of the period: implementation and training are in it.

    >>> import crmkit
    >>> crm = crmkit.open({"costs": {"month": ["2025-03-01", "2025-08-01", "2025-06-01"],
    ...     "amount": [200.0, 210.0, 60.0],
    ...     "category": ["sales", "sales", "crm_implementation"]}, "customers": {"customer_id": list("abcde"),
    ...     "created_at": ["2025-01-01"] * 5,
    ...     "acquired_at": ["2025-03-05", "2025-03-06", "2025-08-01", "2025-08-02", "2025-08-03"]}},
    ...     config={"crm_introduced": "2025-07-01"})
    >>> crm.measure("crm_roi_to_date", period="2025-08").value.item()  # 90 / 60 - 1
    0.5
    """
    when, never = crm_flows["at"], no_end()
    benefit = level(when, never, value=crm_flows.benefit, where=crm_flows.is_benefit)
    cost = level(when, never, value=crm_flows.cost, where=~crm_flows.is_benefit)
    return (without_price(benefit, crm_flows) * any_known(crm_flows) - cost) / cost


@metric(
    title="Net present value to date",
    unit="money",
    better="up",
    at="at",
    settings=SETTINGS,
    interval=None,
    formula="sum of (benefit − cost) ÷ (1 + rate) ^ (months since the introduction ÷ 12), up to the end of the period",
    caveats="Only what has come in: later years, for which the CRM was bought, are not in it. The rate is yearly.",
    source="Brealey, Myers, Allen: Principles of Corporate Finance, chapter 2.",
)
def npv(crm_flows, *, rate=0.1):
    """All flows up to the end of the period, in money of the month of the introduction, at a yearly `rate`.

    Flows count by calendar month. `crmkit.methods.npv` does the same for any flows: −100,000 and then four times
    40,000 a year at 10% are worth 26,794.62.

    >>> import crmkit
    >>> crm = crmkit.open({"costs": {"month": ["2025-03-01", "2026-07-01", "2025-07-01"],
    ...     "amount": [200.0, 210.0, 60.0],
    ...     "category": ["sales", "sales", "crm_implementation"]}, "customers": {"customer_id": list("abcde"),
    ...     "created_at": ["2025-01-01"] * 5,
    ...     "acquired_at": ["2025-03-05", "2025-03-06", "2026-07-01", "2026-07-02", "2026-07-03"]}},
    ...     config={"crm_introduced": "2025-07-01"})
    >>> round(crm.measure("npv", period="2026-07", rate=0.2).value.item(), 6)  # 90 / 1.2 - 60
    15.0
    """
    worth = (crm_flows.months.cast("float64") * (-math.log1p(rate) / 12)).exp()
    flows = level(crm_flows["at"], no_end(), value=crm_flows.net * worth)
    return without_price(flows, crm_flows) * any_known(crm_flows)


@metric(
    title="Payback",
    unit="months",
    better="down",
    at="at",
    settings=SETTINGS,
    interval=None,
    formula="months from the introduction to the end of the first in which all benefits so far reach all costs so far",
    caveats="In whole calendar months, not discounted. A large cost after it can turn the sum below zero again.",
)
def payback_months(crm_months):
    """Months from the introduction until the CRM has paid for itself; unknown, with a note, while it has not.

    The month of the introduction is the first.

    >>> import crmkit
    >>> crm = crmkit.open({"costs": {"month": ["2025-03-01", "2025-08-01", "2025-06-01"],
    ...     "amount": [200.0, 210.0, 60.0],
    ...     "category": ["sales", "sales", "crm_implementation"]}, "customers": {"customer_id": list("abcde"),
    ...     "created_at": ["2025-01-01"] * 5,
    ...     "acquired_at": ["2025-03-05", "2025-03-06", "2025-08-01", "2025-08-02", "2025-08-03"]}},
    ...     config={"crm_introduced": "2025-07-01"}, as_of="2025-08-31")
    >>> found = crm.measure("payback_months", every="month", period="2025-06-01/2025-09-01")
    >>> found[["value", "note"]].values.tolist()[::2]
    [[nan, 'not paid back by the end of the period'], [2.0, '']]
    """
    when, never, pays = crm_months["at"], no_end(), crm_months.pays
    at_end = level(when, never, value=ibis.ifelse(pays, crm_months.months + 1, 0))
    months = at_end / level(when, never, value=ibis.ifelse(pays, 1, 0))
    return withheld(
        months,
        amount=ibis.ifelse(crm_months.paid, 1.0, 0.0),
        where=crm_months.months.notnull(),
        reason="not paid back by the end of the period",
        interval=None,
    )
