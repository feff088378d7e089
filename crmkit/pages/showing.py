"""Showing frames: a figure or a table where there is something to show, else one quiet line that says why not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from crmkit import notebook
from crmkit.personal.small_rows import hidden_words, hide_small_rows
from crmkit.tables import Html, safe
from crmkit.tables import table as make_table

if TYPE_CHECKING:
    import pandas as pd

_LIMIT = {"smallest": 0}  # of the notebook that runs: `pages.begin` sets it from its data


def draw(plot: Callable[..., Any], frame: pd.DataFrame, *, caption: str = "", **options: Any) -> Html:
    """Draw a figure of a frame, or say in one line why there is none.

    Parameters
    ----------
    plot : callable
        One of `crmkit.plots`.
    frame : DataFrame
        Where its `attrs["missing"]` gives a reason, that is shown instead.
    caption : str
        How to read the figure.
    **options
        Passed to the plot.
    """
    from crmkit.plots.style import nothing_in

    if reason := missing_from(frame):
        return absent(reason)
    frame = visible(frame, drop=True, parts=str(options.get("parts") or ""))
    if not len(frame):
        return absent(hidden(frame))
    ax = plot(frame, **options)
    if reason := nothing_in(ax):  # one line says as much as an empty panel
        return absent(reason)
    return notebook.figure(ax, caption=" ".join(part for part in (caption, hidden(frame)) if part))


def grid(frame: pd.DataFrame, *, caption: str, **options: Any) -> Html:
    """Make a table of a frame, or say in one line why there is none; options as in `crmkit.tables.table`.

    Examples
    --------
    >>> import pandas as pd
    >>> lacking = pd.DataFrame()
    >>> lacking.attrs["missing"] = "needs the table terms"
    >>> grid(lacking, caption="Renewals")
    Not in this data: needs the table terms.
    """
    if reason := missing_from(frame):
        return absent(reason)
    frame = visible(frame)
    caption = f"{caption}. {hidden(frame)}" if hidden(frame) else caption
    usual = {"currency": frame.attrs.get("currency", ""), "numbers": [c for c in frame if c == "95% interval"]}
    return make_table(frame, caption=caption, **usual | options)


def show_no_group_below(smallest: int) -> None:
    """Set how many persons a group has to have to be shown by this notebook; 0 shows all."""
    _LIMIT["smallest"] = smallest


def visible(frame: pd.DataFrame, *, drop: bool = False, parts: str = "") -> pd.DataFrame:
    """Return a frame as readers of the notebook may see it; see `crmkit.personal.small_rows.hide_small_rows`.

    Whatever a page says in sentences about the groups of a frame it has to take from here.
    """
    return hide_small_rows(frame, smallest=_LIMIT["smallest"], drop=drop, parts=parts)


def few(count: float) -> bool:
    """Tell whether so many persons are somebody, and too few to be written about in a sentence."""
    return 0 < count < _LIMIT["smallest"]


def hidden(frame: pd.DataFrame) -> str:
    """Say how many groups of a frame that was made `visible` are hidden; "" where none is."""
    return hidden_words(frame, smallest=_LIMIT["smallest"])


def absent(reason: str) -> Html:
    """Say in one quiet line that there is nothing here, and why. A report gathers such sections at its end."""
    prefix = "Not in this data: " if reason.startswith("needs ") else ""
    text = (reason if prefix else reason[:1].upper() + reason[1:]).rstrip(".") + "."
    html = f"<span>{prefix}</span>{safe(text)}" if prefix else safe(text)
    return Html(f'<p class="crm-absent">{html}</p>', prefix + text)


def missing_from(frame: pd.DataFrame) -> str:
    """Return why a frame has nothing to show; "" where it has."""
    reason = str(frame.attrs.get("missing") or "")
    if not reason and not len(frame):
        return "nothing of this kind in the period"
    return reason.removeprefix("not in this data: ")


def fold(summary: str, content: Html) -> Html:
    """Fold a piece of HTML away behind a line that opens it.

    >>> fold("3 more", Html("<p>all of them</p>", "all of them"))
    3 more
    all of them
    """
    html = f'<details class="crm-twin"><summary>{safe(summary)}</summary>{content.html}</details>'
    return Html(html, f"{summary}\n{content.text}")


def quiet(text: str) -> Html:
    """Make a small remark that stays in the background.

    >>> quiet("all rows")
    all rows
    """
    return Html(f'<p class="quiet small">{safe(text)}</p>', text)


def listed(sentences: list[str]) -> Html:
    """Make a list of sentences; one sentence alone is a paragraph.

    >>> listed(["a < b.", "c."]).html
    '<ul class="crm-points"><li>a &lt; b.</li><li>c.</li></ul>'
    """
    said = [sentence for sentence in sentences if sentence]
    if len(said) == 1:
        return Html(f"<p>{safe(said[0])}</p>", said[0])
    items = "".join(f"<li>{safe(sentence)}</li>" for sentence in said)
    return Html(f'<ul class="crm-points">{items}</ul>' if said else "", "\n".join(said))
