"""From an executed notebook to a self-contained page: converted by nbconvert, cleaned, and set in crmkit's frame."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import nbformat
from bs4 import BeautifulSoup, NavigableString, Tag
from nbconvert.exporters import HTMLExporter

from crmkit.errors import CrmkitError, UsageError
from crmkit.report.clean import clean

_HERE = Path(__file__).resolve().parent
_TEMPLATES = _HERE / "template"
_LANGUAGES = _HERE / "lang"
_NO_ALT = "No description has been provided for this image"  # what nbconvert writes where there is none
_LEAD_LENGTH = 240
_CELL_FILE = re.compile(r"\S*ipykernel_\d+[/\\]\d+\.py")
_PATHS = re.compile(
    rf"\S*[/\\]site-packages[/\\]|{re.escape(str(_HERE.parents[1]))}[/\\]|\S*[/\\]lib[/\\]python[\d.]+[/\\]"
)
#: What a line must not break: periods, days, the codes of persons, and amounts with a minus before their sign.
_BREAKABLE = re.compile(r"\b\d{4}-(?:Q\d|W\d\d|\d\d(?:-\d\d)?)\b|\b[A-Z]-[0-9A-F]{5}-[0-9A-F]{5}\b|−[€$£¥]\d[\d.,]*\w?")
_DEFINED = re.compile(r'(<dt class="crm-term" id="term-(\w+)">)([^<]*)</dt>')

#: No script, no address outside the file: what a browser enforces whatever a page holds.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class Body:
    """The inner part of a page.

    Attributes
    ----------
    title : str
        The notebook's first heading.
    lead : str
        Its answer in one line: the element of class `crm-answer`, else the first paragraph.
    html : str
        Clean HTML without the title.
    contents : tuple of (str, str)
        Anchor and text of each section.
    """

    title: str
    lead: str
    html: str
    contents: tuple[tuple[str, str], ...]


class Converter:
    """Converts executed notebooks with one exporter, since a new one for each costs three times as much."""

    def __init__(self, *, lang: str) -> None:
        self._lang = lang
        self._exporter = HTMLExporter(
            template_name="crmkit",
            extra_template_basedirs=[str(_TEMPLATES)],
            exclude_anchor_links=True,
            language_code=lang,
        )
        self._exporter.environment.globals["texts"] = texts(lang)

    def body(self, notebook: nbformat.NotebookNode, *, name: str) -> Body:
        """Return the inner part of a notebook's page.

        Raises
        ------
        CrmkitError
            If a figure lacks a description for those who can't see it.
        """
        html, _ = self._exporter.from_notebook_node(_without_paths(notebook))
        soup = clean(html)
        bare = [image for image in soup.find_all("img") if str(image.get("alt", "")).strip() in ("", _NO_ALT)]
        if bare:
            raise CrmkitError(
                f"{len(bare)} of its figures {'has' if len(bare) == 1 else 'have'} no alt text; show figures with "
                "crmkit.notebook, which writes it from the numbers"
            )
        title = soup.find("h1")
        heading = title.get_text(" ", strip=True) if title else name
        lead = _lead(soup)
        if title:
            title.extract()
        _say_once(soup)
        _join_silent_cells(soup)
        _lift_quality(soup)
        _gather_absent(soup, title=texts(self._lang)["not_in_data"])
        _box(soup)
        _keep_whole(soup)
        contents = _number_sections(soup)
        return Body(heading, lead, str(soup), contents)


def _without_paths(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Take from warnings the paths of this machine and the chance names of cells; where they come from stays."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                output.text = _PATHS.sub("", _CELL_FILE.sub("cell", output.text))
    return notebook


def _lead(soup: BeautifulSoup) -> str:
    """Return the one line that says what a page found."""
    for place in (soup.find(class_="crm-answer"), _first_remark(soup), soup.find("p")):
        text = re.sub(r"\s+", " ", place.get_text(" ", strip=True)) if isinstance(place, Tag) else ""
        text = re.sub(r" ([.,;:!?)])", r"\1", text)
        if text:
            return text if len(text) <= _LEAD_LENGTH else text[:_LEAD_LENGTH].rsplit(" ", 1)[0] + " …"
    return ""


def _first_remark(soup: BeautifulSoup) -> Tag | None:
    """Return what stands in the place of an answer where there is none: the first quiet line before any section."""
    for tag in soup.find_all(["h2", "p"]):
        if tag.name == "h2":
            return None
        if {"crm-absent", "quiet"} & set(tag.get("class") or []):
            return tag
    return None


def _say_once(soup: BeautifulSoup) -> None:
    """Take out the quiet line of a cell that says no more than that of the cell right before it."""
    for cell in soup.select("div.cell + div.cell"):
        before = cell.find_previous_sibling("div")
        lines, earlier = (each.find_all(class_="crm-absent", recursive=False) for each in (cell, before))
        if lines and earlier and lines[0].get_text() == earlier[-1].get_text():
            lines[0]["class"] = [*lines[0]["class"], "said"]  # still to be compared with the next one
    for line in soup.select("p.crm-absent.said"):
        line.extract()


def _join_silent_cells(soup: BeautifulSoup) -> None:
    """Put the code of cells that show nothing, such as imports, with that of the next cell that does."""
    waiting: list[Tag] = []
    for cell in soup.select("div.cell"):
        code = cell.find("details", class_="source", recursive=False)
        if not isinstance(code, Tag):
            continue
        if not [child for child in cell.children if child is not code and str(child).strip()]:
            waiting.append(cell.extract())
        elif waiting:
            for silent in reversed(waiting):
                code.summary.insert_after(*list(silent.find("details").find_all(recursive=False))[1:])
            waiting = []


def _lift_quality(soup: BeautifulSoup) -> None:
    """Move the line on data quality from the definitions to below the headline numbers, else below the answer."""
    line = soup.find(class_="crm-quality")
    place = soup.find(class_="crm-cards") or soup.find(class_="crm-answer")
    if isinstance(line, Tag) and isinstance(place, Tag):
        place = place.find_next_sibling("p", class_="crm-common") or place
        place.insert_after(line.extract())


def _gather_absent(soup: BeautifulSoup, *, title: str) -> None:
    """Take out the sections in which this data shows nothing, and list them with their reasons at the page's end.

    A section reaches from one h2 to the next. It shows nothing where it has an element of class `crm-absent` and
    neither figure nor table nor anything else that code made; its prose would only be in the way.
    """
    entries = []
    for section in _sections(soup):
        reasons = [each for part in section for each in part.find_all(class_="crm-absent")]
        cells = [part for part in section if "cell" in (part.get("class") or [])]
        if not reasons or any(not cell.find(class_="crm-absent") and _shows(cell) for cell in cells):
            continue
        if prefix := reasons[0].find("span"):
            prefix.extract()  # it says what the list's heading says
        heading = section[0].find("h2").get_text(" ", strip=True)
        reason = reasons[0].get_text(" ", strip=True)
        entries.append((heading, reason[:1].upper() + reason[1:]))
        for part in section:
            part.decompose()
    if not entries:
        return
    listed = soup.new_tag("section", attrs={"class": "prose absent"})
    head = soup.new_tag("h2")
    head.string = title
    listed.append(head)
    items = soup.new_tag("ul", attrs={"class": "quiet small"})
    for heading, reason in entries:
        item = soup.new_tag("li")
        item.string = f"{heading} {reason}"
        items.append(item)
    listed.append(items)
    soup.append(listed)


def _sections(soup: BeautifulSoup) -> list[list[Tag]]:
    """Return the parts of each section: from prose that begins with an h2 up to the next such."""
    sections: list[list[Tag]] = []
    for part in [child for child in soup.children if isinstance(child, Tag)]:
        first = part.find(True) if "prose" in (part.get("class") or []) else None
        if first is not None and first.name == "h2":
            sections.append([part])
        elif sections:
            sections[-1].append(part)
    return sections


def _shows(cell: Tag) -> bool:
    """Tell whether a cell shows anything but its code and quiet remarks."""
    return any(
        isinstance(child, Tag) and not {"code", "quiet"} & set(child.get("class") or []) for child in cell.children
    )


def _keep_whole(soup: BeautifulSoup) -> None:
    """Keep periods and negative amounts from being broken at their hyphen or sign at the end of a line."""
    for text in soup.find_all(string=_BREAKABLE):
        if type(text) is not NavigableString or text.find_parent(["pre", "code", "svg", "a", "h1"]):
            continue
        pieces: list[NavigableString | Tag] = []
        end = 0
        for found in _BREAKABLE.finditer(text):
            whole = soup.new_tag("span", attrs={"class": "whole"})
            whole.string = found[0]
            pieces += [NavigableString(text[end : found.start()]), whole]
            end = found.end()
        text.replace_with(*pieces, NavigableString(text[end:]))


def _box(soup: BeautifulSoup) -> None:
    """Put each table and picture in a box that scrolls by itself; those of tables can be reached by keyboard."""
    for table in soup.find_all("table"):
        parent = table.parent
        if isinstance(parent, Tag) and "crm-scroll" in (parent.get("class") or []):
            parent["tabindex"] = "0"
        else:
            parent = table.wrap(soup.new_tag("div", attrs={"class": "crm-scroll", "tabindex": "0"}))
        if table.caption:
            parent["role"], parent["aria-label"] = "region", table.caption.get_text(" ", strip=True)
    for image in soup.select("figure.crm-figure img"):
        image.wrap(soup.new_tag("div", attrs={"class": "crm-canvas"}))


def link_definitions(body: Body, *, glossary: str) -> Body:
    """Link the metrics that a page defines to their entries on the page of the glossary.

    Parameters
    ----------
    body : Body
    glossary : str
        The name of that page, which must be in the same report.

    Examples
    --------
    >>> body = Body("", "", '<dt class="crm-term" id="term-nps">Net Promoter Score</dt>', ())
    >>> link_definitions(body, glossary="19_glossary").html
    '<dt class="crm-term" id="term-nps"><a href="19_glossary.html#nps">Net Promoter Score</a></dt>'
    """
    return replace(body, html=_DEFINED.sub(rf'\1<a href="{glossary}.html#\2">\3</a></dt>', body.html))


def _number_sections(soup: BeautifulSoup) -> tuple[tuple[str, str], ...]:
    """Give every heading an anchor of its own, and return those of the sections."""
    seen: dict[str, int] = {"content": 1, "contents-title": 1}  # those of the frame
    for tag in soup.find_all(id=True):
        if tag.name in ("h2", "h3", "h4") or tag["id"] in seen:
            del tag["id"]
        else:
            seen[tag["id"]] = 1
    contents = []
    for tag in soup.find_all(["h2", "h3", "h4"]):
        anchor = slug(tag.get_text(" ", strip=True)) or "section"
        seen[anchor] = seen.get(anchor, 0) + 1
        tag["id"] = anchor if seen[anchor] == 1 else f"{anchor}-{seen[anchor]}"
        if tag.name == "h2":
            contents.append((tag["id"], tag.get_text(" ", strip=True)))
    return tuple(contents)


def slug(text: str) -> str:
    """Return a text as an anchor: letters of any script, digits and hyphens.

    Examples
    --------
    >>> slug("Who decides what, and when?")
    'who-decides-what-and-when'
    """
    return re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", text).lower()).strip("-")


@cache
def texts(lang: str) -> Mapping[str, str]:
    """Return the frame's own words in a language: one file of `crmkit/report/lang` each.

    Raises
    ------
    UsageError
        If there is no such file.
    """
    languages = sorted(path.stem for path in _LANGUAGES.glob("*.toml"))
    if lang not in languages:
        raise UsageError(f"There is no language {lang!r} for reports. There are: {', '.join(languages)}.")
    return tomllib.loads((_LANGUAGES / f"{lang}.toml").read_text(encoding="utf-8"))


@cache
def components_css() -> str:
    """Return the styles of cards, tables, figures and notes, for pages and for JupyterLab alike."""
    return (_TEMPLATES / "components.css").read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["policy"] = POLICY
    environment.globals["css"] = components_css() + (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    environment.filters["label"] = label
    return environment


def label(name: str) -> str:
    """Write a notebook's name as navigation shows it.

    >>> label("03_sales"), label("09_crm_roi"), label("04_customer_value")
    ('Sales', 'CRM ROI', 'Customer value')
    """
    words = [word.upper() if word in ("crm", "roi") else word for word in name[3:].split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def frame(template: str, *, lang: str, **values: Any) -> str:
    """Fill the frame `page.html`, `front.html`, `reports.html` or `words.html`; all values but HTML are escaped."""
    return _environment().get_template(f"{template}.j2").render(lang=lang, texts=texts(lang), **values)
