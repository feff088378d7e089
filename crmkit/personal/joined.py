"""Values that describe too few persons, put together before anything is counted by them.

A page may group customers by any column that describes them, and write about the groups in tables, figures and
sentences. Where the tables of readers hold no value of fewer persons than may be shown, none of these can show one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from crmkit import schema

if TYPE_CHECKING:
    from crmkit.crm import Crm

JOINED = "(small groups)"
"""What stands in the place of values that describe few persons."""
PERSONS = {
    "customers": ("customer_id",),
    "leads": ("lead_id",),
    "opportunities": ("customer_id", "lead_id", "opportunity_id"),
    "orders": ("customer_id",),
    "subscriptions": ("customer_id",),
    "web_sessions": ("visitor_id",),
    "tickets": ("customer_id", "ticket_id"),
    "surveys": ("customer_id", "response_id"),
}
"""The tables about persons outside the company, and the keys that tell these: the first that is filled."""
_SETTLED = ("stage", "status", "priority", "currency", "name", "interests")
"""Words that crm.toml or the kit itself has to know again, or that are several in one cell."""


def joined_columns(crm: Crm, table: str, *, smallest: int) -> dict[str, ir.Value]:
    """Return the columns of a table in which values of fewer than `smallest` persons are put together.

    If those that are put together would be too few still, or only one, the next smallest joins them: otherwise the
    total less the others would say what is hidden. Rows without a value are a group as well.

    Parameters
    ----------
    crm : Crm
        The whole tables.
    table : str
    smallest : int
        0 or 1 puts nothing together.

    Returns
    -------
    dict of str to ibis column
        Only the columns that change.

    Examples
    --------
    >>> import crmkit
    >>> customers = {"customer_id": list("abcdefg"), "created_at": ["2026-01-01"] * 7, "country": [*"PPPPDDX"]}
    >>> crm = crmkit.open({"customers": customers})
    >>> found = joined_columns(crm, "customers", smallest=2)
    >>> crm.tables["customers"].select(**found).to_pyarrow()["country"].to_pylist()
    ['P', 'P', 'P', 'P', '(small groups)', '(small groups)', '(small groups)']
    """
    if smallest <= 1 or table not in PERSONS or table not in crm.tables:
        return {}
    rows, found = crm.tables[table], {}
    keys = [rows[name] for name in PERSONS[table] if name in rows.columns]
    person = ibis.coalesce(*keys) if keys else None
    for column in _describing(crm, table):
        counted = rows.group_by(value=rows[column]).agg(n=person.nunique() if person is not None else rows.count())
        sizes = dict(zip(*counted.to_pyarrow().to_pydict().values(), strict=True))
        if small := too_small(sizes, smallest=smallest):
            value = rows[column]
            is_small = value.isin([word for word in small if word is not None])
            if None in small:
                is_small = value.isnull() | is_small
            found[column] = ibis.ifelse(is_small.fill_null(False), ibis.literal(JOINED), value)
    return found


def too_small(sizes: dict[str | None, int], *, smallest: int) -> list[str | None]:
    """Return the groups that have to be put together: the small ones, and as many of the next as hide them.

    Examples
    --------
    >>> too_small({"a": 3, "b": 40, "c": 7}, smallest=5)
    ['a', 'c']
    >>> too_small({"a": 3, "b": 4, "c": 7}, smallest=5)
    ['a', 'b']
    """
    order = sorted(sizes, key=lambda word: (sizes[word], word is None, word or ""))
    small = [word for word in order if sizes[word] < smallest]
    others = order[len(small) :]
    while small and others and (len(small) == 1 or sum(sizes[word] for word in small) < smallest):
        small.append(others.pop(0))
    return small


def small_joined(groups: pd.Series, crm: Crm) -> pd.Series:
    """Return the groups of persons, one row each, as the readers of `crm` may see them: small ones put together.

    For methods that make the groups themselves, out of what persons do; of whole tables every group is shown.

    Parameters
    ----------
    groups : Series of str
    crm : Crm

    Examples
    --------
    >>> import crmkit
    >>> from crmkit.personal import for_readers
    >>> crm = crmkit.open({"leads": {"lead_id": ["a"], "created_at": ["2026-01-01"]}},
    ...     config={"personal": {"smallest_group": 2}})
    >>> small_joined(pd.Series(["new", "new", "new", "loyal", "gone"]), for_readers(crm)).tolist()
    ['new', 'new', 'new', '(small groups)', '(small groups)']
    """
    smallest = crm.readers.smallest_group if crm.readers is not None else 0
    if smallest <= 1:
        return groups
    small = too_small(groups.value_counts(dropna=False).to_dict(), smallest=smallest)
    return groups.mask(groups.isin(small), JOINED) if small else groups


def _describing(crm: Crm, table: str) -> list[str]:
    """Return the columns by which people may be grouped: texts of the schema, and of the company's own."""
    declared, found = schema.TABLES[table], []
    for column in crm.tables[table].columns:
        text = crm.tables[table][column].type().is_string()
        known = next((one for one in declared.columns if one.name == column), None)
        if known is not None and column not in crm.present[table]:
            continue
        free = known is None or (known.type == "text" and not known.values and column not in _SETTLED)
        if text and free and (known is None or not known.personal or column == "gender"):
            found.append(column)
    return found
