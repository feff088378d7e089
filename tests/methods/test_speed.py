"""Satisfaction by speed: thirds and odds by hand, and what is left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.methods.speed import SPEEDS, satisfaction_by_speed


def answered(hours, scores, *, priority="normal", **more):
    """Open tickets that took so many hours, each with one answer on the scale from 1 to 5."""
    size = len(hours)
    ids = [str(number) for number in range(size)]
    begun = pd.Timestamp("2026-03-02")
    tickets = {"ticket_id": ids, "opened_at": [begun] * size, "priority": np.broadcast_to(priority, size),
               "resolved_at": [begun + pd.Timedelta(hours=float(h)) for h in hours]}  # fmt: skip
    surveys = {"response_id": ids, "ticket_id": ids, "survey": ["csat"] * size, "score": scores,
               "answered_at": ["2026-03-20"] * size}  # fmt: skip
    return crmkit.open({"tickets": pd.DataFrame(tickets), "surveys": pd.DataFrame(surveys | more)}, as_of="2026-03-31")


def test_thirds_by_hand():
    hours = np.repeat([1.0, 2.0, 4.0], 10)
    scores = [5] * 9 + [1] + [5] * 6 + [1] * 4 + [4] * 3 + [3] * 7  # a neutral answer is no satisfied one
    found = satisfaction_by_speed(answered(hours, scores))
    assert found["speed"].tolist() == list(SPEEDS)
    assert found["value"].tolist() == [0.9, 0.6, 0.3]
    assert found["median_hours"].tolist() == [1, 2, 4]
    # at the maximum of the likelihood, expected and observed answers agree, in number and times the logarithm of time
    steps, slope = np.array([-1.0, 0.0, 1.0]), np.log(found.attrs["odds"])
    level = _solve(lambda start: (1 / (1 + np.exp(-(start + slope * steps)))).sum() - 1.8)
    expected = 1 / (1 + np.exp(-(level + slope * steps)))
    assert (expected * steps).sum() == pytest.approx(0.3 - 0.9, abs=1e-6)


def _solve(function, low=-20.0, high=20.0):
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return middle


def test_urgent_tickets_are_compared_with_urgent_ones():
    """Urgent tickets are ten times as fast; within each priority speed makes no difference, and none is found."""
    hours = [*np.tile([1.0, 2.0, 3.0], 10), *np.tile([10.0, 20.0, 30.0], 10)]
    priority = ["urgent"] * 30 + ["low"] * 30
    scores = [1] * 15 + [5] * 15 + [5] * 30
    found = satisfaction_by_speed(answered(hours, scores, priority=priority))
    assert found["denominator"].tolist() == [20, 20, 20]
    assert found["value"].tolist() == pytest.approx([0.75, 0.75, 0.75])
    assert found.attrs["odds_low"] < 1 < found.attrs["odds_high"]


def test_answers_off_the_scale_and_to_other_questions_do_not_count():
    base = answered(np.arange(1, 41), [5, 1] * 20)
    off = answered(np.arange(1, 41), [5, 1] * 19 + [9, 2.5])
    other = answered(np.arange(1, 41), [5, 1] * 20, survey=["csat"] * 35 + ["ces"] * 5)
    assert satisfaction_by_speed(base)["n"].sum() == 40
    assert satisfaction_by_speed(off)["n"].sum() == 38
    assert satisfaction_by_speed(other)["n"].sum() == 35


def test_tickets_without_hours_are_counted_as_left_out():
    found = satisfaction_by_speed(answered([-5.0, 0.0, *range(1, 41)], [5, 1] * 21))
    assert found.attrs["left_out"] == 2
    assert found["n"].sum() == 40


def test_too_few_answers_say_so():
    found = satisfaction_by_speed(answered(np.arange(1, 11), [5, 1] * 5))
    assert found.attrs["missing"] == "10 answers about satisfaction belong to resolved tickets, too few to compare"
    assert len(found) == 0


def test_where_all_are_satisfied_there_are_no_odds():
    found = satisfaction_by_speed(answered(np.arange(1, 41), [5] * 40))
    assert found["value"].tolist() == [1, 1, 1]
    assert found.attrs["odds"] is None


def test_perfect_separation_is_no_finding_of_infinite_odds():
    found = satisfaction_by_speed(answered(np.arange(1, 41), [5] * 20 + [1] * 20))
    assert found.attrs["odds"] is None
    assert found["value"].iloc[0] == 1


def test_answers_of_a_period_alone():
    crm = answered(np.arange(1, 61), [5, 1] * 30, answered_at=["2026-02-20"] * 20 + ["2026-03-20"] * 40)
    assert satisfaction_by_speed(crm, period="2026-03")["n"].sum() == 40
