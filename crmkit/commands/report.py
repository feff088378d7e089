"""The command that runs the notebooks and writes a report."""

from __future__ import annotations

from argparse import Namespace

from crmkit.commands.options import Commands, add_data, command, pairs


def add_report(commands: Commands) -> None:
    """Declare `crmkit report`."""
    parser = command(
        commands,
        "report",
        report,
        "run the notebooks and write a dated HTML report",
        "report --data my_crm --period 2026-Q3 --only 03_sales",
    )
    add_data(parser)
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


def report(options: Namespace) -> int:
    """Run the notebooks and write the report; print where it is."""
    from crmkit.report.render import render

    run = render(
        data=options.data,
        period=options.period,
        out=options.out,
        only=options.only,
        settings=pairs(options.set) | ({"show_names": "true"} if options.show_names else {}),
        jobs=options.jobs,
        lang=options.lang,
    )
    print((run.folder / "index.html").resolve())
    return run.exit_status
