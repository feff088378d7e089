"""Finding words on the command line and in Python, and what a broken or foreign language file is told."""

from __future__ import annotations

import json

import pytest

from crmkit import glossary
from crmkit.cli import main
from crmkit.errors import CrmkitError, UsageError
from crmkit.glossary import finding

METRIC = '[metrics.win_rate]\nword = "W"\nformula = "f"\nmeaning = "M."\nseen = ["https://a.org"]\n'


@pytest.mark.parametrize(
    ("asked", "anchor"),
    [
        ("win_rate", "win_rate"),
        ("Win  RATE", "win_rate"),
        ("close rate", "win_rate"),
        ("wskaźnik rezygnacji", "churn_rate"),
        ("WSKAZNIK REZYGNACJI", "churn_rate"),
        ("解約率", "churn_rate"),
        ("受注率", "win_rate"),
        ("客户流失率", "churn_rate"),
        ("Ｎｅｔ Ｐｒｏｍｏｔｅｒ Ｓｃｏｒｅ", "nps"),
        ("Subscriber churn rate", "churn_rate"),
        ("CPA", "cac"),
        ("satisfied customers", "csat"),
    ],
)
def test_a_word_is_found_by_any_name_in_any_language_and_at_any_vendor(asked, anchor):
    assert anchor in [found.anchor for found in finding.find(asked)]


def test_whole_names_come_before_names_that_hold_the_words():
    whole = finding.find("churn")
    assert [found.anchor for found in whole] == ["term-churn"]
    assert "churn_rate" in [found.anchor for found in finding.beside("churn", whole)]


def test_a_name_that_means_two_things_finds_both():
    assert {"close_rate", "win_rate"} <= {found.anchor for found in finding.find("close rate")}


def test_what_is_not_found_is_told_in_one_sentence_with_near_misses(capsys):
    assert main(["glossary", "chrun", "raet"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "Churn rate" in err
    assert len(err.strip().splitlines()) == 1
    assert main(["glossary", "zzzzzzzz"]) == 2
    assert "Did you mean" not in capsys.readouterr().err
    with pytest.raises(UsageError, match="Say a word"):
        finding.find("?!")


def test_the_command_says_formula_meaning_and_what_vendors_count_in_the_readers_language(capsys):
    assert main(["glossary", "解約率", "--lang", "pl"]) == 0
    shown = capsys.readouterr().out
    polish = glossary.entries("pl")["churn_rate"]
    assert polish.word in shown
    assert polish.meaning in shown
    assert f"= {polish.formula}" in shown
    assert "Stripe: Subscriber churn rate, which adds the new subscribers" in shown


def test_a_word_of_many_names_lists_them(capsys):
    assert main(["glossary", "customers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["key", "word", "formula"]
    assert len(lines) > 6


def test_json_is_a_list_of_objects_and_nothing_else(capsys):
    assert main(["glossary", "客户流失率", "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["metric"] == found["key"] == "churn_rate"
    assert found["found_in"] == "zh"
    assert set(found["words"]) == set(glossary.languages())
    assert main(["glossary", "--format", "json", "--lang", "ja"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(glossary.entries())


def test_an_unknown_language_is_named_with_those_that_there_are(capsys):
    assert main(["glossary", "churn", "--lang", "xx"]) == 2
    assert "no language 'xx' in the glossary. There are: en, ja, pl, zh." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (METRIC.replace("word", "wrod"), r"xx.toml: \[metrics.win_rate\] has an unknown key 'wrod'. Did you mean word"),
        (METRIC.replace("win_rate", "win_rte"), r"no metric or term 'win_rte' in English. Did you mean win_rate"),
        (METRIC.replace('word = "W"\n', ""), r"\[metrics.win_rate\] has no word"),
        (METRIC.replace('formula = "f"\n', ""), r"\[metrics.win_rate\] has no formula"),
        (METRIC.replace('"M."', '"M. \\nN."'), "spaces too many or several lines"),
        (METRIC.replace('["https://a.org"]', '"https://a.org"'), r"seen must be a list of texts"),
        (METRIC.replace('seen = ["https://a.org"]\n', ""), "neither where its words were seen"),
        (METRIC + "settled = false\n", "both seen and settled = false"),
        (METRIC + 'settled = "no"\n', "must be true or false"),
        (METRIC + 'differs = { Zuora = "counts" }\n', "what Zuora counts, but not in vendors"),
        (METRIC + "also = [1]\n", "also must be a list of texts"),
        ("metrics = ", "xx.toml can't be read"),
        ("[metric.win_rate]\n", r"no section \[metric\]"),
        ("[metrics]\nwin_rate = 1\n", "is not a table of keys"),
    ],
)
def test_a_broken_entry_is_named_by_file_and_key(tmp_path, text, said):
    path = tmp_path / "xx.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CrmkitError, match=said):
        glossary.read(path)


def test_a_language_is_one_new_file_and_may_be_unfinished(tmp_path, monkeypatch):
    for lang, text in (("en", (glossary.WORDS / "en.toml").read_text(encoding="utf-8")), ("cs", METRIC)):
        (tmp_path / f"{lang}.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(glossary, "WORDS", tmp_path)
    glossary.entries.cache_clear()
    try:
        assert glossary.languages() == ["en", "cs"]
        assert list(glossary.entries("cs")) == ["win_rate"]
        assert finding.in_language("nps", "cs") == glossary.entries()["nps"]
    finally:
        glossary.entries.cache_clear()
