"""Leads: how many come in, how soon somebody contacts them, and how many are converted."""

import ibis

from crmkit.kinds import count, mean, median, share
from crmkit.metric import metric
from crmkit.metrics.sales.common import days_between
from crmkit.relations import at


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
    return median(days_between(leads.created_at, leads.first_contacted_at) * 24)


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
    return mean(days_between(leads.created_at, leads.first_contacted_at) * 24)


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
