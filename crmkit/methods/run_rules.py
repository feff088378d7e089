"""Run rules: which points of a chart are more than noise, and how often a rule cries wolf where nothing happened.

Sources
-------
Western Electric (1956), Statistical Quality Control Handbook. C. W. Champ and W. H. Woodall (1987), Exact results for
Shewhart control charts with supplementary runs rules, Technometrics 29, 393-399: with all four rules a steady process
gives a false alarm every 91.75 points, with the first alone every 370.4.
"""

from __future__ import annotations

from math import comb, erfc, sqrt

import numpy as np

RULES = {
    "beyond 3 sigma": (1, 1, 3.0),
    "2 of 3 beyond 2 sigma": (2, 3, 2.0),
    "4 of 5 beyond 1 sigma": (4, 5, 1.0),
    "8 in a row on one side": (8, 8, 0.0),
}
"""Name of a rule to how many points, of how many, how far from the centre and on the same side of it."""
POINTS_TO_FALSE_ALARM = {"beyond 3 sigma": 370.4, "all four": 91.75}
"""How many points a steady process runs on average until a false alarm, with limits known exactly (Champ, Woodall)."""


def run_rules(z: np.ndarray) -> list[tuple[str, ...]]:
    """Name the rules that each point breaks; it completes the run and lies out there itself.

    Parameters
    ----------
    z : array of float, shape (n,)
        Distances from the centre in sigmas, in order of time. An unknown one (null) ends every run.

    Returns
    -------
    list of tuple of str
        For each point the names of `RULES`, none where it is noise.

    Examples
    --------
    >>> run_rules([0.1, 2.1, -0.3, 2.2, 3.5])
    [(), (), (), ('2 of 3 beyond 2 sigma',), ('beyond 3 sigma', '2 of 3 beyond 2 sigma')]
    """
    z = np.asarray(z, dtype=float)
    found: list[list[str]] = [[] for _ in z]
    ends = np.flatnonzero(~np.isfinite(z))
    for begin, end in zip([0, *(ends + 1)], [*ends, len(z)], strict=True):
        for name, (points, of, distance) in RULES.items():
            for place in np.flatnonzero(_broken(z[begin:end], points, of, distance)):
                found[begin + place].append(name)
    return [tuple(names) for names in found]


def _broken(z: np.ndarray, points: int, of: int, distance: float) -> np.ndarray:
    """Tell for each of a run of known points whether it completes so many of so many beyond a distance."""
    broken = np.zeros(len(z), dtype=bool)
    if not len(z):
        return broken
    for side in (1, -1):
        beyond = z * side > distance
        counted = np.convolve(beyond, np.ones(of, dtype=int))[: len(z)]
        broken |= beyond & (counted >= points)
    return broken


def false_alarm_rates() -> dict[str, float]:
    """Return for each rule the chance that a point of a steady process breaks it, if the points are normal.

    Examples
    --------
    >>> {name: round(rate, 4) for name, rate in false_alarm_rates().items()}  # doctest: +NORMALIZE_WHITESPACE
    {'beyond 3 sigma': 0.0027, '2 of 3 beyond 2 sigma': 0.002, '4 of 5 beyond 1 sigma': 0.0045,
     '8 in a row on one side': 0.0078}
    """
    found = {}
    for name, (points, of, distance) in RULES.items():
        beyond = erfc(distance / sqrt(2)) / 2
        found[name] = 2 * beyond * _at_least(points - 1, of - 1, beyond)
    return found


def _at_least(least: int, of: int, chance: float) -> float:
    """Return the binomial chance of at least so many."""
    return sum(comb(of, k) * chance**k * (1 - chance) ** (of - k) for k in range(least, of + 1))
