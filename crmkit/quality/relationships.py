"""Relationships: keys that point nowhere, and rows that lack what belongs to them."""

from __future__ import annotations

from collections.abc import Iterator

import ibis

from crmkit import schema
from crmkit.quality.rule import Look, Rule
from crmkit.relations import at


def rules(look: Look) -> Iterator[Rule]:
    """Yield which keys of a table must lead somewhere."""
    for column in look.declared.columns:
        if not column.refers_to or column.name not in look.present:
            continue
        key = schema.TABLES[column.refers_to].key[0]
        other = look.other(column.refers_to, key)
        if other is None:
            continue
        value = look.data[column.name]
        known = other.filter(other[key].notnull())[key]
        yield Rule(
            look.table,
            column.name,
            f"names no row of {column.refers_to}",
            value.notnull() & ~value.isin(known),
            f"Add the rows to {column.refers_to}, or empty the cells: by= puts them in the group (none).",
            shown=column.name,
            name="orphan",
            effect=f"Splits by anything of {column.refers_to} put such rows in (none), and the numbers of "
            f"{column.refers_to} lack them.",
        )
    if "lines_" in look.data.columns:
        first = look.data.ordered_at.min(where=look.data.lines_.notnull()).to_pyarrow().as_py()
        begun = look.data.ordered_at >= at(first) if first is not None else ibis.literal(False)
        yield Rule(
            "orders",
            look.key,
            "has no lines in order_lines",
            look.data.lines_.isnull() & begun,
            "Export the lines of all orders.",
            name="order_without_lines",
            effect="What was bought together and revenue by product rest on the other orders alone.",
            usual_above=0.5,
        )
