"""What a notebook shows: figures with their description and their numbers, cards, notes, checks and definitions.

Makers (`cards`, `note`, `say`, `checks`, `definitions`) return an `Html`, which a cell shows when it is its last line;
`show` displays at once. One output is one piece of HTML that stands in JupyterLab and in a report alike, with no script
and nothing outside it. All text that comes from data is escaped. The CSS classes are those of
`report/template/components.css`; `style()` brings them into JupyterLab, a report has them already.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from crmkit.errors import UsageError
from crmkit.marks import Html, mark, missing, safe, spark, tone_of
from crmkit.numbers import UNKNOWN, as_number, common_digits, say_change, say_interval
from crmkit.numbers import say as say_number
from crmkit.tables import table as make_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["answer", "cards", "checks", "definitions", "figure", "note", "say", "show", "style"]

_STYLESHEET = ("report", "template", "components.css")


def show(thing: Any, *, caption: str = "", table: bool = True) -> None:
    """Display a figure with its description and its numbers, or a table, or a piece of HTML.

    Parameters
    ----------
    thing : Axes, DataFrame, Series or Html
        Axes of `crmkit.plots`, or any Axes that carries `crm_alt`.
    caption : str
        For a figure, what to bear in mind when reading it; for a frame, the table's caption, which it needs.
    table : bool
        Whether the figure's numbers come with it, folded away.

    Raises
    ------
    UsageError
        If an Axes has no description, or a frame no caption: somebody couldn't read it then.
    """
    from IPython.display import display

    if hasattr(thing, "get_figure"):
        thing = figure(thing, caption=caption, table=table)
    elif hasattr(thing, "to_frame") or hasattr(thing, "columns"):
        if not caption:
            raise UsageError("a table needs a caption: show(frame, caption=...)")
        thing = make_table(thing, caption=caption)
    display(thing)


def figure(ax: Any, *, caption: str = "", table: bool = True) -> Html:
    """Make one piece of HTML of a figure: picture, alternative text, caption, and its numbers as a folded table.

    The figure is closed, so that it isn't shown twice and its memory is given back.
    """
    from crmkit.plots.style import close, png

    alt = getattr(ax, "crm_alt", "")
    if not alt:
        raise UsageError("these axes have no description: set ax.crm_alt to a sentence made from the numbers")
    width = round(ax.get_figure().get_figwidth() * 110)
    data = base64.b64encode(png(ax)).decode("ascii")
    close(ax)
    parts = [f'<figure class="crm-figure"><img src="data:image/png;base64,{data}" alt="{safe(alt)}" width="{width}">']
    if caption:
        parts.append(f"<figcaption>{safe(caption)}</figcaption>")
    twin = ax.crm_twin() if table and hasattr(ax, "crm_twin") else None
    if twin is not None:
        parts.append(f'<details class="crm-twin"><summary>The numbers</summary>{twin.html}</details>')
    text = "\n\n".join(t for t in (alt, caption, twin.text if twin is not None else "") if t)
    return Html("".join(parts) + "</figure>", text)


def cards(rows: pd.DataFrame | Iterable[Mapping[str, Any]], *, currency: str = "", lang: str = "en") -> Html:
    """Make the headline numbers: a card each with title, value, change, interval, status and spark line.

    Parameters
    ----------
    rows : DataFrame or list of mappings
        Rows of a scorecard, or mappings: each with `value` and `title` (or `metric`), and where known `unit`,
        `currency`, `previous` (or `before`: the value to compare with), `against` (what that was), `verdict` (whether
        the change is more than noise), `low`, `high`, `better` ("up", "down"), `target`, `status` (a key or word of
        `marks.STATUS`), `n`, `note`, and `history`: a list of values, which a scorecard has in its `attrs`.
    currency, lang : str

    Examples
    --------
    >>> cards([{"title": "NPS", "value": 12.0, "unit": "points", "low": 4.2, "high": 19.8, "status": "good"}])
    NPS: 12.0, 95% interval 4.2–19.8, ✓ on target
    """
    if hasattr(rows, "to_dict"):
        past = rows.attrs.get("history")
        rows = rows.to_dict("records")
        if past is not None:
            rows = [{"history": list(past[r["metric"]]) if r.get("metric") in past else None} | r for r in rows]
    rows, common = _common_notes([dict(row) for row in rows])
    made = [_card(row, currency, lang) for row in rows]
    html = f'<div class="crm-cards">{"".join(card.html for card in made)}</div>'
    html += f'<p class="crm-common">{safe(common)}</p>' if common else ""
    return Html(html, "\n".join([*(card.text for card in made), *([common] if common else [])]))


def say(text: str, *values: Any, **named: Any) -> Html:
    """Make a paragraph from a text with numbers put in, `{}` or `{name}`; everything is escaped.

    >>> say("NPS was {} among {segment}.", "−35.9", segment="<b>all</b>")
    NPS was −35.9 among <b>all</b>.
    """
    filled = text.format(*values, **named) if values or named else text
    return Html(f"<p>{safe(filled)}</p>", filled)


def note(text: str, *values: Any, **named: Any) -> Html:
    """Make a paragraph that stands out: what to bear in mind; otherwise as `say`."""
    filled = text.format(*values, **named) if values or named else text
    return Html(f'<div class="crm-note" role="note"><p>{safe(filled)}</p></div>', f"Note: {filled}")


def answer(text: str, *values: Any, **named: Any) -> Html:
    """Make the answer of a page, the sentence or two that the front page shows too; otherwise as `say`."""
    filled = text.format(*values, **named) if values or named else text
    return Html(f'<p class="crm-answer">{safe(filled)}</p>', filled)


def checks(frame: pd.DataFrame | Iterable[Mapping[str, Any]]) -> Html:
    """List the reconciliations of a report: what should agree with what, both sides, and whether it does.

    Parameters
    ----------
    frame : DataFrame or list of mappings
        With `what`, `left`, `right` and, if not to be judged here, `holds` (bool); `unit` and `currency` if any.
        Without `holds`, the sides must be equal to half a cent, or to one part in a thousand million.

    Examples
    --------
    >>> checks([{"what": "start + new − lost = end", "left": 110, "right": 110}])
    ✓ start + new − lost = end: 110 = 110, holds
    """
    rows = frame.to_dict("records") if hasattr(frame, "to_dict") else list(frame)
    items, lines = [], []
    for row in rows:
        left, right = as_number(row.get("left")), as_number(row.get("right"))
        holds = row.get("holds")
        if missing(holds):
            holds = left is not None and right is not None and abs(left - right) <= max(0.005, 1e-9 * abs(right))
        unit, currency = str(row.get("unit") or ""), str(row.get("currency") or "")
        digits = common_digits((left, right), unit, currency=currency)
        sides = [say_number(v, unit, currency=currency, compact=False, digits=digits) for v in (left, right)]
        sign = "=" if holds else "≠"
        word = "holds" if holds else "does not hold"
        text = f"{row.get('what', '')}: {sides[0]} {sign} {sides[1]}, {word}"
        items.append(f'<li class="{"ok" if holds else "failed"}">{safe(text)}</li>')
        lines.append(("✓ " if holds else "✗ ") + text)
    if not items:
        return Html('<p class="crm-note">no reconciliation applies to this data</p>', "no reconciliation applies")
    return Html(f'<ul class="crm-checks">{"".join(items)}</ul>', "\n".join(lines))


def definitions(metrics: Iterable[Any]) -> Html:
    """List what each metric means: formula, unit, direction, what is counted, tables, caveats and source.

    Parameters
    ----------
    metrics : iterable
        Objects with `name` and `title` and any of `formula`, `unit`, `better`, `meaning` (or `doc`), `tables` (or
        `relations`), `caveats`, `source`; such as entries of the catalogue.
    """
    html, lines = [], []
    for metric in metrics:
        facts = [(label, _fact(metric, *names)) for label, names in _FACTS]
        facts = [(label, text) for label, text in facts if text]
        meaning = _fact(metric, "meaning", "doc")
        html.append(f'<dt class="crm-term" id="term-{safe(metric.name)}">{safe(metric.title)}</dt><dd>')
        html.append(f"{_code(meaning)}<br>" if meaning else "")
        html.append("<br>".join(f"<b>{label}:</b> {_code(text)}" for label, text in facts) + "</dd>")
        lines.append(f"{metric.title}: " + " ".join([meaning, *(f"{label}: {text}." for label, text in facts)]).strip())
    return Html(f'<dl class="crm-terms">{"".join(html)}</dl>', "\n".join(lines))


def style() -> Html:
    """Bring the kit's stylesheet into a notebook in JupyterLab; called twice, it changes nothing more."""
    sheet = resources.files("crmkit").joinpath(*_STYLESHEET)
    if not sheet.is_file():
        return Html("", "")
    return Html(f"<style>\n{sheet.read_text(encoding='utf-8')}</style>", "")


_FACTS = (
    ("Formula", ("formula",)),
    ("Unit", ("unit",)),
    ("Better", ("better",)),
    ("Left out", ("left_out",)),
    ("Made from", ("tables", "relations")),
    ("Bear in mind", ("caveats",)),
    ("Source", ("source",)),
)


def _code(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", safe(text))


def _fact(metric: Any, *names: str) -> str:
    for name in names:
        value = getattr(metric, name, "") or ""
        value = ", ".join(map(str, value)) if isinstance(value, list | tuple | set) else str(value)
        if value.strip():
            return " ".join(value.split())
    return ""


def _card(row: dict[str, Any], currency: str, lang: str) -> Html:
    def first(*names: str) -> Any:
        return next((v for v in map(row.get, names) if not missing(v)), None)

    title = str(first("title", "metric") or "")
    unit, money = str(first("unit") or ""), str(first("currency") or currency)
    form = {"currency": money, "lang": lang}
    value = say_number(first("value"), unit, **form)
    html = [f'<p class="crm-card-title">{safe(title)}</p><p class="crm-card-value">{_figure_and_unit(value)}</p>']
    parts = [value]
    noise = "noise" in str(first("verdict") or "")
    better = "" if noise else str(first("better") or "")
    moved = _movement(first("value"), first("before", "previous"), unit, better, form)
    moved += ", no more than noise" if noise and moved.startswith(("▲", "▼")) else ""
    if moved:
        against = first("against")
        tail = f" against {against}" if against else ""
        html.append(f'<p class="crm-card-change">{safe(moved)}<span class="quiet">{safe(tail)}</span></p>')
        parts.append(moved + tail)
    interval = say_interval(first("low"), first("high"), unit, **form)
    notes = [f"95% interval {interval}"] if interval != UNKNOWN else []
    if first("n") is not None:
        notes = [" · ".join([*notes, f"n\u00a0=\u00a0{say_number(first('n'), 'count', lang=lang)}"])]
    if first("target") is not None:
        notes.append(f"target {say_number(first('target'), unit, **form)}")
    notes += [str(first("note"))] if first("note") else []
    html += [f'<p class="crm-card-note crm-card-interval">{safe(line)}</p>' for line in notes]
    parts += notes
    history = first("history", "spark")
    if history is not None and sum(not missing(past) for past in history) > 1:  # one point is no line
        html.append(f"<p>{spark(history, unit=unit, label=title, **form).html}</p>")
    status = mark(first("status"))
    if status.text:
        html.append(f'<p class="crm-card-status">{status.html}</p>')
        parts.append(status.text)
    tone = tone_of(first("status"))
    return Html(f'<div class="{f"crm-card {tone}".strip()}">{"".join(html)}</div>', f"{title}: {', '.join(parts)}")


def _common_notes(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """Take from several cards what is noted on all of them, to be said once below."""
    noted = [[] if missing(row.get("note")) or not row["note"] else str(row["note"]).split("; ") for row in rows]
    common = [note for note in noted[0] if all(note in notes for notes in noted)] if len(rows) > 2 else []
    if not common:
        return rows, ""
    left = ["; ".join(note for note in notes if note not in common) for notes in noted]
    return [row | {"note": note} for row, note in zip(rows, left, strict=True)], f"All: {'; '.join(common)}."


def _figure_and_unit(value: str) -> str:
    """Set the unit behind a number smaller than the number: €2,326 a day, 37.4 days."""
    found = re.fullmatch(r"(.*\d\S*)\u00a0(\D+)", value)
    return f'{safe(found[1])} <span class="crm-unit">{safe(found[2])}</span>' if found else safe(value)


def _movement(now: Any, before: Any, unit: str, better: str, form: Mapping[str, str]) -> str:
    """Write a change as arrow, word and size; and whether that is better, where a direction is."""
    new, old = as_number(now), as_number(before)
    if new is None or old is None:
        return ""
    size = say_change(new, old, unit, **form)
    if not size.startswith(("+", "−")):
        return "► no change"
    up = size.startswith("+")
    judged = f" ({'better' if (better == 'up') == up else 'worse'})" if better in ("up", "down") else ""
    return f"{'▲ up' if up else '▼ down'} {size[1:]}{judged}"
