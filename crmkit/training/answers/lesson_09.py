"""Lesson 9, did the CRM pay."""

from __future__ import annotations

import numpy as np

from crmkit.methods.crm_return import crm_benefits, measured_flows
from crmkit.training.exercises import Exercise, Mistake, exercise

YEAR = 12


def _return(benefit, cost):
    return (benefit - cost) / cost


@exercise("9.1")
def return_of_the_first_year(crm):
    """What the first twelve months brought, against all that had been paid by then."""
    flow = measured_flows(crm)
    year, since = flow[flow["step"] < YEAR], flow[flow["step"].between(0, YEAR - 1)]
    cost, benefit = year["cost"].sum(), year["benefit"].sum()
    rows, longer = flow.head(YEAR), flow[flow["step"] <= YEAR]
    return Exercise(
        _return(benefit, cost),
        unit="share",
        mistakes=[
            Mistake(benefit / cost, "you divided what came in by the cost. What is left of it when the cost is paid?"),
            Mistake(
                _return(benefit, since["cost"].sum()),
                "the cost of the months before the introduction is not in it. When was the first bill paid?",
            ),
            Mistake(
                _return(flow["benefit"].sum(), flow["cost"].sum()), "this is the return to date. Up to which month?"
            ),
            Mistake(
                _return(rows["benefit"].sum(), rows["cost"].sum()),
                "these are the first twelve rows of the table. With which month does it begin?",
            ),
            Mistake(
                _return(longer["benefit"].sum(), longer["cost"].sum()),
                "these are thirteen months since the introduction. With which step do they begin?",
            ),
            Mistake(
                _return(benefit, flow["cost"].sum()),
                "the benefit of the first year, and the cost of all months. What had been paid by then?",
            ),
            Mistake(benefit - cost, "this is the money that was left. How much is it for each euro paid?"),
            Mistake(
                (benefit - cost) / benefit, "you divided by what came in. A return is on what was paid: how much is it?"
            ),
        ],
        because="Three months later it is more than twice as high: say the time with each return.",
    )


@exercise("9.2")
def cost_by_the_trend(crm):
    """What a line through the year before would have brought in the months since."""
    months = crm.measure("cac", period="2024-07-01/2026-10-01", every="month", intervals=False)["value"].to_numpy()
    place = np.arange(len(months))
    line = np.polyfit(place[:YEAR], months[:YEAR], 1)
    ahead = np.polyval(line, place[YEAR:])
    through_all = np.polyval(np.polyfit(place, months, 1), place[YEAR:])
    return Exercise(
        ahead.mean(),
        unit="money",
        within=2.0,
        mistakes=[
            Mistake(months[:YEAR].mean(), "this is the mean of the year before. Where was its line going?"),
            Mistake(months[YEAR:].mean(), "this is what it really was since then. What would the line have brought?"),
            Mistake(
                through_all.mean(),
                "your line goes through the months since as well, and so has the CRM in it. Which months had none?",
            ),
            Mistake(
                np.polyval(line, place[: len(ahead)]).mean(),
                "you followed the line through 15 months from its own beginning. Which are the months since?",
            ),
            Mistake(ahead[0], "this is the line in the first month since. What is it in all of them, on average?"),
            Mistake(ahead[-1], "this is the line in the last month. What is it in all of them, on average?"),
            Mistake(
                np.polyval(line, place).mean(), "the mean of the line over all months. Over which are we asking for it?"
            ),
        ],
        because="Compare it with what a customer cost since then.",
    )


@exercise("9.3")
def return_without_acquisition(crm):
    """The return to date without the benefit that the trend would have brought."""
    named = crm_benefits(crm).set_index("benefit")["value"].drop("sum")
    cost = measured_flows(crm)["cost"].sum()
    others = named.drop("acquisition")
    return Exercise(
        _return(others.sum(), cost),
        unit="share",
        mistakes=[
            Mistake(_return(named.sum(), cost), "this is the return with all benefits. Which is not to be counted?"),
            Mistake(
                _return(others[others > 0].sum(), cost),
                "acquisition is out, and so are the benefits below zero. Who decided that losses don't count?",
            ),
            Mistake(
                _return(named[named > 0].sum(), cost),
                "these are the winners alone, with acquisition among them. Which benefits are asked for?",
            ),
            Mistake(named["acquisition"] / cost - 1, "this is cheaper acquisition alone. Which is to be left out?"),
            Mistake(others.sum() / cost, "the benefit divided by the cost. What of the cost itself?"),
            Mistake(others.sum() - cost, "this is the money. How much is it for each euro paid?"),
            Mistake(
                _return(crm_benefits(crm)["value"].sum() - named["acquisition"], cost),
                "the row that is called sum is in your sum. Of which rows is it made?",
            ),
        ],
        because="Below −100%, since the other benefits add up to less than nothing.",
    )
