"""The page of lifetime value: what the customers in hand are worth, who is still there, and which model says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.models.projection import BUYING, Projection, project
from crmkit.numbers import say, say_interval
from crmkit.pages.frames import values
from crmkit.pages.showing import missing_from
from crmkit.personal import who

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

DEFINED = (
    "average_order_value", "gross_margin", "mrr", "renewal_rate", "churn_rate", "clv_simple", "clv_margin",
)  # fmt: skip
PART_UNITS = {"customers": "count", "expected value": "money", "a customer": "money", "of the whole": "share"}
TOP_UNITS = {
    "still there": "share", "stays": "share", "orders expected": "per_unit", "an order": "money",
    "fee a month": "money", "expected value": "money",
}  # fmt: skip
BAND_UNITS = {
    "customers": "count", "bought so far": "per_unit", "orders expected": "per_unit", "expected value": "money",
}  # fmt: skip
HORIZON_UNITS = {"months": "count", "expected value": "money"}
_BANDS = ((0.8, 1.01, "80% or more"), (0.5, 0.8, "50 to 80%"), (0.2, 0.5, "20 to 50%"), (-0.01, 0.2, "below 20%"))


def until(crm: Crm, now: Period) -> Any:
    """Return the last day of a period, or the last that the data knows where the period is not over."""
    return min(now.end - pd.Timedelta(microseconds=1).to_pytimedelta(), crm.as_of)


def projected(
    crm: Crm,
    now: Period,
    *,
    horizon: int = 12,
    discount: float = 0.1,
    by: str = "",
    margin: float = 0.0,
    fee_margin: float = 1.0,
) -> Projection:
    """Project the customers in hand at the end of a period; a margin of 0 is that of the orders that carry a cost."""
    day = f"{until(crm, now):%Y-%m-%d}"
    return project(crm, horizon=horizon, discount=discount, until=day, by=by or None, margin=margin or None,
                   fee_margin=fee_margin)  # fmt: skip


def by_part(found: Projection) -> pd.DataFrame:
    """List what each part of the customers is expected to bring, with intervals, ready to be shown."""
    rows = found.totals
    money = {"unit": "money", "currency": found.customers.attrs["currency"]}
    whole = float(rows["expected_value"].iloc[-1])
    shown = pd.DataFrame(
        {
            "customers with": rows["part"],
            "customers": rows["customers"],
            "expected value": rows["expected_value"],
            "95% interval": [say_interval(row.low, row.high, **money) for row in rows.itertuples()],
            "a customer": rows["expected_value"] / rows["customers"].where(rows["customers"] > 0),
            "of the whole": rows["expected_value"] / whole if whole else np.nan,
        }
    )
    shown.attrs |= {"currency": found.customers.attrs["currency"], "as_of": found.customers.attrs["as_of"]}
    if not rows["customers"].iloc[-1]:
        shown.attrs["missing"] = _why_none(found)
    return shown


def _why_none(found: Projection) -> str:
    notes = [note for note in found.customers["note"].dropna().unique() if note]
    return notes[0] if notes else "nobody has ordered or subscribed"


def by_group(found: Projection, by: str) -> pd.DataFrame:
    """Sum the expected value of each group of customers, for a figure of bars."""
    rows = found.customers
    if not by or by not in rows or not rows["expected_value"].notna().any():
        made = pd.DataFrame({"group": [], "value": []})
        made.attrs["missing"] = "customers have no column to group them by" if not by else _why_none(found)
        return made
    known = rows[rows["expected_value"].notna()]
    made = known.groupby(by, as_index=False).agg(value=("expected_value", "sum"), n=("customer_id", "size"))
    made.attrs |= {"title": f"Margin expected within {rows.attrs['horizon']:.0f} months", "unit": "money",
                   "currency": rows.attrs["currency"], "as_of": rows.attrs["as_of"]}  # fmt: skip
    return made


def over_horizons(crm: Crm, found: Projection, *, by: str = "", fee_margin: float = 1.0) -> pd.DataFrame:
    """Project over one, two and three times the horizon."""
    rows = found.customers
    if not found.totals["customers"].iloc[-1]:
        return _lacking(_why_none(found))
    more = {"until": rows.attrs["until"], "by": by or None, "fee_margin": fee_margin}
    more |= {"discount": rows.attrs["discount"], "margin": found.margins}
    shown = []
    for times in (1, 2, 3):
        horizon = rows.attrs["horizon"] * times
        whole = (found if times == 1 else project(crm, horizon=horizon, **more)).totals.iloc[-1]
        span = say_interval(whole["low"], whole["high"], "money", currency=rows.attrs["currency"])
        shown.append({"months": horizon, "expected value": whole["expected_value"], "95% interval": span})
    frame = pd.DataFrame(shown)
    frame.attrs |= {"currency": rows.attrs["currency"], "as_of": rows.attrs["as_of"]}
    return frame


def alive(found: Projection) -> pd.DataFrame:
    """Return the chance to be still there of each buyer without a contract, for a histogram."""
    rows = found.customers
    known = rows.loc[(rows["part"] == BUYING) & rows["p_alive"].notna(), ["p_alive"]].rename(
        columns={"p_alive": "value"}
    )
    known.attrs = {"title": "Chance to be still there", "unit": "share", "as_of": rows.attrs["as_of"]}
    if not len(known):
        known.attrs["missing"] = "no model of buying without a contract could be used"
    return known


def alive_finding(frame: pd.DataFrame) -> str:
    """Say how many buyers are likely there and how many likely gone, for the title of the figure."""
    if missing_from(frame):
        return ""
    there, gone = float((frame["value"] >= 0.8).sum()), float((frame["value"] < 0.2).sum())
    return (
        f"{say(there, 'count')} of {say(float(len(frame)), 'count')} are there with a chance of 80% or more, "
        f"{say(gone, 'count')} with less than 20%"
    )


def bands(found: Projection) -> pd.DataFrame:
    """List buyers without a contract by their chance to be there: how many, what they did, what they will bring."""
    rows = found.customers[(found.customers["part"] == BUYING) & found.customers["p_alive"].notna()]
    if not len(rows):
        return _lacking("no model of buying without a contract could be used")
    made = []
    for low, high, name in _BANDS:
        own = rows[(rows["p_alive"] >= low) & (rows["p_alive"] < high)]
        if len(own):
            made.append({"chance to be there": name, "customers": len(own),
                         "bought so far": own["purchases"].mean(),
                         "orders expected": own["expected_purchases"].mean(),
                         "expected value": own["expected_value"].sum()})  # fmt: skip
    frame = pd.DataFrame(made)
    frame.attrs |= {"currency": rows.attrs["currency"], "as_of": rows.attrs["as_of"]}
    return frame


def top(crm: Crm, found: Projection, *, first: int = 10, part: str = "") -> pd.DataFrame:
    """Return the customers of the highest expected value; of one part where it is named.

    Parameters
    ----------
    part : str
        "" for all, "bought" for those without a contract.
    """
    rows = found.customers[found.customers["expected_value"].gt(0)]
    rows = rows[rows["part"] == BUYING] if part == "bought" else rows
    if not len(rows):
        return _lacking("nobody without a contract has a number" if part else _why_none(found))
    rows = rows.head(first).reset_index(drop=True)
    money = {"unit": "money", "currency": found.customers.attrs["currency"]}
    shown: dict[str, Any] = {"customer": who(crm, rows["customer_id"])}
    if not part:
        shown["with"] = rows["part"]
    shown |= {"still there": rows["p_alive"]} if part else {"stays": rows["p_stays"], "fee a month": rows["mrr"]}
    shown["orders expected"] = rows["expected_purchases"]
    shown |= {"an order": rows["purchase_value"]} if part else {}
    shown |= {"expected value": rows["expected_value"],
              "95% interval": [say_interval(row.low, row.high, **money) for row in rows.itertuples()]}  # fmt: skip
    frame = pd.DataFrame(shown)
    frame.attrs |= {"currency": money["currency"], "as_of": found.customers.attrs["as_of"]}
    return frame


def slipping(crm: Crm, found: Projection, *, first: int = 10) -> pd.DataFrame:
    """Return buyers without a contract who are about as likely gone as there, those first who would be missed most.

    What is at stake is the value that a customer would have if it were known that the customer is there: the expected
    value divided by the chance to be there, less the expected value.
    """
    rows = found.customers[(found.customers["part"] == BUYING) & found.customers["p_alive"].between(0.2, 0.6)]
    if not len(rows):
        return _lacking("nobody without a contract has a chance between 20% and 60% to be there")
    stake = rows["expected_value"] / rows["p_alive"] - rows["expected_value"]
    rows = rows.assign(stake=stake).sort_values(["stake", "customer_id"], ascending=[False, True]).head(first)
    rows = rows.reset_index(drop=True)
    frame = pd.DataFrame(
        {"customer": who(crm, rows["customer_id"]),
         "still there": rows["p_alive"], "orders expected": rows["expected_purchases"],
         "expected value": rows["expected_value"], "at stake": rows["stake"]}
    )  # fmt: skip
    frame.attrs |= {"currency": found.customers.attrs["currency"], "as_of": found.customers.attrs["as_of"]}
    return frame


def units(frame: pd.DataFrame) -> dict[str, str]:
    """Return the units of the columns that a table of customers has."""
    return {name: unit for name, unit in (TOP_UNITS | {"at stake": "money"}).items() if name in frame}


def used(found: Projection) -> pd.DataFrame:
    """List which models were used for which groups of customers."""
    rows = found.choices[found.choices["verdict"] == "used"]
    if not len(rows):
        return _lacking("no model could be used")
    made = rows.groupby(["part", "for", "model"], sort=False, as_index=False).agg(
        groups=("group", lambda names: ", ".join(dict.fromkeys(names)))
    )
    return made.rename(columns={"part": "customers with"})


def reasons(found: Projection, *, verdict: str = "") -> pd.DataFrame:
    """List why models were used, or why the others were not; groups with the same reason once."""
    rows = found.choices
    rows = rows[rows["verdict"] == "used"] if verdict == "used" else rows[rows["verdict"] != "used"]
    if not len(rows):
        return _lacking("no model could be used" if verdict == "used" else "none was refused")
    made = rows.groupby(["part", "for", "model", "verdict", "reason"], sort=False, as_index=False).agg(
        groups=("group", lambda names: ", ".join(dict.fromkeys(names)))
    )
    made = made.rename(columns={"part": "customers with", "reason": "because"})
    columns = ["customers with", "groups", "for", "model", "verdict", "because"]
    return made[[name for name in columns if name != "verdict" or verdict != "used"]]


def _lacking(reason: str) -> pd.DataFrame:
    frame = pd.DataFrame()
    frame.attrs["missing"] = reason
    return frame


def checked(crm: Crm, now: Period, found: Projection) -> pd.DataFrame:
    """List what has to agree: parts with the whole, customers with the parts, fees with the recurring revenue."""
    rows, totals = found.customers, found.totals
    money = {"unit": "money", "currency": rows.attrs["currency"]}
    made = [
        {"what": "Expected value: customers add up to the parts", "left": rows["expected_value"].sum(),
         "right": totals["expected_value"].iloc[:-1].sum(), **money},
        {"what": "Expected value: parts add up to the whole", "left": totals["expected_value"].iloc[:-1].sum(),
         "right": totals["expected_value"].iloc[-1], **money},
        {"what": "Customers: with a number, without one and past ones are all who ever ordered or subscribed",
         "left": float(totals["customers"].iloc[-1] + (rows["note"].fillna("") != "").sum()),
         "right": float(_ever(crm, rows.attrs["until"])), "unit": "count"},
    ]  # fmt: skip
    if not lacks(crm, "mrr") and now.end > crm.as_of:
        right = float(values(crm, ["mrr"], now)["mrr"])
        made.append({"what": "Fees of the customers add up to the recurring revenue", "left": rows["mrr"].sum(),
                     "right": right, **money})  # fmt: skip
    return pd.DataFrame(made)


def _ever(crm: Crm, day: Any) -> int:
    """Count everyone who ordered or subscribed by a day, straight from the tables."""
    ids: set[str] = set()
    end = pd.Timestamp(day) + pd.Timedelta(days=1)
    if "orders" in crm.relations:
        orders = crm.relations.get("orders")
        bought = orders.filter((orders.ordered_at < end) & (orders.amount >= 0) & orders.customer_id.notnull())
        ids |= set(bought.select("customer_id").distinct().to_pyarrow()["customer_id"].to_pylist())
    if "subscriptions" in crm.relations:
        runs = crm.relations.get("subscriptions")
        begun = runs.filter((runs.started_at < end) & runs.customer_id.notnull())
        ids |= set(begun.select("customer_id").distinct().to_pyarrow()["customer_id"].to_pylist())
    return len(ids)
