"""The same question by several definitions, on a published example and on the data, and what each would decide.

The cases are declared in `crmkit.definitions`. Their parts are measured for all cases at once: one measurement for the
values of this period and the one before, one for the intervals of the definitions that are metrics.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit.definitions import Case, Variant, all_cases
from crmkit.engine.availability import lacks
from crmkit.engine.targets import targets
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import said
from crmkit.periods import Period

if TYPE_CHECKING:
    from crmkit.crm import Crm

COLUMNS = [
    "case", "question", "definition", "metric", "options", "used", "printed", "unit", "better", "example",
    "example_before", "example_line", "example_reads", "value", "low", "high", "previous", "line", "reads",
    "trend", "measured",
]  # fmt: skip
MET, MISSED = "on target", "off target"
_STILL = 0.005
"""A smaller change, as a part of what it was, is not read as a direction."""


def worked(variant: Variant, parts: Mapping[str, Any]) -> float:
    """Work one definition from its parts; null where one of them is unknown, or it is divided by 0.

    Parameters
    ----------
    variant : Variant
    parts : mapping
        Numbers, or lists of them, by the names of the arguments that the variant's function has.

    Examples
    --------
    >>> net, gross, _ = all_cases()["crm_roi"].variants
    >>> parts = {"benefit": 500_000, "cost": 300_000}
    >>> round(worked(net, parts), 4), round(worked(gross, parts), 4), worked(net, {"benefit": 1, "cost": 0})
    (0.6667, 1.6667, nan)
    """
    found = _call(variant.of, parts)
    return math.nan if found is None else found


def example(case: Case | str) -> pd.DataFrame:
    """Work a case's published example by each of its definitions.

    Returns
    -------
    DataFrame
        One row a definition: `definition`, `metric`, `options` (of the metric), `used`, `unit`, `example` (null where
        the example does not give what it takes), `example_before` (in the example's period before, if it has one),
        `example_line`, `example_reads` ("on target", "off target", or "" where it cannot be held against the line).

    Examples
    --------
    >>> example("churn")["example"].round(4).tolist()
    [0.04, 0.0408, 0.05, 0.1]
    """
    case = _case(case)
    given = case.example
    line = _call(_line_of(case), given.parts) if given.line is None else given.line
    rows = []
    for variant in case.variants:
        value = worked(variant, given.parts)
        rows.append(
            {
                "definition": variant.name,
                "metric": variant.metric,
                "options": ", ".join(f"{name}={value}" for name, value in variant.options.items()),
                "used": variant.used,
                "unit": variant.unit or case.unit,
                "example": value,
                "example_before": worked(variant, given.before) if given.before else math.nan,
                "example_line": math.nan if line is None else float(line),
                "example_reads": _reads(value, line, case, variant),
            }
        )
    return pd.DataFrame(rows)


def definitions(crm: Crm, *, period: str | Period, cases: Iterable[str] | None = None) -> pd.DataFrame:
    """Answer questions by every definition that people use for them, in one period and the one before.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    cases : list of str, optional
        Names of cases; by default all.

    Returns
    -------
    DataFrame
        One row a case and definition. What it is: `case`, `question`, `definition`, `metric` (its name in the
        catalogue, "" where crmkit has none), `options` (of the metric, as text), `used` (True for the one that crmkit
        answers by), `printed`, `unit`, `better`. Of the example: `example`, `example_before`, `example_line`,
        `example_reads`. Of the data: `value`, `low`, `high` (95%, of the definitions that are metrics and have one),
        `previous`, `line` (the target of the period, else the case's own), `reads` ("on target", "off target", ""),
        `trend` ("better", "worse", "same", ""), `measured` (the metric's own value, which `value` has to equal). In
        `attrs`: `missing` (case to what the data lacks), `periods` (case to the names of both periods), `targets`
        (cases whose line is a target of the data).

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abcde"), "created_at": ["2025-01-01"] * 5,
    ...     "acquired_at": ["2025-01-01"] * 4 + ["2026-01-05"],
    ...     "lost_at": ["2026-01-31", None, None, None, "2026-01-31"]}})
    >>> definitions(crm, period="2026-01", cases=["churn"])[["metric", "value", "used"]].round(3)
                    metric  value   used
    0           churn_rate  0.250   True
    1   churn_rate_average  0.571  False
    2                       0.500  False
    3  churn_rate_acquired  2.000  False
    """
    now = crm.period(period)
    chosen = {name: _case(name) for name in (all_cases() if cases is None else cases)}
    spans = {name: (case.over(crm, now) if case.over else now) for name, case in chosen.items()}
    before = {name: case.over(crm, now.previous()) if case.over else now.previous() for name, case in chosen.items()}
    for name, span in spans.items():
        if before[name].start >= span.start:  # a period that was moved back is compared with the one before it
            before[name] = span.previous()
    measured = _Measured(crm, chosen, spans, before)
    goals = targets(crm, now).set_index("metric")["target"].to_dict()
    rows: list[dict[str, Any]] = []
    missing, aimed = {}, []
    for name, case in chosen.items():
        if reason := lacks(crm, case.used.metric):
            missing[name] = reason
        parts = {} if reason else measured.parts(name, case, spans[name])
        past = {} if reason else measured.parts(name, case, before[name])
        line = _call(_line_of(case), parts)
        if not case.over and case.used.metric in goals:
            line = float(goals[case.used.metric])
            aimed.append(name)
        shown = example(case).to_dict("records")
        for variant, first in zip(case.variants, shown, strict=True):
            value, previous = worked(variant, parts), worked(variant, past)
            low, high, own = measured.interval(variant, spans[name])
            rows.append(
                {"case": name, "question": case.question, "better": case.better, "printed": variant.printed}
                | first
                | {"value": value, "low": low, "high": high, "previous": previous, "measured": own}
                | {"line": math.nan if line is None else line, "reads": _reads(value, line, case, variant)}
                | {"trend": _trend(value, previous, case)}
            )
        if not reason and all(math.isnan(row["value"]) for row in rows[-len(shown) :]):
            missing[name] = f"nothing to measure in {spans[name].name}"
    found = pd.DataFrame(rows, columns=COLUMNS)
    names = {name: (spans[name].name, before[name].name) for name in chosen}
    return said(found, crm, missing=missing, periods=names, targets=aimed)


def disagreement(found: pd.DataFrame) -> pd.DataFrame:
    """Say of each question how far apart its definitions are, and whether they would have decided differently.

    Parameters
    ----------
    found : DataFrame
        What `definitions` returns.

    Returns
    -------
    DataFrame
        One row a case: `case`, `question`, `unit`, `lowest`, `highest` (on the data, of the definitions that have the
        case's unit), `times` (highest ÷ lowest; null where that says nothing, as for NPS or numbers below 0), `apart`
        (highest − lowest), `by_line` (some on target and some off), `by_trend` (some better and some worse than in
        the period before), `slight` (the number that crmkit uses moved within its interval, so the direction may be
        chance), `decides` (by the line or by the direction; null where the data does not answer), and the same of the
        example: `example_lowest`, `example_highest`, `example_decides`.

    Examples
    --------
    >>> import crmkit
    >>> deals = {"opportunity_id": list("abcd"), "outcome": ["won", "lost", "open", "open"],
    ...     "created_at": ["2026-03-01"] * 4, "closed_at": ["2026-03-09"] * 2 + [None] * 2}
    >>> found = definitions(crmkit.open({"opportunities": deals}), period="2026-03", cases=["win_rate"])
    >>> disagreement(found)[["lowest", "highest", "times", "by_line"]].values.tolist()
    [[0.25, 0.5, 2.0, True]]
    """
    rows = []
    for name, part in found.groupby("case", sort=False):
        used = part[part["used"]].iloc[0]
        alike = part[part["unit"] == used["unit"]]
        low, high = alike["value"].min(), alike["value"].max()
        known = bool(part["value"].notna().any()) and name not in found.attrs.get("missing", {})
        by_line = {MET, MISSED} <= set(part["reads"])
        by_trend = {"better", "worse"} <= set(part["trend"])
        example_trends = {_trend(r.example, r.example_before, _case(name)) for r in part.itertuples()}
        rows.append(
            {
                "case": name,
                "question": used["question"],
                "unit": used["unit"],
                "lowest": low,
                "highest": high,
                "times": high / low if used["unit"] != "points" and low > 0 else math.nan,
                "apart": high - low,
                "by_line": by_line,
                "by_trend": by_trend,
                "slight": bool(used["low"] <= used["previous"] <= used["high"]),
                "decides": (by_line or by_trend) if known else None,
                "example_lowest": alike["example"].min(),
                "example_highest": alike["example"].max(),
                "example_decides": {MET, MISSED} <= set(part["example_reads"]) or {"better", "worse"} <= example_trends,
            }
        )
    return pd.DataFrame(rows)


class _Measured:
    """All that the cases need of the catalogue, measured together."""

    def __init__(self, crm: Crm, cases: Mapping[str, Case], spans: Mapping[str, Period], before: Mapping[str, Period]):
        self._crm = crm
        self._values: dict[Period, pd.DataFrame] = {}
        self._own: dict[Period, pd.DataFrame] = {}
        wanted: dict[tuple[Period, Period], set[str]] = {}
        metrics: dict[Period, set[str]] = {}
        for name, case in cases.items():
            if lacks(crm, case.used.metric):
                continue
            ways = {source.partition(".")[0] for source in case.parts.values()}
            wanted.setdefault((spans[name], before[name]), set()).update(ways)
            plain = {v.metric for v in case.variants if v.metric and not v.options}
            metrics.setdefault(spans[name], set()).update(plain)
        for (now, past), names in wanted.items():
            for period, frame in _both(crm, sorted(names), now, past).items():
                self._values[period] = pd.concat([frame, self._values.get(period)]).groupby(level=0).first()
        for period, names in metrics.items():
            self._own[period] = crm.measure(sorted(names), period=period).set_index("metric")

    def parts(self, name: str, case: Case, period: Period) -> dict[str, Any]:
        """Return the parts of a case in one period; those that the data lacks are absent."""
        found: dict[str, Any] = {}
        for part, source in case.parts.items():
            metric, _, column = source.partition(".")
            value = self._values[period].at[metric, column or "value"]
            if not pd.isna(value):
                found[part] = float(value)
        if case.more is not None:
            with suppress(NotInThisData):
                found |= case.more(self._crm, period)
        return found

    def interval(self, variant: Variant, period: Period) -> tuple[float, float, float]:
        """Return the interval and the value of the metric that a variant is; null where it is none."""
        if not variant.metric or lacks(self._crm, variant.metric) or period not in self._own:
            return (math.nan,) * 3
        if variant.options:
            row = self._crm.measure(variant.metric, period=period, **variant.options).iloc[0]
        else:
            row = self._own[period].loc[variant.metric]
        return tuple(math.nan if pd.isna(row[name]) else float(row[name]) for name in ("low", "high", "value"))


def _both(crm: Crm, names: list[str], now: Period, past: Period) -> dict[Period, pd.DataFrame]:
    """Measure metrics in two periods: together where one follows the other, else one by one."""
    if not names:
        return {period: pd.DataFrame(columns=["value", "numerator", "denominator"]) for period in (now, past)}
    if now.grain and past.grain == now.grain and past.end == now.start:
        span = Period(past.start, now.end, None, now.calendar)
        both = crm.measure(names, period=span, every=now.grain, intervals=False)
        return {p: both[both["period"] == pd.Timestamp(p.start)].set_index("metric") for p in (now, past)}
    return {p: crm.measure(names, period=p, intervals=False).set_index("metric") for p in (now, past)}


def _case(case: Case | str) -> Case:
    if isinstance(case, Case):
        return case
    if case not in all_cases():
        raise UsageError(f"There is no case {case!r}. The cases are {', '.join(all_cases())}.")
    return all_cases()[case]


def _line_of(case: Case):
    return case.line.at if callable(case.line.at) else lambda: case.line.at


def _call(function, parts: Mapping[str, Any]) -> float | None:
    """Call a function with those of the parts that it takes; None where one is unknown or it divides by 0."""
    names = inspect.signature(function).parameters
    given = {name: parts[name] for name in names if name in parts}
    if len(given) < len(names) or any(_unknown(value) for value in given.values()):
        return None
    try:
        found = function(**given)
    except (ZeroDivisionError, ValueError):  # statistics raise ValueError on no values at all
        return None
    return None if _unknown(found) else float(found)


def _unknown(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _reads(value: float, line: float | None, case: Case, variant: Variant) -> str:
    """Return whether a value meets a line; "" for one in another unit, which nobody can hold against it."""
    if line is None or _unknown(value) or _unknown(line) or variant.unit not in ("", case.unit):
        return ""
    slack = 1e-9 * max(abs(value), abs(line))  # 50 ÷ 1000 is a hair above 0.05
    return MET if (value <= line + slack if case.better == "down" else value >= line - slack) else MISSED


def _trend(value: float, previous: float, case: Case) -> str:
    """Return how a reader takes the change of a number that goes by the question's name."""
    if _unknown(value) or _unknown(previous):
        return ""
    moved = value - previous
    if abs(moved) <= _STILL * abs(previous):
        return "same"
    return "better" if (moved > 0) == (case.better == "up") else "worse"


__all__ = ["COLUMNS", "MET", "MISSED", "definitions", "disagreement", "example", "worked"]
