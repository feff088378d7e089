"""The catalogue is whole: each promised number can be measured on the sample company, by month and by segment."""

from __future__ import annotations

import numpy as np
import pytest

from crmkit.engine import dimensions
from crmkit.errors import UsageError
from crmkit.metric import all_metrics, relations_of

PROMISED = """
nps promoters passives detractors ces ces_easy csat csat_mean survey_answers
customers_at_start new_customers lost_customers reactivated_customers customers_at_end churn_rate churn_rate_acquired
churn_rate_average retention_rate renewal_rate renewal_rate_value mrr new_mrr expansion_mrr contraction_mrr churned_mrr
reactivation_mrr grr nrr repeat_customers repeat_rate retention_cost
leads opportunities_created opportunities_open pipeline_value weighted_pipeline lead_conversion_rate
lead_follow_up_hours win_rate win_rate_value close_rate average_deal_size new_revenue revenue sales_cycle_days
lead_to_win_days first_contact_to_win_days touches_to_win calls_made activities_made sales_velocity stage_conversion
stage_days attainment
average_order_value orders_per_customer revenue_per_customer gross_margin receipts clv_simple clv_margin cac ltv_to_cac
cac_payback_months
campaigns_run campaign_responses responses_per_campaign revenue_per_campaign marketing_spend cost_per_lead
marketing_roi marketing_roi_margin roas visitors sessions time_on_site pages_per_session visitor_to_lead_rate
visitors_per_lead visitor_purchase_rate
tickets_opened tickets_resolved tickets_per_agent tickets_resolved_per_day backlog first_response_hours
resolution_hours sla_met reopened_rate resolved_at_first_contact
active_users adoption_rate logins_per_user records_updated_per_user days_active_per_user field_completeness
stale_records interactions_per_agent hours_saved
crm_cost crm_benefit crm_roi crm_roi_gross npv payback_months
""".split()  # noqa: SIM905, a list of a hundred quoted names is harder to read
NO_CUSTOMER_IN_IT = {
    "costs": "what the company spends",
    "acquisition_costs": "what the company spends",
    "campaign_runs": "what campaigns cost",
    "usage": "what the company's own people do",
    "user_periods": "what the company's own people do",
    "agent_periods": "what the company's own people do",
    "licences": "what the company's own people do",
    "crm_months": "when what was spent came back",
}
"""Relations whose rows are of no customer, and so of no segment of customers."""


def test_every_promised_name_is_a_metric():
    assert [name for name in PROMISED if name not in all_metrics()] == []


def test_every_metric_shows_an_example_in_its_docstring():
    bare = [name for name, metric in all_metrics().items() if ">>>" not in metric.declare.__doc__]
    assert not bare, f"show in the docstring what they give for a few rows, worked out by hand: {bare}"


def test_every_metric_has_a_value_in_some_month(sample):
    found = sample.measure(list(all_metrics()), every="month", period="2025-10-01/2026-10-01", intervals=False)
    known = found.groupby("metric")["value"].apply(lambda values: np.isfinite(values).any())
    assert known[~known].index.tolist() == []


def of_no_customer(name: str) -> list[str]:
    """Return the relations of a metric whose rows are of no customer."""
    return [one for one in relations_of(all_metrics()[name]) if one in NO_CUSTOMER_IN_IT]


def test_every_metric_of_customers_is_measured_by_segment(sample):
    names = [name for name in all_metrics() if name != "attainment" and not of_no_customer(name)]
    found = sample.measure(names, by="segment", period="2026-Q3", intervals=False)
    groups = found[np.isfinite(found["value"])].groupby("metric")["segment"].nunique()
    assert [name for name in names if not groups.get(name, 0)] == []


def test_attainment_is_measured_by_segment(sample):
    found = sample.measure("attainment", of="nps", by="segment", period="2026-Q3", intervals=False)
    assert np.isfinite(found["value"]).sum() == 5


@pytest.mark.parametrize("name", [name for name in all_metrics() if of_no_customer(name)])
def test_what_has_no_customer_in_it_says_that_it_has_no_segment(name, sample):
    assert all("segment" not in " ".join(dimensions.choices(sample, one)) for one in of_no_customer(name))
    with pytest.raises(UsageError, match="no column 'segment'"):
        sample.measure(name, by="segment", period="2026-Q3", intervals=False)
