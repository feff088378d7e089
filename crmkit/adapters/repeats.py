"""Rows that stand twice in an export: left out where they repeat another in full, refused where they differ.

Keys are compared a share of them at a time, so that the rows of a file larger than memory are no more than others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmkit import schema
from crmkit.adapters.cells import identifier
from crmkit.adapters.work import Work
from crmkit.errors import DataError

if TYPE_CHECKING:
    import duckdb

_AT_ONCE = 2_000_000  # keys that are compared at once: about 100 MB


def once(con: duckdb.DuckDBPyConnection, declared: schema.Table, parts: list[Work], listed: str) -> str:
    """Return the SQL that leaves out of all_NAME the rows that repeat another in full; "" where there are none.

    Parameters
    ----------
    con : connection
    declared : Table
        With a key.
    parts : list of Work
        What all_NAME is made from, in the order of its `_part`.
    listed : str
        The columns of the table, as SQL.

    Raises
    ------
    DataError
        Where two rows that differ have the same key.
    """
    name, key = declared.name, ", ".join(map(identifier, declared.key))
    if not _may_repeat(con, name, key):
        return ""
    suspect = f"hash({key}) IN (SELECT code FROM suspect_{name})"
    twice = f"SELECT {key} FROM all_{name} WHERE {suspect} GROUP BY {key} HAVING count(*) > 1"
    if con.execute(f"SELECT count(*) FROM ({twice})").fetchone()[0] == 0:
        return ""
    differ = (
        f"SELECT {key} FROM (SELECT DISTINCT {listed} FROM all_{name} WHERE ({key}) IN ({twice})) "
        f"GROUP BY {key} HAVING count(*) > 1"
    )
    total = con.execute(f"SELECT count(*) FROM ({differ})").fetchone()[0]
    if total:
        raise _differing(con, declared, parts, differ, total)
    # the rows of keys that stand once need no comparison with others
    return (
        f"WHERE NOT {suspect} UNION ALL SELECT _part, _file, _row, {listed} FROM all_{name} WHERE {suspect} "
        f"QUALIFY row_number() OVER (PARTITION BY {listed} ORDER BY _part, _file, _row) = 1"
    )


def _may_repeat(con: duckdb.DuckDBPyConnection, name: str, key: str) -> bool:
    """Gather the codes that keys share, as suspect_NAME; tell whether there are any.

    Two keys may share a code by chance: what is suspect is looked at again.
    """
    con.execute(f"CREATE TEMP TABLE suspect_{name} (code UBIGINT)")
    rows = con.execute(f"SELECT count(*) FROM all_{name}").fetchone()[0]
    shares = max(1, -(-rows // _AT_ONCE))
    for share in range(shares):
        con.execute(
            f"INSERT INTO suspect_{name} SELECT hash({key}) AS code FROM all_{name} "
            f"WHERE hash({key}) % {shares} = {share} GROUP BY ALL HAVING count(*) > 1"
        )
    return bool(con.execute(f"SELECT count(*) FROM suspect_{name}").fetchone()[0])


def _differing(
    con: duckdb.DuckDBPyConnection, declared: schema.Table, parts: list[Work], differ: str, total: int
) -> DataError:
    name, key = declared.name, ", ".join(map(identifier, declared.key))
    one = f"SELECT * FROM ({differ}) ORDER BY ALL LIMIT 1"
    first = con.execute(
        f"SELECT _part, _file, _row, {key} FROM all_{name} WHERE ({key}) IN ({one}) ORDER BY 1, 2, 3 LIMIT 2"
    ).fetchall()
    places = [f"{parts[p].staged.files[f].path.name}, line {parts[p].line(f, r)}" for p, f, r, *_ in first]
    more = f" (one of {total:,} such keys)" if total > 1 else ""
    return DataError(
        f"{name}: the key {' / '.join(map(str, first[0][3:]))} ({', '.join(declared.key)}) stands in rows that "
        f"differ: {' and '.join(places)}{more}. A key must name one row: make it from more "
        "columns (combine), or leave rows out (only, without)."
    )
