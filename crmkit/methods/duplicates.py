"""Customers and leads that were entered twice: pairs with their probability and evidence, clusters, what to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmkit import schema
from crmkit.errors import DataError, UsageError
from crmkit.methods.common import as_table, need, pick, run
from crmkit.methods.identity.clusters import clusters as put_together
from crmkit.methods.identity.clusters import kept
from crmkit.methods.identity.evidence import explain
from crmkit.methods.identity.records import COMPARED, NAMES, ordered, prepare
from crmkit.personal.readers import whole

if TYPE_CHECKING:
    from crmkit.crm import Crm

TABLES = ("customers", "leads")
THRESHOLD = 0.95
"""Pairs at least this probable count as one; on planted duplicates 99.9% of them are, and 99% of all are found."""
LEAST = 0.01
"""Pairs less probable than this are not listed."""
PAIRS = ("id", "other_id", "probability", "duplicate", "evidence")
CLUSTERS = ("cluster", "id", "keep", "records", "created_at", "filled", "probability", "evidence")


@dataclass(frozen=True)
class Duplicates:
    """What was found out about the records of a table.

    Attributes
    ----------
    table : str
    pairs : DataFrame
        One row a pair at least 0.01 probable, the surest first: `id`, `other_id`, `probability` (that both are one),
        `duplicate` (whether both are in one cluster), `evidence` (in words, without names).
    clusters : DataFrame
        One row a record that is one with others: `cluster` (from 1, the largest first), `id`, `keep` (whether it is the
        one to keep: the oldest, of equally old ones the one with most filled cells), `records` (of the cluster),
        `created_at`, `filled`, `probability` and `evidence` (of the surest pair that it is in).
    records : int
        How many records there are.
    compared : int
        How many pairs of them were looked at.
    threshold : float
    """

    table: str
    pairs: pd.DataFrame
    clusters: pd.DataFrame
    records: int
    compared: int
    threshold: float

    @property
    def extra(self) -> int:
        """How many records there are too many: all of the clusters but the one to keep of each."""
        return int((~self.clusters["keep"].astype(bool)).sum())

    @property
    def merges(self) -> pd.DataFrame:
        """The map that `crmkit.open` applies: `table`, `id`, `into` (the record to keep), `probability`, `evidence`."""
        target = self.clusters[self.clusters["keep"]].set_index("cluster")["id"]
        rows = self.clusters[~self.clusters["keep"].astype(bool)]
        made = pd.DataFrame({"table": self.table, "id": rows["id"], "into": rows["cluster"].map(target)})
        made["probability"], made["evidence"] = rows["probability"].round(4), rows["evidence"]
        return made.reset_index(drop=True)


def duplicates(data: Crm | Any, *, table: str = "customers", threshold: float = THRESHOLD) -> Duplicates:
    """Find the records of a table that are one customer, or one lead, entered several times.

    Compared are name (without legal form, accents, width, case and order of words), e-mail, telephone, postal address
    and year of birth, as far as the table has them. Extra columns of the usual names count: address or street, city,
    postal_code or zip, phone, and for leads name. A pair whose names have nothing in common is never proposed, whatever
    else it shares: a household, a switchboard, an accountant's mailbox are no identity; nor are two persons of one
    surname, or Siemens Polska and Siemens Deutschland. What more than 40 records share (a form's default, the
    e-mail address of a counter) brings none of them together by itself. Neither the order of rows nor the ids change
    the result.

    Parameters
    ----------
    data : Crm, Ibis table or DataFrame
        A table needs its key (`customer_id` or `lead_id`).
    table : {"customers", "leads"}
    threshold : float
        The probability from which a pair counts as one, above 0.01 and below 1.

    Returns
    -------
    Duplicates

    Raises
    ------
    UsageError
        Where the table or the threshold is none.
    DataError
        Where the table has no key, or nothing to compare its records by.
    NotInThisData
        Where the data has no such table.

    Notes
    -----
    The model is that of Fellegi and Sunter, "A theory for record linkage", Journal of the American Statistical
    Association 64 (1969), as splink does it; see `crmkit.methods.identity.model`.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": ["1", "2", "3"],
    ...     "name": ["Lipowa GmbH", "LIPOWA Gesellschaft mbH", "Mewa"],
    ...     "email": ["post@lipowa.example.org", "Post@lipowa.example.org", "post@mewa.example.org"]})
    >>> found = duplicates(people)
    >>> found.clusters[["cluster", "id", "keep"]].values.tolist()
    [[1, '1', True], [1, '2', False]]
    >>> found.pairs["evidence"].tolist()
    ['same e-mail, written otherwise; same name without Gesellschaft mbH and GmbH']
    """
    pick("table", table, TABLES)
    if not LEAST < threshold < 1:
        raise UsageError(f"threshold is {threshold!r}; it must lie above {LEAST} and below 1.")
    records = ordered(prepare(_rows(data, table), table))
    pairs = _pairs(records, threshold)
    joined = put_together(pairs[pairs["probability"] >= threshold], records)
    return Duplicates(
        table=table,
        pairs=_named_pairs(pairs, records, joined),
        clusters=_named_clusters(pairs, records, joined),
        records=len(records),
        compared=int(pairs.attrs["compared"]),
        threshold=threshold,
    )


def leads_of_customers(data: Crm, *, threshold: float = THRESHOLD) -> pd.DataFrame:
    """Find the open leads who are customers already: those without `customer_id` that are one with a customer.

    Parameters
    ----------
    data : Crm
    threshold : float

    Returns
    -------
    DataFrame
        One row a lead, the surest first: `lead_id`, `customer_id` (the most probable one), `probability`, `evidence`.

    Raises
    ------
    NotInThisData
        Where the data lacks leads or customers.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": ["7"], "name": ["Lipowa Ltd"], "created_at": ["2026-01-01"],
    ...     "email": ["post@lipowa.example.org"]}, "leads": {"lead_id": ["L1", "L2"], "created_at": ["2026-02-01"] * 2,
    ...     "company": ["Lipowa", "Mewa"], "email": ["post@lipowa.example.org", "m@mewa.example.org"]}})
    >>> leads_of_customers(crm)[["lead_id", "customer_id"]].values.tolist()
    [['L1', '7']]
    """
    known, open_leads = _rows(data, "customers"), _rows(data, "leads")
    if "customer_id" in open_leads:
        open_leads = open_leads[open_leads["customer_id"].isna()]
    both = [prepare(known, "customers"), prepare(open_leads, "leads")]
    records = ordered(pd.concat(both, ignore_index=True))
    pairs = _pairs(records, threshold)
    of, ids = records["table"].to_numpy(), records["id"].to_numpy()
    left, right = pairs["left"].to_numpy(), pairs["right"].to_numpy()
    pairs = pairs[(of[left] != of[right]) & (pairs["probability"] >= threshold).to_numpy()].copy()
    left, right = pairs["left"].to_numpy(), pairs["right"].to_numpy()
    first = of[left] == "leads"
    made = pd.DataFrame({"lead_id": [ids[a if one else b] for a, b, one in zip(left, right, first, strict=True)]})
    made["customer_id"] = [ids[b if one else a] for a, b, one in zip(left, right, first, strict=True)]
    made["probability"], made["evidence"] = pairs["probability"].to_numpy(), explain(pairs, records)
    made = made.sort_values(["probability", "lead_id", "customer_id"], ascending=[False, True, True])
    return made.drop_duplicates("lead_id").reset_index(drop=True)


def _rows(data: Any, table: str) -> pd.DataFrame:
    key = schema.TABLES[table].key[0]
    if hasattr(data, "relations"):
        data = whole(data)  # names are compared, whoever may read them
        need(data, "duplicates", table)
        relation, present = data.relations.get(table), data.present[table]
        shown = [c for c in relation.columns if c in present or c not in schema.TABLES[table]]
        rows = run(relation.select(shown))
    else:
        rows = data.copy(deep=False) if isinstance(data, pd.DataFrame) else run(as_table(data))
    if key not in rows:
        raise DataError(f"{table} has no column {key} (found: {', '.join(map(str, rows.columns)) or 'none'}).")
    if rows[key].isna().any() or rows[key].duplicated().any():
        raise DataError(f"{table}.{key} must name each row once: {rows[key].duplicated().sum()} rows repeat a value.")
    return rows


def _pairs(records: pd.DataFrame, threshold: float) -> pd.DataFrame:
    from crmkit.methods.identity.model import score

    if len(records) and not records[list(COMPARED)].notna().any(axis=None):
        table = records["table"].iloc[0]
        names = " or ".join(NAMES[table])
        raise DataError(f"{table} has nothing to compare its rows by: it needs {names}, email, phone or an address.")
    return score(records, least=LEAST)


def _named_pairs(pairs: pd.DataFrame, records: pd.DataFrame, joined: list[list[int]]) -> pd.DataFrame:
    ids = records["id"].to_numpy()
    home = {number: at for at, numbers in enumerate(joined) for number in numbers}
    made = pd.DataFrame(
        {"id": ids[pairs["left"]], "other_id": ids[pairs["right"]], "probability": pairs["probability"]}
    )
    swap = made["id"] > made["other_id"]
    made.loc[swap, ["id", "other_id"]] = made.loc[swap, ["other_id", "id"]].to_numpy()
    together = zip(pairs["left"], pairs["right"], strict=True)
    made["duplicate"] = [home.get(one, -1) == home.get(other, -2) for one, other in together]
    made["evidence"] = explain(pairs, records)
    return made.sort_values(["probability", "id", "other_id"], ascending=[False, True, True], ignore_index=True)


def _named_clusters(pairs: pd.DataFrame, records: pd.DataFrame, joined: list[list[int]]) -> pd.DataFrame:
    home = {number: at for at, numbers in enumerate(joined) for number in numbers}
    ends = zip(pairs["left"], pairs["right"], strict=True)
    inside = pairs[np.array([home.get(one, -1) == home.get(other, -2) for one, other in ends], bool)]
    best: dict[int, tuple[float, str]] = {}
    why = explain(inside, records)
    for one, other, sure, said in zip(inside["left"], inside["right"], inside["probability"], why, strict=True):
        for number in (one, other):
            if number not in best or sure > best[number][0]:
                best[number] = (sure, said)
    keepers = kept(joined, records)
    numbers, ids = keepers.index.to_numpy(), records["id"].to_numpy()
    made = records.iloc[numbers][["id", "created_at", "filled"]].reset_index(drop=True)
    made["own"], made["keep"] = ids[keepers.to_numpy()], keepers.to_numpy() == numbers
    made["records"] = made.groupby("own")["id"].transform("size")
    made["probability"] = [best[number][0] for number in numbers]
    made["evidence"] = [best[number][1] for number in numbers]
    made = made.sort_values(["records", "own", "keep", "id"], ascending=[False, True, False, True], ignore_index=True)
    made["cluster"] = made.groupby("own", sort=False).ngroup() + 1
    kinds = {"keep": bool, "records": "int64", "filled": "int64", "probability": float}
    return made[list(CLUSTERS)].astype(kinds)
