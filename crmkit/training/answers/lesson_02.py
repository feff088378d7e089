"""Lesson 2, asking customers."""

from __future__ import annotations

from crmkit.training.exercises import Exercise, Mistake, exercise

QUARTER = "2026-Q3"


def _answers(crm):
    found = crm.measure(["promoters", "passives", "detractors"], period=QUARTER, intervals=False)
    return found.set_index("metric")["value"]


@exercise("2.1")
def share_of_passives(crm):
    """Of all answers of a quarter, the share that is passive."""
    found = _answers(crm)
    return Exercise(
        found["passives"] / found.sum(),
        unit="share",
        mistakes=[
            Mistake(found["passives"], "this is how many passives there are; a share is a part of something. Of what?"),
            Mistake(
                found["passives"] / (found["promoters"] + found["detractors"]),
                "you divided by promoters and detractors. Passives answered, too: how many answers are there in all?",
            ),
            Mistake(found["promoters"] / found.sum(), "this is the share of promoters. Who answers 7 or 8?"),
            Mistake(found["detractors"] / found.sum(), "this is the share of detractors. Who answers 7 or 8?"),
        ],
        because="Whoever turns one of them into a promoter moves the score half as far as with a detractor.",
    )


@exercise("2.2")
def least_certain_segment(crm):
    """The segment whose score has the widest interval."""
    found = crm.measure("nps", period=QUARTER, by="segment").set_index("segment")
    return Exercise(
        (found["high"] - found["low"]).idxmax(),
        mistakes=[
            Mistake(found["value"].idxmin(), "this segment has the lowest score. What makes a score uncertain?"),
            Mistake(found["value"].idxmax(), "this segment has the highest score. What makes a score uncertain?"),
        ],
        because="It has the fewest answers; the width goes with the square root of their number.",
    )


@exercise("2.3")
def score_of_scores(crm):
    """The company's score from those of the industries."""
    found = crm.measure("nps", period=QUARTER, by="industry", intervals=False)
    return Exercise(
        (found["value"] * found["n"]).sum() / found["n"].sum(),
        unit="points",
        within=0.05,
        mistakes=[
            Mistake(found["value"].mean(), "this is the mean of the column: the trap. Which industry counts too much?"),
            Mistake(found["value"].median(), "the median of the industries also lets each of them count alike."),
            Mistake(
                (found["value"] * found["n"]).sum() / len(found),
                "the scores are weighted, and then divided by how many industries there are. Divide by the weights.",
            ),
            Mistake((found["value"] * found["n"]).sum(), "the scores are weighted; now divide by the sum of weights."),
        ],
        because="Weighted by their answers, scores of groups are the score of all answers.",
    )
