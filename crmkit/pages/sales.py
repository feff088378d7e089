"""The page of sales: the four levers of velocity, representatives, what deals are like, leads, targets, lost deals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.engine.targets import targets, with_attainment
from crmkit.errors import NotInThisData
from crmkit.methods.levers import TOGETHER
from crmkit.metric import all_metrics, find
from crmkit.numbers import UNKNOWN, say, say_change, say_interval
from crmkit.pages.frames import tried
from crmkit.pages.showing import absent, listed, missing_from, quiet
from crmkit.relations import at
from crmkit.tables import Html, missing, table

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

CARDS = (
    "sales_velocity", "win_rate", "average_deal_size", "sales_cycle_days", "won_revenue", "new_revenue",
    "pipeline_value", "opportunities_created",
)  # fmt: skip
LEVERS = ("opportunities_worked", "average_deal_size", "win_rate", "sales_cycle_days")
DEFINED = (
    "sales_velocity", "opportunities_worked", "win_rate", "win_rate_value", "close_rate", "average_deal_size",
    "median_deal_size", "sales_cycle_days", "sales_cycle_days_median", "won_revenue", "new_revenue", "revenue",
    "opportunities_created", "opportunities_open", "pipeline_value", "weighted_pipeline", "stage_conversion",
    "stage_days", "leads", "lead_conversion_rate", "lead_follow_up_hours", "lead_follow_up_hours_mean",
    "touches_to_win",
)  # fmt: skip
FEW = 30
"""With fewer closed opportunities a win rate is uncertain by more than 17 points either way."""


def compared(crm: Crm, metrics: Sequence[str], period: str | Period) -> pd.DataFrame:
    """Compare metrics with the period before, ready to be read: value, before, change, whether that is noise.

    Returns
    -------
    DataFrame
        One row a metric: `metric` (its title), `value`, `before`, `95% interval`, `change`, `more than noise?`, `n`;
        the units of the rows are in `attrs["units"]`. Metrics that this data lacks are left out.
    """
    now = crm.period(period)
    able = [name for name in metrics if not lacks(crm, name)]
    if not able:
        frame = pd.DataFrame()
        frame.attrs["missing"] = lacks(crm, metrics[0])
        return frame
    found = crm.scorecard(now, metrics=able)  # as on the cards, so that one interval stands on one page
    about = [find(name) for name in found["metric"]]
    money = {"currency": crm.config.currency}
    rows = list(zip(found.to_dict("records"), about, strict=True))
    shown = pd.DataFrame(
        {
            "metric": [metric.title for metric in about],
            "value": found["value"],
            "before": found["previous"],
            "95% interval": [say_interval(row["low"], row["high"], metric.unit, **money) for row, metric in rows],
            "change": [say_change(row["value"], row["previous"], metric.unit, **money) for row, metric in rows],
            "more than noise?": [_noise(row["verdict"]) for row, _ in rows],
            "n": found["n"],
        }
    )
    shown.attrs |= {"units": [metric.unit for metric in about], "currency": crm.config.currency}
    return shown


def compared_table(frame: pd.DataFrame, *, caption: str) -> Html:
    """Make the table of what `compared` returns."""
    if reason := missing_from(frame):
        return absent(reason)
    units = {"value": frame.attrs["units"], "before": frame.attrs["units"], "n": "count"}
    return table(
        frame, caption=caption, units=units, currency=frame.attrs["currency"], numbers=["95% interval", "change"]
    )


def _noise(verdict: str) -> str:
    return "no" if "noise" in str(verdict) else f"yes, it {verdict}" if verdict else ""


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
QUOTA_UNITS = {"value": "money", "target": "money", "attainment": "share"}


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


def lever_sentence(parts: pd.DataFrame, *, currency: str = "", noise: bool = False) -> Html:
    """Say how velocity changed and what each lever did to it; from what `levers` returns.

    Examples
    --------
    >>> parts = pd.DataFrame({"lever": ["win_rate", "average_deal_size"], "contribution": [-30.0, 10.0]})
    >>> lever_sentence(parts).text.replace(chr(160), " ").split(". ")[0]
    'Velocity fell by 20 a day, most through win rate'
    """
    if "contribution" not in parts or parts["contribution"].isna().any():
        return absent(str(parts.attrs.get("missing") or "a lever is not known in one of the two periods"))
    text = f"{lever_title(parts, currency=currency)}."
    up, down = ([row for row in parts.itertuples() if sign * row.contribution > 0] for sign in (1, -1))
    for rows, verb in ((up, "raised"), (down, "lowered")):
        rows.sort(key=lambda row: -abs(row.contribution))
        did = [f"{lever_name(row.lever)} by {_money_a_day(abs(row.contribution), currency)}" for row in rows]
        text += f" It was {verb} through {_and(did)}." if did else ""
    if noise:
        text += " The change as a whole is no more than noise, and so its parts may be, too."
    return listed([text])


def lever_title(parts: pd.DataFrame, *, currency: str = "") -> str:
    """Say how velocity changed, and through which lever most, for the title of the figure; "" where it is not known."""
    if "contribution" not in parts or parts["contribution"].isna().any():
        return ""
    change = float(parts["contribution"].sum())
    if not change:
        return "Velocity is as it was"
    top = parts.loc[(parts["contribution"] * (1 if change > 0 else -1)).idxmax(), "lever"]
    size = _money_a_day(abs(change), currency)
    return f"Velocity {'rose' if change > 0 else 'fell'} by {size}, most through {lever_name(top)}"


def _money_a_day(value: float, currency: str) -> str:
    return say(value, "money_per_day", currency=currency)


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def lever_name(lever: str) -> str:
    """Return what people call a lever in a sentence.

    >>> lever_name("win_rate"), lever_name("(together)")
    ('win rate', 'all together')
    """
    if lever == TOGETHER:
        return "all together"
    title = find(lever).title if lever in all_metrics() else lever
    return title[:1].lower() + title[1:]


def lever_changes(more: float, larger: float, higher: float, shorter: float) -> dict[str, float]:
    """Return the changes of the four levers as `what_if` takes them, each given as a part to the better.

    >>> lever_changes(0.1, 0.1, 0.1, 0.2)["sales_cycle_days"]
    -0.2
    """
    return dict(zip(LEVERS, (more, larger, higher, -shorter), strict=True))


def what_if_table(frame: pd.DataFrame, *, caption: str) -> Html:
    """Make the table of what `what_if` returns: each lever moved alone, then all together."""
    if reason := missing_from(frame):
        return absent(reason)
    currency = frame.attrs.get("currency", "")
    shown = pd.DataFrame(
        {
            "lever": [lever_name(name) for name in frame["lever"]],
            "changed by": [UNKNOWN if missing(c) else say_change(1 + c, 1.0) for c in frame["change"]],
            "from": [_lever_value(row.lever, row.lever_now, currency) for row in frame.itertuples()],
            "to": [_lever_value(row.lever, row.lever_then, currency) for row in frame.itertuples()],
            "velocity then": frame["value_then"],
            "gain": frame["gain"],
        }
    )
    units = {"velocity then": "money_per_day", "gain": "money_per_day"}
    return table(shown, caption=caption, units=units, currency=currency, numbers=["changed by", "from", "to"])


def _lever_value(lever: str, value: float, currency: str) -> str:
    return UNKNOWN if missing(value) else say(value, find(lever).unit, currency=currency)


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


def attainment(crm: Crm, period: str | Period) -> pd.DataFrame:
    """List the targets of a period: value, target, how much of it is reached, and whether it is met.

    Returns
    -------
    DataFrame
        `metric` (its title), `value`, `target`, `attainment` (value ÷ target), `status`; units in `attrs["units"]`.
    """
    now = crm.period(period)
    asked = targets(crm, now)
    able = [name for name in asked["metric"] if name in all_metrics() and not lacks(crm, name)]
    if not able:
        frame = pd.DataFrame()
        frame.attrs["missing"] = (
            f"there are no targets for {now.name}" if "targets" in crm.tables else "needs the table targets"
        )
        return frame
    found = crm.measure(able, period=now, intervals=False)[["metric", "value"]]
    rows = with_attainment(found.merge(asked, on="metric", validate="one_to_one"))
    about = [find(name) for name in rows["metric"]]
    shown = rows.assign(metric=[metric.title for metric in about])
    shown = shown[["metric", "value", "target", "attainment", "status"]]
    shown.attrs |= {"units": [metric.unit for metric in about], "currency": crm.config.currency}
    return shown


def attainment_table(frame: pd.DataFrame, *, caption: str) -> Html:
    """Make the table of what `attainment` returns."""
    if reason := missing_from(frame):
        return absent(reason)
    units = {"value": frame.attrs["units"], "target": frame.attrs["units"], "attainment": "share"}
    return table(frame, caption=caption, units=units, currency=frame.attrs["currency"], status=["status"])


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


def attainment_by(crm: Crm, metric: str, period: str | Period, *, key: str, by: str) -> pd.DataFrame:
    """Compare a metric with the targets of single groups, such as new revenue with each representative's quota.

    Parameters
    ----------
    crm : Crm
    metric : str
    period : str or Period
    key : str
        The column of the table targets that holds the groups' keys, such as owner_id.
    by : str
        The column to show in its place, such as owner.name.
    """
    return tried(_attainment_by, crm, metric, crm.period(period), key, by)


def _attainment_by(crm: Crm, metric: str, now: Period, key: str, by: str) -> pd.DataFrame:
    asked = targets(crm, now, by=key)
    asked = asked[asked["metric"] == metric] if len(asked) else asked
    if reason := lacks(crm, metric):
        raise NotInThisData(f"not in this data, {reason}")
    if not len(asked):
        raise NotInThisData(f"not in this data, needs targets for {find(metric).title.lower()} by {key}")
    dims = [key] if by == key else [key, by]
    found = crm.measure(metric, period=now, by=dims, intervals=False)
    found["value"] = found["value"].fillna(0.0)
    rows = asked.merge(found[[*dims, "value"]], on=key, how="left", validate="one_to_one")
    rows["value"] = rows["value"].fillna(0.0)
    rows[by] = rows[by].fillna(rows[key])
    rows = with_attainment(rows).sort_values("attainment", ascending=False, kind="stable")
    shown = rows[[by, "value", "target", "attainment", "status"]].rename(columns={by: "representative"})
    shown = shown.reset_index(drop=True)
    shown.attrs |= {"currency": crm.config.currency}
    return shown


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
