"""The months for which customers under contract will go on paying, by the model that their contracts allow."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import CrmkitError
from crmkit.models.contract import ExponentialGamma, ShiftedBetaGeometric, stays
from crmkit.models.quadrature import legendre

FEWEST_DECISIONS, FEWEST_LOST = 30, 10
_COLUMNS = ["model", "verdict", "reason", "log_likelihood", "customers"]
_SEEN = "the end of these contracts is seen, and a model of buying would guess what is known"


@dataclass(frozen=True)
class Staying:
    """A model of staying that was chosen, and why.

    Attributes
    ----------
    title : str
        "" where none can be used.
    values, covariance : array
        Parameters, and the covariance of their logarithms.
    model : estimator or None
    table : DataFrame
        One row a candidate: `model`, `verdict`, `reason`, `log_likelihood`, `customers`.
    reason : str
    """

    title: str
    values: np.ndarray = field(default_factory=lambda: np.empty(0))
    covariance: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    model: Any = None
    table: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_COLUMNS))
    reason: str = ""


def choose_renewal(decisions: pd.DataFrame, *, contracts: int = 0) -> Staying:
    """Choose how contracts with terms are renewed: sBG, or one rate where the data has too little for it.

    Parameters
    ----------
    decisions : DataFrame
        `term`, `renewed`, `lapsed`, one row a term that ended.
    contracts : int
        How many customers it is for.

    Examples
    --------
    >>> found = choose_renewal(pd.DataFrame({"term": [1, 1], "renewed": [30, 0], "lapsed": [0, 10]}))
    >>> found.title, found.values.tolist(), found.reason[:20]
    ('one renewal rate', [0.25], 'all terms that ended')
    """
    rows = [_row("BG/NBD", "refused", _SEEN, np.nan, contracts)]
    ended, lapsed = (float(decisions[names].to_numpy(float).sum()) for names in (["renewed", "lapsed"], ["lapsed"]))
    if not ended or not lapsed:
        reason = "no term has ended so far" if not ended else f"none of the {ended:.0f} terms that ended lapsed"
        rows.append(_row("sBG", "refused", reason, np.nan, contracts))
        return Staying("", table=_table(rows), reason=f"{reason}, so nothing says how many will")
    counts = decisions.groupby("term", as_index=False)[["renewed", "lapsed"]].sum()
    model, reason = _fit(ShiftedBetaGeometric(), counts)
    if ended < FEWEST_DECISIONS:
        reason = (
            f"only {ended:.0f} terms ended, and {FEWEST_DECISIONS} are needed to tell how renewal changes with time"
        )
    if reason:
        rate = lapsed / ended
        rows.append(_row("sBG", "refused", reason, np.nan, contracts))
        rows.append(
            _row("one renewal rate", "used", "the same share lapses at the end of each term", np.nan, contracts)
        )
        variance = np.array([[(1 - rate) / lapsed]])
        return Staying("one renewal rate", np.array([rate]), variance, None, _table(rows), reason)
    reason = f"{ended:.0f} terms ended, {lapsed:.0f} of them for good"
    rows.insert(0, _row("sBG", "used", reason, model.log_likelihood_, contracts))
    return Staying("sBG", model.estimate_.values, model.estimate_.covariance, model, _table(rows), reason)


def choose_leaving(contracts: pd.DataFrame, *, customers: int = 0) -> Staying:
    """Choose how contracts without terms end: exponential-gamma, which becomes one rate where customers don't differ.

    Parameters
    ----------
    contracts : DataFrame
        `entered_months`, `tenure_months`, `lost`, as `contract_summary` makes them.
    customers : int
        How many customers it is for.
    """
    refused = [
        _row(
            "sBG", "refused", "these subscriptions have no terms at whose end they would be renewed", np.nan, customers
        ),
        _row("BG/NBD", "refused", _SEEN, np.nan, customers),
    ]
    known = contracts[contracts["tenure_months"] > contracts["entered_months"]]
    lost = int(known["lost"].sum())
    if lost < FEWEST_LOST:
        reason = f"only {lost} contracts ended while they were watched, and {FEWEST_LOST} are needed"
        rows = [_row("exponential-gamma", "refused", reason, np.nan, customers), *refused]
        return Staying("", table=_table(rows), reason=reason)
    given = {"entered": known["entered_months"], "left": known["tenure_months"], "lost": known["lost"]}
    model, reason = _fit(ExponentialGamma(), given)
    title = "one rate of leaving" if model.constant_ else "exponential-gamma"
    about = f"{lost} of {len(known)} contracts ended while they were watched"
    about += "; the rate does not change with tenure" if model.constant_ else "; the rate falls with tenure"
    rows = [_row(title, "used", about, model.log_likelihood_, customers), *refused]
    return Staying(title, model.estimate_.values, model.estimate_.covariance, model, _table(rows), about)


def paid_by_terms(values: np.ndarray, contracts: pd.DataFrame, horizon: float, discount: float) -> tuple[Any, Any]:
    """Return the months paid for within a horizon, discounted, and the chance that the contract runs at its end.

    Parameters
    ----------
    values : array
        Of sBG: alpha and beta; or one rate of lapsing.
    contracts : DataFrame
        `term`, `months_left`, `term_months`.
    horizon, discount : float
        Months, and a rate a month.

    Examples
    --------
    >>> one = pd.DataFrame({"term": [1.0], "months_left": [6.0], "term_months": [12.0]})
    >>> paid, kept = paid_by_terms(np.array([1.0, 3.0]), one, 12.0, 0.0)  # 6 months for certain, 6 for 3 of 4
    >>> float(paid[0]), float(kept[0])
    (10.5, 0.75)
    """
    term = contracts["term"].to_numpy(float)
    length = np.maximum(contracts["term_months"].to_numpy(float), 0.5)
    begins, ends = np.zeros(term.size), np.nan_to_num(contracts["months_left"].to_numpy(float))
    chance, paid = np.ones(term.size), np.zeros(term.size)
    while (begins < horizon).any():
        last = np.minimum(ends, horizon)
        paid += np.where(last > begins, chance * _discounted(begins, np.maximum(last, begins), discount), 0.0)
        renewing = ends < horizon
        chance = np.where(renewing, chance * _renewed(values, term), chance)
        begins, ends, term = np.where(renewing, ends, horizon), ends + length, term + 1
    return paid, chance


def paid_by_tenure(values: np.ndarray, contracts: pd.DataFrame, horizon: float, discount: float) -> tuple[Any, Any]:
    """Return the same for contracts that may end at any time, by their `tenure_months`."""
    tenure = contracts["tenure_months"].to_numpy(float)
    nodes, weights = legendre(16)
    paid = np.zeros(tenure.size)
    for node, weight in zip(nodes * horizon, weights * horizon, strict=True):
        paid += weight * np.exp(-discount * node) * stays(values, tenure + node, tenure)
    return paid, stays(values, tenure + horizon, tenure)


def _renewed(values: np.ndarray, term: np.ndarray) -> np.ndarray:
    if values.size == 1:
        return np.full(term.size, 1 - values[0])
    before = values[1] + term - 1
    return before / (values[0] + before)


def _discounted(begins: np.ndarray, ends: np.ndarray, rate: float) -> np.ndarray:
    return ends - begins if not rate else (np.exp(-rate * begins) - np.exp(-rate * ends)) / rate


def _fit(model: Any, given: Any) -> tuple[Any, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is wrong is said as the reason
        try:
            model.fit(given)
        except CrmkitError as error:
            return model, str(error)
    return model, model.problem_


def _row(model: str, verdict: str, reason: str, height: float, customers: int) -> dict[str, Any]:
    return dict(zip(_COLUMNS, (model, verdict, reason, height, customers), strict=True))


def _table(rows: list[dict]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=_COLUMNS)
