"""Which model the data allows: candidates fitted and compared, the wrong ones refused with the reason."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import CrmkitError
from crmkit.models.buying import BgNbd, MbgNbd
from crmkit.models.buying_model import BuyingModel
from crmkit.models.pareto_nbd import ParetoNbd
from crmkit.models.spending import GammaGamma, frequency_correlation

FEWEST = 30
"""Customers who bought again below which no model is fitted: four parameters need more than a handful."""
_CLEAR = 2.0  # of log-likelihood: below it two models with as many parameters are a tie
_CORRELATED = 0.3
_PRIOR = 2.0  # a parameter of 50 or of 1/50 is then two standard deviations away
_COLUMNS = ["model", "verdict", "reason", "log_likelihood", "customers"]


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why.

    Attributes
    ----------
    model : estimator or None
        Fitted; None where none can be used.
    table : DataFrame
        One row a candidate: `model`, `verdict` ("used", "fits less well", "refused"), `reason`, `log_likelihood`,
        `customers` (that it was fitted to).
    reason : str
        Why this one, or why none.
    """

    model: Any
    table: pd.DataFrame
    reason: str

    @property
    def title(self) -> str:
        """What the chosen model is called; "" where there is none."""
        used = self.table.loc[self.table["verdict"] == "used", "model"]
        return str(used.iloc[0]) if len(used) else ""


def choose_buying(
    summary: pd.DataFrame, *, candidates: Sequence[type[BuyingModel]] = (BgNbd, MbgNbd, ParetoNbd)
) -> Choice:
    """Choose the model of buying without a contract that makes what was seen most likely.

    Parameters
    ----------
    summary : DataFrame
        `frequency`, `recency` and `T`, one row a customer, as `purchase_summary` makes it.
    candidates : list of estimator classes
        The simplest first: a later one must fit clearly better, by 2 of log-likelihood, to be taken. All have four
        parameters, so their log-likelihoods may be compared as they are.

    Returns
    -------
    Choice

    Examples
    --------
    >>> import pandas as pd
    >>> once = pd.DataFrame({"frequency": [0, 0, 1], "recency": [0.0, 0.0, 3.0], "T": [10.0, 12.0, 9.0]})
    >>> choose_buying(once).reason
    'only 1 customer bought again, and 30 are needed to tell how customers differ'
    """
    again = int((summary["frequency"] > 0).sum()) if len(summary) else 0
    if again < FEWEST:
        who = "nobody bought" if not again else f"only {again} customer{'' if again == 1 else 's'} bought"
        reason = f"{who} again, and {FEWEST} are needed to tell how customers differ"
        rows = [_row(one.title, "refused", reason, np.nan, len(summary)) for one in candidates]
        return Choice(None, pd.DataFrame(rows, columns=_COLUMNS), reason)
    fitted, rows = [], []
    for one in candidates:
        model, problem = _fitted(one(), summary)
        if problem:
            rows.append(_row(one.title, "refused", problem, np.nan, len(summary)))
        else:
            fitted.append(model)
    if not fitted:
        return _held(candidates[0], summary, rows)
    best = fitted[0]
    for model in fitted[1:]:
        best = model if model.log_likelihood_ > best.log_likelihood_ + _CLEAR else best
    rest = [model for model in fitted if model is not best]
    reason = _why(best, rest)
    made = [_row(best.title, "used", reason, best.log_likelihood_, best.customers_)]
    for model in rest:
        made.append(_row(model.title, "fits less well", _worse(model, best), model.log_likelihood_, model.customers_))
    return Choice(best, pd.DataFrame(made + rows, columns=_COLUMNS), reason)


def _held(simplest: type[BuyingModel], summary: pd.DataFrame, rows: list[dict]) -> Choice:
    """Hold the simplest model by a weak prior where the data alone determines none."""
    why = "; ".join(dict.fromkeys(row["reason"] for row in rows))
    model, problem = _fitted(simplest(prior=_PRIOR), summary)
    if problem:
        reason = f"no model of buying can be fitted: {why}"
        return Choice(None, pd.DataFrame(rows, columns=_COLUMNS), reason)
    reason = f"held by a weak prior, since alone the data determines no model: {why}"
    made = [_row(f"{model.title}, held", "used", reason, model.log_likelihood_, model.customers_), *rows]
    return Choice(model, pd.DataFrame(made, columns=_COLUMNS), reason)


def choose_spending(summary: pd.DataFrame) -> Choice:
    """Choose how much a purchase is expected to bring: Gamma-Gamma where its assumption holds.

    Parameters
    ----------
    summary : DataFrame
        `frequency`, `value` and `first_value`, as `purchase_summary` makes it.

    Returns
    -------
    Choice
        With a `GammaGamma` fitted to all purchases where first ones are like the later ones, else to the later ones; or
        with a `FrequencyClasses`, which takes the mean of customers who buy about as often, and needs no assumption.
        Its `reason` says which. What the model takes is made by `spending_input`.
    """
    again, first_too = spending_input(summary)
    found = frequency_correlation(again)
    fallback = FrequencyClasses(first_too=first_too).fit(again)
    n = int((again["frequency"] > 0).sum())
    reason = ""
    if n < FEWEST:
        reason = f"only {n} customers have a purchase to learn from, and {FEWEST} are needed"
    elif not (summary["frequency"] > 0).any():
        reason = "nobody bought again, so what a customer spends from one purchase to the next is not seen"
    elif abs(found["correlation"]) >= _CORRELATED and found["low"] * found["high"] > 0:
        more = "more" if found["correlation"] > 0 else "less"
        reason = (
            f"customers who buy more often spend {more} a purchase (correlation {found['correlation']:.2f}, 95% "
            f"interval {found['low']:.2f} to {found['high']:.2f}), and Gamma-Gamma takes the two for unrelated"
        )
    if not reason:
        model, reason = _fitted(GammaGamma(), again)
    if reason:
        instead = "the mean of those who buy about as often needs no assumption"
        rows = [
            _row("Gamma-Gamma", "refused", reason, np.nan, n),
            _row(fallback.title, "used" if fallback.means_.size else "refused", instead, np.nan, n),
        ]
        return Choice(fallback if fallback.means_.size else None, pd.DataFrame(rows, columns=_COLUMNS), reason)
    basis = "all purchases, since first ones bring as much as later ones" if first_too else "purchases after the first"
    reason = f"value and frequency go together hardly or not (correlation {found['correlation']:.2f}); from {basis}"
    model.first_too_ = first_too
    return Choice(model, pd.DataFrame([_row("Gamma-Gamma", "used", reason, model.log_likelihood_, n)]), reason)


def spending_input(summary: pd.DataFrame, *, first_too: bool | None = None) -> tuple[pd.DataFrame, bool]:
    """Return `frequency` and `value` to learn spending from, and whether first purchases are among them.

    They are where they bring no less and no more than the later ones of the same customers: where the 95% interval of
    the mean difference of the logarithms holds 0.

    Examples
    --------
    >>> import pandas as pd
    >>> summary = pd.DataFrame({"frequency": [1, 3], "value": [20.0, 30.0], "first_value": [20.0, 10.0]})
    >>> spending_input(summary, first_too=True)[0].values.tolist()
    [[2.0, 20.0], [4.0, 25.0]]
    """
    later = pd.DataFrame({"frequency": summary["frequency"].astype(float), "value": summary["value"]})
    if first_too is None:
        both = (summary["frequency"] > 0) & (summary["value"] > 0) & (summary["first_value"] > 0)
        gap = np.log(summary.loc[both, "first_value"].to_numpy(float) / summary.loc[both, "value"].to_numpy(float))
        # the mean of several purchases is above their geometric mean, so pairs of single purchases are compared
        single = summary.loc[both, "frequency"].to_numpy() == 1
        gap = gap[single]
        error = gap.std(ddof=1) / np.sqrt(gap.size) if gap.size > 1 else np.inf
        first_too = bool(gap.size >= FEWEST and abs(gap.mean()) <= 1.96 * error)
    if not first_too:
        return later, False
    whole = summary["value"].fillna(0.0) * summary["frequency"] + summary["first_value"]
    many = later["frequency"] + 1
    return pd.DataFrame({"frequency": many, "value": whole / many}), True


class FrequencyClasses:
    """The mean value of a purchase of customers who buy about as often: what is left where Gamma-Gamma is refused."""

    title = "mean by frequency"

    def __init__(self, *, first_too: bool = False):
        self.first_too_ = first_too

    def fit(self, X: pd.DataFrame) -> FrequencyClasses:  # noqa: N803
        """Learn the mean of each of up to three classes of frequency with equally many customers."""
        known = X[(X["frequency"] > 0) & (X["value"] > 0)]
        x, spent = known["frequency"].to_numpy(float), (known["frequency"] * known["value"]).to_numpy(float)
        self.edges_ = np.unique(np.quantile(x, [1 / 3, 2 / 3])) if x.size >= FEWEST else np.empty(0)
        self.edges_ = self.edges_[self.edges_ < x.max(initial=0.0)]  # none lies above the most frequent buyer
        of = np.searchsorted(self.edges_, x, side="left")
        size = self.edges_.size + 1
        bought = np.bincount(of, x, minlength=size)
        kept = bought > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.bincount(of, spent, minlength=size) / bought
            off = spent - x * means[of]  # a ratio of sums: customers are drawn, not purchases
            error = np.sqrt(np.bincount(of, off**2, minlength=size)) / bought / means
        overall = spent.sum() / x.sum() if x.size else np.nan
        self.means_ = np.where(kept, means, overall) if x.size else np.empty(0)
        self.errors_ = np.where(kept, error, 0.0) if x.size else np.empty(0)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        """Return the mean of the class that a customer's frequency falls into."""
        return self.means_[self.classes(X)]

    def sensitivity(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        """Return how expected values move with the logarithm of each class's mean, shape (classes, customers)."""
        own = self.classes(X)
        return np.where(own == np.arange(self.means_.size)[:, None], self.means_[own], 0.0)

    @property
    def covariance_(self) -> np.ndarray:
        """Of the logarithms of the means."""
        return np.diag(self.errors_**2)

    def classes(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        """Return the number of each customer's class."""
        return np.searchsorted(self.edges_, X["frequency"].to_numpy(float), side="left")


def _fitted(model: Any, summary: pd.DataFrame) -> tuple[Any, str]:
    """Fit a model; return it, and what is wrong with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is wrong is said as the reason
        try:
            model.fit(summary)
        except CrmkitError as error:
            return model, str(error)
    return model, model.problem_


def _row(model: str, verdict: str, reason: str, height: float, customers: int) -> dict[str, Any]:
    return dict(zip(_COLUMNS, (model, verdict, reason, height, customers), strict=True))


def _why(best: BuyingModel, rest: Sequence[BuyingModel]) -> str:
    if not rest:
        return "the only one that can be fitted"
    second = max(rest, key=lambda model: model.log_likelihood_)
    ahead = best.log_likelihood_ - second.log_likelihood_
    if ahead > _CLEAR:
        return f"makes what was bought most likely, {ahead:.1f} of log-likelihood ahead of {second.title}"
    return f"as good as {second.title} ({ahead:+.1f} of log-likelihood), and the simplest"


def _worse(model: BuyingModel, best: BuyingModel) -> str:
    behind = best.log_likelihood_ - model.log_likelihood_
    return f"{abs(behind):.1f} of log-likelihood {'behind' if behind > 0 else 'ahead, too little to tell'}"
