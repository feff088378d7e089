"""The kinds that metrics are made of: counts, totals, means, quantiles, shares, and levels at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crmkit.errors import UsageError
from crmkit.kinds.arithmetic import divide, unless, zero
from crmkit.kinds.base import Atom, Get, Given, Kind


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
        return unless((get(self.rows) > 0) & (get(self.filled) == 0), zero(get(self.summed)))

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
        yield from (self.summed, self.filled)

    def spread(self):
        yield self.squared

    def value(self, get):
        return divide(get(self.summed), get(self.filled))

    def numerator(self, get):
        return zero(get(self.summed))

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
    """A median time until an event, those still waiting at the end counted in (Kaplan-Meier), from single rows.

    `per_day` is how many of its units a day has: 24 for hours.
    """

    begun: Atom
    over: Atom
    met: Atom
    interval: str | None = "survival"
    per_day: float = 1.0

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
        return unless(unknown, zero(get(self.begun)) - zero(get(self.over)))

    def n(self, get):
        return _running(self.filled, get)

    def without(self, get):
        return _running(self.rows, get) - _running(self.filled, get)


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
        return (get(self.rows.counted) > 0) & (zero(get(self.amount.summed)) == 0)

    def value(self, get):
        return unless(self.withheld(get), self.kind.value(get))

    def numerator(self, get):
        return self.kind.numerator(get)

    def denominator(self, get):
        return self.kind.denominator(get)

    def n(self, get):
        return self.kind.n(get)


@dataclass(frozen=True, eq=False)
class Days(Kind):
    """The days of a period, those after the last moment that the data knows left out."""

    def atoms(self):
        return iter(())

    def value(self, get):
        return get(Given("days"))


@dataclass(frozen=True, eq=False)
class Windowed(Kind):
    """A metric that is measured in another period than the one asked for, such as the 12 months to its end."""

    metric: str
    interval: str | None = "windowed"

    def windowed(self):
        yield self.metric

    def atoms(self):
        return iter(())

    def value(self, get):
        return get(Given("value", self.metric))

    def numerator(self, get):
        return get(Given("numerator", self.metric))

    def denominator(self, get):
        return get(Given("denominator", self.metric))

    def n(self, get):
        return get(Given("n", self.metric))


@dataclass(frozen=True, eq=False)
class Attained(Kind):
    """A metric's value divided by its target for the same period and group."""

    metric: str
    interval: str | None = "attained"

    def windowed(self):
        yield self.metric

    def atoms(self):
        return iter(())

    def value(self, get):
        return divide(self.numerator(get), self.denominator(get))

    def numerator(self, get):
        return get(Given("value", self.metric))

    def denominator(self, get):
        return get(Given("target", self.metric))

    def n(self, get):
        return get(Given("n", self.metric))


def _running(pair: tuple[Atom, Atom], get: Get) -> Any:
    begun, over = pair
    return zero(get(begun)) - zero(get(over))
