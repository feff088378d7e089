"""Intervals that need single rows: bootstrapped ratios of several metrics, and order statistics of quantiles.

The rows behind a result are fetched once, each with what it adds to every sum; a replicate weighs each row by a
Poisson(1) number, which is the bootstrap of a sample whose size is itself left to chance. Where customers are counted,
or several tables are combined, all rows of a customer share one weight: the customer is what is drawn. Rows are put in
an order given by their content, so that neither their order in the source nor their ids change the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd

from crmkit.casting import TIME
from crmkit.engine import intervals
from crmkit.engine.buckets import Buckets
from crmkit.engine.query import START
from crmkit.kinds import Atom, Kind
from crmkit.relations import at

REPLICATES = 400
MOST_ROWS = 100_000
"""With more rows than this an interval is left out: it would be narrow, and take long."""
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
    units : dict of str to array
        By relation, the number of the unit that each row belongs to.
    """

    frames: dict[str, pd.DataFrame]
    places: dict[tuple, int]
    span: Buckets
    units: dict[str, np.ndarray]

    @classmethod
    def of(cls, tables: dict[str, tuple[Any, list[str]]], kind: Kind, span: Buckets) -> Rows | None:
        """Fetch the rows behind `kind`; None where there are too many."""
        atoms: dict[str, dict[tuple, Atom]] = {}
        for atom in kind.atoms():
            atoms.setdefault(atom.relation, {})[atom.key] = atom
        several = len(atoms) > 1 or any(atom.how == "distinct" for asked in atoms.values() for atom in asked.values())
        clustered = several and all("customer_id" in tables[relation][0].columns for relation in atoms)
        frames, places = {}, {}
        for relation, asked in atoms.items():
            table, groups = tables[relation]
            for place, key in enumerate(asked):
                places[key] = place
            found = _fetch(table, groups, list(asked.values()), span, clustered=clustered)
            if found is None:
                return None
            frames[relation] = found
        return cls(frames, places, span, _units(frames, clustered))

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
        generator = np.random.default_rng(_SEED)
        most = max((int(units.max(initial=-1)) + 1 for units in self.units.values()), default=0)
        drawn = generator.poisson(1.0, (most, REPLICATES))
        weights = {name: drawn[units] for name, units in self.units.items()}
        known: dict[tuple, np.ndarray] = {}

        def get(atom: Atom) -> np.ndarray:
            asked = (*atom.key, atom.moment)
            if asked not in known:
                known[asked] = self._sums(atom, weights[atom.relation], cells)
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
    described = []
    for place, frame in enumerate(frames.values()):
        numbers = frame.select_dtypes("number").add_prefix(f"{place}_")
        times = frame.select_dtypes("datetime").astype("int64").add_prefix(f"{place}_")
        described.append(pd.concat([numbers, times], axis=1).groupby(frame["unit"].to_numpy(), dropna=False).sum())
    content = pd.concat(described, axis=1).fillna(0)
    order = content.sort_values(list(content.columns)).index
    for name, frame in frames.items():
        units[name] = order.get_indexer(frame["unit"])
    return units


def _fetch(table, groups: list[str], atoms: list[Atom], span: Buckets, *, clustered: bool) -> pd.DataFrame | None:
    """Fetch the rows that any atom counts, with what each adds, ordered by their content."""
    columns, relevant = {"unit": table.customer_id} if clustered else {}, []
    for place, atom in enumerate(atoms):
        time = atom.at
        before = ibis.ifelse(time < at(span.start), at(span.before), span.start_of(time))
        inside = (time < at(span.end)) if atom.moment != "during" else (time >= at(span.start)) & (time < at(span.end))
        counts = inside if atom.where is None else inside & atom.where
        columns[f"t{place}"] = ibis.ifelse(counts, before.cast(TIME), ibis.null(TIME))
        columns[f"c{place}"] = ibis.literal(1.0) if atom.value is None else atom.value
        relevant.append(counts)
    anything = relevant[0]
    for condition in relevant[1:]:
        anything = anything | condition
    rows = table.filter(anything).select(*groups, **columns)
    found = rows.limit(MOST_ROWS + 1).to_pyarrow().to_pandas()
    if len(found) > MOST_ROWS:
        return None
    return found.sort_values([name for name in found.columns if name != "unit"], ignore_index=True)


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
