"""Comparing two periods: how much a metric changed, and whether that is more than noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmkit.engine import intervals
from crmkit.engine.measure import measure_both
from crmkit.metric import find
from crmkit.periods import Period

COLUMNS = ["value", "low", "high", "n", "previous", "previous_low", "previous_high", "previous_n"]


def compare(
    crm,
    metrics: str | Sequence[str],
    *,
    period: str | Period,
    against: str | Period,
    by: str | Sequence[str] = (),
    **options: Any,
) -> pd.DataFrame:
    """Compare metrics in one period with the same in another.

    Parameters
    ----------
    crm : Crm
    metrics : str or list of str
    period, against : str or Period
        The later and the earlier period.
    by : str or list of str
    **options
        Options of the metrics.

    Returns
    -------
    DataFrame
        One row a metric and group: `metric`, the groups, `value`, `low`, `high`, `n`, the same as `previous…`,
        `change`, `change_low`, `change_high` (95% interval of the difference, where both have one), `verdict` (rose,
        fell, no change beyond noise, or "" where there is no interval) and `note`. The two periods are taken as
        independent.

    Source
    ------
    G. Y. Zou and A. Donner (2008), Statistics in Medicine 27, 1693-1702.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": list("abc"),
    ...     "created_at": ["2026-01-01", "2026-02-01", "2026-02-02"]}})
    >>> compare(crm, "leads", period="2026-02", against="2026-01")[["value", "previous", "change"]].values.tolist()
    [[2.0, 1.0, 1.0]]
    """
    groups = [by] if isinstance(by, str) else list(by)
    new, old = measure_both(crm, metrics, period=period, against=against, by=groups, **options)
    keys = ["metric", *groups]
    kept = ["value", "low", "high", "n"]
    both = new.drop(columns="period").merge(
        old[keys + kept].rename(columns={"value": "previous", **{name: f"previous_{name}" for name in kept[1:]}}),
        on=keys,
        how="outer",
        validate="one_to_one",
    )
    order = {name: place for place, name in enumerate(dict.fromkeys(new["metric"]))}
    both = both.sort_values(keys, key=lambda c: c.map(order) if c.name == "metric" else c, ignore_index=True)
    both["note"] = both["note"].fillna("not there in this period")
    both = with_change(both)[[*keys, *COLUMNS, "change", "change_low", "change_high", "verdict", "note"]]
    both.attrs |= {"as_of": crm.as_of, "currency": crm.config.currency}
    return both


def with_change(both: pd.DataFrame) -> pd.DataFrame:
    """Add the change, its interval and a verdict to a frame with `value` and `previous` and their intervals."""
    both = both.copy()
    numbers = [both[name].to_numpy(float) for name in ("value", "low", "high")]
    before = [both[name].to_numpy(float) for name in ("previous", "previous_low", "previous_high")]
    both["change"] = numbers[0] - before[0]
    both["change_low"], both["change_high"] = intervals.difference(*numbers, *before)
    known = both["change_low"].notna() & both["change_high"].notna()
    verdict = np.select(
        [known & (both["change_low"] > 0), known & (both["change_high"] < 0), known],
        ["rose", "fell", "no change beyond noise"],
        default="",
    )
    both["verdict"] = verdict.astype(object)
    return both


def is_good(metric: str, change: float) -> bool | None:
    """Tell whether a change is in the better direction; None where there is none, or none is better."""
    better = find(metric).better
    if not better or not np.isfinite(change) or change == 0:
        return None
    return (change > 0) == (better == "up")
