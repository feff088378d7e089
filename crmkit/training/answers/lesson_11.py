"""Lesson 11, segments."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmkit.methods.segment_features import segment_features
from crmkit.models.segments import CustomerSegments
from crmkit.training.exercises import Exercise, Mistake, exercise

DAYS = (3, 12, 12, 60, 200)
ASKED = 12
CLASSES = 5
SEGMENTS = 4
MOMENT = "2025-09-30"
BUYING = ("orders", "order_value", "recency")
SEED = 3


@exercise("11.1")
def score_of_equals(crm):
    """The recency score of two customers who are equal."""
    worse, better = sum(other > ASKED for other in DAYS), sum(other < ASKED for other in DAYS)
    equal = DAYS.count(ASKED)

    def score(behind: int) -> int:
        return 1 + CLASSES * behind // len(DAYS)

    return Exercise(
        score(worse),
        within=0.01,
        mistakes=[
            Mistake(
                score(better), "you counted those with fewer days as worse. Who is better: 3 days ago or 200 days ago?"
            ),
            Mistake(
                score(worse + equal - 1),
                "you let one of the two equals count as worse than the other. Who is *strictly* worse?",
            ),
            Mistake(
                score(worse + equal), "you counted those with the same days, and so each of the two as worse than both."
            ),
            Mistake(worse / len(DAYS), "this is the share who do worse. How does it become one of five classes?"),
            Mistake((score(worse) + score(worse + 1)) / 2, "a mean of two places is none of the five classes."),
        ],
        because="Both have it, wherever they stand in the file.",
    )


@exercise("11.2")
def share_of_the_spread(crm):
    """Of the sum of variances, that of the order value."""
    features = segment_features(crm, of=BUYING)
    spread, wide, mean = features.var(), features.std(), features.mean()
    value = "order_value"
    thousand = features.assign(order_value=features[value] / 1000)
    return Exercise(
        spread[value] / spread.sum(),
        unit="share",
        within=0.002,
        mistakes=[
            Mistake(wide[value] / wide.sum(), "you took standard deviations. A distance adds up squares: which are?"),
            Mistake(mean[value] / mean.sum(), "you took means. Does it matter how large a number is, or how uneven?"),
            Mistake(1.0, "this would be all of it. What do the other two columns have?"),
            Mistake(1 / len(spread), "this is what each column has after scaling. What has it before?"),
            Mistake(
                thousand.var()[value] / thousand.var().sum(),
                "this is its share in thousands of euros. In which unit is it asked for?",
            ),
            Mistake(
                spread["recency_days"] / spread.sum(),
                "this is the share of the days. Which column is asked for?",
            ),
            Mistake(spread[value], "this is the variance itself; a share is a part of something. Of what?"),
        ],
        because="k-means sees one column, and you believe that it has seen three.",
    )


def _gap(features: pd.DataFrame, came_back: pd.Series) -> tuple[pd.Series, float]:
    labels = CustomerSegments(k=SEGMENTS).fit(features).labels_
    shares = came_back.reindex(features.index).groupby(labels).mean()
    return shares, shares.max() - shares.min()


@exercise("11.3")
def difference_in_the_year_after(crm):
    """The largest difference between segments in the share who ordered in the year after."""
    then = segment_features(crm, as_of=MOMENT, of=BUYING)
    now = segment_features(crm, of=BUYING)
    orders = crm.orders.to_pandas()
    late = orders[(orders["amount"] >= 0) & (orders["ordered_at"] >= pd.Timestamp(MOMENT) + pd.Timedelta(days=1))]
    came_back = pd.Series(now.index.isin(late["customer_id"]), index=now.index)
    rng = np.random.default_rng(SEED)
    dealt = pd.DataFrame({name: rng.permutation(then[name]) for name in then}, index=then.index)
    shares, gap = _gap(then, came_back)
    return Exercise(
        gap,
        unit="share",
        within=0.002,
        mistakes=[
            Mistake(
                _gap(now, came_back)[1],
                "these segments were made with all orders up to today, so with those of the year after, too. What was "
                "known then?",
            ),
            Mistake(_gap(dealt, came_back)[1], "these are the customers that were dealt out. Which are the real ones?"),
            Mistake(shares.max(), "this is the highest share. By how much does it differ from the lowest?"),
            Mistake(shares.min(), "this is the lowest share. By how much does the highest differ from it?"),
            Mistake(shares.max() - came_back.reindex(then.index).mean(), "you compared the highest with everybody."),
            Mistake(shares.std(), "this is the standard deviation of the shares; take two of them."),
        ],
        because="Far more than by chance: in the dealt-out customers the segments hardly differ.",
    )
