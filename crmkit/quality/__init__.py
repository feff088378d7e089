"""Checking the data: what was found, where, in how many rows, what it does to which metrics, and what to do.

One module a dimension (`completeness`, `validity`, `uniqueness`, `consistency`, `timeliness`, `relationships`,
`plausibility`), each a function that yields rules; `own` has those of crm.toml. `measure` asks a table for all of them
in one query; `columns`, `surveys` and `silence` look at what no single row shows; `scores` says how good tables are.
"""

from crmkit.quality.check import COLUMNS, Inspection, check, inspect
from crmkit.quality.effects import touched
from crmkit.quality.rule import Rule
from crmkit.quality.rules import rules_of
from crmkit.quality_settings import DIMENSIONS, RULES, SEVERITIES

__all__ = [
    "COLUMNS",
    "DIMENSIONS",
    "RULES",
    "SEVERITIES",
    "Inspection",
    "Rule",
    "check",
    "inspect",
    "rules_of",
    "touched",
]
