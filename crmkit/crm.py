"""A CRM that is open: its tables, what it knows of itself, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from crmkit import schema
from crmkit.casting import unbound
from crmkit.config import Config
from crmkit.errors import DataError
from crmkit.periods import Grain, Period, parse
from crmkit.relations import Relations, all_derived

if TYPE_CHECKING:
    import pandas as pd

    from crmkit.personal.readers import Readers


@dataclass(frozen=True, eq=False)
class Crm:
    """The tables of a company's CRM, opened by `crmkit.open`.

    Each table is an attribute and an Ibis table: `crm.orders`, `crm.orders.to_pandas()`. It holds what was known at
    `as_of`: rows that are born later are not there, and later events have not happened yet.

    Attributes
    ----------
    tables : dict of str to Ibis table
        The tables that the source has, with the declared types, not cut at `as_of`.
    present : dict of str to frozenset of str
        Which declared columns each of them has.
    config : Config
    as_of : datetime or None
        The last moment that the data knows.
    label : str
        What the source is called in messages.
    notes : tuple of str
        What was found while opening, one sentence each.
    rows : dict of str to int
        Rows of each table, before anything is left out.
    files : dict of str to list of Path
        The files that each table was read from, if it was files.
    settled : dict of str to frozenset of str
        The time columns of each table in which nothing lies after `as_of`.
    since : dict of str to datetime
        When the rows of each table begin, where they have times.
    readers : Readers or None
        What the readers of a report may see, where these are their tables: see `crmkit.personal.for_readers`.
    """

    engine: Any
    tables: Mapping[str, ir.Table]
    present: Mapping[str, frozenset[str]]
    config: Config
    as_of: datetime | None
    label: str = ""
    embedded: bool = True
    notes: tuple[str, ...] = ()
    files: Mapping[str, list[Path]] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    settled: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    since: Mapping[str, datetime] = field(default_factory=dict, repr=False)
    readers: Readers | None = field(default=None, repr=False)
    remembered: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __getattr__(self, name: str) -> ir.Table:
        """Return the table called `name`, as it was known at `as_of`."""
        if name.startswith("_") or (name not in schema.TABLES and name not in all_derived()):
            raise AttributeError(f"A Crm has no {name!r}. Tables in it: {', '.join(self.tables)}.")
        if name not in self.relations:
            raise AttributeError(f"{self.label} has no table {name!r}. Tables in it: {', '.join(self.tables)}.")
        if name == "customers":
            return self._customers()
        relation = self.relations.get(name)
        if name in all_derived():
            return relation
        return relation.select([column for column in relation.columns if self._shown(name, column)])

    def __dir__(self) -> list[str]:
        """List the tables beside the methods, so that JupyterLab completes them."""
        return sorted({*super().__dir__(), *self.tables})

    def __repr__(self) -> str:
        known = f"known up to {self.as_of:%Y-%m-%d}" if self.as_of else "without a date"
        counted = ", ".join(f"{name} {rows:,}" for name, rows in self.rows.items())
        return f"<Crm {self.config.name or self.label}, {known}: {counted}>"

    def _shown(self, table: str, column: str) -> bool:
        return column not in schema.TABLES[table] or column in self.present[table]

    def _customers(self) -> ir.Table:
        """Return the customers with `acquired_at` and `lost_at` derived where the source does not say them."""
        table = self.relations.get("customers")
        spells = self.relations.get("spells")
        last = spells.group_by("customer_id").agg(
            first_=spells.acquired_at.min(),
            lost_=spells.lost_at.max(),
            running_=spells.lost_at.isnull().any(),
        )
        joined = table.left_join(last, "customer_id")
        lost = joined.running_.ifelse(None, joined.lost_)
        joined = joined.mutate(acquired_at=joined.first_, lost_at=lost)
        derived = {"acquired_at", "lost_at"}
        return joined.select([c for c in table.columns if c in derived or self._shown("customers", c)])

    @cached_property
    def relations(self) -> Relations:
        """Every table that can be measured, with all declared columns; derived ones included."""
        if not self.embedded:  # another database may get rows while it is open: everything stays masked
            return Relations(self.tables, config=self.config, as_of=self.as_of)
        return Relations(self.tables, config=self.config, as_of=self.as_of, engine=self.engine, settled=self.settled)

    @cached_property
    def shapes(self) -> Relations:
        """The same relations bound to no data, which compile to any SQL dialect."""
        blank = {}
        for name, table in self.tables.items():
            declared = unbound(schema.TABLES[name])
            extra = {c: table.schema()[c] for c in table.columns if c not in schema.TABLES[name]}
            kept = {c: declared.schema()[c] for c in declared.columns if c in self.present[name]}
            blank[name] = ibis.table({**kept, **extra}, name=name)
        return Relations(blank, config=self.config, as_of=self.as_of)

    def period(self, text: str | Period, *, every: Grain | None = None) -> Period:
        """Read a period, with this company's calendar; `latest` is the last one complete at `as_of`.

        Raises
        ------
        UsageError
            Where the text is no period.
        DataError
            Where `latest` is asked of data in which nothing has a date.
        """
        if text == "latest" and self.as_of is None:
            raise DataError(
                f"{self.label} has no row with a date, so there is no latest period. Tables found: "
                f"{', '.join(f'{name} ({rows:,} rows)' for name, rows in self.rows.items())}. Add rows, or set as_of."
            )
        return parse(text, as_of=self.as_of, every=every, calendar=self.config.calendar)

    def measure(
        self,
        metrics: str | Sequence[str],
        *,
        period: str | Period | None = None,
        every: str | None = None,
        by: str | Sequence[str] = (),
        intervals: bool = True,
        **options: Any,
    ) -> pd.DataFrame:
        """Measure metrics; see `crmkit.engine.measure.measure`."""
        from crmkit.engine.measure import measure

        found = measure(self, metrics, period=period, every=every, by=by, intervals=intervals, **options)
        return self._for_readers(found, by)

    def compare(
        self, metrics: str | Sequence[str], *, period: str | Period, against: str | Period, **more
    ) -> pd.DataFrame:
        """Compare two periods; see `crmkit.engine.compare.compare`."""
        from crmkit.engine.compare import compare

        return self._for_readers(compare(self, metrics, period=period, against=against, **more), more.get("by", ()))

    def explain(self, metric: str, *, period: str | Period, against: str | Period, by: str, **options) -> pd.DataFrame:
        """Split a change into each group's mix and rate effect; see `crmkit.engine.explain.explain`."""
        from crmkit.engine.explain import explain

        smallest = self.readers.smallest_group if self.readers is not None else 0
        return explain(self, metric, period=period, against=against, by=by, smallest_group=smallest, **options)

    def _for_readers(self, found: pd.DataFrame, by: str | Sequence[str]) -> pd.DataFrame:
        """Hide what its readers may not see of a measured frame."""
        if self.readers is None or not self.readers.smallest_group or not by:
            return found
        from crmkit.personal import hide_small_groups

        return hide_small_groups(found, [by] if isinstance(by, str) else by, smallest=self.readers.smallest_group)

    def scorecard(self, period: str | Period = "latest", **more: Any) -> pd.DataFrame:
        """Measure all that this data can answer; see `crmkit.engine.scorecard.scorecard`."""
        from crmkit.engine.scorecard import scorecard

        return scorecard(self, period, **more)

    def attainment(self, period: str | Period = "latest", *, by: str | None = None) -> pd.DataFrame:
        """Divide what has a target by its target; see `crmkit.engine.targets.attainment`."""
        from crmkit.engine.targets import attainment

        return attainment(self, period, by=by)

    def pace(self, period: str | Period | None = None) -> pd.DataFrame:
        """Say what pace would still reach the targets of running periods; see `crmkit.engine.pace.pace`."""
        from crmkit.engine.pace import pace

        return pace(self, period)

    def sql(self, metrics: str | Sequence[str], *, dialect: str = "duckdb", **more: Any) -> str:
        """Print the SQL that measures; see `crmkit.engine.sql.sql`."""
        from crmkit.engine.sql import sql

        return sql(self, metrics, dialect=dialect, **more)

    def catalogue(self) -> pd.DataFrame:
        """List all metrics, and which of them this data can answer; see `crmkit.engine.catalogue.catalogue`."""
        from crmkit.engine.catalogue import catalogue

        return catalogue(self)
