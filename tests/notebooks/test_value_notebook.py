"""The notebook of customer value where there is little: orders and costs alone, a period before the data begins."""

import re

import pytest

from crmkit.report.render import render

pytestmark = pytest.mark.timeout(300)
SETTINGS = 'name = "Small"\ncurrency = "EUR"\nas_of = 2026-06-30\n'
TABLES = {
    "payments": "payment_id,paid_at,amount\n1,2026-05-05,80\n2,2026-06-05,-20\n",
    "orders": "order_id,customer_id,ordered_at,amount\n1,<b>Ann</b>,2026-05-05,100\n2,<b>Ann</b>,2026-06-05,-20\n",
    "costs": "month,category,amount\n2026-05-01,sales,100\n",
}


@pytest.mark.parametrize(("tables", "period", "status"), [
    (("orders", "costs"), "2026-Q2", "ok"),
    (("orders", "payments"), "2019-Q1", "ok"),
])  # fmt: skip
def test_little_data_makes_a_short_page_and_no_error(tables, period, status, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "crm.toml").write_text(SETTINGS, encoding="utf-8")
    for name in tables:
        (data / f"{name}.csv").write_text(TABLES[name], encoding="utf-8")
    run = render(data=data, out=tmp_path / "out", only=["04"], period=period, progress=lambda _line: None)
    (result,) = run.results
    assert result.status == status, result.reason
    if status == "ok":
        text = (run.folder / "04_customer_value.html").read_text(encoding="utf-8")
        assert not re.search(r"\bnan\b", text)
        assert "<b>Ann</b>" not in text
        assert "does not hold" not in text
