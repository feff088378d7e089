"""The command line: a thin skin over the package."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence

from crmkit import __version__
from crmkit.commands.checking import add_check, add_duplicates
from crmkit.commands.glossary import add_glossary
from crmkit.commands.importing import add_import
from crmkit.commands.measuring import add_explain, add_measure, add_metrics, add_sql
from crmkit.commands.persons import add_anonymize, add_who
from crmkit.commands.report import add_report
from crmkit.commands.roi import add_roi
from crmkit.commands.sample import add_sample
from crmkit.commands.training import add_training
from crmkit.engine.garbage import SELDOM
from crmkit.errors import CrmkitError

ADD = (
    add_report, add_measure, add_explain, add_sql, add_metrics, add_glossary, add_check, add_duplicates, add_import,
    add_sample, add_roi, add_anonymize, add_who, add_training,
)  # fmt: skip
"""What declares each command, in the order in which --help lists them."""


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
    for add in ADD:
        add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
