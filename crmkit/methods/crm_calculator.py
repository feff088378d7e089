"""What a CRM may bring before there is any data: from a few inputs to costs, benefits, return and payback.

One-off costs are paid at month 0. Licence and operation are paid, and benefits come in, from month 1 on; the benefits
grow evenly to their full size over `ramp_months`. Each benefit counts something else than the others:

- time: hours saved by sales people, at what an hour costs, as far as they are put to use;
- more deals, cross-sell, up-sell: each a part of today's revenue that comes on top, at the gross margin;
- customers kept, who would have left, with the margin on one year's revenue each;
- acquisition: spending on marketing and sales that is no longer needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from crmkit.crm_inputs import INPUTS
from crmkit.derived.crm_effects import HOURS_A_MONTH
from crmkit.errors import UsageError
from crmkit.methods.investment import cash_flow, irr, payback_months, roi, roi_gross

if TYPE_CHECKING:
    import pandas as pd


COSTS = {"crm_licence": "Licences", "crm_implementation": "Implementation", "crm_training": "Training",
         "crm_operation": "Operation"}  # fmt: skip
BENEFITS = {"time": "Time saved", "more_deals": "More deals", "cross_sell": "Cross-sell", "up_sell": "Up-sell",
            "retention": "Customers kept", "acquisition": "Cheaper acquisition"}  # fmt: skip


def inputs(**given: float) -> dict[str, float]:
    """Return all inputs of the calculator, those given checked and the others at their defaults.

    Raises
    ------
    UsageError
        Where there is no such input, or its value is not allowed; the message says what is.

    Examples
    --------
    >>> inputs(deals=200)["deals"], inputs()["deals"]
    (200.0, 120.0)
    """
    for name, value in given.items():
        check(name, value)
    return {name: float(given.get(name, each.default)) for name, each in INPUTS.items()}


def check(name: str, value: Any) -> None:
    """Refuse an input that there is not, or a value that it cannot have."""
    if name not in INPUTS:
        near = get_close_matches(name, INPUTS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UsageError(f"The calculator has no input {name!r}.{hint} Its inputs are {', '.join(INPUTS)}.")
    of = INPUTS[name]
    number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    if number and of.least <= value <= of.most and (not of.whole or float(value).is_integer()):
        return
    kind = "a whole number" if of.whole else "a number"
    span = f"from {of.least:g} to {of.most:g}" if isfinite(of.most) else f"from {of.least:g}"
    raise UsageError(f"{name} is {value!r}; it must be {kind} {span} ({of.help}).")


def scenario(**given: float) -> pd.DataFrame:
    """Work out what a CRM costs and brings over its horizon.

    Parameters
    ----------
    **given : float
        Inputs of `INPUTS`, the others have their defaults.

    Returns
    -------
    DataFrame
        One row a result: `result`, `title`, `unit`, `value`. First each cost and their sum `crm_cost`, each benefit
        and their sum `crm_benefit`, then `crm_roi` (net), `crm_roi_gross`, `npv`, `payback_months` and `irr` (null
        where it never pays, or where there is no single rate). Its `attrs["inputs"]` are the inputs.

    Examples
    --------
    >>> found = scenario(implementation=30_000, training=0, licence=0, operation=0, hours_saved=0, up_sell=0,
    ...     cross_sell=0.1, ramp_months=0, horizon_months=24).set_index("result").value
    >>> found[["crm_cost", "crm_benefit", "crm_roi", "payback_months"]].round(4).tolist()  # 3,200 a month
    [30000.0, 76800.0, 1.56, 10.0]
    """
    import pandas as pd

    known = inputs(**given)
    cost, benefit = laid_out(known)
    rows = [(name, title, "money", float(cost[name].sum())) for name, title in COSTS.items()]
    paid = sum(value for *_, value in rows)
    rows.append(("crm_cost", "Cost in all", "money", paid))
    gains = [(name, title, "money", float(benefit[name].sum())) for name, title in BENEFITS.items()]
    brought = sum(value for *_, value in gains)
    flows = scenario_flows(**given)
    rows += [
        *gains,
        ("crm_benefit", "Benefit in all", "money", brought),
        ("crm_roi", "Return, net: (benefit − cost) ÷ cost", "share", roi(brought, paid)),
        ("crm_roi_gross", "Return, gross: benefit ÷ cost", "share", roi_gross(brought, paid)),
        ("npv", "Net present value", "money", float(flows["cumulative_discounted"].iloc[-1])),
        ("payback_months", "Payback", "months", payback_months(flows["net"])),
        ("irr", "Internal rate of return, a year", "share", irr(flows["net"], every="month")),
    ]
    frame = pd.DataFrame(rows, columns=["result", "title", "unit", "value"]).astype({"value": float})
    frame.attrs["inputs"] = known
    return frame


def scenario_flows(**given: float) -> pd.DataFrame:
    """Lay out a scenario's cash flow month by month, as `crmkit.methods.cash_flow` does; month 0 is the start.

    Examples
    --------
    >>> found = scenario_flows(horizon_months=12)
    >>> len(found), found["net"].iloc[0].item()
    (13, -31000.0)
    """
    known = inputs(**given)
    cost, benefit = laid_out(known)
    return cash_flow(
        sum(part[0] for part in cost.values()), sum(part[0] for part in benefit.values()), rate=known["rate"]
    )


def laid_out(known: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return each cost and each benefit by month, an array of (cases, months + 1); inputs are numbers or arrays.

    Months are 0 to the horizon, which is one for all cases.
    """
    value = {name: np.atleast_1d(np.asarray(number, float))[:, None] for name, number in known.items()}
    month = np.arange(int(np.max(value["horizon_months"])) + 1)[None, :]
    start, runs = (month == 0).astype(float), (month > 0).astype(float)
    ramp = value["ramp_months"]
    full = np.where(ramp > 0, np.minimum(1.0, month / np.maximum(ramp, 1e-9)), 1.0) * runs
    cost = {
        "crm_licence": value["licence"] * runs,
        "crm_implementation": value["implementation"] * start,
        "crm_training": value["training"] * start,
        "crm_operation": value["operation"] * runs,
    }
    margin = value["deals"] / 12 * value["revenue_per_deal"] * value["gross_margin"]
    hour = value["monthly_cost"] / HOURS_A_MONTH
    kept = value["customers_kept"] / 12 * value["revenue_per_customer"] * value["gross_margin"]
    benefit = {
        "time": value["hours_saved"] * value["sales_people"] * hour * value["time_used"] * full,
        "more_deals": margin * value["more_deals"] * full,
        "cross_sell": margin * value["cross_sell"] * full,
        "up_sell": margin * value["up_sell"] * full,
        "retention": kept * full,
        "acquisition": value["acquisition_saved"] / 12 * full,
    }
    return cost, benefit
