"""The sample company and a smaller one, opened once a process, and all metrics measured on them."""

from __future__ import annotations

import pandas as pd
import pytest

import crmkit
from crmkit import schema
from crmkit.metric import all_metrics
from crmkit.sample import write

NAMES = list(all_metrics())


@pytest.fixture(scope="session")
def sample(root):
    """The committed sample company."""
    return crmkit.open(root / "data" / "sample")


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory):
    """The files of a sample company of 150 customers."""
    folder = tmp_path_factory.mktemp("small") / "sample"
    write(folder, customers=150, seed=11)
    return folder


@pytest.fixture(scope="session")
def small(small_folder):
    """The small company, opened from its files."""
    return crmkit.open(small_folder)


@pytest.fixture(scope="session")
def frames(small):
    """The tables of the small company as data frames with the declared columns' types."""
    return {name: table.to_pandas() for name, table in small.tables.items() if name in schema.TABLES}


@pytest.fixture(scope="session")
def reopened(small_folder):
    """A function that opens data frames with the small company's settings."""

    def open_again(tables: dict[str, pd.DataFrame]):
        return crmkit.open(tables, config=small_folder / "crm.toml")

    return open_again
