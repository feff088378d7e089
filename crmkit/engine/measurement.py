"""One measurement: what is asked of each relation, the sums that come back, and the tidy rows made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from crmkit.engine import dimensions, intervals, waiting
from crmkit.engine.availability import lacks
from crmkit.engine.bootstrap import MOST_ROWS, Fetched, Rows
from crmkit.engine.buckets import Buckets
from crmkit.engine.money import check_currencies
from crmkit.engine.query import START, WITHOUT_QUANTILES, Plan, plan
from crmkit.engine.targets import aims
from crmkit.engine.windows import by_window, runs
from crmkit.errors import UsageError
from crmkit.kinds import Arithmetic, Atom, Attained, Count, Given, Kind, Level, Total, Waiting, Windowed, Withheld
from crmkit.kinds.arithmetic import divide
from crmkit.metric import Metric, bind, find

FEW = 5
"""Below this many observations a number is flagged."""
LARGEST = 5_000_000
"""A result of more cells than this is refused."""
_NUMBERS = ["value", "low", "high", "n", "numerator", "denominator"]


@dataclass
class Measurement:
    """One call of `measure`: what is asked of each relation, and the sums that came back.

    Intervals are made for the last `recent` periods.
    """

    crm: Any
    span: Buckets
    by: list[str]
    options: Mapping[str, Any]
    metrics: list[Metric]
    recent: int
    reasons: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    tables: dict[str, tuple[Any, list[str]]] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    sums: dict[str, pd.DataFrame] = field(default_factory=dict)
    grids: dict[frozenset[str], pd.MultiIndex] = field(default_factory=dict)
    elsewhere: dict[str, pd.DataFrame] = field(default_factory=dict)
    fetched: Fetched | None = None

    def __post_init__(self) -> None:
        dimensions.check_names(self.by)
        for metric in self.metrics:
            self.reasons[metric.name] = lacks(self.crm, metric.name)
        measurable = [metric for metric in self.metrics if not self.reasons[metric.name]]
        for metric in measurable:
            check_currencies(self.crm, metric, self.by)
            self.kinds[metric.name] = self.bound(metric)
        asked: dict[str, list[Atom]] = {}
        for kind in self.kinds.values():
            for atom in kind.asked(intervals=self.recent > 0):
                asked.setdefault(atom.relation, []).append(atom)
        for relation, atoms in asked.items():
            table, groups = self.table(relation)
            approximate = self.crm.engine.name in WITHOUT_QUANTILES
            many = dimensions.many(self.crm, relation, self.by)
            self.plans[relation] = plan(relation, table, groups, atoms, self.span, approximate=approximate, many=many)
            self.sums[relation] = self._run(self.plans[relation])
        own = {metric.name: metric for metric in self.metrics}
        names = dict.fromkeys(name for kind in self.kinds.values() for name in kind.windowed())
        for alike in by_window(own.get(name) or find(name) for name in names):
            self.elsewhere |= self._in_windows(alike)

    def table(self, relation: str) -> tuple[Any, list[str]]:
        """Return a relation with the columns of the groups, and their names; joined once."""
        if relation not in self.tables:
            self.tables[relation] = dimensions.joined(self.crm, self.crm.relations, relation, self.by, period=self.span)
        return self.tables[relation]

    def bound(self, metric: Metric) -> Kind:
        """Return what a metric measures, on the relations of this measurement."""
        context = {"period": self.span, "as_of": self.crm.as_of, "config": self.crm.config}
        return bind(metric, lambda name: self.table(name)[0], context=context, options=self.options)

    def _run(self, asked: Plan) -> pd.DataFrame:
        """Run the query of a relation and return its sums, one row a period and group."""
        found = asked.expression.to_pyarrow().to_pandas()
        found[START] = pd.to_datetime(found[START]).astype("datetime64[us]")
        return found.groupby([START, *asked.groups], dropna=False, sort=True).first()

    def _in_windows(self, metrics: list[Metric]) -> dict[str, pd.DataFrame]:
        """Return the rows of metrics as their windows, which are the same, give them: under the periods asked for."""
        plain = [replace(metric, over=None) for metric in metrics]
        recent = {period.start for period in self.span.periods[len(self.span.periods) - self.recent :]}
        keys = [START, *(f"by_{place}" for place in range(len(self.by)))]
        columns = ["metric", *keys, *_NUMBERS, "note"]
        found = []
        for run in runs(metrics[0].over, self.span, self.crm.config):
            first = min((window.start for period, window in run.asked if period.start in recent), default=run.span.end)
            late = sum(period.start >= first for period in run.span.periods)
            measured = Measurement(self.crm, run.span, self.by, self.options, plain, late)
            there = pd.concat([measured.frame(metric) for metric in plain]).set_axis(columns, axis=1)
            for period, window in run.asked:
                rows = there[there[START] == pd.Timestamp(window.start)]
                found.append(rows.assign(**{START: pd.Timestamp(period.start)}))
        every = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)
        every[START] = every[START].astype("datetime64[us]")
        return {metric.name: every[every["metric"] == metric.name].set_index(keys) for metric in metrics}

    def cells(self, kind: Kind) -> pd.MultiIndex | pd.Index:
        """Return every period with every group that any of the kind's tables has."""
        starts = pd.DatetimeIndex([period.start for period in self.span.periods], name=START).astype("datetime64[us]")
        if not self.by:
            return starts
        relations = frozenset((*(atom.relation for atom in kind.atoms()), *kind.windowed()))
        if relations not in self.grids:
            indexes = [(self.sums if name in self.sums else self.elsewhere)[name].index for name in sorted(relations)]
            found = pd.concat([index.droplevel(START).to_frame(index=False) for index in indexes])
            groups = found.drop_duplicates().sort_values(list(found.columns))
            if len(groups) * len(starts) > LARGEST:
                raise UsageError(
                    f"by {', '.join(self.by)} makes {len(groups) * len(starts):,} cells. Ask for fewer periods, or by "
                    "a coarser column."
                )
            columns = [np.tile(groups[name].to_numpy(), len(starts)) for name in groups]
            self.grids[relations] = pd.MultiIndex.from_arrays(
                [starts.repeat(len(groups)), *columns], names=[START, *groups.columns]
            )
        return self.grids[relations]

    def getter(self, cells):
        """Return a function from an atom to its sums, one for each cell."""
        periods = len(self.span.periods)
        found: dict[tuple | Given, np.ndarray] = {}

        def get(atom: Atom | Given) -> np.ndarray:
            asked = atom if isinstance(atom, Given) else (*atom.key, atom.moment)
            if asked not in found:
                found[asked] = look_up(atom)
                found[asked].flags.writeable = False  # several sums are made from it
            return found[asked]

        def look_up(atom: Atom | Given) -> np.ndarray:
            if isinstance(atom, Given):
                return self._given(atom, cells)
            column, _ = self.plans[atom.relation].atoms[atom.key]
            sums = self.sums[atom.relation][column]
            if atom.moment == "during":
                values = sums.reindex(cells).to_numpy(float)
                return values if atom.how in ("quantile", "sum") else np.nan_to_num(values)
            return _running(sums, cells, periods, self.span, atom.moment)

        return get

    def _given(self, asked: Given, cells) -> np.ndarray:
        """Return the days of each cell's period, or a part of what was measured in windows of its own."""
        if asked.what == "target":
            return aims(self.crm, asked.metric, self.span, self.by, cells)
        if asked.what != "days":
            return self.elsewhere[asked.metric][asked.what].reindex(cells).to_numpy(float)
        days = np.array([period.days_known(self.crm.as_of) for period in self.span.periods])
        return days.repeat(len(cells) // len(days))

    def frame(self, metric: Metric) -> pd.DataFrame:
        """Return the tidy rows of one metric, with intervals for the recent periods."""
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
            low, high = self._interval(kind, get, cells) if self.recent and size else (np.full(size, np.nan),) * 2
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
        frame["note"] = self._notes(kind, get, frame, cells)
        return frame[["metric", "period", *self.by, *_NUMBERS, "note"]]

    def _unmeasured(self, metric: Metric, reason: str) -> pd.DataFrame:
        starts = [period.start for period in self.span.periods]
        frame = pd.DataFrame({"metric": metric.name, "period": pd.DatetimeIndex(starts).astype("datetime64[us]")})
        for name in self.by:
            frame[name] = ""
        frame[_NUMBERS] = np.nan
        frame["note"] = f"not in this data: {reason}"
        return frame

    def _interval(self, kind: Kind, get, cells) -> tuple[np.ndarray, np.ndarray]:
        size = len(cells)
        if kind.interval == "wilson":
            return intervals.wilson(_array(kind.numerator(get), size), _array(kind.denominator(get), size))
        if kind.interval == "adjusted_wald":
            return intervals.adjusted_wald(get(kind.plus), get(kind.minus), get(kind.of))
        if kind.interval == "normal":
            return intervals.normal(get(kind.summed), get(kind.squared), get(kind.filled))
        if kind.interval == "windowed":
            there = self.elsewhere[kind.metric].reindex(cells)
            return there["low"].to_numpy(float), there["high"].to_numpy(float)
        if kind.interval == "attained":
            target = kind.denominator(get)
            there = self.elsewhere[kind.metric].reindex(cells)
            ends = (divide(there[name].to_numpy(float), target) for name in ("low", "high"))
            return tuple(np.sort(np.stack(list(ends)), axis=0))
        low, high = np.full(size, np.nan), np.full(size, np.nan)
        if kind.interval and not any(kind.windowed()):  # behind windows are other rows than the period's
            self._resample(kind, get, cells, low, high)
        return low, high

    def _resample(self, kind: Kind, get, cells, low: np.ndarray, high: np.ndarray) -> None:
        """Fill in the limits of the recent periods from single rows, where these are not too many."""
        size, periods = len(cells), len(self.span.periods)
        span = Buckets(self.span.periods[-self.recent :], self.span.every)
        first = size // periods * (periods - len(span.periods))
        if _counted(kind, get, first, size // periods) > MOST_ROWS:
            return
        if self.fetched is None:
            needing = [one for one in self.kinds.values() if one.interval in ("bootstrap", "order")]
            needing = [one for one in needing if not any(one.windowed())]
            self.fetched = Fetched({name: self.table(name) for name in self.plans}, needing, span, self.crm.as_of)
        rows = Rows.of(self.fetched, kind, span)
        if rows is not None:
            within = rows.order if kind.interval == "order" else rows.bootstrap
            low[first:], high[first:] = within(kind, cells[first:])

    def _notes(self, kind: Kind, get, frame: pd.DataFrame, cells) -> np.ndarray:
        notes = np.full(len(frame), "", dtype=object)
        _say(notes, _withheld(kind, get, len(frame)))
        if isinstance(kind, Waiting):
            beyond = (frame["value"].isna() & (frame["n"] > 0)).to_numpy()
            _say(notes, (beyond, "more than half are still waiting: no median yet"))
        for name in dict.fromkeys(kind.windowed()):
            said = self.elsewhere[name]["note"].reindex(cells).fillna("")
            for text in said[said != ""].unique():
                _say(notes, ((said == text).to_numpy(), text))
        if isinstance(kind, Attained):
            _say(notes, (np.isnan(kind.denominator(get)), f"there is no target of {kind.metric}"))
        missing = frame["value"].isna().to_numpy()
        if (without := kind.without(get)) is not None:
            _say(notes, (missing & (without > 0), "cannot be known: none of the rows carries an amount"))
            _say(notes, (~missing & (without > 0), "some rows carry no amount and are left out"))
        _say(notes, (missing & (notes == ""), "nothing to measure in this period"))
        for atom, text in kind.all_remarks():
            _say(notes, (get(atom) > 0, text))
        if not isinstance(kind, Attained | Windowed) and (
            kind.interval or not isinstance(kind, Count | Total | Level | Arithmetic)
        ):
            few = (frame["n"] < FEW).to_numpy() & frame["value"].notna().to_numpy()
            _say(notes, (few, f"fewer than {FEW} observations"))
        if self.crm.as_of is not None:
            starts = {period.start for period in self.span.periods if not period.complete(self.crm.as_of)}
            late = frame["period"].isin(pd.DatetimeIndex(starts)).to_numpy() if starts else np.zeros(len(frame), bool)
            _say(notes, (late, f"the period is not over: known up to {self.crm.as_of:%Y-%m-%d}"))
        return notes


def _counted(kind: Kind, get, first: int, last: int) -> float:
    """Return at least how many rows are behind a kind from the cell `first` on, as far as its counts tell.

    `last` is how many cells the last period has: sums that run on have all their rows there.
    """
    counts = [atom for atom in kind.atoms() if atom.how == "count"]
    return max((float(np.sum(get(a)[first if a.moment == "during" else -last :])) for a in counts), default=0.0)


def _running(sums: pd.Series, cells, periods: int, span: Buckets, moment: str) -> np.ndarray:
    """Add up what falls before the end (or the start) of each period, group by group."""
    starts = pd.DatetimeIndex([span.before, *(period.start for period in span.periods)]).astype("datetime64[us]")
    if isinstance(cells, pd.MultiIndex):
        groups = cells.droplevel(START)[: len(cells) // periods]
        wide = sums.unstack(START).reindex(index=groups, columns=starts).to_numpy(float).T
    else:
        wide = sums.reindex(starts).to_numpy(float)[:, None]
    totals = np.cumsum(np.nan_to_num(wide), axis=0)
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
        if text not in notes[place]:
            notes[place] = f"{notes[place]}; {text}" if notes[place] else text
