"""What goes on inside beside what customers say and do, in words: what goes together, and what that does not show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd

from crmkit.methods.association import INSIDE, OUTSIDE, association, title
from crmkit.methods.side_by_side import panel
from crmkit.numbers import NBSP, UNKNOWN, say
from crmkit.pages.frames import tried
from crmkit.pages.showing import absent, listed, missing_from
from crmkit.periods import Period, grain
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm

LAST = {"week": 104, "month": 36, "quarter": 12, "year": 5}
"""How many periods are looked at."""
LASTS = 0.7
"""The part of a correlation that must be left among units of one period to call it a difference between units."""


def cells(crm: Crm, period: str | Period, *, unit: str = "user", every: str = "quarter") -> pd.DataFrame:
    """Measure inside and outside by unit and whole periods, up to the end of a period.

    `unit` is "user" or "team", or a column by which all of them can be split, such as segment.
    """
    now, of = crm.period(period), grain(every)
    calendar = now.calendar
    known = now.end if crm.as_of is None else min(now.end, crm.as_of + timedelta(microseconds=1))
    end = calendar.floor(known, of)
    span = Period(calendar.step(end, of, -LAST[of]), end, None, calendar)
    return tried(panel, crm, [*INSIDE, *OUTSIDE], by=unit, every=of, period=span)


def so_far(crm: Crm, period: str | Period) -> Period:
    """Return the ten years to the end of a period: what was known then, and not what came later.

    >>> import crmkit
    >>> so_far(crmkit.open({"leads": {"lead_id": ["a"], "created_at": ["2026-04-01"]}}), "2026-Q1").name
    '2016-04-01/2026-04-01'
    """
    now = crm.period(period)
    return Period(now.end.replace(year=now.end.year - 10, day=min(now.end.day, 28)), now.end, None, now.calendar)


def pairs(panel_cells: pd.DataFrame, *, lag: int = 0, how: str = "rank") -> pd.DataFrame:
    """Correlate each number inside with each outside; `inside_title` and `outside_title` name them for people."""
    if missing_from(panel_cells):
        return panel_cells
    found = association(panel_cells, lag=lag, how=how)
    if not found["within"].notna().any():
        found.attrs["missing"] = "no pair of numbers inside and outside has enough units and periods"
    return found.assign(
        inside_title=[title(name) for name in found["inside"]],
        outside_title=[title(name) for name in found["outside"]],
    )


def limits(found: pd.DataFrame, panel_cells: pd.DataFrame, *, unit: str = "user") -> Html:
    """Say what the associations do not show, with the numbers of this data.

    One sentence each, as far as the data gives rise to it: what many pairs do by chance, which tie is a difference
    between units or a common change in time, what comes first, and what is too weak to be seen.
    """
    if reason := missing_from(found):
        return absent(reason)
    known = found[found["within"].notna()]
    if not len(known):
        return absent(f"no pair of numbers has enough cells by {unit} and period")
    every = found.attrs.get("every") or "period"
    return listed([_chance(known), _gone(known, unit, every), _order(known, panel_cells, every), _unseen(known)])


def _apart(rows: pd.DataFrame, low: str, high: str) -> pd.Series:
    """Tell which intervals leave out 0."""
    return (rows[low] > 0) | (rows[high] < 0)


def _chance(known: pd.DataFrame) -> str:
    within, kept = int(_apart(known, "low", "high").sum()), int((known["q"] < 0.05).sum())
    lucky = 0.05 * len(known)
    text = (
        f"Chance. Of {len(known)} {'pair' if len(known) == 1 else 'pairs'}, about "
        f"{say(lucky, '', digits=1 if lucky >= 1 else 2)} would have an interval without 0 by luck alone; {within} "
        f"{'has' if within == 1 else 'have'} one after common parts are taken away"
    )
    if within:
        left = f"{kept or 'none'} of them {'is' if kept <= 1 else 'are'} left"
        text += f", and {left} once the number of pairs is allowed for"
    return text + "."


def _gone(known: pd.DataFrame, unit: str, every: str) -> str:
    """Say what became of the strongest tie that does not hold within."""
    lost = known[_apart(known, "raw_low", "raw_high") & ~_apart(known, "low", "high")]
    if not len(lost):
        return ""
    row = lost.loc[lost["raw"].abs().idxmax()]
    numbers = [say(row[name], "", digits=2) for name in ("raw", "same_period", "within")]
    pair = f"{row['inside_title']} and {row['outside_title']}"
    text = f"Other causes. {pair} go together by {numbers[0]}, and by {numbers[1]} among {unit}s in the same {every}"
    if row["same_period"] * row["raw"] > LASTS * row["raw"] ** 2:
        why = (
            f"it is a lasting difference between {unit}s, and whatever else they differ in, such as customers and "
            "tasks, could stand behind it"
        )
    else:
        why = f"much of it is what moved for all {unit}s at the same time, whatever moved it"
    more = f" {len(lost) - 1} other pairs lose their tie in the same way." if len(lost) > 1 else ""
    return f"{text}; with each {unit} compared with itself {numbers[2]} is left: {why}.{more}"


def _order(known: pd.DataFrame, panel_cells: pd.DataFrame, every: str) -> str:
    """Say how strong the strongest tie is with the outside a period earlier and later."""
    row = known.loc[known["within"].abs().idxmax()]
    sides = []
    for lag in (-1, 1):
        moved = association(panel_cells, inside=[row["inside"]], outside=[row["outside"]], lag=lag)
        if not len(moved) or moved["within"].isna().any():
            return ""
        sides.append(say(float(moved["within"].iloc[0]), "", digits=2))
    pair = f"{row['inside_title']} and {row['outside_title']}"
    return (
        f"Direction. {pair}, the strongest tie that is left ({say(row['within'], '', digits=2)}), is {sides[1]} with "
        f"what customers do a {every} later and {sides[0]} with what they did a {every} earlier: a correlation is the "
        "same read from either end, and customers may change how people work as well as the other way round."
    )


def _unseen(known: pd.DataFrame) -> str:
    half = float(((known["high"] - known["low"]) / 2).median())
    return (
        f"What is not seen. With {known['n'].min():.0f} to {known['n'].max():.0f} cells a pair, a tie weaker than "
        f"about ±{say(half, '', digits=2)} hides in the noise: that a pair shows nothing does not mean that there is "
        "nothing."
    )


def in_time(found: pd.DataFrame, panel_cells: pd.DataFrame, *, most: int = 5, lags: Sequence[int] = (-1, 0, 1)):
    """Return the strongest ties within, with the outside earlier, at the same time and later.

    Returns
    -------
    DataFrame
        `inside`, `outside`, and for each lag the correlation within, `earlier`, `same time`, `later`, as text with its
        interval.
    """
    if missing_from(found):
        return found
    known = found[found["within"].notna()]
    rows = []
    for row in known.loc[known["within"].abs().sort_values(ascending=False).index].head(most).itertuples():
        cells_ = {"inside": row.inside_title, "outside": row.outside_title}
        for lag, name in zip(lags, ("earlier", "same time", "later"), strict=True):
            moved = association(panel_cells, inside=[row.inside], outside=[row.outside], lag=lag)
            cells_[f"outside {name}"] = _with_interval(moved)
        rows.append(cells_)
    return pd.DataFrame(rows)


def _with_interval(found: pd.DataFrame) -> str:
    if not len(found) or pd.isna(found["within"].iloc[0]):
        return UNKNOWN
    value, low, high = (say(float(found[name].iloc[0]), "", digits=2) for name in ("within", "low", "high"))
    return f"{value} ({low} to {high})".replace(" ", NBSP)


def left_out(found: pd.DataFrame) -> Html:
    """Say which numbers are not in the comparison, and why; nothing where all are."""
    reasons = found.attrs.get("left_out")
    if not reasons:
        return listed([])
    return listed([f"Left out: {'; '.join(f'{title(name)}, {why}' for name, why in reasons.items())}."])


def delay_in_words(frame: pd.DataFrame) -> Html:
    """Say how the odds of a satisfied answer fall where a case takes twice as long, also among cases of one agent.

    From what `crmkit.methods.satisfaction_by_delay` returns.
    """
    if reason := missing_from(frame):
        return absent(reason)
    fit, raw, count = (frame.attrs[name] for name in ("fit", "raw", "answers"))
    sides = [_odds(one) for one in (raw, fit)]
    text = (
        f"Over {count:,} answered cases, the odds of a satisfied answer are multiplied by {sides[0]} where a case "
        f"takes twice as long. Among cases of the same agent it is {sides[1]}"
    )
    weaker = abs(fit.slope) < abs(raw.slope)
    if fit.high < 0 or fit.low > 0:
        held = "slow cases and discontent go together within one agent's cases, too"
        text += f": {held}" + (", if less strongly: part of the tie was the agent" if weaker else "")
    else:
        text += ": within one agent's cases the tie is no more than noise"
    return listed([text + "."])


def delay_finding(frame: pd.DataFrame) -> str:
    """Say how many are satisfied after the quickest and the slowest cases, for the title of the figure."""
    known = frame[frame["value"].notna()] if "value" in frame else frame
    if len(known) < 2:
        return ""
    first, last = known.iloc[0], known.iloc[-1]
    return (
        f"{say(first['value'], 'share', digits=0)} are satisfied where a case took {first['delay']} the usual time, "
        f"{say(last['value'], 'share', digits=0)} where it took {last['delay']} that"
    )


def _odds(fit) -> str:
    value, low, high = (say(2.0**slope, "", digits=2) for slope in (fit.slope, fit.low, fit.high))
    return f"{value} (95% interval {low} to {high})"
