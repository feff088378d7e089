"""Lesson 3, who leaves."""

from __future__ import annotations

from crmkit.training.exercises import Exercise, Mistake, exercise

QUARTER, YEAR = "2026-Q3", "2025-10-01/2026-10-01"


def _of_quarter(crm):
    names = ["churn_rate", "churn_rate_acquired", "customers_at_start", "customers_at_end", "new_customers"]
    return crm.measure(names, period=QUARTER, intervals=False).set_index("metric")["value"]


@exercise("3.1")
def kept_of_the_start(crm):
    """Of the customers at the start of a quarter, the share that is there at its end."""
    found = _of_quarter(crm)
    start, end = found["customers_at_start"], found["customers_at_end"]
    return Exercise(
        1 - found["churn_rate"],
        unit="share",
        within=0.001,
        mistakes=[
            Mistake(found["churn_rate"], "this is the share that left. Who is asked for?"),
            Mistake(end / start, "you took everybody at the end. Who of them was not there at the start?"),
            Mistake(start - found["churn_rate"] * start, "this is how many stayed; a share of whom?"),
            Mistake(1 - found["churn_rate_acquired"], "you began from the losses divided by those who came."),
            Mistake((end - found["new_customers"]) / end, "you divided by the customers at the end. Who could stay?"),
        ],
        because="Kept and lost of the start make one: whoever reports both has to show that.",
    )


def _different(mistakes, right):
    """Return the mistakes that differ from the right list and from those before them."""
    kept = []
    for one in mistakes:
        if set(one.answer) not in (right, *(set(other.answer) for other in kept)):
            kept.append(one)
    return kept


@exercise("3.2")
def segments_that_leave_less(crm):
    """Segments whose whole interval lies below the company's rate."""
    whole = crm.measure("churn_rate", period=QUARTER)["value"].item()
    found = crm.measure("churn_rate", period=QUARTER, by="segment")
    below = found.loc[found["value"] < whole, "segment"].tolist()
    right = found.loc[found["high"] < whole, "segment"].tolist()
    above = found.loc[found["low"] > whole, "segment"].tolist()
    others = [
        Mistake(below, "the values of these are lower. Of which are the whole intervals?"),
        *[Mistake(higher, "these are higher by more than noise.") for higher in [above] if higher],
        Mistake(
            found.loc[found["high"] > whole, "segment"].tolist(), "these are the others: their intervals reach up."
        ),
        Mistake([found.loc[found["value"].idxmin(), "segment"]], "the lowest value alone. What does its interval say?"),
        Mistake(found["segment"].tolist(), "these are all of them. Of which does the upper end, `high`, lie below?"),
        Mistake([], "you found none. Compare the upper end of each interval, `high`, with the company's rate."),
    ]
    return Exercise(
        set(right),
        mistakes=_different(others, set(right)),
        because="The other segments may differ, too; with so few customers one can't see it.",
    )


@exercise("3.3")
def churn_of_a_year(crm):
    """A year's churn from the churn of twelve months."""
    found = crm.measure("churn_rate", every="month", period=YEAR, intervals=False)
    months = found["value"]
    whole = crm.measure("churn_rate", period=YEAR, intervals=False)["value"].item()
    return Exercise(
        1 - (1 - months).prod(),
        unit="share",
        within=0.0005,
        mistakes=[
            Mistake(months.sum(), "you added the months: somebody who left in one is lost again in the next."),
            Mistake((1 - months).prod(), "this is the share that stays for the year. Who leaves?"),
            Mistake(months.mean(), "this is the average month. What has to be multiplied?"),
            Mistake(months.prod(), "you multiplied the shares that leave. Which shares go on from month to month?"),
            Mistake(
                found["numerator"].sum() / found["denominator"].iloc[0],
                "you divided all losses by those of the first month. Some who left came later: were they in it?",
            ),
            Mistake(whole, "this is measured on those of a year ago. Here it is asked of the chain of months."),
        ],
        because="It lies below twelve times a month, and the more so the more people leave.",
    )
