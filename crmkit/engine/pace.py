"""Pace: where a target of a period that is not over stands, and what the rest of the period would have to bring."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.engine.buckets import Buckets
from crmkit.engine.measurement import Measurement
from crmkit.engine.targets import targets, with_attainment
from crmkit.errors import UsageError
from crmkit.kinds import Arithmetic, Count, Kind, Level, Mean, NetShare, Share, Total
from crmkit.metric import all_metrics, find
from crmkit.periods import Period
from crmkit.relations import all_derived

COLUMNS = [
    "metric", "period", "value", "target", "attainment", "elapsed", "per_day", "needed_per_day", "projected",
    "needed", "status", "note",
]  # fmt: skip


def pace(crm, period: str | Period | None = None) -> pd.DataFrame:
    """Say of every target of a running period what pace would still reach it.

    What adds up over time (counts, totals) is projected at the pace of so far, and needs so much a day for the rest. A
    share, a mean or a score needs a value in the rest, as many observations a day as so far supposed. A level needs so
    much change a day. Seasons are left out: where the year's end is busier than its beginning, a pace that looks slow
    may do.

    Parameters
    ----------
    crm : Crm
    period : str or Period, optional
        By default every period that has targets and holds `as_of` without being over.

    Returns
    -------
    DataFrame
        One row a target of the whole company: `metric`, `period` (its name), `value` (so far), `target`, `attainment`,
        `elapsed` (share of the period's days that are over), `per_day` (so far) and `needed_per_day` (in the rest, at
        most so much where less is better; null for a share, mean or score), `projected` (the value at the end at the
        pace of so far), `needed` (the value in the rest that makes the target; null where it is a pace a day), `status`
        (on pace, behind pace, reached, out of reach, or "" where it cannot be told) and `note`.

    Raises
    ------
    UsageError
        Where the period is over, or has not begun.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["1", "2", "3"], "created_at": ["2026-01-01"] * 3},
    ...     "targets": {"metric": ["leads"], "period": ["2026-01"], "value": [13]}}, as_of="2026-01-11")
    >>> pace(crm)[["value", "target", "needed_per_day", "status"]].values.tolist()
    [[3.0, 13.0, 0.5, 'behind pace']]
    """
    periods = [crm.period(period)] if period is not None else running(crm)
    for one in periods:
        if one.complete(crm.as_of) or one.start > crm.as_of:
            when = "is over" if one.complete(crm.as_of) else "has not begun"
            raise UsageError(f"The period {one.name} {when} at {crm.as_of:%Y-%m-%d}: only a running one has a pace.")
    found = [row for one in periods for row in _rows(crm, one)]
    frame = pd.DataFrame(found, columns=COLUMNS)
    frame.attrs |= {"as_of": crm.as_of, "currency": crm.config.currency}
    return frame


def running(crm) -> list[Period]:
    """Return the periods that have targets of the whole company and in which `as_of` lies, the shortest first."""
    if "targets" not in crm.tables or crm.as_of is None:
        return []
    names = crm.relations.get("targets").period.as_table().distinct().to_pyarrow()[0].to_pylist()
    periods = []
    for name in sorted(name for name in names if name):
        try:
            periods.append(crm.period(name))
        except UsageError:
            continue  # `crmkit check` names targets of periods that are none
    now = [one for one in periods if one.start <= crm.as_of and not one.complete(crm.as_of)]
    return sorted((one for one in now if len(targets(crm, one))), key=lambda one: (one.days, one.start))


def _rows(crm, period: Period) -> list[tuple]:
    wanted = targets(crm, period)
    able = [name for name in wanted["metric"] if name in all_metrics() and not lacks(crm, name)]
    if not able:
        return []
    measured = Measurement(crm, Buckets((period,)), [], {}, [find(name) for name in able], 0)
    values = pd.concat([measured.frame(find(name)) for name in able]).set_index("metric")
    goal = wanted.set_index("metric")["target"]
    both = {"metric": able, "value": values["value"].to_numpy(), "target": goal[able].to_numpy()}
    known = with_attainment(pd.DataFrame(both))
    elapsed = period.days_known(crm.as_of)
    rows = []
    for row in known.itertuples():
        so_far = _SoFar(row.value, row.target, elapsed, period.days - elapsed, find(row.metric).better == "down")
        rest = _rest(measured.kinds[row.metric], so_far, values.loc[row.metric])
        rows.append((row.metric, period.name, row.value, row.target, row.attainment, elapsed / period.days, *rest))
    return rows


class _SoFar(NamedTuple):
    """A value so far, its target, the days that are over and those that are left, and whether less is better."""

    value: float
    target: float
    over: float
    left: float
    down: bool

    def good(self, projected: float) -> bool:
        """Tell whether a value at the end meets the target."""
        return projected <= self.target if self.down else projected >= self.target


def _rest(kind: Kind, so_far: _SoFar, found: pd.Series) -> tuple:
    """Return pace a day, the pace needed, the projected value, the value needed in the rest, status and note."""
    value, target, over, left, _ = so_far
    if np.isnan(value):
        return (np.nan,) * 4 + ("", str(found["note"]))
    if _grows(kind):
        per_day, projected = value / over, value / over * (over + left)
        return per_day, max((target - value) / left, 0.0), projected, np.nan, _growing(so_far, projected), ""
    if isinstance(kind, Share | Mean | NetShare) and not _of_periods(kind):
        low, high = {Share: (0.0, 1.0), NetShare: (-100.0, 100.0)}.get(type(kind), (-np.inf, np.inf))
        needed = value + (target - value) * (over + left) / left
        status = "on pace" if so_far.good(value) else "behind pace" if low <= needed <= high else "out of reach"
        note = f"if the rest brings {found['n'] / over:.3g} observations a day, as so far"
        return np.nan, np.nan, value, min(max(needed, low), high), status, note
    if isinstance(kind, Level):
        status = "reached" if so_far.good(value) else ""
        return np.nan, (target - value) / left, np.nan, target, status, "a level: its change a day"
    return (np.nan,) * 4 + ("", "not a sum or a share of what happens day by day: it has no pace of its own")


def _grows(kind: Kind) -> bool:
    """Tell whether a number adds up over the days of a period: a count, or what is lost of those at its start."""
    if isinstance(kind, Arithmetic) and kind.how == "/":
        return _grows(kind.left) and isinstance(kind.right, Level) and kind.right.begun.moment == "start"
    return isinstance(kind, Total) or (isinstance(kind, Count) and kind.counted.how == "count")


def _of_periods(kind: Kind) -> bool:
    """Tell whether a kind counts something once a period, such as users, whose number does not grow with the days."""
    relations = {atom.relation for atom in kind.atoms()}
    return any(name in all_derived() and "period" in all_derived()[name].arguments for name in relations)


def _growing(so_far: _SoFar, projected: float) -> str:
    """Return the status of what can only grow."""
    if so_far.good(so_far.value) and not so_far.down:
        return "reached"
    if so_far.down and not so_far.good(so_far.value):
        return "out of reach"
    return "on pace" if so_far.good(projected) else "behind pace"
