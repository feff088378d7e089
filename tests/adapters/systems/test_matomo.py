"""Matomo's visits log, as its export writes it in UTF-16 with tabs, against values worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent / "matomo"


@pytest.fixture(scope="module")
def log(importing):
    return importing("matomo", HERE)


def test_utf_16_with_tabs_is_read_and_said(log):
    (file,) = log.account.files
    assert (file.encoding, file.delimiter, file.rows) == ("utf-16", "\t", 3)
    assert log.rows == {"web_sessions": 3}


def test_a_visit(log):
    assert log.row("web_sessions", "501", "visitor_id", "duration_seconds", "pages", "source", "medium") == [
        "a1b2c3d4e5f60001", "720", "5", "Google", "search",
    ]  # fmt: skip
    assert log.row("web_sessions", "501", "landing_page", "country", "converted") == [
        "https://www.example.com/", "Poland", "true",
    ]  # fmt: skip
    # nothing but the kind of the referrer is known of who typed the address
    assert log.row("web_sessions", "502", "source", "medium", "campaign") == ["Direct Entry", "direct", ""]
    # a campaign's own words come before those of the referrer; an order was placed
    assert log.row("web_sessions", "503", "source", "medium", "campaign", "order_id", "revenue") == [
        "autumn", "cpc", "autumn", "503", "59.9",
    ]  # fmt: skip


def test_seconds_since_1970_are_in_utc(log):
    # 1788213600 is 2026-08-31 22:00 in UTC, and midnight of September in Berlin, where the site counts
    assert log.row("web_sessions", "501", "started_at", "last_action_at") == [
        "2026-08-31 22:00:00", "2026-08-31 22:12:00",
    ]  # fmt: skip


def test_times_are_in_the_companys_zone(importing):
    log = importing("matomo", HERE, timezone="Europe/Berlin")
    assert log.row("web_sessions", "501", "started_at", "last_action_at") == [
        "2026-09-01 00:00:00", "2026-09-01 00:12:00",
    ]  # fmt: skip
    assert log.value("sessions", "2026-09") == 3


def test_addresses_and_fingerprints_of_people_are_left_out_and_said(log):
    (file,) = log.account.files
    assert {"visitIp", "fingerprint"} <= set(file.columns_left_out)


def test_what_it_measures(log):
    assert log.value("sessions", "2026-09") == 2
    assert log.value("visitors", "2026-08-31/2026-09-04") == 2  # 501 and 503 are the same visitor
    assert log.value("time_on_site", "2026-08-31/2026-09-04") == pytest.approx((720 + 0 + 60) / 3)
    assert log.value("bounce_rate", "2026-08-31/2026-09-04") == pytest.approx(1 / 3)
    assert log.value("visitor_purchase_rate", "2026-09") == 0.5
