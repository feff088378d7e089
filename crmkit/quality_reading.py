"""Reading the section `quality` of `crm.toml`, and refusing what it may not say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches

from crmkit import schema
from crmkit.errors import UsageError
from crmkit.quality_settings import DIMENSIONS, RULES, SEVERITIES, TESTS, THRESHOLDS, OwnRule, QualitySettings

_ABOUT = ("table", "name", "column", "where", "severity", "dimension", "advice")
_NOT_IN_WHERE = ("unique",)


def read_quality(where: str, key: str, given: object) -> QualitySettings:
    """Read the section `quality` of the settings.

    Raises
    ------
    UsageError
        Where anything in it is unknown or wrong; the message names file, rule, and what is allowed.

    Examples
    --------
    >>> read_quality("crm.toml", "quality", {"off": ["email_shared"]}).is_off("email_shared", "customers", "email")
    True
    >>> read_quality("crm.toml", "quality", {"off": ["email_shard"]})
    Traceback (most recent call last):
    crmkit.errors.UsageError: crm.toml: quality.off names an unknown rule 'email_shard'. Did you mean email_shared?
    """
    given = _mapping(where, key, given)
    _known(where, key, given, ("off", "severity", "thresholds", "rules"))
    off = given.get("off", [])
    if isinstance(off, str) or not isinstance(off, Sequence) or not all(isinstance(name, str) for name in off):
        raise UsageError(f'{where}: quality.off is {off!r}; it must be a list of rules, such as ["email_shared"].')
    severity = _mapping(where, "quality.severity", given.get("severity", {}))
    for name in off:
        _rule_name(where, "quality.off", name)
    for name, value in severity.items():
        _rule_name(where, "quality.severity", name)
        _one_of(where, f"quality.severity.{name}", value, SEVERITIES)
    rules = given.get("rules", [])
    if isinstance(rules, str | Mapping) or not isinstance(rules, Sequence):
        raise UsageError(f"{where}: quality.rules must be a list; write each rule under a heading [[quality.rules]].")
    return QualitySettings(
        off=frozenset(off),
        severity=dict(severity),
        thresholds=_thresholds(where, given.get("thresholds", {})),
        rules=tuple(_own_rule(where, number, rule) for number, rule in enumerate(rules, 1)),
    )


def _thresholds(where: str, given: object) -> dict[str, float]:
    given = _mapping(where, "quality.thresholds", given)
    _known(where, "quality.thresholds", given, tuple(THRESHOLDS))
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise UsageError(f"{where}: quality.thresholds.{name} is {value!r}; it must be a number above 0.")
    return {name: float(value) for name, value in given.items()}


def _own_rule(where: str, number: int, given: object) -> OwnRule:
    what = f"rule {number} of quality.rules"
    given = dict(_mapping(where, what, given))
    if isinstance(given.get("name"), str):
        what = f"quality rule {given['name']!r}"
    _known(where, what, given, (*_ABOUT, *TESTS))
    for name in ("table", "name", "column"):
        if not isinstance(given.get(name), str) or not given[name].strip():
            raise UsageError(f'{where}: {what} needs {name} = "…", a text.')
    _one_of(where, f"the table of {what}", given["table"], tuple(schema.TABLES))
    _one_of(where, f"the severity of {what}", given.get("severity", "warning"), SEVERITIES)
    _one_of(where, f"the dimension of {what}", given.get("dimension", "validity"), DIMENSIONS)
    if not isinstance(given.get("advice", ""), str):
        raise UsageError(f"{where}: the advice of {what} is {given['advice']!r}; it must be text.")
    tests = {name: given[name] for name in TESTS if name in given}
    if not tests:
        raise UsageError(f"{where}: {what} asks for nothing. Add one of {', '.join(TESTS)}.")
    _check_tests(where, what, given["table"], given["column"], tests)
    dimension = "completeness" if set(tests) == {"required"} else "validity"
    dimension = "uniqueness" if "unique" in tests else dimension
    return OwnRule(
        table=given["table"],
        name=given["name"],
        column=given["column"],
        tests=tests,
        where=_where(where, what, given["table"], given.get("where", {})),
        severity=given.get("severity", "warning"),
        dimension=given.get("dimension", dimension),
        advice=given.get("advice", "Correct the rows."),
    )


def _where(where: str, what: str, table: str, given: object) -> dict[str, Mapping[str, object]]:
    found: dict[str, Mapping[str, object]] = {}
    for column, value in _mapping(where, f"where of {what}", given).items():
        if isinstance(value, Mapping):
            tests = dict(value)
        else:
            tests = {"in": list(value) if isinstance(value, list) else [value]}
        allowed = tuple(name for name in TESTS if name not in _NOT_IN_WHERE)
        _known(where, f"where.{column} of {what}", tests, allowed)
        _check_tests(where, f"where.{column} of {what}", table, column, tests)
        found[column] = tests
    return found


def _check_tests(where: str, what: str, table: str, column: str, tests: Mapping[str, object]) -> None:
    """Refuse values that a test cannot have; those of declared columns by their type, too."""
    declared = schema.TABLES[table]
    kind = declared[column].type if column in declared else ""
    for name, value in tests.items():
        wrong = f"{where}: {name} of {what} is {value!r}; it must be "
        if name in ("required", "empty") and value is not True:
            raise UsageError(f"{wrong}true. Leave it out where it is not wanted.")
        if name in ("min", "max", "above", "below"):
            _bound(wrong, kind, value)
        if name in ("in", "not_in") and (isinstance(value, str) or not isinstance(value, Sequence) or not value):
            raise UsageError(f'{wrong}a list of values, such as ["a", "b"].')
        if name in ("matches", "not_matches"):
            _pattern(wrong, kind, value)
        if name in ("before", "after") and not isinstance(value, str | date):
            raise UsageError(f"{wrong}the name of a column, or a date such as 2026-01-01.")
        if name == "unique" and value is not True and not _names(value):
            raise UsageError(f"{wrong}true, or a list of further columns that together are unique.")


def _bound(wrong: str, kind: str, value: object) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_time = isinstance(value, date | datetime)
    if kind == "time" and not is_time:
        raise UsageError(f"{wrong}a date such as 2026-01-01, without quotation marks.")
    if kind in ("number", "whole") and not is_number:
        raise UsageError(f"{wrong}a number.")
    if kind in ("text", "key", "flag"):
        raise UsageError(f"{wrong}left out: the column is {kind}, which has no order. Use in, not_in or matches.")
    if not (is_number or is_time):
        raise UsageError(f"{wrong}a number or a date.")


def _pattern(wrong: str, kind: str, value: object) -> None:
    if not isinstance(value, str):
        raise UsageError(f"{wrong}a regular expression in quotation marks.")
    if kind not in ("text", "key", ""):
        raise UsageError(f"{wrong}left out: the column is no text.")
    try:
        re.compile(value)
    except re.error as error:
        raise UsageError(f"{wrong}a regular expression, and this one is not: {error}.") from None
    if re.search(r"\(\?(=|!|<=|<!|P=)|\\[1-9]", value):
        raise UsageError(f"{wrong}one without lookahead, lookbehind and references to groups; databases lack them.")


def _names(value: object) -> bool:
    return not isinstance(value, str) and isinstance(value, Sequence) and all(isinstance(name, str) for name in value)


def _mapping(where: str, key: str, value: object) -> Mapping:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where}: {key} is {value!r}; it must be a table with one line each.")
    return value


def _known(where: str, key: str, given: Mapping, allowed: Sequence[str]) -> None:
    for name in given:
        if name not in allowed:
            near = get_close_matches(str(name), allowed, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(f"{where}: {key} has an unknown {name!r}.{hint} Known: {', '.join(allowed)}.")


def _one_of(where: str, key: str, value: object, allowed: Sequence[str]) -> None:
    if value not in allowed:
        near = get_close_matches(str(value), allowed, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UsageError(f"{where}: {key} is {value!r}; it must be one of {', '.join(allowed)}.{hint}")


def _rule_name(where: str, key: str, name: str) -> None:
    """Refuse a name that is neither a rule, nor table.rule, nor table.column.rule."""
    *place, rule = name.split(".")
    if rule not in RULES:
        near = get_close_matches(rule, RULES, n=1)
        hint = f" Did you mean {near[0]}?" if near else f" Known: {', '.join(RULES)}."
        raise UsageError(f"{where}: {key} names an unknown rule {name!r}.{hint}")
    if rule in ("unreadable", "merge_map"):
        raise UsageError(f"{where}: {key} names {name!r}; what cannot be read cannot be overlooked.")
    if len(place) > 2 or (place and place[0] not in schema.TABLES):
        raise UsageError(f"{where}: {key} names {name!r}; write rule, table.rule or table.column.rule.")
