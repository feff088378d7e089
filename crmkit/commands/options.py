"""What several commands share: how their options are declared, and how they are read."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from crmkit.errors import UsageError

if TYPE_CHECKING:
    from crmkit.crm import Crm

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def command(
    commands: Commands, name: str, run: Callable[[Namespace], int | None], summary: str, example: str
) -> argparse.ArgumentParser:
    """Declare a command: what it runs, what it does in a line, and an example."""
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


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add `--data`, which `open_data` reads."""
    parser.add_argument(
        "--data", metavar="D", help="a folder of tables, a DuckDB file or a database URL (default: the sample)"
    )


def add_format(parser: argparse.ArgumentParser, *forms: str) -> None:
    """Add `--format` with the forms that a command prints in."""
    parser.add_argument("--format", choices=forms, default="table", help="how to print (default: table)")


def add_measuring(parser: argparse.ArgumentParser) -> None:
    """Add what measuring takes: data, period, grain, groups and options of metrics."""
    add_data(parser)
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
    add_set(parser)


def add_set(parser: argparse.ArgumentParser) -> None:
    """Add `--set`, which `pairs` and `values` read."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="an option of a metric, such as window_days=30"
    )


def open_data(options: Namespace) -> Crm:
    """Open the data that was named, or the sample."""
    import crmkit
    from crmkit import paths

    return crmkit.open(options.data if options.data is not None else paths.sample_data())


def pairs(given: Sequence[str], option: str = "--set", example: str = "window_days=30") -> dict[str, str]:
    """Part each NAME=VALUE; an error names the option that it was given by.

    Examples
    --------
    >>> pairs(["window_days=30"])
    {'window_days': '30'}
    """
    found = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign or not name.isidentifier():
            raise UsageError(f"{option} {pair!r} is not NAME=VALUE; write for example {option} {example}.")
        found[name] = value
    return found


def values(given: dict[str, str]) -> dict[str, Any]:
    """Read options of metrics as Python values: whole numbers, numbers, true and false, else text.

    Examples
    --------
    >>> values({"window_days": "30", "level": "0.9", "strict": "yes", "channel": "shop"})
    {'window_days': 30, 'level': 0.9, 'strict': True, 'channel': 'shop'}
    """
    found: dict[str, Any] = {}
    for name, text in given.items():
        found[name] = {"true": True, "yes": True, "false": False, "no": False}.get(text.lower(), text)
        if found[name] is text:
            for kind in (int, float):
                try:
                    found[name] = kind(text)
                    break
                except ValueError:
                    continue
    return found
