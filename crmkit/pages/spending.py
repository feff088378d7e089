"""The page of marketing, its second half: would more money help, and do the numbers agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.attribution import MODELS
from crmkit.methods.response_curves import ResponseCurves, response_curves
from crmkit.numbers import say_interval
from crmkit.pages.frames import tried, values
from crmkit.pages.marketing import named
from crmkit.pages.showing import grid, listed, missing_from
from crmkit.periods import Period
from crmkit.tables import Html, missing

if TYPE_CHECKING:
    from crmkit.crm import Crm


def curves(crm: Crm, period: str | Period, by: str = "channel", *, now_months: int = 3) -> ResponseCurves:
    """Fit the curves of all channels, with what was known by the end of a period.

    Where that can't be, the reason stands in `table.attrs["missing"]`.
    """
    found: list[ResponseCurves] = []

    def fit() -> pd.DataFrame:
        found.append(response_curves(crm, by=by, until=period, now_months=now_months))
        return found[0].table

    table = tried(fit)
    return found[0] if found else ResponseCurves(table, table, table, by)


def curve_table(found: ResponseCurves, *, caption: str) -> Html:
    """Make the table of what a little more money would bring in each channel."""
    if missing_from(found.table):
        return grid(found.table, caption=caption)
    rows = found.table
    shown = pd.DataFrame(
        {
            found.by: rows[found.by],
            "a month": rows["spend_now"],
            "leads per 1,000": rows["marginal_leads"],
            "95% interval": _spans(rows, "marginal_leads", ""),
            "margin per lead": rows["value_per_lead"],
            "back per 1": rows["marginal_return"],
            "interval": _spans(rows, "marginal_return", "ratio"),
            "verdict": [_word(row) for row in rows.to_dict("records")],
        }
    )
    shown.attrs = rows.attrs
    return grid(
        shown,
        caption=caption,
        units={
            "a month": "money", "leads per 1,000": "", "margin per lead": "money",
            "back per 1": "ratio",
        },
        numbers=["95% interval", "interval"],
    )  # fmt: skip


def _spans(rows: pd.DataFrame, name: str, unit: str) -> list[str]:
    return [say_interval(a, b, unit) for a, b in zip(rows[f"{name}_low"], rows[f"{name}_high"], strict=True)]


def _word(row: dict) -> str:
    """Judge one channel: whether a little more money pays for itself at today's spending."""
    if row["verdict"] != "can tell" and missing(row["marginal_return"]):
        return "cannot tell"
    if missing(row["marginal_return"]):
        return "value of a lead unknown"
    if row["marginal_return_low"] > 1:
        return "pays back"
    return "does not pay back" if row["marginal_return_high"] < 1 else "cannot tell"


def curve_sentences(found: ResponseCurves) -> Html:
    """Say where a little more money pays for itself, where it does not, and why it cannot be told elsewhere."""
    if missing_from(found.table):
        return listed([])
    rows = found.table.assign(word=[_word(row) for row in found.table.to_dict("records")])
    said = []
    for word, text in (("pays back", "A little more money pays for itself"), ("does not pay back", "It does not")):
        names = rows.loc[rows["word"] == word, found.by]
        if len(names):
            said.append(f"{text} in {named(names)}.")
    open_ = rows[(rows["word"] == "cannot tell") & rows["marginal_return"].notna()]
    if len(open_):
        said.append(f"The interval holds both gain and loss in {named(open_[found.by])}.")
    for reason, doubtful in rows[rows["reason"] != ""].groupby("reason", sort=False):
        said.append(f"In {named(doubtful[found.by])} it cannot be told: {reason}.")
    return listed(said)


def agreement(crm: Crm, period: str | Period, agree: pd.DataFrame, shared: pd.DataFrame) -> pd.DataFrame:
    """Add to the reconciliations that attributed and unattributed revenue, and each rule's parts, make the whole."""
    now = crm.period(period)
    rows = agree.to_dict("records")
    form = {"unit": "money", "currency": crm.config.currency}
    if not lacks(crm, "campaign_revenue") and {"orders", "opportunities"} & set(crm.tables):
        value = values(crm, ["campaign_revenue", "unattributed_revenue"], now)
        what, whole = _sold(crm, now)
        rows.append({"what": f"Attributed + unattributed = {what}", "left": value.sum(), "right": whole, **form})
    if not missing_from(shared):
        sums = shared.groupby("model")["value"].sum()
        total = shared.attrs["total"]
        for name, title in MODELS.items():
            if name in sums:
                what = f"{title}: the parts and what no campaign touched add up to the revenue"
                rows.append({"what": what, "left": float(sums[name]), "right": total, **form})
    return pd.DataFrame(rows)


def _sold(crm: Crm, now: Period) -> tuple[str, float]:
    """Return what was sold in a period, read from the tables themselves, and what that is."""
    if "orders" not in crm.tables:
        return "amount of the won opportunities", float(values(crm, ["won_revenue"], now).iloc[0])
    sold = float(values(crm, ["revenue"], now).iloc[0])
    try:
        parts = crm.measure("campaign_revenue", period=now, by="via", intervals=False).set_index("via")["value"]
    except (UsageError, NotInThisData):
        return "revenue", sold
    deals = float(parts.get("deal", 0.0) or 0.0)
    return ("revenue + deals won that have no order yet", sold + deals) if deals else ("revenue", sold)
