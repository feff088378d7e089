"""Campaigns: how many run, and what they cost, may cost and should bring."""

from crmkit.kinds import count, total
from crmkit.metric import metric
from crmkit.metrics.marketing.common import END


@metric(
    title="Campaigns run",
    unit="count",
    at="at",
    formula="campaigns that ran at any time in the period",
    optional=END,
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
    optional=END,
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
    optional=END,
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
    optional=END,
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
    optional=END,
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
