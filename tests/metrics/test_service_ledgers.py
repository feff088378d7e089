"""Tickets, hours, backlog and service levels worked by hand."""

from __future__ import annotations

import math
from datetime import date

import pytest
from ledgers import ledger, value, values

import crmkit

MARCH = "2026-03"
OFFICE = {"hours": dict.fromkeys(["monday", "tuesday", "wednesday", "thursday", "friday"], "09:00-17:00")}
LEVELS = {"sla": {"first_response_hours": {"high": 4, "low": 48}, "resolution_hours": {"high": 24, "low": 96}}}
TICKETS = """
ticket_id | agent_id | customer_id | opened_at        | first_response_at | resolved_at      | priority | reopened
1         | A        | X           | 2026-02-27 16:00 | 2026-03-02 10:00  | 2026-03-02 12:00 | High     | false
2         | A        | X           | 2026-03-06 16:30 | 2026-03-06 16:45  | 2026-03-06 17:15 | high     | true
3         | B        | Y           | 2026-03-10 09:00 | 2026-03-11 09:00  | 2026-03-13 09:00 | low      | false
4         | B        | Y           | 2026-03-27 12:00 | 2026-03-30 12:00  | 2026-04-02 12:00 | low      | false
5         | .        | Z           | 2026-03-31 10:00 | 2026-03-31 12:00  | .                | high     | .
6         | A        | Z           | 2026-04-29 12:00 | .                 | .                | low      | .
7         | A        | Z           | 2026-04-30 12:00 | .                 | .                | other    | .
"""


@pytest.fixture(scope="module")
def desk():
    """Seven tickets of a company in Warsaw, where the clocks skip an hour on 29 March."""
    return ledger(tickets=TICKETS, as_of="2026-04-30 23:00", config={"timezone": "Europe/Warsaw"} | OFFICE | LEVELS)


def test_counts_in_march(desk):
    expected = {
        "tickets_opened": 4,  # 2, 3, 4, 5
        "tickets_resolved": 3,  # 1, 2, 3
        "tickets_resolved_per_day": 3 / 31,
        "tickets_per_agent": 3 / 2,  # 2 of A; 3 and 4 of B; 5 has nobody
        "backlog": 2,  # 4 and 5
    }
    found = desk.measure(list(expected), period=MARCH, intervals=False).set_index("metric")
    assert found.value.to_dict() == pytest.approx(expected)
    assert found.note["tickets_per_agent"] == "tickets without an agent are left out"


def test_days_are_those_up_to_the_end_of_the_data():
    tickets = "ticket_id | opened_at | resolved_at\n 1 | 2026-03-01 | 2026-03-02\n 2 | 2026-03-01 | 2026-03-03"
    crm = ledger(tickets=tickets, as_of="2026-03-04")
    assert value(crm, "tickets_resolved_per_day", MARCH) == 2 / 4


def test_calendar_hours_belong_to_the_month_of_the_event_and_skip_the_hour_that_never_was(desk):
    # answered in March: 66, 0.25, 24, 71 (Friday noon to Monday noon over the change), 2
    assert value(desk, "first_response_hours", MARCH) == 24.0
    assert value(desk, "first_response_hours_mean", MARCH) == pytest.approx((66 + 0.25 + 24 + 71 + 2) / 5)
    assert value(desk, "first_response_hours_p90", MARCH) == pytest.approx(66 + 0.6 * (71 - 66))
    # resolved in March: 68, 0.75, 72; in April: ticket 4, six days less an hour
    assert value(desk, "resolution_hours", MARCH) == 68.0
    assert value(desk, "resolution_hours", "2026-04") == 6 * 24 - 1


def test_business_hours_leave_nights_and_weekends_out(desk):
    # 1: Friday 16-17 and Monday 9-10; 2: a quarter of an hour; 3: a working day; 4: Friday 12-17, Monday 9-12; 5: 2
    assert value(desk, "first_response_business_hours", MARCH) == 2.0
    assert value(desk, "first_response_business_hours_mean", MARCH) == pytest.approx((2 + 0.25 + 8 + 8 + 2) / 5)
    # 1: 1 + 3; 2: until 17:00; 3: three working days
    assert value(desk, "resolution_business_hours", MARCH) == 4.0
    assert value(desk, "resolution_business_hours_p90", MARCH) == pytest.approx(4 + 0.8 * (24 - 4))


def test_holidays_are_left_out():
    one = "ticket_id | opened_at | resolved_at\n 1 | 2026-04-30 16:00 | 2026-05-04 10:00"
    free = ledger(tickets=one, as_of="2026-05-31", config=OFFICE | {"holidays": [date(2026, 5, 1)]})
    assert value(free, "resolution_business_hours", "2026-05") == 2.0
    assert value(ledger(tickets=one, as_of="2026-05-31", config=OFFICE), "resolution_business_hours", "2026-05") == 10.0


def test_without_a_schedule_business_hours_are_not_in_the_data():
    crm = ledger(tickets=TICKETS, as_of="2026-04-30 23:00")
    found = crm.measure(["first_response_business_hours", "first_response_hours", "sla_met"], period=MARCH)
    assert found.value.isna().tolist() == [True, False, True]
    assert found.note[0] == "not in this data: needs the setting hours in crm.toml"
    assert found.note[2] == "not in this data: needs the setting sla in crm.toml"


def test_service_levels(desk):
    # first response: 1 missed (66 of 4 hours); 2 met; 3 met (24 of 48); 4 missed (71); 5 met; 6 waits within its 48
    assert values(desk, "sla_first_response_met", "2026-02-01/2026-05-01", every="month") == pytest.approx(
        {"2026-02-01": 0.0, "2026-03-01": 3 / 4, "2026-04-01": math.nan}, nan_ok=True
    )
    # resolution: 1 missed (68 of 24); 2 met; 3 met (72 of 96); 4 missed (143); 5 waits past its 24; 6 within its 96
    assert value(desk, "sla_resolution_met", MARCH) == 2 / 4
    assert value(desk, "sla_met", MARCH) == 2 / 4
    april = desk.measure("sla_met", period="2026-04").iloc[0]
    assert math.isnan(april.value)
    assert "tickets that wait and are within their limit are left out" in april.note  # 6
    assert "tickets for which nothing is promised are left out" in april.note  # 7
    assert "times are missing" not in april.note


def test_a_ticket_that_missed_one_level_has_missed_even_while_the_other_is_open():
    crm = ledger(
        tickets="ticket_id | opened_at | first_response_at | resolved_at | priority\n"
        "1 | 2026-03-01 08:00 | 2026-03-01 20:00 | . | high",
        as_of="2026-03-01 21:00", config=LEVELS,
    )  # fmt: skip
    assert value(crm, "sla_first_response_met", MARCH) == 0.0
    assert value(crm, "sla_met", MARCH) == 0.0
    assert math.isnan(value(crm, "sla_resolution_met", MARCH))


def test_a_resolved_ticket_without_a_first_response_time_has_no_known_first_response():
    tickets = (
        "ticket_id | opened_at | first_response_at | resolved_at | priority\n"
        "1 | 2026-03-01 | . | 2026-03-01 09:00 | high\n 2 | 2026-03-01 | 2026-03-01 03:00 | 2026-03-01 09:00 | high"
    )
    found = ledger(tickets=tickets, as_of="2026-03-31", config=LEVELS).measure("sla_met", period=MARCH).iloc[0]
    assert (found.value, found.n) == (1.0, 1)
    assert "tickets whose times are missing or out of order are left out" in found.note


def test_what_nobody_writes_down_is_not_missed():
    tickets = (
        "ticket_id | opened_at | resolved_at | priority\n"
        "1 | 2026-03-01 | 2026-03-01 09:00 | high\n 2 | 2026-03-01 | . | high"
    )
    crm = ledger(tickets=tickets, as_of="2026-03-31", config=LEVELS)
    found = crm.measure(["sla_resolution_met", "sla_first_response_met", "sla_met"], period=MARCH)
    assert found.value.iloc[0] == 0.5  # one resolved in time, one waits past its limit
    assert math.isnan(found.value.iloc[1])
    assert found.note.iloc[1] == "not in this data: needs the column tickets.first_response_at"
    empty = crmkit.open({"tickets": {"ticket_id": ["1", "2"], "opened_at": ["2026-03-01"] * 2, "priority": ["high"] * 2,
                                     "first_response_at": [None] * 2, "resolved_at": ["2026-03-01 09:00", None]}},
                        as_of="2026-03-31", config=LEVELS)  # fmt: skip
    assert math.isnan(value(empty, "sla_first_response_met", MARCH))
    assert value(empty, "sla_resolution_met", MARCH) == 0.5
    alone = crmkit.open({"tickets": {"ticket_id": ["1"], "opened_at": ["2026-03-01"]}}, config=LEVELS)
    note = alone.measure("sla_met", period=MARCH).note.iloc[0]
    assert note == "not in this data: needs the column tickets.resolved_at"


def test_levels_may_count_business_hours_and_hang_on_another_column():
    sla = {"by": "category", "counted": "business", "resolution_hours": {"Bill": 8}}
    tickets = (
        "ticket_id | opened_at | resolved_at | category\n 1 | 2026-03-06 16:00 | 2026-03-09 16:00 | bill\n"
        "2 | 2026-03-06 16:00 | 2026-03-09 16:01 | bill\n 3 | 2026-03-06 16:00 | 2026-03-06 16:01 | other"
    )
    crm = ledger(tickets=tickets, as_of="2026-03-31", config=OFFICE | {"sla": sla})
    found = crm.measure("sla_met", period=MARCH).iloc[0]
    assert (found.value, found.denominator) == (0.5, 2)  # eight hours to the minute; one minute more; no level


def test_one_level_for_all():
    tickets = "ticket_id | opened_at | resolved_at\n 1 | 2026-03-01 | 2026-03-02\n 2 | 2026-03-01 | 2026-03-04"
    crm = ledger(tickets=tickets, as_of="2026-03-31", config={"sla": {"resolution_hours": 24}})
    assert value(crm, "sla_met", MARCH) == 0.5


@pytest.mark.parametrize(
    ("sla", "message"),
    [
        ({"resolution": 4}, "unknown key 'resolution'. Did you mean resolution_hours"),
        ({"resolution_hours": {"high": "4"}}, "resolution_hours.high is '4'; it must be a number of hours above 0"),
        ({"resolution_hours": 0}, "resolution_hours is 0; it must be a number"),
        ({"counted": "office"}, "counted is 'office'; it must be calendar or business"),
        ({"by": "severity", "resolution_hours": 4}, "by is 'severity', which is no column of tickets"),
        ({"by": 3}, "by is 3; it must be the name of a column"),
    ],
)
def test_wrong_levels_are_refused(sla, message):
    tickets = "ticket_id | opened_at | resolved_at\n 1 | 2026-03-01 | 2026-03-02"
    crm = ledger(tickets=tickets, as_of="2026-03-31", config={"sla": sla})
    with pytest.raises(crmkit.UsageError, match=message):
        crm.measure("sla_met", period=MARCH)


def test_opened_again_and_at_first_contact(desk):
    assert value(desk, "reopened_rate", MARCH) == pytest.approx(1 / 3)  # 2, of 1 to 3
    # 1 two hours after the answer; 2 half an hour, but opened again; 3 two days
    assert value(desk, "resolved_at_first_contact", MARCH) == 0.0
    assert value(desk, "resolved_at_first_contact", MARCH, minutes=120) == pytest.approx(1 / 3)


def test_a_resolution_before_the_opening_is_left_out_and_said():
    tickets = (
        "ticket_id | opened_at | first_response_at | resolved_at\n 1 | 2026-03-01 | 2026-03-02 | 2026-02-28\n"
        "2 | 2026-03-01 | 2026-03-02 | 2026-03-02"
    )
    crm = ledger(tickets=tickets, as_of="2026-03-31")
    found = crm.measure("resolution_hours", period="2026-02-01/2026-04-01").iloc[0]
    assert (found.value, found.n) == (24.0, 1)
    assert found.note.startswith("tickets whose end lies before their opening are left out")
    assert value(crm, "first_response_hours", MARCH) == 24.0


def test_tickets_for_each_hundred_customers(desk):
    crm = ledger(
        tickets=TICKETS,
        customers="customer_id | created_at | acquired_at | segment\n"
        "X | 2026-01-01 | 2026-01-01 | big\n Y | 2026-01-01 | 2026-01-01 | small\n Z | 2026-03-15 | 2026-03-15 | small",
        as_of="2026-04-30 23:00",
    )  # fmt: skip
    assert value(crm, "ticket_rate", MARCH) == 200.0  # four tickets, two customers on 1 March
    assert values(crm, "ticket_rate", MARCH, by="segment") == {"big": 100.0, "small": 300.0}


def test_tickets_by_what_they_join_to(desk):
    crm = ledger(tickets=TICKETS, users="user_id | team\n A | North\n B | South", as_of="2026-04-30 23:00")
    assert values(crm, "tickets_opened", MARCH, by="agent.team") == {"(none)": 1, "North": 1, "South": 2}
    assert values(crm, "resolution_hours", MARCH, by="agent.team") == {"North": (68 + 0.75) / 2, "South": 72}


def test_medians_that_count_open_tickets_as_waiting_are_in_hours():
    crm = crmkit.open(
        {
            "tickets": {
                "ticket_id": list("abc"),
                "opened_at": ["2026-03-01"] * 3,
                "first_response_at": ["2026-03-01 02:00", "2026-03-01 06:00", None],
                "resolved_at": ["2026-03-01 04:00", "2026-03-01 10:00", None],
            }
        },
        as_of="2026-03-02",
    )
    found = {
        name: crm.measure(name, period="2026-03", censored=True, intervals=False).iloc[0]
        for name in ("first_response_hours", "resolution_hours")
    }
    assert {name: row.value for name, row in found.items()} == {"first_response_hours": 6.0, "resolution_hours": 10.0}
    assert [row.n for row in found.values()] == [3, 3]
    assert crm.measure("resolution_hours", period="2026-03", intervals=False).value.item() == 7.0
