"""SurveyMonkey's export: two rows of headers, questions as headers, words and numbers as answers."""

from __future__ import annotations

from pathlib import Path

import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "surveymonkey"
QUARTER = "2026-01-01/2026-04-01"


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """The export of one survey, imported: the CRM and the account."""
    to = tmp_path_factory.mktemp("surveymonkey") / "crm"
    account = adapters.run("surveymonkey", [FIXTURES], to)
    return crmkit.open(to), account


def _value(crm, metric: str) -> float:
    return crm.measure(metric, period=QUARTER)["value"].item()


def test_scores_by_hand(survey):
    crm, _ = survey
    # "Extremely likely - 10", 9, 10 and 9 promote, 7 is passive, "Not at all likely - 0" detracts; one skipped it
    assert _value(crm, "nps") == pytest.approx(100 * (4 - 1) / 6)
    assert _value(crm, "csat") == 3 / 5  # very satisfied twice, satisfied once; neither, very dissatisfied
    assert _value(crm, "csat_mean") == (5 + 4 + 3 + 1 + 5) / 5
    assert _value(crm, "ces") == (5 + 4 + 3 + 1 + 4) / 5


def test_the_account_says_which_question_was_taken_for_what(survey):
    text = survey[1].text()
    assert "How likely is it that you would recommend our company to a friend or colleague?" in text
    assert "taken for satisfaction" in text
    assert "Which of our products do you use?" in text  # left out, and said


def test_a_row_an_answer(survey):
    surveys = survey[0].surveys.to_pandas().set_index("response_id")
    assert len(surveys) == 6 + 5 + 5
    first = surveys.loc["118000000001-nps"]
    assert (first["score"], first["customer_id"], first["comment"]) == (10, "C-17", "Fast help, every time")
    assert str(first["answered_at"]) == "2026-01-13 09:04:55"
    assert str(surveys.loc["118000000002-csat", "answered_at"]) == "2026-01-13 14:12:30"
    assert surveys.loc["118000000004-nps", "comment"] == "Nobody\nanswered"
    assert surveys.loc["118000000001-ces", "scale_max"] == 5  # five words


def test_words_without_a_number_are_refused(tmp_path):
    text = next(FIXTURES.glob("*.csv")).read_text(encoding="utf-8").replace(",Satisfied,", ",Rather pleased,")
    (tmp_path / "surveymonkey.csv").write_text(text, encoding="utf-8")
    with pytest.raises(crmkit.DataError, match=r"surveys.score .*'Rather pleased' in surveymonkey.csv, line 4"):
        adapters.run("surveymonkey", [tmp_path / "surveymonkey.csv"], tmp_path / "crm")
