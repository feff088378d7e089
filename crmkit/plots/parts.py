"""The figure of a whole and its parts: stacked bars of 100%."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

from crmkit.errors import UsageError
from crmkit.numbers import as_number, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need, period_labels
from crmkit.plots.text import short, text_width
from crmkit.tables import table

if TYPE_CHECKING:
    import pandas as pd

#: Parts whose colours mean something wherever they appear.
_MEANT = {
    "promoters": style.GAIN, "passives": "#c9c9c9", "detractors": style.LOSS,
    "won": style.GAIN, "open": "#c9c9c9", "lost": style.LOSS,
    "renewed": style.GAIN, "lapsed": style.LOSS,
    "(none)": "#c9c9c9", "not known": "#c9c9c9", "unknown": "#c9c9c9",
}  # fmt: skip
_MOST_PARTS = 8
_TINTS = ("#0067A5", "#E0A33B", "#00785A", "#D98BB9", "#6FB7DE", "#8A6400", "#B84A00", "#b3b3b3")


def composition(
    frame: pd.DataFrame,
    *,
    parts: str = "metric",
    over: str | None = None,
    order: list[str] | None = None,
    metric: Any = None,
    title: str | None = None,
    top: int = 12,
    source: str = "",
    ax: Axes | None = None,
    **given: Any,
) -> Axes:
    """Draw how a whole is made up, as stacked bars of 100%: by period from left to right, by group from top to bottom.

    Parameters
    ----------
    frame : DataFrame
        Rows with a part (`parts`), a size (`value`, at least 0) and a period or group (`over`).
    parts, over : str
        Columns. `over` is by default `period`, where it has several, else the first other dimension.
    order : list of str, optional
        The parts in drawing order; by default as they first appear.
    top : int
        How many groups are drawn, the largest first; the rest is counted in the source line.

    Other parameters are those of `trend`.

    Raises
    ------
    UsageError
        If a part is negative: a share of a whole can't be.
    """
    need(frame, parts, "value")
    what = words.about(frame, metric, source=source, **given)
    with style.house():
        over = _over(frame, parts) if over is None else over
        counts = _parts_table(frame, parts, over, order)
        time = over == "period"
        left = 0 if time else max(0, len(counts) - top)
        shown = counts if time else counts.loc[counts.sum(axis=1).sort_values(ascending=False).index[:top]]
        shares = shown.div(shown.sum(axis=1), axis=0)
        labels = [say_period(i, what.every) if time else words.label(i) if over else "all" for i in shares.index]
        height = 4.0 if time else min(1.7 + 0.34 * max(len(shares), 2), 6.0)
        across = _legend_columns(shares)
        ax = style.new_panel(ax, height=height + 0.2 * (-(-len(shares.columns) // across) - 1))
        if shares.empty or shares.isna().all(axis=None):
            style.no_data(ax)
            alt = f"No data: {what.title}."
        else:
            _draw_parts(ax, shares, labels, time, what)
            alt = _parts_alt(shares, labels, what)
        more = f"{left} smaller groups not drawn" if left else ""
        total = counts.to_numpy().sum() if len(counts) else 0
        counted = total and what.unit in ("", "count", "people")  # a sum of money is no number of observations
        n = f"n = {words.say(float(total), 'count', lang=what.lang)}" if counted else ""
        end = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        name = what.title or (parts.replace("_", " ").capitalize() if parts != "metric" else "Composition")
        line = " · ".join(p for p in (f"{name}, share in %", n, end) if p)
        title = _parts_finding(shares, labels, what, time=time) if title is None else title
        style.title_block(ax, title, line, " · ".join(p for p in (more, what.source) if p))
        twin_frame = shares.set_axis(labels, axis=0).rename_axis(over or None).reset_index()
        twin = partial(table, twin_frame, caption=line, units=dict.fromkeys(shares.columns, "share"), lang=what.lang)
        return style.attach(ax, alt=alt, data=frame, twin=twin)


def _over(frame: pd.DataFrame, parts: str) -> str:
    if "period" in frame and frame["period"].nunique() > 1:
        return "period"
    return next((d for d in words.dimensions(frame) if d != parts), "")


def _parts_table(frame: pd.DataFrame, parts: str, over: str, order: list[str] | None) -> pd.DataFrame:
    rows = frame[frame["value"].notna()]
    negative = rows[rows["value"] < 0]
    if len(negative):
        worst = negative.iloc[0]
        raise UsageError(
            f"the part {words.label(worst[parts])!r} is {as_number(worst['value'])}, "
            "but a part of a whole can't be negative"
        )
    rows = rows.assign(_part=[words.label(p) for p in rows[parts]])
    rows["_over"] = rows[over] if over else ""
    names = order or list(dict.fromkeys(rows["_part"]))
    wide = rows.pivot_table(index="_over", columns="_part", values="value", aggfunc="sum", dropna=False, observed=True)
    wide = wide.reindex(columns=names).fillna(0.0)
    if order is None and len(names) > _MOST_PARTS:  # more colours than that can't be told apart
        largest = set(wide.sum().nlargest(_MOST_PARTS - 1).index)
        rest = [name for name in names if name not in largest]
        wide = wide.drop(columns=rest).assign(**{f"{len(rest)} others": wide[rest].sum(axis=1)})
    return wide


def _draw_parts(ax: Axes, shares: pd.DataFrame, labels: list[str], time: bool, what: words.About) -> None:
    places, base = range(len(shares)), 0.0
    tints = iter(_TINTS * (1 + len(shares.columns) // len(_TINTS)))
    draw = ax.bar if time else ax.barh
    room = 0.055 if time else 0.05
    for name in shares.columns:
        color = _MEANT.get(str(name).lower()) or next(tints)
        size = shares[name].fillna(0).to_numpy(float)
        bars = draw(places, size, 0.72, base, color=color, edgecolor="white", linewidth=0.8)
        ink = "white" if _dark(color) else style.INK
        if len(shares) <= 16:
            for i, share in enumerate(size):
                if share >= room:
                    middle = (base if isinstance(base, float) else base[i]) + share / 2
                    spot = (i, middle) if time else (middle, i)
                    ax.text(*spot, words.say(share, "share", digits=0, lang=what.lang), color=ink, size=8,
                            ha="center", va="center", in_layout=False)  # fmt: skip
        bars.set_label("\u200b" + short(name, 26))
        base = base + size
    handles = list(ax.containers)
    ax.legend(
        handles, [short(n, 26) for n in shares.columns], loc="lower left", bbox_to_anchor=(0, 1.0),
        ncols=_legend_columns(shares), handlelength=0.9,
        handleheight=0.9, columnspacing=1.4, borderaxespad=0.3,
        borderpad=0,
    )  # fmt: skip
    value, grid = (ax.yaxis, ax.set_ylim) if time else (ax.xaxis, ax.set_xlim)
    style.value_axis(ax, value, "share", lang=what.lang)
    grid(0, 1)
    if time:
        chosen, names = period_labels(list(shares.index), what)
        ax.set_xticks(chosen, labels=names)
        ax.tick_params(axis="x", length=0, labelsize=9, labelcolor=style.SOFT)
        ax.spines["bottom"].set_visible(False)
    else:
        style.name_axis(ax, [short(x, 28) for x in labels])
        ax.spines["bottom"].set_visible(False)


def _legend_columns(shares: pd.DataFrame) -> int:
    """Return how many names fit beside each other."""
    longest = max((text_width(short(name, 26)) for name in shares.columns), default=1)
    return max(1, min(len(shares.columns), 88 // (longest + 5), 6))


def _parts_finding(shares: pd.DataFrame, labels: list[str], what: words.About, *, time: bool) -> str:
    """Name the part that moved most between the first and the last bar, or differs most between groups."""
    known = shares.dropna()
    if known.empty:
        return f"{what.title or 'Composition'}: no data"
    if len(known) == 1:
        part, share = known.iloc[0].idxmax(), words.say(known.iloc[0].max(), "share", lang=what.lang)
        return f"{words.title_of(str(part))} are the largest part: {share}"
    if time:
        part = (known.iloc[-1] - known.iloc[0]).abs().idxmax()
        first, last = known[part].iloc[0], known[part].iloc[-1]
        where = (
            f"in {labels[shares.index.get_loc(known.index[0])]}",
            f"in {labels[shares.index.get_loc(known.index[-1])]}",
        )
    else:
        part = (known.max() - known.min()).idxmax()
        first, last = known[part].min(), known[part].max()
        where = (
            f"({labels[shares.index.get_loc(known[part].idxmin())]})",
            (f"({labels[shares.index.get_loc(known[part].idxmax())]})"),
        )
    said = [f"{words.say(share, 'share', lang=what.lang)} {at}" for share, at in zip((first, last), where, strict=True)]
    if time:
        return f"{words.title_of(str(part))} {words.verb(first, last)} from {said[0]} to {said[1]}"
    return f"{words.title_of(str(part))} range from {said[0]} to {said[1]}"


def _dark(color: str) -> bool:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue < 140


def _parts_alt(shares: pd.DataFrame, labels: list[str], what: words.About) -> str:
    def row(i: int) -> str:
        cells = ", ".join(f"{n} {words.say(shares.iloc[i, j], 'share')}" for j, n in enumerate(shares.columns))
        return f"{labels[i]}: {cells}" if labels[i] else cells

    chosen = range(len(shares)) if len(shares) <= 4 else [0, len(shares) - 1]
    more = f" {len(shares) - 2} bars between them are in the table." if len(shares) > 4 else ""
    return f"{what.title or 'Composition'}. " + "; ".join(row(i) for i in chosen) + "." + more
