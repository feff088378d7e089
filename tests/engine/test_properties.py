"""What must hold for every metric, whatever its definition."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from crmkit import schema
from crmkit.kinds import Attained, Count, Level, Total
from crmkit.metric import all_metrics, bind
from crmkit.relations import all_derived

NAMES = list(all_metrics())
QUARTER = "2026-Q2"
KEYS = ["metric", "period"]
UNBOUNDED = {
    "nrr", "churn_rate_average", "attainment", "receipts_rate", "budget_used", "revenue_attainment", "response_rate",
    "marketing_roi", "marketing_roi_margin", "crm_roi", "crm_roi_gross", "crm_roi_to_date", "gross_margin",
}  # fmt: skip
"""Ratios in percent that may rightly lie below 0 or above 1."""


def everything(crm, **more):
    """Measure all metrics by month over a quarter."""
    return crm.measure(NAMES, every="month", period=QUARTER, **more)


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Compare two results, and name the metrics that differ: numbers but for the order in which sums are added up."""
    assert list(one.columns) == list(other.columns)
    assert len(one) == len(other)
    for column in one.columns:
        if column in ("value", "low", "high", "n", "numerator", "denominator"):
            a, b = one[column].to_numpy(float), other[column].to_numpy(float)
            differ = ~np.isclose(a, b, rtol=1e-12, atol=1e-9, equal_nan=True)
        else:
            differ = (one[column] != other[column]).to_numpy()
        assert not differ.any(), f"{column} differs in {sorted(set(one.metric[differ]))}"


def close(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Compare two results but for the last bits of sums, whose order a parallel engine does not promise."""
    assert one[KEYS].equals(other[KEYS])
    for column in ("value", "low", "high", "n", "numerator", "denominator"):
        a, b = one[column].to_numpy(float), other[column].to_numpy(float)
        differ = ~np.isclose(a, b, rtol=1e-9, atol=1e-9, equal_nan=True)
        assert not differ.any(), f"{column} differs in {sorted(set(one.metric[differ]))}"


@pytest.fixture(scope="module")
def base(frames, reopened):
    """All metrics of the small company, by month, with intervals."""
    return everything(reopened(frames))


def test_the_small_company_has_something_to_measure(base):
    assert base.groupby("metric").value.apply(lambda values: values.notna().any()).all()


def test_the_order_of_rows_changes_nothing(frames, reopened, base):
    shuffled = {name: frame.sample(frac=1, random_state=5, ignore_index=True) for name, frame in frames.items()}
    close(base, everything(reopened(shuffled)))


def test_the_order_of_columns_changes_nothing(frames, reopened, base):
    turned = {name: frame[frame.columns[::-1]] for name, frame in frames.items()}
    same(base, everything(reopened(turned)))


def test_other_names_for_keys_change_nothing(frames, reopened, base):
    renamed = {}
    for name, frame in frames.items():
        declared = schema.TABLES[name]
        keys = [column for column in frame if column in declared and declared[column].type == "key"]
        # another length and, since they are turned round, another order
        renamed[name] = frame.assign(
            **{key: frame[key].map(lambda v: f"x{v[::-1]}", na_action="ignore") for key in keys}
        )
    close(base, everything(reopened(renamed)))


def test_what_lies_after_as_of_changes_nothing(frames, reopened, base):
    later = pd.Timedelta(days=400)
    longer = {}
    for name, frame in frames.items():
        born, declared = schema.TABLES[name].born, schema.TABLES[name]
        if born is None or name == "customers":
            longer[name] = frame
            continue
        future = frame.assign(**{c: frame[c] + later for c in frame.select_dtypes("datetime")})
        future = future[future[born] > pd.Timestamp("2026-10-01")]
        own = [key for key in declared.key if not declared[key].refers_to]
        future = future.assign(**{key: "later-" + future[key].astype(str) for key in own})
        assert len(future) > 0 or name in {"experiments"}, f"{name} has no later rows to add"
        longer[name] = pd.concat([frame, future], ignore_index=True)
    close(base, everything(reopened(longer)))


def test_further_tables_and_columns_change_nothing(frames, reopened, base):
    # a further column of targets says for whom they are, which is something
    more = {name: frame.assign(further=range(len(frame))) for name, frame in frames.items() if name != "targets"}
    more["targets"] = frames["targets"]
    without = {"experiments", "order_lines", "products"}
    fewer = {name: frame for name, frame in frames.items() if name not in without}
    same(base, everything(reopened(more)))
    same(base, everything(reopened(fewer)))


def test_exact_repetitions_change_nothing(frames, reopened, base):
    keyed = {"orders", "opportunities", "surveys", "leads", "subscriptions", "activities"}
    doubled = {
        name: pd.concat([frame, frame.head(20)], ignore_index=True) if name in keyed else frame
        for name, frame in frames.items()
    }
    crm = reopened(doubled)
    close(base, everything(crm))
    assert sum("repeat others and count once" in note for note in crm.notes) == len(keyed)


@pytest.mark.parametrize("table", ["surveys", "opportunities", "orders", "subscriptions", "terms", "leads", "costs"])
def test_a_missing_table_gives_a_reason_and_disturbs_no_other_metric(frames, reopened, base, table):
    crm = reopened({name: frame for name, frame in frames.items() if name != table})
    found = crm.measure(NAMES, every="month", period=QUARTER, intervals=False)
    lacking = found[found.note.str.startswith("not in this data")]
    assert len(lacking) > 0
    assert lacking.value.isna().all()
    assert lacking.note.str.contains(table).all()
    # what is counted of customers, say, comes from several tables and may rightly differ where one is missing
    own = [name for name in all_metrics() if _stands_alone(name, table)]
    rest = found[found.metric.isin(own) & ~found.metric.isin(lacking.metric)]
    expected = base[base.metric.isin(rest.metric)]
    assert rest.metric.nunique() > 10
    assert np.allclose(rest.value, expected.value, rtol=1e-9, equal_nan=True)


def _stands_alone(name: str, table: str) -> bool:
    """Tell whether a metric has nothing to do with a table, not even as one of several that would do."""
    metric = all_metrics()[name]
    return not any(table in _made_from(one) for one in metric.relations) and all(
        _stands_alone(part, table) for part in metric.parts
    )


def _made_from(relation: str) -> set[str]:
    """Return all tables that a relation is or can be made from."""
    if relation not in all_derived():
        return {relation}
    return set().union(*(_made_from(part) for part in all_derived()[relation].arguments))


def test_no_table_at_all_but_one_unrelated(reopened, frames):
    found = reopened({"products": frames["products"]}).measure(NAMES, period=QUARTER)
    assert list(found.metric) == NAMES
    assert found.value.isna().all()
    assert found.note.str.startswith("not in this data: needs").all()


def kind_of(crm, name: str):
    from crmkit.engine.buckets import Buckets

    span = Buckets((crm.period(QUARTER),))
    context = {"period": span, "as_of": crm.as_of, "config": crm.config}
    return bind(all_metrics()[name], lambda relation: crm.relations.get(relation, period=span), context=context)


@pytest.fixture(scope="module")
def adds_up(sample):
    """The counts and totals whose months and groups add up: no distinct customers, no moves between two moments."""
    found = []
    for name, declared in all_metrics().items():
        kind = kind_of(sample, name)
        depends = "period" in declared.arguments or "mrr_moves" in declared.arguments
        if isinstance(kind, Count | Total) and not depends and not any(a.how == "distinct" for a in kind.atoms()):
            found.append(name)
    return found


def test_months_add_up_to_the_quarter(sample, adds_up):
    assert len(adds_up) > 12
    months = sample.measure(adds_up, every="month", period=QUARTER, intervals=False).groupby("metric").value.sum()
    quarter = sample.measure(adds_up, period=QUARTER, intervals=False).set_index("metric").value
    assert quarter.sum() > 0
    np.testing.assert_allclose(months[adds_up], quarter[adds_up], rtol=1e-12, atol=1e-6)


def test_groups_add_up_to_the_whole(sample, adds_up):
    ways = {"surveys": "touchpoint", "spells": "segment", "leads": "owner.team", "opportunities": "customer.segment"}
    ways |= {"orders": "customer.region", "activities": "user.team", "costs": "category"}
    asked: dict[str, list[str]] = {}
    for name in adds_up:
        relation = all_metrics()[name].relations[0]
        if relation in ways:
            asked.setdefault(ways[relation], []).append(name)
    whole = sample.measure(adds_up, period=QUARTER, intervals=False).set_index("metric").value
    checked = 0
    for by, names in asked.items():
        parts = sample.measure(names, period=QUARTER, by=by, intervals=False).groupby("metric").value.sum()
        np.testing.assert_allclose(parts[names], whole[names], rtol=1e-12, atol=1e-6)
        checked += len(names)
    assert checked > 12


@pytest.mark.parametrize("by", [(), ("segment",), ("segment", "region")])
def test_levels_at_the_end_are_those_at_the_start_of_the_next(sample, by):
    names = ["customers_at_start", "customers_at_end", "mrr_at_start", "mrr"]
    by = [f"customer.{name}" for name in by]
    found = sample.measure(names, every="month", period="2026", by=by, intervals=False)
    wide = found.pivot_table(index=by or [lambda _: 0], columns=["metric", "period"], values="value", dropna=False)
    for start, end in (("customers_at_start", "customers_at_end"), ("mrr_at_start", "mrr")):
        np.testing.assert_allclose(wide[end].to_numpy()[:, :-1], wide[start].to_numpy()[:, 1:], rtol=1e-12, atol=1e-6)
    assert np.nansum(wide.to_numpy()) > 0


@pytest.mark.parametrize("by", [None, "segment"])
@pytest.mark.parametrize("every", ["month", "week", "quarter"])
def test_the_bridge_of_customers_closes(sample, by, every):
    names = ["customers_at_start", "new_customers", "reactivated_customers", "lost_customers", "customers_at_end"]
    period = "2025-12-29/2026-06-29" if every == "week" else "2025-07-01/2026-07-01"
    found = sample.measure(names, every=every, period=period, by=by or (), intervals=False)
    start, new, back, lost, end = (found.value[found.metric == name].to_numpy() for name in names)
    assert (start + new + back - lost == end).all()
    assert lost.sum() > 0
    assert new.sum() > 0


@pytest.mark.parametrize("by", [None, "segment"])
@pytest.mark.parametrize("every", ["month", "year"])
def test_the_bridge_of_recurring_revenue_closes_to_the_cent(sample, by, every):
    names = ["mrr_at_start", "new_mrr", "reactivation_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr", "mrr"]
    found = sample.measure(names, every=every, period="2024-01-01/2026-01-01", by=by or (), intervals=False)
    wide = found.pivot(index=["period", by] if by else "period", columns="metric", values="value").fillna(0)
    start, new, back, up, down, gone, end = (wide[name] for name in names)
    np.testing.assert_allclose(start + new + back + up - down - gone, end, atol=0.005)
    for part in (new, up, down, gone):
        assert (part >= 0).all()
        assert part.sum() > 0


def test_the_bands_of_nps_add_up_to_the_answers(sample):
    bands = sample.measure(["promoters", "passives", "detractors"], every="month", period="2026", intervals=False)
    answers = sample.measure("nps", every="month", period="2026", intervals=False).denominator
    assert bands.groupby("period").value.sum().tolist() == answers.tolist()
    assert answers.sum() > 100


def test_values_are_their_numerator_over_their_denominator(base):
    ratio = base[base.denominator.notna() & base.value.notna()]
    assert ratio.metric.nunique() > 25
    np.testing.assert_allclose(ratio.value, ratio.numerator / ratio.denominator, rtol=1e-12)
    unknown = base[(base.denominator == 0)]
    assert unknown.value.isna().all()


def test_shares_lie_between_0_and_1_and_intervals_around_values(base):
    shares = base[base.metric.map(lambda name: all_metrics()[name].unit == "share") & base.value.notna()]
    capped = shares[~shares.metric.isin(UNBOUNDED)]
    assert capped.metric.nunique() > 25
    outside = capped[~capped.value.between(0, 1)]
    assert outside.empty, outside[["metric", "period", "value"]].to_string()
    inside = base[base.low.notna()]
    assert inside.metric.nunique() > 20
    wrong = inside[(inside.low > inside.value + 1e-9) | (inside.high < inside.value - 1e-9)]
    assert wrong.empty, wrong[["metric", "period", "low", "value", "high", "n"]].to_string()
    assert base[base.value.isna()].low.isna().all()


def test_every_interval_that_is_declared_is_there(sample):
    found = sample.measure(NAMES, period="2026-Q2").set_index("metric")
    for name in NAMES:
        kind = kind_of(sample, name)
        if kind.interval and not isinstance(kind, Attained | Count | Total | Level) and not any(kind.windowed()):
            row = found.loc[name]
            assert row.low <= row.value <= row.high, name
            assert row.n > 0, name


def test_one_measurement_of_all_equals_each_alone(small):
    together = small.measure(NAMES, period=QUARTER)
    for name in ("nps", "churn_rate", "grr", "sales_velocity", "median_deal_size", "repeat_rate", "renewal_rate_value"):
        alone = small.measure(name, period=QUARTER)
        close(together[together.metric == name].reset_index(drop=True), alone)


def test_a_period_measured_alone_equals_the_same_in_a_series(small):
    series = everything(small)
    alone = small.measure(NAMES, period="2026-05")
    close(series[series.period == "2026-05-01"].reset_index(drop=True), alone)


@pytest.mark.parametrize(
    ("every", "period"), [("week", "2025-12-29/2026-02-02"), ("quarter", "2026"), ("year", "2024-01-01/2026-01-01")]
)
def test_series_of_other_grains_equal_single_periods(small, every, period):
    names = ["win_rate", "new_customers", "customers_at_end", "churn_rate", "new_mrr", "repeat_customers", "nps"]
    series = small.measure(names, every=every, period=period, intervals=False)
    for part in small.period(period).split(every):
        if part.start <= small.as_of:
            alone = small.measure(names, period=part, intervals=False)
            close(series[series.period == part.start].reset_index(drop=True), alone)


_ELSEWHERE = """
import json, sys
import crmkit
from crmkit.metric import all_metrics
crm = crmkit.open(sys.argv[1])
found = crm.measure(list(all_metrics()), every="month", period="2026-Q2", intervals=False)
print(found[["metric", "period", "value", "n"]].to_json(orient="values", double_precision=15))
print(json.dumps(crm.sql(sys.argv[2].split(","), period="2026-Q2")))
"""
_PRINTED = "new_visitors,stage_days,touches_to_win,acquisition_spend,win_rate"
"""Metrics whose SQL leaves out several columns of a table, or none."""


def test_zone_and_language_of_the_machine_and_the_order_of_its_sets_change_nothing(small_folder, small, base):
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    env = os.environ | {"TZ": "Pacific/Kiritimati", "LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8"}
    command = [sys.executable, "-W", "ignore", "-c", _ELSEWHERE, str(small_folder), _PRINTED]
    run = subprocess.run(command, capture_output=True, text=True, env=env | {"PYTHONHASHSEED": seed}, check=True)
    values, printed = run.stdout.splitlines()
    assert json.loads(printed) == small.sql(_PRINTED.split(","), period="2026-Q2")
    there = pd.DataFrame(json.loads(values), columns=["metric", "period", "value", "n"])
    assert there.metric.tolist() == base.metric.tolist()
    assert pd.to_datetime(there.period, unit="ms").tolist() == base.period.tolist()
    np.testing.assert_allclose(there.value.astype(float), base.value, rtol=1e-12)
    np.testing.assert_allclose(there.n.astype(float), base.n)
