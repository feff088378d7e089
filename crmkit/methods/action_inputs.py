"""What is known of each customer when one decides whom to act on, from the models that the data allows.

Each part (segment, worth, risk, next product, …) is asked of the best model first and of simpler rules after it.
Where a model refuses, its reason is kept and the next one answers, so that the list never breaks and always says what
it is based on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import CrmkitError, NotInThisData, UsageError
from crmkit.methods import action_signals as signals
from crmkit.methods.common import pick, run, said
from crmkit.relations import at

SEGMENTS = ("rfm", "behaviour")
NO_SEGMENT = "(none)"
COLUMNS = {
    "segment": "text", "part": "text", "expected_value": "money", "p_alive": "share", "churn_risk": "share",
    "risk_reason": "text", "mrr": "money", "months_left": "number", "term_months": "number", "lost_days": "number",
    "back_value": "money", "product_id": "text", "product": "text", "offer_reason": "text", "offer_chance": "share",
    "offer_value": "money", "owed": "money", "overdue_days": "number", "unpaid_chance": "share", "low_survey": "text",
    "low_score": "number", "low_days": "number", "upgrade_chance": "share", "upgrade_value": "money",
}  # fmt: skip
"""The columns beside customer_id, and what each holds. What is not known of a customer is null."""


@dataclass(frozen=True)
class Ask:
    """What was asked: months ahead, days of the window in which customers may leave, and so on."""

    horizon: float
    window_days: int
    discount: float
    payment_days: int
    random_state: int


def action_inputs(
    crm: Any,
    *,
    horizon: float = 12,
    window_days: int = 90,
    discount: float = 0.10,
    payment_days: int = 30,
    segments: str = "rfm",
    random_state: int = 0,
) -> pd.DataFrame:
    """Return what is known of each customer, from the models that this data allows.

    Parameters
    ----------
    crm : Crm
        To decide as of an earlier day, give the Crm as it was known then: `crmkit.models.churn_panel.crm_as_known`.
    horizon : float
        Months over which a customer's worth is counted.
    window_days : int
        Days within which a customer may leave, a term may end, an offer may be taken.
    discount : float
        A yearly rate, for worth.
    payment_days : int
        An order is overdue so many days after it was placed.
    segments : {"rfm", "behaviour"}
        Groups by recency, frequency and value with rules that anyone can read, or clusters of behaviour (slower).
    random_state : int

    Returns
    -------
    DataFrame
        One row a customer, by id: `customer_id` and the columns of `COLUMNS`. `churn_risk` is the chance to leave in
        the window (of contracts) or not to be there any more (of buyers without one); `expected_value` the margin
        expected within the horizon. In `attrs` `basis`: one row a part with what it rests on, for how many customers,
        and why nothing better could be had.

    Raises
    ------
    NotInThisData
        Where no table names a customer.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": ["1", "2"], "customer_id": ["a", "b"], "amount": [50.0, 9.0],
    ...     "ordered_at": ["2026-01-05", "2026-03-05"]}}, as_of="2026-03-31")
    >>> found = action_inputs(crm)
    >>> found[["customer_id", "expected_value"]].values.tolist()
    [['a', 50.0], ['b', 9.0]]
    >>> found.attrs["basis"].set_index("part").loc["worth", "based on"]
    'margin of orders in the last year, as if it came again'
    """
    pick("segments", segments, SEGMENTS)
    ask = Ask(horizon, window_days, discount, payment_days, random_state)
    rows = _everyone(crm)
    clusters = ("clusters of behaviour", _clusters)
    groups = ("named groups by recency, frequency and value", _groups)
    own = ("the company's own grouping", _own_segments)
    parts: list[tuple[str, list[tuple[str, Callable[[Any, Ask], pd.DataFrame]]]]] = [
        ("segment", [clusters, groups, own] if segments == "behaviour" else [groups, own]),
        ("worth", [("lifetime value, by the model that the contract allows", _lifetime),
                   ("margin of orders in the last year, as if it came again", _last_year)]),
        ("contract", [("subscriptions and terms", signals.contracts)]),
        ("risk under contract", [("churn model (logistic regression, calibrated)", _churn)]),
        ("next product", [("what goes together in orders, tested on what came since", _offers)]),
        ("overdue money", [("orders less their payments", signals.overdue)]),
        ("low answers", [("surveys", signals.low_answers)]),
        ("upgrades", [("changes of plan in the last year", signals.upgrades)]),
    ]  # fmt: skip
    basis = []
    for part, ways in parts:
        found, line = _first_that_can(crm, ask, part, ways)
        basis.append(line)
        rows = rows.merge(found, on="customer_id", how="left", validate="one_to_one") if len(found) else rows
    rows, line = _risk_of_buyers(crm, ask, rows)
    known = {"segment": "segment", "worth": "expected_value", "contract": "mrr", "next product": "product_id",
             "overdue money": "owed", "low answers": "low_score", "upgrades": "upgrade_chance"}  # fmt: skip
    made = pd.DataFrame([*basis, line])
    made["customers"] = [
        int(rows[known[part]].notna().sum()) if part in known else int(count)
        for part, count in zip(made["part"], made["customers"], strict=True)
    ]
    rows["segment"] = rows["segment"].fillna(NO_SEGMENT)
    about = {"basis": made, "horizon": float(horizon), "window_days": window_days}
    return said(rows, crm, **about)


def _first_that_can(crm: Any, ask: Ask, part: str, ways: list) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return what the first way gives that does not refuse, and why those before it did."""
    refused = []
    for name, way in ways:
        try:
            found = way(crm, ask)
        except CrmkitError as error:
            refused.append(_reason(error))
            continue
        remarks = "; ".join([*refused, *found.attrs.get("notes", ())])
        found.attrs = {}
        return found, {"part": part, "based on": name, "customers": len(found), "why": remarks}
    return pd.DataFrame({"customer_id": []}), {"part": part, "based on": "", "customers": 0, "why": "; ".join(refused)}


def _reason(error: Exception) -> str:
    text = str(error)
    return (text.partition("not in this data, ")[2] or text).rstrip(".")


def _everyone(crm: Any) -> pd.DataFrame:
    ids: set[str] = set()
    for name in ("customers", "orders", "subscriptions"):
        if name in crm.relations:
            table = crm.relations.get(name)
            ids |= set(run(table.filter(table.customer_id.notnull()).select("customer_id").distinct())["customer_id"])
    if not ids:
        raise NotInThisData("next best actions: not in this data, needs the table customers, orders or subscriptions.")
    return pd.DataFrame({"customer_id": sorted(ids)})


def _groups(crm: Any, ask: Ask) -> pd.DataFrame:
    from crmkit.methods.rfm_groups import customer_segments

    return customer_segments(crm)


def _own_segments(crm: Any, ask: Ask) -> pd.DataFrame:
    if "segment" not in crm.present.get("customers", ()):
        raise NotInThisData("segment: not in this data, needs the column customers.segment.")
    found = run(crm.relations.get("customers").select("customer_id", "segment"))
    return found.drop_duplicates("customer_id")


def _clusters(crm: Any, ask: Ask) -> pd.DataFrame:
    from crmkit.methods.segment_features import segment_features
    from crmkit.models.segments import CustomerSegments

    features = segment_features(crm)
    if len(features) < 50:
        raise UsageError(f"{len(features)} customers are too few for clusters")
    model = CustomerSegments(refits=0, random_state=ask.random_state).fit(features)
    named = [model.names_[label] for label in model.labels_]
    return pd.DataFrame({"customer_id": features.index, "segment": named})


def _lifetime(crm: Any, ask: Ask) -> pd.DataFrame:
    from crmkit.models.projection import lifetime_value

    found = lifetime_value(crm, horizon=ask.horizon, discount=ask.discount)
    if not found["expected_value"].notna().any():
        raise UsageError(next((note for note in found["note"] if note), "nobody has ordered or subscribed"))
    found.attrs = {}
    return found[["customer_id", "part", "expected_value", "p_alive"]]


def _last_year(crm: Any, ask: Ask) -> pd.DataFrame:
    """What orders of the last year brought, and fees as they run, over the horizon."""
    from crmkit.engine.money import check_currencies
    from crmkit.metric import find

    parts = []
    if "orders" in crm.relations:
        check_currencies(crm, find("revenue"), [])
        orders = crm.relations.get("orders")
        orders = orders.filter(
            (orders.ordered_at >= at(crm.as_of - timedelta(days=365))) & orders.customer_id.notnull()
        )
        sums = run(orders.group_by("customer_id").agg(
            amount=orders.amount.sum(), priced=orders.amount.sum(where=orders.cost.notnull()), cost=orders.cost.sum()
        ))  # fmt: skip
        priced = float(sums["priced"].sum())
        left = float(np.clip(1 - sums["cost"].sum() / priced, 0, 1)) if priced > 0 else 1.0
        parts.append(sums.set_index("customer_id")["amount"].clip(lower=0) * left * ask.horizon / 12)
    if "subscriptions" in crm.relations:
        fees = crm.relations.get("subscriptions")
        fees = fees.filter(fees.ended_at.isnull() & fees.customer_id.notnull())
        fees = run(fees.group_by("customer_id").agg(mrr=fees.mrr.sum()))
        parts.append(fees.set_index("customer_id")["mrr"] * ask.horizon)
    if not parts:
        raise NotInThisData("worth: not in this data, needs the table orders or subscriptions.")
    value = pd.concat(parts).groupby(level=0).sum()
    return value.rename("expected_value").rename_axis("customer_id").reset_index()


def _churn(crm: Any, ask: Ask) -> pd.DataFrame:
    """Who leaves in the window, estimated from all earlier windows that are over."""
    from crmkit.models.churn_study import churn_risk

    options = {"basis": "losses", "kind": "logistic", "most": 2}
    found = churn_risk(crm, window_days=ask.window_days, **options)
    made = found[["customer_id", "churn_risk", "reasons"]].rename(columns={"reasons": "risk_reason"})
    made.attrs = {"notes": [note for note in found.attrs["notes"] if ": needs the " not in note]}  # of one feature
    return made


def _risk_of_buyers(crm: Any, ask: Ask, rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fill the risk of those without a contract: the chance not to be there, else the rule of recency."""
    from crmkit.models.projection import BUYING

    rows = _typed(rows.reindex(columns=["customer_id", *COLUMNS]))
    line = {"part": "risk without a contract", "based on": "", "customers": 0, "why": ""}
    open_ = rows["churn_risk"].isna()
    alive = open_ & rows["part"].eq(BUYING) & rows["p_alive"].notna()
    if alive.any():
        rows.loc[alive, "churn_risk"] = 1 - rows.loc[alive, "p_alive"]
        rows.loc[alive, "risk_reason"] = "silent for long, for a customer of this pace"
        return rows, line | {"based on": "chance to be there, from the model of buying", "customers": int(alive.sum())}
    found, line = _first_that_can(crm, ask, line["part"], [("no order for so many days", _recency)])
    if len(found):
        risk = rows["customer_id"].map(found.set_index("customer_id")["churn_risk"])
        rows["risk_reason"] = rows["risk_reason"].where(~(open_ & risk.notna()), "by the days since the last order")
        rows["churn_risk"] = rows["churn_risk"].where(~open_, risk)
        line["customers"] = int((open_ & risk.notna()).sum())
    return rows, line


def _recency(crm: Any, ask: Ask) -> pd.DataFrame:
    from crmkit.models.churn import RecencyRule
    from crmkit.models.churn_panel import churn_panel, now_cutoff

    options = {"window_days": ask.window_days, "basis": "orders", "features": ["days_since_order"]}
    past, now = churn_panel(crm, **options), churn_panel(crm, [now_cutoff(crm)], **options)
    rule = RecencyRule(days=ask.window_days).fit(past, past["churned"])
    return pd.DataFrame({"customer_id": now["customer_id"], "churn_risk": rule.predict_proba(now)[:, 1]})


def _offers(crm: Any, ask: Ask) -> pd.DataFrame:
    from crmkit.methods.cross_sell import cross_sell

    found = cross_sell(crm, top=1, window_days=ask.window_days)
    if not found["chance"].notna().any():
        raise UsageError("; ".join(found.attrs["notes"]) or "no product goes clearly with another")
    found = found[found["chance"] > 0]
    names = found["product_id"]
    if "products" in crm.relations:
        products = run(crm.relations.get("products").select("product_id", "name")).drop_duplicates("product_id")
        names = found["product_id"].map(products.set_index("product_id")["name"]).fillna(found["product_id"])
    return pd.DataFrame(
        {"customer_id": found["customer_id"], "product_id": found["product_id"], "product": names,
         "offer_reason": found["reason"], "offer_chance": found["chance"],
         "offer_value": found["expected_value"] / found["chance"]}
    )  # fmt: skip


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Give every column its type, so that arithmetic with nulls stays null."""
    made = {"customer_id": rows["customer_id"]}
    for name, kind in COLUMNS.items():
        values = rows[name]
        made[name] = values.astype(object) if kind == "text" else pd.to_numeric(values, errors="coerce").astype(float)
    return pd.DataFrame(made).sort_values("customer_id", ignore_index=True)
