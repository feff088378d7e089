"""The page of the glossary: every metric and term in several languages side by side, and at vendors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from crmkit import notebook
from crmkit.errors import UsageError
from crmkit.glossary import ENGLISH, METRIC, TERM, entries, language_name, languages
from crmkit.glossary.finding import differences_of, vendors_of
from crmkit.pages.glossary_words import LEGEND, words_table
from crmkit.pages.overview import family_title
from crmkit.pages.showing import fold, grid, listed
from crmkit.tables import Html, safe

if TYPE_CHECKING:
    from crmkit.crm import Crm

CARDS = ("metrics_named", "metrics_here", "terms_named", "named_otherwise")


def work(crm: Crm | None = None, language: str = ENGLISH) -> pd.DataFrame:
    """Gather the glossary: what the rest of the page is made from.

    Parameters
    ----------
    crm : Crm, optional
        With it, which metrics its data can measure.
    language : str
        The reader's: of meanings, formulas and other names. It comes first.

    Returns
    -------
    DataFrame
        One row an entry, indexed by its anchor: `kind`, `group`, one column a language with its words ("" where it has
        none yet) and `missing` (why this data can't measure it; "" where it can, or where no data is asked).

    Examples
    --------
    >>> work().loc["win_rate", "en"]
    'Win rate'
    """
    from crmkit.engine.availability import lacks

    entries(language)  # refuses a language that isn't there
    order = [language, *(lang for lang in languages() if lang != language)]
    rows = []
    for anchor, entry in entries().items():
        words = {lang: entries(lang)[anchor].word if anchor in entries(lang) else "" for lang in order}
        why = lacks(crm, entry.key) if crm is not None and entry.kind == METRIC else ""
        rows.append({"anchor": anchor, "kind": entry.kind, "group": entry.group, **words, "missing": why})
    found = pd.DataFrame(rows).set_index("anchor")
    found.attrs |= {"language": language, "languages": order}
    return found


def card(found: pd.DataFrame) -> pd.DataFrame:
    """Make the headline numbers of the page, in the form of a scorecard."""
    metrics = found[found["kind"] == METRIC]
    otherwise = differing(found)
    here = int((metrics["missing"] == "").sum())
    spoken = f"each in {len(found.attrs['languages'])} languages"
    vendors = otherwise["vendor"].nunique()
    rows = [
        ("metrics_named", "Metrics", len(metrics), spoken),
        ("metrics_here", "Measurable here", here, "the others say what they need"),
        ("terms_named", "Terms", len(found) - len(metrics), spoken),
        ("named_otherwise", "Counted differently under a like name", len(otherwise), f"by {vendors} vendors"),
    ]
    frame = pd.DataFrame(rows, columns=["metric", "title", "value", "note"])
    return frame.assign(unit="count", previous=None, verdict="", value=frame["value"].astype(float))


def answer(found: pd.DataFrame) -> Html:
    """Say how many words there are in how many languages, and where vendors mean something else."""
    numbers = card(found).set_index("metric")["value"].astype(int)
    text = (
        f"The same {numbers['metrics_named']} metrics and {numbers['terms_named']} terms in "
        f"{_and([language_name(lang) for lang in found.attrs['languages']])}; this data can measure "
        f"{numbers['metrics_here']} of the metrics."
    )
    if numbers["named_otherwise"]:
        many = "one case a vendor counts" if numbers["named_otherwise"] == 1 else None
        many = many or f"{numbers['named_otherwise']} cases vendors count"
        text += f" In {many} something else under a like name."
    return notebook.answer("{}", text)


def differing(found: pd.DataFrame) -> pd.DataFrame:
    """List where a vendor counts something else under a like name.

    Returns
    -------
    DataFrame
        `anchor`, `vendor`, `name` (the vendor's), `differs` (what it counts instead, words that follow "which").
    """
    rows = [
        (anchor, vendor, vendors_of(anchor)[vendor], differs)
        for anchor in found.index
        for vendor, differs in differences_of(anchor).items()
    ]
    return pd.DataFrame(rows, columns=["anchor", "vendor", "name", "differs"])


def differing_table(found: pd.DataFrame, *, caption: str) -> Html:
    """Make the table of what vendors count differently, each with a link to crmkit's own definition."""
    rows, first = differing(found), found.attrs["languages"][0]
    shown = pd.DataFrame(
        {
            "here": [
                _link(anchor, found.loc[anchor, first] or found.loc[anchor, ENGLISH]) for anchor in rows["anchor"]
            ],
            "vendor": rows["vendor"],
            "there called": rows["name"],
            "and there it": rows["differs"],
        }
    )
    return grid(shown, caption=caption, formats={"here": lambda cell: cell}, max_rows=len(shown))


def family(found: pd.DataFrame, name: str) -> Html:
    """Make the table of a family of metrics: words side by side, and below them what they mean."""
    return words_table(found[(found["kind"] == METRIC) & (found["group"] == name)], found, family_title(name))


def terms(found: pd.DataFrame) -> Html:
    """Make the tables of all terms, one for each thing that they are about."""
    every = found[found["kind"] == TERM]
    parts = [
        words_table(every[every["group"] == group], found, group.capitalize()) for group in every["group"].unique()
    ]
    return Html("".join(part.html for part in parts), "\n\n".join(part.text for part in parts))


def further(found: pd.DataFrame, *, shown: Iterable[str]) -> Html:
    """Make the tables of the families that a page does not show by itself, such as those declared after it."""
    every = list(found.loc[found["kind"] == METRIC, "group"].unique())
    rest = [name for name in every if name not in set(shown)]
    if not rest:
        return listed([f"None: the {len(every)} families that are declared are shown above."])
    parts = [family(found, name) for name in rest]
    return Html("".join(part.html for part in parts), "\n\n".join(part.text for part in parts))


def evidence(found: pd.DataFrame) -> pd.DataFrame:
    """Count for each language but English how many words were seen in use, and where.

    Returns
    -------
    DataFrame
        `language`, `seen`, `own` (our own renderings), `missing`, `places` (different pages and repositories).
    """
    rows = []
    for lang in (lang for lang in found.attrs["languages"] if lang != ENGLISH):
        said = list(entries(lang).values())
        settled = sum(entry.settled for entry in said)
        places = {place for entry in said for place in entry.seen}
        rows.append((language_name(lang), settled, len(said) - settled, len(found) - len(said), len(places)))
    return pd.DataFrame(rows, columns=["language", "seen", "own", "missing", "places"])


def evidence_table(found: pd.DataFrame, *, caption: str) -> Html:
    """Make the table of the evidence, with the words that are our own rendering folded below it."""
    names = {"seen": "words seen in use", "own": "our own renderings", "missing": "not there yet", "places": "places"}
    shown = grid(evidence(found), caption=caption, names=names)
    lines = []
    for lang in (lang for lang in found.attrs["languages"] if lang != ENGLISH):
        own = [entry.word for entry in entries(lang).values() if not entry.settled]
        lines += [f"{language_name(lang)}: {', '.join(own)}."] if own else []
    below = fold("The words that are our own", listed(lines)) if lines else listed([])
    return Html(shown.html + below.html, f"{shown.text}\n{below.text}")


def reconciled(found: pd.DataFrame) -> list[dict[str, object]]:
    """Compare the entries of each language with the catalogue: nothing lacks a word, nothing has one twice."""
    from crmkit.metric import all_metrics

    rows = [{"what": "Metrics in the glossary = metrics in the catalogue", "left": (found["kind"] == METRIC).sum(),
             "right": len(all_metrics()), "unit": "count"}]  # fmt: skip
    for lang in found.attrs["languages"]:
        rows.append({"what": f"Words in {language_name(lang)} = entries", "left": (found[lang] != "").sum(),
                     "right": len(found), "unit": "count"})  # fmt: skip
    rows.append({"what": "Different anchors = entries", "left": found.index.nunique(), "right": len(found),
                 "unit": "count"})  # fmt: skip
    return rows


def defined(found: pd.DataFrame) -> list[str]:
    """Return the metrics that some vendor counts differently: those whose definition should be read in full."""
    metrics = found.index[found["kind"] == METRIC]
    return [anchor for anchor in dict.fromkeys(differing(found)["anchor"]) if anchor in set(metrics)]


def write(path: str | Path, *, lang: str = ENGLISH) -> Path:
    """Write the glossary as one page that stands by itself: no data, no script, nothing from outside.

    Raises
    ------
    UsageError
        If there is no such language, or the file can't be written.
    """
    from crmkit import __version__
    from crmkit.report.page import frame

    found, path = work(language=lang), Path(path)
    groups = dict.fromkeys(found.loc[found["kind"] == METRIC, "group"])
    sections = [(f"family-{name}", family_title(name), family(found, name).html) for name in groups]
    sections += [("terms", "Terms", terms(found).html)]
    if len(differing(found)):
        table = differing_table(found, caption="Under a like name, something else")
        sections.append(("vendors", "What vendors count differently", table.html))
    names = _and([language_name(each) for each in found.attrs["languages"]])
    text = frame("words.html", lang=ENGLISH, names=names, sections=sections, legend=LEGEND, version=__version__)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"The glossary can't be written to {path}: {error.strerror or error}.") from None
    return path


def _link(anchor: str, word: str) -> Html:
    return Html(f'<a href="#{safe(anchor)}">{safe(word)}</a>', word)


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
