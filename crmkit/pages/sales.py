"""The page of sales: representatives, what deals are like, how long they take, leads, lost deals, funnel checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.errors import NotInThisData
from crmkit.metric import find
from crmkit.numbers import UNKNOWN, say, say_interval
from crmkit.pages.frames import tried
from crmkit.pages.showing import absent, listed, quiet
from crmkit.pages.velocity import LEVERS
from crmkit.relations import at
from crmkit.tables import Html, missing

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

CARDS = (
    "sales_velocity", "win_rate", "average_deal_size", "sales_cycle_days", "won_revenue", "new_revenue",
    "pipeline_value", "opportunities_created",
)  # fmt: skip
DEFINED = (
    "sales_velocity", "opportunities_worked", "win_rate", "win_rate_value", "close_rate", "average_deal_size",
    "median_deal_size", "sales_cycle_days", "sales_cycle_days_median", "won_revenue", "new_revenue", "revenue",
    "opportunities_created", "opportunities_open", "pipeline_value", "weighted_pipeline", "stage_conversion",
    "stage_days", "leads", "lead_conversion_rate", "lead_follow_up_hours", "lead_follow_up_hours_mean",
    "touches_to_win",
)  # fmt: skip
FEW = 30
"""With fewer closed opportunities a win rate is uncertain by more than 17 points either way."""


def representatives(crm: Crm, period: str | Period, by: str) -> pd.DataFrame:
    """Measure velocity and its levers for each representative, the win rate with its interval.

    Returns
    -------
    DataFrame
        One row a representative, the highest velocity first: `representative`, `worked on`, `closed`, `win rate`,
        `95% interval` (of the win rate), `mean deal`, `days to win`, `velocity, a day`, `remark` ("few" closed).
    """
    return tried(_representatives, crm, crm.period(period), by)


def _representatives(crm: Crm, now: Period, by: str) -> pd.DataFrame:
    if reason := lacks(crm, "sales_velocity"):
        raise NotInThisData(f"not in this data, {reason}")
    if not by:
        raise NotInThisData("not in this data, needs the column opportunities.owner_id")
    found = crm.measure(["sales_velocity", *LEVERS], period=now, by=by)
    if not found["n"].fillna(0).sum():
        raise NotInThisData(f"no opportunity was worked on in {now.name}")
    wide = found.pivot(index=by, columns="metric", values=["value", "low", "high", "n"])
    rows = wide[wide["value"]["opportunities_worked"] > 0].sort_values(
        ("value", "sales_velocity"), ascending=False, kind="stable"
    )
    value, closed = rows["value"], rows["n"]["win_rate"].fillna(0)
    ends = zip(rows["low"]["win_rate"], rows["high"]["win_rate"], strict=True)
    shown = pd.DataFrame(
        {
            "representative": rows.index,
            "worked on": value["opportunities_worked"].to_numpy(),
            "closed": closed.to_numpy(),
            "win rate": value["win_rate"].to_numpy(),
            "95% interval": [say_interval(low, high, "share") for low, high in ends],
            "mean deal": value["average_deal_size"].to_numpy(),
            "days to win": value["sales_cycle_days"].to_numpy(),
            "velocity, a day": value["sales_velocity"].to_numpy(),
            "remark": ["few" if count < FEW else "" for count in closed],
        }
    )
    if not (closed < FEW).any():
        shown = shown.drop(columns="remark")
    shown.attrs |= {"currency": crm.config.currency, "as_of": crm.as_of}
    return shown


REPRESENTATIVE_UNITS = {
    "worked on": "count", "closed": "count", "win rate": "share", "mean deal": "money", "days to win": "count",
    "velocity, a day": "money",
}  # fmt: skip


def spread_of_win_rates(people: pd.DataFrame) -> Html:
    """Say whether the win rates of representatives differ by more than chance would make them (chi-squared).

    Examples
    --------
    >>> spread_of_win_rates(pd.DataFrame({"closed": [100, 100], "win rate": [0.5, 0.52]})).text[:42]
    'Equally good representatives would differ '
    """
    rows = people[people["closed"] > 0] if "closed" in people else people
    if len(rows) < 2:
        return listed([])
    won, closed = rows["win rate"] * rows["closed"], rows["closed"]
    rate = won.sum() / closed.sum()
    if rate in (0.0, 1.0):
        return listed([])
    from scipy.stats import chi2

    distance = float((closed * (rows["win rate"] - rate) ** 2 / (rate * (1 - rate))).sum())
    chance = float(chi2.sf(distance, len(rows) - 1))
    if chance >= 0.05:
        text = (
            f"Equally good representatives would differ as much as these in {say(chance, 'share', digits=0)} of such "
            "periods: the order of this table may be luck."
        )
    else:
        small = "less than 0.1%" if chance < 0.001 else say(chance, "share")
        text = (
            f"Equally good representatives would differ as much as these in {small} of such periods: "
            "more than luck is at work, though not for each pair of neighbours in the table."
        )
    if (closed < FEW).any():
        few = int((closed < FEW).sum())
        text += f" {few} of {len(rows)} have closed fewer than {FEW}, so their own numbers say little."
    return listed([text])


def won_deals(crm: Crm, period: str | Period) -> pd.DataFrame:
    """Return the opportunities won in a period, one row each: `amount` and `days_to_win`, from creation."""
    return tried(_won_deals, crm, crm.period(period))


def _won_deals(crm: Crm, now: Period) -> pd.DataFrame:
    if reason := lacks(crm, "average_deal_size"):
        raise NotInThisData(f"not in this data, {reason}")
    deals = crm.relations.get("opportunities")
    won = deals.filter((deals.outcome == "won") & (deals.closed_at >= at(now.start)) & (deals.closed_at < at(now.end)))
    days = (won.closed_at.epoch_seconds() - won.created_at.epoch_seconds()) / 86_400.0
    frame = won.select("amount", days_to_win=days).order_by("amount", "days_to_win").to_pyarrow().to_pandas()
    frame.attrs |= {"as_of": crm.as_of, "currency": crm.config.currency}
    return frame


def size_finding(deals: pd.DataFrame) -> str:
    """Say mean and median of the amounts won, for the title of their figure."""
    return _spread(deals, "amount", "deal", {"unit": "money", "currency": deals.attrs.get("currency", "")})


def cycle_finding(deals: pd.DataFrame) -> str:
    """Say mean and median of the days to winning, for the title of their figure."""
    return _spread(deals, "days_to_win", "win", {"unit": "days"})


def _spread(deals: pd.DataFrame, column: str, what: str, form: dict[str, str]) -> str:
    known = deals[column].dropna() if column in deals else pd.Series(dtype=float)
    if not len(known):
        return f"No {what} to show"
    middle, mean = (say(float(number), **form) for number in (known.median(), known.mean()))
    return f"Half of the {what}s {'took' if what == 'win' else 'are'} up to {middle}; the mean is {mean}"


def cycle_definitions(crm: Crm, period: str | Period) -> pd.DataFrame:
    """List the sales cycle by three definitions: mean and median of the won, median with the open ones counted in."""
    return tried(_cycle_definitions, crm, crm.period(period))


def _cycle_definitions(crm: Crm, now: Period) -> pd.DataFrame:
    from crmkit.methods.lifetimes import sales_cycle_censored

    if reason := lacks(crm, "sales_cycle_days"):
        raise NotInThisData(f"not in this data, {reason}")
    found = crm.measure(["sales_cycle_days", "sales_cycle_days_median"], period=now)
    late = sales_cycle_censored(crm, period=now).iloc[0]
    rows = [
        (find(row.metric).title, "won in the period", row.value, say_interval(row.low, row.high, "days"), row.n)
        for row in found.itertuples()
    ]
    interval = say_interval(late["low"], late["high"], "days")
    rows.append(("Median with the open ones", "won in the period, or still open", late["value"], interval, late["n"]))
    return pd.DataFrame(rows, columns=["definition", "of which opportunities", "value", "95% interval", "n"])


def lost_deals(crm: Crm, period: str | Period) -> pd.DataFrame:
    """Count the opportunities lost in a period by reason, the most frequent first.

    Returns
    -------
    DataFrame
        `lost_reason` ("(none)" where none is given), `value` (opportunities), `n`.
    """
    return tried(_lost_deals, crm, crm.period(period))


def _lost_deals(crm: Crm, now: Period) -> pd.DataFrame:
    if "opportunities" not in crm.tables or "lost_reason" not in crm.present["opportunities"]:
        raise NotInThisData("not in this data, needs the column opportunities.lost_reason")
    deals = crm.relations.get("opportunities")
    inside = (deals.closed_at >= at(now.start)) & (deals.closed_at < at(now.end))
    lost = deals.filter((deals.outcome == "lost") & inside)
    counted = lost.group_by(lost_reason=lost.lost_reason.fill_null("(none)")).agg(value=lost.count().cast("float64"))
    frame = counted.order_by([counted.value.desc(), "lost_reason"]).to_pyarrow().to_pandas()
    frame["n"] = frame["value"]
    frame.attrs |= {"title": "Opportunities lost", "unit": "count", "as_of": crm.as_of}
    if not len(frame):
        frame.attrs["missing"] = "no opportunity was lost in this period"
    return frame


def conversion_left_out(crm: Crm, period: str | Period, *, window_days: int = 90) -> Html:
    """Say how many of the period's leads are left out of the conversion rate because their window is still open."""
    if lacks(crm, "lead_conversion_rate"):
        return listed([])
    now = crm.period(period)
    found = crm.measure(["leads", "lead_conversion_rate"], period=now, intervals=False, window_days=window_days)
    created, counted = found["value"].iloc[0], found["n"].iloc[1]
    left = int(created - (0 if missing(counted) else counted))
    if not left:
        return quiet(f"The {window_days} days of all {say(created, 'count')} leads are over: none is left out.")
    return quiet(
        f"Left out: {left:,} of the {say(created, 'count')} leads of {now.name}, whose {window_days} days are not over."
    )


def settled_period(crm: Crm, period: str | Period, *, window_days: int = 90) -> Period:
    """Return the latest period up to this one in which the windows of all leads have closed by `as_of`."""
    now = crm.period(period)
    for back in range(40):
        earlier = now.previous(back) if back else now
        if crm.as_of is None or (crm.as_of - earlier.end).days >= window_days - 1:
            return earlier
    return now


def with_funnels(agree: pd.DataFrame, moved: pd.DataFrame, *funnels: pd.DataFrame) -> pd.DataFrame:
    """Add to the reconciliations that the levers make the change and that funnels never widen.

    Examples
    --------
    >>> path = pd.DataFrame({"stage": ["Call", "Offer"], "entered": [9, 4], "went_on": [4, 0], "lost": [3, 1],
    ...     "open": [2, 3]})
    >>> path.attrs["title"] = "Sales funnel"
    >>> with_funnels(pd.DataFrame(), pd.DataFrame(), path)["what"].tolist()
    ['Sales funnel: stages that more entered than the one before', 'Sales funnel: went on + lost + open = entered']
    """
    rows = agree.to_dict("records")
    if "contribution" in moved and moved["contribution"].notna().all():
        parts, total = float(moved["contribution"].sum()), float(moved.attrs["total"])
        money = {"unit": "money_per_day", "currency": moved.attrs.get("currency", "")}
        what = "Sales velocity: the levers add up to the change"
        rows.append({"what": what, "left": parts, "right": total, **money})
    for path in funnels:
        if "entered" not in path or not len(path):
            continue
        wider = int((path["entered"].diff() > 0).sum())
        name = path.attrs.get("title", "The funnel")
        steps = path.iloc[:-1]  # who has reached the last stage goes nowhere from there
        whole = float(steps[["went_on", "lost", "open"]].to_numpy().sum())
        rows.append({"what": f"{name}: stages that more entered than the one before", "left": wider, "right": 0,
                     "unit": "count"})  # fmt: skip
        rows.append({"what": f"{name}: went on + lost + open = entered", "left": whole,
                     "right": float(steps["entered"].sum()), "unit": "count"})  # fmt: skip
    return pd.DataFrame(rows)


def value_sentence(crm: Crm, period: str | Period) -> Html:
    """Say the win rate by value beside that by count, or why it cannot be known."""
    if reason := lacks(crm, "win_rate_value"):
        return absent(reason)
    found = crm.measure(["win_rate", "win_rate_value"], period=crm.period(period)).set_index("metric")
    count, money = found.loc["win_rate"], found.loc["win_rate_value"]
    if missing(money["value"]):
        return listed([f"The win rate by value {money['note'] or 'has nothing to measure in this period'}."])
    gap = float(money["value"] - count["value"])
    size = f"the deals won are on average {'smaller' if gap < 0 else 'larger'} than those lost"
    if money["low"] <= count["value"] <= money["high"]:
        size = "no more apart than noise"
    interval = say_interval(money["low"], money["high"], "share")
    span = f" (95% interval {interval})" if interval != UNKNOWN else ""
    return listed(
        [f"By count {say(count['value'], 'share')} are won, by value {say(money['value'], 'share')}{span}: {size}."]
    )
