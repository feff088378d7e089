"""What truth.json says can be found in the tables, by plain pandas and within the intervals that chance allows."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

from crmkit.sample import write

DAY = pd.Timedelta(days=1)
TIMES = {
    "customers": ["created_at"],
    "leads": ["created_at", "converted_at"],
    "opportunities": ["created_at", "closed_at"],
    "subscriptions": ["started_at", "ended_at"],
    "terms": ["term_start", "term_end"],
    "orders": ["ordered_at"],
    "surveys": ["answered_at"],
    "campaigns": ["started_at"],
    "activities": ["at"],
    "costs": ["month"],
    "users": ["active_from", "active_to"],
    "tickets": ["opened_at", "first_response_at", "resolved_at"],
}


def read(folder, name):
    return pd.read_csv(folder / f"{name}.csv", dtype={"customer_id": str}, parse_dates=TIMES.get(name, []))


class Sample:
    def __init__(self, folder):
        self.folder = folder
        self.truths = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["truths"]

    def __getattr__(self, name):
        table = read(self.folder, name)
        setattr(self, name, table)
        return table

    def truth(self, name, **by):
        return [t for t in self.truths if t["name"] == name and set(by) <= set(t["by"])]

    def one(self, what, name, **by):
        (found,) = [t for t in self.truths if (t["what"], t["name"]) == (what, name) and t["by"] == by]
        return found


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kawomir") / "sample"
    write(folder)
    return Sample(folder)


def within(column, window):
    start, end = window.split("/")
    return (column >= start) & (column < end)


def share_z(hits, n, expected):
    return (hits / n - expected) / np.sqrt(expected * (1 - expected) / n)


def mean_z(values, expected):
    return (values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values)))


def assert_all_agree(z):
    """As many statements as chance allows lie outside their 95% interval, and together they are not too far off."""
    z = np.asarray(z, float)
    assert np.isfinite(z).all()
    outside = (np.abs(z) > 1.96).sum()
    assert outside <= stats.binom.ppf(0.995, len(z), 0.05), np.round(z, 2)
    assert (z**2).sum() < stats.chi2.ppf(0.999, len(z)), np.round(z, 2)


def bought(sample):
    """When each customer was acquired: first order, subscription or win."""
    won = sample.opportunities[sample.opportunities.outcome == "won"]
    firsts = [
        sample.orders.groupby("customer_id").ordered_at.min(),
        sample.subscriptions.groupby("customer_id").started_at.min(),
        won.groupby("customer_id").closed_at.min(),
    ]
    return pd.concat(firsts, axis=1).min(axis=1)


def spells(sample):
    """Unbroken times of being a subscriber: customer, start, end (NaT while it runs)."""
    rows = sample.subscriptions.sort_values(["customer_id", "started_at"])
    previous = rows.groupby("customer_id").ended_at.shift()
    rows["spell"] = (rows.started_at != previous).cumsum()
    spell = rows.groupby("spell").agg(
        customer_id=("customer_id", "first"),
        start=("started_at", "min"),
        end=("ended_at", lambda e: e.max(skipna=False)),
    )
    return spell.merge(sample.customers[["customer_id", "segment"]], on="customer_id", validate="many_to_one")


def churn_z(sample):
    spell = spells(sample)
    first = ~spell.duplicated("customer_id")
    spell["from"] = spell.start.where(~first, spell.customer_id.map(bought(sample)))
    z = []
    for truth in sample.truth("churn_rate", segment=""):
        start, end = map(pd.Timestamp, truth["window"].split("/"))
        mine = spell[spell.segment == truth["by"]["segment"]]
        there = mine[(mine["from"] < start) & ~(mine.end < start)]
        z.append(share_z((there.end < end).sum(), len(there), truth["value"]))
    return z


def perception_z(sample):
    nps = sample.surveys.merge(sample.customers[["customer_id", "segment"]], on="customer_id", validate="many_to_one")
    nps = nps[nps.survey == "nps"]
    z = []
    for name, band in (("promoters_share", nps.score >= 9), ("detractors_share", nps.score <= 6)):
        for truth in sample.truth(name):
            rows = (nps.segment == truth["by"]["segment"]) & within(nps.answered_at, truth["window"])
            z.append(share_z(band[rows].sum(), rows.sum(), truth["value"]))
    for truth in sample.truth("nps"):
        rows = (nps.segment == truth["by"]["segment"]) & within(nps.answered_at, truth["window"])
        points = 100.0 * ((nps.score[rows] >= 9).astype(float) - (nps.score[rows] <= 6))
        z.append(mean_z(points, truth["value"]))
    for name, survey, least in (("ces_easy", "ces", 5), ("csat", "csat", 4)):
        (truth,) = sample.truth(name)
        rows = sample.surveys[(sample.surveys.survey == survey) & within(sample.surveys.answered_at, truth["window"])]
        z.append(share_z((rows.score >= least).sum(), len(rows), truth["value"]))
    return z


def deals_z(sample, name, by):
    deals, z = sample.opportunities, []
    days = (deals.closed_at - deals.created_at) / DAY
    for truth in sample.truth(name):
        if truth["what"] == "crm" or by not in truth["by"]:
            continue
        rows = (deals.outcome != "open") & within(deals.closed_at, truth["window"])
        for column, value in truth["by"].items():
            rows &= deals[column] == value
        if name == "win_rate":
            z.append(share_z((deals.outcome[rows] == "won").sum(), rows.sum(), truth["value"]))
        else:
            z.append(mean_z(days[rows & (deals.outcome == "won")], truth["value"]))
    return z


def response_curves(sample):
    """Deviance of the true curve and of the best one, by channel."""
    found = sample.campaigns.assign(leads=sample.campaigns.campaign_id.map(sample.leads.campaign_id.value_counts()))
    for truth in sample.truth("response_curve"):
        mine = found[found.channel == truth["by"]["channel"]]
        leads, spend = mine.leads.fillna(0).to_numpy(), mine.cost.to_numpy(float)

        def loss(log, leads=leads, spend=spend):
            mean = np.exp(log[0]) * spend / (spend + np.exp(log[1]))
            return 2 * (mean - leads * np.log(mean)).sum()

        true = np.log([truth["value"]["leads_max"], truth["value"]["half_spend"]])
        best = optimize.minimize(loss, true, method="Nelder-Mead")
        yield truth, loss(true) - best.fun, len(np.unique(spend))


def purchases(sample):
    """Repeat purchases, recency and age in weeks, and mean amounts, of the web shop's private buyers."""
    mine = sample.customers.customer_id[sample.customers.segment == "Home shop"]
    orders = sample.orders[sample.orders.customer_id.isin(mine) & (sample.orders.amount > 0)]
    by = orders.groupby("customer_id")
    first, last, count = by.ordered_at.min(), by.ordered_at.max(), by.size()
    week = pd.Timedelta(weeks=1)
    end = pd.Timestamp("2026-10-01")
    return count - 1, (last - first) / week, (end - first) / week, by.amount.mean(), count


def bg_nbd_loss(log, x, t_x, age):
    """Negative log-likelihood of the BG/NBD model: Fader, Hardie and Lee (2005), equation 6."""
    r, alpha, a, b = np.exp(log)
    alive = special.betaln(a, b + x) - (r + x) * np.log(alpha + age)
    gone = special.betaln(a + 1, b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x)
    both = np.where(x > 0, np.logaddexp(alive, gone), alive)
    start = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha) - special.betaln(a, b)
    return -(start + both).sum()


def gamma_gamma_loss(log, mean, count):
    """Negative log-likelihood of the Gamma-Gamma model: Fader and Hardie (2013), equation 1a."""
    p, q, v = np.exp(log)
    whole = special.gammaln(p * count + q) - special.gammaln(p * count) - special.gammaln(q) + q * np.log(v)
    rest = (p * count - 1) * np.log(mean) + p * count * np.log(count) - (p * count + q) * np.log(v + count * mean)
    return -(whole + rest).sum()


def lost_likelihood(loss, parameters, *data):
    """Twice the log-likelihood that the true parameters have less than the best ones."""
    true = np.log(parameters)
    best = optimize.minimize(loss, true, args=data, method="Nelder-Mead", options={"maxiter": 4000, "maxfev": 4000})
    return 2 * (loss(true, *data) - best.fun)


def purchase_deviances(sample):
    x, t_x, age, mean, count = (np.asarray(part, float) for part in purchases(sample))
    bg = sample.one("purchases", "bg_nbd", segment="Home shop")["value"]
    gg = sample.one("purchases", "gamma_gamma", segment="Home shop")["value"]
    return (
        lost_likelihood(bg_nbd_loss, [bg[name] for name in ("r", "alpha", "a", "b")], x, t_x, age),
        lost_likelihood(gamma_gamma_loss, [gg[name] for name in ("p", "q", "v")], mean, count),
    )


def basket_z(sample):
    orders = sample.orders[sample.orders.amount > 0].order_id
    lines = sample.order_lines[sample.order_lines.order_id.isin(orders)]
    has = {product: set(rows) for product, rows in lines.groupby("product_id").order_id}
    z, lifts = [], []
    for truth in sample.truth("lift"):
        one, other = (has[truth["by"][name]] for name in ("product_id", "with_product_id"))
        lift = len(one & other) * len(orders) / (len(one) * len(other))
        # most of the noise is that of the orders with both
        z.append(np.log(lift / truth["value"]) * np.sqrt(len(one & other)))
        lifts.append(lift)
    return z, lifts


def experiment_z(sample):
    z = {}
    for name, rows in sample.experiments.groupby("experiment_id"):
        treated, control = (rows[rows.variant == arm] for arm in ("treatment", "control"))
        one, other = treated.converted.mean(), control.converted.mean()
        error = np.sqrt(one * (1 - one) / len(treated) + other * (1 - other) / len(control))
        truth = sample.one("experiment", "conversion_difference", experiment_id=name)["value"]
        z[name, "converted"] = (one - other - truth) / error, (one - other) / error
        theta = np.cov(rows.value, rows.pre_value)[0, 1] / rows.pre_value.var()
        adjusted = rows.value - theta * (rows.pre_value - rows.pre_value.mean())
        one, other = adjusted[treated.index], adjusted[control.index]
        error = np.sqrt(one.var() / len(one) + other.var() / len(other))
        truth = sample.one("experiment", "value_difference", experiment_id=name)["value"]
        z[name, "value"] = (one.mean() - other.mean() - truth) / error, (one.mean() - other.mean()) / error
    return z


def crm_ratios(sample):
    """Measured ratio of after to before and its relative standard error, of the four effects of the CRM."""
    windows = {t["name"]: t["window"].split() for t in sample.truths if t["what"] == "crm" and " " in t["window"]}
    deals = sample.opportunities[sample.opportunities.outcome == "won"]
    days = (deals.closed_at - deals.created_at) / DAY
    one, other = (days[within(deals.closed_at, window)] for window in windows["sales_cycle_days"])
    made = {
        "sales_cycle_days": (other.mean() / one.mean(), np.hypot(one.sem() / one.mean(), other.sem() / other.mean()))
    }
    ended = sample.terms[sample.terms.outcome != "open"]
    one, other = (ended.outcome[within(ended.term_end, window)] == "renewed" for window in windows["renewal_rate"])
    error = np.sqrt((1 - one.mean()) / one.sum() + (1 - other.mean()) / other.sum())
    made["renewal_rate"] = other.mean() / one.mean(), error
    agents = sample.users[sample.users.role.isin(["sales", "support"])]
    done = sample.activities[sample.activities.user_id.isin(agents.user_id)]
    counts = []
    for window in windows["interactions_per_agent"]:
        start, end = window.split("/")
        staff = (agents.active_from < end) & ~(agents.active_to <= start)
        counts.append((within(done["at"], window).sum(), staff.sum()))
    (one, staff), (other, later) = counts
    made["interactions_per_agent"] = (other / later) / (one / staff), np.sqrt(1 / one + 1 / other)
    when, spent = bought(sample), sample.costs[sample.costs.category.isin(["marketing", "sales"])]
    parts = [(spent.amount[within(spent.month, w)].sum(), within(when, w).sum()) for w in windows["cac"]]
    (one, first), (other, second) = parts
    made["cac"] = (other / second) / (one / first), np.sqrt(1 / first + 1 / second)
    return made


def crm_z(sample):
    made = {}
    for name, (ratio, error) in crm_ratios(sample).items():
        truth = sample.one("crm", name)["value"]
        made[name] = np.log(ratio / truth["ratio"]) / error, np.log(ratio / truth["factor"]) / error
    return made


def test_churn_by_segment_and_quarter(sample):
    z = churn_z(sample)
    assert len(z) == 4 * 13
    assert_all_agree(z)


def test_promoters_detractors_and_satisfaction(sample):
    assert_all_agree(perception_z(sample))


@pytest.mark.parametrize("by", ["owner_id", "source"])
@pytest.mark.parametrize("name", ["win_rate", "sales_cycle_days"])
def test_win_rate_and_cycle(sample, name, by):
    assert_all_agree(deals_z(sample, name, by))


def test_reps_and_sources_really_differ(sample):
    for by in ("owner_id", "source"):
        values = [truth["value"] for truth in sample.truth("win_rate", **{by: ""}) if "kind" not in truth["by"]]
        assert max(values) - min(values) > 0.15


def test_response_curves(sample):
    lost = {truth["by"]["channel"]: deviance for truth, deviance, _ in response_curves(sample)}
    assert len(lost) == 6
    assert sum(lost.values()) < stats.chi2.ppf(0.95, 2 * len(lost) - 1), lost


def test_one_channel_never_varies(sample):
    still = [truth["by"]["channel"] for truth, _, kinds in response_curves(sample) if kinds == 1]
    assert still == ["Trade press"]
    assert [t["by"]["channel"] for t in sample.truth("response_curve") if not t["value"]["spend_varies"]] == still


def test_purchase_process_of_the_web_shop(sample):
    bg, gg = purchase_deviances(sample)
    assert bg < stats.chi2.ppf(0.95, 4)
    assert gg < stats.chi2.ppf(0.95, 3)


def test_wrong_time_unit_is_told_apart(sample):
    x, t_x, age, _, _ = (np.asarray(part, float) for part in purchases(sample))
    bg = sample.one("purchases", "bg_nbd", segment="Home shop")["value"]
    true = [bg[name] for name in ("r", "alpha", "a", "b")]
    assert lost_likelihood(bg_nbd_loss, true, x, t_x * 7, age * 7) > 100


def test_five_types_are_found(sample):
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score
    from sklearn.preprocessing import StandardScaler

    orders = sample.orders[sample.orders.amount > 0]
    lines = sample.order_lines.merge(orders[["order_id", "customer_id"]], on="order_id", validate="many_to_one")
    lines = lines.merge(sample.products, on="product_id", validate="many_to_one")
    mix = pd.crosstab(lines.customer_id, lines.category, normalize="index")
    by = orders.groupby("customer_id").amount
    features = mix.assign(orders=np.log1p(by.size()), amount=np.log(by.mean()))
    found = KMeans(5, n_init=10, random_state=0).fit_predict(StandardScaler().fit_transform(features))
    types = pd.read_csv(sample.folder / "truth_types.csv", dtype=str).set_index("customer_id").type
    assert set(types) == set(sample.one("types", "customer_types")["value"]["types"])
    assert adjusted_rand_score(types[features.index], found) > 0.8


def test_product_pairs(sample):
    z, lifts = basket_z(sample)
    assert_all_agree(z)
    assert min(lifts) > 1.5


def test_experiments(sample):
    z = experiment_z(sample)
    for (name, _), (from_truth, from_zero) in z.items():
        assert abs(from_truth) < 1.96
        assert (from_zero > 1.96) == (name == "EXP-1")


def test_effects_of_the_crm(sample):
    effects = crm_z(sample)
    assert set(effects) == {"sales_cycle_days", "renewal_rate", "interactions_per_agent", "cac"}
    for name, (from_expected, from_factor) in effects.items():
        assert abs(from_expected) < 1.96, name
        assert abs(from_factor) < 1.96, name


def test_effects_of_the_crm_are_more_than_noise(sample):
    for name, (ratio, error) in crm_ratios(sample).items():
        assert abs(np.log(ratio)) > 1.96 * error, name


def test_the_planted_factors_are_the_announced_ones(sample):
    factors = {t["name"]: t["value"]["factor"] for t in sample.truths if t["what"] == "crm" and " " in t["window"]}
    announced = {"sales_cycle_days": 0.65, "renewal_rate": 1.30, "interactions_per_agent": 1.26, "cac": 0.83}
    assert factors == announced
    for name, factor in announced.items():
        assert sample.one("crm", name)["value"]["ratio"] == pytest.approx(factor, rel=0.03)


def test_slow_support_lowers_satisfaction(sample):
    import statsmodels.api as sm

    csat = sample.surveys[(sample.surveys.survey == "csat") & sample.surveys.ticket_id.notna()]
    rows = csat.merge(sample.tickets, on="ticket_id", validate="many_to_one")
    hours = (rows.resolved_at - rows.opened_at) / pd.Timedelta(hours=1)
    slow = np.log(hours) - np.log(hours).groupby(rows.priority).transform("median")
    model = sm.Logit((rows.score >= 4).astype(float), sm.add_constant(slow)).fit(disp=0)
    assert model.conf_int().iloc[1, 1] < 0
    # the slowness of one's own agent also tells on the general mood, so that the slope is at least the planted one
    assert model.conf_int().iloc[1, 0] < sample.one("service", "csat_slowness")["value"]


def test_dissatisfied_customers_leave_more_often(sample):
    spell = spells(sample).drop_duplicates("customer_id")
    nps = sample.surveys[sample.surveys.survey == "nps"].merge(spell, on="customer_id", validate="many_to_one")
    nps = nps[(nps.answered_at >= nps.start) & (nps.answered_at < "2025-10-01") & ~(nps.end <= nps.answered_at)]
    left = nps.end < nps.answered_at + 365 * DAY
    low, high = left[nps.score <= 6], left[nps.score >= 9]
    error = np.sqrt(low.var() / len(low) + high.var() / len(high))
    assert low.mean() - high.mean() > 1.96 * error


def test_reopened_tickets(sample):
    truth = sample.one("service", "reopened_rate")
    solved = sample.tickets[sample.tickets.resolved_at.notna() & within(sample.tickets.opened_at, truth["window"])]
    assert abs(share_z(solved.reopened.sum(), len(solved), truth["value"])) < 1.96


def test_routine_work_takes_less_time(sample):
    routine = sample.activities[sample.activities.kind.isin(["task", "note"])]
    minutes = np.log(routine.duration_minutes) - np.log(routine.duration_minutes).groupby(routine.kind).transform(
        "mean"
    )
    late = routine["at"] >= "2025-07-01"
    change = minutes[late].mean() - minutes[~late].mean()
    error = np.sqrt(minutes[late].var() / late.sum() + minutes[~late].var() / (~late).sum())
    assert abs(change - np.log(sample.one("crm", "routine_minutes_factor")["value"])) < 1.96 * error
