"""Sets of more than two items that are bought together, and the rules that they give: mlxtend's FP-growth, wrapped.

Sources
-------
J. Han, J. Pei and Y. Yin (2000), Mining frequent patterns without candidate generation, SIGMOD 1-12 (FP-growth).
S. Raschka (2018), MLxtend, Journal of Open Source Software 3(24), 638.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from crmkit.engine.intervals import wilson
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.baskets import MOST_ITEMS, Baskets, baskets, fewest
from crmkit.methods.common import run
from crmkit.methods.rules import LEVEL, corrected, exact_p
from crmkit.periods import Period

MOST_LINES = 2_000_000
"""Sets are found in memory; with more lines than this, a period or a column such as category is asked for."""
MOST_CELLS = 200_000_000
"""Baskets × items that are held at once."""


def itemsets(
    source: Any,
    *,
    period: str | Period | None = None,
    item: str = "product_id",
    basket: str = "order_id",
    min_orders: int = 10,
    min_support: float | None = None,
    longest: int = 3,
    most_items: int = MOST_ITEMS,
) -> pd.DataFrame:
    """Return the sets of items that are in at least so many baskets.

    Parameters
    ----------
    source, period, item, basket, most_items
        As in `crmkit.methods.baskets`.
    min_orders, min_support
        As in `crmkit.methods.pairs`.
    longest : int
        The most items of a set.

    Returns
    -------
    DataFrame
        One row a set: `items` (a tuple, in the order of the alphabet), `size`, `both` (baskets with all of them),
        `orders` (all baskets), `support`. The largest sets first, then the most frequent. Empty where no set is in so
        many baskets. In `attrs` `notes` and `least`, the count that had to be reached.

    Raises
    ------
    UsageError
        Where there are too many lines to hold them in memory, or an option is wrong.
    NotInThisData
        Where there is no basket.

    Examples
    --------
    >>> lines = pd.DataFrame({"order_id": [1, 1, 1, 2, 2, 2, 3], "product_id": ["tea", "cup", "jam"] * 2 + ["tea"]})
    >>> itemsets(lines, min_orders=2)[["items", "both"]].values.tolist()[0]
    [('cup', 'jam', 'tea'), 2]
    """
    if isinstance(longest, bool) or not isinstance(longest, int) or longest < 1:
        raise UsageError(f"longest is {longest!r}; it must be a whole number from 1.")
    found = baskets(source, period=period, item=item, basket=basket, most_items=most_items)
    fewest(min_support, 1, min_orders)
    held, names, orders = _held(found, min_orders)
    least = fewest(min_support, orders, min_orders)
    sets = _grown(held, names, orders, least, longest)
    made = pd.DataFrame(sets, columns=["items", "both"]).astype({"both": int})
    made.insert(1, "size", made["items"].map(len).astype(int))
    made = made.assign(orders=orders, support=made["both"] / orders)
    made = made.sort_values(["size", "both", "items"], ascending=[False, False, True]).reset_index(drop=True)
    made.attrs = {**found.about, "notes": found.notes, "least": least, "orders": orders, "basket": found.basket}
    return made


def _held(found: Baskets, least: int):
    """Return which basket holds which item, of the items in at least `least` baskets; the items; all baskets."""
    from scipy import sparse

    size = int(run(found.lines.agg(n=found.lines.count()))["n"].iloc[0])
    if not size:
        raise NotInThisData("market basket: not in this data, no order has a line that names a product.")
    if size > MOST_LINES:
        raise UsageError(
            f"Sets of items are found in memory, and {size:,} lines are more than {MOST_LINES:,}: give a shorter "
            "period, or item='category'. Pairs are counted on the engine at any size."
        )
    lines = run(found.lines.select("basket", "item"))
    orders = int(lines["basket"].nunique())
    lines = lines[lines.groupby("item")["item"].transform("size") >= least]
    basket, _ = pd.factorize(lines["basket"], sort=True)
    item, names = pd.factorize(lines["item"], sort=True)
    shape = (int(basket.max(initial=-1)) + 1, len(names))
    if shape[0] * shape[1] > MOST_CELLS:
        raise UsageError(
            f"{shape[0]:,} baskets × {shape[1]:,} items are too many to hold at once: raise min_orders, or group items "
            "by a column such as category."
        )
    return sparse.csr_matrix((np.ones(len(lines), bool), (basket, item)), shape=shape), list(names), orders


def _grown(held, names: list[str], orders: int, least: int, longest: int) -> list[tuple[tuple[str, ...], int]]:
    """Return the sets and their counts: FP-growth is given half a count less, so that no ratio loses one."""
    from mlxtend.frequent_patterns import fpgrowth

    if not held.shape[0] or least > held.shape[0]:
        return []  # fpgrowth refuses an empty frame
    size = held.shape[0]
    frame = pd.DataFrame(held.toarray(), columns=names)
    grown = fpgrowth(frame, min_support=(least - 0.5) / size, use_colnames=True, max_len=longest)
    return [
        (tuple(sorted(items)), round(share * size))
        for items, share in zip(grown["itemsets"], grown["support"], strict=True)
    ]


def set_rules(sets: pd.DataFrame, *, longest_consequent: int = 1) -> pd.DataFrame:
    """Return the rules that sets of items give: who has all of the antecedent, has the consequent too.

    Parameters
    ----------
    sets : DataFrame
        As `itemsets` returns it, with the single items among them.
    longest_consequent : int
        The most items of a consequent.

    Returns
    -------
    DataFrame
        One row a rule of at least two items: `antecedent`, `consequent` (names joined by " + "), `size`, `both`,
        `orders_antecedent`, `orders_consequent`, `orders`, `support`, `confidence`, `confidence_low`,
        `confidence_high` (95%, Wilson), `lift`, `gain` (lift ÷ the highest lift of a rule with fewer items in the
        antecedent and the same consequent, 1 where there is none: a longer rule that gains nothing says nothing more),
        `leverage`, `p` (Fisher, one-sided), `q` (Benjamini-Hochberg over the rules returned, and so a little too
        friendly: sets below the threshold are not counted), `clear`. The highest lift first; empty where there is none.

    Examples
    --------
    >>> lines = pd.DataFrame({"order_id": [1, 1, 1, 2, 2, 2, 3], "product_id": ["tea", "cup", "jam"] * 2 + ["tea"]})
    >>> found = set_rules(itemsets(lines, min_orders=1))
    >>> found.loc[found["size"] == 3, ["antecedent", "consequent", "confidence", "gain"]].values.tolist()[0]
    ['cup + tea', 'jam', 1.0, 1.0]
    """
    known = dict(zip(sets["items"], sets["both"], strict=True))
    orders = int(sets["orders"].iloc[0]) if len(sets) else 0
    rows = []
    for items, both in known.items():
        for size in range(1, min(longest_consequent, len(items) - 1) + 1):
            for consequent in combinations(items, size):
                antecedent = tuple(name for name in items if name not in consequent)
                rows.append((antecedent, consequent, len(items), both, known[antecedent], known[consequent]))
    names = ["antecedent", "consequent", "size", "both", "orders_antecedent", "orders_consequent"]
    made = pd.DataFrame(rows, columns=names)
    both, one, other = (made[name].to_numpy(float) for name in names[3:])
    low, high = wilson(both, one)
    made = made.assign(orders=orders, support=both / orders if orders else both, confidence=both / one,
                       confidence_low=low, confidence_high=high, lift=both * orders / (one * other))  # fmt: skip
    made["gain"] = _gain(made)
    made["leverage"] = (both * orders - one * other) / orders**2 if orders else both
    made["p"] = exact_p(both, one, other, orders) if orders else both
    made["q"] = corrected(made["p"].to_numpy(float), len(made))
    made["clear"] = (made["q"] < LEVEL) & (made["lift"] > 1)
    for side in ("antecedent", "consequent"):
        made[side] = [" + ".join(items) for items in made[side]]
    keys = ["lift", "both", "antecedent", "consequent"]
    made = made.sort_values(keys, ascending=[False, False, True, True]).reset_index(drop=True)
    made.attrs = dict(sets.attrs)
    return made


def _gain(made: pd.DataFrame) -> list[float]:
    """Return what each rule's lift is of the highest of the rules that it contains."""
    lifts = {(row.antecedent, row.consequent): row.lift for row in made.itertuples()}
    found = []
    for row in made.itertuples():
        parts = [
            lifts[part, row.consequent]
            for size in range(1, len(row.antecedent))
            for part in combinations(row.antecedent, size)
            if (part, row.consequent) in lifts
        ]
        found.append(row.lift / max(parts) if parts else 1.0)
    return found
