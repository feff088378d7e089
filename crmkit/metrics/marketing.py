"""Marketing: what campaigns cost, what comes back, and what each lead and each unit of money brings.

Each metric can be split by the campaign (`campaign_id`, `name`) and by its channel (`channel`); what comes from leads,
reactions and sales also by the customer's columns (`customer.segment`).
"""

from crmkit.kinds import count, total
from crmkit.metric import metric

TITLE = "Marketing"
_SALES = ("orders", "opportunities")
_END = ("campaigns.ended_at",)
_UNKNOWN = "some name a campaign that the table campaigns does not have"


@metric(
    title="Campaigns run",
    unit="count",
    at="at",
    formula="campaigns that ran at any time in the period",
    optional=_END,
)
def campaigns_run(campaign_runs):
    """Campaigns that ran at any time in the period; one without an end runs on.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1", "2"], "cost": [90.0, 10.0],
    ...     "started_at": ["2026-01-01", "2026-02-10"], "ended_at": ["2026-03-01", None]}}, as_of="2026-03-31")
    >>> crm.measure("campaigns_run", every="month", period="2026-Q1").value.tolist()
    [1.0, 2.0, 1.0]
    """
    return count()


@metric(
    title="Marketing spend",
    unit="money",
    at="at",
    formula="cost of each campaign × the part of its days that lie in the period",
    caveats="Campaigns alone: salaries and tools are in the table costs, and so in the cost of acquiring a customer.",
    optional=_END,
)
def marketing_spend(campaign_runs):
    """Cost of campaigns, spread evenly over the days that each ran, so that one across two quarters is in both.

    A campaign without an end is taken to run up to `as_of`. Left out: campaigns without a cost, and days after `as_of`.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "cost": [900.0],
    ...     "started_at": ["2026-03-22"], "ended_at": ["2026-04-21"]}}, as_of="2026-06-30")
    >>> crm.measure("marketing_spend", every="quarter", period="2026-01-01/2026-07-01").value.tolist()
    [300.0, 600.0]
    """
    spent = total(campaign_runs.cost)
    spent = spent.remarking(campaign_runs.endless, "campaigns without an end are taken to run up to the last day known")
    return spent.remarking(campaign_runs.goes_on, "of campaigns that go on, only the days known are counted")


@metric(
    title="Marketing budget",
    unit="money",
    at="at",
    formula="budget of each campaign × the part of its days that lie in the period",
    optional=_END,
)
def marketing_budget(campaign_runs):
    """Budgets of campaigns, spread over their days as their costs are. Left out: campaigns without a budget.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "cost": [9.0], "budget": [300.0],
    ...     "started_at": ["2026-03-01"], "ended_at": ["2026-03-31"]}}, as_of="2026-06-30")
    >>> crm.measure("marketing_budget", period="2026-03").value.item()
    300.0
    """
    return total(campaign_runs.budget)


@metric(
    title="Budget used",
    unit="share",
    at="at",
    formula="cost ÷ budget, of campaigns that have both",
    caveats="Above 100% is more than was planned; below it may be thrift, or a plan that nobody carried out.",
    interval=None,
    optional=_END,
)
def budget_used(campaign_runs):
    """Cost of campaigns divided by their budget, both spread over their days. Left out: campaigns that lack either.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1", "2"], "cost": [90.0, 50.0], "budget": [100.0, None],
    ...     "started_at": ["2026-03-01"] * 2, "ended_at": ["2026-03-31"] * 2}}, as_of="2026-06-30")
    >>> crm.measure("budget_used", period="2026-03").value.item()
    0.9
    """
    both = campaign_runs.cost.notnull() & campaign_runs.budget.notnull()
    return total(campaign_runs.cost, both) / total(campaign_runs.budget, both)


@metric(
    title="Expected revenue",
    unit="money",
    at="at",
    formula="expected revenue of each campaign × the part of its days that lie in the period",
    optional=_END,
)
def expected_revenue(campaign_runs):
    """Revenue that campaigns were expected to bring, spread over the days that they ran.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "cost": [9.0], "expected_revenue": [600.0],
    ...     "started_at": ["2026-03-22"], "ended_at": ["2026-04-21"]}}, as_of="2026-06-30")
    >>> crm.measure("expected_revenue", period="2026-Q1").value.item()
    200.0
    """
    return total(campaign_runs.expected_revenue)


@metric(
    title="Campaign leads",
    unit="count",
    better="up",
    at="created_at",
    formula="leads created that name a campaign",
    optional=("campaigns",),
)
def campaign_leads(leads_with_campaigns):
    """Leads created in the period that name a campaign. Left out: leads of no campaign, or of an unknown one.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "started_at": ["2026-01-01"], "cost": [9.0]},
    ...     "leads": {"lead_id": list("abc"), "campaign_id": ["1", "1", None], "created_at": ["2026-01-05"] * 3}})
    >>> crm.measure("campaign_leads", period="2026-01").value.item()
    2.0
    """
    named = leads_with_campaigns.campaign_id.notnull()
    early = leads_with_campaigns.created_at < leads_with_campaigns.began_at
    counted = count(leads_with_campaigns.known).remarking(named & ~leads_with_campaigns.known, _UNKNOWN)
    return counted.remarking(early, "some leads were created before the campaign that they name began")


@metric(
    title="Cost per lead",
    unit="money",
    better="down",
    formula="marketing spend ÷ leads that name a campaign",
    caveats="A cheap lead that never buys is dear: read it beside the return.",
)
def cost_per_lead(marketing_spend, campaign_leads):
    """Marketing spend in the period per lead created in it that names a campaign.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "started_at": ["2026-01-01"], "cost": [90.0],
    ...     "ended_at": ["2026-02-01"]}, "leads": {"lead_id": list("abc"), "campaign_id": ["1", "1", None],
    ...     "created_at": ["2026-01-05"] * 3}}, as_of="2026-01-31")
    >>> crm.measure("cost_per_lead", period="2026-01").value.item()
    45.0
    """
    return marketing_spend / campaign_leads


@metric(
    title="Campaign responses",
    unit="count",
    better="up",
    at="at",
    formula="reactions of the kind responded",
    caveats="A response is what the CRM records as one; messages sent, opened or clicked are not among them.",
    optional=("campaigns",),
)
def campaign_responses(reactions):
    """Reactions of the kind `responded` in the period: people who answered, signed up or asked.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "started_at": ["2026-01-01"], "cost": [9.0]},
    ...     "campaign_responses": {"campaign_id": ["1"] * 3, "kind": ["sent", "opened", "responded"],
    ...     "at": ["2026-01-02", "2026-01-03", "2026-01-03"]}})
    >>> crm.measure("campaign_responses", period="2026-01").value.item()
    1.0
    """
    responded = reactions.kind == "responded"
    return count(responded).remarking(responded & ~reactions.known, _UNKNOWN)


@metric(
    title="Campaign reactions",
    unit="count",
    at="at",
    formula="reactions of any kind: sent, opened, clicked, responded",
    caveats="One person can be in it several times: split it by kind.",
)
def campaign_reactions(reactions):
    """Reactions to campaigns of all kinds, messages sent included; made to be split by kind.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1"], "started_at": ["2026-01-01"], "cost": [9.0]},
    ...     "campaign_responses": {"campaign_id": ["1"] * 3, "kind": ["sent", "sent", "responded"],
    ...     "at": ["2026-01-02", "2026-01-03", "2026-01-03"]}})
    >>> crm.measure("campaign_reactions", period="2026-01", by="kind").value.tolist()
    [1.0, 2.0]
    """
    return count()


@metric(
    title="Responses per campaign",
    unit="ratio",
    better="up",
    at="at",
    formula="responses ÷ campaigns run",
    optional=_END,
)
def responses_per_campaign(reactions, campaigns_run):
    """Responses in the period per campaign that ran in it.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1", "2"], "started_at": ["2026-01-01"] * 2,
    ...     "cost": [9.0, 9.0]}, "campaign_responses": {"campaign_id": ["1"] * 3, "kind": ["responded"] * 3,
    ...     "at": ["2026-01-02", "2026-01-03", "2026-01-03"]}}, as_of="2026-01-31")
    >>> crm.measure("responses_per_campaign", period="2026-01").value.item()
    1.5
    """
    return count(reactions.kind == "responded") / campaigns_run


@metric(
    title="Response rate",
    unit="share",
    better="up",
    at="at",
    formula="responded ÷ sent, of campaigns that send messages",
    caveats="A response counts when it comes, so one to a message of the month before can lift a rate above 100%.",
    interval="wilson",
)
def response_rate(reactions):
    """Responses in the period divided by messages sent in it. Interval: Wilson.

    Left out: campaigns without any message sent, such as fairs, since nobody knows how many people they reached.

    >>> import crmkit
    >>> crm = crmkit.open({"campaigns": {"campaign_id": ["1", "2"], "started_at": ["2026-01-01"] * 2,
    ...     "cost": [9.0, 9.0]}, "campaign_responses": {"campaign_id": ["1"] * 5 + ["2"],
    ...     "kind": ["sent"] * 4 + ["responded"] * 2, "at": ["2026-01-02"] * 6}}, as_of="2026-01-31")
    >>> crm.measure("response_rate", period="2026-01").value.item()
    0.25
    """
    return count((reactions.kind == "responded") & reactions.sends) / count(reactions.kind == "sent")


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
    return total(campaign_sales.revenue, campaign_sales.known).remarking(unknown, _UNKNOWN)


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
