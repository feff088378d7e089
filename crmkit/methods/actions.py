"""What to do next for whom: actions as declarations, what each is expected to bring for each customer, and its cost.

    gain = probability × value × success rate − cost

`probability` is that of what the action is about (leaving, being gone, buying, staying unpaid), from the models;
`value` what is at stake then; `success_rate` the share of those cases that the action changes. Success rates are
assumptions until a hold-out of an earlier round has measured them (`crmkit.methods.action_rounds`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import UsageError
from crmkit.methods.common import pick
from crmkit.models.projection import BUYING
from crmkit.numbers import say

ASSUMED, MEASURED = "assumed", "measured"
OUTCOMES = ("left", "revenue", "receipts")
_COLUMNS = ("customer_id", "action", "title", "probability", "value", "success_rate", "benefit", "cost", "gain",
            "calls", "reason")  # fmt: skip


@dataclass(frozen=True)
class Action:
    """Something that can be done for a customer.

    Attributes
    ----------
    name, title : str
    meaning : str
        Who gets it and what it is to do, in a sentence.
    who : callable
        From the inputs (a DataFrame) to a flag a customer: who it is meant for.
    probability : callable
        From the inputs to the chance of what the action is about, 0-1.
    value : callable
        From the inputs to what is at stake, in money.
    reason : callable
        From the inputs and the currency to a sentence a customer.
    cost : float
        Of one action, in money.
    success_rate : float
        Share of the cases that it changes, 0-1.
    calls : int
        How many calls it takes; 0 where a message is enough.
    fee_share : float
        Share of a year's fee that it gives away to everyone who stays, with the action or without it.
    outcome : {"left", "revenue", "receipts"}
        By what its success shows: fewer customers who leave, more revenue, more money that came in.
    source : str
        "assumed" or "measured": where the success rate is from.
    """

    name: str
    title: str
    meaning: str
    who: Callable[[pd.DataFrame], pd.Series]
    probability: Callable[[pd.DataFrame], pd.Series]
    value: Callable[[pd.DataFrame], pd.Series]
    reason: Callable[[pd.DataFrame, str], Sequence[str]]
    cost: float
    success_rate: float
    calls: int = 1
    fee_share: float = 0.0
    outcome: str = "left"
    source: str = ASSUMED

    def __post_init__(self) -> None:
        """Refuse what no action can be.

        Raises
        ------
        UsageError
        """
        shares, sizes = ("success_rate", "fee_share"), ("cost", "calls")
        for option in (*shares, *sizes):
            value = getattr(self, option)
            if not 0 <= value <= (1 if option in shares else sys.float_info.max):
                limit = "from 0 to 1" if option in shares else "0 or more"
                raise UsageError(f"{option} of the action {self.name!r} is {value!r}; it must be {limit}.")
        pick("outcome", self.outcome, OUTCOMES)


def _risky(rows: pd.DataFrame, currency: str) -> list[str]:
    return [f"{say(risk, 'share')} may leave" + (f": {why}" if why else "")
            for risk, why in zip(rows["churn_risk"], rows["risk_reason"].fillna(""), strict=True)]  # fmt: skip


def _ending(rows: pd.DataFrame, currency: str) -> list[str]:
    days = (rows["months_left"] * 365.25 / 12).to_numpy(float)
    return [f"term ends in {say(day, 'days', digits=0)}; {text}"
            for day, text in zip(days, _risky(rows, currency), strict=True)]  # fmt: skip


def _silent(rows: pd.DataFrame, currency: str) -> list[str]:
    return [f"still there with a chance of {say(alive, 'share')}; silent for long, for a customer of this pace"
            for alive in rows["p_alive"]]  # fmt: skip


def _lost(rows: pd.DataFrame, currency: str) -> list[str]:
    return [f"contract ended {say(days, 'days', digits=0)} ago" for days in rows["lost_days"]]


def _upgradable(rows: pd.DataFrame, currency: str) -> list[str]:
    return [f"content and staying (risk {say(risk, 'share')}), pays {say(fee, 'money', currency=currency)} a month"
            for risk, fee in zip(rows["churn_risk"], rows["mrr"], strict=True)]  # fmt: skip


def _owing(rows: pd.DataFrame, currency: str) -> list[str]:
    return [f"owes {say(owed, 'money', currency=currency)}, the oldest order {say(days, 'days', digits=0)} ago"
            for owed, days in zip(rows["owed"], rows["overdue_days"], strict=True)]  # fmt: skip


def _unhappy(rows: pd.DataFrame, currency: str) -> list[str]:
    return [f"gave {say(score, '', digits=0)} in {survey.upper()} {say(days, 'days', digits=0)} ago; {text}"
            for score, survey, days, text in zip(rows["low_score"], rows["low_survey"].fillna(""), rows["low_days"],
                                                 _risky(rows, currency), strict=True)]  # fmt: skip


LOW_RISK = 0.05
"""Up to this risk a customer counts as staying, and is offered more rather than kept."""
WINDOW_MONTHS = 3.0
"""A term that ends within so many months is spoken of now."""
CHASE_DAYS = 365
"""What has been owed for longer is no case for a reminder any more."""

ACTIONS = (
    Action(
        "retention_call", "Retention call",
        "customers under contract who may leave; a call finds out what is wrong",
        who=lambda rows: rows["mrr"].gt(0) & ~rows["months_left"].le(WINDOW_MONTHS),
        probability=lambda rows: rows["churn_risk"], value=lambda rows: rows["expected_value"],
        reason=_risky, cost=25.0, success_rate=0.20,
    ),
    Action(
        "renewal_offer", "Renewal offer",
        "customers whose term ends within three months; a reduced fee for another year, offered in a call",
        who=lambda rows: rows["mrr"].gt(0) & rows["months_left"].le(WINDOW_MONTHS),
        probability=lambda rows: rows["churn_risk"], value=lambda rows: rows["expected_value"],
        reason=_ending, cost=25.0, success_rate=0.25, fee_share=0.05,
    ),
    Action(
        "answer_detractor", "Answer to a low score",
        "customers whose last answer to a survey was low; a call takes it up",
        who=lambda rows: rows["low_score"].notna(),
        probability=lambda rows: rows["churn_risk"], value=lambda rows: rows["expected_value"],
        reason=_unhappy, cost=20.0, success_rate=0.20,
    ),
    Action(
        "win_back_call", "Win-back call",
        "customers whose contract ended within half a year; a call asks them back",
        who=lambda rows: rows["lost_days"].notna(),
        probability=lambda rows: rows["lost_days"] * 0 + 1.0, value=lambda rows: rows["back_value"],
        reason=_lost, cost=30.0, success_rate=0.05, outcome="revenue",
    ),
    Action(
        "win_back_message", "Win-back message",
        "buyers without a contract who are about as likely gone as there; a message with a reason to come back",
        who=lambda rows: rows["part"].eq(BUYING) & rows["p_alive"].between(0.2, 0.8),
        probability=lambda rows: 1 - rows["p_alive"], value=lambda rows: rows["expected_value"] / rows["p_alive"],
        reason=_silent, cost=0.5, success_rate=0.05, calls=0, outcome="revenue",
    ),
    Action(
        "cross_sell", "Cross-sell offer",
        "buyers of a product with which another clearly goes; a message offers the other",
        who=lambda rows: rows["product_id"].notna(),
        probability=lambda rows: rows["offer_chance"], value=lambda rows: rows["offer_value"],
        reason=lambda rows, currency: [str(text) for text in rows["offer_reason"]],
        cost=0.5, success_rate=0.20, calls=0, outcome="revenue",
    ),
    Action(
        "plan_review", "Thanks and plan review",
        "customers under contract who are likely to stay; a call thanks them and looks whether a larger plan fits",
        who=lambda rows: rows["mrr"].gt(0) & rows["churn_risk"].le(LOW_RISK) & rows["low_score"].isna(),
        probability=lambda rows: rows["upgrade_chance"], value=lambda rows: rows["upgrade_value"],
        reason=_upgradable, cost=20.0, success_rate=0.20, outcome="revenue",
    ),
    Action(
        "chase_overdue", "Overdue reminder",
        "customers who owe for an order longer than agreed, but not for longer than a year; a call settles it",
        who=lambda rows: rows["owed"].gt(0) & rows["overdue_days"].le(CHASE_DAYS),
        probability=lambda rows: rows["unpaid_chance"], value=lambda rows: rows["owed"],
        reason=_owing, cost=10.0, success_rate=0.30, outcome="receipts",
    ),
)  # fmt: skip
"""The actions that the kit knows, with success rates and costs that are assumptions. Yours are further `Action`s."""


def with_terms(
    actions: Sequence[Action] = ACTIONS,
    *,
    costs: Mapping[str, float] | None = None,
    success_rates: Mapping[str, float] | None = None,
    fee_shares: Mapping[str, float] | None = None,
    source: str = "",
) -> tuple[Action, ...]:
    """Return actions with costs, success rates and shares of the fee of your own, by name.

    Parameters
    ----------
    actions : sequence of Action
    costs, success_rates, fee_shares : mapping of str to float, optional
    source : str, optional
        Where the success rates given are from: "measured", or "assumed".

    Raises
    ------
    UsageError
        Where there is no such action, or a value cannot be.

    Examples
    --------
    >>> with_terms(costs={"cross_sell": 2})[5].cost
    2.0
    """
    known = [action.name for action in actions]
    wanted = {"cost": costs or {}, "success_rate": success_rates or {}, "fee_share": fee_shares or {}}
    for values in wanted.values():
        if unknown := [name for name in values if name not in known]:
            raise UsageError(f"There is no action {unknown[0]!r}; there are {', '.join(known)}.")
    made = []
    for action in actions:
        changes: dict[str, Any] = {option: float(values[action.name])
                                   for option, values in wanted.items() if action.name in values}  # fmt: skip
        if source and "success_rate" in changes:
            changes["source"] = source
        made.append(replace(action, **changes))
    return tuple(made)


def candidates(inputs: pd.DataFrame, actions: Sequence[Action] = ACTIONS) -> pd.DataFrame:
    """Return every action that a customer could get, with what it is expected to bring and the parts of that.

    Parameters
    ----------
    inputs : DataFrame
        As `crmkit.methods.action_inputs.action_inputs` returns it.
    actions : sequence of Action

    Returns
    -------
    DataFrame
        One row a customer and action, those that lose money too: `customer_id`, `action`, `title`, `probability`,
        `value`, `success_rate`, `benefit` (their product), `cost` (what it takes, and the expected part of the fee that
        it gives away), `gain` (benefit less cost), `calls`, `reason`. By customer, the highest gain first. In `attrs`
        `unknown`: for each action the customers it is meant for and of whom a number is not known.

    Raises
    ------
    UsageError
        Where a customer is there twice, or two actions have the same name.

    Examples
    --------
    >>> from crmkit.methods.action_inputs import COLUMNS
    >>> rows = pd.DataFrame({"customer_id": ["a"]}).reindex(columns=["customer_id", *COLUMNS]).assign(
    ...     mrr=50.0, churn_risk=0.4, expected_value=600.0, risk_reason="")
    >>> candidates(rows, ACTIONS[:1])[["probability", "value", "success_rate", "cost", "gain"]].values.tolist()
    [[0.4, 600.0, 0.2, 25.0, 23.0]]
    """
    if inputs["customer_id"].duplicated().any():
        twice = inputs.loc[inputs["customer_id"].duplicated(), "customer_id"].iloc[0]
        raise UsageError(f"Customer {twice!r} is in the inputs twice; one row a customer.")
    names = [action.name for action in actions]
    if len(set(names)) < len(names):
        raise UsageError(f"Two actions are called {next(n for n in names if names.count(n) > 1)!r}.")
    currency = str(inputs.attrs.get("currency") or "")
    parts, unknown = [], {}
    for action in actions:
        rows = inputs[action.who(inputs).fillna(False).astype(bool)]
        found = _worth(action, rows)
        known = found["gain"].notna()
        unknown[action.name] = int((~known).sum())
        found = found[known]
        parts.append(found.assign(reason=list(action.reason(rows[known], currency)) if len(found) else []))
    made = [part for part in parts if len(part)]
    frame = pd.concat(made, ignore_index=True) if made else pd.DataFrame(columns=list(_COLUMNS))
    keys = ["customer_id", "gain", "action"]
    frame = frame.sort_values(keys, ascending=[True, False, True], ignore_index=True)[list(_COLUMNS)]
    frame.attrs = {"unknown": unknown, "currency": currency, "as_of": inputs.attrs.get("as_of")}
    return frame


def _worth(action: Action, rows: pd.DataFrame) -> pd.DataFrame:
    """Return probability, value, benefit, cost and gain of one action for those it is meant for."""
    chance = action.probability(rows).astype(float).clip(0, 1)
    value = action.value(rows).astype(float)
    benefit = chance * value * action.success_rate
    cost = pd.Series(action.cost, index=rows.index)
    if action.fee_share:  # everyone who stays pays the lower fee, those whom nothing would have made leave, too
        cost = cost + action.fee_share * 12 * rows["mrr"] * (1 - chance * (1 - action.success_rate))
    return pd.DataFrame(
        {"customer_id": rows["customer_id"], "action": action.name, "title": action.title, "probability": chance,
         "value": value, "success_rate": action.success_rate, "benefit": benefit, "cost": cost,
         "gain": benefit - cost, "calls": action.calls}
    )  # fmt: skip


def action_list(actions: Sequence[Action] = ACTIONS) -> pd.DataFrame:
    """Return the actions as a table for people: what each is, what it takes, and where its success rate is from.

    >>> action_list()[["action", "cost", "calls", "success is"]].head(1).values.tolist()
    [['Retention call', 25.0, 1, 'assumed']]
    """
    rows = [
        {"action": a.title, "for whom": a.meaning, "cost": a.cost, "share of the fee": a.fee_share or np.nan,
         "calls": a.calls, "success_rate": a.success_rate, "success is": a.source}
        for a in actions
    ]  # fmt: skip
    return pd.DataFrame(rows)
