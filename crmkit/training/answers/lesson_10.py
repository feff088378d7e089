"""Lesson 10, predicting who leaves."""

from __future__ import annotations

from functools import lru_cache

from crmkit.models.churn import ChurnModel
from crmkit.models.churn_panel import churn_panel
from crmkit.training.exercises import Exercise, Mistake, exercise

FEATURES = ["tenure_days", "contract", "mrr", "satisfaction", "contacts_quarter", "tickets_half"]
CALLS = 57
COST, LETTER, KEEPS, VALUE = 30, 15, 0.25, 600


@lru_cache(maxsize=1)
def _test(crm):
    """Return the customers of the last cut-off with the risks of a model that learned from those before."""
    panel = churn_panel(crm, features=FEATURES)
    last = panel["cutoff"].max()
    past, test = panel[panel["cutoff"] < last], panel[panel["cutoff"] == last].copy()
    model = ChurnModel().fit(past[FEATURES], past["churned"], past["customer_id"])
    return test.assign(risk=model.predict_proba(test[FEATURES])[:, 1])


@exercise("10.1")
def found_by_calls(crm):
    """Of all who left, the share among those with the highest risk."""
    test = _test(crm)
    called, left = test.nlargest(CALLS, "risk")["churned"], test["churned"].sum()
    above = test.loc[test["risk"] > 0.5, "churned"]
    return Exercise(
        called.sum() / left,
        unit="share",
        mistakes=[
            Mistake(called.mean(), "this is the share of those called who left. Of whom is the share asked for?"),
            Mistake(called.sum(), "this is how many of them left. Of how many in all?"),
            Mistake(called.sum() / len(test), "you divided by all customers. How many of them left?"),
            Mistake(
                test.nsmallest(CALLS, "risk")["churned"].sum() / left,
                "these are the ones with the lowest risk. At which end does one begin to call?",
            ),
            Mistake(
                above.sum() / left, "these are the ones above one half. How many can be called, and who comes next?"
            ),
            Mistake(
                test.head(CALLS)["churned"].sum() / left,
                "these are the first rows of the table. In which order do they stand there?",
            ),
            Mistake(CALLS / len(test), "this is what calls by lot would find. Whom does the model put first?"),
            Mistake(
                called.mean() / test["churned"].mean(),
                "this is the lift: how many times as often they left as all. Which share is asked for?",
            ),
        ],
        because="Calls by lot would have found a tenth.",
    )


@exercise("10.2")
def reason_of_those_who_stayed(crm):
    """At the first cut-off, the share of those who stayed that has a reason for leaving."""
    panel = churn_panel(crm, features=FEATURES)
    reasons = crm.customers.to_pandas().set_index("customer_id")["lost_reason"]
    given = panel.assign(reason=panel["customer_id"].map(reasons).notna())
    first = given[given["cutoff"] == given["cutoff"].min()]
    stayed = first["churned"] == 0
    return Exercise(
        first.loc[stayed, "reason"].mean(),
        unit="share",
        mistakes=[
            Mistake(first.loc[~stayed, "reason"].mean(), "these are the ones who left. Who stayed?"),
            Mistake(first["reason"].mean(), "these are all of the cut-off. Who of them stayed?"),
            Mistake(first.loc[stayed, "reason"].sum(), "this is how many they are; a share of whom?"),
            Mistake(
                given.loc[given["churned"] == 0, "reason"].mean(),
                "these are the ones who stayed at any cut-off. Which one is asked for?",
            ),
            Mistake(
                (stayed & first["reason"]).sum() / len(first),
                "you divided by all of the cut-off. By whom is a share of those who stayed divided?",
            ),
            Mistake(
                (stayed & first["reason"]).sum() / first["reason"].sum(),
                "you divided by those with a reason. By whom is a share of those who stayed divided?",
            ),
            Mistake(
                given.loc[(given["churned"] == 0) & (given["cutoff"] == given["cutoff"].max()), "reason"].mean(),
                "this is the last cut-off, after which the data ends. Which one is asked for?",
            ),
        ],
        because="On that day nobody could know it: the column comes from later.",
    )


@exercise("10.3")
def brought_by_letters(crm):
    """What a cheaper offer would have brought to those for whom it pays, with who really left."""
    test = _test(crm)
    came = test["churned"] * KEEPS * VALUE - LETTER
    pays = test["risk"] > LETTER / (KEEPS * VALUE)
    old = test["risk"] > COST / (KEEPS * VALUE)
    return Exercise(
        came[pays].sum(),
        unit="money",
        mistakes=[
            Mistake(
                (test.loc[pays, "risk"] * KEEPS * VALUE - LETTER).sum(),
                "this is what the model promised. What did those bring who really left?",
            ),
            Mistake(came[old].sum(), "these are the customers for whom the call paid. For whom does the letter pay?"),
            Mistake(
                (test.loc[old, "churned"] * KEEPS * VALUE - COST).sum(),
                "this is what the calls brought. What changes with the price of an offer?",
            ),
            Mistake(
                (test.loc[pays, "churned"] * KEEPS * VALUE - COST).sum(),
                "the right customers, at the price of a call. What does a letter cost?",
            ),
            Mistake(came[test["risk"] > 0.5].sum(), "you cut at one half. Where does money put the threshold?"),
            Mistake(came.sum(), "you sent it to everybody. For whom does it not pay?"),
            Mistake((came[pays] + LETTER).sum(), "the letters themselves are not paid for yet. How many were sent?"),
            Mistake(
                (test.loc[pays, "churned"] * VALUE - LETTER).sum(),
                "here each letter kept everybody who would leave. How many of them does it keep?",
            ),
        ],
        because="A cheaper offer goes to more people; the model and its order are the same.",
    )
