"""One query a relation: all atoms of all metrics that are asked of it, per period and group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

from crmkit.casting import TIME
from crmkit.engine.buckets import Buckets
from crmkit.engine.conditions import simplified
from crmkit.engine.sums import sums
from crmkit.kinds import Atom
from crmkit.relations import at, few_columns

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
    plainly: bool = False,
    many: bool = False,
) -> Plan:
    """Return the query that asks `table` for `atoms`.

    Parameters
    ----------
    relation : str
        The name of `table`.
    table : Ibis table
    groups : sequence of str
        The columns of `table` to group by, beside the periods.
    atoms : iterable of Atom
    buckets : Buckets
        The periods.
    approximate : bool
        Whether quantiles may be approximate, as where the engine has no exact ones.
    plainly : bool
        Whether the query is to be read: then nothing is summed up before only because that is faster.
    many : bool
        Whether there may be about as many groups as rows, so that few rows of a group are alike.
    """
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
    how = {"few": None if many else few_columns(relation), "plainly": plainly, "approximate": approximate}
    parts = [
        _axis(table, groups, members, buckets, named.values(), running=upto, how=how)
        for (_, upto), members in axes.items()
    ]
    expression = ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]
    return Plan(relation, named, list(groups), expression)


def _axis(table, groups, members, buckets: Buckets, everything, *, running: bool, how: dict[str, Any]) -> ir.Table:
    """Return the sums of the atoms that are placed by the same time, asked for as `how` says."""
    time = members[0][1].at
    if running:
        rows = table.filter(time < at(buckets.end))
        start = ibis.ifelse(time < at(buckets.start), at(buckets.before), buckets.start_of(time))
    else:
        rows = table.filter((time >= at(buckets.start)) & (time < at(buckets.end)))
        start = buckets.start_of(time)
    rows = rows.select(*_columns(table, groups, [atom for _, atom in members]))
    atoms = {column: replace(atom, where=simplified(atom.where, known=time)) for column, atom in members}
    keys = {START: start.cast(TIME), **{name: table[name] for name in groups}}
    if alone := len(buckets.periods) == 1 and not running:
        del keys[START]
    made = sums(rows, keys, atoms, **how)
    padded = {column: made.found[column] if column in atoms else _absent(atom) for column, atom in everything}
    found = made.rows.group_by(**made.keys).agg(**padded) if keys else made.rows.agg(**padded)
    return found.mutate(**{START: at(buckets.start)}).select(START, *groups, *padded) if alone else found


def _columns(table: ir.Table, groups: Sequence[str], atoms: Iterable[Atom]) -> list[str]:
    """Return the columns of `table` that the groups and atoms need: a query that names no others can be read."""
    values = {value.op() for atom in atoms for value in (atom.value, atom.where, atom.at) if value is not None}
    needed = {
        field.name for value in values for field in value.find(ops.Field, filter=ops.Value) if field.rel == table.op()
    }
    return [name for name in table.columns if name in needed or name in groups]


def _absent(atom: Atom) -> ir.Scalar:
    return ibis.null("int64" if atom.how in ("count", "distinct") else "float64")
