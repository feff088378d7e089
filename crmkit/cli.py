"""The command line: a thin skin over the package."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence

from crmkit import __version__
from crmkit import commands as do
from crmkit.engine.garbage import SELDOM
from crmkit.errors import CrmkitError

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
    gc.set_threshold(*SELDOM)  # a command is short and builds many small objects
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
    _add_glossary(commands)
    _add_check(commands)
    _add_duplicates(commands)
    _add_import(commands)
    _add_sample(commands)
    _add_roi(commands)
    _add_anonymize(commands)
    _add_who(commands)
    _add_training(commands)
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
        do.report,
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
    parser.add_argument(
        "--show-names", action="store_true", help="persons by name instead of by code, for readers who may know them"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="notebooks run at a time")
    parser.add_argument("--lang", default="en", help="language of the report's frame (default: en)")


def _add_measure(commands) -> None:
    parser = _command(
        commands,
        "measure",
        do.measure,
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
        do.explain,
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
        commands, "sql", do.sql, "print the SQL that measures metrics", "sql win_rate --dialect snowflake --every month"
    )
    parser.add_argument("metric", nargs="+", metavar="METRIC")
    parser.add_argument("--dialect", default="duckdb", help=f"one of {', '.join(DIALECTS)} (default: duckdb)")
    _measuring(parser)


def _add_metrics(commands) -> None:
    parser = _command(
        commands,
        "metrics",
        do.metrics,
        "list all metrics; with --data, what this data can answer",
        "metrics --data my_crm",
    )
    _data(parser)
    _format(parser, "table", "csv", "json")


def _add_glossary(commands) -> None:
    parser = _command(
        commands,
        "glossary",
        do.glossary,
        "say what a word means, by any name in any language or at any vendor; without a word, list all",
        'glossary "close rate" --lang pl',
    )
    parser.add_argument("word", nargs="*", metavar="WORD", help="a name; several words are one name")
    parser.add_argument("--lang", default="en", help="the language of meanings and formulas (default: en)")
    parser.add_argument("--html", metavar="FILE", help="write the whole glossary as a page that stands by itself")
    _format(parser, "table", "json")


def _add_check(commands) -> None:
    parser = _command(
        commands,
        "check",
        do.check,
        "check the data: what was found, where, how many rows, and which metrics it touches",
        "check --data my_crm",
    )
    _data(parser)
    _format(parser, "table", "csv", "json")


def _add_duplicates(commands) -> None:
    parser = _command(
        commands,
        "duplicates",
        do.duplicates,
        "find customers and leads that were entered twice, and write the map by which they are merged",
        "duplicates --data my_crm --to my_crm/merges.csv",
    )
    _data(parser)
    parser.add_argument("--to", metavar="FILE", help="write the merge map, or add to one, for you to look through")
    parser.add_argument(
        "--table", choices=("customers", "leads"), action="append", help="only this table; repeatable (default: both)"
    )
    parser.add_argument(
        "--threshold", type=float, metavar="P", help="the probability from which two count as one (default: 0.95)"
    )
    parser.add_argument("--show-names", action="store_true", help="show names beside the ids; they are personal")
    _format(parser, "table", "csv", "json")


def _add_import(commands) -> None:
    parser = _command(
        commands,
        "import",
        do.import_,
        "turn a CRM's export into the tables that crmkit reads",
        "import auto exports/                      which product wrote this, and how sure is that\n"
        "  crmkit import salesforce exports/ --to my_crm\n"
        "  crmkit import salesforce --show-adapter          how it is read, to copy or extend",
    )
    parser.add_argument(
        "system",
        metavar="SYSTEM",
        help="the CRM product, such as maven; auto recognises it, list prints all; a name for your own adapter",
    )
    parser.add_argument(
        "source", nargs="*", metavar="SOURCE", help="folders or files of the export, or NAME=FILE; they are only read"
    )
    parser.add_argument("--to", metavar="DIR", help="the folder to write")
    parser.add_argument("--dry-run", action="store_true", help="say all that an import would do, and write nothing")
    parser.add_argument("--adapter", metavar="TOML", help="a file of your own that says how the export is to be read")
    parser.add_argument("--show-adapter", action="store_true", help="print SYSTEM's adapter, to read, copy or extend")
    cells = parser.add_argument_group("how cells are written, where the adapter or the cells don't say")
    cells.add_argument("--encoding", default="", help="the encoding of the files where it is not UTF-8, such as cp932")
    cells.add_argument("--delimiter", default="", metavar="MARK", help="the mark between cells")
    cells.add_argument(
        "--dates",
        action="append",
        default=[],
        metavar="ORDER",
        help="dmy, mdy, ymd or a format such as %%d/%%m/%%Y; TABLE.COLUMN=ORDER for one column; repeatable",
    )
    cells.add_argument("--decimal", default="", metavar="MARK", help="the decimal mark, . or ,")
    cells.add_argument("--thousands", default="", metavar="MARK", help="the mark between thousands")
    cells.add_argument("--skip-bad-rows", action="store_true", help="leave out, count and show rows that are too long")
    company = parser.add_argument_group("what the export doesn't say of the company")
    company.add_argument("--timezone", default="", metavar="ZONE", help="such as Europe/Warsaw; zoned times become its")
    company.add_argument("--currency", default="", metavar="CODE", help="such as EUR")
    company.add_argument("--name", default="", help="the company's name")
    company.add_argument("--as-of", default="", metavar="DAY", help="the day up to which the data is known")
    columns = parser.add_argument_group("columns")
    columns.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="TABLE.COLUMN=HEADER",
        help="the header that a column comes from; repeatable",
    )
    columns.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="TABLE.HEADER",
        help="carry a header as a column of text, such as opportunities.Region or 'customers.*__c'; repeatable",
    )
    parser.add_argument("--file-format", choices=("csv", "parquet"), default="csv", help="what to write (default: csv)")
    _format(parser, "table", "json")


def _add_sample(commands) -> None:
    parser = _command(
        commands,
        "sample",
        do.sample,
        "write the sample company, of any size",
        "sample --to big_company --customers 100000 --seed 1",
    )
    parser.add_argument("--to", required=True, metavar="DIR", help="the folder to write")
    parser.add_argument("--customers", type=int, default=2000, metavar="N", help="how many customers (default: 2000)")
    parser.add_argument("--seed", type=int, default=7, metavar="S", help="same seed, same bytes (default: 7)")
    parser.add_argument(
        "--dirty", action="store_true", help="plant every kind of defect; truth.json lists them with their rows"
    )
    parser.add_argument("--file-format", choices=("csv", "parquet"), default="csv", help="what to write (default: csv)")


def _add_anonymize(commands) -> None:
    parser = _command(
        commands,
        "anonymize",
        do.anonymize,
        "write a copy of the data that measures the same and names no one",
        "anonymize --data my_crm --to lesson_data",
    )
    _data(parser)
    parser.add_argument("--to", required=True, metavar="DIR", help="the folder to write")
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="TABLE.COLUMN",
        help="keep a column of your own, or one of the personal columns birth_year and gender; repeatable",
    )
    parser.add_argument("--file-format", choices=("csv", "parquet"), default="csv", help="what to write (default: csv)")
    _format(parser, "table", "json")


def _add_who(commands) -> None:
    parser = _command(
        commands,
        "who",
        do.who,
        "say who is behind the codes of a report",
        "who C-F8C72-F73BD --data my_crm",
    )
    parser.add_argument("code", nargs="+", metavar="CODE", help="codes as a report shows them")
    _data(parser)
    _format(parser, "table", "csv", "json")


def _add_training(commands) -> None:
    parser = _command(
        commands,
        "training",
        do.training,
        "the course: take a lesson, or write all for a class",
        "training start 2",
    )
    parser.add_argument(
        "action", choices=("list", "start", "build"), help="list the lessons, start one, or build the copies of all"
    )
    parser.add_argument("lesson", nargs="?", default="", metavar="LESSON", help="its number or a part of its name")
    parser.add_argument("--to", metavar="DIR", help="the folder to write (start: lessons; build: must be given)")
    parser.add_argument("--lang", default="en", help="the language of the glossary beside the lessons (default: en)")
    parser.add_argument("--no-browser", action="store_true", help="write the copy and do not open JupyterLab")


def _add_roi(commands) -> None:
    from crmkit.crm_inputs import INPUTS

    parser = _command(
        commands,
        "roi",
        do.roi,
        "work out what a CRM costs and brings, before there is any data",
        "roi --deals 120 --revenue-per-deal 8000 --hours-saved 6 --range hours_saved=2..10",
    )
    for name, each in INPUTS.items():
        option, kind = f"--{name.replace('_', '-')}", int if each.whole else float
        text = each.help.replace("%", "%%")
        parser.add_argument(option, type=kind, metavar="X", help=f"{text} (default: {each.default:g})")
    parser.add_argument(
        "--range",
        action="append",
        default=[],
        metavar="NAME=LOW..HIGH",
        help="the ends of an uncertain input; repeatable",
    )
    parser.add_argument("--draws", type=int, default=10_000, metavar="N", help="cases drawn (default: 10000)")
    parser.add_argument("--seed", type=int, default=7, metavar="S", help="same seed, same draws (default: 7)")
    _format(parser, "table", "json")


if __name__ == "__main__":
    sys.exit(main())
