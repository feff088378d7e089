"""Costs and benefits: what the CRM cost in a period, and what it brought, each benefit by itself.

Every benefit answers one question: what would the same work have cost or brought as things were in the twelve months
before `crm_introduced`? `crmkit.derived.crm_effects` holds the rows; they are split so that nothing counts twice.
A benefit is a comparison in time. What else changed with the year is in it, too.
"""

from crmkit.derived.crm_flows import COSTS
from crmkit.kinds import total
from crmkit.metric import metric
from crmkit.metrics.roi.common import SETTINGS, any_known, without_price

_CAVEAT = "Before against after, not cause: what else changed in that time is in it. "


@metric(
    title="Cost of the CRM",
    unit="money",
    better="down",
    at="month",
    formula="licence + implementation + training + operation",
    caveats="Only what is booked in these categories. The staff's own time in the project is not in it unless it is.",
)
def crm_cost(costs):
    """Costs of the period in the categories crm_licence, crm_implementation, crm_training and crm_operation.

    Grouped by `category`, each of them.

    >>> import crmkit
    >>> crm = crmkit.open({"costs": {"month": ["2026-03-01"] * 3, "category": ["crm_licence", "crm_training", "sales"],
    ...     "amount": [100.0, 50.0, 900.0]}})
    >>> crm.measure("crm_cost", period="2026-03").value.item()
    150.0
    """
    return total(costs.amount, costs.category.isin(COSTS))


@metric(
    title="Benefit: time saved",
    unit="money",
    better="up",
    at="at",
    settings=SETTINGS,
    formula="(minutes of a task or note before − now) × their number × cost of an hour",
    caveats=_CAVEAT + "An hour saved is worth money only where it is put to use. Left out: calls and meetings, and "
    "that more is done in the same time.",
    source="Cost of an hour: monthly cost ÷ (1,720 ÷ 12), the productive hours of the EU's funding programmes.",
)
def crm_benefit_time(time_effects):
    """What the routine work of the period (tasks, notes) would have cost more at last year's minutes.

    Each kind is compared with itself in the twelve months before the introduction. Left out: work without a duration.

    >>> import crmkit
    >>> crm = crmkit.open({"activities": {"activity_id": list("abc"), "kind": ["note"] * 3, "user_id": ["u"] * 3,
    ...     "at": ["2025-01-10", "2025-02-10", "2025-08-10"], "duration_minutes": [15.0, 25.0, 10.0]},
    ...     "users": {"user_id": ["u"], "monthly_cost": [4300.0]}}, config={"crm_introduced": "2025-07-01"})
    >>> round(crm.measure("crm_benefit_time", period="2025-08").value.item(), 6)  # 20 - 10 minutes at 30 an hour
    5.0
    """
    return total(time_effects.flow, time_effects.since)


@metric(
    title="Benefit: customers kept",
    unit="money",
    better="up",
    at="at",
    settings=SETTINGS,
    formula="(renewal rate by value now − before) × amount of the terms decided × gross margin",
    caveats=_CAVEAT + "A renewed term counts with its whole amount when it is renewed, and one term only. Left out: "
    "customers without terms, and whatever they buy beside the contract.",
)
def crm_benefit_retention(retention_effects):
    """The margin on the terms renewed in the period beyond the renewal rate (by value) of the year before.

    The margin is the gross margin share of the orders in the twelve months before the introduction, so that a change
    of prices or costs is not taken for a benefit.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": list("abcd"), "customer_id": list("abcd"),
    ...     "started_at": ["2024-01-01"] * 4, "mrr": [10.0] * 4},
    ...     "terms": {"subscription_id": list("abcd"), "amount": [100.0] * 4, "term_start": ["2024-01-01"] * 4,
    ...     "term_end": ["2025-03-01", "2025-03-02", "2025-08-01", "2025-08-02"],
    ...     "outcome": ["renewed", "lapsed", "renewed", "renewed"]},
    ...     "orders": {"order_id": ["1"], "customer_id": ["a"], "ordered_at": ["2025-01-01"], "amount": [10.0],
    ...     "cost": [6.0]}}, config={"crm_introduced": "2025-07-01"}, as_of="2025-08-31")
    >>> round(crm.measure("crm_benefit_retention", period="2025-08").value.item(), 6)  # (100% - 50%) of 200 at 40%
    40.0
    """
    return total(retention_effects.flow, retention_effects.since)


@metric(
    title="Benefit: cheaper acquisition",
    unit="money",
    better="up",
    at="at",
    settings=SETTINGS,
    formula="(acquisition cost before − now) × customers acquired",
    caveats=_CAVEAT + "All gains in the number of new customers are here, those from more deals won or won sooner too, "
    "at what such a customer used to cost. Left out: what these customers buy. By group, spending names no "
    "customer and stays in (none).",
)
def crm_benefit_acquisition(acquisition_effects):
    """What the customers acquired in the period would have cost more at the acquisition cost of the year before.

    Acquisition cost is that of `cac`: all marketing and sales costs ÷ customers acquired.

    >>> import crmkit
    >>> crm = crmkit.open({"costs": {"month": ["2025-03-01", "2025-08-01"], "category": ["sales"] * 2,
    ...     "amount": [200.0, 210.0]}, "customers": {"customer_id": list("abcde"), "created_at": ["2025-01-01"] * 5,
    ...     "acquired_at": ["2025-03-05", "2025-03-06", "2025-08-01", "2025-08-02", "2025-08-03"]}},
    ...     config={"crm_introduced": "2025-07-01"})
    >>> crm.measure("crm_benefit_acquisition", period="2025-08").value.item()  # (100 - 70) x 3
    90.0
    """
    return total(acquisition_effects.flow, acquisition_effects.since)


@metric(
    title="Benefit: larger first deals",
    unit="money",
    better="up",
    at="at",
    settings=SETTINGS,
    optional=("customers", "opportunities.customer_id"),
    formula="(mean amount of a deal won from a new customer now − before) × deals won × gross margin, by segment",
    caveats=_CAVEAT + "A few large deals decide it: read it with its interval. Left out: that more deals are won or "
    "won sooner, which is in cheaper acquisition; deals with present customers.",
)
def crm_benefit_revenue(revenue_effects):
    """The margin on the deals won from new customers in the period beyond what as many deals brought the year before.

    Compared by the customer's segment, where there is one. Left out: deals without an amount or of another kind.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abc"), "outcome": ["won"] * 3, "kind": ["new"] * 3,
    ...     "created_at": ["2025-01-01"] * 3, "closed_at": ["2025-02-01", "2025-03-01", "2025-08-01"],
    ...     "amount": [100.0, 300.0, 250.0]}, "orders": {"order_id": ["1"], "customer_id": ["a"],
    ...     "ordered_at": ["2025-01-01"], "amount": [10.0], "cost": [6.0]}}, config={"crm_introduced": "2025-07-01"},
    ...     as_of="2025-08-31")
    >>> round(crm.measure("crm_benefit_revenue", period="2025-08").value.item(), 6)  # (250 - 200) at 40%
    20.0
    """
    return total(revenue_effects.flow, revenue_effects.since)


@metric(
    title="Benefit: cross-sell and up-sell",
    unit="money",
    better="up",
    at="at",
    settings=SETTINGS,
    optional=("customers",),
    formula="(expansion won per customer and month now − before) × customers and months × gross margin, by segment",
    caveats=_CAVEAT + "Left out: first deals, renewals, and orders or larger subscriptions that no opportunity of kind "
    "expansion stands for.",
)
def crm_benefit_cross_sell(cross_sell_effects):
    """The margin on expansions won in the period beyond what as many customers bought in the year before.

    Compared per customer and month, by the customer's segment, so that having more customers is no benefit here.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("ab"), "outcome": ["won"] * 2,
    ...     "kind": ["expansion"] * 2, "customer_id": ["x"] * 2, "created_at": ["2024-01-01"] * 2,
    ...     "closed_at": ["2024-07-01", "2025-07-05"], "amount": [1200.0, 150.0]},
    ...     "customers": {"customer_id": ["x"], "created_at": ["2020-01-01"], "acquired_at": ["2020-01-01"]},
    ...     "orders": {"order_id": ["1"], "customer_id": ["x"], "ordered_at": ["2025-01-01"], "amount": [10.0],
    ...     "cost": [6.0]}}, config={"crm_introduced": "2025-07-01"}, as_of="2025-07-31")
    >>> round(crm.measure("crm_benefit_cross_sell", period="2025-07").value.item(), 6)  # (150 - 1200/12) at 40%
    20.0
    """
    return total(cross_sell_effects.flow, cross_sell_effects.since)


@metric(
    title="Benefit of the CRM",
    unit="money",
    better="up",
    at="at",
    settings=SETTINGS,
    interval=None,
    formula="time saved + customers kept + cheaper acquisition + larger first deals + cross-sell and up-sell",
    caveats="A benefit that this data cannot measure is not in the sum. What has no price, such as satisfaction, is "
    "not in it either.",
)
def crm_benefit(crm_flows):
    """The sum of the named benefits in the period; grouped by `flow`, each of them.

    0 before the introduction; unknown where the data knows none of them.

    >>> import crmkit
    >>> crm = crmkit.open({"costs": {"month": ["2025-03-01", "2025-08-01"], "category": ["sales"] * 2,
    ...     "amount": [200.0, 210.0]}, "customers": {"customer_id": list("abcde"), "created_at": ["2025-01-01"] * 5,
    ...     "acquired_at": ["2025-03-05", "2025-03-06", "2025-08-01", "2025-08-02", "2025-08-03"]}},
    ...     config={"crm_introduced": "2025-07-01"})
    >>> crm.measure("crm_benefit", period="2025-08").value.item()
    90.0
    """
    return without_price(total(crm_flows.benefit, crm_flows.is_benefit), crm_flows) * any_known(crm_flows)
