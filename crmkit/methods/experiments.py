"""Experiments: what each variant did against the control, read only where the groups are as they were planned.

One row a customer and experiment: who got what, what came of it, and where known the same value before. The table
experiments of a Crm, or any table with other names of columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.experiment_tests import (
    MISMATCH,
    cuped,
    holm,
    means_differ,
    sample_ratio,
    shares_differ,
    tails,
)
from crmkit.methods.experiment_trials import Trials, trials
from crmkit.methods.sequential import boundaries

MEASURES = {"conversion": "share", "value": "money", "value, CUPED": "money"}
"""What is compared, and its unit."""
FEW = 30
"""With fewer customers in a group, an interval of a mean is not to be trusted, and is flagged."""


def sample_ratios(source: Any, *, shares: Mapping[str, float] | None = None, **columns: Any) -> pd.DataFrame:
    """Return, for each experiment, whether its variants have as many customers as planned: the first thing to look at.

    Parameters
    ----------
    source, **columns
        As in `trials`.
    shares : mapping of str to float, optional
        The planned share of each variant; by default equal.

    Returns
    -------
    DataFrame
        `experiment`, `variants`, `counts` (a text), `n`, `p` (chi-square), `as_planned` (p at least 0.001).

    Notes
    -----
    A mismatch means that customers are missing from a variant for a reason, often one that has to do with the outcome.
    No difference between the groups can be read then. Customers who are left out by `trials` are not counted.

    Examples
    --------
    >>> rows = pd.DataFrame({"variant": ["a"] * 400 + ["b"] * 300})
    >>> sample_ratios(rows)[["counts", "as_planned"]].values.tolist()
    [['a 400, b 300', False]]
    """
    found = trials(source, **columns)
    rows = []
    for name in found.experiments:
        counts = found.of(name)["variant"].value_counts().sort_index()
        p = sample_ratio(counts.to_dict(), shares)[1]
        text = ", ".join(f"{variant} {count:,}" for variant, count in counts.items())
        rows.append((name, len(counts), text, int(counts.sum()), p, bool(not p < MISMATCH)))
    made = pd.DataFrame(rows, columns=["experiment", "variants", "counts", "n", "p", "as_planned"])
    made.attrs = dict(found.about)
    return made


def experiment_effects(source: Any, *, shares: Mapping[str, float] | None = None, **columns: Any) -> pd.DataFrame:
    """Compare each variant with the control: conversion, value, and value after CUPED.

    Parameters
    ----------
    source, shares, **columns
        As in `sample_ratios`.

    Returns
    -------
    DataFrame
        One row an experiment, variant and measure that the data has: `experiment`, `variant`, `control`, `measure`
        ("conversion", "value", "value, CUPED"), `n`, `n_control` (customers whose outcome is known), `treated`, `base`
        (rates or means), `difference` (treated − base), `low`, `high` (95%; Newcombe for shares, Welch for means),
        `relative` (difference ÷ base), `z`, `p`, `p_holm` (corrected for the variants of the experiment), `gone` (the
        share of the variance that CUPED takes away), `note`. Where the sample ratio is not as planned, difference,
        interval and p are null and the note says so. In `attrs` `left_out`.

    Notes
    -----
    The interval is that of one comparison; with several variants go by `p_holm`. CUPED compares only customers whose
    value before is known.

    Examples
    --------
    >>> rows = pd.DataFrame({"variant": ["new"] * 100 + ["control"] * 100, "converted": [1] * 30 + [0] * 70 + [1] * 15 +
    ...     [0] * 85})
    >>> experiment_effects(rows)[["measure", "difference", "low", "high", "p"]].round(3).values.tolist()
    [['conversion', 0.15, 0.034, 0.261, 0.011]]
    """
    found = trials(source, **columns)
    planned = sample_ratios(found, shares=shares).set_index("experiment")["as_planned"]
    made = [_effects(found, name, as_planned=bool(planned[name])) for name in found.experiments]
    made = [part for part in made if len(part)]
    if not made:
        raise NotInThisData("experiments: not in this data, no variant has an outcome beside that of a control.")
    frame = pd.concat(made, ignore_index=True)
    frame.attrs = {**found.about, "left_out": dict(found.left_out)}
    return frame


def _effects(found: Trials, name: str, *, as_planned: bool) -> pd.DataFrame:
    rows, control, made = found.of(name), found.control[name], []
    for measure in MEASURES:
        sides, gone = _sides(rows, measure)
        if control not in sides:
            continue
        for variant in sorted(set(sides) - {control}):
            made.append(_compared(name, measure, variant, control, sides, gone, as_planned))
    frame = pd.DataFrame(made)
    if len(frame):
        frame["p_holm"] = np.nan
        for _, part in frame.groupby("measure"):
            frame.loc[part.index, "p_holm"] = holm(part["p"])
    return frame


def _sides(rows: pd.DataFrame, measure: str) -> tuple[dict[str, np.ndarray], float]:
    """Return the known outcomes of each variant, and what CUPED took away of their variance."""
    column = "converted" if measure == "conversion" else "value"
    known = rows[rows[column].notna()]
    gone = float("nan")
    if measure.endswith("CUPED"):
        known = known[known["before"].notna()]
        if known.groupby("variant").size().lt(2).any() or not len(known):
            return {}, gone
        adjusted, gone = cuped(known["value"], known["before"], known["variant"])
        known = known.assign(value=adjusted)
    return {str(variant): part.to_numpy(float) for variant, part in known.groupby("variant")[column]}, gone


def _compared(name, measure, variant, control, sides, gone, as_planned) -> dict:
    one, other = sides[variant], sides[control]
    if measure == "conversion":
        told = shares_differ(int(one.sum()), len(one), int(other.sum()), len(other))
    else:
        told = means_differ(one, other)
    notes = [] if min(len(one), len(other)) >= FEW else [f"fewer than {FEW} customers in a group"]
    if not as_planned:
        told |= dict.fromkeys(("difference", "low", "high", "z", "p"), float("nan"))
        notes = ["the groups are not of the planned sizes: not to be read"]
    base = told["base"]
    relative = told["difference"] / base if base else float("nan")
    return {"experiment": name, "variant": variant, "control": control, "measure": measure, "n": len(one),
            "n_control": len(other), **told, "relative": relative, "gone": gone, "note": "; ".join(notes)}  # fmt: skip


def tail_effects(source: Any, *, share: float = 0.01, **columns: Any) -> pd.DataFrame:
    """Compare the values of variants in ways that differ in what they make of a few very large ones.

    Parameters
    ----------
    source, **columns
        As in `trials`.
    share : float
        As in `crmkit.methods.experiment_tests.tails`.

    Returns
    -------
    DataFrame
        One row an experiment, variant and way: `experiment`, `variant`, `way`, `difference`, `low`, `high`. Empty where
        no value is known.
    """
    found, rows = trials(source, **columns), []
    for name in found.experiments:
        sides, _ = _sides(found.of(name), "value")
        control = found.control[name]
        for variant in sorted(set(sides) - {control}) if control in sides else []:
            for way, told in tails(sides[variant], sides[control], share=share).items():
                rows.append((name, variant, way, told["difference"], told["low"], told["high"]))
    made = pd.DataFrame(rows, columns=["experiment", "variant", "way", "difference", "low", "high"])
    made.attrs = dict(found.about)
    return made


def effects_by(source: Any, *, by: str, measure: str = "conversion", **columns: Any) -> pd.DataFrame:
    """Compare variants within groups of customers, and test whether the groups differ in the effect at all.

    Parameters
    ----------
    source, **columns
        As in `trials`.
    by : str
        A column of customers, such as segment.
    measure : {"conversion", "value", "value, CUPED"}

    Returns
    -------
    DataFrame
        One row an experiment, variant and group: as `experiment_effects`, with `by`, `p_holm` (corrected for all groups
        and variants of the experiment) and `interaction_p`: how often chance alone makes effects differ so much between
        groups (Cochran's Q). Look at the groups only where that is small; a group was never what was drawn for.
    """
    if measure not in MEASURES:
        raise UsageError(f"measure is {measure!r}; it must be one of {', '.join(MEASURES)}.")
    found = trials(source, by=by, **columns)
    ratio = sample_ratios(found).set_index("experiment")["as_planned"]
    rows = []
    for name in found.experiments:
        for part, members in found.of(name).groupby("part"):
            few = replace(found, rows=members, control={name: found.control[name]})
            told = _effects(few, name, as_planned=bool(ratio[name]))
            rows += [told[told["measure"] == measure].assign(**{by: part})] if len(told) else []
    if not rows:
        raise NotInThisData(f"experiments: not in this data, no group by {by} has customers of two variants.")
    made = pd.concat(rows, ignore_index=True)
    made["interaction_p"] = np.nan
    for _, part in made.groupby("experiment"):
        made.loc[part.index, "p_holm"] = holm(part["p"])
    for _, part in made.groupby(["experiment", "variant"]):
        made.loc[part.index, "interaction_p"] = _interaction(part)
    made.attrs = dict(found.about)
    return made


def _interaction(part: pd.DataFrame) -> float:
    """Return how often chance alone makes effects differ so much (Cochran's Q); null with fewer than two groups."""
    from scipy.stats import chi2

    error = (part["high"] - part["low"]).to_numpy(float) / (2 * 1.959964)
    known = np.isfinite(error) & (error > 0)
    if known.sum() < 2:
        return float("nan")
    weight, effect = error[known] ** -2.0, part["difference"].to_numpy(float)[known]
    middle = (weight * effect).sum() / weight.sum()
    return float(chi2.sf((weight * (effect - middle) ** 2).sum(), known.sum() - 1))


def looks(
    source: Any,
    *,
    experiment: str,
    variant: str = "",
    measure: str = "conversion",
    number: int = 5,
    planned: int | None = None,
    shape: str = "obrien_fleming",
    **columns: Any,
) -> pd.DataFrame:
    """Follow an experiment as its customers came in, with the bounds at which it could have been stopped.

    Parameters
    ----------
    source, **columns
        As in `trials`.
    experiment : str
        Which one; the column of that name cannot be renamed here, call `trials` first.
    variant : str
        By default the first beside the control.
    measure : {"conversion", "value", "value, CUPED"}
    number : int
        Looks at equal numbers of customers, in the order of their assignment.
    planned : int, optional
        Customers planned, of these two variants; by default those that there are.
    shape : {"obrien_fleming", "pocock"}

    Returns
    -------
    DataFrame
        One row a look: `look`, `customers`, `until` (the last assignment), `difference`, `low`, `high` (repeated
        confidence interval: difference ± bound × error), `z`, `bound`, `usual` (1.96), `stop` (whether z has passed the
        bound by then).

    Notes
    -----
    The outcome is taken to be known at each look, as the data has no time for it.
    """
    found = trials(source, **columns)
    rows, control = found.of(experiment), found.control[experiment]
    others = sorted(set(rows["variant"]) - {control})
    if variant and variant not in others:
        raise UsageError(f"{experiment} has no variant {variant!r} beside {control!r}; it has {', '.join(others)}.")
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise UsageError(f"number is {number!r}; it must be a whole number of looks, from 1.")
    if not others:
        raise NotInThisData(f"{experiment}: not in this data, there is one variant alone.")
    variant = variant or others[0]
    column = "converted" if measure == "conversion" else "value"
    rows = rows[rows["variant"].isin([variant, control]) & rows[column].notna()]
    rows = rows.sort_values(["assigned_at", "unit"], kind="stable")
    places = [round(len(rows) * look / number) for look in range(1, number + 1)]
    whole = max(planned or len(rows), len(rows))
    if not places or places[0] < 2:
        raise NotInThisData(f"{experiment}: not in this data, fewer customers than two for each of {number} looks.")
    bounds = boundaries([place / whole for place in places], shape=shape)
    made = []
    for look, (place, bound) in enumerate(zip(places, bounds, strict=True), start=1):
        difference, half, z = _at_look(rows.iloc[:place], variant, control, measure, bound)
        until = rows["assigned_at"].iloc[place - 1]
        made.append((look, place, until, difference, difference - half, difference + half, z, bound, 1.959964))
    names = ["look", "customers", "until", "difference", "low", "high", "z", "bound", "usual"]
    frame = pd.DataFrame(made, columns=names)
    frame["stop"] = (frame["z"].abs() > frame["bound"]).cummax()
    frame.attrs = {**found.about, "experiment": experiment, "variant": variant, "shape": shape,
                   "planned": whole, "measure": measure}  # fmt: skip
    return frame


def _at_look(rows: pd.DataFrame, variant: str, control: str, measure: str, bound: float) -> tuple[float, float, float]:
    """Return the difference between two variants as it is by now, half of its interval at a bound, and z."""
    sides, gone = _sides(rows, measure)
    if not {variant, control} <= set(sides):
        return (float("nan"),) * 3
    told = _compared("", measure, variant, control, sides, gone, as_planned=True)
    error = abs(told["difference"] / told["z"]) if told["z"] else (told["high"] - told["low"]) / 3.92
    return told["difference"], error * bound, told["z"]


def worth(effect: pd.Series | Mapping[str, Any], *, customers: float, each: float = 1.0, cost: float = 0.0) -> dict:
    """Return what an effect is worth in money for so many customers, with its interval, and less its cost.

    Parameters
    ----------
    effect : Series or mapping
        A row of `experiment_effects`: `difference`, `low`, `high`.
    customers : float
        How many would get the variant.
    each : float
        What one unit of the measure is worth: 1 for money, for conversions the margin of one.
    cost : float
        Of rolling it out, in all.

    Returns
    -------
    dict
        `worth`, `low`, `high` (after the cost), `break_even` (the difference that pays for it), `pays` ("yes" where the
        whole interval lies above 0, "no" where it lies below, else "not known").

    Examples
    --------
    >>> worth({"difference": 5.0, "low": 3.0, "high": 7.0}, customers=1000, cost=2000)
    {'worth': 3000.0, 'low': 1000.0, 'high': 5000.0, 'break_even': 2.0, 'pays': 'yes'}
    """
    if not customers >= 0:
        raise UsageError(f"customers is {customers!r}; it must be a number from 0.")
    value, low, high = (float(effect[name]) * customers * each - cost for name in ("difference", "low", "high"))
    even = cost / (customers * each) if customers and each else float("nan")
    pays = "yes" if low > 0 else "no" if high < 0 else "not known"
    return {"worth": value, "low": low, "high": high, "break_even": even, "pays": pays}
