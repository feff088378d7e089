"""Landing pages compared with the rest: worked by hand, by simulation, and on the sample company's pages."""

from __future__ import annotations

import numpy as np
import pytest

import crmkit
from crmkit.methods.landing_pages import ABOVE, ALIKE, BELOW, TOO_FEW, against_the_rest, landing_pages


@pytest.fixture(scope="module")
def sample(root):
    return crmkit.open(root / "data/sample")


def test_a_page_that_differs_is_told_from_those_that_do_not():
    assert against_the_rest(np.array([60, 45, 40, 2]), np.array([100, 100, 100, 5])) == [ABOVE, ALIKE, ALIKE, TOO_FEW]
    assert against_the_rest(np.array([60, 45, 40]), np.array([100] * 3), rates=9) == [ALIKE] * 3
    assert against_the_rest(np.array([10, 50]), np.array([100, 100])) == [BELOW, ABOVE]
    assert against_the_rest(np.array([5, 0]), np.array([5, 0])) == [TOO_FEW, TOO_FEW]
    assert against_the_rest(np.array([0.0]), np.array([0.0])) == [TOO_FEW]


def test_pages_that_are_alike_are_seldom_called_different():
    rng = np.random.default_rng(1)
    called = [set(against_the_rest(rng.binomial(400, 0.2, 8), np.full(8, 400))) != {ALIKE} for _ in range(400)]
    assert np.mean(called) < 0.08  # 5% by design


def test_landing_pages_of_the_sample_differ_by_chance_alone(sample):
    """People land on the pages of the sample company by chance, so none of them is better than another."""
    found = landing_pages(sample, period="2024-01-01/2026-10-01")
    assert found["visits"].sum() == sample.measure("sessions", period="2024-01-01/2026-10-01").value.item()
    assert set(found["bounce_differs"]) | set(found["lead_differs"]) | set(found["purchase_differs"]) == {ALIKE}
    assert found["share"].sum() == pytest.approx(1)


def test_sources_of_the_sample_do_differ(sample):
    found = landing_pages(sample, period="2024-01-01/2026-10-01", by="source").set_index("source")
    assert found["lead_differs"][["direct", "newsletter"]].tolist() == [BELOW, ABOVE]


def test_landing_pages_without_leads_and_orders_compare_bounces_alone():
    bare = {"session_id": list("12"), "visitor_id": list("ab"), "started_at": ["2026-01-01"] * 2, "pages": [1, 2],
            "landing_page": ["/", None]}  # fmt: skip
    found = landing_pages(crmkit.open({"web_sessions": bare}), period="2026-01")
    assert found["landing_page"].tolist() == ["(none)", "/"]
    assert found.attrs["compared"] == ("bounce",)
    assert not [column for column in found if column.startswith(("lead", "purchase"))]
    assert landing_pages(crmkit.open({"web_sessions": bare}), period="2025-01").empty
