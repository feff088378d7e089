"""Finding an entry of the glossary by any name: its key, its words in any language, or what a vendor calls it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from crmkit.errors import UsageError
from crmkit.glossary import ENGLISH, METRIC, Entry, entries, languages

SEVERAL = " | "
"""Parts several names that one vendor has for one thing."""
NEAR = 60
"""From which likeness (0-100) a name is offered as what may have been meant."""


@dataclass(frozen=True)
class Found:
    """An entry that fits what was asked for.

    Attributes
    ----------
    anchor : str
        Names the entry in all languages.
    name : str
        The name by which it was found.
    where : str
        Whose name that is: a language's code, or a vendor.
    """

    anchor: str
    name: str
    where: str


def find(asked: str) -> list[Found]:
    """Find entries by a name in any language, or by a vendor's name.

    Whole names come first; only where there are none, names that hold all words asked for. Case, width, accents and
    punctuation make no difference.

    Raises
    ------
    UsageError
        Where nothing fits; the message has the nearest names.

    Examples
    --------
    >>> find("Win rate")[0]
    Found(anchor='win_rate', name='Win rate', where='en')
    >>> find("RETURN-on-ad  spend")[0].anchor
    'roas'
    >>> find("WINRATE")[0].anchor
    'win_rate'
    """
    wanted = _plain(asked)
    if not wanted:
        raise UsageError("Say a word to look up, such as `crmkit glossary churn`.")
    found = _first_of_each(found for found in _names() if _plain(found.name) == wanted) or _holding(asked)
    if found:
        return found
    near = nearest(asked)
    hint = f" Did you mean {' or '.join(repr(name) for name in near)}?" if near else ""
    raise UsageError(f"Nothing in the glossary is called {asked!r}.{hint} `crmkit glossary` lists all.")


def beside(asked: str, found: list[Found]) -> list[Found]:
    """Return further entries that have all words asked for in one of their names.

    >>> beside("churn", find("churn"))[0].name
    'Churn rate'
    """
    known = {one.anchor for one in found}
    return [one for one in _holding(asked) if one.anchor not in known]


def _holding(asked: str) -> list[Found]:
    words = [_plain(word) for word in asked.split()]
    return _first_of_each(found for found in _names() if all(word in _plain(found.name) for word in words))


def nearest(asked: str, *, most: int = 3) -> list[str]:
    """Return the names that are most like what was asked for, in any language.

    >>> nearest("win rat", most=1)
    ['Win rate']
    """
    from rapidfuzz import fuzz, process

    names = {_plain(found.name): found for found in reversed(list(_names()))}
    close = process.extract(_plain(asked), list(names), scorer=fuzz.ratio, limit=4 * most, score_cutoff=NEAR)
    found = _first_of_each(names[name] for name, _, _ in close)
    return [one.name for one in found[:most]]


@cache
def _names() -> tuple[Found, ...]:
    """Return all names: of each language the words, then other names and those of vendors, then the keys."""
    found: list[Found] = []
    for lang in languages():
        found += [Found(anchor, entry.word, lang) for anchor, entry in entries(lang).items()]
    for lang in languages():
        found += [Found(anchor, name, lang) for anchor, entry in entries(lang).items() for name in entry.also]
        found += [
            Found(anchor, name, vendor)
            for anchor, entry in entries(lang).items()
            for vendor, said in entry.vendors.items()
            for name in said.split(SEVERAL)
        ]
    return (*found, *(Found(anchor, entry.key, "") for anchor, entry in entries().items()))


def _first_of_each(found: Iterator[Found]) -> list[Found]:
    kept: dict[str, Found] = {}
    for one in found:
        kept.setdefault(one.anchor, one)
    return list(kept.values())


def _plain(text: str) -> str:
    """Return a name as it is compared: no case, width or accent (kana keep theirs), letters and digits alone."""
    bare = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFKD", text))
    folded = unicodedata.normalize("NFKC", bare).casefold().replace("ł", "l")
    return re.sub(r"[\W_]+", "", folded)


def in_language(anchor: str, lang: str) -> Entry:
    """Return an entry in a language; in English where the language does not have it yet."""
    return entries(lang).get(anchor) or entries(ENGLISH)[anchor]


def vendors_of(anchor: str) -> dict[str, str]:
    """Return the names under which vendors show an entry, as any of the languages has them.

    >>> vendors_of("cac")["Daasity"]
    'CAC or CPA'
    """
    found: dict[str, str] = {}
    for lang in languages():
        if entry := entries(lang).get(anchor):
            found = {vendor: name.replace(SEVERAL, " or ") for vendor, name in entry.vendors.items()} | found
    return found


def differences_of(anchor: str) -> dict[str, str]:
    """Return what vendors count differently under their name, as any of the languages has it."""
    found: dict[str, str] = {}
    for lang in languages():
        if entry := entries(lang).get(anchor):
            found = dict(entry.differs) | found
    return found


def account(found: Found, *, lang: str = ENGLISH) -> dict[str, object]:
    """Return all that the glossary says of an entry, in one language, with its words in all.

    Examples
    --------
    >>> account(find("win_rate")[0])["formula"]
    'won ÷ (won + lost)'
    """
    entry = in_language(found.anchor, lang)
    words = {each: entries(each)[found.anchor].word for each in languages() if found.anchor in entries(each)}
    return {
        "key": entry.key,
        "kind": entry.kind,
        "metric": entry.key if entry.kind == METRIC else None,
        "word": entry.word,
        "meaning": entry.meaning,
        "formula": entry.formula,
        "also": list(entry.also),
        "words": words,
        "vendors": vendors_of(found.anchor),
        "differs": differences_of(found.anchor),
        "settled": entry.settled,
        "found_as": found.name,
        "found_in": found.where,
    }


def text_of(said: dict[str, object], *, lang: str = ENGLISH) -> str:
    """Write an account of an entry as lines that people read.

    Examples
    --------
    >>> print(text_of(account(find("win_rate")[0])).splitlines()[1])
      Of the opportunities closed in the period, the share won.
    """
    kind = f"metric {said['metric']}" if said["metric"] else "term"
    lines = [f"{said['word']} ({kind})", f"  {said['meaning']}"]
    lines += [f"  = {said['formula']}"] if said["formula"] else []
    others = [f"{each}: {word}" for each, word in said["words"].items() if each != lang]
    lines += [f"  {'; '.join(others)}"] if others else []
    lines += [f"  also: {', '.join(said['also'])}"] if said["also"] else []
    for vendor, name in said["vendors"].items():
        differs = said["differs"].get(vendor)
        lines.append(f"  {vendor}: {name}" + (f", which {differs}" if differs else ""))
    return "\n".join(lines)
