"""Attribution worked by hand, returns with their intervals, and curves on small companies."""

from __future__ import annotations

import sys

import ibis
import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods import common
from crmkit.methods.attribution import MODELS, attribution
from crmkit.methods.campaign_returns import campaign_returns
from crmkit.methods.response_curves import response_curves

CAMPAIGNS = {
    "campaign_id": list("FSMP"), "channel": ["Fair", "Search", "Mail", "Press"], "cost": [100.0, 100.0, 0.0, 100.0],
    "started_at": ["2026-01-01"] * 4, "ended_at": ["2026-07-01"] * 4,
}  # fmt: skip


def sold(*rows):
    names = ("order_id", "customer_id", "ordered_at", "amount", "campaign_id")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def touched(*rows):
    names = ("campaign_id", "at", "customer_id")
    table = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    return table | {"kind": ["responded"] * len(rows)}


def shares(crm, model, **options):
    found = attribution(crm, period="2026-06", models=[model], **options)
    return dict(zip(found.channel, found.value, strict=True))


@pytest.fixture(scope="module")
def journey():
    """Customer k was touched four times, l twice, m once but too long ago, n never; o only after the order."""
    return crmkit.open(
        {
            "campaigns": CAMPAIGNS,
            "orders": sold(
                ("1", "k", "2026-06-20", 100.0, "F"),
                ("2", "l", "2026-06-20", 10.0, None),
                ("3", "m", "2026-06-20", 7.0, None),
                ("4", "n", "2026-06-20", 5.0, "P"),
                ("5", "o", "2026-06-20", 3.0, None),
            ),
            "campaign_responses": touched(
                ("F", "2026-06-01", "k"), ("S", "2026-06-02", "k"), ("M", "2026-06-03", "k"),
                ("S", "2026-06-04", "k"), ("S", "2026-06-05", "l"), ("M", "2026-06-06", "l"),
                ("F", "2026-02-01", "m"), ("F", "2026-06-21", "o"),
            ),
        },
        as_of="2026-06-30",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("last_touch", {"Search": 100, "Mail": 10, "(none)": 15}),
        ("first_touch", {"Fair": 100, "Search": 10, "(none)": 15}),
        ("position", {"Search": 10 + 40 + 5, "Fair": 40, "Mail": 10 + 5, "(none)": 15}),
        ("linear", {"Search": 50 + 5, "Mail": 25 + 5, "Fair": 25, "(none)": 15}),
        ("named", {"Fair": 100, "Press": 5, "(none)": 20}),
    ],
)
def test_rules_worked_by_hand(journey, model, expected):
    assert shares(journey, model) == pytest.approx(expected)
    assert list(shares(journey, model))[-1] == "(none)"


def test_every_rule_shares_out_the_same_total(journey):
    found = attribution(journey, period="2026-06")
    assert found.groupby("model").value.sum().tolist() == pytest.approx([125] * len(MODELS))
    assert found.groupby("model").share.sum().tolist() == pytest.approx([1] * len(MODELS))
    assert {name: found.attrs[name] for name in ("total", "sales", "touched", "several")} == {
        "total": 125, "sales": 5, "touched": 2, "several": 2,
    }  # fmt: skip


def test_the_window_decides_which_touches_count(journey):
    assert shares(journey, "last_touch", window_days=365)["Fair"] == 7
    assert shares(journey, "first_touch", window_days=17)["Mail"] == 100  # of k only the 3rd and the 4th are left


def test_visits_count_for_the_customer_that_the_visitor_became():
    visits = {
        "session_id": list("12345"), "visitor_id": ["v", "v", "w", "w", "x"],
        "started_at": ["2026-06-01", "2026-06-10", "2026-06-02", "2026-06-20", "2026-06-03"],
        "campaign_id": ["S", None, "P", "F", "F"], "lead_id": [None, "l1", None, None, None],
        "order_id": [None, None, None, "2", None],
    }  # fmt: skip
    leads = {"lead_id": ["l1"], "created_at": ["2026-06-11"], "campaign_id": ["M"], "customer_id": ["k"]}
    orders = sold(("1", "k", "2026-06-20", 100.0, None), ("2", "l", "2026-06-20", 10.0, None))
    crm = crmkit.open(
        {"campaigns": CAMPAIGNS, "orders": orders, "leads": leads, "web_sessions": visits}, as_of="2026-06-30"
    )
    assert shares(crm, "first_touch") == {"Search": 100, "Press": 10}
    assert shares(crm, "last_touch") == {"Mail": 100, "Fair": 10}


def test_a_shared_computer_belongs_to_nobody():
    visits = {
        "session_id": list("123"), "visitor_id": ["v"] * 3, "started_at": ["2026-06-01", "2026-06-20", "2026-06-20"],
        "campaign_id": ["S", None, None], "order_id": [None, "1", "2"],
    }  # fmt: skip
    orders = sold(("1", "k", "2026-06-20", 100.0, None), ("2", "l", "2026-06-20", 10.0, None))
    crm = crmkit.open({"campaigns": CAMPAIGNS, "orders": orders, "web_sessions": visits}, as_of="2026-06-30")
    assert shares(crm, "first_touch") == {"(none)": 110}


def test_an_order_and_a_deal_with_the_same_key_are_two_sales():
    deals = {
        "opportunity_id": ["1"], "customer_id": ["l"], "created_at": ["2026-05-01"], "closed_at": ["2026-06-20"],
        "outcome": ["won"], "amount": [40.0], "campaign_id": ["S"],
    }  # fmt: skip
    orders = sold(("1", "k", "2026-06-20", 100.0, None))
    crm = crmkit.open({"campaigns": CAMPAIGNS, "orders": orders, "opportunities": deals}, as_of="2026-06-30")
    found = attribution(crm, period="2026-06")
    assert found.attrs["sales"] == 2
    assert shares(crm, "named") == {"Search": 40, "(none)": 100}
    assert shares(crm, "last_touch") == {"(none)": 140}


def test_attribution_refuses_what_it_does_not_know(journey):
    with pytest.raises(UsageError, match="models"):
        attribution(journey, models=["u_shaped"])
    with pytest.raises(UsageError, match="window_days"):
        attribution(journey, window_days=0)
    with pytest.raises(UsageError, match="campaigns"):
        attribution(journey, by="customer_id")
    with pytest.raises(NotInThisData, match="campaigns"):
        attribution(crmkit.open({"orders": sold(("1", "k", "2026-06-20", 1.0, None))}, as_of="2026-06-30"))


def test_a_return_that_hangs_on_few_buyers_is_uncertain():
    buyers = [f"k{i}" for i in range(40)]
    orders = sold(
        *((f"o{i}", buyer, "2026-06-20", 50.0, "F") for i, buyer in enumerate(buyers)),
        *((f"p{i}", f"l{i}", "2026-06-20", 500.0, "S") for i in range(4)),
        ("q", "m", "2026-06-20", 300.0, "M"),
    )
    crm = crmkit.open({"campaigns": CAMPAIGNS, "orders": orders}, as_of="2026-06-30")
    found = campaign_returns(crm, period="2026-01-01/2026-07-01").set_index("channel")
    assert found.loc["Fair", "roas"] == found.loc["Search", "roas"] == 20
    width = (found.roas_high - found.roas_low)[["Fair", "Search"]]
    assert width["Search"] > 2 * width["Fair"]
    # of n buyers of the same amount a Poisson number comes: 20 ± 1.96 × 20 ÷ √40
    assert found.loc["Fair", ["roas_low", "roas_high"]].tolist() == pytest.approx([13.8, 26.2], abs=1.0)
    assert np.isnan(found.loc["Mail", "roas"])
    assert found.loc["Mail", "campaign_revenue"] == 300
    assert found.loc["(all)", "campaign_revenue"] == 4300
    assert found.loc["(all)", "buyers"] == 45


def test_returns_do_not_depend_on_ids_or_order():
    rows = [(f"o{i}", f"k{i}", "2026-06-20", float(10 + i), "F") for i in range(9)]
    again = [(f"x{i}", f"z{9 - i}", "2026-06-20", float(10 + i), "F") for i in range(9)][::-1]
    one, other = (
        campaign_returns(crmkit.open({"campaigns": CAMPAIGNS, "orders": sold(*part)}, as_of="2026-06-30"))
        for part in (rows, again)
    )
    pd.testing.assert_frame_equal(one, other)


def test_the_interval_of_the_cost_per_lead_is_exact():
    leads = {"lead_id": range(10), "created_at": ["2026-03-01"] * 10, "campaign_id": ["F"] * 10}
    crm = crmkit.open({"campaigns": CAMPAIGNS, "leads": leads}, as_of="2026-06-30")
    row = campaign_returns(crm, period="2026-01-01/2026-07-01").set_index("channel").loc["Fair"]
    # the published interval of a Poisson count of 10 is 4.795 to 18.391
    assert [row.cost_per_lead, row.cost_per_lead_low, row.cost_per_lead_high] == pytest.approx(
        [10, 100 / 18.391, 100 / 4.795], rel=1e-3
    )


def monthly(costs, counts):
    starts = pd.date_range("2025-01-01", periods=len(costs), freq="MS")
    keys = [str(place) for place in range(len(costs))]
    campaigns = {
        "campaign_id": keys, "channel": ["Web"] * len(costs), "cost": costs, "started_at": starts,
        "ended_at": starts + pd.offsets.MonthBegin(),
    }  # fmt: skip
    named = [key for key, count in zip(keys, counts, strict=True) for _ in range(count)]
    leads = {"lead_id": range(len(named)), "campaign_id": named, "created_at": [starts[int(key)] for key in named]}
    end = starts[-1] + pd.offsets.MonthEnd()
    return crmkit.open({"campaigns": campaigns, "leads": leads}, as_of=str(end.date()))


@pytest.mark.parametrize(
    ("costs", "counts", "words"),
    [
        ([500.0] * 12, [5] * 12, "never varied"),
        ([100.0, 900.0, 300.0], [1, 5, 3], "only 3 months"),
        ([100.0 * (1 + i) for i in range(12)], [2 * (1 + i) for i in range(12)], "straight line"),
        ([100.0 * (1 + i) for i in range(12)], [9] * 12, "no effect"),
        ([100.0 * (1 + i) for i in range(12)], [0] * 11 + [0], "no lead"),
    ],
)
def test_where_it_cannot_tell_it_says_why(costs, counts, words):
    row = response_curves(monthly(costs, counts)).table.iloc[0]
    assert row.verdict == "cannot tell"
    assert words in row.reason


def test_months_that_are_not_over_are_left_out():
    crm = monthly([100.0 * (1 + i) for i in range(12)], [3 + i for i in range(12)])
    crm = crmkit.open({name: table.to_pandas() for name, table in crm.tables.items()}, as_of="2025-12-10")
    assert len(response_curves(crm).points) == 11


def test_what_comes_after_the_period_looked_at_changes_nothing():
    crm = monthly([100.0 * (1 + i) for i in range(12)], [3 + i for i in range(12)])
    points = response_curves(crm, until="2025-Q3").points
    assert points.period.max() == pd.Timestamp("2025-09-01")
    assert len(points) == 9
    with pytest.raises(NotInThisData, match="no campaign ran"):
        response_curves(crm, until="2024-Q3")


def test_curves_need_spending_and_leads():
    with pytest.raises(NotInThisData, match="needs the table"):
        response_curves(crmkit.open({"campaigns": CAMPAIGNS}, as_of="2026-06-30"))


@pytest.mark.parametrize("dialect", ["postgres", "snowflake", "bigquery", "databricks", "trino"])
def test_attribution_is_one_query_that_every_warehouse_understands(journey, dialect, monkeypatch):
    asked = []
    module = sys.modules["crmkit.methods.attribution"]
    monkeypatch.setattr(module, "run", lambda query: asked.append(query) or common.run(query))
    attribution(journey, period="2026-06")
    (query,) = asked
    assert "select" in ibis.to_sql(query, dialect=dialect).lower()
