"""Each metric a second time, in plain pandas and Python, written from its definition and not from its declaration.

A twin is a function of the tables and of a period's start and end; it returns one number. It knows nothing of Ibis, of
crmkit's kinds or of its derived relations. Groups are made by cutting every table down to the rows of a group first.

A family is a module here. It has

- `TWINS`: from (a table of `Plain`, the column of the groups as crmkit is asked for it, "" for none) to its twins;
- `tables(files)`, where it needs more than the files: a dict of frames made of them, with the columns of the groups.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from twins.common import Plain, Twin, read

_FAMILIES = [importlib.import_module(f"twins.{module.name}") for module in pkgutil.iter_modules(__path__)]

TWINS: dict[str, Twin] = {
    twin.__name__: Twin(twin, table, by)
    for family in _FAMILIES
    for (table, by), twins in getattr(family, "TWINS", {}).items()
    for twin in twins
}


def opened(folder: Path) -> Plain:
    """Read the files of a company, and make of them what the families need."""
    files = read(folder)
    made: dict = {}
    for family in _FAMILIES:
        if hasattr(family, "tables"):
            made |= family.tables(files)
    return Plain(files, made)
