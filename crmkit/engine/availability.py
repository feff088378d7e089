"""Which tables and columns a metric needs, read off its own expressions, and which of them a CRM lacks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import ibis.expr.operations as ops
from ibis.common.graph import Node

from crmkit import schema
from crmkit.casting import unbound
from crmkit.config import Config
from crmkit.engine.buckets import Buckets
from crmkit.kinds import Atom
from crmkit.metric import Metric, bind, find
from crmkit.periods import parse
from crmkit.relations import Relations, all_derived

DEFAULTED = frozenset(
    {
        ("customers", "acquired_at"),
        ("customers", "lost_at"),
        ("surveys", "scale_min"),
        ("surveys", "scale_max"),
    }
)
"""Columns that are made up for where they are missing."""


TOLD_BY = {("spells", "lost_at"): (("subscriptions", ""), ("orders", ""), ("customers", "lost_at"))}
"""Columns of such relations that only some of their tables can tell: won opportunities say who came, not who left."""


@cache
def _everything() -> Relations:
    return Relations({name: unbound(table) for name, table in schema.TABLES.items()}, config=Config(), as_of=None)


@cache
def needs(name: str) -> frozenset[tuple[str, str]]:
    """Return the (table, column) pairs that the metric called `name` is computed from.

    Derived relations that can be made from any of several tables stand for themselves, as (relation, "").

    Examples
    --------
    >>> sorted(needs("win_rate"))
    [('opportunities', 'closed_at'), ('opportunities', 'outcome')]
    """
    metric = find(name)
    found: set[tuple[str, str]] = set()
    for part in metric.parts:
        found |= needs(part)
    if metric.relations:
        found |= _own_needs(metric)
    return frozenset(found)


@cache
def settings(name: str) -> frozenset[str]:
    """Return the settings of crm.toml that the metric called `name` needs, those of its formula included."""
    metric = find(name)
    return frozenset(metric.settings).union(*(settings(part) for part in metric.parts))


@cache
def adds(name: str) -> frozenset[tuple[str, str]]:
    """Return the (table, column) pairs whose amounts or conditions the metric called `name` adds up.

    What only decides which rows a derived relation has is not among them, nor whether an amount is known, nor its sign:
    none of these needs a common currency.

    Examples
    --------
    >>> ("orders", "amount") in adds("revenue"), ("orders", "amount") in adds("repeat_rate")
    (True, False)
    """
    metric = find(name)
    found: set[tuple[str, str]] = set()
    for part in metric.parts:
        found |= adds(part)
    if metric.relations:
        found |= _columns(metric, filters=False)
    return frozenset(found)


def _own_needs(metric: Metric) -> set[tuple[str, str]]:
    found = _columns(metric, filters=True)
    base = metric.relations[0]
    if base in schema.TABLES and not any(table == base for table, _ in found):
        found.add((base, schema.TABLES[base].required[0]))
    return {pair for pair in found if pair not in DEFAULTED and not {pair[0], ".".join(pair)} & set(metric.optional)}


def _columns(metric: Metric, *, filters: bool) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for atom in _atoms(metric.name):
        for part in (atom.value, atom.where, atom.at):
            if part is not None:
                found |= _Lineage(filters).of(part.op())
    return found


@cache
def _atoms(name: str) -> tuple[Atom, ...]:
    """Return what a metric asks of a CRM that has everything."""
    context = {"period": _span(), "as_of": parse("2026").end, "config": Config()}
    return tuple(bind(replace(find(name), over=None), _opaque().get, context=context).atoms())


@cache
def _span() -> Buckets:
    return Buckets(tuple(parse("2026").split("month")), "month")


@cache
def _opaque() -> _Opaque:
    return _Opaque(_span())


class _Opaque:
    """Relations of a CRM that has everything, in which those made from any of several tables are not looked into."""

    def __init__(self, span: Buckets):
        self._span = span
        self._made: dict = {}

    def get(self, name: str):
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str):
        import ibis

        derived = all_derived().get(name)
        if derived is None or not derived.any_of:
            if derived is not None:
                arguments = {
                    argument: self.get(argument)
                    if argument in schema.TABLES or argument in all_derived()
                    else {"period": self._span, "config": Config(), "as_of": None}[argument]
                    for argument in derived.arguments
                }
                return derived.make(**arguments)
            return _everything().get(name)
        return ibis.table(_everything().get(name).schema(), name=name)


class _Lineage:
    """The columns of source tables from which a value is computed; those of filters too, where `filters` says so."""

    def __init__(self, filters: bool):
        self._filters = filters
        self._seen: set = set()

    def of(self, node: Node) -> set[tuple[str, str]]:
        if node in self._seen:
            return set()
        self._seen.add(node)
        if not self._filters and _needs_no_currency(node):
            return set()
        if isinstance(node, ops.Field):
            return self._of_field(node.rel, node.name)
        children = (child for child in node.__children__ if not isinstance(child, ops.Relation))
        return set().union(*(self.of(child) for child in children))

    def _of_field(self, relation: ops.Relation, name: str) -> set[tuple[str, str]]:
        if (relation, name) in self._seen:
            return set()
        self._seen.add((relation, name))
        if isinstance(relation, ops.PhysicalTable):
            if relation.name not in all_derived():
                return {(relation.name, name)}
            return (
                {(relation.name, ""), (relation.name, name)}
                if (relation.name, name) in TOLD_BY
                else {(relation.name, "")}
            )
        if isinstance(relation, ops.Set):
            return self._of_field(relation.left, name) | self._of_field(relation.right, name)
        if isinstance(relation, ops.JoinReference):
            return self._of_field(relation.parent, name)
        found: set[tuple[str, str]] = set()
        values = getattr(relation, "values", {})
        if name in values:
            found |= self.of(values[name])
        elif hasattr(relation, "parent"):
            found |= self._of_field(relation.parent, name)
        if isinstance(relation, ops.Filter) and self._filters:
            found = found.union(*(self.of(predicate) for predicate in relation.predicates))
        if isinstance(relation, ops.JoinChain):
            sides = {field.rel for field in values[name].find(ops.Field)}
            for link in relation.rest:
                if link.how == "inner" or link.table in sides:
                    found = found.union(*(self.of(predicate) for predicate in link.predicates))
        if isinstance(relation, ops.Aggregate):
            found = found.union(*(self.of(group) for group in relation.groups.values()))
        return found


def _needs_no_currency(node: Node) -> bool:
    """Tell whether a value only says whether another one is there, or on which side of 0 it lies."""
    if isinstance(node, ops.IsNull | ops.NotNull):
        return True
    return isinstance(node, ops.Comparison) and any(
        isinstance(side, ops.Literal) and side.value == 0 for side in (node.left, node.right)
    )


def _told(crm, sources) -> bool:
    """Tell whether the data has any of the tables or columns that would say something."""
    return any(table in crm.tables and (not column or column in crm.present[table]) for table, column in sources)


def _any(sources) -> str:
    """Write which tables or columns would do: subscriptions or orders, or the column customers.lost_at."""
    whole = " or ".join(table for table, column in sources if not column)
    return whole + "".join(f", or the column {table}.{column}" for table, column in sources if column)


def _lacking(crm, relation: str) -> list[str]:
    """Return the tables that a derived relation cannot be made without and that a CRM has not."""
    made = all_derived()[relation]
    absent = [name for name in made.required if name not in crm.relations]
    found = [table for name in absent for table in (_lacking(crm, name) if name in all_derived() else [name])]
    return found or [" or ".join(made.any_of)]


def lacks(crm, name: str) -> str:
    """Return what a CRM lacks to measure the metric called `name`, in words; "" where it lacks nothing."""
    tables, columns = [], []
    for table, column in sorted(needs(name)):
        if (table, column) in TOLD_BY:
            if table in crm.relations and not _told(crm, TOLD_BY[table, column]):
                tables.append(_any(TOLD_BY[table, column]))
        elif table in all_derived():
            if table not in crm.relations:
                tables += _lacking(crm, table)
        elif table not in crm.tables:
            tables.append(table)
        elif column not in crm.present[table]:
            columns.append(f"{table}.{column}")
    if tables:
        return f"needs the table {' and the table '.join(dict.fromkeys(tables))}"
    if columns:
        return f"needs the column {' and '.join(columns)}"
    unset = sorted(settings(name) - crm.config.given)
    return f"needs the setting {' and '.join(unset)} in crm.toml" if unset else ""
