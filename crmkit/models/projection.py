"""What each customer in hand is expected to bring within a horizon, by the model that the own data allows."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import DataError, NotInThisData, UsageError
from crmkit.methods.common import customers_by, names, run, said
from crmkit.methods.contract_summary import contract_summary, renewal_decisions
from crmkit.methods.purchase_summary import last_day, purchase_summary
from crmkit.models.projection_parts import BUYING, TENURE, TERMS, Ask, Part, Seen, modelled
from crmkit.relations import at

_COLUMNS = ["customer_id", "part", "model", "p_alive", "p_stays", "purchases", "expected_purchases", "purchase_value",
            "mrr", "expected_value", "low", "high", "note"]  # fmt: skip
_ONLY_DEALS = "bought through sales only: what was negotiated is no habit to project"
_ENDED = "the contract ended; nobody's coming back is projected"
_CAME_BACK = "ordered after the contract had ended: no model fits"


def lifetime_value(
    crm: Any,
    *,
    horizon: float = 12,
    discount: float = 0.10,
    until: Any = None,
    by: str | Sequence[str] | None = None,
    margin: float | None = None,
    fee_margin: float = 1.0,
) -> pd.DataFrame:
    """Return what each customer in hand is expected to bring within a horizon, and how well that is known.

    Parameters
    ----------
    crm : Crm
        With orders, subscriptions (and terms), or any of them.
    horizon : float
        Months (30.44 days) from the end of `until`.
    discount : float
        A yearly rate: money a year later counts 1 ÷ (1 + discount).
    until : str, date, datetime or Period, optional
        The last day that is known, whole; by default the last that the data knows.
    by : str or list of str, optional
        Columns of customers: each group gets models of its own where it has enough customers for that, the others
        together those of all.
    margin : float, optional
        The share of an order's amount that is left after its cost. By default that of the orders that carry a cost,
        for each part of the customers; without any such, 1, and the note says so.
    fee_margin : float
        The same of subscription fees, of whose cost no table tells.

    Returns
    -------
    DataFrame
        One row a customer who has ordered or subscribed: `customer_id`, one column for each of `by`, `part` (orders
        without a contract, contracts with terms, contracts without terms), `model`, `p_alive` (the chance that the
        customer has not stopped; of contracts that run 1), `p_stays` (of contracts: the chance that it runs at the end
        of the horizon), `purchases` (so far), `expected_purchases`, `purchase_value` (expected amount of
        one), `mrr`, `expected_value` (margin, discounted), `low`, `high` (95%), `note` (why a number is 0 or unknown).
        The most valuable first. Orders that came of an opportunity are left out: a deal is no habit.

        In `attrs`: `horizon`, `discount`, `until`, `currency`. `project` returns the same with totals, and which
        models were used and which refused.

    Notes
    -----
    The intervals cover what is not known of the parameters, each set of which was estimated from a sample of
    customers. They do not cover what chance makes of a single customer, who buys nothing or several times; nor that
    the model may be wrong, of which a hold-out tells, nor what will be different from what was.

    Raises
    ------
    NotInThisData
        Where there are neither orders nor subscriptions.
    UsageError
        Where an option is wrong.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"orders": {"order_id": ["1"], "customer_id": ["a"], "amount": [50.0],
    ...     "ordered_at": ["2026-01-05"]}}, as_of="2026-03-31")
    >>> lifetime_value(crm)[["customer_id", "expected_value", "note"]].values.tolist()
    [['a', nan, 'nobody bought again, and 30 are needed to tell how customers differ']]
    """
    more = {"horizon": horizon, "discount": discount, "until": until, "by": by, "margin": margin}
    return project(crm, fee_margin=fee_margin, **more).customers


@dataclass(frozen=True)
class Projection:
    """What the customers in hand are expected to bring, and how that was found.

    Attributes
    ----------
    customers : DataFrame
        As `lifetime_value` returns it.
    totals : DataFrame
        `part`, `customers`, `expected_value`, `low`, `high`; the last row is all. The interval is that of the sum: an
        error of a parameter moves all its customers alike, so it is no sum of their intervals.
    choices : DataFrame
        Which models were used, and which refused: `part`, `group`, `for`, `model`, `verdict`, `reason`,
        `log_likelihood`, `customers`.
    models : dict
        The fitted models by part, group and what they are for.
    margins : dict of str to float
        The share of an order that was taken to be left after its cost, by part.
    """

    customers: pd.DataFrame
    totals: pd.DataFrame
    choices: pd.DataFrame
    models: dict[tuple[str, str, str], Any]
    margins: dict[str, float]


def project(
    crm: Any,
    *,
    horizon: float = 12,
    discount: float = 0.10,
    until: Any = None,
    by: str | Sequence[str] | None = None,
    margin: float | dict[str, float] | None = None,
    fee_margin: float = 1.0,
) -> Projection:
    """Do what `lifetime_value` does, and return the totals, the choices and the models with it.

    A margin can be given for each part, as an earlier projection has them in `margins`.
    """
    _check(horizon, discount, margin, fee_margin)
    if "orders" not in crm.relations and "subscriptions" not in crm.relations:
        raise NotInThisData("lifetime_value: not in this data, needs the table orders or subscriptions.")
    if crm.as_of is None:
        raise NotInThisData("lifetime_value: not in this data, no row has a date.")
    wanted = names(by)
    day = last_day(crm, until, crm.as_of)
    if ("purchases and contracts", day) not in crm.remembered:  # the same for every horizon
        crm.remembered["purchases and contracts", day] = _seen(crm, day)
    seen = crm.remembered["purchases and contracts", day]
    rows = _everyone(crm, seen, day, wanted)
    share = _margins(crm, day, rows, margin)
    ask = Ask(horizon, float(np.log1p(discount)), share, fee_margin, wanted)
    parts, rest, choices, models = [], [_settled(rows[rows["part"] == ""])], [], {}
    for part in (BUYING, TERMS, TENURE):
        if (rows["part"] == part).any():
            made, unknown = modelled(part, rows, seen, ask, choices, models)
            parts += made
            rest += unknown
    frames = [frame for frame in [*(part.rows for part in parts), *rest] if len(frame)]
    found = pd.concat(frames, ignore_index=True) if frames else rows
    found["purchases"] = found["frequency"] + 1.0 if "frequency" in found else np.nan
    found = found.reindex(columns=[_COLUMNS[0], *wanted, *_COLUMNS[1:]])
    found = found.sort_values(["expected_value", "customer_id"], ascending=[False, True], ignore_index=True)
    found.attrs = {}
    said(found, crm, unit="money", horizon=float(horizon), discount=float(discount), until=day)
    columns = ["part", "group", "for", "model", "verdict", "reason", "log_likelihood", "customers"]
    return Projection(found, _totals(parts), pd.DataFrame(choices, columns=columns), models, share)


def _check(horizon: float, discount: float, margin: Any, fee_margin: float) -> None:
    if not 0 < horizon <= 600:
        raise UsageError(f"horizon is {horizon!r}; give months, above 0 and up to 600.")
    if not 0 <= discount < 10:
        raise UsageError(f"discount is {discount!r}; give a yearly rate from 0, such as 0.1 for 10%.")
    for name, value in (("margin", margin), ("fee_margin", fee_margin)):
        if value is not None and not isinstance(value, dict) and not 0 < value <= 1:
            raise UsageError(f"{name} is {value!r}; give a share above 0 and up to 1, such as 0.4.")


def _seen(crm: Any, day: Any) -> Seen:
    bought = pd.DataFrame(columns=["customer_id", "first_at", "frequency", "recency", "T", "value", "first_value"])
    if "orders" in crm.relations:
        with contextlib.suppress(DataError):  # orders without a date
            bought = purchase_summary(crm, until=day, deals=False)
            bought.attrs = {}
    contracts, decisions = pd.DataFrame(), pd.DataFrame(columns=["customer_id", "term", "renewed", "lapsed"])
    if "subscriptions" in crm.relations:
        contracts = contract_summary(crm, until=day)
        contracts.attrs = {}
        if "terms" in crm.relations:
            decisions = renewal_decisions(crm, until=day)
    return Seen(bought, contracts, decisions)


def _everyone(crm: Any, seen: Seen, day: Any, by: list[str]) -> pd.DataFrame:
    """Return one row a customer, with purchases, the contract that runs, and the part that decides the model."""
    rows, contracts = seen.bought.rename(columns={"first_at": "first_day"}), seen.contracts
    state = ["customer_id", "mrr", "tenure_months", "termed", "term", "months_left", "term_months"]
    if len(contracts):
        live = contracts.loc[~contracts["lost"], state].drop_duplicates("customer_id", keep="last")
        ended = contracts.groupby("customer_id", as_index=False).agg(last_ended_at=("ended_at", "max"))
        ended = ended.merge(_watched(contracts, rows["first_day"].min(), day), on="customer_id", how="left")
        rows = rows.merge(live.merge(ended, on="customer_id", how="outer"), on="customer_id", how="outer")
    else:
        rows = rows.reindex(columns=[*rows.columns, *state[1:], "last_ended_at", "watched_months"])
    runs, ever = rows["mrr"].notna(), rows["watched_months"].notna()
    kinds = [runs & rows["termed"].eq(True) & rows["months_left"].notna(), runs, ~ever]
    rows["part"] = np.select(kinds, [TERMS, TENURE, BUYING], "")
    if "orders" in crm.relations:
        rows = _with_deals(crm, rows, day)
    if by:
        table, groups = customers_by(crm, by)
        found = run(table).rename(columns=dict(zip(groups, by, strict=True)))
        rows = rows.merge(found, on="customer_id", how="left")
        rows[by] = rows[by].fillna("(none)")
    return rows


def _watched(contracts: pd.DataFrame, since: Any, day: Any) -> pd.DataFrame:
    """Return the months for which each customer was under contract while orders were recorded."""
    begins = contracts["started_at"] if pd.isna(since) else contracts["started_at"].clip(lower=since)
    ends = contracts["ended_at"].fillna(pd.Timestamp(day) + pd.Timedelta(days=1))
    months = ((ends - begins).dt.total_seconds() / 86_400 / (365.25 / 12)).clip(lower=0)
    return months.groupby(contracts["customer_id"]).sum().rename("watched_months").reset_index()


def _with_deals(crm: Any, rows: pd.DataFrame, day: Any) -> pd.DataFrame:
    """Add those who bought through sales only, so that nobody who ever bought is missing."""
    orders = crm.relations.get("orders")
    dealt = orders.filter(orders.opportunity_id.notnull() & (orders.amount >= 0) & orders.customer_id.notnull())
    dealt = run(dealt.filter(dealt.ordered_at < at(day + timedelta(days=1))).select("customer_id").distinct())
    dealt = dealt[~dealt["customer_id"].isin(rows["customer_id"])].assign(part="")
    return pd.concat([rows, dealt], ignore_index=True) if len(dealt) else rows


def _margins(crm: Any, day: Any, rows: pd.DataFrame, given: Any) -> dict[str, float]:
    """Return the share left after costs, of each part's orders that carry a cost; 1 where none does."""
    if isinstance(given, dict):
        return given
    if given is not None or "orders" not in crm.relations:
        return dict.fromkeys((BUYING, TERMS, TENURE), 1.0 if given is None else given)
    orders = crm.relations.get("orders")
    known = orders.filter(
        orders.cost.notnull() & orders.opportunity_id.isnull() & (orders.ordered_at < at(day + timedelta(days=1)))
    )
    left = known.amount - known.cost
    sums = run(known.group_by("customer_id").agg(amount=known.amount.sum(), left=left.sum()))
    sums = sums.merge(rows[["customer_id", "part"]], on="customer_id").groupby("part")[["amount", "left"]].sum()
    found = {}
    for part in (BUYING, TERMS, TENURE):
        amount = float(sums["amount"].get(part, 0.0))
        found[part] = float(np.clip(sums["left"][part] / amount, 0.0, 1.0)) if amount > 0 else 1.0
    return found


def _settled(rows: pd.DataFrame) -> pd.DataFrame:
    """Return those for whom nothing is projected: contracts that ended, and those who bought through sales only."""
    if not len(rows):
        return rows
    left_at = pd.to_datetime(rows["last_ended_at"])  # all null, and then no time, where there are no contracts
    ended = left_at.notna()
    days = pd.Series(rows["recency"], index=rows.index).astype(float) * 7
    last = pd.to_datetime(rows["first_day"]) + pd.to_timedelta(days, unit="D")
    back = ended & (last > left_at + pd.Timedelta(days=31))
    gone = ended & ~back
    return rows.assign(
        model=np.where(gone, "contract ended", ""),
        p_alive=np.where(gone, 0.0, np.nan), expected_purchases=np.where(gone, 0.0, np.nan),
        expected_value=np.where(gone, 0.0, np.nan), low=np.where(gone, 0.0, np.nan), high=np.where(gone, 0.0, np.nan),
        note=np.select([back, gone], [_CAME_BACK, _ENDED], _ONLY_DEALS),
    )  # fmt: skip


def _totals(parts: list[Part]) -> pd.DataFrame:
    """Sum up by part, with the interval of the sum: an error of a parameter moves all its customers alike."""
    z, made = 1.959964, []
    by_part: dict[str, list[Part]] = {}
    for part in parts:
        by_part.setdefault(str(part.rows["part"].iloc[0]), []).append(part)
    for name, own in [*by_part.items(), ("all", parts)]:
        sums = [part.total() for part in own]
        value, error = sum(one for one, _ in sums), float(np.sqrt(sum(variance for _, variance in sums)))
        spread = np.exp(z * error / value) if value > 0 else 1.0
        made.append({"part": name, "customers": sum(len(part.rows) for part in own), "expected_value": value,
                     "low": value / spread, "high": value * spread})  # fmt: skip
    return pd.DataFrame(made, columns=["part", "customers", "expected_value", "low", "high"])
