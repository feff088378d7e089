"""The page of the market basket: what goes together, how sure that is, what groups make of it, whom to offer what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit.errors import NotInThisData
from crmkit.methods.baskets import Baskets, baskets, counts
from crmkit.methods.common import run
from crmkit.methods.cross_sell import cross_sell
from crmkit.methods.itemsets import itemsets, set_rules
from crmkit.methods.rules import pairs, rules, within
from crmkit.numbers import say, say_interval
from crmkit.pages.frames import tried
from crmkit.pages.opening import begin as open_data
from crmkit.pages.showing import absent, listed
from crmkit.periods import Period
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm

DEFINED = ("orders_placed", "average_order_value", "gross_margin")


@dataclass(frozen=True)
class Found:
    """What the page is made from: pairs and rules with names, the offers, and the baskets themselves."""

    baskets: Baskets
    pair: pd.DataFrame
    rule: pd.DataFrame
    inside: pd.DataFrame
    offers: pd.DataFrame
    span: Period
    by: str = ""
    currency: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


def begin(data: str = "", *, show_names: bool = False) -> Crm:
    """Open the data of the page.

    Raises
    ------
    NotInThisData
        Where it has no orders, or none that says what was in it.
    """
    crm = open_data(data, any_of=["orders_placed"], show_names=show_names)
    if "order_lines" not in crm.relations:
        raise NotInThisData("needs the table order_lines")
    return crm


def work(
    crm: Crm, period: str | Period, *, months: int = 0, min_orders: int = 20, by: str = "", **options: Any
) -> Found:
    """Count the pairs of the months up to the end of a period, and make the offers that follow.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    months : int
        How many months back; 0 for all that is known.
    min_orders : int
        Pairs in fewer orders are left out.
    by : str
        The column of customers that the groups are made by; "" for none.
    **options
        `top`, `window_days` and `active_days` of `crmkit.methods.cross_sell`.
    """
    now = crm.period(period)
    start = now.calendar.step(now.end, "month", -months) if months else datetime(1, 1, 1)
    span = Period(start, now.end, None, now.calendar)
    found = baskets(crm, period=span)
    names = product_names(crm)
    pair = named(pairs(found, min_orders=min_orders), names)
    inside = lacking("no column to group customers by")
    if by:
        inside = tried(within, crm, by=by, pair=pair[pair["clear"]], period=span)
        inside = inside if inside.attrs.get("missing") else named(inside, names)
    offers = tried(cross_sell, crm, until=now, min_orders=min_orders, **options)
    return Found(found, pair, rules(pair), inside, offers, span, by, crm.config.currency, names)


def product_names(crm: Crm) -> dict[str, str]:
    """Return the names of products by their key; empty where there are none."""
    if "products" not in crm.relations:
        return {}
    found = run(crm.relations.get("products").select("product_id", "name")).dropna()
    return dict(zip(found["product_id"], found["name"], strict=True))


def named(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Return a frame of pairs with the products' names beside their keys."""
    both = {"name": frame["item"].map(names), "with_name": frame["with_item"].map(names)}
    made = frame.assign(
        **{c: v.fillna(frame[k]) for (c, v), k in zip(both.items(), ("item", "with_item"), strict=True)}
    )
    made.attrs = dict(frame.attrs)
    return made


def lacking(reason: str) -> pd.DataFrame:
    """Return an empty frame that says why there is nothing in it."""
    frame = pd.DataFrame()
    frame.attrs["missing"] = reason
    return frame


def left_out(found: Found) -> Html:
    """Say how many orders were counted, of what time, and what was left out."""
    orders = found.pair.attrs["orders"]
    text = f"{orders:,} orders before {found.span.end:%Y-%m-%d} are counted."
    notes = found.pair.attrs["notes"]
    alone = found.pair.attrs["drawn"] == "orders"
    return listed([
        text + (f" {'; '.join(notes).capitalize()}." if notes else " Nothing is left out."),
        "Orders, not customers, are drawn for the intervals of lift: they are a little too narrow." if alone else "",
    ])  # fmt: skip


def rule_table(found: Found, *, top: int = 12) -> pd.DataFrame:
    """Return the rules of the clear pairs, ready to be shown: the more confident direction of each."""
    rows = found.rule[found.rule["clear"]].copy()
    rows["key"] = [frozenset(two) for two in rows[["antecedent", "consequent"]].itertuples(index=False)]
    rows["extra"] = rows["leverage"] * rows["orders"]
    rows = rows.drop_duplicates("key").sort_values(["extra", "antecedent"], ascending=[False, True]).head(top)
    if not len(rows):
        return lacking("no pair is bought together clearly more often than by chance")
    shown = pd.DataFrame(
        {
            "who buys": rows["antecedent"].map(found.names).fillna(rows["antecedent"]),
            "also buys": rows["consequent"].map(found.names).fillna(rows["consequent"]),
            "together": rows["both"],
            "beyond chance": rows["extra"].round(),
            "confidence": rows["confidence"],
            "95% interval": [
                say_interval(*ends, "share")
                for ends in zip(rows["confidence_low"], rows["confidence_high"], strict=True)
            ],
            "anyway": rows["consequent_support"],
            "lift": rows["lift"],
        }
    )
    return shown.reset_index(drop=True)


RULE_UNITS = {"together": "count", "beyond chance": "count", "confidence": "share", "anyway": "share", "lift": "ratio"}


def sureness(found: Found) -> Html:
    """Say how many pairs were looked through, how many chance would have named, and what the correction leaves."""
    pair, tested = found.pair, found.pair.attrs["tested"]
    raw, kept = int((pair["p"] < 0.05).sum()), int(pair["clear"].sum())
    less = int((pair["lift_high"] < 1).sum())
    return listed([
        f"{tested:,} pairs of products are in enough orders to be looked at. At a level of 5% chance alone would name "
        f"about {tested * 0.05:,.0f} of them. {raw:,} pass without a correction; {kept:,} pass with it and have an "
        "interval of lift above 1.",
        f"{less:,} pairs are in the same order clearly less often than chance: one may stand in for the other, or "
        "different customers buy them." if less else "",
    ])  # fmt: skip


def groups_table(crm: Crm, found: Found, *, top: int = 5) -> pd.DataFrame:
    """Return the lift of the first pairs in each group, one column a group; a dash where too few orders hold both."""
    if not found.by:
        return lacking("no column to group customers by")
    first = found.pair[found.pair["clear"]].head(top)
    if not len(first):
        return lacking("no pair is bought together clearly more often than by chance")
    split = tried(pairs, crm, by=found.by, period=found.span, min_orders=5)
    if split.attrs.get("missing") or not len(split):
        return split if split.attrs.get("missing") else lacking("no group has enough orders")
    wide = split.pivot_table(index=["item", "with_item"], columns=found.by, values="lift", aggfunc="first")
    wide = wide.reindex(pd.MultiIndex.from_frame(first[["item", "with_item"]])).reset_index(drop=True)
    wide.columns = [str(column) for column in wide.columns]
    wide.insert(
        0, "pair", [f"{row.name_} + {row.with_name}" for row in first.rename(columns={"name": "name_"}).itertuples()]
    )
    wide.insert(1, "all", first["lift"].to_numpy())
    return wide


def groups_words(found: Found) -> Html:
    """Say what is left of the lifts within groups, and which pair keeps most and least."""
    if reason := found.inside.attrs.get("missing"):
        return absent(reason)
    rows = found.inside[found.inside["made_by_groups"].notna()].head(10)
    if not len(rows):
        return absent("no pair is bought together clearly more often than by chance")
    most, least = rows.loc[rows["lift_within"].idxmax()], rows.loc[rows["lift_within"].idxmin()]
    texts = [
        f"{row['name']} + {row['with_name']}: lift {say(row['lift'], '', digits=1)} over all orders, "
        f"{say(row['lift_within'], '', digits=1)} within groups"
        for row in (most, least)
    ]
    return listed([
        f"Most is left of {texts[0]}. That pair says something of the products.",
        f"Least is left of {texts[1]}. That pair says who buys, more than what goes with what."
        if len(rows) > 1 else "",
    ])  # fmt: skip


def sets_table(crm: Crm, found: Found, *, min_orders: int = 20, top: int = 8) -> pd.DataFrame:
    """Return rules of three products, from orders where some hold three, else from all that a customer has bought."""
    most = run(found.baskets.lines.group_by("basket").agg(n=found.baskets.lines.count()).agg(n=lambda t: t.n.max()))
    basket = "order_id" if int(most["n"].iloc[0]) > 2 else "customer_id"
    sets = tried(itemsets, crm, period=found.span, basket=basket, min_orders=min_orders)
    if sets.attrs.get("missing"):
        return sets
    made = set_rules(sets)
    made = made[(made["size"] > 2) & made["clear"] & (made["gain"] > 1)]
    if not len(made):
        return lacking("no third product says more than two of them do")
    made = made.sort_values(["gain", "both"], ascending=[False, False]).head(top)

    def text(value: str) -> str:
        return " + ".join(found.names.get(part, part) for part in value.split(" + "))

    shown = pd.DataFrame(
        {
            "who has": made["antecedent"].map(text),
            "also has": made["consequent"].map(text),
            "together": made["both"],
            "confidence": made["confidence"],
            "lift": made["lift"],
            "gain of the third": made["gain"],
        }
    ).reset_index(drop=True)
    shown.attrs["basket"] = "one order" if basket == "order_id" else "all that one customer has bought"
    return shown


SET_UNITS = {"together": "count", "confidence": "share", "lift": "ratio", "gain of the third": "ratio"}


def sets_caption(shown: pd.DataFrame) -> str:
    """Say what a basket is in the table of sets."""
    return f"Rules of three products; a basket is {shown.attrs.get('basket', 'one order')}"


def reconciled(found: Found) -> list[dict]:
    """Compute both sides of what has to agree among baskets, items and pairs."""
    whole, single, pair = counts(found.baskets)
    lines = found.baskets.lines
    sizes = run(lines.group_by("basket").agg(n=lines.count()))["n"]
    rows = [
        ("orders with each product, added up = lines counted", single["orders"].sum(), int(sizes.sum())),
        ("orders that hold two products, added up over pairs = n × (n − 1) ÷ 2 over orders", pair["both"].sum(),
         int((sizes * (sizes - 1) // 2).sum())),
        ("orders by number of products, added up = all orders", len(sizes), int(whole["orders"].sum())),
    ]  # fmt: skip
    made = [{"what": what, "left": float(left), "right": float(right), "unit": "count"} for what, left, right in rows]
    if len(found.rule):
        rule = found.rule
        back = float((rule["confidence"] * rule["orders_antecedent"]).sum())
        made.append({"what": "confidence × orders with the antecedent, both ways = 2 × orders with both", "left": back,
                     "right": float(2 * found.pair["both"].sum()), "unit": "count"})  # fmt: skip
    return made
