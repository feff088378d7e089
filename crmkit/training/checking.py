"""Checking an answer: right, or a hint that depends on what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crmkit.marks import missing, safe
from crmkit.numbers import say
from crmkit.training.exercises import Exercise, find
from crmkit.training.hints import general, rounded

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
    exact = any(_same(asked, kind, plain, mistake.answer, exactly=True) for mistake in asked.mistakes)
    if _same(asked, kind, plain, asked.right) or (not exact and _is_rounded(asked, kind, plain)):
        return True, f"right{_read_back(asked, kind)}. {asked.because}".rstrip()
    for mistake in asked.mistakes:
        if _same(asked, kind, plain, mistake.answer):
            return False, mistake.hint
    return False, general(asked, kind, plain, groups_of(asked.right) if kind == "groups" else {})


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
    if hasattr(answer, "to_pandas") and hasattr(answer, "op"):
        return None, "this is a question to the tables that has not been asked yet: put .to_pandas() behind it."
    wrong = f"this is {_what(answer)}, and the answer is {_NEEDS[kind]}."
    if kind in ("number", "flag", "word"):
        answer = _only(answer)
    if kind == "number":
        return _as_one_number(answer, wrong)
    if kind == "flag":
        return (answer, "") if isinstance(answer, bool) else (None, wrong)
    if kind == "word":
        return (answer.strip(), "") if isinstance(answer, str) else (None, wrong)
    if kind == "several":
        return _as_several(answer, wrong)
    groups = groups_of(answer)
    return (groups, "") if groups is not None else (None, wrong)


def _only(answer: Any) -> Any:
    """Return the one value that a frame, column, list or array holds, as Python has it; all else as it is."""
    if isinstance(answer, pd.DataFrame) and "value" in answer and len(answer) == 1:
        answer = answer["value"]
    if isinstance(answer, pd.DataFrame | pd.Series):
        answer = answer.to_numpy()
    if isinstance(answer, list | tuple) and len(answer) == 1:
        answer = answer[0]
    return answer.item() if hasattr(answer, "item") and getattr(answer, "size", 1) == 1 else answer


def _as_several(answer: Any, wrong: str) -> tuple[Any, str]:
    if isinstance(answer, str):
        return None, "this is a text, and the answer is a list, even of one: put it in square brackets."
    if isinstance(answer, pd.DataFrame) or not hasattr(answer, "__iter__"):
        return None, wrong
    if isinstance(answer, pd.Series) and answer.dtype == bool:
        return None, "this says True or False of each row. Take the rows where it is True, and the names in them."
    return [str(one) for one in answer], ""


def _as_one_number(answer: Any, wrong: str) -> tuple[Any, str]:
    if isinstance(answer, str) and any(letter.isdigit() for letter in answer):
        return None, "this is a text: give the number itself, without quotation marks and without a % sign."
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return None, wrong
    if missing(answer):
        return None, "this is not a number (NaN): something was divided by nothing, or a row was not found."
    return float(answer), ""


def groups_of(answer: Any) -> dict[str, float] | None:
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
        return groups_of(rows)
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
        texts = len(answer) and all(isinstance(one, str) for one in answer)
        return f"a column of {len(answer)} {'texts' if texts else 'values'}"
    if isinstance(answer, tuple) and len(answer) == 2 and all(type(one) is int for one in answer):
        return "two numbers with a comma between them (decimals have a point: 0.5)"
    name = type(getattr(answer, "item", lambda: answer)() if getattr(answer, "size", 0) == 1 else answer).__name__
    return {"str": "a text", "int": "a number", "float": "a number", "bool": "True or False", "list": "a list",
            "set": "a set", "dict": "a mapping", "ndarray": "an array of numbers"}.get(name, f"a {name}")  # fmt: skip


def _same(asked: Exercise, kind: str, answer: Any, right: Any, *, exactly: bool = False) -> bool:
    if kind == "number":
        return abs(answer - float(right)) <= (1e-9 if exactly else asked.tolerance(float(right)))
    if kind == "flag":
        return answer == right
    if kind == "word":
        words = right if isinstance(right, set | frozenset) else {right}
        return answer.casefold() in {word.casefold() for word in words}
    if kind == "several":
        others = [str(one) for one in right]
        return answer == others if asked.ordered else set(answer) == set(others)
    others = groups_of(right)
    return set(answer) == set(others) and all(asked.near(answer[key], others[key]) for key in others)


def _is_rounded(asked: Exercise, kind: str, answer: Any) -> bool:
    """Tell whether an answer is the right one as a person writes it down: with two digits or more."""
    if kind == "number":
        whole = asked.unit == "share" and answer == round(answer)  # all or nothing is another claim, not less exact
        return not whole and rounded(answer, float(asked.right))
    right = groups_of(asked.right) if kind == "groups" else {}
    return bool(right) and set(answer) == set(right) and all(
        asked.near(answer[key], right[key]) or rounded(answer[key], right[key]) for key in right)  # fmt: skip


def _read_back(asked: Exercise, kind: str) -> str:
    """Say a right number as a person reads it."""
    if kind != "number" or not asked.unit:
        return ""
    from crmkit.training import company

    return f", {say(float(asked.right), asked.unit, currency=company().config.currency)}"
