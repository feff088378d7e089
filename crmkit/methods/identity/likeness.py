"""How two names are related: the same, alike, one a short form of the other, relatives of each other, or strangers."""

from __future__ import annotations

import re

from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

from crmkit.methods.identity.names import one_spelling
from crmkit.methods.identity.vocabulary import LANDS

SAME, ALIKE, SHORT, PART, SURNAME, RELATIVE, OTHER = "same", "alike", "short", "part", "surname", "relative", "other"
_LATIN = re.compile("[a-z]")
_LANDS_OF_ASIA = frozenset(
    {"日本", "ジャパン", "中国", "香港", "台湾", "韓国", "アジア", "上海", "北京", "東京", "大阪"}
)
KINDS = (SAME, ALIKE, SHORT, PART, SURNAME, RELATIVE, OTHER)


def compare(one: tuple[str, ...], other: tuple[str, ...], *, person: bool = False) -> str:
    """Say how two names are related, given their words as `names.words` returns them.

    Parameters
    ----------
    one, other : tuple of str
    person : bool
        Whether they are persons, whose first word is the given name.

    Returns
    -------
    str
        "same" (the same words in any order), "alike" (typing errors in up to two words), "short" (initials and
        abbreviations), "part" (one has words more), "surname" (a person's given name with another surname),
        "relative" (they share a word, but each has one of its own, or one names a country or a group: family, sister
        firms), "other" (nothing in common), or "" where they cannot be compared: one is empty, or they are in scripts
        of which neither can be read in the other.

    Examples
    --------
    >>> from crmkit.methods.identity.names import words
    >>> def how(one, other, person=False):
    ...     return compare(words(one, person=person), words(other, person=person), person=person)
    >>> how("Müller GmbH", "MUELLER Gesellschaft mbH"), how("Anna Kowalska", "Kowalska Anna", True)
    ('same', 'same')
    >>> how("Kawiarnia Jaśmin", "Kawairnia Jasmin"), how("A. Kowalska", "Anna Kowalska", True)
    ('alike', 'short')
    >>> how("Siemens Polska", "Siemens Deutschland"), how("Anna Kowalska", "Jan Kowalski", True)
    ('relative', 'other')
    """
    if not one or not other:
        return ""
    if one == other or key(one) == key(other) or "".join(one) == "".join(other):
        return SAME
    if _ideographic(one) or _ideographic(other):
        return _by_characters(one[0], other[0], person) if _ideographic(one) and _ideographic(other) else ""
    return _by_words(one, other, person)


def key(words: tuple[str, ...]) -> str:
    """Return the words of a name as one text in which order and spelling of umlauts say nothing.

    >>> key(("kowalska", "anna")), key(("mueller",)) == key(("muller",))
    ('anna kowalska', True)
    """
    return " ".join(sorted(map(one_spelling, words)))


def _ideographic(words: tuple[str, ...]) -> bool:
    return ord(words[0][0]) >= 0x3040


def _by_characters(one: str, other: str, person: bool) -> str:
    """Compare names of Japanese or Chinese characters, in which one other character is mostly another name."""
    short, long = sorted((one, other), key=len)
    if not person and len(short) >= 3 and short in long:
        rest = long.replace(short, "", 1)
        return RELATIVE if _LATIN.search(rest) or rest in _LANDS_OF_ASIA else PART
    if not person and len(short) >= 8 and DamerauLevenshtein.distance(one, other) == 1:
        return ALIKE
    return RELATIVE if one[:1] == other[:1] or len(set(one) & set(other)) * 2 >= len(short) else OTHER


def _by_words(one: tuple[str, ...], other: tuple[str, ...], person: bool) -> str:
    rest_one, rest_other = _without(one, other), _without(other, one)
    given = one[0] not in rest_one and one_spelling(one[0]) == one_spelling(other[0]) and len(one[0]) > 2
    wrong = shorter = 0
    for word in list(rest_one):
        for match in rest_other:
            if _mistyped(word, match):
                wrong += 1
                given = given or (word == one[0] and match == other[0])
            elif _abbreviates(word, match):
                shorter += 1
            else:
                continue
            rest_one.remove(word)
            rest_other.remove(match)
            break
    if not rest_one and not rest_other:
        return _all_matched(len(one), wrong, shorter)
    if not person and (_is_acronym(one, other) or _is_acronym(other, one)):
        return SHORT
    if len(one) != len(other) and wrong == 0 and _run_together(one, other):
        return ALIKE
    if not rest_one or not rest_other:
        more = rest_one or rest_other
        return RELATIVE if not person and any(word in LANDS for word in more) else PART
    if len(one) == len(rest_one):
        return OTHER
    return SURNAME if person and given else RELATIVE


def _all_matched(words: int, wrong: int, shorter: int) -> str:
    if wrong > 2 or (words > 1 and wrong == words > 2):
        return RELATIVE
    if shorter:
        return SHORT if shorter < words else RELATIVE
    return ALIKE


def _without(one: tuple[str, ...], other: tuple[str, ...]) -> list[str]:
    """Return the words of `one` that `other` does not have, each as often as it is left."""
    left, rest = [one_spelling(word) for word in other], []
    for word in one:
        if one_spelling(word) in left:
            left.remove(one_spelling(word))
        else:
            rest.append(word)
    return rest


def _mistyped(one: str, other: str) -> bool:
    """Tell whether two words are one with an error; another last letter is another form: Kowalska and Kowalski."""
    short, long = sorted((len(one), len(other)))
    if short < 4 or long - short > 1 or not (one.isalpha() and other.isalpha()):
        return False
    if one[:-1] == other[:-1] or one[:-1] == other or other[:-1] == one:
        return False
    if short == 4 and one[0] != other[0]:
        return False
    return DamerauLevenshtein.distance(one, other, score_cutoff=1 if short < 9 else 2) <= (1 if short < 9 else 2)


def _abbreviates(one: str, other: str) -> bool:
    """Tell whether one is an initial or an abbreviation of the other."""
    short, long = sorted((one, other), key=len)
    stem = short.rstrip(".")
    return (len(stem) == 1 or short.endswith(".")) and len(long) > len(stem) and long.startswith(stem)


def _is_acronym(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return len(one) == 1 and 3 <= len(other) == len(one[0]) and one[0] == "".join(word[0] for word in other)


def _run_together(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Tell whether names differ in their blanks and a letter at most."""
    joined = "".join(one), "".join(other)
    return min(map(len, joined)) >= 8 and DamerauLevenshtein.distance(*joined, score_cutoff=1) <= 1


def clash(one: tuple[str, ...], other: tuple[str, ...], *, person: bool = False) -> bool:
    """Tell whether two names are such that records with them cannot be one, whatever lies between them.

    A person's name with another surname, in any order, does not clash: a third record may have both.

    >>> clash(("jan", "kowalczyk"), ("ewa", "kowalczyk"), person=True)
    True
    >>> clash(("kowalczyk", "ewa"), ("ewa", "nowak"), person=True)
    False
    """
    if compare(one, other, person=person) not in (RELATIVE, OTHER):
        return False
    if not person or _ideographic(one) or _ideographic(other):
        return True
    pairs = [(a, b) for a in (one[0], one[-1]) for b in (other[0], other[-1])][:-1]  # not surname and surname
    return not any(one_spelling(a) == one_spelling(b) or _mistyped(a, b) or _abbreviates(a, b) for a, b in pairs)


def similarity(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """Return how alike two names are, 0 to 1: Jaro and Winkler's measure of their sorted words.

    >>> similarity(("anna", "kowalska"), ("kowalska", "anna"))
    1.0
    """
    return JaroWinkler.similarity(" ".join(sorted(one)), " ".join(sorted(other)))
