"""What each customer in hand is expected to bring within a horizon, by the model that the own data allows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from crmkit.errors import DataError, NotInThisData, UsageError
from crmkit.methods.common import customers_by, names, run, said
from crmkit.methods.contract_summary import contract_summary, renewal_decisions
from crmkit.methods.purchase_summary import last_day, purchase_summary
from crmkit.models import estimation
from crmkit.models.choose import Choice, choose_buying, choose_spending, spending_input
from crmkit.models.nbd import Nbd, rates
from crmkit.models.staying import Staying, choose_leaving, choose_renewal, paid_by_tenure, paid_by_terms
from crmkit.relations import at

BUYING, TERMS, TENURE = "orders without a contract", "contracts with terms", "contracts without terms"
_WEEKS = 365.25 / 12 / 7  # in a month
_COLUMNS = ["customer_id", "part", "model", "p_alive", "p_stays", "purchases", "expected_purchases", "purchase_value",
            "mrr", "expected_value", "low", "high", "note"]  # fmt: skip
_ONLY_DEALS = "bought through sales only: what was negotiated is no habit to project"
_ENDED = "the contract ended; nobody's coming back is projected"
_CAME_BACK = "ordered after the contract had ended: no model fits"


@dataclass
class _Part:
    """Customers under one set of fitted models: values, and how they move with the logarithms of the parameters."""

    rows: pd.DataFrame
    slopes: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, rows: pd.DataFrame, *blocks: tuple[np.ndarray, np.ndarray]) -> _Part:
        """Put the parameters of several models, estimated apart, side by side."""
        from scipy.linalg import block_diag

        slopes = np.vstack([slope for slope, _ in blocks])
        value = rows["expected_value"].to_numpy(float)
        made = cls(rows, slopes, block_diag(*(covariance for _, covariance in blocks)))
        low, high = estimation.interval(value, slopes, made.covariance)
        made.rows = rows.assign(low=low, high=high)
        return made

    def total(self) -> tuple[float, float]:
        """Return the sum of the values and its variance: errors of parameters are common to all customers."""
        slope = np.nansum(self.slopes, axis=1)
        return float(self.rows["expected_value"].sum()), float(slope @ self.covariance @ slope)


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
    ask = _Ask(horizon, float(np.log1p(discount)), share, fee_margin, wanted)
    parts, rest, choices, models = [], [_settled(rows[rows["part"] == ""])], [], {}
    for part in (BUYING, TERMS, TENURE):
        if (rows["part"] == part).any():
            made, unknown = _modelled(part, rows, seen, ask, choices, models)
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


@dataclass(frozen=True)
class _Ask:
    """What was asked: months, a yearly rate without pause, margins, groups."""

    horizon: float
    rate: float
    margins: dict[str, float]
    fee_margin: float
    by: list[str]

    @property
    def monthly(self) -> float:
        return self.rate / 12


def _check(horizon: float, discount: float, margin: Any, fee_margin: float) -> None:
    if not 0 < horizon <= 600:
        raise UsageError(f"horizon is {horizon!r}; give months, above 0 and up to 600.")
    if not 0 <= discount < 10:
        raise UsageError(f"discount is {discount!r}; give a yearly rate from 0, such as 0.1 for 10%.")
    for name, value in (("margin", margin), ("fee_margin", fee_margin)):
        if value is not None and not isinstance(value, dict) and not 0 < value <= 1:
            raise UsageError(f"{name} is {value!r}; give a share above 0 and up to 1, such as 0.4.")


@dataclass(frozen=True)
class _Seen:
    """What is known at the end of a day: purchases by customer, contracts, decisions at the ends of terms."""

    bought: pd.DataFrame
    contracts: pd.DataFrame
    decisions: pd.DataFrame


def _seen(crm: Any, day: Any) -> _Seen:
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
    return _Seen(bought, contracts, decisions)


def _everyone(crm: Any, seen: _Seen, day: Any, by: list[str]) -> pd.DataFrame:
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


def _modelled(part, everyone, seen, ask, choices, models) -> tuple[list[_Part], list[pd.DataFrame]]:
    """Fit the models of a part, by groups where they are large enough, and apply them."""
    fit, use = (_fit_buying, _use_buying) if part == BUYING else (_fit_contract, _use_contract)
    rows = everyone[everyone["part"] == part]
    made, unknown, left = [], [], []
    for group, mine in rows.groupby(ask.by, sort=True) if ask.by else ():
        same = (everyone[ask.by] == list(group)).all(axis=1)  # those whose contract ended tell of the others
        fitted = fit(part, mine, seen, everyone.loc[same, "customer_id"])
        if fitted.usable:
            _note(part, " · ".join(map(str, group)), fitted, choices, models)
            made.append(use(part, mine, fitted, ask))
        else:
            left.append(mine)
    others = pd.concat(left) if left else rows.iloc[: 0 if ask.by else None]
    if len(others):
        fitted = fit(part, rows, seen, everyone["customer_id"])
        _note(part, "others, fitted to all" if made else "all", fitted, choices, models)
        if fitted.usable:
            made.append(use(part, others, fitted, ask))
        else:
            alive = np.nan if part == BUYING else 1.0
            unknown.append(others.assign(model="", note=fitted.reason, expected_value=np.nan, p_alive=alive))
    return made, unknown


@dataclass(frozen=True)
class _Fitted:
    """What was fitted to a part: how customers stop or stay, how often they buy, for how much."""

    flow: Any
    spending: Choice | None
    rate: Nbd | None = None

    @property
    def usable(self) -> bool:
        if isinstance(self.flow, Staying):
            return bool(self.flow.title)
        return self.flow.model is not None and self.spending.model is not None

    @property
    def reason(self) -> str:
        return self.flow.reason if isinstance(self.flow, Staying) or self.flow.model is None else self.spending.reason


def _note(part: str, group: str, fitted: _Fitted, choices: list, models: dict) -> None:
    purpose = "buying and stopping" if part == BUYING else "staying"
    tables = [(purpose, fitted.flow.table)]
    models[part, group, purpose] = fitted.flow.model
    if part == BUYING:
        refused = "these customers have no contract whose end is seen"
        rows = [*fitted.flow.table.to_dict("records"),
                {"model": "sBG", "verdict": "refused", "reason": refused, "customers": np.nan}]  # fmt: skip
        tables = [(purpose, pd.DataFrame(rows))]
    if fitted.spending is not None:
        tables.append(("value of a purchase", fitted.spending.table))
        models[part, group, "value of a purchase"] = fitted.spending.model
    if fitted.rate is not None:
        models[part, group, "orders beside the contract"] = fitted.rate
    for use, table in tables:
        choices += [{"part": part, "group": group, "for": use, **row} for row in table.to_dict("records")]


def _fit_buying(part: str, rows: pd.DataFrame, seen: _Seen, members: pd.Series) -> _Fitted:
    return _Fitted(choose_buying(rows), choose_spending(rows))


def _use_buying(part: str, rows: pd.DataFrame, fitted: _Fitted, ask: _Ask) -> _Part:
    model, spending = fitted.flow.model, fitted.spending.model
    weeks, rate, margin = ask.horizon * _WEEKS, ask.monthly / _WEEKS, ask.margins[part]
    expected = model.predict(rows, weeks)
    counted = model.expected_purchases(rows, weeks, discount=rate)["expected_purchases"].to_numpy()
    given, _ = spending_input(rows, first_too=spending.first_too_)
    value = spending.predict(given)
    found = rows.assign(model=fitted.flow.title, p_alive=model.probability_alive(rows), expected_purchases=expected,
                        purchase_value=value, expected_value=counted * value * margin, note="")  # fmt: skip
    flow = model.sensitivity(rows, weeks, discount=rate) * value * margin
    spent = spending.sensitivity(given) * counted * margin
    return _Part.of(found, (flow, model.estimate_.covariance), (spent, spending.covariance_))


def _fit_contract(part: str, rows: pd.DataFrame, seen: _Seen, members: pd.Series) -> _Fitted:
    """Fit staying to all contracts of the members, past ones too, and orders to the time under contract."""
    if part == TERMS:
        mine = seen.decisions[seen.decisions["customer_id"].isin(members)]
        flow = choose_renewal(mine, contracts=len(rows))
    else:
        mine = seen.contracts[seen.contracts["customer_id"].isin(members) & ~seen.contracts["termed"]]
        flow = choose_leaving(mine, customers=len(rows))
    bought = rows[rows["frequency"].notna()]
    if not flow.title or len(bought) < 2:
        return _Fitted(flow, None)
    spending = choose_spending(bought)
    try:
        rate = Nbd().fit(_exposure(rows))
    except DataError:
        return _Fitted(flow, None)
    return _Fitted(flow, spending if spending.model is not None else None, rate)


def _exposure(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    bought = rows["frequency"].fillna(-1).to_numpy(float) + 1  # a purchase summary does not count the first
    return {"frequency": bought, "T": rows["watched_months"].to_numpy(float)}


def _use_contract(part: str, rows: pd.DataFrame, fitted: _Fitted, ask: _Ask) -> _Part:
    pay: Callable = paid_by_terms if part == TERMS else paid_by_tenure
    values, fees = fitted.flow.values, rows["mrr"].to_numpy(float) * ask.fee_margin
    (paid, stays), (months, _) = (pay(values, rows, ask.horizon, rate) for rate in (ask.monthly, 0.0))
    often, value = np.zeros(len(rows)), np.full(len(rows), np.nan)
    blocks = []
    if fitted.rate is not None and fitted.spending is not None:
        spending, seen, margin = fitted.spending.model, _exposure(rows), ask.margins[part]
        filled = rows.assign(frequency=rows["frequency"].fillna(0.0), first_value=rows["first_value"].fillna(0.0))
        given, _ = spending_input(filled, first_too=spending.first_too_)
        given.loc[rows["frequency"].isna().to_numpy(), "frequency"] = 0.0  # who never ordered: the mean of all
        often, value = fitted.rate.predict(seen), spending.predict(given)
        moved = estimation.slopes(lambda v: rates(v, seen["frequency"], seen["T"]), fitted.rate.estimate_.values)
        blocks = [(moved * paid * value * margin, fitted.rate.estimate_.covariance),
                  (spending.sensitivity(given) * often * paid * margin, spending.covariance_)]  # fmt: skip
    beside = often * np.nan_to_num(value) * ask.margins[part]
    slope = estimation.slopes(lambda v: pay(v, rows, ask.horizon, ask.monthly)[0], values) * (fees + beside)
    found = rows.assign(model=fitted.flow.title, p_alive=1.0, p_stays=stays, expected_purchases=often * months,
                        purchase_value=value, expected_value=paid * (fees + beside), note="")  # fmt: skip
    return _Part.of(found, (slope, fitted.flow.covariance), *blocks)


def _settled(rows: pd.DataFrame) -> pd.DataFrame:
    """Return those for whom nothing is projected: contracts that ended, and those who bought through sales only."""
    if not len(rows):
        return rows
    ended = rows["last_ended_at"].notna()
    days = pd.Series(rows["recency"], index=rows.index).astype(float) * 7
    last = pd.to_datetime(rows["first_day"]) + pd.to_timedelta(days, unit="D")
    back = ended & (last > rows["last_ended_at"] + pd.Timedelta(days=31))
    gone = ended & ~back
    return rows.assign(
        model=np.where(gone, "contract ended", ""),
        p_alive=np.where(gone, 0.0, np.nan), expected_purchases=np.where(gone, 0.0, np.nan),
        expected_value=np.where(gone, 0.0, np.nan), low=np.where(gone, 0.0, np.nan), high=np.where(gone, 0.0, np.nan),
        note=np.select([back, gone], [_CAME_BACK, _ENDED], _ONLY_DEALS),
    )  # fmt: skip


def _totals(parts: list[_Part]) -> pd.DataFrame:
    """Sum up by part, with the interval of the sum: an error of a parameter moves all its customers alike."""
    z, made = 1.959964, []
    by_part: dict[str, list[_Part]] = {}
    for part in parts:
        by_part.setdefault(str(part.rows["part"].iloc[0]), []).append(part)
    for name, own in [*by_part.items(), ("all", parts)]:
        sums = [part.total() for part in own]
        value, error = sum(one for one, _ in sums), float(np.sqrt(sum(variance for _, variance in sums)))
        spread = np.exp(z * error / value) if value > 0 else 1.0
        made.append({"part": name, "customers": sum(len(part.rows) for part in own), "expected_value": value,
                     "low": value / spread, "high": value * spread})  # fmt: skip
    return pd.DataFrame(made, columns=["part", "customers", "expected_value", "low", "high"])
