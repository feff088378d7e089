"""Maven's sales pipeline, imported and compared with a plain pandas reading of the same files."""

from __future__ import annotations

import pandas as pd
import pytest

from crmkit import adapters


@pytest.fixture(scope="module")
def maven(shared, tmp_path_factory):
    """The folder imported, the account, and the source folder."""
    source, to = shared / "data/maven_crm_sales", tmp_path_factory.mktemp("maven") / "crm"
    return to, adapters.run("maven", [source], to), source


def _read(folder, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv", dtype={"opportunity_id": str}, parse_dates=_dates(name))


def _dates(name: str) -> list[str]:
    return ["created_at", "closed_at"] if name == "opportunities" else []


def test_all_rows_arrive(maven):
    to, account, _ = maven
    assert {table.name: table.rows for table in account.tables} == {
        "users": 35, "products": 7, "customers": 85, "opportunities": 8800,
    }  # fmt: skip
    assert _read(to, "opportunities")["opportunity_id"].is_unique
    assert _read(to, "opportunities")["owner_id"].nunique() == 30


def test_published_totals(maven):
    deals = _read(maven[0], "opportunities")
    won = deals[deals["outcome"] == "won"]
    assert (len(won), (deals["outcome"] == "lost").sum()) == (4238, 2473)
    assert len(won) / deals["outcome"].isin(["won", "lost"]).sum() == pytest.approx(0.6315, abs=5e-5)
    assert won["amount"].sum() == 10_005_534
    assert won["amount"].mean() == pytest.approx(2360.91, abs=0.005)
    assert won["amount"].median() == 1117
    assert (won["closed_at"] - won["created_at"]).dt.days.mean() == pytest.approx(51.78, abs=0.005)
    assert set(deals.loc[deals["outcome"] == "lost", "amount"]) == {0}
    assert deals.loc[deals["outcome"] == "open", "amount"].isna().all()


def test_every_cell_equals_a_plain_reading(maven):
    to, _, source = maven
    plain = pd.read_csv(source / "sales_pipeline.csv", parse_dates=["engage_date", "close_date"])
    deals = _read(to, "opportunities")
    same = {
        "opportunity_id": plain["opportunity_id"], "customer_id": plain["account"], "owner_id": plain["sales_agent"],
        "product_id": plain["product"].replace("GTXPro", "GTX Pro"), "created_at": plain["engage_date"],
        "closed_at": plain["close_date"], "stage": plain["deal_stage"], "amount": plain["close_value"],
    }  # fmt: skip
    for column, expected in same.items():
        pd.testing.assert_series_equal(deals[column], expected, check_names=False, check_dtype=False)
    accounts = pd.read_csv(source / "accounts.csv")
    customers = pd.read_csv(to / "customers.csv")
    assert customers["annual_revenue"].tolist() == (accounts["revenue"] * 1e6).round(2).tolist()
    assert customers["parent_id"].dropna().tolist() == accounts["subsidiary_of"].dropna().tolist()


def test_keys_refer_to_rows_that_are_there(maven):
    to = maven[0]
    deals = _read(to, "opportunities")
    for column, table in (("customer_id", "customers"), ("owner_id", "users"), ("product_id", "products")):
        assert set(deals[column].dropna()) <= set(_read(to, table).iloc[:, 0])
    assert deals["customer_id"].isna().sum() == 1425


def test_account_says_what_was_repaired_and_what_is_missing(maven):
    to, account, _ = maven
    text = account.text()
    assert "GTXPro → GTX Pro (1,480)" in text
    assert "technolgy → technology" in text
    assert "Prospecting → open (500)" in text
    assert account.files_left_out == ("SOURCE.txt", "data_dictionary.csv")
    assert account.attention() == [
        "customers.created_at: empty: the accounts have no date.",
        "opportunities.created_at: 500 rows of 8,800 without a value; the rows were kept.",
    ]
    assert 'as_of = "2017-12-31"' in (to / "crm.toml").read_text(encoding="utf-8")
