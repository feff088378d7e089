"""What follows from experiments, on their page: groups with a warning, the worth in money, and the next experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crmkit.methods.experiment_plan import plan, smallest_effect
from crmkit.methods.experiment_trials import trials
from crmkit.methods.experiments import effects_by, worth
from crmkit.numbers import say, say_interval
from crmkit.pages.experiment import READ, Found, lacking, p_text, points
from crmkit.pages.frames import tried
from crmkit.pages.showing import absent, listed
from crmkit.tables import Html

if TYPE_CHECKING:
    from crmkit.crm import Crm


def segments_table(crm: Crm, found: Found, by: str) -> pd.DataFrame:
    """Return the effect on conversion in each group, with p corrected for all groups."""
    if not by:
        return lacking("no column to group customers by")
    rows = trials(crm, by=by).rows
    kept = rows[rows["experiment"].isin(found.trials.experiments)]
    kept = kept[kept["unit"].isin(found.trials.rows["unit"])]
    made = tried(effects_by, kept.rename(columns={"part": by}), by=by, experiment="experiment", unit="unit",
                 before="before")  # fmt: skip
    if made.attrs.get("missing") or not len(made):
        return made if made.attrs.get("missing") else lacking("no group has customers of two variants")
    spans = [
        f"{say(low * 100, '', digits=1)} to {say(high * 100, '', digits=1)}" if pd.notna(low) else "–"
        for low, high in zip(made["low"], made["high"], strict=True)
    ]
    shown = made[["experiment", "variant", by, "n"]].assign(points=made["difference"] * 100)
    shown = shown.assign(**{"95% interval": spans, "p, all groups": [p_text(p) for p in made["p_holm"]]})
    shown.attrs = {"interaction": made.groupby(["experiment", "variant"])["interaction_p"].first().to_dict(), "by": by}
    return shown


def segments_words(shown: pd.DataFrame, found: Found) -> Html:
    """Say whether the groups differ in the effect at all, and warn of groups that were found by looking."""
    if "interaction" not in shown.attrs:
        return absent(shown.attrs.get("missing") or "no groups")
    whole = found.verdicts.set_index(["experiment", "variant"])["verdict"].to_dict()
    said = []
    for (experiment, variant), p in shown.attrs["interaction"].items():
        if pd.isna(p):
            continue
        text = f"{experiment}, {variant}: "
        if p >= 0.05:
            text += (
                f"the groups differ in the effect by no more than chance (p {say(p, '', digits=2)}): read the whole."
            )
        elif whole.get((experiment, variant)) in ("works", "harms"):
            text += f"the effect seems to differ between groups (p {say(p, '', digits=3)}): ask that in the next one."
        else:
            text += (
                f"the groups differ by a little more than chance usually does (p {say(p, '', digits=3)}), while the "
                "whole shows no effect. Among several experiments that happens by luck: no group is to be called a "
                "success."
            )
        said.append(text)
    return listed(said) if said else absent("too few customers in the groups")


def worth_table(found: Found) -> pd.DataFrame:
    """Return what each experiment is worth in money, for all customers, with its interval and after its cost."""
    rows = []
    for row in found.verdicts.to_dict("records"):
        own = found.effects
        if len(own):
            own = own[(own["experiment"] == row["experiment"]) & (own["variant"] == row["variant"])]
        money = own[own["measure"].isin(["value", "value, CUPED"]) & own["difference"].notna()] if len(own) else own
        if not len(money):
            continue
        best = money.iloc[-1]
        told = worth(best, customers=found.customers, cost=found.cost)
        rows.append((row["experiment"], row["variant"], best["difference"], told["worth"],
                     say_interval(told["low"], told["high"], "money", currency=found.currency), told["pays"],
                     READ[row["verdict"]]))  # fmt: skip
    if not rows:
        return lacking("no value in money is known, or no experiment is to be read")
    names = ["experiment", "variant", "a customer", "for all", "95% interval", "pays", "by the rule"]
    made = pd.DataFrame(rows, columns=names)
    made.attrs["currency"] = found.currency
    return made


WORTH_UNITS = {"a customer": "money", "for all": "money"}


def worth_words(found: Found) -> Html:
    """Say for how many customers the worth is worked out, and at what cost."""
    even = found.cost / found.customers if found.customers else float("nan")
    cost = (
        f"The cost of {say(found.cost, 'money', currency=found.currency)} is taken off; it is earned back from "
        f"{say(even, 'money', currency=found.currency)} a customer on."
        if found.cost
        else "No cost is taken off: the parameter cost is what it takes to give it to all."
    )
    return listed([f"For {say(found.customers, 'count')} customers, once. {cost}"])


def traffic(found: Found) -> tuple[float, float]:
    """Return the base rate of the latest experiment's control, and the customers who came in a day."""
    for name in reversed(found.trials.experiments):
        rows = found.trials.of(name)
        known = rows[(rows["variant"] == found.trials.control[name]) & rows["converted"].notna()]
        if len(known):
            times = rows["assigned_at"].dropna()
            days = (times.max() - times.min()).total_seconds() / 86_400 if len(times) > 1 else 0.0
            return float(known["converted"].mean()), len(rows) / days if days > 0 else 0.0
    return float("nan"), float("nan")


def plan_frame(found: Found, *, variants: int = 2, power: float = 0.8) -> pd.DataFrame:
    """Plan the next experiment from the last one's base rate and traffic: customers and days by the rise to be seen."""
    base, daily = traffic(found)
    if not 0 < base < 1:
        return lacking("no control group has a conversion rate between none and all")
    sizes = [effect for effect in (0.01, 0.02, 0.03, 0.05, 0.08) if base + effect < 1]
    made = plan(base, effects=sizes, units_per_day=daily, variants=variants, power=power)
    made.attrs = {**found.trials.about, "base": base, "daily": daily}
    return made


PLAN_UNITS = {"effect": "share", "relative": "share", "per_variant": "count", "customers": "count", "days": "count"}


def plan_words(made: pd.DataFrame, found: Found) -> Html:
    """Say from which base rate and traffic the plan is made, and what the experiments so far could see."""
    if made.attrs.get("missing"):
        return absent(made.attrs["missing"])
    said = [
        f"In the latest control group {say(made.attrs['base'], 'share')} converted, and "
        f"{say(made.attrs['daily'], 'count')} customers a day came into the experiment."
    ]
    for row in found.verdicts.to_dict("records"):
        if row["measure"] == "conversion" and 0 < row["base"] < 1:
            seen = smallest_effect(min(row["n"], row["n_control"]), row["base"])
            if pd.notna(seen):
                said.append(
                    f"{row['experiment']}: with {int(min(row['n'], row['n_control'])):,} customers in the smaller "
                    f"group, a rise of {points(seen)} would have been seen in four of five such experiments. A "
                    "smaller one would often have gone unseen."
                )
    return listed(said)
