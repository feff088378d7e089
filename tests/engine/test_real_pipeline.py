"""A real company's pipeline, measured by the engine and by plain pandas on the files as they were published."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit
from crmkit import adapters

METRICS = ["win_rate", "average_deal_size", "median_deal_size", "sales_cycle_days", "new_revenue"]


@pytest.fixture(scope="module")
def crm(shared, tmp_path_factory):
    to = tmp_path_factory.mktemp("maven") / "crm"
    adapters.run("maven", [shared / "data" / "maven_crm_sales"], to)
    return crmkit.open(to)


@pytest.fixture(scope="module")
def closed(shared):
    """The closed deals, read without crmkit."""
    file = shared / "data" / "maven_crm_sales" / "sales_pipeline.csv"
    deals = pd.read_csv(file, parse_dates=["engage_date", "close_date"])
    deals = deals[deals["deal_stage"].isin(["Won", "Lost"])]
    deals["quarter"] = deals["close_date"].dt.to_period("Q").dt.to_timestamp()
    return deals.rename(columns={"sales_agent": "owner_id"})


def by_pandas(deals: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return the metrics of each group, one column each."""
    won = deals[deals["deal_stage"] == "Won"]
    amounts = won.groupby(keys)["close_value"]
    return pd.DataFrame(
        {
            "win_rate": amounts.size() / deals.groupby(keys).size(),
            "average_deal_size": amounts.mean(),
            "median_deal_size": amounts.median(),
            "sales_cycle_days": (won["close_date"] - won["engage_date"]).dt.days.groupby([won[k] for k in keys]).mean(),
            "new_revenue": amounts.sum(),
        }
    )


def test_the_whole_year_agrees_with_what_is_published(crm):
    found = crm.measure([*METRICS, "won_revenue"], period="2017").set_index("metric")
    assert found.loc["win_rate", ["numerator", "denominator"]].tolist() == [4238, 6711]
    assert round(found.loc["win_rate", "value"], 4) == 0.6315
    assert round(found.loc["average_deal_size", "value"], 2) == 2360.91
    assert found.loc["median_deal_size", "value"] == 1117
    assert round(found.loc["sales_cycle_days", "value"], 2) == 51.78
    assert found.loc["new_revenue", "value"] == found.loc["won_revenue", "value"] == 10_005_534


@pytest.mark.parametrize(
    ("keys", "how"),
    [
        (["quarter"], {"every": "quarter"}),
        (["owner_id"], {"by": "owner_id"}),
        (["quarter", "owner_id"], {"every": "quarter", "by": "owner_id"}),
    ],
)
def test_by_quarter_and_owner_it_agrees_with_pandas(crm, closed, keys, how):
    found = crm.measure(METRICS, period="2017", intervals=False, **how).rename(columns={"period": "quarter"})
    wide = found.pivot(index=keys, columns="metric", values="value")[METRICS].rename_axis(columns=None)
    wanted = by_pandas(closed, keys)
    wanted.index = wanted.index.set_names(keys)
    # owners and quarters without a closed deal are in the one as empty, and in the other not at all
    there = wide.reindex(wanted.index)
    pd.testing.assert_frame_equal(there, wanted, check_dtype=False, check_index_type=False, rtol=1e-12)
    assert wide.drop(wanted.index)[["win_rate", "average_deal_size", "sales_cycle_days"]].isna().all(axis=None)


def test_the_win_rate_by_value_is_withheld_with_its_reason(crm):
    (found,) = crm.measure("win_rate_value", period="2017").itertuples()
    assert pd.isna(found.value)
    assert found.note == "cannot be known: the lost deals carry no amount"


def test_nothing_is_wrong_with_it_but_what_is_known(crm):
    from crmkit.quality import check

    found = check({name: table.to_pandas() for name, table in crm.tables.items()}, as_of="2017-12-31")
    assert found[["severity", "table", "column", "rows"]].values.tolist() == [
        ["warning", "customers", "created_at", 85],
        ["warning", "opportunities", "created_at", 500],
        ["warning", "opportunities", "customer_id", 1425],
    ]
