"""Figures that compare groups: bars with intervals, and the mix and rate effects of a change."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from crmkit.errors import UsageError
from crmkit.numbers import common_digits, say
from crmkit.plots import style, words
from crmkit.plots.findings import finding
from crmkit.plots.over_time import need
from crmkit.plots.text import short
from crmkit.tables import measured_table, table

if TYPE_CHECKING:
    import pandas as pd


_BAR, _PALE = "#6FA8D0", "#C9DDEC"  # light enough for the interval to be seen on the bar
FEW = 5  # a group with fewer observations is flagged


def bars(
    frame: pd.DataFrame,
    *,
    by: str | None = None,
    metric: Any = None,
    title: str | None = None,
    top: int = 12,
    sort: bool = True,
    overall: float | None = None,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw one bar a group with its 95% interval, value and n, the highest first.

    Parameters
    ----------
    frame : DataFrame
        As `measure` returns it, one row a group; where it holds several periods, the last is drawn and named.
    by : str, optional
        The dimension; by default the first there is, or the metric where several are compared.
    metric, title, source, ax, **given
        As in `trend`.
    top : int
        How many groups are drawn. The rest becomes one bar where value = numerator ÷ denominator, or where values are
        sizes that add up; otherwise the figure says how many are not drawn.
    sort : bool
        False keeps the order of the rows, for groups that have one of their own.
    overall : float, optional
        The value of all groups together, drawn as a line.

    Raises
    ------
    UsageError
        If there is no dimension, or a group has several rows.
    """
    need(frame, "value")
    what = words.about(frame, metric, source=source, **given)
    by = next(iter(words.dimensions(frame)), "metric" if "metric" in frame else "") if by is None else by
    need(frame, by)
    frame, when = _last_period(frame)
    if frame[by].duplicated().any():
        twice = words.label(frame.loc[frame[by].duplicated(), by].iloc[0])
        raise UsageError(f"{by} {twice!r} has several rows: measure by {by} alone, over one period")
    with style.house():
        known = frame[frame["value"].notna() & np.isfinite(frame["value"].astype(float))]
        ranked = known.sort_values("value", ascending=False, kind="stable") if sort else known
        rows, left = _top_and_other(ranked, by, top, what)
        ax = style.new_panel(ax, height=min(1.45 + 0.3 * max(len(rows), 2), 6.6))
        if rows.empty:
            style.no_data(ax, "in any group" if len(frame) else "")
        else:
            _draw_bars(ax, rows, by, what)
            if overall is not None:
                _draw_overall(ax, overall, what)
        band = {"low", "high"} <= set(rows) and rows["low"].notna().any()
        unknown = len(frame) - len(known)
        few = f"pale: fewer than {FEW} observations" if _few(rows).any() else ""
        notes = [
            words.remarks(frame, what),
            few,
            f"{left:,} more not drawn" if left else "",
            f"{unknown:,} unknown" if unknown else "",
            what.source,
        ]
        line = words.subtitle(frame, what, band=bool(band), by=by, extra=when)
        found = finding(known, by=by, **words.known(what)) if title is None else title
        style.title_block(ax, found, line, " · ".join(n for n in notes if n))
        shown = ranked.drop(columns=[c for c in ("period",) if c in ranked and when])
        twin = partial(measured_table, shown, caption=line, unit=what.unit, currency=what.currency, lang=what.lang)
        return style.attach(ax, alt=words.groups_alt(frame, by, what), data=frame, twin=twin)


def effects(
    frame: pd.DataFrame,
    *,
    by: str | None = None,
    metric: Any = None,
    title: str | None = None,
    top: int = 10,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw what each group did to a change: by its own rate, and by its weight in the mix; the parts add up to it.

    Parameters
    ----------
    frame : DataFrame
        One row a group with `mix` and `rate` (or `mix_effect`, `rate_effect`), in the metric's unit.
    by : str, optional
        The column that names the group; by default the first column of text.
    metric, title, source, ax, **given
        As in `trend`.
    top : int
        How many groups are drawn, those with the largest effects; the rest becomes one bar.
    """
    mix, rate = pick(frame, "mix", "mix_effect"), pick(frame, "rate", "rate_effect")
    what = words.about(frame, metric, source=source, **given)
    by = by or next(
        (c for c in frame.columns if c != "metric" and frame[c].dtype.kind not in "iufMm"), frame.columns[0]
    )
    with style.house():
        rows = frame[frame[mix].notna() & frame[rate].notna()]
        size = (rows[mix].abs() + rows[rate].abs()).sort_values(ascending=False, kind="stable").index
        rows = rows.loc[size]
        names = [short(words.label(v), 28) for v in rows[by]][:top]
        left, right = rows[mix].to_numpy(float), rows[rate].to_numpy(float)
        total = float(left.sum() + right.sum())
        if len(rows) > top:
            names.append(f"{len(rows) - top} others")
            left, right = (np.append(v[:top], v[top:].sum()) for v in (left, right))
        ax = style.new_panel(ax, height=min(1.7 + 0.32 * max(len(names), 2), 6.6))
        if not names:
            style.no_data(ax)
        else:
            _draw_effects(ax, names, left, right, what)
        name = what.title or "The metric"
        line = " · ".join(
            [
                f"{name}: what each {words.dimension_name(by)} did to the change, in {points(what)}",
                "the parts add up to it",
            ]
        )
        found = f"{name}: {difference(total, what)} in all" if names else f"{name}: no data"
        if names and title is None:
            found += f", most of it from {names[0]} ({difference(left[0] + right[0], what)})"
        style.title_block(ax, found if title is None else title, line, what.source)
        said = "; ".join(
            f"{n}: mix {difference(a, what)}, rate {difference(b, what)}"
            for n, a, b in zip(names, left, right, strict=True)
        )
        alt = f"{name} changed by {difference(total, what)}. {said}." if names else f"No data: {name}."
        numbers = [c for c in frame.columns if frame[c].dtype.kind == "f" and c not in (mix, rate)]
        formats = {c: partial(difference, what=what) for c in (mix, rate) if c in frame}
        formats |= {c: partial(difference, what=what) for c in numbers if c in ("effect", "total", "change")}
        twin = partial(table, rows, caption=line, formats=formats, currency=what.currency, lang=what.lang)
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def pick(frame: pd.DataFrame, *names: str) -> str:
    """Return the first of these columns that the frame has; UsageError where it has none."""
    for name in names:
        if name in frame.columns:
            return name
    there = ", ".join(str(c) for c in frame.columns) or "none"
    raise UsageError(f"the frame has no column {' or '.join(map(repr, names))}; its columns are {there}")


def difference(change: float, what: words.About, *, digits: int | None = None) -> str:
    """Write a difference in a metric's unit with its sign; shares in points.

    >>> difference(0.021, words.About(unit="share")).replace(chr(160), " ")
    '+2.1 pts'
    """
    if what.unit == "money_per_day":
        text = say(change, "money", currency=what.currency, lang=what.lang, digits=digits)
    elif what.unit == "share":
        text = say(change * 100 if change == change else None, "", lang=what.lang, digits=1)  # noqa: PLR0124
        text += "\u00a0pts" if text != "–" else ""
    else:
        text = what.say(change, digits=digits)
    return "+" + text if change > 0 and any(c in "123456789" for c in text) else text


def points(what: words.About) -> str:
    """Name the unit of a difference: percentage points for shares.

    >>> points(words.About(unit="share")), points(words.About(unit="days"))
    ('percentage points', 'days')
    """
    return {
        "share": "percentage points",
        "money": what.currency or "money",
        "money_per_day": f"{what.currency or 'money'} a day",
    }.get(what.unit, what.unit or "its unit")


def _last_period(frame: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    if "period" not in frame or not frame["period"].notna().any():
        return frame, ""
    last, every = frame["period"].max(), words.about(frame).every
    text = words.say_period(last, every)
    return frame[frame["period"] == last], f"in {text}" if every else f"from {text}"


def _few(rows: pd.DataFrame) -> pd.Series:
    """Tell which groups have fewer than `FEW` observations."""
    return rows["n"].lt(FEW) if "n" in rows else rows["value"].isna()


def _top_and_other(ranked: pd.DataFrame, by: str, top: int, what: words.About) -> tuple[pd.DataFrame, int]:
    """Keep the first `top` rows; add up the others where that is right, else count them."""
    import pandas as pd

    ranked = ranked.assign(**{by: [words.label(v) for v in ranked[by]]})
    if len(ranked) <= top + 1:
        return ranked, 0
    rows, rest = ranked.iloc[:top], ranked.iloc[top:]
    other = {by: f"{len(rest)} others"}
    if {"numerator", "denominator"} <= set(ranked) and np.allclose(
        ranked["value"].astype(float), ranked["numerator"].astype(float) / ranked["denominator"].astype(float)
    ):
        other["value"] = rest["numerator"].sum() / rest["denominator"].sum()
    elif what.unit in words.SIZES:
        other["value"] = rest["value"].sum()
    else:
        return rows, len(rest)
    if "n" in rest:
        other["n"] = rest["n"].sum()
    return pd.concat([rows, pd.DataFrame([other])], ignore_index=True), 0


def _draw_bars(ax: Axes, rows: pd.DataFrame, by: str, what: words.About) -> None:
    value = rows["value"].to_numpy(float)
    places = np.arange(len(rows))
    others = rows[by].astype(str).str.fullmatch(r"\d+ others").to_numpy(bool)
    thin = _few(rows).to_numpy(bool)
    ax.barh(places, value, 0.66, color=np.where(others, style.OTHER, np.where(thin, _PALE, _BAR)))
    reach = np.stack([value, np.zeros(len(rows))])
    if {"low", "high"} <= set(rows):
        low, high = rows["low"].to_numpy(float), rows["high"].to_numpy(float)
        ax.hlines(places, low, high, color=style.INK, linewidth=1.3, zorder=3)
        reach = np.vstack([reach, low, high])
    right, left = np.nanmax(reach, axis=0), np.nanmin(reach, axis=0)
    cents = what.unit in ("money", "money_per_day") and np.abs(value).max() < 1000
    digits = common_digits(value, what.unit, currency=what.currency) if cents else None
    for i, v in enumerate(value):
        edge, side = (right[i], 1) if v >= 0 else (left[i], -1)
        ax.annotate(
            what.say(v, digits=digits), (edge, i), xytext=(5 * side, 0), textcoords="offset points", va="center",
            ha="left" if side > 0 else "right", weight="bold", size=9, path_effects=style.HALO,
        )  # fmt: skip
    span = (right.max() - left.min()) or 1.0
    ax.set_xlim(left.min() - (0.16 if value.min() < 0 else 0.02 * (left.min() < 0)) * span, right.max() + 0.14 * span)
    if left.min() < 0:
        ax.axvline(0, color=style.FAINT, linewidth=0.8)
    style.value_axis(ax, ax.xaxis, what.unit, currency=what.currency, lang=what.lang)
    if not np.any(reach[np.isfinite(reach)]):
        ax.set_xticks([0])  # there is no scale to nothing
    ax.spines["bottom"].set_visible(False)
    style.name_axis(ax, [short(v, 30) for v in rows[by]])
    if "n" in rows and rows["n"].notna().any():
        side = ax.get_yaxis_transform()
        ax.text(1.075, -0.95, "n", transform=side, ha="right", va="center", color=style.SOFT, size=8.5)
        for i, n in enumerate(rows["n"]):
            ax.text(1.075, i, say(n, "count", lang=what.lang), transform=side, ha="right", va="center",
                    color=style.SOFT, size=8.5)  # fmt: skip


def _draw_overall(ax: Axes, overall: float, what: words.About) -> None:
    ax.axvline(overall, color=style.INK, linewidth=1, linestyle=(0, (5, 4)), zorder=2)
    ax.annotate(
        f"all {what.say(overall)}", (overall, 1), xycoords=("data", "axes fraction"), xytext=(0, 3),
        textcoords="offset points", ha="center", va="bottom", size=8.5,
    )  # fmt: skip


def _draw_effects(ax: Axes, names: list[str], mix: np.ndarray, rate: np.ndarray, what: words.About) -> None:
    places = np.arange(len(names))
    colors = (style.PALETTE[4], style.PALETTE[0])
    for at, (sizes, color) in enumerate(((mix, colors[0]), (rate, colors[1]))):
        ax.barh(places + 0.17 * (2 * at - 1), sizes, 0.32, color=color)
    total = mix + rate
    ax.plot(total, places, linestyle="none", marker="D", markersize=5, color=style.INK, zorder=4)
    low, high = min(0, mix.min(), rate.min(), total.min()), max(0, mix.max(), rate.max(), total.max())
    span = (high - low) or 1.0
    ax.set_xlim(low - 0.05 * span, high + 0.05 * span)
    ax.axvline(0, color=style.FAINT, linewidth=0.8)
    style.value_axis(ax, ax.xaxis, what.unit, currency=what.currency, lang=what.lang, difference=True)
    style.name_axis(ax, names)
    ax.spines["bottom"].set_visible(False)
    side = ax.get_yaxis_transform()
    digits = common_digits(total, what.unit, currency=what.currency)
    for i, v in enumerate(total):
        ax.text(
            1.12, i, difference(v, what, digits=digits), transform=side, ha="right", va="center", weight="bold", size=9
        )
    mark = ax.lines[0]
    ax.legend(
        [Patch(color=colors[0]), Patch(color=colors[1]), mark], ["mix: its weight changed", "rate: it changed itself",
        "both together"], loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, handlelength=0.9, handleheight=0.9,
        columnspacing=1.4, borderaxespad=0.3, borderpad=0,
    )  # fmt: skip
