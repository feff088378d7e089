"""Cox regression of the time to leave: what goes with leaving sooner or later, and whether that is so at all ages.

Sources
-------
D. R. Cox (1972), Journal of the Royal Statistical Society B 34, 187-220; ties by B. Efron (1977), Journal of the
American Statistical Association 72, 557-565; the check of proportional hazards by P. M. Grambsch and T. M. Therneau
(1994), Biometrika 81, 515-526, on the rank of time. Estimated by statsmodels' PHReg.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmkit.engine.intervals import Z
from crmkit.errors import DataError, UsageError

LEAST_EVENTS = 10
COLUMNS = ["name", "value", "low", "high", "p", "p_proportional", "per", "n", "events"]


def cox(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    *,
    duration: str = "exit",
    event: str = "churned",
    entry: str | None = "entry",
    strata: str | None = None,
    titles: dict[str, str] | None = None,
) -> pd.DataFrame:
    """Estimate hazard ratios: how many times as fast customers leave, all other covariates alike.

    Parameters
    ----------
    frame : DataFrame
        A row a stretch of time in which a customer was watched and the covariates held; a customer may have several
        that do not overlap, as at the cut-offs of `crmkit.models.churn_panel.churn_panel`.
    covariates : sequence of str
        Numbers (taken per standard deviation, gaps as the mean with a covariate of their own where they are more than a
        twentieth) and names (against the most frequent one).
    duration, event, entry : str
        Columns: age at the end of the stretch, whether the customer left then, age at its beginning; `entry` None
        where all were watched from age 0.
    strata : str, optional
        A column whose groups may leave in a rhythm of their own, such as customers with and without a term.
    titles : dict, optional
        Names of the covariates as people read them.

    Returns
    -------
    DataFrame
        One row a number or name: `name`, `value` (hazard ratio), `low`, `high` (95%), `p`, `p_proportional` (below
        0.05 the ratio is not the same at all ages, and the value is a mean over them), `per` (what the ratio is per),
        `n`, `events`. In `attrs["left_out"]` what could not be estimated, with the reason; `attrs["missing"]` where
        nothing could.

    Raises
    ------
    UsageError
        Where a column is missing.
    DataError
        Where a stretch does not end after it begins.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=2000)
    >>> time = rng.exponential(1 / (0.1 * 2.0**x))
    >>> frame = pd.DataFrame({"x": x, "exit": np.minimum(time, 10), "churned": time < 10})
    >>> row = cox(frame, ["x"], entry=None).iloc[0]
    >>> bool(row["low"] < 2.0 < row["high"]), bool(row["p_proportional"] > 0.01)
    (True, True)
    """
    from scipy.stats import norm
    from statsmodels.duration.hazard_regression import PHReg

    columns = [duration, event, *([entry] if entry else []), *([strata] if strata else []), *covariates]
    rows, begin, end, met = _watched(frame, columns, duration, event, entry)
    design, left_out = _design(rows, covariates, met, titles or {})
    if met.sum() < LEAST_EVENTS or not len(design.columns):
        why = f"only {int(met.sum())} left, fewer than the {LEAST_EVENTS} that a model needs"
        return _none(why if met.sum() < LEAST_EVENTS else "no covariate varies", left_out)
    groups = (
        rows[strata].astype(object).where(rows[strata].notna(), "(none)").astype(str).to_numpy() if strata else None
    )
    model = PHReg(end, design.to_numpy(float), status=met, entry=begin if entry else None, strata=groups, ties="efron")
    try:
        fitted, error = _fitted(model)
    except (np.linalg.LinAlgError, ValueError) as problem:
        return _none(f"the covariates cannot be told apart ({problem})", left_out)
    beta = np.asarray(fitted.params, float)
    if not (np.isfinite(beta).all() and np.isfinite(error).all() and np.abs(beta).max() < 15):
        return _none("no maximum was found: a covariate parts those who left from those who stayed", left_out)
    made = pd.DataFrame({
        "name": design.columns, "value": np.exp(beta),
        "low": np.exp(beta - Z * error), "high": np.exp(beta + Z * error),
        "p": 2 * norm.sf(np.abs(beta / error)), "p_proportional": _proportional(fitted, end, met),
        "per": [design.attrs["per"][name] for name in design.columns], "n": len(rows), "events": int(met.sum()),
    })  # fmt: skip
    made.attrs = {"left_out": left_out, "title": "Hazard ratio of leaving", "unit": "ratio"}
    return made


def _watched(
    frame: pd.DataFrame, columns: list[str], duration: str, event: str, entry: str | None
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Return the stretches whose end is known: rows, ages at beginning and end, and whether the customer left then."""
    if absent := [name for name in columns if name not in frame]:
        raise UsageError(f"cox: there is no column {absent[0]!r}; there are {', '.join(map(str, frame.columns))}.")
    rows = frame[frame[duration].notna() & frame[event].notna()].reset_index(drop=True)
    begin = rows[entry].to_numpy(float) if entry else np.zeros(len(rows))
    end, met = rows[duration].to_numpy(float), rows[event].to_numpy(float)
    if (wrong := ~(end > begin)).any():
        place = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"cox: row {place} ends at {end[place]} and begins at {begin[place]}; it must end after it begins."
        )
    return rows, begin, end, met


def _fitted(model: Any) -> tuple[Any, np.ndarray]:
    """Return the fit of a model and the standard errors, without what statsmodels says meanwhile."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = model.fit(disp=0)
        return fitted, np.asarray(fitted.bse, float)


def stretches(panel: pd.DataFrame) -> pd.DataFrame:
    """Make the rows for `cox` of a panel: each customer's age at the cut-off and at the end of the stretch watched.

    Returns
    -------
    DataFrame
        The panel's rows with a known outcome, and `entry`, `exit` in days since the customer came. Who leaves at the
        very cut-off is watched for a tenth of a day.
    """
    if absent := {"tenure_days", "days_followed"} - set(panel):
        raise UsageError(f"cox: the panel has no column {sorted(absent)[0]!r}; make it with basis='losses'.")
    rows = panel[panel["churned"].notna() & panel["tenure_days"].notna() & panel["days_followed"].notna()]
    entry = rows["tenure_days"].to_numpy(float)
    exit_ = entry + np.maximum(rows["days_followed"].to_numpy(float), 0.1)
    return rows.assign(entry=entry, exit=exit_)


def _design(
    rows: pd.DataFrame, covariates: Sequence[str], met: np.ndarray, titles: dict[str, str]
) -> tuple[pd.DataFrame, dict[str, str]]:
    made, per, left_out = {}, {}, {}
    for name in covariates:
        values, title = rows[name], titles.get(name, name)
        if values.dtype.kind in "iufb":
            numbers = values.astype(float)
            spread = numbers.std()
            if not spread > 0:
                left_out[title] = "the same for all"
                continue
            made[title] = ((numbers - numbers.mean()) / spread).fillna(0.0)
            per[title] = f"standard deviation ({spread:.3g})"
            gaps = numbers.isna()
            if gaps.mean() > 0.05 and met[gaps.to_numpy()].any():
                made[f"{title}: unknown"], per[f"{title}: unknown"] = gaps.astype(float), "unknown against known"
            continue
        names = _names(values)
        usual = names.value_counts()
        for each in usual.index[1:]:
            label = f"{title}: {each}"
            if not met[(names == each).to_numpy()].any():
                left_out[label] = "nobody of it left"
                continue
            made[label], per[label] = (names == each).astype(float), f"against {usual.index[0]}"
        if len(usual) == 1:
            left_out[title] = "the same for all"
    design = pd.DataFrame(made, index=rows.index)
    design.attrs["per"] = per
    return design, left_out


def _names(values: pd.Series) -> pd.Series:
    return values.astype(object).where(values.notna(), "(none)").astype(str)


def _proportional(fitted: Any, time: np.ndarray, met: np.ndarray) -> np.ndarray:
    """Test for each covariate whether its scaled Schoenfeld residuals move with the rank of time."""
    from scipy.stats import chi2, rankdata

    residuals = np.asarray(fitted.schoenfeld_residuals, float)
    known = np.isfinite(residuals).all(axis=1) & (met > 0)
    if known.sum() < LEAST_EVENTS:
        return np.full(residuals.shape[1], np.nan)
    g = rankdata(time[known])
    g = g - g.mean()
    covariance = np.asarray(fitted.cov_params(), float)
    events = int(known.sum())
    scaled = events * residuals[known] @ covariance
    top = (g[:, None] * scaled).sum(axis=0) ** 2
    value = top / (events * np.diag(covariance) * (g**2).sum())
    return chi2.sf(value, 1)


def _none(why: str, left_out: dict[str, str]) -> pd.DataFrame:
    made = pd.DataFrame(columns=COLUMNS)
    made.attrs = {"missing": why, "left_out": left_out}
    return made
