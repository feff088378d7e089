"""The heat table of data quality: a row a table or a user, a column a dimension or a month, colour the share broken."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm

from crmkit.numbers import say, say_period
from crmkit.plots import style
from crmkit.plots.over_time import need
from crmkit.plots.text import short
from crmkit.tables import table

if TYPE_CHECKING:
    import pandas as pd

_RAMP = LinearSegmentedColormap.from_list("crmkit broken", ["#EDF3F8", "#F6D9A8", "#E39A4C", "#B84A00", "#6B2A00"])
_DARKEST = 0.2
"""The share of broken rows from which on a cell is darkest. Below it colours are spread by the square root, since one
row in a hundred is worth seeing."""


def quality_map(
    frame: pd.DataFrame,
    *,
    by: str,
    across: str,
    title: str | None = None,
    written: bool = True,
    top: int = 30,
    source: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the share of rows without an error or a warning as a heat table: the darker, the more rows have one.

    Parameters
    ----------
    frame : DataFrame
        One row a cell: `by` (its row), `across` (its column, a name or a period), `value` (share without an error or
        warning, 0-1; null where nothing can be said), `rows`, `broken`.
    by, across : str
    title : str, optional
        The finding; by default the cell with the lowest share.
    written : bool
        Whether the share is written in the cells.
    top : int
        At most so many rows are drawn, those with most broken rows.
    source : str
    ax : Axes, optional

    Raises
    ------
    UsageError
        If a column is missing.
    """
    need(frame, by, across, "value", "rows", "broken")
    with style.house():
        wide = frame.pivot_table(index=by, columns=across, values="value", aggfunc="first", sort=False, dropna=False)
        if "datetime" in str(frame[across].dtype):
            wide = wide.sort_index(axis=1)
        order = frame.groupby(by, sort=False)["broken"].sum().sort_values(ascending=False, kind="stable").index
        shown = wide.loc[[name for name in wide.index if name in set(order[:top])]]
        ax = style.new_panel(ax, height=1.7 + 0.27 * max(len(shown), 3))
        if shown.empty:
            style.no_data(ax)
        else:
            _draw(ax, shown, written=written)
        found = quality_finding(frame, by=by, across=across) if title is None else title
        line = f"Share of rows without an error or a warning · n = {_rows(frame, by):,} rows"
        as_of = frame.attrs.get("as_of")
        line += f" · data to {say_period(as_of)}" if as_of is not None else ""
        left = len(wide) - len(shown)
        notes = " · ".join(
            part for part in (f"{left} with fewer broken rows not drawn" if left else "", source) if part
        )
        style.title_block(ax, found, line, notes)
        labelled = wide.set_axis([_label(name) for name in wide.columns], axis=1)
        twin = partial(table, labelled, caption=line, units=dict.fromkeys(labelled, "share"))
        return style.attach(ax, alt=_alt(frame, found, by, across), data=frame, twin=twin)


def quality_finding(frame: pd.DataFrame, *, by: str, across: str) -> str:
    """Say which cell has the lowest share of rows without an error or a warning.

    >>> import pandas as pd
    >>> cells = pd.DataFrame({"table": ["leads", "orders"], "dimension": ["validity"] * 2, "value": [0.98, 1.0],
    ...     "rows": [100, 100], "broken": [2, 0]})
    >>> quality_finding(cells, by="table", across="dimension")
    'leads, validity: 98.0% of 100 rows are without an error or warning, the lowest'
    """
    known = frame[frame["value"].notna() & (frame["broken"] > 0)]
    if not len(known):
        return f"None of {_rows(frame, by):,} rows has an error or a warning"
    low = known.loc[known["value"].idxmin()]
    share, rows = say(low["value"], "share"), int(low["rows"])
    return f"{low[by]}, {_label(low[across])}: {share} of {rows:,} rows are without an error or warning, the lowest"


def _rows(frame: pd.DataFrame, by: str) -> int:
    """Return how many rows a map is made from: those of a table stand in each of its columns."""
    if frame.attrs.get("repeated"):
        return int(frame.groupby(by)["rows"].max().sum())
    return int(frame["rows"].sum())


def _label(name: object) -> str:
    return f"{name:%Y-%m}" if hasattr(name, "strftime") else str(name)


def _alt(frame: pd.DataFrame, found: str, by: str, across: str) -> str:
    broken = frame[frame["broken"] > 0].sort_values("value", kind="stable").head(8)
    said = "; ".join(
        f"{row[by]}, {_label(row[across])} {say(row['value'], 'share')}" for row in broken.to_dict("records")
    )
    return f"{found}. {said}." if said else f"{found}."


def _draw(ax: Axes, wide: pd.DataFrame, *, written: bool) -> None:
    broken = 1 - wide.to_numpy(float)
    norm = PowerNorm(0.5, 0, _DARKEST, clip=True)
    ax.imshow(np.ma.masked_invalid(broken), cmap=_RAMP, norm=norm, aspect="auto", interpolation="nearest")
    names = list(wide.columns)
    step = 1 if written else -(-len(names) // 8)
    ax.set_xticks(range(0, len(names), step), labels=[_label(name) for name in names[::step]])
    ax.xaxis.tick_top()
    ax.set_yticks(range(len(wide)), labels=[short(str(name), 26) for name in wide.index])
    ax.set_xticks(np.arange(-0.5, len(names)), minor=True)
    ax.set_yticks(np.arange(-0.5, len(wide)), minor=True)
    ax.grid(False)
    ax.grid(True, which="minor", color=style.PANEL, linewidth=1.5)
    ax.tick_params(which="both", length=0, labelsize=8.5, labelcolor=style.SOFT)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if not written:
        return
    for row, column in np.argwhere(~np.isnan(broken)):
        share = broken[row, column]
        text = "100%" if share == 0 else say(1 - share, "share") if share >= 0.0005 else "> 99.9%"
        dark = norm(share) > 0.6
        ax.text(
            column, row, text, ha="center", va="center", size=8, color=style.PANEL if dark else style.INK,
            weight="bold" if share else "normal",
        )  # fmt: skip
