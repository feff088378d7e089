"""An export imported in one call, with what the tests of a product ask of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import pytest

import crmkit
from crmkit import adapters
from crmkit.adapters.account import Account


@dataclass(frozen=True)
class Imported:
    """The folder written, and the account of the import."""

    to: Path
    account: Account

    def table(self, name: str) -> pd.DataFrame:
        """A table as text, as it stands in the file."""
        return pd.read_csv(self.to / f"{name}.csv", dtype=str, keep_default_na=False)

    def row(self, name: str, key: str, *columns: str) -> list[str]:
        """The cells of the row with a key in the table's first column."""
        table = self.table(name)
        (found,) = table[table.iloc[:, 0] == key][list(columns)].to_numpy().tolist()
        return found

    @property
    def rows(self) -> dict[str, int]:
        """The rows of each table."""
        return {table.name: table.rows for table in self.account.tables}

    @cached_property
    def crm(self):
        """The folder, opened."""
        return crmkit.open(self.to)

    def value(self, metric: str, period: str, **options) -> float:
        """A metric's one value."""
        return self.crm.measure(metric, period=period, **options)["value"].item()


@pytest.fixture(scope="session")
def importing(tmp_path_factory) -> Callable[..., Imported]:
    """Import sources of a system into a new folder."""

    def run(system: str, *sources: str | Path, **options) -> Imported:
        to = tmp_path_factory.mktemp(system) / "crm"
        return Imported(to, adapters.run(system, sources, to, **options))

    return run
