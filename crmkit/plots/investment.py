"""Figures of an investment: its cash flow and payback, the inputs that matter most, what it may come to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from crmkit.numbers import say, say_interval, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need, period_labels
from crmkit.plots.text import short
from crmkit.tables import table

if TYPE_CHECKING:
    import pandas as pd


def cash_flow(
    frame: pd.DataFrame,
    *,
    start: str = "the introduction",
    title: str | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw what each month brings and costs in all, the sum of it so far, and the month in which it has paid.

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.methods.cash_flow` makes it: `step`, `net`, `cumulative`. With `month`, the first day of each, the
        steps are calendar months of which step 0 is the first; without it, step 0 is the moment of the start.
    start : str
        What the steps are counted from.
    title, source, ax, **given
        As in `trend`; the unit is money.
    """
    need(frame, "step", "net", "cumulative")
    what = words.about(frame, None, source=source, usual={"title": "Cash flow", "unit": "money"}, **given)
    with style.house():
        ax = style.new_panel(ax)
        step, so_far = (frame[name].to_numpy(float) for name in ("step", "cumulative"))
        reached = np.flatnonzero((so_far >= 0) & (step >= 0) & (np.minimum.accumulate(so_far) < 0))
        pays = int(reached[0]) if len(reached) else None
        if not len(step):
            style.no_data(ax)
            found, alt = "Cash flow: no data", "No data: cash flow."
        else:
            _draw_flow(ax, frame, pays, what)
            names = _step_names(frame)
            if "month" not in frame:
                ax.set_xlabel(f"months since {start}")
            found = _flow_finding(frame, names, pays, start, what)
            low = int(so_far.argmin())
            alt = (
                f"Cash flow by month, {names[0]} to {names[-1]}: the sum so far is lowest with "
                f"{what.say(so_far[low])} in {names[low]} and ends at {what.say(so_far[-1])}. {found}."
            )
        date = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        unit = what.currency or "money"
        line = " · ".join(
            p for p in (f"Benefit less cost, {unit}", "bars: each month, line: the sum so far", date) if p
        )
        style.title_block(ax, found if title is None else title, line, what.source)
        columns = [name for name in ("cost", "benefit", "net", "cumulative") if name in frame]
        units, shown = dict.fromkeys(columns, "money"), frame[columns].copy()
        shown.insert(0, "month", _step_names(frame))
        twin = partial(table, shown, caption=line, units=units, currency=what.currency, lang=what.lang)
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def _step_names(frame: pd.DataFrame) -> list[str]:
    """Return how each step is called: Mar 2026, or month 8."""
    if "month" in frame:
        return [say_period(day, "month") for day in frame["month"]]
    return [f"month {step:g}" for step in frame["step"]]


def _flow_finding(frame: pd.DataFrame, names: list[str], pays: int | None, start: str, what: words.About) -> str:
    """Say when it has paid, and what is left at the end: of months that are past, or of a plan."""
    end, past = float(frame["cumulative"].iloc[-1]), "month" in frame
    if pays is None:
        short_of = what.say(abs(end))
        if past:
            return f"It has not paid for itself by {names[-1]}: {short_of} short"
        return f"It does not pay for itself within {frame['step'].iloc[-1]:g} months: {short_of} short"
    later = f"{what.say(end)} in all by the end" if end > 0 else "later below zero again"
    if past:
        after = frame["step"].iloc[pays] + 1
        return f"It had paid for itself by the end of {names[pays]}, {after:g} months after {start}; {later}"
    return f"It pays for itself after {frame['step'].iloc[pays]:g} months; {later}"


def _draw_flow(ax: Axes, frame: pd.DataFrame, pays: int | None, what: words.About) -> None:
    step, net, so_far = (frame[name].to_numpy(float) for name in ("step", "net", "cumulative"))
    ax.bar(step, net, 0.7, color=[style.GAIN if flow >= 0 else style.LOSS for flow in net], alpha=0.55)
    ax.plot(step, so_far, color=style.INK, marker="o", markersize=3 if len(step) <= 40 else 0)
    ax.axhline(0, color=style.FAINT, linewidth=0.9)
    ax.annotate(what.say(so_far[-1]), (step[-1], so_far[-1]), xytext=(8, 0), textcoords="offset points", va="center",
                weight="bold", annotation_clip=False)  # fmt: skip
    if step[0] < 0:
        ax.axvline(-0.5, color=style.SOFT, linewidth=1, linestyle=(0, (4, 3)))
        ax.annotate("introduced", (-0.5, 1), xycoords=("data", "axes fraction"), xytext=(-4, -3), ha="right",
                    textcoords="offset points", va="top", color=style.SOFT, size=8.5)  # fmt: skip
    if pays is not None:
        ax.plot(step[pays], so_far[pays], "o", color=style.GAIN, markersize=8, zorder=5)
        ax.annotate("paid back", (step[pays], so_far[pays]), xytext=(-6, 12), ha="right",
                    textcoords="offset points", color=style.GAIN, weight="bold", path_effects=style.HALO)  # fmt: skip
    style.value_axis(ax, ax.yaxis, "money", currency=what.currency, lang=what.lang)
    if "month" in frame:
        chosen, labels = period_labels(list(frame["month"]), words.retitle(what, every="month"))
        ax.set_xticks(step[chosen], labels=labels)
        ax.tick_params(axis="x", length=3, labelsize=9, labelcolor=style.SOFT)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    ax.margins(x=0.02)


def tornado(
    frame: pd.DataFrame,
    *,
    outcome: str = "net present value",
    title: str | None = None,
    top: int = 10,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw how far each input alone moves an outcome from what is expected, the widest first.

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.methods.tornado` makes it.
    outcome : str
        What the outcome is called.
    top : int
        How many inputs are drawn; the others are counted.
    title, source, ax, **given
        As in `trend`; the unit is money unless told otherwise.
    """
    need(frame, "input", "at_low", "at_high", "expected", "low_input", "high_input")
    what = words.about(
        frame, None, source=source, usual={"title": outcome[:1].upper() + outcome[1:], "unit": "money"}, **given
    )
    with style.house():
        rows = frame[frame["at_low"].notna() & frame["at_high"].notna()].head(top)
        ax = style.new_panel(ax, height=min(1.9 + 0.4 * max(len(rows), 2), 6.6))
        line = f"{what.title} where each input alone is at its low or its high end"
        if rows.empty:
            style.no_data(ax)
            found, alt = f"No input moves the {outcome}", f"No input moves the {outcome}."
        else:
            _draw_tornado(ax, rows, what)
            first, expected = rows.iloc[0], float(rows["expected"].iloc[0])
            ends = sorted((first["at_low"], first["at_high"]))
            span = say_interval(*ends, what.unit, currency=what.currency, lang=what.lang)
            found = f"{words.title_of(first['input'])} matters most: {span}, where {what.say(expected)} is expected"
            said = "; ".join(
                f"{words.title_of(row.input)} from {what.say(row.at_low)} to {what.say(row.at_high)}"
                for row in rows.itertuples()
            )
            alt = f"{what.title}, expected {what.say(expected)}, by input from its low to its high end: {said}."
        left = len(frame) - len(rows)
        more = f"{left} inputs that move it less are not drawn" if left > 0 else ""
        style.title_block(ax, found if title is None else title, line, " · ".join(p for p in (more, what.source) if p))
        twin = partial(_tornado_table, rows, line, what)
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def _draw_tornado(ax: Axes, rows: pd.DataFrame, what: words.About) -> None:
    middle, places = float(rows["expected"].iloc[0]), np.arange(len(rows))
    ends = []
    for place, row in zip(places, rows.itertuples(), strict=True):
        for size, end in ((row.at_low, row.low_input), (row.at_high, row.high_input)):
            color = style.GAIN if size >= middle else style.LOSS
            ax.barh(place, size - middle, 0.6, middle, color=color)
            side = 1 if size >= middle else -1
            ax.annotate(_input(end, row.unit, what), (size, place), xytext=(4 * side, 0), textcoords="offset points",
                        va="center", ha="left" if side > 0 else "right", size=8.5, color=style.SOFT)  # fmt: skip
            ends.append(size)
    ax.axvline(middle, color=style.INK, linewidth=1)
    low, high = min(*ends, middle), max(*ends, middle)
    room = 0.16 * (high - low or 1.0)
    ax.set_xlim(low - room, high + room)
    if low - room < 0 < high + room:
        ax.axvline(0, color=style.FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
    style.value_axis(ax, ax.xaxis, what.unit, currency=what.currency, lang=what.lang)
    style.name_axis(ax, [short(words.title_of(str(name)), 28) for name in rows["input"]])
    ax.spines["bottom"].set_visible(False)


def _input(value: float, unit: str, what: words.About) -> str:
    return say(value, unit, currency=what.currency if unit == "money" else "", lang=what.lang)


def _tornado_table(rows: pd.DataFrame, caption: str, what: words.About) -> Any:
    shown = rows[["help", "at_low", "at_high"]].rename(columns={"help": "input"})
    for place, column in ((1, "low_input"), (3, "high_input")):
        ends = [_input(value, unit, what) for value, unit in zip(rows[column], rows["unit"], strict=True)]
        shown.insert(place, column.replace("_input", " end"), ends)
    return table(
        shown, caption=caption, units={"at_low": what.unit, "at_high": what.unit}, numbers=["low end", "high end"],
        currency=what.currency, lang=what.lang, names={"at_low": "outcome at low", "at_high": "outcome at high"},
    )  # fmt: skip


def outcomes(
    frame: pd.DataFrame,
    *,
    value: str = "npv",
    title: str | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw the draws of a simulation as a histogram, those below zero in another colour, and say how many there are.

    Parameters
    ----------
    frame : DataFrame
        One row a draw.
    value : str
        The outcome.
    title, source, ax, **given
        As in `trend`; `npv` is money, `crm_roi` a share.
    """
    need(frame, value)
    usual = {"title": words.title_of(value), "unit": "share" if "roi" in value else "money"}
    what = words.about(frame, None, source=source, usual=usual, **given)
    with style.house():
        seen = frame[value].dropna().to_numpy(float)
        ax = style.new_panel(ax)
        line = f"{what.title} · {say(len(seen), 'count', lang=what.lang)} simulated cases"
        if not len(seen):
            style.no_data(ax)
            found, alt, ends = f"{what.title}: no data", f"No data: {what.title}.", np.full(5, np.nan)
        else:
            ends = np.quantile(seen, [0.05, 0.25, 0.5, 0.75, 0.95])
            above = say(float((seen > 0).mean()), "share", digits=0, lang=what.lang)
            span = say_interval(ends[0], ends[-1], what.unit, currency=what.currency, lang=what.lang)
            found = f"{what.title} is above zero in {above} of the cases; 9 of 10 lie in {span}"
            alt = f"{what.title} in {len(seen):,} simulated cases: median {what.say(ends[2])}. {found}."
            _draw_outcomes(ax, seen, ends, what)
        style.title_block(ax, found if title is None else title, line, what.source)
        names = ["5% are below", "25% are below", "median", "25% are above", "5% are above"]
        shown = type(frame)({"percentile": names, "value": ends})
        twin = partial(table, shown, caption=line, units={"value": what.unit}, currency=what.currency, lang=what.lang)
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def _draw_outcomes(ax: Axes, seen: np.ndarray, ends: np.ndarray, what: words.About) -> None:
    low, high = np.quantile(seen, [0.002, 0.998])
    width = (high - low) / 40 or 1.0
    edges = np.arange(np.floor(low / width), np.floor(high / width) + 2) * width  # zero is an edge
    heights, _ = np.histogram(seen, edges)
    colors = ["#6FA8D0" if edge >= 0 else "#D9925F" for edge in edges[:-1]]
    ax.bar(
        edges[:-1], heights / len(seen), np.diff(edges), align="edge", color=colors, edgecolor="white", linewidth=0.6
    )
    style.value_axis(ax, ax.xaxis, what.unit, currency=what.currency, lang=what.lang)
    style.value_axis(ax, ax.yaxis, "share", lang=what.lang)
    ax.grid(False, axis="x")
    ax.set_ylabel("share of the cases")
    ax.set_ylim(0, heights.max() / len(seen) * 1.15)
    ax.axvline(ends[2], color=style.INK, linewidth=1.5)
    ax.annotate(f"median {what.say(ends[2])}", (ends[2], 0.97), xycoords=("data", "axes fraction"), xytext=(5, 0),
                textcoords="offset points", va="top", weight="bold", path_effects=style.HALO)  # fmt: skip
    if edges[0] < 0 < edges[-1]:
        ax.axvline(0, color=style.SOFT, linewidth=1, linestyle=(0, (4, 3)))
