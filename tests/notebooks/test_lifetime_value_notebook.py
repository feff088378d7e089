"""The notebook of lifetime value on little data: a page that says what it cannot know, and no error and no number."""

import re

import pytest

from crmkit.report.render import render

pytestmark = pytest.mark.timeout(300)
ORDERS = (
    "order_id,customer_id,ordered_at,amount\n"
    "1,<b>Ann</b>,2026-01-05,100\n2,<b>Ann</b>,2026-02-05,-20\n3,Łukasz,2026-03-01,40\n4,Łukasz,2026-05-01,40\n"
)
SUBSCRIPTIONS = (
    "subscription_id,customer_id,started_at,ended_at,mrr\n1,c,2025-01-01,,50\n2,d,2025-02-01,2026-01-05,20\n"
)


@pytest.mark.parametrize("tables", [{"orders.csv": ORDERS}, {"subscriptions.csv": SUBSCRIPTIONS}])
def test_little_data_makes_a_page_without_numbers_and_without_an_error(tmp_path, tables):
    data = tmp_path / "data"
    data.mkdir()
    settings = 'name = "Small"\ncurrency = "EUR"\nas_of = 2026-06-30\n'
    for name, text in (tables | {"crm.toml": settings}).items():
        (data / name).write_text(text, encoding="utf-8")
    run = render(data=data, out=tmp_path / "out", only=["12"], progress=lambda _line: None)
    (result,) = run.results
    assert result.status == "ok", result.reason
    text = (run.folder / "12_lifetime_value.html").read_text(encoding="utf-8")
    assert "needed" in text
    assert not re.search(r"\bnan\b", text)
    assert "<b>Ann</b>" not in text
    assert "does not hold" not in text
