"""The words of the glossary: whole in every language, true to the catalogue's formulas, and each one seen somewhere.

One language alone: `pytest tests/glossary/test_glossary_words.py -k pl`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict

import pytest

from crmkit import glossary
from crmkit.glossary import ENGLISH, METRIC
from crmkit.metric import all_metrics

LANGUAGES = glossary.languages()
OTHERS = [lang for lang in LANGUAGES if lang != ENGLISH]
SIGNS = "÷×−+Σ^"
#: Numbers that English says in words; another language may write them in figures.
IN_WORDS = dict.fromkeys(["first", "one", "an", "a", "each", "every", "per", "day", "month", "hour"], "1")
IN_WORDS |= {"three": "3", "seven": "7", "quarter": "25 4 1 3 75"}
CJK = ("ja", "zh")


@pytest.fixture(params=LANGUAGES)
def lang(request):
    return request.param


@pytest.fixture(params=OTHERS)
def other(request):
    return request.param


def test_the_four_languages_are_there():
    assert {"en", "ja", "pl", "zh"} <= set(LANGUAGES)


def test_every_metric_and_term_has_an_entry(lang):
    missing = [anchor for anchor in glossary.entries() if anchor not in glossary.entries(lang)]
    wanted = [f"[metrics.{each}]" if each in all_metrics() else f"[terms.{each[5:]}]" for each in missing]
    assert not missing, f"crmkit/glossary/words/{lang}.toml lacks {', '.join(wanted)}"


def test_every_word_was_seen_or_is_called_our_own(lang):
    for anchor, entry in glossary.entries(lang).items():
        for place in entry.seen:
            assert re.match(r"https?://[\w.-]+\.\w+|[\w.-]+/[\w.-]+[ :/]\S", place), (
                anchor,
                place,
            )


def figures(text):
    return Counter(re.findall(r"\d+(?:[.,]\d+)?", text))


def signs(text):
    return Counter(sign for sign in unicodedata.normalize("NFKC", text) if sign in SIGNS)


def test_formulas_keep_the_numbers_and_signs_of_the_catalogue(other):
    wrong = []
    for anchor, entry in glossary.entries(other).items():
        english = glossary.entries()[anchor].formula
        if not english or not entry.formula:
            continue
        here, there = (unicodedata.normalize("NFKC", text) for text in (entry.formula, english))
        spoken = {n for word in re.findall(r"[a-z]+", there.lower()) for n in IN_WORDS.get(word, "").split()}
        extra = set(figures(here)) - set(figures(there)) - spoken
        if figures(there) - figures(here) or extra or signs(here) != signs(there):
            wrong.append(f"{anchor}: {entry.formula!r} for {english!r}")
    assert not wrong, f"{other}: other numbers or signs than the catalogue's:\n" + "\n".join(wrong)


def test_a_term_has_a_formula_where_english_has_one(other):
    lacking = [anchor for anchor, entry in glossary.entries(other).items()
               if glossary.entries()[anchor].formula and not entry.formula]  # fmt: skip
    assert not lacking, f"{other}: {lacking}"


def test_meanings_are_sentences_of_readable_length(lang):
    most = 150 if lang in CJK else 260
    for anchor, entry in glossary.entries(lang).items():
        assert entry.meaning.endswith(("。", "）") if lang in CJK else (".", ".”", ")")), (lang, anchor, entry.meaning)
        assert len(entry.meaning) <= most, (lang, anchor, len(entry.meaning))


def test_words_differ_inside_a_family_unless_declared(lang):
    bearers = defaultdict(list)
    for anchor, entry in glossary.entries(lang).items():
        bearers[entry.kind, entry.group if entry.kind == METRIC else "", entry.word.casefold()].append(anchor)
    for anchors in bearers.values():
        for anchor in anchors:
            same = {each for each in anchors if each != anchor} - set(glossary.entries(lang)[anchor].same_as)
            assert not same, (
                f"{lang}: {anchor} has the same word as {sorted(same)}; tell them apart, or declare same_as"
            )


def test_no_name_stands_twice_at_an_entry(lang):
    for anchor, entry in glossary.entries(lang).items():
        names = [name.casefold() for name in (entry.word, *entry.also)]
        assert len(set(names)) == len(names), (lang, anchor, names)


@pytest.mark.parametrize("key", ["word", "formula", "meaning"])
def test_each_is_written_in_its_own_script(other, key):
    kana, ideographs = re.compile("[\u3041-\u30ff]"), re.compile("[\u4e00-\u9fff]")
    texts = {anchor: getattr(entry, key) for anchor, entry in glossary.entries(other).items()}
    if other == "zh":
        assert not [anchor for anchor, text in texts.items() if kana.search(text.replace("・", ""))]
    if other in CJK and key == "meaning":
        assert not [anchor for anchor, text in texts.items() if not ideographs.search(text)]
        assert not [anchor for anchor, text in texts.items() if re.search("[\u4e00-\u9fff][,;?!]", text)]
    if other == "pl":
        assert not [anchor for anchor, text in texts.items() if '"' in text or ideographs.search(text)]
