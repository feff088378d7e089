"""What the CRM has brought so far: each benefit with its uncertainty, the cash flow, and what the return may be.

Uncertainty comes from resampling months: those of the year before and those since, each drawn with replacement. A draw
changes the rates of the year before, too, so that a year that happened to be bad does not pass for a benefit. Costs of
the CRM are what was paid and are not drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmkit.derived.crm_effects import introduced
from crmkit.derived.crm_flows import BENEFITS, COSTS
from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData, UsageError
from crmkit.methods.common import run, said
from crmkit.methods.investment import cash_flow
from crmkit.metric import find
from crmkit.relations import at

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

DRAWS = 4_000
_SIGN = {"time": -1.0, "acquisition": -1.0, "retention": 1.0, "revenue": 1.0, "cross_sell": 1.0}


def crm_benefits(crm: Crm, *, until: str | Period | None = None, draws: int = DRAWS, seed: int = 7) -> pd.DataFrame:
    """List the named benefits since the introduction, each with a 95% interval, and their sum.

    Parameters
    ----------
    crm : Crm
    until : str or Period, optional
        Up to the end of this period; by default all that the data knows.
    draws, seed : int
        Of the resampling of months.

    Returns
    -------
    DataFrame
        One row a benefit that this data knows, the last one "sum": `benefit`, `metric`, `title`, `value`, `low`,
        `high`, `before` and `since` (the amount of a unit in the year before, and since), `units` (how many since the
        introduction), `above_zero` (the share of draws above 0). A unit is a task or note (and its cost), a customer
        acquired (cost), a term's margin due (share kept), a first deal (margin), a customer and month (margin).

    Raises
    ------
    NotInThisData
        Where the data knows no benefit, or not when the CRM was introduced.

    Examples
    --------
    >>> import crmkit
    >>> from crmkit import paths
    >>> found = crm_benefits(crmkit.open(paths.sample_data()), draws=500).set_index("benefit")
    >>> bool(abs(found.value[:-1].sum() - found.value["sum"]) < 1e-6), bool(found.low["retention"] > 0)
    (True, True)
    """
    sums = _monthly_sums(crm, until)
    drawn = pd.DataFrame(_draws(sums, draws=draws, seed=seed))
    rows = []
    for name in drawn:
        part = sums[sums["benefit"] == name]
        old, new = part[part["months"] < 0], part[part["months"] >= 0]
        about = {"before": _rate(old), "since": _rate(new), "units": float(new["units"].sum())}
        rows.append((name, f"crm_benefit_{name}", float(new["flow"].sum()), drawn[name], about))
    rows.append(("sum", "crm_benefit", sum(row[2] for row in rows), drawn.sum(axis=1), {}))
    made = [
        {
            "benefit": name, "metric": metric, "title": _title(name, metric),
            "value": value, "low": float(found.quantile(0.025)), "high": float(found.quantile(0.975)), **about,
            "above_zero": float((found > 0).mean()),
        }
        for name, metric, value, found, about in rows
    ]  # fmt: skip
    columns = ["benefit", "metric", "title", "value", "low", "high", "before", "since", "units", "above_zero"]
    return said(pd.DataFrame(made).reindex(columns=columns), crm, unit="money")


def _rate(sums: pd.DataFrame) -> float:
    units = float(sums["units"].sum())
    return float(sums["amount"].sum()) / units if units else float("nan")


def _title(name: str, metric: str) -> str:
    title = find(metric).title.removeprefix("Benefit: ")
    return "All benefits" if name == "sum" else title[0].upper() + title[1:]


def measured_flows(crm: Crm, *, until: str | Period | None = None, rate: float = 0.1) -> pd.DataFrame:
    """Lay out what the CRM cost and brought, month by month from the first cost on.

    Returns
    -------
    DataFrame
        As `crmkit.methods.cash_flow`: `step` is the month since the introduction (negative before), to which flows are
        discounted; and `month`, its first day.
    """
    if reason := lacks(crm, "npv"):
        raise NotInThisData(f"measured_flows: not in this data, {reason}.")
    flows = crm.relations.get("crm_flows")
    flows = flows.filter(flows["at"] < at(_end(crm, until)))
    sums = flows.group_by("months").agg(cost=flows.cost.sum(), benefit=flows.benefit.sum())
    found = run(sums).fillna(0.0).set_index("months").sort_index()
    found = found[found["cost"].gt(0).cummax() | (found.index >= 0)]
    if not len(found):
        raise NotInThisData("measured_flows: not in this data, no cost of the CRM and no month since its introduction.")
    found = found.reindex(range(int(found.index.min()), int(found.index.max()) + 1), fill_value=0.0)
    frame = cash_flow(found["cost"], found["benefit"], rate=rate, first=int(found.index[0]))
    begin = introduced(crm.config)
    first = pd.Timestamp(begin.year, begin.month, 1)
    months = [first + pd.DateOffset(months=int(step)) for step in frame["step"]]
    return said(frame.assign(month=pd.DatetimeIndex(months).astype("datetime64[us]")), crm)


def measured_return(
    crm: Crm, *, until: str | Period | None = None, rate: float = 0.1, draws: int = DRAWS, seed: int = 7
) -> pd.DataFrame:
    """Draw what the return to date may be, given how uncertain each benefit is.

    Returns
    -------
    DataFrame
        One row a draw: `crm_benefit`, `crm_roi` (of all cost so far), `npv` (at the introduction).
    """
    flows = measured_flows(crm, until=until, rate=rate)
    sums = _monthly_sums(crm, until)
    whole = sum(_draws(sums, draws=draws, seed=seed).values())
    worth = sum(_draws(sums, draws=draws, seed=seed, rate=rate).values())
    cost = float(flows["cost"].sum())
    paid = float((flows["cost"] * (1 + rate) ** (-flows["step"] / 12)).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        gained = (whole - cost) / cost if cost else np.full(len(whole), np.nan)
    return said(pd.DataFrame({"crm_benefit": whole, "crm_roi": gained, "npv": worth - paid}), crm, cost=cost)


def cost_by_category(crm: Crm, *, until: str | Period | None = None) -> pd.DataFrame:
    """Sum what was paid for the CRM by category: `category`, `value`; those without any cost are left out."""
    if reason := lacks(crm, "crm_cost"):
        raise NotInThisData(f"cost_by_category: not in this data, {reason}.")
    costs = crm.relations.get("costs")
    costs = costs.filter(costs.category.isin(COSTS) & (costs.month < at(_end(crm, until))))
    found = run(costs.group_by("category").agg(value=costs.amount.sum().cast("float64")))
    place = {name: order for order, name in enumerate(COSTS)}
    found = found.sort_values("category", key=lambda names: names.map(place), ignore_index=True)
    return said(found, crm, unit="money", title="Cost of the CRM")


def _end(crm: Crm, until: str | Period | None):
    period = crm.period(until or "latest", every=None if until else "month")
    return period.end


def _monthly_sums(crm: Crm, until: str | Period | None) -> pd.DataFrame:
    """Return units, amounts and flows of each benefit and stratum by month since the introduction."""
    reason = lacks(crm, "crm_benefit")
    if reason:
        raise NotInThisData(f"crm_benefits: not in this data, {reason}.")
    effects = crm.relations.get("crm_effects")
    effects = effects.filter(effects["at"] < at(_end(crm, until)))
    begin = introduced(crm.config)
    months = effects["at"].year() * 12 + effects["at"].month() - (begin.year * 12 + begin.month)
    if begin.day > 1:  # months are counted from the day of the introduction
        months = months - (effects["at"].day() < begin.day).ifelse(1, 0)
    rows = effects.mutate(months=months.cast("int64"))
    sums = rows.group_by("benefit", "stratum", "months").agg(
        units=rows.units.sum(), amount=rows.amount.sum(), flow=rows.flow.sum()
    )
    found = run(sums)
    reasons = {name: lacks(crm, f"crm_benefit_{name}") for name in BENEFITS}
    known = [name for name, reason in reasons.items() if not reason]
    if not known:
        raise NotInThisData(f"crm_benefits: not in this data, {reasons['acquisition']}, to know any benefit.")
    found = found[found["benefit"].isin(known) & (found["months"] >= -12)]
    if not len(found):
        raise NotInThisData("crm_benefits: not in this data, nothing happened in the year before the CRM or since.")
    found = found.fillna({"units": 0.0, "amount": 0.0})
    return found.sort_values(["benefit", "stratum", "months"], ignore_index=True)


def _draws(sums: pd.DataFrame, *, draws: int, seed: int, rate: float = 0.0) -> dict[str, np.ndarray]:
    """Resample months and return each benefit in each draw, discounted to the introduction where `rate` is given.

    All benefits of one draw come from the same months.
    """
    if isinstance(draws, bool) or not isinstance(draws, int) or not 1 <= draws <= 100_000:
        raise UsageError(f"draws is {draws!r}; it must be a whole number from 1 to 100,000.")
    rng = np.random.default_rng(seed)
    last = max(int(sums["months"].max()), 0)
    before, since = np.arange(-12, 0), np.arange(last + 1)
    weight = {
        "before": rng.multinomial(len(before), np.full(len(before), 1 / len(before)), draws),
        "since": rng.multinomial(len(since), np.full(len(since), 1 / len(since)), draws),
    }
    worth = (1 + rate) ** (-since / 12)
    found: dict[str, np.ndarray] = {}
    for (benefit, _), rows in sums.groupby(["benefit", "stratum"], sort=False):
        wide = rows.set_index("months")[["units", "amount"]]
        old, new = (wide.reindex(span, fill_value=0.0).to_numpy() for span in (before, since))
        if not old[:, 0].any():  # a stratum without a year before has no rate, and is in no benefit
            continue
        units, amount = weight["before"] @ old[:, 0], weight["before"] @ old[:, 1]
        usual = old[:, 1].sum() / old[:, 0].sum()
        price = np.divide(amount, units, out=np.full(draws, usual), where=units > 0)
        new = new * worth[:, None]
        came = weight["since"] @ new[:, 1] - price * (weight["since"] @ new[:, 0])
        found[benefit] = found.get(benefit, np.zeros(draws)) + _SIGN[benefit] * came
    return {name: found[name] for name in BENEFITS if name in found}
