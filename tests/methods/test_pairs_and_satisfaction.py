"""Before and after in pairs, the time of routine work, and satisfaction by delay, by hand and against statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.pairs import paired_change, routine_time
from crmkit.methods.satisfaction import answered_cases, logistic, satisfaction_by_delay


def calls(counts: dict[str, tuple[int, int]]):
    """Open users who made so many calls in January, and so many in March."""
    rows = [
        (user, day)
        for user, (before, after) in counts.items()
        for day in ["2026-01-10"] * before + ["2026-03-10"] * after
    ]
    users = {"user_id": list(counts), "role": ["sales"] * len(counts)}
    acts = {"activity_id": range(len(rows)), "kind": ["call"] * len(rows), "user_id": [r[0] for r in rows],
            "at": [r[1] for r in rows]}  # fmt: skip
    return crmkit.open({"users": users, "activities": acts}, as_of="2026-03-31")


def test_differences_between_people_do_not_blur_the_change():
    crm = calls({"a": (10, 15), "b": (100, 150), "c": (2, 3), "d": (40, 60)})
    found = paired_change(crm, "interactions_per_agent", before="2026-01", after="2026-03").iloc[0]
    assert found[["ratio", "low", "high", "n"]].tolist() == [1.5, 1.5, 1.5, 4]
    assert found.before == pytest.approx(152 / 4)


def test_periods_of_other_lengths_are_compared_by_the_day():
    crm = calls({"a": (14, 31), "b": (14, 31), "c": (14, 31)})
    found = paired_change(crm, "interactions_per_agent", before="2026-01-08/2026-01-22", after="2026-03").iloc[0]
    assert found.ratio == pytest.approx(1.0)


def test_who_was_there_once_is_left_out_and_counted():
    rows = [("a", 1, 2), ("b", 1, 2), ("c", 1, 2)]
    crm = calls({user: (before, after) for user, before, after in rows})
    users = pd.DataFrame(
        {"user_id": list("abcd"), "role": ["sales"] * 4, "active_from": [None, None, None, "2026-02-01"]}
    )
    crm = crmkit.open({"users": users, "activities": crm.tables["activities"].to_pandas()}, as_of="2026-03-31")
    found = paired_change(crm, "interactions_per_agent", before="2026-01", after="2026-03")
    assert found.n.item() == 3
    assert found.attrs["unpaired"] == 1


def test_too_few_pairs_and_periods_in_the_wrong_order_are_refused():
    crm = calls({"a": (1, 2), "b": (1, 2)})
    with pytest.raises(NotInThisData, match="2 of user_id are in both periods"):
        paired_change(crm, "interactions_per_agent", before="2026-01", after="2026-03")
    with pytest.raises(UsageError, match="must end before"):
        paired_change(crm, "interactions_per_agent", before="2026-03", after="2026-01")
    with pytest.raises(NotInThisData, match="needs the table surveys"):
        paired_change(crm, "nps", before="2026-01", after="2026-03")


def test_a_shift_between_kinds_saves_nothing():
    # Tasks 60 and notes 10 minutes, before as after; only there are more notes now.
    rows = [("task", "2026-01-05", 60)] * 4 + [("note", "2026-01-05", 10)] * 1
    rows += [("task", "2026-03-05", 60)] * 1 + [("note", "2026-03-05", 10)] * 9
    acts = pd.DataFrame(rows, columns=["kind", "at", "duration_minutes"])
    crm = crmkit.open({"activities": acts.assign(activity_id=range(len(acts)))}, as_of="2026-03-31")
    found = routine_time(crm, before="2026-01", after="2026-03").set_index("kind")
    assert found.loc["all", "ratio"] == 1.0
    assert found.loc["all", "hours_saved"] == 0.0
    plain = crm.measure("routine_minutes", period="2026-03").value.item()
    assert plain == 15  # against 50 before: the mix alone
    with pytest.raises(NotInThisData, match="both periods"):
        routine_time(crm, before="2025-01", after="2026-03")


def test_the_regression_is_that_of_statsmodels_with_clustered_errors():
    rng = np.random.default_rng(4)
    x, group, owner = rng.normal(size=600), rng.integers(0, 4, 600), rng.integers(0, 90, 600)
    y = (rng.random(600) < 1 / (1 + np.exp(-(0.3 * group - 0.5 - 0.6 * x)))).astype(float)
    ours = logistic(x, y, owner, group)
    design = np.column_stack([x, np.eye(4)[group]])
    oracle = sm.Logit(y, design).fit(
        disp=False, cov_type="cluster", cov_kwds={"groups": owner, "use_correction": False}
    )
    assert ours.slope == pytest.approx(oracle.params[0])
    np.testing.assert_allclose(ours.levels, oracle.params[1:])
    error = (ours.high - ours.low) / (2 * 1.959964)
    assert error == pytest.approx(oracle.bse[0] * np.sqrt(90 / 89))
    assert ours.clusters == 90


def test_a_group_of_one_kind_of_answer_tells_nothing_and_is_left_out():
    x = np.array([0.0, 1, 0, 1, 0, 1, 0, 1, 5, 6])
    y = np.array([1.0, 1, 0, 0, 1, 0, 1, 0, 1, 1])
    group = np.array([0] * 8 + [1, 1])
    both = logistic(x, y, np.arange(10), group)
    alone = logistic(x[:8], y[:8], np.arange(8), group[:8])
    assert both.slope == pytest.approx(alone.slope)
    assert both.groups == 1


def test_cases_against_what_is_usual_for_their_priority():
    tickets = pd.DataFrame(
        [("1", "2026-01-01 00:00", "2026-01-01 02:00", "high"), ("2", "2026-01-01 00:00", "2026-01-01 04:00", "high"),
         ("3", "2026-01-01 00:00", "2026-01-01 06:00", "high"), ("4", "2026-01-01 00:00", "2026-01-03 00:00", "low"),
         ("5", "2026-01-01 00:00", None, "low")],
        columns=["ticket_id", "opened_at", "resolved_at", "priority"],
    )  # fmt: skip
    surveys = pd.DataFrame({"response_id": list("abc"), "survey": ["csat"] * 3, "score": [5, 3, 9],
                            "answered_at": ["2026-01-04"] * 3, "ticket_id": ["1", "4", "2"]})  # fmt: skip
    found = answered_cases(crmkit.open({"tickets": tickets, "surveys": surveys}))
    assert found[["ticket_id", "hours", "usual", "delay"]].to_numpy().tolist() == [["1", 2, 4, 0.5], ["4", 48, 48, 1]]
    assert found.satisfied.tolist() == [True, False]  # 9 lies outside the scale


def test_few_answers_say_nothing():
    crm = crmkit.open({"tickets": {"ticket_id": ["1"], "opened_at": ["2026-01-01"]},
                       "surveys": {"response_id": ["1"], "survey": ["csat"], "score": [5],
                                   "answered_at": ["2026-01-02"]}})  # fmt: skip
    with pytest.raises(NotInThisData, match="0 cases have an answer"):
        satisfaction_by_delay(crm)
