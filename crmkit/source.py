"""Opening a CRM: tables found, cast, checked and cut at `as_of`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from crmkit import config as settings
from crmkit import readers, schema
from crmkit.crm import Crm
from crmkit.errors import DataError
from crmkit.merges import beside
from crmkit.merging import merged
from crmkit.periods import end_of_day
from crmkit.typed import Problem, Typed, look_at, problems_of, repetitions, stored

_MANY_KEYS = 1_000_000
RECORDED = {
    "leads", "opportunities", "opportunity_stages", "activities", "orders", "payments", "campaign_responses",
    "web_sessions", "tickets", "surveys", "usage", "experiments",
}  # fmt: skip
"""Tables whose rows are written when something happens. Where any of them is there, they and the making of customers
say how far the data goes; the ends of subscriptions, losses, campaigns and budgets may lie ahead."""
_ALWAYS_PAST = {("customers", "created_at"), ("customers", "acquired_at")}


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
    typed = {name: Typed.of(name, table, told, raw) for name, table in raw.tables.items()}
    problems = [problem for table in typed.values() for problem in table.problems]
    known = settings.read({"as_of": as_of}).as_of if as_of is not None else told.as_of
    usable = {name: table for name, table in typed.items() if not table.broken}
    looks = {
        name: look_at(table, copied=name in raw.copied, hashed=name in raw.files and table.rows > _MANY_KEYS)
        for name, table in usable.items()
    }
    problems += [problem for name, table in usable.items() for problem in problems_of(table, looks[name])]
    known = known or _latest(looks)
    if raw.copied or raw.files:  # an engine of crmkit's own, not one that somebody else works with
        readers.settle(raw.engine, sum(int(look["rows"]) for look in looks.values()))
    crm = Crm(
        engine=raw.engine,
        tables={name: stored(raw, table, looks[name]) for name, table in usable.items()},
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


def _settled(declared: schema.Table, look: dict[str, Any], as_of: datetime | None) -> frozenset[str]:
    """Return the time columns in which nothing lies after `as_of`, so that nothing has to be masked."""
    if as_of is None:
        return frozenset()
    times = {name.removeprefix("last_"): last for name, last in look.items() if name.startswith("last_")}
    settled = {name for name, last in times.items() if last is None or last <= as_of}
    return frozenset(settled - {"closed_at"} if look.get("forecasts") else settled)


def _since(looks: dict[str, dict[str, Any]]) -> dict[str, datetime]:
    """Return when the rows of each table begin; customers by their acquisition, where a column says it."""
    found = {}
    for name, look in looks.items():
        firsts = {asked: moment for asked, moment in look.items() if asked.startswith("first_") and moment is not None}
        if firsts:
            found[name] = firsts.get("first_acquired_at", next(iter(firsts.values())))
    return found


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
        if name not in wrong and (repeats := repetitions(look)):
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
