"""How few customers bring most of it: the concentration curve that goes by the name of Pareto."""

from __future__ import annotations

from typing import Any

import ibis
import pandas as pd

from crmkit.errors import UsageError
from crmkit.methods.common import need, pick, run, said
from crmkit.methods.customer_value import RANKS, customer_value
from crmkit.periods import Period

TOP_SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
"""The parts of the customers, largest first, whose share `pareto_readings` reads off."""
_CURVE = ["customers", "customers_share", "value", "value_share"]
_TITLES = {"sales": "Revenue", "receipts": "Receipts", "margin": "Gross profit"}
_EVERY_CUSTOMER = 1000


def pareto(crm: Any, *, of: str = "sales", period: str | Period | None = None) -> pd.DataFrame:
    """Return what share of the sales, receipts or margin the largest customers bring: the concentration curve.

    Parameters
    ----------
    crm : Crm
    of : {"sales", "receipts", "margin"}
    period : str or Period, optional
        By default all up to `as_of`.

    Returns
    -------
    DataFrame
        One row a point of the curve, at every per cent of the customers and where half and 80% are passed: `customers`
        (so many of the largest), `customers_share`, `value` (what they bring, money), `value_share`. Its first row is
        0 of everything. With up to 1,000 customers every customer is a point. In `attrs`: `total`, `negative` and
        `negative_value` (customers who sent back more than they bought in the period, and how much), `left_out` (what
        names no customer, money).

        Only customers of whom something came in count, in either direction; those who bought nothing are no part of
        it. Where some are negative the curve rises above 100% and comes down to it at the end. Shares are null where
        the total is not above 0.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("1234"), "customer_id": list("abcd"),
    ...     "amount": [70.0, 20.0, 10.0, 0.0], "ordered_at": ["2026-01-05"] * 4}})
    >>> pareto(crm)
       customers  customers_share  value  value_share
    0        0.0         0.000000    0.0          0.0
    1        1.0         0.333333   70.0          0.7
    2        2.0         0.666667   90.0          0.9
    3        3.0         1.000000  100.0          1.0
    """
    column = RANKS[pick("of", of, tuple(_TITLES))]
    need(crm, "pareto", "payments" if of == "receipts" else "orders")
    rows = customer_value(crm, period=period, rank_by=of)
    rows = rows.select("customer_id", value=rows[column])
    known = rows.filter(rows.customer_id.notnull() & rows.value.notnull() & (rows.value != 0))
    whole = ibis.window()
    upto = ibis.window(order_by=[ibis.desc("value"), "customer_id"], preceding=None, following=0)
    order = ibis.window(order_by=[ibis.desc("value"), "customer_id"])
    points = known.mutate(
        place=ibis.row_number().over(order) + 1,
        upto=known.value.sum().over(upto),
        size=known.count().over(whole),
        total=known.value.sum().over(whole),
        negative=ibis.ifelse(known.value < 0, 1, 0).sum().over(whole),
        negative_value=ibis.ifelse(known.value < 0, known.value, 0.0).sum().over(whole),
    )
    percent = (points.place * 100 // points.size) > ((points.place - 1) * 100 // points.size)
    before = points.upto - points.value
    passed = [(points.upto >= part * points.total) & (before < part * points.total) for part in (0.5, 0.8)]
    found = run(points.filter(percent | passed[0] | passed[1] | (points.size <= _EVERY_CUSTOMER)))
    found = found.sort_values("place", ignore_index=True)
    nobody = run(rows.filter(rows.customer_id.isnull()).agg(left_out=lambda t: t.value.sum()))["left_out"].iloc[0]
    return _curve(found, crm, of, 0.0 if pd.isna(nobody) else float(nobody))


def _curve(found: pd.DataFrame, crm, of: str, left_out: float) -> pd.DataFrame:
    about = {"title": _TITLES[of], "unit": "money", "left_out": left_out}
    if not len(found):
        return said(pd.DataFrame(columns=_CURVE, dtype=float), crm, total=0.0, negative=0, negative_value=0.0, **about)
    last = found.iloc[-1]
    total = float(last["total"])
    curve = pd.DataFrame({"customers": found["place"].astype(float), "value": found["upto"].astype(float)})
    curve = pd.concat([pd.DataFrame({"customers": [0.0], "value": [0.0]}), curve], ignore_index=True)
    curve["customers_share"] = curve["customers"] / float(last["size"])
    curve["value_share"] = curve["value"] / total if total > 0 else float("nan")
    about |= {"negative": int(last["negative"]), "negative_value": float(last["negative_value"]), "total": total}
    return said(curve[_CURVE], crm, **about)


def pareto_readings(curve: pd.DataFrame) -> pd.DataFrame:
    """Read a concentration curve off: what the top 20% of customers bring, how few bring half, and the like.

    Parameters
    ----------
    curve : DataFrame
        What `pareto` returns.

    Returns
    -------
    DataFrame
        One row a reading: `reading` ("top 20%", "bring half", …), `customers` (the fewest that are so many, or bring
        so much), `customers_share`, `value`, `value_share`.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("12345"), "customer_id": list("abcde"),
    ...     "amount": [60.0, 15.0, 10.0, 10.0, 5.0], "ordered_at": ["2026-01-05"] * 5}})
    >>> pareto_readings(pareto(crm)).set_index("reading").loc[["top 20%", "bring half", "bring 80%"], "customers"]
    reading
    top 20%       1.0
    bring half    1.0
    bring 80%     3.0
    Name: customers, dtype: float64
    """
    if lacking := [name for name in _CURVE if name not in curve.columns]:
        raise UsageError(f"The curve lacks {lacking[0]}; give what pareto() returns.")
    wanted = [(f"top {share:.0%}", "customers_share", share) for share in TOP_SHARES]
    wanted += [("bring half", "value_share", 0.5), ("bring 80%", "value_share", 0.8)]
    rows = []
    for reading, column, share in wanted:
        there = curve[curve[column] >= share - 1e-12]
        if len(there):
            rows.append({"reading": reading, **there.iloc[0][_CURVE].to_dict()})
    found = pd.DataFrame(rows, columns=["reading", *_CURVE])
    found.attrs |= curve.attrs
    return found
