"""Who moved from which segment to which, between moments."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd

from crmkit.engine.intervals import wilson
from crmkit.errors import UsageError

ABSENT = "(not there)"
"""The segment of customers who are known at one of two moments only."""


def segment_movement(moments: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count the customers who went from each segment at one moment to each segment at the next.

    Parameters
    ----------
    moments : mapping of str to DataFrame
        What each moment is called, in their order, to `customer_id` and `segment`, one row a customer.

    Returns
    -------
    DataFrame
        One row for each way that somebody took: `before`, `after` (names of moments), `from`, `to`, `customers`,
        `share` (of those in `from` before), `low`, `high` (its 95% Wilson interval). Who is known at one of the two
        moments only comes from, or goes to, "(not there)": so the rows add up to everyone.

    Raises
    ------
    UsageError
        Where there are fewer than two moments, a column is missing, or a customer has two rows.

    Examples
    --------
    >>> before = pd.DataFrame({"customer_id": list("abc"), "segment": ["Loyal", "Loyal", "New"]})
    >>> after = pd.DataFrame({"customer_id": list("abcd"), "segment": ["Loyal", "At risk", "Loyal", "New"]})
    >>> segment_movement({"June": before, "July": after})[["from", "to", "customers", "share"]].values.tolist()
    [['Loyal', 'At risk', 1, 0.5], ['Loyal', 'Loyal', 1, 0.5], ['New', 'Loyal', 1, 1.0], ['(not there)', 'New', 1, 1.0]]
    """
    if len(moments) < 2:
        raise UsageError("Movement needs at least two moments.")
    series = {name: _one_each(name, frame) for name, frame in moments.items()}
    parts, names = [], list(series)
    for before, after in itertools.pairwise(names):
        both = pd.DataFrame({"from": series[before], "to": series[after]}).astype(object)
        both = both.where(both.notna(), ABSENT)
        counted = both.groupby(["from", "to"], sort=True).size().rename("customers").reset_index()
        counted.insert(0, "before", before)
        counted.insert(1, "after", after)
        parts.append(counted)
    moved = pd.concat(parts, ignore_index=True)
    whole = moved.groupby(["before", "from"])["customers"].transform("sum")
    moved["share"] = moved["customers"] / whole
    low, high = wilson(moved["customers"].to_numpy(float), whole.to_numpy(float))
    moved["low"], moved["high"] = low, high
    absent = moved["from"] == ABSENT
    place = moved["before"].map({name: at for at, name in enumerate(names)})
    order = np.lexsort([moved["to"].astype(str), moved["from"].astype(str), absent, place])
    return moved.iloc[order].reset_index(drop=True)


def _one_each(name: str, frame: pd.DataFrame) -> pd.Series:
    if missing := [column for column in ("customer_id", "segment") if column not in frame]:
        raise UsageError(f"The segments of {name} lack the column {missing[0]}.")
    if frame["customer_id"].duplicated().any():
        twice = frame.loc[frame["customer_id"].duplicated(), "customer_id"].iloc[0]
        raise UsageError(f"The segments of {name} have customer {twice!r} twice; one row each is needed.")
    return frame.set_index("customer_id")["segment"]
