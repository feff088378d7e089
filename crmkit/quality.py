"""Checking the data: what was found, where, in how many rows, and which metrics it touches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from crmkit import schema
from crmkit.crm import Crm
from crmkit.engine.availability import needs
from crmkit.engine.targets import unknown_targets
from crmkit.metric import all_metrics
from crmkit.relations import at
from crmkit.source import Problem, examine

COLUMNS = ["severity", "table", "column", "finding", "rows", "share", "examples", "metrics", "advice"]
SEVERITIES = ("error", "warning", "note")
_EXAMPLES = 3
_TIMES_IN_ORDER = {
    "customers": [("acquired_at", "lost_at")],
    "leads": [("created_at", "first_contacted_at"), ("created_at", "converted_at")],
    "opportunities": [("created_at", "closed_at")],
    "subscriptions": [("started_at", "ended_at")],
    "terms": [("term_start", "term_end")],
    "campaigns": [("started_at", "ended_at")],
    "tickets": [("opened_at", "first_response_at"), ("opened_at", "resolved_at")],
}


@dataclass(frozen=True)
class Rule:
    """Something that must not be true of a row.

    Attributes
    ----------
    table, column : str
    finding : str
        What is wrong, as the end of the sentence "in 3 rows …".
    broken : Ibis boolean column
        True where it is.
    advice : str
    severity : {"error", "warning", "note"}
    shown : str
        The column whose values are given as examples; the column itself by default.
    """

    table: str
    column: str
    finding: str
    broken: ir.BooleanValue = field(repr=False)
    advice: str
    severity: str = "warning"
    shown: str = ""


def check(source: Any, **how: Any) -> pd.DataFrame:
    """Check the tables of a CRM by what the schema says of them.

    Parameters
    ----------
    source
        As for `crmkit.open`.
    **how
        Further arguments of `crmkit.open`.

    Returns
    -------
    DataFrame
        One row a finding: `severity` (error: the tables cannot be measured as they stand; warning: rows that metrics
        leave out or that contradict themselves; note), `table`, `column`, `finding`, `rows`, `share` (of the table's
        rows), `examples`, `metrics` (those computed from the column), `advice`. Empty where nothing was found.

    Examples
    --------
    >>> found = check({"opportunities": {"opportunity_id": ["1"], "created_at": ["2026-03-02"], "outcome": ["won"],
    ...                                  "closed_at": ["2026-03-01"]}})
    >>> found[["severity", "column", "rows"]].values.tolist()
    [['warning', 'closed_at', 1]]
    """
    crm, problems = examine(source, **how)
    findings = [_of_problem(crm, problem) for problem in problems]
    unreadable = {(problem.table, problem.column) for problem in problems}
    for table in crm.tables:
        findings += [found for found in _of_rules(crm, table) if (table, found["column"]) not in unreadable]
    findings += [
        _finding("note", table, "", "has no rows", "Its counts are 0 and its rates unknown.")
        for table, rows in crm.rows.items()
        if not rows
    ]
    findings += list(_orphans(crm))
    findings += [
        _finding(
            "warning", "targets", "metric", f"is no metric: {name!r}", "Correct the name; `crmkit metrics` lists all."
        )
        for name in unknown_targets(crm)
    ]
    findings += [_finding("note", "", "", note, "") for note in crm.notes]
    frame = pd.DataFrame(findings, columns=COLUMNS)
    order = frame["severity"].map(SEVERITIES.index)
    return frame.assign(order=order).sort_values("order", kind="stable", ignore_index=True).drop(columns="order")


def touched(table: str, column: str) -> list[str]:
    """Return the metrics that are computed from a column, or from any column of a table where `column` is "".

    Examples
    --------
    >>> "win_rate" in touched("opportunities", "outcome")
    True
    """
    return [
        name
        for name in all_metrics()
        if any(source == table and (not column or needed in (column, "")) for source, needed in needs(name))
    ]


def _finding(severity, table, column, finding, advice, rows=0, share=0.0, examples=()) -> dict[str, Any]:
    declared = schema.TABLES.get(table)
    metrics = touched(table, "" if column in declared.key else column) if declared else []
    values = (severity, table, column, finding, int(rows), float(share), list(examples), metrics, advice)
    return dict(zip(COLUMNS, values, strict=True))


def _of_problem(crm: Crm, problem: Problem) -> dict[str, Any]:
    whole = crm.rows.get(problem.table, 0)
    examples = [f"row {row}: {value}" for row, value in problem.examples]
    share = problem.rows / whole if whole else 0.0
    return _finding("error", problem.table, problem.column, problem.what, problem.advice, problem.rows, share, examples)


def _of_rules(crm: Crm, table: str) -> list[dict[str, Any]]:
    rules = list(rules_of(crm, table))
    if not rules:
        return []
    data = crm.tables[table]
    counts = (
        data.agg(**{f"r{i}": data.count(where=rule.broken) for i, rule in enumerate(rules)}).to_pyarrow().to_pylist()[0]
    )
    found = []
    for i, rule in enumerate(rules):
        if rows := counts[f"r{i}"]:
            share = rows / crm.rows[table]
            examples = _examples(data, rule)
            found.append(_finding(rule.severity, table, rule.column, rule.finding, rule.advice, rows, share, examples))
    return found


def rules_of(crm: Crm, table: str) -> Iterator[Rule]:
    """Yield what must not be true of the rows of a table, as far as its columns are there."""
    declared, data, present = schema.TABLES[table], crm.tables[table], crm.present[table]
    for column in declared.columns:
        if column.name not in present:
            continue
        value = data[column.name]
        if column.required and column.name not in declared.key:
            yield Rule(table, column.name, "is empty", value.isnull(), _empty_advice(column), shown=_key(declared))
        if column.low is not None:
            yield Rule(table, column.name, f"lies below {column.low:g}", value < column.low, "Correct the values.")
        if column.high is not None:
            yield Rule(table, column.name, f"lies above {column.high:g}", value > column.high, "Correct the values.")
        if column.clock in ("born", "state") and crm.as_of is not None:
            late = value > at(crm.as_of)
            advice = "It counts as not having happened yet. Set as_of in crm.toml if the data goes further."
            yield Rule(table, column.name, f"lies after {crm.as_of:%Y-%m-%d}", late, advice, "note")
    for earlier, later in _TIMES_IN_ORDER.get(table, ()):
        if earlier in present and later in present:
            yield Rule(
                table, later, f"lies before {earlier}", data[later] < data[earlier], "Correct one of the two times."
            )
    yield from _special(table, data, present)


def _special(table: str, data: ir.Table, present: frozenset[str]) -> Iterator[Rule]:
    if table == "opportunities" and "closed_at" in present:
        undated = (data.outcome != "open") & data.closed_at.isnull()
        yield Rule(
            table,
            "closed_at",
            "is empty though it was won or lost",
            undated,
            "Fill it: an opportunity without a closing date is in no period.",
            shown="opportunity_id",
        )
        if "amount" in present:
            empty = (data.outcome == "won") & data.amount.isnull()
            yield Rule(
                table,
                "amount",
                "is empty though it was won",
                empty,
                "Fill it: the deal counts as won but adds no money.",
                shown="opportunity_id",
            )
    if table == "surveys":
        filled = ibis.cases((data.survey == "nps", 0.0), else_=1.0)
        top = ibis.cases((data.survey == "nps", 10.0), (data.survey == "ces", 7.0), else_=5.0)
        low = ibis.coalesce(data.scale_min, filled) if "scale_min" in present else filled
        high = ibis.coalesce(data.scale_max, top) if "scale_max" in present else top
        off = (data.score < low) | (data.score > high) | (data.score != data.score.floor())
        yield Rule(
            table,
            "score",
            "is no whole number on the survey's scale",
            off,
            "Such answers are left out. Set scale_min and scale_max if the scale is another.",
        )


def _empty_advice(column: schema.Column) -> str:
    if column.clock == "born":
        return "Fill it: rows without this time are in no period and are left out."
    return "Fill it, or leave the rows out."


def _key(declared: schema.Table) -> str:
    return declared.key[0] if declared.key else ""


def _examples(data: ir.Table, rule: Rule) -> list[str]:
    shown = rule.shown or rule.column
    if shown not in data.columns:
        return []
    rows = (
        data.filter(rule.broken).select(value=data[shown].cast("string")).distinct().order_by("value").limit(_EXAMPLES)
    )
    return [f"{shown} {value}" for value in rows.to_pyarrow()["value"].to_pylist()]


def _orphans(crm: Crm) -> Iterator[dict[str, Any]]:
    """Yield the keys that point to rows which are not there."""
    for table in crm.tables:
        for column in schema.TABLES[table].columns:
            target = column.refers_to
            if not target or target not in crm.tables or column.name not in crm.present[table]:
                continue
            data, other = crm.tables[table], crm.tables[target]
            key = schema.TABLES[target].key[0]
            pointing = data.filter(data[column.name].notnull()).select(key_=column.name)
            lost = pointing.anti_join(other.select(known_=key), pointing.key_ == other[key].name("known_"))
            counted = lost.agg(rows=lost.count(), example=lost.key_.min()).to_pyarrow().to_pylist()[0]
            if rows := counted["rows"]:
                yield _finding(
                    "warning",
                    table,
                    column.name,
                    f"names no row of {target}",
                    f"Add the rows to {target}, or empty the cells: by= puts them in the group (none).",
                    rows,
                    rows / crm.rows[table],
                    [f"{column.name} {counted['example']}"],
                )
