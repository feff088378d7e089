"""Figures of a process: the funnel of stages, and how long something takes."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from crmkit.numbers import as_number, say, say_period
from crmkit.plots import style, words
from crmkit.plots.groups import pick
from crmkit.plots.text import short
from crmkit.tables import table

if TYPE_CHECKING:
    import pandas as pd


def funnel(
    frame: pd.DataFrame,
    *,
    stage: str = "stage",
    entered: str | None = None,
    conversion: str | None = None,
    days: str | None = None,
    metric: Any = None,
    title: str | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw the stages of a funnel from the first to the last, what share went on, and how long they took.

    Parameters
    ----------
    frame : DataFrame
        One row a stage in order: `stage`, how many entered it (`entered`, by default "entered", "n" or "value"), the
        share that went on to the next (`conversion`, by default "conversion" or "went_on"; without it, the next
        stage's count divided by this one's) and the days spent (`days`, by default "days" or "median_days"), if known.
    metric, title, source, ax, **given
        As in `trend`.
    """
    entered = entered or pick(frame, "entered", "n", "value")
    stage = pick(frame, stage)
    conversion = conversion or next((c for c in ("conversion", "went_on") if c in frame), "")
    days = days or next((c for c in ("days", "median_days") if c in frame), "")
    what = words.about(frame, metric, source=source, usual={"title": "Funnel", "unit": "count"}, **given)
    with style.house():
        rows = frame[frame[entered].notna()].reset_index(drop=True)
        names = [words.label(s) for s in rows[stage]]
        count = rows[entered].to_numpy(float)
        went = _conversion(rows, count, conversion)
        spent = [as_number(d) for d in rows[days]] if days else [None] * len(rows)
        ax = style.new_panel(ax, height=min(1.2 + 0.58 * max(len(rows), 2), 7.0))
        if not len(rows) or not count.max() > 0:
            style.no_data(ax, "nothing entered the first stage")
            alt, found = f"No data: {what.title}.", f"{what.title}: no data"
        else:
            _draw_funnel(ax, names, count, went, spent, what)
            last = f"{say(count[-1], 'count', lang=what.lang)} of {say(count[0], 'count', lang=what.lang)}"
            share = f" ({say(count[-1] / count[0], 'share', lang=what.lang)})" if count[0] else ""
            found = f"{what.title}: {last}{share} reached {names[-1]}"
            steps = [(g, i) for i, g in enumerate(went[:-1]) if g is not None]
            if len(steps) > 1:
                _, at = min(steps)
                found += f"; most are lost after {names[at]}"
            alt = (
                f"{what.title}: "
                + "; ".join(
                    f"{n} {say(c, 'count', lang=what.lang)}"
                    + (f", {say(g, 'share', lang=what.lang)} went on" if g is not None and i < len(names) - 1 else "")
                    + (f", {say(d, 'days', lang=what.lang)}" if d is not None else "")
                    for i, (n, c, g, d) in enumerate(zip(names, count, went, spent, strict=True))
                )
                + "."
            )
        date = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        n = f"n = {say(count[0], 'count', lang=what.lang)}" if len(count) else ""
        line = " · ".join(
            p
            for p in ("How many entered each stage, the share that went on", "median days" if days else "", n, date)
            if p
        )
        style.title_block(ax, found if title is None else title, line, what.source)
        units = {c: "share" for c in rows.columns if c in (conversion, "conversion", "went_on", "low", "high")}
        units |= {entered: "count"} | ({days: "days"} if days else {})
        twin = partial(table, rows, caption=line, units=units, currency=what.currency, lang=what.lang)
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def distribution(
    frame: pd.DataFrame,
    *,
    value: str = "value",
    metric: Any = None,
    title: str | None = None,
    bins: int | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw how values are spread, as a histogram with median and mean marked; a long tail is cut and counted.

    Parameters
    ----------
    frame : DataFrame or Series
        One row an observation, in `value`; unknown ones are left out and counted.
    bins : int, optional
        By default chosen by the Freedman-Diaconis rule, 8 to 50.
    metric, title, source, ax, **given
        As in `trend`; `unit` is "days" unless told otherwise.
    """
    if not hasattr(frame, "columns"):
        frame = frame.rename(value).to_frame()
    pick(frame, value)
    what = words.about(frame, metric, source=source, usual={"title": words.title_of(value), "unit": "days"}, **given)
    with style.house():
        everything = frame[value].astype(float).to_numpy()
        seen = everything[np.isfinite(everything)]
        unknown = len(everything) - len(seen)
        ax = style.new_panel(ax)
        line = words.subtitle(frame.iloc[:0], what, extra=f"n = {say(len(seen), 'count', lang=what.lang)}")
        notes = [f"{unknown:,} unknown, left out" if unknown else ""]
        if not len(seen):
            style.no_data(ax)
            alt, found, shown = (
                f"No data: {what.title}.",
                f"{what.title}: no data",
                _binned(np.array([0.0, 1.0]), np.array([0]), what),
            )
        else:
            edges, beyond = _edges(seen, bins)
            heights, _ = np.histogram(seen, edges)
            middle, mean = float(np.median(seen)), float(seen.mean())
            _draw_histogram(ax, edges, heights, middle, mean, what)
            if beyond:
                notes.insert(0, f"{beyond:,} above {what.say(edges[-1])} not drawn, but counted in median and mean")
            found = f"{what.title}: half are at or below {what.say(middle)}, mean {what.say(mean)}"
            alt = (
                f"{what.title}, {len(seen):,} values from {what.say(seen.min())} to {what.say(seen.max())}: median "
                f"{what.say(middle)}, mean {what.say(mean)}, 90% at or below {what.say(np.quantile(seen, 0.9))}."
            )
            shown = _binned(edges, heights, what, beyond)
        style.title_block(
            ax, found if title is None else title, line, " · ".join(p for p in (*notes, what.source) if p)
        )
        twin = partial(table, shown, caption=line, units={"n": "count"}, lang=what.lang)
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def _conversion(rows: pd.DataFrame, count: np.ndarray, conversion: str) -> list[float | None]:
    if conversion:
        return [as_number(v) for v in rows[conversion]]
    return [float(b / a) if a else None for a, b in pairwise(count)] + [None] * bool(len(count))


def _draw_funnel(
    ax: Axes,
    names: list[str],
    count: np.ndarray,
    went: list[float | None],
    spent: list[float | None],
    what: words.About,
) -> None:
    places = np.arange(len(names))
    ax.barh(places, count, 0.5, color=style.PALETTE[0])
    top = count.max()
    for i, c in enumerate(count):
        share = f"  {say(c / count[0], 'share', digits=0, lang=what.lang)} of the first" if i and count[0] else ""
        ax.annotate(say(c, "count", lang=what.lang), (c, i), xytext=(6, 0), textcoords="offset points", va="center",
                    weight="bold", size=9.5)  # fmt: skip
        if share:
            gap = 6 + 7.2 * len(say(c, "count", lang=what.lang))
            ax.annotate(share, (c, i), xytext=(gap, 0), textcoords="offset points", va="center", color=style.SOFT)
        if i < len(count) - 1:
            step = f"↓ {say(went[i], 'share', digits=0, lang=what.lang)} went on" if went[i] is not None else "↓"
            wait = f" · {say(spent[i], 'days', lang=what.lang)}" if spent[i] is not None else ""
            ax.text(top * 0.006, i + 0.5, step + wait, va="center", color=style.SOFT, size=8.5)
    ax.set_xlim(0, top * 1.3)
    style.name_axis(ax, [short(n, 26) for n in names])
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)


def _edges(seen: np.ndarray, bins: int | None) -> tuple[np.ndarray, int]:
    """Choose round bin edges; cut the tail beyond twice the 99th percentile, and say how many lie there."""
    low, high = float(seen.min()), float(seen.max())
    reach = float(np.quantile(seen, 0.99))
    if len(seen) >= 50 and high - low > 2 * (reach - low) > 0:
        high = reach
    if high <= low:
        return np.array([low - 0.5, low + 0.5]), 0
    if bins is None:
        spread = float(np.subtract(*np.quantile(seen, [0.75, 0.25])))
        width = 2 * spread / len(seen) ** (1 / 3)
        bins = int(np.clip(round((high - low) / width) if width > 0 else 12, 8, 50))
    rough = (high - low) / bins
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * next(s for s in (1, 2, 2.5, 5, 10) if s * power >= rough * 0.999)
    edges = np.arange(np.floor(low / step), np.ceil(high / step + 1e-9) + 1) * step
    edges = edges[: int(np.searchsorted(edges, high, side="left")) + 1]
    return edges, int((seen > edges[-1]).sum())


def _draw_histogram(
    ax: Axes, edges: np.ndarray, heights: np.ndarray, middle: float, mean: float, what: words.About
) -> None:
    ax.bar(edges[:-1], heights, np.diff(edges), align="edge", color="#6FA8D0", edgecolor="white", linewidth=0.7)
    style.value_axis(ax, ax.yaxis, "count", lang=what.lang)
    style.value_axis(ax, ax.xaxis, what.unit, currency=what.currency, lang=what.lang)
    ax.grid(False, axis="x")
    ax.tick_params(axis="x", pad=6)  # clear of the zero of the other axis
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, heights.max() * 1.16)
    ax.set_ylabel("how many")
    right = middle <= mean
    for at, name, color, side in ((middle, "median", style.INK, not right), (mean, "mean", style.PALETTE[1], right)):
        if edges[0] <= at <= edges[-1]:
            ax.axvline(at, color=color, linewidth=1.5, linestyle="-" if name == "median" else (0, (4, 3)))
            ax.annotate(f"{name} {what.say(at)}", (at, 0.97), xycoords=("data", "axes fraction"),
                        xytext=(5 if side else -5, 0), textcoords="offset points", va="top",
                        ha="left" if side else "right", color=color,
                        weight="bold", path_effects=style.HALO)  # fmt: skip


def _binned(edges: np.ndarray, heights: np.ndarray, what: words.About, beyond: int = 0) -> pd.DataFrame:
    import pandas as pd

    spans = [f"{what.say(a)} to under {what.say(b)}" for a, b in pairwise(edges)]
    spans[-1] = spans[-1].replace("to under", "to")
    rows = list(zip(spans, heights.tolist(), strict=True)) + (
        [(f"above {what.say(edges[-1])}", beyond)] if beyond else []
    )
    return pd.DataFrame(rows, columns=["from", "n"])
