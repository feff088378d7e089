"""Cohorts: how those who came in the same period fare as they grow older."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crmkit.casting import TIME
from crmkit.engine.buckets import Buckets
from crmkit.engine.intervals import wilson
from crmkit.engine.money import check_currencies
from crmkit.errors import UsageError
from crmkit.methods.common import names, need, pick, run, said, with_customers
from crmkit.metric import find
from crmkit.periods import Period, grain

OF = ("customers", "orders", "revenue")
_TITLES = {
    "customers": "Customers kept, by cohort",
    "orders": "Customers who ordered, by cohort",
    "revenue": "Revenue per customer, by cohort",
}


def cohorts(
    crm,
    *,
    every: str = "month",
    of: str = "customers",
    by: str | Sequence[str] | None = None,
    period: str | Period | None = None,
    ages: int | None = None,
) -> pd.DataFrame:
    """Follow those who came in the same period: what share is kept, or orders, or what they bring, at each age.

    Parameters
    ----------
    crm : Crm
    every : {"week", "month", "quarter", "year"}
        The length of a cohort's period, and the unit of age. Age 0 is the cohort's own period.
    of : {"customers", "orders", "revenue"}
        "customers": a cohort are those acquired in a period; `value` is the share who are customers at the end of the
        age, those who left and came back among them. "orders": a cohort are those whose first order lies in a period;
        `value` is the share who order in the age. "revenue": the same cohorts; `value` is the amount of the orders in
        the age, less returns, per customer of the cohort.
    by : str or list of str, optional
        Columns of customers, or of the tables they join to.
    period : str or Period, optional
        The cohorts to follow; by default all.
    ages : int, optional
        How many ages to follow, from 0; by default all.

    Returns
    -------
    DataFrame
        One row a cohort, group and age: `cohort` (start of its period), one column for each of `by`, `age`, `value`
        (a share 0-1, or money), `low`, `high` (95%, Wilson; none for money), `n` (customers of the cohort),
        `numerator` (of them kept, ordering, or the money), `known`. Where an age is not over at `as_of` `known` is
        False and the value is null, never 0. Left out: periods in which nobody came, the cohort of a period that
        is not over, customers without a date of acquisition, and returns of customers who never ordered.

    Raises
    ------
    UsageError
        Where an option or column is unknown.
    NotInThisData
        Where the tables are missing.

    Notes
    -----
    Customers who came before the data begins and left before it begins are in no cohort, so cohorts of an imported
    past may look more loyal than they were. A customer without subscriptions is lost only `inactive_after_days` after
    an order, so up to that age a cohort of buyers stands at 100%: use `of="orders"` for them.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abc"), "created_at": ["2026-01-01"] * 3,
    ...     "acquired_at": ["2026-01-05", "2026-01-20", "2026-02-03"], "lost_at": ["2026-02-10", None, None]}},
    ...     as_of="2026-02-28")
    >>> cohorts(crm)[["cohort", "age", "value", "n", "known"]]
          cohort  age  value  n  known
    0 2026-01-01    0    1.0  2   True
    1 2026-01-01    1    0.5  2   True
    2 2026-02-01    0    1.0  1   True
    3 2026-02-01    1    NaN  1  False
    """
    of, every, wanted = pick("of", of, OF), grain(every), names(by)
    if ages is not None and (isinstance(ages, bool) or not isinstance(ages, int) or ages < 1):
        raise UsageError(f"ages is {ages!r}; it must be a whole number from 1.")
    need(crm, "cohorts", "spells" if of == "customers" else "orders")
    if of == "revenue":
        check_currencies(crm, find("revenue"), wanted)
    unit = "money" if of == "revenue" else "share"
    columns = ["cohort", *wanted, "age", "value", "low", "high", "n", "numerator", "known"]
    if crm.as_of is None:
        return said(pd.DataFrame(columns=columns), crm, title=_TITLES[of], unit=unit, every=every)
    clock = Buckets((crm.period("latest", every=every),), every)
    asked, groups = (_customers if of == "customers" else _orders)(crm, clock, wanted, of)
    found = run(asked).rename(columns=dict(zip(groups, wanted, strict=True)))
    span = crm.period(period) if period is not None else None
    frame = _grid(crm, found, every, wanted, running=of == "customers", span=span, ages=ages)
    frame["value"] = np.where(frame["known"], frame["numerator"] / frame["n"], np.nan)
    frame["numerator"] = frame["numerator"].where(frame["known"])
    bounds = wilson(frame["numerator"], frame["n"]) if unit == "share" else (np.nan, np.nan)
    frame["low"], frame["high"] = bounds
    return said(frame[columns], crm, title=_TITLES[of], unit=unit, every=every)


def pivot(frame: pd.DataFrame, *, values: str = "value") -> pd.DataFrame:
    """Return cohorts as a triangle: one row a cohort (and group), one column an age; what is not known is null.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": list("aab"), "amount": [5.0, 7.0, 9.0],
    ...     "ordered_at": ["2026-01-05", "2026-03-03", "2026-02-02"]}}, as_of="2026-03-31")
    >>> pivot(cohorts(crm, of="orders")).to_numpy().tolist()
    [[1.0, 0.0, 1.0], [1.0, 0.0, nan]]
    """
    numbers = {"age", "value", "low", "high", "n", "numerator", "known"}
    if missing := {"cohort", "age", values} - set(frame.columns):
        raise UsageError(f"pivot needs the column {' and '.join(sorted(missing))}; give it what cohorts() returns.")
    rows = [column for column in frame.columns if column not in numbers]
    return frame.pivot(index=rows, columns="age", values=values)


def _customers(crm, clock: Buckets, by: list[str], of: str) -> tuple[ir.Table, list[str]]:
    """Count by cohort and period who came, came back and left; `change` runs up to the customers kept."""
    spells = crm.relations.get("spells")
    first = ibis.ifelse(spells.spell == 1, spells.acquired_at, ibis.null(TIME))
    rows = spells.mutate(cohort=clock.start_of(first.min().over(ibis.window(group_by="customer_id"))))
    came = rows.select("customer_id", "cohort", at=clock.start_of(rows.acquired_at), change=ibis.literal(1),
                       size=ibis.ifelse(rows.spell == 1, 1, 0))  # fmt: skip
    left = rows.filter(rows.lost_at.notnull())
    left = left.select("customer_id", "cohort", at=clock.start_of(left.lost_at), change=ibis.literal(-1),
                       size=ibis.ifelse(left.spell == 1, 0, 0))  # fmt: skip
    moves, groups = with_customers(crm, ibis.union(came, left, distinct=False), by)
    asked = moves.filter(moves.cohort.notnull()).group_by("cohort", "at", *groups)
    return asked.agg(change=moves.change.sum(), size=moves.size.sum()), groups


def _orders(crm, clock: Buckets, by: list[str], of: str) -> tuple[ir.Table, list[str]]:
    """Count by cohort and period who ordered, or add up their orders.

    Orders are brought down to one row a customer and period first, and the cohort is found on these few.
    """
    orders = crm.relations.get("orders")
    orders = orders.filter(orders.ordered_at.notnull() & orders.customer_id.notnull() & orders.amount.notnull())
    if of == "orders":
        orders = orders.filter(orders.amount >= 0)
    sums = {"amount": orders.amount.sum(), "bought": (orders.amount >= 0).sum()} if of == "revenue" else {}
    active = orders.group_by("customer_id", at=clock.start_of(orders.ordered_at)).agg(**sums)
    bought = active.filter(active.bought > 0) if sums else active
    firsts = bought.group_by(first_id="customer_id").agg(cohort=bought["at"].min())
    rows = active.inner_join(firsts, active.customer_id == firsts.first_id).drop("first_id")
    rows, groups = with_customers(crm, rows, by)
    size = ibis.ifelse(rows["at"] == rows.cohort, 1, 0).sum()
    change = rows.amount.sum() if sums else rows.count()
    return rows.group_by("cohort", "at", *groups).agg(change=change, size=size), groups


def _grid(
    crm, found: pd.DataFrame, every: str, by: list[str], *, running: bool, span: Period | None, ages: int | None
) -> pd.DataFrame:
    """Return one row a cohort, group and age with the cohort's size, the numerator, and whether the age is over."""
    starts = _starts(crm, found, every)
    calendar = crm.config.calendar
    over = np.array([Period(s, calendar.step(s, every), every, calendar).complete(crm.as_of) for s in starts], bool)
    places = pd.DatetimeIndex(starts).astype("datetime64[us]")
    found = found.assign(row=places.get_indexer(found["cohort"]), column=places.get_indexer(found["at"]))
    rows = found[["row", *by]].drop_duplicates().sort_values(["row", *by])
    inside = over[rows["row"]]
    if span is not None:
        inside &= np.array([span.start <= starts[row] < span.end for row in rows["row"]], bool)
    rows = rows[inside].reset_index(drop=True)
    width = int(over.sum()) - int(rows["row"].min()) if len(rows) else 0
    width = min(width, ages or width)
    found = found.merge(rows.assign(line=range(len(rows))), on=["row", *by], how="inner")
    age = np.clip(found["column"] - found["row"], 0, None)
    change, size = np.zeros((len(rows), len(starts) + 1)), np.zeros(len(rows))
    np.add.at(change, (found["line"], age), found["change"].astype(float))
    np.add.at(size, found["line"], found["size"].astype(float))
    numerator = (change.cumsum(axis=1) if running else change)[:, :width]
    grid = rows.loc[rows.index.repeat(width)].reset_index(drop=True)
    grid["cohort"] = places[grid["row"]] if len(grid) else places[:0]
    grid["age"] = np.tile(np.arange(width), len(rows))
    last = grid["row"] + grid["age"]
    grid["known"] = (last < len(starts)) & over[np.minimum(last, len(starts) - 1)] if len(grid) else False
    grid = grid.assign(numerator=numerator.ravel(), n=size.repeat(width).astype("int64"))
    return grid[grid["n"] > 0].reset_index(drop=True)


def _starts(crm, found: pd.DataFrame, every: str) -> list[datetime]:
    """Return the starts of all periods from the first cohort's to that of `as_of`."""
    calendar = crm.config.calendar
    last = calendar.floor(crm.as_of, every)
    start = min(found["cohort"].min().to_pydatetime(), last) if len(found) else last
    starts = []
    while start <= last:
        starts.append(start)
        start = calendar.step(start, every)
    return starts
