"""Reading an adapter from its TOML file, and checking every key of it, with messages that name file and key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crmkit import config, schema
from crmkit.adapters import extend, overrides
from crmkit.adapters.overrides import Said
from crmkit.adapters.parse_columns import column_rules
from crmkit.adapters.parse_files import file_rules, reading_rules
from crmkit.adapters.places import At, near
from crmkit.adapters.spec import EITHER, Adapter, FileSpec, FromFile, Reading, StagesOfFile, TableSpec
from crmkit.errors import UsageError


def load(path: Path, said: Said | None = None) -> Adapter:
    """Read an adapter from its TOML file, lay over it what the user says of one export, and check every key of it.

    Raises
    ------
    UsageError
        Where the file can't be read or a key is unknown, missing or of a wrong kind; the text names file and key.
    """
    given, at = extend.read(path), At(path.name)
    given = overrides.laid_over(given, said) if said else given
    at.known(given, ("extends", "title", "crm", "read", "files", "tables"))
    base = reading_rules(at / "read", at.table(given, "read", {}), Reading())
    files = {
        alias: file_rules(at / f"files.{alias}", alias, at.as_table(f"files.{alias}", value), base)
        for alias, value in at.table(given, "files").items()
    }
    stages = at.table(at.table(given, "crm", {}), "stages", {})
    tables = []
    for name, value in at.table(given, "tables").items():
        if name not in schema.TABLES:
            raise at.error(f"tables.{name}", f"there is no table {name!r} in a CRM{near(name, schema.TABLES)}")
        parts = value if isinstance(value, list) else [value]
        for number, part in enumerate(parts, 1):
            here = at / (f"tables.{name}" + (f" (part {number})" if len(parts) > 1 else ""))
            tables.append(_table(here, name, here.as_table("", part), files, stages))
    if not files or not tables:
        raise at.error("", "an adapter needs at least one [files.NAME] and one [tables.NAME]")
    made = {(table.name, column.name) for table in tables for column in table.columns}
    crm, latest, from_files = _crm(at / "crm", at.table(given, "crm", {}), made, files)
    _check_lookups(at, tables, files)
    title, base = at.text(given, "title"), at.text(given, "extends", "")
    return Adapter(path.stem, title, path, crm, latest, files, tuple(tables), from_files, base)


_TABLE_KEYS = (
    "file", "part", "only", "without", "one_row_for", "in_order_of", "if_there", "filled", "keep", "unpivot", "columns",
)  # fmt: skip


def _table(at: At, name: str, given: Mapping, files: Mapping[str, FileSpec], stages: Mapping[str, Any]) -> TableSpec:
    at.known(given, _TABLE_KEYS)
    file = at.text(given, "file")
    if file not in files:
        raise at.error("file", f"is {file!r}, which [files] doesn't declare{near(file, files)}")
    declared = schema.TABLES[name]
    reading = files[file].reading
    columns = tuple(
        column_rules(at / f"columns.{column}", declared, column, value, reading, stages)
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
    together, order = at.headers(given, "one_row_for"), EITHER.join(at.texts(given, "in_order_of"))
    ordered = any(column.which in ("", "first", "last") for column in columns if set(column.wanted) - {*together})
    if bool(together) != bool(order) and (order or ordered):
        raise at.error("one_row_for", "and in_order_of need each other: which rows make one, and in which order")
    for column in columns:
        if (column.which or column.where) and not together:
            raise at.error(f"columns.{column.name}", "which and where need one_row_for at the table")
    filled = at.texts(given, "filled")
    for column in filled:
        if column not in made:
            raise at.error("filled", f"{column!r} is not a column of the table{near(column, made)}")
    return TableSpec(
        name, file, at.conditions(given, "only"), at.conditions(given, "without"), columns, together, order,
        at.spellings(given, "if_there"), at.texts(given, "keep"), at.texts(given, "unpivot"), filled,
        at.text(given, "part", ""),
    )  # fmt: skip


def _check_lookups(at: At, tables: list[TableSpec], files: Mapping[str, FileSpec]) -> None:
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
                raise here.error("lookup", f"{place} has no column {key!r}{near(key, made[place])}")
            if not column.take and len(schema.TABLES[place].key) != 1:
                raise here.error("take", f"is missing: {place} has no single key that could be taken")
        made.setdefault(table.name, set()).update(c.name for c in table.columns if not c.working)


def _crm(
    at: At, given: Mapping, made: set[tuple[str, str]], files: Mapping[str, FileSpec]
) -> tuple[dict[str, Any], tuple[str, ...], dict[tuple[str, ...], FromFile | StagesOfFile]]:
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
    at: At, given: Mapping, files: Mapping[str, FileSpec], place: tuple[str, ...]
) -> tuple[dict[str, Any], dict[tuple[str, ...], FromFile | StagesOfFile]]:
    """Part the settings that stand in the adapter from those that a file of the export says."""
    stated, found = {}, {}
    for name, value in given.items():
        if not isinstance(value, Mapping):
            stated[name] = value
        elif (*place, name) == ("stages",) and value.get("file") in files:
            found[*place, name] = _stages(at / name, value, files)
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


def _stages(at: At, given: Mapping, files: Mapping[str, FileSpec]) -> StagesOfFile:
    """Check how the stages and their order are read from a file of the export."""
    at.known(given, ("file", "key", "order", "closed", "won", "without"))
    if ("closed" in given) != ("won" in given):
        raise at.error("closed", "and won go together; without them every stage of the file is open")
    texts = {key: at.texts(given, key, None) for key in ("key", "order")}
    texts |= {key: at.texts(given, key) for key in ("closed", "won")}
    return StagesOfFile(at.choice(given, "file", tuple(files)), **texts, unless=at.conditions(given, "without"))
