"""The SQL that measures a metric, for any warehouse, from the same declaration that measures it here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import ibis
import ibis.expr.types as ir

from crmkit.casting import TIME
from crmkit.engine import dimensions
from crmkit.engine.availability import lacks
from crmkit.engine.buckets import Buckets, buckets
from crmkit.engine.dialects import DIALECTS
from crmkit.engine.garbage import collected_seldom
from crmkit.engine.query import START, WITHOUT_QUANTILES, Plan, plan
from crmkit.engine.targets import goals
from crmkit.engine.windows import runs
from crmkit.errors import UsageError
from crmkit.kinds import Atom, Attained, Given, Kind
from crmkit.metric import Metric, bind, find
from crmkit.periods import Period
from crmkit.relations import at, without

_PARTS = ("value", "numerator", "denominator", "n")


@collected_seldom()
def sql(
    crm,
    metrics: str | Sequence[str],
    *,
    dialect: str = "duckdb",
    period: str | Period | None = None,
    every: str | None = None,
    by: str | Sequence[str] = (),
    **options: Any,
) -> str:
    """Print the SQL that measures metrics.

    Parameters
    ----------
    crm : Crm
        Gives the columns that the tables have, the settings and `as_of`; its data is not read.
    metrics : str or list of str
        One statement each.
    dialect : {"duckdb", "postgres", "snowflake", "bigquery", "databricks", "trino"}
        BigQuery and Trino have no exact quantiles in groups: there medians are approximate.
    period, every, by, **options
        As for `measure`.

    Returns
    -------
    str
        Statements whose rows are `period` (its start), the groups, `value`, `numerator`, `denominator` and `n`. Tables
        have the names of the contract.

    Raises
    ------
    UsageError
        Where the dialect or a name is unknown, or the tables lack what the metric needs.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["1"], "created_at": ["2026-01-01"]}})
    >>> print(sql(crm, "leads", period="2026-01").splitlines()[0])
    -- leads: leads created
    """
    if dialect not in DIALECTS:
        near = get_close_matches(dialect, DIALECTS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UsageError(f"The dialect {dialect!r} is unknown.{hint} Known: {', '.join(DIALECTS)}.")
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    groups = [by] if isinstance(by, str) else list(by)
    dimensions.check_names(groups)
    statements = []
    for name in dict.fromkeys(names):
        metric = find(name)
        if reason := lacks(crm, name):
            raise UsageError(f"{name} cannot be measured on {crm.label}: it {reason}.")
        span = buckets(crm, period, every)
        expression = statement(crm, metric, span, groups, options, approximate=dialect in WITHOUT_QUANTILES)
        statements.append(f"-- {name}: {metric.formula}\n{ibis.to_sql(expression, dialect=dialect)}")
    return ";\n\n".join(str(text) for text in statements)


def statement(
    crm, metric: Metric, span: Buckets, by: list[str], options: dict[str, Any], *, approximate: bool = False
) -> ir.Table:
    """Return the Ibis expression, bound to no data, that measures one metric."""
    tables: dict[str, tuple[ir.Table, list[str]]] = {}

    def relation(name: str) -> ir.Table:
        if name not in tables:
            tables[name] = dimensions.joined(crm, crm.shapes, name, by, period=span)
        return tables[name][0]

    context = {"period": span, "as_of": crm.as_of, "config": crm.config}
    kind = bind(metric, relation, context=context, options=options)
    elsewhere = {
        name: _in_windows(crm, find(name), span, by, options, approximate) for name in dict.fromkeys(kind.windowed())
    }
    if isinstance(kind, Attained):
        elsewhere[kind.metric] = _with_target(elsewhere[kind.metric], goals(crm, kind.metric, span, by), len(by))
    plans: dict[str, Plan] = {}
    for atom in kind.atoms():
        plans.setdefault(atom.relation, None)
    for name in plans:
        asked = [atom for atom in kind.atoms() if atom.relation == name]
        plans[name] = plan(name, *tables[name], asked, span, approximate=approximate, plainly=True)
    wide, columns = _wide(plans, elsewhere, kind, span, len(by))
    return _valued(kind, wide, columns, crm, span, by)


def _in_windows(crm, metric: Metric, span: Buckets, by: list[str], options, approximate: bool) -> ir.Table:
    """Return what `metric` is in windows of its own, one row a group and period that was asked for."""
    plain, parts = replace(metric, over=None), []
    groups = {f"by_{place}": name for place, name in enumerate(by)}
    for run in runs(metric.over, span, crm.config):
        there = statement(crm, plain, run.span, by, options, approximate=approximate)
        parts += [
            there.filter(there.period == at(window.start)).select(
                at(period.start).name(START), *_PARTS, **{column: there[name] for column, name in groups.items()}
            )
            for period, window in run.asked
        ]
    if not parts:
        raise UsageError(f"{metric.name} has no window for {span.periods[0].name}, so there is nothing to print.")
    return ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]


def _with_target(measured: ir.Table, wanted: ir.Table, by: int) -> ir.Table:
    """Return what was measured with the target of the same period and group, where there is one."""
    keys = [START, *(f"by_{place}" for place in range(by))]
    renamed = wanted.rename({f"k_{name}": name for name in keys})
    joined = measured.left_join(renamed, [measured[name] == renamed[f"k_{name}"] for name in keys])
    return without(joined, *(f"k_{name}" for name in keys))


def _wide(
    plans: dict[str, Plan], elsewhere: dict[str, ir.Table], kind: Kind, span: Buckets, by: int
) -> tuple[ir.Table, dict[Any, str]]:
    """Return all sums side by side, one row a period and group, and the column of each atom."""
    sums, columns = [], {}
    for place, made in enumerate(plans.values()):
        named = {}
        for key, (column, atom) in made.atoms.items():
            columns[key] = f"r{place}_{column}"
            source = made.expression[column]
            named[columns[key]] = source.max() if atom.how == "quantile" else source.sum()
        sums.append(made.expression.group_by([START, *made.groups]).agg(**named))
    groups = [f"by_{place}" for place in range(by)]
    for place, (name, there) in enumerate(elsewhere.items()):
        parts = [part for part in (*_PARTS, "target") if part in there.columns]
        renamed = {f"w{place}_{part}": there[part] for part in parts}
        columns |= {Given(part, name): f"w{place}_{part}" for part in parts}
        sums.append(there.select(START, *groups, **renamed))
    running = any(atom.moment != "during" for atom in kind.atoms())
    if len(sums) == 1 and not running:
        return sums[0], columns
    wide = _spine(sums, groups, span, running)
    for place, part in enumerate(sums):
        renamed = part.rename({f"k{place}_{name}": name for name in (START, *groups)})
        matches = [wide[name] == renamed[f"k{place}_{name}"] for name in (START, *groups)]
        wide = without(wide.left_join(renamed, matches), *(f"k{place}_{name}" for name in (START, *groups)))
    return wide, columns


def _spine(sums: list[ir.Table], groups: list[str], span: Buckets, running: bool) -> ir.Table:
    """Return every period with every group; where sums run on, with what lies before the first period too."""
    moments = [period.start for period in span.periods]
    starts = [at(moment).name(START).as_table() for moment in ([span.before] if running else []) + moments]
    periods = ibis.union(*starts, distinct=False) if len(starts) > 1 else starts[0]
    if not groups:
        return periods
    found = [part.select(groups) for part in sums]
    every = ibis.union(*found, distinct=True) if len(found) > 1 else found[0].distinct()
    return periods.cross_join(every)


def _valued(kind: Kind, wide: ir.Table, columns: dict[Any, str], crm, span: Buckets, by: list[str]) -> ir.Table:
    groups = [f"by_{place}" for place in range(len(by))]

    def get(atom: Atom | Given) -> ir.Value:
        if atom == Given("days"):
            return _days(wide[START], span, crm.as_of)
        if isinstance(atom, Given):
            return wide[columns[atom]]
        column = wide[columns[atom.key]]
        if atom.moment == "during":
            return column.fill_null(0) if atom.how in ("count", "distinct") else column
        last = {"end": 0, "start": 1}[atom.moment]
        window = ibis.window(group_by=groups or None, order_by=START, preceding=None, following=0)
        if last:
            window = ibis.window(group_by=groups or None, order_by=START, preceding=(None, 1))
        return column.fill_null(0).sum().over(window).fill_null(0)

    found = {"value": kind.value(get), "numerator": kind.numerator(get), "denominator": kind.denominator(get)}
    found["n"] = kind.n(get)
    numbers = {name: _number(part) for name, part in found.items()}
    rows = wide.select(START, *groups, **numbers)
    rows = rows.filter(rows[START] >= at(span.start).cast(TIME))
    return rows.rename({"period": START, **dict(zip(by, groups, strict=True))}).order_by("period", *by)


def _days(start: ir.TimestampValue, span: Buckets, as_of: datetime | None) -> ir.FloatingValue:
    """Return the days of the period that begins at `start`."""
    *others, last = span.periods
    days = ibis.literal(last.days_known(as_of))
    if not others:
        return days
    return ibis.cases(*((start == at(one.start), one.days_known(as_of)) for one in others), else_=days)


def _number(part: Any) -> ir.FloatingValue:
    if part is None:
        return ibis.null("float64")
    return (part if isinstance(part, ir.Value) else ibis.literal(part)).cast("float64")
