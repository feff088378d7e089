"""Responses: the leads and reactions that campaigns bring, and what a lead costs."""

from crmkit.kinds import count
from crmkit.metric import metric
from crmkit.metrics.marketing.common import END, UNKNOWN


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
    counted = count(leads_with_campaigns.known).remarking(named & ~leads_with_campaigns.known, UNKNOWN)
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
    return count(responded).remarking(responded & ~reactions.known, UNKNOWN)


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
    optional=END,
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
