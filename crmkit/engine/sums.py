"""The aggregates of atoms, and what has to be summed up before so that an engine finds them fast."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import chain

import ibis.expr.operations as ops
import ibis.expr.types as ir

from crmkit.engine.conditions import conjunction, conjuncts, shared
from crmkit.kinds import Atom

_WORTH = 3
"""From so many sums with conditions on, counting rows that are alike first is faster than to look at each for each."""
_APART = 4
"""Each condition on a column of many values can double the rows that are not alike: no more than so many."""


@dataclass(frozen=True)
class Sums:
    """What is to be grouped, by what, and the aggregates that are then asked of it.

    Attributes
    ----------
    rows : Ibis table
        The rows, or what they were first summed up to.
    keys : dict of str to Ibis value
        What `rows` are grouped by.
    found : dict of str to Ibis scalar
        The aggregate of each atom over `rows`.
    """

    rows: ir.Table
    keys: dict[str, ir.Value]
    found: dict[str, ir.Scalar]


def sums(
    rows: ir.Table,
    keys: dict[str, ir.Value],
    atoms: Mapping[str, Atom],
    *,
    few: Collection[str] | None = None,
    plainly: bool = False,
    approximate: bool = False,
) -> Sums:
    """Return how the sums of `atoms` are found for each combination of `keys`.

    Parameters
    ----------
    rows : Ibis table
    keys : dict of str to Ibis value
    atoms : mapping of str to Atom
        What is asked for, by the names that it gets.
    few : collection of str, optional
        The columns of `rows` that have few different values: where conditions look at these, rows that are alike are
        counted first. None where that would not be faster, as for keys of which there are about as many as rows.
    plainly : bool
        Whether to ask as somebody would write it: then nothing is summed up before only because that is faster.
    approximate : bool
        Whether quantiles may be approximate.
    """
    found = None
    if not plainly and not any(atom.how == "quantile" for atom in atoms.values()):
        counted = [atom.value for atom in atoms.values() if atom.how == "distinct"]
        if len(counted) > 1 and len({value.op() for value in counted}) == 1:
            found = _by_thing(rows, keys, atoms, counted[0])
        elif not counted and few is not None:
            found = _by_likeness(rows, keys, atoms, few)
    if found is not None:
        return found
    rows, atoms = _with_shared(rows, atoms)
    return Sums(rows, keys, {name: aggregate(atom, rows, approximate=approximate) for name, atom in atoms.items()})


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


def _with_shared(rows: ir.Table, atoms: Mapping[str, Atom]) -> tuple[ir.Table, dict[str, Atom]]:
    rows, wheres = shared(rows, [atom.where for atom in atoms.values()])
    return rows, {name: replace(atom, where=where) for (name, atom), where in zip(atoms.items(), wheres, strict=True)}


def _by_thing(rows: ir.Table, keys: dict[str, ir.Value], atoms: Mapping[str, Atom], thing: ir.Value) -> Sums:
    """Sum up the rows of each thing first, where a thing, such as a customer, is counted under several conditions.

    An engine holds the different values of every distinct count by themselves; of these sums it needs only one set.
    """
    rows, atoms = _with_shared(rows, atoms)
    inner = {
        name: aggregate(replace(atom, how="count", value=None) if atom.how == "distinct" else atom, rows)
        for name, atom in atoms.items()
    }
    each = rows.group_by(**keys, counted_=thing).agg(**inner)
    found = {
        name: each.count(where=(each[name] > 0) & each["counted_"].notnull())
        if atom.how == "distinct"
        else _added(each[name], atom)
        for name, atom in atoms.items()
    }
    return Sums(each, {name: each[name] for name in keys}, found)


def _by_likeness(
    rows: ir.Table, keys: dict[str, ir.Value], atoms: Mapping[str, Atom], few: Collection[str]
) -> Sums | None:
    """Count the rows that are alike in all that the conditions look at first; None where that would not be faster.

    Rows are alike in the columns `is_<name>`, which have few different values, and in what is true of them as to
    columns of many, `if_<i>`. Of what is summed of such columns each group of them keeps the sum, `sum_<i>`.
    """
    conditions = {name: conjuncts(atom.where) for name, atom in atoms.items()}
    values = dict.fromkeys(atom.value.op() for atom in atoms.values() if atom.how == "sum")
    parts = dict.fromkeys(chain.from_iterable(conditions.values()))
    apart = {part: f"if_{place}" for place, part in enumerate(part for part in parts if not _names(part) <= set(few))}
    # the sum of equal values is a product, but flags have none, and that of whole numbers can be too large
    summed = [value for value in values if not (value.dtype.is_floating() and _names(value) <= set(few))]
    summed = {value: f"sum_{place}" for place, value in enumerate(summed)}
    looked_at = [*(part for part in parts if part not in apart), *(value for value in values if value not in summed)]
    alike = set().union(*map(_names, looked_at))
    if sum(map(bool, conditions.values())) < _WORTH or len(apart) > _APART or not (alike or apart):
        return None
    each = rows.group_by(
        **keys,
        **{f"is_{name}": rows[name] for name in sorted(alike)},
        **{name: part.to_expr() for part, name in apart.items()},
    ).agg(rows_=rows.count(), **{name: value.to_expr().sum() for value, name in summed.items()})

    def there(node: ops.Value) -> ir.Value:
        """Return a condition or a value as one of `each`."""
        if node in apart:
            return each[apart[node]]
        fields = {field: each[f"is_{field.name}"].op() for field in node.find(ops.Field, filter=ops.Value)}
        return node.replace(fields).to_expr()

    def total(name: str, atom: Atom) -> ir.Scalar:
        where = conjunction([there(part) for part in conditions[name]])
        if atom.how == "count":
            return _added(each["rows_"], atom, where)
        value = atom.value.op()
        return _added(each[summed[value]] if value in summed else each["rows_"] * there(value), atom, where)

    return Sums(each, {name: each[name] for name in keys}, {name: total(name, atom) for name, atom in atoms.items()})


def _names(node: ops.Value) -> set[str]:
    """Return the names of the columns that a value is made from."""
    return {field.name for field in node.find(ops.Field, filter=ops.Value)}


def _added(parts: ir.NumericColumn, atom: Atom, where: ir.BooleanValue | None = None) -> ir.NumericScalar:
    """Return the sum of sums of parts: a count of nothing is 0, a sum of nothing is unknown."""
    total = parts.sum(where=where)
    return total.fill_null(0).cast("int64") if atom.how == "count" else total.cast("float64")
