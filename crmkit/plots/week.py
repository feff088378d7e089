"""The figure of a week: how much happens on each weekday in each hour of the day."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from crmkit.engine.intervals import Z
from crmkit.numbers import say, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need
from crmkit.tables import table

if TYPE_CHECKING:
    import pandas as pd

_RAMP = LinearSegmentedColormap.from_list("crmkit week", ["#FFFFFF", "#A9CBE3", "#4C93C3", "#0067A5", "#00395E"])
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MOST_NAMED = 3


def week(
    frame: pd.DataFrame,
    *,
    metric: Any = None,
    title: str | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw a week as a map: a row a weekday, a column an hour, darker where more happens.

    Parameters
    ----------
    frame : DataFrame
        Tidy: `weekday` (1 Monday to 7 Sunday), `hour` (0 to 23) and `value`, a count. Hours before the first and after
        the last in which anything happened are not drawn.
    metric, title, source, ax, **given
        As in `trend`.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    need(frame, "weekday", "hour", "value")
    usual = {"title": "Events", "unit": "count"}
    what = words.about(frame, metric, source=source, usual=usual, **given)
    with style.house():
        wide = frame.pivot_table(index="weekday", columns="hour", values="value", aggfunc="sum")
        wide = wide.reindex(index=range(1, 8), columns=range(24)).fillna(0.0).astype(float)
        busy = wide.columns[(wide > 0).any()]
        ax = style.new_panel(ax, height=3.4)
        if len(busy) == 0:
            style.no_data(ax)
            alt, found = f"No data: {what.title}.", f"{what.title}: no data"
        else:
            wide = wide[range(int(busy.min()), int(busy.max()) + 1)]
            _draw(ax, wide, what)
            alt, found = _alt(wide, what), _finding(wide, what)
        date = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        whole = f"n = {say(float(wide.to_numpy().sum()), 'count', lang=what.lang)}"
        line = " · ".join(part for part in (f"{what.title}, by weekday and hour", whole, date) if part)
        style.title_block(ax, found if title is None else title, line, what.source)
        shown = wide.set_axis([f"{hour}:00" for hour in wide.columns], axis=1)
        shown = shown.set_axis(list(WEEKDAYS), axis=0).rename_axis("weekday")
        twin = partial(table, shown, caption=line, units=dict.fromkeys(shown, what.unit), lang=what.lang)
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def _draw(ax: Axes, wide: pd.DataFrame, what: words.About) -> None:
    cells = wide.to_numpy(float)
    most = cells.max()
    ax.imshow(cells, cmap=_RAMP, vmin=0, vmax=most, aspect="auto", interpolation="nearest")
    if cells.shape[1] <= 16 or most < 100:
        for i, j in np.argwhere(cells > 0):
            color = "white" if cells[i, j] / most > 0.45 else style.INK
            text = say(cells[i, j], what.unit, lang=what.lang)
            ax.text(j, i, text, ha="center", va="center", size=8, color=color, in_layout=False)
    style.name_axis(ax, WEEKDAYS)
    ax.set_ylim(len(WEEKDAYS) - 0.5, -0.5)
    hours = list(wide.columns)
    places = np.arange(len(hours) + 1) - 0.5  # an hour begins at the left edge of its cell
    ax.set_xticks(places, labels=[f"{hour}:00" for hour in [*hours, hours[-1] + 1]])
    ax.tick_params(axis="x", length=0, labelsize=8 if len(hours) > 14 else 9, labelcolor=style.SOFT)
    if len(hours) > 14:
        for label in ax.get_xticklabels()[1::2]:
            label.set_visible(False)
    ax.set_xlabel("hour of the day")
    for spine in ax.spines.values():
        spine.set_visible(False)


def _busiest(wide: pd.DataFrame) -> tuple[int, int]:
    day, place = np.unravel_index(int(wide.to_numpy().argmax()), wide.shape)
    return int(wide.index[day]), int(wide.columns[place])


def _finding(wide: pd.DataFrame, what: words.About) -> str:
    """Name the days that are as busy as the busiest: those whose distance from it may be chance (Poisson)."""
    days = wide.sum(axis=1)
    top, whole = float(days.max()), float(days.sum())
    alike = days[top - days <= Z * np.sqrt(top + days)].sort_values(ascending=False, kind="stable")
    if len(alike) > _MOST_NAMED:
        return f"{what.title}: no weekday stands out"
    *others, last = [WEEKDAYS[day - 1] for day in alike.index]
    share = say(float(alike.sum()) / whole, "share", digits=0, lang=what.lang)
    if not others:
        return f"{last} is the busiest day: {share} of all"
    return f"{', '.join(others)} and {last} are the busiest days: {share} of all"


def _alt(wide: pd.DataFrame, what: words.About) -> str:
    days = wide.sum(axis=1)
    each = ", ".join(f"{WEEKDAYS[day - 1]} {say(float(count), 'count', lang=what.lang)}" for day, count in days.items())
    day, hour = _busiest(wide)
    most = say(float(wide.to_numpy().max()), "count", lang=what.lang)
    return f"{what.title} by weekday: {each}. The busiest hour is {WEEKDAYS[day - 1]} from {hour}:00, with {most}."
