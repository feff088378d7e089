"""Findings as readers of a report get them: found in the whole tables, persons by code."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit
from crmkit.personal import code, for_readers, key_of
from crmkit.quality import inspect


@pytest.fixture
def crm():
    return crmkit.open({
        "customers": {"customer_id": ["1", "2", "3"], "name": ["Ann", "Bob", "test"], "created_at": ["2026-01-01"] * 3,
                      "email": ["ann@example.com", "bob.example.com", "c@example.com"], "owner_id": ["u", "v", "v"]},
        "users": {"user_id": ["u", "v"], "name": ["Zoe", "Jan"]},
    }, config={"name": "Ours"})  # fmt: skip


def test_readers_get_the_findings_of_the_whole_tables_with_codes(crm):
    mine, theirs = inspect(crm).findings, inspect(for_readers(crm)).findings
    assert mine["rule"].tolist() == theirs["rule"].tolist() == ["email_malformed", "test_name"]
    assert mine["examples"].tolist() == [["customer_id 2"], ["customer_id 3"]]
    secret = key_of("Ours")
    assert theirs["examples"].tolist() == [[f"customer_id {code('customers', key, secret=secret)}"] for key in "23"]
    assert set(theirs["owner"]) == {code("users", "v", secret=secret)}
    assert set(inspect(for_readers(crm)).counted["owner"].dropna()) == {
        code("users", key, secret=secret) for key in "uv"
    }


def test_who_may_see_names_sees_keys(crm):
    found = inspect(for_readers(crm, show_names=True))
    assert found.findings["examples"].tolist() == inspect(crm).findings["examples"].tolist()
    assert found.counted.equals(inspect(crm).counted)


def test_a_user_who_fell_silent_has_a_code_in_every_text():
    days = pd.date_range("2025-01-01", periods=300, freq="D")
    rows = [("mary.smith", day) for day in days[:200]] + [("bob", day) for day in days]
    leads = pd.DataFrame(rows, columns=["owner_id", "created_at"])
    crm = crmkit.open({"leads": leads.assign(lead_id=[f"{n}" for n in range(len(leads))])})
    (whole,) = inspect(crm).findings.to_dict("records")
    assert whole["rule"] == "source_silent"
    assert "the owner mary.smith since" in whole["finding"]
    (row,) = inspect(for_readers(crm)).findings.to_dict("records")
    assert "mary.smith" not in str(row)
    assert "the owner U-" in row["finding"]
