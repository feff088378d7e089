"""A figure of one number by several definitions, in two periods and against the line that it is held to."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from crmkit.numbers import say_interval, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need
from crmkit.plots.text import wrap
from crmkit.tables import table


def side_by_side(
    frame: pd.DataFrame,
    *,
    name: str = "definition",
    line: float | None = None,
    line_name: str = "target",
    now: str = "",
    before: str = "",
    metric: Any = None,
    title: str | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw one number by several definitions: a dot each, the period before hollow, the one in use a diamond.

    Parameters
    ----------
    frame : DataFrame
        One row a definition: a name, `value`, and where known `previous`, `low`, `high` and `used` (True for the
        definition in use). The order is kept; definitions without a value are left out and counted.
    name : str
        The column of names.
    line : float, optional
        What the number is held to, drawn as a dashed line.
    line_name : str
        What that is.
    now, before : str
        The names of the two periods.
    metric, title, source, ax, **given
        As in `trend`.
    """
    need(frame, name, "value")
    what = words.about(frame, metric, source=source, **given)
    with style.house():
        rows = frame[frame["value"].notna()].reset_index(drop=True)
        ax = style.new_panel(ax, height=min(1.75 + 0.5 * max(len(rows), 2), 6.6))
        if rows.empty:
            style.no_data(ax, "by any definition")
        else:
            _draw(ax, rows, name, line, line_name, what)
        hollow = before if "previous" in rows and rows["previous"].notna().any() else ""
        parts = [
            what.title,
            f"filled: {now}" if now else "",
            f"hollow: {hollow}" if hollow else "",
            "diamond: the definition in use" if "used" in rows and rows["used"].any() else "",
            f"data to {say_period(what.as_of)}" if what.as_of is not None else "",
        ]
        subtitle = " · ".join(part for part in parts if part)
        found = _finding(rows, what) if title is None else title
        unknown = len(frame) - len(rows)
        notes = [f"{unknown} not known from this data" if unknown else "", what.source]
        style.title_block(ax, found, subtitle, " · ".join(note for note in notes if note))
        shown = _twin(rows, name, now or "value", hollow, what)
        units = {column: what.unit for column in shown if column not in (name, "95% interval")}
        twin = partial(
            table, shown, caption=subtitle, units=units, numbers=["95% interval"] if "95% interval" in shown else [],
            currency=what.currency, lang=what.lang,
        )  # fmt: skip
        return style.attach(ax, alt=_alt(rows, name, line, line_name, what), data=frame, twin=twin)


def _draw(ax: Axes, rows: pd.DataFrame, name: str, line: float | None, line_name: str, what: words.About) -> None:
    used = rows["used"].astype(bool) if "used" in rows else pd.Series(False, index=rows.index)
    for place, row in rows.iterrows():
        color = style.PALETTE[0] if used[place] else style.PALETTE[1]
        value, previous = float(row["value"]), float(row.get("previous", float("nan")))
        edge = value
        if previous == previous:  # noqa: PLR0124 - known
            ax.plot([previous, value], [place, place], color=color, linewidth=1.2, alpha=0.6)
            ax.plot(previous, place, "o", color=style.PANEL, markeredgecolor=color, markersize=7, markeredgewidth=1.4)
            edge = max(edge, previous)
        low, high = row.get("low"), row.get("high")
        if pd.notna(low) and pd.notna(high):
            ax.hlines(place, low, high, color=color, linewidth=4, alpha=0.3)
            edge = max(edge, float(high))
        ax.plot(value, place, "D" if used[place] else "o", color=color, markersize=8, zorder=4)
        ax.annotate(what.say(value), (edge, place), xytext=(8, 0), textcoords="offset points", va="center", size=9,
                    weight="bold" if used[place] else "normal", color=color, path_effects=style.HALO)  # fmt: skip
    style.value_axis(ax, ax.xaxis, what.unit, currency=what.currency, lang=what.lang)
    style.name_axis(ax, ["\n".join(wrap(str(text), 34, lines=3)) for text in rows[name]])
    columns = [c for c in ("value", "previous", "low", "high") if c in rows]
    ends = [float(v) for v in rows[columns].to_numpy(float).ravel() if v == v]  # noqa: PLR0124
    if line is not None:
        ends.append(line)
        ax.axvline(line, color=style.SOFT, linewidth=1.1, linestyle=(0, (5, 4)), zorder=1)
        ax.annotate(
            f"{line_name} {what.say(line)}", (line, 1), xycoords=("data", "axes fraction"), xytext=(0, 3),
            textcoords="offset points", ha="center", va="bottom", size=8.5, color=style.SOFT, annotation_clip=False,
        )  # fmt: skip
    low, high = min(ends), max(ends)
    wide = (high - low) or abs(high) or 1.0
    ax.set_xlim(low - 0.12 * wide, high + 0.2 * wide)
    ax.spines["bottom"].set_visible(False)


def _finding(rows: pd.DataFrame, what: words.About) -> str:
    if rows.empty:
        return f"{what.title or 'Definitions'}: no data"
    ends = what.say(rows["value"].min()), what.say(rows["value"].max())
    if ends[0] == ends[1]:
        return f"{ends[0]} by each definition"
    return f"From {ends[0]} to {ends[1]}, depending on the definition"


def _twin(rows: pd.DataFrame, name: str, now: str, before: str, what: words.About) -> pd.DataFrame:
    shown = pd.DataFrame({name: rows[name], now: rows["value"]})
    if {"low", "high"} <= set(rows) and rows["low"].notna().any():
        spans = zip(rows["low"], rows["high"], strict=True)
        shown["95% interval"] = [say_interval(*span, what.unit, currency=what.currency) for span in spans]
    if before:
        shown[before] = rows["previous"]
    return shown


def _alt(rows: pd.DataFrame, name: str, line: float | None, line_name: str, what: words.About) -> str:
    if rows.empty:
        return f"No data: {what.title}."
    said = "; ".join(f"{row[name]} {what.say(row['value'])}" for _, row in rows.iterrows())
    aim = f" The {line_name} is {what.say(line)}." if line is not None else ""
    return f"{what.title or 'One number'} by {len(rows)} definitions: {said}.{aim}"
