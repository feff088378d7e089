"""Records that are one put together: their rows, and whatever points to them, as a merge map says (`crmkit.merges`)."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from crmkit import schema
from crmkit.merges import Row, read, resolved

if TYPE_CHECKING:
    import pandas as pd

    from crmkit.crm import Crm

UNMERGED = "unmerged"
"""Under this name a merged Crm remembers the one that it was made from."""
_LARGE = 2_000_000
"""Tables of more rows are not copied: their keys are looked up as they are read."""
_NUMBERS = itertools.count(1)


def merged(crm: Crm, merges: str | Path | pd.DataFrame | Mapping[str, Any]) -> Crm:
    """Return the same CRM with records merged as a map says.

    What points to a merged record points to the one that is kept, in all tables. The merged record's row goes; where
    the kept one's cells are empty, its own take their place, the oldest record's first. Of times the earliest counts,
    but a customer is lost only where all its records are, and then at the latest time. Who is in an experiment twice
    after that counts with the first assignment.

    Parameters
    ----------
    crm : Crm
    merges : path, DataFrame or mapping
        As `read` takes it.

    Returns
    -------
    Crm
        `crm` itself where the map merges nothing; else a new one, whose `notes` say what was merged.

    Raises
    ------
    DataError
        Where the map does not fit the data.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": ["1", "2"], "created_at": ["2026-01-01", "2026-02-01"],
    ...     "phone": [None, "+44 118 496 0871"]}, "orders": {"order_id": ["a"], "customer_id": ["2"],
    ...     "ordered_at": ["2026-03-01"], "amount": [9.0]}})
    >>> one = merged(crm, {"table": ["customers"], "id": ["2"], "into": ["1"]})
    >>> one.tables["orders"].customer_id.to_pandas().tolist(), one.tables["customers"].phone.to_pandas().tolist()
    (['1'], ['+44 118 496 0871'])
    >>> one.notes
    ('merges: 1 row of customers was merged into another.',)
    """
    rows = read(merges)
    ends = resolved(rows, crm)
    if not ends:
        return crm
    if crm.readers is not None:  # the whole tables are merged, and shown as these are
        return shown_alike(merged(crm.readers.behind, merges), crm)
    tables, counts, notes = dict(crm.tables), dict(crm.rows), []
    maps = {table: _as_table(crm, pairs) for table, pairs in ends.items()}
    for table, pairs in maps.items():
        tables[table] = _kept(crm, _one_row_each(tables[table], table, pairs), f"{table}_one")
        counts[table] -= len(ends[table])
    for name, table in list(tables.items()):
        changed, twice = _pointed(table, name, maps)
        if changed is None:
            continue
        tables[name] = changed if crm.rows.get(name, 0) > _LARGE else _kept(crm, changed, name)
        left = int(tables[name].count().to_pyarrow().as_py()) if twice else counts[name]
        if gone := counts[name] - left:
            rows_ = "1 row repeats another" if gone == 1 else f"{gone:,} rows repeat others"
            notes.append(f"{name}: {rows_} after merging; the first of each counts.")
            counts[name] = left
    label = str(merges) if isinstance(merges, str | Path) else "merges"
    notes = [*_notes(Path(label).name, rows, ends), *notes]
    made = replace(crm, tables=tables, rows=counts, notes=(*crm.notes, *notes), remembered={})
    made.remembered[UNMERGED] = crm
    return made


def shown_alike(crm: Crm, other: Crm) -> Crm:
    """Return a CRM as the readers of another one get it: without the names that they may not see."""
    if other.readers is None:
        return crm
    from crmkit.personal.readers import PREFIXES, for_readers

    return for_readers(crm, show_names=other.readers.shown == frozenset(PREFIXES))


def _notes(name: str, rows: list[Row], ends: Mapping[str, Mapping[str, str]]) -> list[str]:
    made = []
    for table, pairs in ends.items():
        into = len(set(pairs.values()))
        one = len(pairs) == 1
        others = "another" if into == 1 and one else f"{into:,} other{'s' if into != 1 else ''}"
        rows_ = "1 row" if one else f"{len(pairs):,} rows"
        made.append(f"{name}: {rows_} of {table} {'was' if one else 'were'} merged into {others}.")
    if apart := Counter(row.table for row in rows if not row.into):
        told = " and ".join(f"{count:,} of {table}" for table, count in apart.items())
        one = apart.total() == 1
        made.append(f"{name}: {told} {'was' if one else 'were'} looked at and {'stays' if one else 'stay'} apart.")
    return made


def _as_table(crm: Crm, pairs: Mapping[str, str]) -> ir.Table:
    import pyarrow as pa

    ends = zip(("merged_id_", "merged_into_"), (list(pairs), list(pairs.values())), strict=True)
    made = pa.table({name: pa.array(ids, pa.string()) for name, ids in ends})
    if not crm.embedded:
        return ibis.memtable(made)
    return crm.engine.create_table(f"crm_merges_{next(_NUMBERS)}", made, temp=True)


def _kept(crm: Crm, table: ir.Table, name: str) -> ir.Table:
    """Keep a table in an engine of crmkit's own, so that it is put together once."""
    return crm.engine.create_table(f"merged_{name}_{next(_NUMBERS)}", table, temp=True) if crm.embedded else table


def _one_row_each(table: ir.Table, name: str, pairs: ir.Table) -> ir.Table:
    """Return a table in which the records that are one have one row."""
    declared = schema.TABLES[name]
    key = declared.key[0]
    joined = table.left_join(pairs, table[key] == pairs.merged_id_)
    targets = pairs.select(target_="merged_into_").distinct()
    joined = joined.mutate(home_=ibis.coalesce(joined.merged_into_, joined[key])).drop("merged_id_", "merged_into_")
    joined = joined.left_join(targets, joined.home_ == targets.target_)
    alone = joined.filter(joined.target_.isnull()).select(table.columns)
    several = joined.filter(joined.target_.notnull())
    several = several.mutate(other_=(several[key] != several.home_).cast("int8"))
    order = ["other_", *([declared.born] if declared.born in table.columns else []), key]
    values = {column: _cell(several, column, declared, order) for column in table.columns if column != key}
    grouped = several.group_by("home_").agg(**values).rename({key: "home_"})
    return alone.union(grouped.select(table.columns))


def _cell(rows: ir.Table, column: str, declared: schema.Table, order: list[str]) -> ir.Value:
    """Return what a cell of the kept record becomes: its own, else the first of the others'; of times the earliest."""
    value = rows[column]
    if column == "lost_at":
        return ibis.ifelse(value.count() < rows.count(), ibis.null(value.type()), value.max())
    if column == "lost_reason" and "lost_at" in rows.columns:
        first = value.first(order_by=[rows[name] for name in order])
        return ibis.ifelse(rows.lost_at.count() < rows.count(), ibis.null("string"), first)
    if column in declared and declared[column].clock in ("born", "state"):
        return value.min()
    return value.first(order_by=[rows[name] for name in order])


def _pointed(table: ir.Table, name: str, maps: Mapping[str, ir.Table]) -> tuple[ir.Table | None, bool]:
    """Return a table whose keys point to the records that are kept, and whether its own rows may repeat then.

    None stands for a table that points to none of them.
    """
    declared, changed, twice = schema.TABLES[name], None, False
    columns = table.columns
    for column in declared.columns:
        if column.refers_to not in maps or column.name not in columns:
            continue
        rows = table if changed is None else changed
        pairs = maps[column.refers_to].view()
        joined = rows.left_join(pairs, rows[column.name] == pairs.merged_id_)
        changed = joined.mutate({column.name: ibis.coalesce(joined.merged_into_, joined[column.name])}).select(columns)
        twice = twice or column.name in declared.key
    if changed is not None and twice:
        order = [changed[declared.born], changed[declared.key[0]]]
        place = ibis.row_number().over(ibis.window(group_by=list(declared.key), order_by=order))
        changed = changed.mutate(place_=place)
        changed = changed.filter(changed.place_ == 0).drop("place_")
    return changed, twice
