"""Finding the column that `by=` names, in a table or in those that it joins to by id, and joining it.

A join here never multiplies rows: it is from many to one, along keys that are checked to be unique.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import ibis.expr.types as ir

from crmkit import schema
from crmkit.errors import DataError, UsageError
from crmkit.relations import Relations, all_derived
from crmkit.typed import ROWS_CHECKED_AT_ONCE

NONE = "(none)"
"""The name of the group of rows whose value is null."""
_DEEPEST = 2
_OF_RESULTS = ("metric", "period", "value", "low", "high", "n", "numerator", "denominator", "note")
REGISTERS = ("users", "products", "campaigns")
"""Tables of what the company itself has: to each of their rows belong many of another table."""


@dataclass(frozen=True)
class Path:
    """The way from a relation to a column: the key columns to follow, then the column."""

    steps: tuple[str, ...]
    column: str

    @property
    def name(self) -> str:
        """How the path is written, for example owner.team."""
        return ".".join([*(step.removesuffix("_id") for step in self.steps), self.column])


def references(relation: str) -> dict[str, str]:
    """Return the columns of a relation that hold keys of other tables, with the table of each."""
    if relation in all_derived():
        return dict(all_derived()[relation].refers)
    own = schema.TABLES[relation].key
    return {c.name: c.refers_to for c in schema.TABLES[relation].columns if c.refers_to and c.name not in own}


def columns(crm, relation: str) -> list[str]:
    """Return the columns of a relation by which it can be measured, those of its table that this data has."""
    if relation in all_derived():
        return [*all_derived()[relation].columns, *all_derived()[relation].refers]
    present, declared = crm.present[relation], schema.TABLES[relation]
    return [column for column in crm.tables[relation].columns if column in present or column not in declared]


def _paths(crm, relation: str, depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield (steps, table) for every table that is `depth` joins away."""
    if depth == 0:
        yield (), relation
        return
    for steps, table in _paths(crm, relation, depth - 1):
        for column, target in references(table).items():
            if target in crm.tables and column in columns(crm, table):
                yield (*steps, column), target


def find(crm, relation: str, name: str) -> Path:
    """Return the way from `relation` to the column that a person calls `name`.

    A column of the relation itself goes first, then those one join away, then two. `owner.team` says which way.

    Raises
    ------
    UsageError
        Where there is no such column, or several as near; the message names what there is.
    """
    *roles, column = name.split(".")
    for depth in range(_DEEPEST + 1):
        found = [
            Path(steps, column)
            for steps, table in _paths(crm, relation, depth)
            if column in columns(crm, table) and (not roles or [s.removesuffix("_id") for s in steps] == roles)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            ways = " or ".join(path.name for path in found)
            raise UsageError(f"{relation} can be split by several columns called {column!r}: write {ways}.")
    known = sorted(set(choices(crm, relation)))
    near = get_close_matches(name, known, n=3, cutoff=0.6)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise UsageError(
        f"{relation} has no column {name!r}, nor do the tables it joins to.{hint} It has: {', '.join(known)}."
    )


def choices(crm, relation: str) -> Iterator[str]:
    """Yield the names by which a relation can be split."""
    for depth in range(2):
        for steps, table in _paths(crm, relation, depth):
            for column in columns(crm, table):
                declared = schema.TABLES.get(table)
                if declared is None or column not in declared or declared[column].type in ("text", "key", "flag"):
                    yield Path(steps, column).name


def check_names(by: Sequence[str]) -> None:
    """Raise UsageError where a result would have two columns of one name."""
    for place, name in enumerate(by):
        if name in by[:place]:
            raise UsageError(f"by names {name!r} twice; name it once.")
        if name in _OF_RESULTS:
            raise UsageError(
                f"by={name!r}: a result has a column {name!r} of its own. Give the column of the source another name."
            )


def many(crm, relation: str, by: Sequence[str]) -> bool:
    """Tell whether there may be about as many groups as rows, as there are by customer_id.

    Few are what the schema declares to be text or flags, and the ids of what the company itself has, such as users.
    What identifies a person is not, nor is a column that only this source has: of that one nothing is known.
    """
    return any(not _is_label(relation, find(crm, relation, name)) for name in by)


def _is_label(relation: str, path: Path) -> bool:
    table = relation
    for step in path.steps:
        table = references(table)[step]
    if references(table).get(path.column, table) in REGISTERS:
        return True
    if table in all_derived():
        return path.column not in references(table)
    declared = schema.TABLES[table]
    if path.column not in declared:
        return False
    return declared[path.column].type in ("text", "flag") and not declared[path.column].personal


def joined(crm, relations: Relations, relation: str, by: Sequence[str], *, period=None) -> tuple[ir.Table, list[str]]:
    """Return a relation with one text column for each name in `by`, and the names of these columns.

    Rows whose value is null are in the group "(none)".
    """
    table = relations.get(relation, period=period)
    paths = {f"by_{place}": find(crm, relation, name) for place, name in enumerate(by)}
    own = {column: table[path.column] for column, path in paths.items() if not path.steps}
    if own:  # all at once: the source may have a column by_0, too
        table = table.mutate(**{column: value.cast("string").fill_null(NONE) for column, value in own.items()})
    for column, path in paths.items():
        if path.steps:
            table = _joined(crm, relations, table, relation, path, column)
    return table, list(paths)


def _joined(crm, relations: Relations, table: ir.Table, relation: str, path: Path, column: str) -> ir.Table:
    here = relation
    key = path.steps[0]
    for place, step in enumerate(path.steps):
        target = references(here)[step]
        ensure_unique(crm, target)
        last = place == len(path.steps) - 1
        wanted = path.column if last else path.steps[place + 1]
        other = relations.get(target)
        got = column if last else f"{column}_{place}"
        dimension = other.select(
            **{f"{got}_key": other[schema.TABLES[target].key[0]], got: other[wanted].cast("string")}
        )
        table = table.left_join(dimension, table[key] == dimension[f"{got}_key"]).drop(f"{got}_key")
        here, key = target, got
    return table.mutate(**{column: table[column].fill_null(NONE)})


def ensure_unique(crm, table: str) -> None:
    """Check once that a table's key is unique, where opening it left that out because of its size.

    Raises
    ------
    DataError
    """
    asked = ("unique", table)
    if crm.rows.get(table, 0) <= ROWS_CHECKED_AT_ONCE or asked in crm.remembered:
        return
    key = schema.TABLES[table].key[0]
    counted = (
        crm.tables[table].agg(rows=lambda t: t.count(), keys=lambda t: t[key].nunique()).to_pyarrow().to_pylist()[0]
    )
    if counted["rows"] != counted["keys"]:
        raise DataError(
            f"{table}.{key} must name one row, but {counted['rows'] - counted['keys']:,} rows repeat another's. "
            "A join would count them twice: keep one row of each."
        )
    crm.remembered[asked] = True
