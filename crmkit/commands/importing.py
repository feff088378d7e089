"""The command that turns a CRM's export into tables."""

from __future__ import annotations

import json
import shlex
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from crmkit.commands.options import Commands, add_format, command
from crmkit.errors import UsageError

if TYPE_CHECKING:
    from crmkit.adapters.account import Account


def add_import(commands: Commands) -> None:
    """Declare `crmkit import`."""
    parser = command(
        commands,
        "import",
        import_,
        "turn a CRM's export into the tables that crmkit reads",
        "import auto exports/                      which product wrote this, and how sure is that\n"
        "  crmkit import salesforce exports/ --to my_crm\n"
        "  crmkit import salesforce --show-adapter          how it is read, to copy or extend",
    )
    parser.add_argument(
        "system",
        metavar="SYSTEM",
        help="the CRM product, such as hubspot; auto recognises it, list prints all; a name for your own adapter",
    )
    parser.add_argument(
        "source", nargs="*", metavar="SOURCE", help="folders or files of the export, or NAME=FILE; they are only read"
    )
    parser.add_argument("--to", metavar="DIR", help="the folder to write")
    parser.add_argument("--dry-run", action="store_true", help="say all that an import would do, and write nothing")
    parser.add_argument("--adapter", metavar="TOML", help="a file of your own that says how the export is to be read")
    parser.add_argument("--show-adapter", action="store_true", help="print SYSTEM's adapter, to read, copy or extend")
    _add_cells(parser)
    _add_company(parser)
    _add_columns(parser)
    parser.add_argument("--file-format", choices=("csv", "parquet"), default="csv", help="what to write (default: csv)")
    add_format(parser, "table", "json")


def _add_cells(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("how cells are written, where the adapter or the cells don't say")
    group.add_argument("--encoding", default="", help="the encoding of the files where it is not UTF-8, such as cp932")
    group.add_argument("--delimiter", default="", metavar="MARK", help="the mark between cells")
    group.add_argument(
        "--dates",
        action="append",
        default=[],
        metavar="ORDER",
        help="dmy, mdy, ymd or a format such as %%d/%%m/%%Y; TABLE.COLUMN=ORDER for one column; repeatable",
    )
    group.add_argument("--decimal", default="", metavar="MARK", help="the decimal mark, . or ,")
    group.add_argument("--thousands", default="", metavar="MARK", help="the mark between thousands")
    group.add_argument("--skip-bad-rows", action="store_true", help="leave out, count and show rows that are too long")


def _add_company(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what the export doesn't say of the company")
    group.add_argument(
        "--timezone", default="", metavar="ZONE", help="such as Europe/Warsaw; times of another are converted"
    )
    group.add_argument("--currency", default="", metavar="CODE", help="such as EUR")
    group.add_argument("--name", default="", help="the company's name")
    group.add_argument("--as-of", default="", metavar="DAY", help="the day up to which the data is known")


def _add_columns(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("columns")
    group.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="TABLE.COLUMN=HEADER",
        help="the header that a column comes from; repeatable",
    )
    group.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="TABLE.HEADER",
        help="carry a header as a column of text, such as opportunities.Region or 'customers.*__c'; repeatable",
    )


def import_(options: Namespace) -> None:
    """Turn an export into tables and print an account of it; or print an adapter, or what an export could be."""
    from crmkit import adapters
    from crmkit.adapters.answers import answers

    if options.show_adapter:
        print(adapters.text_of(options.system), end="")
        return
    if options.system == "list" and not options.source and not options.adapter:
        titles = adapters.titles()
        _print_import(options, titles, "\n".join(f"{name:<20} {title}" for name, title in titles.items()))
        return
    system = options.system
    if system == "auto" and not options.adapter:
        found = adapters.recognise(options.source)
        if not options.to and not options.dry_run:
            _print_import(options, found.as_dict(), found.text())
            return
        system = found.system
        print(found.text(), file=sys.stderr)
    if not options.to and not options.dry_run:
        raise UsageError("Say where to write by --to DIR, or --dry-run to see what would be done.")
    account = adapters.run(
        system,
        options.source,
        None if options.dry_run else options.to,
        adapter=options.adapter,
        encoding=options.encoding,
        delimiter=options.delimiter.replace("\\t", "\t"),
        dates=options.dates,
        decimal=options.decimal,
        thousands=options.thousands,
        timezone=options.timezone,
        currency=options.currency,
        name=options.name,
        as_of=options.as_of,
        columns=options.column,
        keep=options.keep,
        skip_bad_rows=options.skip_bad_rows,
        file_format=options.file_format,
    )
    answered = answers(account)
    _print_import(options, account.as_dict() | {"answers": answered}, account.text() + _what_now(account, answered))


def _what_now(account: Account, answered: dict[str, tuple[int, int]]) -> str:
    """Say what the tables can answer, and what to type next."""
    can = [f"{family} {yes} of {total}" for family, (yes, total) in answered.items() if yes]
    cannot = [family for family, (yes, _) in answered.items() if not yes]
    lines = ["", f"Metrics that this data can answer: {', '.join(can) or 'none'}."]
    if cannot:
        lines.append(f"None of {', '.join(cannot)}; `crmkit metrics --data DIR` says what each lacks.")
    if account.to:
        to = shlex.quote(account.to)
        lines += [
            "Next:",
            f"  crmkit check --data {to}",
            f"  crmkit metrics --data {to}",
            f"  crmkit report --data {to}",
        ]
    return "\n".join(lines) + "\n"


def _print_import(options: Namespace, data: Any, text: str) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=1, default=str) if options.format == "json" else text)
