"""Google Ads: daily figures of a warehouse, and the report its pages download, against values worked by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import crmkit

HERE = Path(__file__).parent / "google_ads"


@pytest.fixture(scope="module")
def objects(importing):
    return importing("google_ads", HERE / "api")


@pytest.fixture(scope="module", params=["report", "excel"])
def report(request, importing):
    """The report as .csv, and as "Excel .csv": UTF-16 with tabs."""
    return importing("google_ads", HERE / request.param)


def test_micros_of_days_devices_and_networks_add_up(objects):
    assert objects.rows == {"campaigns": 3, "costs": 4}
    shown = "cost", "impressions", "clicks", "conversions", "conversions_value", "started_at", "ended_at"
    assert objects.row("campaigns", "9001", *shown) == [
        "50.00001", "383", "35", "3.5", "170.5", "2026-08-30", "2026-09-01 23:59:59",
    ]  # fmt: skip
    assert objects.row("campaigns", "9001", "name") == ["Autumn"]  # it was renamed
    assert objects.row("campaigns", "9002", "name", "channel", "cost") == ["Brand film", "VIDEO", "40"]
    # planned and without figures: what it costs isn't known
    assert objects.row("campaigns", "9003", "started_at", "ended_at", "cost") == ["2026-10-01", "", ""]


def test_costs_stand_on_the_day_on_which_they_arose(objects):
    costs = objects.table("costs")
    assert costs[["month", "category", "amount", "campaign_id"]].to_numpy().tolist() == [
        ["2026-08-30", "marketing", "12.5", "9001"],
        ["2026-08-31", "marketing", "7.5", "9001"],
        ["2026-09-01", "marketing", "30.00001", "9001"],
        ["2026-09-02", "marketing", "40", "9002"],
    ]
    assert "costs: 5 rows left out by the rule without cost_micros = empty / 0." in objects.account.attention()


def test_what_the_objects_can_measure(objects):
    assert objects.value("acquisition_spend", "2026-08") == 20
    assert objects.value("acquisition_spend", "2026-09") == pytest.approx(70.00001)
    assert objects.value("marketing_spend", "2026-08-01/2026-10-01") == pytest.approx(90.00001)


def test_a_cost_per_lead_with_leads_of_another_system(objects):
    leads = pd.DataFrame(
        {"lead_id": ["a", "b", "c"], "campaign_id": ["9001", "9002", None], "created_at": ["2026-09-02"] * 3}
    )
    crm = crmkit.open({"campaigns": objects.table("campaigns"), "leads": leads}, as_of="2026-09-30")
    assert crm.measure("cost_per_lead", period="2026-08-01/2026-10-01")["value"].item() == pytest.approx(90.00001 / 2)


def test_the_report_leaves_titles_and_totals_out(report):
    assert report.rows == {"campaigns": 2, "costs": 3}
    assert report.row("campaigns", "9001", "name", "channel", "cost", "impressions", "clicks", "started_at") == [
        "Autumn", "Search", "1100", "13245", "341", "2026-09-01",
    ]  # fmt: skip
    # " --" is no number of clicks
    assert report.row("campaigns", "9002", "name", "cost", "clicks") == ["Brand film, long", "40", ""]
    assert report.value("acquisition_spend", "2026-09") == 1140


def test_the_lines_left_out_are_shown(report):
    text = report.account.text()
    assert "Campaign report" in text
    assert "Total: Campaigns" in text


def test_a_report_of_a_whole_period_has_costs_without_a_day(importing):
    whole = importing("google_ads", HERE / "whole")
    assert whole.rows == {"campaigns": 2}
    assert whole.row("campaigns", "9002", "cost", "started_at") == ["40", ""]
    assert any("download it with the segment Day" in line for line in whole.account.attention())


def test_the_sample_of_a_warehouse(importing, shared):
    source = shared / "exports/google_ads_fivetran"
    if not source.is_dir():
        pytest.skip("no sample of Google Ads beside the checkout")
    found = importing("google_ads", source)
    plain = pd.read_csv(source / "campaign_stats_data.csv", dtype={"id": str})
    cost = (plain.groupby("id")["cost_micros"].sum() / 1e6).round(6)
    found_cost = found.table("campaigns").set_index("campaign_id")["cost"]
    assert found_cost[found_cost != ""].astype(float).to_dict() == cost.to_dict()
    assert found.rows["costs"] == (plain["cost_micros"] != 0).sum()
    year = plain.loc[plain["date"].str.startswith("2021"), "cost_micros"].sum() / 1e6
    assert found.value("acquisition_spend", "2021") == pytest.approx(year)
