"""Planning an experiment: how many customers, for how long, and what it could then see.

Source
------
J. L. Fleiss, B. Levin and M. C. Paik (2003), Statistical Methods for Rates and Proportions, 3rd ed., ch. 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from crmkit.errors import UsageError


def sample_size(
    base: float,
    effect: float,
    *,
    deviation: float | None = None,
    power: float = 0.8,
    level: float = 0.05,
    comparisons: int = 1,
) -> int:
    """Return how many units each variant needs to see an effect with this power, in a two-sided test.

    Parameters
    ----------
    base : float
        The share that converts without the change; with `deviation` any mean.
    effect : float
        The difference to be seen: 0.02 is two percentage points.
    deviation : float, optional
        The standard deviation of the values, for means. With CUPED, times the root of 1 − the variance that it removes.
    power, level : float
    comparisons : int
        How many variants are compared with the control; the level is divided by it.

    Raises
    ------
    UsageError
        Where a share would lie outside 0 to 1, or there is no effect.

    Examples
    --------
    >>> sample_size(0.10, 0.02)  # from 10% to 12%
    3841
    >>> sample_size(0.0, 5.0, deviation=20.0)
    252
    """
    a, b = _points(power, level, comparisons)
    if not effect:
        raise UsageError("effect is 0; no number of customers is enough to see that.")
    if deviation is not None:
        return math.ceil(2 * ((a + b) * deviation / effect) ** 2)
    _check_shares(base, effect)
    other = base + effect
    middle = (base + other) / 2
    spread = a * math.sqrt(2 * middle * (1 - middle)) + b * math.sqrt(base * (1 - base) + other * (1 - other))
    return math.ceil((spread / effect) ** 2)


def power_of(
    units: float,
    base: float,
    effect: float,
    *,
    deviation: float | None = None,
    level: float = 0.05,
    comparisons: int = 1,
) -> float:
    """Return how likely a test with so many units in each variant sees an effect.

    Examples
    --------
    >>> round(power_of(3841, 0.10, 0.02), 3)
    0.8
    """
    from scipy.stats import norm

    a, _ = _points(0.5, level, comparisons)
    if deviation is not None:
        return float(norm.cdf(abs(effect) / (deviation * math.sqrt(2 / units)) - a))
    _check_shares(base, effect)
    other, middle = base + effect, base + effect / 2
    error = math.sqrt((base * (1 - base) + other * (1 - other)) / units)
    null = math.sqrt(2 * middle * (1 - middle) / units)
    return float(norm.cdf((abs(effect) - a * null) / error)) if error > 0 else float(effect != 0)


def smallest_effect(
    units: float,
    base: float,
    *,
    deviation: float | None = None,
    power: float = 0.8,
    level: float = 0.05,
    comparisons: int = 1,
) -> float:
    """Return the smallest rise that so many units in each variant would see with this power; null if there is none.

    Examples
    --------
    >>> round(smallest_effect(3841, 0.10), 4)
    0.02
    """
    from scipy.optimize import brentq

    a, b = _points(power, level, comparisons)
    if not units > 1:
        return float("nan")
    if deviation is not None:
        return (a + b) * deviation * math.sqrt(2 / units)
    if not 0 <= base < 1:
        raise UsageError(f"base is {base!r}; it is a share from 0 to below 1.")
    options = {"level": level, "comparisons": comparisons}
    most = (1 - base) * (1 - 1e-9)
    if power_of(units, base, most, **options) < power:
        return float("nan")
    return float(brentq(lambda effect: power_of(units, base, effect, **options) - power, 1e-9, most))


def plan(
    base: float,
    *,
    effects: Sequence[float],
    units_per_day: float,
    deviation: float | None = None,
    variants: int = 2,
    power: float = 0.8,
    level: float = 0.05,
) -> pd.DataFrame:
    """Return how many customers and days it takes to see effects of several sizes.

    Parameters
    ----------
    base, deviation, power, level
        As in `sample_size`.
    effects : sequence of float
    units_per_day : float
        Customers who come into the experiment each day, all variants together.
    variants : int
        With the control.

    Returns
    -------
    DataFrame
        `effect`, `relative` (to the base; null where that is 0), `per_variant`, `customers`, `days` (whole weeks, since
        days of the week differ; null without traffic).

    Examples
    --------
    >>> plan(0.10, effects=[0.02], units_per_day=500)[["per_variant", "customers", "days"]].values.tolist()
    [[3841, 7682, 21]]
    """
    if variants < 2:
        raise UsageError(f"variants is {variants!r}; an experiment has at least two, with the control.")
    rows = []
    for effect in effects:
        each = sample_size(base, effect, deviation=deviation, power=power, level=level, comparisons=variants - 1)
        days = 7 * math.ceil(each * variants / units_per_day / 7) if units_per_day > 0 else np.nan
        rows.append((effect, effect / base if base else np.nan, each, each * variants, days))
    return pd.DataFrame(rows, columns=["effect", "relative", "per_variant", "customers", "days"])


def _points(power: float, level: float, comparisons: int) -> tuple[float, float]:
    from scipy.stats import norm

    for name, value in (("power", power), ("level", level)):
        if not 0 < value < 1:
            raise UsageError(f"{name} is {value!r}; it is a share between 0 and 1.")
    if comparisons < 1:
        raise UsageError(f"comparisons is {comparisons!r}; it must be a whole number from 1.")
    return float(norm.ppf(1 - level / (2 * comparisons))), float(norm.ppf(power))


def _check_shares(base: float, effect: float) -> None:
    if not (0 <= base <= 1 and 0 <= base + effect <= 1):
        raise UsageError(
            f"base {base!r} and effect {effect!r}: the shares before and after must lie between 0 and 1. For a mean "
            "give deviation."
        )
