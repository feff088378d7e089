"""Data for the tests of the report pages: the sample company, and a pipeline alone."""

import pytest

import crmkit
from crmkit import paths


@pytest.fixture(scope="session")
def sample():
    return crmkit.open(paths.sample_data())


@pytest.fixture(scope="session")
def pipeline():
    """Opportunities alone, as a small company's CRM has them: nothing says who was lost, or why."""
    deals = [
        ("a", "Ann <b>", "won", "2026-01-05", "2026-02-10", 100.0),
        ("b", "Ann <b>", "lost", "2026-01-07", "2026-02-12", 0.0),
        ("c", "Ben", "won", "2026-03-01", "2026-04-10", 300.0),
        ("d", "Ben", "lost", "2026-03-02", "2026-05-12", 0.0),
        ("e", "Ann <b>", "won", "2026-03-03", "2026-06-12", 500.0),
        ("f", "Ben", "open", "2026-06-03", None, None),
    ]
    names = ("opportunity_id", "owner_id", "outcome", "created_at", "closed_at", "amount")
    rows = {name: [deal[place] for deal in deals] for place, name in enumerate(names)}
    rows["customer_id"] = list("xyxyzz")
    return crmkit.open({"opportunities": rows}, as_of="2026-06-30")
