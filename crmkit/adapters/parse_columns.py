"""Checking what an adapter says of the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmkit import schema
from crmkit.adapters.extend import SOURCES
from crmkit.adapters.parse_files import reading_rules
from crmkit.adapters.places import At, near
from crmkit.adapters.spec import EITHER, ColumnSpec, Reading

_READING_KEYS = ("dates", "decimal", "thousands", "zone", "missing", "unreadable")
_COLUMN_KEYS = (
    *SOURCES, "absent", "remark", "separator", "split", "part", "which", "where", "type", "empty", "minor_of",
    "minor_units", "id18", "share", "required", "repairs",
    "lookup", "take", "pick", "unmatched", "values", "otherwise", "only_if", "times", *_READING_KEYS,
)  # fmt: skip


def column_rules(
    at: At, declared: schema.Table, name: str, value: object, reading: Reading, stages: Mapping[str, Any]
) -> ColumnSpec:
    """Check one column of a table; `reading` is how its file's cells are written, `stages` what [crm.stages] says."""
    given = {"from": value} if isinstance(value, str | list) else at.as_table("", value)
    if given.get("values") == "stages":
        given = {**given, "values": _meanings(at, stages)}
    at.known(given, _COLUMN_KEYS)
    source = _source(at, given)
    column, kind = _column(at, given, declared, name)
    own = {key: given[key] for key in _READING_KEYS if key in given}
    found = ColumnSpec(
        name=name,
        type=kind,
        required=at.flag(given, "required", bool(column and column.required)),
        **_cell(at, given, source),
        **_choice_of_rows(at, given),
        **_changes(at, given),
        absent=at.text(given, "absent", ""),
        remark=at.text(given, "remark", "").rstrip("."),
        reading=reading_rules(at, own, reading),
        allowed=column.values if column else (),
    )
    _check_column(at, given, found)
    return found


def _source(at: At, given: Mapping) -> str:
    """Return the one key that says where cells come from; "" where the export has none."""
    sources = [key for key in SOURCES if key in given]
    if len(sources) > 1 or not (sources or "absent" in given):
        wanted = ", ".join(SOURCES)
        raise at.error("", f"needs exactly one of {wanted}, or absent; it has {', '.join(sources) or 'none'}")
    return next(iter(sources), "")


def _column(at: At, given: Mapping, declared: schema.Table, name: str) -> tuple[schema.Column | None, str]:
    """Return what the schema says of a column, None for one of the adapter's own, and its type."""
    column = next((c for c in declared.columns if c.name == name), None)
    if column is None and not name.startswith("_") and "type" not in given:
        hint = near(name, declared.names)
        raise at.error(
            "", f'{declared.name} has no column {name!r}{hint}; for a column of your own write its type, as in '
            f'{{ from = "…", type = "text" }}'
        )  # fmt: skip
    kind = at.choice(given, "type", ("key", "text", "time", "number", "whole", "flag"), "text")
    if column is not None and given.get("type", column.type) != column.type:
        raise at.error("type", f"is {kind!r}, but {declared.name}.{name} is declared as {column.type!r}")
    return column, column.type if column else kind


def _cell(at: At, given: Mapping, source: str) -> dict[str, Any]:
    """Return where a cell comes from, and how several make one."""
    sums = at.headers(given, "sum")
    between, after = (source if source.endswith(end) else "" for end in ("s_between", "s_after"))
    return {
        "headers": at.texts(given, "from"),
        "combine": at.headers(given, "combine"),
        "first_filled": at.headers(given, "first_filled"),
        "sums": tuple(_unsigned(header) for header in sums),
        "minus": tuple(_unsigned(header) for header in sums if header.startswith("-")),
        "empty": at.choice(given, "empty", ("zero",)),
        "product": at.headers(given, "product"),
        "between": at.headers(given, between) if between else (),
        "after": at.headers(given, after) if after else (),
        "per": (between or after).partition("s_")[0],
        "constant": at.text(given, "constant", "") if "constant" in given else None,
        "row": at.flag(given, "row", False),
        "separator": at.text(given, "separator", " "),
        "split": at.text(given, "split", ""),
        "part": int(at.number(given, "part", 0)),
    }


def _choice_of_rows(at: At, given: Mapping) -> dict[str, Any]:
    """Return which row's cell it is: of several of the table, and of those that a lookup finds."""
    return {
        "which": at.choice(given, "which", ("first", "last", "sum", "count", "min", "max")),
        "where": at.conditions(given, "where"),
        "lookup": _lookup(at, at.text(given, "lookup", "")),
        "take": at.texts(given, "take"),
        "pick": at.choice(given, "pick", ("first", "last", "sum", "count", "min", "max")),
        "unmatched": at.choice(given, "unmatched", ("keep", "empty", "none", "error")),
    }


def _changes(at: At, given: Mapping) -> dict[str, Any]:
    """Return what becomes of a cell before it is read as its type, and of the number after it."""
    return {
        "id18": at.flag(given, "id18", False),
        "repairs": at.mapping(given, "repairs"),
        "values": {word.strip().casefold(): text for word, text in at.mapping(given, "values").items()},
        "otherwise": at.text(given, "otherwise", "") if "otherwise" in given else None,
        "only_if": at.conditions(given, "only_if"),
        "times": float(at.number(given, "times", 1.0)),
        "share": at.flag(given, "share", False),
        "minor_of": EITHER.join(at.texts(given, "minor_of")),
        "minor_units": at.numbers(given, "minor_units"),
    }


def _check_column(at: At, given: Mapping, found: ColumnSpec) -> None:
    words = [word.strip().casefold() for word in given.get("values", {})]
    if len(set(words)) < len(words):
        raise at.error("values", "has a word twice; case and outer spaces make no difference")
    for target in {*found.values.values(), found.constant, found.otherwise} - {None, ""}:
        if found.allowed and target not in found.allowed:
            raise at.error("", f"{target!r} is not allowed here; allowed: {', '.join(found.allowed)}")
    if bool(found.split) != (found.part > 0) or (found.split and not found.headers):
        raise at.error("split", 'and part go together, beside from: split = " / ", part = 1 is what stands before it')
    if found.otherwise is not None and not found.values:
        raise at.error("otherwise", "needs values beside it")
    _check_computed(at, given, found)
    starred = found.pick == "first" and any("*" in header for header in found.wanted)
    if found.pick in ("sum", "count") and found.type not in ("number", "whole"):
        raise at.error("pick", f"is {found.pick!r}, which needs a number, and the column is of type {found.type}")
    if (found.take or found.unmatched or (found.pick and not starred)) and found.lookup is None:
        raise at.error("lookup", "is missing; take, pick and unmatched need it")


def _check_computed(at: At, given: Mapping, found: ColumnSpec) -> None:
    """Check the rules that make a number of several cells, or need one."""
    for key in ("sum", "product", "minutes_between", "seconds_between", "minor_of", "times"):
        if key in given and found.type not in ("number", "whole"):
            raise at.error(key, f"needs a number, and the column is of type {found.type}")
    if found.between and len(found.between) != 2:
        raise at.error(f"{found.per}s_between", "needs two headers: from when, and to when")
    if found.after and found.type != "time":
        raise at.error(f"{found.per}s_after", f'makes a time, and the column is of type {found.type}; type = "time"')
    if found.after and len(found.after) != 2:
        raise at.error(f"{found.per}s_after", "needs two headers: a time, and how long after it")
    if (found.between or found.after) and found.which not in ("", "first", "last"):
        raise at.error("which", f"is {found.which!r}, and only single cells can be put together with a time")
    if found.empty and not found.sums:
        raise at.error("empty", "needs sum beside it")
    if found.minor_units and not found.minor_of:
        raise at.error("minor_units", 'needs minor_of = "…" beside it, the header of the currency')
    if found.share and (found.type != "number" or "times" in given):
        raise at.error("share", "needs a number, and finds its scale itself, without times")
    if found.pick in ("min", "max") and found.lookup and found.lookup[0] not in schema.TABLES:
        raise at.error("pick", f"is {found.pick!r}, which needs a table made above: a file's cells are only text")
    if found.id18 and found.type != "key":
        raise at.error("id18", f"needs a key, and the column is of type {found.type}")
    if found.which in ("sum", "count") and found.type not in ("number", "whole"):
        raise at.error("which", f"is {found.which!r}, which needs a number, and the column is of type {found.type}")


def _meanings(at: At, stages: Mapping[str, Any]) -> dict[str, str]:
    """Return the meanings of the stages that [crm.stages] lists, so that they are said once."""
    if not stages or not all(isinstance(meaning, str) for meaning in stages.values()) or "file" in stages:
        raise at.error("values", 'is "stages", and [crm.stages] lists none, each with open, won or lost')
    return dict(stages)


def _lookup(at: At, text: str) -> tuple[str, str] | None:
    if not text:
        return None
    table, dot, column = text.partition(".")
    if not (dot and table and column):
        raise at.error("lookup", f'is {text!r}; write "table.column", as in "products.name"')
    return table, column


def _unsigned(header: str) -> str:
    """Return a header without the minus sign that says that it is subtracted, in all its spellings."""
    return EITHER.join(spelling.removeprefix("-") for spelling in header.split(EITHER))
