"""Sales: what is counted among the tries that failed, and whether what is still open was one of them."""

from __future__ import annotations

from statistics import fmean, median

import ibis

from crmkit.definitions import Case, Example, Line, Variant
from crmkit.methods.common import need, run
from crmkit.relations import at

_DAY = 86_400.0
_WINDOW = 90


def _settled(crm, period):
    """Return the latest period up to this one in which the windows of all leads are over."""
    for back in range(40):
        earlier = period.previous(back) if back else period
        if crm.as_of is None or (crm.as_of - earlier.end).days >= _WINDOW - 1:
            return earlier
    return period


def _conversions(crm, period):
    need(crm, "lead_conversion", "leads")
    leads = crm.relations.get("leads")
    inside = (leads.converted_at >= at(period.start)) & (leads.converted_at < at(period.end))
    created = (leads.created_at >= at(period.start)) & (leads.created_at < at(period.end))
    row = run(leads.aggregate(early=(inside & created).sum(), any=inside.sum())).fillna(0).iloc[0]
    return {"early": float(row["early"]), "any_lead": float(row["any"])}


lead_conversion = Case(
    question="How many leads become customers?",
    unit="share",
    better="up",
    variants=(
        Variant(
            "converted within 90 days ÷ leads whose 90 days are over",
            lambda converted, leads: converted / leads,
            metric="lead_conversion_rate",
            used=True,
        ),
        Variant(
            "converted by the end of the period ÷ leads created, as a report of that day had it",
            lambda early, leads: early / leads,
        ),
        Variant(
            "all conversions of the period ÷ leads created in it",
            lambda any_lead, leads: any_lead / leads,
        ),
    ),
    example=Example(
        "100 leads in each of three months, of whom 25 convert within 90 days; by the end of the quarter it was 25 of "
        "the first, 15 of the second and 3 of the third month, and 20 older leads.",
        {"leads": 300, "converted": 75, "early": 25 + 15 + 3, "any_lead": 25 + 15 + 3 + 20},
        line=0.2,
    ),
    parts={"converted": "lead_conversion_rate.numerator", "leads": "lead_conversion_rate.denominator"},
    more=_conversions,
    over=_settled,
    line=Line(0.4, met="buy more leads like these", missed="cut the spending on leads"),
    trap="A lead of last week that has not converted has not failed: its time is not over. Counted as a failure, the "
    "latest period is always the worst, and grows better each time that somebody looks.",
)


def _won_of_created(crm, period):
    need(crm, "win_rate", "opportunities")
    deals = crm.relations.get("opportunities")
    created = (deals.created_at >= at(period.start)) & (deals.created_at < at(period.end))
    known = (deals.outcome == "won") & (deals.closed_at < at(period.end))
    won = run(deals.aggregate(won=(created & known).sum())).fillna(0)["won"].iloc[0]
    return {"won_of_created": float(won)}


win_rate = Case(
    question="How many deals do we win?",
    unit="share",
    better="up",
    variants=(
        Variant("won ÷ (won + lost)", lambda won, closed: won / closed, metric="win_rate", used=True),
        Variant("won ÷ (won + lost + still open)", lambda won, closed, still_open: won / (closed + still_open)),
        Variant(
            "won of those created in the period ÷ created in the period",
            lambda won_of_created, created: won_of_created / created,
        ),
        Variant("won ÷ created in the period", lambda won, created: won / created),
    ),
    example=Example(
        "A seller of computers with 8,800 opportunities: 4,238 won, 2,473 lost, 2,089 still open (Maven Analytics).",
        {"won": 4238, "closed": 4238 + 2473, "still_open": 2089},
    ),
    parts={
        "won": "win_rate.numerator",
        "closed": "win_rate.denominator",
        "still_open": "opportunities_open",
        "created": "opportunities_created",
    },
    more=_won_of_created,
    line=Line(0.5, met="fill the pipeline", missed="qualify harder"),
    trap="An open deal is not a lost one. With the open ones in the denominator the rate falls whenever sales start "
    "more deals than they close: growth looks like failure.",
)


def _lost_amount(crm, period):
    need(crm, "win_rate_value", "opportunities")
    deals = crm.relations.get("opportunities")
    inside = (deals.closed_at >= at(period.start)) & (deals.closed_at < at(period.end))
    lost = deals.filter((deals.outcome == "lost") & inside)
    found = run(lost.aggregate(lost_amount=lost.amount.sum().fill_null(0.0)))["lost_amount"].iloc[0]
    return {"lost_amount": float(found)}


win_rate_value = Case(
    question="Which share of the money do we win?",
    unit="share",
    better="up",
    variants=(
        Variant(
            "amount won ÷ (amount won + amount lost)",
            lambda won_amount, lost_amount: won_amount / (won_amount + lost_amount) if lost_amount else None,
            metric="win_rate_value",
            used=True,
        ),
        Variant(
            "amount won ÷ amounts, the lost deals entered with 0",
            lambda won_amount: won_amount / (won_amount + 0.0),
            printed="is what any CRM prints whose lost deals keep no amount",
        ),
        Variant("won ÷ (won + lost), by count", lambda won, closed: won / closed, metric="win_rate"),
    ),
    example=Example(
        "The seller of computers again: 10,005,534 won; each of the 2,473 lost deals stands in the table with 0.",
        {"won_amount": 10_005_534, "lost_amount": 0, "won": 4238, "closed": 4238 + 2473},
    ),
    parts={
        "won_amount": "won_revenue",
        "won": "win_rate.numerator",
        "closed": "win_rate.denominator",
    },
    more=_lost_amount,
    line=Line(0.7, met="raise prices", missed="look at the offers that are lost"),
    trap="Where a CRM sets the amount of a lost deal to 0, everything that has an amount was won: 100%, whatever sales "
    "do. It cannot be known from such data, and crmkit says so instead of a number.",
)


def _cycles(crm, period):
    need(crm, "sales_cycle", "opportunities")
    deals = crm.relations.get("opportunities")
    known = period.end if crm.as_of is None else min(period.end, crm.as_of)
    inside = (deals.closed_at >= at(period.start)) & (deals.closed_at < at(period.end))
    waits = (deals.created_at < at(period.end)) & (deals.closed_at.isnull() | (deals.closed_at >= at(period.end)))
    ended = ibis.ifelse(waits, at(known), deals.closed_at)
    rows = deals.select(
        days=(ended.epoch_seconds() - deals.created_at.epoch_seconds()) / _DAY,
        waits=waits,
        counts=waits | (inside & (deals.outcome == "won")),
    )
    found = run(rows.filter(rows.counts & (rows.days >= 0)).order_by("days"))
    open_ones = found["waits"].astype(bool)
    return {"won_days": found.loc[~open_ones, "days"].tolist(), "open_days": found.loc[open_ones, "days"].tolist()}


def median_with_waiting(met: list[float], waiting: list[float]) -> float | None:
    """Return the Kaplan-Meier median of times, those in `waiting` not over yet; None where more than half still wait.

    Examples
    --------
    >>> median_with_waiting([10, 20, 30], [100, 100])
    30.0
    """
    from crmkit.methods.survival import kaplan_meier, median_survival

    if not met:
        return None
    curve = kaplan_meier([*met, *waiting], [True] * len(met) + [False] * len(waiting))
    return float(median_survival(curve)["median"].iloc[0])


def _days_with_open(won_days, open_days):
    return median_with_waiting(won_days, open_days)


def _mean_days(won_days):
    return fmean(won_days)


def _median_days(won_days):
    return median(won_days)


sales_cycle = Case(
    question="How long does it take to win a deal?",
    unit="days",
    better="down",
    variants=(
        Variant(
            "median days to winning, the open ones counted as not won so far",
            _days_with_open,
            metric="sales_cycle_days",
            options={"censored": True},
            used=True,
        ),
        Variant("mean days of the won alone", _mean_days, metric="sales_cycle_days"),
        Variant("median days of the won alone", _median_days, metric="sales_cycle_days_median"),
    ),
    example=Example(
        "Five deals: won after 10, 20 and 30 days; two have been open for 100 days.",
        {"won_days": [10, 20, 30], "open_days": [100, 100]},
        line=25,
    ),
    more=_cycles,
    line=Line(45, met="promise customers such a date", missed="look for the stage in which deals lie"),
    trap="The won alone are the quick ones: the slow deals are still open and not in it, so a pipeline that gets stuck "
    "looks as fast as ever. The mean of the won remains the right one where flows are multiplied, as in the sales "
    "velocity.",
)
