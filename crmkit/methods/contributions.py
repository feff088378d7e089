"""What each row of a table adds to a metric in two periods, and what each carrier of a label adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit import schema
from crmkit.engine import dimensions
from crmkit.engine.measure import measure_both
from crmkit.errors import UsageError
from crmkit.methods.common import run
from crmkit.metric import find
from crmkit.periods import Period

if TYPE_CHECKING:
    from crmkit.crm import Crm

SIDES = ["part", "of", "part_before", "of_before"]


def contributions(
    crm: Crm,
    metric: str,
    relation: str,
    columns: Sequence[str],
    *,
    period: str | Period,
    against: str | Period,
    **options: Any,
) -> tuple[pd.DataFrame, float]:
    """Return what each row of a relation adds to a metric in both periods, and the change that they add up to.

    Returns
    -------
    rows : DataFrame
        `part`, `of`, `part_before`, `of_before` (numerators and denominators; `of` is 0 for counts and totals), the
        keys that carry labels, and the labels: one column for each of `columns`.
    change : float

    Raises
    ------
    UsageError
        Where a column is further away than one table, the metric has no value in a period, or its rows do not add up
        to it.
    """
    ways = {name: dimensions.find(crm, relation, name) for name in columns}
    if deep := [name for name, way in ways.items() if len(way.steps) > 1]:
        raise UsageError(f"{deep[0]} is two tables away from {relation}; rank_columns looks one table far.")
    keys = list(dict.fromkeys([*_keys(crm, relation), *(way.steps[0] for way in ways.values() if way.steps)]))
    own = [name for name, way in ways.items() if not way.steps]
    wholes = measure_both(crm, metric, period=period, against=against, intervals=False, **options)
    for frame, name in zip(wholes, (period, against), strict=True):
        if frame["value"].isna().any():
            note = frame["note"].iloc[0].removeprefix("not in this data: ")
            raise UsageError(
                f"{metric} has no value in {crm.period(name).name}: {note}. There is no change to explain."
            )
    by = list(dict.fromkeys([*keys, *own]))
    both = measure_both(crm, metric, period=period, against=against, by=by, intervals=False, **options)
    ratio = all(frame["denominator"].notna().all() for frame in wholes)
    if not ratio:
        both = [frame.assign(numerator=frame["value"], denominator=0.0) for frame in both]
    after, before = (frame.set_index(by)[["numerator", "denominator"]].fillna(0.0) for frame in both)
    index = after.index.union(before.index)
    rows = pd.concat([after.reindex(index, fill_value=0.0), before.reindex(index, fill_value=0.0)], axis=1)
    rows.columns = SIDES
    rows = rows[(rows != 0).any(axis=1)].reset_index()
    change = wholes[0]["value"].item() - wholes[1]["value"].item()
    _check(metric, rows, change, ratio)
    return _labelled(rows, crm, relation, {name: way for name, way in ways.items() if way.steps}), change


def carriers_of(rows: pd.DataFrame, crm: Crm, relation: str, name: str) -> pd.DataFrame:
    """Add up the rows of each carrier of a label: of each customer for customer.segment."""
    path = dimensions.find(crm, relation, name)
    frame = rows[SIDES].assign(label=rows[name].astype(str))
    if not path.steps:
        return frame.assign(fixed=False)
    frame["carrier"] = rows[path.steps[0]].astype(str)
    found = frame.groupby(["carrier", "label"], sort=True)[SIDES].sum().reset_index()
    return found.assign(fixed=found["carrier"] == dimensions.NONE)  # rows without a carrier are a group of their own


def _keys(crm: Crm, relation: str) -> list[str]:
    declared = schema.TABLES.get(relation)
    names = list(declared.key) if declared is not None and declared.key else list(dimensions.references(relation))
    there = dimensions.columns(crm, relation)
    return [name for name in names if name in there]


def _labelled(rows: pd.DataFrame, crm: Crm, relation: str, ways: dict[str, dimensions.Path]) -> pd.DataFrame:
    """Add the columns of the tables that the rows refer to, each table read once."""
    for step in dict.fromkeys(way.steps[0] for way in ways.values()):
        table = dimensions.references(relation)[step]
        dimensions.ensure_unique(crm, table)
        key = schema.TABLES[table].key[0]
        wanted = {name: way.column for name, way in ways.items() if way.steps[0] == step}
        source = crm.relations.get(table)
        labels = run(source.select(source[key].cast("string").name("key"), *(
            source[column].cast("string").name(f"to {column}") for column in dict.fromkeys(wanted.values())
        ))).set_index("key")  # fmt: skip
        for name, column in wanted.items():
            rows[name] = rows[step].map(labels[f"to {column}"]).fillna(dimensions.NONE)
    return rows


def _check(metric: str, rows: pd.DataFrame, change: float, ratio: bool) -> None:
    """Refuse a metric whose rows do not add up to it: medians, distinct counts, formulas of several sums."""
    total = rows[SIDES].sum()
    if ratio:
        made = total["part"] / total["of"] - total["part_before"] / total["of_before"]
    else:
        made = total["part"] - total["part_before"]
    scale = max(abs(change), abs(made), 1e-12)
    if not abs(made - change) <= 1e-6 * max(scale, 1.0):
        about = find(metric)
        raise UsageError(
            f"{about.title} is no share, mean or sum over rows ({about.formula}), so its change cannot be dealt out to "
            "groups. A median or a number of different people has no parts: ask for the mean or the sum beside it."
        )
