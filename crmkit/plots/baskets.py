"""Figures of what is bought together: a map of pairs, a matrix of lifts, and lifts within groups beside those over all.

Pairs are those of `crmkit.methods.pairs`; where a frame has the columns `name` and `with_name`, these are written.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from crmkit.numbers import say, say_interval, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need
from crmkit.plots.text import short
from crmkit.tables import table

if TYPE_CHECKING:
    import pandas as pd

_PALE = "#9db4c4"
_STEPS = (0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500)


def pair_map(
    frame: pd.DataFrame, *, title: str | None = None, top: int = 8, source: str = "", ax: Axes | None = None
) -> Axes:
    """Draw pairs by how often they are bought together (across) and how much oftener than by chance (up).

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.methods.pairs` returns it.
    title : str, optional
        The finding; by default how many pairs are clear, and the one with the most orders beyond chance.
    top : int
        How many of the clear pairs are named, those with the most baskets beyond chance.
    source, ax
        As in `trend`.
    """
    need(frame, "item", "with_item", "both", "support", "lift", "clear")
    what = words.about(frame, None, usual={"title": "Pairs of products"}, source=source)
    rows = frame.reset_index(drop=True)
    clear = rows[rows["clear"]].head(top)
    with style.house():
        ax = style.new_panel(ax, height=4.4)
        if rows.empty:
            style.no_data(ax, "no two products are in enough orders together")
        else:
            _draw_map(ax, rows, clear)
        orders = frame.attrs.get("orders") or (int(rows["orders"].max()) if len(rows) else 0)
        line = " · ".join(
            part
            for part in (
                "Each point is a pair: its lift, and the share of orders that hold both",
                f"n = {orders:,} orders" if orders else "",
                f"data to {say_period(what.as_of)}" if what.as_of is not None else "",
            )
            if part
        )
        style.title_block(ax, pairs_finding(frame) if title is None else title, line, what.source)
        said = "; ".join(
            f"{pair_name(row)}: lift {say(row['lift'], '', digits=1)}, in {say(row['support'], 'share')} of orders"
            for _, row in clear.iterrows()
        )
        alt = f"{pairs_finding(frame)}. {said}." if said else f"{pairs_finding(frame)}."
        return style.attach(ax, alt=alt, data=frame, twin=partial(_pairs_twin, rows, line))


def pair_name(row: pd.Series, *, width: int = 200) -> str:
    """Name a pair by its products' names, or keys where they have none.

    >>> pair_name({"item": "P1", "with_item": "P2", "name": "Tea"})
    'Tea + P2'
    """
    one, other = (row.get("name") or row["item"], row.get("with_name") or row["with_item"])
    return f"{short(one, width)} + {short(other, width)}"


def pairs_finding(frame: pd.DataFrame) -> str:
    """Say how many pairs go together, and which one brings most orders beyond chance.

    >>> import pandas as pd
    >>> pairs_finding(pd.DataFrame({"item": ["a"], "with_item": ["b"], "lift": [2.0], "clear": [True]}))
    '1 of 1 pairs is bought together clearly more often than by chance, first a + b'
    """
    clear = frame[frame["clear"]] if "clear" in frame else frame
    if not len(frame):
        return "No two products are in enough orders together"
    if not len(clear):
        return f"None of {len(frame):,} pairs is bought together clearly more often than by chance"
    verb = "is" if len(clear) == 1 else "are"
    return (
        f"{len(clear):,} of {len(frame):,} pairs {verb} bought together clearly more often than by chance, first "
        f"{pair_name(clear.iloc[0], width=28)}"
    )


def _draw_map(ax: Axes, rows: pd.DataFrame, clear: pd.DataFrame) -> None:
    for chosen, color, zorder in ((~rows["clear"], _PALE, 2), (rows["clear"], style.PALETTE[0], 3)):
        some = rows[chosen]
        ax.scatter(some["support"] * 100, some["lift"], s=26, color=color, zorder=zorder, linewidth=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis, values in ((ax.xaxis, rows["support"] * 100), (ax.yaxis, rows["lift"])):
        low, high = float(values.min()) / 1.25, float(values.max()) * 1.25
        if axis is ax.yaxis:
            low, high = min(low, 0.8), max(high, 1.25)
        ends = ax.set_xlim if axis is ax.xaxis else ax.set_ylim
        ends(low, high)
        places = [step for step in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, *_STEPS) if low <= step <= high]
        axis.set_major_locator(FixedLocator(places))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.axhline(1, color=style.SOFT, linewidth=1)
    ax.grid(True)
    ax.set_xlabel("% of orders with both (log scale)")
    ax.set_ylabel("lift: times what chance would do (log scale)")
    ax.tick_params(length=0)
    _name_points(ax, clear)


def _name_points(ax: Axes, clear: pd.DataFrame) -> None:
    """Write names beside the panel, one under the other, with a line to each point."""
    if not len(clear):
        return
    low, high = (np.log(end) for end in ax.get_ylim())
    places = (np.log(clear["lift"].to_numpy(float)) - low) / (high - low)
    for place, row in zip(style.spread(list(places), 0.085), clear.to_dict("records"), strict=True):
        ax.annotate(
            "\n+ ".join(short(name, 26) for name in (row.get("name") or row["item"], row.get("with_name")
                                                     or row["with_item"])),
            (row["support"] * 100, row["lift"]), xytext=(1.03, place), textcoords="axes fraction", size=7.5,
            va="center", color=style.INK, linespacing=0.95,
            arrowprops={"arrowstyle": "-", "color": style.FAINT, "linewidth": 0.6, "shrinkA": 2, "shrinkB": 3},
        )  # fmt: skip


def _pairs_twin(rows: pd.DataFrame, caption: str) -> Any:
    import pandas as pd

    shown = pd.DataFrame(
        {
            "pair": [pair_name(row) for _, row in rows.iterrows()],
            "together": rows["both"].to_numpy(),
            "support": rows["support"].to_numpy(),
            "lift": rows["lift"].to_numpy(),
            "95% interval": spans(rows, "lift_low", "lift_high"),
            "clear": rows["clear"].to_numpy(),
        }
    )
    formats = {"lift": partial(say, unit="", digits=2)}
    units = {"together": "count", "support": "share"}
    return table(shown, caption=caption, formats=formats, units=units, numbers=["95% interval", "lift"], max_rows=40)


def spans(rows: pd.DataFrame, low: str, high: str, unit: str = "", digits: int = 2) -> list[str]:
    """Write intervals; those of plain numbers with so many decimals."""
    if low not in rows:
        return ["–"] * len(rows)
    if unit:
        return [say_interval(*ends, unit) for ends in zip(rows[low], rows[high], strict=True)]
    texts = [[say(end, "", digits=digits) for end in ends] for ends in zip(rows[low], rows[high], strict=True)]
    return ["–" if "–" in ends else " to ".join(ends) for ends in texts]


def lift_matrix(
    frame: pd.DataFrame, *, title: str | None = None, top: int = 12, source: str = "", ax: Axes | None = None
) -> Axes:
    """Draw the lifts among the products that go together most, as a matrix: blue more than by chance, orange less.

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.methods.pairs` returns it. Pairs that are not in it are left empty: they are in too few orders.
    title, source, ax
        As in `pair_map`.
    top : int
        How many products, those of the pairs with the most baskets beyond chance.
    """
    need(frame, "item", "with_item", "lift", "clear")
    what = words.about(frame, None, usual={"title": "Lift"}, source=source)
    names = _names(frame, top)
    grid = _grid(frame, names)
    with style.house():
        ax = style.new_panel(ax, height=1.9 + 0.34 * max(len(names), 3))
        if len(names) < 2:
            style.no_data(ax, "no two products are in enough orders together")
        else:
            _draw_matrix(ax, frame, names, grid)
        known = int(np.isfinite(grid).sum() // 2)
        found = f"{int(frame['clear'].sum())} pairs go together; darker blue is more often than chance"
        line = " · ".join(
            part
            for part in (
                "Lift; bold where it is clearly above 1, empty where too few orders hold both",
                f"data to {say_period(what.as_of)}" if what.as_of is not None else "",
            )
            if part
        )
        style.title_block(ax, found if title is None else title, line, what.source)
        most = frame[frame["clear"]].head(4)
        said = "; ".join(f"{pair_name(row)} {say(row['lift'], '', digits=1)}" for _, row in most.iterrows())
        alt = f"Lift of {known} pairs of {len(names)} products. First: {said}." if known else "No data: lift of pairs."
        return style.attach(ax, alt=alt, data=frame, twin=partial(_pairs_twin, frame, line))


def _names(frame: pd.DataFrame, top: int) -> list[str]:
    """Return the products of the first pairs; those that go together stand beside each other."""
    chosen = frame[frame["clear"]] if frame["clear"].any() else frame
    found: dict[str, None] = {}
    for row in chosen.itertuples():
        for name in (row.item, row.with_item):
            if len(found) < top:
                found.setdefault(str(name))
    return sorted(found)


def _grid(frame: pd.DataFrame, names: list[str]) -> np.ndarray:
    grid = np.full((len(names), len(names)), np.nan)
    place = {name: at for at, name in enumerate(names)}
    for row in frame.itertuples():
        if row.item in place and row.with_item in place:
            i, j = place[row.item], place[row.with_item]
            grid[i, j] = grid[j, i] = row.lift
    return grid


def _draw_matrix(ax: Axes, frame: pd.DataFrame, names: list[str], grid: np.ndarray) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("lift", [style.LOSS, "#f7f3ef", style.GAIN])
    shown = np.log2(np.clip(grid, 1 / 8, 8))
    ax.imshow(np.ma.masked_invalid(shown), cmap=colors, norm=TwoSlopeNorm(0, -3, 3), aspect="auto")
    label = {}
    for row in frame.to_dict("records"):
        label[row["item"]], label[row["with_item"]] = (
            row.get("name") or row["item"],
            row.get("with_name") or row["with_item"],
        )
    sure = {frozenset(two) for two in frame.loc[frame["clear"], ["item", "with_item"]].itertuples(index=False)}
    for i, one in enumerate(names):
        for j, other in enumerate(names):
            if np.isfinite(grid[i, j]):
                bold = frozenset((one, other)) in sure
                ink = "white" if abs(shown[i, j]) > 1.7 else style.INK if bold else style.SOFT
                ax.text(j, i, f"{grid[i, j]:.1f}", ha="center", va="center", size=8, color=ink,
                        weight="bold" if bold else "normal")  # fmt: skip
    texts = [short(label.get(name, name), 24) for name in names]
    ax.set_xticks(range(len(names)), labels=texts, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(names)), labels=texts)
    ax.tick_params(length=0, labelsize=8, labelcolor=style.INK)
    for side in ax.spines.values():
        side.set_visible(False)


def lift_within(
    frame: pd.DataFrame,
    *,
    by: str = "",
    title: str | None = None,
    top: int = 10,
    source: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the lift of pairs over all orders, and what is left of it within groups.

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.methods.within` returns it.
    by : str
        What the groups are, in a sentence.
    title, source, ax
        As in `pair_map`.
    top : int
        How many pairs, the first of the frame.
    """
    need(frame, "item", "with_item", "lift", "lift_within")
    what = words.about(frame, None, usual={"title": "Lift"}, source=source)
    by = words.dimension_name(by or str(frame.attrs.get("by") or "group"))
    rows = frame[frame["lift_within"].notna()].head(top).reset_index(drop=True)
    with style.house():
        ax = style.new_panel(ax, height=min(1.75 + 0.38 * max(len(rows), 2), 6.6))
        if rows.empty:
            style.no_data(ax)
        else:
            _draw_within(ax, rows, by)
        line = " · ".join(
            part
            for part in (
                f"Lift: times what chance would do, over all orders and within each {by}",
                f"data to {say_period(what.as_of)}" if what.as_of is not None else "",
            )
            if part
        )
        style.title_block(ax, within_finding(rows, by) if title is None else title, line, what.source)
        said = "; ".join(
            f"{pair_name(row)} {say(row['lift'], '', digits=1)} over all, "
            f"{say(row['lift_within'], '', digits=1)} within"
            for _, row in rows.iterrows()
        )
        alt = f"Lift by {by}: {said}." if said else "No data: lift within groups."
        return style.attach(ax, alt=alt, data=frame, twin=partial(_within_twin, rows, line))


def within_finding(rows: pd.DataFrame, by: str) -> str:
    """Say of how many pairs more than half of the lift is made by groups that buy different things.

    >>> import pandas as pd
    >>> within_finding(pd.DataFrame({"made_by_groups": [0.9, 0.1]}), "segment")
    'Of 1 of 2 pairs, more than half of the lift is made by what each segment buys anyway'
    """
    many = int((rows["made_by_groups"] > 0.5).sum()) if len(rows) else 0
    if not many:
        return f"What each {by} buys anyway makes more than half of the lift of none of {len(rows)} pairs"
    return f"Of {many} of {len(rows)} pairs, more than half of the lift is made by what each {by} buys anyway"


def _draw_within(ax: Axes, rows: pd.DataFrame, by: str) -> None:
    places = np.arange(len(rows))
    over, inside = rows["lift"].to_numpy(float), rows["lift_within"].to_numpy(float)
    ax.hlines(places, inside, over, color="#c9d6df", linewidth=3, zorder=1)
    hollow = ax.plot(over, places, "o", color=_PALE, markerfacecolor="white", markeredgewidth=1.6, markersize=7)
    full = ax.plot(inside, places, "o", color=style.PALETTE[0], markersize=7)
    for place, value in zip(places, inside, strict=True):
        ax.annotate(say(value, "", digits=1), (value, place), xytext=(0, 6), textcoords="offset points", size=8,
                    ha="center", va="bottom", weight="bold")  # fmt: skip
    ax.axvline(1, color=style.SOFT, linewidth=1)
    ax.set_xlim(min(0.6, float(inside.min()) - 0.2), float(max(over.max(), inside.max())) * 1.06)
    style.value_axis(ax, ax.xaxis, "")
    ax.set_xlabel("lift (1: as often as by chance)")
    style.name_axis(ax, [pair_name(row, width=21) for _, row in rows.iterrows()])
    ax.tick_params(axis="y", labelsize=8.5)
    ax.spines["bottom"].set_visible(False)
    ax.legend([*hollow, *full], ["over all orders", f"within each {by}"], loc="lower left", bbox_to_anchor=(0, 1.0),
              ncols=2, handlelength=0.9, columnspacing=1.4, borderaxespad=0.3, borderpad=0)  # fmt: skip


def _within_twin(rows: pd.DataFrame, caption: str) -> Any:
    import pandas as pd

    shown = pd.DataFrame(
        {
            "pair": [pair_name(row) for _, row in rows.iterrows()],
            "over all": rows["lift"].to_numpy(),
            "within": rows["lift_within"].to_numpy(),
            "made by groups": rows["made_by_groups"].to_numpy(),
        }
    )
    formats = {name: partial(say, unit="", digits=2) for name in ("over all", "within")}
    return table(shown, caption=caption, formats=formats, units={"made by groups": "share"}, numbers=["over all",
                 "within"])  # fmt: skip
