"""Figures of segments: how many there should be, and what is high and low in them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from crmkit.numbers import say, say_period
from crmkit.plots import style, words
from crmkit.plots.over_time import need
from crmkit.plots.text import short, wrap
from crmkit.tables import table

#: As many colours as there can be segments, that of the largest first.
TINTS = ("#0067A5", "#E0A33B", "#00785A", "#D98BB9", "#6FB7DE", "#8A6400", "#B84A00", "#7f7f7f")
_GOOD = LinearSegmentedColormap.from_list("good", ["#ffffff", "#9ec6e0"])
_APART = LinearSegmentedColormap.from_list("apart", ["#d98a5c", "#ffffff", "#7db4d8"])
_CRITERIA = {
    "elbow": "Elbow", "silhouette": "Silhouette", "calinski_harabasz": "Calinski-Harabasz",
    "davies_bouldin": "Davies-Bouldin (low is good)", "bic": "BIC of a mixture (low is good)",
    "stability": "Redraws agree", "weakest": "Weakest segment comes again",
}  # fmt: skip
_LOW_IS_GOOD = ("davies_bouldin", "bic")
_FAR = 1.5


def segment_criteria(
    frame: pd.DataFrame, *, votes: dict[str, int] | None = None, k: int | None = None, title: str | None = None,
    source: str = "", ax: Axes | None = None, **given: Any,
) -> Axes:  # fmt: skip
    """Draw what each criterion says about each number of segments, and mark the number that it prefers.

    Parameters
    ----------
    frame : DataFrame
        `criteria_` of `CustomerSegments`: `k` and a column a criterion.
    votes : dict of str to int, optional
        The number that each criterion prefers; by default `frame.attrs["votes"]`.
    k : int, optional
        The number chosen; by default `frame.attrs["k"]`.
    title, source, ax, **given
        As in `trend`.
    """
    need(frame, "k")
    what = words.about(frame, None, source=source, usual={"title": "Criteria of the number of segments"}, **given)
    votes = frame.attrs.get("votes", {}) if votes is None else votes
    k = frame.attrs.get("k") if k is None else k
    names = [name for name in _CRITERIA if name in frame and frame[name].notna().any()]
    with style.house():
        ax = style.new_panel(ax, height=1.5 + 0.36 * max(len(names), 2))
        if not len(frame) or not names:
            style.no_data(ax)
            found = alt = "No numbers of segments were compared"
        else:
            _draw_criteria(ax, frame, names, votes, k)
            found, alt = _criteria_words(frame, votes, k)
        end = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        line = " · ".join(p for p in ("By number of segments; dark is good, a frame marks the preferred", end) if p)
        style.title_block(ax, found if title is None else title, line, what.source)
        return style.attach(ax, alt=alt, data=frame, twin=partial(_criteria_table, frame, names, votes, line))


def _draw_criteria(ax: Axes, frame: pd.DataFrame, names: list[str], votes: dict[str, int], k: int | None) -> None:
    ks = frame["k"].astype(int).tolist()
    goodness = np.array([_goodness(frame[name].to_numpy(float), low=name in _LOW_IS_GOOD) for name in names])
    ax.imshow(goodness, cmap=_GOOD, vmin=0, vmax=1, aspect="auto")
    for row, name in enumerate(names):
        for column, number in enumerate(ks):
            value = frame[name].iloc[column]
            chosen = votes.get(name) == number
            text = "–" if pd.isna(value) else say(value, "ratio" if abs(value) < 100 else "", digits=_digits(value))
            ax.text(column, row, text, ha="center", va="center", size=9, weight="bold" if chosen else "normal")
            if chosen:
                ax.add_patch(_frame(column, row))
    style.name_axis(ax, [_CRITERIA[name] for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xticks(range(len(ks)), labels=[f"{number}" for number in ks])
    ax.tick_params(axis="x", length=0, labelsize=10)
    for label, number in zip(ax.get_xticklabels(), ks, strict=True):
        label.set_weight("bold" if number == k else "normal")
        label.set_color(style.INK if number == k else style.SOFT)
    ax.set_xlabel("segments")
    ax.spines["bottom"].set_visible(False)


def _digits(value: float) -> int:
    return 2 if abs(value) < 100 else 0


def _goodness(values: np.ndarray, *, low: bool) -> np.ndarray:
    values = -values if low else values
    span = np.nanmax(values) - np.nanmin(values)
    return (values - np.nanmin(values)) / span if span else np.where(np.isnan(values), np.nan, 1.0)


def _frame(column: int, row: int) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.47, row - 0.45), 0.94, 0.9, fill=False, edgecolor=style.INK, linewidth=1.4)


def _criteria_words(frame: pd.DataFrame, votes: dict[str, int], k: int | None) -> tuple[str, str]:
    if not votes or k is None:
        found = f"{len(frame)} number{'' if len(frame) == 1 else 's'} of segments looked at; no criterion has a vote"
        return found, f"{found}."
    mine = [name for name, vote in votes.items() if vote == k]
    found = f"{len(mine)} of {len(votes)} criteria prefer {k} segments"
    others = sorted({vote for vote in votes.values() if vote != k})
    found += f"; {_and([str(o) for o in others])} {'has' if len(others) == 1 else 'have'} votes, too" if others else ""
    each = "; ".join(f"{_CRITERIA[name]}: {vote}" for name, vote in votes.items())
    return found, f"{found}. Preferred numbers: {each}."


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _criteria_table(frame: pd.DataFrame, names: list[str], votes: dict[str, int], caption: str) -> Any:
    shown = frame[["k", *[n for n in ("inertia", "explained") if n in frame], *names]].rename(columns=_CRITERIA)
    preferred = {_CRITERIA[name]: vote for name, vote in votes.items()}
    said = ", ".join(f"{name} {vote}" for name, vote in preferred.items())
    units = {"k": "count"} | ({"explained": "share"} if "explained" in shown else {})
    return table(shown, caption=f"{caption}. Preferred: {said}" if said else caption, units=units)


def segment_profile(
    frame: pd.DataFrame, *, title: str | None = None, most: int = 12, source: str = "", ax: Axes | None = None,
    **given: Any,
) -> Axes:  # fmt: skip
    """Draw how far each segment lies from all other customers in each feature, in standard deviations.

    Parameters
    ----------
    frame : DataFrame
        As `segment_profiles` returns it, with `name` where segments have names.
    most : int
        So many features are drawn, those in which segments differ most.
    title, source, ax, **given
        As in `trend`.
    """
    need(frame, "segment", "feature", "effect", "customers", "verdict")
    what = words.about(frame, None, source=source, usual={"title": "Profile of the segments"}, **given)
    label = "name" if "name" in frame else "segment"
    with style.house():
        order = list(dict.fromkeys(frame[label]))
        wide = frame.pivot_table(index=label, columns="feature", values="effect", sort=False, dropna=False)
        wide = wide.reindex(order) if len(wide) else wide
        kept = wide.replace([np.inf, -np.inf], np.nan).abs().max().sort_values(ascending=False, kind="stable")
        kept = [name for name in dict.fromkeys(frame["feature"]) if name in set(kept.index[:most])]
        ax = style.new_panel(ax, height=2.3 + 0.42 * max(len(wide), 2))
        if wide.empty or not kept or wide[kept].isna().all(axis=None):
            style.no_data(ax, "there is one segment, and nobody else to compare it with" if len(wide) else "")
            found = alt = "No segments to compare"
        else:
            _draw_profile(ax, frame, wide[kept], label)
            found, alt = _profile_words(frame, label)
        left = wide.shape[1] - len(kept)
        more = f"{left} features that differ less not drawn" if left > 0 else ""
        n = int(frame.drop_duplicates(label)["customers"].sum()) if len(frame) else 0
        end = f"data to {say_period(what.as_of)}" if what.as_of is not None else ""
        line = "Difference from all other customers in standard deviations"
        line = " · ".join(p for p in (line, f"n = {say(n, 'count')}" if n else "", end) if p)
        style.title_block(ax, found if title is None else title, line, " · ".join(p for p in (more, what.source) if p))
        return style.attach(ax, alt=alt, data=frame, twin=partial(_profile_table, wide, frame, label, line))


def _draw_profile(ax: Axes, frame: pd.DataFrame, wide: pd.DataFrame, label: str) -> None:
    values = wide.to_numpy(float)
    ax.imshow(np.clip(values, -_FAR, _FAR), cmap=_APART, vmin=-_FAR, vmax=_FAR, aspect="auto")
    clear = frame.set_index([label, "feature"])["verdict"]
    for row, segment in enumerate(wide.index):
        for column, feature in enumerate(wide.columns):
            size = values[row, column]
            text = (
                "–" if np.isnan(size) else ("+" if size > 0 else "−") + ("∞" if np.isinf(size) else f"{abs(size):.1f}")
            )
            told = bool(clear.get((segment, feature), ""))
            ax.text(column, row, text, ha="center", va="center", size=9, weight="bold" if told else "normal",
                    color=style.INK if told else style.SOFT)  # fmt: skip
    sizes = frame.drop_duplicates(label).set_index(label)["customers"]
    names = ["\n".join([*wrap(str(name), 34, lines=2)]) + f"  ({say(sizes[name], 'count')})" for name in wide.index]
    style.name_axis(ax, names)
    ax.set_ylim(len(wide) - 0.5, -0.5)
    heads = [
        "\n".join(wrap(str(name).removeprefix("share of ").replace("_", " "), 11, lines=3)) for name in wide.columns
    ]
    ax.xaxis.tick_top()
    ax.set_xticks(range(len(heads)), labels=heads)
    ax.tick_params(axis="x", length=0, labelsize=8.5, labelcolor=style.INK)
    ax.spines["bottom"].set_visible(False)


def _profile_words(frame: pd.DataFrame, label: str) -> tuple[str, str]:
    known = frame[np.isfinite(frame["effect"].to_numpy(float)) & (frame["verdict"] != "")]
    if not len(known):
        return "No segment stands out in any feature", "No segment stands out in any feature."
    top = known.loc[known["effect"].abs().idxmax()]
    feature = str(top["feature"]).replace("_", " ")
    far = f"{abs(top['effect']):.1f} standard deviations {'above' if top['effect'] > 0 else 'below'} the others"
    found = f"Segments differ most in {feature}: {far} in “{short(str(top[label]), 26)}”"
    each = []
    for name, rows in known.groupby(label, sort=False):
        said = [f"{row.feature.replace('_', ' ')} {row.verdict}" for row in rows.itertuples()]
        each.append(f"{name}: {', '.join(said)}")
    return found, f"{found}. " + "; ".join(each) + "."


def _profile_table(wide: pd.DataFrame, frame: pd.DataFrame, label: str, caption: str) -> Any:
    sizes = frame.drop_duplicates(label).set_index(label)["customers"]
    shown = wide.rename(columns=lambda name: str(name).replace("_", " "))
    shown.insert(0, "customers", sizes.reindex(shown.index))
    return table(shown.rename_axis("segment"), caption=caption, units={"customers": "count"})
