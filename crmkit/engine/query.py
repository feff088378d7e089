"""One query a relation: all atoms of all metrics that are asked of it, per period and group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

from crmkit.casting import TIME
from crmkit.engine.buckets import Buckets
from crmkit.engine.conditions import shared, simplified
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
    rows = rows.select(*_columns(table, groups, [atom for _, atom in members]))
    rows, wheres = shared(rows, [simplified(atom.where, known=time) for _, atom in members])
    atoms = {column: replace(atom, where=where) for (column, atom), where in zip(members, wheres, strict=True)}
    keys = {START: start.cast(TIME), **{name: table[name] for name in groups}}
    if alone := len(buckets.periods) == 1 and not running:
        del keys[START]
    summed, sums = _sums(rows, keys, atoms, approximate)
    padded = {column: sums[column] if column in sums else _absent(atom) for column, atom in everything}
    found = summed.group_by(list(keys) if summed is not rows else keys).agg(**padded) if keys else summed.agg(**padded)
    return found.mutate(**{START: at(buckets.start)}).select(START, *groups, *padded) if alone else found


def _columns(table: ir.Table, groups: Sequence[str], atoms: Iterable[Atom]) -> list[str]:
    """Return the columns of `table` that the groups and atoms need: a query that names no others can be read."""
    values = {value.op() for atom in atoms for value in (atom.value, atom.where, atom.at) if value is not None}
    needed = {
        field.name for value in values for field in value.find(ops.Field, filter=ops.Value) if field.rel == table.op()
    }
    return [name for name in table.columns if name in needed or name in groups]


def _sums(
    rows: ir.Table, keys: dict[str, ir.Value], atoms: dict[str, Atom], approximate: bool
) -> tuple[ir.Table, dict[str, ir.Scalar]]:
    """Return what has to be grouped by `keys`, and the aggregates of `atoms` over it.

    Where the same thing, such as a customer, is counted under several conditions, the rows are first summed up for each
    of them and then counted: an engine holds the different values of every distinct count by themselves, and of these
    sums it needs only one set.
    """
    counted = {atom.value.op() for atom in atoms.values() if atom.how == "distinct"}
    several = sum(atom.how == "distinct" for atom in atoms.values()) > 1
    if not several or len(counted) > 1 or any(atom.how == "quantile" for atom in atoms.values()):
        return rows, {column: aggregate(atom, rows, approximate=approximate) for column, atom in atoms.items()}
    thing = counted.pop().to_expr()
    inner = {
        column: aggregate(replace(atom, how="count", value=None) if atom.how == "distinct" else atom, rows)
        for column, atom in atoms.items()
    }
    each = rows.group_by(**keys, counted_=thing).agg(**inner)
    return each, {
        column: each.count(where=(each[column] > 0) & each["counted_"].notnull())
        if atom.how == "distinct"
        else _total(each[column], atom)
        for column, atom in atoms.items()
    }


def _total(parts: ir.NumericColumn, atom: Atom) -> ir.NumericScalar:
    """Return the sum of sums of parts: a count of nothing is 0, a sum of nothing is unknown."""
    return parts.sum().fill_null(0).cast("int64") if atom.how == "count" else parts.sum()


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
