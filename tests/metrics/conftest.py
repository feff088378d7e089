"""The sample company, opened once a process, and its files as plain pandas reads them."""

from __future__ import annotations

import pytest
import twins

import crmkit


@pytest.fixture(scope="session")
def sample(root):
    """The committed sample company."""
    return crmkit.open(root / "data" / "sample")


@pytest.fixture(scope="session")
def plain(root):
    """The same files read by pandas alone, with what the twins need worked out in plain Python."""
    return twins.opened(root / "data" / "sample")
