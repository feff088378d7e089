"""The commands about persons: a copy of the data that names no one, and who is behind the codes of a report."""

from __future__ import annotations

import json
from argparse import Namespace

from crmkit.commands.options import Commands, add_data, add_format, command, open_data
from crmkit.commands.printing import print_frame


def add_anonymize(commands: Commands) -> None:
    """Declare `crmkit anonymize`."""
    parser = command(
        commands,
        "anonymize",
        anonymize,
        "write a copy of the data that measures the same and names no one",
        "anonymize --data my_crm --to lesson_data",
    )
    add_data(parser)
    parser.add_argument("--to", required=True, metavar="DIR", help="the folder to write")
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="TABLE.COLUMN",
        help="keep a column of your own, or one of the personal columns birth_year and gender; repeatable",
    )
    parser.add_argument("--file-format", choices=("csv", "parquet"), default="csv", help="what to write (default: csv)")
    add_format(parser, "table", "json")


def anonymize(options: Namespace) -> None:
    """Write a copy that names no one, and say what is in it."""
    from crmkit import paths
    from crmkit.personal import anonymize as copy

    source = options.data if options.data is not None else paths.sample_data()
    done = copy(source, options.to, keep=options.keep, file_format=options.file_format)
    print(json.dumps(done.as_dict(), ensure_ascii=False, indent=1) if options.format == "json" else done.text())


def add_who(commands: Commands) -> None:
    """Declare `crmkit who`."""
    parser = command(
        commands,
        "who",
        who,
        "say who is behind the codes of a report",
        "who C-F8C72-F73BD --data my_crm",
    )
    parser.add_argument("code", nargs="+", metavar="CODE", help="codes as a report shows them")
    add_data(parser)
    add_format(parser, "table", "csv", "json")


def who(options: Namespace) -> None:
    """Print who is behind codes."""
    from crmkit.personal import find_codes

    print_frame(find_codes(open_data(options), options.code), options.format)
