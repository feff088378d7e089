"""The command that writes the sample company."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from crmkit.commands.options import Commands, command


def add_sample(commands: Commands) -> None:
    """Declare `crmkit sample`."""
    parser = command(
        commands,
        "sample",
        sample,
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


def sample(options: Namespace) -> None:
    """Write the sample company and print where it is."""
    from crmkit import sample

    sample.write(
        options.to, customers=options.customers, seed=options.seed, file_format=options.file_format, dirty=options.dirty
    )
    print(Path(options.to).resolve())
