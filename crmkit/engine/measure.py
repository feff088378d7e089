"""Measuring: from metric names, periods and groups to one tidy frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from crmkit import schema
from crmkit.engine import dimensions, intervals, waiting
from crmkit.engine.availability import lacks
from crmkit.engine.bootstrap import Fetched, Rows
from crmkit.engine.buckets import Buckets, buckets
from crmkit.engine.money import check_currencies
from crmkit.engine.query import START, Plan, plan
from crmkit.errors import UsageError
from crmkit.kinds import Arithmetic, Atom, Count, Kind, Level, Total, Waiting, Withheld
from crmkit.metric import Metric, bind, find, relations_of
from crmkit.periods import Period

FEW = 5
"""Below this many observations a number is flagged."""
LARGEST = 5_000_000
"""A result of more cells than this is refused."""
_NUMBERS = ["value", "low", "high", "n", "numerator", "denominator"]


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
    first = _first_event(crm, wanted) if period is None and every else None
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


def _measured(crm, metrics: list[Metric], span: Buckets, by: list[str], options, *, recent: int) -> pd.DataFrame:
    measured = _Measurement(crm, span, by, options, metrics)
    found = pd.concat([measured.frame(metric, recent=recent) for metric in metrics], ignore_index=True)
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


def _first_event(crm, metrics: Sequence[Metric]) -> datetime | None:
    """Return when the tables of the metrics begin."""
    found = []
    for relation in set().union(*(relations_of(metric) for metric in metrics)):
        if relation not in crm.relations:
            continue
        asked = ("first", relation)
        if asked not in crm.remembered:
            column = schema.TABLES[relation].born if relation in schema.TABLES else None
            table = crm.relations.get(relation) if column else None
            crm.remembered[asked] = table[column].min().to_pyarrow().as_py() if column else _first_of_all(crm)
        if crm.remembered[asked] is not None:
            found.append(crm.remembered[asked])
    return min(found, default=None)


def _first_of_all(crm) -> datetime | None:
    """Return when the earliest of the tables that become customers' history begins."""
    found = []
    for name, column in {"orders": "ordered_at", "subscriptions": "started_at", "opportunities": "created_at"}.items():
        if name in crm.tables:
            found.append(crm.relations.get(name)[column].min().to_pyarrow().as_py())
    if "customers" in crm.tables and "acquired_at" in crm.present["customers"]:
        found.append(crm.relations.get("customers").acquired_at.min().to_pyarrow().as_py())
    return min((moment for moment in found if moment is not None), default=None)


@dataclass
class _Measurement:
    """One call of `measure`: what is asked of each relation, and the sums that came back."""

    crm: Any
    span: Buckets
    by: list[str]
    options: Mapping[str, Any]
    metrics: list[Metric]
    reasons: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    tables: dict[str, tuple[Any, list[str]]] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    sums: dict[str, pd.DataFrame] = field(default_factory=dict)
    fetched: Fetched | None = None

    def __post_init__(self) -> None:
        for metric in self.metrics:
            self.reasons[metric.name] = lacks(self.crm, metric.name)
        measurable = [metric for metric in self.metrics if not self.reasons[metric.name]]
        for metric in measurable:
            check_currencies(self.crm, metric, self.by)
            self.kinds[metric.name] = self.bound(metric)
        asked: dict[str, list[Atom]] = {}
        for kind in self.kinds.values():
            for atom in kind.asked():
                asked.setdefault(atom.relation, []).append(atom)
        for relation, atoms in asked.items():
            table, groups = self.table(relation)
            self.plans[relation] = plan(relation, table, groups, atoms, self.span)
            self.sums[relation] = self._run(self.plans[relation])

    @property
    def context(self) -> dict[str, Any]:
        return {"period": self.span, "as_of": self.crm.as_of, "config": self.crm.config}

    def table(self, relation: str) -> tuple[Any, list[str]]:
        if relation not in self.tables:
            self.tables[relation] = dimensions.joined(self.crm, self.crm.relations, relation, self.by, period=self.span)
        return self.tables[relation]

    def bound(self, metric: Metric) -> Kind:
        return bind(metric, lambda name: self.table(name)[0], context=self.context, options=self.options)

    def _run(self, asked: Plan) -> pd.DataFrame:
        """Run the query of a relation and return its sums, one row a period and group."""
        found = asked.expression.to_pyarrow().to_pandas()
        found[START] = pd.to_datetime(found[START]).astype("datetime64[us]")
        return found.groupby([START, *asked.groups], dropna=False, sort=True).first()

    def cells(self, kind: Kind) -> pd.MultiIndex | pd.Index:
        """Return every period with every group that any of the kind's tables has."""
        starts = pd.DatetimeIndex([period.start for period in self.span.periods], name=START).astype("datetime64[us]")
        relations = dict.fromkeys(atom.relation for atom in kind.atoms())
        if not self.by:
            return starts
        found = pd.concat([self.sums[name].index.droplevel(START).to_frame(index=False) for name in relations])
        groups = found.drop_duplicates().sort_values(list(found.columns))
        if len(groups) * len(starts) > LARGEST:
            raise UsageError(
                f"by {', '.join(self.by)} makes {len(groups) * len(starts):,} cells. Ask for fewer periods, or by a "
                "coarser column."
            )
        repeated = groups.loc[groups.index.repeat(1)]
        tiled = [pd.DataFrame({START: start, **{c: repeated[c].to_numpy() for c in repeated}}) for start in starts]
        return (
            pd.MultiIndex.from_frame(pd.concat(tiled, ignore_index=True))
            if len(groups)
            else pd.MultiIndex.from_frame(pd.DataFrame({START: starts[:0], **{c: [] for c in found.columns}}))
        )

    def getter(self, cells):
        """Return a function from an atom to its sums, one for each cell."""
        periods = len(self.span.periods)

        def get(atom: Atom) -> np.ndarray:
            column, _ = self.plans[atom.relation].atoms[atom.key]
            sums = self.sums[atom.relation][column]
            if atom.moment == "during":
                values = sums.reindex(cells).to_numpy(float)
                return values if atom.how in ("quantile", "sum") else np.nan_to_num(values)
            return _running(sums, cells, periods, self.span, atom.moment)

        return get

    def frame(self, metric: Metric, *, recent: int) -> pd.DataFrame:
        """Return the tidy rows of one metric, with intervals for the last `recent` periods."""
        if reason := self.reasons[metric.name]:
            return self._unmeasured(metric, reason)
        kind = self.kinds[metric.name]
        cells = self.cells(kind)
        get = self.getter(cells)
        size = len(cells)
        if isinstance(kind, Waiting):
            table, groups = self.table(kind.met.relation)
            value, low, high = waiting.medians(table, groups, kind, self.span, cells, as_of=self.crm.as_of)
        else:
            value = _array(kind.value(get), size)
            low, high = self._interval(kind, get, cells, recent) if recent and size else (np.full(size, np.nan),) * 2
        n = _array(kind.n(get), size)
        named = cells.to_frame(index=False) if self.by else pd.DataFrame({START: cells})
        frame = pd.DataFrame({"metric": metric.name, "period": named[START].to_numpy()})
        for name, column in zip(self.by, named.columns[1:], strict=True):
            frame[name] = named[column].to_numpy()
        frame["value"], frame["n"] = value, n
        frame["low"] = np.where(np.isnan(value), np.nan, low)
        frame["high"] = np.where(np.isnan(value), np.nan, high)
        frame["numerator"] = _array(kind.numerator(get), size)
        frame["denominator"] = _array(kind.denominator(get), size)
        frame["note"] = self._notes(kind, get, frame)
        return frame[["metric", "period", *self.by, *_NUMBERS, "note"]]

    def _unmeasured(self, metric: Metric, reason: str) -> pd.DataFrame:
        starts = [period.start for period in self.span.periods]
        frame = pd.DataFrame({"metric": metric.name, "period": pd.DatetimeIndex(starts).astype("datetime64[us]")})
        for name in self.by:
            frame[name] = ""
        frame[_NUMBERS] = np.nan
        frame["note"] = f"not in this data: {reason}"
        return frame

    def _interval(self, kind: Kind, get, cells, recent: int) -> tuple[np.ndarray, np.ndarray]:
        size = len(cells)
        if kind.interval == "wilson":
            return intervals.wilson(_array(kind.numerator(get), size), _array(kind.denominator(get), size))
        if kind.interval == "adjusted_wald":
            return intervals.adjusted_wald(get(kind.plus), get(kind.minus), get(kind.of))
        if kind.interval == "normal":
            return intervals.normal(get(kind.summed), get(kind.squared), get(kind.filled))
        low, high = np.full(size, np.nan), np.full(size, np.nan)
        if kind.interval in ("bootstrap", "order"):
            span = Buckets(self.span.periods[-recent:], self.span.every)
            first = size // len(self.span.periods) * (len(self.span.periods) - len(span.periods))
            if self.fetched is None:
                needing = [one for one in self.kinds.values() if one.interval in ("bootstrap", "order")]
                self.fetched = Fetched({name: self.table(name) for name in self.plans}, needing, span)
            rows = Rows.of(self.fetched, kind, span)
            if rows is not None:
                within = rows.order if kind.interval == "order" else rows.bootstrap
                low[first:], high[first:] = within(kind, cells[first:])
        return low, high

    def _notes(self, kind: Kind, get, frame: pd.DataFrame) -> np.ndarray:
        notes = np.full(len(frame), "", dtype=object)
        _say(notes, _withheld(kind, get, len(frame)))
        if isinstance(kind, Waiting):
            beyond = (frame["value"].isna() & (frame["n"] > 0)).to_numpy()
            _say(notes, (beyond, "more than half are still waiting: no median yet"))
        missing = frame["value"].isna().to_numpy()
        if (without := kind.without(get)) is not None:
            _say(notes, (missing & (without > 0), "cannot be known: none of the rows carries an amount"))
            _say(notes, (~missing & (without > 0), "some rows carry no amount and are left out"))
        _say(notes, (missing & (notes == ""), "nothing to measure in this period"))
        for atom, text in kind.all_remarks():
            _say(notes, (get(atom) > 0, text))
        if kind.interval or not isinstance(kind, Count | Total | Level | Arithmetic):
            few = (frame["n"] < FEW).to_numpy() & frame["value"].notna().to_numpy()
            _say(notes, (few, f"fewer than {FEW} observations"))
        if self.crm.as_of is not None:
            starts = {period.start for period in self.span.periods if not period.complete(self.crm.as_of)}
            late = frame["period"].isin(pd.DatetimeIndex(starts)).to_numpy() if starts else np.zeros(len(frame), bool)
            _say(notes, (late, f"the period is not over: known up to {self.crm.as_of:%Y-%m-%d}"))
        return notes


def _running(sums: pd.Series, cells, periods: int, span: Buckets, moment: str) -> np.ndarray:
    """Add up what falls before the end (or the start) of each period, group by group."""
    before, starts = pd.Timestamp(span.before), [pd.Timestamp(period.start) for period in span.periods]
    groups = cells.droplevel(START)[: len(cells) // periods] if isinstance(cells, pd.MultiIndex) else None
    wide = []
    for start in [before, *starts]:
        if groups is None:
            part = np.array([sums.get(start, np.nan)], float)
        else:
            keys = [(start, *(group if isinstance(group, tuple) else (group,))) for group in groups]
            part = sums.reindex(pd.MultiIndex.from_tuples(keys, names=cells.names)).to_numpy(float)
        wide.append(np.nan_to_num(part))
    totals = np.cumsum(np.vstack(wide), axis=0)
    return (totals[1:] if moment == "end" else totals[:-1]).ravel()


def _array(value: Any, size: int) -> np.ndarray:
    if value is None:
        return np.full(size, np.nan)
    return np.broadcast_to(np.asarray(value, float), (size,)).copy()


def _withheld(kind: Kind, get, size: int) -> tuple[np.ndarray, str]:
    if isinstance(kind, Withheld):
        return np.asarray(kind.withheld(get)), kind.reason
    return np.zeros(size, bool), ""


def _say(notes: np.ndarray, told: tuple[np.ndarray, str]) -> None:
    where, text = told
    for place in np.flatnonzero(where):
        notes[place] = f"{notes[place]}; {text}" if notes[place] else text
