"""What the report notebooks need beside metrics, methods and figures: openings, sentences, checks, family tables.

A cell of a notebook calls one function. What it returns is a tidy frame, which an analyst can go on with, or a piece of
`Html`, which a manager can read. What this data cannot answer is one quiet line, never an error and never an empty
figure: a frame that carries the reason in `attrs["missing"]` becomes that line wherever it is shown.
"""

from __future__ import annotations

from crmkit.pages.frames import dimension, explain, groups, history, scorecard, tried, values
from crmkit.pages.opening import begin
from crmkit.pages.reconcile import reconciled
from crmkit.pages.sentences import (
    answer,
    change_explained,
    definition_list,
    explained,
    headline,
    headline_cards,
    headlines,
    is_noise,
    reason_finding,
    target,
)
from crmkit.pages.showing import absent, draw, fold, grid, quiet

__all__ = [
    "absent",
    "answer",
    "begin",
    "change_explained",
    "definition_list",
    "dimension",
    "draw",
    "explain",
    "explained",
    "fold",
    "grid",
    "groups",
    "headline",
    "headline_cards",
    "headlines",
    "history",
    "is_noise",
    "quiet",
    "reason_finding",
    "reconciled",
    "scorecard",
    "target",
    "tried",
    "values",
]
