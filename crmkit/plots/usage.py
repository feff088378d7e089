"""The figure of who used the CRM when: a row a user, a column a week."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from crmkit.numbers import say, say_period
from crmkit.plots import style
from crmkit.plots.over_time import need
from crmkit.plots.text import short
from crmkit.tables import table

if TYPE_CHECKING:
    import pandas as pd

_RAMP = LinearSegmentedColormap.from_list("crmkit days", ["#EFEFEF", "#A9CBE3", "#4C93C3", "#0067A5", "#00395E"])
_MOST_DAYS = 5
"""Days of use in a week from which on a cell is darkest; more are shown like it."""


def use_map(
    frame: pd.DataFrame,
    *,
    by: str,
    title: str | None = None,
    top: int = 40,
    source: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw on how many days of each week each user used the CRM; without a licence a cell is white, without use grey.

    Parameters
    ----------
    frame : DataFrame
        One row a user and week: `by`, `period` (start of the week), `value` (days), as
        `crmkit.methods.usage.users_by_week` returns it.
    by : str
        The column that names the user.
    title : str, optional
        The finding; by default how many came in the last week, and how many not in the last four.
    top : int
        How many users are drawn: those with the least use of late are among them.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    need(frame, by, "period", "value")
    with style.house():
        wide = frame.pivot_table(index=by, columns="period", values="value", aggfunc="sum").sort_index(axis=1)
        late = wide.iloc[:, -4:].sum(axis=1)
        ranked = wide.loc[late.to_frame("late").assign(all=wide.sum(axis=1)).sort_values(["late", "all"]).index]
        left = max(0, len(ranked) - top)
        shown = ranked.iloc[:top][::-1]
        ax = style.new_panel(ax, height=min(1.6 + 0.2 * max(len(shown), 4), 8.0))
        if shown.empty:
            style.no_data(ax)
        else:
            _draw(ax, shown)
        as_of = frame.attrs.get("as_of")
        parts = ["Days of use a week, users with a licence", f"n = {len(wide)} users"]
        line = " · ".join([*parts, *([f"data to {say_period(as_of)}"] if as_of is not None else [])])
        notes = " · ".join(part for part in (f"{left} users with more use not drawn" if left else "", source) if part)
        found = use_finding(wide) if title is None else title
        style.title_block(ax, found, line, notes)
        alt = f"{found}. " + "; ".join(
            f"{name} {say(float(days), 'count')} days in the last four weeks"
            for name, days in late[shown.index].items()
        )
        numbers = ranked.set_axis([f"{week:%m-%d}" for week in ranked.columns], axis=1).rename_axis("user")
        twin = partial(
            table,
            numbers,
            caption=f"{line}; columns are weeks by their first day",
            units=dict.fromkeys(numbers, "count"),
        )
        return style.attach(ax, alt=alt + ".", data=frame, twin=twin)


def use_finding(wide: pd.DataFrame) -> str:
    """Say how many users came in the last week, and how many not once in the last four.

    >>> import pandas as pd
    >>> use_finding(pd.DataFrame([[5.0, 0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 3.0, 2.0]]))
    '1 of 2 users came in the last week; 1 did not come in the last four'
    """
    if not wide.size:
        return "Use of the CRM: no data"
    there = wide.loc[wide.iloc[:, -1].notna()]
    came = int((there.iloc[:, -1] > 0).sum())
    gone = int((there.iloc[:, -4:].sum(axis=1) == 0).sum())
    last = f"{gone} did not come" if gone else "all came"
    return f"{came} of {len(there)} users came in the last week; {last} in the last four"


def _draw(ax: Axes, wide: pd.DataFrame) -> None:
    cells = wide.to_numpy(float)
    image = ax.imshow(
        np.ma.masked_invalid(cells), cmap=_RAMP, vmin=0, vmax=_MOST_DAYS, aspect="auto", interpolation="nearest"
    )
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.6, aspect=20, pad=0.01, ticks=range(_MOST_DAYS + 1))
    bar.ax.set_yticklabels([*(str(days) for days in range(_MOST_DAYS)), f"{_MOST_DAYS} or more"], size=8.5)
    bar.ax.tick_params(length=0, labelcolor=style.SOFT)
    bar.ax.grid(False)
    bar.outline.set_visible(False)
    bar.set_label("days of use", color=style.SOFT)
    each = -(-len(wide) // 40)
    ax.set_yticks(range(0, len(wide), each), labels=[short(str(name), 26) for name in wide.index[::each]])
    step = -(-wide.shape[1] // 6)
    weeks = list(wide.columns)
    ax.set_xticks(range(0, len(weeks), step), labels=[say_period(week) for week in weeks[::step]])
    ax.set_xticks(np.arange(-0.5, len(weeks)), minor=True)
    ax.set_yticks(np.arange(-0.5, len(wide)), minor=True)
    ax.grid(False)
    ax.grid(True, which="minor", color=style.PANEL, linewidth=1.2)
    ax.tick_params(which="both", length=0, labelsize=8.5, labelcolor=style.SOFT)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_xlabel("week, by its first day")
