"""Figures of what happens to customers with time: the cohort triangle and survival curves."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FuncFormatter

from crmkit.numbers import grain, say, say_period
from crmkit.plots import style, words
from crmkit.plots.groups import pick
from crmkit.plots.over_time import need
from crmkit.plots.text import short
from crmkit.tables import Html, table

if TYPE_CHECKING:
    import pandas as pd

_RAMP = LinearSegmentedColormap.from_list("crmkit", ["#F1F5F9", "#A9CBE3", "#4C93C3", "#0067A5", "#00395E"])
_MOST_NOTES = 150  # cells: more text than this is slow to draw and hard to read


def triangle(
    frame: pd.DataFrame,
    *,
    cohort: str = "cohort",
    age: str = "age",
    metric: Any = None,
    title: str | None = None,
    age_unit: str = "months",
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw a cohort triangle: one row a cohort, one column an age; what is not known yet is blank, never 0.

    Parameters
    ----------
    frame : DataFrame
        Tidy: `cohort` (start of the period in which they came), `age` (whole number), `value` (share or any unit) and,
        if there, `n`, the size of the cohort.
    age_unit : str
        What an age counts.
    metric, title, source, ax, **given
        As in `trend`.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    need(frame, cohort, age, "value")
    what = words.about(frame, metric, source=source, usual={"title": "Retention by cohort", "unit": "share"}, **given)
    with style.house():
        known = frame[frame["value"].notna()]
        wide = known.pivot_table(index=cohort, columns=age, values="value", aggfunc="mean").sort_index()
        every = grain(wide.index) if wide.index.dtype.kind == "M" else ""
        names = [say_period(c, every) if every or wide.index.dtype.kind == "M" else words.label(c) for c in wide.index]
        ax = style.new_panel(ax, height=min(1.6 + 0.23 * max(len(wide), 5), 7.2))
        if wide.empty:
            style.no_data(ax, "no cohort is old enough" if len(frame) else "")
            alt = f"No data: {what.title}."
        else:
            wide = wide.reindex(columns=range(int(wide.columns.min()), int(wide.columns.max()) + 1))
            sizes = frame.groupby(cohort)["n"].max().reindex(wide.index) if "n" in frame else None
            _draw_triangle(ax, wide, names, sizes, what, age_unit)
            alt = _triangle_alt(wide, names, what, age_unit)
        cells = f"{len(wide)} cohorts, blank where not known yet"
        date = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        line = " · ".join(p for p in (what.title, cells, date) if p)
        style.title_block(ax, _triangle_finding(wide, what, age_unit) if title is None else title, line, what.source)
        shown = wide.set_axis([str(c) for c in wide.columns], axis=1)
        shown = shown.set_axis(names, axis=0).rename_axis(cohort)
        twin = partial(table, shown, caption=f"{line}; columns are {age_unit} since the start",
                       units=dict.fromkeys(shown, what.unit), currency=what.currency, lang=what.lang)  # fmt: skip
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def survival(
    frame: pd.DataFrame,
    *,
    time: str | None = None,
    by: str | None = None,
    metric: Any = None,
    title: str | None = None,
    time_unit: str = "days",
    top: int = 4,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw Kaplan-Meier curves as steps with their 95% band, and the numbers still at risk underneath.

    Parameters
    ----------
    frame : DataFrame
        One row a time (and group): the time (`time`, by default "time", "days", "months" or "age"), the share surviving
        ("survival" or "value"), and where known `low`, `high` and `at_risk` (or `n`).
    by : str, optional
        The column of the group; "" for one curve.
    time_unit : str
        What the time counts.
    top : int
        How many curves are drawn, those with the most at risk at the start; the others are counted.
    metric, title, source, ax, **given
        As in `trend`.
    """
    time = time or pick(frame, "time", "days", "months", "age")
    value = pick(frame, "survival", "value")
    risk = next((c for c in ("at_risk", "n") if c in frame), "")
    numbers = {time, value, risk, "low", "high", "events", "censored", "metric", "note", "period"}
    by = (
        next((c for c in frame.columns if c not in numbers and frame[c].dtype.kind not in "iuf"), "")
        if by is None
        else by
    )
    what = words.about(frame, metric, source=source, usual={"title": "Still customers", "unit": "share"}, **given)
    with style.house():
        rows = frame[frame[value].notna() & frame[time].notna()].sort_values(time, kind="stable")
        curves = (
            {words.label(k): g for k, g in rows.groupby(by, dropna=False)} if by else ({"": rows} if len(rows) else {})
        )
        if risk:
            curves = dict(sorted(curves.items(), key=lambda c: -float(c[1][risk].max())))
        left = max(0, len(curves) - top)
        curves = dict(list(curves.items())[:top])
        ax = style.new_panel(ax, height=4.0 + 0.17 * len(curves) * bool(risk))
        if not curves:
            style.no_data(ax)
        else:
            _draw_curves(ax, curves, time, value)
            _survival_axes(ax, curves, time, value, risk, time_unit, what)
        medians = {k: _median(c, time, value) for k, c in curves.items()}
        said = [_median_text(k, m, time_unit) for k, m in medians.items()]
        name = what.title
        found = f"{name}: {'; '.join(said[:3])}" if said else f"{name}: no data"
        total = sum(float(c[risk].max()) for c in curves.values()) if risk else 0
        n = f"n = {say(total, 'count', lang=what.lang)}" if total else ""
        date = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        band = "95% interval" if {"low", "high"} <= set(frame) and len(curves) <= 2 else ""
        line = " · ".join(p for p in (f"{name}, %, Kaplan-Meier (counts those still going on)", band, n, date) if p)
        notes = " · ".join(p for p in (f"{left} more groups not drawn" if left else "", what.source) if p)
        style.title_block(ax, found if title is None else title, line, notes)
        alt = "; ".join(_curve_alt(k, c, time, value, time_unit, what) for k, c in curves.items())
        twin = partial(_survival_table, curves, time, value, risk, line, time_unit, what)
        return style.attach(ax, alt=f"{name}. {alt}." if curves else f"No data: {name}.", data=frame, twin=twin)


def _draw_triangle(ax: Axes, wide: pd.DataFrame, names: list[str], sizes: Any, what: words.About, unit: str) -> None:
    cells = wide.to_numpy(float)
    varied = cells[:, 1:] if wide.columns[0] == 0 and cells.shape[1] > 1 else cells  # age 0 is 100% by definition
    low, high = float(np.nanmin(varied)), float(np.nanmax(varied))
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    image = ax.imshow(
        np.ma.masked_invalid(cells), cmap=_RAMP, vmin=low, vmax=high, aspect="auto", interpolation="nearest"
    )
    known = np.argwhere(~np.isnan(cells))
    if len(known) <= _MOST_NOTES and cells.shape[1] <= 16:
        for i, j in known:
            shade = (cells[i, j] - low) / (high - low)
            text = say(
                cells[i, j],
                what.unit,
                currency=what.currency,
                lang=what.lang,
                digits=0 if what.unit == "share" else None,
            )
            ax.text(
                j,
                i,
                text,
                ha="center",
                va="center",
                size=8,
                color="white" if shade > 0.45 else style.INK,
                in_layout=False,
            )
    else:
        bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, aspect=28, pad=0.01)
        style.value_axis(bar.ax, bar.ax.yaxis, what.unit, currency=what.currency, lang=what.lang)
        bar.ax.grid(False)
        bar.outline.set_visible(False)
    each = -(-len(names) // 24)
    if sizes is not None:
        names = [f"{n}  ({say(s, 'count', lang=what.lang)})" for n, s in zip(names, sizes, strict=True)]
    ax.set_yticks(range(0, len(names), each), labels=[short(n, 26) for n in names[::each]])
    step = -(-len(wide.columns) // 18)
    ax.set_xticks(range(0, len(wide.columns), step), labels=[str(c) for c in wide.columns[::step]])
    ax.tick_params(length=0, labelsize=9, labelcolor=style.SOFT)
    ax.set_xlabel(f"{unit} since the start")
    ax.spines["bottom"].set_visible(False)


def _triangle_finding(wide: pd.DataFrame, what: words.About, unit: str) -> str:
    if wide.empty:
        return f"{what.title}: no data"
    enough = [a for a in wide.columns if a > 0 and wide[a].notna().sum() >= max(2, len(wide) // 2)]
    if not enough:
        return what.title
    at = enough[-1]
    seen = wide[at].dropna()
    one = unit[:-1] if unit.endswith("s") else unit
    return f"{what.title}: after {at} {one if at == 1 else unit}, {what.say(seen.min())} to {what.say(seen.max())}"


def _triangle_alt(wide: pd.DataFrame, names: list[str], what: words.About, unit: str) -> str:
    rows = []
    for at in [0, len(wide) - 1] if len(wide) > 1 else [0]:
        seen = wide.iloc[at].dropna()
        first, last = ((what.say(seen.iloc[i]), seen.index[i]) for i in (0, -1))
        rows.append(f"{names[at]} {first[0]} at {first[1]} {unit}, {last[0]} at {last[1]}")
    return f"{what.title}: {len(wide)} cohorts. " + "; ".join(rows) + ". Cells not known yet are blank."


def _draw_curves(ax: Axes, curves: dict[str, Any], time: str, value: str) -> None:
    for (_, rows), color in zip(curves.items(), style.PALETTE, strict=False):
        x, y = rows[time].to_numpy(float), rows[value].to_numpy(float)
        begin = x[0] > 0  # the curve starts at 1 when nobody has left
        x, y = (np.insert(x, 0, 0.0), np.insert(y, 0, 1.0)) if begin else (x, y)
        ax.step(x, y, where="post", color=color, zorder=3)
        if {"low", "high"} <= set(rows) and len(curves) <= 2:
            low, high = rows["low"].to_numpy(float), rows["high"].to_numpy(float)
            low, high = (np.insert(v, 0, 1.0) for v in (low, high)) if begin else (low, high)
            ax.fill_between(x, low, high, step="post", color=color, alpha=0.15, linewidth=0)


def _survival_axes(
    ax: Axes, curves: dict[str, Any], time: str, value: str, risk: str, unit: str, what: words.About
) -> None:
    ax.set_ylim(0, 1.02)
    end = max(float(rows[time].max()) for rows in curves.values()) or 1.0
    ax.set_xlim(0, end)
    style.value_axis(ax, ax.yaxis, "share", lang=what.lang)
    step = next(s for s in (1, 2, 5, 7, 10, 14, 20, 30, 60, 90, 180, 365, 730, 1825, 10**9) if end / s <= 9)
    if unit != "days":
        step = next(s for s in (1, 2, 3, 6, 12, 24, 60, 120, 10**9) if end / s <= 9)
    places = np.arange(0, end + 1e-9, step)
    ax.set_xticks(places)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: say(v, "count", lang=what.lang)))
    ax.tick_params(axis="x", length=3, labelsize=9, labelcolor=style.SOFT)
    ax.set_xlabel(unit)
    ends = [float(rows[value].iloc[-1]) for rows in curves.values()]
    for (name, y), color in zip(zip(curves, style.spread(ends, 0.085), strict=True), style.PALETTE, strict=False):
        text = f"{short(name, 18)} {say(ends[list(curves).index(name)], 'share', digits=0, lang=what.lang)}"
        ax.annotate(text.strip(), (end, y), xytext=(7, 0), textcoords="offset points", va="center", color=color,
                    weight="bold", annotation_clip=False)  # fmt: skip
    if not risk:
        return
    place_text = {"xycoords": ax.get_xaxis_transform(), "textcoords": "offset points", "size": 8.5, "va": "center",
                  "annotation_clip": False}  # fmt: skip
    down = -45
    ax.annotate("still at risk", (0, 0), xytext=(-9, down), color=style.SOFT, weight="bold", ha="left", **place_text)
    for (name, rows), color in zip(curves.items(), style.PALETTE, strict=False):
        down -= 13
        for place in places:
            later = rows[rows[time] >= place]
            count = say(float(later[risk].iloc[0]) if len(later) else 0.0, "count", lang=what.lang)
            ax.annotate(count, (place, 0), xytext=(0, down), color=color, ha="center", **place_text)
        if name:
            ax.annotate(short(name, 18), (end, 0), xytext=(18, down), color=color, ha="left", **place_text)


def _median(rows: pd.DataFrame, time: str, value: str) -> float | None:
    """Return the first time at which no more than half survive; None where more than half still do."""
    past = rows[rows[value] <= 0.5]
    return float(past[time].iloc[0]) if len(past) else None


def _median_text(name: str, median: float | None, unit: str) -> str:
    head = f"{name} " if name else ""
    return f"{head}median {say(median, unit)}" if median is not None else f"{head}more than half remain"


def _curve_alt(name: str, rows: pd.DataFrame, time: str, value: str, unit: str, what: words.About) -> str:
    last = rows.iloc[-1]
    left = f"{say(last[value], 'share', lang=what.lang)} after {say(last[time], unit, lang=what.lang)}"
    return f"{name + ': ' if name else ''}{left}, {_median_text('', _median(rows, time, value), unit)}"


def _survival_table(
    curves: dict[str, Any], time: str, value: str, risk: str, caption: str, unit: str, what: words.About
) -> Html:
    """Make the table twin: up to 25 rows a curve, evenly chosen, the last one always among them."""
    import pandas as pd

    parts = []
    for name, rows in curves.items():
        chosen = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, min(25, len(rows))).round().astype(int))]
        part = chosen[[c for c in (time, value, "low", "high", risk) if c and c in chosen]].copy()
        if name:
            part.insert(0, "group", name)
        parts.append(part)
    shown = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({time: [], value: []})
    units = {c: "share" for c in (value, "low", "high") if c in shown} | {time: unit if unit == "days" else "count"}
    return table(shown, caption=caption, units=units, lang=what.lang, max_rows=100)
