"""Intercom's objects in a warehouse, and its report on conversations, against values worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent / "intercom"


@pytest.fixture(scope="module")
def objects(importing):
    return importing("intercom", HERE / "api")


def test_of_every_conversation_the_last_state_counts(objects):
    assert objects.rows == {"users": 2, "customers": 1, "leads": 1, "tickets": 3, "surveys": 2}
    assert objects.row("tickets", "801", "status", "opened_at", "first_response_at", "resolved_at", "reopened") == [
        "closed", "2026-09-01 08:00:00", "2026-09-01 08:30:00", "2026-09-02 11:00:00", "false",
    ]  # fmt: skip
    # reopened once: the last time that it was closed
    assert objects.row("tickets", "802", "resolved_at", "reopened") == ["2026-09-10 11:00:00", "true"]
    assert objects.row("tickets", "803", "status", "resolved_at", "agent_id") == ["snoozed", "", ""]


def test_a_message_that_nobody_answered_is_no_ticket(objects):
    assert "804" not in set(objects.table("tickets")["ticket_id"])
    unanswered = "tickets: 1 row left out by the rule without first_contact_reply_created_at = empty."
    assert unanswered in objects.account.attention()


def test_a_lead_who_asks_is_no_customer(objects):
    assert objects.row("tickets", "802", "customer_id", "contact_id") == ["", "c2"]
    assert objects.row("tickets", "801", "customer_id", "contact_id") == ["c1", "c1"]
    assert objects.row("customers", "c1", "name", "external_id", "created_at") == [
        "Uwe User", "ACC-1", "2026-01-10 09:00:00",
    ]  # fmt: skip
    assert objects.row("leads", "c2", "email", "source") == ["l2@example.net", "Intercom"]


def test_bots_are_no_support_staff(objects):
    users = objects.table("users").set_index("user_id")
    assert users["role"].to_dict() == {"31": "support", "32": "other"}
    assert users["licensed"].to_dict() == {"31": "true", "32": "false"}


def test_ratings_are_answers_on_a_scale_of_1_to_5(objects):
    assert objects.row("surveys", "801", "score", "scale_min", "scale_max", "answered_at", "comment") == [
        "5", "1", "5", "2026-09-02 12:00:00", "Great, thanks",
    ]  # fmt: skip


def test_what_the_objects_can_measure(objects):
    assert objects.value("tickets_opened", "2026-09") == 3
    assert objects.value("tickets_resolved", "2026-09") == 2
    assert objects.value("backlog", "2026-09-01/2026-09-21") == 1
    assert objects.value("csat", "2026-09") == 0.5  # 5 of 5 is satisfied, 2 of 5 isn't
    assert objects.value("first_response_hours_mean", "2026-09") == pytest.approx((0.5 + 6) / 2)


@pytest.fixture(scope="module")
def report(importing):
    return importing("intercom", HERE / "report")


def test_headers_of_the_report_name_the_workspaces_zone(report):
    assert report.rows == {"users": 2, "customers": 2, "tickets": 3, "surveys": 2}
    shown = "customer_id", "agent_id", "opened_at", "resolved_at", "status", "category"
    assert report.row("tickets", "801", *shown) == [
        "u-1", "Mia Example", "2026-09-01 10:00:00", "2026-09-02 13:00:00", "Closed", "billing",
    ]  # fmt: skip
    assert report.row("tickets", "803", "agent_id", "resolved_at", "status") == ["", "", "Snoozed"]
    assert report.row("customers", "u-1", "name", "company") == ["Uwe User", "Nordlicht GmbH"]


def test_the_first_response_is_so_many_seconds_after_the_start(report):
    answered = report.table("tickets").set_index("ticket_id")["first_response_at"].to_dict()
    assert answered == {"801": "2026-09-01 10:30:00", "802": "2026-09-03 16:00:00", "803": ""}


def test_what_the_report_can_measure(report):
    assert report.value("tickets_opened", "2026-09") == 3
    assert report.value("tickets_resolved", "2026-09") == 2
    assert report.value("csat", "2026-09") == 0.5
    assert report.value("first_response_hours_mean", "2026-09") == pytest.approx((0.5 + 6) / 2)
