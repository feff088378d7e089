"""A churn study of a flat table: one row a customer and a label, with no times to split it by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from crmkit.errors import DataError, UsageError
from crmkit.methods.common import pick
from crmkit.models.churn import KINDS, GroupRate
from crmkit.models.leakage import alone, enough
from crmkit.models.study import ONE_RATE, Study, finish, models_of
from crmkit.models.time_splits import cross_validate

YES = ("yes", "true", "1", "1.0", "y", "churned", "left")
NO = ("no", "false", "0", "0.0", "n", "stayed", "kept")
SURE = 0.99
"""The AUC of a column alone from which it is refused: less can be told without dates."""


def churn_table(
    frame: pd.DataFrame,
    *,
    label: str,
    id: str = "",
    kind: str = "auto",
    folds: int = 5,
    leave_out: Sequence[str] = (),
    allowed: Sequence[str] = (),
) -> Study:
    """Study who leaves on a flat table of one row a customer that says who left.

    Parameters
    ----------
    frame : DataFrame
        Or an Ibis table. A table without times cannot be split by time: it is judged by cross-validation, and nothing
        tells whether a column was filled in after the label but that it predicts too well.
    label : str
        The column that says who left: yes/no, true/false or 1/0, whatever the case.
    id : str
        The column that names the customer, and is no feature; "" numbers them.
    kind : {"auto", "logistic", "boosting"}
    folds : int
        Of the cross-validation; fewer where fewer customers left.
    leave_out : sequence of str
        Columns that are no features.
    allowed : sequence of str
        Columns that may predict almost perfectly alone.

    Returns
    -------
    Study

    Raises
    ------
    UsageError
        Where a column is missing.
    DataError
        Where the label has other values, or a column leaks.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"unhappy": rng.random(300)})
    >>> frame["churn"] = np.where(rng.random(300) < frame["unhappy"] ** 2, "Yes", "No")
    >>> study = churn_table(frame, label="churn")
    >>> bool(study.promise["auc"] > 0.7), study.chosen
    (True, 'logistic')
    """
    pick("kind", kind, ("auto", *KINDS))
    panel, unlabelled = _panel(frame, label, id, leave_out)
    features = panel.attrs["features"]
    probe = _probe(panel, allowed)
    models, rules = models_of(kind), {ONE_RATE: GroupRate(column="all")}
    given = panel[features].assign(all="all")
    predictions = cross_validate(given, panel["churned"].to_numpy(), models | rules, folds=folds)
    predictions["customer_id"] = panel["customer_id"].to_numpy()[predictions["customer_id"]]
    about = {"cutoff": "", "as_of": None, "currency": "", "window_days": None}
    notes = [f"{unlabelled} rows without a label are left out"] if unlabelled else []
    study = finish(panel, panel, predictions, models, probe, kind, about, against=ONE_RATE)
    return replace(study, notes=(*study.notes, *notes))


def _panel(frame: pd.DataFrame, label: str, id: str, leave_out: Sequence[str]) -> tuple[pd.DataFrame, int]:
    """Return the rows that have a label, as `churn_panel` makes them, and how many have none."""
    frame = frame.to_pandas() if not isinstance(frame, pd.DataFrame) and hasattr(frame, "to_pandas") else frame
    for name in (label, *([id] if id else []), *leave_out):
        if name not in frame:
            raise UsageError(f"The table has no column {name!r}; it has {', '.join(map(str, frame.columns))}.")
    rows = frame.reset_index(drop=True)
    left, unknown = _label(rows[label], label)
    rows, left = rows[~unknown].reset_index(drop=True), left[~unknown]
    columns = [str(name) for name in rows.columns if name not in (label, id, *leave_out)]
    given = rows.rename(columns=str)[columns]
    keys = [name for name in columns if _is_key(given[name])]
    features = [name for name in columns if name not in keys]
    panel = given[features].assign(
        customer_id=rows[id].astype(str).to_numpy() if id else np.arange(len(rows)).astype(str), churned=left
    )
    panel.attrs = {"features": features, "titles": {name: name.replace("_", " ") for name in features},
                   "units": dict.fromkeys(features, ""), "left_out": dict.fromkeys(keys, "another value in each row"),
                   "window_days": None, "basis": "table"}  # fmt: skip
    return panel, int(unknown.sum())


def _probe(panel: pd.DataFrame, allowed: Sequence[str]) -> pd.DataFrame:
    """Return how well each column predicts alone; one that does so too well is refused."""
    strength = alone(panel).sort_values(ascending=False, kind="stable")
    strong = strength[(strength > SURE) & ~strength.index.isin(allowed) & enough(panel["churned"])]
    if len(strong):
        raise DataError(
            f"The column {strong.index[0]!r} alone tells who left with an AUC of {strong.iloc[0]:.3f}: it was most "
            "likely filled in because they left. Name it in `leave_out`; or, where you know why, in `allowed`."
        )
    return strength.rename_axis("feature").rename("alone").reset_index()


def _label(values: pd.Series, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Return 1 and 0, and where the label is unknown."""
    unknown = values.isna().to_numpy()
    words = values.astype(str).str.strip().str.lower()
    found = np.where(words.isin(YES), 1.0, np.where(words.isin(NO), 0.0, np.nan))
    odd = ~unknown & np.isnan(found)
    if odd.any():
        place = int(np.flatnonzero(odd)[0])
        raise DataError(
            f"The label {label!r} is {values.iloc[place]!r} in row {place}, and {int(odd.sum()):,} rows are alike; "
            "it must be yes or no, true or false, 1 or 0."
        )
    if not len(found) or unknown.all():
        raise DataError(f"No row has a label {label!r}.")
    return found, unknown


def _is_key(values: pd.Series) -> bool:
    """Tell whether a column of names or whole numbers has another value in each row: a key, not a feature."""
    if len(values) < 20 or values.dtype.kind == "f":
        return False
    return values.nunique(dropna=False) == len(values)
