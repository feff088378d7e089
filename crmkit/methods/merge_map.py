"""Duplicates as people look through them: a list of records, a sentence, and the merge map on disk."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit.errors import DataError, UsageError
from crmkit.merges import COLUMNS, read
from crmkit.methods.duplicates import Duplicates
from crmkit.methods.identity.records import NAMES
from crmkit.schema import TABLES

if TYPE_CHECKING:
    from crmkit.crm import Crm

MAP = (*COLUMNS, "probability", "evidence")


def listed(found: Duplicates, crm: Crm | None = None, *, names: bool = False) -> pd.DataFrame:
    """Return the records that are one as a list: `table`, `cluster`, `id`, `into` (empty for the one to keep), and why.

    With `names`, a column `name` stands after the id: it is personal and left out otherwise.
    """
    rows = found.clusters
    kept = rows[rows["keep"]].set_index("cluster")["id"]
    into = rows["cluster"].map(kept).where(~rows["keep"].astype(bool), "")
    made = pd.DataFrame({"table": found.table, "cluster": rows["cluster"], "id": rows["id"], "into": into})
    if names and crm is not None:
        made.insert(3, "name", rows["id"].map(called(crm, found.table)).fillna(""))
    made["created_at"] = rows["created_at"]
    return made.assign(probability=rows["probability"].round(4), evidence=rows["evidence"])


def called(crm: Crm, table: str) -> dict[str, str]:
    """Return the name of each record of a table, by its id; of a lead without one its company's."""
    key, columns = TABLES[table].key[0], [name for name in NAMES[table] if name in crm.tables[table].columns]
    rows = crm.tables[table].select(key, *columns).to_pandas()
    told = rows[columns[0]] if columns else pd.Series("", rows.index)
    for column in columns[1:]:
        told = told.fillna(rows[column])
    return dict(zip(rows[key], told, strict=True))


def summary(found: Duplicates) -> str:
    """Say in a sentence how many records are too many.

    >>> people = pd.DataFrame({"customer_id": ["1", "2"], "name": ["Ewa", "Adam"]})
    >>> from crmkit.methods.duplicates import duplicates
    >>> summary(duplicates(people))
    'customers: none of 2 records is a second one of somebody (from probability 0.95 on).'
    """
    since = f"(from probability {found.threshold:g} on)"
    if not found.extra:
        return f"{found.table}: none of {found.records:,} records is a second one of somebody {since}."
    clusters = int(found.clusters["cluster"].max())
    are = "is a second one" if found.extra == 1 else "are second ones"
    return f"{found.table}: {found.extra:,} of {found.records:,} records {are} of {clusters:,} who were there {since}."


def add(path: str | Path, found: Sequence[Duplicates]) -> int:
    """Write a merge map, or add what is new to one: rows that are there stay as they are.

    A record that the map names already, merged or kept apart, is not written again.

    Parameters
    ----------
    path : str or Path
    found : list of Duplicates

    Returns
    -------
    int
        How many rows were written.

    Raises
    ------
    UsageError
        Where the folder is not there, or the path is one.
    DataError
        Where the file that is there is no merge map, or cannot be written.
    """
    path = Path(path).expanduser()
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(
            f"The merge map {str(path)!r} cannot be a folder or lie in none; name a file such as merges.csv."
        )
    there = path.is_file() and path.stat().st_size > 0
    decided = {(row.table, row.id) for row in read(path)} if there else set()
    header = _header(path) if there else list(MAP)
    rows: list[dict[str, Any]] = []
    for one in found:
        rows += [row for row in one.merges.to_dict("records") if (one.table, row["id"]) not in decided]
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", extrasaction="ignore", lineterminator="\n")
    if not there:
        writer.writeheader()
    writer.writerows(rows)
    try:
        former = path.read_bytes() if there else b""
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_bytes(former + (b"" if not former or former.endswith(b"\n") else b"\n") + text.getvalue().encode())
        draft.replace(path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}.") from None
    return len(rows)


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file))
