"""What a churn study found, and how it comes from judged models: one is chosen, and fitted on all rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from crmkit.models.churn import KINDS, ChurnModel
from crmkit.models.monitoring import distribution
from crmkit.models.reasons import reasons, typical
from crmkit.models.scores import scores
from crmkit.models.store import Saved, save

NO_ORDER, BY_CONTRACT, ONE_RATE = "no order for {days} days", "rate of the contract", "one rate for all"
"""The names of the rules that models have to beat."""


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


def models_of(kind: str) -> dict[str, Any]:
    """Return the models to judge, by name: the kind that was asked for, or all."""
    return {name: ChurnModel(name) for name in KINDS if kind in ("auto", name)}


def finish(
    panel: pd.DataFrame,
    now: pd.DataFrame,
    predictions: pd.DataFrame,
    models: Mapping[str, Any],
    probe: pd.DataFrame,
    kind: str,
    about: Mapping[str, Any],
    *,
    against: str,
) -> Study:
    """Choose among models that were judged on customers they had not seen, and fit the one to use on all rows."""
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
