"""Reading an adapter from its TOML file, and checking every key of it, with messages that name file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from crmkit import config, schema
from crmkit.adapters.spec import DELIMITERS, Adapter, ColumnSpec, FileSpec, FromFile, Reading, TableSpec
from crmkit.errors import UsageError

SPECIAL_DATES = ("iso", "unix", "unix_ms", "excel")
_SOURCES = ("from", "combine", "first_filled", "sum", "constant", "row")


def load(path: Path) -> Adapter:
    """Read an adapter from its TOML file and check every key of it.

    Raises
    ------
    UsageError
        Where the file can't be read or a key is unknown, missing or of a wrong kind; the text names file and key.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"The adapter {path} can't be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The adapter {path.name} is not valid TOML: {error}.") from None
    at = _At(path.name)
    at.known(given, ("title", "crm", "read", "files", "tables"))
    base = _reading(at / "read", at.table(given, "read", {}), Reading())
    files = {
        alias: _file(at / f"files.{alias}", alias, at.as_table(f"files.{alias}", value), base)
        for alias, value in at.table(given, "files").items()
    }
    tables = []
    for name, value in at.table(given, "tables").items():
        if name not in schema.TABLES:
            raise at.error(f"tables.{name}", f"there is no table {name!r} in a CRM{_near(name, schema.TABLES)}")
        parts = value if isinstance(value, list) else [value]
        for number, part in enumerate(parts, 1):
            here = at / (f"tables.{name}" + (f" (part {number})" if len(parts) > 1 else ""))
            tables.append(_table(here, name, here.as_table("", part), files))
    if not files or not tables:
        raise at.error("", "an adapter needs at least one [files.NAME] and one [tables.NAME]")
    made = {(table.name, column.name) for table in tables for column in table.columns}
    crm, latest, from_files = _crm(at / "crm", at.table(given, "crm", {}), made, files)
    _check_lookups(at, tables, files)
    return Adapter(path.stem, at.text(given, "title"), path, crm, latest, files, tuple(tables), from_files)


class _At:
    """A place in the file: builds messages that name it, and takes values of the right kind."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __truediv__(self, key: str) -> _At:
        return _At(f"{self.where}: {key}" if ": " not in self.where else f"{self.where}.{key}")

    def error(self, key: str, what: str) -> UsageError:
        return UsageError(f"Adapter {(self / key).where if key else self.where}: {what}.")

    def known(self, given: Mapping, keys: tuple[str, ...]) -> None:
        for key in given:
            if key not in keys:
                raise self.error(key, f"unknown key{_near(key, keys)}; known: {', '.join(keys)}")

    def as_table(self, key: str, value: object) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self.error(key, f"is {value!r}; it must be a table")
        return value

    def table(self, given: Mapping, key: str, default: Mapping | None = None) -> Mapping[str, Any]:
        if key not in given and default is None:
            raise self.error(key, "is missing")
        return self.as_table(key, given.get(key, default))

    def text(self, given: Mapping, key: str, default: str | None = None) -> str:
        if key not in given and default is None:
            raise self.error(key, "is missing")
        value = given.get(key, default)
        if not isinstance(value, str):
            raise self.error(key, f"is {value!r}; it must be text in quotation marks")
        return value

    def texts(self, given: Mapping, key: str, default: tuple[str, ...] | None = ()) -> tuple[str, ...]:
        if key not in given and default is None:
            raise self.error(key, "is missing")
        value = given.get(key, default)
        value = (value,) if isinstance(value, str) else value
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise self.error(key, f"is {value!r}; it must be a text or a list of texts")
        return tuple(value)

    def number(self, given: Mapping, key: str, default: float) -> float:
        value = given.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(key, f"is {value!r}; it must be a number")
        return value

    def flag(self, given: Mapping, key: str, default: bool) -> bool:
        value = given.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"is {value!r}; it must be true or false")
        return value

    def choice(self, given: Mapping, key: str, allowed: tuple[str, ...], default: str = "") -> str:
        value = self.text(given, key, default)
        if key in given and value not in allowed:
            raise self.error(key, f"is {value!r}; it must be one of {', '.join(map(repr, allowed))}")
        return value

    def mapping(self, given: Mapping, key: str) -> dict[str, str]:
        found = self.table(given, key, {})
        for word, value in found.items():
            if not isinstance(value, str):
                raise (self / key).error(repr(word), f"is {value!r}; it must be text in quotation marks")
        return dict(found)

    def conditions(self, given: Mapping, key: str) -> dict[str, tuple[str, ...]]:
        found = self.table(given, key, {})
        return {name: (self / key).texts(found, name) for name in found}


def _near(word: str, words: object) -> str:
    near = get_close_matches(word, list(words), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


_READING_KEYS = tuple(Reading.__dataclass_fields__)


def _reading(at: _At, given: Mapping, base: Reading, *, known: tuple[str, ...] = _READING_KEYS) -> Reading:
    at.known(given, known)
    found = Reading(
        encoding=at.text(given, "encoding", base.encoding),
        delimiter=at.choice(given, "delimiter", tuple(DELIMITERS), base.delimiter),
        decimal=at.choice(given, "decimal", (".", ","), base.decimal),
        thousands=at.choice(given, "thousands", (",", ".", " ", "'", ""), base.thousands),
        dates=at.texts(given, "dates", base.dates),
        missing=at.texts(given, "missing", base.missing),
        skip_lines=int(at.number(given, "skip_lines", base.skip_lines)),
        headers=at.texts(given, "headers", base.headers),
        unreadable=at.number(given, "unreadable", base.unreadable),
    )
    if found.decimal == found.thousands:
        raise at.error("thousands", f"is {found.thousands!r}, and so is the decimal mark")
    for shape in (shape for choice in found.dates for shape in choice.split(" | ")):
        if shape not in SPECIAL_DATES and "%" not in shape:
            example = '"%d/%m/%Y"'
            raise at.error("dates", f"has {shape!r}; write {', '.join(SPECIAL_DATES)} or a format such as {example}")
    return found


def _file(at: _At, alias: str, given: Mapping, base: Reading) -> FileSpec:
    at.known(given, ("names", "required", *_READING_KEYS))
    if not alias.isascii() or not alias.isidentifier():
        raise at.error("", "a short name of a file is made of letters, digits and _")
    names = at.texts(given, "names", None)
    if not names:
        raise at.error("names", 'is empty; give at least one file name, such as "deals*.csv"')
    own = {key: value for key, value in given.items() if key in _READING_KEYS}
    return FileSpec(alias, names, at.flag(given, "required", False), _reading(at, own, base))


def _table(at: _At, name: str, given: Mapping, files: Mapping[str, FileSpec]) -> TableSpec:
    at.known(given, ("file", "only", "without", "one_row_for", "in_order_of", "columns"))
    file = at.text(given, "file")
    if file not in files:
        raise at.error("file", f"is {file!r}, which [files] doesn't declare{_near(file, files)}")
    declared = schema.TABLES[name]
    reading = files[file].reading
    columns = tuple(
        _column(at / f"columns.{column}", declared, column, value, reading)
        for column, value in at.table(given, "columns").items()
    )
    made = {column.name for column in columns}
    for column in declared.required:
        if column not in made:
            raise at.error(
                f"columns.{column}", 'is missing, and the table needs it; where the CRM has no such thing, write '
                f'{column} = {{ absent = "why" }}'
            )  # fmt: skip
    for column in columns:
        before = {c.name for c in columns[: columns.index(column)]}
        for other in column.only_if:
            if other not in before:
                raise at.error(f"columns.{column.name}.only_if", f"{other!r} is not a column of the table above it")
    together, order = at.texts(given, "one_row_for"), at.text(given, "in_order_of", "")
    if bool(together) != bool(order):
        raise at.error("one_row_for", "and in_order_of need each other: which rows make one, and in which order")
    for column in columns:
        if (column.which or column.where) and not together:
            raise at.error(f"columns.{column.name}", "which and where need one_row_for at the table")
    return TableSpec(
        name, file, at.conditions(given, "only"), at.conditions(given, "without"), columns, together, order
    )


_COLUMN_KEYS = (
    *_SOURCES, "absent", "remark", "separator", "split", "part", "which", "where", "type", "required", "repairs",
    "lookup", "take", "pick", "unmatched", "values", "otherwise", "only_if", "times", "dates", "decimal", "thousands",
    "missing", "unreadable",
)  # fmt: skip


def _column(at: _At, declared: schema.Table, name: str, value: object, reading: Reading) -> ColumnSpec:
    given = {"from": value} if isinstance(value, str | list) else at.as_table("", value)
    at.known(given, _COLUMN_KEYS)
    sources = [key for key in _SOURCES if key in given]
    if len(sources) > 1 or not (sources or "absent" in given):
        wanted = ", ".join(_SOURCES)
        raise at.error("", f"needs exactly one of {wanted}, or absent; it has {', '.join(sources) or 'none'}")
    column = next((c for c in declared.columns if c.name == name), None)
    if column is None and not name.startswith("_") and "type" not in given:
        near = _near(name, declared.names)
        raise at.error(
            "", f'{declared.name} has no column {name!r}{near}; for a column of your own write its type, as in '
            f'{{ from = "…", type = "text" }}'
        )  # fmt: skip
    kind = at.choice(given, "type", ("key", "text", "time", "number", "whole", "flag"), "text")
    if column is not None and given.get("type", column.type) != column.type:
        raise at.error("type", f"is {kind!r}, but {declared.name}.{name} is declared as {column.type!r}")
    own = {key: given[key] for key in ("dates", "decimal", "thousands", "missing", "unreadable") if key in given}
    found = ColumnSpec(
        name=name,
        type=column.type if column else kind,
        required=at.flag(given, "required", bool(column and column.required)),
        headers=at.texts(given, "from"),
        combine=at.texts(given, "combine"),
        first_filled=at.texts(given, "first_filled"),
        sums=at.texts(given, "sum"),
        constant=at.text(given, "constant", "") if "constant" in given else None,
        row=at.flag(given, "row", False),
        absent=at.text(given, "absent", ""),
        remark=at.text(given, "remark", "").rstrip("."),
        separator=at.text(given, "separator", " "),
        split=at.text(given, "split", ""),
        part=int(at.number(given, "part", 0)),
        which=at.choice(given, "which", ("first", "last")),
        where=at.conditions(given, "where"),
        repairs=at.mapping(given, "repairs"),
        lookup=_lookup(at, at.text(given, "lookup", "")),
        take=at.texts(given, "take"),
        pick=at.choice(given, "pick", ("first",)),
        unmatched=at.choice(given, "unmatched", ("keep", "empty", "error")),
        values={word.strip().casefold(): text for word, text in at.mapping(given, "values").items()},
        otherwise=at.text(given, "otherwise", "") if "otherwise" in given else None,
        only_if=at.conditions(given, "only_if"),
        times=float(at.number(given, "times", 1.0)),
        reading=_reading(at, own, reading),
        allowed=column.values if column else (),
    )
    _check_column(at, given, found)
    return found


def _check_column(at: _At, given: Mapping, found: ColumnSpec) -> None:
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
    if found.sums and found.type not in ("number", "whole"):
        raise at.error("sum", f"needs a number, and the column is of type {found.type}")
    if found.times != 1.0 and found.type not in ("number", "whole"):
        raise at.error("times", f"needs a number, and the column is of type {found.type}")
    if (found.take or found.pick or found.unmatched) and found.lookup is None:
        raise at.error("lookup", "is missing; take, pick and unmatched need it")


def _lookup(at: _At, text: str) -> tuple[str, str] | None:
    if not text:
        return None
    table, dot, column = text.partition(".")
    if not (dot and table and column):
        raise at.error("lookup", f'is {text!r}; write "table.column", as in "products.name"')
    return table, column


def _check_lookups(at: _At, tables: list[TableSpec], files: Mapping[str, FileSpec]) -> None:
    """Make sure that what is looked up exists: in a table made above, or in a file of the export."""
    made: dict[str, set[str]] = {}
    for number, table in enumerate(tables):
        for column in table.columns:
            if column.lookup is None:
                continue
            here, (place, key) = at / f"tables.{table.name}.columns.{column.name}", column.lookup
            if place in files and column.take:
                continue
            if place not in {t.name for t in tables[:number]}:
                raise here.error("lookup", f"{place!r} is neither a table made above this one nor a file with take")
            if key not in made[place]:
                raise here.error("lookup", f"{place} has no column {key!r}{_near(key, made[place])}")
            if not column.take and len(schema.TABLES[place].key) != 1:
                raise here.error("take", f"is missing: {place} has no single key that could be taken")
        made.setdefault(table.name, set()).update(c.name for c in table.columns if not c.working)


def _crm(
    at: _At, given: Mapping, made: set[tuple[str, str]], files: Mapping[str, FileSpec]
) -> tuple[dict[str, Any], tuple[str, ...], dict[tuple[str, ...], FromFile]]:
    """Check the settings that go into crm.toml, as whoever opens the tables will read them."""
    settings, from_files = _settings_of_files(at, given, files, ())
    latest: tuple[str, ...] = ()
    if isinstance(settings.get("as_of"), Mapping):
        rule = settings.pop("as_of")
        (at / "as_of").known(rule, ("latest",))
        latest = (at / "as_of").texts(rule, "latest", None)
        for name in latest:
            if tuple(name.split(".")) not in made:
                raise (at / "as_of").error("latest", f"{name!r} is not a column that this adapter makes")
    try:
        config.read(settings)
    except UsageError as error:
        raise UsageError(f"Adapter {at.where}: {error}") from None
    return settings, latest, from_files


def _settings_of_files(
    at: _At, given: Mapping, files: Mapping[str, FileSpec], place: tuple[str, ...]
) -> tuple[dict[str, Any], dict[tuple[str, ...], FromFile]]:
    """Part the settings that stand in the adapter from those that a file of the export says."""
    stated, found = {}, {}
    for name, value in given.items():
        if not isinstance(value, Mapping):
            stated[name] = value
        elif "file" in value:
            here = at / name
            here.known(value, ("file", "key", "value", "times"))
            alias = here.choice(value, "file", tuple(files))
            times = float(here.number(value, "times", 1.0))
            found[*place, name] = FromFile(alias, here.text(value, "key"), here.text(value, "value"), times)
        else:
            stated[name], further = _settings_of_files(at / name, value, files, (*place, name))
            found |= further
    return stated, found
