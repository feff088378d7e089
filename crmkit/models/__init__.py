"""Models of customers: what is estimated on what was known at a moment, and applied to what comes after.

scikit-learn estimators where one fits: `fit`, `predict`, `score`, parameters in the constructor, what was found in
attributes with a trailing underscore. Names are loaded when they are first asked for, so that importing this package
costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

_WHERE = {
    "BgNbd": "buying",
    "ChurnModel": "churn",
    "CustomerSegments": "segments",
    "ExponentialGamma": "contract",
    "GammaGamma": "spending",
    "GroupRate": "churn",
    "MbgNbd": "buying",
    "Nbd": "nbd",
    "ParetoNbd": "pareto_nbd",
    "RecencyRule": "churn",
    "SegmentScaler": "segment_scaling",
    "ShiftedBetaGeometric": "contract",
    "TimeGapSplit": "time_splits",
    "choose_buying": "choose",
    "choose_spending": "choose",
    "churn_risk": "churn_study",
    "churn_table": "flat_table",
    "drift": "monitoring",
    "frequency_correlation": "spending",
    "holdout": "validation",
    "leakage_probe": "leakage",
    "lifetime_value": "projection",
    "profit_curve": "decision",
    "project": "projection",
    "promise_kept": "monitoring",
    "tracking": "validation",
    "uplift": "monitoring",
}

__all__ = tuple(_WHERE)


def __getattr__(name: str) -> Any:
    """Load a model when it is asked for."""
    if name not in _WHERE:
        raise AttributeError(f"crmkit.models has no {name!r}; it has {', '.join(_WHERE)}.")
    return getattr(importlib.import_module(f"crmkit.models.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    """List the models, so that JupyterLab completes them."""
    return sorted(__all__)
