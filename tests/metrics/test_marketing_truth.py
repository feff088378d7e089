"""The response curves that the sample company was made from are found again within their intervals."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from crmkit.methods.attribution import attribution
from crmkit.methods.response_curves import response_curves


@pytest.fixture(scope="module")
def planted(root):
    truths = json.loads((root / "data" / "sample" / "truth.json").read_text(encoding="utf-8"))["truths"]
    return {truth["by"]["channel"]: truth["value"] for truth in truths if truth["what"] == "response curve"}


@pytest.fixture(scope="module")
def curves(sample):
    return response_curves(sample)


@pytest.fixture(scope="module")
def found(curves):
    return curves.table.set_index("channel")


def test_every_channel_has_its_curve_or_a_reason(found, planted):
    assert set(found.index) == set(planted)
    assert (found.months == 36).all()
    told = {name for name, row in found.iterrows() if row.verdict == "can tell"}
    assert told == {name for name, truth in planted.items() if truth["spend_varies"]}


def test_the_planted_curves_lie_within_the_intervals(found, planted):
    for name, truth in planted.items():
        row = found.loc[name]
        if not truth["spend_varies"]:
            assert "never varied" in row.reason
            assert row[["marginal_leads", "marginal_return", "leads_max"]].isna().all()
            continue
        assert row.leads_max_low <= truth["leads_max"] <= row.leads_max_high, name
        assert row.half_spend_low <= truth["half_spend"] <= row.half_spend_high, name


def test_the_marginal_leads_at_todays_spending_are_recovered(found, planted):
    for name, truth in planted.items():
        if truth["spend_varies"]:
            row = found.loc[name]
            most, half = truth["leads_max"], truth["half_spend"]
            marginal = 1000 * most * half / (row.spend_now + half) ** 2
            assert row.marginal_leads_low <= marginal <= row.marginal_leads_high, name
            expected = most * row.spend_now / (row.spend_now + half)
            assert row.leads_now == pytest.approx(expected, rel=0.15), name


def test_what_the_curves_are_fitted_to_is_what_the_files_say(curves, root):
    points = curves.points
    campaigns, leads = (pd.read_csv(root / "data" / "sample" / f"{name}.csv") for name in ("campaigns", "leads"))
    leads = leads.campaign_id.map(campaigns.set_index("campaign_id").channel)
    assert points.spend.sum() == pytest.approx(campaigns.cost.sum())
    assert points.groupby("channel").leads.sum().to_dict() == leads.value_counts().to_dict()


def test_each_rule_shares_out_all_that_was_sold(sample):
    shared = attribution(sample, period="2026")
    sold = sample.measure(["campaign_revenue", "unattributed_revenue"], period="2026", intervals=False).value.sum()
    assert shared.groupby("model").value.sum().tolist() == pytest.approx([sold] * 5)
    named = shared[shared.model == "named"].set_index("channel").value
    measured = sample.measure("campaign_revenue", period="2026", by="channel", intervals=False)
    measured = measured[measured.channel != "(none)"].set_index("channel").value
    assert named.drop("(none)").to_dict() == pytest.approx(measured.to_dict())
