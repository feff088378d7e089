"""Reasons: by which column a change comes apart best, and whether random groups would come apart as well.

Sources
-------
E. M. Kitagawa (1955), Components of a difference between two rates, JASA 50, 1168-1194 (mix and rate). P. Good (2005),
Permutation, Parametric and Bootstrap Tests of Hypotheses. Y. Benjamini and Y. Hochberg (1995), JRSS B 57, 289-300.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmkit import schema
from crmkit.engine import dimensions
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.association import corrected
from crmkit.methods.common import said
from crmkit.methods.contributions import SIDES, carriers_of, contributions
from crmkit.methods.random_groups import effects_of, random_sums
from crmkit.metric import find, relations_of
from crmkit.periods import Period
from crmkit.relations import all_derived

if TYPE_CHECKING:
    from crmkit.crm import Crm

DRAWS = 999
MOST_GROUPS = 30
FEWEST_EACH = 5
"""Columns whose groups hold fewer than so many on average are names, not groups."""
OUTCOMES = ("outcome", "stage", "status", "lost_reason", "cancel_reason", "converted")
"""Columns that say how something ended: splitting a number by its own outcome explains nothing."""
NAMES = ("name", "interests")
"""Columns that name one thing or several at once, and so form no groups."""


def rank_columns(
    crm: Crm,
    metric: str,
    *,
    period: str | Period,
    against: str | Period,
    columns: Sequence[str] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """Rank the columns by which a metric can be split by how far they take its change apart, beyond chance.

    If a column had nothing to do with the change, each group would carry a part of it in proportion to its weight, give
    or take chance. `apart` is the part of the change that sits elsewhere: half the sum over the groups of
    |effect − weight · change|, with the effects of `crm.explain`. Random groups of the same sizes give the measure of
    chance: the labels are dealt anew to what carries them (a customer's segment to customers, an order's channel to
    orders). Above 5,000 carriers their sums are drawn from the normal distribution to which that tends.

    Parameters
    ----------
    crm : Crm
    metric : str
        A share, mean or ratio whose parts add up over the rows of one table, or a count or total.
    period, against : str or Period
    columns : list of str, optional
        By default all text columns within reach that form 2 to 30 groups of at least 5 on average; not personal ones,
        and not those that say how something ended.
    draws : int
        Random groupings.
    seed : int

    Returns
    -------
    DataFrame
        One row a column, the one that explains most first: `by`, `groups`, `n` (carriers), `mix` and `rate` (the whole
        change, split by this column; null `mix` for counts and totals), `apart`, `expected` (mean of the random
        groups), `beyond` (apart − expected), `p` (share of random groupings at least as far apart), `q` (corrected for
        the columns tried), `top` (the group that departs most from its weight) and `top_effect`, in the metric's unit.
        In `attrs`: `change`, `left_out` (column to reason), `draws`.

    Raises
    ------
    UsageError
        Where the metric is no sum or ratio over the rows of one table, or has no value in one of the periods.
    NotInThisData
        Where no column forms groups.

    Notes
    -----
    Which groups a change sits in says where to look, not why it happened.

    Examples
    --------
    >>> import crmkit
    >>> shop = [("2026-01-05", "web", "red")] * 20 + [("2026-01-05", "fair", "red")] * 20
    >>> shop += [("2026-02-05", "web", "red")] * 50 + [("2026-02-05", "fair", "red")] * 20
    >>> at, source, status = zip(*shop)
    >>> crm = crmkit.open({"leads": {"lead_id": [str(i) for i in range(110)], "created_at": at, "source": source}},
    ...     as_of="2026-03-01")
    >>> found = rank_columns(crm, "leads", period="2026-02", against="2026-01")
    >>> found[["by", "groups", "apart", "top"]].round(2).values.tolist()
    [['source', 2, 11.79, 'web']]
    """
    relation = _relation(crm, metric)
    tried = list(columns) if columns is not None else candidates(crm, relation)
    rows, whole = contributions(crm, metric, relation, tried, period=period, against=against, **options)
    found, left_out = [], {}
    rng = np.random.default_rng(seed)
    for name in tried:
        dealt = carriers_of(rows, crm, relation, name)
        if reason := _unfit(dealt, chosen=columns is not None):
            left_out[name] = reason
        else:
            found.append(_judged(name, dealt, rng, draws))
    if not found:
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items()) or "its table has none"
        raise NotInThisData(f"{metric}: not in this data, needs a column that forms groups ({why}).")
    frame = pd.DataFrame(found)
    frame["q"] = corrected(frame["p"])
    frame = _without_twins(frame, left_out) if columns is None else frame
    frame = frame.sort_values(["p", "beyond"], ascending=[True, False], kind="stable", ignore_index=True)
    order = ["by", "groups", "n", "mix", "rate", "apart", "expected", "beyond", "p", "q", "top", "top_effect"]
    about = find(metric)
    return said(
        frame[order], crm, change=whole, left_out=left_out, draws=draws, title=about.title, unit=about.unit,
        better=about.better,
    )  # fmt: skip


def candidates(crm: Crm, relation: str) -> list[str]:
    """Return the columns by which the rows of a relation may be worth splitting: named groups, nothing personal.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["1"], "created_at": ["2026-01-01"], "source": ["web"],
    ...     "status": ["new"], "email": ["a@example.org"]}})
    >>> candidates(crm, "leads")
    ['source']
    """
    found = []
    for name in dimensions.choices(crm, relation):
        path = dimensions.find(crm, relation, name)
        table = _table(relation, path)
        declared = schema.TABLES.get(table)
        column = declared[path.column] if declared is not None and path.column in declared else None
        if path.column in (*OUTCOMES, *NAMES) or (column is not None and column.personal):
            continue
        # A campaign belongs to its time, so that it would split any two periods.
        target = column.refers_to if column is not None else dimensions.references(table).get(path.column, "users")
        if (column is None or column.type == "key") and target not in ("users", "products"):
            continue
        if declared is not None and path.column in declared.key:
            continue
        found.append(name)
    return found


def _table(relation: str, path: dimensions.Path) -> str:
    for step in path.steps:
        relation = dimensions.references(relation)[step]
    return relation


def _relation(crm: Crm, metric: str) -> str:
    """Return the one relation that a metric is measured on."""
    declared = find(metric)
    relations, title = relations_of(declared), declared.title
    if declared.over is not None:
        raise UsageError(f"{title} is measured in a window of its own, so its change has no groups to sit in.")
    if len(relations) != 1:
        raise UsageError(
            f"{title} is made from several tables ({', '.join(sorted(relations))}), so no column splits all of it. "
            "Ask for its parts one by one, or use crmkit.methods.levers."
        )
    relation = next(iter(relations))
    if relation not in crm.relations:
        table = relation if relation in schema.TABLES else " or ".join(all_derived()[relation].any_of)
        raise NotInThisData(f"{metric}: not in this data, needs the table {table or relation}.")
    return relation


def _unfit(carriers: pd.DataFrame, *, chosen: bool) -> str:
    """Say why a column cannot be judged; "" where it can."""
    groups = carriers["label"].nunique()
    if groups < 2:
        return "one group only"
    free = carriers[~carriers["fixed"]]
    if free["label"].nunique() < 2:
        return "one group only, beside those without any"
    if not chosen and groups > MOST_GROUPS:
        return f"{groups} groups"
    if not chosen and len(carriers) < FEWEST_EACH * groups:
        return f"fewer than {FEWEST_EACH} a group on average"
    if _is_outcome(carriers):
        return "says how it ended: every named group is all or nothing"
    return ""


def _is_outcome(carriers: pd.DataFrame) -> bool:
    """Tell whether a column restates the outcome: each of its named groups is all or nothing."""
    whole, part = carriers[["of", "of_before"]].sum(axis=1), carriers[["part", "part_before"]].sum(axis=1)
    if not whole.sum() or not 0 < part.sum() < whole.sum():
        return False
    named = carriers["label"] != dimensions.NONE
    sums = pd.DataFrame({"part": part, "of": whole, "label": carriers["label"]})[named].groupby("label").sum()
    sums = sums[sums["of"] > 0]
    rate = sums["part"] / sums["of"]
    return bool(len(sums) and sums["of"].sum() >= 10 and rate.isin([0.0, 1.0]).all())


def _judged(name: str, carriers: pd.DataFrame, rng: np.random.Generator, draws: int) -> dict[str, Any]:
    sides = carriers[SIDES].to_numpy(float)
    codes, labels = pd.factorize(carriers["label"], sort=True)
    fixed = carriers["fixed"].to_numpy()
    sums = np.stack([np.bincount(codes, side, len(labels)) for side in sides.T])
    mix, rate, weight = effects_of(sums)
    change = mix.sum() + rate.sum()
    excess = mix + rate - weight * change
    apart = float(np.abs(excess).sum() / 2)
    drawn = effects_of(random_sums(sides, codes, len(labels), fixed, rng, draws))
    moved = drawn[0] + drawn[1]
    chance = np.abs(moved - drawn[2] * moved.sum(axis=-1, keepdims=True)).sum(axis=-1) / 2
    at_least = (chance >= apart * (1 - 1e-9)).sum()
    far = np.abs(excess).round(12)
    top = int(np.lexsort((-np.abs(mix + rate), -far))[0])
    return {
        "by": name,
        "groups": len(labels),
        "n": int((~fixed).sum()),
        "mix": float(mix.sum()) if sums[1].sum() else np.nan,
        "rate": float(rate.sum()),
        "apart": apart,
        "expected": float(chance.mean()),
        "beyond": apart - float(chance.mean()),
        "p": float((1 + at_least) / (1 + draws)),
        "top": str(labels[top]),
        "top_effect": float(mix[top] + rate[top]),
    }


def _without_twins(frame: pd.DataFrame, left_out: dict[str, str]) -> pd.DataFrame:
    """Leave out columns that split the rows exactly as another does, and say so."""
    ways = frame[["groups", "mix", "rate", "apart", "top_effect"]].fillna(0.0).round(9).apply(tuple, axis=1)
    twins = ways.duplicated()
    for place in frame.index[twins]:
        left_out[frame.loc[place, "by"]] = f"splits as {frame.loc[ways == ways[place], 'by'].iloc[0]} does"
    kept = frame[~twins].reset_index(drop=True)
    kept["q"] = corrected(kept["p"])
    return kept
