"""The page of next best actions, its second half: the hold-out, what the last round brought, the files, the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from crmkit.methods.action_export import write_list
from crmkit.methods.action_kinds import ACTIONS
from crmkit.methods.action_results import ALL, measured_success, read_list, round_results
from crmkit.methods.action_rounds import ACT, HELD, balance, hold_out
from crmkit.methods.common import run
from crmkit.notebook import say as say_html
from crmkit.numbers import say, say_interval
from crmkit.pages.actions import about, as_known, lacking
from crmkit.pages.showing import absent, listed, missing_from, quiet
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm
    from crmkit.periods import Period

BALANCE_UNITS = {"apart": "ratio", "by chance up to": "ratio"}
RESULT_UNITS = {"acted": "count", "held out": "count"}
_OUTCOMES = {"left": "left", "revenue": "revenue", "receipts": "paid"}


def former_results(crm: Crm, now: Period, former: str, *, window_days: int = 90) -> pd.DataFrame:
    """Return what a former round brought; an empty frame with the reason where there is none, or it is too early."""
    if not former:
        frame = pd.DataFrame()
        frame.attrs["missing"] = "no list of a former round was given"
        return frame
    return round_results(as_known(crm, now), read_list(former), window_days=window_days)


def held_out(rows: pd.DataFrame) -> Html:
    """Say how many are held out, what that costs, and what it will be able to show."""
    held, form = rows[rows["group"] == HELD], {"unit": "money", "currency": rows.attrs["currency"]}
    if not rows.attrs["held"]:
        return absent("nobody is held out, so the next report can't say what the actions brought")
    said = [
        f"{say(float(rows.attrs['held']), 'count')} customers are held out by lot, {say(float(len(held)), 'count')} of "
        f"whom would otherwise get an action. That gives up an expected {say(held['gain'].sum(), **form)} this time, "
        "the price of knowing."
    ]
    acts = rows[rows["group"] == ACT]
    kept = {action.title for action in rows.attrs["actions"] if action.outcome == "left"}
    sides = [side[side["title"].isin(kept)] for side in (acts, held)]
    if min(map(len, sides)) >= 2:
        base = float(pd.concat(sides)["churn_risk"].mean())
        least = 2.8 * np.sqrt(base * (1 - base) * sum(1 / len(side) for side in sides))
        done, out = (say(float(len(side)), "count") for side in sides)
        said.append(
            f"Of the actions that keep customers {done} are done and {out} held out, where "
            f"{say(base, 'share', digits=0)} leave by themselves: a difference of {say(least * 100, '', digits=0)} "
            "points or more would be seen in four of five cases. Smaller effects need several rounds together."
        )
    return listed(said)


def balanced(rows: pd.DataFrame) -> pd.DataFrame:
    """Compare those who get an action with those held out, ready to be shown."""
    found = balance(rows)
    if not rows.attrs["held"] or found["act"].isna().all():
        return lacking("too few are held out to compare", rows)
    form = {"currency": rows.attrs["currency"]}
    units = {"risk": "share", "expected value": "money", "expected gain": "money"}
    both = {name: [say(value, units[what], **form) for what, value in zip(found["what"], found[name], strict=True)]
            for name in ("act", "held_out")}  # fmt: skip
    shown = pd.DataFrame({"mean": found["what"], "get an action": both["act"], "held out": both["held_out"],
                          "apart": found["difference"], "by chance up to": found["by_chance"],
                          "verdict": found["verdict"]})  # fmt: skip
    return about(shown, rows)


def brought(results: pd.DataFrame) -> pd.DataFrame:
    """List what the last round brought, ready to be shown: of each action by its own outcome, of all by each."""
    if missing_from(results):
        return results
    own = {(action.title, action.outcome) for action in ACTIONS} | {(ALL, outcome) for outcome in _OUTCOMES}
    form = {"currency": results.attrs["currency"]}
    made = []
    for row in results.itertuples():
        if (row.action, row.outcome) not in own:
            continue
        unit = "share" if row.outcome == "left" else "money"
        money = {"unit": "money", **form}
        made.append({
            "action": row.action, "outcome": _OUTCOMES[row.outcome],
            "acted": row.acted, "held out": row.held_out, "with": say(row.act, unit, **form),
            "without": say(row.hold, unit, **form), "95% interval": say_interval(row.low, row.high, unit, **form),
            "brought": say(row.brought, **money), "verdict": row.verdict,
        })  # fmt: skip
    shown = pd.DataFrame(made)
    shown = shown[shown["acted"] + shown["held out"] > 0].reset_index(drop=True)
    shown.attrs = {"as_of": results.attrs["as_of"], **form}
    return shown


def brought_words(results: pd.DataFrame) -> Html:
    """Say in a sentence or two what the last round brought, and what is still an assumption."""
    if missing_from(results):
        return listed([])  # the table below says why
    whole = results[results["action"] == ALL].set_index("outcome")
    form = {"unit": "money", "currency": results.attrs["currency"]}
    said = []
    left, revenue = whole.loc["left"], whole.loc["revenue"]
    if np.isfinite(left["difference"]):
        interval = say_interval(left["low"], left["high"], "share")
        said.append(
            f"Of those with an action {say(left['act'], 'share')} left, of those held out {say(left['hold'], 'share')} "
            f"(95% interval of the difference {interval}): {left['verdict']}."
        )
    if np.isfinite(revenue["difference"]):
        interval = say_interval(revenue["brought_low"], revenue["brought_high"], **form)
        said.append(f"All actions of the round brought {say(revenue['brought'], **form)} of revenue within the window "
                    f"(95% interval {interval}): {revenue['verdict']}.")  # fmt: skip
    measured = measured_success(results)
    said.append("Its success rates take the place of the assumptions above where they are more than noise: "
                + ", ".join(measured) + "." if measured else
                "No action's success is told apart from noise, so the assumptions stay.")  # fmt: skip
    return listed(said)


def exported(crm: Crm, rows: pd.DataFrame, folder: str, *, personal: bool = False) -> Html:
    """Write the list where a folder is named, and say where; else say how."""
    if not folder:
        return quiet("Nothing was written. Name a folder in the parameter export to get the list as CSV and XLSX.")
    files = write_list(rows, folder, crm=crm, personal=personal)
    text = "Written: {}. " + ("It holds personal data." if personal else "It holds no personal data.")
    return say_html(text, " and ".join(file.name for file in files))


def checked(crm: Crm, now: Period, rows: pd.DataFrame) -> pd.DataFrame:
    """List what has to agree: gains, budget, calls, nobody twice, nobody of the hold-out, everybody on the list."""
    acts, limits, told = rows[rows["group"] == ACT], rows.attrs["limits"], rows.attrs["details"].set.attrs
    money = {"unit": "money", "currency": rows.attrs["currency"]}
    held = hold_out(rows["customer_id"].unique(), rows.attrs["round"], share=rows.attrs["holdout"])
    per = acts["customer_id"].value_counts()
    made = [
        {"what": "Gains of the customers add up to the gain of the list", "left": acts["gain"].sum(),
         "right": told["gain"], **money},
        {"what": "Gain is benefit less cost", "left": (acts["benefit"] - acts["cost"]).sum(),
         "right": acts["gain"].sum(), **money},
        {"what": "Customers with more actions than allowed", "left": float((per > limits["most"]).sum()), "right": 0.0,
         "unit": "count"},
        {"what": "Customers held out who get an action", "unit": "count", "right": 0.0,
         "left": float(acts["customer_id"].map(held).fillna(False).astype(bool).sum())},
        {"what": "Every customer is on the list", "left": float(rows["customer_id"].nunique()),
         "right": float(_customers(as_known(crm, now))), "unit": "count"},
    ]  # fmt: skip
    for name, unit in (("budget", money), ("calls", {"unit": "count"})):
        if limits[name] is not None:
            used = float(acts["cost" if name == "budget" else "calls"].sum())
            over = max(used - float(limits[name]), 0.0)
            over = over if over > 1e-6 else 0.0
            made.append({"what": f"Beyond the limit of {name}", "left": over, "right": 0.0, **unit})
    return pd.DataFrame(made)


def _customers(crm: Crm) -> int:
    """Count everyone whom the tables name, by a query of its own."""
    tables = [name for name in ("customers", "orders", "subscriptions") if name in crm.relations]
    ids = [crm.relations.get(name).select("customer_id") for name in tables]
    whole = ibis.union(*ids) if len(ids) > 1 else ids[0]
    return int(run(whole.agg(n=whole.customer_id.nunique()))["n"].iloc[0])


def balance_units(frame: pd.DataFrame) -> dict[str, str]:
    """Return the units of the columns that the table of the lot's fairness has."""
    return {name: unit for name, unit in BALANCE_UNITS.items() if name in frame}


def result_units(frame: pd.DataFrame) -> dict[str, str]:
    """Return the units of the columns that the table of the last round has."""
    return {name: unit for name, unit in RESULT_UNITS.items() if name in frame}
