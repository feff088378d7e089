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
    "CustomerSegments": "segments",
    "ExponentialGamma": "contract",
    "GammaGamma": "spending",
    "MbgNbd": "buying",
    "Nbd": "nbd",
    "ParetoNbd": "pareto_nbd",
    "SegmentScaler": "segment_scaling",
    "ShiftedBetaGeometric": "contract",
    "choose_buying": "choose",
    "choose_spending": "choose",
    "frequency_correlation": "spending",
    "holdout": "validation",
    "lifetime_value": "projection",
    "project": "projection",
    "tracking": "validation",
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
