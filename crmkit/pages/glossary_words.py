"""The tables of the glossary: a row of words in all languages for each entry, and what they mean below it."""

from __future__ import annotations

import re

import pandas as pd

from crmkit.glossary import ENGLISH, METRIC, Entry, entries, language_name
from crmkit.glossary.finding import differences_of, in_language, vendors_of
from crmkit.tables import Html, safe

OWN = "*"
"""The mark of a word that nobody was seen using."""
LEGEND = f"{OWN} our own rendering: the word was not found in use."
_SCRIPTS = {"zh": "zh-Hans"}


def words_table(rows: pd.DataFrame, found: pd.DataFrame, caption: str) -> Html:
    """Make one table: a row of words in all languages for each entry, and a row of what they mean."""
    order = found.attrs["languages"]
    heads = "".join(f'<th scope="col" lang="{_tag(lang)}">{safe(language_name(lang))}</th>' for lang in order)
    html = [f'<div class="crm-scroll" tabindex="0"><table class="crm-table crm-glossary"><caption>{safe(caption)}']
    html.append(f"</caption><thead><tr>{heads}</tr></thead>")
    lines, own = [caption], False
    for row in rows.itertuples():
        entry = in_language(row.Index, order[0])
        cells = [_cell(row.Index, lang, first=lang == order[0]) for lang in order]
        own = own or any(OWN in cell.text for cell in cells)
        below = _meaning(entry, row.missing, order[0])
        html.append(f'<tbody id="{safe(row.Index)}"><tr>{"".join(cell.html for cell in cells)}</tr>')
        html.append(f'<tr><td colspan="{len(order)}">{below.html}</td></tr></tbody>')
        lines.append(" | ".join(cell.text for cell in cells) + "\n  " + below.text)
    legend = f'<p class="quiet small">{safe(LEGEND)}</p>' if own else ""
    return Html("".join(html) + "</table></div>" + legend, "\n".join(lines + [LEGEND] * own))


def _cell(anchor: str, lang: str, *, first: bool) -> Html:
    """Make the cell of an entry's word in one language, with the mark of words that nobody was seen using."""
    entry = entries(lang).get(anchor)
    word = entry.word if entry else "–"
    mark = OWN if entry and not entry.settled else ""
    shown = safe(word) + (f'<span class="quiet">{mark}</span>' if mark else "")
    start, end = ('th scope="rowgroup"', "th") if first else ("td", "td")
    return Html(f'<{start} lang="{_tag(lang)}">{shown}</{end}>', f"{word}{mark}")


def _meaning(entry: Entry, missing: str, lang: str) -> Html:
    """Write what an entry means: formula, meaning, other names, vendors' names, and why it can't be measured here."""
    anchor, tag = entry.anchor, _tag(lang if entry.anchor in entries(lang) else ENGLISH)
    name = entry.key if entry.kind == METRIC else ""
    html, lines = [f'<div lang="{tag}">{_code(entry.meaning)}</div>'], [entry.meaning]

    def quiet(before: str, text: str) -> None:
        html.append(f'<div class="quiet small">{before}{_code(text)}</div>')
        lines.append(f"{before}{text}")

    if entry.formula:
        start = f"<code>{safe(name)}</code> = " if name else "= "
        html.append(f'<div class="quiet small">{start}<span lang="{tag}">{_code(entry.formula)}</span></div>')
        lines.append(f"{name} = {entry.formula}".strip())
    if entry.also:
        quiet("also: ", ", ".join(entry.also))
    if vendors := vendors_of(anchor):
        differs = differences_of(anchor)
        quiet(
            "at vendors: ",
            "; ".join(_at(vendor, called, differs.get(vendor, "")) for vendor, called in vendors.items()),
        )
    if missing:
        quiet("not in this data: ", missing)
    return Html("".join(html), "\n  ".join(lines))


def _at(vendor: str, name: str, differs: str) -> str:
    return f"{vendor}: {name}" + (f" (≠ {differs})" if differs else "")


def _code(text: str) -> str:
    return re.sub(r"`+([^`]+)`+", r"<code>\1</code>", safe(text))


def _tag(lang: str) -> str:
    return _SCRIPTS.get(lang, lang)
