"""The figure of a control chart: values over time, what is usual, and what is more than noise."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.dates import date2num

from crmkit.numbers import say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need, period_labels
from crmkit.tables import table

if TYPE_CHECKING:
    import pandas as pd

_CHARTS = {"values": "individual values (XmR)", "shares": "p-chart", "counts": "u-chart"}


def control_chart(
    frame: pd.DataFrame,
    *,
    metric: Any = None,
    title: str | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw values over time with their centre and limits; signals are marked by colour and by shape.

    Parameters
    ----------
    frame : DataFrame
        What `crmkit.methods.control_chart` returns.
    metric, title, source, ax, **given
        As in `trend`.
    """
    need(frame, "period", "value", "centre", "low", "high", "signal", "baseline")
    what = words.about(frame, metric, source=source, **given)
    with style.house():
        ax = style.new_panel(ax)
        rows = frame[frame["value"].notna()].reset_index(drop=True)
        if rows.empty:
            style.no_data(ax)
            found = alt = f"{what.title}: no data"
        else:
            _draw(ax, frame, rows, what)
            found, alt = control_finding(rows, what), _alt(rows, what)
        chart = _CHARTS.get(str(frame.attrs.get("kind", "")), "control chart")
        wider = float(frame.attrs.get("spread", 1.0))
        chart += f", limits {words.say(wider, 'ratio', digits=1)} times as wide (Laney)" if wider > 1 else ""
        base = rows[rows["baseline"]]
        made = ""
        if len(base):
            ends = [say_period(base["period"].iloc[place], what.every) for place in (0, -1)]
            made = f"limits from {ends[0]} to {ends[1]}"
        date = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        named = f"{what.title} by {what.every}" if what.every else what.title
        line = " · ".join(p for p in (named, chart, made, date) if p)
        style.title_block(ax, found if title is None else title, line, what.source)
        shown = rows[["period", "value", "centre", "low", "high", "rules"]].assign(
            period=[say_period(day, what.every) for day in rows["period"]],
            rules=rows["rules"].str.replace(";", ", "),
        )
        units = dict.fromkeys(("value", "centre", "low", "high"), what.unit)
        twin = partial(table, shown, caption=line, units=units, currency=what.currency, lang=what.lang)
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def control_finding(rows: pd.DataFrame, what: words.About) -> str:
    """Say whether the last point is a signal, and how many there are after the baseline."""
    last = rows.iloc[-1]
    after = rows[~rows["baseline"]]
    signals = int(after["signal"].sum())
    side = "above" if last["z"] > 0 else "below"
    state = f"a signal, {side} what is usual" if last["signal"] else "within what is usual"
    count = f"; {signals} of {len(after)} points since the baseline are signals" if len(after) else ""
    return f"{what.title}: {words.when(last, what)} is {state}{count}"


def _alt(rows: pd.DataFrame, what: words.About) -> str:
    last = rows.iloc[-1]
    signals = [words.when(row, what) for _, row in rows[rows["signal"]].iterrows()]
    named = f" Signals in {', '.join(signals[:12])}" if signals else " No signals"
    more = f" and {len(signals) - 12} more." if len(signals) > 12 else "."
    return (
        f"{words.trend_alt(rows, what)} Usual in {words.when(last, what)}: {what.say(last['centre'])}, limits "
        f"{what.say(last['low'])} and {what.say(last['high'])}.{named}{more}"
    )


def _draw(ax: Axes, frame: pd.DataFrame, rows: pd.DataFrame, what: words.About) -> None:
    x, every = date2num(rows["period"]), date2num(frame["period"])
    ax.fill_between(x, rows["low"], rows["high"], color=style.PALETTE[0], alpha=0.07, linewidth=0, step="mid")
    for name, dashes in (("low", (0, (4, 3))), ("centre", "solid"), ("high", (0, (4, 3)))):
        ax.step(x, rows[name], where="mid", color=style.SOFT, linewidth=1, linestyle=dashes)
        ax.annotate("usual" if name == "centre" else "limit", (x[-1], rows[name].iloc[-1]), xytext=(8, 0), va="center",
                    textcoords="offset points", size=8.5, color=style.SOFT, annotation_clip=False)  # fmt: skip
    ax.plot(every, frame["value"], color=style.PALETTE[0], linewidth=1.4)
    calm, loud = rows[~rows["signal"]], rows[rows["signal"]]
    ax.plot(date2num(calm["period"]), calm["value"], "o", color=style.PALETTE[0], markersize=4.5)
    if len(loud):
        ax.plot(date2num(loud["period"]), loud["value"], "D", color=style.LOSS, markersize=7, zorder=4, label="signal")
    base = rows[rows["baseline"]]
    if len(base) and len(base) < len(rows):
        edge = (x[len(base) - 1] + x[len(base)]) / 2 if rows["baseline"].iloc[: len(base)].all() else x[0]
        ax.axvline(edge, color=style.FAINT, linewidth=1)
        ax.annotate("baseline", (edge, 1), xycoords=("data", "axes fraction"), xytext=(-4, -3), ha="right", va="top",
                    textcoords="offset points", size=8.5, color=style.SOFT, path_effects=style.HALO)  # fmt: skip
    starts = list(frame["period"])
    chosen, labels = period_labels(starts, what)
    ax.set_xticks([every[place] for place in chosen], labels=labels)
    ax.tick_params(axis="x", length=3, labelsize=9, labelcolor=style.SOFT)
    style.value_axis(ax, ax.yaxis, what.unit, currency=what.currency, lang=what.lang)
    if len(loud):
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderpad=0, borderaxespad=0.3, handletextpad=0.2)
