"""How long customers stay, and how long winning takes, with those counted in who are still there or still open."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import pandas as pd

from crmkit import kinds
from crmkit.engine import dimensions, waiting
from crmkit.engine.buckets import buckets
from crmkit.engine.query import START
from crmkit.methods.common import names, need, pick, run, said, with_customers
from crmkit.methods.survival import CURVE, kaplan_meier
from crmkit.periods import Period
from crmkit.relations import at

_DAY = 86_400.0


def customer_lifetimes(
    crm, *, by: str | Sequence[str] | None = None, period: str | Period | None = None, returned: bool = False
) -> pd.DataFrame:
    """Count customers by how many whole days they stayed, or have stayed so far.

    Parameters
    ----------
    crm : Crm
    by : str or list of str, optional
        Columns of customers, or of the tables they join to.
    period : str or Period, optional
        Only customers acquired in it; by default all.
    returned : bool
        Whether the times of those who came back count too, each from its own start. By default each customer's first
        time counts alone.

    Returns
    -------
    DataFrame
        One row a group, number of days and ending: one column for each of `by`, `days` (whole days from acquisition to
        loss, else to `as_of`), `lost` (True: lost then; False: still a customer), `customers`. In `attrs["left_out"]`
        how many are left out because they were lost before they were acquired.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abc"), "created_at": ["2026-01-01"] * 3,
    ...     "acquired_at": ["2026-01-01"] * 3, "lost_at": ["2026-01-11", None, None]}}, as_of="2026-01-31")
    >>> customer_lifetimes(crm)
       days   lost  customers
    0    10   True          1
    1    30  False          2
    """
    wanted = names(by)
    need(crm, "customer_lifetimes", "spells")
    if crm.as_of is None:
        return said(pd.DataFrame(columns=[*wanted, "days", "lost", "customers"]), crm, left_out=0)
    spells = crm.relations.get("spells")
    if not returned:
        spells = spells.filter(spells.spell == 1)
    if period is not None:
        span = crm.period(period)
        spells = spells.filter((spells.acquired_at >= at(span.start)) & (spells.acquired_at < at(span.end)))
    rows, groups = with_customers(crm, spells, wanted)
    ended = ibis.coalesce(rows.lost_at, at(crm.as_of))
    days = ((ended.epoch_seconds() - rows.acquired_at.epoch_seconds()) / _DAY).floor().cast("int64")
    counted = rows.group_by(*groups, days=days, lost=rows.lost_at.notnull()).agg(customers=rows.count())
    found = run(counted).rename(columns=dict(zip(groups, wanted, strict=True)))
    found = found[[*wanted, "days", "lost", "customers"]].sort_values([*wanted, "days", "lost"], ascending=True)
    kept = found[found["days"] >= 0].reset_index(drop=True)
    return said(kept, crm, left_out=int(found["customers"].sum() - kept["customers"].sum()))


def customer_survival(
    crm, *, by: str | Sequence[str] | None = None, period: str | Period | None = None, returned: bool = False
) -> pd.DataFrame:
    """Estimate the share of customers who are still customers, by days since they were acquired (Kaplan-Meier).

    Parameters
    ----------
    crm, by, period, returned
        As in `customer_lifetimes`. Several `by` make one group, their values joined by " · ".

    Returns
    -------
    DataFrame
        One row a day on which somebody left or was last seen: `time` (whole days), `at_risk`, `events` (lost),
        `censored` (still customers, watched no longer), `survival` (share 0-1), `low`, `high` (95%, log-log), and
        one column for `by`. See `median_survival`, `restricted_mean`, and `logrank` for `customer_lifetimes`.

    Notes
    -----
    Only customers that the data has are watched: those who left before it begins are missing, which flatters the
    curve. A customer without subscriptions is lost `inactive_after_days` after the last order, so no such customer
    leaves earlier.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"customers": {"customer_id": list("abcd"), "created_at": ["2026-01-01"] * 4,
    ...     "acquired_at": ["2026-01-01"] * 3 + ["2026-01-26"], "lost_at": ["2026-01-11", "2026-01-21", None, None]}},
    ...     as_of="2026-01-31")
    >>> customer_survival(crm)[["time", "at_risk", "events", "survival"]].round(3)
       time  at_risk  events  survival
    0   5.0      4.0     0.0     1.000
    1  10.0      3.0     1.0     0.667
    2  20.0      2.0     1.0     0.333
    3  30.0      1.0     0.0     0.333
    """
    wanted = names(by)
    lives = customer_lifetimes(crm, by=wanted, period=period, returned=returned)
    groups = _one_group(lives, wanted)
    curve = kaplan_meier(lives["days"], lives["lost"], weights=lives["customers"], groups=groups)
    about = {"title": "Still customers", "unit": "share", "left_out": lives.attrs["left_out"]}
    return said(curve if groups is None else curve.rename(columns={curve.columns[-1]: groups.name}), crm, **about)


def sales_cycle_censored(
    crm,
    *,
    period: str | Period,
    every: str | None = None,
    by: str | Sequence[str] | None = None,
    watched: str = "always",
) -> pd.DataFrame:
    """Estimate the median days from an opportunity's creation to winning, those still open counted as such.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    every : {"week", "month", "quarter", "year"}, optional
        Split the period into these.
    by : str or list of str, optional
        Columns of opportunities, or of the tables they join to.
    watched : {"always", "in_period"}
        "always": each opportunity is at risk of being won from its creation on. "in_period": one that was created
        before the period is at risk only from its age at the period's start on, as in a life table of a year
        (left truncation).

    Returns
    -------
    DataFrame
        One row a period and group: `period` (start), one column for each of `by`, `value` (days; null where more than
        half would still be open), `low`, `high` (95%, Brookmeyer and Crowley), `n` (opportunities won in the period or
        open at its end), `won`, `open`.

    Notes
    -----
    Of the opportunities won in the period, and those open at its end (or at `as_of`), the latter are taken as not won
    so far. Left out, as in the mean: those lost by the end of the period. Losing competes with winning: the open ones
    are treated as if each would be won at last, so the median is that of a pipeline that loses nothing more.

    The shorter the period, the fewer the wins beside the same number of open ones, and the longer the median:
    compare periods of equal length, a year rather than a month. `watched="in_period"` does not depend on the length,
    but needs many opportunities: with few, a single early win can bring the curve down.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"opportunities": {"opportunity_id": list("abc"), "outcome": ["won", "won", "open"],
    ...     "created_at": ["2026-03-01"] * 3, "closed_at": ["2026-03-11", "2026-03-21", None]}}, as_of="2026-03-31")
    >>> sales_cycle_censored(crm, period="2026-03")[["value", "n", "won", "open"]].values.tolist()
    [[20.0, 3.0, 2.0, 1.0]]
    """
    wanted = names(by)
    late = pick("watched", watched, ("always", "in_period")) == "in_period"
    need(crm, "sales_cycle_censored", "opportunities")
    span = buckets(crm, period, every)
    deals, groups = dimensions.joined(crm, crm.relations, "opportunities", wanted)
    kind = kinds.waiting(deals.created_at, deals.closed_at, deals.outcome == "won")
    rows = waiting.fetch(deals, groups, kind, span)
    parts = [waiting.in_period(rows, part, groups, as_of=crm.as_of, late=late) for part in span.periods]
    found = pd.concat(parts, ignore_index=True).rename(columns={START: "period", "met": "won", "waiting": "open"})
    found = found.rename(columns=dict(zip(groups, wanted, strict=True)))
    found = found[["period", *wanted, "value", "low", "high", "n", "won", "open"]]
    return said(found, crm, title="Sales cycle, median with open ones", unit="days")


def _one_group(frame: pd.DataFrame, by: list[str]) -> pd.Series | None:
    """Return the groups as one column, called by the names of the dimensions."""
    if not by:
        return None
    one = frame[by[0]] if len(by) == 1 else frame[by].astype(str).agg(" · ".join, axis=1)
    name = " · ".join(by)
    return one.rename(name if name not in CURVE else f"by {name}")
