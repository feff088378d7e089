"""The command that works out what a CRM costs and brings."""

from __future__ import annotations

from argparse import Namespace

from crmkit.commands.options import Commands, add_format, command, pairs
from crmkit.commands.printing import print_frame
from crmkit.errors import UsageError


def add_roi(commands: Commands) -> None:
    """Declare `crmkit roi`."""
    from crmkit.crm_inputs import INPUTS

    parser = command(
        commands,
        "roi",
        roi,
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
    add_format(parser, "table", "json")


def roi(options: Namespace) -> None:
    """Print what a CRM would cost and bring, with where 9 of 10 simulated cases lie."""
    from crmkit.crm_inputs import INPUTS
    from crmkit.methods.crm_risk import outlook

    given = {name: getattr(options, name) for name in INPUTS if getattr(options, name) is not None}
    ends = {name: _span(name, text) for name, text in pairs(options.range, "--range", "hours_saved=2..10").items()}
    found = outlook(ends, draws=options.draws, seed=options.seed, **given)
    if options.format == "json":
        print_frame(found, "json")
        return
    from crmkit.numbers import say

    shown = found[["title", "value", "low", "high"]].astype(object)
    for column in ("value", "low", "high"):
        shown[column] = [say(value, unit) for value, unit in zip(found[column], found["unit"], strict=True)]
    print_frame(shown.rename(columns={"title": "result"}), "table")
    print(f"\nlow and high: 9 of 10 of {options.draws:,} simulated cases lie between them.")


def _span(name: str, text: str) -> tuple[float, float]:
    low, dots, high = text.partition("..")
    try:
        if dots:
            return float(low), float(high)
    except ValueError:
        pass
    raise UsageError(f"--range {name}={text} is not NAME=LOW..HIGH; write for example --range hours_saved=2..10.")
