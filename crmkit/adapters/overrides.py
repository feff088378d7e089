"""What a user says on the command line about one export, laid over the adapter as if it stood in its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crmkit import schema
from crmkit.adapters.places import near
from crmkit.errors import UsageError


@dataclass(frozen=True)
class Said:
    """What a user says about one export; "" and () where nothing is said.

    Attributes
    ----------
    encoding, delimiter, decimal, thousands : str
        As in `[read]` of an adapter, for all files.
    dates : tuple of str
        Formats for all columns of times that don't have one of their own; "TABLE.COLUMN=FORMAT" for one column.
    timezone, currency, name, as_of : str
        Settings of crm.toml.
    columns : tuple of str
        "TABLE.COLUMN=HEADER": the header that a column comes from; "TABLE:PART.COLUMN=HEADER" in one part of a table,
        which is made then, whatever headers it otherwise looks for.
    keep : tuple of str
        "TABLE.HEADER": a header that is carried as a column of text; it may hold stars.
    skip_bad_rows : bool
        Whether rows with too many cells are left out and counted.
    """

    encoding: str = ""
    delimiter: str = ""
    decimal: str = ""
    thousands: str = ""
    dates: tuple[str, ...] = ()
    timezone: str = ""
    currency: str = ""
    name: str = ""
    as_of: str = ""
    columns: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    skip_bad_rows: bool = False


def laid_over(given: Mapping[str, Any], said: Said) -> dict[str, Any]:
    """Return an adapter's content with what a user says laid over it.

    Raises
    ------
    UsageError
        Where a table or column isn't there, or a choice isn't written as it must be.

    Examples
    --------
    >>> laid_over({"read": {"dates": "auto"}, "crm": {}}, Said(dates=("dmy",), currency="EUR"))
    {'read': {'dates': ['dmy']}, 'crm': {'currency': 'EUR'}, 'files': {}, 'tables': {}}
    """
    found = {**given, "crm": dict(given.get("crm", {})), "read": dict(given.get("read", {}))}
    found["files"] = {alias: dict(file) for alias, file in given.get("files", {}).items()}
    found["tables"] = {name: _copy(table) for name, table in given.get("tables", {}).items()}
    for key in ("timezone", "currency", "name", "as_of"):
        if getattr(said, key):
            found["crm"][key] = getattr(said, key)
    _reading(found, said)
    named: dict[str, list[list[str]]] = {}
    for text in said.columns:
        place, column, header = _place(text, "--column", "TABLE.COLUMN=HEADER")
        parts, name = _parts(found, place, "--column"), place.partition(":")[0]
        _one_part(place, column, header, parts)
        if ":" in place:
            parts[0].pop("if_there", None)  # it is to be made, whatever else is there
        _put(parts, name, column, {"from": header})
        for alias in {part.get("file") for part in parts if "header" in found["files"].get(part.get("file"), {})}:
            named.setdefault(alias, []).append([header])
    for alias, headers in named.items():  # the header line is the one that holds what the user sees in it
        found["files"][alias]["header"] = headers
    for text in said.keep:
        name, dot, header = text.partition(".")
        if not (dot and header):
            raise UsageError(f"--keep {text!r}: write TABLE.HEADER, as in opportunities.Region.")
        for part in _parts(found, name, "--keep"):
            there = part.get("keep", [])
            part["keep"] = [*([there] if isinstance(there, str) else there), header]
    return found


def _copy(table: Any) -> Any:
    if isinstance(table, list):
        return [_copy(part) for part in table]
    return {**table, "columns": dict(table.get("columns", {}))} if isinstance(table, Mapping) else table


def _reading(found: dict[str, Any], said: Said) -> None:
    """Put what is said of how cells are written above what [read] and the files say."""
    rules: dict[str, Any] = {key: getattr(said, key) for key in ("encoding", "delimiter") if getattr(said, key)}
    if said.skip_bad_rows:
        rules["skip_bad_rows"] = True
    marks: dict[str, Any] = {"thousands": said.thousands} if said.thousands else {}
    if said.decimal:
        if said.decimal not in (".", ","):
            raise UsageError(f"--decimal is {said.decimal!r}; it must be . or ,")
        marks = {"thousands": "any", "decimal": said.decimal, **marks}
    everywhere = [choice for choice in said.dates if not _of_one_column(choice)]
    if everywhere:
        marks["dates"] = everywhere
    for part in (found["read"], *found["files"].values()):
        part.update({key: value for key, value in (rules | marks).items() if part is found["read"] or key in part})
    for table in found["tables"].values():
        for part in table if isinstance(table, list) else [table]:
            for name, column in part.get("columns", {}).items():
                if isinstance(column, Mapping):
                    part["columns"][name] = _without_choices(column, marks)
    for choice in said.dates:
        if _of_one_column(choice):
            name, column, shape = _place(choice, "--dates", "TABLE.COLUMN=FORMAT")
            _put(_parts(found, name, "--dates"), name, column, {"dates": shape}, new=False)


def _of_one_column(choice: str) -> bool:
    place, equals, _ = choice.partition("=")
    return bool(equals) and "%" not in place


def _without_choices(column: Mapping[str, Any], marks: Mapping[str, Any]) -> dict[str, Any]:
    """Take away what a column leaves to be decided, where that is said now; what it says of itself alone stays."""
    found = dict(column)
    if "dates" in marks and (found.get("dates") == "auto" or isinstance(found.get("dates"), list)):
        del found["dates"]
    if "decimal" in marks and found.get("decimal") == "auto":
        del found["decimal"]
        found.pop("thousands", None)
    return found


def _place(text: str, option: str, form: str) -> tuple[str, str, str]:
    place, equals, value = text.partition("=")
    name, dot, column = place.partition(".")
    if not (equals and dot and name and column and value):
        raise UsageError(f"{option} {text!r}: write {form}, as in opportunities.closed_at={value or '…'}.")
    return name, column, value


def _parts(found: Mapping[str, Any], place: str, option: str) -> list[dict[str, Any]]:
    """Return the parts of a table, or the one of "TABLE:PART"."""
    name, colon, part = place.partition(":")
    tables = found["tables"]
    if name not in tables:
        raise UsageError(
            f"{option}: the adapter makes no table {name!r}{near(name, tables)}; it makes {', '.join(tables)}."
        )
    parts = tables[name] if isinstance(tables[name], list) else [tables[name]]
    if not colon:
        return parts
    names = [there.get("part", there.get("file")) for there in parts]
    if names.count(part) != 1:
        raise UsageError(f"{option}: {name} has no part {part!r}{near(part, names)}; it has {', '.join(names)}.")
    return [parts[names.index(part)]]


def _one_part(place: str, column: str, header: str, parts: list[dict[str, Any]]) -> None:
    """Refuse a header for parts of a table that mean different things, such as the scores of several questions."""
    having = [part for part in parts if column in part["columns"] and "if_there" in part and "part" in part]
    if all(part["columns"][column] == having[0]["columns"][column] for part in having):
        return
    names = [part["part"] for part in having]
    raise UsageError(
        f"--column {place}.{column}: {place} is made of the parts {', '.join(names)}, each with a {column} of its own. "
        f"Say which one is meant, as in --column {place}:{names[-1]}.{column}={header!r}."
    )


def _put(parts: list[dict[str, Any]], name: str, column: str, rule: Mapping[str, Any], *, new: bool = True) -> None:
    """Lay a rule over a column, in each part of its table that has it, or make the column."""
    from crmkit.adapters.extend import column_laid_over

    having = [part for part in parts if column in part["columns"]]
    declared = schema.TABLES[name]
    if not having and not new:
        there = [column for part in parts for column in part["columns"]]
        raise UsageError(f"The adapter makes no column {name}.{column}{near(column, there)}.")
    own = {} if column in declared or column.startswith("_") else {"type": "text"}
    must = {"required": True} if len(parts) == 1 and "from" in rule else {}
    for part in having or parts:
        there = part["columns"].get(column)
        part["columns"][column] = column_laid_over(there, {**({} if there else own), **rule, **must})
