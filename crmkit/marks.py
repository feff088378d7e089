"""Small pieces of HTML: escaped text, a status as mark and word, a spark line; each with its plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from crmkit.numbers import UNKNOWN, as_number, say

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_INK = "#0067A5"
#: What a status is called and how it is marked; the mark and the word carry it, colour only repeats it.
STATUS = {
    "good": ("✓", "on target"),
    "near": ("≈", "near target"),
    "bad": ("✗", "off target"),
    "better": ("✓", "better"),
    "worse": ("✗", "worse"),
    "same": ("=", "no clear change"),
    "flat": ("=", "no clear change"),
    "": ("", ""),
}
_STATUS_OF = {word: key for key, (_, word) in STATUS.items() if word} | {"no change beyond noise": "same"}


@dataclass(frozen=True)
class Html:
    """A piece of finished HTML and the same in plain text: Jupyter shows the one, a terminal the other.

    Attributes
    ----------
    html : str
        Safe to show: whatever came from data is escaped.
    text : str
    """

    html: str
    text: str = ""

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        """Return the plain text."""
        return self.text


def safe(value: object) -> str:
    """Escape text for HTML, element or attribute; control and direction-switching characters become visible as �.

    >>> safe('<b>"Łódź" & 東京</b>')
    '&lt;b&gt;&quot;Łódź&quot; &amp; 東京&lt;/b&gt;'
    """
    return escape(_CONTROL.sub("\ufffd", str(value)), quote=True)


def mark(status: object) -> Html:
    """Write a status as mark and word: a key or a word of `STATUS`; any other word stands for itself.

    >>> mark("good"), mark("off target")
    (✓ on target, ✗ off target)
    """
    key = "" if missing(status) else str(status)
    sign, word = STATUS.get(_STATUS_OF.get(key, key), ("", key))
    if not word:
        return Html("", "")
    tone = tone_of(key) or "flat"
    icon = f'<span aria-hidden="true">{sign}</span> ' if sign else ""
    return Html(f'<span class="crm-status {tone}">{icon}{safe(word)}</span>', f"{sign} {word}".strip())


def tone_of(status: object) -> str:
    """Return the CSS class of a status: good, near, bad, flat, or "" where it is none that the kit knows."""
    key = "" if missing(status) else str(status)
    key = _STATUS_OF.get(key, key)
    return {"better": "good", "worse": "bad", "same": "flat"}.get(key, key if key in STATUS else "")


def spark(
    values: Iterable[float | None],
    *,
    unit: str = "",
    currency: str = "",
    lang: str = "en",
    label: str = "",
    width: int = 96,
    height: int = 24,
) -> Html:
    """Draw a spark line as inline SVG, its description made from the numbers; gaps stay gaps.

    >>> spark([0.2, None, 0.5, 0.4], unit="share", label="Win rate")
    Win rate: first 20.0%, last 40.0%, lowest 20.0%, highest 50.0%, 1 unknown
    """
    numbers = [as_number(v) for v in values]
    known = [v for v in numbers if v is not None and abs(v) != float("inf")]
    prefix = f"{label}: " if label else ""
    if not known:
        text = f"{prefix}no data"
        return Html(f'<span class="crm-spark" role="img" aria-label="{safe(text)}">{UNKNOWN}</span>', text)
    first, last, low, high = (
        say(v, unit, currency=currency, lang=lang) for v in (known[0], known[-1], min(known), max(known))
    )
    text = f"{prefix}first {first}, last {last}, lowest {low}, highest {high}"
    if unknown := len(numbers) - len(known):
        text += f", {unknown} unknown"
    pad, span = 3, max(known) - min(known)
    step = (width - 2 * pad) / max(len(numbers) - 1, 1)

    def at(i: int, v: float) -> str:
        y = height / 2 if span == 0 else pad + (max(known) - v) / span * (height - 2 * pad)
        return f"{pad + i * step:.1f},{y:.1f}"

    runs: list[list[str]] = [[]]
    for i, v in enumerate(numbers):
        if v is None or abs(v) == float("inf"):
            runs.append([])
        else:
            runs[-1].append(at(i, v))
    lines = "".join(f'<polyline points="{" ".join(run)}"/>' for run in runs if len(run) > 1)
    alone = [run[0] for run in runs if len(run) == 1]
    dots = "".join(_dot(point, 1.2) for point in alone) + _dot([p for run in runs for p in run][-1], 2.4)
    svg = (
        f'<svg class="crm-spark" role="img" aria-label="{safe(text)}" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" fill="none" stroke="{_INK}" stroke-width="1.5" stroke-linejoin="round">{lines}{dots}</svg>'
    )
    return Html(svg, text)


def _dot(point: str, radius: float) -> str:
    x, y = point.split(",")
    return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{_INK}" stroke="none"/>'


def missing(value: object) -> bool:
    """Tell whether a cell is unknown: None, NaN, NaT or NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return type(value).__name__.startswith("float") and value != value  # noqa: PLR0124 - only NaN differs from itself
