"""The pace of targets in running periods, worked out by hand, and attainment as a metric."""

from __future__ import annotations

import numpy as np
import pytest

import crmkit
from crmkit.errors import DataError, UsageError


def opened(as_of, goals, **tables):
    rows = list(goals)
    targets = {"metric": [r[0] for r in rows], "period": [r[1] for r in rows], "value": [r[2] for r in rows]}
    if any(len(row) > 3 for row in rows):
        targets["source"] = [row[3] if len(row) > 3 else None for row in rows]
    return crmkit.open({**tables, "targets": targets}, as_of=as_of)


def leads(*days, source="web"):
    keys = [str(number) for number in range(len(days))]
    return {"leads": {"lead_id": keys, "created_at": list(days), "source": [source] * len(days)}}


def only(frame):
    (row,) = frame.to_dict("records")
    return row


def test_a_count_is_carried_on_and_needs_so_much_a_day():
    crm = opened("2026-04-10", [("leads", "2026-04", 30)], **leads(*["2026-04-02"] * 8))
    row = only(crm.pace())
    assert row["elapsed"] == pytest.approx(10 / 30)
    assert (row["per_day"], row["needed_per_day"]) == pytest.approx((0.8, 22 / 20))
    assert row["projected"] == pytest.approx(24)
    assert row["status"] == "behind pace"


@pytest.mark.parametrize(("goal", "status"), [(8, "reached"), (24, "on pace"), (25, "behind pace")])
def test_statuses_of_what_grows(goal, status):
    crm = opened("2026-04-10", [("leads", "2026-04", goal)], **leads(*["2026-04-02"] * 8))
    assert only(crm.pace())["status"] == status


def test_a_share_needs_a_value_in_the_rest():
    deals = {
        "opportunities": {
            "opportunity_id": list("abcd"),
            "created_at": ["2026-01-01"] * 4,
            "closed_at": ["2026-04-03", "2026-04-05", "2026-04-06", "2026-04-15"],
            "outcome": ["won", "lost", "lost", "lost"],
        }
    }
    crm = opened("2026-04-15", [("win_rate", "2026-04", 0.5)], **deals)
    row = only(crm.pace())
    assert row["needed"] == pytest.approx(0.75)  # 1 of 4 so far; 3 of the next 4 make 4 of 8
    assert row["status"] == "behind pace"
    assert np.isnan(row["needed_per_day"])
    assert only(opened("2026-04-15", [("win_rate", "2026-04", 0.7)], **deals).pace())["status"] == "out of reach"
    assert only(opened("2026-04-15", [("win_rate", "2026-04", 0.2)], **deals).pace())["status"] == "on pace"


def test_churn_grows_and_less_is_better():
    customers = {
        "customers": {
            "customer_id": list("abcdefghij"),
            "created_at": ["2025-01-01"] * 10,
            "acquired_at": ["2025-01-01"] * 10,
            "lost_at": ["2026-04-05", *[None] * 9],
        }
    }
    found = {
        goal: only(opened("2026-04-15", [("churn_rate", "2026-04", goal)], **customers).pace())
        for goal in (0.25, 0.15, 0.05)
    }
    assert found[0.25]["projected"] == pytest.approx(0.2)  # 1 of 10 in half the month
    assert {goal: row["status"] for goal, row in found.items()} == {
        0.25: "on pace",
        0.15: "behind pace",
        0.05: "out of reach",
    }
    assert found[0.25]["needed_per_day"] == pytest.approx(0.01)  # at most 1.5 more customers in 15 days


def test_a_level_changes_by_so_much_a_day():
    deals = {
        "opportunities": {
            "opportunity_id": list("abc"),
            "created_at": ["2026-04-01"] * 3,
            "closed_at": [None] * 3,
            "outcome": ["open"] * 3,
        }
    }
    row = only(opened("2026-04-20", [("opportunities_open", "2026-04", 8)], **deals).pace())
    assert row["needed_per_day"] == pytest.approx(0.5)
    assert np.isnan(row["projected"])


def test_what_has_no_pace_says_so():
    crm = opened("2026-04-10", [("lead_follow_up_hours", "2026-04", 5)], leads={
        "lead_id": ["1"], "created_at": ["2026-04-01"], "first_contacted_at": ["2026-04-02"]})  # fmt: skip
    row = only(crm.pace())
    assert row["status"] == ""
    assert "no pace of its own" in row["note"]


def test_periods_that_are_over_or_not_begun_have_no_pace():
    crm = opened("2026-04-10", [("leads", "2026-03", 5), ("leads", "2026-05", 5)], **leads("2026-04-02"))
    assert crm.pace().empty
    with pytest.raises(UsageError, match="2026-03 is over at 2026-04-10"):
        crm.pace("2026-03")
    with pytest.raises(UsageError, match="2026-05 has not begun"):
        crm.pace("2026-05")


def test_the_shortest_running_period_comes_first():
    goals = [("leads", "2026", 50), ("leads", "2026-04", 5), ("leads", "2026-Q2", 15)]
    assert opened("2026-04-10", goals, **leads("2026-04-02")).pace().period.tolist() == ["2026-04", "2026-Q2", "2026"]


def test_attainment_by_month_and_for_a_group():
    goals = [("leads", "2026-01", 4), ("leads", "2026-02", 2), ("leads", "2026-01", 10, "web"), ("nps", "2026-01", 9)]
    crm = opened("2026-03-31", goals, **leads("2026-01-02", "2026-01-03", "2026-02-04", "2026-03-05"))
    found = crm.measure("attainment", of="leads", every="month", period="2026-Q1")
    np.testing.assert_allclose(found.value, [0.5, 0.5, np.nan])
    assert "there is no target of leads" in found.note.iloc[2]
    by_source = crm.measure("attainment", of="leads", period="2026-01", by="source")
    assert dict(zip(by_source.source, by_source.value, strict=True)) == {"web": 0.2}


def test_the_interval_of_attainment_is_that_of_the_value():
    answers = {"surveys": {"response_id": list("abcd"), "survey": ["nps"] * 4, "score": [9, 9, 9, 0],
                           "answered_at": ["2026-01-05"] * 4}}  # fmt: skip
    crm = opened("2026-01-31", [("nps", "2026-01", 25)], **answers)
    mine, nps = (crm.measure(name, period="2026-01", **more).iloc[0] for name, more in
                 (("attainment", {"of": "nps"}), ("nps", {})))  # fmt: skip
    np.testing.assert_allclose([mine.value, mine.low, mine.high], np.array([nps.value, nps.low, nps.high]) / 25)


def test_two_targets_of_one_period_are_refused():
    crm = opened("2026-03-31", [("leads", "2026-01", 4), ("leads", "2026-01", 5)], **leads("2026-01-02"))
    with pytest.raises(DataError, match="several values of leads in 2026-01: 4 and 5"):
        crm.measure("attainment", of="leads", period="2026-01")


def test_groups_that_targets_are_not_given_by_are_refused():
    crm = opened("2026-03-31", [("leads", "2026-01", 4)], **leads("2026-01-02"))
    with pytest.raises(UsageError, match="targets has no column 'source'"):
        crm.measure("attainment", of="leads", period="2026-01", by="source")


def test_attainment_of_what_is_no_metric_is_refused():
    crm = opened("2026-03-31", [("leads", "2026-01", 4)], **leads("2026-01-02"))
    with pytest.raises(UsageError, match="no metric 'sales'"):
        crm.measure("attainment", of="sales", period="2026-01")
    with pytest.raises(UsageError, match="attainment of attainment"):
        crm.measure("attainment", of="attainment", period="2026-01")
