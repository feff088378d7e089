"""Figures that put a model to the test: what it expected beside what came, by group and cumulated over time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

from crmkit.numbers import say, say_interval, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need
from crmkit.tables import Html, table

if TYPE_CHECKING:
    import pandas as pd


def expected_actual(
    frame: pd.DataFrame,
    *,
    name: str = "label",
    along: str = "",
    rule: str = "",
    metric: Any = None,
    title: str | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw what was expected of each group beside what came, with the interval of what came.

    Parameters
    ----------
    frame : DataFrame
        One row a group in order: a name, `expected`, `actual`, `low`, `high` (of `actual`), `customers`; and `rule`,
        what the simplest rule expected, where there is one.
    name : str
        The column of names.
    along : str
        What the groups are, for the axis.
    rule : str
        How the rule is called; "" draws none.
    metric, title, source, ax, **given
        As in `trend`; the title of `given` is what was expected.
    """
    need(frame, name, "expected", "actual", "low", "high", "customers")
    what = words.about(frame, metric, source=source, usual={"title": "Purchases", "unit": "per_unit"}, **given)
    with style.house():
        ax = style.new_panel(ax, height=3.9)
        rows = frame[frame["actual"].notna()].reset_index(drop=True)
        if rows.empty:
            style.no_data(ax)
            found = alt = f"No data: {what.title}."
        else:
            _draw_groups(ax, rows, name, rule if "rule" in rows else "", what)
            ax.set_xlabel(along)
            found, alt = _groups_words(rows, name, what)
        size = say(float(frame["customers"].sum()), "count", lang=what.lang) if len(frame) else "0"
        unit = (what.currency or "money") if what.unit == "money" else "%" if what.unit == "share" else ""
        end = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        line = ", ".join(part for part in (what.title, unit) if part)
        line = " · ".join(part for part in (line, "95% interval of what came", f"n = {size}", end) if part)
        style.title_block(ax, found if title is None else title, line, what.source)
        return style.attach(ax, alt=alt, data=frame, twin=partial(_groups_table, frame, name, rule, line, what))


def _draw_groups(ax: Axes, rows: pd.DataFrame, name: str, rule: str, what: words.About) -> None:
    x = np.arange(len(rows), dtype=float)
    actual, expected = rows["actual"].to_numpy(float), rows["expected"].to_numpy(float)
    low, high = (rows[side].fillna(rows["actual"]).to_numpy(float) for side in ("low", "high"))
    ax.bar(x, actual, width=0.56, color=style.PALETTE[0], alpha=0.24, linewidth=0)
    ax.vlines(x, low, high, color=style.PALETTE[0], alpha=0.7, linewidth=2)
    ax.plot(x, expected, "D", color=style.PALETTE[1], markersize=7, zorder=4)
    top = max(float(np.nanmax(high)), float(np.nanmax(expected)))
    marks = [("came", style.PALETTE[0], "s"), ("expected", style.PALETTE[1], "D")]
    if rule:
        ax.plot(x, rows["rule"].to_numpy(float), "x", color=style.SOFT, markersize=7, zorder=3, clip_on=False)
        top = max(top, float(np.nanmax(rows["rule"])))
        marks.append((rule, style.SOFT, "x"))
    for label, color, mark in marks:
        ax.plot([], [], mark, color=color, label=label, alpha=0.5 if label == "came" else 1)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, borderpad=0, handletextpad=0.3)
    ax.set_ylim(0, top * 1.06 if top else 1)
    style.value_axis(ax, ax.yaxis, what.unit, currency=what.currency, lang=what.lang)
    if what.unit == "per_unit":
        ax.set_ylabel("")  # the line under the title says of what
    style.name_axis(ax, [str(label) for label in rows[name]], horizontal=True)


def _groups_words(rows: pd.DataFrame, name: str, what: words.About) -> tuple[str, str]:
    inside = int(((rows["expected"] >= rows["low"]) & (rows["expected"] <= rows["high"])).sum())
    known = int(rows["low"].notna().sum())
    found = f"In {inside} of {known} groups what was expected lies within what chance makes of what came"
    said = "; ".join(
        f"{row[name]}: {what.say(row['expected'])} expected, {what.say(row['actual'])} came"
        for _, row in rows.iterrows()
    )
    return found, f"{what.title}. {said}."


def _groups_table(frame: pd.DataFrame, name: str, rule: str, caption: str, what: words.About) -> Html:
    form = {"currency": what.currency, "lang": what.lang}
    spans = [say_interval(low, high, what.unit, **form) for low, high in zip(frame["low"], frame["high"], strict=True)]
    shown = frame[[name, "customers", "expected", "actual"]].assign(**{"95% interval": spans})
    units = {"customers": "count", "expected": what.unit, "actual": what.unit}
    if rule and "rule" in frame:
        shown, units = shown.assign(rule=frame["rule"]).rename(columns={"rule": rule}), units | {rule: what.unit}
    shown = shown.rename(columns={"actual": "came"})
    units = {"came" if key == "actual" else key: unit for key, unit in units.items()}
    return table(shown, caption=caption, units=units, numbers=["95% interval"], **form)


def tracking(
    frame: pd.DataFrame, *, metric: Any = None, title: str | None = None, source: str = "", ax: Axes | None = None,
    **given: Any,
) -> Axes:  # fmt: skip
    """Draw expected and actual repeat purchases, cumulated, with the day up to which the model knew what came.

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.models.validation.tracking` makes it: `period`, `expected`, `actual`, `after`; `attrs` with `until`.
    metric, title, source, ax, **given
        As in `trend`.
    """
    need(frame, "period", "expected", "actual", "after")
    usual = {"title": "Repeat purchases, cumulated", "unit": "count"}
    what = words.about(frame, metric, source=source, usual=usual, **given)
    with style.house():
        ax = style.new_panel(ax, height=3.9)
        cut = frame.attrs.get("until")
        if len(frame) < 2:
            style.no_data(ax)
            found = alt = f"No data: {what.title}."
        else:
            _draw_tracking(ax, frame, cut, what)
            found, alt = _tracking_words(frame, cut, what)
        end = f"data to {say_period(frame['period'].max())}" if len(frame) else ""
        known = f"fitted to what was known on {say_period(cut)}" if cut is not None else ""
        line = " · ".join(part for part in (what.title, known, end) if part)
        style.title_block(ax, found if title is None else title, line, what.source)
        return style.attach(ax, alt=alt, data=frame, twin=partial(_tracking_table, frame, line, what))


def _draw_tracking(ax: Axes, frame: pd.DataFrame, cut: Any, what: words.About) -> None:
    x = date2num(frame["period"])
    actual, expected = frame["actual"].to_numpy(float), frame["expected"].to_numpy(float)
    ax.plot(x, actual, color=style.PALETTE[0])
    ax.plot(x, expected, color=style.PALETTE[1], linestyle=(0, (5, 3)))
    ax.set_ylim(0, 1.06 * max(actual.max(), expected.max(), 1))
    if cut is not None:
        at = date2num(cut)
        ax.axvline(at, color=style.SOFT, linewidth=1, linestyle=":")
        ax.annotate("fitted up to here", (at, ax.get_ylim()[1] * 0.96), xytext=(-6, 0), textcoords="offset points",
                    ha="right", va="top", color=style.SOFT, size=8.5)  # fmt: skip
    ends = [("came", actual[-1], style.PALETTE[0]), ("expected", expected[-1], style.PALETTE[1])]
    for (label, value, color), place in zip(
        ends, style.spread([end[1] for end in ends], ax.get_ylim()[1] * 0.075), strict=True
    ):
        ax.annotate(f"{label} {what.say(value)}", (x[-1], place), xytext=(7, 0), textcoords="offset points",
                    va="center", color=color, weight="bold", annotation_clip=False)  # fmt: skip
    style.value_axis(ax, ax.yaxis, what.unit, currency=what.currency, lang=what.lang)
    locator = AutoDateLocator(maxticks=8)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    ax.tick_params(axis="x", length=3, labelsize=9, labelcolor=style.SOFT)
    ax.set_xlim(x[0], x[-1])


def _tracking_words(frame: pd.DataFrame, cut: Any, what: words.About) -> tuple[str, str]:
    if cut is None or not frame["after"].any() or not frame.attrs.get("actual"):
        last = frame.iloc[-1]
        said = f"{what.say(last['expected'])} expected in all, {what.say(last['actual'])} came"
        return said, f"{what.title}: {said}."
    came, expected, error = (float(frame.attrs[key]) for key in ("actual", "expected", "error"))
    more = "fewer" if error < 0 else "more"
    found = f"After the cut-off {what.say(expected)} were expected and {what.say(came)} came: "
    found += f"{say(abs(error), 'share')} {more} were expected"
    return found, f"{what.title}. {found}."


def _tracking_table(frame: pd.DataFrame, caption: str, what: words.About) -> Html:
    chosen = np.unique(np.linspace(0, len(frame) - 1, min(25, len(frame))).round().astype(int))
    shown = frame.iloc[chosen][["period", "expected", "actual"]].reset_index(drop=True)
    shown["period"] = [say_period(day) for day in shown["period"]]
    shown = shown.rename(columns={"period": "day", "actual": "came"})
    return table(shown, caption=caption, units={"expected": "count", "came": "count"}, lang=what.lang)
