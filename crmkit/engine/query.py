"""One query a relation: all atoms of all metrics that are asked of it, per period and group."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

from crmkit.casting import TIME
from crmkit.engine.buckets import Buckets
from crmkit.kinds import Atom
from crmkit.relations import at

WITHOUT_QUANTILES = ("bigquery", "trino")
"""Engines without exact quantiles in groups; medians are approximate there."""
START = "start"
"""The column of a query's result that says in which period a row belongs."""


@dataclass(frozen=True)
class Plan:
    """The query of one relation.

    Attributes
    ----------
    relation : str
    atoms : dict of key to (column name, Atom)
        What is asked for.
    groups : list of str
        The columns of the groups.
    expression : Ibis table
        Columns `start`, the groups, and one for each atom. Atoms of other times are null in a row. Atoms of a moment
        are sums of what falls in each period; all that lies before the first stands at `Buckets.before`.
    """

    relation: str
    atoms: dict[tuple, tuple[str, Atom]]
    groups: list[str]
    expression: ir.Table


def plan(
    relation: str,
    table: ir.Table,
    groups: Sequence[str],
    atoms: Iterable[Atom],
    buckets: Buckets,
    *,
    approximate: bool = False,
) -> Plan:
    """Return the query that asks `table` for `atoms`, with approximate quantiles where the engine has no exact ones."""
    named: dict[tuple, tuple[str, Atom]] = {}
    axes: dict[tuple, list[tuple[str, Atom]]] = {}
    for atom in atoms:
        if atom.key in named:
            continue
        column = f"m{len(named)}"
        named[atom.key] = (column, atom)
    running = {atom.at.op() for _, atom in named.values() if atom.moment != "during"}
    for column, atom in named.values():
        time = atom.at.op()
        # What is added up from the beginning passes the rows of the periods, too: one scan serves both.
        upto = atom.moment != "during" or (time in running and atom.how in ("count", "sum"))
        axes.setdefault((time, upto), []).append((column, atom))
    parts = [
        _axis(table, groups, members, buckets, named.values(), upto, approximate) for (_, upto), members in axes.items()
    ]
    expression = ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]
    return Plan(relation, named, list(groups), expression)


def _axis(table, groups, members, buckets: Buckets, everything, running: bool, approximate: bool) -> ir.Table:
    """Return the sums of the atoms that are placed by the same time."""
    time = members[0][1].at
    if running:
        rows = table.filter(time < at(buckets.end))
        start = ibis.ifelse(time < at(buckets.start), at(buckets.before), buckets.start_of(time))
    else:
        rows = table.filter((time >= at(buckets.start)) & (time < at(buckets.end)))
        start = buckets.start_of(time)
    rows, wheres = _shared(rows, [atom.where for _, atom in members])
    atoms = {column: replace(atom, where=where) for (column, atom), where in zip(members, wheres, strict=True)}
    if len(buckets.periods) == 1 and not running:
        keys = {name: table[name] for name in groups}
        found = _summed(rows, keys, atoms, approximate).mutate(**{START: at(buckets.start)})
    else:
        keys = {START: start.cast(TIME), **{name: table[name] for name in groups}}
        found = _summed(rows, keys, atoms, approximate)
    asked = {column for column, _ in members}
    padded = {column: found[column] if column in asked else _absent(atom) for column, atom in everything}
    return found.select(START, *groups, **padded)


def _summed(rows: ir.Table, keys: dict[str, ir.Value], atoms: dict[str, Atom], approximate: bool) -> ir.Table:
    """Return the aggregates of `atoms` for each combination of `keys`.

    Where the same thing, such as a customer, is counted under several conditions, the rows are first summed up for each
    of them and then counted: an engine holds the different values of every distinct count by themselves, and of these
    sums it needs only one set.
    """
    counted = {atom.value.op() for atom in atoms.values() if atom.how == "distinct"}
    several = sum(atom.how == "distinct" for atom in atoms.values()) > 1
    if not several or len(counted) > 1 or any(atom.how == "quantile" for atom in atoms.values()):
        sums = {column: aggregate(atom, rows, approximate=approximate) for column, atom in atoms.items()}
        return rows.group_by(**keys).agg(**sums) if keys else rows.agg(**sums)
    thing = counted.pop().to_expr()
    inner = {
        column: aggregate(replace(atom, how="count", value=None) if atom.how == "distinct" else atom, rows)
        for column, atom in atoms.items()
    }
    each = rows.group_by(**keys, counted_=thing).agg(**inner)
    outer = {
        column: each.count(where=(each[column] > 0) & each["counted_"].notnull())
        if atom.how == "distinct"
        else _total(each[column], atom)
        for column, atom in atoms.items()
    }
    return each.group_by(list(keys)).agg(**outer) if keys else each.agg(**outer)


def _total(parts: ir.NumericColumn, atom: Atom) -> ir.NumericScalar:
    """Return the sum of sums of parts: a count of nothing is 0, a sum of nothing is unknown."""
    return parts.sum().fill_null(0).cast("int64") if atom.how == "count" else parts.sum()


def _shared(rows: ir.Table, wheres: list[ir.BooleanValue | None]) -> tuple[ir.Table, list[ir.BooleanValue | None]]:
    """Compute what several conditions have in common once a row, as a column of `rows`; return the shorter conditions.

    An engine finds equal parts of expressions, but not in conjunctions that go on differently.
    """
    parts = [() if where is None else tuple(dict.fromkeys(_conjuncts(where.op()))) for where in wheres]
    users: dict[ops.Value, frozenset[int]] = {}
    for place, found in enumerate(parts):
        for part in found:
            users[part] = users.get(part, frozenset()) | {place}
    groups: dict[frozenset[int], list[ops.Value]] = {}
    for part, places in users.items():
        groups.setdefault(places, []).append(part)
    common = {
        places: found for places, found in groups.items() if len(places) > 1 and (len(found) > 1 or len(places) > 2)
    }
    if not common:
        return rows, wheres
    named = {f"shared_{number}": _all(found) for number, found in enumerate(common.values())}
    rows = rows.mutate(**named)
    taken = {part for found in common.values() for part in found}
    shorter = []
    for place, (where, found) in enumerate(zip(wheres, parts, strict=True)):
        mine = [rows[name].op() for name, places in zip(named, common, strict=True) if place in places]
        shorter.append(_all([*mine, *(part for part in found if part not in taken)]) if mine else where)
    return rows, shorter


def _conjuncts(node: ops.Value) -> Iterator[ops.Value]:
    """Yield the conditions that `and` joins."""
    if isinstance(node, ops.And):
        yield from _conjuncts(node.left)
        yield from _conjuncts(node.right)
    else:
        yield node


def _all(conditions: Sequence[ops.Value]) -> ir.BooleanValue:
    return functools.reduce(operator.and_, (condition.to_expr() for condition in conditions))


def aggregate(atom: Atom, rows: ir.Table, *, approximate: bool = False) -> ir.Scalar:
    """Return the Ibis aggregate of an atom over `rows`."""
    if atom.how == "count":
        return rows.count(where=None if atom.where is None else rows.bind(atom.where)[0])
    if atom.how == "distinct":
        return atom.value.nunique(where=atom.where)
    if atom.how == "sum":
        return atom.value.sum(where=atom.where).cast("float64")
    if approximate:
        return atom.value.approx_quantile(atom.share, where=atom.where).cast("float64")
    if atom.share == 0.5:
        return atom.value.median(where=atom.where).cast("float64")
    return atom.value.quantile(atom.share, where=atom.where).cast("float64")


def _absent(atom: Atom) -> ir.Scalar:
    return ibis.null("int64" if atom.how in ("count", "distinct") else "float64")
