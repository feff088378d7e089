"""Figures of a round of actions: what it gains as it is carried out, and how that hangs on what was assumed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from crmkit.numbers import say, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need
from crmkit.tables import Html, table

if TYPE_CHECKING:
    import pandas as pd


def action_reach(
    frame: pd.DataFrame, *, title: str | None = None, source: str = "", ax: Axes | None = None, **given: Any
) -> Axes:
    """Draw the expected gain, cumulated over the actions in the order of their gain: how soon the list runs out of it.

    Parameters
    ----------
    frame : DataFrame
        One row an action, the highest gain first: `gain`, `calls`; `attrs` with `limits` in words, if any.
    title, source, ax, **given
        As in `trend`.
    """
    need(frame, "gain", "calls")
    usual = {"title": "Expected gain, cumulated", "unit": "money"}
    what = words.about(frame, None, source=source, usual=usual, **given)
    with style.house():
        ax = style.new_panel(ax, height=3.7)
        if not len(frame):
            style.no_data(ax)
            found = alt = f"No data: {what.title}."
        else:
            sums = np.concatenate([[0.0], frame["gain"].to_numpy(float).cumsum()])
            half = int(np.searchsorted(sums, sums[-1] / 2))
            _draw_reach(ax, sums, half, what)
            found = f"{_actions(half)} of {say(len(frame), 'count')} make half of the {what.say(sums[-1])} expected"
            alt = f"{what.title}. {found}; the last one gains {what.say(float(frame['gain'].iloc[-1]))}."
        end = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        n = f"n = {say(len(frame), 'count')} actions"
        line = " · ".join(part for part in (what.title, n, str(frame.attrs.get("said") or ""), end) if part)
        style.title_block(ax, found if title is None else title, line, what.source)
        return style.attach(ax, alt=alt, data=frame, twin=partial(_reach_table, frame, line, what))


def _actions(number: int) -> str:
    return f"{say(number, 'count')} action{'' if number == 1 else 's'}"


def _draw_reach(ax: Axes, sums: np.ndarray, half: int, what: words.About) -> None:
    x = np.arange(len(sums))
    ax.plot(x, sums, color=style.PALETTE[0])
    ax.fill_between(x, sums, color=style.PALETTE[0], alpha=0.10, linewidth=0)
    ax.plot([half, half], [0, sums[half]], color=style.SOFT, linewidth=1, linestyle=":")
    ax.plot([half], [sums[half]], "o", color=style.PALETTE[0], markersize=5)
    ax.annotate(f"{_actions(half)}: {what.say(sums[half])}", (half, sums[half]), xytext=(8, -4),
                textcoords="offset points", va="top", color=style.INK, size=9)  # fmt: skip
    ax.set_ylim(0, 1.06 * max(sums.max(), 1e-9))
    ax.set_xlim(0, max(len(sums) - 1, 1))
    style.value_axis(ax, ax.yaxis, what.unit, currency=what.currency, lang=what.lang)
    style.value_axis(ax, ax.xaxis, "count", lang=what.lang)
    ax.set_xlabel("actions, the highest expected gain first", color=style.SOFT, size=9)


def _reach_table(frame: pd.DataFrame, caption: str, what: words.About) -> Html:
    import pandas as pd

    places = np.unique(np.linspace(1, len(frame), min(12, len(frame))).round().astype(int)) if len(frame) else []
    sums, calls = frame["gain"].to_numpy(float).cumsum(), frame["calls"].to_numpy(float).cumsum()
    rows = pd.DataFrame({"actions": list(places), "calls": [calls[i - 1] for i in places],
                         "gain": [sums[i - 1] for i in places]})  # fmt: skip
    units = {"actions": "count", "calls": "count", "gain": "money"}
    return table(rows, caption=caption, units=units, currency=what.currency, lang=what.lang)


def action_sensitivity(
    frame: pd.DataFrame, *, title: str | None = None, source: str = "", ax: Axes | None = None, **given: Any
) -> Axes:
    """Draw what the set brings, and the best set would, if all success rates were a multiple of those assumed.

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.methods.action_plan.success_sensitivity` returns it: `factor`, `planned`, `best`; `attrs` with
        `break_even`.
    title, source, ax, **given
        As in `trend`.
    """
    need(frame, "factor", "planned", "best")
    usual = {"title": "Expected gain of the list", "unit": "money"}
    what = words.about(frame, None, source=source, usual=usual, **given)
    with style.house():
        ax = style.new_panel(ax, height=3.7)
        even = frame.attrs.get("break_even")
        if not len(frame) or even is None or not np.isfinite(even):
            style.no_data(ax)
            found = alt = f"No data: {what.title}."
        else:
            _draw_sensitivity(ax, frame, float(even), what)
            found = f"The list pays as long as success is above {say(even, 'share', digits=0)} of what is assumed"
            ends = [frame.iloc[place] for place in (0, -1)]
            alt = f"{what.title}. {found}. " + " ".join(
                f"At {say(end['factor'], 'share', digits=0)} of the success assumed the list brings "
                f"{what.say(end['planned'])}, the best one {what.say(end['best'])}." for end in ends
            )  # fmt: skip
        end = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        line = " · ".join(part for part in (what.title, "by the success rates, all together", end) if part)
        style.title_block(ax, found if title is None else title, line, what.source)
        return style.attach(ax, alt=alt, data=frame, twin=partial(_sensitivity_table, frame, line, what))


def _draw_sensitivity(ax: Axes, frame: pd.DataFrame, even: float, what: words.About) -> None:
    x = frame["factor"].to_numpy(float)
    lines = (("best", "the best list, had one known", style.PALETTE[1], (0, (5, 3))),
             ("planned", "this list", style.PALETTE[0], "-"))  # fmt: skip
    for name, _, color, dash in lines:
        ax.plot(x, frame[name], color=color, linestyle=dash, marker="o", markersize=3.5)
    low, high = float(frame[["planned", "best"]].min().min()), float(frame[["planned", "best"]].max().max())
    room = 0.07 * max(high - min(low, 0), 1e-9)
    ax.set_ylim(min(low, 0) - room / 2, high + room)
    ax.axhline(0, color=style.SOFT, linewidth=1)
    ax.axvline(1, color=style.SOFT, linewidth=1, linestyle=":")
    ax.annotate("as assumed", (1, high), xytext=(5, 0), textcoords="offset points", va="top", color=style.SOFT,
                size=8.5)  # fmt: skip
    if x[0] <= even <= x[-1]:
        ax.plot([even], [0], "D", color=style.PALETTE[0], markersize=6, clip_on=False, zorder=5)
    ends = [float(frame[name].iloc[-1]) for name, *_ in lines]
    for (_, label, color, _), place in zip(lines, style.spread(ends, 1.2 * room), strict=True):
        ax.annotate(label, (x[-1], place), xytext=(7, 0), textcoords="offset points", va="center", color=color,
                    weight="bold", annotation_clip=False)  # fmt: skip
    style.value_axis(ax, ax.yaxis, what.unit, currency=what.currency, lang=what.lang)
    style.value_axis(ax, ax.xaxis, "share", lang=what.lang)
    ax.set_xlim(x[0], x[-1])
    ax.set_xlabel("success as a share of what is assumed", color=style.SOFT, size=9)


def _sensitivity_table(frame: pd.DataFrame, caption: str, what: words.About) -> Html:
    shown = frame.rename(columns={"factor": "success", "planned": "this list", "best": "best list",
                                  "actions": "actions in the best list"})  # fmt: skip
    units = {"success": "share", "this list": "money", "best list": "money", "actions in the best list": "count"}
    units = {name: unit for name, unit in units.items() if name in shown}
    return table(shown, caption=caption, units=units, currency=what.currency, lang=what.lang)
