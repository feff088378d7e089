"""From the columns that a source has to the columns that the schema declares: types, and what does not fit.

The casts are Ibis expressions, so that they cost nothing until a query runs. Text that should be a number, a time or
a flag is read only by DuckDB, which tells a cell that cannot be read from an empty one; another engine's columns must
have the right type already.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from crmkit.schema import Column, Table

TIME = dt.Timestamp(scale=6)
"""The type of every time: naive, to the microsecond."""

_FLAGS = {"yes": ("true", "t", "yes", "y", "1"), "no": ("false", "f", "no", "n", "0")}
_IBIS = {
    "key": "string",
    "text": "string",
    "time": TIME,
    "number": "float64",
    "whole": "int64",
    "flag": "boolean",
}
_READABLE = {
    "key": "text",
    "text": "text",
    "time": "a time such as 2026-09-30 or 2026-09-30 14:05:00",
    "number": "a number such as 1234.5",
    "whole": "a whole number",
    "flag": "true or false",
}


@ibis.udf.scalar.builtin(name="timezone")
def _local(zone: str, at: dt.Timestamp(timezone="UTC")) -> dt.timestamp: ...


@dataclass(frozen=True)
class Cast:
    """A column as the schema wants it, and which rows of the source cannot be read so.

    Attributes
    ----------
    value : ibis column
        The typed column.
    bad : ibis boolean column or None
        True where a cell is there but cannot be read; None where that cannot happen.
    wanted : str
        What a cell must be, for the message.
    """

    value: ir.Value
    bad: ir.BooleanValue | None
    wanted: str


class WrongTypeError(Exception):
    """A column's type is none that the declared one can be made from; the text says which it is."""


def empty(column: Column) -> ir.Value:
    """Return a column of nulls of the declared type, for a column that the source lacks."""
    return ibis.null(_IBIS[column.type]).name(column.name)


def unbound(table: Table) -> ir.Table:
    """Return a table of the declared shape that is bound to no data, to compile against.

    Examples
    --------
    >>> from crmkit import schema
    >>> unbound(schema.table("payments")).columns[:2]
    ('payment_id', 'order_id')
    """
    return ibis.table({column.name: _IBIS[column.type] for column in table.columns}, name=table.name)


def cast(raw: ir.Value, column: Column, *, zone: str, embedded: bool, filled: bool = False) -> Cast:
    """Return the column `raw` of a source in the type that the schema declares.

    Parameters
    ----------
    raw : ibis column
    column : Column
        What the schema says of it.
    zone : str
        The company's time zone, to which zoned timestamps are converted.
    embedded : bool
        Whether the engine is the embedded DuckDB, which may read numbers and times from text.
    filled : bool
        Whether it is known of a column of text that no cell is an empty text, which would stand for null.

    Raises
    ------
    WrongTypeError
    """
    kind, wanted = raw.type(), _READABLE[column.type]
    if kind.is_null():
        return Cast(empty(column), None, wanted)
    if kind.is_string() and column.type not in ("key", "text"):
        if not embedded:
            raise WrongTypeError(f"is text; it must be {wanted}")
        value = _from_text(raw, column, zone)
        return Cast(value, _filled(raw) & value.isnull(), wanted)
    if kind.is_string() and filled:
        return Cast(raw, None, wanted)
    value, bad = _CASTS[column.type](raw, kind, zone)
    return Cast(value, bad, wanted)


def _filled(raw: ir.StringValue) -> ir.BooleanValue:
    return raw.notnull() & (raw.strip() != "")


def _from_text(raw: ir.StringValue, column: Column, zone: str) -> ir.Value:
    text = raw.strip().nullif("")
    if column.type == "time":
        naive = text.try_cast(TIME)
        zoned = text.re_search(r"\d:\d\d.*([Zz]|[+-]\d\d(:?\d\d)?)$")
        return ibis.ifelse(zoned, _local(zone, text.try_cast(dt.Timestamp(timezone="UTC"))).cast(TIME), naive)
    if column.type == "flag":
        lower = text.lower()
        return ibis.cases(
            (lower.isin(_FLAGS["yes"]), True), (lower.isin(_FLAGS["no"]), False), else_=ibis.null("boolean")
        )
    number = text.try_cast("float64")
    number = ibis.ifelse(number.isnan() | number.isinf(), ibis.null("float64"), number)
    if column.type == "whole":
        return ibis.ifelse(number == number.floor(), number.cast("int64"), ibis.null("int64"))
    return number


def _to_text(raw, kind, zone):
    if kind.is_string():
        return raw.nullif(""), None
    if kind.is_floating():
        whole = (raw == raw.floor()) & (raw.abs() < 2**53)
        return ibis.ifelse(whole, raw.cast("int64").cast("string"), ibis.null("string")), raw.notnull() & ~whole
    if kind.is_integer() or kind.is_uuid() or kind.is_boolean() or kind.is_decimal():
        return raw.cast("string"), None
    raise WrongTypeError(f"is {_say(kind)}; it must be text")


def _to_time(raw, kind, zone):
    if kind.is_timestamp():
        return (raw if kind.timezone is None else _local(zone, raw)).cast(TIME), None
    if kind.is_date():
        return raw.cast(TIME), None
    raise WrongTypeError(
        f"is {_say(kind)}; it must be a date or a timestamp (a number may be an Excel serial or an epoch)"
    )


def _to_number(raw, kind, zone):
    if kind.is_floating():
        finite = raw.abs() <= sys.float_info.max  # one comparison; for engines NaN is the greatest number, or fits none
        return ibis.ifelse(finite, raw, ibis.null("float64")).cast("float64"), raw.isinf()
    if kind.is_numeric() and not kind.is_boolean():
        return raw.cast("float64"), None
    raise WrongTypeError(f"is {_say(kind)}; it must be a number")


def _to_whole(raw, kind, zone):
    if kind.is_integer():
        return raw.cast("int64"), None
    if kind.is_numeric() and not kind.is_boolean():
        number = raw.cast("float64")
        whole = number == number.floor()
        missing = number.isnull() | number.isnan()
        return ibis.ifelse(whole & ~missing, number.cast("int64"), ibis.null("int64")), ~missing & ~whole
    raise WrongTypeError(f"is {_say(kind)}; it must be a whole number")


def _to_flag(raw, kind, zone):
    if kind.is_boolean():
        return raw, None
    if kind.is_integer() or kind.is_floating():
        return ibis.cases((raw == 1, True), (raw == 0, False), else_=ibis.null("boolean")), ~raw.isin([0, 1])
    raise WrongTypeError(f"is {_say(kind)}; it must be true or false")


def _say(kind: dt.DataType) -> str:
    if kind.is_timestamp() or kind.is_date():
        return "a time"
    if kind.is_numeric() and not kind.is_boolean():
        return f"a number ({kind})"
    return str(kind)


_CASTS = {
    "key": _to_text,
    "text": _to_text,
    "time": _to_time,
    "number": _to_number,
    "whole": _to_whole,
    "flag": _to_flag,
}
