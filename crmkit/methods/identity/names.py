"""Names in one form: full width and accents folded, letters small, legal forms and fillers taken out, words apart.

`fold` is for any text, `words` for names. Nothing of this is shown to people: it only decides what counts as the same.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from crmkit.methods.identity.vocabulary import IN_FRONT, LEGAL_FORMS

_LATIN = "ł=l ø=o đ=d ð=d þ=th ı=i æ=ae œ=oe ħ=h ŧ=t ’=' ‘=' `=' ´='"
_VARIANTS = "髙=高 﨑=崎 邊=辺 邉=辺 齋=斎 齊=斎 斉=斎 濱=浜 澤=沢 廣=広 國=国"
_SPECIAL = str.maketrans(dict(pair.split("=") for pair in f"{_LATIN} {_VARIANTS}".split()))
_CYRILLIC = (
    "а=a б=b в=v г=g д=d е=e ё=e ж=zh з=z и=i й=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch ш=sh "
    "щ=shch ъ= ы=y ь= э=e ю=yu я=ya і=i ї=i є=ie ґ=g ў=u"
)
_GREEK = "α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t υ=y φ=f χ=ch ψ=ps ω=o"
_TRANSLITERATED = str.maketrans(dict(pair.split("=") for pair in f"{_CYRILLIC} {_GREEK}".split()))
_DOUBLED = re.compile(r"(?:(?<=a)|(?<=o)|(?<=u))e|(?<=a)a")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*\.?")
_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")

_FORMS = tuple(sorted(({tuple(form.split()) for form in LEGAL_FORMS}), key=lambda form: (-len(form), form)))
_BY_LENGTH = {size: frozenset(form for form in _FORMS if len(form) == size) for size in {len(form) for form in _FORMS}}
_GAPS = re.compile(r"(?<=[\u3040-\u9fff])\s+(?=[\u3040-\u9fff(])|(?<=\))\s+(?=[\u3040-\u9fff])")
_ASIAN_FORMS = re.compile(
    r"\((?:株|有|資|名|同)\)|株式会社|有限会社|合同会社|合資会社|合名会社|一般社団法人|特定非営利活動法人|"
    r"\(?股份有限公司\)?|\(?有限责任公司\)?|\(?有限責任公司\)?|\(?有限公司\)?|集团|주식회사|\(주\)|유한회사"
)
_FILLERS = frozenset(
    {"the", "and", "und", "et", "i", "y", "e", "of", "mr", "mrs", "ms", "dr", "herr", "frau", "pan", "pani"}
)
_KEPT_ALONE = frozenset({"i", "y", "e"})


@lru_cache(maxsize=200_000)
def fold(text: str) -> str:
    """Return text in small letters without accents and in one width.

    Cyrillic and Greek are written in Latin letters; Japanese and Chinese characters stay, common variants as one.

    Examples
    --------
    >>> fold("Łódź"), fold("MÜLLER"), fold("Strauß"), fold("ＡＢＣ ｶﾌｪ"), fold("髙橋"), fold("Ромашка")
    ('lodz', 'muller', 'strauss', 'abc カフェ', '高橋', 'romashka')
    """
    text = unicodedata.normalize("NFKC", text).casefold().translate(_SPECIAL)
    if text.isascii():
        return text
    marks = unicodedata.normalize("NFD", text)
    if _IDEOGRAPHS.search(text):  # the marks of kana make other letters of them
        folded = "".join(c for c in marks if not "\u0300" <= c <= "\u036f")
    else:
        folded = "".join(c for c in marks if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", folded).translate(_TRANSLITERATED)


def one_spelling(word: str) -> str:
    """Return a folded word with ae, oe, ue and aa as a, o, u and a, so that Mueller is Müller, and Aalborg Ålborg.

    >>> one_spelling("mueller"), one_spelling("muller")
    ('muller', 'muller')
    """
    return _DOUBLED.sub("", word) if "ae" in word or "oe" in word or "ue" in word or "aa" in word else word


def has_ideographs(text: str) -> bool:
    """Tell whether a text has Japanese or Chinese characters.

    >>> has_ideographs("佐藤"), has_ideographs("Sato")
    (True, False)
    """
    return bool(_IDEOGRAPHS.search(text))


@lru_cache(maxsize=200_000)
def words(name: str, *, person: bool = False) -> tuple[str, ...]:
    """Return the words of a name in their order, without legal forms and fillers; an abbreviation keeps its full stop.

    A name that is nothing but a legal form keeps it, and a person's name has none: Ek and Sa are surnames. A surname
    set in front with a comma goes behind.

    Examples
    --------
    >>> words("Kawiarnia Lipowa Sp. z o.o."), words("Müller & Söhne GmbH & Co. KG")
    (('kawiarnia', 'lipowa'), ('muller', 'sohne'))
    >>> words("（株）青空カフェ") == words("青空ｶﾌｪ株式会社"), words("Kowalska, Anna"), words("A. Nowak")
    (True, ('anna', 'kowalska'), ('a.', 'nowak'))
    """
    folded = fold(name)
    if has_ideographs(folded):  # blanks between such characters say nothing
        folded = _GAPS.sub("", folded)
    without = _ASIAN_FORMS.sub(" ", folded) if has_ideographs(folded) or "주" in folded or "유" in folded else folded
    front, comma, back = without.partition(",")
    if comma and len(front.split()) == 1 and 0 < len(back.split()) <= 2 and not _is_form(_found(back)):
        without = f"{back} {front}"
    found = (_found(without) if person else _without_forms(_found(without))) or _found(without) or _found(folded)
    kept = [word for word in found if word not in _FILLERS or (word in _KEPT_ALONE and len(found) == 1)] or found
    if any(has_ideographs(word) for word in kept):  # blanks within such names say nothing
        return ("".join(word.rstrip(".") for word in kept),)
    return tuple(word.replace("'", "") for word in kept)


def legal_form(name: str) -> str:
    """Return the legal form in a name as it counts when taken out, "" where there is none.

    >>> [legal_form(name) for name in ("Kawiarnia Sp. z o.o.", "Ahlström Oy", "Anna Nowak", "（株）青空")]
    ['sp z o o', 'oy', '', '(株)']
    """
    folded = fold(name)
    if asian := _ASIAN_FORMS.search(folded):
        return asian[0]
    plain = tuple(word.rstrip(".") for word in _found(folded))
    kept = tuple(word.rstrip(".") for word in _without_forms(_found(folded)))
    return " ".join(plain[len(kept) :] if plain[: len(kept)] == kept else [w for w in plain if w not in kept])


def _found(text: str) -> list[str]:
    return _WORD.findall(text)


def _is_form(found: list[str]) -> bool:
    return tuple(word.rstrip(".") for word in found) in _BY_LENGTH.get(len(found), ())


def _without_forms(found: list[str]) -> list[str]:
    """Take legal forms off the end and off the front, the longest first, until none is left; one word always stays."""
    kept = list(found)
    while True:
        plain = tuple(word.rstrip(".").replace("'", "") for word in kept)
        for size in sorted(_BY_LENGTH, reverse=True):
            if size < len(plain) and plain[-size:] in _BY_LENGTH[size]:
                kept = kept[:-size]
                break
            in_front = plain[:size] in _BY_LENGTH[size] if size > 1 else plain[:1] and plain[0] in IN_FRONT
            if size < len(plain) and in_front:
                kept = kept[size:]
                break
        else:
            return kept
