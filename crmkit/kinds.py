"""What a metric can be: a count, a total, a mean, a quantile, a share, a level at a moment, or arithmetic of these.

A declaration returns one of these kinds. A kind knows its atoms (the sums that the engine has to ask for) and how its
value follows from them. The same rule works on NumPy arrays, on bootstrap replicates of them, and on Ibis columns,
from which the SQL is printed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from crmkit.errors import UsageError

Get = Callable[["Atom"], Any]


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


@dataclass(frozen=True, eq=False)
class Kind(ABC):
    """Base of all kinds; they can be added, subtracted, multiplied and divided.

    Attributes
    ----------
    remarks : tuple of (Atom, str)
        What the result says where an atom counts any rows.
    """

    interval = None
    remarks: tuple[tuple[Atom, str], ...] = field(default=(), kw_only=True)

    def remarking(self, where: Any, text: str, *, at: Any = None) -> Kind:
        """Return the same kind, whose result says `text` where there are rows `where`."""
        return replace(self, remarks=(*self.remarks, (Atom("count", None, where, at), text)))

    def without(self, get: Get) -> Any:
        """Return how many rows carry no value and are left out, where the kind sums one; else None."""
        return None

    def all_remarks(self) -> Iterator[tuple[Atom, str]]:
        """Yield the remarks of this kind and of those that it is made of."""
        yield from self.remarks
        for name in self.__dataclass_fields__:
            if isinstance(part := getattr(self, name), Kind):
                yield from part.all_remarks()

    def asked(self) -> Iterator[Atom]:
        """Yield all atoms that the engine has to ask for: those of the value, and those of the remarks."""
        yield from self.atoms()
        yield from (atom for atom, _ in self.all_remarks())

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
class Count(Kind):
    """How many rows, or how many different values: 0 where nothing happened."""

    counted: Atom

    def atoms(self):
        yield self.counted

    def value(self, get):
        return get(self.counted)

    def n(self, get):
        return get(self.counted)


@dataclass(frozen=True, eq=False)
class Total(Kind):
    """A sum: 0 where nothing happened, unknown where rows are there and none of them carries a value."""

    summed: Atom
    filled: Atom
    rows: Atom

    def atoms(self):
        yield from (self.summed, self.filled, self.rows)

    def value(self, get):
        return _unless((get(self.rows) > 0) & (get(self.filled) == 0), _zero(get(self.summed)))

    def n(self, get):
        return get(self.filled)

    def without(self, get):
        return get(self.rows) - get(self.filled)


@dataclass(frozen=True, eq=False)
class Mean(Kind):
    """A mean of the values that are there, with a normal interval."""

    summed: Atom
    squared: Atom
    filled: Atom
    interval: str | None = "normal"

    def atoms(self):
        yield from (self.summed, self.squared, self.filled)

    def value(self, get):
        return divide(get(self.summed), get(self.filled))

    def numerator(self, get):
        return _zero(get(self.summed))

    def denominator(self, get):
        return get(self.filled)

    n = denominator


@dataclass(frozen=True, eq=False)
class Quantile(Kind):
    """A quantile of the values that are there; exact where the engine can, else stated as approximate."""

    ordered: Atom
    filled: Atom
    interval: str | None = "order"

    def atoms(self):
        yield from (self.ordered, self.filled)

    def value(self, get):
        return get(self.ordered)

    def n(self, get):
        return get(self.filled)


@dataclass(frozen=True, eq=False)
class Waiting(Kind):
    """A median time until an event, those still waiting at the end counted in (Kaplan-Meier), from single rows."""

    begun: Atom
    over: Atom
    met: Atom
    interval: str | None = "survival"

    def atoms(self):
        yield from (self.begun, self.over, self.met)

    def value(self, get):
        raise UsageError(
            "A median that counts those still waiting is computed from single rows: measure it by itself. "
            "It has no SQL of its own, and cannot be part of a formula."
        )

    def n(self, get):
        return get(self.met) + get(self.begun) - get(self.over)


@dataclass(frozen=True, eq=False)
class Share(Kind):
    """Some of many, with a Wilson interval; unknown where there are none."""

    part: Atom
    of: Atom
    interval: str | None = "wilson"

    def atoms(self):
        yield from (self.part, self.of)

    def value(self, get):
        return divide(get(self.part), get(self.of))

    def numerator(self, get):
        return get(self.part)

    def denominator(self, get):
        return get(self.of)

    n = denominator


@dataclass(frozen=True, eq=False)
class NetShare(Kind):
    """100 × (the share of one kind − the share of another), such as NPS, with an adjusted Wald interval."""

    plus: Atom
    minus: Atom
    of: Atom
    interval: str | None = "adjusted_wald"

    def atoms(self):
        yield from (self.plus, self.minus, self.of)

    def value(self, get):
        return divide((get(self.plus) - get(self.minus)) * 100.0, get(self.of))

    def numerator(self, get):
        return (get(self.plus) - get(self.minus)) * 100.0

    def denominator(self, get):
        return get(self.of)

    n = denominator


@dataclass(frozen=True, eq=False)
class Level(Kind):
    """What runs at a moment: all that began before it, less all that ended before it.

    Unknown where rows run and none of them carries a value.
    """

    begun: Atom
    over: Atom
    rows: tuple[Atom, Atom]
    filled: tuple[Atom, Atom]

    def atoms(self):
        yield from (self.begun, self.over, *self.rows, *self.filled)

    def value(self, get):
        unknown = (_running(self.rows, get) > 0) & (_running(self.filled, get) == 0)
        return _unless(unknown, _zero(get(self.begun)) - _zero(get(self.over)))

    def n(self, get):
        return _running(self.filled, get)

    def without(self, get):
        return _running(self.rows, get) - _running(self.filled, get)


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
        return {"/": lambda: right, "-": lambda: left, "+": lambda: left + right, "*": lambda: _least(left, right)}[
            self.how
        ]()


@dataclass(frozen=True, eq=False)
class Withheld(Kind):
    """A kind that is withheld where rows are there but carry no amount at all: what they are worth is not known."""

    kind: Kind
    amount: Total
    rows: Count
    reason: str
    interval: str | None = None

    def atoms(self):
        yield from self.kind.atoms()
        yield from self.amount.atoms()
        yield from self.rows.atoms()

    def withheld(self, get: Get) -> Any:
        """Tell where the value is withheld."""
        return (get(self.rows.counted) > 0) & (_zero(get(self.amount.summed)) == 0)

    def value(self, get):
        return _unless(self.withheld(get), self.kind.value(get))

    def numerator(self, get):
        return self.kind.numerator(get)

    def denominator(self, get):
        return self.kind.denominator(get)

    def n(self, get):
        return self.kind.n(get)


def count(where: Any = None, *, distinct: Any = None, at: Any = None) -> Count:
    """Count rows, or the different values of the column `distinct` among them."""
    return Count(Atom("count" if distinct is None else "distinct", distinct, where, at))


def total(value: Any, where: Any = None, *, at: Any = None) -> Total:
    """Sum the column `value` over the rows `where`."""
    there = _and(value.notnull(), where)
    return Total(Atom("sum", value, where, at), Atom("count", None, there, at), Atom("count", None, where, at))


def mean(value: Any, where: Any = None, *, at: Any = None) -> Mean:
    """Average the column `value` over the rows `where` that have one."""
    there = _and(value.notnull(), where)
    return Mean(Atom("sum", value, where, at), Atom("sum", value * value, where, at), Atom("count", None, there, at))


def quantile(value: Any, share: float, where: Any = None, *, at: Any = None) -> Quantile:
    """Find the value below which `share` of the rows `where` lie."""
    there = _and(value.notnull(), where)
    return Quantile(Atom("quantile", value, there, at, share=share), Atom("count", None, there, at))


def median(value: Any, where: Any = None, *, at: Any = None) -> Quantile:
    """Find the middle value of the rows `where`."""
    return quantile(value, 0.5, where, at=at)


def waiting(begun_at: Any, over_at: Any, met: Any) -> Waiting:
    """Find the median time from `begun_at` to `over_at` of the rows `met`, those not over yet counted as waiting."""
    over = over_at.notnull()
    return Waiting(
        Atom("count", None, None, begun_at, "end"),
        Atom("count", None, over, over_at, "end"),
        Atom("count", None, met & over, over_at),
    )


def share(part: Any, *, of: Any = None, at: Any = None) -> Share:
    """Divide the rows of which both `part` and `of` hold by those of which `of` holds."""
    both = part if of is None else part & of
    return Share(Atom("count", None, both, at), Atom("count", None, of, at))


def net_share(plus: Any, minus: Any, *, of: Any, at: Any = None) -> NetShare:
    """Subtract the share of `minus` among `of` from that of `plus`, times 100."""
    return NetShare(
        Atom("count", None, plus & of, at), Atom("count", None, minus & of, at), Atom("count", None, of, at)
    )


def level(
    begun_at: Any, over_at: Any, *, value: Any = None, where: Any = None, moment: Literal["start", "end"] = "end"
) -> Level:
    """Count, or sum `value` over, the rows that run at the start or the end of a period.

    A row runs at a moment if it began before it and was not over before it.
    """
    how = "count" if value is None else "sum"
    ended = _and(over_at.notnull(), where)
    there, there_ended = (where, ended) if value is None else (_and(value.notnull(), where), ended & value.notnull())
    return Level(
        Atom(how, value, where, begun_at, moment),
        Atom(how, value, ended, over_at, moment),
        (Atom("count", None, where, begun_at, moment), Atom("count", None, ended, over_at, moment)),
        (Atom("count", None, there, begun_at, moment), Atom("count", None, there_ended, over_at, moment)),
    )


def withheld(kind: Kind, *, amount: Any, where: Any, reason: str, interval: str | None = "bootstrap") -> Withheld:
    """Withhold `kind` where the rows `where` carry no `amount` at all, for the `reason` given."""
    return Withheld(kind, total(amount, where), count(where), reason, interval)


def divide(left: Any, right: Any) -> Any:
    """Divide; unknown, not infinite, where the divisor is 0."""
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(np.asarray(right) == 0, np.nan, np.asarray(left, float) / np.asarray(right, float))
    return left / right.nullif(0) if hasattr(right, "nullif") else left / right


def _unless(condition: Any, value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return np.where(condition, np.nan, value)
    return condition.ifelse(None, value)


def _least(left: Any, right: Any) -> Any:
    return np.fmin(left, right) if isinstance(left, np.ndarray) else (left < right).ifelse(left, right)


def _and(condition: Any, where: Any) -> Any:
    return condition if where is None else condition & where


def _running(pair: tuple[Atom, Atom], get: Get) -> Any:
    begun, over = pair
    return _zero(get(begun)) - _zero(get(over))


def _zero(value: Any) -> Any:
    """Return sums with 0 where no row was summed."""
    return np.nan_to_num(value) if isinstance(value, np.ndarray) else value.fill_null(0)


def _kind(other: Kind | float) -> Kind:
    return other if isinstance(other, Kind) else Constant(float(other))
