"""The figure of a metric over periods: a line with its interval, or a few lines with their names."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from babel.dates import format_date
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.dates import date2num

from crmkit.errors import UsageError
from crmkit.numbers import say_period
from crmkit.plots import style, words
from crmkit.plots.findings import finding
from crmkit.plots.text import short
from crmkit.tables import measured_table

if TYPE_CHECKING:
    import pandas as pd

_SAME = 0.002  # shares that differ by less are written alike
_STEPS = {
    "year": {"years": 1},
    "quarter": {"months": 3},
    "month": {"months": 1},
    "week": {"days": 7},
    "day": {"days": 1},
}


def trend(
    frame: pd.DataFrame,
    *,
    by: str | None = None,
    metric: Any = None,
    title: str | None = None,
    target: float | None = None,
    top: int = 5,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw a metric over periods, with its 95% interval; with `by`, one line a group, labelled where it ends.

    Parameters
    ----------
    frame : DataFrame
        As `measure` returns it: one row a period (and group). A period that is missing or null is a gap in the line.
    by : str, optional
        The dimension to draw lines for; by default the first there is. "" draws one line and refuses several groups.
    metric : object, optional
        Something with `title`, `unit`, `better`.
    title : str, optional
        The finding; by default `finding(frame)`.
    target : float, optional
        Drawn as a dashed line.
    top : int
        How many groups get a colour and a label: those with the most observations. The others are thin and grey.
    source : str
        The line under the figure.
    ax : Axes, optional
    **given
        unit, currency, better, as_of, lang, every, where neither metric nor `frame.attrs` says them.

    Returns
    -------
    Axes
        With `crm_alt`, `crm_data` and `crm_twin`, by which `notebook.show` shows it.

    Raises
    ------
    UsageError
        If `frame` lacks `period` or `value`, or holds several rows for one period and group.
    """
    need(frame, "period", "value")
    what = words.about(frame, metric, source=source, **given)
    by = next(iter(words.dimensions(frame)), "") if by is None else by
    with style.house():
        known = frame[frame["value"].notna() & frame["period"].notna()]
        ax = style.new_panel(ax, height=2.3 if known["period"].nunique() == 1 else 4.0)
        if known.empty:
            style.no_data(ax, "in these periods" if len(frame) else "")
            alt, band = f"No data: {what.title}.", False
        else:
            _one_row_each(frame, by)
            lines, others = _lines(frame, by, top, what)
            band = len(lines) == 1 and {"low", "high"} <= set(frame) and known["low"].notna().any()
            _draw_lines(ax, lines, what, band=band)
            if others:
                _draw_others(ax, others)
            if known["value"].min() >= 0 and what.unit in words.SIZES:
                ax.set_ylim(bottom=0)
            if target is not None:
                _draw_target(ax, target, what)
            _period_axis(ax, sorted({start for rows in lines.values() for start in rows.index}), what)
            if what.unit == "share" and target is None:
                _shares_only(ax)
            style.value_axis(ax, ax.yaxis, what.unit, currency=what.currency, lang=what.lang)
            _end_labels(ax, lines, what, others)
            alt = _lines_alt(lines, what, by, target, len(others))
        every = f"by {what.every}" if what.every else ""
        style.title_block(
            ax,
            title if title is not None else finding(frame, by=by, **words.known(what)),
            words.subtitle(frame, what, band=band, by=by, extra=every),
            " · ".join(p for p in (words.remarks(frame, what), what.source) if p),
        )
        twin = partial(
            measured_table, frame, caption=words.subtitle(frame, what, by=by, extra=every), unit=what.unit,
            currency=what.currency, lang=what.lang, every=what.every,
        )  # fmt: skip
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def need(frame: pd.DataFrame, *columns: str) -> None:
    """Refuse a frame that lacks a column that a figure needs, and say which it has."""
    if missing := [c for c in columns if c not in frame.columns]:
        there = ", ".join(str(c) for c in frame.columns) or "none"
        raise UsageError(f"the frame has no column {missing[0]!r}, which this figure needs; its columns are {there}")


def _one_row_each(frame: pd.DataFrame, by: str) -> None:
    keys = ["period", *([by] if by else [])]
    twice = frame.duplicated(keys, keep=False)
    if twice.any():
        row = frame[twice].iloc[0]
        where = say_period(row["period"]) + (f" and {by} {words.label(row[by])!r}" if by else "")
        dims = ", ".join(words.dimensions(frame)) or "none"
        raise UsageError(
            f"{int(twice.sum())} rows share a line: period {where} has more than one; "
            f"give one metric and by= one dimension (dimensions here: {dims})"
        )


def _lines(frame: pd.DataFrame, by: str, top: int, what: words.About) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split the frame into the lines to label and those to draw in grey, each reindexed so that gaps are gaps."""
    if not by:
        return {"": _with_gaps(frame, what.every)}, {}
    groups = {words.label(k): g for k, g in frame.groupby(by, dropna=False, sort=True) if g["value"].notna().any()}
    by_n = what.unit not in words.SIZES and "n" in frame and frame["n"].notna().any()
    size = "n" if by_n else "value"
    ranked = sorted(groups, key=lambda k: (-float(groups[k][size].abs().sum()), k))
    chosen = ranked if len(ranked) <= top + 1 else ranked[:top]
    return (
        {k: _with_gaps(groups[k], what.every) for k in chosen},
        {k: _with_gaps(groups[k], what.every) for k in ranked[len(chosen) :][:200]},
    )


def _with_gaps(rows: pd.DataFrame, every: str) -> pd.DataFrame:
    """Sort by period and add the missing periods as unknown, so that no line is drawn across what nobody measured."""
    import pandas as pd

    rows = rows[rows["period"].notna()].sort_values("period").set_index("period")
    if len(rows) < 2 or every not in _STEPS:
        return rows
    whole = pd.date_range(rows.index[0], rows.index[-1], freq=pd.DateOffset(**_STEPS[every]))
    return rows.reindex(rows.index.union(whole))


def _draw_lines(ax: Axes, lines: dict[str, Any], what: words.About, *, band: bool) -> None:
    for (_, rows), color in zip(lines.items(), style.PALETTE * (1 + len(lines) // len(style.PALETTE)), strict=False):
        x, y = date2num(rows.index), rows["value"].to_numpy(float)
        if band:
            low, high = rows["low"].to_numpy(float), rows["high"].to_numpy(float)
            ax.fill_between(x, low, high, color=color, alpha=0.16, linewidth=0)
            known = np.concatenate([[False], ~np.isnan(y), [False]])
            alone = known[1:-1] & ~known[:-2] & ~known[2:]  # between gaps there is no band to see
            ax.vlines(x[alone], low[alone], high[alone], color=color, alpha=0.35, linewidth=3)
        ax.plot(x, y, color=color, marker="o", markersize=3.5 if len(x) <= 40 else 0, zorder=3)


def _draw_others(ax: Axes, others: dict[str, Any]) -> None:
    segments = [list(zip(date2num(r.index), r["value"].to_numpy(float), strict=True)) for r in others.values()]
    ax.add_collection(LineCollection(segments, colors=style.OTHER, linewidths=0.8, zorder=1, alpha=0.8))
    ax.autoscale_view()


def _draw_target(ax: Axes, target: float, what: words.About) -> None:
    ax.axhline(target, color=style.INK, linewidth=1, linestyle=(0, (5, 4)), zorder=2)
    ax.annotate(
        f"target {what.say(target)}", (0, target), xycoords=("axes fraction", "data"), xytext=(2, 3),
        textcoords="offset points", color=style.INK, size=8.5, va="bottom",
    )  # fmt: skip
    low, high = ax.get_ylim()
    room = (high - low) * 0.04
    ax.set_ylim(min(low, target - room), max(high, target + 2 * room))


def _shares_only(ax: Axes) -> None:
    """Keep the axis of parts of a whole from reaching beyond 0% and 100%, and from telling apart what is the same."""
    (bottom, top), (low, high) = ax.get_ylim(), ax.dataLim.intervaly
    if not (np.isfinite(low) and np.isfinite(high)):
        return
    if high - low < _SAME:
        bottom, top = min(bottom, low - 10 * _SAME), max(top, high + 10 * _SAME)
    edge = 0.02 * (top - bottom)
    if low >= 0 and high <= 1:
        bottom, top = max(bottom, -edge), min(top, 1 + edge)
    ax.set_ylim(bottom, top)


def _end_labels(ax: Axes, lines: dict[str, Any], what: words.About, others: dict[str, Any]) -> None:
    """Label each line where it ends, moved apart where ends meet."""
    ends = []
    for (name, rows), color in zip(lines.items(), style.PALETTE * 9, strict=False):
        last = rows["value"].dropna()
        text = what.say(last.iloc[-1])
        ends.append((f"{short(name, 22)} {text}" if name else text, last.index[-1], last.iloc[-1], color))
    if others:
        tail = next(iter(others.values()))["value"].dropna()
        ends.append((f"{len(others)} others", tail.index[-1], tail.iloc[-1], style.SOFT))
    low, high = ax.get_ylim()
    x = max(date2num(end[1]) for end in ends)
    places = style.spread([end[2] for end in ends], (high - low) * 0.065)
    for (text, _, _, color), y in zip(ends, places, strict=True):
        ax.annotate(
            text, (x, y), xytext=(8, 0), textcoords="offset points", va="center", color=color, weight="bold", size=9,
            annotation_clip=False,
        )  # fmt: skip


def period_labels(starts: list[Any], what: words.About) -> tuple[list[int], list[str]]:
    """Choose at most ten periods to name; return which, and their short names with the year where it begins."""
    each = -(-len(starts) // 10)
    steps = {"month": (1, 2, 3, 6, 12, 24, 60, 120, 10**6), "quarter": (1, 2, 4, 8, 20, 40, 10**6)}.get(what.every)
    each = next(k for k in steps if k >= each) if steps else max(each, 1)
    first = next((i for i, s in enumerate(starts) if s.month == 1 and s.day == 1), 0) % each
    chosen, labels, year = list(range(first, len(starts), each)), [], None
    for start in (starts[i] for i in chosen):
        name = say_period(start, what.every)
        if what.every == "quarter":
            name = f"Q{(start.month + 2) // 3}"
        elif what.every == "month":
            name = format_date(start.date(), "LLL", locale=what.lang.replace("-", "_"))
        if what.every in ("quarter", "month") and start.year != year:
            name += f"\n{start.year}"
        labels.append(name)
        year = start.year
    return chosen, labels


def _period_axis(ax: Axes, starts: list[Any], what: words.About) -> None:
    """Mark at most ten periods: the short name, and below it the year where it begins."""
    import pandas as pd

    starts = [pd.Timestamp(s) for s in starts]
    chosen, labels = period_labels(starts, what)
    ax.set_xticks(date2num([starts[i] for i in chosen]), labels=labels)
    ax.tick_params(axis="x", length=3, labelsize=9, labelcolor=style.SOFT)
    if len(starts) == 1:
        ax.set_xlim(date2num(starts[0]) - 10, date2num(starts[0]) + 10)


def _lines_alt(lines: dict[str, Any], what: words.About, by: str, target: float | None, others: int) -> str:
    if not by:
        return words.trend_alt(next(iter(lines.values())).reset_index(names="period"), what, target=target)
    said = []
    for name, rows in lines.items():
        ends = rows["value"].dropna()
        first, last = ends.iloc[0], ends.iloc[-1]
        if len(ends) == 1:
            said.append(f"{name}: {what.say(last)} in {say_period(ends.index[-1], what.every)}")
        else:
            said.append(
                f"{name} {words.verb(first, last)} from {what.say(first)} in {say_period(ends.index[0], what.every)} "
                f"to {what.say(last)} in {say_period(ends.index[-1], what.every)}"
            )
    more = f" {others} more groups are drawn without a label." if others else ""
    goal = f" Target {what.say(target)}." if target is not None else ""
    return f"{what.title or 'The value'} by {words.dimension_name(by)}. " + "; ".join(said) + "." + more + goal
