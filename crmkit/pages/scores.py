"""The tables of a scorecard: the few numbers that matter, and every family folded away below them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmkit.metric import CATEGORIES
from crmkit.numbers import NBSP, UNKNOWN, say, say_change, say_interval
from crmkit.pages.overview import chosen, family_title
from crmkit.pages.showing import fold
from crmkit.tables import Html, missing, safe, table

if TYPE_CHECKING:
    from crmkit.crm import Crm


def score_tables(crm: Crm, card: pd.DataFrame, *, currency: str = "", against: str = "before") -> Html:
    """Make a table of the few numbers that matter for each category, and fold all of each family away below it."""
    made, few = [], chosen(crm, card)
    said = {"currency": currency, "against": against}
    for category in sorted(set(card["category"]), key=CATEGORIES.index):
        rows = card[card["category"] == category]
        first = rows[rows["metric"].isin(few)]
        rows.attrs = first.attrs = card.attrs
        made.append(Html(f"<h3>{safe(category.capitalize())}</h3>", category.capitalize()))
        if len(first):
            order = first["metric"].map({name: place for place, name in enumerate(few)})
            made.append(_rows_table(first.loc[order.sort_values().index], caption="The numbers that matter", **said))
        made += [
            fold(_folded(rows[rows["family"] == family], family), score_table(rows, family, **said))
            for family in families(rows)
        ]
    return Html("".join(part.html for part in made), "\n\n".join(part.text for part in made))


def _folded(rows: pd.DataFrame, family: str) -> str:
    """Say in a line what a folded table holds: how many numbers, and how many of them are better or worse."""
    better, worse = ((rows["good"].eq(good) & rows["verdict"].isin(["rose", "fell"])).sum() for good in (True, False))
    off = (rows["status"] == "off target").sum()
    said = [f"{len(rows)} {'number' if len(rows) == 1 else 'numbers'}"]
    said += [f"{count} {word}" for count, word in ((better, "better"), (worse, "worse"), (off, "off target")) if count]
    return f"{family_title(family)}: {', '.join(said)}"


def score_table(card: pd.DataFrame, family: str, *, currency: str = "", against: str = "before") -> Html:
    """Make the table of one family: value, interval, change, verdict, target and spark line; and remarks below."""
    rows = card[card["family"] == family]
    rows.attrs = card.attrs
    return _rows_table(rows, caption=family_title(family), currency=currency, against=against)


def _rows_table(card: pd.DataFrame, *, caption: str, currency: str, against: str) -> Html:
    """Make a table of rows of a scorecard."""
    rows = card.reset_index(drop=True)
    past = card.attrs.get("history", pd.DataFrame())
    form = {"currency": currency}
    shown = pd.DataFrame(
        {
            "metric": [row.title + ("*" if row.note else "") for row in rows.itertuples()],
            "value": rows["value"],
            "interval": [_interval(r.low, r.high, r.unit, form) for r in rows.itertuples()],
            "change": [_change(r.value, r.previous, r.unit, form) for r in rows.itertuples()],
            "noise": [_verdict(row) for row in rows.to_dict("records")],
            "target": [_target(row, form) for row in rows.to_dict("records")],
            "trend": [list(past[name]) if name in past else [] for name in rows["metric"]],
        }
    )
    if rows["target"].isna().all():
        shown = shown.drop(columns=["target"])
    if (shown["interval"] == "").all():
        shown = shown.drop(columns=["interval", "noise"])
    names = {"interval": "95% interval", "noise": "beyond noise?", "change": f"since {against}"}
    written = [name for name in ("interval", "change") if name in shown]
    made = table(
        shown, caption=caption, names=names, units={"value": list(rows["unit"])},
        currency=currency, sparks=["trend"], numbers=written,
        status=[name for name in ("noise",) if name in shown],
        formats={name: _as_it_is for name in ("target",) if name in shown}, max_rows=100,
    )  # fmt: skip
    remarks = _remarks(rows)
    return Html(made.html + remarks.html, f"{made.text}\n{remarks.text}".strip())


def families(card: pd.DataFrame) -> list[str]:
    """Return the families of a scorecard in their order."""
    return list(dict.fromkeys(card["family"]))


def _target(row: dict, form: dict[str, str]) -> Html:
    """Write a target with whether it is met, as mark and word."""
    if missing(row["target"]):
        return Html("", "")
    text = say(row["target"], row["unit"], **form)
    tone, sign = ("good", "✓ met") if row["status"] == "on target" else ("bad", "✗ missed")
    if not row["status"]:
        return Html(safe(text), text)
    return Html(f'{safe(text)}\u00a0<span class="crm-status {tone}">{sign}</span>', f"{text} {sign}")


def _as_it_is(cell: Html) -> Html:
    return cell


def _interval(low: float, high: float, unit: str, form: dict[str, str]) -> str:
    text = say_interval(low, high, unit, **form)
    text = text.replace(f"{NBSP}a{NBSP}day", "")  # the value beside it says so
    return "" if text == UNKNOWN else text


def _remarks(rows: pd.DataFrame) -> Html:
    """List under a table what the engine noted: few observations, what is left out, why a value cannot be known."""
    titles: dict[str, list[str]] = {}
    for row in rows.itertuples():
        for note in filter(None, str(row.note or "").split("; ")):
            titles.setdefault(note, []).append(row.title)
    lines = [f"* {'; '.join(named)}: {note}." for note, named in titles.items()]
    html = "<br>".join(safe(line) for line in lines)
    return Html(f'<p class="quiet small">{html}</p>' if lines else "", "\n".join(lines))


def _change(value: float, previous: float, unit: str, form: dict[str, str]) -> str:
    return say_change(value, previous, unit, **form)


def _verdict(row: dict) -> str:
    """Write the verdict as a status: better or worse where it is more than noise and a direction is good."""
    verdict = str(row.get("verdict") or "")
    if "noise" in verdict:
        return "no"
    good = row.get("good")
    if verdict and good is not None and not (isinstance(good, float) and np.isnan(good)):
        return "better" if good else "worse"
    return verdict
