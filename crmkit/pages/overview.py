"""The page of everything: the scorecard in tables, what moved and why, what is missing, what the data holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from crmkit import notebook, schema
from crmkit.engine.scorecard import movers, reasons
from crmkit.errors import UsageError
from crmkit.metric import all_metrics, family_of
from crmkit.numbers import UNKNOWN, say, say_change
from crmkit.pages.sentences import headline
from crmkit.pages.showing import fold, listed, quiet
from crmkit.periods import Period
from crmkit.tables import Html, table

if TYPE_CHECKING:
    from crmkit.crm import Crm

_MANY = 12
"""Of more numbers that moved than this, the answer names those that matter."""
#: By which columns the reasons of a change are looked for, where the metric has them.
REASONS_BY = ("segment", "plan", "source", "owner.team", "touchpoint", "channel", "industry", "category")
#: The numbers that the first page begins with, as far as the data has them.
FIRST = (
    "nps", "churn_rate", "win_rate", "sales_velocity", "revenue", "nrr", "csat", "new_customers", "won_revenue",
    "average_deal_size", "sales_cycle_days", "opportunities_created", "pipeline_value", "leads", "renewal_rate",
    "repeat_rate", "survey_answers",
)  # fmt: skip
#: The numbers that matter to most companies, of every family; `metrics` in crm.toml takes their place.
USUAL = (
    "nps", "csat", "ces", "churn_rate", "nrr", "renewal_rate", "repeat_rate", "win_rate", "sales_velocity",
    "sales_cycle_days", "lead_conversion_rate", "new_customers", "revenue", "average_order_value", "gross_margin",
    "clv_margin", "cac", "ltv_to_cac", "marketing_roi", "cost_per_lead", "visitors", "visitor_to_lead_rate",
    "visitor_purchase_rate", "first_response_hours", "resolution_hours", "sla_met", "backlog", "adoption_rate",
    "field_completeness", "interactions_per_agent", "hours_saved", "crm_roi_to_date",
)  # fmt: skip


def family_title(family: str) -> str:
    """Return what people call a family of metrics.

    >>> family_title("perception")
    'Customer perception'
    """
    found = next((family_of(metric.declare) for metric in all_metrics().values() if metric.family == family), None)
    return getattr(found, "TITLE", family.replace("_", " ").capitalize())


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
    if not len(judged):
        text = f"Nothing can be compared with {against}: no number with an interval is known in both periods."
    if len(moved):
        moved = moved[moved["metric"].isin(chosen(crm, card))] if len(moved) > _MANY else moved
        judgement = (("Better than", True), ("Worse than", False), ("Other than", None))
        parts = [(word, [row.title for row in moved.itertuples() if row.good is good]) for word, good in judgement]
        said = [f"{word} in {against} by more than noise: {_named(titles)}." for word, titles in parts if titles]
        text = " ".join(said)
    if met + off:
        text += f" {met} of {met + off} targets {'is' if met + off == 1 else 'are'} met."
    return notebook.answer("{}", text)


def by_luck(card: pd.DataFrame) -> Html:
    """Say how many of the numbers with an interval changed beyond noise, and how many would by luck alone."""
    judged = card[card["verdict"] != ""]
    moved = int(judged["verdict"].isin(["rose", "fell"]).sum())
    luck = 0.05 * len(judged)
    return listed(
        [
            f"Of {len(judged)} numbers with an interval, {moved} changed by more than noise. If nothing had changed at "
            f"all, about {luck:.0f} of them would have passed that line by luck."
        ]
        if len(judged)
        else []
    )


def chosen(crm: Crm, card: pd.DataFrame) -> list[str]:
    """Return the few metrics that matter: those named in crm.toml, else the usual ones, as far as they are known."""
    known = set(card.loc[card["value"].notna(), "metric"])
    return [name for name in dict.fromkeys(crm.config.metrics or USUAL) if name in known]


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


def movements(crm: Crm, card: pd.DataFrame, period: str | Period, *, most: int = 3) -> Html:
    """Say what moved by more than noise, the strongest first, and which groups it came from."""
    now = crm.period(period)
    found = movers(card, most=most, per_family=1)
    if not (card["verdict"] != "").any():
        return quiet(f"No number with an interval is known in both {now.previous().name} and {now.name}.")
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


__all__ = [
    "by_luck", "chosen", "data_table", "family_title", "first_numbers", "missing_table", "movements", "noticed",
    "summary",
]  # fmt: skip
