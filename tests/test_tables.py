import re

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from crmkit.errors import UsageError
from crmkit.tables import Html, mark, measured_table, spark, table

HOSTILE = "<script>alert('x')</script> & \"quotes\" $x$ {y} % \u202eevil\x00"


def soup(html):
    return BeautifulSoup(getattr(html, "html", html), "html.parser")


def texts(cells):
    return [cell.get_text().replace("\u00a0", " ") for cell in cells]


def test_a_table_has_a_caption_and_headers_that_say_what_they_head():
    frame = pd.DataFrame({"owner": ["Ewa", "Ken"], "rate": [0.631, np.nan], "won": [4238, 12]})
    page = soup(table(frame, caption="Win rate by owner", units={"rate": "share"}, names={"won": "Deals won"}))
    assert page.table["class"] == ["crm-table"]
    assert page.caption.get_text() == "Win rate by owner"
    assert [(th["scope"], th.get_text()) for th in page.thead("th")] == [
        ("col", "owner"),
        ("col", "rate"),
        ("col", "Deals won"),
    ]
    assert [(th["scope"], th.get_text()) for th in page.tbody("th")] == [("row", "Ewa"), ("row", "Ken")]
    assert texts(page("td")) == ["63.1%", "4,238", "–", "12"]
    assert all(td["class"] == ["num"] for td in page("td"))
    assert all(th.get("class") == ["num"] for th in page.thead("th")[1:])


def test_all_that_comes_from_data_is_escaped():
    frame = pd.DataFrame({HOSTILE: [HOSTILE], "n": [1]}, index=pd.Index([HOSTILE], name=HOSTILE))
    html = table(frame, caption=HOSTILE, formats={"n": lambda n: HOSTILE}).html
    assert "<script" not in html
    assert "\x00" not in html
    assert "\u202e" not in html
    page = soup(html)
    assert not page("script")
    shown = HOSTILE.replace("\u202e", "\ufffd").replace("\x00", "\ufffd")
    assert page.caption.get_text() == shown
    assert page.tbody.th.get_text() == shown
    assert texts(page("td")) == [shown, shown]
    assert page.thead.th.get_text() == shown


def test_only_html_made_by_the_kit_passes_unescaped():
    frame = pd.DataFrame({"a": ["x", "y"]})
    page = soup(table(frame, caption="c", formats={"a": lambda v: Html(f"<b>{v}</b>", v) if v == "x" else "<b>y</b>"}))
    assert [b.get_text() for b in page("b")] == ["x"]


def test_cells_are_written_by_their_own_type():
    frame = pd.DataFrame(
        {
            "when": [pd.Timestamp("2026-09-30"), pd.Timestamp("2026-09-30 14:05"), pd.NaT],
            "flag": [True, False, True],
            "text": ["a", None, ""],
            "size": pd.array([1, None, 1234], dtype="Int64"),
            "list": [[1, 2], {"k": 1}, np.float32("nan")],
        }
    )
    page = soup(table(frame, caption="c"))
    rows = [texts(tr(["th", "td"])) for tr in page.tbody("tr")]
    assert rows[0] == ["2026-09-30", "yes", "a", "1", "[1, 2]"]
    assert rows[1] == ["2026-09-30 14:05", "no", "–", "–", "{'k': 1}"]
    assert rows[2] == ["–", "yes", "", "1,234", "–"]


def test_rows_left_out_are_counted():
    frame = pd.DataFrame({"a": range(75)})
    page = soup(table(frame, caption="c", max_rows=60))
    assert len(page.tbody("tr")) == 60
    assert page.tfoot.get_text() == "… and 15 more rows"
    assert table(frame, caption="c", max_rows=74).text.endswith("… and 1 more row")


def test_empty_and_columnless_frames_are_tables_too():
    assert soup(table(pd.DataFrame({"a": []}), caption="c")).tbody.get_text() == "no rows"
    assert soup(table(pd.DataFrame(), caption="c")).tbody.get_text() == "no rows"


def test_series_multiindex_and_duplicate_columns():
    counts = pd.Series(
        [1, 2], index=pd.MultiIndex.from_tuples([("a", "x"), ("b", "y")], names=["one", "two"]), name="n"
    )
    page = soup(table(counts, caption="c"))
    assert texts(page.thead("th")) == ["one", "two", "n"]
    assert [th["scope"] for th in page.tbody.tr("th")] == ["row", "row"]
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert texts(soup(table(twice, caption="c"))("td")) == ["1", "2"]
    wide = pd.DataFrame([[1.0]], columns=pd.MultiIndex.from_tuples([("a", "b")]))
    assert texts(soup(table(wide, caption="c")).thead("th")) == ["a · b"]


def test_a_unit_for_each_row_where_metrics_are_mixed():
    frame = pd.DataFrame({"metric": ["win_rate", "revenue"], "value": [0.5, 1_000_000.0]})
    page = soup(table(frame, caption="c", units={"value": ["share", "money"]}, currency="EUR"))
    assert texts(page("td")) == ["50.0%", "€1,000,000"]


def test_bars_are_scaled_to_the_largest_size():
    page = soup(table(pd.DataFrame({"g": ["a", "b", "c"], "v": [10, -5, np.nan]}), caption="c", bars=["v"]))
    assert [re.search(r"([\d.]+)%", td["style"])[1] for td in page("td")] == ["100.0", "50.0", "0.0"]
    assert texts(page("td")) == ["10", "−5", "–"]


def test_status_is_said_by_mark_and_word():
    page = soup(table(pd.DataFrame({"g": ["a", "b"], "s": ["good", "<odd>"]}), caption="c", status=["s"]))
    assert texts(page("td")) == ["✓ on target", "<odd>"]
    assert page.select_one(".crm-status.good span")["aria-hidden"] == "true"
    assert mark(None).html == ""


def test_columns_that_are_not_there_are_named():
    with pytest.raises(UsageError, match="no column 'rate': its columns are a, b"):
        table(pd.DataFrame({"a": [1], "b": [2]}), caption="c", units={"rate": "share"})


def test_plain_text_lines_up_wide_letters():
    lines = table(pd.DataFrame({"g": ["東京", "Łódź"], "n": [5, 1234]}), caption="c").text.splitlines()
    assert lines == ["c", "g         n", "東京      5", "Łódź  1,234"]


def test_spark_lines_keep_gaps_and_describe_themselves():
    svg = soup(spark([1.0, 2.0, None, 4.0, 3.0, None, 2.5], unit="ratio", label='<"Rate">')).svg
    assert svg["role"] == "img"
    assert svg["aria-label"] == '<"Rate">: first 1.00, last 2.50, lowest 1.00, highest 4.00, 2 unknown'
    assert len(svg("polyline")) == 2
    x = [float(p.split(",")[0]) for line in svg("polyline") for p in line["points"].split()]
    assert x == pytest.approx([3, 18, 48, 63])  # 96 wide, 3 left free on both sides, six steps of 15
    y = [float(p.split(",")[1]) for line in svg("polyline") for p in line["points"].split()]
    assert y == pytest.approx([21, 15, 3, 9])  # 4 is at the top, 1 at the bottom
    assert float(svg("circle")[-1]["cx"]) == pytest.approx(93)


@pytest.mark.parametrize("values", [[], [None], [float("nan"), None]])
def test_a_spark_line_of_nothing_says_so(values):
    assert soup(spark(values)).span["aria-label"] == "no data"


def test_one_value_and_equal_values_lie_in_the_middle():
    assert soup(spark([5])).circle["cy"] == "12.0"
    assert [p.split(",")[1] for p in soup(spark([5, 5])).polyline["points"].split()] == ["12.0", "12.0"]


def test_the_twin_of_a_measured_frame_writes_periods_and_intervals():
    frame = pd.DataFrame(
        {
            "metric": "win_rate",
            "period": pd.to_datetime(["2026-04-01", "2026-07-01"]),
            "segment": ["a", None],
            "value": [0.58, np.nan],
            "low": [0.55, np.nan],
            "high": [0.61, np.nan],
            "n": [100, 0],
            "numerator": [58, 0],
            "denominator": [100, 0],
            "note": "",
        }
    )
    page = soup(measured_table(frame, caption="c", unit="share"))
    assert texts(page.thead("th")) == [
        "period", "segment", "value", "95% interval", "n", "numerator", "denominator",
    ]  # fmt: skip
    rows = [texts(tr(["th", "td"])) for tr in page.tbody("tr")]
    assert rows == [
        ["2026-Q2", "a", "58.0%", "55.0–61.0%", "100", "58", "100"],
        ["2026-Q3", "(none)", "–", "–", "0", "0", "0"],
    ]


def test_amounts_of_ten_digits_are_shortened_with_their_column_and_days_keep_on_one_line():
    frame = pd.DataFrame({"customer": ["a name of many words and letters", "b"], "amount": [1_234_567_890.0, -12_345.0],
                          "first": ["2026-04-01", "\u2013"]})  # fmt: skip
    page = soup(table(frame, caption="Amounts", units={"amount": "money"}, currency="JPY"))
    assert texts(page.select("td.num")) == ["¥1.23B", "−¥12,345"]
    assert texts(page.select("td.day")) == ["2026-04-01", "\u2013"]
    assert "wordy" in page.tbody.th["class"]
    small = soup(table(frame.assign(amount=[999_999_999.0, 2.0]), caption="Amounts", units={"amount": "money"}))
    assert texts(small.select("td.num")) == ["999,999,999", "2"]
