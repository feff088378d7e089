"""A company of any size in which customers were entered twice, and how well and how fast they are found again."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable

import numpy as np

from crmkit.methods.duplicates import duplicates
from crmkit.sample.company import found
from crmkit.sample.duplicates import plant
from crmkit.sample.tables import everything
from crmkit.sample.world import World


def company(customers: int, seed: int):
    """Return the customers of the sample company with some entered twice, as a frame, and the truth."""
    tables = dict(itertools.islice(everything(found(World(customers=customers, seed=seed))), 1))
    planted, truth = plant(tables, np.random.default_rng(seed))
    return planted["customers"].to_pandas(), truth


def _pairs(groups: Iterable[Iterable[str]]) -> set[frozenset[str]]:
    return {frozenset(pair) for group in groups for pair in itertools.combinations(group, 2)}


def measured(customers: int, seed: int = 3) -> dict[str, float]:
    """Return precision and recall of the pairs, seconds by the clock and of the processors, and the pairs compared.

    Names repeat: the sample has but some hundred of them a country, so that ten firms in a hundred thousand have the
    same name in the same city, and thirty people. That is harder than most companies are.
    """
    frame, truth = company(customers, seed)
    wanted = _pairs(each["ids"] for each in truth["duplicates"])
    start, work = time.perf_counter(), time.process_time()
    result = duplicates(frame)
    seconds, work = time.perf_counter() - start, time.process_time() - work
    got = _pairs(group["id"] for _, group in result.clusters.groupby("cluster"))
    return {
        "records": len(frame),
        "planted": len(wanted),
        "precision": len(got & wanted) / max(len(got), 1),
        "recall": len(got & wanted) / len(wanted),
        "seconds": seconds,
        "work": work,
        "compared": result.compared,
    }
