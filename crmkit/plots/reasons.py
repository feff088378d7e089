"""Figures of reasons: which column takes a change apart, how lost and kept differ, which reasons stand for most."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from crmkit.numbers import say, say_interval, say_period
from crmkit.plots import style, words
from crmkit.plots.groups import difference, points
from crmkit.plots.over_time import need
from crmkit.plots.text import short, wrap
from crmkit.tables import table

if TYPE_CHECKING:
    import pandas as pd

CLEAR = 0.05
"""A corrected p-value below it counts as more than chance."""
NONE = "(none)"


def ranking(
    frame: pd.DataFrame, *, title: str | None = None, top: int = 12, source: str = "", ax: Axes | None = None,
    **given: Any,
) -> Axes:  # fmt: skip
    """Draw how far each column takes a change apart, beside what random groups of the same sizes would.

    Parameters
    ----------
    frame : DataFrame
        What `crmkit.methods.rank_columns` returns.
    top : int
        How many columns are drawn.
    title, source, ax, **given
        As in `trend`.
    """
    need(frame, "by", "apart", "expected", "q")
    what = words.about(frame, None, source=source, **given)
    with style.house():
        rows = frame.head(top).reset_index(drop=True)
        ax = style.new_panel(ax, height=min(1.9 + 0.34 * max(len(rows), 2), 6.6))
        clear = rows["q"] < CLEAR
        if rows.empty:
            style.no_data(ax)
        else:
            places = np.arange(len(rows))
            ax.barh(places, rows["apart"], 0.6, color=np.where(clear, style.GAIN, style.OTHER))
            ax.plot(rows["expected"], places, "|", color=style.INK, markersize=17, markeredgewidth=2,
                    label="random groups of the same sizes")  # fmt: skip
            edge = np.maximum(rows["apart"], rows["expected"])
            for place, (row, end) in enumerate(zip(rows.to_dict("records"), edge, strict=True)):
                ax.annotate(_chance(row["q"]), (end, place), xytext=(8, 0), textcoords="offset points", va="center",
                            size=9, weight="bold" if clear[place] else "normal",
                            color=style.INK if clear[place] else style.SOFT)  # fmt: skip
            ax.set_xlim(0, float(edge.max()) * 1.2 or 1.0)
            style.value_axis(ax, ax.xaxis, what.unit, currency=what.currency, lang=what.lang, difference=True)
            style.name_axis(ax, [f"{short(words.dimension_name(row), 24)} ({n})" for row, n in zip(
                rows["by"], rows["groups"], strict=True)])  # fmt: skip
            ax.spines["bottom"].set_visible(False)
            ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderpad=0, borderaxespad=0.3, handletextpad=0.2)
        date = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        line = f"{what.title}: part of the change that sits elsewhere than the groups' weights, in {points(what)}"
        line = " · ".join(p for p in (line, "p corrected", "(number of groups)", date) if p)
        style.title_block(ax, ranking_finding(frame) if title is None else title, line, what.source)
        said = "; ".join(
            f"{words.dimension_name(row['by'])} {_size(row['apart'], what)} against {_size(row['expected'], what)} by "
            f"chance, {_chance(row['q'])}"
            for row in rows.to_dict("records")
        )
        formats = {name: partial(_size, what=what) for name in ("apart", "expected")}
        formats["top_effect"] = partial(difference, what=what)
        shown = frame[["by", "groups", "apart", "expected", "p", "q", "top", "top_effect"]]
        twin = partial(table, shown, caption=line, formats=formats, units={"groups": "count"}, lang=what.lang)
        return style.attach(ax, alt=f"{ranking_finding(frame)}. {said}.", data=frame, twin=twin)


def ranking_finding(frame: pd.DataFrame) -> str:
    """Say which columns explain more than chance.

    >>> import pandas as pd
    >>> ranking_finding(pd.DataFrame({"by": ["owner.team", "source"], "q": [0.01, 0.4]}))
    'The change comes apart by owner team: 1 of 2 columns beyond chance'
    """
    clear = [words.dimension_name(name) for name in frame.loc[frame["q"] < CLEAR, "by"]]
    if not clear:
        return f"None of {len(frame)} columns takes the change apart more than random groups would"
    named = ", ".join(clear[:3]) + ("" if len(clear) <= 3 else f" and {len(clear) - 3} more")
    return f"The change comes apart by {named}: {len(clear)} of {len(frame)} columns beyond chance"


def _chance(q: float) -> str:
    return "p < 0.01" if q < 0.01 else f"p = {say(q, '', digits=2)}"


def _size(value: float, what: words.About) -> str:
    return difference(value, what).removeprefix("+")


def contrasts(
    frame: pd.DataFrame, *, title: str | None = None, top: int = 14, source: str = "", ax: Axes | None = None,
    **given: Any,
) -> Axes:  # fmt: skip
    """Draw differences between two groups as a forest of effect sizes; grey where many comparisons may be the reason.

    Parameters
    ----------
    frame : DataFrame
        What `crmkit.methods.contrast` or `lost_against_kept` returns.
    top : int
        How many rows are drawn, those with the smallest p first.
    title, source, ax, **given
        As in `trend`.
    """
    need(frame, "title", "delta", "low", "high", "q", "ratio")
    what = words.about(frame, None, source=source, usual={"title": "Two groups compared"}, **given)
    with style.house():
        known = frame[frame["delta"].notna()]
        rows = known.head(top).reset_index(drop=True)
        ax = style.new_panel(ax, height=min(1.8 + 0.34 * max(len(rows), 2), 7.0))
        if rows.empty:
            style.no_data(ax)
        else:
            _draw_contrasts(ax, rows)
        sides = f"n = {frame.attrs['lost']:,} and {frame.attrs['kept']:,}" if "lost" in frame.attrs else ""
        date = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        parts = (what.title, "Cliff's delta with 95% interval", "p corrected", sides, date)
        line = " · ".join(p for p in parts if p)
        more = f"{len(known) - len(rows)} more not drawn" if len(known) > len(rows) else ""
        style.title_block(ax, contrasts_finding(known) if title is None else title, line,
                          " · ".join(p for p in (more, what.source) if p))  # fmt: skip
        said = "; ".join(
            f"{r['title']} {_delta(r['delta'])}{_span(r)}, {_chance(r['q'])}" for r in rows.to_dict("records")
        )
        twin = partial(_contrast_table, known, caption=line, lang=what.lang)
        return style.attach(ax, alt=f"{contrasts_finding(known)}. {said}.", data=frame, twin=twin)


def contrasts_finding(known: pd.DataFrame) -> str:
    """Say how many differences are beyond chance, and name the first."""
    clear = [short(str(name), 30) for name in known.loc[known["q"] < CLEAR, "title"]]
    if not clear:
        return f"None of {len(known)} differences is larger than chance and many comparisons make it"
    return f"{len(clear)} of {len(known)} differences are beyond chance: {', '.join(clear[:3])}" + (
        f" and {len(clear) - 3} more" if len(clear) > 3 else ""
    )


def _draw_contrasts(ax: Axes, rows: pd.DataFrame) -> None:
    for place, row in enumerate(rows.to_dict("records")):
        clear = row["q"] < CLEAR
        color = (style.LOSS if row["delta"] > 0 else style.GAIN) if clear else style.OTHER
        ax.hlines(place, row["low"], row["high"], color=color, linewidth=3, alpha=0.55)
        ax.plot(row["delta"], place, ("D" if row["delta"] > 0 else "o") if clear else "o", color=color, markersize=7)
        ax.annotate(_chance(row["q"]), (1, place), xycoords=("axes fraction", "data"), xytext=(-2, 0), ha="right",
                    textcoords="offset points", va="center", size=8.5, weight="bold" if clear else "normal",
                    color=style.INK if clear else style.SOFT)  # fmt: skip
    ax.axvline(0, color=style.SOFT, linewidth=1)
    low, high = min(rows["low"].min(), 0), max(rows["high"].max(), 0)
    ax.set_xlim(low - 0.04 * (high - low), high + 0.17 * (high - low))
    style.value_axis(ax, ax.xaxis, "")
    ax.set_xlabel("← higher among the kept          Cliff's delta          higher among the lost →")
    style.name_axis(ax, [short(str(label), 34) for label in rows["title"]])
    ax.spines["bottom"].set_visible(False)


def _delta(value: float) -> str:
    text = say(value, "", digits=2)
    return f"+{text}" if value > 0 else text


def _span(row: dict[str, Any]) -> str:
    return f" ({say(row['low'], '', digits=2)} to {say(row['high'], '', digits=2)})"


def _contrast_table(known: pd.DataFrame, *, caption: str, lang: str):
    """Write every comparison with its means in their own units."""
    shown = known[["title"]].rename(columns={"title": "what"})
    for name, column in (("lost", "first"), ("kept", "second")):
        pairs = zip(known[column], known["unit"], strict=True)
        shown[name] = [say(value, unit if unit != "money" else "", lang=lang) for value, unit in pairs]
    shown["delta"] = [_delta(value) for value in known["delta"]]
    shown["95% interval"] = [say_interval(a, b, "ratio") for a, b in zip(known["low"], known["high"], strict=True)]
    shown["standardised"] = [_delta(value) for value in known["smd"]]
    shown["risk ratio"] = [say(value, "ratio", digits=2) for value in known["ratio"]]
    spans = zip(known["ratio_low"], known["ratio_high"], strict=True)
    shown["its 95% interval"] = [say_interval(a, b, "ratio") for a, b in spans]
    shown["p, corrected"] = [_chance(q).removeprefix("p ").removeprefix("= ") for q in known["q"]]
    return table(shown, caption=caption, numbers=[c for c in shown if c != "what"], lang=lang)


def lost_reasons(
    frame: pd.DataFrame, *, title: str | None = None, top: int = 10, source: str = "", ax: Axes | None = None,
    **given: Any,
) -> Axes:  # fmt: skip
    """Draw reasons by how often they were given, the most frequent first, with the share so far; unknown ones apart.

    Parameters
    ----------
    frame : DataFrame
        What `crmkit.methods.lost_reasons` returns, of one period.
    top : int
        How many reasons are drawn.
    title, source, ax, **given
        As in `trend`.
    """
    need(frame, "lost_reason", "count", "cumulative", "value_share")
    what = words.about(frame, None, source=source, **given)
    with style.house():
        told = frame[frame["lost_reason"] != NONE]
        rows = told.head(top).reset_index(drop=True)
        unknown = float(frame.loc[frame["lost_reason"] == NONE, "count"].sum())
        ax = style.new_panel(ax)
        if frame.empty:
            style.no_data(ax)
        else:
            _draw_reasons(ax, rows, unknown, what)
        date = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        line = " · ".join(
            p for p in (f"{what.title} by reason", "line: share so far of those with a reason",
                        f"n = {words.say(float(frame['count'].sum()), 'count')}", date) if p
        )  # fmt: skip
        more = f"{len(told) - len(rows)} more reasons not drawn" if len(told) > len(rows) else ""
        found = reasons_finding(frame)
        style.title_block(ax, found if title is None else title, line,
                          " · ".join(p for p in (more, what.source) if p))  # fmt: skip
        units = dict.fromkeys(("share", "value_share", "cumulative"), "share") | {"count": "count", "value": "money"}
        shown = frame[["lost_reason", "count", "share", "value", "value_share", "cumulative"]]
        said = ", ".join(
            f"{r['lost_reason']} {say(float(r['count']), 'count')}" for r in frame.head(12).to_dict("records")
        )
        twin = partial(table, shown, caption=line, units=units, currency=what.currency, lang=what.lang)
        return style.attach(ax, alt=f"{found}. {what.title} by reason: {said}.", data=frame, twin=twin)


def reasons_finding(frame: pd.DataFrame) -> str:
    """Say how few reasons stand for most, and how many losses have none.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"lost_reason": ["Price", "Rival", "Moved", "(none)"], "count": [5, 4, 1, 5],
    ...     "cumulative": [0.5, 0.9, 1.0, None]})
    >>> reasons_finding(frame).replace(chr(160), " ")
    'Price and Rival are 90.0% of the reasons given; 5 of 15 gave none'
    """
    told = frame[frame["lost_reason"] != NONE]
    whole = float(frame["count"].sum())
    unknown = whole - float(told["count"].sum())
    if told.empty:
        return "No reason was written down"
    first = told.head(2)
    share = say(float(first["cumulative"].iloc[-1]), "share")
    names = " and ".join(short(str(name), 30) for name in first["lost_reason"])
    tail = f"; {say(unknown, 'count')} of {say(whole, 'count')} gave none" if unknown else ""
    if len(told) == len(first):
        return f"{names} {'is the only reason' if len(first) == 1 else 'are the only reasons'} given{tail}"
    return f"{names} are {share} of the reasons given{tail}"


def _draw_reasons(ax: Axes, rows: pd.DataFrame, unknown: float, what: words.About) -> None:
    names = [
        "\n".join(wrap(short(str(name), 30), max(8, 88 // (len(rows) + 1)), lines=2)) for name in rows["lost_reason"]
    ]
    if rows["value_share"].between(0, 1).all():  # where more was returned than bought, there is no part of it
        shares = [say(float(share), "share", digits=0) for share in rows["value_share"]]
        names = [f"{name}\n{share} of money" for name, share in zip(names, shares, strict=True)]
    sizes = [float(size) for size in rows["count"]]
    ax.bar(range(len(rows)), sizes, 0.7, color=style.GAIN)
    if unknown:
        ax.bar(len(rows), unknown, 0.7, color="white", edgecolor=style.FAINT, hatch="////")
        names.append("not known")
    most = max([*sizes, unknown], default=1)
    for place, size in enumerate(sizes):  # at the foot of the bar, out of the way of the line, where there is room
        inside = size >= 0.09 * most
        ax.annotate(words.say(size, "count"), (place, 0 if inside else size), xytext=(0, 5 if inside else 3), size=9.5,
                    ha="center", va="bottom", textcoords="offset points", weight="bold",
                    color="white" if inside else style.INK)  # fmt: skip
    if unknown:
        ax.annotate(words.say(unknown, "count"), (len(rows), unknown), xytext=(0, 4), ha="center", size=9.5,
                    textcoords="offset points", weight="bold")  # fmt: skip
    ax.set_ylim(0, most * 1.15)
    style.value_axis(ax, ax.yaxis, "count")
    style.name_axis(ax, names, horizontal=True)
    if len(rows) > 1:
        share = ax.twinx()
        share.plot(range(len(rows)), rows["cumulative"], color=style.LOSS, marker="o", markersize=4, linewidth=1.4)
        share.set_ylim(0, 1.18)
        share.set_yticks([0, 0.5, 1], labels=["0%", "50%", "100%"])
        share.tick_params(length=0, labelsize=9, labelcolor=style.LOSS)
        for side in share.spines.values():
            side.set_visible(False)
