"""The SQL that measures a metric, for any warehouse, from the same declaration that measures it here."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import ibis
import ibis.expr.types as ir

from crmkit.casting import TIME
from crmkit.engine import dimensions
from crmkit.engine.availability import lacks
from crmkit.engine.buckets import Buckets, buckets
from crmkit.engine.query import START, WITHOUT_QUANTILES, Plan, plan
from crmkit.errors import UsageError
from crmkit.kinds import Atom, Kind
from crmkit.metric import Metric, bind, find
from crmkit.periods import Period
from crmkit.relations import at

DIALECTS = ("duckdb", "postgres", "snowflake", "bigquery", "databricks", "trino")


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

    kind = bind(
        metric,
        relation,
        context={"period": span, "as_of": crm.as_of, "config": crm.config},
        options=options,
    )
    plans: dict[str, Plan] = {}
    for atom in kind.atoms():
        plans.setdefault(atom.relation, None)
    for name in plans:
        asked = [atom for atom in kind.atoms() if atom.relation == name]
        plans[name] = plan(name, *tables[name], asked, span, approximate=approximate)
    wide, columns = _wide(plans, kind, span)
    return _valued(kind, wide, columns, span, by)


def _wide(plans: dict[str, Plan], kind: Kind, span: Buckets) -> tuple[ir.Table, dict[tuple, str]]:
    """Return all sums side by side, one row a period and group, and the column of each atom."""
    sums, columns = [], {}
    for place, made in enumerate(plans.values()):
        named = {}
        for key, (column, atom) in made.atoms.items():
            columns[key] = f"r{place}_{column}"
            source = made.expression[column]
            named[columns[key]] = source.max() if atom.how == "quantile" else source.sum()
        sums.append(made.expression.group_by([START, *made.groups]).agg(**named))
    running = any(atom.moment != "during" for atom in kind.atoms())
    groups = next(iter(plans.values())).groups
    if len(sums) == 1 and not running:
        return sums[0], columns
    wide = _spine(sums, groups, span, running)
    for place, part in enumerate(sums):
        renamed = part.rename({f"k{place}_{name}": name for name in (START, *groups)})
        matches = [wide[name] == renamed[f"k{place}_{name}"] for name in (START, *groups)]
        wide = wide.left_join(renamed, matches).drop([f"k{place}_{name}" for name in (START, *groups)])
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


def _valued(kind: Kind, wide: ir.Table, columns: dict[tuple, str], span: Buckets, by: list[str]) -> ir.Table:
    groups = [f"by_{place}" for place in range(len(by))]

    def get(atom: Atom) -> ir.Value:
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
    numbers = {name: (ibis.null("float64") if part is None else part.cast("float64")) for name, part in found.items()}
    rows = wide.select(START, *groups, **numbers)
    rows = rows.filter(rows[START] >= at(span.start).cast(TIME))
    return rows.rename({"period": START, **dict(zip(by, groups, strict=True))}).order_by("period", *by)
