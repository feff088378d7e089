"""How the time that a ticket took goes with what its customer said afterwards."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from crmkit.engine.intervals import Z, wilson
from crmkit.methods.common import need, run, said
from crmkit.periods import Period
from crmkit.relations import at

SPEEDS = ("fastest third", "middle third", "slowest third")
_FEWEST = 30
"""Answers below which nothing is said: ten in each third, an interval of sixty points."""


def satisfaction_by_speed(crm, *, period: str | Period | None = None) -> pd.DataFrame:
    """Compare the satisfaction of customers whose tickets were resolved fast with those who waited long.

    A ticket's hours are divided by the median of its priority, since urgent tickets are both faster and about worse
    things. The tickets are then cut into thirds.

    Parameters
    ----------
    crm : Crm
    period : str or Period, optional
        In which the answers were given; by default all.

    Returns
    -------
    DataFrame
        One row a third, fastest first: `speed`, `value` (share of satisfied answers, as in the metric csat), `low`,
        `high` (95%, Wilson), `n`, `numerator`, `denominator`, `median_hours`. In `attrs`: `odds` (by what the odds of
        a satisfied answer are multiplied where the time doubles), `odds_low`, `odds_high` (95%, logistic regression
        on the logarithm of the time; None where it can't be told), `left_out` (answers to tickets without hours).
        Empty, with the reason in `attrs["missing"]`, where there are fewer than 30 answers.

    Notes
    -----
    Customers who waited long differ from others in more than that: the case was hard, or they were unhappy before. So
    this shows that the two go together, not that faster answers would make anybody happier.
    """
    need(crm, "satisfaction_by_speed", "surveys", "ticket_times")
    rows, left_out = _answers(crm, None if period is None else crm.period(period))
    about = {"title": "Satisfied after the ticket was resolved", "unit": "share", "better": "up", "left_out": left_out}
    if len(rows) < _FEWEST or rows["pace"].nunique() < len(SPEEDS):
        reason = f"{len(rows)} answers about satisfaction belong to resolved tickets, too few to compare"
        return said(pd.DataFrame(), crm, missing=reason, **about)
    place = rows["pace"].rank(method="average", pct=True)
    rows["speed"] = np.select([place <= 1 / 3, place <= 2 / 3], SPEEDS[:2], SPEEDS[2])
    found = rows.groupby("speed").agg(
        numerator=("satisfied", "sum"), denominator=("satisfied", "size"), median_hours=("hours", "median")
    )
    found = found.reindex([name for name in SPEEDS if name in found.index]).reset_index()
    part, whole = found["numerator"].to_numpy(float), found["denominator"].to_numpy(float)
    found["low"], found["high"] = wilson(part, whole)
    found = found.assign(value=part / whole, n=whole, numerator=part, denominator=whole)
    odds = _odds_of_doubling(rows)
    columns = ["speed", "value", "low", "high", "n", "numerator", "denominator", "median_hours"]
    return said(found[columns], crm, **about, **dict(zip(("odds", "odds_low", "odds_high"), odds, strict=True)))


def _answers(crm, span: Period | None) -> tuple[pd.DataFrame, int]:
    """Return one row an answer about satisfaction to a resolved ticket, and how many have no hours."""
    surveys, times = crm.relations.get("surveys"), crm.relations.get("ticket_times")
    height = (surveys.score - surveys.scale_min) / (surveys.scale_max - surveys.scale_min)
    valid = (surveys.score == surveys.score.floor()) & (height >= 0) & (height <= 1)
    asked = surveys.filter((surveys.survey == "csat") & surveys.ticket_id.notnull() & valid)
    if span is not None:
        asked = asked.filter((asked.answered_at >= at(span.start)) & (asked.answered_at < at(span.end)))
    asked = asked.select(
        asked_id="ticket_id", height=(asked.score - asked.scale_min) / (asked.scale_max - asked.scale_min)
    )
    known = times.select("ticket_id", "priority", hours=times.resolution_hours)
    joined = asked.inner_join(known, asked.asked_id == known.ticket_id)
    rows = run(joined.select("ticket_id", "priority", "hours", satisfied=joined.height >= 0.75))
    whole = rows[rows["hours"] > 0].copy()
    usual = whole.groupby(whole["priority"].fillna(""))["hours"].transform("median")
    whole["pace"] = whole["hours"] / usual
    whole = whole.sort_values(["ticket_id", "pace"], ignore_index=True)
    return whole, len(rows) - len(whole)


def _odds_of_doubling(rows: pd.DataFrame) -> tuple[float | None, float | None, float | None]:
    """Return by what the odds of satisfaction are multiplied where the time doubles, and the limits of that."""
    from statsmodels.api import Logit
    from statsmodels.tools.sm_exceptions import PerfectSeparationError

    satisfied = rows["satisfied"].to_numpy(float)
    if satisfied.min() == satisfied.max():
        return None, None, None
    design = np.column_stack([np.ones(len(rows)), np.log2(rows["pace"])])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where the times part the answers fully, no odds are returned
            fitted = Logit(satisfied, design).fit(disp=False)
    except (PerfectSeparationError, np.linalg.LinAlgError):
        return None, None, None
    if not fitted.mle_retvals["converged"]:
        return None, None, None
    slope, error = float(fitted.params[1]), float(fitted.bse[1])
    return tuple(float(np.exp(slope + side * Z * error)) for side in (0, -1, 1))


__all__ = ["SPEEDS", "satisfaction_by_speed"]
