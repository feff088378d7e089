"""How people write the same name, number or address another way: the second record of somebody who is there already."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import numpy as np

_LETTERS = str.maketrans({"ł": "l", "Ł": "L", "ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "đ": "d"})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
_FORMS = (
    (" GmbH", (" Gesellschaft mbH", " G.m.b.H.", " gmbh", "")),
    (" s.r.o.", (" spol. s r.o.", ", s. r. o.", " SRO", "")),
    (" SARL", (" S.A.R.L.", " Sàrl", "")),
    (" S.L.", (" SL", ", Sociedad Limitada", "")),
    (" Ltd", (" Limited", " LTD.", "")),
    (" sp. z o.o.", (" Sp. z o. o.", " spółka z o.o.", "")),
)
_ASIAN_FORMS = (("株式会社", ("（株）", "㈱", "(株)")), ("有限公司", ("有限责任公司", "（有限公司）")))
_WIDE_KANA = (
    "ァアィイゥウェエォオカキクケコサシスセソタチッツテトナニヌネノハヒフヘホマミムメモャヤュユョヨラリルレロワヲンー"
)
_HALF_KANA = "ｧｱｨｲｩｳｪｴｫｵｶｷｸｹｺｻｼｽｾｿﾀﾁｯﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓｬﾔｭﾕｮﾖﾗﾘﾙﾚﾛﾜｦﾝｰ"
_NARROW = dict(zip(_WIDE_KANA, _HALF_KANA, strict=True))
_MARKS = {"\u3099": "ﾞ", "\u309a": "ﾟ"}
_VARIANTS = str.maketrans({"髙": "高", "邊": "辺", "斎": "齋"})


def without_marks(name: str, rng: np.random.Generator) -> str:
    """Write a name without accents, umlauts as ae or a.

    Examples
    --------
    >>> without_marks("Łucja Święcisława", np.random.default_rng(1))
    'Lucja Swiecislawa'
    """
    name = name.translate(_UMLAUTS) if rng.random() < 0.5 else name
    decomposed = unicodedata.normalize("NFD", name.translate(_LETTERS))
    return "".join(letter for letter in decomposed if not "\u0300" <= letter <= "\u036f")


def typo(name: str, rng: np.random.Generator) -> str:
    """Swap, drop, double or change one letter inside the longest word; names of few letters stay as they are."""
    word = max(re.findall(r"[^\W\d_]{5,}", name) or [""], key=len)
    if not word or (not word[0].isascii() and not unicodedata.normalize("NFD", word[0])[0].isascii()):
        return name
    at = int(rng.integers(1, len(word) - 2))
    one, two = word[at], word[at + 1]
    wrong = (
        word[:at] + two + one + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + one + word[at:],
        word[:at] + "eaionrt"[int(rng.integers(0, 7))] + word[at + 1 :],
    )[int(rng.integers(0, 4))]
    return name.replace(word, wrong, 1)


def other_form(name: str, rng: np.random.Generator) -> str:
    """Write a firm's legal form another way, leave it out, or put one where there was none."""
    for form, others in _FORMS:
        if name.endswith(form):
            return name.removesuffix(form) + others[int(rng.integers(0, len(others)))]
    for form, others in _ASIAN_FORMS:
        if form in name:
            rest, other = name.replace(form, ""), others[int(rng.integers(0, len(others)))]
            behind = name.endswith(form) or rng.random() < 0.4
            return rest + other if behind else other + rest
    return name + (" Sp. z o.o.", " sp.j.", " S.C.")[int(rng.integers(0, 3))] if name.isprintable() else name


def other_order(name: str, rng: np.random.Generator) -> str:
    """Put the last word of a name in front, with or without a comma; a legal form stays behind."""
    form = next((form for form, _ in _FORMS if name.endswith(form)), "")
    words = name.removesuffix(form).split()
    if len(words) < 2:
        return name
    comma = "," if len(words) == 2 and rng.random() < 0.5 else ""
    return " ".join([words[-1] + comma, *words[:-1]]) + form


def shortened(name: str, rng: np.random.Generator) -> str:
    """Abbreviate the first word of a name: A. Kowalska, Kaw. Lipowa Gdańsk."""
    first, gap, rest = name.partition(" ")
    if not gap or not first[0].isalpha():
        return name
    keep = 1 if len(name.split()) == 2 else 3
    return f"{first[:keep]}. {rest}" if len(first) > keep + 1 else name


def other_case(name: str, rng: np.random.Generator) -> str:
    """Write a name in capital or small letters."""
    return name.upper() if rng.random() < 0.6 else name.lower()


def other_width(name: str, rng: np.random.Generator) -> str:
    """Write a Japanese name in the other width: half-width kana, full-width blanks and letters, newer characters.

    Examples
    --------
    >>> other_width("青空カフェ", np.random.default_rng(1))
    '青空ｶﾌｪ'
    """
    found = []
    for letter in unicodedata.normalize("NFD", name.translate(_VARIANTS)):
        wide = 33 <= ord(letter) <= 126
        found.append(_NARROW.get(letter) or _MARKS.get(letter) or (chr(ord(letter) + 0xFEE0) if wide else letter))
    text = "".join(found)
    return text if text != name or len(text) < 3 else text[:2] + "\u3000" + text[2:]


def other_phone(phone: str, country: str, rng: np.random.Generator) -> str:
    """Write a telephone number in another notation, national where the row's country has it."""
    code, _, rest = phone.removeprefix("+").partition(" ")
    digits = rest.replace(" ", "")
    if {"GB": "44", "FR": "33"}.get(country) == code and rng.random() < 0.5:
        return f"0{digits}" if rng.random() < 0.5 else f"(0{digits[:3]}) {digits[3:]}"
    return (f"00{code}{digits}", f"+{code}{digits}", f"+{code} (0){digits}", f"tel. +{code} {digits[:3]}/{digits[3:]}")[
        int(rng.integers(0, 4))
    ]


def other_street(address: str, rng: np.random.Generator) -> str:
    """Write an address another way: the kind of street abbreviated or spelled out, in other letters."""
    for long, short in (("straße", "str."), (" Street", " St"), ("Calle ", "C/ "), ("ul. ", ""), ("rue ", "r. ")):
        if long in address:
            return address.replace(long, short)
    return without_marks(address, rng) if rng.random() < 0.6 else address.upper()


def other_email(email: str, rng: np.random.Generator) -> str:
    """Write the same e-mail address another way: capitals, or a tag after a plus sign."""
    local, _, domain = email.partition("@")
    return (f"{local}+news@{domain}", f"{local.title()}@{domain}", f" {email.upper()}")[int(rng.integers(0, 3))]


def wrong_email(email: str, rng: np.random.Generator) -> str:
    """Mistype an e-mail address by one letter before the @; one of few letters stays as it is."""
    local, _, domain = email.partition("@")
    return f"{typo(local, rng)}@{domain}"


Way = Callable[[str, np.random.Generator], str]
OF_FIRMS: dict[str, tuple[float, Way | None]] = {
    "same name": (0.16, None),
    "typing error": (0.16, typo),
    "other legal form": (0.24, other_form),
    "without accents": (0.14, without_marks),
    "other word order": (0.08, other_order),
    "abbreviated": (0.10, shortened),
    "other case": (0.12, other_case),
}
OF_PERSONS: dict[str, tuple[float, Way | None]] = {
    "same name": (0.20, None),
    "typing error": (0.20, typo),
    "without accents": (0.18, without_marks),
    "other word order": (0.16, other_order),
    "abbreviated": (0.10, shortened),
    "other case": (0.10, other_case),
    "other surname": (0.06, None),
}
IN_ASIA: dict[str, tuple[float, Way | None]] = {
    "same name": (0.2, None),
    "other legal form": (0.4, other_form),
    "other width": (0.4, other_width),
}
"""Ways in which a name is written a second time: how often, and how; `other surname` is for the caller to do."""


def pick(ways: dict[str, tuple[float, Way | None]], rng: np.random.Generator) -> str:
    """Draw one of the ways by how often they happen."""
    weight = np.array([share for share, _ in ways.values()])
    return list(ways)[int(rng.choice(weight.size, p=weight / weight.sum()))]
