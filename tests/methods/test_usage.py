"""Who uses the CRM week by week, who has stopped, and which columns are empty."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData
from crmkit.methods.usage import completeness_by_column, user_states, users_by_week

USERS = {"user_id": list("abcd"), "name": ["Ann", "Ben", "Cy", "Di"], "team": ["N", "N", "S", "S"],
         "licensed": ["true", "true", "true", "false"]}  # fmt: skip
USAGE = {"user_id": list("aaabd"), "at": ["2026-03-02 08:00", "2026-03-02 09:00", "2026-03-25", "2026-01-09",
         "2026-03-30"], "action": ["login"] * 5}  # fmt: skip


@pytest.fixture
def crm():
    return crmkit.open({"users": USERS, "usage": USAGE}, as_of="2026-03-31")


def test_states_of_the_licensed_only(crm):
    found = user_states(crm, period="2026-03", by="user.name")
    assert found[["user.name", "state"]].to_numpy().tolist() == [
        ["Cy", "never began"],
        ["Ben", "stopped"],
        ["Ann", "uses it"],
    ]
    assert found.set_index("user.name").days_active.to_dict() == {"Cy": 0, "Ben": 0, "Ann": 2}


def test_states_as_they_were_at_the_end_of_an_earlier_period(crm):
    found = user_states(crm, period="2026-01").set_index("user_id").state
    assert found.to_dict() == {"a": "never began", "b": "uses it", "c": "never began"}


def test_a_longer_silence_may_be_allowed(crm):
    assert "stopped" not in set(user_states(crm, period="2026-03", quiet_days=90).state)


def test_weeks_end_with_the_last_whole_one(crm):
    found = users_by_week(crm, period="2026-03", weeks=5)
    assert found.period.max() == pd.Timestamp("2026-03-23")  # that of 30 March is not over
    assert set(found.user_id) == {"a", "b", "c"}
    assert found.groupby("user_id").value.sum().to_dict() == {"a": 2.0, "b": 0.0, "c": 0.0}


def test_without_licences_there_is_nobody_to_follow():
    crm = crmkit.open({"users": {"user_id": ["a"], "licensed": ["false"]}, "usage": USAGE}, as_of="2026-03-31")
    with pytest.raises(NotInThisData, match="nobody has a licence"):
        user_states(crm, period="2026-03")
    with pytest.raises(NotInThisData, match="nobody had a licence"):
        users_by_week(crm, period="2026-03")


def test_columns_add_up_to_the_metric(root):
    crm = crmkit.open(root / "data" / "sample")
    found = completeness_by_column(crm, period="2025-Q2")
    whole = crm.measure("field_completeness", period="2025-Q2").iloc[0]
    assert found.numerator.sum() == whole.numerator
    assert found.denominator.sum() == whole.denominator
    assert found.value.is_monotonic_increasing


def test_a_column_that_nobody_uses_is_named_and_left_out():
    crm = crmkit.open(
        {"leads": {"lead_id": ["1", "2"], "created_at": ["2026-01-01"] * 2, "source": ["web", None]}},
        as_of="2026-03-31",
    )
    found = completeness_by_column(crm, period="2026-Q1")
    assert found[["column", "value", "empty"]].to_numpy().tolist() == [["source", 0.5, 1.0]]
    assert found.attrs["unused"] == ["leads.owner_id", "leads.status", "leads.email"]
