"""What to do next for whom: what each action is expected to bring for each customer, and its cost.

    gain = probability × value × success rate − cost

`probability` is that of what the action is about (leaving, being gone, buying, staying unpaid), from the models;
`value` what is at stake then; `success_rate` the share of those cases that the action changes. Success rates are
assumptions until a hold-out of an earlier round has measured them (`crmkit.methods.action_rounds`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import UsageError
from crmkit.methods.action_kinds import ACTIONS, Action

_COLUMNS = ("customer_id", "action", "title", "probability", "value", "success_rate", "benefit", "cost", "gain",
            "calls", "reason")  # fmt: skip


def with_terms(
    actions: Sequence[Action] = ACTIONS,
    *,
    costs: Mapping[str, float] | None = None,
    success_rates: Mapping[str, float] | None = None,
    fee_shares: Mapping[str, float] | None = None,
    source: str = "",
) -> tuple[Action, ...]:
    """Return actions with costs, success rates and shares of the fee of your own, by name.

    Parameters
    ----------
    actions : sequence of Action
    costs, success_rates, fee_shares : mapping of str to float, optional
    source : str, optional
        Where the success rates given are from: "measured", or "assumed".

    Raises
    ------
    UsageError
        Where there is no such action, or a value cannot be.

    Examples
    --------
    >>> with_terms(costs={"cross_sell": 2})[5].cost
    2.0
    """
    known = [action.name for action in actions]
    wanted = {"cost": costs or {}, "success_rate": success_rates or {}, "fee_share": fee_shares or {}}
    for values in wanted.values():
        if unknown := [name for name in values if name not in known]:
            raise UsageError(f"There is no action {unknown[0]!r}; there are {', '.join(known)}.")
    made = []
    for action in actions:
        changes: dict[str, Any] = {option: float(values[action.name])
                                   for option, values in wanted.items() if action.name in values}  # fmt: skip
        if source and "success_rate" in changes:
            changes["source"] = source
        made.append(replace(action, **changes))
    return tuple(made)


def candidates(inputs: pd.DataFrame, actions: Sequence[Action] = ACTIONS) -> pd.DataFrame:
    """Return every action that a customer could get, with what it is expected to bring and the parts of that.

    Parameters
    ----------
    inputs : DataFrame
        As `crmkit.methods.action_inputs.action_inputs` returns it.
    actions : sequence of Action

    Returns
    -------
    DataFrame
        One row a customer and action, those that lose money too: `customer_id`, `action`, `title`, `probability`,
        `value`, `success_rate`, `benefit` (their product), `cost` (what it takes, and the expected part of the fee that
        it gives away), `gain` (benefit less cost), `calls`, `reason`. By customer, the highest gain first. In `attrs`
        `unknown`: for each action the customers it is meant for and of whom a number is not known.

    Raises
    ------
    UsageError
        Where a customer is there twice, or two actions have the same name.

    Examples
    --------
    >>> from crmkit.methods.action_inputs import COLUMNS
    >>> rows = pd.DataFrame({"customer_id": ["a"]}).reindex(columns=["customer_id", *COLUMNS]).assign(
    ...     mrr=50.0, churn_risk=0.4, expected_value=600.0, risk_reason="")
    >>> candidates(rows, ACTIONS[:1])[["probability", "value", "success_rate", "cost", "gain"]].values.tolist()
    [[0.4, 600.0, 0.2, 25.0, 23.0]]
    """
    if inputs["customer_id"].duplicated().any():
        twice = inputs.loc[inputs["customer_id"].duplicated(), "customer_id"].iloc[0]
        raise UsageError(f"Customer {twice!r} is in the inputs twice; one row a customer.")
    names = [action.name for action in actions]
    if len(set(names)) < len(names):
        raise UsageError(f"Two actions are called {next(n for n in names if names.count(n) > 1)!r}.")
    currency = str(inputs.attrs.get("currency") or "")
    parts, unknown = [], {}
    for action in actions:
        rows = inputs[action.who(inputs).fillna(False).astype(bool)]
        found = _worth(action, rows)
        known = found["gain"].notna()
        unknown[action.name] = int((~known).sum())
        found = found[known]
        parts.append(found.assign(reason=list(action.reason(rows[known], currency)) if len(found) else []))
    made = [part for part in parts if len(part)]
    frame = pd.concat(made, ignore_index=True) if made else pd.DataFrame(columns=list(_COLUMNS))
    keys = ["customer_id", "gain", "action"]
    frame = frame.sort_values(keys, ascending=[True, False, True], ignore_index=True)[list(_COLUMNS)]
    frame.attrs = {"unknown": unknown, "currency": currency, "as_of": inputs.attrs.get("as_of")}
    return frame


def _worth(action: Action, rows: pd.DataFrame) -> pd.DataFrame:
    """Return probability, value, benefit, cost and gain of one action for those it is meant for."""
    chance = action.probability(rows).astype(float).clip(0, 1)
    value = action.value(rows).astype(float)
    benefit = chance * value * action.success_rate
    cost = pd.Series(action.cost, index=rows.index)
    if action.fee_share:  # everyone who stays pays the lower fee, those whom nothing would have made leave, too
        cost = cost + action.fee_share * 12 * rows["mrr"] * (1 - chance * (1 - action.success_rate))
    return pd.DataFrame(
        {"customer_id": rows["customer_id"], "action": action.name, "title": action.title, "probability": chance,
         "value": value, "success_rate": action.success_rate, "benefit": benefit, "cost": cost,
         "gain": benefit - cost, "calls": action.calls}
    )  # fmt: skip


def action_list(actions: Sequence[Action] = ACTIONS) -> pd.DataFrame:
    """Return the actions as a table for people: what each is, what it takes, and where its success rate is from.

    >>> action_list()[["action", "cost", "calls", "success is"]].head(1).values.tolist()
    [['Retention call', 25.0, 1, 'assumed']]
    """
    rows = [
        {"action": a.title, "for whom": a.meaning, "cost": a.cost, "share of the fee": a.fee_share or np.nan,
         "calls": a.calls, "success_rate": a.success_rate, "success is": a.source}
        for a in actions
    ]  # fmt: skip
    return pd.DataFrame(rows)
