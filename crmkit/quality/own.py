"""Rules of the company's own, from crm.toml: words and values become conditions, nothing is evaluated as code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from difflib import get_close_matches

import ibis
import ibis.expr.types as ir

from crmkit.errors import UsageError
from crmkit.quality.rule import Look, Rule
from crmkit.quality_settings import OwnRule
from crmkit.relations import at


def rules(look: Look) -> Iterator[Rule]:
    """Yield the company's own rules about a table, as far as its columns are there."""
    for rule in look.crm.config.quality.rules:
        if rule.table == look.table and not lacks(look, rule):
            where = " where " + " and ".join(_said(name, tests) for name, tests in rule.where.items())
            words = "; ".join(_said("", {name: value}).strip() for name, value in rule.tests.items())
            yield Rule(
                rule.table,
                rule.column,
                f'breaks the rule "{rule.name}" ({rule.column} {words}{where if rule.where else ""})',
                broken(look, rule),
                rule.advice,
                rule.severity,
                name="own_rule",
                dimension=rule.dimension,
                effect="It breaks a rule of your company.",
            )


def lacks(look: Look, rule: OwnRule) -> str:
    """Say which column a rule names that the table does not have; "" where it has all.

    A column that neither the data nor the schema knows is a slip in crm.toml.
    """
    for name in _columns(rule):
        if name not in look.data.columns:
            near = get_close_matches(name, [c for c in look.data.columns if not c.endswith("_")], n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            return f"names the column {name!r}, which {look.table} does not have.{hint}"
    return ""


def _columns(rule: OwnRule) -> list[str]:
    names = [rule.column, *rule.where]
    for tests in (rule.tests, *rule.where.values()):
        names += [tests[word] for word in ("before", "after") if isinstance(tests.get(word), str)]
        if isinstance(tests.get("unique"), list):
            names += tests["unique"]
    return names


def broken(look: Look, rule: OwnRule) -> ir.BooleanValue:
    """Return where a rule is broken: in the rows that `where` chooses, where any of the tests does not hold."""
    for column, tests in [(rule.column, rule.tests), *rule.where.items()]:
        _typed(rule, look.data, column, tests)
    try:
        chosen = ibis.literal(True)
        for column, tests in rule.where.items():
            for word, value in tests.items():
                holds = _HOLDS[word](look.data, column, value)
                chosen = chosen & (holds if word in ("required", "empty") else look.data[column].notnull() & holds)
        failed = ibis.literal(False)
        for word, value in rule.tests.items():
            failed = failed | ~_HOLDS[word](look.data, rule.column, value)
        return chosen.fill_null(False) & failed.fill_null(False)
    except (ibis.common.exceptions.IbisError, TypeError, AttributeError) as error:
        raise UsageError(
            f"The quality rule {rule.name!r} of crm.toml compares {rule.table}.{rule.column} with something of another "
            f"type: {str(error).splitlines()[0]}"
        ) from None


def _typed(rule: OwnRule, data: ir.Table, column: str, tests: Mapping[str, object]) -> None:
    """Refuse bounds of another type than the column's, which an engine would refuse less plainly."""
    kind = data[column].type()
    for word, value in tests.items():
        if word in ("before", "after") and isinstance(value, str):
            fits = data[value].type().is_string() == kind.is_string()
        elif word in ("before", "after"):
            fits = kind.is_temporal()
        elif word in ("min", "max", "above", "below"):
            fits = kind.is_temporal() if isinstance(value, date) else kind.is_numeric()
        else:
            continue
        if not fits:
            raise UsageError(
                f"The quality rule {rule.name!r} of crm.toml asks that {rule.table}.{column} be {_WORDS[word]} "
                f"{value}, but the column is {kind}. Correct the rule, or the column's cells."
            )


def _among(data: ir.Table, column: str, values: object) -> ir.BooleanValue:
    """Tell where a column has one of some values; compared as text where the types differ."""
    value = data[column]
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in values) and value.type().is_numeric():
        return value.isin(list(values))
    if all(isinstance(one, date) for one in values) and value.type().is_temporal():
        return value.isin([_bound(one) for one in values])
    texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
    return value.cast("string").isin(texts)


def _bound(value: object) -> object:
    if isinstance(value, datetime):
        return at(value)
    return at(datetime.combine(value, time.min)) if isinstance(value, date) else value


def _other(data: ir.Table, value: object) -> ir.Value:
    return data[value] if isinstance(value, str) else _bound(value)


def _unique(data: ir.Table, column: str, value: object) -> ir.BooleanValue:
    """Tell where the column, with further columns if any, names one row only; empty cells are not compared."""
    names = [column, *(value if isinstance(value, list) else [])]
    return data[column].isnull() | (data.count().over(ibis.window(group_by=[data[name] for name in names])) == 1)


_HOLDS: Mapping[str, Callable[[ir.Table, str, object], ir.BooleanValue]] = {
    "required": lambda data, column, _: _filled(data[column]),
    "empty": lambda data, column, _: ~_filled(data[column]),
    "min": lambda data, column, value: data[column] >= _bound(value),
    "max": lambda data, column, value: data[column] <= _bound(value),
    "above": lambda data, column, value: data[column] > _bound(value),
    "below": lambda data, column, value: data[column] < _bound(value),
    "in": _among,
    "not_in": lambda data, column, value: ~_among(data, column, value),
    "matches": lambda data, column, value: data[column].cast("string").re_search(value),
    "not_matches": lambda data, column, value: ~data[column].cast("string").re_search(value),
    "before": lambda data, column, value: data[column] <= _other(data, value),
    "after": lambda data, column, value: data[column] >= _other(data, value),
    "unique": _unique,
}


def _filled(value: ir.Value) -> ir.BooleanValue:
    return value.notnull() & (value.strip() != "") if value.type().is_string() else value.notnull()


_WORDS = {
    "required": "must be filled in",
    "empty": "must be empty",
    "min": "from",
    "max": "up to",
    "above": "above",
    "below": "below",
    "in": "in",
    "not_in": "not in",
    "matches": "matches",
    "not_matches": "does not match",
    "before": "not after",
    "after": "not before",
    "unique": "must be unique",
}


def _said(column: str, tests: Mapping[str, object]) -> str:
    """Write tests as people read them.

    >>> _said("amount", {"min": 100, "in": ["a", "b"]})
    'amount from 100 and in a, b'
    """
    parts = []
    for word, value in tests.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        shown = "" if value is True else f" {shown}"
        one = word == "in" and isinstance(value, list) and len(value) == 1
        parts.append(f"{'is' if one else _WORDS[word]}{shown}")
    return f"{column} {' and '.join(parts)}".strip()
