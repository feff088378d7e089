"""The page of diagnosis: what it says, on the sample and on little, and what it refuses to make of noise."""

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit import pages, plots
from crmkit.errors import NotInThisData, UsageError
from crmkit.metric import all_metrics
from crmkit.numbers import NBSP
from crmkit.pages import diagnosis, losses

NOW, THEN = "2026-Q3", "2026-Q2"


def text(html) -> str:
    return html.text.replace(NBSP, " ")


@pytest.fixture(scope="module")
def evidence(sample):
    ranked = diagnosis.where(sample, "churn_rate", NOW, THEN)
    return {
        "charted": diagnosis.chart(sample, "churn_rate", NOW),
        "ranked": ranked,
        "split": diagnosis.parts(sample, "churn_rate", NOW, THEN, ranked),
    }


def test_the_strongest_mover_is_the_one_with_the_smallest_p(sample):
    found = diagnosis.movers(sample, NOW, THEN)
    assert found["p"].is_monotonic_increasing
    assert diagnosis.choose(sample, "", NOW, THEN) == found["metric"].iloc[0]
    assert diagnosis.choose(sample, "win_rate", NOW, THEN) == "win_rate"
    with pytest.raises(UsageError, match="Did you mean"):
        diagnosis.choose(sample, "win_rat", NOW, THEN)


def test_the_largest_of_many_is_a_finding_only_beyond_the_largest_of_so_many(sample):
    ranked = diagnosis.movers(sample, NOW, THEN)
    first = ranked.iloc[0]
    assert first["verdict"] in ("rose", "fell")
    assert first["q"] > 0.05  # in this quarter of the sample
    picked = diagnosis.headline_card(sample, first["metric"], NOW, THEN, named=False)
    named = diagnosis.headline_card(sample, first["metric"], NOW, THEN, named=True)
    assert picked["verdict"].iloc[0] == "no change beyond noise"
    assert named["verdict"].iloc[0] == first["verdict"]


def test_what_really_moved_is_called_a_finding_although_it_was_picked(sample):
    """The quarters before and well after the CRM: the sales cycle is planted to become shorter."""
    found = diagnosis.movers(sample, "2026-Q1", "2025-Q2")
    assert found["metric"].iloc[0] == "sales_cycle_days"
    card = diagnosis.headline_card(sample, "sales_cycle_days", "2026-Q1", "2025-Q2", named=False)
    assert card["verdict"].iloc[0] == "fell"


def test_the_verdict_says_change_chart_and_place(sample, evidence):
    said = text(diagnosis.verdict(sample, "churn_rate", NOW, THEN, named=True, **evidence))
    assert "no more than noise" in said
    assert "of the 3 months of 2026-Q3" in said
    assert "false alarms" in said
    assert "random groups of the same sizes" in said
    assert "Of the change of −0.7 pts" in said


def test_a_number_without_parts_says_so_in_one_line(sample):
    found = diagnosis.where(sample, "median_deal_size", NOW, THEN)
    assert "no share, mean or sum over rows" in text(pages.draw(plots.ranking, found))
    split = diagnosis.parts(sample, "median_deal_size", NOW, THEN, found)
    assert text(pages.draw(plots.effects, split)) == "No column to split the change by, for the reason above."


def test_a_column_that_is_not_there_is_an_error(sample):
    with pytest.raises(UsageError, match="no column 'segmnt'"):
        diagnosis.where(sample, "churn_rate", NOW, THEN, "segmnt")
    assert diagnosis.where(sample, "churn_rate", NOW, THEN, "segment")["by"].tolist() == ["segment"]


def test_what_was_not_tried_is_listed(evidence):
    assert text(diagnosis.left_out(evidence["ranked"])) == ""
    frame = pd.DataFrame()
    frame.attrs["left_out"] = {"a_id": "one group only", "b": "one group only", "c": "90 groups"}
    assert text(diagnosis.left_out(frame)).splitlines() == [
        "Columns that were not tried",
        "Not tried, one group only: a, b.",
        "Not tried, 90 groups: c.",
    ]


def test_everything_adds_up(sample, evidence):
    levers = diagnosis.lever_parts(sample, "churn_rate", "sales_velocity", NOW, THEN)
    lost = losses.why_lost(sample, NOW)
    parts = {name: evidence[name] for name in ("ranked", "split")}
    found = diagnosis.agreements(sample, "churn_rate", NOW, THEN, levers=levers, lost=lost, **parts)
    assert len(found) == 6
    assert "share" not in set(found["unit"])  # a change of a share is in points
    np.testing.assert_allclose(found["left"].astype(float), found["right"].astype(float), rtol=1e-9)


def test_the_levers_of_every_compound_metric_add_up(sample):
    """Log-mean shares where the formula is a product, Shapley shares where it is not."""
    tried, methods = 0, set()
    for name, metric in all_metrics().items():
        if not metric.parts or metric.relations or metric.over or metric.family not in ("sales", "value", "marketing"):
            continue
        levers = diagnosis.lever_parts(sample, name, "sales_velocity", NOW, THEN)
        if "contribution" not in levers or levers["contribution"].isna().any() or "total" not in levers.attrs:
            continue
        tried += 1
        methods |= set(levers["method"])
        assert levers["contribution"].sum() == pytest.approx(levers.attrs["total"], rel=1e-9, abs=1e-12), name
    assert tried >= 8
    assert methods == {"log mean", "Shapley"}


def test_the_finding_of_levers_names_both_directions(sample):
    levers = diagnosis.lever_parts(sample, "churn_rate", "sales_velocity", NOW, THEN)
    said = diagnosis.levers_finding(levers).replace(NBSP, " ")
    assert said.startswith("Sales velocity: −")
    assert "moved it up most" in said
    assert "moved it down most" in said
    assert diagnosis.levers_finding(pd.DataFrame()) is None


def test_lost_and_kept_are_said_with_numbers_and_the_day(sample):
    window = losses.year_to(sample, NOW)
    found = losses.lost_and_kept(sample, window)
    assert "on 2025-10-01" in text(losses.who_was_compared(found, window))
    said = text(losses.differences(found))
    assert said.startswith("Satisfaction: ")
    assert "times as often as the others (95% interval 0." in said


def test_reasons_over_time_keep_the_unknown_and_add_up(sample):
    past = losses.reasons_over_time(sample, NOW)
    assert losses.UNTOLD in set(past["lost_reason"])
    quarters = sample.measure("lost_customers", every="quarter", period="2024-10-01/2026-10-01")["value"]
    assert past.groupby("period")["value"].sum().tolist() == quarters.tolist()
    assert "have no reason" in losses.over_time_finding(past)


def test_the_alarm_rates_are_in_the_table():
    rates = diagnosis.alarm_rates().set_index("rule")
    assert rates.loc["beyond 3 sigma", "one in so many points"] == pytest.approx(370.4, abs=0.05)
    assert rates.loc["all four together", "one in so many points"] == 91.75


@pytest.mark.parametrize(
    "make",
    [
        lambda crm: pages.draw(plots.control_chart, diagnosis.chart(crm, "churn_rate", NOW)),
        lambda crm: pages.draw(plots.ranking, diagnosis.where(crm, "churn_rate", NOW, THEN)),
        lambda crm: pages.draw(plots.contrasts, losses.lost_and_kept(crm, crm.period(NOW))),
        lambda crm: pages.draw(plots.lost_reasons, losses.why_lost(crm, NOW)),
        lambda crm: pages.draw(plots.lost_reasons, losses.why_lost(crm, NOW, "deals")),
    ],
)
def test_every_figure_has_words_and_numbers(sample, make):
    html = make(sample)
    assert 'alt="' in html.html
    assert "<table" in html.html
    assert "nan" not in html.text.lower().split()


def test_little_data_gives_lines_and_no_errors(pipeline):
    """Six deals: no chart, no groups, nobody known to have left."""
    now, then = pipeline.period("2026-Q2"), pipeline.period("2026-Q1")
    metric = diagnosis.choose(pipeline, "", now, then)
    assert metric in diagnosis.CANDIDATES
    chart = diagnosis.chart(pipeline, metric, now)
    ranked = diagnosis.where(pipeline, metric, now, then)
    split = diagnosis.parts(pipeline, metric, now, then, ranked)
    assert "at least 8 periods" in text(pages.draw(plots.control_chart, chart))
    assert "forms groups" in text(pages.draw(plots.ranking, ranked))
    assert text(diagnosis.verdict(pipeline, metric, now, then, charted=chart, ranked=ranked, split=split, named=False))
    for frame in (losses.lost_and_kept(pipeline, now), losses.why_lost(pipeline, now)):
        assert text(pages.draw(plots.contrasts, frame))
    assert text(losses.differences(losses.lost_and_kept(pipeline, now)))


def test_data_without_any_candidate_leaves_the_page_out():
    crm = {"leads": {"lead_id": ["1"], "created_at": ["2026-01-01"]}}
    with pytest.raises(NotInThisData):
        pages.begin(crm, any_of=diagnosis.CANDIDATES)
    bare = crmkit.open(crm)
    assert len(diagnosis.movers(bare, "2026-01", "2025-12")) == 0
    assert diagnosis.choose(bare, "", "2026-01", "2025-12") == diagnosis.CANDIDATES[0]
