"""A round of actions: the list with its random hold-out, and what a former round brought.

Who is held out is decided by a hash of the customer's id and the round's name: the same in every run and whatever the
order of the rows, and independent of everything that is known of the customer. The customers held out who would have
been chosen are kept on the list, so that the next report compares like with like.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import UsageError
from crmkit.methods.action_kinds import ACTIONS, Action
from crmkit.methods.action_plan import best_set, success_sensitivity
from crmkit.methods.actions import candidates

ACT, HELD, LATER, UNPAID, NOTHING = "act", "hold-out", "beyond the limits", "does not pay", "no occasion"
GROUPS = (ACT, HELD, LATER, UNPAID, NOTHING)
"""Where a customer stands: gets the action; would get it, but is held out; would pay, but the limits took others first;
its best action costs more than it brings; there is no action for it."""
LIST = ("round", "as_of", "customer_id", "segment", "churn_risk", "expected_value", "next_product", "group", "action",
        "title", "reason", "probability", "value", "success_rate", "benefit", "cost", "gain", "calls")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Details:
    """How a list was made; in `attrs["details"]` of it, which pandas copies and compares as one thing.

    Attributes
    ----------
    set, held_set : DataFrame
        What `best_set` returned, for the customers in the round and for those held out.
    options : DataFrame
        All candidates.
    sensitivity : DataFrame
        See `crmkit.methods.action_plan.success_sensitivity`.
    basis : DataFrame or None
        What the inputs rest on.
    """

    set: pd.DataFrame
    held_set: pd.DataFrame
    options: pd.DataFrame
    sensitivity: pd.DataFrame
    basis: pd.DataFrame | None

    def __deepcopy__(self, memo: Any) -> Details:
        """Return itself: nothing in it is changed after it was made."""
        return self


def hold_out(customers: Iterable[str], round_name: str, *, share: float = 0.1) -> pd.Series:
    """Decide at random, and the same way for ever, which customers a round leaves alone.

    Parameters
    ----------
    customers : iterable of str
    round_name : str
        Another name holds out others.
    share : float
        0-1, on average.

    Returns
    -------
    Series of bool
        True where held out, by customer in the order given. A customer's own lot depends on nobody else.

    Examples
    --------
    >>> held = hold_out([f"c{i}" for i in range(10_000)], "2026-09-30", share=0.1)
    >>> bool(abs(held.mean() - 0.1) < 0.01), bool(hold_out(["c7"], "2026-09-30")["c7"] == held["c7"])
    (True, True)
    """
    if not 0 <= share < 1:
        raise UsageError(f"share is {share!r}; it must be at least 0 and below 1.")
    names = [str(name) for name in customers]
    limit = int(share * 2**64)
    drawn = [int.from_bytes(hashlib.sha256(f"{round_name}\n{name}".encode()).digest()[:8], "big") for name in names]
    return pd.Series([lot < limit for lot in drawn], index=names, dtype=bool, name="held")


def next_best_actions(
    inputs: pd.DataFrame,
    actions: Sequence[Action] = ACTIONS,
    *,
    budget: float | None = None,
    calls: int | None = None,
    most: int = 1,
    holdout: float = 0.1,
    round_name: str = "",
    method: str = "auto",
) -> pd.DataFrame:
    """Return the list of a round: every customer with what to do next, why, what it is expected to bring and to cost.

    Parameters
    ----------
    inputs : DataFrame
        As `crmkit.methods.action_inputs.action_inputs` returns it.
    actions : sequence of Action
    budget : float, optional
        What all actions together may cost; None for no limit.
    calls : int, optional
        How many calls can be made.
    most : int
        Actions a customer.
    holdout : float
        Share of the customers whom the round leaves alone, at random, 0-1.
    round_name : str
        By default the day of the data.
    method : {"auto", "exact", "greedy"}
        As in `best_set`.

    Returns
    -------
    DataFrame
        One row a customer (with `most` above 1 a row for each action chosen), in the order of `GROUPS` and of the gain:
        the columns `LIST`. For who gets nothing the best action is named all the same, where there is one. In `attrs`:
        `details` (a `Details`: the sets, all candidates, the sensitivity, the basis), `held` (how many customers are
        held out in all), `round`, `limits`, `actions`.

    Notes
    -----
    The best set is searched among those not held out, within the limits. Those held out get the same treatment on
    paper, with limits as much smaller as they are fewer: so they are the customers who would have been chosen.

    Examples
    --------
    >>> from crmkit.methods.action_inputs import COLUMNS
    >>> rows = pd.DataFrame({"customer_id": ["a", "b"]}).reindex(columns=["customer_id", *COLUMNS]).assign(
    ...     mrr=50.0, churn_risk=[0.4, 0.01], expected_value=600.0, risk_reason="")
    >>> next_best_actions(rows, holdout=0)[["customer_id", "group", "title", "gain"]].values.tolist()
    [['a', 'act', 'Retention call', 23.0], ['b', 'does not pay', 'Retention call', -23.8]]
    """
    as_of = inputs.attrs.get("as_of")
    day = "" if as_of is None else f"{as_of:%Y-%m-%d}"
    name = round_name or day
    options = candidates(inputs, actions)
    held = hold_out(inputs["customer_id"], name, share=holdout)
    paying = options.loc[options["gain"] > 0, "customer_id"]
    out = options["customer_id"].map(held).astype(bool)
    ratio = float(held[paying.unique()].sum()) / max(int((~held[paying.unique()]).sum()), 1)
    limits = {"budget": budget, "calls": calls, "most": most, "method": method}
    chosen = best_set(options[~out], **limits)
    smaller = {key: None if limits[key] is None else limits[key] * ratio for key in ("budget", "calls")}
    would = best_set(options[out], **limits | smaller)
    rows = _list(inputs, options, chosen, would).assign(round=name, as_of=day)[list(LIST)]
    plain = dict(options.attrs)
    sure = success_sensitivity(options[~out], chosen, **limits)
    rows.attrs = {
        "details": Details(chosen, would, options, sure, inputs.attrs.get("basis")), "held": int(held.sum()),
        "round": name, "as_of": as_of, "currency": plain.get("currency", ""), "limits": limits, "holdout": holdout,
        "unknown": plain["unknown"], "actions": tuple(actions),
    }  # fmt: skip
    return rows


def _list(inputs: pd.DataFrame, options: pd.DataFrame, chosen: pd.DataFrame, would: pd.DataFrame) -> pd.DataFrame:
    """Put the customers chosen, those who would be, and all others together."""
    sides = [chosen.assign(group=ACT), would.assign(group=HELD)]
    there = set(chosen["customer_id"]) | set(would["customer_id"])
    rest = options[~options["customer_id"].isin(there)].drop_duplicates("customer_id")  # the best of each
    sides.append(rest.assign(group=np.where(rest["gain"] > 0, LATER, UNPAID)))
    acts = pd.concat([side for side in sides if len(side)] or [sides[0]], ignore_index=True)
    acts.attrs = {}
    who = inputs[["customer_id", "segment", "churn_risk", "expected_value", "product"]]
    who = who.rename(columns={"product": "next_product"})
    who.attrs = {}
    rows = who.merge(acts, on="customer_id", how="left", validate="one_to_many")
    rows["group"] = pd.Categorical(rows["group"].fillna(NOTHING), GROUPS, ordered=True)
    rows = rows.sort_values(["group", "gain", "customer_id"], ascending=[True, False, True], ignore_index=True)
    rows["group"] = rows["group"].astype(str)
    for text in ("action", "title", "reason", "next_product"):
        rows[text] = rows[text].astype(object).where(rows[text].notna(), "")
    return rows


def balance(rows: pd.DataFrame) -> pd.DataFrame:
    """Compare those who get an action with those held out, by what was known of them: chance alone should part them.

    Parameters
    ----------
    rows : DataFrame
        As `next_best_actions` returns it.

    Returns
    -------
    DataFrame
        One row a number: `what`, `act`, `held_out` (means), `difference` (in standard deviations), `by_chance` (up to
        which it lies in nineteen of twenty draws), `verdict`.

    Examples
    --------
    >>> rows = pd.DataFrame({"group": ["act"] * 6 + ["hold-out"] * 4, "churn_risk": [0.1, 0.2] * 5,
    ...     "expected_value": 9.0, "gain": 1.0})
    >>> balance(rows)["verdict"].tolist()
    ['as by chance', 'the same for all', 'the same for all']
    """
    made = []
    for column, what in (("churn_risk", "risk"), ("expected_value", "expected value"), ("gain", "expected gain")):
        sides = [rows.loc[rows["group"] == side, column].dropna().to_numpy(float) for side in (ACT, HELD)]
        row: dict[str, Any] = {"what": what, "act": np.nan, "held_out": np.nan, "difference": np.nan,
                               "by_chance": np.nan, "verdict": "cannot be told: a group has fewer than 2"}  # fmt: skip
        if min(map(len, sides)) >= 2:
            spread = float(np.std(np.concatenate(sides), ddof=1))
            row |= {"act": sides[0].mean(), "held_out": sides[1].mean(), "verdict": "the same for all"}
            if spread > 1e-12:
                apart = float(sides[0].mean() - sides[1].mean()) / spread
                limit = 1.96 * float(np.sqrt(sum(1 / len(side) for side in sides)))
                verdict = "as by chance" if abs(apart) <= limit else "more than chance makes likely"
                row |= {"difference": apart, "by_chance": limit, "verdict": verdict}
        made.append(row)
    return pd.DataFrame(made)
