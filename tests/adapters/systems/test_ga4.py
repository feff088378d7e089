"""Google Analytics 4: events of a warehouse, folded to visits, against values worked by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from crmkit.errors import DataError

HERE = Path(__file__).parent / "ga4"


@pytest.fixture(scope="module")
def events(importing):
    return importing("ga4", HERE / "events")


def test_events_become_visits(events):
    assert events.rows == {"web_sessions": 3}
    assert events.table("web_sessions")["session_id"].tolist() == ["p.1/1001", "p.2/1001", "p.1/1002"]


def test_a_visit_with_a_purchase(events):
    # four events, not in the order of time; engaged for 30.5 and 20 seconds
    shown = "started_at", "duration_seconds", "pages", "source", "medium", "campaign", "landing_page", "order_id"
    assert events.row("web_sessions", "p.1/1001", *shown) == [
        "2026-09-01 22:00:00", "50.5", "2", "google", "cpc", "autumn", "https://www.example.com/", "T-1001",
    ]  # fmt: skip
    assert events.row("web_sessions", "p.1/1001", "first_user_medium", "events", "revenue_usd") == [
        "organic", "4", "59.9",
    ]  # fmt: skip


def test_two_visitors_with_the_same_session_number_are_two_visits(events):
    assert events.row("web_sessions", "p.2/1001", "visitor_id", "pages", "source", "first_user_source") == [
        "p.2", "1", "", "(direct)",
    ]  # fmt: skip


def test_a_visit_that_says_no_engagement_has_no_duration(events):
    assert events.row("web_sessions", "p.2/1001", "duration_seconds") == [""]


def test_events_without_consent_are_of_nobodys_visit(events):
    assert "web_sessions: 1 row left out by the rule without user_pseudo_id = empty." in events.account.attention()


def test_what_it_measures(events):
    assert events.value("sessions", "2026-09") == 3
    assert events.value("visitors", "2026-09") == 2
    assert events.value("time_on_site", "2026-09") == pytest.approx((50.5 + 1.5) / 2)
    assert events.value("pages_per_session", "2026-09") == pytest.approx(4 / 3)
    assert events.value("visitor_purchase_rate", "2026-09") == 0.5


def test_no_visit_is_made_of_totals(importing):
    with pytest.raises(DataError, match=r"No file event_data\.csv.*was found.*there: Traffic_acquisition\.csv"):
        importing("ga4", HERE / "report")


def test_the_sample_of_a_warehouse(importing, shared):
    source = shared / "exports/ga4_fivetran/event_data.csv"
    if not source.exists():
        pytest.skip("no sample of GA4 beside the checkout")
    imported = importing("ga4", source)  # it has a header twice that no column needs
    found = imported.table("web_sessions").set_index("session_id")
    plain = pd.read_csv(source, dtype=str)
    visits = plain.groupby(plain["user_pseudo_id"] + "/" + plain["param_ga_session_id"])
    assert len(found) == visits.ngroups == 5
    assert found["started_at"].to_dict() == visits["timestamp"].min().to_dict()
    engaged = visits["param_engagement_time_msec"].agg(lambda cells: cells.astype(int).sum() / 1000)
    assert found["duration_seconds"].astype(float).to_dict() == engaged.to_dict()
    assert imported.value("sessions", "2024-09") == 5
    assert imported.value("visitors", "2024-09") == plain["user_pseudo_id"].nunique() == 4
