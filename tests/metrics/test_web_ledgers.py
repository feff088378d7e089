"""Visits and visitors worked by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from ledgers import ledger, rows, value, values

import crmkit

MARCH = "2026-03"


@pytest.fixture(scope="module")
def site():
    """a comes three times and becomes a lead, b buys twice, c comes in February and March, d reads one page."""
    sessions = rows("""
        session_id | visitor_id | started_at       | seconds | pages | source | page   | lead_id | order_id
        1          | c          | 2026-02-10 09:00 | 100     | 2     | google | /      | .       | .
        2          | a          | 2026-03-02 10:00 | 60      | 3     | google | /      | .       | .
        3          | a          | 2026-03-05 10:00 | 240     | 6     | direct | /offer | L1      | .
        4          | b          | 2026-03-05 23:30 | 300     | 5     | google | /shop  | .       | O1
        5          | b          | 2026-03-31 23:59 | 120     | 1     | direct | /shop  | .       | O2
        6          | c          | 2026-03-15 12:00 | .       | .     | direct | /      | .       | .
        7          | d          | 2026-03-16 12:00 | 0       | 1     | google | /offer | .       | .
        8          | a          | 2026-04-01 00:00 | 30      | 1     | direct | /      | .       | .
    """)
    sessions = sessions.rename(columns={"page": "landing_page", "seconds": "duration_seconds"})
    sessions[["duration_seconds", "pages"]] = sessions[["duration_seconds", "pages"]].apply(pd.to_numeric)
    tables = {
        "leads": {"lead_id": ["L1"], "created_at": ["2026-03-05 10:10"], "customer_id": ["X"]},
        "orders": {"order_id": ["O1", "O2"], "customer_id": ["Y", "Y"], "amount": [10.0, 20.0],
                   "ordered_at": ["2026-03-05 23:35", "2026-04-01 00:01"]},
        "customers": {"customer_id": ["X", "Y"], "created_at": ["2026-03-06", "2026-03-05"],
                      "segment": ["Office", "Home"]},
    }  # fmt: skip
    return crmkit.open({"web_sessions": sessions} | tables, as_of="2026-04-30")


def test_the_site_in_march(site):
    expected = {
        "visitors": 4,
        "sessions": 6,
        "new_visitors": 3,  # all but c
        "returning_visitor_rate": 1 / 4,
        "sessions_per_visitor": 6 / 4,
        "pages_per_session": (3 + 6 + 5 + 1 + 1) / 5,  # of c's visit nothing is known
        "time_on_site": (60 + 240 + 300 + 120 + 0) / 5,
        "time_on_site_per_visitor": (300 + 420 + 0) / 3,
        "bounce_rate": 2 / 5,
        "visitor_to_lead_rate": 1 / 4,
        "visitors_per_lead": 4,
        "new_visitor_to_lead_rate": 1 / 3,  # a, of a, b and d
        "visitor_purchase_rate": 1 / 4,
        "session_lead_rate": 1 / 6,
        "session_purchase_rate": 2 / 6,
    }
    found = site.measure(list(expected), period=MARCH)
    assert dict(zip(found.metric, found.value, strict=True)) == pytest.approx(expected)


def test_visitors_do_not_add_up_over_months_and_new_ones_do(site):
    both = "2026-02-01/2026-04-01"
    assert values(site, "visitors", both, every="month") == {"2026-02-01": 1, "2026-03-01": 4}
    assert value(site, "visitors", both) == 4
    assert values(site, "new_visitors", both, every="month") == {"2026-02-01": 1, "2026-03-01": 3}
    assert value(site, "new_visitors", both) == 4
    assert value(site, "returning_visitor_rate", both) == 0


def test_a_visitor_with_two_sources_is_one_in_each_of_them(site):
    assert values(site, "visitors", MARCH, "source") == {"google": 3, "direct": 3}
    assert values(site, "visitor_to_lead_rate", MARCH, "source") == pytest.approx({"google": 0, "direct": 1 / 3})
    assert values(site, "visitor_purchase_rate", MARCH, "landing_page") == {"/": 0, "/offer": 0, "/shop": 1}


def test_per_visitor_the_first_visit_of_the_period_decides_the_group(site):
    assert values(site, "sessions_per_visitor", MARCH, "source") == pytest.approx({"google": 5 / 3, "direct": 1})
    assert values(site, "time_on_site_per_visitor", MARCH, "source")["google"] == pytest.approx((300 + 420 + 0) / 3)
    assert math.isnan(values(site, "time_on_site_per_visitor", MARCH, "source")["direct"])


def test_a_visitor_is_the_customer_to_whom_its_leads_and_orders_lead(site):
    assert values(site, "sessions", MARCH, "segment") == {"Office": 2, "Home": 2, "(none)": 2}
    assert values(site, "visitors", MARCH, "customer.segment") == {"Office": 1, "Home": 1, "(none)": 2}


def test_new_and_returning_visits_and_when_they_came(site):
    assert values(site, "sessions", MARCH, "visitor_type") == {"new": 3, "returning": 3}
    assert values(site, "sessions", MARCH, "weekday") == {"Monday": 2, "Thursday": 2, "Tuesday": 1, "Sunday": 1}
    assert values(site, "sessions", MARCH, "hour") == {"10": 2, "23": 2, "12": 2}


def test_published_example_of_four_percent_and_upside_down():
    size, leads = 50_000, 2_000
    sessions = pd.DataFrame(
        {
            "session_id": range(size),
            "visitor_id": range(size),
            "started_at": "2026-03-10",
            "lead_id": [f"L{n}" if n < leads else None for n in range(size)],
        }
    )
    crm = crmkit.open({"web_sessions": sessions}, as_of="2026-03-31")
    found = crm.measure(["visitor_to_lead_rate", "visitors_per_lead"], period=MARCH)
    assert found.value.tolist() == [0.04, 25.0]
    assert found[["low", "high"]].iloc[0].round(4).tolist() == [0.0383, 0.0418]


def test_new_visitors_are_followed_for_the_same_time_each():
    crm = ledger(
        web_sessions="""
        session_id | visitor_id | started_at | lead_id
        1          | a          | 2026-03-01 | .
        2          | a          | 2026-03-31 | L1
        3          | b          | 2026-03-02 | .
        4          | b          | 2026-04-02 | L2
        5          | c          | 2026-04-20 | L3
        """,
        as_of="2026-05-01 00:00",
    )
    found = crm.measure("new_visitor_to_lead_rate", period="2026-03-01/2026-05-01").iloc[0]
    assert (found.numerator, found.denominator) == (1, 2)  # a to the day, b a day late; c's window is open
    assert found.note == "new visitors of the last 30 days are left out: they may do it yet; fewer than 5 observations"
    assert value(crm, "new_visitor_to_lead_rate", "2026-03", window_days=31) == 1


def test_visits_without_a_visitor_are_visits_and_no_visitors():
    table = """
        session_id | visitor_id | started_at | order_id
        1          | a          | 2026-03-01 | .
        2          | .          | 2026-03-01 | O1
        3          | .          | 2026-03-02 | .
        """
    crm = ledger(web_sessions=table, as_of="2026-03-31")
    found = crm.measure(["visitors", "sessions", "new_visitors", "visitor_purchase_rate"], period=MARCH)
    assert found.value.tolist() == [1, 3, 1, 0]
    assert "visits that do not say who the visitor was count as visits alone" in found.note[0]


def test_where_no_visit_names_its_visitor_they_cannot_be_known():
    sessions = {"session_id": ["1", "2"], "visitor_id": [None, None], "started_at": ["2026-03-01"] * 2,
                "order_id": ["O1", None]}  # fmt: skip
    crm = crmkit.open({"web_sessions": sessions}, as_of="2026-03-31")
    found = crm.measure(["visitors", "new_visitors", "visitor_purchase_rate", "sessions"], period=MARCH)
    assert found.value.isna().tolist() == [True, True, True, False]
    assert found.note[0].startswith("cannot be known: no visit says who the visitor was")
    assert value(crm, "session_purchase_rate", MARCH) == 0.5
    assert value(crm, "visitors", "2026-02") == 0  # nothing happened


def test_two_customers_behind_one_visitor_are_not_mixed_up():
    crm = ledger(
        web_sessions="""
        session_id | visitor_id | started_at | order_id
        1          | a          | 2026-03-01 | O1
        2          | a          | 2026-03-02 | O2
        3          | a          | 2026-03-03 | .
        """,
        orders="""
        order_id | customer_id | ordered_at | amount
        O1       | X           | 2026-03-01 | 1
        O2       | Y           | 2026-03-02 | 1
        """,
        customers="""
        customer_id | created_at | segment
        X           | 2026-01-01 | Home
        Y           | 2026-01-01 | Office
        """,
        as_of="2026-03-31",
    )
    assert values(crm, "sessions", MARCH, "segment") == {"Home": 1, "Office": 1, "(none)": 1}


def test_a_source_that_says_itself_who_returns_is_believed():
    sessions = {"session_id": list("123"), "visitor_id": list("abc"), "started_at": ["2026-03-01"] * 3,
                "visitor_type": ["New_Visitor", "Returning_Visitor", None]}  # fmt: skip
    crm = crmkit.open({"web_sessions": sessions}, as_of="2026-03-31")
    assert values(crm, "sessions", MARCH, "visitor_type") == {"New_Visitor": 1, "Returning_Visitor": 1, "(none)": 1}


def test_a_visit_that_saw_no_page_is_no_bounce():
    sessions = {"session_id": list("123"), "visitor_id": list("abc"), "started_at": ["2026-03-01"] * 3,
                "pages": [0, 1, 2]}  # fmt: skip
    crm = crmkit.open({"web_sessions": sessions}, as_of="2026-03-31")
    found = crm.measure("bounce_rate", period=MARCH).iloc[0]
    assert (found.numerator, found.denominator) == (1, 3)
    assert "saw no page" in found.note
