"""Which product wrote an export: all adapters are held against its files, and it is said how sure the answer is.

A header says more the fewer adapters know it: StageName tells one product, Name tells none. An adapter's score is made
of what it would use of all that any adapter knows in the files, each header by what it tells (60%), of the headers it
knows in these kinds of file and finds there (20%), and of the files whose names it knows (20%); where it lacks what it
needs, the score is halved.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from crmkit.adapters import files as exports
from crmkit.adapters import parse, reading
from crmkit.adapters.candidates import SAME, Candidate, Recognised
from crmkit.adapters.encoding import CANDIDATES as ENCODINGS
from crmkit.adapters.headers import CELL, HEADER, fitting
from crmkit.adapters.lines import holds, plain
from crmkit.adapters.spec import EITHER, Adapter, FileSpec, FromFile, Reading
from crmkit.errors import CrmkitError, DataError, UsageError

_SHOWN = 5
_SPELLINGS = 3  # of a header that is lacking, that are named


Groups = dict[tuple[str, ...], bool]
_PLAINLY = Reading(dates=(), unreadable=0.0)


@dataclass(frozen=True)
class _Fit:
    """How a file fits one kind of file of an adapter: its headers, those used, and what it lacks."""

    alias: str
    named: bool
    headers: tuple[str, ...]
    used: tuple[str, ...]
    wanted: int
    there: int
    lacking: tuple[str, ...]


def recognise(sources: Iterable[str | Path], adapters: Mapping[str, Path]) -> Recognised:
    """Hold every adapter against the files of an export.

    Raises
    ------
    UsageError
        Where a source doesn't exist.
    DataError
        Where there are no files.
    """
    given = tuple(str(source) for source in sources)
    if not given:
        raise UsageError("Nothing was given to recognise: name the folder or the files of the export.")
    rules = [parse.load(path) for path in adapters.values()]
    telling = _telling(rules)
    loose, single, named = exports.given_files(rules[0], given)
    paths = [*single, *loose, *(path for group in named.values() for path in group)]
    if not paths:
        raise DataError("There are no files in what was given to recognise.")
    peek = _Peek(telling)
    fits = {adapter.system: _fits(adapter, paths, peek, telling) for adapter in rules}
    known = {(path, header) for found in fits.values() for path, fit in found.items() for header in fit.used}
    seen = sum(_weight(telling, header) for _, header in known)
    scored = [_candidate(a, paths, fits[a.system], seen, telling) for a in rules if fits[a.system]]
    best = sorted(scored, key=lambda c: (-c.score + SAME * bool(c.extends), c.system))
    shown = tuple(c for c in best if c.score >= best[0].score / 3)[:_SHOWN]
    return Recognised(
        shown, given, {path.name: name for path, name in peek.encodings.items()}, tuple(peek.errors.values())
    )


def _groups(adapter: Adapter, alias: str) -> Groups:
    """Return the headers that are wanted of a kind of file, in all their spellings, and whether they must be there."""
    found = dict.fromkeys(adapter.files[alias].has, False)
    for table in (table for table in adapter.tables if table.file == alias):
        for column in table.columns:
            must = column.required and not column.absent and not table.if_there and not table.unpivot
            groups = [column.headers] if column.headers else [tuple(h.split(EITHER)) for h in column.wanted]
            for group in groups:
                if group and not any(h.startswith("_") or h in (HEADER, CELL) for h in group):
                    found[group] = found.get(group, False) or (must and len(groups) == 1)
        chosen = (header for header in (*table.only, *table.without) if header not in table.chosen_by)
        rules = (*chosen, *table.one_row_for, table.in_order_of, *table.unpivot)
        found |= {(header,): found.get((header,), False) for header in rules if header}
    for column in (column for table in adapter.tables for column in table.columns if column.take):
        if column.lookup and column.lookup[0] == alias:  # files that others look up in
            found |= {group: found.get(group, False) for group in ((column.lookup[1],), column.take)}
    for rule in (rule for rule in adapter.crm_from_files.values() if rule.file == alias):
        if isinstance(rule, FromFile):
            found |= {(rule.key,): True, (rule.value,): True}
        else:
            stages = (rule.key, rule.order, rule.closed, rule.won)
            found |= {group: found.get(group, False) for group in stages if group}
    return found


def _telling(rules: list[Adapter]) -> dict[str, float]:
    """Return what each header tells: much where one adapter knows it, little where many do."""
    counts: Counter[str] = Counter()
    for adapter in rules:
        groups = [group for alias in adapter.files for group in _groups(adapter, alias)]
        counts.update({plain(header) for group in groups for spelling in group for header in spelling.split(EITHER)})
    return {header: math.log((len(rules) + 1) / count) for header, count in counts.items()}


def _weight(telling: Mapping[str, float], header: str) -> float:
    return telling.get(plain(header), 0.5)  # one that only a star fits tells little


class _Peek:
    """The headers of files, each looked up once for each way of reading, and the encodings that were tried for them."""

    def __init__(self, telling: Mapping[str, float]) -> None:
        self.telling = telling
        self.found: dict[tuple, dict[str, str]] = {}
        self.plainly: dict[Path, dict[str, str] | None] = {}
        self.encodings: dict[Path, str] = {}
        self.errors: dict[Path, str] = {}

    def __call__(self, path: Path, spec: FileSpec) -> dict[str, str]:
        """Return a file's headers as an adapter would read it, by how they are without case and spaces."""
        if path not in self.plainly:
            self.plainly[path] = self._plainly(path)
        there = self.plainly[path]
        only_cells = replace(spec.reading, dates=(), decimal=".", thousands="", missing=(), unreadable=0.0)
        if there is not None and only_cells == _PLAINLY and holds(there.values(), spec.has):
            return there
        key = (path, only_cells, spec.has)
        if key not in self.found:
            own = only_cells if only_cells.encoding else replace(only_cells, encoding=self.encodings.get(path, ""))
            self.found[key] = _headers(path, own, spec.has) or {}
        return self.found[key]

    def _plainly(self, path: Path) -> dict[str, str] | None:
        """Return a file's headers without any adapter; where it isn't UTF-8, in the encoding that makes them known."""
        found = _headers(path, _PLAINLY, ())
        if found is not None:
            return found
        tried = {}
        for encoding in ENCODINGS:
            headers = _headers(path, replace(_PLAINLY, encoding=encoding), ())
            known = sum(self.telling.get(header, 0.0) for header in headers or ())
            if headers and known:
                tried.setdefault(known, (encoding, headers))
        if not tried:
            try:
                reading.headers_of(path, _PLAINLY)
            except (CrmkitError, OSError) as error:
                self.errors[path] = str(error)
            return None
        self.encodings[path], found = tried[max(tried)]
        return found


def _headers(path: Path, how: Reading, has: tuple[tuple[str, ...], ...]) -> dict[str, str] | None:
    try:
        return {plain(header): header for header in reading.headers_of(path, how, has)}
    except (CrmkitError, OSError):
        return None


def _fits(adapter: Adapter, paths: list[Path], peek: _Peek, telling: Mapping[str, float]) -> dict[Path, _Fit]:
    """Give each file to the kind of file that it fits best, as an import would find it: by name, else by headers."""

    def good(fit: _Fit) -> tuple[bool, bool, float]:
        weight = sum(_weight(telling, header) for header in fit.used)
        return not fit.lacking, fit.named, weight * fit.there / fit.wanted

    found, wanted = {}, {alias: _groups(adapter, alias) for alias in adapter.files}
    by_name = {alias: exports.matching(spec, paths) for alias, spec in adapter.files.items()}
    known = {alias: bool(spec.has) or len(adapter.files) == 1 for alias, spec in adapter.files.items()}
    for path in paths:
        fits = [fit for alias in adapter.files if (fit := _fit(adapter, alias, path, peek, wanted))]
        fits = [fit for fit in fits if path in by_name[fit.alias] or (not by_name[fit.alias] and known[fit.alias])]
        best = max(fits, key=good, default=None)
        if best is not None and (best.named or not best.lacking):
            found[path] = best
    return found


def _fit(adapter: Adapter, alias: str, path: Path, peek: _Peek, wanted: Mapping[str, Groups]) -> _Fit | None:
    """Hold one kind of file against a file; None where it would use nothing of it."""
    spec, groups = adapter.files[alias], wanted[alias]
    headers = peek(path, spec)
    used: dict[str, None] = {}
    there, lacking = 0, []
    for group, must in groups.items():
        hits = _hits(headers, group)
        used |= dict.fromkeys(hits)
        there += bool(hits)
        if must and not hits:
            lacking.append(" or ".join(group[:_SPELLINGS]))
    if not used:
        return None
    named = any(sum(c.isalpha() for c in pattern) > len("*.csv") for pattern in spec.names)
    named = named and bool(exports.matching(spec, [path]))
    if not named:
        lacking += [spellings[0] for spellings in spec.has if not _hits(headers, spellings)]
    return _Fit(alias, named, tuple(headers.values()), tuple(used), len(groups), there, tuple(lacking))


def _hits(headers: Mapping[str, str], group: tuple[str, ...]) -> list[str]:
    """Return the headers that a column would use, of the first of its spellings that is there."""
    for pattern in group:
        if plain(pattern) in headers:
            return [headers[plain(pattern)]]
        if "*" in pattern and (found := fitting(headers.values(), pattern)):
            return found
    return []


def _candidate(
    adapter: Adapter, paths: list[Path], fits: Mapping[Path, _Fit], seen: float, telling: Mapping[str, float]
) -> Candidate:
    """Put together how an adapter fits all files of an export."""
    used = [(path, header) for path, fit in fits.items() for header in fit.used]
    weight = sum(_weight(telling, header) for _, header in used)
    there, wanted = sum(fit.there for fit in fits.values()), sum(fit.wanted for fit in fits.values())
    named = sum(fit.named for fit in fits.values()) / len(paths)
    score = 0.6 * weight / seen + 0.2 * there / wanted + 0.2 * named
    aliases = {fit.alias for fit in fits.values()}
    gone = [
        f"a file {spec.names[0]}" for alias, spec in adapter.files.items() if spec.required and alias not in aliases
    ]
    for alias in sorted(aliases):  # files of one kind are read together: what one has, the others needn't
        each = [fit.lacking for fit in fits.values() if fit.alias == alias]
        gone += [header for header in each[0] if all(header in lacking for lacking in each)]
    lacking = tuple(dict.fromkeys(gone))
    words = sorted({header for _, header in used}, key=lambda header: (-_weight(telling, header), header))
    return Candidate(
        adapter.system,
        adapter.title,
        round(score / (2 if lacking else 1), 3),
        {path.name: fit.alias for path, fit in fits.items()},
        tuple(path.name for path in paths if path not in fits),
        sum(len(fit.headers) for fit in fits.values()),
        len(used),
        tuple(words[:3]),
        lacking,
        adapter.extends,
    )
