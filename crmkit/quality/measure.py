"""All rules of a table in one query: how many rows break each, by owner and month, and where they concentrate."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from crmkit import schema
from crmkit.quality.rule import Look, Rule
from crmkit.quality_settings import DIMENSIONS

EXAMPLES = 3
COUNTED = ["table", "owner", "month", "dimension", "rows", "broken"]
_LEAST_ROWS = 5
_TWICE = 1.5


@dataclass(frozen=True)
class Measured:
    """What the rules found in one table.

    Attributes
    ----------
    found : list of dict
        One entry a broken rule: `rule` (the `Rule`), `rows`, `share`, `examples`, `owner`, `entry` (where it
        concentrates, or None).
    counted : DataFrame
        Columns `COUNTED`: rows by owner and month of entry, and how many of them have an error or a warning, for each
        dimension and for all together ("all").
    """

    found: list[dict[str, Any]]
    counted: pd.DataFrame


def measured(look: Look, rules: Sequence[Rule]) -> Measured:
    """Count the rows of a table that break each of the rules, in one query; details of the broken ones in two more.

    Where a rule turns out to be broken by more rows than a slip would explain, the rows are counted once more without
    it: what is usual is no part of a score.
    """
    frame = _counts(look, rules)
    rows = int(frame["rows"].sum())
    totals = {at: int(frame[f"b{at}"].sum()) for at in range(len(rules))}
    judged = [replace(rule, severity=severity_of(rule, totals[at] / rows)) for at, rule in enumerate(rules)]
    if any(rule.severity != before.severity for rule, before in zip(judged, rules, strict=True)):
        frame = _counts(look, judged)
    counted = _tidy(look, frame)
    broken = {at: rule for at, rule in enumerate(judged) if totals[at]}
    if not broken:
        return Measured([], counted)
    entries = _by_entry(look, broken)
    examples = _examples(look, broken)
    found = []
    for at, rule in broken.items():
        by_owner = frame.groupby("owner_", dropna=True)[["rows", f"b{at}"]].sum() if look.owner else None
        found.append(
            {
                "rule": rule,
                "rows": totals[at],
                "share": totals[at] / rows,
                "examples": examples[at],
                "owner": _concentrated(by_owner, f"b{at}", totals[at], rows),
                "entry": _concentrated(entries, f"b{at}", totals[at], rows),
            }
        )
    return Measured(found, counted)


def severity_of(rule: Rule, share: float) -> str:
    """Return how bad the findings of a rule are: what more rows do than a slip would explain is only a note."""
    return "note" if rule.usual_above is not None and share > rule.usual_above else rule.severity


def _counts(look: Look, rules: Sequence[Rule]) -> pd.DataFrame:
    """Ask a table how many rows break each rule, and have an error or warning in each dimension, by owner and month."""
    data = look.data
    flags = {f"b{at}": rule.broken.fill_null(False) for at, rule in enumerate(rules)}
    born = look.declared.born
    month = data[born].truncate("M") if born and born in look.present else ibis.null("timestamp")
    owner = data[look.owner] if look.owner else ibis.null("string")
    marked = data.select(owner_=owner, month_=month, **flags)
    asked = {"rows": marked.count()} | {name: marked[name].sum() for name in flags}
    conditions = _conditions(marked, rules, keyed=bool(look.declared.key))
    asked |= {f"d_{dimension}": marked.count(where=condition) for dimension, condition in conditions}
    return marked.group_by("owner_", "month_").agg(**asked).order_by("owner_", "month_").to_pyarrow().to_pandas()


def _conditions(marked: ir.Table, rules: Sequence[Rule], *, keyed: bool) -> Iterator[tuple[str, ir.BooleanValue]]:
    """Yield for each dimension, and for all, where a row has an error or a warning."""
    broken = {name: [] for name in DIMENSIONS}
    for at, rule in enumerate(rules):
        if rule.severity != "note":
            broken[rule.dimension].append(marked[f"b{at}"])
    for dimension, flags in broken.items():
        if dimension == "uniqueness" and keyed and not flags:
            yield dimension, ibis.literal(False)  # keys are unique where a table could be opened
        if flags:
            yield dimension, functools.reduce(operator.or_, flags)
    everything = [flag for flags in broken.values() for flag in flags]
    yield "all", functools.reduce(operator.or_, everything) if everything else ibis.literal(False)


def _tidy(look: Look, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the counts of one table with a row for each owner, month and dimension."""
    parts = []
    for name in ("all", *DIMENSIONS):
        if f"d_{name}" in frame:  # else no rule of this dimension asks anything of the table
            cells = frame[["owner_", "month_", "rows"]]
            parts.append(cells.assign(dimension=name, broken=frame[f"d_{name}"].astype("int64")))
    tidy = pd.concat(parts, ignore_index=True).rename(columns={"owner_": "owner", "month_": "month"})
    tidy["month"] = pd.to_datetime(tidy["month"])
    tidy["owner"] = tidy["owner"].astype(object).where(tidy["owner"].notna(), None)
    return tidy.assign(table=look.table)[COUNTED]


def _by_entry(look: Look, broken: dict[int, Rule]) -> pd.DataFrame | None:
    """Count by the way in which rows come in, only the rules that are broken."""
    if not look.entry:
        return None
    data = look.data
    flags = {f"b{at}": rule.broken.fill_null(False) for at, rule in broken.items()}
    marked = data.select(entry_=data[look.entry].cast("string"), **flags)
    asked = {"rows": marked.count()} | {name: marked[name].sum() for name in flags}
    found = marked.group_by("entry_").agg(**asked).order_by(ibis.desc("rows"), "entry_").limit(1000)
    frame = found.to_pyarrow().to_pandas()
    return frame[frame["entry_"].notna()].set_index("entry_")


def _concentrated(groups: pd.DataFrame | None, name: str, broken: int, rows: int) -> dict[str, Any] | None:
    """Return the group with most of the broken rows, its share of them and of all rows, and whether that says anything.

    It does where at least five rows are the group's, at least half as many again as its share of all rows, and so many
    happen by chance once in a thousand times (binomial).
    """
    if groups is None or not len(groups):
        return None
    top = groups[name].sort_values(ascending=False, kind="stable")
    group, own = top.index[0], int(top.iloc[0])
    if not own:
        return None
    share, of_all = own / broken, float(groups.loc[group, "rows"]) / rows
    stands_out = own >= _LEAST_ROWS and share >= _TWICE * of_all and _chance(own, broken, of_all) < 0.001
    return {"group": str(group), "share": share, "of_all": of_all, "stands_out": bool(stands_out)}


def _chance(own: int, broken: int, of_all: float) -> float:
    from scipy.stats import binom

    return float(binom.sf(own - 1, broken, of_all))


def _examples(look: Look, broken: dict[int, Rule]) -> dict[int, list[str]]:
    """Return the first few rows that break each rule: their key and the value; of personal columns the key alone."""
    parts = []
    for at, rule in broken.items():
        data = look.data
        shown = rule.shown or look.key or rule.column
        value = _shown_value(look, rule, shown)
        name = data[shown].cast("string") if shown in data.columns else ibis.literal("")
        marked = data.select(name_=name, value_=value, broken_=rule.broken)  # windows see all rows, not the broken ones
        rows = marked.filter(marked.broken_).select("name_", "value_").distinct()
        rows = rows.order_by("name_", "value_").limit(EXAMPLES)
        parts.append(rows.mutate(at_=ibis.literal(at, "int64")))
    rows = (ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]).to_pyarrow().to_pylist()
    found: dict[int, list[str]] = {at: [] for at in broken}
    for row in sorted(rows, key=lambda r: (r["at_"], str(r["name_"]), str(r["value_"]))):
        rule = broken[row["at_"]]
        shown = rule.shown or look.key or rule.column
        text = f"{shown} {row['name_']}"
        if row["value_"] is not None:
            text += f": {rule.column} {_short(row['value_'])}"
        found[row["at_"]].append(text)
    return found


def _shown_value(look: Look, rule: Rule, shown: str) -> ir.Value:
    declared = schema.TABLES[look.table]
    personal = rule.column in declared and declared[rule.column].personal
    if rule.column == shown or personal or rule.column not in look.data.columns:
        return ibis.null("string")
    return look.data[rule.column].cast("string")


def _short(value: str) -> str:
    """Write a value as an example: a time without its empty end, a whole number without a point, long text cut.

    >>> _short("2026-03-01 00:00:00"), _short("4500000.0"), _short("x" * 90)[-2:]
    ('2026-03-01', '4500000', 'x…')
    """
    value = value.removesuffix(" 00:00:00").removesuffix(".0")
    return value if len(value) <= 60 else value[:59] + "…"
