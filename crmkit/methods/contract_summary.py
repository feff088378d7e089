"""Contracts of customers as models of staying need them: since when, until when, in which term, at what fee."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from crmkit.methods.common import need, run
from crmkit.methods.purchase_summary import last_day
from crmkit.relations import at

_MONTH = 365.25 / 12
_FOREVER = pd.Timestamp("2200-01-01")


def contract_summary(crm: Any, *, until: Any = None) -> pd.DataFrame:
    """Return the contracts known at the end of a day, one row each.

    A contract is an unbroken time of a customer under subscriptions: those that touch or overlap are one, so a change
    of plan ends none.

    Parameters
    ----------
    crm : Crm
        With subscriptions, and terms where they have such.
    until : str, date, datetime or Period, optional
        The last day that counts, as in `purchase_summary`. What ends after it runs.

    Returns
    -------
    DataFrame
        `customer_id`, `started_at`, `ended_at` (null while it runs), `lost` (whether it ended), `mrr` (recurring
        revenue a month of what runs), `tenure_months` (30.44 days; to the end, or so far), `entered_months` (tenure
        when losses began to be seen: 0 for contracts made since), `termed` (whether it has terms), `term` (the number
        of the last, 1 the first), `months_left` (to the end of the term that runs, null where none does),
        `term_months` (its length). In `attrs`: `until`, `watched_from` (the first loss that the data has: who was lost
        before it is not in the data).

    Raises
    ------
    NotInThisData
        Where there are no subscriptions.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": list("123"), "customer_id": list("aab"),
    ...     "started_at": ["2026-01-01", "2026-03-02", "2026-02-01"], "ended_at": ["2026-03-02", None, "2026-04-01"],
    ...     "mrr": [10.0, 15.0, 8.0]}}, as_of="2026-05-31")
    >>> contract_summary(crm)[["customer_id", "lost", "mrr", "tenure_months"]].round(1)
      customer_id   lost   mrr  tenure_months
    0           a  False  15.0            5.0
    1           b   True   0.0            1.9
    """
    need(crm, "contract_summary", "subscriptions")
    end = last_day(crm, until, crm.as_of) + timedelta(days=1)
    runs = _runs(crm, end)
    key = ["customer_id", "spell"]
    running = runs["ended_at"].isna()
    found = runs.assign(fee=runs["mrr"].fillna(0.0).where(running, 0.0), over=runs["ended_at"].fillna(_FOREVER))
    found = found.groupby(key, as_index=False).agg(
        started_at=("started_at", "min"), over=("over", "max"), mrr=("fee", "sum")
    )
    found["lost"] = found["over"] < _FOREVER
    found["ended_at"] = found["over"].where(found["lost"])
    known = found["over"].where(found["lost"], pd.Timestamp(end))
    found["tenure_months"] = _months(known - found["started_at"])
    since = found.loc[found["lost"], "over"].min()
    before = _months(since - found["started_at"]).clip(lower=0) if pd.notna(since) else 0.0
    found["entered_months"] = np.minimum(before, found["tenure_months"])
    found = _with_terms(found, _terms(crm, runs, end), end)
    columns = ["customer_id", "started_at", "ended_at", "lost", "mrr", "tenure_months", "entered_months", "termed",
               "term", "months_left", "term_months"]  # fmt: skip
    made = found.sort_values(["customer_id", "started_at"], ignore_index=True)[columns]
    made.attrs |= {"until": end - timedelta(days=1), "watched_from": since}
    return made


def renewal_decisions(crm: Any, *, until: Any = None) -> pd.DataFrame:
    """Return what was decided at the ends of terms by the end of a day, one row a term that ended with an outcome.

    Returns
    -------
    DataFrame
        `customer_id`, `term` (its number within the unbroken contract, 1 the first), `renewed`, `lapsed` (1 or 0).

    Raises
    ------
    NotInThisData
        Where there are no subscriptions or no terms.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"subscriptions": {"subscription_id": ["1"], "customer_id": ["a"],
    ...     "started_at": ["2024-01-01"], "mrr": [10.0]}, "terms": {"subscription_id": ["1", "1"],
    ...     "term_start": ["2024-01-01", "2025-01-01"], "term_end": ["2025-01-01", "2026-01-01"],
    ...     "outcome": ["renewed", "open"]}}, as_of="2025-06-30")
    >>> renewal_decisions(crm).values.tolist()
    [['a', 1, 1, 0]]
    """
    need(crm, "renewal_decisions", "subscriptions", "terms")
    end = last_day(crm, until, crm.as_of) + timedelta(days=1)
    terms = _terms(crm, _runs(crm, end), end)
    over = (terms["term_end"] < pd.Timestamp(end)) & terms["outcome"].isin(["renewed", "lapsed"])
    made = terms.loc[over, ["customer_id", "term"]].reset_index(drop=True)
    renewed = (terms.loc[over, "outcome"] == "renewed").to_numpy()
    return made.assign(renewed=renewed.astype("int64"), lapsed=(~renewed).astype("int64"))


def _months(time: pd.Series) -> pd.Series:
    return time.dt.total_seconds() / 86_400 / _MONTH


def _runs(crm: Any, end: datetime) -> pd.DataFrame:
    """Return the subscriptions known at a moment, those that end later as running; numbered by contract."""
    rows = crm.relations.get("subscriptions")
    rows = rows.filter(rows.started_at.notnull() & (rows.started_at < at(end)) & rows.customer_id.notnull())
    runs = run(rows.select("subscription_id", "customer_id", "started_at", "ended_at", "mrr"))
    runs["ended_at"] = runs["ended_at"].where(runs["ended_at"] < pd.Timestamp(end))
    runs = runs.assign(over=runs["ended_at"].fillna(_FOREVER)).sort_values(["customer_id", "started_at", "over"])
    before = runs.groupby("customer_id")["over"].cummax().groupby(runs["customer_id"]).shift()
    begins = before.isna() | (runs["started_at"] > before)  # as the derived relation `spells` does
    return runs.assign(spell=begins.groupby(runs["customer_id"]).cumsum()).drop(columns="over")


def _terms(crm: Any, runs: pd.DataFrame, end: datetime) -> pd.DataFrame:
    """Return the terms that had begun, numbered within their contract."""
    if "terms" not in crm.relations:
        return pd.DataFrame(columns=["customer_id", "spell", "term_start", "term_end", "outcome", "term"])
    rows = crm.relations.get("terms")
    rows = rows.filter(rows.term_start.notnull() & rows.term_end.notnull() & (rows.term_start < at(end)))
    terms = run(rows.select("subscription_id", "term_start", "term_end", "outcome"))
    terms = terms.merge(runs[["subscription_id", "customer_id", "spell"]], on="subscription_id")
    terms = terms.sort_values(["customer_id", "spell", "term_start", "term_end"], ignore_index=True)
    return terms.assign(term=terms.groupby(["customer_id", "spell"]).cumcount() + 1)


def _with_terms(found: pd.DataFrame, terms: pd.DataFrame, end: datetime) -> pd.DataFrame:
    key = ["customer_id", "spell"]
    if not len(terms):
        return found.assign(termed=False, term=np.nan, months_left=np.nan, term_months=np.nan)
    last = terms.groupby(key, as_index=False).tail(1)
    left = _months(last["term_end"] - pd.Timestamp(end))
    last = last.assign(termed=True, months_left=left.where(last["term_end"] >= pd.Timestamp(end)),
                       term_months=_months(last["term_end"] - last["term_start"]))  # fmt: skip
    found = found.merge(last[[*key, "term", "termed", "months_left", "term_months"]], on=key, how="left")
    return found.assign(termed=found["termed"].eq(True))
