"""What of a converted notebook may stand in a page: an allow-list of elements and attributes.

A page holds what crmkit's authors wrote and what is in the customer's data. Our tables escape what they show; this is
the second line, for what comes as HTML through a Styler, a third party or a careless `display`. Markup stays, all that
can run, load or lead elsewhere goes. The third line is the page's content policy, under which no script runs.
"""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Comment, Doctype, Tag
from bs4.element import PreformattedString

#: Elements whose content goes with them.
_REMOVED = {
    "script", "style", "iframe", "object", "embed", "applet", "template", "noscript", "link", "meta", "base", "title",
    "head", "form", "input", "button", "select", "textarea", "audio", "video", "canvas", "frame", "frameset", "portal",
    "foreignobject", "animate", "set", "use", "image", "math", "dialog", "slot", "plaintext", "xmp", "noembed",
    "noframes", "annotation-xml", "marquee",
}  # fmt: skip
_TEXT = {
    "a", "abbr", "article", "aside", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "data",
    "dd", "del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4",
    "h5", "h6", "header", "hr", "i", "img", "ins", "kbd", "li", "mark", "meter", "nav",
    "ol", "p", "pre", "q", "s", "samp",
    "section", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead",
    "time", "tr", "u", "ul", "var", "wbr",
}  # fmt: skip
#: Small drawings in a line of text, such as spark lines.
_DRAWING = {"svg", "g", "path", "line", "polyline", "polygon", "rect", "circle", "ellipse", "text", "tspan", "desc"}
_ATTRIBUTES = {
    "abbr", "alt", "class", "colspan", "cx", "cy", "d", "datetime", "dir", "fill", "fill-opacity", "headers", "height",
    "high", "id", "lang", "low", "max", "min", "open", "optimum", "points", "preserveaspectratio", "r", "role",
    "rowspan", "rx", "ry", "scope", "span", "start", "stroke", "stroke-dasharray", "stroke-linecap", "stroke-linejoin",
    "stroke-opacity", "stroke-width", "tabindex", "text-anchor", "title", "transform", "value", "viewbox", "width", "x",
    "x1", "x2", "y", "y1", "y2",
}  # fmt: skip
_CHANCE = re.compile(r"T_[0-9a-f]{5}(_|\Z)")  # the ids of a pandas Styler differ from run to run
_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*\Z")
_UNSAFE_STYLE = re.compile(r"url|expression|@|\\|/\*|position\s*:|behaviou?r|javascript|image-set", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?:)?//(\S+)\Z", re.IGNORECASE)


def clean(html: str) -> BeautifulSoup:
    """Parse HTML and take out all that is not on the allow-list.

    Links inside the page stay. A link to another address is turned into its text and the address in parentheses: a
    page is a file of its own, and on paper only the written address helps.

    Parameters
    ----------
    html : str
        The body of a page, as converted.

    Examples
    --------
    >>> str(clean('<p onclick="x()">Ann<script>x()</script> <a href="javascript:x()">here</a></p>'))
    '<p>Ann <a>here</a></p>'
    >>> str(clean('<a href="https://example.org/nps">What NPS is</a>'))
    '<span>What NPS is (example.org/nps)</span>'
    """
    soup = BeautifulSoup(html, "html.parser")
    for text in soup.find_all(string=lambda string: isinstance(string, PreformattedString | Comment | Doctype)):
        text.extract()
    for tag in soup.find_all(True):
        if tag.decomposed:
            continue
        if tag.name in _REMOVED:
            tag.decompose()
        elif tag.name not in _TEXT and tag.name not in _DRAWING:
            tag.unwrap()
        else:
            _clean_attributes(tag)
    for drawing in soup.find_all("svg"):
        if drawing.find(True) is None:
            drawing.decompose()  # an empty one would still take its room
    return soup


def _clean_attributes(tag: Tag) -> None:
    """Keep the attributes that only describe and place."""
    source, target = tag.get("src"), tag.get("href")
    style = tag.get("style")
    for name in list(tag.attrs):
        if name.lower() not in _ATTRIBUTES and not name.startswith("aria-"):
            del tag.attrs[name]
    if _CHANCE.match(str(tag.get("id", ""))):
        del tag.attrs["id"]
    if isinstance(style, str) and not _UNSAFE_STYLE.search(style):
        tag["style"] = style
    if tag.name == "img" and isinstance(source, str):
        if _IMAGE.match(source):
            tag["src"] = source
        else:
            tag.replace_with(f"[{tag.get('alt') or 'image'}]")
    if tag.name == "a" and isinstance(target, str):
        address = _ADDRESS.match(target.strip())
        if re.fullmatch(r"#[\w.:-]+", target):
            tag["href"] = target
        elif address:
            tag.name = "span"
            if address[1] not in tag.get_text():
                tag.append(f" ({address[1]})")
