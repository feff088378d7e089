"""Returns: the revenue and margin that campaigns bring, and what comes back for each unit of money spent."""

from crmkit.kinds import total
from crmkit.metric import metric
from crmkit.metrics.marketing.common import UNKNOWN

_SALES = ("orders", "opportunities")


@metric(
    title="Campaign revenue",
    unit="money",
    better="up",
    at="at",
    formula="amount of the orders, else won opportunities, that name a campaign",
    caveats="That a sale names a campaign does not mean that there would have been none without it.",
    optional=_SALES,
)
def campaign_revenue(campaign_sales):
    """Revenue of the period attributed to campaigns: of the orders that name one, else of won opportunities that do.

    An order without a campaign has that of its opportunity, and an opportunity that an order stands for is counted
    once. Returns are negative. Left out: what names a campaign that the table campaigns does not have.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "started_at": ["2026-01-01"], "cost": [9.0]},
    ...     "opportunities": {"opportunity_id": ["x", "y"], "outcome": ["won"] * 2, "created_at": ["2026-01-01"] * 2,
    ...     "closed_at": ["2026-01-09"] * 2, "amount": [70.0, 30.0], "campaign_id": ["1", "1"]},
    ...     "orders": {"order_id": ["a", "b"], "customer_id": ["k", "l"], "ordered_at": ["2026-01-10"] * 2,
    ...     "amount": [70.0, 50.0], "opportunity_id": ["x", None], "campaign_id": [None, None]}}, as_of="2026-01-31")
    >>> crm.measure(["campaign_revenue", "unattributed_revenue"], period="2026-01").value.tolist()
    [100.0, 50.0]
    """
    unknown = campaign_sales.campaign_id.notnull() & ~campaign_sales.known
    return total(campaign_sales.revenue, campaign_sales.known).remarking(unknown, UNKNOWN)


@metric(
    title="Unattributed revenue",
    unit="money",
    at="at",
    formula="amount of the orders, else won opportunities, that name no campaign",
    caveats="Nobody knows how much of it campaigns helped to bring.",
    optional=_SALES,
)
def unattributed_revenue(campaign_sales):
    """Revenue of the period that names no campaign, or none that the table campaigns has.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "started_at": ["2026-01-01"], "cost": [9.0]},
    ...     "orders": {"order_id": ["a", "b"], "customer_id": ["k", "l"], "ordered_at": ["2026-01-10"] * 2,
    ...     "amount": [70.0, 50.0], "campaign_id": ["1", None]}}, as_of="2026-01-31")
    >>> crm.measure("unattributed_revenue", period="2026-01").value.item()
    50.0
    """
    return total(campaign_sales.revenue, ~campaign_sales.known)


@metric(
    title="Campaign margin",
    unit="money",
    better="up",
    at="at",
    formula="amount − cost of the orders that name a campaign",
    caveats="Won opportunities without an order have no cost, and so no part in it.",
    optional=_SALES,
)
def campaign_margin(campaign_sales):
    """Gross margin of the period's sales that are attributed to campaigns. Left out: sales whose cost is not known.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "started_at": ["2026-01-01"], "cost": [9.0]},
    ...     "orders": {"order_id": ["a"], "customer_id": ["k"], "ordered_at": ["2026-01-10"],
    ...     "amount": [70.0], "cost": [30.0], "campaign_id": ["1"]}}, as_of="2026-01-31")
    >>> crm.measure("campaign_margin", period="2026-01").value.item()
    40.0
    """
    return total(campaign_sales.margin, campaign_sales.known)


@metric(
    title="Revenue per campaign",
    unit="money",
    better="up",
    formula="campaign revenue ÷ campaigns run",
)
def revenue_per_campaign(campaign_revenue, campaigns_run):
    """Attributed revenue of the period per campaign that ran in it; it may come from campaigns that ran before.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1", "2"], "started_at": ["2026-01-01"] * 2,
    ...     "cost": [9.0] * 2}, "orders": {"order_id": ["a"], "customer_id": ["k"], "ordered_at": ["2026-01-10"],
    ...     "amount": [70.0], "campaign_id": ["1"]}}, as_of="2026-01-31")
    >>> crm.measure("revenue_per_campaign", period="2026-01").value.item()
    35.0
    """
    return campaign_revenue / campaigns_run


@metric(
    title="Revenue attainment",
    unit="share",
    better="up",
    formula="campaign revenue ÷ expected revenue",
    caveats="Revenue comes after the spending: for a young campaign it says more about its age than about its success.",
)
def revenue_attainment(campaign_revenue, expected_revenue):
    """Attributed revenue of the period divided by the revenue expected of the campaigns that ran in it.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "started_at": ["2026-01-01"], "cost": [9.0],
    ...     "ended_at": ["2026-02-01"], "expected_revenue": [140.0]}, "orders": {"order_id": ["a"],
    ...     "customer_id": ["k"], "ordered_at": ["2026-01-10"], "amount": [70.0], "campaign_id": ["1"]}},
    ...     as_of="2026-01-31")
    >>> crm.measure("revenue_attainment", period="2026-01").value.item()
    0.5
    """
    return campaign_revenue / expected_revenue


_RETURN = (
    "Revenue of the period is set against spending of the period, though it follows it by weeks or months; and what "
    "would have been sold without campaigns is in it."
)


@metric(
    title="Return on marketing (revenue)",
    unit="share",
    better="up",
    formula="(campaign revenue − marketing spend) ÷ marketing spend",
    caveats=f"{_RETURN} It takes goods as if they cost nothing: see marketing_roi_margin.",
)
def marketing_roi(campaign_revenue, marketing_spend):
    """Attributed revenue less marketing spend, divided by it. Unknown, not infinite, where nothing was spent.

    50,000 spent and 175,000 back: 250%.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "started_at": ["2026-01-01"], "cost": [50_000.0],
    ...     "ended_at": ["2026-02-01"]}, "orders": {"order_id": ["a"], "customer_id": ["k"],
    ...     "ordered_at": ["2026-01-10"], "amount": [175_000.0], "campaign_id": ["1"]}}, as_of="2026-01-31")
    >>> crm.measure(["marketing_roi", "roas"], period="2026-01").value.tolist()
    [2.5, 3.5]
    """
    return (campaign_revenue - marketing_spend) / marketing_spend


@metric(
    title="Return on marketing (margin)",
    unit="share",
    better="up",
    formula="(campaign margin − marketing spend) ÷ marketing spend",
    caveats=f"{_RETURN} Below 0% the goods sold did not pay for the campaigns.",
)
def marketing_roi_margin(campaign_margin, marketing_spend):
    """Gross margin of attributed sales less marketing spend, divided by it. Unknown where nothing was spent.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "started_at": ["2026-01-01"], "cost": [50_000.0],
    ...     "ended_at": ["2026-02-01"]}, "orders": {"order_id": ["a"], "customer_id": ["k"], "cost": [100_000.0],
    ...     "ordered_at": ["2026-01-10"], "amount": [175_000.0], "campaign_id": ["1"]}}, as_of="2026-01-31")
    >>> crm.measure("marketing_roi_margin", period="2026-01").value.item()
    0.5
    """
    return (campaign_margin - marketing_spend) / marketing_spend


@metric(
    title="Return on ad spend",
    unit="ratio",
    better="up",
    formula="campaign revenue ÷ marketing spend",
    caveats=f"{_RETURN} It is the return on marketing plus one: 3.5 is 250%.",
)
def roas(campaign_revenue, marketing_spend):
    """Attributed revenue divided by marketing spend (ROAS). Unknown where nothing was spent.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "started_at": ["2026-01-01"], "cost": [50.0],
    ...     "ended_at": ["2026-02-01"]}, "orders": {"order_id": ["a"], "customer_id": ["k"],
    ...     "ordered_at": ["2026-01-10"], "amount": [175.0], "campaign_id": ["1"]}}, as_of="2026-01-31")
    >>> crm.measure("roas", period="2026-01").value.item()
    3.5
    """
    return campaign_revenue / marketing_spend
