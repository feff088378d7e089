"""Zendesk's objects in a warehouse, its export of tickets, and a table of Explore, against values worked by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

HERE = Path(__file__).parent / "zendesk"


@pytest.fixture(scope="module")
def objects(importing):
    return importing("zendesk", HERE / "api")


@pytest.fixture(scope="module")
def views(importing):
    return importing("zendesk", HERE / "views")


@pytest.fixture(scope="module")
def explore(importing):
    return importing("zendesk", HERE / "explore")


def test_agents_are_users_and_who_asks_is_a_customer(objects):
    assert objects.table("users")["user_id"].tolist() == ["11", "12"]
    assert set(objects.table("users")["role"]) == {"support"}
    customers = objects.table("customers").set_index("customer_id")["kind"].to_dict()
    assert customers == {"7001": "business", "7002": "business", "23": "person"}  # 21 and 22 belong to organizations


def test_a_ticket(objects):
    shown = "customer_id", "requester_id", "agent_id", "opened_at", "priority", "category", "channel", "group"
    assert objects.row("tickets", "1001", *shown) == [
        "7001", "21", "11", "2026-09-01 08:00:00", "urgent", "problem", "email", "Support",
    ]  # fmt: skip
    assert objects.row("tickets", "1006", "customer_id", "status", "resolved_at") == ["23", "hold", ""]


def test_solved_is_when_it_was_last_solved(objects):
    # the history isn't in the order of time; 1002 was solved, opened again, and solved again before it was closed
    assert objects.row("tickets", "1001", "resolved_at") == ["2026-09-02 16:00:00"]
    assert objects.row("tickets", "1002", "status", "resolved_at") == ["closed", "2026-09-10 10:00:00"]
    assert objects.row("tickets", "1003", "status", "resolved_at") == ["pending", ""]  # opened again: not resolved


def test_deleted_tickets_are_left_out_and_counted(objects):
    assert "1004" not in set(objects.table("tickets")["ticket_id"])
    assert "tickets: 1 row left out by the rule without status = deleted." in objects.account.attention()


def test_comments_say_who_wrote_to_whom(objects):
    shown = "kind", "direction", "user_id", "customer_id", "ticket_id", "at"
    assert objects.row("activities", "9001", *shown) == ["email", "in", "", "7001", "1001", "2026-09-01 08:00:00"]
    assert objects.row("activities", "9002", *shown) == ["email", "out", "11", "7001", "1001", "2026-09-01 10:00:00"]
    assert objects.row("activities", "9003", *shown[:3]) == ["note", "out", "12"]


def test_good_and_bad_are_1_and_0_and_an_offer_is_no_answer(objects):
    shown = "survey", "score", "scale_min", "scale_max", "ticket_id", "customer_id", "comment"
    assert objects.row("surveys", "3001", *shown) == ["csat", "1", "0", "1", "1001", "7001", "Quick, thanks"]
    assert objects.row("surveys", "3002", *shown[1:4], "reason") == [
        "0",
        "0",
        "1",
        "The issue took too long to resolve",
    ]
    assert "3003" not in set(objects.table("surveys")["response_id"])


def test_what_the_objects_can_measure(objects):
    assert objects.value("tickets_opened", "2026-09") == 5
    assert objects.value("tickets_resolved", "2026-09") == 2
    assert objects.value("csat", "2026-09") == 0.5
    assert objects.value("backlog", "2026-09-01/2026-09-29") == 2  # 1003 and 1006
    assert objects.value("resolution_hours_mean", "2026-09") == pytest.approx((32 + 192) / 2)


def test_without_metrics_the_first_public_comment_of_an_agent_is_the_answer(objects):
    # 1001 has an internal note before it, 1002 a question; the others have no comment
    answered = objects.table("tickets").set_index("ticket_id")["first_response_at"].to_dict()
    assert {key: time for key, time in answered.items() if time} == {
        "1001": "2026-09-01 10:00:00", "1002": "2026-09-02 10:45:00",
    }  # fmt: skip
    # a ticket without an answer, or without a day on which it was solved, is nothing to look into
    assert not any("not found in activities" in line for line in objects.account.attention())


def test_what_an_agent_wrote_on_an_own_ticket_is_no_answer(importing, tmp_path):
    for file in (HERE / "api").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tickets = (HERE / "api/ticket.csv").read_text(encoding="utf-8")
    assert tickets.count('"Broken, again",21') == 1
    (tmp_path / "ticket.csv").write_text(tickets.replace('"Broken, again",21', '"Broken, again",11'), encoding="utf-8")
    found = importing("zendesk", tmp_path)
    assert found.row("tickets", "1001", "first_response_at") == [""]
    assert found.row("tickets", "1002", "first_response_at") == ["2026-09-02 10:45:00"]


def test_times_of_objects_are_in_utc_and_reach_the_companys_zone(importing):
    found = importing("zendesk", HERE / "api", timezone="Asia/Tokyo")
    # looked up among activities, which are in the company's zone already: moved once
    assert found.row("tickets", "1001", "opened_at", "first_response_at", "resolved_at") == [
        "2026-09-01 17:00:00", "2026-09-01 19:00:00", "2026-09-03 01:00:00",
    ]  # fmt: skip
    assert found.row("surveys", "3001", "answered_at") == ["2026-09-03 18:30:00"]
    assert found.value("first_response_hours_mean", "2026-09") == pytest.approx((2 + 0.75) / 2)


def test_metrics_say_when_tickets_were_answered_solved_and_opened_again(importing):
    metrics = importing("zendesk", HERE / "metrics", timezone="Europe/Warsaw")
    shown = "opened_at", "first_response_at", "resolved_at", "reopened"
    assert metrics.row("tickets", "1001", *shown) == [
        "2026-09-01 10:00:00", "2026-09-01 12:00:00", "2026-09-02 18:00:00", "false",
    ]  # fmt: skip
    assert metrics.row("tickets", "1002", *shown[1:]) == ["2026-09-02 12:45:00", "2026-09-10 12:00:00", "true"]
    assert metrics.row("tickets", "1003", *shown[1:]) == ["", "", "true"]  # open again
    assert metrics.value("first_response_hours_mean", "2026-09") == pytest.approx((2 + 0.75) / 2)


def test_the_export_of_tickets(views):
    assert views.rows == {"users": 2, "customers": 3, "tickets": 4, "surveys": 2}
    shown = "customer_id", "agent_id", "opened_at", "resolved_at", "priority", "channel", "reopened"
    assert views.row("tickets", "2002", *shown) == [
        "Kowalski Sp. z o.o.", "Bo Admin", "2026-09-02 10:00:00", "2026-09-10 10:00:00", "Normal", "Web form", "true",
    ]  # fmt: skip
    # "-" is nothing: no agent, no priority, no organization
    assert views.row("tickets", "2004", *shown) == ["23", "", "2026-09-29 23:30:00", "", "", "Chat", "false"]
    assert views.row("tickets", "2003", "status", "resolved_at", "category") == ["Pending", "", ""]
    # the first answer came after 120 minutes, after 45, after 30, and not yet
    answered = views.table("tickets").set_index("ticket_id")["first_response_at"].to_dict()
    assert answered == {
        "2001": "2026-09-01 10:00:00", "2002": "2026-09-02 10:45:00", "2003": "2026-09-05 12:30:00", "2004": "",
    }  # fmt: skip
    assert set(views.table("tickets")["customer_id"]) == set(views.table("customers")["customer_id"])


def test_what_the_export_can_measure(views):
    assert views.value("tickets_opened", "2026-09") == 4
    assert views.value("tickets_resolved", "2026-09") == 2
    assert views.value("csat", "2026-09") == 0.5
    assert views.value(
        "reopened_rate",
        "2026-09",
    ) == pytest.approx(1 / 2)


def test_a_table_of_explore(explore):
    assert explore.rows == {"users": 1, "customers": 1, "tickets": 2, "surveys": 1}
    assert explore.row("tickets", "4001", "customer_id", "agent_id", "opened_at", "resolved_at") == [
        "Nordlicht GmbH", "Ann Agent", "2026-09-01 08:00:00", "2026-09-02 16:00:00",
    ]  # fmt: skip
    assert explore.row("tickets", "4002", "customer_id", "agent_id", "resolved_at") == ["Private Person", "", ""]
    assert explore.row("tickets", "4001", "first_response_at") == ["2026-09-01 10:00:00"]
    assert explore.value("tickets_resolved", "2026-09") == 1
    assert explore.value("csat", "2026-09") == 1


def test_the_sample_of_a_warehouse(importing, shared):
    source = shared / "exports/zendesk_fivetran"
    if not source.is_dir():
        pytest.skip("no sample of Zendesk beside the checkout")
    found = importing("zendesk", source)
    plain = pd.read_csv(source / "ticket_data.csv", dtype=str).query("status != 'deleted'")
    tickets = found.table("tickets")
    assert tickets["ticket_id"].tolist() == plain["id"].tolist()
    people = pd.read_csv(source / "user_data.csv", dtype=str)
    assert found.rows["users"] == (people["role"] == "agent").sum() == 1
    history = pd.read_csv(source / "ticket_field_history_data.csv", dtype=str)
    solved = history.query("field_name == 'status' and value == 'solved'").groupby("ticket_id")["updated"].max()
    comments = pd.read_csv(source / "ticket_comment_data.csv")
    assert found.rows["activities"] == len(comments) + len(solved)
    assert found.row("tickets", "11071", "resolved_at") == [solved["11071"]]
    opened = plain["created_at"].str.startswith("2020").sum()
    assert found.value("tickets_opened", "2020") == opened
