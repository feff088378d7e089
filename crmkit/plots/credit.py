"""The figure of attribution: what each rule gives each channel."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from crmkit.numbers import say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need
from crmkit.plots.text import short
from crmkit.tables import table as make_table

if TYPE_CHECKING:
    import pandas as pd


def credit(
    frame: pd.DataFrame,
    *,
    by: str = "channel",
    title: str | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw the revenue that each rule of attribution gives each group: a mark a rule, so that gaps between them show.

    Parameters
    ----------
    frame : DataFrame
        One row a rule and group: `model`, the group and `value`; groups are drawn in the order of the largest value.
    by : str
        The column of the groups.
    title, source, ax, **given
        As in `trend`.
    """
    need(frame, "model", by, "value")
    what = words.about(frame, None, source=source, usual={"title": "Revenue attributed", "unit": "money"}, **given)
    with style.house():
        wide = frame.pivot_table(index=by, columns="model", values="value", aggfunc="sum").fillna(0.0)
        models = list(dict.fromkeys(frame["model"]))
        wide = wide.assign(most=wide.max(axis=1)).sort_values("most", ascending=False, kind="stable").head(12)[models]
        ax = style.new_panel(ax, height=min(1.7 + 0.46 * max(len(wide), 2), 7.2))
        if wide.empty:
            style.no_data(ax)
        else:
            _draw_credit(ax, wide, what)
        date = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        line = " · ".join(p for p in (f"{what.title}, {what.currency}".rstrip(", "), "by rule", date) if p)
        style.title_block(ax, _credit_finding(wide, what) if title is None else title, line, what.source)
        said = "; ".join(
            f"{words.label(name)}: " + ", ".join(f"{model} {what.say(row[model])}" for model in models)
            for name, row in wide.head(8).iterrows()
        )
        alt = f"{what.title} by rule. {said}." if len(wide) else f"No data: {what.title}."
        twin = partial(
            make_table, wide.rename_axis(columns=None).reset_index(), caption=line,
            units=dict.fromkeys(models, "money"), currency=what.currency, lang=what.lang,
        )  # fmt: skip
        return style.attach(ax, alt=alt, data=frame, twin=twin)


_RULE_MARKS = ("o", "D", "s", "^", "P", "X")


def _draw_credit(ax: Axes, wide: pd.DataFrame, what: words.About) -> None:
    places = np.arange(len(wide))
    ax.hlines(places, wide.min(axis=1), wide.max(axis=1), color=style.OTHER, linewidth=3)
    for place, model in enumerate(wide.columns):
        color, mark = style.PALETTE[place % len(style.PALETTE)], _RULE_MARKS[place % len(_RULE_MARKS)]
        # marks that would hide each other are set a little apart
        shift = 0.14 * (place - (len(wide.columns) - 1) / 2)
        ax.plot(wide[model], places + shift, mark, color=color, markersize=5, label=str(model), zorder=3)
    ax.set_xlim(min(0.0, float(wide.to_numpy().min()) * 1.05), float(wide.to_numpy().max()) * 1.06 or 1.0)
    style.value_axis(ax, ax.xaxis, "money", currency=what.currency, lang=what.lang)
    ax.spines["bottom"].set_visible(False)
    style.name_axis(ax, [short(words.label(name), 28) for name in wide.index])
    ax.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, handlelength=0.9, columnspacing=1.4, borderaxespad=0.3,
        borderpad=0,
    )  # fmt: skip


def _credit_finding(wide: pd.DataFrame, what: words.About) -> str:
    """Name the group about which the rules differ most."""
    if wide.empty:
        return f"{what.title}: no data"
    gap = wide.max(axis=1) - wide.min(axis=1)
    name = gap.idxmax()
    low, high = what.say(float(wide.loc[name].min())), what.say(float(wide.loc[name].max()))
    if low == high:
        return "All rules give the same"
    return f"The rules differ most about {words.label(name)}: from {low} to {high}"
