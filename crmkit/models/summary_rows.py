"""The rows of a summary as models need them: columns checked, equal rows counted once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from crmkit.errors import DataError


def columns(model: str, X: pd.DataFrame | Mapping, names: Sequence[str]) -> list[np.ndarray]:  # noqa: N803
    """Return columns of a summary as arrays of floats.

    Raises
    ------
    DataError
        Where one is missing, or a value is missing, infinite or below 0; the message names column and row.
    """
    if missing := [name for name in names if name not in X]:
        raise DataError(
            f"{model}: the summary lacks the column {' and '.join(missing)}; it has {', '.join(map(str, X))}."
        )
    made = []
    for name in names:
        values = np.asarray(X[name], float)
        wrong = ~np.isfinite(values) | (values < 0)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"{model}: {name} is {values[row]:g} in row {row} of the summary; it must be known and at least 0. "
                f"{int(wrong.sum())} of {values.size} rows are so: leave them out or mend them."
            )
        made.append(values)
    return made


def counted(*values: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Count equal rows once, as `distinct` does, where nobody needs to find the way back.

    Where the columns have few values each, as days and counts have, all their combinations are counted in one go.

    Examples
    --------
    >>> kinds, weight = counted(np.array([1.0, 0.0, 1.0]), np.array([5.0, 5.0, 5.0]))
    >>> [kind.tolist() for kind in kinds], weight.tolist()
    ([[1.0, 0.0], [5.0, 5.0]], [2.0, 1.0])
    """
    codes = [pd.factorize(value) for value in values]
    sizes = [len(kinds) for _, kinds in codes]
    if float(np.prod(sizes, dtype=float)) > max(4e6, 4.0 * values[0].size):
        kinds, weight, _ = distinct(*values)
        return kinds, weight
    code = np.ravel_multi_index([own for own, _ in codes], sizes) if values[0].size else np.empty(0, np.int64)
    weight = np.bincount(code)
    there = np.flatnonzero(weight)
    places = np.unravel_index(there, sizes) if there.size else [np.empty(0, np.int64)] * len(values)
    return [kinds[place] for (_, kinds), place in zip(codes, places, strict=True)], weight[there].astype(float)


def distinct(*values: np.ndarray) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Count equal rows once: return the distinct rows, how often each occurs, and where each row's own is.

    Examples
    --------
    >>> kinds, weight, back = distinct(np.array([1.0, 0.0, 1.0]), np.array([5.0, 5.0, 5.0]))
    >>> [kind.tolist() for kind in kinds], weight.tolist(), back.tolist()
    ([[1.0, 0.0], [5.0, 5.0]], [2.0, 1.0], [0, 1, 0])
    """
    code, size = np.zeros(values[0].size, np.int64), 1
    for value in values:
        own, kinds = pd.factorize(value)
        if size * len(kinds) > 2**62:
            code, kept = pd.factorize(code)
            size = len(kept)
        code = code * len(kinds) + own
        size *= len(kinds)
    back, kept = pd.factorize(code)
    first = np.empty(len(kept), np.int64)
    first[back[::-1]] = np.arange(back.size)[::-1]
    return [value[first] for value in values], np.bincount(back, minlength=len(kept)).astype(float), back
