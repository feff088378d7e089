"""The page of everything: the scorecard in tables, what moved and why, what is missing, what the data holds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmkit import notebook, schema
from crmkit.engine.scorecard import movers, reasons
from crmkit.errors import UsageError
from crmkit.metric import all_metrics
from crmkit.numbers import NBSP, UNKNOWN, say, say_change, say_interval
from crmkit.pages.sentences import headline
from crmkit.pages.showing import fold, listed, quiet
from crmkit.periods import Period
from crmkit.tables import Html, missing, safe, table

if TYPE_CHECKING:
    from crmkit.crm import Crm

#: By which columns the reasons of a change are looked for, where the metric has them.
REASONS_BY = ("segment", "plan", "source", "owner.team", "touchpoint", "channel", "industry", "category")
#: The numbers that the first page begins with, as far as the data has them.
FIRST = (
    "nps", "churn_rate", "win_rate", "sales_velocity", "revenue", "nrr", "csat", "new_customers", "won_revenue",
    "average_deal_size", "sales_cycle_days", "opportunities_created", "pipeline_value", "leads", "renewal_rate",
    "repeat_rate", "survey_answers",
)  # fmt: skip


def family_title(family: str) -> str:
    """Return what people call a family of metrics.

    >>> family_title("perception")
    'Customer perception'
    """
    module = next((sys.modules[m.declare.__module__] for m in all_metrics().values() if m.family == family), None)
    return getattr(module, "TITLE", family.replace("_", " ").capitalize())


def first_numbers(crm: Crm, card: pd.DataFrame, *, most: int = 8) -> list[str]:
    """Return the metrics that a page of everything begins with: the company's own choice, else the usual ones."""
    known = set(card.loc[card["value"].notna(), "metric"])
    usual = [name for name in (*crm.config.metrics, *FIRST) if name in known]
    return list(dict.fromkeys(usual or card["metric"]))[:most]


def summary(crm: Crm, card: pd.DataFrame, *, against: str = "the period before") -> Html:
    """Make the answer of the scorecard: which numbers changed by more than noise, and how many targets are met."""
    measured = card[card["value"].notna()]
    judged = measured[measured["verdict"] != ""]
    moved = movers(measured, most=100)
    met, off = (int((measured["status"] == status).sum()) for status in ("on target", "off target"))
    text = f"No number changed by more than noise since {against}, of the {len(judged)} with an interval."
    if len(moved):
        judgement = (("Better than", True), ("Worse than", False), ("Other than", None))
        parts = [(word, [row.title for row in moved.itertuples() if row.good is good]) for word, good in judgement]
        said = [f"{word} in {against} by more than noise: {_named(titles)}." for word, titles in parts if titles]
        text = " ".join(said)
    if met + off:
        text += f" {met} of {met + off} targets {'is' if met + off == 1 else 'are'} met."
    return notebook.answer("{}", text)


def _named(titles: list[str], *, most: int = 4) -> str:
    """List the first few titles, and how many more there are."""
    more = f" and {len(titles) - most} more" if len(titles) > most else ""
    return "; ".join(titles[:most]) + more


def missed(card: pd.DataFrame, *, currency: str = "") -> Html:
    """List the targets that are missed: value and target of each; nothing where none is."""
    rows = card[card["status"] == "off target"]
    said = []
    for row in rows.itertuples():
        value, target = (say(number, row.unit, currency=currency) for number in (row.value, row.target))
        said.append(f"{row.title} {value}, target {target}")
    return listed([f"Targets missed: {'; '.join(said)}."] if said else [])


def score_table(card: pd.DataFrame, family: str, *, currency: str = "", against: str = "before") -> Html:
    """Make the table of one family: value, interval, change, verdict, target and spark line; and remarks below."""
    rows = card[card["family"] == family].reset_index(drop=True)
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
        shown, caption=family_title(family), names=names, units={"value": list(rows["unit"])},
        currency=currency, sparks=["trend"], numbers=written,
        status=[name for name in ("noise",) if name in shown],
        formats={name: _as_it_is for name in ("target",) if name in shown}, max_rows=100,
    )  # fmt: skip
    remarks = _remarks(rows)
    return Html(made.html + remarks.html, f"{made.text}\n{remarks.text}".strip())


def families(card: pd.DataFrame) -> list[str]:
    """Return the families of a scorecard in their order."""
    return list(dict.fromkeys(card["family"]))


def score_tables(card: pd.DataFrame, *, currency: str = "", against: str = "before") -> Html:
    """Make the tables of all families, under a heading for each category."""
    made = []
    for category in dict.fromkeys(card["category"]):
        made.append(Html(f"<h3>{safe(category.capitalize())}</h3>", category.capitalize()))
        rows = card[card["category"] == category]
        rows.attrs = card.attrs
        made += [score_table(rows, family, currency=currency, against=against) for family in families(rows)]
    return Html("".join(part.html for part in made), "\n\n".join(part.text for part in made))


def movements(crm: Crm, card: pd.DataFrame, period: str | Period, *, most: int = 3) -> Html:
    """Say what moved by more than noise, the strongest first, and which groups it came from."""
    now = crm.period(period)
    found = movers(card, most=most)
    if not len(found):
        return quiet(f"Nothing moved by more than noise between {now.previous().name} and {now.name}.")
    currency, said = crm.config.currency, []
    for row in found.to_dict("records"):
        text = headline(card, row["metric"], currency=currency, against=now.previous().name)
        said.append(f"{text} {_why(crm, row, now)}".strip())
    return listed(said)


def _why(crm: Crm, row: dict, now: Period) -> str:
    """Say which groups a change came from, in the one dimension that tells most; "" where none does."""
    try:
        parts = reasons(crm, row["metric"], period=now, by=REASONS_BY)
    except UsageError:
        return ""
    parts = parts[parts["effect"].abs() > 0]
    if not len(parts) or parts["group"].iloc[0] == "(none)":
        return ""
    top, by = parts.iloc[0], str(parts["dimension"].iloc[0]).removesuffix("_id").replace(".", " ").replace("_", " ")
    size = say_change(top["effect"], 0.0, row["unit"], currency=crm.config.currency)
    share = f", {say(top['share'], 'share', digits=0)} of it" if 0 < top["share"] <= 1 else ""
    return f"By {by}, the largest part came from {top['group']} ({size}{share})."


def missing_table(card: pd.DataFrame) -> pd.DataFrame:
    """List what cannot be measured: one row a table or column that is missing, with the metrics that it would allow.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["a"], "created_at": ["2026-04-01"]}}, as_of="2026-06-30")
    >>> missing_table(crm.scorecard("2026-Q2"))["missing"].tolist()[:2]
    ['the table surveys', 'the table customers or subscriptions or orders or opportunities']
    """
    lacking = card.attrs.get("missing")
    if lacking is None or not len(lacking):
        return pd.DataFrame(columns=["missing", "would allow", "metrics"])
    by_reason = lacking.assign(missing=lacking["reason"].str.removeprefix("needs ")).groupby("missing", sort=False)
    rows = [(name, ", ".join(rows["title"]), len(rows)) for name, rows in by_reason]
    return pd.DataFrame(rows, columns=["missing", "would allow", "metrics"])


def missing_numbers(lacking: pd.DataFrame) -> Html:
    """Say how many numbers this data cannot give, and fold the list of what would allow them away behind it."""
    if not len(lacking):
        return quiet("This data has all tables and columns that the metrics need.")
    count = int(lacking["metrics"].sum())
    rows = table(lacking, caption="What is missing, and what it would allow", units={"metrics": "count"})
    return fold(f"{count} {'number' if count == 1 else 'numbers'} cannot be measured: what they need", rows)


def data_table(crm: Crm) -> pd.DataFrame:
    """List the tables of the data: rows, and from when to when they reach.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["a", "b"], "created_at": ["2026-04-01", "2026-05-01"]}})
    >>> data_table(crm)[["table", "rows", "first", "last"]].values.tolist()
    [['leads', 2, '2026-04-01', '2026-05-01']]
    """
    rows = []
    for name, counted in crm.rows.items():
        born = schema.TABLES[name].born
        first = last = UNKNOWN
        if born and born in crm.present[name]:
            found = crm.tables[name].agg(first=lambda t, b=born: t[b].min(), last=lambda t, b=born: t[b].max())
            ends = found.to_pyarrow().to_pylist()[0]
            first, last = (UNKNOWN if end is None else str(end)[:10] for end in (ends["first"], ends["last"]))
        rows.append((name, counted, first, last, len(crm.present[name])))
    return pd.DataFrame(rows, columns=["table", "rows", "first", "last", "columns"])


def noticed(crm: Crm, notes: Sequence[str] = ()) -> Html:
    """List what was noticed while the data was opened."""
    found = [*crm.notes, *notes]
    return listed(found) if found else quiet("Nothing was repaired or left out while the data was opened.")


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
    noted = [row for row in rows.itertuples() if row.note]
    lines = [f"* {row.title}: {row.note}." for row in noted]
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


__all__ = [
    "data_table", "families", "family_title", "first_numbers", "missing_table", "movements",
    "noticed", "score_table", "score_tables", "summary",
]  # fmt: skip
