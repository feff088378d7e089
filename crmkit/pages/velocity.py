"""Sales velocity on the page of sales: its four levers compared, in words, and moved to see what that would bring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from crmkit.engine.availability import lacks
from crmkit.methods.levers import TOGETHER
from crmkit.metric import all_metrics, find
from crmkit.numbers import UNKNOWN, say, say_change, say_interval
from crmkit.pages.showing import absent, listed, missing_from
from crmkit.tables import Html, missing, table

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

LEVERS = ("opportunities_worked", "average_deal_size", "win_rate", "sales_cycle_days")


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
