"""Methods that are not one number over time: cohorts, survival, funnels, bridges, levers, variants of a definition.

Each is a plain function that takes a `Crm` (or the few columns it works on) and returns a small tidy DataFrame.
"""

from crmkit.methods.association import association
from crmkit.methods.attribution import attribution
from crmkit.methods.baskets import baskets
from crmkit.methods.before_after import before_after
from crmkit.methods.bridges import bridge_gap, customer_bridge, mrr_bridge
from crmkit.methods.campaign_returns import campaign_returns
from crmkit.methods.clv_backtest import clv_backtest
from crmkit.methods.cohorts import cohorts, pivot
from crmkit.methods.contract_summary import contract_summary, renewal_decisions
from crmkit.methods.contrasts import contrast, lost_against_kept
from crmkit.methods.control import control_chart, control_limits
from crmkit.methods.crm_calculator import scenario, scenario_flows
from crmkit.methods.crm_return import cost_by_category, crm_benefits, measured_flows, measured_return
from crmkit.methods.crm_risk import best_and_worst, outlook, percentiles, simulate, tornado
from crmkit.methods.cross_sell import cross_sell, cross_sell_test
from crmkit.methods.customer_value import customer_value
from crmkit.methods.definitions import definitions, disagreement
from crmkit.methods.experiment_plan import plan, power_of, sample_size, smallest_effect
from crmkit.methods.experiment_trials import trials
from crmkit.methods.experiments import effects_by, experiment_effects, looks, sample_ratios, tail_effects, worth
from crmkit.methods.funnel import funnel, stage_order
from crmkit.methods.hazards import cox, stretches
from crmkit.methods.investment import cash_flow, irr, npv, payback_months, roi, roi_gross
from crmkit.methods.itemsets import itemsets, set_rules
from crmkit.methods.landing_pages import landing_pages
from crmkit.methods.lead_funnel import lead_funnel
from crmkit.methods.levers import levers, what_if
from crmkit.methods.lifetimes import customer_lifetimes, customer_survival, sales_cycle_censored
from crmkit.methods.lost_reasons import lost_reasons
from crmkit.methods.pairs import paired_change, routine_time
from crmkit.methods.pareto import pareto, pareto_readings
from crmkit.methods.purchase_summary import purchase_summary, repeat_purchases
from crmkit.methods.reasons import rank_columns
from crmkit.methods.receivables import receivables_by_age
from crmkit.methods.response_curves import ResponseCurves, response_curves
from crmkit.methods.rfm_groups import RFM_RULES, Rule, customer_segments, rfm_groups, rfm_rules
from crmkit.methods.rules import pairs as basket_pairs
from crmkit.methods.rules import rules as basket_rules
from crmkit.methods.rules import within as lift_within
from crmkit.methods.satisfaction import satisfaction_by_delay
from crmkit.methods.saturation import Saturation, saturation
from crmkit.methods.segment_features import segment_features
from crmkit.methods.segment_map import segment_map
from crmkit.methods.segment_movement import segment_movement
from crmkit.methods.segment_outcomes import foresight, segment_outcomes, with_segments
from crmkit.methods.segment_profiles import segment_names, segment_profiles, segment_words
from crmkit.methods.sequential import boundaries, peeking
from crmkit.methods.side_by_side import panel
from crmkit.methods.site_funnel import site_funnel
from crmkit.methods.survival import kaplan_meier, logrank, median_survival, restricted_mean
from crmkit.methods.tickets import backlog_age, resolution_survival, service_hours_censored, ticket_load
from crmkit.methods.usage import completeness_by_column, user_states, users_by_week
from crmkit.methods.variants import FAMILIES_OF_VARIANTS, variants

__all__ = [
    "FAMILIES_OF_VARIANTS",
    "RFM_RULES",
    "ResponseCurves",
    "Rule",
    "Saturation",
    "association",
    "attribution",
    "backlog_age",
    "basket_pairs",
    "basket_rules",
    "baskets",
    "before_after",
    "best_and_worst",
    "boundaries",
    "bridge_gap",
    "campaign_returns",
    "cash_flow",
    "clv_backtest",
    "cohorts",
    "completeness_by_column",
    "contract_summary",
    "contrast",
    "control_chart",
    "control_limits",
    "cost_by_category",
    "cox",
    "crm_benefits",
    "cross_sell",
    "cross_sell_test",
    "customer_bridge",
    "customer_lifetimes",
    "customer_segments",
    "customer_survival",
    "customer_value",
    "definitions",
    "disagreement",
    "effects_by",
    "experiment_effects",
    "foresight",
    "funnel",
    "irr",
    "itemsets",
    "kaplan_meier",
    "landing_pages",
    "lead_funnel",
    "levers",
    "lift_within",
    "logrank",
    "looks",
    "lost_against_kept",
    "lost_reasons",
    "measured_flows",
    "measured_return",
    "median_survival",
    "mrr_bridge",
    "npv",
    "outlook",
    "paired_change",
    "panel",
    "pareto",
    "pareto_readings",
    "payback_months",
    "peeking",
    "percentiles",
    "pivot",
    "plan",
    "power_of",
    "purchase_summary",
    "rank_columns",
    "receivables_by_age",
    "renewal_decisions",
    "repeat_purchases",
    "resolution_survival",
    "response_curves",
    "restricted_mean",
    "rfm_groups",
    "rfm_rules",
    "roi",
    "roi_gross",
    "routine_time",
    "sales_cycle_censored",
    "sample_ratios",
    "sample_size",
    "satisfaction_by_delay",
    "saturation",
    "scenario",
    "scenario_flows",
    "segment_features",
    "segment_map",
    "segment_movement",
    "segment_names",
    "segment_outcomes",
    "segment_profiles",
    "segment_words",
    "service_hours_censored",
    "set_rules",
    "simulate",
    "site_funnel",
    "smallest_effect",
    "stage_order",
    "stretches",
    "tail_effects",
    "ticket_load",
    "tornado",
    "trials",
    "user_states",
    "users_by_week",
    "variants",
    "what_if",
    "with_segments",
    "worth",
]
