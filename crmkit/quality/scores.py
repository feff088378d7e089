"""How good tables are: the share of rows without an error or a warning, by dimension, month of entry and owner.

    score = 1 − rows with an error or a warning ÷ rows

of a table and a dimension, or of all dimensions together, where a row with three warnings counts once. Cells that
could not be read at all are known by their number only and are added to it. Findings on whole columns and on days
without rows are not in a score; they stand beside it.
"""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from crmkit.errors import NotInThisData
from crmkit.quality.check import Inspection
from crmkit.quality_settings import DIMENSIONS

LEAST = 20
"""Of fewer rows a share says little."""


def scores(inspection: Inspection) -> pd.DataFrame:
    """Score each table by each dimension and by all of them.

    Returns
    -------
    DataFrame
        `table`, `dimension` ("all" first), `rows`, `broken`, `value` (0-1); tables without rows are left out.

    Examples
    --------
    >>> import crmkit
    >>> from crmkit.quality import inspect
    >>> crm = crmkit.open({"leads": {"lead_id": list("abcd"), "created_at": ["2026-01-01", None, "2026-01-02"] * 1 +
    ...     ["2026-01-03"]}})
    >>> scores(inspect(crm)).query("dimension == 'all'")["value"].tolist()
    [0.75]
    """
    counted = inspection.counted
    if not len(counted):
        return pd.DataFrame(columns=["table", "dimension", "rows", "broken", "value"])
    found = counted.groupby(["table", "dimension"], sort=False)[["rows", "broken"]].sum().reset_index()
    unread = inspection.findings[inspection.findings["rule"] == "unreadable"].groupby("table")["rows"].sum()
    more = found["table"].map(unread).fillna(0).where(found["dimension"].isin(["all", "validity"]), 0)
    found["broken"] = (found["broken"] + more).clip(upper=found["rows"]).astype("int64")
    place = {name: at for at, name in enumerate(("all", *DIMENSIONS))}
    order = {name: at for at, name in enumerate(dict.fromkeys(found["table"]))}
    found = found.assign(t=found["table"].map(order), d=found["dimension"].map(place)).sort_values(["t", "d"])
    return found.assign(value=1 - found["broken"] / found["rows"]).drop(columns=["t", "d"]).reset_index(drop=True)


def history(inspection: Inspection, *, every: str = "month", until: datetime | None = None, last: int = 24):
    """Score the rows of each table by the period in which they were entered, of all dimensions together.

    Parameters
    ----------
    inspection : Inspection
    every : {"month", "quarter", "year"}
    until : datetime, optional
        The end of the data; later rows are left out.
    last : int
        At most so many periods.

    Returns
    -------
    DataFrame
        `table`, `period` (start), `rows`, `broken`, `value`, `n`; a table in which nothing is broken is left out, as
        are periods with fewer than 20 rows. Rows without a time of entry are in no period.

    Raises
    ------
    NotInThisData
        Where no table has anything broken, or none has a time of entry.
    """
    found = _dated(inspection, every, until, last)
    broken = found.groupby("table")["broken"].transform("sum")
    found = found[broken > 0].groupby(["table", "period"], sort=False)[["rows", "broken"]].sum().reset_index()
    found = found[found["rows"] >= LEAST]
    if not len(found):
        raise NotInThisData("no row with a date has an error or a warning")
    found = found.assign(value=1 - found["broken"] / found["rows"], n=found["rows"])
    return found.sort_values(["table", "period"], ignore_index=True)


def by_owner(
    inspection: Inspection, *, every: str = "month", until: datetime | None = None, last: int = 24
) -> pd.DataFrame:
    """Score what each user entered or looks after, period by period, over all tables that name one.

    Returns
    -------
    DataFrame
        `owner`, `period`, `rows`, `broken`, `value` (null below 5 rows), `n`.

    Raises
    ------
    NotInThisData
        Where no table names an owner, or nothing that has one is broken.
    """
    found = _dated(inspection, every, until, last)
    found = found[found["owner"].notna()]
    if not len(found) or not found["broken"].sum():
        raise NotInThisData("no row with a date and an owner has an error or a warning")
    found = found.groupby(["owner", "period"])[["rows", "broken"]].sum().reset_index()
    value = (1 - found["broken"] / found["rows"]).where(found["rows"] >= 5)
    return found.assign(value=value, n=found["rows"])


def _dated(inspection: Inspection, every: str, until: datetime | None, last: int) -> pd.DataFrame:
    """Return the counts of all dimensions together, by period of entry, of the last periods."""
    found = inspection.counted
    found = found[(found["dimension"] == "all") & found["month"].notna()]
    end = pd.Timestamp(until) if until is not None else found["month"].max()
    found = found[found["month"] <= end]
    code = {"month": "M", "quarter": "Q", "year": "Y"}[every]
    period = found["month"].dt.to_period(code)
    found = found.assign(period=period.dt.start_time)
    if len(found):
        first = pd.Period(end, code) - (last - 1)
        found = found[period >= first]
    return found
