"""Figures of experiments: the way to a decision look by look, what peeking does, what a number of customers sees."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from crmkit.numbers import say, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need
from crmkit.tables import table

if TYPE_CHECKING:
    import pandas as pd

_SHAPES = {"obrien_fleming": "O'Brien and Fleming", "pocock": "Pocock"}


def stopping(frame: pd.DataFrame, *, title: str | None = None, source: str = "", ax: Axes | None = None) -> Axes:
    """Draw how far the difference was from chance at each look, and the bounds at which one may stop.

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.methods.looks` returns it.
    title : str, optional
        The finding; by default at which look the bound was passed, if it was.
    source, ax
        As in `trend`.
    """
    need(frame, "look", "customers", "z", "bound", "usual", "stop")
    what = words.about(frame, None, usual={"title": "Difference ÷ its error (z)"}, source=source)
    rows = frame[frame["z"].notna()]
    with style.house():
        ax = style.new_panel(ax, height=3.8)
        if rows.empty:
            style.no_data(ax)
        else:
            _draw_stopping(ax, frame, rows)
        shape = _SHAPES.get(str(frame.attrs.get("shape", "")), "")
        parts = [
            f"{frame.attrs.get('experiment', '')}: {what.title}",
            f"bounds of {shape}" if shape else "",
            f"n = {int(rows['customers'].max()):,} customers" if len(rows) else "",
            f"data to {say_period(what.as_of)}" if what.as_of is not None else "",
        ]
        line = " · ".join(part for part in parts if part)
        style.title_block(ax, stopping_finding(frame) if title is None else title, line, what.source)
        said = "; ".join(
            f"look {row.look} with {row.customers:,} customers: z {say(row.z, '', digits=2)}, "
            f"bound {say(row.bound, '', digits=2)}"
            for row in rows.itertuples()
        )
        alt = f"{stopping_finding(frame)}. {said}." if said else "No data: looks of an experiment."
        shown = rows[["look", "customers", "difference", "z", "bound"]]
        digits = {"difference": 3, "z": 2, "bound": 2}
        formats = {name: partial(say, unit="", digits=places) for name, places in digits.items()}
        twin = partial(table, shown, caption=line, formats=formats, units={"customers": "count", "look": "count"})
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def stopping_finding(frame: pd.DataFrame) -> str:
    """Say at which look the bound was passed, if it was.

    >>> import pandas as pd
    >>> stopping_finding(pd.DataFrame({"look": [1, 2], "customers": [50, 100], "z": [1.0, 3.0], "stop": [False, True]}))
    'The bound was passed at look 2 of 2, with 100 customers'
    """
    passed = frame[frame["stop"]]
    if not frame["z"].notna().any():
        return "No look has an outcome in both groups"
    if not len(passed):
        return f"The bound was not passed at any of {len(frame)} looks"
    first = passed.iloc[0]
    return f"The bound was passed at look {first['look']} of {len(frame)}, with {int(first['customers']):,} customers"


def _draw_stopping(ax: Axes, frame: pd.DataFrame, rows: pd.DataFrame) -> None:
    x = frame["customers"].to_numpy(float)
    bound, usual = frame["bound"].to_numpy(float), float(frame["usual"].iloc[0])
    top = max(float(np.nanmax(np.abs(frame["z"]))), float(bound.min()), usual) * 1.25
    shown = min(top + 1.0, float(bound.max()) * 1.1)
    for sign in (1, -1):
        edge = ax.plot(x, sign * bound, color=style.PALETTE[1], linewidth=1.6, marker="_", markersize=12)[0]
        ax.fill_between(x, sign * bound, sign * 20, color=style.PALETTE[1], alpha=0.07, linewidth=0)
        fixed = ax.plot(x, np.full(len(x), sign * usual), color=style.FAINT, linewidth=1, linestyle=(0, (5, 4)))[0]
    path = ax.plot(rows["customers"], rows["z"], color=style.PALETTE[0], marker="o", markersize=6)[0]
    ax.axhline(0, color=style.SOFT, linewidth=1)
    ax.set_ylim(-shown, shown)
    ax.set_xticks(x, labels=[f"{int(place):,}" for place in x])
    ax.set_xlabel("customers with an outcome, in the order in which they came")
    ax.set_ylabel("z: the difference in its own errors")
    ax.grid(True, axis="y")
    ax.tick_params(length=0)
    ax.legend([path, edge, fixed], ["what was seen", "may stop beyond", "1.96, for one look at the end"],
              loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, handlelength=1.4, columnspacing=1.4,
              borderaxespad=0.3, borderpad=0)  # fmt: skip


def peeking(frame: pd.DataFrame, *, title: str | None = None, source: str = "", ax: Axes | None = None) -> Axes:
    """Draw how many experiments without any effect would have been called a success by each look.

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.methods.peeking` returns it.
    title, source, ax
        As in `stopping`.
    """
    need(frame, "look", "fixed", "obrien_fleming", "pocock")
    last = frame.iloc[-1]
    found = (
        f"Stopping at the first p below 5% calls {say(last['fixed'], 'share')} of effects that are not there; "
        f"honest bounds {say(last['obrien_fleming'], 'share')}"
    )
    kinds = {"fixed": ("usual bound at each look", style.PALETTE[1]), "pocock": ("Pocock", style.PALETTE[2]),
             "obrien_fleming": ("O'Brien and Fleming", style.PALETTE[0])}  # fmt: skip
    with style.house():
        ax = style.new_panel(ax, height=3.6)
        for name, (text, color) in kinds.items():
            ax.plot(frame["look"], frame[name] * 100, color=color, marker="o", markersize=4, label=text)
        ax.axhline(5, color=style.SOFT, linewidth=1, linestyle=(0, (5, 4)))
        ax.set_ylim(0, float(frame["fixed"].max()) * 115)
        ax.set_xticks(frame["look"])
        ax.set_xlabel("looks so far")
        ax.set_ylabel("% called an effect, of none")
        ax.grid(True, axis="y")
        ax.tick_params(length=0)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, handlelength=1.4, columnspacing=1.4,
                  borderaxespad=0.3, borderpad=0)  # fmt: skip
        line = f"Simulated experiments without any effect · n = {int(last['n']):,}"
        style.title_block(ax, found if title is None else title, line, source)
        shown = frame.drop(columns="n").rename(columns={name: text for name, (text, _) in kinds.items()})
        units: dict[str, Any] = {text: "share" for text, _ in kinds.values()}
        twin = partial(table, shown, caption=line, units=units | {"look": "count"})
        return style.attach(ax, alt=f"{found}. {int(last['look'])} looks.", data=frame, twin=twin)


def days_needed(frame: pd.DataFrame, *, title: str | None = None, source: str = "", ax: Axes | None = None) -> Axes:
    """Draw how many customers an experiment needs, by the size of the effect that it is to see.

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.methods.plan` returns it, of shares: `effect`, `customers`, `days`.
    title, source, ax
        As in `stopping`.
    """
    need(frame, "effect", "customers")
    what = words.about(frame, None, usual={"title": "Customers needed"}, source=source)
    rows = frame.sort_values("effect")
    with style.house():
        ax = style.new_panel(ax, height=3.4)
        if rows.empty:
            style.no_data(ax)
            found = "Nothing can be planned without a base rate"
        else:
            ax.plot(rows["effect"] * 100, rows["customers"], color=style.PALETTE[0], marker="o")
            ax.set_yscale("log")
            for row in rows.itertuples():
                ax.annotate(f"{row.customers:,.0f}", (row.effect * 100, row.customers), xytext=(0, 7), size=8.5,
                            textcoords="offset points", ha="center", path_effects=style.HALO)  # fmt: skip
            ax.set_xlabel("rise to be seen, percentage points")
            ax.set_ylabel("customers, all variants (log scale)")
            ax.set_yticks([])
            ax.minorticks_off()
            ax.margins(0.08, 0.2)
            ax.grid(True)
            ax.tick_params(length=0)
            first, last = rows.iloc[0], rows.iloc[-1]
            found = (
                f"To see {say(first['effect'] * 100, '', digits=1)} points takes {first['customers']:,.0f} customers, "
                f"{say(last['effect'] * 100, '', digits=1)} points {last['customers']:,.0f}"
            )
        line = " · ".join(
            part for part in (what.title, f"data to {say_period(what.as_of)}" if what.as_of is not None else "") if part
        )
        style.title_block(ax, found if title is None else title, line, what.source)
        units = {"effect": "share", "relative": "share", "customers": "count", "per_variant": "count", "days": "count"}
        units = {name: unit for name, unit in units.items() if name in rows}
        twin = partial(table, rows.reset_index(drop=True), caption=line, units=units)
        return style.attach(ax, alt=f"{found}.", data=frame, twin=twin)
