"""Lesson 4, cohorts and survival."""

from __future__ import annotations

from crmkit.training.exercises import Exercise, Mistake, exercise


def _triangle(crm):
    from crmkit.methods.cohorts import cohorts

    return cohorts(crm, every="quarter")


@exercise("4.1")
def one_cell(crm):
    """The share of one cohort that is there at one age."""
    found = _triangle(crm)
    row = found[found["cohort"] == "2025-01-01"].set_index("age")
    column = found[found["age"] == 4].set_index("cohort")["value"]
    return Exercise(
        row.loc[4, "value"],
        unit="share",
        within=0.001,
        mistakes=[
            Mistake(row.loc[3, "value"], "this is the age of 3: ages begin at 0, the quarter in which they came."),
            Mistake(row.loc[5, "value"], "this is the age of 5: ages begin at 0, the quarter in which they came."),
            Mistake(row.loc[4, "numerator"], "this is how many there are. Of how many who came?"),
            Mistake(column["2024-01-01"], "this is the cohort of a year before. Which came in 2025?"),
            Mistake(
                row.loc[4, "value"] / row.loc[3, "value"],
                "you compared with the quarter before; the share is asked of all who came.",
            ),
            Mistake(column["2025-04-01"], "this is the cohort of April to June. Which came in the first quarter?"),
        ],
        because="It is the first age at which contracts of a year have ended.",
    )


@exercise("4.2")
def those_old_enough(crm):
    """The share at one age over the cohorts that have reached it."""
    found = _triangle(crm)
    at_four = found[found["age"] == 4]
    old = at_four[at_four["known"]]
    return Exercise(
        old["numerator"].sum() / old["n"].sum(),
        unit="share",
        within=0.0005,
        mistakes=[
            Mistake(
                old["numerator"].sum() / at_four["n"].sum(),
                "this is the trap: cohorts that are too young stand in the denominator. Which have reached age 4?",
            ),
            Mistake(
                old["value"].mean(), "this is the mean of the cells: a small cohort counts as much as a large one."
            ),
            Mistake(at_four["value"].fillna(0).mean(), "the blanks count as zeros here. What is known of them?"),
            Mistake(
                old["numerator"].sum() / (old["n"].sum() + at_four.loc[~at_four["known"], "n"].iloc[0]),
                "one cohort too many is in the denominator. When does the youngest of yours reach age 4?",
            ),
            Mistake(
                old["numerator"].iloc[:-1].sum() / old["n"].iloc[:-1].sum(),
                "a cohort that has just reached age 4 is left out. Which is the youngest that is known?",
            ),
            Mistake(old["value"].iloc[-1], "this is the last cohort that is known, alone."),
            Mistake(old["value"].iloc[0], "this is the first cohort alone."),
        ],
        because="It doesn't change because young cohorts join, only when customers behave otherwise.",
    )


@exercise("4.3")
def median_survival(crm):
    """The day at which the survival curve reaches one half."""
    from crmkit.methods.lifetimes import customer_survival

    curve = customer_survival(crm)
    gone = crm.customers.to_pandas().dropna(subset=["acquired_at", "lost_at"])
    days = (gone["lost_at"] - gone["acquired_at"]).dt.days
    right = curve.loc[curve["survival"] <= 0.5, "time"].min()
    others = [
        Mistake(days.median(), "this is the median of those who have left. Who is missing among them?"),
        Mistake(days.mean(), "this is the mean of those who have left. Who is missing among them?"),
        Mistake(curve["time"].median(), "this is the middle of the list of times, not of the customers."),
        Mistake(
            curve.loc[curve["survival"] > 0.5, "time"].min(),
            "this is the first day of all. Where does it fall to half?",
        ),
        Mistake(curve.loc[curve["survival"] <= 0.5, "time"].max(), "this is the last day that was seen at all."),
    ]
    return Exercise(
        right,
        unit="days",
        within=1.5,
        mistakes=others,
        because="Whoever has left so far is no fair sample of who will.",
    )
