"""The map of segments: customers on the two axes along which they differ most."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmkit.numbers import say, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need
from crmkit.plots.segments import TINTS
from crmkit.plots.text import short
from crmkit.tables import table


def segment_map(
    frame: pd.DataFrame, *, title: str | None = None, loadings: int = 5, source: str = "", ax: Axes | None = None,
    **given: Any,
) -> Axes:  # fmt: skip
    """Draw customers on the two axes along which they differ most, in the colour of their segment.

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.methods.segment_map` returns it.
    loadings : int
        So many features are drawn as arrows, the heaviest.
    title, source, ax, **given
        As in `trend`.
    """
    need(frame, "x", "y", "segment", "name")
    what = words.about(frame, None, source=source, usual={"title": "Map of the segments"}, **given)
    shown = frame.attrs.get("shown", (np.nan, np.nan))
    with style.house():
        ax = style.new_panel(ax, height=5.4)
        if not len(frame):
            style.no_data(ax)
            found = alt = "No customers to draw"
        else:
            _draw_map(ax, frame, loadings)
            found, alt = _map_words(frame, shown)
        n = frame.attrs.get("n", len(frame))
        drawn = (
            f"{say(len(frame), 'count')} of n = {say(n, 'count')} drawn" if n > len(frame) else f"n = {say(n, 'count')}"
        )
        end = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        line = " · ".join(p for p in ("A point is a customer, an arrow a feature", drawn, end) if p)
        style.title_block(ax, found if title is None else title, line, what.source)
        return style.attach(ax, alt=alt, data=frame, twin=partial(_map_table, frame, line))


def _draw_map(ax: Axes, frame: pd.DataFrame, loadings: int) -> None:
    for number, rows in frame.groupby("segment"):
        ax.scatter(rows["x"], rows["y"], s=9, color=TINTS[int(number) % len(TINTS)], alpha=0.45, linewidth=0)
    centers = frame.attrs["centers"]
    wide, high = (max(float(np.ptp(frame[axis])), 1e-9) * 1.16 for axis in ("x", "y"))
    labels = Labels(wide, high)
    places = style.spread(centers["y"].tolist(), high * 0.05)
    names = frame.drop_duplicates("segment").set_index("segment")["name"]
    for row, place in zip(centers.itertuples(), places, strict=True):
        if row.segment in names.index:
            name = _brief(names[row.segment])
            half = 0.0055 * wide * len(name)  # a name at the edge moves in, off the axis
            x = float(np.clip(row.x, frame["x"].min() + half, frame["x"].max() - half))
            ax.text(x, labels.free(x, place, name, "center"), name, ha="center", va="center", size=9,
                    weight="bold", path_effects=style.HALO, zorder=5, in_layout=False)  # fmt: skip
    heaviest = frame.attrs["loadings"].head(loadings)
    reach = 0.5 * min(frame["x"].abs().max(), frame["y"].abs().max())
    most = float(np.hypot(heaviest["x"], heaviest["y"]).max()) or 1.0
    for row in heaviest.itertuples():
        tip = (row.x / most * reach, row.y / most * reach)
        ax.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "->", "color": style.SOFT, "linewidth": 1.1}, zorder=4)
        name, side = short(str(row.feature).replace("_", " "), 28), "left" if tip[0] >= 0 else "right"
        ax.text(tip[0] * 1.08, labels.free(tip[0] * 1.08, tip[1] * 1.08, name, side), name, size=8, color=style.SOFT,
                ha=side, va="center", path_effects=style.HALO, zorder=4, in_layout=False)  # fmt: skip
    shown = frame.attrs["shown"]
    for axis, share, heavy in zip((ax.xaxis, ax.yaxis), shown, ("x", "y"), strict=True):
        axis.set_label_text(f"{say(share, 'share', digits=0)} of the differences:\n{_heavy(frame, heavy)}")
    ax.grid(True)
    ax.tick_params(length=0, labelsize=8, labelcolor=style.FAINT)
    ax.margins(0.08)


class Labels:
    """Where the labels of a panel lie, so that each next one finds a free place near its own.

    Parameters
    ----------
    wide, high : float
        What the panel spans, in the data's units.

    Examples
    --------
    >>> labels = Labels(100, 100)
    >>> labels.free(50, 50, "often", "center"), labels.free(52, 51, "seldom", "center") > 51
    (50.0, True)
    """

    def __init__(self, wide: float, high: float):
        self._letter, self._line = wide * 0.009, high * 0.045  # of a usual panel, in the usual sizes
        self._taken: list[tuple[float, float, float]] = []

    def free(self, x: float, y: float, text: str, side: str) -> float:
        """Return the height nearest to `y` at which `text`, aligned to `side` at `x`, covers no other, and take it."""
        width = len(text) * self._letter
        left = x - {"left": 0.0, "center": 0.5, "right": 1.0}[side] * width
        steps = [sign * step / 2 for step in range(2 * len(self._taken) + 3) for sign in (1, -1)]
        heights = (y + step * self._line for step in steps)
        place = next(height for height in heights if not self._covers(left, left + width, height))
        self._taken.append((left, left + width, place))
        return place

    def _covers(self, left: float, right: float, height: float) -> bool:
        return any(
            left < end and start < right and abs(height - other) < 0.999 * self._line
            for start, end, other in self._taken
        )


def _brief(name: object) -> str:
    """Shorten a name to its first part."""
    return short(str(name).partition(",")[0], 26)


def _heavy(frame: pd.DataFrame, axis: str) -> str:
    """Name the two features that weigh most on an axis."""
    rows = frame.attrs["loadings"]
    top = rows.loc[rows[axis].abs().sort_values(ascending=False, kind="stable").index[:2], "feature"]
    return " and ".join(short(str(name).replace("_", " "), 26) for name in top)


def _map_words(frame: pd.DataFrame, shown: tuple[float, float]) -> tuple[str, str]:
    whole = say(sum(shown), "share", digits=0)
    found = f"The map shows {whole} of the differences between customers"
    found += "; what it lays together may lie apart" if sum(shown) < 0.8 else ""
    centers = frame.attrs["centers"]
    names = frame.drop_duplicates("segment").set_index("segment")["name"]
    each = [f"{names[row.segment]} at {row.x:.1f}, {row.y:.1f}" for row in centers.itertuples() if row.segment in names]
    return found, (f"{found}. The axis to the right is mostly {_heavy(frame, 'x')}, that upwards mostly "
                   f"{_heavy(frame, 'y')}. Middles: {'; '.join(each)}.").replace("-", "−")  # fmt: skip


def _map_table(frame: pd.DataFrame, caption: str) -> Any:
    names = frame.drop_duplicates("segment").set_index("segment")["name"]
    centers = frame.attrs["centers"].assign(segment=lambda rows: rows["segment"].map(names)).dropna(subset="segment")
    weights = frame.attrs["loadings"].assign(customers=np.nan).rename(columns={"feature": "segment"})
    shown = pd.concat([centers, weights], ignore_index=True)
    shown = shown.rename(columns={"segment": "segment, then feature", "x": "to the right", "y": "upwards"})
    return table(shown, caption=f"{caption}: middles of the segments, then weights of the features",
                 units={"customers": "count"})  # fmt: skip
