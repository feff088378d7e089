"""Comparing, explaining and scoring: changes that add up, verdicts that hold, targets of the right period."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.engine.targets import attainment, targets
from crmkit.errors import DataError, UsageError
from crmkit.metric import all_metrics

SCORED = [name for name in all_metrics() if name != "attainment"]
"""What a scorecard has a row for; attainment is one of its columns."""


def deals(*rows: tuple[str, str, int, int], **more):
    """Open a CRM of deals: month closed, group, won and lost."""
    table = [
        (month, group, outcome)
        for month, group, won, lost in rows
        for outcome, number in (("won", won), ("lost", lost))
        for _ in range(number)
    ]
    frame = pd.DataFrame(table, columns=["closed_at", "source", "outcome"])
    frame["closed_at"] = pd.to_datetime(frame.closed_at + "-10")
    frame = frame.assign(created_at=pd.Timestamp("2025-01-01"), opportunity_id=range(len(frame)), amount=100.0)
    return crmkit.open({"opportunities": frame, **more}, as_of="2026-03-31")


def test_mix_alone():
    """The groups win as before, 80% and 20%, but the weaker one grows from a fifth to four fifths."""
    crm = deals(("2026-02", "A", 64, 16), ("2026-02", "B", 4, 16), ("2026-03", "A", 16, 4), ("2026-03", "B", 16, 64))
    found = crm.explain("win_rate", period="2026-03", against="2026-02", by="source").set_index("source")
    assert found.effect.sum() == pytest.approx(0.32 - 0.68)
    assert found.rate.tolist() == pytest.approx([0, 0], abs=1e-12)
    # A: (0.2 − 0.8) × (0.8 − 0.5); B: (0.8 − 0.2) × (0.2 − 0.5)
    assert found.mix.to_dict() == pytest.approx({"A": -0.18, "B": -0.18})


def test_rate_alone():
    crm = deals(("2026-02", "A", 40, 40), ("2026-02", "B", 10, 10), ("2026-03", "A", 60, 20), ("2026-03", "B", 10, 10))
    found = crm.explain("win_rate", period="2026-03", against="2026-02", by="source").set_index("source")
    assert found.mix.tolist() == pytest.approx([0, 0], abs=1e-12)
    assert found.rate.to_dict() == pytest.approx({"A": 0.8 * 0.25, "B": 0})
    assert found.index[0] == "A"


def test_a_group_that_comes_and_one_that_goes():
    crm = deals(("2026-02", "A", 5, 5), ("2026-02", "B", 10, 0), ("2026-03", "A", 5, 5), ("2026-03", "C", 0, 10))
    found = crm.explain("win_rate", period="2026-03", against="2026-02", by="source").set_index("source")
    assert found.effect.sum() == pytest.approx(0.25 - 0.75)
    assert found.rate[["B", "C"]].tolist() == [0, 0]
    assert found.effect["A"] == pytest.approx(0)


EXPLAINED = {
    "win_rate": "owner_id",
    "nps": "touchpoint",
    "csat": "touchpoint",
    "churn_rate": "segment",
    "retention_rate": "segment",
    "renewal_rate_value": "subscription.plan",
    "average_deal_size": "source",
    "sales_cycle_days": "owner.team",
    "grr": "segment",
    "lead_conversion_rate": "source",
    "revenue": "channel",
    "new_customers": "segment",
    "mrr": "segment",
    "pipeline_value": "owner_id",
    "stage_days": "stage",
}


@pytest.mark.parametrize(("name", "by"), EXPLAINED.items())
def test_the_parts_add_up_to_the_change(name, by, sample):
    found = sample.explain(name, period="2026-Q1", against="2025-Q4", by=by)
    after, before = (sample.measure(name, period=p, intervals=False).value.item() for p in ("2026-Q1", "2025-Q4"))
    assert after != before
    assert found.effect.sum() == pytest.approx(after - before, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(found.mix + found.rate, found.effect)
    assert found.effect.abs().is_monotonic_decreasing
    if all_metrics()[name].unit in ("share", "points", "days"):
        assert found.weight.sum() == pytest.approx(1)
        assert found.previous_weight.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", ["sales_velocity", "median_deal_size"])
def test_what_does_not_add_up_over_groups_is_refused(name, sample):
    with pytest.raises(UsageError, match=name):
        sample.explain(name, period="2026-Q1", against="2025-Q4", by="owner_id")


def test_a_comparison_tells_change_from_noise():
    crm = deals(("2026-02", "A", 80, 20), ("2026-02", "B", 6, 4), ("2026-03", "A", 40, 60), ("2026-03", "B", 7, 3))
    found = crm.compare("win_rate", period="2026-03", against="2026-02", by="source").set_index("source")
    assert found.verdict.to_dict() == {"A": "fell", "B": "no change beyond noise"}
    assert found.change["A"] == pytest.approx(-0.4)
    # Wilson: 40/100 in .3094 to .4980, 80/100 in .7112 to .8666, so that
    # −.4 − √(.0906² + .0666²) = −.5124 and −.4 + √(.0980² + .0888²) = −.2677
    assert (found.change_low["A"], found.change_high["A"]) == pytest.approx((-0.5124, -0.2677), abs=2e-4)
    assert found.change_low["B"] < 0 < found.change_high["B"]


def test_a_group_of_one_period_only_is_compared_with_nothing():
    crm = deals(("2026-02", "A", 5, 5), ("2026-03", "B", 5, 5))
    found = crm.compare(["win_rate", "won_revenue"], period="2026-03", against="2026-02", by="source")
    gone = found[(found.source == "A") & (found.metric == "win_rate")].iloc[0]
    assert np.isnan(gone.value)
    assert gone.previous == 0.5
    assert np.isnan(gone.change)
    assert gone.note


@pytest.fixture(scope="module")
def card(sample):
    return sample.scorecard("2026-Q2")


def test_the_scorecard_says_what_measure_says(card, sample):
    assert list(card.metric) == SCORED
    now = sample.measure(SCORED, period="2026-Q2")
    before = sample.measure(SCORED, period="2026-Q1", intervals=False)
    for column in ("value", "low", "high", "n"):
        np.testing.assert_allclose(card[column].astype(float), now[column], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(card.previous.astype(float), before.value, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(card.change.astype(float), now.value - before.value, rtol=1e-9, atol=1e-7)
    history = card.attrs["history"]
    assert len(history) == 9
    np.testing.assert_allclose(history.iloc[-1][card.metric].astype(float), now.value, rtol=1e-9, atol=1e-9)


def test_the_scorecard_judges_by_the_better_direction(card):
    told = card[card.good.notna()]
    assert len(told) > 30
    for row in told.itertuples():
        assert row.good == ((row.change > 0) == (row.better == "up"))


def test_the_scorecard_says_what_it_cannot_measure():
    crm = deals(("2026-02", "A", 5, 5), ("2026-03", "B", 5, 5))
    card = crm.scorecard("2026-03")
    missing = card.attrs["missing"].set_index("metric")
    assert "win_rate" in set(card.metric)
    assert missing.reason["nps"] == "needs the table surveys"
    assert set(card.metric) | set(missing.index) == set(SCORED)


def test_what_nobody_recorded_yet_is_not_what_was_spent_before():
    tables = {
        "customers": {
            "customer_id": ["a", "b"],
            "created_at": ["2026-01-10", "2026-02-10"],
            "acquired_at": ["2026-01-10", "2026-02-10"],
        },
        "costs": {"month": ["2026-02-01"], "category": ["marketing"], "amount": [500.0]},
    }
    card = crmkit.open(tables, config={"currency": "EUR", "as_of": "2026-02-28"}).scorecard("2026-02")
    row = card.set_index("metric")[["value", "previous"]]
    assert row.loc["cac"].tolist() == pytest.approx([500.0, float("nan")], nan_ok=True)
    assert row.loc["new_customers"].tolist() == [1, 1]


TARGETS = {
    "metric": ["win_rate", "win_rate", "win_rate", "lost_customers", "wins"],
    "period": ["2026-03", "2026-02", "2026-03", "2026-03", "2026-03"],
    "value": [0.6, 0.1, 0.9, 3, 1],
    "source": [None, None, "A", None, None],
}


def test_targets_are_those_of_the_period_and_of_the_whole_company():
    crm = deals(("2026-02", "A", 5, 5), ("2026-03", "A", 5, 5), targets=TARGETS)
    row = crm.scorecard("2026-03").set_index("metric").loc["win_rate"]
    assert (row.target, row.status) == (0.6, "off target")
    assert row.attainment == pytest.approx(0.5 / 0.6)
    by_source = attainment(crm, "2026-03", by="source")
    assert by_source[["source", "target"]].to_numpy().tolist() == [["A", 0.9]]


def test_below_the_target_is_good_where_less_is_better():
    people = {
        "customer_id": ["A"],
        "created_at": ["2025-01-01"],
        "acquired_at": ["2025-01-01"],
        "lost_at": ["2026-03-05"],
    }
    crm = crmkit.open({"customers": people, "targets": TARGETS}, as_of="2026-03-31")
    found = attainment(crm, "2026-03").set_index("metric")
    assert found.status["lost_customers"] == "on target"
    assert found.attainment["lost_customers"] == pytest.approx(1 / 3)


def test_two_targets_for_the_same_are_an_error():
    twice = {"metric": ["leads", "leads"], "period": ["2026-03"] * 2, "value": [1, 2]}
    crm = crmkit.open({"targets": twice, "leads": {"lead_id": ["1"], "created_at": ["2026-03-01"]}})
    with pytest.raises(DataError, match=r"targets.*leads.*2026-03"):
        targets(crm, crm.period("2026-03"))


def test_the_catalogue_has_every_metric_and_what_it_needs(sample):
    found = sample.catalogue().set_index("metric")
    assert list(found.index) == list(all_metrics())
    assert found.available.all()
    assert (found.meaning.str.len() > 10).all()
    assert (found.formula.str.len() > 3).all()
    assert found.needs["win_rate"] == ["opportunities.closed_at", "opportunities.outcome"]


def test_before_the_tables_begin_a_number_is_unknown_and_not_zero():
    leads = {"lead_id": list("abc"), "created_at": ["2026-04-01", "2026-05-01", "2026-08-02"]}
    crm = crmkit.open({"leads": leads}, as_of="2026-09-30")
    begun = crm.scorecard("2026-Q2", metrics=["leads"]).iloc[0]
    assert (begun.value, np.isnan(begun.previous)) == (2.0, True)
    later = crm.scorecard("2026-Q3", metrics=["leads"]).iloc[0]
    assert (later.value, later.previous) == (1.0, 2.0)
