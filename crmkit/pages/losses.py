"""The part of a page on losses: how lost customers differ from those kept, and which reasons were written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crmkit.engine import dimensions
from crmkit.methods.contrasts import lost_against_kept
from crmkit.methods.lost_reasons import lost_reasons
from crmkit.numbers import say, say_interval
from crmkit.pages.frames import tried
from crmkit.pages.showing import absent, listed, missing_from
from crmkit.periods import Period
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm

CLEAR = 0.05
UNTOLD = "not known"


def year_to(crm: Crm, period: str | Period, window: str = "") -> Period:
    """Return the period named by `window`, else the twelve months to the end of `period`.

    Examples
    --------
    >>> import crmkit
    >>> crm = crmkit.open({"leads": {"lead_id": ["1"], "created_at": ["2026-09-30"]}})
    >>> str(year_to(crm, "2026-Q3").start.date())
    '2025-10-01'
    """
    if window:
        return crm.period(window)
    now = crm.period(period)
    start = (pd.Timestamp(now.end) - pd.DateOffset(years=1)).to_pydatetime()
    return Period(start, now.end, None, now.calendar)


def lost_and_kept(crm: Crm, window: Period) -> pd.DataFrame:
    """Compare the lost with the kept, or the reason why that cannot be done."""
    return tried(lost_against_kept, crm, period=window)


def who_was_compared(found: pd.DataFrame, window: Period) -> Html:
    """Say how many were lost and kept, and up to when things were known of them."""
    if missing_from(found):
        return listed([])
    about = found.attrs
    who = "customers with a subscription" if about["basis"] == "losses" else "customers who had ordered"
    text = (
        f"Of {about['lost'] + about['kept']:,} {who} on {about['since']:%Y-%m-%d}, {about['lost']:,} were lost by "
        f"{window.end:%Y-%m-%d}. Compared is what was known on the first of these days and nothing later."
    )
    return listed([text])


def differences(found: pd.DataFrame, *, most: int = 3) -> Html:
    """Say the clearest differences between lost and kept in words, with the ratio of risks."""
    if missing_from(found):
        return absent(missing_from(found))
    clear = found[found["q"] < CLEAR].head(most)
    if not len(clear):
        return listed(["No difference is larger than so many comparisons make by chance."])
    return listed([_told(row, str(found.attrs.get("currency", ""))) for row in clear.to_dict("records")])


def _told(row: dict, currency: str) -> str:
    unit = row["unit"]
    first, second = (say(float(row[name]), unit, currency=currency) for name in ("first", "second"))
    side = "of this kind" if row["level"] else "above the median"
    ratio = say(float(row["ratio"]), "ratio", digits=2)
    span = say_interval(row["ratio_low"], row["ratio_high"], "ratio")
    return (
        f"{row['title']}: {first} among the lost, {second} among the kept. Those {side} were lost {ratio} times as "
        f"often as the others (95% interval {span})."
    )


def why_lost(crm: Crm, period: str | Period, of: str = "customers") -> pd.DataFrame:
    """Count the reasons of losses in a period, or say why there are none."""
    return tried(lost_reasons, crm, period=crm.period(period), of=of)


def reasons_over_time(crm: Crm, period: str | Period, of: str = "customers", *, quarters: int = 8) -> pd.DataFrame:
    """Count the reasons by quarter, in the quarters to the end of a period, those not known among them."""
    now = crm.period(period)
    start = (pd.Timestamp(now.end) - pd.DateOffset(months=3 * quarters)).to_pydatetime()
    found = tried(lost_reasons, crm, period=Period(start, now.end, None, now.calendar), of=of, every="quarter")
    if missing_from(found):
        return found
    order = found.groupby("lost_reason")["count"].sum().drop(dimensions.NONE, errors="ignore").sort_values().index[::-1]
    place = {name: at for at, name in enumerate(order)}
    found["order"] = found["lost_reason"].map(place).fillna(len(place))
    found = found.sort_values(["order", "period"], ignore_index=True)
    found["lost_reason"] = found["lost_reason"].replace(dimensions.NONE, UNTOLD)
    about = found.attrs
    found = found.rename(columns={"count": "value", "value": "worth"})[["period", "lost_reason", "value"]]
    found.attrs = about
    return found


def over_time_finding(found: pd.DataFrame) -> str:
    """Say which reason moved most between the first and the last quarter, and how many gave none."""
    if missing_from(found):
        return ""
    wide = found.pivot_table(index="period", columns="lost_reason", values="value", aggfunc="sum").fillna(0.0)
    untold = wide.pop(UNTOLD) if UNTOLD in wide else wide.sum(axis=1) * 0
    share = untold.sum() / (untold.sum() + wide.to_numpy().sum())
    tail = f"{say(float(share), 'share', digits=0)} of all losses have no reason" if share else "All have a reason"
    if wide.empty or not wide.shape[1]:
        return tail
    counts = wide.sum()
    most = str(counts.idxmax())
    over = f"over {len(wide)} quarters" if len(wide) > 1 else "in one quarter"
    tied = int((counts == counts.max()).sum())
    named = f"{most} is named most often" if tied == 1 else f"{tied} reasons are named equally often"
    return f"{named} {over}; {tail[0].lower()}{tail[1:]}"
