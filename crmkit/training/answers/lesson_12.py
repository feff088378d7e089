"""Lesson 12, experiments."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmkit.methods.experiment_tests import means_differ
from crmkit.training.exercises import Exercise, Mistake, exercise

BOUND = 1.96
DEALS = 1000
DAYS = 10
SEED = 0
CUSTOMERS = 1000
COST = 1.5
QUARTER = "2026-Q1"


def _trial(crm, name: str) -> pd.DataFrame:
    rows = crm.experiments.to_pandas()
    return rows[rows["experiment_id"] == name].sort_values("assigned_at", ignore_index=True)


@exercise("12.1")
def difference_of_shares(crm):
    """By how much more of the treated converted."""
    rows = _trial(crm, "EXP-1")
    found = rows.groupby("variant")["converted"].agg(["mean", "sum"])
    other = _trial(crm, "EXP-2").groupby("variant")["converted"].mean()
    both = crm.experiments.to_pandas().groupby("variant")["converted"].mean()
    treated, base = found["mean"]["treatment"], found["mean"]["control"]
    more = found["sum"]["treatment"] - found["sum"]["control"]
    return Exercise(
        treated - base,
        unit="share",
        within=0.0005,
        mistakes=[
            Mistake(
                treated / base - 1,
                "this is the rise as a part of what it was. Which share is left when one is taken off?",
            ),
            Mistake(treated / base, "you divided the shares. What is the *difference* between them?"),
            Mistake(more, "these are customers. How many were asked in each group?"),
            Mistake(more / len(rows), "you divided by the customers of both groups. How many are in one?"),
            Mistake(other["treatment"] - other["control"], "this is EXP-2. Which one is asked for?"),
            Mistake(both["treatment"] - both["control"], "you mixed two experiments. Which one is asked for?"),
            Mistake(base, "this is the share of the control group. How much higher is that of the treated?"),
            Mistake(treated, "this is the share of the treated. With what do you compare it?"),
        ],
        because="In percentage points: some tell it as a rise by nearly half, which says nothing of how many buy.",
    )


def _deals(rows: pd.DataFrame) -> np.ndarray:
    """Return z of each evening (columns) in experiments without an effect (rows)."""
    rng = np.random.default_rng(SEED)
    bought, got = rows["converted"].to_numpy(float), (rows["variant"] == "treatment").to_numpy()
    so_far = [(rows["assigned_at"].dt.day <= day).to_numpy() for day in range(1, DAYS + 1)]
    made = []
    for _ in range(DEALS):
        dealt, found = rng.permutation(got), []
        for until in so_far:
            one, other, share = bought[until & dealt], bought[until & ~dealt], bought[until].mean()
            error = np.sqrt(share * (1 - share) * (1 / len(one) + 1 / len(other)))
            found.append((one.mean() - other.mean()) / error)
        made.append(found)
    return np.array(made)


@exercise("12.2")
def false_alarms(crm):
    """The share of experiments without an effect that look significant on any evening."""
    deals = _deals(_trial(crm, "EXP-2"))
    beyond = np.abs(deals) > BOUND
    return Exercise(
        beyond.any(axis=1).mean(),
        unit="share",
        within=0.0005,
        mistakes=[
            Mistake(beyond[:, -1].mean(), "this is whoever looks once, at the end. What of the other evenings?"),
            Mistake(beyond.mean(), "this is the share of *evenings*. In how many experiments is there at least one?"),
            Mistake(beyond[:, 0].mean(), "this is the first evening alone. Who stops on the fourth is deceived, too."),
            Mistake(beyond.sum() / len(deals), "you counted an experiment once for each bad evening. Count it once."),
            Mistake((deals > BOUND).any(axis=1).mean(), "you counted effects upwards only. What of those downwards?"),
            Mistake((deals < -BOUND).any(axis=1).mean(), "you counted effects downwards only. What of those upwards?"),
            Mistake(
                beyond.any(axis=0).mean(),
                "you asked of each evening whether anybody was deceived on it. What is a row, and what a column?",
            ),
            Mistake(beyond.any(axis=1).sum(), "this is how many of them. Which share of the thousand?"),
            Mistake(beyond.all(axis=1).mean(), "you ask for all evenings. How many does it take to stop?"),
            Mistake(
                1 - 0.95**DAYS,
                "this holds for ten separate experiments. Here each evening's customers are those of the evening "
                "before and some more.",
            ),
        ],
        because="Several times the one in twenty that was promised, and it grows with each look.",
    )


@exercise("12.3")
def lowest_worth(crm):
    """The lowest worth that fits the interval, in margin, after the cost."""
    rows = _trial(crm, "EXP-1")
    sides = [rows.loc[rows["variant"] == name, "value"] for name in ("treatment", "control")]
    told = means_differ(*sides)
    margin = crm.measure("gross_margin", period=QUARTER, intervals=False)["value"].item()

    def result(each: float) -> float:
        return CUSTOMERS * (each - COST)

    return Exercise(
        result(told["low"] * margin),
        unit="money",
        within=2.0,
        mistakes=[
            Mistake(result(told["low"]), "you set revenue against a cost. What does the company keep of the revenue?"),
            Mistake(result(told["difference"] * margin), "this is the middle. Which end of the interval is asked for?"),
            Mistake(result(told["high"] * margin), "this is the upper end of the interval. Which is asked for?"),
            Mistake(told["low"] * margin - COST, "this is the result for one customer. For how many is it asked?"),
            Mistake(CUSTOMERS * told["low"] * margin, "the cost is still to be paid."),
            Mistake(result(told["low"]) * margin, "you took the margin of the cost, too. The cost is paid in full."),
            Mistake(result(told["difference"]), "this is revenue, and the middle of the interval."),
        ],
        because="It may lose money, though the effect is far from chance.",
    )
