"""Which product to offer to whom next: what goes with what a customer has bought, and has not bought yet.

A rule says what is in the same order. That is not yet the chance that a customer who has bought the one for years buys
the other now. So the list is put to the test: it is made from what was known some months ago, and compared with what
these customers bought since, and with two simpler lists. What came, divided by what the rules said, scales the chances.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from crmkit.engine.intervals import wilson
from crmkit.engine.money import check_currencies
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.baskets import MOST_ITEMS, baskets
from crmkit.methods.common import need, run, said
from crmkit.methods.rules import pairs, rules
from crmkit.metric import find
from crmkit.periods import Period
from crmkit.relations import at

ENOUGH_HITS = 5
"""With fewer offers taken in the test, chances and money are not given: they would rest on a handful."""
_COLUMNS = ("customer_id", "product_id", "rank", "because", "reason", "confidence", "lift", "chance",
            "expected_revenue", "expected_value")  # fmt: skip


def cross_sell(
    crm: Any,
    *,
    until: str | Period | None = None,
    top: int = 3,
    window_days: int = 180,
    active_days: int = 365,
    min_orders: int = 5,
    by: str | None = None,
    most_items: int = MOST_ITEMS,
) -> pd.DataFrame:
    """List, for each customer, the products to offer next, with the reason, the chance and the money to expect.

    Parameters
    ----------
    crm : Crm
        With order_lines and orders.
    until : str or Period, optional
        What is known at the end of this period; by default at the end of the data.
    top : int
        The most products a customer.
    window_days : int
        Within how many days an offer counts as taken, in the test and in what it promises.
    active_days : int
        Only customers who ordered within so many days.
    min_orders : int
        As in `pairs`.
    by : str, optional
        A column of customers, such as segment: rules from the customer's own group alone. What goes together only
        because groups differ is not offered then.
    most_items : int

    Returns
    -------
    DataFrame
        One row a customer and product, the highest expected value first: `customer_id`, `product_id`, `rank` (1 is the
        customer's first), `because` (the product that was bought), `reason` (a sentence), `confidence` and `lift` (of
        the rule), `chance` (to buy within `window_days`: confidence, scaled by the test), `expected_revenue` (chance ×
        mean amount of the product in an order), `expected_value` (the same after the cost of goods, where orders carry
        one; else the revenue). Null where the test is too small to scale by. Only rules that are `clear`; each product
        by its rule with the highest confidence. In `attrs` `test` (what `cross_sell_test` returns), `scale`,
        `window_days`, `value_of`, `customers` (active ones) and `notes`.

    Raises
    ------
    NotInThisData
        Where there are no order lines, or no order names a customer.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open("data/sample")
    >>> offers = cross_sell(crm, top=1)
    >>> bool(offers["customer_id"].is_unique), bool((offers["chance"] < offers["confidence"]).all())
    (True, True)
    """
    _check(top, window_days, active_days)
    need(crm, "cross-selling", "order_lines", "orders")
    check_currencies(crm, find("revenue"), [])
    end = _end(crm, until)
    options = {"min_orders": min_orders, "by": by, "most_items": most_items}
    test = cross_sell_test(crm, until=until, top=top, window_days=window_days, active_days=active_days, **options)
    offers, known = _offers(crm, end, active_days, top, options)
    scale = test.attrs["scale"]
    worth = _amounts(crm, end)
    amount = offers["product_id"].map(worth["amount"]).astype(float)
    offers["chance"] = np.minimum(offers["confidence"] * scale, 1.0)
    offers["expected_revenue"] = offers["chance"] * amount
    offers["expected_value"] = offers["expected_revenue"] * worth.attrs["margin"]
    offers["reason"] = _reasons(crm, offers)
    keys = ["expected_value", "chance", "confidence", "customer_id", "rank"]
    offers = offers.sort_values(keys, ascending=[False, False, False, True, True])[list(_COLUMNS)]
    notes = [] if scale == scale else [test.attrs["why"]]  # noqa: PLR0124, null differs from itself
    about = {"test": test, "scale": scale, "window_days": window_days, "value_of": worth.attrs["value_of"],
             "customers": known, "notes": notes}  # fmt: skip
    return said(offers.reset_index(drop=True), crm, **about)


def cross_sell_test(
    crm: Any,
    *,
    until: str | Period | None = None,
    top: int = 3,
    window_days: int = 180,
    active_days: int = 365,
    min_orders: int = 5,
    by: str | None = None,
    most_items: int = MOST_ITEMS,
) -> pd.DataFrame:
    """Make the list from what was known `window_days` before, and see which of its products were bought since.

    Parameters
    ----------
    crm, until, top, window_days, active_days, min_orders, by, most_items
        As in `cross_sell`.

    Returns
    -------
    DataFrame
        One row a list, each with as many products for the same customers: `list` ("what goes together", "what most
        buy": the products that most customers had bought, "any": all products not bought yet, as if drawn), `offers`,
        `taken`, `rate`, `low`, `high` (95%, Wilson). In `attrs` `scale` (taken ÷ what the confidences add up to; null,
        with the reason in `why`, where fewer than five were taken), `cut`, `customers`.

    Notes
    -----
    Nobody was offered anything because of this list: the test says who buys anyway, not what an offer adds.
    """
    _check(top, window_days, active_days)
    need(crm, "cross-selling", "order_lines", "orders")
    end = _end(crm, until)
    cut = end - timedelta(days=window_days)
    options = {"min_orders": min_orders, "by": by, "most_items": most_items}
    offers, customers = _offers(crm, cut, active_days, top, options)
    owned, later = _owned(crm, None, cut), _owned(crm, cut, end)
    bought = pd.MultiIndex.from_frame(later[["customer_id", "product_id"]])
    usual = _usual(offers, owned)
    rows = [_row("what goes together", offers, bought), _row("what most buy", usual, bought)]
    rows.append(_by_chance(offers, owned, later))
    found = pd.DataFrame(rows)
    taken, promised = int(rows[0]["taken"]), float(offers["confidence"].sum())
    enough = taken >= ENOUGH_HITS and promised > 0
    why = "" if enough else (
        f"of {len(offers):,} offers made from what was known {window_days} days before, {taken} were taken: too few to "
        "say a chance"
    )  # fmt: skip
    about = {"scale": taken / promised if enough else float("nan"), "why": why, "cut": cut, "customers": customers}
    return said(found, crm, title="Offers taken", unit="share", **about)


def _check(top: int, window_days: int, active_days: int) -> None:
    for name, value in (("top", top), ("window_days", window_days), ("active_days", active_days)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UsageError(f"{name} is {value!r}; it must be a whole number from 1.")


def _end(crm, until: str | Period | None) -> datetime:
    end = crm.period(until).end if until is not None else None
    last = crm.as_of + timedelta(microseconds=1)
    return last if end is None or end > last else end


def _span(crm, start: datetime | None, end: datetime) -> Period:
    return Period(start or datetime(1, 1, 1), end, None, crm.period("latest").calendar)


def _owned(crm, start: datetime | None, end: datetime) -> pd.DataFrame:
    """Return which customer bought which product in a span, and when last."""
    lines, orders = crm.relations.get("order_lines"), crm.relations.get("placed_orders")
    orders = orders.filter(orders.customer_id.notnull() & (orders.ordered_at < at(end)))
    if start is not None:
        orders = orders.filter(orders.ordered_at >= at(start))
    lines = lines.filter(lines.product_id.notnull() & ~(lines.quantity < 0).fill_null(False))
    both = lines.inner_join(orders.select("order_id", "customer_id", "ordered_at"), "order_id")
    return run(both.group_by("customer_id", "product_id").agg(last_at=both.ordered_at.max()))


def _offers(crm, end: datetime, active_days: int, top: int, options: dict) -> tuple[pd.DataFrame, int]:
    """Return the products that go with what active customers have, and how many customers are active."""
    owned = _owned(crm, None, end)
    if not len(owned):
        raise NotInThisData("cross-selling: not in this data, no order of a known customer names a product by then.")
    last = owned.groupby("customer_id")["last_at"].max()
    active = last[last >= pd.Timestamp(end - timedelta(days=active_days))].index
    owned = owned[owned["customer_id"].isin(active)].assign(part="")
    by = options["by"]
    if by:
        owned = owned.drop(columns="part").merge(_parts(crm, by), on="customer_id", how="left", validate="many_to_one")
    chosen = {"period": _span(crm, None, end), "by": by, "most_items": options["most_items"]}
    found = rules(pairs(baskets(crm, **chosen), min_orders=options["min_orders"]))
    found = found[found["clear"]].rename(columns={by: "part"} if by else {})
    found = found if by else found.assign(part="")
    found = found[["part", "antecedent", "consequent", "confidence", "lift"]]
    offers = owned.merge(found, left_on=["part", "product_id"], right_on=["part", "antecedent"], how="inner")
    has = pd.MultiIndex.from_frame(owned[["customer_id", "product_id"]])
    offers = offers[~pd.MultiIndex.from_frame(offers[["customer_id", "consequent"]]).isin(has)]
    keys = ["customer_id", "confidence", "lift", "antecedent", "consequent"]
    offers = offers.sort_values(keys, ascending=[True, False, False, True, True])
    offers = offers.drop_duplicates(["customer_id", "consequent"])
    offers["rank"] = offers.groupby("customer_id").cumcount() + 1
    offers = offers[offers["rank"] <= top].drop(columns=["product_id", "last_at", "part"])
    return offers.rename(columns={"antecedent": "because", "consequent": "product_id"}), len(active)


def _parts(crm, by: str) -> pd.DataFrame:
    from crmkit.methods.common import customers_by

    customers, groups = customers_by(crm, [by])
    return run(customers.select("customer_id", part=customers[groups[0]]))


def _usual(offers: pd.DataFrame, owned: pd.DataFrame) -> pd.DataFrame:
    """Return for the same customers as many of the products that most customers have, of those not bought yet."""
    popular = owned.groupby("product_id").size().rename("buyers").reset_index()
    popular = popular.sort_values(["buyers", "product_id"], ascending=[False, True])["product_id"].tolist()
    slots = offers.groupby("customer_id").size()
    has = owned[owned["customer_id"].isin(slots.index)].groupby("customer_id")["product_id"].agg(set)
    rows = [
        (customer, product)
        for customer, number in slots.items()
        for product in [one for one in popular if one not in has[customer]][:number]
    ]
    return pd.DataFrame(rows, columns=["customer_id", "product_id"])


def _row(name: str, offers: pd.DataFrame, bought: pd.MultiIndex) -> dict:
    taken = (
        int(pd.MultiIndex.from_frame(offers[["customer_id", "product_id"]]).isin(bought).sum()) if len(offers) else 0
    )
    return _rate(name, len(offers), taken)


def _rate(name: str, offers: int, taken: int) -> dict:
    low, high = (float(end) for end in wilson(taken, offers))
    rate = taken / offers if offers else float("nan")
    return {"list": name, "offers": offers, "taken": taken, "rate": rate, "low": low, "high": high, "n": offers}


def _by_chance(offers: pd.DataFrame, owned: pd.DataFrame, later: pd.DataFrame) -> dict:
    """Return how many of all products not bought yet were bought since, by the same customers."""
    who, products = offers["customer_id"].unique(), owned["product_id"].nunique()
    had = owned[owned["customer_id"].isin(who)]
    new = later[later["customer_id"].isin(who) & later["product_id"].isin(owned["product_id"].unique())]
    has = pd.MultiIndex.from_frame(had[["customer_id", "product_id"]])
    fresh = int((~pd.MultiIndex.from_frame(new[["customer_id", "product_id"]]).isin(has)).sum()) if len(new) else 0
    return _rate("any", len(who) * products - len(had), fresh)


def _amounts(crm, end: datetime) -> pd.DataFrame:
    """Return what each product brings in an order, on average over the year before; and the margin, where known."""
    lines, orders = crm.relations.get("order_lines"), crm.relations.get("placed_orders")
    orders = orders.filter((orders.ordered_at < at(end)) & (orders.ordered_at >= at(end - timedelta(days=365))))
    both = lines.filter((lines.amount >= 0) & lines.product_id.notnull()).inner_join(
        orders.select("order_id"), "order_id"
    )
    found = run(
        both.group_by("product_id").agg(amount=both.amount.sum() / both.order_id.nunique().cast("float64"))
    ).set_index("product_id")
    known = orders.cost.notnull()
    sums = run(orders.agg(revenue=orders.amount.sum(where=known), cost=orders.cost.sum())).iloc[0]
    has = pd.notna(sums["revenue"]) and sums["revenue"] > 0
    found.attrs = {"margin": float(1 - sums["cost"] / sums["revenue"]) if has else 1.0,
                   "value_of": "margin" if has else "revenue"}  # fmt: skip
    return found


def _reasons(crm, offers: pd.DataFrame) -> list[str]:
    """Say why each product is offered, by the products' names where they have some."""
    names = {}
    if "products" in crm.relations:
        products = run(crm.relations.get("products").select("product_id", "name"))
        names = dict(zip(products["product_id"], products["name"].fillna(products["product_id"]), strict=True))
    return [
        f"bought {names.get(row.because, row.because)}; {row.confidence:.0%} of orders with it also hold "
        f"{names.get(row.product_id, row.product_id)}, {row.lift:.1f} times what chance would do"
        for row in offers.itertuples()
    ]
