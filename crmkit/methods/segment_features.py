"""What is known of each customer at a moment, one row a customer: what they buy, how often, for how much, who it is."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from datetime import date, datetime
from functools import reduce
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from crmkit import config as settings
from crmkit.engine.money import check_currencies
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import need, pick
from crmkit.metric import find
from crmkit.periods import Period
from crmkit.relations import Relations, at

FEATURES = {
    "orders": "orders placed; a return is none",
    "order_value": "mean amount of an order placed",
    "categories": "share of the order lines in each product category, a column a category",
    "recency": "days since the last order",
    "tenure": "days since the first order",
    "returns": "share of the orders and returns that are returns",
    "demographics": "kind, segment, industry, region, gender, age in years, employees, annual revenue: what is there",
    "interests": "1 or 0 for each interest, a column an interest",
}
"""What customers can be told apart by."""
BEHAVIOUR = ("orders", "order_value", "categories")
"""The features taken unless others are asked for."""
CATEGORY, INTEREST = "share of ", "interest in "
"""What the names of the columns of a category and of an interest begin with."""
MOST_CATEGORIES = 12
_TEXTS, _NUMBERS = ("kind", "segment", "industry", "region", "gender"), ("employees", "annual_revenue")
_DAY = 86_400.0


def segment_features(
    crm: Any,
    *,
    as_of: str | date | datetime | None = None,
    period: str | Period | None = None,
    of: Sequence[str] = BEHAVIOUR,
) -> pd.DataFrame:
    """Return what is known of each customer who has ordered, one row a customer.

    Parameters
    ----------
    crm : Crm
    as_of : str, date or datetime, optional
        The moment to look back from, a date stands for its whole day; by default the Crm's own. Nothing later is used.
    period : str or Period, optional
        Only orders of this period; by default all up to `as_of`.
    of : sequence of str
        Names in `FEATURES`.

    Returns
    -------
    DataFrame
        Indexed by customer_id, sorted. Columns as asked: `orders`, `order_value` (money), "share of …" (0-1, of the
        lines of orders placed, those without a category are "share of (none)"; beyond the 12 largest categories "share
        of others"), `recency_days`, `tenure_days`, `return_share` (0-1), the columns of customers, `age` (years at the
        end of the moment's year), "interest in …" (1 or 0; null for those of whom no interest is known). What is not
        known is null. `attrs["notes"]` says what could not be had and who is left out, `attrs["as_of"]` the moment.
        Left out: customers without an order that is no return, and orders without a customer, a date or an amount.

    Raises
    ------
    NotInThisData
        Where there are no orders.
    UsageError
        Where `of` names no feature, or `as_of` lies after what the data knows.
    DataError
        Where orders are in several currencies and no rates are given.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": list("123"), "customer_id": list("aab"),
    ...     "amount": [10.0, 30.0, 5.0], "ordered_at": ["2026-01-05", "2026-01-09", "2026-02-01"]}})
    >>> segment_features(crm, of=["orders", "order_value", "recency"]).reset_index().values.tolist()
    [['a', 2, 20.0, 23.0], ['b', 1, 5.0, 0.0]]
    """
    for name in [of] if isinstance(of, str) else of:
        pick("of", name, list(FEATURES))
    wanted = [of] if isinstance(of, str) else list(of)
    if not wanted:
        raise UsageError(f"of is empty; name some of {', '.join(FEATURES)}.")
    need(crm, "segment_features", "orders")
    check_currencies(crm, find("revenue"), [])
    relations, moment = known_at_moment(crm, as_of)
    if moment is None:
        raise NotInThisData("segment_features: not in this data, nothing in it has a date.")
    found, notes = _query(crm, relations, wanted, period, moment)
    frame = found.to_pyarrow().to_pandas().set_index("customer_id").sort_index()
    frame = _interests(frame) if "interests_" in frame else frame
    frame = frame.astype(dict.fromkeys(frame.select_dtypes("float").columns, "float64"))
    frame.attrs |= {"as_of": moment, "currency": crm.config.currency, "notes": tuple(notes), "of": tuple(wanted)}
    return frame


def _query(
    crm: Any, relations: Relations, wanted: list[str], period: str | Period | None, moment: datetime
) -> tuple[ir.Table, list[str]]:
    """Return the features as a query, and what could not be had."""
    orders = _orders(crm, relations, period)
    found, notes = _bought(orders, wanted, moment), []
    if "categories" in wanted:
        found, note = _with_categories(found, orders, relations)
        notes += note
    if {"demographics", "interests"} & set(wanted):
        found, note = _with_customer(crm, found, relations, wanted, moment)
        notes += note
    return found, notes


def known_at_moment(crm: Any, as_of: str | date | datetime | None) -> tuple[Relations, datetime]:
    """Return the relations of a Crm as they were known at a moment, and the moment; by default the Crm's own.

    Raises
    ------
    UsageError
        Where the moment lies after what the data knows.
    """
    moment = settings.read({"as_of": as_of}).as_of if as_of is not None else None
    if moment is None or moment == crm.as_of:
        return crm.relations, crm.as_of
    if crm.as_of and moment > crm.as_of:
        raise UsageError(f"{moment:%Y-%m-%d} lies after {crm.as_of:%Y-%m-%d}, the last day that the data knows.")
    return Relations(crm.tables, config=crm.config, as_of=moment), moment


def _orders(crm: Any, relations: Relations, period: str | Period | None) -> ir.Table:
    orders = relations.get("orders").select("order_id", "customer_id", "ordered_at", "amount")
    orders = orders.filter(orders.customer_id.notnull(), orders.ordered_at.notnull(), orders.amount.notnull())
    if period is None:
        return orders
    span = crm.period(period)
    return orders.filter((orders.ordered_at >= at(span.start)) & (orders.ordered_at < at(span.end)))


def _bought(orders: ir.Table, wanted: list[str], moment: datetime | None) -> ir.Table:
    placed = orders.amount >= 0
    found = orders.group_by("customer_id").agg(
        orders=orders.count(where=placed),
        spent_=orders.amount.sum(where=placed),
        last_=orders.ordered_at.max(where=placed),
        first_=orders.ordered_at.min(where=placed),
        rows_=orders.count(),
    )
    found = found.filter(found.orders > 0)
    columns: dict[str, ir.Value] = {"customer_id": found.customer_id}
    made = {"orders": ("orders", lambda: found.orders.cast("int64")),
            "order_value": ("order_value", lambda: found.spent_.cast("float64") / found.orders),
            "recency": ("recency_days", lambda: _days(found.last_, moment)),
            "tenure": ("tenure_days", lambda: _days(found.first_, moment)),
            "returns": ("return_share", lambda: 1 - found.orders.cast("float64") / found.rows_)}  # fmt: skip
    for name in wanted:
        if name in made:
            columns[made[name][0]] = made[name][1]()
    return found.select(**columns)


def _days(time: ir.TimestampValue, moment: datetime | None) -> ir.FloatingValue:
    """Count whole days: the midnights between a time and the moment's day."""
    end = at(moment).truncate("D").epoch_seconds() + int(_DAY) - 1
    return ((end - time.epoch_seconds()) / _DAY).floor().cast("float64")


def _with_categories(found: ir.Table, orders: ir.Table, relations: Relations) -> tuple[ir.Table, list[str]]:
    if "order_lines" not in relations or "products" not in relations:
        missing = "order_lines" if "order_lines" not in relations else "products"
        return found, [f"product categories are left out: this needs the table {missing}"]
    products = relations.get("products").select("product_id", "category")
    lines = relations.get("order_lines").select("order_id", "product_id")
    placed = orders.filter(orders.amount >= 0).select("order_id", "customer_id")
    lines = lines.join(placed, "order_id").select("customer_id", "product_id")
    lines = lines.left_join(products, "product_id").select("customer_id", "category")
    lines = lines.mutate(category=lines.category.fill_null("(none)"))
    sizes = lines.group_by("category").agg(n=lines.count()).to_pyarrow().to_pandas()
    names = sizes.sort_values(["n", "category"], ascending=[False, True])["category"].tolist()
    if not names or names == ["(none)"]:
        return found, ["product categories are left out: no order has a line with a category"]
    kept, rest = sorted(names[:MOST_CATEGORIES]), names[MOST_CATEGORIES:]
    whole = lines.count().cast("float64")
    shares = {f"{CATEGORY}{name}": lines.count(where=lines.category == name) / whole for name in kept}
    if rest:
        shares[f"{CATEGORY}others"] = lines.count(where=lines.category.isin(rest)) / whole
    mix = lines.group_by("customer_id").agg(**shares).rename(mix_id="customer_id")
    note = [f"{len(rest)} smaller product categories are counted together as others"] if rest else []
    return found.left_join(mix, found.customer_id == mix.mix_id).drop("mix_id"), note


def _with_customer(
    crm: Any, found: ir.Table, relations: Relations, wanted: list[str], moment: datetime | None
) -> tuple[ir.Table, list[str]]:
    present = crm.present.get("customers", frozenset())
    known: dict[str, str] = {}
    if "demographics" in wanted:
        known |= {name: name for name in (*_TEXTS, *_NUMBERS, "birth_year") if name in present}
    if "interests" in wanted and "interests" in present:
        known["interests_"] = "interests"
    lacking = [
        f"{name} are left out: customers has no such column"
        for name, there in (("demographics", set(known) - {"interests_"}), ("interests", {"interests_"} & set(known)))
        if name in wanted and not there
    ]
    if not known:
        return found, lacking
    rows = relations.get("customers")
    people = rows.select(person_id="customer_id", **{name: rows[column] for name, column in known.items()})
    found = found.left_join(people, found.customer_id == people.person_id).drop("person_id")
    if "birth_year" in known:
        found = found.mutate(age=(moment.year - found.birth_year).cast("float64")).drop("birth_year")
    return found, lacking


def _interests(frame: pd.DataFrame) -> pd.DataFrame:
    """Make a column of each interest; who has none written down is unknown in all of them."""
    texts = frame["interests_"].astype(object)
    lists = texts.where(texts.notna(), "").map(lambda text: {part.strip() for part in text.split(";") if part.strip()})
    names = sorted(reduce(operator.or_, lists, set()))
    told = lists.map(bool)
    made = {f"{INTEREST}{name}": lists.map(lambda has, name=name: float(name in has)).where(told) for name in names}
    return frame.drop(columns="interests_").assign(**made)
