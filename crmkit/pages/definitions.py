"""The page of definitions: how far apart they are, what each would have decided, and which one crmkit uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit import notebook
from crmkit.definitions import all_cases
from crmkit.methods.definitions import definitions as answered
from crmkit.methods.definitions import disagreement
from crmkit.numbers import UNKNOWN, say, say_interval
from crmkit.pages.definition_words import amount, of_example, of_line, of_print, of_trend, of_use, short, span
from crmkit.pages.showing import absent, draw, grid, listed, quiet
from crmkit.tables import Html, missing, safe

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
        rows.append(("widest", "Largest factor from one definition to another", "ratio", top["times"], top["question"]))
    frame = pd.DataFrame(rows, columns=["metric", "title", "unit", "value", "note"])
    return frame.assign(previous=None, verdict="", value=frame["value"].astype(float))


def answer(found: pd.DataFrame) -> Html:
    """Say in how many of the questions that this data answers the decision depends on the definition."""
    rows = card(found).set_index("metric")
    known, decided = (int(rows.loc[name, "value"]) for name in ("questions_answered", "decided_by_definition"))
    text = f"In {decided} of the {known} questions that this data answers, the decision depends on the definition"
    if "widest" in rows.index:
        top = rows.loc["widest"]
        text += f"; in one, the highest answer is {top['value']:.3g} times the lowest ({top['note']})"
    return notebook.answer("{}", text + ".")


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
        rows.append(
            {
                "question": row.question,
                "example": span(row.example_lowest, row.example_highest, row.unit),
                "this data": span(row.lowest, row.highest, row.unit, currency),
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
    return listed([f"Here the definition decides, those furthest apart first: {some}{more}"])


def of(found: pd.DataFrame, case: str) -> pd.DataFrame:
    """Return the rows of one case; with the reason in `attrs["missing"]` where the data does not answer it."""
    rows = found[found["case"] == case].reset_index(drop=True)
    rows.attrs = {**found.attrs, "missing": found.attrs["missing"].get(case, "")}
    rows.attrs |= {"unit": all_cases()[case].unit, "title": all_cases()[case].question}
    return rows


def case_table(found: pd.DataFrame, case: str) -> Html:
    """Make the table of one case: its definitions, on the example and on the data, and how each reads."""
    rows, declared = of(found, case), all_cases()[case]
    shown = pd.DataFrame({"definition": [_named(row) for row in rows.itertuples()]})
    shown["example"] = [amount(row.example, row.unit) for row in rows.itertuples()]
    numbers, status = ["example"], []
    if rows.attrs["missing"]:
        shown["at the line"] = rows["example_reads"]
        status.append("at the line")
    else:
        currency = found.attrs.get("currency", "")
        now, before = map(short, found.attrs["periods"][case])
        shown[now] = [amount(row.value, row.unit, currency) for row in rows.itertuples()]
        spans = [say_interval(row.low, row.high, row.unit, currency=currency) for row in rows.itertuples()]
        if any(span != UNKNOWN for span in spans):
            shown["95% interval"] = spans
            numbers.append("95% interval")
        shown[before] = [amount(row.previous, row.unit, currency) for row in rows.itertuples()]
        aim = "at the target" if case in found.attrs["targets"] else "at the line"
        shown[aim], shown["direction"] = rows["reads"], [_TREND.get(trend, "") for trend in rows["trend"]]
        numbers, status = [*numbers, now, before], [aim, "direction"]
    caption = f"{declared.question} The example: {declared.example.told}"
    return grid(shown, caption=caption, numbers=numbers, status=status, formats={"definition": lambda cell: cell})


_TREND = {"better": "better", "worse": "worse", "same": "no change"}


def _named(row: Any) -> Html:
    """Name a definition, and under it the metric that it is in crmkit, with a mark where it is the one in use."""
    if not row.metric:
        return Html(safe(row.definition), row.definition)
    mark = "✓ crmkit uses it: " if row.used else "in crmkit: "
    metric = f"{row.metric}, {row.options}" if row.options else row.metric
    below = f'<br><span class="quiet small">{mark}<code>{safe(metric)}</code></span>'
    return Html(f"{safe(row.definition)}{below}", f"{row.definition} ({mark}{metric})")


def in_words(found: pd.DataFrame, case: str) -> Html:
    """Say what each definition would have made a manager decide, in the example and on the data, and which one to use.

    Every sentence is chosen by the numbers: who meets the line and who misses it, who sees a rise and who a fall.
    """
    rows, declared = of(found, case), all_cases()[case]
    said = [of_example(rows, declared)]
    if reason := rows.attrs["missing"]:
        return Html(*_joined(listed(said), quiet(f"Not in this data: {reason}.")))  # the example is worth reading still
    said.append(of_line(rows, declared, aimed=case in found.attrs["targets"]))
    said.append(of_trend(rows, found.attrs["periods"][case][1]))
    said.append(of_use(rows))
    return listed(said + of_print(rows))


def figure(found: pd.DataFrame, case: str, *, caption: str = "") -> Html:
    """Draw the definitions of a case on the data, those in its own unit, with the line that they are held to."""
    from crmkit import plots

    rows = of(found, case)
    if rows.attrs["missing"]:
        return listed([])  # the words say it
    alike = rows[rows["unit"] == all_cases()[case].unit].reset_index(drop=True)
    alike.attrs = rows.attrs
    now, before = found.attrs["periods"][case]
    line = alike["line"].iloc[0] if len(alike) else None
    what = "target" if case in found.attrs["targets"] else "line"
    return draw(
        plots.side_by_side,
        alike,
        caption=caption,
        line=None if missing(line) else float(line),
        line_name=what,
        now=short(now),
        before=short(before),
    )


def section(found: pd.DataFrame, case: str, *, reading: str = "") -> Html:
    """Make all of one case: its table, its figure with how to read it, its words; without a reading, no figure."""
    drawn = figure(found, case, caption=reading) if reading else listed([])
    return Html(*_joined(case_table(found, case), drawn, in_words(found, case)))


_READING = "The further apart the dots lie, the more the definition matters."


def further(found: pd.DataFrame, *, shown: Iterable[str]) -> Html:
    """Make the sections of the cases that a page does not show by itself, such as those declared after it."""
    rest = [case for case in found.attrs["periods"] if case not in set(shown)]
    if not rest:
        return listed([f"None: all {len(found.attrs['periods'])} cases that are declared are shown above."])
    parts = [part for case in rest for part in (listed([all_cases()[case].trap]), section(found, case))]
    return Html(*_joined(*parts))


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


def _times(row: Any) -> str:
    if missing(row.lowest):
        return UNKNOWN
    if not missing(row.times):
        return f"{say(row.times, '', digits=1)}×"
    return f"{say(row.apart, 'points')} points" if row.unit == "points" else UNKNOWN


def _changes(row: Any) -> str:
    turn = "by the direction, though slight" if row.slight else "by the direction"
    how = [word for word, holds in (("at the target", row.by_line), (turn, row.by_trend)) if holds]
    if how:
        return "yes, " + " and ".join(how)
    return "no, the same by each" if row.apart == 0 else "not at this target"
