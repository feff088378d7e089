"""Arithmetic on sums that are NumPy arrays, bootstrap replicates of them, or Ibis columns."""

from __future__ import annotations

from typing import Any

import numpy as np


def divide(left: Any, right: Any) -> Any:
    """Divide; unknown, not infinite, where the divisor is 0."""
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(np.asarray(right) == 0, np.nan, np.asarray(left, float) / np.asarray(right, float))
    return left / right.nullif(0) if hasattr(right, "nullif") else left / right


def unless(condition: Any, value: Any) -> Any:
    """Return values, unknown where the condition holds."""
    if isinstance(value, np.ndarray):
        return np.where(condition, np.nan, value)
    return condition.ifelse(None, value)


def least(left: Any, right: Any) -> Any:
    """Return the smaller of two, the known one where the other is unknown."""
    return np.fmin(left, right) if isinstance(left, np.ndarray) else (left < right).ifelse(left, right)


def both(condition: Any, where: Any) -> Any:
    """Return where both conditions hold; the second may be None, for everywhere."""
    return condition if where is None else condition & where


def zero(value: Any) -> Any:
    """Return sums with 0 where no row was summed."""
    return np.nan_to_num(value) if isinstance(value, np.ndarray) else value.fill_null(0)
