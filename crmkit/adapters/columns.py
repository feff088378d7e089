"""Making one column of a table from an export's text: its source, repairs, lookups, meanings and type, all counted."""

from __future__ import annotations

from dataclasses import replace

from crmkit.adapters import meanings
from crmkit.adapters.account import ColumnRead
from crmkit.adapters.cells import identifier, one_of
from crmkit.adapters.lookups import look_up
from crmkit.adapters.sources import ABSENT, text_of
from crmkit.adapters.spec import ColumnSpec
from crmkit.adapters.typed import typed
from crmkit.adapters.work import Work

_SQL_TYPES = {"key": "VARCHAR", "text": "VARCHAR", "time": "TIMESTAMP", "number": "DOUBLE", "whole": "BIGINT"}
_SQL_TYPES["flag"] = "BOOLEAN"


def make_column(work: Work, spec: ColumnSpec) -> ColumnRead | None:
    """Add a column's text ("t:name") and value ("v:name") to the chain; None where the export doesn't have it."""
    found = text_of(work, spec)
    if found is None:
        work.missing.add(spec.name)
        return None
    sql, source = found.sql, found.words
    if spec.working:
        work.words[spec.name] = source
    text = f"t:{spec.name}"
    if (missing := spec.missing or spec.reading.missing) and not spec.computed:
        sql = f"CASE WHEN NOT coalesce({one_of(sql, missing)}, false) THEN {sql} END"
    work.add(text, sql)
    if spec.id18:
        work.change(spec, id18(f"p.{identifier(text)}"))
    account = ColumnRead(spec.name, source, "text", needed=spec.required)
    if spec.repairs:
        account = meanings.repair(work, spec, account)
    if spec.lookup:
        account = look_up(work, spec, account)
        if account is None:
            work.missing.add(spec.name)  # the key that was to be looked up is no answer
            return None
    if spec.values or spec.allowed:
        account = meanings.map_values(work, spec, account)
    if spec.only_if:
        account = meanings.only_if(work, spec, account)
    sql, how = typed(work, spec, account, identifier(text))
    work.add(f"v:{spec.name}", f"CAST({sql} AS {_SQL_TYPES[spec.type]})")
    there = account.source != ABSENT
    return replace(account, how=how, note="" if there else spec.absent, remark=spec.remark if there else "")


def id18(sql: str) -> str:
    """Return the SQL of a Salesforce id of 18 characters where the text is one of 15.

    Three characters follow the fifteen, one for each five of them: which are capitals, as bits from the first on, read
    as a place in A-Z0-5. Ids that differ by case alone then differ in any case.
    """
    chunks = []
    for start in (1, 6, 11):
        bits = [f"CASE WHEN substr({sql}, {start + n}, 1) BETWEEN 'A' AND 'Z' THEN {2**n} ELSE 0 END" for n in range(5)]
        chunks.append(f"substr('ABCDEFGHIJKLMNOPQRSTUVWXYZ012345', 1 + {' + '.join(bits)}, 1)")
    return f"CASE WHEN regexp_matches({sql}, '^[A-Za-z0-9]{{15}}$') THEN {sql} || {' || '.join(chunks)} ELSE {sql} END"
