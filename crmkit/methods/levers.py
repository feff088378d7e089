"""Levers: which factor of a compound metric moved it, by how much, and what moving one would bring.

Sources
-------
B. W. Ang (2004), Energy Policy 32, 1131-1139: the logarithmic mean Divisia index (LMDI), which is additive and leaves
no residual; it is Montgomery's index (1937). L. S. Shapley (1953) for what is not a pure product.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import factorial, isclose, isfinite, log
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import names, said
from crmkit.metric import Metric, all_metrics, find
from crmkit.periods import Period

TOGETHER = "(together)"
"""The row of `what_if` in which all changes are made at once."""
_POINTS = ((1.0, 2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0), (2.3, 1.1, 4.7, 1.9, 3.1, 2.9, 6.1, 1.3))


def levers(
    crm, metric: str, *, period: str | Period, against: str | Period, by: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Take the change of a compound metric apart into what each of its factors did; the parts add up to the change.

    Parameters
    ----------
    crm : Crm
    metric : str
        One whose formula is made of other metrics, such as sales_velocity.
    period, against : str or Period
        Now, and what it is compared with.
    by : str or list of str, optional
        For each group by itself, such as owner_id.

    Returns
    -------
    DataFrame
        One row a group and lever: one column for each of `by`, `lever` (the metric's name), `before`, `after`,
        `contribution` (in units of the metric; they add up to its change), `share` (of the change; null where nothing
        changed), `method` ("log mean" for products and quotients, "Shapley" where a factor is 0 or below or the
        formula is another; "" with a note where a factor is unknown), `note`. In `attrs` the metric's `title` and
        `unit`, and without `by` its values `before` and `after` and their difference `total`.

    Raises
    ------
    UsageError
        Where the metric is not made of others.
    NotInThisData
        Where this data cannot measure one of them.

    Notes
    -----
    An accounting of the change, not of its causes: levers move together.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abcd"), "outcome": ["won", "lost"] * 2,
    ...     "created_at": ["2026-01-01"] * 2 + ["2026-02-01"] * 2, "amount": [600.0, 1.0, 900.0, 1.0],
    ...     "closed_at": ["2026-01-11", "2026-01-06", "2026-02-11", "2026-02-06"]}}, as_of="2026-02-28")
    >>> found = levers(crm, "sales_velocity", period="2026-02", against="2026-01")
    >>> found[["lever", "before", "after", "contribution"]].round(6).values.tolist()[1]
    ['average_deal_size', 600.0, 900.0, 30.0]
    """
    compound = _compound(metric)
    wanted = names(by)
    now, then = (_measured(crm, compound, part, wanted) for part in (period, against))
    named = tuple(crm.period(part).name for part in (period, against))
    keys = now.index.union(then.index) if wanted else now.index
    rows = []
    for key in keys:
        before, after = (frame.loc[key].to_dict() if key in frame.index else {} for frame in (then, now))
        group = dict(zip(wanted, key if isinstance(key, tuple) else (key,), strict=True)) if wanted else {}
        rows += [{**group, **row} for row in _split(compound, before, after, named)]
    columns = [*wanted, "lever", "before", "after", "contribution", "share", "method", "note"]
    about: dict[str, Any] = {"title": compound.title, "unit": compound.unit}
    if not wanted:
        values = [_apply(compound, frame.iloc[0].to_dict()) for frame in (then, now)]
        about |= {"before": values[0], "after": values[1], "total": values[1] - values[0]}
    return said(pd.DataFrame(rows, columns=columns), crm, **about)


def what_if(
    crm,
    metric: str,
    *,
    period: str | Period,
    changes: Mapping[str, float] | None = None,
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Say what a compound metric would be if its factors were better, the others being equal.

    Parameters
    ----------
    crm : Crm
    metric : str
        One whose formula is made of other metrics.
    period : str or Period
    changes : mapping of str to float, optional
        Relative changes: {"win_rate": 0.05} makes 20% into 21%. By default each factor by 10% to the better.
    by : str or list of str, optional
        For each group by itself.

    Returns
    -------
    DataFrame
        One row a group and lever, and one "(together)" where there are several: one column for each of `by`, `lever`,
        `change` (relative), `lever_now`, `lever_then` (a share at most 1), `value` (the metric now), `value_then`,
        `gain`. Null where a factor is unknown.

    Raises
    ------
    UsageError
        Where the metric is not made of others, or a lever is none of them.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abcd"), "outcome": ["won", "lost", "lost", "open"],
    ...     "created_at": ["2026-03-01"] * 4, "closed_at": ["2026-03-11", "2026-03-06", "2026-03-07", None],
    ...     "amount": [600.0, 100.0, 100.0, 100.0]}})
    >>> found = what_if(crm, "sales_velocity", period="2026-03", changes={"win_rate": 0.5})
    >>> found[["value", "value_then", "gain"]].round(6).values.tolist()
    [[80.0, 120.0, 40.0]]
    """
    compound = _compound(metric)
    wanted = names(by)
    if changes is None:
        changes = {part: 0.1 * _direction(compound, part) for part in compound.parts}
    for name, change in changes.items():
        if name not in compound.parts:
            raise UsageError(f"{metric} has no lever {name!r}; its levers are {', '.join(compound.parts)}.")
        if isinstance(change, bool) or not isinstance(change, int | float) or not change > -1:
            raise UsageError(f"The change of {name} is {change!r}; it must be relative, such as 0.05 for 5% more.")
    measured = _measured(crm, compound, period, wanted)
    rows = []
    for key, row in measured.iterrows():
        group = dict(zip(wanted, key if isinstance(key, tuple) else (key,), strict=True)) if wanted else {}
        rows += [{**group, **line} for line in _changed(compound, row.to_dict(), dict(changes))]
    columns = [*wanted, "lever", "change", "lever_now", "lever_then", "value", "value_then", "gain"]
    return said(pd.DataFrame(rows, columns=columns), crm, title=compound.title, unit=compound.unit)


def _compound(name: str) -> Metric:
    metric = find(name)
    if not metric.parts or metric.relations:
        able = ", ".join(other.name for other in all_metrics().values() if other.parts and not other.relations)
        raise UsageError(f"{name} is not made of other metrics, so it has no levers. These are: {able}.")
    if set(metric.arguments) - set(metric.parts):
        raise UsageError(f"{name} depends on the calendar too, so it cannot be taken apart into levers.")
    return metric


def _measured(crm, metric: Metric, period: str | Period, by: list[str]) -> pd.DataFrame:
    """Return the factors' values, one row a group, one column a factor."""
    found = crm.measure(metric.parts, period=period, by=by, intervals=False)
    absent = found[found["note"].str.startswith("not in this data")]
    if len(absent):
        raise NotInThisData(f"{metric.name}: {absent['note'].iloc[0]}.")
    wide = found.pivot(index=by or "period", columns="metric", values="value")
    return (wide if by else wide.reset_index(drop=True)).reindex(columns=metric.parts)


def _apply(metric: Metric, values: Mapping[str, float]) -> float:
    """Return the metric's value from its factors' by its own declaration; unknown where it divides by 0."""
    try:
        return float(metric.declare(**{part: float(values.get(part, np.nan)) for part in metric.parts}))
    except ZeroDivisionError:
        return float("nan")
    except (TypeError, AttributeError):
        raise UsageError(f"{metric.name} is more than arithmetic of its parts, so it has no levers.") from None


def _exponents(metric: Metric) -> dict[str, float] | None:
    """Return the powers of a metric that is a product of powers of its factors; None where it is not.

    It is one if doubling a factor multiplies it by the same number wherever the others stand.
    """
    if len(metric.parts) > len(_POINTS[0]):
        return None
    found: list[dict[str, float]] = []
    for point in _POINTS:
        base = dict(zip(metric.parts, point, strict=False))
        value = _apply(metric, base)
        powers = {}
        for part in metric.parts:
            ratio = _apply(metric, base | {part: 2 * base[part]}) / value if value else np.nan
            again = _apply(metric, base | {part: 6 * base[part]}) / value if value else np.nan
            if not (ratio > 0 and again > 0 and isclose(log(again) / log(6), log(ratio) / log(2), abs_tol=1e-9)):
                return None
            powers[part] = log(ratio) / log(2)
        found.append(powers)
    same = all(isclose(found[0][part], found[1][part], abs_tol=1e-9) for part in metric.parts)
    return found[0] if same else None


def _split(metric: Metric, before: dict, after: dict, periods: tuple[str, str]) -> list[dict[str, Any]]:
    """Return a row for each factor with its part of the change between two sets of values."""
    then, now = _apply(metric, before), _apply(metric, after)
    change, note, method = now - then, "", ""
    parts = dict.fromkeys(metric.parts, np.nan)
    if not isfinite(change):
        gaps = [
            f"{part} in {name}"
            for values, name in ((after, periods[0]), (before, periods[1]))
            for part in metric.parts
            if not isfinite(values.get(part, np.nan))
        ]
        note = f"not known: {', '.join(gaps) or 'the formula divides by 0'}"
    else:
        powers = _exponents(metric)
        positive = all(values[part] > 0 for values in (before, after) for part in metric.parts)
        if powers is not None and positive:
            parts, method = _log_mean(powers, before, after, then, now), "log mean"
        else:
            parts, method = _shapley(lambda values: _apply(metric, values), before, after), "Shapley"
            if not all(isfinite(part) for part in parts.values()):
                note, method = "not known: with some of the values exchanged the formula divides by 0", ""
    return [
        {
            "lever": part,
            "before": before.get(part, np.nan),
            "after": after.get(part, np.nan),
            "contribution": parts[part],
            "share": parts[part] / change if change else np.nan,
            "method": method,
            "note": note,
        }
        for part in metric.parts
    ]


def _log_mean(powers: dict[str, float], before: dict, after: dict, then: float, now: float) -> dict[str, float]:
    """Weigh each factor's relative change in logarithms by the logarithmic mean of both values."""
    mean = then if isclose(now, then, rel_tol=1e-12) else (now - then) / log(now / then)
    return {part: mean * power * log(after[part] / before[part]) + 0.0 for part, power in powers.items()}


def _shapley(value: Callable[[dict], float], before: dict, after: dict) -> dict[str, float]:
    """Average what each factor adds over all orders in which the factors could have moved."""
    parts = list(before)
    known: dict[frozenset[str], float] = {}
    for size in range(len(parts) + 1):
        for moved in combinations(parts, size):
            known[frozenset(moved)] = value({part: (after if part in moved else before)[part] for part in parts})
    found = dict.fromkeys(parts, 0.0)
    for part in parts:
        others = [other for other in parts if other != part]
        for size in range(len(parts)):
            weight = factorial(size) * factorial(len(others) - size) / factorial(len(parts))
            for moved in combinations(others, size):
                without = frozenset(moved)
                found[part] += weight * (known[without | {part}] - known[without])
    return found


def _direction(metric: Metric, part: str) -> int:
    """Return 1 where more of a factor makes the metric better, -1 where less does."""
    base = dict(zip(metric.parts, _POINTS[0], strict=False))
    rises = _apply(metric, base | {part: base[part] * 1.1}) >= _apply(metric, base)
    return 1 if rises == (metric.better != "down") else -1


def _changed(metric: Metric, now: dict[str, float], changes: dict[str, float]) -> list[dict[str, Any]]:
    """Return a row for each change by itself, and one for all together."""
    value = _apply(metric, now)
    moved = {}
    for part, change in changes.items():
        moved[part] = now[part] * (1 + change)
        if find(part).unit == "share":
            moved[part] = min(moved[part], 1.0)
    rows = []
    for part, change in changes.items():
        then = _apply(metric, now | {part: moved[part]})
        rows.append({"lever": part, "change": change, "lever_now": now[part], "lever_then": moved[part],
                     "value": value, "value_then": then, "gain": then - value})  # fmt: skip
    if len(changes) > 1:
        then = _apply(metric, now | moved)
        rows.append({"lever": TOGETHER, "change": np.nan, "lever_now": np.nan, "lever_then": np.nan,
                     "value": value, "value_then": then, "gain": then - value})  # fmt: skip
    return rows
