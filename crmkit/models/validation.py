"""Models of buying put to the test: fitted on what was known at a cut-off, judged on what was bought after it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmkit.errors import UsageError
from crmkit.models.buying_model import BuyingModel

_MOST = 7


def holdout(model: BuyingModel, summary: pd.DataFrame, *, most: int = _MOST) -> pd.DataFrame:
    """Compare expected and actual purchases after the cut-off, by how often customers had bought before it.

    Parameters
    ----------
    model : BuyingModel
        Fitted to the summary's frequency, recency and T.
    summary : DataFrame
        As `purchase_summary(..., holdout_until=...)` makes it.
    most : int
        Customers who bought so often or more are one class.

    Returns
    -------
    DataFrame
        One row a class: `frequency` (the least of it), `label`, `customers`, `expected` and `actual` (mean purchases
        of a customer), `low`, `high` (of the actual mean, 95%, normal over customers), `rule` (what the simplest rule
        expects: each goes on at the own rate so far, (frequency ÷ T) × time, as if nobody stopped). In `attrs`:
        `expected`, `actual`, `rule` (totals), `error` (expected ÷ actual − 1), `rule_error`, `mae`, `rule_mae`,
        `none_mae` (mean absolute error of a customer: of the model, of the rule, of expecting nothing), `horizon`.

    Raises
    ------
    UsageError
        Where the summary has no hold-out.
    """
    if "holdout_purchases" not in summary or "holdout" not in summary.attrs:
        raise UsageError("holdout: the summary has no hold-out; make it with purchase_summary(..., holdout_until=...).")
    horizon = float(summary.attrs["holdout"])
    expected, actual = model.predict(summary, horizon), summary["holdout_purchases"].to_numpy(float)
    x, age = summary["frequency"].to_numpy(float), summary["T"].to_numpy(float)
    rule = np.divide(x * horizon, age, out=np.zeros(x.size), where=age > 0)
    of = np.minimum(x, most).astype(int)
    size = np.bincount(of)
    means = {name: np.bincount(of, values) / np.maximum(size, 1)
             for name, values in (("expected", expected), ("actual", actual), ("rule", rule))}  # fmt: skip
    square = np.bincount(of, actual**2) / np.maximum(size, 1) - means["actual"] ** 2
    error = 1.959964 * np.sqrt(np.maximum(square, 0) / np.maximum(size - 1, 1))
    there = np.flatnonzero(size)
    found = pd.DataFrame({"frequency": there, "label": [f"{k}{'+' if k == most else ''}" for k in there],
                          "customers": size[there]})  # fmt: skip
    for name, values in means.items():
        found[name] = values[there]
    single = size[there] < 2
    found["low"] = np.where(single, np.nan, np.maximum(found["actual"] - error[there], 0))
    found["high"] = np.where(single, np.nan, found["actual"] + error[there])
    found.attrs |= _totals(expected, actual, rule) | {"horizon": horizon, "model": model.title}
    found.attrs |= {key: summary.attrs[key] for key in ("unit", "until", "holdout_until") if key in summary.attrs}
    return found


def _totals(expected: np.ndarray, actual: np.ndarray, rule: np.ndarray) -> dict[str, float]:
    came = float(actual.sum())
    made = {"expected": float(expected.sum()), "actual": came, "rule": float(rule.sum())}
    made |= {"error": made["expected"] / came - 1 if came else np.nan}
    made |= {"rule_error": made["rule"] / came - 1 if came else np.nan}
    made |= {"mae": float(np.abs(expected - actual).mean()), "rule_mae": float(np.abs(rule - actual).mean())}
    return made | {"none_mae": float(actual.mean())}


def tracking(model: BuyingModel, summary: pd.DataFrame, repeats: pd.DataFrame, *, points: int = 80) -> pd.DataFrame:
    """Compare expected and actual repeat purchases of all customers together, cumulated over time.

    Parameters
    ----------
    model : BuyingModel
    summary : DataFrame
        The customers, with `first_at`; `attrs` with `unit` and `until`.
    repeats : DataFrame
        `day` and `repeat`, as `repeat_purchases` makes it for the same customers, to the end of the hold-out.
    points : int
        About how many steps.

    Returns
    -------
    DataFrame
        `period` (day), `expected`, `actual` (repeat purchases up to it, of customers who had first bought by then),
        `after` (whether the day lies after the cut-off). In `attrs`: `until`, `model`, `error` (expected ÷ actual − 1
        of what came after the cut-off).
    """
    from crmkit.methods.purchase_summary import UNITS

    unit, cut = UNITS[summary.attrs["unit"]], pd.Timestamp(summary.attrs["until"])
    first = summary["first_at"].to_numpy("datetime64[D]").astype("int64")
    start = int(first.min())
    end = int(repeats["day"].max().to_datetime64().astype("datetime64[D]").astype("int64"))
    last = int(cut.to_datetime64().astype("datetime64[D]").astype("int64"))
    begun = np.bincount(first - start, minlength=max(end, last) - start + 1).astype(float)
    each = model.expected_new(np.arange(begun.size) / unit)
    expected = np.convolve(begun, each)[: begun.size]  # everybody starts the own clock on the day of the first purchase
    day = repeats["day"].to_numpy("datetime64[D]").astype("int64") - start
    actual = np.cumsum(np.bincount(day, repeats["repeat"].to_numpy(float), minlength=begun.size))
    step = max(7, -(-begun.size // points // 7) * 7) if begun.size > 14 else 1
    at = np.unique(np.append(np.arange(0, begun.size, step), [last - start, end - start]))
    found = pd.DataFrame({"period": pd.to_datetime((at + start).astype("datetime64[D]")), "expected": expected[at],
                          "actual": actual[at], "after": at > last - start})  # fmt: skip
    came, came_expected = (float(curve[end - start] - curve[last - start]) for curve in (actual, expected))
    found.attrs |= {"until": cut, "model": model.title, "actual": came, "expected": came_expected}
    found.attrs |= {"error": came_expected / came - 1 if came else np.nan}
    return found
