"""Columns as a whole: empty throughout, one value throughout, a few late dates that stand alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from crmkit.quality.rule import Look
from crmkit.relations import at

_LEAST = 20
"""A table with fewer rows may have one value by chance."""
_ALONE = timedelta(days=180)
_FEW = 0.005


def columns(look: Look) -> Iterator[dict[str, Any]]:
    """Yield what is wrong with whole columns: `rule`, `column`, `finding`, `rows`, `advice`, `effect`."""
    data = look.data
    asked = {"rows": data.count()}
    for at_, name in enumerate(sorted(look.present)):
        asked[f"n{at_}"] = data[name].count()
        if look.declared[name].type in ("number", "whole", "time"):
            asked |= {f"low{at_}": data[name].min(), f"high{at_}": data[name].max()}
    found = data.agg(**asked).to_pyarrow().to_pylist()[0]
    rows = found["rows"]
    if rows < 1:
        return
    for at_, name in enumerate(sorted(look.present)):
        filled, low, high = (found.get(f"{word}{at_}") for word in ("n", "low", "high"))
        if not filled:
            if not look.declared[name].required:
                yield _empty(name, rows)
        elif low is not None and low == high and rows >= _LEAST and filled == rows and _varies(look, name):
            yield _same(name, rows, low)
    yield from _lone_dates(look)


def _empty(name: str, rows: int) -> dict[str, Any]:
    return {
        "rule": "column_empty",
        "column": name,
        "finding": "is there and empty in every row",
        "rows": rows,
        "advice": "Fill it, or leave the column out of the export.",
        "unit": "column",
        "effect": "What needs it is measured as if nothing had happened, not as unknown.",
    }


def _same(name: str, rows: int, value: object) -> dict[str, Any]:
    shown = f"{value:%Y-%m-%d}" if hasattr(value, "strftime") else f"{value:g}"
    return {
        "rule": "same_value",
        "column": name,
        "finding": f"is {shown} in every row",
        "rows": rows,
        "advice": "Look whether the import or the export wrote one value for all, such as the day of a migration.",
        "unit": "column",
        "effect": "Splits and trends by it show one point; means are that value, whatever happened.",
    }


def _varies(look: Look, name: str) -> bool:
    """Tell whether a column varies in every company: times and money, not scales, list prices, probabilities."""
    column = look.declared[name]
    return column.clock == "born" or (column.unit in ("money", "minutes", "seconds") and look.table != "products")


def _lone_dates(look: Look) -> Iterator[dict[str, Any]]:
    """Find a few dates at the end that stand alone, half a year after all others, where they say how far data goes."""
    born, as_of = look.declared.born, look.crm.as_of
    if not born or born not in look.present or as_of is None or look.crm.config.as_of is not None:
        return
    value = look.data[born]
    months = look.data.filter(value <= at(as_of)).group_by(month_=value.truncate("M")).agg(rows_=lambda t: t.count())
    series = months.order_by("month_").to_pyarrow().to_pylist()
    total, late = sum(row["rows_"] for row in series), 0
    for before, after in zip(series[-2::-1], series[:0:-1], strict=False):
        late += after["rows_"]
        if late > max(1, _FEW * total) or total < _LEAST:
            return
        if after["month_"] - before["month_"] > _ALONE:
            yield {
                "rule": "lone_last_date",
                "column": born,
                "finding": f"reaches to {as_of:%Y-%m-%d} in {late:,} {'row' if late == 1 else 'rows'} alone; all "
                f"others end in {before['month_']:%Y-%m}",
                "rows": late,
                "advice": "Correct the dates, or set as_of in crm.toml to the day the data really ends.",
                "effect": "The data counts as known up to that day: the latest period is empty, and what is open looks "
                "old.",
            }
            return
