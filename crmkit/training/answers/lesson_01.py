"""Lesson 1, a CRM is tables."""

from __future__ import annotations

from crmkit.training.exercises import Exercise, Mistake, exercise


def _quarter(crm):
    orders = crm.orders.to_pandas()
    return orders[(orders["ordered_at"] >= "2026-07-01") & (orders["ordered_at"] < "2026-10-01")]


@exercise("1.1")
def never_ordered(crm):
    """Customers of the table who have no order."""
    customers, orders = crm.customers.to_pandas()["customer_id"], crm.orders.to_pandas()
    bought = customers.isin(orders.loc[orders["amount"] >= 0, "customer_id"])
    today = crm.measure("customers_at_end", period="2026-Q3", intervals=False)["value"].item()
    return Exercise(
        (~bought).sum(),
        unit="count",
        within=0.5,
        mistakes=[
            Mistake(bought.sum(), "these are those who did order. Who is left?"),
            Mistake((~bought).mean(), "this is a share of the customers. It is asked how many they are."),
            Mistake(len(customers), "this is every row of the table. Who of them never stands in an order?"),
            Mistake(
                len(customers) - today,
                "you took away the customers of today. Somebody who left may have ordered before.",
            ),
            Mistake(
                len(customers) - len(orders),
                "you took orders from customers: rows of two grains. How many different customers are in orders?",
            ),
        ],
        because="They are in the table, and in no number that is made from orders.",
    )


@exercise("1.2")
def lines_per_order(crm):
    """Lines of an order of the quarter, on average."""
    quarter, lines = _quarter(crm), crm.order_lines.to_pandas()
    inside = lines["order_id"].isin(quarter["order_id"]).sum()
    with_lines = quarter["order_id"].isin(lines["order_id"]).sum()
    later = crm.orders.to_pandas()
    return Exercise(
        inside / len(quarter),
        within=0.002,
        mistakes=[
            Mistake(
                len(lines) / len(later), "this is the average of all orders that there are. Which orders are asked for?"
            ),
            Mistake(len(lines) / len(quarter), "you divided all lines by the orders of the quarter. Which lines fit?"),
            Mistake(inside, "these are the lines; an average needs something that they are shared among."),
            Mistake(len(quarter) / inside, "this is how many orders go with a line: the fraction is upside down."),
            *(
                [Mistake(inside / with_lines, "orders without any line count as well: how many orders are there?")]
                if with_lines < len(quarter)
                else []
            ),
        ],
        because="So every join of the two makes rows of orders more than one and a half times as many.",
    )


@exercise("1.3")
def overstated_by_channel(crm):
    """What the join adds to the revenue of each channel."""
    quarter, lines = _quarter(crm), crm.order_lines.to_pandas()
    joined = quarter.merge(lines, on="order_id", suffixes=("", "_of_line"))
    wrong, true = joined.groupby("channel")["amount"].sum(), quarter.groupby("channel")["amount"].sum()
    return Exercise(
        wrong / true - 1,
        unit="share",
        within=0.0005,
        mistakes=[
            Mistake(wrong / true, "this is what was told for what is true; by how much more is it?"),
            Mistake(1 - true / wrong, "you divided the excess by the wrong revenue. What is it a share of?"),
            Mistake(wrong - true, "this is the excess in money. As a share of what is it asked for?"),
            Mistake((wrong / true - 1) * 100, "these are percentages; shares are written 0-1 here."),
            Mistake(
                (wrong - true) / true.sum(),
                "you divided by the revenue of all channels. With whose revenue is each channel compared?",
            ),
            Mistake(true - true, "the amounts of lines add up to the truth. Which column did the slide add up?"),
        ],
        because="Channels with large baskets look better than they are.",
    )
