"""Questions that go by one name and are answered by several definitions, one module a family of metrics.

A case is one entry: the question, the definitions that people use for it, an example with a few inputs, where its
parts are found in the data, and what a manager would decide at a line. It is found by being there:

    churn = Case(
        question="How many customers do we lose?",
        unit="share",
        better="down",
        variants=(
            Variant("lost of those of the start ÷ start", lambda lost_of_start, start: lost_of_start / start,
                    metric="churn_rate", used=True),
            Variant("all lost ÷ acquired", lambda lost, gained: lost / gained, metric="churn_rate_acquired"),
        ),
        example=Example("…", {"start": 1000, "gained": 500, "lost": 50, "lost_of_start": 40}),
        parts={"start": "customers_at_start", "gained": "new_customers", "lost": "lost_customers",
               "lost_of_start": "churn_rate.numerator"},
        line=Line(0.05, met="spend on growth", missed="spend on keeping customers"),
        trap="…",
    )

The arguments of a variant's function name the parts that it takes, so the same function works the example and the
data. `crmkit.methods.definitions` computes all of them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from crmkit.metrics import FAMILIES


@dataclass(frozen=True)
class Variant:
    """One definition among those that go by the same name.

    Attributes
    ----------
    name : str
        The definition in words and signs, as a table prints it.
    of : callable
        From parts, by the names of its arguments, to the value; None or a division by 0 is unknown.
    metric : str
        The metric that it is in the catalogue; "" where crmkit has none, since nobody should read it.
    used : bool
        Whether crmkit answers the question by it: one variant of each case.
    unit : str
        Its unit where that is not the case's; it is then not held against the case's line.
    options : mapping
        Options of the metric.
    printed : str
        Who prints it, as far as that is known: words that follow its name, "is what some vendors print".
    """

    name: str
    of: Callable[..., float | None]
    metric: str = ""
    used: bool = False
    unit: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    printed: str = ""


@dataclass(frozen=True)
class Line:
    """What is decided by a number: at a target or a rule of thumb.

    Attributes
    ----------
    at : float or callable
        The number, or a function from parts to it. A target of the data takes its place.
    met, missed : str
        What a manager does where the number meets the line, and where it does not: words that follow "to".
    what : str
        What the line is, where no target of the data takes its place.
    """

    at: float | Callable[..., float | None]
    met: str
    missed: str
    what: str = "a rule of thumb"


@dataclass(frozen=True)
class Example:
    """A published or textbook example.

    Attributes
    ----------
    told : str
        The example in a sentence, without its results.
    parts : mapping
        Its inputs, by the names that the variants take.
    before : mapping, optional
        The same of the period before.
    line : float, optional
        The line of this example, where it is not the case's.
    """

    told: str
    parts: Mapping[str, Any]
    before: Mapping[str, Any] | None = None
    line: float | None = None


@dataclass(frozen=True)
class Case:
    """A question with the definitions that people answer it by.

    Attributes
    ----------
    question : str
    unit : str
        Of the answer, unless a variant has its own.
    better : {"up", "down"}
        Which direction a reader of the number takes to be good.
    variants : tuple of Variant
    example : Example
    line : Line
    trap : str
        What goes wrong with the other definitions, in one or two sentences.
    parts : mapping of str to str
        Part to the metric that measures it; "churn_rate.numerator" is the numerator of the metric.
    more : callable, optional
        From a Crm and a period to further parts, by name; raises NotInThisData where the data lacks them.
    over : callable, optional
        From a Crm and the period asked for to the period in which the case is measured.
    """

    question: str
    unit: str
    better: str
    variants: tuple[Variant, ...]
    example: Example
    line: Line
    trap: str
    parts: Mapping[str, str] = field(default_factory=dict)
    more: Callable[..., Mapping[str, Any]] | None = None
    over: Callable[..., Any] | None = None

    @property
    def used(self) -> Variant:
        """The definition that crmkit uses."""
        return next(variant for variant in self.variants if variant.used)


@cache
def all_cases() -> dict[str, Case]:
    """Return all cases by name, in the order of the families of metrics.

    Examples
    --------
    >>> all_cases()["churn"].used.metric
    'churn_rate'
    """
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    order = {family: place for place, family in enumerate(FAMILIES)}
    found: dict[str, Case] = {}
    for name in sorted(names, key=lambda family: (order.get(family, len(order)), family)):
        module = importlib.import_module(f"{__name__}.{name}")
        found |= {key: value for key, value in vars(module).items() if isinstance(value, Case)}
    return found
