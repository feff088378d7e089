"""Visits of an unnamed web shop, imported, measured, and compared with a plain pandas reading of the same file."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit
from crmkit import adapters
from crmkit.errors import DataError

HEADER = (
    "Administrative,Administrative_Duration,Informational,Informational_Duration,ProductRelated,ProductRelated_Duration,"
    "BounceRates,ExitRates,PageValues,SpecialDay,Month,OperatingSystems,Browser,Region,TrafficType,VisitorType,Weekend,"
    "Revenue\n"
)
ROWS = (
    "0,0,0,0,1,0,0.2,0.2,0,0,Feb,1,1,1,1,Returning_Visitor,FALSE,FALSE\n"
    "2,10.5,1,4.25,3,100,0,0.1,12.5,0,Feb,2,2,1,2,New_Visitor,TRUE,TRUE\n"
    "1,2.666666667,0,0,4,60,0.05,0.14,0,0.4,June,3,2,2,2,Other,FALSE,FALSE\n"
    "0,0,0,0,8,300,0,0.02,20,0,Nov,3,2,9,10,Returning_Visitor,FALSE,TRUE\n"
)
YEAR = "2017"


@pytest.fixture
def small(tmp_path):
    """Four visits as the data set's authors write them, imported."""
    source = tmp_path / "online_shoppers_intention.csv"
    source.write_text(HEADER + ROWS, encoding="utf-8")
    account = adapters.run("online_shoppers", [source], tmp_path / "crm")
    return tmp_path / "crm", account


def test_pages_and_seconds_are_the_sums_of_the_three_kinds_of_page(small):
    visits = pd.read_csv(small[0] / "web_sessions.csv")
    assert visits["pages"].tolist() == [1, 6, 5, 8]
    assert visits["duration_seconds"].tolist() == pytest.approx([0, 114.75, 62.666666667, 300])
    assert visits["started_at"].tolist() == ["2017-02-01", "2017-02-01", "2017-06-01", "2017-11-01"]


def test_a_purchase_has_a_number_and_a_visit_without_one_has_none(small):
    visits = pd.read_csv(small[0] / "web_sessions.csv", dtype=str)
    assert visits["order_id"].isna().tolist() == [True, False, True, False]
    assert visits["visitor_id"].isna().all()


def test_the_small_shop_is_measured(small):
    crm = crmkit.open(small[0])
    expected = {"session_purchase_rate": 0.5, "sessions": 4, "pages_per_session": 5, "bounce_rate": 0.25}
    found = crm.measure(list(expected), period=YEAR).set_index("metric")["value"]
    assert found.to_dict() == expected
    by_type = crm.measure("session_purchase_rate", period=YEAR, by="visitor_type").set_index("visitor_type")["value"]
    assert by_type.to_dict() == {"New_Visitor": 1, "Other": 0, "Returning_Visitor": 0.5}


def test_what_is_not_in_the_file_is_not_made_up(small):
    found = crmkit.open(small[0]).measure(["visitors", "visitor_purchase_rate", "visitor_to_lead_rate"], period=YEAR)
    assert found["value"].isna().all()
    assert found["note"].iloc[0].startswith("cannot be known: no visit says who the visitor was")


def test_the_account_says_what_was_assumed(small):
    to, account = small
    notes = "\n".join(account.attention())
    for said in ("the first day of its month, in a year that is assumed (2017)", "not with which", "not visitors"):
        assert said in notes
    assert 'as_of = "2017-12-31"' in (to / "crm.toml").read_text(encoding="utf-8")


def test_a_month_of_another_language_is_an_error(tmp_path):
    source = tmp_path / "online_shoppers.csv"
    source.write_text(HEADER + ROWS.replace("Nov", "Listopad"), encoding="utf-8")
    with pytest.raises(DataError, match="Listopad"):
        adapters.run("online_shoppers", [source], tmp_path / "crm")
    assert not (tmp_path / "crm").exists()


@pytest.fixture(scope="module")
def real(shared, tmp_path_factory):
    """The real file imported, and read by pandas alone."""
    folder, to = shared / "data/online_shoppers", tmp_path_factory.mktemp("shoppers") / "crm"
    account = adapters.run("online_shoppers", [folder], to)
    return crmkit.open(to), pd.read_csv(folder / "online_shoppers_intention.csv"), account


def test_published_totals(real):
    crm, plain, account = real
    row = crm.measure("session_purchase_rate", period=YEAR).iloc[0]
    assert (row["numerator"], row["denominator"]) == (1908, 12_330)
    assert row["value"] == pytest.approx(0.1547, abs=5e-5)
    assert row["low"] < 0.1547 < row["high"]
    assert [table.rows for table in account.tables] == [len(plain)]
    assert account.files[0].columns_left_out == ()


@pytest.mark.parametrize(("by", "column"), [("visitor_type", "VisitorType"), ("source", "TrafficType")])
def test_groups_equal_a_plain_reading(real, by, column):
    crm, plain, _ = real
    found = crm.measure(["session_purchase_rate", "sessions"], period=YEAR, by=by).pivot(
        index=by, columns="metric", values="value"
    )
    expected = plain.groupby(plain[column].astype(str))["Revenue"].agg(["mean", "size"])
    pd.testing.assert_index_equal(found.index.sort_values(), expected.index.sort_values(), check_names=False)
    assert found["sessions"].to_dict() == expected["size"].to_dict()
    assert found["session_purchase_rate"].to_dict() == pytest.approx(expected["mean"].to_dict())


def test_months_equal_a_plain_reading(real):
    crm, plain, _ = real
    found = crm.measure(["session_purchase_rate", "sessions"], period=YEAR, every="month")
    wide = found.pivot(index="period", columns="metric", values="value")
    months = wide.index.strftime("%b").where(wide.index.month != 6, "June")
    expected = plain.groupby("Month_Name")["Revenue"].agg(["mean", "size"]).reindex(months)
    assert wide["sessions"].tolist() == expected["size"].fillna(0).tolist()
    assert wide["session_purchase_rate"].tolist() == pytest.approx(expected["mean"].tolist(), nan_ok=True)
    assert wide["session_purchase_rate"].isna().sum() == 2  # no visit in January, none in April


def test_pages_and_time_equal_a_plain_reading(real):
    crm, plain, _ = real
    pages = plain[["Administrative", "Informational", "ProductRelated"]].sum(axis=1)
    seconds = plain.filter(like="_Duration").sum(axis=1)
    found = crm.measure(["pages_per_session", "time_on_site", "bounce_rate"], period=YEAR)["value"].tolist()
    assert found == pytest.approx([pages.mean(), seconds.mean(), (pages == 1).mean()], rel=1e-9)
