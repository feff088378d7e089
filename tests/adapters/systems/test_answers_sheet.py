"""A spreadsheet of survey answers in seven languages, in both shapes."""

from __future__ import annotations

from pathlib import Path

import pytest

import crmkit
from crmkit import adapters

FIXTURES = Path(__file__).parent / "answers_sheet"
QUARTER = "2026-01-01/2026-04-01"


def _imported(name: str, to: Path, **options):
    account = adapters.run("answers_sheet", [FIXTURES / name], to, **options)
    return crmkit.open(to), account


def _value(crm, metric: str) -> float:
    return crm.measure(metric, period=QUARTER)["value"].item()


@pytest.mark.parametrize(
    ("name", "encoding", "nps", "csat"),
    [
        ("Antworten.csv", "cp1252", (2 - 1) / 4, 2 / 4),  # 10, 9 · 7 · 0; very satisfied, satisfied · neither, very un-
        ("アンケート回答.csv", "cp932", (2 - 1) / 3, 2 / 3),  # 10, 9 · 6; 5, 4 · 3
        ("问卷.csv", "gb18030", (1 - 1) / 3, 2 / 3),  # 10 · 8 · 6; 5, 4 · 3
        ("Réponses.csv", "", (1 - 1) / 3, 2 / 3),  # 10 · 7 · 3; very satisfied, satisfied · dissatisfied
        ("Respuestas.csv", "", (2 - 1) / 3, 2 / 3),  # 10, 9 · 6; very satisfied, satisfied · neutral
        ("Odpowiedzi.csv", "", (1 - 1) / 3, 2 / 3),  # 10 · 8 · 6; 5, 4 · 2
    ],
)
def test_questions_are_found_by_their_wording(name, encoding, nps, csat, tmp_path):
    crm, _ = _imported(name, tmp_path / "crm", encoding=encoding)
    assert _value(crm, "nps") == pytest.approx(100 * nps)
    assert _value(crm, "csat") == pytest.approx(csat)
    assert f"{crm.as_of:%Y-%m-%d}" == "2026-03-31"
    assert crm.surveys.to_pandas()["customer_id"].notna().all()


def test_ease_and_comments_of_the_german_form(tmp_path):
    crm, account = _imported("Antworten.csv", tmp_path / "crm", encoding="cp1252")
    assert _value(crm, "ces") == pytest.approx((7 + 5 + 2) / 3)  # one was not answered
    comments = crm.surveys.to_pandas().set_index("response_id")["comment"].dropna().tolist()
    assert comments == ["Schnell", "Läuft", "Drei Wochen; keine Antwort"]
    assert "Wie einfach war die Bestellung?" in account.text()


def test_a_column_that_says_the_kind_of_survey(tmp_path):
    crm, _ = _imported("NPS answers.csv", tmp_path / "crm")
    assert _value(crm, "nps") == pytest.approx(100 * (2 - 1) / 4)  # 10, "9 - very likely" · 8 · 2
    assert _value(crm, "csat") == 1 / 2
    assert _value(crm, "ces") == 6
    by = crm.measure("nps", period=QUARTER, by="touchpoint").set_index("touchpoint")["value"]
    assert by["Delivery"] == 100


def test_two_questions_about_satisfaction_are_not_mixed(tmp_path):
    text = "Date,How satisfied are you with our shop?,How satisfied are you with our service?\n2026-01-15,5,2\n"
    (tmp_path / "answers.csv").write_text(text, encoding="utf-8")
    with pytest.raises(crmkit.DataError, match=r"fits 2 columns, .*--column surveys:csat.score='How satisfied"):
        adapters.run("answers_sheet", [tmp_path / "answers.csv"], tmp_path / "crm")
    column = "surveys:csat.score=How satisfied are you with our service?"
    adapters.run("answers_sheet", [tmp_path / "answers.csv"], tmp_path / "crm", columns=[column])
    assert crmkit.open(tmp_path / "crm").surveys.to_pandas()["score"].tolist() == [2]


def test_the_published_score_of_a_form_that_asks_in_its_own_words(shared, tmp_path):
    asked = "On a scale of 0-10, how would you rate Sudzilla?"
    adapters.run(
        "answers_sheet",
        [shared / "data/answers/nps_040/input_01.csv"],
        tmp_path / "crm",
        columns=[f"surveys:nps.score={asked}"],
        dates="mdy",  # all days fit both orders; the other copy of the answers says 1 to 4 November
    )
    found = crmkit.open(tmp_path / "crm").measure("nps", period="2019-11")["value"].item()
    assert round(found, 1) == -35.9
