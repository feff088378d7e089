"""The page of segments: who bought lately and well, which kinds of customers there are, and how sure that is."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmkit.errors import NotInThisData
from crmkit.numbers import UNKNOWN, say, say_interval
from crmkit.pages.showing import few, listed, visible
from crmkit.tables import Html

if TYPE_CHECKING:
    from datetime import date

    from crmkit.crm import Crm
    from crmkit.models.segments import CustomerSegments
    from crmkit.periods import Period

CARDS = ("segments_found", "segments_agree", "revenue_best", "revenue_away")
DEFINED = (
    "buyers_to_date", "revenue_to_date", "average_order_value", "orders_per_customer", "churn_rate", "gross_margin",
    "revenue", "clv_margin",
)  # fmt: skip
GROUP_UNITS = {
    "customers": "count", "of all": "share", "revenue so far": "money", "of the revenue": "share",
    "orders each": "ratio", "days since the last": "days",
}  # fmt: skip
BEST, AWAY = ("Champions", "Loyal"), ("Must not lose", "At risk")
FIRM = 0.75
"""A segment of which less comes again in redrawn customers is nothing to build on."""


@dataclass(frozen=True)
class Found:
    """What the page was made from.

    Attributes
    ----------
    day : date
        The last day that is known.
    features : DataFrame
        One row a customer, as `segment_features` returns it.
    model : CustomerSegments
    groups : DataFrame
        As `rfm_groups` returns it.
    """

    day: date
    features: pd.DataFrame
    model: CustomerSegments
    groups: pd.DataFrame

    @property
    def named(self) -> pd.DataFrame:
        """The segment of each customer: `customer_id` and `segment`."""
        names = [self.model.names_[label] for label in self.model.labels_]
        return pd.DataFrame({"customer_id": self.features.index.to_numpy(), "segment": names})

    @property
    def rfm(self) -> pd.DataFrame:
        """The named group of each customer: `customer_id` and `segment`."""
        return self.groups[["customer_id", "group"]].rename(columns={"group": "segment"})


def last_day(crm: Crm, period: str | Period) -> date:
    """Return the last day of a period, or the last that is known, whichever is earlier."""
    import datetime

    end = crm.period(period).end - datetime.timedelta(seconds=1)
    return min(end, crm.as_of).date()


def found(crm: Crm, period: str | Period, *, features: str = "", k: int = 0, method: str = "kmeans") -> Found:
    """Find the segments and the named groups as they were known at the end of a period.

    Parameters
    ----------
    crm : Crm
    period : str or Period
    features : str
        Names in `crmkit.methods.segment_features.FEATURES`, separated by commas; "" for what customers buy.
    k : int
        How many segments; 0 for the number that most criteria prefer.
    method : {"kmeans", "mixture"}

    Raises
    ------
    NotInThisData
        Where nobody had ordered by then.
    """
    day = last_day(crm, period)
    taken = made(crm, day, features=features)
    if not len(taken):
        raise NotInThisData(f"segments: not in this data, nobody had ordered by {day}")
    from crmkit.methods.rfm_groups import rfm_groups

    groups = rfm_groups(crm, as_of=moment_of(crm, day)).to_pyarrow().to_pandas()
    model = fitted(taken, k=k, method=method)
    return Found(day, taken, model, groups.sort_values("customer_id").reset_index(drop=True))


def made(crm: Crm, day: date, *, features: str = "") -> pd.DataFrame:
    """Return the features of customers as known at the end of a day."""
    from crmkit.methods.segment_features import BEHAVIOUR, segment_features

    of = [name.strip() for name in features.split(",") if name.strip()] or list(BEHAVIOUR)
    return segment_features(crm, as_of=moment_of(crm, day), of=of)


def fitted(features: pd.DataFrame, *, k: int = 0, method: str = "kmeans") -> CustomerSegments:
    """Fit segments; what it had to do otherwise than asked stands in `notes_`, which the page shows."""
    from crmkit.models.segments import CustomerSegments

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return CustomerSegments(k or None, method).fit(features)


def moment_of(crm: Crm, day: date) -> str | None:
    """Return a day for `as_of`; None for the last that is known, which needs no second look at the tables."""
    return None if day == crm.as_of.date() else f"{day}"


def card(crm: Crm, found: Found) -> pd.DataFrame:
    """Return the page's headline numbers, in the form of a scorecard."""
    model, money = found.model, found.groups["monetary"]
    whole = float(money.sum())
    best, away = (float(money[found.groups["group"].isin(names)].sum()) for names in (BEST, AWAY))
    rows: list[dict[str, Any]] = [
        {"metric": "buyers_to_date", "title": "Customers who have ordered", "unit": "count",
         "value": float(len(found.groups))},
        {"metric": "segments_found", "title": "Segments by what customers buy", "unit": "count",
         "value": float(model.k_), "note": model.reason_},
        {"metric": "segments_agree", "title": "Agreement of the segments in redrawn customers", "unit": "ratio",
         "value": model.stability_, "note": f"adjusted Rand index, 1 is the same{_middle(model)}"},
        {"metric": "revenue_best", "title": f"Share of the revenue so far from {' and '.join(BEST)}", "unit": "share",
         "value": best / whole if whole > 0 else None},
        {"metric": "revenue_away", "title": "Revenue so far of good customers who stay away", "unit": "money",
         "value": away, "note": " and ".join(AWAY)},
    ]  # fmt: skip
    frame = pd.DataFrame(rows).assign(previous=None, verdict="", target=None, status="", better="")
    frame.attrs |= {"as_of": crm.as_of, "currency": crm.config.currency}
    return frame


def _middle(model: CustomerSegments) -> str:
    """Say between what the middle redraws lie; nothing where there were none."""
    span = say_interval(model.stability_low_, model.stability_high_, "ratio")
    return "" if span == UNKNOWN else f"; 95% of the redraws lie within {span}"


def answer(card: pd.DataFrame, found: Found) -> Html:
    """Say the answer of the page in two sentences; the front page of a report shows them, too."""
    from crmkit import notebook

    value = card.set_index("metric")["value"]
    money = card.attrs["currency"]
    away = say(value["revenue_away"], "money", currency=money)
    kinds = "one kind" if found.model.k_ == 1 else f"{found.model.k_} kinds"
    text = f"The {_customers(len(found.groups))} who have ordered are of {kinds} by what they buy."
    if value["revenue_best"] == value["revenue_best"]:
        text += f" {' and '.join(BEST)} have brought {say(value['revenue_best'], 'share')} of the revenue so far"
        text += f"; good customers worth {away} so far stay away." if value["revenue_away"] else "."
    return notebook.answer("{}", text)


def summary(crm: Crm, found: Found) -> Html:
    """Say the main findings in sentences."""
    money, sizes = crm.config.currency, found.groups["group"].value_counts()
    away = int(sizes.reindex(AWAY).fillna(0).sum())
    model = found.model
    said = []
    if away and not few(away):
        worth = say(
            float(found.groups.loc[found.groups["group"].isin(AWAY), "monetary"].sum()), "money", currency=money
        )
        said.append(f"{_customers(away)} used to buy often or for much and have stayed away. They brought {worth} so "
                    "far: the list to call first.")  # fmt: skip
    if model.k_ > 1:
        largest = model.names_[0]
        share = say(model.sizes_[0] / model.sizes_.sum(), "share", digits=0)
        said.append(f"By what they buy there are {model.k_} kinds of customers. The largest is “{largest}” ({share}).")
        weak = [name for name, again in zip(model.names_, model.segment_stability_, strict=True) if again < FIRM]
        if weak:
            said.append(f"Do not build on “{'” and “'.join(weak)}”: too little of it comes again in redrawn customers.")
    else:
        said.append(f"By what they buy there is one kind of customers: {model.reason_}.")
    return listed(said)


def _customers(count: int) -> str:
    return f"{say(count, 'count')} customer{'' if count == 1 else 's'}"


def remarks(found: Found) -> Html:
    """Say what could not be had, who is left out, and what was done to the values; nothing where there is nothing."""
    notes = [*found.features.attrs.get("notes", ()), *found.model.notes_]
    return listed([f"{note[:1].upper()}{note[1:]}." for note in notes])


def groups_table(crm: Crm, found: Found) -> pd.DataFrame:
    """Return the named groups with their sizes and money, in the order of the rules, empty groups too."""
    from crmkit.methods.rfm_groups import RFM_RULES

    rows, all_money = found.groups, float(found.groups["monetary"].sum())
    shown = []
    for rule in RFM_RULES:
        mine = rows[rows["group"] == rule.group]
        money = float(mine["monetary"].sum())
        shown.append({
            "group": rule.group, "customers": len(mine), "of all": len(mine) / len(rows), "revenue so far": money,
            "of the revenue": money / all_money if all_money > 0 else None,
            "orders each": float(mine["frequency"].mean()) if len(mine) else None,
            "days since the last": float(mine["recency_days"].median()) if len(mine) else None,
        })  # fmt: skip
    return about(pd.DataFrame(shown), crm)


def groups_words(crm: Crm, found: Found) -> Html:
    """Say which group has brought most against its number of customers; nothing where there is no revenue."""
    table = visible(groups_table(crm, found))
    table = table[table["customers"] > 0].dropna(subset="of the revenue")
    if not len(table):
        return listed([])
    top = table.loc[table["of the revenue"].idxmax()]
    share, money = (say(top[name], "share", digits=0) for name in ("of all", "of the revenue"))
    return listed([f"{top['group']} are {share} of the customers and have brought {money} of the revenue so far."])


def about(frame: pd.DataFrame, crm: Crm, **what: Any) -> pd.DataFrame:
    """Leave on a frame the day and the currency of its numbers."""
    frame.attrs |= {"as_of": crm.as_of, "currency": crm.config.currency, **what}
    return frame
