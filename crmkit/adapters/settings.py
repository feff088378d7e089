"""Settings of crm.toml that a file of the export says, such as the service levels agreed with each department."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from crmkit.adapters import cells
from crmkit.adapters.fold import holds
from crmkit.adapters.loading import line_of
from crmkit.adapters.source_file import Staged
from crmkit.adapters.spec import Adapter, FromFile, StagesOfFile
from crmkit.errors import DataError

if TYPE_CHECKING:
    import duckdb


def from_files(con: duckdb.DuckDBPyConnection, rules: Adapter, staged: Mapping[str, Staged]) -> dict[str, Any]:
    """Return the settings of an adapter, with those put in that files of the export say.

    A setting whose file isn't in the export is left out.

    Raises
    ------
    DataError
        Where a header isn't there, a number can't be read, or a word has two numbers.
    """
    found = deepcopy(dict(rules.crm))
    for place, rule in rules.crm_from_files.items():
        if rule.file not in staged:
            continue
        at = found
        for name in place[:-1]:
            at = at.setdefault(name, {})
        if isinstance(rule, StagesOfFile):
            if stages := _stages(con, staged[rule.file], rule):
                at[place[-1]] = stages
        else:
            at[place[-1]] = _numbers(con, rules, staged[rule.file], rule)
    return found


def _stages(con: duckdb.DuckDBPyConnection, there: Staged, rule: StagesOfFile) -> dict[str, str]:
    """Return the stages of a file in their order, each with its meaning; none where the file lacks the headers.

    A name that means different things in different pipelines is left out.
    """
    name, order, closed, won = (there.find(wanted) for wanted in rule.headers[:4])
    if name is None or order is None:
        return {}

    def flag(header: str | None) -> str:
        return cells.flag(cells.trimmed(there.headers[header])) if header else "false"

    gone = [
        holds(there.headers[found], words) for header, words in rule.unless.items() if (found := there.find([header]))
    ]
    rows = con.execute(
        f"SELECT {cells.trimmed(there.headers[name])} AS name, {flag(closed)}, {flag(won)} FROM {there.table} "
        f"WHERE name IS NOT NULL AND NOT ({' OR '.join(gone) or 'false'}) "
        f"ORDER BY TRY_CAST({there.headers[order]} AS DOUBLE) NULLS LAST, _file, _row"
    ).fetchall()
    meanings: dict[str, set[str]] = {}
    for stage, is_closed, is_won in rows:
        meanings.setdefault(stage, set()).add("won" if is_won else "lost" if is_closed else "open")
    return {stage: meaning.pop() for stage, meaning in meanings.items() if len(meaning) == 1}


def _numbers(con: duckdb.DuckDBPyConnection, rules: Adapter, there: Staged, rule: FromFile) -> dict[str, float]:
    """Return what a file says: from a word to a number."""
    name, reading = there.files[0].path.name, rules.files[rule.file].reading
    headers = [there.find([header]) for header in (rule.key, rule.value)]
    for header, wanted in zip(headers, (rule.key, rule.value), strict=True):
        if header is None:
            raise DataError(f"{name}: there is no column {wanted!r}. Columns there: {', '.join(there.headers)}.")
    word, cell = (cells.trimmed(there.headers[header]) for header in headers)
    rows = con.execute(
        f"SELECT _file, _row, {word}, {cell}, {cells.number(cell, reading, rule.times)} FROM {there.table} "
        f"WHERE {word} IS NOT NULL ORDER BY 1, 2"
    ).fetchall()
    made: dict[str, float] = {}
    for file, row, key, text, number in rows:
        line = f"{there.files[file].path.name}, line {line_of(there.files[file], row, reading)}"
        if number is None:
            raise DataError(f"{line}: {text!r} under {headers[1]!r} can't be read as a number.")
        if made.setdefault(key, number) != number:
            raise DataError(f"{line}: {key!r} has two numbers, {made[key]:g} and {number:g}; only one can hold.")
    return {key: int(number) if number.is_integer() else number for key, number in made.items()}
