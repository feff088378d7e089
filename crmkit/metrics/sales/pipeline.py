"""Pipeline: which opportunities come in and are open, and what they are worth."""

from crmkit.kinds import count, level
from crmkit.metric import metric
from crmkit.metrics.sales.common import dated


@metric(title="Opportunities created", unit="count", better="up", at="created_at", formula="opportunities created")
def opportunities_created(opportunities):
    """Opportunities created in the period.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": ["1", "2"], "outcome": ["open", "open"],
    ...     "created_at": ["2026-03-01", "2026-04-01"]}})
    >>> crm.measure("opportunities_created", period="2026-03").value.item()
    1.0
    """
    return count()


@metric(
    title="Open opportunities",
    unit="count",
    at="created_at",
    formula="opportunities created and not closed before the end of the period",
)
def opportunities_open(opportunities):
    """Opportunities that are open at the end of the period.

    Left out: those whose creation has no date, and those won or lost on no date: until when they were open is unknown.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": ["1", "2"], "outcome": ["open", "won"],
    ...     "created_at": ["2026-03-01", "2026-03-02"], "closed_at": [None, "2026-04-02"]}})
    >>> crm.measure("opportunities_open", every="month", period="2026-03-01/2026-05-01").value.tolist()
    [2.0, 1.0]
    """
    return level(opportunities.created_at, opportunities.closed_at, where=dated(opportunities))


@metric(
    title="Opportunities worked on",
    unit="count",
    at="created_at",
    formula="open at the start of the period + created in it",
)
def opportunities_worked(opportunities):
    """Opportunities that were open at any time in the period.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": ["1", "2", "3"], "outcome": ["open", "won", "won"],
    ...     "created_at": ["2026-02-01", "2026-03-02", "2026-01-01"], "closed_at": [None, "2026-03-09", "2026-02-01"]}})
    >>> crm.measure("opportunities_worked", period="2026-03").value.item()
    2.0
    """
    begun = level(opportunities.created_at, opportunities.closed_at, where=dated(opportunities), moment="start")
    return begun + count()


@metric(
    title="Pipeline",
    unit="money",
    better="up",
    at="created_at",
    formula="amount of the opportunities open at the end of the period",
    caveats="Amounts are as known now; what an opportunity was thought to be worth earlier is not kept.",
)
def pipeline_value(opportunities):
    """Amount of the opportunities that are open at the end of the period.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": ["1", "2"], "outcome": ["open", "open"],
    ...     "created_at": ["2026-03-01", "2026-03-02"], "closed_at": [None] * 2, "amount": [100.0, 50.0]}})
    >>> crm.measure("pipeline_value", period="2026-03").value.item()
    150.0
    """
    amount, when = opportunities.amount, opportunities.created_at
    return level(when, opportunities.closed_at, value=amount, where=dated(opportunities))


@metric(
    title="Pipeline, weighted",
    unit="money",
    better="up",
    at="created_at",
    formula="amount × probability of the opportunities open at the end of the period",
    caveats="Amounts and probabilities are as known now. An opportunity without a probability adds nothing.",
)
def weighted_pipeline(opportunities):
    """Amount times probability of the opportunities that are open at the end of the period.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": ["1", "2"], "outcome": ["open", "open"],
    ...     "created_at": ["2026-03-01", "2026-03-02"], "closed_at": [None] * 2, "amount": [100.0, 50.0],
    ...     "probability": [0.5, 0.2]}})
    >>> crm.measure("weighted_pipeline", period="2026-03").value.item()
    60.0
    """
    expected = opportunities.amount * opportunities.probability
    return level(opportunities.created_at, opportunities.closed_at, value=expected, where=dated(opportunities))
