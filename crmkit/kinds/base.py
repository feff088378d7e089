"""What all kinds have in common: their atoms, and that they can be added, subtracted, multiplied and divided."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from crmkit.kinds.arithmetic import divide, least

Get = Callable[["Atom | Given"], Any]


@dataclass(frozen=True, eq=False)
class Atom:
    """One sum that the engine asks a table for, per period and group.

    Attributes
    ----------
    how : {"count", "sum", "distinct", "quantile"}
    value : Ibis column or None
        What is summed; None for a count.
    where : Ibis boolean column or None
        The rows that count.
    at : Ibis time column
        What places a row in a period.
    moment : {"during", "start", "end"}
        "during": rows placed in the period. "start" and "end": all rows placed before the period's start or end.
    share : float
        Which quantile.
    relation : str
        The relation that the columns belong to.
    """

    how: Literal["count", "sum", "distinct", "quantile"]
    value: Any
    where: Any
    at: Any
    moment: Literal["during", "start", "end"] = "during"
    share: float = 0.5
    relation: str = ""

    @property
    def key(self) -> tuple:
        """What makes two atoms the same question, so that it is asked once."""
        nodes = (None if part is None else part.op() for part in (self.value, self.where, self.at))
        return (self.how, *nodes, self.moment != "during", self.share, self.relation)


@dataclass(frozen=True)
class Given:
    """A number that no sum of a table gives: the engine knows it, or measures it elsewhere.

    Attributes
    ----------
    what : {"days", "target", "value", "numerator", "denominator", "n"}
        The days of a period, the target of a metric, or a part of a metric that is measured on its own.
    metric : str
        That metric.
    """

    what: Literal["days", "target", "value", "numerator", "denominator", "n"]
    metric: str = ""


@dataclass(frozen=True, eq=False)
class Kind(ABC):
    """Base of all kinds; they can be added, subtracted, multiplied and divided.

    Attributes
    ----------
    remarks : tuple of (Atom, str)
        What the result says where an atom counts any rows.
    customers_drawn : bool
        Whether an interval draws customers with all their rows where it would draw rows.
    """

    interval = None
    remarks: tuple[tuple[Atom, str], ...] = field(default=(), kw_only=True)
    customers_drawn: bool = field(default=False, kw_only=True)

    def remarking(self, where: Any, text: str, *, at: Any = None) -> Kind:
        """Return the same kind, whose result says `text` where there are rows `where`."""
        return replace(self, remarks=(*self.remarks, (Atom("count", None, where, at), text)))

    def drawing_customers(self) -> Kind:
        """Return the same kind, whose interval draws customers: the rows of one, such as orders, are alike."""
        return replace(self, customers_drawn=True)

    def draws_customers(self) -> bool:
        """Tell whether this kind, or one that it is made of, is to draw customers."""
        parts = (getattr(self, name) for name in self.__dataclass_fields__)
        return self.customers_drawn or any(part.draws_customers() for part in parts if isinstance(part, Kind))

    def without(self, get: Get) -> Any:
        """Return how many rows carry no value and are left out, where the kind sums one; else None."""
        return None

    def all_remarks(self) -> Iterator[tuple[Atom, str]]:
        """Yield the remarks of this kind and of those that it is made of."""
        yield from self.remarks
        for name in self.__dataclass_fields__:
            if isinstance(part := getattr(self, name), Kind):
                yield from part.all_remarks()

    def spread(self) -> Iterator[Atom]:
        """Yield the atoms that the kind's own interval needs besides those of its value."""
        return iter(())

    def asked(self, *, intervals: bool) -> Iterator[Atom]:
        """Yield all atoms that the engine has to ask for: those of the value, of its interval and of the remarks."""
        yield from self.atoms()
        if intervals:
            yield from self.spread()
        yield from (atom for atom, _ in self.all_remarks())

    def windowed(self) -> Iterator[str]:
        """Yield the metrics that it is made of and that are measured on their own, such as in another window."""
        for name in self.__dataclass_fields__:
            if isinstance(part := getattr(self, name), Kind):
                yield from part.windowed()

    @abstractmethod
    def atoms(self) -> Iterator[Atom]:
        """Yield the atoms that the value needs."""

    @abstractmethod
    def value(self, get: Get) -> Any:
        """Return the value from the atoms' sums."""

    def numerator(self, get: Get) -> Any:
        """Return the numerator where the value is a ratio, else None."""
        return None

    def denominator(self, get: Get) -> Any:
        """Return the denominator where the value is a ratio, else None."""
        return None

    def n(self, get: Get) -> Any:
        """Return the number of observations behind the value."""
        return None

    def placed(self, relation: str, at: Any) -> Kind:
        """Return the same kind, its atoms tied to a relation and, where they name no time, to `at`."""

        def put(atom: Atom) -> Atom:
            return atom if atom.relation else replace(atom, relation=relation, at=at if atom.at is None else atom.at)

        changes: dict[str, Any] = {"remarks": tuple((put(atom), text) for atom, text in self.remarks)}
        for name in self.__dataclass_fields__:
            part = getattr(self, name)
            if isinstance(part, Atom):
                changes[name] = put(part)
            elif isinstance(part, tuple) and name != "remarks":
                changes[name] = tuple(put(atom) for atom in part)
            elif isinstance(part, Kind):
                changes[name] = part.placed(relation, at)
        return replace(self, **changes)

    def __add__(self, other: Kind | float) -> Kind:
        return Arithmetic("+", self, _kind(other))

    def __sub__(self, other: Kind | float) -> Kind:
        return Arithmetic("-", self, _kind(other))

    def __mul__(self, other: Kind | float) -> Kind:
        return Arithmetic("*", self, _kind(other), "bootstrap")

    def __truediv__(self, other: Kind | float) -> Kind:
        return Arithmetic("/", self, _kind(other), "bootstrap")

    def __rsub__(self, other: float) -> Kind:
        return Arithmetic("-", _kind(other), self)

    def __rmul__(self, other: float) -> Kind:
        return Arithmetic("*", _kind(other), self, "bootstrap")

    def __rtruediv__(self, other: float) -> Kind:
        return Arithmetic("/", _kind(other), self, "bootstrap")

    def __radd__(self, other: float) -> Kind:
        return Arithmetic("+", _kind(other), self)


@dataclass(frozen=True, eq=False)
class Constant(Kind):
    """A plain number in the arithmetic of kinds."""

    number: float

    def atoms(self):
        return iter(())

    def value(self, get):
        return self.number


@dataclass(frozen=True, eq=False)
class Arithmetic(Kind):
    """Two kinds added, subtracted, multiplied or divided; unknown where a part is, or where the divisor is 0.

    A product or quotient has a bootstrap interval; a sum or difference is a plain count or amount and has none.
    """

    how: Literal["+", "-", "*", "/"]
    left: Kind
    right: Kind
    interval: str | None = None

    def atoms(self):
        yield from self.left.atoms()
        yield from self.right.atoms()

    def value(self, get):
        left, right = self.left.value(get), self.right.value(get)
        if self.how == "/":
            return divide(left, right)
        return {"+": lambda: left + right, "-": lambda: left - right, "*": lambda: left * right}[self.how]()

    def numerator(self, get):
        return self.left.value(get) if self.how == "/" else None

    def denominator(self, get):
        return self.right.value(get) if self.how == "/" else None

    def n(self, get):
        left, right = self.left.n(get), self.right.n(get)
        if left is None or right is None:
            return right if left is None else left
        return {"/": lambda: right, "-": lambda: left, "+": lambda: left + right, "*": lambda: least(left, right)}[
            self.how
        ]()


def _kind(other: Kind | float) -> Kind:
    return other if isinstance(other, Kind) else Constant(float(other))
