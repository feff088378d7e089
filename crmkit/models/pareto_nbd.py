"""Buying without a contract, where customers may stop at any moment: the Pareto/NBD."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

from crmkit.models import estimation
from crmkit.models.buying_model import BuyingModel
from crmkit.models.quadrature import legendre

_NODES, _CHUNK, _ALL = 24, 20_000, 40.0


class ParetoNbd(BuyingModel):
    """Buying without a contract, where a customer may stop at any moment, buying or not: Pareto/NBD.

    While customers buy, each buys at random at a rate of their own, gamma(r, alpha) over customers. Each stops for good
    at a rate of their own, gamma(s, beta) over customers, whether or not they have just bought.

    Attributes
    ----------
    r_, alpha_ : float
        Shape and rate of the purchase rates: r ÷ alpha purchases a unit of time on average; alpha is a time.
    s_, beta_ : float
        Shape and rate of the rates of stopping: s ÷ beta a unit of time on average; beta is a time.

    Notes
    -----
    The likelihood is an integral over the time of stopping between the last purchase and the end; it is computed as
    such, which is stable where the hypergeometric functions of the closed form are not, and has a plain gradient.

    Source
    ------
    D. C. Schmittlein, D. G. Morrison and R. Colombo (1987), Counting Your Customers: Who Are They and What Will They Do
    Next?, Management Science 33, 1-24.

    Examples
    --------
    >>> model = ParetoNbd.of(r=0.553, alpha=10.578, s=0.606, beta=11.669)
    >>> customer = {"frequency": [2], "recency": [30.43], "T": [38.86]}
    >>> model.predict(customer, horizon=39).round(2), model.probability_alive(customer).round(2)
    (array([1.46]), array([0.87]))
    """

    names = ("r", "alpha", "s", "beta")
    title = "Pareto/NBD"
    starts = ((0.6, 0.4, 0.6, 0.4), (1.0, 1.0, 1.0, 1.0), (0.3, 0.2, 0.3, 1.0))
    timed = ("alpha", "beta")

    def _likelihood(self, x, last, age, weight) -> estimation.Likelihood:
        bought, of = np.unique(x, return_inverse=True)
        many = np.bincount(of, weight)
        total = weight.sum()

        def likelihood(values: np.ndarray) -> tuple[float, np.ndarray]:
            r, alpha, s, beta = values
            gammas = gammaln(r + bought) - gammaln(r)
            height = many @ gammas + total * (r * np.log(alpha) + s * np.log(beta))
            slope = total * np.array([np.log(alpha), r / alpha, np.log(beta), s / beta])
            slope[0] += many @ (digamma(r + bought) - digamma(r))
            for start in range(0, x.size, _CHUNK):
                rows = slice(start, start + _CHUNK)
                more, turn = _mixed(values, x[rows], last[rows], age[rows], weight[rows])
                height, slope = height + more, slope + turn
            return float(height), slope

        return likelihood

    def _alive(self, values, x, last, age) -> np.ndarray:
        made = [_parts(values, x[at : at + _CHUNK], last[at : at + _CHUNK], age[at : at + _CHUNK])
                for at in range(0, x.size, _CHUNK)]  # fmt: skip
        return np.concatenate([stays / (stays + stops.sum(1)) for _, stays, stops, _ in made])

    def _further(self, values, x, age, horizon: float) -> np.ndarray:
        r, alpha, s, beta = values
        return (r + x) / (alpha + age) * (beta + age) * _spent(np.log1p(horizon / (beta + age)), s - 1)

    def _fresh(self, values, age) -> np.ndarray:
        r, alpha, s, beta = values
        return r / alpha * beta * _spent(np.log1p(age / beta), s - 1)


def _spent(logs: np.ndarray, rate: float) -> np.ndarray:
    """Return (1 − e^(−rate × logs)) ÷ rate, which is `logs` where the rate is 0."""
    return logs if abs(rate) < 1e-9 else -np.expm1(-rate * logs) / rate


def _parts(values, x, last, age):
    """Return the likelihood of living to the end and of stopping at each node, over what they have in common.

    The common part is (alpha + last)^−(r + x) (beta + last)^−s, of which the logarithm is returned first; the times of
    stopping, shape (rows, nodes), last. On the scale z of the exponent of the decay the integrand is e^−z times a
    smooth function, and nothing is left of it beyond z = 40.
    """
    r, alpha, s, beta = values
    shape = r + x
    common = -shape * np.log(alpha + last) - s * np.log(beta + last)
    stays = np.exp(-shape * np.log((alpha + age) / (alpha + last)) - s * np.log((beta + age) / (beta + last)))
    first = alpha + last if alpha < beta else beta + last  # the faster scale, whose decay the nodes follow
    decay = shape + s
    reach = np.minimum(np.log1p((age - last) / first), _ALL / decay)
    nodes, weights = legendre(_NODES)
    v = reach[:, None] * nodes
    grown = np.expm1(v) * first[:, None]  # time since the last purchase
    density = -shape[:, None] * np.log1p(grown / (alpha + last)[:, None])
    density -= (s + 1) * np.log1p(grown / (beta + last)[:, None])
    step = (first / (beta + last) * reach)[:, None] * weights
    stops = s * step * np.exp(density + v)
    return common, stays, stops, last[:, None] + grown


def _mixed(values, x, last, age, weight) -> tuple[float, np.ndarray]:
    """Return the logarithm of the mixture over the time of stopping, and its gradient, summed over rows."""
    r, alpha, s, beta = values
    common, stays, stops, times = _parts(values, x, last, age)
    whole = stays + stops.sum(1)
    lives, chance = weight * stays / whole, weight[:, None] * stops / whole[:, None]
    height = weight @ (common + np.log(whole))
    at_alpha, at_beta = alpha + times, beta + times
    slope_r = -(lives @ np.log(alpha + age)) - np.sum(chance * np.log(at_alpha))
    slope_alpha = -(r + x) @ (lives / (alpha + age) + np.sum(chance / at_alpha, axis=1))
    slope_s = -(lives @ np.log(beta + age)) - np.sum(chance * np.log(at_beta)) + chance.sum() / s
    slope_beta = -s * (lives @ (1 / (beta + age))) - (s + 1) * np.sum(chance / at_beta)
    return float(height), np.array([slope_r, slope_alpha, slope_s, slope_beta])
