"""The glossary: every metric and term in several languages, one file a language in `words/`.

A language is a TOML file that is found by being there. English takes titles, formulas and meanings of metrics from
their declarations, so that they are said once; its file adds other names and those that vendors print.

    [metrics.win_rate]
    word = "Wskaźnik wygranych"             # the title that a report in this language prints
    also = ["skuteczność zamykania"]        # other names in use
    formula = "wygrane ÷ (wygrane + przegrane)"
    meaning = "Odsetek szans sprzedaży zamkniętych w okresie, które wygrano."
    seen = ["https://…"]                    # where the word is in use; `settled = false` where nobody was seen using it

    [terms.lead]
    word = "Lead"
    meaning = "…"

`crmkit.glossary.finding` finds entries by any of their names, `crmkit.pages.glossary` makes the page.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from crmkit.errors import CrmkitError, UsageError
from crmkit.metric import Metric, all_metrics

WORDS = Path(__file__).resolve().parent / "words"
ENGLISH = "en"
METRIC, TERM = "metric", "term"
_LISTS, _MAPS, _TEXTS = ("also", "seen", "same_as"), ("vendors", "differs"), ("word", "formula", "meaning", "group")
_KEYS = (*_TEXTS, *_LISTS, *_MAPS, "settled")


@dataclass(frozen=True)
class Entry:
    """A metric or a term in one language.

    Attributes
    ----------
    key : str
        The metric's name, or the term's key; the same in all languages.
    kind : {"metric", "term"}
    word : str
        The title that a report in this language prints.
    meaning, formula : str
        One line each; a term may have no formula.
    also : tuple of str
        Other names in use in this language.
    vendors, differs : mapping of str to str
        Vendor to the name under which it shows this; and what it counts differently there.
    seen : tuple of str
        Where the word stands in use.
    settled : bool
        Whether the word was found in use; else it is crmkit's own rendering.
    group : str
        The family of a metric; what a term is about.
    same_as : tuple of str
        Entries that bear the same word on purpose.
    """

    key: str
    kind: str
    word: str
    meaning: str
    formula: str = ""
    also: tuple[str, ...] = ()
    vendors: Mapping[str, str] = field(default_factory=dict)
    differs: Mapping[str, str] = field(default_factory=dict)
    seen: tuple[str, ...] = ()
    settled: bool = True
    group: str = ""
    same_as: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """The anchor on the glossary page: the name of a metric as it is, terms after `term-`."""
        return self.key if self.kind == METRIC else f"term-{self.key}"


def languages() -> list[str]:
    """Return the codes of all languages, English first.

    Examples
    --------
    >>> languages()[0]
    'en'
    """
    return sorted((path.stem for path in WORDS.glob("*.toml")), key=lambda lang: (lang != ENGLISH, lang))


def language_name(lang: str) -> str:
    """Return the name of a language in itself, as lists of languages show it.

    Examples
    --------
    >>> language_name("en"), language_name("pl")
    ('English', 'Polski')
    """
    from babel import Locale

    name = Locale.parse(lang).language_name or lang
    return name[:1].upper() + name[1:]


@cache
def entries(lang: str = ENGLISH) -> Mapping[str, Entry]:
    """Return the glossary in one language: metrics in the catalogue's order, then terms, by their anchors.

    An entry that a language does not have yet is absent.

    Raises
    ------
    UsageError
        If there is no such language.
    CrmkitError
        If the language's file can't be read or an entry in it is wrong: the message names file and key.

    Examples
    --------
    >>> entries()["win_rate"].formula
    'won ÷ (won + lost)'
    >>> entries()["term-lead"].word
    'Lead'
    """
    known = languages()
    if lang not in known:
        raise UsageError(f"There is no language {lang!r} in the glossary. There are: {', '.join(known)}.")
    found = read(WORDS / f"{lang}.toml", english=lang == ENGLISH)
    if lang == ENGLISH:
        return found
    english = entries(ENGLISH)
    for anchor in found:
        if anchor not in english:
            raise CrmkitError(_unknown(f"{lang}.toml", anchor, list(english)))
    return {anchor: replace(found[anchor], group=each.group) for anchor, each in english.items() if anchor in found}


def read(path: Path, *, english: bool = False) -> dict[str, Entry]:
    """Read one language's file.

    Parameters
    ----------
    path : Path
    english : bool
        Take what the file does not say of a metric from its declaration.

    Raises
    ------
    CrmkitError
        If the file or an entry is wrong.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CrmkitError(f"The glossary's file {path.name} can't be read: {error}.") from None
    for section in data:
        if section not in ("metrics", "terms"):
            raise CrmkitError(f"{path.name}: there is no section [{section}]; the sections are metrics and terms.")
    metrics, terms = dict(data.get("metrics", {})), dict(data.get("terms", {}))
    for name in metrics:
        if name not in all_metrics():
            raise CrmkitError(_unknown(path.name, name, list(all_metrics())))
    found = {}
    for name, metric in all_metrics().items():
        if name in metrics or english:
            said = _declared(metric) | dict(metrics.get(name, {})) if english else metrics[name]
            where = f"{path.name}: [metrics.{name}]"
            found[name] = _entry(said, name, METRIC, where, group=metric.family, sourced=not english)
    for name, said in terms.items():
        entry = _entry(said, name, TERM, f"{path.name}: [terms.{name}]", sourced=not english)
        found[entry.anchor] = entry
    return found


def meaning_of(metric: Metric) -> str:
    """Return what a metric counts, on one line: the first paragraph of its meaning, without the kind of its interval.

    Examples
    --------
    >>> meaning_of(all_metrics()["win_rate"])
    'Of the opportunities closed in the period, the share won.'
    """
    first = " ".join(metric.meaning.split("\n\n")[0].split())
    return re.sub(r" ?Interval: [^.]*\.", "", first).strip()


def _declared(metric: Metric) -> dict[str, Any]:
    return {"word": metric.title, "formula": metric.formula, "meaning": meaning_of(metric)}


def _entry(said: Any, key: str, kind: str, where: str, *, group: str = "", sourced: bool = True) -> Entry:
    """Make an entry of what a file says, or say what is wrong with it.

    The English words are crmkit's own (not `sourced`): only other names and those of vendors must have been seen.
    """
    if not isinstance(said, dict):
        raise CrmkitError(f"{where} is not a table of keys and values.")
    for name, value in said.items():
        _check_value(name, value, where)
    for name in ("word", "meaning", *(["formula"] if kind == METRIC else [])):
        if not said.get(name):
            raise CrmkitError(f"{where} has no {name}.")
    settled = said.get("settled", True)
    beside = sourced or said.get("also") or said.get("vendors") or said.get("differs")
    if settled and beside and not said.get("seen"):
        raise CrmkitError(f"{where} says neither where its words were seen (seen = [...]) nor settled = false.")
    if not settled and said.get("seen"):
        raise CrmkitError(f"{where} has both seen and settled = false; a word that was seen is settled.")
    if strange := sorted(set(said.get("differs", {})) - set(said.get("vendors", {}))):
        raise CrmkitError(f"{where} says in differs what {strange[0]} counts, but not in vendors what it calls it.")
    lists = {name: tuple(said.get(name, ())) for name in _LISTS}
    maps = {name: dict(said.get(name, {})) for name in _MAPS}
    texts = {name: said.get(name, "") for name in _TEXTS}
    return Entry(key=key, kind=kind, settled=settled, **lists, **maps, **texts | {"group": said.get("group", group)})


def _check_value(name: str, value: Any, where: str) -> None:
    """Refuse a key that does not exist, and a value that is not of its key's type or not one clean line."""
    if name not in _KEYS:
        near = get_close_matches(name, _KEYS, n=1)
        hint = f" Did you mean {near[0]}?" if near else f" The keys are {', '.join(_KEYS)}."
        raise CrmkitError(f"{where} has an unknown key {name!r}.{hint}")
    if name == "settled":
        if not isinstance(value, bool):
            raise CrmkitError(f"{where}: settled is {value!r}; it must be true or false.")
        return
    kind, what = (
        (list, "a list of texts") if name in _LISTS else (dict, "a table") if name in _MAPS else (str, "a text")
    )
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    if not isinstance(value, kind) or any(not isinstance(each, str) for each in inner):
        raise CrmkitError(f"{where}: {name} must be {what}.")
    for each in inner:
        if each != " ".join(each.split()) or not each:
            raise CrmkitError(f"{where}: {name} has {each!r}, which is empty, has spaces too many or several lines.")


def _unknown(file: str, name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"{file}: there is no metric or term {name!r} in English.{hint}"
