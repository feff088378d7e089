"""Figures of what goes together: correlations with their intervals, before and after what all share is removed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from crmkit.numbers import UNKNOWN, say, say_period
from crmkit.plots import style
from crmkit.plots.over_time import need
from crmkit.plots.text import short
from crmkit.tables import table

if TYPE_CHECKING:
    import pandas as pd

_PALE = "#8FA3B3"


def coefficients(
    frame: pd.DataFrame,
    *,
    title: str | None = None,
    top: int = 10,
    unit: str = "user",
    source: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw correlations as points with 95% intervals: as they are, and after unit and period means are removed.

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.methods.association` returns it; `inside_title` and `outside_title` name the numbers where there.
    title : str, optional
        The finding; by default how many pairs have an interval without 0, of each kind.
    top : int
        How many pairs are drawn, those that go together most as they are; the rest is in the table.
    unit : str
        What a unit is, in a sentence.

    Raises
    ------
    UsageError
        If a column is missing.
    """
    need(frame, "inside", "outside", "raw", "raw_low", "raw_high", "within", "low", "high")
    with style.house():
        known = frame[frame["within"].notna()]
        strongest = known["raw"].abs().sort_values(ascending=False, kind="stable").index
        rows = known.loc[strongest[:top]]
        ax = style.new_panel(ax, height=min(1.75 + 0.42 * max(len(rows), 2), 7.0))
        names = [pair_name(row) for _, row in known.loc[strongest].iterrows()]
        if rows.empty:
            style.no_data(ax, "no pair has enough cells")
        else:
            _draw(ax, rows, names[:top])
        what = "Correlation of ranks" if frame.attrs.get("how", "rank") == "rank" else "Correlation"
        as_of = frame.attrs.get("as_of")
        sizes = dict.fromkeys(f"{size:.0f}" for size in (rows["n"].min(), rows["n"].max())) if "n" in rows else ()
        cells = f"n = {' to '.join(sizes)} cells a pair" if len(rows) and sizes else ""
        every = frame.attrs.get("every") or "period"
        line = " · ".join(
            part
            for part in (
                f"{what} by {unit} and {every}",
                "95% interval",
                cells,
                f"data to {say_period(as_of)}" if as_of is not None else "",
            )
            if part
        )
        left = len(known) - len(rows)
        notes = " · ".join(part for part in (f"{left} weaker pairs in the table" if left else "", source) if part)
        style.title_block(ax, title if title is not None else coefficients_finding(known), line, notes)
        said = [
            f"{name}: {say(row['raw'], '', digits=2)} as it is, {say(row['within'], '', digits=2)} after"
            f" ({_span(row['low'], row['high'])})"
            for name, (_, row) in zip(names, rows.iterrows(), strict=False)
        ]
        alt = f"{what}. {'; '.join(said[:6])}." if said else f"No data: {what}."
        twin = partial(_twin, known.loc[strongest], names, line)
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def pair_name(row: pd.Series) -> str:
    """Name a pair of numbers: what happens inside, and what goes with it outside."""
    return f"{row.get('inside_title', row['inside'])} → {row.get('outside_title', row['outside'])}"


def coefficients_finding(known: pd.DataFrame) -> str:
    """Say how many pairs have an interval that leaves out 0: as they are, after, and corrected for their number.

    >>> import pandas as pd
    >>> coefficients_finding(pd.DataFrame({"raw_low": [0.2, -0.1], "raw_high": [0.6, 0.3], "low": [-0.1, 0.1],
    ...     "high": [0.2, 0.2], "q": [0.9, 0.06]}))
    '1 of 2 pairs go together as they are, 1 once what all share is taken away, none corrected for 2 looks'
    """
    if not len(known):
        return "Inside and outside: no data"
    raw = int(((known["raw_low"] > 0) | (known["raw_high"] < 0)).sum())
    within = int(((known["low"] > 0) | (known["high"] < 0)).sum())
    counts = [raw, within, *([int((known["q"] < 0.05).sum())] if "q" in known else [])]
    first, second, *third = ("none" if count == 0 else str(count) for count in counts)
    last = f", {third[0]} corrected for {len(known)} looks" if third and within else ""
    text = f"{first} of {len(known)} pairs go together as they are, {second} once what all share is taken away{last}"
    return text[:1].upper() + text[1:]


def _draw(ax: Axes, rows: pd.DataFrame, names: list[str]) -> None:
    places = np.arange(len(rows))
    ax.axvline(0, color=style.FAINT, linewidth=0.9, zorder=1)
    marks = []
    for shift, ends, color, face, size in (
        (-0.17, ("raw", "raw_low", "raw_high"), _PALE, "white", 5.5),
        (0.17, ("within", "low", "high"), style.PALETTE[0], style.PALETTE[0], 5.5),
    ):
        value, low, high = (rows[name].to_numpy(float) for name in ends)
        ax.hlines(places + shift, low, high, color=color, linewidth=1.8, zorder=2)
        marks += ax.plot(value, places + shift, linestyle="none", marker="o", markersize=size, color=color,
                         markerfacecolor=face, markeredgewidth=1.5, zorder=3)  # fmt: skip
    ax.set_xlim(-1, 1)
    ax.set_xticks([-1, -0.5, 0, 0.5, 1], labels=["−1", "−0.5", "0", "0.5", "1"])
    ax.grid(True, axis="x")
    ax.tick_params(axis="x", length=0, labelsize=9, labelcolor=style.SOFT)
    ax.set_xlabel("correlation: one falls as the other rises (left), both rise together (right)")
    style.name_axis(ax, ["\n→ ".join(short(part, 34) for part in name.split(" → ")) for name in names])
    ax.tick_params(axis="y", labelsize=8.5)
    ax.spines["bottom"].set_visible(False)
    ax.legend(
        marks, ["as they are", "each compared with itself, what all share in a period removed"], loc="lower left",
        bbox_to_anchor=(0, 1.0), ncols=2, handlelength=0.9, columnspacing=1.4, borderaxespad=0.3, borderpad=0,
    )  # fmt: skip


def _twin(rows: pd.DataFrame, names: list[str], caption: str):
    import pandas as pd

    shown = pd.DataFrame(
        {
            "pair": names,
            "as it is": rows["raw"].to_numpy(),
            "95% interval": _spans(rows, "raw_low", "raw_high"),
            "after": rows["within"].to_numpy(),
            "95% interval after": _spans(rows, "low", "high"),
        }
    )
    for column, name in (("q", "p, corrected"), ("n", "cells"), ("note", "remark")):
        if column in rows:
            shown[name] = rows[column].to_numpy()
    if "remark" in shown and not shown["remark"].any():
        shown = shown.drop(columns="remark")
    formats = {name: partial(say, unit="", digits=2) for name in ("as it is", "after", "p, corrected")}
    formats = {name: form for name, form in formats.items() if name in shown}
    written = [name for name in shown if name.startswith("95%")]
    return table(shown, caption=caption, formats=formats, units={"cells": "count"}, numbers=written, max_rows=100)


def _spans(rows: pd.DataFrame, low: str, high: str) -> list[str]:
    return [_span(*ends) for ends in zip(rows[low], rows[high], strict=True)]


def _span(low: float, high: float) -> str:
    ends = [say(end, "", digits=2) for end in (low, high)]
    return UNKNOWN if UNKNOWN in ends else " to ".join(ends)
