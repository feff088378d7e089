"""The blocks of the page of marketing: what they say follows from their numbers, and what is missing is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmkit
from crmkit import pages
from crmkit.numbers import NBSP
from crmkit.pages import credit, marketing, spending
from crmkit.plots.credit import credit as draw_credit
from crmkit.plots.marketing import money_back, response_curves

NOW = "2026-Q3"


def text(made) -> str:
    return made.text.replace(NBSP, " ")


@pytest.fixture(scope="module")
def back(sample):
    return marketing.returns(sample, NOW)


@pytest.fixture(scope="module")
def curves(sample):
    return spending.curves(sample, NOW)


@pytest.fixture(scope="module")
def costs_alone():
    campaigns = {
        "campaign_id": ["1", "2"], "channel": ["<b>Fair</b>", "Mail"], "cost": [100.0, 0.0],
        "started_at": ["2026-07-01"] * 2, "ended_at": ["2026-08-01", None],
    }  # fmt: skip
    return crmkit.open({"campaigns": campaigns}, as_of="2026-09-30")


def test_the_sentences_say_what_the_table_says(back):
    said = text(marketing.return_sentences(back, currency="EUR"))
    whole = back[back.channel == "(all)"].iloc[0]
    assert f"came back as €{whole.roas:.2f} of revenue" in said
    assert f"as €{whole.marketing_roi_margin + 1:.2f} of margin" in said
    rows = back[back.channel != "(all)"]
    for name in rows.channel[rows.marketing_roi_margin_low > 0]:
        assert name in said.splitlines()[1]


def test_every_channel_is_judged_once(back):
    said = text(marketing.return_sentences(back)).splitlines()[1:]
    for name in back.channel[back.channel != "(all)"]:
        assert sum(name in line for line in said) == 1


def test_the_cost_per_lead_has_its_interval(back):
    costs = marketing.lead_costs(back)
    assert set(costs.channel) == set(back.channel) - {"(all)"}
    assert (costs.low < costs.value).all()
    assert (costs.value < costs.high).all()


def test_plans_are_compared_over_the_whole_life_of_a_campaign():
    campaigns = {
        "campaign_id": ["1"], "name": ["Long"], "cost": [300.0], "budget": [200.0], "expected_revenue": [1000.0],
        "started_at": ["2026-05-01"], "ended_at": ["2026-08-01"],
    }  # fmt: skip
    orders = {
        "order_id": ["a", "b"], "customer_id": ["k", "l"], "ordered_at": ["2026-05-09", "2026-09-09"],
        "amount": [400.0, 100.0], "campaign_id": ["1", "1"],
    }  # fmt: skip
    crm = crmkit.open({"campaigns": campaigns, "orders": orders}, as_of="2026-09-30")
    row = marketing.plans(crm, NOW).iloc[0]
    assert row[["cost", "budget", "revenue so far", "expected"]].tolist() == pytest.approx([300, 200, 500, 1000])
    assert row["budget used"] == pytest.approx(1.5)
    said = text(marketing.plan_sentences(marketing.plans(crm, NOW)))
    assert "1 of 1 campaigns cost more than their budget" in said
    assert "50.0% of the revenue expected" in said


def test_buyers_add_up_to_what_was_sold(sample):
    found = marketing.buyers(sample, NOW, "customer.segment").set_index("customer segment")
    sold = sample.measure(["campaign_revenue", "unattributed_revenue"], period=NOW, intervals=False).value
    assert found.loc["(all)", ["names a campaign", "names none"]].tolist() == pytest.approx(sold.tolist())


def test_reactions_have_a_rate_only_where_messages_were_sent(sample):
    found = marketing.reactions(sample, NOW).set_index("channel")
    assert found.loc["E-mail", "response rate"] == found.loc["E-mail", "responded"] / found.loc["E-mail", "sent"]
    assert found["response rate"].drop("E-mail").isna().all()


def test_attribution_is_shown_with_what_no_campaign_touched(sample):
    found = credit.attributed(sample, NOW)
    shown = text(credit.attribution_table(found, caption="Rules"))
    assert "(none)" in shown
    assert "Position (40/20/40)" in shown
    said = text(credit.attribution_sentences(found))
    assert f"Of {found.attrs['sales']:,} sales, {found.attrs['touched']} followed a touch within 90 days" in said
    assert "(none)" not in set(credit.named_models(found).channel)


def test_rules_that_differ_are_named_with_the_channel():
    shared = pd.DataFrame({
        "model": ["last_touch", "last_touch", "first_touch", "first_touch"], "channel": ["A", "B"] * 2,
        "value": [90.0, 10.0, 20.0, 80.0], "n": [1] * 4,
    })  # fmt: skip
    shared.attrs |= {"by": "channel", "sales": 2, "touched": 2, "several": 1, "window_days": 90, "currency": "EUR"}
    assert "differ most about A: from €20 to €90" in text(credit.attribution_sentences(shared))
    assert "differ most about A" in draw_credit(credit.named_models(shared)).figure.texts[0].get_text()


def test_curves_are_judged_by_their_interval(curves):
    words = dict(zip(curves.table.channel, map(spending._word, curves.table.to_dict("records")), strict=True))
    for row in curves.table.to_dict("records"):
        if row["reason"]:
            assert words[row["channel"]] == "cannot tell"
        elif row["marginal_return_low"] > 1:
            assert words[row["channel"]] == "pays back"
        elif row["marginal_return_high"] >= 1:
            assert words[row["channel"]] == "cannot tell"
    said = text(spending.curve_sentences(curves))
    assert "In Trade press it cannot be told: spending never varied" in said


def test_all_reconciliations_hold(sample):
    agree = pages.reconciled(sample, NOW, wholes=[("campaign_revenue", "channel"), ("campaign_leads", "channel")])
    rows = spending.agreement(sample, NOW, agree, credit.attributed(sample, NOW))
    assert len(rows) == 2 + 1 + 5
    np.testing.assert_allclose(rows.left, rows.right)


def test_figures_describe_themselves_and_do_not_change_their_frames(back, curves):
    before = back.copy()
    ax = money_back(back)
    assert "Partners" in ax.crm_alt
    pd.testing.assert_frame_equal(back, before)
    ax = response_curves(curves.table, points=curves.points, curves=curves.curves)
    assert "Trade press: cannot tell, spending never varied" in ax.crm_alt
    assert len([panel for panel in ax.figure.axes if panel.axison]) == 6
    assert "cannot tell" in ax.figure.texts[0].get_text()


def test_what_is_missing_is_one_quiet_line(costs_alone):
    back = marketing.returns(costs_alone, NOW)
    assert text(marketing.return_sentences(back)) == ""
    assert marketing.money_back(back).attrs["missing"] == "needs the table orders or opportunities"
    assert marketing.lead_costs(back).attrs["missing"] == "needs the table leads"
    assert "campaign_responses" in marketing.reactions(costs_alone, NOW).attrs["missing"]
    assert "orders" in marketing.buyers(costs_alone, NOW, "").attrs["missing"]
    assert "orders" in credit.attributed(costs_alone, NOW).attrs["missing"]
    assert "leads" in spending.curves(costs_alone, NOW).table.attrs["missing"]
    assert "crm-absent" in spending.curve_table(spending.curves(costs_alone, NOW), caption="x").html


def test_names_from_the_data_stay_text(costs_alone):
    made = marketing.returns_table(marketing.returns(costs_alone, NOW), caption="x").html
    assert "&lt;b&gt;Fair" in made
    assert "<b>Fair" not in made
