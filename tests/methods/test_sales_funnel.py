"""The funnels of opportunities and of leads: by hand, in the order of the stages, and never widening."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.funnel import funnel, stage_order
from crmkit.methods.lead_funnel import lead_funnel

DEALS = pd.DataFrame(
    [
        ("a", "won", "2026-03-01", "2026-03-20"),
        ("b", "won", "2026-03-01", "2026-03-20"),  # skips Offer
        ("c", "lost", "2026-03-01", "2026-03-20"),  # goes back from Offer to Call, and is lost there
        ("d", "open", "2026-03-01", None),
        ("e", "lost", "2026-03-01", "2026-03-05"),  # no stage on record
        ("f", "open", "2026-04-01", None),  # created after the period
    ],
    columns=["opportunity_id", "outcome", "created_at", "closed_at"],
)
STAGES = pd.DataFrame(
    [
        ("a", "Call", "2026-03-01"),  # 4 days
        ("a", "Offer", "2026-03-05"),  # 10 days
        ("a", "Terms", "2026-03-15"),  # 5 days
        ("a", "Won", "2026-03-20"),
        ("b", "Call", "2026-03-02"),  # 8 days
        ("b", "Terms", "2026-03-10"),  # 10 days
        ("c", "Call", "2026-03-01"),  # 2 days, and 10 more later
        ("c", "Offer", "2026-03-03"),  # 7 days
        ("c", "Call", "2026-03-10"),
        ("d", "Call", "2026-03-04"),  # stands there
    ],
    columns=["opportunity_id", "stage", "entered_at"],
)
TOLD = {"stages": {"Call": "open", "Offer": "open", "Terms": "open", "Won": "won", "Lost": "lost"}}


def opened(deals=DEALS, stages=STAGES, config=None, as_of="2026-04-30", **more):
    return crmkit.open({"opportunities": deals, "opportunity_stages": stages, **more}, config=config, as_of=as_of)


def test_funnel_by_hand():
    found = funnel(opened(config=TOLD), period="2026-03").set_index("stage")
    assert found.index.to_list() == ["Call", "Offer", "Terms", "Won"]
    assert found["entered"].to_list() == [5, 3, 2, 2]
    assert found["went_on"].to_list() == [3, 2, 2, 0]
    assert found["lost"].to_list() == [1, 1, 0, 0]
    assert found["open"].to_list() == [1, 0, 0, 0]
    np.testing.assert_allclose(found["conversion"], [3 / 4, 2 / 3, 1.0, np.nan])
    np.testing.assert_allclose(found["from_start"], [1, 3 / 4, 1 / 2, 1 / 2])
    np.testing.assert_allclose(found["reached"], [1, 3 / 5, 2 / 5, 2 / 5])
    np.testing.assert_allclose(found["median_days"], [8, 8.5, 7.5, np.nan])  # Call: 4, 8 and 2 + 10
    np.testing.assert_allclose(found["mean_days"], [8, 8.5, 7.5, np.nan])


def test_order_is_found_in_the_data():
    assert stage_order(opened()) == ["Call", "Offer", "Terms"]
    found = funnel(opened(), period="2026-03")
    pd.testing.assert_frame_equal(found, funnel(opened(config=TOLD), period="2026-03"))


def test_a_stage_that_only_the_data_knows_is_put_in_its_place():
    told = {"stages": {"Call": "open", "Terms": "open", "Won": "won"}}
    assert stage_order(opened(config=told)) == ["Call", "Offer", "Terms"]
    told = {"stages": {"Terms": "open", "Won": "won"}}
    assert stage_order(opened(config=told)) == ["Call", "Offer", "Terms"]


def test_without_a_history_of_stages():
    deals = DEALS.assign(stage=["Won", "Won", "Offer", "Terms", "Call", "Call"])
    crm = crmkit.open({"opportunities": deals}, config=TOLD, as_of="2026-04-30")
    found = funnel(crm, period="2026-03")
    assert found["entered"].to_list() == [5, 4, 3, 2]
    assert found["median_days"].isna().all()
    with pytest.raises(UsageError, match="stages"):
        funnel(crmkit.open({"opportunities": deals}, as_of="2026-04-30"), period="2026-03")
    silent = DEALS.assign(stage=["Won", "Won", "Lost", "Terms", "Lost", "Call"])
    with pytest.raises(NotInThisData, match="2 lost opportunities of 2026-03 do not say"):
        funnel(crmkit.open({"opportunities": silent}, config=TOLD, as_of="2026-04-30"), period="2026-03")


def adds_up(found: pd.DataFrame) -> bool:
    parts = found["went_on"] + found["lost"] + found["open"]
    return bool((parts == found["entered"])[found["stage"] != "Won"].all())


def test_sample_never_widens_and_adds_up(root):
    crm = crmkit.open(root / "data/sample")
    whole = funnel(crm, period="2025")
    assert whole["entered"].is_monotonic_decreasing
    assert adds_up(whole)
    created = crm.measure(["opportunities_created"], period="2025")["value"].item()
    assert whole["entered"].iloc[0] == created
    parts = funnel(crm, period="2025", by="owner.team")
    assert adds_up(parts)
    assert parts.groupby("stage")["entered"].sum().to_dict() == whole.set_index("stage")["entered"].to_dict()
    leads = lead_funnel(crm, period="2025")
    assert leads["entered"].is_monotonic_decreasing
    assert adds_up(leads)
    assert leads["entered"].iloc[0] == crm.measure("leads", period="2025")["value"].item()


def test_sample_won_against_pandas(root):
    crm = crmkit.open(root / "data/sample")
    deals = crm.opportunities.to_pandas()
    mine = deals[(deals["created_at"] >= "2026-01-01") & (deals["created_at"] < "2026-04-01")]
    found = funnel(crm, period="2026-Q1").set_index("stage")
    assert found.loc["Won", "entered"] == (mine["outcome"] == "won").sum()
    assert found["lost"].sum() == (mine["outcome"] == "lost").sum()
    assert found["open"].sum() == (mine["outcome"] == "open").sum()
    visits = crm.stage_visits.to_pandas()
    visits = visits[visits["opportunity_id"].isin(mine["opportunity_id"]) & (visits["stage"] == "Proposal")]
    days = (visits["left_at"] - visits["entered_at"]).dropna() / pd.Timedelta(days=1)
    assert found.loc["Proposal", "median_days"] == pytest.approx(days.median(), abs=1e-4)


def test_order_ids_and_later_rows_change_nothing():
    expected = funnel(opened(), period="2026-03")
    mixed = opened(DEALS.sample(frac=1, random_state=1), STAGES.sample(frac=1, random_state=1))
    renamed = opened(*(table.assign(opportunity_id="z" + table["opportunity_id"]) for table in (DEALS, STAGES)))
    later = pd.concat([STAGES, pd.DataFrame([("d", "Terms", "2026-05-02")], columns=STAGES.columns)])
    for crm in (mixed, renamed, opened(stages=later)):
        pd.testing.assert_frame_equal(funnel(crm, period="2026-03"), expected)


def test_nothing_in_the_period_and_no_table():
    found = funnel(opened(config=TOLD), period="2026-01")
    assert found["entered"].to_list() == [0, 0, 0, 0]
    assert found[["conversion", "from_start", "reached"]].isna().all(axis=None)
    assert funnel(opened(config=TOLD), period="2026-01", by="outcome").empty
    with pytest.raises(NotInThisData, match="opportunities"):
        funnel(crmkit.open({"leads": LEADS}), period="2026-01")


LEADS = pd.DataFrame(
    [
        ("1", "2026-01-01", "2026-01-02", "2026-01-05", "2026-01-10", "c1", "a"),  # won
        ("2", "2026-01-01", "2026-01-04", "2026-01-09", "2026-01-20", None, None),  # its opportunity b is lost
        ("3", "2026-01-01", None, "2026-01-05", None, None, None),  # qualified without a contact on record
        ("4", "2026-01-01", None, None, None, None, None),
        ("5", "2026-01-25", "2026-01-26", None, None, None, None),  # still open at the end of March
        ("6", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01-06", "c2", None),  # became a customer directly
        ("7", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01-06", "c3", "d"),  # its opportunity is open
    ],
    columns=["lead_id", "created_at", "first_contacted_at", "qualified_at", "converted_at", "customer_id",
             "opportunity_id"],
)  # fmt: skip
LEAD_DEALS = pd.DataFrame(
    [
        ("a", None, "won", "2026-01-10", "2026-02-10"),
        ("b", "2", "lost", "2026-01-20", "2026-02-20"),
        ("d", "7", "open", "2026-01-06", None),
    ],
    columns=["opportunity_id", "lead_id", "outcome", "created_at", "closed_at"],
)


def leads_opened(as_of: str = "2026-04-10"):
    return crmkit.open({"leads": LEADS, "opportunities": LEAD_DEALS}, as_of=as_of)


def test_leads_by_hand():
    found = lead_funnel(leads_opened(), period="2026-01")
    assert found["stage"].to_list() == ["Leads", "Contacted", "Qualified", "Converted", "Won"]
    assert found["entered"].to_list() == [7, 6, 5, 4, 2]
    assert found["lost"].to_list() == [1, 0, 1, 1, 0]
    assert found["open"].to_list() == [0, 1, 0, 1, 0]
    # The young lead 5 is in no conversion: 5 of 6, 5 of 5, 4 of 5; of the converted, 2 won and 1 lost.
    np.testing.assert_allclose(found["conversion"], [5 / 6, 1, 4 / 5, 2 / 3, np.nan])
    np.testing.assert_allclose(found["median_days"], [1, 2, 3.5, 15.5, np.nan])  # won: after 31 and 0 days


def test_young_leads_are_open_and_in_no_conversion():
    found = lead_funnel(leads_opened("2026-02-28"), period="2026-01")
    assert found["open"].to_list() == [1, 1, 1, 1, 0]  # 4, 5, 3 and 7; the opportunity of 2 is lost
    assert found["lost"].to_list() == [0, 0, 0, 1, 0]
    assert found["conversion"].isna().all()
    shorter = lead_funnel(leads_opened("2026-02-28"), period="2026-01", window_days=40)
    assert shorter["conversion"].iloc[0] == 5 / 6


def test_visitors_come_first_when_asked_for(root):
    sessions = pd.DataFrame(
        [("1", "v1", "2026-01-03", "1"), ("2", "v1", "2026-01-04", None), ("3", "v2", "2026-01-05", None),
         ("4", "v3", "2026-02-05", None)],
        columns=["session_id", "visitor_id", "started_at", "lead_id"],
    )  # fmt: skip
    crm = crmkit.open({"leads": LEADS, "web_sessions": sessions}, as_of="2026-04-10")
    first = lead_funnel(crm, period="2026-01", visitors=True).iloc[0]
    assert (first["stage"], first["entered"], first["went_on"], first["conversion"]) == ("Visitors", 2, 1, 0.5)
    with pytest.raises(UsageError, match="without by"):
        lead_funnel(crm, period="2026-01", visitors=True, by="source")
    with pytest.raises(NotInThisData, match="web_sessions"):
        lead_funnel(leads_opened(), period="2026-01", visitors=True)


def test_wrong_window():
    with pytest.raises(UsageError, match="window_days"):
        lead_funnel(leads_opened(), period="2026-01", window_days=0)
