"""Figures of customer value: how few customers bring most of it, what a lifetime value promised and what came."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from crmkit.numbers import say, say_interval, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need
from crmkit.tables import Html, table

if TYPE_CHECKING:
    import pandas as pd

_READ_AT = 0.2
_TICKS = np.arange(0, 1.01, 0.2)


def concentration(
    frame: pd.DataFrame, *, metric: Any = None, title: str | None = None, source: str = "", ax: Axes | None = None,
    **given: Any,
) -> Axes:  # fmt: skip
    """Draw what share of a value the largest customers bring, against what it would be if all brought the same.

    Parameters
    ----------
    frame : DataFrame
        As `pareto` returns it: `customers`, `customers_share`, `value`, `value_share`, from 0 to all customers.
    metric, title, source, ax, **given
        As in `trend`; the title of `given` is what is shared out.
    """
    need(frame, "customers", "customers_share", "value", "value_share")
    what = words.about(frame, metric, source=source, usual={"title": "Value", "unit": "money"}, **given)
    with style.house():
        ax = style.new_panel(ax, height=4.2)
        known = frame[frame["value_share"].notna()]
        if len(known) < 2:
            style.no_data(ax, "no total above 0 to share out" if len(frame) > 1 else "")
            found = alt = f"No data: {what.title}."
        else:
            _draw_concentration(ax, known, what)
            found, alt = _concentration_words(known, frame.attrs, what)
        size = say(float(frame["customers"].max()), "count", lang=what.lang) if len(frame) else "0"
        end = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        line = f"Share of {_lower(what.title)}, brought by so many of the customers, the largest first"
        line = " · ".join(part for part in (line, f"n = {size}", end) if part)
        style.title_block(ax, found.rstrip(".") if title is None else title, line, what.source)
        return style.attach(ax, alt=alt, data=frame, twin=partial(_concentration_table, frame, line, what))


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def _at(frame: pd.DataFrame, share: float) -> pd.Series:
    """Return the first point with at least so large a share of the customers."""
    return frame[frame["customers_share"] >= share - 1e-12].iloc[0]


def _draw_concentration(ax: Axes, frame: pd.DataFrame, what: words.About) -> None:
    x, y = frame["customers_share"].to_numpy(float), frame["value_share"].to_numpy(float)
    ax.plot([0, 1], [0, 1], color=style.FAINT, linewidth=1, linestyle=(0, (4, 4)), zorder=1)
    ax.fill_between(x, x, y, color=style.PALETTE[0], alpha=0.1, linewidth=0)
    ax.plot(x, y, color=style.PALETTE[0], zorder=3)
    top = _at(frame, _READ_AT)
    at, share = float(top["customers_share"]), float(top["value_share"])
    ax.plot([at, at, 0], [0, share, share], color=style.SOFT, linewidth=0.9, linestyle=":", zorder=2)
    ax.plot([at], [share], "o", color=style.PALETTE[0], markersize=6, zorder=4)
    text = f"{say(at, 'share', digits=0)} of the customers\nbring {say(share, 'share', digits=0)}"
    ax.annotate(text, (at, share), xytext=(10, -6), textcoords="offset points", va="top", color=style.PALETTE[0],
                weight="bold", path_effects=style.HALO)  # fmt: skip
    ax.annotate("if all brought the same", (0.62, 0.62), xytext=(8, -4), textcoords="offset points", va="top",
                color=style.SOFT, size=8.5)  # fmt: skip
    if y.max() > 1.005:
        ax.axhline(1, color=style.FAINT, linewidth=0.8)
    style.value_axis(ax, ax.yaxis, "share", lang=what.lang)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, max(1.0, float(y.max()) * 1.02))
    ax.set_xticks(_TICKS, labels=[say(tick, "share", digits=0, lang=what.lang) for tick in _TICKS])
    ax.tick_params(axis="x", length=3, labelsize=9, labelcolor=style.SOFT)
    ax.set_xlabel("of the customers, the largest first")


def _concentration_words(frame: pd.DataFrame, attrs: dict, what: words.About) -> tuple[str, str]:
    top, name = _at(frame, _READ_AT), what.title
    said = [say(float(top[column]), "share", digits=0) for column in ("customers_share", "value_share")]
    found = f"{said[0]} of the customers bring {said[1]} of {_lower(name)}"
    half = frame[frame["value_share"] >= 0.5 - 1e-12].iloc[0]
    few = say(float(half["customers"]), "count")
    one = float(half["customers"]) == 1
    alt = f"{name}: {found}. Half of it comes from {few} customer{'' if one else 's'}."
    if negative := int(attrs.get("negative", 0)):
        lost = what.say(abs(float(attrs["negative_value"])))
        alt += f" {negative} sent back {lost} more than they bought; they stand at the right end."
    return found, alt


def _concentration_table(frame: pd.DataFrame, caption: str, what: words.About) -> Html:
    """Make the table twin: at most 25 points, evenly chosen."""
    chosen = np.unique(np.linspace(0, len(frame) - 1, min(25, max(len(frame), 1))).round().astype(int))
    rows = frame.iloc[chosen] if len(frame) else frame
    units = {"customers": "count", "customers_share": "share", "value": what.unit, "value_share": "share"}
    return table(rows.reset_index(drop=True), caption=caption, units=units, currency=what.currency, lang=what.lang)


def backtest(
    frame: pd.DataFrame, *, metric: Any = None, title: str | None = None, source: str = "", ax: Axes | None = None,
    **given: Any,
) -> Axes:  # fmt: skip
    """Draw what was promised per customer by the age of a cohort, and what came, with its interval.

    Parameters
    ----------
    frame : DataFrame
        As `clv_backtest` returns it without `by`: `months`, `predicted`, `actual`, `low`, `high`, `customers`.
    metric, title, source, ax, **given
        As in `trend`.
    """
    need(frame, "months", "predicted", "actual", "low", "high", "customers")
    usual = {"title": "Revenue per customer", "unit": "money"}
    what = words.about(frame, metric, source=source, usual=usual, **given)
    with style.house():
        ax = style.new_panel(ax, height=3.9)
        rows = frame[frame["predicted"].notna() | frame["actual"].notna()].sort_values("months")
        if not rows["actual"].notna().any():
            style.no_data(ax, "nobody has been watched so long")
            found = alt = f"No data: {what.title}."
        else:
            _draw_backtest(ax, rows, what)
            found, alt = _backtest_words(rows, what)
        n = say(float(frame["customers"].max()), "count", lang=what.lang) if len(frame) else "0"
        end = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        line = f"{what.title}, {what.currency or 'money'}, by months since they were won"
        line = " · ".join(part for part in (line, "95% interval", f"n = {n}", end) if part)
        style.title_block(ax, found if title is None else title, line, what.source)
        return style.attach(ax, alt=alt, data=frame, twin=partial(_backtest_table, frame, line, what))


def _draw_backtest(ax: Axes, rows: pd.DataFrame, what: words.About) -> None:
    start = rows.iloc[:1].assign(months=0.0, predicted=0.0, actual=np.nan, low=np.nan, high=np.nan)
    x, promise = (np.concatenate([start[name], rows[name]]).astype(float) for name in ("months", "predicted"))
    came, color, paler = rows[rows["actual"].notna()], style.PALETTE[0], style.PALETTE[1]
    at, y = came["months"].to_numpy(float), came["actual"].to_numpy(float)
    ax.plot(x, promise, color=paler, linestyle=(0, (5, 3)), zorder=2)
    ax.vlines(at, came["low"].to_numpy(float), came["high"].to_numpy(float), color=color, alpha=0.35, linewidth=4)
    ax.plot(at, y, color=color, marker="o", markersize=5, zorder=3)
    tops = came["high"].fillna(came["actual"]).to_numpy(float)
    ax.set_ylim(0, 1.08 * max(float(np.nanmax(promise)), float(tops.max())))
    style.value_axis(ax, ax.yaxis, what.unit, currency=what.currency, lang=what.lang)
    low, high = ax.get_ylim()
    ends = [(x[-1], promise[-1], "promised", paler), (at[-1], y[-1], "came", color)]
    places = style.spread([end[1] for end in ends], (high - low) * 0.075)
    for (where, value, name, tint), place in zip(ends, places, strict=True):
        ax.annotate(f"{name} {what.say(value)}", (where, place), xytext=(9, 0), textcoords="offset points",
                    va="center", color=tint, weight="bold", annotation_clip=False)  # fmt: skip
    ax.set_xlim(0, float(x[-1]) * 1.01)
    ax.set_xticks(x, labels=[say(tick, "count", lang=what.lang) for tick in x])
    ax.tick_params(axis="x", length=3, labelsize=9, labelcolor=style.SOFT)
    ax.set_xlabel("months since they were won")


def _backtest_words(rows: pd.DataFrame, what: words.About) -> tuple[str, str]:
    came = rows[rows["actual"].notna()]
    first, last = came.iloc[0], came.iloc[-1]

    def one(row: pd.Series) -> str:
        months = f"{row['months']:.0f} months"
        return f"{what.say(row['actual'])} came in {months} where {what.say(row['predicted'])} were promised"

    span = say_interval(last["low"], last["high"], what.unit, currency=what.currency, lang=what.lang)
    if len(came) == 1:
        return one(last), f"{what.title}: {one(last)} (95% interval {span})."
    came_by, promised_by = (f"{what.say(last[name])}" for name in ("actual", "predicted"))
    found = f"{one(first)}; in {last['months']:.0f} months {came_by} where {promised_by} were"
    return found, f"{what.title}: {one(first)}; {one(last)} (95% interval {span})."


def _backtest_table(frame: pd.DataFrame, caption: str, what: words.About) -> Html:
    money = dict.fromkeys(("predicted", "actual", "low", "high", "error"), what.unit)
    units = money | {"months": "count", "error_share": "share", "customers": "count", "buyers": "count"}
    units = {name: unit for name, unit in (units | {"censored": "count"}).items() if name in frame}
    return table(frame, caption=caption, units=units, currency=what.currency, lang=what.lang)
