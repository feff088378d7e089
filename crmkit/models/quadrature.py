"""Integrals that have no stable closed form: over the chance to stop, over a discount, over the time of stopping."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=4096)
def beta_nodes(a: float, b: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of Gauss's rule for the mean of a function of p ~ beta(a, b); the weights add up to 1.

    Golub and Welsch: the eigenvalues of the recurrence of the Jacobi polynomials, shifted to [0, 1]. Exact for
    polynomials below the degree 2 × size, and stable however large b is.

    Examples
    --------
    >>> nodes, weights = beta_nodes(0.8, 2.4, 8)
    >>> round(float(weights @ nodes), 6), round(0.8 / 3.2, 6)  # the mean of beta(a, b) is a ÷ (a + b)
    (0.25, 0.25)
    """
    from scipy.linalg import eigh_tridiagonal

    one, other = b - 1.0, a - 1.0  # Jacobi's weight is (1 − z)^one (1 + z)^other with z = 2p − 1
    k = np.arange(1, size)
    both = one + other
    diagonal = np.empty(size)
    diagonal[0] = (other - one) / (both + 2)
    diagonal[1:] = (other**2 - one**2) / ((2 * k + both) * (2 * k + both + 2))
    square = 4 * k * (k + one) * (k + other) * (k + both)
    square = np.divide(square, (2 * k + both) ** 2 * ((2 * k + both) ** 2 - 1), where=k > 1, out=np.zeros(k.size))
    if size > 1:  # the general form is 0 ÷ 0 where a + b = 1
        square[0] = 4 * (1 + one) * (1 + other) / ((2 + both) ** 2 * (3 + both))
    nodes, vectors = eigh_tridiagonal(diagonal, np.sqrt(square))
    weights = vectors[0] ** 2
    return (nodes + 1) / 2, weights / weights.sum()


@lru_cache(maxsize=64)
def legendre(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of Gauss's rule on [0, 1].

    >>> nodes, weights = legendre(5)
    >>> round(float(weights @ nodes**4), 6)
    0.2
    """
    nodes, weights = np.polynomial.legendre.leggauss(size)
    return (nodes + 1) / 2, weights / 2


def enough_nodes(farthest: float, *, least: int = 16, most: int = 256) -> int:
    """Return how many nodes an integrand over [0, 1] needs that is singular at −1 ÷ farthest, for 12 digits.

    >>> enough_nodes(1.0), enough_nodes(1000.0)
    (16, 220)
    """
    z = 1 + 2 / max(farthest, 1e-9)
    rate = 2 * np.log(z + np.sqrt(z * z - 1))
    return int(np.clip(np.ceil(27.7 / rate), least, most))
