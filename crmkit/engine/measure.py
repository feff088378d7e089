"""Measuring: from metric names, periods and groups to one tidy frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import pandas as pd

from crmkit import schema
from crmkit.engine.buckets import Buckets, buckets
from crmkit.engine.dimensions import REGISTERS
from crmkit.engine.garbage import collected_seldom
from crmkit.engine.measurement import Measurement
from crmkit.errors import UsageError
from crmkit.metric import Metric, find, relations_of
from crmkit.periods import Period
from crmkit.relations import all_derived


def measure(
    crm,
    metrics: str | Sequence[str],
    *,
    period: str | Period | None = None,
    every: str | None = None,
    by: str | Sequence[str] = (),
    intervals: bool = True,
    **options: Any,
) -> pd.DataFrame:
    """Measure one or several metrics, over time and by groups.

    Parameters
    ----------
    crm : Crm
    metrics : str or list of str
        Names as in `crmkit metrics`. Those of one table are measured in one query.
    period : str or Period, optional
        2026, 2026-Q3, 2026-09, 2026-W38, 2026-07-01/2026-10-01 or latest. By default the latest complete quarter, or
        with `every` all from the first event to the last complete period.
    every : {"week", "month", "quarter", "year"}, optional
        Split the period into these.
    by : str or list of str
        Columns of the metric's table, or of a table it joins to by id: segment, owner_id, owner.team.
    intervals : bool
        Whether to compute 95% intervals.
    **options
        Options of the metrics, such as window_days=30.

    Returns
    -------
    DataFrame
        One row a metric, period and group: `metric`, `period` (its start), one column for each of `by`, `value`
        (unrounded; a share is 0-1), `low`, `high` (95% interval), `n`, `numerator`, `denominator`, `note`.
        What this data cannot measure is one row with an empty value and the reason as note.

    Raises
    ------
    UsageError
        Where a metric, column, period or option is unknown.
    DataError
        Where money in several currencies would be added.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": ["1", "2", "3"], "outcome": ["won", "lost", "won"],
    ...     "created_at": ["2026-01-01"] * 3, "closed_at": ["2026-01-05", "2026-01-09", "2026-02-03"]}})
    >>> measure(crm, "win_rate", every="month", period="2026-01-01/2026-03-01")[["period", "value", "n"]]
          period  value    n
    0 2026-01-01    0.5  2.0
    1 2026-02-01    1.0  1.0
    """
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    groups = [by] if isinstance(by, str) else list(by)
    if not names:
        raise UsageError("Name at least one metric; `crmkit metrics` lists all.")
    wanted = [find(name) for name in dict.fromkeys(names)]
    _check_options(wanted, options)
    first = first_event(crm, wanted) if period is None and every else None
    span = buckets(crm, period, every, first=first)
    return _measured(crm, wanted, span, groups, options, recent=len(span.periods) if intervals else 0)


def measure_span(crm, metrics: Sequence[str], span: Buckets, *, recent: int) -> pd.DataFrame:
    """Measure in periods that are given, with intervals for the last `recent` of them only."""
    return _measured(crm, [find(name) for name in metrics], span, [], {}, recent=recent)


def measure_both(
    crm,
    metrics: str | Sequence[str],
    *,
    period: str | Period,
    against: str | Period,
    by: str | Sequence[str] = (),
    intervals: bool = True,
    **options: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure in two periods, with one query a table where they do not overlap.

    Returns
    -------
    tuple of DataFrame
        What `measure` returns for `period`, and for `against`.
    """
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    groups = [by] if isinstance(by, str) else list(by)
    wanted = [find(name) for name in dict.fromkeys(names)]
    _check_options(wanted, options)
    now, then = (buckets(crm, one, None).periods[0] for one in (period, against))
    first, last = sorted((now, then), key=lambda one: one.start)
    if first.end > last.start:  # they overlap, or are the same
        spans = [Buckets((one,)) for one in (now, then)]
        found = [_measured(crm, wanted, one, groups, options, recent=int(intervals)) for one in spans]
        return found[0], found[1]
    between = () if first.end == last.start else (Period(first.end, last.start, None, first.calendar),)
    span = Buckets((first, *between, last))
    both = _measured(crm, wanted, span, groups, options, recent=len(span.periods) if intervals else 0)
    new, old = (both[both["period"] == one.start].reset_index(drop=True) for one in (now, then))
    return new, old


@collected_seldom()
def _measured(crm, metrics: list[Metric], span: Buckets, by: list[str], options, *, recent: int) -> pd.DataFrame:
    measured = Measurement(crm, span, by, options, metrics, recent)
    found = pd.concat([measured.frame(metric) for metric in metrics], ignore_index=True)
    found.attrs |= {"as_of": crm.as_of, "currency": crm.config.currency}
    return found


def _check_options(metrics: Sequence[Metric], options: Mapping[str, Any]) -> None:
    known: dict[str, Any] = {}
    todo = list(metrics)
    while todo:
        metric = todo.pop()
        known |= metric.options
        todo += [find(part) for part in metric.parts]
    for name, value in options.items():
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            takes = f"They take {', '.join(sorted(known))}." if known else "They take none."
            raise UsageError(f"{', '.join(m.name for m in metrics[:3])}: unknown option {name!r}.{hint} {takes}")
        default = known[name]
        if isinstance(default, bool) != isinstance(value, bool) or (
            isinstance(default, int | float) and not isinstance(value, int | float)
        ):
            raise UsageError(f"The option {name} is {value!r}; it must be like its default, {default!r}.")


def first_event(crm, metrics: Sequence[Metric]) -> datetime | None:
    """Return when the tables of the metrics begin; None where none has a time."""
    relations = set().union(*(relations_of(metric) for metric in metrics))
    return min((moment for name in relations if (moment := _begins(crm, name)) is not None), default=None)


def all_known_from(crm, metric: Metric) -> datetime | None:
    """Return from when on every table of a metric is there: a ratio of two is unknown before the later one begins."""
    moments = (_begins(crm, name) for name in relations_of(metric))
    return max((moment for moment in moments if moment is not None), default=None)


def _begins(crm, relation: str) -> datetime | None:
    """Return when a relation begins: what is made of tables with the first that it needs, or of which any will do.

    People, products and campaigns are there before anything is done with them: they count only where there is no other.
    """
    if relation in schema.TABLES:
        return crm.since.get(relation)
    made = all_derived()[relation]
    needed = made.required or made.any_of
    sources = [name for name in needed if name not in REGISTERS] or needed
    moments = [moment for name in sources if (moment := _begins(crm, name)) is not None]
    return min(moments, default=None)
