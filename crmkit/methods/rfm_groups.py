"""Customers in named groups by how lately, how often and for how much they bought, by rules that anyone can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from crmkit.errors import UsageError
from crmkit.methods.common import need
from crmkit.methods.rfm import rfm
from crmkit.methods.segment_features import known_at_moment

SCORES = 5
NOT_YET = "No order yet"
"""The group of customers without an order that is no return."""


@dataclass(frozen=True)
class Rule:
    """A rule of a named group: the scores, from 1 to 5 (the best), between which a customer belongs to it.

    Attributes
    ----------
    group : str
    recency : (int, int)
        The lowest and highest recency score.
    worth : (float, float)
        The lowest and highest mean of the frequency and the monetary score.
    orders : (int, int or None)
        The fewest and most orders; None for no limit.
    meaning : str
    """

    group: str
    recency: tuple[int, int] = (1, SCORES)
    worth: tuple[float, float] = (1, SCORES)
    orders: tuple[int, int | None] = (1, None)
    meaning: str = ""

    def __str__(self) -> str:
        """Write the conditions, those that say something."""
        parts = []
        for name, (low, high) in (("recency", self.recency), ("worth", self.worth)):
            if (low, high) != (1, SCORES):
                parts.append(f"{name} {low:g}" if low == high else f"{name} {low:g} to {high:g}")
        fewest, most = self.orders
        if (fewest, most) != (1, None):
            parts.append(f"orders {fewest}" + ("" if most == fewest else " or more" if most is None else f" to {most}"))
        return ", ".join(parts) or "everyone else"


RFM_RULES = (
    Rule("New", recency=(4, 5), orders=(1, 1), meaning="ordered once, and lately"),
    Rule("Champions", recency=(4, 5), worth=(4, 5), meaning="buy lately, often and for much"),
    Rule("Loyal", recency=(3, 5), worth=(3, 5), meaning="come back, and not long ago"),
    Rule("Occasional", recency=(3, 5), meaning="were here not long ago, but buy rarely or little"),
    Rule("Must not lose", recency=(1, 2), worth=(4, 5), meaning="bought often and for much, and have stayed away"),
    Rule("At risk", recency=(1, 2), worth=(3, 5), meaning="used to come back, and have stayed away"),
    Rule("Hibernating", recency=(2, 2), meaning="bought little, some time ago"),
    Rule("Gone quiet", meaning="bought little, long ago"),
)
"""The rules of the named groups. A customer belongs to the first that fits; the last takes everyone else."""


def rfm_groups(crm: Any, *, as_of: str | date | datetime | None = None, rules: Sequence[Rule] = RFM_RULES) -> ir.Table:
    """Return recency, frequency, monetary value, their scores and the named group, one row a customer.

    Parameters
    ----------
    crm : Crm, Ibis table or DataFrame
        A Crm, or orders with the columns customer_id, ordered_at and amount.
    as_of : str, date or datetime, optional
        The moment to look back from; see `crmkit.methods.rfm.rfm`.
    rules : sequence of Rule
        The first that fits wins; together they must take every combination of scores.

    Returns
    -------
    Ibis table
        What `rfm` returns with scores from 1 to 5, `worth` (mean of the frequency and the monetary score) and `group`.
        Each customer who has ordered is in exactly one group, equal customers in the same.

    Raises
    ------
    UsageError
        Where the rules leave out a combination of scores, or two rules have the same name.

    Notes
    -----
    Scores compare a customer with all others at the same moment: a group's limits in days and money move on with them.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": list("aaab"), "amount": [90.0, 80.0, 70.0, 5.0],
    ...     "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-20", "2026-01-31", "2025-01-25"])})
    >>> rfm_groups(orders).order_by("customer_id").to_pandas()[["customer_id", "worth", "group"]].values.tolist()
    [['a', 3.0, 'Loyal'], ['b', 1.0, 'Gone quiet']]
    """
    _check(rules)
    found = rfm(crm, as_of=as_of, scores=SCORES)
    found = found.mutate(worth=(found.frequency_score + found.monetary_score).cast("float64") / 2)
    cases = [(_fits(found, rule), rule.group) for rule in rules]
    return found.mutate(group=ibis.cases(*cases))


def rfm_rules(rules: Sequence[Rule] = RFM_RULES) -> pd.DataFrame:
    """Return the rules as a table for people: `group`, `rule`, `meaning`, in the order in which they are tried.

    >>> rfm_rules().iloc[1].tolist()
    ['Champions', 'recency 4 to 5, worth 4 to 5', 'buy lately, often and for much']
    """
    return pd.DataFrame([{"group": rule.group, "rule": str(rule), "meaning": rule.meaning} for rule in rules])


def _fits(found: ir.Table, rule: Rule) -> ir.BooleanValue:
    fits = found.recency_score.between(*rule.recency) & found.worth.between(*rule.worth)
    fewest, most = rule.orders
    fits = fits & (found.frequency >= fewest) if fewest > 1 else fits
    return fits & (found.frequency <= most) if most is not None else fits


def _check(rules: Sequence[Rule]) -> None:
    names = [rule.group for rule in rules]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"Two rules are called {twice[0]!r}; a group needs a name of its own.")
    most = max([limit for rule in rules for limit in rule.orders if limit is not None], default=1) + 1
    for recency in range(1, SCORES + 1):
        for worth in (score / 2 for score in range(2, 2 * SCORES + 1)):
            for orders in range(1, most + 1):
                if not any(_takes(rule, recency, worth, orders) for rule in rules):
                    raise UsageError(
                        f"No rule takes a customer with recency score {recency}, worth {worth:g} and {orders} "
                        f"order{'' if orders == 1 else 's'}: end with a rule for everyone else, Rule('Other')."
                    )


def _takes(rule: Rule, recency: int, worth: float, orders: int) -> bool:
    fewest, most = rule.orders
    inside = rule.recency[0] <= recency <= rule.recency[1] and rule.worth[0] <= worth <= rule.worth[1]
    return inside and fewest <= orders and (most is None or orders <= most)


def customer_segments(
    crm: Any, *, as_of: str | date | datetime | None = None, rules: Sequence[Rule] = RFM_RULES
) -> pd.DataFrame:
    """Return the named group of every customer, for lists and further work.

    Parameters
    ----------
    crm : Crm
    as_of : str, date or datetime, optional
        The moment to look back from; by default the Crm's own.
    rules : sequence of Rule

    Returns
    -------
    DataFrame
        `customer_id` and `segment`, one row for each customer known at the moment, sorted by id: those of the table
        customers, and those who ordered. Customers without an order are in "No order yet".

    Raises
    ------
    NotInThisData
        Where there are no orders.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": ["1"], "customer_id": ["a"], "amount": [9.0],
    ...     "ordered_at": ["2026-01-05"]}, "customers": {"customer_id": ["a", "b"], "created_at": ["2026-01-01"] * 2}})
    >>> customer_segments(crm).values.tolist()
    [['a', 'Gone quiet'], ['b', 'No order yet']]
    """
    need(crm, "customer_segments", "orders")
    relations, _ = known_at_moment(crm, as_of)
    found = rfm_groups(crm, as_of=as_of, rules=rules).select("customer_id", segment="group")
    frame = found.to_pyarrow().to_pandas()
    if "customers" in relations:
        everyone = relations.get("customers").select("customer_id").distinct().to_pyarrow().to_pandas()
        frame = everyone.merge(frame, on="customer_id", how="outer")
        frame["segment"] = frame["segment"].fillna(NOT_YET)
    return frame.sort_values("customer_id").reset_index(drop=True)[["customer_id", "segment"]]
