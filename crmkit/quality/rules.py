"""All rules of a table: those of each dimension, and the company's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from crmkit.crm import Crm
from crmkit.quality import completeness, consistency, own, plausibility, relationships, timeliness, uniqueness, validity
from crmkit.quality.rule import Look, Rule
from crmkit.quality_settings import RULES

_MODULES = (completeness, validity, uniqueness, consistency, timeliness, relationships, plausibility, own)


def rules_of(crm: Crm, table: str) -> Iterator[Rule]:
    """Yield what must not be true of the rows of a table, as far as its columns are there and nothing is switched off.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": ["1"], "customer_id": ["A"], "ordered_at": ["2026-03-01"],
    ...                               "amount": [20.0]}})
    >>> sorted({rule.name for rule in rules_of(crm, "orders") if rule.dimension == "completeness"})
    ['required_empty']
    """
    yield from rules_for(Look(crm, table))


def rules_for(look: Look) -> Iterator[Rule]:
    """Yield the rules of the table that is looked at; see `rules_of`."""
    settings = look.crm.config.quality
    for module in _MODULES:
        for rule in module.rules(look):
            if rule.name == "own_rule":
                yield rule
            elif rule.name not in RULES:
                raise TypeError(f"The rule {rule.name!r} of {module.__name__} is not in quality_settings.RULES.")
            elif not settings.is_off(rule.name, rule.table, rule.column):
                severity = settings.severity_of(rule.name, rule.table, rule.column, rule.severity)
                yield replace(rule, severity=severity, dimension=RULES[rule.name][0])
