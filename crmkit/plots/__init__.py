"""Figures: a tidy frame in, a Matplotlib `Axes` out, in one house style.

Each figure states its finding in the title, carries its unit, `n` and the day of the data, and leaves on the axes what
those need who don't see it: `ax.crm_alt`, a sentence made from the numbers, and `ax.crm_twin`, the table of them.
`notebook.show` shows all three.
"""

from crmkit.plots.actions import action_reach, action_sensitivity
from crmkit.plots.association import coefficients
from crmkit.plots.baskets import lift_matrix, lift_within, pair_map
from crmkit.plots.changes import bridge, levers
from crmkit.plots.churn import calibration, dependence, gain, profit
from crmkit.plots.cohorts import survival, triangle
from crmkit.plots.comparisons import estimates, interruption
from crmkit.plots.control import control_chart
from crmkit.plots.credit import credit
from crmkit.plots.customer_value import backtest, concentration
from crmkit.plots.definitions import side_by_side
from crmkit.plots.duplicates import match_scores
from crmkit.plots.experiments import days_needed, peeking, stopping
from crmkit.plots.findings import finding
from crmkit.plots.flows import distribution, funnel
from crmkit.plots.fonts import FontWarning
from crmkit.plots.groups import bars, effects
from crmkit.plots.investment import cash_flow, outcomes, tornado
from crmkit.plots.lifetime_value import expected_actual, tracking
from crmkit.plots.marketing import money_back, response_curves
from crmkit.plots.movement import segment_flows
from crmkit.plots.over_time import trend
from crmkit.plots.parts import composition
from crmkit.plots.quality import quality_map
from crmkit.plots.reasons import contrasts, lost_reasons, ranking
from crmkit.plots.segment_maps import segment_map
from crmkit.plots.segments import segment_criteria, segment_profile
from crmkit.plots.style import PALETTE, house, png, svg
from crmkit.plots.usage import use_map
from crmkit.plots.week import week
from crmkit.plots.words import About

__all__ = [
    "PALETTE",
    "About",
    "FontWarning",
    "action_reach",
    "action_sensitivity",
    "backtest",
    "bars",
    "bridge",
    "calibration",
    "cash_flow",
    "coefficients",
    "composition",
    "concentration",
    "contrasts",
    "control_chart",
    "credit",
    "days_needed",
    "dependence",
    "distribution",
    "effects",
    "estimates",
    "expected_actual",
    "finding",
    "funnel",
    "gain",
    "house",
    "interruption",
    "levers",
    "lift_matrix",
    "lift_within",
    "lost_reasons",
    "match_scores",
    "money_back",
    "outcomes",
    "pair_map",
    "peeking",
    "png",
    "profit",
    "quality_map",
    "ranking",
    "response_curves",
    "segment_criteria",
    "segment_flows",
    "segment_map",
    "segment_profile",
    "side_by_side",
    "stopping",
    "survival",
    "svg",
    "tornado",
    "tracking",
    "trend",
    "triangle",
    "use_map",
    "week",
]
