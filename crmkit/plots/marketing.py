"""Figures of marketing: what each unit of money brought back, and what more money would bring."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from crmkit.numbers import say, say_interval, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need
from crmkit.plots.text import short
from crmkit.tables import table as make_table

if TYPE_CHECKING:
    import pandas as pd

_SIDES = (("roas", "in revenue", style.PALETTE[0], "o", -0.16), ("back", "in margin", style.PALETTE[1], "D", 0.16))
_MOST_PANELS = 12
_AT_NOW = ("leads_now", "marginal_leads", "marginal_leads_low", "marginal_leads_high")


def money_back(
    frame: pd.DataFrame,
    *,
    by: str = "channel",
    title: str | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw what came back for each unit of money spent, in revenue and in margin, with 95% intervals.

    Parameters
    ----------
    frame : DataFrame
        As `campaign_returns` gives it: one row a group with `roas` and `marketing_roi_margin`, and where known the ends
        of their intervals.
    by : str
        The column of the groups.
    title, source, ax, **given
        As in `trend`.

    Notes
    -----
    The scale is logarithmic, so that halves and doubles lie equally far from the line at 1, where money comes back
    once. What lies beyond the scale's end, such as nothing back at all, is drawn at the end.
    """
    need(frame, by, "roas", "marketing_roi_margin")
    what = words.about(frame, None, source=source, usual={"title": "Money back per unit of money spent"}, **given)
    with style.house():
        rows = frame[frame["roas"].notna()].reset_index(drop=True)
        rows = rows.assign(back=rows["marketing_roi_margin"] + 1)
        for end in ("low", "high"):
            column = f"marketing_roi_margin_{end}"
            rows[f"back_{end}"] = rows[column] + 1 if column in rows else np.nan
        ax = style.new_panel(ax, height=min(1.7 + 0.4 * max(len(rows), 2), 6.8))
        if rows.empty:
            style.no_data(ax)
        else:
            _draw_back(ax, rows, by, what)
        date = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        line = " · ".join(p for p in (what.title, "logarithmic scale", "95% interval", date) if p)
        found = _back_finding(rows, by) if title is None else title
        style.title_block(ax, found, line, what.source)
        said = ", ".join(
            f"{words.label(r[by])} {say(r['roas'], 'ratio')} in revenue and {say(r['back'], 'ratio')} in margin"
            for _, r in rows.head(8).iterrows()
        )
        alt = f"For each unit of money spent came back: {said}." if len(rows) else "No data: money back."
        shown = rows[[by, "roas"]].rename(columns={"roas": "revenue back"})
        shown.insert(2, "95% interval", _spans(rows, "roas"))
        shown["margin back"], shown["interval of margin"] = rows["back"], _spans(rows, "back")
        units = {"revenue back": "ratio", "margin back": "ratio"}
        twin = partial(make_table, shown, caption=line, units=units, numbers=["95% interval", "interval of margin"])
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def _spans(rows: pd.DataFrame, name: str) -> list[str]:
    if f"{name}_low" not in rows:
        return ["–"] * len(rows)
    return [say_interval(a, b, "ratio") for a, b in zip(rows[f"{name}_low"], rows[f"{name}_high"], strict=True)]


def _draw_back(ax: Axes, rows: pd.DataFrame, by: str, what: words.About) -> None:
    columns = [c for name, *_ in _SIDES for c in (name, f"{name}_low", f"{name}_high") if c in rows]
    every = rows[columns].to_numpy(float)
    seen = every[np.isfinite(every) & (every > 0)]
    high = max(2.0, float(seen.max(initial=1.0)) * 1.7)
    low = min(0.5, max(float(seen.min(initial=1.0)) / 1.3, 0.1))
    places = np.arange(len(rows))
    for name, _, color, marker, shift in _SIDES:
        value = rows[name].to_numpy(float)
        if f"{name}_low" in rows:
            ends = [np.clip(rows[f"{name}_{end}"].to_numpy(float), low, high) for end in ("low", "high")]
            ax.hlines(places + shift, *ends, color=color, linewidth=1.5, alpha=0.65)
        ax.plot(np.clip(value, low, high), places + shift, marker, color=color, markersize=6.5, clip_on=False, zorder=3)
        for place, v in zip(places, value, strict=True):
            if np.isfinite(v):
                inside = v > low  # at the scale's end the number stands beside the mark, clear of the names
                ax.annotate(
                    say(v, "ratio", lang=what.lang, digits=1 if v < 10 else 0), (min(max(v, low), high), place + shift),
                    xytext=(0, 5 if shift < 0 else -5) if inside else (8, 0), textcoords="offset points",
                    ha="center" if inside else "left", va=("bottom" if shift < 0 else "top") if inside else "center",
                    size=8, color=color, path_effects=style.HALO,
                )  # fmt: skip
    ax.axvline(1, color=style.INK, linewidth=1, linestyle=(0, (5, 4)), zorder=1)
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if low <= t <= high]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: say(v, "", lang=what.lang, digits=1 if v < 1 else 0)))
    ax.grid(True, axis="x")
    ax.tick_params(axis="x", length=0, labelcolor=style.SOFT)
    ax.spines["bottom"].set_visible(False)
    style.name_axis(ax, [short(words.label(v), 26) for v in rows[by]])
    ax.tick_params(axis="y", pad=9)  # a mark at the scale's end reaches over the edge
    marks = [Line2D([], [], color=c, marker=m, linestyle="none", markersize=6.5) for _, _, c, m, _ in _SIDES]
    marks.append(Line2D([], [], color=style.INK, linewidth=1, linestyle=(0, (5, 4))))
    ax.legend(
        marks, [*(name for _, name, *_ in _SIDES), "what was spent"], loc="lower left", bbox_to_anchor=(0, 1.0),
        ncols=3, handlelength=1.6, columnspacing=1.6, borderaxespad=0.3, borderpad=0,
    )  # fmt: skip


def _back_finding(rows: pd.DataFrame, by: str) -> str:
    """Say for how many groups the margin pays for the spending, and for how many that is sure."""
    known = rows[rows["back"].notna() & (rows[by] != "(all)")]
    if known.empty:
        return "Money back: no margin is known"
    paid, sure = int((known["back"] > 1).sum()), int((known["back_low"] > 1).sum())
    text = f"In {paid} of {len(known)} the margin paid for the spending"
    return f"{text}; beyond the play of chance in {sure}" if known["back_low"].notna().any() else text


def response_curves(
    frame: pd.DataFrame,
    *,
    points: pd.DataFrame,
    curves: pd.DataFrame,
    by: str = "channel",
    title: str | None = None,
    source: str = "",
    **given: Any,
) -> Axes:
    """Draw leads against spending, a panel a channel: months, curve, band, today's spending and what more would bring.

    Parameters
    ----------
    frame, points, curves : DataFrame
        The `table`, `points` and `curves` of `crmkit.methods.response_curves`.
    by : str
        The column of the groups.
    title, source, **given
        As in `trend`.

    Returns
    -------
    Axes
        The first panel; its figure has the others.
    """
    need(frame, by, "spend_now", "verdict")
    what = words.about(frame, None, source=source, usual={"title": "Leads a month against spending a month"}, **given)
    with style.house():
        frame = frame.assign(**{name: np.nan for name in _AT_NOW if name not in frame})
        rows = frame.head(_MOST_PANELS).reset_index(drop=True)
        across = min(3, max(len(rows), 1))
        down = -(-max(len(rows), 1) // across)
        _, panels = plt.subplots(
            down, across, figsize=(style.WIDTH, 1.1 + 2.25 * down), layout="constrained", dpi=style.DPI, squeeze=False
        )
        axes = list(panels.flat)
        axes[0]._crm_own = True
        for ax in axes[len(rows) :]:
            ax.set_axis_off()
        if rows.empty:
            style.no_data(axes[0])
        for ax, row in zip(axes, rows.to_dict("records"), strict=False):
            mine = points[points[by] == row[by]]
            _draw_panel(ax, row, mine, curves[curves[by] == row[by]], by, what)
        date = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        line = " · ".join(p for p in (what.title, "95% band", "dashed: today's spending", date) if p)
        more = f"{len(frame) - len(rows)} more not drawn" if len(frame) > len(rows) else ""
        foot = " · ".join(p for p in (more, what.source) if p)
        style.title_block(axes[0], _curves_finding(frame, by, what) if title is None else title, line, foot)
        said = [_panel_words(row, by) for row in rows.to_dict("records")] or [f"No data: {what.title}"]
        alt = ". ".join(said) + "."
        twin = partial(
            make_table, points.assign(period=[say_period(p, "month") for p in points["period"]]), caption=line,
            units={"spend": "money", "leads": "count"}, currency=what.currency, lang=what.lang, max_rows=400,
        )  # fmt: skip
        return style.attach(axes[0], alt=alt, data=frame, twin=twin)


def _draw_panel(ax: Axes, row: dict[str, Any], points: pd.DataFrame, curve: pd.DataFrame, by: str, what) -> None:
    sure = row["verdict"] == "can tell"
    color = style.PALETTE[0] if sure else style.FAINT
    ax.plot(points["spend"], points["leads"], "o", color=style.INK, alpha=0.45, markersize=3.5, markeredgewidth=0)
    if len(curve):
        spend = curve["spend"].to_numpy(float)
        ax.fill_between(spend, curve["low"], curve["high"], color=color, alpha=0.2, linewidth=0)
        ax.plot(spend, curve["leads"], color=color, linewidth=2, linestyle="-" if sure else (0, (4, 3)))
    now = float(row["spend_now"])
    top = float(max(points["leads"].max(), curve["leads"].max() if len(curve) else 0, 1)) * 1.12
    right = float(max(points["spend"].max() * 1.1, now * 1.1))
    ax.axvline(now, color=style.INK, linewidth=0.9, linestyle=(0, (5, 4)))
    marginal = row["marginal_leads"]
    if len(curve) and np.isfinite(marginal):
        reach = np.array([max(0.0, now - 0.22 * right), now + 0.22 * right])
        ax.plot(reach, row["leads_now"] + (reach - now) * marginal / 1000, color=style.PALETTE[1], linewidth=2.2)
        ax.plot([now], [row["leads_now"]], "o", color=style.PALETTE[1], markersize=5)
    ax.set_xlim(0, right)
    ax.set_ylim(0, top)
    for axis, unit in ((ax.xaxis, "money"), (ax.yaxis, "count")):
        style.value_axis(ax, axis, unit, currency=what.currency, lang=what.lang)
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], integer=True))  # a panel is small
    ax.tick_params(labelsize=8)
    name = short(words.label(row[by]), 22)
    ax.set_title(name if sure else f"{name}: cannot tell", fontsize=9.5)


def _panel_words(row: dict[str, Any], by: str) -> str:
    name = words.label(row[by])
    if not np.isfinite(row["marginal_leads"]):
        return f"{name}: cannot tell, {row.get('reason', '')}"
    span = say_interval(row["marginal_leads_low"], row["marginal_leads_high"], "")
    count = say(row["marginal_leads"], "", digits=2)
    text = f"{name}: at today's spending {count} more leads per 1,000 (95% interval {span})"
    return text if row["verdict"] == "can tell" else f"{text}, but it cannot tell: {row.get('reason', '')}"


def _curves_finding(frame: pd.DataFrame, by: str, what: words.About) -> str:
    """Name where the next unit of money brings most leads, and how many cannot be told."""
    told = frame[(frame["verdict"] == "can tell") & frame["marginal_leads"].notna()]
    dark = len(frame) - len(told)
    if told.empty:
        return "Nothing shows yet what more spending would bring"
    best = told.loc[told["marginal_leads"].idxmax()]
    count = say(best["marginal_leads"], "", digits=1)
    money = say(1000, "money", currency=what.currency)
    text = f"More money brings most in {words.label(best[by])}: {count} leads per {money}"
    return f"{text}; {dark} of {len(frame)} cannot tell" if dark else text
