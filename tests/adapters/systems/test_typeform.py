"""Typeform's export: questions as headers, times in UTC, responses that were broken off."""

from __future__ import annotations

from pathlib import Path

import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "typeform"
QUARTER = "2026-01-01/2026-04-01"


@pytest.fixture(scope="module")
def form(tmp_path_factory):
    """The export of one form, imported: the CRM and the account."""
    to = tmp_path_factory.mktemp("typeform") / "crm"
    account = adapters.run("typeform", [FIXTURES], to)
    return crmkit.open(to), account


def _value(crm, metric: str) -> float:
    return crm.measure(metric, period=QUARTER)["value"].item()


def test_scores_by_hand(form):
    crm, _ = form
    assert _value(crm, "nps") == pytest.approx(100 * (3 - 2) / 6)  # 10, 9, 9 · 8 · 2, 6
    assert _value(crm, "csat") == 3 / 5  # 5, 4, 5 · 3, 1
    assert _value(crm, "ces") == (7 + 6 + 5 + 6) / 4


def test_a_response_that_was_broken_off_counts_as_far_as_it_got(form):
    surveys = form[0].surveys.to_pandas().set_index("response_id")
    partial = surveys.loc["n5fupfubphvacf8sv12ch63vnvacgl4w-nps"]
    assert (partial["response_type"], str(partial["answered_at"])) == ("partial", "2026-03-02 10:00:40")
    assert not any(key.startswith("o6fup") for key in surveys.index)  # started, and answered nothing


def test_hidden_fields_link_to_customers(form):
    surveys = form[0].surveys.to_pandas().set_index("response_id")
    assert surveys.loc["hefupfubphvacf8sv12ch63vnvacgl4s-nps", "customer_id"] == "C-17"
    assert surveys.loc["hefupfubphvacf8sv12ch63vnvacgl4s-nps", "comment"] == "Everything simply works"
    assert f"{form[0].as_of:%Y-%m-%d}" == "2026-03-31"
