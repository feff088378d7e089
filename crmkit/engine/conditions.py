"""Making the conditions of sums cheaper to look at: what is known is left out, what several share is done once."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterator, Sequence

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

_JOINED_BY = {ops.And: operator.and_, ops.Or: operator.or_}


def simplified(condition: ir.BooleanValue | None, *, known: ir.Value) -> ir.BooleanValue | None:
    """Return a condition that chooses the same of the rows in which `known` has a value.

    Parameters
    ----------
    condition : boolean Ibis value or None
        What chooses rows. None chooses all.
    known : Ibis value
        What is null in none of the rows, such as the time by which they are placed in periods.

    Returns
    -------
    boolean Ibis value or None
        None where all these rows are chosen.

    Examples
    --------
    >>> deals = ibis.table({"closed_at": "timestamp", "outcome": "string"}, name="deals")
    >>> simplified(deals.closed_at.notnull() | (deals.outcome == "open"), known=deals.closed_at) is None
    True
    """
    if condition is None:
        return None
    found = _simpler(condition.op(), known.op())
    if isinstance(found, bool):
        return None if found else ibis.literal(False)
    return found.to_expr()


def shared(
    rows: ir.Table, wheres: Sequence[ir.BooleanValue | None]
) -> tuple[ir.Table, Sequence[ir.BooleanValue | None]]:
    """Compute what several conditions have in common once a row, as a column of `rows`; return the shorter conditions.

    An engine finds equal parts of expressions, but not in conjunctions that go on differently.

    Parameters
    ----------
    rows : Ibis table
    wheres : sequence of boolean Ibis value or None
        Conditions on `rows`.

    Returns
    -------
    (Ibis table, sequence of boolean Ibis value or None)
        `rows` with a column `shared_<i>` for each conjunction that several conditions need, and the conditions on it.
    """
    parts = [conjuncts(where) for where in wheres]
    common = _in_common(parts)
    if not common:
        return rows, wheres
    free = (name for name in map("shared_{}".format, itertools.count()) if name not in rows.columns)
    names = dict(zip(common, free, strict=False))
    rows = rows.mutate(**{names[places]: _joined(found, ops.And).to_expr() for places, found in common.items()})
    taken = set(itertools.chain.from_iterable(common.values()))
    shorter = []
    for place, (where, found) in enumerate(zip(wheres, parts, strict=True)):
        mine = [rows[name].op() for places, name in names.items() if place in places]
        rest = [part for part in found if part not in taken]
        shorter.append(_joined([*mine, *rest], ops.And).to_expr() if mine else where)
    return rows, shorter


def _in_common(conditions: Sequence[Sequence[ops.Value]]) -> dict[frozenset[int], list[ops.Value]]:
    """Return the parts that the same conditions need, by the places of these, where to share them saves work.

    One part that only two conditions need is as soon looked at twice.
    """
    needed_at: dict[ops.Value, frozenset[int]] = {}
    for place, parts in enumerate(conditions):
        for part in parts:
            needed_at[part] = needed_at.get(part, frozenset()) | {place}
    found: dict[frozenset[int], list[ops.Value]] = {}
    for part, places in needed_at.items():
        found.setdefault(places, []).append(part)
    return {places: parts for places, parts in found.items() if len(places) > 2 or (len(places) > 1 and len(parts) > 1)}


def conjuncts(condition: ir.BooleanValue | None) -> tuple[ops.Value, ...]:
    """Return the different conditions all of which must hold where `condition` does."""
    return () if condition is None else tuple(dict.fromkeys(_parts(condition.op(), ops.And)))


def conjunction(conditions: Sequence[ir.BooleanValue]) -> ir.BooleanValue | None:
    """Return the condition that all of `conditions` hold; None where there are none."""
    return functools.reduce(operator.and_, conditions) if conditions else None


def _simpler(node: ops.Value, known: ops.Value) -> ops.Value | bool:
    """Return a condition that holds in the same rows, or whether it holds in all or none.

    To choose no row, unknown is as good as false; that is why only what is joined by `and` and `or` is looked into.
    """
    if isinstance(node, ops.And | ops.Or):
        kind = type(node)
        decisive = kind is ops.Or  # what decides alone: one true of several, one false of all
        parts = [_simpler(part, known) for part in dict.fromkeys(_parts(node, kind))]
        if any(part is decisive for part in parts):
            return decisive
        open_parts = [part for part in parts if not isinstance(part, bool)]
        open_parts = _without_implied(open_parts) if kind is ops.And else open_parts
        return _joined(open_parts, kind) if open_parts else not decisive
    if isinstance(node, ops.IsNull) and node.arg == known:
        return False
    if isinstance(node, ops.NotNull):
        needed = [ops.NotNull(part) for part in dict.fromkeys(_needed(node.arg)) if part != known]
        return _joined(needed, ops.And) if needed else True
    return node


def _needed(value: ops.Value) -> Iterator[ops.Value]:
    """Yield what must be known that a value is: of a difference both sides."""
    strict = isinstance(value, ops.Subtract)
    if strict or (isinstance(value, ops.Divide) and isinstance(value.right, ops.Literal) and value.right.value):
        for part in value.args:
            yield from _needed(part)
    elif not (isinstance(value, ops.Literal) and value.value is not None):
        yield value


def _without_implied(parts: Sequence[ops.Value]) -> list[ops.Value]:
    """Leave out that a text is not one thing where it is said to be another."""
    said = {part.left: part.right.value for part in parts if isinstance(part, ops.Equals) and _compares_text(part)}

    def implied(part: ops.Value) -> bool:
        different = isinstance(part, ops.NotEquals) and _compares_text(part)
        return different and part.left in said and said[part.left] != part.right.value

    return [part for part in parts if not implied(part)]


def _compares_text(part: ops.Binary) -> bool:
    """Tell whether a text is compared with a given one: unlike numbers and times, texts have one way to be equal."""
    return part.left.dtype.is_string() and isinstance(part.right, ops.Literal) and isinstance(part.right.value, str)


def _parts(node: ops.Value, kind: type[ops.Binary]) -> Iterator[ops.Value]:
    """Yield the conditions that `and` (or `or`) joins."""
    if isinstance(node, kind):
        yield from _parts(node.left, kind)
        yield from _parts(node.right, kind)
    else:
        yield node


def _joined(conditions: Sequence[ops.Value], kind: type[ops.Binary]) -> ops.Value:
    return functools.reduce(_JOINED_BY[kind], (condition.to_expr() for condition in conditions)).op()
