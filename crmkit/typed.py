"""One table of a source: its columns cast to what the schema says, and what is wrong with its cells and keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import ibis
import ibis.expr.types as ir

from crmkit import readers, schema
from crmkit.casting import WrongTypeError, cast
from crmkit.config import Config

ROWS_CHECKED_AT_ONCE = 5_000_000
"""Above this many rows the uniqueness of keys is left to `crmkit check`, which takes its time."""
_EXAMPLES = 3
_EVER = ibis.timestamp("0001-01-01 00:00:00")
_FOREVER = ibis.timestamp("2200-01-01 00:00:00")
_FORESEEN = {"task", "meeting", "visit"}
"""Kinds of activities that are entered before they take place."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with a column: what, in how many rows, and examples of them."""

    table: str
    column: str
    what: str
    rows: int = 0
    examples: tuple[tuple[int, str], ...] = ()
    advice: str = ""

    def __str__(self) -> str:
        """One sentence for people: table, column, what is wrong, rows and values, the way out."""
        shown = ", ".join(f"row {row}: {value!r}" for row, value in self.examples)
        more = f" in {self.rows:,} row{'s' if self.rows != 1 else ''}" if self.rows else ""
        return f"{self.table}.{self.column} {self.what}{more}{f' ({shown})' if shown else ''}. {self.advice}".strip()


@dataclass(frozen=True)
class Typed:
    """A table of a source with the declared types, and the conditions that tell its bad cells."""

    declared: schema.Table
    raw: ir.Table
    table: ir.Table | None
    columns: dict[str, ir.Value]
    present: list[str]
    bad: dict[str, tuple[ir.BooleanValue, str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def broken(self) -> bool:
        """Whether the table cannot be used at all."""
        return bool(self.problems)

    @classmethod
    def of(cls, name: str, raw: ir.Table, config: Config, source: readers.Raw) -> Typed:
        """Cast the columns of `raw` to what the schema says of the table called `name`."""
        declared, filled = schema.TABLES[name], source.filled.get(name, frozenset())
        raw = raw.rename({column.strip(): column for column in raw.columns if column != column.strip()})
        problems = [
            _missing(declared, column, raw.columns) for column in declared.required if column not in raw.columns
        ]
        columns, bad, present = {}, {}, []
        for column in raw.columns:
            if column not in declared:
                columns[column] = raw[column]
                continue
            try:
                made = cast(
                    raw[column],
                    declared[column],
                    zone=config.timezone,
                    embedded=source.embedded,
                    filled=column in filled,
                )
            except WrongTypeError as error:
                problems.append(Problem(name, column, str(error), advice="Convert it in the source, or in a view."))
                continue
            columns[column] = made.value
            present.append(column)
            if made.bad is not None:
                bad[column] = (made.bad, f"must be {made.wanted}")
        table = raw.select(**columns) if not problems else None
        return cls(declared, raw, table, columns, present, bad, problems)

    @cached_property
    def rows(self) -> int:
        """How many rows the table has."""
        return int(self.raw.count().to_pyarrow().as_py())

    @cached_property
    def suspects(self) -> dict[tuple[str, str], tuple[ir.BooleanValue, str]]:
        """Conditions by (column, what is wrong with it), each with the advice; all on the raw table's rows."""
        found = {}
        for column, (condition, what) in self.bad.items():
            found[column, what] = (condition, "Correct the cells, or turn the export into tables with `crmkit import`.")
        for name in self.declared.key:
            missing = self.raw[name].isnull()
            if self.raw[name].type().is_string():
                missing = missing | (self.raw[name].strip() == "")
            found[name, "is empty, and a key must not be"] = (missing, "Fill it, or leave the rows out.")
        for column in self.declared.columns:
            if column.values and column.name in self.present and self.raw[column.name].type().is_string():
                text = self.raw[column.name].nullif("")
                wrong = text.notnull() & ~text.isin(column.values)
                found[column.name, f"must be one of {', '.join(column.values)}"] = (
                    wrong,
                    "Change the values, or map them with an adapter (`crmkit import`).",
                )
        return found


def _missing(declared: schema.Table, column: str, found: tuple[str, ...]) -> Problem:
    near = get_close_matches(column, found, n=1)
    hint = f"Did you mean the column {near[0]!r}? " if near else ""
    return Problem(
        declared.name,
        column,
        "is missing, and the table needs it",
        advice=f"{hint}Columns found: {', '.join(found) or 'none'}. Rename or add it.",
    )


def look_at(typed: Typed, *, copied: bool, hashed: bool = False) -> dict[str, Any]:
    """Ask a table once for all: rows, bad cells, distinct keys, latest times.

    The keys of a long table are counted by their hashes, which need half the memory; only where two are the same, and
    so a key or, once in a million tables, a hash stands twice, they are counted themselves.
    """
    raw, columns, declared = typed.raw, typed.columns, typed.declared
    asked: dict[str, ir.Scalar] = {"rows": raw.count()}
    for index, (condition, _) in enumerate(typed.suspects.values()):
        asked[f"bad{index}"] = raw.count(where=condition)
    if declared.key and (copied or typed.rows <= ROWS_CHECKED_AT_ONCE):
        key = _joined([columns[name] for name in declared.key])
        asked["keys"] = (_hashed(key) if hashed else key).nunique()
    for name in typed.present:
        if declared[name].type == "time":
            asked[f"last_{name}"] = _within_reach(columns[name].max())
        if (happened := _happened(columns, declared, name)) is not None:
            asked[f"latest_{name}"] = columns[name].max(where=happened & (columns[name] < _FOREVER))
    for name in (declared.born, "acquired_at"):
        if name in typed.present:
            asked[f"first_{name}"] = _within_reach(columns[name].min())
    if declared.name == "opportunities" and "closed_at" in columns:
        asked["forecasts"] = raw.count(where=(columns["outcome"] == "open") & columns["closed_at"].notnull())
    found = raw.agg(**asked).to_pyarrow().to_pylist()[0]
    return look_at(typed, copied=copied) if hashed and repetitions(found) else found


def _within_reach(time: ir.TimestampValue) -> ir.TimestampValue:
    """Return a time that Python can hold: databases also write infinity, for what has no end."""
    return ibis.cases((time > _FOREVER, _FOREVER), (time < _EVER, _EVER), else_=time)


def _hashed(key: ir.StringValue) -> ir.IntegerValue:
    return ibis.cases((key.notnull(), key.hash()))


def _happened(columns: Mapping[str, ir.Value], declared: schema.Table, column: str) -> ir.BooleanValue | None:
    """Tell for which rows a time is that of an event; None where it never is."""
    if (declared.name, column) in {("opportunities", "closed_at"), ("terms", "term_end")}:
        return columns["outcome"] != "open"
    if declared.name == "activities" and column == "at":
        return columns["kind"].notin(_FORESEEN)
    return ibis.literal(True) if declared[column].clock in ("born", "state") else None


def _joined(keys: Sequence[ir.StringValue]) -> ir.StringValue:
    joined = keys[0]
    for key in keys[1:]:
        joined = joined + ibis.literal("\x1f") + key
    return joined


def problems_of(typed: Typed, look: dict[str, Any]) -> list[Problem]:
    """Return what is wrong with the cells and keys of a table, as far as `look_at` saw it."""
    found = []
    name = typed.declared.name
    for index, ((column, what), (condition, advice)) in enumerate(typed.suspects.items()):
        if rows := look[f"bad{index}"]:
            found.append(Problem(name, column, what, rows, _examples(typed, column, condition), advice))
    if "keys" in look and look["keys"] < look["rows"] and not any(p.column in typed.declared.key for p in found):
        found += _doubled(typed)
    return found


def _examples(typed: Typed, column: str, condition: ir.BooleanValue) -> tuple[tuple[int, str], ...]:
    rows = typed.raw.select(value_=typed.raw[column].cast("string"), bad_=condition, row_=ibis.row_number() + 1)
    rows = rows.filter("bad_").order_by("row_").limit(_EXAMPLES)
    return tuple((row["row_"], row["value_"]) for row in rows.to_pyarrow().to_pylist())


def _doubled(typed: Typed) -> list[Problem]:
    """Find keys that stand in several rows which are not the same to the letter."""
    declared = typed.declared
    kinds = typed.table.distinct().group_by(declared.key).agg(rows_=lambda t: t.count()).filter(lambda t: t.rows_ > 1)
    conflicting = int(kinds.count().execute())
    if not conflicting:
        return []
    first = kinds.order_by(declared.key).limit(_EXAMPLES).to_pyarrow().to_pylist()
    named = [(" / ".join(str(row[name]) for name in declared.key), row["rows_"]) for row in first]
    shown = ", ".join(f"{value!r} in {count} rows" for value, count in named)
    what = f"must name one row, but {conflicting:,} of its values stand in rows that differ ({shown})"
    return [Problem(declared.name, ", ".join(declared.key), what, advice="Keep one row of each.")]


def repetitions(look: dict[str, Any]) -> int:
    """Return how many rows repeat the key of another."""
    return look["rows"] - look["keys"] if "keys" in look else 0


def stored(raw: readers.Raw, typed: Typed, look: dict[str, Any]) -> ir.Table:
    """Return the typed table without exact repetitions; held by the engine where it was read from text or frames."""
    name = typed.declared.name
    table = typed.table.distinct() if repetitions(look) else typed.table
    if name not in raw.copied:
        return table
    held = raw.engine.create_table(f"typed_{name}", table, temp=True)
    raw.engine.drop_table(f"file_{name}", force=True)
    return held
