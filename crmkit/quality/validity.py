"""Validity: values that are none of what their column can hold."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator

import ibis
import ibis.expr.types as ir

from crmkit.quality.rule import Look, Rule
from crmkit.relations import SURVEY_SCALES

NOTHING = (
    "#N/A", "#NA", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "NULL", "null", "(null)", "nan", "NaN",
    "<NA>", "N/A", "n/a", "undefined", "-", "--",
)  # fmt: skip
"""Words that stand for an empty cell in exports of spreadsheets and programs, as whole cells."""
SPREADSHEET_ID = r"^[0-9]([.,][0-9]+)?[eE]\+[0-9]{1,3}$"
EMAIL = r"^[^@\s,;]+@[^@\s,;]+\.[^@\s.,;]+$"
BROKEN_TEXT = (
    "\ufffd|\u00c3[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
    "|\u00e2\u20ac[\u0153\u2122\u201c\u201d\u02dc\u00a6]"
)
"""Letters of UTF-8 read as one byte each (Ã¼ for ü, â€™ for an apostrophe), and the mark of what could not be read."""


def rules(look: Look) -> Iterator[Rule]:
    """Yield which values a table must not have."""
    for column in look.declared.columns:
        if column.name not in look.present:
            continue
        value = look.data[column.name]
        for low, word, off in (
            (column.low, "below", lambda v, bound: v < bound),
            (column.high, "above", lambda v, bound: v > bound),
        ):
            if low is not None:
                yield Rule(
                    look.table,
                    column.name,
                    f"lies {word} {low:g}",
                    off(value, low),
                    "Correct the values.",
                    name="out_of_bounds",
                    effect="Means and sums of this column are wrong by as much.",
                )
        if column.type == "key":
            yield _spreadsheet(look, column.name)
        if column.type in ("key", "text") and not column.values:
            yield _nothing(look, column.name)
        if column.type == "text" and not column.values:
            yield _broken(look, column.name)
        if column.name == "email":
            yield _email(look)
        if column.name == "currency":
            yield _currency(look)
    if look.table == "surveys":
        yield _off_scale(look)


def _spreadsheet(look: Look, column: str) -> Rule:
    return Rule(
        look.table,
        column,
        "was turned into a number by a spreadsheet",
        _seldom(look.data[column], ("E+", "e+"), SPREADSHEET_ID),
        "Export again, and open the file as text: the last digits of such ids are lost.",
        "error",
        shown=column,
        name="spreadsheet_id",
        effect="Different rows may have become one, and what belongs together is no longer found.",
    )


def _seldom(value: ir.StringValue, parts: tuple[str, ...], pattern: str) -> ir.BooleanValue:
    """Search for a pattern only in text that holds one of its parts: most does not, and looking for parts is cheap."""
    holds = functools.reduce(operator.or_, (value.contains(part) for part in parts))
    return ibis.ifelse(holds, value.re_search(pattern), ibis.literal(False))


def _nothing(look: Look, column: str) -> Rule:
    return Rule(
        look.table,
        column,
        "holds a word that means empty",
        look.data[column].isin(NOTHING),
        "Empty the cells.",
        shown=column,
        name="word_for_nothing",
        effect="The word counts as a value: it forms a group of its own, and the cell as filled in.",
    )


def _broken(look: Look, column: str) -> Rule:
    return Rule(
        look.table,
        column,
        "was read with the wrong encoding",
        _seldom(look.data[column], ("\u00c3", "\u00e2\u20ac", "\ufffd"), BROKEN_TEXT),
        "Export again in UTF-8, or import with --encoding.",
        name="broken_text",
        effect="The same name in two spellings makes two groups.",
    )


def _email(look: Look) -> Rule:
    return Rule(
        look.table,
        "email",
        "is no e-mail address",
        look.data.email.notnull() & ~look.data.email.strip().re_search(EMAIL),
        "Correct the addresses; let the form check them.",
        name="email_malformed",
        effect="Nothing can be sent to them: campaigns reach fewer than they count, and duplicates are not found.",
    )


def _currency(look: Look) -> Rule:
    return Rule(
        look.table,
        "currency",
        "is no code of three letters such as EUR",
        look.data.currency.notnull() & ~look.data.currency.re_search("^[A-Z]{3}$"),
        "Write ISO 4217 codes.",
        name="currency_code",
        effect="Money in it cannot be converted.",
    )


def _off_scale(look: Look) -> Rule:
    data = look.data
    low = ibis.cases(*[(data.survey == name, scale[0]) for name, scale in SURVEY_SCALES.items()])
    high = ibis.cases(*[(data.survey == name, scale[1]) for name, scale in SURVEY_SCALES.items()])
    low = ibis.coalesce(data.scale_min, low) if look.has("scale_min") else low
    high = ibis.coalesce(data.scale_max, high) if look.has("scale_max") else high
    return Rule(
        "surveys",
        "score",
        "is no whole number on the survey's scale",
        (data.score < low) | (data.score > high) | (data.score != data.score.floor()),
        "Such answers are left out. Set scale_min and scale_max if the scale is another.",
        name="off_scale",
        effect="Such answers are left out of every score and share of answers.",
        leaves_out=True,
    )
