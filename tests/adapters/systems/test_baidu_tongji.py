"""百度统计 (Baidu Tongji): the list of visits in GBK with lines on top, against values worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmkit.errors import DataError

HERE = Path(__file__).parent / "baidu_tongji"
ANN, BO = "8812345678901234567", "8812345678901234568"


@pytest.fixture(scope="module")
def visits(importing):
    return importing("baidu_tongji", HERE)


def test_gbk_and_the_lines_on_top_are_read_and_said(visits):
    (file,) = visits.account.files
    assert (file.encoding, file.rows) == ("gb18030", 3)
    assert "3 lines before the header left out, the first: '网站：,www.example.com'" in visits.account.text()
    assert visits.rows == {"web_sessions": 3}


def test_a_visit(visits):
    shown = "visitor_id", "started_at", "duration_seconds", "pages", "source", "keyword", "region"
    assert visits.row("web_sessions", f"{ANN} 2026/09/01 23:58:10", *shown) == [
        ANN, "2026-09-01 23:58:10", "725", "5", "百度", "客户管理 软件", "北京",
    ]  # fmt: skip
    # the visit still goes on (正在访问), and nothing was searched for ("--")
    assert visits.row("web_sessions", f"{BO} 2026/09/02 08:00:00", *shown[2:6]) == ["", "1", "直接访问", ""]
    # an address with a comma, and a visit of no length
    assert visits.row("web_sessions", f"{ANN} 2026/09/02 09:30:00", "landing_page", "duration_seconds") == [
        "https://www.example.com/a,b", "0",
    ]  # fmt: skip


def test_a_number_of_19_digits_stays_as_it_is(visits):
    assert set(visits.table("web_sessions")["visitor_id"]) == {ANN, BO}


def test_what_it_measures(visits):
    assert visits.crm.config.timezone == "Asia/Shanghai"
    assert visits.value("sessions", "2026-09") == 3
    assert visits.value("visitors", "2026-09") == 2
    assert visits.value("time_on_site", "2026-09") == pytest.approx((725 + 0) / 2)
    assert visits.value("bounce_rate", "2026-09") == pytest.approx(2 / 3)


def test_no_visit_is_made_of_totals(importing):
    with pytest.raises(DataError, match=r"实时访客.*can't be imported without; there: 趋势分析_20260901-20260902\.csv"):
        importing("baidu_tongji", HERE / "report")
