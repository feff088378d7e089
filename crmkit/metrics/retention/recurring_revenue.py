"""Recurring revenue: what subscriptions bring a month, what moves it, and how much of it is kept."""

from crmkit.kinds import level, total
from crmkit.metric import metric


@metric(
    title="Monthly recurring revenue",
    unit="money",
    better="up",
    at="started_at",
    formula="MRR of the subscriptions that run at the end of the period",
)
def mrr(subscriptions):
    """Monthly recurring revenue at the end of the period.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ["1", "2"], "customer_id": ["a", "b"],
    ...     "mrr": [100.0, 40.0], "started_at": ["2025-01-01", "2026-01-09"], "ended_at": ["2026-02-05", None]}})
    >>> crm.measure("mrr", every="month", period="2026-01-01/2026-03-01").value.tolist()
    [140.0, 40.0]
    """
    return level(subscriptions.started_at, subscriptions.ended_at, value=subscriptions.mrr)


@metric(
    title="MRR at the start",
    unit="money",
    at="started_at",
    formula="MRR of the subscriptions that run at the start of the period",
)
def mrr_at_start(subscriptions):
    """Monthly recurring revenue at the first moment of the period.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ["1"], "customer_id": ["a"], "mrr": [100.0],
    ...     "started_at": ["2025-01-01"], "ended_at": ["2026-02-05"]}})
    >>> crm.measure("mrr_at_start", period="2026-02").value.item()
    100.0
    """
    return level(subscriptions.started_at, subscriptions.ended_at, value=subscriptions.mrr, moment="start")


@metric(title="New MRR", unit="money", better="up", at="at", formula="MRR of customers who never paid before")
def new_mrr(mrr_moves):
    """Recurring revenue at the end of the period of customers who had none before it, ever.

    The bridge: MRR at the start + new + reactivation + expansion − contraction − churned = MRR at the end.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": list("1234"), "customer_id": list("aabc"),
    ...     "mrr": [100.0, 140.0, 40.0, 30.0], "started_at": ["2025-01-01", "2026-01-15", "2025-02-01", "2026-01-20"],
    ...     "ended_at": ["2026-01-15", None, "2026-01-31", None]}})
    >>> moves = ["new_mrr", "reactivation_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr"]
    >>> crm.measure(["mrr_at_start", *moves, "mrr"], period="2026-01").value.tolist()
    [140.0, 30.0, 0.0, 40.0, 0.0, 40.0, 170.0]
    """
    return total(mrr_moves.new_mrr)


@metric(title="Expansion MRR", unit="money", better="up", at="at", formula="rise of MRR of customers of the start")
def expansion_mrr(mrr_moves):
    """By how much the recurring revenue rose of customers who paid at the start and pay more at the end.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ["1", "2"], "customer_id": ["a", "a"],
    ...     "mrr": [100.0, 140.0], "started_at": ["2025-01-01", "2026-01-15"], "ended_at": ["2026-01-15", None]}})
    >>> crm.measure("expansion_mrr", period="2026-01").value.item()
    40.0
    """
    return total(mrr_moves.expansion_mrr)


@metric(title="Contraction MRR", unit="money", better="down", at="at", formula="fall of MRR of customers who stay")
def contraction_mrr(mrr_moves):
    """By how much the recurring revenue fell of customers who paid at the start and pay less at the end.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ["1", "2"], "customer_id": ["a", "a"],
    ...     "mrr": [100.0, 70.0], "started_at": ["2025-01-01", "2026-01-15"], "ended_at": ["2026-01-15", None]}})
    >>> crm.measure("contraction_mrr", period="2026-01").value.item()
    30.0
    """
    return total(mrr_moves.contraction_mrr)


@metric(
    title="Churned MRR", unit="money", better="down", at="at", formula="MRR of the start of customers who pay no more"
)
def churned_mrr(mrr_moves):
    """Recurring revenue at the start of customers who pay nothing at the end.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ["1"], "customer_id": ["a"], "mrr": [100.0],
    ...     "started_at": ["2025-01-01"], "ended_at": ["2026-01-15"]}})
    >>> crm.measure("churned_mrr", period="2026-01").value.item()
    100.0
    """
    return total(mrr_moves.churned_mrr)


@metric(
    title="Reactivation MRR", unit="money", better="up", at="at", formula="MRR of customers who had left and pay again"
)
def reactivation_mrr(mrr_moves):
    """Recurring revenue at the end of customers who paid once, had none at the start, and pay again.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ["1", "2"], "customer_id": ["a", "a"],
    ...     "mrr": [100.0, 70.0], "started_at": ["2025-01-01", "2026-01-15"], "ended_at": ["2025-06-01", None]}})
    >>> crm.measure("reactivation_mrr", period="2026-01").value.item()
    70.0
    """
    return total(mrr_moves.reactivation_mrr)


@metric(
    title="Gross revenue retention",
    unit="share",
    better="up",
    formula="(MRR at the start − contraction − churned) ÷ MRR at the start",
    caveats="Each customer is capped at what it paid at the start: it cannot exceed 100%.",
)
def grr(mrr_at_start, contraction_mrr, churned_mrr):
    """Of the recurring revenue at the start, the share kept at the end without any rise. Interval: bootstrap.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": list("123"), "customer_id": list("abc"),
    ...     "mrr": [100.0, 50.0, 50.0], "started_at": ["2025-01-01"] * 3, "ended_at": ["2026-01-15", None, None]}})
    >>> crm.measure("grr", period="2026-01").value.item()
    0.5
    """
    return (mrr_at_start - contraction_mrr - churned_mrr) / mrr_at_start


@metric(
    title="Net revenue retention",
    unit="share",
    better="up",
    formula="(MRR at the start + expansion − contraction − churned) ÷ MRR at the start",
    caveats="Growth of some can hide the loss of others: read it beside the gross rate and the churn rate.",
)
def nrr(mrr_at_start, expansion_mrr, contraction_mrr, churned_mrr):
    """Recurring revenue at the end of the customers of the start ÷ their revenue at the start. Interval: bootstrap.

    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": list("123"), "customer_id": list("aab"),
    ...     "mrr": [100.0, 180.0, 100.0], "started_at": ["2025-01-01", "2026-01-15", "2025-01-01"],
    ...     "ended_at": ["2026-01-15", None, "2026-01-31"]}})
    >>> crm.measure("nrr", period="2026-01").value.item()
    0.9
    """
    return (mrr_at_start + expansion_mrr - contraction_mrr - churned_mrr) / mrr_at_start
