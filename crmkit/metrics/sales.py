"""Sales: leads, pipeline, wins, cycles and the speed at which money comes in."""

import ibis

from crmkit.kinds import attained, count, level, mean, median, share, total, waiting, withheld
from crmkit.metric import metric
from crmkit.relations import at

TITLE = "Sales"
_DAY = 86_400.0


def _days(begun, ended):
    return (ended.epoch_seconds() - begun.epoch_seconds()) / _DAY


@metric(title="Leads", unit="count", better="up", at="created_at", formula="leads created")
def leads(leads):
    """Leads created in the period.

    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["1", "2"], "created_at": ["2026-03-01", "2026-04-01"]}})
    >>> crm.measure("leads", period="2026-03").value.item()
    1.0
    """
    return count()


@metric(
    title="Lead conversion rate",
    unit="share",
    better="up",
    at="created_at",
    formula="converted within window_days ÷ leads created",
    caveats="A lead that converts later than the window counts as not converted.",
)
def lead_conversion_rate(leads, as_of, *, window_days=90):
    """Of the leads created in the period, the share converted within `window_days`.

    Left out: leads whose window is still open at `as_of`, since they may convert yet. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": list("abc"), "created_at": ["2026-01-01", "2026-01-02", "2026-01-03"],
    ...     "converted_at": ["2026-01-20", None, "2026-06-30"]}})
    >>> crm.measure("lead_conversion_rate", period="2026-01")[["value", "numerator", "denominator"]].values.tolist()
    [[0.3333333333333333, 1.0, 3.0]]
    """
    window = ibis.interval(days=window_days)
    closed = leads.created_at + window <= at(as_of) if as_of is not None else ibis.literal(False)
    converted = share(leads.converted_at <= leads.created_at + window, of=closed)
    return converted.remarking(~closed, f"leads of the last {window_days} days are left out: they may convert yet")


@metric(
    title="Lead follow-up, median",
    unit="hours",
    better="down",
    at="created_at",
    formula="median hours from a lead's creation to the first contact",
    caveats="Leads that nobody has contacted are not in it; see lead_contacted_rate.",
)
def lead_follow_up_hours(leads):
    """Median hours from creation to first contact, of the leads created in the period that were contacted.

    Interval: order statistics.

    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": list("abc"), "created_at": ["2026-03-01 08:00"] * 3,
    ...     "first_contacted_at": ["2026-03-01 09:00", "2026-03-01 11:00", "2026-03-03 08:00"]}})
    >>> crm.measure(["lead_follow_up_hours", "lead_follow_up_hours_mean"], period="2026-03").value.round(2).tolist()
    [3.0, 17.33]
    """
    return median(_days(leads.created_at, leads.first_contacted_at) * 24)


@metric(
    title="Lead follow-up, mean",
    unit="hours",
    better="down",
    at="created_at",
    formula="mean hours from a lead's creation to the first contact",
    caveats="A few forgotten leads can pull the mean far above the median.",
)
def lead_follow_up_hours_mean(leads):
    """Mean hours from creation to first contact, of the leads created in the period that were contacted.

    Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["a", "b"], "created_at": ["2026-03-01 08:00"] * 2,
    ...     "first_contacted_at": ["2026-03-01 09:00", "2026-03-01 11:00"]}})
    >>> crm.measure("lead_follow_up_hours_mean", period="2026-03").value.item()
    2.0
    """
    return mean(_days(leads.created_at, leads.first_contacted_at) * 24)


@metric(
    title="Leads contacted",
    unit="share",
    better="up",
    at="created_at",
    formula="leads contacted ÷ leads created",
)
def lead_contacted_rate(leads):
    """Of the leads created in the period, the share that has been contacted by now. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["a", "b"], "created_at": ["2026-03-01", "2026-03-02"],
    ...     "first_contacted_at": ["2026-03-01", None]}})
    >>> crm.measure("lead_contacted_rate", period="2026-03").value.item()
    0.5
    """
    return share(leads.first_contacted_at.notnull())


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


def _dated(opportunities):
    """Tell which opportunities are open, or were closed on a date; the others were closed nobody knows when."""
    return opportunities.closed_at.notnull() | (opportunities.outcome == "open")


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
    return level(opportunities.created_at, opportunities.closed_at, where=_dated(opportunities))


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
    begun = level(opportunities.created_at, opportunities.closed_at, where=_dated(opportunities), moment="start")
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
    return level(when, opportunities.closed_at, value=amount, where=_dated(opportunities))


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
    return level(opportunities.created_at, opportunities.closed_at, value=expected, where=_dated(opportunities))


@metric(
    title="Win rate",
    unit="share",
    better="up",
    at="closed_at",
    formula="won ÷ (won + lost)",
    caveats="Open opportunities are in neither part. With long cycles, recent starts are under-represented.",
)
def win_rate(opportunities):
    """Of the opportunities closed in the period, the share won. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abcd"), "outcome": ["won", "lost", "lost", "open"],
    ...     "created_at": ["2026-01-01"] * 4, "closed_at": ["2026-03-05", "2026-03-06", "2026-03-07", None]}})
    >>> round(crm.measure("win_rate", period="2026-03").value.item(), 4)
    0.3333
    """
    return share(opportunities.outcome == "won", of=opportunities.outcome != "open")


@metric(
    title="Win rate by value",
    unit="share",
    better="up",
    at="closed_at",
    formula="amount won ÷ (amount won + amount lost)",
    caveats="Where lost deals carry no amount it cannot be known: it would always be 100%.",
)
def win_rate_value(opportunities):
    """Of the amount closed in the period, the share won; withheld where lost deals carry no amount.

    Interval: bootstrap.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abc"), "outcome": ["won", "lost", "lost"],
    ...     "created_at": ["2026-01-01"] * 3, "closed_at": ["2026-03-05"] * 3, "amount": [300.0, 100.0, 200.0]}})
    >>> crm.measure("win_rate_value", period="2026-03").value.item()
    0.5
    """
    won, lost = opportunities.outcome == "won", opportunities.outcome == "lost"
    amount = opportunities.amount
    return withheld(
        total(amount, won) / total(amount, won | lost),
        amount=amount,
        where=lost,
        reason="cannot be known: the lost deals carry no amount",
    )


@metric(
    title="Close rate",
    unit="share",
    at="closed_at",
    formula="closed ÷ open at any time in the period",
    interval="wilson",
)
def close_rate(opportunities):
    """Of the opportunities open at any time in the period, the share closed in it, won or lost. Interval: Wilson.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abcd"), "outcome": ["won", "lost", "open", "won"],
    ...     "created_at": ["2026-01-01"] * 4, "closed_at": ["2026-03-05", "2026-03-06", None, "2026-02-01"]}})
    >>> round(crm.measure("close_rate", period="2026-03").value.item(), 4)
    0.6667
    """
    at_start = level(opportunities.created_at, opportunities.closed_at, where=_dated(opportunities), moment="start")
    return count(opportunities.outcome != "open") / (at_start + count(at=opportunities.created_at))


@metric(
    title="Average deal size",
    unit="money",
    better="up",
    at="closed_at",
    formula="mean amount of the opportunities won",
    caveats="One large deal can move it; the median stands beside it.",
)
def average_deal_size(opportunities):
    """Mean amount of the opportunities won in the period that carry one. Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abc"), "outcome": ["won", "won", "lost"],
    ...     "created_at": ["2026-01-01"] * 3, "closed_at": ["2026-03-05"] * 3, "amount": [100.0, 300.0, 900.0]}})
    >>> crm.measure("average_deal_size", period="2026-03").value.item()
    200.0
    """
    return mean(opportunities.amount, opportunities.outcome == "won")


@metric(
    title="Median deal size",
    unit="money",
    better="up",
    at="closed_at",
    formula="median amount of the opportunities won",
)
def median_deal_size(opportunities):
    """Median amount of the opportunities won in the period. Interval: order statistics.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abc"), "outcome": ["won"] * 3,
    ...     "created_at": ["2026-01-01"] * 3, "closed_at": ["2026-03-05"] * 3, "amount": [100.0, 300.0, 900.0]}})
    >>> crm.measure("median_deal_size", period="2026-03").value.item()
    300.0
    """
    return median(opportunities.amount, opportunities.outcome == "won")


@metric(
    title="Revenue won from new customers",
    unit="money",
    better="up",
    at="closed_at",
    formula="amount of the opportunities won from customers who were none before",
    caveats="Where opportunities have no kind, a later deal of a customer counts as new unless orders or subscriptions "
    "say that it was a customer before.",
    optional=("opportunities.kind", "opportunities.customer_id", "customers", "subscriptions", "orders"),
)
def new_revenue(deals, period):
    """Amount won in the period from new customers.

    Where an opportunity says its kind, `new` counts. Where it does not, it counts unless the customer was acquired
    before the period by what else is known of it: orders, subscriptions, `acquired_at`. Earlier wins are no such
    evidence, since data that begins in the middle of a company's life would make everybody new at its beginning.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abc"), "outcome": ["won"] * 3,
    ...     "customer_id": ["x", "y", "z"], "created_at": ["2026-01-01"] * 3, "amount": [100.0, 300.0, 900.0],
    ...     "closed_at": ["2026-03-05", "2026-03-05", "2026-03-06"], "kind": ["new", "renewal", None]}})
    >>> crm.measure("new_revenue", period="2026-03").value.item()
    1000.0
    """
    won = deals.outcome == "won"
    before = period.earlier(deals.known_since, deals.closed_at).fill_null(False)
    new = ibis.ifelse(deals.kind.notnull(), deals.kind == "new", ~before)
    return total(deals.amount, won & new).remarking(
        won & deals.kind.isnull(), "some deals have no kind: they count as new unless the customer bought before"
    )


@metric(title="Amount won", unit="money", better="up", at="closed_at", formula="amount of the opportunities won")
def won_revenue(opportunities):
    """Amount of the opportunities won in the period, from new and present customers.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": ["a", "b"], "outcome": ["won", "lost"],
    ...     "created_at": ["2026-01-01"] * 2, "closed_at": ["2026-03-05"] * 2, "amount": [100.0, 300.0]}})
    >>> crm.measure("won_revenue", period="2026-03").value.item()
    100.0
    """
    return total(opportunities.amount, opportunities.outcome == "won")


@metric(title="Revenue", unit="money", better="up", at="ordered_at", formula="amount of the orders, less returns")
def revenue(orders):
    """Amount of the orders placed in the period; returns are negative and reduce it.

    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": ["1", "2"], "customer_id": ["a", "a"], "amount": [100.0, -30.0],
    ...     "ordered_at": ["2026-03-01", "2026-03-02"]}})
    >>> crm.measure("revenue", period="2026-03").value.item()
    70.0
    """
    return total(orders.amount)


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
    return mean(_days(opportunities.created_at, opportunities.closed_at), opportunities.outcome == "won")


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
    return median(_days(opportunities.created_at, opportunities.closed_at), opportunities.outcome == "won")


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
    return mean(_days(deals.lead_created_at, deals.closed_at), deals.outcome == "won")


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
    return mean(_days(deals.first_activity_at, deals.closed_at), deals.outcome == "won")


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


@metric(
    title="Sales velocity",
    unit="money_per_day",
    better="up",
    formula="opportunities worked on × average deal size × win rate ÷ mean sales cycle in days",
    caveats="A product of four averages: an index of speed, not a forecast, and more than is won a day. Every deal "
    "that is open on any day of the period counts, so longer periods show more: compare periods of one length.",
)
def sales_velocity(opportunities_worked, average_deal_size, win_rate, sales_cycle_days):
    """The four levers of the pipeline multiplied, as money per day. Interval: bootstrap.

    Worked by hand: 18 opportunities × 42,000 × 0.24 ÷ 78 days = 2,326.15 a day.

    >>> round(18 * 42_000 * 0.24 / 78, 2)
    2326.15
    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abcd"), "outcome": ["won", "lost", "lost", "open"],
    ...     "created_at": ["2026-03-01"] * 4, "closed_at": ["2026-03-11", "2026-03-06", "2026-03-07", None],
    ...     "amount": [600.0, 100.0, 100.0, 100.0]}})
    >>> round(crm.measure("sales_velocity", period="2026-03").value.item(), 2)  # 4 × 600 × ⅓ ÷ 10
    80.0
    """
    return opportunities_worked * average_deal_size * win_rate / sales_cycle_days


@metric(
    title="Stage conversion",
    unit="share",
    better="up",
    at="entered_at",
    formula="went on to a later stage or were won ÷ entered the stage and left it",
    caveats="Opportunities that still stand in the stage are left out; measure it by stage.",
)
def stage_conversion(stage_visits):
    """Of the opportunities that entered a stage in the period and left it, the share that went on. Interval: Wilson.

    Measured `by="stage"`.

    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": ["a", "b"], "outcome": ["open", "lost"],
    ...     "created_at": ["2026-03-01"] * 2, "closed_at": [None, "2026-03-20"]},
    ...     "opportunity_stages": {"opportunity_id": ["a", "a", "b"], "stage": ["Call", "Offer", "Call"],
    ...     "entered_at": ["2026-03-01", "2026-03-04", "2026-03-02"]}})
    >>> crm.measure("stage_conversion", period="2026-03", by="stage")[["stage", "value", "n"]].values.tolist()
    [['Call', 0.5, 2.0], ['Offer', nan, 0.0]]
    """
    return share(stage_visits.went_on, of=stage_visits.left_at.notnull())


@metric(
    title="Days in stage, mean",
    unit="days",
    better="down",
    at="entered_at",
    formula="mean days between entering a stage and leaving it",
    caveats="Opportunities that still stand in the stage are left out; measure it by stage.",
)
def stage_days(stage_visits):
    """Mean days spent in a stage, of the visits that began in the period and are over. Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({
    ...     "opportunities": {"opportunity_id": ["a"], "outcome": ["open"], "created_at": ["2026-03-01"],
    ...     "closed_at": [None]}, "opportunity_stages": {"opportunity_id": ["a", "a"], "stage": ["Call", "Offer"],
    ...     "entered_at": ["2026-03-01", "2026-03-04"]}})
    >>> crm.measure("stage_days", period="2026-03", by="stage").value.tolist()
    [3.0, nan]
    """
    return mean(_days(stage_visits.entered_at, stage_visits.left_at))


@metric(
    title="Attainment",
    unit="share",
    better="up",
    formula="value ÷ target",
    caveats="Where less is better, such as with churn, an attainment below 100% is on target.",
)
def attainment(targets, *, of="revenue"):
    """The value of the metric `of` divided by its target for the same period: 1 is on target.

    Groups are those for whom there are targets: the table targets says so in further columns, such as owner_id. A
    target of another period, such as the year's, is not divided up. `crm.attainment` lists all targets of a period.

    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["1", "2"], "created_at": ["2026-01-01", "2026-03-31"]},
    ...     "targets": {"metric": ["leads"], "period": ["2026-Q1"], "value": [4]}})
    >>> crm.measure("attainment", of="leads", period="2026-Q1")[["value", "numerator", "denominator"]].values.tolist()
    [[0.5, 2.0, 4.0]]
    """
    return attained(of)
