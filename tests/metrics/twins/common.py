"""What all twins share: the files as plain pandas reads them, and a few lines of arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from crmkit import schema

NONE = "(none)"
DAY = pd.Timedelta(days=1)
AS_OF = pd.Timestamp("2026-09-30 23:59:59.999999")
INACTIVE_AFTER = 365 * DAY


class Plain:
    """The tables that twins look at, as attributes: those of the files, and those that the families make of them.

    Tables of a family hide a file of the same name; `files` keeps the files as they are.
    """

    def __init__(self, files: dict[str, pd.DataFrame], made: dict[str, pd.DataFrame]):
        self.files = files
        self._tables = files | made

    def __getattr__(self, name: str) -> pd.DataFrame:
        tables = self.__dict__.get("_tables", {})
        if name not in tables:
            raise AttributeError(f"no table {name!r}; there are {', '.join(sorted(tables))}")
        return tables[name]

    def only(self, column: str, value: str) -> Plain:
        """Return the same tables with those rows alone that belong to one group."""

        def cut(frame: pd.DataFrame) -> pd.DataFrame:
            return frame[frame[column].fillna(NONE).astype(str) == value] if column in frame else frame

        return Plain(self.files, {name: cut(frame) for name, frame in self._tables.items()})

    def groups(self, table: str, column: str) -> list[str]:
        """Return the groups of a table."""
        return sorted(getattr(self, table)[column].fillna(NONE).astype(str).unique())


def read(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the files of a company: keys and words as text, times as times, numbers as numbers."""
    found = {}
    for path in sorted(folder.glob("*.csv")):
        declared = schema.TABLES.get(path.stem)
        if declared is None:
            continue
        there = pd.read_csv(path, nrows=0).columns
        kinds = {column.name: column.type for column in declared.columns if column.name in there}
        words = dict.fromkeys((name for name, kind in kinds.items() if kind in ("key", "text")), "object")
        times = [name for name, kind in kinds.items() if kind == "time"]
        found[path.stem] = pd.read_csv(path, dtype=words, parse_dates=times)
    return found


def during(column: pd.Series, start, end) -> pd.Series:
    """Tell which times lie in a period."""
    return (column >= start) & (column < end)


def ratio(part: float, of: float) -> float:
    """Divide; unknown where the divisor is 0."""
    return part / of if of else np.nan


@dataclass(frozen=True)
class Twin:
    """A twin, the table whose groups it is measured by, and the column of these (as crmkit is asked for it)."""

    measure: Callable[[Plain, pd.Timestamp, pd.Timestamp], float]
    table: str
    by: str

    @property
    def column(self) -> str:
        """The column as it is called in the plain tables."""
        return self.by.rpartition(".")[2]
