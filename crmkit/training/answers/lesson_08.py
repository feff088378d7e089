"""Lesson 8, service and satisfaction."""

from __future__ import annotations

import pandas as pd

from crmkit.training.exercises import Exercise, Mistake, exercise

LONGEST = 48
WITHIN = 96
ENOUGH = 20


@exercise("8.1")
def business_hours(crm):
    """Business hours from a Friday afternoon to a Monday morning, by the hours of the company."""
    opened, resolved = pd.Timestamp("2026-09-11 15:00"), pd.Timestamp("2026-09-14 10:30")
    days = crm.config.hours.days
    monday, friday = [begin / 3600 for begin in days[0]], [end / 3600 for end in days[4]]
    before, after = opened.hour + opened.minute / 60, resolved.hour + resolved.minute / 60
    whole = (resolved - opened).total_seconds() / 3600
    return Exercise(
        friday[1] - before + after - monday[0],
        unit="hours",
        within=0.01,
        mistakes=[
            Mistake(whole, "these are the hours of the calendar, nights and the weekend too. When is the desk open?"),
            Mistake(
                monday[1] - before + after - monday[0], "you let Friday end with the other days. When does it close?"
            ),
            Mistake(whole - 48, "you left the weekend out. Is anybody there at night?"),
            Mistake(after - monday[0], "this is Monday alone. How long was the desk still open on Friday?"),
            Mistake(friday[1] - before, "this is Friday alone. What did Monday add?"),
            Mistake(
                friday[1] - before + 2 + 0.3,  # 2 h 30 min
                "you wrote 2 hours and 30 minutes with a point. Which part of an hour are 30 minutes?",
            ),
            Mistake(friday[1] - before + after, "you count Monday from midnight. When does the desk open?"),
        ],
        because="For the customer it was nearly three days, for the team less than half of one. Say which you mean.",
    )


@exercise("8.2")
def share_in_time(crm):
    """Of the desk's tickets opened in September and watched long enough, the share resolved within 96 hours."""
    tickets = crm.tickets.to_pandas().assign(hours=_hours)
    end = pd.Timestamp(crm.as_of)
    piled = (tickets["opened_at"] >= "2026-07-01") & (tickets["hours"] > LONGEST)
    desk = tickets.assign(hours=tickets["hours"].mask(piled))
    opened = desk[desk["opened_at"] >= "2026-09-01"]
    old = opened["opened_at"] <= end - pd.Timedelta(hours=WITHIN)
    watched, before = opened[old], tickets.loc[opened.index][old]
    june = desk[desk["opened_at"].between("2026-06-01", "2026-07-01")]
    return Exercise(
        (watched["hours"] <= WITHIN).mean(),
        unit="share",
        within=0.001,
        mistakes=[
            Mistake(
                (watched["hours"].dropna() <= WITHIN).mean(),
                "you asked only the resolved. What of those who still wait?",
            ),
            Mistake(
                (opened["hours"] <= WITHIN).mean(),
                "tickets of the last days are in it. How long have they been watched?",
            ),
            Mistake(
                (before["hours"] <= WITHIN).mean(), "this is the company without the pile. Which frame is the desk?"
            ),
            Mistake((watched["hours"].isna()).mean(), "this is the share that still waits. What is asked for?"),
            Mistake((june["hours"] <= WITHIN).mean(), "this is June. Which month is asked for?"),
            Mistake((watched["hours"] <= WITHIN).sum(), "this is how many were resolved in time. Of how many?"),
        ],
        because="Compare it with June: here the pile shows, and it can't be hidden in the denominator.",
    )


def _hours(tickets: pd.DataFrame) -> pd.Series:
    return (tickets["resolved_at"] - tickets["opened_at"]).dt.total_seconds() / 3600


@exercise("8.3")
def within_agents(crm):
    """The mean difference of satisfaction between slow and quick cases of the same agent."""
    from crmkit.methods.satisfaction import answered_cases

    cases = answered_cases(crm)
    cases["slow"] = cases["delay"] >= 1
    agents = cases.groupby(["agent_id", "slow"])["satisfied"].agg(["mean", "size"]).unstack()
    apart = agents["mean"][True] - agents["mean"][False]
    enough = (agents["size"] >= ENOUGH).all(axis=1)
    theirs = cases[cases["agent_id"].isin(agents.index[enough])]
    return Exercise(
        apart[enough].mean(),
        unit="share",
        within=0.003,  # weighted by cases it is nearly the same
        mistakes=[
            Mistake(_apart(cases), "this is the difference over all cases: slow agents and slow cases mixed."),
            Mistake(apart.mean(), "agents with a few quick or slow cases are in it. Which have at least 20 of each?"),
            Mistake(
                apart[agents["size"][True] >= ENOUGH].mean(),
                "you asked for 20 slow cases only. Whose quick cases are next to none?",
            ),
            Mistake(
                apart[agents["size"][False] >= ENOUGH].mean(),
                "you asked for 20 quick cases only. Whose slow cases are next to none?",
            ),
            Mistake(
                _apart(theirs),
                "the right agents, put together: the slow cases come from some of them and the quick from others.",
            ),
            Mistake(-apart[enough].mean(), "the right size with the other sign. Slow less quick is asked for."),
            Mistake(agents["mean"][True][enough].mean(), "this is how many are satisfied if slow. Less what?"),
            Mistake(agents["mean"][False][enough].mean(), "this is how many are satisfied if quick. And if slow?"),
        ],
        because="About half of the difference over all cases. Was the rest the agents? See the next cell.",
    )


def _apart(cases: pd.DataFrame) -> float:
    """Return the share satisfied of slow cases less that of quick ones."""
    shares = cases.groupby("slow")["satisfied"].mean()
    return shares[True] - shares[False]
