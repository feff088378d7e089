"""The page of the churn model, as far as money is concerned: what an offer brings, for whom it pays, whom to call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.models.decision import expected_gain, profit_curve, split_holdout
from crmkit.models.reasons import reasons
from crmkit.models.study import Study
from crmkit.numbers import say
from crmkit.pages.frames import values
from crmkit.pages.showing import absent, listed
from crmkit.periods import trailing_year
from crmkit.personal import who
from crmkit.tables import Html, missing

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

CARDS = ("expected", "auc", "offers", "profit")
CALL_UNITS = {"risk": "share", "value": "money", "gain": "money"}


def offer(
    crm: Crm, found: Study, period: Period, *, cost: float, success_rate: float, value: float, margin: float
) -> dict[str, Any]:
    """Put together what an offer costs, keeps, and what each customer is worth.

    Parameters
    ----------
    value : float
        What a kept customer brings, for all; 0 takes a year's fees and orders of each, times the margin.
    margin : float
        Share of fees and orders that is left after their costs; 0 takes the gross margin of the year's orders.
    """
    rows = found.panel
    by_customer = value <= 0 and bool({"mrr", "revenue_year"} & set(rows))
    if not by_customer:
        return {"cost": cost, "success_rate": success_rate, "value": value or 10 * cost, "margin": None,
                "assumed": value <= 0}  # fmt: skip
    known = margin or None
    if not margin and not lacks(crm, "gross_margin"):
        share = values(crm, ["gross_margin"], trailing_year(period))["gross_margin"]
        known = None if missing(share) else float(share)
    return {"cost": cost, "success_rate": success_rate, "value": "value", "margin": known if known else 1.0,
            "assumed": known is None}  # fmt: skip


def with_value(rows: pd.DataFrame, found: Study, terms: dict[str, Any]) -> pd.DataFrame:
    """Return rows of customers (and cut-offs) with what keeping each would bring in a year, in `value`."""
    if terms["value"] != "value":
        return rows.assign(value=float(terms["value"]))
    keys = ["customer_id"] if "cutoff" not in rows else ["customer_id", "cutoff"]
    source = found.now if "cutoff" not in rows else found.panel
    year = pd.Series(0.0, index=source.index)
    if "mrr" in source:
        year = year + 12 * source["mrr"].astype(float)
    if "revenue_year" in source:
        year = year + source["revenue_year"].astype(float).clip(lower=0)
    worth = source[keys].assign(value=year * terms["margin"])
    attrs = dict(rows.attrs)
    made = rows.merge(worth, on=keys, how="left", validate="many_to_one")
    made.attrs = attrs
    return made


def curve(found: Study, terms: dict[str, Any]) -> pd.DataFrame:
    """Follow what offers would have brought on customers whom the model had not seen."""
    rows = with_value(found.unseen, found, terms)
    return profit_curve(rows, cost=terms["cost"], success_rate=terms["success_rate"], value="value")


def calls(found: Study, terms: dict[str, Any], *, holdout: float = 0.0, random_state: int = 0) -> pd.DataFrame:
    """List the customers of today for whom an offer pays, the most expected gain first.

    Returns
    -------
    DataFrame
        `customer_id`, `risk`, `value` (what keeping the customer brings in a year), `gain` (expected, after the
        cost), `why` and, where a part is held out, `group`.
    """
    rows = with_value(found.risks(reasons_for=0), found, terms)
    rows["gain"] = expected_gain(
        rows["churn_risk"], cost=terms["cost"], success_rate=terms["success_rate"], value=rows["value"]
    )
    chosen = rows[rows["gain"] > 0].sort_values("gain", ascending=False, kind="stable").reset_index(drop=True)
    names = {"churn_risk": "risk", "reasons": "why"}
    made = chosen.rename(columns=names)[["customer_id", "risk", "value", "gain", "why"]]
    if holdout:
        group = split_holdout(made["customer_id"], share=holdout, random_state=random_state)
        made["group"] = made["customer_id"].map(group).to_numpy()
    made.attrs = {"currency": found.about.get("currency", ""), "as_of": found.about.get("as_of"), "all": len(rows)}
    if not len(made):
        made.attrs["missing"] = "an offer pays for nobody at this cost, success rate and value"
    return made


def first_calls(crm: Crm, found: Study, listed_: pd.DataFrame, *, top: int, most: int = 2) -> pd.DataFrame:
    """Return the first of a list of calls, with the reasons of each in words.

    The customers of a flat table stand by the keys that it has.
    """
    shown = listed_.head(top).copy()
    shown.attrs = dict(listed_.attrs)
    if not len(shown):
        return shown
    rows = found.now.set_index("customer_id").loc[shown["customer_id"], found.features]
    attrs = found.panel.attrs
    words = reasons(found.model, rows.reset_index(drop=True), found.typical, titles=attrs["titles"],
                    units=attrs["units"], currency=attrs.get("currency", ""), most=most)  # fmt: skip
    shown["why"] = [text or "nothing stands out" for text in words]
    if found.panel.attrs["basis"] != "table":
        shown["customer_id"] = who(crm, shown["customer_id"])
    return shown.rename(columns={"customer_id": "customer"})


def cards(found: Study, terms: dict[str, Any], to_call: pd.DataFrame) -> pd.DataFrame:
    """Put the headline numbers of the page together, as a scorecard has them."""
    risk = found.model.predict_proba(found.now[found.features])[:, 1]
    days = found.about.get("window_days")
    within = f" within {days} days" if days else ""
    promise = found.promise
    profit = float(to_call["gain"].sum()) if "gain" in to_call else 0.0
    rows = [
        {"metric": "customers", "title": "Customers now", "value": float(len(found.now)), "unit": "count"},
        {"metric": "expected", "title": f"Customers expected to leave{within}", "value": float(round(risk.sum())),
         "unit": "count"},
        {"metric": "auc", "title": "Chance that the one who leaves had the higher risk", "value": promise["auc"],
         "unit": "share", "low": promise["low"], "high": promise["high"], "n": promise["n"]},
        {"metric": "offers", "title": "Customers for whom an offer pays", "value": float(len(to_call)),
         "unit": "count"},
        {"metric": "profit", "title": "What these offers should bring", "value": profit, "unit": "money"},
    ]  # fmt: skip
    return pd.DataFrame(rows)


def profit_words(found: Study, terms: dict[str, Any], frame: pd.DataFrame) -> Html:
    """Say what an offer is assumed to cost and keep, the risk above which it pays, and what the promise was worth."""
    money = {"unit": "money", "currency": found.about.get("currency", "")}
    attrs = frame.attrs
    worth = f"a kept customer brings {say(attrs['mean_value'], **money)} in a year on average"
    if terms["value"] == "value":
        share = say(terms["margin"], "share")
        worth += f", {share} of its fees and orders" + (", as if nothing had a cost" if terms["assumed"] else "")
    elif terms["assumed"]:
        worth += ", a mere assumption of ten times the offer"
    limit = attrs["threshold"]
    pays = (
        f"for the average customer it pays from a risk of {say(limit, 'share')}"
        if limit <= 1
        else "for the average customer it never pays"
    )
    each = "; for dear customers from less, for small ones from more" if terms["value"] == "value" else ""
    said = [
        f"An offer costs {say(terms['cost'], **money)}, keeps {say(terms['success_rate'], 'share')} of those who would "
        f"leave, and {worth}: {pays}{each}.",
    ]
    if attrs["best"]:
        said.append(
            f"In the periods of the test, offers to {say(attrs['best'], 'count')} of {say(attrs['n'], 'count')} "
            f"customers were promised to bring {say(attrs['profit'], **money)}; with who really left they would have "
            f"brought {say(attrs['realised'], **money)}, and offers to all {say(attrs['all_realised'], **money)}."
        )
    return listed(said)


def calls_words(found: Study, to_call: pd.DataFrame) -> Html:
    """Say how many are on the list, what it should bring, and who is held out."""
    if reason := to_call.attrs.get("missing"):
        return absent(reason)
    money = {"unit": "money", "currency": found.about.get("currency", "")}
    said = [
        f"{say(len(to_call), 'count')} of {say(to_call.attrs['all'], 'count')} customers are on the list. Offers to "
        f"all of them should bring {say(to_call['gain'].sum(), **money)} after their cost, if the assumptions hold."
    ]
    if "group" in to_call:
        held = to_call[to_call["group"] == "hold-out"]
        said.append(
            f"{say(len(held), 'count')} of them, chosen at random, get no offer: that costs about "
            f"{say(held['gain'].sum(), **money)}, and is the only way to learn what offers keep."
        )
    return listed(said)
