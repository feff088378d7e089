"""Which metrics a finding touches: read off the metrics' own expressions, derived relations included."""

from __future__ import annotations

from functools import cache

from crmkit.engine.availability import needs
from crmkit.metric import all_metrics
from crmkit.relations import all_derived


def touched(table: str, column: str) -> list[str]:
    """Return the metrics that are computed from a column, or from any column of a table where `column` is "".

    Examples
    --------
    >>> "win_rate" in touched("opportunities", "outcome")
    True
    >>> "churn_rate" in touched("subscriptions", "ended_at")
    True
    """
    return [
        name
        for name, pairs in _uses().items()
        if any(source == table and (not column or used == column) for source, used in pairs)
    ]


@cache
def _uses() -> dict[str, frozenset[tuple[str, str]]]:
    """Return by metric the columns of tables that it is computed from, through the relations made from them."""
    found = {}
    for name in all_metrics():
        pairs: set[tuple[str, str]] = set()
        for table, column in needs(name):
            pairs |= behind(table) if table in all_derived() else {(table, column)}
        found[name] = frozenset(pairs)
    return found


@cache
def behind(relation: str) -> frozenset[tuple[str, str]]:
    """Return the columns of tables that a derived relation is made from.

    Examples
    --------
    >>> ("subscriptions", "ended_at") in behind("spells")
    True
    """
    from crmkit.engine.availability import _everything, _Lineage

    made = _everything().get(relation)
    lineage = _Lineage(True)
    found = frozenset().union(*(lineage.of(made[column].op()) for column in made.columns))
    return frozenset(pair for pair in found if pair[0] not in all_derived())
