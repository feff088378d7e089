"""Each metric a second time, in plain pandas and Python, written from its definition and not from its declaration.

A twin is a function of the tables and of a period's start and end; it returns one number. It knows nothing of Ibis, of
crmkit's kinds or of its derived relations. Groups are made by cutting every table down to the rows of a group first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

NONE = "(none)"
DAY = pd.Timedelta(days=1)
AS_OF = pd.Timestamp("2026-09-30 23:59:59.999999")
INACTIVE_AFTER = 365 * DAY
SCALES = {"nps": (0, 10), "ces": (1, 7), "csat": (1, 5)}
TIMES = {
    "customers": ["created_at"],
    "leads": ["created_at", "first_contacted_at", "converted_at"],
    "opportunities": ["created_at", "closed_at"],
    "opportunity_stages": ["entered_at"],
    "activities": ["at"],
    "orders": ["ordered_at"],
    "subscriptions": ["started_at", "ended_at"],
    "terms": ["term_end"],
    "surveys": ["answered_at"],
    "costs": ["month"],
    "users": [],
}


@dataclass(frozen=True)
class Plain:
    """The tables that twins look at."""

    surveys: pd.DataFrame
    spells: pd.DataFrame
    subscriptions: pd.DataFrame
    terms: pd.DataFrame
    orders: pd.DataFrame
    purchases: pd.DataFrame
    costs: pd.DataFrame
    leads: pd.DataFrame
    opportunities: pd.DataFrame
    stages: pd.DataFrame
    activities: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> Plain:
        """Read the files and attach to each row the columns by which the tests group."""
        t = {
            name: pd.read_csv(
                folder / f"{name}.csv",
                dtype=dict.fromkeys(
                    ("customer_id", "owner_id", "lead_id", "opportunity_id", "subscription_id", "user_id"), "object"
                ),
                parse_dates=times,
            )
            for name, times in TIMES.items()
        }
        segment = t["customers"].set_index("customer_id")["segment"]
        team = t["users"].set_index("user_id")["team"]
        plan = t["subscriptions"].set_index("subscription_id")["plan"]
        spells = _spells(t["subscriptions"], t["orders"], t["opportunities"])
        deals = _deals(t["opportunities"], t["leads"], t["activities"])
        bought = t["orders"][t["orders"].amount >= 0].copy()
        bought["first"] = bought.customer_id.map(bought.groupby("customer_id").ordered_at.min())
        return cls(
            surveys=t["surveys"],
            spells=spells.assign(segment=spells.customer_id.map(segment)),
            subscriptions=t["subscriptions"].assign(segment=t["subscriptions"].customer_id.map(segment)),
            terms=t["terms"].assign(plan=t["terms"].subscription_id.map(plan)),
            orders=t["orders"],
            purchases=bought,
            costs=t["costs"],
            leads=t["leads"],
            opportunities=deals.assign(team=deals.owner_id.map(team)),
            stages=_stage_visits(t["opportunity_stages"], t["opportunities"]),
            activities=t["activities"],
        )

    def only(self, column: str, value: str) -> Plain:
        """Return the same tables with those rows alone that belong to one group."""

        def cut(frame: pd.DataFrame) -> pd.DataFrame:
            return frame[frame[column].fillna(NONE) == value] if column in frame else frame

        return Plain(**{name: cut(getattr(self, name)) for name in self.__dataclass_fields__})

    def groups(self, table: str, column: str) -> list[str]:
        """Return the groups of a table."""
        return sorted(getattr(self, table)[column].fillna(NONE).unique())


def _spells(subscriptions, orders, opportunities) -> pd.DataFrame:
    """Walk through each customer's history and note when the customer was one."""
    held, bought, won = {}, {}, {}
    for row in subscriptions.sort_values("started_at").itertuples():
        held.setdefault(row.customer_id, []).append((row.started_at, row.ended_at))
    for row in orders[orders.amount >= 0].sort_values("ordered_at").itertuples():
        bought.setdefault(row.customer_id, []).append(row.ordered_at)
    for row in opportunities[opportunities.outcome == "won"].itertuples():
        if isinstance(row.customer_id, str):
            won.setdefault(row.customer_id, []).append(row.closed_at)
    rows = []
    for customer in {*held, *bought, *won}:
        if customer in held:
            spans = _joined_up(held[customer])
        elif customer in bought:
            spans = _while_buying(bought[customer])
        else:
            spans = [(min(won[customer]), pd.NaT)]
        first = min([spans[0][0], *bought.get(customer, []), *won.get(customer, [])])
        spans[0] = (first, spans[0][1])
        rows += [(customer, number, begun, lost) for number, (begun, lost) in enumerate(spans, 1)]
    return pd.DataFrame(rows, columns=["customer_id", "spell", "acquired_at", "lost_at"])


def _joined_up(subscriptions: list[tuple]) -> list[tuple]:
    """Join subscriptions that touch or overlap."""
    spans: list[tuple] = []
    for begun, ended in subscriptions:
        if spans and (pd.isna(spans[-1][1]) or begun <= spans[-1][1]):
            last = spans[-1][1]
            spans[-1] = (spans[-1][0], pd.NaT if pd.isna(last) or pd.isna(ended) else max(last, ended))
        else:
            spans.append((begun, ended))
    return spans


def _while_buying(times: list[pd.Timestamp]) -> list[tuple]:
    """Break a history of orders where a year passes without one."""
    spans = []
    begun = previous = times[0]
    for time in times[1:]:
        if time > previous + INACTIVE_AFTER:
            spans.append((begun, previous + INACTIVE_AFTER))
            begun = time
        previous = time
    ends = previous + INACTIVE_AFTER
    spans.append((begun, ends if ends <= AS_OF else pd.NaT))
    return spans


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


def _during(column: pd.Series, start, end) -> pd.Series:
    return (column >= start) & (column < end)


def _ratio(part: float, of: float) -> float:
    return part / of if of else np.nan


# Customer perception


def _answers(d, start, end, survey):
    rows = d.surveys[_during(d.surveys.answered_at, start, end) & (d.surveys.survey == survey)]
    low = rows.scale_min.fillna(SCALES[survey][0])
    high = rows.scale_max.fillna(SCALES[survey][1])
    valid = (rows.score >= low) & (rows.score <= high) & (rows.score % 1 == 0)
    return rows[valid].assign(height=(rows.score - low) / (high - low))


def nps(d, start, end):
    score = _answers(d, start, end, "nps").score
    return 100 * (np.mean(score > 8) - np.mean(score < 7)) if len(score) else np.nan


def promoters(d, start, end):
    return int(_answers(d, start, end, "nps").score.isin([9, 10]).sum())


def passives(d, start, end):
    return int(_answers(d, start, end, "nps").score.isin([7, 8]).sum())


def detractors(d, start, end):
    return int(_answers(d, start, end, "nps").score.isin(range(7)).sum())


def ces(d, start, end):
    return _answers(d, start, end, "ces").score.mean()


def ces_easy(d, start, end):
    return (_answers(d, start, end, "ces").height >= 0.65).mean()


def csat(d, start, end):
    return (_answers(d, start, end, "csat").height >= 0.75).mean()


def csat_mean(d, start, end):
    return _answers(d, start, end, "csat").score.mean()


def survey_answers(d, start, end):
    return sum(len(_answers(d, start, end, survey)) for survey in SCALES)


# Retention


def _customers(d, moment) -> set:
    s = d.spells
    return set(s.customer_id[(s.acquired_at < moment) & (s.lost_at.isna() | (s.lost_at >= moment))])


def _lost(d, start, end) -> pd.DataFrame:
    return d.spells[_during(d.spells.lost_at, start, end)]


def customers_at_start(d, start, end):
    return len(_customers(d, start))


def customers_at_end(d, start, end):
    return len(_customers(d, end))


def new_customers(d, start, end):
    return int((_during(d.spells.acquired_at, start, end) & (d.spells.spell == 1)).sum())


def reactivated_customers(d, start, end):
    return int((_during(d.spells.acquired_at, start, end) & (d.spells.spell > 1)).sum())


def lost_customers(d, start, end):
    return len(_lost(d, start, end))


def customers_kept(d, start, end):
    return len(_customers(d, start) - _gone(d, start, end))


def _gone(d, start, end) -> set:
    lost = _lost(d, start, end)
    return set(lost.customer_id[lost.acquired_at < start])


def churn_rate(d, start, end):
    return _ratio(len(_gone(d, start, end)), len(_customers(d, start)))


def churn_rate_acquired(d, start, end):
    return _ratio(lost_customers(d, start, end), new_customers(d, start, end))


def churn_rate_average(d, start, end):
    base = (len(_customers(d, start)) + len(_customers(d, end))) / 2
    return _ratio(lost_customers(d, start, end), base)


def retention_rate(d, start, end):
    return _ratio(customers_kept(d, start, end), len(_customers(d, start)))


def _decided(d, start, end):
    return d.terms[_during(d.terms.term_end, start, end) & d.terms.outcome.isin(["renewed", "lapsed"])]


def renewal_rate(d, start, end):
    return (_decided(d, start, end).outcome == "renewed").mean()


def renewal_rate_value(d, start, end):
    terms = _decided(d, start, end)
    return _ratio(terms.amount[terms.outcome == "renewed"].sum(), terms.amount.sum())


def _paid(d, moment) -> pd.Series:
    s = d.subscriptions
    return s[(s.started_at < moment) & (s.ended_at.isna() | (s.ended_at >= moment))].groupby("customer_id").mrr.sum()


def _moves(d, start, end) -> dict[str, float]:
    """Compare what each customer pays at the start with what the same pays at the end."""
    before, after = _paid(d, start), _paid(d, end)
    known = set(d.subscriptions.customer_id[(d.subscriptions.started_at < start) & (d.subscriptions.mrr > 0)])
    moves = dict.fromkeys(("new", "reactivation", "expansion", "contraction", "churned"), 0.0)
    for customer in {*before.index, *after.index}:
        was, now = before.get(customer, 0.0), after.get(customer, 0.0)
        if was == 0:
            moves["reactivation" if customer in known else "new"] += now
        elif now == 0:
            moves["churned"] += was
        else:
            moves["expansion" if now > was else "contraction"] += abs(now - was)
    return moves


def mrr(d, start, end):
    return _paid(d, end).sum()


def mrr_at_start(d, start, end):
    return _paid(d, start).sum()


def new_mrr(d, start, end):
    return _moves(d, start, end)["new"]


def reactivation_mrr(d, start, end):
    return _moves(d, start, end)["reactivation"]


def expansion_mrr(d, start, end):
    return _moves(d, start, end)["expansion"]


def contraction_mrr(d, start, end):
    return _moves(d, start, end)["contraction"]


def churned_mrr(d, start, end):
    return _moves(d, start, end)["churned"]


def grr(d, start, end):
    before, after = _paid(d, start), _paid(d, end)
    kept = np.minimum(before, after.reindex(before.index).fillna(0))
    return _ratio(kept.sum(), before.sum())


def nrr(d, start, end):
    before, after = _paid(d, start), _paid(d, end)
    return _ratio(after.reindex(before.index).fillna(0).sum(), before.sum())


def _bought(d, start, end):
    return d.purchases[_during(d.purchases.ordered_at, start, end)]


def ordering_customers(d, start, end):
    return _bought(d, start, end).customer_id.nunique()


def repeat_customers(d, start, end):
    bought = _bought(d, start, end)
    return bought[bought["first"] < start].customer_id.nunique()


def repeat_rate(d, start, end):
    return _ratio(repeat_customers(d, start, end), ordering_customers(d, start, end))


def returning_revenue(d, start, end):
    bought = _bought(d, start, end)
    return bought.amount[bought["first"] < start].sum()


def revenue_per_returning_customer(d, start, end):
    return _ratio(returning_revenue(d, start, end), repeat_customers(d, start, end))


def retention_spend(d, start, end):
    return d.costs.amount[_during(d.costs.month, start, end) & (d.costs.category == "retention")].sum()


def retention_cost(d, start, end):
    return _ratio(retention_spend(d, start, end), customers_kept(d, start, end))


def lost_after_days(d, start, end):
    lost = _lost(d, start, end)
    return ((lost.lost_at - lost.acquired_at) / DAY).median()


# Sales


def _created(d, start, end):
    return d.leads[_during(d.leads.created_at, start, end)]


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
    return o[_during(o.closed_at, start, end) & o.outcome.isin(outcomes or ["won", "lost"])]


def _won(d, start, end):
    return _closed(d, start, end, "won")


def opportunities_created(d, start, end):
    return int(_during(d.opportunities.created_at, start, end).sum())


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
    return _ratio(len(_won(d, start, end)), len(_closed(d, start, end)))


def win_rate_value(d, start, end):
    lost = _closed(d, start, end, "lost")
    if len(lost) and not lost.amount.sum():
        return np.nan
    return _ratio(_won(d, start, end).amount.sum(), _closed(d, start, end).amount.sum())


def close_rate(d, start, end):
    return _ratio(len(_closed(d, start, end)), opportunities_worked(d, start, end))


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
    return d.orders.amount[_during(d.orders.ordered_at, start, end)].sum()


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
    return int((_during(a["at"], start, end) & (a.kind == "call") & (a.direction != "in")).sum())


def activities_made(d, start, end):
    return int(_during(d.activities["at"], start, end).sum())


def sales_velocity(d, start, end):
    levers = opportunities_worked(d, start, end) * average_deal_size(d, start, end) * win_rate(d, start, end)
    return levers / sales_cycle_days(d, start, end)


def _visits(d, start, end):
    visits = d.stages[_during(d.stages.entered_at, start, end)]
    return visits[visits.left_at.notna()]


def stage_conversion(d, start, end):
    return _visits(d, start, end).went_on.mean()


def stage_days(d, start, end):
    visits = _visits(d, start, end)
    return ((visits.left_at - visits.entered_at) / DAY).mean()


@dataclass(frozen=True)
class Twin:
    """A twin, the table whose groups it is measured by, and the column of these (as crmkit is asked for it)."""

    measure: Callable[[Plain, pd.Timestamp, pd.Timestamp], float]
    table: str
    by: str

    @property
    def column(self) -> str:
        """The column as it is called in the plain tables."""
        return self.by.rpartition(".")[2]


TWINS: dict[str, Twin] = {
    twin.__name__: Twin(twin, table, by)
    for (table, by), twins in {
        ("surveys", "touchpoint"): [
            nps,
            promoters,
            passives,
            detractors,
            ces,
            ces_easy,
            csat,
            csat_mean,
            survey_answers,
        ],
        ("spells", "segment"): [
            customers_at_start,
            new_customers,
            lost_customers,
            reactivated_customers,
            customers_at_end,
            customers_kept,
            churn_rate,
            churn_rate_acquired,
            churn_rate_average,
            retention_rate,
            lost_after_days,
        ],
        ("terms", "subscription.plan"): [renewal_rate, renewal_rate_value],
        ("subscriptions", "customer.segment"): [
            mrr,
            mrr_at_start,
            new_mrr,
            expansion_mrr,
            contraction_mrr,
            churned_mrr,
            reactivation_mrr,
            grr,
            nrr,
        ],
        ("purchases", "channel"): [
            repeat_customers,
            ordering_customers,
            repeat_rate,
            returning_revenue,
            revenue_per_returning_customer,
        ],
        ("costs", "category"): [retention_spend],
        ("costs", ""): [retention_cost],
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
        ("activities", "kind"): [calls_made, activities_made],
        ("stages", "stage"): [stage_conversion, stage_days],
    }.items()
    for twin in twins
}
