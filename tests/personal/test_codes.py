"""Codes in the place of names: stable, one company's own, and found again only with the secret."""

from __future__ import annotations

import stat

import pytest

import crmkit
from crmkit.errors import UsageError
from crmkit.personal import code, find_codes, for_readers, key_of
from crmkit.personal.codes import VARIABLE, coded


def test_a_code_is_the_same_again_and_another_for_another_company_table_or_key():
    ours, theirs = key_of("Ours"), key_of("Theirs")
    assert ours == key_of("Ours") != theirs
    codes = {code(table, key, secret=secret) for table in ("customers", "leads", "users") for key in ("1", "01")
             for secret in (ours, theirs)}  # fmt: skip
    assert len(codes) == 12


def test_the_secret_is_made_once_in_the_users_settings_and_readable_by_nobody_else(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    first = key_of("Ours")
    file = tmp_path / "crmkit" / "key"
    assert len(file.read_text()) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key_of("Ours") == first
    file.write_text("f" * 64)
    assert key_of("Ours") != first


def test_where_no_secret_can_be_kept_one_holds_for_the_run(tmp_path, monkeypatch):
    (tmp_path / "crmkit").write_text("a file where the folder should be")
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert key_of("Ours") == key_of("Ours")


def test_a_short_secret_is_refused(monkeypatch):
    monkeypatch.setenv(VARIABLE, "123")
    with pytest.raises(UsageError, match="has 3 characters"):
        key_of("Ours")


def test_the_engine_makes_the_same_codes():
    crm = crmkit.open({"users": {"user_id": ["007", "Łukasz", "008"]}})
    made = crm.engine.execute(coded(crm.tables["users"].user_id, "users", secret="s")).tolist()
    assert made == [code("users", key, secret="s") for key in ("007", "Łukasz", "008")]


@pytest.fixture
def crm():
    return crmkit.open({
        "customers": {"customer_id": ["1", "2"], "name": ["Ann", None], "created_at": ["2026-01-01"] * 2},
        "users": {"user_id": ["u"], "name": ["Zoë"]},
        "orders": {"order_id": ["a"], "customer_id": ["3"], "ordered_at": ["2026-02-01"], "amount": [5.0]},
    }, config={"name": "Ours"})  # fmt: skip


def test_codes_are_found_again_by_whoever_has_tables_and_secret(crm):
    secret = key_of("Ours")
    asked = [code("users", "u", secret=secret), code("customers", "3", secret=secret).lower(),
             code("customers", "1", secret=secret)]  # fmt: skip
    found = find_codes(for_readers(crm).readers.behind, asked)
    assert found["key"].tolist() == ["u", "3", "1"], "a customer that only orders name is found, too"
    assert found["name"].tolist()[0] == "Zoë"
    assert found["name"].tolist()[2] == "Ann"


def test_a_code_of_nobody_says_why(crm, monkeypatch):
    mine = code("customers", "1", secret=key_of("Ours"))
    monkeypatch.setenv(VARIABLE, "the secret of another installation")
    with pytest.raises(UsageError, match=VARIABLE):
        find_codes(crm, [mine])
