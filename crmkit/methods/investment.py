"""Investment arithmetic on plain flows of money: present value, payback, internal rate, return, a table of cash flows.

Sources
-------
Brealey, Myers and Allen, Principles of Corporate Finance (13th edition), chapters 2 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from crmkit.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

STEPS_A_YEAR = {"year": 1, "quarter": 4, "month": 12}
"""How many steps of each length make a year."""


def npv(rate: float, flows: Sequence[float], *, every: str = "year") -> float:
    """Return what flows of money are worth at the time of the first of them.

    Parameters
    ----------
    rate : float
        A year's, such as 0.1; the rate of a month is (1 + rate) ^ (1/12) − 1.
    flows : sequence of float
        What comes in less what is paid, step by step; the first is not discounted.
    every : {"year", "quarter", "month"}
        The time between two flows.

    Raises
    ------
    UsageError
        If the rate is −100% or below, or a flow is unknown.

    Examples
    --------
    >>> round(npv(0.1, [-100_000, 40_000, 40_000, 40_000, 40_000]), 2)
    26794.62
    >>> round(npv(0.21, [-1000, *[0] * 5, 1210], every="month"), 6)  # half a year at 21% a year is 10%
    100.0
    """
    amounts = _amounts(flows)
    return float((amounts * discounts(rate, len(amounts), every=every)).sum())


def discounts(rate: float, count: int, *, every: str = "year") -> np.ndarray:
    """Return what one unit of money is worth at the start, for each of `count` steps.

    >>> discounts(0.25, 3).round(4).tolist()
    [1.0, 0.8, 0.64]
    """
    if not rate > -1:
        raise UsageError(f"The rate is {rate!r}; it must be above -1, such as 0.1 for 10% a year.")
    return (1.0 + rate) ** (-np.arange(count) / _steps(every))


def irr(flows: Sequence[float], *, every: str = "year") -> float | None:
    """Return the yearly rate at which flows are worth nothing; None where there is none, or may be more than one.

    There is one at most where the costs all come first: where the flows change their sign once (Descartes' rule). Other
    flows have no internal rate that could be relied on.

    Examples
    --------
    >>> round(irr([-100_000, 40_000, 40_000, 40_000, 40_000]), 4)
    0.2186
    >>> irr([-100, 230, -132]) is None  # 10% and 20% would both do
    True
    """
    amounts = _amounts(flows)
    signs = np.sign(amounts[amounts != 0])
    if (np.diff(signs) != 0).sum() != 1 or signs[0] > 0:
        return None
    from scipy.optimize import brentq

    low, high = -0.99, 1.0
    while npv(high, amounts, every=every) > 0 and high < 1e6:
        high *= 4
    if npv(low, amounts, every=every) < 0 or npv(high, amounts, every=every) > 0:
        return None
    return float(brentq(lambda rate: npv(rate, amounts, every=every), low, high, xtol=1e-12))


def payback_months(flows: Sequence[float], *, every: str = "month", interpolate: bool = False) -> float | None:
    """Return the months after which all that came in so far reaches all that was paid so far; None where it never does.

    Parameters
    ----------
    flows : sequence of float
        What comes in less what is paid. The first is paid at the start, each other one over its step.
    every : {"year", "quarter", "month"}
    interpolate : bool
        Whether a step's flow is taken to come in evenly over it, so that the answer can lie within the step. Otherwise
        the answer is the end of the step.

    Notes
    -----
    Not discounted; give discounted flows for a discounted payback. Where a later cost turns the sum below 0 again, the
    first time counts.

    Examples
    --------
    >>> payback_months([-100_000, 40_000, 40_000, 40_000, 40_000], every="year")
    36.0
    >>> payback_months([-100_000, 40_000, 40_000, 40_000, 40_000], every="year", interpolate=True)
    30.0
    >>> payback_months([-100, 10, 10]) is None
    True
    """
    so_far = _amounts(flows).cumsum()
    months = 12 / _steps(every)
    if not len(so_far) or so_far[0] >= 0:
        return 0.0 if len(so_far) else None
    paid = np.flatnonzero(so_far >= -1e-9 * np.abs(so_far).max())
    if not len(paid):
        return None
    step = int(paid[0])
    part = -so_far[step - 1] / (so_far[step] - so_far[step - 1]) if interpolate else 1.0
    return float((step - 1 + min(part, 1.0)) * months)


def roi(benefit: float, cost: float) -> float | None:
    """Return (benefit − cost) ÷ cost; None where nothing was paid.

    >>> round(roi(500_000, 300_000), 4), roi(1.0, 0.0) is None
    (0.6667, True)
    """
    return (benefit - cost) / cost if cost else None


def roi_gross(benefit: float, cost: float) -> float | None:
    """Return benefit ÷ cost, which some vendors print as the return: it is 100% where nothing was gained.

    >>> round(roi_gross(500_000, 300_000), 4)
    1.6667
    """
    return benefit / cost if cost else None


def cash_flow(
    cost: Sequence[float], benefit: Sequence[float], *, rate: float = 0.1, first: int = 0, every: str = "month"
) -> pd.DataFrame:
    """Lay costs and benefits out step by step.

    Parameters
    ----------
    cost, benefit : sequence of float
        Amounts of at least 0 that are paid, and that come in, in each step; both of one length.
    rate : float
        A year's.
    first : int
        The number of the first step; flows are discounted to step 0, so that a negative `first` is money paid before.
    every : {"year", "quarter", "month"}

    Returns
    -------
    DataFrame
        One row a step: `step`, `cost`, `benefit`, `net`, `cumulative`, `discounted` (the net at step 0),
        `cumulative_discounted`; the last of these is the net present value.

    Examples
    --------
    >>> cash_flow([100, 0], [0, 120], rate=0.2, every="year")[["net", "cumulative_discounted"]].values.tolist()
    [[-100.0, -100.0], [120.0, 0.0]]
    """
    import pandas as pd

    paid, came = _amounts(cost), _amounts(benefit)
    if len(paid) != len(came):
        raise UsageError(f"There are {len(paid)} costs and {len(came)} benefits; there must be one of each for a step.")
    worth = discounts(rate, len(paid), every=every) * (1.0 + rate) ** (-first / _steps(every))
    net = came - paid
    return pd.DataFrame(
        {
            "step": np.arange(first, first + len(paid)),
            "cost": paid,
            "benefit": came,
            "net": net,
            "cumulative": net.cumsum(),
            "discounted": net * worth,
            "cumulative_discounted": (net * worth).cumsum(),
        }
    )


def _amounts(flows: Sequence[float]) -> np.ndarray:
    amounts = np.asarray(list(flows), dtype=float)
    if not np.isfinite(amounts).all():
        place = int(np.flatnonzero(~np.isfinite(amounts))[0])
        raise UsageError(f"The flow at place {place} is {amounts[place]}; each flow must be a known amount.")
    return amounts


def _steps(every: str) -> int:
    if every not in STEPS_A_YEAR:
        raise UsageError(f"every is {every!r}; it must be one of {', '.join(STEPS_A_YEAR)}.")
    return STEPS_A_YEAR[every]
