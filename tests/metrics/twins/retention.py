"""Twins of the metrics of retention."""

from __future__ import annotations

import numpy as np
import pandas as pd

from twins.common import AS_OF, DAY, INACTIVE_AFTER, during, ratio


def tables(files):
    """Add the spells of customers, and to each row the columns by which the tests group."""
    segment = files["customers"].set_index("customer_id")["segment"]
    plan = files["subscriptions"].set_index("subscription_id")["plan"]
    spells = _spells(files["subscriptions"], files["orders"], files["opportunities"])
    bought = files["orders"][files["orders"].amount >= 0].copy()
    bought["first"] = bought.customer_id.map(bought.groupby("customer_id").ordered_at.min())
    return {
        "spells": spells.assign(segment=spells.customer_id.map(segment)),
        "subscriptions": files["subscriptions"].assign(segment=files["subscriptions"].customer_id.map(segment)),
        "terms": files["terms"].assign(plan=files["terms"].subscription_id.map(plan)),
        "purchases": bought,
    }


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


def _customers(d, moment) -> set:
    s = d.spells
    return set(s.customer_id[(s.acquired_at < moment) & (s.lost_at.isna() | (s.lost_at >= moment))])


def _lost(d, start, end) -> pd.DataFrame:
    return d.spells[during(d.spells.lost_at, start, end)]


def customers_at_start(d, start, end):
    return len(_customers(d, start))


def customers_at_end(d, start, end):
    return len(_customers(d, end))


def new_customers(d, start, end):
    return int((during(d.spells.acquired_at, start, end) & (d.spells.spell == 1)).sum())


def reactivated_customers(d, start, end):
    return int((during(d.spells.acquired_at, start, end) & (d.spells.spell > 1)).sum())


def lost_customers(d, start, end):
    return len(_lost(d, start, end))


def customers_kept(d, start, end):
    return len(_customers(d, start) - _gone(d, start, end))


def _gone(d, start, end) -> set:
    lost = _lost(d, start, end)
    return set(lost.customer_id[lost.acquired_at < start])


def churn_rate(d, start, end):
    return ratio(len(_gone(d, start, end)), len(_customers(d, start)))


def churn_rate_acquired(d, start, end):
    return ratio(lost_customers(d, start, end), new_customers(d, start, end))


def churn_rate_average(d, start, end):
    base = (len(_customers(d, start)) + len(_customers(d, end))) / 2
    return ratio(lost_customers(d, start, end), base)


def retention_rate(d, start, end):
    return ratio(customers_kept(d, start, end), len(_customers(d, start)))


def _decided(d, start, end):
    return d.terms[during(d.terms.term_end, start, end) & d.terms.outcome.isin(["renewed", "lapsed"])]


def renewal_rate(d, start, end):
    return (_decided(d, start, end).outcome == "renewed").mean()


def renewal_rate_value(d, start, end):
    terms = _decided(d, start, end)
    return ratio(terms.amount[terms.outcome == "renewed"].sum(), terms.amount.sum())


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
    return ratio(kept.sum(), before.sum())


def nrr(d, start, end):
    before, after = _paid(d, start), _paid(d, end)
    return ratio(after.reindex(before.index).fillna(0).sum(), before.sum())


def _bought(d, start, end):
    return d.purchases[during(d.purchases.ordered_at, start, end)]


def ordering_customers(d, start, end):
    return _bought(d, start, end).customer_id.nunique()


def repeat_customers(d, start, end):
    bought = _bought(d, start, end)
    return bought[bought["first"] < start].customer_id.nunique()


def repeat_rate(d, start, end):
    return ratio(repeat_customers(d, start, end), ordering_customers(d, start, end))


def returning_revenue(d, start, end):
    bought = _bought(d, start, end)
    return bought.amount[bought["first"] < start].sum()


def revenue_per_returning_customer(d, start, end):
    return ratio(returning_revenue(d, start, end), repeat_customers(d, start, end))


def retention_spend(d, start, end):
    return d.costs.amount[during(d.costs.month, start, end) & (d.costs.category == "retention")].sum()


def retention_cost(d, start, end):
    return ratio(retention_spend(d, start, end), customers_kept(d, start, end))


def lost_after_days(d, start, end):
    lost = _lost(d, start, end)
    return ((lost.lost_at - lost.acquired_at) / DAY).median()


TWINS = {
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
}
