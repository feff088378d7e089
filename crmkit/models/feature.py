"""What a feature of customers is: a declaration of a line, computed by the engine from what was known at a cut-off.

    @feature(title="Orders in a year", unit="count", empty=0)
    def orders_year(orders):
        '''Orders in the 365 days before the cut-off, returns not counted.'''
        return orders.count(where=(orders.amount >= 0) & (ago(orders, "ordered_at") <= YEAR))

The argument is named after a table. Its rows are those born before the cut-off, joined to the cut-offs: a row stands
once for each later cut-off, and what happened to it from the cut-off on (a subscription's end, a deal's outcome) is
null. So what is declared here sees no later row, and all cut-offs together are one query. What it cannot see is
whether a column without a time was filled in later: `crmkit.models.leakage` looks for that.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import ibis
import ibis.expr.types as ir

from crmkit import schema
from crmkit.casting import TIME
from crmkit.errors import UsageError

DAY = 86_400.0
NOT_FEATURES = ("customer_id", "cutoff", "churned", "days_followed")
"""Columns of a panel that say whose row it is and what came of it."""
_FEATURES: dict[str, Feature] = {}
#: Tables that know their customer only through another one, and by which key.
_OWNERS = {"terms": ("subscriptions", "subscription_id")}


@dataclass(frozen=True)
class Feature:
    """A feature as it is declared.

    Attributes
    ----------
    name, title : str
    relation : str
        The table (or `spells`) that it is an aggregate of.
    unit : str
        As of metrics; "category" for names.
    empty : object
        Its value for customers of whom the table has no row; None where that is unknown.
    meaning : str
        What is counted.
    make : callable
    """

    name: str
    title: str
    relation: str
    unit: str
    empty: Any
    meaning: str
    make: Callable[..., ir.Value]

    @property
    def options(self) -> tuple[str, ...]:
        """What it takes beside its table: `window_days`, the length of the label's window."""
        return tuple(inspect.signature(self.make).parameters)[1:]


def feature(
    *, title: str, unit: str, empty: Any = None
) -> Callable[[Callable[..., ir.Value]], Callable[..., ir.Value]]:
    """Declare a feature; its name is the function's, its table the first argument's, its meaning the docstring."""

    def declare(make: Callable[..., ir.Value]) -> Callable[..., ir.Value]:
        relation = next(iter(inspect.signature(make).parameters))
        meaning = " ".join((inspect.getdoc(make) or "").split())
        _FEATURES[make.__name__] = Feature(make.__name__, title, relation, unit, empty, meaning, make)
        return make

    return declare


@cache
def all_features() -> Mapping[str, Feature]:
    """Return all declared features by name.

    Examples
    --------
    >>> all_features()["orders_year"].unit
    'count'
    """
    import crmkit.models.features  # noqa: F401 - declares them

    return _FEATURES


def ago(rows: ir.Table, time: str) -> ir.FloatingColumn:
    """Return how many days before the row's cut-off a time was; negative for what is due after it."""
    return (rows.cutoff.epoch_seconds() - rows[time].epoch_seconds()) / DAY


def available(crm, names: Sequence[str] | None = None) -> tuple[list[Feature], dict[str, str]]:
    """Return the features that this data can have, and those that it cannot with the table that they need.

    Raises
    ------
    UsageError
        Where one of `names` is no feature.
    """
    declared = all_features()
    for name in names or ():
        if name not in declared:
            raise UsageError(f"There is no feature {name!r}; there are {', '.join(declared)}.")
    wanted = [declared[name] for name in names] if names is not None else list(declared.values())
    lacking = {f.name: f"needs the table {f.relation}" for f in wanted if f.relation not in crm.relations}
    return [f for f in wanted if f.name not in lacking], lacking


def at_cutoffs(cutoffs: Sequence[datetime]) -> ir.Table:
    """Return the cut-offs as a table of one column, `cutoff`."""
    import pandas as pd

    table = ibis.memtable(pd.DataFrame({"cutoff": pd.Series(list(cutoffs), dtype="datetime64[us]")}))
    return table.select(cutoff=table.cutoff.cast(TIME))


def known_rows(crm, name: str, cutoffs: ir.Table) -> ir.Table:
    """Return the rows of a table that were known at each cut-off, with `cutoff` and `customer_id`.

    What began from the cut-off on is not there; what happened to a row from then on has not happened: a state's time
    is null, a deal and a term that were not over are open.
    """
    rows = crm.relations.get(name)
    if name in _OWNERS:
        owner, key = _OWNERS[name]
        if owner not in crm.relations:
            return known_rows(crm, owner, cutoffs)  # raises what says that the table is missing
        owners = crm.relations.get(owner).select(owned_id=key, customer_id="customer_id")
        rows = rows.left_join(owners, rows[key] == owners.owned_id).drop("owned_id")
    born, states = _clocks(name)
    joined = rows.cross_join(cutoffs)
    if born:
        joined = joined.filter(joined[born].isnull() | (joined[born] < joined.cutoff))
    changed = {c: ibis.ifelse(joined[c] < joined.cutoff, joined[c], ibis.null(TIME)) for c in states}
    if name == "opportunities":
        running = (joined.outcome == "open") | (joined.closed_at >= joined.cutoff).fill_null(False)
        changed["outcome"] = ibis.ifelse(running, "open", joined.outcome)
    if name == "terms":
        running = (joined.term_end >= joined.cutoff).fill_null(False)
        changed["outcome"] = ibis.ifelse(running, "open", joined.outcome)
    joined = joined.filter(joined.customer_id.notnull())
    return joined.mutate(**changed) if changed else joined


def _clocks(name: str) -> tuple[str | None, list[str]]:
    """Return the time that gives birth to a table's rows, and the times of what happens to them."""
    if name == "spells":
        return "acquired_at", ["lost_at"]
    declared = schema.TABLES[name]
    return declared.born, [column.name for column in declared.columns if column.clock == "state"]


def with_features(crm, base: ir.Table, cutoffs: ir.Table, features: Sequence[Feature], *, window_days: int) -> ir.Table:
    """Return `base` (customer_id, cutoff and more) with a column for each feature: one join a table."""
    found = base
    for relation in dict.fromkeys(f.relation for f in features):
        own = [f for f in features if f.relation == relation]
        rows = known_rows(crm, relation, cutoffs)
        made = {f.name: f.make(rows, **dict.fromkeys(f.options, window_days)) for f in own}
        part = rows.group_by(part_id=rows.customer_id, part_cutoff=rows.cutoff).agg(**made)
        found = found.left_join(part, (found.customer_id == part.part_id) & (found.cutoff == part.part_cutoff)).drop(
            "part_id", "part_cutoff"
        )
        filled = {f.name: found[f.name].fill_null(f.empty) for f in own if f.empty is not None}
        found = found.mutate(**filled) if filled else found
    return found
