"""Write the sample company into a folder, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa

from crmkit.errors import UsageError
from crmkit.sample.columns import keys, write_csv
from crmkit.sample.company import found
from crmkit.sample.tables import everything
from crmkit.sample.truth import truth, types
from crmkit.sample.world import World
from crmkit.schema import TABLES

FORMATS = ("csv", "parquet")
LEAST = 100
SETTINGS = """\
name = "Kawomir"
currency = "EUR"
timezone = "Europe/Warsaw"
as_of = 2026-09-30
fiscal_year_start_month = 1
inactive_after_days = 365
week_start = "monday"
crm_introduced = 2025-07-01
holidays = [
    2023-12-25, 2023-12-26, 2024-01-01, 2024-05-01, 2024-12-25, 2024-12-26, 2025-01-01, 2025-05-01, 2025-12-25,
    2025-12-26, 2026-01-01, 2026-05-01,
]

# Reports show colleagues by name and customers by code.
[personal]
show = ["users"]

[hours]
monday = "08:00-18:00"
tuesday = "08:00-18:00"
wednesday = "08:00-18:00"
thursday = "08:00-18:00"
friday = "08:00-16:00"

[stages]
"Qualification" = { is = "open", order = 1 }
"Needs analysis" = { is = "open", order = 2 }
"Proposal" = { is = "open", order = 3 }
"Negotiation" = { is = "open", order = 4 }
"Won" = { is = "won", order = 5 }
"Lost" = { is = "lost", order = 6 }

[sla.first_response_hours]
urgent = 2
high = 6
normal = 12
low = 24

[sla.resolution_hours]
urgent = 8
high = 24
normal = 48
low = 96
"""
README = """\
# Kawomir, a company that does not exist

Kawomir sells coffee machines, beans and subscriptions to offices, cafés and homes in Europe and to a few partners in
Japan and China. These tables hold three years of its customer relationships, from 2023-10-01 to 2026-09-30, in euros
and in the time of Warsaw. Customers before that came over from an older system with nothing but their subscriptions.
A new CRM was introduced on 2025-07-01.

Everything is invented: people, firms, prices. E-mail addresses are in domains reserved for examples, telephone numbers
in ranges reserved for fiction. Subscription fees are collected by direct debit and are not among the payments.

`truth.json` says what was planted in the data, by which measure and in which window it can be found again;
`truth_types.csv` says of which type each customer is, which no table does.

Made with `{command}`.
Licence: CC0 1.0, no rights reserved.
"""
DIRTY = """\
This copy is dirty on purpose: the section `defects` of `truth.json` lists what was spoilt, table by table, with the
keys of the rows, and `duplicates` who was entered twice. What else `truth.json` says holds for the clean company.

"""


def write_sample(to: str | os.PathLike, *, customers: int, seed: int, file_format: str, dirty: bool = False) -> dict:
    """Do what `crmkit.sample.write` promises."""
    _check(customers, seed, file_format)
    target = Path(to).expanduser().absolute()
    _check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        planted = _fill(draft, World(customers=customers, seed=seed), file_format, dirty=dirty)
        draft.chmod(0o777 & ~_umask())
        _put(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return planted


def _check(customers: int, seed: int, file_format: str) -> None:
    if not isinstance(customers, int) or isinstance(customers, bool) or customers < LEAST:
        raise UsageError(f"customers must be a whole number of at least {LEAST}, not {customers!r}.")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise UsageError(f"seed must be a whole number, 0 or more, not {seed!r}.")
    if file_format not in FORMATS:
        raise UsageError(f"file_format must be csv or parquet, not {file_format!r}.")


def _check_target(target: Path) -> None:
    """Refuse to replace what is not a sample of ours."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UsageError(f"{target} is not a folder. Name a folder that is empty, new, or holds a former sample.")
    if not target.exists():
        return
    there = {entry.name for entry in target.iterdir()}
    ours = {f"{name}.{ending}" for name in TABLES for ending in FORMATS}
    ours |= {"crm.toml", "truth.json", "truth_types.csv", "README.md"}
    foreign = sorted(there - ours)
    if there and (foreign or "truth.json" not in there):
        shown = ", ".join((foreign or sorted(there))[:3])
        raise UsageError(f"{target} is not empty and not a former sample (it holds {shown}). Name another folder.")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _fill(folder: Path, world: World, file_format: str, *, dirty: bool) -> dict:
    company, wrong = found(world), {}
    tables = everything(company)
    if dirty:
        from crmkit.sample.dirty import plant

        made, wrong = plant(dict(tables), world.rng("defects"))
        tables = made.items()
    for name, table in tables:
        _write_table(table, folder / f"{name}.{file_format}", file_format)
    planted = truth(company) | wrong
    text = json.dumps(planted, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "truth.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    rows, names = types(company)
    labelled = pa.table({"customer_id": keys("", rows), "type": pa.array(names)})
    _write_table(labelled, folder / "truth_types.csv", "csv")
    (folder / "crm.toml").write_text(SETTINGS, encoding="utf-8", newline="\n")
    command = f"crmkit sample --to DIR --customers {world.customers} --seed {world.seed}{' --dirty' * dirty}"
    if file_format != "csv":
        options = f'customers={world.customers}, seed={world.seed}, file_format="{file_format}"{", dirty=True" * dirty}'
        command = f'crmkit.sample.write("DIR", {options})'
    text = README.format(command=command)
    text = text.replace("Made with", f"{DIRTY}Made with", 1) if dirty else text
    (folder / "README.md").write_text(text, encoding="utf-8", newline="\n")
    return planted


def _write_table(table: pa.Table, path: Path, file_format: str) -> None:
    if file_format == "csv":
        write_csv(table, path)
    else:
        from pyarrow import parquet

        parquet.write_table(table, path, compression="zstd", write_page_checksum=True)


def _put(draft: Path, target: Path) -> None:
    """Move the finished folder to its place; a former sample goes only when the new one is there."""
    if not target.exists():
        draft.replace(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
    old.rmdir()  # only its name was wanted: not every system replaces a folder by another
    target.replace(old)
    try:
        draft.replace(target)
    except OSError:
        old.replace(target)
        raise
    shutil.rmtree(old)
