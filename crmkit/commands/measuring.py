"""The commands that measure: measure, explain, sql, and the catalogue of the metrics."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from crmkit.commands.options import (
    Commands,
    add_data,
    add_format,
    add_measuring,
    add_set,
    command,
    open_data,
    pairs,
    values,
)
from crmkit.commands.printing import print_frame
from crmkit.engine.dialects import DIALECTS

if TYPE_CHECKING:
    import pandas as pd

    from crmkit.crm import Crm


def add_measure(commands: Commands) -> None:
    """Declare `crmkit measure`."""
    parser = command(
        commands,
        "measure",
        measure,
        "measure metrics over time and by groups",
        "measure win_rate average_deal_size --period 2026-Q3 --every month --by owner.team",
    )
    parser.add_argument("metric", nargs="+", metavar="METRIC", help="names as in `crmkit metrics`")
    add_measuring(parser)
    add_format(parser, "table", "csv", "json")


def measure(options: Namespace) -> None:
    """Measure metrics and print them."""
    crm = open_data(options)
    found = crm.measure(
        options.metric, period=options.period, every=options.every, by=options.by, **values(pairs(options.set))
    )
    if options.format == "table":
        found = _readable(found, crm)
    print_frame(found, options.format)


def _readable(found: pd.DataFrame, crm: Crm) -> pd.DataFrame:
    """Return a measured frame as people read it: periods by name, numbers with their unit."""
    from crmkit.metric import find
    from crmkit.numbers import say

    shown = found.drop(columns=["numerator", "denominator"]).astype(object)
    units = [find(name).unit for name in found["metric"]]
    for column in ("value", "low", "high"):
        shown[column] = [
            say(value, unit, currency=crm.config.currency) for value, unit in zip(found[column], units, strict=True)
        ]
    shown["n"] = [say(value, "count") for value in found["n"]]
    shown["period"] = [moment.strftime("%Y-%m-%d") for moment in found["period"]]
    return shown


def add_explain(commands: Commands) -> None:
    """Declare `crmkit explain`."""
    parser = command(
        commands,
        "explain",
        explain,
        "split the change of a metric into each group's mix and rate effect",
        "explain churn_rate --period 2026-Q3 --against 2026-Q2 --by segment",
    )
    parser.add_argument("metric", metavar="METRIC")
    add_data(parser)
    parser.add_argument("--period", required=True, metavar="P", help="the later period")
    parser.add_argument("--against", required=True, metavar="P2", help="the earlier period")
    parser.add_argument("--by", required=True, metavar="COL", help="the column that makes the groups")
    add_set(parser)
    add_format(parser, "table", "csv", "json")


def explain(options: Namespace) -> None:
    """Print each group's part in the change of a metric."""
    crm = open_data(options)
    how = values(pairs(options.set))
    parts = crm.explain(options.metric, period=options.period, against=options.against, by=options.by, **how)
    if options.format != "table":
        print_frame(parts, options.format)
        return
    from crmkit.metric import find
    from crmkit.numbers import say, say_change

    unit, currency = find(options.metric).unit, crm.config.currency
    shown = parts.astype(object)
    for name in ("value", "previous"):
        shown[name] = [say(value, unit, currency=currency) for value in parts[name]]
    for name in ("weight", "previous_weight"):
        shown[name] = [say(value, "share") for value in parts[name]]
    for name in ("mix", "rate", "effect"):
        shown[name] = [say_change(value, 0.0, unit, currency=currency) for value in parts[name]]
    print_frame(shown, "table")
    whole = say_change(parts["effect"].sum(), 0.0, unit, currency=currency)
    print(f"\nThe effects add up to the change of {options.metric}: {whole}.")


def add_sql(commands: Commands) -> None:
    """Declare `crmkit sql`."""
    parser = command(
        commands, "sql", sql, "print the SQL that measures metrics", "sql win_rate --dialect snowflake --every month"
    )
    parser.add_argument("metric", nargs="+", metavar="METRIC")
    parser.add_argument("--dialect", default="duckdb", help=f"one of {', '.join(DIALECTS)} (default: duckdb)")
    add_measuring(parser)


def sql(options: Namespace) -> None:
    """Print the SQL that measures metrics."""
    crm = open_data(options)
    how = {"period": options.period, "every": options.every, "by": options.by}
    print(crm.sql(options.metric, dialect=options.dialect, **how, **values(pairs(options.set))) + ";")


def add_metrics(commands: Commands) -> None:
    """Declare `crmkit metrics`."""
    parser = command(
        commands,
        "metrics",
        metrics,
        "list all metrics; with --data, what this data can answer",
        "metrics --data my_crm",
    )
    add_data(parser)
    add_format(parser, "table", "csv", "json")


def metrics(options: Namespace) -> None:
    """Print the catalogue, with what the data can answer where data is named."""
    from crmkit.engine.catalogue import catalogue

    found = catalogue(open_data(options) if options.data is not None else None)
    if options.format == "table":
        columns = ["metric", "unit", "formula"]
        if options.data is not None:
            found["here"] = [
                "yes" if able else f"no: {why}" for able, why in zip(found["available"], found["missing"], strict=True)
            ]
            columns = ["metric", "unit", "here", "formula"]
        found = found[columns]
    print_frame(found, options.format)
