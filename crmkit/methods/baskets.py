"""Baskets: which products were in one order together, counted on the engine from whole orders.

An item counts once in a basket, however many pieces were bought. All numbers come from whole counts: a threshold is
compared with a count, never with a ratio of floats, which would lose rules that lie on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from crmkit.engine import dimensions
from crmkit.errors import DataError, NotInThisData, UsageError
from crmkit.methods.common import need, run
from crmkit.periods import Period
from crmkit.relations import at

MOST_ITEMS = 100
"""A basket with more different items than this is left out: n items make n × (n − 1) ÷ 2 pairs."""
_WHY = {
    "returned": "lines of returns",
    "without_order": "lines whose order is not in the data",
    "without_item": "lines that name no {item}",
    "without_basket": "lines that name no {basket}",
    "too_large": "baskets with more than {most} different items",
}


@dataclass(frozen=True)
class Baskets:
    """What was bought together, one row a basket and item, and what was left out.

    Attributes
    ----------
    lines : Ibis table
        `basket`, `item`, `customer` (null where it is not known), and `part`, the group of the basket, where asked for.
        Each pair of basket and item is there once.
    left_out : dict of str to int
        By reason, how many lines or baskets are not in it.
    by : str
        What `part` is; "" without groups.
    item, basket : str
        The columns that these were.
    about : dict
        For figures: the day of the data and its currency.
    """

    lines: ir.Table
    left_out: Mapping[str, int]
    by: str = ""
    item: str = "product_id"
    basket: str = "order_id"
    most_items: int = MOST_ITEMS
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """What was left out, one text a reason."""
        names = {"item": self.item, "basket": self.basket, "most": self.most_items}
        return [f"left out {_WHY[why].format(**names)}: {count:,}" for why, count in self.left_out.items() if count]


def baskets(
    source: Any,
    *,
    period: str | Period | None = None,
    item: str = "product_id",
    basket: str = "order_id",
    by: str | None = None,
    most_items: int = MOST_ITEMS,
) -> Baskets:
    """Return what was bought together, without returns, and without baskets so large that they would explode.

    Parameters
    ----------
    source : Crm, Ibis table or DataFrame
        A Crm with order_lines and orders; or one row a line, with the columns `basket` and `item`, and customer_id
        where it is known. A Baskets is returned as it is.
    period : str or Period, optional
        Of a Crm, only orders of this period; by default all.
    item : str
        Of a Crm, product_id or another column of products, such as category.
    basket : {"order_id", "customer_id"}
        Of a Crm, what one basket is: an order, or all that a customer has bought. Of a table, its column.
    by : str, optional
        A column that groups: of a Crm any of order_lines, or of the tables it joins to, such as segment. A basket must
        be in one group.
    most_items : int
        Baskets with more different items are left out and counted.

    Raises
    ------
    NotInThisData
        Where a Crm has no order lines.
    UsageError
        Where a column or option is wrong.

    Examples
    --------
    >>> lines = pd.DataFrame({"order_id": list("1122"), "product_id": ["tea", "cup", "tea", None]})
    >>> found = baskets(lines)
    >>> found.lines.count().to_pyarrow().as_py(), found.notes
    (3, ['left out lines that name no product_id: 1'])
    """
    if isinstance(source, Baskets):
        return source
    if isinstance(most_items, bool) or not isinstance(most_items, int) or most_items < 2:
        raise UsageError(f"most_items is {most_items!r}; it must be a whole number from 2.")
    if hasattr(source, "relations"):
        lines, about = _of_crm(source, period, item, basket, by)
    else:
        lines, about = _of_table(source, period, item, basket, by), {}
    parts = ["part"] if by else []
    counted = {
        "returned": lines.returned,
        "without_order": lines.orphan,
        "without_item": ~lines.returned & ~lines.orphan & lines.item.isnull(),
        "without_basket": ~lines.returned & ~lines.orphan & lines.item.notnull() & lines.basket.isnull(),
    }
    there = ~lines.returned & ~lines.orphan & lines.item.notnull() & lines.basket.notnull()
    kept = lines.filter(there).group_by("basket", "item", *parts).agg(customer=lines.customer.max(where=there))
    sizes = kept.group_by("basket").agg(size=kept.item.nunique())
    large = sizes.filter(sizes["size"] > most_items)
    out = run(lines.agg(**{why: rows.sum() for why, rows in counted.items()})).fillna(0).astype(int).iloc[0].to_dict()
    out["too_large"] = int(run(large.agg(n=large.count()))["n"].iloc[0])
    if out["too_large"]:
        kept = kept.anti_join(large, "basket")
    return Baskets(kept, out, by or "", item, basket, most_items, about)


def _of_crm(crm, period, item: str, basket: str, by: str | None) -> tuple[ir.Table, dict]:
    """Return each line with basket, item, customer, group, and whether it is a return or lacks its order."""
    need(crm, "market basket", "order_lines", "orders")
    if basket not in ("order_id", "customer_id"):
        raise UsageError(f"basket is {basket!r}; for a Crm it must be order_id or customer_id.")
    ways = [by] if by else []
    if item != "product_id":
        ways.append(item if "." in item or item in dimensions.columns(crm, "order_lines") else f"product.{item}")
    dimensions.ensure_unique(crm, "orders")
    lines, made = dimensions.joined(crm, crm.relations, "order_lines", ways)
    orders = crm.relations.get("orders")
    orders = orders.select(
        joined_id="order_id", customer="customer_id", placed_at="ordered_at", order_amount=orders.amount
    )
    lines = lines.left_join(orders, lines.order_id == orders.joined_id)
    if period is not None:
        span = crm.period(period)
        lines = lines.filter(
            lines.joined_id.isnull() | ((lines.placed_at >= at(span.start)) & (lines.placed_at < at(span.end)))
        )
    bought = lines.product_id if item == "product_id" else lines[made[-1]].nullif(dimensions.NONE)
    less = ((lines.order_amount < 0) | (lines.quantity < 0) | (lines.amount < 0)).fill_null(False)
    chosen = {
        "basket": lines.order_id if basket == "order_id" else lines.customer,
        "item": bought.cast("string"),
        "customer": lines.customer.cast("string"),
        "returned": less,
        "orphan": lines.joined_id.isnull(),
    }
    if by:
        chosen["part"] = lines[made[0]]
    return lines.select(**chosen), {"as_of": crm.as_of, "currency": crm.config.currency}


def _of_table(source, period, item: str, basket: str, by: str | None) -> ir.Table:
    if period is not None:
        raise UsageError("period is for a Crm, whose orders have a date: filter the table before.")
    table = source if isinstance(source, ir.Table) else ibis.memtable(pd.DataFrame(source))
    wanted = [basket, item, *([by] if by else [])]
    if missing := [name for name in wanted if name not in table.columns]:
        raise UsageError(f"the lines lack the column {' and '.join(missing)}. They have: {', '.join(table.columns)}.")
    no, nobody = ibis.literal(False), ibis.null("string")
    chosen = {
        "basket": table[basket].cast("string"),
        "item": table[item].cast("string"),
        "customer": table["customer_id"].cast("string") if "customer_id" in table.columns else nobody,
        "returned": no,
        "orphan": no,
    }
    for name in ("quantity", "amount"):
        if name in table.columns and table[name].type().is_numeric():
            chosen["returned"] = chosen["returned"] | (table[name] < 0).fill_null(False)
    if by:
        chosen["part"] = table[by].cast("string").fill_null(dimensions.NONE)
    return table.select(**chosen)


def counts(found: Baskets, *, fewest: int = 1) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Count baskets, baskets with each item, and baskets with each two items, on the engine.

    Parameters
    ----------
    found : Baskets
    fewest : int
        Pairs in fewer baskets are not returned.

    Returns
    -------
    tuple of DataFrame
        `orders` a part; `part`, `item`, `orders`; and `part`, `item`, `with_item`, `both`, `customers` (that bought
        both together at least once). The part is "" without groups. `item` comes before `with_item` in the alphabet.

    Raises
    ------
    NotInThisData
        Where there is no basket.
    DataError
        Where a basket is in several groups.

    Examples
    --------
    >>> lines = pd.DataFrame({"order_id": list("1122"), "product_id": ["tea", "cup", "tea", "cup"]})
    >>> whole, single, pair = counts(baskets(lines))
    >>> whole["orders"].item(), pair[["item", "with_item", "both"]].values.tolist()
    (2, [['cup', 'tea', 2]])
    """
    lines = found.lines if found.by else found.lines.mutate(part=ibis.literal(""))
    other = lines.view().select(other_basket="basket", other_part="part", with_item="item")
    same = (lines.basket == other.other_basket) & (lines.part == other.other_part) & (lines.item < other.with_item)
    both = lines.join(other, same).group_by("part", "item", "with_item")
    both = both.agg(both=ibis._.count(), customers=ibis._.customer.nunique())
    whole = run(lines.group_by("part").agg(orders=lines.basket.nunique()).order_by("part"))
    if not len(whole):
        raise NotInThisData("market basket: not in this data, no order has a line that names a product.")
    if found.by:
        different = int(run(lines.agg(n=lines.basket.nunique()))["n"].iloc[0])
        if different != int(whole["orders"].sum()):
            raise DataError(
                f"by {found.by}: {int(whole['orders'].sum()) - different:,} baskets are in several groups. Group by a "
                "column of the order or of its customer, not of a line or product."
            )
    single = run(lines.group_by("part", "item").agg(orders=lines.count()).order_by("part", "item"))
    pair = run(both.filter(ibis._.both >= fewest).order_by("part", "item", "with_item"))
    return whole, single, pair


def fewest(min_support: float | None, orders: int, min_orders: int = 1) -> int:
    """Return the least count that reaches a support, exactly: as fractions, not as floats.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> fewest(0.07, 100), math.ceil(0.07 * 100)  # 0.07 × 100 is 7.000000000000001 in floats
    (7, 8)
    """
    if isinstance(min_orders, bool) or not isinstance(min_orders, int) or min_orders < 1:
        raise UsageError(f"min_orders is {min_orders!r}; it must be a whole number from 1.")
    if min_support is None:
        return min_orders
    if not 0 <= min_support <= 1:
        raise UsageError(f"min_support is {min_support!r}; it is a share from 0 to 1.")
    return max(min_orders, math.ceil(Fraction(str(min_support)) * orders))
