"""Looking a cell up in a table made before, or in another file of the export; what isn't found is counted and shown."""

from __future__ import annotations

from dataclasses import replace

from crmkit import schema
from crmkit.adapters import cells, moments
from crmkit.adapters.account import ColumnRead
from crmkit.adapters.cells import identifier
from crmkit.adapters.spec import ColumnSpec
from crmkit.adapters.work import Work

_PICKS = {
    "first": "arg_min(v, place)",
    "last": "arg_max(v, place)",
    "count": "CAST(count(v) AS VARCHAR)",
    "min": "arg_min(v, typed)",
    "max": "arg_max(v, typed)",
    "sum": "CAST(CAST(round(sum(TRY_CAST(v AS DOUBLE)), 9) AS DECIMAL(38, 9)) AS VARCHAR)",
}


def look_up(work: Work, spec: ColumnSpec, account: ColumnRead) -> ColumnRead | None:
    """Put what another table or file says in the place of the text; count what isn't found or isn't clear.

    Where several rows fit, none is taken, unless `pick` says the first, the last, the least, the greatest, their sum or
    their number. A time comes from a table in the company's zone.

    Raises
    ------
    DataError
        Where something that must be found isn't, or isn't clear, or what is to be added up is no number.
    """
    place, key = spec.lookup
    text, where = identifier(f"t:{spec.name}"), f"{place}.{key}"
    from_file = place in work.adapter.files and bool(spec.take)
    rows = _rows_of_file(work, spec) if from_file else _rows_of_table(work, spec)
    if rows is None:
        if not spec.required:
            return None
        raise work.error(spec.name, f"what it is looked up in, {where} with {' or '.join(spec.take)}, isn't there.")
    if spec.pick == "sum":
        _check_numbers(work, spec, rows)
    if spec.pick in ("sum", "count"):
        work.plain.add(spec.name)
    index = f"{work.prefix}_lookup_{work.steps}"
    fits = "least(count(v), 1)" if spec.pick else "count(DISTINCT v)"
    work.con.execute(
        f"CREATE TABLE {index} AS SELECT k, {_PICKS[spec.pick or 'first']} AS v, {fits} AS fits "
        f"FROM ({rows}) WHERE k IS NOT NULL GROUP BY k"
    )
    kept = (spec.unmatched or ("empty" if from_file else "keep")) == "keep"
    join = f"LEFT JOIN {index} AS f ON f.k = p.{text}"
    joined = f"(SELECT p._file, p._row, p.{text}, f.k, f.fits FROM {work.view} AS p {join})"
    unmatched, ambiguous = work.one(
        f"SELECT count(*) FILTER ({text} IS NOT NULL AND k IS NULL), count(*) FILTER (fits > 1) FROM {joined}"
    )
    odd = "fits > 1" if spec.unmatched == "none" else "k IS NULL OR fits > 1"
    examples = work.examples(joined, f"t:{spec.name}", f"{text} IS NOT NULL AND ({odd})")
    if examples and spec.unmatched == "error":
        raise work.error(
            spec.name,
            f"{unmatched + ambiguous:,} cells are not clearly in {where}, such as {examples[0].value!r} in line "
            f'{examples[0].line}. Correct the source, add repairs, or allow it by unmatched = "keep" or "empty".',
        )
    otherwise = f"ELSE p.{text}" if kept else ""
    failed = f"CASE WHEN f.k IS NULL THEN '0' || p.{text} WHEN f.fits > 1 THEN '1' || p.{text} END"
    work.change(spec, f"CASE WHEN f.fits <= 1 THEN f.v {otherwise} END", join, failed=failed if spec.working else "")
    if spec.unmatched == "none":  # such as the answer to a ticket that has none: nothing to look for
        unmatched = 0
    return replace(
        account,
        source=f"{account.source}, looked up in {where}{_picked(spec)}",
        lookup=where,
        unmatched=unmatched,
        ambiguous=ambiguous,
        lookup_examples=examples,
        lookup_kept=kept,
    )


def of_consequence(work: Work, spec: ColumnSpec, account: ColumnRead) -> ColumnRead:
    """Count only the failures of a working column's lookup that a column of the table is worse for.

    Where another source stood in, such as a key that the export has beside the name, nothing is missing.
    """
    failed = identifier(f"f:{spec.name}")
    there = {name for (name,) in work.rows(f"SELECT column_name FROM (DESCRIBE {work.view})")}
    users = [f"t:{name}" for name in _users(work, spec.name) if f"t:{name}" in there]
    if not users or not (account.unmatched or account.ambiguous):
        return account
    worse = " OR ".join(f"{name} IS NULL OR {name} = substr({failed}, 2)" for name in map(identifier, users))
    tests = ", ".join(f"count(*) FILTER ({failed} LIKE '{kind}%' AND ({worse}))" for kind in "01")
    unmatched, ambiguous = work.one(f"SELECT {tests} FROM {work.view}")
    unmatched = 0 if spec.unmatched == "none" else unmatched
    shown = f"(SELECT _file, _row, {failed} AS mark, substr({failed}, 2) AS said FROM {work.view} WHERE {worse})"
    odd = "mark LIKE '1%'" if spec.unmatched == "none" else "mark IS NOT NULL"
    examples = work.examples(shown, "said", odd) if unmatched or ambiguous else ()
    return replace(account, unmatched=unmatched, ambiguous=ambiguous, lookup_examples=examples)


def _users(work: Work, name: str) -> list[str]:
    """Return the columns of the table that take their cells from a working one, also by way of others."""
    found = []
    for column in work.spec.columns:
        if name in (*column.headers, *column.first_filled):
            found += _users(work, column.name) if column.working else [column.name]
    return found


def _picked(spec: ColumnSpec) -> str:
    what = spec.take[0] if spec.take else "row"
    how = {"sum": "added up", "count": "counted", "min": "the least", "max": "the greatest"}.get(spec.pick)
    return f", {what} {how}" if how else ""


def _check_numbers(work: Work, spec: ColumnSpec, rows: str) -> None:
    """Refuse to add up what isn't a plain number."""
    found = work.rows(f"SELECT v FROM ({rows}) WHERE v IS NOT NULL AND TRY_CAST(v AS DOUBLE) IS NULL LIMIT 1")
    if found:
        raise work.error(
            spec.name,
            f"{found[0][0]!r} under {' or '.join(spec.take)} in {spec.lookup[0]} can't be added up. Make a column of "
            "numbers of it in a table above this one, and look that up.",
        )


def _rows_of_file(work: Work, spec: ColumnSpec) -> str | None:
    """Return the SQL of what is looked up in a file of the export: k, v and the place of the row."""
    place, key = spec.lookup
    match, take = work.find_in(place, [key]), work.find_in(place, spec.take)
    if match is None or take is None:
        return None
    there = work.others[place]
    k, v = (cells.trimmed(there.headers[h]) for h in (match, take))
    return f"SELECT {k} AS k, {v} AS v, (_file, _row) AS place FROM {identifier(there.table)}"


def _rows_of_table(work: Work, spec: ColumnSpec) -> str:
    """Return the SQL of what is looked up in a table made before; no rows where the export didn't have it."""
    place, key = spec.lookup
    take = spec.take[0] if spec.take else schema.TABLES[place].key[0]
    listed = f"SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'out_{place}'"
    there = dict(work.rows(listed))
    if not {key, take} <= there.keys():
        return "SELECT '' AS k, '' AS v, 0 AS typed, 0 AS place WHERE false"
    value = f"CAST({identifier(take)} AS VARCHAR)"
    if there[take] == "TIMESTAMP" and (spec.type == "time" or spec.working):
        value = moments.text_of(work, spec, identifier(take))
    columns = f"CAST({identifier(key)} AS VARCHAR) AS k, {value} AS v, {identifier(take)} AS typed"
    order = "row_number() OVER ()" if spec.pick in ("first", "last") else "0"
    return f"SELECT {columns}, {order} AS place FROM out_{place}"
