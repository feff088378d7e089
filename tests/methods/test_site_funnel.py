"""The funnel from visit to customer: worked by hand, its properties, and the sample's against a plain one."""

from __future__ import annotations

import sys

import ibis
import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods import common
from crmkit.methods.site_funnel import site_funnel

SESSIONS = pd.DataFrame(
    [
        # a: a lead on the second visit, an opportunity, won within 60 days
        ("1", "a", "2026-01-10 10:00", "google", 1, None, None),
        ("2", "a", "2026-01-20 10:00", "direct", 5, "L1", None),
        # b: a lead at once, whose opportunity is won too late
        ("3", "b", "2026-01-11 10:00", "google", 3, "L2", None),
        # c: buys on the second visit, and never becomes a lead
        ("4", "c", "2026-01-12 10:00", "direct", 1, None, None),
        ("5", "c", "2026-01-13 10:00", "google", 4, None, "O1"),
        # d: had come before the period, and becomes a lead in it
        ("6", "d", "2025-12-30 10:00", "google", 2, None, None),
        ("7", "d", "2026-01-15 10:00", "direct", 2, "L3", None),
        # e: the window is still open
        ("8", "e", "2026-01-31 23:00", "google", 2, None, None),
        # f: two leads, of which the second was won at once, without an opportunity
        ("9", "f", "2026-01-05 10:00", "press", 2, "L4", None),
        ("0", "f", "2026-01-06 10:00", "direct", 2, "L5", None),
    ],
    columns=["session_id", "visitor_id", "started_at", "source", "pages", "lead_id", "order_id"],
)
LEADS = {
    "lead_id": ["L1", "L2", "L3", "L4", "L5"],
    "created_at": ["2026-01-20", "2026-01-11", "2026-01-15", "2026-01-05", "2026-01-06"],
    "converted_at": ["2026-01-25", "2026-01-16", None, None, "2026-01-09 10:00"],
    "customer_id": ["X", "Y", None, None, "Z"],
    "opportunity_id": [None, "D2", None, None, None],
}
DEALS = {
    "opportunity_id": ["D1", "D2"],
    "lead_id": ["L1", None],  # the one is linked here, the other in the lead
    "customer_id": ["X", "Y"],
    "outcome": ["won", "won"],
    "created_at": ["2026-01-25 10:00", "2026-01-16 10:00"],
    "closed_at": ["2026-02-24 10:00", "2026-03-25"],
}
AS_OF = "2026-03-31"
STEPS = ["Visitors", "Leads", "Opportunities", "Customers"]


def opened(sessions=SESSIONS, **tables):
    return crmkit.open({"web_sessions": sessions, "leads": LEADS, "opportunities": DEALS} | tables, as_of=AS_OF)


def counts(frame) -> dict:
    return {row.stage: (row.entered, row.went_on, row.lost, row.open) for row in frame.itertuples()}


def test_new_visitors_are_followed_for_sixty_days():
    found = site_funnel(opened(), period="2026-01", window_days=60)
    assert counts(found) == {
        "Visitors": (5, 3, 1, 1),  # a, b and f go on, c does not, e may yet
        "Leads": (3, 3, 0, 0),
        "Opportunities": (3, 2, 1, 0),  # b's is won later than 60 days after the first visit
        "Customers": (2, 0, 0, 0),
    }
    assert found["conversion"].tolist()[:3] == pytest.approx([3 / 4, 1, 2 / 3])
    assert found["mean_days"].tolist()[:2] == pytest.approx([(10 + 0 + 0) / 3, (5 + 5) / 2])
    assert found["mean_days"][2] == 30  # of a alone: f has no opportunity
    assert found.attrs["bought"] == 1  # c


def test_a_longer_window_takes_the_later_win_in():
    found = site_funnel(opened(), period="2026-01", window_days=75).set_index("stage")
    assert found.loc["Customers", "entered"] == 3


def test_all_visitors_are_followed_from_their_first_visit_in_the_period():
    found = site_funnel(opened(), period="2026-01", window_days=60, who="all").set_index("stage")
    assert found.loc["Visitors", ["entered", "went_on"]].tolist() == [6, 4]  # d too


def test_groups_are_those_of_the_first_visit_and_add_up():
    found = site_funnel(opened(), period="2026-01", window_days=60, by="source").set_index(["source", "stage"])
    assert found.loc[("google", "Visitors"), "entered"] == 3  # a, b, e
    assert found.loc[("direct", "Visitors"), ["entered", "went_on"]].tolist() == [1, 0]  # c
    assert found.loc[("press", "Customers"), "entered"] == 1  # f
    whole = site_funnel(opened(), period="2026-01", window_days=60).set_index("stage")
    sums = found.groupby("stage")[["entered", "went_on", "lost", "open"]].sum()
    pd.testing.assert_frame_equal(sums.loc[STEPS], whole.loc[STEPS, sums.columns])


def test_the_path_to_an_order():
    found = site_funnel(opened(), period="2026-01", window_days=30, path="orders")
    assert counts(found) == {
        "Visitors": (5, 5, 0, 0),
        "Saw a second page": (5, 1, 4, 0),
        "Bought": (1, 0, 0, 0),
    }


def test_without_opportunities_a_converted_lead_is_a_customer():
    crm = crmkit.open({"web_sessions": SESSIONS, "leads": LEADS}, as_of=AS_OF)
    found = site_funnel(crm, period="2026-01", window_days=60)
    assert found["stage"].tolist() == ["Visitors", "Leads", "Customers"]
    assert found["entered"].tolist() == [5, 3, 2]  # a and f; b names an opportunity of which nothing is known


def test_without_leads_the_visits_alone_say_who_became_one():
    found = site_funnel(crmkit.open({"web_sessions": SESSIONS}, as_of=AS_OF), period="2026-01", window_days=60)
    assert found["entered"].tolist() == [5, 3]


def test_later_rows_change_nothing():
    later = pd.concat([SESSIONS, SESSIONS.assign(session_id=lambda t: "x" + t.session_id, started_at="2026-05-01")])
    left, right = (site_funnel(opened(s), period="2026-01", window_days=60) for s in (SESSIONS, later))
    pd.testing.assert_frame_equal(left, right)


def test_the_order_of_rows_and_the_names_of_ids_change_nothing():
    renamed = SESSIONS.assign(visitor_id="v" + SESSIONS.visitor_id, session_id="s" + SESSIONS.session_id)
    pd.testing.assert_frame_equal(
        site_funnel(opened(), period="2026-01", by="source"),
        site_funnel(opened(renamed.sample(frac=1, random_state=7)), period="2026-01", by="source"),
    )


def test_visits_without_a_visitor_follow_nobody():
    nobody = SESSIONS.assign(visitor_id=None)
    assert site_funnel(opened(nobody), period="2026-01")["entered"].tolist() == [0, 0, 0, 0]


def test_what_is_lacking_is_said():
    bare = {"session_id": ["1"], "visitor_id": ["a"], "started_at": ["2026-01-01"]}
    with pytest.raises(NotInThisData, match=r"needs the column web_sessions\.lead_id"):
        site_funnel(crmkit.open({"web_sessions": bare}), period="2026-01")
    with pytest.raises(NotInThisData, match="needs the table web_sessions"):
        site_funnel(crmkit.open({"leads": LEADS}), period="2026-01")
    with pytest.raises(UsageError, match="window_days"):
        site_funnel(opened(), period="2026-01", window_days=0)
    with pytest.raises(UsageError, match="path"):
        site_funnel(opened(), period="2026-01", path="deals")


@pytest.mark.parametrize("dialect", ["postgres", "snowflake", "databricks"])
def test_it_is_one_query_that_compiles_for_warehouses(dialect, monkeypatch):
    asked = []
    monkeypatch.setattr(
        sys.modules[site_funnel.__module__], "run", lambda query: asked.append(query) or common.run(query)
    )
    site_funnel(opened(), period="2026-01", by="source")
    site_funnel(opened(), period="2026-01", path="orders", who="all")
    assert len(asked) == 2
    assert all("select" in ibis.to_sql(query, dialect=dialect).lower() for query in asked)


@pytest.fixture(scope="module")
def sample(root):
    return crmkit.open(root / "data/sample")


def test_the_sample_funnel_equals_a_plain_one(sample, root):
    """New visitors of a quarter, one after the other, from the files."""
    folder = root / "data/sample"
    visits = pd.read_csv(folder / "web_sessions.csv", parse_dates=["started_at"])
    deals = pd.read_csv(folder / "opportunities.csv", parse_dates=["created_at", "closed_at"])
    deals = deals[deals.lead_id.notna()].set_index("lead_id")
    leads = pd.read_csv(folder / "leads.csv", parse_dates=["converted_at"])
    direct = leads[leads.customer_id.notna() & leads.opportunity_id.isna()]
    converted = dict(zip(direct.lead_id, direct.converted_at, strict=True))
    window, place = pd.Timedelta(days=90), {"Visitors": 0, "Leads": 0, "Opportunities": 0, "Customers": 0}
    for _, own in visits.sort_values(["started_at", "session_id"]).groupby("visitor_id"):
        came = own.started_at.iloc[0]
        if not pd.Timestamp("2026-04-01") <= came < pd.Timestamp("2026-07-01"):
            continue
        place["Visitors"] += 1
        leads = [lead for lead in own[own.started_at <= came + window].lead_id if isinstance(lead, str)]
        place["Leads"] += bool(leads)
        linked = [deals.loc[lead] for lead in leads if lead in deals.index]
        won = any(deal.outcome == "won" and deal.closed_at <= came + window for deal in linked)
        won |= any(converted[lead] <= came + window for lead in leads if lead in converted)
        place["Opportunities"] += won or any(came <= deal.created_at <= came + window for deal in linked)
        place["Customers"] += won
    found = site_funnel(sample, period="2026-Q2", window_days=90)
    assert dict(zip(found["stage"], found["entered"], strict=True)) == place
