"""The check: every table looked at by every rule, and what was found as one row a finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crmkit import schema
from crmkit.crm import Crm
from crmkit.engine.targets import unknown_targets
from crmkit.merges import Fault, beside, faults
from crmkit.personal.readers import whole
from crmkit.quality import own
from crmkit.quality.columns import columns
from crmkit.quality.effects import touched
from crmkit.quality.measure import COUNTED, measured
from crmkit.quality.rule import Look, Rule
from crmkit.quality.rules import rules_for
from crmkit.quality.shown import shown
from crmkit.quality.silence import gaps
from crmkit.quality.surveys import suspects
from crmkit.quality_settings import RULES, SEVERITIES
from crmkit.source import examine
from crmkit.typed import Problem

COLUMNS = [
    "severity", "dimension", "rule", "table", "column", "finding", "rows", "unit", "share", "examples", "owner",
    "owner_share", "owner_of_all", "entry", "entry_share", "entry_of_all", "where", "metrics", "effect", "left_out",
    "advice",
]  # fmt: skip
_WHOLE_ROWS = {"test_name", "entered_twice", "row_repeated", "key_repeated", "email_shared", "source_silent",
               "table_silent", "days_missing"}  # fmt: skip
"""Rules whose findings touch everything that is made from the table."""
_TOUCHES = {"order_without_lines": ("order_lines", "")}
_SURVEYS = {"nps": ("nps", "promoters", "passives", "detractors"), "ces": ("ces",), "csat": ("csat",)}
"""How the names of the metrics of each survey begin."""
REMEMBERED = "quality"


@dataclass(frozen=True)
class Inspection:
    """What a check found, and how many rows it looked at.

    Attributes
    ----------
    findings : DataFrame
        As `check` returns it.
    counted : DataFrame
        Rows by `table`, `owner`, `month` of entry and `dimension` ("all" too), and how many of them are `broken`: have
        an error or a warning. Scores are made from it.
    """

    findings: pd.DataFrame
    counted: pd.DataFrame


def check(source: Any, **how: Any) -> pd.DataFrame:
    """Check the tables of a CRM: what was found, where, in how many rows, what it does, and what to do.

    Parameters
    ----------
    source
        As for `crmkit.open`.
    **how
        Further arguments of `crmkit.open`.

    Returns
    -------
    DataFrame
        One row a finding, errors first: `severity` (error: numbers made from it are wrong or cannot be made; warning:
        rows that metrics leave out, count wrongly, or that contradict themselves; note), `dimension`, `rule` (its name
        in `quality_settings.RULES`), `table`, `column`, `finding`, `rows`, `unit` (of `rows`: "rows", "days", "lines"
        of merges.csv, or "column" for a column as a whole),
        `share` (of the table's rows), `examples`; `owner`, `owner_share`, `owner_of_all` (who has most of them, the
        share of them and of all rows), `entry`, `entry_share`, `entry_of_all` (the same by channel or source), `where`
        (both in words, where that is more than chance); `metrics` (those computed from the column), `effect` (what it
        does to them), `left_out` (whether they leave the rows out), `advice`. Empty where nothing was found.

    Examples
    --------
    >>> found = check({"opportunities": {"opportunity_id": ["1"], "created_at": ["2026-03-02"], "outcome": ["won"],
    ...                                  "closed_at": ["2026-03-01"]}})
    >>> found[["severity", "column", "rows"]].values.tolist()
    [['warning', 'closed_at', 1]]
    """
    merges = how.pop("merges", True)
    crm, problems = examine(source, **how)
    told = beside(source) if merges is True else merges
    wrong = [] if told is None or told is False else faults(told, crm)
    return inspect(crm, [*problems, *wrong]).findings


def inspect(crm: Crm, problems: Sequence[Problem | Fault] = ()) -> Inspection:
    """Check tables that are open; the same for the same `Crm`, so that it is done once.

    Parameters
    ----------
    crm : Crm
    problems : list of Problem or Fault
        What is wrong with it besides, as `source.examine` says, or with its merge map, as `merges.faults` does.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["a", "b"], "created_at": ["2026-01-01", None]}})
    >>> inspect(crm).counted.query("dimension == 'completeness'")[["rows", "broken"]].sum().tolist()
    [2, 1]
    """
    if REMEMBERED not in crm.remembered or problems:
        every = whole(crm)
        found = (None if problems else _left(every)) or _inspected(every, problems)
        crm.remembered[REMEMBERED] = shown(found, crm)
    return crm.remembered[REMEMBERED]


def _left(crm: Crm) -> Inspection | None:
    """Return what the report that is being made has found already; None where there is none, or of other data."""
    from crmkit.prepared import left_quality

    found = left_quality(crm)
    return None if found is None else Inspection(pd.DataFrame(found[0], columns=COLUMNS), found[1])


def _inspected(crm: Crm, problems: Sequence[Problem | Fault]) -> Inspection:
    unread = [problem for problem in problems if isinstance(problem, Problem)]
    findings = [_of_problem(crm, problem) for problem in unread]
    findings += _of_merges([problem for problem in problems if isinstance(problem, Fault)])
    unreadable = {(problem.table, problem.column) for problem in unread}
    counted = []
    for table in crm.tables:
        look = Look(crm, table)
        for found in _of_table(look, counted):
            if (table, found["column"]) not in unreadable:
                findings.append(found)
    findings += list(_of_targets(crm))
    findings += [_finding("note", "opening_note", "", "", note, "") for note in crm.notes]
    settings = crm.config.quality
    kept = [f for f in findings if not settings.is_off(f["rule"], f["table"], f["column"])]
    for found in kept:
        found["severity"] = settings.severity_of(found["rule"], found["table"], found["column"], found["severity"])
    frame = pd.DataFrame(kept, columns=COLUMNS)
    order = frame["severity"].map(SEVERITIES.index)
    frame = frame.assign(order=order).sort_values("order", kind="stable", ignore_index=True).drop(columns="order")
    whole = pd.concat(counted, ignore_index=True) if counted else pd.DataFrame(columns=COUNTED)
    return Inspection(frame, whole)


def _of_table(look: Look, counted: list[pd.DataFrame]) -> Iterator[dict[str, Any]]:
    """Yield what is wrong in one table, and add its counts to `counted`."""
    table = look.table
    if not look.crm.rows.get(table):
        yield _finding("note", "table_empty", table, "", "has no rows", "Its counts are 0 and its rates unknown.")
        return
    made = measured(look, list(rules_for(look)))
    counted.append(made.counted)
    empty = {found["column"]: found for found in columns(look)}
    for found in made.found:
        yield _of_rule(look, found)
    for found in empty.values():
        severity = "note" if found["rule"] == "column_empty" else "warning"
        yield _whole(table, severity, found)
    for found in suspects(look):
        made = _whole(table, "warning", {"rule": "scale_suspect", "column": "score", **found})
        others = tuple(word for name, words in _SURVEYS.items() if name != found["survey"] for word in words)
        yield made | {"metrics": [name for name in made["metrics"] if not name.startswith(others)]}
    for found in gaps(look):
        yield _whole(table, "warning", found)
    for rule in look.crm.config.quality.rules:
        if rule.table == table and (why := own.lacks(look, rule)):
            yield _finding("error", "own_rule", table, rule.column, f"cannot be checked: the rule {rule.name!r} {why}",
                           "Correct the rule in crm.toml.")  # fmt: skip


def _of_rule(look: Look, found: dict[str, Any]) -> dict[str, Any]:
    rule: Rule = found["rule"]
    made = _finding(
        rule.severity,
        rule.name,
        rule.table,
        rule.column,
        rule.finding,
        rule.advice,
        rows=found["rows"],
        share=found["share"],
        examples=found["examples"],
    )
    made |= {"dimension": rule.dimension, "effect": rule.effect, "left_out": rule.leaves_out}
    said = []
    for word, column in (("owner", look.owner), ("entry", look.entry)):
        top = found[word]
        if top is None:
            continue
        made |= {word: top["group"], f"{word}_share": top["share"], f"{word}_of_all": top["of_all"]}
        if top["stands_out"]:
            name = column.removesuffix("_id")
            said.append(f"{top['share']:.0%} of them are of the {name} {top['group']}, who has" if word == "owner" else
                        f"{top['share']:.0%} came by the {name} {top['group']}, which has")  # fmt: skip
            said[-1] += f" {top['of_all']:.0%} of all rows"
    return made | {"where": "; ".join(said)}


def _whole(table: str, severity: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return a finding about a column or a table as a whole."""
    keys = ("rule", "column", "finding", "advice")
    rule, column, finding, advice = (found[key] for key in keys)
    made = _finding(severity, rule, table, column, finding, advice, rows=found["rows"])
    made["share"] = found.get("share", 1.0)
    return made | {key: found[key] for key in ("effect", "unit", "examples") if key in found}


def _finding(severity, rule, table, column, finding, advice, rows=0, share=0.0, examples=()) -> dict[str, Any]:
    declared = schema.TABLES.get(table)
    whole = declared is not None and (column in declared.key or rule in _WHOLE_ROWS)
    metrics = touched(*_TOUCHES.get(rule, (table, "" if whole else column))) if declared else []
    return {
        "severity": severity,
        "dimension": RULES[rule][0],
        "rule": rule,
        "table": table,
        "column": column,
        "finding": finding,
        "rows": int(rows),
        "unit": "rows",
        "share": float(share),
        "examples": list(examples),
        "owner": "",
        "owner_share": None,
        "owner_of_all": None,
        "entry": "",
        "entry_share": None,
        "entry_of_all": None,
        "where": "",
        "metrics": metrics,
        "effect": "",
        "left_out": False,
        "advice": advice,
    }


def _of_problem(crm: Crm, problem: Problem) -> dict[str, Any]:
    whole = crm.rows.get(problem.table, 0)
    examples = [f"row {row}: {value}" for row, value in problem.examples]
    share = problem.rows / whole if whole else 0.0
    found = _finding(
        "error",
        "unreadable",
        problem.table,
        problem.column,
        problem.what,
        problem.advice,
        problem.rows,
        share,
        examples,
    )
    return found | {"effect": "Nothing is measured from these tables before this is mended."}


def _of_merges(faults: Sequence[Fault]) -> Iterator[dict[str, Any]]:
    """Yield a finding for each kind of fault of the merge map in each table; the first is told in full."""
    for table, kind in dict.fromkeys((fault.table, fault.kind) for fault in faults):
        alike = [fault for fault in faults if (fault.table, fault.kind) == (table, kind)]
        more = f" There {'is' if len(alike) == 2 else 'are'} {len(alike) - 1:,} more like it." if alike[1:] else ""
        finding, _, advice = alike[0].text.rpartition(". ")
        found = _finding("error", "merge_map", table, "", finding, advice + more, sum(each.lines for each in alike))
        effect = "Nothing is measured from these tables before this is mended."
        yield found | {"effect": effect, "unit": "lines", "metrics": []}


def _of_targets(crm: Crm) -> Iterator[dict[str, Any]]:
    for name in unknown_targets(crm):
        targets = crm.tables["targets"]
        rows = int(targets.count(where=targets.metric == name).to_pyarrow().as_py())
        found = _finding(
            "warning",
            "unknown_target",
            "targets",
            "metric",
            f"is no metric: {name!r}",
            "Correct the name; `crmkit metrics` lists all.",
            rows,
            rows / crm.rows["targets"],
        )
        yield found | {"effect": "The target is compared with nothing."}
