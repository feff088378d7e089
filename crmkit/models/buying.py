"""Buying without a contract: how often customers will buy, and which of them have stopped without a word.

`BgNbd`, `MbgNbd` and `ParetoNbd` (in `pareto_nbd`) are fitted to one row a customer as `purchase_summary` makes it:
`frequency`, the purchases after the first; `recency`, the time from the first purchase to the last; `T`, the time from
the first purchase to the end of what is known. All times are in one unit, which is then the unit of every horizon.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import digamma, gammaln

from crmkit.models import estimation
from crmkit.models.buying_model import BuyingModel
from crmkit.models.quadrature import beta_nodes, enough_nodes

_CHUNK = 2_000_000


class BgNbd(BuyingModel):
    """Buying without a contract, where a customer may stop after any purchase but the first: BG/NBD.

    While customers buy, each buys at random at a rate of their own, gamma(r, alpha) over customers. After each purchase
    that is not the first, each stops for good with a chance of their own, beta(a, b) over customers. Who bought once is
    therefore alive for certain; where many buy once, see `MbgNbd`.

    Attributes
    ----------
    r_, alpha_ : float
        Shape and rate of the purchase rates: r ÷ alpha purchases a unit of time on average; alpha is a time.
    a_, b_ : float
        Of the chances to stop: a ÷ (a + b) on average.

    Source
    ------
    P. S. Fader, B. G. S. Hardie and K. L. Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the
    Pareto/NBD Model, Marketing Science 24, 275-284.

    Examples
    --------
    The customer of Fader and Hardie's spreadsheet note, weeks: 2 repeat purchases, the last in week 30.43 of 38.86.

    >>> model = BgNbd.of(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> customer = {"frequency": [2], "recency": [30.43], "T": [38.86]}
    >>> model.predict(customer, horizon=39).round(3), model.probability_alive(customer).round(3)
    (array([1.226]), array([0.727]))
    """

    names = ("r", "alpha", "a", "b")
    title = "BG/NBD"
    starts = ((0.5, 0.3, 0.8, 2.5), (1.0, 1.0, 1.0, 1.0), (0.2, 0.1, 0.3, 4.0))
    stops_at_first: ClassVar[int] = 0

    def _likelihood(self, x, last, age, weight) -> estimation.Likelihood:
        more = self.stops_at_first
        of, bought = pd.factorize(x)  # gamma functions and logarithms are needed of few numbers
        of_age, ages = pd.factorize(age)
        many, aged = np.bincount(of, weight), np.bincount(of_age, weight)
        many_aged = np.bincount(of_age, weight * x)
        some = (x > 0) | bool(more)  # who can have stopped
        x, weight, of, of_age = x[some], weight[some], of[some], of_age[some]
        of_last, lasts = pd.factorize(last[some])
        stays, kept, total = np.maximum(bought - 1 + more, 0.0), bought + more, float(aged.sum())

        def likelihood(values: np.ndarray) -> tuple[float, np.ndarray]:
            r, alpha, a, b = values
            log_age, log_last, left = np.log(alpha + ages), np.log(alpha + lasts), b + stays
            passed = log_age[of_age]
            passed -= log_last[of_last]
            # the odds of having stopped at the last purchase, against buying on to the end
            log_odds = (r + bought)[of] * passed
            log_odds += np.log(a / left)[of]
            small = np.exp(-np.abs(log_odds))  # log(1 + odds) and odds ÷ (1 + odds) without overflow, and without log1p
            whole = 1 + small
            grown = np.maximum(log_odds, 0.0)
            grown += np.log(whole)
            gone = np.where(log_odds > 0, 1.0, small)
            gone *= weight
            gone /= whole
            gammas = gammaln(r + bought) - gammaln(r) + r * np.log(alpha)
            gammas += gammaln(b + kept) - gammaln(b) + gammaln(a + b) - gammaln(a + b + kept)
            height = many @ gammas + estimation.dot(weight, grown) - (r * aged + many_aged) @ log_age
            slope_r = many @ (digamma(r + bought) - digamma(r)) + total * np.log(alpha) - aged @ log_age
            slope_r += estimation.dot(gone, passed)
            apart = (1 / (alpha + lasts))[of_last]
            apart -= (1 / (alpha + ages))[of_age]
            stopped = np.bincount(of, gone, minlength=bought.size)
            rates = np.bincount(of, gone * apart, minlength=bought.size)
            slope_alpha = total * r / alpha - (r * aged + many_aged) @ (1 / (alpha + ages)) - (r + bought) @ rates
            both = digamma(a + b) - digamma(a + b + kept)
            slope_a = many @ both + stopped.sum() / a
            slope_b = many @ (both + digamma(b + kept) - digamma(b)) - stopped @ (1 / left)
            return float(height), np.array([slope_r, slope_alpha, slope_a, slope_b])

        return likelihood

    def _alive(self, values, x, last, age) -> np.ndarray:
        r, alpha, a, b = values
        more = self.stops_at_first
        can_stop = (x > 0) | bool(more)
        left = np.where(can_stop, b + np.maximum(x - 1 + more, 0.0), 1.0)
        with np.errstate(over="ignore"):
            odds = a / left * np.exp((r + x) * np.log((alpha + age) / (alpha + last)))
        return np.where(can_stop, 1 / (1 + odds), 1.0)

    def _further(self, values, x, age, horizon: float) -> np.ndarray:
        """Average (1 − (1 + p t ÷ (alpha + T))^−(r + x)) ÷ p over the chance p to stop: nothing cancels."""
        r, alpha, a, b = values
        reach = horizon / (alpha + age)
        size = enough_nodes(float(reach.max(initial=0.0)))
        bought, of = np.unique(x, return_inverse=True)
        made = [beta_nodes(float(a), float(b + count + self.stops_at_first), size) for count in bought]
        nodes = np.maximum(np.array([one for one, _ in made]).reshape(-1, size), 1e-300)
        weights = np.array([one for _, one in made]).reshape(-1, size)
        found, step = np.empty(x.size), max(1, _CHUNK // size)
        for start in range(0, x.size, step):
            rows = slice(start, start + step)
            p = nodes[of[rows]]
            bought_by = -np.expm1(-(r + x[rows, None]) * np.log1p(p * reach[rows, None])) / p
            found[rows] = np.einsum("ij,ij->i", bought_by, weights[of[rows]])
        return found

    def _fresh(self, values, age) -> np.ndarray:
        _, _, a, b = values
        zero = np.zeros(1)
        begins = b / (a + b) if self.stops_at_first else 1.0  # those who do not stop at the first purchase
        return np.array([begins * self._further(values, zero, zero, float(t))[0] if t > 0 else 0.0 for t in age])


class MbgNbd(BgNbd):
    """Buying without a contract, where a customer may stop after the first purchase, too: modified BG/NBD.

    As `BgNbd`, but the chance to stop is there from the first purchase on. So of those who bought once, some are gone,
    the more of them the longer ago that was.

    Source
    ------
    E. P. Batislam, M. Denizel and A. Filiztekin (2007), Empirical Validation and Comparison of Models for Customer Base
    Analysis, International Journal of Research in Marketing 24, 201-209.

    Examples
    --------
    >>> model = MbgNbd.of(r=0.525, alpha=6.183, a=0.891, b=1.614)
    >>> once = {"frequency": [0, 0], "recency": [0, 0], "T": [10, 100]}
    >>> model.probability_alive(once).round(2)
    array([0.52, 0.29])
    """

    title = "MBG/NBD"
    stops_at_first = 1
