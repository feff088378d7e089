"""Figures of estimates with their intervals, and of a series before and after something was introduced."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num

from crmkit.numbers import say_interval, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need, period_labels
from crmkit.plots.text import short
from crmkit.tables import table

if TYPE_CHECKING:
    from collections.abc import Sequence


def estimates(
    frame: pd.DataFrame,
    *,
    name: str = "title",
    none: float = 0.0,
    apart: Sequence[str] = (),
    metric: Any = None,
    title: str | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw estimates as points with their 95% intervals around a line of no effect; grey where the interval holds it.

    Parameters
    ----------
    frame : DataFrame
        One row an estimate: a name, `value`, `low`, `high`. The order is kept.
    name : str
        The column of names.
    none : float
        What no effect would be: 0 for differences, 1 for ratios.
    apart : sequence of str
        Names that are drawn in black: a sum among its parts.
    metric, title, source, ax, **given
        As in `trend`.
    """
    need(frame, name, "value", "low", "high")
    what = words.about(frame, metric, source=source, **given)
    with style.house():
        rows = frame[frame["value"].notna()].reset_index(drop=True)
        ax = style.new_panel(ax, height=min(1.7 + 0.42 * max(len(rows), 2), 6.6))
        clear = (rows["low"] > none) | (rows["high"] < none)
        if rows.empty:
            style.no_data(ax)
            found = f"{what.title or 'Estimates'}: no data"
        else:
            _draw_estimates(ax, rows, clear, name, none, apart, what)
            some = [short(str(row), 30) for row in rows.loc[clear & ~rows[name].isin(apart), name]]
            parts = int((~rows[name].isin(apart)).sum())
            found = f"{len(some)} of {parts} are clearly more than noise" + (f": {', '.join(some)}" if some else "")
        date = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        unit = (what.currency or "money") if what.unit == "money" else ""
        line = " · ".join(p for p in (", ".join(q for q in (what.title, unit) if q), "95% intervals", date) if p)
        style.title_block(ax, found if title is None else title, line, what.source)
        said = "; ".join(f"{row[name]} {what.say(row['value'])}{words.span(row, what)}" for _, row in rows.iterrows())
        alt = f"{what.title or 'Estimates'}: {said}." if said else f"No data: {what.title}."
        shown = rows[[name, "value"]].assign(interval=[
            say_interval(low, high, what.unit, currency=what.currency, lang=what.lang)
            for low, high in zip(rows["low"], rows["high"], strict=True)
        ]).rename(columns={"interval": "95% interval"})  # fmt: skip
        twin = partial(
            table, shown, caption=line, units={"value": what.unit}, numbers=["95% interval"], currency=what.currency,
            lang=what.lang,
        )  # fmt: skip
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def _draw_estimates(ax, rows, clear, name, none, apart, what) -> None:
    for place, row in rows.iterrows():
        whole = row[name] in apart
        color = (
            style.INK if whole else (style.GAIN if row["value"] > none else style.LOSS) if clear[place] else style.OTHER
        )
        if np.isfinite(row["low"]):
            ax.hlines(place, row["low"], row["high"], color=color, linewidth=4 if whole else 3, alpha=0.55)
        ax.plot(row["value"], place, "D" if whole else "o", color=color, markersize=7)
        edge = row["high"] if np.isfinite(row["high"]) else row["value"]
        ax.annotate(what.say(row["value"]), (edge, place), xytext=(7, 0), textcoords="offset points", va="center",
                    weight="bold", size=9, color=style.INK if clear[place] or whole else style.SOFT)  # fmt: skip
    ax.axvline(none, color=style.SOFT, linewidth=1)
    low, high = np.nanmin([*rows["low"], *rows["value"], none]), np.nanmax([*rows["high"], *rows["value"], none])
    ax.set_xlim(low - 0.04 * (high - low), high + 0.17 * (high - low))
    style.value_axis(ax, ax.xaxis, what.unit, currency=what.currency, lang=what.lang)
    style.name_axis(ax, [short(str(label), 30) for label in rows[name]])
    ax.spines["bottom"].set_visible(False)


def interruption(
    frame: pd.DataFrame,
    *,
    introduced: Any,
    metric: Any = None,
    title: str | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw a metric by month before and after an introduction, the mean of each side, and the trend before drawn on.

    Parameters
    ----------
    frame : DataFrame
        `period` (start of the month) and `value`.
    introduced : datetime
        When it was.
    metric, title, source, ax, **given
        As in `trend`.
    """
    need(frame, "period", "value")
    what = words.about(frame, metric, source=source, usual={"every": "month"}, **given)
    begin = pd.Timestamp(introduced)
    with style.house():
        rows = frame[frame["value"].notna()].sort_values("period")
        past, now = rows[rows["period"] < begin], rows[rows["period"] >= begin]
        ax = style.new_panel(ax)
        if past.empty or now.empty:
            style.no_data(ax, "on one of the sides")
            found = alt = f"{what.title}: no data on one of the sides"
        else:
            line = _draw_sides(ax, past, now, begin, what)
            sides = [float(side["value"].mean()) for side in (past, now)]
            moved = words.verb(*sides)
            found = f"{what.title}: {what.say(sides[0])} in the months before, {what.say(sides[1])} since"
            alt = f"{what.title} by month {moved} from a mean of {what.say(sides[0])} in {len(past)} months before "
            alt += f"{say_period(begin)} to {what.say(sides[1])} in the {len(now)} months since."
            alt += f" The trend before would have led to {what.say(line)} at the end." if line is not None else ""
        date = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        text = " · ".join(p for p in (f"{what.title} by month", "solid: means, dashed: the trend before", date) if p)
        style.title_block(ax, found if title is None else title, text, what.source)
        shown = rows[["period", "value"]].assign(period=[say_period(day, "month") for day in rows["period"]])
        twin = partial(table, shown, caption=text, units={"value": what.unit}, currency=what.currency, lang=what.lang)
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def _draw_sides(
    ax: Axes, past: pd.DataFrame, now: pd.DataFrame, begin: pd.Timestamp, what: words.About
) -> float | None:
    """Draw both sides and the trend of the first; return where the trend ends."""
    for side, color in ((past, style.SOFT), (now, style.PALETTE[0])):
        x = date2num(side["period"])
        ax.plot(x, side["value"], color=color, marker="o", markersize=3.5, linewidth=1.2, alpha=0.8)
        mean = float(side["value"].mean())
        ax.hlines(mean, x[0], x[-1], color=color, linewidth=2.6)
        ax.annotate(what.say(mean), (x[-1], mean), xytext=(-2, 5), textcoords="offset points", ha="right",
                    weight="bold", color=color, path_effects=style.HALO)  # fmt: skip
    end = None
    if len(past) >= 6:
        x, ends = date2num(past["period"]), date2num([past["period"].iloc[0], now["period"].iloc[-1]])
        slope, base = np.polyfit(x - x[0], past["value"].to_numpy(float), 1)
        drawn = base + slope * (ends - x[0])
        ax.plot(ends, drawn, color=style.PALETTE[1], linewidth=1.4, linestyle=(0, (5, 4)))
        end = float(drawn[-1])
    ax.axvline(date2num(begin), color=style.SOFT, linewidth=1, linestyle=(0, (4, 3)))
    ax.annotate("introduced", (date2num(begin), 1), xycoords=("data", "axes fraction"), xytext=(-4, -3), ha="right",
                textcoords="offset points", va="top", color=style.SOFT, size=8.5)  # fmt: skip
    every = [*past["period"], *now["period"]]
    chosen, labels = period_labels([pd.Timestamp(day) for day in every], what)
    ax.set_xticks(date2num([every[place] for place in chosen]), labels=labels)
    ax.tick_params(axis="x", length=3, labelsize=9, labelcolor=style.SOFT)
    style.value_axis(ax, ax.yaxis, what.unit, currency=what.currency, lang=what.lang)
    return end
