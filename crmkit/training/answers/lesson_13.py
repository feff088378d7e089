"""Lesson 13, a new company: the answers are made from what is planted in it, not from its messy files."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

import crmkit
from crmkit.training.exercises import Exercise, Mistake, exercise
from crmkit.training.newcomer import LAST, newcomer

NOW, BEFORE, HALF = "2026-Q3", "2026-Q2", "2026-04-01/2026-10-01"
POUND = 1.17
MARGIN, COST = 0.30, 21_000


@lru_cache(maxsize=8)
def orvelin(*, merged: bool = True, parked: str = "lost", pound: float = POUND):
    """Return Orvelin as its facts have it, or as it looks before its accounts are merged or Parked is explained."""
    made = newcomer()
    deals = made.deals.assign(opportunity_id=made.deals["number"].astype(str))
    deals["customer_id"] = deals["customer" if merged else "account"].astype(str)
    deals["outcome"] = deals["outcome"].mask(deals["parked"], parked)
    deals["closed_at"] = deals["closed_at"].where(deals["outcome"] != "open")
    columns = ["opportunity_id", "customer_id", "created_at", "closed_at", "outcome", "amount", "currency"]
    accounts = made.accounts.assign(customer_id=made.accounts["number"].astype(str))
    return crmkit.open(
        {"customers": accounts[["customer_id", "segment", "created_at"]], "opportunities": deals[columns]},
        config={"as_of": f"{LAST:%Y-%m-%d}", "currency": "EUR", "rates": {"GBP": pound}},
    )


def _change(crm, segment: str = "Key") -> pd.Series:
    found = crm.compare("win_rate", period=NOW, against=BEFORE, by="segment").set_index("segment")
    return found.loc[segment]


@exercise("13.1")
def answers_from_the_future(_crm):
    """The share of answers that would come from the future if the day stood first."""
    at = newcomer().answers["answered_at"]
    turned = pd.to_datetime(at.dt.strftime("%Y-%d-%m"))
    future, early = turned > LAST, turned < at.min().normalize()
    return Exercise(
        future.mean(),
        unit="share",
        within=0.001,
        mistakes=[
            Mistake((at > LAST + pd.Timedelta(days=1)).mean(), "you read the month first. And if the day is first?"),
            Mistake(future.sum(), "this is how many answers; a share of how many?"),
            Mistake(early.mean(), "these would be too early: from before the survey began. Which are too late?"),
            Mistake((future | early).mean(), "these are too late or too early. Only the late ones are asked for."),
            Mistake(future[at.dt.year == 2026].mean(), "you divided by the answers of 2026. Of all answers?"),
            Mistake((turned.dt.month != at.dt.month).mean(), "these are all that change their month. Which lie ahead?"),
        ],
        because="Nobody answers in advance: the tool writes the month first, whatever the CRM does.",
    )


@exercise("13.2")
def fall_without_parked(_crm):
    """How far the win rate of Key customers fell, with Parked deals taken as open."""
    right, lost = _change(orvelin(parked="open")), _change(orvelin())
    apart = orvelin(parked="open", merged=False)
    whole = orvelin(parked="open").compare("win_rate", period=NOW, against=BEFORE).iloc[0]
    return Exercise(
        right["change"],
        unit="share",
        within=0.001,
        mistakes=[
            Mistake(lost["change"], "here Parked deals are lost. What is left when they are taken out?"),
            Mistake(_change(apart)["change"], "the accounts are still apart. Which data knows that they are one?"),
            Mistake(_change(apart, "Small")["change"], "these are “Small” accounts, unmerged. Whose are they?"),
            Mistake(whole["change"], "this is the whole company. Which segment is asked for?"),
            Mistake(right["value"], "this is the rate of the last quarter. How far is it from the one before?"),
            Mistake(right["change"] / right["previous"], "this is a part of the former rate. Take one from the other."),
            Mistake(_change(orvelin(parked="won"))["change"], "you counted Parked as won. Nobody claims that."),
        ],
        because="Whatever Parked means, the finding stands; so nobody has to wait for that word to be explained.",
    )


@exercise("13.3")
def least_worth(_crm):
    """What the fall costs a quarter at least, in margin, less the cost of an agent."""
    crm = orvelin()
    found = _change(crm)

    def size(one, segment: str = "Key") -> float:
        every = one.measure("average_deal_size", period=HALF, by="segment", intervals=False).set_index("segment")
        return every.loc[segment, "value"]

    def worth(change: float, each: float, *, margin: float = MARGIN, cost: float = COST) -> float:
        return -change * found["n"] * each * margin - cost

    each, least = size(crm), found["change_high"]
    apart = _change(orvelin(merged=False), "Small")
    return Exercise(
        worth(least, each),
        unit="money",
        mistakes=[
            Mistake(worth(found["change"], each), "this is the middle. Which end of the interval is the least?"),
            Mistake(worth(found["change_low"], each), "this is the largest fall that fits. Which is the smallest?"),
            Mistake(worth(least, each, margin=1), "this is revenue. What does Orvelin keep of it?"),
            Mistake(worth(least, each, cost=0), "the agent is still to be paid."),
            Mistake(worth(least, each, margin=1) * MARGIN, "you took the margin of the cost, too; it is paid in full."),
            Mistake(worth(least, size(orvelin(pound=1.0))), "here a pound is a euro. What do the rates say?"),
            Mistake(
                -apart["change_high"] * apart["n"] * size(orvelin(merged=False), "Small") * MARGIN - COST,
                "these are the “Small” accounts, before merging. Who is it really?",
            ),
        ],
        because="Even the smallest fall that fits the data costs several times what an agent does.",
    )
