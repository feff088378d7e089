"""How sure the calculator's answer is: simulation, the inputs that matter most, best and worst case.

Sources
-------
D. Vose, Risk Analysis: a quantitative guide (3rd edition), on the PERT distribution (a beta with mean (low + 4 mode +
high) ÷ 6) and on tornado charts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from crmkit.crm_inputs import INPUTS
from crmkit.errors import UsageError
from crmkit.methods.crm_calculator import check, inputs, laid_out, scenario

if TYPE_CHECKING:
    import pandas as pd

OUTCOMES = ("crm_cost", "crm_benefit", "crm_roi", "npv", "payback_months")
SHAPES = ("pert", "triangular")
Ranges = Mapping[str, tuple[float, float]]


def ranges(given: Ranges | None = None, **values: float) -> dict[str, tuple[float, float, float]]:
    """Return the low end, the expected value and the high end of each uncertain input.

    Parameters
    ----------
    given : mapping of str to (low, high), optional
        For the inputs whose ends are known; the others have the parts of their value that `INPUTS` names.
    **values : float
        The expected values.

    Raises
    ------
    UsageError
        Where the expected value does not lie between its ends.

    Examples
    --------
    >>> ranges({"hours_saved": (2, 10)})["hours_saved"]
    (2.0, 6.0, 10.0)
    """
    known, found = inputs(**values), {}
    for name, value in known.items():
        of = INPUTS[name]
        if given and name in given:
            low, high = _ends(name, given[name])
        else:
            low, high = sorted(float(np.clip(value * part, of.least, of.most)) for part in of.spread)
        if not low <= value <= high:
            raise UsageError(f"{name} is {value:g}, which does not lie in its range from {low:g} to {high:g}.")
        if low < high:
            found[name] = (low, value, high)
    for name in given or {}:
        if name not in known:
            check(name, 0)
    return found


def _ends(name: str, ends: object) -> tuple[float, float]:
    if not isinstance(ends, tuple | list) or len(ends) != 2:
        raise UsageError(f"The range of {name} is {ends!r}; it must be a low and a high end, such as (2, 10).")
    if name == "horizon_months":
        raise UsageError("The range of horizon_months is not for simulation: look at two horizons one by one.")
    for end in ends:
        check(name, end)
    if ends[0] > ends[1]:
        raise UsageError(f"The range of {name} goes from {ends[0]:g} to {ends[1]:g}; the low end must come first.")
    return float(ends[0]), float(ends[1])


def simulate(
    given: Ranges | None = None, *, draws: int = 10_000, seed: int = 7, shape: str = "pert", **values: float
) -> pd.DataFrame:
    """Draw the uncertain inputs many times and work out what comes of each draw; the same seed gives the same draws.

    Parameters
    ----------
    given : mapping of str to (low, high), optional
        As in `ranges`.
    draws : int
    seed : int
    shape : {"pert", "triangular"}
        How values lie between the ends; PERT keeps closer to the expected value.
    **values : float
        The expected values of inputs.

    Returns
    -------
    DataFrame
        One row a draw: `crm_cost`, `crm_benefit`, `crm_roi`, `npv`, `payback_months` (null where it does not pay within
        the horizon).

    Notes
    -----
    Inputs are drawn independently. Where they move together, as hopeful uplifts do, the truth is wider.

    Examples
    --------
    >>> found = simulate(draws=2_000)
    >>> bool(found["npv"].quantile(0.05) < scenario().set_index("result").value["npv"] < found["npv"].quantile(0.95))
    True
    """
    import pandas as pd

    if shape not in SHAPES:
        raise UsageError(f"shape is {shape!r}; it must be one of {', '.join(SHAPES)}.")
    if isinstance(draws, bool) or not isinstance(draws, int) or not 1 <= draws <= 200_000:
        raise UsageError(f"draws is {draws!r}; it must be a whole number from 1 to 200,000.")
    rng = np.random.default_rng(seed)
    known = {name: np.full(draws, value) for name, value in inputs(**values).items()}
    for name, (low, mode, high) in ranges(given, **values).items():
        known[name] = _drawn(rng, low, mode, high, draws, shape)
    return pd.DataFrame(_outcomes(known))


def _drawn(rng, low: float, mode: float, high: float, draws: int, shape: str) -> np.ndarray:
    if shape == "triangular":
        return rng.triangular(low, mode, high, draws)
    width = high - low
    return low + width * rng.beta(1 + 4 * (mode - low) / width, 1 + 4 * (high - mode) / width, draws)


def _outcomes(known: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the outcomes of each case: arrays of inputs in, arrays of results out."""
    cost, benefit = (sum(parts.values()) for parts in laid_out(known))
    net = benefit - cost
    worth = (1.0 + np.asarray(known["rate"])[:, None]) ** (-np.arange(net.shape[1])[None, :] / 12)
    so_far = net.cumsum(axis=1)
    paid = so_far >= -1e-9 * np.abs(so_far).max(axis=1, keepdims=True)
    months = np.where(paid.any(axis=1), paid.argmax(axis=1), np.nan)
    whole = cost.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        gained = np.where(whole > 0, (benefit.sum(axis=1) - whole) / whole, np.nan)
    return {
        "crm_cost": whole,
        "crm_benefit": benefit.sum(axis=1),
        "crm_roi": gained,
        "npv": (net * worth).sum(axis=1),
        "payback_months": months,
    }


def percentiles(simulated: pd.DataFrame, *, low: float = 0.05, high: float = 0.95) -> pd.DataFrame:
    """Say where most of the draws lie: `outcome`, `low`, `median`, `high`, and `pays`, the share that pays back.

    Where a payback is null in more than 1 − `high` of the draws, its high end is null: beyond the horizon.

    Examples
    --------
    >>> import pandas as pd
    >>> found = percentiles(pd.DataFrame({"npv": range(101), "payback_months": [5.0] * 90 + [None] * 11}))
    >>> found[["low", "median", "high"]].values.tolist()
    [[5.0, 50.0, 95.0], [5.0, 5.0, nan]]
    """
    import pandas as pd

    rows = []
    for name in simulated:
        filled = simulated[name].fillna(np.inf) if name == "payback_months" else simulated[name]
        ends = filled.quantile([low, 0.5, high], interpolation="lower" if name == "payback_months" else "linear")
        rows.append((name, *ends.replace(np.inf, np.nan)))
    frame = pd.DataFrame(rows, columns=["outcome", "low", "median", "high"])
    pays = simulated["npv"] > 0 if "npv" in simulated else simulated["payback_months"].notna()
    return frame.assign(pays=float(pays.mean()))


def outlook(
    given: Ranges | None = None, *, draws: int = 10_000, seed: int = 7, shape: str = "pert", **values: float
) -> pd.DataFrame:
    """Put a scenario's results and where 9 of 10 simulated cases lie side by side: what `crmkit roi` prints.

    Returns
    -------
    DataFrame
        As `crmkit.methods.scenario`, with `low` and `high` (the 5th and 95th percentile of the draws; null for parts
        and where the payback lies beyond the horizon), and a last row `pays`: the share of cases with a net present
        value above 0.

    Examples
    --------
    >>> found = outlook(draws=1_000).set_index("result")
    >>> bool(found.low["npv"] < found.value["npv"] < found.high["npv"]), bool(0 < found.value["pays"] < 1)
    (True, True)
    """
    import pandas as pd

    found = scenario(**values)
    drawn = percentiles(simulate(given, draws=draws, seed=seed, shape=shape, **values)).set_index("outcome")
    found["low"] = found["result"].map(drawn["low"])
    found["high"] = found["result"].map(drawn["high"])
    ends = drawn.loc["crm_roi", ["low", "high"]] + 1  # the gross return is the net one and 1
    found.loc[found["result"] == "crm_roi_gross", ["low", "high"]] = ends.to_numpy(float)
    pays = {"result": "pays", "title": "Cases that pay", "unit": "share", "value": float(drawn["pays"].iloc[0])}
    attrs = found.attrs
    found = pd.concat([found, pd.DataFrame([pays])], ignore_index=True)
    found.attrs = attrs
    return found


def tornado(given: Ranges | None = None, *, outcome: str = "npv", **values: float) -> pd.DataFrame:
    """Move each uncertain input to its ends, the others staying at their expected values; the widest first.

    Returns
    -------
    DataFrame
        One row an input: `input`, `help`, `unit`, `low_input`, `high_input`, `at_low`, `at_high` (the outcome at these
        ends), `swing` (the distance of these), `expected` (the outcome where nothing is moved). Inputs that do not move
        the outcome are left out.

    Examples
    --------
    >>> found = tornado(outcome="crm_cost")
    >>> found["input"].tolist()
    ['implementation', 'licence', 'training', 'operation']
    """
    import pandas as pd

    if outcome not in OUTCOMES:
        raise UsageError(f"outcome is {outcome!r}; it must be one of {', '.join(OUTCOMES)}.")
    known, uncertain = inputs(**values), ranges(given, **values)
    cases = [known]
    for name, (low, _, high) in uncertain.items():
        cases += [known | {name: low}, known | {name: high}]
    found = _outcomes({name: np.array([case[name] for case in cases]) for name in known})[outcome]
    rows = []
    for place, (name, (low, _, high)) in enumerate(uncertain.items()):
        at_low, at_high = found[1 + 2 * place], found[2 + 2 * place]
        of = INPUTS[name]
        rows.append((name, of.help, of.unit, low, high, at_low, at_high, abs(at_high - at_low), found[0]))
    columns = ["input", "help", "unit", "low_input", "high_input", "at_low", "at_high", "swing", "expected"]
    frame = pd.DataFrame(rows, columns=columns)
    frame = frame[~(frame["swing"] <= 1e-9 * max(1.0, abs(float(found[0]))))]
    frame = frame.sort_values(["swing", "input"], ascending=[False, True], ignore_index=True)
    frame.attrs["outcome"] = outcome
    return frame


def best_and_worst(given: Ranges | None = None, **values: float) -> pd.DataFrame:
    """Work out the worst case, the expected one and the best: every input at its worse end, none, at its better end.

    All at once is much less likely than any one of them: it bounds the answer, and is no forecast.

    Returns
    -------
    DataFrame
        One row an outcome: `outcome`, `worst`, `expected`, `best`.

    Examples
    --------
    >>> found = best_and_worst().set_index("outcome")
    >>> bool(found.worst["npv"] < found.expected["npv"] < found.best["npv"])
    True
    """
    import pandas as pd

    known = inputs(**values)
    worse, better = dict(known), dict(known)
    for row in tornado(given, outcome="npv", **values).itertuples():
        rises = row.at_high > row.at_low
        worse[row.input] = row.low_input if rises else row.high_input
        better[row.input] = row.high_input if rises else row.low_input
    found = _outcomes({name: np.array([case[name] for case in (worse, known, better)]) for name in known})
    rows = [(name, *found[name]) for name in OUTCOMES]
    return pd.DataFrame(rows, columns=["outcome", "worst", "expected", "best"])
