"""Qualtrics' export: three rows of headers, words or numbers, previews, tests and spam."""

from __future__ import annotations

from pathlib import Path

import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "qualtrics"
QUARTER = "2026-01-01/2026-04-01"


def _imported(kind: str, to: Path):
    account = adapters.run("qualtrics", [FIXTURES / kind], to)
    return crmkit.open(to), account


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """The export with choices as words, imported: the CRM and the account."""
    return _imported("text", tmp_path_factory.mktemp("qualtrics") / "crm")


def _value(crm, metric: str) -> float:
    return crm.measure(metric, period=QUARTER)["value"].item()


def test_scores_by_hand(words):
    crm, _ = words
    assert _value(crm, "nps") == pytest.approx(100 * (3 - 2) / 6)  # 10, 9, 9 · 8 · 2, 0
    assert _value(crm, "csat") == 3 / 5  # extremely, somewhat, extremely · neither, somewhat dissatisfied
    assert _value(crm, "ces") == (5 + 4 + 3 + 2 + 4) / 5


def test_numbers_say_the_same_as_words(words, tmp_path):
    crm, _ = _imported("values", tmp_path / "crm")  # tab-delimited, in UTF-16
    for metric in ("nps", "csat", "csat_mean", "ces", "survey_answers"):
        assert _value(crm, metric) == _value(words[0], metric)


def test_previews_and_spam_are_left_out_and_said(words):
    crm, account = words
    keys = {key.partition("-")[0] for key in crm.surveys.to_pandas()["response_id"]}
    assert keys == {"R_2aB3", "R_2aB4", "R_2aB5", "R_2aB6", "R_2aB7", "R_2aB9"}
    assert "Response Type = Survey Preview / Survey Test / Spam" in account.text()


def test_customers_comments_and_times(words):
    surveys = words[0].surveys.to_pandas().set_index("response_id")
    assert surveys.loc["R_2aB5-nps", ["customer_id", "comment"]].tolist() == ["C-19", "Kind\npeople"]
    assert str(surveys.loc["R_2aB3-csat", "answered_at"]) == "2026-01-13 09:04:56"
    assert not surveys.loc["R_2aB7-nps", "finished"] or surveys.loc["R_2aB7-nps", "finished"] == "false"
