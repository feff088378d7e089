"""The words in which a metric is declared."""

from __future__ import annotations

from typing import Any, Literal

from crmkit.errors import UsageError
from crmkit.kinds.arithmetic import both
from crmkit.kinds.base import Atom, Kind
from crmkit.kinds.plain import Attained, Count, Days, Level, Mean, NetShare, Quantile, Share, Total, Waiting, Withheld


def count(where: Any = None, *, distinct: Any = None, at: Any = None) -> Count:
    """Count rows, or the different values of the column `distinct` among them."""
    return Count(Atom("count" if distinct is None else "distinct", distinct, where, at))


def total(value: Any, where: Any = None, *, at: Any = None) -> Total:
    """Sum the column `value` over the rows `where`."""
    there = both(value.notnull(), where)
    return Total(Atom("sum", value, where, at), Atom("count", None, there, at), Atom("count", None, where, at))


def mean(value: Any, where: Any = None, *, at: Any = None) -> Mean:
    """Average the column `value` over the rows `where` that have one."""
    there = both(value.notnull(), where)
    return Mean(Atom("sum", value, where, at), Atom("sum", value * value, where, at), Atom("count", None, there, at))


def quantile(value: Any, share: float, where: Any = None, *, at: Any = None) -> Quantile:
    """Find the value below which `share` of the rows `where` lie."""
    there = both(value.notnull(), where)
    return Quantile(Atom("quantile", value, there, at, share=share), Atom("count", None, there, at))


def median(value: Any, where: Any = None, *, at: Any = None) -> Quantile:
    """Find the middle value of the rows `where`."""
    return quantile(value, 0.5, where, at=at)


def waiting(begun_at: Any, over_at: Any, met: Any, *, per_day: float = 1.0) -> Waiting:
    """Find the median time from `begun_at` to `over_at` of the rows `met`, those not over yet counted as waiting.

    It is in days, or in units of which a day has `per_day`, such as 24 hours.
    """
    over = over_at.notnull()
    return Waiting(
        Atom("count", None, None, begun_at, "end"),
        Atom("count", None, over, over_at, "end"),
        Atom("count", None, met & over, over_at),
        per_day=per_day,
    )


def attained(metric: str) -> Attained:
    """Divide the metric called `metric` by its target for the same period and group."""
    if metric == "attainment":
        raise UsageError("There is no attainment of attainment; name the metric that has the target, such as revenue.")
    return Attained(metric)


def days() -> Days:
    """Return the days of the period, up to `as_of`: what a count per day is divided by."""
    return Days()


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

    A row runs at a moment if it began before it and was not over before it. One that never began, or was over before
    it began, runs at no moment; `crmkit check` finds it.
    """
    how = "count" if value is None else "sum"
    ended = both(over_at >= begun_at, where)
    where = both(over_at.isnull() | (over_at >= begun_at), where)
    there, there_ended = (where, ended) if value is None else (both(value.notnull(), where), ended & value.notnull())
    return Level(
        Atom(how, value, where, begun_at, moment),
        Atom(how, value, ended, over_at, moment),
        (Atom("count", None, where, begun_at, moment), Atom("count", None, ended, over_at, moment)),
        (Atom("count", None, there, begun_at, moment), Atom("count", None, there_ended, over_at, moment)),
    )


def withheld(kind: Kind, *, amount: Any, where: Any, reason: str, interval: str | None = "bootstrap") -> Withheld:
    """Withhold `kind` where the rows `where` carry no `amount` at all, for the `reason` given."""
    return Withheld(kind, total(amount, where), count(where), reason, interval)
