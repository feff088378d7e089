"""The figure of duplicates: how sure the pairs are, and where the line is drawn."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from crmkit.numbers import say
from crmkit.plots import style, words
from crmkit.plots.over_time import need
from crmkit.tables import table

if TYPE_CHECKING:
    import pandas as pd

_EDGES = (0.01, 0.05, 0.2, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0)


def match_scores(
    frame: pd.DataFrame,
    *,
    threshold: float,
    title: str | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw how probable it is of pairs of records that they are one, and from where on they count as one.

    Parameters
    ----------
    frame : DataFrame
        One row a pair, with its `probability`, as `duplicates` lists them.
    threshold : float
        Pairs at least this probable count as one.
    title, source, ax, **given
        As in `trend`.

    Notes
    -----
    The classes are narrow where the question is decided: a good threshold lies where there are few pairs.
    """
    need(frame, "probability")
    what = words.about(
        frame, None, source=source, usual={"title": "Pairs by match probability", "unit": "count"}, **given
    )
    with style.house():
        edges = np.unique([*(edge for edge in _EDGES if abs(edge - threshold) > 1e-12), threshold])
        seen = frame["probability"].to_numpy(float)
        counts = np.array([((seen >= low) & (seen < high)).sum() for low, high in pairwise(edges)])
        counts[-1] += (seen >= edges[-1]).sum()
        labels = [f"{_share(low)} to {_share(high)}" for low, high in pairwise(edges)]
        above, near = int((seen >= threshold).sum()), int(((seen >= 0.5) & (seen < threshold)).sum())
        pairs, more = "pair counts" if above == 1 else "pairs count", "is" if near == 1 else "are"
        found = f"{say(above, 'count')} {pairs} as one; {say(near, 'count')} more {more} likelier than not"
        line = f"Pairs of records by the probability that they are one · from {_share(threshold)} on they count as one"
        ax = style.new_panel(ax, height=3.6)
        if not len(seen):
            style.no_data(ax, "no two records are alike")
        else:
            _draw(ax, labels, counts, int(np.searchsorted(edges, threshold)), threshold)
        style.title_block(ax, found if title is None else title, line, what.source)
        shown = type(frame)({"probability": labels, "pairs": counts})
        alt = f"{found}. " + "; ".join(f"{label}: {count:,}" for label, count in zip(labels, counts, strict=True)) + "."
        twin = partial(table, shown, caption=line, units={"pairs": "count"}, lang=what.lang)
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def _share(value: float) -> str:
    """Write a probability with the digits that it needs.

    >>> _share(0.9), _share(0.999), _share(1.0)
    ('90%', '99.9%', '100%')
    """
    return f"{value * 100:.10g}%"


def _draw(ax: Axes, labels: list[str], counts: np.ndarray, first: int, threshold: float) -> None:
    places = np.arange(len(labels))
    colors = [style.PALETTE[0] if at >= first else "#C9DDEC" for at in places]
    ax.bar(places, counts, width=0.92, color=colors)
    for at, count in zip(places, counts, strict=True):
        ax.annotate(f"{count:,}", (at, count), xytext=(0, 3), textcoords="offset points", ha="center", size=8.5)
    style.value_axis(ax, ax.yaxis, "count")
    ax.set_ylabel("pairs")
    ax.set_ylim(0, max(counts.max(), 1) * 1.18)
    ax.set_xticks(places, labels=[label.replace(" to ", "\nto ") for label in labels], size=8)
    ax.tick_params(axis="x", length=0)
    ax.axvline(first - 0.5, color=style.PALETTE[1], linewidth=1.5)
    ax.annotate(f"one from {_share(threshold)} on", (first - 0.5, 0.96), xycoords=("data", "axes fraction"),
                xytext=(-5, 0), textcoords="offset points", ha="right", va="top", color=style.PALETTE[1],
                weight="bold", path_effects=style.HALO)  # fmt: skip
