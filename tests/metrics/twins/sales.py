"""Twins of the metrics of sales."""

from __future__ import annotations

import numpy as np
import pandas as pd

from twins.common import AS_OF, DAY, during, ratio


def tables(files):
    """Add the dates that lie before an opportunity, the visits to stages, and the owners' teams."""
    team = files["users"].set_index("user_id")["team"]
    deals = _deals(files["opportunities"], files["leads"], files["activities"])
    return {
        "opportunities": deals.assign(team=deals.owner_id.map(team)),
        "stages": _stage_visits(files["opportunity_stages"], files["opportunities"]),
    }


def _deals(opportunities, leads, activities) -> pd.DataFrame:
    """Add the dates that lie before an opportunity, one opportunity after the other."""
    created = dict(zip(leads.lead_id, leads.created_at, strict=True))
    of_deal: dict[str, list] = {}
    of_lead: dict[str, list] = {}
    for row in activities.itertuples():
        if isinstance(row.opportunity_id, str):
            of_deal.setdefault(row.opportunity_id, []).append(row.at)
        if isinstance(row.lead_id, str):
            of_lead.setdefault(row.lead_id, []).append(row.at)
    lead_created, first, touches = [], [], []
    for deal in opportunities.itertuples():
        done = [at for at in of_deal.get(deal.opportunity_id, []) if pd.isna(deal.closed_at) or at <= deal.closed_at]
        lead_created.append(created.get(deal.lead_id, pd.NaT))
        first.append(min([*done, *of_lead.get(deal.lead_id, [])], default=pd.NaT))
        touches.append(len(done))
    return opportunities.assign(
        lead_created=pd.to_datetime(lead_created), first_contact=pd.to_datetime(first), touches=touches
    )


def _stage_visits(stages, opportunities) -> pd.DataFrame:
    """List when each opportunity came into a stage and left it; the entry into won or lost is no visit."""
    about = opportunities.set_index("opportunity_id")
    rows = []
    for key, visits in stages.sort_values(["entered_at", "stage"]).groupby("opportunity_id"):
        closed, outcome = about.closed_at[key], about.outcome[key]
        on_the_way = visits[visits.entered_at < closed] if pd.notna(closed) else visits
        times, names = list(on_the_way.entered_at), list(on_the_way.stage)
        for place, (time, name) in enumerate(zip(times, names, strict=True)):
            last = place + 1 == len(times)
            rows.append((name, time, closed if last else times[place + 1], not last or outcome == "won"))
    return pd.DataFrame(rows, columns=["stage", "entered_at", "left_at", "went_on"])


def _created(d, start, end):
    return d.leads[during(d.leads.created_at, start, end)]


def leads(d, start, end):
    return len(_created(d, start, end))


def lead_conversion_rate(d, start, end):
    came = _created(d, start, end)
    came = came[came.created_at + 90 * DAY <= AS_OF]
    return ((came.converted_at - came.created_at) <= 90 * DAY).mean()


def _hours(d, start, end):
    came = _created(d, start, end)
    return (came.first_contacted_at - came.created_at).dropna() / pd.Timedelta(hours=1)


def lead_follow_up_hours(d, start, end):
    return _hours(d, start, end).median()


def lead_follow_up_hours_mean(d, start, end):
    return _hours(d, start, end).mean()


def lead_contacted_rate(d, start, end):
    return _created(d, start, end).first_contacted_at.notna().mean()


def _open(d, moment):
    o = d.opportunities
    return o[(o.created_at < moment) & (o.closed_at.isna() | (o.closed_at >= moment))]


def _closed(d, start, end, *outcomes):
    o = d.opportunities
    return o[during(o.closed_at, start, end) & o.outcome.isin(outcomes or ["won", "lost"])]


def _won(d, start, end):
    return _closed(d, start, end, "won")


def opportunities_created(d, start, end):
    return int(during(d.opportunities.created_at, start, end).sum())


def opportunities_open(d, start, end):
    return len(_open(d, end))


def opportunities_worked(d, start, end):
    o = d.opportunities
    return int(((o.created_at < end) & (o.closed_at.isna() | (o.closed_at >= start))).sum())


def pipeline_value(d, start, end):
    return _open(d, end).amount.sum()


def weighted_pipeline(d, start, end):
    deals = _open(d, end)
    return (deals.amount * deals.probability).sum()


def win_rate(d, start, end):
    return ratio(len(_won(d, start, end)), len(_closed(d, start, end)))


def win_rate_value(d, start, end):
    lost = _closed(d, start, end, "lost")
    if len(lost) and not lost.amount.sum():
        return np.nan
    return ratio(_won(d, start, end).amount.sum(), _closed(d, start, end).amount.sum())


def close_rate(d, start, end):
    return ratio(len(_closed(d, start, end)), opportunities_worked(d, start, end))


def average_deal_size(d, start, end):
    return _won(d, start, end).amount.mean()


def median_deal_size(d, start, end):
    return _won(d, start, end).amount.median()


def new_revenue(d, start, end):
    won = _won(d, start, end)
    return won.amount[won.kind == "new"].sum()


def won_revenue(d, start, end):
    return _won(d, start, end).amount.sum()


def revenue(d, start, end):
    return d.orders.amount[during(d.orders.ordered_at, start, end)].sum()


def _cycle(d, start, end):
    won = _won(d, start, end)
    return (won.closed_at - won.created_at) / DAY


def sales_cycle_days(d, start, end):
    return _cycle(d, start, end).mean()


def sales_cycle_days_median(d, start, end):
    return _cycle(d, start, end).median()


def lead_to_win_days(d, start, end):
    won = _won(d, start, end)
    return ((won.closed_at - won.lead_created) / DAY).mean()


def first_contact_to_win_days(d, start, end):
    won = _won(d, start, end)
    return ((won.closed_at - won.first_contact) / DAY).mean()


def touches_to_win(d, start, end):
    return _won(d, start, end).touches.mean()


def calls_made(d, start, end):
    a = d.activities
    return int((during(a["at"], start, end) & (a.kind == "call") & (a.direction != "in")).sum())


def activities_made(d, start, end):
    return int(during(d.activities["at"], start, end).sum())


def sales_velocity(d, start, end):
    levers = opportunities_worked(d, start, end) * average_deal_size(d, start, end) * win_rate(d, start, end)
    return levers / sales_cycle_days(d, start, end)


def _visits(d, start, end):
    visits = d.stages[during(d.stages.entered_at, start, end)]
    return visits[visits.left_at.notna()]


def stage_conversion(d, start, end):
    return _visits(d, start, end).went_on.mean()


def stage_days(d, start, end):
    visits = _visits(d, start, end)
    return ((visits.left_at - visits.entered_at) / DAY).mean()


def attainment(d, start, end):
    named = {1: f"{start:%Y-%m}", 3: f"{start.year}-Q{start.quarter}"}[round((end - start) / pd.Timedelta(days=30.4))]
    goals = d.files["targets"]
    whole = goals[goals.owner_id.isna() & goals.segment.isna()]
    goal = whole.value[(whole.metric == "revenue") & (whole.period == named)]
    return revenue(d, start, end) / goal.item() if len(goal) else np.nan


TWINS = {
    ("leads", "source"): [
        leads,
        lead_conversion_rate,
        lead_follow_up_hours,
        lead_follow_up_hours_mean,
        lead_contacted_rate,
    ],
    ("opportunities", "owner.team"): [
        opportunities_created,
        opportunities_open,
        opportunities_worked,
        pipeline_value,
        weighted_pipeline,
        win_rate,
        win_rate_value,
        close_rate,
        average_deal_size,
        median_deal_size,
        new_revenue,
        won_revenue,
        sales_cycle_days,
        sales_cycle_days_median,
        lead_to_win_days,
        first_contact_to_win_days,
        touches_to_win,
        sales_velocity,
    ],
    ("orders", "channel"): [revenue],
    ("targets", ""): [attainment],
    ("activities", "kind"): [calls_made, activities_made],
    ("stages", "stage"): [stage_conversion, stage_days],
}
