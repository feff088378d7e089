"""The best set of actions within a budget and a number of calls, by integer programming, and how firm it is.

A customer gets at most one action (or as many as allowed). That is a knapsack with two limits and a choice for each
customer, which HiGHS solves exactly at the size of a call list. Where it is too large or runs out of time, prices for
money and calls are searched for, every customer gets what is best at these prices, and the gap to a bound that no set
can exceed is stated.

Source
------
H. Kellerer, U. Pferschy and D. Pisinger (2004), Knapsack Problems, Springer, chapters 9 and 11.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import UsageError

EXACT, GREEDY = "exact", "greedy"
LARGE = 100_000
"""Above so many candidates the integer programme is not tried."""


def best_set(
    options: pd.DataFrame,
    *,
    budget: float | None = None,
    calls: int | None = None,
    most: int = 1,
    method: str = "auto",
    seconds: float = 10.0,
) -> pd.DataFrame:
    """Choose the actions that gain most together.

    Parameters
    ----------
    options : DataFrame
        As `crmkit.methods.actions.candidates` returns it: `customer_id`, `action`, `gain`, `cost`, `calls`.
    budget : float, optional
        What all actions together may cost. None for no limit.
    calls : int, optional
        How many calls can be made.
    most : int
        Actions a customer.
    method : {"auto", "exact", "greedy"}
    seconds : float
        How long the integer programme may take; then the greedy set, or what was found so far, is taken.

    Returns
    -------
    DataFrame
        The rows chosen, the highest gain first; those that lose money are never chosen. In `attrs`: `method` ("exact"
        or "greedy"), `gain`, `cost`, `calls` (sums), `bound` (no set gains more), `gap` (bound less gain, as a share of
        the bound; 0 where exact), `why` (where it is not exact), `price_money` and `price_call` (about what a further
        unit of money and a further call would gain).

    Raises
    ------
    UsageError
        Where a limit is negative or unknown.

    Examples
    --------
    >>> options = pd.DataFrame({"customer_id": list("aabc"), "action": ["call", "mail", "call", "call"],
    ...     "gain": [10.0, 6.0, 9.0, 8.0], "cost": [5.0, 1.0, 5.0, 5.0], "calls": [1, 0, 1, 1]})
    >>> found = best_set(options, calls=2)
    >>> found[["customer_id", "action"]].values.tolist(), found.attrs["gain"], found.attrs["method"]
    ([['b', 'call'], ['c', 'call'], ['a', 'mail']], 23.0, 'exact')
    """
    _check(budget, calls, most, method, seconds)
    rows = options[(options["gain"] > 0) & options["cost"].notna()].reset_index(drop=True)
    rows = rows.sort_values(["customer_id", "action"], ignore_index=True)
    limits = (math.inf if budget is None else float(budget), math.inf if calls is None else float(calls))
    prices, bound = _prices(rows, limits, most)
    greedy = _at_prices(rows, limits, most, prices)
    chosen, used, why = greedy, GREEDY, ""
    if method == GREEDY:
        why = "asked for"
    elif method == "auto" and len(rows) > LARGE:
        why = f"{len(rows):,} candidates, more than the {LARGE:,} for which the best set is searched"
    elif len(rows):
        chosen, used, bound, why = _exact(rows, limits, most, greedy, bound, seconds)
    else:
        used = EXACT
    return _told(rows, chosen, used, bound, why, prices, options.attrs)


def _check(budget: Any, calls: Any, most: int, method: str, seconds: float) -> None:
    for name, value in (("budget", budget), ("calls", calls)):
        if value is not None and not (isinstance(value, int | float | np.number) and value >= 0):
            raise UsageError(f"{name} is {value!r}; it must be 0 or more, or None for no limit.")
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise UsageError(f"most is {most!r}; it must be a whole number from 1.")
    if method not in ("auto", EXACT, GREEDY):
        raise UsageError(f"method is {method!r}; it must be one of auto, exact, greedy.")
    if not seconds > 0:
        raise UsageError(f"seconds is {seconds!r}; it must be above 0.")


def _exact(rows, limits, most, greedy, bound, seconds) -> tuple[np.ndarray, str, float, str]:
    """Solve the integer programme; where that does not end in time, keep the better of its set and the greedy one."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    gain = rows["gain"].to_numpy(float)
    who = pd.factorize(rows["customer_id"])[0]
    each = coo_array((np.ones(len(rows)), (who, np.arange(len(rows)))), shape=(who.max() + 1, len(rows)))
    constraints = [LinearConstraint(each.tocsr(), -np.inf, most)]
    for weight, limit in zip(_weights(rows), limits, strict=True):
        if math.isfinite(limit):
            constraints.append(LinearConstraint(weight[None, :], -np.inf, limit))
    options = {"time_limit": seconds, "mip_rel_gap": 1e-9}
    found = milp(-gain, integrality=np.ones(len(rows)), bounds=Bounds(0, 1), constraints=constraints, options=options)
    if found.x is None:
        return greedy, GREEDY, bound, f"the search for the best set ended without one: {found.message}"
    chosen = np.flatnonzero(found.x > 0.5)
    if found.status == 0:
        return chosen, EXACT, float(gain[chosen].sum()), ""
    chosen = chosen if gain[chosen].sum() >= gain[greedy].sum() else greedy
    bound = min(bound, -float(found.mip_dual_bound)) if found.mip_dual_bound is not None else bound
    return chosen, GREEDY, bound, f"the search for the best set was stopped after {seconds:g} seconds"


def _weights(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return rows["cost"].to_numpy(float), rows["calls"].to_numpy(float)


def _prices(rows: pd.DataFrame, limits: tuple[float, float], most: int) -> tuple[np.ndarray, float]:
    """Return prices of money and of a call that bring the bound down, and the bound.

    At any prices of at least 0, what customers gain at their best above these prices, and the prices of all that there
    is, cannot be exceeded by a set that keeps the limits (Lagrange); so every try gives a bound.
    """
    gain, (cost, calls) = rows["gain"].to_numpy(float), _weights(rows)
    who = pd.factorize(rows["customer_id"])[0]
    tight = np.array([math.isfinite(limits[0]), math.isfinite(limits[1])])
    have = np.array([limit if math.isfinite(limit) else 0.0 for limit in limits])

    def bound(tried: np.ndarray) -> float:
        price = np.where(tight, np.maximum(tried, 0.0), 0.0)
        left = np.maximum(gain - price[0] * cost - price[1] * calls, 0.0)
        return float(_best(who, left, most) + price @ have + 1e6 * np.maximum(-tried, 0.0).sum())

    free = bound(np.zeros(2))
    if not len(rows) or not tight.any():
        return np.zeros(2), free
    from scipy.optimize import minimize

    start = np.array([(gain / np.maximum(cost, 1e-9)).mean(), gain.mean()]) * tight
    simplex = np.array([np.zeros(2), [start[0], 0.0], [0.0, start[1]]])
    simplex[1:] += 1e-6
    found = minimize(bound, start, method="Nelder-Mead",
                     options={"maxiter": 300, "xatol": 1e-6, "fatol": 1e-6, "initial_simplex": simplex})  # fmt: skip
    if found.fun >= free:
        return np.zeros(2), free
    return np.where(tight, np.maximum(found.x, 0.0), 0.0), float(found.fun)


def _best(who: np.ndarray, left: np.ndarray, most: int) -> float:
    """Add up the `most` highest of each customer."""
    order = np.lexsort((-left, who))
    return float(left[order][_place(who[order]) < most].sum())


def _place(who: np.ndarray) -> np.ndarray:
    """Return the place of each row within its run of equal values, from 0."""
    starts = np.r_[True, who[1:] != who[:-1]] if len(who) else np.zeros(0, bool)
    return np.arange(len(who)) - np.maximum.accumulate(np.where(starts, np.arange(len(who)), 0))


def _at_prices(rows: pd.DataFrame, limits: tuple[float, float], most: int, prices: np.ndarray) -> np.ndarray:
    """Return the places of the rows that a list in the order of what is left above the prices would take."""
    gain, (cost, calls) = rows["gain"].to_numpy(float), _weights(rows)
    left = gain - prices[0] * cost - prices[1] * calls
    spent, called = 0.0, 0.0
    had: dict[Any, int] = {}
    chosen = []
    names = rows["customer_id"].to_numpy()
    for place in np.lexsort((np.arange(len(rows)), -gain, -left)):
        name = names[place]
        fits = spent + cost[place] <= limits[0] and called + calls[place] <= limits[1]
        if fits and had.get(name, 0) < most:
            chosen.append(place)
            had[name] = had.get(name, 0) + 1
            spent, called = spent + cost[place], called + calls[place]
    return np.array(chosen, int)


def _told(rows, chosen, used, bound, why, prices, attrs) -> pd.DataFrame:
    found = rows.iloc[chosen].sort_values(["gain", "customer_id"], ascending=[False, True], ignore_index=True)
    gain = float(found["gain"].sum())
    bound = max(bound, gain)
    found.attrs = dict(attrs) | {
        "method": used, "gain": gain, "cost": float(found["cost"].sum()), "calls": int(found["calls"].sum()),
        "bound": bound, "gap": 0.0 if used == EXACT or bound <= 0 else (bound - gain) / bound, "why": why,
        "price_money": float(prices[0]), "price_call": float(prices[1]),
    }  # fmt: skip
    return found


def success_sensitivity(
    options: pd.DataFrame,
    chosen: pd.DataFrame,
    *,
    factors: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0),
    **limits: Any,
) -> pd.DataFrame:
    """Say what the set chosen brings, and what the best set would, if all success rates were off by a factor.

    Parameters
    ----------
    options : DataFrame
        As `candidates` returns it.
    chosen : DataFrame
        As `best_set` returns it.
    factors : sequence of float
    **limits
        As in `best_set`.

    Returns
    -------
    DataFrame
        One row a factor: `factor`, `planned` (gain of the set chosen), `best` (of the set that would then be best),
        `actions` (how many that has). In `attrs` `break_even`: the factor at which the set chosen brings nothing. Costs
        are taken as they are: what an action gives away changes little with its success.

    Examples
    --------
    >>> options = pd.DataFrame({"customer_id": list("ab"), "action": "call", "calls": 1, "cost": [5.0, 5.0],
    ...     "benefit": [15.0, 4.0]}).assign(gain=lambda t: t.benefit - t.cost, success_rate=0.2)
    >>> success_sensitivity(options, best_set(options), factors=[0.5, 2])[["planned", "best"]].values.tolist()
    [[2.5, 2.5], [25.0, 28.0]]
    """
    benefit, cost = float(chosen["benefit"].sum()), float(chosen["cost"].sum())
    rows = []
    for factor in factors:
        benefits = options["benefit"] * np.minimum(factor, 1 / options["success_rate"].clip(lower=1e-9))
        tried = options.assign(benefit=benefits, gain=benefits - options["cost"])
        mine = chosen["benefit"] * np.minimum(factor, 1 / chosen["success_rate"].clip(lower=1e-9))
        best = best_set(tried, **limits)
        planned = float(mine.sum()) - cost
        rows.append({"factor": float(factor), "planned": planned,
                     "best": max(best.attrs["gain"], planned), "actions": len(best)})  # fmt: skip
    found = pd.DataFrame(rows)
    found.attrs = dict(options.attrs) | {"break_even": cost / benefit if benefit > 0 else float("nan")}
    return found
