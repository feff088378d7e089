"""The page of definitions: how far apart they are, what each would have decided, and which one crmkit uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit.definitions import Case, all_cases
from crmkit.methods.definitions import MET, MISSED, disagreement
from crmkit.methods.definitions import definitions as answered
from crmkit.numbers import UNKNOWN, say, say_interval
from crmkit.pages.showing import absent, draw, grid, listed
from crmkit.tables import Html, missing

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

CARDS = ("questions_answered", "decided_by_definition", "widest")
USED = tuple(dict.fromkeys(case.used.metric for case in all_cases().values()))
"""The metrics that crmkit answers the cases by."""
DEFINED = tuple(
    dict.fromkeys(variant.metric for case in all_cases().values() for variant in case.variants if variant.metric)
)
"""All metrics among the definitions."""


def work(crm: Crm, period: str | Period) -> pd.DataFrame:
    """Answer all cases by each of their definitions: what the rest of the page is made from."""
    return answered(crm, period=crm.period(period))


def card(found: pd.DataFrame) -> pd.DataFrame:
    """Make the headline numbers of the page, in the form of a scorecard.

    Returns
    -------
    DataFrame
        `metric`, `title`, `unit`, `value`, `previous`, `verdict`, `note`: the questions that this data answers, those
        in which the decision depends on the definition, and the largest factor between two definitions.
    """
    apart = disagreement(found)
    known = apart[apart["decides"].notna()]
    decided = known[known["decides"].astype(bool)]
    rows = [
        ("questions_answered", "Questions that this data answers", "count", len(known), f"of {len(apart)} cases"),
        ("decided_by_definition", "Questions that the definition decides", "count", len(decided), _by_what(decided)),
    ]
    wide = known[known["times"].notna()]
    if len(wide):
        top = wide.loc[wide["times"].idxmax()]
        rows.append(("widest", "Largest factor between two definitions", "ratio", top["times"], top["question"]))
    frame = pd.DataFrame(rows, columns=["metric", "title", "unit", "value", "note"])
    return frame.assign(previous=None, verdict="", value=frame["value"].astype(float))


def _by_what(decided: pd.DataFrame) -> str:
    line, trend = int(decided["by_line"].sum()), int(decided["by_trend"].sum())
    return f"{line} at a target, {trend} by the direction"


def overview(found: pd.DataFrame) -> pd.DataFrame:
    """List the questions: the range of answers in the examples and on the data, and whether decisions change.

    Returns
    -------
    DataFrame
        `question`, `example` (the range), `this data` (the range), `times` (highest ÷ lowest), `changes the decision`.
    """
    apart = disagreement(found)
    currency = found.attrs.get("currency", "")
    rows = []
    for row in apart.itertuples():
        reason = found.attrs["missing"].get(row.case, "")
        money = {"currency": currency} if row.unit == "money" else {}
        rows.append(
            {
                "question": row.question,
                "example": _range(row.example_lowest, row.example_highest, row.unit),
                "this data": _range(row.lowest, row.highest, row.unit, **money),
                "times": _times(row),
                "changes the decision": _changes(row) if not reason else f"not in this data: {reason}",
            }
        )
    return pd.DataFrame(rows)


def overview_table(found: pd.DataFrame, *, caption: str) -> Html:
    """Make the table of all questions."""
    written = ["example", "this data", "times"]
    return grid(overview(found), caption=caption, numbers=written)


def summary(found: pd.DataFrame) -> Html:
    """Say which questions the definition decides, those that lie furthest apart first."""
    apart = disagreement(found)
    known = apart[apart["decides"].notna()]
    decided = known[known["decides"].astype(bool)].sort_values("times", ascending=False, kind="stable")
    if not len(known):
        return absent("nothing that these questions are about is in this data")
    if not len(decided):
        return listed(["On this data every definition leads to the same decision, at these lines and in this period."])
    some = " ".join(str(question) for question in decided["question"].head(4))
    more = f" And {len(decided) - 4} more." if len(decided) > 4 else ""
    return listed([f"The answer decides by its definition here: {some}{more}"])


def of(found: pd.DataFrame, case: str) -> pd.DataFrame:
    """Return the rows of one case; with the reason in `attrs["missing"]` where the data does not answer it."""
    rows = found[found["case"] == case].reset_index(drop=True)
    rows.attrs = {**found.attrs, "missing": found.attrs["missing"].get(case, "")}
    rows.attrs |= {"unit": all_cases()[case].unit, "title": all_cases()[case].question}
    return rows


def case_table(found: pd.DataFrame, case: str) -> Html:
    """Make the table of one case: its definitions, on the example and on the data, and how each reads."""
    rows = of(found, case)
    now, before = found.attrs["periods"][case]
    lacks = rows.attrs["missing"]
    shown = pd.DataFrame(
        {"definition": rows["definition"], "in crmkit": [_in_crmkit(row) for row in rows.itertuples()]}
    )
    shown["example"] = [_say(row.example, row.unit, "") for row in rows.itertuples()]
    numbers = ["example"]
    if not lacks:
        currency = found.attrs.get("currency", "")
        now, before = _short(now), _short(before)
        shown[now] = [_say(row.value, row.unit, currency) for row in rows.itertuples()]
        spans = [say_interval(row.low, row.high, row.unit, currency=currency) for row in rows.itertuples()]
        if any(span != UNKNOWN for span in spans):
            shown["95% interval"] = spans
            numbers.append("95% interval")
        shown[before] = [_say(row.previous, row.unit, currency) for row in rows.itertuples()]
        shown["reads"] = [
            ", ".join(p for p in (row.reads, _TREND.get(row.trend, "")) if p) for row in rows.itertuples()
        ]
        numbers += [now, before]
    else:
        shown["reads"] = rows["example_reads"]
    caption = f"{all_cases()[case].question} The example: {all_cases()[case].example.told}"
    rows.attrs["missing"] = ""
    return grid(shown, caption=caption, numbers=numbers)


_TREND = {"better": "better than before", "worse": "worse than before", "same": "as before"}


def in_words(found: pd.DataFrame, case: str) -> Html:
    """Say what each definition would have made a manager decide, in the example and on the data, and which one to use.

    Every sentence is chosen by the numbers: who meets the line and who misses it, who sees a rise and who a fall.
    """
    rows, declared = of(found, case), all_cases()[case]
    said = [_example_sentence(rows, declared)]
    if reason := rows.attrs["missing"]:
        return Html(*_joined(listed(said), absent(reason)))
    said += [
        _line_sentence(rows, declared, case in found.attrs["targets"]),
        _trend_sentence(rows, *found.attrs["periods"][case]),
    ]
    said.append(_used_sentence(rows, declared))
    said += [
        f"{row.definition[:1].upper()}{row.definition[1:]}: {row.printed}." for row in rows.itertuples() if row.printed
    ]
    return listed(said)


def figure(found: pd.DataFrame, case: str) -> Html:
    """Draw the definitions of a case on the data, those in its own unit, with the line that they are held to."""
    rows = of(found, case)
    if rows.attrs["missing"]:
        return listed([])  # the words say it
    alike = rows[rows["unit"] == all_cases()[case].unit].reset_index(drop=True)
    alike.attrs = rows.attrs
    now, before = found.attrs["periods"][case]
    line = alike["line"].iloc[0] if len(alike) else None
    what = "target" if case in found.attrs["targets"] else "line"
    from crmkit import plots

    return draw(
        plots.side_by_side, alike, line=None if missing(line) else float(line), line_name=what, now=_short(now),
        before=_short(before),
    )  # fmt: skip


def section(found: pd.DataFrame, case: str) -> Html:
    """Make all of one case: its trap, table, figure and words."""
    question = all_cases()[case].question
    parts = [listed([f"{question} {all_cases()[case].trap}"]), case_table(found, case), in_words(found, case)]
    return Html(*_joined(*parts))


def further(found: pd.DataFrame, *, shown: Iterable[str]) -> Html:
    """Make the sections of the cases that a page does not show by itself, such as those declared after it."""
    rest = [case for case in found.attrs["periods"] if case not in set(shown)]
    if not rest:
        return listed([f"None: all {len(found.attrs['periods'])} cases that are declared are shown above."])
    return Html(*_joined(*(section(found, case) for case in rest)))


def trap(case: str) -> Html:
    """Say what goes wrong with the other definitions of a case."""
    return listed([all_cases()[case].trap])


def reconciled(found: pd.DataFrame) -> pd.DataFrame:
    """Compare each definition that is a metric, worked from its parts, with the metric as it is measured by itself."""
    rows = found[found["measured"].notna() & found["value"].notna()]
    rows = rows.drop_duplicates(["metric", "measured", "value"])
    return pd.DataFrame(
        {
            "what": [f"{row.question} {row.definition[:1].upper()}{row.definition[1:]}" for row in rows.itertuples()],
            "left": rows["value"].to_list(),
            "right": rows["measured"].to_list(),
            "unit": rows["unit"].to_list(),
            "currency": found.attrs.get("currency", ""),
        }
    )


def _joined(*parts: Html) -> tuple[str, str]:
    return "".join(part.html for part in parts), "\n".join(part.text for part in parts)


def _say(value: float, unit: str, currency: str) -> str:
    return say(value, unit, currency=currency if unit == "money" else "")


def _short(period: str) -> str:
    """Write a span of whole months so that it fits the head of a column: 2025-10-01/2026-10-01 as 12 months to 2026-10.

    >>> _short("2025-10-01/2026-10-01"), _short("2026-Q3")
    ('year to 2026-10-01', '2026-Q3')
    """
    start, _, end = period.partition("/")
    return f"year to {end}" if end and start[4:] == end[4:] and int(end[:4]) - int(start[:4]) == 1 else period


def _in_crmkit(row: Any) -> str:
    if row.used:
        return f"used: {row.metric}"
    return row.metric


def _range(low: float, high: float, unit: str, **money: str) -> str:
    ends = say(low, unit, **money), say(high, unit, **money)
    if UNKNOWN in ends:
        return UNKNOWN
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _times(row: Any) -> str:
    if missing(row.lowest):
        return UNKNOWN
    if not missing(row.times):
        return f"{say(row.times, '', digits=1)}×"
    return f"{say(row.apart, 'points')} points" if row.unit == "points" else UNKNOWN


def _changes(row: Any) -> str:
    how = [word for word, holds in (("at the target", row.by_line), ("by the direction", row.by_trend)) if holds]
    if how:
        return "yes, " + " and ".join(how)
    return "no, the same by each" if row.apart == 0 else "not at this target"


def _names(rows: pd.DataFrame) -> str:
    return "; ".join(f"“{name}”" for name in rows["definition"])


def _sides(rows: pd.DataFrame, column: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    return rows[rows[column] == MET], rows[rows[column] == MISSED]


def _example_sentence(rows: pd.DataFrame, case: Case) -> str:
    line = rows["example_line"].iloc[0]
    met, missed = _sides(rows, "example_reads")
    held = f"held to {say(line, case.unit)}"
    ends = _range(rows.loc[rows["unit"] == case.unit, "example"].min(),
                  rows.loc[rows["unit"] == case.unit, "example"].max(), case.unit)  # fmt: skip
    if len(met) and len(missed):
        return (
            f"In the example the answer is {ends}. {held.capitalize()}, a manager would {case.line.met} by "
            f"{_names(met)}, and {case.line.missed} by {_names(missed)}."
        )
    if case.example.before:
        return _example_trend(rows, case)
    action = case.line.met if len(met) else case.line.missed
    return f"In the example the answer is {ends}. {held.capitalize()}, a manager would {action} by each definition."


def _example_trend(rows: pd.DataFrame, case: Case) -> str:
    known = rows[rows["example"].notna() & rows["example_before"].notna()]
    moves = [
        f"by “{row.definition}” the number {'rose' if row.example > row.example_before else 'fell'} from "
        f"{say(row.example_before, row.unit)} to {say(row.example, row.unit)}"
        for row in known.itertuples()
    ]
    return f"In the example {', and '.join(moves)}: the one is praised for what the other is blamed for."


def _line_sentence(rows: pd.DataFrame, case: Case, aimed: bool) -> str:
    line = rows["line"].iloc[0]
    if missing(line):
        return ""
    currency = rows.attrs.get("currency", "")
    what = "the target of the period" if aimed else case.line.what
    held = f"On this data, held to {_say(line, case.unit, currency)} ({what})"
    met, missed = _sides(rows, "reads")
    if len(met) and len(missed):
        return f"{held}, a manager would {case.line.met} by {_names(met)}, and {case.line.missed} by {_names(missed)}."
    action = case.line.met if len(met) else case.line.missed
    alike = rows.loc[rows["unit"] == case.unit, "value"]
    ends = _say(alike.min(), case.unit, currency), _say(alike.max(), case.unit, currency)
    text = f"{held}, a manager would {action} by each definition"
    return (
        f"{text}; with a target between {ends[0]} and {ends[1]} it would depend on it."
        if ends[0] != ends[1]
        else f"{text}."
    )


def _trend_sentence(rows: pd.DataFrame, now: str, before: str) -> str:
    better, worse = (rows[rows["trend"] == way] for way in ("better", "worse"))
    since = f"From {_short(before)} to {_short(now)}"
    if len(better) and len(worse):
        return f"{since} it became better by {_names(better)}, and worse by {_names(worse)}."
    if len(better) + len(worse):
        return f"{since} every definition that moved became {'better' if len(better) else 'worse'}."
    return ""


def _used_sentence(rows: pd.DataFrame, case: Case) -> str:
    used = rows[rows["used"]].iloc[0]
    currency = rows.attrs.get("currency", "")
    options = "".join(f", {name}={value}" for name, value in case.used.options.items())
    text = (
        f"crmkit uses “{used['definition']}” ({used['metric']}{options}): {_say(used['value'], used['unit'], currency)}"
    )
    span = say_interval(used["low"], used["high"], used["unit"], currency=currency)
    return f"{text}, 95% interval {span}." if span != UNKNOWN else f"{text}."
