"""Data for the tests of methods: the sample company, opened once."""

import pytest

import crmkit
from crmkit import paths


@pytest.fixture(scope="session")
def sample():
    return crmkit.open(paths.sample_data())
