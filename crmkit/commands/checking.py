"""The commands that look for what is wrong with data: check, and duplicates."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from crmkit.commands.options import Commands, add_data, add_format, command, open_data
from crmkit.commands.printing import print_frame


def add_check(commands: Commands) -> None:
    """Declare `crmkit check`."""
    parser = command(
        commands,
        "check",
        check,
        "check the data: what was found, where, how many rows, and which metrics it touches",
        "check --data my_crm",
    )
    add_data(parser)
    add_format(parser, "table", "csv", "json")


def check(options: Namespace) -> int:
    """Print what is wrong with the data; 1 if anything is an error."""
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
        print_frame(found, options.format)
    return int((found["severity"] == "error").any())


def _sentence(row) -> str:
    where = ".".join(part for part in (row.table, row.column) if part)
    rows = f" in {row.rows:,} row{'' if row.rows == 1 else 's'} ({row.share:.1%})" if row.rows else ""
    rows = rows if row.unit == "rows" else ""  # else the finding says it
    examples = f", such as {', '.join(row.examples)}" if row.examples else ""
    shown = ", ".join(row.metrics[:4]) + (f" and {len(row.metrics) - 4} more" if len(row.metrics) > 4 else "")
    touches = f" It touches {shown}." if row.metrics and row.severity != "note" else ""
    end = "" if row.finding.endswith(".") else "."
    concentrates = f" {row.where}." if row.where else ""
    effect = f" {row.effect}" if row.effect and row.severity != "note" else ""
    said = f"{row.severity}: {where} {row.finding}{rows}{examples}{end}{concentrates}{effect}{touches} {row.advice}"
    return said.replace(":  ", ": ").strip()


def add_duplicates(commands: Commands) -> None:
    """Declare `crmkit duplicates`."""
    parser = command(
        commands,
        "duplicates",
        duplicates,
        "find customers and leads that were entered twice, and write the map by which they are merged",
        "duplicates --data my_crm --to my_crm/merges.csv",
    )
    add_data(parser)
    parser.add_argument("--to", metavar="FILE", help="write the merge map, or add to one, for you to look through")
    parser.add_argument(
        "--table", choices=("customers", "leads"), action="append", help="only this table; repeatable (default: both)"
    )
    parser.add_argument(
        "--threshold", type=float, metavar="P", help="the probability from which two count as one (default: 0.95)"
    )
    parser.add_argument("--show-names", action="store_true", help="show names beside the ids; they are personal")
    add_format(parser, "table", "csv", "json")


def duplicates(options: Namespace) -> None:
    """Print the records that are one, and write the map by which they are merged where a file is named."""
    from crmkit.methods.duplicates import TABLES, THRESHOLD, duplicates
    from crmkit.methods.merge_map import add, listed, summary

    crm = open_data(options)
    asked = options.table or [name for name in TABLES if name in crm.tables] or ["customers"]
    threshold = options.threshold if options.threshold is not None else THRESHOLD
    found = [duplicates(crm, table=name, threshold=threshold) for name in asked]
    if options.format == "table":
        for one in found:
            if len(one.clusters):
                print_frame(listed(one, crm, names=options.show_names), "table")
            print(summary(one))
    else:
        import pandas as pd

        frames = [listed(one, crm, names=options.show_names) for one in found]
        print_frame(pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(), options.format)
    if options.to:
        written = add(options.to, found)
        print(f"{written:,} rows were written to {Path(options.to).resolve()}.", file=sys.stderr)
