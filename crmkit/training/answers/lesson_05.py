"""Lesson 5, the pipeline."""

from __future__ import annotations

from crmkit.training.exercises import Exercise, Mistake, exercise

QUARTER = "2026-Q3"


@exercise("5.1")
def win_rate_by_hand(crm):
    """Of the deals closed in a quarter, the share won."""
    deals = crm.opportunities.to_pandas()
    start, end = "2026-07-01", "2026-10-01"
    closed = deals[(deals["closed_at"] >= start) & (deals["closed_at"] < end) & (deals["outcome"] != "open")]
    created = deals[(deals["created_at"] >= start) & (deals["created_at"] < end)]
    won, open_now = (closed["outcome"] == "won").sum(), (deals["outcome"] == "open").sum()
    decided = deals[deals["outcome"] != "open"]
    money = closed.groupby("outcome")["amount"].sum()
    return Exercise(
        won / len(closed),
        unit="share",
        within=0.001,
        mistakes=[
            Mistake(won / (len(closed) + open_now), "open deals stand in your denominator. What is known of them?"),
            Mistake((created["outcome"] == "won").mean(), "you took the deals created in the quarter, open ones too."),
            Mistake(
                (created.loc[created["outcome"] != "open", "outcome"] == "won").mean(),
                "these are the deals created in the quarter and decided since. Which were closed in it?",
            ),
            Mistake((deals["outcome"] == "won").mean(), "these are all deals of all years, the open ones too."),
            Mistake(won, "this is how many were won. Of how many that were decided?"),
            Mistake(won / len(created), "won is of those closed, and you divided by those created."),
            Mistake((decided["outcome"] == "won").mean(), "this is the rate of all years. Which quarter is asked for?"),
            Mistake(money["won"] / money.sum(), "this is the share of the money. Here every deal counts once."),
            Mistake(
                won / (len(closed) - won), "you divided won by lost: odds, not a share. Of how many decided deals?"
            ),
        ],
        because="It will be the same tomorrow: nothing that is still open is in it.",
    )


@exercise("5.2")
def a_shorter_cycle(crm):
    """What velocity gains from a cycle that is a tenth shorter."""
    velocity = crm.measure("sales_velocity", period=QUARTER, intervals=False)["value"].item()
    return Exercise(
        1 / 0.9 - 1,
        unit="share",
        within=0.0015,
        mistakes=[
            Mistake(
                0.1,
                "by this the cycle changes. Put both cycles into the formula, and compare the two velocities.",
            ),
            Mistake(
                -0.1, "velocity would fall by that if deals grew smaller. Where does the cycle stand in the formula?"
            ),
            Mistake(1 / 0.9, "this is the new velocity as a multiple of the old. By what share does it grow?"),
            Mistake(velocity / 0.9, "this is the new velocity itself. By what share is it more than the old?"),
            Mistake(velocity / 0.9 - velocity, "this is the growth in money a day. As a share of what?"),
            Mistake(1 / 1.1 - 1, "you made the cycle longer: what is a tenth less than 1?"),
            Mistake(1.1, "this multiplies by 1.1. What happens to a fraction whose lower part is 0.9 of what it was?"),
        ],
        because="It is arithmetic; whether rushed deals are won as often is a question for an experiment.",
    )


@exercise("5.3")
def days_from_the_mix(crm):
    """The part of the change of the mean cycle that comes from another mix of kinds."""
    parts = crm.explain("sales_cycle_days", period=QUARTER, against="2026-Q2", by="kind")
    whole = crm.measure("sales_cycle_days", period=QUARTER, intervals=False)["value"].item()
    largest = parts.loc[parts["mix"].abs().idxmax(), "mix"]
    return Exercise(
        parts["mix"].sum(),
        unit="days",
        within=0.004,
        mistakes=[
            Mistake(parts["rate"].sum(), "this comes from the groups themselves. Which column is the mix?"),
            Mistake(parts["effect"].sum(), "this is the whole change. Which part of it comes from the mix?"),
            Mistake(largest, "this is the part of one kind. What do all kinds add up to?"),
            Mistake(parts["mix"].mean(), "this is the mean of the kinds. Parts of a change are added up."),
            Mistake(
                parts["mix"].sum() / parts["effect"].sum(),
                "this is the mix as a share of the change. It is asked for in days.",
            ),
            Mistake(whole, "this is the cycle itself. What is asked for is a part of its change."),
        ],
        because="Mix and rate add up to the change; the smaller the mix, the more it is the groups themselves.",
    )
