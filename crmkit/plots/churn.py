"""Figures of a model of who leaves: calibration, whom it finds first, what offers bring, and what a risk hangs on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from crmkit.numbers import say, say_interval, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need
from crmkit.plots.text import short
from crmkit.tables import table

if TYPE_CHECKING:
    import pandas as pd

_READ_AT = 0.2


def calibration(
    frame: pd.DataFrame, *, metric: Any = None, title: str | None = None, source: str = "", ax: Axes | None = None,
    **given: Any,
) -> Axes:  # fmt: skip
    """Draw what share left in groups of customers against the risk that they were given; on the diagonal they agree.

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.models.scores.calibration` returns it: `promised`, `actual`, `low`, `high`, `n`.
    metric, title, source, ax, **given
        As in `trend`.
    """
    need(frame, "promised", "actual", "low", "high", "n")
    what = words.about(frame, metric, source=source, usual={"title": "Share that left", "unit": "share"}, **given)
    with style.house():
        ax = style.new_panel(ax, height=4.2)
        rows = frame[frame["actual"].notna()]
        if rows.empty:
            style.no_data(ax)
            found = alt = f"No data: {what.title}."
        else:
            _draw_calibration(ax, rows, what)
            found = _calibration_finding(rows)
            alt = f"{found}. " + "; ".join(
                f"promised {say(r.promised, 'share')}, left {say(r.actual, 'share')}" for r in rows.itertuples()
            )
        line = _line(f"{what.title}, by the risk given before · 95% interval", rows["n"].sum(), what)
        style.title_block(ax, found.rstrip(".") if title is None else title, line, what.source)
        units = {"promised": "share", "actual": "share", "n": "count", "events": "count"}
        spans = [say_interval(low, high, "share") for low, high in zip(rows["low"], rows["high"], strict=True)]
        shown = rows.drop(columns=["low", "high"]).assign(**{"95% interval": spans}).reset_index(drop=True)
        twin = partial(table, shown, caption=line, numbers=["95% interval"],
                       units={k: v for k, v in units.items() if k in shown}, lang=what.lang)  # fmt: skip
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def _draw_calibration(ax: Axes, rows: pd.DataFrame, what: words.About) -> None:
    x, y = rows["promised"].to_numpy(float), rows["actual"].to_numpy(float)
    top = min(1.0, 1.08 * float(np.nanmax([x.max(), y.max(), rows["high"].max()])))
    ax.plot([0, top], [0, top], color=style.FAINT, linewidth=1, linestyle=(0, (4, 4)), zorder=1)
    ax.annotate("as promised", (top * 0.72, top * 0.72), xytext=(-8, 6), textcoords="offset points", ha="right",
                color=style.SOFT, size=8.5)  # fmt: skip
    ax.vlines(x, rows["low"], rows["high"], color=style.PALETTE[0], alpha=0.35, linewidth=4)
    ax.plot(x, y, color=style.PALETTE[0], marker="o", markersize=6, zorder=3)
    style.value_axis(ax, ax.yaxis, "share", lang=what.lang)
    style.value_axis(ax, ax.xaxis, "share", lang=what.lang)
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)
    ax.set_xlabel("risk promised, mean of the group")


def _calibration_finding(rows: pd.DataFrame) -> str:
    outside = ((rows["promised"] < rows["low"]) | (rows["promised"] > rows["high"])).sum()
    total = len(rows)
    if not outside:
        return f"What was promised came: all {total} groups hold it within their intervals"
    hold = total - int(outside)
    return f"What was promised came in {hold} of {total} groups; in {int(outside)} the intervals do not hold it"


def gain(
    frame: pd.DataFrame, *, first: str = "", metric: Any = None, title: str | None = None, source: str = "",
    ax: Axes | None = None, **given: Any,
) -> Axes:  # fmt: skip
    """Draw what share of those who left is found when the riskiest customers are looked at first, a line a model.

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.models.scores.gain` returns it: `share`, `found`, `customers`, and `model` where it has several.
    first : str
        The model that the title is about and that is drawn strongest; by default the first.
    metric, title, source, ax, **given
        As in `trend`.
    """
    need(frame, "share", "found", "customers")
    what = words.about(frame, metric, source=source, usual={"title": "Found", "unit": "share"}, **given)
    with style.house():
        ax = style.new_panel(ax, height=4.2)
        curves = dict(iter(frame.groupby("model", sort=False))) if "model" in frame else {"": frame}
        curves = {str(name): rows[rows["found"].notna()] for name, rows in curves.items()}
        curves = {name: rows for name, rows in curves.items() if len(rows) > 1}
        first = first if first in curves else next(iter(curves), "")
        if not curves:
            style.no_data(ax, "nobody left")
            found = alt = f"No data: {what.title}."
        else:
            _draw_gain(ax, curves, first, what)
            at = {name: _found(rows) for name, rows in curves.items()}
            size = say(_READ_AT, "share", digits=0)
            lift = say(at[first] / _READ_AT, "ratio", digits=1)
            found = f"Among the riskiest {size} are {say(at[first], 'share', digits=0)} of those who left, "
            found += f"{lift} times as many as by chance"
            each = ", ".join(f"{name or 'the model'} {say(value, 'share', digits=0)}" for name, value in at.items())
            alt = f"Share of those who left that is found among the riskiest {size}: {each}."
        total = float(frame["customers"].max()) if len(frame) else 0.0
        line = _line("Share of those who left, found among so many of the customers, the riskiest first", total, what)
        style.title_block(ax, found.rstrip(".") if title is None else title, line, what.source)
        return style.attach(ax, alt=alt, data=frame, twin=partial(_gain_table, curves, line))


def _found(rows: pd.DataFrame, share: float = _READ_AT) -> float:
    return float(np.interp(share, rows["share"], rows["found"]))


def _draw_gain(ax: Axes, curves: dict[str, pd.DataFrame], first: str, what: words.About) -> None:
    ax.plot([0, 1], [0, 1], color=style.FAINT, linewidth=1, linestyle=(0, (4, 4)), zorder=1)
    for place, (name, rows) in enumerate(sorted(curves.items(), key=lambda c: c[0] != first)):
        color = style.PALETTE[place % len(style.PALETTE)]
        dash = ("-", (0, (5, 2)), (0, (2, 2)), (0, (7, 2, 2, 2)))[place % 4]
        ax.plot(rows["share"], rows["found"], color=color, linestyle=dash, zorder=3 - 0.1 * place,
                label="\u200b" + short(name or "model", 34), linewidth=2.4 if name == first else 1.6)  # fmt: skip
    ax.plot([_READ_AT, _READ_AT], [0, _found(curves[first])], color=style.SOFT, linewidth=0.9, linestyle=":")
    ax.plot([_READ_AT], [_found(curves[first])], "o", color=style.PALETTE[0], markersize=6, zorder=4)
    ax.annotate("by chance", (0.62, 0.62), xytext=(8, -4), textcoords="offset points", va="top", color=style.SOFT,
                size=8.5)  # fmt: skip
    ax.legend(loc="lower right", handlelength=2.4)
    for axis in (ax.yaxis, ax.xaxis):
        style.value_axis(ax, axis, "share", lang=what.lang)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.01)
    ax.set_xlabel("of the customers, the riskiest first")


def _gain_table(curves: dict[str, pd.DataFrame], caption: str):
    import pandas as pd

    shares = np.array([0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0])
    columns = {name or "found": [_found(rows, share) for share in shares] for name, rows in curves.items()}
    shown = pd.DataFrame({"customers looked at": shares} | columns)
    return table(shown, caption=caption, units=dict.fromkeys(shown.columns, "share"))


def profit(
    frame: pd.DataFrame, *, metric: Any = None, title: str | None = None, source: str = "", ax: Axes | None = None,
    **given: Any,
) -> Axes:  # fmt: skip
    """Draw what offers bring when those with most expected gain get them first: promised, and with who really left.

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.models.decision.profit_curve` returns it, with its `attrs`.
    metric, title, source, ax, **given
        As in `trend`.
    """
    need(frame, "share", "offers", "expected", "realised")
    what = words.about(frame, metric, source=source, usual={"title": "Profit of offers", "unit": "money"}, **given)
    with style.house():
        ax = style.new_panel(ax, height=4.2)
        best = int(frame.attrs.get("best", 0))
        if len(frame) < 2:
            style.no_data(ax, "nobody to make an offer to")
            found = alt = f"No data: {what.title}."
        else:
            _draw_profit(ax, frame, best, what)
            found, alt = _profit_words(frame, best, what)
        line = _line(f"{what.title}, {what.currency or 'money'}, by the share of customers offered to, the most "
                     "expected gain first", float(len(frame) - 1), what)  # fmt: skip
        style.title_block(ax, found.rstrip(".") if title is None else title, line, what.source)
        places = np.unique(np.r_[np.linspace(0, len(frame) - 1, 12).round().astype(int), min(best, len(frame) - 1)])
        units = {"offers": "count", "share": "share", "risk": "share", "gain": what.unit, "expected": what.unit,
                 "realised": what.unit}  # fmt: skip
        shown = frame.iloc[places].reset_index(drop=True)
        shown = shown.drop(columns=[c for c in shown if shown[c].isna().all()])
        twin = partial(table, shown, caption=line, units={k: v for k, v in units.items() if k in shown},
                       currency=what.currency, lang=what.lang)  # fmt: skip
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def _draw_profit(ax: Axes, frame: pd.DataFrame, best: int, what: words.About) -> None:
    x = frame["share"].to_numpy(float)
    lines = [("promised", "expected", style.PALETTE[1], (0, (5, 3)))]
    if frame["realised"].notna().sum() > 1:
        lines.append(("with who really left", "realised", style.PALETTE[0], "-"))
    for name, column, color, dash in lines:
        ax.plot(x, frame[column], color=color, linestyle=dash, label=name, zorder=3)
    ax.axhline(0, color=style.SOFT, linewidth=1)
    if best:
        at = float(frame["share"].iloc[best])
        ax.axvline(at, color=style.SOFT, linewidth=0.9, linestyle=":")
        ax.plot([at], [frame["expected"].iloc[best]], "o", color=style.PALETTE[1], markersize=6, zorder=4)
        ax.annotate(f"offer to these {say(best, 'count')}", (at, 0.03), xycoords=("data", "axes fraction"),
                    xytext=(5, 0), textcoords="offset points", color=style.SOFT, size=8.5)  # fmt: skip
    # What an offer to everybody loses would flatten all that matters: the axis ends a little below zero.
    top = float(np.nanmax(frame[[column for _, column, _, _ in lines]].to_numpy(float)))
    low = float(np.nanmin(frame[[column for _, column, _, _ in lines]].to_numpy(float)))
    if top > 0:
        ax.set_ylim(max(low * 1.05, -1.2 * top), top * 1.15)
    ax.legend(loc="upper right", handlelength=2.4)
    style.value_axis(ax, ax.yaxis, what.unit, currency=what.currency, lang=what.lang)
    style.value_axis(ax, ax.xaxis, "share", lang=what.lang)
    ax.set_xlim(0, 1)
    ax.set_xlabel("of the customers, the most expected gain first")


def _profit_words(frame: pd.DataFrame, best: int, what: words.About) -> tuple[str, str]:
    if not best:
        text = "An offer pays for nobody at this cost, success rate and value"
        return text, f"{text}; offering to all would bring {what.say(frame['expected'].iloc[-1])}."
    row, last = frame.iloc[best], frame.iloc[-1]
    many = f"{say(best, 'count')} of {say(len(frame) - 1, 'count')}"
    text = f"Offers to {many} pay, {what.say(row['expected'])} promised"
    text += "" if np.isnan(row["realised"]) else f", {what.say(row['realised'])} with who really left"
    return text, f"{text}; offers to all would bring {what.say(last['expected'])}."


def dependence(
    frame: pd.DataFrame, *, name: str = "", unit_of_value: str = "", metric: Any = None, title: str | None = None,
    source: str = "", ax: Axes | None = None, **given: Any,
) -> Axes:  # fmt: skip
    """Draw the mean risk of all customers if one feature were the same for each of them (partial dependence).

    Parameters
    ----------
    frame : DataFrame
        As `crmkit.models.reasons.partial_dependence` returns it: `value`, `risk`, `n`.
    name : str
        The feature as people read it.
    unit_of_value : str
        The unit of the feature.
    metric, title, source, ax, **given
        As in `trend`.
    """
    need(frame, "value", "risk", "n")
    what = words.about(frame, metric, source=source, usual={"title": "Mean risk", "unit": "share"}, **given)
    numbers = len(frame) > 0 and frame["value"].dtype.kind in "iuf"
    labels = [_value(v, unit_of_value if numbers else "", what) for v in frame["value"]]
    with style.house():
        ax = style.new_panel(ax, height=3.4 if numbers else min(1.5 + 0.3 * max(len(frame), 2), 5.0))
        if frame.empty:
            style.no_data(ax, "no customer has a value")
            found = alt = f"No data: {what.title}."
        else:
            _draw_dependence(ax, frame, labels, unit_of_value, what, numbers=numbers)
            low, high = frame["risk"].idxmin(), frame["risk"].idxmax()
            ends = [f"{what.say(frame['risk'][i])} at {labels[frame.index.get_loc(i)]}" for i in (low, high)]
            found = f"{name or 'The feature'}: from {ends[0]} to {ends[1]}, all else as it is"
            alt = f"{what.title} by {name}: " + ", ".join(
                f"{label} {what.say(risk)}" for label, risk in zip(labels, frame["risk"], strict=True)
            )
        line = _line(f"Mean risk if all customers had this value of {name or 'the feature'}", frame["n"].sum(), what)
        style.title_block(ax, found.rstrip(".") if title is None else title, line, what.source)
        shown = frame.assign(value=labels).rename(columns={"value": name or "value"})
        twin = partial(table, shown, caption=line, units={"risk": "share", "n": "count"}, lang=what.lang)
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def _draw_dependence(ax: Axes, frame: pd.DataFrame, labels: list[str], unit: str, what, *, numbers: bool) -> None:
    if numbers:
        x = frame["value"].to_numpy(float)
        ax.plot(x, frame["risk"], color=style.PALETTE[0], marker="o", markersize=4)
        ax.set_ylim(0, max(float(frame["risk"].max()) * 1.15, 1e-3))
        style.value_axis(ax, ax.yaxis, "share", lang=what.lang)
        style.value_axis(ax, ax.xaxis, unit, currency=what.currency, lang=what.lang)
        return
    ax.barh(range(len(frame)), frame["risk"], 0.66, color="#6FA8D0")
    for place, risk in enumerate(frame["risk"]):
        ax.annotate(what.say(risk), (risk, place), xytext=(5, 0), textcoords="offset points", va="center", size=9)
    style.value_axis(ax, ax.xaxis, "share", lang=what.lang)
    ax.set_xlim(0, max(float(frame["risk"].max()) * 1.15, 1e-3))
    style.name_axis(ax, [short(label, 30) for label in labels])


def _value(value: Any, unit: str, what: words.About) -> str:
    if isinstance(value, str):
        return value
    if value is None or value != value:  # noqa: PLR0124 - NaN is the value that differs from itself
        return "(none)"
    return say(float(value), unit, currency=what.currency, lang=what.lang)


def _line(text: str, n: float, what: words.About) -> str:
    end = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
    return " · ".join(part for part in (text, f"n = {say(float(n), 'count', lang=what.lang)}", end) if part)
