"""Plausibility: values that can be, and hardly ever are."""

from __future__ import annotations

from collections.abc import Iterator

import ibis

from crmkit.quality.amounts import far_out
from crmkit.quality.rule import Look, Rule

DEFAULT_DATES = ("0001-01-01", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1904-01-01", "1970-01-01",
                 "2099-12-31", "2999-12-31", "9999-12-31")  # fmt: skip
"""The first days of the calendars of programs, which they write for an empty or a zero date, and the last ones, which
they or people write for one that is not known yet."""
TEST_NAME = (
    r"(?i)^[\s\W]*(test(ing|s|er|user|kunde|kundin|firma|account|company|customer|contact|lead|deal)?|asdf\w*|qwert[yz]\w*|"
    r"dummy|lorem ipsum|delete( me)?|do not use|xxx+|zzz+|foo ?bar|測試|测试|テスト)[\s\d_.\-!#]*"
    r"((gmbh|ltd|llc|inc|co|ag|company|account|customer|kunde|firma|user|contact|lead|deal|opportunity|会社)\.?)?[\s\d_.\-!#]*$"
)
"""The whole of a name: "Test 2" and "asdfgh" are found, "Test Equipment of Leeds" is not."""
_NEVER_NEGATIVE = {
    "opportunities": ("amount",),
    "subscriptions": ("mrr",),
    "terms": ("amount",),
    "campaigns": ("budget", "cost", "expected_revenue"),
    "products": ("price",),
    "costs": ("amount",),
    "customers": ("annual_revenue",),
    "users": ("monthly_cost",),
}
_NAMES = {"customers": "name", "leads": "company", "opportunities": "name"}


def rules(look: Look) -> Iterator[Rule]:
    """Yield what is hardly ever true of a row."""
    for column in look.declared.columns:
        if column.type == "time" and column.name in look.present:
            yield _default_date(look, column.name)
    for name in _NEVER_NEGATIVE.get(look.table, ()):
        if look.has(name):
            yield _negative(look, name)
    if look.table == "opportunities" and look.has("amount"):
        yield _won_for_nothing(look)
    if (name := _NAMES.get(look.table, "")) and look.has(name):
        yield _test_name(look, name)
    if look.table == "customers" and look.has("birth_year") and look.crm.as_of is not None:
        yield _impossible_age(look, look.crm.as_of.year)
    yield from far_out(look)


def _default_date(look: Look, column: str) -> Rule:
    day = look.data[column].cast("date")
    return Rule(
        look.table,
        column,
        "is a date that programs write where they know none",
        day.isin([ibis.date(text) for text in DEFAULT_DATES]),
        "Empty the cells, or fill in the true date.",
        name="default_date",
        effect="The row counts in a period in which nothing happened, and in no other; ages, cycles and plans are "
        "decades too long.",
    )


def _negative(look: Look, column: str) -> Rule:
    return Rule(
        look.table,
        column,
        "is negative",
        look.data[column] < 0,
        "Correct the sign; write what flows back in a row of its own.",
        name="negative_amount",
        effect="Sums of this column are too low by twice the amount.",
    )


def _won_for_nothing(look: Look) -> Rule:
    return Rule(
        "opportunities",
        "amount",
        "is 0 though it was won",
        (look.data.outcome == "won") & (look.data.amount == 0),
        "Fill in what it was won for; leave the cell empty where that is not known.",
        name="won_for_nothing",
        effect="The deal counts as a sale of nothing: the average deal size and velocity are too low.",
    )


def _test_name(look: Look, column: str) -> Rule:
    return Rule(
        look.table,
        column,
        "is one that somebody typed to try something",
        look.data[column].re_search(TEST_NAME),
        "Delete the rows, with all that belongs to them.",
        name="test_name",
        effect="They count like real ones in every number of this table.",
    )


def _impossible_age(look: Look, year: int) -> Rule:
    age = year - look.data.birth_year
    return Rule(
        "customers",
        "birth_year",
        "makes the customer younger than 10 or older than 110",
        (age < 10) | (age > 110),
        "Correct the year.",
        name="age_impossible",
        effect="Segments by age put the customer in the wrong group.",
    )
