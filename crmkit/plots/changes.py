"""Figures of a change taken apart: a bridge from start to end, and the levers of a compound metric."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmkit.errors import UsageError
from crmkit.numbers import common_digits, say
from crmkit.plots import style, words
from crmkit.plots.groups import difference, pick, points
from crmkit.plots.over_time import need
from crmkit.plots.text import short, wrap
from crmkit.tables import table

#: Steps of the bridges that take away; measured as amounts of at least 0.
TAKEN = ("lost_customers", "contraction_mrr", "churned_mrr")


def bridge(
    frame: pd.DataFrame,
    *,
    step: str | None = None,
    minus: tuple[str, ...] = TAKEN,
    names: dict[str, str] | None = None,
    metric: Any = None,
    title: str | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw how a stock came from its start to its end, step by step, and say whether the steps close.

    Parameters
    ----------
    frame : DataFrame
        Rows in order: first the start, last the end, between them the changes; `value` and a column of names (`step`,
        by default "step" or "metric").
    minus : tuple of str
        The steps that take away although they are measured as positive amounts. A negative value takes away by itself.
    names : dict, optional
        Step to the name that people read.
    metric, title, source, ax, **given
        As in `trend`.

    Raises
    ------
    UsageError
        If there are fewer than two rows with a value but more than none.
    """
    need(frame, "value")
    step = step or pick(frame, "step", "metric")
    frame = frame.reset_index(drop=True)
    what = words.about(frame, metric, source=source, usual={"unit": "count"}, **given)
    if len(frame) and not given.get("title"):
        stock = str(frame[step].iloc[0]).removesuffix("_at_start").removesuffix("_start")
        what = words.retitle(what, title=words.title_of(stock) if stock not in ("start", "Start") else "Bridge")
    with style.house():
        value = frame["value"].to_numpy(float)
        labels = [(names or {}).get(str(s), words.title_of(str(s))) for s in frame[step]]
        ax = style.new_panel(ax)
        if not len(value) or np.isnan(value[[0, -1]]).all():
            style.no_data(ax)
            style.title_block(ax, title or f"{what.title}: no data", "", what.source)
            return style.attach(ax, alt=f"No data: {what.title}.", data=frame, twin=partial(table, frame, caption="-"))
        if len(value) < 2:
            raise UsageError("a bridge needs a start and an end, with the changes between them: got one row")
        change = np.where(np.isin(frame[step].astype(str), minus), -np.abs(value), value)
        change = np.nan_to_num(change)
        start, end, steps = change[0], change[-1], change[1:-1]
        gap = end - (start + steps.sum())
        closes = abs(gap) < 0.005 or abs(gap) <= 1e-9 * max(abs(start), abs(end))
        state = "start and changes add up to the end" if closes else f"does not close: {difference(gap, what)} missing"
        _draw_bridge(ax, labels, start, steps, end, what)
        found = f"{what.title}: {what.say(start)} to {what.say(end)}, {difference(end - start, what)}"
        unit = what.currency if what.unit == "money" else ""
        date = f"data to {words.say_period(what.as_of)}" if what.as_of is not None else ""
        line = " · ".join(p for p in (", ".join(q for q in (what.title, unit) if q), state, date) if p)
        style.title_block(ax, found if title is None else title, line, what.source)
        said = ", ".join(f"{n} {difference(c, what)}" for n, c in zip(labels[1:-1], steps, strict=True))
        alt = f"{what.title}: {labels[0]} {what.say(start)}; {said}; {labels[-1]} {what.say(end)}. It {state}."
        alt = alt.replace("It start and changes", "Start and changes")
        unknown = int(np.isnan(value).sum())
        alt += f" {unknown} unknown, counted as none." if unknown else ""
        twin = partial(
            table, frame[[step, "value"]].assign(**{step: labels}), caption=line, units={"value": what.unit},
            currency=what.currency, lang=what.lang,
        )  # fmt: skip
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def levers(
    frame: pd.DataFrame,
    *,
    lever: str | None = None,
    effect: str | None = None,
    metric: Any = None,
    title: str | None = None,
    total: float | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw the change of a compound metric split into its levers, the largest first, and the total that they make.

    Parameters
    ----------
    frame : DataFrame
        One row a lever: its name (`lever`, by default "lever" or "metric") and what it did to the metric (`effect`, by
        default "effect", "contribution" or "value"), in the metric's unit.
    total : float, optional
        The change that the levers must add up to; where they don't, the figure says by how much.
    metric, title, source, ax, **given
        As in `trend`.
    """
    lever = lever or pick(frame, "lever", "metric")
    effect = effect or pick(frame, "effect", "contribution", "value")
    shown = frame.drop(columns="metric") if lever != "metric" and "metric" in frame else frame
    what = words.about(shown, metric, source=source, **given)
    with style.house():
        rows = frame[frame[effect].notna()]
        rows = rows.loc[rows[effect].abs().sort_values(ascending=False, kind="stable").index]
        names = [short(words.title_of(words.label(v)), 30) for v in rows[lever]]
        size = rows[effect].to_numpy(float)
        whole = float(size.sum())
        gap = 0.0 if total is None else total - whole
        ax = style.new_panel(ax, height=min(1.6 + 0.36 * (len(names) + 1), 6.6))
        name = what.title or "The metric"
        state = "the levers add up to the change"
        if abs(gap) > 1e-6 * max(abs(whole), abs(total or 0), 1e-9):
            state = f"the levers miss the change by {difference(gap, what)}"
        if names:
            _draw_levers(ax, [*names, "change in all"], np.append(size, whole), what)
            with_it = size[0] * whole > 0
            most = "most of it from" if with_it else "although"
            found = f"{name}: {difference(whole, what)}, {most} {names[0]} ({difference(size[0], what)})"
        else:
            style.no_data(ax, "a lever is not known in one of the two periods")
            found = f"{name}: no data"
        date = f"data to {words.say_period(what.as_of)}" if what.as_of is not None else ""
        line = " · ".join(p for p in (f"{name}: what each lever did to it, in {points(what)}", state, date) if p)
        style.title_block(ax, found if title is None else title, line, what.source)
        said = ", ".join(f"{n} {difference(s, what)}" for n, s in zip(names, size, strict=True))
        alt = f"{name} changed by {difference(whole, what)}: {said}." if names else f"No data: {name}."
        alt += f" {state[0].upper()}{state[1:]}." if names else ""
        told = _in_units(rows, lever, what)
        twin = partial(table, told, caption=line, formats={effect: partial(difference, what=what)}, lang=what.lang)
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def _in_units(rows: pd.DataFrame, lever: str, what: words.About) -> pd.DataFrame:
    """Write what a lever was before and after in its own unit, where it is a metric."""
    from crmkit.metric import all_metrics

    known, told = all_metrics(), rows.copy()
    for column in ("before", "after"):
        if column in told and all(name in known for name in told[lever]):
            units = [known[name].unit for name in told[lever]]
            told[column] = [say(value, unit, currency=what.currency, lang=what.lang)
                            for value, unit in zip(rows[column], units, strict=True)]  # fmt: skip
    return told


def _draw_bridge(ax: Axes, labels: list[str], start: float, steps: np.ndarray, end: float, what: words.About) -> None:
    """Draw start, steps and end; where the changes are small beside the stock, cut the axis and draw no full bars.

    A bar that doesn't begin at zero misstates its size, so on a cut axis start and end are lines at their level.
    """
    level = start + np.concatenate([[0.0], steps.cumsum()])
    low, high = float(min(level.min(), end)), float(max(level.max(), end))
    swing = max(high - low, np.abs(steps).max(initial=0.0))
    cut = low > 0 and swing < 0.25 * high
    last = len(labels) - 1
    for at, total in ((0, start), (last, end)):
        if cut:
            ax.hlines(total, at - 0.36, at + 0.36, color=style.TOTAL, linewidth=4)
        else:
            ax.bar(at, total, 0.72, color=style.TOTAL)
        ax.annotate(what.say(total), (at, max(total, 0)), xytext=(0, 7 if cut else 4), textcoords="offset points",
                    ha="center", weight="bold", size=9.5)  # fmt: skip
    for i, change in enumerate(steps, start=1):
        color = style.GAIN if change >= 0 else style.LOSS
        ax.bar(i, change, 0.72, level[i - 1], color=color)
        edge = max(level[i - 1], level[i])
        ax.annotate(difference(change, what), (i, edge), xytext=(0, 4), textcoords="offset points", ha="center",
                    color=color, weight="bold", size=9.5)  # fmt: skip
    for i in range(last):
        ax.hlines(level[i], i - 0.36, i + 1.36, color=style.FAINT, linewidth=0.8, zorder=0)
    room = swing or abs(high) or 1.0
    ax.set_ylim(low - 0.25 * room if cut else min(0.0, low * 1.1), high + (0.18 * room if cut else 0.1 * abs(high)))
    style.value_axis(ax, ax.yaxis, what.unit, currency=what.currency, lang=what.lang)
    lines = ["\n".join(wrap(name, max(6, 92 // len(labels)), lines=3)) for name in labels]
    style.name_axis(ax, lines, horizontal=True)
    if cut:
        ax.annotate("axis does not start at 0", (1, 0), xycoords="axes fraction", xytext=(-2, 4),
                    textcoords="offset points", ha="right", size=8, color=style.SOFT)  # fmt: skip


def _draw_levers(ax: Axes, names: list[str], size: np.ndarray, what: words.About) -> None:
    places = np.arange(len(names))
    colors = [style.GAIN if s >= 0 else style.LOSS for s in size[:-1]] + [style.TOTAL]
    start = np.append(np.concatenate([[0.0], size[:-1].cumsum()[:-1]]), 0.0)  # each lever begins where the last ended
    ax.barh(places, size, 0.62, start, color=colors)
    for i in places[:-1]:
        ax.vlines(start[i] + size[i], i - 0.31, i + 1.31, color=style.FAINT, linewidth=0.8, zorder=0)
    ends = start + size
    low, high = min(0.0, ends.min(), start.min()), max(0.0, ends.max(), start.max())
    span = (high - low) or 1.0
    digits = common_digits(size, what.unit, currency=what.currency) if abs(size).max() < 1e6 else None
    for i, s in enumerate(size):
        side = 1 if s >= 0 else -1
        ax.annotate(difference(s, what, digits=digits), (ends[i], i), xytext=(5 * side, 0), va="center",
                    textcoords="offset points", ha="left" if side > 0 else "right", weight="bold", size=9,
                    color=colors[i])  # fmt: skip
    room = 0.19 * span
    ax.set_xlim(
        min(low - 0.02 * span, *(ends[size < 0] - room)) if (size < 0).any() else low,
        max(high + 0.02 * span, *(ends[size >= 0] + room)) if (size >= 0).any() else high,
    )
    ax.axvline(0, color=style.FAINT, linewidth=0.8)
    style.value_axis(ax, ax.xaxis, what.unit, currency=what.currency, lang=what.lang, difference=True)
    style.name_axis(ax, names)
    ax.spines["bottom"].set_visible(False)
