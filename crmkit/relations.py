"""The tables of a CRM as they were known at `as_of`, and the tables that are made from them.

A relation is an Ibis table with every declared column (null where the source lacks it), in which nothing has happened
yet that lies after `as_of`. Derived relations are declared with `@derived` in the modules of `crmkit.derived`: the
function's arguments name the tables it is made from. The same declarations serve real tables and unbound ones, which
compile to SQL.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import ibis
import ibis.expr.types as ir

from crmkit import schema
from crmkit.casting import TIME, empty
from crmkit.config import Config

SURVEY_SCALES = {"nps": (0.0, 10.0), "ces": (1.0, 7.0), "csat": (1.0, 5.0)}
"""The scale of a survey whose rows name none."""

FIXED = frozenset({"costs"})
"""Tables whose amounts are given and not left to chance: intervals do not draw their rows anew."""

_DERIVED: dict[str, Derived] = {}
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Derived:
    """A relation made from others.

    Attributes
    ----------
    name, meaning : str
        `meaning` says what one row is.
    make : callable
        Takes the relations that its arguments name, and `config`, `as_of` and `period` where it has such arguments.
        A relation that it can do without has the default None.
    any_of : tuple of str
        Where it needs any of several tables, which.
    refers : mapping of str to str
        Its columns that hold keys of tables.
    columns : tuple of str
        Its further columns by which it can be measured.
    keep : bool
        Whether it is worth keeping once it was made.
    fixed : bool
        Whether its amounts are given and not left to chance, such as what was spent.
    """

    name: str
    meaning: str
    make: Callable[..., ir.Table]
    any_of: tuple[str, ...] = ()
    refers: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    keep: bool = False
    fixed: bool = False

    @property
    def arguments(self) -> list[str]:
        """The names of what it is made from."""
        return list(inspect.signature(self.make).parameters)

    @property
    def required(self) -> list[str]:
        """The relations that it cannot be made without."""
        parameters = inspect.signature(self.make).parameters.values()
        needed = [p.name for p in parameters if p.default is p.empty]
        return [name for name in needed if name in schema.TABLES or name in all_derived()]


def derived(
    *,
    refers: Mapping[str, str],
    columns: tuple[str, ...] = (),
    any_of: tuple[str, ...] = (),
    keep: bool = False,
    fixed: bool = False,
) -> Callable[[Callable[..., ir.Table]], Callable[..., ir.Table]]:
    """Declare a derived relation; its name is the function's, its meaning the first line of the docstring.

    Parameters
    ----------
    refers : mapping of str to str
        Columns that hold keys of tables, for joins.
    columns : tuple of str
        Further columns by which it can be measured.
    any_of : tuple of str
        Tables any of which suffices.
    keep : bool
        Whether it is worth keeping once it was made, on an engine that can.
    fixed : bool
        Whether its amounts are given, such as what was spent: intervals do not draw its rows anew.
    """

    def declare(make: Callable[..., ir.Table]) -> Callable[..., ir.Table]:
        meaning = inspect.getdoc(make).splitlines()[0].rstrip(".")
        _DERIVED[make.__name__] = Derived(make.__name__, meaning, make, any_of, refers, columns, keep, fixed)
        return make

    return declare


@cache
def all_derived() -> dict[str, Derived]:
    """Return all derived relations by name, those of every module of `crmkit.derived`."""
    import crmkit.derived

    for module in pkgutil.iter_modules(crmkit.derived.__path__, "crmkit.derived."):
        importlib.import_module(module.name)
    return _DERIVED


@cache
def few_columns(relation: str) -> frozenset[str]:
    """Return the columns of a relation that have few different values, such as outcome or score.

    A derived relation has those of the tables that it is made from.
    """
    if relation in schema.TABLES:
        return frozenset(column.name for column in schema.TABLES[relation].columns if column.few)
    made = all_derived()[relation].arguments
    sources = [name for name in made if name in schema.TABLES or name in all_derived()]
    return frozenset().union(*(few_columns(name) for name in sources))


class Relations:
    """The relations of one source at one moment, made when they are first asked for.

    Parameters
    ----------
    tables : mapping of str to Ibis table
        Typed tables, not yet cut at `as_of`; those that the source lacks are absent.
    config : Config
    as_of : datetime or None
    engine : Ibis backend, optional
        The embedded engine, in which relations get names and those that are worth it are kept; None leaves them
        expressions.
    settled : mapping of str to frozenset of str, optional
        The time columns of each table in which nothing lies after `as_of`: they need not be masked.
    """

    def __init__(
        self,
        tables: Mapping[str, ir.Table],
        *,
        config: Config,
        as_of: datetime | None,
        engine=None,
        settled: Mapping[str, frozenset[str]] | None = None,
    ):
        self._tables = tables
        self._settled = settled or {}
        self._config = config
        self._as_of = as_of
        self._engine = engine
        self._made: dict[str, ir.Table] = {}

    def __contains__(self, name: str) -> bool:
        """Tell whether the relation called `name` can be had."""
        if name in all_derived():
            made = all_derived()[name]
            enough = not made.any_of or any(table in self for table in made.any_of)
            return enough and all(table in self for table in made.required)
        return name in self._tables

    def get(self, name: str, *, period: Any = None) -> ir.Table:
        """Return the relation called `name`; `period` is for those that look at it period by period."""
        if name in self._made:
            return self._made[name]
        if name in schema.TABLES:
            relation = known_at(
                self._tables[name],
                schema.TABLES[name],
                as_of=self._as_of,
                config=self._config,
                settled=self._settled.get(name, frozenset()),
            )
        else:
            made = all_derived()[name]
            relation = made.make(**{argument: self._argument(argument, period) for argument in made.arguments})
            if "period" in made.arguments:
                return relation
        if self._engine is not None:
            relation = self._named(name, relation, kept=name in all_derived() and all_derived()[name].keep)
        self._made[name] = relation
        return relation

    def _named(self, name: str, relation: ir.Table, *, kept: bool) -> ir.Table:
        """Return a relation as a view of the engine, or as a table where it is kept.

        A query that starts from a name is compiled in a fraction of the time, and runs the same. The names are this
        object's own: another one may be open on the same connection, at another moment.
        """
        own = f"{name}_known_{next(_NUMBERS)}"
        what = "TABLE" if kept else "VIEW"
        self._engine.raw_sql(f'CREATE TEMP {what} "{own}" AS {ibis.to_sql(relation, dialect="duckdb")}')
        return self._engine.table(own)

    def _argument(self, name: str, period: Any) -> Any:
        given = {"config": self._config, "as_of": self._as_of, "period": period}
        if name in given:
            return given[name]
        return self.get(name, period=period) if name in self else None


def without(table: ir.Table, *names: str) -> ir.Table:
    """Return a table without some of its columns.

    The query names those that stay, so that it is the same text each time; Ibis' own `drop` names several columns that
    go in any order.
    """
    return table.select([name for name in table.columns if name not in names])


def at(moment: datetime) -> ir.TimestampScalar:
    """Return a moment as an Ibis value of the type that all times have."""
    return ibis.timestamp(moment.isoformat(sep=" ")).cast(TIME)


def filled(table: ir.Table, declared: schema.Table) -> ir.Table:
    """Return `table` with each declared column that it lacks as a column of nulls."""
    missing = [empty(column) for column in declared.columns if column.name not in table.columns]
    return table.mutate(missing) if missing else table


def known_at(
    table: ir.Table,
    declared: schema.Table,
    *,
    as_of: datetime | None,
    config: Config,
    settled: frozenset[str] = frozenset(),
) -> ir.Table:
    """Return `table` as it was known at `as_of`: rows born later are gone, later events have not happened yet.

    An opportunity that closes later is open, a closing date of an open one is not an event, a term that ends later is
    open. Money in another currency is converted where `config` has its rate. Columns that are `settled` hold nothing
    after `as_of` and are left as they are.
    """
    table = filled(table, declared)
    if declared.name == "surveys":
        table = _with_scales(table)
    if config.rates and "currency" in declared:
        table = _converted(table, declared, config)
    if as_of is None:
        return table
    moment = at(as_of)
    if declared.born and declared.born not in settled:
        born = table[declared.born]
        table = table.filter(born.isnull() | (born <= moment))
    changed: dict[str, ir.Value] = {}
    for column in declared.columns:
        if column.clock == "state" and column.name not in settled:
            changed[column.name] = ibis.ifelse(table[column.name] <= moment, table[column.name], ibis.null(TIME))
    if declared.name == "opportunities" and "closed_at" not in settled:
        is_open = (table.outcome == "open") | (table.closed_at > moment).fill_null(False)
        changed["closed_at"] = ibis.ifelse(is_open, ibis.null(TIME), table.closed_at)
        changed["outcome"] = ibis.ifelse(is_open, "open", table.outcome)
    if declared.name == "terms" and "term_end" not in settled:
        changed["outcome"] = ibis.ifelse(table.term_end > moment, "open", table.outcome)
    return table.mutate(**changed) if changed else table


def _with_scales(surveys: ir.Table) -> ir.Table:
    low = ibis.cases(*[(surveys.survey == name, scale[0]) for name, scale in SURVEY_SCALES.items()])
    high = ibis.cases(*[(surveys.survey == name, scale[1]) for name, scale in SURVEY_SCALES.items()])
    return surveys.mutate(
        scale_min=ibis.coalesce(surveys.scale_min, low), scale_max=ibis.coalesce(surveys.scale_max, high)
    )


def _converted(table: ir.Table, declared: schema.Table, config: Config) -> ir.Table:
    rates = {code: rate for code, rate in config.rates.items() if code != config.currency}
    known = table.currency.isin(list(rates))
    factor = ibis.cases(*[(table.currency == code, rate) for code, rate in rates.items()], else_=1.0)
    money = {column.name: table[column.name] * factor for column in declared.columns if column.unit == "money"}
    return table.mutate(**money, currency=ibis.ifelse(known, config.currency, table.currency))
