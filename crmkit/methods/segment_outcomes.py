"""What came of segments: every metric by them, and whether they tell the future better than what one knew without."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import ibis
import numpy as np
import pandas as pd

from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import need
from crmkit.periods import Period
from crmkit.relations import at

COLUMN = "segment_found"
"""What the column of segments is called by which metrics are then measured."""
_REDRAWN = 200
_NUMBERS = itertools.count(1)


def with_segments(crm: Any, segments: pd.DataFrame, *, column: str = COLUMN) -> Any:
    """Return the Crm with a further column of its customers, so that every metric can be measured by it.

    Parameters
    ----------
    crm : Crm
        With a table customers.
    segments : DataFrame
        `customer_id` and `segment`, one row each, such as `customer_segments` returns it.
    column : str
        What the column is called.

    Returns
    -------
    Crm
        Of the same data; customers without a segment are in "(none)".

    Raises
    ------
    NotInThisData
        Where there is no table customers.
    UsageError
        Where a customer has two segments, or customers has a column of this name.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": list("aab"),
    ...     "amount": [10.0, 30.0, 5.0], "ordered_at": ["2026-01-05", "2026-01-09", "2026-01-11"]},
    ...     "customers": {"customer_id": ["a", "b"], "created_at": ["2026-01-01"] * 2}}, as_of="2026-01-31")
    >>> found = pd.DataFrame({"customer_id": ["a", "b"], "segment": ["often", "once"]})
    >>> by_segment = with_segments(crm, found).measure("revenue", period="2026-01", by="segment_found")
    >>> by_segment[["segment_found", "value"]].values.tolist()
    [['often', 40.0], ['once', 5.0]]
    """
    need(crm, "with_segments", "customers")
    if segments["customer_id"].duplicated().any():
        twice = segments.loc[segments["customer_id"].duplicated(), "customer_id"].iloc[0]
        raise UsageError(f"Customer {twice!r} has two segments; one row each is needed.")
    customers = crm.tables["customers"]
    if column in customers.columns:
        raise UsageError(f"customers has a column {column!r} already; give `column` another name.")
    rows = segments[["customer_id", "segment"]].astype(str)
    rows = rows.rename(columns={"customer_id": "member_", "segment": column})
    if crm.embedded:  # a name in the engine, since relations are kept there as views
        found = crm.engine.create_table(f"segments_given_{next(_NUMBERS)}", rows, temp=True)
    else:
        found = ibis.memtable(rows)
    joined = customers.left_join(found, customers.customer_id == found.member_).drop("member_")
    return replace(crm, tables={**crm.tables, "customers": joined}, remembered={})


def segment_outcomes(crm: Any, segments: pd.DataFrame, metrics: Sequence[str], *, period: str | Period) -> pd.DataFrame:
    """Measure metrics of a period by segment.

    Segments made from what happened in the period say nothing new about it: whoever did not buy is "at risk" and has
    bought little. Give segments as they were known before it.

    Returns
    -------
    DataFrame
        As `crm.measure` returns it, by the column `segment`; "(none)" are customers whom the segments do not know.
    """
    found = with_segments(crm, segments).measure(list(metrics), period=period, by=COLUMN)
    found = found.rename(columns={COLUMN: "segment"})
    return found[found["value"].notna() | (found["n"].fillna(0) > 0)].reset_index(drop=True)


def foresight(
    crm: Any, splits: Mapping[str, pd.DataFrame], *, as_of: str | date | datetime, until: str | date | datetime
) -> pd.DataFrame:
    """Compare how well several ways to split customers tell what they bring afterwards.

    Parameters
    ----------
    crm : Crm
        With orders.
    splits : mapping of str to DataFrame
        What a split is called, to `customer_id` and `segment` as known at `as_of`. Customers in all are compared.
    as_of, until : moments
        What customers ordered after `as_of`, up to and with `until`, is what is to be told.

    Returns
    -------
    DataFrame
        One row a split: `split`, `groups`, `customers`, `money` (share of the variance of log(1 + revenue) that the
        groups' means tell, corrected for their number: ω²), `money_low`, `money_high` (95%, customers redrawn),
        `buys` (of two customers, one who ordered again and one who did not, how often the former is in the group with
        the higher share of buyers: AUC, 0.5 is a coin), `bought` (share of the customers who ordered again). Both are
        measured on the customers who make the groups' means, which flatters a split with few customers a group.
        `behind_low`, `behind_high` (95%) is how much less of the money it tells than the split that tells most, in the
        same redrawn customers; above 0 it tells less beyond noise.

    Raises
    ------
    NotInThisData
        Where fewer than 20 customers are in all splits.

    Source
    ------
    W. L. Hays (1963), Statistics for Psychologists (ω²).
    """
    from crmkit import config as settings

    need(crm, "foresight", "orders")
    start, end = (settings.read({"as_of": moment}).as_of for moment in (as_of, until))
    orders = crm.relations.get("orders")
    later = (orders.ordered_at > at(start)) & (orders.ordered_at <= at(end))
    after = orders.filter(later, orders.customer_id.notnull())
    placed = after.count(where=after.amount >= 0)
    came = after.group_by("customer_id").agg(revenue=after.amount.sum(), orders=placed).to_pyarrow().to_pandas()
    came = came.set_index("customer_id")
    told = pd.DataFrame({name: frame.set_index("customer_id")["segment"] for name, frame in splits.items()}).dropna()
    if len(told) < 20:
        raise NotInThisData(f"only {len(told)} customers are in all splits, too few to compare what came of them")
    money = np.log1p(came["revenue"].reindex(told.index).fillna(0.0).clip(lower=0.0).to_numpy(float))
    again = (came["orders"].reindex(told.index).fillna(0) > 0).to_numpy()
    rows, redrawn = [], {}
    for name in splits:
        codes = told[name].astype("category").cat.codes.to_numpy()
        redrawn[name] = _redrawn(codes, money)
        low, high = _middle(redrawn[name])
        rows.append({"split": name, "groups": len(np.unique(codes)), "customers": len(codes),
                     "money": _omega(codes, money), "money_low": low, "money_high": high, "buys": _auc(codes, again),
                     "bought": float(again.mean())})  # fmt: skip
    table = pd.DataFrame(rows)
    if table["money"].isna().all():
        return table.assign(behind_low=np.nan, behind_high=np.nan)
    best = redrawn[table.loc[table["money"].idxmax(), "split"]]
    behind = [_middle(best - redrawn[name]) for name in table["split"]]
    return table.assign(behind_low=[low for low, _ in behind], behind_high=[high for _, high in behind])


def _redrawn(codes: np.ndarray, money: np.ndarray) -> np.ndarray:
    """Compute what a split tells in redrawn customers: the same customers for every split of as many."""
    rng = np.random.default_rng(0)
    drawn = (rng.integers(0, len(codes), len(codes)) for _ in range(_REDRAWN))
    return np.array([_omega(codes[rows], money[rows]) for rows in drawn])


def _middle(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of the middle 95%; unknown where nothing is known."""
    known = values[np.isfinite(values)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return float(low), float(high)


def _omega(codes: np.ndarray, values: np.ndarray) -> float:
    sizes = np.bincount(codes)
    means = np.bincount(codes, values) / np.maximum(sizes, 1)
    whole = float(((values - values.mean()) ** 2).sum())
    groups, n = int((sizes > 0).sum()), len(values)
    if not whole or n <= groups:
        return np.nan
    between = float((sizes * (means - values.mean()) ** 2).sum())
    error = (whole - between) / (n - groups)
    return max(0.0, (between - (groups - 1) * error) / (whole + error))


def _auc(codes: np.ndarray, again: np.ndarray) -> float:
    """Return the area under the curve of the groups' shares of buyers; customers of one group tie."""
    if again.all() or not again.any():
        return np.nan
    from scipy.stats import rankdata

    shares = np.bincount(codes, again) / np.maximum(np.bincount(codes), 1)
    ranks = rankdata(shares[codes])
    n, m = int(again.sum()), int((~again).sum())
    return float((ranks[again].sum() - n * (n + 1) / 2) / (n * m))
