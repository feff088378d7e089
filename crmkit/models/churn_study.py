"""A churn study from end to end: the rows, the models beside the rules, the one to use, and its risks of today.

`churn_study` works on the tables of a CRM, `churn_table` on a flat table that has a label; both return a `Study`, from
which everything else (calibration, gain, profit, reasons, the list, the file) is a call. `churn_risk` is the short
way: one row a customer of today.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from crmkit.errors import DataError, NotInThisData, UsageError
from crmkit.methods.common import pick
from crmkit.models.churn import KINDS, ChurnModel, GroupRate, RecencyRule
from crmkit.models.churn_panel import LEAST_HISTORY, choose_basis, churn_panel, cutoffs_of, now_cutoff
from crmkit.models.leakage import alone, enough, leakage_probe
from crmkit.models.monitoring import distribution
from crmkit.models.reasons import reasons, typical
from crmkit.models.scores import scores
from crmkit.models.store import Saved, save
from crmkit.models.time_splits import cross_validate, validate

if TYPE_CHECKING:
    from crmkit.crm import Crm

RULES = ("no order for {days} days", "rate of the contract", "one rate for all")
YES = ("yes", "true", "1", "1.0", "y", "churned", "left")
SURE = 0.99
"""The AUC of a column of a flat table alone from which it is refused: less can be told without dates."""
NO = ("no", "false", "0", "0.0", "n", "stayed", "kept")


@dataclass(frozen=True)
class Study:
    """What a churn study found.

    Attributes
    ----------
    panel : DataFrame
        The rows learned from, see `churn_panel`; of a flat table one row a customer.
    predictions : DataFrame
        Risks of customers that the models had not seen: `model`, `customer_id`, `churned`, `risk`.
    scores : DataFrame
        How good they were, see `crmkit.models.scores.scores`.
    probe : DataFrame
        What the leakage probe saw.
    chosen : str
        The model to use.
    why : str
        Why this one.
    model : estimator
        Fitted on all rows.
    now : DataFrame
        The customers of today with their features; of a flat table all its rows.
    typical : dict
        The typical value of each feature.
    notes : tuple of str
        What was left out.
    """

    panel: pd.DataFrame
    predictions: pd.DataFrame
    scores: pd.DataFrame
    probe: pd.DataFrame
    chosen: str
    why: str
    model: Any
    now: pd.DataFrame
    typical: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def features(self) -> list[str]:
        """The names of the features."""
        return list(self.panel.attrs["features"])

    @property
    def unseen(self) -> pd.DataFrame:
        """The chosen model's predictions."""
        found = self.predictions[self.predictions["model"] == self.chosen].reset_index(drop=True)
        found.attrs = dict(self.about)
        return found

    @property
    def promise(self) -> dict[str, float]:
        """How good the chosen model was on customers that it had not seen."""
        row = self.scores.set_index("model").loc[self.chosen]
        return {name: float(row[name]) for name in ("auc", "low", "high", "brier", "promised", "actual", "n", "events")}

    def risks(self, *, most: int = 3, reasons_for: int | None = None) -> pd.DataFrame:
        """List the customers of today, the riskiest first.

        Parameters
        ----------
        most : int
            Reasons for each, at most.
        reasons_for : int, optional
            How many customers get reasons; by default all.

        Returns
        -------
        DataFrame
            `customer_id`, `churn_risk` (calibrated, 0-1, of leaving within the window), `reasons`.
        """
        given = self.now[self.features]
        made = self.now[["customer_id"]].assign(churn_risk=self.model.predict_proba(given)[:, 1])
        order = np.lexsort((made["customer_id"].astype(str), -made["churn_risk"].to_numpy()))
        made = made.iloc[order]
        told = made.index if reasons_for is None else made.index[:reasons_for]
        attrs = self.panel.attrs
        words = reasons(
            self.model, given.loc[told], self.typical, titles=attrs["titles"], units=attrs["units"],
            currency=attrs.get("currency", ""), most=most,
        )  # fmt: skip
        made["reasons"] = words.reindex(made.index)
        made = made.reset_index(drop=True)
        made.attrs = dict(self.about)
        return made

    def saved(self, company: str = "") -> Saved:
        """Return the model with what is known of it, ready for `crmkit.models.store.save`."""
        attrs = self.panel.attrs
        return Saved(
            self.model, str(self.about.get("cutoff", ""))[:10], int(attrs.get("window_days") or 0),
            attrs.get("basis", "table"), self.features, dict(self.typical), distribution(self.panel[self.features]),
            self.promise, dict(attrs["titles"]), dict(attrs["units"]), company=company,
            currency=attrs.get("currency", ""),
        )  # fmt: skip

    def save(self, path: str | Path, *, company: str = "") -> Path:
        """Write the model and its card; see `crmkit.models.store.save`."""
        return save(self.saved(company), path)


def churn_study(
    crm: Crm,
    *,
    window_days: int = 90,
    basis: str = "auto",
    kind: str = "auto",
    no_order_days: int = 90,
    most: int = 8,
    tests: int = 3,
    features: Sequence[str] | None = None,
    more: Callable[[Crm, datetime], pd.DataFrame] | None = None,
    until: datetime | None = None,
    allowed: Sequence[str] = (),
    compare: bool = True,
) -> Study:
    """Study who leaves, on the tables of a CRM.

    Parameters
    ----------
    crm : Crm
    window_days : int
        How far ahead: the risk is that of leaving within so many days.
    basis : {"auto", "losses", "orders"}
        What leaving is; see `churn_panel`.
    kind : {"auto", "logistic", "boosting"}
        The model; "auto" takes the logistic regression unless boosting orders customers better by more than noise.
    no_order_days : int
        N of the rule "no order for N days".
    most : int
        Cut-offs, at most.
    tests : int
        Cut-offs to be judged on, at most.
    features, more
        As in `churn_panel`.
    until : datetime, optional
        As if it were that moment: windows end by then, and the customers are those of then.
    allowed : sequence of str
        Features that the leakage probe lets pass.
    compare : bool
        False skips the other models and rules, where only the risks are wanted.

    Raises
    ------
    NotInThisData
        Where nothing says who left, the data is too short, or there was no customer.
    DataError
        Where a feature leaks.
    """
    pick("kind", kind, ("auto", *KINDS))
    basis = choose_basis(crm, basis)
    end = until or now_cutoff(crm)
    moments = cutoffs_of(crm, window_days=window_days, most=most, last=end)
    whole = churn_panel(
        crm, [*moments, end], window_days=window_days, basis=basis, features=features, more=more
    )  # fmt: skip
    panel, now = _parted(whole, end)
    if not len(now):
        raise NotInThisData(f"churn: nobody is a customer at {end:%Y-%m-%d}: there is no one to predict.")
    if not len(panel):
        raise NotInThisData(
            f"churn: nobody was a customer at any cut-off before {end:%Y-%m-%d}: nothing to learn from."
        )
    probe = leakage_probe(crm, panel, more=more, allowed=allowed)
    models: dict[str, Any] = {name: ChurnModel(name) for name in KINDS if kind in ("auto", name)}
    if not compare:
        models = {"logistic" if kind == "auto" else kind: ChurnModel("logistic" if kind == "auto" else kind)}
    rules = _rules(panel, no_order_days) if compare else {}
    if panel["cutoff"].nunique() < 2:
        raise NotInThisData(
            f"churn: not in this data, needs two cut-offs {window_days} days apart with a window after each and "
            f"{LEAST_HISTORY} days of history before."
        )
    judged: dict[str, Any] = {}
    predictions = validate(panel, models | rules, least=2, last=tests, keep=judged)
    about = {"cutoff": end, "as_of": crm.as_of, "currency": crm.config.currency, "window_days": window_days}
    return _finish(
        panel, now, predictions, models, probe, kind, about | {"judged": judged}, against=next(iter(rules), "")
    )


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
    frame = frame.to_pandas() if not isinstance(frame, pd.DataFrame) and hasattr(frame, "to_pandas") else frame
    for name in (label, *([id] if id else []), *leave_out):
        if name not in frame:
            raise UsageError(f"The table has no column {name!r}; it has {', '.join(map(str, frame.columns))}.")
    rows = frame.reset_index(drop=True)
    left, unknown = _label(rows[label], label)
    rows, left = rows[~unknown].reset_index(drop=True), left[~unknown]
    features = [str(name) for name in rows.columns if name not in (label, id, *leave_out)]
    given = rows.rename(columns=str)[features]
    keys = [name for name in features if _is_key(given[name])]
    features = [name for name in features if name not in keys]
    panel = given[features].assign(
        customer_id=rows[id].astype(str).to_numpy() if id else np.arange(len(rows)).astype(str), churned=left
    )
    attrs = {"features": features, "titles": {name: name.replace("_", " ") for name in features},
             "units": dict.fromkeys(features, ""), "left_out": dict.fromkeys(keys, "another value in each row"),
             "window_days": None, "basis": "table"}  # fmt: skip
    panel.attrs = attrs
    strength = alone(panel).sort_values(ascending=False, kind="stable")
    strong = strength[(strength > SURE) & ~strength.index.isin(allowed) & enough(panel["churned"])]
    if len(strong):
        raise DataError(
            f"The column {strong.index[0]!r} alone tells who left with an AUC of {strong.iloc[0]:.3f}: it was most "
            "likely filled in because they left. Name it in `leave_out`; or, where you know why, in `allowed`."
        )
    probe = strength.rename_axis("feature").rename("alone").reset_index()
    models: dict[str, Any] = {name: ChurnModel(name) for name in KINDS if kind in ("auto", name)}
    rules = {RULES[2]: GroupRate(column="all")}
    given = panel[features].assign(all="all")
    predictions = cross_validate(given, left, models | rules, folds=folds)
    predictions["customer_id"] = panel["customer_id"].to_numpy()[predictions["customer_id"]]
    about = {"cutoff": "", "as_of": None, "currency": "", "window_days": None}
    panel.attrs = attrs
    notes = [f"{int(unknown.sum())} rows without a label are left out"] if unknown.any() else []
    study = _finish(panel, panel, predictions, models, probe, kind, about, against=RULES[2])
    return Study(**{**study.__dict__, "notes": (*study.notes, *notes)})


def churn_risk(crm: Crm, *, window_days: int = 90, most: int = 3, **options: Any) -> pd.DataFrame:
    """Say of each customer of today how likely they are to leave, and why: one row a customer, for lists of actions.

    Parameters
    ----------
    crm : Crm
    window_days : int
        The risk is that of leaving within so many days.
    most : int
        Reasons for each, at most.
    **options
        As in `churn_study`.

    Returns
    -------
    DataFrame
        `customer_id`, `churn_risk` (0-1, calibrated), `reasons` (text, "" where no feature raises the risk), `group`
        ("losses": customers with subscriptions; "orders": buyers without one, for whom leaving is that no order
        comes within the window). Where both kinds are there, both are in it. `attrs["notes"]` says what could not be.

    Raises
    ------
    NotInThisData
        Where the data has neither.
    """
    basis = options.pop("basis", "auto")
    parts, notes = [], []
    for one in ("losses", "orders") if basis == "auto" else (basis,):
        try:
            study = churn_study(crm, window_days=window_days, basis=one, compare=False, **options)
        except (NotInThisData, DataError) as error:
            notes.append(str(error))
            continue
        parts.append(study.risks(most=most).assign(group=one))
        notes += list(study.notes)
    if not parts:
        raise NotInThisData(notes[0])
    found = pd.concat(parts, ignore_index=True).drop_duplicates("customer_id", ignore_index=True)
    found.attrs = {"notes": notes, "window_days": window_days, "as_of": crm.as_of}
    return found


def _parted(whole: pd.DataFrame, end: datetime) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part the customers of the last cut-off, whose outcome nobody is shown, from the rows to learn from."""
    last = whole["cutoff"] == pd.Timestamp(end)
    panel, now = whole[~last].reset_index(drop=True), whole[last].reset_index(drop=True)
    panel.attrs, now.attrs = dict(whole.attrs), dict(whole.attrs)
    return panel, now


def _rules(panel: pd.DataFrame, days: int) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    if "days_since_order" in panel:
        rules[RULES[0].format(days=days)] = RecencyRule(days=days)
    if "contract" in panel and panel["contract"].nunique() > 1:
        rules[RULES[1]] = GroupRate()
    if not rules:
        rules[RULES[2]] = GroupRate(column=panel.attrs["features"][0])
    return rules


def _finish(panel, now, predictions, models, probe, kind, about, *, against: str) -> Study:
    against = against if against in set(predictions["model"]) else ""
    judged = scores(predictions, against=against)
    chosen, why = _choose(judged, predictions, kind, list(models))
    features = panel.attrs["features"]
    model = clone(models[chosen]).fit(panel[features], panel["churned"], groups=panel["customer_id"])
    left_out = [f"{panel.attrs['titles'].get(n, n)}: {why_}" for n, why_ in panel.attrs["left_out"].items()]
    notes = tuple(note for note in (*left_out, *model.notes_, model.fallback_) if note)
    return Study(panel, predictions, judged, probe, chosen, why, model, now, typical(panel[features]), notes, about)


def _choose(judged: pd.DataFrame, predictions: pd.DataFrame, kind: str, models: list[str]) -> tuple[str, str]:
    """Choose the simpler model unless the other orders customers better by more than noise."""
    if kind != "auto" or len(models) == 1:
        return (kind if kind != "auto" else models[0]), "it was asked for" if kind != "auto" else "it is the simplest"
    both = scores(predictions[predictions["model"].isin(models)], against="logistic").set_index("model")
    row = both.loc["boosting"]
    if row["better_low"] > 0 and row["brier"] < both.loc["logistic", "brier"]:
        return "boosting", "gradient boosting orders customers better, by more than noise"
    return "logistic", "gradient boosting is no better beyond noise, and a logistic regression is simpler to check"


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
