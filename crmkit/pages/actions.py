"""The page of next best actions: whom to act on, what it brings and costs, how sure, what is left undone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmkit.methods.action_inputs import action_inputs
from crmkit.methods.action_kinds import ACTIONS, MEASURED, Action
from crmkit.methods.action_plan import EXACT
from crmkit.methods.action_results import measured_success
from crmkit.methods.action_rounds import ACT, HELD, LATER, NOTHING, UNPAID, next_best_actions
from crmkit.methods.actions import action_list, with_terms
from crmkit.models.churn_panel import crm_as_known
from crmkit.numbers import say
from crmkit.pages.showing import listed, missing_from, quiet
from crmkit.personal import who
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

CARDS = ("actions_gain", "actions_count", "actions_cost", "actions_held")
DEFINED = ("churn_rate", "renewal_rate", "mrr", "revenue_per_customer", "gross_margin", "receivables", "nps", "csat")
LIST_UNITS = {"risk": "share", "cost": "money", "gain": "money"}
ACTION_UNITS = {"customers": "count", "cost": "money", "gain": "money", "a customer": "money", "success": "share",
                "pays from": "share", "left undone": "count", "gain left undone": "money"}  # fmt: skip
TERM_UNITS = {"cost": "money", "of the fee": "share", "calls": "count", "success": "share", "pays from": "share"}
BASIS_UNITS = {"customers": "count"}
GROUP_UNITS = {"customers": "count", "expected gain": "money"}
_SAID = {
    ACT: "get an action",
    HELD: "would get one, but are held out at random",
    LATER: "would pay, but the limits are used up",
    UNPAID: "their best action costs more than it brings",
    NOTHING: "no action is meant for them",
}  # fmt: skip


def terms(
    costs: Mapping[str, float],
    success_rates: Mapping[str, float],
    *,
    renewal_discount: float = 0.05,
    results: pd.DataFrame | None = None,
) -> tuple[Action, ...]:
    """Return the actions with the costs and success rates of the notebook, and measured ones where a round has some."""
    shares = {"renewal_offer": renewal_discount}
    made = with_terms(ACTIONS, costs=costs, success_rates=success_rates, fee_shares=shares)
    measured = measured_success(results) if results is not None and not missing_from(results) else {}
    return with_terms(made, success_rates=measured, source=MEASURED) if measured else made


def planned(
    crm: Crm, now: Period, actions: tuple[Action, ...] = ACTIONS, *, budget: float = 0.0, calls: int = 0,
    most: int = 1, holdout: float = 0.1, round_name: str = "", **options: Any,
) -> pd.DataFrame:  # fmt: skip
    """Return the list as of the end of a period; a budget or a number of calls of 0 is no limit.

    Parameters
    ----------
    **options
        Of `crmkit.methods.action_inputs.action_inputs`.
    """
    known = as_known(crm, now)
    limits = {"budget": budget or None, "calls": calls or None, "most": most}
    return next_best_actions(action_inputs(known, **options), actions, holdout=holdout, round_name=round_name, **limits)


def as_known(crm: Crm, now: Period) -> Crm:
    """Return the Crm as it was known at the end of a period; itself where that is not over."""
    return crm if now.end > crm.as_of else crm_as_known(crm, now.end)


def card(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the headline numbers of a list in the form of a scorecard."""
    told = rows.attrs["details"].set.attrs
    acts = rows[rows["group"] == ACT]
    made = [
        ("actions_gain", "Expected gain of the list after cost", "money", told["gain"]),
        ("actions_count", "Customers to act on", "count", float(acts["customer_id"].nunique())),
        ("actions_cost", "Cost of the list", "money", told["cost"]),
        ("actions_calls", "Calls in it", "count", float(told["calls"])),
        ("actions_held", "Held out to measure it by", "count", float((rows["group"] == HELD).sum())),
    ]
    frame = pd.DataFrame(made, columns=["metric", "title", "unit", "value"])
    unknown = dict.fromkeys(("low", "high", "n", "previous", "target"), np.nan)
    return frame.assign(verdict="", status="", better="", **unknown)


def span(rows: pd.DataFrame) -> tuple[float, float]:
    """Return what the list brings if success is half of what is assumed, and half as much again."""
    frame = rows.attrs["details"].sensitivity.set_index("factor")["planned"]
    return float(frame.get(0.5, np.nan)), float(frame.get(1.5, np.nan))


def how_sure(rows: pd.DataFrame) -> Html:
    """Say where the answer is from: the foremost actions, the limits, how exact, how it hangs on the assumptions."""
    told, form = rows.attrs["details"].set.attrs, {"unit": "money", "currency": rows.attrs["currency"]}
    acts = rows[rows["group"] == ACT]
    if not len(acts):
        return listed(["No action pays for anybody: each is expected to cost more than it brings."])
    groups = acts.groupby("title")["gain"].agg(["size", "sum"]).sort_values("sum", ascending=False)
    first = [f"{title} ({say(float(row['size']), 'count')}: {say(row['sum'], **form)})"
             for title, row in groups.head(3).iterrows()]  # fmt: skip
    said = ["Most of it comes from " + ", ".join(first) + "."]
    low, high = span(rows)
    even = rows.attrs["details"].sensitivity.attrs["break_even"]
    measured = [action.title for action in rows.attrs["actions"] if action.source == MEASURED]
    from_where = f"measured for {', '.join(measured)}, and assumed for the others" if measured else "assumptions"
    said.append(
        f"Success rates are {from_where}. If all were half as high, the list would bring {say(low, **form)}; half as "
        f"high again, {say(high, **form)}. It pays as long as they are above {say(even, 'share', digits=0)} of what is "
        "assumed."
    )
    said += [_limits(rows), _exactness(told, form)]
    return listed(said)


def _limits(rows: pd.DataFrame) -> str:
    limits, form = rows.attrs["limits"], {"unit": "money", "currency": rows.attrs["currency"]}
    left = rows[rows["group"] == LATER]
    kept = [f"a budget of {say(limits['budget'], **form)}" if limits["budget"] is not None else "",
            f"{say(float(limits['calls']), 'count')} calls" if limits["calls"] is not None else ""]  # fmt: skip
    kept = [text for text in kept if text]
    if not kept:
        return "There is no limit: every customer whose best action pays gets it, but for those held out."
    if not len(left):
        return f"The limit of {' and '.join(kept)} leaves nobody undone whose action would pay."
    who = f"{say(float(len(left)), 'count')} customer{'' if len(left) == 1 else 's'}"
    return f"Within {' and '.join(kept)}, {who} whose action would pay must wait; see below what that leaves undone."


def _exactness(told: Mapping[str, Any], form: Mapping[str, str]) -> str:
    if told["method"] == EXACT:
        return "No other choice within the limits gains more: the set was found by integer programming."
    gap = say(told["gap"], "share", digits=2)
    return f"The set was found by a rule of thumb ({told['why']}); the best one gains at most {gap} more."


def top_list(crm: Crm, rows: pd.DataFrame, *, first: int = 10, each: int = 0) -> pd.DataFrame:
    """Return the actions of the highest expected gain, with the parts of it and the reason.

    Parameters
    ----------
    first : int
        How many of all.
    each : int
        Instead, so many of each action.
    """
    acts = rows[rows["group"] == ACT]
    acts = acts.groupby("action", sort=False).head(each) if each else acts.head(first)
    acts = acts.reset_index(drop=True)
    if not len(acts):
        return lacking("no action pays for anybody", rows)
    form = {"unit": "money", "currency": rows.attrs["currency"]}
    parts = [f"{say(row.probability, 'share')} × {say(row.value, **form)} × {say(row.success_rate, 'share', digits=0)}"
             for row in acts.itertuples()]  # fmt: skip
    shown = pd.DataFrame(
        {"customer": who(crm, acts["customer_id"]), "segment": acts["segment"],
         "action": acts["title"], "why": acts["reason"], "risk": acts["churn_risk"],
         "chance × at stake × success": parts, "cost": acts["cost"], "gain": acts["gain"]}
    )  # fmt: skip
    return about(shown, rows)


def by_action(rows: pd.DataFrame) -> pd.DataFrame:
    """Sum the list by action: customers, cost, gain, and from which success rate on the actions chosen pay."""
    acts = rows[rows["group"] == ACT]
    if not len(acts):
        return lacking("no action pays for anybody", rows)
    stake = acts["probability"] * acts["value"]
    made = acts.assign(stake=stake).groupby("title", as_index=False).agg(
        customers=("customer_id", "size"), cost=("cost", "sum"), gain=("gain", "sum"), stake=("stake", "sum"),
        success=("success_rate", "first"),
    )  # fmt: skip
    made["a customer"] = made["gain"] / made["customers"]
    made["pays from"] = made["cost"] / made["stake"]
    made = made.sort_values("gain", ascending=False, ignore_index=True).rename(columns={"title": "action"})
    return about(made[["action", "customers", "cost", "gain", "a customer", "success", "pays from"]], rows)


def gain_bars(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the expected gain of each action of the list, for a figure of bars."""
    shown = by_action(rows)
    if missing_from(shown):
        return shown
    made = shown[["action", "gain", "customers"]].rename(columns={"gain": "value", "customers": "n"})
    return about(made, rows, title="Expected gain", unit="money")


def reach(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the actions of the list in the order of their gain, for the figure of what is gained as it is done."""
    acts = rows.loc[rows["group"] == ACT, ["gain", "calls"]].reset_index(drop=True)
    return about(acts, rows) if len(acts) else lacking("no action pays for anybody", rows)


def groups(rows: pd.DataFrame) -> pd.DataFrame:
    """Say where all customers stand: who gets an action, who would, and why the others get none."""
    made = [
        {"customers who": _SAID[group], "customers": float(mine["customer_id"].nunique()),
         "expected gain": float(mine["gain"].sum()) if group in (ACT, HELD, LATER) else np.nan}
        for group in _SAID
        if len(mine := rows[rows["group"] == group])
    ]  # fmt: skip
    return about(pd.DataFrame(made), rows)


def undone(rows: pd.DataFrame) -> pd.DataFrame:
    """Say what the limits leave undone, by action: customers whose best action would pay, and its gain."""
    left = rows[rows["group"] == LATER]
    if not len(left):
        return lacking("the limits leave nothing undone that would pay", rows)
    made = left.groupby("title", as_index=False).agg(
        customers=("customer_id", "size"), cost=("cost", "sum"), gain=("gain", "sum")
    )
    made = made.sort_values("gain", ascending=False, ignore_index=True).rename(columns={"title": "action"})
    return about(made, rows)


def next_unit(rows: pd.DataFrame) -> Html:
    """Say what a further call, or a further unit of money, would gain."""
    told, form = rows.attrs["details"].set.attrs, {"unit": "money", "currency": rows.attrs["currency"]}
    said = []
    if rows.attrs["limits"]["calls"] is not None and told["price_call"] > 0.005:
        said.append(f"A further call would gain about {say(told['price_call'], **form)} beyond its cost: the most that "
                    "making one more call may be worth.")  # fmt: skip
    if rows.attrs["limits"]["budget"] is not None and told["price_money"] > 0.005:
        said.append(f"A further {say(1.0, **form)} of budget would gain about {say(told['price_money'], **form)}.")
    return listed(said) if said else quiet("No limit binds: more calls or more money would gain nothing.")


def assumptions(rows: pd.DataFrame) -> pd.DataFrame:
    """List the actions with what they take, the success rate, and where that is from."""
    shown = action_list(rows.attrs["actions"])
    shown = shown.rename(columns={"share of the fee": "of the fee", "success_rate": "success"})
    return about(shown[["action", "for whom", "cost", "of the fee", "calls", "success", "success is"]], rows)


def based_on(rows: pd.DataFrame) -> pd.DataFrame:
    """List what each part of the list rests on, for how many customers, and why nothing better could be had."""
    basis = rows.attrs["details"].basis
    if basis is None or not len(basis):
        return lacking("the inputs do not say what they rest on", rows)
    shown = basis.rename(columns={"why": "remarks"})
    shown["based on"] = shown["based on"].replace("", "nothing: unknown")
    return about(shown if shown["remarks"].ne("").any() else shown.drop(columns="remarks"), rows)


def unknown(rows: pd.DataFrame) -> Html:
    """Say of whom an action could not be judged, since a number is not known."""
    titles = {action.name: action.title for action in rows.attrs["actions"]}
    said = [f"{titles[name]}: {say(float(count), 'count')} customer{'' if count == 1 else 's'} for whom it is meant "
            f"{'has' if count == 1 else 'have'} no risk or no value, and {'is' if count == 1 else 'are'} left out."
            for name, count in rows.attrs["unknown"].items() if count]  # fmt: skip
    return listed(said) if said else quiet("For everybody for whom an action is meant it could be judged.")


def lacking(reason: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return an empty frame that says why there is nothing to show."""
    return about(pd.DataFrame(), rows, missing=reason)


def about(frame: pd.DataFrame, rows: pd.DataFrame, **more: Any) -> pd.DataFrame:
    """Leave on a frame the currency and the day of the list it was made from."""
    frame.attrs = {"currency": rows.attrs["currency"], "as_of": rows.attrs["as_of"], **more}
    return frame


def units(frame: pd.DataFrame) -> dict[str, str]:
    """Return the units of the columns that a table of this page has."""
    return {name: unit for name, unit in (LIST_UNITS | ACTION_UNITS | TERM_UNITS).items() if name in frame}
