"""Consistency: cells and rows that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

import ibis

from crmkit.quality.rule import Look, Rule

_TIMES_IN_ORDER = {
    "customers": [("acquired_at", "lost_at")],
    "leads": [("created_at", "first_contacted_at"), ("created_at", "qualified_at"), ("created_at", "converted_at")],
    "opportunities": [("created_at", "closed_at")],
    "subscriptions": [("started_at", "ended_at")],
    "terms": [("term_start", "term_end")],
    "campaigns": [("started_at", "ended_at")],
    "tickets": [("opened_at", "first_response_at"), ("opened_at", "resolved_at")],
    "users": [("active_from", "active_to")],
}
_EFFECT_OF_ORDER = {
    "opportunities": "The sales cycle of such a deal is negative, and it closes in a period in which it was not open: "
    "cycle, velocity and the pipeline at a moment are wrong.",
    "tickets": "Response and resolution times of such tickets are negative.",
    "subscriptions": "Such a subscription never ran: recurring revenue and customers lack it.",
    "leads": "The time to follow up such a lead is negative.",
}
_CENT = 0.015
"""Amounts differ by more than rounding from this many currency units on, or by more than `_ROUNDING` of the larger."""
_ROUNDING = 0.005


def rules(look: Look) -> Iterator[Rule]:
    """Yield what the cells of a table must not say at the same time."""
    for earlier, later in _TIMES_IN_ORDER.get(look.table, ()):
        if look.has(earlier, later):
            yield Rule(
                look.table,
                later,
                f"lies before {earlier}",
                _before(look.data[later], look.data[earlier]),
                "Correct one of the two times.",
                name="times_out_of_order",
                effect=_EFFECT_OF_ORDER.get(look.table, "The time between the two is negative."),
            )
    special = {
        "opportunities": _of_opportunities,
        "opportunity_stages": _of_stages,
        "leads": _of_leads,
        "orders": _of_orders,
        "subscriptions": _of_subscriptions,
    }
    if look.table in special:
        yield from special[look.table](look)
    if look.has("currency") and (wanted := look.crm.config.currency):
        known = [wanted, *look.crm.config.rates]
        yield Rule(
            look.table,
            "currency",
            f"is neither {wanted} nor one with a rate",
            look.data.currency.notnull() & look.data.currency.notin(known),
            "Give rates in crm.toml, or convert the amounts.",
            name="mixed_currency",
            effect="Sums of money over such rows are refused: one result is in one currency.",
        )


def _before(later, earlier):
    """Tell where a time lies before another one; one without a time of day stands for its whole day."""
    whole_day = later == later.truncate("D")
    return ibis.ifelse(whole_day, later < earlier.truncate("D"), later < earlier)


def _of_opportunities(look: Look) -> Iterator[Rule]:
    data, stages = look.data, look.crm.config.stages
    if look.has("stage") and stages:
        meaning = ibis.cases(*[(data.stage == stage.name, stage.meaning) for stage in stages])
        yield Rule(
            "opportunities",
            "stage",
            "contradicts the outcome",
            meaning != data.outcome,
            "Correct the stage or the outcome, or what [stages] in crm.toml says of the stage.",
            shown="",
            name="stage_outcome",
            effect="Wins are counted by the outcome, the funnel by the stage: the two disagree.",
        )
        yield Rule(
            "opportunities",
            "stage",
            "is not among the stages of crm.toml",
            data.stage.notnull() & data.stage.notin([stage.name for stage in stages]),
            "Add it to [stages], or correct the spelling.",
            shown="stage",
            name="stage_unknown",
            effect="The funnel does not know where to put it.",
        )


def _of_stages(look: Look) -> Iterator[Rule]:
    data = look.data
    if "deal_from_" in data.columns:
        day = data.entered_at.truncate("D")
        yield Rule(
            "opportunity_stages",
            "entered_at",
            "lies before the opportunity began or after it closed",
            (day < data.deal_from_.truncate("D")) | (day > data.deal_to_.truncate("D")),
            "Correct the time of the stage, or of the opportunity.",
            name="stage_outside",
            effect="Days in a stage and the funnel count steps outside the life of the deal.",
        )
    order = {stage.name: stage.order for stage in look.crm.config.stages}
    if order:
        place = ibis.cases(*[(data.stage == name, at) for name, at in order.items()])
        before = ibis.window(group_by=data.opportunity_id, order_by=[data.entered_at, place], preceding=(None, 1))
        yield Rule(
            "opportunity_stages",
            "stage",
            "was entered after a later one of the pipeline",
            place < place.max().over(before),
            "Correct the times; where deals really go back, switch the rule off.",
            name="stages_backward",
            effect="Days in a stage and conversion from stage to stage count steps in the wrong order.",
            usual_above=0.1,
        )


def _of_leads(look: Look) -> Iterator[Rule]:
    became = [name for name in ("customer_id", "opportunity_id") if look.has(name)]
    if not (look.has("converted_at") and became):
        return
    nothing = look.data.converted_at.notnull()
    for name in became:
        nothing = nothing & look.data[name].isnull()
    yield Rule(
        "leads",
        "converted_at",
        f"is filled in, but {' and '.join(became)} {'is' if len(became) == 1 else 'are'} empty",
        nothing,
        "Name what the lead became.",
        name="converted_to_nothing",
        effect="Conversions are counted, but what they brought is nobody's: attribution and value by source miss it.",
        usual_above=0.5,
    )


def _of_orders(look: Look) -> Iterator[Rule]:
    data = look.data
    if "lines_sum_" not in data.columns or not look.has("amount"):
        return
    gap = (data.amount - data.lines_sum_).abs()
    allowed = ibis.greatest(_CENT, _ROUNDING * ibis.greatest(data.amount.abs(), data.lines_sum_.abs()))
    yield Rule(
        "orders",
        "amount",
        "is not the sum of the order's lines",
        gap > allowed,
        "Find out which of the two is right, and whether both are net of tax, discount and shipping.",
        name="lines_differ",
        effect="Revenue by order and revenue by product do not add up to the same.",
        usual_above=0.2,
    )


def _of_subscriptions(look: Look) -> Iterator[Rule]:
    data = look.data
    if not look.has("customer_id", "plan", "started_at", "ended_at"):
        return
    runs = data.started_at.notnull() & (data.ended_at.isnull() | (data.ended_at > data.started_at))
    until = ibis.ifelse(runs, ibis.coalesce(data.ended_at, ibis.timestamp("2200-01-01 00:00:00")), ibis.null())
    window = ibis.window(
        group_by=[data.customer_id, data.plan],
        order_by=[data.started_at, data.subscription_id],
        preceding=(None, 1),
    )
    yield Rule(
        "subscriptions",
        "started_at",
        "lies before the end of an earlier subscription of the same customer and plan",
        runs & data.plan.notnull() & (until.max().over(window) > data.started_at),
        "End the earlier one, or give the second its own plan if both are paid.",
        name="overlapping",
        effect="Recurring revenue counts both at the same time; the end of one of them looks like churn.",
        usual_above=0.2,
    )
