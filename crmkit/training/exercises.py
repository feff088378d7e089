"""What an exercise is: its right answer, worked out from the data, and the mistakes that people make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from crmkit.errors import UsageError
from crmkit.marks import missing


@dataclass(frozen=True)
class Mistake:
    """An answer that a common mistake gives, and the hint that leads on from it.

    Attributes
    ----------
    answer
        What somebody gets who makes the mistake, of the same kind as the right answer.
    hint : str
        What was done, in the second person, and which question leads on. Never the solution.
    """

    answer: Any
    hint: str


@dataclass(frozen=True)
class Exercise:
    """The right answer of an exercise, and what wrong ones mean.

    Attributes
    ----------
    right
        A number, a word or a set of words that all are right, True or False, a set or list of keys or names, a mapping
        or Series from groups to numbers, or a DataFrame with one row a group.
    unit : str
        "share", "points", "money", "days", "count" …, as metrics have them; how an answer is read back.
    within : float
        How far a number may lie from the right one; by default half a percent of it, since people round.
    mistakes : list of Mistake
        Tried in their order.
    because : str
        One sentence that a right answer is met with: what follows from it.
    ordered : bool
        Whether the order of a list counts.
    """

    right: Any
    unit: str = ""
    within: float | None = None
    mistakes: Sequence[Mistake] = ()
    because: str = ""
    ordered: bool = False

    def tolerance(self, right: float) -> float:
        """Return how far a number may lie from a right one."""
        return abs(right) * 0.005 + 1e-12 if self.within is None else self.within

    def near(self, one: float, right: float) -> bool:
        """Tell whether a number is another one within the tolerance; a missing one is near to a missing one only."""
        if missing(one) or missing(right):
            return missing(one) and missing(right)
        return abs(one - right) <= self.tolerance(right)


_MADE: dict[str, Callable[[Any], Exercise]] = {}


def exercise(number: str) -> Callable[[Callable[[Any], Exercise]], Callable[[Any], Exercise]]:
    """Declare an exercise: a function from the sample company to its `Exercise`, called when it is first checked.

    Parameters
    ----------
    number : str
        Lesson and place, such as "2.1".

    Examples
    --------
    >>> @exercise("0.1")
    ... def customers_in_the_table(crm):
    ...     return Exercise(crm.rows["customers"], unit="count", mistakes=[Mistake(0, "You counted nobody.")])
    """

    def declare(function: Callable[[Any], Exercise]) -> Callable[[Any], Exercise]:
        known = _MADE.get(number)
        if known is not None and (known.__module__, known.__qualname__) != (function.__module__, function.__qualname__):
            raise UsageError(f"There are two exercises {number}: {known.__qualname__} and {function.__qualname__}.")
        _MADE[number] = function
        return function

    return declare


@cache
def _load() -> None:
    from crmkit.training import answers

    for module in iter_modules(answers.__path__):
        import_module(f"{answers.__name__}.{module.name}")


def numbers() -> list[str]:
    """Return the numbers of all exercises, in the order of the lessons."""
    _load()
    return sorted((number for number in _MADE if not number.startswith("0.")), key=_place)


def _place(number: str) -> tuple[int, int]:
    lesson, _, place = number.partition(".")
    return int(lesson), int(place)


@cache
def find(number: str) -> Exercise:
    """Return an exercise, its answer worked out from the sample company.

    Raises
    ------
    UsageError
        Where there is no such exercise.
    """
    _load()
    if number not in _MADE:
        raise UsageError(f"There is no exercise {number!r}; there are {', '.join(numbers())}.")
    from crmkit.training import company

    return _MADE[number](company())
