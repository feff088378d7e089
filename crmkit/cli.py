"""The command line: a thin skin over the package."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmkit import __version__
from crmkit.errors import CrmkitError, UsageError

if TYPE_CHECKING:
    import pandas as pd

DIALECTS = ("duckdb", "postgres", "snowflake", "bigquery", "databricks", "trino")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 2 for wrong use, 1 for failed work.

    Examples
    --------
    >>> main(["metrics", "--format", "table"])  # doctest: +ELLIPSIS
    metric...
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.command:
        parser.print_help()
        return 2
    try:
        return options.run(options) or 0
    except CrmkitError as error:
        if options.debug:
            raise
        print(f"crmkit {options.command}: {error}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print(f"crmkit {options.command}: stopped.", file=sys.stderr)
        return 130
    except Exception as error:
        if options.debug:
            raise
        print(
            f"crmkit {options.command}: {type(error).__name__}: {error}\n"
            "This is not a message that crmkit meant to give; --debug shows where it comes from.",
            file=sys.stderr,
        )
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="crmkit",
        description="Metrics, reports and models of customer relationships, from the tables of a CRM.",
        epilog="crmkit COMMAND --help says what each command takes. Without --data it works on the sample company.",
    )
    parser.add_argument("--version", action="version", version=f"crmkit {__version__}")
    parser.set_defaults(debug=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _add_report(commands)
    _add_measure(commands)
    _add_explain(commands)
    _add_sql(commands)
    _add_metrics(commands)
    _add_check(commands)
    _add_import(commands)
    _add_sample(commands)
    return parser


def _command(commands, name: str, run, summary: str, example: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example:\n  crmkit {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show a traceback where something fails")
    parser.set_defaults(run=run)
    return parser


def _data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", metavar="D", help="a folder of tables, a DuckDB file or a database URL (default: the sample)"
    )


def _format(parser: argparse.ArgumentParser, *forms: str) -> None:
    parser.add_argument("--format", choices=forms, default="table", help="how to print (default: table)")


def _measuring(parser: argparse.ArgumentParser) -> None:
    _data(parser)
    parser.add_argument(
        "--period", metavar="P", help="2026, 2026-Q3, 2026-09, 2026-W38, 2026-07-01/2026-10-01 or latest"
    )
    parser.add_argument("--every", metavar="GRAIN", help="split the period into each week, month, quarter or year")
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="COL",
        help="a column of the table or of one it joins to; repeatable",
    )
    _set(parser)


def _set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="an option of a metric, such as window_days=30"
    )


def _add_report(commands) -> None:
    parser = _command(
        commands,
        "report",
        _report,
        "run the notebooks and write a dated HTML report",
        "report --data my_crm --period 2026-Q3 --only 03_sales",
    )
    _data(parser)
    parser.add_argument("--period", default="latest", metavar="P", help="the period to report (default: latest)")
    parser.add_argument("--out", default="reports", metavar="DIR", help="where reports are kept (default: reports)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only this notebook; repeatable")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the notebooks; repeatable"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="notebooks run at a time")
    parser.add_argument("--lang", default="en", help="language of the report's frame (default: en)")


def _add_measure(commands) -> None:
    parser = _command(
        commands,
        "measure",
        _measure,
        "measure metrics over time and by groups",
        "measure win_rate average_deal_size --period 2026-Q3 --every month --by owner.team",
    )
    parser.add_argument("metric", nargs="+", metavar="METRIC", help="names as in `crmkit metrics`")
    _measuring(parser)
    _format(parser, "table", "csv", "json")


def _add_explain(commands) -> None:
    parser = _command(
        commands,
        "explain",
        _explain,
        "split the change of a metric into each group's mix and rate effect",
        "explain churn_rate --period 2026-Q3 --against 2026-Q2 --by segment",
    )
    parser.add_argument("metric", metavar="METRIC")
    _data(parser)
    parser.add_argument("--period", required=True, metavar="P", help="the later period")
    parser.add_argument("--against", required=True, metavar="P2", help="the earlier period")
    parser.add_argument("--by", required=True, metavar="COL", help="the column that makes the groups")
    _set(parser)
    _format(parser, "table", "csv", "json")


def _add_sql(commands) -> None:
    parser = _command(
        commands, "sql", _sql, "print the SQL that measures metrics", "sql win_rate --dialect snowflake --every month"
    )
    parser.add_argument("metric", nargs="+", metavar="METRIC")
    parser.add_argument("--dialect", default="duckdb", help=f"one of {', '.join(DIALECTS)} (default: duckdb)")
    _measuring(parser)


def _add_metrics(commands) -> None:
    parser = _command(
        commands,
        "metrics",
        _metrics,
        "list all metrics; with --data, what this data can answer",
        "metrics --data my_crm",
    )
    _data(parser)
    _format(parser, "table", "csv", "json")


def _add_check(commands) -> None:
    parser = _command(
        commands,
        "check",
        _check,
        "check the data: what was found, where, how many rows, and which metrics it touches",
        "check --data my_crm",
    )
    _data(parser)
    _format(parser, "table", "csv", "json")


def _add_import(commands) -> None:
    parser = _command(
        commands,
        "import",
        _import,
        "turn a CRM's export into the tables that crmkit reads",
        "import maven exports/ --to my_crm",
    )
    parser.add_argument(
        "system", metavar="SYSTEM", help="the CRM product, such as maven, or a name for your own adapter"
    )
    parser.add_argument(
        "source", nargs="+", metavar="SOURCE", help="folders or files of the export; they are only read"
    )
    parser.add_argument("--to", required=True, metavar="DIR", help="the folder to write")
    parser.add_argument("--adapter", metavar="TOML", help="a file of your own that says how the export is to be read")
    parser.add_argument("--encoding", default="", help="the encoding of the files where it is not UTF-8, such as cp932")
    parser.add_argument("--file-format", choices=("csv", "parquet"), default="csv", help="what to write (default: csv)")
    _format(parser, "table", "json")


def _add_sample(commands) -> None:
    parser = _command(
        commands,
        "sample",
        _sample,
        "write the sample company, of any size",
        "sample --to big_company --customers 100000 --seed 1",
    )
    parser.add_argument("--to", required=True, metavar="DIR", help="the folder to write")
    parser.add_argument("--customers", type=int, default=2000, metavar="N", help="how many customers (default: 2000)")
    parser.add_argument("--seed", type=int, default=7, metavar="S", help="same seed, same bytes (default: 7)")
    parser.add_argument("--file-format", choices=("csv", "parquet"), default="csv", help="what to write (default: csv)")


def _open(options):
    import crmkit
    from crmkit import paths

    return crmkit.open(options.data if options.data is not None else paths.sample_data())


def _report(options) -> int:
    from crmkit.report.render import render

    run = render(
        data=options.data,
        period=options.period,
        out=options.out,
        only=options.only,
        settings=_pairs(options.set),
        jobs=options.jobs,
        lang=options.lang,
    )
    print((run.folder / "index.html").resolve())
    return run.exit_status


def _measure(options) -> None:
    crm = _open(options)
    found = crm.measure(
        options.metric, period=options.period, every=options.every, by=options.by, **_values(_pairs(options.set))
    )
    if options.format == "table":
        found = _readable(found, crm)
    _print(found, options.format)


def _readable(found: pd.DataFrame, crm) -> pd.DataFrame:
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


def _explain(options) -> None:
    crm = _open(options)
    how = _values(_pairs(options.set))
    parts = crm.explain(options.metric, period=options.period, against=options.against, by=options.by, **how)
    if options.format != "table":
        _print(parts, options.format)
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
    _print(shown, "table")
    whole = say_change(parts["effect"].sum(), 0.0, unit, currency=currency)
    print(f"\nThe effects add up to the change of {options.metric}: {whole}.")


def _sql(options) -> None:
    crm = _open(options)
    how = {"period": options.period, "every": options.every, "by": options.by}
    print(crm.sql(options.metric, dialect=options.dialect, **how, **_values(_pairs(options.set))) + ";")


def _metrics(options) -> None:
    from crmkit.engine.catalogue import catalogue

    found = catalogue(_open(options) if options.data is not None else None)
    if options.format == "table":
        columns = ["metric", "unit", "formula"]
        if options.data is not None:
            found["here"] = [
                "yes" if able else f"no: {why}" for able, why in zip(found["available"], found["missing"], strict=True)
            ]
            columns = ["metric", "unit", "here", "formula"]
        found = found[columns]
    _print(found, options.format)


def _check(options) -> int:
    from crmkit import paths
    from crmkit.quality import check

    found = check(options.data if options.data is not None else paths.sample_data())
    if options.format == "table":
        for row in found.itertuples():
            print(_sentence(row))
        counted = found["severity"].value_counts()
        told = ", ".join(
            f"{counted.get(kind, 0)} {kind}{'' if counted.get(kind, 0) == 1 else 's'}"
            for kind in ("error", "warning", "note")
        )
        print(f"{told}.")
    else:
        _print(found, options.format)
    return int((found["severity"] == "error").any())


def _sentence(row) -> str:
    where = ".".join(part for part in (row.table, row.column) if part)
    rows = f" in {row.rows:,} row{'' if row.rows == 1 else 's'} ({row.share:.1%})" if row.rows else ""
    examples = f", such as {', '.join(row.examples)}" if row.examples else ""
    shown = ", ".join(row.metrics[:4]) + (f" and {len(row.metrics) - 4} more" if len(row.metrics) > 4 else "")
    touches = f" It touches {shown}." if row.metrics and row.severity != "note" else ""
    end = "" if row.finding.endswith(".") else "."
    return f"{row.severity}: {where} {row.finding}{rows}{examples}{end}{touches} {row.advice}".replace(
        ":  ", ": "
    ).strip()


def _import(options) -> None:
    from crmkit import adapters

    account = adapters.run(
        options.system,
        options.source,
        options.to,
        adapter=options.adapter,
        encoding=options.encoding,
        file_format=options.file_format,
    )
    if options.format == "json":
        print(json.dumps(account.as_dict(), ensure_ascii=False, indent=1, default=str))
    else:
        print(account.text())


def _sample(options) -> None:
    from crmkit import sample

    sample.write(options.to, customers=options.customers, seed=options.seed, file_format=options.file_format)
    print(Path(options.to).resolve())


def _pairs(given: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign or not name.isidentifier():
            raise UsageError(f"--set {pair!r} is not NAME=VALUE; write for example --set window_days=30.")
        pairs[name] = value
    return pairs


def _values(pairs: dict[str, str]) -> dict[str, Any]:
    """Read options of metrics as Python values: whole numbers, numbers, true and false, else text."""
    found: dict[str, Any] = {}
    for name, text in pairs.items():
        found[name] = {"true": True, "yes": True, "false": False, "no": False}.get(text.lower(), text)
        if found[name] is text:
            for kind in (int, float):
                try:
                    found[name] = kind(text)
                    break
                except ValueError:
                    continue
    return found


def _print(frame: pd.DataFrame, form: str) -> None:
    if form == "json":
        print(json.dumps([_plain(row) for row in frame.to_dict("records")], ensure_ascii=False, indent=1))
    elif form == "csv":
        frame = frame.copy()
        for name in frame.columns:
            if len(frame) and isinstance(frame[name].iloc[0], list | dict):
                frame[name] = [json.dumps(value, ensure_ascii=False) for value in frame[name]]
        sys.stdout.write(frame.to_csv(index=False))
    else:
        print(_as_table(frame))


def _as_table(frame: pd.DataFrame) -> str:
    from crmkit.tables import table

    return repr(table(frame, caption=""))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as JSON can hold it: dates as text, unknown as null, whole numbers without a fraction."""
    import numpy as np
    import pandas as pd

    def plain(value: Any) -> Any:
        if isinstance(value, list | dict):
            return value
        if value is None or value is pd.NaT or (isinstance(value, float) and not np.isfinite(value)):
            return None
        if isinstance(value, pd.Timestamp):
            return value.date().isoformat() if value == value.normalize() else value.isoformat()
        if isinstance(value, np.generic):
            return value.item()
        return value

    return {name: plain(value) for name, value in row.items()}


if __name__ == "__main__":
    sys.exit(main())
