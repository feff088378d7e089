"""Checking an answer: right, or a hint that depends on what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crmkit.marks import missing, safe
from crmkit.numbers import say
from crmkit.training.exercises import Exercise, find

RESULTS: dict[str, bool] = {}
"""The exercises that were checked in this session, and whether the last answer was right."""


@dataclass(frozen=True)
class Checked:
    """The answer to an answer; a notebook shows it.

    Attributes
    ----------
    number : str
    passed : bool
    text : str
        What leads on, or what follows.
    """

    number: str
    passed: bool
    text: str

    def __repr__(self) -> str:
        """Mark, number and text."""
        return f"{'✓' if self.passed else '✗'} {self.number}: {self.text}"

    def _repr_html_(self) -> str:
        tone, mark = ("ok", "✓") if self.passed else ("failed", "✗")
        return f'<p class="crm-checked {tone}"><strong>{mark} {safe(self.number)}</strong> {safe(self.text)}</p>'


def check(number: str, answer: Any) -> Checked:
    """Check an answer: say that it is right and what follows, or give a hint that depends on the mistake.

    Parameters
    ----------
    number : str
        The exercise, such as "2.1".
    answer
        A number, a word, True or False, a list of keys or names, or a frame with a number for each group.

    Returns
    -------
    Checked
        The hint never holds the solution.

    Raises
    ------
    UsageError
        Where there is no such exercise.
    """
    asked = find(number)
    passed, text = _judged(asked, answer)
    RESULTS[number] = passed
    return Checked(number, passed, text)


def _judged(asked: Exercise, answer: Any) -> tuple[bool, str]:
    if answer is None or answer is Ellipsis:
        return False, "not answered yet."
    kind = _kind(asked.right)
    plain, why = _as(kind, answer)
    if why:
        return False, why
    if _same(asked, kind, plain, asked.right):
        return True, f"right{_read_back(asked, kind)}. {asked.because}".rstrip()
    for mistake in asked.mistakes:
        if _same(asked, kind, plain, mistake.answer):
            return False, mistake.hint
    return False, _general(asked, kind, plain)


def _kind(right: Any) -> str:
    """Return what an answer has to be: flag, number, word, several, groups."""
    if isinstance(right, bool):
        return "flag"
    if isinstance(right, Mapping | pd.Series | pd.DataFrame):
        return "groups"
    if isinstance(right, list | tuple) or (isinstance(right, set | frozenset) and not _words(right)):
        return "several"
    if isinstance(right, str | set | frozenset):
        return "word"
    return "number"


def _words(right: set | frozenset) -> bool:
    """Tell whether a set holds several spellings of one word: a frozenset does, a set holds several things."""
    return isinstance(right, frozenset)


_NEEDS = {"flag": "True or False", "number": "one number", "word": "one word or name, in quotation marks",
          "several": "a list", "groups": "a number for each group: a frame or Series with the groups"}  # fmt: skip


def _as(kind: str, answer: Any) -> tuple[Any, str]:
    """Return an answer as its kind is compared, or why it can't be."""
    wrong = f"this is {_what(answer)}, and the answer is {_NEEDS[kind]}."
    if kind == "number":
        return _as_one_number(answer, wrong)
    if kind == "flag":
        flag = getattr(answer, "item", lambda: answer)()
        return (flag, "") if isinstance(flag, bool) else (None, wrong)
    if kind == "word":
        return (answer.strip(), "") if isinstance(answer, str) else (None, wrong)
    if kind == "several":
        if isinstance(answer, str) or not hasattr(answer, "__iter__"):
            return None, wrong
        return [str(one) for one in answer], ""
    groups = _groups(answer)
    return (groups, "") if groups is not None else (None, wrong)


def _as_one_number(answer: Any, wrong: str) -> tuple[Any, str]:
    if isinstance(answer, pd.DataFrame) and "value" in answer and len(answer) == 1:
        answer = answer["value"].iloc[0]
    elif isinstance(answer, pd.DataFrame | pd.Series) and answer.size == 1:
        answer = answer.to_numpy().ravel()[0]
    answer = getattr(answer, "item", lambda: answer)() if not isinstance(answer, pd.DataFrame | pd.Series) else answer
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return None, wrong
    if missing(answer):
        return None, "this is not a number (NaN): something was divided by nothing, or a row was not found."
    return float(answer), ""


def _groups(answer: Any) -> dict[str, float] | None:
    """Return a number for each group from a frame, Series or mapping."""
    if isinstance(answer, pd.DataFrame):
        if "value" not in answer:
            numbers = answer.select_dtypes("number").columns
            if len(numbers) != 1:
                return None
            answer = answer.rename(columns={numbers[0]: "value"})
        keys = [name for name in answer.columns if not pd.api.types.is_numeric_dtype(answer[name])
                and name not in ("metric", "note", "verdict")]  # fmt: skip
        keys = [name for name in keys if answer[name].nunique() > 1] or keys[:1]
        rows = answer.set_index(keys)["value"] if keys else answer["value"]
        return _groups(rows)
    if isinstance(answer, pd.Series):
        answer = answer.to_dict()
    if not isinstance(answer, Mapping):
        return None
    try:
        return {_group(key): float(value) for key, value in answer.items()}
    except (TypeError, ValueError):
        return None


def _group(key: Any) -> str:
    if isinstance(key, tuple):
        return " / ".join(map(_group, key))
    return f"{key:%Y-%m-%d}" if isinstance(key, pd.Timestamp) else str(key)


def _what(answer: Any) -> str:
    if isinstance(answer, pd.DataFrame):
        return f"a table of {len(answer)} rows and {len(answer.columns)} columns"
    if isinstance(answer, pd.Series):
        return f"a column of {len(answer)} values"
    return {"str": "a text", "int": "a number", "float": "a number", "bool": "True or False", "list": "a list",
            "set": "a set", "dict": "a mapping"}.get(type(answer).__name__, f"a {type(answer).__name__}")  # fmt: skip


def _same(asked: Exercise, kind: str, answer: Any, right: Any) -> bool:
    if kind == "number":
        return abs(answer - float(right)) <= asked.tolerance(float(right))
    if kind == "flag":
        return answer == right
    if kind == "word":
        words = right if isinstance(right, set | frozenset) else {right}
        return answer.casefold() in {word.casefold() for word in words}
    if kind == "several":
        others = [str(one) for one in right]
        return answer == others if asked.ordered else set(answer) == set(others)
    others = _groups(right)
    return set(answer) == set(others) and all(_near(asked, answer[key], others[key]) for key in others)


def _near(asked: Exercise, one: float, right: float) -> bool:
    if missing(one) or missing(right):
        return missing(one) and missing(right)
    return abs(one - right) <= asked.tolerance(right)


def _read_back(asked: Exercise, kind: str) -> str:
    """Say a right number as a person reads it."""
    if kind != "number" or not asked.unit:
        return ""
    from crmkit.training import company

    return f", {say(float(asked.right), asked.unit, currency=company().config.currency)}"


def _general(asked: Exercise, kind: str, answer: Any) -> str:
    """Give the hint that goes with the form of a wrong answer, where no known mistake explains it."""
    if kind == "number":
        return _general_number(asked, answer)
    if kind == "flag":
        return "it is the other way round. Which number would decide it?"
    if kind == "word":
        return f"{answer!r} is not it. Put the candidates side by side and look again at what is asked."
    if kind == "several":
        return _general_several(asked, answer)
    return _general_groups(asked, answer)


def _general_number(asked: Exercise, answer: float) -> str:
    right = float(asked.right)
    slips = [
        (asked.unit == "share" and _close(asked, answer / 100, right),
         "the right amount, as a percentage: a share is written 0-1 here, so divide by 100."),
        (asked.unit == "share" and _close(asked, 1 - answer, right),
         "this is the share of all the others: those who are not asked for."),
        (_close(asked, -answer, right), "the right amount with the wrong sign. Which of the two is taken from which?"),
        (answer and _close(asked, 1 / answer, right),
         "this is the right fraction upside down: look at what is divided by what."),
    ]  # fmt: skip
    for slipped, hint in slips:
        if slipped:
            return hint
    far = abs(answer - right) / abs(right) if right else abs(answer)
    way = "too high" if answer > right else "too low"
    if far < 0.05:
        return f"close, and a little {way}. Look at what is left out: rows at the edges of the period, or empty cells?"
    if right and (answer / right > 10 or answer / right < 0.1):
        return f"far {way}, by more than a factor of ten. Look at the unit, and at what one row is."
    return f"{way}. Say in words what is counted, of which rows, and in which period; then look at each part."


def _close(asked: Exercise, one: float, right: float) -> bool:
    return abs(one - right) <= asked.tolerance(right)


def _general_several(asked: Exercise, answer: list[str]) -> str:
    given, right = set(answer), {str(one) for one in asked.right}
    if given == right:
        return "the right ones, in another order than is asked for."
    lacking, beyond = len(right - given), len(given - right)
    parts = [f"{lacking} missing" if lacking else "", f"{beyond} that do not belong" if beyond else ""]
    return f"{len(given & right)} of yours are right; {' and '.join(part for part in parts if part)}."


def _general_groups(asked: Exercise, answer: dict[str, float]) -> str:
    right = _groups(asked.right)
    if set(answer) != set(right):
        lacking, beyond = sorted(set(right) - set(answer)), sorted(set(answer) - set(right))
        said = f"{len(lacking)} groups are missing, such as {lacking[0]!r}" if lacking else ""
        more = f"{len(beyond)} groups do not belong, such as {beyond[0]!r}" if beyond else ""
        return f"{' and '.join(part for part in (said, more) if part)}."
    off = [key for key in right if not _near(asked, answer[key], right[key])]
    return f"{len(right) - len(off)} of {len(right)} groups are right; look at {off[0]!r} by itself."
