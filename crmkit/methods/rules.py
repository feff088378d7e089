"""What goes together: support, confidence, lift and leverage of pairs, with intervals and a correction for many.

Sources
-------
R. Agrawal, T. Imielinski and A. Swami (1993), Mining association rules between sets of items in large databases,
SIGMOD 207-216 (support, confidence).
S. Brin et al. (1997), Dynamic itemset counting and implication rules for market basket data, SIGMOD 255-264 (lift).
G. Piatetsky-Shapiro (1991), Discovery, analysis, and presentation of strong rules (leverage).
W. Hämäläinen and G. I. Webb (2019), A tutorial on statistically sound pattern discovery, Data Mining and Knowledge
Discovery 33, 325-377 (Fisher's exact test of a rule, and many of them).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from crmkit.engine.intervals import Z, wilson
from crmkit.errors import UsageError
from crmkit.methods.baskets import MOST_ITEMS, Baskets, baskets, counts, fewest
from crmkit.methods.common import run
from crmkit.periods import Period

LEVEL = 0.05
"""A pair goes together where its corrected p lies below this and its interval of lift lies above 1."""
MOST_LINES = 500_000
"""With more lines than this, orders and not customers are drawn for the interval of lift."""


def pairs(
    source: Any,
    *,
    period: str | Period | None = None,
    item: str = "product_id",
    basket: str = "order_id",
    by: str | None = None,
    min_orders: int = 5,
    min_support: float | None = None,
    most_items: int = MOST_ITEMS,
) -> pd.DataFrame:
    """Return each two items that are bought together, with how often, and how much oftener than by chance.

    Parameters
    ----------
    source, period, item, basket, by, most_items
        As in `crmkit.methods.baskets`.
    min_orders : int
        Pairs in fewer baskets are left out, and so are items in fewer.
    min_support : float, optional
        The same as a share of all baskets (of each group's); the stricter of the two holds.

    Returns
    -------
    DataFrame
        One row a pair, first those with the most baskets beyond chance (leverage × baskets; the highest lifts are those
        of rare products, and the least sure): `item`, `with_item` (in the order of the alphabet), `both`,
        `orders_item`, `orders_with`, `orders` (counts of baskets: with both, with each, all), `customers` (who bought
        both together), `support` (both ÷ all), `support_low`, `support_high` (95%, Wilson), `lift` (support ÷ what it
        would be by chance), `lift_low`, `lift_high` (95%, on the log scale, of customers drawn with all their baskets
        where these are known), `leverage` (support − chance), `p` (Fisher's exact test, one-sided: oftener than by
        chance), `q` (corrected by Benjamini and Hochberg for all pairs that could have reached `min_orders`, also those
        that did not), `clear` (whether q is below 5% and `lift_low` above 1). With `by` a first column of that name.

        In `attrs` `notes` (what was left out), `tested` (for how many pairs q is corrected), `orders`, `drawn`
        ("customers" or "orders").

    Notes
    -----
    Wilson's intervals and p take baskets as independent. Baskets of one customer are alike, so both are a little too
    sure; the interval of lift is not, and `clear` asks for both.

    Examples
    --------
    >>> lines = pd.DataFrame({"order_id": [1, 1, 2, 2, 3, 4], "product_id": ["tea", "cup", "tea", "cup", "tea", "jam"]})
    >>> pairs(lines, min_orders=1)[["item", "with_item", "both", "support", "lift"]].round(3).values.tolist()
    [['cup', 'tea', 2, 0.5, 1.333]]
    """
    found = baskets(source, period=period, item=item, basket=basket, by=by, most_items=most_items)
    fewest(min_support, 1, min_orders)
    whole, single, pair = counts(found, fewest=min_orders)
    least = {row.part: fewest(min_support, int(row.orders), min_orders) for row in whole.itertuples()}
    single = single.assign(enough=single["orders"] >= single["part"].map(least))
    could = single.groupby("part")["enough"].sum()
    pair = pair[pair["both"].to_numpy(int) >= np.array([least[part] for part in pair["part"]], int)]
    sizes = single.set_index(["part", "item"])["orders"]
    for column, name in (("orders_item", "item"), ("orders_with", "with_item")):
        pair[column] = sizes.reindex(pd.MultiIndex.from_frame(pair[["part", name]])).to_numpy(int)
    pair["orders"] = whole.set_index("part")["orders"].reindex(pair["part"]).to_numpy(int)
    drawn, error = _error(found, pair)
    made = _measured(pair, error)
    tested = int((could * (could - 1) // 2).sum())
    made["q"] = corrected(made["p"].to_numpy(), tested)
    made["clear"] = (made["q"] < LEVEL) & (made["lift_low"] > 1)
    made = made.assign(extra=made["both"] - made["both"] / made["lift"])  # not by leverage: parts differ in size
    made = made.sort_values(["extra", "item", "with_item"], ascending=[False, True, True]).drop(columns="extra")
    made = made.rename(columns={"part": found.by}) if found.by else made.drop(columns="part")
    made = made.reset_index(drop=True)
    made.attrs = {**found.about, "notes": found.notes, "tested": tested, "orders": int(whole["orders"].sum()),
                  "drawn": drawn, "by": found.by, "item": found.item, "basket": found.basket}  # fmt: skip
    return made


def _measured(pair: pd.DataFrame, error: np.ndarray) -> pd.DataFrame:
    """Return the pairs with all that their counts and the standard error of log lift say."""
    both, one, other, every = (pair[c].to_numpy(float) for c in ("both", "orders_item", "orders_with", "orders"))
    low, high = wilson(both, every)
    lift = both * every / (one * other)
    found = pair[["part", "item", "with_item", "both", "orders_item", "orders_with", "orders", "customers"]].assign(
        support=both / every,
        support_low=low,
        support_high=high,
        lift=lift,
        lift_low=lift * np.exp(-Z * error),
        lift_high=lift * np.exp(Z * error),
        leverage=(both * every - one * other) / every**2,
        p=exact_p(both, one, other, every),
    )
    found["customers"] = found["customers"].where(found["customers"] > 0)  # unknown where no order names one
    return found


def exact_p(both: np.ndarray, one: np.ndarray, other: np.ndarray, every: np.ndarray) -> np.ndarray:
    """Return Fisher's exact one-sided p: how often chance alone would put two items together so often, or oftener.

    Examples
    --------
    >>> exact_p(3, 4, 4, 8).round(4).item()  # the lady tasting tea, three of four cups: 17 ÷ 70
    0.2429
    """
    from scipy.stats import hypergeom

    return hypergeom.sf(np.asarray(both) - 1, every, one, other)


def corrected(p: np.ndarray, tested: int) -> np.ndarray:
    """Correct p values for `tested` looks, of which those not given found nothing (Benjamini and Hochberg).

    Examples
    --------
    >>> corrected(np.array([0.01, 0.02]), 10).round(3).tolist()
    [0.1, 0.1]
    """
    order = np.argsort(p, kind="stable")
    scaled = p[order] * max(tested, len(p)) / np.arange(1, len(p) + 1)
    found = np.empty(len(p))
    found[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return found


def log_lift_error(both: np.ndarray, one: np.ndarray, other: np.ndarray, every: np.ndarray) -> np.ndarray:
    """Return the standard error of the log of lift when baskets are drawn one by one (delta method).

    Examples
    --------
    >>> log_lift_error(20.0, 100.0, 100.0, 1000.0).round(4).item()  # √(1/20 − 1/100 − 1/100 − 1/1000 + 40/10000)
    0.1817
    """
    both, one, other, every = (np.asarray(part, float) for part in (both, one, other, every))
    return np.sqrt(np.maximum(1 / both - 1 / one - 1 / other - 1 / every + 2 * both / (one * other), 0))


def _error(found: Baskets, pair: pd.DataFrame) -> tuple[str, np.ndarray]:
    """Return what is drawn, and the standard error of each log lift."""
    alone = log_lift_error(*(pair[name] for name in ("both", "orders_item", "orders_with", "orders")))
    if not len(pair) or found.basket == "customer_id":
        return ("customers" if found.basket == "customer_id" else "orders"), np.asarray(alone)
    known = run(found.lines.agg(lines=found.lines.count(), customers=found.lines.customer.nunique())).iloc[0]
    if known["lines"] > MOST_LINES or known["customers"] < 2 or len(pair) * known["customers"] > 5e7:
        return "orders", np.asarray(alone)
    lines = run(found.lines)
    lines["part"] = lines["part"] if found.by else ""
    error = pd.Series(0.0, index=pair.index)
    for part, rows in pair.groupby("part"):
        error.loc[rows.index] = _clustered(lines[lines["part"] == part], rows)
    return "customers", error.to_numpy()


def _clustered(lines: pd.DataFrame, pair: pd.DataFrame) -> np.ndarray:
    """Return the standard errors of log lifts when customers are drawn, each with all baskets (delta method).

    A customer adds both ÷ all both + baskets ÷ all baskets − one ÷ all one − other ÷ all other to the log of lift.
    """
    from scipy import sparse

    basket, _ = pd.factorize(lines["basket"], sort=True)
    item, names = pd.factorize(lines["item"], sort=True)
    held = sparse.csc_matrix((np.ones(len(lines)), (basket, item)))
    owner = lines["customer"].where(lines["customer"].notna(), "\x00" + lines["basket"].astype(str))
    who, _ = pd.factorize(pd.Series(owner.to_numpy()).groupby(basket).first(), sort=True)
    clusters = int(who.max()) + 1
    sizes = np.bincount(who, minlength=clusters)
    each = {name: _by_customer(held, place, who, clusters) for place, name in enumerate(names)}
    place = {name: at for at, name in enumerate(names)}
    found = []
    for row in pair.itertuples():
        one, other = (
            held.indices[held.indptr[i] : held.indptr[i + 1]] for i in (place[row.item], place[row.with_item])
        )
        both = np.bincount(who[np.intersect1d(one, other, assume_unique=True)], minlength=clusters)
        added = both / row.both + sizes / row.orders
        added = added - each[row.item] / row.orders_item - each[row.with_item] / row.orders_with
        found.append(np.sqrt((added**2).sum() * clusters / max(clusters - 1, 1)))
    return np.array(found)


def _by_customer(held, place: int, who: np.ndarray, clusters: int) -> np.ndarray:
    return np.bincount(who[held.indices[held.indptr[place] : held.indptr[place + 1]]], minlength=clusters)


def rules(pair: pd.DataFrame, *, min_confidence: float = 0.0, min_lift: float = 0.0) -> pd.DataFrame:
    """Return each pair as two rules: who buys the antecedent, buys the consequent in the same basket.

    Parameters
    ----------
    pair : DataFrame
        As `pairs` returns it.
    min_confidence, min_lift : float
        Compared as fractions of whole counts.

    Returns
    -------
    DataFrame
        One row a rule, the highest confidence first: `antecedent`, `consequent`, `both`, `orders_antecedent`,
        `orders_consequent`, `orders`, `customers`, `antecedent_support`, `consequent_support`, `support`, `confidence`
        (both ÷ baskets with the antecedent), `confidence_low`, `confidence_high` (95%, Wilson), and `lift`,
        `lift_low`, `lift_high`, `leverage`, `p`, `q`, `clear` of the pair, which has no direction.

    Examples
    --------
    >>> lines = pd.DataFrame({"order_id": [1, 1, 2, 2, 3, 4], "product_id": ["tea", "cup", "tea", "cup", "tea", "jam"]})
    >>> rules(pairs(lines, min_orders=1))[["antecedent", "consequent", "confidence"]].round(3).values.tolist()
    [['cup', 'tea', 1.0], ['tea', 'cup', 0.667]]
    """
    for option, value in (("min_confidence", min_confidence), ("min_lift", min_lift)):
        if not value >= 0:
            raise UsageError(f"{option} is {value!r}; it must be a number from 0.")
    there = {"item": "antecedent", "with_item": "consequent", "orders_item": "orders_antecedent",
             "orders_with": "orders_consequent"}  # fmt: skip
    back = {"with_item": "antecedent", "item": "consequent", "orders_with": "orders_antecedent",
            "orders_item": "orders_consequent"}  # fmt: skip
    found = pd.concat([pair.rename(columns=there), pair.rename(columns=back)], ignore_index=True)
    least, share = Fraction(str(min_confidence)), Fraction(str(min_lift))
    parts = found[["both", "orders_antecedent", "orders_consequent", "orders"]].to_numpy(dtype=object)
    kept = [
        both * least.denominator >= least.numerator * one
        and both * every * share.denominator >= share.numerator * one * other
        for both, one, other, every in parts
    ]
    found = found[np.array(kept, bool)]
    low, high = wilson(found["both"], found["orders_antecedent"])
    found = found.assign(
        antecedent_support=found["orders_antecedent"] / found["orders"],
        consequent_support=found["orders_consequent"] / found["orders"],
        confidence=found["both"] / found["orders_antecedent"],
        confidence_low=low,
        confidence_high=high,
    )
    order = ["antecedent", "consequent", "both", "orders_antecedent", "orders_consequent", "orders", "customers",
             "antecedent_support", "consequent_support", "support", "confidence", "confidence_low", "confidence_high",
             "lift", "lift_low", "lift_high", "leverage", "p", "q", "clear"]  # fmt: skip
    by = [name for name in (pair.attrs.get("by"),) if name]
    keys = ["confidence", "lift", "antecedent", "consequent"]
    found = found.sort_values(keys, ascending=[False, False, True, True])[[*by, *order]].reset_index(drop=True)
    found.attrs = dict(pair.attrs)
    return found


def within(source: Any, *, by: str, pair: pd.DataFrame | None = None, **options: Any) -> pd.DataFrame:
    """Return the lift of each pair beside its lift within groups: what is left when groups with other tastes are apart.

    A product for offices and another one for offices go together over all customers, though no office buys the one
    because of the other. Within groups chance is summed over the groups: lift = both ÷ Σ (one × other ÷ all).

    Parameters
    ----------
    source, **options
        As in `pairs`.
    by : str
        A column that groups baskets, such as segment.
    pair : DataFrame, optional
        The pairs over all, where they are known already.

    Returns
    -------
    DataFrame
        `item`, `with_item`, `both`, `lift`, `lift_within`, `made_by_groups` (the share of the log of lift that is gone
        within groups; null where lift is not above 1).

    Examples
    --------
    >>> lines = pd.DataFrame({"order_id": [1, 1, 2, 2, 3, 4], "product_id": ["tea", "cup", "tea", "cup", "jam", "jam"],
    ...     "segment": ["home"] * 4 + ["office"] * 2})
    >>> within(lines, by="segment", min_orders=1)[["item", "with_item", "lift", "lift_within"]].values.tolist()
    [['cup', 'tea', 2.0, 1.0]]
    """
    pair = pairs(source, **options) if pair is None else pair
    chosen = {name: value for name, value in options.items() if name not in ("min_orders", "min_support")}
    whole, single, _ = counts(baskets(source, by=by, **chosen), fewest=2**62)
    sizes = single.pivot(index="item", columns="part", values="orders").fillna(0.0)
    every = whole.set_index("part")["orders"].reindex(sizes.columns).to_numpy(float)
    one, other = (sizes.reindex(pair[name]).to_numpy(float) for name in ("item", "with_item"))
    chance = (one * other / every).sum(axis=1)
    found = pair[["item", "with_item", "both", "lift"]].assign(lift_within=pair["both"].to_numpy(float) / chance)
    with np.errstate(divide="ignore", invalid="ignore"):
        gone = 1 - np.log(found["lift_within"]) / np.log(found["lift"])
    found["made_by_groups"] = gone.where(found["lift"] > 1)
    found.attrs = {**pair.attrs, "by": by}
    return found
