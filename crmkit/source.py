"""Opening a CRM: tables found, cast, checked and cut at `as_of`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from crmkit import config as settings
from crmkit import readers, schema
from crmkit.casting import WrongTypeError, cast
from crmkit.config import Config
from crmkit.crm import Crm
from crmkit.errors import DataError
from crmkit.merges import beside
from crmkit.merging import merged
from crmkit.periods import end_of_day

ROWS_CHECKED_AT_ONCE = 5_000_000
"""Above this many rows the uniqueness of keys is left to `crmkit check`, which takes its time."""
_MANY_KEYS = 1_000_000
_EXAMPLES = 3
_FOREVER = ibis.timestamp("2200-01-01 00:00:00")
RECORDED = {
    "leads",
    "opportunities",
    "opportunity_stages",
    "activities",
    "orders",
    "payments",
    "campaign_responses",
    "web_sessions",
    "tickets",
    "surveys",
    "usage",
    "experiments",
}
"""Tables whose rows are written when something happens. Where any of them is there, they and the making of customers
say how far the data goes; the ends of subscriptions, losses, campaigns and budgets may lie ahead."""
_ALWAYS_PAST = {("customers", "created_at"), ("customers", "acquired_at")}
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


def open(  # the name of the contract
    source: Any,
    *,
    as_of: str | date | None = None,
    config: Mapping[str, object] | str | Path | None = None,
    memory: str | None = None,
    merges: Any = True,
) -> Crm:
    """Open the tables of a CRM.

    Parameters
    ----------
    source : str, Path, dict of DataFrames, or Ibis connection
        A folder of `<table>.csv` or `<table>.parquet` files (or folders of Parquet parts), a DuckDB file, a database
        URL that Ibis connects to, an Ibis connection, or tables by name.
    as_of : str or date, optional
        The last moment that the data knows; a date stands for its whole day. By default what `crm.toml` says, else the
        latest past event in the data.
    config : mapping or path, optional
        Settings as in `crm.toml`; by default the `crm.toml` beside the tables.
    memory : str, optional
        The most that the embedded engine may use, such as "1GB"; beyond it works on disk.
    merges : bool, path, DataFrame or mapping
        Which records are one, as `crmkit.merges` says: by default what `merges.csv` beside the tables says, if there
        is one; False leaves all records apart.

    Returns
    -------
    Crm

    Raises
    ------
    UsageError
        Where there is no such source, or a setting is wrong.
    DataError
        Where a table or column is wrong: the message names table, column, rows and values.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": ["007"], "customer_id": ["A"], "ordered_at": ["2026-03-01"],
    ...                               "amount": [20.0]}})
    >>> crm.as_of
    datetime.datetime(2026, 3, 1, 23, 59, 59, 999999)
    """
    if as_of is None and config is None and memory is None and merges is True:
        from crmkit import prepared  # builds on Crm and the settings, as this module does

        if (found := prepared.find(source)) is not None:
            return found
    opened, problems = examine(source, as_of=as_of, config=config, memory=memory)
    if problems:
        lines = [str(problem) for problem in problems]
        shown = lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines[:10])
        rest = f"\n… and {len(lines) - 10} more; `crmkit check` lists all." if len(lines) > 10 else ""
        raise DataError(shown + rest)
    told = beside(source) if merges is True else merges
    return opened if told is None or told is False else merged(opened, told)


def examine(source: Any, *, as_of=None, config=None, memory=None) -> tuple[Crm, list[Problem]]:
    """Open the tables of a CRM as `open` does, and return what is wrong with them instead of raising it."""
    raw = readers.read(source, memory=memory)
    config = Path(config) if isinstance(config, str) else config
    told = settings.read(config if config is not None else raw.settings)
    typed = {name: _Typed.of(name, table, told, raw) for name, table in raw.tables.items()}
    problems = [problem for table in typed.values() for problem in table.problems]
    known = settings.read({"as_of": as_of}).as_of if as_of is not None else told.as_of
    usable = {name: table for name, table in typed.items() if not table.broken}
    looks = {
        name: _look(table, copied=name in raw.copied, hashed=name in raw.files and table.rows > _MANY_KEYS)
        for name, table in usable.items()
    }
    problems += [problem for name, table in usable.items() for problem in _problems(table, looks[name])]
    known = known or _latest(looks)
    if raw.copied or raw.files:  # an engine of crmkit's own, not one that somebody else works with
        readers.settle(raw.engine, sum(int(look["rows"]) for look in looks.values()))
    crm = Crm(
        engine=raw.engine,
        tables={name: _stored(raw, table, looks[name]) for name, table in usable.items()},
        present={name: frozenset(table.present) for name, table in usable.items()},
        config=told,
        as_of=known,
        label=raw.label,
        embedded=raw.embedded,
        notes=_notes(raw, looks, known, {problem.table for problem in problems}),
        files=raw.files,
        rows={name: int(look["rows"]) for name, look in looks.items()},
        settled={name: _settled(usable[name].declared, look, known) for name, look in looks.items()},
        since=_since(looks),
    )
    return crm, problems


@dataclass(frozen=True)
class _Typed:
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
    def of(cls, name: str, raw: ir.Table, config: Config, source: readers.Raw) -> _Typed:
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


def _look(typed: _Typed, *, copied: bool, hashed: bool = False) -> dict[str, Any]:
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
            asked[f"last_{name}"] = columns[name].max()
        if (happened := _happened(columns, declared, name)) is not None:
            asked[f"latest_{name}"] = columns[name].max(where=happened & (columns[name] < _FOREVER))
    for name in (declared.born, "acquired_at"):
        if name in typed.present:
            asked[f"first_{name}"] = columns[name].min()
    if declared.name == "opportunities" and "closed_at" in columns:
        asked["forecasts"] = raw.count(where=(columns["outcome"] == "open") & columns["closed_at"].notnull())
    found = raw.agg(**asked).to_pyarrow().to_pylist()[0]
    return _look(typed, copied=copied) if hashed and _repeats(found) else found


def _hashed(key: ir.StringValue) -> ir.IntegerValue:
    return ibis.cases((key.notnull(), key.hash()))


def _settled(declared: schema.Table, look: dict[str, Any], as_of: datetime | None) -> frozenset[str]:
    """Return the time columns in which nothing lies after `as_of`, so that nothing has to be masked."""
    if as_of is None:
        return frozenset()
    times = {name.removeprefix("last_"): last for name, last in look.items() if name.startswith("last_")}
    settled = {name for name, last in times.items() if last is None or last <= as_of}
    return frozenset(settled - {"closed_at"} if look.get("forecasts") else settled)


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


def _problems(typed: _Typed, look: dict[str, Any]) -> list[Problem]:
    found = []
    name = typed.declared.name
    for index, ((column, what), (condition, advice)) in enumerate(typed.suspects.items()):
        if rows := look[f"bad{index}"]:
            found.append(Problem(name, column, what, rows, _examples(typed, column, condition), advice))
    if "keys" in look and look["keys"] < look["rows"] and not any(p.column in typed.declared.key for p in found):
        found += _doubled(typed)
    return found


def _examples(typed: _Typed, column: str, condition: ir.BooleanValue) -> tuple[tuple[int, str], ...]:
    rows = typed.raw.select(value_=typed.raw[column].cast("string"), bad_=condition, row_=ibis.row_number() + 1)
    rows = rows.filter("bad_").order_by("row_").limit(_EXAMPLES)
    return tuple((row["row_"], row["value_"]) for row in rows.to_pyarrow().to_pylist())


def _doubled(typed: _Typed) -> list[Problem]:
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


def _since(looks: dict[str, dict[str, Any]]) -> dict[str, datetime]:
    """Return when the rows of each table begin; customers by their acquisition, where a column says it."""
    found = {}
    for name, look in looks.items():
        firsts = {asked: moment for asked, moment in look.items() if asked.startswith("first_") and moment is not None}
        if firsts:
            found[name] = firsts.get("first_acquired_at", next(iter(firsts.values())))
    return found


def _repeats(look: dict[str, Any]) -> int:
    return look["rows"] - look["keys"] if "keys" in look else 0


def _stored(raw: readers.Raw, typed: _Typed, look: dict[str, Any]) -> ir.Table:
    """Return the typed table without exact repetitions; held by the engine where it was read from text or frames."""
    name = typed.declared.name
    table = typed.table.distinct() if _repeats(look) else typed.table
    if name not in raw.copied:
        return table
    stored = raw.engine.create_table(f"typed_{name}", table, temp=True)
    raw.engine.drop_table(f"file_{name}", force=True)
    return stored


def _latest(looks: dict[str, dict[str, Any]]) -> datetime | None:
    """Find the last moment that the data knows: the latest event in it that cannot be a plan."""
    moments = {
        (name, asked.removeprefix("latest_")): moment
        for name, look in looks.items()
        for asked, moment in look.items()
        if asked.startswith("latest_") and moment is not None
    }
    if any(name in RECORDED for name, _ in moments):
        moments = {at: moment for at, moment in moments.items() if at[0] in RECORDED or at in _ALWAYS_PAST}
    found = max(moments.values(), default=None)
    return end_of_day(found) if found is not None else None


def _notes(
    raw: readers.Raw, looks: dict[str, dict[str, Any]], as_of: datetime | None, wrong: set[str]
) -> tuple[str, ...]:
    notes = list(raw.notes)
    for name, look in looks.items():
        if name not in wrong and (repeats := _repeats(look)):
            rows = "1 row repeats another and counts" if repeats == 1 else f"{repeats:,} rows repeat others and count"
            notes.append(f"{name}: {rows} once.")
        for asked, moment in look.items():
            if as_of is None or not asked.startswith("latest_") or moment is None or moment <= as_of:
                continue
            notes.append(
                f"{name}.{asked.removeprefix('latest_')} goes on to {moment:%Y-%m-%d}, but the data counts as known up "
                f"to {as_of:%Y-%m-%d}: what lies later has not happened yet. Set as_of in crm.toml if that is wrong."
            )
    return tuple(notes)
