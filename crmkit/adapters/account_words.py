"""The account of an import in words: what was read, what to know before trusting it, and what the user decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmkit.adapters.account import Account, ColumnRead, Example, PartRead

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def attention(account: Account) -> list[str]:
    """List what the user should know before trusting the tables; empty where there is nothing."""
    found = [f"{file.name}: {warning}" for file in account.files for warning in file.warnings]
    for table in account.tables:
        if table.repeated:
            found.append(f"{table.name}: {_many(table.repeated, 'row')} repeating another row in full left out.")
        for part in table.parts:
            found += [
                f"{table.name}: {_many(n, 'row')} left out by the rule {rule}." for rule, n in part.left_out.items()
            ]
            for column in part.columns:
                found += [f"{table.name}.{column.name}: {line}" for line in _attention(column)]
            found += [f"{table.name}: {line}" for line in _behind(part)]
    return found


def decisions(account: Account) -> list[str]:
    """List what only the user can decide, each with the way to say it; empty where there is nothing."""
    found = [f"{line[0].upper()}{line[1:]}." for line in account.assumed]
    known = account.settings.get("currency", "")
    for table in account.tables:
        for column in (column for part in table.parts for column in part.columns):
            sign = next((w.removeprefix("in ") for w in column.how.split(", ") if w.startswith("in ")), "")
            if sign and known and not _same_money(sign, known):
                found.append(
                    f"{table.name}.{column.name} is written in {sign} and the currency is {known}: is that the same "
                    "money? --currency says another."
                )
            if "its own cells fit both orders" in column.how:
                found.append(f"{table.name}.{column.name}: {column.how.removeprefix('time, ')}. --dates says another.")
    for file in account.files:
        if file.columns_left_out:
            table = next((t.name for t in account.tables for p in t.parts if file.name in p.files), "TABLE")
            count, names = len(file.columns_left_out), _some(file.columns_left_out)
            found.append(
                f"{file.name}: {_many(count, 'column')} without a use ({names}). "
                f"--keep '{table}.{file.columns_left_out[0]}' carries one along, --keep '{table}.*' all."
            )
    return found


def lines(account: Account) -> Iterator[str]:
    """Write an account for people, line by line."""
    rows = sum(table.rows for table in account.tables)
    done = f"written to {account.to}" if account.to else "read; nothing was written, this was a dry run"
    yield f"{account.title}: {_many(len(account.tables), 'table')}, {_many(rows, 'row')} {done}"
    yield "The source files are as they were; outer spaces of cells were removed."
    yield ""
    yield "Files read"
    for file in account.files:
        kind = [file.encoding, _DELIMITERS.get(file.delimiter, repr(file.delimiter))] if file.delimiter else []
        kind += [f"{'table' if file.encoding != 'workbook' else 'workbook, sheet'} {file.sheet}"] if file.sheet else []
        yield f"  {file.name}: {_many(file.rows, 'row')} ({', '.join(kind)})"
        yield from (f"    {note}" for note in file.notes)
        if file.columns_left_out:
            yield f"    columns left out: {', '.join(file.columns_left_out)}"
    if account.files_left_out:
        yield f"  left out: {', '.join(account.files_left_out)}"
    for table in account.tables:
        yield ""
        yield f"{table.name}: {_many(table.rows, 'row')} in {table.file}"
        for part in table.parts:
            yield from _part(part)
        yield from (f"  not made: {why}" for why in table.parts_left_out)
    if account.tables_left_out:
        yield ""
        yield "Tables not in this export"
        yield from (f"  {name}: {why}" for name, why in account.tables_left_out.items())
    yield ""
    notes = attention(account)
    yield ("To know before you trust these tables" if notes else "Every cell was read, and every lookup found its row.")
    yield from (f"  - {note}" for note in notes)
    if asked := decisions(account):
        yield ""
        yield "What you should decide"
        yield from (f"  - {line}" for line in asked)


def _part(part: PartRead) -> Iterator[str]:
    folded = f", one row for each {' and '.join(part.one_row_for)}" if part.one_row_for else ""
    yield f"  from {', '.join(part.files)}: {part.rows:,} of {_many(part.rows_read, 'row')}{folded}"
    width = max(len(column.name) for column in part.columns)
    for column in part.columns:
        share = "" if column.filled == column.rows else f", {column.filled:,} filled"
        yield f"    {column.name:<{width}}  {column.source} ({column.how}{share})"
        for kind, replaced in (("values", column.values), ("repaired", column.repairs)):
            if replaced:
                pairs = ", ".join(f"{r.value or 'empty'} → {r.became or 'empty'} ({r.cells:,})" for r in replaced)
                yield f"    {'':<{width}}    {kind}: {pairs}"
    if gone := [name for name in part.columns_not_there if not name.startswith("_")]:
        yield f"    not in this export: {', '.join(gone)}"


def _attention(column: ColumnRead) -> Iterator[str]:
    empty = column.rows - column.filled
    if column.remark:
        yield f"{column.remark}."
    if column.note:
        yield f"empty: {column.note}."
    elif column.needed and empty - column.unread - column.sentinels - column.emptied > 0:
        yield f"{_many(empty, 'row')} of {column.rows:,} without a value; the rows were kept."
    if column.unread:
        examples = _shown(column.unread_examples)
        yield f"{_many(column.unread, 'cell')} could not be read and left empty, such as {examples}."
    if column.sentinels:
        examples = _shown(column.sentinel_examples)
        yield f"{_many(column.sentinels, 'cell')} with a day that stands for none left empty, such as {examples}."
    if column.unmatched or column.ambiguous:
        what = []
        if column.unmatched:
            what.append(f"{_many(column.unmatched, 'cell')} not found in {column.lookup}")
        if column.ambiguous:
            what.append(f"{_many(column.ambiguous, 'cell')} fitting several rows of {column.lookup}")
        result = "kept as they are" if column.lookup_kept else "left empty"
        yield f"{' and '.join(what)}, {result}, such as {_shown(column.lookup_examples)}."
    if column.emptied:
        yield f"{_many(column.emptied, 'cell')} left out by the rule on other columns (only_if)."


def _behind(part: PartRead) -> Iterator[str]:
    """Say what is to be known of columns that only serve others, where no column of the table says the same."""
    said = {line for column in part.columns for line in _attention(column)}
    for column in part.working:
        for line in (line for line in _attention(replace(column, needed=False)) if line not in said):
            said.add(line)
            yield f"{column.source}: {line}"


_SIGNS = {
    "$": "USD",
    "US$": "USD",
    "€": "EUR",
    "£": "GBP",
    "zł": "PLN",
    "円": "JPY",
    "₹": "INR",
    "₩": "KRW",
    "元": "CNY",
}


def _same_money(sign: str, code: str) -> bool:
    """Tell whether a sign may stand for a currency; ¥ is two."""
    if sign in ("¥", "￥"):
        return code in ("JPY", "CNY")
    return _SIGNS.get(sign, sign).upper() == code.upper() or (sign == "$" and code.endswith("D"))


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")


def _shown(examples: tuple[Example, ...]) -> str:
    return ", ".join(f"{e.value!r} ({e.file}, line {e.line})" for e in examples)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
