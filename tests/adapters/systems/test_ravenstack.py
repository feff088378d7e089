"""RavenStack, a firm that sells by subscription: both copies become the same tables, and say what the files say."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "ravenstack"


@pytest.fixture(scope="module")
def firm(tmp_path_factory):
    """The small copy with dates as 16-10-2024, a BOM and CRLF, imported: the CRM, the account, the folder."""
    to = tmp_path_factory.mktemp("ravenstack") / "crm"
    account = adapters.run("ravenstack", [FIXTURES / "dmy"], to)
    return crmkit.open(to), account, to


def _value(crm, metric: str, period: str) -> float:
    return crm.measure(metric, period=period)["value"].item()


def test_all_rows_arrive(firm):
    _, account, _ = firm
    assert {table.name: table.rows for table in account.tables} == {
        "customers": 4, "subscriptions": 6, "tickets": 5, "surveys": 4,
    }  # fmt: skip
    assert account.files_left_out == ()


def test_both_copies_become_the_same_tables(firm, tmp_path):
    adapters.run("ravenstack", [FIXTURES / "iso"], tmp_path / "iso")
    for name in ("customers.csv", "subscriptions.csv", "tickets.csv", "surveys.csv", "crm.toml"):
        assert (tmp_path / "iso" / name).read_bytes() == (firm[2] / name).read_bytes()


def test_revenue_and_churn_by_hand(firm):
    crm = firm[0]
    assert _value(crm, "mrr", "2025-Q1") == 171 + 882 + 0 + 6965 + 38
    assert _value(crm, "mrr", "2025-Q2") == 171 + 76 + 0 + 6965
    assert _value(crm, "churned_mrr", "2025-Q2") == 882  # Kiel Systems
    assert _value(crm, "expansion_mrr", "2025-Q2") == 76  # Heron Labs took a second subscription
    assert _value(crm, "contraction_mrr", "2025-Q2") == 38  # Tern & Co ended the smaller of two
    assert _value(crm, "churn_rate", "2025-Q2") == 1 / 4


def test_satisfaction_by_hand(firm):
    crm = firm[0]
    assert _value(crm, "csat", "2025-Q1") == 1 / 2  # 3 and 4
    assert _value(crm, "csat", "2025-Q2") == 1  # 5 and 5
    assert _value(crm, "csat_mean", "2025") == (3 + 4 + 5 + 5) / 4
    assert _value(crm, "resolution_hours_mean", "2025") == (27 + 5 + 10 + 54 + 24) / 5


def test_tickets_are_answered_so_many_minutes_after_they_came(firm):
    tickets = firm[0].tickets.to_pandas().set_index("ticket_id")
    assert str(tickets.loc["T-300001", "first_response_at"]) == "2025-02-11 01:14:00"  # 74 minutes


def test_churn_events_stand_beside_the_customers(firm):
    customers = firm[0].customers.to_pandas().set_index("customer_id")
    assert customers.loc["A-100002", ["churn_event_reason", "churn_event_feedback"]].tolist() == [
        "pricing", "switched to competitor",
    ]  # fmt: skip
    assert customers.loc["A-100004", ["churn_event_at", "churn_events"]].tolist() == ["2025-06-30", "2"]
    assert _value(firm[0], "customers_at_end", "2025-Q2") == 3  # Tern & Co goes on with one subscription
    assert customers["churn_event_at"].notna().sum() == 2


def test_what_customers_did_with_the_product_stands_with_the_subscription(firm):
    used = firm[0].subscriptions.to_pandas().set_index("subscription_id")
    columns = ["times_used", "usage_count", "usage_seconds", "usage_errors"]
    assert used.loc["S-200001", columns].astype(float).tolist() == [2, 9 + 4, 5004 + 120, 0]
    assert used.loc["S-200002", columns].isna().all()


@pytest.fixture(scope="module")
def published(shared, tmp_path_factory):
    """The published files, imported: the CRM, and where they came from and went."""
    source, to = shared / "data/ravenstack_saas", tmp_path_factory.mktemp("published") / "crm"
    adapters.run("ravenstack", [source], to)
    return crmkit.open(to), source, to


def _plain(source: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(source / f"ravenstack_{name}.csv", encoding="utf-8-sig")


def _day(cells: pd.Series) -> pd.Series:
    return pd.to_datetime(cells, format="%d-%m-%Y")


def test_every_cell_of_the_published_subscriptions_equals_a_plain_reading(published):
    crm, source, _ = published
    plain, found = _plain(source, "subscriptions"), crm.subscriptions.to_pandas()
    assert len(found) == 5000
    assert found["subscription_id"].tolist() == plain["subscription_id"].tolist()
    assert found["customer_id"].tolist() == plain["account_id"].tolist()
    assert found["mrr"].tolist() == plain["mrr_amount"].tolist()
    for column, header in (("started_at", "start_date"), ("ended_at", "end_date")):
        pd.testing.assert_series_equal(found[column], _day(plain[header]), check_names=False, check_dtype=False)


def test_published_totals(published):
    crm, source, _ = published
    assert f"{crm.as_of:%Y-%m-%d}" == "2024-12-31"
    assert (crm.customers.count().execute(), crm.tickets.count().execute()) == (500, 2000)
    assert _value(crm, "mrr", "2024-Q4") == 10_159_608
    assert _value(crm, "tickets_opened", "2023-01-01/2025-01-01") == 2000
    assert _value(crm, "resolution_hours_mean", "2023-01-01/2025-01-01") == pytest.approx(35.861, abs=5e-4)
    used, plain = crm.subscriptions.to_pandas(), _plain(source, "feature_usage")
    used = used[["times_used", "usage_count"]].astype(float)
    assert used.sum().tolist() == [25_000, plain["usage_count"].sum()]
    assert used["times_used"].notna().sum() == plain["subscription_id"].nunique() == 4967
    scores = _plain(source, "supports_ticket")["satisfaction_score"].dropna()
    assert (scores == 3).sum() == 396  # 405 fours and 374 fives are satisfied
    assert _value(crm, "csat", "2023-01-01/2025-01-01") == (405 + 374) / 1175
    assert _value(crm, "csat_mean", "2023-01-01/2025-01-01") == pytest.approx(scores.mean())


def test_the_other_published_copy_becomes_the_same_tables(published, tmp_path):
    """The copy with dates as 2024-10-16, no BOM and LF, made from the one that is here."""
    _, source, to = published
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in source.glob("*.csv"):
        text = path.read_text(encoding="utf-8-sig")
        text = re.sub(r"\b(\d\d)-(\d\d)-(\d{4})( \d\d:\d\d)\b", r"\3-\2-\1\4:00", text)
        text = re.sub(r"\b(\d\d)-(\d\d)-(\d{4})\b", r"\3-\2-\1", text)
        (copy / path.name).write_text(text, encoding="utf-8", newline="\n")
    adapters.run("ravenstack", [copy], tmp_path / "crm")
    for name in ("customers.csv", "subscriptions.csv", "tickets.csv", "surveys.csv", "crm.toml"):
        assert (tmp_path / "crm" / name).read_bytes() == (to / name).read_bytes()
