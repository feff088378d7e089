"""The page of segments, over time: who moved between the named groups, and the checks of the whole page."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData
from crmkit.methods.rfm_groups import NOT_YET, RFM_RULES
from crmkit.numbers import say
from crmkit.pages.frames import tried, values
from crmkit.pages.segments import Found, about, last_day, moment_of
from crmkit.pages.showing import listed
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

ORDER = [*(rule.group for rule in RFM_RULES), NOT_YET]


def earlier(crm: Crm, period: str | Period, against: str = "") -> datetime.date:
    """Return the day to compare with: the last of the period `against`, by default a year before the period's end."""
    if against:
        return last_day(crm, against)
    day = last_day(crm, period)
    first = day + datetime.timedelta(days=1)
    year = first.replace(year=first.year - 1, day=min(first.day, 28) if first.month == 2 else first.day)
    return year - datetime.timedelta(days=1)


def moved(crm: Crm, found: Found, before: datetime.date) -> pd.DataFrame:
    """Count who went from which named group to which between a day and the page's own."""
    return about(tried(_moved, crm, found, before), crm)


def _moved(crm: Crm, found: Found, before: datetime.date) -> pd.DataFrame:
    from crmkit.methods.segment_movement import segment_movement

    then = groups_then(crm, before)
    now = found.rfm
    names = {"customer_id": now["customer_id"].to_numpy(), "segment": NOT_YET}
    then = pd.concat([then, pd.DataFrame(names)], ignore_index=True).drop_duplicates("customer_id")
    return segment_movement({f"{before}": then, f"{found.day}": now})


def groups_then(crm: Crm, before: datetime.date) -> pd.DataFrame:
    """Return the named group of each customer as of an earlier day: `customer_id`, `segment`."""
    from crmkit.methods.rfm_groups import rfm_groups

    groups = rfm_groups(crm, as_of=moment_of(crm, before)).select("customer_id", segment="group")
    then = groups.to_pyarrow().to_pandas()
    if not len(then):
        raise NotInThisData(f"nobody had ordered by {before}")
    return then


def moved_words(movement: pd.DataFrame) -> Html:
    """Say who slipped and who rose, and how many; nothing where nobody moved."""
    if movement.attrs.get("missing"):
        return listed([])
    rows = movement[movement["from"] != NOT_YET]
    good, away = ("Champions", "Loyal"), ("Must not lose", "At risk", "Hibernating", "Gone quiet")
    said = []
    were = rows[rows["from"].isin(good)]
    if len(were):
        slipped = int(were.loc[were["to"].isin(away), "customers"].sum())
        share = slipped / were["customers"].sum()
        said.append(f"Of {int(were['customers'].sum()):,} champions and loyal customers, {slipped:,} "
                    f"({say(share, 'share', digits=0)}) have stayed away since.")  # fmt: skip
    had = rows[rows["from"].isin(away)]
    if len(had):
        back = int(had.loc[~had["to"].isin(away), "customers"].sum())
        said.append(f"Of {int(had['customers'].sum()):,} who had stayed away, {back:,} "
                    f"({say(back / had['customers'].sum(), 'share', digits=0)}) came back.")  # fmt: skip
    came = movement.loc[movement["from"] == NOT_YET, "customers"].sum()
    said.append(f"{int(came):,} ordered for the first time.") if came else None
    return listed(said)


def transitions(movement: pd.DataFrame) -> pd.DataFrame:
    """Return the movement as a square table, written out: of each group, the share that is now in each."""
    if movement.attrs.get("missing"):
        return movement
    wide = movement.pivot_table(index="from", columns="to", values="share", aggfunc="sum")
    wide = wide.reindex(index=[n for n in ORDER if n in wide.index], columns=[n for n in ORDER if n in wide.columns])
    written = wide.fillna(0.0).map(lambda share: say(share, "share", digits=0))
    sizes = movement.groupby("from")["customers"].sum()
    written.insert(0, "customers", sizes.reindex(written.index))
    written = written.rename_axis(index="from", columns=None).reset_index()
    written.attrs |= movement.attrs
    return written


def checked(crm: Crm, found: Found, movement: pd.DataFrame) -> pd.DataFrame:
    """Compute both sides of what has to agree, for `notebook.checks`."""
    money = {"unit": "money", "currency": crm.config.currency}
    rows = [
        {"what": "customers of the named groups = customers who have ordered", "left": len(found.groups),
         "right": len(found.features), "unit": "count"},
        {"what": "customers of the segments = customers who have ordered", "left": int(found.model.sizes_.sum()),
         "right": len(found.features), "unit": "count"},
        {"what": "named groups without a name = none", "left": int(found.groups["group"].isna().sum()), "right": 0,
         "unit": "count"},
    ]  # fmt: skip
    if not movement.attrs.get("missing"):
        followed = {"what": "customers who moved or stayed = customers of the named groups"}
        rows.append(followed | {"left": int(movement["customers"].sum()), "right": len(found.groups), "unit": "count"})
    if not lacks(crm, "buyers_to_date"):
        until = f"{found.day}/{found.day + datetime.timedelta(days=1)}"
        known = values(crm, ["buyers_to_date", "revenue_to_date"], until)
        rows.append({"what": "customers of the named groups = buyers to date, by the metric", "left": len(found.groups),
                     "right": known["buyers_to_date"], "unit": "count"})  # fmt: skip
        rows.append({"what": "revenue of the named groups + returns of people without an order = revenue to date",
                     "left": float(found.groups["monetary"].sum()) + _returns_alone(crm, found),
                     "right": known["revenue_to_date"], **money})  # fmt: skip
    return pd.DataFrame(rows)


def _returns_alone(crm: Crm, found: Found) -> float:
    """Return what customers sent back of whom no order is known."""
    from crmkit.methods.segment_features import known_at_moment

    orders = known_at_moment(crm, moment_of(crm, found.day))[0].get("orders")
    orders = orders.filter(orders.customer_id.notnull(), orders.ordered_at.notnull())
    each = orders.group_by("customer_id").agg(placed=orders.count(where=orders.amount >= 0), amount=orders.amount.sum())
    left = each.filter(each.placed == 0).to_pyarrow().to_pandas()
    return float(left["amount"].sum())
