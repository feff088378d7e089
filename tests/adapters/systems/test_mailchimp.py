"""Mailchimp's exports of campaigns and audience, and its API objects in a warehouse, against values worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent / "mailchimp"


@pytest.fixture(scope="module")
def pages(importing):
    """What Mailchimp's own pages export."""
    return importing("mailchimp", HERE / "ui")


@pytest.fixture(scope="module")
def objects(importing):
    """The objects of its API, as a warehouse holds them."""
    return importing("mailchimp", HERE / "api")


def test_campaigns_with_commas_in_subjects_and_numbers(pages):
    assert pages.rows == {"campaigns": 2, "leads": 4}
    shown = "name", "subject", "audience", "recipients", "unique_opens", "revenue"
    assert pages.row("campaigns", "aaa111bbb2", *shown) == [
        "Autumn news", "New, and warm", "Customers", "1200", "480", "119.8",
    ]  # fmt: skip
    # "Sep 01, 2026 10:00 am" and "Sep 15, 2026 03:30 pm"; a mailing ends as it begins
    assert pages.row("campaigns", "aaa111bbb2", "started_at", "ended_at") == ["2026-09-01 10:00:00"] * 2
    assert pages.row("campaigns", "ccc333ddd4", "started_at", "ended_at") == ["2026-09-15 15:30:00"] * 2


def test_no_cost_is_not_a_cost_of_nothing(pages):
    assert set(pages.table("campaigns")["cost"]) == {""}
    assert "campaigns.cost: empty: Mailchimp's reports don't say what a campaign cost." in pages.account.attention()


def test_the_audience_is_one_table_with_its_three_states(pages):
    leads = pages.table("leads").set_index("email")
    assert leads["status"].to_dict() == {
        "ada@example.com": "subscribed",
        "bo@example.org": "subscribed",
        "cleo@example.net": "unsubscribed",
        "gone@example.com": "cleaned",
    }
    assert leads["lead_id"].tolist() == ["e000000001", "e000000002", "e000000003", "e000000004"]
    # Bo was imported: without a time of opting in, that of the confirmation stands
    assert leads.loc["bo@example.org", "created_at"] == "2026-03-01 09:00:00"
    assert leads.loc["ada@example.com", "created_at"] == "2026-01-05 08:00:00"
    left = leads.loc["cleo@example.net", ["unsubscribed_at", "unsubscribe_campaign_id"]].tolist()
    assert left == ["2026-09-01 11:00:00", "aaa111bbb2"]


def test_what_the_pages_can_measure(pages):
    assert str(pages.crm.as_of.date()) == "2026-09-15"
    assert pages.value("leads", "2026-Q1") == 2  # Ada in January, Bo in March
    assert pages.value("campaigns_run", "2026-09-01/2026-09-15") == 1


def test_drafts_are_left_out_and_counted(objects):
    assert objects.rows == {"campaigns": 1, "leads": 3, "campaign_responses": 6}
    assert objects.row("campaigns", "aaa111bbb2", "name", "started_at") == ["Autumn news", "2026-09-01 08:00:00"]
    assert "campaigns: 1 row left out by the rule only status = sent / sending." in objects.account.attention()


def test_everybody_who_got_the_mail_and_what_they_did(objects):
    responses = objects.table("campaign_responses")
    assert responses.groupby("kind").size().to_dict() == {"sent": 3, "opened": 2, "clicked": 1}
    assert set(responses.loc[responses["kind"] == "sent", "at"]) == {"2026-09-01 08:00:00"}
    assert set(responses["lead_id"]) <= set(objects.table("leads")["lead_id"])
    bounces = "campaign_responses: 1 row left out by the rule only action = open / click."
    assert bounces in objects.account.attention()


def test_what_the_objects_can_measure(objects):
    assert str(objects.crm.as_of.date()) == "2026-09-30"
    assert objects.value("leads", "2026-01") == 1
    assert objects.value("campaigns_run", "2026-09") == 1
