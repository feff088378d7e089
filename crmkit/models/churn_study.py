"""A churn study from end to end: the rows, the models beside the rules, the one to use, and its risks of today.

`churn_study` works on the tables of a CRM, `churn_table` on a flat table that has a label; both return a `Study`, from
which everything else (calibration, gain, profit, reasons, the list, the file) is a call. `churn_risk` is the short
way: one row a customer of today.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit.errors import DataError, NotInThisData
from crmkit.methods.common import pick
from crmkit.models.churn import KINDS, GroupRate, RecencyRule
from crmkit.models.churn_panel import LEAST_HISTORY, choose_basis, churn_panel, cutoffs_of, now_cutoff
from crmkit.models.leakage import leakage_probe
from crmkit.models.study import BY_CONTRACT, NO_ORDER, ONE_RATE, Study, finish, models_of
from crmkit.models.time_splits import validate

if TYPE_CHECKING:
    from crmkit.crm import Crm


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
    models = models_of(kind if compare or kind != "auto" else "logistic")
    rules = _rules(panel, no_order_days) if compare else {}
    if panel["cutoff"].nunique() < 2:
        raise NotInThisData(
            f"churn: not in this data, needs two cut-offs {window_days} days apart with a window after each and "
            f"{LEAST_HISTORY} days of history before."
        )
    judged: dict[str, Any] = {}
    predictions = validate(panel, models | rules, least=2, last=tests, keep=judged)
    about = {"cutoff": end, "as_of": crm.as_of, "currency": crm.config.currency, "window_days": window_days}
    return finish(
        panel, now, predictions, models, probe, kind, about | {"judged": judged}, against=next(iter(rules), "")
    )


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
        rules[NO_ORDER.format(days=days)] = RecencyRule(days=days)
    if "contract" in panel and panel["contract"].nunique() > 1:
        rules[BY_CONTRACT] = GroupRate()
    if not rules:
        rules[ONE_RATE] = GroupRate(column=panel.attrs["features"][0])
    return rules
