"""Counting what became of a table's cells, in one pass: filled, unread, sentinels; and refusing what is too much."""

from __future__ import annotations

from dataclasses import replace

from crmkit import schema
from crmkit.adapters import cells, moments
from crmkit.adapters.account import ColumnRead
from crmkit.adapters.cells import identifier, literal
from crmkit.adapters.spec import ColumnSpec
from crmkit.adapters.work import Work

_RUINED = r"^\d([.,]\d+)?E\+\d+$"  # what a spreadsheet makes of a long number
_NO_DATE = r"^0{1,4}[-/.]0{1,2}[-/.]0{1,4}([ T]|$)"  # what a database makes of no date


def kept(spec: ColumnSpec) -> tuple[str, ...]:
    """Return what is kept of a column until all is counted: its text where its value can be another, and its value."""
    if spec.type in ("key", "text"):
        return (f"v:{spec.name}",)
    return f"t:{spec.name}", f"v:{spec.name}"


def counted(work: Work, accounts: list[tuple[ColumnSpec, ColumnRead]]) -> tuple[int, list[ColumnRead]]:
    """Count the rows, and of every finished column the filled and unread cells, in one pass.

    Raises
    ------
    DataError
        Where more of a column can't be read than its adapter allows, or a spreadsheet has ruined a key.
    """
    selects = ["count(*)"]
    for spec, _ in accounts:
        text, value = _names(spec)
        selects += [f"count({text})", f"count({value})"]
        ruined = f"{value} LIKE '%E+%' AND regexp_matches({value}, {literal(_RUINED)})"
        if spec.type == "key":
            selects.append(f"count(*) FILTER ({ruined})")
        else:  # of times, whether some have a zone
            selects.append(
                f"count(*) FILTER ({text} LIKE '%:%' AND {cells.zoned(text)})" if spec.type == "time" else "0"
            )
    rows, *counts = work.one(f"SELECT {', '.join(selects)} FROM {work.view}")
    return rows, [
        _column(work, spec, account, rows, *counts[3 * n : 3 * n + 3]) for n, (spec, account) in enumerate(accounts)
    ]


def _names(spec: ColumnSpec) -> tuple[str, str]:
    names = kept(spec)
    return identifier(names[0]), identifier(names[-1])


def _column(
    work: Work, spec: ColumnSpec, account: ColumnRead, rows: int, texts: int, filled: int, odd: int
) -> ColumnRead:
    """Complete a column's account; refuse one of which too much can't be read."""
    text, value = _names(spec)
    if spec.required and spec.allowed and texts < rows:
        file, row = work.one(f"SELECT _file, _row FROM {work.view} WHERE {text} IS NULL ORDER BY 1, 2 LIMIT 1")
        raise work.error(
            spec.name,
            f"{rows - texts:,} of {rows:,} rows have none, the first in {work.staged.files[file].path.name}, line "
            f"{work.line(file, row)}, and every row needs one of {', '.join(spec.allowed)}. "
            'Say what an empty cell means by "" under values.',
        )
    account = replace(account, rows=rows, filled=filled)
    if odd and spec.type == "time" and not moments.elsewhere(work, spec):
        account = replace(account, how=f"{account.how}, zoned times converted to {work.zone}")
    elif odd and spec.type == "time":
        pass  # it says already that all of them are in the company's zone
    elif odd:
        first = work.examples(work.view, f"v:{spec.name}", f"regexp_matches({value}, {literal(_RUINED)})")[0]
        raise work.error(
            spec.name,
            f"the key {first.value!r} in {first.file}, line {first.line} was cut short by a "
            "spreadsheet. Export again without opening the file in one, or format the column as text there.",
        )
    if texts == filled:
        return account
    wrong = f"{text} IS NOT NULL AND {value} IS NULL"
    if spec.type == "time":
        no_day = _sentinel(work, spec, text)
        sentinels = work.one(f"SELECT count(*) FROM {work.view} WHERE {wrong} AND {no_day}")[0]
        shown = work.examples(work.view, f"t:{spec.name}", f"{wrong} AND {no_day}") if sentinels else ()
        account = replace(account, sentinels=sentinels, sentinel_examples=shown)
        wrong = f"{wrong} AND NOT {no_day}"
    unread = texts - filled - account.sentinels
    examples = work.examples(work.view, f"t:{spec.name}", wrong) if unread else ()
    allowed = 0 if spec.type == "flag" else spec.reading.unreadable * (texts - account.sentinels)
    if unread > allowed:
        shown = ", ".join(f"{e.value!r} in {e.file}, line {e.line}" for e in examples)
        raise work.error(
            spec.name,
            f"{unread:,} of {texts:,} cells can't be read as {account.how}, such as {shown}. "
            f"{_way_out(work, spec, text)}",
        )
    return replace(account, unread=unread, unread_examples=examples)


def _sentinel(work: Work, spec: ColumnSpec, text: str) -> str:
    """Return the SQL that tells a day that stands for none, such as 0001-01-01 and 9999-12-31."""
    found = cells.time(text, work.choices.get(spec.name, "iso"), work.zone, bounded=False)
    return f"(({found}) IS NOT NULL OR regexp_matches({text}, {literal(_NO_DATE)}))"


def _way_out(work: Work, spec: ColumnSpec, text: str) -> str:
    """Say what could be declared so that the cells can be read."""
    if spec.type == "time":
        reads = [cells.time(text, choice, work.zone) for choice in _USUAL_DATES]
        counts = work.one(f"SELECT {', '.join(f'count({read})' for read in reads)} FROM {work.view}")
        fits = sorted(((n, c) for n, c in zip(counts, _USUAL_DATES, strict=True) if n), key=lambda fit: -fit[0])
        offers = ", ".join(f'"{choice}" reads {n:,}' for n, choice in fits[:4])
        return (
            'Declare the column\'s format, as in --dates dmy, or dates = "%d/%m/%Y" in the adapter'
            f"{f'; {offers}' if offers else ''}."
        )
    if spec.type in ("number", "whole"):
        return (
            'Declare the marks, as in --decimal , or decimal = "," and thousands = "." in the adapter, or list what '
            "stands for empty under missing."
        )
    return "Say what each word means under values, or list what stands for empty under missing."


_USUAL_DATES = ("iso", "dmy", "mdy", "ymd", "unix", "unix_ms", "excel")


def check_keys(work: Work) -> None:
    """Refuse rows without the key that names them.

    Raises
    ------
    DataError
        With the first of them.
    """
    for key in schema.TABLES[work.spec.name].key:
        value = identifier(f"v:{key}")
        count = work.one(f"SELECT count(*) FROM {work.view} WHERE {value} IS NULL")[0]
        if count:
            file, row = work.one(f"SELECT _file, _row FROM {work.view} WHERE {value} IS NULL ORDER BY 1, 2 LIMIT 1")
            source = next(c for c in work.spec.columns if c.name == key)
            header = (source.wanted or (key,))[0]
            raise work.error(
                key,
                f"{count:,} rows have no key, the first in {work.staged.files[file].path.name}, line "
                f"{work.line(file, row)}. A row needs one: correct the file, or leave such rows out by "
                f'without = {{ "{header}" = [""] }} in the adapter.',
            )
