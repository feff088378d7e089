"""What `crm.toml` may say about data quality: rules switched off, other thresholds, rules of one's own.

    [quality]
    off = ["email_shared", "orders.far_out"]        # a rule, or table.rule, or table.column.rule
    [quality.severity]
    times_out_of_order = "error"                    # error, warning or note
    [quality.thresholds]
    far_out = 6                                     # robust standard deviations on the scale of logarithms

    [[quality.rules]]
    table = "opportunities"
    name = "a large deal needs a date"
    column = "expected_close_at"
    required = true
    where = { outcome = "open", amount = { min = 100_000 } }

A rule says of a column what must be true of it; the rows in which it is not are found. There is no formula to evaluate:
tests are words with values (`TESTS`), and `where` narrows the rows by the same tests. Empty cells break `required`
alone. All of it is checked when `crm.toml` is read; whether a column is there only the data can tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches

from crmkit import schema
from crmkit.errors import UsageError

SEVERITIES = ("error", "warning", "note")
DIMENSIONS = (
    "completeness",
    "validity",
    "uniqueness",
    "consistency",
    "timeliness",
    "relationships",
    "plausibility",
)

RULES: dict[str, tuple[str, str]] = {
    "required_empty": ("completeness", "a cell that the table needs is empty"),
    "closed_undated": ("completeness", "an opportunity was won or lost and has no closing date"),
    "won_without_amount": ("completeness", "an opportunity was won and has no amount"),
    "customer_missing": ("completeness", "a row names no customer"),
    "owner_missing": ("completeness", "a row names nobody who looks after it"),
    "reason_missing": ("completeness", "an opportunity was lost and has no reason"),
    "column_empty": ("completeness", "a column is there and empty in every row"),
    "table_empty": ("completeness", "a table is there and has no rows"),
    "unreadable": ("validity", "cells, columns or keys that cannot be read"),
    "out_of_bounds": ("validity", "a number lies outside the bounds of its column"),
    "off_scale": ("validity", "a score is not on the survey's scale"),
    "email_malformed": ("validity", "an e-mail address is none"),
    "spreadsheet_id": ("validity", "an id was turned into a number by a spreadsheet (1.2E+11)"),
    "word_for_nothing": ("validity", "a cell holds a word that means empty (#N/A, NULL)"),
    "broken_text": ("validity", "text was read with the wrong encoding (MÃ¼ller)"),
    "currency_code": ("validity", "a currency is no code of three letters"),
    "key_repeated": ("uniqueness", "a key stands in several rows"),
    "row_repeated": ("uniqueness", "the same event stands in the table twice"),
    "email_shared": ("uniqueness", "several customers have one e-mail address"),
    "entered_twice": ("uniqueness", "two records with different keys say the same, to the second"),
    "times_out_of_order": ("consistency", "a later event lies before an earlier one"),
    "stage_outcome": ("consistency", "the stage and the outcome contradict each other"),
    "stage_unknown": ("consistency", "a stage is not among those of crm.toml"),
    "stage_outside": ("consistency", "a stage was entered before the opportunity began or after it closed"),
    "stages_backward": ("consistency", "a stage was entered after a later one of the pipeline"),
    "converted_to_nothing": ("consistency", "a lead was converted and names neither customer nor opportunity"),
    "lines_differ": ("consistency", "an order's amount is not the sum of its lines"),
    "overlapping": ("consistency", "a customer has the same plan twice at the same time"),
    "mixed_currency": ("consistency", "money is in several currencies without a rate"),
    "unknown_target": ("consistency", "a target names no metric"),
    "after_as_of": ("timeliness", "a time lies after the moment up to which the data is known"),
    "source_silent": ("timeliness", "a source, channel or user that had steady rows has none any more"),
    "table_silent": ("timeliness", "a table that had steady rows has none any more"),
    "days_missing": ("timeliness", "days without any row, where there always were rows on such days"),
    "opening_note": ("timeliness", "what was noticed while the data was opened"),
    "orphan": ("relationships", "a key names a row that is not there"),
    "order_without_lines": ("relationships", "an order has no lines"),
    "merge_map": ("relationships", "merges.csv does not fit the tables: unknown ids, two targets, a circle"),
    "default_date": ("plausibility", "a date that programs write where they know none (1970-01-01)"),
    "future_date": ("plausibility", "a date more than a year after the data ends"),
    "lone_last_date": ("plausibility", "a few late dates stand alone and move the end of the data"),
    "won_for_nothing": ("plausibility", "an opportunity was won with an amount of 0 or less"),
    "negative_amount": ("plausibility", "an amount that cannot be negative is"),
    "far_out": ("plausibility", "an amount lies far away from all others of its kind"),
    "scale_suspect": ("plausibility", "a survey's answers do not look like those of its scale"),
    "same_value": ("plausibility", "a column that should vary has one value in every row"),
    "test_name": ("plausibility", "a name that somebody typed to try something"),
    "age_impossible": ("plausibility", "a person is younger than 10 or older than 110 years"),
    "own_rule": ("validity", "a rule of crm.toml, the company's own"),
}
"""All built-in rules: dimension, and what it finds. Their names are those of the column `rule` of the findings."""

THRESHOLDS: dict[str, float] = {
    "far_out": 6.0,
    "silence_alarm": 0.001,
    "silence_rows": 20,
    "missing_day_alarm": 0.01,
    "least_answers": 30,
}
"""Thresholds that may be set: robust standard deviations of an amount; the chance of a false alarm among all sources of
a table; rows a source must have had; the chance of a false alarm among all days of a table; answers a survey must have.
"""

TESTS = (
    "required", "empty", "min", "max", "above", "below", "in", "not_in", "matches", "not_matches", "before", "after",
    "unique",
)  # fmt: skip
"""What a rule of one's own may ask of a column."""
_ABOUT = ("table", "name", "column", "where", "severity", "dimension", "advice")
_NOT_IN_WHERE = ("unique",)


@dataclass(frozen=True)
class OwnRule:
    """A rule of the company's own: what must be true of a column.

    Attributes
    ----------
    table, name, column : str
    tests : mapping
        Words of `TESTS` with their values; all of them must hold.
    where : mapping of str to mapping
        By column, the tests that choose the rows it is about.
    severity, dimension, advice : str
    """

    table: str
    name: str
    column: str
    tests: Mapping[str, object]
    where: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    severity: str = "warning"
    dimension: str = "validity"
    advice: str = "Correct the rows."


@dataclass(frozen=True)
class QualitySettings:
    """The section `quality` of `crm.toml`; all of it has defaults.

    Attributes
    ----------
    off : frozenset of str
        Rules that are not asked: rule, table.rule or table.column.rule.
    severity : mapping of str to str
        Other severities, by the same names.
    thresholds : mapping of str to float
    rules : tuple of OwnRule
    """

    off: frozenset[str] = frozenset()
    severity: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    rules: tuple[OwnRule, ...] = ()

    def is_off(self, rule: str, table: str, column: str) -> bool:
        """Tell whether a rule is switched off for a column."""
        return bool(self.off & {rule, f"{table}.{rule}", f"{table}.{column}.{rule}"})

    def severity_of(self, rule: str, table: str, column: str, usual: str) -> str:
        """Return the severity of a rule's findings on a column: the most exact name wins."""
        names = (f"{table}.{column}.{rule}", f"{table}.{rule}", rule)
        return next((self.severity[name] for name in names if name in self.severity), usual)

    def threshold(self, name: str) -> float:
        """Return a threshold: the one set, else the usual one."""
        return self.thresholds.get(name, THRESHOLDS[name])


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
