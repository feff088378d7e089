import base64
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from matplotlib import pyplot as plt

from crmkit import notebook, plots
from crmkit.errors import UsageError
from crmkit.tables import Html

EVIL = "<img src=x onerror=alert(1)> & $x$ {name}"


def soup(html):
    return BeautifulSoup(html.html, "html.parser")


def text(element):
    return element.get_text().replace("\u00a0", " ")


@pytest.fixture
def ax():
    plt.close("all")  # what other tests drew
    frame = pd.DataFrame(
        {
            "metric": "win_rate",
            "period": pd.date_range("2026-01-01", periods=3, freq="QS"),
            "value": [0.31, 0.28, 0.24],
            "low": [0.29, 0.26, 0.22],
            "high": [0.33, 0.30, 0.26],
            "n": [400, 410, 420],
        }
    )
    yield plots.trend(frame, unit="share")
    plt.close("all")


@pytest.fixture
def displayed(monkeypatch):
    seen = []
    monkeypatch.setattr("IPython.display.display", seen.append)
    return seen


def test_a_figure_is_one_output_with_picture_description_and_numbers(ax, displayed):
    notebook.show(ax, caption="Closed in each quarter; open deals are left out.")
    (made,) = displayed
    page = soup(made)
    image = page.figure.img
    assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
    assert image["alt"].startswith("Win rate fell from 31.0% in 2026-Q1 to 24.0% in 2026-Q3")
    assert page.figure.figcaption.get_text() == "Closed in each quarter; open deals are left out."
    assert page.details["class"] == ["crm-twin"]
    assert page.details.summary.get_text() == "The numbers"
    assert [text(c) for c in page.details("tr")[3](["th", "td"])] == ["2026-Q3", "24.0%", "22.0–26.0%", "420"]
    assert "24.0%" in repr(made)
    assert not plt.get_fignums()


def test_the_table_can_be_left_out_and_the_description_cannot(ax):
    assert soup(notebook.figure(ax, table=False)).details is None
    bare = plt.figure().subplots()
    with pytest.raises(UsageError, match="these axes have no description"):
        notebook.figure(bare)
    bare.crm_alt = f"One line. {EVIL}"
    made = soup(notebook.figure(bare))
    assert made.img["alt"] == f"One line. {EVIL}"
    assert len(made("img")) == 1


def test_equal_data_gives_equal_output():
    frame = pd.DataFrame({"segment": ["a", "b"], "value": [0.5, 0.6], "n": [10, 20]})
    first, second = (notebook.figure(plots.bars(frame, unit="share")).html for _ in range(2))
    assert first == second


def test_frames_are_shown_as_tables_and_need_a_caption(displayed):
    frame = pd.DataFrame({"a": [1]})
    notebook.show(frame, caption=EVIL)
    notebook.show(pd.Series([1], name="a"), caption="c")
    notebook.show(Html("<p>x</p>", "x"))
    assert soup(displayed[0]).caption.get_text() == EVIL
    assert soup(displayed[1]).table
    assert displayed[2].html == "<p>x</p>"
    with pytest.raises(UsageError, match="a table needs a caption"):
        notebook.show(frame)


def test_a_card_says_value_change_interval_status_and_course():
    made = notebook.cards(
        [
            {
                "title": "Churn rate", "value": 0.04, "unit": "share", "before": 0.052, "against": "2026-Q2",
                "low": 0.031, "high": 0.051, "better": "down", "status": "good", "target": 0.05, "n": 1000,
                "history": [0.06, None, 0.04],
            }
        ]
    )  # fmt: skip
    card = soup(made).select_one(".crm-cards > .crm-card.good")
    assert text(card.select_one(".crm-card-title")) == "Churn rate"
    assert text(card.select_one(".crm-card-value")) == "4.0%"
    assert text(card.select_one(".crm-card-change")) == "▼ down 1.2 pts (better) against 2026-Q2"
    assert [text(p) for p in card.select(".crm-card-note")] == ["95% interval 3.1–5.1% · n = 1,000", "target 5.0%"]
    assert text(card.select_one(".crm-status.good")) == "✓ on target"
    assert card.svg["aria-label"] == "Churn rate: first 6.0%, last 4.0%, lowest 4.0%, highest 6.0%, 1 unknown"
    assert repr(made).replace("\u00a0", " ").startswith("Churn rate: 4.0%, ▼ down 1.2 pts (better) against 2026-Q2")


@pytest.mark.parametrize(
    ("now", "before", "better", "said"),
    [
        (0.6, 0.5, "up", "▲ up 10.0 pts (better)"),
        (0.6, 0.5, "down", "▲ up 10.0 pts (worse)"),
        (0.5, 0.6, "up", "▼ down 10.0 pts (worse)"),
        (0.5, 0.6, "", "▼ down 10.0 pts"),
        (0.5, 0.5, "up", "► no change"),
    ],
)
def test_a_change_is_judged_by_the_direction_that_is_good(now, before, better, said):
    made = notebook.cards([{"title": "t", "value": now, "before": before, "unit": "share", "better": better}])
    assert text(soup(made).select_one(".crm-card-change")) == said


def test_a_scorecard_gives_cards_with_verdict_status_and_history():
    card = pd.DataFrame(
        {"metric": ["nps", "win_rate"], "title": ["NPS", "Win rate"], "unit": ["points", "share"], "better": "up",
         "value": [6.8, 0.66], "previous": [12.7, 0.61], "status": ["off target", ""],
         "verdict": ["no change beyond noise", "rose"]}
    )  # fmt: skip
    card.attrs["history"] = pd.DataFrame({"nps": [10.0, 12.7, 6.8]})
    first, second = soup(notebook.cards(card)).select(".crm-card")
    assert first["class"] == ["crm-card", "bad"]
    assert text(first.select_one(".crm-card-change")) == "▼ down 5.9 points, no more than noise"
    assert text(first.select_one(".crm-status.bad")) == "✗ off target"
    assert first.svg["aria-label"] == "NPS: first 10.0, last 6.8, lowest 6.8, highest 12.7"
    assert second["class"] == ["crm-card"]
    assert text(second.select_one(".crm-card-change")) == "▲ up 5.0 pts (better)"
    assert second.svg is None


def test_what_is_noted_on_all_cards_is_said_once_below_them():
    rows = [{"title": name, "value": 1.0, "note": "the period is not over"} for name in "abc"]
    rows[1]["note"] = "few answers; the period is not over"
    page = soup(notebook.cards(rows))
    assert [text(line) for line in page.select(".crm-common")] == ["All: the period is not over."]
    assert [text(line) for line in page.select(".crm-card-note")] == ["few answers"]
    assert not soup(notebook.cards([row | {"note": ""} for row in rows])).select(".crm-common")


def test_a_card_of_nothing_known_is_a_dash():
    frame = pd.DataFrame({"metric": [EVIL], "value": [np.nan], "before": [np.nan], "low": [np.nan], "status": [None]})
    made = soup(notebook.cards(frame))
    assert text(made.select_one(".crm-card-title")) == EVIL
    assert text(made.select_one(".crm-card-value")) == "–"
    assert made.select_one(".crm-card-change") is None
    assert made.select_one(".crm-card-note") is None
    assert not made("img")


@pytest.mark.parametrize("make", [notebook.say, notebook.note, notebook.answer])
def test_text_is_filled_and_escaped(make):
    made = make("The best is {} with {share}.", EVIL, share="63.2%")
    assert f"The best is {EVIL} with 63.2%." in soup(made).get_text()
    assert not soup(made)("img")
    assert "{braces} stay" in make("{braces} stay").text


def test_checks_compare_both_sides_and_say_whether_they_hold():
    made = notebook.checks(
        pd.DataFrame(
            {
                "what": ["start + new − lost = end", "bands = answers", EVIL, "mrr"],
                "left": [1450.0, 39.0, np.nan, 100.001],
                "right": [1450.0, 38.0, 1.0, 100.0],
                "unit": ["count", "count", "count", "money"],
                "currency": ["", "", "", "EUR"],
            }
        )
    )
    items = soup(made)("li")
    assert [i["class"][0] for i in items] == ["ok", "failed", "failed", "ok"]
    assert text(items[0]) == "start + new − lost = end: 1,450 = 1,450, holds"
    assert text(items[1]) == "bands = answers: 39 ≠ 38, does not hold"
    assert text(items[2]) == f"{EVIL}: – ≠ 1, does not hold"
    assert text(items[3]) == "mrr: €100.00 = €100.00, holds"
    assert "no reconciliation" in notebook.checks([]).text
    assert soup(notebook.checks([{"what": "w", "left": 1, "right": 2, "holds": True}])).li["class"] == ["ok"]


def test_definitions_are_a_list_of_terms():
    win_rate = SimpleNamespace(
        name="win_rate", title="Win rate", formula="won ÷ (won + lost)", unit="share", better="up",
        meaning="Of those closed,\n  the share won.", caveats=EVIL, relations=["opportunities"], source="",
    )  # fmt: skip
    page = soup(notebook.definitions([win_rate]))
    assert (page.dl["class"], page.dt["id"], page.dt.get_text()) == (["crm-terms"], "term-win_rate", "Win rate")
    said = page.dd.get_text(" ")
    for part in ("Of those closed, the share won.", "won ÷ (won + lost)", "share", "up", EVIL, "opportunities"):
        assert part in said
    assert "Source" not in said
    assert not page("img")


def test_the_stylesheet_comes_as_it_is_and_twice_the_same():
    sheet = notebook.style().html
    assert sheet == notebook.style().html
    for name in ("crm-figure", "crm-twin", "crm-table", "crm-card", "crm-note", "crm-checks", "crm-terms"):
        assert f".{name}" in sheet
    assert "http" not in sheet
