"""The parts of the customers in hand: each fitted by the models that its data allows, and projected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import DataError
from crmkit.models import estimation
from crmkit.models.choose import Choice, choose_buying, choose_spending, spending_input
from crmkit.models.nbd import Nbd, rates
from crmkit.models.staying import Staying, choose_leaving, choose_renewal, paid_by_tenure, paid_by_terms

BUYING, TERMS, TENURE = "orders without a contract", "contracts with terms", "contracts without terms"
_WEEKS = 365.25 / 12 / 7  # in a month


@dataclass
class Part:
    """Customers under one set of fitted models: values, and how they move with the logarithms of the parameters."""

    rows: pd.DataFrame
    slopes: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, rows: pd.DataFrame, *blocks: tuple[np.ndarray, np.ndarray]) -> Part:
        """Put the parameters of several models, estimated apart, side by side."""
        from scipy.linalg import block_diag

        slopes = np.vstack([slope for slope, _ in blocks])
        value = rows["expected_value"].to_numpy(float)
        made = cls(rows, slopes, block_diag(*(covariance for _, covariance in blocks)))
        low, high = estimation.interval(value, slopes, made.covariance)
        made.rows = rows.assign(low=low, high=high)
        return made

    def total(self) -> tuple[float, float]:
        """Return the sum of the values and its variance: errors of parameters are common to all customers."""
        slope = np.nansum(self.slopes, axis=1)
        return float(self.rows["expected_value"].sum()), float(slope @ self.covariance @ slope)


@dataclass(frozen=True)
class Ask:
    """What was asked: months, a yearly rate without pause, margins, groups."""

    horizon: float
    rate: float
    margins: dict[str, float]
    fee_margin: float
    by: list[str]

    @property
    def monthly(self) -> float:
        """The rate a month."""
        return self.rate / 12


@dataclass(frozen=True)
class Seen:
    """What is known at the end of a day: purchases by customer, contracts, decisions at the ends of terms."""

    bought: pd.DataFrame
    contracts: pd.DataFrame
    decisions: pd.DataFrame


def modelled(part, everyone, seen, ask, choices, models) -> tuple[list[Part], list[pd.DataFrame]]:
    """Fit the models of a part, by groups where they are large enough, and apply them."""
    fit, use = (_fit_buying, _use_buying) if part == BUYING else (_fit_contract, _use_contract)
    rows = everyone[everyone["part"] == part]
    made, unknown, left = [], [], []
    for group, mine in rows.groupby(ask.by, sort=True) if ask.by else ():
        same = (everyone[ask.by] == list(group)).all(axis=1)  # those whose contract ended tell of the others
        fitted = fit(part, mine, seen, everyone.loc[same, "customer_id"])
        if fitted.usable:
            _note(part, " · ".join(map(str, group)), fitted, choices, models)
            made.append(use(part, mine, fitted, ask))
        else:
            left.append(mine)
    others = pd.concat(left) if left else rows.iloc[: 0 if ask.by else None]
    if len(others):
        fitted = fit(part, rows, seen, everyone["customer_id"])
        _note(part, "others, fitted to all" if made else "all", fitted, choices, models)
        if fitted.usable:
            made.append(use(part, others, fitted, ask))
        else:
            alive = np.nan if part == BUYING else 1.0
            unknown.append(others.assign(model="", note=fitted.reason, expected_value=np.nan, p_alive=alive))
    return made, unknown


@dataclass(frozen=True)
class Fitted:
    """What was fitted to a part: how customers stop or stay, how often they buy, for how much."""

    flow: Any
    spending: Choice | None
    rate: Nbd | None = None

    @property
    def usable(self) -> bool:
        """Whether the part can be projected by it."""
        if isinstance(self.flow, Staying):
            return bool(self.flow.title)
        return self.flow.model is not None and self.spending.model is not None

    @property
    def reason(self) -> str:
        """Why it can or cannot."""
        return self.flow.reason if isinstance(self.flow, Staying) or self.flow.model is None else self.spending.reason


def _note(part: str, group: str, fitted: Fitted, choices: list, models: dict) -> None:
    purpose = "buying and stopping" if part == BUYING else "staying"
    tables = [(purpose, fitted.flow.table)]
    models[part, group, purpose] = fitted.flow.model
    if part == BUYING:
        refused = "these customers have no contract whose end is seen"
        rows = [*fitted.flow.table.to_dict("records"),
                {"model": "sBG", "verdict": "refused", "reason": refused, "customers": np.nan}]  # fmt: skip
        tables = [(purpose, pd.DataFrame(rows))]
    if fitted.spending is not None:
        tables.append(("value of a purchase", fitted.spending.table))
        models[part, group, "value of a purchase"] = fitted.spending.model
    if fitted.rate is not None:
        models[part, group, "orders beside the contract"] = fitted.rate
    for use, table in tables:
        choices += [{"part": part, "group": group, "for": use, **row} for row in table.to_dict("records")]


def _fit_buying(part: str, rows: pd.DataFrame, seen: Seen, members: pd.Series) -> Fitted:
    return Fitted(choose_buying(rows), choose_spending(rows))


def _use_buying(part: str, rows: pd.DataFrame, fitted: Fitted, ask: Ask) -> Part:
    model, spending = fitted.flow.model, fitted.spending.model
    weeks, rate, margin = ask.horizon * _WEEKS, ask.monthly / _WEEKS, ask.margins[part]
    expected = model.predict(rows, weeks)
    counted = model.expected_purchases(rows, weeks, discount=rate)["expected_purchases"].to_numpy()
    given, _ = spending_input(rows, first_too=spending.first_too_)
    value = spending.predict(given)
    found = rows.assign(model=fitted.flow.title, p_alive=model.probability_alive(rows), expected_purchases=expected,
                        purchase_value=value, expected_value=counted * value * margin, note="")  # fmt: skip
    flow = model.sensitivity(rows, weeks, discount=rate) * value * margin
    spent = spending.sensitivity(given) * counted * margin
    return Part.of(found, (flow, model.estimate_.covariance), (spent, spending.covariance_))


def _fit_contract(part: str, rows: pd.DataFrame, seen: Seen, members: pd.Series) -> Fitted:
    """Fit staying to all contracts of the members, past ones too, and orders to the time under contract."""
    if part == TERMS:
        mine = seen.decisions[seen.decisions["customer_id"].isin(members)]
        flow = choose_renewal(mine, contracts=len(rows))
    else:
        mine = seen.contracts[seen.contracts["customer_id"].isin(members) & ~seen.contracts["termed"]]
        flow = choose_leaving(mine, customers=len(rows))
    bought = rows[rows["frequency"].notna()]
    if not flow.title or len(bought) < 2:
        return Fitted(flow, None)
    spending = choose_spending(bought)
    try:
        rate = Nbd().fit(_exposure(rows))
    except DataError:
        return Fitted(flow, None)
    return Fitted(flow, spending if spending.model is not None else None, rate)


def _exposure(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    bought = rows["frequency"].fillna(-1).to_numpy(float) + 1  # a purchase summary does not count the first
    return {"frequency": bought, "T": rows["watched_months"].to_numpy(float)}


def _use_contract(part: str, rows: pd.DataFrame, fitted: Fitted, ask: Ask) -> Part:
    pay: Callable = paid_by_terms if part == TERMS else paid_by_tenure
    values, fees = fitted.flow.values, rows["mrr"].to_numpy(float) * ask.fee_margin
    (paid, stays), (months, _) = (pay(values, rows, ask.horizon, rate) for rate in (ask.monthly, 0.0))
    often, value = np.zeros(len(rows)), np.full(len(rows), np.nan)
    blocks = []
    if fitted.rate is not None and fitted.spending is not None:
        spending, seen, margin = fitted.spending.model, _exposure(rows), ask.margins[part]
        filled = rows.assign(frequency=rows["frequency"].fillna(0.0), first_value=rows["first_value"].fillna(0.0))
        given, _ = spending_input(filled, first_too=spending.first_too_)
        given.loc[rows["frequency"].isna().to_numpy(), "frequency"] = 0.0  # who never ordered: the mean of all
        often, value = fitted.rate.predict(seen), spending.predict(given)
        moved = estimation.slopes(lambda v: rates(v, seen["frequency"], seen["T"]), fitted.rate.estimate_.values)
        blocks = [(moved * paid * value * margin, fitted.rate.estimate_.covariance),
                  (spending.sensitivity(given) * often * paid * margin, spending.covariance_)]  # fmt: skip
    beside = often * np.nan_to_num(value) * ask.margins[part]
    slope = estimation.slopes(lambda v: pay(v, rows, ask.horizon, ask.monthly)[0], values) * (fees + beside)
    found = rows.assign(model=fitted.flow.title, p_alive=1.0, p_stays=stays, expected_purchases=often * months,
                        purchase_value=value, expected_value=paid * (fees + beside), note="")  # fmt: skip
    return Part.of(found, (slope, fitted.flow.covariance), *blocks)
