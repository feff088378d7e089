"""Times in the company's zone: those that cells name, and those that are so long after another."""

from __future__ import annotations

from dataclasses import replace

from crmkit.adapters import cells
from crmkit.adapters.cells import literal
from crmkit.adapters.spec import ColumnSpec
from crmkit.adapters.work import Work


def written_plainly(spec: ColumnSpec) -> ColumnSpec:
    """Return a column as it is read where crmkit wrote its text itself, in no way of the export's."""
    return replace(spec, reading=replace(spec.reading, decimal=".", thousands="", dates=("iso",)))


def elsewhere(work: Work, spec: ColumnSpec) -> bool:
    """Tell whether times that name no zone are in another than the company's."""
    return bool(spec.reading.zone) and spec.reading.zone != work.zone


def moment(work: Work, spec: ColumnSpec, text: str, choice: str) -> str:
    """Return the SQL of a time in the company's zone; a day without a clock is the same day everywhere."""
    value = cells.time(text, choice, work.zone)
    if not elsewhere(work, spec):
        return value
    moved = f"({value}) AT TIME ZONE {literal(spec.reading.zone)} AT TIME ZONE {literal(work.zone)}"
    return f"CASE WHEN {text} LIKE '%:%' AND NOT {cells.zoned(text)} THEN {moved} ELSE {value} END"


def instant(work: Work, spec: ColumnSpec, text: str, choice: str) -> str:
    """Return the SQL of a time with its zone, so that what lies between two isn't changed by summer time."""
    return f"({moment(work, spec, text, choice)}) AT TIME ZONE {literal(work.zone)}"


def after(work: Work, spec: ColumnSpec, start: str, choice: str, count: str) -> str:
    """Return the SQL of the time that lies `count` of the column's unit after another, in the company's zone.

    Seconds, minutes and hours go by as they do, also where the clocks change; a day later is the same time of day.
    """
    seconds = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}[spec.per]
    length = f"to_microseconds(CAST(round(({count}) * {seconds * 1_000_000}) AS BIGINT))"
    if spec.per == "day":
        return f"({moment(work, spec, start, choice)}) + {length}"
    return f"(({instant(work, spec, start, choice)}) + {length}) AT TIME ZONE {literal(work.zone)}"


def text_of(work: Work, spec: ColumnSpec, value: str) -> str:
    """Return the SQL of the text of a time in the company's zone, which whoever reads it by `spec` reads as the same.

    Where times without a zone are in another, the text names one; midnight is written as a day, which has none.
    """
    if not elsewhere(work, spec):
        return f"CAST({value} AS VARCHAR)"
    day = f"CAST({value} AS DATE)"
    zoned = f"CAST(({value}) AT TIME ZONE {literal(work.zone)} AT TIME ZONE 'UTC' AS VARCHAR) || '+00'"
    return f"CASE WHEN ({value}) = {day} THEN CAST({day} AS VARCHAR) ELSE {zoned} END"
