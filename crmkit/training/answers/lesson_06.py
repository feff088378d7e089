"""Lesson 6, what a customer is worth."""

from __future__ import annotations

import pandas as pd

from crmkit.training.exercises import Exercise, Mistake, exercise

YEAR = "2025"
COHORT = "2023-10-01/2024-10-01"


def _customers(crm) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return everybody who was won, and their orders with margin and age in days."""
    people = crm.customers.to_pandas().dropna(subset=["acquired_at"])
    orders = crm.orders.to_pandas().merge(people[["customer_id", "acquired_at"]], on="customer_id")
    orders["margin"] = orders["amount"] - orders["cost"]
    orders["age"] = (orders["ordered_at"] - orders["acquired_at"]).dt.days
    return people, orders


def _brought(people: pd.DataFrame, orders: pd.DataFrame, what: str = "margin", days: float = float("inf")) -> pd.Series:
    """Return what each of the people brought within so many days, 0 where nothing."""
    sums = orders[orders["age"] < days].groupby("customer_id")[what].sum()
    return people["customer_id"].map(sums).fillna(0)


@exercise("6.1")
def value_in_margin(crm):
    """The lifetime value of 2025 in margin, from its parts."""
    names = ["average_order_value", "orders_per_customer", "churn_rate", "gross_margin"]
    found = crm.measure(names, period=YEAR, intervals=False).set_index("metric")["value"]
    cac = crm.measure("cac", period=YEAR, intervals=False)["value"].item()
    yearly, churn, margin = found.iloc[0] * found.iloc[1], found["churn_rate"], found["gross_margin"]
    return Exercise(
        yearly * margin / churn,
        unit="money",
        mistakes=[
            Mistake(yearly / churn, "this is revenue of a life. Which part of it is left when the goods are paid?"),
            Mistake(yearly * margin, "this is the margin of one year. How many years does a customer stay?"),
            Mistake(yearly * (1 - margin) / churn, "you took what the goods cost. What is left after that?"),
            Mistake(
                yearly * margin / churn - cac,
                "you took off the cost of winning a customer. Here the value is asked before that.",
            ),
            Mistake(yearly / margin / churn, "you divided by the margin: can less be left and the value be more?"),
            Mistake(
                yearly * margin * churn, "you multiplied by churn: with more churn the value would grow. Should it?"
            ),
            Mistake(
                yearly * margin / (1 - churn),
                "you divided by those who stay. How long is a life if one in five leaves?",
            ),
            Mistake(
                found.iloc[0] * margin / churn, "an order a year each is in it. How many orders does a customer place?"
            ),
        ],
        because="It is a promise on the terms of one year; the cost of winning a customer is paid now.",
    )


@exercise("6.2")
def share_that_paid(crm):
    """Of the customers won two years ago and more, the share that has brought what it cost to win one."""
    people, orders = _customers(crm)
    won = people[(people["acquired_at"] >= "2023-10-01") & (people["acquired_at"] < "2024-10-01")]
    cost = crm.measure("cac", period=COHORT, intervals=False)["value"].item()
    later = crm.measure("cac", period=YEAR, intervals=False)["value"].item()
    margin = _brought(won, orders, days=730)
    return Exercise(
        (margin >= cost).mean(),
        unit="share",
        within=0.001,
        mistakes=[
            Mistake(
                (_brought(won, orders, "amount", 730) >= cost).mean(),
                "this is in revenue. Which part of it can pay for winning a customer?",
            ),
            Mistake((margin < cost).mean(), "these are the ones who have not. Which way does the sign point?"),
            Mistake(
                margin.mean() / cost,
                "this is the mean margin over the cost: what all have paid together. How many have paid, each alone?",
            ),
            Mistake(
                (margin[won["lost_at"].isna()] >= cost).mean(),
                "you asked those who are still customers. What was spent on the others?",
            ),
            Mistake((margin >= later).mean(), "this is the cost of 2025. In which months were these customers won?"),
            Mistake(
                (margin >= margin.mean()).mean(), "you compared with the mean margin. With what does it say, above?"
            ),
            Mistake(
                (_brought(people, orders, days=730) >= cost).mean(),
                "you asked everybody who was ever won, also those of last month. Which customers are in `won`?",
            ),
            Mistake(
                (orders[orders["age"] < 730].groupby("customer_id")["margin"].sum() >= cost).mean(),
                "you asked everybody who has ordered, also customers of last month. Which customers are in `won`?",
            ),
            Mistake((margin >= cost).sum(), "this is how many have. A share is a part of something: of whom?"),
        ],
        because="The mean has nearly paid and most customers have not: the firms carry the others.",
    )


@exercise("6.3")
def at_the_same_age(crm):
    """What the first 365 days of the customers of 2025 brought who have been watched so long."""
    people, orders = _customers(crm)
    year = people[people["acquired_at"].dt.year == int(YEAR)]
    old = year[year["acquired_at"] + pd.Timedelta(days=365) <= crm.as_of]
    before = people[people["acquired_at"].dt.year == int(YEAR) - 1]
    first = _brought(old, orders, days=365)
    return Exercise(
        first.mean(),
        unit="money",
        mistakes=[
            Mistake(
                _brought(year, orders, days=365).mean(),
                "those of the last months of 2025 are in it. How many days have they been watched?",
            ),
            Mistake(
                _brought(year[year["acquired_at"] <= "2025-09-30"], orders, days=365).mean(),
                "those who came in the course of 30 September 2025 are left out. How many days have they been watched?",
            ),
            Mistake(_brought(year, orders).mean(), "this is all that came so far: the column of the meeting."),
            Mistake(_brought(old, orders).mean(), "the right people, with all that they brought. By which age?"),
            Mistake(first.median(), "this is the median. Which number did the cell above give for 2024?"),
            Mistake(_brought(old, orders, "amount", 365).mean(), "this is revenue. Which column holds the margin?"),
            Mistake(_brought(before, orders, days=365).mean(), "these are the customers of 2024. Who is asked for?"),
            Mistake(first.sum(), "this is the sum of all of them. What did one bring on average?"),
        ],
        because="At one age the fall is smaller: the rest of it was time that they had not had.",
    )
