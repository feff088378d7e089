"""Sales cycle: how many days it takes to win, and how many calls and other activities are made for it."""

from crmkit.kinds import count, mean, median, waiting
from crmkit.metric import metric
from crmkit.metrics.sales.common import days_between


@metric(
    title="Sales cycle, mean",
    unit="days",
    better="down",
    at="closed_at",
    formula="mean days from creation to winning, of the opportunities won",
    caveats="Deals that are still open are not in it, so a slow pipeline looks faster than it is: see censored=True.",
)
def sales_cycle_days(opportunities, *, censored=False):
    """Mean days from creation to winning, of the opportunities won in the period. Interval: normal.

    With `censored=True` the Kaplan-Meier median instead, of those won in the period and those open at its end, which
    count as not won so far; null where more than half would still be open. Left out: those lost, as in the mean.
    Interval: Brookmeyer and Crowley. See `crmkit.methods.sales_cycle_censored`.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": ["a", "b"], "outcome": ["won", "won"],
    ...     "created_at": ["2026-03-01", "2026-03-01"], "closed_at": ["2026-03-11", "2026-03-31"]}})
    >>> crm.measure("sales_cycle_days", period="2026-03").value.item()
    20.0
    >>> crm.measure("sales_cycle_days", period="2026-03", censored=True).value.item()
    10.0
    """
    if censored:
        return waiting(opportunities.created_at, opportunities.closed_at, opportunities.outcome == "won")
    return mean(days_between(opportunities.created_at, opportunities.closed_at), opportunities.outcome == "won")


@metric(
    title="Sales cycle, median",
    unit="days",
    better="down",
    at="closed_at",
    formula="median days from creation to winning, of the opportunities won",
)
def sales_cycle_days_median(opportunities):
    """Median days from creation to winning, of the opportunities won in the period. Interval: order statistics.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abc"), "outcome": ["won"] * 3,
    ...     "created_at": ["2026-03-01"] * 3, "closed_at": ["2026-03-11", "2026-03-12", "2026-03-31"]}})
    >>> crm.measure("sales_cycle_days_median", period="2026-03").value.item()
    11.0
    """
    return median(days_between(opportunities.created_at, opportunities.closed_at), opportunities.outcome == "won")


@metric(
    title="Lead to win, mean",
    unit="days",
    better="down",
    at="closed_at",
    formula="mean days from the lead's creation to winning",
)
def lead_to_win_days(deals):
    """Mean days from the lead's creation to winning, of the opportunities won in the period that have a lead.

    Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["L"], "created_at": ["2026-02-01"]},
    ...     "opportunities": {"opportunity_id": ["a", "b"], "outcome": ["won", "won"], "lead_id": ["L", None],
    ...     "created_at": ["2026-02-10"] * 2, "closed_at": ["2026-03-03", "2026-03-04"], "customer_id": ["x", "y"]}})
    >>> crm.measure("lead_to_win_days", period="2026-03").value.item()
    30.0
    """
    return mean(days_between(deals.lead_created_at, deals.closed_at), deals.outcome == "won")


@metric(
    title="First contact to win, mean",
    unit="days",
    better="down",
    at="closed_at",
    formula="mean days from the first activity to winning",
    optional=("activities.lead_id", "opportunities.lead_id"),
)
def first_contact_to_win_days(deals):
    """Mean days from an opportunity's (or its lead's) first activity to winning, of those won in the period.

    Left out: opportunities without an activity. Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"activities": {"activity_id": ["1", "2"], "kind": ["call", "call"],
    ...     "at": ["2026-03-01", "2026-03-05"], "opportunity_id": ["a", "a"]},
    ...     "opportunities": {"opportunity_id": ["a"], "outcome": ["won"], "created_at": ["2026-02-10"],
    ...     "closed_at": ["2026-03-11"], "lead_id": [None]}})
    >>> crm.measure("first_contact_to_win_days", period="2026-03").value.item()
    10.0
    """
    return mean(days_between(deals.first_activity_at, deals.closed_at), deals.outcome == "won")


@metric(
    title="Touches to win, mean",
    unit="count",
    better="down",
    at="closed_at",
    formula="mean number of activities before winning",
    caveats="Counts what was entered in the CRM; an activity that nobody recorded is not there.",
)
def touches_to_win(deals):
    """Mean number of activities of an opportunity before it was won, of those won in the period; none counts as 0.

    Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"activities": {"activity_id": ["1", "2", "3"], "kind": ["call"] * 3,
    ...     "at": ["2026-03-01", "2026-03-05", "2026-03-20"], "opportunity_id": ["a"] * 3},
    ...     "opportunities": {"opportunity_id": ["a", "b"], "outcome": ["won", "won"],
    ...     "created_at": ["2026-02-10"] * 2, "closed_at": ["2026-03-11"] * 2}})
    >>> crm.measure("touches_to_win", period="2026-03").value.item()
    1.0
    """
    return mean(deals.touches, deals.outcome == "won")


@metric(
    title="Calls made",
    unit="count",
    at="at",
    formula="activities of kind call, outgoing",
    optional=("activities.direction",),
)
def calls_made(activities):
    """Count the calls recorded in the period, not those that came in.

    >>> import crmkit
    >>> crm = crmkit.open({"activities": {"activity_id": ["1", "2"], "kind": ["call", "email"],
    ...     "at": ["2026-03-01", "2026-03-05"]}})
    >>> crm.measure("calls_made", period="2026-03").value.item()
    1.0
    """
    return count((activities.kind == "call") & (activities.direction.fill_null("out") == "out"))


@metric(title="Activities", unit="count", at="at", formula="activities of every kind")
def activities_made(activities):
    """Activities recorded in the period, of every kind; `by="kind"` shows which.

    >>> import crmkit
    >>> crm = crmkit.open({"activities": {"activity_id": ["1", "2", "3"], "kind": ["call", "email", "call"],
    ...     "at": ["2026-03-01", "2026-03-05", "2026-03-09"]}})
    >>> crm.measure("activities_made", period="2026-03", by="kind")[["kind", "value"]].values.tolist()
    [['call', 2.0], ['email', 1.0]]
    """
    return count()
