"""Productivity: how many interactions an agent has, and how much time routine work takes and saves."""

from crmkit.derived.users_at_work import ROUTINE
from crmkit.kinds import count, mean, total
from crmkit.metric import metric
from crmkit.metrics.adoption.users import THERE


@metric(
    title="Interactions",
    unit="count",
    better="up",
    at="at",
    formula="activities of users of sales and support",
)
def interactions(agent_activities):
    """Activities in the period of users whose role is sales or support, by kind, segment or team.

    >>> import crmkit
    >>> crm = crmkit.open({"users": {"user_id": list("ab"), "role": ["sales", "marketing"]},
    ...     "activities": {"activity_id": list("12"), "kind": ["call", "email"], "at": ["2026-03-01", "2026-03-02"],
    ...     "user_id": ["a", "b"]}})
    >>> crm.measure("interactions", period="2026-03").value.item()
    1.0
    """
    return count(agent_activities.user_id.notnull())


@metric(
    title="Interactions per agent",
    unit="per_unit",
    better="up",
    at="at",
    formula="activities of users of sales and support ÷ these users",
    caveats="A user who was there for a part of the period counts as one. More activities are not better ones.",
    optional=THERE,
    interval=None,
)
def interactions_per_agent(agent_periods):
    """Activities in the period per user of sales or support who was there in it.

    No interval: nothing is drawn from anything larger, all activities of all of them are counted; to compare before
    with after, pair the users (`crmkit.methods.paired_change`). Calls, e-mails, meetings, visits, tasks and notes
    count alike; `interactions` counts them by kind or segment.
    Left out: activities of others, or of nobody.

    >>> import crmkit
    >>> crm = crmkit.open({"users": {"user_id": list("abc"), "role": ["sales", "support", "marketing"]},
    ...     "activities": {"activity_id": list("1234"), "kind": ["call", "email", "note", "call"],
    ...     "at": ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-03"], "user_id": ["a", "a", "a", "c"]}})
    >>> crm.measure("interactions_per_agent", period="2026-03")[["value", "numerator", "denominator"]].values.tolist()
    [[1.5, 3.0, 2.0]]
    """
    mine = agent_periods.agent & agent_periods.user_id.notnull()
    return (total(agent_periods.activities, mine) / count(mine)).remarking(
        ~agent_periods.agent, "activities of others than sales and support are left out"
    )


@metric(
    title="Time on routine work",
    unit="hours",
    better="down",
    at="at",
    formula="minutes of tasks and notes ÷ 60",
    caveats="Only work that is entered, with its duration, is seen.",
)
def routine_hours(activities):
    """Hours that the period's tasks and notes took, by everybody.

    >>> import crmkit
    >>> crm = crmkit.open({"activities": {"activity_id": list("123"), "kind": ["task", "note", "call"],
    ...     "at": ["2026-03-01"] * 3, "duration_minutes": [60, 30, 45]}})
    >>> crm.measure("routine_hours", period="2026-03").value.item()
    1.5
    """
    return total(activities.duration_minutes / 60.0, activities.kind.isin(ROUTINE))


@metric(
    title="Minutes of a piece of routine work",
    unit="minutes",
    better="down",
    at="at",
    formula="mean minutes of a task or a note",
    caveats="It moves with the mix of tasks and notes, too; hours_saved compares like with like.",
)
def routine_minutes(activities):
    """Mean minutes of the period's tasks and notes that carry a duration. Interval: normal.

    >>> import crmkit
    >>> crm = crmkit.open({"activities": {"activity_id": list("123"), "kind": ["task", "note", "call"],
    ...     "at": ["2026-03-01"] * 3, "duration_minutes": [60, 30, 45]}})
    >>> crm.measure("routine_minutes", period="2026-03").value.item()
    45.0
    """
    return mean(activities.duration_minutes, activities.kind.isin(ROUTINE))


@metric(
    title="Hours saved on routine work",
    unit="hours",
    better="up",
    at="at",
    formula="Σ (mean minutes of its kind in the 12 months before the CRM − its own minutes) ÷ 60, tasks and notes",
    caveats="A comparison of before and after: what else changed since is in it. It saves the time of work that is "
    "still done; work that is no longer needed is not in it. Unknown before the introduction.",
    settings=("crm_introduced",),
)
def hours_saved(routine_work):
    """Hours by which the period's tasks and notes were shorter than those of their kind before the CRM.

    For each task and note since the introduction: the mean minutes of its kind in the 12 months before it, less its own
    minutes. Negative where they take longer. Left out: what came before the introduction, and a kind that nobody had
    entered in those 12 months.

    >>> import crmkit
    >>> crm = crmkit.open({"activities": {"activity_id": list("1234"), "kind": ["task", "task", "task", "note"],
    ...     "at": ["2026-01-05", "2026-01-06", "2026-03-02", "2026-03-02"], "duration_minutes": [40, 60, 20, 5]}},
    ...     config={"crm_introduced": "2026-02-01"})
    >>> crm.measure("hours_saved", period="2026-03").value.item()  # 50 minutes before, 20 now; no note before
    0.5
    """
    since = routine_work.saved_minutes.notnull()
    return (
        total(routine_work.saved_minutes / 60.0)
        .remarking(routine_work.usual_minutes.isnull(), "work of a kind that nobody had entered before is left out")
        .remarking(~since & routine_work.usual_minutes.notnull(), "before the introduction nothing can be saved yet")
    )
