"""The actions that can be taken for a customer, as declarations: for whom each is, what is at stake, and what it takes.

A new one is one more `Action`: one of the kit's own in `ACTIONS`, or yours beside them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from crmkit.errors import UsageError
from crmkit.methods.common import pick
from crmkit.models.projection import BUYING
from crmkit.numbers import say

ASSUMED, MEASURED = "assumed", "measured"
OUTCOMES = ("left", "revenue", "receipts")


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
