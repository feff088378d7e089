"""What the CRM brought on the sample: agreement with the metrics, seeds, what draws mean, what is refused."""

import pytest

import crmkit
from crmkit import paths
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.crm_return import cost_by_category, crm_benefits, measured_flows, measured_return

ALL = "2024-07-01/2026-10-01"


@pytest.fixture(scope="module")
def sample():
    return crmkit.open(paths.sample_data())


@pytest.fixture(scope="module")
def benefits(sample):
    return crm_benefits(sample, draws=2_000).set_index("benefit")


def test_each_benefit_is_its_metric(sample, benefits):
    found = sample.measure(list(benefits["metric"]), period=ALL, intervals=False).set_index("metric").value
    for row in benefits.itertuples():
        assert row.value == pytest.approx(found[row.metric])
        assert row.low < row.value < row.high


def test_the_same_seed_gives_the_same_intervals(sample, benefits):
    again = crm_benefits(sample, draws=2_000).set_index("benefit")
    assert again["low"].equals(benefits["low"])


def test_flows_agree_with_the_metrics(sample):
    flows = measured_flows(sample)
    found = sample.measure(["crm_benefit", "npv", "crm_roi_to_date", "payback_months"], period=ALL, intervals=False)
    value = found.set_index("metric").value
    cost = cost_by_category(sample)["value"].sum()
    assert flows["benefit"].sum() == pytest.approx(value["crm_benefit"])
    assert flows["cost"].sum() == pytest.approx(cost)
    assert flows["cumulative_discounted"].iloc[-1] == pytest.approx(value["npv"])
    assert flows["net"].sum() / cost == pytest.approx(value["crm_roi_to_date"])
    paid = flows[(flows["cumulative"] >= 0) & (flows["step"] >= 0)]["step"].iloc[0] + 1
    assert paid == value["payback_months"]


def test_flows_up_to_a_period_stop_there(sample):
    flows = measured_flows(sample, until="2025-Q4")
    assert flows["month"].iloc[-1].strftime("%Y-%m") == "2025-12"
    assert flows["step"].iloc[0] == -4


def test_draws_lie_around_what_was_measured(sample, benefits):
    drawn = measured_return(sample, draws=2_000)
    whole = benefits.value["sum"]
    assert drawn["crm_benefit"].quantile(0.25) < whole < drawn["crm_benefit"].quantile(0.75)
    assert drawn["crm_roi"].corr(drawn["npv"]) > 0.99


def test_what_is_not_there_is_refused_with_its_reason():
    plain = crmkit.open({"leads": {"lead_id": ["a"], "created_at": ["2026-01-01"]}})
    for method in (crm_benefits, measured_flows, measured_return, cost_by_category):
        with pytest.raises(NotInThisData, match="needs the table"):
            method(plain)
    costs = {"month": ["2026-01-01"], "category": ["crm_licence"], "amount": [5.0]}
    alone = crmkit.open({"costs": costs}, config={"crm_introduced": "2025-07-01"})
    with pytest.raises(NotInThisData, match=r"customers or subscriptions .* to know any benefit"):
        crm_benefits(alone)
    with pytest.raises(UsageError, match="draws is 0"):
        crm_benefits(crmkit.open(paths.sample_data()), draws=0)
