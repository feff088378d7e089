"""Timeliness: times after the end of the data. What stops arriving is in `silence`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from crmkit.quality.rule import Look, Rule
from crmkit.relations import at

FAR_AHEAD = timedelta(days=366)
"""An event that lies further after the end of the data is a slip of the pen, not a plan."""


def rules(look: Look) -> Iterator[Rule]:
    """Yield which times of a table must not lie ahead."""
    as_of = look.crm.as_of
    if as_of is None:
        return
    for column in look.declared.columns:
        if column.clock not in ("born", "state") or column.name not in look.present:
            continue
        value = look.data[column.name]
        if look.table == "opportunities" and column.name == "closed_at":
            value = (look.data.outcome != "open").ifelse(value, None)  # of an open one it is a forecast
        far = value > at(as_of + FAR_AHEAD)
        yield Rule(
            look.table,
            column.name,
            f"lies after {as_of:%Y-%m-%d}",
            (value > at(as_of)) & ~far,
            "It counts as not having happened yet. Set as_of in crm.toml if the data goes further.",
            "note",
            name="after_as_of",
            effect="It counts as not having happened yet.",
        )
        yield Rule(
            look.table,
            column.name,
            f"lies more than a year after {as_of:%Y-%m-%d}",
            far,
            "Correct the year.",
            name="future_date",
            effect="It counts as not having happened yet: the row is missing from every number of its true time.",
            leaves_out=True,
        )
