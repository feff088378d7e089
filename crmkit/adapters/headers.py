"""What a table's rules mean in the files at hand: stars in headers, headers that are carried along, headers as rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from crmkit import schema
from crmkit.adapters import cells
from crmkit.adapters.cells import literal
from crmkit.adapters.lines import plain as _plain
from crmkit.adapters.source_file import Staged
from crmkit.adapters.spec import EITHER, Adapter, ColumnSpec, TableSpec
from crmkit.errors import DataError

if TYPE_CHECKING:
    import duckdb

_SPELLINGS = 4  # of a header that a message names
HEADER, CELL = "(header)", "(cell)"  # what an unpivoted row comes from


def fitting(headers: Iterable[str], pattern: str) -> list[str]:
    """Return the headers that a pattern fits; case and spaces make no difference, and `*` stands for anything.

    Examples
    --------
    >>> fitting(["Score", "Would you recommend us?", "Recommend (2)"], "*recommend*")
    ['Would you recommend us?', 'Recommend (2)']
    >>> fitting(["Name*", "Names"], "Name*")  # a header that is written so comes before one that fits
    ['Name*']
    """
    headers = list(headers)
    if EITHER in pattern:
        return next((found for spelling in pattern.split(EITHER) if (found := fitting(headers, spelling))), [])
    exact = [header for header in headers if header == pattern] or [h for h in headers if _plain(h) == _plain(pattern)]
    if exact or "*" not in pattern:
        return exact[:1]
    shape = re.compile(".*".join(re.escape(part) for part in _plain(pattern).split("*")), re.DOTALL)
    return [header for header in headers if shape.fullmatch(_plain(header))]


def snake(header: str) -> str:
    """Return the name of a column that is carried along under its header.

    Examples
    --------
    >>> snake("Renewal_Risk__c"), snake("Lead Source (UI)"), snake("2nd owner"), snake("備考")
    ('renewal_risk', 'lead_source_ui', 'crm_2nd_owner', '備考')
    """
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", re.sub(r"__c$", "", header.strip()))
    name = re.sub(r"\W+|_+", "_", name).strip("_").casefold() or "column"
    return f"crm_{name}" if name[0].isdigit() else name


def prepare(
    con: duckdb.DuckDBPyConnection, adapter: Adapter, spec: TableSpec, staged: Staged, prefix: str
) -> tuple[TableSpec, Staged, tuple[str, ...]] | str:
    """Put the headers of the files at hand in the place of a part's patterns.

    Returns
    -------
    TableSpec, Staged, tuple of str, or str
        The part, the files with a row for each unpivoted header, and those headers; or why the part isn't made.

    Raises
    ------
    DataError
        Where several headers fit a pattern and their cells differ.
    """
    for spellings in spec.if_there:
        if not any(fitting(staged.headers, pattern) for pattern in spellings):
            return f"the file has no column {_either(spellings)}"
    long: list[str] = []
    if spec.unpivot:
        stars = {header: pattern for pattern in spec.unpivot for header in fitting(staged.headers, pattern)}
        if not stars:
            return f"the file has no column {_either(spec.unpivot)}"
        long = list(stars)
        staged = _unpivoted(con, staged, stars, prefix)
    columns = tuple(_resolved(con, spec, column, staged) for column in spec.columns)
    spec = replace(
        spec,
        columns=columns,
        only=_keys(spec.only, staged),
        without=_keys(spec.without, staged),
        one_row_for=tuple(_first(staged, header) for header in spec.one_row_for),
        in_order_of=_first(staged, spec.in_order_of),
    )
    kept = _kept(adapter, spec, staged, set(long))
    return replace(spec, columns=(*columns, *kept)), staged, tuple(long)


def _either(spellings: tuple[str, ...]) -> str:
    """Name the spellings of a header that isn't there, the first of them where they are many."""
    more = len(spellings) - _SPELLINGS
    return " or ".join(map(repr, spellings[:_SPELLINGS])) + (f" (or {more:,} other spellings)" if more > 0 else "")


def _unpivoted(con: duckdb.DuckDBPyConnection, staged: Staged, stars: dict[str, str], prefix: str) -> Staged:
    """Make a row of every filled cell under the headers that fit, with what the star stood for."""
    pairs = []
    for header, pattern in stars.items():
        before, star, after = pattern.partition("*")
        name = header[len(before) : len(header) - len(after)] if star else header
        pairs.append(f"{{'h': {literal(name)}, 'c': {staged.headers[header]}}}")
    view = f"{prefix}_long"
    con.execute(
        f"CREATE TEMP VIEW {view} AS SELECT * EXCLUDE (_pair), _pair.h AS _header, _pair.c AS _cell "
        f"FROM (SELECT *, unnest([{', '.join(pairs)}]) AS _pair FROM {staged.table}) "
        f"WHERE {cells.trimmed('_pair.c')} IS NOT NULL"
    )
    return replace(staged, table=view, headers={**staged.headers, HEADER: "_header", CELL: "_cell"})


def _resolved(con: duckdb.DuckDBPyConnection, spec: TableSpec, column: ColumnSpec, staged: Staged) -> ColumnSpec:
    """Put headers in the place of a column's patterns: the first that fits, or all of them where several are wanted."""
    if not any("*" in h or EITHER in h for h in (*column.wanted, *column.where, column.minor_of)):
        return column

    def all_of(patterns: tuple[str, ...]) -> tuple[str, ...]:
        found = [fitting(staged.headers, pattern) or [pattern.split(EITHER)[0]] for pattern in patterns]
        return tuple(dict.fromkeys(header for group in found for header in group))

    headers = []
    for pattern in column.headers:
        found = fitting(staged.headers, pattern)
        if len(found) > 1 and column.pick != "first":
            _same(con, spec, column, staged, pattern, found)
        headers.append(found[0] if found else pattern)
        if found:  # the first that is there; what others fit makes no difference
            break
    return replace(
        column,
        headers=tuple(headers),
        combine=all_of(column.combine),
        first_filled=all_of(column.first_filled),
        sums=all_of(column.sums),
        minus=all_of(column.minus),
        product=all_of(column.product),
        between=tuple(_first(staged, header) for header in column.between),
        after=tuple(_first(staged, header) for header in column.after),
        where=_keys(column.where, staged),
        minor_of=_first(staged, column.minor_of),
    )


def _same(
    con: duckdb.DuckDBPyConnection, spec: TableSpec, column: ColumnSpec, staged: Staged, pattern: str, found: list[str]
) -> None:
    """Refuse several headers that fit one pattern, unless their cells are the same."""
    first, *others = (cells.trimmed(staged.headers[header]) for header in found)
    differ = " OR ".join(f"{other} IS DISTINCT FROM {first}" for other in others)
    count = con.execute(f"SELECT count(*) FROM {staged.table} WHERE {differ}").fetchone()[0]
    if count:
        place = f"{spec.name}:{spec.part}" if spec.part else spec.name
        raise DataError(
            f"{spec.name}.{column.name} from {', '.join(f.path.name for f in staged.files)}: {pattern!r} fits "
            f"{len(found)} columns, {', '.join(map(repr, found))}, and in {count:,} rows they differ. Say which one is "
            f'meant: --column {place}.{column.name}={found[0]!r}, or pick = "first" in the adapter.'
        )


def _first(staged: Staged, pattern: str) -> str:
    if "*" not in pattern and EITHER not in pattern:
        return pattern
    return (fitting(staged.headers, pattern) or [pattern.split(EITHER, maxsplit=1)[0]])[0]


def _keys(rules: object, staged: Staged) -> dict[str, tuple[str, ...]]:
    return {_first(staged, header): words for header, words in dict(rules).items()}


def _kept(adapter: Adapter, spec: TableSpec, staged: Staged, long: set[str]) -> list[ColumnSpec]:
    """Return a column of text for each header that is to be kept and that nothing else here uses."""
    uses = {staged.find(column.headers or [h]) for column in spec.columns for h in column.wanted} | long
    names = {column.name for column in spec.columns} | set(schema.TABLES[spec.name].names)
    found = []
    for header in dict.fromkeys(header for pattern in spec.keep for header in fitting(staged.headers, pattern)):
        if header in uses or header in (HEADER, CELL):
            continue
        name = snake(header)
        name = f"crm_{name}" if name in names else name
        while name in names:
            name += "_2"
        names.add(name)
        reading = adapter.files[spec.file].reading
        found.append(ColumnSpec(name, "text", False, headers=(header,), reading=reading))
    return found
