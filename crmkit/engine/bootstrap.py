"""Intervals that need single rows: bootstrapped ratios of several metrics, and order statistics of quantiles.

The rows behind a result are fetched once, each with what it adds to every sum; a replicate weighs each row by a
Poisson(1) number, which is the bootstrap of a sample whose size is itself left to chance. Where customers are counted,
several tables are combined, or a metric asks for it, all rows of a customer share one weight: the customer is what is
drawn. Rows are put in an order given by their content, so that neither their order in the source nor their ids change
the result. Each period is drawn from the rows that it alone would be measured from, so that its interval does not
depend on the periods beside it.
"""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import ibis
import numpy as np
import pandas as pd

from crmkit.casting import TIME
from crmkit.engine import intervals
from crmkit.engine.buckets import Buckets
from crmkit.engine.query import START
from crmkit.kinds import Atom, Given, Kind
from crmkit.periods import Period
from crmkit.relations import FIXED, all_derived, at

REPLICATES = 400
MOST_ROWS = 100_000
"""With more rows than this an interval is left out: it would be narrow, and take long."""
_AT_ONCE = 4 * MOST_ROWS
"""With more rows than this a relation's are not fetched for all metrics at once."""
_SEED = 20260701


@dataclass(frozen=True)
class Rows:
    """Single rows of the relations that a kind is computed from.

    Attributes
    ----------
    frames : dict of str to DataFrame
        By relation: one row a row, in an order given by the content. For each atom `c<i>` (what the row adds) and
        `t<i>` (the start of the period it falls in, `Buckets.before` for an earlier one, null for none), and the
        groups.
    places : dict of atom key to int
    span : Buckets
    clustered : bool
        Whether customers are drawn, and not rows.
    running : frozenset of (str, str)
        The relations' columns `t<i>` of sums of all that lies before a moment.
    as_of : datetime or None
    """

    frames: dict[str, pd.DataFrame]
    places: dict[tuple, int]
    span: Buckets
    clustered: bool
    running: frozenset[tuple[str, str]]
    as_of: datetime | None = None

    @classmethod
    def of(cls, fetched: Fetched, kind: Kind, span: Buckets) -> Rows | None:
        """Return the rows behind `kind`; None where there are too many."""
        tables = fetched.tables
        atoms: dict[str, dict[tuple, Atom]] = {}
        for atom in kind.atoms():
            atoms.setdefault(atom.relation, {})[atom.key] = atom
        drawn = {relation: asked for relation, asked in atoms.items() if not is_fixed(relation)}
        counted = any(atom.how == "distinct" for asked in drawn.values() for atom in asked.values())
        together = len(drawn) > 1 or counted or kind.draws_customers()
        clustered = together and all("customer_id" in tables[relation][0].columns for relation in drawn)
        frames, places, running = {}, {}, set()
        for relation, asked in atoms.items():
            for place, (key, atom) in enumerate(asked.items()):
                places[key] = place
                if atom.moment != "during":
                    running.add((relation, f"t{place}"))
            found = fetched.rows(relation, list(asked.values()), clustered=clustered and relation in drawn)
            if found is None:
                return None
            frames[relation] = found
        return cls(frames, places, span, clustered, frozenset(running), fetched.as_of)

    def order(self, kind: Any, cells) -> tuple[np.ndarray, np.ndarray]:
        """Return the interval of a quantile in each cell: two of its own values."""
        atom = kind.ordered
        frame = self.frames[atom.relation]
        place = self.places[atom.key]
        codes = _codes(frame, f"t{place}", cells)
        values = frame[f"c{place}"].to_numpy(float)
        there = (codes >= 0) & ~np.isnan(values)
        codes, values = codes[there], values[there]
        order = np.lexsort((values, codes))
        codes, values = codes[order], values[order]
        low = np.full(len(cells), np.nan)
        high = np.full(len(cells), np.nan)
        found, first, n = np.unique(codes, return_index=True, return_counts=True)
        if len(found):
            below, above = intervals.order_ranks(n, atom.share)
            low[found], high[found] = values[first + below - 1], values[first + above - 1]
        return low, high

    def bootstrap(self, kind: Kind, cells) -> tuple[np.ndarray, np.ndarray]:
        """Return the percentile interval of a kind in each cell."""
        size = len(cells) // len(self.span.periods)
        alone = [self._alone(period) for period in self.span.periods]
        units = [_units(rows.drawn, rows.clustered) for rows in alone]
        most = max((int(of.max(initial=-1)) + 1 for each in units for of in each.values()), default=0)
        # a longer draw begins with the shorter one, so one draw serves all periods
        drawn = np.random.default_rng(_SEED).poisson(1.0, (most, REPLICATES))
        found = [
            rows._percentiles(kind, cells[place * size : (place + 1) * size], {n: drawn[of] for n, of in each.items()})
            for place, (rows, each) in enumerate(zip(alone, units, strict=True))
        ]
        return np.concatenate([low for low, _ in found]), np.concatenate([high for _, high in found])

    @property
    def drawn(self) -> dict[str, pd.DataFrame]:
        """The rows of those relations that chance has a part in."""
        return {name: frame for name, frame in self.frames.items() if not is_fixed(name)}

    def _alone(self, period: Period) -> Rows:
        """Return the rows as one period sees them: what lies after it is not there, what lies before it is before."""
        start = pd.Timestamp(period.start)
        span = Buckets((period,), self.span.every)
        frames = {}
        for name, frame in self.frames.items():
            seen = {}
            for column in (column for column in frame if column.startswith("t")):
                earlier = pd.Timestamp(span.before) if (name, column) in self.running else pd.NaT
                times = frame[column].astype("datetime64[us]")
                seen[column] = times.where(times <= start).mask(times < start, earlier)
            there = pd.DataFrame(seen).notna().any(axis=1)
            frames[name] = _by_content(frame.assign(**seen)[there])
        return Rows(frames, self.places, span, self.clustered, self.running, self.as_of)

    def _percentiles(self, kind: Kind, cells, weights: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        known: dict[tuple, np.ndarray] = {}

        def get(atom: Atom | Given) -> np.ndarray:
            if isinstance(atom, Given):  # the days of the one period: windows have no replicates
                return np.array([[self.span.periods[0].days_known(self.as_of)]])
            asked = (*atom.key, atom.moment)
            if asked not in known:
                once = np.ones((len(self.frames[atom.relation]), 1))
                known[asked] = self._sums(atom, weights.get(atom.relation, once), cells)
            return known[asked]

        replicates = np.broadcast_to(np.asarray(kind.value(get), float), (len(cells), REPLICATES))
        low, high = np.full(len(cells), np.nan), np.full(len(cells), np.nan)
        enough = np.isfinite(replicates).mean(axis=1) >= 0.5
        if enough.any():
            finite = np.where(np.isfinite(replicates[enough]), replicates[enough], np.nan)
            low[enough], high[enough] = np.nanpercentile(finite, [2.5, 97.5], axis=1)
        return low, high

    def _sums(self, atom: Atom, weights: np.ndarray, cells) -> np.ndarray:
        """Return the atom's sums in each cell and replicate."""
        from scipy.sparse import csr_array

        frame, place = self.frames[atom.relation], self.places[atom.key]
        if atom.how == "distinct":
            return self._distinct(atom, weights, cells)
        values = np.nan_to_num(frame[f"c{place}"].to_numpy(float))
        if atom.moment == "during":
            codes, size = _codes(frame, f"t{place}", cells), len(cells)
            return _gather(csr_array, codes, values, weights, size)
        periods = len(self.span.periods)
        groups = len(cells) // periods
        starts = pd.DatetimeIndex([self.span.before, *(p.start for p in self.span.periods)]).astype("datetime64[us]")
        when = starts.get_indexer(frame[f"t{place}"])
        group = _group_codes(frame, cells, groups)
        codes = np.where((when >= 0) & (group >= 0), when * groups + group, -1)
        sums = _gather(csr_array, codes, values, weights, (periods + 1) * groups)
        totals = np.cumsum(sums.reshape(periods + 1, groups, -1), axis=0)
        part = totals[1:] if atom.moment == "end" else totals[:-1]
        return part.reshape(periods * groups, -1)

    def _distinct(self, atom: Atom, weights: np.ndarray, cells) -> np.ndarray:
        """Count the different values, each as often as its unit is drawn."""
        from scipy.sparse import csr_array

        frame, place = self.frames[atom.relation], self.places[atom.key]
        codes = _codes(frame, f"t{place}", cells)
        values = pd.factorize(frame[f"c{place}"])[0]
        there = (codes >= 0) & (values >= 0)
        pairs = pd.DataFrame({"cell": codes, "value": values, "row": np.arange(len(frame))})[there]
        first = pairs.drop_duplicates(["cell", "value"])
        placed = np.full(len(frame), -1)
        placed[first["row"]] = first["cell"]
        return _gather(csr_array, placed, np.ones(len(frame)), weights, len(cells))


def _gather(csr_array, codes: np.ndarray, values: np.ndarray, weights: np.ndarray, size: int) -> np.ndarray:
    there = codes >= 0
    where = (codes[there], np.flatnonzero(there))
    return csr_array((values[there], where), shape=(size, len(codes))) @ weights


def _units(frames: dict[str, pd.DataFrame], clustered: bool) -> dict[str, np.ndarray]:
    """Number what is drawn: rows, a table's apart from another's, or customers, in the order of their content."""
    units: dict[str, np.ndarray] = {}
    if not clustered:
        first = 0
        for name, frame in frames.items():
            units[name] = np.arange(first, first + len(frame))
            first += len(frame)
        return units
    described, owned = [], {}
    for place, (name, frame) in enumerate(frames.items()):
        numbers = frame.select_dtypes("number").add_prefix(f"{place}_")
        times = frame.select_dtypes("datetime").astype("int64").add_prefix(f"{place}_")
        owners = owned[name] = _owners(frame["unit"], place)
        described.append(pd.concat([numbers, times], axis=1).groupby(owners, dropna=False).sum())
        groups = [column for column in frame if column.startswith("by_")]
        described.append(frame[groups].add_prefix(f"{place}_").groupby(owners, dropna=False).min().fillna(""))
    content = pd.concat(described, axis=1)
    content = content.fillna({column: "" if "_by_" in column else 0 for column in content})
    order = content.sort_values(list(content.columns)).index
    for name in frames:
        units[name] = order.get_indexer(owned[name])
    return units


def is_fixed(relation: str) -> bool:
    """Tell whether a relation's amounts are given, such as what was spent, and not drawn anew in a replicate."""
    return relation in FIXED or (relation in all_derived() and all_derived()[relation].fixed)


def _owners(customers: pd.Series, place: int) -> np.ndarray:
    """Return whose each row is; a row of nobody known is a unit of its own, not one with all others of nobody."""
    owners = customers.astype(object).to_numpy(copy=True)
    unknown = np.flatnonzero(customers.isna())
    owners[unknown] = [f"\x00{place}:{row}" for row in unknown]
    return owners


@dataclass
class Fetched:
    """The rows behind several kinds, fetched once a relation.

    Attributes
    ----------
    tables : dict of str to (Ibis table, list of str)
        The relations, and the columns of their groups.
    kinds : list of Kind
        All kinds whose rows may be asked for.
    span : Buckets
    as_of : datetime or None
    """

    tables: dict[str, tuple[Any, list[str]]]
    kinds: list[Kind]
    span: Buckets
    as_of: datetime | None = None
    frames: dict[str, pd.DataFrame | None] = field(default_factory=dict)
    places: dict[tuple, int] = field(default_factory=dict)

    def rows(self, relation: str, atoms: list[Atom], *, clustered: bool) -> pd.DataFrame | None:
        """Return the rows of a relation that any of `atoms` counts, ordered by content; None where too many do."""
        table, groups = self.tables[relation]
        if relation not in self.frames:
            every = {atom.key: atom for kind in self.kinds for atom in kind.atoms() if atom.relation == relation}
            self.places |= {key: place for place, key in enumerate(every)}
            self.frames[relation] = _fetch(table, groups, list(every.values()), self.span, most=_AT_ONCE)
        whole, places = self.frames[relation], [self.places[atom.key] for atom in atoms]
        if whole is None:  # too many for all kinds, perhaps not for this one
            whole, places = _fetch(table, groups, atoms, self.span, most=MOST_ROWS), range(len(atoms))
            if whole is None:
                return None
        columns = {name: name for name in [*groups, *(["unit"] if clustered else [])]}
        for place, origin in enumerate(places):
            columns |= {f"t{place}": f"t{origin}", f"c{place}": f"c{origin}"}
        counted = whole[[f"t{origin}" for origin in places]].notna().any(axis=1)
        if counted.sum() > MOST_ROWS:
            return None
        frame = whole.loc[counted, list(columns.values())].set_axis(list(columns), axis=1)
        return _by_content(frame)


def _by_content(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows in an order that their content alone decides; the ids of units have no part in it."""
    return frame.sort_values([name for name in frame.columns if name != "unit"], ignore_index=True)


def _fetch(table, groups: list[str], atoms: list[Atom], span: Buckets, *, most: int) -> pd.DataFrame | None:
    """Fetch the rows that any atom counts, with what each adds; None where there are more than `most`."""
    columns = {"unit": table.customer_id} if "customer_id" in table.columns else {}
    counts = [_counts(atom, span) for atom in atoms]
    for place, (atom, counted) in enumerate(zip(atoms, counts, strict=True)):
        before = ibis.ifelse(atom.at < at(span.start), at(span.before), span.start_of(atom.at))
        columns[f"t{place}"] = ibis.ifelse(counted, before.cast(TIME), ibis.null(TIME))
        columns[f"c{place}"] = ibis.literal(1.0) if atom.value is None else atom.value
    anything = functools.reduce(operator.or_, counts)
    rows = table.filter(anything).select(*groups, **columns)
    found = rows.limit(most + 1).to_pyarrow().to_pandas()
    return found if len(found) <= most else None


def _counts(atom: Atom, span: Buckets):
    """Tell which rows an atom counts in any of the periods."""
    inside = atom.at < at(span.end)
    if atom.moment == "during":
        inside = (atom.at >= at(span.start)) & inside
    return inside if atom.where is None else inside & atom.where


def _codes(frame: pd.DataFrame, time: str, cells) -> np.ndarray:
    """Return the number of the cell that each row falls in, -1 for none."""
    when = frame[time].astype("datetime64[us]")
    if not isinstance(cells, pd.MultiIndex):
        return pd.DatetimeIndex(cells).get_indexer(when)
    names = [name for name in cells.names if name != START]
    keys = pd.MultiIndex.from_arrays([when, *(frame[name] for name in names)], names=cells.names)
    return cells.get_indexer(keys)


def _group_codes(frame: pd.DataFrame, cells, groups: int) -> np.ndarray:
    if not isinstance(cells, pd.MultiIndex):
        return np.zeros(len(frame), int)
    index = cells.droplevel(START)[:groups]
    names = [name for name in cells.names if name != START]
    if len(names) == 1:
        return index.get_indexer(frame[names[0]])
    return index.get_indexer(pd.MultiIndex.from_arrays([frame[name] for name in names], names=names))
