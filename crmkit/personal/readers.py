"""The tables as readers of a report get them: without the names of those whom they needn't know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from crmkit import schema
from crmkit.personal.codes import PREFIXES, code, coded, key_of
from crmkit.personal.joined import joined_columns

if TYPE_CHECKING:
    from crmkit.crm import Crm

HIDDEN = "(hidden)"
"""What stands in the place of a personal text, so that one can still count who has it."""
GROUPS = ("birth_year", "gender")
"""Personal columns by which people are grouped; no single person can be told by one of them."""
_USERS = ("user_id", "owner_id", "agent_id")
"""Columns of users' keys in tables of any shape, such as targets."""


@dataclass(frozen=True)
class Readers:
    """What the readers of a report may see.

    Attributes
    ----------
    shown : frozenset of str
        The tables whose persons may be named: customers, leads, users.
    smallest_group : int
        Groups made from fewer are hidden; 0 hides none.
    behind : Crm
        The whole tables.
    """

    shown: frozenset[str]
    smallest_group: int
    behind: Crm


def for_readers(crm: Crm, *, show_names: bool = False) -> Crm:
    """Return the tables as the readers of a report get them.

    Names, addresses and comments are hidden, and users have codes in the place of their keys, but where crm.toml says
    that they may be shown (`[personal] show = ["users"]`). Customers and leads keep their keys, since models draw by
    them; whoever lists them shows `who(crm, keys)`. Every metric is the same as of the whole tables.

    Parameters
    ----------
    crm : Crm
    show_names : bool
        Show all names.

    Returns
    -------
    Crm
        Of the same data, on the same engine.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": ["1"], "created_at": ["2026-01-01"], "name": ["Ann"]}})
    >>> for_readers(crm).customers.name.to_pandas().tolist()
    ['(hidden)']
    """
    crm = whole(crm)
    shown = frozenset(PREFIXES) if show_names else frozenset(crm.config.personal.show)
    readers = Readers(shown, crm.config.personal.smallest_group, crm)
    tables = {name: _without_names(crm, name, readers) for name in crm.tables}
    return replace(crm, tables=tables, readers=readers, remembered=_kept(crm))


def _kept(crm: Crm) -> dict:
    """Keep what does not depend on names, such as where the copy lies that the notebooks of a report share."""
    from crmkit import prepared

    return {name: value for name, value in crm.remembered.items() if name == prepared.VARIABLE}


def _without_names(crm: Crm, table: str, readers: Readers) -> ir.Table:
    """Return a table with what its readers may see."""
    rows, declared = crm.tables[table], schema.TABLES[table]
    changed: dict[str, ir.Value] = joined_columns(crm, table, smallest=readers.smallest_group)
    for column in rows.columns:
        known = next((one for one in declared.columns if one.name == column), None)
        users = (known.refers_to == "users" or known.name == "user_id") if known else column in _USERS
        if users and "users" not in readers.shown and rows[column].type().is_string():
            changed[column] = _user_codes(crm, rows[column])
        elif known and known.personal and column not in GROUPS and _owner(table) not in readers.shown:
            text = rows[column]
            changed[column] = ibis.cases((text.strip() == "", text), (text.notnull(), ibis.literal(HIDDEN)))
    if "name" in changed and table == "users":
        changed["name"] = changed["user_id"]
    return rows.mutate(**changed) if changed else rows


def whole(crm: Crm) -> Crm:
    """Return the whole tables behind those that readers get."""
    return crm.readers.behind if crm.readers is not None else crm


def _owner(table: str) -> str:
    """Return whose personal data a table holds; what customers write in surveys is theirs."""
    return table if table in PREFIXES else "customers"


def _user_codes(crm: Crm, keys: ir.StringValue) -> ir.StringValue:
    secret = _secret(crm)
    if crm.embedded:
        return coded(keys, "users", secret=secret)
    # other engines have no common SHA-256: the few users are replaced one by one
    known = crm.tables["users"].select("user_id").to_pyarrow()["user_id"].to_pylist() if "users" in crm.tables else []
    named = [(keys == key, ibis.literal(code("users", key, secret=secret))) for key in known]
    return ibis.cases(*named, (keys.notnull(), ibis.literal("U-(other)")))


def _secret(crm: Crm) -> str:
    if "secret" not in crm.remembered:
        crm.remembered["secret"] = key_of(crm.config.name or crm.label)
    return crm.remembered["secret"]


def who(crm: Crm, keys: pd.Series, *, table: str = "customers") -> pd.Series:
    """Return what a list shows of persons: name and key where readers may see them, else codes.

    Parameters
    ----------
    crm : Crm
        The whole tables, of which everything is shown, or those of `for_readers`.
    keys : Series of str
        Keys of `table`.
    table : {"customers", "leads"}

    Returns
    -------
    Series of str
        In the order of `keys`; a key that is null stays null.
    """
    if crm.readers is not None and table not in crm.readers.shown:
        secret = _secret(whole(crm))
        return keys.map(lambda key: code(table, key, secret=secret), na_action="ignore")
    crm, column = whole(crm), "company" if table == "leads" else "name"
    if table not in crm.tables or column not in crm.present[table]:
        return keys
    rows, own = crm.tables[table], schema.TABLES[table].key[0]
    rows = rows.filter(rows[own].isin(keys.dropna().unique().tolist())).select(key=own, name=column)
    found = rows.to_pyarrow().to_pandas().drop_duplicates("key").set_index("key")["name"]
    names = keys.map(found)
    return names.where(names.isna(), names + " (" + keys.astype(str) + ")").fillna(keys)
