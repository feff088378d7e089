"""Customers at cut-offs, what was known of them then, and who left in the window after: the rows to learn from.

A row is a customer at a cut-off. The label's windows `[cut-off, cut-off + window_days)` of the cut-offs abut and do not
overlap, so that no loss counts twice. A window that is not over at `as_of` has no label: unknown is not "stayed".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import pick, run
from crmkit.models.feature import DAY, all_features, at_cutoffs, available, known_rows, with_features
from crmkit.relations import at

if TYPE_CHECKING:
    from crmkit.crm import Crm

BASES = ("auto", "losses", "orders")
LEAST_HISTORY = 180
"""Days of data before the first cut-off: with less, nothing is known of anybody then."""


def now_cutoff(crm: Crm) -> datetime:
    """Return the moment after the last one that the data knows.

    Raises
    ------
    NotInThisData
        Where nothing in the data has a date.
    """
    if crm.as_of is None:
        raise NotInThisData("churn: not in this data, needs rows with a date.")
    return crm.as_of + timedelta(microseconds=1)


def choose_basis(crm: Crm, basis: str = "auto") -> str:
    """Say what leaving is in this data: the end of being a customer ("losses"), or that no order comes ("orders").

    Where there are subscriptions, or the table customers says who was lost, a loss is a fact; where there are only
    orders nobody says goodbye.

    Raises
    ------
    NotInThisData
        Where the data has neither.
    """
    pick("basis", basis, BASES)
    told = "customers" in crm.tables and "lost_at" in crm.present["customers"]
    can = {"losses": "subscriptions" in crm.relations or told, "orders": "orders" in crm.relations}
    if basis == "auto" and not any(can.values()):
        raise NotInThisData(
            "churn: not in this data, needs the table subscriptions or orders, or the column customers.lost_at."
        )
    if basis == "auto":
        basis = "losses" if can["losses"] else "orders"
    if not can[basis]:
        needs = {"losses": "subscriptions or the column customers.lost_at", "orders": "orders"}[basis]
        raise NotInThisData(f"churn: not in this data, needs the table {needs}.")
    return basis


def cutoffs_of(crm: Crm, *, window_days: int = 90, most: int = 8, last: datetime | None = None) -> list[datetime]:
    """Return the cut-offs whose windows are over, the earliest first, `window_days` apart.

    Parameters
    ----------
    crm : Crm
    window_days : int
        Length of the label's window.
    most : int
        At most so many, the latest.
    last : datetime, optional
        The end of the last window; by default the moment up to which the data is known.

    Raises
    ------
    NotInThisData
        Where the data is too short for one.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": ["1", "2"], "customer_id": ["a", "a"], "amount": [1.0, 1.0],
    ...     "ordered_at": ["2025-01-01", "2026-01-01"]}}, as_of="2025-12-31")
    >>> [str(cutoff.date()) for cutoff in cutoffs_of(crm)]
    ['2025-07-05', '2025-10-03']
    """
    if not isinstance(window_days, int) or window_days < 1:
        raise UsageError(f"window_days is {window_days!r}; it must be a whole number of days, at least 1.")
    end = last or now_cutoff(crm)
    first = _first_event(crm)
    if first is None:
        raise NotInThisData("churn: not in this data, needs orders, subscriptions or customers with dates.")
    found: list[datetime] = []
    cutoff = end - timedelta(days=window_days)
    while cutoff >= first + timedelta(days=LEAST_HISTORY) and len(found) < most:
        found.append(cutoff)
        cutoff -= timedelta(days=window_days)
    if not found:
        raise NotInThisData(
            f"churn: not in this data, needs {LEAST_HISTORY} days of history and a window of {window_days} days after "
            f"it; the data begins on {first:%Y-%m-%d} and ends on {end:%Y-%m-%d}."
        )
    return found[::-1]


def _first_event(crm: Crm) -> datetime | None:
    """Return when the data begins: its first order, ticket, activity or answer, else its first customer."""
    times = {"orders": "ordered_at", "tickets": "opened_at", "activities": "at", "surveys": "answered_at"}
    parts = [crm.relations.get(t).select(t=c) for t, c in times.items() if t in crm.relations]
    if not parts:
        late = {"subscriptions": "started_at", "customers": "created_at"}
        parts = [crm.relations.get(t).select(t=c) for t, c in late.items() if t in crm.relations]
    if not parts:
        return None
    events = ibis.union(*parts) if len(parts) > 1 else parts[0]
    found = run(events.agg(first=events.t.min()))["first"].iloc[0]
    return None if pd.isna(found) else found.to_pydatetime()


def churn_panel(
    crm: Crm,
    cutoffs: Sequence[datetime] | None = None,
    *,
    window_days: int = 90,
    basis: str = "auto",
    features: Sequence[str] | None = None,
    more: Callable[[Crm, datetime], pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Make the rows to learn from: who was a customer at each cut-off, what was known, who left in the window.

    Parameters
    ----------
    crm : Crm
    cutoffs : list of datetime, optional
        By default those of `cutoffs_of`.
    window_days : int
        Length of the label's window after the cut-off.
    basis : {"auto", "losses", "orders"}
        What leaving is, see `choose_basis`. With "losses" customers with subscriptions (or, where the table is missing,
        all) are followed until they are lost; with "orders" those who ordered in the `inactive_after_days` before
        the cut-off and have no subscription, and leaving is that no order comes in the window.
    features : list of str, optional
        Names of `crmkit.models.feature.all_features()`; by default all that the data can have.
    more : callable, optional
        Features of your own: from a Crm and a cut-off to a frame of one row a customer with `customer_id`. It is
        given the whole Crm: whether it looks ahead is for `leakage_probe` to find.

    Returns
    -------
    DataFrame
        `customer_id`, `cutoff`, `churned` (1.0 or 0.0; null where the window is not over), `days_followed` (from the
        cut-off to the loss, else to the window's end; null with "orders"), and a column a feature. In `attrs`:
        `features`, `titles`, `units`, `left_out` (feature to reason), `window_days`, `basis`, `as_of`, `currency`.

    Raises
    ------
    NotInThisData
        Where nothing says who left, the history is too short, or nobody was a customer at any cut-off.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": list("12"), "customer_id": list("ab"),
    ...     "started_at": ["2025-01-01"] * 2, "ended_at": ["2026-02-01", None], "mrr": [10.0, 20.0]}},
    ...     as_of="2026-03-31")
    >>> panel = churn_panel(crm, [datetime(2026, 1, 1)], features=["mrr", "tenure_days"])
    >>> panel[["customer_id", "churned", "mrr", "tenure_days"]].values.tolist()
    [['a', 1.0, 10.0, 365.0], ['b', 0.0, 20.0, 365.0]]
    """
    basis = choose_basis(crm, basis)
    moments = list(cutoffs) if cutoffs is not None else cutoffs_of(crm, window_days=window_days)
    chosen, left_out = available(crm, features)
    table = at_cutoffs(moments)
    base = (_losses if basis == "losses" else _no_orders)(crm, table, window_days)
    end = at(now_cutoff(crm))
    over = base.cutoff + ibis.interval(days=window_days) <= end
    base = base.mutate(churned=ibis.ifelse(over, base.churned.cast("float64"), ibis.null("float64")))
    found = run(with_features(crm, base, table, chosen, window_days=window_days))
    if not len(found):
        days = ", ".join(f"{moment:%Y-%m-%d}" for moment in moments)
        raise NotInThisData(f"churn: nobody was a customer at any cut-off ({days}).")
    found = found.sort_values(["cutoff", "customer_id"], ignore_index=True)
    names = [f.name for f in chosen]
    if more is not None:
        found, added = _with_more(found, crm, more)
        names += added
    empty = {name: "no customer has a value" for name in names if found[name].isna().all()}
    names = [name for name in names if name not in empty]
    declared = all_features()
    found = found[["customer_id", "cutoff", "churned", "days_followed", *names]]
    found.attrs = {
        "features": names,
        "titles": {name: declared[name].title if name in declared else name for name in names},
        "units": {name: declared[name].unit if name in declared else "" for name in names},
        "left_out": left_out | empty,
        "window_days": window_days,
        "basis": basis,
        "as_of": crm.as_of,
        "currency": crm.config.currency,
    }
    return found


def _losses(crm: Crm, cutoffs: ir.Table, window_days: int) -> ir.Table:
    """Who was a customer at each cut-off, and was lost in the window."""
    spells = crm.relations.get("spells").cross_join(cutoffs)
    running = (spells.acquired_at < spells.cutoff) & (spells.lost_at.isnull() | (spells.lost_at >= spells.cutoff))
    rows = spells.filter(running)
    if "subscriptions" in crm.relations:
        paying = _subscribed(crm, cutoffs)
        rows = rows.semi_join(paying, (rows.customer_id == paying.payer_id) & (rows.cutoff == paying.paid_cutoff))
    lost = (rows.lost_at < rows.cutoff + ibis.interval(days=window_days)).fill_null(False)
    days = (rows.lost_at.epoch_seconds() - rows.cutoff.epoch_seconds()) / DAY
    followed = ibis.ifelse(lost, days, float(window_days))
    return rows.group_by("customer_id", "cutoff").agg(churned=lost.cast("int64").max(), days_followed=followed.min())


def _subscribed(crm: Crm, cutoffs: ir.Table) -> ir.Table:
    """Customers with a subscription that runs at the cut-off."""
    rows = known_rows(crm, "subscriptions", cutoffs)
    return rows.filter(rows.ended_at.isnull()).select(payer_id="customer_id", paid_cutoff="cutoff").distinct()


def _no_orders(crm: Crm, cutoffs: ir.Table, window_days: int) -> ir.Table:
    """Who had ordered of late at each cut-off, without a subscription, and did not order in the window."""
    orders = crm.relations.get("orders")
    placed = orders.filter((orders.amount >= 0) & orders.ordered_at.notnull() & orders.customer_id.notnull())
    rows = placed.select("customer_id", "ordered_at").cross_join(cutoffs)
    patience = ibis.interval(days=crm.config.inactive_after_days)
    before = (rows.ordered_at < rows.cutoff) & (rows.ordered_at >= rows.cutoff - patience)
    after = (rows.ordered_at >= rows.cutoff) & (rows.ordered_at < rows.cutoff + ibis.interval(days=window_days))
    counted = rows.group_by("customer_id", "cutoff").agg(had=rows.count(where=before), has=rows.count(where=after))
    counted = counted.filter(counted.had > 0)
    if "subscriptions" in crm.relations:
        paying = _subscribed(crm, cutoffs)
        meet = (counted.customer_id == paying.payer_id) & (counted.cutoff == paying.paid_cutoff)
        counted = counted.anti_join(paying, meet)
    return counted.select(
        "customer_id", "cutoff", churned=(counted.has == 0).cast("int64"), days_followed=ibis.null("float64")
    )


def _with_more(panel: pd.DataFrame, crm: Crm, more) -> tuple[pd.DataFrame, list[str]]:
    parts = []
    for cutoff in panel["cutoff"].unique():
        part = more(crm, pd.Timestamp(cutoff).to_pydatetime())
        part = part.to_pandas() if hasattr(part, "to_pandas") else part
        if "customer_id" not in part:
            raise UsageError(f"more() returned no column customer_id; it has {', '.join(map(str, part.columns))}.")
        if part["customer_id"].duplicated().any():
            twice = part.loc[part["customer_id"].duplicated(), "customer_id"].iloc[0]
            raise UsageError(f"more() returned customer {twice!r} twice; one row a customer.")
        parts.append(part.assign(cutoff=cutoff))
    added = pd.concat(parts, ignore_index=True)
    names = [name for name in added if name not in ("customer_id", "cutoff")]
    if twice := sorted(set(names) & set(panel.columns)):
        raise UsageError(f"more() returned the column {twice[0]!r}, which is there already. Rename it.")
    return panel.merge(added, on=["customer_id", "cutoff"], how="left", validate="one_to_one"), names


def crm_as_known(crm: Crm, cutoff: datetime) -> Crm:
    """Return the same Crm as it was known just before a cut-off: no later row is in it."""
    return replace(crm, as_of=cutoff - timedelta(microseconds=1), settled={}, remembered={})
