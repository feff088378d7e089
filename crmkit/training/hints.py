"""Hints by the form of a wrong answer, where no known mistake explains it."""

from __future__ import annotations

from typing import Any

from crmkit.training.exercises import Exercise


def general(asked: Exercise, kind: str, answer: Any, right: dict[str, float]) -> str:
    """Give the hint that goes with the form of a wrong answer.

    Parameters
    ----------
    asked : Exercise
    kind : str
        number, flag, word, several or groups.
    answer
        The answer as its kind is compared.
    right : dict
        The right number of each group, where the kind is groups.

    Returns
    -------
    str
        What leads on. It never holds the solution.

    Examples
    --------
    >>> general(Exercise(0.25, unit="share"), "number", 0.75, {})
    'this is the share of all the others: those who are not asked for.'
    """
    if kind == "number":
        return _of_number(asked, answer)
    if kind == "flag":
        return "it is the other way round. Which number would decide it?"
    if kind == "word":
        return f"{answer!r} is not it. Put the candidates side by side and look again at what is asked."
    if kind == "several":
        return _of_several(asked, answer)
    return _of_groups(asked, answer, right)


def rounded(answer: float, right: float, digits: int = 2) -> bool:
    """Tell whether a number is another one, rounded to so many digits that count, or more.

    Examples
    --------
    >>> rounded(0.61, 0.6136), rounded(1.4, 1.3811), rounded(0.3, 0.288), rounded(2987, 2987.4)
    (True, True, False, True)
    """
    return any(abs(round(right, places) - answer) < 1e-9 and abs(answer) * 10**places >= 10 ** (digits - 1)
               for places in range(6))  # fmt: skip


def _of_number(asked: Exercise, answer: float) -> str:
    right = float(asked.right)
    slips = [
        (asked.unit == "share" and (_agrees(asked, answer / 100, right) or rounded(answer / 100, right, digits=1)),
         "the right amount, as a percentage: a share is written 0-1 here, so divide by 100."),
        (asked.unit == "share" and _agrees(asked, 1 - answer, right),
         "this is the share of all the others: those who are not asked for."),
        (_agrees(asked, -answer, right), "the right amount with the wrong sign. Which of the two is taken from which?"),
        (answer and _agrees(asked, 1 / answer, right),
         "this is the right fraction upside down: look at what is divided by what."),
        (answer != round(answer) and rounded(answer, right, digits=1),
         "this is rounded so far that wrong answers would look alike. Give more digits."),
        (asked.unit == "share" and 0 <= right <= 1 < answer <= 10 * right,
         "more than 1, so more than all there are. What is divided by what?"),
    ]  # fmt: skip
    for slipped, hint in slips:
        if slipped:
            return hint
    far = abs(answer - right) / abs(right) if right else abs(answer)
    way = "too high" if answer > right else "too low"
    if far < 0.05:
        why = "counted that does not belong" if answer > right else "left out"
        return f"close, and a little {way}. What is {why}: rows at the edges of the period, or empty cells?"
    if right and (answer / right > 10 or answer / right < 0.1):
        return f"far {way}, by more than a factor of ten. Look at the unit, and at what one row is."
    return f"{way}. Say in words what is counted, of which rows, and in which period; then look at each part."


def _agrees(asked: Exercise, one: float, right: float) -> bool:
    return asked.near(one, right) or rounded(one, right)


def _of_several(asked: Exercise, answer: list[str]) -> str:
    given, right = set(answer), {str(one) for one in asked.right}
    if given == right:
        return "the right ones, in another order than is asked for."
    lacking, beyond = len(right - given), len(given - right)
    parts = [f"{lacking} missing" if lacking else "", f"{beyond} that do not belong" if beyond else ""]
    return f"{len(given & right)} of yours are right; {' and '.join(part for part in parts if part)}."


def _of_groups(asked: Exercise, answer: dict[str, float], right: dict[str, float]) -> str:
    if set(answer) != set(right):
        lacking, beyond = sorted(set(right) - set(answer)), sorted(set(answer) - set(right))
        said = _how_many(lacking, "is missing", "are missing")
        more = _how_many(beyond, "does not belong here", "do not belong here")
        return f"{' and '.join(part for part in (said, more) if part)}."
    off = [key for key in right if not asked.near(answer[key], right[key])]
    return f"{len(right) - len(off)} of {len(right)} groups are right; look at {off[0]!r} by itself."


def _how_many(groups: list[str], one: str, several: str) -> str:
    """Say which group is missing or too many, or how many are."""
    if len(groups) < 2:
        return "".join(f"the group {group!r} {one}" for group in groups)
    return f"{len(groups)} groups {several}, such as {groups[0]!r}"
