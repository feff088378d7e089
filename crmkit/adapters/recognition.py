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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crmkit.adapters import files as exports
from crmkit.adapters import parse, reading
from crmkit.adapters.headers import fitting
from crmkit.adapters.lines import plain
from crmkit.adapters.spec import EITHER, Adapter, FileSpec
from crmkit.errors import CrmkitError, DataError, UsageError

SURE, AHEAD = 0.35, 0.08  # the least score of an answer, and how far it must be ahead of the next
_SHOWN = 5


@dataclass(frozen=True)
class Candidate:
    """One adapter, and how well it fits an export.

    Attributes
    ----------
    system, title : str
    score : float
        0-1.
    files : dict of str to str
        Files that it would read, each with the adapter's short name for it.
    files_left : tuple of str
        Files that it would not read.
    headers, headers_used : int
        Headers of those files, and how many of them it would use.
    telling : tuple of str
        Headers it would use that few other adapters know.
    lacking : tuple of str
        What it can't do without and isn't there.
    """

    system: str
    title: str
    score: float
    files: dict[str, str]
    files_left: tuple[str, ...]
    headers: int
    headers_used: int
    telling: tuple[str, ...]
    lacking: tuple[str, ...]

    def reasons(self) -> str:
        """Say in one line why the score is what it is."""
        total = len(self.files) + len(self.files_left)
        said = f"{len(self.files)} of {total} files, {self.headers_used} of their {self.headers} headers used"
        if self.telling:
            said += f", among them {', '.join(self.telling)}"
        return said + (f"; lacks {', '.join(self.lacking)}" if self.lacking else "")


@dataclass(frozen=True)
class Recognised:
    """The adapters that could read an export, the best first."""

    candidates: tuple[Candidate, ...]
    sources: tuple[str, ...]

    @property
    def clear(self) -> bool:
        """Whether one adapter is clearly ahead and lacks nothing."""
        best, *others = self.candidates or (None,)
        if best is None or best.score < SURE or best.lacking:
            return False
        return not others or best.score - others[0].score >= AHEAD

    @property
    def system(self) -> str:
        """The adapter that is clearly ahead.

        Raises
        ------
        UsageError
            Where none is; the text says which could be meant, and how to choose.
        """
        if not self.clear:
            raise UsageError(self.text().rstrip())
        return self.candidates[0].system

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as plain data that JSON can hold."""
        return {"clear": self.clear, "candidates": [asdict(candidate) for candidate in self.candidates]}

    def text(self) -> str:
        """Write the answer for people."""
        if not self.candidates:
            return (
                "No adapter knows any of these files. `crmkit import list` prints the products; for another, write an "
                "adapter as maven.toml shows (`crmkit import maven --show-adapter`) and give it by --adapter.\n"
            )
        best = self.candidates[0]
        verdict = "This is" if self.clear else "It isn't clear which product wrote this. It could be"
        width = max(len(c.system) for c in self.candidates)
        lines = [f"{verdict} {best.title}" + ("." if self.clear else ", or one of these:")]
        lines += [f"  {c.score:4.0%}  {c.system:<{width}}  {c.reasons()}" for c in self.candidates]
        if self.clear:
            lines += [f"  {name} is read as {alias}" for name, alias in best.files.items()]
        if best.files_left:
            lines.append(f"  left out: {', '.join(best.files_left)}")
        where = " ".join(_quoted(source) for source in self.sources)
        lines.append(f"Next: crmkit import {best.system} {where} --to my_crm")
        return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return f"'{text}'" if any(c in text for c in " ()&;'\"*?") else text


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
    peek = _Peek()
    fits = {adapter.system: _fits(adapter, paths, peek, telling) for adapter in rules}
    known = {(path, header) for found in fits.values() for path, fit in found.items() for header in fit.used}
    seen = sum(_weight(telling, header) for _, header in known)
    scored = [_candidate(a, paths, fits[a.system], seen, telling) for a in rules if fits[a.system]]
    best = sorted(scored, key=lambda c: (-c.score, c.system))
    return Recognised(tuple(c for c in best if c.score >= best[0].score / 3)[:_SHOWN], given)


def _groups(adapter: Adapter, alias: str) -> dict[tuple[str, ...], bool]:
    """Return the headers that are wanted of a kind of file, in all their spellings, and whether they must be there."""
    found = dict.fromkeys(adapter.files[alias].has, True)
    for table in (table for table in adapter.tables if table.file == alias):
        for column in table.columns:
            must = column.required and not column.absent and not table.if_there and not table.unpivot
            groups = [column.headers] if column.headers else [tuple(h.split(EITHER)) for h in column.wanted]
            for group in groups:
                if group and not any(h.startswith(("_", "(")) for h in group):
                    found[group] = found.get(group, False) or (must and len(groups) == 1)
        rules = (*table.only, *table.without, *table.one_row_for, table.in_order_of, *table.unpivot)
        found |= {(header,): found.get((header,), False) for header in rules if header}
    for rule in (rule for rule in adapter.crm_from_files.values() if rule.file == alias):
        found |= {(rule.key,): True, (rule.value,): True}
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
    """The headers of files, each looked up once for each way of reading."""

    def __init__(self) -> None:
        self.found: dict[tuple, tuple[str, ...]] = {}

    def __call__(self, path: Path, spec: FileSpec) -> tuple[str, ...]:
        """Return a file's headers as an adapter would read it; none where it can't."""
        key = (path, spec.reading, spec.has)
        if key not in self.found:
            try:
                self.found[key] = tuple(reading.headers_of(path, spec.reading, spec.has))
            except (CrmkitError, OSError):
                self.found[key] = ()
        return self.found[key]


def _fits(adapter: Adapter, paths: list[Path], peek: _Peek, telling: Mapping[str, float]) -> dict[Path, _Fit]:
    """Give each file to the kind of file that it fits best; one that lacks what it needs needs the right name."""

    def good(fit: _Fit) -> tuple[bool, bool, float]:
        weight = sum(_weight(telling, header) for header in fit.used)
        return not fit.lacking, fit.named, weight * fit.there / fit.wanted

    found = {}
    for path in paths:
        fits = [fit for alias in adapter.files if (fit := _fit(adapter, alias, path, peek))]
        best = max(fits, key=good, default=None)
        if best is not None and (best.named or not best.lacking):
            found[path] = best
    return found


def _fit(adapter: Adapter, alias: str, path: Path, peek: _Peek) -> _Fit | None:
    """Hold one kind of file against a file; None where it would use nothing of it."""
    spec, groups = adapter.files[alias], _groups(adapter, alias)
    headers = peek(path, spec)
    used: dict[str, None] = {}
    there, lacking = 0, []
    for group, must in groups.items():
        hits = [header for pattern in group for header in fitting(headers, pattern)]
        used |= dict.fromkeys(hits if any("*" in pattern for pattern in group) else hits[:1])
        there += bool(hits)
        if must and not hits:
            lacking.append(group[0])
    if not used:
        return None
    named = any(sum(c.isalpha() for c in pattern) > 3 + len(".csv") - 1 for pattern in spec.names)
    named = named and bool(exports.matching(spec, [path]))
    return _Fit(alias, named, headers, tuple(used), len(groups), there, tuple(lacking))


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
    lacking = tuple(dict.fromkeys([*gone, *(header for fit in fits.values() for header in fit.lacking)]))
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
    )
