"""Sentences about definitions, chosen by their numbers: who meets a line and who misses it, who sees a rise."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from crmkit.methods.definitions import MET, MISSED
from crmkit.numbers import UNKNOWN, say, say_interval
from crmkit.tables import missing

if TYPE_CHECKING:
    import pandas as pd

    from crmkit.definitions import Case


def amount(value: float, unit: str, currency: str = "") -> str:
    """Write a number; amounts of money with the data's currency, where one is given.

    >>> amount(0.04, "share", "EUR"), amount(900, "money", "EUR"), amount(900, "money")
    ('4.0%', '€900', '900')
    """
    return say(value, unit, currency=currency if unit == "money" else "")


def span(low: float, high: float, unit: str, currency: str = "") -> str:
    """Write the range of several answers; one number where they are the same.

    >>> span(0.04, 0.1, "share"), span(5.0, 5.0, "points")
    ('4.0% to 10.0%', '5.0')
    """
    ends = amount(low, unit, currency), amount(high, unit, currency)
    if UNKNOWN in ends:
        return UNKNOWN
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def short(period: str) -> str:
    """Write a span of a year so that it fits the head of a column; other periods stay as they are.

    >>> short("2025-10-01/2026-10-01"), short("2026-Q3")
    ('year to 2026-09-30', '2026-Q3')
    """
    start, _, end = period.partition("/")
    if not end or start[4:] != end[4:] or int(end[:4]) - int(start[:4]) != 1:
        return period
    return f"year to {date.fromisoformat(end) - timedelta(days=1)}"


def of_example(rows: pd.DataFrame, case: Case) -> str:
    """Say what each definition makes of the example, and what a manager would do by it.

    Parameters
    ----------
    rows : DataFrame
        The rows of one case, as `definitions` or `example` returns them.
    case : Case
    """
    met, missed = _sides(rows, "example_reads")
    if case.example.before and not (len(met) and len(missed)):
        return _moves(rows)
    alike = rows.loc[rows["unit"] == case.unit, "example"]
    text = f"In the example the answer is {span(alike.min(), alike.max(), case.unit)}. "
    text += f"Held to {amount(rows['example_line'].iloc[0], case.unit)}, a manager would "
    text += f"{_would(met, missed, case)}."
    if missing(rows.loc[rows["used"], "example"].iloc[0]):
        text += " By the definition that crmkit uses it cannot be known from these inputs."
    return text


def of_line(rows: pd.DataFrame, case: Case, *, aimed: bool) -> str:
    """Say what a manager would do by each definition on the data; "" where there is no line to hold it to.

    Parameters
    ----------
    rows : DataFrame
    case : Case
    aimed : bool
        Whether the line is a target of the data.
    """
    line = rows["line"].iloc[0]
    met, missed = _sides(rows, "reads")
    if missing(line) or not len(met) + len(missed):
        return ""
    currency = rows.attrs.get("currency", "")
    what = "the target of the period" if aimed else case.line.what
    text = f"On this data, held to {amount(line, case.unit, currency)} ({what}), a manager would "
    text += _would(met, missed, case)
    alike = rows.loc[rows["unit"] == case.unit, "value"]
    ends = amount(alike.min(), case.unit, currency), amount(alike.max(), case.unit, currency)
    if (len(met) and len(missed)) or ends[0] == ends[1]:
        return f"{text}."
    return f"{text}; at a target between {ends[0]} and {ends[1]} it would depend on the definition."


def of_trend(rows: pd.DataFrame, before: str) -> str:
    """Say whether the definitions moved the same way since the period before; "" where none moved."""
    better, worse = (rows[rows["trend"] == way] for way in ("better", "worse"))
    earlier = short(before)
    since = f"Since {'the ' if earlier.startswith('year') else ''}{earlier}"
    if not len(better) + len(worse):
        return ""
    if not (len(better) and len(worse)):
        return f"{since} every definition that moved became {'better' if len(better) else 'worse'}."
    used = rows[rows["used"]].iloc[0]
    text = f"{since} it became {either(better, 'better', worse, 'worse')}."
    if used["low"] <= used["previous"] <= used["high"]:
        text += " The number that crmkit uses moved within its interval: this may be chance."
    return text


def of_use(rows: pd.DataFrame) -> str:
    """Say which definition crmkit uses, by which metric, and what it gives."""
    used = rows[rows["used"]].iloc[0]
    currency = rows.attrs.get("currency", "")
    options = f", {used['options']}" if used["options"] else ""
    text = f"crmkit uses “{used['definition']}” ({used['metric']}{options})"
    if missing(used["value"]):
        return f"{text}, which this data cannot answer."
    text += f": {amount(used['value'], used['unit'], currency)}"
    interval = say_interval(used["low"], used["high"], used["unit"], currency=currency)
    return f"{text}, 95% interval {interval}." if interval != UNKNOWN else f"{text}."


def of_print(rows: pd.DataFrame) -> list[str]:
    """Say who prints which definition, as far as that is known."""
    return [f"“{row.definition}” {row.printed}." for row in rows.itertuples() if row.printed]


def either(one: pd.DataFrame, first: str, other: pd.DataFrame, second: str) -> str:
    """Say of two groups of definitions what each says, naming those of the smaller group and counting the other.

    >>> import pandas as pd
    >>> few, many = pd.DataFrame({"definition": ["a"]}), pd.DataFrame({"definition": ["b", "c"]})
    >>> either(many, "go", few, "stay")
    'stay by “a”, and go by 2 others'
    """
    if len(other) < len(one):
        one, first, other, second = other, second, one, first
    rest = f"{len(other)} others" if len(other) > len(one) else _names(other)
    return f"{first} by {_names(one)}, and {second} by {rest}"


def _would(met: pd.DataFrame, missed: pd.DataFrame, case: Case) -> str:
    if len(met) and len(missed):
        return either(met, case.line.met, missed, case.line.missed)
    return f"{case.line.met if len(met) else case.line.missed} by each definition"


def _moves(rows: pd.DataFrame) -> str:
    known = rows[rows["example"].notna() & rows["example_before"].notna()]
    moves = [
        f"by “{row.definition}” the number {'rose' if row.example > row.example_before else 'fell'} from "
        f"{say(row.example_before, row.unit)} to {say(row.example, row.unit)}"
        for row in known.itertuples()
    ]
    return f"In the example {', and '.join(moves)}: the one is praised for what the other is blamed for."


def _names(rows: pd.DataFrame) -> str:
    return " and ".join(f"“{name}”" for name in rows["definition"])


def _sides(rows: pd.DataFrame, column: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    return rows[rows[column] == MET], rows[rows[column] == MISSED]
