"""The figure of movement between segments: columns of customers, and bands of those who went the same way."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmkit.errors import UsageError
from crmkit.numbers import say, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need
from crmkit.plots.segments import TINTS
from crmkit.plots.text import short
from crmkit.tables import table

_QUIET = ("(not there)", "No order yet")


def segment_flows(
    frame: pd.DataFrame, *, order: list[str] | None = None, title: str | None = None, least: float = 0.004,
    source: str = "", ax: Axes | None = None, **given: Any,
) -> Axes:  # fmt: skip
    """Draw who moved from which segment to which: a column a moment, a band for those who took the same way.

    Parameters
    ----------
    frame : DataFrame
        As `segment_movement` returns it: `before`, `after`, `from`, `to`, `customers`.
    order : list of str, optional
        The segments from top to bottom; by default the largest first.
    least : float
        Bands of a smaller share of all customers are not drawn; they are counted in the columns and in the table.
    title, source, ax, **given
        As in `trend`.

    Raises
    ------
    UsageError
        Where `order` lacks a segment.
    """
    need(frame, "before", "after", "from", "to", "customers")
    what = words.about(frame, None, source=source, usual={"title": "Movement between segments"}, **given)
    with style.house():
        ax = style.new_panel(ax, height=5.6)
        if not len(frame):
            style.no_data(ax)
            found, alt, whole = "Nobody is in a segment", "Nobody is in a segment.", 0
        else:
            moments = [*dict.fromkeys(frame["before"]), frame["after"].iloc[-1]]
            names = _flow_order(frame, order)
            whole = int(frame.loc[frame["before"] == moments[0], "customers"].sum())
            _draw_flows(ax, frame, moments, names, least * whole)
            found, alt = _flow_words(frame, moments)
        end = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        line = " · ".join(
            p for p in ("Customers by group, and where they went", f"n = {say(whole, 'count')}", end) if p
        )
        style.title_block(ax, found if title is None else title, line, what.source)
        return style.attach(ax, alt=alt, data=frame, twin=partial(_flow_table, frame, line))


def _flow_order(frame: pd.DataFrame, order: list[str] | None) -> list[str]:
    there = set(frame["from"]) | set(frame["to"])
    if order is None:
        sizes = frame.groupby("to")["customers"].sum().reindex(sorted(there)).fillna(0)
        return sizes.sort_values(ascending=False, kind="stable").index.tolist()
    if missing := sorted(there - set(order)):
        if missing != ["(not there)"]:
            raise UsageError(f"order lacks the segment {missing[0]!r}; it has {', '.join(order)}.")
        order = [*order, *missing]
    return [name for name in order if name in there]


def _draw_flows(ax: Axes, frame: pd.DataFrame, moments: list[str], names: list[str], least: float) -> None:
    pairs = [frame[frame["before"] == moment] for moment in moments[:-1]]
    leaving = [pair.groupby("from")["customers"].sum() for pair in pairs]
    arriving = [pair.groupby("to")["customers"].sum() for pair in pairs]
    between = [one.combine(two, max, fill_value=0) for one, two in zip(arriving[:-1], leaving[1:], strict=True)]
    sizes = [leaving[0], *between, arriving[-1]]  # who comes in later is absent from the step before
    whole = max(float(size.sum()) for size in sizes)
    gap, width = whole * 0.018, 0.06
    tops = []
    for place, size in enumerate(sizes):
        at, top = 0.0, {}
        for number, name in enumerate(names):
            height = float(size.get(name, 0))
            top[name] = at
            if height:
                tint = _tint(number, name)
                ax.bar(place, height, width * 2, at, color=tint, linewidth=0, zorder=3)
                _flow_label(ax, place, at + height / 2, name, height, last=place == len(sizes) - 1, first=place == 0,
                            room=height >= whole * 0.028)  # fmt: skip
            at += height + gap
        tops.append(top)
    for place, pair in enumerate(pairs):
        _draw_bands(ax, pair, place, tops[place], tops[place + 1], names, width, least)
    ax.set_ylim(whole + gap * len(names), -gap)
    ax.set_xlim(-0.62 if len(sizes) <= 3 else -0.8, len(sizes) - 1 + (0.62 if len(sizes) <= 3 else 0.8))
    ax.set_yticks([])
    ax.set_xticks(range(len(sizes)), labels=moments)
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", length=0, labelsize=10, labelcolor=style.INK)
    ax.spines["bottom"].set_visible(False)


def _tint(number: int, name: str) -> str:
    return "#c9c9c9" if name in _QUIET else TINTS[number % len(TINTS)]


def _flow_label(ax: Axes, place: int, y: float, name: str, size: float, *, first: bool, last: bool, room: bool) -> None:
    if not (first or last):
        return
    side = -0.09 if first else 0.09
    text = f"{short(name, 26)} {say(size, 'count')}"
    ax.text(place + side, y, text, ha="right" if first else "left", va="center", size=9 if room else 8, zorder=4)


def _draw_bands(
    ax: Axes, pair: pd.DataFrame, place: int, left: dict, right: dict, names: list[str], width: float, least: float
) -> None:
    leave, arrive = dict(left), dict(right)
    rank = {name: at for at, name in enumerate(names)}
    ways = pair.assign(a=pair["from"].map(rank), b=pair["to"].map(rank)).sort_values(["a", "b"])
    along = np.linspace(0, 1, 30)
    bend = along**2 * (3 - 2 * along)
    for way in ways.itertuples():
        start, end, size = leave[way[3]], arrive[way.to], float(way.customers)
        leave[way[3]] += size
        arrive[way.to] += size
        if size < least:
            continue
        x = place + width + along * (1 - 2 * width)
        y = start + (end - start) * bend
        stays = way[3] == way.to
        tint = _tint(rank[way[3]], way[3])
        ax.fill_between(x, y, y + size, color=tint, alpha=0.22 if stays else 0.5, linewidth=0, zorder=1 if stays else 2)


def _flow_words(frame: pd.DataFrame, moments: list[str]) -> tuple[str, str]:
    there = frame[~frame["from"].isin(_QUIET)]
    stayed = float(there.loc[there["from"] == there["to"], "customers"].sum())
    whole = float(there["customers"].sum())
    over = f"from {moments[0]} to {moments[1]}" if len(moments) == 2 else "from one moment to the next"
    if not whole:
        return "Nobody was in a segment before", "Nobody was in a segment before."
    found = f"{say(stayed / whole, 'share', digits=0)} of {say(whole, 'count')} customers stayed in their group {over}"
    moved = there[there["from"] != there["to"]].sort_values("customers", ascending=False, kind="stable")
    if len(moved):
        top = moved.iloc[0]
        found += f"; most movers went from “{short(top['from'], 24)}” to “{short(top['to'], 24)}”"
    ways = [f"{row[3]} to {row.to} {say(row.customers, 'count')}" for row in moved.head(5).itertuples()]
    return found, f"{found}. The largest ways: {'; '.join(ways)}." if ways else f"{found}."


def _flow_table(frame: pd.DataFrame, caption: str) -> Any:
    columns = [name for name in ("before", "after", "from", "to", "customers", "share") if name in frame]
    return table(frame[columns], caption=caption, units={"customers": "count", "share": "share"}, max_rows=120)
