"""What a metric is: a declaration of a few lines that says what is counted, from which the engine does the rest.

    @metric(title="Win rate", unit="share", better="up", at="closed_at", formula="won ÷ (won + lost)")
    def win_rate(opportunities):
        '''Of the opportunities closed in the period, the share won.'''
        return share(opportunities.outcome == "won", of=opportunities.outcome != "open")

An argument named after a table (or a derived relation) is that table; one named after a metric is that metric, so
that formulas read like formulas; `period`, `as_of` and `config` are what they say. Keyword-only arguments are options.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from types import ModuleType
from typing import Any

from crmkit import schema
from crmkit.errors import UsageError
from crmkit.kinds import Arithmetic, Kind, Windowed
from crmkit.relations import Relations, all_derived

CATEGORIES = ("business performance", "user adoption", "customer perception")
_CONTEXT = ("period", "as_of", "config")
_PACKAGE = "crmkit.metrics."
_METRICS: dict[str, Metric] = {}


@dataclass(frozen=True)
class Metric:
    """A metric as it is declared.

    Attributes
    ----------
    name, title : str
    family : str
        The file or folder in `crmkit.metrics` that declares it.
    category : str
        Business performance, user adoption or customer perception.
    unit : str
        share (0-1), count, money, days, hours, score, points, ratio, money_per_day.
    better : {"up", "down", ""}
        Which direction is good.
    formula : str
        In words and signs, on one line.
    meaning : str
        What is counted and what is left out: the docstring up to its example.
    caveats : str
        When it misleads.
    source : str
        Where the definition comes from.
    at : str
        The column that places a row in a period, unless a kind says otherwise.
    optional : tuple of str
        Columns ("table.column") and tables that it can do without.
    interval : str or None
        Overrides the kind's own.
    declare : callable
    over : callable or None
        From a period and the settings to the period in which it is measured instead; None: in the period itself.
    settings : tuple of str
        Settings of crm.toml that it needs.
    """

    name: str
    title: str
    family: str
    category: str
    unit: str
    better: str
    formula: str
    meaning: str
    caveats: str
    source: str
    at: str
    optional: tuple[str, ...] = field(repr=False)
    interval: str | None = field(repr=False)
    declare: Callable[..., Kind] = field(repr=False)
    over: Callable[[Any, Any], Any] | None = field(default=None, repr=False)
    settings: tuple[str, ...] = field(default=(), repr=False)

    @property
    def arguments(self) -> list[str]:
        """The names of the tables, metrics and context that the declaration takes."""
        return [name for name, p in inspect.signature(self.declare).parameters.items() if p.kind != p.KEYWORD_ONLY]

    @property
    def options(self) -> dict[str, Any]:
        """The options and their defaults."""
        found = inspect.signature(self.declare).parameters.items()
        return {name: p.default for name, p in found if p.kind == p.KEYWORD_ONLY}

    @property
    def relations(self) -> list[str]:
        """The tables and derived relations that it is declared on; empty for a formula of metrics."""
        return [name for name in self.arguments if name in schema.TABLES or name in all_derived()]

    @property
    def parts(self) -> list[str]:
        """The metrics that its formula is made of."""
        return [name for name in self.arguments if name not in self.relations and name not in _CONTEXT]


def metric(
    *,
    title: str,
    unit: str,
    formula: str,
    better: str = "",
    at: str = "",
    caveats: str = "",
    source: str = "",
    optional: tuple[str, ...] = (),
    interval: str | None = "",
    category: str = "",
    over: Callable[[Any, Any], Any] | None = None,
    settings: tuple[str, ...] = (),
) -> Callable[[Callable[..., Kind]], Callable[..., Kind]]:
    """Declare a metric; its name is the function's, its family that of the file (`family_of`).

    With `over`, such as `crmkit.periods.trailing_year`, it is measured not in the period that is asked for but in
    `over(period, config)`. The family's `CATEGORY` is the category unless one is given. The docstring's text is the
    meaning, and its example is run by the tests.
    """

    def declare(function: Callable[..., Kind]) -> Callable[..., Kind]:
        family = family_of(function)
        found = category or getattr(family, "CATEGORY", CATEGORIES[0])
        if not inspect.getdoc(function):
            raise TypeError(f"The metric {function.__name__} has no docstring; it says what is counted and left out.")
        meaning = inspect.getdoc(function).partition("\n>>>")[0].partition("\nExamples\n")[0].strip()
        _METRICS[function.__name__] = Metric(
            function.__name__,
            title,
            family.__name__.rpartition(".")[2],
            found,
            unit,
            better,
            formula,
            meaning,
            caveats,
            source,
            at,
            optional,
            interval,
            function,
            over,
            settings,
        )
        return function

    return declare


def family_of(declare: Callable[..., Kind]) -> ModuleType:
    """Return the module that speaks for the family of a declaration: what says its `TITLE`, `CATEGORY` and `FILES`.

    That is the file itself, or the folder where the file lies in one: `crmkit.metrics.sales` of all that is declared in
    crmkit/metrics/sales.

    Examples
    --------
    >>> family_of(find("win_rate").declare).TITLE
    'Sales'
    """
    name = declare.__module__
    if name.startswith(_PACKAGE):
        name = _PACKAGE + name.removeprefix(_PACKAGE).partition(".")[0]
    return sys.modules[name]


@cache
def all_metrics() -> dict[str, Metric]:
    """Return all metrics by name, those of every file in `crmkit.metrics`, in the order of families and their files.

    Examples
    --------
    >>> all_metrics()["win_rate"].unit
    'share'
    """
    import crmkit.metrics

    for module in pkgutil.walk_packages(crmkit.metrics.__path__, _PACKAGE):
        importlib.import_module(module.name)
    families = crmkit.metrics.FAMILIES

    def place(metric: Metric) -> tuple[int, int]:
        files, file = getattr(family_of(metric.declare), "FILES", ()), metric.declare.__module__.rpartition(".")[2]
        return _place(metric.family, families), _place(file, files)

    return dict(sorted(_METRICS.items(), key=lambda item: place(item[1])))


def _place(name: str, order: tuple[str, ...]) -> int:
    """Return where `name` stands in an order; what the order does not name comes last."""
    return order.index(name) if name in order else len(order)


def find(name: str) -> Metric:
    """Return the metric called `name`.

    Raises
    ------
    UsageError
        Where there is none; the message has the nearest names.
    """
    metrics = all_metrics()
    if name not in metrics:
        near = get_close_matches(name, metrics, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"There is no metric {name!r}.{hint} `crmkit metrics` lists all.")
    return metrics[name]


def bind(
    metric: Metric,
    relation: Callable[[str], Any],
    *,
    context: Mapping[str, Any],
    options: Mapping[str, Any] | None = None,
) -> Kind:
    """Return what `metric` measures, on the tables that `relation` gives by name.

    What is measured in a window of its own is a `Windowed` kind, which the engine measures there.

    Parameters
    ----------
    metric : Metric
    relation : callable
        From the name of a relation to an Ibis table.
    context : mapping
        `period`, `as_of` and `config`.
    options : mapping, optional
        Options of this metric or of the metrics in its formula.
    """
    if metric.over is not None:
        return Windowed(metric.name)
    options = options or {}
    arguments = {}
    for name in metric.arguments:
        if name in _CONTEXT:
            arguments[name] = context[name]
        elif name in metric.relations:
            arguments[name] = relation(name)
        else:
            arguments[name] = bind(find(name), relation, context=context, options=options)
    own = {name: options[name] for name in metric.options if name in options}
    kind = metric.declare(**arguments, **own)
    if metric.relations:
        base = metric.relations[0]
        kind = kind.placed(base, arguments[base][metric.at] if metric.at else None)
    if metric.interval != "" and isinstance(kind, Arithmetic):
        kind = replace(kind, interval=metric.interval)
    return kind


def relations_of(metric: Metric) -> set[str]:
    """Return the names of the relations that `metric` and the metrics in its formula are declared on."""
    found = set(metric.relations[:1])
    for part in metric.parts:
        found |= relations_of(find(part))
    return found


__all__ = ["CATEGORIES", "Metric", "Relations", "all_metrics", "bind", "family_of", "find", "metric", "relations_of"]
