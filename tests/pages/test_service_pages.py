"""The page of service: its tables and sentences, from ledgers and from the sample."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit
from crmkit import pages
from crmkit.numbers import NBSP
from crmkit.pages import desk, service

OFFICE = {"hours": dict.fromkeys(["monday", "tuesday", "wednesday", "thursday", "friday"], "09:00-17:00")}
SLA = {"sla": {"first_response_hours": {"high": 4}, "resolution_hours": {"high": 24, "low": 48}}}


def opened(rows, *, config=None, as_of="2026-03-31 23:59"):
    names = ["ticket_id", "priority", "agent_id", "opened_at", "first_response_at", "resolved_at"]
    return crmkit.open({"tickets": pd.DataFrame(rows, columns=names)}, as_of=as_of, config=config or {})


@pytest.fixture(scope="module")
def small():
    """Three tickets of March and one of February that is resolved in March."""
    return opened(
        [
            ("1", "high", "a", "2026-02-27 16:00", "2026-02-27 17:00", "2026-03-02 10:00"),
            ("2", "high", "a", "2026-03-03 09:00", "2026-03-03 10:00", "2026-03-03 11:00"),
            ("3", "low", "b", "2026-03-04 09:00", "2026-03-05 09:00", "2026-03-06 09:00"),
            ("4", "high", "b", "2026-03-10 09:00", None, None),
        ],
        config=OFFICE | SLA,
    )


def text(html) -> str:
    return html.text.replace(NBSP, " ")


def test_hours_by_the_calendar_and_in_business_hours_stand_side_by_side(small):
    frame = service.hours_table(small, "2026-03").set_index(["until", "measure"])
    assert frame.loc[("resolution", "median"), ["calendar hours", "business hours"]].tolist() == [48.0, 2.0]
    assert frame.loc[("first response", "mean"), "calendar hours"] == 12.5
    assert frame["n"].tolist() == [2, 2, 2, 3, 3, 3]


def test_without_a_schedule_the_business_hours_are_left_out_and_it_is_said_how_to_have_them():
    crm = opened([("1", "", "a", "2026-03-02", "2026-03-03", "2026-03-04")])
    frame = service.hours_table(crm, "2026-03")
    assert "business hours" not in frame
    assert "business hours" not in service.form(frame)["units"]
    assert "[hours] in crm.toml" in text(service.open_hours(crm))


def test_the_open_hours_of_a_week_are_counted(small):
    assert text(service.open_hours(small)).startswith("The company is open 40 hours of the 168 of a week. ")


def test_the_slow_end_is_said_beside_the_middle(small):
    said = text(service.skew(service.hours_table(small, "2026-03")))
    assert (
        "Resolution: half of the tickets took up to 48 hours, one in ten more than 62.4 hours, 1.3 times as long"
        in said
    )


def test_what_came_and_went_explains_the_backlog(small):
    said = text(service.flow(small, "2026-03"))
    assert said.startswith("In 2026-03 3 tickets were opened and 3 resolved: the backlog stayed at 1.")
    assert "the work of 10.3 days" in said  # 3 in 31 days


def test_waiting_tickets_count_in_the_second_median(small):
    said = text(service.waiting_counted(small, "2026-03"))
    assert said.startswith("Of the tickets resolved, half took up to 48 hours. With the one that waits at the end")
    done = opened([("1", "", "a", "2026-03-02", "2026-03-03", "2026-03-04")])
    assert text(service.waiting_counted(done, "2026-03")).startswith("No ticket waits at the end of 2026-03")
    stuck = opened([(str(n), "", "a", "2026-03-02", None, "2026-03-04" if n == 0 else None) for n in range(5)])
    assert text(service.waiting_counted(stuck, "2026-03")).startswith("4 tickets still wait, more than half of all")


def test_levels_by_priority_in_the_order_of_the_settings(small):
    frame = desk.levels_table(small, "2026-03").set_index("priority")
    assert list(frame.index) == ["high", "low"]
    assert frame.loc["high", ["tickets", "answered within", "answered in time"]].tolist() == [2, 4, 0.5]
    assert frame.loc["low", ["resolved within", "resolved in time"]].tolist() == [48, 1.0]
    assert pd.isna(frame.loc["low", "answered within"])
    assert pd.isna(frame.loc["low", "answered in time"])


def test_hours_of_a_level_are_said_to_be_business_hours_where_they_are():
    rows = [("1", "high", "a", "2026-03-02 09:00", "2026-03-02 10:00", "2026-03-02 11:00")]
    config = OFFICE | {"sla": {"counted": "business", "resolution_hours": 8}}
    frame = desk.levels_table(opened(rows, config=config), "2026-03")
    assert frame["resolved within (business)"].tolist() == [8]
    assert service.form(frame)["units"]["resolved within (business)"] == "hours"


def test_the_share_of_the_resolved_alone_is_said_with_what_it_leaves_out(small):
    said = text(desk.levels_of_resolved(small, "2026-03"))  # 2 and 3 kept theirs, 4 waits and is late
    assert said == (
        "Of the tickets resolved alone, 2 of 2 kept every promise (100.0%). Reports often print that share; it leaves "
        "out one ticket that waits and is past a limit, counted here as missed."
    )
    assert "No ticket waits past its limit" in text(desk.levels_of_resolved(small, "2026-02"))


def test_without_levels_the_table_says_what_is_missing():
    frame = desk.levels_table(opened([("1", "", "a", "2026-03-02", None, None)]), "2026-03")
    assert frame.attrs["missing"] == "needs the setting sla in crm.toml"


def test_agents_with_few_tickets_are_marked(small):
    frame = desk.agents(small, "2026-03", "agent_id")
    assert frame["agent"].tolist() == ["a", "b"]
    assert frame["resolved"].tolist() == [2, 1]
    assert frame["remark"].tolist() == ["few", "few"]
    assert "No agent has resolved 30 tickets or more" in text(desk.agents_in_words(frame))


def test_agents_whose_interval_lies_apart_are_named():
    day = pd.Timestamp("2026-03-02")
    rows = [
        (f"{agent}{n}", "", agent, day, None, day + pd.Timedelta(hours=hours + n / 100))
        for agent, hours in (("quick", 1), ("usual", 10), ("other", 10), ("slow", 50))
        for n in range(40)
    ]
    frame = desk.agents(opened(rows), "2026-03", "agent_id").set_index("agent")
    assert frame["remark"].to_dict() == {"other": "", "quick": "faster", "slow": "slower", "usual": ""}
    said = text(desk.agents_in_words(frame.reset_index()))
    assert (
        "2 of the 4 agents with 30 tickets or more are apart from the median of all: quick faster; slow slower." in said
    )


def test_first_contact_names_its_rule(small):
    said = text(service.first_contact(small, "2026-03", minutes=60))
    assert said.startswith("33.3% of the 3 tickets resolved were resolved with the first response")
    assert "within 60 minutes of it" in said


def test_the_backlog_is_reconciled_along_two_ways(small, sample):
    rows = service.with_backlog(pd.DataFrame(), small, "2026-03")
    assert rows[["left", "right"]].to_numpy().tolist() == [[1, 1], [1, 1]]
    rows = service.with_backlog(
        pages.reconciled(sample, "2026-Q2", wholes=[("backlog", "category")]), sample, "2026-Q2"
    )
    assert (rows["left"] == rows["right"]).all()
    assert len(rows) == 2  # the ages are those at the end of the data, not at the end of June


def test_what_came_in_and_what_went_out_are_two_lines(small):
    frame = service.opened_and_resolved(small, "2026-03", every="month")
    assert frame.groupby("event")["value"].sum().to_dict() == {"opened": 4, "resolved": 3}
    assert service.flow_finding(frame) == "Over these periods 4 tickets came in and 3 were resolved"
    alone = crmkit.open({"tickets": {"ticket_id": ["1"], "opened_at": ["2026-03-02"]}}, as_of="2026-03-31")
    frame = service.opened_and_resolved(alone, "2026-03", every="month")
    assert set(frame["event"]) == {"opened"}
    assert service.flow_finding(frame) == ""


def test_data_without_tickets_says_so_everywhere(pipeline):
    missing = "needs the table tickets"
    assert service.hours_table(pipeline, "2026-Q2").attrs["missing"] == missing
    assert desk.agents(pipeline, "2026-Q2", "agent.name").attrs["missing"] == missing
    assert desk.levels_table(pipeline, "2026-Q2").attrs["missing"] == missing
    assert "crm-absent" in service.flow(pipeline, "2026-Q2").html
    assert "crm-absent" in service.waiting_counted(pipeline, "2026-Q2").html
    assert "crm-absent" in service.first_contact(pipeline, "2026-Q2").html
    assert service.with_backlog(pd.DataFrame(), pipeline, "2026-Q2").empty
    with pytest.raises(crmkit.errors.NotInThisData, match="needs the table tickets"):
        pages.begin({"leads": {"lead_id": ["1"], "created_at": ["2026-01-01"]}}, any_of=["tickets_opened"])
