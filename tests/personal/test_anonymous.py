"""Copies that name no one and measure the same."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit
from crmkit.personal import anonymize

TABLES = {
    "customers": {"customer_id": ["1", "2"], "name": ["Ann", None], "email": ["ann@example.com", ""],
                  "birth_year": [1987, None], "created_at": ["2026-01-01", "2026-01-02"], "shoe_size": ["38", "44"],
                  "owner_id": ["u", "u"]},
    "users": {"user_id": ["u"], "name": ["Zoë"]},
    "opportunities": {"opportunity_id": ["o"], "customer_id": ["1"], "name": ["New car for Ann"], "outcome": ["won"],
                      "created_at": ["2026-01-05"], "closed_at": ["2026-02-01"], "amount": [100.0], "owner_id": ["u"]},
    "orders": {"order_id": ["a", "b"], "customer_id": ["1", "9"], "ordered_at": ["2026-02-01", "2026-03-01"],
               "amount": [5.0, 7.5]},
    "web_sessions": {"session_id": ["s"], "visitor_id": ["v"], "started_at": ["2026-01-01"],
                     "landing_page": ["/cars?mail=ann@example.com"]},
    "targets": {"metric": ["new_revenue"], "period": ["2026-Q1"], "value": [90.0], "owner_id": ["u"]},
}  # fmt: skip


@pytest.fixture
def done(tmp_path):
    return anonymize(crmkit.open(TABLES, config={"name": "Ann's cars", "currency": "EUR"}), tmp_path / "copy")


def test_no_word_of_anybody_is_left_in_any_file(done, tmp_path):
    text = " ".join(path.read_text(encoding="utf-8") for path in (tmp_path / "copy").glob("*.*"))
    for word in ("Ann", "ann@", "Zoë", "New car"):
        assert word not in text
    assert "Customer " in text
    assert done.left_out == {"customers": ("shoe_size",)}
    assert "shoe_size" in done.text()


def test_it_measures_the_same(done, tmp_path):
    assert done.different == ()
    assert "new_revenue" in done.measured
    copy = crmkit.open(tmp_path / "copy")
    assert copy.measure("new_revenue", period="2026-Q1")["value"].item() == 100.0
    assert copy.attainment("2026-Q1", by="owner_id")["attainment"].item() == pytest.approx(100 / 90)


def test_keys_are_others_and_still_link(done, tmp_path):
    read = {name: pd.read_csv(tmp_path / "copy" / f"{name}.csv", dtype=str) for name in TABLES}
    orders, customers = set(read["orders"]["customer_id"]), set(read["customers"]["customer_id"])
    assert len(orders & customers) == 1
    assert not (orders | customers) & {"1", "2", "9"}
    assert read["opportunities"]["owner_id"].item() == read["users"]["user_id"].item()
    assert read["web_sessions"]["landing_page"].item() == "/cars"
    assert read["customers"]["birth_year"].dropna().tolist() == ["1980"]
    assert read["customers"]["name"].isna().sum() == 1, "what was empty stays empty"


def test_nobody_can_make_the_keys_again(done, tmp_path):
    again = anonymize(crmkit.open(TABLES), tmp_path / "second")
    one, other = (pd.read_csv(tmp_path / name / "users.csv")["user_id"].item() for name in ("copy", "second"))
    assert one != other
    assert again.rows == done.rows


def test_a_secret_makes_the_same_copy_and_columns_can_be_kept(tmp_path):
    for name in ("one", "two"):
        anonymize(crmkit.open(TABLES), tmp_path / name, keep=["customers.shoe_size"], secret="told to nobody")
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert [(tmp_path / "one" / f).read_bytes() for f in files] == [(tmp_path / "two" / f).read_bytes() for f in files]
    assert "shoe_size" in (tmp_path / "one" / "customers.csv").read_text()


def test_wrong_calls_are_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(crmkit.UsageError, match=r"no column 'customers.hat' to keep.*shoe_size"):
        anonymize(crmkit.open(TABLES), tmp_path / "copy", keep=["customers.hat"])
    with pytest.raises(crmkit.UsageError, match=r"mine\.txt"):
        anonymize(crmkit.open(TABLES), tmp_path)
