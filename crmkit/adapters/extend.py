"""An adapter that extends another: what its TOML file says is laid over what the other says, and wins."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from crmkit.adapters.places import At, near
from crmkit.errors import UsageError

SOURCES = (
    "from", "combine", "first_filled", "sum", "product", "minutes_between", "seconds_between",
    "seconds_after", "minutes_after", "hours_after", "days_after", "constant", "row",
)  # fmt: skip
_HERE = Path(__file__).parent


def read(path: Path) -> dict[str, Any]:
    """Return what an adapter's TOML file says, laid over the adapter that it extends, if any.

    `extends` is the name of an adapter that comes with crmkit, or a path from the file's own folder.

    Raises
    ------
    UsageError
        Where a file can't be read, isn't valid TOML, or extends itself.
    """
    return _read(path, ())


def _read(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in above:
        raise UsageError(f"Adapter {path.name}: extends: {path.name} extends itself, by way of {above[-1].name}.")
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"The adapter {path} can't be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The adapter {path.name} is not valid TOML: {error}.") from None
    if "extends" not in given:
        return given
    at = At(path.name)
    base = _read(_extended(at, path, at.text(given, "extends")), (*above, path.resolve()))
    found = laid_over(base, {key: value for key, value in given.items() if key != "extends"}, at)
    return {**found, "extends": Path(given["extends"]).stem}


def _extended(at: At, path: Path, name: str) -> Path:
    """Return the file of the adapter that is extended."""
    if name.endswith(".toml"):
        return path.parent / name
    known = {found.stem: found for found in _HERE.glob("*.toml")}
    if name not in known:
        raise at.error("extends", f"there is no adapter {name!r}{near(name, known)}; known: {', '.join(sorted(known))}")
    return known[name]


def laid_over(base: Mapping[str, Any], given: Mapping[str, Any], at: At) -> dict[str, Any]:
    """Lay one adapter's content over another's.

    Tables are merged, key by key; everything else is replaced; `false` takes a file, a table, a column or a key away.
    The stages of [crm] are replaced as a whole, because their order says something.

    Examples
    --------
    >>> base = {"tables": {"users": {"file": "people", "columns": {"user_id": "Id", "team": "Group"}}}}
    >>> own = {"tables": {"users": {"columns": {"user_id": "Number", "team": False}}}}
    >>> laid_over(base, own, At("my.toml"))
    {'tables': {'users': {'file': 'people', 'columns': {'user_id': {'from': 'Number'}}}}}
    """
    found = _merged(base, {key: value for key, value in given.items() if key != "tables"})
    if isinstance(given.get("crm"), Mapping) and isinstance(given["crm"].get("stages"), Mapping):
        found["crm"]["stages"] = given["crm"]["stages"]
    tables = dict(base.get("tables", {}))
    own = at.table(given, "tables", {})
    for name, value in own.items():
        if value is False:
            tables.pop(name, None)
        else:
            tables[name] = _parts(tables.get(name), value, at / f"tables.{name}")
    if own:
        found["tables"] = {name: tables[name] for name in _in_order(tables, lambda n: _looked_up(tables[n]))}
    _forget_days_of_what_is_gone(found)
    return found


def _merged(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(base)
    for key, value in given.items():
        there = found.get(key)
        if value is False and isinstance(there, Mapping | str | list):
            del found[key]
        elif isinstance(value, Mapping) and isinstance(there, Mapping):
            found[key] = _merged(there, value)
        else:
            found[key] = value
    return found


def _parts(base: Any, given: Any, at: At) -> Any:
    """Lay a table, or the parts of one, over another's; parts find each other by `part`, or by their file."""
    if isinstance(given, Mapping):
        if isinstance(base, list):
            return _parts(base, [given], at) if "part" in given else given
        return _table(base, given, at) if isinstance(base, Mapping) else given
    if not isinstance(given, list) or not all(isinstance(part, Mapping) and "part" in part for part in given):
        return given
    parts = list(base) if isinstance(base, list) else [base] if isinstance(base, Mapping) else []
    for part in given:
        names = [p.get("part", p.get("file")) for p in parts]
        count = names.count(part["part"])
        if count > 1:
            raise at.error("part", f"{part['part']!r} fits {count} parts; parts of one file need a part each")
        if not count:
            parts.append(part)
        elif part.get("file") is False:
            del parts[names.index(part["part"])]
        else:
            place = names.index(part["part"])
            parts[place] = _table(parts[place], part, at)
    return parts


def _table(base: Mapping[str, Any], given: Mapping[str, Any], at: At) -> dict[str, Any]:
    found = _merged(base, {key: value for key, value in given.items() if key != "columns"})
    columns = dict(base.get("columns", {}))
    for name, value in at.table(given, "columns", {}).items():
        if value is False:
            columns.pop(name, None)
        else:
            columns[name] = column_laid_over(columns.get(name), value)
    found["columns"] = {name: columns[name] for name in _in_order(columns, lambda n: _wanted(columns[n]))}
    return found


def column_laid_over(base: Any, given: Any) -> Any:
    """Lay a column over another's: where it says another source of the cell, the other's source is forgotten."""
    if isinstance(given, str | list):
        given = {"from": given}
    if base is None or not isinstance(given, Mapping):
        return given
    base = {"from": base} if isinstance(base, str | list) else dict(base)
    if any(key in given for key in (*SOURCES, "absent")):
        base = {key: value for key, value in base.items() if key not in (*SOURCES, "absent", "remark")}
    if isinstance(given.get("values"), Mapping) and isinstance(base.get("values"), Mapping):
        words = {word.strip().casefold() for word in given["values"]}
        base["values"] = {word: to for word, to in base["values"].items() if word.strip().casefold() not in words}
    return _merged(base, given)


def _wanted(column: Any) -> set[str]:
    """Return the columns that one stands in need of: working ones as its source, any that its `only_if` names."""
    if not isinstance(column, Mapping):
        column = {"from": column}
    texts = [column.get(key) for key in SOURCES if key not in ("constant", "row")]
    groups = [item for text in texts for item in ([text] if isinstance(text, str) else text or [])]
    names = {name for group in groups for name in ([group] if isinstance(group, str) else group)}
    return {name for name in names if name.startswith("_")} | set(column.get("only_if", {}))


def _looked_up(table: Any) -> set[str]:
    parts = table if isinstance(table, list) else [table]
    columns = [column for part in parts if isinstance(part, Mapping) for column in part.get("columns", {}).values()]
    looked = [c["lookup"] for c in columns if isinstance(c, Mapping) and isinstance(c.get("lookup"), str)]
    return {place.partition(".")[0] for place in looked}


def _in_order(names: Iterable[str], needs: Any) -> list[str]:
    """Return names in their order, but each after those it needs; what needs itself stays where it is."""
    names = list(names)
    done: dict[str, None] = {}

    def put(name: str, above: tuple[str, ...]) -> None:
        for other in names:
            if other in needs(name) and other not in done and other not in above and other != name:
                put(other, (*above, name))
        done.setdefault(name)

    for name in names:
        put(name, ())
    return list(done)


def _forget_days_of_what_is_gone(found: dict[str, Any]) -> None:
    """Leave columns out of as_of's rule that the extension took away."""
    rule = found.get("crm", {}).get("as_of")
    if not isinstance(rule, Mapping) or not isinstance(rule.get("latest"), list):
        return
    made = set()
    for name, table in found.get("tables", {}).items():
        for part in table if isinstance(table, list) else [table]:
            made |= {f"{name}.{column}" for column in part.get("columns", {})} if isinstance(part, Mapping) else set()
    found["crm"] = {**found["crm"], "as_of": {**rule, "latest": [n for n in rule["latest"] if n in made]}}
    if not found["crm"]["as_of"]["latest"]:
        del found["crm"]["as_of"]
