"""Use of the CRM, completeness, staleness and routine work, worked by hand."""

from __future__ import annotations

import math

import pytest
from ledgers import ledger, rows, value, values

import crmkit

MARCH = "2026-03"


def numbers(text: str, *columns: str):
    """Read a table whose `columns` are numbers."""
    frame = rows(text)
    return frame.astype(dict.fromkeys(columns, float))


@pytest.fixture(scope="module")
def office():
    """Five users: a and b use the CRM, c has a licence and does not, d left in February, e has no licence."""
    return ledger(
        users="""
        user_id | role      | team  | licensed | active_from | active_to
        a       | sales     | North | true     | 2025-01-01  | .
        b       | support   | Desk  | true     | .           | .
        c       | sales     | North | true     | 2026-03-31  | .
        d       | sales     | North | true     | 2025-01-01  | 2026-02-10
        e       | marketing | Desk  | false    | 2025-01-01  | .
        """,
        usage="""
        user_id | at                  | action
        a       | 2026-03-02 08:00    | login
        a       | 2026-03-02 09:00    | create
        a       | 2026-03-02 23:59:59 | update
        a       | 2026-03-03 00:00    | login
        b       | 2026-03-31 23:59    | login
        e       | 2026-03-09          | update
        d       | 2026-02-03          | login
        zz      | 2026-03-09          | view
        """,
        as_of="2026-04-30",
    )


def test_who_uses_it_in_march(office):
    expected = {
        "active_users": 4,  # a, b, e and zz, whom nobody knows
        "licensed_users": 3,  # a, b, c; d had left
        "adoption_rate": 2 / 3,
        "logins_per_user": (2 + 1 + 0) / 3,
        "records_updated_per_user": 2 / 3,
        "days_active_per_user": (2 + 1) / 3,
        "stickiness": 3 / (2 * 31),
        "contributor_rate": 1 / 2,
        "actions_per_active_day": 2 / 3,
    }
    found = office.measure(list(expected), period=MARCH)
    assert dict(zip(found.metric, found.value, strict=True)) == pytest.approx(expected)
    assert "without a licence" in found.set_index("metric").note["adoption_rate"]


def test_a_user_who_left_counts_in_the_month_of_leaving_and_not_after(office):
    assert values(office, "licensed_users", "2026-01-01/2026-04-01", every="month") == {
        "2026-01-01": 3,
        "2026-02-01": 3,
        "2026-03-01": 3,
    }
    assert value(office, "adoption_rate", "2026-02") == 1 / 3  # d, of a, b and d


def test_by_team_and_by_user(office):
    assert values(office, "adoption_rate", MARCH, by="team") == {
        "North": 1 / 2,
        "Desk": 1.0,
        "(none)": pytest.approx(math.nan, nan_ok=True),
    }
    days = values(office, "days_active_per_user", MARCH, by="user_id")
    assert {user: days[user] for user in "abc"} == {"a": 2, "b": 1, "c": 0}
    assert math.isnan(days["e"])  # without a licence


def test_before_the_first_event_nothing_is_known_and_it_is_not_zero(office):
    assert math.isnan(value(office, "adoption_rate", "2026-01"))
    assert value(office, "active_users", "2026-01") == 0


def test_a_month_in_which_nobody_came_is_zero(office):
    assert value(office, "adoption_rate", "2026-04") == 0
    assert value(office, "logins_per_user", "2026-04") == 0
    assert math.isnan(value(office, "stickiness", "2026-04"))


def test_no_licence_can_be_used_before_the_crm_is_there():
    crm = crmkit.open(
        {
            "users": {"user_id": ["a", "b"], "licensed": ["true"] * 2, "active_from": ["2025-01-01"] * 2,
                      "active_to": [None, "2026-01-31"]},
            "usage": {"user_id": ["a"], "at": ["2026-03-20"], "action": ["login"]},
        },
        config={"crm_introduced": "2026-02-15"},
        as_of="2026-03-31",
    )  # fmt: skip
    assert values(crm, "licensed_users", "2026-Q1", every="month") == {
        "2026-01-01": 0,
        "2026-02-01": 1,  # b had left before it came
        "2026-03-01": 1,
    }
    rates = values(crm, "adoption_rate", "2026-Q1", every="month")
    assert math.isnan(rates["2026-01-01"])
    assert (rates["2026-02-01"], rates["2026-03-01"]) == (0, 1)


def test_what_lies_after_as_of_changes_nothing(office):
    later = crmkit.open({name: office.tables[name].to_pandas() for name in ("users", "usage")}, as_of="2026-03-03")
    assert value(later, "active_users", MARCH) == 1
    assert value(later, "licensed_users", MARCH) == 2  # c comes on the 31st
    assert value(later, "logins_per_user", MARCH) == 2 / 2


def test_use_of_actions_needs_actions_and_of_licences_licences():
    crm = crmkit.open(
        {"usage": {"user_id": ["a"], "at": ["2026-03-01"]}, "users": {"user_id": ["a"]}}, as_of="2026-03-31"
    )
    notes = crm.measure(["active_users", "adoption_rate", "logins_per_user"], period=MARCH).set_index("metric").note
    assert notes["active_users"] == ""
    assert notes["adoption_rate"] == "not in this data: needs the column users.licensed"
    assert "usage.action" in notes["logins_per_user"]


def test_cells_that_concern_a_record_and_that_somebody_uses():
    crm = ledger(
        customers="""
        customer_id | created_at | kind     | name | industry | birth_year | owner_id
        1           | 2026-01-01 | business | A    | Food     | .          | U
        2           | 2026-01-02 | business | B    | .        | .          | U
        3           | 2026-02-01 | person   | C    | .        | 1980       | .
        4           | 2026-02-02 | .        | D    | .        | .          | .
        """,
        opportunities="""
        opportunity_id | created_at | outcome | owner_id | lost_reason
        1              | 2026-03-01 | lost    | U        | .
        2              | 2026-03-02 | lost    | .        | Price
        3              | 2026-03-03 | open    | U        | .
        """,
        as_of="2026-03-31",
    )
    # 1: name, kind, owner, industry, 4 of 4. 2: 3 of 4. A customer of unknown kind could be of either: 1 of 5
    assert value(crm, "field_completeness", "2026-01") == 7 / 8
    # 3: name, kind, birth year, 3 of 3
    assert value(crm, "field_completeness", "2026-02") == (7 + 3 + 1) / (8 + 3 + 5)
    # deals: owner and, of lost ones, reason: 1 of 2, 1 of 2, 1 of 1; amount and the rest nobody uses
    assert values(crm, "field_completeness", MARCH, by="table") == {"customers": 11 / 16, "opportunities": 3 / 5}


@pytest.fixture(scope="module")
def desk():
    """Records and touches; the first activity in the data is of 1 January."""
    return ledger(
        leads="""
        lead_id | created_at | owner_id | converted_at | status       | first_contacted_at
        1       | 2025-06-01 | U        | .            | New          | .
        2       | 2026-01-10 | U        | 2026-05-01   | Converted    | 2026-02-01
        3       | 2026-01-10 | V        | .            | Disqualified | .
        """,
        opportunities="""
        opportunity_id | created_at | owner_id | closed_at  | outcome | customer_id
        1              | 2026-01-05 | V        | 2026-04-20 | lost    | C
        2              | 2026-01-05 | V        | .          | open    | C
        """,
        opportunity_stages="""
        opportunity_id | stage | entered_at
        2              | Offer | 2026-03-31
        """,
        activities="""
        activity_id | kind | at         | lead_id | opportunity_id
        1           | call | 2026-01-01 | 1       | .
        2           | call | 2026-02-20 | 3       | .
        3           | call | 2026-04-21 | .       | 1
        """,
        as_of="2026-06-30",
    )


def test_live_records_run_from_their_beginning_to_their_end(desk):
    # lead 1 always; lead 2 to 1 May; lead 3, closed without a date, to its last touch on 20 February; both deals
    assert values(desk, "live_records", "2026-01-01/2026-07-01", every="month") == {
        "2026-01-01": 5,
        "2026-02-01": 4,
        "2026-03-01": 4,
        "2026-04-01": 3,
        "2026-05-01": 2,
        "2026-06-01": 2,
    }


def test_stale_after_90_days_without_a_touch(desk):
    # lead 1: touched when the data begins, stale from 1 April on. Lead 2: touched 1 February, stale on 2 May, but
    # converted before. Deal 1: stale from 5 April, over on 20 April. Deal 2: a stage on 31 March, stale from 29 June.
    assert values(desk, "stale_records", "2026-01-01/2026-07-01", every="month") == {
        "2026-01-01": 0,
        "2026-02-01": 0,
        "2026-03-01": 0,
        "2026-04-01": 1,
        "2026-05-01": 1,
        "2026-06-01": 2,
    }
    assert value(desk, "stale_share", "2026-06") == 1.0
    assert values(desk, "stale_records", "2026-06", by="owner_id") == {"U": 1, "V": 1}


def test_in_the_first_90_days_of_activities_the_share_is_unknown(desk):
    shares = values(desk, "stale_share", "2026-01-01/2026-05-01", every="month")
    assert math.isnan(shares["2026-02-01"])
    assert math.isnan(shares["2026-03-01"])  # the first activity is of 1 January: 90 days are over on 1 April
    assert shares["2026-04-01"] == 1 / 3


def test_stale_after_fewer_days(desk):
    # by 1 March: lead 1, and both deals, last touched on 5 January; not lead 2, touched on 1 February
    assert value(desk, "stale_records", "2026-02", days=30) == 3
    assert value(desk, "stale_share", "2026-02", days=30) == 3 / 4


def test_a_touch_after_the_end_is_none_and_the_future_is_not_stale(desk):
    early = crmkit.open({name: desk.tables[name].to_pandas() for name in desk.tables}, as_of="2026-04-10")
    assert value(early, "stale_records", "2026-04") == 2  # lead 1 and deal 1, which is still open on 10 April
    assert value(early, "stale_records", "2026-04-01/2026-07-01") == 2  # deal 2 would be stale by the end of June


def test_customers_without_an_owner_are_nobodys_where_others_have_one():
    text = """
    customer_id | created_at | acquired_at | lost_at | owner_id
    A           | 2026-01-01 | 2026-01-01  | .       | {}
    B           | 2026-01-01 | 2026-01-01  | .       | .
    """
    acts = """
    activity_id | kind | at         | customer_id
    1           | call | 2026-01-01 | A
    """
    some = ledger(customers=text.format("U"), activities=acts, as_of="2026-06-30")
    assert value(some, "live_records", "2026-06") == 1
    none = ledger(customers=text.format("."), activities=acts, as_of="2026-06-30")
    assert value(none, "live_records", "2026-06") == 2


def test_an_activity_may_name_the_opportunity_alone():
    crm = ledger(
        customers="""
        customer_id | created_at | acquired_at | lost_at
        A           | 2026-01-01 | 2026-01-01  | .
        """,
        opportunities="""
        opportunity_id | created_at | closed_at  | outcome | customer_id
        1              | 2026-01-01 | 2026-01-02 | lost    | A
        """,
        activities="""
        activity_id | kind | at         | opportunity_id | customer_id
        1           | call | 2026-01-01 | .              | A
        2           | call | 2026-05-01 | 1              | .
        """,
        as_of="2026-06-30",
    )
    assert value(crm, "stale_records", "2026-04") == 1
    assert value(crm, "stale_records", "2026-06") == 0


@pytest.fixture(scope="module")
def work():
    tables = {
        "activities": numbers(
            """
            activity_id | kind | at         | user_id | duration_minutes | customer_id
            1           | task | 2025-12-30 | a       | 100              | C
            2           | task | 2026-01-05 | a       | 40               | C
            3           | task | 2026-01-06 | b       | 20               | C
            4           | task | 2026-03-05 | a       | 15               | C
            5           | task | 2026-03-06 | b       | 45               | C
            6           | task | 2026-03-07 | c       | .                | C
            7           | note | 2026-03-08 | a       | 5                | C
            8           | call | 2026-03-09 | .       | 60               | .
            """,
            "duration_minutes",
        ),
        "users": rows(
            """
            user_id | role      | team  | active_to
            a       | sales     | North | .
            b       | support   | Desk  | .
            c       | marketing | Desk  | .
            d       | sales     | North | .
            f       | sales     | North | 2026-02-28
            """
        ),
    }
    return crmkit.open(tables, config={"crm_introduced": "2026-02-01"}, as_of="2026-03-31")


def test_interactions_of_sales_and_support(work):
    row = work.measure("interactions_per_agent", period=MARCH).iloc[0]
    assert (row.numerator, row.denominator) == (3, 3)  # 4, 5 and 7; a, b and d, who did nothing
    assert "others than sales and support" in row.note
    assert value(work, "interactions", MARCH) == 3
    assert values(work, "interactions", MARCH, by="kind") == {"task": 2, "note": 1}
    by_team = values(work, "interactions_per_agent", MARCH, by="team")
    assert (by_team["North"], by_team["Desk"]) == (1, 1)


def test_hours_saved_against_the_mean_of_the_year_before(work):
    # tasks took 100, 40 and 20 minutes, on average 53⅓; in March 15 and 45: 38⅓ and 8⅓ saved. No note before.
    row = work.measure("hours_saved", period=MARCH).iloc[0]
    assert row.value == pytest.approx((160 / 3 - 15 + 160 / 3 - 45) / 60)
    assert "nobody had entered before" in row.note
    assert math.isnan(value(work, "hours_saved", "2026-01"))
    assert "nothing can be saved yet" in work.measure("hours_saved", period="2026-01").note.item()


def test_routine_work_has_no_calls_and_no_unknown_durations(work):
    assert value(work, "routine_hours", MARCH) == pytest.approx((15 + 45 + 5) / 60)
    assert value(work, "routine_minutes", MARCH) == pytest.approx((15 + 45 + 5) / 3)


def test_hours_saved_need_the_day_of_the_introduction(work):
    crm = crmkit.open({"activities": work.tables["activities"].to_pandas()}, as_of="2026-03-31")
    assert crm.measure("hours_saved", period=MARCH).note.item() == (
        "not in this data: needs the setting crm_introduced in crm.toml"
    )


def test_work_may_take_longer_than_before():
    crm = crmkit.open(
        {"activities": {"activity_id": ["1", "2"], "kind": ["note"] * 2, "at": ["2026-01-05", "2026-03-05"],
                        "duration_minutes": [30, 60]}},
        config={"crm_introduced": "2026-02-01"},
    )  # fmt: skip
    assert value(crm, "hours_saved", MARCH) == -0.5
