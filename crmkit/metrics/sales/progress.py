"""Progress: how fast money comes in, how opportunities go through the stages, and how much of a target is reached."""

from crmkit.kinds import attained, mean, share
from crmkit.metric import metric
from crmkit.metrics.sales.common import days_between


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
    return mean(days_between(stage_visits.entered_at, stage_visits.left_at))


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
