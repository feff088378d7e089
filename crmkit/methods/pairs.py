"""Before and after in pairs: what each user, or other unit, did in two periods, and the ratio of the two.

Comparing the same people with themselves takes the differences between people out of the answer: a support desk that
does half as much as sales does not make the change uncertain.

Sources
-------
B. Efron and R. Tibshirani (1993), An Introduction to the Bootstrap, ch. 8 (units drawn with all that belongs to them).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import said
from crmkit.metric import find
from crmkit.periods import Period

REPLICATES = 2_000
FEWEST = 3
"""With fewer pairs nothing is said."""
_SEED = 20260712


def paired_change(
    crm, metric: str, *, before: str | Period, after: str | Period, by: str = "user_id", replicates: int = REPLICATES
) -> pd.DataFrame:
    """Compare a metric in two periods, unit by unit, with the ratio of its means and that ratio's interval.

    Parameters
    ----------
    crm : Crm
    metric : str
        A count, total or mean per unit, such as interactions_per_agent.
    before, after : str or Period
        Periods of any length: values are taken per day of the period where the metric grows with it (counts, money,
        hours, days, and ratios per user).
    by : str
        The column that names the units. Left out, and counted in `attrs["unpaired"]`: units that were measured in one
        of the two periods only.
    replicates : int
        Draws of the units.

    Returns
    -------
    DataFrame
        One row: `metric`, `before`, `after` (means per unit, in the metric's own unit for the length of `after`),
        `ratio`, `low`, `high` (95%, percentile bootstrap of the units), `n` (pairs). In `attrs` the pairs themselves as
        `pairs`.

    Raises
    ------
    NotInThisData
        Where the metric cannot be measured, or fewer than three units were there in both periods.

    Notes
    -----
    A change from before to after is not yet an effect: what else changed in the meantime is in it.

    Examples
    --------
    >>> import crmkit
    >>> users = {"user_id": list("abc"), "role": ["sales"] * 3}
    >>> acts = [(u, day) for u in "abc" for day in ["2026-01-05"] * 2 + ["2026-02-05"] * 3]
    >>> crm = crmkit.open({"users": users, "activities": {"activity_id": [str(i) for i in range(15)],
    ...     "kind": ["call"] * 15, "user_id": [u for u, _ in acts], "at": [at for _, at in acts]}}, as_of="2026-03-31")
    >>> found = paired_change(crm, "interactions_per_agent", before="2026-01-01/2026-01-29", after="2026-02")
    >>> found[["before", "after", "ratio", "low", "high", "n"]].values.tolist()
    [[2.0, 3.0, 1.5, 1.5, 1.5, 3.0]]
    """
    declared = find(metric)
    spans = [crm.period(period) for period in (before, after)]
    if spans[0].end > spans[1].start:
        raise UsageError(f"The period before, {spans[0].name}, must end before the period after, {spans[1].name}.")
    measured = [crm.measure(metric, period=span, by=by, intervals=False) for span in spans]
    for frame in measured:
        absent = frame["note"].str.startswith("not in this data: ")
        if absent.any():
            raise NotInThisData(f"{metric}: {frame.loc[absent, 'note'].iloc[0]}.")
    sides = [frame.set_index(by)["value"].dropna() for frame in measured]
    days = [span.days_known(crm.as_of) for span in spans]
    scale = days[1] / days[0] if declared.unit in ("count", "money", "hours", "days", "per_unit") else 1.0
    pairs = pd.concat({"before": sides[0] * scale, "after": sides[1]}, axis=1).dropna()
    unpaired = len(sides[0].index.union(sides[1].index)) - len(pairs)
    if len(pairs) < FEWEST:
        raise NotInThisData(f"{metric}: {len(pairs)} of {by} are in both periods; a comparison needs {FEWEST}.")
    ratio, low, high = _ratio(pairs.to_numpy(float), replicates)
    means = pairs.mean()
    row = {"metric": metric, "before": means["before"], "after": means["after"], "ratio": ratio, "low": low,
           "high": high, "n": len(pairs)}  # fmt: skip
    about = {"title": declared.title, "unit": declared.unit, "pairs": pairs.reset_index(), "unpaired": unpaired}
    return said(pd.DataFrame([row]), crm, **about)


def routine_time(crm, *, before: str | Period, after: str | Period, replicates: int = REPLICATES) -> pd.DataFrame:
    """Compare the minutes of routine work, kind by kind, before with after, and the hours that this saves.

    Parameters
    ----------
    crm : Crm
    before, after : str or Period
    replicates : int

    Returns
    -------
    DataFrame
        One row a kind, and one "all" in which each kind has the weight of its work in `after`: `kind`, `before`,
        `after` (mean minutes), `ratio`, `low`, `high` (95%, bootstrap of the pieces of work, of both periods), `n` (in
        `after`), `hours_saved`, `hours_low`, `hours_high` (in `after`). The hours of `hours_saved` hold the minutes
        before for known; here their uncertainty is in the interval, too.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"activities": {"activity_id": list("1234"), "kind": ["task"] * 4,
    ...     "at": ["2026-01-05", "2026-01-06", "2026-02-05", "2026-02-06"], "duration_minutes": [60, 60, 30, 30]}})
    >>> routine_time(crm, before="2026-01", after="2026-02")[["kind", "ratio", "hours_saved"]].values.tolist()
    [['task', 0.5, 1.0], ['all', 0.5, 1.0]]
    """
    from crmkit.methods.common import need, run
    from crmkit.relations import at

    need(crm, "routine_time", "activities")
    work = crm.relations.get("routine_work")
    spans = [crm.period(period) for period in (before, after)]
    sides = [
        run(work.filter((work["at"] >= at(one.start)) & (work["at"] < at(one.end))).select("kind", "minutes"))
        for one in spans
    ]
    kinds = sorted(set(sides[0]["kind"]) & set(sides[1]["kind"]))
    if not kinds:
        raise NotInThisData("routine_time: not in this data, no task or note with a duration is in both periods.")
    rng = np.random.default_rng(_SEED)
    drawn = {}
    for kind in kinds:
        minutes = [np.sort(side.loc[side["kind"] == kind, "minutes"].to_numpy(float)) for side in sides]
        drawn[kind] = [minutes, [_means(rng, one, replicates) for one in minutes]]
    rows = [_routine_row(kind, {kind: drawn[kind]}) for kind in kinds]
    return said(pd.DataFrame([*rows, _routine_row("all", drawn)]), crm, title="Minutes of routine work")


def _routine_row(name: str, drawn: dict) -> dict:
    """Return the row of some kinds together, each weighed by its number after."""
    count = {kind: len(minutes[1]) for kind, (minutes, _) in drawn.items()}
    whole = sum(count.values())
    value = [sum(count[k] * drawn[k][0][side].mean() for k in drawn) / whole for side in (0, 1)]
    draws = [sum(count[k] * drawn[k][1][side] for k in drawn) / whole for side in (0, 1)]
    low, high = np.percentile(draws[1] / draws[0], [2.5, 97.5])
    hours = np.percentile((draws[0] - draws[1]) * whole / 60, [2.5, 97.5])
    saved = (value[0] - value[1]) * whole / 60
    return {"kind": name, "before": value[0], "after": value[1], "ratio": value[1] / value[0], "low": low,
            "high": high, "n": whole, "hours_saved": saved, "hours_low": hours[0], "hours_high": hours[1]}  # fmt: skip


def _means(rng: np.random.Generator, values: np.ndarray, replicates: int) -> np.ndarray:
    """Return the means of samples drawn with replacement."""
    return np.array([values[rng.integers(0, len(values), len(values))].mean() for _ in range(replicates)])


def _ratio(pairs: np.ndarray, replicates: int) -> tuple[float, float, float]:
    """Return the ratio of the column's sums, with its interval when units are drawn with replacement."""
    pairs = pairs[np.lexsort(pairs.T)]
    rng = np.random.default_rng(_SEED)
    weights = rng.multinomial(len(pairs), np.full(len(pairs), 1 / len(pairs)), size=replicates)
    drawn = weights @ pairs
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(drawn[:, 0] > 0, drawn[:, 1] / drawn[:, 0], np.nan)
        ratio = pairs[:, 1].sum() / pairs[:, 0].sum() if pairs[:, 0].sum() else np.nan
    if not np.isfinite(ratios).any():
        return ratio, np.nan, np.nan
    low, high = np.nanpercentile(ratios, [2.5, 97.5])
    return float(ratio), float(low), float(high)
