"""The notebook of customer value on little data, in a period before it begins: a short page, and no error."""

import re

import pytest

from crmkit.report.render import render

pytestmark = pytest.mark.timeout(300)
TABLES = {
    "crm.toml": 'name = "Small"\ncurrency = "EUR"\nas_of = 2026-06-30\n',
    "payments.csv": "payment_id,paid_at,amount\n1,2026-05-05,80\n2,2026-06-05,-20\n",
    "orders.csv": "order_id,customer_id,ordered_at,amount\n1,<b>Ann</b>,2026-05-05,100\n2,<b>Ann</b>,2026-06-05,-20\n",
    "costs.csv": "month,category,amount\n2026-05-01,sales,100\n",
}


def test_a_period_before_the_data_begins_is_a_short_page(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for name, text in TABLES.items():
        (data / name).write_text(text, encoding="utf-8")
    run = render(data=data, out=tmp_path / "out", only=["04"], period="2019-Q1", progress=lambda _line: None)
    (result,) = run.results
    assert result.status == "ok", result.reason
    text = (run.folder / "04_customer_value.html").read_text(encoding="utf-8")
    assert not re.search(r"\bnan\b", text)
    assert "<b>Ann</b>" not in text
    assert "does not hold" not in text
